package bitcoin

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// HashSize and HeaderSize are in bytes.
const (
	HashSize   = 32
	HeaderSize = 80
)

// Hash is a double SHA-256: a transaction id, a block hash or a node of a
// block's Merkle tree. It holds the bytes in the order in which SHA-256
// produced them, which is also the order inside headers and transactions.
type Hash [HashSize]byte

// String is the hash as Bitcoin prints it: 64 lower-case hex digits, last byte
// first.
func (h Hash) String() string {
	slices.Reverse(h[:])
	return hex.EncodeToString(h[:])
}

// ParseHash reads what String prints, and nothing else: 64 lower-case hex
// digits, last byte first.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != 2*HashSize {
		return Hash{}, fmt.Errorf("malformed hash: %d characters, want %d", len(s), 2*HashSize)
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}, fmt.Errorf("malformed hash: %w", err)
	}
	slices.Reverse(h[:])
	if h.String() != s { // hex.Decode takes upper case too
		return Hash{}, errors.New("malformed hash: upper-case hex digits, want lower-case")
	}
	return h, nil
}

// doubleHash is SHA-256 applied twice, the hash of everything in Bitcoin that
// this package reads.
func doubleHash(b []byte) Hash {
	first := sha256.Sum256(b)
	return sha256.Sum256(first[:])
}

// Header is a block header as it is sent and hashed, integers little-endian:
// version (4 bytes), hash of the block before (32), Merkle root of the
// transaction ids (32), time (4), bits (4), nonce (4). Any 80 bytes are a
// Header; what they are worth is for CheckWork and a header chain to say.
type Header [HeaderSize]byte

// ParseHeader reads a header from exactly 80 bytes.
func ParseHeader(b []byte) (Header, error) {
	if len(b) != HeaderSize {
		return Header{}, fmt.Errorf("malformed block header: %d bytes, want %d", len(b), HeaderSize)
	}
	return Header(b), nil
}

// Hash is the block's hash, the double SHA-256 of the 80 bytes.
func (h Header) Hash() Hash { return doubleHash(h[:]) }

// Version is the block version, or the version bits of BIP 9.
func (h Header) Version() int32 { return int32(binary.LittleEndian.Uint32(h[0:4])) }

// Previous is the hash of the block before; all zero in a genesis header.
func (h Header) Previous() Hash { return Hash(h[4:36]) }

// MerkleRoot is the root of the tree of the block's transaction ids.
func (h Header) MerkleRoot() Hash { return Hash(h[36:68]) }

// Time is the miner's time in UTC, to the second. Consensus lets it lie up to
// two hours ahead of the clock and anywhere above the median of the eleven
// headers before.
func (h Header) Time() time.Time {
	return time.Unix(int64(binary.LittleEndian.Uint32(h[68:72])), 0).UTC()
}

// Bits is the target in Bitcoin's compact form; Target expands it.
func (h Header) Bits() uint32 { return binary.LittleEndian.Uint32(h[72:76]) }

// Nonce is the number that the miner varied.
func (h Header) Nonce() uint32 { return binary.LittleEndian.Uint32(h[76:80]) }

// CheckWork checks that the header's hash, read as a number, is at most the
// target that the header itself names. It does not judge whether that target
// is the right one for a network and a height: a header at the lowest
// difficulty passes too.
func (h Header) CheckWork() error {
	target, err := Target(h.Bits())
	if err != nil {
		return fmt.Errorf("block header %s: %w", h.Hash(), err)
	}
	if hashNumber(h.Hash()).Cmp(target) > 0 {
		return fmt.Errorf("invalid block header: hash %s is above its target %064x", h.Hash(), target)
	}
	return nil
}

// hashNumber reads a hash as Bitcoin compares it with a target: little-endian.
func hashNumber(h Hash) *big.Int {
	slices.Reverse(h[:])
	return new(big.Int).SetBytes(h[:])
}

// Target expands a compact target: the upper byte is a length in bytes, bit 23
// a sign, the lower 23 bits the leading digits, so that the value is
// digits * 256^(length-3). A negative target, zero, and one that needs more
// than 256 bits are refused, as Bitcoin refuses every block that has one.
func Target(bits uint32) (*big.Int, error) {
	length, digits := uint(bits>>24), bits&0x007fffff
	target := new(big.Int)
	if length <= 3 {
		target.SetUint64(uint64(digits >> (8 * (3 - length))))
	} else {
		target.Lsh(big.NewInt(int64(digits)), 8*(length-3))
	}
	switch {
	case target.Sign() == 0:
		return nil, fmt.Errorf("invalid bits %08x: the target is zero", bits)
	case bits&0x00800000 != 0:
		return nil, fmt.Errorf("invalid bits %08x: the target is negative", bits)
	case target.BitLen() > 8*HashSize:
		return nil, fmt.Errorf("invalid bits %08x: the target has %d bits, want at most %d", bits, target.BitLen(), 8*HashSize)
	}
	return target, nil
}

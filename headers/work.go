package headers

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"math/bits"
	"strings"

	"gradseal/bitcoin"
)

// Work is how many hashes a header, or all headers of a chain up to one, took
// to make on average: a number of 256 bits. The zero value is no work.
type Work struct {
	limbs [4]uint64 // least significant first
}

// maxWork is the number of bits that the work of a pin may need: a sum from
// there on cannot overflow. The work of mainnet passed 2^95 in 2024.
const maxWork = 224

// String is the number in 64 lower-case hex digits, as Bitcoin Core prints it.
func (w Work) String() string {
	b := w.bytes()
	return hex.EncodeToString(b[:])
}

// ParseWork reads a number of at most 224 bits in 1 to 64 lower-case hex
// digits, leading zeros or not.
func ParseWork(s string) (Work, error) {
	if len(s) == 0 || len(s) > 64 {
		return Work{}, fmt.Errorf("malformed chainwork: %d characters, want 1 to 64", len(s))
	}
	if strings.Trim(s, "0123456789abcdef") != "" {
		return Work{}, fmt.Errorf("malformed chainwork: want lower-case hex digits")
	}
	b, err := hex.DecodeString(strings.Repeat("0", 64-len(s)) + s)
	if err != nil {
		return Work{}, fmt.Errorf("malformed chainwork: %w", err)
	}
	return workFrom([32]byte(b))
}

// workFrom reads 32 bytes, most significant first.
func workFrom(b [32]byte) (Work, error) {
	var w Work
	for i := range w.limbs {
		w.limbs[i] = binary.BigEndian.Uint64(b[24-8*i:])
	}
	if w.limbs[3]>>(maxWork-192) != 0 {
		return Work{}, fmt.Errorf("invalid chainwork: more than %d bits", maxWork)
	}
	return w, nil
}

func (w Work) bytes() (b [32]byte) {
	for i, limb := range w.limbs {
		binary.BigEndian.PutUint64(b[24-8*i:], limb)
	}
	return b
}

// Cmp is -1, 0 or 1 as w is less than, equal to or more than v.
func (w Work) Cmp(v Work) int {
	for i := 3; i >= 0; i-- {
		switch {
		case w.limbs[i] < v.limbs[i]:
			return -1
		case w.limbs[i] > v.limbs[i]:
			return 1
		}
	}
	return 0
}

func (w Work) add(v Work) Work {
	var carry uint64
	for i := range w.limbs {
		w.limbs[i], carry = bits.Add64(w.limbs[i], v.limbs[i], carry)
	}
	return w
}

// sub is w - v; v must not be more than w.
func (w Work) sub(v Work) Work {
	var borrow uint64
	for i := range w.limbs {
		w.limbs[i], borrow = bits.Sub64(w.limbs[i], v.limbs[i], borrow)
	}
	return w
}

// compact is what a header's bits say: the target, and the work that a header
// with it stands for.
type compact struct {
	bits   uint32
	target Work // the target is a number of 256 bits too
	work   Work
}

// expand reads bits. The work is 2^256 / (target + 1): so many hashes it takes
// on average until one is at most the target.
func expand(bits uint32) (compact, error) {
	target, err := bitcoin.Target(bits)
	if err != nil {
		return compact{}, err
	}
	all := new(big.Int).Lsh(big.NewInt(1), 256)
	work := all.Div(all, new(big.Int).Add(target, big.NewInt(1)))
	return compact{bits, fromBig(target), fromBig(work)}, nil
}

func fromBig(n *big.Int) Work {
	var b [32]byte
	n.FillBytes(b[:])
	var w Work
	for i := range w.limbs {
		w.limbs[i] = binary.BigEndian.Uint64(b[24-8*i:])
	}
	return w
}

// met tells whether the hash, read as a little-endian number, is at most the
// target.
func (c *compact) met(hash bitcoin.Hash) bool {
	var n Work
	for i := range n.limbs {
		n.limbs[i] = binary.LittleEndian.Uint64(hash[8*i:])
	}
	return n.Cmp(c.target) <= 0
}

// toCompact is the inverse of bitcoin.Target for a positive number: the
// leading 23 bits, the rest cut off. It is how every node writes a target, so
// that two spellings of one target are never both right.
func toCompact(n *big.Int) uint32 {
	length := uint(n.BitLen()+7) / 8
	var digits uint32
	if length <= 3 {
		digits = uint32(n.Uint64()) << (8 * (3 - length))
	} else {
		digits = uint32(new(big.Int).Rsh(n, 8*(length-3)).Uint64())
	}
	if digits&0x00800000 != 0 { // the sign bit
		digits >>= 8
		length++
	}
	return uint32(length)<<24 | digits
}

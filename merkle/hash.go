package merkle

import (
	"crypto/sha256"
	"encoding/hex"
)

// The first byte of what is hashed keeps leaves and nodes apart, so that no node
// can be passed off as a leaf or the other way round (RFC 9162 §2.1.1).
const (
	leafPrefix = 0x00
	nodePrefix = 0x01
)

// Hash is the SHA-256 hash of a leaf, a node or a whole tree: 32 bytes.
type Hash [sha256.Size]byte

// String returns the hash as 64 lower-case hex digits, in byte order.
func (h Hash) String() string {
	return hex.EncodeToString(h[:])
}

// LeafHash returns SHA-256(0x00 || entry), the hash of a leaf (RFC 9162 §2.1.1).
// The entry may have any length; up to 64 bytes nothing is allocated.
func LeafHash(entry []byte) Hash {
	var buf [1 + 2*sha256.Size]byte
	buf[0] = leafPrefix
	return sha256.Sum256(append(buf[:1], entry...))
}

// NodeHash returns SHA-256(0x01 || left || right), the hash of an inner node
// (RFC 9162 §2.1.1).
func NodeHash(left, right Hash) Hash {
	var buf [1 + 2*sha256.Size]byte
	buf[0] = nodePrefix
	copy(buf[1:], left[:])
	copy(buf[1+sha256.Size:], right[:])
	return sha256.Sum256(buf[:])
}

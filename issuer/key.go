package issuer

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
)

// PublicKey is an Ed25519 public key as RFC 8032 §5.1.5 encodes it.
type PublicKey [ed25519.PublicKeySize]byte

// algEd25519 is the signature type byte of Ed25519 in C2SP signed-note.
const algEd25519 = 0x01

// ParsePublicKey reads a public key of 32 bytes from 44 characters of standard,
// padded base64 in its one canonical spelling.
//
// It refuses what is no point of the curve, a point that is not encoded the one
// canonical way (y of p or more; x = 0 with a sign bit), and the eight points of
// small order: crypto/ed25519 accepts those, and anybody can make signatures
// that verify with one of them, for any message.
func ParsePublicKey(b64 string) (PublicKey, error) {
	k, err := decodePublicKey(b64)
	if err != nil {
		return PublicKey{}, err
	}
	if err := k.check(); err != nil {
		return PublicKey{}, fmt.Errorf("public key %s: %w", k, err)
	}
	return k, nil
}

// decodePublicKey is ParsePublicKey without its look at the point.
func decodePublicKey(b64 string) (PublicKey, error) {
	raw, err := decodeBase64(b64)
	if err != nil {
		return PublicKey{}, fmt.Errorf("public key %s: %w", quote(b64), err)
	}
	if len(raw) != ed25519.PublicKeySize {
		return PublicKey{}, fmt.Errorf("public key %s has %d bytes, want %d", quote(b64), len(raw), ed25519.PublicKeySize)
	}
	return PublicKey(raw), nil
}

// String returns the key as 44 characters of standard, padded base64.
func (k PublicKey) String() string {
	return base64.StdEncoding.EncodeToString(k[:])
}

// ID returns the C2SP signed-note key id for the key under the given name: the
// first four bytes of SHA-256(name || 0x0a || 0x01 || key), big-endian.
func (k PublicKey) ID(name string) uint32 {
	b := make([]byte, 0, len(name)+2+len(k))
	b = append(b, name...)
	b = append(b, '\n', algEd25519)
	b = append(b, k[:]...)
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint32(sum[:4])
}

// verify tells whether sig is the key's signature of text. It refuses every
// signature of a key that checkEncoding refuses, so that a key which no parser
// saw cannot be one that verifies anything; crypto/ed25519 refuses keys that are
// off the curve, signatures of another length, and s of the group order or more.
func (k PublicKey) verify(text, sig []byte) bool {
	return k.checkEncoding() == nil && ed25519.Verify(k[:], text, sig)
}

// check returns an error unless the key is a canonically encoded point of the
// curve that is not of small order.
func (k PublicKey) check() error {
	if err := k.checkEncoding(); err != nil {
		return err
	}
	if !k.onCurve() {
		return errors.New("invalid: not a point of the curve")
	}
	return nil
}

// lastY is the greatest canonical y, p-1 = 2^255-20, little-endian. Only its
// lowest byte is neither 0xff nor, at the top, 0x7f.
var lastY = PublicKey{
	0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
}

// smallOrderY holds the y coordinates of the eight points of small order
// (those of order 1, 2, 4, 4 and four of order 8), little-endian. x only sets
// the sign bit, so the five values stand for all eight points and for the two
// encodings of x = 0 with a sign bit, too. The other non-canonical encodings
// have a y of p or more.
var smallOrderY = [...]PublicKey{
	{0x01},
	lastY,
	{},
	{
		0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
	},
	{
		0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
		0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
	},
}

// checkEncoding is the part of check that costs nothing.
func (k PublicKey) checkEncoding() error {
	k[31] &= 0x7f // the sign of x
	for _, y := range smallOrderY {
		if k == y {
			return errors.New("invalid: a point of small order")
		}
	}
	if bytes.Equal(k[1:], lastY[1:]) && k[0] > lastY[0] {
		return errors.New("invalid: not the canonical encoding of a point")
	}
	return nil
}

// The field of Curve25519 and the constant d = -121665/121666 of edwards25519
// (RFC 8032 §5.1).
var (
	fieldPrime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	edwardsD   = func() *big.Int {
		d := new(big.Int).ModInverse(big.NewInt(121666), fieldPrime)
		d.Mul(d, big.NewInt(-121665))
		return d.Mod(d, fieldPrime)
	}()
)

// onCurve tells whether some x fits the key's y. x² = u/v with u = y²-1 and
// v = dy²+1, which is a square exactly where uv is one. The key is public, so
// the time that this takes may depend on it.
func (k PublicKey) onCurve() bool {
	le := k
	le[31] &= 0x7f
	for i, j := 0, len(le)-1; i < j; i, j = i+1, j-1 {
		le[i], le[j] = le[j], le[i]
	}
	y2 := new(big.Int).SetBytes(le[:])
	y2.Mul(y2, y2).Mod(y2, fieldPrime)
	u := new(big.Int).Sub(y2, big.NewInt(1))
	v := new(big.Int).Mul(edwardsD, y2)
	v.Add(v, big.NewInt(1))
	uv := u.Mul(u, v)
	return big.Jacobi(uv.Mod(uv, fieldPrime), fieldPrime) >= 0
}

// decodeBase64 reads standard, padded base64 in its one canonical spelling:
// the last character has four spellings for most decoders.
func decodeBase64(s string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil || base64.StdEncoding.EncodeToString(raw) != s {
		return nil, errors.New("malformed base64, want the standard alphabet, padded, in canonical form")
	}
	return raw, nil
}

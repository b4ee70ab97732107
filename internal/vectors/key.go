package main

import (
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"gradseal/issuer"
)

const (
	uniID      = "uni.example/registrar"
	allianceID = "alliance.example"
)

// officer is a key and the name that it signs under.
type officer struct {
	name string
	key  ed25519.PrivateKey
}

// newOfficer makes the key of which the seed is the number, little-endian.
func newOfficer(name string, number uint32) officer {
	return officer{name, ed25519.NewKeyFromSeed(seed(number))}
}

func seed(number uint32) []byte {
	s := make([]byte, ed25519.SeedSize)
	binary.LittleEndian.PutUint32(s, number)
	return s
}

// Two of three officers of the university sign. The deputy comes with a new key
// set. The strangers are nobody's officers.
var (
	dean      = newOfficer(uniID, 1)
	registrar = newOfficer(uniID, 2)
	spare     = newOfficer(uniID, 3)
	secretary = newOfficer(allianceID, 4)
	stranger  = newOfficer(uniID, 5)
	stranger2 = newOfficer(uniID, 6)
	deputy    = newOfficer(uniID, 7)
)

// as is the same key under another name.
func (o officer) as(name string) officer { return officer{name, o.key} }

func (o officer) public() issuer.PublicKey {
	return issuer.PublicKey(o.key.Public().(ed25519.PublicKey))
}

// line is the signature line of a signature by anybody under the officer's
// name and key id.
func (o officer) line(signature []byte) string {
	return sigLine(o.name, o.public().ID(o.name), signature)
}

func sigLine(name string, id uint32, signature []byte) string {
	raw := append(binary.BigEndian.AppendUint32(nil, id), signature...)
	return "— " + name + " " + base64.StdEncoding.EncodeToString(raw) + "\n"
}

// sign is the signature line of the officer for a text.
func (o officer) sign(text string) string {
	return o.line(ed25519.Sign(o.key, []byte(text)))
}

// signed is the note of a text, whatever the text is.
func signed(text string, officers ...officer) string {
	var b strings.Builder
	b.WriteString(text + "\n")
	for _, o := range officers {
		b.WriteString(o.sign(text))
	}
	return b.String()
}

// The field and the order of the group of Ed25519 (RFC 8032 §5.1).
var (
	fieldPrime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	groupOrder = mustOK(new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10))
	curveD     = mod(new(big.Int).Mul(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), fieldPrime)))
)

// mustOK is must for what says only whether it is.
func mustOK[T any](v T, ok bool) T {
	if !ok {
		panic("vectors: not ok")
	}
	return v
}

func mod(n *big.Int) *big.Int { return n.Mod(n, fieldPrime) }

// point is a point of the curve in affine coordinates. This program adds a few
// points for signatures that no signer makes; it has no need to be fast.
type point struct{ x, y *big.Int }

// decode reads the encoding of RFC 8032 §5.1.5, of a y below p.
func decode(b []byte) (point, bool) {
	le := slices.Clone(b)
	sign := uint(le[31] >> 7)
	le[31] &= 0x7f
	slices.Reverse(le)
	y := new(big.Int).SetBytes(le)
	y2 := mod(new(big.Int).Mul(y, y))
	u := mod(new(big.Int).Sub(y2, big.NewInt(1)))
	v := mod(new(big.Int).Add(new(big.Int).Mul(curveD, y2), big.NewInt(1)))
	x := new(big.Int).ModSqrt(mod(u.Mul(u, v.ModInverse(v, fieldPrime))), fieldPrime)
	if x == nil {
		return point{}, false
	}
	if x.Bit(0) != sign {
		x = mod(x.Neg(x))
	}
	return point{x, y}, true
}

func (p point) encode() []byte {
	b := p.y.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	b[31] |= byte(p.x.Bit(0)) << 7
	return b
}

// add is the addition law of RFC 8032 §5.1.4, in affine coordinates.
func (p point) add(q point) point {
	product := func(a, b *big.Int) *big.Int { return mod(new(big.Int).Mul(a, b)) }
	quotient := func(a, b *big.Int) *big.Int { return product(a, new(big.Int).ModInverse(mod(b), fieldPrime)) }
	x1y2, y1x2 := product(p.x, q.y), product(p.y, q.x)
	y1y2, x1x2 := product(p.y, q.y), product(p.x, q.x)
	d := product(curveD, product(x1x2, y1y2))
	one := big.NewInt(1)
	return point{
		quotient(new(big.Int).Add(x1y2, y1x2), new(big.Int).Add(one, d)),
		quotient(new(big.Int).Add(y1y2, x1x2), new(big.Int).Sub(one, d)),
	}
}

// order8 is a point of order 8.
func order8() point { return mustOK(decode(mustHex(order8Y))) }

// encodeY is the encoding with any y below 2^255 and either sign.
func encodeY(y *big.Int, sign byte) []byte {
	b := y.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	b[31] |= sign << 7
	return b
}

// scalar is the secret scalar of a seed, clamped as RFC 8032 §5.1.5 says.
func scalar(number uint32) *big.Int {
	h := sha512.Sum512(seed(number))
	b := h[:32]
	b[0] &= 248
	b[31] = b[31]&63 | 64
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}

// challenge is k of RFC 8032 §5.1.7, not reduced.
func challenge(r, key []byte, text string) *big.Int {
	h := sha512.Sum512(slices.Concat(r, key, []byte(text)))
	slices.Reverse(h[:])
	return new(big.Int).SetBytes(h[:])
}

// forge is the signature with R as given, by one who knows the secret scalar a
// and the discrete logarithm r of R but for what is of small order: S = r + k a.
func forge(rBytes []byte, r *big.Int, key []byte, a *big.Int, text string) []byte {
	s := new(big.Int).Mul(challenge(rBytes, key, text), a)
	s.Add(s, r).Mod(s, groupOrder)
	b := s.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	return slices.Concat(rBytes, b)
}

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// respell changes the bits of base64 that stand for nothing: by to of 1 to 3,
// of a text with one '=' at its end.
func respell(b64 string, by int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	at := strings.Index(b64, "=") - 1
	v := strings.IndexByte(alphabet, b64[at])
	if v < 0 || v&3 != 0 || by < 1 || by > 3 {
		panic(fmt.Sprintf("vectors: no base64 with two spare bits: %q", b64))
	}
	return b64[:at] + alphabet[v+by:v+by+1] + b64[at+1:]
}

func sha512Of(text string) []byte {
	h := sha512.Sum512([]byte(text))
	return h[:]
}

package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

type publicKeyVector struct {
	head
	Key   string `json:"key"`
	Fails string `json:"fails"`
}

// order8Y is the y of a point of order 8, little-endian.
const order8Y = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"

// smallOrder are the y of the eight points of small order, little-endian.
var smallOrder = []struct{ y, order string }{
	{strings.Repeat("00", 32), "4"},
	{"01" + strings.Repeat("00", 31), "1"},
	{"ec" + strings.Repeat("ff", 30) + "7f", "2"},
	{"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "8"},
	{order8Y, "8"},
}

func publicKeyVectors() []publicKeyVector {
	var all []publicKeyVector
	add := func(name, why, key, fails string) {
		all = append(all, publicKeyVector{head{"public-key-" + name, why}, key, fails})
	}
	key := dean.public()
	add("usual", "A key of which x is even.", base64Of(evenKey(0)), "")
	add("odd-x", "A key of which x is odd.", base64Of(evenKey(1)), "")
	add("largest-y", "The largest y of a point that is not of small order.", base64Of(nearPrime(-1, true)), "")
	point := mustOK(decode(key[:]))
	add("mixed-order", "A point with a part of order 8: nothing else of the subgroup is checked.", base64Of(point.add(order8()).encode()), "")

	add("no-padding", "Base64 without its padding.", strings.TrimRight(base64Of(key[:]), "="), "key/base64")
	for by := 1; by <= 3; by++ {
		add(fmt.Sprintf("spelling-%d", by), "Another spelling of the last character.", respell(base64Of(key[:]), by), "key/base64")
	}
	plus := evenKey(0)
	for n := uint32(100); !strings.Contains(base64Of(plus), "+"); n++ {
		k := newOfficer(uniID, n).public()
		plus = k[:]
	}
	add("url-alphabet", "The alphabet of URLs.", strings.NewReplacer("+", "-", "/", "_").Replace(base64Of(plus)), "key/base64")
	add("31-bytes", "A byte is missing.", base64Of(key[:31]), "key/length")
	add("33-bytes", "A byte too many.", base64Of(append(slices.Clone(key[:]), 0)), "key/length")
	add("hexadecimal", "The key in hex, which is base64 of 48 bytes.", hex.EncodeToString(key[:]), "key/length")
	add("empty", "No key.", "", "key/length")

	add("y-is-p", "y is p, a second encoding of y = 0.", base64Of(encodeY(fieldPrime, 0)), "key/canonical")
	add("y-is-p-plus-1", "y is p + 1, a second encoding of the neutral point.", base64Of(encodeY(new(big.Int).Add(fieldPrime, big.NewInt(1)), 0)), "key/canonical")
	add("y-above-p", "y is above p, and stands for a point that is not of small order.", base64Of(nearPrime(1, true)), "key/canonical")
	odd := nearPrime(1, true)
	odd[31] |= 0x80
	add("y-above-p-odd-x", "The same with the sign bit set.", base64Of(odd), "key/canonical")
	add("y-largest", "y is 2^255 - 1 with the sign bit set: all bits are.", base64Of(bytes.Repeat([]byte{0xff}, 32)), "key/canonical")
	for i, s := range smallOrder {
		y := mustHex(s.y)
		add(fmt.Sprintf("small-order-%d", i+1), "A point of order "+s.order+".", base64Of(y), "key/small-order")
		y[31] |= 0x80
		add(fmt.Sprintf("small-order-%d-sign", i+1), "The same with the sign bit set.", base64Of(y), "key/small-order")
	}
	off := offCurve(2)
	add("off-curve", "The least y that no point has.", base64Of(off), "key/curve")
	off[31] |= 0x80
	add("off-curve-sign", "The same with the sign bit set.", base64Of(off), "key/curve")
	add("off-curve-large", "The largest y that no point has.", base64Of(nearPrime(-1, false)), "key/curve")
	return all
}

// evenKey is a key with the sign bit given.
func evenKey(sign byte) []byte {
	for n := uint32(1); ; n++ {
		if k := newOfficer(uniID, n).public(); k[31]>>7 == sign {
			return k[:]
		}
	}
}

// nearPrime is the encoding of the y nearest to p, above or below it as step
// says, that stands for a point that is not of small order, or for none.
func nearPrime(step int64, onCurve bool) []byte {
	for y := new(big.Int).Add(fieldPrime, big.NewInt(2*step)); ; y.Add(y, big.NewInt(step)) {
		if _, ok := decode(encodeY(mod(new(big.Int).Set(y)), 0)); ok == onCurve {
			return encodeY(y, 0)
		}
	}
}

func offCurve(from int64) []byte {
	for y := from; ; y++ {
		if b := encodeY(big.NewInt(y), 0); !onCurve(b) {
			return b
		}
	}
}

func onCurve(b []byte) bool {
	_, ok := decode(b)
	return ok
}

type signatureVector struct {
	head
	Key       string `json:"key"`
	Text      string `json:"text"`
	Signature string `json:"signature"`
	Fails     string `json:"fails"`
}

func signatureVectors() []signatureVector {
	var all []signatureVector
	add := func(name, why string, key []byte, text string, sig []byte, fails string) {
		all = append(all, signatureVector{head{"signature-" + name, why}, base64Of(key), text, hex.EncodeToString(sig), fails})
	}
	public := dean.public()
	key := public[:]
	good := ed25519.Sign(dean.key, []byte(noteText))
	changed := func(at int, bit byte) []byte {
		sig := slices.Clone(good)
		sig[at] ^= bit
		return sig
	}
	add("usual", "A signature.", key, noteText, good, "")
	add("long-text", "A text of more than one block of SHA-512.", key, strings.Repeat(noteText, 20),
		ed25519.Sign(dean.key, []byte(strings.Repeat(noteText, 20))), "")

	// R = rB and A = aB + T with T of order 8: [S]B - [k]A is R - [k]T.
	point := mustOK(decode(key)).add(order8()).encode()
	r := registrar.public()
	mixed := func(reduced, whole bool) (string, []byte) {
		for n := 0; ; n++ {
			text := fmt.Sprintf("text %d\n", n)
			k := challenge(r[:], point, text)
			low := new(big.Int).Mod(k, groupOrder)
			if (low.Bits()[0]%8 == 0) == reduced && (k.Bits()[0]%8 == 0) == whole {
				return text, forge(r[:], scalar(2), point, scalar(1), text)
			}
		}
	}
	text, sig := mixed(true, false)
	add("mixed-order-key", "A key with a part of order 8: k modulo L is divisible by 8, k is not.", point, text, sig, "")
	text, sig = mixed(false, true)
	add("mixed-order-whole-k", "The other way round: only a reader that does not reduce k accepts it.", point, text, sig, "signature/equation")
	text, sig = mixed(false, false)
	add("mixed-order-cofactor", "Neither is divisible by 8: only the check with the cofactor accepts it.", point, text, sig, "signature/equation")
	neutral := encodeY(big.NewInt(1), 0)
	add("r-neutral", "R is the neutral point.", key, noteText, forge(neutral, new(big.Int), key, scalar(1), noteText), "")
	twice := encodeY(new(big.Int).Add(fieldPrime, big.NewInt(1)), 0)
	add("r-not-canonical", "R is the neutral point with y = p + 1: as a point it is right, as bytes it is not.",
		key, noteText, forge(twice, new(big.Int), key, scalar(1), noteText), "signature/equation")
	signBit := encodeY(big.NewInt(1), 1)
	add("r-sign-bit", "R is the neutral point with the sign bit set.",
		key, noteText, forge(signBit, new(big.Int), key, scalar(1), noteText), "signature/equation")

	add("63-bytes", "The last byte, which is zero or not, is missing.", key, noteText, good[:63], "signature/length")
	add("65-bytes", "A byte after the signature.", key, noteText, append(slices.Clone(good), 0), "signature/length")
	add("twice", "The signature twice.", key, noteText, append(slices.Clone(good), good...), "signature/length")
	for n := int64(1); n <= 2; n++ {
		add(fmt.Sprintf("s-plus-%dl", n), fmt.Sprintf("S is larger by %d L than it should be.", n), key, noteText, raiseS(good, n), "signature/s")
	}
	zero := forge(r[:], scalar(2), key, scalar(1), noteText)
	add("s-high-bits", "The three highest bits of S are set, which some readers ignore.", key, noteText,
		append(zero[:63:63], zero[63]|0xe0), "signature/s")
	add("other-text", "The text has one letter changed.", key, edit(noteText, "two", "too"), good, "signature/equation")
	add("no-line-end", "The text is without its final LF.", key, strings.TrimSuffix(noteText, "\n"), good, "signature/equation")
	other := registrar.public()
	add("other-key", "The key of somebody else.", other[:], noteText, good, "signature/equation")
	add("r-changed", "A bit of R is changed.", key, noteText, changed(5, 1), "signature/equation")
	add("r-sign-changed", "The sign bit of R is changed.", key, noteText, changed(31, 0x80), "signature/equation")
	add("s-changed", "A bit of S is changed.", key, noteText, changed(33, 1), "signature/equation")
	hash := must(dean.key.Sign(nil, sha512Of(noteText), &ed25519.Options{Hash: 7}))
	add("prehashed", "Ed25519ph in place of Ed25519.", key, noteText, hash, "signature/equation")
	add("zero", "64 bytes of zero.", key, noteText, make([]byte, 64), "signature/equation")
	return all
}

// raiseS adds n times the group order to S.
func raiseS(sig []byte, n int64) []byte {
	le := slices.Clone(sig[32:])
	slices.Reverse(le)
	s := new(big.Int).SetBytes(le)
	s.Add(s, new(big.Int).Mul(groupOrder, big.NewInt(n)))
	b := s.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	return slices.Concat(sig[:32], b)
}

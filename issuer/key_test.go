package issuer

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// point is an affine point of edwards25519. The arithmetic below is RFC 8032
// §5.1 as it stands there, slow and independent of key.go's shortcuts.
type point struct{ x, y *big.Int }

func mod(v *big.Int) *big.Int { return v.Mod(v, fieldPrime) }

func inverse(v *big.Int) *big.Int { return new(big.Int).ModInverse(mod(v), fieldPrime) }

func curveD() *big.Int {
	return mod(new(big.Int).Mul(big.NewInt(-121665), inverse(big.NewInt(121666))))
}

// add is the addition law of RFC 8032 §5.1 for a = -1.
func (p point) add(q point) point {
	x1y2 := new(big.Int).Mul(p.x, q.y)
	x2y1 := new(big.Int).Mul(q.x, p.y)
	y1y2 := new(big.Int).Mul(p.y, q.y)
	x1x2 := new(big.Int).Mul(p.x, q.x)
	dxxyy := mod(new(big.Int).Mul(curveD(), new(big.Int).Mul(x1x2, y1y2)))
	one := big.NewInt(1)
	x := new(big.Int).Mul(new(big.Int).Add(x1y2, x2y1), inverse(new(big.Int).Add(one, dxxyy)))
	y := new(big.Int).Mul(new(big.Int).Add(y1y2, x1x2), inverse(new(big.Int).Sub(one, dxxyy)))
	return point{mod(x), mod(y)}
}

func (p point) mul(k *big.Int) point {
	out := point{big.NewInt(0), big.NewInt(1)}
	for i := k.BitLen() - 1; i >= 0; i-- {
		out = out.add(out)
		if k.Bit(i) == 1 {
			out = out.add(p)
		}
	}
	return out
}

// xOf solves the curve equation for x with a square root, or returns nil.
func xOf(y *big.Int) *big.Int {
	y2 := mod(new(big.Int).Mul(y, y))
	u := new(big.Int).Sub(y2, big.NewInt(1))
	v := new(big.Int).Add(new(big.Int).Mul(curveD(), y2), big.NewInt(1))
	return new(big.Int).ModSqrt(mod(u.Mul(u, inverse(v))), fieldPrime)
}

func encodePoint(y *big.Int, sign uint) (k PublicKey) {
	y.FillBytes(k[:])
	slices.Reverse(k[:])
	k[31] |= byte(sign << 7)
	return k
}

// torsion returns the eight points of small order: the multiples of a point of
// order 8, which is the group order times an arbitrary point.
func torsion(t *testing.T) []point {
	order, ok := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	require.True(t, ok)
	for y := int64(2); ; y++ {
		x := xOf(big.NewInt(y))
		if x == nil {
			continue
		}
		p := point{x, big.NewInt(y)}.mul(order)
		if four := p.mul(big.NewInt(4)); four.x.Sign() == 0 && four.y.Cmp(big.NewInt(1)) == 0 {
			continue // of order 4 or less
		}
		var all []point
		for k := range int64(8) {
			all = append(all, p.mul(big.NewInt(k)))
		}
		return all
	}
}

// smallOrderEncodings returns every encoding of every point of small order: y
// with y+p where that fits, each with the right sign bit, and both sign bits
// where x = 0.
func smallOrderEncodings(t *testing.T) []PublicKey {
	var all []PublicKey
	limit := new(big.Int).Lsh(big.NewInt(1), 255)
	for _, p := range torsion(t) {
		for _, y := range []*big.Int{p.y, new(big.Int).Add(p.y, fieldPrime)} {
			if y.Cmp(limit) >= 0 {
				continue
			}
			all = append(all, encodePoint(y, p.x.Bit(0)))
			if p.x.Sign() == 0 {
				all = append(all, encodePoint(y, 1))
			}
		}
	}
	return all
}

func TestSmallOrderKeysVerifyAnythingAndAreRefused(t *testing.T) {
	encodings := smallOrderEncodings(t)
	// 8 canonical; y = 0 (two signs) and y = 1 again as y+p; x = 0 with a sign
	// bit for y = 1, y = 1+p and y = -1.
	require.Len(t, encodings, 14)
	for _, k := range encodings {
		// The signature with R the identity and s = 0 holds where the order of
		// the key divides the challenge: for the identity always, otherwise for
		// at least one of eight messages.
		sig := make([]byte, ed25519.SignatureSize)
		sig[0] = 1
		forged := 0
		for i := range 200 {
			if ed25519.Verify(k[:], binary.BigEndian.AppendUint32(nil, uint32(i)), sig) {
				forged++
				require.False(t, k.verify(binary.BigEndian.AppendUint32(nil, uint32(i)), sig), "%x", k)
			}
		}
		require.Greater(t, forged, 10, "%x: crypto/ed25519 no longer accepts the forgery", k)
		if k[0] == 1 && k[1] == 0 {
			require.Equal(t, 200, forged, "the identity verifies anything")
		}
		_, err := ParsePublicKey(k.String())
		require.Error(t, err, "%x", k)
	}
}

func TestSmallOrderTable(t *testing.T) {
	var want []PublicKey
	for _, p := range torsion(t) {
		want = append(want, encodePoint(p.y, 0))
	}
	for _, y := range smallOrderY {
		require.Contains(t, want, y)
	}
	for _, y := range want {
		require.Contains(t, smallOrderY[:], y)
	}
}

func TestNonCanonicalKeysAreRefused(t *testing.T) {
	limit := new(big.Int).Lsh(big.NewInt(1), 255)
	count := 0
	for y := new(big.Int).Set(fieldPrime); y.Cmp(limit) < 0; y.Add(y, big.NewInt(1)) {
		for sign := range uint(2) {
			k := encodePoint(y, sign)
			require.ErrorContains(t, k.check(), "not the canonical encoding", "%x", k)
			count++
		}
	}
	require.Equal(t, 2*19, count)
}

func TestKeysNearTheTopOfTheField(t *testing.T) {
	onCurve := 0
	y := new(big.Int).Sub(fieldPrime, big.NewInt(2))
	for range 600 { // crosses y's second byte twice
		k := encodePoint(y, 1)
		if xOf(y) != nil {
			onCurve++
			require.NoError(t, k.check(), "%x", k)
		} else {
			require.ErrorContains(t, k.check(), "not a point", "%x", k)
		}
		y.Sub(y, big.NewInt(1))
	}
	require.Greater(t, onCurve, 200)
}

func TestOnCurveAgreesWithSquareRoot(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	onCurve := 0
	for range 400 {
		var k PublicKey
		for i := range k {
			k[i] = byte(random.Uint32())
		}
		y := new(big.Int).SetBytes(reversed(k))
		y.SetBit(y, 255, 0)
		want := xOf(y) != nil
		require.Equal(t, want, k.check() == nil, "%x", k)
		if want {
			onCurve++
		}
	}
	require.InDelta(t, 200, onCurve, 60)
	for n := range uint64(100) {
		require.NoError(t, testKey(n).check())
	}
}

func reversed(k PublicKey) []byte {
	slices.Reverse(k[:])
	return k[:]
}

func TestParsePublicKey(t *testing.T) {
	good := testKey(1)
	got, err := ParsePublicKey(good.String())
	require.NoError(t, err)
	require.Equal(t, good, got)

	s := good.String()
	tests := map[string]struct{ in, want string }{
		"empty":         {"", "has 0 bytes"},
		"31 bytes":      {base64.StdEncoding.EncodeToString(good[:31]), "has 31 bytes, want 32"},
		"33 bytes":      {base64.StdEncoding.EncodeToString(append(good[:], 1)), "has 33 bytes"},
		"no padding":    {s[:43], "malformed base64"},
		"url alphabet":  {base64.URLEncoding.EncodeToString(append(good[:31:31], 0xff)), "malformed base64"},
		"line feed":     {s[:10] + "\n" + s[10:], "malformed base64"},
		"space":         {" " + s, "malformed base64"},
		"hexadecimal":   {"0000000000000000000000000000000000000000000000000000000000000000", "has 48 bytes"},
		"not a point":   {PublicKey{2}.String(), "not a point of the curve"},
		"identity":      {PublicKey{1}.String(), "small order"},
		"order two":     {lastY.String(), "small order"},
		"zero":          {PublicKey{}.String(), "small order"},
		"identity sign": {PublicKey{0: 1, 31: 0x80}.String(), "small order"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			k, err := ParsePublicKey(test.in)
			require.ErrorContains(t, err, test.want)
			require.Zero(t, k)
		})
	}
}

// Of 44 characters the last before the padding has 4 bits that stand for
// something and 2 that do not.
func TestParsePublicKeyHasOneSpelling(t *testing.T) {
	s := testKey(1).String()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	accepted, decoded := 0, 0
	for i := range len(alphabet) {
		other := s[:42] + alphabet[i:i+1] + "="
		raw, err := base64.StdEncoding.DecodeString(other)
		if err != nil || PublicKey(raw) != testKey(1) {
			continue
		}
		decoded++
		if _, err := ParsePublicKey(other); err == nil {
			accepted++
			require.Equal(t, s, other)
		}
	}
	require.Equal(t, 4, decoded, "the standard library takes four")
	require.Equal(t, 1, accepted)
}

func TestKeyIDIsThatOfNote(t *testing.T) {
	for n := range uint64(20) {
		k := testKey(n)
		vkey, err := note.NewEd25519VerifierKey(testID, k[:])
		require.NoError(t, err)
		v, err := note.NewVerifier(vkey)
		require.NoError(t, err)
		require.Equal(t, v.KeyHash(), k.ID(testID))
	}
}

func BenchmarkParsePublicKey(b *testing.B) {
	s := testKey(1).String()
	for b.Loop() {
		if _, err := ParsePublicKey(s); err != nil {
			b.Fatal(err)
		}
	}
}

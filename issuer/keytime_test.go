package issuer

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// signedNote returns a note that the given seeds signed as the test issuer.
func signedNote(t testing.TB, numbers ...uint64) *Note {
	t.Helper()
	signed, err := SignNote(testText, MaxStatement, testSigners(t, numbers...)...)
	require.NoError(t, err)
	n, err := ParseNote(signed, MaxStatement)
	require.NoError(t, err)
	return n
}

// foreignNote returns a note with no signature of the test issuer.
func foreignNote(t testing.TB) *Note {
	t.Helper()
	signed, err := SignNote(testText, MaxStatement, testSigner(t, "somebody.else", 1), testSigner(t, "somebody.else", 2))
	require.NoError(t, err)
	n, err := ParseNote(signed, MaxStatement)
	require.NoError(t, err)
	return n
}

// requireOutcome holds err against the one way in which callers read it.
func requireOutcome(t *testing.T, want KeyOutcome, signers []Key, err error) {
	t.Helper()
	got := KeyFailed
	switch {
	case err == nil:
		got = KeyOK
	case isErr(err, ErrUnknownSigner):
		got = KeyUnknown
	}
	require.Equal(t, want, got, "%v", err)
	require.Equal(t, err == nil, signers != nil)
}

const second = time.Second

func TestKeySetAt(t *testing.T) {
	from, until := date(t, "2024-01-01T00:00:00Z"), date(t, "2026-01-01T00:00:00Z")
	closed := &KeySet{From: from, Until: until}
	open := &KeySet{From: from}
	h := time.Hour
	for _, test := range []struct {
		name         string
		at           time.Time
		closed, open KeyOutcome
	}{
		{"a year before", from.AddDate(-1, 0, 0), KeyFailed, KeyFailed},
		{"from-2h-1s", from.Add(-2*h - second), KeyFailed, KeyFailed},
		{"from-2h", from.Add(-2 * h), KeyOK, KeyOK},
		{"from-2h+1s", from.Add(-2*h + second), KeyOK, KeyOK},
		{"from-1s", from.Add(-second), KeyOK, KeyOK},
		{"from", from, KeyOK, KeyOK},
		{"from+1s", from.Add(second), KeyOK, KeyOK},
		{"from+2h-1s", from.Add(2*h - second), KeyOK, KeyOK},
		{"from+2h", from.Add(2 * h), KeyOK, KeyOK},
		{"from+2h+1s", from.Add(2*h + second), KeyOK, KeyOK},
		{"middle", from.AddDate(1, 0, 0), KeyOK, KeyOK},
		{"until-2h-1s", until.Add(-2*h - second), KeyOK, KeyOK},
		{"until-2h", until.Add(-2 * h), KeyOK, KeyOK},
		{"until-2h+1ns", until.Add(-2*h + 1), KeyUnknown, KeyOK},
		{"until-2h+1s", until.Add(-2*h + second), KeyUnknown, KeyOK},
		{"until-1s", until.Add(-second), KeyUnknown, KeyOK},
		{"until", until, KeyUnknown, KeyOK},
		{"until+1s", until.Add(second), KeyUnknown, KeyOK},
		{"until+2h-1s", until.Add(2*h - second), KeyUnknown, KeyOK},
		{"until+2h", until.Add(2 * h), KeyUnknown, KeyOK},
		{"until+2h+1s", until.Add(2*h + second), KeyFailed, KeyOK},
		{"a year after", until.AddDate(1, 0, 0), KeyFailed, KeyOK},
		{"another zone", from.Add(-2 * h).In(time.FixedZone("", 5*3600)), KeyOK, KeyOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.closed, closed.At(test.at), "closed")
			require.Equal(t, test.open, open.At(test.at), "open")
		})
	}
}

// A set that lasts a second is in force at no time after it began, but not
// failed for four hours.
func TestKeySetAtOfOneSecond(t *testing.T) {
	from := date(t, "2024-01-01T00:00:00Z")
	s := &KeySet{From: from, Until: from.Add(second)}
	for offset, want := range map[time.Duration]KeyOutcome{
		-2*time.Hour - second:   KeyFailed,
		-2 * time.Hour:          KeyOK,
		-2*time.Hour + second:   KeyOK,
		-2*time.Hour + 2*second: KeyUnknown,
		0:                       KeyUnknown,
		2*time.Hour + second:    KeyUnknown,
		2*time.Hour + 2*second:  KeyFailed,
	} {
		require.Equal(t, want, s.At(from.Add(offset)), "%s", offset)
	}
}

// The first set of the test file (keys 1, 2, 3; two must sign) ends where the
// second (keys 3, 4; one must sign) starts.
func TestCheckSignaturesAroundARotation(t *testing.T) {
	f := testFile(t)
	edge := date(t, "2026-01-01T00:00:00Z")
	h := time.Hour
	for _, test := range []struct {
		name    string
		signed  []uint64
		at      time.Duration // after the edge
		want    KeyOutcome
		is      error
		signers []uint64
	}{
		{"old keys, old time", []uint64{1, 2}, -2*h - second, KeyOK, nil, []uint64{1, 2}},
		{"old keys, both in force", []uint64{1, 2}, -2 * h, KeyOK, nil, []uint64{1, 2}},
		{"old keys, unclear", []uint64{1, 2}, -2*h + second, KeyUnknown, ErrKeyTime, nil},
		{"old keys, at the edge", []uint64{1, 2}, 0, KeyUnknown, ErrKeyTime, nil},
		{"old keys, last unclear second", []uint64{1, 2}, 2 * h, KeyUnknown, ErrKeyTime, nil},
		{"old keys, over", []uint64{1, 2}, 2*h + second, KeyFailed, ErrNotInForce, nil},
		{"old keys, long over", []uint64{1, 2, 3}[:2], 9000 * h, KeyFailed, ErrNotInForce, nil},
		{"new key, too early", []uint64{4}, -2*h - second, KeyFailed, ErrNotInForce, nil},
		{"new key, first second", []uint64{4}, -2 * h, KeyOK, nil, []uint64{4}},
		{"new key, at the edge", []uint64{4}, 0, KeyOK, nil, []uint64{4}},
		{"new key, later", []uint64{4}, 9000 * h, KeyOK, nil, []uint64{4}},
		{"all keys, old time", []uint64{4, 3, 2, 1}, -2*h - second, KeyOK, nil, []uint64{1, 2, 3}},
		{"all keys, both in force", []uint64{4, 3, 2, 1}, -2 * h, KeyOK, nil, []uint64{1, 2, 3}},
		{"all keys, old unclear", []uint64{4, 3, 2, 1}, -2*h + second, KeyOK, nil, []uint64{3, 4}},
		{"all keys, later", []uint64{4, 3, 2, 1}, 9000 * h, KeyOK, nil, []uint64{3, 4}},
		{"shared key, old time", []uint64{3}, -2*h - second, KeyFailed, ErrNotInForce, nil},
		{"shared key, later", []uint64{3}, 0, KeyOK, nil, []uint64{3}},
		{"shared and old key, old time", []uint64{3, 1}, -3 * h, KeyOK, nil, []uint64{1, 3}},
		{"one old key, old time", []uint64{1}, -3 * h, KeyUnknown, ErrUnknownSigner, nil},
		{"one old key, later", []uint64{1}, 9000 * h, KeyUnknown, ErrUnknownSigner, nil},
		{"before all sets, too few", []uint64{1}, -30000 * h, KeyUnknown, ErrUnknownSigner, nil},
		{"before all sets", []uint64{1, 2}, -30000 * h, KeyFailed, ErrNotInForce, nil},
		{"nobody known", []uint64{9}, 0, KeyUnknown, ErrUnknownSigner, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			signers, err := f.CheckSignatures(signedNote(t, test.signed...), edge.Add(test.at))
			requireOutcome(t, test.want, signers, err)
			if test.is == nil {
				require.Equal(t, testKeys(test.signers...), signers)
				return
			}
			require.ErrorIs(t, err, test.is)
			require.Equal(t, test.is == ErrKeyTime, isErr(err, ErrKeyTime))
			require.NotErrorIs(t, err, ErrWrongSignature)
		})
	}
}

func TestCheckSignaturesTwoOfThree(t *testing.T) {
	f := testFile(t)
	at := date(t, "2025-06-01T00:00:00Z")
	for _, test := range []struct {
		name   string
		signed []uint64
		ok     bool
		detail string
	}{
		{"1 2", []uint64{1, 2}, true, ""},
		{"1 3", []uint64{1, 3}, true, ""},
		{"3 2", []uint64{3, 2}, true, ""},
		{"all", []uint64{1, 2, 3}, true, ""},
		{"with strangers", []uint64{9, 1, 8, 2, 7}, true, ""},
		{"1 alone", []uint64{1}, false, "1 of 2 required signatures by distinct keys"},
		{"2 and a stranger", []uint64{2, 9}, false, "1 of 2 required signatures by distinct keys"},
		{"strangers", []uint64{7, 8, 9}, false, "0 of 2 required signatures by distinct keys"},
	} {
		t.Run(test.name, func(t *testing.T) {
			signers, err := f.CheckSignatures(signedNote(t, test.signed...), at)
			if test.ok {
				require.NoError(t, err)
				require.GreaterOrEqual(t, len(signers), 2)
				return
			}
			require.ErrorIs(t, err, ErrUnknownSigner)
			require.NotErrorIs(t, err, ErrKeyTime)
			require.ErrorContains(t, err, test.detail)
			require.Nil(t, signers)
		})
	}
}

func TestCheckSignaturesTexts(t *testing.T) {
	f := testFile(t)
	_, err := f.CheckSignatures(signedNote(t, 1, 2), date(t, "2026-06-01T00:00:00Z"))
	require.EqualError(t, err, "signed by keys that were not in force at 2026-06-01T00:00:00Z: they are in force from 2024-01-01T00:00:00Z until 2026-01-01T00:00:00Z")
	_, err = f.CheckSignatures(signedNote(t, 4), date(t, "2025-06-01T00:00:00Z"))
	require.EqualError(t, err, "signed by keys that were not in force at 2025-06-01T00:00:00Z: they are in force from 2026-01-01T00:00:00Z")
	_, err = f.CheckSignatures(signedNote(t, 1, 2), date(t, "2026-01-01T00:00:00Z"))
	require.ErrorContains(t, err, "key time unclear")
	_, err = f.CheckSignatures(signedNote(t, 1), date(t, "2023-01-01T00:00:00Z"))
	require.ErrorContains(t, err, "no key set of \"uni.example/registrar\" is in force at 2023-01-01T00:00:00Z")
	f.Sets = f.Sets[:1]
	_, err = f.CheckSignatures(signedNote(t, 1), date(t, "2026-01-01T00:00:00Z"))
	require.ErrorContains(t, err, "1 of 2 required")
}

// The attack on note.Open: one officer's key under two names counts as two
// signatures there.
func TestOneKeyUnderTwoNamesCountsOnce(t *testing.T) {
	f := testFile(t)
	at := date(t, "2025-06-01T00:00:00Z")
	one, other := testSigner(t, testID, 1), testSigner(t, "deputy.example", 1)
	signed, err := SignNote(testText, MaxStatement, one, other)
	require.NoError(t, err)

	var known []note.Verifier
	for _, s := range []edSigner{one, other} {
		vkey, err := note.NewEd25519VerifierKey(s.Name(), s.public[:])
		require.NoError(t, err)
		v, err := note.NewVerifier(vkey)
		require.NoError(t, err)
		known = append(known, v)
	}
	theirs, err := note.Open(signed, note.VerifierList(known...))
	require.NoError(t, err)
	require.Len(t, theirs.Sigs, 2)

	n, err := ParseNote(signed, MaxStatement)
	require.NoError(t, err)
	_, err = f.CheckSignatures(n, at)
	require.ErrorContains(t, err, "1 of 2 required signatures by distinct keys")

	// A note that was not parsed, with one line twice, and a set that was not
	// parsed, with one key twice.
	n = signedNote(t, 1)
	n.Signatures = append(n.Signatures, n.Signatures[0], n.Signatures[0])
	_, err = f.CheckSignatures(n, at)
	require.ErrorContains(t, err, "1 of 2 required")
	f.Sets[0].Keys = append(testKeys(1), f.Sets[0].Keys...)
	_, err = f.CheckSignatures(n, at)
	require.ErrorContains(t, err, "1 of 2 required")
}

func TestSignaturesUnderAnotherNameDoNotCount(t *testing.T) {
	f := testFile(t)
	_, err := f.CheckSignatures(foreignNote(t), date(t, "2025-06-01T00:00:00Z"))
	require.ErrorContains(t, err, "0 of 2 required")

	// Not even with the key id that the key has under the issuer's name.
	n := signedNote(t, 1, 2)
	for i := range n.Signatures {
		n.Signatures[i].Name = "somebody.else"
	}
	_, err = f.CheckSignatures(n, date(t, "2025-06-01T00:00:00Z"))
	require.ErrorContains(t, err, "0 of 2 required")
}

func TestAWrongSignatureFailsAtOnce(t *testing.T) {
	f := testFile(t)
	for name, at := range map[string]string{"in force": "2025-06-01T00:00:00Z", "unclear": "2026-01-01T00:00:00Z", "over": "2030-01-01T00:00:00Z", "before": "2020-01-01T00:00:00Z"} {
		t.Run(name, func(t *testing.T) {
			for _, wrong := range []func(s *Signature){
				func(s *Signature) { s.Bytes[0] ^= 1 },
				func(s *Signature) { s.Bytes[63] ^= 0x10 },
				func(s *Signature) { s.Bytes = s.Bytes[:63] },
				func(s *Signature) { s.Bytes = append(s.Bytes, 0) },
				func(s *Signature) { s.Bytes = s.Bytes[:1] },
				func(s *Signature) { s.Bytes = make([]byte, 64) },
				func(s *Signature) { s.Bytes = signedNote(t, 9).Signatures[0].Bytes },
			} {
				// Keys 1, 2 and 3 signed; that of key 4, of another set, is wrong.
				n := signedNote(t, 1, 2, 3, 4)
				wrong(&n.Signatures[3])
				signers, err := f.CheckSignatures(n, date(t, at))
				require.ErrorIs(t, err, ErrWrongSignature)
				require.ErrorContains(t, err, "Officer 4")
				requireOutcome(t, KeyFailed, signers, err)
			}
			n := signedNote(t, 1, 2, 3, 4)
			n.Text += "another line\n"
			_, err := f.CheckSignatures(n, date(t, at))
			require.ErrorIs(t, err, ErrWrongSignature)
		})
	}
	// What a stranger adds under an unknown key is passed over.
	n := signedNote(t, 1, 2, 9)
	n.Signatures[2].Bytes = []byte{1}
	_, err := f.CheckSignatures(n, date(t, "2025-06-01T00:00:00Z"))
	require.NoError(t, err)
}

// s and s + group order are the same signature for a verifier that does not look.
func TestSignatureIsNotMalleable(t *testing.T) {
	f := testFile(t)
	n := signedNote(t, 4)
	order := []byte{
		0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
	}
	carry := 0
	for i, o := range order {
		sum := int(n.Signatures[0].Bytes[32+i]) + int(o) + carry
		n.Signatures[0].Bytes[32+i], carry = byte(sum), sum>>8
	}
	require.Zero(t, carry)
	_, err := f.CheckSignatures(n, date(t, "2026-06-01T00:00:00Z"))
	require.ErrorIs(t, err, ErrWrongSignature)
}

// A file that was not parsed must not be the way around the rules.
func TestCheckSignaturesOfAHandMadeFile(t *testing.T) {
	at := date(t, "2025-06-01T00:00:00Z")
	for _, threshold := range []int{0, -1} {
		f := testFile(t)
		f.Sets[0].Threshold = threshold
		signers, err := f.CheckSignatures(foreignNote(t), at)
		require.ErrorContains(t, err, "threshold")
		requireOutcome(t, KeyFailed, signers, err)
	}

	f := testFile(t)
	f.Sets[0].Threshold = 1
	f.Sets[0].Keys = []Key{{Public: PublicKey{1}, Holder: "identity"}}
	forged := make([]byte, 64)
	forged[0] = 1
	n := &Note{Text: testText, Signatures: []Signature{{Name: testID, KeyID: PublicKey{1}.ID(testID), Bytes: forged}}}
	signers, err := f.CheckSignatures(n, at)
	require.ErrorIs(t, err, ErrWrongSignature)
	requireOutcome(t, KeyFailed, signers, err)

	signers, err = new(File).CheckSignatures(n, at)
	requireOutcome(t, KeyUnknown, signers, err)
}

func TestKeyOutcomeString(t *testing.T) {
	require.Equal(t, "ok failed unknown", strings.Join([]string{KeyOK.String(), KeyFailed.String(), KeyUnknown.String()}, " "))
	require.Equal(t, "key outcome 0", KeyOutcome(0).String())
}

func BenchmarkCheckStatement(b *testing.B) {
	f, s := testFile(b), testStatement(b)
	signed, err := SignNote(mustText(b, s.Text), MaxStatement, testSigners(b, 1, 2)...)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_, n, err := ParseStatement(signed)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := f.CheckSignatures(n, s.Issued); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseStatement(b *testing.B) {
	signed, err := SignNote(mustText(b, testStatement(b).Text), MaxStatement, testSigners(b, 1, 2)...)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ParseStatement(signed); err != nil {
			b.Fatal(err)
		}
	}
}

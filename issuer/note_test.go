package issuer

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

const testText = "first line\nzweite Zeile – Ω\n"

// sigLine returns a well-formed signature line.
func sigLine(name string, id uint32, sig []byte) string {
	raw := append(binary.BigEndian.AppendUint32(nil, id), sig...)
	return sigPrefix + name + " " + base64.StdEncoding.EncodeToString(raw) + "\n"
}

// openNote opens data with golang.org/x/mod. A note without a known signer is no
// error here.
func openNote(data []byte, known ...note.Verifier) (*note.Note, error) {
	n, err := note.Open(data, note.VerifierList(known...))
	var unverified *note.UnverifiedNoteError
	if errors.As(err, &unverified) {
		return unverified.Note, nil
	}
	return n, err
}

// requireSameNote holds what ParseNote read against what note.Open reads.
func requireSameNote(t testing.TB, n *Note, data []byte) {
	t.Helper()
	theirs, err := openNote(data)
	require.NoError(t, err, "note.Open refuses what ParseNote accepts")
	require.Equal(t, theirs.Text, n.Text)
	require.Len(t, theirs.UnverifiedSigs, len(n.Signatures))
	for i, sig := range n.Signatures {
		their := theirs.UnverifiedSigs[i]
		require.Equal(t, their.Name, sig.Name)
		require.Equal(t, their.Hash, sig.KeyID)
		raw := append(binary.BigEndian.AppendUint32(nil, sig.KeyID), sig.Bytes...)
		require.Equal(t, their.Base64, base64.StdEncoding.EncodeToString(raw))
	}
}

func TestParseNoteGood(t *testing.T) {
	sig := make([]byte, ed25519.SignatureSize)
	lines := func(count int) (s string) {
		for i := range count {
			s += sigLine(testID, uint32(i), sig)
		}
		return s
	}
	tests := map[string]struct {
		data       string
		signatures int
	}{
		"one line":            {"a\n\n" + lines(1), 1},
		"several lines":       {testText + "\n" + lines(3), 3},
		"sixteen signatures":  {testText + "\n" + lines(16), 16},
		"shortest signature":  {testText + "\n" + sigLine("n", 0, []byte{1}), 1},
		"longest signature":   {testText + "\n" + sigLine("n", 0, make([]byte, 512)), 1},
		"longest name":        {testText + "\n" + sigLine(strings.Repeat("~", 100), 1, sig), 1},
		"visible ASCII name":  {testText + "\n" + sigLine("!\"#$%&'()*,-./:;<=>?@[\\]^_`{|}~", 1, sig), 1},
		"one id, two names":   {testText + "\n" + sigLine("a", 1, sig) + sigLine("b", 1, sig), 2},
		"one name, two ids":   {testText + "\n" + sigLine("a", 1, sig) + sigLine("a", 2, sig), 2},
		"dash lines in text":  {sigLine("a", 1, sig) + "\n" + sigLine("a", 1, sig), 1},
		"replacement char":    {"\ufffd\n\n" + lines(1), 1},
		"outside the BMP":     {"\U0001f393\n\n" + lines(1), 1},
		"no-break space":      {"a\u00a0b\n\n" + lines(1), 1},
		"zero width joiner":   {"a\u200db\n\n" + lines(1), 1},
		"unnormalised accent": {"e\u0301\n\n" + lines(1), 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			n, err := ParseNote([]byte(test.data), len(test.data))
			require.NoError(t, err)
			require.Len(t, n.Signatures, test.signatures)
			require.Equal(t, test.data, string(n.Marshal()))
			requireSameNote(t, n, []byte(test.data))

			_, err = ParseNote([]byte(test.data), len(test.data)-1)
			require.ErrorContains(t, err, "want at most")
		})
	}
}

func TestParseNoteBad(t *testing.T) {
	sig := make([]byte, ed25519.SignatureSize)
	line := sigLine(testID, 1, sig)
	var seventeen string
	for i := range 17 {
		seventeen += sigLine(testID, uint32(i), sig)
	}
	b64 := strings.TrimSuffix(strings.TrimPrefix(line, sigPrefix+testID+" "), "\n")
	withB64 := func(s string) string { return testText + "\n" + sigPrefix + testID + " " + s + "\n" }

	tests := []struct{ name, data, want string }{
		{"empty", "", "no empty line"},
		{"no signature block", testText, "no empty line"},
		{"only a line feed", "\n", "no empty line"},
		{"no text", "\n\n" + line, "starts with an empty line"},
		{"empty first line", "\n" + testText + "\n" + line, "starts with an empty line"},
		{"empty line in the text", "a\n\nb\n\n" + line, "no \"— \""},
		{"text does not end in a line feed", "a\n" + line, "no empty line"},
		{"no signature lines", testText + "\n", "no signature lines"},
		{"two empty lines", testText + "\n\n" + line, "no \"— \""},
		{"empty line between signatures", testText + "\n" + line + "\n" + sigLine("a", 1, sig), "no \"— \""},
		{"empty line at the end", testText + "\n" + line + "\n", "no \"— \""},
		{"no line feed at the end", testText + "\n" + strings.TrimSuffix(line, "\n"), "does not end in a line feed"},
		{"bytes after the last line", testText + "\n" + line + "x", "does not end in a line feed"},
		{"17 signatures", testText + "\n" + seventeen, "more than 16 signature lines"},
		{"duplicate line", testText + "\n" + line + line, "a second signature"},
		{"same name and id", testText + "\n" + line + sigLine(testID, 1, []byte{1}), "a second signature"},
		{"hyphen for the dash", testText + "\n-" + strings.TrimPrefix(line, "—"), "no \"— \""},
		{"en dash", testText + "\n–" + strings.TrimPrefix(line, "—"), "no \"— \""},
		{"no space after the dash", testText + "\n—" + strings.TrimPrefix(line, sigPrefix), "no \"— \""},
		{"space before the dash", testText + "\n " + line, "no \"— \""},
		{"two spaces after the dash", testText + "\n—  " + strings.TrimPrefix(line, sigPrefix), "name has 0 bytes"},
		{"no name", testText + "\n" + sigPrefix + b64 + "\n", "no space after the name"},
		{"empty name", testText + "\n" + sigPrefix + " " + b64 + "\n", "name has 0 bytes"},
		{"name of 101 bytes", testText + "\n" + sigLine(strings.Repeat("a", 101), 1, sig), "name has 101 bytes"},
		{"name with plus", testText + "\n" + sigLine("a+b", 1, sig), "'+'"},
		{"name outside ASCII", testText + "\n" + sigLine("bücher", 1, sig), "not printable ASCII"},
		{"name with no-break space", testText + "\n" + sigLine("a\u00a0b", 1, sig), "not printable ASCII"},
		{"two spaces before the base64", withB64(" " + b64), "malformed base64"},
		{"space at the end", withB64(b64 + " "), "malformed base64"},
		{"a third field", withB64(b64 + " x"), "malformed base64"},
		{"no base64", withB64(""), "have 0 bytes"},
		{"no signature bytes", withB64("AAAAAQ=="), "have 4 bytes"},
		{"signature of 513 bytes", testText + "\n" + sigLine("n", 0, make([]byte, 513)), "base64 has 692 characters, want at most 688"},
		{"signature of 514 bytes", testText + "\n" + sigLine("n", 0, make([]byte, 514)), "base64 has 692 characters"},
		{"signature of 15000 bytes", testText + "\n" + sigLine("n", 0, make([]byte, 15000)), "base64 has 20008 characters"},
		{"no padding", withB64("AAAAAQE"), "malformed base64"},
		{"too much padding", withB64("AAAAAQE=="), "malformed base64"},
		{"url alphabet", withB64("____AQE="), "malformed base64"},
		{"CR", strings.ReplaceAll(testText+"\n"+line, "\n", "\r\n"), "control character"},
		{"CR in the last line", testText + "\n" + strings.TrimSuffix(line, "\n") + "\r\n", "control character"},
		{"byte order mark first", "\ufeff" + testText + "\n" + line, "byte order mark"},
	}
	for _, c := range []rune{0, 1, 8, '\t', '\v', '\f', 0x1b, 0x1f, 0x7f, 0x80, 0x85, 0x9f} {
		tests = append(tests, struct{ name, data, want string }{fmt.Sprintf("control %U", c), "a" + string(c) + "\n\n" + line, "control character"})
	}
	for _, c := range []rune{0x61c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069} {
		tests = append(tests, struct{ name, data, want string }{fmt.Sprintf("bidi %U", c), "a" + string(c) + "\n\n" + line, "bidirectional control"})
	}
	for _, c := range []rune{0x2028, 0x2029} {
		tests = append(tests, struct{ name, data, want string }{fmt.Sprintf("separator %U", c), "a" + string(c) + "\n\n" + line, "separator"})
	}
	for _, c := range []string{"\x80", "\xff", "\xc3", "\xe2\x82", "\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80"} {
		tests = append(tests, struct{ name, data, want string }{fmt.Sprintf("not UTF-8 %x", c), "a" + c + "\n\n" + line, "not valid UTF-8"})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n, err := ParseNote([]byte(test.data), 1<<20)
			require.ErrorContains(t, err, "malformed signed note: ")
			require.ErrorContains(t, err, test.want)
			require.Nil(t, n)
		})
	}
}

// The last character before the padding has bits that stand for nothing.
func TestParseNoteBase64HasOneSpelling(t *testing.T) {
	signer := testSigner(t, testID, 1)
	signed, err := SignNote(testText, MaxStatement, signer)
	require.NoError(t, err)
	s := string(signed)
	require.True(t, strings.HasSuffix(s, "=\n"), "68 bytes take one padding character")
	vkey, err := note.NewEd25519VerifierKey(testID, signer.public[:])
	require.NoError(t, err)
	v, err := note.NewVerifier(vkey)
	require.NoError(t, err)

	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	ours, theirs := 0, 0
	for i := range len(alphabet) {
		other := s[:len(s)-3] + alphabet[i:i+1] + "=\n"
		if n, err := openNote([]byte(other), v); err == nil && len(n.Sigs) == 1 {
			theirs++
			if _, err := ParseNote([]byte(other), MaxStatement); err == nil {
				ours++
				require.Equal(t, s, other)
			}
		}
	}
	require.Equal(t, 4, theirs, "note.Open takes four spellings")
	require.Equal(t, 1, ours)
}

// What note.Open takes and ParseNote does not, so that nobody swaps one for the
// other.
func TestNoteOpenIsLessStrict(t *testing.T) {
	sig := make([]byte, ed25519.SignatureSize)
	line := sigLine(testID, 1, sig)
	var hundred string
	for i := range 100 {
		hundred += sigLine(testID, uint32(i), sig)
	}
	for name, data := range map[string]string{
		"duplicate line":         testText + "\n" + line + line,
		"same name and id":       testText + "\n" + line + sigLine(testID, 1, []byte{1}),
		"100 signatures":         testText + "\n" + hundred,
		"DEL":                    "a\x7f\n\n" + line,
		"C1 control":             "a\u0085\n\n" + line,
		"bidirectional control":  "a\u202e\n\n" + line,
		"byte order mark":        "\ufeffa\n\n" + line,
		"name outside ASCII":     testText + "\n" + sigLine("bücher", 1, sig),
		"long name":              testText + "\n" + sigLine(strings.Repeat("a", 101), 1, sig),
		"long signature":         testText + "\n" + sigLine("n", 0, make([]byte, 513)),
		"empty line in the text": "a\n\nb\n\n" + line,
		"no text":                "\n\n" + line,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openNote([]byte(data))
			require.NoError(t, err)
			_, err = ParseNote([]byte(data), 1<<20)
			require.Error(t, err)
		})
	}
}

// note.Open v0.42.0 has no limit on the size, so that nothing ParseStatus takes
// is too long for it.
func TestNoteOpenTakesTheLongestList(t *testing.T) {
	signer := testSigner(t, testID, 1)
	signed, err := SignNote(strings.Repeat("x", MaxStatus-1000)+"\n", MaxStatus, signer)
	require.NoError(t, err)
	vkey, err := note.NewEd25519VerifierKey(testID, signer.public[:])
	require.NoError(t, err)
	v, err := note.NewVerifier(vkey)
	require.NoError(t, err)
	n, err := note.Open(signed, note.VerifierList(v))
	require.NoError(t, err)
	require.Len(t, n.Sigs, 1)
}

func TestSignNote(t *testing.T) {
	signers := testSigners(t, 1, 2, 3)
	signed, err := SignNote(testText, MaxStatement, signers...)
	require.NoError(t, err)
	n, err := ParseNote(signed, MaxStatement)
	require.NoError(t, err)
	require.Equal(t, testText, n.Text)
	require.Len(t, n.Signatures, 3)

	var known []note.Verifier
	for i, s := range signers {
		require.Equal(t, testID, n.Signatures[i].Name)
		require.Equal(t, s.PublicKey().ID(testID), n.Signatures[i].KeyID)
		key := s.PublicKey()
		vkey, err := note.NewEd25519VerifierKey(testID, key[:])
		require.NoError(t, err)
		v, err := note.NewVerifier(vkey)
		require.NoError(t, err)
		known = append(known, v)
	}
	theirs, err := note.Open(signed, note.VerifierList(known...))
	require.NoError(t, err)
	require.Len(t, theirs.Sigs, 3)

	want, err := note.Sign(&note.Note{Text: testText}, signers[0], signers[1], signers[2])
	require.NoError(t, err)
	require.Equal(t, string(want), string(signed))
}

func TestSignNoteRefusesBadTexts(t *testing.T) {
	signer := testSigner(t, testID, 1)
	embedded := strings.TrimSuffix(sigLine("a", 1, make([]byte, 64)), "\n")
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "empty line"},
		{"only a line feed", "\n", "empty line"},
		{"no line feed at the end", "a", "no empty line"},
		{"empty line", "a\n\nb\n", "signature line 1"},
		{"empty line at the end", "a\n\n", "signature line 1"},
		{"control character", "a\tb\n", "control character"},
		{"own signature line", "a\n\n" + embedded, "holds signature lines"},
		{"own signature line, whole", "a\n\n" + embedded + "\n", "signature line 2"},
		{"too long", strings.Repeat("a", MaxStatement) + "\n", "want at most 16384"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, err := SignNote(test.text, MaxStatement, signer)
			require.ErrorContains(t, err, test.want)
			require.Nil(t, out)
		})
	}
	_, err := SignNote(testText, MaxStatement)
	require.ErrorContains(t, err, "no signature lines")
	_, err = SignNote(testText, MaxStatement, signer, signer)
	require.ErrorContains(t, err, "a second signature")
}

// otherText is a real key that signs something else than it is given.
type otherText struct{ edSigner }

func (s otherText) Sign(msg []byte) ([]byte, error) { return s.edSigner.Sign(append(msg, '!')) }

// cutOff signs, and loses a byte of the signature.
type cutOff struct{ edSigner }

func (s cutOff) Sign(msg []byte) ([]byte, error) {
	sig, err := s.edSigner.Sign(msg)
	return sig[:len(sig)-1], err
}

// unplugged is a token that is gone.
type unplugged struct{ edSigner }

var errUnplugged = errors.New("token is gone")

func (unplugged) Sign([]byte) ([]byte, error) { return nil, errUnplugged }

func TestSignNoteRefusesBadSigners(t *testing.T) {
	good := testSigner(t, testID, 1)
	spaced := good
	spaced.Signer = renamed{good.Signer, "uni example", good.public.ID("uni example")}
	for _, test := range []struct {
		name   string
		signer Signer
		want   string
	}{
		{"signs another text", otherText{good}, "no signature of the text"},
		{"signature too short", cutOff{good}, "63 bytes that are no signature"},
		{"cannot sign", unplugged{good}, "token is gone"},
		{"public key of another", edSigner{good.Signer, testKey(2)}, "the signer has key id"},
		{"small-order public key", edSigner{good.Signer, PublicKey{1}}, "small order"},
		{"name with a space", spaced, "malformed base64"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, err := SignNote(testText, MaxStatement, testSigner(t, testID, 3), test.signer)
			require.ErrorContains(t, err, test.want)
			require.Nil(t, out)

			signed, err := SignNote(testText, MaxStatement, testSigner(t, testID, 3))
			require.NoError(t, err)
			out, err = AddSignature(signed, MaxStatement, test.signer)
			require.ErrorContains(t, err, test.want)
			require.Nil(t, out)
		})
	}
}

// renamed is a signer that goes by another name.
type renamed struct {
	note.Signer
	name string
	id   uint32
}

func (s renamed) Name() string    { return s.name }
func (s renamed) KeyHash() uint32 { return s.id }

func TestAddSignature(t *testing.T) {
	all, err := SignNote(testText, MaxStatement, testSigners(t, 1, 2, 3)...)
	require.NoError(t, err)
	signed, err := SignNote(testText, MaxStatement, testSigners(t, 1)...)
	require.NoError(t, err)
	for _, s := range testSigners(t, 2, 3) {
		signed, err = AddSignature(signed, MaxStatement, s)
		require.NoError(t, err)
	}
	require.Equal(t, string(all), string(signed))

	_, err = AddSignature(signed, MaxStatement, testSigner(t, testID, 2))
	require.ErrorContains(t, err, "already signed by key")
	_, err = AddSignature(signed, len(signed), testSigner(t, testID, 4))
	require.ErrorContains(t, err, "want at most")
	_, err = AddSignature(signed[1:len(signed)-1], MaxStatement, testSigner(t, testID, 4))
	require.ErrorContains(t, err, "malformed signed note")

	for n := uint64(4); n <= MaxSignatures; n++ {
		signed, err = AddSignature(signed, MaxStatement, testSigner(t, testID, n))
		require.NoError(t, err)
	}
	_, err = AddSignature(signed, MaxStatement, testSigner(t, testID, 17))
	require.ErrorContains(t, err, "more than 16 signature lines")
}

package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/internal/strictjson"
	"gradseal/issuer"
	"gradseal/proof"
)

// identity is the public key that is the point of order 1, and anySignature what
// verifies with it, of whatever text: S = 0 and R = identity.
var (
	identity     = issuer.PublicKey{1}
	anySignature = append([]byte{1}, make([]byte, ed25519.SignatureSize-1)...)
)

// signatureLine is a line of a signed note.
func signatureLine(name string, key issuer.PublicKey, sig []byte) string {
	line := binary.BigEndian.AppendUint32(nil, key.ID(name))
	return "— " + name + " " + base64.StdEncoding.EncodeToString(append(line, sig...)) + "\n"
}

// rawNote is a signed note whose text nobody has looked at.
func rawNote(text string, by ...officer) []byte {
	lines := ""
	for _, o := range by {
		lines += signatureLine(o.name, o.PublicKey(), ed25519.Sign(o.key, []byte(text)))
	}
	return []byte(text + "\n" + lines)
}

// respelled is a text in base64 with one of the bits set that the last character
// has too many: most decoders read the same bytes.
func respelled(b64 string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	digits := strings.TrimRight(b64, "=")
	last := strings.IndexByte(alphabet, digits[len(digits)-1])
	return digits[:len(digits)-1] + alphabet[last|1:last|1+1] + b64[len(digits):]
}

// respelledNote is a note whose last signature is spelled another way.
func respelledNote(note []byte) []byte {
	at := bytes.LastIndexByte(note, ' ') + 1
	return append(bytes.Clone(note[:at]), respelled(strings.TrimSuffix(string(note[at:]), "\n"))+"\n"...)
}

// noted is a proof of the fourth document whose signed statement is what spell
// makes of an honest one, and to which a transaction in a block commits.
func (a *adversary) noted(spell func(text, signed string) []byte) *proof.Proof {
	a.t.Helper()
	p := a.issue(a.statement("spelled"), 9, "spelled", dean, registry)[3]
	l := &p.Layers[0]
	s, n, err := issuer.ParseStatement(l.Signed)
	require.NoError(a.t, err)
	l.Signed = spell(n.Text, string(l.Signed))
	a.include(p, stripped(nil, output{0, proof.Commitment(proof.BatchRoot(l.Signed, s.Root))}, change))
	return p
}

// signatureAttacks are those on notes: spellings, characters and keys that others
// take. The officers sign what only its form is wrong of, as if a thief of their
// keys, or a program that looks less closely, had made it.
func signatureAttacks() []attack {
	noted := func(change func(text, signed string) []byte) func(a *adversary) ([]byte, *proof.Proof) {
		return func(a *adversary) ([]byte, *proof.Proof) { return a.documents[3], a.noted(change) }
	}
	resigned := func(old, instead string) func(a *adversary) ([]byte, *proof.Proof) {
		return noted(func(text, _ string) []byte {
			return rawNote(strings.Replace(text, old, instead, 1), dean, registry)
		})
	}
	return []attack{
		{"note: signed as others sign it", "cannot-tell", "status unknown", "older than this batch", resigned("title spelled", "title honest")},
		{"note: base64 with a bit too many", "invalid", "malformed", "canonical", noted(func(_, signed string) []byte { return respelledNote([]byte(signed)) })},
		{"note: base64 without its padding", "invalid", "malformed", "base64", noted(func(_, signed string) []byte {
			return []byte(strings.TrimSuffix(signed, "=\n") + "\n")
		})},
		{"note: a space after the signature", "invalid", "malformed", "signature", noted(func(_, signed string) []byte {
			return []byte(strings.TrimSuffix(signed, "\n") + " \n")
		})},
		{"note: a hyphen for the dash", "invalid", "malformed", "signature", noted(func(_, signed string) []byte {
			return []byte(strings.Replace(signed, "— ", "- ", 1))
		})},
		{"note: a signer's name with a letter of another script", "invalid", "malformed", "signature", noted(func(text, _ string) []byte {
			return rawNote(text, dean.as("uni.examplе"), registry)
		})},
		{"note: an issuer with a letter of another script", "invalid", "malformed", "issuer", resigned("issuer uni.example", "issuer uni.examplе")},
		{"note: an issuer in capitals", "invalid", "malformed", "issuer", resigned("issuer uni.example", "issuer Uni.example")},
		{"note: a title that turns the line round", "invalid", "malformed", "U+202E", resigned("title spelled", "title \u202edilav")},
		{"note: a title that isolates what follows", "invalid", "malformed", "U+2067", resigned("title spelled", "title \u2067dilav")},
		{"note: a space after the title", "invalid", "malformed", "title", resigned("title spelled", "title spelled ")},
		{"note: a line more", "invalid", "malformed", "unexpected line", resigned("title spelled", "title spelled\nissuer "+allianceName)},
		{"note: a size with a zero before it", "invalid", "malformed", "size", resigned("size 9", "size 09")},
		{"note: a date that there is not", "invalid", "malformed", "issued", resigned("issued 2026-11-22", "issued 2026-11-31")},
		{"issuer: one officer, and a key of small order", "cannot-tell", "issuer unknown, status unknown", "1 of 2", noted(func(text, _ string) []byte {
			return append(rawNote(text, dean), signatureLine(uniName, identity, anySignature)...)
		})},
	}
}

// TestAttacksOnIssuerFiles adds issuer files of which the university's own officers
// signed the text, so that nothing but a key or a character in it is wrong: keys with
// which anybody signs, one key as two, names that show as others. Nothing of them is
// taken in, and what was VALID still is.
func TestAttacksOnIssuerFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the program runs some dozen times, and it is not under the race detector")
	}
	t.Parallel()
	require.True(t, ed25519.Verify(identity[:], []byte("whatever is asked"), anySignature), "the key is as bad as it is said to be")
	a := newAdversary(t)
	r := a.verifier(builtProgram(t))
	next := a.university()
	changed := a.now.Add(-time.Hour)
	next.Sequence, next.Sets[1].Until = 2, changed
	next.Sets = append(next.Sets, keySet(changed, time.Time{}, 1, stranger))
	text, err := next.Text()
	require.NoError(t, err)
	key, holder, name := stranger.PublicKey().String(), " Officer 1\n", "name University of Example\n"
	last := strings.LastIndex(text, key)
	require.Positive(t, last)
	inLastSet := func(old, instead string) string {
		return text[:last] + strings.Replace(text[last:], old, instead, 1)
	}
	signed := func(text string) []byte { return rawNote(text, dean, registry, stranger) }

	// What JSON would escape stands in a pack as it is.
	const standIn = "\ue000"
	raw := strings.NewReplacer("\x1b", standIn+"1", "\u2028", standIn+"2")
	asItIs := strings.NewReplacer(standIn+"1", "\x1b", standIn+"2", "\u2028")
	for _, test := range []struct {
		name string
		file []byte
		says string // "": taken in
	}{
		{"as it should be", signed(text), ""},
		{"a key of small order", append(rawNote(inLastSet(key, identity.String()), dean, registry), signatureLine(uniName, identity, anySignature)...), "small order"},
		{"a key of order two", signed(inLastSet(key, issuer.PublicKey(append(bytes.Repeat([]byte{0xff}, 31), 0x7f)).String())), "canonical"},
		{"a key that is no point", signed(inLastSet(key, issuer.PublicKey{2}.String())), "not a point"},
		{"a key in base64 with a bit too many", signed(inLastSet(key, respelled(key))), "base64"},
		{"one key under two holders", signed(text + "key " + key + " Officer 2\n"), "twice"},
		{"a signature in base64 with a bit too many", respelledNote(signed(text)), "canonical"},
		{"a signature line twice", rawNote(text, dean, registry, stranger, stranger), "a second signature"},
		{"without the officers before", rawNote(text, stranger), "does not follow"},
		{"with a key of small order for an officer before", append(rawNote(text, dean, stranger), signatureLine(uniName, identity, anySignature)...), "does not follow"},
		{"a holder that turns the line round", signed(inLastSet(holder, " \u202eOfficer\n")), "U+202E"},
		{"a holder with an escape", signed(inLastSet(holder, " \x1b[2KOfficer\n")), "not a pack"},
		{"a name that turns the line round", signed(strings.Replace(text, name, "name University\u202e\n", 1)), "U+202E"},
		{"a name with a line separator", signed(strings.Replace(text, name, "name University\u2028VALID\n", 1)), "not a pack"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := copied(t, r)
			pack, err := strictjson.Marshal(struct {
				Format  string   `json:"format"`
				Issuer  string   `json:"issuer"`
				Status  []string `json:"status"`
				Headers []string `json:"headers"`
			}{"gradseal-pack/1", raw.Replace(string(test.file)), []string{}, []string{}})
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(r.dir, "uni.pack"), []byte(asItIs.Replace(string(pack))), 0o666))
			before := filesBelow(t, filepath.Join(r.home(), "trust"))
			out, err := r.command(t.Context(), "trust", "add", "uni.pack").CombinedOutput()
			if test.says == "" {
				require.NoError(t, err, "%s", out)
				require.NotEqual(t, before, filesBelow(t, filepath.Join(r.home(), "trust")))
				return
			}
			require.Error(t, err, "%s", out)
			require.Contains(t, string(out), test.says)
			require.NotContains(t, string(out), "\x1b")
			require.NotContains(t, string(out), "\u202e")
			require.Equal(t, before, filesBelow(t, filepath.Join(r.home(), "trust")))
			require.Equal(t, "valid", verdictOf(t, r, a.documents[3], a.spring[3]))
		})
	}
}

package issuer

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"gradseal/bitcoin"
)

const testID = "uni.example/registrar"

// edSigner is the signer of golang.org/x/mod with its public key: real Ed25519.
type edSigner struct {
	note.Signer
	public PublicKey
}

func (s edSigner) PublicKey() PublicKey { return s.public }

// seedKey returns the private key of a numbered seed, so that every run signs the
// same bytes.
func seedKey(number uint64) ed25519.PrivateKey {
	var seed [ed25519.SeedSize]byte
	binary.BigEndian.PutUint64(seed[ed25519.SeedSize-8:], number)
	return ed25519.NewKeyFromSeed(seed[:])
}

func testKey(number uint64) PublicKey {
	return PublicKey(seedKey(number).Public().(ed25519.PublicKey))
}

func testSigner(t testing.TB, name string, number uint64) edSigner {
	t.Helper()
	key := testKey(number)
	secret := append([]byte{algEd25519}, seedKey(number).Seed()...)
	s, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, key.ID(name), base64.StdEncoding.EncodeToString(secret)))
	require.NoError(t, err)
	return edSigner{s, key}
}

func testSigners(t testing.TB, numbers ...uint64) []Signer {
	t.Helper()
	var signers []Signer
	for _, n := range numbers {
		signers = append(signers, testSigner(t, testID, n))
	}
	return signers
}

// signAny signs any text that ends in a line feed with golang.org/x/mod, which
// does not judge it.
func signAny(t testing.TB, text string, numbers ...uint64) []byte {
	t.Helper()
	var signers []note.Signer
	for _, n := range numbers {
		signers = append(signers, testSigner(t, testID, n))
	}
	out, err := note.Sign(&note.Note{Text: text}, signers...)
	require.NoError(t, err)
	return out
}

func date(t testing.TB, s string) time.Time {
	t.Helper()
	d, err := time.Parse(time.RFC3339, s)
	require.NoError(t, err)
	return d
}

func holderOf(number uint64) string { return fmt.Sprintf("Officer %d", number) }

func testKeys(numbers ...uint64) []Key {
	var keys []Key
	for _, n := range numbers {
		keys = append(keys, Key{Public: testKey(n), Holder: holderOf(n)})
	}
	return keys
}

// testFile has two sets: keys 1, 2, 3 with threshold 2 in 2024 and 2025, and keys
// 3, 4 with threshold 1 since then.
func testFile(t testing.TB) *File {
	t.Helper()
	return &File{
		ID: testID, Name: "Universität von Beispiel, Prüfungsamt", Sequence: 2,
		Sets: []KeySet{
			{From: date(t, "2024-01-01T00:00:00Z"), Until: date(t, "2026-01-01T00:00:00Z"), Threshold: 2, Keys: testKeys(1, 2, 3)},
			{From: date(t, "2026-01-01T00:00:00Z"), Threshold: 1, Keys: testKeys(3, 4)},
		},
	}
}

func testStatement(t testing.TB) *Statement {
	t.Helper()
	return &Statement{
		Type: Documents, Issuer: testID, Network: bitcoin.Mainnet, Size: 200,
		Root: testHash(0xab), Issued: date(t, "2025-11-22T09:00:00Z"),
		After: &After{Height: 924000, Hash: bitcoin.Hash(testHash(0x17))},
		Title: "Transcripts, summer term 2025 – Fakultät Ω",
	}
}

func testStatus(t testing.TB) *StatusList {
	t.Helper()
	return &StatusList{
		Issuer: testID, Network: bitcoin.Mainnet, Sequence: 7,
		AsOf: date(t, "2025-11-22T09:00:00Z"), Next: date(t, "2026-02-22T09:00:00Z"),
		Batches: [][32]byte{testHash(1), testHash(2), testHash(4)},
		Withdrawn: []Withdrawal{
			{ID: testHash(3), Date: "2025-02-28", Reason: ReasonSuperseded},
			{ID: testHash(5), Date: "2024-02-29", Reason: ReasonRescinded},
		},
		WithdrawnBatches: []Withdrawal{{ID: testHash(2), Date: "2025-11-22", Reason: ReasonKeyCompromise}},
	}
}

func testHash(first byte) (h [32]byte) {
	for i := range h {
		h[i] = first + byte(i)
	}
	return h
}

func mustText(t testing.TB, text func() (string, error)) string {
	t.Helper()
	s, err := text()
	require.NoError(t, err)
	return s
}

// badText is a text with one rule broken, and what the error must name.
type badText struct{ name, text, want string }

// brokenLines breaks the shape of a text at each of its lines in turn: rules
// holds what the error must name when the value of the line with that key has a
// space too much. optional tells which lines may be absent.
func brokenLines(text string, rules map[string]string, optional func(key string) bool) []badText {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	join := func(l ...[]string) string {
		var all []string
		for _, part := range l {
			all = append(all, part...)
		}
		return strings.Join(all, "\n") + "\n"
	}
	var bad []badText
	for i, line := range lines {
		key, value, _ := strings.Cut(line, " ")
		where := fmt.Sprintf("line %d (%s) ", i+1, key)
		absent := fmt.Sprintf("want a %q line", key)
		if i == 0 {
			absent = "malformed format line"
		}
		add := func(name, want string, with ...string) {
			bad = append(bad, badText{where + name, join(lines[:i], with, lines[i+1:]), want})
		}
		if optional(key) {
			absent = "line"
		} else {
			add("is missing", absent)
			bad = append(bad, badText{where + "ends the text too early", join(lines[:i+1]), ""})
		}
		add("has an upper-case key", absent, strings.ToUpper(key[:1])+key[1:]+" "+value)
		add("starts with a space", absent, " "+line)
		add("has no value", absent, key)
		add("has a tab for the space", "control character", key+"\t"+value)
		add("ends in CR", "control character", line+"\r")
		add("has a NUL", "control character", line+"\x00")
		add("has a DEL", "control character", line+"\x7f")
		add("has a C1 control", "control character", line+"\u0085")
		add("has invalid UTF-8", "UTF-8", line+"\xc3")
		add("has a surrogate", "UTF-8", line+"\xed\xa0\x80")
		add("has an overlong NUL", "UTF-8", line+"\xc0\x80")
		add("has a line separator", "line or paragraph separator", line+"\u2028")
		add("has a byte order mark", "byte order mark", line+"\ufeff")
		add("has a bidirectional override", "bidirectional control", line+"\u202e")
		if rule := rules[key]; rule != "" {
			add("has two spaces", rule, key+"  "+value)
			add("ends in a space", rule, line+" ")
			add("has an empty value", rule, key+" ")
		}
	}
	// What ends too early after its last mandatory line is no bad text.
	var out []badText
	for _, b := range bad {
		if b.want != "" {
			out = append(out, b)
			continue
		}
		if key := nextKey(lines, b.text); !optional(key) {
			b.want = fmt.Sprintf("text ends, want a %q line", key)
			out = append(out, b)
		}
	}
	return out
}

// nextKey returns the key of the line that follows the prefix of a text.
func nextKey(lines []string, prefix string) string {
	i := strings.Count(prefix, "\n")
	if i >= len(lines) {
		return ""
	}
	key, _, _ := strings.Cut(lines[i], " ")
	return key
}

// replaceLine returns text with the value of the first line with that key
// replaced.
func replaceLine(t testing.TB, text, key, value string) string {
	t.Helper()
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, key+" ") {
			lines[i] = key + " " + value + "\n"
			return strings.Join(lines, "")
		}
	}
	require.FailNow(t, "no such line", key)
	return ""
}

// flips calls f with data after each flip of a single bit.
func flips(data []byte, f func(at, bit int, flipped []byte)) {
	b := bytes.Clone(data)
	for i := range b {
		for bit := range 8 {
			b[i] ^= 1 << bit
			f(i, bit, b)
			b[i] ^= 1 << bit
		}
	}
}

func isUnknownFormat(err error) bool { return isErr(err, ErrUnknownFormat) }

func isErr(err, target error) bool { return errors.Is(err, target) }

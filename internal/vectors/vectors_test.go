package main

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/issuer"
	"gradseal/merkle"
	"gradseal/proof"
	"gradseal/qr"
	"gradseal/trust"
)

const vectorsDir = "../../testdata/vectors"

// says is what the packages say where the check of an id fails. A vector that is
// refused for another reason does not pass for refused.
var says = map[string]string{
	"tree/index":       `leaf index is \d+, want less than the tree size`,
	"tree/path-length": `audit path has \d+ hashes, want`,
	"tree/root":        `audit path leads to root hash`,

	"note/size":           `signed note: \d+ bytes, want at most`,
	"note/utf-8":          `is not valid UTF-8$`,
	"note/character":      `byte \d+ starts U\+[0-9A-F]+, a (control|line|byte order|bidirectional)`,
	"note/empty-line":     `no empty line before the signatures`,
	"note/first-line":     `text starts with an empty line`,
	"note/line-end":       `signature line \d+ does not end in a line feed`,
	"note/signatures":     `no signature lines|more than 16 signature lines`,
	"note/dash":           `signature line \d+: no "— " at its start`,
	"note/space":          `signature line \d+: no space after the name`,
	"note/name":           `signature line \d+: name `,
	"note/base64-length":  `signature line \d+: base64 has \d+ characters, want at most`,
	"note/base64":         `signature line \d+: malformed base64`,
	"note/signature-size": `signature line \d+: key id and signature have \d bytes`,
	"note/duplicate":      `a second signature with name`,

	"key/base64":      `public key .*: malformed base64`,
	"key/length":      `public key .* has \d+ bytes, want 32`,
	"key/canonical":   `public key .*: invalid: not the canonical encoding`,
	"key/small-order": `public key .*: invalid: a point of small order`,
	"key/curve":       `public key .*: invalid: not a point of the curve`,

	"signature/length":   `wrong signature by a known key`,
	"signature/s":        `wrong signature by a known key`,
	"signature/equation": `wrong signature by a known key`,

	"signers/wrong-signature": `wrong signature by a known key`,
	"signers/unclear":         `^key time unclear`,
	"signers/not-in-force":    `^signed by keys that were not in force`,
	"signers/too-few":         `^not signed by enough known keys`,

	"statement/format":  `malformed format line|unknown format`,
	"statement/line":    `line \d+: (unexpected line|text ends)`,
	"statement/type":    `statement type is`,
	"statement/issuer":  `issuer id`,
	"statement/network": `unknown network`,
	"statement/size":    `size: (malformed number|number .* out of range)`,
	"statement/root":    `root: malformed hash`,
	"statement/issued":  `issued( time has year|: malformed time)`,
	"statement/after":   `after: (malformed value|height|malformed hash)`,
	"statement/title":   `title (has \d+ bytes|.* has white space at an end)`,

	"list/format":          `malformed format line|unknown format`,
	"list/line":            `line \d+: (unexpected line|text ends)`,
	"list/issuer":          `issuer id`,
	"list/network":         `unknown network`,
	"list/sequence":        `sequence: (malformed number|number .* out of range)`,
	"list/asof":            `asof( time has year|: malformed time)`,
	"list/next":            `next: malformed time|next .* is not later than asof`,
	"list/batch":           `batch: malformed hash`,
	"list/withdrawn":       `withdrawn(-batch)?: malformed (value|hash)`,
	"list/batch-order":     `batch [0-9a-f]{64} is not in ascending order`,
	"list/withdrawn-order": `withdrawn(-batch)? [0-9a-f]{64} is not in ascending order`,
	"list/date":            `withdrawn(-batch)? [0-9a-f]{64}: (malformed date|date )`,
	"list/reason":          `withdrawn(-batch)? [0-9a-f]{64}: unknown reason`,
	"list-next/number":     `^status list is ahead of the clock: sequence \d+, at most 1795420800 `,
	"list-next/asof":       `^status list is ahead of the clock: it is as of \S+, and the clock of this machine says 2026-11-23T08:00:00Z`,
	"list-next/older":      `^status list is older than the known one`,
	"list-next/fork":       `two different status lists (have the same|with one) sequence number`,
	"list-next/kept":       `^invalid status list: an entry has vanished: (batch|withdrawn|withdrawn-batch) [0-9a-f]{64} of list \d+ is missing`,

	"file/format":         `malformed format line|unknown format`,
	"file/line":           `line \d+: (unexpected line|text ends)`,
	"file/issuer":         `issuer id`,
	"file/name":           `name (has \d+ bytes|.* has white space at an end)`,
	"file/sequence":       `sequence: (malformed number|number .* out of range)`,
	"file/set":            `set: malformed value`,
	"file/from":           `set: from: malformed time`,
	"file/until":          `set: until: malformed time|from .* is not before until`,
	"file/threshold":      `threshold`,
	"file/holder":         `holder (has \d+ bytes|.* has white space at an end)`,
	"file/sets":           `issuer file has \d+ key sets`,
	"file/keys":           `key set \d+: \d+ keys, want 1 to 16`,
	"file/duplicate-key":  `stands in the set twice`,
	"file/order":          `is not later than that of the set before|is open and not the last|overlaps with the set before`,
	"file/key-id":         `have the same key id`,
	"file/unsigned":       `^(issuer file: )?invalid issuer file: signed by \d of the \d keys of its newest set`,
	"file-next/issuer":    `^unexpected issuer file of`,
	"file-next/sequence":  `^(two different issuer files|issuer file is older|issuer files are missing)`,
	"file-next/sets":      `^invalid issuer file: (\d+ key sets, want|key set \d+ is not the one)`,
	"file-next/until":     `^invalid issuer file: key set \d+ ends at`,
	"file-next/threshold": `^invalid issuer file: signed by \d of the \d required keys of the set before`,

	"tx/size":          `^malformed transaction: \d+ bytes, want`,
	"tx/compact-size":  `want the shortest form$`,
	"tx/inputs":        `no input|witness serialization`,
	"tx/outputs":       `no output$`,
	"tx/truncated":     `bytes left (at byte \d+, want|can hold)`,
	"tx/left-over":     `bytes left over after`,
	"commitment/count": `has \d gradseal commitments`,
	"commitment/value": `commitment has a value of`,

	"path/length":          `block path: 25 hashes, want at most 24`,
	"path/position":        `hashes do not reach position`,
	"path/left-duplicate":  `the left sibling equals the node`,
	"path/right-duplicate": `a right sibling above the repeated last node`,
	"path/64-byte-node":    `has the shape of a 64-byte transaction`,
	"path/root":            `leads to root`,

	"header/zero":   `the target is zero`,
	"header/sign":   `the target is negative`,
	"header/range":  `the target has \d+ bits`,
	"header/work":   `is above its target`,
	"chain/genesis": `(malformed|unexpected) header file`,

	"segment/magic":   `malformed header segment: it does not begin with`,
	"segment/network": `malformed header segment: unknown network`,
	"segment/source":  `malformed header segment: malformed source`,
	"segment/work":    `invalid chainwork: more than 224 bits`,
	"segment/count":   `malformed header segment: \d+ headers, want 1 to 2000000`,
	"segment/height":  `headers from height \d+ on, want none above 16777215`,
	"segment/size":    `malformed header segment: \d+ bytes of headers, want`,

	"pack/format":        `^not a pack: format ".*", want "gradseal-pack/1"$`,
	"pack/status-issuer": `^status list \d is of `,
	"pack/status-order":  `^status list \d, for [a-z0-9]+, is out of order$`,
	"pack/base64":        `^header segment \d: malformed base64`,
	"pack/headers-order": `^header segment \d, of [a-z0-9]+ from height \d+, is out of order`,

	"proof/size":          `^the file has more than 65536 bytes`,
	"proof/newer":         `^made by a newer gradseal: `,
	"json/utf-8":          `malformed text: not UTF-8`,
	"json/bom":            `starts with a byte order mark`,
	"json/text":           `malformed JSON|the file is empty|is not in the one spelling`,
	"json/number":         `malformed JSON: unexpected number`,
	"json/members":        `malformed JSON: un(known field|expected )|is not in the one spelling|want a list`,
	"json/spelling":       `is not in the one spelling|an escape of another character`,
	"proof/format":        `^format ".*", want "gradseal-proof/1"$`,
	"proof/layers":        `^\d layers, want 1 to 4$`,
	"proof/index":         `leaf index \d+, want|unexpected number .* at "layers.index"`,
	"proof/path":          `^layer 1: audit path has \d+ hashes`,
	"proof/layer-type":    `statement of type`,
	"proof/layer-network": `the first layer's is for`,
	"proof/attestations":  `^two attestations of one type|^the attestation of type bitcoin is not the first$`,
	"proof/type":          `^bitcoin attestation: type "", want`,
	"proof/hex":           `has \d+ characters, want|is not lower-case hex`,
	"proof/position":      `unexpected number .* at "attestations.position"|position \d+, want at most 4294967295`,
	"proof/block-path":    `^bitcoin attestation: audit path has \d+ hashes`,
	"proof/height":        `unexpected number .* at "attestations.height"`,
	"proof/successors":    `^bitcoin attestation: \d+ successors`,

	"timestamp/size":        `the timestamp has 10001 bytes, want at most 10000$`,
	"timestamp/truncated":   `malformed timestamp: it ends too early$`,
	"timestamp/number":      `malformed timestamp: a number (of more than 64 bits|that is not in its shortest form)$`,
	"timestamp/length":      `malformed timestamp: a length of \d+, want 1 to 4096$`,
	"timestamp/message":     `malformed timestamp: (append|prepend) makes a message of \d+ bytes`,
	"timestamp/depth":       `malformed timestamp: it is nested deeper than 256$`,
	"timestamp/fork":        `the timestamp has forks, want one path|unsupported timestamp: an (attestation|operation) stands there twice$`,
	"timestamp/operation":   `the timestamp has the operation \w+, want|unknown timestamp format: operation 0xf4$`,
	"timestamp/attestation": `the timestamp ends in (Litecoin|pending|unknown)`,
	"timestamp/left-over":   `malformed timestamp: \d+ bytes follow its end$`,
	"timestamp/height":      `malformed timestamp: the block attestation has no height$|the timestamp ends in Bitcoin block \d+, want`,
	"timestamp/result":      `the timestamp attests to \d+ bytes, want the 32 of a Merkle root$`,

	"compact/newer":     `^made by a newer gradseal: compact proof of version 2$`,
	"compact/version":   `^malformed compact proof: version 0, want 1$`,
	"compact/truncated": `^malformed compact proof: (unexpected EOF|a number that is cut off)`,
	"compact/number":    `^malformed compact proof: (a number .* of more than 64 bits|not in its one spelling)$`,
	"compact/count":     `^malformed compact proof: (\d+ [a-z ]+, want at most \d+|attestations of kind 4, want 0 to 3)$`,
	"compact/network":   `^malformed compact proof: layer 1: .*network`,
	"compact/left-over": `^malformed compact proof: \d+ bytes after its end$`,
	"compact/spelling":  `^malformed compact proof: not in its one spelling$`,

	"codes/form":    `^the code is not written as part|^the code says that it is|^code \d+ has \d+ bytes, want`,
	"codes/base45":  `^code \d+: not Base45$`,
	"codes/other":   `^the code is part of another proof$`,
	"codes/twice":   `^code 1 was read twice, with different contents$`,
	"codes/split":   `^the codes do not make one proof`,
	"codes/missing": `^codes are missing$`,

	"trailer/form":       `something interrupts the lines|line \d+ of the proof has|content was added after|the file is cut off within|the line ends at the proof`,
	"trailer/base64":     `illegal base64 data`,
	"trailer/proof-size": `the proof has \d+ bytes, more than`,
	"trailer/original":   `what stands before the proof does not end in startxref`,
	"trailer/digits":     `startxref after the proof is \d+, and that of`,
}

// requireFails checks that err is what the id asks for: nil for none.
func requireFails(t *testing.T, id string, err error) {
	t.Helper()
	if id == "" {
		require.NoError(t, err)
		return
	}
	pattern := says[id]
	require.NotEmpty(t, pattern, "an id without a pattern: %s", id)
	require.Error(t, err, id)
	require.Regexp(t, pattern, err.Error(), id)
}

// load reads a file of vectors, and nothing that the kind does not have.
func load[V any](t *testing.T, kind string) []V {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(vectorsDir, kind+".json"))
	require.NoError(t, err)
	var f struct {
		Kind    string `json:"kind"`
		Vectors []V    `json:"vectors"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&f))
	require.Equal(t, kind, f.Kind)
	require.NotEmpty(t, f.Vectors)
	return f.Vectors
}

// each runs a test for each vector of a kind.
func each[V interface{ name() string }](t *testing.T, kind string, run func(t *testing.T, v V)) {
	for _, v := range load[V](t, kind) {
		t.Run(v.name(), func(t *testing.T) { run(t, v) })
	}
}

func (h head) name() string { return h.Name }

// octets is an input that is text or base64.
func octets(text *string, raw []byte) []byte {
	if text != nil {
		return []byte(*text)
	}
	return raw
}

func hashes[H ~[32]byte](t *testing.T, in []string) []H {
	t.Helper()
	out := make([]H, len(in))
	for i, s := range in {
		out[i] = H(hash(t, s))
	}
	return out
}

func hash(t *testing.T, s string) [32]byte {
	t.Helper()
	b := unhex(t, s)
	require.Len(t, b, 32)
	return [32]byte(b)
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func clock(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	require.NoError(t, err)
	return at
}

func parseFile(t *testing.T, data string) *issuer.File {
	t.Helper()
	f, err := issuer.ParseFile([]byte(data))
	require.NoError(t, err)
	return f
}

// The files are what this program writes.
func TestFilesAreWritten(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, write(dir))
	want, err := filepath.Glob(filepath.Join(dir, "*.json"))
	require.NoError(t, err)
	require.Len(t, want, len(files()))
	got, err := filepath.Glob(filepath.Join(vectorsDir, "*.json"))
	require.NoError(t, err)
	require.Len(t, got, len(want))
	for i := range want {
		require.Equal(t, filepath.Base(want[i]), filepath.Base(got[i]))
		a, err := os.ReadFile(want[i])
		require.NoError(t, err)
		b, err := os.ReadFile(got[i])
		require.NoError(t, err)
		require.True(t, bytes.Equal(a, b), "%s: run go run ./internal/vectors -o testdata/vectors", got[i])
	}
}

// entry is what all vectors have.
type entry struct{ Name, Why, Fails, Cause string }

func everything(t *testing.T) []entry {
	t.Helper()
	var all []entry
	for _, f := range files() {
		data, err := json.Marshal(f.Vectors)
		require.NoError(t, err)
		var list []entry
		require.NoError(t, json.Unmarshal(data, &list))
		require.NotEmpty(t, list)
		for _, e := range list {
			require.True(t, strings.HasPrefix(e.Name, f.Kind+"-"), e.Name)
		}
		all = append(all, list...)
	}
	return all
}

func TestVectorsAsAWhole(t *testing.T) {
	all := everything(t)
	names := make(map[string]bool)
	failing := 0
	for _, e := range all {
		require.Regexp(t, `^[a-z0-9-]+$`, e.Name)
		require.False(t, names[e.Name], "%s stands twice", e.Name)
		names[e.Name] = true
		require.Regexp(t, `^.+\.$`, e.Why, e.Name)
		if e.Fails != "" {
			failing++
		}
	}
	require.GreaterOrEqual(t, len(all), 260)
	require.GreaterOrEqual(t, 100*failing, 80*len(all), "%d of %d must fail", failing, len(all))
	t.Logf("%d vectors, %d of them must fail", len(all), failing)
}

// readmeIDs are the ids in the tables of the README, in their order.
func readmeIDs(t *testing.T) []string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(vectorsDir, "README.md"))
	require.NoError(t, err)
	var ids []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9-]+/[a-z0-9-]+)` \\|").FindAllSubmatch(readme, -1) {
		ids = append(ids, string(m[1]))
	}
	return ids
}

// Every id of the README has a vector, and every id of a vector is in the
// README.
func TestIDsAreThoseOfTheReadme(t *testing.T) {
	documented := readmeIDs(t)
	used := make(map[string]bool)
	for _, e := range everything(t) {
		used[e.Fails] = true
		if e.Cause != "" {
			require.Contains(t, says, e.Cause, e.Name)
		}
	}
	delete(used, "")
	for i, id := range documented {
		require.NotContains(t, documented[:i], id, "twice in the README")
		require.True(t, used[id], "%s has no vector", id)
		_, known := says[id]
		require.NotEqual(t, known, verdictID(id), "%s: one of a verdict, or one with a pattern", id)
	}
	for id := range used {
		require.Contains(t, documented, id)
	}
	for id := range says {
		require.Contains(t, documented, id)
	}
}

func TestTree(t *testing.T) {
	each(t, "tree", func(t *testing.T, v treeVector) {
		leaf := merkle.LeafHash(unhex(t, v.Entry))
		err := merkle.VerifyInclusion(leaf, v.Index, v.Size, hashes[merkle.Hash](t, v.Path), merkle.Hash(hash(t, v.Root)))
		requireFails(t, v.Fails, err)
	})
}

func TestNote(t *testing.T) {
	each(t, "note", func(t *testing.T, v noteVector) {
		n, err := issuer.ParseNote(octets(v.Note, v.Bytes), v.Limit)
		requireFails(t, v.Fails, err)
		if v.Fails == "" {
			require.Equal(t, v.Text, n.Text)
		}
	})
}

func TestPublicKey(t *testing.T) {
	each(t, "public-key", func(t *testing.T, v publicKeyVector) {
		_, err := issuer.ParsePublicKey(v.Key)
		requireFails(t, v.Fails, err)
	})
}

// A signature is judged by a file with its key alone. The three ids are told
// apart here: what a signature of another length or with another S comes down to
// must be correct, so that the one check that is named is all that refuses it.
func TestSignature(t *testing.T) {
	each(t, "signature", func(t *testing.T, v signatureVector) {
		key, err := issuer.ParsePublicKey(v.Key)
		require.NoError(t, err)
		sig := unhex(t, v.Signature)
		requireFails(t, v.Fails, judgeSignature(key, v.Text, sig))
		switch v.Fails {
		case "signature/length":
			require.NotEqual(t, 64, len(sig))
			if len(sig) > 64 {
				require.NoError(t, judgeSignature(key, v.Text, sig[:64]))
			}
		case "signature/s":
			require.Len(t, sig, 64)
			require.GreaterOrEqual(t, numberOf(sig[32:]).Cmp(groupOrder), 0)
		case "signature/equation":
			require.Len(t, sig, 64)
			require.Negative(t, numberOf(sig[32:]).Cmp(groupOrder))
		}
	})
}

func judgeSignature(key issuer.PublicKey, text string, sig []byte) error {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f := &issuer.File{ID: uniID, Sets: []issuer.KeySet{{From: at, Threshold: 1, Keys: []issuer.Key{{Public: key}}}}}
	n := &issuer.Note{Text: text, Signatures: []issuer.Signature{{Name: uniID, KeyID: key.ID(uniID), Bytes: sig}}}
	_, err := f.CheckSignatures(n, at)
	return err
}

func numberOf(le []byte) *big.Int {
	be := slices.Clone(le)
	slices.Reverse(be)
	return new(big.Int).SetBytes(be)
}

func TestSigners(t *testing.T) {
	each(t, "signers", func(t *testing.T, v signersVector) {
		n, err := issuer.ParseNote([]byte(v.Note), issuer.MaxStatement)
		require.NoError(t, err)
		_, err = parseFile(t, v.IssuerFile).CheckSignatures(n, clock(t, v.Time))
		requireFails(t, v.Fails, err)
	})
}

func TestStatement(t *testing.T) {
	each(t, "statement", func(t *testing.T, v statementVector) {
		data := octets(v.Note, v.Bytes)
		requireNote(t, data, issuer.MaxStatement, v.Fails)
		s, _, err := issuer.ParseStatement(data)
		requireFails(t, v.Fails, err)
		if v.Fails == "" {
			require.Equal(t, hash(t, v.BatchRoot), proof.BatchRoot(data, s.Root))
		}
	})
}

// requireNote checks the layer below: the envelope is refused where the id says
// so, and only there.
func requireNote(t *testing.T, data []byte, limit int, id string) {
	t.Helper()
	_, err := issuer.ParseNote(data, limit)
	if !strings.HasPrefix(id, "note/") {
		id = ""
	}
	requireFails(t, id, err)
}

func TestStatusList(t *testing.T) {
	each(t, "status-list", func(t *testing.T, v statusListVector) {
		data := octets(v.Note, v.Bytes)
		requireNote(t, data, issuer.MaxStatus, v.Fails)
		_, _, err := issuer.ParseStatus(data)
		requireFails(t, v.Fails, err)
	})
}

func TestStatusNext(t *testing.T) {
	each(t, "status-next", func(t *testing.T, v statusNextVector) {
		known, _, err := issuer.ParseStatus([]byte(v.Known))
		require.NoError(t, err)
		next, note, err := issuer.ParseStatus([]byte(v.Next))
		require.NoError(t, err)
		file := parseFile(t, v.IssuerFile)
		require.Equal(t, file.ID, known.Issuer)
		_, err = file.CheckSignatures(note, clock(t, v.Now))
		succession := cmp.Or(next.CheckClock(clock(t, v.Now)), known.CheckSuccessor(next))
		if v.Fork != "" {
			succession = takeForked(t, v)
		}
		if strings.HasPrefix(v.Fails, "signers/") {
			require.NoError(t, succession)
		} else {
			require.NoError(t, err)
			err = succession
		}
		requireFails(t, v.Fails, err)
		require.Equal(t, resultOf(v.Fails, known.Sequence == next.Sequence), v.Result)
	})
}

// takeForked has a trust store that saw both lists of a fork take in the next one.
func takeForked(t *testing.T, v statusNextVector) error {
	t.Helper()
	store := trust.Open(t.TempDir())
	_, err := store.Add([]byte(v.IssuerFile))
	require.NoError(t, err)
	_, err = store.ImportStatus([]byte(v.Known), clock(t, v.Now))
	require.NoError(t, err)
	_, err = store.ImportStatus([]byte(v.Fork), clock(t, v.Now))
	require.ErrorIs(t, err, trust.ErrStatusFork)
	newer, err := store.ImportStatus([]byte(v.Next), clock(t, v.Now))
	require.Equal(t, err == nil, newer)
	return err
}

// resultOf is the result of a succession that is accepted.
func resultOf(fails string, same bool) string {
	switch {
	case fails != "":
		return ""
	case same:
		return "same"
	}
	return "taken"
}

func TestIssuerFile(t *testing.T) {
	each(t, "issuer-file", func(t *testing.T, v issuerFileVector) {
		data := octets(v.Note, v.Bytes)
		requireNote(t, data, issuer.MaxFile, v.Fails)
		f, err := issuer.ParseFile(data)
		requireFails(t, v.Fails, err)
		if v.Fails == "" {
			require.Equal(t, v.Fingerprint, f.Fingerprint().String())
		}
	})
}

func TestIssuerNext(t *testing.T) {
	each(t, "issuer-next", func(t *testing.T, v issuerNextVector) {
		known, next := parseFile(t, v.Known), parseFile(t, v.Next)
		requireFails(t, v.Fails, known.CheckSuccessor(next, []byte(v.Next)))
		require.Equal(t, resultOf(v.Fails, known.Sequence == next.Sequence), v.Result)
	})
}

func TestTransaction(t *testing.T) {
	each(t, "transaction", func(t *testing.T, v transactionVector) {
		tx, err := bitcoin.ParseTransaction(unhex(t, v.Transaction))
		if strings.HasPrefix(v.Fails, "tx/") {
			requireFails(t, v.Fails, err)
			return
		}
		require.NoError(t, err)
		root, err := proof.ParseCommitment(tx)
		requireFails(t, v.Fails, err)
		if v.Fails == "" {
			require.Equal(t, v.ID, tx.ID().String())
			require.Equal(t, hash(t, v.BatchRoot), root)
		}
	})
}

func TestBlockPath(t *testing.T) {
	each(t, "block-path", func(t *testing.T, v blockPathVector) {
		require.LessOrEqual(t, v.Position, uint64(1<<32-1))
		err := bitcoin.VerifyInclusion(hash(t, v.Hash), uint32(v.Position), hashes[bitcoin.Hash](t, v.Path), hash(t, v.MerkleRoot))
		requireFails(t, v.Fails, err)
		// A reader that only follows the path accepts all but the wrong roots.
		folded := foldBlock(hash(t, v.Hash), v.Position, hashes[bitcoin.Hash](t, v.Path))
		require.Equal(t, v.Fails == "path/root", folded != hash(t, v.MerkleRoot))
	})
}

func TestHeader(t *testing.T) {
	each(t, "header", func(t *testing.T, v headerVector) {
		h, err := bitcoin.ParseHeader(unhex(t, v.Header))
		require.NoError(t, err)
		requireFails(t, v.Fails, h.CheckWork())
	})
}

func TestChain(t *testing.T) {
	each(t, "chain", func(t *testing.T, v chainVector) {
		path := filepath.Join(t.TempDir(), "headers")
		require.NoError(t, os.WriteFile(path, unhex(t, v.File), 0o666))
		network, err := bitcoin.ParseNetwork(v.Network)
		require.NoError(t, err)
		c, err := headers.Open(path, network)
		requireFails(t, v.Fails, err)
		if v.Fails == "" {
			require.EqualValues(t, *v.Height, c.Height())
			require.NoError(t, c.Close())
		}
	})
}

func TestProof(t *testing.T) {
	each(t, "proof", func(t *testing.T, v proofVector) {
		data := octets(v.Proof, v.Bytes)
		_, err := proof.Parse(data)
		requireFails(t, v.Fails, err)
		require.Equal(t, v.Fails == "proof/newer", errors.Is(err, proof.ErrNewer))
		switch {
		case v.Fails == "json/text":
			require.False(t, json.Valid(data), "a JSON text")
		case v.Fails == "json/number", v.Fails == "json/members", v.Fails == "json/spelling":
			require.True(t, json.Valid(data), "no JSON text")
		}
		if v.Fails == "json/spelling" {
			requireRespelled(t, data)
		}
	})
}

// requireRespelled checks that a JSON reader which minds no spelling finds a
// sound proof in the file.
func requireRespelled(t *testing.T, data []byte) {
	t.Helper()
	var lenient struct {
		Format   string `json:"format"`
		Document struct {
			SHA256 string `json:"sha256"`
			Salt   string `json:"salt"`
		} `json:"document"`
		Layers []struct {
			Index     uint64   `json:"index"`
			Path      []string `json:"path"`
			Statement string   `json:"statement"`
		} `json:"layers"`
		Attestations []struct {
			Type        string    `json:"type"`
			Timestamp   *string   `json:"timestamp,omitempty"`
			Transaction *string   `json:"transaction,omitempty"`
			Position    *uint32   `json:"position,omitempty"`
			Path        *[]string `json:"path,omitempty"`
			Header      *string   `json:"header,omitempty"`
			Height      *uint32   `json:"height,omitempty"`
			Successors  *[]string `json:"successors,omitempty"`
		} `json:"attestations"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&lenient))
	var again bytes.Buffer
	enc := json.NewEncoder(&again)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	require.NoError(t, enc.Encode(lenient))
	_, err := proof.Parse(again.Bytes())
	require.NoError(t, err)
}

func TestTimestamp(t *testing.T) {
	each(t, "timestamp", func(t *testing.T, v timestampVector) {
		data := unhex(t, v.Timestamp)
		o, err := proof.ParseOpenTimestamps(data)
		requireFails(t, v.Fails, err)
		if v.Fails != "" {
			return
		}
		require.Equal(t, *v.Height, o.Height)
		root, err := o.MerkleRoot(hash(t, v.BatchRoot))
		require.NoError(t, err)
		require.Equal(t, hash(t, v.MerkleRoot), [32]byte(root))
		again, err := o.Marshal()
		require.NoError(t, err)
		require.Equal(t, data, again)
	})
}

func TestTrailer(t *testing.T) {
	each(t, "trailer", func(t *testing.T, v trailerVector) {
		data := octets(v.File, v.Bytes)
		original, got, err := proof.SplitTrailer(bytes.NewReader(data), int64(len(data)))
		if v.Fails == "" && *v.Original < 0 {
			require.ErrorIs(t, err, proof.ErrNoTrailer)
			require.Empty(t, *v.Proof)
			return
		}
		requireFails(t, v.Fails, err)
		if v.Fails != "" {
			require.ErrorIs(t, err, proof.ErrTrailer)
			return
		}
		require.EqualValues(t, *v.Original, original)
		require.Equal(t, *v.Proof, string(got))
	})
}

func TestCompact(t *testing.T) {
	each(t, "compact", func(t *testing.T, v compactVector) {
		data := unhex(t, v.Compact)
		p, err := proof.ParseCompact(data)
		requireFails(t, v.Fails, err)
		require.Equal(t, v.Fails == "compact/newer", errors.Is(err, proof.ErrNewer))
		if v.Fails != "" {
			return
		}
		require.Equal(t, v.Proof, marshal(p))
		again, err := proof.MarshalCompact(p)
		require.NoError(t, err)
		require.Equal(t, data, again)
	})
}

func TestCodes(t *testing.T) {
	each(t, "codes", func(t *testing.T, v codesVector) {
		compact, err := joined(v.Codes)
		requireFails(t, v.Fails, err)
		require.Equal(t, v.Compact, hex.EncodeToString(compact))
	})
}

// joined is what a reader makes of codes.
func joined(codes []string) ([]byte, error) {
	var parts qr.Parts
	for _, text := range codes {
		if err := parts.Add([]byte(text)); err != nil && !errors.Is(err, qr.ErrNotPart) {
			return nil, err
		}
	}
	compact, done := parts.Done()
	if !done {
		return nil, errors.New("codes are missing")
	}
	return compact, nil
}

// The seeds of two keys with one key id were found by a search that the program
// does not repeat.
func TestCollidingKeys(t *testing.T) {
	a, b := newOfficer(uniID, collidingSeeds[0]).public(), newOfficer(uniID, collidingSeeds[1]).public()
	require.NotEqual(t, a, b)
	require.Equal(t, a.ID(uniID), b.ID(uniID))
}

// Base64 that is respelled decodes to the same bytes for a lenient reader.
func TestRespell(t *testing.T) {
	key := dean.public()
	seen := map[string]bool{key.String(): true}
	for by := 1; by <= 3; by++ {
		s := respell(key.String(), by)
		require.False(t, seen[s])
		seen[s] = true
		raw, err := base64.StdEncoding.DecodeString(s)
		require.NoError(t, err)
		require.Equal(t, key[:], raw)
	}
}

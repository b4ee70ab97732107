package cmd

import (
	"bytes"
	"crypto/sha1"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/proof/ots"
	"gradseal/verify"
)

// writeTimestamp writes a document, and a file with this timestamp of it.
func writeTimestamp(t *testing.T, hash ots.Operation, ts *ots.Timestamp) (document, file string) {
	t.Helper()
	document = filepath.Join(t.TempDir(), "essay.txt")
	content := []byte("an essay\n")
	require.NoError(t, os.WriteFile(document, content, 0o600))
	h := hash.New()
	h.Write(content)
	data, err := (&ots.File{Hash: hash, Digest: h.Sum(nil), Timestamp: ts}).Marshal()
	require.NoError(t, err)
	file = document + otsSuffix
	require.NoError(t, os.WriteFile(file, data, 0o600))
	return document, file
}

// What is said of the kinds of .ots files that no command here writes.
func TestVerifyForeignTimestamps(t *testing.T) {
	end := func(all ...ots.Attestation) *ots.Timestamp { return &ots.Timestamp{Attestations: all} }
	block := end(ots.Bitcoin(5)).After([]ots.Operation{ots.SHA256})
	for name, test := range map[string]struct {
		hash ots.Operation
		ts   *ots.Timestamp
		want []string
	}{
		"pending": {ots.SHA256, end(ots.Pending("https://a.example"), ots.Pending("https://b.example")),
			[]string{"pending at https://a.example, https://b.example", "ots upgrade FILE.ots"}},
		"Litecoin": {ots.SHA256, end(ots.Attestation{Tag: ots.TagLitecoin, Payload: "\x09"}),
			[]string{"leads to no Merkle root of Bitcoin, but to Litecoin block 9", "if an institution issued it with gradseal, ask for its proof"}},
		"a block": {ots.SHA256, block,
			[]string{"there is no header chain of mainnet here", "gradseal headers sync --network mainnet", "An .ots file names no network"}},
		"by SHA-1": {ots.SHA1, block,
			[]string{"document   ok       SHA-1 "}},
		"by RIPEMD-160": {ots.RIPEMD160, block,
			[]string{"document   ok       RIPEMD-160 "}},
	} {
		t.Run(name, func(t *testing.T) {
			document, file := writeTimestamp(t, test.hash, test.ts)
			code, out, errs := outputOf(t.TempDir(), nil, "verify", document, "--ots", file)
			require.Equal(t, verify.CannotTell.Exit(), code, errs)
			require.True(t, strings.HasPrefix(out, "CANNOT TELL who issued it, nor by when it existed\n"), out)
			require.NotContains(t, out, "with this", "nothing is proven that could be weak")
			require.NotContains(t, out, "can be made")
			for _, want := range test.want {
				require.Contains(t, out, want)
			}
			code, out, errs = outputOf(t.TempDir(), nil, "verify", "--json", document, "--ots", file)
			require.Equal(t, verify.CannotTell.Exit(), code, errs)
			var object verdictJSON
			require.NoError(t, json.Unmarshal([]byte(out), &object))
			require.True(t, object.ExistenceOnly)
			require.Nil(t, object.Block)
			require.Equal(t, test.hash != ots.SHA256, object.WeakHash != nil)
		})
	}
}

// What is named in the place of a timestamp and is none is a mistake of whoever
// named it, and says nothing about the document.
func TestVerifyNoTimestamp(t *testing.T) {
	end := &ots.Timestamp{Attestations: []ots.Attestation{ots.Pending("https://a.example")}}
	document, file := writeTimestamp(t, ots.SHA256, end)
	write := func(name, content string) string {
		path := filepath.Join(filepath.Dir(document), name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	newer := write("newer.json", `{"format": "gradseal-proof/2"}`)
	pdf, text, empty := write("a.pdf", "%PDF-1.7\n"), write("a.txt", "a text"), write("empty.ots", "")
	for name, test := range map[string]struct {
		document, ots string
		what, hint    string
	}{
		"a proof":        {document, newer, shown(newer) + " is a proof of gradseal", "run: gradseal verify " + shown(document) + " --proof " + shown(newer)},
		"a PDF":          {document, pdf, shown(pdf) + " is a PDF", "run: gradseal verify " + shown(document)},
		"a text":         {document, text, shown(text) + " is no .ots file", "run: gradseal verify FILE --ots FILE.ots"},
		"nothing":        {document, empty, shown(empty) + " is no .ots file", "run: gradseal verify FILE --ots FILE.ots"},
		"the other way":  {file, document, shown(document) + " is no .ots file, and " + shown(file) + " is one", "the document comes first: gradseal verify " + shown(document) + " --ots " + shown(file)},
		"no file at all": {document, "", "--ots: no file is named", ""},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := outputOf(t.TempDir(), nil, "verify", test.document, "--ots", test.ots)
			require.Equal(t, exitError, code)
			require.Empty(t, out)
			if test.ots != "" {
				require.Contains(t, errs, "nothing was judged: ")
			}
			require.Contains(t, errs, test.what)
			require.Contains(t, errs, test.hint)
		})
	}
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	code, out, errs := outputOf(t.TempDir(), nil, "verify", document, "--ots", write("cut.ots", string(data[:40])))
	require.Equal(t, verify.Invalid.Exit(), code, errs)
	require.Contains(t, out, "The .ots file is damaged")
}

// A file that only others read is neither true nor false: who can read it judges.
func TestVerifyUnsupportedTimestamp(t *testing.T) {
	end := &ots.Timestamp{Attestations: []ots.Attestation{ots.Bitcoin(5)}}
	document, file := writeTimestamp(t, ots.SHA256, end)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	head, attestation := data[:65], data[65:]
	twice := slices.Concat(head, []byte{0xff}, attestation, attestation)
	require.NoError(t, os.WriteFile(file, twice, 0o600))
	code, out, errs := outputOf(t.TempDir(), nil, "verify", document, "--ots", file)
	require.Equal(t, verify.CannotTell.Exit(), code, errs)
	require.Contains(t, out, "cannot be read here: unsupported timestamp: an attestation stands there twice")
	require.Contains(t, out, "What to do: let the client of OpenTimestamps judge it: ots verify FILE.ots")
	require.NotContains(t, out, "damaged")
}

// What names a timestamp is its content, not its name.
func TestVerifyTimestampWithoutProof(t *testing.T) {
	end := &ots.Timestamp{Attestations: []ots.Attestation{ots.Pending("https://a.example")}}
	document, file := writeTimestamp(t, ots.SHA256, end)
	renamed := filepath.Join(filepath.Dir(file), "renamed")
	require.NoError(t, os.Rename(file, renamed))
	require.NoError(t, os.WriteFile(file, []byte("no timestamp"), 0o600))
	for path, want := range map[string]string{
		renamed:  "this is a timestamp, and no document. It names no issuer, but may prove by when one existed",
		file:     "ask whoever gave you the document for its proof",
		document: "put it beside the document\n",
	} {
		code, out, errs := outputOf(t.TempDir(), nil, "verify", path)
		require.Equal(t, verify.CannotTell.Exit(), code, errs)
		require.Contains(t, out, want)
	}
}

// shownAs is how a result is printed in full, and under --json.
func shownAs(t *testing.T, r *verify.Result) (text string, object map[string]any) {
	t.Helper()
	var out bytes.Buffer
	a := &app{ui: newUI(Stdio{Out: &out, Err: &out})}
	j := judged{path: "essay.txt", Result: r}
	advice := a.advice(j, nil)
	a.printReport(j, bitcoin.Mainnet, advice)
	data, err := json.Marshal(newVerdictJSON(j, bitcoin.Mainnet, advice))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &object))
	return out.String(), object
}

// The headline about the example that comes with OpenTimestamps, which rests on
// RIPEMD-160; and about one that does not.
func TestExistenceHeadline(t *testing.T) {
	at := &verify.BlockAt{Height: 358391, Time: time.Date(2015, 5, 28, 22, 30, 0, 0, time.UTC), Confirmations: 500000}
	r := &verify.Result{Verdict: verify.CannotTell, Network: bitcoin.Mainnet, Header: at, NoLaterThan: at.Day(), Existence: &verify.Existence{}}
	for i := range r.Checks {
		r.Checks[i].Reason = verify.NoIssuerNamed
	}
	r.Checks[verify.Document] = verify.Check{Name: "document", Outcome: verify.OK}
	r.Checks[verify.Anchor] = verify.Check{Name: "anchor", Outcome: verify.OK}
	r.Checks[verify.Block] = verify.Check{Name: "block", Outcome: verify.OK}
	text, object := shownAs(t, r)
	require.Contains(t, text, "CANNOT TELL who issued it – it existed no later than 29 May 2015 (block 358391 of mainnet)\n")
	require.NotContains(t, text, "SHA-1")
	require.NotContains(t, text, "RIPEMD-160")
	require.NotContains(t, text, "TEST NETWORK")
	require.Equal(t, true, object["existence_only"])
	require.Equal(t, "2015-05-29", object["no_later_than"])
	require.Nil(t, object["weak_hash"])

	r.Existence.WeakHash, r.Existence.WeakStep = "RIPEMD-160", true
	text, object = shownAs(t, r)
	require.Contains(t, text, "CANNOT TELL who issued it – it, or a document made to look the same to RIPEMD-160, existed no later than 29 May 2015 (block 358391 of mainnet)\n")
	require.Contains(t, text, "A step of the timestamp uses RIPEMD-160: it may not be this exact document that existed.\n")
	require.NotContains(t, text, "this RIPEMD-160")
	require.Equal(t, "RIPEMD-160", object["weak_hash"])

	r.Existence.WeakHash, r.Existence.WeakStep = "SHA-1", false
	text, object = shownAs(t, r)
	require.Contains(t, text, "CANNOT TELL who issued it – something with its SHA-1 existed no later than 29 May 2015 (block 358391 of mainnet)\n")
	require.Contains(t, text, "names the document by SHA-1. It proves that something with this SHA-1\n  existed, not this exact document: two documents with one SHA-1 can be made.\n")
	require.NotContains(t, text, "A step")
	require.Equal(t, "SHA-1", object["weak_hash"])

	// Of another document neither block nor day is named.
	r.Verdict, r.NoLaterThan = verify.Invalid, time.Time{}
	r.Checks[verify.Document] = verify.Check{Name: "document", Outcome: verify.Failed, Reason: verify.DigestDiffers}
	text, object = shownAs(t, r)
	require.NotContains(t, text, "existed")
	require.Equal(t, true, object["existence_only"])
	for _, key := range []string{"block", "no_later_than", "weak_hash"} {
		require.Nil(t, object[key], key)
	}
}

// A second block has its line where the proof is good so far, and nowhere else.
func TestWitnessLine(t *testing.T) {
	at := &verify.BlockAt{Height: 700, Hash: bitcoin.Hash{1}, Time: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	const line = "An OpenTimestamps timestamp in the proof leads to block 700 too: no later than 22 November 2026.\n"
	for verdict, want := range map[verify.Verdict]bool{
		verify.Valid: true, verify.Pending: true, verify.CannotTell: false, verify.Invalid: false, verify.Withdrawn: false,
	} {
		r := &verify.Result{Verdict: verdict, Network: bitcoin.Mainnet, Header: at, NoLaterThan: at.Day(), Witness: at}
		text, object := shownAs(t, r)
		require.Equal(t, want, strings.Contains(text, line), "%s", verdict)
		require.Equal(t, map[string]any{"height": 700.0, "hash": at.Hash.String(), "time": "2026-11-22T10:00:00Z"}, object["witness"])
		r.Witness = nil
		text, object = shownAs(t, r)
		require.NotContains(t, text, "OpenTimestamps")
		require.Nil(t, object["witness"])
	}
}

// Forks, all operations, and every kind of attestation, as inspect draws them.
func TestInspectTree(t *testing.T) {
	end := func(all ...ots.Attestation) *ots.Timestamp { return &ots.Timestamp{Attestations: all} }
	ts := &ots.Timestamp{Branches: []ots.Branch{
		{Op: ots.Append([]byte{0xab}), Then: end(ots.Pending("https://a.example"), ots.Bitcoin(7))},
		{Op: ots.Reverse, Then: end(ots.Bitcoin(8)).After([]ots.Operation{ots.Hexlify, ots.SHA256})},
	}}
	ts.Attestations = []ots.Attestation{{Tag: ots.Tag{1, 2}, Payload: "\x1b[31m"}}
	document, file := writeTimestamp(t, ots.SHA1, ts)
	content, err := os.ReadFile(document)
	require.NoError(t, err)
	digest := sha1.Sum(content)
	d := &drawing{}
	reversed, err := ots.Reverse.Apply(digest[:])
	require.NoError(t, err)
	code, out, errs := outputOf(t.TempDir(), nil, "inspect", file)
	require.Zero(t, code, errs)
	_, drawn, _ := strings.Cut(out, "\n\n")
	drawn, _, _ = strings.Cut(drawn, "\n\n")
	require.Equal(t, "sha1 of the document: "+d.hex(digest[:])+`
├─ unknown attestation 0102000000000000, 5 bytes:
│  1b5b33316d
├─ append      ab
│  ├─ pending at "https://a.example",
│  │  which knows it as `+d.hex(append(digest[:], 0xab))+`
│  └─ Bitcoin block 7, whose Merkle root this would be:
│     but it has 21 bytes
└─ reverse   = `+d.hex(reversed)+`
   │ hexlify   = `+d.hex(mustApply(t, reversed, ots.Hexlify))+`
   │ sha256    = `+d.hex(mustApply(t, reversed, ots.Hexlify, ots.SHA256))+`
   └─ Bitcoin block 8, whose Merkle root this would be:
      `+d.hex(mustApply(t, reversed, ots.Hexlify, ots.SHA256))+
		"\n      reversed "+d.digits(bitcoin.Hash(mustApply(t, reversed, ots.Hexlify, ots.SHA256)).String()), drawn)

	code, out, errs = outputOf(t.TempDir(), nil, "inspect", "--json", file)
	require.Zero(t, code, errs)
	var object inspectionJSON
	require.NoError(t, json.Unmarshal([]byte(out), &object))
	var ends []string
	for _, a := range object.Attestations {
		ends = append(ends, a.Type)
	}
	require.Equal(t, []string{"unknown", "pending", "bitcoin", "bitcoin"}, ends)
	after := []int{}
	for _, s := range object.Steps {
		after = append(after, s.After)
	}
	require.Equal(t, []int{0, 0, 2, 3}, after)
	require.Equal(t, "sha1", object.Hash)
}

func mustApply(t *testing.T, message []byte, ops ...ots.Operation) []byte {
	t.Helper()
	var err error
	for _, op := range ops {
		message, err = op.Apply(message)
		require.NoError(t, err)
	}
	return message
}

// A small file that leads through messages of many megabytes is not shown.
func TestInspectTooMuch(t *testing.T) {
	long := []ots.Operation{ots.Append(make([]byte, 4000))}
	for len(long) < 200 {
		long = append(long, ots.Reverse)
	}
	ts := new(ots.Timestamp)
	for i := range 12 {
		way := append([]ots.Operation{ots.Prepend([]byte{byte(i)})}, long...)
		ts = ots.Merge(ts, (&ots.Timestamp{Attestations: []ots.Attestation{ots.Bitcoin(1)}}).After(way))
	}
	_, file := writeTimestamp(t, ots.SHA256, ts)
	code, out, errs := outputOf(t.TempDir(), nil, "inspect", "--json", file)
	require.Equal(t, exitError, code)
	require.Empty(t, errs)
	require.Contains(t, out, "too much to show")
	require.Less(t, len(out), 1000)
}

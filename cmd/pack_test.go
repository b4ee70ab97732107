package cmd

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/trust"
	"gradseal/verify"
)

func TestMergeSpans(t *testing.T) {
	for _, test := range []struct{ in, want []span }{
		{nil, nil},
		{[]span{{5, 9}}, []span{{5, 9}}},
		{[]span{{5, 9}, {0, 3}}, []span{{0, 3}, {5, 9}}},
		{[]span{{5, 9}, {0, 4}}, []span{{0, 9}}},
		{[]span{{0, 9}, {2, 3}, {9, 12}}, []span{{0, 12}}},
		{[]span{{0, 1<<32 - 1}, {1<<32 - 1, 1<<32 - 1}}, []span{{0, 1<<32 - 1}}},
	} {
		require.Equal(t, test.want, merge(test.in))
	}
}

// mineRegtest is a chain of n headers above the genesis header.
func mineRegtest(t *testing.T, n int, version byte) []bitcoin.Header {
	t.Helper()
	chain := []bitcoin.Header{bitcoin.Regtest.Genesis()}
	for i := range n {
		h := chain[i]
		previous := h.Hash()
		copy(h[4:], previous[:])
		h[0], h[36] = version, byte(i)
		at := time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC).Unix()
		h[68], h[69], h[70], h[71] = byte(at), byte(at>>8), byte(at>>16), byte(at>>24)
		for h.CheckWork() != nil {
			h[76]++
		}
		chain = append(chain, h)
	}
	return chain
}

func importChain(t *testing.T, path, source string, from uint32, hs []bitcoin.Header) *headers.Chain {
	t.Helper()
	s := &headers.Segment{Network: bitcoin.Regtest, Source: source, From: from, Headers: hs}
	require.NoError(t, headers.Import(path, s, headers.Options{Now: time.Now()}))
	c, err := headers.Open(path, bitcoin.Regtest)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestNeededHeaders(t *testing.T) {
	chain := mineRegtest(t, 4100, 4)
	c := importChain(t, filepath.Join(t.TempDir(), "regtest"), "a node", 0, chain)
	for _, test := range []struct {
		anchors []uint32
		want    []span
	}{
		{nil, nil},
		{[]uint32{1}, []span{{0, 4100}}},
		{[]uint32{2015, 4099}, []span{{0, 4100}}},
		{[]uint32{4099, 2016}, []span{{2016, 4100}}},
		{[]uint32{4100}, []span{{4032, 4100}}},
	} {
		require.Equal(t, test.want, needed(c, test.anchors), "%v", test.anchors)
	}
	require.Equal(t, []span{{0, 4100}}, held(c))
}

// listedMainnet is a chain of mainnet that has only the last listed block: what
// follows it nobody can make for a test.
func listedMainnet(t *testing.T, path string) (*headers.Chain, uint32, bitcoin.Header) {
	t.Helper()
	height, last := headers.LastListed(bitcoin.Mainnet)
	s := &headers.Segment{Network: bitcoin.Mainnet, Source: "a node", From: height, Headers: []bitcoin.Header{last}}
	require.NoError(t, headers.Import(path, s, headers.Options{Now: time.Now()}))
	c, err := headers.Open(path, bitcoin.Mainnet)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.Equal(t, height, c.Height())
	return c, height, last
}

func TestNeededHeadersOfMainnet(t *testing.T) {
	c, top, _ := listedMainnet(t, filepath.Join(t.TempDir(), "mainnet"))
	require.Equal(t, []span{{0, 2016}, {4032, 6048}}, needed(c, []uint32{4033, 0, 4040}))
	require.Equal(t, []span{{0, 4032}}, needed(c, []uint32{2015, 2016}))
	require.Equal(t, []span{{top - 2016, top}}, needed(c, []uint32{top - 1}))
	require.Equal(t, []span{{top, top}}, needed(c, []uint32{top}))
	require.Equal(t, []span{{top, top}}, held(c))
}

// packFor makes an issuer in a home of its own, and a pack of it with segments.
func packFor(t *testing.T, segments ...*headers.Segment) (path, fingerprint string) {
	t.Helper()
	home := t.TempDir()
	require.Equal(t, 0, run(t, home, "issuer", "create", "--id", "uni.example", "--name", "University", "--unsafe-no-passphrase"))
	e, err := trust.Open(filepath.Join(home, trustName)).Issuer("uni.example")
	require.NoError(t, err)
	var all [][]byte
	for _, s := range segments {
		data, err := s.Marshal()
		require.NoError(t, err)
		all = append(all, data)
	}
	pack, err := trust.NewPack(e.Data, nil, all)
	require.NoError(t, err)
	data, err := pack.Marshal()
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), "uni.pack")
	require.NoError(t, os.WriteFile(path, data, 0o644))
	return path, e.File.Fingerprint().String()
}

// On mainnet the headers of a pack are worth their work. A pack with a header
// that has none is not trusted for anything.
func TestPackWithMainnetHeaders(t *testing.T) {
	top, last := headers.LastListed(bitcoin.Mainnet)
	good := &headers.Segment{Network: bitcoin.Mainnet, Source: "anybody", From: top, Headers: []bitcoin.Header{last}}
	path, fingerprint := packFor(t, good)
	home := t.TempDir()
	require.Equal(t, 1, run(t, home, "trust", "add", path))
	require.NoDirExists(t, filepath.Join(home, headersName))
	require.Equal(t, 0, run(t, home, "trust", "add", path, "--fingerprint", fingerprint))
	c, err := headers.Open(filepath.Join(home, headersName, "mainnet"), bitcoin.Mainnet)
	require.NoError(t, err)
	defer c.Close()
	require.Equal(t, top, c.Height())

	next := last
	previous := last.Hash()
	copy(next[4:], previous[:])
	next[68]++
	bad := *good
	bad.Headers = append(bad.Headers, next)
	path, fingerprint = packFor(t, &bad)
	home = t.TempDir()
	require.Equal(t, 1, run(t, home, "trust", "add", path, "--fingerprint", fingerprint))
	_, err = trust.Open(filepath.Join(home, trustName)).Issuer("uni.example")
	require.ErrorIs(t, err, trust.ErrUnknownIssuer)
	_, err = os.Stat(filepath.Join(home, headersName, "mainnet"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// A branch with more work, from a pack of the same issuer, takes nothing away:
// on a test network a pack can come from anyone, and work costs nothing.
func TestPackWithMoreWork(t *testing.T) {
	short, long := mineRegtest(t, 5, 4), mineRegtest(t, 50, 5)
	segment := func(hs []bitcoin.Header) *headers.Segment {
		return &headers.Segment{Network: bitcoin.Regtest, Source: packSource("uni.example"), Headers: hs}
	}
	path, fingerprint := packFor(t, segment(short))
	home := t.TempDir()
	require.Equal(t, 0, run(t, home, "trust", "add", path, "--fingerprint", fingerprint))

	// The same issuer file, with another chain.
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	pack, err := trust.ParsePack(data)
	require.NoError(t, err)
	forged, err := segment(long).Marshal()
	require.NoError(t, err)
	pack.Headers = [][]byte{forged}
	data, err = pack.Marshal()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data, 0o644))

	tip := func() bitcoin.Header {
		c, err := headers.Open(filepath.Join(home, headersName, "regtest"), bitcoin.Regtest)
		require.NoError(t, err)
		defer c.Close()
		h, err := c.At(c.Height())
		require.NoError(t, err)
		return h
	}
	require.Equal(t, 0, run(t, home, "trust", "add", path))
	require.Equal(t, short[5], tip())
	require.Equal(t, 0, run(t, home, "trust", "add", path, "--replace-headers"))
	require.Equal(t, long[50], tip())
}

// A pack is public: it does not tell where the issuer's node is.
func TestPackDoesNotNameTheNode(t *testing.T) {
	home, docs := t.TempDir(), t.TempDir()
	copyFile(t, "../testdata/transcripts/KBSU-884120.pdf", filepath.Join(docs, "a.pdf"))
	require.Equal(t, 0, run(t, home, "anchor", docs))
	path := filepath.Join(home, headersName, "regtest")
	c, err := headers.Open(path, bitcoin.Regtest)
	require.NoError(t, err)
	s, err := c.Segment(0, c.Height())
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.NoError(t, os.Remove(path))
	s.Source = "bitcoind http://node.internal:18443"
	require.NoError(t, headers.Import(path, s, headers.Options{Now: time.Now()}))

	out := filepath.Join(t.TempDir(), "a.pack")
	require.Equal(t, 0, run(t, home, "issuer", "pack", "-o", out))
	data, err := os.ReadFile(out)
	require.NoError(t, err)
	pack, err := trust.ParsePack(data)
	require.NoError(t, err)
	require.Len(t, pack.Segments, 1)
	require.Equal(t, packSource(pack.File.ID), pack.Segments[0].Source)
	require.Equal(t, s.Headers, pack.Segments[0].Headers)
	require.False(t, bytes.Contains(pack.Headers[0], []byte("internal")))
}

// What rests on the work in a proof says so, on the terminal and in JSON, with
// colours or without.
func TestWorkOnlyIsSaid(t *testing.T) {
	r := &verify.Result{Verdict: verify.Valid, WorkOnly: true, Network: bitcoin.Mainnet}
	for i := range r.Checks {
		r.Checks[i].Outcome = verify.OK
	}
	var out bytes.Buffer
	a := &app{ui: newUI(Stdio{Out: &out, Err: &out})}
	j := judged{path: "a.pdf", Result: r}
	require.Equal(t, "VALID (WORK ONLY: block not in a header chain)", a.headline(r, bitcoin.Mainnet))
	a.printReport(j, bitcoin.Mainnet, "")
	require.Contains(t, out.String(), "VALID (WORK ONLY: block not in a header chain)\n")
	require.Contains(t, out.String(), "WHEN IS NOT PROVEN")
	require.NotContains(t, out.String(), "no later than")
	out.Reset()
	a.printLine(j, bitcoin.Mainnet)
	require.Contains(t, out.String(), "VALID (WORK ONLY: block not in a header chain)  ")

	data, err := json.Marshal(newVerdictJSON(j, bitcoin.Mainnet, ""))
	require.NoError(t, err)
	var object map[string]any
	require.NoError(t, json.Unmarshal(data, &object))
	require.Equal(t, true, object["work_only"])
	require.Nil(t, object["block"])
	require.Nil(t, object["no_later_than"])

	r.WorkOnly, r.Header = false, &verify.BlockAt{}
	require.Equal(t, "VALID", a.headline(r, bitcoin.Mainnet))
	r.WorkOnly, r.Verdict = true, verify.Withdrawn
	require.Equal(t, "WITHDRAWN", a.headline(r, bitcoin.Mainnet))
}

// The yardstick of --unsafe-carried-work is the last listed block, of which the
// difficulty is that of mainnet: work that can be had for nothing does not do.
func TestUnsafeCarriedWork(t *testing.T) {
	var vectors struct {
		Vectors []struct {
			Name, Document, Proof string
		}
	}
	data, err := os.ReadFile("../testdata/vectors/verdict.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &vectors))
	for _, v := range vectors.Vectors {
		if v.Name != "verdict-carried-twelve" {
			continue
		}
		dir := t.TempDir()
		document := filepath.Join(dir, "a.pdf")
		require.NoError(t, os.WriteFile(document, []byte(v.Document), 0o644))
		require.NoError(t, os.WriteFile(document+".proof.json", []byte(v.Proof), 0o644))
		for _, test := range []struct {
			args []string
			want string
		}{
			{nil, "there is no header chain of mainnet here\n"},
			{[]string{"--unsafe-carried-work"}, "the work in the proof does not do: header 1 of 13 has a target"},
		} {
			var out bytes.Buffer
			args := append([]string{"--home", t.TempDir(), "verify", document}, test.args...)
			code := Main(t.Context(), args, Stdio{In: bytes.NewReader(nil), Out: &out, Err: &out}, os.DirFS(dir))
			require.Equal(t, verify.CannotTell.Exit(), code)
			require.Contains(t, out.String(), test.want)
			require.NotContains(t, out.String(), "WORK ONLY")
		}
		return
	}
	require.Fail(t, "there is no such vector")
}

// A clock that is behind keeps headers out, and not the issuer.
func TestPackAheadOfTheClock(t *testing.T) {
	chain := mineRegtest(t, 3, 4)
	late := chain[3]
	at := time.Now().Add(24 * time.Hour).Unix()
	late[68], late[69], late[70], late[71] = byte(at), byte(at>>8), byte(at>>16), byte(at>>24)
	for late.CheckWork() != nil {
		late[76]++
	}
	path, fingerprint := packFor(t, &headers.Segment{Network: bitcoin.Regtest, Source: "a node", Headers: append(chain[:3:3], late)})
	home := t.TempDir()
	require.Equal(t, 0, run(t, home, "trust", "add", path, "--fingerprint", fingerprint))
	require.NoFileExists(t, filepath.Join(home, headersName, "regtest"))
	_, err := trust.Open(filepath.Join(home, trustName)).Issuer("uni.example")
	require.NoError(t, err)
}

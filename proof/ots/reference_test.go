package ots_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/proof/ots"
)

// python is the interpreter that Debian installs the reference implementation
// for; another one may come first on PATH.
const python = "/usr/bin/python3"

// reference is python-opentimestamps, in a process that reads one timestamp a
// line. testdata/reference.py has the protocol.
type reference struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

func startReference(t *testing.T) *reference {
	t.Helper()
	if err := exec.Command(python, "-B", "-c", "import opentimestamps").Run(); err != nil {
		t.Skip("SKIPPED: Debian's python3-opentimestamps is not installed")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	cmd := exec.CommandContext(ctx, python, "-B", "testdata/reference.py")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		defer cancel()
		in.Close()
		err := cmd.Wait()
		require.NoError(t, err, "%s", &stderr)
	})
	return &reference{t, in, bufio.NewReader(out)}
}

// reading is what a program has to say about some bytes. Bytes and attested are
// empty where they are refused.
type reading struct {
	accepted bool
	err      error    // of this package only
	class    string   // of the exception, of the reference only
	notes    []string // what was read over, of the reference only
	bytes    string   // in canonical order
	attested []string // MESSAGE:ATTESTATION in hex, sorted
}

// says reports whether the two agree about the bytes, and where both accept
// them, about all that follows from them.
func (r reading) says(same reading) bool {
	return r.accepted == same.accepted && r.bytes == same.bytes && slices.Equal(r.attested, same.attested)
}

// read asks for data, a file or, where there is a message, a bare timestamp of
// it. With ethereum, the reference reads attestations of that kind; without, it
// knows them no better than this package does.
func (r *reference) read(data, message []byte, ethereum bool) reading {
	r.t.Helper()
	kind, kinds := "file", "all"
	if message != nil {
		kind = hex.EncodeToString(message)
	}
	if !ethereum {
		kinds = "not-ethereum"
	}
	_, err := fmt.Fprintf(r.in, "%s %s %x\n", kind, kinds, data)
	require.NoError(r.t, err)
	line, err := r.out.ReadString('\n')
	require.NoError(r.t, err, "the reference gave up at %s %s %x", kind, kinds, data)
	f := strings.Split(strings.TrimSuffix(line, "\n"), " ")
	if f[0] == "refused" {
		require.Len(r.t, f, 3)
		return reading{class: f[1], notes: strings.Split(f[2], ",")}
	}
	require.Len(r.t, f, 4)
	require.Equal(r.t, "ok", f[0])
	again, err := hex.DecodeString(f[2])
	require.NoError(r.t, err)
	return reading{accepted: true, notes: strings.Split(f[1], ","), bytes: string(again), attested: strings.Split(f[3], ",")}
}

// readHere is the same, by this package.
func readHere(t *testing.T, data, message []byte) reading {
	t.Helper()
	var stamp *ots.Timestamp
	var file *ots.File
	var err error
	if message == nil {
		if file, err = ots.ParseFile(data); err == nil {
			stamp, message = file.Timestamp, file.Digest
		}
	} else {
		stamp, err = ots.Parse(data, len(message))
	}
	if err != nil {
		requireRefused(t, err)
		return reading{err: err}
	}
	r := reading{accepted: true}
	canonical := stamp.Canonical()
	again, err := canonical.Marshal(len(message))
	if file != nil {
		again, err = (&ots.File{Hash: file.Hash, Digest: file.Digest, Timestamp: canonical}).Marshal()
	}
	require.NoError(t, err)
	r.bytes = string(again)
	paths, err := stamp.Paths(message)
	require.NoError(t, err)
	for _, p := range paths {
		r.attested = append(r.attested, fmt.Sprintf("%x:%x", p.Result, attested(p.Attestation)[1:]))
	}
	slices.Sort(r.attested)
	return r
}

// readOver is what the reference implementation accepts and this package
// refuses.
var readOver = []string{
	"long",      // a number is written shorter there than it was read
	"wide",      // a height of more than 64 bits: numbers have no end there
	"twice",     // of two equal operations the last one counts there, and the other is lost
	"late",      // an attestation behind an operation goes before it there
	"keccak256", // a file that is named by a hash which that library has not for documents
}

// compare requires that both programs say the same, or differ in ways that are
// known, and returns the names of these, or what both say.
func (r *reference) compare(data, message []byte) []string {
	t := r.t
	t.Helper()
	here, there := readHere(t, data, message), r.read(data, message, true)
	var names []string
	if slices.Contains(there.notes, "ethereum") && !here.says(there) {
		// The reference reads heights in attestations by Ethereum: it refuses
		// those that are none, shortens them, and sorts by them. To this package
		// they are an unknown kind, kept as it is. Nothing else may differ.
		names = append(names, "ethereum")
		there = r.read(data, message, false)
		require.NotContains(t, there.notes, "ethereum")
	}
	over := slices.DeleteFunc(slices.Clone(there.notes), func(note string) bool { return !slices.Contains(readOver, note) })
	switch {
	case !there.accepted:
		require.False(t, here.accepted, "accepted here only, there %s: %x", there.class, data)
		names = append(names, "refused")
	case len(over) > 0:
		require.False(t, here.accepted, "%v is read over here, too: %x", over, data)
		if !slices.ContainsFunc(over, func(note string) bool { return note != "twice" && note != "late" }) {
			require.ErrorIs(t, here.err, ots.ErrUnsupported, "%v: %x", over, data)
		}
		names = append(names, over...)
	default:
		require.True(t, here.accepted, "refused here only: %x", data)
		require.Equal(t, there.bytes, here.bytes, "%x", data)
		require.Equal(t, there.attested, here.attested, "%x", data)
		names = append(names, "accepted")
	}
	return names
}

// tally counts what compare returned.
type tally map[string]int

func (c tally) add(names []string) {
	for _, name := range names {
		c[name]++
	}
}

// require requires that nothing of this is rare: a test that seldom sees a case
// compares less than it says.
func (c tally) require(t *testing.T, names ...string) {
	t.Helper()
	t.Log(c)
	for _, name := range names {
		require.Greater(t, c[name], 20, name)
	}
}

// interesting bytes have a meaning in some place.
const interesting = "\x00\x01\x02\x03\x08\x20\x67\x7f\x80\x81\xf0\xf1\xf2\xf3\xff"

// mutate changes bytes in one of the ways in which a file gets damaged, or an
// attacker would try. The other one is a source to splice from.
func (g generator) mutate(data, other []byte) []byte {
	if len(data) == 0 {
		return slices.Clone(other)
	}
	data = slices.Clone(data)
	at := g.IntN(len(data))
	some := min(at+1+g.IntN(12), len(data))
	switch g.IntN(9) {
	case 0:
		data[at] ^= 1 << g.IntN(8)
	case 1:
		data[at] = interesting[g.IntN(len(interesting))]
	case 2:
		return data[:at]
	case 3:
		return append(data, interesting[g.IntN(len(interesting))])
	case 4:
		return slices.Insert(data, at, g.bytes(1+g.IntN(4))...)
	case 5:
		return slices.Insert(data, at, interesting[g.IntN(len(interesting))])
	case 6:
		return slices.Delete(data, at, some)
	case 7:
		return slices.Insert(data, g.IntN(len(data)), data[at:some]...)
	case 8:
		return append(data[:at], other[g.IntN(len(other)):]...)
	}
	return data
}

// spell writes a timestamp as encode does, but in one place of ten with a
// spelling that only a lenient reader takes.
func (g generator) spell(t *ots.Timestamp) string {
	var items []string
	for _, a := range t.Attestations {
		items = append(items, g.spellAttestation(a))
	}
	for _, b := range t.Branches {
		op := string([]byte{b.Op.Tag})
		if b.Op.Arg != "" {
			op += g.spellNumber(uint64(len(b.Op.Arg))) + b.Op.Arg
		}
		items = append(items, op+g.spell(b.Then))
	}
	// A long item is not doubled: at every depth of a long one that would be a
	// tree of millions.
	if again := items[g.IntN(len(items))]; len(again) < 150 && g.IntN(10) == 0 {
		items = append(items, again)
	}
	if g.IntN(10) == 0 {
		g.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	}
	for i := range len(items) - 1 {
		items[i] = "\xff" + items[i]
	}
	return strings.Join(items, "")
}

func (g generator) spellAttestation(a ots.Attestation) string {
	if a.Tag == ots.TagPending {
		uri, _ := a.URI()
		a.Payload = g.spellNumber(uint64(len(uri))) + uri
	} else if height, ok := a.Height(); ok || a.Tag == tagEthereum {
		if a.Payload = g.spellNumber(height); g.IntN(10) == 0 {
			a.Payload = strings.Repeat("\x80", 9) + "\x02" // 2^64
		}
	}
	if g.IntN(20) == 0 {
		a.Payload = string(g.bytes(g.IntN(12)))
	}
	return "\x00" + string(a.Tag[:]) + g.spellNumber(uint64(len(a.Payload))) + a.Payload
}

// spellNumber is v in LEB128, seldom in a longer form.
func (g generator) spellNumber(v uint64) string {
	s := number(v)
	if g.IntN(20) > 0 {
		return s
	}
	last := len(s) - 1
	return s[:last] + string([]byte{s[last] | 0x80}) + strings.Repeat("\x80", g.IntN(12)) + "\x00"
}

// example is a file or, with a message, a bare timestamp of it.
type example struct {
	data, message []byte
	stamp         *ots.Timestamp // what data was written from
}

func (g generator) example() example {
	if g.IntN(2) == 0 {
		message := g.bytes(1 + g.IntN(64))
		stamp := g.timestamp(len(message), 6)
		return example{[]byte(encode(stamp)), message, stamp}
	}
	hash := hashes[g.IntN(3)]
	stamp := g.timestamp(hash.New().Size(), 6)
	return example{g.file(hash, stamp), nil, stamp}
}

// written is the example with other bytes for its timestamp.
func (e example) written(stamp string) example {
	head := e.data[:len(e.data)-len(encode(e.stamp))]
	e.data = append(slices.Clone(head), stamp...)
	return e
}

// TestReference compares this package with the reference implementation, over
// timestamps that chance has made, and then damaged.
func TestReference(t *testing.T) {
	r, g := startReference(t), newGenerator(10)
	count, other := tally{}, g.example()
	for range 1500 {
		e := g.example()
		require.Contains(t, r.compare(e.data, e.message), "accepted", "undamaged")
		count.add(r.compare(g.mutate(e.data, other.data), e.message))
		count.add(r.compare(g.mutate(g.mutate(e.data, other.data), e.data), e.message))
		other = e
		count.add(r.compare(e.written(g.spell(e.stamp)).data, e.message))
	}
	count.require(t, "accepted", "refused", "ethereum", "long", "wide", "twice", "late")
}

// TestReferenceLimits compares at the edges, where chance does not get to.
func TestReferenceLimits(t *testing.T) {
	r := startReference(t)
	message := func(n int) []byte { return zeros(n) }
	for name, c := range map[string]struct {
		message []byte
		data    string
		want    string
	}{
		"append to 4096 bytes":     {message(32), "\xf0\xe0\x1f" + strings.Repeat("x", 4064) + bitcoin5, "accepted"},
		"append to 4097 bytes":     {message(32), "\xf0\xe1\x1f" + strings.Repeat("x", 4065) + bitcoin5, "refused"},
		"append 4096 bytes":        {message(1), "\xf0\x80\x20" + strings.Repeat("x", 4096) + bitcoin5, "refused"},
		"append nothing":           {message(1), "\xf0\x00" + bitcoin5, "refused"},
		"hexlify 2048 bytes":       {message(2048), "\xf3" + bitcoin5, "accepted"},
		"hexlify 2049 bytes":       {message(2049), "\xf3" + bitcoin5, "refused"},
		"256 nested":               {message(32), strings.Repeat("\xf2", 255) + bitcoin5, "accepted"},
		"257 nested":               {message(32), strings.Repeat("\xf2", 256) + bitcoin5, "refused"},
		"a payload of 8192 bytes":  {message(32), unknownOf(8192), "accepted"},
		"a payload of 8193 bytes":  {message(32), unknownOf(8193), "refused"},
		"a URI of 1000 bytes":      {message(32), pending("\xe8\x07" + strings.Repeat("x", 1000)), "accepted"},
		"a URI of 1001 bytes":      {message(32), pending("\xe9\x07" + strings.Repeat("x", 1001)), "refused"},
		"no URI":                   {message(32), pending("\x00"), "accepted"},
		"a height and more":        {message(32), block("\x05\x00"), "refused"},
		"height 2^64-1":            {message(32), block("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "accepted"},
		"height 2^64":              {message(32), block("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02"), "wide"},
		"height 0 in two bytes":    {message(32), block("\x80\x00"), "long"},
		"a height of 11 bytes":     {message(32), block(strings.Repeat("\x80", 10) + "\x00"), "long"},
		"an operation twice":       {message(32), "\xff\x08" + bitcoin5 + "\x08" + bitcoin6, "twice"},
		"a branch before a block":  {message(32), "\xff\x08" + bitcoin5 + bitcoin6, "late"},
		"no height, Ethereum":      {message(32), attested(ots.Attestation{Tag: tagEthereum}), "ethereum accepted"},
		"a height and more, there": {message(32), attested(ots.Attestation{Tag: tagEthereum, Payload: "\x05\x00"}), "ethereum accepted"},
		"heights 129 and 256, there": {message(32), "\xff" + attested(ots.Attestation{Tag: tagEthereum, Payload: "\x80\x02"}) +
			attested(ots.Attestation{Tag: tagEthereum, Payload: "\x81\x01"}), "ethereum accepted"},
		"keccak256 of a document": {nil, fileHead + "\x67" + strings.Repeat("d", 32) + bitcoin5, "keccak256"},
		"reverse of a document":   {nil, fileHead + "\xf2" + strings.Repeat("d", 32) + bitcoin5, "refused"},
		"version 2":               {nil, strings.TrimSuffix(fileHead, "\x01") + "\x02\x08" + strings.Repeat("d", 32) + bitcoin5, "refused"},
		"version 1 in two bytes":  {nil, strings.TrimSuffix(fileHead, "\x01") + "\x81\x00\x08" + strings.Repeat("d", 32) + bitcoin5, "long"},
		"65536 bytes":             {message(32), full(0), "accepted"},
	} {
		require.Equal(t, c.want, strings.Join(r.compare([]byte(c.data), c.message), " "), name)
	}

	// The limit of all bytes together is this package's own, and an attestation
	// of nothing has no sense here.
	for _, c := range []example{{data: []byte(full(1)), message: zeros(32)}, {data: []byte(bitcoin5), message: []byte{}}} {
		require.False(t, readHere(t, c.data, c.message).accepted)
		require.True(t, r.read(c.data, c.message, true).accepted)
	}
}

// TestReferenceExamples damages real files.
func TestReferenceExamples(t *testing.T) {
	r, g := startReference(t), newGenerator(11)
	count := tally{}
	var other []byte
	for _, path := range exampleFiles(t) {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		f, err := ots.ParseFile(data)
		require.NoError(t, err)
		require.Equal(t, []string{"accepted"}, r.compare(data, nil), path)
		if other == nil {
			other = data
		}
		for range 100 {
			e := example{data, nil, clone(f.Timestamp)}
			shuffle(g.Rand, e.stamp)
			e = e.written(encode(e.stamp))
			require.Equal(t, []string{"accepted"}, r.compare(e.data, nil), "branches in another order")
			count.add(r.compare(g.mutate(e.data, other), nil))
			count.add(r.compare(e.written(g.spell(e.stamp)).data, nil))
		}
		other = data
	}
	count.require(t, "accepted", "refused", "long", "twice")
}

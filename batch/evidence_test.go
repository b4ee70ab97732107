package batch_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/proof"
	"gradseal/proof/ots"
)

// viaCalendar is the way from a batch root to what a calendar is asked for.
func viaCalendar(uri string) []ots.Operation {
	return []ots.Operation{ots.Append(sha256Of(uri)[:16]), ots.SHA256}
}

// promise is what a calendar answers to a batch root.
func promise(uri string) *ots.Timestamp {
	return ots.Path{Ops: viaCalendar(uri), Attestation: ots.Pending(uri)}.Timestamp()
}

// kept is the evidence that the calendar gives later.
func kept(t testing.TB, uri string, height uint64) *proof.OpenTimestamps {
	t.Helper()
	ops := append(viaCalendar(uri), ots.Prepend(sha256Of("transaction")), ots.SHA256, ots.SHA256)
	o, err := proof.NewOpenTimestamps(ots.Path{Ops: ops, Attestation: ots.Bitcoin(height)})
	require.NoError(t, err)
	return o
}

const (
	oneURI = "https://one.example"
	twoURI = "https://two.example"
)

// merged joins timestamps of one message.
func merged(first *ots.Timestamp, others ...*ots.Timestamp) *ots.Timestamp {
	for _, other := range others {
		first = ots.Merge(first, other)
	}
	return first
}

// newSent makes a batch of n documents that was sent, and that two calendars
// have promised to anchor.
func newSent(t testing.TB, n int) (*batch.Store, string, *batch.Batch) {
	t.Helper()
	s, dir := newStore(t)
	b := create(t, s, scan(t, documents(t, t.TempDir(), n)...))
	advance(t, b, batch.Funded)
	require.NoError(t, b.SaveCalendars(merged(promise(twoURI), promise(oneURI))))
	return s, filepath.Join(dir, b.ID), b
}

// events are all that can happen to the evidence of a batch. Each says whether it
// can happen now.
var events = []struct {
	name string
	do   func(w *walk) bool
}{
	{"SaveAttestation", func(w *walk) bool {
		require.NoError(w.t, w.b.SaveAttestation(w.attestation))
		w.want.bitcoin, w.want.bitcoinFinal = true, false
		return true
	}},
	{"FinalizeAttestation", func(w *walk) bool {
		require.NoError(w.t, w.b.FinalizeAttestation(w.attestation))
		w.want.bitcoin, w.want.bitcoinFinal = true, true
		return true
	}},
	{"DropAttestation", func(w *walk) bool {
		require.NoError(w.t, w.b.DropAttestation())
		w.want.bitcoin, w.want.bitcoinFinal = false, false
		return true
	}},
	{"SaveTimestamp", func(w *walk) bool { return w.saveTimestamp(w.one) }},
	{"SaveTimestamp of another calendar", func(w *walk) bool { return w.saveTimestamp(w.two) }},
	{"FinalizeTimestamp", func(w *walk) bool {
		if w.want.timestamp == nil {
			return false
		}
		require.NoError(w.t, w.b.FinalizeTimestamp())
		w.want.timestampFinal = true
		return true
	}},
	{"DropTimestamp", func(w *walk) bool {
		require.NoError(w.t, w.b.DropTimestamp())
		w.want.timestamp, w.want.timestampFinal = nil, false
		return true
	}},
	{"WriteProofs", func(w *walk) bool {
		writeProofs(w.t, w.b)
		require.True(w.t, w.b.IsWritten())
		return true
	}},
	{"WriteProofs, killed behind the first", func(w *walk) bool {
		first := make(chan struct{})
		err := w.b.WriteProofs(w.t.Context(), func(i int, _ []byte) error {
			if i == 0 {
				return nil
			}
			<-first
			return errKilled
		}, func() {
			select {
			case <-first:
			default:
				close(first)
			}
		})
		require.ErrorIs(w.t, err, errKilled)
		w.reload()
		return true
	}},
	{"reload", func(w *walk) bool { w.reload(); return true }},
}

var errKilled = errors.New("killed")

// walk is a batch on its way through events, with what is to be known of it.
type walk struct {
	t    testing.TB
	s    *batch.Store
	dir  string
	b    *batch.Batch
	way  []string
	want known

	attestation *proof.Bitcoin
	one, two    *proof.OpenTimestamps
}

type known struct {
	bitcoin        bool
	timestamp      *proof.OpenTimestamps
	bitcoinFinal   bool
	timestampFinal bool
}

func newWalk(t testing.TB) *walk {
	s, dir, b := newSent(t, 2)
	w := &walk{t: t, s: s, dir: dir, b: b, attestation: attestation(t, b.Transactions[0])}
	w.one, w.two = kept(t, oneURI, 7), kept(t, twoURI, 5)
	return w
}

func (w *walk) saveTimestamp(o *proof.OpenTimestamps) bool {
	require.NoError(w.t, w.b.SaveTimestamp(o))
	w.want.timestamp, w.want.timestampFinal = o, false
	return true
}

// reload reads the batch anew. What is final is then what complete names: that of
// the other kind has to be found deep enough once more.
func (w *walk) reload() {
	before := w.b
	w.b = reload(w.t, w.s, w.b)
	require.Equal(w.t, before.State(), w.b.State(), "%v", w.way)
	require.Equal(w.t, before.Calendars, w.b.Calendars)
	for _, final := range []struct{ before, now bool }{
		{before.IsAttestationFinal(), w.b.IsAttestationFinal()}, {before.IsTimestampFinal(), w.b.IsTimestampFinal()},
	} {
		require.False(w.t, final.now && !final.before, "%v: final on disk only", w.way)
	}
	if before.IsWritten() {
		require.True(w.t, w.b.IsWritten(), "%v", w.way)
	}
	w.want.bitcoinFinal, w.want.timestampFinal = w.b.IsAttestationFinal(), w.b.IsTimestampFinal()
}

// check compares the batch, as it is here and on disk, with what is to be known of
// it, and the proofs with the batch.
func (w *walk) check() {
	t := w.t
	again := reload(t, w.s, w.b)
	require.Equal(t, w.b.State(), again.State(), "%v", w.way)
	for _, b := range []*batch.Batch{w.b, again} {
		require.Equal(t, w.want.bitcoin, b.Attestation != nil, "%v", w.way)
		require.Equal(t, w.want.timestamp, b.Timestamp, "%v", w.way)
	}
	require.Equal(t, w.want.bitcoinFinal, w.b.IsAttestationFinal(), "%v", w.way)
	require.Equal(t, w.want.timestampFinal, w.b.IsTimestampFinal(), "%v", w.way)
	require.Equal(t, w.want.bitcoinFinal || w.want.timestampFinal, w.b.IsFinal(), "%v", w.way)

	// What the next proof file carries is what is final.
	p := w.parse([]byte(w.marshal(0)))
	require.Equal(t, w.want.bitcoinFinal, p.Bitcoin != nil, "%v", w.way)
	require.Equal(t, w.want.timestampFinal, p.OpenTimestamps != nil, "%v", w.way)

	w.checkProofs(w.b)
	w.checkProofs(again)
}

// checkProofs: where the batch says that its proofs need not be written again, each
// carries what is final, and nothing that the batch has given up.
func (w *walk) checkProofs(b *batch.Batch) {
	t := w.t
	written := 0
	for _, d := range b.Documents {
		data, err := os.ReadFile(proofBeside(d.Path))
		if errors.Is(err, os.ErrNotExist) {
			require.False(t, b.IsWritten(), "%v", w.way)
			continue
		}
		require.NoError(t, err)
		p := w.parse(data)
		if p.Bitcoin != nil || p.OpenTimestamps != nil {
			written++
		}
		if !b.IsWritten() {
			continue
		}
		require.True(t, p.Bitcoin != nil || !b.IsAttestationFinal(), "%v: %s lacks the attestation", w.way, d.Path)
		require.True(t, p.OpenTimestamps != nil || !b.IsTimestampFinal(), "%v: %s lacks the timestamp", w.way, d.Path)
		if p.Bitcoin != nil {
			require.Equal(t, b.Attestation, p.Bitcoin, "%v: %s", w.way, d.Path)
		}
		if p.OpenTimestamps != nil {
			require.Equal(t, b.Timestamp, p.OpenTimestamps, "%v: %s", w.way, d.Path)
		}
	}
	if b.State() == batch.Complete {
		require.Equal(t, len(b.Documents), written, "%v: complete", w.way)
	}
}

func (w *walk) marshal(i int) string {
	data, err := w.b.Proof(i)
	require.NoError(w.t, err)
	return string(data)
}

func (w *walk) parse(data []byte) *proof.Proof {
	p, err := proof.Parse(data)
	require.NoError(w.t, err)
	return p
}

// seen is all by which the batch can go on in one way or another.
func (w *walk) seen() string {
	files, err := filepath.Glob(filepath.Join(w.dir, "*"))
	require.NoError(w.t, err)
	for i, path := range files {
		files[i] = filepath.Base(path)
		if files[i] == "complete" || files[i] == "timestamp" {
			files[i] += readFile(w.t, path)
		}
	}
	for _, d := range w.b.Documents {
		data, err := os.ReadFile(proofBeside(d.Path))
		if err == nil {
			p := w.parse(data)
			files = append(files, fmt.Sprint(p.Bitcoin != nil, p.OpenTimestamps != nil, p.OpenTimestamps != nil && p.OpenTimestamps.Height == w.one.Height))
		}
	}
	return fmt.Sprint(files, w.b.IsWritten(), w.b.IsAttestationFinal(), w.b.IsTimestampFinal())
}

// situation is a batch at one point of its way, here and on disk.
type situation struct {
	way   []string
	b     batch.Batch
	want  known
	files map[string]string
}

func (w *walk) save() situation {
	files := make(map[string]string)
	for _, dir := range []string{w.dir, filepath.Dir(w.b.Documents[0].Path)} {
		found, err := filepath.Glob(filepath.Join(dir, "*"))
		require.NoError(w.t, err)
		for _, path := range found {
			files[path] = readFile(w.t, path)
		}
	}
	return situation{slices.Clone(w.way), *w.b, w.want, files}
}

// restore puts everything back to how it was.
func (w *walk) restore(s situation) {
	now := w.save().files
	for path := range now {
		if _, ok := s.files[path]; !ok {
			require.NoError(w.t, os.Remove(path))
		}
	}
	for path, data := range s.files {
		if old, ok := now[path]; !ok || old != data {
			require.NoError(w.t, os.WriteFile(path, []byte(data), 0o600))
		}
	}
	b := s.b
	w.b, w.want, w.way = &b, s.want, slices.Clone(s.way)
}

// longestWay sets how many events TestEvidenceInAnyOrder has follow one another at
// most; 0: as many as lead to something new, which takes three times as long.
const longestWay = "TEST_EVIDENCE_EVENTS"

// TestEvidenceInAnyOrder tries every event in every situation that events lead
// to; and from each of them, evidence that is found deep enough gets into all
// proofs.
func TestEvidenceInAnyOrder(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: tries many orders, one after the other")
	}
	t.Parallel()
	longest, err := strconv.Atoi(cmp.Or(os.Getenv(longestWay), "6"))
	require.NoError(t, err, longestWay)
	w := newWalk(t)
	seen := make(map[string]bool)
	tried := 0
	for open := []situation{w.save()}; len(open) > 0; open = open[1:] {
		for _, event := range events {
			w.restore(open[0])
			w.way = append(w.way, event.name)
			if !event.do(w) {
				continue
			}
			tried++
			w.check()
			if now := w.seen(); !seen[now] {
				seen[now] = true
				if len(w.way) < longest || longest == 0 {
					open = append(open, w.save())
				}
				w.finish()
			}
		}
	}
	t.Logf("%d situations, %d events tried", len(seen), tried)
	require.Greater(t, len(seen), 50)
}

// finish does what a later run does that finds all blocks deep enough.
func (w *walk) finish() {
	w.reload()
	if w.want.bitcoin {
		require.NoError(w.t, w.b.FinalizeAttestation(w.attestation))
		w.want.bitcoinFinal = true
	}
	if w.want.timestamp != nil {
		require.NoError(w.t, w.b.FinalizeTimestamp())
		w.want.timestampFinal = true
	}
	writeProofs(w.t, w.b)
	require.Equal(w.t, w.want.bitcoin || w.want.timestamp != nil, w.b.State() == batch.Complete, "%v", w.way)
	w.check()
	w.checkProofs(reload(w.t, w.s, w.b))
}

// TestDamagedEvidence names the file.
func TestDamagedEvidence(t *testing.T) {
	_, dir, b := newSent(t, 1)
	s := batch.Open(filepath.Dir(dir))
	require.NoError(t, b.SaveTimestamp(kept(t, oneURI, 7)))
	require.NoError(t, b.FinalizeTimestamp())
	writeProofs(t, b)
	require.Equal(t, batch.Complete, reload(t, s, b).State())
	for name, damaged := range map[string][]string{
		"calendars": {"", "x", readFile(t, filepath.Join(dir, "calendars")) + "\x00", readFile(t, filepath.Join(dir, "calendars"))[1:]},
		"timestamp": {"", readFile(t, filepath.Join(dir, "calendars")), readFile(t, filepath.Join(dir, "timestamp"))[1:],
			strings.Repeat("\x08", 10_001), string(must(promise(oneURI).Marshal(32)))},
		"complete": {"x", "opentimestamps", "opentimestamps\n\n", "opentimestamps\nbitcoin\n", "bitcoin\nbitcoin\n", "\n", "bitcoin\nopentimestamps\nmore\n"},
	} {
		path := filepath.Join(dir, name)
		good := readFile(t, path)
		for _, bad := range damaged {
			write(t, path, []byte(bad))
			all, err := s.List()
			require.ErrorContains(t, err, path, "%q", bad)
			require.Nil(t, all)
		}
		write(t, path, []byte(good))
	}
	require.Equal(t, batch.Complete, reload(t, s, b).State())
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

// TestLostEvidence: a step that a later one builds on is missed.
func TestLostEvidence(t *testing.T) {
	for _, test := range []struct{ steps, lost string }{
		{"calendars", "statement"},
		{"timestamp", "statement"},
		{"timestamp", "calendars"},
		{"complete", "timestamp"},
		{"complete", "calendars"},
		{"complete", "statement"},
	} {
		t.Run(test.lost+" before "+test.steps, func(t *testing.T) {
			s, stored := newStore(t)
			b := create(t, s, scan(t, documents(t, t.TempDir(), 1)...))
			sign(t, b)
			require.NoError(t, b.SaveCalendars(promise(oneURI)))
			if test.steps != "calendars" {
				require.NoError(t, b.SaveTimestamp(kept(t, oneURI, 7)))
			}
			if test.steps == "complete" {
				require.NoError(t, b.FinalizeTimestamp())
				writeProofs(t, b)
			}
			reload(t, s, b)
			path := filepath.Join(stored, b.ID, test.lost)
			require.NoError(t, os.Remove(path))
			all, err := s.List()
			require.ErrorContains(t, err, path+": is missing, but a later step of the batch is there")
			require.Nil(t, all)
		})
	}
	t.Run("attestation of two", func(t *testing.T) {
		s, dir, b := newSent(t, 1)
		require.NoError(t, b.FinalizeAttestation(attestation(t, b.Transactions[0])))
		require.NoError(t, b.SaveTimestamp(kept(t, oneURI, 7)))
		require.NoError(t, b.FinalizeTimestamp())
		writeProofs(t, b)
		path := filepath.Join(dir, "attestation")
		require.NoError(t, os.Remove(path))
		_, err := s.List()
		require.ErrorContains(t, err, path)
	})
}

// A batch from before there were two kinds of evidence has an empty complete.
func TestCompleteWithoutKinds(t *testing.T) {
	s, dir := newStore(t)
	b := create(t, s, scan(t, documents(t, t.TempDir(), 1)...))
	advance(t, b, batch.Complete)
	path := filepath.Join(dir, b.ID, "complete")
	require.Equal(t, "bitcoin\n", readFile(t, path))
	write(t, path, nil)
	b = reload(t, s, b)
	require.Equal(t, batch.Complete, b.State())
	require.True(t, b.IsAttestationFinal())
	require.False(t, b.IsTimestampFinal())
	require.True(t, b.IsWritten())
}

// Evidence that could not be read again is not stored.
func TestEvidenceRefused(t *testing.T) {
	s, dir := newStore(t)
	b := create(t, s, scan(t, documents(t, t.TempDir(), 1)...))
	sign(t, b)
	require.Error(t, b.FinalizeTimestamp(), "there is none")
	require.Error(t, b.SaveTimestamp(kept(t, oneURI, 7)), "no calendar was asked")
	require.Error(t, b.SaveCalendars(new(ots.Timestamp)))
	long := kept(t, oneURI, 7)
	for range 3 {
		long.Ops = append(long.Ops, ots.Append(make([]byte, 4000)), ots.SHA256)
	}
	require.NoError(t, b.SaveCalendars(promise(oneURI)))
	require.ErrorContains(t, b.SaveTimestamp(long), "want at most 10000")
	require.NoFileExists(t, filepath.Join(dir, b.ID, "timestamp"))
	require.Equal(t, batch.Funded, reload(t, s, b).State())
}

// exported are the heights of the blocks to which an export leads, and the
// calendars that it leaves to be asked.
func exported(t *testing.T, b *batch.Batch) (heights []uint64, pending []string) {
	t.Helper()
	for i, d := range b.Documents {
		f, err := b.Export(i, nil)
		require.NoError(t, err)
		require.Equal(t, d.Digest[:], f.Digest)
		data, err := f.Marshal()
		require.NoError(t, err)
		again, err := ots.ParseFile(data)
		require.NoError(t, err)
		require.Equal(t, f, again)
		paths, err := again.Timestamp.Paths(d.Digest[:])
		require.NoError(t, err)
		heights, pending = nil, nil
		for _, p := range paths {
			if height, ok := p.Attestation.BitcoinHeight(); ok {
				heights = append(heights, height)
			} else if uri, ok := p.Attestation.URI(); ok {
				pending = append(pending, uri)
			}
		}
		slices.Sort(heights)
		slices.Sort(pending)
	}
	return heights, pending
}

func TestExport(t *testing.T) {
	s, stored := newStore(t)
	b := create(t, s, scan(t, documents(t, t.TempDir(), 3)...))
	_, err := b.Export(0, nil)
	require.ErrorContains(t, err, "is not signed")
	advance(t, b, batch.Funded)
	_, err = b.Export(0, nil)
	require.ErrorIs(t, err, proof.ErrNoAttestation)
	_, err = b.Export(3, nil)
	require.Error(t, err)

	both := merged(promise(oneURI), promise(twoURI))
	require.NoError(t, b.SaveCalendars(both))
	heights, pending := exported(t, b)
	require.Empty(t, heights)
	require.Equal(t, []string{oneURI, twoURI}, pending)

	// One has it, and the proofs do not carry it yet.
	one, two := kept(t, oneURI, 7), kept(t, twoURI, 5)
	require.NoError(t, b.SaveCalendars(merged(both, one.Timestamp())))
	heights, pending = exported(t, b)
	require.Equal(t, []uint64{7}, heights)
	require.Empty(t, pending)
	require.NoError(t, b.SaveTimestamp(one))
	require.NoError(t, b.FinalizeTimestamp())
	heights, pending = exported(t, b)
	require.Equal(t, []uint64{7}, heights, "once, though proof and batch have it")
	require.Empty(t, pending)

	require.NoError(t, b.SaveCalendars(merged(both, one.Timestamp(), two.Timestamp())))
	heights, _ = exported(t, b)
	require.Equal(t, []uint64{5, 7}, heights)

	require.NoError(t, b.SaveAttestation(attestation(t, b.Transactions[0])))
	heights, _ = exported(t, b)
	require.Equal(t, []uint64{5, 7}, heights, "it is not final")
	writeProofs(t, b)
	b = reload(t, s, b)
	require.NoError(t, b.FinalizeAttestation(b.Attestation))
	heights, _ = exported(t, b)
	require.Equal(t, []uint64{1, 5, 7}, heights)

	// The transaction alone: who is still to answer is left out.
	require.NoError(t, b.DropTimestamp())
	require.NoError(t, b.SaveCalendars(both))
	heights, pending = exported(t, b)
	require.Equal(t, []uint64{1}, heights)
	require.Empty(t, pending)
	require.DirExists(t, filepath.Join(stored, b.ID))
}

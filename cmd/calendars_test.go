package cmd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/anchor/calendar"
	"gradseal/anchor/embedded"
	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/internal/calendartest"
	"gradseal/proof"
	"gradseal/proof/ots"
	"gradseal/verify"
)

// stamping is a registrar without node and coins, and calendars that anchor in a
// regtest network of their own.
type stamping struct {
	t         *testing.T
	home      string // of the registrar
	docs      string
	calendars []*calendartest.Calendar
	node      *embedded.Node
	theirs    string   // home of the calendars' network
	more      []string // further calendars that the registrar names
	blocks    sync.Mutex
}

// newStamping starts n calendars and writes three documents.
func newStamping(t *testing.T, n int) *stamping {
	s := &stamping{t: t, home: t.TempDir(), docs: t.TempDir()}
	theirs, err := openHome(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(theirs.headerDir(), 0o755))
	s.theirs = theirs.dir
	s.node, err = embedded.Open(t.Context(), theirs.nodeDir(), theirs.headerFile(bitcoin.Regtest))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.node.Close()) })
	for range n {
		c, err := calendartest.New(s.node, calendartest.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		s.calendars = append(s.calendars, c)
	}
	for i := range 3 {
		s.write(fmt.Sprintf("%d.pdf", i))
	}
	return s
}

func (s *stamping) write(name string) {
	require.NoError(s.t, os.WriteFile(filepath.Join(s.docs, name), []byte("%PDF-1.4\n"+name+"\n%%EOF\n"), 0o644))
}

// run runs a command of the registrar, and wants its exit code.
func (s *stamping) run(exit int, args ...string) (out, errs string) {
	s.t.Helper()
	code, out, errs := outputOf(s.home, nil, args...)
	require.Equal(s.t, exit, code, "gradseal %v\n%s%s", args, out, errs)
	return out, errs
}

func (s *stamping) flags(args ...string) []string {
	for _, c := range s.calendars {
		args = append(args, "--calendar", c.URL())
	}
	for _, url := range s.more {
		args = append(args, "--calendar", url)
	}
	return append(args, "--network", "regtest")
}

func (s *stamping) anchor(exit int, more ...string) (out, errs string) {
	s.t.Helper()
	return s.run(exit, append(s.flags("anchor", "--via", "calendars", s.docs), more...)...)
}

func (s *stamping) upgrade(exit int) (out, errs string) {
	s.t.Helper()
	return s.run(exit, s.flags("upgrade")...)
}

func (s *stamping) verify(want verify.Verdict) string {
	s.t.Helper()
	out, _ := s.run(want.Exit(), "verify", "--network", "regtest", s.docs)
	return out
}

// takeHeaders gives the registrar the headers of the calendars' network.
func (s *stamping) takeHeaders() {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "headers")
	code, _, errs := outputOf(s.theirs, nil, "headers", "export", "--network", "regtest", "-o", file)
	require.Zero(s.t, code, errs)
	s.run(0, "headers", "import", file)
}

func (s *stamping) proof(name string) *proof.Proof {
	data, err := os.ReadFile(filepath.Join(s.docs, name+proof.Suffix))
	require.NoError(s.t, err)
	p, err := proof.Parse(data)
	require.NoError(s.t, err)
	return p
}

// list has the batches of the registrar.
func (s *stamping) list() []batchJSON {
	out, _ := s.run(0, "batches", "--json")
	var list []batchJSON
	for dec := json.NewDecoder(strings.NewReader(out)); dec.More(); {
		var b batchJSON
		require.NoError(s.t, dec.Decode(&b))
		list = append(list, b)
	}
	return list
}

func (s *stamping) batch() batchJSON {
	list := s.list()
	require.Len(s.t, list, 1)
	return list[0]
}

// TestCalendars is the story of a registrar without coins.
func TestCalendars(t *testing.T) {
	s := newStamping(t, 3)
	out, _ := s.anchor(0)
	require.Contains(t, out, "Calendars will anchor 3 documents in regtest")
	require.Contains(t, out, "Wrote 3 pending proofs")
	require.Nil(t, s.proof("0.pdf").OpenTimestamps)
	s.verify(verify.Pending)

	digests := make(map[string]bool)
	for _, c := range s.calendars {
		require.Len(t, c.Digests(), 1)
		digests[string(c.Digests()[0])] = true
	}
	require.Len(t, digests, 3, "each calendar is to see another number")

	_, errs := s.upgrade(0)
	require.Contains(t, errs, "Pending confirmation in Bitcoin blockchain")
	require.Equal(t, "sent", s.batch().State)

	for _, c := range s.calendars {
		require.NoError(t, c.Anchor(t.Context()))
	}
	_, errs = s.upgrade(0)
	require.Contains(t, errs, "in block 102, which the header chain here does not hold")
	require.Contains(t, errs, "gradseal headers sync --network regtest")
	s.verify(verify.Pending)

	s.takeHeaders()
	out, _ = s.upgrade(0)
	require.Contains(t, out, "Wrote 3 proofs")
	require.Contains(t, s.verify(verify.Valid), "TEST NETWORK (regtest)")
	b := s.batch()
	require.Equal(t, "complete", b.State)
	require.Nil(t, b.TxID)
	require.Equal(t, uint32(102), b.Block.Height, "the earliest block")
	require.Len(t, b.Calendars, 3)
	for i, c := range b.Calendars {
		require.NotNil(t, c.Height, "calendar %d", i)
	}
	p := s.proof("0.pdf")
	require.Nil(t, p.Bitcoin)
	require.Equal(t, uint32(102), p.OpenTimestamps.Height)

	// Nothing is asked again, and nothing is written again.
	asked := len(s.calendars[0].Seen())
	before, err := os.Stat(filepath.Join(s.docs, "0.pdf.proof.json"))
	require.NoError(t, err)
	s.upgrade(0)
	s.anchor(0)
	require.Len(t, s.calendars[0].Seen(), asked)
	after, err := os.Stat(filepath.Join(s.docs, "0.pdf.proof.json"))
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after))
	s.lookAtExport(3)
}

// lookAtExport wants an .ots of every document that leads to the blocks of n
// calendars, in canonical order.
func (s *stamping) lookAtExport(n int) {
	s.t.Helper()
	list, err := batch.Open(filepath.Join(s.home, "batches")).List()
	require.NoError(s.t, err)
	require.Len(s.t, list, 1)
	chain, err := headers.Open(filepath.Join(s.home, "headers", "regtest"), bitcoin.Regtest)
	require.NoError(s.t, err)
	defer chain.Close()
	for i, d := range list[0].Documents {
		f, err := list[0].Export(i, nil)
		require.NoError(s.t, err)
		require.Equal(s.t, d.Digest[:], f.Digest)
		data, err := f.Marshal()
		require.NoError(s.t, err)
		again, err := ots.ParseFile(data)
		require.NoError(s.t, err)
		paths, err := again.Timestamp.Paths(again.Digest)
		require.NoError(s.t, err)
		require.Len(s.t, paths, n)
		for _, p := range paths {
			height, ok := p.Attestation.BitcoinHeight()
			require.True(s.t, ok)
			h, err := chain.At(uint32(height))
			require.NoError(s.t, err)
			root := h.MerkleRoot()
			require.Equal(s.t, root[:], p.Result)
		}
	}
}

// A calendar that misbehaves does not hold up the others, and nothing that it
// says is believed.
func TestCalendarFaults(t *testing.T) {
	var strangers atomic.Int32
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strangers.Add(1) }))
	t.Cleanup(stranger.Close)
	for name, test := range map[string]struct {
		faults calendartest.Faults
		submit bool   // when it misbehaves: from the submission on, or only later
		says   string // what is printed of it
		has    int    // calendars that the batch has in the end
	}{
		"another digest":            {calendartest.Faults{OtherDigest: true}, true, "Not found", 3},
		"10 MB at submission":       {calendartest.Faults{Flood: 10 << 20}, true, "more than 10000 bytes", 2},
		"10 MB later":               {calendartest.Faults{Flood: 10 << 20}, false, "more than 10000 bytes", 3},
		"redirect at submission":    {calendartest.Faults{Redirect: stranger.URL}, true, "307 Temporary Redirect", 2},
		"redirect later":            {calendartest.Faults{Redirect: stranger.URL}, false, "307 Temporary Redirect", 3},
		"names a stranger":          {calendartest.Faults{URI: stranger.URL}, true, "promises nothing by a calendar that may be asked", 2},
		"names a host of the web":   {calendartest.Faults{URI: "https://calendar.example"}, true, "promises nothing by a calendar that may be asked", 2},
		"endless pending":           {calendartest.Faults{Reason: calendartest.Pending}, false, "Pending confirmation", 3},
		"not found":                 {calendartest.Faults{Reason: calendartest.NotFound}, false, "Not found", 3},
		"a reason with escapes":     {calendartest.Faults{Reason: "\x1b[31mpay here\u202e"}, false, `pay here`, 3},
		"a path to no block":        {calendartest.Faults{WrongPath: true}, false, "does not lead to that block", 3},
		"another height":            {calendartest.Faults{Height: -1}, false, "does not lead to that block", 3},
		"a height beyond the chain": {calendartest.Faults{Height: 1000}, false, "which the header chain here does not hold", 3},
		"SHA-1 on the way":          {calendartest.Faults{Hash: ots.SHA1}, true, "promises nothing by a calendar that may be asked", 2},
		"SHA-1 to the block":        {calendartest.Faults{Hash: ots.SHA1}, false, "leads to no block", 3},
		"RIPEMD-160 on the way":     {calendartest.Faults{Hash: ots.RIPEMD160}, true, "promises nothing by a calendar that may be asked", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStamping(t, 3)
			bad := s.calendars[0]
			if test.submit {
				bad.Misbehave(test.faults)
			}
			_, errs := s.anchor(0)
			if test.has < 3 {
				require.Contains(t, errs, test.says)
			}
			require.Len(t, s.batch().Calendars, test.has)
			bad.Misbehave(test.faults)
			require.NoError(t, bad.Anchor(t.Context()))
			if len(bad.Digests()) > 0 { // or there is no block yet
				s.takeHeaders()
			}
			_, errs = s.upgrade(0)
			require.NotContains(t, errs, "\x1b")
			if test.has == 3 {
				require.Contains(t, errs, test.says)
			}
			require.Equal(t, "sent", s.batch().State)
			s.verify(verify.Pending)

			for _, c := range s.calendars[1:] {
				require.NoError(t, c.Anchor(t.Context()))
			}
			s.takeHeaders()
			s.upgrade(0)
			require.Equal(t, "complete", s.batch().State)
			s.verify(verify.Valid)
			s.lookAtExport(2)

			// Once it behaves again, what it has goes into the exports.
			if test.has == 3 && !test.faults.OtherDigest && test.faults.Hash == (ots.Operation{}) {
				bad.Misbehave(calendartest.Faults{})
				s.upgrade(0)
				s.lookAtExport(3)
			}
			require.Zero(t, strangers.Load(), "a stranger was contacted")
		})
	}
}

// Too few calendars leave the batch signed, and the same command goes on.
func TestTooFewCalendars(t *testing.T) {
	s := newStamping(t, 4)
	for _, c := range s.calendars[:3] {
		c.Misbehave(calendartest.Faults{Reason: "x", Flood: 1})
	}
	_, errs := s.anchor(1)
	require.Contains(t, errs, "1 of 4 calendars answered, want at least 2")
	require.Contains(t, errs, "is signed, and nothing of it is lost")
	require.Equal(t, "signed", s.batch().State)
	require.NoFileExists(t, filepath.Join(s.docs, "0.pdf.proof.json"))
	statement := *s.batch().BatchRoot

	s.calendars[1].Misbehave(calendartest.Faults{})
	s.anchor(0)
	require.Equal(t, statement, *s.batch().BatchRoot)
	require.Len(t, s.batch().Calendars, 2)

	for _, args := range [][]string{{"--min-calendars", "5"}, {"--min-calendars", "0"}} {
		_, errs := s.anchor(1, args...)
		require.Contains(t, errs, "want 1 to 4")
	}
}

// age makes the batch older.
func (s *stamping) age(d time.Duration) {
	plan := filepath.Join(s.home, "batches", s.batch().Batch, "plan")
	data, err := os.ReadFile(plan)
	require.NoError(s.t, err)
	created := s.batch().Created
	earlier, err := time.Parse(time.RFC3339, created)
	require.NoError(s.t, err)
	aged := strings.Replace(string(data), "created "+created, "created "+earlier.Add(-d).Format(time.RFC3339), 1)
	require.NotEqual(s.t, string(data), aged)
	require.NoError(s.t, os.WriteFile(plan, []byte(aged), 0o600))
}

// Where no calendar has kept its promise for days, the same command asks others.
func TestOverdueCalendars(t *testing.T) {
	s := newStamping(t, 3)
	all := s.calendars
	s.calendars = all[:2]
	s.anchor(0)
	s.calendars = all[1:]
	s.anchor(0)
	require.Empty(t, all[2].Digests(), "it is too early to ask others")

	s.age(49 * time.Hour)
	s.anchor(0)
	require.Len(t, s.batch().Calendars, 3)

	require.NoError(t, all[2].Anchor(t.Context()))
	s.takeHeaders()
	s.upgrade(0)
	s.verify(verify.Valid)
	s.anchor(0)
	require.Len(t, all[2].Digests(), 1)
}

// A calendar that never answers is waited for, but not for long once enough
// others have answered.
func TestHangingCalendar(t *testing.T) {
	s := newStamping(t, 3)
	s.calendars[0].Misbehave(calendartest.Faults{Hang: true})
	begun := time.Now()
	_, errs := s.anchor(0)
	require.Less(t, time.Since(begun), calendar.DefaultTimeout)
	require.Contains(t, errs, "calendar "+s.calendars[0].URL())
	require.Len(t, s.batch().Calendars, 2)
}

// The public calendars anchor in mainnet, whatever network a batch is for.
func TestPublicCalendarsAreOfMainnet(t *testing.T) {
	s := newStamping(t, 0)
	_, errs := s.anchor(1)
	require.Contains(t, errs, "anchors in mainnet, and the batch is for regtest")
	require.Empty(t, s.list())
}

// A block that leaves the chain takes the evidence of its calendar with it; the
// calendar is asked again.
func TestCalendarReorganisation(t *testing.T) {
	s := newStamping(t, 2)
	s.anchor(0)
	for _, c := range s.calendars {
		require.NoError(t, c.Anchor(t.Context()))
	}
	s.takeHeaders()
	s.upgrade(0)
	require.Equal(t, uint32(102), s.proof("1.pdf").OpenTimestamps.Height)

	// The same calendars, on another chain.
	chain := filepath.Join(s.home, "headers", "regtest")
	keep := make(map[string][]byte)
	matches, err := filepath.Glob(chain + "*")
	require.NoError(t, err)
	for _, path := range matches {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		keep[path] = data
		require.NoError(t, os.Remove(path))
	}
	importChain(t, chain, "another chain", 0, mineRegtest(t, 110, 9)).Close()
	out, errs := s.upgrade(0)
	require.Contains(t, errs, "has left the chain")
	require.Contains(t, out, "it is in no block yet that is known here")
	require.Equal(t, "sent", s.batch().State)
	require.Nil(t, s.proof("1.pdf").OpenTimestamps)
	s.verify(verify.Pending)

	others, err := filepath.Glob(chain + "*")
	require.NoError(t, err)
	for _, path := range others {
		require.NoError(t, os.Remove(path))
	}
	for path, data := range keep {
		require.NoError(t, os.WriteFile(path, data, 0o600))
	}
	s.upgrade(0)
	s.verify(verify.Valid)
	s.lookAtExport(2)
}

package cmd

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/anchor"
	"gradseal/internal/calendartest"
	"gradseal/proof"
	"gradseal/proof/ots"
	"gradseal/verify"
)

// liar is a calendar that answers with what it is told to.
type liar struct {
	url    string
	submit func(digest []byte) *ots.Timestamp
	ask    func(commitment []byte) *ots.Timestamp // nil: it never has anything

	mu    sync.Mutex
	asked int
	kept  map[string]*ots.Timestamp // an answer stays what it was
}

// lie starts a liar and has the registrar name it beside the others.
func (s *stamping) lie(submit func(l *liar) *ots.Timestamp) *liar {
	l := &liar{kept: make(map[string]*ots.Timestamp)}
	l.submit = func([]byte) *ots.Timestamp { return submit(l) }
	server := httptest.NewServer(http.HandlerFunc(l.serve))
	s.t.Cleanup(server.Close)
	l.url = server.URL
	s.more = append(s.more, l.url)
	return l
}

func (l *liar) serve(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Method == http.MethodPost {
		digest, _ := io.ReadAll(r.Body)
		data, err := l.submit(digest).Marshal(len(digest))
		if err != nil {
			panic(err)
		}
		w.Write(data)
		return
	}
	l.asked++
	commitment, _ := hex.DecodeString(strings.TrimPrefix(r.URL.Path, "/timestamp/"))
	if l.ask == nil {
		http.Error(w, calendartest.Pending, http.StatusNotFound)
		return
	}
	if l.kept[string(commitment)] == nil {
		l.kept[string(commitment)] = l.ask(commitment)
	}
	data, err := l.kept[string(commitment)].Marshal(len(commitment))
	if err != nil {
		panic(err)
	}
	w.Write(data)
}

func (l *liar) times() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked
}

// promises are n different ones, each behind the operations.
func (l *liar) promises(n int, ops ...ots.Operation) *ots.Timestamp {
	t := new(ots.Timestamp)
	for i := range n {
		pending := &ots.Timestamp{Attestations: []ots.Attestation{ots.Pending(l.url)}}
		t.Branches = append(t.Branches, ots.Branch{Op: ots.Append([]byte{byte(i), byte(i >> 8)}), Then: pending.After(ops)})
	}
	return t
}

// into puts what the operations make of a commitment into a block, and returns the
// way from the commitment to the block.
func (s *stamping) into(commitment []byte, ops []ots.Operation) *ots.Timestamp {
	message := commitment
	for _, op := range ops {
		var err error
		message, err = op.Apply(message)
		require.NoError(s.t, err)
	}
	a := s.block([32]byte(message))
	steps, err := a.Steps()
	require.NoError(s.t, err)
	return ots.Path{Ops: slices.Concat(ops, proof.Operations(steps)), Attestation: ots.Bitcoin(uint64(a.Height))}.Timestamp()
}

// block makes a block of the calendars' network with a transaction for root.
func (s *stamping) block(root [32]byte) *proof.Bitcoin {
	s.blocks.Lock() // or two would spend one coin
	defer s.blocks.Unlock()
	request, err := s.node.Fund(s.t.Context(), anchor.Order{Root: root, Rate: 2 * anchor.SatPerVByte, MaxFee: 100_000})
	require.NoError(s.t, err)
	raw, err := s.node.Sign(s.t.Context(), request)
	require.NoError(s.t, err)
	require.NoError(s.t, s.node.Submit(s.t.Context(), raw))
	a, err := s.node.Attest(s.t.Context(), request.Unsigned(), 0)
	require.NoError(s.t, err)
	require.NotNil(s.t, a)
	return a
}

func repeated(op ots.Operation, n int) []ots.Operation { return slices.Repeat([]ots.Operation{op}, n) }

// finishHonestly has the honest calendars anchor, and wants valid proofs and
// exports that lead to n blocks.
func (s *stamping) finishHonestly(n int) {
	s.t.Helper()
	for _, c := range s.calendars {
		require.NoError(s.t, c.Anchor(s.t.Context()))
	}
	s.upgrade(0) // has the liar make its block
	s.takeHeaders()
	s.upgrade(0)
	require.Equal(s.t, "complete", s.batch().State)
	s.verify(verify.Valid)
	s.lookAtExport(n)
	s.run(0, "export", "--to", "ots", "--batch", s.batch().Batch)
}

// A promise so deep that no .ots file has room for it is dropped.
func TestDeepPromise(t *testing.T) {
	s := newStamping(t, 2)
	s.lie(func(l *liar) *ots.Timestamp { return l.promises(1, repeated(ots.SHA256, 254)...) })
	_, errs := s.anchor(0)
	require.Contains(t, errs, "promises nothing by a calendar that may be asked")
	s.finishHonestly(2)
}

// Of the promises in one answer a few are kept, so that neither the calendar that
// they name is flooded nor the batch counts as full of promises for ever.
func TestManyPromises(t *testing.T) {
	s := newStamping(t, 1)
	l := s.lie(func(l *liar) *ots.Timestamp { return l.promises(150) })
	s.anchor(0)
	before := l.times()
	s.upgrade(0)
	require.LessOrEqual(t, l.times()-before, 4)
	require.Greater(t, l.times(), before)
	s.age(100 * 24 * time.Hour)
	s.anchor(0)
	require.Len(t, s.calendars[0].Digests(), 2, "it is asked again")
	s.finishHonestly(2) // both of its promises
}

// A way so long that no .ots file could have it behind that of the document is not
// taken, though it leads to the earliest block.
func TestLongWay(t *testing.T) {
	s := newStamping(t, 2)
	l := s.lie(func(l *liar) *ots.Timestamp { return l.promises(1) })
	l.ask = func(commitment []byte) *ots.Timestamp { return s.into(commitment, repeated(ots.SHA256, 240)) }
	s.anchor(0)
	s.upgrade(0)
	s.takeHeaders()
	_, errs := s.upgrade(0)
	require.Contains(t, errs, "its evidence is none that a proof may carry")
	s.finishHonestly(2)
}

// Evidence that fills the file of the batch does not keep that of others out.
func TestLargeEvidence(t *testing.T) {
	s := newStamping(t, 1)
	for range 4 {
		l := s.lie(func(l *liar) *ots.Timestamp { return l.promises(4) })
		l.ask = func(commitment []byte) *ots.Timestamp {
			return s.into(commitment, []ots.Operation{ots.SHA256, ots.Append(bytes.Repeat([]byte{1}, 4000)), ots.SHA256, ots.Append(bytes.Repeat([]byte{2}, 1500)), ots.SHA256})
		}
	}
	s.anchor(0)
	s.upgrade(0)
	s.takeHeaders()
	_, errs := s.upgrade(0)
	require.Contains(t, errs, "there is no room for its evidence")
	require.Equal(t, "complete", s.batch().State)
	s.verify(verify.Valid)
	s.run(0, "export", "--to", "ots", "--batch", s.batch().Batch)
}

// What a calendar says of a block that nobody here knows does not hide what
// another has proven.
func TestLieAboutHeight(t *testing.T) {
	s := newStamping(t, 2)
	s.anchor(0)
	s.calendars[0].Misbehave(calendartest.Faults{Height: 4294967000})
	for _, c := range s.calendars {
		require.NoError(t, c.Anchor(t.Context()))
	}
	s.takeHeaders()
	out, _ := s.run(0, s.flags("upgrade", "--confirmations", "3")...)
	require.Contains(t, out, "a calendar has it in block 103, 1 confirmation")
	require.NotContains(t, out, "42949")
}

// A header chain that is short for a while, such as one that is fetched anew, takes
// the evidence out of the proofs, and gives it back, though the calendars are gone.
func TestShortChain(t *testing.T) {
	s := newStamping(t, 2)
	s.anchor(0)
	s.block(sha256.Sum256(nil))
	s.takeHeaders()
	short := s.headerFiles()
	for _, c := range s.calendars {
		require.NoError(t, c.Anchor(t.Context()))
	}
	s.takeHeaders()
	s.upgrade(0)
	s.verify(verify.Valid)
	full := s.headerFiles()
	for _, c := range s.calendars {
		require.NoError(t, c.Close())
	}
	s.setHeaders(short)
	_, errs := s.upgrade(0)
	require.Contains(t, errs, "the header chain here ends below the block of a calendar")
	s.verify(verify.Pending)
	s.setHeaders(full)
	s.upgrade(0)
	s.verify(verify.Valid)
	s.lookAtExport(2)
}

// A damaged header file is an error, and no reorganisation.
func TestDamagedChain(t *testing.T) {
	s := newStamping(t, 2)
	s.anchor(0)
	for _, c := range s.calendars {
		require.NoError(t, c.Anchor(t.Context()))
	}
	s.takeHeaders()
	s.upgrade(0)
	good := s.headerFiles()
	bad := make(map[string][]byte)
	for path, data := range good {
		bad[path] = bytes.Clone(data)
		if len(data)%80 == 0 {
			bad[path][102*80+40] ^= 1
		}
	}
	s.setHeaders(bad)
	_, errs := s.upgrade(1)
	require.Contains(t, errs, "headers")
	require.NotNil(t, s.proof("1.pdf").OpenTimestamps)
	s.setHeaders(good)
	s.upgrade(0)
	s.verify(verify.Valid)
	s.lookAtExport(2)
}

func (s *stamping) headerFiles() map[string][]byte {
	files := make(map[string][]byte)
	paths, err := filepath.Glob(filepath.Join(s.home, "headers", "regtest*"))
	require.NoError(s.t, err)
	for _, path := range paths {
		files[path], err = os.ReadFile(path)
		require.NoError(s.t, err)
	}
	return files
}

func (s *stamping) setHeaders(files map[string][]byte) {
	for path := range s.headerFiles() {
		require.NoError(s.t, os.Remove(path))
	}
	for path, data := range files {
		require.NoError(s.t, os.WriteFile(path, data, 0o600))
	}
}

// A node that is down does not keep the calendars from being asked.
func TestCalendarsWithoutTheNode(t *testing.T) {
	s := newStamping(t, 2)
	s.anchor(0)
	for _, c := range s.calendars {
		require.NoError(t, c.Anchor(t.Context()))
	}
	s.takeHeaders()
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, nobody.Close())
	cookie := filepath.Join(t.TempDir(), "cookie")
	require.NoError(t, os.WriteFile(cookie, []byte("a:b"), 0o600))
	out, errs := s.run(1, s.flags("upgrade", "--via", "bitcoind,calendars", "--node", "http://"+nobody.Addr().String(), "--node-cookie", cookie)...)
	require.Contains(t, errs, "cannot be reached")
	require.Contains(t, out, "Wrote 3 proofs")
	s.verify(verify.Valid)
}

// A calendar that cannot be reached is asked once in a run, not once for every
// batch, and whoever has only complete batches is not told.
func TestCalendarGoneFromManyBatches(t *testing.T) {
	s := newStamping(t, 2)
	for range 3 {
		s.docs = t.TempDir()
		s.write("a.pdf")
		s.anchor(0, "--title", s.docs)
	}
	var asked atomic.Int32
	hung, err := net.Listen("tcp", strings.TrimPrefix(s.calendars[0].URL(), "http://"))
	require.Error(t, err) // its port is its own until it is closed
	require.Nil(t, hung)
	require.NoError(t, s.calendars[0].Close())
	hung, err = net.Listen("tcp", strings.TrimPrefix(s.calendars[0].URL(), "http://"))
	require.NoError(t, err)
	defer hung.Close()
	go func() {
		for {
			conn, err := hung.Accept()
			if err != nil {
				return
			}
			asked.Add(1)
			conn.Close()
		}
	}()
	require.NoError(t, s.calendars[1].Anchor(t.Context()))
	s.takeHeaders()
	s.upgrade(0)
	require.LessOrEqual(t, asked.Load(), int32(2), "one question, and one more that net/http may ask again")
	for _, b := range s.list() {
		require.Equal(t, "complete", b.State)
	}
	_, errs := s.upgrade(0)
	require.NotContains(t, errs, "warning")
}

// A batch that is signed and promised to nobody is not passed over in silence.
func TestSignedIsNotDone(t *testing.T) {
	s := newStamping(t, 2)
	s.anchor(0)
	for _, c := range s.calendars {
		require.NoError(t, c.Anchor(t.Context()))
		require.NoError(t, c.Close())
	}
	s.docs = t.TempDir()
	s.write("b.pdf")
	_, errs := s.anchor(1)
	require.Contains(t, errs, "is the network reachable from here?")
	_, errs = s.upgrade(0)
	require.Contains(t, errs, "is signed, and in no block nor promised one")
}

// Calendars that are named and would not be asked are a mistake.
func TestCalendarsNotAsked(t *testing.T) {
	s := newStamping(t, 1)
	_, errs := s.run(1, s.flags("anchor", s.docs)...)
	require.Contains(t, errs, "calendars were named, and they are not asked")
}

// Calendars that only --calendar named are asked again when it names them, and the
// command for it is printed whole.
func TestStrangers(t *testing.T) {
	s := newStamping(t, 2)
	s.anchor(0)
	_, errs := s.run(0, "upgrade", "--network", "regtest")
	for _, c := range s.calendars {
		require.Contains(t, errs, "--calendar "+c.URL())
	}
	require.Contains(t, errs, "gradseal upgrade --network regtest --calendar")
	require.Equal(t, 1, strings.Count(errs, "Only calendars that you name are asked"))

	// What was named stays named, or the command would make a stranger of it.
	_, errs = s.run(0, "upgrade", "--network", "regtest", "--calendar", s.calendars[0].URL())
	for _, c := range s.calendars {
		require.Contains(t, errs, "--calendar "+c.URL())
	}
}

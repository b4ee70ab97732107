package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/anchor/embedded"
	"gradseal/bitcoin"
	"gradseal/internal/calendartest"
	"gradseal/proof"
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
	theirs    string // home of the calendars' network
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

func (s *stamping) batch() batchJSON {
	out, _ := s.run(0, "batches", "--json")
	var b batchJSON
	require.NoError(s.t, json.Unmarshal([]byte(out), &b))
	return b
}

// TestCalendars is the story of a registrar without coins.
func TestCalendars(t *testing.T) {
	s := newStamping(t, 3)
	out, errs := s.anchor(0)
	t.Log(out, errs)
	require.Nil(t, s.proof("0.pdf").OpenTimestamps)
	s.verify(verify.Pending)
	out, errs = s.upgrade(0)
	t.Log(out, errs)
	require.Equal(t, "sent", s.batch().State)

	for _, c := range s.calendars {
		require.NoError(t, c.Anchor(context.Background()))
	}
	out, errs = s.upgrade(0)
	t.Log(out, errs)
	require.Contains(t, errs, "which the header chain here does not hold")
	s.takeHeaders()
	out, errs = s.upgrade(0)
	t.Log(out, errs)
	t.Log(s.verify(verify.Valid))
	b := s.batch()
	t.Logf("%+v", b)
	require.Equal(t, "complete", b.State)
	require.Len(t, b.Calendars, 3)
}

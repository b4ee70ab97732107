package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/trust"
)

// replaceKillPoints are those of killPoints at which the steps of replace end:
// every file of a home comes to its place by renameat or linkat. A default run
// leaves out as many between two kills.
var replaceKillPoints = []struct {
	call string
	skip int
}{{"renameat", 1}, {"linkat", 1}, {"fsync", 24}}

// TestKilledReplacing kills the program while it replaces a document. Whenever
// that is, no status list has the one half without the other: it names the new
// batch and withdraws the old document, or neither. The command that goes on
// brings both about.
func TestKilledReplacing(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: killing the program many times takes seconds")
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace, which kills at chosen system calls, is not installed")
	}
	s := newReplacing(t, builtProgram(t))
	rng, all := seeded(t), make(killed)
	for _, p := range replaceKillPoints {
		step := 1 + p.skip
		if rounds(t) >= 1000 {
			step = 1
		}
		for n := 1 + rng.IntN(step); ; n += step {
			s.restore(t)
			hit := s.killedAt(t, strace, p.call, n, s.replace()...)
			if hit {
				all.note(t, s.registrar)
			}
			listed := s.checkBoth(t)
			planned := len(s.batches(t)) == 2
			next := s.replace()
			if planned && rng.IntN(2) == 0 { // who only names the new document goes on as well
				next = []string{"anchor", s.new}
			}
			s.run(t, next...)
			require.True(t, s.checkBoth(t), "%s %d, listed before: %v", p.call, n, listed)
			s.check(t)
			if !hit {
				break
			}
		}
	}
	t.Logf("%v", all)
	require.GreaterOrEqual(t, all.count(), 4, "too few kills came before the end")
	require.Greater(t, len(all), 1, "all kills came in one state")
}

// replacing is a registrar with one batch, who is to replace one document of it.
type replacing struct {
	*registrar
	old, new string
	saved    string // what the home was before
	height   int
}

func newReplacing(t *testing.T, program string) *replacing {
	t.Helper()
	s := &replacing{registrar: newRegistrar(t, program), saved: t.TempDir()}
	s.old = filepath.Join(s.addFolder(t, 3), "transcript-2.pdf")
	s.run(t, "anchor", s.folders[0])
	s.new = filepath.Join(s.addFolder(t, 1), "transcript-1.pdf")
	require.NoError(t, os.CopyFS(s.saved, os.DirFS(s.home())))
	s.height = len(s.blocks(t))
	return s
}

func (s *replacing) replace() []string { return []string{"replace", s.old, s.new, "--yes"} }

// restore puts the home back to before the document was replaced.
func (s *replacing) restore(t *testing.T) {
	t.Helper()
	require.NoError(t, os.RemoveAll(s.home()))
	require.NoError(t, os.CopyFS(s.home(), os.DirFS(s.saved)))
	require.NoError(t, os.RemoveAll(filepath.Join(s.dir, s.new+proof.Suffix)))
	s.lowest = s.height
}

func (s *replacing) batches(t *testing.T) []*batch.Batch {
	t.Helper()
	list, err := batch.Open(filepath.Join(s.home(), "batches")).List()
	require.NoError(t, err)
	return list
}

// checkBoth reports whether the newest list names the new batch, and holds it
// against whether that list withdraws the old document.
func (s *replacing) checkBoth(t *testing.T) (listed bool) {
	t.Helper()
	batches := s.batches(t)
	first := batchOf(t, batches, filepath.Join(s.dir, s.folders[0])) // two of one second have no order
	list, forked, err := trust.Open(filepath.Join(s.home(), "trust")).Status(first.Issuer, bitcoin.Regtest)
	require.NoError(t, err)
	require.False(t, forked)
	for _, b := range batches {
		if b.ID != first.ID && b.Statement != nil {
			root, err := b.Root()
			require.NoError(t, err)
			listed = listed || list.HasBatch(root)
		}
	}
	withdrawn := 0
	for _, d := range first.Documents {
		if _, ok := list.FindWithdrawn(issuer.WithdrawalID(d.Salt, d.Digest)); ok {
			require.Equal(t, filepath.Join(s.dir, s.old), d.Path)
			withdrawn++
		}
	}
	require.Equal(t, listed, withdrawn == 1, "the new batch is listed, the old document withdrawn")
	require.Equal(t, withdrawn, len(list.Withdrawn))
	return listed
}

// check is that of the registrar, but for the document that is withdrawn.
func (s *replacing) check(t *testing.T) {
	t.Helper()
	batches := s.batches(t)
	require.Len(t, batches, 2)
	s.noteHeight(t)
	s.checkChain(t, batches)
	s.checkStatus(t, batches)
	s.checkFolders(t, batches)
	s.checkHome(t)
	s.run(t, "verify", "--network", "regtest", s.new)
	out, err := s.command(t.Context(), "verify", "--network", "regtest", s.old).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "WITHDRAWN", "%s", out)
}

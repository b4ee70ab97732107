package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/trust"
)

// ago NAME DURATION: sets the environment variable to the time that long ago, as
// an issuer file writes it.
func cmdAgo(ts *testscript.TestScript, neg bool, args []string) {
	d, err := time.ParseDuration(args[1])
	ts.Check(err)
	ts.Setenv(args[0], time.Now().UTC().Add(-d).Format(time.RFC3339))
}

// TestKilledRotation kills "issuer rotate" as it enters its N-th call of each kind
// by which something changes on disk, and runs it again: there is one new key, one
// file that follows, and one more list by its key, however far the first had come.
func TestKilledRotation(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	strace := stracePath(t)
	program := builtProgram(t)
	first := newRegistrar(t, program)
	first.run(t, "issuer", "create", "--id", "uni.example", "--name", "Uni", "--unsafe-no-passphrase", "--no-recovery")
	first.run(t, "anchor", first.addFolder(t, 1))
	rotate := []string{"issuer", "rotate", "--unsafe-no-passphrase", "--recovery", "recovery.txt"}
	kills := 0
	for _, call := range []string{"renameat", "linkat", "unlinkat"} {
		for n := 1; ; n++ {
			r := &registrar{program: program, dir: t.TempDir()}
			require.NoError(t, os.CopyFS(r.dir, os.DirFS(first.dir)))
			hit := r.killedAt(t, strace, call, n, rotate...)
			if hit {
				kills++
			}
			r.afterRotation(t, hit, rotate)
			if !hit {
				break
			}
		}
	}
	require.Greater(t, kills, 5)
	t.Logf("%d kills", kills)
}

// afterRotation runs the command again after it was killed, and looks at the home.
func (r *registrar) afterRotation(t *testing.T, killed bool, rotate []string) {
	t.Helper()
	store := trust.Open(filepath.Join(r.home(), "trust"))
	before, err := store.Issuer("uni.example")
	require.NoError(t, err)
	if killed {
		out, err := r.command(t.Context(), rotate...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	e, err := store.Issuer("uni.example")
	require.NoError(t, err)
	require.EqualValues(t, 2, e.File.Sequence)
	require.Len(t, e.File.Sets, 2)
	if before.File.Sequence == 2 {
		require.Equal(t, before.File.Fingerprint(), e.File.Fingerprint(), "a second file with this number")
	}
	list, forked, err := store.Status("uni.example", bitcoin.Regtest)
	require.NoError(t, err)
	require.False(t, forked)
	require.EqualValues(t, 2, list.Sequence, "one list more")
	signers, err := e.File.CheckSignatures(list.Note, time.Now())
	require.NoError(t, err)
	require.Equal(t, e.File.Sets[1].Keys[0], signers[0])
	found, err := filepath.Glob(filepath.Join(r.home(), "keys", "*"))
	require.NoError(t, err)
	require.Len(t, found, 3, "the first key, its issuer file, and one new key: %v", found)
	r.run(t, "verify", "--network", "regtest", "folder1")
	require.FileExists(t, filepath.Join(r.dir, "recovery.txt"))
}

func stracePath(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace, which kills at chosen system calls, is not installed")
	}
	return path
}

package main

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"gradseal/journal"
)

// weaken BACKUP PASSPHRASE-FILE: encrypts a backup again, with the same
// passphrase, such that opening it takes no second.
func cmdWeaken(ts *testscript.TestScript, neg bool, args []string) {
	passphrase, _, _ := strings.Cut(ts.ReadFile(args[1]), "\n")
	ts.Check(weaken(ts.MkAbs(args[0]), passphrase))
}

func weaken(path, passphrase string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return err
	}
	plain, err := age.Decrypt(bytes.NewReader(data), identity)
	if err != nil {
		return err
	}
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return err
	}
	recipient.SetWorkFactor(1)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, recipient)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, plain); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o600)
}

// TestBackupKilled kills backup and restore at system calls. A backup is there as
// a whole or not at all, or is still the old one; so is the home that comes from it.
func TestBackupKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: passphrases take seconds")
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace, which kills at chosen system calls, is not installed")
	}
	r := newRegistrar(t, builtProgram(t))
	r.run(t, "anchor", r.addFolder(t, 3))
	const passphrase = "correct horse battery"
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, "pass.txt"), []byte(passphrase+"\n"), 0o600))
	file := filepath.Join(r.dir, "home.backup")
	backup := []string{"backup", "--passphrase-file", "pass.txt", "--replace", "-o", "home.backup"}

	old := []byte("age-encryption.org/v1\n-> scrypt of an older backup\n")
	require.NoError(t, os.WriteFile(file, old, 0o600))
	require.True(t, r.killedAt(t, strace, "renameat", 1, backup...))
	now, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(old), string(now))
	names, err := filepath.Glob(filepath.Join(r.dir, ".gradseal-*"))
	require.NoError(t, err)
	require.Len(t, names, 1)
	r.run(t, backup...)
	require.NoError(t, weaken(file, passphrase))
	names, err = filepath.Glob(filepath.Join(r.dir, ".gradseal-*"))
	require.NoError(t, err)
	require.Empty(t, names, "what the killed ones left")
	r.run(t, "journal", "verify")
	r.checkHome(t)
	want := filesBelow(t, r.home())

	kills := 0
	restore := []string{"restore", file, "--passphrase-file", filepath.Join(r.dir, "pass.txt")}
	for _, p := range restorePoints {
		step := 1 + p.skip
		if rounds(t) >= 1000 {
			step = 1
		}
		for n := 1; ; n += step {
			to := &registrar{program: r.program, dir: t.TempDir()}
			killed := to.killedAt(t, strace, p.call, n, restore...)
			if _, err := os.Stat(to.home()); err != nil {
				require.ErrorIs(t, err, fs.ErrNotExist)
				to.run(t, restore...)
			}
			to.checkRestored(t, want)
			if !killed {
				break
			}
			kills++
		}
	}
	t.Logf("%d kills", kills)
	require.GreaterOrEqual(t, kills, len(restorePoints))
}

// restorePoints are the system calls at which restore is killed, as in killPoints.
var restorePoints = []struct {
	call string
	skip int
}{{"fsync", 9}, {"renameat", 0}, {"unlinkat", 2}, {"mkdirat", 6}, {"write", 24}}

// checkRestored: everything is there that was backed up, and nothing lies beside
// the home.
func (r *registrar) checkRestored(t *testing.T, want map[string]string) {
	t.Helper()
	names, err := os.ReadDir(r.dir)
	require.NoError(t, err)
	require.Len(t, names, 1, "%v", names)
	got := filesBelow(t, r.home())
	for name, data := range want {
		switch name {
		case "journal/log": // in which one line each was added after that
		case "proposals/sequences":
			require.NotEmpty(t, got[name])
		default:
			require.Equal(t, data, got[name], name)
		}
	}
	var acts []journal.Act
	for record, err := range journal.Open(filepath.Join(r.home(), "journal")).Records() {
		require.NoError(t, err)
		acts = append(acts, record.Act)
	}
	require.Equal(t, journal.Restore, acts[len(acts)-1])
}

func filesBelow(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(rel)] = string(data)
		return err
	}))
	return all
}

//go:build unix

package atomicfile_test

import (
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/internal/testuser"
)

func TestReadOnlyDirectory(t *testing.T) {
	if !testuser.IsOrdinary(t) {
		return
	}
	for _, w := range writers {
		t.Run(w.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "file")
			require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
			require.NoError(t, os.Chmod(dir, 0o555))
			t.Cleanup(func() { os.Chmod(dir, 0o755) })
			if w.replace {
				require.ErrorIs(t, w.write(path, []byte("new"), 0o644), fs.ErrPermission)
			}
			require.ErrorIs(t, w.write(path+"2", []byte("new"), 0o644), fs.ErrPermission)
			requireContent(t, path, "old")
			requireOnly(t, dir, "file")
		})
	}
}

// tooLarge is the environment variable that names the directory in which a
// process of TestNoRoom is to write.
const tooLarge = "ATOMICFILE_TOO_LARGE"

// TestNoRoom: where the bytes have no room, the error names the file, and
// nothing of it is left. A limit of the process stands for a full disk.
func TestNoRoom(t *testing.T) {
	if dir := os.Getenv(tooLarge); dir != "" {
		signal.Ignore(syscall.SIGXFSZ)
		for _, w := range writers {
			path := filepath.Join(dir, "file")
			err := w.write(path, make([]byte, 1<<20), 0o644)
			require.ErrorIs(t, err, syscall.EFBIG, w.name)
			require.EqualError(t, err, "write "+path+": "+syscall.EFBIG.Error(), w.name)
		}
		return
	}
	dir := t.TempDir()
	cmd := exec.Command("sh", "-c", `ulimit -f 8 && exec "$0" -test.run='^TestNoRoom$' -test.v`, os.Args[0])
	cmd.Env = append(os.Environ(), tooLarge+"="+dir)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: TestNoRoom")
	requireOnly(t, dir)
}

// The mode is the one that was asked for, whatever the process takes off others.
func TestModeUnderUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	for _, w := range writers {
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, w.write(path, nil, 0o644))
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o644), info.Mode(), w.name)
	}
}

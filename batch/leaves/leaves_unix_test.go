//go:build unix

package leaves_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"gradseal/batch/leaves"
	"gradseal/internal/regular"
)

// A named pipe is refused and not waited for, and so are a device and a folder.
func TestOnlyFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(pipe, link))
	for _, path := range []string{pipe, link, dir, "/dev/zero"} {
		_, err := leaves.Open(path)
		require.ErrorIs(t, err, regular.ErrNotRegular)
		_, _, _, err = leaves.Peek(path)
		require.ErrorIs(t, err, regular.ErrNotRegular)
		_, err = leaves.OpenAnswer(path, 3)
		require.ErrorIs(t, err, regular.ErrNotRegular)
	}
}

// A log is a file of its own: no link to another one, also one with a log in it.
func TestLogIsNoLink(t *testing.T) {
	dir := t.TempDir()
	foreign, path := filepath.Join(dir, "foreign"), filepath.Join(dir, "x.part")
	content := logOf(t, rowsOf(2))
	require.NoError(t, os.WriteFile(foreign, content, 0o644))
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	for _, target := range []string{foreign, pipe, filepath.Join(dir, "none")} {
		require.NoError(t, os.Symlink(target, path))
		_, _, _, err := leaves.OpenLog(path, head)
		require.ErrorIs(t, err, regular.ErrNotRegular)
		require.NoError(t, leaves.RemoveLog(path))
		require.NoError(t, os.Remove(path))
	}
	_, _, _, err := leaves.OpenLog(pipe, head)
	require.ErrorIs(t, err, regular.ErrNotRegular)
	now, err := os.ReadFile(foreign)
	require.NoError(t, err)
	require.Equal(t, content, now)
	require.NoFileExists(t, filepath.Join(dir, "none"))
}

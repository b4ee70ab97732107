//go:build unix

package regular_test

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"gradseal/internal/regular"
)

// A named pipe that nobody writes to is refused at once.
func TestOpenDoesNotWait(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(pipe, link))
	socket := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer listener.Close()
	for _, path := range []string{pipe, link, socket, os.DevNull} {
		_, err := regular.Open(path)
		require.ErrorIs(t, err, regular.ErrNotRegular)
		_, err = regular.Stat(path)
		require.ErrorIs(t, err, regular.ErrNotRegular)
	}
}

func TestOpenFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink("file", link))
	_, err := regular.Open(link)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o600))
	f, err := regular.Open(link)
	require.NoError(t, err)
	require.EqualValues(t, 7, f.Size())
	require.NoError(t, f.Close())
	require.Error(t, f.Close())
}

// A file of the program's own is a file, and never what a link leads to.
func TestOpenOwn(t *testing.T) {
	dir := t.TempDir()
	foreign, pipe := filepath.Join(dir, "foreign"), filepath.Join(dir, "pipe")
	require.NoError(t, os.WriteFile(foreign, []byte("content"), 0o600))
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	for i, target := range []string{foreign, pipe, filepath.Join(dir, "none")} {
		link := filepath.Join(dir, "link"+string(rune('0'+i)))
		require.NoError(t, os.Symlink(target, link))
		_, err := regular.OpenOwn(link)
		require.ErrorIs(t, err, regular.ErrNotRegular)
		_, err = os.OpenFile(link, os.O_RDWR|os.O_CREATE|regular.OwnFlags, 0o600)
		require.ErrorIs(t, err, unix.ELOOP, "one that came after the look")
	}
	require.NoFileExists(t, filepath.Join(dir, "none"))
	for _, path := range []string{pipe, dir, os.DevNull} {
		_, err := regular.OpenOwn(path)
		require.ErrorIs(t, err, regular.ErrNotRegular)
	}
	f, err := regular.OpenOwn(filepath.Join(dir, "own"))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	info, err := os.Stat(filepath.Join(dir, "own"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())
}

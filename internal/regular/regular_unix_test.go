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

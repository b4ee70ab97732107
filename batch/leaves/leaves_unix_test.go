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

package regular_test

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/internal/regular"
)

func TestOpen(t *testing.T) {
	for _, size := range []int{0, 1, 4096, 20_000} {
		content := bytes.Repeat([]byte("0123456789abcde\n"), size/16+1)[:size]
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		f, err := regular.Open(path)
		require.NoError(t, err)
		require.EqualValues(t, size, f.Size())
		require.NoError(t, iotest.TestReader(io.NewSectionReader(f, 0, f.Size()), content))
		all, err := io.ReadAll(f)
		require.NoError(t, err)
		require.Equal(t, string(content), string(all))
		n, err := f.ReadAt(make([]byte, 10), int64(size)-min(5, int64(size)))
		require.Equal(t, io.EOF, err)
		require.Equal(t, min(5, size), n)
		require.NoError(t, f.Close())
		_, err = f.Read(make([]byte, 1))
		require.ErrorContains(t, err, path)
	}
}

// TestState: the file that is open is the one at its path until either is another,
// or was written to.
func TestState(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "file"), filepath.Join(dir, "other")
	long := time.Now().Add(-time.Hour).Round(time.Second)
	for _, path := range []string{path, other} {
		require.NoError(t, os.WriteFile(path, []byte("content"), 0o600))
		require.NoError(t, os.Chtimes(path, long, long))
	}
	f, err := regular.Open(path)
	require.NoError(t, err)
	defer f.Close()
	same := func(path string) bool {
		state, err := regular.Stat(path)
		require.NoError(t, err)
		return state.Same(f.State())
	}
	require.EqualValues(t, 7, f.State().Size)
	require.True(t, f.State().ModTime.Equal(long))
	require.True(t, same(path))
	require.False(t, same(other), "equal in size and time")
	require.NoError(t, os.WriteFile(path, []byte("changed"), 0o600))
	require.False(t, same(path), "written to")
	require.NoError(t, os.Chtimes(path, long, long))
	require.True(t, same(path))
	require.NoError(t, os.WriteFile(path, []byte("longer content"), 0o600))
	require.NoError(t, os.Chtimes(path, long, long))
	require.False(t, same(path), "another size")
	_, err = regular.Stat(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	_, err := regular.Open(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, filepath.Join(dir, "none"))
	_, err = regular.Open(dir)
	require.ErrorIs(t, err, regular.ErrNotRegular)
	require.EqualError(t, err, dir+": is not a regular file")
}

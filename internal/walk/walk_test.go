package walk_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/internal/walk"
)

// tree makes a working directory with files, some of them hidden.
func tree(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"in/b.pdf", "in/a.pdf", "in/.a.pdf", "in/deep/er/c.pdf", "in/.hidden/d.pdf", ".start/e.pdf", "in/none.pdf/f.txt"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o777))
		require.NoError(t, os.WriteFile(name, nil, 0o666))
	}
}

// found are the paths that are visited, in order, with slashes.
func found(t *testing.T, dir string) []string {
	var paths []string
	require.NoError(t, walk.Files(dir, func(path string, e fs.DirEntry, err error) error {
		require.NoError(t, err)
		require.Equal(t, filepath.Base(path), e.Name())
		require.False(t, e.IsDir())
		paths = append(paths, filepath.ToSlash(path))
		return nil
	}))
	slices.Sort(paths)
	return paths
}

func TestFiles(t *testing.T) {
	tree(t)
	want := []string{"in/.a.pdf", "in/a.pdf", "in/b.pdf", "in/deep/er/c.pdf", "in/none.pdf/f.txt"}
	for _, dir := range []string{"in", "in/", "./in", "in//", "in/deep/..", "."} {
		require.Equal(t, want, found(t, filepath.FromSlash(dir)), dir)
	}
	require.Equal(t, []string{".start/e.pdf"}, found(t, ".start"), "a hidden folder that is named")
	abs, err := filepath.Abs("in")
	require.NoError(t, err)
	require.Equal(t, filepath.ToSlash(abs)+"/.a.pdf", found(t, abs)[0])
}

func TestFilesThroughLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("making a link needs a right that users do not have")
	}
	tree(t)
	require.NoError(t, os.Symlink("in", "named"))
	require.NoError(t, os.Symlink("../../in", filepath.Join("in", "deep", "loop")))
	require.NoError(t, os.Symlink("nowhere", filepath.Join("in", "gone.pdf")))
	require.Equal(t, []string{"named/.a.pdf", "named/a.pdf", "named/b.pdf", "named/deep/er/c.pdf", "named/deep/loop", "named/gone.pdf", "named/none.pdf/f.txt"}, found(t, "named"))
}

func TestFilesFaults(t *testing.T) {
	tree(t)
	var visited []string
	require.NoError(t, walk.Files("nowhere/", func(path string, e fs.DirEntry, err error) error {
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.Nil(t, e)
		visited = append(visited, path)
		return nil
	}))
	require.Equal(t, []string{"nowhere"}, visited)

	stop := errors.New("stop")
	calls := 0
	require.ErrorIs(t, walk.Files("in", func(string, fs.DirEntry, error) error { calls++; return stop }), stop)
	require.Equal(t, 1, calls)
	require.ErrorIs(t, walk.Files("nowhere", func(string, fs.DirEntry, error) error { return stop }), stop)
}

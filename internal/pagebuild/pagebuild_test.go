package pagebuild

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/internal/gotool"
)

// TestBuild builds twice: the same bytes, and nothing of this machine in them.
func TestBuild(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: building the page takes a while")
	}
	t.Setenv("GOFLAGS", "-tags=something")
	t.Setenv("GOWASM", "satconv")
	tools, err := gotool.New(t.Context(), ".")
	require.NoError(t, err)
	first, second := t.TempDir(), filepath.Join(t.TempDir(), "a longer name", "second")
	require.NoError(t, Build(t.Context(), tools, first))
	require.NoError(t, Build(t.Context(), tools, second))
	for _, name := range []string{Program, Support} {
		a, err := os.ReadFile(filepath.Join(first, name))
		require.NoError(t, err)
		b, err := os.ReadFile(filepath.Join(second, name))
		require.NoError(t, err)
		require.True(t, bytes.Equal(a, b), name)
	}
	zipped, err := os.Open(filepath.Join(first, Program))
	require.NoError(t, err)
	defer zipped.Close()
	z, err := gzip.NewReader(zipped)
	require.NoError(t, err)
	require.Empty(t, z.Name)
	require.True(t, z.ModTime.IsZero())
	program, err := io.ReadAll(z)
	require.NoError(t, err)
	require.Equal(t, "\x00asm", string(program[:4]))
	home, err := os.UserHomeDir()
	require.NoError(t, err)
	for _, path := range []string{tools.Root, home, os.TempDir() + string(filepath.Separator) + "gradseal-page-"} {
		require.NotContains(t, string(program), path)
	}
	require.Contains(t, string(program), "=>\t./"+textPath, "the module without tables")
	_, err = os.Stat(filepath.Join(tools.Root, filepath.FromSlash(textPath)))
	require.ErrorIs(t, err, os.ErrNotExist, "it is in no directory")
}

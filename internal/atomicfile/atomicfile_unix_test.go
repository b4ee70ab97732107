//go:build unix

package atomicfile_test

import (
	"io/fs"
	"os"
	"path/filepath"
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
			require.ErrorIs(t, w.write(path, []byte("new"), 0o644), fs.ErrPermission)
			requireContent(t, path, "old")
			requireOnly(t, dir, "file")
		})
	}
}

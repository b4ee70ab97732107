//go:build unix

package walk_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/internal/testuser"
	"gradseal/internal/walk"
)

// A folder that cannot be read is told, and the others are visited.
func TestUnreadableFolder(t *testing.T) {
	if !testuser.IsOrdinary(t) {
		return
	}
	tree(t)
	closed := filepath.Join("in", "deep")
	require.NoError(t, os.Chmod(closed, 0))
	t.Cleanup(func() { os.Chmod(closed, 0o777) })
	var faults []string
	files := 0
	require.NoError(t, walk.Files("in", func(path string, e fs.DirEntry, err error) error {
		if err == nil {
			files++
			return nil
		}
		require.ErrorIs(t, err, fs.ErrPermission)
		require.Nil(t, e)
		faults = append(faults, path)
		return nil
	}))
	require.Equal(t, []string{closed}, faults)
	require.Equal(t, 4, files)
}

package cmd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A home may be a directory with other things in it, such as a user's own:
// what is cleared away after a killed process is ours alone.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	ours := []string{"keys/.tmp-1", "trust/.tmp-2", "batches/.tmp-3/plan", "batches/20261122-01234567/.tmp-4", "headers/.tmp-5", "embedded-node/.tmp-6"}
	others := []string{".tmp-7", "project/.tmp-8", "project/sub/.tmp-9", "keys/id_a.key", "batches/20261122-01234567/plan", "keys/sub/.tmp-10"}
	for _, name := range append(ours, others...) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
	home{dir: dir, chain: dir}.sweep()
	for _, name := range ours {
		require.NoFileExists(t, filepath.Join(dir, filepath.FromSlash(name)))
	}
	for _, name := range others {
		require.FileExists(t, filepath.Join(dir, filepath.FromSlash(name)))
	}
}

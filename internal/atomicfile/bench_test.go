package atomicfile_test

import (
	"io/fs"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/internal/atomicfile"
)

// BenchmarkNewUnsynced makes files of the size of a proof: without a name first, where
// the system can, and with a temporary name. TMPDIR chooses the file system.
func BenchmarkNewUnsynced(b *testing.B) {
	data := make([]byte, 2600)
	create := func(path string) error {
		return atomicfile.NewUnsynced(path, data, fs.FileMode(0o644), ".own-*")
	}
	run := func(b *testing.B) {
		dir := b.TempDir()
		for i := 0; b.Loop(); i++ {
			require.NoError(b, create(filepath.Join(dir, strconv.Itoa(i))))
		}
	}
	b.Run("unnamed", run)
	b.Run("temporary", func(b *testing.B) { atomicfile.WithoutUnnamed(func() { run(b) }) })
}

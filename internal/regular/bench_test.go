package regular_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/internal/regular"
)

// BenchmarkOpen opens, reads and closes a file of 4 kB, as it is done here and by
// package os with a look before it.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "file")
	require.NoError(b, os.WriteFile(path, make([]byte, 4000), 0o600))
	buf := make([]byte, 4000)
	for _, way := range []struct {
		name string
		open func() (io.ReadCloser, error)
	}{
		{"regular", func() (io.ReadCloser, error) { return regular.Open(path) }},
		{"os", func() (io.ReadCloser, error) {
			if _, err := os.Stat(path); err != nil {
				return nil, err
			}
			return os.Open(path)
		}},
	} {
		b.Run(way.name, func(b *testing.B) {
			for b.Loop() {
				f, err := way.open()
				require.NoError(b, err)
				_, err = io.ReadFull(f, buf)
				require.NoError(b, err)
				require.NoError(b, f.Close())
			}
		})
	}
}

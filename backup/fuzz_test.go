package backup

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzUnpack reads what is in a backup, below the encryption: scrypt takes a second.
// What is unpacked is what the index says, file by file, and below the folder.
func FuzzUnpack(f *testing.F) {
	f.Add(tarOf(f, write(f, smallHome(f), options())))
	for _, data := range [][]byte{
		forge(f, indexOf(f, entry("keys/a", "one")), file("keys/a", "one")),
		forge(f, indexOf(f, entry("keys/a", "one")), file("../a", "one")),
		forge(f, indexOf(f, entry("keys/a", "one")), file("keys/a", "one"), file("keys/b", "two")),
		forge(f, indexOf(f, entry("keys/a", "one"))),
	} {
		f.Add(tarOf(f, data))
	}
	parent := f.TempDir()
	f.Fuzz(func(t *testing.T, plain []byte) {
		open := func() (*Reader, error) {
			r := bytes.NewReader(plain)
			b := &Reader{plain: r, tar: tar.NewReader(r)}
			data, err := b.readIndex()
			if err != nil {
				return nil, err
			}
			x, err := parseIndex(data)
			if err != nil {
				return nil, err
			}
			b.Index = *x
			return b, nil
		}
		b, err := open()
		if err != nil {
			return
		}
		dir := filepath.Join(parent, "home")
		require.NoError(t, os.Mkdir(dir, 0o700))
		defer os.RemoveAll(dir)
		unpackErr := b.Unpack(dir, nil)
		beside, err := os.ReadDir(parent)
		require.NoError(t, err)
		require.Len(t, beside, 1, "nothing is written outside of the folder")
		again, err := open()
		require.NoError(t, err)
		checkErr := again.Check(nil)
		if checkErr != nil {
			require.Error(t, unpackErr)
		}
		if unpackErr != nil {
			return
		}
		got := contents(t, dir)
		require.Len(t, got, len(b.Index.Files))
		for _, x := range b.Index.Files {
			require.Equal(t, x, File{Name: x.Name, Size: int64(len(got[x.Name])), SHA256: entry("", got[x.Name]).SHA256, Mode: x.Mode})
		}
	})
}

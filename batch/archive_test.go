package batch_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/proof"
	"gradseal/proof/proofzip"
)

// openArchive returns the files of an archive by their names.
func openArchive(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	info, err := f.Stat()
	require.NoError(t, err)
	require.EqualValues(t, 0o644, info.Mode().Perm())
	a, err := proofzip.NewReader(f, info.Size())
	require.NoError(t, err)
	files := make(map[string]string)
	for i := range a.Len() {
		data, err := a.Read(i)
		require.NoError(t, err)
		files[a.Name(i)] = string(data)
	}
	return files
}

// The archive of a batch has its proofs as they are, pending and then with their
// evidence, and there are none beside the documents.
func TestArchive(t *testing.T) {
	s, _ := newStore(t)
	dir := t.TempDir()
	paths := append(documents(t, filepath.Join(dir, "in", "a"), 3), documents(t, filepath.Join(dir, "in", "b"), 3)...)
	b := create(t, s, scan(t, paths...))
	path := filepath.Join(dir, "proofs.zip")
	require.Error(t, b.SaveArchive("proofs.zip"), "a relative path")
	require.NoError(t, b.SaveArchive(path))
	advance(t, b, batch.Funded)
	for _, state := range []batch.State{batch.Funded, batch.Complete} {
		b = reload(t, s, b)
		require.Equal(t, path, b.Archive)
		advance(t, b, state)
		if state != batch.Complete { // which writes them
			writeProofs(t, b)
		}
		require.Equal(t, len(paths), b.Written)
		files := openArchive(t, path)
		require.Len(t, files, len(paths))
		for i, d := range b.Documents {
			want, err := b.Proof(i)
			require.NoError(t, err)
			name, err := filepath.Rel(filepath.Join(dir, "in"), d.Path)
			require.NoError(t, err)
			require.Equal(t, string(want), files[filepath.ToSlash(name)+proof.Suffix])
			require.NoFileExists(t, proofBeside(d.Path))
		}
		requireNoTemporary(t, dir)
	}
	require.False(t, b.ArchiveLost())
	require.NoError(t, os.Remove(path))
	require.True(t, b.ArchiveLost())
}

// An archive of another batch, and any other file, is not overwritten.
func TestArchiveInTheWay(t *testing.T) {
	s, _ := newStore(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "proofs.zip")
	one := create(t, s, scan(t, documents(t, filepath.Join(dir, "one"), 2)...))
	other := create(t, s, scan(t, documents(t, filepath.Join(dir, "other"), 2)...))
	advance(t, one, batch.Complete)
	advance(t, other, batch.Complete)
	for range 2 { // its own it replaces
		n, err := one.WriteArchive(context.Background(), path, nil, nil, func() {})
		require.NoError(t, err)
		require.Equal(t, 2, n)
	}
	before := readFile(t, path)
	for _, in := range []string{path, write(t, filepath.Join(dir, "notes.zip"), []byte("notes")), write(t, filepath.Join(dir, "empty.zip"), nil), dir} {
		_, err := other.WriteArchive(context.Background(), in, nil, nil, func() {})
		require.ErrorContains(t, err, "it was not overwritten", in)
	}
	require.Equal(t, before, readFile(t, path))
}

// What a kill leaves of a proof is written again, also where the batch has got its
// evidence, or lost it, since.
func TestProofsCutOff(t *testing.T) {
	s, _ := newStore(t)
	b := create(t, s, scan(t, documents(t, t.TempDir(), 1)...))
	advance(t, b, batch.Funded)
	pending, err := b.Proof(0)
	require.NoError(t, err)
	advance(t, b, batch.Complete)
	whole, err := b.Proof(0)
	require.NoError(t, err)
	require.NotEqual(t, pending, whole)
	beside := proofBeside(b.Documents[0].Path)
	for _, left := range [][]byte{nil, whole[:1], whole[:len(whole)-1], pending, pending[:len(pending)-1], pending[:len(pending)-4], make([]byte, 100)} {
		require.NoError(t, os.WriteFile(beside, left, 0o644))
		require.NoError(t, b.WriteProofAt(0, b.Documents[0].Path))
		require.Equal(t, string(whole), readFile(t, beside), "%q", left)
	}
	notes := append(whole[:300:300], "my notes"...)
	require.NoError(t, os.WriteFile(beside, notes, 0o644))
	require.Error(t, b.WriteProofAt(0, b.Documents[0].Path))
	require.Equal(t, string(notes), readFile(t, beside))
}

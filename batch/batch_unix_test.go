//go:build unix

package batch_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/internal/testuser"
)

func TestWriteProofsIntoAReadOnlyFolder(t *testing.T) {
	if !testuser.IsOrdinary(t) {
		return
	}
	s, _ := newStore(t)
	dir := t.TempDir()
	closed := filepath.Join(dir, "closed")
	paths := append(documents(t, filepath.Join(dir, "open"), 10), documents(t, closed, 10)...)
	b := create(t, s, scan(t, paths...))
	advance(t, b, batch.Confirmed)
	require.NoError(t, b.FinalizeAttestation(b.Attestation))
	lock(t, closed, 0o500)
	require.ErrorIs(t, b.WriteProofs(context.Background(), nil, func() {}), fs.ErrPermission)
	require.Equal(t, batch.Confirmed, reload(t, s, b).State())
	requireNoTemporary(t, dir)

	require.NoError(t, os.Chmod(closed, 0o700))
	writeProofs(t, b)
	require.Equal(t, batch.Complete, reload(t, s, b).State())
	for _, path := range paths {
		require.FileExists(t, proofBeside(path))
	}
}

// A batch whose last step cannot be written is not complete, in memory as on
// disk.
func TestBatchThatCannotBeMarked(t *testing.T) {
	if !testuser.IsOrdinary(t) {
		return
	}
	s, store := newStore(t)
	b := create(t, s, scan(t, documents(t, t.TempDir(), 2)...))
	advance(t, b, batch.Confirmed)
	require.NoError(t, b.FinalizeAttestation(b.Attestation))
	lock(t, filepath.Join(store, b.ID), 0o500)
	require.ErrorIs(t, b.WriteProofs(context.Background(), nil, func() {}), fs.ErrPermission)
	require.Equal(t, batch.Confirmed, b.State())
	require.Equal(t, batch.Confirmed, reload(t, s, b).State())
	require.NoError(t, os.Chmod(filepath.Join(store, b.ID), 0o700))
	writeProofs(t, b)
	require.Equal(t, batch.Complete, reload(t, s, b).State())
}

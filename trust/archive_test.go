package trust_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/trust"
)

// TestIssuerAt: files that were replaced are there by their numbers, until the
// issuer is removed.
func TestIssuerAt(t *testing.T) {
	dir := t.TempDir()
	s := trust.Open(dir)
	_, err := s.IssuerAt(testID, 1)
	require.ErrorIs(t, err, trust.ErrUnknownIssuer)
	u := newUni(t, testID)
	var files [][]byte
	for i := range 3 {
		files = append(files, u.data)
		_, err := s.Add(u.data)
		require.NoError(t, err)
		u = u.rotated(t, now.Add(time.Duration(i)*time.Hour))
	}
	for i, data := range files {
		e, err := s.IssuerAt(testID, uint64(i+1))
		require.NoError(t, err)
		require.Equal(t, string(data), string(e.Data))
		require.EqualValues(t, i+1, e.File.Sequence)
	}
	for _, sequence := range []uint64{0, 4} {
		_, err = s.IssuerAt(testID, sequence)
		require.ErrorIs(t, err, trust.ErrNoFile)
	}
	all, err := s.Issuers()
	require.NoError(t, err)
	require.Len(t, all, 1, "what was replaced is no issuer")

	// One that is not what its name says is an error.
	first := filepath.Join(dir, "id_uni.example_registrar.issuer.1")
	require.NoError(t, os.WriteFile(first, files[1], 0o644))
	_, err = s.IssuerAt(testID, 1)
	require.ErrorContains(t, err, "holds issuer file 2")
	require.NoError(t, os.WriteFile(first, []byte("x"), 0o644))
	_, err = s.IssuerAt(testID, 1)
	require.ErrorContains(t, err, first)

	require.NoError(t, s.Remove(testID))
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Empty(t, found)

	// What an interrupted Remove left is not the next issuer's of that name.
	require.NoError(t, os.WriteFile(first, files[0], 0o644))
	_, err = s.Add(newUni(t, testID).data)
	require.NoError(t, err)
	require.NoFileExists(t, first)
}

package trust_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/trust"
)

// FuzzImportStatus takes a status list into a store that has one. The fuzzer cannot
// sign: with sign it gives the text, which is signed here with the issuer's key,
// so that everything behind the signature is reached, too. Without, it has three
// signed lists to work on.
//
// Whatever comes, a list of the store is never lowered, loses no entry, and is
// kept byte for byte as it was signed.
func FuzzImportStatus(f *testing.F) {
	u := newUni(f, testID)
	known := u.status(5, 1, 2)
	known.AddWithdrawn(issuer.Withdrawal{ID: root(8), Date: "2026-11-20", Reason: issuer.ReasonRescinded})
	first := signList(f, known, u.newest()...)
	s, dir := open(f, u)
	importList(f, s, first)
	path := onlyStatus(f, dir)

	next := known.Clone()
	next.Sequence = 6
	next.AddBatch(root(3))
	lost := next.Clone()
	lost.Withdrawn = nil
	fork := known.Clone()
	fork.AddBatch(root(4))
	for _, l := range []*issuer.StatusList{known, next, lost, fork} {
		text, err := l.Text()
		require.NoError(f, err)
		f.Add([]byte(text), true)
		f.Add(signList(f, l, u.newest()...), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, sign bool) {
		if sign {
			signed, err := issuer.SignNote(string(data), issuer.MaxStatus, u.newest()[0])
			if err != nil {
				return
			}
			data = signed
		}
		defer restore(t, dir, path, first)
		newer, err := s.ImportStatus(data, now)
		got, forked, readErr := s.Status(testID, bitcoin.Regtest)
		require.NoError(t, readErr)
		require.Equal(t, errors.Is(err, trust.ErrStatusFork), forked, "%v", err)
		if !newer {
			require.Equal(t, string(first), string(got.Data))
			return
		}
		require.NoError(t, err)
		if string(got.Data) == string(first) { // a list for another network
			list, _, err := issuer.ParseStatus(data)
			require.NoError(t, err)
			require.NotEqual(t, bitcoin.Regtest, list.Network)
			return
		}
		require.Equal(t, string(data), string(got.Data))
		require.Greater(t, got.Sequence, known.Sequence)
		require.NoError(t, known.CheckSuccessor(got.StatusList))
		_, err = u.file.CheckSignatures(got.Note, now)
		require.NoError(t, err)
	})
}

func onlyStatus(t testing.TB, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*.status"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	return found[0]
}

// restore leaves the one list in the store.
func restore(t testing.TB, dir, path string, data []byte) {
	t.Helper()
	for _, pattern := range []string{"*.status", "*.status-fork"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		require.NoError(t, err)
		for _, name := range found {
			require.NoError(t, os.Remove(name))
		}
	}
	require.NoError(t, os.WriteFile(path, data, 0o644))
}

// FuzzStore reads a store in which a file has any bytes: an error, or an issuer
// whose file is signed by its own keys and lies under its own name.
func FuzzStore(f *testing.F) {
	u := newUni(f, testID)
	s, dir := open(f, u)
	names, err := filepath.Glob(filepath.Join(dir, "*.issuer"))
	require.NoError(f, err)
	require.Len(f, names, 1)
	f.Add(u.data)
	f.Add(u.renamed(f, "Another name").data)
	f.Add(newUni(f, "other.example").data)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		require.NoError(t, os.WriteFile(names[0], data, 0o644))
		e, err := s.Issuer(testID)
		all, listErr := s.Issuers()
		require.Equal(t, err == nil, listErr == nil)
		if err != nil {
			require.Empty(t, all)
			return
		}
		require.Equal(t, []trust.Entry{e}, all)
		require.Equal(t, testID, e.File.ID)
		require.Equal(t, string(data), string(e.Data))
		again, err := issuer.ParseFile(e.Data)
		require.NoError(t, err)
		require.Equal(t, again.Fingerprint(), e.File.Fingerprint())
	})
}

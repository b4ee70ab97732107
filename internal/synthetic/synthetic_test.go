package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/internal/figures"
)

// TestMeasure wants every proof of batches of odd sizes to be VALID, and the verifier
// to be asked about each.
func TestMeasure(t *testing.T) {
	for _, n := range []int{1, 3, 5000} {
		f, err := measure(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, n, f.Documents)
		require.Greater(t, f.Bytes, int64(n)*1000, "of the proof files")
	}
}

// TestMeasureNotices wants a batch of which one document has another salt to fail.
func TestMeasureNotices(t *testing.T) {
	b, err := newBatch(5000)
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, b.anchor(t.Context(), dir+"/node", dir+"/headers"))
	b.number[4321] = b.number[4320]
	_, _, err = b.verifyAll(t.Context())
	require.ErrorContains(t, err, "leaf 4321: ")
}

// TestPage wants the table in a page and the plot beside it, of as many points as sizes.
func TestPage(t *testing.T) {
	all := []measured{{Documents: 10, Tree: 1, Proofs: 5, Memory: 7}, {Documents: 100, Tree: 20, Proofs: 50, Memory: 70}}
	require.Contains(t, table(all), "| 100 | ")
	require.Equal(t, 6, strings.Count(string(plot(all)), "<circle "))
	data, err := os.ReadFile("../../docs/scale.md")
	require.NoError(t, err)
	page := filepath.Join(t.TempDir(), "scale.md")
	require.NoError(t, os.WriteFile(page, data, 0o600))
	require.NoError(t, figures.Replace(page, "figures\n"), "the page in docs has the markers")
}

func TestSizes(t *testing.T) {
	for _, args := range [][]string{nil, {"0"}, {"-5"}, {"many"}, {"10", "x"}} {
		require.Error(t, run(t.Context(), args, t.Output(), t.Output()), "%q", args)
	}
}

package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireEven wants that all rows of a table have the same number of cells.
func requireEven(t *testing.T, page string) {
	t.Helper()
	cells := 0
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, "|") {
			cells = 0
			continue
		}
		if cells == 0 {
			cells = strings.Count(line, "|")
		}
		require.Equal(t, cells, strings.Count(line, "|"), line)
	}
}

// A page has the whole or nothing.
func TestSomeOfItIsNoPage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(file, []byte("old\n"), 0o666))
	err := run(t.Context(), options{kills: 1, faults: 1, minutes: 1, parallel: 1, seed: 1, only: "anchor", out: file}, io.Discard, io.Discard)
	require.ErrorContains(t, err, "-o takes a whole run")
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "old\n", string(got))
}

func TestTables(t *testing.T) {
	results := filepath.Join(t.TempDir(), "results")
	lines := `{"Name":"anchor-first","Runs":3,"Kills":5,"Again":2,"Moments":{"before the first write":1,"between two writes":4},"Stages":{"no plan":1,"signed":4}}
{"Name":"disk-full","Runs":9,"Kills":7,"Moments":{"ended with an error":7,"did not meet it":2}}
`
	require.NoError(t, os.WriteFile(results, []byte(lines), 0o666))
	all, err := read(results)
	require.NoError(t, err)
	page := tables(all, false, "A machine.")
	require.Contains(t, page, "| `anchor`, the first in an empty home | 5 | 2 | 1 | 0 | 4 | 0 | 3 | 0 |\n")
	require.Contains(t, page, "In all: kills 5, runs to the end 3, lost 0.")
	require.Contains(t, page, "when `anchor` was killed: no plan 1, signed 4.")
	require.Contains(t, page, "| a disk with some pages or inodes left, `anchor` | 7 | 7 | 0 | 0 | 9 | 0 |\n")
	require.NotContains(t, page, "At once")
	require.NotContains(t, page, "not tried here")

	whole := tables(all, true, "A machine.")
	require.Contains(t, whole, "| a disk with some pages or inodes left, `anchor` | 7 | 7 | 0 | 0 | 9 | 0 |\n")
	require.Contains(t, whole, "| `withdraw` | not tried here | – | – | – | – | – | – | – |\n")
	require.Contains(t, whole, "| 12 to 51 MiB of memory for 1,000 documents, `anchor` | not tried here | – | – | – | – | – |\n")
	require.Contains(t, whole, "| `withdraw` and `anchor` | not tried here | – | – | – | – |\n")
	requireEven(t, whole)

	require.NoError(t, os.WriteFile(results, []byte("{"), 0o666))
	_, err = read(results)
	require.Error(t, err)
}

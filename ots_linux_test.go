package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestExportTerminal: a timestamp file is not text, and no terminal gets one; the
// steps are.
func TestExportTerminal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "docs"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "docs", "a.pdf"), smallPDF("a"), 0o666))
	require.NoError(t, gradseal(t, dir, "anchor", "docs").Run())
	screen := onTerminal(t, dir, "export", "--to", "ots", "docs/a.pdf", "-o", "-").ends(1)
	require.Contains(t, screen, "it was not written to the terminal")
	require.NotContains(t, screen, "OpenTimestamps\x00")
	screen = onTerminal(t, dir, "export", "--to", "json", "docs/a.pdf").ends(0)
	require.Contains(t, screen, `"merkle_root_reversed": "`)
	screen = onTerminal(t, dir, "export", "--to", "ots", "docs").ends(0)
	require.Contains(t, screen, "Wrote docs/a.pdf.ots")
	data, err := gradseal(t, dir, "export", "--to", "ots", "docs/a.pdf", "-o", "-").Output()
	require.NoError(t, err)
	want, err := os.ReadFile(filepath.Join(dir, "docs", "a.pdf.ots"))
	require.NoError(t, err)
	require.Equal(t, want, data)
}

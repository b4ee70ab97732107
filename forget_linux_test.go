package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The word has to be typed; anything else leaves everything as it was.
func TestForgetAtTerminal(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.pdf"), smallPDF("a"), 0o666))
	home := filepath.Join(dir, ".local", "share", "gradseal")
	out, err := gradseal(t, dir, "anchor", "a.pdf").CombinedOutput()
	require.NoError(t, err, "%s", out)
	plans, err := filepath.Glob(filepath.Join(home, "batches", "*", "plan"))
	require.NoError(t, err)
	require.Len(t, plans, 1)
	before, err := os.ReadFile(plans[0])
	require.NoError(t, err)

	x := onTerminal(t, dir, "forget", "a.pdf", "--not-withdrawn")
	x.expect("To be forgotten:")
	x.expect("Not withdrawn: 1 entry.")
	x.expect("Not removed: a.pdf.proof.json")
	x.expect("Type the word forget to go on: ")
	x.typed("yes\n")
	require.Contains(t, x.ends(1), `nothing was forgotten: "yes" is not "forget"`)
	after, err := os.ReadFile(plans[0])
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))

	x = onTerminal(t, dir, "forget", "a.pdf", "--not-withdrawn")
	x.expect("Type the word forget to go on: ")
	x.typed("forget\n")
	x.ends(0)
	after, err = os.ReadFile(plans[0])
	require.NoError(t, err)
	require.NotContains(t, string(after), "a.pdf")
}

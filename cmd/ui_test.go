package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFailEscapesOnce: what Go has quoted is not escaped again, and nothing else is
// shown as it came.
func TestFailEscapesOnce(t *testing.T) {
	for text, want := range map[string]string{
		fmt.Sprintf("title %+q: x", "a\nb\"\u202e\x80"): `title "a\nb\"\u202e\x80": x`,
		"a\x1bb":             `a\u{1B}b`,
		`a\u{1B}b`:           `a\u{1B}b`,
		safe("a\nb"):         `a\u{A}b`,
		"a\nb":               `a\u{A}b`,
		"a\\" + "\x07" + "b": `a\u{5C}\u{7}b`,
	} {
		var out bytes.Buffer
		newUI(Stdio{Out: &out, Err: &out}).fail(t.Context(), errors.New(text))
		require.Equal(t, "gradseal: error: "+want+"\n", out.String())
	}
}

// TestFullDisk: the same error is told once, and what to do about it.
func TestFullDisk(t *testing.T) {
	full := fmt.Errorf("keys: there must be room for 8 MB: %w", syscall.ENOSPC)
	require.Equal(t, full, withClosing(full, fmt.Errorf("keys: there must be room for 8 MB: %w", syscall.ENOSPC)))
	require.Equal(t, full, withClosing(full, nil))
	other := errors.New("other")
	require.ErrorIs(t, withClosing(full, other), other)

	var h hintedError
	require.ErrorAs(t, new(anchorRun).standing(full), &h)
	require.Equal(t, "make room on the disk. Nothing was signed in this run: run the same command again", h.hint)
	require.ErrorAs(t, new(anchorRun).standing(other), &h)
	require.Equal(t, "nothing was signed in this run: run the same command again", h.hint)
}

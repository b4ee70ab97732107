package figures_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/internal/figures"
)

func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "performance.md")
	page := func(figures string) string {
		return "before\n\n<!-- figures: begin -->\n" + figures + "<!-- figures: end -->\n\nafter\n"
	}
	require.NoError(t, os.WriteFile(path, []byte(page("old\n")), 0o600))
	for range 2 { // the second time in the place of the first
		require.NoError(t, figures.Replace(path, "| new |\n"))
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, page("\n| new |\n\n"), string(data))
	}
	require.NoError(t, os.WriteFile(path, []byte("no markers\n"), 0o600))
	require.ErrorContains(t, figures.Replace(path, "new"), "figures: begin")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "no markers\n", string(data))
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		require.Equal(t, want, figures.Thousands(n))
	}
}

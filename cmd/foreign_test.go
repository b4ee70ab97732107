package cmd

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/verify"
)

// TestForeignPDFs anchors and verifies PDFs that this project did not make:
// signed ones, forms, incremental updates. TEST_FOREIGN_PDFS names a folder
// of them; .ci/run sets it.
func TestForeignPDFs(t *testing.T) {
	from := os.Getenv("TEST_FOREIGN_PDFS")
	if from == "" {
		t.Skip("TEST_FOREIGN_PDFS does not name a folder of PDFs")
	}
	folder, home := t.TempDir(), t.TempDir()
	files, err := filepath.Glob(filepath.Join(from, "*.pdf"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 10)
	for _, file := range files {
		copyFile(t, file, filepath.Join(folder, filepath.Base(file)))
	}
	require.Equal(t, 0, run(t, home, "anchor", folder))
	require.Equal(t, 0, run(t, home, "verify", "--network", "regtest", folder))

	for _, file := range files {
		original, err := os.ReadFile(file)
		require.NoError(t, err)
		anchored := filepath.Join(folder, filepath.Base(file))
		now, err := os.ReadFile(anchored)
		require.NoError(t, err)
		require.Equal(t, original, now, "anchoring changed %s", file)

		// Bytes at the end change nothing that a viewer shows.
		require.NoError(t, os.WriteFile(anchored, append(now, '\n'), 0o644))
		require.Equal(t, verify.Invalid.Exit(), run(t, home, "verify", "--network", "regtest", anchored), file)
	}
}

func copyFile(t *testing.T, from, to string) {
	data, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, data, 0o644))
}

// run runs the command line in process and returns its exit code.
func run(t *testing.T, home string, args ...string) int {
	var out, errs bytes.Buffer
	code := Main(context.Background(), append([]string{"--home", home}, args...), Stdio{In: bytes.NewReader(nil), Out: &out, Err: &errs}, os.DirFS(t.TempDir()))
	t.Logf("gradseal %v: exit %d\n%s%s", args, code, &out, &errs)
	return code
}

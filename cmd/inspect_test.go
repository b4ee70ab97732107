package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"gradseal/proof"
	"gradseal/proof/ots"
)

// inspected is what inspect prints of a file, in lines.
func inspected(t *testing.T, path string) []string {
	t.Helper()
	code, out, errs := outputOf(t.TempDir(), nil, "inspect", path)
	require.Zero(t, code, errs)
	return strings.Split(strings.TrimSuffix(out, "\n"), "\n")
}

// TestInspectWidth: no line of what is drawn, and of what is said of it, is
// broken by a terminal of 80 columns.
func TestInspectWidth(t *testing.T) {
	home := t.TempDir()
	folder := filepath.Join(t.TempDir(), "docs")
	require.NoError(t, os.Mkdir(folder, 0o777))
	for i := range 3 {
		text := fmt.Sprintf("%%PDF-1.4\n%% %d\n%%%%EOF\n", i)
		require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("t%d.pdf", i)), []byte(text), 0o666))
	}
	title := strings.Repeat("University of Example, ", 7) + "2026"
	require.Equal(t, exitOK, run(t, home, "--quiet", "anchor", "--title", title, folder))
	t.Chdir(folder) // the path of the file is as long as its folder's
	document := "t1.pdf"

	p := readProofOf(t, document)
	p.OpenTimestamps = claim(t, "a calendar", 4_294_967_295)
	data, err := proof.Marshal(p)
	require.NoError(t, err)
	both := "both.pdf" + proof.Suffix
	require.NoError(t, os.WriteFile(both, data, 0o666))

	file, err := p.Export(deepTimestamp())
	require.NoError(t, err)
	bare, err := file.Marshal()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("t1.pdf.ots", bare, 0o666))

	for _, path := range []string{document, both, "t1.pdf.ots"} {
		lines := inspected(t, path)
		require.Greater(t, len(lines), 20)
		transactions := 0
		for _, line := range lines {
			require.LessOrEqual(t, utf8.RuneCountInString(line), columns, "%s", line)
			if strings.Contains(line, "transaction ") && strings.Contains(line, "sha256") {
				transactions++
			}
		}
		require.NotZero(t, transactions)
	}
	code, out, _ := outputOf(t.TempDir(), nil, "inspect", "--full", document)
	require.Zero(t, code)
	require.NotContains(t, out, "…")
	require.Contains(t, out, `"`+title+`"`)
}

// deepTimestamp has seven forks in each other, with every kind of attestation
// behind the last.
func deepTimestamp() *ots.Timestamp {
	t := &ots.Timestamp{Attestations: []ots.Attestation{
		ots.Pending("https://alice.btc.calendar.opentimestamps.org"),
		ots.Bitcoin(9_999_999),
		{Tag: ots.Tag{1, 2, 3, 4, 5, 6, 7, 8}, Payload: strings.Repeat("x", 4000)},
	}}
	for i := range 6 {
		t = t.After([]ots.Operation{ots.Append([]byte(strings.Repeat("n", 40))), ots.SHA256})
		t.Attestations = append(t.Attestations, ots.Bitcoin(uint64(1_000_000+i)))
	}
	return t.Canonical()
}

// TestWidth: letters of East Asia take two columns, lines and points one.
func TestWidth(t *testing.T) {
	require.Equal(t, 4, width("abc "))
	require.Equal(t, 4, width("│├─…"))
	require.Equal(t, 8, width("毕业证书"))
}

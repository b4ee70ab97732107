package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/proof"
	"gradseal/verify"
)

// updated appends an incremental update (ISO 32000-1, 7.5.6) to what smallPDF made
// and something was appended to: its page shows another text.
func updated(t *testing.T, file []byte, previous int, text, eol string) []byte {
	t.Helper()
	content := fmt.Sprintf("BT /F1 12 Tf 72 720 Td <%x> Tj ET", text)
	b := bytes.NewBuffer(bytes.Clone(file))
	if b.Bytes()[b.Len()-1] != '\n' {
		b.WriteByte('\n')
	}
	object := b.Len()
	fmt.Fprintf(b, "4 0 obj\n<< /Length %d >>\nstream\n%s\nendstream\nendobj\n", len(content), content)
	start := b.Len()
	fmt.Fprintf(b, "xref\n0 1\n0000000000 65535 f \n4 1\n%010d 00000 n \n", object)
	fmt.Fprintf(b, "trailer\n<< /Size 6 /Root 1 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF%s", previous, start, eol)
	return b.Bytes()
}

// startOf is the number after the last startxref.
func startOf(t *testing.T, file []byte) int {
	t.Helper()
	all := regexp.MustCompile(`startxref\s+([0-9]+)\s+%%EOF`).FindAllSubmatch(file, -1)
	require.NotEmpty(t, all)
	n, err := strconv.Atoi(string(all[len(all)-1][1]))
	require.NoError(t, err)
	return n
}

// appended is a trailer of a writer of its own: the grammar of docs/format.md,
// section 11.
func appended(proofFile []byte, startxref int) []byte {
	return trailerOf(proofFile, strconv.Itoa(startxref))
}

// need skips the test where a program is not installed; CI has them all.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("SKIPPED: %s is not on PATH", name)
		}
	}
}

// shownBy are the words on the first page, by two programs. An attack that no
// viewer falls for would show nothing about the defence.
func shownBy(t *testing.T, path string) (poppler, mupdf string) {
	t.Helper()
	text, err := exec.Command("pdftotext", path, "-").Output()
	require.NoError(t, err)
	drawn, err := exec.Command("mutool", "draw", "-q", "-F", "text", path, "1").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(text)), strings.TrimSpace(string(drawn))
}

// TestEmbedAttacks alters files that carry their proof, with real updates that
// viewers show, and has the program judge them: each is INVALID, in words of its
// own.
func TestEmbedAttacks(t *testing.T) {
	t.Parallel()
	need(t, "pdftotext", "mutool")
	r := newRegistrar(t, builtProgram(t))
	write := func(name string, data []byte) string {
		path := filepath.Join(r.dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, data, 0o666))
		return path
	}
	issued := smallPDF("GPA 2.10")
	other := smallPDF("GPA 3.90")
	first := smallPDF("GPA 3.30")
	corrected := updated(t, first, startOf(t, first), "GPA 2.30", "\n") // by the issuer, before issue
	for name, data := range map[string][]byte{"issued": issued, "other": other, "corrected": corrected} {
		write("docs/"+name+".pdf", data)
	}
	r.run(t, "anchor", "docs")
	proofs := make(map[string][]byte)
	for _, name := range []string{"issued", "other", "corrected"} {
		data, err := os.ReadFile(filepath.Join(r.dir, "docs", name+".pdf"+proof.Suffix))
		require.NoError(t, err)
		proofs[name] = data
		r.run(t, "embed", "docs/"+name+".pdf", "-o", name+".pdf")
	}
	carrying, err := os.ReadFile(filepath.Join(r.dir, "issued.pdf"))
	require.NoError(t, err)
	start := startOf(t, issued)
	require.Equal(t, string(issued)+string(appended(proofs["issued"], start)), string(carrying))
	update := func(file []byte, eol string) []byte { return updated(t, file, start, "GPA 4.00", eol) }
	far := update(append(bytes.Clone(carrying), "%"+strings.Repeat("x", 300_000)...), "\n")

	const gpa = "GPA 4.00"
	added := fmt.Sprintf("content was added after issue; the issued document ends at byte %d, its proof at byte %d", len(issued), len(carrying))
	ends := fmt.Sprintf("issued document ends at byte %d", len(issued)) // in the words of diagnose
	tests := []struct {
		name  string
		file  []byte
		shows string // "": what it was
		want  string
	}{
		{"update after", update(carrying, "\n"), gpa, added},
		{"update after, without a line end", update(carrying, ""), gpa, added},
		{"update after, with CR LF", update(carrying, "\r\n"), gpa, added},
		{"junk after", append(bytes.Clone(carrying), "junk"...), "", added},
		{"line end after", append(bytes.Clone(carrying), '\n'), "", added},
		{"large update after", far, gpa, added},
		{"another document after", append(bytes.Clone(carrying), other...), "", added},
		{"update between", append(update(issued, "\n"), appended(proofs["issued"], startOf(t, update(issued, "\n")))...), gpa, ends},
		{"update between, old startxref", append(update(issued, "\n"), appended(proofs["issued"], start)...), "",
			fmt.Sprintf("the startxref after the proof is %d, and that of the document before it %d", start, startOf(t, update(issued, "\n")))},
		{"junk between", append(append(bytes.Clone(issued), "junk\n"...), appended(proofs["issued"], start)...), "",
			"what stands before the proof does not end in startxref, a number and %%EOF"},
		{"update after, and the trailer again", append(update(carrying, "\n"), appended(proofs["issued"], startOf(t, update(carrying, "\n")))...), gpa, ends},
		{"second trailer", append(bytes.Clone(carrying), appended(proofs["issued"], start)...), "", ends},
		{"second trailer, of another document", append(bytes.Clone(carrying), appended(proofs["other"], start)...), "", "document   failed"},
		{"proof of another document", append(bytes.Clone(issued), appended(proofs["other"], start)...), "", "document   failed"},
		{"document replaced", append(bytes.Clone(other), appended(proofs["issued"], startOf(t, other))...), "GPA 3.90", "document   failed"},
		{"document overwritten", bytes.Replace(carrying, fmt.Appendf(nil, "%x", "GPA 2"), fmt.Appendf(nil, "%x", "GPA 4"), 1), "GPA 4.10", "document   failed"},
		{"rolled back", append(bytes.Clone(corrected), appended(proofs["corrected"], startOf(t, first))...), "GPA 3.30",
			fmt.Sprintf("the startxref after the proof is %d, and that of the document before it %d: a viewer may show an older or another version", startOf(t, first), startOf(t, corrected))},
		{"rolled back within the document", append(append(bytes.Clone(first), first[bytes.Index(first, []byte("startxref")):]...), appended(proofs["corrected"], startOf(t, first))...), "GPA 3.30",
			"document   failed"},
		{"line ends changed", bytes.ReplaceAll(carrying, []byte("\n"), []byte("\r\n")), "-", "the line ends at the proof were changed"},
		{"cut off", carrying[:len(carrying)-30], "-", "the file is cut off within the proof that begins at byte"},
		{"last line end missing", carrying[:len(carrying)-1], "", "the file is cut off within the proof that begins at byte"},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(fmt.Sprintf("attack-%d.pdf", i), test.file)
			if test.shows != "-" {
				want := test.shows
				if want == "" {
					want = "GPA 2.10"
				}
				poppler, mupdf := shownBy(t, path)
				require.Equal(t, []string{want, want}, []string{poppler, mupdf})
			}
			requireInvalid(t, r, path, test.want)
		})
	}
	// The same without the proof inside: what an update shows is worth nothing.
	path := write("docs/issued.pdf", update(issued, "\n"))
	poppler, mupdf := shownBy(t, path)
	require.Equal(t, []string{gpa, gpa}, []string{poppler, mupdf})
	requireInvalid(t, r, path, ends)
	// And no such file becomes one that is issued.
	write("again/updated.pdf", update(carrying, ""))
	write("again/changed.pdf", bytes.ReplaceAll(carrying, []byte("\n"), []byte("\r\n")))
	out, err := r.command(t.Context(), "anchor", "again").CombinedOutput()
	require.Error(t, err)
	require.Equal(t, 2, strings.Count(string(out), "already carries a gradseal proof"), "%s", out)
}

func requireInvalid(t *testing.T, r *registrar, path, want string) {
	t.Helper()
	cmd := r.command(t.Context(), "verify", "--network", "regtest", path)
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Equal(t, verify.Invalid.Exit(), cmd.ProcessState.ExitCode(), "%s", out)
	require.Contains(t, strings.ToLower(string(out)), strings.ToLower(want)) // some begin a sentence
}

// TestEmbedBoundaries has content after a proof whose marker lies across the
// pieces in which files are read, whatever their size is.
func TestEmbedBoundaries(t *testing.T) {
	r := newRegistrar(t, builtProgram(t))
	require.NoError(t, os.Mkdir(filepath.Join(r.dir, "docs"), 0o777))
	var all []string
	for _, piece := range []int{32 << 10, 64 << 10, 256 << 10, 1 << 20} {
		for _, before := range []int{0, 1, 9, 17, 18} {
			doc := padded(smallPDF("a"), piece-before)
			require.Len(t, doc, piece-before)
			path := filepath.Join(r.dir, "docs", fmt.Sprintf("%d-%d.pdf", piece, before))
			require.NoError(t, os.WriteFile(path, doc, 0o666))
			all = append(all, path)
		}
	}
	r.run(t, "anchor", "docs")
	r.run(t, "embed", "docs", "-o", "out")
	r.run(t, "verify", "--network", "regtest", "out")
	for _, doc := range all {
		info, err := os.Stat(doc)
		require.NoError(t, err)
		path := filepath.Join(r.dir, "out", filepath.Base(doc))
		for _, more := range []int{1, 2 << 20} {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = f.Write(bytes.Repeat([]byte("x"), more))
			require.NoError(t, err)
			require.NoError(t, f.Close())
			requireInvalid(t, r, path, fmt.Sprintf("content was added after issue; the issued document ends at byte %d", info.Size()))
		}
	}
}

// padded is a PDF of the size given: a comment after its first line moves all the
// rest, which nobody reads here.
func padded(pdf []byte, size int) []byte {
	first := bytes.IndexByte(pdf, '\n') + 1
	comment := "%" + strings.Repeat("p", size-len(pdf)-2) + "\n"
	return []byte(string(pdf[:first]) + comment + string(pdf[first:]))
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The whole benchmark runs, with little input, and nothing is left of it.
func TestQuick(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), options{dir: dir, runs: 1, quick: true}, &out, io.Discard))
	text := out.String()
	for _, what := range []string{
		"`anchor`, 20 PDFs of 200 kB |", "`verify`, 20 PDFs of 200 kB in one process |",
		"`anchor`, 200 PDFs of 4 kB |", "`verify`, 200 PDFs of 4 kB in one process |",
		"`verify`, 100 PDFs of 4 kB in one process |",
		"memory of `anchor`, one PDF of 5 MB |", "memory of `verify`, one PDF of 5 MB |",
		"`verify`, one PDF of 200 kB, 5 times",
		"`export --to ots`, 50 proofs |",
		"proof file, one of 50 anchored through a transaction, the largest |", "proof file, one of 50 anchored through 4 calendars, the largest |",
		"its `.ots`, with what all calendars attest |",
	} {
		require.Equal(t, 1, strings.Count(text, "| "+what), "%s\n%s", what, text)
	}
	require.Contains(t, text, "documents/s")
	require.NotContains(t, text, " 0 documents/s")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// A run that is interrupted removes what it made.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	progress := writerFunc(func(b []byte) (int, error) {
		if bytes.HasPrefix(b, []byte("large: writing")) {
			cancel()
		}
		return len(b), nil
	})
	err := run(ctx, options{dir: dir, runs: 1, quick: true}, io.Discard, progress)
	require.ErrorIs(t, err, context.Canceled)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// The documents have the size that was asked for, whatever the lengths of the
// numbers in them, and their offsets and lengths are right.
func TestWritePDF(t *testing.T) {
	object := regexp.MustCompile(`^(\d+) 0 obj\n`)
	sizes := []int64{minPDF, minPDF + 1, 4_000, 9_999, 10_000, 10_001, 199_999, 200_000, 1_000_000}
	for size := int64(1_200); size < 1_500; size++ {
		sizes = append(sizes, size)
	}
	for _, size := range sizes {
		var b bytes.Buffer
		require.NoError(t, writePDF(&b, uint64(size), size))
		pdf := b.Bytes()
		require.EqualValues(t, size, len(pdf))

		end := regexp.MustCompile(`startxref\n(\d+)\n%%EOF\n$`).FindSubmatch(pdf)
		require.NotNil(t, end, "%d", size)
		table := pdf[number(t, end[1]):]
		require.True(t, bytes.HasPrefix(table, []byte("xref\n0 7\n")))
		for i, at := range regexp.MustCompile(`(?m)^(\d{10}) 00000 n $`).FindAllSubmatch(table, -1) {
			found := object.FindSubmatch(pdf[number(t, at[1]):])
			require.NotNil(t, found, "%d: object %d", size, i+1)
			require.Equal(t, i+1, number(t, found[1]))
		}
		for _, stream := range regexp.MustCompile(`/Length (\d+) >>\nstream\n`).FindAllSubmatchIndex(pdf, -1) {
			length := number(t, pdf[stream[2]:stream[3]])
			require.True(t, bytes.HasPrefix(pdf[stream[1]+length:], []byte("\nendstream\nendobj\n")), "%d", size)
		}
		picture := regexp.MustCompile(`/Width (\d+) /Height (\d+) [^>]*/Length (\d+) >>`).FindSubmatch(pdf)
		require.NotNil(t, picture)
		require.Equal(t, number(t, picture[1])*number(t, picture[2]), number(t, picture[3]))
		require.Greater(t, 2*number(t, picture[3]), len(pdf)-minPDF, "most of it are dots")
	}
	require.ErrorContains(t, writePDF(io.Discard, 0, minPDF-1), "want 1200 or more")
}

func number(t *testing.T, digits []byte) int {
	t.Helper()
	n, err := strconv.Atoi(string(digits))
	require.NoError(t, err)
	return n
}

func TestDocumentsDiffer(t *testing.T) {
	var pdfs [3]bytes.Buffer
	for i, number := range []uint64{1, 1, 2} {
		require.NoError(t, writePDF(&pdfs[i], number, 4_000))
	}
	require.Equal(t, pdfs[0].String(), pdfs[1].String())
	require.NotEqual(t, pdfs[0].String(), pdfs[2].String())
}

func TestReplaceFigures(t *testing.T) {
	path := filepath.Join(t.TempDir(), "performance.md")
	page := func(figures string) string {
		return "before\n\n<!-- figures: begin -->\n" + figures + "<!-- figures: end -->\n\nafter\n"
	}
	require.NoError(t, os.WriteFile(path, []byte(page("old\n")), 0o600))
	for range 2 { // the second time in the place of the first
		require.NoError(t, replaceFigures(path, "| new |\n"))
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, page("\n| new |\n\n"), string(data))
	}
	require.NoError(t, os.WriteFile(path, []byte("no markers\n"), 0o600))
	require.ErrorContains(t, replaceFigures(path, "new"), "figures: begin")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "no markers\n", string(data))
}

// The page in docs has the markers.
func TestPageHasMarkers(t *testing.T) {
	data, err := os.ReadFile("../../docs/performance.md")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "performance.md")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	require.NoError(t, replaceFigures(path, "figures\n"))
}

func TestTargets(t *testing.T) {
	b := func(floor, anchor, verify time.Duration, peak int64) *batch {
		return &batch{
			folder: folder{10_000, 4_000},
			floor:  []time.Duration{floor}, files: []time.Duration{floor},
			anchor: []time.Duration{anchor}, verify: []time.Duration{verify},
			anchorPeak: []int64{peak}, verifyPeak: []int64{peak},
		}
	}
	const s = time.Second
	require.Equal(t, met, largeRows(b(s, 2800*time.Millisecond, s, 1))[0].met)
	require.Equal(t, missed, largeRows(b(s, 2801*time.Millisecond, s, 1))[0].met)
	require.Equal(t, met, manyRows(b(s, 60*s-1, s, 400e6-1))[0].met)
	require.Equal(t, missed, manyRows(b(s, 60*s, s, 1))[0].met)
	require.Equal(t, met, manyRows(b(s, s, s, 400e6-1))[2].met)
	require.Equal(t, missed, manyRows(b(s, s, s, 400e6))[2].met)
	require.Equal(t, noTarget, manyRows(b(s, s, s, 0))[2].met, "memory is not known everywhere")
	require.Equal(t, met, middleRows(b(s, s, 2*s, 1))[0].met)
	require.Equal(t, missed, middleRows(b(s, s, 2001*time.Millisecond, 1))[0].met)
	require.Equal(t, met, singleRows(1, []time.Duration{1}, []time.Duration{40*time.Millisecond - 1})[0].met)
	require.Equal(t, missed, singleRows(1, []time.Duration{1}, []time.Duration{40 * time.Millisecond})[0].met)
	require.Equal(t, met, exportRows(folder{1, 1}, []time.Duration{1}, []time.Duration{5*s - 1}, []int64{1})[0].met)
	require.Equal(t, missed, exportRows(folder{1, 1}, []time.Duration{1}, []time.Duration{5 * s}, []int64{1})[0].met)
	require.Equal(t, met, sizeRows(b(s, s, s, 30e6), b(s, s, s, 40e6))[0].met)
	require.Equal(t, missed, sizeRows(b(s, s, s, 30e6), b(s, s, s, 40e6+1))[1].met)
}

func TestMedian(t *testing.T) {
	require.Equal(t, 3, median([]int{9, 1, 3}))
	require.Equal(t, 3, median([]int{9, 1, 3, 4}))
	require.Equal(t, 7, median([]int{7}))
	require.Equal(t, "3 (1–9)", spread([]int{9, 1, 3}, func(n int) string { return fmt.Sprint(n) }))
}

// What is not as the benchmark takes it to be is an error, not a figure.
func TestCheckProofs(t *testing.T) {
	dir := t.TempDir()
	write := func(name string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	write("a.pdf")
	write("b.pdf")
	write("a.pdf.proof.json")
	require.ErrorContains(t, checkProofs(dir, 2), "3 files, 1 of them proofs")
	write("b.pdf.proof.json")
	require.NoError(t, checkProofs(dir, 2))
	write("c.pdf.proof.json")
	require.ErrorContains(t, checkProofs(dir, 2), "5 files, 3 of them proofs")
}

func TestNoRoom(t *testing.T) {
	free, _, err := room(t.TempDir())
	require.NoError(t, err)
	if free < 0 {
		return // not looked for on this system
	}
	w := quickWork
	w.huge = free + 1
	require.ErrorContains(t, checkRoom(t.TempDir(), w, 1), "name another folder with -dir")
}

package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/internal/figures"
)

// The whole benchmark runs, with little input, and nothing is left of it.
func TestQuick(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), options{dir: dir, runs: 1, quick: true}, &out, io.Discard))
	text := out.String()
	for _, what := range []string{
		"`anchor`, 10 PDFs of 200 kB |", "`verify`, 10 PDFs of 200 kB in one process |",
		"`anchor`, 40 PDFs of 200 kB |", "`verify`, 40 PDFs of 200 kB in one process |",
		"`anchor`, 200 PDFs of 4 kB |", "`verify`, 200 PDFs of 4 kB in one process |",
		"`anchor --archive`, 200 PDFs of 4 kB |", "`verify --proofs`, 200 PDFs of 4 kB in one process |",
		"`anchor`, 2,000 PDFs of 2 kB |", "`verify`, 2,000 PDFs of 2 kB in one process |",
		"`verify`, 10 PDFs of 4 kB in one process |",
		"memory of `anchor`, one PDF of 5 MB |", "memory of `verify`, one PDF of 5 MB |",
		"`verify`, one PDF of 200 kB, 5 times",
		"`export --to ots`, 40 proofs |",
		"proof file, one of 40 anchored through a transaction, the largest |", "proof file, one of 40 anchored through 4 calendars, the largest |",
		"its `.ots`, with what all calendars attest |",
		"python3-opentimestamps: ", "npm's opentimestamps: ", "1,000,000 headers", "the offline page",
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

// The page in docs has the markers.
func TestPageHasMarkers(t *testing.T) {
	data, err := os.ReadFile("../../docs/performance.md")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "performance.md")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	require.NoError(t, figures.Replace(path, "figures\n"))
}

func TestTargets(t *testing.T) {
	b := func(floor, anchor, verify time.Duration, peak int64) *batch {
		return &batch{
			folder: folder{n: 10_000, size: 4_000},
			hash:   []time.Duration{floor}, files: []time.Duration{floor}, proofs: []time.Duration{floor}, copying: []time.Duration{floor},
			anchor: []time.Duration{anchor}, verify: []time.Duration{verify},
			anchorPeak: []int64{peak}, verifyPeak: []int64{peak},
		}
	}
	const s = time.Second
	met1 := func(rows []row, what string) verdict {
		t.Helper()
		i := slices.IndexFunc(rows, func(r row) bool { return strings.HasPrefix(r.what, what) })
		require.GreaterOrEqual(t, i, 0, what)
		return rows[i].met
	}
	const memory = "– its memory"
	require.Equal(t, met, met1(largeRows(b(s, 2800*time.Millisecond, s, 1)), "`anchor`"))
	require.Equal(t, missed, met1(largeRows(b(s, 2801*time.Millisecond, s, 1)), "`anchor`"))
	require.Equal(t, met, met1(largerRows(b(s, 2600*time.Millisecond, s, 1)), "`anchor`"))
	require.Equal(t, missed, met1(largerRows(b(s, 2601*time.Millisecond, s, 1)), "`anchor`"))
	require.Equal(t, met, met1(largerRows(b(s, s, 1300*time.Millisecond, 1)), "`verify`"))
	require.Equal(t, missed, met1(largerRows(b(s, s, 1301*time.Millisecond, 1)), "`verify`"))
	require.Equal(t, met, met1(manyRows(b(s, 60*s-1, s, 400e6-1)), "`anchor`"))
	require.Equal(t, missed, met1(manyRows(b(s, 60*s, s, 1)), "`anchor`"))
	require.Equal(t, met, met1(manyRows(b(s, s, s, 400e6-1)), memory))
	require.Equal(t, missed, met1(manyRows(b(s, s, s, 400e6)), memory))
	require.Equal(t, noTarget, met1(manyRows(b(s, s, s, 0)), memory), "memory is not known everywhere")
	require.Equal(t, met, met1(millionRows(b(s, 240*s-1, s, 1e9-1)), "`anchor`"))
	require.Equal(t, missed, met1(millionRows(b(s, 240*s, s, 1)), "`anchor`"))
	require.Equal(t, missed, met1(millionRows(b(s, s, s, 1e9)), memory))
	require.Equal(t, met, met1(manyRows(b(s, s, 1300*time.Millisecond, 1)), "`verify`"))
	require.Equal(t, missed, met1(manyRows(b(s, s, 1301*time.Millisecond, 1)), "`verify`"))
	require.Equal(t, missed, met1(archiveRows(b(s, s, 1301*time.Millisecond, 1)), "`verify --proofs`"))
	require.Equal(t, noTarget, met1(archiveRows(b(s, 60*s, s, 1)), "`anchor --archive`"))
	require.Equal(t, met, met1(middleRows(b(s, s, 2*s, 1)), "– documents"))
	require.Equal(t, missed, met1(middleRows(b(s, s, 2001*time.Millisecond, 1)), "– documents"))
	require.Equal(t, met, singleRows(1, []time.Duration{1}, []time.Duration{15*time.Millisecond - 1}, []int64{1})[0].met)
	require.Equal(t, missed, singleRows(1, []time.Duration{1}, []time.Duration{15 * time.Millisecond}, []int64{1})[0].met)
	require.Equal(t, met, exportRows(folder{n: 1, size: 1}, []time.Duration{1}, []time.Duration{5*s - 1}, []int64{1})[0].met)
	require.Equal(t, missed, exportRows(folder{n: 1, size: 1}, []time.Duration{1}, []time.Duration{5 * s}, []int64{1})[0].met)
	require.Equal(t, met, sizeRows(b(s, s, s, 30e6), b(s, s, s, 40e6))[0].met)
	require.Equal(t, missed, sizeRows(b(s, s, s, 30e6), b(s, s, s, 40e6+1))[1].met)
}

// The plot is well-formed, and has a dot in each series for each folder of small
// documents, higher up where more time was taken.
func TestPlot(t *testing.T) {
	m := func(n int, size int64, took time.Duration) *batch {
		d, peak := []time.Duration{took}, []int64{int64(n) * 1000}
		return &batch{folder: folder{n: n, size: size}, hash: d, files: d, proofs: d, anchor: d, verify: d, anchorPeak: peak, verifyPeak: peak}
	}
	b := &bench{measured: []*batch{m(100_000, 4_000, 10*time.Second), m(100, 4_000, 20*time.Millisecond), m(2_000, 200_000, time.Second), m(1, 4_000, 1)}}
	var svg struct {
		Circles []struct {
			X float64 `xml:"cx,attr"`
			Y float64 `xml:"cy,attr"`
		} `xml:"circle"`
	}
	require.NoError(t, xml.Unmarshal(b.plot(), &svg))
	require.Len(t, svg.Circles, 2*(4+2))
	for i := 0; i < len(svg.Circles); i += 2 {
		require.Less(t, svg.Circles[i].X, svg.Circles[i+1].X)
		require.Greater(t, svg.Circles[i].Y, svg.Circles[i+1].Y)
	}
	require.NoError(t, xml.Unmarshal((&bench{}).plot(), &svg), "nothing was measured")
}

func TestChoose(t *testing.T) {
	all := parts(true)
	chosen, err := choose(all, "page,large")
	require.NoError(t, err)
	require.Equal(t, "page", chosen[0].name)
	require.Equal(t, "large", chosen[1].name)
	_, err = choose(all, "larg")
	require.ErrorContains(t, err, `no part "larg"; there are `)
	for _, part := range all {
		require.ErrorContains(t, err, part.name)
	}
	err = run(t.Context(), options{dir: t.TempDir(), runs: 1, only: "page", out: "x.md"}, io.Discard, io.Discard)
	require.ErrorContains(t, err, "-o takes a whole run")
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
	huge := []part{{folders: []folder{{n: 1, size: free + 1}}}}
	require.ErrorContains(t, checkRoom(t.TempDir(), huge, 1), "name another folder with -dir")
}

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// machine is where the figures come from. What is not known is empty.
type machine struct {
	cpu, memory, system, files string
	load                       string // processes that wanted to run in the minute before
}

func thisMachine(dir string) machine {
	m := machine{system: runtime.GOOS}
	m.describe(dir)
	return m
}

func (m machine) String() string {
	parts := []string{
		cmp.Or(m.cpu, runtime.GOARCH),
		fmt.Sprintf("%d cores used", runtime.GOMAXPROCS(0)),
	}
	for _, part := range []string{m.memory, m.system, m.files} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	parts = append(parts, strings.Replace(runtime.Version(), "go", "Go ", 1))
	if m.load != "" {
		parts = append(parts, "load in the minute before "+m.load)
	}
	return strings.Join(parts, ", ")
}

// row is a line of the table. What does not apply is empty.
type row struct {
	what, measured, floor, ratio, target string
	met                                  verdict
}

type verdict string

const (
	noTarget verdict = ""
	met      verdict = "yes"
	missed   verdict = "**no**"
)

func judge(ok bool) verdict {
	if ok {
		return met
	}
	return missed
}

// report is the whole text, in Markdown.
func report(m machine, revision string, o options, rows []row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Machine: %s. gradseal %s, %s. Medians of %d runs, in brackets the least and the greatest.\n\n",
		m, revision, time.Now().UTC().Format(time.DateOnly), o.runs)
	if o.quick {
		b.WriteString("Small input: this says that everything runs, and nothing about speed.\n\n")
	}
	b.WriteString("| | measured | floor | measured / floor | target | met |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		if o.quick {
			r.target, r.met = "", noTarget
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.what, r.measured, r.floor, r.ratio, r.target, r.met)
	}
	return b.String()
}

func largeRows(m *batch) []row {
	target := time.Duration(largeRatio*float64(median(m.floor))) + largeExtra
	anchor := m.anchorRow()
	anchor.target = fmt.Sprintf("at most %.1f × floor + %s = %s", largeRatio, seconds(largeExtra), seconds(target))
	anchor.met = judge(median(m.anchor) <= target)
	return []row{anchor, m.filesRow(), memoryRow(m.anchorPeak), m.verifyRow()}
}

func manyRows(m *batch) []row {
	anchor := m.anchorRow()
	anchor.target = "under " + seconds(manyTime)
	anchor.met = judge(median(m.anchor) < manyTime)
	memory := memoryRow(m.anchorPeak)
	if peak := median(m.anchorPeak); peak > 0 {
		memory.target = "under " + megabytes(manyMemory)
		memory.met = judge(peak < manyMemory)
	}
	return []row{anchor, m.filesRow(), memory, m.verifyRow(), memoryRow(m.verifyPeak)}
}

func middleRows(m *batch) []row {
	verify := m.verifyRow()
	verify.target = fmt.Sprintf("at least %s documents/s", thousands(middleRate))
	verify.met = judge(m.rate(m.verify) >= middleRate)
	return []row{verify}
}

// exportRows holds the time for all proofs of a folder against what making the
// files takes alone.
func exportRows(f folder, files, exported []time.Duration, peaks []int64) []row {
	return []row{{
		what:     fmt.Sprintf("`export --to ots`, %s proofs", thousands(f.n)),
		measured: spread(exported, seconds),
		target:   "under " + seconds(exportTime),
		met:      judge(median(exported) < exportTime),
	}, (&batch{folder: f, files: files}).filesRow(), memoryRow(peaks)}
}

// anchorRow is the time that a folder takes to be anchored, confirmed, and with
// every proof on disk.
func (m *batch) anchorRow() row {
	return row{
		what:     fmt.Sprintf("`anchor`, %s PDFs of %s", thousands(m.n), bytesText(m.size)),
		measured: spread(m.anchor, seconds),
		floor:    seconds(median(m.floor)),
		ratio:    fmt.Sprintf("%.1f", float64(median(m.anchor))/float64(median(m.floor))),
	}
}

// filesRow is what of it the file system takes at least.
func (m *batch) filesRow() row {
	return row{
		what:     fmt.Sprintf("– making %s files like the proofs, and nothing else", thousands(m.n)),
		measured: spread(m.files, seconds),
	}
}

func (m *batch) verifyRow() row {
	return row{
		what:     fmt.Sprintf("`verify`, %s PDFs of %s in one process", thousands(m.n), bytesText(m.size)),
		measured: fmt.Sprintf("%s: %s documents/s", spread(m.verify, seconds), thousands(m.rate(m.verify))),
		floor:    seconds(median(m.floor)),
		ratio:    fmt.Sprintf("%.1f", float64(median(m.verify))/float64(median(m.floor))),
	}
}

// rate is documents a second, at the median.
func (m *batch) rate(times []time.Duration) int {
	return int(float64(m.n) / median(times).Seconds())
}

func memoryRow(peaks []int64) row {
	r := row{what: "– its memory at most", measured: "not known"}
	if median(peaks) > 0 {
		r.measured = spread(peaks, megabytes)
	}
	return r
}

// sizeRows holds the memory that a huge document takes against that of a small
// one.
func sizeRows(small, huge *batch) []row {
	compare := func(command string, of func(*batch) []int64) row {
		a, b := median(of(small)), median(of(huge))
		r := row{what: fmt.Sprintf("memory of `%s`, one PDF of %s", command, bytesText(huge.size)), measured: "not known"}
		if a > 0 && b > 0 {
			r.measured = fmt.Sprintf("%s; of %s: %s", spread(of(huge), megabytes), bytesText(small.size), spread(of(small), megabytes))
			r.target = "at most " + megabytes(hugeGrowth) + " more"
			r.met = judge(b <= a+hugeGrowth)
		}
		return r
	}
	return []row{
		compare("anchor", func(m *batch) []int64 { return m.anchorPeak }),
		compare("verify", func(m *batch) []int64 { return m.verifyPeak }),
	}
}

// singleRows compares with a Go program that does nothing. What hashing one
// document takes would be lost in the time that a process takes to start.
func singleRows(size int64, empty, verified []time.Duration) []row {
	return []row{{
		what:     fmt.Sprintf("`verify`, one PDF of %s, %d times, from the start of the process to its end", bytesText(size), len(verified)),
		measured: spread(verified, milliseconds),
		floor:    milliseconds(median(empty)) + " (an empty Go program)",
		ratio:    fmt.Sprintf("%.1f", float64(median(verified))/float64(median(empty))),
		target:   "under " + milliseconds(singleTime),
		met:      judge(median(verified) < singleTime),
	}}
}

// median of an even number of values is the lower one of the two in the middle.
func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}

// spread prints the median, and the least and the greatest value.
func spread[T cmp.Ordered](values []T, text func(T) string) string {
	return fmt.Sprintf("%s (%s–%s)", text(median(values)), text(slices.Min(values)), text(slices.Max(values)))
}

func seconds(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= 100*time.Millisecond:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return milliseconds(d)
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1e3) }

func megabytes(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }

// bytesText prints 4,000 as 4 kB.
func bytesText(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%g GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%g MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%g kB", float64(n)/1e3)
}

// thousands prints 12345 as 12,345.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// The table stands between these lines of a file.
const (
	beginFigures = "<!-- figures: begin -->\n"
	endFigures   = "<!-- figures: end -->\n"
)

// replaceFigures puts text between the two markers of a file, in the place of
// what is there.
func replaceFigures(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok1 := bytes.Cut(old, []byte(beginFigures))
	_, after, ok2 := bytes.Cut(rest, []byte(endFigures))
	if !ok1 || !ok2 {
		return fmt.Errorf("%s: no lines %q and %q to put the figures between", path, strings.TrimSpace(beginFigures), strings.TrimSpace(endFigures))
	}
	out := bytes.Join([][]byte{before, []byte(beginFigures + "\n" + text + "\n" + endFigures), after}, nil)
	return os.WriteFile(path, out, 0o666)
}

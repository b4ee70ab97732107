package main

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"gradseal/internal/figures"
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
	fmt.Fprintf(&b, "Machine: %s. gradseal %s, %s. Medians of up to %d runs, in brackets the least and the greatest.\n\n",
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

// largeRows are about few and large documents: there the target is one of hashing
// alone.
func largeRows(m *batch) []row {
	target := time.Duration(hashRatio*float64(median(m.hash))) + hashExtra
	anchor := m.anchorRow()
	anchor.target = fmt.Sprintf("at most %.1f × hashing + %s = %s", hashRatio, seconds(hashExtra), seconds(target))
	anchor.met = judge(median(m.anchor) <= target)
	return slices.Concat([]row{anchor}, m.partRows(), []row{memoryRow(m.anchorPeak), m.verifyRow(), memoryRow(m.verifyPeak)})
}

// largerRows are about many and large documents: there the target of anchoring is a
// ratio, too.
func largerRows(m *batch) []row {
	rows := largeRows(m)
	rows[0].target = fmt.Sprintf("at most %.1f × floor", anchorRatio)
	rows[0].met = judge(float64(median(m.anchor)) <= anchorRatio*float64(m.anchorFloor()))
	return rows
}

// archiveRows are about the same documents as manyRows, with one file for all proofs.
func archiveRows(m *batch) []row {
	rows := largeRows(m)
	anchor, verify := &rows[0], &rows[len(rows)-2]
	anchor.what = strings.Replace(anchor.what, "anchor", "anchor --archive", 1)
	anchor.target, anchor.met = "", noTarget
	verify.what = strings.Replace(verify.what, "verify", "verify --proofs", 1)
	verify.floor = seconds(m.verifyFloor()) + " (hashing, and reading the archive)"
	return rows
}

func manyRows(m *batch) []row { return limitedRows(m, manyTime, manyMemory) }

func millionRows(m *batch) []row { return limitedRows(m, millionTime, millionMemory) }

// limitedRows hold anchoring against a time, and a number of bytes of memory.
func limitedRows(m *batch, most time.Duration, memory int64) []row {
	rows := largeRows(m)
	rows[0].target, rows[0].met = "under "+seconds(most), judge(median(m.anchor) < most)
	if peak := median(m.anchorPeak); peak > 0 {
		of := &rows[len(rows)-3]
		of.target, of.met = "under "+megabytes(memory), judge(peak < memory)
	}
	return rows
}

func middleRows(m *batch) []row {
	rate := row{
		what:     "– documents a second",
		measured: figures.Thousands(m.rate(m.verify)),
		target:   "at least " + figures.Thousands(middleRate),
		met:      judge(m.rate(m.verify) >= middleRate),
	}
	return []row{m.verifyRow(), rate, memoryRow(m.verifyPeak)}
}

// exportRows holds the time for all proofs of a folder against what making the
// files takes alone.
func exportRows(f folder, files, exported []time.Duration, peaks []int64) []row {
	return []row{{
		what:     fmt.Sprintf("`export --to ots`, %s proofs", figures.Thousands(f.n)),
		measured: spread(exported, seconds),
		target:   "under " + seconds(exportTime),
		met:      judge(median(exported) < exportTime),
	}, (&batch{folder: f, files: files}).filesRow(), memoryRow(peaks)}
}

// anchorRow is the time that a folder takes to be anchored, confirmed, and with
// every proof on disk.
func (m *batch) anchorRow() row {
	return row{
		what:     fmt.Sprintf("`anchor`, %s PDFs of %s", figures.Thousands(m.n), bytesText(m.size)),
		measured: spread(m.anchor, seconds),
		floor:    seconds(m.anchorFloor()) + " (hashing, and making files)",
		ratio:    fmt.Sprintf("%.2f", float64(median(m.anchor))/float64(m.anchorFloor())),
	}
}

// partRows are what the floor consists of, and what copying the documents takes.
func (m *batch) partRows() []row {
	return []row{
		{what: "– reading and hashing them, and nothing else", measured: spread(m.hash, seconds)},
		m.filesRow(),
		{what: "– copying them, once", measured: spread(m.copying, seconds)},
	}
}

// filesRow is what of it the file system takes at least.
func (m *batch) filesRow() row {
	what := fmt.Sprintf("– making %s files like the proofs, and nothing else", figures.Thousands(m.n))
	if m.archive {
		what = fmt.Sprintf("– making one file as long as %s proofs, synced, and nothing else", figures.Thousands(m.n))
	}
	return row{what: what, measured: spread(m.files, seconds)}
}

func (m *batch) verifyRow() row {
	return row{
		what:     fmt.Sprintf("`verify`, %s PDFs of %s in one process", figures.Thousands(m.n), bytesText(m.size)),
		measured: fmt.Sprintf("%s: %s documents/s", spread(m.verify, seconds), figures.Thousands(m.rate(m.verify))),
		floor:    seconds(m.verifyFloor()) + " (hashing, and reading proofs)",
		ratio:    fmt.Sprintf("%.2f", float64(median(m.verify))/float64(m.verifyFloor())),
		target:   fmt.Sprintf("at most %.1f × floor", verifyRatio),
		met:      judge(float64(median(m.verify)) <= verifyRatio*float64(m.verifyFloor())),
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
func singleRows(size int64, empty, verified []time.Duration, peaks []int64) []row {
	return []row{{
		what:     fmt.Sprintf("`verify`, one PDF of %s, %d times, from the start of the process to its end", bytesText(size), len(verified)),
		measured: spread(verified, milliseconds),
		floor:    milliseconds(median(empty)) + " (an empty Go program)",
		ratio:    fmt.Sprintf("%.1f", float64(median(verified))/float64(median(empty))),
		target:   "under " + milliseconds(singleTime),
		met:      judge(median(verified) < singleTime),
	}, memoryRow(peaks)}
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

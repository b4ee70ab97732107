package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// folder is n documents of size bytes each, measured at most runs times; 0: as
// often as was asked for.
type folder struct {
	n       int
	size    int64
	runs    int
	archive bool // its proofs go into one archive, not beside the documents
}

// part is what can be measured alone, by its name.
type part struct {
	name    string
	folders []folder // that are anchored, for the room they take
	measure func(context.Context, *bench) ([]row, error)
}

// The numbers of a whole run, by which those of a quick one are divided.
const quickly = 500

// parts are all that is measured, in the order of the table.
func parts(quick bool) []part {
	of := func(n int, size int64, runs int) folder {
		if quick {
			n = max(n/quickly, min(n, 10))
		}
		return folder{n: n, size: size, runs: runs}
	}
	large, larger := of(2_000, 200_000, 0), of(20_000, 200_000, 3)
	many, million := of(100_000, 4_000, 3), of(1_000_000, 2_000, 1)
	archived := many
	archived.archive = true
	middle, stamps := of(5_000, 4_000, 0), of(20_000, 4_000, 3)
	growth := []folder{of(100, 4_000, 3), of(1_000, 4_000, 3), of(10_000, 4_000, 3)}
	small, huge := folder{n: 1, size: 1_000_000}, folder{n: 1, size: 1_000_000_000}
	starts := 100
	if quick {
		small.size, huge.size, starts = 100_000, 5_000_000, 5
	}
	return []part{
		{"large", []folder{large}, func(ctx context.Context, b *bench) ([]row, error) {
			m, err := b.measure(ctx, "large", large)
			if err != nil {
				return nil, err
			}
			single, err := b.single(ctx, m, starts)
			return slices.Concat(largeRows(m), single), err
		}},
		// Before what makes this process large: of a smaller one the memory is not known.
		{"memory", []folder{small, huge}, func(ctx context.Context, b *bench) ([]row, error) { return b.sizes(ctx, small, huge) }},
		{"larger", []folder{larger}, measured("larger", larger, largerRows)},
		{"middle", []folder{middle}, measured("middle", middle, middleRows)},
		{"many", []folder{many}, measured("many", many, manyRows)},
		{"archive", []folder{archived}, measured("archive", archived, archiveRows)},
		{"million", []folder{million}, measured("million", million, millionRows)},
		{"growth", growth, func(ctx context.Context, b *bench) ([]row, error) {
			for i, f := range growth {
				if _, err := b.measure(ctx, fmt.Sprintf("growth%d", i+1), f); err != nil {
					return nil, err
				}
			}
			return nil, nil // they are for the plot
		}},
		{"export", []folder{stamps}, func(ctx context.Context, b *bench) ([]row, error) { return b.exports(ctx, stamps) }},
		{"calendars", []folder{stamps, stamps}, func(ctx context.Context, b *bench) ([]row, error) {
			b.say("calendars: anchoring %d documents", stamps.n)
			return b.calendars(ctx, stamps)
		}},
		{"peers", []folder{large}, func(ctx context.Context, b *bench) ([]row, error) { return b.peers(ctx, large) }},
		{"headers", nil, func(ctx context.Context, b *bench) ([]row, error) { return b.headers(ctx, quick) }},
		{"page", nil, func(ctx context.Context, b *bench) ([]row, error) { return b.page(ctx, quick) }},
	}
}

// measured is a part that is one folder.
func measured(name string, f folder, rows func(*batch) []row) func(context.Context, *bench) ([]row, error) {
	return func(ctx context.Context, b *bench) ([]row, error) {
		m, err := b.measure(ctx, name, f)
		if err != nil {
			return nil, err
		}
		return rows(m), nil
	}
}

// choose returns the parts that are named, separated by commas; all where none is.
func choose(all []part, names string) ([]part, error) {
	if names == "" {
		return all, nil
	}
	var chosen []part
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(p part) bool { return p.name == name })
		if i < 0 {
			var known []string
			for _, p := range all {
				known = append(known, p.name)
			}
			return nil, fmt.Errorf("-only: there is no part %q; there are %s", name, strings.Join(known, ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// The targets. Memory is in bytes.
const (
	hashRatio     = 2.5 // times hashing alone, and
	hashExtra     = 300 * time.Millisecond
	anchorRatio   = 1.3 // times hashing and making files
	verifyRatio   = 1.3 // times hashing, and reading proofs
	manyTime      = 60 * time.Second
	manyMemory    = 400e6
	millionTime   = 4 * time.Minute
	millionMemory = 1e9
	middleRate    = 5_000 // documents a second
	singleTime    = 15 * time.Millisecond
	exportTime    = 5 * time.Second
	importTime    = 10 * time.Second
	hugeGrowth    = 10e6 // 1 % of the document: two runs with the same document can differ by that
)

// blockSize is what a small file takes on most file systems, in bytes.
// stateSize is more than a document takes in the home and in folders.
// roomReserve leaves something over for everybody else.
const (
	blockSize   = 4096
	stateSize   = 1024
	roomReserve = 1.2
)

// checkRoom refuses to begin where documents, proofs and state would not fit.
func checkRoom(dir string, all []part, runs int) error {
	bytes, files := roomFor(all, runs)
	free, inodes, err := room(dir)
	if err != nil {
		return err
	}
	if free >= 0 && free < bytes {
		return fmt.Errorf("%s has %d MB free, want %d MB: name another folder with -dir, or some parts with -only", dir, free/1e6, bytes/1e6)
	}
	if inodes >= 0 && inodes < files {
		return fmt.Errorf("%s has %d inodes free, want %d: name another folder with -dir, or some parts with -only", dir, inodes, files)
	}
	return nil
}

// roomFor is what a run needs at the end, when nothing is removed yet: in bytes,
// and in files and folders.
func roomFor(all []part, runs int) (bytes, files int64) {
	bytes, files = 400e6, 10_000 // the programs, with what building them takes
	for _, p := range all {
		for _, f := range p.folders {
			n := int64(f.n)
			each := n * int64(f.times(runs))
			bytes += 2*n*(f.size+blockSize) + 2*each*(blockSize+stateSize) // documents and their copies; proofs and as many files
			files += 2*n + 3*each
		}
	}
	return int64(float64(bytes) * roomReserve), int64(float64(files) * roomReserve)
}

// times is how often the folder is measured where runs were asked for.
func (f folder) times(runs int) int {
	if f.runs > 0 {
		return min(f.runs, runs)
	}
	return runs
}

// batch is what was measured of one folder, run by run.
type batch struct {
	folder
	hash, files            []time.Duration // reading and hashing; making as many files as there are proofs, or an archive of them
	proofs                 []time.Duration // reading and hashing, and reading the proofs, or their archive
	copying                []time.Duration // copying the documents; once
	anchor, verify         []time.Duration
	anchorPeak, verifyPeak []int64
	// home and documents are those of the last run.
	home, documents string
}

// anchorFloor is what anchoring cannot be faster than.
func (m *batch) anchorFloor() time.Duration { return median(m.hash) + median(m.files) }

// verifyFloor is what verification cannot be faster than.
func (m *batch) verifyFloor() time.Duration { return median(m.proofs) }

// measure anchors and verifies a folder, each time in a fresh home and without
// proofs in it, and measures the floors before either. Nothing is removed
// between the runs: file systems can be slow to make files where many were
// removed a moment ago (ext4 looks at each of them for up to five minutes).
func (b *bench) measure(ctx context.Context, name string, f folder) (*batch, error) {
	b.say("%s: writing %d documents of %d bytes", name, f.n, f.size)
	paths, err := writeDocuments(ctx, filepath.Join(b.dir, name), f.n, f.size)
	if err != nil {
		return nil, err
	}
	if _, err := hashing(ctx, paths); err != nil { // so that every run finds them in memory
		return nil, err
	}
	m := &batch{folder: f}
	copied, err := copyFiles(ctx, paths, filepath.Join(b.dir, name+"-copy"))
	if err != nil {
		return nil, err
	}
	m.copying = []time.Duration{copied}
	for i := range f.times(b.runs) {
		m.documents = filepath.Join(b.dir, fmt.Sprintf("%s-run%d", name, i+1))
		m.home = m.documents + "-home"
		if err := b.measureOnce(ctx, m, paths); err != nil {
			return nil, err
		}
		b.say("%s, run %d of %d: hashing %v, files alone %v, anchor %v, hashing and proofs %v, verify %v", name, i+1, f.times(b.runs),
			round(m.hash[i]), round(m.files[i]), round(m.anchor[i]), round(m.proofs[i]), round(m.verify[i]))
	}
	b.measured = append(b.measured, m)
	return m, nil
}

func (b *bench) measureOnce(ctx context.Context, m *batch, paths []string) error {
	makeProofs, readProofs := makeFiles, hashingWithProofs
	archive := ""
	if m.archive {
		makeProofs, readProofs = makeOne, hashingWithArchive
		archive = m.documents + ".zip"
	}
	settle()
	files, err := makeProofs(ctx, m.documents+"-files", m.n)
	if err != nil {
		return err
	}
	// What was linked a moment ago is read for the first time since: with the usual
	// options a file system then writes the time down, for each file. So floor and
	// program each have their new folder, made right before.
	fresh := m.documents + "-fresh"
	if err := linkDocuments(ctx, fresh, paths); err != nil {
		return err
	}
	settle()
	hash, err := hashing(ctx, linkedIn(fresh, paths))
	if err != nil {
		return err
	}
	if err := linkDocuments(ctx, m.documents, paths); err != nil {
		return err
	}
	settle()
	anchored, err := b.anchor(ctx, m.home, m.documents, archive, m.n)
	if err != nil {
		return err
	}
	// Once unmeasured, for the same reason.
	if _, err := readProofs(ctx, cmp.Or(archive, m.documents), paths); err != nil {
		return err
	}
	settle()
	proofs, err := readProofs(ctx, cmp.Or(archive, m.documents), paths)
	if err != nil {
		return err
	}
	verified, err := b.verify(ctx, m.home, m.documents, archive, m.n)
	if err != nil {
		return err
	}
	m.hash, m.files, m.proofs = append(m.hash, hash), append(m.files, files), append(m.proofs, proofs)
	m.anchor = append(m.anchor, anchored.wall)
	m.verify = append(m.verify, verified.wall)
	m.anchorPeak = append(m.anchorPeak, anchored.peak)
	m.verifyPeak = append(m.verifyPeak, verified.peak)
	return nil
}

// single verifies one document of an anchored folder over and over, each time
// in a new process.
func (b *bench) single(ctx context.Context, m *batch, starts int) ([]row, error) {
	entries, err := os.ReadDir(m.documents)
	if err != nil {
		return nil, err
	}
	document := filepath.Join(m.documents, entries[0].Name())
	b.say("single: verifying one document %d times", starts)
	settle()
	var empty, verified []time.Duration
	var peaks []int64
	for range starts {
		nothing, err := b.start(ctx, b.empty)
		if err != nil {
			return nil, err
		}
		p, err := b.verify(ctx, m.home, document, "", 1)
		if err != nil {
			return nil, err
		}
		empty = append(empty, nothing.wall)
		verified, peaks = append(verified, p.wall), append(peaks, p.peak)
	}
	return singleRows(m.size, empty, verified, peaks), nil
}

// exports anchors a folder and writes its proofs as OpenTimestamps files, each
// time in a fresh home and without such files in it.
func (b *bench) exports(ctx context.Context, f folder) ([]row, error) {
	paths, err := writeDocuments(ctx, filepath.Join(b.dir, "export"), f.n, f.size)
	if err != nil {
		return nil, err
	}
	var files, exported []time.Duration
	var peaks []int64
	for i := range f.times(b.runs) {
		documents := filepath.Join(b.dir, fmt.Sprintf("export-run%d", i+1))
		home := documents + "-home"
		if err := linkDocuments(ctx, documents, paths); err != nil {
			return nil, err
		}
		if _, err := b.anchor(ctx, home, documents, "", f.n); err != nil {
			return nil, err
		}
		settle()
		alone, err := makeFiles(ctx, documents+"-files", f.n)
		if err != nil {
			return nil, err
		}
		settle()
		p, err := b.export(ctx, home, documents, f.n)
		if err != nil {
			return nil, err
		}
		files, exported, peaks = append(files, alone), append(exported, p.wall), append(peaks, p.peak)
		b.say("export, run %d of %d: files alone %v, export %v", i+1, f.times(b.runs), round(alone), round(p.wall))
	}
	return exportRows(f, files, exported, peaks), nil
}

// sizes anchors and verifies a small document and a huge one, each alone, and
// compares the memory that that takes.
func (b *bench) sizes(ctx context.Context, small1, huge1 folder) ([]row, error) {
	small, err := b.measure(ctx, "small", small1)
	if err != nil {
		return nil, err
	}
	huge, err := b.measure(ctx, "huge", huge1)
	if err != nil {
		return nil, err
	}
	return sizeRows(small, huge), nil
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.progress, format+"\n", args...)
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

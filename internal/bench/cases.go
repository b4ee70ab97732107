package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// work is what is measured, in numbers.
type work struct {
	large  folder // many bytes in each document
	many   folder // many documents
	middle folder // verified in one process
	export folder // proofs written as OpenTimestamps files
	stamps folder // anchored through calendars, for the size of the proofs
	starts int    // how often one of the large documents is verified, each time in a new process
	small  int64  // bytes of one document
	huge   int64  // bytes of another
}

// folder is n documents of size bytes each.
type folder struct {
	n    int
	size int64
}

var (
	fullWork = work{
		large:  folder{2_000, 200_000},
		many:   folder{100_000, 4_000},
		middle: folder{5_000, 4_000},
		export: folder{20_000, 4_000},
		stamps: folder{20_000, 4_000},
		starts: 100,
		small:  1_000_000,
		huge:   1_000_000_000,
	}
	quickWork = work{
		large:  folder{20, 200_000},
		many:   folder{200, 4_000},
		middle: folder{100, 4_000},
		export: folder{50, 4_000},
		stamps: folder{50, 4_000},
		starts: 5,
		small:  100_000,
		huge:   5_000_000,
	}
)

// The targets. Memory is in bytes.
const (
	largeRatio = 2.5 // times the floor, and
	largeExtra = 300 * time.Millisecond
	manyTime   = 60 * time.Second
	manyMemory = 400e6
	middleRate = 5_000 // documents a second
	singleTime = 40 * time.Millisecond
	exportTime = 5 * time.Second
	hugeGrowth = 10e6 // 1 % of the document: two runs with the same document can differ by that
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
func checkRoom(dir string, w work, runs int) error {
	bytes, files := w.room(runs)
	free, inodes, err := room(dir)
	if err != nil {
		return err
	}
	if free >= 0 && free < bytes {
		return fmt.Errorf("%s has %d MB free, want %d MB: name another folder with -dir", dir, free/1e6, bytes/1e6)
	}
	if inodes >= 0 && inodes < files {
		return fmt.Errorf("%s has %d inodes free, want %d: name another folder with -dir", dir, inodes, files)
	}
	return nil
}

// room is what a run needs at the end, when nothing is removed yet: in bytes,
// and in files and folders.
func (w work) room(runs int) (bytes, files int64) {
	bytes = w.small + w.huge + 200e6 // and the programs, with what building them takes
	files = 10_000
	for _, f := range []folder{w.large, w.many, w.middle, w.export} {
		proofs := 2 * int64(f.n) * int64(runs) // and as many files of makeFiles
		bytes += int64(f.n)*(f.size+blockSize) + proofs*(blockSize+stateSize)
		files += int64(f.n) + proofs
	}
	stamped := 5 * int64(w.stamps.n) // two folders of links, of proofs, and one of timestamps
	bytes, files = bytes+int64(w.stamps.n)*(w.stamps.size+blockSize)+stamped*(blockSize+stateSize), files+int64(w.stamps.n)+stamped
	exported := int64(w.export.n) * int64(runs)
	bytes, files = bytes+exported*blockSize, files+exported
	return int64(float64(bytes) * roomReserve), int64(float64(files) * roomReserve)
}

// batch is what was measured of one folder, run by run.
type batch struct {
	folder
	floor, files           []time.Duration
	anchor, verify         []time.Duration
	anchorPeak, verifyPeak []int64
	// home and documents are those of the last run.
	home, documents string
}

// measure anchors and verifies a folder, each time in a fresh home and without
// proofs in it, and measures the floor before either. Nothing is removed
// between the runs: file systems can be slow to make files where many were
// removed a moment ago (ext4 looks at each of them for up to five minutes).
func (b *bench) measure(ctx context.Context, name string, f folder) (*batch, error) {
	b.say("%s: writing %d documents of %d bytes", name, f.n, f.size)
	paths, err := writeDocuments(ctx, filepath.Join(b.dir, name), f.n, f.size)
	if err != nil {
		return nil, err
	}
	if _, err := floor(ctx, paths); err != nil { // so that every run finds them in memory
		return nil, err
	}
	m := &batch{folder: f}
	for i := range b.runs {
		m.documents = filepath.Join(b.dir, fmt.Sprintf("%s-run%d", name, i+1))
		m.home = m.documents + "-home"
		if err := linkDocuments(ctx, m.documents, paths); err != nil {
			return nil, err
		}
		if err := b.measureOnce(ctx, m, paths); err != nil {
			return nil, err
		}
		b.say("%s, run %d of %d: files alone %v, floor %v, anchor %v, floor %v, verify %v", name, i+1, b.runs,
			round(m.files[i]), round(m.floor[2*i]), round(m.anchor[i]), round(m.floor[2*i+1]), round(m.verify[i]))
	}
	return m, nil
}

func (b *bench) measureOnce(ctx context.Context, m *batch, paths []string) error {
	files, err := makeFiles(ctx, m.documents+"-files", m.n)
	if err != nil {
		return err
	}
	settle()
	before, err := floor(ctx, paths)
	if err != nil {
		return err
	}
	anchored, err := b.anchor(ctx, m.home, m.documents, m.n)
	if err != nil {
		return err
	}
	settle()
	between, err := floor(ctx, paths)
	if err != nil {
		return err
	}
	verified, err := b.verify(ctx, m.home, m.documents, m.n)
	if err != nil {
		return err
	}
	m.floor = append(m.floor, before, between)
	m.files = append(m.files, files)
	m.anchor = append(m.anchor, anchored.wall)
	m.verify = append(m.verify, verified.wall)
	m.anchorPeak = append(m.anchorPeak, anchored.peak)
	m.verifyPeak = append(m.verifyPeak, verified.peak)
	return nil
}

// all measures everything, and returns the rows of the table.
func (b *bench) all(ctx context.Context, w work) ([]row, error) {
	large, err := b.measure(ctx, "large", w.large)
	if err != nil {
		return nil, err
	}
	single, err := b.single(ctx, large, w.starts)
	if err != nil {
		return nil, err
	}
	middle, err := b.measure(ctx, "middle", w.middle)
	if err != nil {
		return nil, err
	}
	sizes, err := b.sizes(ctx, w)
	if err != nil {
		return nil, err
	}
	timestamps, err := b.timestamps(ctx, w)
	if err != nil {
		return nil, err
	}
	many, err := b.measure(ctx, "many", w.many)
	if err != nil {
		return nil, err
	}
	return slices.Concat(largeRows(large), manyRows(many), sizes, single, middleRows(middle), timestamps), nil
}

// timestamps measures what is about OpenTimestamps.
func (b *bench) timestamps(ctx context.Context, w work) ([]row, error) {
	exports, err := b.exports(ctx, w.export)
	if err != nil {
		return nil, err
	}
	b.say("calendars: anchoring %d documents", w.stamps.n)
	stamps, err := b.calendars(ctx, w.stamps)
	return slices.Concat(exports, stamps), err
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
	for range starts {
		nothing, err := b.start(ctx, b.empty)
		if err != nil {
			return nil, err
		}
		p, err := b.verify(ctx, m.home, document, 1)
		if err != nil {
			return nil, err
		}
		empty = append(empty, nothing.wall)
		verified = append(verified, p.wall)
	}
	return singleRows(m.size, empty, verified), nil
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
	for i := range b.runs {
		documents := filepath.Join(b.dir, fmt.Sprintf("export-run%d", i+1))
		home := documents + "-home"
		if err := linkDocuments(ctx, documents, paths); err != nil {
			return nil, err
		}
		if _, err := b.anchor(ctx, home, documents, f.n); err != nil {
			return nil, err
		}
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
		b.say("export, run %d of %d: files alone %v, export %v", i+1, b.runs, round(alone), round(p.wall))
	}
	return exportRows(f, files, exported, peaks), nil
}

// sizes anchors and verifies a small document and a huge one, each alone, and
// compares the memory that that takes.
func (b *bench) sizes(ctx context.Context, w work) ([]row, error) {
	small, err := b.measure(ctx, "small", folder{1, w.small})
	if err != nil {
		return nil, err
	}
	huge, err := b.measure(ctx, "huge", folder{1, w.huge})
	if err != nil {
		return nil, err
	}
	return sizeRows(small, huge), nil
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.progress, format+"\n", args...)
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

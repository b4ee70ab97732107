// Command bench measures how fast gradseal anchors and verifies, against a
// floor that is measured in the same run: reading and hashing the same files
// with the same number of threads, and nothing else.
//
//	go run ./internal/bench                        all figures, as a table
//	go run ./internal/bench -o docs/performance.md the same, into that file
//	go run ./internal/bench -quick                 small input: does it run?
//
// It makes its own documents, in a temporary folder that it removes at the
// end, and builds the program that it measures. What it measures are whole
// processes, from their start to their end, with a fresh home each.
//
// docs/performance.md says what the figures mean.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

type options struct {
	dir   string
	out   string
	runs  int
	quick bool
	// timestamps leaves out everything but what is about OpenTimestamps.
	timestamps bool
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", os.TempDir(), "`folder` for documents and homes; its file system is part of what is measured")
	flag.StringVar(&o.out, "o", "", "`file` to write the table into, between its two markers")
	flag.IntVar(&o.runs, "runs", 5, "`number` of runs of which the median is taken")
	flag.BoolVar(&o.quick, "quick", false, "small input, to see that everything runs")
	flag.BoolVar(&o.timestamps, "timestamps", false, "only what is about OpenTimestamps; about a minute")
	flag.Parse()
	if flag.NArg() > 0 || o.runs < 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

// run measures and reports. Its temporary folder is gone when it returns, also
// after Ctrl-C.
func run(ctx context.Context, o options, out, progress io.Writer) (err error) {
	w := fullWork
	if o.quick {
		w = quickWork
	}
	if o.timestamps {
		w = work{export: w.export, stamps: w.stamps}
	}
	if err := checkRoom(o.dir, w, o.runs); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "gradseal-bench-*")
	if err != nil {
		return err
	}
	defer func() {
		fmt.Fprintln(progress, "Removing", dir)
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	b := &bench{dir: dir, runs: o.runs, progress: progress}
	if err := b.build(ctx); err != nil {
		return err
	}
	m := thisMachine(dir)
	measure := b.all
	if o.timestamps {
		measure = b.timestamps
	}
	rows, err := measure(ctx, w)
	if err != nil {
		return err
	}
	text := report(m, b.revision, o, rows)
	if o.out != "" {
		return replaceFigures(o.out, text)
	}
	_, err = io.WriteString(out, text)
	return err
}

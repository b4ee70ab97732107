// Command bench measures how fast gradseal anchors and verifies, against a
// floor that is measured in the same run: reading and hashing the same files
// with the same number of threads, and nothing else.
//
//	go run ./internal/bench                        all figures, as a table
//	go run ./internal/bench -o docs/performance.md the same, into that file
//	go run ./internal/bench -only larger,page      some parts, as a table
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
	"path/filepath"
	"syscall"

	"gradseal/internal/figures"
)

type options struct {
	dir   string
	out   string
	only  string // parts, with commas between; empty: all
	runs  int
	quick bool
}

// plotFile is where the plot goes, beside the page with the figures.
const plotFile = "images/performance.svg"

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", os.TempDir(), "`folder` for documents and homes; its file system is part of what is measured")
	flag.StringVar(&o.out, "o", "", "`file` to write the table into, between its two markers; the plot goes to "+plotFile+" beside it")
	flag.StringVar(&o.only, "only", "", "`parts` to measure, separated by commas (a wrong name lists them)")
	flag.IntVar(&o.runs, "runs", 5, "`number` of runs of which the median is taken; long parts have fewer")
	flag.BoolVar(&o.quick, "quick", false, "small input, to see that everything runs")
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
	if o.only != "" && o.out != "" {
		return errors.New("-o takes a whole run: some parts would take the others off the page")
	}
	chosen, err := choose(parts(o.quick), o.only)
	if err != nil {
		return err
	}
	if err := checkRoom(o.dir, chosen, o.runs); err != nil {
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
	var rows []row
	for _, p := range chosen {
		some, err := p.measure(ctx, b)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		rows = append(rows, some...)
	}
	text := report(m, b.revision, o, rows)
	if o.out == "" {
		_, err = io.WriteString(out, text)
		return err
	}
	text += "\n![Time and memory against the number of documents, on logarithmic axes](" + plotFile + ")\n"
	plot := filepath.Join(filepath.Dir(o.out), filepath.FromSlash(plotFile))
	return errors.Join(figures.Replace(o.out, text), os.WriteFile(plot, b.plot(), 0o666))
}

// Command fuzzall runs every fuzz target of this module, one after the other, and
// prints a table of what was tried and found.
//
//	go run ./internal/fuzzall -time 10m               every target, ten minutes each
//	go run ./internal/fuzzall -time 1h -only 'Verify' some, by package and name
//	go run ./internal/fuzzall -time 10m -keep         and add to the corpus
//
// What the fuzzer learns stays in the folder of -cache, so that the next run
// goes on from there. With -keep, an input goes to testdata/fuzz of its package
// if it runs code that no seed runs: the smallest first, so that the corpus in
// the repository stays small. An input that fails is written to testdata/fuzz in
// any case, by the testing package, and the command fails at the end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
	"time"
)

type options struct {
	time     time.Duration
	only     string
	cache    string
	parallel int
	keep     bool
}

func main() {
	var o options
	flag.DurationVar(&o.time, "time", time.Minute, "`duration` for each target")
	flag.StringVar(&o.only, "only", "", "only targets that match this `pattern`, such as verify.FuzzVerify")
	flag.StringVar(&o.cache, "cache", "", "`folder` for inputs that reached new code (default the user's cache folder)")
	flag.IntVar(&o.parallel, "parallel", 1, "`number` of processes that fuzz")
	flag.BoolVar(&o.keep, "keep", false, "put inputs that reach new code into testdata/fuzz")
	flag.Parse()
	if flag.NArg() > 0 || o.parallel < 1 || o.time < time.Second {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "fuzzall: error:", err)
		os.Exit(1)
	}
}

// run fuzzes in the module of the current folder. The table is complete also
// where a target fails: the others are run all the same.
func run(ctx context.Context, o options, out, progress io.Writer) error {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	if o.cache, err = cacheFolder(o.cache); err != nil {
		return err
	}
	packages, err := findTargets(".", only)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "fuzzall-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	var rows []row
	for _, p := range packages {
		more, err := p.fuzz(ctx, o, work, progress)
		rows = append(rows, more...)
		if err != nil {
			printTable(out, rows)
			return fmt.Errorf("%s: %w", p.dir, err)
		}
	}
	printTable(out, rows)
	for _, r := range rows {
		if r.finding != "" {
			err = errors.Join(err, fmt.Errorf("%s.%s: %s", r.dir, r.target, r.finding))
		}
	}
	return err
}

func cacheFolder(dir string) (string, error) {
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(user, "gradseal-fuzz")
	}
	return filepath.Abs(dir)
}

// row is what became of one target.
type row struct {
	dir, target string
	executions  int64
	took        time.Duration
	seeds       int    // files in testdata/fuzz
	found       int    // inputs in the cache, each of which reached new code, from earlier runs too
	kept        int    // of those, now in testdata/fuzz
	finding     string // "": nothing failed
}

func printTable(out io.Writer, rows []row) {
	fmt.Fprintf(out, "%s, %s, %s/%s\n\n", time.Now().UTC().Format(time.DateOnly), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintln(out, "| package | target | executions | time | inputs in the cache | corpus | findings |")
	fmt.Fprintln(out, "|---|---|--:|--:|--:|--:|---|")
	var executions int64
	var took time.Duration
	for _, r := range rows {
		finding := r.finding
		if finding == "" {
			finding = "–"
		}
		fmt.Fprintf(out, "| %s | %s | %d | %s | %d | %d | %s |\n",
			r.dir, r.target, r.executions, r.took.Round(time.Second), r.found, r.seeds+r.kept, finding)
		executions += r.executions
		took += r.took
	}
	fmt.Fprintf(out, "| all | %d targets | %d | %s | | | |\n", len(rows), executions, took.Round(time.Second))
}

// command is a program that is run in a folder, with its output in one.
func command(ctx context.Context, dir, name string, args ...string) (output []byte, err error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	// The fuzzer ends its workers itself when it is interrupted.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd.CombinedOutput()
}

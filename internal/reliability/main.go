// Command reliability kills gradseal thousands of times, lets the disk and the
// system fail under it, and looks each time whether anything was lost.
//
//	go run ./internal/reliability                            the tables, on standard output
//	go run ./internal/reliability -o docs/reliability.md     the same, into that file
//	go run ./internal/reliability -only anchor -kills 2000   some of it
//
// What is played are tests of this module's root, which play seconds of it in
// every run of the tests: TestReliability, TestSystemFaults, TestTwoAtOnce. Here
// they are built once and run for longer. Where one fails, its output says what
// was lost, and with -seed the same is tried again; how fast the machine is at
// that moment is part of it all the same.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"gradseal/internal/figures"
)

type options struct {
	kills, faults, minutes int
	parallel               int
	seed                   int64
	only, out              string
}

func main() {
	var o options
	flag.IntVar(&o.kills, "kills", 500, "`number` of kills of each command")
	flag.IntVar(&o.faults, "faults", 60, "`number` of faults of each kind, and of pairs of commands at once")
	flag.IntVar(&o.minutes, "minutes", 10, "`number` of minutes after which a command or a fault is left, at most")
	flag.IntVar(&o.parallel, "parallel", 2, "`number` of them at once")
	flag.Int64Var(&o.seed, "seed", time.Now().Unix(), "`number` from which everything random follows")
	flag.StringVar(&o.only, "only", "", "only what matches this `pattern`, such as headers-sync or disk-full")
	flag.StringVar(&o.out, "o", "", "`file` to write the tables into, between its two markers")
	flag.Parse()
	if flag.NArg() > 0 || min(o.kills, o.faults, o.minutes, o.parallel) < 1 || o.seed < 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "reliability: error:", err)
		os.Exit(1)
	}
}

// run plays everything in the module of the current folder. Nothing is written
// where something was lost.
func run(ctx context.Context, o options, out, progress io.Writer) error {
	if o.only != "" && o.out != "" {
		return errors.New("-o takes a whole run: some rows would take the others off the page")
	}
	work, err := os.MkdirTemp("", "reliability-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)                      // with what tests leave that were interrupted
	if err := os.Chmod(work, 0o755); err != nil { // some commands run as somebody else
		return err
	}
	tests, results := filepath.Join(work, "gradseal.test"), filepath.Join(work, "results")
	if text, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", tests, ".").CombinedOutput(); err != nil {
		return fmt.Errorf("go test -c: %w\n%s", err, text)
	}
	begun := time.Now()
	if err := play(ctx, o, tests, results, progress); err != nil {
		return err
	}
	all, err := read(results)
	if err != nil {
		return err
	}
	page := tables(all, o.only == "", machine(ctx, o, begun))
	if o.out == "" {
		_, err := io.WriteString(out, page)
		return err
	}
	return figures.Replace(o.out, page)
}

// play runs the tests, whose temporary files go beside the results.
func play(ctx context.Context, o options, tests, results string, progress io.Writer) error {
	pattern := "^(TestReliability|TestSystemFaults|TestTwoAtOnce)$/(" + o.only + ")"
	cmd := exec.CommandContext(ctx, tests, "-test.v", "-test.timeout=0", "-test.run="+pattern, "-test.parallel="+strconv.Itoa(o.parallel))
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	cmd.Env = append(os.Environ(),
		"TMPDIR="+filepath.Dir(results),
		"TEST_RELIABILITY_KILLS="+strconv.Itoa(o.kills),
		"TEST_RELIABILITY_FAULTS="+strconv.Itoa(o.faults),
		"TEST_RELIABILITY_MINUTES="+strconv.Itoa(o.minutes),
		"TEST_RELIABILITY_SEED="+strconv.FormatInt(o.seed, 10),
		"TEST_RELIABILITY_OUT="+results)
	cmd.Stdout, cmd.Stderr = progress, progress
	fmt.Fprintf(progress, "seed %d\n", o.seed)
	return errors.Join(ctx.Err(), cmd.Run())
}

// played is what a test did, as it writes it.
type played struct {
	Name    string
	Seconds float64
	Runs    int // to a good end
	Kills   int // or faults that were met
	Again   int // kills while a run was taken up that was killed before
	Moments map[string]int
	Stages  map[string]int
	Seed    uint64
}

// read reads a line of JSON for each test.
func read(file string) ([]played, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("nothing was played: %w", err)
	}
	defer f.Close()
	var all []played
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var p played
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, lines.Err()
}

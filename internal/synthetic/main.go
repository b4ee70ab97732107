// Command synthetic makes batches of documents that do not exist, and verifies the
// proof of each one: the tree, the statement, the anchor and the proofs of many
// millions, of which none is written. It shows how time and memory grow.
//
//	go run ./internal/synthetic 10000 100000 1000000 10000000
//	go run ./internal/synthetic -o docs/scale.md 10000 100000 1000000 10000000
//
// With -o the table goes into that file, between its two markers, and a plot beside it.
//
// Digests and salts are hashes of a counter. Everything else is what the program
// does: leaves in the order of their hashes, an Ed25519 key that signs, a transaction
// in a block of the embedded node, proof files in their one spelling, and the whole
// verifier over each of them, from its bytes. Every size is measured in a process of
// its own.
package main

import (
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
	"runtime"
	"strconv"
	"strings"
	"time"

	"gradseal/internal/atomicfile"
	"gradseal/internal/figures"
)

// child is the flag that has one size measured.
const child = "child"

// plotFile is where the plot goes, beside the page with the figures.
const plotFile = "images/scale.svg"

// measured are the figures of one size.
type measured struct {
	Documents int           `json:"documents"`
	Tree      time.Duration `json:"tree"`    // leaves, their order, the tree
	Anchor    time.Duration `json:"anchor"`  // statement, signature, block
	Proofs    time.Duration `json:"proofs"`  // made and verified
	Bytes     int64         `json:"bytes"`   // of all proof files
	Largest   int           `json:"largest"` // proof file
	Memory    int64         `json:"memory"`  // resident at most, bytes; 0: not known here
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "synthetic: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	flags := flag.NewFlagSet("synthetic", flag.ContinueOnError)
	flags.SetOutput(progress)
	page := flags.String("o", "", "`file` to write the table into, between its two markers; the plot goes to "+plotFile+" beside it")
	one := flags.Bool(child, false, "measure one size, and print it as JSON")
	if err := flags.Parse(args); err != nil {
		return err
	}
	sizes := make([]int, flags.NArg())
	for i, arg := range flags.Args() {
		var err error
		if sizes[i], err = size(arg); err != nil {
			return err
		}
	}
	switch {
	case len(sizes) == 0:
		return errors.New("name the numbers of documents, such as: 10000 100000 1000000")
	case *one:
		f, err := measure(ctx, sizes[0])
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(f)
	}
	var all []measured
	for _, n := range sizes {
		fmt.Fprintln(progress, n, "documents")
		f, err := inChild(ctx, n)
		if err != nil {
			return err
		}
		all = append(all, f)
	}
	if *page == "" {
		_, err := io.WriteString(out, table(all))
		return err
	}
	text := fmt.Sprintf("%s, %s/%s, %d processors, %s. `go run ./internal/synthetic %s`\n\n%s\n![Time and memory against the number of documents, on logarithmic axes](%s)\n",
		time.Now().UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), runtime.Version(), strings.Join(flags.Args(), " "), table(all), plotFile)
	if err := figures.Replace(*page, text); err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(filepath.Dir(*page), filepath.FromSlash(plotFile)), plot(all), 0o644)
}

// table has a line for each size, in Markdown.
func table(all []measured) string {
	var b strings.Builder
	b.WriteString("| documents | tree | statement and block | proofs, made and verified | a second | largest proof | proof files, together | memory at most |\n")
	b.WriteString("|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, f := range all {
		fmt.Fprintf(&b, "| %s | %.2f s | %.2f s | %.1f s | %s | %s bytes | %.2f GB | %.0f MB |\n", figures.Thousands(f.Documents), f.Tree.Seconds(), f.Anchor.Seconds(),
			f.Proofs.Seconds(), figures.Thousands(int(float64(f.Documents)/f.Proofs.Seconds())), figures.Thousands(f.Largest), float64(f.Bytes)/1e9, float64(f.Memory)/1e6)
	}
	return b.String()
}

// plot is the picture of how time and memory grow.
func plot(all []measured) []byte {
	series := func(name, colour string, of func(measured) float64) figures.Series {
		s := figures.Series{Name: name, Colour: colour}
		for _, f := range all {
			s.Points = append(s.Points, figures.Point{Documents: float64(f.Documents), Value: of(f)})
		}
		return s
	}
	const x = "documents that are not there"
	return figures.Plot(figures.Panel{Title: "Time, in seconds", X: x, Series: []figures.Series{
		series("leaves, their order, and the tree", figures.Blue, func(f measured) float64 { return f.Tree.Seconds() }),
		series("proofs, made and verified", figures.Orange, func(f measured) float64 { return f.Proofs.Seconds() }),
	}}, figures.Panel{Title: "Memory at most, in MB", X: x, Series: []figures.Series{
		series("all of it", figures.Blue, func(f measured) float64 { return float64(f.Memory) / 1e6 }),
	}})
}

func size(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is no number of documents", text)
	}
	return n, nil
}

// inChild measures in a process of its own, so that the memory is that of this size.
func inChild(ctx context.Context, n int) (f measured, err error) {
	self, err := os.Executable()
	if err != nil {
		return f, err
	}
	cmd := exec.CommandContext(ctx, self, "-"+child, strconv.Itoa(n))
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return f, fmt.Errorf("%d documents: %w", n, err)
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return f, err
	}
	f.Memory = residentAtMost(cmd.ProcessState)
	return f, nil
}

// measure makes and verifies n documents.
func measure(ctx context.Context, n int) (f measured, err error) {
	dir, err := os.MkdirTemp("", "gradseal-synthetic-*")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f.Documents = n
	start := time.Now()
	b, err := newBatch(n)
	if err != nil {
		return f, err
	}
	f.Tree = time.Since(start)

	start = time.Now()
	if err := b.anchor(ctx, filepath.Join(dir, "node"), filepath.Join(dir, "headers")); err != nil {
		return f, err
	}
	f.Anchor = time.Since(start)

	start = time.Now()
	f.Bytes, f.Largest, err = b.verifyAll(ctx)
	f.Proofs = time.Since(start)
	return f, err
}

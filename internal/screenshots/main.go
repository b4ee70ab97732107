// Command screenshots makes the pictures of the README: it anchors a few of the
// sample transcripts in fresh homes, on the node inside the program, and takes
// pictures of what the verification page and the terminal then show.
//
//	go run ./internal/screenshots -o docs/images
//
// Beside each NAME.png it writes NAME.txt, the words in it, with placeholders for
// what is another each time: dates, hashes, places in the tree. The picture carries
// the SHA-256 of that text. The test of this package makes everything again and
// compares the words, so a picture that has become untrue does not stay.
//
// It needs the go command, Chromium and Linux, for its pseudo-terminals, and asks
// no network for anything.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"gradseal/internal/atomicfile"
	"gradseal/internal/gotool"
)

func main() {
	out := flag.String("o", "", "`folder` to write the pictures and their texts to")
	flag.Parse()
	if flag.NArg() > 0 || *out == "" {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *out, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots: error:", err)
		os.Exit(1)
	}
}

// run writes all pictures and their texts to the folder out.
func run(ctx context.Context, out string, progress io.Writer) error {
	tools, err := gotool.New(ctx, ".")
	if err != nil {
		return err
	}
	pictures, err := takeAll(ctx, tools)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	for _, p := range pictures {
		data, err := p.png()
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if err := atomicfile.WriteFile(filepath.Join(out, p.name+".png"), data, 0o644); err != nil {
			return err
		}
		if err := atomicfile.WriteFile(filepath.Join(out, p.name+".txt"), []byte(p.text), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(progress, "%s.png: %d kB\n", p.name, (len(data)+999)/1000)
	}
	return nil
}

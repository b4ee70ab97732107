// Command generate writes what package page embeds and nobody edits: the program
// of the page and Go's script for it. "go generate ./page" runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"gradseal/internal/gotool"
	"gradseal/internal/pagebuild"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	out := flag.String("o", "", "`directory` to write (default: "+pagebuild.Directory+" in the module)")
	flag.Parse()
	if err := run(ctx, *out); err != nil {
		fmt.Fprintln(os.Stderr, "generate: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out string) error {
	t, err := gotool.New(ctx, ".")
	if err != nil {
		return err
	}
	if out == "" {
		out = filepath.Join(t.Root, filepath.FromSlash(pagebuild.Directory))
	}
	return pagebuild.Build(ctx, t, out)
}

// Command dist writes what is given to users to the directory dist: the program
// for Linux, macOS and Windows, its manual pages and shell completions, Debian
// packages, the licences and a bill of materials of what is linked in, and
// SHA256SUMS over all of it.
//
//	go run ./internal/dist
//
// The same commit and the same release of Go give the same bytes, wherever and
// by whomever it is run: no file holds a path, a name or a time of the machine.
// docs/decisions/0008-distribution.md says how and why.
//
// It needs git, and the network where Go has not fetched nfpm before. From an
// archive of the sources, which has no commit, the version has to be told:
//
//	go run ./internal/dist -version v1.2.3
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"gradseal/internal/gotool"
)

// outputName is the directory that is written, below the module's root.
const outputName = "dist"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	version := flag.String("version", "", "`version` of a build from an archive of the sources, such as v1.2.3 (default: the commit's)")
	only := flag.String("only", "", "the one `platform` to build for, such as linux/amd64 (default: all)")
	bare := flag.Bool("no-packages", false, "no Debian packages: to compare programs, what makes packages need not be built")
	flag.Parse()
	err := errors.New("unexpected arguments: see go run ./internal/dist -help")
	if flag.NArg() == 0 {
		err = run(ctx, *version, *only, *bare)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dist: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, version, only string, bare bool) error {
	chosen, err := choose(only)
	if err != nil {
		return err
	}
	tools, err := gotool.New(ctx, ".")
	if err != nil {
		return err
	}
	stamp, err := newStamp(version, tools.Root, os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return err
	}
	w := &writer{toolchain: &toolchain{tools}, stamp: stamp, bare: bare}
	output := filepath.Join(tools.Root, outputName)
	err = replace(output, func(dir string) error {
		w.dir = dir
		return w.write(ctx, chosen)
	})
	if err == nil {
		note("gradseal %s is in %s", w.stamp.version, output)
	}
	return err
}

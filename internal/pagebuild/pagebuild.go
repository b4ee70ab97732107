// Package pagebuild builds the program inside the offline page: package page/wasm
// for WebAssembly, and Go's own script that starts it. The same commit and the
// same release of Go give the same bytes. "go generate ./page" runs it, so does
// what makes the releases, and so do tests.
package pagebuild

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gradseal/internal/gotool"
)

// The files that Build writes.
const (
	Program = "page.wasm.gz" // page/wasm for GOOS=js GOARCH=wasm
	Support = "wasm_exec.js" // of the release of Go that has built it
)

// Directory is where package page takes the files from, below the module's root.
const Directory = "page/generated"

// smaller keeps functions from being inlined but where the time goes: a page is
// sent by mail, and this makes it a twentieth smaller.
var smaller = []string{
	"-gcflags=all=-l", "-gcflags=crypto/...=", "-gcflags=internal/byteorder=", "-gcflags=math/...=",
	"-gcflags=github.com/makiuchi-d/gozxing/...=",
}

// Build builds the program from the module that t is in, and writes the files to
// dir.
func Build(ctx context.Context, t *gotool.Toolchain, dir string) error {
	work, err := os.MkdirTemp("", "gradseal-page-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	program, err := compile(ctx, t, work)
	if err != nil {
		return err
	}
	out, err := gotool.Output(t.Command(ctx, "env", "GOROOT"))
	if err != nil {
		return err
	}
	support, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "lib", "wasm", Support))
	if err != nil {
		return err
	}
	zipped, err := zip(program)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, Program), zipped, 0o666); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, Support), support, 0o666)
}

func compile(ctx context.Context, t *gotool.Toolchain, work string) ([]byte, error) {
	file := filepath.Join(work, "page.wasm")
	slimmed, err := slim(ctx, t, work)
	if err != nil {
		return nil, err
	}
	args := []string{"build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", file}
	args = append(slices.Concat(args, smaller, slimmed), "./page/wasm")
	cmd := t.Command(ctx, args...)
	cmd.Env = append(cmd.Env, "GOOS=js", "GOARCH=wasm")
	if _, err := gotool.Output(cmd); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

// zip packs data as gzip does, with neither name nor time.
func zip(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	return b.Bytes(), nil
}

// Overlay returns an overlay for the go command, which makes a build embed the
// files that Build wrote to dir, whatever is in Directory: for tests, which must
// not depend on it.
func Overlay(t *gotool.Toolchain, dir string) ([]byte, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	replace := make(map[string]string)
	for _, name := range []string{Program, Support} {
		replace[filepath.Join(t.Root, filepath.FromSlash(Directory), name)] = filepath.Join(dir, name)
	}
	return json.Marshal(map[string]any{"Replace": replace})
}

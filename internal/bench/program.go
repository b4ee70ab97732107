package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// bench is one run of the benchmark.
type bench struct {
	dir      string // everything that is made is in it
	runs     int
	progress io.Writer
	measured []*batch // for the plot

	program  string // gradseal
	empty    string // a Go program that does nothing
	revision string // of what was built, as far as version control knows it
}

// build makes the program that is measured, and one that does nothing.
func (b *bench) build(ctx context.Context) error {
	suffix := ""
	if runtime.GOOS == "windows" {
		suffix = ".exe"
	}
	b.program = filepath.Join(b.dir, "gradseal"+suffix)
	b.empty = filepath.Join(b.dir, "empty"+suffix)
	source := filepath.Join(b.dir, "empty.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o666); err != nil {
		return err
	}
	for out, what := range map[string]string{b.program: "gradseal", b.empty: source} {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=auto", "-o", out, what)
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build %s: %w\n%s", what, err, text)
		}
	}
	info, err := buildinfo.ReadFile(b.program)
	if err != nil {
		return err
	}
	b.revision = revisionOf(info)
	return nil
}

func revisionOf(info *debug.BuildInfo) string {
	revision := "of no known revision"
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			revision += " with changes"
		}
	}
	return revision
}

// process is what was measured of one process.
type process struct {
	wall time.Duration // from before it is started to after its end
	peak int64         // bytes of memory that were resident at once, at most; 0 where the system does not tell
	out  string        // file with its standard output
}

// start runs a program to its end. Any exit code but 0 is an error.
func (b *bench) start(ctx context.Context, program string, args ...string) (process, error) {
	out, err := os.CreateTemp(b.dir, "out-*")
	if err != nil {
		return process{}, err
	}
	defer out.Close()
	var failure bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stdout, cmd.Stderr = out, &failure
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GRADSEAL_") })
	own, err := forgetPeak()
	if err != nil {
		return process{}, err
	}
	begin := time.Now()
	err = cmd.Run()
	p := process{wall: time.Since(begin), out: out.Name()}
	if err != nil {
		return process{}, errors.Join(ctx.Err(), fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, failure.Bytes()))
	}
	if peak := peakOf(cmd.ProcessState); peak > own {
		p.peak = peak
	}
	return p, nil
}

// anchor anchors a folder of n documents in a fresh home, with their proofs in an
// archive where one is named, and checks that each has its proof on disk.
func (b *bench) anchor(ctx context.Context, home, folder, archive string, n int) (process, error) {
	args := []string{"--home", home, "--json", "--quiet", "anchor", folder}
	if archive != "" {
		args = append(args, "--archive", archive)
	}
	p, err := b.start(ctx, b.program, args...)
	if err != nil {
		return process{}, err
	}
	var result struct {
		Proofs int
		Block  *struct{}
	}
	if err := lastLine(p.out, &result); err != nil {
		return process{}, err
	}
	if result.Proofs != n || result.Block == nil {
		return process{}, fmt.Errorf("anchor %s: %d proofs, in a block: %t; want %d, in a block", folder, result.Proofs, result.Block != nil, n)
	}
	if archive != "" {
		return p, checkArchive(archive, n)
	}
	return p, checkProofs(folder, n)
}

// checkArchive counts the proofs in an archive.
func checkArchive(archive string, n int) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer z.Close()
	if len(z.File) != n {
		return fmt.Errorf("%s: %d files, want %d", archive, len(z.File), n)
	}
	return nil
}

// checkProofs counts the proof files in a folder.
func checkProofs(folder string, n int) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	found := 0
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".proof.json") {
			found++
		}
	}
	if found != n || len(entries) != 2*n {
		return fmt.Errorf("%s: %d files, %d of them proofs, want %d documents and as many proofs", folder, len(entries), found, n)
	}
	return nil
}

// verify verifies n documents, a folder or one, in one process, with their proofs
// beside them or, where one is named, in an archive, and checks that
// each is valid, which means confirmed as well.
func (b *bench) verify(ctx context.Context, home, what, archive string, n int) (process, error) {
	args := []string{"--home", home, "--json", "--quiet", "verify", "--network", "regtest", what}
	if archive != "" {
		args = append(args, "--proofs", archive)
	}
	p, err := b.start(ctx, b.program, args...)
	if err != nil {
		return process{}, err
	}
	valid := 0
	err = eachLine(p.out, func(line []byte) error {
		var result struct{ Verdict string }
		if err := json.Unmarshal(line, &result); err != nil {
			return err
		}
		if result.Verdict == "valid" {
			valid++
		}
		return nil
	})
	if err == nil && valid != n {
		err = fmt.Errorf("verify %s: %d documents are valid, want %d", what, valid, n)
	}
	return p, err
}

// export writes the n proofs of a folder as OpenTimestamps files, and checks that
// each is on disk.
func (b *bench) export(ctx context.Context, home, folder string, n int) (process, error) {
	p, err := b.start(ctx, b.program, "--home", home, "--quiet", "export", "--to", "ots", folder)
	if err != nil {
		return process{}, err
	}
	found, err := filepath.Glob(filepath.Join(folder, "*.pdf.ots"))
	if err == nil && len(found) != n {
		err = fmt.Errorf("export %s: %d files were written, want %d", folder, len(found), n)
	}
	return p, err
}

func lastLine(path string, v any) error {
	var last []byte
	if err := eachLine(path, func(line []byte) error {
		last = bytes.Clone(line)
		return nil
	}); err != nil {
		return err
	}
	return json.Unmarshal(last, v)
}

func eachLine(path string, use func(line []byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err := use(lines.Bytes()); err != nil {
			return err
		}
	}
	return lines.Err()
}

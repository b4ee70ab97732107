package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pkg is a package with fuzz targets.
type pkg struct {
	dir     string // with slashes, from the root of the module
	targets []string
}

var declaration = regexp.MustCompile(`(?m)^func (Fuzz[A-Za-z0-9_]*)\(`)

// findTargets reads the test files below root.
func findTargets(root string, only *regexp.Regexp) ([]pkg, error) {
	found := make(map[string][]string)
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && path != root && (e.Name() == "testdata" || strings.HasPrefix(e.Name(), ".")) {
			return filepath.SkipDir
		}
		if e.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		for _, m := range declaration.FindAllSubmatch(text, -1) {
			if target := string(m[1]); only.MatchString(dir + "." + target) {
				found[dir] = append(found[dir], target)
			}
		}
		return nil
	})
	var all []pkg
	for dir, targets := range found {
		slices.Sort(targets)
		all = append(all, pkg{dir, targets})
	}
	slices.SortFunc(all, func(a, b pkg) int { return strings.Compare(a.dir, b.dir) })
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("no fuzz target: run it in the root of the module, with a pattern that matches one")
	}
	return all, err
}

// fuzz runs the targets of the package.
func (p pkg) fuzz(ctx context.Context, o options, work string, progress io.Writer) ([]row, error) {
	program := filepath.Join(work, "fuzz.test.exe")
	if out, err := command(ctx, ".", "go", "test", "-c", "-fuzz=Fuzz", "-o", program, "./"+p.dir); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	var rows []row
	for _, target := range p.targets {
		fmt.Fprintf(progress, "%s %s.%s\n", time.Now().Format(time.TimeOnly), p.dir, target)
		r, err := p.fuzzOne(ctx, o, program, target)
		if err != nil {
			return rows, err
		}
		rows = append(rows, r)
	}
	if !o.keep {
		return rows, nil
	}
	k, err := newKeeper(ctx, p.dir, work)
	if err != nil {
		return rows, err
	}
	for i := range rows {
		if rows[i].kept, err = k.keep(ctx, rows[i].target, p.cached(o, rows[i].target)); err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// cached is the folder of what the fuzzer found for a target.
func (p pkg) cached(o options, target string) string {
	return filepath.Join(o.cache, filepath.FromSlash(p.dir), target)
}

// seeds is the folder of a target's corpus in the repository.
func (p pkg) seeds(target string) string {
	return filepath.Join(filepath.FromSlash(p.dir), "testdata", "fuzz", target)
}

func (p pkg) fuzzOne(ctx context.Context, o options, program, target string) (row, error) {
	seeds, err := count(p.seeds(target))
	if err != nil {
		return row{}, err
	}
	cache := filepath.Dir(p.cached(o, target)) // the fuzzer adds the target's name
	if err := os.MkdirAll(cache, 0o777); err != nil {
		return row{}, err
	}
	start := time.Now()
	out, err := command(ctx, filepath.FromSlash(p.dir), program, "-test.run=^$", "-test.fuzz=^"+target+"$",
		"-test.fuzztime="+o.time.String(), "-test.fuzzminimizetime=10x",
		"-test.parallel="+strconv.Itoa(o.parallel), "-test.fuzzcachedir="+cache)
	r := row{dir: p.dir, target: target, seeds: seeds, executions: executions(out), took: time.Since(start)}
	if ctx.Err() != nil {
		return row{}, ctx.Err()
	}
	if err != nil && !onlyLate(out) {
		r.finding = finding(out)
	}
	r.found, err = count(p.cached(o, target))
	return r, err
}

// count is the number of files in a folder, 0 if it is not there.
func count(dir string) (int, error) {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return 0, nil
	}
	return len(entries), err
}

var execs = regexp.MustCompile(`execs: ([0-9]+)`)

// executions is the last number that the fuzzer told.
func executions(out []byte) int64 {
	all := execs.FindAllSubmatch(out, -1)
	if len(all) == 0 {
		return 0
	}
	n, err := strconv.ParseInt(string(all[len(all)-1][1]), 10, 64)
	if err != nil {
		panic(err) // digits, far fewer than 19
	}
	return n
}

// onlyLate tells the fuzzer's own deadline, which it now and then reports as a
// failure, from a real one: that comes with the input that fails.
func onlyLate(out []byte) bool {
	text := string(out)
	return strings.Contains(text, "context deadline exceeded") && !strings.Contains(text, "Failing input") &&
		!strings.Contains(text, "panic:")
}

// finding is the file of the input that fails, or else the last words.
func finding(out []byte) string {
	if _, after, ok := strings.Cut(string(out), "Failing input written to "); ok {
		name, _, _ := strings.Cut(after, "\n")
		return name
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], " / ")
}

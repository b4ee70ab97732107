package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxSeed is the size of the largest input that is kept, in bytes. What needs a
// larger one is better written as code in the target.
const maxSeed = 16 << 10

// keeper chooses inputs by the statements of this module that they run.
type keeper struct {
	dir     string
	program string // measures coverage
	profile string
}

func newKeeper(ctx context.Context, dir, work string) (*keeper, error) {
	k := &keeper{filepath.FromSlash(dir), filepath.Join(work, "cover.test.exe"), filepath.Join(work, "profile")}
	out, err := command(ctx, ".", "go", "test", "-c", "-cover", "-coverpkg=./...", "-o", k.program, "./"+dir)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	return k, nil
}

// keep copies, from the smallest up, those inputs that run a block of statements
// which neither the seeds nor an input kept before runs.
func (k *keeper) keep(ctx context.Context, target, from string) (kept int, err error) {
	inputs, err := smallestFirst(from)
	if err != nil {
		return 0, err
	}
	covered, err := k.run(ctx, "^"+target+"$")
	if err != nil {
		return 0, err
	}
	to := filepath.Join(k.dir, "testdata", "fuzz", target)
	for _, input := range inputs {
		fresh, err := k.try(ctx, target, input, to, covered)
		if err != nil {
			return kept, err
		}
		if fresh {
			kept++
		}
	}
	// Folders that stayed empty go again; others cannot be removed so.
	_ = os.Remove(to)
	_ = os.Remove(filepath.Dir(to))
	_ = os.Remove(filepath.Dir(filepath.Dir(to)))
	return kept, nil
}

// try puts an input into the corpus, and takes it out again if it runs nothing
// new.
func (k *keeper) try(ctx context.Context, target, input, to string, covered map[string]bool) (fresh bool, err error) {
	name := filepath.Join(to, filepath.Base(input))
	if _, err := os.Stat(name); err == nil {
		return false, nil // kept by an earlier run
	}
	data, err := os.ReadFile(input)
	if err != nil {
		return false, err
	}
	if err := os.MkdirAll(to, 0o777); err != nil {
		return false, err
	}
	if err := os.WriteFile(name, data, 0o666); err != nil {
		return false, err
	}
	defer func() {
		if !fresh {
			os.Remove(name)
		}
	}()
	blocks, err := k.run(ctx, "^"+target+"$/^"+filepath.Base(input)+"$")
	if err != nil {
		return false, err
	}
	for block := range blocks {
		if !covered[block] {
			covered[block], fresh = true, true
		}
	}
	return fresh, nil
}

// run gives the blocks of statements that the tests of a pattern run.
func (k *keeper) run(ctx context.Context, pattern string) (map[string]bool, error) {
	out, err := command(ctx, k.dir, k.program, "-test.run="+pattern, "-test.coverprofile="+k.profile)
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", pattern, err, out)
	}
	text, err := os.ReadFile(k.profile)
	if err != nil {
		return nil, err
	}
	blocks := make(map[string]bool)
	for line := range strings.Lines(string(text)) {
		// file:line.column,line.column statements count
		if block, ok := strings.CutSuffix(line, " 0\n"); !ok && !strings.HasPrefix(block, "mode:") {
			blocks[strings.Join(strings.Fields(line)[:2], " ")] = true
		}
	}
	return blocks, nil
}

// smallestFirst are the files of a folder up to maxSeed, none if it is not there.
func smallestFirst(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	sizes := make(map[string]int64)
	var paths []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		if info.Size() <= maxSeed {
			path := filepath.Join(dir, e.Name())
			sizes[path] = info.Size()
			paths = append(paths, path)
		}
	}
	slices.SortStableFunc(paths, func(a, b string) int { return int(sizes[a] - sizes[b]) })
	return paths, nil
}

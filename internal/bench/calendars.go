package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gradseal/anchor/embedded"
	"gradseal/internal/calendartest"
	"gradseal/internal/figures"
)

// The calendars that a batch is anchored through, and how many digests of other
// people each aggregates with every one of ours: what public ones have.
const (
	calendarCount = 4
	othersEach    = 1_000
)

// calendars anchors a folder of n documents once by a transaction and once through
// calendars, and measures what the files take. The blocks have two transactions;
// each doubling of that takes 70 characters more in a proof.
func (b *bench) calendars(ctx context.Context, f folder) (_ []row, err error) {
	paths, err := writeDocuments(ctx, filepath.Join(b.dir, "calendars"), f.n, f.size)
	if err != nil {
		return nil, err
	}
	own, through := filepath.Join(b.dir, "by-transaction"), filepath.Join(b.dir, "by-calendars")
	for _, dir := range []string{own, through} {
		if err := linkDocuments(ctx, dir, paths); err != nil {
			return nil, err
		}
	}
	if _, err := b.anchor(ctx, own+"-home", own, "", f.n); err != nil {
		return nil, err
	}
	theirs := filepath.Join(b.dir, "calendars-home")
	if err := os.MkdirAll(filepath.Join(theirs, "headers"), 0o755); err != nil {
		return nil, err
	}
	node, err := embedded.Open(ctx, filepath.Join(theirs, "node"), filepath.Join(theirs, "headers", "regtest"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	var all []*calendartest.Calendar
	flags := []string{"--home", through + "-home", "--quiet"}
	named := []string{"--network", "regtest"}
	for range calendarCount {
		c, err := calendartest.New(node, calendartest.Options{Others: othersEach})
		if err != nil {
			return nil, err
		}
		defer c.Close()
		all, named = append(all, c), append(named, "--calendar", c.URL())
	}
	run := func(args ...string) error {
		_, err := b.start(ctx, b.program, append(flags, args...)...)
		return err
	}
	if err := run(append(named, "anchor", "--via", "calendars", through)...); err != nil {
		return nil, err
	}
	for _, c := range all {
		if err := c.Anchor(ctx); err != nil {
			return nil, err
		}
	}
	headers := filepath.Join(b.dir, "calendars.headers")
	if _, err := b.start(ctx, b.program, "--home", theirs, "headers", "export", "--network", "regtest", "-o", headers); err != nil {
		return nil, err
	}
	if err := errors.Join(run("headers", "import", headers), run(append(named, "upgrade")...)); err != nil {
		return nil, err
	}
	if _, err := b.verify(ctx, through+"-home", through, "", f.n); err != nil {
		return nil, err
	}
	of, err := b.batchOf(ctx, through+"-home")
	if err != nil {
		return nil, err
	}
	stamps := filepath.Join(b.dir, "by-calendars-ots")
	if err := run("export", "--to", "ots", "--batch", of, "-o", stamps); err != nil {
		return nil, err
	}
	var rows []row
	for _, x := range []struct{ what, dir, suffix string }{
		{"a transaction", own, ".proof.json"},
		{fmt.Sprintf("%d calendars", calendarCount), through, ".proof.json"},
	} {
		size, err := largest(x.dir, x.suffix)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{what: fmt.Sprintf("proof file, one of %s anchored through %s, the largest", figures.Thousands(f.n), x.what), measured: fmt.Sprintf("%d bytes", size)})
	}
	size, err := largest(stamps, ".ots")
	if err != nil {
		return nil, err
	}
	return append(rows, row{what: "its `.ots`, with what all calendars attest", measured: fmt.Sprintf("%d bytes", size)}), nil
}

// batchOf is the id of the only batch of a home.
func (b *bench) batchOf(ctx context.Context, home string) (string, error) {
	p, err := b.start(ctx, b.program, "--home", home, "--json", "batches")
	if err != nil {
		return "", err
	}
	var of struct{ Batch string }
	err = lastLine(p.out, &of)
	return of.Batch, err
}

// largest is the size in bytes of the largest of the files in a folder whose
// names end so.
func largest(dir, suffix string) (size int64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), suffix) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return 0, err
		}
		size = max(size, info.Size())
	}
	if size == 0 {
		return 0, fmt.Errorf("%s: there is no file *%s", dir, suffix)
	}
	return size, nil
}

package cmd

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gradseal/batch"
	"gradseal/internal/atomicfile"
	"gradseal/proof"
)

// readManifest reads the registrar's list.
func (r *anchorRun) readManifest() error {
	if r.manifest == "" {
		return nil
	}
	data, err := readCapped(r.manifest, batch.MaxManifest)
	if err != nil {
		return err
	}
	r.list, err = batch.ParseManifest(data)
	var fault *batch.ManifestError
	if errors.As(err, &fault) {
		return hinted(fmt.Errorf("%s: %w", r.manifest, err), "%s", fault.Remedy)
	}
	return err
}

// tablePath is where the table of documents and proofs is written; empty where
// none is asked for.
func (r *anchorRun) tablePath() string {
	if r.table != "" || r.manifest == "" {
		return r.table
	}
	return strings.TrimSuffix(r.manifest, filepath.Ext(r.manifest)) + ".proofs.csv"
}

// checkTable finds out, before anything is signed, whether the table can be
// written. What is not such a table is not overwritten.
func (r *anchorRun) checkTable() error {
	path := r.tablePath()
	if path == "" {
		return nil
	}
	head, err := readHead(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && r.dryRun:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		probe, err := os.CreateTemp(filepath.Dir(path), ".gradseal-table-*")
		if err != nil {
			return hinted(fmt.Errorf("%s: the table cannot be written here: %w", path, err), "name another place with --table FILE")
		}
		return errors.Join(probe.Close(), os.Remove(probe.Name()))
	case err != nil:
		return err
	case len(head) > 0 && !batch.IsTable(head):
		return hinted(fmt.Errorf("%s: is there already, and is not a table that anchor wrote", path), "move it away, or name another file with --table FILE")
	}
	return nil
}

func readHead(path string) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 4096))
}

// writeTable writes the table of the documents of this run that have their
// proof, in the order of the manifest.
func (r *anchorRun) writeTable(scan *batch.Scan, plan *batch.Plan) error {
	path := r.tablePath()
	if path == "" {
		return nil
	}
	refused := make(map[string]bool)
	for _, f := range plan.Refusals {
		refused[f.Path] = true
	}
	files := slices.DeleteFunc(slices.Clone(scan.Files), func(f batch.File) bool {
		_, err := os.Lstat(f.Path + proof.Suffix)
		return refused[f.Path] || err != nil
	})
	slices.SortStableFunc(files, func(a, b batch.File) int {
		// -1, no row, is the last when it is taken for a large number.
		return cmp.Compare(uint(a.Row), uint(b.Row))
	})
	rows := make([]batch.TableRow, len(files))
	for i, f := range files {
		rows[i] = batch.TableRow{Document: f.Path, Proof: f.Path + proof.Suffix, Row: f.Row}
	}
	var out bytes.Buffer
	if err := batch.WriteTable(&out, r.list, rows); err != nil {
		return err
	}
	// It holds what the registrar knows of the graduates: for the owner only.
	return atomicfile.WriteFile(path, out.Bytes(), 0o600)
}

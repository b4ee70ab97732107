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
	"gradseal/batch/manifest"
	"gradseal/internal/atomicfile"
	"gradseal/proof"
)

// readManifest reads the registrar's list.
func (r *anchorRun) readManifest() error {
	if r.manifest == "" {
		return nil
	}
	data, err := readCapped(r.manifest, manifest.MaxSize)
	if err != nil {
		return misnamed(err)
	}
	r.list, err = manifest.Parse(data)
	var fault *manifest.Error
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
	name := r.manifest
	if ext := filepath.Ext(name); strings.EqualFold(ext, tableExt) {
		name = strings.TrimSuffix(name, ext)
	}
	return name + ".proofs" + tableExt
}

const (
	tableExt = ".csv"
	// tableTemporary is the pattern of the temporary files beside the table.
	tableTemporary = ".gradseal-table-*"
)

// checkTable finds out, before anything is signed, whether the table can be
// written.
func (r *anchorRun) checkTable() error {
	path := r.tablePath()
	if path == "" {
		return nil
	}
	if err := r.mayWriteTable(path); err != nil || r.dryRun {
		return err
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), tableTemporary))
	if err == nil {
		for _, name := range left { // of a process that was killed
			os.Remove(name)
		}
	}
	probe, err := os.CreateTemp(filepath.Dir(path), tableTemporary)
	if err != nil {
		return hinted(fmt.Errorf("%s: the table cannot be written here: %w", path, err), "name another place with --table FILE.csv")
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// mayWriteTable refuses a path at which something is that is not this table. It
// is asked again before the table is written: what came there in between is not
// overwritten either.
func (r *anchorRun) mayWriteTable(path string) error {
	if !strings.EqualFold(filepath.Ext(path), tableExt) {
		return hinted(fmt.Errorf("%s: is no name for a table, which ends in %s", path, tableExt), "name it with --table FILE.csv")
	}
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Size() == 0 && info.Mode().IsRegular():
		return nil
	}
	var head bytes.Buffer
	if err := manifest.WriteTable(&head, r.list, nil); err != nil {
		return err
	}
	have, err := readHead(path, head.Len())
	if err != nil {
		return err
	}
	if !bytes.Equal(have, head.Bytes()) {
		return hinted(fmt.Errorf("%s: is there already, and is not a table that anchor wrote for this list", path), "move it away, or name another file with --table FILE.csv")
	}
	return nil
}

// readHead reads the first bytes of a file that is no link.
func readHead(path string, n int) ([]byte, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: is not a regular file", path)
	}
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, int64(n)))
}

// writeTable writes the table of the documents of this run that have their
// proof, in the order of the manifest.
func (r *anchorRun) writeTable(scan *batch.Scan, plan *batch.Plan) error {
	path := r.tablePath()
	if path == "" {
		return nil
	}
	without := make(map[string]bool)
	for _, f := range plan.Refusals {
		without[f.Path] = true
	}
	for _, b := range r.anchored {
		for _, f := range b.Left {
			without[f.Path] = true
		}
	}
	files := slices.DeleteFunc(slices.Clone(scan.Files), func(f batch.File) bool { return without[f.Path] })
	slices.SortStableFunc(files, func(a, b batch.File) int {
		// -1, no row, is the last when it is taken for a large number.
		return cmp.Compare(uint(a.Row), uint(b.Row))
	})
	r.noteRows(files)
	rows := make([]manifest.TableRow, len(files))
	for i, f := range files {
		rows[i] = manifest.TableRow{Document: f.Path, Proof: f.Path + proof.Suffix, Row: f.Row}
	}
	var out bytes.Buffer
	if err := manifest.WriteTable(&out, r.list, rows); err != nil {
		return err
	}
	if err := r.mayWriteTable(path); err != nil {
		return err
	}
	// It holds what the registrar knows of the graduates: for the owner only. It
	// can be written again at any time.
	if err := atomicfile.WriteUnsynced(path, out.Bytes(), 0o600, tableTemporary); err != nil {
		return fmt.Errorf("%s: the table was not written: %w", path, err)
	}
	return nil
}

// mostRows is how many rows without a proof are named.
const mostRows = 20

// noteRows keeps, to be said at the end, which rows of the list have no proof, where
// those of files have theirs.
func (r *anchorRun) noteRows(files []batch.File) {
	if r.list == nil {
		return
	}
	has := make([]bool, len(r.list.Rows))
	for _, f := range files {
		if f.Row >= 0 {
			has[f.Row] = true
		}
	}
	var named []string
	n := 0
	for i, row := range r.list.Rows {
		if has[i] {
			continue
		}
		if n++; n <= mostRows {
			named = append(named, fmt.Sprintf("row %d (%s)", row.Number, safe(row.File)))
		}
	}
	if n > mostRows {
		named = append(named, number(n-mostRows)+" more")
	}
	if n > 0 {
		r.unproven = fmt.Sprintf("No proof for %s of %s of %s: %s", number(n), count(len(has), "row"), shown(r.manifest), strings.Join(named, ", "))
	}
}

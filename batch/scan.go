package batch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"gradseal/batch/manifest"
	"gradseal/internal/regular"
	"gradseal/internal/walk"
	"gradseal/proof"
)

// File is a document as it was read.
type File struct {
	Path string // absolute
	// Name is what a manifest calls it: the path below the folder that was named,
	// with slashes, or the base name of a file that was named itself.
	Name    string
	Row     int   // in the manifest, from 0; -1: in none
	Size    int64 // bytes
	ModTime time.Time
	Digest  [32]byte // SHA-256
}

// Finding is what there is to say of a file: why it is refused, or what the
// registrar should know before it is issued. The text goes on after the path.
type Finding struct {
	Path string
	Text string
}

// Scan is what a registrar's folders and files hold.
type Scan struct {
	Files    []File
	Refusals []Finding
	Warnings []Finding // about Files
	// Ignored counts the files in folders that are neither PDFs, by their names,
	// nor proofs.
	Ignored int

	names  []located // of all that was read, refused or not
	listed bool      // it is known whose document each file is to be
}

// located is a document that was found, and its File.Name.
type located struct{ path, name string }

// seen has the paths of all documents that were looked at, refused or not.
func (s *Scan) seen() map[string]bool {
	seen := make(map[string]bool, len(s.names)+len(s.Files))
	for _, n := range s.names {
		seen[n.path] = true
	}
	for _, f := range s.Files {
		seen[f.Path] = true
	}
	return seen
}

// collection is what collect found.
type collection struct {
	files    []located // by path, each once
	refusals []Finding
	others   []string // files that are no documents by their names
	// mine, where it is set, is asked about every file: what is not mine is counted
	// in elsewhere, and not kept. elsewhere counts the files that would be in files
	// or refusals, a file that is named twice both times.
	mine      func(path string) bool
	elsewhere int
}

// takes reports whether a file is one to keep.
func (c *collection) takes(path string) bool { return c.mine == nil || c.mine(path) }

// collect lists the documents in files and folders, folders with all that is
// below them, in order and each once. In a folder, only files whose name ends
// in .pdf, in any case, are documents; what begins with a dot is passed over.
func collect(paths []string) (*collection, error) {
	c := new(collection)
	return c, c.collect(paths)
}

func (c *collection) collect(paths []string) error {
	for _, p := range paths {
		info, err := os.Stat(p) // as it was named: Abs takes "" for the working directory
		if err != nil {
			return err
		}
		abs, err := filepath.Abs(p)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			c.add(abs, filepath.Base(abs))
			continue
		}
		if err := c.walk(abs); err != nil {
			return err
		}
	}
	slices.SortStableFunc(c.refusals, compareFindings)
	c.refusals = slices.Compact(c.refusals)
	c.others = unique(c.others)
	// Stable: of two names for one file, the one that was named first stays.
	slices.SortStableFunc(c.files, func(a, b located) int { return strings.Compare(a.path, b.path) })
	c.files = slices.CompactFunc(c.files, func(a, b located) bool { return a.path == b.path })
	return nil
}

func (c *collection) walk(dir string) error {
	root := strings.TrimSuffix(dir, separator) + separator
	return walk.Files(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil: // of a folder, in which there may be anybody's
			c.refusals = append(c.refusals, Finding{path, faultOf(err)})
		case strings.HasSuffix(path, proof.Suffix):
		case !walk.Hidden(e) && walk.IsLinkToFolder(path, e):
			c.refuse(path, "is a symbolic link to a folder: name that folder, or remove the link")
		case walk.Hidden(e) || !strings.EqualFold(filepath.Ext(path), ".pdf"):
			if c.takes(path) {
				c.others = append(c.others, path)
			}
		case !e.Type().IsRegular():
			c.refuse(path, kindOf(dir, path, e.Type()))
		default:
			c.add(path, filepath.ToSlash(path[len(root):]))
		}
		return nil
	})
}

// add takes in a document. A name that is no text can stand in no list.
func (c *collection) add(path, name string) {
	if !utf8.ValidString(path) {
		c.refuse(path, "has a name that is not UTF-8, as some archives leave it: rename the file, or the folder that it is in")
		return
	}
	if !c.takes(path) {
		c.elsewhere++
		return
	}
	c.files = append(c.files, located{path, name})
}

func (c *collection) refuse(path, fault string) {
	if !c.takes(path) {
		c.elsewhere++
		return
	}
	c.refusals = append(c.refusals, Finding{path, fault})
}

const separator = string(filepath.Separator)

func unique(paths []string) []string {
	slices.Sort(paths)
	return slices.Compact(paths)
}

// compareFindings leaves what is said of one file in its order.
func compareFindings(a, b Finding) int { return strings.Compare(a.Path, b.Path) }

// kindOf says what there is in a folder that is no file.
func kindOf(folder, path string, m fs.FileMode) string {
	kind := m.String()
	switch {
	case m&fs.ModeSymlink != 0:
		return linkKind(folder, path)
	case m&fs.ModeNamedPipe != 0:
		kind = "named pipe"
	case m&fs.ModeSocket != 0:
		kind = "socket"
	}
	return "is not a regular file (" + kind + ")"
}

// linkKind says where a link leads. What it leads to is never taken for the
// registrar's document: the folder is what was looked over, and the proof would
// lie beside the link.
func linkKind(folder, path string) string {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "is a symbolic link to nowhere"
	}
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		if rel, err := filepath.Rel(real, target); err == nil && filepath.IsLocal(rel) {
			return "is a symbolic link to " + filepath.ToSlash(rel) + ", which is in the folder itself: remove the link"
		}
	}
	return "is a symbolic link out of the folder, to " + target + ": copy that file here, or name it"
}

// faultOf is an error's text without the path that Refusal names already.
func faultOf(err error) string {
	var pathErr *fs.PathError
	switch {
	case errors.As(err, &pathErr):
		return "cannot be read: " + pathErr.Err.Error()
	case errors.Is(err, regular.ErrNotRegular):
		return regular.ErrNotRegular.Error()
	}
	return err.Error()
}

// Read collects the documents and reads every one, on all processors. done is
// called after each file with its size, 0 for one that is refused, from several
// goroutines; total is called once before the first with the number of files
// and bytes.
func Read(ctx context.Context, paths []string, total func(files int, bytes int64), done func(bytes int64)) (*Scan, error) {
	found, err := collect(paths)
	if err != nil {
		return nil, err
	}
	names := found.files
	type reading struct {
		file     File
		warnings []string
		err      error
	}
	readings := make([]reading, len(names))
	var sum atomic.Int64
	err = each(ctx, len(names), func() func(int) error {
		return func(i int) error {
			state, err := regular.Stat(names[i].path)
			if errors.Is(err, regular.ErrNotRegular) { // not even opened
				readings[i].err = err
			}
			sum.Add(state.Size)
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	total(len(names), sum.Load())
	s := &Scan{Refusals: found.refusals, Ignored: len(found.others), names: names}
	err = each(ctx, len(names), func() func(int) error {
		content := NewContent()
		return func(i int) error {
			r := &readings[i]
			if r.err == nil {
				r.file, r.warnings, r.err = content.ReadFile(ctx, names[i].path)
			}
			r.file.Name = names[i].name
			done(r.file.Size)
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	s.Files = make([]File, 0, len(readings))
	for i, r := range readings {
		if r.err != nil {
			s.Refusals = append(s.Refusals, Finding{names[i].path, faultOf(r.err)})
			continue
		}
		s.Files = append(s.Files, r.file)
		for _, w := range r.warnings {
			s.Warnings = append(s.Warnings, Finding{r.file.Path, w})
		}
	}
	s.refuseDuplicates()
	slices.SortStableFunc(s.Refusals, compareFindings)
	return s, nil
}

// each calls work for 0 … n-1 on all processors until one fails or ctx ends.
// worker is called once on each goroutine, for its buffers.
func each(ctx context.Context, n int, worker func() func(i int) error) error {
	return eachOn(ctx, n, runtime.GOMAXPROCS(0), worker)
}

func eachOn(ctx context.Context, n, goroutines int, worker func() func(i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next counter
	var wg sync.WaitGroup
	for range min(goroutines, n) {
		wg.Go(func() {
			work := worker()
			for ctx.Err() == nil {
				i := next.take()
				if i >= n {
					return
				}
				if err := work(i); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// refuseDuplicates refuses every file whose content another one has: two
// graduates with one transcript is a slip that must not be signed.
func (s *Scan) refuseDuplicates() {
	// twin[digest] is the first file with that content, and then another one.
	twin := make(map[[32]byte][2]string, len(s.Files))
	for _, f := range s.Files {
		pair := twin[f.Digest]
		if pair[0] == "" {
			pair[0] = f.Path
		} else if pair[1] == "" {
			pair[1] = f.Path
		}
		twin[f.Digest] = pair
	}
	for _, f := range s.Files {
		pair := twin[f.Digest]
		if pair[1] == "" {
			continue
		}
		other := pair[0]
		if other == f.Path {
			other = pair[1]
		}
		s.Refusals = append(s.Refusals, Finding{f.Path, "has the same content as " + other + ": both are left out, until one of them is removed"})
	}
	s.drop()
}

// drop takes the refused files out of Files, and what was said of them.
func (s *Scan) drop() {
	refused := make(map[string]bool, len(s.Refusals))
	for _, f := range s.Refusals {
		refused[f.Path] = true
	}
	s.Files = slices.DeleteFunc(s.Files, func(f File) bool { return refused[f.Path] })
	s.Warnings = slices.DeleteFunc(s.Warnings, func(f Finding) bool { return refused[f.Path] })
}

// Join gives every file its row in the manifest, which was read from the file
// at path. Rows that name no document, or one that another row names too, are
// refused, and so is the document that is or may be meant. What is in no row is
// warned of.
func (s *Scan) Join(m *manifest.Manifest, path string) {
	s.listed = true
	names := make([]string, len(s.names))
	for i, n := range s.names {
		names[i] = n.name
	}
	rows, faults := m.Match(names)
	faulty := make(map[string]bool, len(faults)) // names in rows that are refused
	for _, f := range faults {
		row := m.Rows[f.Row]
		faulty[row.File], faulty[f.Near] = true, true
		s.Refusals = append(s.Refusals, Finding{path, fmt.Sprintf("row %d: %s", row.Number, f.Fault)})
	}
	rowOf := make(map[string]int, len(rows))
	for i, row := range rows {
		rowOf[s.names[i].path] = row
	}
	for i := range s.Files {
		f := &s.Files[i]
		f.Row = rowOf[f.Path]
		switch {
		case f.Row >= 0:
		case faulty[f.Name]:
			s.Refusals = append(s.Refusals, Finding{f.Path, "may be what a row of the list means that is refused: mend that row"})
		default:
			s.Warnings = append(s.Warnings, Finding{f.Path, "is not in the manifest"})
		}
	}
	s.drop()
}

// Unchanged looks once more whether the files are those that were read, by
// size and modification time, and refuses those that are not. It is the last
// look before something is signed.
func Unchanged(ctx context.Context, files []File) ([]Finding, error) {
	faults := make([]string, len(files))
	err := each(ctx, len(files), func() func(int) error {
		return func(i int) error {
			f := &files[i]
			switch now, err := regular.Stat(f.Path); {
			case err != nil:
				faults[i] = faultOf(err)
			case now.Size != f.Size || !now.ModTime.Equal(f.ModTime):
				faults[i] = errChanged.Error()
			}
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	var refusals []Finding
	for i, fault := range faults {
		if fault != "" {
			refusals = append(refusals, Finding{files[i].Path, fault})
		}
	}
	return refusals, nil
}

package batch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"gradseal/proof"
)

// headerWindow is how many bytes at the start of a file may stand before
// "%PDF-": readers accept that much (ISO 32000-1, annex H, implementation
// note 13).
const headerWindow = 1024

// File is a document as it was read.
type File struct {
	Path    string // absolute
	Size    int64  // bytes
	ModTime time.Time
	Digest  [32]byte // SHA-256
}

// Refusal names a file that cannot be anchored, and why.
type Refusal struct {
	Path  string
	Fault string
}

// Scan is what a registrar's folders and files hold.
type Scan struct {
	Files    []File
	Refusals []Refusal
	// Ignored counts the files in folders that are neither PDFs, by their names,
	// nor proofs.
	Ignored int
}

// Collect lists the documents in files and folders, folders with all that is
// below them, as absolute paths in order and each once. In a folder, only
// files whose name ends in .pdf, in any case, are documents; what begins with
// a dot is passed over.
func Collect(paths []string) (files []string, refusals []Refusal, ignored int, err error) {
	var others []string
	for _, p := range paths {
		info, err := os.Stat(p) // as it was named: Abs takes "" for the working directory
		if err != nil {
			return nil, nil, 0, err
		}
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, nil, 0, err
		}
		if !info.IsDir() {
			files = append(files, abs)
			continue
		}
		// The separator makes WalkDir follow a link that it is started at.
		root := strings.TrimSuffix(abs, separator) + separator
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch hidden := path != root && strings.HasPrefix(d.Name(), "."); {
			case err != nil:
				refusals = append(refusals, Refusal{filepath.Clean(path), faultOf(err)})
			case hidden && d.IsDir():
				return fs.SkipDir
			case d.IsDir():
			case strings.HasSuffix(path, proof.Suffix):
			case !hidden && isLinkToFolder(path, d):
				refusals = append(refusals, Refusal{path, "is a symbolic link to a folder: name that folder, or remove the link"})
			case hidden || !strings.EqualFold(filepath.Ext(path), ".pdf"):
				others = append(others, path)
			case !d.Type().IsRegular():
				refusals = append(refusals, Refusal{path, "is not a regular file (" + kindOf(d.Type()) + ")"})
			default:
				files = append(files, path)
			}
			return nil
		})
		if err != nil {
			return nil, nil, 0, err
		}
	}
	slices.SortFunc(refusals, compareRefusals)
	return unique(files), slices.Compact(refusals), len(unique(others)), nil
}

// isLinkToFolder finds what a walk passes over in silence.
func isLinkToFolder(path string, d fs.DirEntry) bool {
	if d.Type()&fs.ModeSymlink == 0 {
		return false
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

const separator = string(filepath.Separator)

func unique(paths []string) []string {
	slices.Sort(paths)
	return slices.Compact(paths)
}

func compareRefusals(a, b Refusal) int { return strings.Compare(a.Path, b.Path) }

func kindOf(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "symbolic link: name the file that it leads to"
	case m&fs.ModeNamedPipe != 0:
		return "named pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	}
	return m.String()
}

// faultOf is an error's text without the path that Refusal names already.
func faultOf(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return "cannot be read: " + pathErr.Err.Error()
	}
	return err.Error()
}

// Read collects the documents and reads every one, on all processors. done is
// called after each file with its size, 0 for one that is refused, from several
// goroutines; total is called once before the first with the number of files
// and bytes.
func Read(ctx context.Context, paths []string, total func(files int, bytes int64), done func(bytes int64)) (*Scan, error) {
	names, refusals, ignored, err := Collect(paths)
	if err != nil {
		return nil, err
	}
	var sum int64
	for _, name := range names {
		if info, err := os.Stat(name); err == nil {
			sum += info.Size()
		}
	}
	total(len(names), sum)
	s := &Scan{Refusals: refusals, Ignored: ignored}
	files := make([]File, len(names))
	faults := make([]string, len(names))
	err = each(ctx, len(names), func() func(int) error {
		buf := make([]byte, 256<<10)
		return func(i int) error {
			f, err := readFile(names[i], buf)
			if err != nil {
				faults[i] = faultOf(err)
			}
			files[i] = f
			done(f.Size)
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	for i, fault := range faults {
		if fault != "" {
			s.Refusals = append(s.Refusals, Refusal{names[i], fault})
			continue
		}
		s.Files = append(s.Files, files[i])
	}
	s.refuseDuplicates()
	slices.SortFunc(s.Refusals, compareRefusals)
	return s, nil
}

// each calls work for 0 … n-1 on all processors until one fails or ctx ends.
// worker is called once on each goroutine, for its buffers.
func each(ctx context.Context, n int, worker func() func(i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next counter
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
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

// readFile hashes one document. A file that changes while it is read is
// refused: what it held is not what it holds.
func readFile(path string, buf []byte) (File, error) {
	// Looked at before it is opened: opening a named pipe would wait for its
	// other end.
	before, err := os.Stat(path)
	if err != nil {
		return File{}, err
	}
	if !before.Mode().IsRegular() {
		return File{}, errors.New("is not a regular file")
	}
	if before.Size() == 0 {
		return File{}, errors.New("has zero bytes")
	}
	f, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	h := sha256.New()
	window, marker := &prefix{}, &proof.MarkerFinder{}
	n, err := io.CopyBuffer(io.MultiWriter(h, window, marker), onlyReader{f}, buf)
	if err != nil {
		return File{}, err
	}
	after, err := os.Stat(path) // by its name: another file may have taken its place
	if err != nil {
		return File{}, err
	}
	if n != before.Size() || changed(before, after) {
		return File{}, errChanged
	}
	if !bytes.Contains(window.data, []byte("%PDF-")) {
		return File{}, errors.New("is not a PDF (no %PDF- at its beginning)")
	}
	if marker.Found {
		if _, _, err := proof.SplitTrailer(f, n); !errors.Is(err, proof.ErrNoTrailer) {
			return File{}, errors.New("already carries a gradseal proof at its end: anchor the original")
		}
	}
	return File{Path: path, Size: n, ModTime: after.ModTime(), Digest: [32]byte(h.Sum(nil))}, nil
}

var errChanged = errors.New("changed while it was read")

func changed(a, b fs.FileInfo) bool {
	return a.Size() != b.Size() || !a.ModTime().Equal(b.ModTime()) || !os.SameFile(a, b)
}

// onlyReader hides os.File's WriteTo, so that io.CopyBuffer uses the buffer.
type onlyReader struct{ io.Reader }

// prefix keeps the first headerWindow bytes of what is written to it.
type prefix struct{ data []byte }

func (p *prefix) Write(b []byte) (int, error) {
	if room := headerWindow - len(p.data); room > 0 {
		p.data = append(p.data, b[:min(room, len(b))]...)
	}
	return len(b), nil
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
	s.Files = slices.DeleteFunc(s.Files, func(f File) bool {
		pair := twin[f.Digest]
		if pair[1] == "" {
			return false
		}
		other := pair[0]
		if other == f.Path {
			other = pair[1]
		}
		s.Refusals = append(s.Refusals, Refusal{f.Path, "has the same content as " + other})
		return true
	})
}

// Unchanged looks once more whether the files are those that were read, by
// size and modification time, and refuses those that are not. It is the last
// look before something is signed.
func Unchanged(files []File) []Refusal {
	var refusals []Refusal
	for _, f := range files {
		info, err := os.Stat(f.Path)
		switch {
		case err != nil:
			refusals = append(refusals, Refusal{f.Path, faultOf(err)})
		case info.Size() != f.Size || !info.ModTime().Equal(f.ModTime):
			refusals = append(refusals, Refusal{f.Path, errChanged.Error()})
		}
	}
	return refusals
}

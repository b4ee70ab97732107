package backup

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"gradseal/internal/atomicfile"
)

// Options say what a backup holds.
type Options struct {
	// Top are the names at the top of the home that are kept, with all that is
	// below them.
	Top []string
	// Skip reports that a file is left out although it is below one of them.
	Skip func(name string) bool
	// Read, unless it is nil, is written all that Prepare reads. Its error ends it.
	Read io.Writer
	Now  time.Time

	workFactor int // log2 of scrypt's N; 0: that of package age
}

// Plan is what a backup of a home will hold.
type Plan struct {
	Index Index
	// Left are the names at the top of the home that are left out, and those below
	// that begin with a dot.
	Left []string

	home *os.Root
	o    Options
}

// Prepare reads every file that a backup of the home at dir holds, and returns
// what it will be. The caller holds whatever keeps others from writing there,
// and closes the plan.
//
// What is neither a file nor a directory is an error, a symbolic link too: it
// could lead anywhere, and a backup that follows none would lack what it leads
// to.
func Prepare(dir string, o Options) (*Plan, error) {
	home, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	p := &Plan{home: home, o: o, Index: Index{
		Format: Format, Created: o.Now.UTC().Format(time.RFC3339), Files: []File{},
	}}
	if err := p.collect(); err != nil {
		return nil, errors.Join(err, home.Close())
	}
	return p, nil
}

// Close ends a plan.
func (p *Plan) Close() error { return p.home.Close() }

// Dir is where the home is.
func (p *Plan) Dir() string { return p.home.Name() }

func (p *Plan) collect() error {
	err := fs.WalkDir(p.home.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", p.Dir(), err)
		case name == ".":
			return nil
		case !kept(p.o.Top, name):
			p.Left = append(p.Left, name)
			return skipDir(e)
		case strings.HasPrefix(e.Name(), "."):
			if ok, _ := path.Match(atomicfile.Temporary, e.Name()); !ok { // those of a killed process nobody misses
				p.Left = append(p.Left, name)
			}
			return skipDir(e)
		case p.o.Skip != nil && p.o.Skip(name):
			return skipDir(e)
		case e.IsDir():
			return nil
		case e.Type()&fs.ModeSymlink != 0:
			return fmt.Errorf("%s/%s: is a symbolic link, which a backup does not follow: put what it leads to in its place", p.Dir(), name)
		case !e.Type().IsRegular():
			return fmt.Errorf("%s/%s: is not a regular file: move it away", p.Dir(), name)
		}
		f, err := p.describe(name)
		if err != nil {
			return err
		}
		p.Index.Files = append(p.Index.Files, f)
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(p.Index.Files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	if err := p.Index.check(); err != nil {
		return fmt.Errorf("%s: cannot be restored everywhere: %w", p.Dir(), err)
	}
	return nil
}

func skipDir(e fs.DirEntry) error {
	if e.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// describe reads a file.
func (p *Plan) describe(name string) (File, error) {
	f := File{Name: name, Mode: modeText(private)}
	r, err := p.open(name)
	if err != nil {
		return f, err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return f, err
	}
	if info.Mode().Perm() == public {
		f.Mode = modeText(public)
	}
	h := sha256.New()
	if f.Size, err = io.Copy(io.MultiWriter(h, orDiscard(p.o.Read)), r); err != nil {
		return f, err
	}
	f.SHA256 = hex.EncodeToString(h.Sum(nil))
	return f, nil
}

// open opens a regular file. Another process may have put something else there
// since its directory was read.
func (p *Plan) open(name string) (*os.File, error) {
	info, err := p.home.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // a pipe would be waited for
		return nil, fmt.Errorf("%s/%s: is not a regular file any more", p.Dir(), name)
	}
	return p.home.Open(name)
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// Write writes the backup, encrypted with the passphrase. A file that has changed
// since Prepare is an error. read, unless it is nil, is written all that is read of
// the files, and its error ends Write.
func (p *Plan) Write(w io.Writer, passphrase string, read io.Writer) error {
	if len(passphrase) < MinPassphrase {
		return fmt.Errorf("the passphrase has %d bytes, want at least %d", len(passphrase), MinPassphrase)
	}
	index, err := p.Index.marshal()
	if err != nil {
		return err
	}
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return err
	}
	if p.o.workFactor != 0 {
		recipient.SetWorkFactor(p.o.workFactor)
	}
	encrypted, err := age.Encrypt(w, recipient)
	if err != nil {
		return err
	}
	t := tar.NewWriter(encrypted)
	if err := t.WriteHeader(header(indexName, int64(len(index)), private, p.Index.Time())); err != nil {
		return err
	}
	if _, err := t.Write(index); err != nil {
		return err
	}
	for _, f := range p.Index.Files {
		if err := p.add(t, f, orDiscard(read)); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return encrypted.Close()
}

// header is what a member begins with. It is of GNU's form, which every tar
// reads and which has room for long names and files; that of PAX has more than
// one spelling. All members have the time of the backup: it says the same on
// every system.
func header(name string, size int64, mode fs.FileMode, t time.Time) *tar.Header {
	return &tar.Header{Format: tar.FormatGNU, Typeflag: tar.TypeReg, Name: name, Size: size, Mode: int64(mode), ModTime: t}
}

func (p *Plan) add(t *tar.Writer, f File, read io.Writer) error {
	mode, err := f.mode()
	if err != nil {
		return err
	}
	if err := t.WriteHeader(header(f.Name, f.Size, mode, p.Index.Time())); err != nil {
		return err
	}
	r, err := p.open(f.Name)
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(t, h, read), io.LimitReader(r, f.Size))
	if err != nil {
		return err
	}
	if n != f.Size || hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		return fmt.Errorf("%s/%s: was changed while it was read", p.Dir(), f.Name)
	}
	return nil
}

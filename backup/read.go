package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"filippo.io/age"

	"gradseal/internal/atomicfile"
)

// maxWorkFactor is log2 of scrypt's N that reading accepts: 1 GiB of memory.
const maxWorkFactor = 20

// begins is what a file that is encrypted with a passphrase begins with.
const begins = "age-encryption.org/v1\n-> scrypt "

// Reader reads a backup.
type Reader struct {
	Index Index
	plain io.Reader
	tar   *tar.Reader
}

// Open opens a backup. passphrase is called once it is one; a wrong one is
// ErrPassphrase. What the index says was not held against the files yet: Unpack
// does that.
func Open(r io.Reader, passphrase func() (string, error)) (*Reader, error) {
	buffered := bufio.NewReader(r)
	start, err := buffered.Peek(len(begins))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.Equal(start, []byte(begins)) {
		if bytes.HasPrefix([]byte(begins), start) {
			return nil, errCut
		}
		return nil, errNotBackup
	}
	p, err := passphrase()
	if err != nil {
		return nil, err
	}
	plain, err := decrypt(buffered, p)
	if err != nil {
		return nil, err
	}
	b := &Reader{plain: plain, tar: tar.NewReader(plain)}
	data, err := b.readIndex()
	if err != nil {
		return nil, damaged(err)
	}
	x, err := parseIndex(data)
	if err != nil {
		return nil, err
	}
	b.Index = *x
	return b, nil
}

// errCut says that a backup is not all there.
var errCut = errors.New("the backup is cut short: the rest of the file is missing")

func decrypt(r io.Reader, passphrase string) (io.Reader, error) {
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	identity.SetMaxWorkFactor(maxWorkFactor)
	plain, err := age.Decrypt(r, identity)
	var noMatch *age.NoIdentityMatchError
	switch {
	case errors.As(err, &noMatch) && slices.Contains(noMatch.StanzaTypes, "scrypt"):
		return nil, ErrPassphrase
	case err != nil:
		return nil, damaged(err)
	}
	return plain, nil
}

// damaged says of an error of the layers below what it means for the backup.
func damaged(err error) error {
	var pathErr *fs.PathError
	switch {
	case err == nil || errors.As(err, &pathErr) || errors.Is(err, errCut):
		return err // of the disk, not of what is on it
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return errCut
	}
	// A piece that is not all there cannot be told from one with other bytes.
	return fmt.Errorf("the backup is damaged, or cut short: %w", err)
}

func (b *Reader) readIndex() ([]byte, error) {
	h, err := b.tar.Next()
	if err != nil {
		return nil, err
	}
	if h.Name != indexName || h.Typeflag != tar.TypeReg || h.Size > maxIndex {
		return nil, fmt.Errorf("it begins with %.100q of %d bytes, want %s of at most %d", h.Name, h.Size, indexName, maxIndex)
	}
	return io.ReadAll(b.tar)
}

// Unpack writes the files into a directory, which is there and holds none of
// them, and syncs them. read, unless it is nil, is written all that is in them, and
// its error ends Unpack. On an error what is in the directory is of no use.
func (b *Reader) Unpack(dir string, read io.Writer) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	dirs := map[string]bool{".": true}
	err = b.each(func(f File) error {
		if err := makeDirs(root, path.Dir(f.Name), dirs); err != nil {
			return err
		}
		return b.write(root, f, orDiscard(read))
	})
	if err != nil {
		return err
	}
	return syncDirs(root, dirs)
}

// Check reads what Unpack would, and writes nothing.
func (b *Reader) Check(read io.Writer) error {
	return b.each(func(f File) error { return b.copy(orDiscard(read), f) })
}

// each calls use for every file, once the stream is at its bytes, and then checks
// that the stream ends.
func (b *Reader) each(use func(File) error) error {
	for _, f := range b.Index.Files {
		if err := b.next(f); err != nil {
			return damaged(err)
		}
		if err := use(f); err != nil {
			return err
		}
	}
	return damaged(b.atEnd())
}

// next goes to the member of a file, which must be the next one.
func (b *Reader) next(f File) error {
	h, err := b.tar.Next()
	if err != nil {
		return err
	}
	if h.Name != f.Name || h.Typeflag != tar.TypeReg || h.Size != f.Size {
		return fmt.Errorf("it holds %.100q of %d bytes where the index has %q of %d", h.Name, h.Size, f.Name, f.Size)
	}
	return nil
}

func (b *Reader) write(root *os.Root, f File, read io.Writer) (err error) {
	mode, err := f.mode()
	if err != nil {
		return err
	}
	w, err := root.OpenFile(f.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, w.Close()) }()
	if err := b.copy(io.MultiWriter(w, read), f); err != nil {
		return err
	}
	return w.Sync()
}

// copy copies a file that has the SHA-256 of the index.
func (b *Reader) copy(w io.Writer, f File) error {
	own := &ownErrors{Writer: w}
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(own, h), b.tar); own.err != nil {
		return own.err
	} else if err != nil {
		return damaged(err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != f.SHA256 {
		return damaged(fmt.Errorf("%s has the SHA-256 %s, want %s", f.Name, got, f.SHA256))
	}
	return nil
}

// ownErrors keeps the first error of writing, which says nothing of what is read.
type ownErrors struct {
	io.Writer
	err error
}

func (w *ownErrors) Write(b []byte) (int, error) {
	n, err := w.Writer.Write(b)
	w.err = cmp.Or(w.err, err)
	return n, err
}

// atEnd checks that nothing follows: the end of the stream is what tells a whole
// file from one that was cut.
func (b *Reader) atEnd() error {
	h, err := b.tar.Next()
	if err == nil {
		return fmt.Errorf("it holds %.100q, which is not in its index", h.Name)
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	n, err := io.Copy(io.Discard, io.LimitReader(b.plain, 1))
	if err == nil && n > 0 {
		err = errors.New("bytes follow its end")
	}
	return err
}

func makeDirs(root *os.Root, dir string, made map[string]bool) error {
	if made[dir] {
		return nil
	}
	if err := makeDirs(root, path.Dir(dir), made); err != nil {
		return err
	}
	if err := root.Mkdir(dir, 0o700); err != nil {
		return err
	}
	made[dir] = true
	return nil
}

func syncDirs(root *os.Root, dirs map[string]bool) error {
	for dir := range dirs {
		if err := atomicfile.SyncDir(filepath.Join(root.Name(), filepath.FromSlash(dir))); err != nil {
			return err
		}
	}
	return nil
}

// Is reports whether what r begins with is a backup, or something else that is
// encrypted with a passphrase.
func Is(r io.Reader) bool {
	start := make([]byte, len(begins))
	_, err := io.ReadFull(r, start)
	return err == nil && string(start) == begins
}

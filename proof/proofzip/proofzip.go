// Package proofzip is many proof files in one ZIP file: where a million small files
// would take a file system longer than everything else.
//
// The Writer writes each proof as it would be beside its document, uncompressed and in the
// order in which it comes, so that the same proofs make the same bytes. The Reader
// takes archives from strangers: it holds their directory to limits before it reads
// a proof, and then reads no more of any entry than a proof can have. That a file in
// an archive is a proof, and sound, it does not say.
package proofzip

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"gradseal/proof"
)

// Limits that reader and writer share.
const (
	// MaxEntries is the most files in an archive, proofs and others.
	MaxEntries = 5_000_000
	// maxName is the longest name in bytes.
	maxName = 4096
	// maxDirectory is the most bytes of an archive's list of its files, of which ten
	// million fit in, of no content and with names of a letter: 2.5 GB of memory.
	maxDirectory = 512 << 20
	// entryBytes is how many bytes of the list an entry takes that is written here,
	// beside its name, in an archive of more than 4 GB.
	entryBytes = 46 + 28
	// maxRatio is how many times the size of an archive its proofs may have. Deflate
	// makes proofs some two times smaller, and what is smaller by far is a trap.
	maxRatio = 16
	// usualSize is let through in an archive of any size, in bytes of proofs.
	usualSize = 1 << 20
)

// Writer writes an archive.
type Writer struct {
	z     *zip.Writer
	head  zip.FileHeader // what is the same for all files
	names map[string]bool
	list  int // bytes of the directory
}

// NewWriter returns a writer of an archive to w, whose files bear the time made.
func NewWriter(w io.Writer, made time.Time) *Writer {
	const isUTF8, version = 1 << 11, 20
	h := zip.FileHeader{Method: zip.Store, Flags: isUTF8, ReaderVersion: version}
	h.SetMode(0o644)
	made = made.UTC()
	//lint:ignore SA1019 CreateRaw writes these as they are, and not Modified
	h.ModifiedDate = uint16((made.Year()-1980)<<9 | int(made.Month())<<5 | made.Day())
	//lint:ignore SA1019 as before
	h.ModifiedTime = uint16(made.Hour()<<11 | made.Minute()<<5 | made.Second()/2)
	return &Writer{zip.NewWriter(w), h, make(map[string]bool), 0}
}

// Add writes a proof file. The name is a path with slashes that leads nowhere but
// down.
func (w *Writer) Add(name string, proofFile []byte) error {
	if err := checkName(name); err != nil {
		return err
	}
	switch {
	case w.names[name]:
		return fmt.Errorf("%q would be in the archive twice", name)
	case len(w.names) == MaxEntries:
		return errTooMany
	case w.list+entryBytes+len(name) > maxDirectory-1<<20: // other bytes that a reader reads
		return errDirectory
	case len(proofFile) > proof.MaxSize:
		return fmt.Errorf("%q has %d bytes, more than a proof can have", name, len(proofFile))
	}
	w.names[name] = true
	w.list += entryBytes + len(name)
	// The sizes are known, so they stand before the proof and not behind it.
	h := w.head
	h.Name, h.CRC32 = name, crc32.ChecksumIEEE(proofFile)
	h.CompressedSize64, h.UncompressedSize64 = uint64(len(proofFile)), uint64(len(proofFile))
	f, err := w.z.CreateRaw(&h)
	if err != nil {
		return err
	}
	_, err = f.Write(proofFile)
	return err
}

// Close writes the directory. It does not close the underlying writer.
func (w *Writer) Close() error { return w.z.Close() }

var errTooMany = fmt.Errorf("more than %d files, which is more than an archive of proofs may have", MaxEntries)

// CheckNames returns an error where no archive can have files with these names.
func CheckNames(names []string) error {
	if len(names) > MaxEntries {
		return errTooMany
	}
	list := 0
	for _, name := range names {
		if err := checkName(name); err != nil {
			return err
		}
		if list += entryBytes + len(name); list > maxDirectory-1<<20 {
			return errDirectory
		}
	}
	return nil
}

// checkName refuses what would lead out of a folder where somebody unpacks it, or
// to another place on another system.
func checkName(name string) error {
	switch {
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return fmt.Errorf("%.100q is not a name that an archive of proofs may have: it is no plain text", name)
	case len(name) > maxName:
		return fmt.Errorf("%.100q… is not a name that an archive of proofs may have: it has %d bytes", name, len(name))
	case !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, `\:`):
		return fmt.Errorf("%.100q is not a name that an archive of proofs may have: it must lead down from a folder", name)
	}
	return nil
}

// Reader reads an archive. It may be used by several goroutines at once where the
// underlying file may be.
type Reader struct{ files []*zip.File }

// NewReader reads the directory of an archive of size bytes, and refuses it as a
// whole where it is not as an archive of proofs is. Files whose names do not end in
// .json are passed over. It takes some 500 bytes of memory for each file.
func NewReader(r io.ReaderAt, size int64) (*Reader, error) {
	return newReader(r, size, MaxEntries, maxDirectory)
}

// newReader is NewReader with its limits, which tests make small: an archive at those
// above takes gigabytes.
func newReader(r io.ReaderAt, size int64, most int, directory int64) (*Reader, error) {
	within := &limited{r: r, left: directory}
	z, err := zip.NewReader(within, size)
	switch {
	case errors.Is(err, errDirectory):
		return nil, errDirectory
	case err != nil && !errors.Is(err, zip.ErrInsecurePath): // names are looked at below
		return nil, fmt.Errorf("is not a ZIP archive that can be read: %w", err)
	case len(z.File) > most:
		return nil, errTooMany
	}
	within.open = true
	a := new(Reader)
	names := make(map[string]bool, len(z.File))
	total := uint64(0)
	for _, f := range z.File {
		if err := checkEntry(f); err != nil {
			return nil, err
		}
		if names[f.Name] {
			return nil, fmt.Errorf("%.100q is in the archive twice", f.Name)
		}
		names[f.Name] = true
		if !strings.EqualFold(path.Ext(f.Name), ".json") {
			continue
		}
		if err := checkProof(f); err != nil {
			return nil, err
		}
		total += f.UncompressedSize64
		a.files = append(a.files, f)
	}
	if total > usualSize && total/maxRatio > uint64(size) {
		return nil, fmt.Errorf("its files would unpack to %d bytes, more than %d times its own size", total, maxRatio)
	}
	return a, nil
}

// checkEntry looks at the name of a file, or of a folder, which ends in a slash.
func checkEntry(f *zip.File) error {
	name, isFolder := strings.CutSuffix(f.Name, "/")
	if err := checkName(name); err != nil {
		return err
	}
	if isFolder && f.UncompressedSize64 > 0 {
		return fmt.Errorf("%.100q is a folder with %d bytes", f.Name, f.UncompressedSize64)
	}
	return nil
}

func checkProof(f *zip.File) error {
	switch {
	case f.UncompressedSize64 > proof.MaxSize || f.CompressedSize64 > 2*proof.MaxSize:
		return fmt.Errorf("%.100q has %d bytes, more than a proof can have", f.Name, max(f.UncompressedSize64, f.CompressedSize64))
	case f.Flags&1 != 0:
		return fmt.Errorf("%.100q is encrypted", f.Name)
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return fmt.Errorf("%.100q is compressed in a way that is not read here (method %d)", f.Name, f.Method)
	case !f.Mode().IsRegular():
		return fmt.Errorf("%.100q is no file, but a %s", f.Name, f.Mode())
	}
	return nil
}

// Len is how many files there are that may be proofs by their names.
func (a *Reader) Len() int { return len(a.files) }

// Name returns the name of file i, from 0.
func (a *Reader) Name(i int) string { return a.files[i].Name }

// Sum returns the checksum of file i that the directory gives (CRC-32). Read holds
// the file to it. It tells files apart, and protects from nobody.
func (a *Reader) Sum(i int) uint32 { return a.files[i].CRC32 }

// Read returns file i.
func (a *Reader) Read(i int) ([]byte, error) {
	f := a.files[i]
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%.100q: %w", f.Name, err)
	}
	defer r.Close()
	var b bytes.Buffer
	b.Grow(int(f.UncompressedSize64) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(r, proof.MaxSize+1)); err != nil {
		return nil, fmt.Errorf("%.100q: %w", f.Name, err)
	}
	return b.Bytes(), nil
}

var errDirectory = fmt.Errorf("its list of files has more than %d MB", maxDirectory>>20)

// limited lets no more be read than a directory may have, until it is open.
type limited struct {
	r    io.ReaderAt
	left int64
	open bool
}

func (l *limited) ReadAt(b []byte, at int64) (int, error) {
	if !l.open {
		if l.left -= int64(len(b)); l.left < 0 {
			return 0, errDirectory
		}
	}
	return l.r.ReadAt(b, at)
}

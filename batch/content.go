package batch

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"gradseal/internal/regular"
	"gradseal/proof"
)

// headerWindow is how many bytes at the start of a file may stand before
// "%PDF-": readers accept that much (ISO 32000-1, annex H, implementation
// note 13).
const headerWindow = 1024

// Content reads documents one after the other, from wherever they are. It is not for
// several goroutines at once.
type Content struct {
	buf      []byte
	features *featureScan
}

// NewContent returns one with buffers of its own.
func NewContent() *Content {
	return &Content{make([]byte, 256<<10), new(featureScan)}
}

// Read hashes the document of size bytes that r gives, and returns what else is to
// be said of it. What is no document that can be anchored is an error, as in a
// folder. at is read where the end of the document has to be looked at.
func (c *Content) Read(ctx context.Context, r io.Reader, at io.ReaderAt, size int64) (digest [32]byte, warnings []string, err error) {
	return c.read(ctx, r, at, size, false)
}

// read is Read. With lengths, the document is read once more where those of its
// streams mislead (featureScan): not for one that comes from far away.
func (c *Content) read(ctx context.Context, r io.Reader, at io.ReaderAt, size int64, lengths bool) (digest [32]byte, warnings []string, err error) {
	if size == 0 {
		return digest, nil, errors.New("has zero bytes")
	}
	h := sha256.New()
	window, marker := &prefix{}, &proof.MarkerFinder{}
	c.features.reset()
	c.features.lengths = lengths
	n, err := io.CopyBuffer(io.MultiWriter(h, window, marker, c.features), onlyReader{ctx, r}, c.buf)
	if err != nil {
		return digest, nil, err
	}
	if n != size {
		return digest, nil, fmt.Errorf("%w: %d bytes came, want %d", errChanged, n, size)
	}
	if !bytes.Contains(window.data, []byte("%PDF-")) {
		return digest, nil, errors.New("is not a PDF (no %PDF- at its beginning)")
	}
	if marker.Found {
		switch _, _, err := proof.SplitTrailer(at, n); {
		case err == nil, errors.Is(err, proof.ErrTrailer):
			return digest, nil, errors.New("already carries a gradseal proof at its end: anchor the original")
		case !errors.Is(err, proof.ErrNoTrailer):
			return digest, nil, err
		}
	}
	warnings = c.features.warnings()
	if c.features.misled {
		c.features.reset()
		if _, err := io.CopyBuffer(c.features, onlyReader{ctx, io.NewSectionReader(at, 0, n)}, c.buf); err != nil {
			return digest, nil, err
		}
		warnings = c.features.warnings()
	}
	return [32]byte(h.Sum(nil)), warnings, nil
}

// ReadFile reads the document at path. One that changes while it is read is an error:
// what it held is not what it holds.
func (c *Content) ReadFile(ctx context.Context, path string) (File, []string, error) {
	f, err := regular.Open(path)
	if err != nil {
		return File{}, nil, err
	}
	defer f.Close()
	before := f.State()
	digest, warnings, err := c.read(ctx, f, f, before.Size, true)
	after, statErr := regular.Stat(path) // by its name: another file may have taken its place
	switch {
	case statErr == nil && !after.Same(before):
		return File{}, nil, errChanged
	case cmp.Or(err, statErr) != nil:
		return File{}, nil, cmp.Or(err, statErr)
	}
	return File{Path: path, Row: -1, Size: before.Size, ModTime: before.ModTime, Digest: digest}, warnings, nil
}

var errChanged = errors.New("changed while it was read")

// onlyReader hides a WriteTo, which os.File has, so that io.CopyBuffer uses the buffer, and
// ends where ctx does: one file may take minutes.
type onlyReader struct {
	ctx context.Context
	io.Reader
}

func (r onlyReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// prefix keeps the first headerWindow bytes of what is written to it.
type prefix struct{ data []byte }

func (p *prefix) Write(b []byte) (int, error) {
	if room := headerWindow - len(p.data); room > 0 {
		p.data = append(p.data, b[:min(room, len(b))]...)
	}
	return len(b), nil
}

// FaultOf is the text of an error about a document, without its path.
func FaultOf(err error) string { return faultOf(err) }

// Found are the documents that Find found, by path, what it refuses, and how many
// other files it passed over.
type Found struct {
	Paths     []string
	Refusals  []Finding
	Ignored   int
	Elsewhere int // documents and refusals that are not of this part
}

// Find lists the documents in files and folders as Read does, and reads none. Of all
// files only those are kept for whose absolute paths mine is true: what a worker of
// many takes. A folder that cannot be read is refused in every part.
func Find(paths []string, mine func(path string) bool) (*Found, error) {
	c := &collection{mine: mine}
	if err := c.collect(paths); err != nil {
		return nil, err
	}
	f := &Found{Refusals: c.refusals, Ignored: len(c.others), Elsewhere: c.elsewhere, Paths: make([]string, 0, len(c.files))}
	for _, d := range c.files {
		f.Paths = append(f.Paths, d.path)
	}
	return f, nil
}

// Each calls work for 0 … n-1 on so many goroutines until one fails or ctx ends.
// worker is called once on each of them, for its buffers.
func Each(ctx context.Context, n, goroutines int, worker func() func(i int) error) error {
	return eachOn(ctx, n, goroutines, worker)
}

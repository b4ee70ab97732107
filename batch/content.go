package batch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"gradseal/proof"
)

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
	if size == 0 {
		return digest, nil, errors.New("has zero bytes")
	}
	h := sha256.New()
	window, marker := &prefix{}, &proof.MarkerFinder{}
	c.features.reset()
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
		if _, _, err := proof.SplitTrailer(at, n); !errors.Is(err, proof.ErrNoTrailer) {
			return digest, nil, errors.New("already carries a gradseal proof at its end: anchor the original")
		}
	}
	return [32]byte(h.Sum(nil)), c.features.warnings(), nil
}

// ReadFile reads the document at path. One that changes while it is read is an error.
func (c *Content) ReadFile(ctx context.Context, path string) (File, []string, error) {
	return readFile(ctx, path, c.buf, c.features)
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

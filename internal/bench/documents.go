package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// seed makes the documents the same in every run of the benchmark.
const seed = "gradseal"

// writeDocuments makes n PDFs of size bytes each in dir, and returns their
// paths. No two have the same content.
func writeDocuments(ctx context.Context, dir string, n int, size int64) ([]string, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	paths := make([]string, n)
	_, err := each(ctx, n, func() func(i int) error {
		return func(i int) error {
			paths[i] = filepath.Join(dir, fmt.Sprintf("transcript-%06d.pdf", i))
			return writeDocument(paths[i], uint64(i), size)
		}
	})
	return paths, err
}

func writeDocument(path string, number uint64, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, int(min(size, 256<<10)))
	if err := writePDF(w, number, size); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// minPDF is the size in bytes of the smallest document that writePDF makes.
const minPDF = 1200

// writePDF writes a PDF of exactly size bytes: one page with a line of text,
// and on it a grey picture of random dots, which nothing can compress. number
// chooses the dots.
func writePDF(w io.Writer, number uint64, size int64) error {
	if size < minPDF || size >= 1e10 { // an offset in a PDF has ten digits
		return fmt.Errorf("a document of %d bytes, want %d or more", size, minPDF)
	}
	pixels := size - minPDF
	for {
		p := newPDF(number, pixels)
		fill := size - p.size()
		if fill >= 0 {
			return p.writeTo(w, fill)
		}
		pixels += fill // numbers in the document have more digits than in the smallest
	}
}

// pdf is a document in three parts: what stands before the picture's dots, the
// dots, and what stands behind them.
type pdf struct {
	number       uint64
	side, pixels int64 // width of the picture; width times height
	before       []byte
	offsets      []int64 // of the objects
}

func newPDF(number uint64, pixels int64) *pdf {
	side := max(1, int64(math.Sqrt(float64(pixels))))
	height := max(1, pixels/side)
	p := &pdf{number: number, side: side, pixels: side * height}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	page := fmt.Sprintf("BT /F1 18 Tf 60 760 Td (Transcript %d) Tj ET\nq 480 0 0 600 60 120 cm /Im1 Do Q", number)
	for i, object := range []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R\n   /Resources << /Font << /F1 5 0 R >> /XObject << /Im1 6 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(page), page),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
		fmt.Sprintf("<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray\n   /BitsPerComponent 8 /Length %d >>\nstream\n", side, height, p.pixels),
	} {
		p.offsets = append(p.offsets, int64(b.Len()))
		fmt.Fprintf(&b, "%d 0 obj\n%s", i+1, object)
		if !strings.HasSuffix(object, "stream\n") {
			b.WriteString("\nendobj\n")
		}
	}
	p.before = b.Bytes()
	return p
}

// after is what follows the dots. fill makes it longer by as many bytes: a
// comment, and at a place where it moves nothing that has an offset.
func (p *pdf) after(fill int64) string {
	var b strings.Builder
	b.WriteString("\nendstream\nendobj\n")
	xref := int64(len(p.before)) + p.pixels + int64(b.Len())
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(p.offsets)+1)
	for _, at := range p.offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>", len(p.offsets)+1)
	if fill > 0 {
		b.WriteString("%" + strings.Repeat(" ", int(fill-1)))
	}
	fmt.Fprintf(&b, "\nstartxref\n%d\n%%%%EOF\n", xref)
	return b.String()
}

func (p *pdf) size() int64 {
	return int64(len(p.before)) + p.pixels + int64(len(p.after(0)))
}

func (p *pdf) writeTo(w io.Writer, fill int64) error {
	if _, err := w.Write(p.before); err != nil {
		return err
	}
	if _, err := io.CopyN(w, dots(p.number), p.pixels); err != nil {
		return err
	}
	_, err := io.WriteString(w, p.after(fill))
	return err
}

// dots are the random bytes of one document.
func dots(number uint64) io.Reader {
	var key [32]byte
	copy(key[:], seed)
	binary.LittleEndian.PutUint64(key[24:], number)
	return rand.NewChaCha8(key)
}

// linkDocuments makes dir a folder of the same documents by hard links: they
// are in the page cache already, and no proof lies beside them.
func linkDocuments(ctx context.Context, dir string, paths []string) error {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err
	}
	linked := linkedIn(dir, paths)
	_, err := each(ctx, len(paths), func() func(i int) error {
		return func(i int) error { return os.Link(paths[i], linked[i]) }
	})
	return err
}

// linkedIn returns where linkDocuments put the documents.
func linkedIn(dir string, paths []string) []string {
	linked := make([]string, len(paths))
	for i, path := range paths {
		linked[i] = filepath.Join(dir, filepath.Base(path))
	}
	return linked
}

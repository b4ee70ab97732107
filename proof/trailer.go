package proof

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync"
)

// The trailer that carries a proof at the end of a PDF. It is a grammar over
// bytes: no part of the PDF is interpreted (docs/format.md, "Inside the PDF").
const (
	trailerMarker = "\n%gradseal-proof-1\n"
	trailerEnd    = "\n%%EOF\n"
	trailerLine   = 76 // base64 characters on each line but the last

	// maxTrailer is the longest trailer in bytes: marker, the proof in base64
	// with "%" and "\n" on each line, and the repeated startxref.
	maxTrailer = len(trailerMarker) + (MaxSize+2)/3*4 + 2*((MaxSize+2)/3*4/trailerLine+1) +
		len("startxref\n") + 10 + len(trailerEnd)
	// maxOriginalEnd is the longest "startxref EOL N EOL %%EOF EOL".
	maxOriginalEnd = len("startxref\r\n") + 10 + len("\r\n%%EOF\r\n")
)

// Compiled when they are needed first: most documents have their proof beside
// them, and to compile these is a tenth of the time that one verification takes.
var (
	originalEnd = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`startxref(?:\r\n|\r|\n)(0|[1-9][0-9]{0,9})(?:\r\n|\r|\n)%%EOF(?:\r\n|\r|\n)?$`)
	})
	trailerLines = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^((?:%[A-Za-z0-9+/=]{1,76}\n)+)startxref\n(0|[1-9][0-9]{0,9})\n%%EOF\n$`)
	})
)

var (
	// ErrNoTrailer says that a file carries no proof.
	ErrNoTrailer = errors.New("the file carries no proof")
	// ErrTrailer says that a file holds the marker of a proof, and is not
	// exactly original and trailer.
	ErrTrailer = errors.New("malformed proof trailer")
)

// SplitTrailer finds the proof inside a file of the given size. It returns the
// length in bytes of the original document, which is the file's beginning, and
// the proof file. A file without a trailer is ErrNoTrailer; one that holds the
// marker but is not exactly original and trailer is ErrTrailer: then
// something was added or changed after the proof was put in, and no part of
// the file may be taken for the document.
func SplitTrailer(file io.ReaderAt, size int64) (original int64, proof []byte, err error) {
	tail, err := readTail(file, size)
	if err != nil {
		return 0, nil, err
	}
	if !bytes.HasSuffix(tail, []byte(trailerEnd)) {
		return 0, nil, ErrNoTrailer
	}
	at := bytes.LastIndex(tail, []byte(trailerMarker))
	if at < 0 {
		return 0, nil, noTrailerUnlessMarked(file, size)
	}
	proof, n, err := parseTrailer(tail[at+len(trailerMarker):])
	if err != nil {
		return 0, nil, err
	}
	end := originalEnd().FindSubmatch(tail[:at])
	if end == nil {
		return 0, nil, fmt.Errorf("%w: the document before it does not end in startxref and %%%%EOF", ErrTrailer)
	}
	if !bytes.Equal(end[1], n) {
		return 0, nil, fmt.Errorf("%w: startxref %s, the document before it has %s", ErrTrailer, n, end[1])
	}
	return size - int64(len(tail)) + int64(at), proof, nil
}

// MarkerFinder looks for the marker of a trailer in what is written to it. A
// file without one carries no proof, so that who reads a file anyway need not
// have SplitTrailer read it again.
type MarkerFinder struct {
	Found bool
	last  []byte // the bytes at the end that may begin a marker
}

// Write never fails.
func (m *MarkerFinder) Write(b []byte) (int, error) {
	if m.Found {
		return len(b), nil
	}
	const overlap = len(trailerMarker) - 1
	seam := append(m.last, b[:min(overlap, len(b))]...)
	m.Found = bytes.Contains(seam, []byte(trailerMarker)) || bytes.Contains(b, []byte(trailerMarker))
	if len(b) >= overlap {
		seam = b
	}
	m.last = append(m.last[:0:0], seam[max(0, len(seam)-overlap):]...)
	return len(b), nil
}

func readTail(file io.ReaderAt, size int64) ([]byte, error) {
	n := min(size, int64(maxTrailer+maxOriginalEnd))
	tail := make([]byte, n)
	if _, err := io.ReadFull(io.NewSectionReader(file, size-n, n), tail); err != nil {
		return nil, err
	}
	return tail, nil
}

// parseTrailer reads what follows the marker: the proof's lines and the
// repeated startxref, whose digits it returns.
func parseTrailer(b []byte) (proof, startxref []byte, err error) {
	m := trailerLines().FindSubmatch(b)
	if m == nil {
		return nil, nil, fmt.Errorf("%w: something follows or interrupts the proof", ErrTrailer)
	}
	lines := bytes.Split(bytes.TrimSuffix(m[1], []byte("\n")), []byte("\n"))
	var encoded []byte
	for i, line := range lines {
		if i < len(lines)-1 && len(line) != 1+trailerLine {
			return nil, nil, fmt.Errorf("%w: line %d has %d characters, want %d", ErrTrailer, i+1, len(line)-1, trailerLine)
		}
		encoded = append(encoded, line[1:]...)
	}
	proof, err = base64.StdEncoding.Strict().DecodeString(string(encoded))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrTrailer, err)
	}
	if len(proof) > MaxSize {
		return nil, nil, fmt.Errorf("%w: the proof has %d bytes, more than %d", ErrTrailer, len(proof), MaxSize)
	}
	return proof, m[2], nil
}

// noTrailerUnlessMarked looks for the marker in the whole file. One that stands
// further from the end than any trailer reaches means that something was
// appended to a file that carried a proof.
func noTrailerUnlessMarked(file io.ReaderAt, size int64) error {
	const chunk = 256 << 10
	buf := make([]byte, min(chunk+int64(len(trailerMarker))-1, size))
	for off := int64(0); off < size; off += chunk {
		n, err := file.ReadAt(buf[:min(int64(len(buf)), size-off)], off)
		if err != nil && err != io.EOF {
			return err
		}
		if i := bytes.Index(buf[:n], []byte(trailerMarker)); i >= 0 {
			return fmt.Errorf("%w: content was added after the proof that begins at byte %d", ErrTrailer, off+int64(i))
		}
	}
	return ErrNoTrailer
}

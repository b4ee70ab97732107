package proof

import (
	"bytes"
	"crypto/sha256"
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
	trailerName = "%gradseal-proof-1"
	trailerEnd  = "\n%%EOF\n"
	trailerLine = 76 // base64 characters on each line but the last

	// markerSize is the marker with the line ends on both sides, in bytes.
	markerSize = 1 + len(trailerName) + 1
	// maxTrailer is the longest trailer in bytes: marker, the proof in base64
	// with "%" and "\n" on each line, and the repeated startxref.
	maxTrailer = markerSize + (MaxSize+2)/3*4 + 2*((MaxSize+2)/3*4/trailerLine+1) +
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
	// trailerLines matches what follows the marker, and perhaps more.
	trailerLines = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^((?:%[A-Za-z0-9+/=]{1,76}\n)+)startxref\n(0|[1-9][0-9]{0,9})\n%%EOF\n`)
	})
	// trailerCut matches what is left of that where the file is cut off in it.
	trailerCut = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?:%[A-Za-z0-9+/=]{1,76}\n)*(?:%[A-Za-z0-9+/=]{0,76}|s|st|sta|star|start|startx|startxr|startxre|` +
			`startxref(?:\n(?:[0-9]{1,10}(?:\n(?:%(?:%(?:E(?:OF?)?)?)?)?)?)?)?)?$`)
	})
)

var (
	// ErrNoTrailer says that a file carries no proof.
	ErrNoTrailer = errors.New("the file carries no proof")
	// ErrTrailer says that a file holds the marker of a proof, and is not
	// exactly original and trailer. Such an error is a *TrailerError.
	ErrTrailer = errors.New("malformed proof trailer")
)

// TrailerError says how a file that holds the marker of a proof is not exactly
// original and trailer. It is an ErrTrailer.
type TrailerError struct {
	// Marker is how many bytes stand before the marker. They were the document, if
	// nothing was put among them.
	Marker int64
	// Claimed is the digest of the document that the proof after the marker says
	// it is for; nil where no proof can be read there. It helps to explain what
	// was done to the file, and is no reason to take a part of it for the document.
	Claimed *[sha256.Size]byte
	// Fault names the kind of fault.
	Fault TrailerFault

	fault string
}

// TrailerFault names a kind of fault, for callers that give advice.
type TrailerFault string

// The faults. The empty one is another than these.
const (
	AddedAfterIssue TrailerFault = "added"       // what stands before the marker has the digest claimed
	AddedAfterProof TrailerFault = "added-proof" // of what stands there nothing is known
	AddedBetween    TrailerFault = "between"     // or cut out, between the document and its proof
	OtherStart      TrailerFault = "startxref"   // it leads to another version of the document
	LineEndsChanged TrailerFault = "line-ends"
	CutOff          TrailerFault = "cut-off"
)

// Error says it in words for people.
func (e *TrailerError) Error() string { return e.fault }

// Is reports whether the target is ErrTrailer.
func (e *TrailerError) Is(target error) bool { return target == ErrTrailer }

// SplitTrailer finds the proof inside a file of the given size. It returns the
// length in bytes of the original document, which is the file's beginning, and
// the proof file. A file without the marker of a trailer is ErrNoTrailer; one that
// holds it but is not exactly original and trailer is ErrTrailer: then
// something was added or changed after the proof was put in, and no part of
// the file may be taken for the document.
func SplitTrailer(file io.ReaderAt, size int64) (original int64, proof []byte, err error) {
	tail, err := readTail(file, size)
	if err != nil {
		return 0, nil, err
	}
	start := size - int64(len(tail))
	at := lastMarker(tail)
	if at < 0 {
		return 0, nil, noTrailerUnlessMarked(file, size)
	}
	proof, n, err := parseTrailer(tail[at:])
	if err != nil {
		return 0, nil, explain(file, size, start+int64(at), tail[at:], err)
	}
	fault := func(f TrailerFault, format string, args ...any) error {
		return &TrailerError{Marker: start + int64(at), Claimed: claimed(proof), Fault: f, fault: fmt.Sprintf(format, args...)}
	}
	end := originalEnd().FindSubmatch(tail[:at])
	if end == nil {
		return 0, nil, fault(AddedBetween, "what stands before the proof does not end in startxref, a number and %%%%EOF: something was added between the document and its proof, which begins at byte %d, or was cut out there", start+int64(at))
	}
	if !bytes.Equal(end[1], n) {
		return 0, nil, fault(OtherStart, "the startxref after the proof is %s, and that of the document before it %s: a viewer may show an older or another version of the document", n, end[1])
	}
	return start + int64(at), proof, nil
}

// Trailer returns what has to be appended to a document of the given size for it
// to carry the proof file, at most 89,730 bytes. It is an error where the
// document has a proof already, or its end is not as the grammar needs it; the
// proof file itself is not looked at, but for its size.
func Trailer(doc io.ReaderAt, size int64, proofFile []byte) ([]byte, error) {
	if len(proofFile) == 0 || len(proofFile) > MaxSize {
		return nil, fmt.Errorf("the proof has %d bytes, want 1 to %d", len(proofFile), MaxSize)
	}
	switch _, _, err := SplitTrailer(doc, size); {
	case err == nil:
		return nil, ErrHasTrailer
	case !errors.Is(err, ErrNoTrailer):
		return nil, err
	}
	n, err := startXref(doc, size)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("\n" + trailerName + "\n")
	for text := base64.StdEncoding.EncodeToString(proofFile); text != ""; {
		line := text[:min(trailerLine, len(text))]
		b.WriteString("%" + line + "\n")
		text = text[len(line):]
	}
	fmt.Fprintf(&b, "startxref\n%s%s", n, trailerEnd)
	return b.Bytes(), nil
}

// ErrHasTrailer says that a document carries a proof already.
var ErrHasTrailer = errors.New("the document carries a proof already")

// EndError says that the end of a document is not one that a proof can follow.
type EndError struct{ fault string }

// Error says what is there.
func (e *EndError) Error() string { return e.fault }

// startXref returns the digits between the document's last startxref and %%EOF.
func startXref(doc io.ReaderAt, size int64) ([]byte, error) {
	tail, err := readTail(doc, size)
	if err != nil {
		return nil, err
	}
	if m := originalEnd().FindSubmatch(tail); m != nil {
		return m[1], nil
	}
	const last = "%%EOF"
	at := bytes.LastIndex(tail, []byte(last))
	if at < 0 {
		return nil, &EndError{"the document does not end in %%EOF: it may be cut off, or be no PDF"}
	}
	switch more := tail[at+len(last):]; string(more) {
	case "", "\n", "\r", "\r\n":
		return nil, &EndError{"the last lines of the document are not startxref, a number and %%EOF"}
	default:
		return nil, &EndError{fmt.Sprintf("the document goes on after its last %%%%EOF, which ends at byte %d of %d; nothing may stand there but one line end", size-int64(len(more)), size)}
	}
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
	const overlap = markerSize - 1
	seam := append(m.last, b[:min(overlap, len(b))]...)
	m.Found = firstMarker(seam) >= 0 || firstMarker(b) >= 0
	if len(b) >= overlap {
		seam = b
	}
	m.last = append(m.last[:0:0], seam[max(0, len(seam)-overlap):]...)
	return len(b), nil
}

// firstMarker returns where the first marker in b begins, with the line end
// before it; -1 where there is none.
func firstMarker(b []byte) int {
	for from := 0; ; {
		i := bytes.Index(b[from:], []byte(trailerName))
		if i < 0 {
			return -1
		}
		if isMarker(b, from+i) {
			return from + i - 1
		}
		from += i + 1
	}
}

// lastMarker is firstMarker from the end.
func lastMarker(b []byte) int {
	for end := len(b); ; {
		i := bytes.LastIndex(b[:end], []byte(trailerName))
		if i < 0 {
			return -1
		}
		if isMarker(b, i) {
			return i - 1
		}
		end = i + len(trailerName) - 1
	}
}

// isMarker reports whether the name at b[i:] stands on a line of its own,
// whatever the line ends are: those of a file that was changed count, too.
func isMarker(b []byte, i int) bool {
	after := i + len(trailerName)
	return i > 0 && after < len(b) && isEOL(b[i-1]) && isEOL(b[after])
}

func isEOL(c byte) bool { return c == '\n' || c == '\r' }

func readTail(file io.ReaderAt, size int64) ([]byte, error) {
	n := min(size, int64(maxTrailer+maxOriginalEnd))
	tail := make([]byte, n)
	if _, err := io.ReadFull(io.NewSectionReader(file, size-n, n), tail); err != nil {
		return nil, err
	}
	return tail, nil
}

// errForm says that what begins with a marker is not of the form of a trailer.
var errForm = errors.New("something interrupts the lines of the proof")

// parseTrailer reads a trailer, which is all of b: the marker, the proof's lines
// and the repeated startxref, whose digits it returns.
func parseTrailer(b []byte) (proof, startxref []byte, err error) {
	m := trailerLines().FindSubmatch(b[markerSize:])
	if m == nil || len(m[0]) != len(b)-markerSize || b[0] != '\n' || b[markerSize-1] != '\n' {
		return nil, nil, errForm
	}
	proof, err = parseLines(m[1])
	return proof, m[2], err
}

// parseLines returns the proof file that the lines are base64 of.
func parseLines(b []byte) ([]byte, error) {
	lines := bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
	var encoded []byte
	for i, line := range lines {
		if i < len(lines)-1 && len(line) != 1+trailerLine {
			return nil, fmt.Errorf("line %d of the proof has %d characters, want %d", i+1, len(line)-1, trailerLine)
		}
		encoded = append(encoded, line[1:]...)
	}
	proof, err := base64.StdEncoding.Strict().DecodeString(string(encoded))
	if err != nil {
		return nil, fmt.Errorf("the lines of the proof: %w", err)
	}
	if len(proof) > MaxSize {
		return nil, fmt.Errorf("the proof has %d bytes, more than %d", len(proof), MaxSize)
	}
	return proof, nil
}

// claimed is the digest of the document that a proof file is for, nil where it
// is none.
func claimed(proofFile []byte) *[sha256.Size]byte {
	p, err := Parse(proofFile)
	if err != nil {
		return nil
	}
	return &p.Digest
}

// explain says why what begins with a marker, at the byte given, is no trailer:
// why is what the parser said of it. What it finds out by reading more of the
// file is for people, and changes nothing about the file being refused.
func explain(file io.ReaderAt, size, marker int64, b []byte, why error) error {
	e := &TrailerError{Marker: marker, fault: why.Error()}
	if b[0] != '\n' || b[markerSize-1] != '\n' {
		e.Fault = LineEndsChanged
		e.fault = fmt.Sprintf("the line ends at the proof were changed, as mail and FTP programs do to text; it begins at byte %d", marker)
		return e
	}
	rest := b[markerSize:]
	m := trailerLines().FindSubmatch(rest)
	isEnd := marker+int64(len(b)) == size
	switch {
	case !errors.Is(why, errForm):
	case m != nil:
		return e.added(file, size, marker+int64(markerSize+len(m[0])), m[1])
	case isEnd && trailerCut().Match(rest):
		e.Fault = CutOff
		e.fault = fmt.Sprintf("the file is cut off within the proof that begins at byte %d", marker)
	default:
		e.fault = fmt.Sprintf("something interrupts the lines of the proof that begins at byte %d", marker)
	}
	return e
}

// added says that something follows a trailer, which ends at the byte given. It
// names the end of the document where the digest in the proof shows that it is
// there. Whoever wrote what follows decides what such a file shows.
func (e *TrailerError) added(file io.ReaderAt, size, end int64, lines []byte) error {
	e.Fault = AddedAfterProof
	e.fault = fmt.Sprintf("content was added after the proof, which ends at byte %d of %d", end, size)
	proofFile, err := parseLines(lines)
	if err != nil {
		return e
	}
	e.Claimed = claimed(proofFile)
	if e.Claimed == nil {
		return e
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(file, 0, e.Marker)); err != nil {
		return err
	}
	if [sha256.Size]byte(h.Sum(nil)) == *e.Claimed {
		e.Fault = AddedAfterIssue
		e.fault = fmt.Sprintf("content was added after issue; the issued document ends at byte %d, its proof at byte %d, the file at byte %d", e.Marker, end, size)
	}
	return e
}

// noTrailerUnlessMarked looks for the marker in the whole file. One that stands
// further from the end than any trailer reaches means that something was
// appended to a file that carried a proof.
func noTrailerUnlessMarked(file io.ReaderAt, size int64) error {
	const chunk = 256 << 10
	buf := make([]byte, min(int64(chunk+markerSize-1), size))
	for off := int64(0); off < size; off += chunk {
		n, err := file.ReadAt(buf[:min(int64(len(buf)), size-off)], off)
		if err != nil && err != io.EOF {
			return err
		}
		if i := firstMarker(buf[:n]); i >= 0 {
			return explainFar(file, size, off+int64(i))
		}
	}
	return ErrNoTrailer
}

// explainFar is explain for a marker that is too far from the end of the file for
// its trailer to end there.
func explainFar(file io.ReaderAt, size, marker int64) error {
	b := make([]byte, min(size-marker, int64(maxTrailer)))
	if _, err := io.ReadFull(io.NewSectionReader(file, marker, int64(len(b))), b); err != nil {
		return err
	}
	return explain(file, size, marker, b, errForm)
}

// SignatureFinder looks for a digital signature of the PDF's own in what is
// written to it. A trailer leaves such a signature valid, but viewers say that it
// does not cover the whole file.
//
// It looks for /ByteRange and the array that has to follow it: a signature covers
// bytes of the file, so its dictionary cannot be compressed (ISO 32000-1,
// 12.8.1). It is no PDF parser; a text that looks like one is taken for one.
type SignatureFinder struct {
	Found bool
	last  []byte // the bytes at the end that may begin one
}

// signatureName is the key that every signature has.
const signatureName = "/ByteRange"

// maxSignatureGap is how much white space may stand before the array, in bytes.
const maxSignatureGap = 32

// Write never fails.
func (s *SignatureFinder) Write(b []byte) (int, error) {
	if s.Found {
		return len(b), nil
	}
	const overlap = len(signatureName) + maxSignatureGap
	seam := append(s.last, b[:min(overlap, len(b))]...)
	s.Found = hasSignature(seam) || hasSignature(b)
	if len(b) >= overlap {
		seam = b
	}
	s.last = append(s.last[:0:0], seam[max(0, len(seam)-overlap):]...)
	return len(b), nil
}

func hasSignature(b []byte) bool {
	for {
		_, after, found := bytes.Cut(b, []byte(signatureName))
		if !found {
			return false
		}
		gap := bytes.TrimLeft(after, " \t\r\n\f\x00")
		if len(gap) > 0 && gap[0] == '[' && len(after)-len(gap) <= maxSignatureGap {
			return true
		}
		b = after
	}
}

// Package leaves is what machines that share the work of one batch hand to each
// other: the shard file, which a worker makes of the documents that it has, and the
// answer, with which the worker makes the proofs once the batch is in a block.
//
// A shard file is text, as the plan of a batch is:
//
//	gradseal leaves v1
//	name june-07
//	source "/data/transcripts"
//	part 7 of 50
//	created 2026-11-22T09:00:00Z
//
//	DIGEST SALT SIZE "relative/path.pdf"
//	…
//	end COUNT SHA256
//
// The rows are in the order of the bytes of their paths, no two with the same. The
// last line has their number and the SHA-256 of everything before it: a file
// without it was not finished. It keeps accidents away, not forgers: whoever can
// write to a shard file decides what is issued.
//
// A shard file holds the salts: who has it can confirm who is in the batch, so it is
// readable by its owner only. An answer (see Answer) holds nothing but what proofs
// hold, of other documents only hashes.
//
// The package opens no socket and knows nothing of where documents are.
package leaves

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"gradseal/internal/regular"
)

const (
	// Suffix ends the name of a shard file, AnswerSuffix that of its answer.
	Suffix       = ".leaves"
	AnswerSuffix = ".anchored"

	title = "gradseal leaves v1"

	// MaxRows is how many documents there can be: a tree has no more leaves.
	MaxRows = math.MaxUint32
	maxPath = 4096 // bytes of a path, and of a source
	// MaxSize is how many bytes a document can have.
	MaxSize = 1 << 40
	// maxLine is the longest row: of a path, every byte may be written as four.
	maxLine = 2*64 + 20 + 4*maxPath + 8
)

// Head is what is said once about all documents of a shard.
type Head struct {
	Name    string // tells the shards of a batch apart, see ValidName
	Source  string // where the documents are: an absolute path, or s3://bucket/prefix
	Part    int    // from 0: which of …
	Of      int    // … so many parts of what is there the shard is
	Created time.Time
}

var validName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
})

// ValidName refuses what is no name of a shard.
func ValidName(name string) error {
	if !validName().MatchString(name) {
		return fmt.Errorf("shard name %q: want 1 to 100 letters, digits, dots, dashes or underscores, a letter or digit first", name)
	}
	return nil
}

func (h *Head) check() error {
	switch {
	case h.Source == "" || len(h.Source) > maxPath || !utf8.ValidString(h.Source):
		return fmt.Errorf("source has %d bytes, want 1 to %d of UTF-8", len(h.Source), maxPath)
	case h.Of < 1 || h.Part < 0 || h.Part >= h.Of:
		return fmt.Errorf("part %d of %d: want a part from 0 on, less than their number", h.Part, h.Of)
	}
	return ValidName(h.Name)
}

// append writes the lines of the head, and the empty one after them.
func (h *Head) append(out []byte) []byte {
	return fmt.Appendf(out, "%s\nname %s\nsource %s\npart %d of %d\ncreated %s\n\n",
		title, h.Name, strconv.Quote(h.Source), h.Part, h.Of, h.Created.UTC().Format(time.RFC3339))
}

// headLines is how many lines a head has.
const headLines = 6

// ErrNoShard says of a file that it is something else.
var ErrNoShard = errors.New("is not a shard file, or one of a newer gradseal")

// ErrDamaged says of a shard file that it is not as it was written. No error has its text.
var ErrDamaged = errors.New("shard file is damaged")

type damaged struct{ error }

func (d damaged) Unwrap() []error { return []error{d.error, ErrDamaged} }

func parseHead(text string) (h Head, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) != headLines+1 || lines[0] != title {
		return h, ErrNoShard
	}
	var values [4]string
	for i, key := range []string{"name ", "source ", "part ", "created "} {
		value, ok := strings.CutPrefix(lines[i+1], key)
		if !ok {
			return h, fmt.Errorf("malformed head: no line %q", key)
		}
		values[i] = value
	}
	h.Name = values[0]
	part, of, _ := strings.Cut(values[2], " of ")
	var errs [4]error
	h.Source, errs[0] = strconv.Unquote(values[1])
	h.Part, errs[1] = strconv.Atoi(part)
	h.Of, errs[2] = strconv.Atoi(of)
	h.Created, errs[3] = time.Parse(time.RFC3339, values[3])
	h.Created = h.Created.UTC()
	if err := errors.Join(errs[:]...); err != nil {
		return h, fmt.Errorf("malformed head: %w", err)
	}
	if err := h.check(); err != nil {
		return h, fmt.Errorf("malformed head: %w", err)
	}
	if string(h.append(nil)) != text {
		return h, errors.New("malformed head: not in the one spelling of this format")
	}
	return h, nil
}

// Row is one document of a shard.
type Row struct {
	Path   string // with slashes, below the source: see ValidPath
	Size   int64  // bytes
	Digest [32]byte
	Salt   [32]byte
}

// ValidPath refuses what is no path of a document below a source. Proofs are written
// below a folder by it, so it never leads out of one.
func ValidPath(path string) error {
	if path == "." || len(path) > maxPath || !fs.ValidPath(path) || strings.ContainsAny(path, "\\\x00") {
		return fmt.Errorf("path %q: want one below the source, with slashes, of at most %d bytes", path, maxPath)
	}
	return nil
}

// append writes the row as a line.
func (r *Row) append(out []byte) []byte {
	out = append(hex.AppendEncode(out, r.Digest[:]), ' ')
	out = append(hex.AppendEncode(out, r.Salt[:]), ' ')
	out = append(strconv.AppendInt(out, r.Size, 10), ' ')
	return append(strconv.AppendQuote(out, r.Path), '\n')
}

// pathColumn is where the size begins in a row.
const pathColumn = 2 * (64 + 1)

// parseRow reads a line, with its line feed. scratch is written over.
func parseRow(line []byte, scratch *[]byte) (r Row, err error) {
	if len(line) < pathColumn || line[64] != ' ' || line[129] != ' ' {
		return r, errors.New("want digest, salt, size and path")
	}
	if _, err := hex.Decode(r.Digest[:], line[:64]); err != nil {
		return r, err
	}
	if _, err := hex.Decode(r.Salt[:], line[65:129]); err != nil {
		return r, err
	}
	size, path, ok := bytes.Cut(bytes.TrimSuffix(line[pathColumn:], []byte("\n")), []byte(" "))
	if !ok {
		return r, errors.New("want digest, salt, size and path")
	}
	if r.Size, err = strconv.ParseInt(string(size), 10, 64); err != nil {
		return r, err
	}
	if r.Size < 1 || r.Size > MaxSize {
		return r, fmt.Errorf("size %d, want 1 to %d", r.Size, int64(MaxSize))
	}
	if r.Path, err = strconv.Unquote(string(path)); err != nil {
		return r, fmt.Errorf("path: %w", err)
	}
	if err := ValidPath(r.Path); err != nil {
		return r, err
	}
	*scratch = r.append((*scratch)[:0])
	if !bytes.Equal(*scratch, line) {
		return r, errors.New("not in the one spelling of this format")
	}
	return r, nil
}

// Summary is what the last line of a shard file says of the rest.
type Summary struct {
	Count int      // rows
	Sum   [32]byte // SHA-256 of everything before the line
}

const endWord = "end "

var errMismatch = damaged{errors.New("does not match its last line: it was edited or damaged. Its worker makes it again, with other salts, if it is moved away")}

func (s Summary) line() string { return fmt.Sprintf("%s%d %x\n", endWord, s.Count, s.Sum) }

// ErrIncomplete says of a shard file that it has no last line.
var ErrIncomplete = errors.New("is not complete: its worker has not finished, or it was cut off")

// Writer writes a shard file.
type Writer struct {
	w    io.Writer
	hash hash.Hash
	last string // path of the row before
	Summary
	buf []byte
}

// NewWriter writes the head. The caller buffers w.
func NewWriter(w io.Writer, h Head) (*Writer, error) {
	h.Created = h.Created.UTC().Truncate(time.Second)
	if err := h.check(); err != nil {
		return nil, err
	}
	out := &Writer{w: w, hash: sha256.New()}
	return out, out.write(h.append(nil))
}

func (w *Writer) write(data []byte) error {
	w.hash.Write(data)
	_, err := w.w.Write(data)
	return err
}

// Add writes a row. Rows come in the order of their paths.
func (w *Writer) Add(r Row) error {
	if err := ValidPath(r.Path); err != nil {
		return err
	}
	if r.Size < 1 || r.Size > MaxSize || r.Path <= w.last || w.Count == MaxRows {
		return fmt.Errorf("row %q of %d bytes after %q: rows come by path, each once, %d at most of %d bytes at most", r.Path, r.Size, w.last, uint32(MaxRows), int64(MaxSize))
	}
	w.buf = r.append(w.buf[:0])
	w.last = r.Path
	w.Count++
	return w.write(w.buf)
}

// Close writes the last line.
func (w *Writer) Close() error {
	w.Sum = [32]byte(w.hash.Sum(nil))
	_, err := io.WriteString(w.w, w.line())
	return err
}

// Read reads a shard file from r, whose name errors begin with, and calls use with
// every row. What use was given counts only once Read has returned nil: not before
// the last line is it known that nothing was cut off or edited.
func Read(name string, r io.Reader, use func(Row) error) (Head, Summary, error) {
	h, s, err := read(bufio.NewReaderSize(r, maxLine), use)
	if err != nil {
		return Head{}, Summary{}, fmt.Errorf("%s: %w", name, err)
	}
	return h, s, nil
}

func read(in *bufio.Reader, use func(Row) error) (h Head, s Summary, err error) {
	h, text, err := readHead(in)
	if err != nil {
		return h, s, err
	}
	sum := sha256.New()
	io.WriteString(sum, text)
	last, scratch := "", []byte(nil)
	for {
		line, err := readLine(in)
		if err != nil {
			return h, s, err
		}
		if bytes.HasPrefix(line, []byte(endWord)) {
			return h, s, checkEnd(in, string(line), &s, sum)
		}
		row, err := parseRow(line, &scratch)
		if err == nil && row.Path <= last {
			err = fmt.Errorf("path %q after %q, want them in order and each once", row.Path, last)
		}
		if err == nil && s.Count == MaxRows {
			err = fmt.Errorf("want at most %d rows", uint32(MaxRows))
		}
		if err != nil {
			return h, s, damaged{fmt.Errorf("malformed row %d: %w", s.Count+1, err)}
		}
		sum.Write(line)
		s.Count++
		last = row.Path
		if err := use(row); err != nil {
			return h, s, err
		}
	}
}

// readHead reads the head, and returns its text, too.
func readHead(in *bufio.Reader) (h Head, text string, err error) {
	for range headLines {
		line, err := readLine(in)
		if errors.Is(err, ErrIncomplete) && text == "" {
			return h, "", ErrNoShard
		}
		if err != nil {
			return h, "", err
		}
		text += string(line)
		if !strings.HasPrefix(text, title+"\n") {
			return h, "", ErrNoShard
		}
	}
	if h, err = parseHead(text); err != nil {
		return h, "", damaged{err}
	}
	return h, text, nil
}

// readLine reads a line, with its line feed; it is valid until the next one.
func readLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	switch {
	case errors.Is(err, io.EOF):
		return nil, ErrIncomplete
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, fmt.Errorf("has a line of more than %d bytes", maxLine)
	}
	return line, err
}

// checkEnd holds the last line against what was read.
func checkEnd(in *bufio.Reader, line string, s *Summary, sum hash.Hash) error {
	s.Sum = [32]byte(sum.Sum(nil))
	if s.line() != line {
		return errMismatch
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		return damaged{errors.New("goes on after its last line")}
	}
	if s.Count == 0 {
		return errors.New("has no documents")
	}
	return nil
}

// File is a shard file that was read as a whole.
type File struct {
	Head
	Summary
	Rows []Row
}

// Open reads the shard file at path.
func Open(path string) (*File, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	file := new(File)
	if _, claimed, err := peek(f, f.Size()); err == nil {
		file.Rows = make([]Row, 0, claimed.Count)
	}
	file.Head, file.Summary, err = Read(path, f, func(r Row) error {
		file.Rows = append(file.Rows, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return file, nil
}

// Peek returns the head of the shard file at path, its size, and what its last line
// claims. More rows than there can be in a file of that size are refused. Nothing else
// is read or checked.
func Peek(path string) (h Head, claimed Summary, size int64, err error) {
	f, err := regular.Open(path)
	if err != nil {
		return h, claimed, 0, err
	}
	defer f.Close()
	if h, claimed, err = peek(f, f.Size()); err != nil {
		return Head{}, Summary{}, 0, fmt.Errorf("%s: %w", path, err)
	}
	return h, claimed, f.Size(), nil
}

func peek(f io.ReaderAt, size int64) (h Head, s Summary, err error) {
	if h, _, err = readHead(bufio.NewReaderSize(io.NewSectionReader(f, 0, size), maxLine)); err != nil {
		return h, s, err
	}
	tail := make([]byte, min(size, 100))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil {
		return h, s, err
	}
	line := string(tail[bytes.LastIndexByte(bytes.TrimSuffix(tail, []byte("\n")), '\n')+1:])
	sum := []byte(nil)
	if _, err := fmt.Sscanf(line, endWord+"%d %x\n", &s.Count, &sum); err != nil || len(sum) != len(s.Sum) {
		return h, s, ErrIncomplete
	}
	s.Sum = [32]byte(sum)
	if s.line() != line {
		return h, s, ErrIncomplete
	}
	if s.Count < 0 || int64(s.Count) > min(MaxRows, size/int64(minRow)) { // memory is taken for as many
		return h, s, errMismatch
	}
	return h, s, nil
}

// minRow is the fewest bytes of a row: a path of one letter.
const minRow = pathColumn + len("1 \"a\"\n")

// PartOf returns to which of so many parts a path falls: the first 8 bytes of its
// SHA-256, as a number, modulo the parts.
func PartOf(path string, of int) int {
	sum := sha256.Sum256([]byte(path))
	return int(binary.BigEndian.Uint64(sum[:]) % uint64(of))
}

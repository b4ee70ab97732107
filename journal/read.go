package journal

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strconv"
	"strings"
	"time"
)

// Record is a line of the journal. Its About has the documents that the table
// still knows, in the order of the entry.
type Record struct {
	Number uint64
	Hash   [32]byte // of the line: the head as it was then
	Entry
	Forgotten int // documents that the line is about and the table does not know any more
	// Part of Parts: an entry about very many documents takes several lines, of
	// which the first has the count. 0 where it takes one.
	Part, Parts int
}

// LineError says which line of the log is the first that is not as it was written,
// or does not follow the one before it.
type LineError struct {
	File string
	Line uint64 // from 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("%s: line %d: %v", e.File, e.Line, e.Err) }
func (e *LineError) Unwrap() error { return e.Err }

// Records returns all lines in their order, each held against the one before. The
// first error ends them; one about a line is a *LineError.
func (j *Journal) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		names, err := j.names()
		if err != nil {
			yield(Record{}, err)
			return
		}
		s := new(Survey)
		for l, err := range j.lines(s) {
			if err != nil {
				yield(Record{}, err)
				return
			}
			if !yield(l.record(s.Head, names), nil) {
				return
			}
		}
	}
}

// record is the line, which is the head of the lines up to it.
func (l *line) record(head Head, names map[[32]byte]Subject) Record {
	r := Record{Number: head.Number, Hash: head.Hash, Entry: l.entry(), Part: l.Part, Parts: l.Parts}
	for _, about := range l.About {
		hash, _ := parseHash(about) // checked
		if s, ok := names[hash]; ok {
			r.About = append(r.About, s)
		} else {
			r.Forgotten++
		}
	}
	return r
}

// lines reads the whole lines of the log and holds each against the one before.
// s is brought up to each line.
func (j *Journal) lines(s *Survey) iter.Seq2[*line, error] {
	return func(yield func(*line, error) bool) {
		s.Head.Hash = firstPrev
		f, err := os.Open(j.path(logName))
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.Close()
		in := bufio.NewReaderSize(f, maxLine+1)
		for {
			text, err := in.ReadSlice('\n')
			if err == io.EOF {
				s.Torn = len(text)
				return
			}
			var l *line
			if err == nil {
				l, err = s.take(bytes.TrimSuffix(text, []byte("\n")))
			}
			if err != nil {
				yield(nil, &LineError{f.Name(), s.Head.Number + 1, err})
				return
			}
			if !yield(l, nil) {
				return
			}
		}
	}
}

// Survey is what there is to say about a whole journal.
type Survey struct {
	Head        Head
	First, Last time.Time // of the first and the last line; zero where there is none
	Torn        int       // bytes of a last line that is not whole: a power cut leaves it
	Names       int       // lines of the table
	Missing     int       // documents that entries are about and the table does not know
	Cleared     int       // documents that entries say were taken out of the table
}

// Lost is how many lines of the table are not there although no entry says that
// they were cleared: somebody removed them.
func (s *Survey) Lost() int { return max(0, s.Missing-s.Cleared) }

// Left is how many lines of the table are still there although an entry says that
// they were cleared: the process was killed, or an older table was put back.
func (s *Survey) Left() int { return max(0, s.Cleared-s.Missing) }

// HeadError says that a head, noted earlier, is not in the journal.
type HeadError struct {
	Noted, Found Head // Found is the newest one, where the journal does not go as far
}

func (e *HeadError) Error() string {
	if e.Found.Number < e.Noted.Number {
		return fmt.Sprintf("the head %s was noted, and the newest is %s: the end was cut off", e.Noted, e.Found)
	}
	return fmt.Sprintf("the head %s was noted, and entry %d is %s: other entries were written up to there", e.Noted, e.Noted.Number, e.Found)
}

// String is the form in which a head is noted: number, colon, 64 hex digits.
func (h Head) String() string { return fmt.Sprintf("%d:%x", h.Number, h.Hash) }

// ParseHead reads what String writes, of line 1 or a later one.
func ParseHead(s string) (Head, error) {
	number, hash, _ := strings.Cut(s, ":")
	n, err := strconv.ParseUint(number, 10, 64)
	if err == nil && (n == 0 || strconv.FormatUint(n, 10) != number) {
		err = errLine
	}
	h, hashErr := parseHash(hash)
	if err != nil || hashErr != nil {
		return Head{}, fmt.Errorf("%w: %.100q, want number, colon and 64 hex digits", errLine, s)
	}
	return Head{n, h}, nil
}

// take parses the line after Head and makes it the head.
func (s *Survey) take(text []byte) (*line, error) {
	l, err := parseLine(text)
	if err != nil {
		return nil, err
	}
	if err := l.follows(s.Head); err != nil {
		return nil, err
	}
	s.Head = Head{l.Number, sha256.Sum256(text)}
	s.Last = l.entry().Time
	if l.Number == 1 {
		s.First = s.Last
	}
	return l, nil
}

// Survey reads the journal and holds every line against the one before, and every
// line of the table against its hash. An error names the first line that is not as
// it was written; in the log it is a *LineError. A head that was noted and is not
// there is a *HeadError.
func (j *Journal) Survey(noted ...Head) (*Survey, error) {
	return j.survey(noted, func(row, bool) {})
}

// survey is Survey, and calls each with every line of the table, and with whether
// an entry is about its document.
func (j *Journal) survey(noted []Head, each func(r row, isAbout bool)) (*Survey, error) {
	s, about := new(Survey), make(map[[32]byte]bool)
	for l, err := range j.lines(s) {
		if err != nil {
			return nil, err
		}
		for _, h := range noted {
			if h.Number == s.Head.Number && h != s.Head {
				return nil, &HeadError{h, s.Head}
			}
		}
		for _, text := range l.About {
			hash, _ := parseHash(text) // checked
			about[hash] = true
		}
		s.Cleared += l.Cleared
	}
	for _, h := range noted {
		if h.Number > s.Head.Number {
			return nil, &HeadError{h, s.Head}
		}
	}
	s.Missing = len(about)
	err := j.eachName(func(_ []byte, r row) error {
		s.Names++
		isAbout := about[r.hash]
		if isAbout {
			about[r.hash] = false // a second line with this hash stands for no other
			s.Missing--
		}
		each(r, isAbout)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Verify is Survey without what it says.
func (j *Journal) Verify() error {
	_, err := j.Survey()
	return err
}

// OfBatch returns the entries about a batch in their order, without the documents.
// They are not held against the lines before them. The log is read once.
func (j *Journal) OfBatch(id string) ([]Entry, error) {
	if _, err := j.catchUp(); err != nil {
		return nil, err
	}
	at := j.index[id]
	if len(at) == 0 {
		return nil, nil
	}
	f, err := os.Open(j.path(logName))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries := make([]Entry, len(at))
	for i, offset := range at {
		text, err := bufio.NewReaderSize(io.NewSectionReader(f, offset, maxLine+1), 1<<10).ReadBytes('\n')
		if err != nil {
			return nil, fmt.Errorf("%s: at byte %d: %w", f.Name(), offset, err)
		}
		l, err := parseLine(bytes.TrimSuffix(text, []byte("\n")))
		if err != nil {
			return nil, fmt.Errorf("%s: at byte %d: %w", f.Name(), offset, err)
		}
		entries[i] = l.entry()
	}
	return entries, nil
}

// catchUp reads what is new at the end of the log, and returns a last line that is
// not whole. Of the lines only the last is parsed, which the next one follows:
// Verify reads all.
func (j *Journal) catchUp() (torn []byte, err error) {
	if j.index == nil {
		j.index, j.head = make(map[string][]int64), Head{Hash: firstPrev}
	}
	added, err := readFrom(j.path(logName), j.read)
	if err != nil {
		return nil, err
	}
	whole := bytes.LastIndexByte(added, '\n') + 1
	added, torn = added[:whole], added[whole:]
	if whole == 0 {
		return torn, nil
	}
	last := bytes.TrimSuffix(added, []byte("\n"))
	last = last[bytes.LastIndexByte(last, '\n')+1:]
	l, err := parseLine(last)
	if err != nil {
		return nil, fmt.Errorf("%s: its last line: %w", j.path(logName), err)
	}
	j.note(added, j.read)
	j.read, j.head = j.read+int64(len(added)), Head{l.Number, sha256.Sum256(last)}
	return torn, nil
}

// batchKey is before the id of a batch in a line. In a string there is no quotation
// mark without a backslash, so it is nowhere else.
var batchKey = []byte(`,"batch":"`)

// note puts lines, which begin in the log at the offset, into the index.
func (j *Journal) note(lines []byte, offset int64) {
	for text := range bytes.Lines(lines) {
		if _, after, ok := bytes.Cut(text, batchKey); ok {
			if id, _, ok := bytes.Cut(after, []byte(`"`)); ok {
				j.index[string(id)] = append(j.index[string(id)], offset)
			}
		}
		offset += int64(len(text))
	}
}

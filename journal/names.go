package journal

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gradseal/internal/atomicfile"
)

// row is a line of the table of names.
type row struct {
	hash, salt [32]byte
	Subject
}

// newRow draws a salt for a document. The same document has another salt in every
// entry, so that their hashes do not tell that it is the same.
func newRow(s Subject) row {
	r := row{Subject: s}
	rand.Read(r.salt[:]) // never fails: crypto/rand crashes the program instead
	r.hash = r.sum()
	return r
}

// sum is SHA-256(salt || name || digest): the lengths of salt and digest are fixed.
func (r *row) sum() [32]byte {
	text := make([]byte, 0, len(r.salt)+len(r.Name)+len(r.Digest))
	text = append(append(append(text, r.salt[:]...), r.Name...), r.Digest[:]...)
	return sha256.Sum256(text)
}

func (r *row) appendTo(out []byte) []byte {
	for _, h := range [][32]byte{r.hash, r.salt, r.Digest} {
		out = append(hex.AppendEncode(out, h[:]), ' ')
	}
	return append(strconv.AppendQuote(out, r.Name), '\n')
}

// parseRow reads a line of the table, with its LF, which has one spelling.
func parseRow(text []byte) (r row, err error) {
	fields := strings.SplitN(strings.TrimSuffix(string(text), "\n"), " ", 4)
	if len(fields) != 4 {
		return row{}, fmt.Errorf("%w: want hash, salt, digest and name", errLine)
	}
	for i, h := range []*[32]byte{&r.hash, &r.salt, &r.Digest} {
		if *h, err = parseHash(fields[i]); err != nil {
			return row{}, err
		}
	}
	if r.Name, err = strconv.Unquote(fields[3]); err != nil {
		return row{}, fmt.Errorf("%w: name: %w", errLine, err)
	}
	switch {
	case r.sum() != r.hash:
		return row{}, errors.New("its hash is not that of salt, name and digest: it was changed, or is damaged")
	case !bytes.Equal(r.appendTo(nil), text):
		return row{}, fmt.Errorf("%w: not in the one spelling of this format", errLine)
	}
	return r, nil
}

// keepNames puts the documents into the table, synced, and returns their hashes in
// the same order.
func (j *Journal) keepNames(about []Subject) ([][32]byte, error) {
	if len(about) == 0 {
		return nil, nil
	}
	hashes := make([][32]byte, len(about))
	var rows []byte
	for i, s := range about {
		before := len(rows)
		r := newRow(s)
		hashes[i], rows = r.hash, r.appendTo(rows)
		if len(rows)-before > maxLine {
			return nil, fmt.Errorf("%.80q…: the name is too long for the journal", s.Name)
		}
	}
	if err := j.dropTornName(); err != nil {
		return nil, err
	}
	return hashes, appendSynced(j.path(namesName), rows)
}

// dropTornName takes a last line off the table that is not whole: a power cut left
// it, and so no entry uses it.
func (j *Journal) dropTornName() error {
	f, err := os.Open(j.path(namesName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	from := max(0, info.Size()-maxLine-1)
	end, err := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(end, '\n') + 1
	if whole == len(end) {
		return nil
	}
	if whole == 0 && from > 0 {
		return fmt.Errorf("%s: its last line has more than %d bytes", f.Name(), maxLine)
	}
	return truncate(f.Name(), from+int64(whole))
}

// eachName calls use with every whole line of the table, its LF included, and what
// it says. A last line that is not whole is passed over.
func (j *Journal) eachName(use func(text []byte, r row) error) error {
	f, err := os.Open(j.path(namesName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewReaderSize(f, maxLine+1)
	for number := 1; ; number++ {
		text, err := lines.ReadSlice('\n')
		if err == io.EOF {
			return nil
		}
		var r row
		if err == nil {
			r, err = parseRow(text)
		}
		if err == nil {
			err = use(text, r)
		}
		if err != nil {
			return fmt.Errorf("%s: line %d: %w", f.Name(), number, err)
		}
	}
}

// names reads the table.
func (j *Journal) names() (map[[32]byte]Subject, error) {
	all := make(map[[32]byte]Subject)
	err := j.eachName(func(_ []byte, r row) error {
		all[r.hash] = r.Subject
		return nil
	})
	return all, err
}

// Forget takes every line about the documents with the digests out of the table,
// which is replaced in one step, synced, and returns how many these were. The
// entries stay, and nobody can tell any more what they are about. So goes what a
// killed process or a power cut left of a table.
func (j *Journal) Forget(digests ...[32]byte) (int, error) {
	forgotten := make(map[[32]byte]bool, len(digests))
	for _, d := range digests {
		forgotten[d] = true
	}
	if err := j.sweep(); err != nil {
		return 0, err
	}
	if err := j.dropTornName(); err != nil {
		return 0, err
	}
	n := 0
	count := func(_ []byte, r row) error {
		if forgotten[r.Digest] {
			n++
		}
		return nil
	}
	if err := j.eachName(count); err != nil || n == 0 {
		return 0, err
	}
	err := atomicfile.CreateOver(j.path(namesName), func(w io.Writer) error {
		out := bufio.NewWriter(w)
		keep := func(text []byte, r row) error {
			if forgotten[r.Digest] {
				return nil
			}
			_, err := out.Write(text)
			return err
		}
		if err := j.eachName(keep); err != nil {
			return err
		}
		return out.Flush()
	}, 0o600, atomicfile.Temporary)
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Clears returns how many lines about each document Forget would take out of the
// table, and how many of them all no entry says yet. An entry with these as Cleared
// is to be there before: else Survey counts them as lost.
func (j *Journal) Clears(digests ...[32]byte) (lines map[[32]byte]int, unsaid int, err error) {
	forgotten := make(map[[32]byte]bool, len(digests))
	for _, d := range digests {
		forgotten[d] = true
	}
	lines = make(map[[32]byte]int)
	about := 0
	s, err := j.survey(nil, func(r row, isAbout bool) {
		if forgotten[r.Digest] {
			lines[r.Digest]++
			if isAbout { // else a process was killed before its entry was written
				about++
			}
		}
	})
	if err != nil {
		return nil, 0, err
	}
	return lines, max(0, about-s.Left()), nil
}

// sweep removes the temporary files of a process that was killed: they hold names.
func (j *Journal) sweep() error {
	left, err := filepath.Glob(j.path(atomicfile.Temporary))
	for _, name := range left {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

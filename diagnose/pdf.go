package diagnose

import (
	"bytes"
	"io"
	"regexp"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	// endRoom is how far from the end "%%EOF" may stand, in bytes: readers of
	// PDFs look for it there.
	endRoom = 1024
	// fewZeros is how many zero bytes at an end are no sign of a copy that
	// broke off. A copy that did has them by the page or by the sector.
	fewZeros = 512
	// fewReplaced is how many replacement characters a file may have of its own.
	fewReplaced = 2
)

// facts says what is found in a file in which the issued document was not.
func (e *exhibit) facts() ([]Finding, error) {
	start := e.start()
	if start < 0 {
		f, err := e.kind()
		return []Finding{f}, err
	}
	var found []Finding
	add := func(f *Finding) {
		if f != nil {
			found = append(found, *f)
		}
	}
	if start > 0 {
		f := newFinding(Leading, "added", start)
		switch {
		case isMail(e.head):
			f = Finding{Code: Mail}
		case bytes.HasPrefix(e.head, []byte(zipMark)):
			f = newFinding(Archive, "format", "ZIP")
		}
		add(&f)
	}
	replaced, err := e.replaced()
	if err != nil {
		return nil, err
	}
	add(replaced)
	end := e.badEnd()
	add(end)
	if end == nil && replaced == nil {
		shifted, err := e.shifted(int64(start))
		if err != nil {
			return nil, err
		}
		add(shifted)
	}
	return append(found, e.written(start)...), nil
}

// replaced counts the replacement characters in a file that is text from its
// beginning to its end: a program that took it for text puts one in the place of
// each byte that it did not understand.
func (e *exhibit) replaced() (*Finding, error) {
	var count int
	var held []byte // the beginning of a letter
	r := e.from(0)
	for b := make([]byte, e.piece()); ; {
		n, err := r.Read(b[len(held):])
		piece := b[:len(held)+n]
		for len(piece) > 0 && (utf8.FullRune(piece) || err == io.EOF) {
			letter, size := utf8.DecodeRune(piece)
			if letter == utf8.RuneError {
				if size == 1 {
					return nil, nil
				}
				count++
			}
			piece = piece[size:]
		}
		held = b[:copy(b, piece)]
		switch {
		case err == io.EOF && count > fewReplaced:
			f := newFinding(Replaced, "count", count)
			return &f, nil
		case err == io.EOF:
			return nil, nil
		case err != nil:
			return nil, err
		}
	}
}

// Regular expressions are compiled when they are needed first: verifying one document
// takes hardly longer than compiling all of them.

// linearized is the length that a file gives for itself where it is made for
// the web (ISO 32000-1, Annex F): in its first object.
var linearized = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`<<[^<>]*/Linearized[^<>]*>>`)
})

var linearizedLength = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`/L\s+([1-9][0-9]{0,12})\b`)
})

// badEnd says what is wrong with the end of a PDF, if something is.
func (e *exhibit) badEnd() *Finding {
	size := e.size
	if m := linearizedLength().FindSubmatch(linearized().Find(e.head[:min(len(e.head), 2048)])); m != nil {
		if length, _ := strconv.ParseInt(string(m[1]), 10, 64); length > size {
			f := newFinding(TruncatedLength, "size", size, "length", length)
			return &f
		}
	}
	kept := bytes.TrimRight(e.tail, "\x00")
	zeros := len(e.tail) - len(kept)
	kept = bytes.TrimRight(kept, "\x00\t\n\f\r ")
	if bytes.Contains(kept[max(0, len(kept)-endRoom):], endMark) {
		return nil
	}
	// A file that is made for the web has one at its beginning, too.
	last := bytes.LastIndex(kept, endMark)
	var f Finding
	switch {
	case zeros > fewZeros:
		f = newFinding(ZerosAtEnd, "size", size, "zeros", zeros)
	case last >= 0 && !linearized().Match(e.head[:min(len(e.head), 2048)]):
		f = newFinding(BadEnd, "size", size)
	default:
		f = newFinding(Truncated, "size", size)
	}
	return &f
}

// lastStart is the last offset that the end of a PDF gives: that of its table
// of objects.
var (
	lastStart = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`startxref[\t\n\f\r ]+([0-9]{1,13})[\t\n\f\r ]`)
	})
	tableOrObject = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[\x00\t\n\f\r ]*(?:xref|[0-9]+[\t\n\f\r ]+[0-9]+[\t\n\f\r ]+obj)`)
	})
)

// shifted looks whether the last offset in a PDF leads to a table of objects.
// Where it does not, bytes were added, lost or changed in length before it.
// start is where the PDF begins: in a file with other bytes before it, the
// offset may count from there.
func (e *exhibit) shifted(start int64) (*Finding, error) {
	all := lastStart().FindAllSubmatch(e.tail[max(0, len(e.tail)-2*endRoom):], -1)
	if len(all) == 0 {
		return nil, nil
	}
	off, err := strconv.ParseInt(string(all[len(all)-1][1]), 10, 64)
	if err != nil || off == 0 {
		return nil, nil
	}
	for _, at := range []int64{off, off + start} {
		if at >= e.size {
			continue
		}
		b := make([]byte, min(64, e.size-at))
		if err := readAt(e.doc, b, at); err != nil {
			return nil, err
		}
		if tableOrObject().Match(b) {
			return nil, nil
		}
	}
	return &Finding{Code: Shifted}, nil
}

// encrypt is in the last dictionary of an encrypted PDF.
var encrypt = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`/Encrypt[\t\n\f\r ]*(?:[0-9]+[\t\n\f\r ]+[0-9]+[\t\n\f\r ]+R\b|<<)`)
})

// written is what a PDF says about who wrote it, and when.
func (e *exhibit) written(start int) []Finding {
	var found []Finding
	encrypted := encrypt().Match(e.head) || encrypt().Match(e.tail)
	if encrypted {
		found = append(found, Finding{Code: Encrypted})
	}
	producers := e.xmpProducers()
	if !encrypted { // else its strings are not readable
		producers = append(producers, e.infoValues("Producer")...)
	}
	if f := program(e.head[start:], producers); f != nil {
		found = append(found, *f)
	}
	if encrypted {
		return found
	}
	made, saved := lastDate(e.infoValues("CreationDate")), lastDate(e.infoValues("ModDate"))
	if !made.IsZero() && saved.Sub(made) > farApart {
		found = append(found, newFinding(SavedAgain, "made", made.Format(time.DateOnly), "saved", saved.Format(time.DateOnly)))
	}
	return found
}

// farApart is how far a file's two times are apart where it was saved on a later
// day wherever on earth each of them is meant.
const farApart = 26 * time.Hour

func lastDate(values []string) time.Time {
	if len(values) == 0 {
		return time.Time{}
	}
	date, ok := bytes.CutPrefix([]byte(values[len(values)-1]), []byte("D:"))
	if !ok || len(date) < 14 {
		return time.Time{}
	}
	t, err := time.Parse("20060102150405", string(date[:14]))
	if err != nil {
		return time.Time{}
	}
	return t
}

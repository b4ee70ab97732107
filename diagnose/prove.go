package diagnose

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"io"
	"regexp"
	"slices"
	"strconv"
	"sync"

	"gradseal/verify"
)

// pdfMark is how a PDF begins; some have other bytes before it.
var pdfMark = []byte("%PDF-")

// base64Mark is how the base64 of a PDF begins.
var base64Mark = []byte("JVBERi0")

// The beginnings of packed files.
const (
	gzipMark = "\x1f\x8b\x08"
	zipMark  = "PK\x03\x04"
)

const (
	// mostBase64 is how many places are tried at which base64 of a PDF may begin.
	mostBase64 = 4
	// mostInflated is how many bytes a compressed file may give for each of its
	// own. PDFs are compressed already.
	mostInflated = 32
)

// prove undoes damage until the digest is the issued one. It is the same where
// there is no damage.
func (e *exhibit) prove(issued verify.Digest) (found []Finding, same bool, err error) {
	m, err := search(e.from(0), e.piece(), issued)
	switch {
	case err != nil:
		return nil, false, err
	case m != nil && m.at == e.size && m.lost == "":
		return nil, true, nil
	case m != nil:
		f, err := e.atEnd(m)
		return []Finding{f}, false, err
	}
	for _, a := range e.attempts() {
		var failed error
		m, err := search(a.undo(&watched{e.from(a.start), &failed}), e.piece(), issued)
		switch {
		case failed != nil:
			return nil, false, failed
		case err == nil && m != nil: // other errors are of what is decoded
			return []Finding{a.finding}, false, nil
		}
	}
	return nil, false, nil
}

// watched keeps the error of reading the file, to tell it from those of what is
// decoded.
type watched struct {
	io.Reader
	failed *error
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Reader.Read(b)
	if err != nil && err != io.EOF {
		*w.failed = err
	}
	return n, err
}

// atEnd says what is wrong with the end of a file that begins with the issued
// document, or with all but its last bytes.
func (e *exhibit) atEnd(m *match) (Finding, error) {
	switch {
	case m.lost != "" && m.at < e.size:
		return Finding{Code: EndChanged}, nil
	case m.lost != "":
		return newFinding(EndLost, "lost", len(m.lost)), nil
	}
	code := AppendedBlank
	r := e.from(m.at)
	for b := make([]byte, e.piece()); ; {
		n, err := r.Read(b)
		if !isBlank(b[:n]) {
			code = Appended
			break
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return Finding{}, err
		}
	}
	return newFinding(code, "issued", m.at, "size", e.size), nil
}

// newFinding takes names and values of arguments in turn.
func newFinding(code Code, args ...any) Finding {
	f := Finding{code, make(map[string]string)}
	for i := 0; i < len(args); i += 2 {
		var value string
		switch v := args[i+1].(type) {
		case string:
			value = v
		case int:
			value = strconv.Itoa(v)
		case int64:
			value = strconv.FormatInt(v, 10)
		}
		f.Args[args[i].(string)] = value
	}
	return f
}

// start is where the PDF begins in the file; -1 where none does.
func (e *exhibit) start() int {
	return bytes.Index(e.head[:min(len(e.head), headSearch)], pdfMark)
}

// attempt is a kind of damage, and how to undo it.
type attempt struct {
	finding Finding
	start   int64 // where the damaged document begins
	undo    func(io.Reader) io.Reader
}

// attempts are the kinds of damage that are possible by how the file begins.
func (e *exhibit) attempts() []attempt {
	start := e.start()
	mail := isMail(e.head)
	if start < 0 && e.size <= mostUndone {
		return slices.Concat(e.attemptsBase64(mail), e.attemptGzip(), e.attemptZIP())
	}
	if start < 0 {
		return nil
	}
	at := int64(start)
	var all []attempt
	if start > 0 {
		f := newFinding(Prepended, "added", start)
		switch {
		case mail:
			f = Finding{Code: InMail}
		case bytes.HasPrefix(e.head, []byte(zipMark)):
			f = newFinding(InArchive, "format", "ZIP")
		}
		all = append(all, attempt{f, at, unchanged})
	}
	if e.size > mostUndone {
		return all
	}
	for _, l := range lineEnds {
		f := newFinding(LineEnds, "issued", lineEndNames[l.issued], "found", lineEndNames[l.found])
		all = append(all, attempt{f, at, l.undo})
	}
	all = append(all, attempt{Finding{Code: Transcoded}, at, fromUTF8})
	if looksQuoted(e.head[start:]) {
		f := Finding{Code: QuotedPrintable}
		if mail {
			f.Code = InMail
		}
		toLF := lineEnd{"\r\n", "\n"}
		all = append(all, attempt{f, at, unquoted}, attempt{f, at, func(r io.Reader) io.Reader { return unquoted(toLF.undo(r)) }})
	}
	return all
}

func unchanged(r io.Reader) io.Reader { return r }

func (e *exhibit) attemptsBase64(mail bool) []attempt {
	f := Finding{Code: Base64}
	if mail {
		f.Code = InMail
	}
	var all []attempt
	for from := 0; len(all) < mostBase64; {
		i := bytes.Index(e.head[from:], base64Mark)
		if i < 0 {
			break
		}
		all = append(all, attempt{f, int64(from + i), fromBase64})
		from += i + len(base64Mark)
	}
	return all
}

// fromBase64 decodes up to the first byte that is neither base64 nor blank.
func fromBase64(r io.Reader) io.Reader {
	return base64.NewDecoder(base64.RawStdEncoding, base64Letters(r))
}

// attemptGzip unpacks a file of gzip, such as a server's answer that was saved as
// it came.
func (e *exhibit) attemptGzip() []attempt {
	if !bytes.HasPrefix(e.head, []byte(gzipMark)) {
		return nil
	}
	return []attempt{{newFinding(InArchive, "format", "gzip"), 0, func(r io.Reader) io.Reader {
		z, err := gzip.NewReader(r)
		if err != nil {
			return bytes.NewReader(nil)
		}
		return io.LimitReader(z, mostInflated*e.size)
	}}}
}

// attemptZIP unpacks the first file of a ZIP archive, if it is compressed: the
// others are seldom there where a document was packed to be sent.
func (e *exhibit) attemptZIP() []attempt {
	const header, compressed = 30, 8
	h := e.head
	if !bytes.HasPrefix(h, []byte(zipMark)) || len(h) < header || binary.LittleEndian.Uint16(h[8:]) != compressed {
		return nil
	}
	start := header + int64(binary.LittleEndian.Uint16(h[26:])) + int64(binary.LittleEndian.Uint16(h[28:]))
	if start > e.size {
		return nil
	}
	return []attempt{{newFinding(InArchive, "format", "ZIP"), start, func(r io.Reader) io.Reader {
		return io.LimitReader(flate.NewReader(r), mostInflated*e.size)
	}}}
}

// mailHeader is a line with which e-mails begin.
var mailHeader = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^(?:From [^\n]*\n)?(?:received|return-path|delivered-to|from|to|date|subject|mime-version|message-id|content-type|content-transfer-encoding|dkim-signature|arc-[a-z-]+|x-[a-z-]+):[^\n]*\n(?:[ \t][^\n]*\n|[a-z0-9-]+:[^\n]*\n)+`)
})

func isMail(head []byte) bool { return mailHeader().Match(head) }

// quotedSign is a "=" as quoted-printable spells it, a line that it broke, or
// another byte of a PDF's beginning that it has to spell out.
var quotedSign = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`=3D|=\r?\n|=[89A-F][0-9A-F]`)
})

func looksQuoted(b []byte) bool { return quotedSign().Match(b[:min(len(b), 8<<10)]) }

package diagnose

import (
	"bytes"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// writers are programs that write a PDF anew, by a part of the name that they
// leave in it, in lower case. Those that institutions make documents with are
// not among them, unless the name says that they changed one that was there.
var writers = []struct {
	name    string
	program string
	code    Code
}{
	{"skia/pdf", "Chrome, Edge", Printed},
	{"quartz pdfcontext", "macOS, iOS", Printed},
	{"microsoft: print to pdf", "Microsoft Print to PDF", Printed},
	{"microsoft print to pdf", "Microsoft Print to PDF", Printed},
	{"cairo ", "cairo", Printed},
	{"ghostscript", "Ghostscript", Printed},
	{"acrobat distiller", "Acrobat Distiller", Printed},
	{"pdfcreator", "PDFCreator", Printed},
	{"cutepdf", "CutePDF", Printed},
	{"bullzip", "Bullzip", Printed},
	{"dopdf", "doPDF", Printed},
	{"novapdf", "novaPDF", Printed},
	{"primopdf", "PrimoPDF", Printed},
	{"pdf24", "PDF24", Printed},
	{"modified using itext", "iText", Resaved},
	{"mupdf", "MuPDF", Resaved},
	{"qpdf", "qpdf", Resaved},
	{"pikepdf", "pikepdf", Resaved},
	{"pypdf", "pypdf", Resaved},
	{"pdftk", "pdftk", Resaved},
	{"pdfsam", "PDFsam", Resaved},
	{"sambox", "PDFsam", Resaved},
	{"sejda", "Sejda", Resaved},
	{"ilovepdf", "iLovePDF", Resaved},
	{"smallpdf", "Smallpdf", Resaved},
	{"pdf-lib", "pdf-lib", Resaved},
	{"pdfcpu", "pdfcpu", Resaved},
	{"pdf-xchange", "PDF-XChange", Resaved},
	{"foxit", "Foxit", Resaved},
	{"xodo", "Xodo", Resaved},
}

// program says which program wrote a PDF that begins with head: by the last of
// the producers that it names, or by the mark at its beginning.
func program(head []byte, producers []string) *Finding {
	for i := len(producers) - 1; i >= 0; i-- {
		name := strings.ToLower(producers[i])
		for _, w := range writers {
			if strings.Contains(name, w.name) {
				f := newFinding(w.code, "program", w.program, "producer", plain(producers[i]))
				return &f
			}
		}
	}
	_, line, _ := bytes.Cut(head[:min(len(head), 64)], []byte("\n"))
	for _, m := range marks {
		if bytes.HasPrefix(line, []byte(m.mark)) {
			f := newFinding(ResavedMark, "program", m.program)
			return &f
		}
	}
	return nil
}

// marks are what stands below the first line of all that these programs write,
// also where somebody else made the document. Other programs write MuPDF's, but
// no empty line after it.
var marks = []struct{ mark, program string }{
	{"%\xbf\xf7\xa2\xfe\n", "qpdf"},
	{"%\xc2\xb5\xc2\xb6\n\n", "MuPDF"},
}

// infoValues are the last values of a key in what the beginning and the end of a
// PDF show of its information dictionaries, in their order there.
func (e *exhibit) infoValues(key string) []string {
	var values []string
	tried := 0
	for _, w := range slices.Backward(e.windows()) {
		for rest := w; tried < mostValues; tried++ {
			i := bytes.LastIndex(rest, []byte("/"+key))
			if i < 0 {
				break
			}
			if v, ok := e.value(w[i+1+len(key):]); ok {
				values = append(values, v)
			}
			rest = rest[:i]
		}
	}
	slices.Reverse(values)
	return values
}

// mostValues is how often a key is looked at: each saved change may add one.
const mostValues = 16

// windows are the beginning and the end of the file; one where they meet.
func (e *exhibit) windows() [][]byte {
	if e.size <= window {
		return [][]byte{e.head}
	}
	return [][]byte{e.head, e.tail}
}

var reference = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([0-9]{1,10})[\t\n\f\r ]+([0-9]{1,5})[\t\n\f\r ]+R\b`)
})

// value reads the string with which b begins, or that of the object that it
// names.
func (e *exhibit) value(b []byte) (string, bool) {
	b = bytes.TrimLeft(b, "\t\n\f\r ")
	m := reference().FindSubmatch(b[:min(len(b), 32)])
	if m == nil {
		return pdfString(b)
	}
	object := "\n" + string(m[1]) + " " + string(m[2]) + " obj"
	for _, w := range e.windows() {
		if i := bytes.LastIndex(w, []byte(object)); i >= 0 {
			return pdfString(bytes.TrimLeft(w[i+len(object):], "\t\n\f\r "))
		}
	}
	return "", false
}

// longestString is how much of a string is read, in bytes.
const longestString = 1024

// pdfString reads a literal or a hexadecimal string (ISO 32000-1, 7.3.4).
func pdfString(b []byte) (string, bool) {
	b = b[:min(len(b), longestString)]
	switch {
	case bytes.HasPrefix(b, []byte("(")):
		return decodeText(literal(b[1:])), true
	case bytes.HasPrefix(b, []byte("<")) && !bytes.HasPrefix(b, []byte("<<")):
		digits, _, _ := bytes.Cut(b[1:], []byte(">"))
		raw := make([]byte, len(digits)/2)
		if _, err := hex.Decode(raw, digits[:2*len(raw)]); err != nil {
			return "", false
		}
		return decodeText(raw), true
	}
	return "", false
}

// literal reads a string up to its closing parenthesis. Octal escapes are left
// out: names of programs have none.
func literal(b []byte) []byte {
	var s []byte
	for depth, i := 0, 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			if i++; i < len(b) && (b[i] == '(' || b[i] == ')' || b[i] == '\\') {
				s = append(s, b[i])
			}
			continue
		case '(':
			depth++
		case ')':
			if depth--; depth < 0 {
				return s
			}
		}
		s = append(s, b[i])
	}
	return s
}

// decodeText reads a text string: UTF-16 or UTF-8 with a mark, else Latin-1, to
// which PDFDocEncoding is near enough.
func decodeText(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		var units []uint16
		for b = b[2:]; len(b) >= 2; b = b[2:] {
			units = append(units, uint16(b[0])<<8|uint16(b[1]))
		}
		return string(utf16.Decode(units))
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		return string(b[3:])
	}
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}

// xmpProducers are the producers in the metadata that a PDF carries as XML,
// where it stands there as it is.
func (e *exhibit) xmpProducers() []string {
	var values []string
	for _, b := range e.windows() {
		for _, m := range xmpProducer().FindAllSubmatch(b, mostValues) {
			if text := bytes.Join(m[1:], nil); utf8.Valid(text) {
				values = append(values, string(text))
			}
		}
	}
	return values
}

var xmpProducer = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`pdf:Producer(?:>([^<]{1,200})<|="([^"]{1,200})"|='([^']{1,200})')`)
})

// longestName is how much of a program's name is shown, in letters.
const longestName = 80

// plain is a name from a stranger's file with nothing left but letters, digits,
// single blanks and plain punctuation.
func plain(s string) string {
	var b strings.Builder
	n, last := 0, ' '
	for _, r := range s {
		switch {
		case n == longestName:
			return b.String() + "..."
		case r == ' ' && last == ' ':
			continue
		case unicode.In(r, unicode.L, unicode.Nd) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
		case strings.ContainsRune(" .,:;-_+/()@#&", r):
		default:
			r = '?'
		}
		b.WriteRune(r)
		n, last = n+1, r
	}
	return strings.TrimSpace(b.String())
}

package main

import (
	"fmt"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
)

// A layout draws a transcript on a sheet.
type layout struct {
	width, height float64 // points
	draw          func(*sheet, *transcript)
}

const (
	letterWidth, letterHeight = 612, 792
	a4Width, a4Height         = 595.28, 841.89
)

// A sheet is a PDF in the making: fpdf, in points from the upper left corner, with text that is set at its baseline, falls
// back to the Chinese face, and fails when a glyph is missing or the room does not suffice.
type sheet struct {
	*fpdf.Fpdf
	fonts  *fonts
	cp1252 func(string) string
	width  float64
	height float64
	pages  int // in the finished document; 0 while they are being counted

	face   *face
	weight weight
	size   float64
	ink    colour
}

type colour [3]int

var (
	black = colour{0, 0, 0}
	white = colour{255, 255, 255}
	grey  = colour{105, 105, 110}
)

// mix is that much of a and the rest of b.
func mix(a, b colour, share float64) colour {
	var c colour
	for i := range c {
		c[i] = int(float64(a[i])*share + float64(b[i])*(1-share) + 0.5)
	}
	return c
}

// render draws a document twice: first to learn how many pages it has.
func render(t *transcript, f *fonts) ([]byte, error) {
	count, err := drawn(t, f, 0)
	if err != nil {
		return nil, err
	}
	final, err := drawn(t, f, count.PageCount())
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	if err := final.Output(&out); err != nil {
		return nil, err
	}
	return []byte(out.String()), nil
}

func drawn(t *transcript, f *fonts, pages int) (*sheet, error) {
	s := newSheet(t.layout, f)
	s.pages = pages
	if err := s.describe(t); err != nil {
		return nil, err
	}
	t.layout.draw(s, t)
	return s, s.Error()
}

func newSheet(l layout, f *fonts) *sheet {
	pdf := fpdf.NewCustom(&fpdf.InitType{UnitStr: "pt", Size: fpdf.SizeType{Wd: l.width, Ht: l.height}})
	pdf.SetAutoPageBreak(false, 0)
	pdf.SetMargins(0, 0, 0)
	pdf.SetCatalogSort(true) // the same bytes on every run
	return &sheet{Fpdf: pdf, fonts: f, cp1252: pdf.UnicodeTranslatorFromDescriptor("cp1252"), width: l.width, height: l.height}
}

// describe fills in the metadata, which says of every file that nothing in it is real.
func (s *sheet) describe(t *transcript) error {
	day, err := time.Parse(time.DateOnly, t.issued)
	if err != nil {
		return err
	}
	at := day.Add(9*time.Hour + time.Duration(likely(50, t.number))*time.Minute)
	s.SetCreationDate(at)
	s.SetModificationDate(at)
	s.SetTitle(fmt.Sprintf("%s – %s", t.number, t.student.name), true)
	s.SetAuthor(t.school.name, true)
	s.SetCreator(t.school.system, true)
	s.SetSubject("Transcript of a person who does not exist, from an institution that does not exist", true)
	s.SetKeywords("gradseal test data, fictitious", true)
	if t.school.lang != "" {
		s.SetLang(t.school.lang)
	}
	return nil
}

// set chooses the face for what follows.
func (s *sheet) set(f *face, w weight, size float64) { s.face, s.weight, s.size = f, w, size }

func (s *sheet) colour(c colour) {
	s.ink = c
	s.SetTextColor(c[0], c[1], c[2])
}

func (s *sheet) fill(c colour) { s.SetFillColor(c[0], c[1], c[2]) }

func (s *sheet) stroke(c colour, width float64) {
	s.SetDrawColor(c[0], c[1], c[2])
	s.SetLineWidth(width)
}

// box fills a rectangle.
func (s *sheet) box(x, y, w, h float64, c colour) {
	s.fill(c)
	s.Rect(x, y, w, h, "F")
}

// rule draws a horizontal line.
func (s *sheet) rule(x, y, w, thickness float64, c colour) {
	s.stroke(c, thickness)
	s.Line(x, y, x+w, y)
}

// A run is a piece of text in one face, spelled as fpdf wants it.
type run struct {
	face *face
	text string
}

func (s *sheet) runs(text string) []run {
	var runs []run
	for _, r := range text {
		f := s.face
		if isHan(r) {
			f = han
		}
		if n := len(runs); n == 0 || runs[n-1].face != f {
			runs = append(runs, run{face: f})
		}
		runs[len(runs)-1].text += string(r)
	}
	for i := range runs {
		if runs[i].face.core {
			runs[i].text = s.latin(runs[i].text)
		}
	}
	return runs
}

// latin spells text for a core face. The translator's answer to what it does not know is a full stop.
func (s *sheet) latin(text string) string {
	for _, r := range text {
		if r != '.' && s.cp1252(string(r)) == "." {
			s.SetErrorf("%q: core faces have no %q", text, r)
		}
	}
	return s.cp1252(text)
}

// use makes a face the current one in fpdf, embedding it at first use.
func (s *sheet) use(r run) {
	w := s.weight
	if _, ok := r.face.files[w]; !ok && !r.face.core {
		w = regular
	}
	if !r.face.core {
		s.embed(r, w)
	}
	s.SetFont(r.face.name, string(w), s.size)
}

func (s *sheet) embed(r run, w weight) {
	file, err := s.fonts.load(r.face.files[w])
	if err != nil {
		s.SetError(err)
		return
	}
	for _, c := range r.text {
		if c > 0xffff || file.glyphs[uint16(c)] == 0 {
			s.SetErrorf("%q: %s has no glyph for %q (%U)", r.text, r.face.name, c, c)
		}
	}
	s.AddUTF8FontFromBytes(r.face.name, string(w), file.data)
}

// long is the width of text in points.
func (s *sheet) long(text string) float64 {
	var sum float64
	for _, r := range s.runs(text) {
		s.use(r)
		sum += s.GetStringWidth(r.text) * float64(r.face.stretch) / 100
	}
	return sum
}

func (s *sheet) text(x, y float64, text string) {
	for _, r := range s.runs(text) {
		s.use(r)
		s.put(x, y, r)
		x += s.GetStringWidth(r.text) * float64(r.face.stretch) / 100
	}
}

func (s *sheet) put(x, y float64, r run) {
	heavy := r.face == han && s.weight == bold
	if heavy {
		s.stroke(s.ink, s.size/38)
		s.SetTextRenderingMode(2)
	}
	if r.face.stretch != 100 {
		s.RawWriteStr(fmt.Sprintf("%d Tz", r.face.stretch))
	}
	s.Text(x, y, r.text)
	if r.face.stretch != 100 {
		s.RawWriteStr("100 Tz")
	}
	if heavy {
		s.SetTextRenderingMode(0)
	}
}

func (s *sheet) right(x, y float64, text string)  { s.text(x-s.long(text), y, text) }
func (s *sheet) centre(x, y float64, text string) { s.text(x-s.long(text)/2, y, text) }

// fit sets text in w points, a little smaller if it must be; align is 'l', 'r' or 'c'. What still does not fit is an error.
func (s *sheet) fit(x, y, w float64, align byte, text string) {
	size := s.size
	for s.long(text) > w && s.size > size*0.78 {
		s.size -= 0.1
	}
	if got := s.long(text); got > w {
		s.SetErrorf("%q is %.1f points wide, room for %.1f", text, got, w)
	}
	switch align {
	case 'l':
		s.text(x, y, text)
	case 'r':
		s.right(x+w, y, text)
	case 'c':
		s.centre(x+w/2, y, text)
	default:
		panic("alignment " + string(align))
	}
	s.size = size
}

// A column is a place for one cell of each row.
type column struct {
	x, w  float64
	align byte
	head  string
}

// row sets cells in their columns. An empty cell takes no room.
func (s *sheet) row(y float64, columns []column, cells ...string) {
	for i, c := range cells {
		if c != "" {
			s.fit(columns[i].x, y, columns[i].w, columns[i].align, c)
		}
	}
}

func (s *sheet) heads(y float64, columns []column) {
	for _, c := range columns {
		s.fit(c.x, y, c.w, c.align, c.head)
	}
}

// paragraph sets text in lines of at most w points and returns the baseline of a line that would follow.
func (s *sheet) paragraph(x, y, w, lead float64, text string) float64 {
	for _, line := range s.lines(w, text) {
		s.text(x, y, line)
		y += lead
	}
	return y
}

func (s *sheet) lines(w float64, text string) []string {
	var lines []string
	var line string
	for _, word := range words(text) {
		if line != "" && s.long(strings.TrimRight(line+word, " ")) > w {
			lines = append(lines, strings.TrimRight(line, " "))
			line = ""
		}
		line += word
	}
	return append(lines, strings.TrimRight(line, " "))
}

// words cuts text where a line may end: after a space and after an ideograph, but not before closing punctuation.
func words(text string) []string {
	var all []string
	breakable := true
	for _, r := range text {
		if breakable && (len(all) == 0 || !strings.ContainsRune("，。；：、）》”", r)) {
			all = append(all, "")
		}
		all[len(all)-1] += string(r)
		breakable = r == ' ' || isHan(r)
	}
	return all
}

// page starts a page and returns its number.
func (s *sheet) page() int {
	s.AddPage()
	s.colour(black)
	return s.PageNo()
}

// pageOf is "Page 1 of 3" with the words of a language.
func (s *sheet) pageOf(format string) string { return fmt.Sprintf(format, s.PageNo(), s.pages) }

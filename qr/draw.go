package qr

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"github.com/skip2/go-qrcode"
)

const (
	// level is how much of a code may be lost: 15 per cent of its words. With 7
	// per cent hardly fewer photographs were read, but a fold or a stamp needs
	// more; 25 make codes an eighth wider.
	level = qrcode.Medium

	quiet     = 4 // light squares around a code that it needs
	inRow     = 4 // codes beside each other on a sheet
	labelRows = 5 // squares of a label's height
	labelGap  = 4 // squares from a label to its code

	pixels      = 8   // of a picture, to a square
	millimetres = 0.4 // of a drawing, to a square: what a telephone reads well
)

// Sheet is codes on white, to be drawn: one, or all of a proof in rows, with the
// number of each above it.
type Sheet struct {
	width, height int // in squares
	dark          []bool
}

// NewSheet lays out the codes of parts, as Split returned them.
func NewSheet(parts [][]byte) (*Sheet, error) {
	if len(parts) == 0 {
		return nil, errors.New("no parts to draw")
	}
	codes := make([][][]bool, len(parts))
	cell := 0
	for i, text := range parts {
		one, err := qrcode.New(string(text), level)
		if err != nil {
			return nil, fmt.Errorf("code %d: %w", i+1, err)
		}
		one.DisableBorder = true
		codes[i] = one.Bitmap()
		cell = max(cell, len(codes[i]))
	}
	rows := (len(parts) + inRow - 1) / inRow
	columns := (len(parts) + rows - 1) / rows
	stepX, stepY := cell+2*quiet, cell+2*quiet+labelRows+labelGap
	s := &Sheet{width: columns * stepX, height: rows * stepY}
	s.dark = make([]bool, s.width*s.height)
	for i, code := range codes {
		x, y := i%columns*stepX+quiet, i/columns*stepY+quiet
		s.label(x, y, parts[i])
		s.stamp(x, y+labelRows+labelGap, code)
	}
	return s, nil
}

func (s *Sheet) stamp(x, y int, code [][]bool) {
	for dy, row := range code {
		for dx, dark := range row {
			s.dark[(y+dy)*s.width+x+dx] = dark
		}
	}
}

// digits are 3 squares wide and 5 high, rows from the top, 3 bits each.
var digits = map[rune][labelRows]byte{
	'0': {7, 5, 5, 5, 7}, '1': {2, 6, 2, 2, 7}, '2': {7, 1, 7, 4, 7}, '3': {7, 1, 7, 1, 7},
	'4': {5, 5, 7, 1, 1}, '5': {7, 4, 7, 1, 7}, '6': {7, 4, 7, 5, 7}, '7': {7, 1, 1, 1, 1},
	'8': {7, 5, 7, 5, 7}, '9': {7, 5, 7, 1, 7}, '/': {1, 1, 2, 4, 4},
}

// label draws the number of a part in squares, so that no font is needed.
func (s *Sheet) label(x, y int, text []byte) {
	rest, ok := strings.CutPrefix(string(text), prefix)
	if !ok {
		return
	}
	number, _, _ := strings.Cut(rest, " ")
	for _, r := range number {
		for dy, row := range digits[r] {
			for dx := range 3 {
				s.dark[(y+dy)*s.width+x+dx] = row>>(2-dx)&1 == 1
			}
		}
		x += 4
	}
}

// PNG returns the sheet as a picture, 8 pixels to a square.
func (s *Sheet) PNG() ([]byte, error) {
	img := image.NewPaletted(image.Rect(0, 0, s.width*pixels, s.height*pixels), color.Palette{color.White, color.Black})
	for y := range s.height * pixels {
		for x := range s.width * pixels {
			if s.dark[y/pixels*s.width+x/pixels] {
				img.Pix[y*img.Stride+x] = 1
			}
		}
	}
	var b bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, img)
	return b.Bytes(), err
}

// SVG returns the sheet as a drawing, 0.4 mm to a square; it may be scaled. title
// is what a screen reader says of it, and is escaped.
func (s *Sheet) SVG(title string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.1fmm" height="%.1fmm" viewBox="0 0 %d %d" shape-rendering="crispEdges" role="img">`+"\n",
		millimetres*float64(s.width), millimetres*float64(s.height), s.width, s.height)
	b.WriteString("<title>")
	xml.EscapeText(&b, []byte(title))
	b.WriteString("</title>\n")
	fmt.Fprintf(&b, `<path fill="#fff" d="M0 0h%dv%dh-%dz"/>`+"\n"+`<path fill="#000" d="`, s.width, s.height, s.width)
	for y := range s.height {
		row := s.dark[y*s.width : (y+1)*s.width]
		for x := 0; x < len(row); x++ {
			run := 0
			for x+run < len(row) && row[x+run] {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x, y, run, run)
				x += run
			}
		}
	}
	b.WriteString("\"/>\n</svg>\n")
	return b.Bytes()
}

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"codeberg.org/go-pdf/fpdf"
)

// A face is a typeface in up to three weights. A core face is one that every PDF reader has; the others are embedded.
type face struct {
	name    string
	core    bool
	files   map[weight]string // below the font folder
	stretch int               // per cent: the DejaVu faces run wide
}

type weight string

const (
	regular weight = ""
	bold    weight = "B"
	italic  weight = "I"
)

var (
	times     = &face{name: "Times", core: true, stretch: 100}
	helvetica = &face{name: "Helvetica", core: true, stretch: 100}

	serif = &face{name: "DejaVuSerif", stretch: 90, files: map[weight]string{
		regular: "dejavu/DejaVuSerif.ttf", bold: "dejavu/DejaVuSerif-Bold.ttf"}}
	sans = &face{name: "DejaVuSans", stretch: 90, files: map[weight]string{
		regular: "dejavu/DejaVuSans.ttf", bold: "dejavu/DejaVuSans-Bold.ttf"}}
	// han has one weight; a bold one is made by stroking its outlines.
	han = &face{name: "DroidSansFallback", stretch: 100, files: map[weight]string{
		regular: "droid/DroidSansFallbackFull.ttf"}}
)

// fonts reads font files once, however many documents use them.
type fonts struct {
	dir   string
	files map[string]*font
}

type font struct {
	data   []byte
	glyphs map[uint16]uint16
}

func newFonts(dir string) *fonts { return &fonts{dir: dir, files: make(map[string]*font)} }

func (f *fonts) load(name string) (*font, error) {
	if known := f.files[name]; known != nil {
		return known, nil
	}
	path := filepath.Join(f.dir, filepath.FromSlash(name))
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	info, err := fpdf.TtfParse(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f.files[name] = &font{data, info.Chars}
	return f.files[name], nil
}

// isHan tells what is set in the Chinese face, which has no Latin letters; ideographs, their punctuation, full-width forms.
func isHan(r rune) bool { return r >= 0x2E80 }

// Command transcripts writes the transcript PDFs in testdata/transcripts: people, institutions and records that do not exist,
// in the layouts, scripts and file names that a registrar meets. It writes the same bytes on every run.
//
//	go run ./internal/transcripts -o testdata/transcripts
//
// It needs the fonts of the Debian packages fonts-dejavu-core and fonts-droid-fallback, of which each file embeds the glyphs
// that it uses.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

const debianFonts = "/usr/share/fonts/truetype"

func main() {
	out := flag.String("o", "", "folder to write to")
	dir := flag.String("fonts", debianFonts, "folder with dejavu/ and droid/")
	flag.Parse()
	if *out == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := write(*out, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "transcripts: error:", err)
		os.Exit(1)
	}
}

func write(out, fontDir string) error {
	all, err := everyone()
	if err != nil {
		return err
	}
	fonts := newFonts(fontDir)
	for _, t := range all {
		pdf, err := finished(t, fonts)
		if err != nil {
			return fmt.Errorf("%s: %w", t.file, err)
		}
		path := filepath.Join(out, filepath.FromSlash(t.file))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, pdf, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// finished is the PDF as its institution gives it out.
func finished(t *transcript, f *fonts) ([]byte, error) {
	if t.layout.draw == nil {
		return renderLegacy(t)
	}
	pdf, err := render(t, f)
	if err != nil || !t.signed {
		return pdf, err
	}
	return sign(pdf, t)
}

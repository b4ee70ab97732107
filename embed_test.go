package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"gradseal/internal/browser"
)

// embedding is a folder of PDFs, docs, and one of the same with their proofs in
// them, out.
type embedding struct {
	*registrar
	names   []string          // of those that carry a proof, relative to both
	refused map[string]string // why the others do not
	signed  []string          // those of names with a digital signature
}

// embedAll anchors the project's transcripts and, where TEST_FOREIGN_PDFS names
// a folder of them, PDFs that this project did not make, and puts the proofs in.
func embedAll(t *testing.T) *embedding {
	e := &embedding{registrar: newRegistrar(t, builtProgram(t)), refused: make(map[string]string)}
	docs := filepath.Join(e.dir, "docs")
	require.NoError(t, os.CopyFS(filepath.Join(docs, "ours"), os.DirFS("testdata/transcripts")))
	dropProofs(t, docs)
	if from := os.Getenv("TEST_FOREIGN_PDFS"); from != "" {
		require.NoError(t, os.CopyFS(filepath.Join(docs, "foreign"), os.DirFS(from)))
	}
	e.run(t, "anchor", docs)
	cmd := e.command(t.Context(), "--json", "embed", docs, "-o", filepath.Join(e.dir, "out"))
	printed, err := cmd.Output()
	var exit *exec.ExitError // where some were left out
	require.True(t, err == nil || errors.As(err, &exit), "%v", err)
	var result struct {
		Files []struct {
			Document string
			Signed   bool
		}
		Refused []struct{ File, Fault string }
	}
	first, _, _ := bytes.Cut(printed, []byte("\n"))
	require.NoError(t, json.Unmarshal(first, &result), "%s", printed)
	for _, f := range result.Files {
		name, err := filepath.Rel(docs, f.Document)
		require.NoError(t, err)
		e.names = append(e.names, name)
		if f.Signed {
			e.signed = append(e.signed, name)
		}
	}
	for _, r := range result.Refused {
		e.refused[filepath.Base(r.File)] = r.Fault
	}
	t.Logf("%d PDFs carry their proof, %d of them signed; refused: %v", len(e.names), len(e.signed), e.refused)
	return e
}

// both are the paths of a document without and with its proof.
func (e *embedding) both(name string) []string {
	return []string{filepath.Join(e.dir, "docs", name), filepath.Join(e.dir, "out", name)}
}

// requireSame runs a program over a document without and with its proof: it has
// to end in the same way and print the same, and is asked for what it wrote to
// the folder that its arguments name as OUT.
func (e *embedding) requireSame(t *testing.T, name, program string, args ...string) map[string][]byte {
	t.Helper()
	var said []string
	var wrote []map[string][]byte
	for _, path := range e.both(name) {
		dir := t.TempDir()
		line := make([]string, len(args))
		for i, arg := range args {
			line[i] = strings.NewReplacer("PDF", path, "OUT", dir).Replace(arg)
		}
		cmd := exec.CommandContext(t.Context(), program, line...)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		require.True(t, err == nil || errors.As(err, &exit), "%s: %v", program, err)
		said = append(said, fmt.Sprintf("exit code %d\n%s", cmd.ProcessState.ExitCode(), bytes.ReplaceAll(out, []byte(path), []byte("PDF"))))
		wrote = append(wrote, readFolder(t, dir))
	}
	require.Equal(t, said[0], said[1], "%s %v", program, args)
	require.Equal(t, len(wrote[0]), len(wrote[1]))
	for file, data := range wrote[0] {
		require.True(t, bytes.Equal(data, wrote[1][file]), "%s of %s differs with the proof in it", file, name)
	}
	wrote[0][""] = []byte(said[0])
	return wrote[0]
}

func readFolder(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files[filepath.Base(path)], err = os.ReadFile(path)
		return err
	}))
	return files
}

// emptyPage is a foreign PDF that has nothing on its page.
var emptyPage = filepath.Join("foreign", "signed.pdf")

// requireDrawn checks that pictures were made, and that none is blank: on a blank
// one all would be alike.
func requireDrawn(t *testing.T, document string, files map[string][]byte) {
	t.Helper()
	pages := 0
	for name, data := range files {
		if !strings.HasSuffix(name, ".png") {
			continue
		}
		pages++
		if document != emptyPage {
			require.False(t, isBlank(t, data), "%s of %s is blank", name, document)
		}
	}
	require.NotZero(t, pages)
}

// isBlank reports whether a picture has the colour of its corner everywhere, but
// for a few points.
func isBlank(t *testing.T, data []byte) bool {
	t.Helper()
	picture := decode(t, data)
	bounds := picture.Bounds()
	corner, others := picture.At(bounds.Min.X, bounds.Min.Y), 0
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			if picture.At(x, y) != corner {
				if others++; others == 50 {
					return false
				}
			}
		}
	}
	return true
}

func decode(t *testing.T, data []byte) image.Image {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	return picture
}

// commonest is the colour that most points of a picture have, but for its border
// of some points, and how many have another.
func commonest(picture image.Image, border int) (most color.RGBA64, others int) {
	counts := make(map[color.RGBA64]int)
	bounds := picture.Bounds().Inset(border)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c := color.RGBA64Model.Convert(picture.At(x, y)).(color.RGBA64)
			if counts[c]++; counts[c] > counts[most] {
				most = c
			}
		}
	}
	return most, bounds.Dx()*bounds.Dy() - counts[most]
}

// TestEmbeddedLooksTheSame draws and reads PDFs with and without their proof by
// qpdf, poppler and MuPDF: not a point and not a letter differs, nor what they
// complain of.
func TestEmbeddedLooksTheSame(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: drawing every document twice takes a minute")
	}
	t.Parallel()
	need(t, "qpdf", "pdftotext", "pdftoppm", "mutool")
	e := embedAll(t)
	require.GreaterOrEqual(t, len(e.names), 24)
	withText := 0
	for _, name := range e.names {
		t.Run(name, func(t *testing.T) {
			e.requireSame(t, name, "qpdf", "--check", "PDF")
			e.requireSame(t, name, "qpdf", "--show-npages", "PDF")
			e.requireSame(t, name, "pdfinfo", "-meta", "PDF")
			if text := e.requireSame(t, name, "pdftotext", "-layout", "PDF", "-")[""]; len(bytes.TrimSpace(text)) > len("exit code 0") {
				withText++
			}
			e.requireSame(t, name, "mutool", "draw", "-q", "-F", "stext", "PDF")
			requireDrawn(t, name, e.requireSame(t, name, "pdftoppm", "-png", "-r", "72", "PDF", filepath.Join("OUT", "page")))
			requireDrawn(t, name, e.requireSame(t, name, "mutool", "draw", "-q", "-r", "72", "-o", filepath.Join("OUT", "page%d.png"), "PDF"))
		})
	}
	require.GreaterOrEqual(t, withText, 24)
	// What takes a file apart gives back what was issued.
	for _, name := range e.names {
		both := e.both(name)
		e.run(t, "extract", both[1], "-o", filepath.Join(e.dir, "back.pdf"))
		for _, suffix := range []string{"", ".proof.json"} {
			want, err := os.ReadFile(both[0] + suffix)
			require.NoError(t, err)
			got, err := os.ReadFile(filepath.Join(e.dir, "back.pdf"+suffix))
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, got), "%s%s", name, suffix)
			require.NoError(t, os.Remove(filepath.Join(e.dir, "back.pdf"+suffix)))
		}
	}
	e.run(t, "verify", "--network", "regtest", filepath.Join(e.dir, "out"))
}

// TestEmbeddedSignatures has poppler check the digital signatures of PDFs: with
// the proof in the file they stay what they were, but that they do not cover all
// of it any more, of which embed warns.
func TestEmbeddedSignatures(t *testing.T) {
	t.Parallel()
	need(t, "pdfsig")
	e := embedAll(t)
	require.NotEmpty(t, e.signed)
	const total, notTotal = "Total document signed", "Not total document signed"
	covered := 0
	for _, name := range e.names {
		var said []string
		for _, path := range e.both(name) {
			out, err := exec.CommandContext(t.Context(), "pdfsig", "-nocert", path).CombinedOutput()
			require.True(t, err == nil || bytes.Contains(out, []byte("does not contain any signatures")) || bytes.Contains(out, []byte("Signature")), "%s", out)
			said = append(said, strings.ReplaceAll(string(out), path, "PDF"))
		}
		isSigned := strings.Contains(said[0], "Signature #1")
		require.Equal(t, isSigned, slices.Contains(e.signed, name), "%s: %s", name, said[0])
		if isSigned {
			covered += strings.Count(said[0], "- "+total)
			require.Equal(t, strings.ReplaceAll(said[0], "- "+total, "- "+notTotal), said[1], name)
		}
	}
	require.NotZero(t, covered)
}

// TestEmbeddedInChromium compares what the viewer of Chromium shows, over a few
// of the transcripts and all foreign PDFs: each takes a second or two.
func TestEmbeddedInChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a browser takes a while")
	}
	t.Parallel()
	browser.Need(t)
	e := embedAll(t)
	ctx := browser.New(t, 10*time.Minute, chromedp.WindowSize(900, 1200))
	seen := make(map[string]string)
	ours, foreign := 0, 0
	for _, name := range e.names {
		if strings.HasPrefix(name, "ours") {
			if ours++; ours > 6 {
				continue
			}
		} else if name == emptyPage {
			continue
		} else {
			foreign++
		}
		picture := e.inChromium(t, ctx, name)
		if other, twice := seen[picture]; twice && strings.HasPrefix(name, "ours") {
			require.Fail(t, "two documents look alike, so neither was drawn", "%s and %s", other, name)
		}
		seen[picture] = name
	}
	t.Logf("%d PDFs of ours and %d foreign ones look the same", min(ours, 6), foreign)
}

// inChromium is a picture of what the viewer shows of a document without and with
// its proof, once it has drawn a page with something on it. The two have to come to
// look alike: while a page is drawn bit by bit they need not.
func (e *embedding) inChromium(t *testing.T, ctx context.Context, name string) string {
	t.Helper()
	var tabs []context.Context
	for _, path := range e.both(name) {
		tab, closeTab := chromedp.NewContext(ctx) // of its own: an old one shows what it did for a while
		defer closeTab()
		// Without a tool bar, which shows the name.
		address := (&url.URL{Scheme: "file", Path: path, Fragment: "toolbar=0&view=FitH"}).String()
		require.NoError(t, chromedp.Do(tab, chromedp.Navigate(address)))
		tabs = append(tabs, tab)
	}
	last := ""
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "%s is not drawn, or looks different with its proof in it", name)
		var pictures []string
		for _, tab := range tabs {
			data, err := chromedp.Run(tab, chromedp.CaptureScreenshot())
			require.NoError(t, err)
			pictures = append(pictures, string(data))
		}
		if pictures[0] == pictures[1] && pictures[0] == last {
			// Within the shadow around it, a page is white and has something on it;
			// the viewer is dark before it has drawn one.
			if most, others := commonest(decode(t, []byte(last)), 40); most.R > 0xe000 && others > 100 {
				return last
			}
		}
		last = pictures[0]
	}
}

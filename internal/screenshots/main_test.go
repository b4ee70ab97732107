package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/internal/browser"
	"gradseal/internal/gotool"
)

var kept = filepath.Join("..", "..", "docs", "images")

// again is what to do where pictures are not true any more.
const again = "in the root of the repository: go run ./internal/screenshots -o docs/images, and look at the pictures"

// names are the pictures of the README.
var names = []string{"page", "page.zh", "terminal"}

// TestPicturesAreTrue makes the pictures again: page and terminal still say what
// the kept pictures show.
func TestPicturesAreTrue(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: building the program with a page takes a while")
	}
	if runtime.GOOS != "linux" {
		t.Skip("a terminal is opened as on Linux")
	}
	browser.Need(t)
	if _, err := exec.LookPath("go"); err != nil {
		t.Skipf("the go command is not on PATH: %v", err)
	}
	tools, err := gotool.New(t.Context(), ".")
	require.NoError(t, err)
	pictures, err := takeAll(t.Context(), tools)
	require.NoError(t, err)
	require.Len(t, pictures, len(names))
	for i, p := range pictures {
		require.Equal(t, names[i], p.name)
		want, err := os.ReadFile(filepath.Join(kept, p.name+".txt"))
		require.NoError(t, err)
		require.Equal(t, string(want), p.text, "docs/images/%s.png is not true any more; %s", p.name, again)
		data, err := p.png()
		require.NoError(t, err)
		checkPicture(t, p.name, data, want)
	}
}

// TestKeptPictures: the kept pictures belong to the texts beside them, are small,
// and are all that is in the folder beside the plots of what was measured.
func TestKeptPictures(t *testing.T) {
	entries, err := os.ReadDir(kept)
	require.NoError(t, err)
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return filepath.Ext(e.Name()) == ".svg" })
	require.Len(t, entries, 2*len(names))
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(kept, name+".png"))
		require.NoError(t, err)
		text, err := os.ReadFile(filepath.Join(kept, name+".txt"))
		require.NoError(t, err)
		checkPicture(t, name, data, text)
	}
}

// checkPicture requires a picture of at most 200 kB with that text, on which there
// is something.
func checkPicture(t *testing.T, name string, data, text []byte) {
	t.Helper()
	require.Less(t, len(data), 200_000, name)
	sum, err := textOf(data, keyword)
	require.NoError(t, err, name)
	require.Equal(t, fmt.Sprintf("%x", sha256.Sum256(text)), sum, "%s.png and %s.txt are not of one run; %s", name, name, again)
	picture, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err, name)
	require.Greater(t, picture.Bounds().Dx(), 1000, name)
	require.Greater(t, picture.Bounds().Dy(), 500, name)
	require.IsType(t, &image.Paletted{}, picture)
	used := make(map[uint8]int)
	for _, c := range picture.(*image.Paletted).Pix {
		used[c]++
	}
	require.Greater(t, len(used), 50, "%s: a picture of text has edges of many shades", name)
	require.NotRegexp(t, regexp.MustCompile(`[0-9a-f]{32}|20\d\d-\d\d|July|November`), string(text), "something that changes was not replaced")
}

// TestSettled: of what changes there is a placeholder, of the rest nothing.
func TestSettled(t *testing.T) {
	hash := strings.Repeat("0123456789abcdef", 4)
	for text, want := range map[string]string{
		"SHA-256 " + hash + ", x": "SHA-256 HASH, x\n",
		"Fingerprint 6c39 14bf ab69 c4fe bd42 904c 38ad 5c92 2a06 e1e8": "Fingerprint FINGERPRINT\n",
		"block 102, 2026-11-23T07:11:51Z":                               "block 102, DATE\n",
		"as of 2026-11-23 (status list 1)":                              "as of DATE (status list 1)\n",
		"on 3 May 2026 at 07:11 by the clock":                           "on DATE by the clock\n",
		"核验时间：2026年11月23日 07:11（":                                       "核验时间：DATE（\n",
		"entry 2 of 3; It is number 12 of 30":                           "entry N of 3; It is number N of 30\n",
		"Made with gradseal v0.3.0-rc.1+x":                              "Made with gradseal VERSION\n",
		"gradseal verify: 30382 of 30547 bytes, KBSU-884120":            "gradseal verify: 30382 of 30547 bytes, KBSU-884120\n",
		"\n\na  \n\n\nb\u00a0\n\n":                                      "a\n\nb\n",
	} {
		require.Equal(t, want, settled(text))
	}
}

func TestDrawn(t *testing.T) {
	got, err := drawn([]byte("\x1b[1;31mNO\x1b[0m <b>\n"))
	require.NoError(t, err)
	require.Equal(t, "<span class=\"\"></span><span class=\"bold red\">NO</span><span class=\"\"> &lt;b&gt;\n</span>", got)
	require.Equal(t, "NO x\n", plain([]byte("\x1b[1;31mNO\x1b[0m x\n")))
	for _, bad := range []string{"\x1b[2K", "a\rb", "\x1b[38;5;9mred", "\t"} {
		_, err := drawn([]byte(bad))
		require.Error(t, err, "%q", bad)
	}
}

func TestOnTerminal(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("a terminal is opened as on Linux")
	}
	got, code, err := onTerminal(exec.Command("sh", "-c", "test -t 1 && stty size && exit 7"))
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("%d %d\n", rows, columns), string(got))
	require.Equal(t, 7, code)
}

// TestReduced: colours that are frequent and not alike stay as they are, a rare one
// becomes the nearest of them.
func TestReduced(t *testing.T) {
	full := image.NewRGBA(image.Rect(0, 0, 600, 3))
	for x := range 600 {
		c := color.RGBA{uint8(x % 16 * 16), uint8(x / 16 % 16 * 16), 128, 255} // 256 colours, some of them thrice
		for y := range 3 {
			full.Set(x, y, c)
		}
	}
	full.Set(7, 1, color.RGBA{7*16 + 3, 2, 130, 255})
	small := reduced(full)
	require.Len(t, small.Palette, most)
	for y := range 3 {
		for x := range 600 {
			want := opaque(full.At(x, y))
			if x == 7 && y == 1 {
				want = color.RGBA{7 * 16, 0, 128, 255}
			}
			require.Equal(t, want, opaque(small.At(x, y)), "%d, %d", x, y)
		}
	}
}

func TestTextOf(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, image.NewRGBA(image.Rect(0, 0, 2, 2))))
	data := withText(b.Bytes(), keyword, "abc")
	_, err := png.Decode(bytes.NewReader(data)) // checks the sums of all chunks
	require.NoError(t, err)
	got, err := textOf(data, keyword)
	require.NoError(t, err)
	require.Equal(t, "abc", got)
	_, err = textOf(b.Bytes(), keyword)
	require.Error(t, err)
}

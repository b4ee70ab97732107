package qr_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/proof"
	"gradseal/qr"
)

// octets are so many that look like chance, the same on every run.
func octets(n int, seed uint64) []byte {
	rnd := rand.New(rand.NewPCG(seed, 0))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

func split(t testing.TB, compact []byte) [][]byte {
	t.Helper()
	parts, err := qr.Split(compact)
	require.NoError(t, err)
	return parts
}

// TestSplit: every length comes back from its parts, in any order and more than
// once, and no part is longer than it may be.
func TestSplit(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 3, 445, 446, 447, 892, 893, 1500, 5000, 46_000, proof.MaxCompact} {
		whole := octets(n, uint64(n))
		parts := split(t, whole)
		require.Len(t, parts, (n+445)/446)
		order := rnd.Perm(len(parts))
		var p qr.Parts
		for k, i := range order {
			require.LessOrEqual(t, len(parts[i]), qr.MaxPart)
			_, done := p.Done()
			require.False(t, done)
			require.Equal(t, k, p.Have())
			require.Len(t, p.Missing(), p.Of()-k)
			require.NoError(t, p.Add(parts[i]))
			require.NoError(t, p.Add(parts[i]), "a second time")
		}
		got, done := p.Done()
		require.True(t, done)
		require.Equal(t, whole, got)
		require.Equal(t, len(parts), p.Of())
		require.Empty(t, p.Missing())
	}
	for _, n := range []int{0, proof.MaxCompact + 1} {
		_, err := qr.Split(make([]byte, n))
		require.Error(t, err)
	}
}

// A part that is refused leaves those before it as they were.
func TestPartsKeepWhatTheyHave(t *testing.T) {
	whole := octets(1200, 1)
	parts := split(t, whole)
	var p qr.Parts
	require.NoError(t, p.Add(parts[1]))
	require.ErrorIs(t, p.Add([]byte("https://uni.example")), qr.ErrNotPart)
	require.ErrorIs(t, p.Add(split(t, octets(1200, 2))[0]), qr.ErrOther)
	require.Error(t, p.Add(parts[1][:len(parts[1])-2]))
	require.Equal(t, []int{1, 3}, p.Missing())
	require.NoError(t, p.Add(parts[0]))
	changed := bytes.Clone(parts[2])
	changed[len(changed)-4] ^= 1 // still base45
	require.ErrorContains(t, p.Add(changed), "do not make one proof")
	require.Equal(t, []int{3}, p.Missing())
	require.NoError(t, p.Add(parts[2]))
	got, done := p.Done()
	require.True(t, done)
	require.Equal(t, whole, got)
}

// The example of docs/format.md is what the program writes.
func TestFormatExample(t *testing.T) {
	text, err := os.ReadFile("../docs/format.md")
	require.NoError(t, err)
	block := func(heading, fence string) []string {
		_, section, ok := strings.Cut(string(text), "\n### "+heading+" ")
		require.True(t, ok)
		blocks := strings.Split(section, "```")
		var all []string
		for i := 1; i < len(blocks); i += 2 {
			all = append(all, strings.TrimPrefix(blocks[i], fence+"\n"))
		}
		return all
	}
	p, err := proof.Parse([]byte(block("20.2", "json")[0]))
	require.NoError(t, err)
	compact, err := proof.MarshalCompact(p)
	require.NoError(t, err)
	example := block("22.3", "")
	require.Equal(t, strings.ReplaceAll(example[0], "\n", ""), fmt.Sprintf("%x", compact))
	require.Equal(t, example[1], string(bytes.Join(split(t, compact), []byte("\n")))+"\n")
}

func FuzzParts(f *testing.F) {
	for _, n := range []int{1, 40, 447} {
		for _, part := range split(f, octets(n, 1)) {
			f.Add(part)
		}
	}
	f.Add([]byte("GRADSEAL 147/147 :::"))
	f.Add([]byte("GRADSEAL 1/1 00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var p qr.Parts
		if err := p.Add(text); err != nil {
			require.Zero(t, p.Have())
			return
		}
		require.Equal(t, 1, p.Have())
		if whole, done := p.Done(); done {
			require.Equal(t, [][]byte{text}, split(t, whole))
		}
	})
}

// sheetOf is a picture of the codes.
func sheetOf(t testing.TB, parts [][]byte) image.Image {
	t.Helper()
	sheet, err := qr.NewSheet(parts)
	require.NoError(t, err)
	data, err := sheet.PNG()
	require.NoError(t, err)
	return decodePNG(t, data)
}

// usualSize is about that of a proof on mainnet of one of 20,000 documents: four
// codes.
const usualSize = 1600

// readBack reads what is in a picture, and reports how many parts of how many.
func readBack(t testing.TB, img image.Image) (whole []byte, have int) {
	t.Helper()
	texts, err := qr.Read(img)
	if err != nil {
		require.ErrorIs(t, err, qr.ErrNoCode)
	}
	var p qr.Parts
	for _, text := range texts {
		require.NoError(t, p.Add(text))
	}
	whole, _ = p.Done()
	return whole, p.Have()
}

// photos are what people take and send.
var photos = []photo{
	{name: "scan at 300 dpi", pixels: 4.7, rotate: 0.5, blur: 0.6, noise: 3, contrast: 0.95, jpeg: 90},
	{name: "photo", pixels: 6, rotate: 3, tilt: 8, turn: 5, blur: 1, noise: 8, dark: 0.3, contrast: 0.8, jpeg: 85},
	{name: "far away", pixels: 3, rotate: 3, tilt: 8, turn: 5, blur: 0.8, noise: 8, dark: 0.3, contrast: 0.8, jpeg: 85},
	{name: "near", pixels: 10, rotate: 3, tilt: 5, blur: 2, noise: 12, dark: 0.3, contrast: 0.8, jpeg: 85},
	{name: "from an angle", pixels: 6, rotate: 10, tilt: 28, turn: 10, blur: 1, noise: 8, dark: 0.3, contrast: 0.8, jpeg: 85},
	{name: "turned by 30 degrees", pixels: 5, rotate: 30, tilt: 5, blur: 1, noise: 8, dark: 0.3, contrast: 0.8, jpeg: 85},
	{name: "turned by 45 degrees", pixels: 5, rotate: 45, tilt: 5, blur: 1, noise: 8, dark: 0.3, contrast: 0.8, jpeg: 85},
	{name: "upside down", pixels: 5, rotate: 180, tilt: 5, blur: 1, noise: 8, dark: 0.3, contrast: 0.8, jpeg: 85},
	{name: "blurred by a third of a square", pixels: 6, rotate: 3, tilt: 5, blur: 2, noise: 5, dark: 0.2, contrast: 0.8, jpeg: 85},
	{name: "blurred by half a square", pixels: 6, rotate: 3, tilt: 5, blur: 3, noise: 5, dark: 0.2, contrast: 0.8, jpeg: 85},
	{name: "noise", pixels: 6, rotate: 3, tilt: 5, blur: 0.8, noise: 25, dark: 0.3, contrast: 0.7, jpeg: 80},
	{name: "in the dark", pixels: 6, rotate: 3, tilt: 5, blur: 1, noise: 12, dark: 0.85, contrast: 0.6, jpeg: 80},
	{name: "sent by a messenger", pixels: 3.5, rotate: 2, tilt: 5, blur: 0.8, noise: 6, dark: 0.3, contrast: 0.8, jpeg: 35},
	{name: "paper that is not flat", pixels: 6, rotate: 3, tilt: 5, blur: 1, noise: 8, dark: 0.3, contrast: 0.8, bend: 0.02, jpeg: 85},
}

// TestPhotographs: all codes of a proof, on one photograph, are read back.
func TestPhotographs(t *testing.T) {
	whole := octets(usualSize, 1)
	parts := split(t, whole)
	require.Len(t, parts, 4)
	sheet := sheetOf(t, parts)
	for seed, p := range photos {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			got, have := readBack(t, p.take(t, sheet, uint64(seed)))
			require.Equal(t, len(parts), have)
			require.Equal(t, whole, got)
		})
	}
}

// A photograph of which a corner is missing gives the codes that are whole.
func TestPartOfASheet(t *testing.T) {
	parts := split(t, octets(usualSize, 1))
	sheet := sheetOf(t, parts).(*image.Paletted)
	b := sheet.Bounds()
	left := sheet.SubImage(image.Rect(0, 0, b.Dx()*6/10, b.Dy()))
	texts, err := qr.Read(left)
	require.NoError(t, err)
	slices.SortFunc(texts, bytes.Compare)
	require.Equal(t, parts[:2], texts)
	_, err = qr.Read(sheet.SubImage(image.Rect(0, 0, b.Dx()/6, b.Dy()/2)))
	require.ErrorIs(t, err, qr.ErrNoCode)
}

// Many codes on one sheet, in rows, are all read.
func TestManyCodes(t *testing.T) {
	whole := octets(9*440, 3)
	parts := split(t, whole)
	require.Len(t, parts, 9)
	got, have := readBack(t, sheetOf(t, parts))
	require.Equal(t, 9, have)
	require.Equal(t, whole, got)
}

// hostile pictures are full of marks of codes, and of none.
func TestHostilePictures(t *testing.T) {
	marks := image.NewGray(image.Rect(0, 0, 3000, 3000))
	for y := range 3000 {
		for x := range 3000 {
			ring := max(abs(x%30-15), abs(y%30-15)) / 3
			if ring == 2 || ring == 4 {
				marks.Pix[y*marks.Stride+x] = 255
			}
		}
	}
	noise := image.NewGray(image.Rect(0, 0, 2000, 2000))
	copy(noise.Pix, octets(len(noise.Pix), 4))
	for name, img := range map[string]image.Image{
		"nothing but marks": marks,
		"noise":             noise,
		"black":             image.NewGray(image.Rect(0, 0, 500, 500)),
		"one pixel":         image.NewGray(image.Rect(0, 0, 1, 1)),
		"a line":            image.NewGray(image.Rect(0, 0, 5000, 1)),
		"a column":          image.NewGray(image.Rect(0, 0, 1, 5000)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := qr.Read(img)
			require.ErrorIs(t, err, qr.ErrNoCode)
		})
	}
	_, err := qr.Read(image.NewGray(image.Rectangle{}))
	require.ErrorContains(t, err, "is empty")
	_, err = qr.Read(image.NewUniform(image.White))
	require.ErrorContains(t, err, "more than 50 megapixels")
}

func abs(n int) int { return max(n, -n) }

// Codes of others, and parts of two proofs, are all returned.
func TestOtherCodes(t *testing.T) {
	a, b := split(t, octets(100, 1))[0], split(t, octets(100, 2))[0]
	address := []byte("https://uni.example/?q=学位")
	texts, err := qr.Read(sheetOf(t, [][]byte{a, address, b}))
	require.NoError(t, err)
	// It ends when it has a whole proof.
	require.NotEmpty(t, texts)
	for _, text := range texts {
		require.Contains(t, []string{string(a), string(b), string(address)}, string(text))
	}
}

// The drawing has the same squares as the picture.
func TestSVG(t *testing.T) {
	parts := split(t, octets(900, 1))
	sheet, err := qr.NewSheet(parts)
	require.NoError(t, err)
	_, err = qr.NewSheet(nil)
	require.ErrorContains(t, err, "no parts")
	svg := string(sheet.SVG(`<&"> a title`))
	require.Contains(t, svg, "<title>&lt;&amp;&#34;&gt; a title</title>")
	img := sheetOf(t, parts)
	dark := make(map[image.Point]bool)
	_, path, ok := strings.Cut(svg, `<path fill="#000" d="`)
	require.True(t, ok)
	path, _, _ = strings.Cut(path, `"`)
	for _, run := range strings.Split(strings.TrimSuffix(path, "z"), "z") {
		var x, y, w, back int
		_, err := fmt.Sscanf(run, "M%d %dh%dv1h-%d", &x, &y, &w, &back)
		require.NoError(t, err, run)
		require.Equal(t, w, back)
		for i := range w {
			dark[image.Pt(x+i, y)] = true
		}
	}
	const pixels = 8
	var width, height int
	_, box, _ := strings.Cut(svg, `viewBox="`)
	_, err = fmt.Sscanf(box, "0 0 %d %d", &width, &height)
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, width*pixels, height*pixels), img.Bounds())
	for y := range height {
		for x := range width {
			r, _, _, _ := img.At(x*pixels+pixels/2, y*pixels+pixels/2).RGBA()
			require.Equal(t, r == 0, dark[image.Pt(x, y)], "%d %d", x, y)
		}
	}
}

// The first bytes in a part are those of the digest of the whole.
func TestPartHasDigest(t *testing.T) {
	whole := octets(20, 1)
	text := split(t, whole)[0]
	sum := sha256.Sum256(whole)
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
	body := strings.TrimPrefix(string(text), "GRADSEAL 1/1 ")
	for i := range 4 {
		n := 0
		for k := 2; k >= 0; k-- {
			n = n*45 + strings.IndexByte(alphabet, body[3*i+k])
		}
		require.Equal(t, int(sum[2*i])<<8|int(sum[2*i+1]), n)
	}
}

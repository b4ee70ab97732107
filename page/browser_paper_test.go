package page_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/proof"
	"gradseal/qr"
)

// codes are the pictures of a proof's QR codes: each on a sheet of its own, and
// all on one.
func codes(t testing.TB, p *proof.Proof) (each []image.Image, all image.Image) {
	t.Helper()
	compact, err := proof.MarshalCompact(p)
	require.NoError(t, err)
	parts, err := qr.Split(compact)
	require.NoError(t, err)
	for i := range parts {
		each = append(each, drawn(t, parts[i:i+1]))
	}
	return each, drawn(t, parts)
}

func drawn(t testing.TB, parts [][]byte) image.Image {
	t.Helper()
	sheet, err := qr.NewSheet(parts)
	require.NoError(t, err)
	data, err := sheet.PNG()
	require.NoError(t, err)
	img, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	return img
}

// photograph is a picture of a sheet as a telephone takes it: from the side, a bit
// turned, darker towards a corner, unsharp, and as a JPEG file.
func photograph(t testing.TB, sheet image.Image) []byte {
	t.Helper()
	const margin, turn, away = 90, 0.06, 0.00012
	w, h := float64(sheet.Bounds().Dx()), float64(sheet.Bounds().Dy())
	photo := image.NewGray(image.Rect(0, 0, int(w)+2*margin, int(h)+2*margin))
	at := func(x, y float64) float64 {
		if x < 0 || y < 0 || x >= w || y >= h {
			return 0.45 // the table
		}
		grey := color.GrayModel.Convert(sheet.At(int(x), int(y))).(color.Gray)
		return 0.15 + 0.8*float64(grey.Y)/255
	}
	for y := range photo.Rect.Dy() {
		for x := range photo.Rect.Dx() {
			sum := 0.0
			for _, d := range [][2]float64{{0, 0}, {1.5, 0}, {-1.5, 0}, {0, 1.5}, {0, -1.5}} {
				u, v := float64(x)-margin-w/2+d[0], float64(y)-margin-h/2+d[1]
				scale := 1 + away*u // what is farther away is smaller
				u, v = scale*(u*math.Cos(turn)-v*math.Sin(turn)), scale*(u*math.Sin(turn)+v*math.Cos(turn))
				sum += at(u+w/2, v+h/2)
			}
			light := 1 - 0.35*float64(x+y)/float64(photo.Rect.Dx()+photo.Rect.Dy())
			photo.Pix[y*photo.Stride+x] = uint8(255 * light * sum / 5)
		}
	}
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, photo, &jpeg.Options{Quality: 75}))
	return b.Bytes()
}

// testPaper reads a proof from photos of its QR codes: from all in one, from one
// for each in any order, and with the document before or after.
func (c *chromium) testPaper(t *testing.T) {
	b := transcripts(t)
	each, all := codes(t, b.proofs[kbsu])
	others, _ := codes(t, b.proofs[lin])
	require.GreaterOrEqual(t, len(each), 2)
	v := c.open(t, pageOf(t, b.pack(t)))
	dir := t.TempDir()
	var sheet bytes.Buffer
	require.NoError(t, png.Encode(&sheet, all))
	photos := map[string][]byte{"sheet.png": sheet.Bytes(), "other.jpg": photograph(t, others[0]), "nothing.png": nil}
	var names []string
	for i, code := range each {
		name := string(rune('a'+i)) + ".jpg"
		photos[name] = photograph(t, code)
		names = append([]string{name}, names...) // the last first
	}
	var blank bytes.Buffer
	require.NoError(t, png.Encode(&blank, image.NewGray(image.Rect(0, 0, 400, 300))))
	photos["nothing.png"] = blank.Bytes()

	document := write(t, dir, b.files, kbsu)
	v.choose(append(write(t, dir, photos, "sheet.png"), document...)...)
	require.Equal(t, []string{"VALID"}, v.words(), v.text("#results"))
	v.shoot("codes")
	v.startOver()

	v.choose(write(t, dir, photos, "nothing.png")...)
	require.Contains(t, v.text("#notices"), "nothing.png")
	require.Empty(t, v.words())
	v.startOver()

	for i, name := range names {
		v.choose(write(t, dir, photos, name)...)
		if i < len(names)-1 {
			require.Empty(t, v.words())
			require.Contains(t, v.text("#notices"), "QR codes read", name)
		}
	}
	require.Equal(t, []string{"CANNOT TELL"}, v.words())
	digest := b.proofs[kbsu].Digest
	require.Contains(t, v.text("#results"), hexOf(digest[:]), "which document it is for")
	v.shoot("codes without document")
	v.choose(document...)
	require.Equal(t, []string{"VALID"}, v.words())
	v.startOver()

	// The codes of two proofs make none.
	v.choose(write(t, dir, photos, names[0], "other.jpg")...)
	require.Empty(t, v.words())
	require.NotEmpty(t, v.text("#notices"))
}

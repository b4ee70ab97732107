package qr_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/qr"
)

// FuzzRead looks for codes in any picture of up to a quarter of a megapixel. A
// seed has a code. What is found is there once.
func FuzzRead(f *testing.F) {
	const most = 1 << 18
	part := split(f, octets(40, 1))[0]
	sheet, err := qr.NewSheet([][]byte{part})
	require.NoError(f, err)
	data, err := sheet.PNG()
	require.NoError(f, err)
	printed, err := png.Decode(bytes.NewReader(data))
	require.NoError(f, err)
	small := halved(printed)
	for len(small.Pix) > most {
		small = halved(small)
	}
	texts, err := qr.Read(small)
	require.NoError(f, err)
	require.Equal(f, [][]byte{part}, texts)
	f.Add(small.Pix, uint16(small.Stride))
	f.Add(small.Pix, uint16(small.Stride-1))
	f.Add([]byte{0, 255, 0, 255}, uint16(2))
	f.Fuzz(func(t *testing.T, pixels []byte, width uint16) {
		pixels = pixels[:min(len(pixels), most)]
		w := max(int(width), 1)
		texts, err := qr.Read(&image.Gray{Pix: pixels, Stride: w, Rect: image.Rect(0, 0, w, len(pixels)/w)})
		if err != nil {
			require.Nil(t, texts)
			return
		}
		seen := make(map[string]bool)
		for _, text := range texts {
			require.False(t, seen[string(text)])
			seen[string(text)] = true
		}
	})
}

// halved is every second pixel of every second line, in shades of grey.
func halved(from image.Image) *image.Gray {
	b := from.Bounds()
	to := image.NewGray(image.Rect(0, 0, b.Dx()/2, b.Dy()/2))
	for y := range b.Dy() / 2 {
		for x := range b.Dx() / 2 {
			to.Set(x, y, color.GrayModel.Convert(from.At(b.Min.X+2*x, b.Min.Y+2*y)))
		}
	}
	return to
}

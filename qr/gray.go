package qr

import (
	"image"
	"image/color"

	"github.com/makiuchi-d/gozxing"
)

// gray is a picture in shades of grey, as the decoder takes it.
type gray struct {
	width, height int
	pix           []byte   // rows from the top, 0 is black
	sums          []uint32 // of all pixels above and to the left, when they were asked for
}

// between is the shade at a point, from the four pixels around it.
func (g *gray) between(x, y float64) float64 {
	x, y = min(max(x-0.5, 0), float64(g.width-1)), min(max(y-0.5, 0), float64(g.height-1))
	x0, y0 := int(x), int(y)
	x1, y1 := min(x0+1, g.width-1), min(y0+1, g.height-1)
	fx, fy := x-float64(x0), y-float64(y0)
	top := float64(g.pix[y0*g.width+x0])*(1-fx) + float64(g.pix[y0*g.width+x1])*fx
	bottom := float64(g.pix[y1*g.width+x0])*(1-fx) + float64(g.pix[y1*g.width+x1])*fx
	return top*(1-fy) + bottom*fy
}

// spot is the shade around a point: the mean of nine, apart by step.
func (g *gray) spot(x, y, step float64) float64 {
	sum := 0.0
	for dy := -1.0; dy <= 1; dy++ {
		for dx := -1.0; dx <= 1; dx++ {
			sum += g.between(x+dx*step, y+dy*step)
		}
	}
	return sum / 9
}

// against is how much lighter a point is than what is around it.
func (g *gray) against(x, y, reach float64) float64 {
	return g.between(x, y) - g.mean(int(x-reach), int(y-reach), int(x+reach), int(y+reach))
}

// mean is that of a rectangle, as far as it is in the picture.
func (g *gray) mean(x0, y0, x1, y1 int) float64 {
	if g.sums == nil {
		g.sumUp()
	}
	x0, y0 = min(max(x0, 0), g.width-1), min(max(y0, 0), g.height-1)
	x1, y1 = min(max(x1, x0+1), g.width), min(max(y1, y0+1), g.height)
	w := g.width + 1
	sum := g.sums[y1*w+x1] - g.sums[y0*w+x1] - g.sums[y1*w+x0] + g.sums[y0*w+x0]
	return float64(sum) / float64((x1-x0)*(y1-y0))
}

// sumUp fills the sums. Those of the largest view do not fit into 32 bits, but
// the differences of those that are used do.
func (g *gray) sumUp() {
	w := g.width + 1
	g.sums = make([]uint32, w*(g.height+1))
	for y := range g.height {
		row := uint32(0)
		for x := range g.width {
			row += uint32(g.pix[y*g.width+x])
			g.sums[(y+1)*w+x+1] = g.sums[y*w+x+1] + row
		}
	}
}

// grayOf returns the picture as large as it may be looked at. It averages, so
// that no module is lost.
func grayOf(img image.Image) *gray {
	b := img.Bounds()
	g := &gray{width: b.Dx(), height: b.Dy()}
	by := (max(g.width, g.height) + maxSide - 1) / maxSide
	out := &gray{width: max(1, g.width/by), height: max(1, g.height/by)}
	out.pix = make([]byte, out.width*out.height)
	at := luminance(img)
	for y := range out.height {
		for x := range out.width {
			sum, n := 0, 0
			for dy := y * by; dy < min((y+1)*by, g.height); dy++ {
				for dx := x * by; dx < min((x+1)*by, g.width); dx++ {
					sum += int(at(b.Min.X+dx, b.Min.Y+dy))
					n++
				}
			}
			out.pix[y*out.width+x] = byte(sum / n)
		}
	}
	return out
}

// luminance returns the shade of a pixel; what is transparent is white.
func luminance(img image.Image) func(x, y int) byte {
	switch img := img.(type) {
	case *image.Gray:
		return func(x, y int) byte { return img.Pix[img.PixOffset(x, y)] }
	case *image.YCbCr:
		return func(x, y int) byte { return img.Y[img.YOffset(x, y)] }
	case *image.NRGBA:
		return func(x, y int) byte {
			p := img.Pix[img.PixOffset(x, y):]
			return onWhite((299*int(p[0])+587*int(p[1])+114*int(p[2]))/1000, int(p[3]))
		}
	}
	return func(x, y int) byte {
		c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
		return onWhite((299*int(c.R)+587*int(c.G)+114*int(c.B))/1000, int(c.A))
	}
}

func onWhite(shade, alpha int) byte { return byte((shade*alpha + 255*(255-alpha)) / 255) }

// shrunkTo returns the picture with a longer side of at most side pixels, each
// the average of those that it stands for.
func (g *gray) shrunkTo(side int) *gray {
	longest := max(g.width, g.height)
	if side >= longest {
		return g
	}
	out := &gray{width: max(1, g.width*side/longest), height: max(1, g.height*side/longest)}
	out.pix = make([]byte, out.width*out.height)
	columns := shares(g.width, out.width)
	row := make([]int, out.width)
	for y, rows := range shares(g.height, out.height) {
		clear(row)
		for _, r := range rows {
			line := g.pix[r.at*g.width:]
			for x, cells := range columns {
				sum := 0
				for _, c := range cells {
					sum += int(line[c.at]) * c.weight
				}
				row[x] += sum / one * r.weight
			}
		}
		for x, sum := range row {
			out.pix[y*out.width+x] = byte(sum / one)
		}
	}
	return out
}

// one is the sum of the weights of a pixel.
const one = 1 << 12

// share is a pixel and how much of it counts.
type share struct{ at, weight int }

// shares divides from pixels among to. The weights of each sum up to one at
// most.
func shares(from, to int) [][]share {
	all := make([][]share, to)
	scale := float64(from) / float64(to)
	for i := range all {
		low, high := float64(i)*scale, float64(i+1)*scale
		for at := int(low); at < from && float64(at) < high; at++ {
			part := min(high, float64(at+1)) - max(low, float64(at))
			all[i] = append(all[i], share{at, int(part / scale * one)})
		}
	}
	return all
}

// doubled returns the picture twice as large, with what lies between two pixels
// between them.
func (g *gray) doubled() *gray {
	out := &gray{width: 2 * g.width, height: 2 * g.height}
	out.pix = make([]byte, out.width*out.height)
	for y := range out.height {
		y0 := y / 2
		y1 := min(max(y0+2*(y%2)-1, 0), g.height-1)
		for x := range out.width {
			x0 := x / 2
			x1 := min(max(x0+2*(x%2)-1, 0), g.width-1)
			sum := 9*int(g.pix[y0*g.width+x0]) + 3*int(g.pix[y0*g.width+x1]) + 3*int(g.pix[y1*g.width+x0]) + int(g.pix[y1*g.width+x1])
			out.pix[y*out.width+x] = byte(sum / 16)
		}
	}
	return out
}

// The methods of gozxing.LuminanceSource.

func (g *gray) GetMatrix() []byte { return g.pix }
func (g *gray) GetWidth() int     { return g.width }
func (g *gray) GetHeight() int    { return g.height }
func (g *gray) String() string    { return "a picture in shades of grey" }

func (g *gray) GetRow(y int, row []byte) ([]byte, error) {
	return append(row[:0], g.pix[y*g.width:(y+1)*g.width]...), nil
}

func (g *gray) Invert() gozxing.LuminanceSource { return gozxing.LuminanceSourceInvert(g) }

func (g *gray) IsCropSupported() bool   { return false }
func (g *gray) IsRotateSupported() bool { return false }

func (g *gray) Crop(_, _, _, _ int) (gozxing.LuminanceSource, error) { return nil, errNotDone }
func (g *gray) RotateCounterClockwise() (gozxing.LuminanceSource, error) {
	return nil, errNotDone
}
func (g *gray) RotateCounterClockwise45() (gozxing.LuminanceSource, error) {
	return nil, errNotDone
}

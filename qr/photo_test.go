package qr_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// photo is how a sheet of paper is photographed.
type photo struct {
	name     string
	pixels   float64 // of the picture, to a square of a code, where it is nearest
	rotate   float64 // degrees, in the plane of the picture
	tilt     float64 // degrees, away from the camera at the far edge
	turn     float64 // degrees, away from the camera at one side
	blur     float64 // standard deviation in pixels
	noise    float64 // standard deviation of a shade, of 255
	dark     float64 // how much of the light is gone in one corner
	contrast float64 // 1: ink is black and paper white
	bend     float64 // how far the paper's middle stands out, as part of its width
	jpeg     int     // quality
}

// take photographs a sheet: a pinhole camera above a table that is darker than
// the paper, then the lens, the light, the sensor and the compression.
func (p photo) take(t testing.TB, sheet image.Image, seed uint64) image.Image {
	t.Helper()
	paper := shades(sheet)
	const border = 60 // pixels of the table around the paper
	scale := p.pixels / 8
	w, h := float64(paper.Rect.Dx()), float64(paper.Rect.Dy())
	cam := newCamera(p, w, h, scale)
	minX, minY, maxX, maxY := cam.bounds()
	img := image.NewGray(image.Rect(0, 0, int(maxX-minX)+2*border, int(maxY-minY)+2*border))
	require.Less(t, img.Rect.Dx()*img.Rect.Dy(), 50_000_000, "a picture larger than a telephone's")
	rnd := rand.New(rand.NewPCG(seed, 0))
	light := make([]float64, len(img.Pix))
	const sub = 2 // samples of a pixel, each way
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			sum := 0.0
			for i := range sub * sub {
				fx := float64(x) + (float64(i%sub)+0.5)/sub - border + minX
				fy := float64(y) + (float64(i/sub)+0.5)/sub - border + minY
				u, v := cam.onPaper(fx, fy)
				sum += shadeAt(paper, u, v)
			}
			shade := 128 + (sum/(sub*sub)-128)*p.contrast
			fall := 1 - p.dark*(float64(x)/float64(img.Rect.Dx())+float64(y)/float64(img.Rect.Dy()))/2
			light[y*img.Stride+x] = shade * fall
		}
	}
	light = blurred(light, img.Rect.Dx(), p.blur)
	for i, l := range light {
		img.Pix[i] = uint8(min(255, max(0, l+rnd.NormFloat64()*p.noise)))
	}
	if p.jpeg == 0 {
		return img
	}
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, img, &jpeg.Options{Quality: p.jpeg}))
	out, err := jpeg.Decode(&b)
	require.NoError(t, err)
	return out
}

func shades(img image.Image) *image.Gray {
	g := image.NewGray(image.Rect(0, 0, img.Bounds().Dx(), img.Bounds().Dy()))
	for y := range g.Rect.Dy() {
		for x := range g.Rect.Dx() {
			g.Set(x, y, img.At(img.Bounds().Min.X+x, img.Bounds().Min.Y+y))
		}
	}
	return g
}

// shadeAt is the paper at a point; the table where there is none.
func shadeAt(paper *image.Gray, u, v float64) float64 {
	const table = 90
	if u < 0 || v < 0 || u >= float64(paper.Rect.Dx()) || v >= float64(paper.Rect.Dy()) {
		return table
	}
	return 15 + float64(paper.Pix[int(v)*paper.Stride+int(u)])*225/255
}

// camera looks at the middle of a paper from a distance of 1.6 times its width.
type camera struct {
	w, h, focal, distance float64
	m                     [3][3]float64 // turns the paper
	bend                  float64
	inverse               [3][3]float64 // of the flat paper's projection
}

func newCamera(p photo, w, h, scale float64) *camera {
	rad := func(d float64) float64 { return d * math.Pi / 180 }
	distance := 1.6 * max(w, h)
	c := &camera{w: w, h: h, distance: distance, focal: distance * scale, bend: p.bend}
	rz := [3][3]float64{{math.Cos(rad(p.rotate)), -math.Sin(rad(p.rotate)), 0}, {math.Sin(rad(p.rotate)), math.Cos(rad(p.rotate)), 0}, {0, 0, 1}}
	rx := [3][3]float64{{1, 0, 0}, {0, math.Cos(rad(p.tilt)), -math.Sin(rad(p.tilt))}, {0, math.Sin(rad(p.tilt)), math.Cos(rad(p.tilt))}}
	ry := [3][3]float64{{math.Cos(rad(p.turn)), 0, math.Sin(rad(p.turn))}, {0, 1, 0}, {-math.Sin(rad(p.turn)), 0, math.Cos(rad(p.turn))}}
	c.m = times(rz, times(rx, ry))
	// The plane of the paper, as a homography.
	hm := [3][3]float64{
		{c.focal * c.m[0][0], c.focal * c.m[0][1], 0},
		{c.focal * c.m[1][0], c.focal * c.m[1][1], 0},
		{c.m[2][0], c.m[2][1], distance},
	}
	c.inverse = inverted(hm)
	return c
}

// onPaper is the point of the paper that is seen at a point of the picture. A
// paper that is bent stands out in its middle as a cylinder does.
func (c *camera) onPaper(x, y float64) (u, v float64) {
	u, v = c.flat(x, y)
	if c.bend == 0 {
		return u, v
	}
	for range 3 { // what stands out is seen where the flat paper would be nearer
		s := (u - c.w/2) / (c.w / 2)
		lift := c.bend * c.w * (1 - s*s)
		near := 1 - lift/c.distance
		u, v = c.flat(x*near, y*near)
	}
	return u, v
}

func (c *camera) flat(x, y float64) (u, v float64) {
	i := c.inverse
	z := i[2][0]*x + i[2][1]*y + i[2][2]
	return (i[0][0]*x+i[0][1]*y+i[0][2])/z + c.w/2, (i[1][0]*x+i[1][1]*y+i[1][2])/z + c.h/2
}

// bounds are those of the flat paper in the picture.
func (c *camera) bounds() (minX, minY, maxX, maxY float64) {
	minX, minY = math.Inf(1), math.Inf(1)
	maxX, maxY = math.Inf(-1), math.Inf(-1)
	for i := range 4 {
		u, v := c.w*(float64(i%2)-0.5), c.h*(float64(i/2)-0.5)
		z := c.m[2][0]*u + c.m[2][1]*v + c.distance
		x, y := c.focal*(c.m[0][0]*u+c.m[0][1]*v)/z, c.focal*(c.m[1][0]*u+c.m[1][1]*v)/z
		minX, minY, maxX, maxY = min(minX, x), min(minY, y), max(maxX, x), max(maxY, y)
	}
	return minX, minY, maxX, maxY
}

func times(a, b [3][3]float64) (m [3][3]float64) {
	for i := range 3 {
		for j := range 3 {
			for k := range 3 {
				m[i][j] += a[i][k] * b[k][j]
			}
		}
	}
	return m
}

func inverted(a [3][3]float64) (m [3][3]float64) {
	minor := func(i, j int) float64 {
		i1, i2, j1, j2 := (i+1)%3, (i+2)%3, (j+1)%3, (j+2)%3
		return a[i1][j1]*a[i2][j2] - a[i1][j2]*a[i2][j1]
	}
	det := a[0][0]*minor(0, 0) + a[0][1]*minor(0, 1) + a[0][2]*minor(0, 2)
	for i := range 3 {
		for j := range 3 {
			m[j][i] = minor(i, j) / det
		}
	}
	return m
}

// blurred is a Gaussian blur, rows and then columns.
func blurred(pix []float64, width int, sigma float64) []float64 {
	if sigma == 0 {
		return pix
	}
	reach := int(3*sigma) + 1
	weights := make([]float64, 2*reach+1)
	sum := 0.0
	for i := range weights {
		weights[i] = math.Exp(-float64((i-reach)*(i-reach)) / (2 * sigma * sigma))
		sum += weights[i]
	}
	height := len(pix) / width
	pass := func(in []float64, along, n, across, m int) []float64 {
		out := make([]float64, len(in))
		for o := range m {
			for i := range n {
				s := 0.0
				for k, w := range weights {
					s += w * in[o*across+min(max(i+k-reach, 0), n-1)*along]
				}
				out[o*across+i*along] = s / sum
			}
		}
		return out
	}
	return pass(pass(pix, 1, width, width, height), width, height, 1, width)
}

func decodePNG(t testing.TB, data []byte) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	return img
}

package qr

import (
	"math"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
)

// grid is where the squares of a code lie in a picture: a square seen from an
// angle, on paper that may be bent a little in either direction.
type grid struct {
	size   int           // squares of the code, each way
	corner [4][2]float64 // of the code: top left, top right, bottom right, bottom left
	bend   [2][2]float64 // how far the middle of rows, and of columns, is off the plane, in pixels
}

// newGrid begins with three marks and guesses the fourth corner.
func newGrid(t triple, size int) grid {
	tl, tr, bl := center(t.topLeft), center(t.topRight), center(t.bottomLeft)
	// The centers of marks are 3.5 squares inside the corners.
	inner := float64(size - 7)
	var g grid
	g.size = size
	for i := range 2 {
		right, down := (tr[i]-tl[i])/inner, (bl[i]-tl[i])/inner
		g.corner[0][i] = tl[i] - 3.5*right - 3.5*down
		g.corner[1][i] = g.corner[0][i] + float64(size)*right
		g.corner[3][i] = g.corner[0][i] + float64(size)*down
		g.corner[2][i] = g.corner[1][i] + float64(size)*down
	}
	return g
}

func center(p gozxing.ResultPoint) [2]float64 { return [2]float64{p.GetX(), p.GetY()} }

// projection maps the square of a grid to the picture.
type projection struct {
	a, b, c, d, e, f, g, h float64
	grid
}

// project is the projective map of the unit square onto four corners.
func (g grid) project() projection {
	p := projection{grid: g}
	c := g.corner
	sx, sy := c[0][0]-c[1][0]+c[2][0]-c[3][0], c[0][1]-c[1][1]+c[2][1]-c[3][1]
	dx1, dy1 := c[1][0]-c[2][0], c[1][1]-c[2][1]
	dx2, dy2 := c[3][0]-c[2][0], c[3][1]-c[2][1]
	if det := dx1*dy2 - dx2*dy1; det != 0 {
		p.g = (sx*dy2 - dx2*sy) / det
		p.h = (dx1*sy - sx*dy1) / det
	}
	p.a, p.d = c[1][0]-c[0][0]+p.g*c[1][0], c[1][1]-c[0][1]+p.g*c[1][1]
	p.b, p.e = c[3][0]-c[0][0]+p.h*c[3][0], c[3][1]-c[0][1]+p.h*c[3][1]
	p.c, p.f = c[0][0], c[0][1]
	return p
}

// at is the center of a square in the picture.
func (p projection) at(column, row int) (x, y float64) {
	u, v := (float64(column)+0.5)/float64(p.size), (float64(row)+0.5)/float64(p.size)
	w := 1 + p.g*u + p.h*v
	x, y = (p.a*u+p.b*v+p.c)/w, (p.d*u+p.e*v+p.f)/w
	bu, bv := 4*u*(1-u), 4*v*(1-v)
	return x + p.bend[0][0]*bu + p.bend[1][0]*bv, y + p.bend[0][1]*bu + p.bend[1][1]*bv
}

// square is one that every code of a version has, dark or light.
type square struct {
	column, row int
	dark        bool
}

// addMark adds the squares around one, as far as reach, that are dark in rings.
func addMark(all []square, size, column, row, reach int, dark func(ring int) bool) []square {
	for dy := -reach; dy <= reach; dy++ {
		for dx := -reach; dx <= reach; dx++ {
			if x, y := column+dx, row+dy; x >= 0 && y >= 0 && x < size && y < size {
				all = append(all, square{x, y, dark(max(abs(dx), abs(dy)))})
			}
		}
	}
	return all
}

// marks are the squares of the three large marks, with the light around them.
func marks(size int) []square {
	large := func(ring int) bool { return ring <= 1 || ring == 3 }
	all := addMark(nil, size, 3, 3, 4, large)
	all = addMark(all, size, size-4, 3, 4, large)
	return addMark(all, size, 3, size-4, 4, large)
}

// fixedSquares are those of the marks, of the dotted lines between them, and of
// the small marks.
func fixedSquares(v *decoder.Version) []square {
	size := v.GetDimensionForVersion()
	all := marks(size)
	for i := 8; i < size-8; i++ {
		all = append(all, square{i, 6, i%2 == 0}, square{6, i, i%2 == 0})
	}
	small := func(ring int) bool { return ring != 1 }
	centers := v.GetAlignmentPatternCenters()
	for _, x := range centers {
		for _, y := range centers {
			if (x > 8 || y > 8) && (x > 8 || y < size-9) && (x < size-9 || y > 8) {
				all = addMark(all, size, x, y, 2, small)
			}
		}
	}
	return all
}

func abs(n int) int { return max(n, -n) }

// fit moves the grid, step by step, to where the squares that every code has are
// seen best, and returns how many of them, of 1, are then seen as they must be.
func (g *grid) fit(pic *gray, fixed []square) float64 {
	reach := g.reach()
	score := func() float64 {
		p, sum := g.project(), 0.0
		for _, s := range fixed {
			x, y := p.at(s.column, s.row)
			d := pic.against(x, y, reach)
			if s.dark {
				d = -d
			}
			sum += d
		}
		return sum
	}
	params := []*float64{
		&g.corner[2][0], &g.corner[2][1], &g.corner[1][0], &g.corner[1][1], &g.corner[3][0], &g.corner[3][1], &g.corner[0][0], &g.corner[0][1],
		&g.bend[0][0], &g.bend[0][1], &g.bend[1][0], &g.bend[1][1],
	}
	best := score()
	module := reach / meanReach
	for _, step := range []float64{2, 1, 0.5, 0.25, 0.12} {
		for range 6 {
			moved := false
			for _, p := range params {
				for _, by := range []float64{step * module, -step * module} {
					old := *p
					*p = old + by
					if s := score(); s > best {
						best, moved = s, true
						break
					}
					*p = old
				}
			}
			if !moved {
				break
			}
		}
	}
	return g.seen(pic, fixed)
}

// seen is how many squares, of 1, are as they must be.
func (g *grid) seen(pic *gray, fixed []square) float64 {
	p, reach, right := g.project(), g.reach(), 0
	for _, s := range fixed {
		x, y := p.at(s.column, s.row)
		if pic.against(x, y, reach) < 0 == s.dark {
			right++
		}
	}
	return float64(right) / float64(len(fixed))
}

// meanReach is how far, in squares, a square is compared with those around it.
const meanReach = 5

// reach is that in pixels.
func (g *grid) reach() float64 {
	c := g.corner
	return meanReach * (math.Hypot(c[1][0]-c[0][0], c[1][1]-c[0][1]) + math.Hypot(c[3][0]-c[0][0], c[3][1]-c[0][1])) / 2 / float64(g.size)
}

// shades are those of all squares, rows from the top.
func (g *grid) shades(pic *gray) []float64 {
	p := g.project()
	all := make([]float64, g.size*g.size)
	for row := range g.size {
		for column := range g.size {
			x, y := p.at(column, row)
			all[row*g.size+column] = pic.spot(x, y, g.reach()/meanReach/4)
		}
	}
	return all
}

// bits tells dark squares from light ones by those around them. sharpen takes
// back that much of what a blur has given each of the four neighbours.
func (g *grid) bits(shades []float64, sharpen float64) *gozxing.BitMatrix {
	n := g.size
	sharp := make([]float64, n*n)
	at := func(x, y int) float64 { return shades[min(max(y, 0), n-1)*n+min(max(x, 0), n-1)] }
	for y := range n {
		for x := range n {
			sharp[y*n+x] = at(x, y) + sharpen*(4*at(x, y)-at(x-1, y)-at(x+1, y)-at(x, y-1)-at(x, y+1))
		}
	}
	matrix, err := gozxing.NewBitMatrix(n, n)
	if err != nil {
		panic("qr: " + err.Error()) // n is that of a version
	}
	for y := range n {
		for x := range n {
			sum, count := 0.0, 0
			for dy := max(0, y-meanReach); dy <= min(n-1, y+meanReach); dy++ {
				for dx := max(0, x-meanReach); dx <= min(n-1, x+meanReach); dx++ {
					sum += shades[dy*n+dx]
					count++
				}
			}
			if sharp[y*n+x] < sum/float64(count) {
				matrix.Set(x, y)
			}
		}
	}
	return matrix
}

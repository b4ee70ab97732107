package main

import (
	"math"
	"strings"

	"codeberg.org/go-pdf/fpdf"
)

// A charge is what a crest shows: it is drawn in a square of size points whose upper left corner is x, y.
type charge func(s *sheet, x, y, size float64, c colour)

// crest draws a shield with its charge.
func (s *sheet) crest(x, y, w float64, of *institution) {
	h := w * 1.18
	s.fill(of.tint)
	s.shield(x, y, w, h)
	s.DrawPath("F")
	s.stroke(of.accent, w/36)
	s.shield(x+w*0.055, y+w*0.055, w*0.89, h*0.9)
	s.DrawPath("D")
	of.charge(s, x+w*0.19, y+h*0.15, w*0.62, of.accent)
}

func (s *sheet) shield(x, y, w, h float64) {
	s.MoveTo(x, y)
	s.LineTo(x+w, y)
	s.LineTo(x+w, y+h*0.52)
	s.CurveBezierCubicTo(x+w, y+h*0.78, x+w*0.68, y+h*0.92, x+w/2, y+h)
	s.CurveBezierCubicTo(x+w*0.32, y+h*0.92, x, y+h*0.78, x, y+h*0.52)
	s.ClosePath()
}

// shape fills a polygon given in hundredths of size.
func (s *sheet) shape(x, y, size float64, c colour, at ...float64) {
	points := make([]fpdf.PointType, 0, len(at)/2)
	for i := 0; i+1 < len(at); i += 2 {
		points = append(points, fpdf.PointType{X: x + at[i]*size/100, Y: y + at[i+1]*size/100})
	}
	s.fill(c)
	s.Polygon(points, "F")
}

func book(s *sheet, x, y, size float64, c colour) {
	s.shape(x, y, size, c, 2, 30, 25, 24, 48, 32, 48, 82, 25, 74, 2, 80)
	s.shape(x, y, size, c, 98, 30, 75, 24, 52, 32, 52, 82, 75, 74, 98, 80)
	s.star(x+size/2, y+size*0.08, size*0.11, c)
}

// bird flies over two waves.
func bird(s *sheet, x, y, size float64, c colour) {
	s.shape(x, y, size, c, 50, 42, 30, 12, 2, 6, 22, 28, 46, 54, 50, 64, 54, 54, 78, 28, 98, 6, 70, 12)
	for _, level := range []float64{76, 92} {
		s.wave(x, y+level*size/100, size, size/22, c)
	}
}

func (s *sheet) wave(x, y, w, thickness float64, c colour) {
	s.stroke(c, thickness)
	s.MoveTo(x, y)
	for i := range 3 {
		from, step := x+float64(i)*w/3, w/3
		s.CurveBezierCubicTo(from+step/3, y-step/2.6, from+step*2/3, y+step/2.6, from+step, y)
	}
	s.DrawPath("D")
}

func peaks(s *sheet, x, y, size float64, c colour) {
	s.shape(x, y, size, c, 0, 74, 34, 18, 52, 50, 66, 32, 100, 74)
	s.wave(x+size*0.12, y+size*0.9, size*0.76, size/20, c)
}

func sun(s *sheet, x, y, size float64, c colour) {
	s.fill(c)
	s.Circle(x+size/2, y+size*0.48, size*0.2, "F")
	s.stroke(c, size/22)
	for i := range 16 {
		sin, cos := math.Sincos(float64(i) * math.Pi / 8)
		r := size * (0.42 + 0.06*float64(i%2))
		s.Line(x+size/2+cos*size*0.27, y+size*0.48+sin*size*0.27, x+size/2+cos*r, y+size*0.48+sin*r)
	}
}

func rock(s *sheet, x, y, size float64, c colour) {
	s.shape(x, y, size, c, 20, 86, 28, 30, 44, 8, 60, 22, 72, 52, 82, 86)
	s.rule(x, y+size*0.94, size, size/16, c)
}

func lily(s *sheet, x, y, size float64, c colour) {
	s.shape(x, y, size, c, 50, 2, 62, 28, 54, 58, 46, 58, 38, 28)
	s.shape(x, y, size, c, 44, 62, 18, 52, 6, 28, 18, 26, 26, 36, 46, 54)
	s.shape(x, y, size, c, 56, 62, 82, 52, 94, 28, 82, 26, 74, 36, 54, 54)
	s.shape(x, y, size, c, 24, 64, 76, 64, 76, 70, 24, 70)
	s.shape(x, y, size, c, 46, 72, 54, 72, 62, 94, 50, 86, 38, 94)
}

func moon(s *sheet, x, y, size float64, c colour) {
	s.fill(c)
	s.MoveTo(x+size*0.62, y+size*0.06)
	s.CurveBezierCubicTo(x-size*0.12, y+size*0.12, x-size*0.08, y+size*0.9, x+size*0.62, y+size*0.92)
	s.CurveBezierCubicTo(x+size*0.22, y+size*0.76, x+size*0.2, y+size*0.24, x+size*0.62, y+size*0.06)
	s.DrawPath("F")
	s.star(x+size*0.7, y+size*0.46, size*0.17, c)
}

func cloud(s *sheet, x, y, size float64, c colour) {
	s.shape(x, y, size, c, 50, 4, 78, 46, 22, 46)
	s.fill(c)
	for _, at := range [][3]float64{{24, 66, 15}, {48, 58, 18}, {74, 66, 15}} {
		s.Circle(x+at[0]*size/100, y+at[1]*size/100, at[2]*size/100, "F")
	}
	s.shape(x, y, size, c, 10, 66, 88, 66, 88, 81, 10, 81)
}

func ledger(s *sheet, x, y, size float64, c colour) {
	for i := range 4 {
		n := float64(i)
		s.box(x+size*(0.06+0.08*n), y+size*(0.74-0.2*n), size*(0.88-0.16*n), size*0.13, c)
	}
}

func (s *sheet) star(x, y, r float64, c colour) {
	points := make([]fpdf.PointType, 10)
	for i := range points {
		reach := r
		if i%2 == 1 {
			reach = r * 0.382
		}
		sin, cos := math.Sincos(float64(i)*math.Pi/5 - math.Pi/2)
		points[i] = fpdf.PointType{X: x + cos*reach, Y: y + sin*reach}
	}
	s.fill(c)
	s.Polygon(points, "F")
}

// seal is an embossed stamp: a ring of text around the institution's charge.
func (s *sheet) seal(x, y, r float64, of *institution, c colour, around string) {
	s.SetAlpha(0.8, "Normal")
	s.stroke(c, r/60)
	s.rays(x, y, r*0.97, r*1.06)
	s.Circle(x, y, r*0.96, "D")
	s.Circle(x, y, r*0.66, "D")
	of.charge(s, x-r*0.36, y-r*0.36, r*0.72, c)
	s.colour(c)
	s.set(helvetica, bold, r/5.2)
	if !s.spellable(around) {
		s.set(sans, bold, r/5.6)
	}
	s.ring(x, y, r*0.75, 320, around)
	s.star(x, y+r*0.81, r*0.08, c)
	s.SetAlpha(1, "Normal")
	s.colour(black)
}

func (s *sheet) spellable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r != '.' && s.cp1252(string(r)) == "." })
}

func (s *sheet) rays(x, y, from, to float64) {
	for i := range 72 {
		sin, cos := math.Sincos(float64(i) * math.Pi / 36)
		s.Line(x+cos*from, y+sin*from, x+cos*to, y+sin*to)
	}
}

// redSeal is a Chinese round stamp: the name above a star, the office below it.
func (s *sheet) redSeal(x, y, r float64, name, office string) {
	red := colour{200, 22, 29}
	s.SetAlpha(0.78, "Normal")
	s.stroke(red, r/18)
	s.Circle(x, y, r, "D")
	s.star(x, y-r*0.04, r*0.3, red)
	s.colour(red)
	s.set(sans, regular, r/3.7)
	s.ring(x, y, r*0.68, 236, name)
	s.set(sans, regular, r/4.6)
	s.centre(x, y+r*0.64, office)
	s.SetAlpha(1, "Normal")
	s.colour(black)
}

// ring sets letters on a circle whose radius is that of their baseline, spread over an arc of so many degrees around the top.
func (s *sheet) ring(x, y, r, degrees float64, text string) {
	letters := strings.Split(text, "")
	gap := (degrees - s.long(text)/r*180/math.Pi) / float64(len(letters)-1)
	at := degrees / 2
	for _, letter := range letters {
		half := s.long(letter) / r * 90 / math.Pi
		s.TransformBegin()
		s.TransformRotate(at-half, x, y)
		s.centre(x, y-r, letter)
		s.TransformEnd()
		at -= 2*half + gap
	}
}

// signature writes a name as a fast hand does: one stroke that rises where the letters rise.
func (s *sheet) signature(x, y, w float64, name string) {
	s.stroke(colour{28, 42, 110}, 0.9)
	letters := []rune(name)
	step := w / float64(len(letters)+1)
	s.MoveTo(x, y)
	for i, r := range letters {
		at := x + float64(i)*step
		up, down, lean := penStroke(r, i)
		s.CurveBezierCubicTo(at+step*0.2+lean, y-up, at+step*1.3+lean, y-up*0.9, at+step*0.7, y+down)
		s.CurveBezierCubicTo(at+step*0.5, y+down+2, at+step*0.9, y-1, at+step, y-1.5-float64(i%3))
	}
	s.CurveBezierCubicTo(x+w, y-5, x+w*1.12, y+2, x+w*0.5, y+5)
	s.DrawPath("D")
}

// penStroke is how far the pen goes above and below the line for a letter, and how far it leans.
func penStroke(r rune, i int) (up, down, lean float64) {
	switch {
	case r == ' ':
		return 2, 0, 0
	case r < 'a' || r > 'z':
		return 24, 3, 5
	case strings.ContainsRune("bdfhklt", r):
		return 17, 1, 4
	case strings.ContainsRune("gjpqy", r):
		return 6, 11, -2
	}
	return 6 + float64(i%3), 1, 1
}

// chop is a Chinese name seal: up to four characters, from the right column to the left.
func (s *sheet) chop(x, y, size float64, name string) {
	red := colour{190, 30, 34}
	s.stroke(red, 1)
	s.RoundedRect(x, y, size, size, 2, "1234", "D")
	s.colour(red)
	s.set(sans, bold, size*0.42)
	for i, letter := range strings.Split(name, "") {
		s.text(x+size*(0.54-0.48*float64(i/2)), y+size*(0.43+0.46*float64(i%2)), letter)
	}
	s.colour(black)
}

// guilloche draws a knot of fine waves that ends in a point on both sides, as on paper that is hard to copy.
func (s *sheet) guilloche(x, y, w, h float64, c colour) {
	s.stroke(c, 0.25)
	const lines, steps = 24, 72
	for i := range lines {
		phase := float64(i) * 2 * math.Pi / lines
		for j := range steps + 1 {
			t := float64(j) / steps
			px := x + t*w
			py := y + h/2 + h*0.49*math.Sin(t*math.Pi)*math.Sin(t*5*math.Pi+phase)*math.Cos(phase/3)
			if j == 0 {
				s.MoveTo(px, py)
			} else {
				s.LineTo(px, py)
			}
		}
		s.DrawPath("D")
	}
}

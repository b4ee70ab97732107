package figures

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"strconv"
)

// A plot is panels side by side with logarithmic axes over the number of documents.
// The SVG is written by hand: what it needs is lines and words, and a library for
// plots brings fonts and renderers for everything else.

const (
	panelWidth, plotHeight = 520, 440
	panelTop, panelBottom  = 118, 385
)

// Series is a line of a panel, with a dot for each point.
type Series struct {
	Name, Colour, Dash string
	Points             []Point
}

// Point is a value at a number of documents. One that is not above 0 is left out.
type Point struct{ Documents, Value float64 }

// The colours of series, and the dashes of those that others are held against.
const (
	Blue   = "#1a5fb4"
	Orange = "#c64600"
	Dashed = "6 4"
)

// Panel is one diagram.
type Panel struct {
	Title  string
	X      string   // what the numbers below are
	Series []Series // at most four

	out         *bytes.Buffer
	left, right float64
	x, y        decades
}

// Plot is an SVG of the panels.
func Plot(panels ...Panel) []byte {
	var out bytes.Buffer
	width := panelWidth * len(panels)
	fmt.Fprintf(&out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"13\">\n", width, plotHeight)
	fmt.Fprintf(&out, "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n", width, plotHeight)
	for i, p := range panels {
		p.out, p.left, p.right = &out, float64(70+panelWidth*i), float64(470+panelWidth*i)
		p.draw()
	}
	out.WriteString("</svg>\n")
	return out.Bytes()
}

// decades are the powers of ten that an axis goes from and to.
type decades struct{ from, to float64 }

// around are the decades that hold all values above 0.
func around(values []float64) decades {
	d := decades{math.Inf(1), math.Inf(-1)}
	for _, v := range values {
		if v > 0 {
			d.from, d.to = min(d.from, math.Floor(math.Log10(v))), max(d.to, math.Ceil(math.Log10(v)))
		}
	}
	if d.from > d.to {
		return decades{0, 1}
	}
	d.to = max(d.to, d.from+1)
	return d
}

// at is where on an axis from a to b a value is.
func (d decades) at(v, a, b float64) float64 {
	return a + (math.Log10(v)-d.from)/(d.to-d.from)*(b-a)
}

func (p *Panel) draw() {
	var xs, ys []float64
	for _, s := range p.Series {
		for _, at := range s.Points {
			xs, ys = append(xs, at.Documents), append(ys, at.Value)
		}
	}
	p.x, p.y = around(xs), around(ys)
	fmt.Fprintf(p.out, "<text x=\"%g\" y=\"22\" font-size=\"15\" font-weight=\"bold\">%s</text>\n", p.left, p.Title)
	p.axes()
	for i, s := range p.Series {
		y := 42 + 18*float64(i)
		p.stroke(s, fmt.Sprintf("%g,%g %g,%g", p.left, y, p.left+34, y))
		fmt.Fprintf(p.out, "<text x=\"%g\" y=\"%g\">%s</text>\n", p.left+42, y+4, s.Name)
		p.line(s)
	}
}

// axes draws a line for each decade, and the names of the axes.
func (p *Panel) axes() {
	for e := p.x.from; e <= p.x.to; e++ {
		x := p.x.at(math.Pow(10, e), p.left, p.right)
		fmt.Fprintf(p.out, "<line x1=\"%g\" y1=\"%d\" x2=\"%g\" y2=\"%d\" stroke=\"#dddddd\"/>\n", x, panelTop, x, panelBottom)
		fmt.Fprintf(p.out, "<text x=\"%g\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x, panelBottom+18, Thousands(int(math.Pow(10, e))))
	}
	for e := p.y.from; e <= p.y.to; e++ {
		y := p.y.at(math.Pow(10, e), panelBottom, panelTop)
		fmt.Fprintf(p.out, "<line x1=\"%g\" y1=\"%g\" x2=\"%g\" y2=\"%g\" stroke=\"#dddddd\"/>\n", p.left, y, p.right, y)
		label := strconv.FormatFloat(math.Pow(10, e), 'f', max(0, int(-e)), 64)
		fmt.Fprintf(p.out, "<text x=\"%g\" y=\"%g\" text-anchor=\"end\">%s</text>\n", p.left-8, y+4, label)
	}
	fmt.Fprintf(p.out, "<rect x=\"%g\" y=\"%d\" width=\"%g\" height=\"%d\" fill=\"none\" stroke=\"#555555\"/>\n", p.left, panelTop, p.right-p.left, panelBottom-panelTop)
	fmt.Fprintf(p.out, "<text x=\"%g\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", (p.left+p.right)/2, panelBottom+40, p.X)
}

// line draws a series, with its dots.
func (p *Panel) line(s Series) {
	var path bytes.Buffer
	for _, at := range s.Points {
		if at.Value <= 0 { // memory is not known everywhere
			continue
		}
		x, y := p.x.at(at.Documents, p.left, p.right), p.y.at(at.Value, panelBottom, panelTop)
		fmt.Fprintf(&path, "%.1f,%.1f ", x, y)
		fmt.Fprintf(p.out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x, y, s.Colour)
	}
	p.stroke(s, string(bytes.TrimSpace(path.Bytes())))
}

func (p *Panel) stroke(s Series, points string) {
	fmt.Fprintf(p.out, "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\"/>\n", points, s.Colour, cmp.Or(s.Dash, "none"))
}

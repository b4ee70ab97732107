package cmd

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// The columns of a picture, in pixels: the way climbs from the left below to the
// right above; what it leads through stands beside it, and beside that which
// check of verify is about it.
const (
	svgWidth   = 1040
	wayLeft    = 64
	wayRight   = 340
	namesLeft  = 392
	checkLine  = 760
	checkLeft  = 776
	widestStep = 30
	titleRoom  = 104 // above the way
	testRoom   = 20  // more where a test network is named
	notesRoom  = 108 // below it
	noteLine   = 20  // more for each thing that is not drawn
)

// height of a step in pixels.
func (d *drawn) height() int {
	switch d.shape {
	case shapeNode, shapeHash:
		return 28
	}
	return 40 + 16*len(d.lines)
}

// place gives every step its place, and returns the height of the picture.
func (p *picture) place() int {
	p.rise = min(widestStep, (wayRight-wayLeft)/max(p.depth, 1))
	height := titleRoom + notesRoom + noteLine*len(p.i.undrawn)
	if p.i.testNetwork() != "" {
		height += testRoom
	}
	for _, d := range p.steps {
		height += d.height()
	}
	y := height - notesRoom - noteLine*len(p.i.undrawn)
	for _, d := range p.steps {
		d.x, d.y = wayLeft+p.rise*d.depth, y-d.height()/2
		y -= d.height()
	}
	return height
}

// canvas collects SVG.
type canvas struct{ strings.Builder }

func (c *canvas) add(format string, args ...any) { fmt.Fprintf(c, format+"\n", args...) }

// text adds a text of a class, which is anything at all.
func (c *canvas) text(class string, x, y int, s string) {
	c.add(`<text class="%s" x="%d" y="%d">%s</text>`, class, x, y, xmlText(s))
}

// xmlText is a text for SVG.
func xmlText(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		panic(err) // a strings.Builder takes everything
	}
	return b.String()
}

const svgStyle = `text { font: 13px system-ui, "Segoe UI", Roboto, Arial, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; fill: #1a2230 }
.head { font-size: 20px; font-weight: 650 } .name { font-weight: 650 } .small { font-size: 12px; fill: #556072 } .node { font-size: 11.5px; fill: #556072 }
.check { font-weight: 650; fill: #0b4f8a } .test { font-weight: 650; fill: #b00020 }
.way { stroke: #1a2230; stroke-width: 2; fill: none } .side { stroke: #8a94a4; stroke-width: 1.3; stroke-dasharray: 4 3; fill: none }
.lead { stroke: #cdd3dc; stroke-width: 1; stroke-dasharray: 1 4 } .mark { fill: #fff; stroke: #1a2230; stroke-width: 2 } .given { fill: #fff; stroke: #8a94a4; stroke-width: 1.5; stroke-dasharray: 2.5 2 }
.solid { fill: #1a2230 } .bracket { stroke: #0b4f8a; stroke-width: 2; fill: none }`

// render draws the steps.
func (p *picture) render() []byte {
	height := p.place()
	c := new(canvas)
	c.add(`<?xml version="1.0" encoding="UTF-8"?>`)
	c.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" aria-labelledby="title desc">`, svgWidth, height)
	c.add(`<title id="title">%s</title>`, xmlText("The way from a document to the block: "+p.fileName(60)))
	c.add(`<desc id="desc">%s</desc>`, xmlText(p.describe()))
	c.add("<style>%s</style>", svgStyle)
	c.add(`<rect width="100%%" height="100%%" fill="#fff"/>`)
	c.text("head", 40, 44, "From the document to the block")
	y := 66
	if test := p.i.testNetwork(); test != "" {
		c.text("test", 40, y, test)
		y += testRoom
	}
	c.text("small", 40, y, p.fileName(120))
	c.text("small", 40, y+18, "Read, and not checked: whether it is so, gradseal verify says.")
	for _, d := range p.steps {
		d.drawEdges(c, p.rise)
	}
	for _, d := range p.steps {
		d.drawMark(c)
		d.drawName(c)
	}
	p.drawChecks(c)
	p.drawNotes(c, height-notesRoom-noteLine*len(p.i.undrawn)+26)
	c.add("</svg>")
	return []byte(c.String())
}

// drawEdges joins a step to that which it comes from, and to what comes in: from
// the left between the columns that the ways take, which are rise pixels apart.
func (d *drawn) drawEdges(c *canvas, rise int) {
	if d.from == nil {
		return
	}
	c.add(`<path class="way" d="M%d %d V%d L%d %d"/>`, d.from.x, d.from.y, min(d.from.y, d.y+22), d.x, d.y)
	const aside, below, side = 24, 15, 8
	for _, s := range []struct{ bytes, x int }{{len(d.left), d.x - rise - rise/2}, {len(d.right), d.x + aside}} {
		if s.bytes >= hashSize {
			c.add(`<path class="side" d="M%d %d L%d %d"/>`, s.x, d.y+below, d.x, d.y)
			c.add(`<rect class="given" x="%d" y="%d" width="%d" height="%d"/>`, s.x-side/2, d.y+below-side/2, side, side)
		}
	}
}

// drawMark draws the step itself. The shapes are told apart without colours.
func (d *drawn) drawMark(c *canvas) {
	x, y := d.x, d.y
	switch d.shape {
	case shapeDocument:
		c.add(`<path class="mark" d="M%d %d h16 l8 8 v26 h-24 z"/><path class="way" d="M%d %d h12 m-12 6 h12 m-12 6 h8"/>`, x-12, y-17, x-6, y-3)
	case shapeNamed:
		c.add(`<rect class="mark" x="%d" y="%d" width="22" height="22" rx="5"/><circle class="solid" cx="%d" cy="%d" r="4"/>`, x-11, y-11, x, y)
	case shapeBlock:
		c.add(`<path class="mark" d="M%d %d l16 -8 l16 8 v18 l-16 8 l-16 -8 z"/><path class="way" d="M%d %d l16 8 l16 -8 m-16 8 v18"/>`, x-16, y-9, x-16, y-9)
	case shapeOpen:
		c.add(`<circle class="given" cx="%d" cy="%d" r="9"/><path class="side" d="M%d %d v-5 m0 5 h4"/>`, x, y, x, y)
	default:
		c.add(`<circle class="solid" cx="%d" cy="%d" r="4.5"/>`, x, y)
	}
}

// drawName writes what a step is beside it.
func (d *drawn) drawName(c *canvas) {
	c.add(`<path class="lead" d="M%d %d H%d"/>`, d.x+20, d.y, namesLeft-8)
	if d.shape == shapeNode || d.shape == shapeHash {
		c.text("node", namesLeft, d.y+4, fit(d.title, 54))
		return
	}
	y := d.y + 4 - 8*len(d.lines)
	c.text("name", namesLeft, y, fit(d.title, 46))
	for i, line := range d.lines {
		c.text("small", namesLeft, y+16*(i+1), fit(line, 54))
	}
}

// aboutChecks says what each check of verify has to do with the steps.
var aboutChecks = map[string]string{
	"document":  "The file itself: these bytes have this digest.",
	"inclusion": "Salt and sibling hashes from the proof must lead to the root that the statement names.",
	"issuer":    "The statement must be signed by keys of an institution that the verifier trusts.",
	"anchor":    "The transaction must hold the batch root, and be in the block.",
	"block":     "The header must be in the verifier’s own header chain.",
	"no check":  "A second witness, by a calendar: no check rests on it.",

	"anchor by a calendar": "What the calendar gave must lead to the Merkle root of a block.",
}

// drawChecks writes beside the names which check is about the steps: one line
// along all that follow each other.
func (p *picture) drawChecks(c *canvas) {
	for from := 0; from < len(p.steps); {
		to := from
		for to+1 < len(p.steps) && p.steps[to+1].check == p.steps[from].check {
			to++
		}
		if name := p.steps[from].check; name != "" {
			low, high := p.steps[from], p.steps[to]
			bottom, top := low.y+low.height()/2-5, high.y-high.height()/2+5
			c.add(`<path class="bracket" d="M%d %d h6 V%d h-6"/>`, checkLine-6, bottom, top)
			lines := wrap(aboutChecks[name], 40)
			y := (bottom+top)/2 + 4 - 8*len(lines)
			c.text("check", checkLeft, y, name)
			for i, line := range lines {
				c.text("small", checkLeft, y+16*(i+1), line)
			}
		}
		from = to + 1
	}
}

// drawNotes writes below the way how to read it.
func (p *picture) drawNotes(c *canvas, y int) {
	c.add(`<circle class="solid" cx="46" cy="%d" r="4.5"/>`, y-4)
	c.text("small", 60, y, "SHA-256 of what is below it, and of what comes in from the side")
	c.add(`<rect class="given" x="42" y="%d" width="8" height="8"/>`, y+12)
	c.text("small", 60, y+20, "comes with the proof, and counts for nothing unless the way through it ends where it must")
	last := "Whether the document was withdrawn stands nowhere in it: that is what the institution’s newest status list says (check: status)."
	if p.i.proof == nil {
		last = "It names no issuer. Whether a block has this Merkle root, only a header chain can tell: gradseal verify FILE --ots FILE.ots"
	}
	c.text("small", 40, y+46, last)
	for i, u := range p.i.undrawn {
		c.text("small", 40, y+46+noteLine*(i+1), fit("Not drawn: "+safe(u)+".", 150))
	}
}

// fileName is that of the file, no longer than some columns.
func (p *picture) fileName(columns int) string { return fit(shown(p.i.path), columns) }

// describe is the picture for who does not see it.
func (p *picture) describe() string {
	var b strings.Builder
	if test := p.i.testNetwork(); test != "" {
		b.WriteString(test + ". ")
	}
	for _, d := range p.steps {
		fmt.Fprintf(&b, "%s. ", strings.Join(append([]string{d.title}, d.lines...), ", "))
	}
	return b.String()
}

// fit cuts a text to a number of columns.
func fit(s string, columns int) string {
	if width(s) <= columns {
		return s
	}
	var b strings.Builder
	left := columns - 1
	for _, r := range s {
		if left -= width(string(r)); left < 0 {
			break
		}
		b.WriteRune(r)
	}
	return b.String() + "…"
}

// wrap breaks a text between words into lines of at most so many columns.
func wrap(s string, columns int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(s) {
		last := &lines[len(lines)-1]
		if *last != "" && width(*last+" "+word) > columns {
			lines = append(lines, word)
			continue
		}
		*last = strings.TrimSpace(*last + " " + word)
	}
	return lines
}

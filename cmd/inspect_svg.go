package cmd

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
	"gradseal/proof"
	"gradseal/proof/ots"
)

// maxDrawn is how many steps a picture has at most.
const maxDrawn = 500

// writeSVG writes the picture of an inspection to a file that is not there yet,
// or to standard output.
func (a *app) writeSVG(i *inspection, out string) error {
	data, err := drawSVG(i)
	if err != nil {
		return fmt.Errorf("%s: %w", i.path, err)
	}
	if out == "-" {
		_, err := a.ui.Out.Write(data)
		return err
	}
	err = atomicfile.WriteNew(out, data, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return hinted(fmt.Errorf("%s: exists: it was not overwritten", out), "name another file with --svg")
	}
	if err == nil && !a.ui.json {
		a.ui.result("Wrote %s: what is in %s, as a picture", shown(out), shown(i.path))
	}
	return err
}

// The shapes of the steps of a picture.
type shape int

const (
	shapeHash     shape = iota // of what is below it
	shapeNode                  // of what is below it and a sibling
	shapeNamed                 // a hash that has a name
	shapeDocument              // where the way begins
	shapeBlock                 // where it ends in a block
	shapeOpen                  // where it does not
)

// drawn is a step of a picture: what one or more operations make of the message
// of the step that it comes from.
type drawn struct {
	from        *drawn
	shape       shape
	depth       int
	left, right []byte // that were put before and behind the message
	stop        *stop
	title       string
	lines       []string
	check       string // of verify, that is about it; "" where none is
	x, y        int
}

// picture is a tree of stops as steps, from below to above.
type picture struct {
	i     *inspection
	steps []*drawn
	depth int // of the deepest step
	rise  int // pixels from the column of one depth to the next
}

func drawSVG(i *inspection) ([]byte, error) {
	p := &picture{i: i}
	first := &drawn{shape: shapeDocument, stop: i.root, title: "The document", lines: []string{i.named.Name() + " " + shortHex(i.root.message)}}
	if i.proof != nil {
		first.check = "document"
	}
	if err := p.grow(first); err != nil {
		return nil, err
	}
	return p.render(), nil
}

// grow adds a step, and all that follow it.
func (p *picture) grow(d *drawn) error {
	p.add(d)
	for _, a := range d.stop.ends {
		p.add(p.end(d, a))
	}
	if len(d.stop.ends)+len(d.stop.then) == 0 {
		p.add(p.open(d))
	}
	for _, next := range d.stop.then {
		if len(p.steps) > maxDrawn {
			return fmt.Errorf("its way has more than %s: that is too much to draw", count(maxDrawn, "step"))
		}
		n := &drawn{from: d, depth: d.depth + 1}
		n.take(next)
		p.name(n)
		if err := p.grow(n); err != nil {
			return err
		}
	}
	return nil
}

// testNetwork is the warning where the statement of a proof is for a test
// network. An .ots file names no network.
func (i *inspection) testNetwork() string {
	if i.proof == nil {
		return ""
	}
	network := i.proof.Layers[0].Statement.Network
	if !network.IsTest() {
		return ""
	}
	return fmt.Sprintf("TEST NETWORK (%s)", network)
}

func (p *picture) add(d *drawn) {
	p.steps = append(p.steps, d)
	p.depth = max(p.depth, d.depth)
}

// open is what stands behind the last step of a way that leads to no attestation.
func (p *picture) open(d *drawn) *drawn {
	o := &drawn{from: d, depth: d.depth + 1, shape: shapeOpen, stop: d.stop, title: "No attestation yet", lines: []string{"the proof is pending"}}
	if len(p.i.undrawn) > 0 {
		o.title, o.lines = "The way cannot be drawn", []string{"why not, stands below"}
	}
	if p.i.proof != nil {
		o.check = "anchor"
	}
	return o
}

// take takes the operations from s on into one step: what is put around the
// message, and the hashes of that.
func (d *drawn) take(s *stop) {
	for hashes := 0; ; s = s.then[0] {
		d.stop = s
		switch s.op.Name() {
		case "prepend":
			d.left = append([]byte(s.op.Arg), d.left...)
		case "append":
			d.right = append(d.right, s.op.Arg...)
		default:
			hashes++
		}
		if len(s.then) != 1 || len(s.ends) > 0 {
			break
		}
		if next := s.then[0]; hashes == 2 || hashes == 1 && next.op != s.op {
			break
		}
	}
	if _, _, ok := d.sibling(); ok {
		d.shape = shapeNode
	}
}

// sibling is the one hash that was put beside the message, with at most the
// prefix of a node, and on which side.
func (d *drawn) sibling() (hash []byte, side string, ok bool) {
	switch l, r := len(d.left), len(d.right); {
	case r == 0 && (l == hashSize || l == 1+hashSize):
		return d.left[l-hashSize:], "left", true
	case l <= 1 && r == hashSize:
		return d.right, "right", true
	}
	return nil, "", false
}

// hashSize is the size of the hashes of a tree in bytes.
const hashSize = len(bitcoin.Hash{})

// name says what a step is, as far as that is known.
func (p *picture) name(d *drawn) {
	d.title, d.check = d.stop.what, d.from.check
	if p.i.proof == nil {
		p.nameByForm(d)
		return
	}
	switch what := d.stop.what; {
	case strings.HasPrefix(what, "leaf hash"):
		d.shape, d.check = shapeNamed, "inclusion"
		title, place, _ := strings.Cut(what, ", ") // in one line they would be cut off
		d.title, d.lines = title, []string{shortHex(d.stop.message)}
		if place != "" {
			d.lines = append(d.lines, place)
		}
		if len(d.left) == 1+hashSize {
			d.lines = append(d.lines, "with the salt "+shortHex(d.left[1:]))
		}
	case strings.HasPrefix(what, "batch root"):
		p.nameBatchRoot(d)
	case strings.HasPrefix(what, transactionIs):
		d.shape, d.check = shapeNamed, "anchor"
		d.title, d.lines = "Bitcoin transaction", []string{"id " + shorten(strings.TrimPrefix(what, transactionIs)), "it holds the batch root, in an OP_RETURN output"}
	case what == "":
		p.nameByForm(d)
		d.check = p.byCalendar()
	}
	for i, l := range p.i.proof.Layers {
		if bytes.Equal(d.stop.message, l.Statement.Root[:]) && d.shape == shapeNode {
			d.shape, d.title = shapeNamed, fmt.Sprintf("root hash of the tree of layer %d", i+1)
		}
	}
	if d.shape == shapeNamed && d.lines == nil {
		d.lines = []string{shortHex(d.stop.message)}
	}
	if d.stop.what != "" {
		d.title = capital(d.title)
		d.addSibling()
	}
}

// addSibling says which hash comes in at a node.
func (d *drawn) addSibling() {
	if hash, side, ok := d.sibling(); ok && d.shape == shapeNode {
		d.title, _, _ = strings.Cut(d.title, " above ") // where that is one sees
		d.title += ", with " + (&drawing{}).ends(hex.EncodeToString(hash)) + " on its " + side
	}
}

// byCalendar is what is about the steps of a calendar: where there is a Bitcoin
// attestation too, no check rests on them.
func (p *picture) byCalendar() string {
	if p.i.proof.Bitcoin != nil {
		return "no check"
	}
	return "anchor by a calendar"
}

// nameBatchRoot adds what the statement says, which is part of the batch root.
func (p *picture) nameBatchRoot(d *drawn) {
	d.shape, d.check = shapeNamed, "issuer"
	for i, l := range p.i.proof.Layers {
		if root := proof.BatchRoot(l.Signed, l.Statement.Root); !bytes.Equal(d.stop.message, root[:]) {
			continue
		}
		noun := "document"
		if i > 0 {
			noun, d.check = "batch", "inclusion" // who signed an outer layer never counts
		}
		d.lines = []string{shortHex(d.stop.message), "with the statement of " + quoted(l.Statement.Issuer), "about " + count(l.Statement.Size, noun)}
		if l.Statement.Title != "" {
			d.lines = append(d.lines, quoted(l.Statement.Title))
		}
	}
}

// nameByForm names a step by nothing but its operations.
func (p *picture) nameByForm(d *drawn) {
	if strings.HasPrefix(d.stop.what, transactionIs) {
		d.shape, d.title = shapeNamed, "Has the form of a Bitcoin transaction"
		d.lines = []string{"id " + shorten(strings.TrimPrefix(d.stop.what, transactionIs))}
		return
	}
	d.title = d.stop.op.Name()
	if d.shape == shapeNode {
		d.addSibling()
		return
	}
	var parts []string
	if n := len(d.left); n > 0 {
		parts = append(parts, count(n, "byte")+" before it")
	}
	if n := len(d.right); n > 0 {
		parts = append(parts, count(n, "byte")+" behind it")
	}
	if len(parts) > 0 {
		d.title += ", with " + strings.Join(parts, " and ")
	}
}

// end is what is attested of a step.
func (p *picture) end(d *drawn, a ots.Attestation) *drawn {
	end := &drawn{from: d, depth: d.depth + 1, shape: shapeOpen, stop: d.stop, check: d.check}
	uri, pending := a.URI()
	height, block := a.BitcoinHeight()
	switch {
	case pending:
		end.title, end.lines = "Pending at a calendar", []string{quoted(uri), "which knows it as " + shortHex(d.stop.message)}
	case block && len(d.stop.message) == hashSize:
		end.shape, end.title = shapeBlock, fmt.Sprintf("Bitcoin block %d", height)
		end.lines = []string{"Merkle root " + shorten(bitcoin.Hash(d.stop.message).String()) + " (reversed)"}
		p.nameBlock(end)
	default:
		end.title, end.lines = a.String(), []string{"which cannot be checked here"}
	}
	return end
}

// nameBlock adds the header that the proof has for its transaction. Of two
// attestations the other one decides nothing.
func (p *picture) nameBlock(end *drawn) {
	if p.i.proof == nil {
		return
	}
	b := p.i.proof.Bitcoin
	switch {
	case b == nil:
		end.check = "block"
	case end.check != p.byCalendar():
		end.check = "block"
		end.lines = append(end.lines, "hash "+shorten(b.Header.Hash().String()), "header of "+b.Header.Time().Format("2006-01-02 15:04 UTC"))
	}
}

// shortHex is the beginning and the end of a message in hex.
func shortHex(b []byte) string { return shorten(hex.EncodeToString(b)) }

func shorten(digits string) string { return (&drawing{}).digits(digits) }

package cmd

import (
	"encoding/hex"
	"fmt"
	"strings"

	"gradseal/bitcoin"
	"gradseal/proof"
	"gradseal/proof/ots"
)

// stop is a message on the way from a document to what is attested of it.
type stop struct {
	message []byte
	op      ots.Operation // that made it; of the first stop the zero value
	what    string        // what the operation is there for, where that is known
	ends    []ots.Attestation
	then    []*stop
}

// grower adds stops to a tree, up to a number of bytes in all messages: a small
// file can lead through many large ones.
type grower struct{ room int }

const maxMessages = 4 << 20 // bytes

func newGrower() *grower { return &grower{maxMessages} }

// step adds what an operation makes of the message of s.
func (g *grower) step(s *stop, op ots.Operation, what string) (*stop, error) {
	message, err := op.Apply(s.message)
	if err != nil {
		return nil, err
	}
	if g.room -= len(message); g.room < 0 {
		return nil, fmt.Errorf("its messages have more than %s together: that is too much to show", size(maxMessages))
	}
	next := &stop{message: message, op: op, what: what}
	s.then = append(s.then, next)
	return next, nil
}

// steps adds steps one after the other, and returns the last stop.
func (g *grower) steps(s *stop, steps []proof.Step) (_ *stop, err error) {
	for _, step := range steps {
		if s, err = g.step(s, step.Op, step.What); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// path adds steps that lead to the Merkle root of a block.
func (g *grower) path(s *stop, steps []proof.Step, height uint32) error {
	last, err := g.steps(s, steps)
	if err != nil {
		return err
	}
	last.ends = append(last.ends, ots.Bitcoin(uint64(height)))
	return nil
}

// timestamp adds all that a timestamp has of the message of s. Timestamps are
// at most ots.MaxDepth deep.
func (g *grower) timestamp(s *stop, t *ots.Timestamp) error {
	s.ends = t.Attestations
	for _, b := range t.Branches {
		next, err := g.step(s, b.Op, "")
		if err == nil {
			err = g.timestamp(next, b.Then)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// nameTransactions says of hashes whether they are the id of a transaction: those
// of a message that is one, hashed twice. What such a transaction is for is not
// known, nor whether there is one.
func (s *stop) nameTransactions() {
	for _, once := range s.then {
		for _, twice := range once.then {
			if once.op != ots.SHA256 || twice.op != ots.SHA256 || twice.what != "" {
				continue
			}
			if tx, err := bitcoin.ParseTransaction(s.message); err == nil {
				twice.what = transactionIs + tx.ID().String()
			}
		}
		once.nameTransactions()
	}
}

// transactionIs stands before the id of a transaction.
const transactionIs = "transaction "

// columns is the width of a terminal that no line is broken by, unless --full
// asks for long ones, or more than seven forks are in each other.
const columns = 80

// drawing draws a tree as lines for a terminal: one for each operation. What
// follows in a row stands in a row; forks are indented.
type drawing struct {
	full bool
	line func(format string, args ...any)
}

// draw draws what follows a stop, each line behind the prefix.
func (d *drawing) draw(s *stop, prefix string) {
	for len(s.then) == 1 && len(s.ends) == 0 {
		s = s.then[0]
		d.operation(s, prefix+"│ ", prefix+"│ ")
	}
	left := len(s.ends) + len(s.then)
	branch := func() (first, below string) {
		if left--; left > 0 {
			return prefix + "├─", prefix + "│  "
		}
		return prefix + "└─", prefix + "   "
	}
	for _, a := range s.ends {
		first, below := branch()
		d.lines(first+" ", below, d.end(a, s.message))
	}
	for _, next := range s.then {
		first, below := branch()
		d.operation(next, first+" ", below+"│ ")
		d.draw(next, below)
	}
}

// operation is the line of the operation that made the message of s. With --full
// the message follows, where the line does not have it.
func (d *drawing) operation(s *stop, prefix, below string) {
	value := "= " + d.hex(s.message)
	if s.op.Arg != "" {
		value = "  " + d.hex([]byte(s.op.Arg))
	}
	if s.what == "" {
		d.line("%s%-9s %s", prefix, s.op.Name(), value)
	} else {
		d.text(fmt.Sprintf("%s%-9s %-27s  ", prefix, s.op.Name(), value), fmt.Sprintf("%s%-9s %-27s  ", below, "", ""), longHex().ReplaceAllStringFunc(s.what, d.ends))
	}
	if d.full && s.op.Arg != "" {
		d.line("%s%-9s = %s", below, "", d.hex(s.message))
	}
}

// end is what is attested of a message, in lines. Only a long name of a calendar
// has more columns than a terminal.
func (d *drawing) end(a ots.Attestation, message []byte) []string {
	if uri, ok := a.URI(); ok {
		return []string{"pending at " + quoted(uri) + ",", "which knows it as " + d.hex(message)}
	}
	if _, ok := a.Height(); !ok {
		return []string{fmt.Sprintf("%s, %s:", a, count(len(a.Payload), "byte")), d.hex([]byte(a.Payload))}
	}
	if len(message) != len(bitcoin.Hash{}) {
		return []string{fmt.Sprintf("%s, whose Merkle root this would be:", a), "but it has " + count(len(message), "byte")}
	}
	return []string{
		fmt.Sprintf("%s, whose Merkle root this would be:", a),
		d.hex(message),
		"reversed " + d.digits(bitcoin.Hash(message).String()),
	}
}

// lines prints the first line behind first, and the others behind below.
func (d *drawing) lines(first, below string, lines []string) {
	for i, line := range lines {
		if i > 0 {
			first = below
		}
		d.line("%s%s", first, line)
	}
}

// text prints a text behind first, in as many lines as it takes, the others
// behind below. It is broken between words, of which a long one stays whole.
func (d *drawing) text(first, below, text string) {
	lines := []string{""}
	for i, word := range strings.Split(text, " ") {
		last := &lines[len(lines)-1]
		switch {
		case i == 0:
			*last = word
		case d.full || width(first+*last+" "+word) <= columns:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	d.lines(first, below, lines)
}

// width is the number of columns of a text. Letters of East Asia take two each.
func width(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x1100 && r <= 0x115f || r >= 0x2e80 { // Hangul; CJK and what comes after it
			n++
		}
	}
	return n
}

func (d *drawing) hex(b []byte) string { return d.digits(hex.EncodeToString(b)) }

// digits keeps both ends of a long number, unless all was asked for.
func (d *drawing) digits(s string) string { return d.shorten(s, 16) }

// ends is digits for a number that stands behind another one in a line.
func (d *drawing) ends(s string) string { return d.shorten(s, 8) }

func (d *drawing) shorten(s string, head int) string {
	const tail = 8
	if d.full || len(s) <= head+tail {
		return s
	}
	return s[:head] + "…" + s[len(s)-tail:]
}

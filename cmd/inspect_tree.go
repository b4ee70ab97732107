package cmd

import (
	"encoding/hex"
	"fmt"

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
				twice.what = fmt.Sprintf("transaction %s", tx.ID())
			}
		}
		once.nameTransactions()
	}
}

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
		first, _ := branch()
		d.line("%s %s", first, d.end(a, s.message))
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
		d.line("%s%-9s %-27s  %s", prefix, s.op.Name(), value, s.what)
	}
	if d.full && s.op.Arg != "" {
		d.line("%s%-9s = %s", below, "", d.hex(s.message))
	}
}

// end is what is attested of a message.
func (d *drawing) end(a ots.Attestation, message []byte) string {
	if uri, ok := a.URI(); ok {
		return fmt.Sprintf("pending at %s, which knows it as %s", quoted(uri), d.hex(message))
	}
	if _, ok := a.Height(); !ok {
		return fmt.Sprintf("%s, %s: %s", a, count(len(a.Payload), "byte"), d.hex([]byte(a.Payload)))
	}
	if len(message) != len(bitcoin.Hash{}) {
		return fmt.Sprintf("%s, whose Merkle root this would be: but it has %s", a, count(len(message), "byte"))
	}
	return fmt.Sprintf("%s, whose Merkle root this would be: %s (reversed %s)", a, d.hex(message), d.digits(bitcoin.Hash(message).String()))
}

func (d *drawing) hex(b []byte) string { return d.digits(hex.EncodeToString(b)) }

// digits keeps both ends of a long number, unless all was asked for.
func (d *drawing) digits(s string) string {
	const head, tail = 16, 8
	if d.full || len(s) <= head+tail {
		return s
	}
	return s[:head] + "…" + s[len(s)-tail:]
}

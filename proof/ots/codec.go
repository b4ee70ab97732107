package ots

import (
	"encoding/binary"
	"fmt"
)

// The bytes that structure a timestamp.
const (
	fork          = 0xff // another attestation or operation follows this one
	isAttestation = 0x00
)

// Parse reads the timestamp of a message of size bytes, which is not in it. The
// whole of data must be the timestamp, within the limits of the format; numbers
// must be in their shortest form.
//
// The reference implementation writes attestations, then branches, both in
// canonical order (Canonical), but that of JavaScript writes branches in the
// order in which calendars answered. So any order of attestations and of
// branches is read, and kept: Marshal of what was read gives the same bytes.
// What stands there twice, and an attestation behind a branch, is refused as
// unsupported: the reference implementation reads it, and would write other bytes.
func Parse(data []byte, size int) (*Timestamp, error) {
	r, err := newReader(data)
	if err != nil {
		return nil, err
	}
	return r.whole(size)
}

// Marshal returns the timestamp of a message of size bytes. It fails where
// Parse would not read it.
func (t *Timestamp) Marshal(size int) ([]byte, error) {
	return t.appendTo(nil, size, MaxDepth)
}

// reader takes a timestamp apart.
type reader struct{ rest []byte }

func newReader(data []byte) (*reader, error) {
	if len(data) > MaxSize {
		return nil, unsupported("it has more than %d bytes", MaxSize)
	}
	return &reader{data}, nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}

// whole reads the timestamp of a message of size bytes, behind which nothing
// may follow.
func (r *reader) whole(size int) (*Timestamp, error) {
	t, err := r.timestamp(size, MaxDepth)
	if err != nil {
		return nil, err
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return t, nil
}

// timestamp reads the timestamp of a message of size bytes, of which depth more
// may be nested, this one included.
func (r *reader) timestamp(size, depth int) (*Timestamp, error) {
	if err := checkNode(size, depth); err != nil {
		return nil, err
	}
	t := new(Timestamp)
	for {
		tag, err := r.byte()
		if err != nil {
			return nil, err
		}
		more := tag == fork
		if more {
			if tag, err = r.byte(); err != nil {
				return nil, err
			}
			if tag == fork {
				return nil, malformed("a fork stands behind a fork")
			}
		}
		if tag == isAttestation {
			err = r.attestation(t)
		} else {
			err = r.branch(t, tag, size, depth)
		}
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
	}
	if err := t.checkTwice(); err != nil {
		return nil, err
	}
	return t, nil
}

// attestation reads one, behind its first byte.
func (r *reader) attestation(t *Timestamp) error {
	tag, err := r.take(len(Tag{}))
	if err != nil {
		return err
	}
	payload, err := r.bytes(0, MaxPayload)
	if err != nil {
		return err
	}
	a := Attestation{Tag(tag), string(payload)}
	if err := a.check(); err != nil {
		return err
	}
	if len(t.Branches) > 0 {
		return unsupported("an attestation stands behind an operation")
	}
	t.Attestations = append(t.Attestations, a)
	return nil
}

// branch reads an operation, behind its tag, and what follows it.
func (r *reader) branch(t *Timestamp, tag byte, size, depth int) error {
	op := Operation{Tag: tag}
	if op.takesArgument() {
		arg, err := r.bytes(1, MaxMessage)
		if err != nil {
			return err
		}
		op.Arg = string(arg)
	}
	result, err := op.resultSize(size)
	if err != nil {
		return err
	}
	then, err := r.timestamp(result, depth-1)
	if err != nil {
		return err
	}
	t.Branches = append(t.Branches, Branch{op, then})
	return nil
}

func (r *reader) byte() (byte, error) {
	b, err := r.take(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// take returns the next n bytes, without copying them.
func (r *reader) take(n int) ([]byte, error) {
	if n > len(r.rest) {
		return nil, malformed("it ends too early")
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b, nil
}

// uint reads a number in LEB128, in its shortest form and of at most 64 bits.
func (r *reader) uint() (uint64, error) {
	v, n := binary.Uvarint(r.rest)
	switch {
	case n == 0:
		return 0, malformed("it ends too early")
	case n < 0:
		return 0, malformed("a number of more than 64 bits")
	case n > 1 && r.rest[n-1] == 0:
		return 0, malformed("a number that is not in its shortest form")
	}
	r.rest = r.rest[n:]
	return v, nil
}

// bytes reads a length and so many bytes, without copying them.
func (r *reader) bytes(least, most int) ([]byte, error) {
	n, err := r.uint()
	if err != nil {
		return nil, err
	}
	if n < uint64(least) || n > uint64(most) {
		return nil, malformed("a length of %d, want %d to %d", n, least, most)
	}
	return r.take(int(n))
}

func (r *reader) end() error {
	if len(r.rest) > 0 {
		return malformed("%d bytes follow its end", len(r.rest))
	}
	return nil
}

// checkNode refuses a message of a size that the format does not allow, and a
// timestamp of which depth more may be nested, this one included.
func checkNode(size, depth int) error {
	switch {
	case size < 1 || size > MaxMessage:
		return malformed("a message of %d bytes, want 1 to %d", size, MaxMessage)
	case depth == 0:
		return malformed("it is nested deeper than %d", MaxDepth)
	}
	return nil
}

// checkTwice refuses what one message has twice. A reader that merges the two,
// as the reference implementation does, would write other bytes.
func (t *Timestamp) checkTwice() error {
	if hasTwice(t.Attestations, func(a Attestation) Attestation { return a }) {
		return unsupported("an attestation stands there twice")
	}
	if hasTwice(t.Branches, func(b Branch) Operation { return b.Op }) {
		return unsupported("an operation stands there twice")
	}
	return nil
}

// hasTwice takes a time that grows with the length of the list, not with its
// square: there can be thousands of branches, and who sends them is a stranger.
func hasTwice[E any, K comparable](list []E, key func(E) K) bool {
	if len(list) < 2 {
		return false
	}
	have := make(map[K]struct{}, len(list))
	for _, e := range list {
		have[key(e)] = struct{}{}
	}
	return len(have) < len(list)
}

func appendUint(dst []byte, v uint64) []byte { return binary.AppendUvarint(dst, v) }

func appendBytes(dst []byte, b string) []byte {
	return append(appendUint(dst, uint64(len(b))), b...)
}

// appendTo writes the timestamp of a message of size bytes.
func (t *Timestamp) appendTo(dst []byte, size, depth int) (_ []byte, err error) {
	if err := checkNode(size, depth); err != nil {
		return nil, err
	}
	if t == nil || len(t.Attestations)+len(t.Branches) == 0 {
		return nil, malformed("it has a branch without attestation")
	}
	if err := t.checkTwice(); err != nil {
		return nil, err
	}
	left := len(t.Attestations) + len(t.Branches)
	begin := func() {
		if left--; left > 0 {
			dst = append(dst, fork)
		}
	}
	for _, a := range t.Attestations {
		if err := a.check(); err != nil {
			return nil, err
		}
		begin()
		dst = append(append(dst, isAttestation), a.Tag[:]...)
		dst = appendBytes(dst, a.Payload)
	}
	for _, b := range t.Branches {
		result, err := b.Op.resultSize(size)
		if err != nil {
			return nil, err
		}
		begin()
		dst = append(dst, b.Op.Tag)
		if b.Op.takesArgument() {
			dst = appendBytes(dst, b.Op.Arg)
		}
		if dst, err = b.Then.appendTo(dst, result, depth-1); err != nil {
			return nil, err
		}
	}
	if len(dst) > MaxSize {
		return nil, unsupported("it has more than %d bytes", MaxSize)
	}
	return dst, nil
}

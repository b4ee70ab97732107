// Package ots reads and writes OpenTimestamps timestamps: trees of operations
// that lead from one message, such as the digest of a file, to attestations of
// when it existed.
//
// It is the codec and the arithmetic. It opens no socket, knows no block and
// believes no attestation: Paths says of which message each is, and whoever has
// a header chain compares.
//
// The format is that of the reference implementation, python-opentimestamps,
// with its limits (docs/format.md, section 21). There is one spelling of every
// value, and one thing is free: the order of attestations, and that of branches,
// see Parse.
package ots

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// Limits of the format, which reader and writer share.
const (
	MaxMessage = 4096 // bytes of a message, before and after each operation
	MaxPayload = 8192 // bytes of an attestation's payload
	MaxURI     = 1000 // bytes of a calendar's URI
	MaxDepth   = 256  // timestamps nested in each other, the outermost one included

	// MaxSize is the most bytes that a timestamp or a file is read from. It is
	// this package's, not the format's: a file that five calendars attest to has
	// about 5,000.
	MaxSize = 64 << 10
)

// Errors of Parse and ParseFile. All wrap one of them.
var (
	// ErrMalformed says that the bytes are not a timestamp, or one beyond the
	// limits of the format.
	ErrMalformed = errors.New("malformed timestamp")
	// ErrUnknown says that the bytes may be a timestamp of a later format: an
	// operation or a version that this package does not know.
	ErrUnknown = errors.New("unknown timestamp format")
	// ErrUnsupported says that the bytes may be a timestamp for the reference
	// implementation, which reads what this package does not: more than MaxSize
	// bytes, an attestation behind an operation, the same attestation or operation
	// of one message twice.
	ErrUnsupported = errors.New("unsupported timestamp")
)

// Timestamp is what is known about one message: the attestations of it, and
// the operations that lead to further messages. It has at least one of both.
type Timestamp struct {
	Attestations []Attestation
	Branches     []Branch
}

// Branch is an operation on a message, and what is known about its result.
type Branch struct {
	Op   Operation
	Then *Timestamp
}

// Path is the way from one message to one attestation.
type Path struct {
	Ops         []Operation
	Result      []byte // the message that is attested
	Attestation Attestation
}

// Paths returns the ways to all attestations, in the order of the tree. Of a
// timestamp that Parse returned for messages of this length it never fails.
func (t *Timestamp) Paths(message []byte) ([]Path, error) {
	var all []Path
	_, err := t.prune(message, nil, func(p Path) bool {
		all = append(all, p)
		return false
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Timestamp returns the timestamp that has this path and nothing else.
func (p Path) Timestamp() *Timestamp {
	return (&Timestamp{Attestations: []Attestation{p.Attestation}}).After(p.Ops)
}

// After returns the timestamp of the message to which ops, applied in their
// order, lead to the message of t.
func (t *Timestamp) After(ops []Operation) *Timestamp {
	for _, op := range slices.Backward(ops) {
		t = &Timestamp{Branches: []Branch{{op, t}}}
	}
	return t
}

// Line returns the only path of a timestamp without forks and with one
// attestation, and false for any other.
func (t *Timestamp) Line() (ops []Operation, a Attestation, ok bool) {
	for len(t.Branches) == 1 && len(t.Attestations) == 0 {
		ops = append(ops, t.Branches[0].Op)
		t = t.Branches[0].Then
	}
	if len(t.Branches) > 0 || len(t.Attestations) != 1 {
		return nil, Attestation{}, false
	}
	return ops, t.Attestations[0], true
}

// Merge returns a timestamp with all that two of the same message have, in
// canonical order.
func Merge(a, b *Timestamp) *Timestamp { return merge(a, b) }

// Canonical returns the timestamp with everything in canonical order: that in
// which the reference implementation writes it.
func (t *Timestamp) Canonical() *Timestamp { return merge(t) }

// merge goes through every branch of all once, whatever they have in common.
func merge(all ...*Timestamp) *Timestamp {
	m := new(Timestamp)
	var branches []Branch
	for _, t := range all {
		m.Attestations = append(m.Attestations, t.Attestations...)
		branches = append(branches, t.Branches...)
	}
	slices.SortFunc(m.Attestations, Attestation.compare)
	m.Attestations = slices.Compact(m.Attestations)
	slices.SortStableFunc(branches, func(x, y Branch) int { return x.Op.compare(y.Op) })
	for len(branches) > 0 {
		op := branches[0].Op
		var then []*Timestamp
		for len(branches) > 0 && branches[0].Op == op {
			then = append(then, branches[0].Then)
			branches = branches[1:]
		}
		m.Branches = append(m.Branches, Branch{op, merge(then...)})
	}
	return m
}

// Prune returns the timestamp with those paths only that keep accepts, in the
// order that they had; nil where that is none.
func (t *Timestamp) Prune(message []byte, keep func(Path) bool) (*Timestamp, error) {
	return t.prune(message, nil, keep)
}

func (t *Timestamp) prune(message []byte, ops []Operation, keep func(Path) bool) (*Timestamp, error) {
	kept := new(Timestamp)
	for _, a := range t.Attestations {
		if keep(Path{slices.Clone(ops), message, a}) {
			kept.Attestations = append(kept.Attestations, a)
		}
	}
	for _, b := range t.Branches {
		result, err := b.Op.Apply(message)
		if err != nil {
			return nil, err
		}
		then, err := b.Then.prune(result, append(ops, b.Op), keep)
		if err != nil {
			return nil, err
		}
		if then != nil {
			kept.Branches = append(kept.Branches, Branch{b.Op, then})
		}
	}
	if len(kept.Attestations)+len(kept.Branches) == 0 {
		return nil, nil
	}
	return kept, nil
}

// File is a detached timestamp file (.ots): the timestamp of a document, which
// is named by a digest of it.
type File struct {
	Hash      Operation // the hash of the document: sha256, sha1 or ripemd160
	Digest    []byte
	Timestamp *Timestamp
}

// ContentType is the media type of a bare timestamp, as calendars give it.
const ContentType = "application/vnd.opentimestamps.v1"

// magic begins every file, and the version follows it.
const (
	magic   = "\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94"
	version = 1
)

// IsFile reports whether data begins as a detached timestamp file does.
func IsFile(data []byte) bool { return bytes.HasPrefix(data, []byte(magic)) }

// ParseFile reads a detached timestamp file, as Parse does.
func ParseFile(data []byte) (*File, error) {
	if !IsFile(data) {
		return nil, malformed("it does not begin as an OpenTimestamps file does")
	}
	r, err := newReader(data)
	if err != nil {
		return nil, err
	}
	r.rest = r.rest[len(magic):]
	v, err := r.uint()
	if err != nil {
		return nil, err
	}
	if v != version {
		return nil, fmt.Errorf("%w: version %d, want %d", ErrUnknown, v, version)
	}
	tag, err := r.byte()
	if err != nil {
		return nil, err
	}
	f := &File{Hash: Operation{Tag: tag}}
	if err := f.checkHash(); err != nil {
		return nil, err
	}
	digest, err := r.take(f.Hash.digestSize())
	if err != nil {
		return nil, err
	}
	f.Digest = bytes.Clone(digest)
	if f.Timestamp, err = r.whole(len(digest)); err != nil {
		return nil, err
	}
	return f, nil
}

// checkHash refuses what is no hash of documents. The reference implementation
// reads a file that names a document by its Keccak-256, but can hash none so.
func (f *File) checkHash() error {
	switch f.Hash {
	case SHA256, SHA1, RIPEMD160:
		return nil
	}
	return fmt.Errorf("%w: hash %#02x of the document, want sha256, sha1 or ripemd160", ErrUnknown, f.Hash.Tag)
}

// Marshal returns the file.
func (f *File) Marshal() ([]byte, error) {
	if err := f.checkHash(); err != nil {
		return nil, err
	}
	if len(f.Digest) != f.Hash.digestSize() {
		return nil, malformed("a digest of %d bytes, want the %d of %s", len(f.Digest), f.Hash.digestSize(), f.Hash)
	}
	out := append([]byte(magic), version, f.Hash.Tag)
	return f.Timestamp.appendTo(append(out, f.Digest...), len(f.Digest), MaxDepth)
}

package issuer

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gradseal/bitcoin"
)

const (
	// MaxStatement is the greatest size of a signed statement: 16 KiB.
	MaxStatement = 16 << 10

	// MaxTreeSize is the greatest size of a tree that a statement can name.
	MaxTreeSize = 1 << 32
)

// Type says what the entries of a statement's tree are.
type Type string

// The types of a statement.
const (
	Documents Type = "documents" // entries of 64 bytes: salt and document digest
	Batches   Type = "batches"   // entries of 32 bytes: batch roots of other trees
)

// Statement is what an issuer signs about one tree. As a text:
//
//	gradseal statement v1
//	type documents | batches
//	issuer ID                     ValidID
//	network NETWORK               bitcoin.ParseNetwork
//	size N                        1 to 4294967296
//	root HEX                      64 digits in byte order
//	issued 2006-01-02T15:04:05Z   years 2009 to 9999
//	after HEIGHT HASH             optional; HASH reversed, as Bitcoin prints it
//	title TEXT                    optional; ValidTitle
type Statement struct {
	Type    Type
	Issuer  string
	Network bitcoin.Network
	Size    uint64   // entries in the tree
	Root    [32]byte // root hash of the tree
	Issued  time.Time
	After   *After // nil: the statement names no block
	Title   string // empty: no title
}

// After names a block that was known when the statement was made. It is the
// issuer's word until the block is found in a header chain.
type After struct {
	Height uint32
	Hash   bitcoin.Hash
}

// ParseStatement reads a signed statement of at most MaxStatement bytes. It
// returns the note, too, for File.CheckSignatures: no signature was verified, and
// the names in the signature lines need not be the statement's issuer.
func ParseStatement(signed []byte) (*Statement, *Note, error) {
	n, err := ParseNote(signed, MaxStatement)
	if err != nil {
		return nil, nil, fmt.Errorf("statement: %w", err)
	}
	s, err := parseStatement(n.Text)
	if err != nil {
		return nil, nil, fmt.Errorf("malformed statement: %w", err)
	}
	return s, n, nil
}

func parseStatement(text string) (*Statement, error) {
	r := &lineReader{rest: text}
	r.format("statement")
	s := &Statement{
		Type:    Type(r.value("type")),
		Issuer:  r.value("issuer"),
		Network: r.network(),
		Size:    r.number("size", 1, MaxTreeSize),
		Root:    r.hash("root"),
		Issued:  r.time("issued"),
	}
	s.After = parseAfter(r)
	if title, ok := r.optional("title"); ok {
		if err := ValidTitle(title); err != nil {
			r.fail(err)
		}
		s.Title = title
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return s, compareText(s.Text, text)
}

func parseAfter(r *lineReader) *After {
	line, ok := r.optional("after")
	if !ok {
		return nil
	}
	height, hash, ok := strings.Cut(line, " ")
	if !ok {
		r.fail(fmt.Errorf("after: malformed value %s, want a height and a hash", quote(line)))
		return nil
	}
	h, err := parseNumber(height, 0, 1<<32-1)
	if err != nil {
		r.fail(fmt.Errorf("after: height: %w", err))
	}
	id, err := bitcoin.ParseHash(hash)
	if err != nil {
		r.fail(fmt.Errorf("after: malformed hash %s, want 64 lower-case hexadecimal digits", quote(hash)))
	}
	return &After{Height: uint32(h), Hash: id}
}

// compareText encodes what was read and compares it with what it was read from.
func compareText(encode func() (string, error), text string) error {
	again, err := encode()
	if err != nil {
		return err
	}
	if again != text {
		return fmt.Errorf("not in canonical form: %d bytes, written again %d", len(text), len(again))
	}
	return nil
}

// Text returns the text to sign. It fails where a field has no spelling: see
// Statement. Issued must be in whole seconds.
func (s *Statement) Text() (string, error) {
	if err := s.check(); err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "gradseal statement v1\ntype %s\nissuer %s\nnetwork %s\n", s.Type, s.Issuer, s.Network)
	b.WriteString("size " + strconv.FormatUint(s.Size, 10) + "\n")
	b.WriteString("root " + hex.EncodeToString(s.Root[:]) + "\n")
	b.WriteString("issued " + formatTime(s.Issued) + "\n")
	if s.After != nil {
		fmt.Fprintf(&b, "after %d %s\n", s.After.Height, s.After.Hash)
	}
	if s.Title != "" {
		b.WriteString("title " + s.Title + "\n")
	}
	return b.String(), nil
}

func (s *Statement) check() error {
	if s.Type != Documents && s.Type != Batches {
		return fmt.Errorf("statement type is %s, want %q or %q", quote(string(s.Type)), Documents, Batches)
	}
	if err := ValidID(s.Issuer); err != nil {
		return err
	}
	if err := checkNetwork(s.Network); err != nil {
		return err
	}
	if s.Size < 1 || s.Size > MaxTreeSize {
		return fmt.Errorf("tree size %d is out of range, want 1 to %d", s.Size, uint64(MaxTreeSize))
	}
	if err := checkTime("issued", s.Issued); err != nil {
		return err
	}
	if s.Title == "" {
		return nil
	}
	return ValidTitle(s.Title)
}

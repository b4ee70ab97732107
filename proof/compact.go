package proof

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/merkle"
)

// The compact form of a proof, for paper: the same values as bytes, in one
// spelling, so that the proof file can be made from it again byte for byte
// (docs/format.md, "The compact proof"). Statements are taken apart, which loses
// nothing: they have one spelling themselves.

const (
	// MaxCompact is the most bytes of a compact proof.
	MaxCompact = MaxSize

	compactVersion = 1

	// The two attestations, as bits of one byte.
	compactBitcoin        = 1
	compactOpenTimestamps = 2
	compactAttestations   = compactBitcoin | compactOpenTimestamps

	previousFrom, previousTo = 4, 36 // the hash of the block before, in a header
)

// MarshalCompact returns the compact form of p. What a statement of p says is
// taken from its signed bytes.
func MarshalCompact(p *Proof) ([]byte, error) {
	if len(p.Layers) < 1 || len(p.Layers) > MaxLayers {
		return nil, fmt.Errorf("%d layers, want 1 to %d", len(p.Layers), MaxLayers)
	}
	b := append([]byte{compactVersion}, p.Digest[:]...)
	b = append(b, p.Salt[:]...)
	b = append(b, byte(len(p.Layers)))
	for i, l := range p.Layers {
		s, note, err := issuer.ParseStatement(l.Signed)
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i+1, err)
		}
		if i == 0 {
			b = append(b, byte(s.Network))
		}
		b = binary.AppendUvarint(b, l.Index)
		b = appendHashes(b, l.Path)
		b = appendStatement(b, s, note)
	}
	return appendAttestations(b, p)
}

func appendHashes[H ~[32]byte](b []byte, path []H) []byte {
	b = append(b, byte(len(path)))
	for _, h := range path {
		h := [32]byte(h)
		b = append(b, h[:]...)
	}
	return b
}

// appendText writes a length and as many bytes.
func appendText[T ~string | ~[]byte](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// appendStatement leaves out type and network, which place and first layer say.
func appendStatement(b []byte, s *issuer.Statement, n *issuer.Note) []byte {
	b = appendText(b, s.Issuer)
	b = binary.AppendUvarint(b, s.Size)
	b = append(b, s.Root[:]...)
	b = binary.AppendUvarint(b, uint64(s.Issued.Unix()))
	if s.After == nil {
		b = append(b, 0)
	} else {
		b = binary.AppendUvarint(append(b, 1), uint64(s.After.Height))
		b = append(b, s.After.Hash[:]...)
	}
	b = appendText(b, s.Title)
	b = append(b, byte(len(n.Signatures)))
	for _, sig := range n.Signatures {
		name := sig.Name
		if name == s.Issuer {
			name = ""
		}
		b = appendText(b, name)
		b = binary.BigEndian.AppendUint32(b, sig.KeyID)
		b = appendText(b, sig.Bytes)
	}
	return b
}

func appendAttestations(b []byte, p *Proof) ([]byte, error) {
	kinds := byte(0)
	if p.Bitcoin != nil {
		kinds |= compactBitcoin
	}
	if p.OpenTimestamps != nil {
		kinds |= compactOpenTimestamps
	}
	b = append(b, kinds)
	if a := p.Bitcoin; a != nil {
		b = appendText(b, a.Transaction)
		b = binary.AppendUvarint(b, uint64(a.Position))
		b = appendHashes(b, a.Path)
		b = append(b, a.Header[:]...)
		b = binary.AppendUvarint(b, uint64(a.Height))
		b = appendSuccessors(b, a)
	}
	if p.OpenTimestamps == nil {
		return b, nil
	}
	data, err := p.OpenTimestamps.Marshal()
	return appendText(b, data), err
}

// appendSuccessors leaves out the hash of the block before where all follow
// each other. Nothing in the form of a proof says that they do.
func appendSuccessors(b []byte, a *Bitcoin) []byte {
	b = append(b, byte(len(a.Successors)))
	if len(a.Successors) == 0 {
		return b
	}
	linked := follow(a.Header, a.Successors)
	b = append(b, boolByte(linked))
	for _, h := range a.Successors {
		if linked {
			b = append(append(b, h[:previousFrom]...), h[previousTo:]...)
		} else {
			b = append(b, h[:]...)
		}
	}
	return b
}

// follow reports whether each header has the hash of the one before it.
func follow(before bitcoin.Header, headers []bitcoin.Header) bool {
	for _, h := range headers {
		if h.Previous() != before.Hash() {
			return false
		}
		before = h
	}
	return true
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// ParseCompact reads the compact form of a proof, of which Marshal then returns
// the proof file. Errors are as those of Parse: ErrNewer where this version
// cannot judge it.
func ParseCompact(data []byte) (*Proof, error) {
	if len(data) > MaxCompact {
		return nil, fmt.Errorf("the compact proof has more than %d bytes", MaxCompact)
	}
	if len(data) > 0 && data[0] > compactVersion {
		return nil, fmt.Errorf("%w: compact proof of version %d", ErrNewer, data[0])
	}
	p, err := parseCompact(data)
	if err != nil {
		return nil, fmt.Errorf("malformed compact proof: %w", err)
	}
	// All rules of the proof file hold here, too, and are in one place.
	file, err := Marshal(p)
	if err != nil {
		return nil, err
	}
	if p, err = parse(file); err != nil {
		return nil, err
	}
	again, err := MarshalCompact(p)
	if err == nil && !bytes.Equal(again, data) {
		err = errors.New("malformed compact proof: not in its one spelling")
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

func parseCompact(data []byte) (*Proof, error) {
	r := &compactReader{rest: data}
	if v := r.byte(); r.err == nil && v != compactVersion {
		return nil, fmt.Errorf("version %d, want %d", v, compactVersion)
	}
	p := &Proof{Digest: r.hash(), Salt: r.hash()}
	layers := r.count("layers", MaxLayers)
	network := bitcoin.Network(r.byte())
	for i := range layers {
		l := Layer{Index: r.number(), Path: readHashes[merkle.Hash](r, merkle.MaxPath)}
		s := &issuer.Statement{Type: issuer.Documents, Network: network}
		if i > 0 {
			s.Type = issuer.Batches
		}
		note := r.statement(s)
		if r.err != nil {
			break
		}
		text, err := s.Text()
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i+1, err)
		}
		note.Text = text
		l.Signed = note.Marshal()
		p.Layers = append(p.Layers, l)
	}
	r.attestations(p)
	if r.err == nil && len(r.rest) > 0 {
		r.err = fmt.Errorf("%d bytes after its end", len(r.rest))
	}
	return p, r.err
}

// compactReader takes a compact proof apart. It allocates no more than it has
// bytes for. After its first error it reads zeros.
type compactReader struct {
	rest []byte
	err  error
}

func (r *compactReader) fail(err error) {
	if r.err == nil {
		r.err, r.rest = err, nil
	}
}

// take reads n bytes. They are part of the input, or nil.
func (r *compactReader) take(n int) []byte {
	if n > len(r.rest) {
		r.fail(io.ErrUnexpectedEOF)
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *compactReader) hash() (h [32]byte) {
	copy(h[:], r.take(len(h)))
	return h
}

func (r *compactReader) header() (h bitcoin.Header) {
	copy(h[:], r.take(len(h)))
	return h
}

func (r *compactReader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// count reads a byte that is at most most.
func (r *compactReader) count(what string, most int) int {
	n := int(r.byte())
	if n > most {
		r.fail(fmt.Errorf("%d %s, want at most %d", n, what, most))
		return 0
	}
	return n
}

// number reads one of at most 64 bits. Whether it is in its shortest form is
// found out when it is written again.
func (r *compactReader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.fail(errors.New("a number that is cut off, or of more than 64 bits"))
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *compactReader) number32(what string) uint32 {
	n := r.number()
	if n > maxHeight {
		r.fail(fmt.Errorf("%s %d, want at most %d", what, n, uint32(maxHeight)))
	}
	return uint32(n)
}

// text reads a length and as many bytes.
func (r *compactReader) text() []byte {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.fail(io.ErrUnexpectedEOF)
		return nil
	}
	return r.take(int(n))
}

func readHashes[H ~[32]byte](r *compactReader, most int) []H {
	path := make([]H, r.count("hashes in a path", most))
	for i := range path {
		path[i] = r.hash()
	}
	return path
}

// statement reads what appendStatement wrote, into s and a note without text.
func (r *compactReader) statement(s *issuer.Statement) *issuer.Note {
	s.Issuer, s.Size, s.Root = string(r.text()), r.number(), r.hash()
	s.Issued = r.time()
	if r.count("blocks that a statement names", 1) == 1 {
		s.After = &issuer.After{Height: r.number32("height"), Hash: r.hash()}
	}
	s.Title = string(r.text())
	n := new(issuer.Note)
	for range r.count("signature lines", issuer.MaxSignatures) {
		sig := issuer.Signature{Name: string(r.text())}
		if sig.Name == "" {
			sig.Name = s.Issuer
		}
		if id := r.take(4); id != nil {
			sig.KeyID = binary.BigEndian.Uint32(id)
		}
		sig.Bytes = r.text()
		n.Signatures = append(n.Signatures, sig)
	}
	return n
}

// time reads seconds since 1970. Whether a statement can say them is for its
// text, which cannot say those of the year 36812.
func (r *compactReader) time() time.Time {
	return time.Unix(int64(min(r.number(), 1<<40)), 0).UTC()
}

func (r *compactReader) attestations(p *Proof) {
	kinds := r.byte()
	if kinds > compactAttestations {
		r.fail(fmt.Errorf("attestations of kind %d, want 0 to %d", kinds, compactAttestations))
	}
	if kinds&compactBitcoin != 0 {
		p.Bitcoin = r.bitcoin()
	}
	if kinds&compactOpenTimestamps == 0 {
		return
	}
	o, err := ParseOpenTimestamps(r.text())
	if err != nil {
		r.fail(fmt.Errorf("%s attestation: %w", typeOpenTimestamps, err))
	}
	p.OpenTimestamps = o
}

func (r *compactReader) bitcoin() *Bitcoin {
	a := &Bitcoin{
		Transaction: r.text(),
		Position:    r.number32("position"),
		Path:        readHashes[bitcoin.Hash](r, bitcoin.MaxInclusionPath),
		Header:      r.header(),
		Height:      r.number32("height"),
		Successors:  make([]bitcoin.Header, r.count("successors", MaxSuccessors)),
	}
	if len(a.Successors) == 0 {
		return a
	}
	linked := r.count("ways to write successors", 1) == 1
	before := a.Header
	for i := range a.Successors {
		if linked {
			a.Successors[i] = r.successor(before)
		} else {
			a.Successors[i] = r.header()
		}
		before = a.Successors[i]
	}
	return a
}

// successor reads a header without the hash of the block before.
func (r *compactReader) successor(before bitcoin.Header) (h bitcoin.Header) {
	copy(h[:previousFrom], r.take(previousFrom))
	previous := before.Hash()
	copy(h[previousFrom:], previous[:])
	copy(h[previousTo:], r.take(len(h)-previousTo))
	return h
}

package proof

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"
	"sync/atomic"

	"gradseal/merkle"
)

// The proof files of one batch differ in digest, salt, leaf index and audit path
// alone, all at their beginning. What follows, statement and attestations, is
// the same bytes in each: the tail. So a batch writes its tail once, and a reader
// of many proofs takes it apart once.

const (
	headDigest = "{\n  \"format\": \"" + format + "\",\n  \"document\": {\n    \"sha256\": \""
	headSalt   = "\",\n    \"salt\": \""
	headIndex  = "\"\n  },\n  \"layers\": [\n    {\n      \"index\": "
	headPath   = ",\n      \"path\": ["
	pathFirst  = "\n        \""
	pathNext   = "\",\n        \""
	pathEnd    = "\"\n      "
	tailBegin  = "],\n      \"statement\": \""
)

// Template writes the proof files of one batch. It does not change, so any number
// of goroutines may use it at once.
type Template struct{ tail []byte }

// NewTemplate returns a template for proofs that are as p, but for the digest, the
// salt, and the leaf index and audit path of its first layer.
func NewTemplate(p *Proof) (*Template, error) {
	if len(p.Layers) == 0 {
		return nil, errors.New("a proof without layers has no template")
	}
	empty := *p
	empty.Digest, empty.Salt = [32]byte{}, [32]byte{}
	empty.Layers = append([]Layer{{Signed: p.Layers[0].Signed}}, p.Layers[1:]...)
	data, err := Marshal(&empty)
	if err != nil {
		return nil, err
	}
	head := appendHead(nil, empty.Digest, empty.Salt, 0, nil)
	tail, ok := bytes.CutPrefix(data, head)
	if !ok {
		panic("proof: template and layout differ")
	}
	return &Template{tail}, nil
}

// Append appends to dst the proof file that Marshal would return. On an error it
// returns nil.
func (t *Template) Append(dst []byte, digest, salt [32]byte, index uint64, path []merkle.Hash) ([]byte, error) {
	begin := len(dst)
	dst = append(appendHead(dst, digest, salt, index, path), t.tail...)
	if size := len(dst) - begin; size > MaxSize {
		return nil, errTooLong(size)
	}
	return dst, nil
}

// errTooLong says that a proof would be longer than any may be.
func errTooLong(size int) error {
	return fmt.Errorf("the proof has %d bytes, more than the format's %d", size, MaxSize)
}

// Begun reports whether a file is the proof file want up to its attestations, or
// breaks off before: an older proof of the same place in the same batch, or one
// whose writing was cut off.
func Begun(file, want []byte) bool {
	const attestations = "\n  \"attestations\": ["
	n := 0
	for n < min(len(file), len(want)) && file[n] == want[n] {
		n++
	}
	at := bytes.LastIndex(want, []byte(attestations))
	return n == len(file) || at >= 0 && n >= at+len(attestations)
}

// appendHead appends what stands before the tail.
func appendHead(dst []byte, digest, salt [32]byte, index uint64, path []merkle.Hash) []byte {
	dst = hex.AppendEncode(append(dst, headDigest...), digest[:])
	dst = hex.AppendEncode(append(dst, headSalt...), salt[:])
	dst = strconv.AppendUint(append(dst, headIndex...), index, 10)
	dst = append(dst, headPath...)
	for i := range path {
		before := pathNext
		if i == 0 {
			before = pathFirst
		}
		dst = hex.AppendEncode(append(dst, before...), path[i][:])
	}
	if len(path) > 0 {
		dst = append(dst, pathEnd...)
	}
	return dst
}

// Reader is Parse for many proof files. It remembers the tails of the last few
// batches: of a proof with the same tail, only what stands before it is read. The
// proofs that it returns share what is behind their first audit paths, so nothing in them
// may be changed. The zero Reader is ready, and any number of goroutines may use
// it at once.
type Reader struct {
	known [16]atomic.Pointer[knownTail]
}

// knownTail is the end of a proof file that was parsed, and that proof.
type knownTail struct {
	tail  []byte
	proof *Proof
}

// tailSeed spreads tails over a Reader's memory.
var tailSeed = maphash.MakeSeed()

// Parse returns what the function Parse does.
func (r *Reader) Parse(data []byte) (*Proof, error) {
	h := headReader{rest: data}
	var head Proof
	layer, ok := h.read(&head)
	if !ok || len(data) > MaxSize {
		return Parse(data)
	}
	slot := &r.known[maphash.Bytes(tailSeed, h.rest)%uint64(len(r.known))]
	if known := slot.Load(); known != nil && bytes.Equal(known.tail, h.rest) {
		return known.under(&head, layer), nil
	}
	p, err := Parse(data)
	if err == nil {
		slot.Store(&knownTail{bytes.Clone(h.rest), p})
	}
	return p, err
}

// under is the proof with another head.
func (k *knownTail) under(head *Proof, first Layer) *Proof {
	p := *k.proof
	p.Digest, p.Salt = head.Digest, head.Salt
	p.Layers = append(make([]Layer, 0, len(k.proof.Layers)), k.proof.Layers...)
	p.Layers[0].Index, p.Layers[0].Path = first.Index, first.Path
	return &p
}

// headReader takes the beginning of a proof file apart, up to its tail. It takes
// what appendHead writes, within the limits of parse, and nothing else.
type headReader struct{ rest []byte }

func (r *headReader) read(p *Proof) (first Layer, ok bool) {
	if !r.skip(headDigest) || !r.hash(p.Digest[:]) || !r.skip(headSalt) || !r.hash(p.Salt[:]) || !r.skip(headIndex) {
		return first, false
	}
	if first.Index, ok = r.index(); !ok || !r.skip(headPath) {
		return first, false
	}
	first.Path, ok = r.path()
	return first, ok && bytes.HasPrefix(r.rest, []byte(tailBegin))
}

func (r *headReader) skip(s string) bool {
	if len(r.rest) < len(s) || string(r.rest[:len(s)]) != s {
		return false
	}
	r.rest = r.rest[len(s):]
	return true
}

// hash reads lower-case hex into dst.
func (r *headReader) hash(dst []byte) bool {
	n := 2 * len(dst)
	if len(r.rest) < n {
		return false
	}
	for i := range dst {
		high, low := hexDigits[r.rest[2*i]], hexDigits[r.rest[2*i+1]]
		if high|low > 0x0f {
			return false
		}
		dst[i] = high<<4 | low
	}
	r.rest = r.rest[n:]
	return true
}

// hexDigits are the values of lower-case hex digits, and 0xff for any other byte.
var hexDigits = func() (values [256]byte) {
	for i := range values {
		values[i] = 0xff
	}
	for i, c := range []byte("0123456789abcdef") {
		values[c] = byte(i)
	}
	return values
}()

// index reads a leaf index without leading zeros.
func (r *headReader) index() (uint64, bool) {
	n := 0
	for n < len(r.rest) && n <= len("4294967295") && '0' <= r.rest[n] && r.rest[n] <= '9' {
		n++
	}
	digits := r.rest[:n]
	v, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil || v > maxIndex || n > 1 && digits[0] == '0' {
		return 0, false
	}
	r.rest = r.rest[n:]
	return v, true
}

// path reads an audit path, behind its first bracket.
func (r *headReader) path() ([]merkle.Hash, bool) {
	if !r.skip(pathFirst) {
		return []merkle.Hash{}, true
	}
	path := make([]merkle.Hash, 0, 20) // enough for a million documents
	for {
		var h merkle.Hash
		if len(path) == merkle.MaxPath || !r.hash(h[:]) {
			return nil, false
		}
		path = append(path, h)
		if !r.skip(pathNext) {
			return path, r.skip(pathEnd)
		}
	}
}

// Package qr moves a compact proof (docs/format.md, "The compact proof") over QR
// codes on paper: it splits one into parts, a code each, draws the codes, finds
// them in photographs and joins what was found, in any order.
//
// A photograph is a stranger's. What is read from one is bounded before memory
// is taken for it, and is no more than a claim, for package verify to judge.
package qr

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"gradseal/proof"
)

const (
	// MaxPart is the most characters, of a byte each, in one code.
	MaxPart = 700

	// prefix begins every code, so that whoever holds a telephone's camera to
	// one reads what it is, and which of how many.
	prefix = "GRADSEAL "

	idSize   = 8   // bytes of the digest of the whole in each part
	maxChunk = 446 // bytes of the whole in a part; with them it has at most MaxPart characters

	// maxParts is how many parts the longest compact proof has.
	maxParts = (proof.MaxCompact + maxChunk - 1) / maxChunk
)

// The errors of Add that a caller may want to tell apart.
var (
	// ErrNotPart says that a code is something else, such as an address.
	ErrNotPart = errors.New("the code is no part of a gradseal proof")
	// ErrOther says that a part is of another proof than those before it.
	ErrOther = errors.New("the code is part of another proof")
)

// Split returns the parts of a compact proof, of equal length but for the last.
// Each is the text of one code: of the 45 characters that a QR code holds most
// of and that every reader gives back as they are.
func Split(compact []byte) ([][]byte, error) {
	if len(compact) == 0 || len(compact) > proof.MaxCompact {
		return nil, fmt.Errorf("a compact proof of %d bytes, want 1 to %d", len(compact), proof.MaxCompact)
	}
	digest := sha256.Sum256(compact)
	total := (len(compact) + maxChunk - 1) / maxChunk
	size := (len(compact) + total - 1) / total
	parts := make([][]byte, total)
	for i := range parts {
		chunk := compact[i*size : min((i+1)*size, len(compact))]
		text := fmt.Appendf(nil, "%s%d/%d ", prefix, i+1, total)
		parts[i] = appendBase45(text, append(digest[:idSize:idSize], chunk...))
	}
	return parts, nil
}

// part is the text of a code, taken apart.
type part struct {
	number, total int // the first is 1
	id            [idSize]byte
	chunk         []byte // 1 to maxChunk bytes
}

var partForm = regexp.MustCompile(`^` + prefix + `([1-9][0-9]{0,2})/([1-9][0-9]{0,2}) ([0-9A-Z $%*+./:-]+)$`)

func parsePart(text []byte) (part, error) {
	if !bytes.HasPrefix(text, []byte(prefix)) {
		return part{}, ErrNotPart
	}
	m := partForm.FindSubmatch(text)
	if len(text) > MaxPart || m == nil {
		return part{}, errors.New("the code is not written as part of a proof")
	}
	number, _ := strconv.Atoi(string(m[1])) // of at most three digits
	total, _ := strconv.Atoi(string(m[2]))
	if number > total || total > maxParts {
		return part{}, fmt.Errorf("the code says that it is %d of %d, want at most %d", number, total, maxParts)
	}
	data, err := parseBase45(m[3])
	if err != nil {
		return part{}, fmt.Errorf("code %d: %w", number, err)
	}
	if len(data) <= idSize || len(data) > idSize+maxChunk {
		return part{}, fmt.Errorf("code %d has %d bytes, want %d to %d", number, len(data), idSize+1, idSize+maxChunk)
	}
	return part{number, total, [idSize]byte(data), data[idSize:]}, nil
}

// Parts collects the parts of one compact proof. The zero value has none.
type Parts struct {
	id     [idSize]byte
	texts  [][]byte // by number, nil where missing
	have   int
	joined []byte
}

// Add takes in the text of one code. One that is there already changes nothing.
// After an error all is as it was before.
func (p *Parts) Add(text []byte) error {
	one, err := parsePart(text)
	if err != nil {
		return err
	}
	if p.texts == nil {
		p.id, p.texts = one.id, make([][]byte, one.total)
	}
	known := p.texts[min(one.number, len(p.texts))-1]
	switch {
	case one.id != p.id || one.total != len(p.texts):
		return ErrOther
	case bytes.Equal(known, text):
		return nil
	case known != nil:
		return fmt.Errorf("code %d was read twice, with different contents", one.number)
	}
	if p.have+1 == len(p.texts) {
		return p.complete(one.number, text)
	}
	p.texts[one.number-1] = bytes.Clone(text)
	p.have++
	return nil
}

// complete joins the parts with the last one that was missing. What they make
// must split into exactly them.
func (p *Parts) complete(number int, text []byte) error {
	p.texts[number-1] = bytes.Clone(text)
	var whole []byte
	for _, t := range p.texts {
		one, err := parsePart(t)
		if err != nil {
			return err
		}
		whole = append(whole, one.chunk...)
	}
	again, err := Split(whole)
	same := err == nil && len(again) == len(p.texts)
	for i := 0; same && i < len(again); i++ {
		same = bytes.Equal(again[i], p.texts[i])
	}
	if !same {
		p.texts[number-1] = nil
		return errors.New("the codes do not make one proof: one of them is damaged or false")
	}
	p.have, p.joined = len(p.texts), whole
	return nil
}

// Have returns how many parts are there.
func (p *Parts) Have() int { return p.have }

// Of returns how many parts the proof has; 0 before the first.
func (p *Parts) Of() int { return len(p.texts) }

// Missing returns the numbers of the parts that are not there, from 1.
func (p *Parts) Missing() []int {
	var missing []int
	for i, t := range p.texts {
		if t == nil {
			missing = append(missing, i+1)
		}
	}
	return missing
}

// Done returns the compact proof, and true once all of its parts are there.
func (p *Parts) Done() ([]byte, bool) { return p.joined, p.joined != nil }

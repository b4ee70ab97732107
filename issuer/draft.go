package issuer

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrNotOfIssuer says that a signature line is of no key of the issuer.
var ErrNotOfIssuer = errors.New("unknown signer")

// ParseDraft reads a signed note of at most maxSize bytes, as ParseNote does, or
// its text alone where nobody has signed it yet: the note then has no signatures.
// It verifies no signature.
func ParseDraft(data []byte, maxSize int) (*Note, error) {
	if bytes.Contains(data, []byte("\n\n")) {
		return ParseNote(data, maxSize)
	}
	if err := checkDraft(data, maxSize); err != nil {
		return nil, fmt.Errorf("malformed text to sign: %w", err)
	}
	return &Note{Text: string(data)}, nil
}

func checkDraft(data []byte, maxSize int) error {
	switch {
	case len(data) > maxSize:
		return fmt.Errorf("%d bytes, want at most %d", len(data), maxSize)
	case len(data) == 0 || data[0] == '\n':
		return errors.New("it starts with an empty line")
	case data[len(data)-1] != '\n':
		return errors.New("it does not end in a line feed")
	}
	return checkCharacters(data)
}

// MarshalDraft returns the bytes that ParseDraft reads n from.
func (n *Note) MarshalDraft() []byte {
	if len(n.Signatures) == 0 {
		return []byte(n.Text)
	}
	return n.Marshal()
}

// SignDraft adds the signatures of signers below those that are there, in their
// order, and returns the signed note. A signer who signed it already is passed
// over. As in SignNote, what a signer returns is verified; what was there is not.
func SignDraft(draft []byte, maxSize int, signers ...Signer) ([]byte, error) {
	n, err := ParseDraft(draft, maxSize)
	if err != nil {
		return nil, err
	}
	for _, s := range signers {
		if n.has(s.Name(), s.KeyHash()) {
			continue
		}
		if err := n.sign(s); err != nil {
			return nil, err
		}
	}
	return n.finish(maxSize)
}

// ParseStatusText reads the text of a status list, signed or not.
func ParseStatusText(text string) (*StatusList, error) {
	l, err := parseStatus(text)
	if err != nil {
		return nil, fmt.Errorf("malformed status list: %w", err)
	}
	return l, nil
}

// ParseFileText reads the text of an issuer file, signed or not. ParseFile is
// what reads one that is to be believed.
func ParseFileText(text string) (*File, error) {
	f, err := parseFile(text)
	if err != nil {
		return nil, fmt.Errorf("malformed issuer file: %w", err)
	}
	return f, nil
}

// InForce returns the set of f whose keys sign at the time t of a clock: the later
// one where two meet, nil where there is none. It is one by whose keys
// CheckSignatures takes a status list at that time.
func (f *File) InForce(t time.Time) *KeySet {
	for i := range slices.Backward(f.Sets) {
		if f.Sets[i].At(t) == KeyOK {
			return &f.Sets[i]
		}
	}
	return nil
}

// SignedBy returns the distinct keys of any set of f that signed n under the name
// of f's ID, each once, the oldest set first: n is part of a way to a threshold,
// and CheckSignatures is what judges it at the end. It is
// ErrNotOfIssuer where a line names no key of f, and ErrWrongSignature where it is
// not that key's signature of the text.
func (f *File) SignedBy(n *Note) ([]Key, error) {
	signed, err := f.signedBy(n)
	if err != nil {
		return nil, err
	}
	var keys []Key
	for i := range f.Sets {
		for _, k := range signed.of(&f.Sets[i]) {
			keys = append(keys, k)
			delete(signed, k.Public)
		}
	}
	for _, sig := range n.Signatures {
		if !f.knows(sig) {
			return nil, fmt.Errorf("%w: key id %08x under the name %s is no key of %s", ErrNotOfIssuer, sig.KeyID, quote(sig.Name), quote(f.ID))
		}
	}
	return keys, nil
}

// knows reports whether a signature line names a key of f.
func (f *File) knows(sig Signature) bool {
	for i := range f.Sets {
		for _, k := range f.Sets[i].Keys {
			if sig.Name == f.ID && sig.KeyID == k.Public.ID(f.ID) {
				return true
			}
		}
	}
	return false
}

// CheckDraft is CheckSuccessor for an issuer file that is yet to be signed: next
// is the one after f, and keeps its history. A file that does says nothing of who
// wants it.
func (f *File) CheckDraft(next *File) error {
	switch {
	case next.ID != f.ID:
		return fmt.Errorf("unexpected issuer file of %s, want %s", quote(next.ID), quote(f.ID))
	case next.Sequence <= f.Sequence:
		return fmt.Errorf("%w: sequence %d, known %d", ErrFileOlder, next.Sequence, f.Sequence)
	case next.Sequence > f.Sequence+1:
		return fmt.Errorf("%w: sequence %d, known %d", ErrFileGap, next.Sequence, f.Sequence)
	}
	return f.checkHistory(next)
}

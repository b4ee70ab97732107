package issuer

import (
	"errors"
	"fmt"
	"time"
)

// BlockTimeSlack is how far a block's time can be off: nodes take a header that
// is up to two hours ahead of their clock.
const BlockTimeSlack = 2 * time.Hour

var (
	// ErrUnknownSigner says that the signatures prove nothing for or against the
	// issuer: the answer is unknown. Every other error of File.CheckSignatures
	// means failed.
	ErrUnknownSigner = errors.New("not signed by enough known keys")

	// ErrKeyTime says that enough keys signed, but so close to the start or the
	// end of their time that it is not known whether they were in force. An error
	// that is ErrKeyTime is ErrUnknownSigner, too.
	ErrKeyTime = errors.New("key time unclear")

	// ErrWrongSignature says that a signature carries the name and key id of a
	// key of the issuer, and is not that key's signature of the text.
	ErrWrongSignature = errors.New("wrong signature by a known key")

	// ErrNotInForce says that enough keys signed, which were not in force.
	ErrNotInForce = errors.New("signed by keys that were not in force")
)

// KeyOutcome says whether a key set is in force at a time. The zero value is no
// outcome.
type KeyOutcome uint8

// The outcomes.
const (
	KeyOK      KeyOutcome = iota + 1 // in force
	KeyFailed                        // not in force
	KeyUnknown                       // too close to an edge to tell
)

// String returns "ok", "failed" or "unknown".
func (o KeyOutcome) String() string {
	switch o {
	case KeyOK:
		return "ok"
	case KeyFailed:
		return "failed"
	case KeyUnknown:
		return "unknown"
	}
	return fmt.Sprintf("key outcome %d", uint8(o))
}

// At says whether the set is in force at the time t of a block, which may be two
// hours off:
//
//	ok       From <= t+2h and t+2h <= Until
//	failed   t+2h < From or t-2h > Until
//	unknown  between
//
// An open set (Until zero) ends after every t.
func (s *KeySet) At(t time.Time) KeyOutcome {
	latest, earliest := t.Add(BlockTimeSlack), t.Add(-BlockTimeSlack)
	open := s.Until.IsZero()
	switch {
	case latest.Before(s.From) || !open && earliest.After(s.Until):
		return KeyFailed
	case open || !latest.After(s.Until):
		return KeyOK
	}
	return KeyUnknown
}

// keySetOf is the distinct public keys that signed a note. Counting keys and not
// lines is what keeps one key under two names from counting twice.
type keySetOf map[PublicKey]bool

// of returns the keys of set that are among them, in the order of the set.
func (signed keySetOf) of(set *KeySet) []Key {
	var keys []Key
	counted := make(keySetOf)
	for _, k := range set.Keys {
		if signed[k.Public] && !counted[k.Public] {
			counted[k.Public] = true
			keys = append(keys, k)
		}
	}
	return keys
}

// signedBy returns the keys of all sets whose signature of n, under the name of
// the issuer's id, is correct. A signature with the name and id of one of the
// keys that is not correct is an error that is ErrWrongSignature.
func (f *File) signedBy(n *Note) (keySetOf, error) {
	known := make(map[uint32]Key)
	for _, set := range f.Sets {
		for _, k := range set.Keys {
			known[k.Public.ID(f.ID)] = k
		}
	}
	text := []byte(n.Text)
	signed := make(keySetOf)
	for _, sig := range n.Signatures {
		k, ok := known[sig.KeyID]
		if !ok || sig.Name != f.ID {
			continue
		}
		if !k.Public.verify(text, sig.Bytes) {
			return nil, fmt.Errorf("%w: key id %08x of %s, holder %s", ErrWrongSignature, sig.KeyID, quote(f.ID), quote(k.Holder))
		}
		signed[k.Public] = true
	}
	return signed, nil
}

// CheckSignatures judges the signatures of n by the keys of f at the time t,
// which is the time of the block for a statement and now for a status list.
// Only signatures under the name of f's ID count, and each public key counts
// once. In this order:
//
//   - A wrong signature by a key of any set: ErrWrongSignature.
//   - A set that is in force at t, see KeySet.At, and has its threshold of
//     correct signatures: nil, and the keys of that set that signed, in the
//     set's order. No two sets overlap; of two that touch at t+2h the older
//     comes first.
//   - The same for a set of which At cannot tell: ErrKeyTime.
//   - The same for a set that is not in force: ErrNotInForce.
//   - Otherwise too few of the keys signed: ErrUnknownSigner.
//
// A caller that wants ok, failed or unknown takes nil for ok, an error that is
// ErrUnknownSigner (ErrKeyTime is) for unknown, and every other for failed. That
// the issuer line of the text is f's ID is for the caller to check.
func (f *File) CheckSignatures(n *Note, t time.Time) (signers []Key, err error) {
	for i := range f.Sets {
		// Without it a file that was not parsed could ask for no signature.
		if f.Sets[i].Threshold < 1 {
			return nil, fmt.Errorf("invalid issuer file: key set %d has threshold %d", i+1, f.Sets[i].Threshold)
		}
	}
	signed, err := f.signedBy(n)
	if err != nil {
		return nil, err
	}
	for _, outcome := range []KeyOutcome{KeyOK, KeyUnknown, KeyFailed} {
		for i := range f.Sets {
			set := &f.Sets[i]
			keys := signed.of(set)
			if set.At(t) == outcome && len(keys) >= set.Threshold {
				return judge(set, keys, outcome, t)
			}
		}
	}
	return nil, f.tooFew(signed, t)
}

// judge turns the outcome of a set with enough signatures into the result.
func judge(set *KeySet, keys []Key, outcome KeyOutcome, t time.Time) ([]Key, error) {
	span := "from " + formatTime(set.From)
	if !set.Until.IsZero() {
		span += " until " + formatTime(set.Until)
	}
	switch outcome {
	case KeyOK:
		return keys, nil
	case KeyUnknown:
		return nil, &unclearError{fmt.Sprintf("%v: the keys are in force %s, and a block of %s may be two hours off", ErrKeyTime, span, formatTime(t))}
	default:
		return nil, fmt.Errorf("%w at %s: they are in force %s", ErrNotInForce, formatTime(t), span)
	}
}

// tooFew counts for the set that is in force, or else for one of which that is
// unclear.
func (f *File) tooFew(signed keySetOf, t time.Time) error {
	for _, outcome := range []KeyOutcome{KeyOK, KeyUnknown} {
		for i := range f.Sets {
			set := &f.Sets[i]
			if set.At(t) == outcome {
				return fmt.Errorf("%w: %d of %d required signatures by distinct keys", ErrUnknownSigner, len(signed.of(set)), set.Threshold)
			}
		}
	}
	return fmt.Errorf("%w: no key set of %s is in force at %s", ErrUnknownSigner, quote(f.ID), formatTime(t))
}

// unclearError is ErrKeyTime, and ErrUnknownSigner with it.
type unclearError struct{ text string }

func (e *unclearError) Error() string   { return e.text }
func (e *unclearError) Unwrap() []error { return []error{ErrKeyTime, ErrUnknownSigner} }

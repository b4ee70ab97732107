package approval

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"gradseal/issuer"
)

var (
	// ErrOther says that an answer is to another request.
	ErrOther = errors.New("is about something else than what was proposed")
	// ErrNoSignature says that an answer has no signature that the request lacks.
	ErrNoSignature = errors.New("has no signature but those that are here already")
)

// IsIssued reports whether enough keys in force signed the statement.
func (r *Request) IsIssued(f *issuer.File, now time.Time) bool {
	if r.statement == nil {
		return false
	}
	_, err := f.CheckSignatures(r.statementNote, now)
	return err == nil
}

// Signers returns the distinct keys that signed what the request is about now: the
// statement, and then the list, or the issuer file. Each must be of the set in
// force, or, of an issuer file, of that or of its newest set. f is the issuer file
// that is trusted here, nil before the first.
func (r *Request) Signers(f *issuer.File, now time.Time) ([]issuer.Key, error) {
	switch {
	case r.Kind == File:
		return r.fileSigners(f, now)
	case r.Kind == Batch && !r.IsIssued(f, now):
		return inForce(f, r.statementNote, now)
	}
	return inForce(f, r.listNote, now)
}

// StatementSigners is Signers for the statement.
func (r *Request) StatementSigners(f *issuer.File, now time.Time) ([]issuer.Key, error) {
	return inForce(f, r.statementNote, now)
}

// inForce returns the keys that signed n, all of the set that is in force.
func inForce(f *issuer.File, n *issuer.Note, now time.Time) ([]issuer.Key, error) {
	signed, err := f.SignedBy(n)
	if err != nil {
		return nil, err
	}
	set := f.InForce(now)
	if set == nil {
		return nil, fmt.Errorf("no key set of %s is in force at %s", f.ID, stamp(now))
	}
	return signed, among(signed, set.Keys)
}

func among(signed, keys []issuer.Key) error {
	for _, k := range signed {
		if !slices.ContainsFunc(keys, func(o issuer.Key) bool { return o.Public == k.Public }) {
			return fmt.Errorf("%w: key %s of %s", issuer.ErrNotInForce, k.Public, k.Holder)
		}
	}
	return nil
}

func (r *Request) fileSigners(f *issuer.File, now time.Time) ([]issuer.Key, error) {
	signed, err := r.file.SignedBy(r.fileNote)
	if err != nil {
		return nil, err
	}
	return signed, among(signed, r.MaySign(f, now))
}

// MaySign returns the keys whose signatures the request is for: those of the set
// in force, or, of an issuer file, those of its newest set and of the set before.
func (r *Request) MaySign(f *issuer.File, now time.Time) []issuer.Key {
	if r.Kind != File {
		if set := f.InForce(now); set != nil {
			return set.Keys
		}
		return nil
	}
	keys := slices.Clone(newest(r.file).Keys)
	if f == nil {
		return keys
	}
	for _, k := range newest(f).Keys {
		if !slices.ContainsFunc(keys, func(o issuer.Key) bool { return o.Public == k.Public }) {
			keys = append(keys, k)
		}
	}
	return keys
}

// newest is the set that signs the issuer file itself, and the next one.
func newest(f *issuer.File) *issuer.KeySet { return &f.Sets[len(f.Sets)-1] }

// Missing returns how many further signatures are needed by distinct keys, with
// those of own counted as there: of the statement while it lacks some, and then of
// the list; or of the issuer file, which all keys of its newest set sign, and the
// threshold of the set before.
func (r *Request) Missing(f *issuer.File, now time.Time, own ...issuer.PublicKey) (int, error) {
	signed, err := r.Signers(f, now)
	if err != nil {
		return 0, err
	}
	has := make(map[issuer.PublicKey]bool)
	for _, k := range signed {
		has[k.Public] = true
	}
	for _, k := range own {
		has[k] = true
	}
	if r.Kind != File {
		set := f.InForce(now)
		if set == nil {
			return 0, fmt.Errorf("no key set of %s is in force at %s", f.ID, stamp(now))
		}
		return max(set.Threshold-count(set, has), 0), nil
	}
	set := newest(r.file)
	missing := len(set.Keys) - count(set, has)
	if f == nil {
		return missing, nil
	}
	// Who is in both sets counts for both.
	before := newest(f)
	need := before.Threshold - count(before, has)
	for _, k := range set.Keys {
		if !has[k.Public] && slices.ContainsFunc(before.Keys, func(o issuer.Key) bool { return o.Public == k.Public }) {
			need--
		}
	}
	return missing + max(need, 0), nil
}

// count is how many keys of the set are among those that signed.
func count(set *issuer.KeySet, has map[issuer.PublicKey]bool) (n int) {
	for _, k := range set.Keys {
		if has[k.Public] {
			n++
		}
	}
	return n
}

// Sign adds the signatures of an officer. The one who completes those of the
// statement adds the batch to the list, and signs that too. The request must have
// been checked.
func (r *Request) Sign(f *issuer.File, now time.Time, signers ...issuer.Signer) (*Request, error) {
	next := *r
	var err error
	switch {
	case r.Kind == File:
		next.File, err = issuer.SignDraft(r.File, issuer.MaxFile, signers...)
	case r.Kind == Batch && !r.IsIssued(f, now):
		if next.Statement, err = issuer.SignDraft(r.Statement, issuer.MaxStatement, signers...); err == nil {
			err = next.listBatch(f, now, signers)
		}
	default:
		next.List, err = issuer.SignDraft(r.List, issuer.MaxStatus, signers...)
	}
	if err != nil {
		return nil, err
	}
	return New(next)
}

// listBatch adds the batch to the list once enough keys signed the statement, and signs
// the list.
func (r *Request) listBatch(f *issuer.File, now time.Time, signers []issuer.Signer) error {
	if err := r.readStatement(); err != nil || !r.IsIssued(f, now) {
		return err
	}
	text, err := r.issuedList()
	if err != nil {
		return err
	}
	r.List, err = issuer.SignDraft([]byte(text), issuer.MaxStatus, signers...)
	return err
}

// issuedList is the text of the list with the batch in it.
func (r *Request) issuedList() (string, error) {
	l := r.list.Clone()
	l.AddBatch(r.BatchRoot())
	return l.Text()
}

// Take adds to the request what another officer answered. What comes back is never
// believed: it must be about the same, must keep the signatures that went out, and
// each further one must be of another key that may sign. The list must be the one
// that was asked for, with the batch in it once enough keys signed the statement.
func (r *Request) Take(f *issuer.File, now time.Time, answer *Request) (*Request, error) {
	if answer.Kind != r.Kind || answer.Issuer != r.Issuer || answer.Network != r.Network || answer.Subject() != r.Subject() {
		return nil, ErrOther
	}
	switch r.Kind {
	case Batch:
		return r.takeBatch(f, now, answer)
	case List:
		n, err := join(r.listNote, answer.listNote)
		if err != nil {
			return nil, err
		}
		next := *r
		next.List = n.MarshalDraft()
		return next.taken(f, now)
	}
	n, err := join(r.fileNote, answer.fileNote)
	if err != nil {
		return nil, err
	}
	next := *r
	next.File = n.MarshalDraft()
	return next.taken(f, now)
}

// taken reads the request with what was added to it, and judges the signatures.
func (r Request) taken(f *issuer.File, now time.Time) (*Request, error) {
	next, err := New(r)
	if err != nil {
		return nil, err
	}
	_, err = next.Signers(f, now)
	return next, err
}

func (r *Request) takeBatch(f *issuer.File, now time.Time, answer *Request) (*Request, error) {
	switch {
	case bytes.Equal(answer.Statement, r.Statement):
		return nil, ErrNoSignature
	case !bytes.HasPrefix(answer.Statement, r.Statement): // the batch root is made of these very bytes
		return nil, errors.New("does not begin with the signatures that went out")
	}
	if _, err := inForce(f, answer.statementNote, now); err != nil {
		return nil, err
	}
	want := r.listNote.Text
	next := *r
	next.Statement, next.List = answer.Statement, answer.List
	if answer.IsIssued(f, now) {
		if err := next.readStatement(); err != nil {
			return nil, err
		}
		text, err := next.issuedList()
		if err != nil {
			return nil, err
		}
		want = text
	}
	if answer.listNote.Text != want {
		return nil, fmt.Errorf("the status list in it %w", ErrOther)
	}
	if _, err := inForce(f, answer.listNote, now); err != nil {
		return nil, fmt.Errorf("status list: %w", err)
	}
	return New(next)
}

// join adds the signatures of b to those of a; they have one text.
func join(a, b *issuer.Note) (*issuer.Note, error) {
	n := &issuer.Note{Text: a.Text, Signatures: slices.Clone(a.Signatures)}
	for _, sig := range b.Signatures {
		i := slices.IndexFunc(n.Signatures, func(o issuer.Signature) bool { return o.Name == sig.Name && o.KeyID == sig.KeyID })
		if i < 0 {
			n.Signatures = append(n.Signatures, sig)
		}
	}
	if len(n.Signatures) == len(a.Signatures) {
		return nil, ErrNoSignature
	}
	return n, nil
}

// Join returns the issuer file with the signatures of this home, which did not
// leave it, and those of the others.
func (p *Proposal) Join() ([]byte, error) {
	own, err := issuer.ParseDraft(p.Own, issuer.MaxFile)
	if err != nil {
		return nil, err
	}
	if len(p.fileNote.Signatures) == 0 {
		return own.Marshal(), nil
	}
	n, err := join(own, p.fileNote)
	if err != nil {
		return nil, err
	}
	return n.Marshal(), nil
}

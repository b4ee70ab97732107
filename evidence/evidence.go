// Package evidence is a document as it was read, with the proof that was found
// for it: named, beside it, at its end, or among others by its digest. The
// command line and the page find proofs with it, by one order.
//
// It trusts nothing. It says which proof is to be judged, and never that it is
// sound: that is for verify. It opens no file: documents and proofs come in as
// bytes (docs/format.md, "Inside the PDF").
package evidence

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"gradseal/proof"
	"gradseal/verify"
)

// Evidence is a document as it was read, and the proofs found for it.
type Evidence struct {
	// Digest and Size, in bytes, are those of the issued document: of the file,
	// or of what stands before a proof in it.
	Digest verify.Digest
	Size   int64
	Proof  *verify.Proof   // nil: none was found
	Spare  []*verify.Proof // more proofs for this digest, where several were found
	Broken error           // a proof inside the file that is not as it must be
}

// Index has proofs by the digest that they are for. Anyone can make a proof for
// a digest, so one does not keep another out.
type Index map[verify.Digest][]*verify.Proof

// Add takes in a proof. One that could not be read belongs to no document, and
// is passed over.
func (x Index) Add(p *verify.Proof) {
	if d, ok := p.Digest(); ok {
		x[d] = append(x[d], p)
	}
}

// Find returns the proofs for a document, in the order in which they came.
func (x Index) Find(d verify.Digest) ([]*verify.Proof, error) { return x[d], nil }

// Finder finds the proof of each document, in the order of its members, but
// that a proof inside the document goes before the folder. It may be used by
// several goroutines at once where its functions may be.
type Finder struct {
	// Named is the proof of the one document that there is, whatever it is for:
	// that is for the verdict to say.
	Named *verify.Proof
	// Listed has the proofs that came with several documents.
	Listed Index
	// Beside returns the proof that lies beside the document of this name, and
	// nil where there is none.
	Beside func(name string) (*verify.Proof, error)
	// Folder returns the proofs for a document wherever else they are.
	Folder func(verify.Digest) ([]*verify.Proof, error)
}

// Find reads a document and finds its proof. What is read is written to
// progress too, the whole document once; an error of progress ends the reading
// and is returned.
func (f *Finder) Find(name string, doc *io.SectionReader, progress io.Writer) (Evidence, error) {
	outside, unread := f.outside(name)
	r := io.TeeReader(io.NewSectionReader(doc, 0, doc.Size()), progress)
	var marker proof.MarkerFinder
	if outside == nil { // else the end of the file is seldom looked at
		r = io.TeeReader(r, &marker)
	}
	digest, n, err := verify.Hash(r)
	if err == nil && n != doc.Size() {
		err = fmt.Errorf("it has %d bytes, and had %d a moment ago", n, doc.Size())
	}
	if err != nil {
		return Evidence{}, err
	}
	whole := Evidence{Digest: digest, Size: n}
	if found := f.listed(whole.Digest); len(found) > 0 {
		return whole.with(withOwn(found, outside, whole.Digest)), nil
	}
	if unread != nil {
		return Evidence{}, unread
	}
	if outside != nil && isFor(outside, whole.Digest) {
		return whole.with([]*verify.Proof{outside}), nil
	}
	var in Evidence
	if outside != nil || marker.Found {
		if in, err = Inside(doc); err != nil {
			return Evidence{}, err
		}
	}
	return f.choose(whole, in, outside)
}

// withOwn adds the document's own proof, if it is for it, to those that were listed.
// Among several documents none was named for this one: a stranger's must not hide
// that beside the document or in it.
func withOwn(listed []*verify.Proof, own *verify.Proof, digest verify.Digest) []*verify.Proof {
	if own == nil || !isFor(own, digest) {
		return listed
	}
	return append(slices.Clone(listed), own)
}

// choose is the rest of Find: nothing that was named or lies beside the document
// is for the file as a whole.
func (f *Finder) choose(whole, in Evidence, outside *verify.Proof) (Evidence, error) {
	named := f.listed(in.Digest)
	switch {
	case in.Proof != nil && len(named) > 0:
		return in.with(withOwn(withOwn(named, outside, in.Digest), in.Proof, in.Digest)), nil
	case outside != nil && in.Proof != nil && isFor(outside, in.Digest):
		// It goes before a proof inside the file. The document is what stands
		// before that one, as the proof is for it.
		return in.with([]*verify.Proof{outside}), nil
	case outside != nil:
		return whole.with([]*verify.Proof{outside}), nil
	case in.Broken != nil:
		whole.Broken = in.Broken
		return whole, nil
	case in.Proof != nil:
		return in, nil
	case f.Folder == nil:
		return whole, nil
	}
	found, err := f.Folder(whole.Digest)
	return whole.with(found), err
}

// with is the document with the proofs that were found for it.
func (e Evidence) with(found []*verify.Proof) Evidence {
	if len(found) > 0 {
		e.Proof, e.Spare = found[0], found[1:]
	}
	return e
}

// outside returns the proof that was named for the document, or that lies
// beside it; nil where there is none.
func (f *Finder) outside(name string) (*verify.Proof, error) {
	if f.Named != nil || f.Beside == nil {
		return f.Named, nil
	}
	return f.Beside(name)
}

// listed returns the proofs that came with the documents and are for this one.
func (f *Finder) listed(d verify.Digest) []*verify.Proof {
	if f.Named != nil {
		return nil
	}
	return f.Listed[d]
}

func isFor(p *verify.Proof, digest verify.Digest) bool {
	d, ok := p.Digest()
	return ok && d == digest
}

// Inside returns what the end of a file holds: a proof, with the digest and the
// size of the document before it; or why that is not as it must be (Broken); or
// nothing, the zero Evidence.
func Inside(file *io.SectionReader) (Evidence, error) {
	original, data, err := proof.SplitTrailer(file, file.Size())
	switch {
	case errors.Is(err, proof.ErrNoTrailer):
		return Evidence{}, nil
	case errors.Is(err, proof.ErrTrailer):
		return Evidence{Broken: err}, nil
	case err != nil:
		return Evidence{}, err
	}
	p := verify.ReadProof(data)
	digest, _, err := verify.Hash(io.NewSectionReader(file, 0, original))
	if err != nil {
		return Evidence{}, err
	}
	return Evidence{Digest: digest, Size: original, Proof: &p}, nil
}

// Judge gives the verdict on the document. Of several proofs the one counts that
// says the most.
func (e Evidence) Judge(v *verify.Verifier) *verify.Result {
	switch {
	case e.Broken != nil:
		return verify.Broken(e.Broken)
	case e.Proof == nil:
		return verify.WithoutProof()
	}
	best := v.Judge(e.Digest, *e.Proof)
	for _, spare := range e.Spare {
		if r := v.Judge(e.Digest, *spare); slices.Index(preference, r.Verdict) < slices.Index(preference, best.Verdict) {
			best = r
		}
	}
	return best
}

// Claimed returns the digest of the document that the proof is for, and false
// where there is no proof that could be read.
func (e Evidence) Claimed() (verify.Digest, bool) {
	if e.Proof == nil {
		return verify.Digest{}, false
	}
	return e.Proof.Digest()
}

// preference is the order in which one of several proofs for a document is
// taken. Anyone can make one that is worth nothing, which must hide neither a
// sound one nor a withdrawal.
var preference = []verify.Verdict{verify.Valid, verify.Withdrawn, verify.Pending, verify.CannotTell, verify.Invalid}

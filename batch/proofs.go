package batch

import (
	"context"
	"errors"
	"io/fs"
	"sync/atomic"

	"gradseal/proof"
)

// Place is where a proof is written again: beside Document, which need not be
// there.
type Place struct {
	Index    int // leaf index of the document that the proof is for
	Document string
}

// Again is what WriteAgain did.
type Again struct {
	Written   int       // proof files
	Unchanged int       // were there already, byte for byte
	Forgotten int       // places of documents of which nothing is kept
	Left      []Finding // places that got no proof, by the paths of their documents
}

// WriteAgain writes the proofs of documents once more, each at its place and
// byte for byte as WriteProofs would write it now, and changes nothing of the
// batch. check and done are as for WriteProofs. The files are not synced one by
// one.
//
// It overwrites nothing but a proof of this batch, and of those none that carries
// evidence which the batch does not have: a killed upgrade has written it, and
// the next one brings both into line. What is not written is in Left.
func (b *Batch) WriteAgain(ctx context.Context, places []Place, check func(index int, proofFile []byte) error, done func()) (Again, error) {
	if _, err := b.Root(); err != nil { // builds the tree before goroutines share it
		return Again{}, err
	}
	paths := make([]string, len(places))
	for i, p := range places {
		paths[i] = p.Document
	}
	for _, dir := range folders(paths) {
		sweepFolder(dir, b.temporary())
	}
	left := make([]string, len(places))
	var written, unchanged, forgotten atomic.Int64
	err := each(ctx, len(places), func() func(int) error {
		return func(i int) error {
			defer done()
			wrote, fault, err := b.writeAgain(places[i], check)
			switch {
			case errors.Is(err, ErrForgotten):
				forgotten.Add(1)
				return nil
			case err != nil:
				return err
			case fault != "":
				left[i] = fault
			case wrote:
				written.Add(1)
			default:
				unchanged.Add(1)
			}
			return nil
		}
	})
	a := Again{Written: int(written.Load()), Unchanged: int(unchanged.Load()), Forgotten: int(forgotten.Load())}
	for i, fault := range left {
		if fault != "" {
			a.Left = append(a.Left, Finding{places[i].Document, fault})
		}
	}
	return a, err
}

// leftInTheWay says of a document why it got no proof.
const leftInTheWay = "has something in the place of its proof, which was not overwritten"

func (b *Batch) writeAgain(at Place, check func(int, []byte) error) (wrote bool, fault string, err error) {
	data, err := b.Proof(at.Index)
	if err != nil {
		return false, "", err
	}
	if err := check(at.Index, data); err != nil {
		return false, "", err
	}
	if old, err := readBeside(at.Document); err == nil && b.hasMore(old) {
		return false, "has a proof with evidence that the batch does not have now, which was not overwritten", nil
	}
	wrote, err = b.writeProof(at.Document, data)
	switch {
	case errors.Is(err, errInTheWay):
		return false, leftInTheWay, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, "is in a folder that is not there any more", nil
	case errors.Is(err, fs.ErrPermission):
		return false, "is in a folder in which no proof can be written", nil
	}
	return wrote, "", err
}

// hasMore reports whether a file is a proof of this batch with evidence of a kind
// that the batch's proofs do not carry now.
func (b *Batch) hasMore(proofFile []byte) bool {
	p, err := proof.Parse(proofFile)
	if err != nil || string(p.Layers[0].Signed) != string(b.Statement) {
		return false
	}
	return p.Bitcoin != nil && !b.final.bitcoin || p.OpenTimestamps != nil && !b.final.timestamp
}

// LacksEvidence reports whether a proof of this batch is one from before the batch
// got the evidence, or a part of it, that its proofs carry now.
func (b *Batch) LacksEvidence(p *proof.Proof) bool {
	return b.final.bitcoin && p.Bitcoin == nil || b.final.timestamp && p.OpenTimestamps == nil
}

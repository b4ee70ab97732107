package batch

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"reflect"
	"sync/atomic"

	"gradseal/bitcoin"
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
const (
	leftInTheWay = "has something in the place of its proof, which was not overwritten"
	leftMore     = "has a proof with evidence that the batch does not have now, which was not overwritten"
	leftCounts   = "has another proof with the evidence of a block of a network that counts, which was not overwritten"
)

func (b *Batch) writeAgain(at Place, check func(int, []byte) error) (wrote bool, fault string, err error) {
	data, err := b.Proof(at.Index)
	if err != nil {
		return false, "", err
	}
	if err := check(at.Index, data); err != nil {
		return false, "", err
	}
	if old, err := readBeside(at.Document); err == nil && !bytes.Equal(old, data) {
		if fault := b.KeepsOther(old, data); fault != "" {
			return false, fault, nil
		}
	}
	wrote, err = b.writeProof(at.Document, data)
	if errors.Is(err, fs.ErrNotExist) { // the same worker, started twice, has swept the temporary file away
		wrote, err = b.writeProof(at.Document, data)
	}
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

// KeepsOther says why what is in the place of a document's proof must not be
// overwritten by want; it is empty where it may be.
func (b *Batch) KeepsOther(have, want []byte) string {
	switch {
	case b.hasMore(have) && !b.isReplaced(have, want):
		return leftMore
	case b.counts(have, want):
		return leftCounts
	case !b.mayReplace(have, want):
		return leftInTheWay
	}
	return ""
}

// ReplaceOthers lets the proofs of this batch replace others of their documents: all
// of test networks, and of networks that count those without evidence of a block, by
// one of such a network. With confirmed, those with such evidence give way as well.
func (b *Batch) ReplaceOthers(confirmed bool) { b.replaceOthers, b.replaceConfirmed = true, confirmed }

// isReplaced reports whether ReplaceOthers lets want replace a file.
func (b *Batch) isReplaced(have, want []byte) bool {
	if !b.replaceOthers {
		return false
	}
	old, next := bothParsed(have, want)
	if old == nil || old.Digest != next.Digest {
		return false
	}
	return networkOf(old).IsTest() || !networkOf(next).IsTest() && (!hasBlock(old) || b.replaceConfirmed)
}

// counts reports whether a file is a proof of the same document with the evidence of a
// block of a network that counts, which want does not carry. Such a one gives way to an
// answer only where a person says so. Who signed, and whether there is such a block, a
// worker cannot know: it has no trust, and the answer may be the wrong one of the two.
func (b *Batch) counts(have, want []byte) bool {
	if b.sparse == nil || b.replaceConfirmed {
		return false
	}
	old, next := bothParsed(have, want)
	if old == nil || old.Digest != next.Digest || networkOf(old).IsTest() {
		return false
	}
	if !bytes.Equal(old.Layers[0].Signed, next.Layers[0].Signed) {
		return hasBlock(old)
	}
	return old.Bitcoin != nil && !sameBlock(old.Bitcoin, next.Bitcoin) ||
		old.OpenTimestamps != nil && !reflect.DeepEqual(old.OpenTimestamps, next.OpenTimestamps)
}

func networkOf(p *proof.Proof) bitcoin.Network { return p.Layers[0].Statement.Network }

func hasBlock(p *proof.Proof) bool { return p.Bitcoin != nil || p.OpenTimestamps != nil }

// sameBlock reports whether two attestations are one transaction in one block. How many
// headers followed it when it was looked at makes no difference.
func sameBlock(a, b *proof.Bitcoin) bool {
	return b != nil && a.Header == b.Header && a.Height == b.Height && bytes.Equal(a.Transaction, b.Transaction)
}

// bothParsed are nil unless both files are proofs.
func bothParsed(have, want []byte) (old, next *proof.Proof) {
	old, err := proof.Parse(have)
	if err != nil {
		return nil, nil
	}
	if next, err = proof.Parse(want); err != nil {
		return nil, nil
	}
	return old, next
}

// LacksEvidence reports whether a proof of this batch is one from before the batch
// got the evidence, or a part of it, that its proofs carry now.
func (b *Batch) LacksEvidence(p *proof.Proof) bool {
	return b.final.bitcoin && p.Bitcoin == nil || b.final.timestamp && p.OpenTimestamps == nil
}

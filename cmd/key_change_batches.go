package cmd

import (
	"fmt"
	"time"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/issuer"
)

// touchedBatch is a batch that the end of a key set is too early for, by the
// key-time rule (docs/format.md, §13.2).
type touchedBatch struct {
	*batch.Batch
	// block is the time of the block, zero where there is none yet: it will be one
	// after now.
	block time.Time
}

// becomes is what verifiers say of the batch once its keys ended at that time.
func (t touchedBatch) becomes(until time.Time) string {
	switch {
	case t.block.IsZero():
		return "not in a block yet: CANNOT TELL or INVALID, by the time of its block"
	case t.block.Add(-issuer.BlockTimeSlack).After(until):
		return "anchored " + t.block.UTC().Format(time.RFC3339) + ": INVALID"
	}
	return "anchored " + t.block.UTC().Format(time.RFC3339) + ": CANNOT TELL"
}

// touchedBy returns the batches of the issuer that its newest key set signed and
// that do not stay VALID if it ends at the time until.
func (a *app) touchedBy(f *issuer.File, until time.Time) ([]touchedBatch, error) {
	batches, err := a.home.batches().List()
	if err != nil {
		return nil, err
	}
	times := blockTimes{a: a, chains: make(map[bitcoin.Network]*headers.Chain)}
	defer times.close()
	var touched []touchedBatch
	for _, b := range batches {
		if b.Issuer != f.ID || b.Statement == nil {
			continue
		}
		newest, err := signedByNewest(f, b)
		if err != nil {
			return nil, err
		}
		t := touchedBatch{b, times.of(b)}
		if newest && (t.block.IsZero() || t.block.Add(issuer.BlockTimeSlack).After(until)) {
			touched = append(touched, t)
		}
	}
	return touched, nil
}

// signedByNewest reports whether the batch needs the newest key set: an older one
// ended long ago, and its end does not change.
func signedByNewest(f *issuer.File, b *batch.Batch) (bool, error) {
	_, note, err := issuer.ParseStatement(b.Statement)
	if err != nil {
		return false, fmt.Errorf("batch %s: %w", b.ID, err)
	}
	alone := *f
	alone.Sets = f.Sets[len(f.Sets)-1:]
	signers, err := alone.SignedBy(&issuer.Note{Text: note.Text, Signatures: ofKeys(note, &alone)})
	if err != nil {
		return false, fmt.Errorf("batch %s: %w", b.ID, err)
	}
	return len(signers) >= alone.Sets[0].Threshold, nil
}

// ofKeys are the signatures that name a key of f.
func ofKeys(n *issuer.Note, f *issuer.File) (of []issuer.Signature) {
	for _, sig := range n.Signatures {
		for _, set := range f.Sets {
			for _, k := range set.Keys {
				if sig.KeyID == k.Public.ID(f.ID) {
					of = append(of, sig)
				}
			}
		}
	}
	return of
}

// blockTimes finds the times of the blocks that batches are in.
type blockTimes struct {
	a      *app
	chains map[bitcoin.Network]*headers.Chain
}

// of is the time of the batch's block, zero where it is not known. The transaction
// of its own decides, as for a verifier.
func (t *blockTimes) of(b *batch.Batch) time.Time {
	switch {
	case b.Attestation != nil:
		return b.Attestation.Header.Time()
	case b.Timestamp == nil:
		return time.Time{}
	}
	chain, ok := t.chains[b.Network]
	if !ok {
		var err error
		if chain, err = headers.Open(t.a.home.headerFile(b.Network), b.Network); err != nil {
			chain = nil
		}
		t.chains[b.Network] = chain
	}
	if chain == nil {
		return time.Time{}
	}
	h, err := chain.At(b.Timestamp.Height)
	if err != nil {
		return time.Time{}
	}
	return h.Time()
}

func (t *blockTimes) close() {
	for _, chain := range t.chains {
		if chain != nil {
			chain.Close()
		}
	}
}

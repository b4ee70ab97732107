package cmd

import (
	"errors"
	"fmt"
	"time"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/trust"
)

// void returns what reports the documents of the issuer that no verifier takes any
// more: withdrawn, alone or with their batch, or in a block at whose time the keys
// that signed were not in force, or not clearly so. It is nil where there are none.
func (r *anchorRun) void() (func(b *batch.Batch, index int) bool, error) {
	if r.rehearsal {
		return nil, nil
	}
	f, err := r.ownIssuer(r.issuer)
	if err != nil {
		return nil, err
	}
	newest, _, err := r.home.trust().Status(r.issuer, r.network)
	if err != nil {
		return nil, err
	}
	whole, err := r.voidBatches(f, newest)
	if err != nil {
		return nil, err
	}
	if len(whole) == 0 && (newest == nil || len(newest.Withdrawn) == 0) {
		return nil, nil
	}
	return func(b *batch.Batch, index int) bool {
		if whole[b] || newest == nil {
			return whole[b]
		}
		d := &b.Documents[index]
		_, withdrawn := newest.FindWithdrawn(issuer.WithdrawalID(d.Salt, d.Digest))
		return withdrawn
	}, nil
}

// isEnded reports whether enough keys signed that were not in force at the time of the
// block, or not clearly so.
func isEnded(f *issuer.File, note *issuer.Note, block time.Time) bool {
	_, err := f.CheckSignatures(note, block)
	return errors.Is(err, issuer.ErrNotInForce) || errors.Is(err, issuer.ErrKeyTime)
}

// isDead reports whether a batch is signed and sent nowhere, by keys that ended since:
// no proof of it will hold.
func isDead(f *issuer.File, b *batch.Batch, now time.Time) (bool, error) {
	if b.State() != batch.Signed {
		return false, nil
	}
	_, note, err := issuer.ParseStatement(b.Statement)
	if err != nil {
		return false, fmt.Errorf("batch %s: %w", b.ID, err)
	}
	return isEnded(f, note, now), nil
}

// errEnded says that the keys of a batch ended too early: the same command again ends
// in the same way.
var errEnded = errors.New("signed by keys that ended since")

// refuseDead refuses to go on with a batch that is dead: no status list is to name it,
// or to withdraw what it replaces, and nothing is sent.
func (r *anchorRun) refuseDead(b *batch.Batch) error {
	dead, err := isDead(r.officer.file, b, r.now)
	if err != nil || !dead {
		return err
	}
	err = fmt.Errorf("batch %s is %w, and was sent nowhere: no proof of it would hold, so nothing was done with it", b.ID, errEnded)
	p, pendingErr := r.proposalOf(b)
	switch {
	case pendingErr != nil:
		return pendingErr
	case p != nil:
		return hinted(err, "%s", r.againWith(p))
	case len(b.Withdrawals) > 0:
		return hinted(err, "replace it again, by the keys in force now: gradseal replace OLD NEW, for %s", argumentsOf(b))
	}
	return hinted(err, "issue its documents again, by the keys in force now: gradseal anchor --reissue %s", argumentsOf(b))
}

// withdrawn returns what names the status list that withdraws the document of a proof,
// alone or with its batch. It is nil where there is no list.
func (r *anchorRun) withdrawn() (func(*proof.Proof) string, error) {
	newest, _, err := r.home.trust().Status(r.issuer, r.network)
	if err != nil || newest == nil {
		return nil, err
	}
	return func(p *proof.Proof) string {
		_, document := newest.FindWithdrawn(issuer.WithdrawalID(p.Salt, p.Digest))
		first := p.Layers[0]
		_, whole := newest.FindWithdrawnBatch(proof.BatchRoot(first.Signed, first.Statement.Root))
		if !document && !whole {
			return ""
		}
		return fmt.Sprintf("status list %d", newest.Sequence)
	}, nil
}

// voidBatches returns the batches that hold no more as a whole.
func (r *anchorRun) voidBatches(f *issuer.File, newest *trust.SignedList) (map[*batch.Batch]bool, error) {
	times := blockTimes{a: r.app, chains: make(map[bitcoin.Network]*headers.Chain)}
	defer times.close()
	whole := make(map[*batch.Batch]bool)
	for _, b := range r.batches {
		if b.Issuer != f.ID || b.Network != r.network || b.Statement == nil {
			continue
		}
		_, note, err := issuer.ParseStatement(b.Statement)
		if err != nil {
			return nil, fmt.Errorf("batch %s: %w", b.ID, err)
		}
		root, err := b.Root()
		if err != nil {
			return nil, err
		}
		if newest != nil {
			if _, withdrawn := newest.FindWithdrawnBatch(root); withdrawn {
				whole[b] = true
			}
		}
		t := times.of(b)
		if b.State() == batch.Signed { // and sent nowhere: its block would be of now, or later
			t = r.now
		}
		if !t.IsZero() && isEnded(f, note, t) {
			whole[b] = true
		}
	}
	return whole, nil
}

package cmd

import (
	"errors"
	"fmt"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/issuer"
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
		if t := times.of(b); !t.IsZero() {
			if _, err := f.CheckSignatures(note, t); errors.Is(err, issuer.ErrNotInForce) || errors.Is(err, issuer.ErrKeyTime) {
				whole[b] = true
			}
		}
	}
	return whole, nil
}

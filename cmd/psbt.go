package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gradseal/anchor"
	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
)

// writePSBT writes the open request for a signer elsewhere.
func (c *carrier) writePSBT(b *batch.Batch) error {
	out := c.money.psbtOut
	if old, err := os.ReadFile(out); err == nil && string(old) != string(b.OpenRequest()) {
		return hinted(fmt.Errorf("%s: exists and is something else: it was not overwritten", out), "name another file")
	}
	if _, err := os.Stat(filepath.Dir(out)); err != nil { // it is not made for a slip of the finger
		return err
	}
	return atomicfile.WriteFile(out, b.OpenRequest(), 0o644)
}

// askSigner says what to do with the file for a signer elsewhere.
func askSigner(file string, n bitcoin.Network) string {
	return fmt.Sprintf("Next: have %s signed, and do not send it from there; then: gradseal anchor --network %s --psbt-in SIGNED", shown(file), n)
}

// takePSBT goes on with the batch whose transaction a signer elsewhere signed.
func (r *anchorRun) takePSBT(ctx context.Context) (err error) {
	data, err := readCapped(r.psbtIn, anchor.MaxRequest)
	if err != nil {
		return err
	}
	if r.batches, err = r.home.batches().List(); err != nil {
		return err
	}
	b, raw, err := r.signedBy(data)
	if err != nil {
		return fmt.Errorf("%s: %w", r.psbtIn, err)
	}
	r.current = b
	if err := b.Sync(); err != nil {
		return err
	}
	if b.OpenRequest() != nil {
		if err := b.SaveTransaction(raw); err != nil {
			return err
		}
	}
	done, err := r.open(ctx, r.nodeOptions)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	if err := r.follow(ctx, b); err != nil {
		return err
	}
	r.anchored = append(r.anchored, b)
	if r.wait > 0 {
		if err := r.await(ctx, b); err != nil {
			return err
		}
	}
	return r.report(&batch.Plan{}, nil)
}

// signedBy finds the batch that waits for what was signed, and takes the
// transaction out of it. A batch that has that very transaction by now counts.
func (r *anchorRun) signedBy(data []byte) (*batch.Batch, []byte, error) {
	var first error
	waiting := 0
	for _, b := range r.batches {
		if b.Network != r.network || len(b.Requests) == 0 || b.State() == batch.Complete {
			continue
		}
		request, err := anchor.ParseRequest(b.Requests[len(b.Requests)-1])
		if err != nil {
			return nil, nil, fmt.Errorf("batch %s: %w", b.ID, err)
		}
		raw, err := request.Complete(data)
		if err == nil {
			return b, raw, nil
		}
		if b.OpenRequest() != nil {
			waiting++
			if first == nil {
				first = fmt.Errorf("is not what batch %s asked for: %w", b.ID, err)
			}
		}
	}
	switch {
	case waiting == 1:
		return nil, nil, first
	case waiting > 1:
		return nil, nil, fmt.Errorf("is what none of the %d batches that wait for a signature asked for; the first of them: %w", waiting, first)
	}
	return nil, nil, hinted(fmt.Errorf("no batch for %s waits for a signature", r.network), "see: gradseal batches")
}

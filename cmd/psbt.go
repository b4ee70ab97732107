package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"gradseal/anchor"
	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
)

// writePSBT writes a request for a signer elsewhere.
func (c *carrier) writePSBT(request []byte) error {
	out := c.money.psbtOut
	if old, err := os.ReadFile(out); err == nil && string(old) != string(request) {
		return hinted(fmt.Errorf("%s: exists and is something else: it was not overwritten", out), "name another file")
	}
	return atomicfile.WriteFile(out, request, 0o644)
}

// askSigner says what to do with the file for a signer elsewhere.
func askSigner(file string, n bitcoin.Network) string {
	return fmt.Sprintf("Next: have %s signed, and do not send it from there; then: gradseal anchor --network %s --psbt-in SIGNED", shown(file), n)
}

// takePSBT goes on with the batch whose transaction a signer elsewhere signed.
func (r *anchorRun) takePSBT(ctx context.Context) (err error) {
	data, err := readCapped(r.psbtIn, anchor.MaxRequest)
	if err != nil {
		return hinted(err, "--psbt-in names the file that the signer made")
	}
	if r.batches, err = r.home.batches().List(); err != nil {
		return err
	}
	b, index, raw, err := r.signedBy(data)
	if err != nil {
		return err
	}
	r.current = b
	if err := b.Sync(); err != nil {
		return err
	}
	if err := r.recordSteps(b, true); err != nil {
		return err
	}
	if b.Transactions[index] == nil {
		if err := b.SaveTransaction(index, raw); err != nil {
			return err
		}
		if err := r.recordSteps(b, false); err != nil {
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
	if err := r.waitForAll(ctx); err != nil {
		return err
	}
	return r.report(&batch.Plan{}, nil)
}

// signedBy finds the version of a batch's transaction that was signed, and takes
// the transaction out of what the signer made. Every version counts, and one that
// is signed here by now as well.
func (r *anchorRun) signedBy(data []byte) (of *batch.Batch, index int, raw []byte, err error) {
	var last error
	waiting := 0
	for _, b := range r.batches {
		if b.Network != r.network || b.IsAttestationFinal() {
			continue
		}
		for i := range slices.Backward(b.Requests) {
			request, err := requestOf(b, i)
			if err != nil {
				return nil, 0, nil, err
			}
			raw, err := request.Complete(data)
			if err == nil {
				return b, i, raw, nil
			}
			if b.Transactions[i] == nil {
				waiting++
				last = fmt.Errorf("%s: is not what batch %s asked for: %w", r.psbtIn, b.ID, err)
			}
		}
	}
	if waiting == 0 {
		return nil, 0, nil, hinted(fmt.Errorf("%s: no batch for %s waits for a signature", r.psbtIn, r.network), "see: gradseal batches")
	}
	return nil, 0, nil, hinted(last, "have the file of --psbt-out signed as it is; the batch is as it was")
}

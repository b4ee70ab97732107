package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"gradseal/batch"
	"gradseal/issuer"
	"gradseal/journal"
)

// sign issues the batch: from here on it exists. Where other officers have to sign
// too they are asked, and the error is waitingError.
func (r *anchorRun) sign(ctx context.Context, b *batch.Batch, files []batch.File) error {
	if _, err := r.officer.newest(r.network); err != nil {
		return err
	}
	after, err := r.tip()
	if err != nil {
		return err
	}
	statement, err := b.NewStatement(r.now, after)
	if err != nil {
		return err
	}
	text, err := statement.Text()
	if err != nil {
		return err
	}
	if err := r.officer.openKeys(ctx, r.network); err != nil { // before the files are looked at again: somebody types
		return err
	}
	changed, err := batch.Unchanged(ctx, files)
	if err != nil {
		return err
	}
	if err := r.refuse(changed); err != nil {
		return err
	}
	signed, err := r.officer.sign(ctx, r.network, text, issuer.MaxStatement)
	if err != nil {
		return err
	}
	if !r.officer.suffices() {
		return r.proposeBatch(b, signed)
	}
	r.ui.note("Signing batch %s: %s, by %s", b.ID, count(len(b.Documents), "document"), quoted(r.officer.file.Name))
	return b.SaveStatement(signed)
}

// tip is the newest block known here, which dates a statement from below; nil
// where no block is known yet.
func (r *anchorRun) tip() (*issuer.After, error) {
	chain, err := r.openHeaders(r.network)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer chain.Close()
	h, err := chain.At(chain.Height())
	if err != nil {
		return nil, err
	}
	return &issuer.After{Height: chain.Height(), Hash: h.Hash()}, nil
}

// listInStatus signs the issuer's next status list with this batch in it,
// unless the newest one names it already.
func (r *anchorRun) listInStatus(ctx context.Context, b *batch.Batch) error {
	root, err := b.Root()
	if err != nil {
		return err
	}
	newest, _, err := r.home.trust().Status(r.issuer, r.network)
	if err != nil {
		return err
	}
	if newest != nil && (newest.Next.IsZero() || r.now.Before(newest.Next)) {
		if listed, err := b.IsListed(newest.StatusList); err != nil || listed {
			return err
		}
	}
	entry := journal.Entry{Act: journal.List, Batch: b.ID, Root: fmt.Sprintf("%x", root)}
	r.noteWithdrawn(b, &entry)
	_, err = r.officer.changeList(ctx, r.network, entry, b.List)
	return err
}

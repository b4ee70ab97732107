package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"gradseal/batch"
	"gradseal/issuer"
	"gradseal/trust"
)

// sign issues the batch: from here on it exists.
func (r *anchorRun) sign(ctx context.Context, b *batch.Batch, files []batch.File) error {
	newest, forked, err := r.home.trust().Status(r.issuer, r.network)
	if err != nil {
		return err
	}
	if err := r.maySign(newest, forked); err != nil {
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
	if err := r.openKey(ctx); err != nil {
		return err
	}
	if err := r.refuse(batch.Unchanged(files)); err != nil {
		return err
	}
	signed, err := issuer.SignNote(text, issuer.MaxStatement, r.key)
	if err != nil {
		return err
	}
	r.ui.note("Signing batch %s: %s, by %s", b.ID, count(len(b.Documents), "document"), quoted(r.issuerFile.Name))
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

func (r *anchorRun) openKey(ctx context.Context) error {
	if r.key != nil {
		return nil
	}
	key, err := r.readKey(ctx, r.issuer, r.passphraseFile)
	if err != nil {
		return err
	}
	r.key = key
	return key.Allows(r.network)
}

// listInStatus signs the issuer's next status list with this batch in it,
// unless the newest one names it already.
func (r *anchorRun) listInStatus(ctx context.Context, b *batch.Batch) error {
	root, err := b.Root()
	if err != nil {
		return err
	}
	store := r.home.trust()
	newest, forked, err := store.Status(r.issuer, r.network)
	if err != nil {
		return err
	}
	if newest != nil && newest.HasBatch(root) && (newest.Next.IsZero() || r.now.Before(newest.Next)) {
		return nil
	}
	if err := r.maySign(newest, forked); err != nil {
		return err
	}
	if err := r.openKey(ctx); err != nil {
		return err
	}
	next, err := r.nextStatus(newest)
	if err != nil {
		return err
	}
	next.AddBatch(root)
	text, err := next.Text()
	if err != nil {
		return err
	}
	signed, err := issuer.SignNote(text, issuer.MaxStatus, r.key)
	if err != nil {
		return err
	}
	_, err = store.ImportStatus(signed, time.Now())
	return err
}

// maySign reports, as an error, why no further status list may be signed. It is
// asked before a statement is signed, too: a batch that no list can name would
// be issued and of no use.
func (r *anchorRun) maySign(newest *trust.SignedList, forked bool) error {
	switch {
	case newest == nil:
		return nil
	case forked:
		return hinted(fmt.Errorf("%s: %w", r.issuer, trust.ErrStatusFork),
			"somebody signed with the key of %s elsewhere: find out who, before anything more is signed; gradseal status show", r.issuer)
	case r.now.Before(newest.AsOf.Add(-time.Minute)):
		return hinted(fmt.Errorf("the clock of this machine says %s, which is before the newest status list, of %s", r.now.UTC().Format(time.RFC3339), newest.AsOf.Format(time.RFC3339)), "set the clock")
	}
	return nil
}

func (r *anchorRun) nextStatus(newest *trust.SignedList) (*issuer.StatusList, error) {
	validity, err := r.cfg.Status.validity()
	if err != nil {
		return nil, err
	}
	next := &issuer.StatusList{Issuer: r.issuer, Network: r.network}
	if newest != nil {
		next = newest.Clone()
	}
	next.Sequence++
	if now := r.now.UTC().Truncate(time.Second); now.After(next.AsOf) {
		next.AsOf = now
	}
	next.Next = next.AsOf.Add(validity)
	return next, nil
}

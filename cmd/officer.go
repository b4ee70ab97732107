package cmd

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/journal"
	"gradseal/keys"
	"gradseal/trust"
)

// officer signs for an issuer of this home, with the keys that the home has of
// its key set in force. The keys are opened when something is to be signed.
type officer struct {
	*app
	file           *issuer.File
	passphraseFile string
	now            time.Time
	open           []keys.Signer
	joining        bool   // a list is signed that ends a fork
	redating       bool   // a list is signed of now, although the newest one is of later
	reopening      bool   // a list is signed that is not the last, although the newest one was
	requestFile    string // for what others have to sign of a list; empty: the usual name
}

// officer returns who signs for an issuer of this home.
func (a *app) officer(id, passphraseFile string, now time.Time) (*officer, error) {
	f, err := a.ownIssuer(id)
	if err != nil {
		return nil, err
	}
	return &officer{app: a, file: f, passphraseFile: passphraseFile, now: now}, nil
}

// openKeys opens this home's keys, and refuses those that must not sign for the
// network.
func (o *officer) openKeys(ctx context.Context, n bitcoin.Network) error {
	if o.open == nil {
		var err error
		if o.open, err = o.readKeys(ctx, o.file, o.passphraseFile); err != nil {
			return err
		}
	}
	for _, key := range o.open {
		if err := key.Allows(n); err != nil {
			return err
		}
	}
	return nil
}

// sign signs a text about a network with this home's keys.
func (o *officer) sign(ctx context.Context, n bitcoin.Network, text string, maxSize int) ([]byte, error) {
	if err := o.openKeys(ctx, n); err != nil {
		return nil, err
	}
	signers := make([]issuer.Signer, len(o.open))
	for i, key := range o.open {
		signers[i] = key
	}
	return issuer.SignNote(text, maxSize, signers...)
}

// newest returns the newest status list of the network, nil where there is none,
// or says why no further one may be signed. It is asked before a statement is
// signed, too: a batch that no list can name would be issued and of no use.
func (o *officer) newest(n bitcoin.Network) (*trust.SignedList, error) {
	newest, forked, err := o.home.trust().Status(o.file.ID, n)
	if err == nil {
		err = o.mayList(o.file.ID, n, newest)
	}
	switch {
	case err != nil || newest == nil:
		return nil, err
	case forked && !o.joining:
		return nil, hinted(fmt.Errorf("%s: %w", o.file.ID, trust.ErrStatusFork),
			"somebody signed with the key of %s elsewhere: find out who, before anything more is signed; then: gradseal status join --help", o.file.ID)
	case isAhead(newest, o.now) && !o.redating:
		return nil, hinted(fmt.Errorf("the clock of this machine says %s, which is before the newest status list, of %s", o.now.UTC().Format(time.RFC3339), newest.AsOf.Format(time.RFC3339)),
			"set the clock; if it is right, that list was signed while a clock was ahead, and nobody takes it in: gradseal status renew --redate")
	}
	return newest, nil
}

// isAhead reports whether a list is of a time at which nobody takes it in now.
func isAhead(l *trust.SignedList, now time.Time) bool {
	return l.AsOf.After(now.Add(issuer.ClockSlack))
}

// errNoChange is returned by what edits a status list where nothing is to be
// signed.
var errNoChange = errors.New("nothing to change")

// changeList signs the issuer's next status list for the network and keeps it.
// change edits a copy of the newest one. Where it returns errNoChange nothing is
// signed, and changeList returns nil. e says in the journal what the list is for.
// Where other officers have to sign it too they are asked, and the error is
// waitingError.
func (o *officer) changeList(ctx context.Context, n bitcoin.Network, e journal.Entry, change func(*issuer.StatusList) error) (*issuer.StatusList, error) {
	newest, err := o.newest(n)
	if err != nil {
		return nil, err
	}
	next, err := o.nextList(newest, n)
	if err != nil {
		return nil, err
	}
	if err := change(next); errors.Is(err, errNoChange) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if err := next.CheckNumber(time.Now()); err != nil {
		return nil, hinted(err, "if the clock is right, run this again in a minute: the list before has the highest number that there can be")
	}
	if pending, err := o.pendingProposal(o.file.ID, n); err != nil {
		return nil, err
	} else if pending != nil {
		return nil, o.errPending(pending)
	}
	if err := o.refuseFile(o.file.ID); err != nil {
		return nil, err
	}
	if err := o.openKeys(ctx, n); err != nil {
		return nil, err
	}
	e.Issuer, e.Network, e.Sequence = o.file.ID, n.String(), next.Sequence
	if !o.suffices() {
		return nil, o.proposeList(newest, next, e)
	}
	text, err := next.Text()
	if err != nil {
		return nil, err
	}
	signed, err := o.sign(ctx, n, text, issuer.MaxStatus)
	if err != nil {
		return nil, err
	}
	e.Text = fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
	if err := o.record(e); err != nil {
		return nil, err
	}
	_, err = o.importStatus(signed)
	return next, err
}

// nextList is what the next status list of the network begins as.
func (o *officer) nextList(newest *trust.SignedList, n bitcoin.Network) (*issuer.StatusList, error) {
	validity, err := o.cfg.Status.validity()
	if err != nil {
		return nil, err
	}
	next := &issuer.StatusList{Issuer: o.file.ID, Network: n}
	if newest != nil {
		next = newest.Clone()
	}
	used, err := o.home.proposals().Numbers(o.file.ID, n)
	if err != nil {
		return nil, err
	}
	next.Sequence = max(next.Sequence, used.Reserved, used.Signed) + 1
	// A clock that is a little behind signs no list of an earlier time.
	if now := o.now.UTC().Truncate(time.Second); now.After(next.AsOf) || o.redating {
		next.AsOf = now
	}
	if newest == nil || !newest.Next.IsZero() || o.reopening { // what follows the last list is the last one, too
		next.Next = next.AsOf.Add(validity)
	}
	return next, nil
}

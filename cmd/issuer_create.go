package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gradseal/issuer"
	"gradseal/journal"
	"gradseal/trust"
)

// createWithOthers makes an issuer whose file other officers have to sign too, or
// whose key is in a token. It is a change of keys from nothing, and goes on where
// it was interrupted in the same way.
func (a *app) createWithOthers(ctx context.Context, o issuerCreateOptions) error {
	if _, err := a.home.trust().Issuer(o.id); !errors.Is(err, trust.ErrUnknownIssuer) {
		if err == nil {
			err = hinted(fmt.Errorf("%s: %w", o.id, trust.ErrOtherIssuer), "if its key is lost: gradseal trust remove %s", o.id)
		}
		return err
	}
	c := &keyChange{
		app: a, now: time.Now(), act: journal.Entry{Act: journal.Create},
		keyChangeOptions: keyChangeOptions{issuer: o.id, newKey: o.newKey, recovery: o.recovery, out: o.out},
		replacing:        true,
	}
	var err error
	if c.begun, err = a.readBegun(o.id); err != nil {
		return err
	}
	if c.begun == nil {
		c.begun = &begunChange{Format: begunFormat, Sequence: 1}
	}
	officers, err := a.readOfficers(o.id, o.officers)
	if err != nil {
		return err
	}
	if err := c.checkFirst(o, officers); err != nil {
		return err
	}
	if err := c.obtainKeys(ctx); err != nil {
		return err
	}
	a.warnNoRecovery(o)
	return c.issue(ctx, c.first(o, officers, c.newKeys()))
}

// checkFirst finds every fault of the issuer file before a key is made.
func (c *keyChange) checkFirst(o issuerCreateOptions, officers []issuer.Key) error {
	stand, err := standIns(o.id)
	if err != nil {
		return err
	}
	f := c.first(o, officers, stand)
	if err := tooFewOfficers(&f.Sets[0]); err != nil {
		return hinted(err, "%s", moreOfficers)
	}
	if _, err := f.Text(); err != nil {
		return err
	}
	_, err = c.begunRecovery()
	return err
}

// first is the first issuer file.
func (c *keyChange) first(o issuerCreateOptions, officers []issuer.Key, made newKeys) *issuer.File {
	set := issuer.KeySet{
		From:      c.now.Add(-keyGrace).UTC().Truncate(time.Second),
		Threshold: o.threshold,
		Keys:      append([]issuer.Key{{Public: made.own, Holder: o.newKey.holder}}, officers...),
	}
	if c.keyRecovery() {
		set.Keys = append(set.Keys, issuer.Key{Public: made.recovery, Holder: recoveryHolder})
	}
	return &issuer.File{ID: o.id, Name: o.name, Sequence: 1, Sets: []issuer.KeySet{set}}
}

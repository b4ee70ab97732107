package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/journal"
)

type issuerRotateOptions struct {
	keyChangeOptions
	despiteUnconfirmed bool
}

func (a *app) newIssuerRotateCommand() *cobra.Command {
	var o issuerRotateOptions
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Sign with a new key from now on",
		Long: `Makes a new signing key in place of this home's, and the next issuer file, in
which the keys so far end now. What they signed stays as valid as it is, in thirty
years too. The file is signed by the new keys and by those that end, so that whoever
trusts the old file follows to the new one with its pack, offline and without a
fingerprint; the fingerprint to publish is another one from now on. Then a status
list of every network is signed with the new key.

Other officers' keys stay, unless --drop names one; --officer adds one. A recovery
key stays if it is given with --sign-with, for every key of the new set has to sign
the file; --recovery makes a new one. Where others have to sign, they are asked:
gradseal approve --help. For a key that was lost or stolen: gradseal issuer
close-key.

A document is judged by the keys in force at the time of its block, which can be two
hours off. So no batch may be on its way, and on a real network the last one must be
two hours old. An interrupted change is completed by the same command.`,
		Example: `  gradseal issuer rotate
  gradseal issuer rotate --recovery recovery-key-2.txt
  gradseal issuer rotate --sign-with recovery-key.txt --holder "New Registrar"
  gradseal issuer rotate --officer dean.key.pub --threshold 2

Exit codes: 0 done, or other officers were asked; 1 an error. Run it again after
one: it goes on where it stopped.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runIssuerRotate(cmd.Context(), o) },
	}
	o.addFlags(cmd)
	cmd.Flags().BoolVar(&o.despiteUnconfirmed, "despite-unconfirmed", false, "change the keys although batches then do not stay VALID")
	return cmd
}

func (a *app) runIssuerRotate(ctx context.Context, o issuerRotateOptions) error {
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	c, finished, err := a.startKeyChange(ctx, o.keyChangeOptions)
	if err != nil || finished {
		return err
	}
	c.act = journal.Entry{Act: journal.Rotate, Reason: "rotate"}
	if err := c.leaving(true); err != nil {
		return err
	}
	officers, err := a.readOfficers(c.issuer, o.officers)
	if err != nil {
		return err
	}
	if err := c.endNow(ctx, o.despiteUnconfirmed); err != nil {
		return err
	}
	if err := c.check(officers); err != nil {
		return err
	}
	c.warnRecovery()
	return c.run(ctx, officers)
}

// endNow chooses the time at which the newest set ends: now. Batches for which that
// is too early are refused, or named.
func (c *keyChange) endNow(ctx context.Context, despite bool) error {
	if err := c.awaitNextSecond(ctx); err != nil {
		return err
	}
	c.at = c.now.UTC().Truncate(time.Second)
	touched, err := c.touchedBy(c.file, c.at)
	if err != nil {
		return err
	}
	if c.at = c.rehearsed(touched); c.at.After(c.now.Add(issuer.BlockTimeSlack)) {
		return fmt.Errorf("the last block of a rehearsal is of %s: set the clock", c.at.Add(-issuer.BlockTimeSlack).Format(time.RFC3339))
	}
	if touched, err = c.touchedBy(c.file, c.at); err != nil || len(touched) == 0 {
		return err
	}
	if despite {
		c.listTouched(touched)
		return nil
	}
	var names []string
	latest := c.at
	waiting := false
	for _, t := range touched {
		names = append(names, t.ID)
		waiting = waiting || t.block.IsZero()
		if end := t.block.Add(issuer.BlockTimeSlack); !t.block.IsZero() && end.After(latest) {
			latest = end
		}
	}
	what := fmt.Sprintf("%s of %s would not stay VALID: %s", count(len(touched), "batch"), c.issuer, strings.Join(names, ", "))
	if waiting {
		return hinted(fmt.Errorf("%s is signed and not in a block yet", what),
			"wait for the block: gradseal upgrade; or --despite-unconfirmed, and its proofs become CANNOT TELL or INVALID")
	}
	return hinted(fmt.Errorf("%s was anchored less than two hours ago, and the time of a block can be two hours off", what),
		"run this again after %s; or --despite-unconfirmed, and its proofs become CANNOT TELL", latest.UTC().Format(time.RFC3339))
}

// awaitNextSecond waits where the newest key set began in this very second: two sets
// cannot begin in one.
func (c *keyChange) awaitNextSecond(ctx context.Context) error {
	wait := c.newest().From.Add(time.Second).Sub(c.now)
	if wait > time.Second { // only a set of a rehearsal begins so late: see rehearsed
		wait -= issuer.BlockTimeSlack
	}
	if wait <= 0 || wait > 2*time.Second {
		return nil
	}
	select {
	case <-time.After(wait):
		c.now = time.Now()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rehearsed is the time at which keys end: on a regtest chain it is two hours after
// the last block where that is later, for a rehearsal need not wait for that. The
// times of its blocks are its own node's and never go back, so that the next batch
// is after the end as the key-time rule counts. On a real network the next block can
// have an earlier time than the last, and a batch signed by the new keys would be
// INVALID.
func (c *keyChange) rehearsed(touched []touchedBatch) time.Time {
	at := c.at
	for _, t := range touched {
		if t.Network == bitcoin.Regtest && !t.block.IsZero() {
			if end := t.block.Add(issuer.BlockTimeSlack).UTC(); end.After(at) {
				at = end
			}
		}
	}
	if from := c.newest().From; from.After(c.now) && !at.After(from) { // and after the last rehearsed change
		at = from.Add(time.Second)
	}
	return at
}

func (c *keyChange) listTouched(touched []touchedBatch) {
	for _, t := range touched {
		c.ui.warn("batch %s, %s, %s: %s", t.ID, t.Network, count(len(t.Documents), "document"), t.becomes(c.at))
	}
}

// warnRecovery says so where the new set has no recovery key and the old one had.
func (c *keyChange) warnRecovery() {
	isRecovery := func(set []issuer.Key) bool {
		for _, k := range set {
			if k.Holder == recoveryHolder {
				return true
			}
		}
		return false
	}
	if !c.keyRecovery() && isRecovery(c.newest().Keys) && !isRecovery(c.kept()) {
		c.ui.warn("the recovery key is not in the new set, for it did not sign: give it with --sign-with FILE next time, or make a new one with --recovery FILE")
	}
}

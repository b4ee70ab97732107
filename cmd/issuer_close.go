package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gradseal/journal"
)

// Why a key is closed.
const (
	keyLost   = "lost"
	keyStolen = "stolen"
)

type issuerCloseOptions struct {
	keyChangeOptions
	since, reason string
	yes           bool
}

func (a *app) newIssuerCloseCommand() *cobra.Command {
	var o issuerCloseOptions
	cmd := &cobra.Command{
		Use:   "close-key",
		Short: "End the keys at a time in the past: one was lost or stolen",
		Long: `Makes the next issuer file, in which the key set in force ends at --since, and a
new one begins there without the key that was lost or stolen: this home's own, or
those that --drop names. In the place of this home's own a new one is made.

What the closed set signed and a block of later than --since holds is INVALID from
then on; within two hours of it, either way, it is CANNOT TELL, for the time of a
block can be that much off. The batches of this home that this hits are shown, and
it is asked before anything is signed.

Where the passphrase is lost, the recovery key signs: type the printed form into a
file, and give it with --sign-with. It is not asked for where the other keys of the
set are enough. A thief can sign as well as you until verifiers
have the new pack: publish it at once, and withdraw what the thief anchored.`,
		Example: `  gradseal issuer close-key --since 2026-11-22T09:00:00Z --reason stolen
  gradseal issuer close-key --since 2026-11-22T09:00:00Z --reason lost \
      --sign-with recovery-key.txt --recovery recovery-key-2.txt
  gradseal issuer close-key --since 2026-11-22T09:00:00Z --reason stolen --drop 3f2a9c1b

Exit codes: 0 done, or other officers were asked; 1 an error. Run it again after
one: it goes on where it stopped.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runIssuerClose(cmd.Context(), o) },
	}
	o.addFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.since, "since", "", "`time` from which they sign no more: 2026-11-22T09:00:00Z, or a day")
	flags.StringVar(&o.reason, "reason", "", "`why`: lost or stolen")
	flags.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	return cmd
}

func (a *app) runIssuerClose(ctx context.Context, o issuerCloseOptions) error {
	since, err := o.check(time.Now())
	if err != nil {
		return err
	}
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	o.closed = since
	c, finished, err := a.startKeyChange(ctx, o.keyChangeOptions)
	if err != nil || finished {
		return err
	}
	c.at, c.past = since, true
	c.act = journal.Entry{Act: journal.Rotate, Reason: "close-key since " + since.Format(time.RFC3339) + ", " + o.reason}
	if err := c.leaving(len(o.drop) == 0); err != nil {
		return err
	}
	officers, err := a.readOfficers(c.issuer, o.officers)
	if err != nil {
		return err
	}
	if err := c.check(officers); err != nil {
		return err
	}
	c.warnRecovery()
	if err := c.confirmClose(ctx, o.yes); err != nil {
		return err
	}
	err = c.run(ctx, officers)
	if err != nil && !errors.As(err, new(waitingError)) {
		return err
	}
	if o.reason == keyStolen {
		a.ui.note("A thief can sign for whoever has the old issuer file: publish the new pack at once, and tell verifiers.")
		a.ui.note("What the thief anchored before that time is withdrawn with: gradseal withdraw --batch ROOT --reason key-compromise")
	}
	return err
}

func (o *issuerCloseOptions) check(now time.Time) (since time.Time, err error) {
	if o.since == "" || o.reason == "" {
		return since, hinted(errors.New("--since and --reason are needed"), "gradseal issuer close-key --since 2026-11-22T09:00:00Z --reason stolen")
	}
	if o.reason != keyLost && o.reason != keyStolen {
		return since, fmt.Errorf("--reason: %s, want %s or %s", quoted(o.reason), keyLost, keyStolen)
	}
	if since, err = time.Parse(time.RFC3339, o.since); err != nil {
		if since, err = time.Parse(time.DateOnly, o.since); err != nil {
			return since, fmt.Errorf("--since: %s is no time, want the form 2026-11-22T09:00:00Z or 2026-11-22", quoted(o.since))
		}
	}
	if since.After(now) {
		return since, hinted(fmt.Errorf("--since: %s is yet to come", o.since), "a set that ends now and in good order: gradseal issuer rotate")
	}
	return since.UTC().Truncate(time.Second), nil
}

// confirmClose says what becomes of what was issued, and asks.
func (c *keyChange) confirmClose(ctx context.Context, yes bool) error {
	c.ui.note("The keys of %s end at %s.", quoted(c.file.Name), c.at.Format(time.RFC3339))
	for _, k := range c.lost {
		c.ui.note("  %s  %s signs no more", keyID(c.issuer, k.Public), quoted(k.Holder))
	}
	touched, err := c.touchedBy(c.file, c.at)
	if err != nil {
		return err
	}
	c.listTouched(touched)
	if len(touched) > 0 {
		c.ui.warn("nobody can say of these any more that you made them: issue their documents again with --reissue")
	}
	if yes {
		return nil
	}
	typed, err := c.ui.ask(ctx, "This cannot be taken back. Type the word close to go on: ")
	if errors.Is(err, errNoTerminal) {
		return hinted(errors.New("nothing was closed: there is no terminal to ask at"), "look at the above, then add --yes")
	}
	if err != nil {
		return err
	}
	if strings.TrimSpace(typed) != "close" {
		return fmt.Errorf("nothing was closed: %s is not %q", quoted(typed), "close")
	}
	return nil
}

package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gradseal/bitcoin"
)

type unpublishedOptions struct {
	networkName string
	issuer      string
	yes         bool
}

func (o *unpublishedOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.networkName, "network", bitcoin.Regtest.String(), "`network` for which there never was a status list")
	setConfigKey(flags, "network", "anchor.network")
	flags.StringVar(&o.issuer, "issuer", "", "`id` of the issuer (needed where this home has several)")
	setConfigKey(flags, "issuer", "anchor.issuer")
	flags.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
}

func (a *app) newStatusUnpublishedCommand() *cobra.Command {
	var o unpublishedOptions
	cmd := &cobra.Command{
		Use:   "unpublished",
		Short: "Say that a restored home's issuer never signed a status list for a network",
		Long: `A home that comes from a backup signs nothing for a network before it has taken in
the newest list that is published there. Where the backup has no list and none
was ever signed, there is nothing to take in: this says so. If it is not true, two
lists with one number will exist, and verifiers that see both answer CANNOT TELL.`,
		Example: `  gradseal status unpublished --network mainnet

Exit codes: 0 taken note of; 1 an error, and nothing was changed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runStatusUnpublished(cmd.Context(), o) },
	}
	o.addFlags(cmd)
	return cmd
}

// unpublishedJSON is what status unpublished prints under --json.
type unpublishedJSON struct {
	Version int    `json:"version"`
	Issuer  string `json:"issuer"`
	Network string `json:"network"`
}

func (a *app) runStatusUnpublished(ctx context.Context, o unpublishedOptions) error {
	n, err := bitcoin.ParseNetwork(o.networkName)
	if err != nil {
		return err
	}
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	id, err := a.pickOwn(o.issuer)
	if err != nil {
		return err
	}
	s, err := a.home.sequences()
	if err != nil {
		return err
	}
	k := sequenceKey{id, n}
	switch mark, marked := s.restored[k]; {
	case !marked:
		return fmt.Errorf("this home does not wait for a status list of %s for %s", id, n)
	case mark > 0:
		return hinted(fmt.Errorf("there was a status list of %s for %s: number %d was in the backup", id, n, mark), "take in the newest list that is published: gradseal status import FILE")
	}
	if err := a.confirmUnpublished(ctx, n, o.yes); err != nil {
		return err
	}
	delete(s.restored, k)
	if err := s.save(a.home); err != nil {
		return err
	}
	if a.ui.json {
		return a.ui.object(unpublishedJSON{jsonVersion, id, n.String()})
	}
	a.ui.result("There never was a status list of %s for %s: the first one can be signed here", id, n)
	return nil
}

func (a *app) confirmUnpublished(ctx context.Context, n bitcoin.Network, yes bool) error {
	if yes {
		return nil
	}
	typed, err := a.ui.ask(ctx, fmt.Sprintf("Was no batch ever signed for %s, here or elsewhere? Type the name of the network: ", n))
	if errors.Is(err, errNoTerminal) {
		return hinted(errors.New("nothing was changed: there is no terminal to ask at"), "if it is true, add --yes")
	}
	if err != nil {
		return err
	}
	if strings.TrimSpace(typed) != n.String() {
		return fmt.Errorf("nothing was changed: %s is not %q", quoted(typed), n)
	}
	return nil
}

package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/headers"
)

type upgradeOptions struct {
	network       string
	confirmations uint32
	wait          bool
	node          nodeOptions
}

func (a *app) newUpgradeCommand() *cobra.Command {
	var o upgradeOptions
	cmd := &cobra.Command{
		Use:   "upgrade [BATCH…]",
		Short: "Look for the blocks of what was sent, and complete the proofs",
		Long: `Asks the node where the transactions of the batches are: of all that are not
complete, or of those that are named. A proof is completed when its block has
enough confirmations, after it was verified as a stranger will verify it. A
transaction that is nowhere is sent again, the same bytes.

A block that has left the chain (a reorganisation) turns its batch and the proofs
back to pending, and they are completed again in the next block.

It is made for cron: run it as often as you like. What is complete is only held
against the header chain.`,
		Example: `  gradseal upgrade
  gradseal upgrade --network testnet4 --via bitcoind
  gradseal upgrade 20261122-10b7b705 --wait

Exit codes: 0 done, whether or not something is still pending; 1 an error.`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runUpgrade(cmd.Context(), o, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.network, "network", "regtest", "Bitcoin `network` of the batches")
	flags.BoolVar(&o.wait, "wait", false, "wait until all of them are complete")
	addConfirmations(flags, &o.confirmations)
	setConfigKey(flags, "network", "anchor.network")
	o.node.addFlags(cmd)
	return cmd
}

func (a *app) runUpgrade(ctx context.Context, o upgradeOptions, ids []string) error {
	network, err := bitcoin.ParseNetwork(o.network)
	if err != nil {
		return err
	}
	way, err := o.node.way(network)
	if err != nil {
		return err
	}
	if list, err := a.home.batches().List(); err != nil || len(list) == 0 { // before there is a lock, and so a home
		a.ui.note("There is no batch here yet. Make one with: gradseal anchor FOLDER")
		return err
	}
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	c := &carrier{app: a, network: network, confirmations: finalDepth(network, o.confirmations)}
	if c.batches, err = a.home.batches().List(); err != nil {
		return err
	}
	list, err := c.choose(ids)
	if err != nil {
		return err
	}
	if _, err := os.Stat(a.home.nodeDir()); len(list) > 0 && (way != viaEmbedded || err == nil) {
		if err := c.upgrade(ctx, o, list); err != nil {
			return remedied(err)
		}
	}
	return c.reportUpgrade(list)
}

// choose returns the batches that are named, or all of the network that were
// sent.
func (c *carrier) choose(ids []string) ([]*batch.Batch, error) {
	if len(ids) == 0 {
		return slices.DeleteFunc(slices.Clone(c.batches), func(b *batch.Batch) bool {
			return b.Network != c.network || len(b.Transactions) == 0
		}), nil
	}
	var list []*batch.Batch
	for _, id := range ids {
		b, err := pickBatch(c.batches, id)
		if err != nil {
			return nil, err
		}
		switch {
		case b.Network != c.network:
			return nil, hinted(fmt.Errorf("batch %s is for %s, not for %s", b.ID, b.Network, c.network), "run: gradseal upgrade --network %s %s", b.Network, b.ID)
		case len(b.Transactions) == 0:
			return nil, hinted(fmt.Errorf("batch %s has no transaction yet: it is %s", b.ID, b.State()), "%s", nextStep(b))
		case !slices.Contains(list, b):
			list = append(list, b)
		}
	}
	return list, nil
}

// upgrade follows each batch. What goes wrong with one does not keep the others
// from theirs.
func (c *carrier) upgrade(ctx context.Context, o upgradeOptions, list []*batch.Batch) (err error) {
	done, err := c.open(ctx, o.node)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	if err := c.syncHeaders(ctx); err != nil {
		return err
	}
	var first error
	for _, b := range list {
		err := b.Sync()
		if err == nil {
			err = c.follow(ctx, b)
		}
		if err == nil && o.wait {
			err = c.await(ctx, b)
		}
		if ctx.Err() != nil {
			return err
		}
		if err != nil && first != nil {
			c.ui.warn("batch %s: %v", b.ID, err)
		} else if err != nil {
			first = err
		}
	}
	return first
}

// How often a node is asked while somebody waits.
const (
	pollNetwork = 10 * time.Second
	pollRegtest = 500 * time.Millisecond
)

// await follows a batch until it is complete, and says what changes.
func (c *carrier) await(ctx context.Context, b *batch.Batch) error {
	every := pollNetwork
	if c.network == bitcoin.Regtest {
		every = pollRegtest
	}
	said := ""
	for b.State() != batch.Complete {
		if now := c.whereabouts(b); now != said {
			c.ui.note("Batch %s: %s. Waiting (Ctrl-C to stop; gradseal upgrade goes on)", b.ID, now)
			said = now
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
		c.synced = false
		if err := c.follow(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// whereabouts says where the transaction of a batch is.
func (a *app) whereabouts(b *batch.Batch) string {
	switch {
	case b.Attestation == nil && b.OpenRequest() != nil && len(b.Transactions) == 0:
		return "the transaction waits for its signature"
	case b.Attestation == nil && len(b.Transactions) > 0:
		return "the transaction was sent and is in no block yet"
	case b.Attestation == nil:
		return "there is no transaction yet"
	}
	n := a.confirmationsOf(b)
	if n == 0 {
		return fmt.Sprintf("the transaction was in block %d, which the header chain does not have", b.Attestation.Height)
	}
	return fmt.Sprintf("the transaction is in block %d, %s", b.Attestation.Height, count(n, "confirmation"))
}

// confirmationsOf is how many confirmations the block of a batch has in the
// header chain of this home; 0 where it is not in it.
func (a *app) confirmationsOf(b *batch.Batch) uint32 {
	if b.Attestation == nil {
		return 0
	}
	chain, err := headers.Open(a.home.headerFile(b.Network), b.Network)
	if err != nil {
		return 0
	}
	defer chain.Close()
	return depth(chain, b.Attestation)
}

func (c *carrier) reportUpgrade(list []*batch.Batch) error {
	if c.ui.json {
		return c.showAllJSON(list)
	}
	waiting := 0
	for _, b := range list {
		if b.State() == batch.Complete {
			continue
		}
		waiting++
		c.ui.result("batch %s: %s", b.ID, c.whereabouts(b))
		if b.OpenRequest() != nil && c.money.psbtOut != "" {
			c.ui.result("Wrote %s", shown(c.money.psbtOut))
			c.ui.note("%s", askSigner(c.money.psbtOut, b.Network))
		} else {
			c.ui.note("%s", nextStep(b))
		}
	}
	if c.proofs > 0 {
		c.ui.result("Wrote %s", count(c.proofs, "proof"))
	}
	switch {
	case len(list) == 0:
		c.ui.result("Nothing was sent to %s yet; see: gradseal batches", c.network)
	case waiting == 0:
		c.ui.result("%s of %s: all complete", count(len(list), "batch"), c.network)
	}
	for _, b := range c.batches {
		if b.Network != c.network && b.State() != batch.Complete && len(b.Transactions) > 0 {
			c.ui.note("Batch %s is for %s: gradseal upgrade --network %s", b.ID, b.Network, b.Network)
		}
	}
	return nil
}

package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gradseal/anchor"
	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/headers"
)

type upgradeOptions struct {
	network       string
	confirmations uint32
	wait          bool
	node          nodeOptions
	calendars     calendarOptions
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

Calendars are asked for their blocks, which count once the header chain of this
home has them: run gradseal headers sync before, where no node is named here.

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
	o.calendars.addURLs(cmd)
	return cmd
}

func (a *app) runUpgrade(ctx context.Context, o upgradeOptions, ids []string) error {
	network, err := bitcoin.ParseNetwork(o.network)
	if err != nil {
		return err
	}
	if _, _, err := splitVia(o.node.via); err != nil {
		return err
	}
	if list, err := a.home.batches().List(); err != nil || len(list) == 0 { // before there is a lock, and so a home
		a.ui.note("There is no batch here yet. Make one with: gradseal anchor FOLDER")
		return err
	}
	c := &carrier{app: a, network: network, confirmations: finalDepth(network, o.confirmations)}
	o.calendars.allow = a.cfg.Calendars.Allow
	if c.calendars, err = o.calendars.open(network, false); err != nil {
		return err
	}
	if err := c.hold(ctx); err != nil {
		return err
	}
	defer func() { c.release() }()
	list, err := c.choose(ids)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, hasTransaction) && o.node.via == "" {
		o.node.via = viaCalendars // the header chain that is here does
	}
	way, err := o.node.way(network)
	if err != nil {
		return err
	}
	if _, noNode := os.Stat(a.home.nodeDir()); len(list) > 0 && (way != viaEmbedded || noNode == nil) {
		list, err = c.upgrade(ctx, o, list)
	}
	if len(ids) == 0 {
		c.adviseSigned(len(list) > 0)
	}
	return errors.Join(c.reportUpgrade(list), remedied(err), c.unanswered())
}

// hold locks the home for this run and reads its batches.
func (c *carrier) hold(ctx context.Context) (err error) {
	if c.release, err = c.lock(ctx); err != nil {
		return err
	}
	if c.batches, err = c.home.batches().List(); err != nil {
		c.release()
	}
	return err
}

// choose returns the batches that are named, or all of the network that were
// sent.
func (c *carrier) choose(ids []string) ([]*batch.Batch, error) {
	if len(ids) == 0 {
		return slices.DeleteFunc(slices.Clone(c.batches), func(b *batch.Batch) bool {
			return b.Network != c.network || b.State() < batch.Requested
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
		case b.State() < batch.Requested:
			return nil, hinted(fmt.Errorf("batch %s has no transaction yet: it is %s", b.ID, b.State()), "%s", nextStep(b))
		case !slices.Contains(list, b):
			list = append(list, b)
		}
	}
	return list, nil
}

// upgrade follows each batch. What goes wrong with one does not keep the others
// from theirs.
func (c *carrier) upgrade(ctx context.Context, o upgradeOptions, list []*batch.Batch) (_ []*batch.Batch, err error) {
	done, err := c.open(ctx, o.node)
	defer func() { err = errors.Join(err, done()) }()
	if err == nil {
		err = c.syncHeaders(ctx)
	}
	first, down := err, err != nil
	if down { // calendars can be asked without the node
		c.backend, c.node = nil, nil
	}
	for _, b := range list {
		if down && b.Calendars == nil {
			continue
		}
		err := b.Sync()
		if err == nil {
			err = c.follow(ctx, b)
		}
		switch {
		case ctx.Err() != nil:
			return list, err
		case err != nil && first != nil:
			c.ui.warn("%v", err)
		case err != nil:
			first = err
		}
	}
	if first != nil || !o.wait {
		return list, first
	}
	return c.await(ctx, list, func(b *batch.Batch) bool { return b.State() == batch.Complete })
}

// How often a node is asked while somebody waits.
const (
	pollNetwork = 10 * time.Second
	pollPublic  = time.Minute // calendars, which are there for everyone
	pollRegtest = 500 * time.Millisecond
)

// await follows the batches until all are as they are wanted, and says what
// changes. In between it lets go of the home, so that others can work there, and
// so the batches that it returns are others than those that it was given.
func (c *carrier) await(ctx context.Context, list []*batch.Batch, enough func(*batch.Batch) bool) ([]*batch.Batch, error) {
	every := pollNetwork
	switch {
	case c.network == bitcoin.Regtest:
		every = pollRegtest
	case slices.ContainsFunc(list, func(b *batch.Batch) bool { return b.Calendars != nil }):
		every = pollPublic
	}
	said := make(map[string]string)
	for slices.ContainsFunc(list, func(b *batch.Batch) bool { return !enough(b) }) {
		for _, b := range list {
			if now := c.whereabouts(b); !enough(b) && now != said[b.ID] {
				c.ui.note("Batch %s: %s. Waiting (Ctrl-C to stop; gradseal upgrade goes on)", b.ID, now)
				said[b.ID] = now
			}
		}
		if len(c.beyond) > 0 && said["headers"] == "" {
			c.ui.note("A calendar says that it is in a block which the header chain here does not hold. %s", c.fetchHeaders())
			said["headers"] = "said"
		}
		var err error
		if list, err = c.pause(ctx, list, every); err != nil {
			return list, err
		}
		for _, b := range list {
			err := c.follow(ctx, b)
			switch {
			case ctx.Err() != nil:
				return list, err
			case errors.Is(err, anchor.ErrUnreachable), errors.Is(err, anchor.ErrSyncing):
				if said[""] != err.Error() {
					c.ui.note("%v: still waiting", err)
					said[""] = err.Error()
				}
			case err != nil:
				return list, err
			}
		}
	}
	return list, nil
}

// pause lets go of the home for a while and reads the batches again.
func (c *carrier) pause(ctx context.Context, list []*batch.Batch, d time.Duration) ([]*batch.Batch, error) {
	c.release()
	c.release = func() {}
	select {
	case <-ctx.Done():
		return list, ctx.Err()
	case <-time.After(d):
	}
	if err := c.hold(ctx); err != nil {
		c.release = func() {}
		return list, err
	}
	c.synced, c.rewrite, c.dead = false, false, nil
	again := make([]*batch.Batch, len(list))
	for i, b := range list {
		var err error
		if again[i], err = pickBatch(c.batches, b.ID); err != nil {
			return list, err
		}
	}
	return again, nil
}

// whereabouts says where the transaction of a batch is.
func (a *app) whereabouts(b *batch.Batch) string {
	switch {
	case b.State() < batch.Requested:
		return "there is no transaction yet"
	case !hasTransaction(b):
		return a.calendarsWhereabouts(b)
	case isUnsigned(b):
		return "the transaction waits for its signature"
	case b.Attestation == nil && b.IsOpen():
		return "the transaction is in no block yet, and a newer version of it waits for its signature"
	case b.Attestation == nil:
		return "the transaction was sent and is in no block yet"
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
	if b.Attestation == nil && b.Timestamp == nil {
		return 0
	}
	chain, err := headers.Open(a.home.headerFile(b.Network), b.Network)
	if err != nil {
		return 0
	}
	defer chain.Close()
	if b.Attestation != nil {
		return depth(chain, b.Attestation)
	}
	if b.Timestamp.Height > chain.Height() {
		return 0
	}
	return chain.Height() - b.Timestamp.Height + 1
}

// calendarsWhereabouts says how far calendars have come with a batch that has no
// transaction of its own.
func (a *app) calendarsWhereabouts(b *batch.Batch) string {
	if b.Timestamp == nil {
		return "calendars have promised to anchor it, and it is in no block yet that is known here"
	}
	if n := a.confirmationsOf(b); n > 0 {
		return fmt.Sprintf("a calendar has it in block %d, %s", b.Timestamp.Height, count(n, "confirmation"))
	}
	return fmt.Sprintf("a calendar had it in block %d, which the header chain does not have", b.Timestamp.Height)
}

// adviseSigned warns of batches of the network that were signed, and sent nowhere:
// nothing but the anchor command goes on with them.
func (c *carrier) adviseSigned(others bool) {
	for _, b := range c.batches {
		if others && b.Network == c.network && b.State() == batch.Signed {
			c.ui.warn("batch %s is signed, and in no block nor promised one: the anchor command that made it finishes it", b.ID)
		}
	}
}

func (c *carrier) reportUpgrade(list []*batch.Batch) error {
	c.adviseCalendars()
	if c.ui.json {
		return c.showAllJSON(list)
	}
	waiting := 0
	for _, b := range list {
		if b.State() == batch.Complete {
			continue
		}
		waiting++
		where := c.whereabouts(b)
		height, isBeyond := c.beyond[b.ID]
		if isBeyond {
			where = fmt.Sprintf("a calendar says that it is in block %d, which the header chain here does not hold", height)
		}
		c.ui.result("batch %s: %s", b.ID, where)
		for _, line := range c.news[b.ID] {
			c.ui.note("  %s", line)
		}
		if b.IsOpen() && c.money.psbtOut != "" {
			c.ui.result("Wrote %s", shown(c.money.psbtOut))
			c.ui.note("%s", askSigner(c.money.psbtOut, b.Network))
		} else if !isBeyond {
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
		if b.Network != c.network && b.State() != batch.Complete && b.State() >= batch.Requested {
			c.ui.note("Batch %s is for %s: gradseal upgrade --network %s", b.ID, b.Network, b.Network)
		}
	}
	return nil
}

package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"gradseal/anchor"
	"gradseal/batch"
	"gradseal/bitcoin"
)

type bumpOptions struct {
	node      nodeOptions
	money     moneyOptions
	otherCoin bool
}

func (a *app) newBumpCommand() *cobra.Command {
	var o bumpOptions
	cmd := &cobra.Command{
		Use:   "bump BATCH",
		Short: "Raise the fee of a transaction that no block takes",
		Long: `Makes a transaction for the same batch from the same coin that pays a higher fee
(BIP 125), and sends it. At most one of the two can be in a block, and whichever
is, the proofs carry: nothing else changes. The difference in fees comes out of
the change.

--other-coin is for a coin that somebody else's transaction has spent, so that
no version of the batch's own can be in a block any more: it takes another one.`,
		Example: `  gradseal bump 20261122-10b7b705 --fee-rate 12
  gradseal bump 20261122-10b7b705 --via bitcoind

Exit codes: 0 sent, or written for the signer; 1 an error: the same command again
goes on.`,
		Args: needOneBatch,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runBump(cmd.Context(), o, args[0]) },
	}
	cmd.Flags().BoolVar(&o.otherCoin, "other-coin", false, "the coin was spent elsewhere: take another one")
	o.node.addFlags(cmd)
	o.money.addFlags(cmd)
	return cmd
}

func needOneBatch(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return hinted(fmt.Errorf("%d batches were named, want 1", len(args)), "list them with: gradseal batches")
	}
	return nil
}

func (a *app) runBump(ctx context.Context, o bumpOptions, id string) error {
	if err := o.money.check(); err != nil {
		return err
	}
	if _, err := a.findBatch(id); err != nil { // before there is a lock, and so a home
		return err
	}
	c := &carrier{app: a, money: o.money}
	if err := c.hold(ctx); err != nil {
		return err
	}
	defer func() { c.release() }()
	b, err := pickBatch(c.batches, id)
	if err != nil {
		return err
	}
	c.network, c.confirmations = b.Network, finalDepth(b.Network, a.cfg.Anchor.Confirmations)
	if err := c.bump(ctx, b, o); err != nil {
		return remedied(err)
	}
	return c.reportUpgrade([]*batch.Batch{b})
}

func (c *carrier) bump(ctx context.Context, b *batch.Batch, o bumpOptions) (err error) {
	if err := c.recordSteps(b, true); err != nil {
		return err
	}
	if way, err := o.node.way(c.network); err != nil {
		return err
	} else if way == viaCalendars {
		return hinted(errors.New("calendars make transactions of their own, of which they raise the fee themselves"), "name the node that the batch's transaction was sent to: --via bitcoind, btcd or esplora")
	} else if way == viaEmbedded {
		return errors.New("the embedded node puts every transaction into a block at once: there is nothing to bump")
	}
	if len(b.Requests) == 0 {
		return hinted(fmt.Errorf("batch %s has no transaction yet: it is %s", b.ID, b.State()), "%s", nextStep(b))
	}
	done, err := c.open(ctx, o.node)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	// It may be in a block by now.
	if found, err := c.attest(ctx, b); err != nil || found != nil {
		if err == nil {
			err = hinted(fmt.Errorf("the transaction of batch %s is in block %d: there is nothing to bump", b.ID, found.Height), "run: gradseal upgrade %s", b.ID)
		}
		return err
	}
	var next *anchor.Request
	if o.otherCoin {
		next, err = c.fromOtherCoin(ctx, b)
	} else {
		next, err = c.replacement(ctx, b)
	}
	if err != nil || next == nil {
		return err
	}
	// An interrupted run may have stored the same.
	index, err := versionOf(b, next)
	if err == nil && index < 0 {
		index = len(b.Requests)
		err = save(b, next)
	}
	if err != nil {
		return err
	}
	if b.Transactions[index] == nil {
		if err := c.signVersion(ctx, b, index); err != nil {
			return err
		}
	}
	raw := b.Transactions[index]
	if raw == nil { // somebody else signs it
		return nil
	}
	// Asked for by itself: follow would be content with an earlier version.
	if err := c.backend.Submit(ctx, raw); err != nil {
		if adopted, adoptErr := c.adopt(ctx, b, err); adoptErr != nil || !adopted {
			return errors.Join(adoptErr, fmt.Errorf("batch %s: the new version is stored, and was not taken: %w", b.ID, err))
		}
	}
	return c.follow(ctx, b)
}

// versionOf is the index of the stored request for the same transaction, -1
// where there is none.
func versionOf(b *batch.Batch, of *anchor.Request) (int, error) {
	for i := range b.Requests {
		request, err := requestOf(b, i)
		if err != nil {
			return 0, err
		}
		if request.ID() == of.ID() {
			return i, nil
		}
	}
	return -1, nil
}

// replacement is the next version of a batch's transaction, from the same coins:
// for more than the newest that is signed pays, or for another fee where none is.
// A version that waits for its signature is gone on with, unless another rate is
// asked for.
func (c *carrier) replacement(ctx context.Context, b *batch.Batch) (*anchor.Request, error) {
	given, err := c.money.rate()
	if err != nil {
		return nil, err
	}
	newest, err := requestOf(b, len(b.Requests)-1)
	if err != nil {
		return nil, err
	}
	if err := c.sameInputs(b, newest); err != nil {
		return nil, err
	}
	signed := b.Newest()
	switch {
	case given == 0 && b.IsOpen() && signed >= 0:
		return newest, nil
	case signed < 0 && given == 0:
		rate, err := c.feeRate(ctx)
		if err != nil {
			return nil, err
		}
		return newest.WithRate(rate, c.money.maxFee)
	case signed < 0:
		return newest.WithRate(given, c.money.maxFee)
	}
	base, err := requestOf(b, signed)
	if err != nil {
		return nil, err
	}
	rate := given
	if rate == 0 {
		if rate, err = c.feeRate(ctx); err != nil {
			return nil, err
		}
		rate = max(rate, base.Rate()+anchor.SatPerVByte) // what is asked for is more
	}
	return base.Bump(rate, c.money.maxFee)
}

// fromOtherCoin is a version that does not share a coin with the others, and so
// could be in a block beside them. It is made only where none of them can be in
// one any more: of each, signed or not, a coin is spent by a transaction that is
// deep in this home's header chain. It is nil, and no error, where that turns out
// to commit to the batch root itself.
func (c *carrier) fromOtherCoin(ctx context.Context, b *batch.Batch) (*anchor.Request, error) {
	for i := range b.Requests {
		request, err := requestOf(b, i)
		if err != nil {
			return nil, err
		}
		dead := false
		for _, coin := range request.Coins() {
			spent, err := c.node.Spent(ctx, coin.OutPoint, notBelow(b))
			switch {
			case errors.Is(err, anchor.ErrNoCoin) && c.network.IsTest():
				dead = true // a node there may have forgotten everything
			case err != nil:
				return nil, fmt.Errorf("batch %s: %w", b.ID, err)
			case spent == nil:
			default:
				adopted, err := c.adopt(ctx, b, spent)
				if err == nil && adopted {
					return nil, c.follow(ctx, b)
				}
				if err == nil {
					err = c.isDeep(ctx, b, spent)
				}
				if err != nil {
					return nil, err
				}
				dead = true
			}
		}
		if !dead {
			next := "raise its fee without --other-coin"
			if b.Transactions[i] == nil {
				next = "have it signed, or replace it by one with another fee, without --other-coin"
			}
			return nil, hinted(fmt.Errorf("batch %s: its coin is not spent, and so transaction %s can still be in a block", b.ID, request.ID()), "%s", next)
		}
	}
	order, err := c.order(ctx, b)
	if err != nil {
		return nil, err
	}
	return c.backend.Fund(ctx, order)
}

// isDeep fails unless the transaction that spent the batch's coin is so deep in
// this home's header chain that a proof could be made of it.
func (c *carrier) isDeep(ctx context.Context, b *batch.Batch, spent *anchor.SpentError) error {
	wait := func(format string, args ...any) error {
		return hinted(fmt.Errorf("batch %s: its coin is spent by transaction %s, which %s", b.ID, spent.By, fmt.Sprintf(format, args...)),
			"wait, and run the same command again: if that transaction is dropped, the batch's own can still be in a block")
	}
	stripped, err := c.spender(ctx, spent)
	if err != nil {
		return err
	}
	tx, err := bitcoin.ParseTransaction(stripped)
	if err != nil {
		return fmt.Errorf("batch %s: transaction %s: %w", b.ID, spent.By, err)
	}
	if tx.ID() != spent.By || !slices.Contains(tx.Inputs(), bitcoin.OutPoint{ID: bitcoin.Hash(spent.Input.Hash), Index: spent.Input.Index}) {
		return fmt.Errorf("batch %s: the node is wrong: transaction %s does not spend %s", b.ID, spent.By, spent.Input)
	}
	a, err := c.node.Attest(ctx, stripped, notBelow(b))
	if err != nil {
		return err
	}
	if a == nil {
		return wait("is in no block yet")
	}
	if err := c.syncHeaders(ctx); err != nil {
		return err
	}
	chain, err := c.openHeaders(c.network)
	if err != nil {
		return err
	}
	defer chain.Close()
	if n := depth(chain, a); n < c.confirmations {
		return wait("has %d of %d confirmations", n, c.confirmations)
	}
	return nil
}

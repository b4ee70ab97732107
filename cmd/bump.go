package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gradseal/anchor"
	"gradseal/batch"
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
no version of the batch's own can be in a block: it takes another one.`,
		Example: `  gradseal bump 20261122-10b7b705 --fee-rate 12
  gradseal bump 20261122-10b7b705 --network testnet4 --via bitcoind

Exit codes: 0 sent, or written for the signer; 1 an error, and the batch is as it was.`,
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
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	c := &carrier{app: a, money: o.money}
	if c.batches, err = a.home.batches().List(); err != nil {
		return err
	}
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
	if way, err := o.node.way(c.network); err != nil {
		return err
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
	request, err := c.replacement(ctx, b, o)
	if err != nil {
		return err
	}
	// What waits for a signature is replaced too: nobody has sent it from here.
	if err := c.save(ctx, b, request); err != nil {
		return err
	}
	if err := c.signRequest(ctx, b); err != nil || b.OpenRequest() != nil {
		return err
	}
	return c.follow(ctx, b)
}

// replacement is the request for the next version of a batch's transaction.
func (c *carrier) replacement(ctx context.Context, b *batch.Batch, o bumpOptions) (*anchor.Request, error) {
	if o.otherCoin {
		err := c.submit(ctx, b)
		if err == nil {
			return nil, hinted(fmt.Errorf("batch %s: its coin is not spent: its transaction is on its way", b.ID), "raise its fee without --other-coin")
		}
		if !errors.Is(err, anchor.ErrSpent) && !errors.Is(err, anchor.ErrNoCoin) {
			return nil, err
		}
		order, err := c.order(ctx, b)
		if err != nil {
			return nil, err
		}
		return c.backend.Fund(ctx, order)
	}
	last, err := anchor.ParseRequest(b.Requests[len(b.Requests)-1])
	if err != nil {
		return nil, fmt.Errorf("batch %s: %w", b.ID, err)
	}
	rate, err := c.feeRate(ctx)
	if err != nil {
		return nil, err
	}
	if given, _ := c.money.rate(); given == 0 {
		rate = max(rate, last.Rate()+anchor.SatPerVByte) // what is asked for is more
	}
	return last.Bump(rate, c.money.maxFee)
}

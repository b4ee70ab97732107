package jsonrpc

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/anchor"
	"gradseal/bitcoin"
)

// maxFeeRate is above what nodes take for a mistake by default, in bitcoin per
// 1,000 virtual bytes. btcd wants it said.
const maxFeeRate = 0.1

// Submit has the node judge the signed transaction and sends it. Where the
// node refuses, it is asked what has become of the inputs: no error if the
// transaction itself waits or is in a block; an *anchor.SpentError if another one
// is known to spend an input.
func (c *Chain) Submit(ctx context.Context, raw []byte) error {
	tx, err := anchor.Parse(raw)
	if err != nil {
		return err
	}
	text := hex.EncodeToString(raw)
	var verdicts []struct {
		Allowed bool   `json:"allowed"`
		Reason  string `json:"reject-reason"`
	}
	if err := c.Call(ctx, &verdicts, "testmempoolaccept", []string{text}, maxFeeRate); err != nil {
		return err
	}
	if len(verdicts) != 1 {
		return fmt.Errorf("testmempoolaccept: %d verdicts, want 1", len(verdicts))
	}
	id := bitcoin.Hash(tx.TxHash())
	if !verdicts[0].Allowed {
		return c.refused(ctx, tx, text, fmt.Errorf("the node refuses transaction %s: %q", id, shorten(verdicts[0].Reason)))
	}
	return c.send(ctx, tx, text)
}

func (c *Chain) send(ctx context.Context, tx *wire.MsgTx, text string) error {
	var got string
	err := c.Call(ctx, &got, "sendrawtransaction", text)
	if HasAnyCode(err) {
		return c.refused(ctx, tx, "", fmt.Errorf("the node refuses transaction %s: %w", tx.TxHash(), err))
	}
	if err != nil {
		return err
	}
	if want := tx.TxHash().String(); got != want {
		return fmt.Errorf("the node sent transaction %s, want %s", shorten(got), want)
	}
	return nil
}

// refused finds out why the node refused a transaction. text, unless empty, is
// sent again if it waits already: the node tells others of it then.
func (c *Chain) refused(ctx context.Context, tx *wire.MsgTx, text string, reason error) error {
	id := bitcoin.Hash(tx.TxHash())
	var gone []wire.OutPoint
	for _, in := range tx.TxIn {
		spender, ok, err := c.Spender(ctx, in.PreviousOutPoint)
		switch {
		case err != nil:
			return err
		case ok && spender != id:
			return fmt.Errorf("%w: %w", &anchor.SpentError{Input: in.PreviousOutPoint, By: spender, Waits: true}, reason)
		case ok && text != "":
			err := c.Call(ctx, nil, "sendrawtransaction", text)
			if HasAnyCode(err) {
				return nil
			}
			return err
		case ok:
			return nil
		}
		out, err := c.Unspent(ctx, in.PreviousOutPoint)
		if err != nil {
			return err
		}
		if out == nil {
			gone = append(gone, in.PreviousOutPoint)
		}
	}
	if len(gone) == 0 {
		return reason
	}
	// Looked for after the inputs: what had spent them then is found now.
	return c.explain(ctx, tx, gone[0], reason)
}

// explain says why an input is not in the chain any more, or not yet.
func (c *Chain) explain(ctx context.Context, tx *wire.MsgTx, input wire.OutPoint, reason error) error {
	found, err := c.find(ctx, tx)
	if err != nil {
		return err
	}
	if found.block != nil || found.waits {
		return nil
	}
	if found.covered {
		created, err := c.lookUp(ctx, bitcoin.Hash(input.Hash))
		if err != nil {
			return err
		}
		if created.block != nil {
			return &anchor.SpentError{Input: input}
		}
		return fmt.Errorf("%w %s: %w", anchor.ErrNoCoin, input, reason)
	}
	return &anchor.Remedy{
		Err: fmt.Errorf("the node has no unspent output %s, and no index to tell by which transaction it was spent: %w", input, reason),
		Text: fmt.Sprintf("start %s with %stxindex, or look with another node; nothing is lost meanwhile",
			c.Program, c.Dashes),
	}
}

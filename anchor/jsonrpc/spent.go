package jsonrpc

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/anchor"
	"gradseal/bitcoin"
)

// Spent says which transaction spends a coin. No index of these programs tells
// it of a confirmed one, so the blocks from since on are looked through.
func (c *Chain) Spent(ctx context.Context, coin wire.OutPoint, since uint32) (*anchor.SpentError, error) {
	id, ok, err := c.Spender(ctx, coin)
	if err != nil {
		return nil, err
	}
	if ok {
		return &anchor.SpentError{Input: coin, By: id, Waits: true}, nil
	}
	out, err := c.Unspent(ctx, coin)
	if err != nil || out != nil {
		return nil, err
	}
	for height := int64(since); ; height++ {
		hash, err := c.BlockHash(ctx, height)
		if errors.Is(err, anchor.ErrUnknownBlock) {
			return nil, fmt.Errorf("%w %s", anchor.ErrNoCoin, coin)
		}
		if err != nil {
			return nil, err
		}
		spent, err := c.spentIn(ctx, hash, coin)
		if spent != nil || err != nil {
			return spent, err
		}
	}
}

// spentIn looks for the spender of a coin in a block.
func (c *Chain) spentIn(ctx context.Context, hash bitcoin.Hash, coin wire.OutPoint) (*anchor.SpentError, error) {
	var text string
	err := c.Call(ctx, &text, "getblock", hash.String(), 0)
	if HasCode(err, CodeMisc, CodeNotFound) {
		return nil, c.missingBlock(ctx, hash, err)
	}
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("getblock: block %s: %w", hash, err)
	}
	var block wire.MsgBlock
	if err := block.Deserialize(bytes.NewReader(raw)); err != nil {
		return nil, fmt.Errorf("getblock: block %s: %w", hash, err)
	}
	for _, tx := range block.Transactions {
		for _, in := range tx.TxIn {
			if in.PreviousOutPoint == coin {
				stripped, err := anchor.Stripped(tx)
				return &anchor.SpentError{Input: coin, By: bitcoin.Hash(tx.TxHash()), Tx: stripped}, err
			}
		}
	}
	return nil, nil
}

package jsonrpc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/anchor"
	"gradseal/bitcoin"
	"gradseal/proof"
)

// place is where a node has a transaction.
type place struct {
	block *bitcoin.Hash // of the best chain
	waits bool          // in the mempool

	// covered says that an index of all blocks was asked, so that a transaction
	// that was not found is in none. Otherwise indexed is the height up to which
	// one was, or -1.
	covered bool
	indexed int64
}

// Attest returns the evidence that the transaction is in a block of the best
// chain. A node without an index of transactions is asked for the unspent
// outputs of the transaction, then for each block from the height since.
func (c *Chain) Attest(ctx context.Context, raw []byte, since uint32) (*proof.Bitcoin, error) {
	tx, _, err := anchor.ParseEvidence(raw)
	if err != nil {
		return nil, err
	}
	for range attempts {
		evidence, err := c.attest(ctx, tx, int64(since))
		if !errors.Is(err, errMoved) {
			return evidence, err
		}
	}
	return nil, fmt.Errorf("transaction %s: %w, %d times", tx.TxHash(), errMoved, attempts)
}

func (c *Chain) attest(ctx context.Context, tx *wire.MsgTx, since int64) (*proof.Bitcoin, error) {
	found, err := c.find(ctx, tx)
	if err != nil {
		return nil, err
	}
	switch {
	case found.block != nil:
		return c.evidence(ctx, tx, *found.block)
	case found.waits || found.covered:
		return nil, nil
	}
	return c.scan(ctx, tx, max(since, found.indexed+1))
}

// find looks for a transaction in the mempool, the index and the unspent
// outputs.
func (c *Chain) find(ctx context.Context, tx *wire.MsgTx) (place, error) {
	found, err := c.lookUp(ctx, bitcoin.Hash(tx.TxHash()))
	if err != nil || found.block != nil || found.waits || found.covered {
		return found, err
	}
	found.block, err = c.byOutput(ctx, tx)
	return found, err
}

// lookUp asks for a transaction by its id.
func (c *Chain) lookUp(ctx context.Context, id bitcoin.Hash) (place, error) {
	var answer struct {
		Block         string `json:"blockhash"`
		Confirmations int64  `json:"confirmations"`
	}
	err := c.Call(ctx, &answer, "getrawtransaction", id.String(), 1)
	switch {
	case HasCode(err, CodeNotFound):
		return c.index(ctx, err)
	case err != nil:
		return place{}, err
	case answer.Block == "":
		return place{waits: true}, nil
	case answer.Confirmations < 1:
		// Bitcoin Core's index keeps what was in blocks that it left. What it
		// holds of them may be newer in the best chain: ask as if it had nothing.
		return c.index(ctx, nil)
	}
	block, err := bitcoin.ParseHash(answer.Block)
	if err != nil {
		return place{}, err
	}
	return place{block: &block}, nil
}

// index says how far the index goes that does not have a transaction; notFound
// is how the node said so.
func (c *Chain) index(ctx context.Context, notFound error) (place, error) {
	// Bitcoin Core's index follows its chain at some distance.
	var indexes map[string]struct {
		Height int64 `json:"best_block_height"`
	}
	err := c.Call(ctx, &indexes, "getindexinfo", "txindex")
	if HasCode(err, CodeNoMethod) {
		// btcd's is as new as its chain, and the error says where there is none.
		none := notFound != nil && strings.Contains(notFound.Error(), "--txindex")
		return place{covered: !none, indexed: -1}, nil
	}
	if err != nil {
		return place{}, err
	}
	index, ok := indexes["txindex"]
	if !ok {
		return place{indexed: -1}, nil
	}
	height, err := c.Height(ctx)
	if err != nil {
		return place{}, err
	}
	return place{covered: index.Height >= height, indexed: index.Height}, nil
}

// byOutput finds the block of a transaction by an output of it that is unspent:
// nil where there is none.
func (c *Chain) byOutput(ctx context.Context, tx *wire.MsgTx) (*bitcoin.Hash, error) {
	id := tx.TxHash()
	for i, made := range tx.TxOut {
		if txscript.IsUnspendable(made.PkScript) {
			continue // such as the commitment
		}
		out, err := c.Unspent(ctx, wire.OutPoint{Hash: id, Index: uint32(i)})
		if err != nil {
			return nil, err
		}
		if out == nil || out.Confirmations < 1 {
			continue
		}
		best, err := bitcoin.ParseHash(out.BestBlock)
		if err != nil {
			return nil, err
		}
		tip, err := c.block(ctx, best)
		if err != nil {
			return nil, err
		}
		block, err := c.BlockHash(ctx, tip.Height-out.Confirmations+1)
		if err != nil {
			return nil, err
		}
		return &block, nil
	}
	return nil, nil
}

// scan looks into each block from a height to the tip.
func (c *Chain) scan(ctx context.Context, tx *wire.MsgTx, from int64) (*proof.Bitcoin, error) {
	id := tx.TxHash().String()
	for height := from; ; height++ {
		hash, err := c.BlockHash(ctx, height)
		if errors.Is(err, anchor.ErrUnknownBlock) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		b, err := c.block(ctx, hash)
		if err != nil {
			return nil, err
		}
		if slices.Contains(b.IDs, id) {
			return c.evidence(ctx, tx, hash)
		}
	}
}

// block is what getblock answers of a block.
type block struct {
	Height int64    `json:"height"`
	IDs    []string `json:"tx"`
}

func (c *Chain) block(ctx context.Context, hash bitcoin.Hash) (*block, error) {
	var b block
	err := c.Call(ctx, &b, "getblock", hash.String(), 1)
	if HasCode(err, CodeMisc, CodeNotFound) {
		return nil, c.missingBlock(ctx, hash, err)
	}
	return &b, err
}

// missingBlock is the error of a block that the node has a header of.
func (c *Chain) missingBlock(ctx context.Context, hash bitcoin.Hash, cause error) error {
	var info struct {
		Pruned bool  `json:"pruned"`
		Height int64 `json:"pruneheight"`
	}
	if err := c.Call(ctx, &info, "getblockchaininfo"); err != nil {
		return err
	}
	if !info.Pruned {
		return fmt.Errorf("block %s: %w", hash, cause)
	}
	return &anchor.Remedy{
		Err:  fmt.Errorf("%w %s: %w", anchor.ErrPruned, hash, cause),
		Text: "upgrade with a node that has all blocks, or with --via esplora: the transaction is not lost",
	}
}

// evidence is what a proof carries of a transaction in a block, checked as a
// verifier checks it.
func (c *Chain) evidence(ctx context.Context, tx *wire.MsgTx, hash bitcoin.Hash) (*proof.Bitcoin, error) {
	b, err := c.block(ctx, hash)
	if err != nil {
		return nil, err
	}
	header, err := c.Header(ctx, hash)
	if err != nil {
		return nil, err
	}
	evidence, err := prove(tx, header, b)
	if err != nil {
		return nil, fmt.Errorf("transaction %s in block %s: %w", tx.TxHash(), hash, err)
	}
	at, err := c.BlockHash(ctx, b.Height)
	if err != nil && !errors.Is(err, anchor.ErrUnknownBlock) {
		return nil, err
	}
	if at != hash {
		return nil, errMoved
	}
	return evidence, nil
}

// prove makes the evidence from a block's header and the ids in it.
func prove(tx *wire.MsgTx, header bitcoin.Header, b *block) (*proof.Bitcoin, error) {
	if b.Height < 0 || b.Height > 1<<32-1 {
		return nil, fmt.Errorf("invalid height %d", b.Height)
	}
	id := tx.TxHash()
	position := slices.Index(b.IDs, id.String())
	if position < 0 {
		return nil, errMoved
	}
	ids := make([]bitcoin.Hash, len(b.IDs))
	for i, text := range b.IDs {
		var err error
		if ids[i], err = bitcoin.ParseHash(text); err != nil {
			return nil, err
		}
	}
	path, err := bitcoin.InclusionPath(ids, uint32(position))
	if err != nil {
		return nil, err
	}
	stripped, err := anchor.Stripped(tx)
	if err != nil {
		return nil, err
	}
	if err := header.CheckWork(); err != nil {
		return nil, err
	}
	if err := bitcoin.VerifyInclusion(bitcoin.Hash(id), uint32(position), path, header.MerkleRoot()); err != nil {
		return nil, err
	}
	return &proof.Bitcoin{
		Transaction: stripped,
		Position:    uint32(position),
		Path:        path,
		Header:      header,
		Height:      uint32(b.Height),
	}, nil
}

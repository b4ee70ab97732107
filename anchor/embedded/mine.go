package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/mining"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/bitcoin"
	"gradseal/headers"
)

// firstBlocks is how many blocks the node mines when it has no coin at all.
// Two coinbases can be spent after it.
const firstBlocks = maturity + 1

// spacing is the time between the blocks of a group: the first use of a node
// starts ten minutes back, so that its chain ends at the clock and not ahead.
const spacing = 6 * time.Second

// earliest is the least time of a block. From 2012-04-01 on scripts are judged
// by BIP 16, on which the witness rules build; a clock that was never set must
// not make blocks without them.
var earliest = time.Date(2013, 1, 1, 0, 0, 0, 0, time.UTC)

// payment is a transaction for the next block and the fee it pays, in satoshi.
type payment struct {
	tx  *btcutil.Tx
	fee int64
}

// mine adds count blocks to the chain, the first of them with the payment if
// there is one, and stores them. Blocks that were mined before ctx ended are
// stored too.
func (n *Node) mine(ctx context.Context, count int, p *payment) error {
	blocks, err := n.grow(ctx, count, p)
	if len(blocks) == 0 {
		return err
	}
	if n.failed = n.store(blocks); n.failed != nil {
		return n.failed
	}
	return err
}

// grow adds count blocks to the chain in memory. With an error it returns the
// blocks that it did add.
//
// Blocks are put together here and not by btcd's template generator. That one
// takes transactions from a pool, leaves out without a word those that it finds
// invalid, and dates every block by the clock; here an invalid transaction is
// an error with its reason, and the first blocks are dated back.
func (n *Node) grow(ctx context.Context, count int, p *payment) ([]*btcutil.Block, error) {
	var blocks []*btcutil.Block
	for left := count; left > 0; left-- {
		at := n.now().Add(-time.Duration(left-1) * spacing)
		block, err := n.next(ctx, at, p)
		if err != nil {
			return blocks, err
		}
		if err := n.chain.process(block); err != nil {
			return blocks, err
		}
		blocks, p = append(blocks, block), nil
	}
	return blocks, nil
}

// store writes blocks that the chain has accepted to the block file, then
// their headers to the header file. The header file never is ahead.
func (n *Node) store(blocks []*btcutil.Block) error {
	raws := make([][]byte, len(blocks))
	hs := make([]bitcoin.Header, len(blocks))
	for i, block := range blocks {
		raw, err := block.Bytes()
		if err != nil {
			return err
		}
		raws[i], hs[i] = raw, bitcoin.Header(raw[:bitcoin.HeaderSize])
	}
	if err := n.log.append(raws); err != nil {
		return err
	}
	from := uint32(n.ledger.height + 1)
	for _, block := range blocks {
		n.ledger.add(block)
	}
	return headers.Extend(n.headerFile, bitcoin.Regtest, from, hs)
}

// next is a solved block that follows the tip.
func (n *Node) next(ctx context.Context, at time.Time, p *payment) (*btcutil.Block, error) {
	best := n.chain.BestSnapshot()
	txs, err := n.transactions(best.Height+1, p)
	if err != nil {
		return nil, err
	}
	version, err := n.chain.CalcNextBlockVersion()
	if err != nil {
		return nil, err
	}
	at = blockTime(at, best.MedianTime)
	bits, err := n.chain.CalcNextRequiredDifficulty(at)
	if err != nil {
		return nil, err
	}
	block := wire.NewMsgBlock(&wire.BlockHeader{
		Version:    version,
		PrevBlock:  best.Hash,
		MerkleRoot: blockchain.CalcMerkleRoot(txs, false),
		Timestamp:  at,
		Bits:       bits,
	})
	for _, tx := range txs {
		if err := block.AddTransaction(tx.MsgTx()); err != nil {
			return nil, err
		}
	}
	return solve(ctx, block)
}

// blockTime is the time of a block, in whole seconds: at, unless the rules ask
// for more than the median of the 11 blocks before.
func blockTime(at, median time.Time) time.Time {
	at = at.Truncate(time.Second)
	for _, least := range []time.Time{earliest, median.Add(time.Second)} {
		if at.Before(least) {
			at = least
		}
	}
	return at
}

// transactions is the content of a block: the coinbase, and the payment where
// there is one.
func (n *Node) transactions(height int32, p *payment) ([]*btcutil.Tx, error) {
	// BIP 34 puts the height first. A coinbase script is at least two bytes
	// long, and the heights up to 16 take one.
	script, err := txscript.NewScriptBuilder().AddInt64(int64(height)).AddInt64(0).Script()
	if err != nil {
		return nil, err
	}
	msg := wire.NewMsgTx(wire.TxVersion)
	msg.AddTxIn(&wire.TxIn{
		PreviousOutPoint: wire.OutPoint{Index: wire.MaxPrevOutIndex},
		SignatureScript:  script,
		Sequence:         wire.MaxTxInSequenceNum,
	})
	value := blockchain.CalcBlockSubsidy(height, n.chain.ChainParams())
	if p != nil {
		value += p.fee
	}
	msg.AddTxOut(wire.NewTxOut(value, n.script))
	txs := []*btcutil.Tx{btcutil.NewTx(msg)}
	if p != nil {
		txs = append(txs, p.tx)
		mining.AddWitnessCommitment(txs[0], txs) // BIP 141
	}
	return txs, nil
}

// solve looks for the nonce, which takes two attempts on regtest.
func solve(ctx context.Context, block *wire.MsgBlock) (*btcutil.Block, error) {
	target := blockchain.CompactToBig(block.Header.Bits)
	for nonce := range uint64(math.MaxUint32) {
		if nonce%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		block.Header.Nonce = uint32(nonce)
		hash := block.Header.BlockHash()
		if blockchain.HashToBig(&hash).Cmp(target) <= 0 {
			var raw bytes.Buffer
			if err := block.Serialize(&raw); err != nil {
				return nil, err
			}
			return btcutil.NewBlockFromBlockAndBytes(block, raw.Bytes()), nil
		}
	}
	return nil, errors.New("no nonce solves the block")
}

// makeMature mines until there is a coin to spend that is not reserved.
func (n *Node) makeMature(ctx context.Context, reserved map[wire.OutPoint]bool) error {
	count, ok := n.ledger.untilMature(reserved)
	if !ok {
		if blockchain.CalcBlockSubsidy(n.ledger.height+1, n.chain.ChainParams()) < minCoin {
			return fmt.Errorf("no coin is left at height %d, and new blocks bring none: move %s and %s away to start a new chain", n.ledger.height, n.dir, n.headerFile)
		}
		count = firstBlocks
	}
	return n.mine(ctx, count, nil)
}

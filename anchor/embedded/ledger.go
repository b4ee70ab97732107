package embedded

import (
	"bytes"
	"cmp"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/anchor"
)

// maturity is the number of blocks after which a coinbase can be spent: by a
// block that is that much higher than its own.
const maturity = 100

// minCoin is the least value in satoshi of a coin that the ledger keeps. Any
// such coin alone pays for a transaction with a change output (157 virtual
// bytes at 1 sat/vB and a dust limit of 294). What is smaller are the fees that
// coinbases collect once the subsidy has halved away.
const minCoin = 1000

// ledger is what the blocks say about the node's own coins and about where
// transactions are.
type ledger struct {
	script []byte
	height int32
	coins  map[wire.OutPoint]coin           // unspent outputs to script
	spent  map[wire.OutPoint]chainhash.Hash // the transaction that spent it
	places map[chainhash.Hash]place         // of every transaction
}

type coin struct {
	value   int64 // satoshi
	height  int32 // of the block it is in
	matures int32 // the least height of a block that can spend it
}

type place struct {
	height   int32
	position uint32
}

func newLedger(script []byte) *ledger {
	return &ledger{
		script: script,
		coins:  make(map[wire.OutPoint]coin),
		spent:  make(map[wire.OutPoint]chainhash.Hash),
		places: make(map[chainhash.Hash]place),
	}
}

// add accounts for the block that follows.
func (l *ledger) add(block *btcutil.Block) {
	l.height++
	for i, tx := range block.Transactions() {
		l.places[*tx.Hash()] = place{l.height, uint32(i)}
		c := coin{height: l.height, matures: l.height}
		if i == 0 {
			c.matures += maturity
		} else {
			l.spend(tx)
		}
		l.receive(tx, c)
	}
}

func (l *ledger) spend(tx *btcutil.Tx) {
	for _, in := range tx.MsgTx().TxIn {
		delete(l.coins, in.PreviousOutPoint)
		l.spent[in.PreviousOutPoint] = *tx.Hash()
	}
}

func (l *ledger) receive(tx *btcutil.Tx, c coin) {
	for i, out := range tx.MsgTx().TxOut {
		if out.Value >= minCoin && bytes.Equal(out.PkScript, l.script) {
			c.value = out.Value
			l.coins[wire.OutPoint{Hash: *tx.Hash(), Index: uint32(i)}] = c
		}
	}
}

// choose returns the largest coin that the next block can spend; of equal ones
// the oldest.
func (l *ledger) choose(reserved map[wire.OutPoint]bool) (anchor.Coin, bool) {
	var best wire.OutPoint
	found := false
	for outPoint, c := range l.coins {
		if reserved[outPoint] || c.matures > l.height+1 {
			continue
		}
		if !found || l.prefer(outPoint, best) {
			best, found = outPoint, true
		}
	}
	return anchor.Coin{OutPoint: best, Value: l.coins[best].value, Script: l.script}, found
}

func (l *ledger) prefer(a, b wire.OutPoint) bool {
	x, y := l.coins[a], l.coins[b]
	return cmp.Or(
		cmp.Compare(y.value, x.value),
		cmp.Compare(x.height, y.height),
		bytes.Compare(a.Hash[:], b.Hash[:]),
		cmp.Compare(a.Index, b.Index),
	) < 0
}

// untilMature is how many blocks have to follow before the next block can
// spend a coin that it cannot spend yet; false where there is no such coin.
func (l *ledger) untilMature(reserved map[wire.OutPoint]bool) (int, bool) {
	least, found := int32(0), false
	for outPoint, c := range l.coins {
		if wait := c.matures - (l.height + 1); !reserved[outPoint] && wait > 0 && (!found || wait < least) {
			least, found = wait, true
		}
	}
	return int(least), found
}

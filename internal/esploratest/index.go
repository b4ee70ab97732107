package esploratest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/bitcoin"
)

// index is the node's best chain, ordered for look-ups, and all other blocks
// that were in it once.
type index struct {
	node   *node
	blocks map[bitcoin.Hash]*block
	chain  []*block // by height
	places map[bitcoin.Hash]place
	spends map[wire.OutPoint]spend
	funds  map[[sha256.Size]byte][]wire.OutPoint // by the hash of the script, spent or not
	waits  map[bitcoin.Hash]*wire.MsgTx          // in the node's mempool, as of the last look
}

type block struct {
	id     bitcoin.Hash
	header bitcoin.Header
	height int
	raw    []byte
	weight int
	txs    []*wire.MsgTx
	ids    []bitcoin.Hash
}

// place is where the best chain has a transaction.
type place struct {
	block    *block
	position int
}

// spend is the input that spends an output.
type spend struct {
	id    bitcoin.Hash
	input int
}

func newIndex(n *node) *index {
	return &index{
		node:   n,
		blocks: map[bitcoin.Hash]*block{},
		places: map[bitcoin.Hash]place{},
		spends: map[wire.OutPoint]spend{},
		funds:  map[[sha256.Size]byte][]wire.OutPoint{},
	}
}

func (x *index) tip() *block { return x.chain[len(x.chain)-1] }

// best is the block if it is in the best chain, and nil otherwise.
func (x *index) best(id bitcoin.Hash) *block {
	b, ok := x.blocks[id]
	if !ok || b.height >= len(x.chain) || x.chain[b.height] != b {
		return nil
	}
	return b
}

// update follows the node's best chain.
func (x *index) update() error {
	var tip string
	if err := x.node.call(&tip, "getbestblockhash"); err != nil {
		return err
	}
	id, err := bitcoin.ParseHash(tip)
	if err != nil {
		return err
	}
	x.waits = nil
	var missing []*block // tip first
	for x.best(id) == nil && id != (bitcoin.Hash{}) {
		b, err := x.fetch(id)
		if err != nil {
			return err
		}
		missing = append(missing, b)
		id = b.header.Previous()
	}
	fork := -1
	if b := x.best(id); b != nil {
		fork = b.height
	}
	for len(x.chain) > fork+1 {
		x.disconnect()
	}
	for _, b := range slices.Backward(missing) {
		x.connect(b)
	}
	return nil
}

// fetch reads a block from the node, unless it was read before.
func (x *index) fetch(id bitcoin.Hash) (*block, error) {
	if b, ok := x.blocks[id]; ok {
		return b, nil
	}
	var text string
	if err := x.node.call(&text, "getblock", id.String(), 0); err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, err
	}
	var msg wire.MsgBlock
	if err := msg.Deserialize(bytes.NewReader(raw)); err != nil {
		return nil, fmt.Errorf("block %s: %w", id, err)
	}
	b := &block{id: id, header: bitcoin.Header(raw[:bitcoin.HeaderSize]), raw: raw, txs: msg.Transactions}
	b.weight = 3*msg.SerializeSizeStripped() + msg.SerializeSize()
	for _, tx := range b.txs {
		b.ids = append(b.ids, bitcoin.Hash(tx.TxHash()))
	}
	return b, nil
}

func (x *index) connect(b *block) {
	b.height = len(x.chain)
	x.chain = append(x.chain, b)
	x.blocks[b.id] = b
	for i, tx := range b.txs {
		x.places[b.ids[i]] = place{b, i}
		for j, in := range tx.TxIn {
			x.spends[in.PreviousOutPoint] = spend{b.ids[i], j}
		}
		for j, out := range tx.TxOut {
			hash := sha256.Sum256(out.PkScript)
			x.funds[hash] = append(x.funds[hash], wire.OutPoint{Hash: tx.TxHash(), Index: uint32(j)})
		}
	}
}

// disconnect takes the tip out of the best chain.
func (x *index) disconnect() {
	b := x.tip()
	x.chain = x.chain[:len(x.chain)-1]
	for i, tx := range b.txs {
		delete(x.places, b.ids[i])
		for _, in := range tx.TxIn {
			delete(x.spends, in.PreviousOutPoint)
		}
		for j, out := range tx.TxOut {
			hash := sha256.Sum256(out.PkScript)
			gone := wire.OutPoint{Hash: tx.TxHash(), Index: uint32(j)}
			x.funds[hash] = slices.DeleteFunc(x.funds[hash], func(o wire.OutPoint) bool { return o == gone })
		}
	}
}

// waiting are the transactions in the node's mempool, read once a request.
func (x *index) waiting() (map[bitcoin.Hash]*wire.MsgTx, error) {
	if x.waits != nil {
		return x.waits, nil
	}
	var ids []string
	if err := x.node.call(&ids, "getrawmempool", false); err != nil {
		return nil, err
	}
	waits := make(map[bitcoin.Hash]*wire.MsgTx, len(ids))
	for _, text := range ids {
		id, err := bitcoin.ParseHash(text)
		if err != nil {
			return nil, err
		}
		var raw string
		err = x.node.call(&raw, "getrawtransaction", text, 0)
		var gone *rpcError
		if errors.As(err, &gone) {
			continue // a block has it by now, and pushed it out
		}
		if err != nil {
			return nil, err
		}
		b, err := hex.DecodeString(raw)
		if err != nil {
			return nil, err
		}
		tx := new(wire.MsgTx)
		if err := tx.Deserialize(bytes.NewReader(b)); err != nil {
			return nil, err
		}
		waits[id] = tx
	}
	x.waits = waits
	return waits, nil
}

// transaction is nil where there is none with the id.
func (x *index) transaction(id bitcoin.Hash) (*wire.MsgTx, error) {
	if at, ok := x.places[id]; ok {
		return at.block.txs[at.position], nil
	}
	waits, err := x.waiting()
	return waits[id], err
}

func (x *index) status(id bitcoin.Hash) txStatus {
	at, ok := x.places[id]
	if !ok {
		return txStatus{}
	}
	hash, time := at.block.id.String(), at.block.header.Time().Unix()
	return txStatus{Confirmed: true, BlockHeight: &at.block.height, BlockHash: &hash, BlockTime: &time}
}

// spending is what spends an output, in the best chain or waiting.
func (x *index) spending(out wire.OutPoint) (spending, error) {
	by, ok := x.spends[out]
	if !ok {
		waits, err := x.waiting()
		if err != nil {
			return spending{}, err
		}
		by, ok = spenderOf(waits, out)
	}
	if !ok {
		return spending{}, nil
	}
	id, status := by.id.String(), x.status(by.id)
	return spending{Spent: true, TxID: &id, Vin: &by.input, Status: &status}, nil
}

func spenderOf(txs map[bitcoin.Hash]*wire.MsgTx, out wire.OutPoint) (spend, bool) {
	for id, tx := range txs {
		for i, in := range tx.TxIn {
			if in.PreviousOutPoint == out {
				return spend{id, i}, true
			}
		}
	}
	return spend{}, false
}

// coin is an unspent output.
type coin struct {
	TxID   string   `json:"txid"`
	Vout   uint32   `json:"vout"`
	Status txStatus `json:"status"`
	Value  int64    `json:"value"`
}

// unspent are the outputs of a script that nothing spends, neither in the best
// chain nor waiting, and those of transactions that wait.
func (x *index) unspent(hash [sha256.Size]byte) ([]coin, error) {
	waits, err := x.waiting()
	if err != nil {
		return nil, err
	}
	outs := slices.Clone(x.funds[hash])
	for _, tx := range waits {
		for i, out := range tx.TxOut {
			if sha256.Sum256(out.PkScript) == hash {
				outs = append(outs, wire.OutPoint{Hash: tx.TxHash(), Index: uint32(i)})
			}
		}
	}
	coins := []coin{}
	for _, out := range outs {
		spent, err := x.spending(out)
		if err != nil {
			return nil, err
		}
		if spent.Spent {
			continue
		}
		id := bitcoin.Hash(out.Hash)
		tx, err := x.transaction(id)
		if err != nil {
			return nil, err
		}
		coins = append(coins, coin{id.String(), out.Index, x.status(id), tx.TxOut[out.Index].Value})
	}
	return coins, nil
}

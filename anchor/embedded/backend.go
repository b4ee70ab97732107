package embedded

import (
	"context"
	"fmt"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/anchor"
	"gradseal/bitcoin"
	"gradseal/proof"
)

// feeRate is what anchors pay. The node mines them at any rate, and the fee
// returns with the coinbase.
const feeRate = anchor.SatPerVByte

// Estimate returns what an anchor measures and costs, without opening a node:
// it spends one coin of the first blocks' 50 bitcoin, and the rest of that is
// change.
func Estimate() (*anchor.Estimate, error) {
	script := append([]byte{txscript.OP_0, txscript.OP_DATA_20}, make([]byte, 20)...)
	coin := anchor.Coin{Value: blockchain.CalcBlockSubsidy(1, regtest()), Script: script}
	return anchor.NewEstimate([]anchor.Coin{coin}, script, feeRate)
}

// Fund makes the transaction for an order, at the node's own fee rate. When no
// coin can be spent that is not reserved, it mines blocks first: 101 at first
// use.
func (n *Node) Fund(ctx context.Context, order anchor.Order) (*anchor.Request, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.ready(ctx); err != nil {
		return nil, err
	}
	coin, err := n.coin(ctx, order.Reserved)
	if err != nil {
		return nil, err
	}
	coins := []anchor.Coin{coin}
	tx, _, err := anchor.Build(coins, n.script, order.Root, feeRate)
	if err != nil {
		return nil, err
	}
	return anchor.NewRequest(tx, coins, nil)
}

// Sign signs what Fund made. It does not need the chain.
func (n *Node) Sign(_ context.Context, request *anchor.Request) ([]byte, error) {
	return anchor.SignRequest(request, n.key)
}

// coin is a coin that the next block can spend.
func (n *Node) coin(ctx context.Context, reserved []wire.OutPoint) (anchor.Coin, error) {
	taken := make(map[wire.OutPoint]bool, len(reserved))
	for _, outPoint := range reserved {
		taken[outPoint] = true
	}
	for {
		if coin, ok := n.ledger.choose(taken); ok {
			return coin, nil
		}
		if err := n.makeMature(ctx, taken); err != nil {
			return anchor.Coin{}, err
		}
	}
}

// Submit mines a block with the transaction, unless one has it already. The
// error wraps an *anchor.SpentError where another transaction of the chain spends
// one of its inputs.
func (n *Node) Submit(ctx context.Context, raw []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.ready(ctx); err != nil {
		return err
	}
	msg, err := anchor.Parse(raw)
	if err != nil {
		return err
	}
	tx := btcutil.NewTx(msg)
	if _, ok := n.ledger.places[*tx.Hash()]; ok {
		return nil
	}
	fee, err := n.check(tx)
	if err != nil {
		return fmt.Errorf("transaction %s: %w", tx.Hash(), err)
	}
	return n.mine(ctx, 1, &payment{tx, fee})
}

// check judges a transaction by the rules, as one in the next block, and
// returns its fee in satoshi. The block it is put into is judged again as a
// whole.
func (n *Node) check(tx *btcutil.Tx) (int64, error) {
	if err := blockchain.CheckTransactionSanity(tx); err != nil {
		return 0, err
	}
	for _, in := range tx.MsgTx().TxIn {
		if by, ok := n.ledger.spent[in.PreviousOutPoint]; ok {
			spent := &anchor.SpentError{Input: in.PreviousOutPoint, By: bitcoin.Hash(by)}
			return 0, fmt.Errorf("%w in block %d", spent, n.ledger.places[by].height)
		}
		if _, ok := n.ledger.places[in.PreviousOutPoint.Hash]; !ok {
			return 0, fmt.Errorf("input %s does not exist on the chain of this embedded node", in.PreviousOutPoint)
		}
	}
	view, err := n.chain.FetchUtxoView(tx)
	if err != nil {
		return 0, err
	}
	fee, err := blockchain.CheckTransactionInputs(tx, n.ledger.height+1, view, n.chain.ChainParams())
	if err != nil {
		return 0, err
	}
	if err := blockchain.ValidateTransactionScripts(tx, view, txscript.StandardVerifyFlags, nil, txscript.NewHashCache(1)); err != nil {
		return 0, err
	}
	return fee, nil
}

// Attest returns the evidence that the transaction is in a block: nil, and no
// error, where none has it. The node has an index and needs no height to look
// from.
func (n *Node) Attest(ctx context.Context, raw []byte, _ uint32) (*proof.Bitcoin, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.ready(ctx); err != nil {
		return nil, err
	}
	tx, stripped, err := anchor.ParseEvidence(raw)
	if err != nil {
		return nil, err
	}
	id := tx.TxHash()
	at, ok := n.ledger.places[id]
	if !ok {
		return nil, nil
	}
	return n.evidence(id, at, stripped)
}

// evidence is what a proof carries of a transaction in a block, checked as a
// verifier checks it.
func (n *Node) evidence(id chainhash.Hash, at place, stripped []byte) (*proof.Bitcoin, error) {
	block, err := n.chain.BlockByHeight(at.height)
	if err != nil {
		return nil, err
	}
	raw, err := block.Bytes()
	if err != nil {
		return nil, err
	}
	ids := make([]bitcoin.Hash, len(block.Transactions()))
	for i, tx := range block.Transactions() {
		ids[i] = bitcoin.Hash(*tx.Hash())
	}
	path, err := bitcoin.InclusionPath(ids, at.position)
	if err != nil {
		return nil, err
	}
	b := &proof.Bitcoin{
		Transaction: stripped,
		Position:    at.position,
		Path:        path,
		Header:      bitcoin.Header(raw[:bitcoin.HeaderSize]),
		Height:      uint32(at.height),
	}
	if err := bitcoin.VerifyInclusion(bitcoin.Hash(id), b.Position, b.Path, b.Header.MerkleRoot()); err != nil {
		return nil, fmt.Errorf("transaction %s in block %d: %w", id, at.height, err)
	}
	return b, nil
}

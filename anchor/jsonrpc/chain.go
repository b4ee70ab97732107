package jsonrpc

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/anchor"
	"gradseal/bitcoin"
)

// Chain is what btcd and Bitcoin Core are asked for with the same words: their
// chain and their mempool. It has the methods of anchor.Node that are alike.
type Chain struct {
	*Client
	Program string // "btcd" or "bitcoind"
	Dashes  string // before an option of the program: "--" or "-"
}

// Source names the node.
func (c *Chain) Source() string { return c.Program + " " + c.URL() }

// CheckNetwork fails with an *anchor.NetworkError where the node's first block
// is not the network's.
func (c *Chain) CheckNetwork(ctx context.Context, network bitcoin.Network) error {
	first, err := c.BlockHash(ctx, 0)
	if err != nil {
		return err
	}
	if first == network.Genesis().Hash() {
		return nil
	}
	got := "a network that begins with block " + first.String()
	for _, n := range bitcoin.Networks() {
		if first == n.Genesis().Hash() {
			got = n.String()
		}
	}
	return &anchor.Remedy{
		Err:  &anchor.NetworkError{Got: got, Want: network},
		Text: fmt.Sprintf("give the address of a node on %s, or the --network of this one", network),
	}
}

// BlockHash is the hash of the block of the best chain at a height;
// anchor.ErrUnknownBlock above its tip.
func (c *Chain) BlockHash(ctx context.Context, height int64) (bitcoin.Hash, error) {
	var text string
	err := c.Call(ctx, &text, "getblockhash", height)
	if HasCode(err, CodeOutOfRange, CodeMisc) {
		return bitcoin.Hash{}, fmt.Errorf("%w at height %d", anchor.ErrUnknownBlock, height)
	}
	if err != nil {
		return bitcoin.Hash{}, err
	}
	return bitcoin.ParseHash(text)
}

// Height is the height of the tip.
func (c *Chain) Height(ctx context.Context) (int64, error) {
	var height int64
	err := c.Call(ctx, &height, "getblockcount")
	return height, err
}

// Header returns the header of a block, in the best chain or not.
func (c *Chain) Header(ctx context.Context, id bitcoin.Hash) (bitcoin.Header, error) {
	var text string
	err := c.Call(ctx, &text, "getblockheader", id.String(), false)
	if HasCode(err, CodeNotFound) {
		return bitcoin.Header{}, fmt.Errorf("%w %s", anchor.ErrUnknownBlock, id)
	}
	if err != nil {
		return bitcoin.Header{}, err
	}
	header, err := anchor.ParseHexHeader(text)
	if err != nil {
		return bitcoin.Header{}, err
	}
	if got := header.Hash(); got != id {
		return bitcoin.Header{}, fmt.Errorf("the node answers with the header of block %s, want %s", got, id)
	}
	return header, nil
}

// CheckLinks checks that each header follows the one before it.
func CheckLinks(headers []bitcoin.Header) error {
	for i := 1; i < len(headers); i++ {
		if headers[i].Previous() != headers[i-1].Hash() {
			return fmt.Errorf("the node answers with header %s, which does not follow %s", headers[i].Hash(), headers[i-1].Hash())
		}
	}
	return nil
}

// Transaction returns a transaction without its witness, checked by its id.
func (c *Chain) Transaction(ctx context.Context, id bitcoin.Hash) ([]byte, error) {
	var text string
	err := c.Call(ctx, &text, "getrawtransaction", id.String(), 0)
	if HasCode(err, CodeNotFound) {
		return nil, c.unknownTx(id, err)
	}
	if err != nil {
		return nil, err
	}
	stripped, got, err := anchor.ParseHexTransaction(text)
	if err != nil {
		return nil, fmt.Errorf("transaction %s: %w", id, err)
	}
	if got != id {
		return nil, fmt.Errorf("the node answers with transaction %s, want %s", got, id)
	}
	return stripped, nil
}

func (c *Chain) unknownTx(id bitcoin.Hash, cause error) error {
	return &anchor.Remedy{
		Err: fmt.Errorf("%w %s: %w", anchor.ErrUnknownTx, id, cause),
		Text: fmt.Sprintf("if it is in a block, the node needs its index of transactions: start %s with %stxindex",
			c.Program, c.Dashes),
	}
}

// Spender is the id of the transaction in the mempool that spends an output;
// ok is false where there is none.
func (c *Chain) Spender(ctx context.Context, output wire.OutPoint) (id bitcoin.Hash, ok bool, err error) {
	texts, err := c.spenders(ctx, []wire.OutPoint{output})
	if err != nil || texts[0] == "" {
		return bitcoin.Hash{}, false, err
	}
	id, err = bitcoin.ParseHash(texts[0])
	return id, err == nil, err
}

// spenders are the ids of the transactions in the mempool that spend the
// outputs; empty where there is none.
func (c *Chain) spenders(ctx context.Context, outputs []wire.OutPoint) ([]string, error) {
	asked := make([]map[string]any, len(outputs))
	for i, output := range outputs {
		asked[i] = map[string]any{"txid": output.Hash.String(), "vout": output.Index}
	}
	var answers []struct {
		ID string `json:"spendingtxid"`
	}
	if err := c.Call(ctx, &answers, "gettxspendingprevout", asked); err != nil {
		return nil, err
	}
	if len(answers) != len(outputs) {
		return nil, fmt.Errorf("gettxspendingprevout: %d answers, want %d", len(answers), len(outputs))
	}
	ids := make([]string, len(outputs))
	for i, answer := range answers {
		ids[i] = answer.ID
	}
	return ids, nil
}

// TxOut is an unspent output.
type TxOut struct {
	BestBlock     string `json:"bestblock"`
	Confirmations int64  `json:"confirmations"`
	Coinbase      bool   `json:"coinbase"`
}

// Unspent looks an output up in the best chain, as if the mempool were empty:
// nil, and no error, where it is spent, cannot be spent or is not there.
func (c *Chain) Unspent(ctx context.Context, output wire.OutPoint) (*TxOut, error) {
	var out *TxOut
	err := c.Call(ctx, &out, "gettxout", output.Hash.String(), output.Index, false)
	if HasCode(err, CodeNotFound) {
		return nil, nil
	}
	return out, err
}

// maturity is how many confirmations the output of a coinbase has before it can
// be spent, on every network.
const maturity = 100

// together is how many outputs are asked about at once.
const together = 500

// Spendable returns those of the outputs that have a confirmation, that the next
// block could spend, and that no transaction of the mempool does.
func (c *Chain) Spendable(ctx context.Context, outputs []wire.OutPoint) ([]wire.OutPoint, error) {
	var coins []wire.OutPoint
	for part := range slices.Chunk(outputs, together) {
		unspent, err := c.mature(ctx, part)
		if err != nil {
			return nil, err
		}
		if len(unspent) == 0 {
			continue
		}
		spenders, err := c.spenders(ctx, unspent)
		if err != nil {
			return nil, err
		}
		for i, output := range unspent {
			if spenders[i] == "" {
				coins = append(coins, output)
			}
		}
	}
	return coins, nil
}

func (c *Chain) mature(ctx context.Context, outputs []wire.OutPoint) ([]wire.OutPoint, error) {
	params := make([][]any, len(outputs))
	for i, output := range outputs {
		params[i] = []any{output.Hash.String(), output.Index, false}
	}
	answers, err := c.Batch(ctx, "gettxout", params)
	if err != nil {
		return nil, err
	}
	var mature []wire.OutPoint
	for i, answer := range answers {
		var out *TxOut
		err := answer.Decode(&out)
		if err != nil && !HasCode(err, CodeNotFound) {
			return nil, err
		}
		if out != nil && out.Confirmations > 0 && (!out.Coinbase || out.Confirmations >= maturity) {
			mature = append(mature, outputs[i])
		}
	}
	return mature, nil
}

// errMoved says that the best chain changed between two questions.
var errMoved = errors.New("the chain was reorganised meanwhile")

// attempts is how often questions are asked again that the chain moved between.
const attempts = 5

package btcd

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/anchor"
	"gradseal/anchor/jsonrpc"
	"gradseal/bitcoin"
)

// page is how many transactions of an address are asked for at once. Each is at
// most 100 kB where the network relayed it.
const page = 50

// Coins finds unspent outputs in the address index: all outputs to the script
// that the chain has not spent, whose spender does not wait in the mempool and
// which, of a coinbase, are old enough.
func (n *Node) Coins(ctx context.Context, script []byte) ([]wire.OutPoint, error) {
	paid, err := n.paidTo(ctx, script)
	if err != nil {
		return nil, err
	}
	return n.Spendable(ctx, paid)
}

// paidTo are the outputs to a script that no transaction of the address spends.
// Those of the mempool are among them.
func (n *Node) paidTo(ctx context.Context, script []byte) ([]wire.OutPoint, error) {
	text, err := n.addressOf(ctx, script)
	if err != nil {
		return nil, err
	}
	var paid []wire.OutPoint
	spent := make(map[wire.OutPoint]bool)
	for skip := 0; ; skip += page {
		txs, err := n.search(ctx, text, skip)
		if err != nil {
			return nil, err
		}
		for _, tx := range txs {
			id := tx.TxHash()
			for _, in := range tx.TxIn {
				spent[in.PreviousOutPoint] = true
			}
			for i, out := range tx.TxOut {
				if bytes.Equal(out.PkScript, script) {
					paid = append(paid, wire.OutPoint{Hash: id, Index: uint32(i)})
				}
			}
		}
		if len(txs) < page {
			break
		}
	}
	// A page can repeat what moved while the chain grew.
	seen := make(map[wire.OutPoint]bool, len(paid))
	return slices.DeleteFunc(paid, func(output wire.OutPoint) bool {
		drop := spent[output] || seen[output]
		seen[output] = true
		return drop
	}), nil
}

// search asks for transactions that pay to or spend from an address, oldest
// first.
func (n *Node) search(ctx context.Context, addr string, skip int) ([]*wire.MsgTx, error) {
	var texts []string
	err := n.Call(ctx, &texts, "searchrawtransactions", addr, 0, skip, page)
	switch {
	case jsonrpc.HasCode(err, jsonrpc.CodeNotFound):
		return nil, nil // the address has none, or none beyond skip
	case jsonrpc.HasCode(err, jsonrpc.CodeMisc):
		return nil, &anchor.Remedy{
			Err:  fmt.Errorf("btcd cannot look for coins: %w", err),
			Text: "start btcd with --addrindex, or name the coin with --input TXID:VOUT",
		}
	case err != nil:
		return nil, err
	}
	txs := make([]*wire.MsgTx, len(texts))
	for i, text := range texts {
		stripped, _, err := anchor.ParseHexTransaction(text)
		if err != nil {
			return nil, err
		}
		tx := new(wire.MsgTx)
		if err := tx.DeserializeNoWitness(bytes.NewReader(stripped)); err != nil {
			return nil, err
		}
		txs[i] = tx
	}
	return txs, nil
}

// addressOf writes a script as the node's network does.
func (n *Node) addressOf(ctx context.Context, script []byte) (string, error) {
	first, err := n.BlockHash(ctx, 0)
	if err != nil {
		return "", err
	}
	params, ok := networks[first]
	if !ok {
		return "", fmt.Errorf("unknown network: its first block is %s", first)
	}
	_, addrs, _, err := txscript.ExtractPkScriptAddrs(script, params)
	if err != nil {
		return "", err
	}
	if len(addrs) != 1 {
		return "", fmt.Errorf("script %x has no address", script)
	}
	return addrs[0].EncodeAddress(), nil
}

// networks are btcd's parameters by first block.
var networks = map[bitcoin.Hash]*chaincfg.Params{
	bitcoin.Mainnet.Genesis().Hash():  &chaincfg.MainNetParams,
	bitcoin.Testnet3.Genesis().Hash(): &chaincfg.TestNet3Params,
	bitcoin.Testnet4.Genesis().Hash(): &chaincfg.TestNet4Params,
	bitcoin.Signet.Genesis().Hash():   &chaincfg.SigNetParams,
	bitcoin.Regtest.Genesis().Hash():  &chaincfg.RegressionNetParams,
}

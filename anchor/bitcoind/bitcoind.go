// Package bitcoind anchors through a Bitcoin Core node: its JSON-RPC, over the
// loopback interface or through a proxy that terminates TLS, and its wallet if
// one is wanted.
package bitcoind

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/anchor"
	"gradseal/anchor/jsonrpc"
	"gradseal/bitcoin"
)

// Config says where the node is.
type Config struct {
	URL      string        // http://127.0.0.1:PORT, or https://
	Login    jsonrpc.Login // of the node's option rpcauth, or its cookie
	CertFile string        // the certificate of the proxy, where no authority that the system trusts signed it
}

// Node is a Bitcoin Core node.
type Node struct {
	jsonrpc.Chain
}

// New makes the node of a configuration. It opens no connection.
func New(config Config) (*Node, error) {
	client, err := jsonrpc.New(jsonrpc.Config{URL: config.URL, Login: config.Login, CertFile: config.CertFile})
	if err != nil {
		return nil, err
	}
	return &Node{jsonrpc.Chain{Client: client, Program: "bitcoind", Dashes: "-"}}, nil
}

// behind is how many blocks a node can lack of which it has the headers, while
// it is only at work on them.
const behind = 2

// Check fails where the node is on another network or has not caught up. On
// regtest, where nobody need have made a block of late, it is not the node's
// "initial block download" that says so, which lasts until there is one.
func (n *Node) Check(ctx context.Context, network bitcoin.Network) error {
	if err := n.CheckNetwork(ctx, network); err != nil {
		return err
	}
	var info struct {
		Blocks  int64 `json:"blocks"`
		Headers int64 `json:"headers"`
		Initial bool  `json:"initialblockdownload"`
	}
	if err := n.Call(ctx, &info, "getblockchaininfo"); err != nil {
		return err
	}
	if info.Headers > info.Blocks+behind || info.Initial && network != bitcoin.Regtest {
		return &anchor.Remedy{
			Err:  fmt.Errorf("%w: it has %d blocks of %d", anchor.ErrSyncing, info.Blocks, info.Headers),
			Text: "wait until it has all blocks: bitcoin-cli getblockchaininfo shows how far it is",
		}
	}
	return nil
}

// maxHeaders is how many headers are asked for at once.
const maxHeaders = 2000

// Headers returns up to 2,000 headers after the first block of the locator that
// is in the best chain.
func (n *Node) Headers(ctx context.Context, locator []bitcoin.Hash) ([]bitcoin.Header, error) {
	for range 5 {
		headers, err := n.headers(ctx, locator)
		if !errors.Is(err, errMoved) {
			return headers, err
		}
	}
	return nil, errMoved
}

// errMoved says that the hashes and the headers are not of one chain.
var errMoved = errors.New("the chain was reorganised meanwhile")

func (n *Node) headers(ctx context.Context, locator []bitcoin.Hash) ([]bitcoin.Header, error) {
	height, at, err := n.fork(ctx, locator)
	if err != nil {
		return nil, err
	}
	hashes, err := n.hashes(ctx, height+1)
	if err != nil {
		return nil, err
	}
	params := make([][]any, len(hashes))
	for i, hash := range hashes {
		params[i] = []any{hash, false}
	}
	answers, err := n.Batch(ctx, "getblockheader", params)
	if err != nil {
		return nil, err
	}
	headers := make([]bitcoin.Header, len(answers))
	for i, answer := range answers {
		var text string
		if err := answer.Decode(&text); err != nil {
			return nil, err
		}
		if headers[i], err = anchor.ParseHexHeader(text); err != nil {
			return nil, err
		}
	}
	if len(headers) > 0 && headers[0].Previous() != at || jsonrpc.CheckLinks(headers) != nil {
		return nil, errMoved
	}
	return headers, nil
}

// fork finds the first block of the locator that is in the best chain.
func (n *Node) fork(ctx context.Context, locator []bitcoin.Hash) (int64, bitcoin.Hash, error) {
	params := make([][]any, len(locator))
	for i, hash := range locator {
		params[i] = []any{hash.String()}
	}
	answers, err := n.Batch(ctx, "getblockheader", params)
	if err != nil {
		return 0, bitcoin.Hash{}, err
	}
	for i, answer := range answers {
		if jsonrpc.HasCode(answer.Err, jsonrpc.CodeNotFound) {
			continue
		}
		var info struct {
			Height        int64 `json:"height"`
			Confirmations int64 `json:"confirmations"` // -1 outside of the best chain
		}
		if err := answer.Decode(&info); err != nil {
			return 0, bitcoin.Hash{}, err
		}
		if info.Confirmations > 0 {
			return info.Height, locator[i], nil
		}
	}
	return 0, bitcoin.Hash{}, fmt.Errorf("%w: none of %d in its best chain", anchor.ErrUnknownBlock, len(locator))
}

// hashes are those of the best chain from a height on.
func (n *Node) hashes(ctx context.Context, from int64) ([]string, error) {
	tip, err := n.Height(ctx)
	if err != nil {
		return nil, err
	}
	count := min(tip-from+1, maxHeaders)
	if count <= 0 {
		return nil, nil
	}
	params := make([][]any, count)
	for i := range params {
		params[i] = []any{from + int64(i)}
	}
	answers, err := n.Batch(ctx, "getblockhash", params)
	if err != nil {
		return nil, err
	}
	hashes := make([]string, len(answers))
	for i, answer := range answers {
		err := answer.Decode(&hashes[i])
		if jsonrpc.HasCode(err, jsonrpc.CodeOutOfRange) {
			return nil, errMoved
		}
		if err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

// maxTarget is the largest target of Bitcoin Core's estimates, in blocks.
const maxTarget = 1008

// FeeRate asks Bitcoin Core, which has an estimate once it has seen
// transactions wait and confirm.
func (n *Node) FeeRate(ctx context.Context, target int) (anchor.FeeRate, error) {
	var answer struct {
		Rate   json.Number `json:"feerate"`
		Errors []string    `json:"errors"`
	}
	if err := n.Call(ctx, &answer, "estimatesmartfee", min(max(target, 1), maxTarget)); err != nil {
		return 0, err
	}
	if answer.Rate == "" {
		return 0, fmt.Errorf("%w: %q", anchor.ErrNoFeeRate, answer.Errors)
	}
	return jsonrpc.ParseFeeRate(answer.Rate)
}

// scanTime is how long the search through all unspent outputs may take: a
// minute or two on mainnet.
const scanTime = 15 * time.Minute

// Coins has the node go through all unspent outputs, as it has no index of
// addresses. A wallet is faster.
func (n *Node) Coins(ctx context.Context, script []byte) ([]wire.OutPoint, error) {
	var found struct {
		Success bool `json:"success"`
		Unspent []struct {
			ID    string `json:"txid"`
			Index uint32 `json:"vout"`
		} `json:"unspents"`
	}
	what := []string{"raw(" + hex.EncodeToString(script) + ")"}
	err := n.Patient(scanTime).Call(ctx, &found, "scantxoutset", "start", what)
	if jsonrpc.HasCode(err, jsonrpc.CodeOutOfRange) {
		return nil, &anchor.Remedy{
			Err:  fmt.Errorf("looking for coins: %w", err),
			Text: "wait, or stop the search in hand: bitcoin-cli scantxoutset abort",
		}
	}
	if err != nil {
		return nil, err
	}
	if !found.Success {
		return nil, errors.New("scantxoutset: the node did not finish its search")
	}
	var outputs []wire.OutPoint
	for _, out := range found.Unspent {
		id, err := bitcoin.ParseHash(out.ID)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, wire.OutPoint{Hash: [32]byte(id), Index: out.Index})
	}
	return n.Spendable(ctx, outputs)
}

// Package btcd anchors through a btcd node: its JSON-RPC over TLS, with the
// certificate that the node made for itself.
//
// btcd has no wallet. What can be spent is found in its address index, which it
// has when it was started with --addrindex.
package btcd

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/anchor"
	"gradseal/anchor/jsonrpc"
	"gradseal/bitcoin"
)

// Config says where the node is.
type Config struct {
	URL      string        // https://HOST:PORT
	Login    jsonrpc.Login // of the node's options rpcuser and rpcpass
	CertFile string        // the node's rpc.cert; empty where a proxy before it has a public one
}

// Node is a btcd node.
type Node struct {
	jsonrpc.Chain
}

// New makes the node of a configuration. It opens no connection.
func New(config Config) (*Node, error) {
	client, err := jsonrpc.New(jsonrpc.Config{URL: config.URL, Login: config.Login, CertFile: config.CertFile})
	if err != nil {
		return nil, err
	}
	return &Node{jsonrpc.Chain{Client: client, Program: "btcd", Dashes: "--"}}, nil
}

// tipAge is how old the time of the newest block can be before btcd itself no
// longer takes its chain for current.
const tipAge = 24 * time.Hour

// behind is how many blocks a node can lack that is still at work on them.
const behind = 2

// Check fails where the node is on another network or has not caught up. btcd
// does not say whether it has: it has not where most of its peers announce
// blocks that it lacks, or where its newest block is a day old, but on regtest,
// where nobody need have made one.
func (n *Node) Check(ctx context.Context, network bitcoin.Network) error {
	if err := n.CheckNetwork(ctx, network); err != nil {
		return err
	}
	height, err := n.Height(ctx)
	if err != nil {
		return err
	}
	if err := n.checkPeers(ctx, height); err != nil || network == bitcoin.Regtest {
		return err
	}
	return n.checkTip(ctx, height)
}

// checkPeers takes a majority, as one peer can announce what it likes.
func (n *Node) checkPeers(ctx context.Context, height int64) error {
	var peers []struct {
		Starting int64 `json:"startingheight"`
		Current  int64 `json:"currentheight"`
	}
	if err := n.Call(ctx, &peers, "getpeerinfo"); err != nil {
		return err
	}
	ahead := 0
	for _, peer := range peers {
		if max(peer.Starting, peer.Current) > height+behind {
			ahead++
		}
	}
	if 2*ahead > len(peers) {
		return syncing("it has %d blocks, and %d of its %d peers have more", height, ahead, len(peers))
	}
	return nil
}

func (n *Node) checkTip(ctx context.Context, height int64) error {
	hash, err := n.BlockHash(ctx, height)
	if err != nil {
		return err
	}
	tip, err := n.Header(ctx, hash)
	if err != nil {
		return err
	}
	if time.Since(tip.Time()) > tipAge {
		return syncing("its newest block is %d of %s", height, tip.Time().Format(time.DateOnly))
	}
	return nil
}

func syncing(format string, args ...any) error {
	return &anchor.Remedy{
		Err:  fmt.Errorf("%w: %s", anchor.ErrSyncing, fmt.Sprintf(format, args...)),
		Text: "wait until btcd has all blocks, and look that it has peers (btcctl getpeerinfo)",
	}
}

// Headers returns up to 2,000 headers after the first block of the locator that
// is in the best chain.
func (n *Node) Headers(ctx context.Context, locator []bitcoin.Hash) ([]bitcoin.Header, error) {
	texts := make([]string, len(locator))
	known := make(map[bitcoin.Hash]bool, len(locator))
	for i, hash := range locator {
		texts[i] = hash.String()
		known[hash] = true
	}
	var answer []string
	if err := n.Call(ctx, &answer, "getheaders", texts, ""); err != nil {
		return nil, err
	}
	if len(answer) > wire.MaxBlockHeadersPerMsg {
		return nil, fmt.Errorf("getheaders: %d headers, want at most %d", len(answer), wire.MaxBlockHeadersPerMsg)
	}
	headers := make([]bitcoin.Header, len(answer))
	for i, text := range answer {
		var err error
		if headers[i], err = anchor.ParseHexHeader(text); err != nil {
			return nil, err
		}
	}
	// Where it knows no block of the locator, btcd begins at the first block.
	if len(headers) > 0 && known[headers[0].Previous()] {
		return headers, jsonrpc.CheckLinks(headers)
	}
	if len(headers) == 0 {
		return nil, n.checkAtTip(ctx, known)
	}
	return nil, fmt.Errorf("%w: none of %d in its best chain", anchor.ErrUnknownBlock, len(locator))
}

// checkAtTip tells a locator with the tip from one that a chain of one block
// does not know.
func (n *Node) checkAtTip(ctx context.Context, known map[bitcoin.Hash]bool) error {
	first, err := n.BlockHash(ctx, 0)
	if err != nil {
		return err
	}
	height, err := n.Height(ctx)
	if err != nil {
		return err
	}
	if height == 0 && !known[first] {
		return fmt.Errorf("%w: none of %d in its best chain", anchor.ErrUnknownBlock, len(known))
	}
	return nil
}

// estimateDepth is the largest target of btcd's estimates, in blocks.
const estimateDepth = 25

// FeeRate asks btcd, which has an estimate once it has seen transactions wait
// and confirm.
func (n *Node) FeeRate(ctx context.Context, target int) (anchor.FeeRate, error) {
	var rate json.Number
	err := n.Call(ctx, &rate, "estimatefee", min(max(target, 1), estimateDepth))
	if jsonrpc.HasAnyCode(err) {
		return 0, fmt.Errorf("%w: %w", anchor.ErrNoFeeRate, err)
	}
	if err != nil {
		return 0, err
	}
	return jsonrpc.ParseFeeRate(rate)
}

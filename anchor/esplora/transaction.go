package esplora

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/anchor"
	"gradseal/bitcoin"
	"gradseal/proof"
)

// Transaction asks for a transaction, in the best chain or waiting.
func (n *Node) Transaction(ctx context.Context, id bitcoin.Hash) ([]byte, error) {
	path := "/tx/" + id.String() + "/hex"
	body, err := n.get(ctx, path, maxHex)
	if isNotFound(err) {
		err = n.error(fmt.Errorf("%w %s", anchor.ErrUnknownTx, id))
	}
	if err != nil {
		return nil, err
	}
	stripped, got, err := anchor.ParseHexTransaction(strings.TrimSpace(string(body)))
	if err != nil {
		return nil, n.malformed(path, err)
	}
	if got != id {
		return nil, n.error(fmt.Errorf("GET %s: unexpected transaction: its id is %s", path, got))
	}
	return stripped, nil
}

// txStatus is the answer to /tx/:txid/status, and part of others. Of a
// transaction that it does not know the service says that it is unconfirmed.
type txStatus struct {
	Confirmed *bool   `json:"confirmed"`
	Height    *uint32 `json:"block_height"`
	Block     string  `json:"block_hash"`
}

// place reads where a transaction is said to be; ok is false where it is in no
// block.
func (s *txStatus) place() (block bitcoin.Hash, height uint32, ok bool, err error) {
	if s.Confirmed == nil {
		return block, 0, false, errors.New("no confirmed")
	}
	if !*s.Confirmed {
		return block, 0, false, nil
	}
	if s.Height == nil {
		return block, 0, false, errors.New("confirmed, and no block_height")
	}
	block, err = bitcoin.ParseHash(s.Block)
	return block, *s.Height, err == nil, err
}

// Attest asks for the block of the transaction, its header and the path to it.
// The height is what the service says, and that the block is the one there.
func (n *Node) Attest(ctx context.Context, raw []byte, _ uint32) (*proof.Bitcoin, error) {
	tx, stripped, err := anchor.ParseEvidence(raw)
	if err != nil {
		return nil, err
	}
	id := bitcoin.Hash(tx.TxHash())
	path := "/tx/" + id.String() + "/status"
	var status txStatus
	err = n.object(ctx, path, maxObject, &status)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	block, height, ok, err := status.place()
	if err != nil {
		return nil, n.malformed(path, err)
	}
	if !ok {
		return nil, nil
	}
	best, err := n.isBest(ctx, block)
	if err != nil || !best {
		return nil, err // left behind a moment ago
	}
	return n.evidence(ctx, id, stripped, block, height)
}

// evidence is what a proof carries of a transaction in a block, checked as a
// verifier checks it.
func (n *Node) evidence(ctx context.Context, id bitcoin.Hash, stripped []byte, block bitcoin.Hash, height uint32) (*proof.Bitcoin, error) {
	header, err := n.Header(ctx, block)
	if err != nil {
		return nil, err
	}
	at, err := n.hash(ctx, fmt.Sprintf("/block-height/%d", height))
	if err != nil {
		return nil, err
	}
	if at != block {
		return nil, n.error(fmt.Errorf("transaction %s is said to be in block %s at height %d, where block %s is", id, block, height, at))
	}
	path, position, err := n.path(ctx, id, height)
	if err != nil {
		return nil, err
	}
	if err = header.CheckWork(); err == nil {
		err = bitcoin.VerifyInclusion(id, position, path, header.MerkleRoot())
	}
	if err != nil {
		return nil, n.error(fmt.Errorf("transaction %s in block %s: %w", id, block, err))
	}
	return &proof.Bitcoin{
		Transaction: stripped,
		Position:    position,
		Path:        path,
		Header:      header,
		Height:      height,
	}, nil
}

// path asks for the path from a transaction to the root of its block.
func (n *Node) path(ctx context.Context, id bitcoin.Hash, height uint32) ([]bitcoin.Hash, uint32, error) {
	var answer struct {
		Height   *uint32  `json:"block_height"`
		Path     []string `json:"merkle"`
		Position *uint32  `json:"pos"`
	}
	question := "/tx/" + id.String() + "/merkle-proof"
	if err := n.object(ctx, question, maxObject, &answer); err != nil {
		return nil, 0, err
	}
	if answer.Height == nil || answer.Position == nil || answer.Path == nil {
		return nil, 0, n.malformed(question, errors.New("no block_height, merkle or pos"))
	}
	if *answer.Height != height {
		return nil, 0, n.error(fmt.Errorf("GET %s: unexpected path in a block at height %d, want %d", question, *answer.Height, height))
	}
	if len(answer.Path) > bitcoin.MaxInclusionPath {
		return nil, 0, n.malformed(question, fmt.Errorf("a path of %d hashes, want at most %d", len(answer.Path), bitcoin.MaxInclusionPath))
	}
	path := make([]bitcoin.Hash, len(answer.Path))
	for i, text := range answer.Path {
		var err error
		if path[i], err = bitcoin.ParseHash(text); err != nil {
			return nil, 0, n.malformed(question, err)
		}
	}
	return path, *answer.Position, nil
}

// Submit sends the transaction, and asks what has become of it or of its inputs
// where the service does not say that it took it.
func (n *Node) Submit(ctx context.Context, raw []byte) error {
	tx, err := anchor.Parse(raw)
	if err != nil {
		return err
	}
	id := bitcoin.Hash(tx.TxHash())
	body, err := n.post(ctx, "/tx", hex.EncodeToString(raw))
	if err != nil {
		return n.refused(ctx, tx, err)
	}
	if got := strings.TrimSpace(string(body)); got != id.String() {
		return n.error(fmt.Errorf("POST /tx: unexpected answer %q, want %s", shorten(got), id))
	}
	return nil
}

// refused finds out what it means that the service did not take a transaction:
// nil if it has it, an *anchor.SpentError if it has another that spends an
// input, and otherwise reason.
func (n *Node) refused(ctx context.Context, tx *wire.MsgTx, reason error) error {
	_, err := n.Transaction(ctx, bitcoin.Hash(tx.TxHash()))
	if err == nil {
		return nil
	}
	if !errors.Is(err, anchor.ErrUnknownTx) {
		return unexplained(reason, err)
	}
	for _, in := range tx.TxIn {
		spent, err := n.spender(ctx, in.PreviousOutPoint)
		if err != nil {
			return unexplained(reason, err)
		}
		if spent != nil {
			return fmt.Errorf("%w: %w", spent, reason)
		}
	}
	return reason
}

// unexplained is reason, with the error of looking for its cause where that
// says something else.
func unexplained(reason, err error) error {
	if errors.Is(reason, anchor.ErrUnreachable) {
		return reason
	}
	return fmt.Errorf("%w; and looking for the cause: %w", reason, err)
}

// Spent says which transaction spends a coin.
func (n *Node) Spent(ctx context.Context, coin wire.OutPoint, _ uint32) (*anchor.SpentError, error) {
	spent, err := n.spender(ctx, coin)
	if spent != nil || err != nil {
		return spent, err
	}
	// The service says of what it does not know that it is not spent.
	if _, err := n.Transaction(ctx, bitcoin.Hash(coin.Hash)); err != nil {
		if errors.Is(err, anchor.ErrUnknownTx) {
			err = fmt.Errorf("%w %s", anchor.ErrNoCoin, coin)
		}
		return nil, err
	}
	return nil, nil
}

// spender asks which transaction spends an output, in the best chain or
// waiting, and checks that it does; nil where none does. Whether its signature is
// good is not checked, nor whether it is where the service says.
func (n *Node) spender(ctx context.Context, out wire.OutPoint) (*anchor.SpentError, error) {
	path := fmt.Sprintf("/tx/%s/outspend/%d", out.Hash, out.Index)
	var answer struct {
		Spent  *bool    `json:"spent"`
		ID     string   `json:"txid"`
		Status txStatus `json:"status"`
	}
	err := n.object(ctx, path, maxObject, &answer)
	if isNotFound(err) {
		return nil, nil // there is no such output
	}
	if err != nil {
		return nil, err
	}
	if answer.Spent == nil {
		return nil, n.malformed(path, errors.New("no spent"))
	}
	if !*answer.Spent {
		return nil, nil
	}
	by, err := bitcoin.ParseHash(answer.ID)
	if err != nil {
		return nil, n.malformed(path, err)
	}
	_, _, confirmed, err := answer.Status.place()
	if err != nil {
		return nil, n.malformed(path, fmt.Errorf("status: %w", err))
	}
	tx, err := n.decoded(ctx, by)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(tx.TxIn, func(in *wire.TxIn) bool { return in.PreviousOutPoint == out }) {
		return nil, n.error(fmt.Errorf("GET %s: transaction %s does not spend that output", path, by))
	}
	return &anchor.SpentError{Input: out, By: by, Waits: !confirmed}, nil
}

// decoded is a transaction of the service. Its counts agree with its length, so
// that the decoder of package wire does not allocate more than that.
func (n *Node) decoded(ctx context.Context, id bitcoin.Hash) (*wire.MsgTx, error) {
	stripped, err := n.Transaction(ctx, id)
	if err != nil {
		return nil, err
	}
	tx := new(wire.MsgTx)
	if err := tx.DeserializeNoWitness(bytes.NewReader(stripped)); err != nil {
		return nil, n.error(fmt.Errorf("transaction %s: %w", id, err))
	}
	return tx, nil
}

// Coinbases have this many confirmations before they can be spent.
const maturity = 100

// maxYoung is how many outputs with fewer confirmations than that are looked at,
// the oldest first: whether they are of coinbases takes a question for each. A
// registrar has one or two, a miner one in each block.
const maxYoung = maturity

// Coins asks for the unspent outputs of a script. Those that cannot be spent
// yet, being of a coinbase, are left out.
func (n *Node) Coins(ctx context.Context, script []byte) ([]wire.OutPoint, error) {
	path := fmt.Sprintf("/scripthash/%x/utxo", sha256.Sum256(script))
	var answer []coin
	if err := n.object(ctx, path, maxList, &answer); err != nil {
		return nil, err
	}
	tip, err := n.tipHeight(ctx)
	if err != nil {
		return nil, err
	}
	var ripe, young []placed
	for _, c := range answer {
		p, ok, err := c.place()
		if err != nil {
			return nil, n.malformed(path, err)
		}
		switch {
		case !ok:
		case uint64(p.height)+maturity-1 <= uint64(tip):
			ripe = append(ripe, p)
		default:
			young = append(young, p)
		}
	}
	slices.SortStableFunc(young, func(a, b placed) int { return int(int64(a.height) - int64(b.height)) })
	for _, p := range young[:min(len(young), maxYoung)] {
		tx, err := n.decoded(ctx, bitcoin.Hash(p.out.Hash))
		if err != nil {
			return nil, err
		}
		if !isCoinbase(tx) {
			ripe = append(ripe, p)
		}
	}
	return outPoints(ripe), nil
}

// isCoinbase tells whether the one input spends nothing.
func isCoinbase(tx *wire.MsgTx) bool {
	return len(tx.TxIn) == 1 && tx.TxIn[0].PreviousOutPoint == wire.OutPoint{Index: wire.MaxPrevOutIndex}
}

// coin is an unspent output as /scripthash/:hash/utxo describes it.
type coin struct {
	ID     string   `json:"txid"`
	Vout   *uint32  `json:"vout"`
	Status txStatus `json:"status"`
}

// placed is an output that is in a block.
type placed struct {
	out    wire.OutPoint
	height uint32
}

func (c *coin) place() (placed, bool, error) {
	id, err := bitcoin.ParseHash(c.ID)
	if err != nil {
		return placed{}, false, err
	}
	if c.Vout == nil {
		return placed{}, false, errors.New("no vout")
	}
	_, height, ok, err := c.Status.place()
	return placed{wire.OutPoint{Hash: [32]byte(id), Index: *c.Vout}, height}, ok, err
}

func outPoints(all []placed) []wire.OutPoint {
	var outs []wire.OutPoint
	for _, p := range all {
		outs = append(outs, p.out)
	}
	return outs
}

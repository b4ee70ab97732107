// Package anchor builds, signs and sends the Bitcoin transaction that commits
// to a batch root. It and the packages below it are the only ones that spend
// money or open a socket; package verify never reaches them.
//
// The transaction is the same on every network: its inputs are the registrar's
// coins, output 0 is the commitment (value 0), output 1 the change where there
// is any worth keeping. It signals that it may be replaced (BIP 125). What is
// built here is checked again as a verifier will read it before anybody signs
// it, and what is signed, here or elsewhere, is executed by the script engine
// and held against what was asked for before it is handed out.
//
// A Backend makes, sends and finds transactions: the embedded node (package
// embedded), or a Node that somebody runs (packages bitcoind, btcd, esplora)
// with a Signer, which is a node's wallet or a KeySigner.
//
// What this package trusts: that a coin it is given is unspent. What the coin
// holds is read from the transaction that made it. A P2WPKH signature covers the
// value of its own input (BIP 143), a P2TR one those of all inputs (BIP 341), so
// a wrong value gives a transaction that the network refuses, never one that
// pays more than was shown. Nothing here is kept on disk: the caller stores
// request and signed bytes before it sends them, and sends those bytes again for
// as long as it takes.
package anchor

import (
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/bitcoin"
	"gradseal/proof"
)

// Backend is how the transactions of one network are made, sent and found
// again: the embedded node, or a Node with a Signer.
type Backend interface {
	Signer

	// Submit and Attest are as in Node.
	Submit(ctx context.Context, raw []byte) error
	Attest(ctx context.Context, raw []byte, since uint32) (*proof.Bitcoin, error)
}

// ErrSpent says that another transaction spends an input, in a block of the best
// chain or waiting for one. Of Submit it is in a *SpentError.
var ErrSpent = errors.New("input is spent already")

// SpentError says by which transaction an input is spent. It is what the node
// says: a block that is left, or a replacement, makes it untrue.
type SpentError struct {
	Input wire.OutPoint
	By    bitcoin.Hash // id of the other transaction; zero where the node cannot tell
	Waits bool         // it is in no block yet
	// Tx is the transaction without its witness, where it is known anyway.
	Tx []byte
}

func (e *SpentError) Error() string {
	by, where := "another transaction", " in a block"
	if e.By != (bitcoin.Hash{}) {
		by, where = "transaction "+e.By.String(), ""
	}
	if e.Waits {
		where = ", which waits for a block"
	}
	return fmt.Sprintf("%v: %s by %s%s", ErrSpent, e.Input, by, where)
}

// Unwrap returns ErrSpent.
func (e *SpentError) Unwrap() error { return ErrSpent }

// Coin is an unspent output that the registrar can spend.
type Coin struct {
	OutPoint wire.OutPoint
	Value    int64 // satoshi
	Script   []byte
}

package anchor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/bitcoin"
	"gradseal/proof"
)

// Node is a Bitcoin node or a public service that anchoring talks to. Nothing
// that it answers is believed that can be checked here: a transaction is
// compared with its id, a header with its hash, a path with the header.
//
// Every method gives up when ctx does or when the node takes too long, and
// reads no more than it must. What people can mend is an error with a Remedy.
type Node interface {
	// Source names the node as it is recorded with the headers that came from
	// it: the way and the address, such as "btcd https://127.0.0.1:18334". No
	// password is in it.
	Source() string

	// Check fails with a *NetworkError where the node is on another network,
	// and with ErrSyncing where it has not caught up with its own.
	Check(ctx context.Context, network bitcoin.Network) error

	// Headers returns headers of the node's best chain, in order: those that
	// follow the first block of locator that is in that chain, at most 2,000.
	// None means that the block is the tip. A locator of which no block is in
	// the chain is ErrUnknownBlock.
	Headers(ctx context.Context, locator []bitcoin.Hash) ([]bitcoin.Header, error)

	// Header returns the header of the block with the hash id, in the best chain
	// or not; ErrUnknownBlock where there is none.
	Header(ctx context.Context, id bitcoin.Hash) (bitcoin.Header, error)

	// FeeRate is what the node expects a transaction to need that is to be in a
	// block after at most target blocks; ErrNoFeeRate where it does not know.
	FeeRate(ctx context.Context, target int) (FeeRate, error)

	// Coins returns unspent outputs that pay to script and have a confirmation.
	// They are a claim: the caller asks for the transactions and looks.
	Coins(ctx context.Context, script []byte) ([]wire.OutPoint, error)

	// Transaction returns a transaction that has the id, without its witness.
	Transaction(ctx context.Context, id bitcoin.Hash) ([]byte, error)

	// Submit has the node judge the signed transaction (witness serialization)
	// and sends it. The same bytes again are no error, whether they wait or a
	// block has them. Where another transaction spends an input, the error is or
	// wraps a *SpentError.
	Submit(ctx context.Context, raw []byte) error

	// Spent says which transaction spends a coin, in the best chain or waiting: nil
	// while none does. ErrNoCoin: the node does not know the coin. since is a
	// height below which it was not spent: a node may look from there.
	Spent(ctx context.Context, coin wire.OutPoint, since uint32) (*SpentError, error)

	// Attest returns the evidence that a transaction is in a block of the best
	// chain, without successors and checked as a verifier checks it; nil and no
	// error while it is in none. raw is any transaction that ParseEvidence reads,
	// with or without its witness: signatures do not change the id, so that an
	// unsigned one can be asked about. Whether it has a commitment is for the
	// caller to look (Commits). since is a height below which it cannot be: a node
	// without an index looks from there. ErrPruned: the node does not hold the
	// block any more.
	Attest(ctx context.Context, raw []byte, since uint32) (*proof.Bitcoin, error)
}

// Signer makes the transactions of one registrar: it knows what there is to
// spend and can sign, or has somebody sign.
type Signer interface {
	// Fund makes the unsigned transaction for an order. It sends and locks nothing.
	Fund(ctx context.Context, order Order) (*Request, error)

	// Sign returns the signed transaction (witness serialization, checked by
	// Request.Check) of a request that Fund or Bump made.
	Sign(ctx context.Context, request *Request) ([]byte, error)
}

// Order is what a transaction is wanted for.
type Order struct {
	Root   [32]byte // batch root
	Rate   FeeRate
	MaxFee int64 // satoshi; a transaction that would cost more is a *FeeError
	// Reserved are not spent: they belong to transactions that are stored but may
	// not have reached the node.
	Reserved []wire.OutPoint
	// Inputs, where there are any, are what is spent, and nothing else.
	Inputs []wire.OutPoint
}

// Check refuses an order that no money can fill, before a node is asked for
// coins: Inputs that are Reserved; an invalid Rate; and with a *FeeError a Rate
// at which even the smallest transaction, from one coin that pays to script and
// without change, costs more than MaxFee.
func (o Order) Check(script []byte) error {
	for _, at := range o.Inputs {
		if slices.Contains(o.Reserved, at) {
			return fmt.Errorf("coin %s is spent by a transaction that is stored here already", at)
		}
	}
	one := []Coin{{Script: script}}
	fee, err := o.Rate.Fee(signedVSize(commit(one, o.Root), one))
	if err != nil {
		return err
	}
	if fee > o.MaxFee {
		return &FeeError{Fee: fee, Max: o.MaxFee}
	}
	return nil
}

// Errors of nodes. All can be wrapped; a Remedy may be around them.
var (
	ErrUnknownBlock = errors.New("the node does not know the block")
	ErrUnknownTx    = errors.New("the node does not know the transaction")
	ErrSyncing      = errors.New("the node is still catching up with its network")
	ErrPruned       = errors.New("the node is pruned and no longer has the block")
	ErrNoCoin       = errors.New("the node has no transaction with the coin")
	ErrNoFeeRate    = errors.New("the node has no estimate of the fee rate")
	ErrPassword     = errors.New("the node refuses user name and password")
	ErrUnreachable  = errors.New("the node cannot be reached")
	ErrWalletLocked = errors.New("the node's wallet is locked")
	ErrNoWallet     = errors.New("the node has no such wallet loaded")
)

// NetworkError says that a node is on another network than the one wanted.
type NetworkError struct {
	Got  string // what the node says, or the hash of its first block
	Want bitcoin.Network
}

func (e *NetworkError) Error() string {
	return fmt.Sprintf("the node is on %s, want %s", e.Got, e.Want)
}

// FeeError says that a transaction would cost more than the order allows.
type FeeError struct {
	Fee, Max int64 // satoshi
}

func (e *FeeError) Error() string {
	return fmt.Sprintf("the fee would be %d satoshi, at most %d are allowed", e.Fee, e.Max)
}

// Remedy is an error with what a person can do about it, such as the command
// that unlocks the node's wallet.
type Remedy struct {
	Err  error
	Text string // without full stop
}

func (r *Remedy) Error() string { return r.Err.Error() }

func (r *Remedy) Unwrap() error { return r.Err }

package anchor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/anchor/coinkey"
	"gradseal/bitcoin"
)

// maxCoins is how many coins of an address are looked at: each is a request to
// the node, and anyone can send any number of small coins there.
const maxCoins = 200

// ErrNoKey says that a signer has no key to sign with.
var ErrNoKey = errors.New("there is no key to sign with: only the address is known here")

// KeySigner spends the coins of one address, found and looked up by a node, and
// signs for them here where it has the key. Change goes back to the address.
//
// The node is believed in nothing that costs money: what a coin holds, and to
// whom it pays, is read from the transaction that made it, and that is the one
// whose id the coin names. What is left to believe is that the coin is unspent.
type KeySigner struct {
	node   Node
	public *coinkey.Public
	key    *coinkey.Key // nil where somebody else signs
}

// NewKeySigner is the signer for a key that is at hand.
func NewKeySigner(node Node, key *coinkey.Key) *KeySigner {
	return &KeySigner{node: node, public: key.Public(), key: key}
}

// NewWatchSigner is the signer for an address whose key is elsewhere: Fund makes
// requests, and Sign is ErrNoKey.
func NewWatchSigner(node Node, public *coinkey.Public) *KeySigner {
	return &KeySigner{node: node, public: public}
}

// Fund makes the unsigned transaction for an order: from order.Inputs, all of
// them, or from what Choose picks of the address's coins. Where the money is not
// enough the error is a *NotEnoughError in a Remedy that says where to send
// some; where it costs too much, a *FeeError.
func (s *KeySigner) Fund(ctx context.Context, order Order) (*Request, error) {
	script := s.public.Script()
	if err := order.Check(script); err != nil {
		return nil, err
	}
	coins, previous, left, err := s.coins(ctx, order)
	if err != nil {
		return nil, err
	}
	if len(order.Inputs) == 0 {
		if coins, err = Choose(coins, order.Reserved, script, order.Rate); err != nil {
			return nil, s.fillUp(err, order.Rate, left)
		}
	}
	tx, fee, err := Build(coins, script, order.Root, order.Rate)
	if err != nil {
		return nil, s.fillUp(err, order.Rate, left)
	}
	if fee > order.MaxFee {
		return nil, &FeeError{Fee: fee, Max: order.MaxFee}
	}
	request, err := NewRequest(tx, coins, previous)
	if err != nil {
		return nil, err
	}
	request.AddKey(s.public)
	return request, nil
}

// Sign returns the signed transaction of a request whose inputs all pay to the
// key. The same request gives the same bytes.
func (s *KeySigner) Sign(_ context.Context, request *Request) ([]byte, error) {
	if s.key == nil {
		return nil, ErrNoKey
	}
	return SignRequest(request, s.key.Private())
}

// SignRequest returns the signed transaction of a request whose inputs all pay
// to the key, in the witness serialization.
func SignRequest(request *Request, key *btcec.PrivateKey) ([]byte, error) {
	tx := request.Packet.UnsignedTx.Copy()
	if err := Sign(tx, request.Coins(), key); err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		return nil, err
	}
	return request.checked(raw.Bytes())
}

// coins are what may be spent, with the transactions that made them, and how
// many more there are that were not looked at.
func (s *KeySigner) coins(ctx context.Context, order Order) (coins []Coin, previous map[wire.OutPoint][]byte, left int, err error) {
	outPoints := order.Inputs
	if len(outPoints) == 0 {
		all, err := s.node.Coins(ctx, s.public.Script())
		if err != nil {
			return nil, nil, 0, err
		}
		outPoints = slices.DeleteFunc(all, func(at wire.OutPoint) bool { return slices.Contains(order.Reserved, at) })
		left = max(0, len(outPoints)-maxCoins)
		outPoints = outPoints[:len(outPoints)-left]
	}
	previous = make(map[wire.OutPoint][]byte, len(outPoints))
	for _, at := range outPoints {
		coin, raw, err := s.coin(ctx, at)
		if err != nil {
			return nil, nil, 0, fmt.Errorf("coin %s: %w", at, err)
		}
		coins = append(coins, coin)
		previous[at] = raw
	}
	return coins, previous, left, nil
}

// coin reads from the transaction that made it what a coin holds.
func (s *KeySigner) coin(ctx context.Context, at wire.OutPoint) (Coin, []byte, error) {
	raw, err := s.node.Transaction(ctx, bitcoin.Hash(at.Hash))
	if err != nil {
		return Coin{}, nil, err
	}
	if id := chainhash.DoubleHashH(raw); id != at.Hash {
		return Coin{}, nil, fmt.Errorf("the node sent transaction %s in place of the one that made it", id)
	}
	tx, err := decodeStripped(raw)
	if err != nil {
		return Coin{}, nil, err
	}
	out, err := outputAt(tx, at)
	if err != nil {
		return Coin{}, nil, err
	}
	if !bytes.Equal(out.PkScript, s.public.Script()) {
		return Coin{}, nil, fmt.Errorf("it does not pay to %s", s.public.Address())
	}
	return Coin{OutPoint: at, Value: out.Value, Script: out.PkScript}, raw, nil
}

// fillUp adds to a *NotEnoughError how much to send where: what pays for one
// transaction, and leaves change that is worth keeping. left coins were not
// looked at.
func (s *KeySigner) fillUp(err error, rate FeeRate, left int) error {
	if !errors.As(err, new(*NotEnoughError)) || left == 0 && errors.As(err, new(*Remedy)) {
		return err
	}
	script := s.public.Script()
	enough, feeErr := Suffices(script, script, rate)
	if feeErr != nil {
		return err
	}
	text := fmt.Sprintf("send %d satoshi or more to %s, and wait until a block has them", enough, s.public.Address())
	if left > 0 {
		text = fmt.Sprintf("%d coins of %s were not looked at: name those to spend", left, s.public.Address())
	}
	return &Remedy{Err: err, Text: text}
}

var _ Signer = (*KeySigner)(nil)

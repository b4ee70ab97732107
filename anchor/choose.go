package anchor

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/bitcoin"
)

// Choose picks the coins for a transaction of Build, of those that are not
// reserved:
//
//   - the smallest that pays alone and leaves change worth keeping, or nothing;
//   - else the smallest that pays alone, although what is left goes to the fee;
//   - else the fewest that pay together, the largest first.
//
// The same coins in another order give the same choice. Where they are not
// enough it is a *NotEnoughError; where they would be, but are so small that a
// transaction cannot hold as many as it takes, a Remedy says what to do. Other
// errors are those of Build.
func Choose(coins []Coin, reserved []wire.OutPoint, change []byte, rate FeeRate) ([]Coin, error) {
	free := slices.DeleteFunc(slices.Clone(coins), func(c Coin) bool { return slices.Contains(reserved, c.OutPoint) })
	slices.SortFunc(free, func(a, b Coin) int {
		return cmp.Or(cmp.Compare(a.Value, b.Value), bytes.Compare(a.OutPoint.Hash[:], b.OutPoint.Hash[:]), cmp.Compare(a.OutPoint.Index, b.OutPoint.Index))
	})
	one, err := chooseOne(free, change, rate)
	if one != nil || err != nil {
		return one, err
	}
	slices.Reverse(free)
	return chooseFewest(free, change, rate)
}

// chooseOne is the coin, of those given in ascending order, that pays alone; nil
// where none does.
func chooseOne(coins []Coin, change []byte, rate FeeRate) ([]Coin, error) {
	var first []Coin // pays, and some of it is lost
	for i := range coins {
		one := coins[i : i+1]
		tx, _, err := Build(one, change, [32]byte{}, rate)
		if errors.As(err, new(*NotEnoughError)) {
			continue
		}
		if err != nil {
			return nil, err
		}
		least, err := rate.Fee(signedVSize(tx, one))
		if err != nil {
			return nil, err
		}
		if len(tx.TxOut) > 1 || one[0].Value == least {
			return one, nil
		}
		if first == nil {
			first = one
		}
	}
	return first, nil
}

// chooseFewest takes of coins, given in descending order, the first ones that
// pay together. It stops at a coin that costs more than it brings.
func chooseFewest(coins []Coin, change []byte, rate FeeRate) ([]Coin, error) {
	if len(coins) == 0 {
		return nil, noCoin(change, rate)
	}
	var short *NotEnoughError
	for n := 1; n <= len(coins); n++ {
		if !fits(coins[:n], change) {
			return nil, &Remedy{Err: short, Text: fmt.Sprintf("the coins are too small, and one transaction holds %d of them at most: send them to the same address in one transaction first, or send a larger one there", n-1)}
		}
		_, _, err := Build(coins[:n], change, [32]byte{}, rate)
		if err == nil {
			return coins[:n], nil
		}
		var now *NotEnoughError
		if !errors.As(err, &now) {
			return nil, err
		}
		if short != nil && now.missing() >= short.missing() {
			break
		}
		short = now
	}
	return nil, short
}

// fits tells whether a transaction of Build can hold so many coins.
func fits(coins []Coin, change []byte) bool {
	tx := commit(coins, [32]byte{})
	tx.AddTxOut(wire.NewTxOut(0, change))
	return tx.SerializeSizeStripped() <= bitcoin.MaxTransaction
}

// Suffices is how many satoshi, in one coin that pays to script, pay for a
// transaction at the rate and leave change that is worth keeping.
func Suffices(script, change []byte, rate FeeRate) (int64, error) {
	one, out := []Coin{{Script: script}}, wire.NewTxOut(0, change)
	tx := commit(one, [32]byte{})
	tx.AddTxOut(out)
	fee, err := rate.Fee(signedVSize(tx, one))
	return fee + dustLimit(out), err
}

// noCoin is the error where there is nothing to choose from. What is needed is
// for one coin that pays to the change script.
func noCoin(change []byte, rate FeeRate) error {
	least, err := rate.Fee(signedVSize(commit(make([]Coin, 1), [32]byte{}), []Coin{{Script: change}}))
	if err != nil {
		return err
	}
	return &NotEnoughError{Needed: least}
}

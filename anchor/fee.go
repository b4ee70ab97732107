package anchor

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// FeeRate is what a transaction pays for its size, in satoshi per 1,000
// virtual bytes: whole numbers, so that no fee depends on how a fraction was
// rounded. Two sat/vB are 2 * SatPerVByte.
type FeeRate int64

// SatPerVByte is 1 satoshi per virtual byte, the least that Build takes and
// that nodes relay by default.
const SatPerVByte FeeRate = 1000

// Fee is the fee in satoshi for a size in virtual bytes, rounded up. A rate
// below 1 sat/vB is an error, and so is a fee of more money than there can be.
func (r FeeRate) Fee(vsize int64) (int64, error) {
	if r < SatPerVByte {
		return 0, fmt.Errorf("invalid fee rate of %s, want at least %s", r, SatPerVByte)
	}
	// The product of two int64 can overflow one.
	fee := new(big.Int).Mul(big.NewInt(int64(r)), big.NewInt(vsize))
	fee.Add(fee, big.NewInt(int64(SatPerVByte)-1))
	fee.Div(fee, big.NewInt(int64(SatPerVByte)))
	if fee.Cmp(big.NewInt(btcutil.MaxSatoshi)) > 0 {
		return 0, fmt.Errorf("invalid fee rate of %s: %d virtual bytes would cost %s satoshi, more than there can be", r, vsize, fee)
	}
	return fee.Int64(), nil
}

// String is the rate as people write it: "1.5 sat/vB".
func (r FeeRate) String() string {
	s := new(big.Rat).SetFrac64(int64(r), int64(SatPerVByte)).FloatString(3)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") + " sat/vB"
}

// The largest witness of an input in bytes (BIP 141): the number of items, and
// each item with its length. A DER signature has at most 71 bytes (its s is the
// lower of two values, its r may need a 33rd byte) and the sighash byte, a
// compressed public key 33. A Schnorr signature of sighash type DEFAULT has 64
// (BIP 341).
const (
	p2wpkhWitness = 1 + (1 + 71 + 1) + (1 + 33)
	p2trWitness   = 1 + (1 + 64)
)

// witnessSize is the size of the largest witness with which a script that
// sum accepts is spent.
func witnessSize(script []byte) int {
	if txscript.IsPayToTaproot(script) {
		return p2trWitness
	}
	return p2wpkhWitness
}

// segwitMarker is the marker and the flag of the witness serialization
// (BIP 144), in bytes.
const segwitMarker = 2

// signedVSize is the virtual size of an unsigned transaction once each of its
// inputs, which spend the coins, has its largest witness.
func signedVSize(tx *wire.MsgTx, coins []Coin) int64 {
	witness := segwitMarker
	for _, coin := range coins {
		witness += witnessSize(coin.Script)
	}
	return virtualSize(tx.SerializeSizeStripped(), witness)
}

// virtualSize is a quarter of the weight, rounded up (BIP 141): a byte of
// witness data weighs 1, any other 4.
func virtualSize(stripped, witness int) int64 {
	weight := 4*int64(stripped) + int64(witness)
	return (weight + 3) / 4
}

// dustRate is the fee rate in sat/vB at which nodes judge whether an output is
// worth spending. It is their default and not the rate of the transaction.
const dustRate = 3

// spendSize is the size that nodes assume for the input that will spend a
// witness program: outpoint, empty script with its length, sequence, and a
// quarter of a P2WPKH witness of 107 bytes, rounded down.
const spendSize = 36 + 1 + 4 + 107/4

// dustLimit is the least value in satoshi with which nodes relay an output
// that pays to a witness program: what it costs at dustRate to make the output
// and to spend it. That is 294 for P2WPKH and 330 for P2TR and P2WSH.
func dustLimit(out *wire.TxOut) int64 {
	return dustRate * int64(out.SerializeSize()+spendSize)
}

package anchor

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/anchor/coinkey"
	"gradseal/proof"
)

// txVersion is 2, so that a relative lock time (BIP 68) would have a meaning;
// none is set.
const txVersion = 2

// sequence signals replaceability (BIP 125: below 0xfffffffe), with no relative
// lock time (BIP 68: the top bit is set).
const sequence = 0xfffffffd

// NotEnoughError is the error of Build when the coins do not pay for the
// transaction.
type NotEnoughError struct {
	Needed    int64 // satoshi, for these coins as inputs and no change output
	Available int64 // satoshi, the sum of the coins
}

func (e *NotEnoughError) Error() string {
	return fmt.Sprintf("not enough money: %d satoshi needed, %d satoshi available", e.Needed, e.Available)
}

func (e *NotEnoughError) missing() int64 { return e.Needed - e.Available }

// Build makes the unsigned transaction that spends all of coins, commits to
// root in output 0 and pays what is left after the fee to the change script in
// output 1. Where that is less than the dust limit there is no output 1, and
// the fee is all that the coins hold. It returns the transaction and its fee
// in satoshi.
//
// The fee is the fee rate times the virtual size with signatures, rounded up.
// An ECDSA signature is counted with 72 bytes, the largest there is, so that the
// rate is never below what was asked for; about half the signatures are a byte
// shorter, which is a quarter of a virtual byte. A Schnorr signature has 64.
//
// The coins must pay to a witness public key hash (P2WPKH) or to a taproot
// output (P2TR), which its key will spend; the change to a witness program. Other errors: no coin or the same one twice; an amount that
// is not above zero, or more than there can be; a fee rate below 1 sat/vB; a
// *NotEnoughError; a transaction without its witness of fewer than 65 or more
// than 4000 bytes, or that does not commit to root as proof.ParseCommitment
// reads it.
func Build(coins []Coin, change []byte, root [32]byte, rate FeeRate) (*wire.MsgTx, int64, error) {
	total, err := sum(coins)
	if err != nil {
		return nil, 0, err
	}
	if !txscript.IsWitnessProgram(change) {
		return nil, 0, fmt.Errorf("unsupported change script %x, want a witness program", change)
	}
	tx := commit(coins, root)
	fee, err := addChange(tx, coins, total, change, rate)
	if err != nil {
		return nil, 0, err
	}
	if err := checkCommitment(tx, root); err != nil {
		return nil, 0, err
	}
	return tx, fee, nil
}

// Estimate is what a transaction of Build measures and costs.
type Estimate struct {
	Stripped int64 // bytes without signatures: what a proof carries
	VSize    int64 // virtual bytes (BIP 141), an ECDSA signature counted with 72 bytes
	Fee      int64 // satoshi
}

// NewEstimate measures the transaction that Build makes of the same arguments;
// its size does not depend on the root.
func NewEstimate(coins []Coin, change []byte, rate FeeRate) (*Estimate, error) {
	tx, fee, err := Build(coins, change, [32]byte{}, rate)
	if err != nil {
		return nil, err
	}
	return &Estimate{Stripped: int64(tx.SerializeSizeStripped()), VSize: signedVSize(tx, coins), Fee: fee}, nil
}

// commit is the transaction from the coins to the commitment alone.
func commit(coins []Coin, root [32]byte) *wire.MsgTx {
	tx := wire.NewMsgTx(txVersion)
	for _, coin := range coins {
		tx.AddTxIn(&wire.TxIn{PreviousOutPoint: coin.OutPoint, Sequence: sequence})
	}
	tx.AddTxOut(wire.NewTxOut(0, proof.Commitment(root)))
	return tx
}

// addChange gives tx its change output where that is worth it, and returns the
// fee that tx then pays out of total.
func addChange(tx *wire.MsgTx, coins []Coin, total int64, change []byte, rate FeeRate) (int64, error) {
	bare, err := rate.Fee(signedVSize(tx, coins))
	if err != nil {
		return 0, err
	}
	if total < bare {
		return 0, &NotEnoughError{Needed: bare, Available: total}
	}
	out := wire.NewTxOut(0, change)
	tx.AddTxOut(out)
	fee, err := rate.Fee(signedVSize(tx, coins))
	if err != nil {
		return 0, err
	}
	if out.Value = total - fee; out.Value < dustLimit(out) {
		tx.TxOut = tx.TxOut[:1]
		return total, nil
	}
	return fee, nil
}

// sum is the value of the coins, each checked to be one that Build can spend.
func sum(coins []Coin) (int64, error) {
	if len(coins) == 0 {
		return 0, errors.New("no coin to spend")
	}
	var total int64
	seen := make(map[wire.OutPoint]bool, len(coins))
	for _, coin := range coins {
		if seen[coin.OutPoint] {
			return 0, fmt.Errorf("coin %s is given twice", coin.OutPoint)
		}
		seen[coin.OutPoint] = true
		if !txscript.IsPayToWitnessPubKeyHash(coin.Script) && !txscript.IsPayToTaproot(coin.Script) {
			return 0, fmt.Errorf("coin %s: unsupported script %x, want pay to witness public key hash or taproot", coin.OutPoint, coin.Script)
		}
		if coin.Value <= 0 || coin.Value > btcutil.MaxSatoshi {
			return 0, fmt.Errorf("coin %s: invalid value of %d satoshi, want 1 to %d", coin.OutPoint, coin.Value, int64(btcutil.MaxSatoshi))
		}
		// Two amounts in range cannot overflow.
		if total += coin.Value; total > btcutil.MaxSatoshi {
			return 0, fmt.Errorf("the coins hold more than the %d satoshi that there can be", int64(btcutil.MaxSatoshi))
		}
	}
	return total, nil
}

// checkCommitment reads tx as a verifier will, without its witness.
func checkCommitment(tx *wire.MsgTx, root [32]byte) error {
	stripped, err := Stripped(tx)
	if err != nil {
		return err
	}
	got, err := commitmentOf(stripped)
	if err != nil {
		return err
	}
	if got != root {
		return fmt.Errorf("the transaction commits to %x, want %x", got, root)
	}
	return nil
}

// Stripped is the serialization of tx without its witness, which its id is the
// hash of and which a proof carries.
func Stripped(tx *wire.MsgTx) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(tx.SerializeSizeStripped())
	if err := tx.SerializeNoWitness(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Sign signs every input of tx with the key, then runs the input scripts with
// the rules that nodes apply before they relay a transaction. coins says what
// the inputs spend, in any order; each must pay to the key's witness public
// key hash, or to its taproot output (coinkey.Type.Script). On an error tx is as
// it was.
//
// The same key and transaction give the same signatures: the nonce is that of
// RFC 6979, in Schnorr signatures too.
func Sign(tx *wire.MsgTx, coins []Coin, key *btcec.PrivateKey) error {
	prevOuts, err := previousOutputs(tx, coins)
	if err != nil {
		return err
	}
	hashes := txscript.NewTxSigHashes(tx, prevOuts)
	signed := tx.Copy()
	for i := range signed.TxIn {
		if err := signInput(signed, i, hashes, prevOuts, key); err != nil {
			return err
		}
	}
	if err := runScripts(signed, prevOuts); err != nil {
		return err
	}
	for i, in := range signed.TxIn {
		tx.TxIn[i].Witness = in.Witness
	}
	return nil
}

func signInput(tx *wire.MsgTx, i int, hashes *txscript.TxSigHashes, prevOuts txscript.PrevOutputFetcher, key *btcec.PrivateKey) error {
	in := tx.TxIn[i]
	spent := prevOuts.FetchPrevOutput(in.PreviousOutPoint)
	var err error
	switch {
	case bytes.Equal(spent.PkScript, coinkey.P2WPKH.Script(key.PubKey())):
		in.Witness, err = txscript.WitnessSignature(tx, hashes, i, spent.Value, spent.PkScript, txscript.SigHashAll, key, true)
	case bytes.Equal(spent.PkScript, coinkey.P2TR.Script(key.PubKey())):
		in.Witness, err = txscript.TaprootWitnessSignature(tx, hashes, i, spent.Value, spent.PkScript, txscript.SigHashDefault, key)
	default:
		return fmt.Errorf("input %d spends script %x, which is none of the key", i, spent.PkScript)
	}
	if err != nil {
		return fmt.Errorf("signing input %d: %w", i, err)
	}
	return nil
}

// previousOutputs finds the coin of every input.
func previousOutputs(tx *wire.MsgTx, coins []Coin) (*txscript.MultiPrevOutFetcher, error) {
	prevOuts := txscript.NewMultiPrevOutFetcher(nil)
	for _, coin := range coins {
		prevOuts.AddPrevOut(coin.OutPoint, wire.NewTxOut(coin.Value, coin.Script))
	}
	for i, in := range tx.TxIn {
		if prevOuts.FetchPrevOutput(in.PreviousOutPoint) == nil {
			return nil, fmt.Errorf("input %d spends %s, which is not among the %d coins", i, in.PreviousOutPoint, len(coins))
		}
	}
	return prevOuts, nil
}

func runScripts(tx *wire.MsgTx, prevOuts txscript.PrevOutputFetcher) error {
	hashes := txscript.NewTxSigHashes(tx, prevOuts)
	for i, in := range tx.TxIn {
		spent := prevOuts.FetchPrevOutput(in.PreviousOutPoint)
		engine, err := txscript.NewEngine(spent.PkScript, tx, i, txscript.StandardVerifyFlags, nil, hashes, spent.Value, prevOuts)
		if err == nil {
			err = engine.Execute()
		}
		if err != nil {
			return fmt.Errorf("input %d: the script refuses the signature: %w", i, err)
		}
	}
	return nil
}

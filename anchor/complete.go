package anchor

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Check reads a signed transaction and checks that it is this one: the same but
// for the witnesses, which the scripts accept, and which allow no other
// transaction (sighash type ALL, or DEFAULT of BIP 341). The fee is then the
// one of the request.
func (r *Request) Check(raw []byte) error {
	tx, err := decode(raw)
	if err != nil {
		return err
	}
	if err := r.compare(tx); err != nil {
		return err
	}
	coins := r.Coins()
	for i, in := range tx.TxIn {
		if err := checkWitness(in.Witness, coins[i].Script); err != nil {
			return fmt.Errorf("input %d: %w", i, err)
		}
	}
	prevOuts, err := previousOutputs(tx, coins)
	if err != nil {
		return err
	}
	return runScripts(tx, prevOuts)
}

// compare checks that tx is the transaction of the request, witnesses aside.
func (r *Request) compare(tx *wire.MsgTx) error {
	if err := difference(tx, r.Packet.UnsignedTx); err != nil {
		return fmt.Errorf("not the transaction that was to be signed: %w", err)
	}
	return nil
}

// difference says in what a transaction is not the one wanted.
func difference(got, want *wire.MsgTx) error {
	switch {
	case got.Version != want.Version:
		return fmt.Errorf("version %d, want %d", got.Version, want.Version)
	case got.LockTime != want.LockTime:
		return fmt.Errorf("lock time %d, want %d", got.LockTime, want.LockTime)
	case len(got.TxIn) != len(want.TxIn):
		return fmt.Errorf("%d inputs, want %d", len(got.TxIn), len(want.TxIn))
	case len(got.TxOut) != len(want.TxOut):
		return fmt.Errorf("%d outputs, want %d", len(got.TxOut), len(want.TxOut))
	}
	for i, in := range got.TxIn {
		if err := inputDifference(in, want.TxIn[i]); err != nil {
			return fmt.Errorf("input %d %w", i, err)
		}
	}
	for i, out := range got.TxOut {
		if err := outputDifference(out, want.TxOut[i]); err != nil {
			return fmt.Errorf("output %d %w", i, err)
		}
	}
	if got.TxHash() != want.TxHash() {
		return fmt.Errorf("its id is %s, want %s", got.TxHash(), want.TxHash())
	}
	return nil
}

func inputDifference(got, want *wire.TxIn) error {
	switch {
	case got.PreviousOutPoint != want.PreviousOutPoint:
		return fmt.Errorf("spends %s, want %s", got.PreviousOutPoint, want.PreviousOutPoint)
	case got.Sequence != want.Sequence:
		return fmt.Errorf("has sequence %08x, want %08x", got.Sequence, want.Sequence)
	case len(got.SignatureScript) > 0:
		return fmt.Errorf("has a script of %d bytes, want a witness alone", len(got.SignatureScript))
	}
	return nil
}

func outputDifference(got, want *wire.TxOut) error {
	switch same := bytes.Equal(got.PkScript, want.PkScript); {
	case !same && txscript.IsNullData(want.PkScript):
		return errors.New("does not have the commitment")
	case !same:
		return fmt.Errorf("pays %d satoshi to another script (%x)", got.Value, got.PkScript)
	case got.Value != want.Value:
		return fmt.Errorf("pays %d satoshi, want %d", got.Value, want.Value)
	}
	return nil
}

// checkWitness checks the form of a witness: a signature of a type that covers
// the whole transaction, and for P2WPKH the public key. A P2TR output could be
// spent by a script, or with an annex, too: by nobody who was asked.
func checkWitness(witness wire.TxWitness, script []byte) error {
	want := 2
	if txscript.IsPayToTaproot(script) {
		want = 1
	}
	if len(witness) == 0 {
		return errors.New("not signed")
	}
	if len(witness) != want {
		return fmt.Errorf("a witness of %d items, want %d", len(witness), want)
	}
	signature := witness[0]
	if want == 1 && len(signature) == 64 {
		return nil // sighash type DEFAULT
	}
	if len(signature) == 0 {
		return errors.New("not signed")
	}
	if t := txscript.SigHashType(signature[len(signature)-1]); t != txscript.SigHashAll {
		return fmt.Errorf("a signature of sighash type %#02x, want %#02x (ALL): it would let others change the transaction", uint32(t), uint32(txscript.SigHashAll))
	}
	return nil
}

// maxAnswer is the size in bytes of the largest answer of a signer that is
// read: a PSBT in hex.
const maxAnswer = 2*MaxRequest + 2

// Complete reads what a signer made of the request, and returns the signed
// transaction (witness serialization), checked as by Check. It may be the PSBT
// with signatures, finalised or not, in binary, base64 or hex, or the signed
// transaction in binary or hex; space and line feeds around text are
// overlooked. Of a PSBT nothing but the signatures is used.
func (r *Request) Complete(data []byte) ([]byte, error) {
	raw, err := unwrap(data)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(raw, []byte(psbtMagic)) {
		if tx, err := decodeStripped(raw); err == nil && r.compare(tx) == nil {
			return nil, errors.New("the transaction is not signed")
		}
		return r.checked(raw)
	}
	packet, err := parsePacket(raw)
	if err != nil {
		return nil, err
	}
	if raw, err = r.finish(packet); err != nil {
		return nil, err
	}
	return r.checked(raw)
}

func (r *Request) checked(raw []byte) ([]byte, error) {
	if err := r.Check(raw); err != nil {
		return nil, err
	}
	return raw, nil
}

// unwrap decodes text.
func unwrap(data []byte) ([]byte, error) {
	if len(data) > maxAnswer {
		return nil, fmt.Errorf("malformed answer of the signer: %d bytes, want at most %d", len(data), maxAnswer)
	}
	text := string(bytes.TrimSpace(data))
	if raw, err := hex.DecodeString(text); err == nil {
		return raw, nil
	}
	if raw, err := base64.StdEncoding.Strict().DecodeString(text); err == nil {
		return raw, nil
	}
	if len(text) > 0 && text[0] == '{' {
		return nil, errors.New(`malformed answer of the signer: it is JSON, want the value of "psbt" or of "hex" in it alone`)
	}
	return data, nil
}

// finish makes the signed transaction from the signatures in a PSBT.
func (r *Request) finish(packet *psbt.Packet) ([]byte, error) {
	if err := r.compare(packet.UnsignedTx); err != nil {
		return nil, err
	}
	tx := r.Packet.UnsignedTx.Copy()
	for i, coin := range r.Coins() {
		witness, err := witnessOf(&packet.Inputs[i], coin.Script)
		if err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
		tx.TxIn[i].Witness = witness
	}
	var b bytes.Buffer
	if err := tx.Serialize(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// witnessOf is the witness of one input: the final one where there is one, or
// the signature that its script asks for.
func witnessOf(input *psbt.PInput, script []byte) (wire.TxWitness, error) {
	if input.FinalScriptWitness != nil {
		return parseWitness(input.FinalScriptWitness)
	}
	if txscript.IsPayToTaproot(script) {
		if input.TaprootKeySpendSig == nil {
			return nil, errors.New("not signed")
		}
		return wire.TxWitness{input.TaprootKeySpendSig}, nil
	}
	for _, sig := range input.PartialSigs {
		if bytes.Equal(address.Hash160(sig.PubKey), script[2:]) {
			return wire.TxWitness{sig.Signature, sig.PubKey}, nil
		}
	}
	return nil, errors.New("not signed")
}

// parseWitness reads the witness of one input (BIP 144).
func parseWitness(data []byte) (wire.TxWitness, error) {
	r := &reader{left: data}
	var witness wire.TxWitness
	for range r.count(minItem) {
		witness = append(witness, r.takeString())
	}
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("malformed witness: %w", err)
	}
	return witness, nil
}

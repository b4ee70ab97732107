package anchor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/anchor/coinkey"
	"gradseal/bitcoin"
	"gradseal/proof"
)

// Request is an unsigned transaction with what its inputs spend: a partially
// signed Bitcoin transaction (BIP 174). It is on disk before anybody signs.
//
// Output 0 is the commitment, output 1 the change where there is any; every
// input spends P2WPKH or P2TR and signals that it may be replaced (BIP 125).
// Nothing in it is signed.
type Request struct {
	Packet *psbt.Packet
}

// NewRequest makes the request for tx. coins are what its inputs spend, in any
// order; previous are the transactions that made them, without witness.
//
// With the previous transaction of a P2WPKH input a signer can see for itself
// what the input is worth, and many hardware wallets sign for no other: of two
// requests with one input's value wrong in each, the two signatures would make a
// transaction with a fee that nobody was shown (the signature of BIP 143 covers
// the value of its own input only). A P2TR signature covers the values of all
// inputs (BIP 341), so that its previous transaction is checked and left out.
// No sighash type is named: signers then use ALL, or DEFAULT of BIP 341, and
// some refuse a request that names what they would have used.
func NewRequest(tx *wire.MsgTx, coins []Coin, previous map[wire.OutPoint][]byte) (*Request, error) {
	prevOuts, err := previousOutputs(tx, coins)
	if err != nil {
		return nil, err
	}
	packet, err := psbt.NewFromUnsignedTx(tx.Copy())
	if err != nil {
		return nil, err
	}
	for i, in := range packet.UnsignedTx.TxIn {
		input, spent := &packet.Inputs[i], prevOuts.FetchPrevOutput(in.PreviousOutPoint)
		input.WitnessUtxo = spent
		if raw, ok := previous[in.PreviousOutPoint]; ok {
			if input.NonWitnessUtxo, err = decodeStripped(raw); err != nil {
				return nil, fmt.Errorf("input %d: previous transaction: %w", i, err)
			}
		}
	}
	r := &Request{packet}
	if err := r.check(); err != nil {
		return nil, err
	}
	for i := range packet.Inputs {
		if input := &packet.Inputs[i]; txscript.IsPayToTaproot(input.WitnessUtxo.PkScript) {
			input.NonWitnessUtxo = nil
		}
	}
	return r, nil
}

// ParseRequest reads what Marshal writes, and what other programs make of it
// before they sign. It refuses more than MaxRequest bytes, keys that are there
// twice, bytes left over, signatures, and what NewRequest would not make; fields
// that it does not know it keeps.
func ParseRequest(data []byte) (*Request, error) {
	packet, err := parsePacket(data)
	if err != nil {
		return nil, err
	}
	r := &Request{packet}
	for i := range packet.Inputs {
		if err := fillSpent(&packet.Inputs[i], packet.UnsignedTx.TxIn[i].PreviousOutPoint); err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return r, nil
}

// fillSpent takes the output that is spent from the previous transaction, where
// only that is there.
func fillSpent(input *psbt.PInput, at wire.OutPoint) error {
	if input.WitnessUtxo != nil {
		return nil
	}
	if input.NonWitnessUtxo == nil {
		return errors.New("the PSBT does not say what it spends")
	}
	out, err := outputAt(input.NonWitnessUtxo, at)
	input.WitnessUtxo = out
	return err
}

// outputAt is the output of tx that an outpoint names; it must name tx.
func outputAt(tx *wire.MsgTx, at wire.OutPoint) (*wire.TxOut, error) {
	if id := tx.TxHash(); id != at.Hash {
		return nil, fmt.Errorf("previous transaction %s, want %s", id, at.Hash)
	}
	if uint64(at.Index) >= uint64(len(tx.TxOut)) {
		return nil, fmt.Errorf("output %d of transaction %s, which has %d", at.Index, at.Hash, len(tx.TxOut))
	}
	return tx.TxOut[at.Index], nil
}

// check checks what is true of every request. Every input has its WitnessUtxo.
func (r *Request) check() error {
	tx := r.Packet.UnsignedTx
	if err := checkShape(tx); err != nil {
		return err
	}
	for i, in := range tx.TxIn {
		if err := checkInput(&r.Packet.Inputs[i], in); err != nil {
			return fmt.Errorf("input %d: %w", i, err)
		}
	}
	total, err := sum(r.Coins())
	if err != nil {
		return err
	}
	if len(tx.TxOut) > 1 && (tx.TxOut[1].Value < 0 || tx.TxOut[1].Value > total) {
		return fmt.Errorf("the change is %d satoshi, and the coins hold %d", tx.TxOut[1].Value, total)
	}
	return nil
}

// checkShape checks that tx is an anchor with at most one output more, of which
// later versions can take their fee.
func checkShape(tx *wire.MsgTx) error {
	if err := checkAnchor(tx); err != nil {
		return err
	}
	if !bytes.HasPrefix(tx.TxOut[0].PkScript, proof.Commitment([32]byte{})[:6]) {
		return errors.New("the commitment is not in output 0")
	}
	if len(tx.TxOut) > 2 {
		return fmt.Errorf("%d outputs, want the commitment and the change", len(tx.TxOut))
	}
	if len(tx.TxOut) == 2 && !txscript.IsWitnessProgram(tx.TxOut[1].PkScript) {
		return fmt.Errorf("unsupported change script %x, want a witness program", tx.TxOut[1].PkScript)
	}
	return nil
}

func checkInput(input *psbt.PInput, in *wire.TxIn) error {
	if in.Sequence != sequence {
		return fmt.Errorf("sequence %08x, want %08x (it signals that a version with a higher fee may follow, BIP 125)", in.Sequence, uint32(sequence))
	}
	if input.NonWitnessUtxo != nil {
		out, err := outputAt(input.NonWitnessUtxo, in.PreviousOutPoint)
		if err != nil {
			return err
		}
		if out.Value != input.WitnessUtxo.Value || !bytes.Equal(out.PkScript, input.WitnessUtxo.PkScript) {
			return errors.New("what it spends is not in the previous transaction")
		}
	}
	if t := input.SighashType; t != txscript.SigHashDefault && t != txscript.SigHashAll {
		return fmt.Errorf("unsupported sighash type %d, want %d (ALL)", t, txscript.SigHashAll)
	}
	if input.PartialSigs != nil || input.FinalScriptSig != nil || input.FinalScriptWitness != nil ||
		input.TaprootKeySpendSig != nil || input.TaprootScriptSpendSig != nil {
		return errors.New("it is signed, want a transaction that is yet to be signed")
	}
	return nil
}

// AddKey says in the request where a wallet finds the key of those inputs, and
// of the change, that pay to its address (BIP 32, BIP 371). Of an address alone
// there is nothing to say.
func (r *Request) AddKey(p *coinkey.Public) {
	key := p.PublicKey()
	if key == nil {
		return
	}
	from, path := p.Origin()
	fingerprint := binary.LittleEndian.Uint32(from[:]) // as package psbt writes it
	own := []*psbt.Bip32Derivation{{PubKey: key.SerializeCompressed(), MasterKeyFingerprint: fingerprint, Bip32Path: path}}
	xonly := schnorr.SerializePubKey(key)
	tap := []*psbt.TaprootBip32Derivation{{XOnlyPubKey: xonly, MasterKeyFingerprint: fingerprint, Bip32Path: path}}
	isTaproot := p.Type() == coinkey.P2TR
	for i := range r.Packet.Inputs {
		input := &r.Packet.Inputs[i]
		switch {
		case !bytes.Equal(input.WitnessUtxo.PkScript, p.Script()):
		case isTaproot:
			input.TaprootInternalKey, input.TaprootBip32Derivation = xonly, tap
		default:
			input.Bip32Derivation = own
		}
	}
	for i, out := range r.Packet.UnsignedTx.TxOut {
		output := &r.Packet.Outputs[i]
		switch {
		case !bytes.Equal(out.PkScript, p.Script()):
		case isTaproot:
			output.TaprootInternalKey, output.TaprootBip32Derivation = xonly, tap
		default:
			output.Bip32Derivation = own
		}
	}
}

// Marshal is the request as BIP 174 has it, in binary.
func (r *Request) Marshal() ([]byte, error) {
	var b bytes.Buffer
	if err := r.Packet.Serialize(&b); err != nil {
		return nil, err
	}
	if b.Len() > MaxRequest {
		return nil, fmt.Errorf("the coins come from transactions that are too large: with them the PSBT has %d bytes, at most %d are allowed", b.Len(), MaxRequest)
	}
	return b.Bytes(), nil
}

// Unsigned is the transaction without witnesses: what its id is the hash of.
func (r *Request) Unsigned() []byte {
	stripped, err := Stripped(r.Packet.UnsignedTx)
	if err != nil {
		panic(err) // writing to memory does not fail
	}
	return stripped
}

// Coins are what the inputs spend, in order.
func (r *Request) Coins() []Coin {
	coins := make([]Coin, len(r.Packet.Inputs))
	for i, in := range r.Packet.UnsignedTx.TxIn {
		spent := r.Packet.Inputs[i].WitnessUtxo
		coins[i] = Coin{OutPoint: in.PreviousOutPoint, Value: spent.Value, Script: spent.PkScript}
	}
	return coins
}

// Root is the batch root that the transaction commits to.
func (r *Request) Root() [32]byte {
	script := r.Packet.UnsignedTx.TxOut[0].PkScript
	return [32]byte(script[len(script)-32:])
}

// ID is the id of the transaction, which signatures do not change.
func (r *Request) ID() bitcoin.Hash { return bitcoin.Hash(r.Packet.UnsignedTx.TxHash()) }

// Fee is in satoshi.
func (r *Request) Fee() int64 {
	var fee int64
	for _, coin := range r.Coins() {
		fee += coin.Value
	}
	for _, out := range r.Packet.UnsignedTx.TxOut {
		fee -= out.Value
	}
	return fee
}

// VSize is the virtual size with the largest signatures (BIP 141).
func (r *Request) VSize() int64 { return signedVSize(r.Packet.UnsignedTx, r.Coins()) }

// Rate is what the transaction pays for VSize, rounded down.
func (r *Request) Rate() FeeRate { return FeeRate(r.Fee() * int64(SatPerVByte) / r.VSize()) }

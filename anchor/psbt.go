package anchor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/bitcoin"
)

// MaxRequest is the size in bytes of the largest partially signed transaction
// that is read or written: room for ten previous transactions of the largest
// size that nodes relay.
const MaxRequest = 1 << 20

// psbtMagic begins every partially signed transaction (BIP 174).
const psbtMagic = "psbt\xff"

// The key types of BIP 174 that are looked at before package psbt reads them,
// each without key data.
const (
	globalUnsignedTx    = 0x00
	globalVersion       = 0xfb
	inputNonWitnessUTXO = 0x00
	inputWitnessUTXO    = 0x01
)

// parsePacket reads a partially signed transaction of at most MaxRequest bytes
// with nothing left over. It is stricter than package psbt, which overlooks some
// keys that are there twice, and bytes at the end, and which allocates on the
// word of counts.
func parsePacket(data []byte) (*psbt.Packet, error) {
	if len(data) > MaxRequest {
		return nil, fmt.Errorf("malformed PSBT: %d bytes, want at most %d", len(data), MaxRequest)
	}
	if err := checkPacket(data); err != nil {
		return nil, fmt.Errorf("malformed PSBT: %w", err)
	}
	packet, err := psbt.NewFromRawBytes(bytes.NewReader(data), false)
	if err != nil {
		return nil, fmt.Errorf("malformed PSBT: %w", err)
	}
	return packet, nil
}

// checkPacket walks over the maps of a PSBT: one for the whole, then one for
// each input and one for each output of the unsigned transaction.
func checkPacket(data []byte) error {
	r := &reader{left: data}
	if string(r.take(uint64(len(psbtMagic)))) != psbtMagic {
		return errors.New("it does not begin as one")
	}
	global := r.pairs()
	if r.err != nil {
		return r.err
	}
	raw, ok := global[string([]byte{globalUnsignedTx})]
	if !ok {
		return errNoUnsignedTx(global)
	}
	tx, err := parseUnsigned(raw)
	if err != nil {
		return err
	}
	for range tx.TxIn {
		if err := checkInputPairs(r.pairs()); err != nil {
			return err
		}
	}
	for range tx.TxOut {
		r.pairs()
	}
	return r.end()
}

// errNoUnsignedTx says why a PSBT has no unsigned transaction: from version 2 on
// (BIP 370) it is in parts.
func errNoUnsignedTx(global map[string][]byte) error {
	if version := global[string([]byte{globalVersion})]; len(version) == 4 {
		return fmt.Errorf("it has version %d, only version 0 (BIP 174) is supported", binary.LittleEndian.Uint32(version))
	}
	return errors.New("it has no unsigned transaction")
}

// parseUnsigned reads the unsigned transaction.
func parseUnsigned(raw []byte) (*wire.MsgTx, error) {
	if len(raw) > bitcoin.MaxTransaction {
		return nil, fmt.Errorf("an unsigned transaction of %d bytes, want at most %d", len(raw), bitcoin.MaxTransaction)
	}
	tx, err := decodeStripped(raw)
	if err != nil {
		return nil, err
	}
	if len(tx.TxIn) == 0 || len(tx.TxOut) == 0 {
		return nil, errors.New("an unsigned transaction without inputs or without outputs")
	}
	return tx, nil
}

// checkInputPairs checks what package psbt would take on trust: the sizes in the
// previous transaction, and that of the script in the output that is spent.
func checkInputPairs(pairs map[string][]byte) error {
	if raw, ok := pairs[string([]byte{inputNonWitnessUTXO})]; ok {
		if err := measureAny(raw); err != nil {
			return fmt.Errorf("previous transaction: %w", err)
		}
	}
	if out, ok := pairs[string([]byte{inputWitnessUTXO})]; ok {
		r := &reader{left: out}
		r.skip(8) // value
		r.skipString()
		if err := r.end(); err != nil {
			return fmt.Errorf("output that is spent: %w", err)
		}
	}
	return nil
}

// measureAny is measure for a transaction with or without its witness, told
// apart as package wire does.
func measureAny(raw []byte) error {
	if hasMarker(raw) {
		return measure(raw)
	}
	return measureStripped(raw)
}

// hasMarker tells whether the number of inputs is zero, which is the marker of
// the witness serialization (BIP 144).
func hasMarker(raw []byte) bool { return len(raw) > 4 && raw[4] == 0 }

// pairs reads one map of keys and values, up to and with the zero that ends it.
func (r *reader) pairs() map[string][]byte {
	pairs := make(map[string][]byte)
	for r.err == nil {
		key := r.takeString()
		if len(key) == 0 {
			break
		}
		if key[0] >= 0xfd { // a type of several bytes, which package psbt would cut
			r.err = fmt.Errorf("unsupported key type %#x", key[0])
		}
		if _, twice := pairs[string(key)]; twice {
			r.err = fmt.Errorf("key %x is there twice", key)
		}
		pairs[string(key)] = r.takeString()
	}
	return pairs
}

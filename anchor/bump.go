package anchor

import (
	"fmt"

	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Bump is the request for the same commitment from the same inputs, at a higher
// fee rate: what it costs more comes out of the change. It replaces the old
// transaction by the rules of BIP 125, so that its fee is above the old one by
// at least 1 sat/vB of its own size, even where rate asks for less.
//
// Change below the dust limit is left out, for the fee. Errors: a rate that is
// not above the old one; a *FeeError; a *NotEnoughError in a Remedy where the
// change does not pay for it.
func (r *Request) Bump(rate FeeRate, maxFee int64) (*Request, error) {
	if _, err := rate.Fee(r.VSize()); err != nil { // nor does the product overflow
		return nil, err
	}
	if int64(rate)*r.VSize() <= r.Fee()*int64(SatPerVByte) {
		return nil, fmt.Errorf("the transaction pays %s already, want more than that", r.Rate())
	}
	tx := r.Packet.UnsignedTx.Copy()
	fee, err := r.takeFee(tx, rate)
	if err != nil {
		return nil, err
	}
	if fee > maxFee {
		return nil, &FeeError{Fee: fee, Max: maxFee}
	}
	bumped := &Request{unsigned(r.Packet, tx)}
	if err := bumped.check(); err != nil {
		return nil, err
	}
	return bumped, nil
}

// takeFee lowers the change of tx, or leaves it out, and returns the new fee.
func (r *Request) takeFee(tx *wire.MsgTx, rate FeeRate) (int64, error) {
	coins := r.Coins()
	var total int64
	for _, coin := range coins {
		total += coin.Value
	}
	if len(tx.TxOut) > 1 {
		fee, err := r.nextFee(tx, coins, rate)
		if err != nil {
			return 0, err
		}
		change := tx.TxOut[1]
		if change.Value = total - fee; change.Value >= dustLimit(change) {
			return fee, nil
		}
		tx.TxOut = tx.TxOut[:1]
	}
	least, err := r.nextFee(tx, coins, rate)
	if err != nil {
		return 0, err
	}
	if total < least {
		return 0, r.cannotPay(least, total, signedVSize(tx, coins))
	}
	return total, nil
}

// nextFee is the least fee for tx at the rate, and by BIP 125's rule 4 for what
// it takes to relay it once more.
func (r *Request) nextFee(tx *wire.MsgTx, coins []Coin, rate FeeRate) (int64, error) {
	size := signedVSize(tx, coins)
	fee, err := rate.Fee(size)
	relay, relayErr := SatPerVByte.Fee(size)
	if err == nil {
		err = relayErr
	}
	return max(fee, r.Fee()+relay), err
}

// cannotPay says how much is missing, and what is possible: all that the coins
// hold, for a transaction of size virtual bytes without change.
func (r *Request) cannotPay(least, total, size int64) error {
	text := "it has no change to take a higher fee from: wait until a block takes it"
	if total-r.Fee() >= size {
		text = fmt.Sprintf("its coins pay for %s at most", FeeRate(total*int64(SatPerVByte)/size))
	}
	return &Remedy{Err: &NotEnoughError{Needed: least, Available: total}, Text: text}
}

// unsigned is the packet for tx, a version of old's transaction with the same
// inputs and the same first outputs, and with what old says of them.
func unsigned(old *psbt.Packet, tx *wire.MsgTx) *psbt.Packet {
	packet := *old
	packet.UnsignedTx = tx
	packet.Inputs = append([]psbt.PInput(nil), old.Inputs...)
	packet.Outputs = append([]psbt.POutput(nil), old.Outputs[:len(tx.TxOut)]...)
	return &packet
}

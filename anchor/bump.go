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
	return r.version(pricing{rate, r.Fee()}, maxFee)
}

// WithRate is the request for the same commitment from the same inputs, at
// another fee rate, higher or lower: what it costs more or less comes out of the
// change or goes there. It is for a request that nobody has sent: it need not
// replace anything.
//
// Change below the dust limit is left out, for the fee, and where it was left
// out it stays so. Errors: an invalid rate; a *FeeError; a *NotEnoughError in a
// Remedy where the coins do not pay for it.
func (r *Request) WithRate(rate FeeRate, maxFee int64) (*Request, error) {
	return r.version(pricing{rate: rate}, maxFee)
}

// pricing is what a version of a transaction has to pay.
type pricing struct {
	rate     FeeRate
	replaced int64 // satoshi that the version paid that it replaces; 0 where nobody has that
}

// least is the least fee in satoshi for a size in virtual bytes: at the rate, and
// by BIP 125's rule 4 for what it takes to relay the transaction once more.
func (p pricing) least(size int64) (int64, error) {
	fee, err := p.rate.Fee(size)
	if err != nil || p.replaced == 0 {
		return fee, err
	}
	relay, err := SatPerVByte.Fee(size)
	return max(fee, p.replaced+relay), err
}

// cannotPay says how much is missing, and what is possible: all that the coins
// hold, for a transaction of size virtual bytes without change.
func (p pricing) cannotPay(needed, total, size int64) error {
	text := fmt.Sprintf("its coins pay for %s at most", FeeRate(total*int64(SatPerVByte)/size))
	if p.replaced > 0 && total-p.replaced < size {
		text = "it has no change to take a higher fee from: wait until a block takes it"
	}
	return &Remedy{Err: &NotEnoughError{Needed: needed, Available: total}, Text: text}
}

// version is the request with another fee.
func (r *Request) version(p pricing, maxFee int64) (*Request, error) {
	tx := r.Packet.UnsignedTx.Copy()
	fee, err := r.takeFee(tx, p)
	if err != nil {
		return nil, err
	}
	if fee > maxFee {
		return nil, &FeeError{Fee: fee, Max: maxFee}
	}
	next := &Request{unsigned(r.Packet, tx)}
	if err := next.check(); err != nil {
		return nil, err
	}
	return next, nil
}

// takeFee lowers or raises the change of tx, or leaves it out, and returns the
// new fee.
func (r *Request) takeFee(tx *wire.MsgTx, p pricing) (int64, error) {
	coins := r.Coins()
	var total int64
	for _, coin := range coins {
		total += coin.Value
	}
	if len(tx.TxOut) > 1 {
		fee, err := p.least(signedVSize(tx, coins))
		if err != nil {
			return 0, err
		}
		change := tx.TxOut[1]
		if change.Value = total - fee; change.Value >= dustLimit(change) {
			return fee, nil
		}
		tx.TxOut = tx.TxOut[:1]
	}
	size := signedVSize(tx, coins)
	least, err := p.least(size)
	if err != nil {
		return 0, err
	}
	if total < least {
		return 0, p.cannotPay(least, total, size)
	}
	return total, nil
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

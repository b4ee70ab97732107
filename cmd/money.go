package cmd

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/spf13/cobra"

	"gradseal/anchor"
	"gradseal/bitcoin"
)

// moneyOptions are what a registrar says about what a transaction may spend.
type moneyOptions struct {
	feeRate string // sat/vB; empty: what the node expects
	target  int    // blocks
	maxFee  int64  // satoshi
	inputs  []string
	confirm string
	psbtOut string

	coinPassphraseFile string
}

func (o *moneyOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.feeRate, "fee-rate", "", "fee `rate` in sat/vB, such as 2 or 1.5 (default: what the node expects)")
	flags.IntVar(&o.target, "target", 6, "for the node's fee rate: `blocks` within which one is to have it")
	flags.Int64Var(&o.maxFee, "max-fee", 50_000, "most `satoshi` that the transaction may pay as its fee")
	flags.StringSliceVar(&o.inputs, "input", nil, "coin to spend, as `TXID:VOUT`, instead of looking for one")
	flags.StringVar(&o.confirm, "confirm", "", "`network` that real money is spent on, instead of typing it")
	flags.StringVar(&o.psbtOut, "psbt-out", "", "`file` for the unsigned transaction, for a signer elsewhere (BIP 174)")
	flags.StringVar(&o.coinPassphraseFile, "coin-passphrase-file", "", "`file` with the passphrase of the coin key (default: ask)")
	setConfigKey(flags, "target", "anchor.target")
	setConfigKey(flags, "max-fee", "anchor.max-fee")
}

// check finds out what is mistyped before anything is done.
func (o moneyOptions) check() error {
	if _, err := o.rate(); err != nil {
		return err
	}
	if o.target < 1 || o.target > 1008 {
		return fmt.Errorf("--target: %d blocks, want 1 to 1008", o.target)
	}
	if o.maxFee < 1 {
		return fmt.Errorf("--max-fee: %d satoshi, want at least 1", o.maxFee)
	}
	if o.psbtOut == "-" {
		return errors.New("--psbt-out: name a file: standard output is for the results")
	}
	if o.psbtOut != "" {
		if _, err := os.Stat(filepath.Dir(o.psbtOut)); err != nil {
			return fmt.Errorf("--psbt-out: %w", err)
		}
	}
	_, err := o.outPoints()
	return err
}

// rate is the fee rate that was given; 0 for none.
func (o moneyOptions) rate() (anchor.FeeRate, error) {
	if o.feeRate == "" {
		return 0, nil
	}
	rate, ok := new(big.Rat).SetString(o.feeRate)
	if !ok || strings.ContainsAny(o.feeRate, "/eEpPxX_+") {
		return 0, fmt.Errorf("--fee-rate: %s is not a number of satoshi per virtual byte, such as 2 or 1.5", quoted(o.feeRate))
	}
	rate.Mul(rate, big.NewRat(int64(anchor.SatPerVByte), 1))
	if !rate.IsInt() || !rate.Num().IsInt64() {
		return 0, fmt.Errorf("--fee-rate: %s has more than three decimals, or is too large", o.feeRate)
	}
	if got := anchor.FeeRate(rate.Num().Int64()); got >= anchor.SatPerVByte {
		return got, nil
	}
	return 0, fmt.Errorf("--fee-rate: %s sat/vB is less than the 1 sat/vB that nodes pass on", o.feeRate)
}

// outPoints are the coins that were named.
func (o moneyOptions) outPoints() ([]wire.OutPoint, error) {
	var list []wire.OutPoint
	for _, text := range o.inputs {
		id, vout, ok := strings.Cut(text, ":")
		n, err := strconv.ParseUint(vout, 10, 32)
		if !ok || err != nil {
			return nil, fmt.Errorf("--input: %s, want TXID:VOUT, such as the 64 digits of a transaction id, a colon and 0", quoted(text))
		}
		hash, err := bitcoin.ParseHash(id)
		if err != nil {
			return nil, fmt.Errorf("--input: %s: %w", quoted(text), err)
		}
		list = append(list, wire.OutPoint{Hash: chainhash.Hash(hash), Index: uint32(n)})
	}
	return list, nil
}

// feeRate is the rate that was given, or what the node expects.
func (c *carrier) feeRate(ctx context.Context) (anchor.FeeRate, error) {
	given, err := c.money.rate()
	if given != 0 || err != nil || c.node == nil {
		return given, err
	}
	if c.rate == 0 { // what was shown before the statement is signed holds after it
		c.rate, err = c.expectedRate(ctx)
	}
	return c.rate, err
}

// expectedRate asks the node.
func (c *carrier) expectedRate(ctx context.Context) (anchor.FeeRate, error) {
	rate, err := c.node.FeeRate(ctx, c.money.target)
	if errors.Is(err, anchor.ErrNoFeeRate) {
		if c.network.IsTest() {
			return anchor.SatPerVByte, nil
		}
		return 0, hinted(err, "give one: --fee-rate 5")
	}
	return max(rate, anchor.SatPerVByte), err
}

// spend shows what is about to be paid, holds it to --max-fee, and asks where it
// is real money: once for one fee in a run.
func (c *carrier) spend(ctx context.Context, request *anchor.Request) error {
	fee := request.Fee()
	if fee > c.money.maxFee {
		return &anchor.FeeError{Fee: fee, Max: c.money.maxFee}
	}
	what := fmt.Sprint(fee)
	for _, coin := range request.Coins() {
		what += " " + coin.OutPoint.String()
	}
	if what == c.agreed {
		return nil
	}
	for _, coin := range request.Coins() {
		c.ui.note("  spends       %s, %s satoshi", coin.OutPoint, number(coin.Value))
	}
	for _, out := range request.Packet.UnsignedTx.TxOut[1:] {
		c.ui.note("  change       %s satoshi", number(out.Value))
	}
	c.ui.note("  fee          %s satoshi, %s, %s virtual bytes", number(fee), request.Rate(), number(request.VSize()))
	if err := c.confirmSpending(ctx); err != nil {
		return err
	}
	c.agreed = what
	return nil
}

// confirmSpending has the name of mainnet typed before real money is spent.
func (c *carrier) confirmSpending(ctx context.Context) error {
	if c.network.IsTest() || c.money.confirm == c.network.String() {
		return nil
	}
	if c.money.confirm != "" {
		return fmt.Errorf("--confirm: %s is not the network of this batch, %s", quoted(c.money.confirm), c.network)
	}
	typed, err := c.ui.ask(ctx, "This spends real bitcoin. Type the name of the network to go on: ")
	if errors.Is(err, errNoTerminal) {
		return hinted(errors.New("nothing was spent: this is real money, and there is no terminal to ask at"), "look at the cost above, then add --confirm mainnet")
	}
	if err != nil {
		return err
	}
	if strings.TrimSpace(typed) != c.network.String() {
		return fmt.Errorf("nothing was spent: %s is not %q", quoted(typed), c.network)
	}
	return nil
}

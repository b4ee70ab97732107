package bitcoind

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/anchor"
	"gradseal/anchor/jsonrpc"
	"gradseal/bitcoin"
)

// Wallet makes anchors from a wallet of Bitcoin Core. The transaction is built
// here, as for every other way to anchor: the wallet says what it can spend,
// where the change goes, and signs. A wallet without private keys can do all but
// sign.
//
// Only coins that pay to P2WPKH or P2TR and have a confirmation are spent. What
// a stored request spends is locked in the wallet, by Lock or Sign, so that
// nobody spends it meanwhile.
type Wallet struct {
	node *Node
	rpc  *jsonrpc.Client
	name string
}

// Wallet is the wallet of that name. With an empty name it is the one that the
// node has loaded, where that is only one.
func (n *Node) Wallet(name string) *Wallet {
	w := &Wallet{node: n, rpc: n.Client, name: name}
	if name != "" {
		w.rpc = n.Client.Wallet(name)
	}
	return w
}

// Fund makes the request for an order. It locks nothing: the caller stores the
// request first and then calls Lock, so that no coin stays locked for a request
// that was lost.
func (w *Wallet) Fund(ctx context.Context, order anchor.Order) (*anchor.Request, error) {
	if err := order.Check(taproot); err != nil { // its input is the smallest
		return nil, err
	}
	watching, err := w.check(ctx)
	if err != nil {
		return nil, err
	}
	request, err := w.fund(ctx, order)
	if err != nil || !watching {
		return request, err
	}
	return w.describe(ctx, request)
}

// check tells whether the wallet is one without private keys.
func (w *Wallet) check(ctx context.Context) (watching bool, err error) {
	var info struct {
		Keys     bool            `json:"private_keys_enabled"`
		Scanning json.RawMessage `json:"scanning"` // false, or how far
	}
	if err := w.call(ctx, &info, "getwalletinfo"); err != nil {
		return false, err
	}
	if string(info.Scanning) != "false" && info.Scanning != nil {
		return false, &anchor.Remedy{
			Err:  fmt.Errorf("%w: the wallet still looks for its transactions", anchor.ErrSyncing),
			Text: "wait: " + w.cli("getwalletinfo") + " shows how far it is",
		}
	}
	return !info.Keys, nil
}

// taproot has the size of the largest script that change goes to. Coins are
// chosen with it, so that the wallet is asked for an address once there is
// enough money: each that it gives is a new one.
var taproot = append([]byte{txscript.OP_1, txscript.OP_DATA_32}, make([]byte, 32)...)

func (w *Wallet) fund(ctx context.Context, order anchor.Order) (*anchor.Request, error) {
	coins, err := w.coins(ctx, order)
	if err != nil {
		return nil, err
	}
	if len(order.Inputs) == 0 {
		if coins, err = anchor.Choose(coins, order.Reserved, taproot, order.Rate); err != nil {
			return nil, w.advise(ctx, err, order.Rate)
		}
	}
	change, err := w.change(ctx, coins)
	if err != nil {
		return nil, err
	}
	previous := make(map[wire.OutPoint][]byte, len(coins))
	for _, coin := range coins {
		if previous[coin.OutPoint], err = w.transaction(ctx, bitcoin.Hash(coin.OutPoint.Hash)); err != nil {
			return nil, err
		}
		if err := checkCoin(coin, previous[coin.OutPoint]); err != nil {
			return nil, err
		}
	}
	tx, fee, err := anchor.Build(coins, change, order.Root, order.Rate)
	if err != nil {
		return nil, w.advise(ctx, err, order.Rate)
	}
	if fee > order.MaxFee {
		return nil, &anchor.FeeError{Fee: fee, Max: order.MaxFee}
	}
	return anchor.NewRequest(tx, coins, previous)
}

// coins are what an order can spend: what it names, or all that has a
// confirmation.
func (w *Wallet) coins(ctx context.Context, order anchor.Order) ([]anchor.Coin, error) {
	if len(order.Inputs) > 0 {
		return w.named(ctx, order.Inputs)
	}
	var listed []struct {
		ID       string      `json:"txid"`
		Index    uint32      `json:"vout"`
		Script   string      `json:"scriptPubKey"`
		Amount   json.Number `json:"amount"`
		Solvable bool        `json:"solvable"` // the wallet knows how to spend it
		Safe     bool        `json:"safe"`
	}
	if err := w.call(ctx, &listed, "listunspent", 1); err != nil {
		return nil, err
	}
	var coins []anchor.Coin
	for _, out := range listed {
		script, err := hex.DecodeString(out.Script)
		if err != nil {
			return nil, fmt.Errorf("listunspent: %w", err)
		}
		if !out.Solvable || !out.Safe || !spendable(script) {
			continue
		}
		id, err := bitcoin.ParseHash(out.ID)
		if err != nil {
			return nil, fmt.Errorf("listunspent: %w", err)
		}
		value, err := satoshi(out.Amount)
		if err != nil {
			return nil, fmt.Errorf("listunspent: %w", err)
		}
		coins = append(coins, anchor.Coin{OutPoint: wire.OutPoint{Hash: [32]byte(id), Index: out.Index}, Value: value, Script: script})
	}
	return coins, nil
}

// spendable tells whether a script is one that anchors spend: the signature is
// all in the witness, so that the id is known before it is signed.
func spendable(script []byte) bool {
	return txscript.IsPayToWitnessPubKeyHash(script) || txscript.IsPayToTaproot(script)
}

// named are the coins that an order names, which must be unspent.
func (w *Wallet) named(ctx context.Context, outputs []wire.OutPoint) ([]anchor.Coin, error) {
	unspent, err := w.node.Spendable(ctx, outputs)
	if err != nil {
		return nil, err
	}
	coins := make([]anchor.Coin, len(outputs))
	for i, output := range outputs {
		raw, err := w.transaction(ctx, bitcoin.Hash(output.Hash))
		if err != nil {
			return nil, err
		}
		if !slices.Contains(unspent, output) {
			return nil, fmt.Errorf("%w, or has no confirmation: %s", anchor.ErrSpent, output)
		}
		if coins[i], err = coinAt(output, raw); err != nil {
			return nil, err
		}
		if !spendable(coins[i].Script) {
			return nil, fmt.Errorf("coin %s: unsupported script %x, want P2WPKH or P2TR", output, coins[i].Script)
		}
	}
	return coins, nil
}

// transaction is one of the wallet's, or one that the node knows, without its
// witness and checked by its id.
func (w *Wallet) transaction(ctx context.Context, id bitcoin.Hash) ([]byte, error) {
	var answer struct {
		Hex string `json:"hex"`
	}
	err := w.call(ctx, &answer, "gettransaction", id.String())
	if jsonrpc.HasCode(err, jsonrpc.CodeNotFound) {
		return w.node.Transaction(ctx, id)
	}
	if err != nil {
		return nil, err
	}
	stripped, got, err := anchor.ParseHexTransaction(answer.Hex)
	if err != nil {
		return nil, fmt.Errorf("transaction %s: %w", id, err)
	}
	if got != id {
		return nil, fmt.Errorf("the wallet answers with transaction %s, want %s", got, id)
	}
	return stripped, nil
}

// coinAt reads a coin from the transaction that made it.
func coinAt(output wire.OutPoint, previous []byte) (anchor.Coin, error) {
	tx := new(wire.MsgTx)
	if err := tx.DeserializeNoWitness(bytes.NewReader(previous)); err != nil {
		return anchor.Coin{}, err
	}
	if uint64(output.Index) >= uint64(len(tx.TxOut)) {
		return anchor.Coin{}, fmt.Errorf("coin %s: its transaction has %d outputs", output, len(tx.TxOut))
	}
	out := tx.TxOut[output.Index]
	return anchor.Coin{OutPoint: output, Value: out.Value, Script: out.PkScript}, nil
}

// checkCoin compares what the wallet says of a coin with the transaction.
func checkCoin(coin anchor.Coin, previous []byte) error {
	made, err := coinAt(coin.OutPoint, previous)
	if err != nil {
		return err
	}
	if made.Value != coin.Value || !bytes.Equal(made.Script, coin.Script) {
		return fmt.Errorf("coin %s: the wallet says %d satoshi for script %x, its transaction %d for %x",
			coin.OutPoint, coin.Value, coin.Script, made.Value, made.Script)
	}
	return nil
}

// change is where the change goes: to a new address of the wallet, or, where it
// has none to give, back to where its largest coin is.
func (w *Wallet) change(ctx context.Context, coins []anchor.Coin) ([]byte, error) {
	var locked error
	for _, kind := range []string{"bech32", "bech32m"} {
		var address string
		err := w.call(ctx, &address, "getrawchangeaddress", kind)
		if err == nil {
			return w.script(ctx, address)
		}
		if !jsonrpc.HasAnyCode(err) {
			return nil, err
		}
		if errors.Is(err, anchor.ErrWalletLocked) {
			locked = err
		}
	}
	if locked != nil {
		return nil, locked
	}
	largest := slices.MaxFunc(coins, func(a, b anchor.Coin) int { return cmp.Compare(a.Value, b.Value) })
	return largest.Script, nil
}

// script is what pays to an address of the wallet.
func (w *Wallet) script(ctx context.Context, address string) ([]byte, error) {
	var info struct {
		Script string `json:"scriptPubKey"`
		Mine   bool   `json:"ismine"`
	}
	if err := w.call(ctx, &info, "getaddressinfo", address); err != nil {
		return nil, err
	}
	if !info.Mine {
		return nil, fmt.Errorf("the wallet gave %q for the change, and says that it is not its own", address)
	}
	return hex.DecodeString(info.Script)
}

// witnessKeyHash has the form of the scripts whose inputs are the largest that
// are spent.
var witnessKeyHash = append([]byte{txscript.OP_0, txscript.OP_DATA_20}, make([]byte, 20)...)

// advise adds to an error what there is to do about too little money: one coin
// more that pays for a transaction alone, whatever the wallet makes of its script
// and of the change. What is missing in the others can be less than nodes relay.
func (w *Wallet) advise(ctx context.Context, err error, rate anchor.FeeRate) error {
	if !errors.As(err, new(*anchor.NotEnoughError)) || errors.As(err, new(*anchor.Remedy)) {
		return err
	}
	enough, feeErr := anchor.Suffices(witnessKeyHash, taproot, rate)
	if feeErr != nil {
		return err
	}
	text := fmt.Sprintf("send %d satoshi or more to the wallet (%s) and wait for a confirmation", enough, w.cli("getnewaddress"))
	var locked []json.RawMessage
	if err := w.call(ctx, &locked, "listlockunspent"); err == nil && len(locked) > 0 {
		text += fmt.Sprintf("; %d coins are locked (see %s; where nothing else needs them, %s frees them)",
			len(locked), w.cli("listlockunspent"), w.cli("lockunspent", "true"))
	}
	return &anchor.Remedy{Err: err, Text: text}
}

// describe has the wallet add to the request where its keys are found (BIP 32),
// for the device that will sign.
func (w *Wallet) describe(ctx context.Context, request *anchor.Request) (*anchor.Request, error) {
	data, err := request.Marshal()
	if err != nil {
		return nil, err
	}
	var answer struct {
		PSBT string `json:"psbt"`
	}
	const sign, derivations, finalize = false, true, false
	var sighash any // none: as the request has it
	err = w.call(ctx, &answer, "walletprocesspsbt", base64.StdEncoding.EncodeToString(data), sign, sighash, derivations, finalize)
	if err != nil {
		return nil, err
	}
	described, err := base64.StdEncoding.DecodeString(answer.PSBT)
	if err != nil {
		return nil, fmt.Errorf("walletprocesspsbt: %w", err)
	}
	again, err := anchor.ParseRequest(described)
	if err != nil {
		return nil, fmt.Errorf("walletprocesspsbt: %w", err)
	}
	if again.ID() != request.ID() || !slices.EqualFunc(again.Coins(), request.Coins(), sameCoin) {
		return nil, errors.New("walletprocesspsbt: the wallet changed the transaction")
	}
	return again, nil
}

func sameCoin(a, b anchor.Coin) bool {
	return a.OutPoint == b.OutPoint && a.Value == b.Value && bytes.Equal(a.Script, b.Script)
}

// Sign has the wallet sign a request, and checks what it signed.
func (w *Wallet) Sign(ctx context.Context, request *anchor.Request) ([]byte, error) {
	if err := w.Lock(ctx, inputs(request)); err != nil {
		return nil, err
	}
	var unsigned bytes.Buffer
	if err := request.Packet.UnsignedTx.SerializeNoWitness(&unsigned); err != nil {
		return nil, err
	}
	type spent struct {
		ID     string      `json:"txid"`
		Index  uint32      `json:"vout"`
		Script string      `json:"scriptPubKey"`
		Amount json.Number `json:"amount"`
	}
	var coins []spent
	for _, coin := range request.Coins() {
		coins = append(coins, spent{coin.OutPoint.Hash.String(), coin.OutPoint.Index, hex.EncodeToString(coin.Script), amount(coin.Value)})
	}
	var answer struct {
		Hex      string `json:"hex"`
		Complete bool   `json:"complete"`
		Errors   []struct {
			Error string `json:"error"`
		} `json:"errors"`
	}
	if err := w.call(ctx, &answer, "signrawtransactionwithwallet", hex.EncodeToString(unsigned.Bytes()), coins); err != nil {
		return nil, err
	}
	if !answer.Complete {
		why := "it does not say why"
		if len(answer.Errors) > 0 {
			why = answer.Errors[0].Error
		}
		return nil, &anchor.Remedy{
			Err:  fmt.Errorf("the wallet cannot sign: %.200q", why),
			Text: "if its keys are elsewhere, write the transaction to a file for them with --psbt-out",
		}
	}
	raw, err := hex.DecodeString(answer.Hex)
	if err != nil {
		return nil, fmt.Errorf("signrawtransactionwithwallet: %w", err)
	}
	if err := request.Check(raw); err != nil {
		return nil, fmt.Errorf("the wallet signed something else: %w", err)
	}
	return raw, nil
}

// Lock has the wallet choose none of the outputs for anything else, until it
// stops or the outputs are spent. Those that are locked already, or are none that
// it could spend, are left as they are.
func (w *Wallet) Lock(ctx context.Context, outputs []wire.OutPoint) error {
	for _, output := range outputs {
		err := w.call(ctx, nil, "lockunspent", false, []map[string]any{{"txid": output.Hash.String(), "vout": output.Index}})
		if err != nil && !jsonrpc.HasCode(err, jsonrpc.CodeOutOfRange) {
			return err
		}
	}
	return nil
}

func inputs(request *anchor.Request) []wire.OutPoint {
	var outputs []wire.OutPoint
	for _, in := range request.Packet.UnsignedTx.TxIn {
		outputs = append(outputs, in.PreviousOutPoint)
	}
	return outputs
}

// Bitcoin Core's codes for wallets.
const (
	codeUnlockNeeded = -13
	codeNoWallet     = -18 // of that name, or at all
	codeWhichWallet  = -19 // several are loaded
	codeKeypool      = -12 // there are no more keys; a locked wallet makes none
)

// call asks the wallet and says what to do where it is not there or locked.
func (w *Wallet) call(ctx context.Context, result any, method string, params ...any) error {
	err := w.rpc.Call(ctx, result, method, params...)
	switch {
	case jsonrpc.HasCode(err, codeUnlockNeeded):
		return w.locked(err)
	case jsonrpc.HasCode(err, codeKeypool):
		if locked, lookErr := w.isLocked(ctx); lookErr == nil && locked {
			return w.locked(err)
		}
	case jsonrpc.HasCode(err, codeNoWallet):
		return w.missing(ctx, err)
	case jsonrpc.HasCode(err, codeWhichWallet):
		return w.several(ctx, err)
	}
	return err
}

func (w *Wallet) isLocked(ctx context.Context) (bool, error) {
	var info struct {
		Until *int64 `json:"unlocked_until"` // zero while it is locked; not there without a passphrase
	}
	err := w.rpc.Call(ctx, &info, "getwalletinfo")
	return info.Until != nil && *info.Until == 0, err
}

func (w *Wallet) locked(err error) error {
	return &anchor.Remedy{
		Err: fmt.Errorf("%w: %w", anchor.ErrWalletLocked, err),
		// The passphrase is asked for, so that it is in no history.
		Text: "unlock it for a minute: " + w.cli("-stdinwalletpassphrase", "walletpassphrase", "60"),
	}
}

func (w *Wallet) missing(ctx context.Context, err error) error {
	var dir struct {
		Wallets []struct {
			Name string `json:"name"`
		} `json:"wallets"`
	}
	// Without the list there is less to say, and the first error still is it.
	_ = w.node.Call(ctx, &dir, "listwalletdir")
	var names []string
	for _, wallet := range dir.Wallets {
		names = append(names, wallet.Name)
	}
	text := "make one: bitcoin-cli createwallet NAME"
	switch {
	case slices.Contains(names, w.name) && w.name != "":
		text = "load it: bitcoin-cli loadwallet " + quote(w.name)
	case len(names) == 1 && w.name == "":
		text = "load it: bitcoin-cli loadwallet " + quote(names[0])
	case len(names) > 0:
		text = "the node has the wallets " + list(names) + ": load one with bitcoin-cli loadwallet NAME, and name it with --wallet"
	}
	return &anchor.Remedy{Err: fmt.Errorf("%w: %w", anchor.ErrNoWallet, err), Text: text}
}

func (w *Wallet) several(ctx context.Context, err error) error {
	var names []string
	_ = w.node.Call(ctx, &names, "listwallets") // as in missing
	return &anchor.Remedy{
		Err:  fmt.Errorf("%w: %w", anchor.ErrNoWallet, err),
		Text: "the node has the wallets " + list(names) + " loaded: say which with --wallet",
	}
}

// cli is the command by which a person asks the wallet.
func (w *Wallet) cli(args ...string) string {
	command := []string{"bitcoin-cli"}
	if w.name != "" {
		command = append(command, "-rpcwallet="+quote(w.name))
	}
	return strings.Join(append(command, args...), " ")
}

// maxListed is how many names a text lists.
const maxListed = 5

func list(names []string) string {
	var quoted []string
	for _, name := range names[:min(len(names), maxListed)] {
		quoted = append(quoted, quote(name))
	}
	if len(names) > maxListed {
		quoted = append(quoted, "…")
	}
	return strings.Join(quoted, ", ")
}

// quote writes a name for a shell.
func quote(name string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/", r)
	}
	if name != "" && strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0 {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

// satoshi reads an amount in bitcoin.
func satoshi(amount json.Number) (int64, error) {
	value, err := amount.Float64()
	if err != nil {
		return 0, err
	}
	s, err := btcutil.NewAmount(value)
	return int64(s), err
}

// amount writes satoshi in bitcoin.
func amount(value int64) json.Number {
	return json.Number(fmt.Sprintf("%d.%08d", value/btcutil.SatoshiPerBitcoin, value%btcutil.SatoshiPerBitcoin))
}

var _ anchor.Signer = (*Wallet)(nil)

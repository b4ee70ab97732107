package bitcoind_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/anchor"
	"gradseal/anchor/bitcoind"
	"gradseal/anchor/jsonrpc"
	"gradseal/bitcoin"
	"gradseal/internal/testnode"
)

const maxFee = 50_000

func connect(t testing.TB, n *testnode.Node) *bitcoind.Node {
	t.Helper()
	node, err := bitcoind.New(bitcoind.Config{URL: n.RPCURL, Login: jsonrpc.Cookie(n.CookieFile)})
	require.NoError(t, err)
	return node
}

func order(root byte) anchor.Order {
	return anchor.Order{Root: [32]byte{root}, Rate: 3 * anchor.SatPerVByte / 2, MaxFee: maxFee}
}

func requireRemedy(t testing.TB, err error, text string) {
	t.Helper()
	var remedy *anchor.Remedy
	require.ErrorAs(t, err, &remedy)
	require.Equal(t, text, remedy.Text)
}

func spent(r *anchor.Request) []wire.OutPoint {
	var outputs []wire.OutPoint
	for _, coin := range r.Coins() {
		outputs = append(outputs, coin.OutPoint)
	}
	return outputs
}

// locked is how many coins the wallet has locked.
func locked(t testing.TB, n *testnode.Node, wallet string) int {
	t.Helper()
	var outputs []any
	n.Call(&outputs, wallet+"/listlockunspent")
	return len(outputs)
}

// TestWallet goes from coins to a proof, through a restart.
func TestWallet(t *testing.T) {
	n := testnode.StartBitcoind(t)
	n.CreateWallet("registrar", 2)
	node := connect(t, n)
	ctx := t.Context()
	for _, name := range []string{"", "registrar"} {
		wallet := node.Wallet(name)
		request, err := wallet.Fund(ctx, order(1))
		require.NoError(t, err)
		require.Equal(t, [32]byte{1}, request.Root())
		require.Len(t, request.Coins(), 1)
		require.Len(t, request.Packet.UnsignedTx.TxOut, 2)
		require.Zero(t, locked(t, n, "registrar"), "what is not stored may be lost")
		raw, err := wallet.Sign(ctx, request)
		require.NoError(t, err)
		require.NoError(t, request.Check(raw))
		require.Equal(t, 1, locked(t, n, "registrar"))
		require.NoError(t, wallet.Lock(ctx, spent(request)), "twice")
		n.Call(nil, "registrar/lockunspent", true)
	}

	wallet := node.Wallet("registrar")
	first, err := wallet.Fund(ctx, order(1))
	require.NoError(t, err)
	require.NoError(t, wallet.Lock(ctx, spent(first)))
	second, err := wallet.Fund(ctx, order(2))
	require.NoError(t, err)
	require.NoError(t, wallet.Lock(ctx, spent(second)))
	require.NotEqual(t, spent(first), spent(second), "the first is locked")
	_, err = wallet.Fund(ctx, order(3))
	var short *anchor.NotEnoughError
	require.ErrorAs(t, err, &short)
	var remedy *anchor.Remedy
	require.ErrorAs(t, err, &remedy)
	require.Contains(t, remedy.Text, "bitcoin-cli -rpcwallet=registrar getnewaddress")
	require.Contains(t, remedy.Text, "2 coins are locked")
	// 169 virtual bytes with P2TR change, and the dust limit of that.
	require.Contains(t, remedy.Text, "send 584 satoshi or more to the wallet")

	// The locks go with the node; the request is stored, and its coins are
	// reserved.
	n.Stop()
	n.Restart()
	_, err = wallet.Sign(ctx, first)
	require.ErrorIs(t, err, anchor.ErrNoWallet)
	requireRemedy(t, err, "load it: bitcoin-cli loadwallet registrar")
	_, err = node.Wallet("").Fund(ctx, order(1))
	require.ErrorIs(t, err, anchor.ErrNoWallet)
	requireRemedy(t, err, "load it: bitcoin-cli loadwallet registrar")
	n.Call(nil, "loadwallet", "registrar")
	require.Zero(t, locked(t, n, "registrar"))
	third := order(3)
	third.Reserved = append(spent(first), spent(second)...)
	_, err = wallet.Fund(ctx, third)
	require.ErrorAs(t, err, &short)

	raw, err := wallet.Sign(ctx, first)
	require.NoError(t, err)
	require.Equal(t, 1, locked(t, n, "registrar"), "locked again")
	require.NoError(t, node.Submit(ctx, raw))
	require.Zero(t, locked(t, n, "registrar"), "what is spent is not locked")
	n.Mine(1)
	evidence, err := node.Attest(ctx, raw, 0)
	require.NoError(t, err)
	require.NotNil(t, evidence)
	require.Equal(t, n.Tip(), evidence.Header.Hash())

	bumped, err := second.Bump(5*anchor.SatPerVByte, maxFee)
	require.NoError(t, err)
	require.Greater(t, bumped.Fee(), second.Fee())
	for _, request := range []*anchor.Request{second, bumped} {
		raw, err := wallet.Sign(ctx, request)
		require.NoError(t, err)
		require.NoError(t, node.Submit(ctx, raw))
	}
}

func TestFees(t *testing.T) {
	n := testnode.StartBitcoind(t)
	n.CreateWallet("w", 1)
	wallet := connect(t, n).Wallet("w")
	request, err := wallet.Fund(t.Context(), order(1))
	require.NoError(t, err)
	exact := request.Fee()

	o := order(1)
	o.MaxFee = exact - 1
	_, err = wallet.Fund(t.Context(), o)
	var fee *anchor.FeeError
	require.ErrorAs(t, err, &fee)
	require.Equal(t, anchor.FeeError{Fee: exact, Max: exact - 1}, *fee)
	require.Zero(t, locked(t, n, "w"))
	o.MaxFee = exact
	_, err = wallet.Fund(t.Context(), o)
	require.NoError(t, err)

	// What the coins would not pay for either, the order does not allow.
	o.Rate = 99_999_999 * anchor.SatPerVByte
	_, err = wallet.Fund(t.Context(), o)
	require.ErrorAs(t, err, &fee)
	require.Equal(t, exact, fee.Max)
}

// TestAdviceIsEnough: what a wallet that is short by a little is told to be sent
// can be sent, and pays, whatever it is sent to.
func TestAdviceIsEnough(t *testing.T) {
	n := testnode.StartBitcoind(t)
	n.CreateWallet("rich", 1)
	for _, kind := range []string{"bech32", "bech32m"} {
		t.Run(kind, func(t *testing.T) {
			n.Call(nil, "createwallet", kind)
			wallet := connect(t, n).Wallet(kind)
			pay := func(satoshi int64) {
				var address string
				n.Call(&address, kind+"/getnewaddress", "", kind)
				n.Call(nil, "rich/sendtoaddress", address, fmt.Sprintf("0.%08d", satoshi))
				n.Mine(1)
			}
			o := order(1)
			o.Rate = 5 * anchor.SatPerVByte
			pay(500)
			_, err := wallet.Fund(t.Context(), o)
			var short *anchor.NotEnoughError
			require.ErrorAs(t, err, &short)
			require.Less(t, short.Needed-short.Available, int64(294), "less than can be sent")
			var remedy *anchor.Remedy
			require.ErrorAs(t, err, &remedy)
			var enough int64
			_, err = fmt.Sscanf(remedy.Text, "send %d satoshi", &enough)
			require.NoError(t, err)
			pay(enough)
			request, err := wallet.Fund(t.Context(), o)
			require.NoError(t, err)
			require.Len(t, request.Packet.UnsignedTx.TxOut, 2)
			require.Equal(t, enough, request.Coins()[0].Value)
		})
	}
}

// One coin that is enough is taken alone, the smallest; else several; and never
// one whose spending would change the transaction's id.
func TestWhichCoins(t *testing.T) {
	n := testnode.StartBitcoind(t)
	n.CreateWallet("rich", 1)
	n.Call(nil, "createwallet", "w")
	pay := func(amount, kind string) {
		var address string
		n.Call(&address, "w/getnewaddress", "", kind)
		n.Call(nil, "rich/sendtoaddress", address, amount)
	}
	for _, kind := range []string{"legacy", "p2sh-segwit"} {
		pay("1", kind)
	}
	n.Mine(1)
	wallet := connect(t, n).Wallet("w")
	_, err := wallet.Fund(t.Context(), order(1))
	var short *anchor.NotEnoughError
	require.ErrorAs(t, err, &short)
	require.Zero(t, short.Available)

	values := func() []int64 {
		request, err := wallet.Fund(t.Context(), order(1))
		require.NoError(t, err)
		raw, err := wallet.Sign(t.Context(), request)
		require.NoError(t, err)
		require.NoError(t, request.Check(raw))
		var values []int64
		for _, coin := range request.Coins() {
			values = append(values, coin.Value)
		}
		return values
	}
	pay("0.00000330", "bech32m")
	pay("0.00000300", "bech32")
	_, err = wallet.Fund(t.Context(), order(1))
	require.ErrorAs(t, err, &short, "they have no confirmation")
	n.Mine(1)
	require.Equal(t, []int64{300}, values(), "all of it is the fee")
	pay("0.5", "bech32")
	pay("0.25", "bech32m")
	n.Mine(1)
	require.Equal(t, []int64{25_000_000}, values())

	// The order names the coins.
	request, err := wallet.Fund(t.Context(), order(1))
	require.NoError(t, err)
	require.NoError(t, wallet.Lock(t.Context(), spent(request)))
	o := order(2)
	o.Inputs = spent(request)
	named, err := wallet.Fund(t.Context(), o)
	require.NoError(t, err, "though they are locked")
	require.Equal(t, spent(request), spent(named))
	reserved := o
	reserved.Reserved = spent(request)
	_, err = wallet.Fund(t.Context(), reserved)
	require.EqualError(t, err, fmt.Sprintf("coin %s is spent by a transaction that is stored here already", spent(request)[0]))
	raw, err := wallet.Sign(t.Context(), named)
	require.NoError(t, err)
	require.NoError(t, connect(t, n).Submit(t.Context(), raw))
	_, err = wallet.Fund(t.Context(), o)
	require.ErrorIs(t, err, anchor.ErrSpent)
	o.Inputs = []wire.OutPoint{{Hash: [32]byte{1}}}
	_, err = wallet.Fund(t.Context(), o)
	require.ErrorIs(t, err, anchor.ErrUnknownTx)
}

func TestLockedWallet(t *testing.T) {
	n := testnode.StartBitcoind(t)
	n.CreateWallet("it's mine", 1)
	n.Call(nil, "it's mine/encryptwallet", "pass phrase")
	node := connect(t, n)
	wallet := node.Wallet("it's mine")
	request, err := wallet.Fund(t.Context(), order(1))
	require.NoError(t, err)
	_, err = wallet.Sign(t.Context(), request)
	require.ErrorIs(t, err, anchor.ErrWalletLocked)
	requireRemedy(t, err, `unlock it for a minute: bitcoin-cli -rpcwallet='it'\''s mine' -stdinwalletpassphrase walletpassphrase 60`)
	n.Call(nil, "it's mine/walletpassphrase", "pass phrase", 60)
	_, err = wallet.Sign(t.Context(), request)
	require.NoError(t, err)
}

func TestWhichWallet(t *testing.T) {
	n := testnode.StartBitcoind(t)
	node := connect(t, n)
	_, err := node.Wallet("").Fund(t.Context(), order(1))
	require.ErrorIs(t, err, anchor.ErrNoWallet)
	requireRemedy(t, err, "make one: bitcoin-cli createwallet NAME")

	n.Call(nil, "createwallet", "a")
	n.Call(nil, "createwallet", "b c")
	_, err = node.Wallet("").Fund(t.Context(), order(1))
	require.ErrorIs(t, err, anchor.ErrNoWallet)
	requireRemedy(t, err, "the node has the wallets a, 'b c' loaded: say which with --wallet")
	_, err = node.Wallet("b c").Fund(t.Context(), order(1))
	require.ErrorAs(t, err, new(*anchor.NotEnoughError))
	for _, name := range []string{"c", "../a", "a/b", "%61"} {
		_, err = node.Wallet(name).Fund(t.Context(), order(1))
		require.ErrorIs(t, err, anchor.ErrNoWallet, name)
		requireRemedy(t, err, "the node has the wallets a, 'b c': load one with bitcoin-cli loadwallet NAME, and name it with --wallet")
	}
}

// A wallet without private keys says what to spend and where the keys are; the
// wallet that has them signs what it is handed.
func TestWatchOnly(t *testing.T) {
	n := testnode.StartBitcoind(t)
	n.CreateWallet("cold", 1)
	n.Call(nil, "createwallet", "watch", true, true)
	var keys struct {
		Descriptors []struct {
			Desc     string `json:"desc"`
			Active   bool   `json:"active"`
			Internal bool   `json:"internal"`
			Range    []int  `json:"range"`
		} `json:"descriptors"`
	}
	n.Call(&keys, "cold/listdescriptors")
	var imports []map[string]any
	for _, d := range keys.Descriptors {
		imports = append(imports, map[string]any{"desc": d.Desc, "active": d.Active, "internal": d.Internal, "range": d.Range, "timestamp": 0})
	}
	n.Call(nil, "watch/importdescriptors", imports)

	node := connect(t, n)
	request, err := node.Wallet("watch").Fund(t.Context(), order(1))
	require.NoError(t, err)
	require.Len(t, request.Packet.Inputs[0].Bip32Derivation, 1)
	require.Len(t, request.Packet.Outputs[1].Bip32Derivation, 1, "of the change")
	require.NotNil(t, request.Packet.Inputs[0].NonWitnessUtxo)
	_, err = node.Wallet("watch").Sign(t.Context(), request)
	requireRemedy(t, err, "if its keys are elsewhere, write the transaction to a file for them with --psbt-out")

	data, err := request.Marshal()
	require.NoError(t, err)
	again, err := anchor.ParseRequest(data)
	require.NoError(t, err)
	raw, err := node.Wallet("cold").Sign(t.Context(), again)
	require.NoError(t, err)
	require.NoError(t, request.Check(raw))
	require.NoError(t, node.Submit(t.Context(), raw))
}

// A single address that is watched has no other to give for change.
func TestWatchOneAddress(t *testing.T) {
	n := testnode.StartBitcoind(t)
	n.Mine(101)
	n.Call(nil, "createwallet", "watch", true, true)
	var info struct {
		Descriptor string `json:"descriptor"`
	}
	n.Call(&info, "getdescriptorinfo", "addr("+testnode.Address()+")")
	n.Call(nil, "watch/importdescriptors", []map[string]any{{"desc": info.Descriptor, "timestamp": 0}})
	_, err := connect(t, n).Wallet("watch").Fund(t.Context(), order(1))
	require.ErrorAs(t, err, new(*anchor.NotEnoughError), "an address does not say how to spend it")

	n.Call(&info, "getdescriptorinfo", "wpkh("+hexKey()+")")
	n.Call(nil, "createwallet", "key", true, true)
	n.Call(nil, "key/importdescriptors", []map[string]any{{"desc": info.Descriptor, "timestamp": 0}})
	request, err := connect(t, n).Wallet("key").Fund(t.Context(), order(1))
	require.NoError(t, err)
	require.Equal(t, testnode.Script(), request.Packet.UnsignedTx.TxOut[1].PkScript)
	require.True(t, txscript.IsPayToWitnessPubKeyHash(request.Coins()[0].Script))
}

// A pruned node no longer has the block that a proof needs.
func TestPruned(t *testing.T) {
	n := testnode.StartBitcoind(t, "-prune=1", "-fastprune", "-txindex=0")
	n.CreateWallet("w", 1)
	node := connect(t, n)
	ctx := t.Context()
	request, err := node.Wallet("w").Fund(ctx, order(1))
	require.NoError(t, err)
	raw, err := node.Wallet("w").Sign(ctx, request)
	require.NoError(t, err)
	require.NoError(t, node.Submit(ctx, raw))
	height := n.Height() + 1
	n.Mine(1)
	evidence, err := node.Attest(ctx, raw, 0)
	require.NoError(t, err)
	require.EqualValues(t, height, evidence.Height)

	n.Mine(700)
	var pruned int
	n.Call(&pruned, "pruneblockchain", n.Height()-300)
	require.Greater(t, pruned, height)
	_, err = node.Attest(ctx, raw, uint32(height))
	require.ErrorIs(t, err, anchor.ErrPruned)
	var remedy *anchor.Remedy
	require.True(t, errors.As(err, &remedy))
	require.Contains(t, remedy.Text, "a node that has all blocks")
	require.NoError(t, node.Check(ctx, bitcoin.Regtest))
}

// Every request is lost in every way, once. The wallet has one coin: it is not
// left locked for a request that nobody got.
func TestWalletFaults(t *testing.T) {
	n := testnode.StartBitcoind(t)
	n.CreateWallet("w", 1)
	proxy := testnode.StartProxy(t, n.RPCURL, nil)
	node, err := bitcoind.New(bitcoind.Config{URL: proxy.URL, Login: jsonrpc.Password(n.User, n.Password)})
	require.NoError(t, err)
	wallet := node.Wallet("w")
	ctx := t.Context()
	for _, kind := range []testnode.FaultKind{testnode.DropBefore, testnode.DropAfter, testnode.Truncate, testnode.Cut} {
		for at := 0; ; at++ {
			proxy.FaultAt(at, testnode.Fault{Kind: kind})
			request, err := wallet.Fund(ctx, order(1))
			if proxy.Count() <= at {
				require.NoError(t, err)
				require.Len(t, request.Coins(), 1)
				require.Greater(t, at, 3, "listed, asked for change, …")
				break
			}
			require.Error(t, err)
			require.Zero(t, locked(t, n, "w"), "request %d", at)
		}
	}
	proxy.Plan(nil)
	request, err := wallet.Fund(ctx, order(1))
	require.NoError(t, err)
	want, err := wallet.Sign(ctx, request)
	require.NoError(t, err)
	for at := range 2 {
		for _, kind := range []testnode.FaultKind{testnode.DropBefore, testnode.DropAfter, testnode.Truncate, testnode.Cut} {
			proxy.FaultAt(at, testnode.Fault{Kind: kind})
			_, err := wallet.Sign(ctx, request)
			require.Error(t, err)
			again, err := wallet.Sign(ctx, request)
			require.NoError(t, err)
			require.Equal(t, want, again)
		}
	}
}

// While the node loads its blocks it says so, and is waited for.
func TestWarmUp(t *testing.T) {
	n := testnode.StartBitcoind(t)
	n.Mine(300)
	n.Stop()
	node, err := bitcoind.New(bitcoind.Config{URL: n.RPCURL, Login: jsonrpc.Password(n.User, n.Password)})
	require.NoError(t, err)
	n.RestartSoon()
	for {
		err := node.Check(t.Context(), bitcoin.Regtest)
		if !errors.Is(err, anchor.ErrUnreachable) {
			require.NoError(t, err)
			break
		}
	}
}

package anchor

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/anchor/coinkey"
	"gradseal/bitcoin"
)

// ledger is a node that knows some transactions and what of them is unspent, and
// says what a test has it say. No other method may be called.
type ledger struct {
	Node
	coins []wire.OutPoint
	txs   map[bitcoin.Hash][]byte
	asked int // for transactions
}

func (l *ledger) Coins(context.Context, []byte) ([]wire.OutPoint, error) {
	return slices.Clone(l.coins), nil
}

func (l *ledger) Transaction(_ context.Context, id bitcoin.Hash) ([]byte, error) {
	l.asked++
	raw, ok := l.txs[id]
	if !ok {
		return nil, ErrUnknownTx
	}
	return bytes.Clone(raw), nil
}

// newLedger has coins of these values that pay to script.
func newLedger(t testing.TB, script []byte, values ...int64) *ledger {
	t.Helper()
	coins, previous := mint(t, script, values...)
	l := &ledger{txs: make(map[bitcoin.Hash][]byte)}
	for _, coin := range coins {
		l.coins = append(l.coins, coin.OutPoint)
		l.txs[bitcoin.Hash(coin.OutPoint.Hash)] = previous[coin.OutPoint]
	}
	return l
}

func newKey(t testing.TB, typ coinkey.Type) *coinkey.Key {
	t.Helper()
	key, err := coinkey.Generate(typ, bitcoin.Regtest)
	require.NoError(t, err)
	return key
}

var testOrder = Order{Root: testRoot, Rate: 2 * SatPerVByte, MaxFee: 10_000}

func TestKeySigner(t *testing.T) {
	both(t, func(t *testing.T, typ coinkey.Type) {
		ctx := t.Context()
		key := newKey(t, typ)
		node := newLedger(t, key.Public().Script(), 50_000, 20_000, 30_000)
		s := NewKeySigner(node, key)
		r, err := s.Fund(ctx, testOrder)
		require.NoError(t, err)
		require.Equal(t, testRoot, r.Root())
		require.Equal(t, []int64{20_000}, valuesOf(r.Coins()))
		require.Equal(t, key.Public().Script(), r.Packet.UnsignedTx.TxOut[1].PkScript)
		require.Equal(t, 2*r.VSize(), r.Fee())

		// It goes over the disk, and is signed the same each time.
		stored, err := ParseRequest(marshal(t, r))
		require.NoError(t, err)
		raw, err := s.Sign(ctx, stored)
		require.NoError(t, err)
		again, err := s.Sign(ctx, r)
		require.NoError(t, err)
		require.Equal(t, raw, again)
		require.NoError(t, r.Check(raw))
		outPoints, err := inputsOf(raw)
		require.NoError(t, err)
		require.Equal(t, []wire.OutPoint{node.coins[1]}, outPoints)

		// What a batch has reserved, the next does not take.
		order := testOrder
		order.Reserved = outPoints
		next, err := s.Fund(ctx, order)
		require.NoError(t, err)
		require.Equal(t, []int64{30_000}, valuesOf(next.Coins()))
		require.Equal(t, 3+2, node.asked, "a reserved coin is not looked up")

		// The fields that a hardware wallet finds its key by.
		input := next.Packet.Inputs[0]
		if typ == coinkey.P2TR {
			require.Len(t, input.TaprootBip32Derivation, 1)
			require.Len(t, input.TaprootBip32Derivation[0].Bip32Path, 5)
		} else {
			require.Len(t, input.Bip32Derivation, 1)
			require.NotNil(t, input.NonWitnessUtxo)
		}

		// Another key is another address.
		_, err = NewKeySigner(node, newKey(t, typ)).Sign(ctx, next)
		require.ErrorContains(t, err, "which is none of the key")
	})
}

func TestKeySignerSpendsWhatIsNamed(t *testing.T) {
	ctx := t.Context()
	key := newKey(t, coinkey.P2WPKH)
	node := newLedger(t, key.Public().Script(), 50_000, 20_000, 30_000)
	s := NewKeySigner(node, key)
	order := testOrder
	order.Inputs = []wire.OutPoint{node.coins[2], node.coins[0]}
	node.coins = nil // the node's own list is not asked for
	r, err := s.Fund(ctx, order)
	require.NoError(t, err)
	require.Equal(t, []int64{30_000, 50_000}, valuesOf(r.Coins()))

	order.Reserved = order.Inputs[:1]
	_, err = s.Fund(ctx, order)
	require.ErrorContains(t, err, "is spent by a transaction that is stored here already")
	order.Inputs = []wire.OutPoint{order.Inputs[1], order.Inputs[1]}
	_, err = s.Fund(ctx, order)
	require.ErrorContains(t, err, "is given twice")
	order.Inputs = []wire.OutPoint{{Index: 7}}
	_, err = s.Fund(ctx, order)
	require.ErrorIs(t, err, ErrUnknownTx)
}

func TestWatchSigner(t *testing.T) {
	both(t, func(t *testing.T, typ coinkey.Type) {
		ctx := t.Context()
		key := newKey(t, typ)
		node := newLedger(t, key.Public().Script(), 50_000)
		for _, text := range []string{key.Public().String(), key.Public().Address()} {
			public, err := coinkey.ParsePublic(text, bitcoin.Regtest)
			require.NoError(t, err)
			r, err := NewWatchSigner(node, public).Fund(ctx, testOrder)
			require.NoError(t, err)
			_, err = NewWatchSigner(node, public).Sign(ctx, r)
			require.ErrorIs(t, err, ErrNoKey)
			raw, err := NewKeySigner(node, key).Sign(ctx, r)
			require.NoError(t, err)
			got, err := r.Complete(raw)
			require.NoError(t, err)
			require.Equal(t, raw, got)
		}
	})
}

func TestFundErrors(t *testing.T) {
	ctx := t.Context()
	key := newKey(t, coinkey.P2WPKH)
	script, address := key.Public().Script(), key.Public().Address()

	_, err := NewKeySigner(newLedger(t, script), key).Fund(ctx, testOrder)
	var short *NotEnoughError
	require.ErrorAs(t, err, &short)
	require.Equal(t, NotEnoughError{Needed: 252}, *short)
	var remedy *Remedy
	require.ErrorAs(t, err, &remedy)
	require.Equal(t, "send 608 satoshi or more to "+address+", and wait until a block has them", remedy.Text)
	// And that much is enough, with change.
	r, err := NewKeySigner(newLedger(t, script, 608), key).Fund(ctx, testOrder)
	require.NoError(t, err)
	require.Len(t, r.Packet.UnsignedTx.TxOut, 2)

	node := newLedger(t, script, 251)
	_, err = NewKeySigner(node, key).Fund(ctx, testOrder)
	require.ErrorAs(t, err, &short)
	require.Equal(t, NotEnoughError{252, 251}, *short)
	require.ErrorAs(t, err, &remedy)
	order := testOrder
	order.Inputs = node.coins
	_, err = NewKeySigner(node, key).Fund(ctx, order)
	require.ErrorAs(t, err, &remedy)
	require.Contains(t, remedy.Text, address)

	node = newLedger(t, script, 50_000)
	order = testOrder
	order.MaxFee = 313
	_, err = NewKeySigner(node, key).Fund(ctx, order)
	require.Equal(t, &FeeError{Fee: 314, Max: 313}, err)
	require.EqualError(t, err, "the fee would be 314 satoshi, at most 313 are allowed")
	order.MaxFee = 314
	_, err = NewKeySigner(node, key).Fund(ctx, order)
	require.NoError(t, err)
	order.Rate = 0
	_, err = NewKeySigner(node, key).Fund(ctx, order)
	require.ErrorContains(t, err, "invalid fee rate")

	// The limit is looked at before the money: 252 satoshi are the least, and
	// there are none.
	poor := NewKeySigner(newLedger(t, script), key)
	order = testOrder
	order.MaxFee = 251
	_, err = poor.Fund(ctx, order)
	require.Equal(t, &FeeError{Fee: 252, Max: 251}, err)
	order.MaxFee = 252
	_, err = poor.Fund(ctx, order)
	require.ErrorAs(t, err, &short)
	order.Rate, order.MaxFee = 99_999_999*SatPerVByte, 10_000
	_, err = poor.Fund(ctx, order)
	require.Equal(t, &FeeError{Fee: 126 * 99_999_999, Max: 10_000}, err)
}

// TestNodeThatLies: nothing that the node says of a coin is believed.
func TestNodeThatLies(t *testing.T) {
	key := newKey(t, coinkey.P2WPKH)
	script := key.Public().Script()
	for _, tc := range []struct {
		name string
		lie  func(l *ledger, id bitcoin.Hash)
		want string
	}{
		{"another transaction", func(l *ledger, id bitcoin.Hash) {
			l.txs[id] = newLedger(t, script, 1, 2_000_000).txs[newID(t, script)]
		}, "in place of the one that made it"},
		{"a coin of more", func(l *ledger, id bitcoin.Hash) { l.txs[id][70]++ }, "in place of the one that made it"},
		{"not the whole transaction", func(l *ledger, id bitcoin.Hash) { l.txs[id] = l.txs[id][:90] }, "in place of the one that made it"},
		{"nothing", func(l *ledger, id bitcoin.Hash) { l.txs[id] = nil }, "in place of the one that made it"},
		{"an output that is not there", func(l *ledger, _ bitcoin.Hash) { l.coins[0].Index = 3 }, "output 3 of transaction"},
		{"an output of somebody else", func(l *ledger, _ bitcoin.Hash) { l.coins[0].Index = 2 }, "it does not pay to " + key.Public().Address()},
		{"the same coin twice", func(l *ledger, _ bitcoin.Hash) { l.coins = append(l.coins, l.coins[0]) }, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			node := newLedger(t, script, 100)
			if tc.want != "" {
				node = newLedger(t, script, 50_000)
			}
			tc.lie(node, bitcoin.Hash(node.coins[0].Hash))
			r, err := NewKeySigner(node, key).Fund(t.Context(), testOrder)
			require.Error(t, err)
			require.ErrorContains(t, err, tc.want)
			require.Nil(t, r)
		})
	}
}

// newID is the id of the second transaction of a ledger as in TestNodeThatLies.
func newID(t testing.TB, script []byte) bitcoin.Hash {
	return bitcoin.Hash(newLedger(t, script, 1, 2_000_000).coins[1].Hash)
}

// TestManySmallCoins: somebody sent dust to the address. It costs a look at some
// of it, and no more.
func TestManySmallCoins(t *testing.T) {
	key := newKey(t, coinkey.P2TR)
	values := slices.Repeat([]int64{330}, 1000)
	values[50] = 40_000
	node := newLedger(t, key.Public().Script(), values...)
	r, err := NewKeySigner(node, key).Fund(t.Context(), testOrder)
	require.NoError(t, err)
	require.Equal(t, []int64{40_000}, valuesOf(r.Coins()))
	require.Equal(t, maxCoins, node.asked)

	values[50], values[maxCoins] = 330, 40_000
	node = newLedger(t, key.Public().Script(), values...)
	order := testOrder
	order.Rate = 50 * SatPerVByte
	_, err = NewKeySigner(node, key).Fund(t.Context(), order)
	var remedy *Remedy
	require.ErrorAs(t, err, &remedy)
	require.Equal(t, "800 coins of "+key.Public().Address()+" were not looked at: name those to spend", remedy.Text)
	order.Inputs = node.coins[maxCoins : maxCoins+1]
	_, err = NewKeySigner(node, key).Fund(t.Context(), order)
	require.NoError(t, err)
}

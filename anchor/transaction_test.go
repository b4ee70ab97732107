package anchor

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/mempool"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/anchor/coinkey"
	"gradseal/bitcoin"
	"gradseal/proof"
)

var testRoot = [32]byte{0x6f, 1, 2, 3}

// testKey is the n-th of a fixed series of keys.
func testKey(n int) *btcec.PrivateKey {
	secret := sha256.Sum256(fmt.Appendf(nil, "test key %d", n))
	key, _ := btcec.PrivKeyFromBytes(secret[:])
	return key
}

// testCoins are count coins of that key, each with that value.
func testCoins(key *btcec.PrivateKey, count int, value int64) []Coin {
	coins := make([]Coin, count)
	for i := range coins {
		id := chainhash.HashH(fmt.Appendf(nil, "coin %d of %x", i, key.Serialize()))
		coins[i] = Coin{wire.OutPoint{Hash: id, Index: uint32(i)}, value, coinkey.P2WPKH.Script(key.PubKey())}
	}
	return coins
}

// funded is a signed transaction and what it costs.
type funded struct {
	Raw   []byte       // witness serialization (BIP 144)
	ID    bitcoin.Hash // of the transaction without its witness
	Fee   int64        // satoshi
	VSize int64        // virtual bytes (BIP 141) of Raw
}

// newFunded serializes a signed transaction that pays fee (satoshi), and reads
// it back as Parse does.
func newFunded(tx *wire.MsgTx, fee int64) (*funded, error) {
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		return nil, err
	}
	if _, err := Parse(raw.Bytes()); err != nil {
		return nil, err
	}
	return &funded{
		Raw:   raw.Bytes(),
		ID:    bitcoin.Hash(tx.TxHash()),
		Fee:   fee,
		VSize: virtualSize(tx.SerializeSizeStripped(), tx.SerializeSize()-tx.SerializeSizeStripped()),
	}, nil
}

// signedTx is a signed anchor with count inputs.
func signedTx(t testing.TB, count int) []byte {
	t.Helper()
	key := testKey(1)
	coins := testCoins(key, count, 50_000)
	tx, fee, err := Build(coins, coins[0].Script, testRoot, SatPerVByte)
	require.NoError(t, err)
	require.NoError(t, Sign(tx, coins, key))
	sent, err := newFunded(tx, fee)
	require.NoError(t, err)
	return sent.Raw
}

func TestBuildShape(t *testing.T) {
	key := testKey(1)
	coins := testCoins(key, 2, 30_000)
	change := coinkey.P2WPKH.Script(testKey(2).PubKey())

	tx, fee, err := Build(coins, change, testRoot, 2*SatPerVByte)
	require.NoError(t, err)

	require.EqualValues(t, 2, tx.Version)
	require.Zero(t, tx.LockTime)
	require.Len(t, tx.TxIn, 2)
	for i, in := range tx.TxIn {
		require.Equal(t, coins[i].OutPoint, in.PreviousOutPoint)
		require.EqualValues(t, 0xfffffffd, in.Sequence)
		require.Empty(t, in.SignatureScript)
		require.Empty(t, in.Witness)
	}
	require.Len(t, tx.TxOut, 2)
	require.Equal(t, wire.NewTxOut(0, proof.Commitment(testRoot)), tx.TxOut[0])
	require.Equal(t, wire.NewTxOut(60_000-fee, change), tx.TxOut[1])

	// 170 bytes weigh 4 each, the marker and two witnesses of 108 bytes 1.
	require.Equal(t, 170, tx.SerializeSizeStripped())
	require.EqualValues(t, 2*225, fee)
}

func TestBuildWithoutChangeKeepsNothingBack(t *testing.T) {
	coins := testCoins(testKey(1), 1, 300)
	tx, fee, err := Build(coins, coins[0].Script, testRoot, SatPerVByte)
	require.NoError(t, err)
	require.Len(t, tx.TxOut, 1)
	require.EqualValues(t, 300, fee, "what is too little for an output goes to the fee")
	require.Equal(t, 98, tx.SerializeSizeStripped())
}

// TestDustBoundary walks the change over the limit that nodes have for each
// kind of script, and asks btcd's own relay policy about the same outputs.
func TestDustBoundary(t *testing.T) {
	for _, tc := range []struct {
		name   string
		script []byte
		limit  int64
	}{
		{"P2WPKH", coinkey.P2WPKH.Script(testKey(2).PubKey()), 294},
		{"P2WSH", append([]byte{txscript.OP_0, txscript.OP_DATA_32}, make([]byte, 32)...), 330},
		{"P2TR", append([]byte{txscript.OP_1, txscript.OP_DATA_32}, make([]byte, 32)...), 330},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, withChange, err := Build(testCoins(testKey(1), 1, 100_000), tc.script, testRoot, SatPerVByte)
			require.NoError(t, err)
			for _, change := range []int64{0, 1, tc.limit - 1, tc.limit, tc.limit + 1} {
				total := withChange + change
				tx, fee, err := Build(testCoins(testKey(1), 1, total), tc.script, testRoot, SatPerVByte)
				require.NoError(t, err)
				dust := mempool.IsDust(wire.NewTxOut(change, tc.script), 1000)
				require.Equal(t, change < tc.limit, dust, "btcd's policy on %d satoshi", change)
				if dust {
					require.Len(t, tx.TxOut, 1)
					require.Equal(t, total, fee)
					continue
				}
				require.Len(t, tx.TxOut, 2)
				require.Equal(t, change, tx.TxOut[1].Value)
				require.Equal(t, withChange, fee)
			}
		})
	}
}

func TestBuildErrors(t *testing.T) {
	key := testKey(1)
	own := coinkey.P2WPKH.Script(key.PubKey())
	good := testCoins(key, 1, 50_000)
	with := func(change func(c []Coin) []Coin, coins []Coin) []Coin {
		return change(append([]Coin(nil), coins...))
	}
	for _, tc := range []struct {
		name   string
		coins  []Coin
		change []byte
		rate   FeeRate
		want   string
	}{
		{"no coin", nil, own, SatPerVByte, "no coin to spend"},
		{"coin twice", append(testCoins(key, 1, 9), testCoins(key, 1, 9)...), own, SatPerVByte, "is given twice"},
		{"coin of nothing", testCoins(key, 1, 0), own, SatPerVByte, "invalid value of 0 satoshi"},
		{"negative coin", testCoins(key, 1, -1), own, SatPerVByte, "invalid value of -1 satoshi"},
		{"coin above all money", testCoins(key, 1, btcutil.MaxSatoshi+1), own, SatPerVByte, "invalid value of 2100000000000001 satoshi"},
		{"largest int64", testCoins(key, 1, math.MaxInt64), own, SatPerVByte, "invalid value"},
		{"sum above all money", testCoins(key, 2, btcutil.MaxSatoshi), own, SatPerVByte, "more than the 2100000000000000 satoshi that there can be"},
		{"P2WSH coin", with(func(c []Coin) []Coin {
			c[0].Script = append([]byte{txscript.OP_0, txscript.OP_DATA_32}, make([]byte, 32)...)
			return c
		}, good), own, SatPerVByte, "want pay to witness public key hash or taproot"},
		{"coin without script", with(func(c []Coin) []Coin { c[0].Script = nil; return c }, good), own, SatPerVByte, "unsupported script"},
		{"no change script", good, nil, SatPerVByte, "unsupported change script"},
		{"legacy change script", good, []byte{txscript.OP_DUP, txscript.OP_HASH160}, SatPerVByte, "unsupported change script"},
		{"commitment as change", good, proof.Commitment(testRoot), SatPerVByte, "unsupported change script"},
		{"rate of zero", good, own, 0, "invalid fee rate of 0 sat/vB"},
		{"rate just too low", good, own, SatPerVByte - 1, "invalid fee rate of 0.999 sat/vB, want at least 1 sat/vB"},
		{"negative rate", good, own, -SatPerVByte, "invalid fee rate of -1 sat/vB"},
		{"rate that overflows", good, own, math.MaxInt64, "more than there can be"},
		{"fee above all money", good, own, btcutil.MaxSatoshi * 1000, "more than there can be"},
		// 126 virtual bytes without change.
		{"not enough", testCoins(key, 1, 125), own, SatPerVByte, "not enough money: 126 satoshi needed, 125 satoshi available"},
		{"not enough at that rate", testCoins(key, 1, 1000), own, 10 * SatPerVByte, "not enough money: 1260 satoshi needed, 1000 satoshi available"},
		{"too many coins", testCoins(key, 100, 50_000), own, SatPerVByte, "bytes, want 65 to 4000"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tx, fee, err := Build(tc.coins, tc.change, testRoot, tc.rate)
			require.ErrorContains(t, err, tc.want)
			require.Nil(t, tx)
			require.Zero(t, fee)
		})
	}
}

func TestNotEnoughCanBeReadByTheCaller(t *testing.T) {
	coins := testCoins(testKey(1), 1, 125)
	_, _, err := Build(coins, coins[0].Script, testRoot, SatPerVByte)
	var short *NotEnoughError
	require.ErrorAs(t, err, &short)
	require.Equal(t, NotEnoughError{Needed: 126, Available: 125}, *short)

	coins[0].Value = short.Needed
	_, fee, err := Build(coins, coins[0].Script, testRoot, SatPerVByte)
	require.NoError(t, err)
	require.Equal(t, short.Needed, fee)
}

// TestLargestTransaction finds that as many coins as fit are accepted and stay
// below the limit.
func TestLargestTransaction(t *testing.T) {
	key := testKey(1)
	for count := 90; ; count++ {
		coins := testCoins(key, count, 50_000)
		tx, _, err := Build(coins, coins[0].Script, testRoot, SatPerVByte)
		if err != nil {
			// 88 bytes and 41 for each input.
			require.Equal(t, 95, count-1)
			return
		}
		require.LessOrEqual(t, tx.SerializeSizeStripped(), bitcoin.MaxTransaction)
	}
}

// TestFeeIsExact signs with 200 keys and compares with the size that btcd
// computes of the result: never less than the rate asked for, and at most one
// virtual byte more than needed for an input.
func TestFeeIsExact(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 200 {
		key := testKey(i)
		coins := testCoins(key, 1+i%3, 1_000_000)
		rate := SatPerVByte + FeeRate(random.IntN(50_000))
		tx, fee, err := Build(coins, coins[0].Script, testRoot, rate)
		require.NoError(t, err)
		require.NoError(t, Sign(tx, coins, key))
		sent, err := newFunded(tx, fee)
		require.NoError(t, err)

		actual := mempool.GetTxVirtualSize(btcutil.NewTx(tx))
		require.Equal(t, actual, sent.VSize)
		planned := signedVSize(tx, coins)
		require.GreaterOrEqual(t, planned, actual)
		require.LessOrEqual(t, planned, actual+1, "key %d", i)
		want, err := rate.Fee(planned)
		require.NoError(t, err)
		require.Equal(t, want, fee)
		require.GreaterOrEqual(t, fee*1000, int64(rate)*actual, "the rate is never below what was asked for")

		in := int64(len(coins)) * 1_000_000
		require.Equal(t, in, fee+tx.TxOut[1].Value, "no satoshi is lost")
	}
}

func TestSignedBytesReadBack(t *testing.T) {
	key := testKey(7)
	coins := testCoins(key, 3, 40_000)
	tx, fee, err := Build(coins, coins[0].Script, testRoot, 3*SatPerVByte/2)
	require.NoError(t, err)
	require.NoError(t, Sign(tx, coins, key))
	sent, err := newFunded(tx, fee)
	require.NoError(t, err)

	outPoints, err := inputsOf(sent.Raw)
	require.NoError(t, err)
	for i, outPoint := range outPoints {
		require.Equal(t, coins[i].OutPoint, outPoint)
	}
	read, err := Parse(sent.Raw)
	require.NoError(t, err)
	stripped, err := Stripped(read)
	require.NoError(t, err)
	parsed, err := bitcoin.ParseTransaction(stripped)
	require.NoError(t, err)
	require.Equal(t, sent.ID, parsed.ID())
	root, err := proof.ParseCommitment(parsed)
	require.NoError(t, err)
	require.Equal(t, testRoot, root)
}

// TestSigningAgainGivesTheSameBytes holds the signature to RFC 6979: the same
// input gives the same transaction, and not a second one.
func TestSigningAgainGivesTheSameBytes(t *testing.T) {
	require.Equal(t, signedTx(t, 2), signedTx(t, 2))
}

func TestSignErrors(t *testing.T) {
	key := testKey(1)
	coins := testCoins(key, 2, 50_000)
	other := append([]Coin(nil), coins...)
	other[1].Script = coinkey.P2WPKH.Script(testKey(2).PubKey())
	for _, tc := range []struct {
		name  string
		coins []Coin
		key   *btcec.PrivateKey
		want  string
	}{
		{"another key", coins, testKey(2), "input 0 spends script"},
		{"one coin of another key", other, key, "input 1 spends script"},
		{"a coin is missing", coins[:1], key, "which is not among the 1 coins"},
		{"no coins", nil, key, "which is not among the 0 coins"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tx, _, err := Build(coins, coins[0].Script, testRoot, SatPerVByte)
			require.NoError(t, err)
			require.ErrorContains(t, Sign(tx, tc.coins, tc.key), tc.want)
			for _, in := range tx.TxIn {
				require.Empty(t, in.Witness, "nothing is signed after an error")
			}
		})
	}
}

// TestScriptsAreRun changes a signed transaction in ways that the script engine
// has to notice.
func TestScriptsAreRun(t *testing.T) {
	key := testKey(1)
	coins := testCoins(key, 1, 50_000)
	for _, tc := range []struct {
		name   string
		change func(tx *wire.MsgTx, coins []Coin)
	}{
		{"root", func(tx *wire.MsgTx, _ []Coin) { tx.TxOut[0].PkScript[10] ^= 1 }},
		{"change value", func(tx *wire.MsgTx, _ []Coin) { tx.TxOut[1].Value-- }},
		{"sequence", func(tx *wire.MsgTx, _ []Coin) { tx.TxIn[0].Sequence-- }},
		{"value of the coin", func(_ *wire.MsgTx, c []Coin) { c[0].Value++ }},
		{"signature", func(tx *wire.MsgTx, _ []Coin) { tx.TxIn[0].Witness[0][20] ^= 1 }},
		{"no witness", func(tx *wire.MsgTx, _ []Coin) { tx.TxIn[0].Witness = nil }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tx, _, err := Build(coins, coins[0].Script, testRoot, SatPerVByte)
			require.NoError(t, err)
			require.NoError(t, Sign(tx, coins, key))
			changed := append([]Coin(nil), coins...)
			prevOuts, err := previousOutputs(tx, changed)
			require.NoError(t, err)
			require.NoError(t, runScripts(tx, prevOuts))

			tc.change(tx, changed)
			prevOuts, err = previousOutputs(tx, changed)
			require.NoError(t, err)
			require.ErrorContains(t, runScripts(tx, prevOuts), "input 0: the script refuses")
		})
	}
}

func TestSerializedIsParsedUnsigned(t *testing.T) {
	coins := testCoins(testKey(1), 1, 50_000)
	tx, fee, err := Build(coins, coins[0].Script, testRoot, SatPerVByte)
	require.NoError(t, err)
	_, err = newFunded(tx, fee)
	require.ErrorContains(t, err, "no witness")
}

func TestFeeRate(t *testing.T) {
	for _, tc := range []struct {
		rate  FeeRate
		vsize int64
		fee   int64
		text  string
	}{
		{1000, 157, 157, "1 sat/vB"},
		{1500, 157, 236, "1.5 sat/vB"},
		{1001, 157, 158, "1.001 sat/vB"},
		{12_340, 1, 13, "12.34 sat/vB"},
		{100_000, 10, 1000, "100 sat/vB"},
		{20 * SatPerVByte, 0, 0, "20 sat/vB"},
		{btcutil.MaxSatoshi, 1000, btcutil.MaxSatoshi, "2100000000000 sat/vB"},
	} {
		fee, err := tc.rate.Fee(tc.vsize)
		require.NoError(t, err)
		require.Equal(t, tc.fee, fee, tc.text)
		require.Equal(t, tc.text, tc.rate.String())
	}
	_, err := FeeRate(btcutil.MaxSatoshi + 1).Fee(1000)
	require.ErrorContains(t, err, "1000 virtual bytes would cost 2100000000000001 satoshi")
}

// respell returns raw with a change, which must be one.
func respell(t *testing.T, raw []byte, change func(b []byte) []byte) []byte {
	t.Helper()
	changed := change(bytes.Clone(raw))
	require.NotEqual(t, raw, changed)
	return changed
}

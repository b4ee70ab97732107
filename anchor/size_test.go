package anchor

import (
	"fmt"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/mempool"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/stretchr/testify/require"

	"gradseal/anchor/coinkey"
)

// coinsOf are count coins of that key and type, each with that value.
func coinsOf(key *btcec.PrivateKey, typ coinkey.Type, count int, value int64) []Coin {
	coins := testCoins(key, count, value)
	for i := range coins {
		coins[i].Script = typ.Script(key.PubKey())
	}
	return coins
}

// sizeTable is what an anchor measures in virtual bytes, as the documents have
// it.
const sizeTable = `
| coins | change | without its witness, bytes | signed, vbytes |
|---|---|---|---|
| 1 wpkh | none | 98 | 126 |
| 1 wpkh | wpkh | 129 | 157 |
| 1 tr | none | 98 | 115 |
| 1 tr | tr | 141 | 158 |
| 2 wpkh | none | 139 | 194 |
| 2 wpkh | wpkh | 170 | 225 |
| 2 tr | none | 139 | 173 |
| 2 tr | tr | 182 | 216 |
`

// TestSizeTable signs a transaction of every kind with many keys and has btcd
// measure it: the largest is what the table and Build's fee say.
func TestSizeTable(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hundreds of signatures take a while")
	}
	var got strings.Builder
	got.WriteString("\n| coins | change | without its witness, bytes | signed, vbytes |\n|---|---|---|---|\n")
	for _, count := range []int{1, 2} {
		for _, typ := range []coinkey.Type{coinkey.P2WPKH, coinkey.P2TR} {
			for _, value := range []int64{200, 50_000} {
				var stripped int
				var largest int64
				for i := range 60 {
					key := testKey(i)
					coins := coinsOf(key, typ, count, value)
					tx, fee, err := Build(coins, coins[0].Script, testRoot, SatPerVByte)
					require.NoError(t, err)
					require.Len(t, tx.TxOut, map[int64]int{200: 1, 50_000: 2}[value])
					require.NoError(t, Sign(tx, coins, key))
					if value == 50_000 {
						require.Equal(t, signedVSize(tx, coins), fee)
					}
					stripped = tx.SerializeSizeStripped()
					largest = max(largest, mempool.GetTxVirtualSize(btcutil.NewTx(tx)))
					require.GreaterOrEqual(t, signedVSize(tx, coins), largest)
				}
				change := "none"
				if value == 50_000 {
					change = typ.String()
				}
				fmt.Fprintf(&got, "| %d %s | %s | %d | %d |\n", count, typ, change, stripped, largest)
			}
		}
	}
	require.Equal(t, sizeTable, got.String())
}

// TestTaprootSizeIsExact: a Schnorr signature always has 64 bytes.
func TestTaprootSizeIsExact(t *testing.T) {
	for i := range 50 {
		key := testKey(i)
		coins := coinsOf(key, coinkey.P2TR, 1+i%3, 20_000)
		tx, fee, err := Build(coins, coins[0].Script, testRoot, 3*SatPerVByte)
		require.NoError(t, err)
		require.NoError(t, Sign(tx, coins, key))
		require.Equal(t, mempool.GetTxVirtualSize(btcutil.NewTx(tx)), signedVSize(tx, coins))
		require.Equal(t, 3*signedVSize(tx, coins), fee)
		for _, in := range tx.TxIn {
			require.Len(t, in.Witness, 1)
			require.Len(t, in.Witness[0], 64)
		}
	}
}

// TestMixedInputs signs inputs of both types in one transaction.
func TestMixedInputs(t *testing.T) {
	key := testKey(1)
	coins := coinsOf(key, coinkey.P2WPKH, 3, 20_000)
	coins[1].Script = coinkey.P2TR.Script(key.PubKey())
	for range coins {
		tx, _, err := Build(coins, coins[1].Script, testRoot, SatPerVByte)
		require.NoError(t, err)
		require.NoError(t, Sign(tx, coins, key))
		for i, in := range tx.TxIn {
			want := map[bool]int{false: 2, true: 1}[txscript.IsPayToTaproot(coins[i].Script)]
			require.Len(t, in.Witness, want)
		}
		require.LessOrEqual(t, mempool.GetTxVirtualSize(btcutil.NewTx(tx)), signedVSize(tx, coins))
		coins = append(coins[1:], coins[0])
	}
}

// TestTaprootScriptsAreRun: a signature over another value is none, whichever
// input has it.
func TestTaprootScriptsAreRun(t *testing.T) {
	key := testKey(1)
	coins := coinsOf(key, coinkey.P2TR, 2, 20_000)
	tx, _, err := Build(coins, coins[0].Script, testRoot, SatPerVByte)
	require.NoError(t, err)
	require.NoError(t, Sign(tx, coins, key))
	for i := range coins {
		wrong := append([]Coin(nil), coins...)
		wrong[i].Value++
		prevOuts, err := previousOutputs(tx, wrong)
		require.NoError(t, err)
		require.ErrorContains(t, runScripts(tx, prevOuts), "input 0: the script refuses")
	}
	other := coinsOf(testKey(2), coinkey.P2TR, 1, 20_000)
	tx, _, err = Build(other, coins[0].Script, testRoot, SatPerVByte)
	require.NoError(t, err)
	require.ErrorContains(t, Sign(tx, other, key), "input 0 spends script")
	require.True(t, txscript.IsPayToTaproot(other[0].Script))
}

package anchor

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/anchor/coinkey"
)

// coinsWith are coins of one key with these values.
func coinsWith(typ coinkey.Type, values ...int64) []Coin {
	coins := coinsOf(testKey(1), typ, len(values), 1)
	for i, value := range values {
		coins[i].Value = value
	}
	return coins
}

func valuesOf(coins []Coin) []int64 {
	var values []int64
	for _, coin := range coins {
		values = append(values, coin.Value)
	}
	return values
}

func TestChoose(t *testing.T) {
	// With change 157 virtual bytes, and a dust limit of 294; without 126; each
	// input more 68.
	for _, tc := range []struct {
		name     string
		have     []int64
		reserved []int
		want     []int64
	}{
		{"the only one", []int64{1000}, nil, []int64{1000}},
		{"the smallest that leaves change", []int64{5000, 451, 1000, 450}, nil, []int64{451}},
		{"not one of which something is lost", []int64{5000, 450, 200}, nil, []int64{5000}},
		{"one of which nothing is lost", []int64{5000, 126, 200}, nil, []int64{126}},
		{"the smallest alone, with a loss", []int64{130, 127, 100}, nil, []int64{127}},
		{"one with a loss before two", []int64{300, 290, 280}, nil, []int64{280}},
		{"two of three", []int64{80, 125, 110}, nil, []int64{125, 110}},
		{"three of four", []int64{88, 90, 85, 70}, nil, []int64{90, 88, 85}},
		{"without the reserved", []int64{1000, 2000, 3000}, []int{0, 1}, []int64{3000}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			coins := coinsWith(coinkey.P2WPKH, tc.have...)
			var reserved []wire.OutPoint
			for _, i := range tc.reserved {
				reserved = append(reserved, coins[i].OutPoint)
			}
			for range 10 { // in any order
				got, err := Choose(coins, reserved, coins[0].Script, SatPerVByte)
				require.NoError(t, err)
				require.Equal(t, tc.want, valuesOf(got))
				_, _, err = Build(got, coins[0].Script, testRoot, SatPerVByte)
				require.NoError(t, err)
				rand.Shuffle(len(coins), func(i, j int) { coins[i], coins[j] = coins[j], coins[i] })
			}
			require.Equal(t, len(tc.have), len(coins), "the coins given are left as they are")
		})
	}
}

// TestChooseIsOneChoice: coins of one value are told apart by their outpoint.
func TestChooseIsOneChoice(t *testing.T) {
	coins := coinsOf(testKey(1), coinkey.P2TR, 20, 2000)
	first, err := Choose(coins, nil, coins[0].Script, SatPerVByte)
	require.NoError(t, err)
	require.Len(t, first, 1)
	for range 20 {
		rand.Shuffle(len(coins), func(i, j int) { coins[i], coins[j] = coins[j], coins[i] })
		again, err := Choose(coins, nil, coins[0].Script, SatPerVByte)
		require.NoError(t, err)
		require.Equal(t, first, again)
	}
}

func TestChooseErrors(t *testing.T) {
	script := coinkey.P2WPKH.Script(testKey(1).PubKey())
	for _, tc := range []struct {
		name string
		have []int64
		want NotEnoughError
	}{
		{"nothing", nil, NotEnoughError{Needed: 126}},
		{"one", []int64{125}, NotEnoughError{126, 125}},
		{"two", []int64{90, 90}, NotEnoughError{194, 180}},
		{"a second that costs more than it brings", []int64{120, 68}, NotEnoughError{126, 120}},
		{"dust upon dust", []int64{50, 40, 30, 20}, NotEnoughError{126, 50}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Choose(coinsWith(coinkey.P2WPKH, tc.have...), nil, script, SatPerVByte)
			var short *NotEnoughError
			require.ErrorAs(t, err, &short)
			require.Equal(t, tc.want, *short)
			require.Nil(t, got)
		})
	}
	coins := coinsWith(coinkey.P2WPKH, 1000)
	_, err := Choose(coins, []wire.OutPoint{coins[0].OutPoint}, script, SatPerVByte)
	require.EqualError(t, err, "not enough money: 126 satoshi needed, 0 satoshi available")
	_, err = Choose(coins, nil, script, 0)
	require.ErrorContains(t, err, "invalid fee rate")
	_, err = Choose(nil, nil, script, 0)
	require.ErrorContains(t, err, "invalid fee rate")
	_, err = Choose(coins, nil, []byte{0x51}, SatPerVByte)
	require.ErrorContains(t, err, "unsupported change script")
	coins[0].Script = []byte{0x51}
	_, err = Choose(coins, nil, script, SatPerVByte)
	require.ErrorContains(t, err, "unsupported script")
}

// TestCoinsTooSmall: as many coins as a transaction holds do not pay, although
// every one brings something.
func TestCoinsTooSmall(t *testing.T) {
	coins := coinsOf(testKey(1), coinkey.P2WPKH, 150, 6801)
	_, err := Choose(coins, nil, coins[0].Script, 100*SatPerVByte)
	var remedy *Remedy
	require.ErrorAs(t, err, &remedy)
	require.ErrorContains(t, err, "not enough money")
	require.Contains(t, remedy.Text, "one transaction holds 95 of them at most")

	coins = coinsOf(testKey(1), coinkey.P2WPKH, 95, 7000)
	got, err := Choose(coins, nil, coins[0].Script, 100*SatPerVByte)
	require.NoError(t, err)
	require.Less(t, len(got), 95)
}

// TestChooseAgainstAllSubsets compares with the choice among all subsets of a
// few coins: whenever any pays, one is found, of as few coins as possible.
func TestChooseAgainstAllSubsets(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 400 {
		values := make([]int64, 1+random.IntN(6))
		for i := range values {
			values[i] = 1 + random.Int64N([]int64{150, 400, 2000}[random.IntN(3)])
		}
		rate := SatPerVByte * FeeRate(1+random.IntN(3))
		coins := coinsWith(coinkey.P2WPKH, values...)
		fewest := 0
		for mask := 1; mask < 1<<len(coins); mask++ {
			var set []Coin
			for i, coin := range coins {
				if mask>>i&1 == 1 {
					set = append(set, coin)
				}
			}
			if _, _, err := Build(set, coins[0].Script, testRoot, rate); err == nil && (fewest == 0 || len(set) < fewest) {
				fewest = len(set)
			}
		}
		got, err := Choose(coins, nil, coins[0].Script, rate)
		if fewest == 0 {
			require.True(t, errors.As(err, new(*NotEnoughError)), "%v", values)
			continue
		}
		require.NoError(t, err, "%v", values)
		require.Len(t, got, fewest, "%v", values)
	}
}

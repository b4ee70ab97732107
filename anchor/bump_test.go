package anchor

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/anchor/coinkey"
)

func TestBump(t *testing.T) {
	both(t, func(t *testing.T, typ coinkey.Type) {
		key := testKey(3)
		first := newRequest(t, key, typ, 10_000, 9_000)
		first.AddKey(watch(t, key, typ))
		was := marshal(t, first)
		r := first
		for _, rate := range []FeeRate{3000, 4500, 20 * SatPerVByte} {
			next, err := r.Bump(rate, 1_000_000)
			require.NoError(t, err)
			want, err := rate.Fee(next.VSize())
			require.NoError(t, err)
			require.Equal(t, want, next.Fee())
			require.Equal(t, first.Root(), next.Root())
			require.Equal(t, first.Coins(), next.Coins())
			require.Equal(t, first.Packet.UnsignedTx.TxOut[0], next.Packet.UnsignedTx.TxOut[0])
			require.Equal(t, first.Packet.UnsignedTx.TxOut[1].PkScript, next.Packet.UnsignedTx.TxOut[1].PkScript)
			require.NotEqual(t, r.ID(), next.ID())
			// BIP 125, rules 3 and 4, and that of nodes on the rate.
			require.GreaterOrEqual(t, next.Fee(), r.Fee()+next.VSize())
			require.Greater(t, next.Rate(), r.Rate())

			// It is a request as any other: what signers need is in it.
			read, err := ParseRequest(marshal(t, next))
			require.NoError(t, err)
			require.Equal(t, next.Packet.Inputs[0].Bip32Derivation, read.Packet.Inputs[0].Bip32Derivation)
			require.Equal(t, first.Packet.Inputs[0].TaprootInternalKey, read.Packet.Inputs[0].TaprootInternalKey)
			raw := serialize(t, sign(t, read, key))
			require.NoError(t, next.Check(raw))
			require.ErrorContains(t, r.Check(raw), "output 1 pays")
			r = next
		}
		require.Equal(t, was, marshal(t, first), "the old request is as it was")
	})
}

// TestBumpPaysItsRelay: a rate that is hardly above the old one is raised to
// what BIP 125 asks for.
func TestBumpPaysItsRelay(t *testing.T) {
	r := newRequest(t, testKey(3), coinkey.P2WPKH, 10_000)
	require.Equal(t, 2*SatPerVByte, r.Rate())
	next, err := r.Bump(2001, 1_000_000)
	require.NoError(t, err)
	require.Equal(t, 3*r.VSize(), next.Fee())

	for _, rate := range []FeeRate{2000, 1999, 1000} {
		_, err := r.Bump(rate, 1_000_000)
		require.EqualError(t, err, "the transaction pays 2 sat/vB already, want more than that")
	}
	for _, rate := range []FeeRate{0, -1, 999, math.MaxInt64} {
		_, err := r.Bump(rate, 1_000_000)
		require.ErrorContains(t, err, "invalid fee rate")
	}
}

func TestBumpLeavesDustOut(t *testing.T) {
	both(t, func(t *testing.T, typ coinkey.Type) {
		key := testKey(3)
		r := newRequest(t, key, typ, 2000)
		change := r.Packet.UnsignedTx.TxOut[1]
		limit := dustLimit(change)
		// The highest rate that leaves change above the limit, and the next.
		highest := FeeRate((2000 - limit) * int64(SatPerVByte) / r.VSize())
		next, err := r.Bump(highest, 2000)
		require.NoError(t, err)
		require.Len(t, next.Packet.UnsignedTx.TxOut, 2)
		require.GreaterOrEqual(t, next.Packet.UnsignedTx.TxOut[1].Value, limit)

		next, err = r.Bump(highest+SatPerVByte, 2000)
		require.NoError(t, err)
		require.Len(t, next.Packet.UnsignedTx.TxOut, 1)
		require.Len(t, next.Packet.Outputs, 1)
		require.EqualValues(t, 2000, next.Fee())
		_, err = ParseRequest(marshal(t, next))
		require.NoError(t, err)
		require.NoError(t, next.Check(serialize(t, sign(t, next, key))))

		_, err = r.Bump(highest+SatPerVByte, 1999)
		require.Equal(t, &FeeError{Fee: 2000, Max: 1999}, err)

		// There is nothing left to take.
		_, err = next.Bump(next.Rate()+SatPerVByte, 1_000_000)
		var short *NotEnoughError
		require.ErrorAs(t, err, &short)
		require.EqualValues(t, 2000, short.Available)
		require.Greater(t, short.Needed, short.Available)
		var remedy *Remedy
		require.ErrorAs(t, err, &remedy)
		require.Contains(t, remedy.Text, "no change to take a higher fee from")
	})
}

// TestWithRate: no floor, up and down and back.
func TestWithRate(t *testing.T) {
	both(t, func(t *testing.T, typ coinkey.Type) {
		key := testKey(3)
		first := newRequest(t, key, typ, 10_000, 9_000)
		first.AddKey(watch(t, key, typ))
		was := marshal(t, first)
		for _, rate := range []FeeRate{SatPerVByte, 1999, 2000, 2001, 20 * SatPerVByte} {
			next, err := first.WithRate(rate, 1_000_000)
			require.NoError(t, err)
			want, err := rate.Fee(next.VSize())
			require.NoError(t, err)
			require.Equal(t, want, next.Fee())
			require.Equal(t, first.Coins(), next.Coins())
			require.True(t, Commits(next.Unsigned(), first.Root()))
			require.Equal(t, first.Packet.UnsignedTx.TxOut[1].PkScript, next.Packet.UnsignedTx.TxOut[1].PkScript)
			read, err := ParseRequest(marshal(t, next))
			require.NoError(t, err)
			require.NoError(t, next.Check(serialize(t, sign(t, read, key))))
			back, err := next.WithRate(2000, 1_000_000)
			require.NoError(t, err)
			require.Equal(t, was, marshal(t, back))
		}
		require.Equal(t, was, marshal(t, first), "the old request is as it was")
	})
}

func TestWithRateErrors(t *testing.T) {
	r := newRequest(t, testKey(3), coinkey.P2WPKH, 2000)
	for _, rate := range []FeeRate{0, -1, 999, math.MaxInt64} {
		_, err := r.WithRate(rate, 1_000_000)
		require.ErrorContains(t, err, "invalid fee rate")
	}
	_, err := r.WithRate(SatPerVByte, r.VSize()-1)
	require.Equal(t, &FeeError{Fee: r.VSize(), Max: r.VSize() - 1}, err)

	// Without change, what there is not for it is the fee.
	bare, err := r.WithRate(15*SatPerVByte, 2000)
	require.NoError(t, err)
	require.Len(t, bare.Packet.UnsignedTx.TxOut, 1)
	lower, err := bare.WithRate(SatPerVByte, 2000)
	require.NoError(t, err)
	require.EqualValues(t, 2000, lower.Fee())
	for _, r := range []*Request{r, bare} {
		_, err = r.WithRate(16*SatPerVByte, 1_000_000)
		require.EqualError(t, err, "not enough money: 2016 satoshi needed, 2000 satoshi available")
		var remedy *Remedy
		require.ErrorAs(t, err, &remedy)
		require.Equal(t, "its coins pay for 15.873 sat/vB at most", remedy.Text)
	}
}

func TestBumpNotEnough(t *testing.T) {
	r := newRequest(t, testKey(3), coinkey.P2WPKH, 2000)
	_, err := r.Bump(100*SatPerVByte, 1_000_000)
	var short *NotEnoughError
	require.ErrorAs(t, err, &short)
	require.Equal(t, NotEnoughError{Needed: 12_600, Available: 2000}, *short)
	var remedy *Remedy
	require.ErrorAs(t, err, &remedy)
	require.Equal(t, "its coins pay for 15.873 sat/vB at most", remedy.Text)
	next, err := r.Bump(15_873, 2000)
	require.NoError(t, err)
	require.EqualValues(t, 2000, next.Fee())

	_, err = r.Bump(5*SatPerVByte, 784)
	require.Equal(t, &FeeError{Fee: 785, Max: 784}, err)
	_, err = r.Bump(5*SatPerVByte, 785)
	require.NoError(t, err)
}

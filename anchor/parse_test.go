package anchor

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/anchor/coinkey"
	"gradseal/bitcoin"
	"gradseal/proof"
)

// serialize writes a transaction with its witness.
func serialize(t testing.TB, tx *wire.MsgTx) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, tx.Serialize(&b))
	return b.Bytes()
}

func TestParseErrors(t *testing.T) {
	raw := signedTx(t, 1)
	edit := func(change func(tx *wire.MsgTx)) []byte {
		tx, err := Parse(raw)
		require.NoError(t, err)
		change(tx)
		return serialize(t, tx)
	}
	// The bytes of raw: version 4, marker 2, number of inputs 1, outpoint 36,
	// script length 1, sequence 4, number of outputs 1, and so on.
	const inputs, outputs = 6, 6 + 1 + 41
	witness := 2 + 129 - 4
	for _, tc := range []struct {
		name string
		raw  []byte
		want string
	}{
		{"nothing", nil, "0 bytes left, want 4"},
		{"text", []byte("not a transaction"), "no witness: bytes 4 and 5 are 6120"},
		{"without witness", edit(func(tx *wire.MsgTx) { tx.TxIn[0].Witness = nil }), "no witness"},
		{"flag of two", respell(t, raw, func(b []byte) []byte { b[5] = 2; return b }), "no witness"},
		{"a byte more", append(bytes.Clone(raw), 0), "1 bytes left over"},
		{"twice", append(bytes.Clone(raw), raw...), "bytes left over"},
		{"too large", make([]byte, MaxRaw+1), "100001 bytes, want at most 100000"},
		{"number of inputs in a longer form", respell(t, raw, func(b []byte) []byte {
			return slices.Insert(slices.Delete(b, inputs, inputs+1), inputs, 0xfd, 1, 0)
		}), "malformed signed transaction"},
		{"number of outputs in a longer form", respell(t, raw, func(b []byte) []byte {
			return slices.Insert(slices.Delete(b, outputs, outputs+1), outputs, 0xfe, 2, 0, 0, 0)
		}), "malformed signed transaction"},
		{"more inputs than bytes", respell(t, raw, func(b []byte) []byte { b[inputs] = 0xfc; return b }), "a count of 252, more than"},
		{"no input", respell(t, raw, func(b []byte) []byte { b[inputs] = 0; return b }), "malformed signed transaction"},
		{"empty witnesses only", respell(t, raw, func(b []byte) []byte {
			return slices.Concat(b[:witness], []byte{0}, b[len(b)-4:])
		}), "malformed signed transaction"},
		{"number of witness items in a longer form", respell(t, raw, func(b []byte) []byte {
			return slices.Insert(slices.Delete(b, witness, witness+1), witness, 0xfd, 2, 0)
		}), "malformed signed transaction"},
		{"no commitment", edit(func(tx *wire.MsgTx) { tx.TxOut = tx.TxOut[1:] }), "0 gradseal commitments, want exactly 1"},
		{"two commitments", edit(func(tx *wire.MsgTx) { tx.TxOut = append(tx.TxOut, tx.TxOut[0]) }), "2 gradseal commitments, want exactly 1"},
		{"commitment with a value", edit(func(tx *wire.MsgTx) { tx.TxOut[0].Value = 1 }), "has a value of 1 satoshi"},
		{"small", edit(func(tx *wire.MsgTx) { tx.TxOut = []*wire.TxOut{wire.NewTxOut(0, []byte{0x6a})} }), "61 bytes, want 65 to 4000"},
		{"4001 bytes", edit(func(tx *wire.MsgTx) {
			tx.TxOut = append(tx.TxOut, wire.NewTxOut(0, make([]byte, 4001-tx.SerializeSizeStripped()-8-3)))
		}), "4001 bytes, want 65 to 4000"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tx, err := Parse(tc.raw)
			require.ErrorContains(t, err, tc.want)
			require.Nil(t, tx)
			outPoints, err := inputsOf(tc.raw)
			require.ErrorContains(t, err, tc.want)
			require.Nil(t, outPoints)
		})
	}
}

func TestParseTruncated(t *testing.T) {
	raw := signedTx(t, 2)
	for size := range raw {
		_, err := Parse(raw[:size])
		require.Error(t, err, "%d of %d bytes", size, len(raw))
	}
	_, err := Parse(raw)
	require.NoError(t, err)
}

// TestCountsDoNotAllocate hands out the counts at which the decoder of package
// wire would reserve hundreds of megabytes.
func TestCountsDoNotAllocate(t *testing.T) {
	head := []byte{2, 0, 0, 0, 0, 1}
	input := make([]byte, 41)
	for name, raw := range map[string][]byte{
		"inputs":        append(slices.Clone(head), 0xfe, 0, 0, 12, 0),
		"outputs":       slices.Concat(head, []byte{1}, input, []byte{0xfe, 0, 0, 56, 0}),
		"witness items": slices.Concat(head, []byte{1}, input, []byte{1}, make([]byte, 9), []byte{0xfe, 0, 9, 61, 0}),
		"script":        slices.Concat(head, []byte{1}, input[:36], []byte{0xff, 255, 255, 255, 255, 255, 255, 255, 255}),
	} {
		raw = append(raw, make([]byte, 60)...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Parse(raw)
		runtime.ReadMemStats(&after)
		require.Error(t, err, name)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), name)
	}
}

// foreign is a transaction that anchors nothing, with count outputs.
func foreign(count int) *wire.MsgTx {
	tx := wire.NewMsgTx(1)
	tx.AddTxIn(&wire.TxIn{Witness: wire.TxWitness{{1}}})
	for range count {
		tx.AddTxOut(wire.NewTxOut(1, coinkey.P2TR.Script(testKey(1).PubKey())))
	}
	return tx
}

func TestParseAny(t *testing.T) {
	signed, err := Parse(signedTx(t, 2))
	require.NoError(t, err)
	for _, want := range []*wire.MsgTx{signed, foreign(1), foreign(200)} {
		whole := serialize(t, want)
		stripped, err := Stripped(want)
		require.NoError(t, err)
		require.NotEqual(t, whole, stripped)
		for _, raw := range [][]byte{whole, stripped} {
			tx, err := ParseAny(raw)
			require.NoError(t, err)
			require.Equal(t, want.TxHash(), tx.TxHash())
			for n := range raw {
				_, err := ParseAny(raw[:n])
				require.ErrorContains(t, err, "malformed", "%d bytes", n)
			}
			_, err = ParseAny(append(bytes.Clone(raw), 0))
			require.ErrorContains(t, err, "left over")
		}
		// The number of inputs is byte 4 of the stripped form.
		_, err = ParseAny(slices.Concat(stripped[:4], []byte{0xfd, stripped[4], 0}, stripped[5:]))
		require.ErrorContains(t, err, "malformed transaction")
	}
	_, err = ParseAny(make([]byte, MaxRaw+1))
	require.ErrorContains(t, err, "100001 bytes, want at most 100000")
	_, err = ParseAny(serialize(t, foreign(0)))
	require.EqualError(t, err, "malformed transaction: without inputs or without outputs")
	none, err := Stripped(foreign(0))
	require.NoError(t, err)
	_, err = ParseAny(none)
	require.EqualError(t, err, "malformed transaction: without inputs or without outputs")
}

// Evidence is what a verifier reads: 65 to 4000 bytes.
func TestParseEvidence(t *testing.T) {
	fits, large := foreign(91), foreign(92)
	require.LessOrEqual(t, fits.SerializeSizeStripped(), bitcoin.MaxTransaction)
	tx, stripped, err := ParseEvidence(serialize(t, fits))
	require.NoError(t, err)
	require.Equal(t, fits.TxHash(), tx.TxHash())
	require.Len(t, stripped, fits.SerializeSizeStripped())

	_, _, err = ParseEvidence(serialize(t, large))
	require.EqualError(t, err, fmt.Sprintf("transaction %s cannot be evidence: it has %d bytes without its witness, at most 4000 are allowed",
		large.TxHash(), large.SerializeSizeStripped()))
	small := foreign(1)
	small.TxOut[0].PkScript = nil
	_, _, err = ParseEvidence(serialize(t, small))
	require.ErrorContains(t, err, "cannot be evidence: malformed transaction: 60 bytes, want 65 to 4000")
}

func TestCommits(t *testing.T) {
	r := newRequest(t, testKey(1), coinkey.P2WPKH, 5000)
	require.Equal(t, r.ID(), bitcoin.Hash(chainhash.DoubleHashH(r.Unsigned())))
	require.True(t, Commits(r.Unsigned(), testRoot))
	require.False(t, Commits(r.Unsigned(), [32]byte{1}))
	require.False(t, Commits(signedTx(t, 1), testRoot), "with its witness")
	require.False(t, Commits(nil, testRoot))
	other, err := Stripped(foreign(1))
	require.NoError(t, err)
	require.False(t, Commits(other, [32]byte{}))
	twice := r.Packet.UnsignedTx.Copy()
	twice.AddTxOut(wire.NewTxOut(0, proof.Commitment([32]byte{1})))
	both, err := Stripped(twice)
	require.NoError(t, err)
	require.False(t, Commits(both, testRoot), "two commitments")
}

func TestSpentError(t *testing.T) {
	at := wire.OutPoint{Index: 7}
	for _, tc := range []struct {
		err  *SpentError
		want string
	}{
		{&SpentError{Input: at}, "by another transaction in a block"},
		{&SpentError{Input: at, Waits: true}, "by another transaction, which waits for a block"},
		{&SpentError{Input: at, By: bitcoin.Hash{1}}, "by transaction " + bitcoin.Hash{1}.String()},
		{&SpentError{Input: at, By: bitcoin.Hash{1}, Waits: true}, "by transaction " + bitcoin.Hash{1}.String() + ", which waits for a block"},
	} {
		require.ErrorIs(t, tc.err, ErrSpent)
		require.EqualError(t, tc.err, "input is spent already: "+at.String()+" "+tc.want)
	}
}

func FuzzParseAny(f *testing.F) {
	f.Add(signedTx(f, 1))
	f.Add(serialize(f, foreign(3)))
	stripped, err := Stripped(foreign(2))
	require.NoError(f, err)
	f.Add(stripped)
	f.Fuzz(func(t *testing.T, raw []byte) {
		tx, err := ParseAny(raw)
		if err != nil {
			require.Nil(t, tx)
			return
		}
		if tx.HasWitness() {
			require.Equal(t, raw, serialize(t, tx))
			return
		}
		stripped, err := Stripped(tx)
		require.NoError(t, err)
		require.Equal(t, raw, stripped)
	})
}

// inputsOf is what a signed transaction spends, in order.
func inputsOf(raw []byte) ([]wire.OutPoint, error) {
	tx, err := Parse(raw)
	if err != nil {
		return nil, err
	}
	outPoints := make([]wire.OutPoint, len(tx.TxIn))
	for i, in := range tx.TxIn {
		outPoints[i] = in.PreviousOutPoint
	}
	return outPoints, nil
}

func FuzzInputs(f *testing.F) {
	f.Add(signedTx(f, 1))
	f.Add(signedTx(f, 3))
	f.Add([]byte{2, 0, 0, 0, 0, 1, 0xfd, 1, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		outPoints, err := inputsOf(raw)
		if err != nil {
			require.Nil(t, outPoints)
			return
		}
		tx, err := Parse(raw)
		require.NoError(t, err)
		require.Equal(t, raw, serialize(t, tx))

		// The other parser in this repository reads the same inputs.
		stripped, err := Stripped(tx)
		require.NoError(t, err)
		parsed, err := bitcoin.ParseTransaction(stripped)
		require.NoError(t, err)
		require.Len(t, outPoints, len(parsed.Inputs()))
		for i, in := range parsed.Inputs() {
			require.Equal(t, wire.OutPoint{Hash: [32]byte(in.ID), Index: in.Index}, outPoints[i])
		}
		_, err = proof.ParseCommitment(parsed)
		require.NoError(t, err)
	})
}

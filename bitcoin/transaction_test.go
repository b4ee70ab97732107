package bitcoin_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
)

func randomBytes(random *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// randomTx has 1 to 4 inputs, the first with a witness, and 1 to 4 outputs.
func randomTx(random *rand.Rand) *wire.MsgTx {
	tx := wire.NewMsgTx(int32(random.Uint32()))
	for range 1 + random.IntN(4) {
		in := wire.NewTxIn(&wire.OutPoint{
			Hash:  chainhash.Hash(randomBytes(random, 32)),
			Index: random.Uint32(),
		}, randomBytes(random, random.IntN(300)), nil)
		in.Sequence = random.Uint32()
		tx.AddTxIn(in)
	}
	for range 1 + random.IntN(4) {
		tx.AddTxOut(wire.NewTxOut(int64(random.Uint64()), randomBytes(random, 5+random.IntN(300))))
	}
	tx.TxIn[0].Witness = wire.TxWitness{randomBytes(random, 71), randomBytes(random, 33)}
	tx.LockTime = random.Uint32()
	return tx
}

func stripped(t testing.TB, tx *wire.MsgTx) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, tx.SerializeNoWitness(&b))
	return b.Bytes()
}

// wireAccepts tells whether btcd reads all of raw as a stripped transaction
// that has inputs and outputs.
func wireAccepts(raw []byte) bool {
	var tx wire.MsgTx
	r := bytes.NewReader(raw)
	err := tx.DeserializeNoWitness(r)
	return err == nil && r.Len() == 0 && len(tx.TxIn) > 0 && len(tx.TxOut) > 0
}

func TestTransactionIsThatOfBtcd(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		want := randomTx(random)
		raw := stripped(t, want)
		got, err := bitcoin.ParseTransaction(raw)
		require.NoError(t, err)
		require.Equal(t, raw, got.Bytes())
		require.Equal(t, want.TxHash().String(), got.ID().String())
		require.Len(t, got.Inputs(), len(want.TxIn))
		for i, in := range got.Inputs() {
			require.Equal(t, want.TxIn[i].PreviousOutPoint, wire.OutPoint{Hash: chainhash.Hash(in.ID), Index: in.Index})
		}
		require.Len(t, got.Outputs(), len(want.TxOut))
		for i, out := range got.Outputs() {
			require.Equal(t, want.TxOut[i].Value, out.Value)
			require.Equal(t, want.TxOut[i].PkScript, out.Script)
		}
	}
}

func TestWitnessSerializationIsRefused(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		var b bytes.Buffer
		require.NoError(t, randomTx(random).Serialize(&b))
		tx, err := bitcoin.ParseTransaction(b.Bytes())
		require.ErrorContains(t, err, "witness serialization")
		require.Nil(t, tx)
	}
}

func TestTruncatedAndPaddedTransactionsAreRefused(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 10 {
		raw := stripped(t, randomTx(random))
		for n := range raw {
			tx, err := bitcoin.ParseTransaction(raw[:n])
			require.Error(t, err, "the first %d of %d bytes", n, len(raw))
			require.Nil(t, tx)
		}
		_, err := bitcoin.ParseTransaction(append(raw, 0))
		require.ErrorContains(t, err, "1 bytes left over")
	}
}

// written is a transaction of two inputs and two outputs whose sizes are
// written by size: which is 0 for the number of inputs, 1 and 2 for their
// script lengths, 3 for the number of outputs, 4 and 5 for their scripts.
func written(size func(which int, n uint64) []byte, lengths [4]int) []byte {
	raw := []byte{2, 0, 0, 0}
	raw = append(raw, size(0, 2)...)
	for i, n := range lengths[:2] {
		raw = append(raw, make([]byte, 36)...)
		raw = append(raw, size(1+i, uint64(n))...)
		raw = append(raw, make([]byte, n+4)...)
	}
	raw = append(raw, size(3, 2)...)
	for i, n := range lengths[2:] {
		raw = append(raw, make([]byte, 8)...)
		raw = append(raw, size(4+i, uint64(n))...)
		raw = append(raw, make([]byte, n)...)
	}
	return append(raw, 0, 0, 0, 0)
}

// compactSize writes n in the form of that many bytes: 1, 3, 5 or 9.
func compactSize(n uint64, form int) []byte {
	var wide [8]byte
	binary.LittleEndian.PutUint64(wide[:], n)
	if form == 1 {
		return wide[:1]
	}
	prefix := map[int]byte{3: 0xfd, 5: 0xfe, 9: 0xff}[form]
	return append([]byte{prefix}, wide[:form-1]...)
}

func shortestForm(n uint64) int {
	if n < 0xfd {
		return 1
	}
	return 3
}

func TestCompactSizesMustBeShortest(t *testing.T) {
	for _, lengths := range [][4]int{{0, 7, 22, 38}, {252, 252, 252, 252}, {253, 253, 253, 253}, {600, 700, 800, 900}} {
		honest := func(_ int, n uint64) []byte { return compactSize(n, shortestForm(n)) }
		_, err := bitcoin.ParseTransaction(written(honest, lengths))
		require.NoError(t, err)
		for which := range 6 {
			for _, form := range []int{3, 5, 9} {
				longer := false
				raw := written(func(w int, n uint64) []byte {
					if w != which || form <= shortestForm(n) {
						return honest(w, n)
					}
					longer = true
					return compactSize(n, form)
				}, lengths)
				if !longer {
					continue // the three-byte form is the right one here
				}
				_, err := bitcoin.ParseTransaction(raw)
				require.ErrorContains(t, err, "shortest form", "size %d in %d bytes", which, form)
			}
		}
	}
}

// TestSizesAreCappedBeforeAllocation claims more than there is at each size.
func TestSizesAreCappedBeforeAllocation(t *testing.T) {
	claims := []uint64{200, 0xfd, 4001, 1 << 31, 1<<32 - 1, 1 << 32, 1 << 40, 1<<63 - 1, 1 << 63, 1<<64 - 1}
	for which := range 6 {
		for _, claim := range claims {
			raw := written(func(w int, n uint64) []byte {
				if w != which {
					return compactSize(n, 1)
				}
				for _, form := range []int{1, 3, 5} {
					if claim < []uint64{0xfd, 0, 1 << 16, 0, 1 << 32}[form-1] {
						return compactSize(claim, form)
					}
				}
				return compactSize(claim, 9)
			}, [4]int{0, 7, 22, 38})
			_, err := bitcoin.ParseTransaction(raw)
			require.ErrorContains(t, err, "can hold", "size %d says %d", which, claim)
		}
	}
}

// sized is a transaction of one input and one output and exactly n bytes,
// 60 <= n.
func sized(t testing.TB, n int) []byte {
	t.Helper()
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{}, nil, nil))
	tx.AddTxOut(wire.NewTxOut(0, nil))
	for tx.SerializeSizeStripped() < n {
		missing := n - tx.SerializeSizeStripped()
		tx.TxOut[0].PkScript = append(tx.TxOut[0].PkScript, make([]byte, max(1, missing-2))...)
	}
	raw := stripped(t, tx)
	require.Len(t, raw, n)
	return raw
}

func TestTransactionSizeLimits(t *testing.T) {
	for _, test := range []struct {
		size int
		ok   bool
	}{
		{60, false}, {63, false}, {64, false}, {65, true}, {66, true},
		{3999, true}, {4000, true}, {4001, false}, {5000, false},
	} {
		raw := sized(t, test.size)
		require.True(t, wireAccepts(raw), "only the size limit is in question")
		tx, err := bitcoin.ParseTransaction(raw)
		if test.ok {
			require.NoError(t, err, "%d bytes", test.size)
			continue
		}
		require.ErrorContains(t, err, "want 65 to 4000")
		require.Nil(t, tx)
	}
}

func TestNoInputOrNoOutputIsRefused(t *testing.T) {
	noInput := wire.NewMsgTx(2)
	noInput.AddTxOut(wire.NewTxOut(0, make([]byte, 100)))
	noInput.AddTxOut(wire.NewTxOut(0, make([]byte, 100)))
	_, err := bitcoin.ParseTransaction(stripped(t, noInput))
	require.ErrorContains(t, err, "no input")

	noOutput := wire.NewMsgTx(2)
	noOutput.AddTxIn(wire.NewTxIn(&wire.OutPoint{}, make([]byte, 100), nil))
	_, err = bitcoin.ParseTransaction(stripped(t, noOutput))
	require.ErrorContains(t, err, "no output")
}

func TestTransactionKeepsItsBytes(t *testing.T) {
	raw := sized(t, 200)
	tx, err := bitcoin.ParseTransaction(raw)
	require.NoError(t, err)
	want := tx.ID()
	clear(raw)
	tx.Bytes()[0]++
	tx.Inputs()[0].Index++
	outputs := tx.Outputs()
	outputs[0].Value++
	outputs[0].Script[0]++
	_ = append(tx.Outputs()[0].Script, 0xff)
	require.Equal(t, want, tx.ID())
	require.Equal(t, sized(t, 200), tx.Bytes())
	require.Equal(t, uint32(0), tx.Inputs()[0].Index)
	require.Equal(t, int64(0), tx.Outputs()[0].Value)
	require.Equal(t, byte(0), tx.Outputs()[0].Script[0])
}

func FuzzParseTransaction(f *testing.F) {
	random := rand.New(rand.NewPCG(9, 10))
	for range 4 {
		tx := randomTx(random)
		f.Add(stripped(f, tx))
		var witness bytes.Buffer
		require.NoError(f, tx.Serialize(&witness))
		f.Add(witness.Bytes())
	}
	for _, n := range []int{64, 65, 4000, 4001} {
		f.Add(sized(f, n))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		tx, err := bitcoin.ParseTransaction(raw)
		if len(raw) < 65 || len(raw) > 4000 {
			require.Error(t, err)
			return
		}
		require.Equal(t, wireAccepts(raw), err == nil, "%v", err)
		if err != nil {
			require.Nil(t, tx)
			return
		}
		require.Equal(t, raw, tx.Bytes())
		require.Equal(t, chainhash.DoubleHashH(raw), chainhash.Hash(tx.ID()))
	})
}

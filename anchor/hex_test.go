package anchor

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
)

// twoInputs is a transaction with two inputs, one of them with a witness.
func twoInputs() *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: [32]byte{1}}, Witness: wire.TxWitness{{1, 2}, {}, bytes.Repeat([]byte{7}, 300)}})
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: [32]byte{2}}, SignatureScript: bytes.Repeat([]byte{3}, 260)})
	tx.AddTxOut(wire.NewTxOut(5, []byte{0x51}))
	tx.LockTime = 0x01020304
	return tx
}

func bothForms(t testing.TB, tx *wire.MsgTx) (full, stripped []byte) {
	var a, b bytes.Buffer
	require.NoError(t, tx.Serialize(&a))
	require.NoError(t, tx.SerializeNoWitness(&b))
	return a.Bytes(), b.Bytes()
}

func TestParseHexTransaction(t *testing.T) {
	tx := twoInputs()
	full, stripped := bothForms(t, tx)
	for _, raw := range [][]byte{full, stripped} {
		got, id, err := ParseHexTransaction(hex.EncodeToString(raw))
		require.NoError(t, err)
		require.Equal(t, stripped, got)
		require.Equal(t, bitcoin.Hash(tx.TxHash()), id)
	}
	for n := range full {
		_, err := strip(full[:n])
		require.Error(t, err, n)
	}
	_, err := strip(append(bytes.Clone(full), 0))
	require.ErrorContains(t, err, "1 bytes left over")
	_, _, err = ParseHexTransaction("0x")
	require.ErrorContains(t, err, "malformed transaction")
	// A count of 2^64-1 takes no memory and no time.
	huge := append([]byte{2, 0, 0, 0}, bytes.Repeat([]byte{0xff}, 9)...)
	_, err = strip(huge)
	require.ErrorContains(t, err, "bytes left")
}

// What package wire reads, strip reads alike.
func FuzzStrip(f *testing.F) {
	full, stripped := bothForms(f, twoInputs())
	f.Add(full)
	f.Add(stripped)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 4096 {
			return
		}
		got, err := strip(raw)
		if err != nil {
			require.Nil(t, got)
			return
		}
		require.LessOrEqual(t, len(got), len(raw))
		again, err := strip(got)
		if err == nil {
			require.Equal(t, got, again)
		}
		tx := new(wire.MsgTx)
		r := bytes.NewReader(raw)
		if tx.Deserialize(r) == nil && r.Len() == 0 {
			_, want := bothForms(t, tx)
			require.Equal(t, want, got)
		}
	})
}

package jsonrpc

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/anchor"
	"gradseal/bitcoin"
)

// example is a transaction with two inputs, one of them with a witness.
func example() *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: [32]byte{1}}, Witness: wire.TxWitness{{1, 2}, {}, bytes.Repeat([]byte{7}, 300)}})
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: [32]byte{2}}, SignatureScript: bytes.Repeat([]byte{3}, 260)})
	tx.AddTxOut(wire.NewTxOut(5, []byte{0x51}))
	tx.LockTime = 0x01020304
	return tx
}

func serialize(t testing.TB, tx *wire.MsgTx) (full, stripped []byte) {
	var a, b bytes.Buffer
	require.NoError(t, tx.Serialize(&a))
	require.NoError(t, tx.SerializeNoWitness(&b))
	return a.Bytes(), b.Bytes()
}

func TestParseTransaction(t *testing.T) {
	tx := example()
	full, stripped := serialize(t, tx)
	for _, raw := range [][]byte{full, stripped} {
		got, id, err := ParseTransaction(hex.EncodeToString(raw))
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
	_, _, err = ParseTransaction("0x")
	require.ErrorContains(t, err, "malformed transaction")
	// A count of 2^64-1 takes no memory and no time.
	huge := append([]byte{2, 0, 0, 0}, bytes.Repeat([]byte{0xff}, 9)...)
	_, err = strip(huge)
	require.ErrorContains(t, err, "ends too early")
}

// What package wire reads, strip reads alike.
func FuzzStrip(f *testing.F) {
	full, stripped := serialize(f, example())
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
			_, want := serialize(t, tx)
			require.Equal(t, want, got)
		}
	})
}

func TestParseFeeRate(t *testing.T) {
	for text, want := range map[string]anchor.FeeRate{
		"0.00001":    1000,
		"0.00001000": 1000,
		"1e-5":       1000,
		"0.00001234": 1234,
		"0.000001":   1000,
		"0.00012345": 12345,
		"1":          100_000_000,
	} {
		got, err := ParseFeeRate(json.Number(text))
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"0", "-1", "-0.00001"} {
		_, err := ParseFeeRate(json.Number(text))
		require.ErrorIs(t, err, anchor.ErrNoFeeRate, text)
	}
	for _, text := range []string{"", "x", "1.1", "1e999999999", "NaN", strings.Repeat("9", 9999)} {
		_, err := ParseFeeRate(json.Number(text))
		require.ErrorContains(t, err, "invalid fee rate", text)
		require.Less(t, len(err.Error()), 700)
	}
}

// The name of a host may lead anywhere; the address that is dialled decides.
func TestLoopbackOnly(t *testing.T) {
	for addr, ok := range map[string]bool{
		"127.0.0.1:8332":     true,
		"[::1]:8332":         true,
		"192.0.2.1:8332":     false,
		"[2001:db8::1]:8332": false,
		"0.0.0.0:8332":       false,
		"host:8332":          false,
	} {
		err := checkLoopback(addr)
		if ok {
			require.NoError(t, err, addr)
		} else {
			require.ErrorContains(t, err, "without encryption", addr)
		}
	}
}

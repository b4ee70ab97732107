package anchor

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/anchor/coinkey"
)

// answer is the PSBT of a signer: the request with signatures.
func answer(t testing.TB, r *Request, key *btcec.PrivateKey, final bool) *psbt.Packet {
	t.Helper()
	again, err := ParseRequest(marshal(t, r))
	require.NoError(t, err)
	packet := again.Packet
	for i, in := range sign(t, r, key).TxIn {
		if len(in.Witness) == 1 {
			packet.Inputs[i].TaprootKeySpendSig = in.Witness[0]
		} else {
			packet.Inputs[i].PartialSigs = []*psbt.PartialSig{{PubKey: in.Witness[1], Signature: in.Witness[0]}}
		}
	}
	if final {
		require.NoError(t, psbt.MaybeFinalizeAll(packet))
	}
	return packet
}

func packetBytes(t testing.TB, packet *psbt.Packet) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, packet.Serialize(&b))
	return b.Bytes()
}

func TestComplete(t *testing.T) {
	both(t, func(t *testing.T, typ coinkey.Type) {
		key := testKey(3)
		r := newRequest(t, key, typ, 40_000, 30_000)
		raw := serialize(t, sign(t, r, key))
		partial := packetBytes(t, answer(t, r, key, false))
		final := packetBytes(t, answer(t, r, key, true))
		require.NotEqual(t, partial, final)
		for name, data := range map[string][]byte{
			"transaction":                    raw,
			"transaction in hex":             []byte(hex.EncodeToString(raw)),
			"transaction in hex and a line":  []byte("\n" + strings.ToUpper(hex.EncodeToString(raw)) + "\r\n"),
			"PSBT":                           partial,
			"PSBT in base64":                 []byte(base64.StdEncoding.EncodeToString(partial)),
			"PSBT in base64 and a line":      []byte(base64.StdEncoding.EncodeToString(partial) + "\n"),
			"PSBT in hex":                    []byte(hex.EncodeToString(partial)),
			"finalised PSBT":                 final,
			"finalised PSBT in base64":       []byte(base64.StdEncoding.EncodeToString(final)),
			"finalised PSBT, no more to say": packetBytes(t, bare(answer(t, r, key, true))),
		} {
			got, err := r.Complete(data)
			require.NoError(t, err, name)
			require.Equal(t, raw, got, name)
			require.NoError(t, r.Check(got), name)
		}
	})
}

// bare takes out what a finaliser may take out.
func bare(p *psbt.Packet) *psbt.Packet {
	for i := range p.Inputs {
		p.Inputs[i] = psbt.PInput{FinalScriptWitness: p.Inputs[i].FinalScriptWitness}
	}
	return p
}

// TestCompleteTakesSighashAll: a taproot signature may name its type.
func TestCompleteTakesSighashAll(t *testing.T) {
	key := testKey(3)
	r := newRequest(t, key, coinkey.P2TR, 40_000)
	tx := r.Packet.UnsignedTx.Copy()
	tx.TxIn[0].Witness = signAs(t, r, key, 0, txscript.SigHashAll)
	got, err := r.Complete(serialize(t, tx))
	require.NoError(t, err)
	require.Equal(t, serialize(t, tx), got)
}

// signAs is the witness of input i with another sighash type.
func signAs(t testing.TB, r *Request, key *btcec.PrivateKey, i int, hashType txscript.SigHashType) wire.TxWitness {
	t.Helper()
	tx, coins := r.Packet.UnsignedTx, r.Coins()
	prevOuts, err := previousOutputs(tx, coins)
	require.NoError(t, err)
	hashes := txscript.NewTxSigHashes(tx, prevOuts)
	var witness wire.TxWitness
	if txscript.IsPayToTaproot(coins[i].Script) {
		witness, err = txscript.TaprootWitnessSignature(tx, hashes, i, coins[i].Value, coins[i].Script, hashType, key)
	} else {
		witness, err = txscript.WitnessSignature(tx, hashes, i, coins[i].Value, coins[i].Script, hashType, key, true)
	}
	require.NoError(t, err)
	return witness
}

// TestCompleteRefuses changes what comes back in every way that somebody could
// gain by. All are signed by the right key.
func TestCompleteRefuses(t *testing.T) {
	both(t, func(t *testing.T, typ coinkey.Type) {
		key := testKey(3)
		r := newRequest(t, key, typ, 40_000, 30_000)
		thief := coinkey.P2WPKH.Script(testKey(66).PubKey())
		change := r.Packet.UnsignedTx.TxOut[1].Value
		for _, tc := range []struct {
			name   string
			change func(tx *wire.MsgTx)
			want   string
		}{
			{"version", func(tx *wire.MsgTx) { tx.Version = 1 }, "version 1, want 2"},
			{"lock time", func(tx *wire.MsgTx) { tx.LockTime = 5 }, "lock time 5, want 0"},
			{"an input less", func(tx *wire.MsgTx) { tx.TxIn = tx.TxIn[:1] }, "1 inputs, want 2"},
			{"inputs in another order", func(tx *wire.MsgTx) { tx.TxIn[0], tx.TxIn[1] = tx.TxIn[1], tx.TxIn[0] }, "input 0 spends"},
			{"sequence", func(tx *wire.MsgTx) { tx.TxIn[1].Sequence = 0xffffffff }, "input 1 has sequence ffffffff, want fffffffd"},
			{"no change", func(tx *wire.MsgTx) { tx.TxOut = tx.TxOut[:1] }, "1 outputs, want 2"},
			{"an output more", func(tx *wire.MsgTx) { tx.TxOut = append(tx.TxOut, wire.NewTxOut(1000, thief)) }, "3 outputs, want 2"},
			{"change to somebody else", func(tx *wire.MsgTx) { tx.TxOut[1].PkScript = thief }, "output 1 pays " + fmt.Sprint(change) + " satoshi to another script"},
			{"less change", func(tx *wire.MsgTx) { tx.TxOut[1].Value -= 100 }, "output 1 pays " + fmt.Sprint(change-100) + " satoshi, want " + fmt.Sprint(change)},
			{"another root", func(tx *wire.MsgTx) { tx.TxOut[0].PkScript[20] ^= 1 }, "output 0 does not have the commitment"},
			{"value on the commitment", func(tx *wire.MsgTx) { tx.TxOut[0].Value = 1 }, "output 0 pays 1 satoshi, want 0"},
		} {
			t.Run(tc.name, func(t *testing.T) {
				tx := r.Packet.UnsignedTx.Copy()
				tc.change(tx)
				unsigned := tx.Copy()
				require.NoError(t, Sign(tx, r.Coins(), key))
				for _, data := range [][]byte{serialize(t, tx), asPSBT(t, unsigned, tx)} {
					got, err := r.Complete(data)
					require.ErrorContains(t, err, "not the transaction that was to be signed: "+tc.want)
					require.Nil(t, got)
				}
			})
		}
	})
}

// asPSBT is a signed transaction as a finalised PSBT.
func asPSBT(t testing.TB, unsigned, signed *wire.MsgTx) []byte {
	t.Helper()
	packet, err := psbt.NewFromUnsignedTx(unsigned)
	require.NoError(t, err)
	for i, in := range signed.TxIn {
		var b bytes.Buffer
		require.NoError(t, psbt.WriteTxWitness(&b, in.Witness))
		packet.Inputs[i].FinalScriptWitness = b.Bytes()
	}
	return packetBytes(t, packet)
}

// TestCompleteRefusesSignatures: the transaction is the right one, its
// signatures are not.
func TestCompleteRefusesSignatures(t *testing.T) {
	both(t, func(t *testing.T, typ coinkey.Type) {
		key := testKey(3)
		r := newRequest(t, key, typ, 40_000, 30_000)
		good := sign(t, r, key)
		signature := len(good.TxIn[1].Witness[0])
		for _, tc := range []struct {
			name   string
			change func(witness wire.TxWitness) wire.TxWitness
			want   string
		}{
			{"none", func(wire.TxWitness) wire.TxWitness { return nil }, "input 1: not signed"},
			{"empty", func(w wire.TxWitness) wire.TxWitness { w[0] = nil; return w }, "input 1: not signed"},
			{"wrong", func(w wire.TxWitness) wire.TxWitness { w[0][30] ^= 1; return w }, "input 1: the script refuses"},
			{"cut short", func(w wire.TxWitness) wire.TxWitness { w[0] = w[0][:signature-1]; return w }, "input 1: "},
			{"of the other input", func(wire.TxWitness) wire.TxWitness { return good.TxIn[0].Witness }, "input 1: the script refuses"},
			{"NONE", func(wire.TxWitness) wire.TxWitness { return signAs(t, r, key, 1, txscript.SigHashNone) }, "sighash type 0x02, want 0x01 (ALL)"},
			{"SINGLE", func(wire.TxWitness) wire.TxWitness { return signAs(t, r, key, 1, txscript.SigHashSingle) }, "sighash type 0x03"},
			{"ALL, ANYONECANPAY", func(wire.TxWitness) wire.TxWitness {
				return signAs(t, r, key, 1, txscript.SigHashAll|txscript.SigHashAnyOneCanPay)
			}, "sighash type 0x81"},
			{"an item more", func(w wire.TxWitness) wire.TxWitness { return append(w, []byte{0x50}) }, "items, want"},
		} {
			t.Run(tc.name, func(t *testing.T) {
				tx := good.Copy()
				tx.TxIn[1].Witness = tc.change(tx.TxIn[1].Witness)
				for _, data := range [][]byte{serialize(t, tx), asPSBT(t, r.Packet.UnsignedTx, tx)} {
					got, err := r.Complete(data)
					require.ErrorContains(t, err, tc.want)
					require.Nil(t, got)
				}
			})
		}
	})
}

func TestCompleteErrors(t *testing.T) {
	both(t, func(t *testing.T, typ coinkey.Type) {
		key := testKey(3)
		r := newRequest(t, key, typ, 40_000, 30_000)
		raw := serialize(t, sign(t, r, key))
		unsigned, err := Stripped(r.Packet.UnsignedTx)
		require.NoError(t, err)
		half := answer(t, r, key, false)
		half.Inputs[1].PartialSigs, half.Inputs[1].TaprootKeySpendSig = nil, nil
		stranger := answer(t, r, key, false)
		for i := range stranger.Inputs {
			for _, sig := range stranger.Inputs[i].PartialSigs {
				sig.PubKey = testKey(5).PubKey().SerializeCompressed()
			}
			stranger.Inputs[i].TaprootKeySpendSig = nil
		}
		trailing := answer(t, r, key, true)
		trailing.Inputs[0].FinalScriptWitness = append(trailing.Inputs[0].FinalScriptWitness, 0)
		counted := answer(t, r, key, true)
		counted.Inputs[0].FinalScriptWitness = []byte{0xfe, 255, 255, 255, 255}
		for _, tc := range []struct {
			name string
			data []byte
			want string
		}{
			{"nothing", nil, "malformed signed transaction"},
			{"text", []byte("signed, honestly"), "malformed signed transaction"},
			{"JSON", []byte(`{"psbt": "cHNidP8=", "complete": true}`), `it is JSON, want the value of "psbt"`},
			{"too large", make([]byte, maxAnswer+1), "want at most 2097154"},
			{"the request itself", marshal(t, r), "input 0: not signed"},
			{"the unsigned transaction", unsigned, "the transaction is not signed"},
			{"the unsigned transaction in hex", []byte(hex.EncodeToString(unsigned)), "the transaction is not signed"},
			{"one of two signed", packetBytes(t, half), "input 1: not signed"},
			{"signed by a stranger", packetBytes(t, stranger), "input 0: not signed"},
			{"a byte more", append(bytes.Clone(raw), 0), "malformed signed transaction: 1 bytes left over"},
			{"two lines", []byte(hex.EncodeToString(raw) + "\n" + hex.EncodeToString(raw)), "malformed signed transaction"},
			{"base64 of nothing", []byte("cHNidP8="), "malformed PSBT"},
			{"witness with bytes left over", packetBytes(t, trailing), "malformed witness: 1 bytes left over"},
			{"witness of many items", packetBytes(t, counted), "malformed witness: a count of 4294967295"},
		} {
			t.Run(tc.name, func(t *testing.T) {
				got, err := r.Complete(tc.data)
				require.ErrorContains(t, err, tc.want)
				require.Nil(t, got)
			})
		}
		for size := range raw {
			_, err := r.Complete(raw[:size])
			require.Error(t, err)
		}
	})
}

// TestCheckNeedsTheCoins: a request that says something false of a coin accepts
// no signature.
func TestCheckNeedsTheCoins(t *testing.T) {
	both(t, func(t *testing.T, typ coinkey.Type) {
		key := testKey(3)
		r := newRequest(t, key, typ, 40_000)
		raw := serialize(t, sign(t, r, key))
		require.NoError(t, r.Check(raw))
		r.Packet.Inputs[0].WitnessUtxo.Value++
		require.ErrorContains(t, r.Check(raw), "input 0: the script refuses")
	})
}

func FuzzComplete(f *testing.F) {
	key := testKey(3)
	var requests []*Request
	for i, typ := range []coinkey.Type{coinkey.P2WPKH, coinkey.P2TR} {
		r := newRequest(f, key, typ, 40_000, 30_000)
		requests = append(requests, r)
		f.Add(i, serialize(f, sign(f, r, key)))
		f.Add(i, packetBytes(f, answer(f, r, key, false)))
		f.Add(i, packetBytes(f, answer(f, r, key, true)))
		f.Add(i, marshal(f, r))
		f.Add(i, []byte(base64.StdEncoding.EncodeToString(packetBytes(f, answer(f, r, key, false)))))
	}
	f.Fuzz(func(t *testing.T, i int, data []byte) {
		r := requests[i&1]
		raw, err := r.Complete(data)
		if err != nil {
			require.Nil(t, raw)
			return
		}
		tx, err := Parse(raw)
		require.NoError(t, err)
		require.Equal(t, r.Packet.UnsignedTx.TxHash(), tx.TxHash())
		require.NoError(t, r.Check(raw))
	})
}

package anchor

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/anchor/coinkey"
	"gradseal/bitcoin"
)

// both runs a test for each type of coin.
func both(t *testing.T, test func(t *testing.T, typ coinkey.Type)) {
	for _, typ := range []coinkey.Type{coinkey.P2WPKH, coinkey.P2TR} {
		t.Run(typ.String(), func(t *testing.T) { test(t, typ) })
	}
}

// mint makes the transactions that coins come from: each has three outputs, of
// which the coin is the second.
func mint(t testing.TB, script []byte, values ...int64) (coins []Coin, previous map[wire.OutPoint][]byte) {
	t.Helper()
	previous = make(map[wire.OutPoint][]byte)
	for i, value := range values {
		tx := wire.NewMsgTx(2)
		tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: uint32(i)}})
		tx.AddTxOut(wire.NewTxOut(1_000_000, []byte{txscript.OP_TRUE}))
		tx.AddTxOut(wire.NewTxOut(value, script))
		tx.AddTxOut(wire.NewTxOut(2_000_000, coinkey.P2WPKH.Script(testKey(99).PubKey())))
		raw, err := Stripped(tx)
		require.NoError(t, err)
		at := wire.OutPoint{Hash: tx.TxHash(), Index: 1}
		coins = append(coins, Coin{OutPoint: at, Value: value, Script: script})
		previous[at] = raw
	}
	return coins, previous
}

// newRequest is a request for coins of the key with these values, at 2 sat/vB.
func newRequest(t testing.TB, key *btcec.PrivateKey, typ coinkey.Type, values ...int64) *Request {
	t.Helper()
	coins, previous := mint(t, typ.Script(key.PubKey()), values...)
	tx, _, err := Build(coins, coins[0].Script, testRoot, 2*SatPerVByte)
	require.NoError(t, err)
	r, err := NewRequest(tx, coins, previous)
	require.NoError(t, err)
	return r
}

// sign is the signed transaction of a request.
func sign(t testing.TB, r *Request, key *btcec.PrivateKey) *wire.MsgTx {
	t.Helper()
	tx := r.Packet.UnsignedTx.Copy()
	require.NoError(t, Sign(tx, r.Coins(), key))
	return tx
}

func marshal(t testing.TB, r *Request) []byte {
	t.Helper()
	data, err := r.Marshal()
	require.NoError(t, err)
	return data
}

// watch is the public side of a secret key, as a wallet at m/84h/1h/0h/0/0 or
// m/86h/1h/0h/0/0 would name it.
func watch(t testing.TB, key *btcec.PrivateKey, typ coinkey.Type) *coinkey.Public {
	t.Helper()
	w, err := btcutil.NewWIF(key, &chaincfg.RegressionNetParams, true)
	require.NoError(t, err)
	k, err := coinkey.Parse(w.String(), bitcoin.Regtest)
	require.NoError(t, err)
	text, _, _ := strings.Cut(k.Public().String(), "#")
	inner := strings.TrimSuffix(strings.TrimPrefix(text, "wpkh("), ")")
	purpose := map[coinkey.Type]string{coinkey.P2WPKH: "84h", coinkey.P2TR: "86h"}[typ]
	text = typ.String() + "([d34db33f/" + purpose + "/1h/0h/0/0]" + inner + ")"
	sum, err := coinkey.Checksum(text)
	require.NoError(t, err)
	p, err := coinkey.ParsePublic(text+"#"+sum, bitcoin.Regtest)
	require.NoError(t, err)
	return p
}

func TestRequest(t *testing.T) {
	both(t, func(t *testing.T, typ coinkey.Type) {
		key := testKey(3)
		r := newRequest(t, key, typ, 40_000, 30_000)
		require.Equal(t, testRoot, r.Root())
		require.Equal(t, 2*r.VSize(), r.Fee())
		require.Equal(t, 2*SatPerVByte, r.Rate())
		require.Equal(t, []int64{40_000, 30_000}, valuesOf(r.Coins()))
		require.Equal(t, bitcoin.Hash(r.Packet.UnsignedTx.TxHash()), r.ID())
		for _, input := range r.Packet.Inputs {
			// A P2WPKH signature covers the value of its own input only.
			require.Equal(t, typ == coinkey.P2WPKH, input.NonWitnessUtxo != nil)
			require.NotNil(t, input.WitnessUtxo)
		}

		data := marshal(t, r)
		again, err := ParseRequest(data)
		require.NoError(t, err)
		require.Equal(t, data, marshal(t, again))
		require.Equal(t, r.Coins(), again.Coins())
		require.Equal(t, r.Fee(), again.Fee())
		require.Equal(t, r.ID(), again.ID())
		require.NoError(t, again.Check(serialize(t, sign(t, again, key))))
	})
}

func TestRequestSaysWhereTheKeyIs(t *testing.T) {
	both(t, func(t *testing.T, typ coinkey.Type) {
		key := testKey(3)
		r := newRequest(t, key, typ, 40_000)
		plain := marshal(t, r)
		p := watch(t, key, typ)
		r.AddKey(p)
		again, err := ParseRequest(marshal(t, r))
		require.NoError(t, err)
		input, change := again.Packet.Inputs[0], again.Packet.Outputs[1]
		path := []uint32{0x80000000 + 84, 0x80000001, 0x80000000, 0, 0}
		if typ == coinkey.P2TR {
			path[0] += 2
			xonly := schnorr.SerializePubKey(key.PubKey())
			want := []*psbt.TaprootBip32Derivation{{XOnlyPubKey: xonly, LeafHashes: [][]byte{}, MasterKeyFingerprint: 0x3fb34dd3, Bip32Path: path}}
			require.Equal(t, want, input.TaprootBip32Derivation)
			require.Equal(t, want, change.TaprootBip32Derivation)
			require.Equal(t, xonly, input.TaprootInternalKey)
			require.Equal(t, xonly, change.TaprootInternalKey)
		} else {
			want := []*psbt.Bip32Derivation{{PubKey: key.PubKey().SerializeCompressed(), MasterKeyFingerprint: 0x3fb34dd3, Bip32Path: path}}
			require.Equal(t, want, input.Bip32Derivation)
			require.Equal(t, want, change.Bip32Derivation)
		}
		require.Contains(t, string(marshal(t, r)), "\xd3\x4d\xb3\x3f", "the fingerprint in its order")

		// A key of other coins says nothing about these.
		other := newRequest(t, key, typ, 40_000)
		other.AddKey(watch(t, testKey(4), typ))
		require.Equal(t, plain, marshal(t, other))
	})
}

func TestNewRequestErrors(t *testing.T) {
	key := testKey(3)
	script := coinkey.P2WPKH.Script(key.PubKey())
	coins, previous := mint(t, script, 40_000)
	good, _, err := Build(coins, script, testRoot, SatPerVByte)
	require.NoError(t, err)
	for _, tc := range []struct {
		name   string
		change func(tx *wire.MsgTx, coin *Coin, previous *[]byte)
		want   string
	}{
		{"another previous transaction", func(_ *wire.MsgTx, _ *Coin, p *[]byte) { (*p)[0] ^= 1 }, "previous transaction"},
		{"previous transaction with a byte more", func(_ *wire.MsgTx, _ *Coin, p *[]byte) { *p = append(*p, 0) }, "1 bytes left over"},
		{"value that the previous transaction has not", func(_ *wire.MsgTx, c *Coin, _ *[]byte) { c.Value++ }, "what it spends is not in the previous transaction"},
		{"output that is not there", func(tx *wire.MsgTx, c *Coin, p *[]byte) {
			tx.TxIn[0].PreviousOutPoint.Index = 3
			c.OutPoint.Index = 3
		}, "output 3 of transaction"},
		{"script of another type", func(_ *wire.MsgTx, c *Coin, p *[]byte) { c.Script, *p = []byte{txscript.OP_TRUE}, nil }, "unsupported script"},
		{"another coin", func(_ *wire.MsgTx, c *Coin, _ *[]byte) { c.OutPoint.Index = 0 }, "which is not among the 1 coins"},
		{"coin of nothing", func(_ *wire.MsgTx, c *Coin, p *[]byte) { c.Value, *p = 0, nil }, "invalid value of 0"},
		{"not replaceable", func(tx *wire.MsgTx, _ *Coin, _ *[]byte) { tx.TxIn[0].Sequence = 0xfffffffe }, "sequence fffffffe, want fffffffd"},
		{"relative lock time", func(tx *wire.MsgTx, _ *Coin, _ *[]byte) { tx.TxIn[0].Sequence = 7 }, "sequence 00000007"},
		{"no commitment", func(tx *wire.MsgTx, _ *Coin, _ *[]byte) { tx.TxOut = tx.TxOut[1:] }, "0 gradseal commitments"},
		{"commitment second", func(tx *wire.MsgTx, _ *Coin, _ *[]byte) { slices.Reverse(tx.TxOut) }, "not in output 0"},
		{"three outputs", func(tx *wire.MsgTx, _ *Coin, _ *[]byte) { tx.TxOut = append(tx.TxOut, tx.TxOut[1]) }, "3 outputs"},
		{"legacy change", func(tx *wire.MsgTx, _ *Coin, _ *[]byte) { tx.TxOut[1].PkScript = []byte{txscript.OP_TRUE} }, "unsupported change script"},
		{"change above the coins", func(tx *wire.MsgTx, _ *Coin, _ *[]byte) { tx.TxOut[1].Value = 40_001 }, "the change is 40001 satoshi, and the coins hold 40000"},
		{"negative change", func(tx *wire.MsgTx, _ *Coin, _ *[]byte) { tx.TxOut[1].Value = -1 }, "the change is -1"},
		{"signed", func(tx *wire.MsgTx, _ *Coin, _ *[]byte) { tx.TxIn[0].Witness = wire.TxWitness{{1}} }, "unsigned"},
		{"input twice", func(tx *wire.MsgTx, _ *Coin, _ *[]byte) { tx.TxIn = append(tx.TxIn, tx.TxIn[0]) }, "given twice"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tx, coin, raw := good.Copy(), coins[0], bytes.Clone(previous[coins[0].OutPoint])
			tc.change(tx, &coin, &raw)
			given := map[wire.OutPoint][]byte{tx.TxIn[0].PreviousOutPoint: raw}
			if raw == nil {
				given = nil
			}
			r, err := NewRequest(tx, []Coin{coin}, given)
			require.ErrorContains(t, err, tc.want)
			require.Nil(t, r)
		})
	}
}

func TestParseRequestErrors(t *testing.T) {
	r := newRequest(t, testKey(3), coinkey.P2WPKH, 40_000)
	good := marshal(t, r)
	edit := func(change func(p *psbt.Packet)) []byte {
		r, err := ParseRequest(good)
		require.NoError(t, err)
		change(r.Packet)
		var b bytes.Buffer
		require.NoError(t, r.Packet.Serialize(&b))
		return b.Bytes()
	}
	unsigned := 5 + 1 + 1 + 1 // magic, key of one byte, length of the transaction
	size := int(good[unsigned-1])
	global := unsigned + size // where its map ends
	insert := func(at int, pair ...byte) []byte { return slices.Insert(bytes.Clone(good), at, pair...) }
	for _, tc := range []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "does not begin as one"},
		{"base64", []byte(base64.StdEncoding.EncodeToString(good)), "does not begin as one"},
		{"too large", append(bytes.Clone(good), make([]byte, MaxRequest)...), "want at most 1048576"},
		{"a byte more", append(bytes.Clone(good), 0), "1 bytes left over"},
		{"twice", append(bytes.Clone(good), good...), "bytes left over"},
		{"version 2", []byte("psbt\xff\x01\xfb\x04\x02\x00\x00\x00\x00"), "version 2, only version 0"},
		{"empty map", []byte("psbt\xff\x00"), "no unsigned transaction"},
		{"unsigned transaction twice", insert(global, good[5:global]...), "key 00 is there twice"},
		{"unknown key twice", insert(global, 1, 0xf0, 0, 1, 0xf0, 1, 7), "key f0 is there twice"},
		{"key type of three bytes", insert(global, 3, 0xfd, 0, 1, 0), "unsupported key type 0xfd"},
		{"length in a longer form", slices.Replace(bytes.Clone(good), 5, 6, 0xfd, 1, 0), "malformed PSBT"},
		{"signed", edit(func(p *psbt.Packet) { p.Inputs[0].FinalScriptWitness = []byte{1, 1, 7} }), "it is signed"},
		{"partly signed", edit(func(p *psbt.Packet) {
			tx := sign(t, r, testKey(3))
			p.Inputs[0].PartialSigs = []*psbt.PartialSig{{PubKey: tx.TxIn[0].Witness[1], Signature: tx.TxIn[0].Witness[0]}}
		}), "it is signed"},
		{"taproot signature", edit(func(p *psbt.Packet) {
			p.Inputs[0].TaprootKeySpendSig = sign(t, newRequest(t, testKey(3), coinkey.P2TR, 40_000), testKey(3)).TxIn[0].Witness[0]
		}), "it is signed"},
		{"unsigned transaction too large", packetBytes(t, &psbt.Packet{UnsignedTx: func() *wire.MsgTx {
			tx := r.Packet.UnsignedTx.Copy()
			tx.TxOut[1].PkScript = make([]byte, 4000)
			return tx
		}()}), "an unsigned transaction of 4109 bytes, want at most 4000"},
		{"no input", append([]byte("psbt\xff\x01\x00\x0a\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0), "without inputs"},
		{"spent output with bytes behind", func() []byte {
			at := bytes.Index(good, []byte{1, 1, 31})
			out := slices.Insert(bytes.Clone(good), at+3+31, 0)
			out[at+2]++
			return out
		}(), "output that is spent: 1 bytes left over"},
		{"sighash NONE", edit(func(p *psbt.Packet) { p.Inputs[0].SighashType = txscript.SigHashNone }), "unsupported sighash type 2"},
		{"nothing about the input", edit(func(p *psbt.Packet) { p.Inputs[0].NonWitnessUtxo, p.Inputs[0].WitnessUtxo = nil, nil }), "does not say what it spends"},
		{"another value", edit(func(p *psbt.Packet) { p.Inputs[0].WitnessUtxo.Value++ }), "what it spends is not in the previous transaction"},
		{"another script", edit(func(p *psbt.Packet) { p.Inputs[0].WitnessUtxo.PkScript[5]++ }), "what it spends is not in the previous transaction"},
		{"another previous transaction", edit(func(p *psbt.Packet) { p.Inputs[0].NonWitnessUtxo.LockTime++ }), "previous transaction"},
		{"not replaceable", edit(func(p *psbt.Packet) { p.UnsignedTx.TxIn[0].Sequence++ }), "sequence"},
		{"no commitment", edit(func(p *psbt.Packet) { p.UnsignedTx.TxOut[0].PkScript[2]++ }), "0 gradseal commitments"},
		{"spent output cut short", slices.Concat(good[:bytes.Index(good, []byte{1, 1, 31})], []byte{1, 1, 30}, good[bytes.Index(good, []byte{1, 1, 31})+3:]), "malformed PSBT"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := ParseRequest(tc.data)
			require.ErrorContains(t, err, tc.want)
			require.Nil(t, r)
		})
	}
	for size := range good {
		_, err := ParseRequest(good[:size])
		require.Error(t, err, "%d of %d bytes", size, len(good))
	}
}

// TestParseRequestOfOthers reads what other programs make of a request: with
// fields of their own, and with the previous transaction alone.
func TestParseRequestOfOthers(t *testing.T) {
	key := testKey(3)
	r := newRequest(t, key, coinkey.P2WPKH, 40_000)
	data := marshal(t, r)
	other, err := ParseRequest(data)
	require.NoError(t, err)
	other.Packet.Inputs[0].WitnessUtxo = nil
	other.Packet.Inputs[0].Unknowns = []*psbt.Unknown{{Key: []byte{0xfc, 3, 'a', 'b', 'c'}, Value: []byte{1}}}
	other.Packet.Unknowns = []*psbt.Unknown{{Key: []byte{0xfb}, Value: make([]byte, 4)}}
	var b bytes.Buffer
	require.NoError(t, other.Packet.Serialize(&b))
	read, err := ParseRequest(b.Bytes())
	require.NoError(t, err)
	require.Equal(t, r.Coins(), read.Coins())
	again, err := ParseRequest(marshal(t, read))
	require.NoError(t, err)
	require.Equal(t, marshal(t, read), marshal(t, again))
	require.Equal(t, []byte{0xfc, 3, 'a', 'b', 'c'}, again.Packet.Inputs[0].Unknowns[0].Key)

	// Others give the previous transaction with its witness.
	other.Packet.Inputs[0].NonWitnessUtxo.TxIn[0].Witness = wire.TxWitness{{1, 2, 3}, {}}
	read, err = ParseRequest(packetBytes(t, other.Packet))
	require.NoError(t, err)
	require.Equal(t, r.Coins(), read.Coins())
	require.NoError(t, read.Check(serialize(t, sign(t, read, key))))
}

// TestRequestCountsDoNotAllocate hands out the counts at which the decoders below
// would reserve hundreds of megabytes.
func TestRequestCountsDoNotAllocate(t *testing.T) {
	good := marshal(t, newRequest(t, testKey(3), coinkey.P2WPKH, 40_000))
	size := int(good[7])
	head := good[:8+size+1]
	inputs := []byte{0xfe, 0, 0, 12, 0}
	for name, data := range map[string][]byte{
		"unsigned transaction":                slices.Concat([]byte("psbt\xff\x01\x00\x40\x02\x00\x00\x00"), inputs, make([]byte, 60)),
		"key":                                 append([]byte("psbt\xff"), 0xfe, 0xff, 0xff, 0xff, 0x7f),
		"value":                               append([]byte("psbt\xff\x01\x00"), 0xfe, 0xff, 0xff, 0xff, 0x7f),
		"previous transaction":                slices.Concat(head, []byte{1, 0, 69, 2, 0, 0, 0}, inputs, make([]byte, 60)),
		"previous transaction with a witness": slices.Concat(head, []byte{1, 0, 71, 2, 0, 0, 0, 0, 1}, inputs, make([]byte, 60)),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ParseRequest(data)
		runtime.ReadMemStats(&after)
		require.ErrorContains(t, err, "malformed PSBT: ", name)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), name)
	}
}

// TestRequestTooLarge: the previous transactions do not fit.
func TestRequestTooLarge(t *testing.T) {
	key := testKey(3)
	script := coinkey.P2WPKH.Script(key.PubKey())
	var coins []Coin
	previous := make(map[wire.OutPoint][]byte)
	for i := range 11 {
		tx := wire.NewMsgTx(2)
		tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: uint32(i)}, SignatureScript: make([]byte, 99_000)})
		tx.AddTxOut(wire.NewTxOut(1000, script))
		raw, err := Stripped(tx)
		require.NoError(t, err)
		coins = append(coins, Coin{wire.OutPoint{Hash: tx.TxHash()}, 1000, script})
		previous[coins[i].OutPoint] = raw
	}
	for _, count := range []int{10, 11} {
		tx, _, err := Build(coins[:count], script, testRoot, SatPerVByte)
		require.NoError(t, err)
		r, err := NewRequest(tx, coins[:count], previous)
		require.NoError(t, err)
		data, err := r.Marshal()
		if count == 11 {
			require.ErrorContains(t, err, "too large")
			require.Nil(t, data)
			continue
		}
		require.NoError(t, err)
		_, err = ParseRequest(data)
		require.NoError(t, err)
	}
}

func FuzzParseRequest(f *testing.F) {
	for _, typ := range []coinkey.Type{coinkey.P2WPKH, coinkey.P2TR} {
		r := newRequest(f, testKey(3), typ, 40_000, 20_000)
		f.Add(marshal(f, r))
		r.AddKey(watch(f, testKey(3), typ))
		f.Add(marshal(f, r))
	}
	v, err := hex.DecodeString("70736274ff01fb04020000000000")
	require.NoError(f, err)
	f.Add(v)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseRequest(data)
		if err != nil {
			require.Nil(t, r)
			return
		}
		once := marshal(t, r)
		again, err := ParseRequest(once)
		require.NoError(t, err)
		require.Equal(t, once, marshal(t, again))
		require.Equal(t, r.Coins(), again.Coins())
		require.Equal(t, r.Root(), again.Root())
		require.GreaterOrEqual(t, r.Fee(), int64(0))
		if bumped, err := r.Bump(r.Rate()+SatPerVByte, 1<<40); err == nil {
			require.Greater(t, bumped.Fee(), r.Fee())
			require.Equal(t, r.Root(), bumped.Root())
		}
	})
}

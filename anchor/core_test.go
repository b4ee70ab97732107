package anchor

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/anchor/coinkey"
	"gradseal/bitcoin"
	"gradseal/internal/testnode"
)

// coreNode answers from Bitcoin Core what a KeySigner asks.
type coreNode struct {
	Node
	t    testing.TB
	core *testnode.Node
}

func (n *coreNode) Coins(_ context.Context, script []byte) ([]wire.OutPoint, error) {
	var found struct {
		Unspents []struct {
			TXID string `json:"txid"`
			Vout uint32 `json:"vout"`
		} `json:"unspents"`
	}
	n.core.Call(&found, "scantxoutset", "start", []string{fmt.Sprintf("raw(%x)", script)})
	var coins []wire.OutPoint
	for _, u := range found.Unspents {
		id, err := chainhash.NewHashFromStr(u.TXID)
		require.NoError(n.t, err)
		coins = append(coins, wire.OutPoint{Hash: *id, Index: u.Vout})
	}
	return coins, nil
}

func (n *coreNode) Transaction(_ context.Context, id bitcoin.Hash) ([]byte, error) {
	var text string
	n.core.Call(&text, "getrawtransaction", id.String())
	raw, err := hex.DecodeString(text)
	require.NoError(n.t, err)
	tx := new(wire.MsgTx)
	require.NoError(n.t, tx.Deserialize(bytes.NewReader(raw)))
	return Stripped(tx)
}

// newCore starts Bitcoin Core with a wallet that has coins.
func newCore(t *testing.T) *coreNode {
	n := &coreNode{t: t, core: testnode.StartBitcoind(t)}
	n.core.CreateWallet("w", 3)
	return n
}

// pay sends bitcoin from the wallet to an address, and mines a block.
func (n *coreNode) pay(address string, amounts ...float64) {
	for _, amount := range amounts {
		n.core.Call(nil, "w/sendtoaddress", address, amount)
	}
	n.core.Mine(1)
}

// accept has the node judge a transaction, compares size and fee with those of
// the request, and sends it.
func (n *coreNode) accept(r *Request, raw []byte) {
	n.t.Helper()
	var judged []struct {
		TXID    string `json:"txid"`
		Allowed bool   `json:"allowed"`
		Reason  string `json:"reject-reason"`
		VSize   int64  `json:"vsize"`
		Fees    struct {
			Base json.Number `json:"base"`
		} `json:"fees"`
	}
	n.core.Call(&judged, "testmempoolaccept", []string{hex.EncodeToString(raw)})
	require.True(n.t, judged[0].Allowed, judged[0].Reason)
	require.Equal(n.t, r.ID().String(), judged[0].TXID)
	require.LessOrEqual(n.t, judged[0].VSize, r.VSize())
	require.GreaterOrEqual(n.t, judged[0].VSize, r.VSize()-int64(len(r.Coins())))
	require.Equal(n.t, r.Fee(), satoshi(n.t, judged[0].Fees.Base))
	n.core.Call(nil, "sendrawtransaction", hex.EncodeToString(raw))
}

// waits are the ids of the transactions in the node's memory pool.
func (n *coreNode) waits() (ids []string) {
	n.core.Call(&ids, "getrawmempool")
	return ids
}

func satoshi(t testing.TB, bitcoin json.Number) int64 {
	f, err := bitcoin.Float64()
	require.NoError(t, err)
	return int64(math.Round(f * 1e8))
}

// TestCoreAgreesOnDescriptors: the address and the checksums of keys made here.
func TestCoreAgreesOnDescriptors(t *testing.T) {
	n := newCore(t)
	both(t, func(t *testing.T, typ coinkey.Type) {
		key := newKey(t, typ)
		public := key.Public()
		var info struct {
			Descriptor string
			Checksum   string
			IsRange    bool `json:"isrange"`
		}
		n.core.Call(&info, "getdescriptorinfo", public.String())
		text, sum, _ := strings.Cut(public.String(), "#")
		require.Equal(t, sum, info.Checksum)
		require.False(t, info.IsRange)
		require.Equal(t, public.String(), info.Descriptor)
		var addresses []string
		n.core.Call(&addresses, "deriveaddresses", public.String())
		require.Equal(t, []string{public.Address()}, addresses)
		_, err := n.core.Try("deriveaddresses", text)
		require.ErrorContains(t, err, "Missing checksum")
	})
}

// TestCoreTakesWhatIsSignedHere: found, signed, replaced and mined.
func TestCoreTakesWhatIsSignedHere(t *testing.T) {
	n := newCore(t)
	both(t, func(t *testing.T, typ coinkey.Type) {
		key := newKey(t, typ)
		n.pay(key.Public().Address(), 0.0001, 0.00002, 0.00001)
		s := NewKeySigner(n, key)
		order := testOrder
		r, err := s.Fund(t.Context(), order)
		require.NoError(t, err)
		require.Equal(t, []int64{1000}, valuesOf(r.Coins()))
		order.Inputs = []wire.OutPoint{r.Coins()[0].OutPoint}
		for _, at := range must(n.Coins(t.Context(), key.Public().Script())) {
			if at != order.Inputs[0] {
				order.Inputs = append(order.Inputs, at)
			}
		}
		r, err = s.Fund(t.Context(), order) // all three
		require.NoError(t, err)
		first := r.ID()
		for range 3 {
			raw, err := s.Sign(t.Context(), r)
			require.NoError(t, err)
			n.accept(r, raw)
			require.Equal(t, []string{r.ID().String()}, n.waits(), "the version before is gone")
			r, err = r.Bump(r.Rate()+1, 10_000)
			require.NoError(t, err)
		}
		require.NotEqual(t, first, r.ID())
		n.core.Mine(1)
		require.Empty(t, n.waits())
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestCoreSignsRequests has the wallet of Bitcoin Core sign what is watched
// here, and takes each form of its answers.
func TestCoreSignsRequests(t *testing.T) {
	n := newCore(t)
	both(t, func(t *testing.T, typ coinkey.Type) {
		kind := map[coinkey.Type]string{coinkey.P2WPKH: "bech32", coinkey.P2TR: "bech32m"}[typ]
		var address string
		n.core.Call(&address, "w/getnewaddress", "", kind)
		var info struct {
			Desc string `json:"desc"`
		}
		n.core.Call(&info, "w/getaddressinfo", address)
		n.pay(address, 0.0001, 0.00005)
		public, err := coinkey.ParsePublic(info.Desc, bitcoin.Regtest)
		require.NoError(t, err)
		require.Equal(t, address, public.Address())
		order := testOrder
		order.Inputs = must(n.Coins(t.Context(), public.Script()))
		require.Len(t, order.Inputs, 2)
		r, err := NewWatchSigner(n, public).Fund(t.Context(), order)
		require.NoError(t, err)
		text := base64.StdEncoding.EncodeToString(marshal(t, r))

		var decoded struct {
			Fee json.Number `json:"fee"`
		}
		n.core.Call(&decoded, "decodepsbt", text)
		require.Equal(t, r.Fee(), satoshi(t, decoded.Fee))
		var analysed struct {
			Next string
		}
		n.core.Call(&analysed, "analyzepsbt", text)
		// Of a taproot key it says "updater", of its own requests too.
		require.Equal(t, map[coinkey.Type]string{coinkey.P2WPKH: "signer", coinkey.P2TR: "updater"}[typ], analysed.Next)

		sighash := map[coinkey.Type]string{coinkey.P2WPKH: "ALL", coinkey.P2TR: "DEFAULT"}[typ]
		for _, finalize := range []bool{false, true} {
			var processed struct {
				PSBT     string `json:"psbt"`
				Complete bool
				Hex      string `json:"hex"`
			}
			n.core.Call(&processed, "w/walletprocesspsbt", text, true, sighash, true, finalize)
			raw, err := r.Complete([]byte(processed.PSBT + "\n"))
			require.NoError(t, err)
			if finalize {
				require.True(t, processed.Complete)
				again, err := r.Complete([]byte(processed.Hex))
				require.NoError(t, err)
				require.Equal(t, raw, again)
				n.accept(r, raw)
			}
		}
		// Somebody's transaction with the same coins is another.
		next, err := r.Bump(10*SatPerVByte, 10_000)
		require.NoError(t, err)
		var processed struct {
			PSBT string `json:"psbt"`
		}
		n.core.Call(&processed, "w/walletprocesspsbt", base64.StdEncoding.EncodeToString(marshal(t, next)))
		_, err = r.Complete([]byte(processed.PSBT))
		require.ErrorContains(t, err, "not the transaction that was to be signed: output 1 pays")
		raw, err := next.Complete([]byte(processed.PSBT))
		require.NoError(t, err)
		n.accept(next, raw)
		require.Equal(t, []string{next.ID().String()}, n.waits())
		n.core.Mine(1)

		// An updater of Core's kind hands back a request that is still one.
		var updated string
		n.core.Call(&updated, "utxoupdatepsbt", text)
		data, err := base64.StdEncoding.DecodeString(updated)
		require.NoError(t, err)
		read, err := ParseRequest(data)
		require.NoError(t, err)
		require.Equal(t, r.ID(), read.ID())
	})
}

package esplora_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/anchor"
	"gradseal/anchor/esplora"
	"gradseal/bitcoin"
	"gradseal/internal/esploratest"
	"gradseal/internal/testnode"
)

// bounded is a context that ends before the test binary's patience does.
func bounded(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// service is a node with some blocks, and the API that serves its chain.
type service struct {
	t      *testing.T
	node   *testnode.Node
	faults *esploratest.Faults
	server *httptest.Server
	blocks []bitcoin.Hash // by height, as of the start
	*esplora.Node
}

// onEach runs a test with each node program behind the service: they say
// different things to the same transaction.
func onEach(t *testing.T, test func(t *testing.T, start func() *testnode.Node)) {
	t.Helper()
	t.Run("btcd", func(t *testing.T) { test(t, func() *testnode.Node { return testnode.StartBtcd(t) }) })
	t.Run("bitcoind", func(t *testing.T) { test(t, func() *testnode.Node { return testnode.StartBitcoind(t) }) })
}

func start(t *testing.T, blocks int) *service {
	t.Helper()
	return startOn(t, testnode.StartBtcd(t), blocks)
}

func startOn(t *testing.T, n *testnode.Node, blocks int) *service {
	t.Helper()
	ids := []bitcoin.Hash{bitcoin.Regtest.Genesis().Hash()}
	for left := blocks; left > 0; left -= 500 {
		ids = append(ids, n.Mine(min(left, 500))...)
	}
	s := serve(t, n)
	s.blocks = ids
	return s
}

func serve(t *testing.T, n *testnode.Node) *service {
	t.Helper()
	api, err := esploratest.New(n.RPCURL, n.User, n.Password, n.CertPEM)
	require.NoError(t, err)
	s := &service{t: t, node: n, faults: esploratest.Spoil(http.StripPrefix("/api", api))}
	s.server = httptest.NewServer(s.faults)
	t.Cleanup(s.server.Close)
	s.Node = s.client(esplora.Config{})
	return s
}

// client is another client of the service.
func (s *service) client(config esplora.Config) *esplora.Node {
	s.t.Helper()
	config.URL, config.Network = s.server.URL+"/api/", bitcoin.Regtest
	n, err := esplora.New(config)
	require.NoError(s.t, err)
	return n
}

// transaction asks btcd.
func (s *service) transaction(id bitcoin.Hash) *wire.MsgTx {
	s.t.Helper()
	var text string
	s.node.Call(&text, "getrawtransaction", id.String(), 0)
	raw, err := hex.DecodeString(text)
	require.NoError(s.t, err)
	tx := new(wire.MsgTx)
	require.NoError(s.t, tx.Deserialize(bytes.NewReader(raw)))
	return tx
}

// coins are what the miner can spend.
func (s *service) coins() []anchor.Coin {
	s.t.Helper()
	outs, err := s.Coins(bounded(s.t), testnode.Script())
	require.NoError(s.t, err)
	var all []anchor.Coin
	for _, out := range outs {
		all = append(all, s.coin(out))
	}
	return all
}

func (s *service) coin(out wire.OutPoint) anchor.Coin {
	s.t.Helper()
	made := s.transaction(bitcoin.Hash(out.Hash)).TxOut[out.Index]
	return anchor.Coin{OutPoint: out, Value: made.Value, Script: made.PkScript}
}

// anchor is a signed transaction that spends coins; root tells it from others.
func (s *service) anchor(root byte, coins ...anchor.Coin) []byte {
	s.t.Helper()
	tx, _, err := anchor.Build(coins, testnode.Script(), [32]byte{root}, 2*anchor.SatPerVByte)
	require.NoError(s.t, err)
	require.NoError(s.t, anchor.Sign(tx, coins, testnode.Key()))
	var raw bytes.Buffer
	require.NoError(s.t, tx.Serialize(&raw))
	return raw.Bytes()
}

func parse(t testing.TB, raw []byte) *wire.MsgTx {
	t.Helper()
	tx, err := anchor.Parse(raw)
	require.NoError(t, err)
	return tx
}

func idOf(t testing.TB, raw []byte) bitcoin.Hash {
	t.Helper()
	return bitcoin.Hash(parse(t, raw).TxHash())
}

func remedy(t testing.TB, err error) string {
	t.Helper()
	var r *anchor.Remedy
	require.ErrorAs(t, err, &r)
	require.NotEmpty(t, r.Text)
	return r.Text
}

func TestHeaders(t *testing.T) {
	s := start(t, 620)
	want := s.blocks
	genesis := want[0]
	from := genesis
	var all []bitcoin.Header
	for {
		hs, err := s.Headers(bounded(t), []bitcoin.Hash{from})
		require.NoError(t, err)
		if len(hs) == 0 {
			break
		}
		all = append(all, hs...)
		from = hs[len(hs)-1].Hash()
	}
	require.Len(t, all, 620)
	for i, h := range all {
		require.Equal(t, want[i+1], h.Hash())
		require.Equal(t, want[i], h.Previous())
	}

	hs, err := s.Headers(bounded(t), []bitcoin.Hash{{1}, want[600], want[3], genesis})
	require.NoError(t, err)
	require.Equal(t, all[600:], hs, "after the first block that is known")
	hs, err = s.Headers(bounded(t), []bitcoin.Hash{{1}, want[620]})
	require.NoError(t, err)
	require.Empty(t, hs)
	_, err = s.Headers(bounded(t), []bitcoin.Hash{{1}, {2}})
	require.ErrorIs(t, err, anchor.ErrUnknownBlock)
	_, err = s.Headers(bounded(t), nil)
	require.ErrorIs(t, err, anchor.ErrUnknownBlock)
}

// TestSmallPages asks a service that describes few blocks at a time.
func TestSmallPages(t *testing.T) {
	s := start(t, 45)
	want, err := s.Headers(bounded(t), []bitcoin.Hash{bitcoin.Regtest.Genesis().Hash()})
	require.NoError(t, err)
	require.Len(t, want, 45)
	s.faults.Set("GET /api/blocks/*", esploratest.Rewrite(func(body []byte) []byte {
		// The first three of the objects in the list.
		parts := bytes.SplitAfter(body, []byte("},"))
		return append(bytes.TrimSuffix(bytes.Join(parts[:min(3, len(parts))], nil), []byte(",")), bytes.Repeat([]byte("]"), min(1, max(0, len(parts)-3)))...)
	}))
	hs, err := s.Headers(bounded(t), []bitcoin.Hash{bitcoin.Regtest.Genesis().Hash()})
	require.NoError(t, err)
	require.Equal(t, want, hs)
}

func TestHeader(t *testing.T) {
	s := start(t, 3)
	for _, id := range s.blocks {
		h, err := s.Header(bounded(t), id)
		require.NoError(t, err)
		require.Equal(t, id, h.Hash())
	}
	_, err := s.Header(bounded(t), bitcoin.Hash{1})
	require.ErrorIs(t, err, anchor.ErrUnknownBlock)
	require.ErrorContains(t, err, s.Source())
}

func TestTransaction(t *testing.T) {
	s := start(t, 102)
	raw := s.anchor(1, s.coins()[0])
	id := idOf(t, raw)
	_, err := s.Transaction(bounded(t), id)
	require.ErrorIs(t, err, anchor.ErrUnknownTx)

	require.NoError(t, s.Submit(bounded(t), raw))
	want, err := anchor.Stripped(parse(t, raw))
	require.NoError(t, err)
	for range 2 { // while it waits, and in a block
		got, err := s.Transaction(bounded(t), id)
		require.NoError(t, err)
		require.Equal(t, want, got)
		s.node.Mine(1)
	}
	for _, coin := range s.coins() { // with the witness of coinbases
		got, err := s.Transaction(bounded(t), bitcoin.Hash(coin.OutPoint.Hash))
		require.NoError(t, err)
		want, err := anchor.Stripped(s.transaction(bitcoin.Hash(coin.OutPoint.Hash)))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestCoins(t *testing.T) {
	onEach(t, func(t *testing.T, start func() *testnode.Node) { testCoins(t, startOn(t, start(), 99)) })
}

func testCoins(t *testing.T, s *service) {
	require.Empty(t, s.coins(), "the oldest coin has 99 confirmations")
	s.node.Mine(1)
	require.Len(t, s.coins(), 1)
	s.node.Mine(2)
	coins := s.coins()
	require.Len(t, coins, 3)

	raw := s.anchor(1, coins[0])
	require.NoError(t, s.Submit(bounded(t), raw))
	require.Equal(t, coins[1:], s.coins(), "neither what is spent nor the change that waits")
	s.node.Mine(1)
	change := wire.OutPoint{Hash: parse(t, raw).TxHash(), Index: 1}
	require.Contains(t, s.coins(), s.coin(change), "change with one confirmation")

	outs, err := s.Coins(bounded(t), []byte{0x6a})
	require.NoError(t, err)
	require.Empty(t, outs)
}

func TestSubmit(t *testing.T) {
	onEach(t, func(t *testing.T, start func() *testnode.Node) { testSubmit(t, startOn(t, start(), 103)) })
}

func testSubmit(t *testing.T, s *service) {
	coins := s.coins()
	raw, other := s.anchor(1, coins[0]), s.anchor(2, coins[0])
	for range 3 {
		require.NoError(t, s.Submit(bounded(t), raw), "again while it waits")
	}
	refused := func(waits bool) {
		t.Helper()
		err := s.Submit(bounded(t), other)
		require.ErrorIs(t, err, anchor.ErrSpent)
		var spent *anchor.SpentError
		require.ErrorAs(t, err, &spent)
		require.Equal(t, anchor.SpentError{Input: coins[0].OutPoint, By: idOf(t, raw), Waits: waits}, *spent)
		require.ErrorContains(t, err, fmt.Sprintf("%s by transaction %s", coins[0].OutPoint, idOf(t, raw)))
	}
	refused(true)

	s.node.Mine(1)
	require.NoError(t, s.Submit(bounded(t), raw), "again in a block")
	refused(false)

	// Once its outputs are spent some nodes do not know it any more.
	change := s.coin(wire.OutPoint{Hash: parse(t, raw).TxHash(), Index: 1})
	require.NoError(t, s.Submit(bounded(t), s.anchor(3, change)))
	s.node.Mine(1)
	require.NoError(t, s.Submit(bounded(t), raw), "again with its outputs spent")
	refused(false)
}

func TestSubmitRefused(t *testing.T) {
	onEach(t, func(t *testing.T, start func() *testnode.Node) { testSubmitRefused(t, startOn(t, start(), 101)) })
}

func testSubmitRefused(t *testing.T, s *service) {
	coin := s.coins()[0]
	tx := parse(t, s.anchor(1, coin))
	tx.TxIn[0].Witness[0][10] ^= 1
	var raw bytes.Buffer
	require.NoError(t, tx.Serialize(&raw))
	err := s.Submit(bounded(t), raw.Bytes())
	require.ErrorContains(t, err, "POST /tx: 400 Bad Request: ")
	require.ErrorContains(t, err, "sendrawtransaction RPC error")
	require.NotErrorIs(t, err, anchor.ErrSpent)

	// A coin that nobody knows is not a spent one.
	coin.OutPoint.Hash[0] ^= 1
	err = s.Submit(bounded(t), s.anchor(1, coin))
	require.ErrorContains(t, err, "400 Bad Request")
	require.NotErrorIs(t, err, anchor.ErrSpent)

	require.ErrorContains(t, s.Submit(bounded(t), []byte("x")), "malformed")
}

// TestSubmitUnheard loses the answer to the one request that must not be made
// twice in vain.
func TestSubmitUnheard(t *testing.T) {
	s := start(t, 104)
	coins := s.coins()
	posts := func() (n int) {
		for _, request := range s.faults.Seen() {
			if strings.HasPrefix(request, "POST ") {
				n++
			}
		}
		return n
	}
	for i, fault := range []esploratest.Fault{esploratest.HangUp(true), esploratest.Truncate()} {
		s.faults.Reset()
		s.faults.Set("POST /api/tx", fault)
		require.NoError(t, s.Submit(bounded(t), s.anchor(byte(i), coins[i])), "it has arrived, and the service says so when asked")
		require.Equal(t, 1, posts())
	}
	for _, fault := range []esploratest.Fault{esploratest.HangUp(false), esploratest.Failure(), esploratest.Busy(1), esploratest.Page()} {
		s.faults.Reset()
		s.faults.Set("POST /api/tx", fault)
		err := s.Submit(bounded(t), s.anchor(7, coins[2]))
		require.ErrorContains(t, err, "POST /tx: ")
		require.NotErrorIs(t, err, anchor.ErrSpent)
		require.Equal(t, 1, posts())
	}
	s.faults.Reset()
	s.faults.Set("POST /api/tx", esploratest.Answer(http.StatusOK, "text/plain", bitcoin.Hash{1}.String()))
	raw := s.anchor(7, coins[2])
	require.EqualError(t, s.Submit(bounded(t), raw),
		fmt.Sprintf("%s: POST /tx: unexpected answer %q, want %s", s.Source(), bitcoin.Hash{1}, idOf(t, raw)))
}

// TestSubmitLies has a service say that an output is spent that is not.
func TestSubmitLies(t *testing.T) {
	s := start(t, 102)
	coins := s.coins()
	raw, other := s.anchor(1, coins[0]), s.anchor(2, coins[1])
	require.NoError(t, s.Submit(bounded(t), other))
	s.faults.Set("POST /api/tx", esploratest.Answer(http.StatusBadRequest, "text/plain", "no"))
	lie := func(by string) error {
		s.faults.Set("GET /api/tx/*/outspend/*", esploratest.Times(1, esploratest.Answer(http.StatusOK, "application/json", by)))
		return s.Submit(bounded(t), raw)
	}
	const waits = `{"spent":true,"txid":"%s","vin":0,"status":{"confirmed":false}}`
	err := lie(fmt.Sprintf(waits, idOf(t, other)))
	require.ErrorContains(t, err, fmt.Sprintf("transaction %s does not spend that output", idOf(t, other)))
	require.NotErrorIs(t, err, anchor.ErrSpent)
	s.faults.Reset()
	s.faults.Set("POST /api/tx", esploratest.Answer(http.StatusBadRequest, "text/plain", "no"))
	err = lie(fmt.Sprintf(waits, bitcoin.Hash{1}))
	require.ErrorIs(t, err, anchor.ErrUnknownTx)
	require.NotErrorIs(t, err, anchor.ErrSpent)
	require.ErrorContains(t, err, `400 Bad Request: "no"`)
	s.faults.Reset()
	s.faults.Set("POST /api/tx", esploratest.Answer(http.StatusBadRequest, "text/plain", "no"))
	err = lie(fmt.Sprintf(`{"spent":true,"txid":"%s","vin":0}`, idOf(t, other)))
	require.ErrorContains(t, err, "malformed answer: status: no confirmed")
	require.NotErrorIs(t, err, anchor.ErrSpent)
}

func TestAttest(t *testing.T) {
	onEach(t, func(t *testing.T, start func() *testnode.Node) { testAttest(t, startOn(t, start(), 110)) })
}

func testAttest(t *testing.T, s *service) {
	coins := s.coins()
	var raws [][]byte
	for i := range 5 {
		raws = append(raws, s.anchor(byte(i), coins[i]))
	}
	attest := func(raw []byte) bool {
		t.Helper()
		b, err := s.Attest(bounded(t), raw, 100)
		require.NoError(t, err)
		if b == nil {
			return false
		}
		stripped, err := anchor.Stripped(parse(t, raw))
		require.NoError(t, err)
		require.Equal(t, stripped, b.Transaction)
		require.Equal(t, s.node.Block(int(b.Height)), b.Header.Hash())
		require.NoError(t, bitcoin.VerifyInclusion(idOf(t, raw), b.Position, b.Path, b.Header.MerkleRoot()))
		require.Len(t, b.Path, 3, "of six transactions")
		require.Empty(t, b.Successors)
		return true
	}
	for _, raw := range raws {
		require.False(t, attest(raw), "nobody knows it")
		require.NoError(t, s.Submit(bounded(t), raw))
		require.False(t, attest(raw), "it waits")
	}
	s.node.Mine(1)
	for _, raw := range raws {
		require.True(t, attest(raw))
	}

	// One before it was signed, and a transaction that anchors nothing.
	signed, err := s.Attest(bounded(t), raws[0], 0)
	require.NoError(t, err)
	unsigned, err := s.Attest(bounded(t), signed.Transaction, 0)
	require.NoError(t, err)
	require.Equal(t, signed, unsigned)
	var foreign bytes.Buffer
	require.NoError(t, s.transaction(bitcoin.Hash(coins[0].OutPoint.Hash)).Serialize(&foreign))
	b, err := s.Attest(bounded(t), foreign.Bytes(), 0)
	require.NoError(t, err)
	require.Zero(t, b.Position, "a coinbase")
	require.Equal(t, s.blocks[b.Height], b.Header.Hash())
}

// TestReorganisation takes a block with an anchor out of the chain.
func TestReorganisation(t *testing.T) {
	onEach(t, func(t *testing.T, start func() *testnode.Node) { testReorganisation(t, start(), start()) })
}

func testReorganisation(t *testing.T, a, b *testnode.Node) {
	a.Connect(b)
	a.Mine(101)
	a.WaitForTip(b)
	a.Disconnect()
	s := serve(t, a)
	raw := s.anchor(1, s.coins()[0])
	require.NoError(t, s.Submit(bounded(t), raw))
	stale := a.Mine(1)[0]
	evidence, err := s.Attest(bounded(t), raw, 0)
	require.NoError(t, err)
	require.Equal(t, stale, evidence.Header.Hash())

	a.Replace(1, b)
	evidence, err = s.Attest(bounded(t), raw, 0)
	require.NoError(t, err)
	require.Nil(t, evidence)
	h, err := s.Header(bounded(t), stale)
	require.NoError(t, err)
	require.Equal(t, stale, h.Hash())
	_, err = s.Headers(bounded(t), []bitcoin.Hash{stale})
	require.ErrorIs(t, err, anchor.ErrUnknownBlock)
	hs, err := s.Headers(bounded(t), []bitcoin.Hash{stale, h.Previous()})
	require.NoError(t, err)
	require.Len(t, hs, 2)

	require.NoError(t, s.Submit(bounded(t), raw))
	a.Mine(1)
	evidence, err = s.Attest(bounded(t), raw, 0)
	require.NoError(t, err)
	require.Equal(t, a.Tip(), evidence.Header.Hash())

	// A service that has not noticed yet: the block it names is not in the chain.
	s.faults.Set("GET /api/tx/*/status", esploratest.Edit(func(o map[string]any) { o["block_hash"] = stale.String() }))
	evidence, err = s.Attest(bounded(t), raw, 0)
	require.NoError(t, err)
	require.Nil(t, evidence)
}

func TestFeeRate(t *testing.T) {
	s := start(t, 1)
	_, err := s.FeeRate(bounded(t), 6)
	require.ErrorIs(t, err, anchor.ErrNoFeeRate, "btcd has seen no transaction")
	require.Contains(t, remedy(t, err), "--fee-rate")

	// The example of the API's description.
	const example = `{ "2": 87.882, "3": 87.882, "4": 87.882, "5": 81.129, "6": 68.285, "10": 1.027, "20": 1.027, "25": 1.027, "144": 0.5, "504": 0.1001 }`
	answer := func(body string) {
		s.faults.Reset()
		s.faults.Set("GET /api/fee-estimates", esploratest.Answer(http.StatusOK, "application/json", body))
	}
	answer(example)
	for target, want := range map[int]anchor.FeeRate{1: 87882, 2: 87882, 5: 81129, 6: 68285, 9: 68285, 10: 1027, 143: 1027, 144: 1000, 10000: 1000} {
		got, err := s.FeeRate(bounded(t), target)
		require.NoError(t, err)
		require.Equal(t, want, got, "within %d blocks", target)
	}
	answer(`{"1":3,"2":2.0000001,"3":2.0001}`)
	for target, want := range map[int]anchor.FeeRate{1: 3000, 2: 2000, 3: 2001} {
		got, err := s.FeeRate(bounded(t), target)
		require.NoError(t, err)
		require.Equal(t, want, got, "within %d blocks", target)
	}
	for _, target := range []int{0, -1} {
		_, err = s.FeeRate(bounded(t), target)
		require.ErrorIs(t, err, anchor.ErrNoFeeRate)
	}
	answer(`{"144":3}`)
	_, err = s.FeeRate(bounded(t), 6)
	require.ErrorIs(t, err, anchor.ErrNoFeeRate, "an estimate for a day says nothing of an hour")
	for body, want := range map[string]string{
		`{"6":0}`:                      "invalid fee rate of 0 sat/vB",
		`{"6":-1}`:                     "invalid fee rate of -1 sat/vB",
		`{"6":1e7}`:                    "invalid fee rate of 1e+07 sat/vB",
		`{"6":1e999}`:                  "malformed answer",
		`{"6":"1"}`:                    "malformed answer: string at byte",
		`[]`:                           "malformed answer: array at byte",
		`{"6":1}{"6":2}`:               "malformed answer",
		`{"6":`:                        "malformed answer",
		strings.Repeat(`{"6":`, 20000): "the answer has more than 16384 bytes",
	} {
		answer(body)
		_, err := s.FeeRate(bounded(t), 6)
		require.ErrorContains(t, err, want)
	}
}

// TestRealFeeRate asks a btcd that has seen transactions confirm.
func TestRealFeeRate(t *testing.T) {
	s := start(t, 130)
	for i, coin := range s.coins()[:20] {
		require.NoError(t, s.Submit(bounded(t), s.anchor(byte(i), coin)))
		if i%4 == 3 {
			s.node.Mine(1)
		}
	}
	rate, err := s.FeeRate(bounded(t), 6)
	require.NoError(t, err)
	require.InDelta(t, 2*float64(anchor.SatPerVByte), float64(rate), 500, "what the transactions paid")
}

func TestCheck(t *testing.T) {
	s := start(t, 0)
	require.NoError(t, s.Check(bounded(t), bitcoin.Regtest))
	for _, network := range bitcoin.Networks() {
		if network == bitcoin.Regtest {
			continue
		}
		err := s.Check(bounded(t), network)
		var e *anchor.NetworkError
		require.ErrorAs(t, err, &e)
		require.Equal(t, anchor.NetworkError{Got: "regtest", Want: network}, *e)
		remedy(t, err)
	}
	s.faults.Set("GET /api/block-height/0", esploratest.Answer(http.StatusOK, "text/plain", bitcoin.Hash{1}.String()))
	require.ErrorContains(t, s.Check(bounded(t), bitcoin.Regtest),
		"the node is on a network that begins with block "+bitcoin.Hash{1}.String()+", want regtest")
}

// TestOldTip has a service whose newest block is one of mainnet of 2015.
func TestOldTip(t *testing.T) {
	const text = "02000000b96394585a281b7e5f438fd1c9ed492645a1fd61cb380204000000000000000000" +
		"7ee445d23ad061af4a36b809501fab1ac4f2d7e7a739817dd0cbb7ec661b8a1e376755f58616186272def6"
	raw, err := hex.DecodeString(text)
	require.NoError(t, err)
	header, err := bitcoin.ParseHeader(raw)
	require.NoError(t, err)
	mux := http.NewServeMux()
	say := func(path, text string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) })
	}
	say("/block-height/0", bitcoin.Mainnet.Genesis().Hash().String())
	say("/blocks/tip/hash", header.Hash().String())
	say("/block/"+header.Hash().String()+"/header", text)
	server := httptest.NewServer(mux)
	defer server.Close()
	for hours, want := range map[time.Duration]error{-2: nil, 0: nil, 24: nil, 25: anchor.ErrSyncing} {
		n, err := esplora.New(esplora.Config{
			URL: server.URL, Network: bitcoin.Mainnet,
			Now: func() time.Time { return header.Time().Add(hours * time.Hour) },
		})
		require.NoError(t, err)
		err = n.Check(bounded(t), bitcoin.Mainnet)
		require.ErrorIs(t, err, want)
		if want != nil {
			require.ErrorContains(t, err, "its newest block is of 2015-05-28")
			remedy(t, err)
		}
	}
}

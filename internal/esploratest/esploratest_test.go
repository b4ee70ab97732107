package esploratest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/anchor"
	"gradseal/bitcoin"
	"gradseal/internal/esploratest"
	"gradseal/internal/testnode"
)

type server struct {
	t    *testing.T
	node *testnode.Node
	url  string
}

// onEach runs a test with each node program.
func onEach(t *testing.T, test func(t *testing.T, start func() *testnode.Node)) {
	t.Helper()
	t.Run("btcd", func(t *testing.T) { test(t, func() *testnode.Node { return testnode.StartBtcd(t) }) })
	t.Run("bitcoind", func(t *testing.T) { test(t, func() *testnode.Node { return testnode.StartBitcoind(t) }) })
}

// serve mines and serves the node's chain.
func serve(t *testing.T, n *testnode.Node, blocks int) *server {
	t.Helper()
	if blocks > 0 {
		n.Mine(blocks)
	}
	api, err := esploratest.New(n.RPCURL, n.User, n.Password, n.CertPEM)
	require.NoError(t, err)
	s := httptest.NewServer(api)
	t.Cleanup(s.Close)
	return &server{t, n, s.URL}
}

// get returns status, type and body.
func (s *server) get(path string) (int, string, string) {
	s.t.Helper()
	resp, err := http.Get(s.url + path)
	require.NoError(s.t, err)
	return read(s.t, resp)
}

func read(t *testing.T, resp *http.Response) (int, string, string) {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(body)
}

func (s *server) text(path, want string) {
	s.t.Helper()
	status, kind, body := s.get(path)
	require.Equal(s.t, http.StatusOK, status, body)
	require.Equal(s.t, "text/plain", kind)
	require.Equal(s.t, want, body)
}

func (s *server) error(path string, status int, want string) {
	s.t.Helper()
	got, kind, body := s.get(path)
	require.Equal(s.t, []any{status, "text/plain", want}, []any{got, kind, body}, path)
}

func (s *server) json(path string, value any) {
	s.t.Helper()
	status, kind, body := s.get(path)
	require.Equal(s.t, http.StatusOK, status, body)
	require.Equal(s.t, "application/json", kind)
	require.NoError(s.t, json.Unmarshal([]byte(body), value))
}

func (s *server) object(path string) map[string]any {
	s.t.Helper()
	var o map[string]any
	s.json(path, &o)
	return o
}

func keys(o map[string]any) []string { return slices.Sorted(maps.Keys(o)) }

func TestBlocks(t *testing.T) {
	onEach(t, func(t *testing.T, start func() *testnode.Node) { testBlocks(t, serve(t, start(), 23)) })
}

func testBlocks(t *testing.T, s *server) {
	tip := s.node.Tip()
	s.text("/blocks/tip/height", "23")
	s.text("/blocks/tip/hash", tip.String())
	s.text("/block-height/7", s.node.Block(7).String())
	s.error("/block-height/24", 404, "Block not found")
	s.error("/block-height/x", 400, "Invalid number")
	s.error("/block/"+bitcoin.Hash{1}.String(), 404, "Block not found")
	s.error("/block/"+bitcoin.Hash{1}.String()+"/header", 404, "Block not found")
	s.error("/block/1/header", 400, "Invalid hex string")
	s.error("/blocks/24", 404, "Block not found")
	s.error("/nothing", 404, `endpoint does not exist "/nothing"`)

	var raw string
	s.node.Call(&raw, "getblockheader", tip.String(), false)
	s.text("/block/"+tip.String()+"/header", raw)
	s.node.Call(&raw, "getblock", tip.String(), 0)
	_, kind, body := s.get("/block/" + tip.String() + "/raw")
	require.Equal(t, "application/octet-stream", kind)
	require.Equal(t, raw, hex.EncodeToString([]byte(body)))

	// What the node itself says of the block.
	var want struct {
		Tx                          []string
		Time, Height, Size, Version int64
		Weight                      int64
		Bits, MerkleRoot            string
		Nonce                       uint32
	}
	s.node.Call(&want, "getblock", tip.String(), 1)
	o := s.object("/block/" + tip.String())
	require.Equal(t, []string{"bits", "difficulty", "height", "id", "mediantime", "merkle_root", "nonce", "previousblockhash",
		"size", "timestamp", "tx_count", "version", "weight"}, keys(o))
	bits, err := hex.DecodeString(want.Bits)
	require.NoError(t, err)
	for key, value := range map[string]any{
		"id": tip.String(), "height": float64(want.Height), "timestamp": float64(want.Time), "size": float64(want.Size), "weight": float64(want.Weight),
		"merkle_root": want.MerkleRoot, "nonce": float64(want.Nonce), "version": float64(want.Version), "tx_count": 1.0,
		"bits": float64(uint32(bits[0])<<24 | uint32(bits[1])<<16 | uint32(bits[2])<<8 | uint32(bits[3])), "previousblockhash": s.node.Block(22).String(),
	} {
		require.Equal(t, value, o[key], key)
	}
	require.Nil(t, s.object("/block/" + bitcoin.Regtest.Genesis().Hash().String())["previousblockhash"])
	var ids []string
	s.json("/block/"+tip.String()+"/txids", &ids)
	require.Equal(t, want.Tx, ids)

	for path, heights := range map[string][2]int{"/blocks": {23, 14}, "/blocks/12": {12, 3}, "/blocks/4": {4, 0}} {
		var page []struct {
			ID     string
			Height int
		}
		s.json(path, &page)
		require.Len(t, page, heights[0]-heights[1]+1)
		for i, b := range page {
			require.Equal(t, heights[0]-i, b.Height)
			require.Equal(t, s.node.Block(b.Height).String(), b.ID)
		}
	}
	require.Equal(t, map[string]any{"in_best_chain": true, "height": 22.0, "next_best": tip.String()}, s.object("/block/"+s.node.Block(22).String()+"/status"))
	require.Equal(t, map[string]any{"in_best_chain": true, "height": 23.0, "next_best": nil}, s.object("/block/"+tip.String()+"/status"))
	require.Equal(t, map[string]any{"in_best_chain": false, "height": nil, "next_best": nil}, s.object("/block/"+bitcoin.Hash{1}.String()+"/status"))
}

// spend is a signed transaction of the first coin.
func (s *server) spend(root byte) (*wire.MsgTx, string) {
	s.t.Helper()
	var ids []string
	s.json("/block/"+s.node.Block(1).String()+"/txids", &ids)
	id, err := bitcoin.ParseHash(ids[0])
	require.NoError(s.t, err)
	coins := []anchor.Coin{{OutPoint: wire.OutPoint{Hash: [32]byte(id)}, Value: 50e8, Script: testnode.Script()}}
	tx, _, err := anchor.Build(coins, testnode.Script(), [32]byte{root}, anchor.SatPerVByte)
	require.NoError(s.t, err)
	require.NoError(s.t, anchor.Sign(tx, coins, testnode.Key()))
	var raw bytes.Buffer
	require.NoError(s.t, tx.Serialize(&raw))
	return tx, hex.EncodeToString(raw.Bytes())
}

func (s *server) post(text string) (int, string) {
	s.t.Helper()
	resp, err := http.Post(s.url+"/tx", "text/plain", strings.NewReader(text))
	require.NoError(s.t, err)
	status, _, body := read(s.t, resp)
	return status, body
}

func TestTransactions(t *testing.T) {
	onEach(t, func(t *testing.T, start func() *testnode.Node) { testTransactions(t, serve(t, start(), 101)) })
}

func testTransactions(t *testing.T, s *server) {
	tx, raw := s.spend(1)
	id, coin := tx.TxHash().String(), tx.TxIn[0].PreviousOutPoint
	utxo := fmt.Sprintf("/scripthash/%x/utxo", sha256.Sum256(testnode.Script()))
	outspend := fmt.Sprintf("/tx/%s/outspend/0", coin.Hash)
	var coins []map[string]any
	s.json(utxo, &coins)
	require.Len(t, coins, 101)
	require.Equal(t, []string{"status", "txid", "value", "vout"}, keys(coins[0]))

	s.error("/tx/"+id+"/hex", 404, "Transaction not found")
	s.error("/tx/"+id+"/raw", 404, "Transaction not found")
	s.error("/tx/"+id+"/outspends", 404, "Transaction not found")
	s.error("/tx/"+id+"/merkle-proof", 404, "Transaction not found or is unconfirmed")
	require.Equal(t, map[string]any{"confirmed": false}, s.object("/tx/"+id+"/status"), "as the original says of any unknown one")
	require.Equal(t, map[string]any{"spent": false}, s.object(outspend))

	status, body := s.post(raw)
	require.Equal(t, 200, status)
	require.Equal(t, id, body)
	s.text("/tx/"+id+"/hex", raw)
	_, kind, body := s.get("/tx/" + id + "/raw")
	require.Equal(t, "application/octet-stream", kind)
	require.Equal(t, raw, hex.EncodeToString([]byte(body)))
	require.Equal(t, map[string]any{"confirmed": false}, s.object("/tx/"+id+"/status"))
	require.Equal(t, map[string]any{"spent": true, "txid": id, "vin": 0.0, "status": map[string]any{"confirmed": false}}, s.object(outspend))
	s.error("/tx/"+id+"/merkle-proof", 404, "Transaction not found or is unconfirmed")
	s.json(utxo, &coins)
	require.Len(t, coins, 101, "the change, and no longer the coin")

	_, other := s.spend(2)
	status, body = s.post(other)
	require.Equal(t, 400, status)
	require.Regexp(t, `^sendrawtransaction RPC error: \{"code":-\d+,"message":".+"\}$`, body)
	status, _ = s.post("zz")
	require.Equal(t, 400, status)

	block := s.node.Mine(1)[0].String()
	confirmed := s.object("/tx/" + id + "/status")
	require.Equal(t, []string{"block_hash", "block_height", "block_time", "confirmed"}, keys(confirmed))
	require.Equal(t, block, confirmed["block_hash"])
	var spends []map[string]any
	s.json(fmt.Sprintf("/tx/%s/outspends", coin.Hash), &spends)
	require.Equal(t, map[string]any{"spent": true, "txid": id, "vin": 0.0, "status": confirmed}, spends[0])
	var unspent []map[string]any
	s.json("/tx/"+id+"/outspends", &unspent)
	require.Equal(t, []map[string]any{{"spent": false}, {"spent": false}}, unspent)

	var proof struct {
		BlockHeight int `json:"block_height"`
		Merkle      []string
		Pos         uint32
	}
	s.json("/tx/"+id+"/merkle-proof", &proof)
	require.Equal(t, 102, proof.BlockHeight)
	var path []bitcoin.Hash
	for _, text := range proof.Merkle {
		hash, err := bitcoin.ParseHash(text)
		require.NoError(t, err)
		path = append(path, hash)
	}
	root, err := bitcoin.ParseHash(s.object("/block/" + block)["merkle_root"].(string))
	require.NoError(t, err)
	require.NoError(t, bitcoin.VerifyInclusion(bitcoin.Hash(tx.TxHash()), proof.Pos, path, root))
	s.error("/scripthash/00/utxo", 400, "Invalid scripthash")
}

// TestReorganisation has the index follow the node into another chain.
func TestReorganisation(t *testing.T) {
	onEach(t, func(t *testing.T, start func() *testnode.Node) {
		testReorganisation(t, serve(t, start(), 101), start())
	})
}

func testReorganisation(t *testing.T, s *server, other *testnode.Node) {
	s.node.Connect(other)
	s.node.Disconnect()
	tx, raw := s.spend(1)
	status, _ := s.post(raw)
	require.Equal(t, 200, status)
	stale := s.node.Mine(2)
	id := tx.TxHash().String()
	require.Equal(t, true, s.object("/tx/" + id + "/status")["confirmed"])

	s.node.Replace(2, other)
	s.text("/blocks/tip/hash", other.Tip().String())
	s.text("/blocks/tip/height", "104")
	require.Equal(t, false, s.object("/tx/" + id + "/status")["confirmed"])
	require.Equal(t, false, s.object("/block/" + stale[0].String() + "/status")["in_best_chain"])
	s.json("/block/"+stale[0].String()+"/txids", new([]string))
	s.node.Mine(1)
	require.Equal(t, 105.0, s.object("/tx/" + id + "/status")["block_height"], "it waited for the next block")
}

func TestFaults(t *testing.T) {
	s := serve(t, testnode.StartBtcd(t), 2)
	api, err := esploratest.New(s.node.RPCURL, s.node.User, s.node.Password, s.node.CertPEM)
	require.NoError(t, err)
	faults := esploratest.Spoil(api)
	server := httptest.NewServer(faults)
	defer server.Close()
	get := func(path string) (int, string, error) {
		resp, err := http.Get(server.URL + path)
		if err != nil {
			return 0, "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body), err
	}
	const path = "/blocks/tip/hash"
	_, want, err := get(path)
	require.NoError(t, err)
	set := func(fault esploratest.Fault) {
		faults.Reset()
		faults.Set("GET /blocks/tip/*", fault)
	}

	set(esploratest.Truncate())
	_, body, err := get(path)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, want[:32], body)
	set(esploratest.HangUp(false))
	_, _, err = get(path)
	require.ErrorIs(t, err, io.EOF)
	set(esploratest.Flood(100_000))
	_, body, err = get(path)
	require.NoError(t, err)
	require.Len(t, body, 100_000)
	require.Equal(t, want, strings.TrimSpace(body))
	set(esploratest.Drip(time.Millisecond))
	start := time.Now()
	_, body, err = get(path)
	require.NoError(t, err)
	require.Equal(t, want, body)
	require.Greater(t, time.Since(start), 64*time.Millisecond)
	set(esploratest.Times(1, esploratest.Failure()))
	for _, want := range []int{500, 200} {
		status, _, err := get(path)
		require.NoError(t, err)
		require.Equal(t, want, status)
	}
	require.Equal(t, []string{"GET " + path, "GET " + path}, faults.Seen())

	// Every lie is one: it differs from what is true.
	tip := want
	requests := map[string]string{
		"GET /block/*/header": "/block/" + tip + "/header", "GET /block-height/*": "/block-height/1", "GET /blocks/*": "/blocks/1",
		"GET /tx/*/hex": "", "GET /tx/*/status": "", "GET /tx/*/merkle-proof": "",
	}
	var ids []string
	s.json("/block/"+tip+"/txids", &ids)
	for pattern := range requests {
		if requests[pattern] == "" {
			requests[pattern] = "/tx/" + ids[0] + strings.TrimPrefix(pattern, "GET /tx/*")
		}
	}
	for _, lie := range esploratest.Lies() {
		faults.Reset()
		request, ok := requests[lie.Pattern]
		require.True(t, ok, lie.Pattern)
		_, want, err := get(request)
		require.NoError(t, err)
		faults.Set(lie.Pattern, lie.Fault)
		status, got, err := get(request)
		require.NoError(t, err)
		require.Equal(t, 200, status)
		if lie.Name != "another path" && lie.Name != "no path" && lie.Name != "another position" {
			// Of a block of one transaction those three are true.
			require.NotEqual(t, want, got, lie.Name)
		}
	}
}

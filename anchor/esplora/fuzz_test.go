package esplora

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/proof"
)

// FuzzSummary has any JSON described as a block: a header that comes of it has
// the hash that the block is called by, and the height that is asked for.
func FuzzSummary(f *testing.F) {
	for _, network := range bitcoin.Networks() {
		h := network.Genesis()
		f.Add(fmt.Sprintf(`{"id":"%s","height":0,"version":%d,"timestamp":%d,"merkle_root":"%s","previousblockhash":null,"nonce":%d,"bits":%d,"extra":[]}`,
			h.Hash(), h.Version(), h.Time().Unix(), h.MerkleRoot(), h.Nonce(), h.Bits()))
	}
	f.Add(`{"id":"","height":-1}`)
	f.Fuzz(func(t *testing.T, text string) {
		var s summary
		if json.Unmarshal([]byte(text), &s) != nil {
			return
		}
		h, err := s.at(0)
		if err == nil {
			require.Equal(t, s.ID, h.Hash().String())
			require.Zero(t, *s.Height)
		}
	})
}

// The description of every network's first block becomes its header.
func TestSummaryOfGenesis(t *testing.T) {
	for _, network := range bitcoin.Networks() {
		want := network.Genesis()
		text := fmt.Sprintf(`{"id":"%s","height":0,"version":%d,"timestamp":%d,"merkle_root":"%s","nonce":%d,"bits":%d}`,
			want.Hash(), want.Version(), want.Time().Unix(), want.MerkleRoot(), want.Nonce(), want.Bits())
		var s summary
		require.NoError(t, json.Unmarshal([]byte(text), &s))
		h, err := s.at(0)
		require.NoError(t, err)
		require.Equal(t, want, h)
		_, err = s.at(1)
		require.ErrorContains(t, err, "is at height 0, want 1")
	}
}

// service answers the questions of Attest with these texts, whatever is asked
// about.
type service struct{ status, best, header, at, path string }

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	text := s.status
	switch p := r.URL.Path; {
	case strings.HasPrefix(p, "/block/") && strings.HasSuffix(p, "/status"):
		text = s.best
	case strings.HasSuffix(p, "/header"):
		text = s.header
	case strings.HasPrefix(p, "/block-height/"):
		text = s.at
	case strings.HasSuffix(p, "/merkle-proof"):
		text = s.path
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header), Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)), Request: r,
	}, nil
}

// FuzzAttest believes nothing of a service: whatever it answers, what comes out is
// no evidence, or evidence by which the transaction is in a block with work.
func FuzzAttest(f *testing.F) {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: [32]byte{1}}, nil, nil))
	tx.AddTxOut(wire.NewTxOut(0, proof.Commitment([32]byte{2})))
	var raw bytes.Buffer
	require.NoError(f, tx.Serialize(&raw))
	id := bitcoin.Hash(tx.TxHash())
	ids := []bitcoin.Hash{{9}, id, {8}}
	path, err := bitcoin.InclusionPath(ids, 1)
	require.NoError(f, err)
	root := bitcoin.MerkleRoot(ids)
	h := bitcoin.Regtest.Genesis()
	copy(h[36:], root[:])
	for h.CheckWork() != nil {
		h[76]++
	}
	block := h.Hash().String()
	good := service{
		status: fmt.Sprintf(`{"confirmed":true,"block_height":7,"block_hash":"%s","block_time":1}`, block),
		best:   `{"in_best_chain":true,"height":7}`,
		header: hex.EncodeToString(h[:]),
		at:     block,
		path:   fmt.Sprintf(`{"block_height":7,"merkle":["%s","%s"],"pos":1}`, path[0], path[1]),
	}
	node := func(t testing.TB, s service) *Node {
		n, err := New(Config{URL: "http://127.0.0.1:1", Network: bitcoin.Regtest, HTTP: &http.Client{Transport: &s}})
		require.NoError(t, err)
		n.pause = 0
		return n
	}
	b, err := node(f, good).Attest(f.Context(), raw.Bytes(), 0)
	require.NoError(f, err)
	require.NotNil(f, b, "the seed leads to evidence")

	f.Add(good.status, good.best, good.header, good.at, good.path)
	f.Add(`{"confirmed":false}`, good.best, good.header, good.at, good.path)
	f.Add(good.status, `{"in_best_chain":false}`, good.header, good.at, good.path)
	f.Add(good.status, good.best, good.header, good.at, strings.Replace(good.path, `"pos":1`, `"pos":3`, 1))
	f.Fuzz(func(t *testing.T, status, best, header, at, path string) {
		b, err := node(t, service{status, best, header, at, path}).Attest(t.Context(), raw.Bytes(), 0)
		if err != nil || b == nil {
			require.Nil(t, b)
			return
		}
		require.NoError(t, b.Header.CheckWork())
		require.NoError(t, bitcoin.VerifyInclusion(id, b.Position, b.Path, b.Header.MerkleRoot()))
		require.Equal(t, id, bitcoin.Hash(chainhash.DoubleHashH(b.Transaction)))
	})
}

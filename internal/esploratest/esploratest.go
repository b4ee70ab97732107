// Package esploratest serves the Esplora REST API for tests, from the chain of
// a real node: btcd with its transaction index, or Bitcoin Core. It reads every
// block of that chain, so the chain should be short.
//
// The paths, shapes, status codes and texts are those of Blockstream's server
// (github.com/Blockstream/electrs, src/rest.rs; documented in API.md of
// github.com/Blockstream/esplora). Nothing is made up: what the node does not
// know is not there, and what the node says to a transaction is passed on.
// Faults spoils answers on purpose.
package esploratest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/bitcoin"
)

// Server answers these requests, and 404 to all others:
//
//	GET  /blocks/tip/height         GET  /tx/:txid/raw
//	GET  /blocks/tip/hash           GET  /tx/:txid/hex
//	GET  /blocks[/:start_height]    GET  /tx/:txid/status
//	GET  /block-height/:height      GET  /tx/:txid/merkle-proof
//	GET  /block/:hash               GET  /tx/:txid/outspend/:vout
//	GET  /block/:hash/header        GET  /tx/:txid/outspends
//	GET  /block/:hash/status        GET  /scripthash/:hash/utxo
//	GET  /block/:hash/txids         GET  /fee-estimates
//	GET  /block/:hash/raw           POST /tx
type Server struct {
	node *node
	mux  *http.ServeMux

	mu    sync.Mutex
	index *index
}

// New returns a server for the node at rpcURL, and reads its chain. certPEM is
// the node's certificate, nil where it has none.
func New(rpcURL, user, password string, certPEM []byte) (*Server, error) {
	n, err := newNode(rpcURL, user, password, certPEM)
	if err != nil {
		return nil, err
	}
	s := &Server{node: n, mux: http.NewServeMux(), index: newIndex(n)}
	if err := s.index.update(); err != nil {
		return nil, err
	}
	s.routes()
	return s, nil
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// maxBody is the size in bytes of the largest request body.
const maxBody = 1_000_000

// apiError is an answer that is not 200.
type apiError struct {
	status int
	text   string
}

func (e *apiError) Error() string { return e.text }

func notFound(text string) error { return &apiError{http.StatusNotFound, text} }

func badRequest(text string) error { return &apiError{http.StatusBadRequest, text} }

// text, raw bytes, or anything else as JSON.
type text string

func (s *Server) handle(pattern string, f func(r *http.Request) (any, error)) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		var value any
		err := s.index.update()
		if err == nil {
			value, err = f(r)
		}
		if err != nil {
			writeError(w, err)
			return
		}
		writeValue(w, value)
	})
}

func writeError(w http.ResponseWriter, err error) {
	status := http.StatusBadGateway // the node failed
	var e *apiError
	if errors.As(err, &e) {
		status = e.status
	}
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, err.Error())
}

func writeValue(w http.ResponseWriter, value any) {
	var body []byte
	var err error
	kind := "application/json"
	switch v := value.(type) {
	case text:
		kind, body = "text/plain", []byte(v)
	case []byte:
		kind, body = "application/octet-stream", v
	default:
		body, err = json.Marshal(value)
	}
	if err != nil {
		writeError(w, err)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

func (s *Server) routes() {
	s.handle("GET /blocks/tip/height", func(*http.Request) (any, error) { return text(strconv.Itoa(s.index.tip().height)), nil })
	s.handle("GET /blocks/tip/hash", func(*http.Request) (any, error) { return text(s.index.tip().id.String()), nil })
	s.handle("GET /blocks", func(*http.Request) (any, error) { return s.summaries(s.index.tip().height) })
	s.handle("GET /blocks/{height}", func(r *http.Request) (any, error) {
		height, err := strconv.Atoi(r.PathValue("height"))
		if err != nil { // as the original has it
			height = s.index.tip().height
		}
		return s.summaries(height)
	})
	s.handle("GET /block-height/{height}", s.blockHeight)
	s.handle("GET /block/{hash}", s.ofBlock(func(b *block) any { return s.index.summary(b) }))
	s.handle("GET /block/{hash}/header", s.ofBlock(func(b *block) any { return text(hex.EncodeToString(b.header[:])) }))
	s.handle("GET /block/{hash}/txids", s.ofBlock(func(b *block) any { return texts(b.ids) }))
	s.handle("GET /block/{hash}/raw", s.ofBlock(func(b *block) any { return b.raw }))
	s.handle("GET /block/{hash}/status", s.blockStatus)
	s.handle("GET /tx/{txid}/raw", func(r *http.Request) (any, error) { return s.transaction(r) })
	s.handle("GET /tx/{txid}/hex", func(r *http.Request) (any, error) {
		raw, err := s.transaction(r)
		return text(hex.EncodeToString(raw)), err
	})
	s.handle("GET /tx/{txid}/status", s.txStatus)
	s.handle("GET /tx/{txid}/merkle-proof", s.merkleProof)
	s.handle("GET /tx/{txid}/outspend/{vout}", s.outspend)
	s.handle("GET /tx/{txid}/outspends", s.outspends)
	s.handle("GET /scripthash/{hash}/utxo", s.utxo)
	s.handle("GET /fee-estimates", func(*http.Request) (any, error) { return s.node.feeEstimates() })
	s.handle("POST /tx", s.broadcast)
	s.handle("/", func(r *http.Request) (any, error) {
		return nil, notFound(fmt.Sprintf("endpoint does not exist %q", r.URL.Path))
	})
}

func hashOf(r *http.Request, name string) (bitcoin.Hash, error) {
	id, err := bitcoin.ParseHash(r.PathValue(name))
	if err != nil {
		return id, badRequest("Invalid hex string")
	}
	return id, nil
}

// pageSize is how many blocks there are in one answer to /blocks.
const pageSize = 10

func (s *Server) summaries(height int) (any, error) {
	if height < 0 || height > s.index.tip().height {
		return nil, notFound("Block not found")
	}
	var page []summary
	for ; height >= 0 && len(page) < pageSize; height-- {
		page = append(page, s.index.summary(s.index.chain[height]))
	}
	return page, nil
}

func (s *Server) blockHeight(r *http.Request) (any, error) {
	height, err := strconv.ParseUint(r.PathValue("height"), 10, 31)
	if err != nil {
		return nil, badRequest("Invalid number")
	}
	if height >= uint64(len(s.index.chain)) {
		return nil, notFound("Block not found")
	}
	return text(s.index.chain[height].id.String()), nil
}

func (s *Server) ofBlock(f func(*block) any) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		id, err := hashOf(r, "hash")
		if err != nil {
			return nil, err
		}
		b, ok := s.index.blocks[id]
		if !ok {
			return nil, notFound("Block not found")
		}
		return f(b), nil
	}
}

func (s *Server) blockStatus(r *http.Request) (any, error) {
	id, err := hashOf(r, "hash")
	if err != nil {
		return nil, err
	}
	// The original does not tell stale blocks from unknown ones either.
	var status struct {
		InBestChain bool    `json:"in_best_chain"`
		Height      *int    `json:"height"`
		NextBest    *string `json:"next_best"`
	}
	if b := s.index.best(id); b != nil {
		status.InBestChain, status.Height = true, &b.height
		if b.height < s.index.tip().height {
			next := s.index.chain[b.height+1].id.String()
			status.NextBest = &next
		}
	}
	return status, nil
}

// transaction is one of the best chain or of those that wait, with its witness.
func (s *Server) transaction(r *http.Request) ([]byte, error) {
	id, err := hashOf(r, "txid")
	if err != nil {
		return nil, err
	}
	tx, err := s.index.transaction(id)
	if err != nil {
		return nil, err
	}
	if tx == nil {
		return nil, notFound("Transaction not found")
	}
	var raw bytes.Buffer
	err = tx.Serialize(&raw)
	return raw.Bytes(), err
}

// txStatus of an unknown transaction is that of one that waits, as in the
// original.
type txStatus struct {
	Confirmed   bool    `json:"confirmed"`
	BlockHeight *int    `json:"block_height,omitempty"`
	BlockHash   *string `json:"block_hash,omitempty"`
	BlockTime   *int64  `json:"block_time,omitempty"`
}

func (s *Server) txStatus(r *http.Request) (any, error) {
	id, err := hashOf(r, "txid")
	if err != nil {
		return nil, err
	}
	return s.index.status(id), nil
}

func (s *Server) merkleProof(r *http.Request) (any, error) {
	id, err := hashOf(r, "txid")
	if err != nil {
		return nil, err
	}
	at, ok := s.index.places[id]
	if !ok {
		return nil, notFound("Transaction not found or is unconfirmed")
	}
	path, err := bitcoin.InclusionPath(at.block.ids, uint32(at.position))
	if err != nil {
		return nil, err
	}
	return map[string]any{"block_height": at.block.height, "merkle": texts(path), "pos": at.position}, nil
}

// spending is what spends an output; "spent" alone where nothing does.
type spending struct {
	Spent  bool      `json:"spent"`
	TxID   *string   `json:"txid,omitempty"`
	Vin    *int      `json:"vin,omitempty"`
	Status *txStatus `json:"status,omitempty"`
}

func (s *Server) outspend(r *http.Request) (any, error) {
	id, err := hashOf(r, "txid")
	if err != nil {
		return nil, err
	}
	vout, err := strconv.ParseUint(r.PathValue("vout"), 10, 32)
	if err != nil {
		return nil, badRequest("Invalid number")
	}
	return s.index.spending(wire.OutPoint{Hash: chainhash.Hash(id), Index: uint32(vout)})
}

func (s *Server) outspends(r *http.Request) (any, error) {
	id, err := hashOf(r, "txid")
	if err != nil {
		return nil, err
	}
	tx, err := s.index.transaction(id)
	if err != nil {
		return nil, err
	}
	if tx == nil {
		return nil, notFound("Transaction not found")
	}
	all := make([]spending, len(tx.TxOut))
	for i := range all {
		if all[i], err = s.index.spending(wire.OutPoint{Hash: chainhash.Hash(id), Index: uint32(i)}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// utxo lists the unspent outputs of a script, which is named by its SHA-256 in
// byte order.
func (s *Server) utxo(r *http.Request) (any, error) {
	var hash [sha256.Size]byte
	if b, err := hex.DecodeString(r.PathValue("hash")); err != nil || copy(hash[:], b) != len(hash) || len(b) != len(hash) {
		return nil, badRequest("Invalid scripthash")
	}
	return s.index.unspent(hash)
}

// broadcast passes a transaction on, and what the node says to it.
func (s *Server) broadcast(r *http.Request) (any, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return nil, &apiError{http.StatusRequestEntityTooLarge, "Request body too large"}
	}
	var id string
	err = s.node.call(&id, "sendrawtransaction", string(body))
	var e *rpcError
	if errors.As(err, &e) {
		said, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		return nil, badRequest("sendrawtransaction RPC error: " + string(said))
	}
	return text(id), err
}

func texts(ids []bitcoin.Hash) []string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = id.String()
	}
	return all
}

// summary is a block as the API describes it.
type summary struct {
	ID                string  `json:"id"`
	Height            int     `json:"height"`
	Version           uint32  `json:"version"`
	Timestamp         int64   `json:"timestamp"`
	TxCount           int     `json:"tx_count"`
	Size              int     `json:"size"`
	Weight            int     `json:"weight"`
	MerkleRoot        string  `json:"merkle_root"`
	PreviousBlockHash *string `json:"previousblockhash"`
	MedianTime        int64   `json:"mediantime"`
	Nonce             uint32  `json:"nonce"`
	Bits              uint32  `json:"bits"`
	Difficulty        float64 `json:"difficulty"`
}

func (x *index) summary(b *block) summary {
	s := summary{
		ID: b.id.String(), Height: b.height, Version: uint32(b.header.Version()), Timestamp: b.header.Time().Unix(),
		TxCount: len(b.ids), Size: len(b.raw), Weight: b.weight, MerkleRoot: b.header.MerkleRoot().String(),
		MedianTime: x.medianTime(b), Nonce: b.header.Nonce(), Bits: b.header.Bits(), Difficulty: difficulty(b.header.Bits()),
	}
	if previous := b.header.Previous(); previous != (bitcoin.Hash{}) {
		id := previous.String()
		s.PreviousBlockHash = &id
	}
	return s
}

// medianTime is the median time of a block and the ten before it.
func (x *index) medianTime(b *block) int64 {
	var times []int64
	for ok := true; ok && len(times) < 11; b, ok = x.blocks[b.header.Previous()] {
		times = append(times, b.header.Time().Unix())
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// difficulty is how much smaller a target is than the largest of mainnet.
func difficulty(bits uint32) float64 {
	target, err := bitcoin.Target(bits)
	if err != nil {
		return 0
	}
	most, _ := bitcoin.Target(0x1d00ffff)
	ratio, _ := new(big.Rat).SetFrac(most, target).Float64()
	return ratio
}

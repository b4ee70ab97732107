package esplora_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
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

// question is a method, with one kind of request that it makes. It returns what
// the method returned besides the error.
type question struct {
	name    string
	pattern string
	ask     func(ctx context.Context, n *esplora.Node) (any, error)
}

// questions are about a transaction of the service that is in a block.
func questions(s *service, raw []byte) []question {
	id, height := idOf(s.t, raw), s.node.Height()
	block, genesis := s.node.Block(height), bitcoin.Regtest.Genesis().Hash()
	attest := func(ctx context.Context, n *esplora.Node) (any, error) {
		b, err := n.Attest(ctx, raw, 0)
		if b == nil {
			return nil, err
		}
		return b, err
	}
	check := func(ctx context.Context, n *esplora.Node) (any, error) { return nil, n.Check(ctx, bitcoin.Regtest) }
	headers := func(from bitcoin.Hash) func(context.Context, *esplora.Node) (any, error) {
		return func(ctx context.Context, n *esplora.Node) (any, error) {
			hs, err := n.Headers(ctx, []bitcoin.Hash{from})
			if hs == nil {
				return nil, err
			}
			return hs, err
		}
	}
	return []question{
		{"Check", "GET /api/block-height/0", check},
		{"Check", "GET /api/blocks/tip/hash", check},
		{"Headers", "GET /api/blocks/tip/height", headers(genesis)},
		{"Headers", "GET /api/blocks/*", headers(genesis)},
		{"Headers", "GET /api/block/*/status", headers(s.blocks[5])},
		{"Headers", "GET /api/block/*", headers(s.blocks[5])},
		{"Header", "GET /api/block/*/header", func(ctx context.Context, n *esplora.Node) (any, error) {
			h, err := n.Header(ctx, block)
			if h == (bitcoin.Header{}) {
				return nil, err
			}
			return h, err
		}},
		{"FeeRate", "GET /api/fee-estimates", func(ctx context.Context, n *esplora.Node) (any, error) {
			rate, err := n.FeeRate(ctx, 6)
			if rate == 0 {
				return nil, err
			}
			return rate, err
		}},
		{"Coins", "GET /api/scripthash/*/utxo", func(ctx context.Context, n *esplora.Node) (any, error) {
			outs, err := n.Coins(ctx, testnode.Script())
			if outs == nil {
				return nil, err
			}
			return outs, err
		}},
		{"Transaction", "GET /api/tx/*/hex", func(ctx context.Context, n *esplora.Node) (any, error) {
			b, err := n.Transaction(ctx, id)
			if b == nil {
				return nil, err
			}
			return b, err
		}},
		{"Attest", "GET /api/tx/*/status", attest},
		{"Attest", "GET /api/block/*/status", attest},
		{"Attest", "GET /api/block/*/header", attest},
		{"Attest", "GET /api/block-height/*", attest},
		{"Attest", "GET /api/tx/*/merkle-proof", attest},
	}
}

// confirmed is a service with a transaction in a block of three.
func confirmed(t *testing.T) (*service, []byte) {
	t.Helper()
	s := start(t, 104)
	coins := s.coins()
	raw := s.anchor(1, coins[0])
	require.NoError(t, s.Submit(bounded(t), raw))
	require.NoError(t, s.Submit(bounded(t), s.anchor(2, coins[1])))
	s.node.Mine(1)
	return s, raw
}

// maxAllocated is in bytes, on both sides of the connection, for all that a
// method does.
const maxAllocated = 64 << 20

// refused asks and must have an error, in time, with nothing accepted and
// little allocated.
func refused(t *testing.T, s *service, n *esplora.Node, q question) error {
	t.Helper()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	before := mem.TotalAlloc
	start := time.Now()
	value, err := q.ask(bounded(t), n)
	require.Less(t, time.Since(start), 15*time.Second)
	runtime.ReadMemStats(&mem)
	require.Less(t, mem.TotalAlloc-before, uint64(maxAllocated))
	require.Error(t, err)
	require.Nil(t, value)
	require.ErrorContains(t, err, "esplora "+s.server.URL+"/api: ")
	return err
}

// TestLies has the service lie in each way that can be seen through.
func TestLies(t *testing.T) {
	s, raw := confirmed(t)
	want := map[string]string{
		"another header":                 "unexpected header: its hash is " + bitcoin.Mainnet.Genesis().Hash().String(),
		"a header with another nonce":    "unexpected header: its hash is ",
		"a header with another root":     "unexpected header: its hash is ",
		"another path":                   "in block " + s.node.Tip().String() + ": ",
		"a longer path":                  "in block " + s.node.Tip().String() + ": ",
		"a path that is too long":        "a path of 32 hashes, want at most 24",
		"no path":                        "in block " + s.node.Tip().String() + ": ",
		"another position":               "in block " + s.node.Tip().String() + ": ",
		"a huge position":                "malformed answer: number 1099511627776 at byte ",
		"a negative position":            "malformed answer: number -1 at byte ",
		"another height of the path":     "unexpected path in a block at height 1, want 105",
		"another height":                 "is said to be in block " + s.node.Tip().String() + " at height 1, where block " + s.blocks[1].String() + " is",
		"no height":                      "malformed answer: confirmed, and no block_height",
		"another block at the height":    "where block " + bitcoin.Mainnet.Genesis().Hash().String() + " is",
		"another transaction":            "unexpected transaction: its id is ",
		"other headers":                  "unexpected blocks: a block with hash ",
		"another summary":                "malformed answer: a block with hash ",
		"a transaction that is no such":  "malformed answer: malformed transaction: ",
		"another block that is in chain": "in block " + s.blocks[7].String() + ": ",
	}
	lies := append(esploratest.Lies(),
		esploratest.Lie{Name: "another summary", Pattern: "GET /block/*", Fault: esploratest.Edit(func(o map[string]any) { o["bits"] = 1 })},
		esploratest.Lie{Name: "a transaction that is no such", Pattern: "GET /tx/*/hex", Fault: esploratest.Rewrite(func(b []byte) []byte { return b[:len(b)-2] })},
	)
	for _, lie := range lies {
		t.Run(lie.Name, func(t *testing.T) {
			pattern := strings.Replace(lie.Pattern, " /", " /api/", 1)
			asked := 0
			for _, q := range questions(s, raw) {
				if q.pattern != pattern {
					continue
				}
				s.faults.Reset()
				s.faults.Set(pattern, lie.Fault)
				if lie.Name == "another block" {
					// That is what a service says that has not noticed a reorganisation.
					value, err := q.ask(bounded(t), s.Node)
					require.NoError(t, err)
					require.Nil(t, value)
				} else {
					require.ErrorContains(t, refused(t, s, s.Node, q), want[lie.Name])
				}
				asked++
			}
			require.NotZero(t, asked)
		})
	}

	// A block of the best chain that has not the transaction.
	s.faults.Reset()
	s.faults.Set("GET /api/tx/*/status", esploratest.Edit(func(o map[string]any) {
		o["block_hash"], o["block_height"] = s.blocks[7].String(), 7
	}))
	s.faults.Set("GET /api/tx/*/merkle-proof", esploratest.Edit(func(o map[string]any) { o["block_height"] = 7 }))
	b, err := s.Attest(bounded(t), raw, 0)
	require.Nil(t, b)
	require.ErrorContains(t, err, "in block "+s.blocks[7].String()+": ")

	// A header with no work behind it, whose hash is what was asked for.
	s.faults.Reset()
	b, err = s.Attest(bounded(t), raw, 0)
	require.NoError(t, err)
	weak := b.Header
	weak[75] = 0x1c // the target's length: as many zeros as no header here has
	s.faults.Set("GET /api/tx/*/status", esploratest.Edit(func(o map[string]any) { o["block_hash"] = weak.Hash().String() }))
	s.faults.Set("GET /api/block/*/status", esploratest.Answer(http.StatusOK, "application/json", `{"in_best_chain":true}`))
	s.faults.Set("GET /api/block/*/header", esploratest.Answer(http.StatusOK, "text/plain", hex.EncodeToString(weak[:])))
	s.faults.Set("GET /api/block-height/*", esploratest.Answer(http.StatusOK, "text/plain", weak.Hash().String()))
	b, err = s.Attest(bounded(t), raw, 0)
	require.Nil(t, b)
	require.ErrorContains(t, err, "in block "+weak.Hash().String()+": ")
}

// TestBroken has every kind of request fail in every way.
func TestBroken(t *testing.T) {
	s, raw := confirmed(t)
	breaks := map[string]struct {
		fault  esploratest.Fault
		want   string
		remedy string
	}{
		"500":          {esploratest.Failure(), `500 Internal Server Error: "Internal server error"`, "the service has failed"},
		"503":          {esploratest.Answer(503, "text/html", "<html>"), "503 Service Unavailable", "the service has failed"},
		"403":          {esploratest.Answer(403, "text/plain", strings.Repeat("no ", 9999)), `403 Forbidden: "no no`, ""},
		"slow":         {esploratest.Drip(250 * time.Millisecond), "the node cannot be reached: no whole answer within 400ms", "try again later"},
		"silent":       {esploratest.Silence(), "the node cannot be reached: no whole answer within 400ms", "try again later"},
		"100 MB":       {esploratest.Flood(100 << 20), "the answer has more than ", ""},
		"cut off":      {esploratest.Truncate(), "the node cannot be reached: the answer was cut off: unexpected EOF", "check the URL"},
		"hung up":      {esploratest.HangUp(false), "the node cannot be reached: EOF", "check the URL"},
		"a page":       {esploratest.Page(), "the answer is a web page", "ends in /api"},
		"no such page": {esploratest.Answer(404, "text/html", "<html>"), "404 Not Found", "ends in /api"},
		"no such path": {esploratest.Answer(404, "text/plain", `endpoint does not exist "/"`), "404 Not Found", "ends in /api"},
		"elsewhere":    {redirect("https://other.example/"), `302 Found: "see https://other.example/"`, "give the URL that it leads to"},
		"too often":    {esploratest.Busy(3600), "429 Too Many Requests", "wait a while"},
		"nothing":      {esploratest.Answer(200, "text/plain", ""), "malformed", ""},
		"null":         {esploratest.Answer(200, "application/json", "null"), "", ""},
		"garbage":      {esploratest.Answer(200, "application/json", "\x00\xff{[\"1"), "malformed", ""},
		"wrong things": {esploratest.Answer(200, "application/json", `[{"id":1,"txid":2,"confirmed":"yes","merkle":7,"height":-1}]`), "malformed", ""},
	}
	patient := func(name string) *esplora.Node {
		timeout := 400 * time.Millisecond
		if name != "slow" && name != "silent" {
			timeout = 10 * time.Second
		}
		n := s.client(esplora.Config{Timeout: timeout})
		n.SetPause(time.Millisecond)
		return n
	}
	for name, b := range breaks {
		t.Run(name, func(t *testing.T) {
			n := patient(name)
			for _, q := range questions(s, raw) {
				s.faults.Reset()
				s.faults.Set(q.pattern, b.fault)
				if name == "null" && (q.name == "Coins" || q.name == "FeeRate") {
					continue // an empty list, in Go's eyes
				}
				err := refused(t, s, n, q)
				require.ErrorContains(t, err, b.want, "%s: %s", q.name, q.pattern)
				if b.remedy != "" {
					require.Contains(t, remedy(t, err), b.remedy)
				}
				if strings.Contains(b.want, "cannot be reached") {
					require.ErrorIs(t, err, anchor.ErrUnreachable)
				}
				require.Less(t, len(err.Error()), 1000, "a stranger's words are cut")
			}
		})
	}
}

func redirect(to string) esploratest.Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, to, http.StatusFound)
	}
}

// TestAskedAgain has a service fail for a while.
func TestAskedAgain(t *testing.T) {
	s := start(t, 2)
	s.SetPause(10 * time.Millisecond)
	for name, fault := range map[string]esploratest.Fault{
		"500": esploratest.Failure(), "hung up": esploratest.HangUp(false), "cut off": esploratest.Truncate(), "busy": esploratest.Busy(1),
	} {
		t.Run(name, func(t *testing.T) {
			for failures := range 4 {
				s.faults.Reset()
				s.faults.Set("GET /api/block/*/header", esploratest.Times(failures, fault))
				h, err := s.Header(bounded(t), s.blocks[1])
				if failures < 3 {
					require.NoError(t, err)
					require.Equal(t, s.blocks[1], h.Hash())
				}
				if name == "hung up" {
					continue // the transport asks again by itself, on a new connection
				}
				if failures == 3 {
					require.Error(t, err)
				}
				require.Len(t, s.faults.Seen(), min(failures+1, 3))
			}
		})
	}
	s.faults.Reset()
	s.faults.Set("GET /api/block/*/header", esploratest.Busy(3600))
	start := time.Now()
	_, err := s.Header(bounded(t), s.blocks[1])
	require.ErrorContains(t, err, "429")
	require.Less(t, time.Since(start), 5*time.Second, "nobody waits for an hour")
	require.Len(t, s.faults.Seen(), 1)
}

func TestCanceled(t *testing.T) {
	s := start(t, 1)
	asked := make(chan struct{}, 1)
	s.faults.Set("GET /api/blocks/tip/*", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		asked <- struct{}{}
		esploratest.Silence()(w, r, next)
	})
	ctx, cancel := context.WithCancel(bounded(t))
	go func() {
		<-asked
		cancel()
	}()
	_, err := s.Headers(ctx, s.blocks[:1])
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, anchor.ErrUnreachable)

	// A pause ends at once.
	s.faults.Reset()
	ctx, cancel = context.WithCancel(bounded(t))
	s.faults.Set("GET /api/blocks/tip/*", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		esploratest.Busy(5)(w, r, next)
		cancel()
	})
	start := time.Now()
	_, err = s.Headers(ctx, s.blocks[:1])
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, time.Since(start), 4*time.Second)
}

func TestURL(t *testing.T) {
	for url, want := range map[string]string{
		"":                                "no host",
		"explorer.example/api":            "no host",
		"https://":                        "no host",
		"https:explorer.example":          "no host",
		"http://explorer.example/api":     "it must begin with https:// unless the Esplora service is on this machine",
		"http://192.0.2.1/api":            "it must begin with https:// unless",
		"ftp://explorer.example":          "it must begin with https://",
		"https://me:secret@explorer.test": "a user or password in the URL",
		"https://me@explorer.test":        "a user or password in the URL",
		"https://explorer.example/?a=1":   "it must end with its path",
		"https://explorer.example/?":      "it must end with its path",
		"https://explorer.example/#a":     "it must end with its path",
		"https://me:secret@%zz":           "malformed URL",
	} {
		_, err := esplora.New(esplora.Config{URL: url, Network: bitcoin.Regtest})
		require.ErrorContains(t, err, want, url)
		require.NotContains(t, err.Error(), "secret")
	}
	for url, want := range map[string]string{
		"https://explorer.example/api//": "esplora https://explorer.example/api",
		"https://explorer.example":       "esplora https://explorer.example",
		"http://localhost:3000/":         "esplora http://localhost:3000",
		"http://127.0.0.1:3000/x/y":      "esplora http://127.0.0.1:3000/x/y",
		"http://[::1]:3000":              "esplora http://[::1]:3000",
	} {
		n, err := esplora.New(esplora.Config{URL: url, Network: bitcoin.Regtest})
		require.NoError(t, err)
		require.Equal(t, want, n.Source())
	}
	_, err := esplora.New(esplora.Config{URL: "https://explorer.example"})
	require.Error(t, err)
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	n, err := esplora.New(esplora.Config{URL: "http://" + l.Addr().String(), Network: bitcoin.Regtest})
	require.NoError(t, err)
	start := time.Now()
	err = n.Check(bounded(t), bitcoin.Regtest)
	require.Less(t, time.Since(start), 5*time.Second)
	require.ErrorIs(t, err, anchor.ErrUnreachable)
	require.ErrorContains(t, err, l.Addr().String())
	remedy(t, err)
}

func TestTLS(t *testing.T) {
	s := start(t, 1)
	server := httptest.NewUnstartedServer(s.faults)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that must fail
	server.StartTLS()
	defer server.Close()
	config := esplora.Config{URL: server.URL + "/api", Network: bitcoin.Regtest}
	n, err := esplora.New(config)
	require.NoError(t, err)
	err = n.Check(bounded(t), bitcoin.Regtest)
	require.ErrorContains(t, err, "the service's certificate is not accepted: ")
	require.Contains(t, remedy(t, err), "certificate")

	config.HTTP = server.Client()
	n, err = esplora.New(config)
	require.NoError(t, err)
	require.NoError(t, n.Check(bounded(t), bitcoin.Regtest))

	n, err = esplora.New(esplora.Config{URL: strings.Replace(s.server.URL, "http://", "https://", 1), Network: bitcoin.Regtest})
	require.NoError(t, err)
	err = n.Check(bounded(t), bitcoin.Regtest)
	require.ErrorContains(t, err, "the service does not speak TLS: ")
	require.Contains(t, remedy(t, err), "http://")
}

func TestUserAgent(t *testing.T) {
	s := start(t, 1)
	var got http.Header
	s.faults.Set("GET /api/block-height/0", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		got = r.Header.Clone()
		next.ServeHTTP(w, r)
	})
	require.NoError(t, s.Check(bounded(t), bitcoin.Regtest))
	require.Equal(t, http.Header{"User-Agent": {"gradseal"}}, got, "and nothing more of this machine")
}

// TestHostileCoins has a service name an output of a transaction without inputs,
// and outputs that are none.
func TestHostileCoins(t *testing.T) {
	s := start(t, 1)
	empty := wire.NewMsgTx(2)
	empty.AddTxOut(wire.NewTxOut(1, testnode.Script()))
	empty.AddTxOut(wire.NewTxOut(2, testnode.Script())) // of one output it would look like one with a witness
	var raw bytes.Buffer
	require.NoError(t, empty.SerializeNoWitness(&raw))
	id := bitcoin.Hash(empty.TxHash()).String()
	s.faults.Set("GET /api/scripthash/*/utxo", esploratest.Answer(200, "application/json",
		`[{"txid":"`+id+`","vout":0,"status":{"confirmed":true,"block_height":1,"block_hash":"`+s.blocks[1].String()+`"},"value":1}]`))
	s.faults.Set("GET /api/tx/*/hex", esploratest.Answer(200, "text/plain", hex.EncodeToString(raw.Bytes())))
	outs, err := s.Coins(bounded(t), testnode.Script())
	require.NoError(t, err)
	require.Equal(t, []wire.OutPoint{{Hash: empty.TxHash()}}, outs, "a claim, for the caller to look at")

	for body, want := range map[string]string{
		`{}`:                                "malformed answer: object at byte",
		`[{}]`:                              "malformed answer",
		`[{"txid":"` + id + `"}]`:           "malformed answer: no vout",
		`[{"txid":"` + id + `","vout":0}]`:  "malformed answer: no confirmed",
		`[{"txid":"` + id + `","vout":-1}]`: "malformed answer: number -1 at byte",
		`[{"txid":"` + id + `","vout":4294967296}]`: "malformed answer: number 4294967296 at byte",
	} {
		s.faults.Reset()
		s.faults.Set("GET /api/scripthash/*/utxo", esploratest.Answer(200, "application/json", body))
		_, err := s.Coins(bounded(t), testnode.Script())
		require.ErrorContains(t, err, want)
	}
}

// TestNothingLeftBehind asks often, and looks for goroutines.
func TestNothingLeftBehind(t *testing.T) {
	s := start(t, 3)
	s.server.CloseClientConnections()
	before := runtime.NumGoroutine()
	for range 20 {
		_, err := s.Header(bounded(t), s.blocks[2])
		require.NoError(t, err)
		_, err = s.Header(bounded(t), bitcoin.Hash{1})
		require.ErrorIs(t, err, anchor.ErrUnknownBlock)
	}
	s.faults.Set("GET /api/*/*/header", esploratest.Silence())
	n := s.client(esplora.Config{Timeout: 50 * time.Millisecond})
	for range 5 {
		_, err := n.Header(bounded(t), s.blocks[2])
		require.ErrorIs(t, err, anchor.ErrUnreachable)
	}
	s.server.CloseClientConnections()
	for deadline := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before+2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatal(errors.New(string(stacks[:runtime.Stack(stacks, true)])))
		}
	}
}

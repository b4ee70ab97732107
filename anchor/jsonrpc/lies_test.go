package jsonrpc_test

import (
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/anchor"
	"gradseal/anchor/btcd"
	"gradseal/anchor/jsonrpc"
	"gradseal/bitcoin"
	"gradseal/internal/testnode"
)

// lie is what to answer in place of the node; params are those of the request.
type lie func(params []any, answer any) any

// liar is a server with TLS that answers as a node does, but for some methods.
type liar struct {
	*httptest.Server
	t    testing.TB
	node *testnode.Node

	mu   sync.Mutex
	lies map[string]lie // by method
	told int            // lies
}

func startLiar(t testing.TB, n *testnode.Node) *liar {
	l := &liar{t: t, node: n}
	l.Server = httptest.NewTLSServer(http.HandlerFunc(l.answer))
	t.Cleanup(l.Close)
	return l
}

// connect is a btcd node that is the liar.
func (l *liar) connect() *btcd.Node {
	l.t.Helper()
	file := filepath.Join(l.t.TempDir(), "rpc.cert")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: l.Certificate().Raw})
	require.NoError(l.t, os.WriteFile(file, certificate, 0o600))
	node, err := btcd.New(btcd.Config{URL: l.URL, Login: jsonrpc.Password(l.node.User, l.node.Password), CertFile: file})
	require.NoError(l.t, err)
	return node
}

// tell sets the lies, and forgets how many were told.
func (l *liar) tell(lies map[string]lie) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lies, l.told = lies, 0
}

func (l *liar) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told
}

func (l *liar) answer(w http.ResponseWriter, r *http.Request) {
	var request struct {
		ID     uint64
		Method string
		Params []any
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	response := map[string]any{"id": request.ID}
	result, err := l.node.Try(request.Method, request.Params...)
	var refusal *testnode.RPCError
	switch {
	case errors.As(err, &refusal):
		response["error"] = refusal
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	default:
		response["result"] = result
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if invent, ok := l.lies[request.Method]; ok {
		var honest any
		_ = json.Unmarshal(result, &honest) // nil where the node refused
		response = map[string]any{"id": request.ID, "result": invent(request.Params, honest)}
		l.told++
	}
	_ = json.NewEncoder(w).Encode(response)
}

// always answers with the same.
func always(value any) lie { return func([]any, any) any { return value } }

// with answers with fields of the object in the node's answer changed.
func with(fields map[string]any) lie {
	return func(_ []any, answer any) any {
		object, ok := answer.(map[string]any)
		if !ok {
			object = make(map[string]any)
		}
		for name, value := range fields {
			object[name] = value
		}
		return object
	}
}

// TestLies has a btcd lie about a transaction, in each answer that Attest is
// made from. Whatever it says, there is an error, nothing, or the evidence that
// is true. It cannot be told here that a node withholds a block, or leaves out
// what it has: that gives nothing.
func TestLies(t *testing.T) {
	const nothing, truth = "nothing", "truth"
	n := testnode.StartBtcd(t)
	n.Mine(103)
	direct := programs[0].connect(t, n)
	ctx := t.Context()
	coins, err := direct.Coins(ctx, testnode.Script())
	require.NoError(t, err)
	raw := spend(t, direct, coins[0], 1, anchor.SatPerVByte)
	require.NoError(t, direct.Submit(ctx, raw))
	block := n.Mine(1)[0]
	absent := spend(t, direct, coins[1], 2, anchor.SatPerVByte) // in no block, nor waiting
	id, other := idOf(t, raw).String(), n.Block(50)
	var in struct {
		IDs []string `json:"tx"`
	}
	n.Call(&in, "getblock", block.String(), 1)
	first := in.IDs[0]
	require.Equal(t, []string{first, id}, in.IDs)

	header, err := direct.Header(ctx, block)
	require.NoError(t, err)
	forged := header
	copy(forged[36:68], make([]byte, 32)) // the root
	otherHeader, err := direct.Header(ctx, other)
	require.NoError(t, err)
	weak := header
	weak[75] = 0x1c // a target that no header here meets
	as := func(h bitcoin.Header) string { return hex.EncodeToString(h[:]) }
	otherTx := hex.EncodeToString(absent)

	placed := func(blockHash any) lie { return with(map[string]any{"blockhash": blockHash, "confirmations": 1}) }
	ids := func(ids ...any) lie { return with(map[string]any{"tx": ids}) }
	height := func(height any) lie { return with(map[string]any{"height": height}) }
	// An index that has nothing, so that the unspent outputs are asked for.
	noIndex := func(gettxout lie, more ...map[string]lie) map[string]lie {
		lies := map[string]lie{
			"getrawtransaction": with(map[string]any{"blockhash": other.String(), "confirmations": 0}),
			"getindexinfo":      always(map[string]any{}),
			"gettxout":          gettxout,
		}
		for _, m := range more {
			for method, l := range m {
				lies[method] = l
			}
		}
		return lies
	}
	unspent := func(best any, confirmations any) lie {
		return always(map[string]any{"bestblock": best, "confirmations": confirmations})
	}
	l := startLiar(t, n)
	node := l.connect()
	for _, tc := range []struct {
		name string
		raw  []byte
		lies map[string]lie
		want string // nothing, truth, or part of the error
	}{
		{"another transaction", raw, map[string]lie{"getrawtransaction": with(map[string]any{"txid": first, "hex": otherTx})}, truth},
		{"another block", raw, map[string]lie{"getrawtransaction": placed(other.String())}, "the chain was reorganised meanwhile"},
		{"no such block", raw, map[string]lie{"getrawtransaction": placed(bitcoin.Hash{1}.String())}, "Block not found"},
		{"a block that is no hash", raw, map[string]lie{"getrawtransaction": placed("x")}, "malformed hash"},
		{"a block that is no text", raw, map[string]lie{"getrawtransaction": placed(7)}, "malformed result"},
		{"no block", raw, map[string]lie{"getrawtransaction": placed("")}, nothing},
		{"no confirmation", raw, map[string]lie{"getrawtransaction": with(map[string]any{"confirmations": 0})}, nothing},
		{"confirmations below zero", raw, map[string]lie{"getrawtransaction": with(map[string]any{"confirmations": -1})}, nothing},
		{"many confirmations", raw, map[string]lie{"getrawtransaction": with(map[string]any{"confirmations": 1 << 40})}, truth},
		{"confirmations of too many digits", raw, map[string]lie{"getrawtransaction": with(map[string]any{"confirmations": 1e30})}, "malformed result"},
		{"in a block that has it not", absent, map[string]lie{"getrawtransaction": placed(block.String())}, "the chain was reorganised meanwhile"},
		{"in a block that is said to have it", absent, map[string]lie{
			"getrawtransaction": placed(block.String()), "getblock": ids(first, idOf(t, absent).String()),
		}, "in block " + block.String() + ": "},
		{"in a block that is said to have it too", absent, map[string]lie{
			"getrawtransaction": placed(block.String()), "getblock": ids(first, id, idOf(t, absent).String()),
		}, "in block " + block.String() + ": "},
		{"in a block of its own", absent, map[string]lie{
			"getrawtransaction": placed(block.String()), "getblock": ids(idOf(t, absent).String()),
		}, "in block " + block.String() + ": "},

		{"another header", raw, map[string]lie{"getblockheader": always(as(otherHeader))}, "the node answers with the header of block " + other.String()},
		{"a header with another root", raw, map[string]lie{"getblockheader": always(as(forged))}, "the node answers with the header of block " + forged.Hash().String()},
		{"half a header", raw, map[string]lie{"getblockheader": always(as(header)[:80])}, "malformed block header"},
		{"no header", raw, map[string]lie{"getblockheader": always(nil)}, "malformed block header"},
		{"a block without work", raw, map[string]lie{
			"getrawtransaction": placed(weak.Hash().String()),
			"getblockheader":    always(as(weak)),
			"getblock":          always(map[string]any{"height": 104, "tx": in.IDs}),
			"getblockhash":      always(weak.Hash().String()),
		}, "in block " + weak.Hash().String() + ": "},

		{"ids in another order", raw, map[string]lie{"getblock": ids(id, first)}, "in block " + block.String() + ": "},
		{"alone in the block", raw, map[string]lie{"getblock": ids(id)}, "in block " + block.String() + ": "},
		{"not in the block", raw, map[string]lie{"getblock": ids(first)}, "the chain was reorganised meanwhile"},
		{"another id beside it", raw, map[string]lie{"getblock": ids(bitcoin.Hash{1}.String(), id)}, "in block " + block.String() + ": "},
		{"one more id", raw, map[string]lie{"getblock": ids(first, id, id)}, "in block " + block.String() + ": "},
		{"no id beside it", raw, map[string]lie{"getblock": ids("x", id)}, "malformed hash"},
		{"no ids", raw, map[string]lie{"getblock": ids()}, "the chain was reorganised meanwhile"},
		{"another height", raw, map[string]lie{"getblock": height(50)}, "the chain was reorganised meanwhile"},
		{"a height above the tip", raw, map[string]lie{"getblock": height(105)}, "the chain was reorganised meanwhile"},
		{"a height below zero", raw, map[string]lie{"getblock": height(-1)}, "invalid height -1"},
		{"a height of 33 bits", raw, map[string]lie{"getblock": height(1 << 32)}, "invalid height 4294967296"},
		{"another block at the height", raw, map[string]lie{"getblockhash": always(other.String())}, "the chain was reorganised meanwhile"},

		{"unspent and deeper", raw, noIndex(unspent(block.String(), 54)), "the chain was reorganised meanwhile"},
		{"unspent below the first block", raw, noIndex(unspent(block.String(), 200)), "the node does not know the block at height -95"},
		{"unspent as far down as numbers go", raw, noIndex(unspent(block.String(), int64(-1<<63))), truth},
		{"unspent in a chain that nobody has", raw, noIndex(unspent(bitcoin.Hash{1}.String(), 1)), "Block not found"},
		{"unspent in another block", raw, noIndex(unspent(other.String(), 1)), "the chain was reorganised meanwhile"},
		{"unspent in no block", raw, noIndex(unspent("", 1)), "malformed hash"},
		{"unspent and waiting", raw, noIndex(unspent(block.String(), 0)), truth},
		{"unspent", raw, noIndex(unspent(block.String(), 1)), truth},
		{"spent", raw, noIndex(always(nil)), truth},
		{"unspent, of no block", absent, noIndex(unspent(block.String(), 1)), "the chain was reorganised meanwhile"},
		{"in a block that is looked through", absent, noIndex(always(nil), map[string]lie{
			"getblock": ids(first, idOf(t, absent).String()),
		}), "in block "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l.tell(tc.lies)
			evidence, err := node.Attest(ctx, tc.raw, 100)
			require.NotZero(t, l.count())
			switch tc.want {
			case nothing:
				require.NoError(t, err)
				require.Nil(t, evidence)
			case truth:
				require.NoError(t, err)
				requireEvidence(t, evidence, raw, block, 104)
			default:
				require.ErrorContains(t, err, tc.want)
				require.Nil(t, evidence)
			}
		})
	}

	t.Run("Transaction", func(t *testing.T) {
		for text, want := range map[string]string{
			otherTx:                        "the node answers with transaction " + idOf(t, absent).String(),
			hex.EncodeToString(raw[:99]):   "malformed transaction",
			hex.EncodeToString(raw) + "00": "left over",
			"x":                            "malformed transaction",
		} {
			l.tell(map[string]lie{"getrawtransaction": always(text)})
			stripped, err := node.Transaction(ctx, idOf(t, raw))
			require.ErrorContains(t, err, want)
			require.Nil(t, stripped)
		}
	})

	l.tell(nil)
	evidence, err := node.Attest(ctx, raw, 100)
	require.NoError(t, err)
	requireEvidence(t, evidence, raw, block, 104)
}

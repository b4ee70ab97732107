package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/internal/esploratest"
	"gradseal/internal/testnode"
)

// These tests run the program against real nodes on regtest, the network on
// which the tests make the blocks: the same code sends to the public networks.

// branch is a registrar who anchors through a node.
type branch struct {
	*registrar
	t    *testing.T
	node *testnode.Node
	via  []string
}

// newBranch makes a registrar with an issuer and with the key that the node's
// blocks pay to.
func newBranch(t *testing.T, node *testnode.Node) *branch {
	t.Helper()
	b := &branch{registrar: newRegistrar(t, builtProgram(t)), t: t, node: node}
	b.file("password", node.Password+"\n")
	if node.Program == "btcd" {
		b.goVia(node.RPCURL, node.CertFile)
		wif, err := btcutil.NewWIF(testnode.Key(), &chaincfg.RegressionNetParams, true)
		require.NoError(t, err)
		b.file("coin.wif", wif.String()+"\n")
		b.gradseal("coin", "import", "--network", "regtest", "--unsafe-no-passphrase", "coin.wif")
	} else {
		b.via = []string{"--via", "bitcoind", "--node", node.RPCURL, "--node-cookie", node.CookieFile}
	}
	b.gradseal("issuer", "create", "--id", "uni.example/registrar", "--name", "University of Example", "--unsafe-no-passphrase", "--no-recovery")
	return b
}

// goVia sends the commands to a btcd, or a proxy before one.
func (b *branch) goVia(url, cert string) {
	b.via = []string{"--via", "btcd", "--node", url, "--node-user", b.node.User, "--node-password-file", "password", "--node-cert", cert}
}

func (b *branch) file(name, text string) {
	b.t.Helper()
	require.NoError(b.t, os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600))
}

func (b *branch) gradseal(args ...string) string {
	b.t.Helper()
	return b.run(b.t, args...)
}

// anchor anchors a new folder, with the node's flags.
func (b *branch) anchor(folder string, args ...string) string {
	b.t.Helper()
	return b.gradseal(append(append([]string{"anchor", "--network", "regtest", folder}, b.via...), args...)...)
}

func (b *branch) upgrade(args ...string) string {
	b.t.Helper()
	return b.gradseal(append(append([]string{"upgrade", "--network", "regtest"}, b.via...), args...)...)
}

// fails runs a command that must fail and returns what it said.
func (b *branch) fails(args ...string) string {
	b.t.Helper()
	out, err := b.command(b.t.Context(), append(args, b.via...)...).CombinedOutput()
	require.Error(b.t, err, "%s", out)
	require.Contains(b.t, string(out), "gradseal: error: ")
	return string(out)
}

// verdict is what verify says about the folder.
func (b *branch) verdict(folder string) string {
	b.t.Helper()
	out, _ := b.command(b.t.Context(), "verify", "--network", "regtest", "--json", folder).Output()
	verdicts := make(map[string]int)
	lines := json.NewDecoder(strings.NewReader(string(out)))
	for lines.More() {
		var one struct{ Verdict string }
		require.NoError(b.t, lines.Decode(&one))
		verdicts[one.Verdict]++
	}
	require.Len(b.t, verdicts, 1, "%s", out)
	for verdict := range verdicts {
		return verdict
	}
	return ""
}

// batch is that of the newest folder.
func (b *branch) batch() *batch.Batch {
	b.t.Helper()
	list, err := batch.Open(filepath.Join(b.home(), "batches")).List()
	require.NoError(b.t, err)
	newest := filepath.Join(b.dir, b.folders[len(b.folders)-1])
	for _, one := range list {
		if filepath.Dir(one.Documents[0].Path) == newest {
			return one
		}
	}
	require.Fail(b.t, "no batch of "+newest)
	return nil
}

// commitments counts the transactions of the node's best chain that commit to a
// batch root.
func (b *branch) commitments() map[string]int {
	b.t.Helper()
	return b.commitmentsFrom(0)
}

// commitmentsFrom is commitments, in blocks from a height on.
func (b *branch) commitmentsFrom(height int) map[string]int {
	b.t.Helper()
	found := make(map[string]int)
	for tip := b.node.Height(); height <= tip; height++ {
		var block struct {
			Tx []struct {
				Vout []struct{ ScriptPubKey struct{ Hex string } }
			}
			RawTx []struct {
				Vout []struct{ ScriptPubKey struct{ Hex string } }
			}
		}
		b.node.Call(&block, "getblock", b.node.Block(height).String(), 2)
		for _, tx := range append(block.Tx, block.RawTx...) {
			for _, out := range tx.Vout {
				if root, ok := strings.CutPrefix(out.ScriptPubKey.Hex, "6a2447534c31"); ok {
					found[root]++
				}
			}
		}
	}
	return found
}

// startNode starts the kind of node, with blocks that can be spent.
func startNode(t *testing.T, program string) *testnode.Node {
	t.Helper()
	if program == "bitcoind" {
		node := testnode.StartBitcoind(t)
		node.CreateWallet("registrar", 3)
		return node
	}
	node := testnode.StartBtcd(t)
	node.Mine(105)
	return node
}

func eachNode(t *testing.T, test func(t *testing.T, node *testnode.Node)) {
	for _, program := range []string{"btcd", "bitcoind"} {
		t.Run(program, func(t *testing.T) { test(t, startNode(t, program)) })
	}
}

// TestNetwork: from a folder to proofs that a second person, with another home
// and nothing but the issuer's pack, finds VALID.
func TestNetwork(t *testing.T) {
	t.Parallel()
	eachNode(t, func(t *testing.T, node *testnode.Node) {
		b := newBranch(t, node)
		folder := b.addFolder(t, 3)
		out := b.anchor(folder, "--dry-run")
		require.Contains(t, out, "spends ")
		require.Contains(t, out, "change ")
		require.NotContains(t, out, "gradseal: error")

		out = b.anchor(folder)
		require.Contains(t, out, "Sent the transaction for 3 documents to regtest")
		require.Contains(t, out, "Wrote 3 pending proofs")
		require.Equal(t, "pending", b.verdict(folder))
		require.Contains(t, b.upgrade(), "is in no block yet")
		require.Contains(t, b.gradseal("batches"), "sent ")

		node.Mine(1)
		require.Contains(t, b.upgrade(), "Wrote 3 proofs")
		require.Equal(t, batch.Complete, b.batch().State())
		require.Equal(t, "valid", b.verdict(folder))
		require.Len(t, b.commitments(), 1)
		node.Mine(2)
		require.Contains(t, b.upgrade(), "all complete")
		require.Regexp(t, `complete +3 +regtest .* 3 `, b.gradseal("batches"))

		b.gradseal("issuer", "pack", "-o", "uni.pack")
		var shown struct{ Fingerprint string }
		require.NoError(t, json.Unmarshal([]byte(b.gradseal("issuer", "show", "--json")), &shown))
		second := &branch{registrar: newRegistrar(t, b.program), t: t, node: node}
		second.gradseal("trust", "add", "--fingerprint", shown.Fingerprint, filepath.Join(b.dir, "uni.pack"))
		require.Equal(t, "valid", second.verdict(filepath.Join(b.dir, folder)))
	})
}

// TestReorganised: blocks leave the chain, 1 and 8 deep, before and after the
// proofs were complete.
func TestReorganised(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"btcd", "bitcoind"} {
		t.Run(program, func(t *testing.T) {
			node := startNode(t, program)
			other := startOther(t, program)
			b := newBranch(t, node)
			for _, depth := range []int{1, 8} {
				b.reorganise(other, depth, false)
				b.reorganise(other, depth, true)
			}
			for root, n := range b.commitments() {
				require.Equal(t, 1, n, root)
			}
			require.Equal(t, "valid", b.verdict("."))
		})
	}
}

// startOther starts a node without blocks.
func startOther(t *testing.T, program string) *testnode.Node {
	if program == "bitcoind" {
		return testnode.StartBitcoind(t)
	}
	return testnode.StartBtcd(t)
}

// reorganise anchors a folder, has its block and those above leave the chain,
// and follows it until its proofs are complete. complete says that they are so
// before, too.
func (b *branch) reorganise(other *testnode.Node, depth int, complete bool) {
	t := b.t
	t.Helper()
	other.Connect(b.node)
	other.Disconnect()
	folder := b.addFolder(t, 2)
	confirmations := []string{"--confirmations", strconv.Itoa(depth + 1)}
	if complete {
		confirmations[1] = strconv.Itoa(depth)
	}
	b.anchor(folder, confirmations...)
	b.node.Mine(depth)
	b.upgrade(confirmations...)
	require.Equal(t, complete, b.batch().State() == batch.Complete)
	require.Equal(t, map[bool]string{false: "pending", true: "valid"}[complete], b.verdict(folder))
	old := b.batch().Attestation.Header

	b.node.Replace(depth, other)
	require.Contains(t, b.upgrade(confirmations...), "has left the chain")
	require.Equal(t, batch.Funded, b.batch().State())
	require.Equal(t, "pending", b.verdict(folder))
	require.Contains(t, b.upgrade(confirmations...), "is in no block yet")

	b.node.Mine(depth + 1)
	require.Contains(t, b.upgrade(confirmations...), "Wrote 2 proofs")
	require.Equal(t, batch.Complete, b.batch().State())
	require.NotEqual(t, old, b.batch().Attestation.Header)
	require.Equal(t, "valid", b.verdict(folder))
	lines := b.gradseal("journal", "show", "--batch", b.batch().ID)
	require.Equal(t, 1, strings.Count(lines, " reorg "), lines)
	require.Equal(t, 2, strings.Count(lines, " confirm "), lines)
}

// TestBump: a transaction is replaced, and whichever version a block has is the
// one that the proofs carry.
func TestBump(t *testing.T) {
	t.Parallel()
	eachNode(t, func(t *testing.T, node *testnode.Node) {
		b := newBranch(t, node)
		folder := b.addFolder(t, 2)
		b.anchor(folder, "--fee-rate", "1")
		id := b.batch().ID
		b.fails("bump", id, "--fee-rate", "1")
		require.Contains(t, b.fails("bump", id, "--fee-rate", "900"), "--max-fee")
		b.gradseal(append([]string{"bump", id, "--fee-rate", "5"}, b.via...)...)
		require.Len(t, b.batch().Transactions, 2)
		node.Mine(1)
		b.upgrade()
		require.Equal(t, "valid", b.verdict(folder))
		require.Contains(t, b.fails("bump", id), "nothing to bump")
		at, err := bitcoin.ParseTransaction(b.batch().Attestation.Transaction)
		require.NoError(t, err)
		require.Contains(t, b.gradseal("batches", id), at.ID().String())
		require.Len(t, b.commitments(), 1)
	})
}

// TestOriginalConfirms: the replacement is on disk and was sent, and yet the
// first version is the one that a block has.
func TestOriginalConfirms(t *testing.T) {
	t.Parallel()
	node := startNode(t, "btcd")
	other := testnode.StartBtcd(t)
	other.Connect(node)
	other.WaitForTip(node)
	b := newBranch(t, node)
	folder := b.addFolder(t, 2)
	b.anchor(folder, "--fee-rate", "1")
	first := b.batch().Transactions[0]
	node.Disconnect()
	b.gradseal(append([]string{"bump", b.batch().ID, "--fee-rate", "7"}, b.via...)...)
	other.Call(nil, "sendrawtransaction", hexOf(first))
	other.Mine(2)
	node.Connect(other)
	node.WaitForTip(other)
	b.upgrade()
	require.Equal(t, "valid", b.verdict(folder))
	require.Equal(t, idOf(t, first), attestedID(t, b))
	require.Len(t, b.commitments(), 1)
}

// TestFaults loses every message between tool and node, one at a time: the same
// command again ends with one transaction and all proofs. Which way a message is
// lost in differs from run to run; with many rounds of killing it is each way.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a fault at each message of a run takes a minute")
	}
	t.Parallel()
	node := startNode(t, "btcd")
	proxy := testnode.StartProxy(t, node.RPCURL, node.CertPEM)
	b := newBranch(t, node)
	b.goVia(proxy.URL, proxy.CertFile)
	proxy.Plan(nil)
	b.anchor(b.addFolder(t, 1)) // how many messages a run has
	messages := proxy.Count()
	require.Greater(t, messages, 5)
	node.Mine(1)
	b.upgrade()
	kinds := []testnode.FaultKind{testnode.DropBefore, testnode.DropAfter, testnode.Truncate, testnode.Cut}
	ways := 1
	if rounds(t) >= 1000 {
		ways = len(kinds)
	}
	first := seeded(t).IntN(len(kinds))
	for n := range messages {
		for way := range ways {
			kind := kinds[(first+n+way)%len(kinds)]
			folder := b.addFolder(t, 1)
			proxy.FaultAt(n, testnode.Fault{Kind: kind})
			args := append([]string{"anchor", "--network", "regtest", folder}, b.via...)
			out, err := b.command(t.Context(), args...).CombinedOutput()
			if err != nil {
				require.Contains(t, string(out), "gradseal: hint: ")
				proxy.Plan(nil)
				b.gradseal(args...)
			}
		}
		node.Mine(1)
		b.upgrade()
	}
	for _, folder := range b.folders {
		require.Equal(t, "valid", b.verdict(folder))
	}
	commitments := b.commitments()
	require.Len(t, commitments, len(b.folders))
	for root, n := range commitments {
		require.Equal(t, 1, n, root)
	}
}

// TestFaultsOfUpgrade does the same while the proofs are completed.
func TestFaultsOfUpgrade(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a fault at each message of a run takes a while")
	}
	t.Parallel()
	node := startNode(t, "btcd")
	proxy := testnode.StartProxy(t, node.RPCURL, node.CertPEM)
	b := newBranch(t, node)
	b.goVia(proxy.URL, proxy.CertFile)
	for n := 0; ; n++ {
		folder := b.addFolder(t, 1)
		proxy.Plan(nil)
		b.anchor(folder)
		node.Mine(1)
		kind := []testnode.FaultKind{testnode.DropBefore, testnode.DropAfter, testnode.Truncate, testnode.Cut}[n%4]
		proxy.FaultAt(n, testnode.Fault{Kind: kind, Delay: 20 * time.Millisecond})
		out, err := b.command(t.Context(), append([]string{"upgrade", "--network", "regtest"}, b.via...)...).CombinedOutput()
		if n >= proxy.Count() {
			require.NoError(t, err, "%s", out)
			break
		}
		proxy.Plan(nil)
		b.upgrade()
		require.Equal(t, "valid", b.verdict(folder))
	}
}

// TestAnotherWay: a batch that was sent through one node is completed through
// another, and through an Esplora service.
func TestAnotherWay(t *testing.T) {
	t.Parallel()
	node := startNode(t, "btcd")
	b := newBranch(t, node)
	folder := b.addFolder(t, 2)
	b.anchor(folder)
	other := testnode.StartBtcd(t)
	other.Connect(node)
	node.Mine(1)
	other.WaitForTip(node)
	node.Stop()
	b.node = other
	b.file("password", other.Password+"\n")
	b.goVia(other.RPCURL, other.CertFile)
	b.upgrade()
	require.Equal(t, "valid", b.verdict(folder))

	folder = b.addFolder(t, 1)
	b.anchor(folder)
	other.Mine(1)
	b.goViaEsplora()
	b.upgrade()
	require.Equal(t, "valid", b.verdict(folder))
}

// TestEsplora: the whole way with nothing but a public service.
func TestEsplora(t *testing.T) {
	t.Parallel()
	node := startNode(t, "btcd")
	b := newBranch(t, node)
	api := b.goViaEsplora()
	folder := b.addFolder(t, 2)
	b.anchor(folder)
	require.Equal(t, "pending", b.verdict(folder))
	node.Mine(1)

	// A service that lies costs nothing but time.
	for _, lie := range esploratest.Lies() {
		name := lie.Name
		api.Reset()
		api.Set(lie.Pattern, lie.Fault)
		out, err := b.command(t.Context(), append([]string{"upgrade", "--network", "regtest"}, b.via...)...).CombinedOutput()
		if err == nil {
			// It was not asked what it lies about, or seems to know nothing.
			require.Contains(t, []string{"valid", "pending"}, b.verdict(folder), "%s: %s", name, out)
			continue
		}
		require.Contains(t, string(out), "gradseal: error: ", name)
	}
	api.Reset()
	b.upgrade()
	require.Equal(t, "valid", b.verdict(folder))
	require.Len(t, b.commitments(), 1)
}

// goViaEsplora sends the commands to an Esplora service for the node's chain.
func (b *branch) goViaEsplora() *esploratest.Faults {
	b.t.Helper()
	api, err := esploratest.New(b.node.RPCURL, b.node.User, b.node.Password, b.node.CertPEM)
	require.NoError(b.t, err)
	faults := esploratest.Spoil(api)
	server := httptest.NewServer(http.StripPrefix("/api", faults))
	b.t.Cleanup(server.Close)
	b.via = []string{"--via", "esplora", "--node", server.URL + "/api"}
	return faults
}

func hexOf(raw []byte) string {
	const digits = "0123456789abcdef"
	var out strings.Builder
	for _, c := range raw {
		out.WriteByte(digits[c>>4])
		out.WriteByte(digits[c&15])
	}
	return out.String()
}

func idOf(t *testing.T, raw []byte) bitcoin.Hash {
	t.Helper()
	tx, err := btcutil.NewTxFromBytes(raw)
	require.NoError(t, err)
	return bitcoin.Hash(*tx.Hash())
}

func attestedID(t *testing.T, b *branch) bitcoin.Hash {
	t.Helper()
	a := b.batch().Attestation
	require.NotNil(t, a)
	tx, err := bitcoin.ParseTransaction(a.Transaction)
	require.NoError(t, err)
	return tx.ID()
}

// TestTroubles: everything that an institution's node can be like has its own
// message and says what to do; nothing is lost.
func TestTroubles(t *testing.T) {
	t.Parallel()
	node := startNode(t, "btcd")
	b := newBranch(t, node)
	folder := b.addFolder(t, 1)
	anchor := []string{"anchor", "--network", "regtest", folder}
	via := b.via

	b.file("wrong", "not the password\n")
	b.via = []string{"--via", "btcd", "--node", node.RPCURL, "--node-user", node.User, "--node-password-file", "wrong", "--node-cert", node.CertFile}
	require.Contains(t, b.fails(anchor...), "the node refuses user name and password")
	other := testnode.StartBtcd(t)
	b.via = []string{"--via", "btcd", "--node", node.RPCURL, "--node-user", node.User, "--node-password-file", "password", "--node-cert", other.CertFile}
	require.Contains(t, b.fails(anchor...), "certificate")
	b.via = []string{"--via", "btcd", "--node", "https://127.0.0.1:1", "--node-user", "x", "--node-password-file", "password", "--node-cert", node.CertFile}
	require.Contains(t, b.fails(anchor...), "start the node")
	b.via = via
	require.Contains(t, b.fails("headers", "sync", "--network", "testnet4"), "the node is on regtest, want testnet4")
	require.Contains(t, b.fails(append(anchor, "--max-fee", "10")...), "--max-fee 1")
	require.Contains(t, b.fails(append(anchor, "--input", strings.Repeat("0", 64)+":0")...), "the node does not know the transaction")
	require.Contains(t, b.fails(append(anchor, "--input", "x")...), "want TXID:VOUT")

	// A home whose address holds nothing.
	poor := &branch{registrar: newRegistrar(t, b.program), t: t, node: node, via: via}
	poor.file("password", node.Password+"\n")
	poor.addFolder(t, 1)
	require.Contains(t, poor.fails(append(anchor[:3:3], poor.folders[0])...), "gradseal coin create --network regtest")
	address := strings.TrimSpace(poor.gradseal("coin", "create", "--network", "regtest", "--unsafe-no-passphrase", "--quiet"))
	require.Contains(t, poor.fails(append(anchor[:3:3], poor.folders[0])...), "not enough money")
	require.NotEmpty(t, address)

	// Its coin is spent by a transaction of somebody else.
	b.anchor(folder)
	require.Equal(t, "pending", b.verdict(folder))
	first := b.batch()
	node.Stop()
	node.Restart() // btcd forgets its regtest chain: another one, with other coins
	node.Mine(105)
	b.via = via
	b.goVia(node.RPCURL, node.CertFile)
	out := b.fails("upgrade", "--network", "regtest")
	require.Contains(t, out, "gradseal headers sync --network regtest --from btcd")
	b.gradseal(append([]string{"headers", "sync", "--network", "regtest", "--replace"}, b.via...)...)
	require.Contains(t, b.fails("upgrade", "--network", "regtest"), "gradseal bump --other-coin "+first.ID)
	require.Equal(t, first.Transactions, b.batch().Transactions)
	b.gradseal(append([]string{"bump", "--other-coin", first.ID}, b.via...)...)
	node.Mine(1)
	b.upgrade()
	require.Equal(t, "valid", b.verdict(folder))
	require.Equal(t, first.Statement, b.batch().Statement)
}

// TestHeaders: the header chain of a verifier who has a node, and of one behind
// an air gap.
func TestHeaders(t *testing.T) {
	t.Parallel()
	eachNode(t, func(t *testing.T, node *testnode.Node) {
		b := &branch{registrar: newRegistrar(t, builtProgram(t)), t: t, node: node}
		p2p := []string{"--network", "regtest", "--from", "p2p:" + node.P2PAddr}
		height := node.Height()
		out := b.gradseal(append([]string{"headers", "sync"}, p2p...)...)
		require.Contains(t, out, "up to height "+strconv.Itoa(height))
		require.Contains(t, out, node.Tip().String())
		require.Contains(t, out, "p2p:")

		var audited struct {
			To        int
			Hash      string
			Chainwork string
			Headers   int
			Proven    bool
		}
		require.NoError(t, json.Unmarshal([]byte(b.gradseal("headers", "audit", "--network", "regtest", "--json")), &audited))
		require.Equal(t, height, audited.To)
		require.Equal(t, height+1, audited.Headers)
		require.Equal(t, node.Tip().String(), audited.Hash)
		require.True(t, audited.Proven)
		if node.Program == "bitcoind" { // btcd does not tell
			var header struct{ Chainwork string }
			node.Call(&header, "getblockheader", node.Tip().String())
			require.Equal(t, header.Chainwork, audited.Chainwork)
		}

		// Across an air gap, twice: the second file begins where the first ends.
		b.gradseal("headers", "export", "--network", "regtest", "-o", "one.headers")
		node.Mine(3)
		b.gradseal(append([]string{"headers", "sync"}, p2p...)...)
		b.gradseal("headers", "export", "--network", "regtest", "--range", strconv.Itoa(height+1)+"-"+strconv.Itoa(height+3), "-o", "two.headers")
		offline := &branch{registrar: newRegistrar(t, b.program), t: t, node: node}
		one, two := filepath.Join(b.dir, "one.headers"), filepath.Join(b.dir, "two.headers")
		require.Contains(t, offline.fails("headers", "import", two), "import a file with the headers before it first")
		offline.gradseal("headers", "import", one)
		require.Contains(t, offline.gradseal("headers", "import", two), node.Tip().String())
		require.Contains(t, offline.gradseal("headers", "status"), "up to height "+strconv.Itoa(height+3))

		// A file that was tampered with is refused, and so is a chain that disagrees.
		data, err := os.ReadFile(two)
		require.NoError(t, err)
		data[len(data)-1] ^= 1
		b.file("bad.headers", string(data))
		require.NotEmpty(t, offline.fails("headers", "import", filepath.Join(b.dir, "bad.headers")))
		other := startOther(t, node.Program)
		other.Mine(height + 10)
		fails := []string{"headers", "sync", "--network", "regtest", "--from", "p2p:" + other.P2PAddr}
		require.Contains(t, b.fails(fails...), "--replace")
		require.Contains(t, b.gradseal("headers", "status", "--network", "regtest"), node.Tip().String())
		require.Contains(t, b.gradseal(append(fails, "--replace")...), other.Tip().String())
		require.Contains(t, b.fails("headers", "sync", "--network", "testnet4", "--from", "p2p:"+node.P2PAddr), "regtest")
	})
}

// TestKilledOnNetwork kills the program at random times while it anchors,
// bumps and completes through a node, and runs the same command again: one
// transaction for each batch in the chain, and every proof VALID.
func TestKilledOnNetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: killing the program many times takes a while")
	}
	t.Parallel()
	eachNode(t, func(t *testing.T, node *testnode.Node) {
		rng := seeded(t)
		b := newBranch(t, node)
		kills := 0
		// until kills the command at random times until it has once finished.
		until := func(args ...string) {
			t.Helper()
			args = append(args, b.via...)
			begin := time.Now()
			for range 4 {
				cmd := b.command(t.Context(), args...)
				require.NoError(t, cmd.Start())
				kill := time.AfterFunc(time.Duration(rng.Int64N(int64(120*time.Millisecond))), func() { cmd.Process.Kill() })
				if cmd.Wait() != nil {
					kills++
				}
				kill.Stop()
			}
			t.Logf("%s: %v, %d kills so far", args[0], time.Since(begin).Round(time.Millisecond), kills)
		}
		for range rounds(t) / 8 {
			folder := b.addFolder(t, 1+rng.IntN(30))
			until("anchor", "--network", "regtest", folder)
			b.anchor(folder)
			if rng.IntN(2) == 0 {
				until("bump", b.batch().ID, "--fee-rate", strconv.Itoa(2+rng.IntN(5)))
			}
			node.Mine(1)
			until("upgrade", "--network", "regtest")
			b.upgrade()
			require.Equal(t, batch.Complete, b.batch().State())
			require.Equal(t, "valid", b.verdict(folder))
		}
		require.Positive(t, kills)
		commitments := b.commitments()
		require.Len(t, commitments, len(b.folders))
		for root, n := range commitments {
			require.Equal(t, 1, n, root)
		}
		b.checkHome(t)
	})
}

// TestDropped: the node forgets the transaction and the wallet's locks, and the
// same bytes are sent again.
func TestDropped(t *testing.T) {
	t.Parallel()
	node := testnode.StartBitcoind(t, "-persistmempool=0", "-walletbroadcast=0")
	node.CreateWallet("registrar", 1)
	b := newBranch(t, node)
	folder := b.addFolder(t, 1)
	b.anchor(folder)
	sent := b.batch().Transactions
	node.Stop()
	node.Restart()
	var waiting []string
	node.Call(&waiting, "getrawmempool")
	require.Empty(t, waiting)
	b.upgrade() // needs no wallet
	node.Call(&waiting, "getrawmempool")
	require.Equal(t, []string{idOf(t, sent[0]).String()}, waiting)
	require.Equal(t, sent, b.batch().Transactions)
	node.Mine(1)
	b.upgrade()
	require.Equal(t, "valid", b.verdict(folder))

	require.Contains(t, b.fails("anchor", "--network", "regtest", b.addFolder(t, 1)), "bitcoin-cli loadwallet registrar")
	node.Call(nil, "loadwallet", "registrar")
	b.anchor(b.folders[1])
}

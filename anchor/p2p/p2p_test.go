package p2p_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/anchor"
	"gradseal/anchor/p2p"
	"gradseal/bitcoin"
	"gradseal/internal/testnode"
)

// bounded is a context that ends before the test binary's patience does.
func bounded(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func dial(t testing.TB, address string) *p2p.Client {
	t.Helper()
	c, err := p2p.Dial(bounded(t), address, bitcoin.Regtest)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func genesis() bitcoin.Hash { return bitcoin.Regtest.Genesis().Hash() }

// sync asks for headers until there are no more.
func sync(t testing.TB, c *p2p.Client, from ...bitcoin.Hash) []bitcoin.Header {
	t.Helper()
	var all []bitcoin.Header
	for {
		hs, err := c.Headers(bounded(t), from)
		require.NoError(t, err)
		if len(hs) == 0 {
			return all
		}
		all = append(all, hs...)
		from = []bitcoin.Hash{hs[len(hs)-1].Hash()}
	}
}

// mine makes so many blocks that the node needs several messages for them.
func mine(n *testnode.Node, count int) []bitcoin.Hash {
	var ids []bitcoin.Hash
	for count > 0 {
		some := min(count, 500)
		ids = append(ids, n.Mine(some)...)
		count -= some
	}
	return ids
}

// onEach runs a test with each node program.
func onEach(t *testing.T, test func(t *testing.T, start func() *testnode.Node)) {
	t.Helper()
	t.Run("btcd", func(t *testing.T) { test(t, func() *testnode.Node { return testnode.StartBtcd(t) }) })
	t.Run("bitcoind", func(t *testing.T) { test(t, func() *testnode.Node { return testnode.StartBitcoind(t) }) })
}

func TestHeaders(t *testing.T) {
	counts := map[string]int{"btcd": 4321, "bitcoind": 2321} // which mines more slowly
	onEach(t, func(t *testing.T, start func() *testnode.Node) {
		n := start()
		testHeaders(t, n, mine(n, counts[n.Program]))
	})
}

func testHeaders(t *testing.T, n *testnode.Node, ids []bitcoin.Hash) {
	tip := len(ids) - 1
	c := dial(t, n.P2PAddr)
	require.Equal(t, "p2p:"+n.P2PAddr, c.Source())
	require.Positive(t, c.Height(), "what the node says may be late")

	hs, err := c.Headers(bounded(t), []bitcoin.Hash{genesis()})
	require.NoError(t, err)
	require.Len(t, hs, 2000, "as many as one message holds")

	all := sync(t, c, genesis())
	require.Len(t, all, len(ids))
	for i, h := range all {
		require.Equal(t, ids[i], h.Hash(), "height %d", i+1)
		require.NoError(t, h.CheckWork())
	}

	// The first block of the locator that the node has counts.
	hs, err = c.Headers(bounded(t), []bitcoin.Hash{{1}, ids[tip-320], ids[10], genesis()})
	require.NoError(t, err)
	require.Equal(t, all[tip-319:], hs)

	// A longer locator than nodes read is cut, not at its end.
	long := make([]bitcoin.Hash, 150)
	for i := range long {
		long[i][0] = byte(i)
		long[i][1] = 1
	}
	long = append(long, ids[tip-20])
	hs, err = c.Headers(bounded(t), long)
	require.NoError(t, err)
	require.Equal(t, all[tip-19:], hs)

	for _, from := range [][]bitcoin.Hash{{ids[tip]}, {{1}, ids[tip]}} {
		hs, err = c.Headers(bounded(t), from)
		require.NoError(t, err)
		require.Empty(t, hs)
	}
	_, err = c.Headers(bounded(t), []bitcoin.Hash{{1}, {2}})
	require.ErrorIs(t, err, anchor.ErrUnknownBlock)
	_, err = c.Headers(bounded(t), nil)
	require.ErrorContains(t, err, "the locator is empty")

	// What the node did not find is no reason to part from it.
	n.Mine(2)
	require.Len(t, sync(t, c, ids[tip]), 2)
}

func TestHeader(t *testing.T) {
	onEach(t, func(t *testing.T, start func() *testnode.Node) { testHeader(t, start()) })
}

func testHeader(t *testing.T, n *testnode.Node) {
	ids := mine(n, 20)
	c := dial(t, n.P2PAddr)
	for _, id := range append(ids, genesis()) {
		h, err := c.Header(bounded(t), id)
		require.NoError(t, err)
		require.Equal(t, id, h.Hash())
	}
	for _, id := range []bitcoin.Hash{{}, {1}, bitcoin.Mainnet.Genesis().Hash()} {
		_, err := c.Header(bounded(t), id)
		require.ErrorIs(t, err, anchor.ErrUnknownBlock)
	}
}

// TestReorganisation follows a node into another chain.
func TestReorganisation(t *testing.T) {
	onEach(t, func(t *testing.T, start func() *testnode.Node) { testReorganisation(t, start(), start()) })
}

func testReorganisation(t *testing.T, a, b *testnode.Node) {
	a.Connect(b)
	common := a.Mine(5)
	a.WaitForTip(b)
	a.Disconnect()
	stale := a.Mine(3)

	require.Len(t, sync(t, dial(t, a.P2PAddr), genesis()), 8)
	a.Replace(3, b) // parts a from everybody in the end
	c := dial(t, a.P2PAddr)

	hs := sync(t, c, stale[2], stale[0], common[4], genesis())
	require.Len(t, hs, 4)
	require.Equal(t, common[4], hs[0].Previous())
	require.Equal(t, b.Tip(), hs[3].Hash())

	// The node still knows the stale block, and it is not in the best chain.
	h, err := c.Header(bounded(t), stale[2])
	require.NoError(t, err)
	require.Equal(t, stale[2], h.Hash())
	_, err = c.Headers(bounded(t), []bitcoin.Hash{stale[2]})
	require.ErrorIs(t, err, anchor.ErrUnknownBlock)
}

// TestSyncing asks a node that is behind its network, because its newest block
// is that of 2011: it does not answer at all.
func TestSyncing(t *testing.T) {
	n := testnode.StartBtcd(t)
	c := dial(t, n.P2PAddr)
	start := time.Now()
	_, err := c.Headers(bounded(t), []bitcoin.Hash{genesis()})
	require.ErrorIs(t, err, anchor.ErrSyncing)
	require.NotEmpty(t, remedy(t, err))
	for _, id := range []bitcoin.Hash{genesis(), {1}} {
		_, err = c.Header(bounded(t), id)
		require.ErrorIs(t, err, anchor.ErrSyncing)
	}
	require.Less(t, time.Since(start), p2p.DefaultTimeout, "known without waiting for it")

	// Once it has caught up the same connection serves.
	n.Mine(1)
	require.Len(t, sync(t, c, genesis()), 1)
}

func remedy(t testing.TB, err error) string {
	t.Helper()
	var r *anchor.Remedy
	require.ErrorAs(t, err, &r)
	return r.Text
}

// TestLowWork asks a Bitcoin Core whose chain has less work than it was told
// that of the network has: it answers everything with no header.
func TestLowWork(t *testing.T) { t.Run("bitcoind", testLowWork) }

func testLowWork(t *testing.T) {
	n := testnode.StartBitcoind(t, "-minimumchainwork="+strings.Repeat("0", 60)+"ffff")
	n.Mine(3)
	c := dial(t, n.P2PAddr)
	for _, from := range [][]bitcoin.Hash{{genesis()}, {{1}, genesis()}} {
		_, err := c.Headers(bounded(t), from)
		require.ErrorIs(t, err, anchor.ErrSyncing)
	}
	_, err := c.Header(bounded(t), n.Tip())
	require.ErrorIs(t, err, anchor.ErrSyncing)
}

func TestOtherNetwork(t *testing.T) {
	onEach(t, func(t *testing.T, start func() *testnode.Node) { testOtherNetwork(t, start()) })
}

func testOtherNetwork(t *testing.T, n *testnode.Node) {
	for _, network := range bitcoin.Networks() {
		if network == bitcoin.Regtest {
			continue
		}
		_, err := p2p.Dial(bounded(t), n.P2PAddr, network)
		var e *anchor.NetworkError
		require.ErrorAs(t, err, &e)
		require.Equal(t, anchor.NetworkError{Got: "regtest", Want: network}, *e)
		require.ErrorContains(t, err, fmt.Sprintf("p2p:%s: the node is on regtest, want %s", n.P2PAddr, network))
	}
	_, err := p2p.Dial(bounded(t), n.P2PAddr, 0)
	require.ErrorContains(t, err, "unknown network")
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	_, err = p2p.Dial(bounded(t), l.Addr().String(), bitcoin.Regtest)
	require.ErrorIs(t, err, anchor.ErrUnreachable)
	require.ErrorContains(t, err, l.Addr().String())
	require.NotEmpty(t, remedy(t, err))
}

// TestRPCPort dials the port that is meant for somebody else.
func TestRPCPort(t *testing.T) {
	onEach(t, func(t *testing.T, start func() *testnode.Node) {
		_, address, _ := strings.Cut(start().RPCURL, "://")
		_, err := p2p.Dialer{Timeout: 10 * time.Second}.Dial(bounded(t), address, bitcoin.Regtest)
		require.Error(t, err)
		require.Contains(t, remedy(t, err), "18444")
	})
}

func TestAddress(t *testing.T) {
	for _, address := range []string{"", ":18444", "127.0.0.1:", "a:b:c", "[]"} {
		_, err := p2p.Dial(bounded(t), address, bitcoin.Regtest)
		require.ErrorContains(t, err, fmt.Sprintf("malformed address %q, want HOST:PORT", address))
	}
	// The port of each network, as nobody listens at an address for documents.
	ports := map[bitcoin.Network]string{
		bitcoin.Mainnet: "8333", bitcoin.Testnet3: "18333", bitcoin.Testnet4: "48333", bitcoin.Signet: "38333", bitcoin.Regtest: "18444",
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	for network, port := range ports {
		for address, want := range map[string]string{
			"127.0.0.1": "p2p:127.0.0.1:" + port, "::1": "p2p:[::1]:" + port, "[::1]": "p2p:[::1]:" + port, "127.0.0.1:1": "p2p:127.0.0.1:1",
		} {
			_, err := p2p.Dial(canceled, address, network)
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorContains(t, err, want+":")
		}
	}
}

func TestClosed(t *testing.T) {
	n := testnode.StartBtcd(t)
	n.Mine(1)
	c, err := p2p.Dial(bounded(t), n.P2PAddr, bitcoin.Regtest)
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
	_, err = c.Header(bounded(t), genesis())
	require.ErrorIs(t, err, net.ErrClosed)

	// A context that has ended before is no harm to the connection.
	c = dial(t, n.P2PAddr)
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = c.Header(canceled, genesis())
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, sync(t, c, genesis()), 1)

	n.Kill()
	_, err = c.Header(bounded(t), genesis())
	require.ErrorIs(t, err, anchor.ErrUnreachable)
	require.ErrorContains(t, err, "the peer hung up")
	_, err = c.Header(bounded(t), genesis())
	require.ErrorContains(t, err, "the connection has ended: ")
}

// TestConcurrent has several goroutines use one connection.
func TestConcurrent(t *testing.T) {
	n := testnode.StartBtcd(t)
	ids := mine(n, 50)
	c := dial(t, n.P2PAddr)
	before := runtime.NumGoroutine()
	errs := make(chan error)
	for i := range ids {
		go func() {
			h, err := c.Header(bounded(t), ids[i])
			if err == nil && h.Hash() != ids[i] {
				err = errors.New("another header")
			}
			errs <- err
		}()
	}
	for range ids {
		require.NoError(t, <-errs)
	}
	requireGoroutines(t, before)
}

// requireGoroutines waits until there are no more goroutines than there were.
func requireGoroutines(t testing.TB, before int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, want %d:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

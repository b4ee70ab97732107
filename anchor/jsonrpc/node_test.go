package jsonrpc_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/peer"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/anchor"
	"gradseal/anchor/bitcoind"
	"gradseal/anchor/btcd"
	"gradseal/anchor/coinkey"
	"gradseal/anchor/jsonrpc"
	"gradseal/bitcoin"
	"gradseal/internal/testnode"
	"gradseal/proof"
)

// program is a node program with the package that speaks to it.
type program struct {
	name    string
	start   func(t testing.TB, options ...string) *testnode.Node
	noIndex []string // options that leave the index of transactions out
	node    func(t testing.TB, n *testnode.Node, login jsonrpc.Login) anchor.Node
}

var programs = []program{
	{"btcd", testnode.StartBtcd, []string{"--txindex=false", "--addrindex=false"},
		func(t testing.TB, n *testnode.Node, login jsonrpc.Login) anchor.Node {
			node, err := btcd.New(btcd.Config{URL: n.RPCURL, Login: login, CertFile: n.CertFile})
			require.NoError(t, err)
			return node
		}},
	{"bitcoind", testnode.StartBitcoind, []string{"-txindex=0"},
		func(t testing.TB, n *testnode.Node, login jsonrpc.Login) anchor.Node {
			node, err := bitcoind.New(bitcoind.Config{URL: n.RPCURL, Login: login})
			require.NoError(t, err)
			return node
		}},
}

// connect is the node as the user whom it knows.
func (p program) connect(t testing.TB, n *testnode.Node) anchor.Node {
	return p.node(t, n, jsonrpc.Password(n.User, n.Password))
}

// each runs a test on each program.
func each(t *testing.T, test func(t *testing.T, p program)) {
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) { test(t, p) })
	}
}

// spend is a signed anchor that spends a coin of testnode.Key.
func spend(t testing.TB, node anchor.Node, output wire.OutPoint, root byte, rate anchor.FeeRate) []byte {
	t.Helper()
	previous, err := node.Transaction(t.Context(), bitcoin.Hash(output.Hash))
	require.NoError(t, err)
	tx := new(wire.MsgTx)
	require.NoError(t, tx.DeserializeNoWitness(bytes.NewReader(previous)))
	return spendCoin(t, anchor.Coin{
		OutPoint: output,
		Value:    tx.TxOut[output.Index].Value,
		Script:   tx.TxOut[output.Index].PkScript,
	}, root, rate)
}

func spendCoin(t testing.TB, coin anchor.Coin, root byte, rate anchor.FeeRate) []byte {
	t.Helper()
	coins := []anchor.Coin{coin}
	tx, _, err := anchor.Build(coins, testnode.Script(), [32]byte{root}, rate)
	require.NoError(t, err)
	request, err := anchor.NewRequest(tx, coins, nil)
	require.NoError(t, err)
	raw, err := anchor.SignRequest(request, testnode.Key())
	require.NoError(t, err)
	return raw
}

// idOf is the id of a signed anchor, output the outpoint of an output of it.
func idOf(t testing.TB, raw []byte) bitcoin.Hash {
	t.Helper()
	tx, err := anchor.Parse(raw)
	require.NoError(t, err)
	return bitcoin.Hash(tx.TxHash())
}

func output(t testing.TB, raw []byte, index uint32) wire.OutPoint {
	return wire.OutPoint{Hash: chainhash.Hash(idOf(t, raw)), Index: index}
}

// requireEvidence checks evidence as a verifier does, and that it is of the
// block.
func requireEvidence(t testing.TB, evidence *proof.Bitcoin, raw []byte, block bitcoin.Hash, height int) {
	t.Helper()
	require.NotNil(t, evidence)
	tx, err := bitcoin.ParseTransaction(evidence.Transaction)
	require.NoError(t, err)
	require.Equal(t, idOf(t, raw), tx.ID())
	require.NoError(t, bitcoin.VerifyInclusion(tx.ID(), evidence.Position, evidence.Path, evidence.Header.MerkleRoot()))
	require.Equal(t, block, evidence.Header.Hash())
	require.EqualValues(t, height, evidence.Height)
	require.Empty(t, evidence.Successors)
}

func TestCheck(t *testing.T) {
	each(t, func(t *testing.T, p program) {
		n := p.start(t)
		node := p.connect(t, n)
		ctx := t.Context()
		require.Equal(t, p.name+" "+n.RPCURL, node.Source())
		require.NoError(t, node.Check(ctx, bitcoin.Regtest), "a chain with the first block of 2011 alone")
		n.Mine(1)
		require.NoError(t, node.Check(ctx, bitcoin.Regtest))

		err := node.Check(ctx, bitcoin.Testnet4)
		var network *anchor.NetworkError
		require.ErrorAs(t, err, &network)
		require.Equal(t, anchor.NetworkError{Got: "regtest", Want: bitcoin.Testnet4}, *network)
		requireRemedy(t, err, "testnet4")
	})
}

func requireRemedy(t testing.TB, err error, words string) {
	t.Helper()
	var remedy *anchor.Remedy
	require.ErrorAs(t, err, &remedy)
	require.Contains(t, remedy.Text, words)
}

// A node on a public network that has its first block alone, of 2024, has not
// caught up. It is given nobody to connect to.
func TestCheckPublicNetwork(t *testing.T) {
	for i, options := range [][]string{
		{"--regtest=false", "--testnet4", "--miningaddr=false", "--connect=127.0.0.1:1"},
		{"-regtest=0", "-testnet4=1", "-connect=0"},
	} {
		t.Run(programs[i].name, func(t *testing.T) {
			n := programs[i].start(t, options...)
			node := programs[i].connect(t, n)
			err := node.Check(t.Context(), bitcoin.Testnet4)
			require.ErrorIs(t, err, anchor.ErrSyncing)
			requireRemedy(t, err, "wait until")
			err = node.Check(t.Context(), bitcoin.Mainnet)
			require.ErrorContains(t, err, "the node is on testnet4, want mainnet")
			coins, err := node.Coins(t.Context(), testnode.Script())
			require.NoError(t, err)
			require.Empty(t, coins)
		})
	}
}

// A peer says that it has more blocks.
func TestCheckSyncing(t *testing.T) {
	n := testnode.StartBtcd(t)
	node := programs[0].connect(t, n)
	n.Mine(3)
	greeted := make(chan struct{})
	p, err := peer.NewOutboundPeer(&peer.Config{
		UserAgentName:    "test",
		UserAgentVersion: "1.0",
		ChainParams:      regtest(),
		Services:         wire.SFNodeNetwork | wire.SFNodeWitness,
		NewestBlock:      func() (*chainhash.Hash, int32, error) { return &chainhash.Hash{1}, 500, nil },
		Listeners:        peer.MessageListeners{OnVerAck: func(*peer.Peer, *wire.MsgVerAck) { close(greeted) }},
		AllowSelfConns:   true,
	}, n.P2PAddr)
	require.NoError(t, err)
	p.AssociateConnection(dial(t, n.P2PAddr))
	defer p.Disconnect()
	select {
	case <-greeted:
	case <-time.After(30 * time.Second):
		require.Fail(t, "the node did not greet")
	}
	require.Eventually(t, func() bool {
		err = node.Check(t.Context(), bitcoin.Regtest)
		return err != nil
	}, 30*time.Second, 20*time.Millisecond)
	require.ErrorIs(t, err, anchor.ErrSyncing)
	require.ErrorContains(t, err, "it has 3 blocks, and 1 of its 1 peers have more")
	requireRemedy(t, err, "wait")
}

func TestHeaders(t *testing.T) {
	each(t, func(t *testing.T, p program) {
		a, b := p.start(t), p.start(t)
		node := p.connect(t, a)
		ctx := t.Context()
		genesis := bitcoin.Regtest.Genesis().Hash()

		headers, err := node.Headers(ctx, []bitcoin.Hash{genesis})
		require.NoError(t, err)
		require.Empty(t, headers)
		_, err = node.Headers(ctx, []bitcoin.Hash{{1}})
		require.ErrorIs(t, err, anchor.ErrUnknownBlock)

		hashes := a.Mine(5)
		a.Connect(b)
		a.Disconnect()
		headers, err = node.Headers(ctx, []bitcoin.Hash{{1}, hashes[1], genesis})
		require.NoError(t, err)
		require.Len(t, headers, 3)
		for i, header := range headers {
			require.Equal(t, hashes[2+i], header.Hash())
		}
		headers, err = node.Headers(ctx, []bitcoin.Hash{hashes[4]})
		require.NoError(t, err)
		require.Empty(t, headers)
		_, err = node.Headers(ctx, []bitcoin.Hash{{1}})
		require.ErrorIs(t, err, anchor.ErrUnknownBlock)

		// A block that was left is no block of the best chain, but is known.
		lost := a.Mine(1)[0]
		a.Replace(1, b)
		headers, err = node.Headers(ctx, []bitcoin.Hash{lost, hashes[4]})
		require.NoError(t, err)
		require.Len(t, headers, 2)
		require.Equal(t, a.Tip(), headers[1].Hash())
		_, err = node.Headers(ctx, []bitcoin.Hash{lost})
		require.ErrorIs(t, err, anchor.ErrUnknownBlock)
		header, err := node.Header(ctx, lost)
		require.NoError(t, err)
		require.Equal(t, hashes[4], header.Previous())
		_, err = node.Header(ctx, bitcoin.Hash{1})
		require.ErrorIs(t, err, anchor.ErrUnknownBlock)
	})
}

// A chain of more headers than come at once.
func TestHeadersInParts(t *testing.T) {
	each(t, func(t *testing.T, p program) {
		n := p.start(t)
		node := p.connect(t, n)
		for n.Height() < 2100 {
			n.Mine(700)
		}
		last := bitcoin.Regtest.Genesis().Hash()
		var sizes []int
		begin := time.Now()
		for {
			headers, err := node.Headers(t.Context(), []bitcoin.Hash{last})
			require.NoError(t, err)
			if len(headers) == 0 {
				break
			}
			require.Equal(t, last, headers[0].Previous())
			sizes = append(sizes, len(headers))
			last = headers[len(headers)-1].Hash()
		}
		require.Equal(t, []int{2000, 100}, sizes)
		require.Equal(t, n.Tip(), last)
		t.Logf("2,100 headers in %s", time.Since(begin))
	})
}

func TestFeeRateOfAYoungNode(t *testing.T) {
	each(t, func(t *testing.T, p program) {
		n := p.start(t)
		n.Mine(1)
		for _, target := range []int{-1, 0, 1, 6, 100_000} {
			_, err := p.connect(t, n).FeeRate(t.Context(), target)
			require.ErrorIs(t, err, anchor.ErrNoFeeRate, "%d", target)
		}
	})
}

// The rate is that of the transactions that the node saw wait and confirm.
func TestFeeRateIsLearnt(t *testing.T) {
	each(t, func(t *testing.T, p program) {
		n := p.start(t)
		node := p.connect(t, n)
		n.Mine(30 + 100)
		coins, err := node.Coins(t.Context(), testnode.Script())
		require.NoError(t, err)
		for i, coin := range coins[:30] {
			require.NoError(t, node.Submit(t.Context(), spend(t, node, coin, byte(i), 7*anchor.SatPerVByte)))
			n.Mine(1)
		}
		rate, err := node.FeeRate(t.Context(), 6)
		require.NoError(t, err)
		least := 6 * anchor.SatPerVByte
		if p.name == "bitcoind" {
			// Newer ones look at their mempool too, which is empty.
			least = anchor.SatPerVByte
		}
		require.GreaterOrEqual(t, rate, least)
		require.LessOrEqual(t, rate, 8*anchor.SatPerVByte)
	})
}

func TestCoins(t *testing.T) {
	each(t, func(t *testing.T, p program) {
		n := p.start(t)
		node := p.connect(t, n)
		ctx := t.Context()
		coins, err := node.Coins(ctx, testnode.Script())
		require.NoError(t, err)
		require.Empty(t, coins)

		// More than a page of btcd's; two of them are old enough.
		n.Mine(101)
		coins, err = node.Coins(ctx, testnode.Script())
		require.NoError(t, err)
		require.Len(t, coins, 2)

		raw := spend(t, node, coins[0], 1, anchor.SatPerVByte)
		require.NoError(t, node.Submit(ctx, raw))
		waiting, err := node.Coins(ctx, testnode.Script())
		require.NoError(t, err)
		require.Equal(t, []wire.OutPoint{coins[1]}, waiting, "neither what is spent by one that waits, nor its change")

		n.Mine(1)
		confirmed, err := node.Coins(ctx, testnode.Script())
		require.NoError(t, err)
		require.Len(t, confirmed, 3)
		require.Contains(t, confirmed, coins[1])
		require.Contains(t, confirmed, output(t, raw, 1))

		coins, err = node.Coins(ctx, append([]byte{0, 20}, make([]byte, 20)...))
		require.NoError(t, err)
		require.Empty(t, coins)
		taproot := append([]byte{0x51, 32}, btcec.Generator().X().Bytes()...)
		coins, err = node.Coins(ctx, taproot)
		require.NoError(t, err)
		require.Empty(t, coins)
	})
}

// Coins that pay to a taproot output.
func TestTaprootCoins(t *testing.T) {
	script := coinkey.P2TR.Script(testnode.Key().PubKey())
	addr, err := address.NewAddressTaproot(script[2:], regtest())
	require.NoError(t, err)
	each(t, func(t *testing.T, p program) {
		var n *testnode.Node
		if p.name == "btcd" {
			n = p.start(t, "--miningaddr="+addr.EncodeAddress())
			n.Mine(1)
		} else {
			n = p.start(t)
			n.Call(nil, "generatetoaddress", 1, addr.EncodeAddress())
		}
		n.Mine(100)
		node := p.connect(t, n)
		coins, err := node.Coins(t.Context(), script)
		require.NoError(t, err)
		require.NotEmpty(t, coins)
		require.NoError(t, node.Submit(t.Context(), spend(t, node, coins[0], 1, anchor.SatPerVByte)))
	})
}

func TestCoinsWithoutAddressIndex(t *testing.T) {
	n := testnode.StartBtcd(t, "--addrindex=false")
	_, err := programs[0].connect(t, n).Coins(t.Context(), testnode.Script())
	requireRemedy(t, err, "--addrindex, or name the coin with --input")
}

func TestTransaction(t *testing.T) {
	each(t, func(t *testing.T, p program) {
		n := p.start(t)
		node := p.connect(t, n)
		n.Mine(101)
		ctx := t.Context()
		coins, err := node.Coins(ctx, testnode.Script())
		require.NoError(t, err)
		raw := spend(t, node, coins[0], 1, anchor.SatPerVByte)

		_, err = node.Transaction(ctx, idOf(t, raw))
		require.ErrorIs(t, err, anchor.ErrUnknownTx)
		require.NoError(t, node.Submit(ctx, raw))
		for range 2 {
			stripped, err := node.Transaction(ctx, idOf(t, raw))
			require.NoError(t, err)
			tx, err := anchor.Parse(raw)
			require.NoError(t, err)
			want, err := anchor.Stripped(tx)
			require.NoError(t, err)
			require.Equal(t, want, stripped)
			n.Mine(1)
		}
	})
}

func TestTransactionWithoutIndex(t *testing.T) {
	each(t, func(t *testing.T, p program) {
		n := p.start(t, p.noIndex...)
		_, err := p.connect(t, n).Transaction(t.Context(), bitcoin.Hash{1})
		require.ErrorIs(t, err, anchor.ErrUnknownTx)
		requireRemedy(t, err, "txindex")
	})
}

// requireSpent checks by whom an input is said to be spent.
func requireSpent(t testing.TB, err error, want anchor.SpentError) {
	t.Helper()
	require.ErrorIs(t, err, anchor.ErrSpent)
	var got *anchor.SpentError
	require.ErrorAs(t, err, &got)
	require.Equal(t, want, *got)
	require.ErrorContains(t, err, want.Error())
}

// TestSubmit walks a transaction through all that the same bytes can meet.
func TestSubmit(t *testing.T) {
	each(t, func(t *testing.T, p program) {
		n := p.start(t)
		node := p.connect(t, n)
		n.Mine(102)
		ctx := t.Context()
		coins, err := node.Coins(ctx, testnode.Script())
		require.NoError(t, err)

		first := spend(t, node, coins[0], 1, 2*anchor.SatPerVByte)
		require.NoError(t, node.Submit(ctx, first))
		require.NoError(t, node.Submit(ctx, first), "it waits")

		poorer := spend(t, node, coins[0], 2, anchor.SatPerVByte)
		requireSpent(t, node.Submit(ctx, poorer), anchor.SpentError{Input: coins[0], By: idOf(t, first), Waits: true})

		richer := spend(t, node, coins[0], 1, 9*anchor.SatPerVByte)
		require.NoError(t, node.Submit(ctx, richer), "BIP 125")
		requireSpent(t, node.Submit(ctx, first), anchor.SpentError{Input: coins[0], By: idOf(t, richer), Waits: true})
		n.Mine(1)
		require.NoError(t, node.Submit(ctx, richer), "a block has it")
		requireSpent(t, node.Submit(ctx, first), anchor.SpentError{Input: coins[0]})

		// All its outputs are spent, and it is still in its block.
		require.NoError(t, node.Submit(ctx, spend(t, node, output(t, richer, 1), 3, anchor.SatPerVByte)))
		n.Mine(1)
		require.NoError(t, node.Submit(ctx, richer))

		t.Run("not signed", func(t *testing.T) {
			raw := spend(t, node, coins[1], 1, anchor.SatPerVByte)
			tx, err := anchor.Parse(raw)
			require.NoError(t, err)
			tx.TxIn[0].Witness[0][10] ^= 1
			var b bytes.Buffer
			require.NoError(t, tx.Serialize(&b))
			err = node.Submit(ctx, b.Bytes())
			require.ErrorContains(t, err, "the node refuses transaction "+idOf(t, raw).String())
			require.NotErrorIs(t, err, anchor.ErrSpent)
		})
		t.Run("of nothing", func(t *testing.T) {
			coin := anchor.Coin{OutPoint: wire.OutPoint{Hash: chainhash.Hash{9}}, Value: 5000, Script: testnode.Script()}
			err := node.Submit(ctx, spendCoin(t, coin, 1, anchor.SatPerVByte))
			require.ErrorContains(t, err, "the node has no transaction with the coin "+coin.OutPoint.String())
			require.NotErrorIs(t, err, anchor.ErrSpent)
		})
	})
}

// Without an index a node cannot tell who has spent an input, and so it is not
// said that it was another transaction.
func TestSubmitWithoutIndex(t *testing.T) {
	each(t, func(t *testing.T, p program) {
		n := p.start(t, p.noIndex...)
		node := p.connect(t, n)
		block := n.Mine(101)[0]
		ctx := t.Context()
		var info struct {
			IDs []string `json:"tx"`
		}
		n.Call(&info, "getblock", block.String(), 1)
		id, err := bitcoin.ParseHash(info.IDs[0])
		require.NoError(t, err)
		coin := anchor.Coin{OutPoint: wire.OutPoint{Hash: chainhash.Hash(id)}, Value: 50e8, Script: testnode.Script()}

		first := spendCoin(t, coin, 1, anchor.SatPerVByte)
		require.NoError(t, node.Submit(ctx, first))
		n.Mine(1)
		require.NoError(t, node.Submit(ctx, first), "its change is unspent")

		change := anchor.Coin{OutPoint: output(t, first, 1), Value: 50e8 - 157, Script: testnode.Script()}
		require.NoError(t, node.Submit(ctx, spendCoin(t, change, 2, anchor.SatPerVByte)))
		n.Mine(1)
		err = node.Submit(ctx, first)
		require.ErrorContains(t, err, "no index to tell by which transaction it was spent")
		require.NotErrorIs(t, err, anchor.ErrSpent)
		requireRemedy(t, err, "txindex")

		evidence, err := node.Attest(ctx, first, 100)
		require.NoError(t, err)
		requireEvidence(t, evidence, first, n.Block(102), 102)
	})
}

func TestAttest(t *testing.T) {
	for _, index := range []string{"with index", "without index"} {
		t.Run(index, func(t *testing.T) {
			each(t, func(t *testing.T, p program) {
				var options []string
				if index == "without index" {
					options = p.noIndex
				}
				testAttest(t, p, p.start(t, options...), p.start(t))
			})
		})
	}
}

// testAttest follows a transaction through blocks of 1 and of 8 transactions
// and out of them again.
func testAttest(t *testing.T, p program, n, other *testnode.Node) {
	node := p.connect(t, n)
	ctx := t.Context()
	other.Mine(108)
	n.Connect(other)
	coins, err := p.connect(t, other).Coins(ctx, testnode.Script())
	require.NoError(t, err)
	n.Disconnect()

	raw := spend(t, p.connect(t, other), coins[0], 1, anchor.SatPerVByte)
	evidence, err := node.Attest(ctx, raw, 108)
	require.NoError(t, err)
	require.Nil(t, evidence, "nobody has sent it")

	require.NoError(t, node.Submit(ctx, raw))
	evidence, err = node.Attest(ctx, raw, 108)
	require.NoError(t, err)
	require.Nil(t, evidence, "it waits")

	// One block deep.
	block := n.Mine(1)[0]
	evidence, err = node.Attest(ctx, raw, 108)
	require.NoError(t, err)
	requireEvidence(t, evidence, raw, block, 109)
	require.Len(t, evidence.Path, 1)

	// The same before it was signed, and a transaction that anchors nothing.
	unsigned, err := node.Attest(ctx, evidence.Transaction, 108)
	require.NoError(t, err)
	require.Equal(t, evidence, unsigned)
	for _, raw := range coinbase(t, n, block) {
		// No block is looked through from there on: its first output, where there
		// is no index, says where it is.
		foreign, err := node.Attest(ctx, raw, 1000)
		require.NoError(t, err)
		require.NotNil(t, foreign)
		require.Equal(t, evidence.Header, foreign.Header)
		require.Zero(t, foreign.Position)
		require.False(t, anchor.Commits(foreign.Transaction, [32]byte{1}))
	}
	require.True(t, anchor.Commits(evidence.Transaction, [32]byte{1}))

	n.Replace(1, other)
	evidence, err = node.Attest(ctx, raw, 108)
	require.NoError(t, err)
	require.Nil(t, evidence, "its block was left")

	// Eight blocks deep, among other transactions.
	require.NoError(t, node.Submit(ctx, raw))
	for i, coin := range coins[1:8] {
		require.NoError(t, node.Submit(ctx, spend(t, p.connect(t, other), coin, byte(10+i), anchor.SatPerVByte)))
	}
	block = n.Mine(8)[0]
	evidence, err = node.Attest(ctx, raw, 108)
	require.NoError(t, err)
	requireEvidence(t, evidence, raw, block, 111)
	require.Len(t, evidence.Path, 4)

	n.Replace(8, other)
	evidence, err = node.Attest(ctx, raw, 108)
	require.NoError(t, err)
	require.Nil(t, evidence)

	require.NoError(t, node.Submit(ctx, raw))
	n.Mine(1)
	evidence, err = node.Attest(ctx, raw, 108)
	require.NoError(t, err)
	requireEvidence(t, evidence, raw, n.Tip(), n.Height())

	// Its change is spent: nothing of it is unspent.
	child := spendCoin(t, anchor.Coin{OutPoint: output(t, raw, 1), Value: 50e8 - 157, Script: testnode.Script()}, 9, anchor.SatPerVByte)
	block = n.Tip()
	require.NoError(t, node.Submit(ctx, child))
	n.Mine(2)
	evidence, err = node.Attest(ctx, raw, 108)
	require.NoError(t, err)
	requireEvidence(t, evidence, raw, block, n.Height()-2)
}

// coinbase is the first transaction of a block, as it is there and without its
// witness.
func coinbase(t testing.TB, n *testnode.Node, hash bitcoin.Hash) [][]byte {
	t.Helper()
	var text string
	n.Call(&text, "getblock", hash.String(), 0)
	raw, err := hex.DecodeString(text)
	require.NoError(t, err)
	var block wire.MsgBlock
	require.NoError(t, block.Deserialize(bytes.NewReader(raw)))
	var whole bytes.Buffer
	require.NoError(t, block.Transactions[0].Serialize(&whole))
	stripped, err := anchor.Stripped(block.Transactions[0])
	require.NoError(t, err)
	return [][]byte{whole.Bytes(), stripped}
}

func TestPassword(t *testing.T) {
	each(t, func(t *testing.T, p program) {
		n := p.start(t)
		for _, login := range []jsonrpc.Login{
			jsonrpc.Password(n.User, "wrong password"),
			jsonrpc.Password("nobody", n.Password),
			jsonrpc.Password("", ""),
		} {
			err := p.node(t, n, login).Check(t.Context(), bitcoin.Regtest)
			require.ErrorIs(t, err, anchor.ErrPassword)
			require.NotContains(t, err.Error(), "wrong password")
			require.NotContains(t, err.Error(), n.Password)
			requireRemedy(t, err, "cookie")
		}
		file := filepath.Join(t.TempDir(), "password")
		require.NoError(t, os.WriteFile(file, []byte(n.Password+"\r\n"), 0o600))
		require.NoError(t, p.node(t, n, jsonrpc.PasswordFile(n.User, file)).Check(t.Context(), bitcoin.Regtest))
	})
}

func TestUnreachable(t *testing.T) {
	each(t, func(t *testing.T, p program) {
		n := p.start(t)
		node := p.connect(t, n)
		n.Kill()
		err := node.Check(t.Context(), bitcoin.Regtest)
		require.ErrorIs(t, err, anchor.ErrUnreachable)
		require.ErrorContains(t, err, n.RPCURL)
		requireRemedy(t, err, "start the node")
		n.Restart()
		require.NoError(t, node.Check(t.Context(), bitcoin.Regtest))
	})
}

// A cookie is another one after each start, and there is none while the node
// does not run.
func TestCookie(t *testing.T) {
	n := testnode.StartBitcoind(t)
	node := programs[1].node(t, n, jsonrpc.Cookie(n.CookieFile))
	require.NoError(t, node.Check(t.Context(), bitcoin.Regtest))
	n.Stop()
	err := node.Check(t.Context(), bitcoin.Regtest)
	require.ErrorIs(t, err, anchor.ErrUnreachable)
	requireRemedy(t, err, "start bitcoind")
	n.Restart()
	require.NoError(t, node.Check(t.Context(), bitcoin.Regtest))
}

func TestCertificate(t *testing.T) {
	n, other := testnode.StartBtcd(t, testnode.OwnCert), testnode.StartBtcd(t, testnode.OwnCert)
	require.NoError(t, programs[0].connect(t, n).Check(t.Context(), bitcoin.Regtest))
	node, err := btcd.New(btcd.Config{URL: n.RPCURL, Login: jsonrpc.Password(n.User, n.Password), CertFile: other.CertFile})
	require.NoError(t, err)
	err = node.Check(t.Context(), bitcoin.Regtest)
	require.ErrorContains(t, err, "the node's certificate has the SHA-256")
	requireRemedy(t, err, "rpc.cert")

	node, err = btcd.New(btcd.Config{URL: n.RPCURL, Login: jsonrpc.Password(n.User, n.Password)})
	require.NoError(t, err)
	err = node.Check(t.Context(), bitcoin.Regtest)
	require.ErrorContains(t, err, "certificate signed by unknown authority")
}

// Every request of every method is lost in every way, once: there is an error,
// or the right answer, and the same call works afterwards.
func TestFaults(t *testing.T) {
	each(t, func(t *testing.T, p program) {
		n := p.start(t)
		n.Mine(101)
		direct := p.connect(t, n)
		proxy := testnode.StartProxy(t, n.RPCURL, n.CertPEM)
		through := *n
		through.RPCURL, through.CertFile = proxy.URL, proxy.CertFile
		node := p.connect(t, &through)
		coins, err := direct.Coins(t.Context(), testnode.Script())
		require.NoError(t, err)
		raw := spend(t, direct, coins[0], 1, anchor.SatPerVByte)
		genesis := []bitcoin.Hash{bitcoin.Regtest.Genesis().Hash()}
		for _, call := range []struct {
			name string
			do   func(ctx context.Context) error
		}{
			{"Check", func(ctx context.Context) error { return node.Check(ctx, bitcoin.Regtest) }},
			{"Headers", func(ctx context.Context) error { _, err := node.Headers(ctx, genesis); return err }},
			{"Coins", func(ctx context.Context) error {
				got, err := node.Coins(ctx, testnode.Script())
				if err == nil {
					require.Equal(t, coins, got)
				}
				return err
			}},
			{"Transaction", func(ctx context.Context) error {
				_, err := node.Transaction(ctx, bitcoin.Hash(coins[0].Hash))
				return err
			}},
			{"Submit", func(ctx context.Context) error { return node.Submit(ctx, raw) }},
			{"Attest", func(ctx context.Context) error {
				evidence, err := node.Attest(ctx, raw, 0)
				if err == nil {
					requireEvidence(t, evidence, raw, n.Tip(), n.Height())
				}
				return err
			}},
		} {
			t.Run(call.name, func(t *testing.T) {
				if call.name == "Attest" {
					n.Mine(1)
				}
				failed := 0
				for _, kind := range []testnode.FaultKind{testnode.DropBefore, testnode.DropAfter, testnode.Truncate, testnode.Cut} {
					for at := 0; ; at++ {
						proxy.FaultAt(at, testnode.Fault{Kind: kind})
						err := call.do(t.Context())
						reached := proxy.Count() > at
						if !reached {
							require.NoError(t, err)
							break
						}
						require.Error(t, err, "request %d", at)
						failed++
						proxy.Plan(nil)
						require.NoError(t, call.do(t.Context()))
					}
				}
				require.GreaterOrEqual(t, failed, 4)
				proxy.FaultAt(0, testnode.Fault{Delay: time.Hour})
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				require.ErrorIs(t, call.do(ctx), context.DeadlineExceeded)
			})
		}
	})
}

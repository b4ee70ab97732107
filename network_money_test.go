package main

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/internal/testnode"
)

// These are about money that could be paid twice, or paid without being shown.

// signElsewhere has the wallet sign a request as an outside program would, and
// send it at once, which such programs offer.
func (b *branch) signElsewhere(file string) {
	b.t.Helper()
	request, err := os.ReadFile(filepath.Join(b.dir, file))
	require.NoError(b.t, err)
	var processed struct {
		Hex      string
		Complete bool
	}
	b.node.Call(&processed, "registrar/walletprocesspsbt", base64.StdEncoding.EncodeToString(request))
	require.True(b.t, processed.Complete)
	b.node.Call(nil, "sendrawtransaction", processed.Hex)
}

// TestSentElsewhere: a signer elsewhere signs and sends by itself, the first
// version or a later one. The batch is found in the block and not paid again.
func TestSentElsewhere(t *testing.T) {
	t.Parallel()
	node := testnode.StartBitcoind(t)
	node.CreateWallet("registrar", 3)
	b := newBranch(t, node)
	folder := b.addFolder(t, 1)
	require.Contains(t, b.anchor(folder, "--psbt-out", "ask.psbt"), "--psbt-in")
	require.Equal(t, batch.Requested, b.batch().State())
	b.signElsewhere("ask.psbt")
	require.Contains(t, b.upgrade(), "waits for its signature")
	node.Mine(1)
	require.Contains(t, b.fails("bump", b.batch().ID, "--fee-rate", "9"), "nothing to bump")
	b.upgrade()
	require.Equal(t, "valid", b.verdict(folder))

	folder = b.addFolder(t, 1)
	b.anchor(folder, "--fee-rate", "1")
	id := b.batch().ID
	require.Contains(t, b.gradseal(append([]string{"bump", id, "--fee-rate", "4", "--psbt-out", "two.psbt"}, b.via...)...), "Wrote two.psbt")
	b.signElsewhere("two.psbt")
	b.gradseal(append([]string{"bump", id, "--fee-rate", "8", "--psbt-out", "three.psbt"}, b.via...)...)
	node.Mine(1)
	b.upgrade()
	require.Equal(t, "valid", b.verdict(folder))
	commitments := b.commitments()
	require.Len(t, commitments, 2)
	for root, n := range commitments {
		require.Equal(t, 1, n, root)
	}
}

// TestReplacedElsewhere: somebody raises the fee in the wallet. What replaced the
// batch's transaction commits to the same root and is taken over.
func TestReplacedElsewhere(t *testing.T) {
	t.Parallel()
	node := testnode.StartBitcoind(t)
	node.CreateWallet("registrar", 3)
	b := newBranch(t, node)
	folder := b.addFolder(t, 1)
	b.anchor(folder, "--fee-rate", "2")
	id := idOf(t, b.batch().Transactions[0]).String()
	node.Call(nil, "registrar/bumpfee", id)
	if rng := seeded(t); rng.IntN(2) == 0 { // found while it waits, or only in its block
		node.Mine(1)
	}
	require.Contains(t, b.upgrade(), "commits to the same root and counts as well")
	require.NotContains(t, b.upgrade(), "counts as well", "said once")
	node.Mine(1)
	b.upgrade()
	require.Equal(t, "valid", b.verdict(folder))
	require.Contains(t, b.fails("bump", "--other-coin", b.batch().ID), "nothing to bump")
	require.NotEqual(t, id, attestedID(t, b).String())
	for root, n := range b.commitments() {
		require.Equal(t, 1, n, root)
	}
	require.Len(t, b.commitments(), 1)
}

// TestSpentElsewhere: the coin goes into something else. Another one is taken
// only once that is deep in a block.
func TestSpentElsewhere(t *testing.T) {
	t.Parallel()
	node := testnode.StartBitcoind(t, "-persistmempool=0", "-walletbroadcast=0")
	node.CreateWallet("registrar", 3)
	b := newBranch(t, node)
	folder := b.addFolder(t, 1)
	b.anchor(folder)
	id := b.batch().ID
	b.spendElsewhere()

	require.Contains(t, b.fails("upgrade", "--network", "regtest"), "input is spent already")
	require.Contains(t, b.fails("bump", "--other-coin", id), "is in no block yet")
	node.Mine(1)
	b.gradseal(append([]string{"bump", "--other-coin", "--psbt-out", "other.psbt", id}, b.via...)...)
	require.Contains(t, b.fails("bump", "--other-coin", id), "can still be in a block")
	require.Len(t, b.batch().Requests, 2)
	b.signElsewhere("other.psbt")
	node.Mine(1)
	b.upgrade()
	require.Equal(t, "valid", b.verdict(folder))
	require.Len(t, b.commitments(), 1)
}

// TestBlockAndCoinLost: the block leaves the chain, and the coin is spent there by
// something else. The proofs do not go on naming the dead block.
func TestBlockAndCoinLost(t *testing.T) {
	t.Parallel()
	node := testnode.StartBitcoind(t, "-persistmempool=0", "-walletbroadcast=0")
	node.CreateWallet("registrar", 3)
	b := newBranch(t, node)
	folder := b.addFolder(t, 1)
	b.anchor(folder)
	node.Mine(1)
	b.upgrade()
	require.Equal(t, "valid", b.verdict(folder))
	node.Call(nil, "invalidateblock", node.Tip().String())
	b.spendElsewhere()
	node.Mine(3)
	out := b.fails("upgrade", "--network", "regtest")
	require.Contains(t, out, "has left the chain")
	require.Contains(t, out, "gradseal bump --other-coin "+b.batch().ID)
	require.Equal(t, batch.Funded, b.batch().State())
	require.Equal(t, "pending", b.verdict(folder))
	b.gradseal(append([]string{"bump", "--other-coin", b.batch().ID}, b.via...)...)
	node.Mine(1)
	b.upgrade()
	require.Equal(t, "valid", b.verdict(folder))
	require.Len(t, b.commitments(), 1)
}

// spendElsewhere has the node forget the batch's transaction, and its wallet pay
// somebody with the same coin.
func (b *branch) spendElsewhere() {
	b.t.Helper()
	spent := b.coinOf()
	b.node.Stop()
	b.node.Restart()
	b.node.Call(nil, "loadwallet", "registrar")
	_, _ = b.node.Try("registrar/abandontransaction", idOf(b.t, b.batch().Transactions[0]).String())
	var address, raw string
	b.node.Call(&address, "registrar/getnewaddress")
	b.node.Call(&raw, "createrawtransaction", []any{map[string]any{"txid": spent, "vout": 0}}, map[string]any{address: 49.999})
	var signed struct{ Hex string }
	b.node.Call(&signed, "registrar/signrawtransactionwithwallet", raw)
	b.node.Call(nil, "sendrawtransaction", signed.Hex)
}

// coinOf is the coin that the newest batch's transaction spends.
func (b *branch) coinOf() string {
	b.t.Helper()
	var tx struct {
		Vin []struct{ TxID string }
	}
	b.node.Call(&tx, "decoderawtransaction", hexOf(b.batch().Transactions[0]))
	require.Len(b.t, tx.Vin, 1)
	return tx.Vin[0].TxID
}

// TestAskedAgain: what an earlier run asked a locked wallet for is not signed
// under other conditions than those of this run.
func TestAskedAgain(t *testing.T) {
	t.Parallel()
	node := testnode.StartBitcoind(t)
	node.CreateWallet("registrar", 3)
	node.Call(nil, "registrar/encryptwallet", "passphrase of the wallet")
	b := newBranch(t, node)
	folder := b.addFolder(t, 1)
	anchor := []string{"anchor", "--network", "regtest", folder}
	require.Contains(t, b.fails(append(anchor, "--fee-rate", "300")...), "walletpassphrase")
	node.Call(nil, "registrar/walletpassphrase", "passphrase of the wallet", 600)
	require.Contains(t, b.fails(append(anchor, "--max-fee", "1000")...), "at most 1000 are allowed")
	out := b.anchor(folder, "--fee-rate", "2", "--max-fee", "1000")
	require.Regexp(t, `fee +3\d\d satoshi, 2`, out)

	// The same of a bump that was interrupted.
	node.Call(nil, "registrar/walletlock")
	id := b.batch().ID
	require.Contains(t, b.fails("bump", id, "--fee-rate", "20"), "walletpassphrase")
	require.Contains(t, b.gradseal("batches", id), "waits for its signature")
	b.anchor(folder) // does not sign what bump asked for
	require.Equal(t, 1, b.batch().Newest())
	node.Call(nil, "registrar/walletpassphrase", "passphrase of the wallet", 600)
	b.gradseal(append([]string{"bump", id, "--fee-rate", "20"}, b.via...)...)
	require.Len(t, b.batch().Requests, 3)
	require.Equal(t, 2, b.batch().Newest())
	node.Mine(1)
	b.upgrade()
	require.Equal(t, "valid", b.verdict(folder))
	require.Len(t, b.commitments(), 1)
}

// TestWaiting: who waits does not keep others from the home.
func TestWaiting(t *testing.T) {
	t.Parallel()
	node := startNode(t, "btcd")
	b := newBranch(t, node)
	folder := b.addFolder(t, 2)
	cmd := b.command(t.Context(), append([]string{"anchor", "--network", "regtest", folder, "--wait", "2", "--confirmations", "3"}, b.via...)...)
	said := waitingFor{"is in no block yet. Waiting", make(chan struct{}), nil}
	var out bytes.Buffer
	cmd.Stderr, cmd.Stdout = &said, &out
	require.NoError(t, cmd.Start())
	select {
	case <-said.found:
	case <-time.After(30 * time.Second):
		t.Fatal("it does not wait")
	}
	other := b.addFolder(t, 1)
	b.anchor(other)
	node.Mine(2)
	require.NoError(t, cmd.Wait(), "%s", said.text)
	require.Contains(t, out.String(), "2 of 3 confirmations")
	b.folders = b.folders[:1]
	require.Equal(t, batch.Confirmed, b.batch().State(), "two of three")
	require.Equal(t, "pending", b.verdict(folder))
	node.Mine(1)
	require.Contains(t, b.upgrade("--wait"), "all complete")
	require.Equal(t, "valid", b.verdict(folder))
	require.Equal(t, "valid", b.verdict(other))
}

// TestOneRegtest: the chain of the embedded node and that of a node outside do
// not share a home.
func TestOneRegtest(t *testing.T) {
	t.Parallel()
	node := startNode(t, "btcd")
	b := newBranch(t, node)
	b.gradseal("anchor", b.addFolder(t, 1))
	require.Contains(t, b.fails("anchor", b.addFolder(t, 1)), "--home DIR")
	require.False(t, strings.Contains(b.gradseal("verify", "--network", "regtest", b.folders[0]), "CANNOT"))
}

// TestWaitingTwice: while one run waits, another takes on the same folder. Each
// document is in one batch, and each batch is paid once.
func TestWaitingTwice(t *testing.T) {
	t.Parallel()
	node := startNode(t, "btcd")
	b := newBranch(t, node)
	folder := b.addFolder(t, 2)
	b.anchor(folder)
	late := filepath.Join(folder, "late.pdf")
	require.NoError(t, os.WriteFile(filepath.Join(b.dir, late), smallPDF(late), 0o666))
	args := append([]string{"anchor", "--network", "regtest", folder, "--wait", "1"}, b.via...)
	cmd := b.command(t.Context(), args...)
	said := waitingFor{"is in no block yet. Waiting", make(chan struct{}), nil}
	cmd.Stderr = &said
	require.NoError(t, cmd.Start())
	select {
	case <-said.found:
	case <-time.After(30 * time.Second):
		t.Fatal("it does not wait")
	}
	b.anchor(folder)
	node.Mine(1)
	require.NoError(t, cmd.Wait(), "%s", said.text)
	b.upgrade()
	require.Equal(t, "valid", b.verdict(folder))
	require.Len(t, b.commitments(), 2)
}

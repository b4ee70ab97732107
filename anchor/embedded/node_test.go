package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/database"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/anchor"
	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/proof"
)

// home is where a node lives in a test.
type home struct {
	t       testing.TB
	dir     string
	headers string
}

func newHome(t testing.TB) home {
	dir := t.TempDir()
	return home{t, filepath.Join(dir, "node"), filepath.Join(dir, "regtest.headers")}
}

func (h home) blocks() string { return filepath.Join(h.dir, blocksName) }

// open opens the node and closes it when the test is over, if the test did not.
func (h home) open() *Node {
	h.t.Helper()
	n, err := Open(context.Background(), h.dir, h.headers)
	require.NoError(h.t, err)
	h.t.Cleanup(func() { require.NoError(h.t, n.Close()) })
	return n
}

// anchored opens the node, anchors so many roots and closes it.
func (h home) anchored(count int) []*funded {
	h.t.Helper()
	n := h.open()
	var all []*funded
	for i := range count {
		all = append(all, confirm(h.t, n, root(i)))
	}
	require.NoError(h.t, n.Close())
	return all
}

// height is the tip of the header file.
func (h home) height() uint32 {
	h.t.Helper()
	c, err := headers.Open(h.headers, bitcoin.Regtest)
	require.NoError(h.t, err)
	defer c.Close()
	return c.Height()
}

func (h home) read(path string) []byte {
	h.t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(h.t, err)
	return data
}

func (h home) write(path string, data []byte) {
	h.t.Helper()
	require.NoError(h.t, os.WriteFile(path, data, 0o600))
}

func root(i int) [32]byte { return sha256.Sum256(fmt.Appendf(nil, "root %d", i)) }

// funded is a signed transaction and what it costs.
type funded struct {
	Raw   []byte // witness serialization (BIP 144)
	ID    bitcoin.Hash
	Fee   int64 // satoshi
	VSize int64
}

// makeFunded makes a signed transaction, as whoever anchors does in two steps.
func makeFunded(ctx context.Context, n *Node, root [32]byte, reserved []wire.OutPoint) (*funded, error) {
	request, err := n.Fund(ctx, anchor.Order{Root: root, Reserved: reserved})
	if err != nil {
		return nil, err
	}
	raw, err := n.Sign(ctx, request)
	if err != nil {
		return nil, err
	}
	return &funded{Raw: raw, ID: request.ID(), Fee: request.Fee(), VSize: request.VSize()}, nil
}

func fund(t testing.TB, n *Node, root [32]byte, reserved ...wire.OutPoint) *funded {
	t.Helper()
	f, err := makeFunded(context.Background(), n, root, reserved)
	require.NoError(t, err)
	return f
}

func inputs(t testing.TB, raw []byte) []wire.OutPoint {
	t.Helper()
	tx, err := anchor.Parse(raw)
	require.NoError(t, err)
	var outPoints []wire.OutPoint
	for _, in := range tx.TxIn {
		outPoints = append(outPoints, in.PreviousOutPoint)
	}
	return outPoints
}

func submit(t testing.TB, n *Node, f *funded) {
	t.Helper()
	require.NoError(t, n.Submit(context.Background(), f.Raw))
}

func attest(t testing.TB, n *Node, f *funded) *proof.Bitcoin {
	t.Helper()
	b, err := n.Attest(context.Background(), f.Raw, 0)
	require.NoError(t, err)
	return b
}

func confirm(t testing.TB, n *Node, root [32]byte) *funded {
	t.Helper()
	f := fund(t, n, root)
	submit(t, n, f)
	return f
}

// verify checks an attestation with what a verifier has: the packages that
// read proofs, and the header file.
func (h home) verify(b *proof.Bitcoin, root [32]byte, id bitcoin.Hash) {
	h.t.Helper()
	require.NotNil(h.t, b)
	tx, err := bitcoin.ParseTransaction(b.Transaction)
	require.NoError(h.t, err)
	require.Equal(h.t, id, tx.ID())
	committed, err := proof.ParseCommitment(tx)
	require.NoError(h.t, err)
	require.Equal(h.t, root, committed)
	require.NoError(h.t, bitcoin.VerifyInclusion(tx.ID(), b.Position, b.Path, b.Header.MerkleRoot()))
	require.NoError(h.t, b.Header.CheckWork())
	require.Empty(h.t, b.Successors)

	c, err := headers.Open(h.headers, bitcoin.Regtest)
	require.NoError(h.t, err)
	defer c.Close()
	known, err := c.At(b.Height)
	require.NoError(h.t, err)
	require.Equal(h.t, known, b.Header)
}

func TestRoundTrip(t *testing.T) {
	h := newHome(t)
	n := h.open()
	require.Equal(t, bitcoin.Regtest, n.Network())
	require.NoFileExists(t, h.headers, "nothing is mined before it is needed")

	f := fund(t, n, root(0))
	require.EqualValues(t, 101, h.height())
	require.Nil(t, attest(t, n, f), "it is not sent yet")
	require.GreaterOrEqual(t, f.Fee, f.VSize)

	submit(t, n, f)
	b := attest(t, n, f)
	require.EqualValues(t, 102, b.Height)
	require.EqualValues(t, 1, b.Position)
	h.verify(b, root(0), f.ID)

	require.NoError(t, n.Close())
	require.NoDirExists(t, filepath.Join(h.dir, databaseName))
	again := h.open()
	require.Equal(t, b, attest(t, again, f))
	h.verify(attest(t, again, f), root(0), f.ID)
}

func TestSameBytesAgainAreOneTransaction(t *testing.T) {
	h := newHome(t)
	n := h.open()
	f := confirm(t, n, root(0))
	at := attest(t, n, f)
	for range 3 {
		submit(t, n, f)
	}
	require.NoError(t, n.Close())
	n = h.open()
	submit(t, n, f)
	require.Equal(t, at, attest(t, n, f))
	require.EqualValues(t, 102, h.height(), "no block was mined for it")
	require.Equal(t, 1, countTransactions(t, h)[f.ID])
}

// countTransactions counts how often the block file has each transaction.
func countTransactions(t testing.TB, h home) map[bitcoin.Hash]int {
	t.Helper()
	counts := make(map[bitcoin.Hash]int)
	for _, block := range storedBlocks(t, h.read(h.blocks())) {
		for _, tx := range block.Transactions() {
			counts[bitcoin.Hash(*tx.Hash())]++
		}
	}
	return counts
}

// storedBlocks reads the block file on its own, from what its format says.
func storedBlocks(t testing.TB, data []byte) []*btcutil.Block {
	t.Helper()
	var blocks []*btcutil.Block
	for len(data) > 0 {
		size := binary.LittleEndian.Uint32(data)
		block, err := btcutil.NewBlockFromBytes(data[4 : 4+size])
		require.NoError(t, err)
		blocks = append(blocks, block)
		data = data[4+size+4:]
	}
	return blocks
}

// TestBlocksAreValidElsewhere puts the stored blocks into a chain that shares
// nothing with the node's: btcd's own parameters and clock.
func TestBlocksAreValidElsewhere(t *testing.T) {
	h := newHome(t)
	h.anchored(20)

	params := chaincfg.RegressionNetParams
	db, err := database.Create("ffldb", filepath.Join(t.TempDir(), "db"), params.Net)
	require.NoError(t, err)
	defer db.Close()
	chain, err := blockchain.New(&blockchain.Config{
		DB: db, ChainParams: &params, TimeSource: blockchain.NewMedianTime(), UtxoCacheMaxSize: 1 << 20,
	})
	require.NoError(t, err)
	blocks := storedBlocks(t, h.read(h.blocks()))
	for i, block := range blocks {
		main, orphan, err := chain.ProcessBlock(block, blockchain.BFNone)
		require.NoError(t, err, "block %d", i+1)
		require.True(t, main)
		require.False(t, orphan)
	}
	require.EqualValues(t, 121, chain.BestSnapshot().Height)
	require.EqualValues(t, 121, h.height())
}

// TestManyAnchors goes past two halvings of the subsidy. Every anchor spends
// one coin and leaves its change, so that no further funding is needed.
func TestManyAnchors(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hundreds of blocks take a while")
	}
	h := newHome(t)
	n := h.open()
	all := make([]*funded, 420)
	for i := range all {
		all[i] = confirm(t, n, root(i))
		require.Len(t, inputs(t, all[i].Raw), 1, "one coin is enough")
	}
	require.EqualValues(t, 101+420, h.height())
	require.NoError(t, n.Close())

	n = h.open()
	for i, f := range all {
		b := attest(t, n, f)
		require.EqualValues(t, 102+i, b.Height)
		h.verify(b, root(i), f.ID)
	}
}

// TestOneCoinIsEnoughForever leaves the node with a single coin: then every
// anchor has to spend the change of the one before.
func TestOneCoinIsEnoughForever(t *testing.T) {
	h := newHome(t)
	n := h.open()
	f := confirm(t, n, root(0))
	change := wire.OutPoint{Hash: [32]byte(f.ID), Index: 1}
	for i := 1; i <= 20; i++ {
		for outPoint := range n.ledger.coins {
			if outPoint != change {
				delete(n.ledger.coins, outPoint)
			}
		}
		f = confirm(t, n, root(i))
		require.Equal(t, []wire.OutPoint{change}, inputs(t, f.Raw))
		change = wire.OutPoint{Hash: [32]byte(f.ID), Index: 1}
	}
	require.EqualValues(t, 122, h.height())
}

func TestReservedCoinsAreNotSpent(t *testing.T) {
	h := newHome(t)
	n := h.open()
	var reserved []wire.OutPoint
	var all []*funded
	for i := range 5 {
		f := fund(t, n, root(i), reserved...)
		for _, outPoint := range inputs(t, f.Raw) {
			require.NotContains(t, reserved, outPoint)
			reserved = append(reserved, outPoint)
		}
		all = append(all, f)
	}
	require.EqualValues(t, 104, h.height(), "two coins after the first use, then one for each block")
	for i, f := range all {
		submit(t, n, f)
		h.verify(attest(t, n, f), root(i), f.ID)
	}
}

func TestDoubleSpendIsRefused(t *testing.T) {
	h := newHome(t)
	n := h.open()
	first, second := fund(t, n, root(1)), fund(t, n, root(2))
	require.Equal(t, inputs(t, first.Raw), inputs(t, second.Raw))
	submit(t, n, first)

	err := n.Submit(context.Background(), second.Raw)
	require.ErrorIs(t, err, anchor.ErrSpent)
	var spent *anchor.SpentError
	require.ErrorAs(t, err, &spent)
	require.Equal(t, anchor.SpentError{Input: inputs(t, first.Raw)[0], By: first.ID}, *spent)
	require.EqualError(t, err, fmt.Sprintf("transaction %s: input is spent already: %s by transaction %s in block 102",
		second.ID, inputs(t, second.Raw)[0], first.ID))
	require.Nil(t, attest(t, n, second))
	require.EqualValues(t, 102, h.height())
}

// TestAttestOfAnyTransaction asks about one before it is signed, and about one
// that anchors nothing.
func TestAttestOfAnyTransaction(t *testing.T) {
	h := newHome(t)
	n := h.open()
	request, err := n.Fund(t.Context(), anchor.Order{Root: root(1)})
	require.NoError(t, err)
	b, err := n.Attest(t.Context(), request.Unsigned(), 0)
	require.NoError(t, err)
	require.Nil(t, b)
	raw, err := n.Sign(t.Context(), request)
	require.NoError(t, err)
	require.NoError(t, n.Submit(t.Context(), raw))
	b, err = n.Attest(t.Context(), request.Unsigned(), 0)
	require.NoError(t, err)
	h.verify(b, root(1), request.ID())

	b, err = n.Attest(t.Context(), serialize(t, coinbase(t, h, 50).MsgTx()), 0)
	require.NoError(t, err)
	require.EqualValues(t, 50, b.Height)
	require.Zero(t, b.Position)
}

func TestSubmitRefuses(t *testing.T) {
	h := newHome(t)
	n := h.open()
	confirm(t, n, root(0))
	good := fund(t, n, root(1))
	elsewhere := fund(t, newHome(t).open(), root(1))
	edit := func(change func(tx *wire.MsgTx)) []byte {
		tx, err := anchor.Parse(good.Raw)
		require.NoError(t, err)
		change(tx)
		return serialize(t, tx)
	}
	young := wire.OutPoint{Hash: [32]byte(*coinbase(t, h, 50).Hash())}
	for _, tc := range []struct {
		name string
		raw  []byte
		want string
	}{
		{"nothing", nil, "malformed signed transaction"},
		{"garbage", []byte("this is no transaction at all"), "no witness"},
		{"unsigned", edit(func(tx *wire.MsgTx) { tx.TxIn[0].Witness = nil }), "no witness"},
		{"a byte more", append(good.Raw[:len(good.Raw):len(good.Raw)], 0), "left over"},
		{"of another chain", elsewhere.Raw, "does not exist on the chain of this embedded node"},
		{"output that does not exist", edit(func(tx *wire.MsgTx) { tx.TxIn[0].PreviousOutPoint.Index = 9 }), "does not exist"},
		{"same input twice", edit(func(tx *wire.MsgTx) { tx.TxIn = append(tx.TxIn, tx.TxIn[0]) }), "duplicate inputs"},
		{"signature damaged", edit(func(tx *wire.MsgTx) { tx.TxIn[0].Witness[0][30] ^= 1 }), "failed to validate input"},
		{"signed for another output", edit(func(tx *wire.MsgTx) { tx.TxOut[1].Value-- }), "failed to validate input"},
		{"pays more than it has", edit(func(tx *wire.MsgTx) { tx.TxOut[1].Value += 10_000_000_000 }), "which is less than the amount spent"},
		{"coinbase too young", edit(func(tx *wire.MsgTx) { tx.TxIn[0].PreviousOutPoint = young }), "before required maturity of 100 blocks"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.ErrorContains(t, n.Submit(context.Background(), tc.raw), tc.want)
			require.EqualValues(t, 102, h.height())
		})
	}
	_, err := n.Attest(context.Background(), []byte("garbage"), 0)
	require.ErrorContains(t, err, "malformed transaction")

	submit(t, n, good)
	h.verify(attest(t, n, good), root(1), good.ID)
}

func coinbase(t testing.TB, h home, height int) *btcutil.Tx {
	t.Helper()
	return storedBlocks(t, h.read(h.blocks()))[height-1].Transactions()[0]
}

// TestEachHomeHasItsOwnChain also shows that one node's proof is unknown to the
// other's header file.
func TestEachHomeHasItsOwnChain(t *testing.T) {
	a, b := newHome(t), newHome(t)
	f := a.anchored(1)[0]
	b.anchored(1)
	at := attest(t, a.open(), f)
	c, err := headers.Open(b.headers, bitcoin.Regtest)
	require.NoError(t, err)
	defer c.Close()
	other, err := c.At(at.Height)
	require.NoError(t, err)
	require.NotEqual(t, at.Header, other)
}

func TestBlockTimes(t *testing.T) {
	h := newHome(t)
	before := time.Now().Truncate(time.Second)
	h.anchored(1)
	after := time.Now()
	blocks := storedBlocks(t, h.read(h.blocks()))
	for i, block := range blocks {
		at := block.MsgBlock().Header.Timestamp
		require.False(t, at.After(after), "block %d is ahead of the clock", i+1)
		require.False(t, at.Before(before.Add(-11*time.Minute)), "block %d", i+1)
	}
	last := blocks[len(blocks)-1].MsgBlock().Header.Timestamp
	require.False(t, last.Before(before), "an anchor has the time at which it was made")
}

// TestClockIsWrong opens a chain whose blocks are ten years ahead, as after a
// clock that was set back, and one of a clock that was never set.
func TestClockIsWrong(t *testing.T) {
	for name, wrong := range map[string]time.Time{
		"ahead":     time.Now().AddDate(10, 0, 0),
		"never set": time.Unix(0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			n := h.open()
			n.now = func() time.Time { return wrong }
			f := confirm(t, n, root(0))
			require.NoError(t, n.Close())

			n = h.open()
			h.verify(attest(t, n, f), root(0), f.ID)
			f = confirm(t, n, root(1))
			b := attest(t, n, f)
			h.verify(b, root(1), f.ID)
			require.True(t, b.Header.Time().After(earliest))
		})
	}
}

func TestCancelled(t *testing.T) {
	h := newHome(t)
	f := h.anchored(1)[0]
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Open(ctx, h.dir, h.headers)
	require.ErrorIs(t, err, context.Canceled)

	n := h.open()
	_, err = makeFunded(ctx, n, root(1), nil)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, n.Submit(ctx, f.Raw), context.Canceled)
	_, err = n.Attest(ctx, f.Raw, 0)
	require.ErrorIs(t, err, context.Canceled)
	confirm(t, n, root(1))
}

// countdown is a context that ends after it was looked at so many times.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestCancelledWhileMining ends the first funding between two blocks. What was
// mined stays, in memory and on disk.
func TestCancelledWhileMining(t *testing.T) {
	for _, left := range []int{1, 2, 40, 101} {
		h := newHome(t)
		n := h.open()
		_, err := makeFunded(&countdown{context.Background(), left}, n, root(0), nil)
		require.ErrorIs(t, err, context.Canceled)
		mined := left - 1 // the first look is at the start of Fund
		require.EqualValues(t, mined, n.ledger.height)

		f := confirm(t, n, root(0))
		h.verify(attest(t, n, f), root(0), f.ID)
		require.NoError(t, n.Close())
		h.verify(attest(t, h.open(), f), root(0), f.ID)
	}
}

func TestClosed(t *testing.T) {
	h := newHome(t)
	f := h.anchored(1)[0]
	n := h.open()
	require.NoError(t, n.Close())
	require.NoError(t, n.Close())
	_, err := makeFunded(context.Background(), n, root(1), nil)
	require.ErrorContains(t, err, "the embedded node is closed")
	require.ErrorContains(t, n.Submit(context.Background(), f.Raw), "the embedded node is closed")
	_, err = n.Attest(context.Background(), f.Raw, 0)
	require.ErrorContains(t, err, "the embedded node is closed")
}

func TestSecondOpenIsRefused(t *testing.T) {
	h := newHome(t)
	n := h.open()
	f := confirm(t, n, root(0))
	_, err := Open(context.Background(), h.dir, h.headers)
	require.ErrorContains(t, err, "the embedded node is in use by another process")
	require.ErrorContains(t, err, h.dir)

	h.verify(attest(t, n, f), root(0), f.ID)
	confirm(t, n, root(1))
	require.NoError(t, n.Close())
	require.EqualValues(t, 103, h.open().ledger.height)
}

// TestSeveralGoroutines is for the race detector. Two of them may be given the
// same coin, and then one is told so.
func TestSeveralGoroutines(t *testing.T) {
	h := newHome(t)
	n := h.open()
	confirm(t, n, root(0))
	done := make(chan error)
	for i := range 4 {
		go func() {
			f, err := makeFunded(context.Background(), n, root(i), nil)
			if err == nil {
				err = n.Submit(context.Background(), f.Raw)
			}
			done <- err
		}()
	}
	confirmed := 0
	for range 4 {
		if err := <-done; err != nil {
			require.ErrorIs(t, err, anchor.ErrSpent)
		} else {
			confirmed++
		}
	}
	require.NotZero(t, confirmed)
	require.EqualValues(t, 102+confirmed, h.height())
}

// TestNoCoinLeft is the one way to run dry: every coin is reserved when new
// blocks have no subsidy any more.
func TestNoCoinLeft(t *testing.T) {
	h := newHome(t)
	n := h.open()
	n.ledger.height = 33 * 150
	_, err := makeFunded(context.Background(), n, root(0), nil)
	require.ErrorContains(t, err, "no coin is left at height 4950")
	require.ErrorContains(t, err, h.dir)
}

// TestWritesThatFail closes files under the node. It must not go on with a
// chain in memory that differs from the one on disk.
func TestWritesThatFail(t *testing.T) {
	t.Run("block file", func(t *testing.T) {
		h := newHome(t)
		h.anchored(1)
		n := h.open()
		f := fund(t, n, root(1))
		require.NoError(t, n.log.file.Close())
		require.Error(t, n.Submit(context.Background(), f.Raw))
		_, err := n.Attest(context.Background(), f.Raw, 0)
		require.ErrorContains(t, err, "has to be opened again after")
		require.Error(t, n.Close(), "the file is closed already")

		n = h.open()
		require.Nil(t, attest(t, n, f))
		submit(t, n, f)
		h.verify(attest(t, n, f), root(1), f.ID)
		require.Equal(t, 1, countTransactions(t, h)[f.ID])
	})
	t.Run("header file", func(t *testing.T) {
		h := newHome(t)
		h.anchored(1)
		n := h.open()
		f := fund(t, n, root(1))
		headerFile := h.read(h.headers)
		require.NoError(t, os.Remove(h.headers))
		require.NoError(t, os.Mkdir(h.headers, 0o700))
		require.Error(t, n.Submit(context.Background(), f.Raw))
		require.ErrorContains(t, n.Submit(context.Background(), f.Raw), "has to be opened again after")
		require.NoError(t, n.Close())

		require.NoError(t, os.Remove(h.headers))
		h.write(h.headers, headerFile)
		n = h.open()
		h.verify(attest(t, n, f), root(1), f.ID)
		require.Equal(t, 1, countTransactions(t, h)[f.ID])
	})
}

func BenchmarkFirstFund(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		h := home{b, filepath.Join(b.TempDir(), "node"), filepath.Join(b.TempDir(), "headers")}
		b.StartTimer()
		n, err := Open(context.Background(), h.dir, h.headers)
		require.NoError(b, err)
		fund(b, n, root(0))
		b.StopTimer()
		require.NoError(b, n.Close())
		b.StartTimer()
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, count := range []int{9, 400} {
		b.Run(fmt.Sprintf("blocks=%d", 101+count), func(b *testing.B) {
			h := newHome(b)
			h.anchored(count)
			b.ResetTimer()
			for range b.N {
				n, err := Open(context.Background(), h.dir, h.headers)
				require.NoError(b, err)
				b.StopTimer()
				require.NoError(b, n.Close())
				b.StartTimer()
			}
		})
	}
}

func BenchmarkSubmit(b *testing.B) {
	n := newHome(b).open()
	confirm(b, n, root(0))
	i := 0
	for b.Loop() {
		b.StopTimer()
		i++
		f := fund(b, n, root(i))
		b.StartTimer()
		submit(b, n, f)
	}
}

package bitcoin_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
)

// fold is the bare arithmetic of a path, as a verifier without any guard would
// have it: what it finds, an attacker can make that verifier believe.
func fold(id bitcoin.Hash, position uint32, path []bitcoin.Hash) bitcoin.Hash {
	node := id
	for _, sibling := range path {
		if position&1 == 0 {
			node = hashPair(node, sibling)
		} else {
			node = hashPair(sibling, node)
		}
		position >>= 1
	}
	return node
}

func hashPair(left, right bitcoin.Hash) bitcoin.Hash {
	return bitcoin.Hash(chainhash.DoubleHashH(append(left[:], right[:]...)))
}

// refused requires that only the guard named stands between a false claim and
// its success.
func refused(t *testing.T, guard string, id bitcoin.Hash, position uint32, path []bitcoin.Hash, root bitcoin.Hash) {
	t.Helper()
	require.Equal(t, root, fold(id, position, path), "the arithmetic must be right for the guard to be the one that refuses")
	require.ErrorContains(t, bitcoin.VerifyInclusion(id, position, path, root), guard)
}

func randomHash(random *rand.Rand) bitcoin.Hash { return bitcoin.Hash(randomBytes(random, 32)) }

func randomHashes(random *rand.Rand, n int) []bitcoin.Hash {
	hs := make([]bitcoin.Hash, n)
	for i := range hs {
		hs[i] = randomHash(random)
	}
	return hs
}

// block is the transactions of a made-up block and their ids.
func block(random *rand.Rand, n int) ([]*btcutil.Tx, []bitcoin.Hash) {
	var txs []*btcutil.Tx
	var ids []bitcoin.Hash
	for range n {
		tx := btcutil.NewTx(randomTx(random))
		txs = append(txs, tx)
		ids = append(ids, bitcoin.Hash(*tx.Hash()))
	}
	return txs, ids
}

// btcdPath takes the siblings of a position out of btcd's tree, which keeps
// its rows one after the other, each padded with nil to a power of two.
func btcdPath(store []*chainhash.Hash, position int) []bitcoin.Hash {
	var path []bitcoin.Hash
	row, width := store, (len(store)+1)/2
	for width > 1 {
		sibling := row[position^1]
		if sibling == nil {
			sibling = row[position]
		}
		path = append(path, bitcoin.Hash(*sibling))
		row, width, position = row[width:], width/2, position/2
	}
	return path
}

func TestInclusionIsThatOfBtcd(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	for n := 1; n <= 40; n++ {
		txs, ids := block(random, n)
		store := blockchain.BuildMerkleTreeStore(txs, false)
		root := bitcoin.Hash(*store[len(store)-1])
		require.Equal(t, root, bitcoin.MerkleRoot(ids))
		require.Equal(t, bitcoin.Hash(blockchain.CalcMerkleRoot(txs, false)), root)
		for position := range ids {
			path, err := bitcoin.InclusionPath(ids, uint32(position))
			require.NoError(t, err)
			require.Equal(t, btcdPath(store, position), path)
			require.NoError(t, bitcoin.VerifyInclusion(ids[position], uint32(position), path, root))
			for other := range uint32(2) << len(path) {
				if int(other) != position {
					require.Error(t, bitcoin.VerifyInclusion(ids[position], other, path, root), "position %d of %d shown at %d", position, n, other)
				}
			}
		}
	}
}

func TestInclusionInBlockOfOne(t *testing.T) {
	id := randomHash(rand.New(rand.NewPCG(13, 14)))
	path, err := bitcoin.InclusionPath([]bitcoin.Hash{id}, 0)
	require.NoError(t, err)
	require.Empty(t, path)
	require.Equal(t, id, bitcoin.MerkleRoot([]bitcoin.Hash{id}))
	require.NoError(t, bitcoin.VerifyInclusion(id, 0, nil, id))
	for _, position := range []uint32{1, 2, 1 << 31} {
		refused(t, "do not reach position", id, position, nil, id)
	}
	require.ErrorContains(t, bitcoin.VerifyInclusion(bitcoin.Hash{}, 0, nil, id), "leads to root")
}

func TestInclusionPathRefuses(t *testing.T) {
	ids := randomHashes(rand.New(rand.NewPCG(15, 16)), 5)
	for _, position := range []uint32{5, 6, 8, 1<<32 - 1} {
		path, err := bitcoin.InclusionPath(ids, position)
		require.ErrorContains(t, err, "a block of 5 transactions")
		require.Nil(t, path)
	}
	_, err := bitcoin.InclusionPath(nil, 0)
	require.ErrorContains(t, err, "a block of 0 transactions")
	require.Zero(t, bitcoin.MerkleRoot(nil))
}

func TestInclusionLeavesItsArgumentsAlone(t *testing.T) {
	ids := randomHashes(rand.New(rand.NewPCG(17, 18)), 7)
	before := bytes.Join(slicesOf(ids), nil)
	path, err := bitcoin.InclusionPath(ids, 6)
	require.NoError(t, err)
	bitcoin.MerkleRoot(ids)
	require.NoError(t, bitcoin.VerifyInclusion(ids[6], 6, path, bitcoin.MerkleRoot(ids)))
	require.Equal(t, before, bytes.Join(slicesOf(ids), nil))
}

func slicesOf(hs []bitcoin.Hash) [][]byte {
	var s [][]byte
	for _, h := range hs {
		s = append(s, h[:])
	}
	return s
}

// TestEveryFlippedBitFails flips each bit of the id, the position, the path
// and the root of honest proofs.
func TestEveryFlippedBitFails(t *testing.T) {
	random := rand.New(rand.NewPCG(19, 20))
	for _, n := range []int{1, 2, 3, 5, 6, 7, 13} {
		ids := randomHashes(random, n)
		root := bitcoin.MerkleRoot(ids)
		for position, id := range ids {
			path, err := bitcoin.InclusionPath(ids, uint32(position))
			require.NoError(t, err)
			p := uint32(position)
			verify := func() error { return bitcoin.VerifyInclusion(id, p, path, root) }
			require.NoError(t, verify())
			for bit := range 32 {
				p ^= 1 << bit
				require.Error(t, verify(), "position %d of %d, bit %d of the position", position, n, bit)
				p ^= 1 << bit
			}
			hashes := []*bitcoin.Hash{&id, &root}
			for i := range path {
				hashes = append(hashes, &path[i])
			}
			for i, h := range hashes {
				for bit := range 256 {
					h[bit/8] ^= 1 << (bit % 8)
					require.Error(t, verify(), "position %d of %d, hash %d, bit %d", position, n, i, bit)
					h[bit/8] ^= 1 << (bit % 8)
				}
			}
			require.NoError(t, verify())
		}
	}
}

func TestPathOfWrongLengthFails(t *testing.T) {
	random := rand.New(rand.NewPCG(21, 22))
	ids := randomHashes(random, 12)
	root := bitcoin.MerkleRoot(ids)
	for position, id := range ids {
		path, err := bitcoin.InclusionPath(ids, uint32(position))
		require.NoError(t, err)
		require.Error(t, bitcoin.VerifyInclusion(id, uint32(position), path[:len(path)-1], root))
		require.Error(t, bitcoin.VerifyInclusion(id, uint32(position), path[1:], root))
		require.Error(t, bitcoin.VerifyInclusion(id, uint32(position), append(path, randomHash(random)), root))
	}
}

func TestLongPathIsRefused(t *testing.T) {
	random := rand.New(rand.NewPCG(23, 24))
	id, path := randomHash(random), randomHashes(random, 40)
	for n := range path {
		position := random.Uint32() & (1<<n - 1)
		root := fold(id, position, path[:n])
		if n <= 24 {
			require.NoError(t, bitcoin.VerifyInclusion(id, position, path[:n], root), "%d hashes", n)
			continue
		}
		refused(t, fmt.Sprintf("%d hashes, want at most 24", n), id, position, path[:n], root)
	}
}

// TestPositionBeyondThePathIsRefused: bits above the path's length change
// nothing in the arithmetic, so one transaction would have many positions.
func TestPositionBeyondThePathIsRefused(t *testing.T) {
	random := rand.New(rand.NewPCG(25, 26))
	id, path := randomHash(random), randomHashes(random, 24)
	for n := range len(path) + 1 {
		position := random.Uint32() & (1<<n - 1)
		root := fold(id, position, path[:n])
		for bit := n; bit < 32; bit++ {
			refused(t, "do not reach position", id, position|1<<bit, path[:n], root)
		}
	}
}

// TestPhantomPosition is CVE-2012-2459: the block with its tail repeated, where
// a row of its tree is odd, has the same root, so the path that btcd's tree
// gives for a repeated transaction adds up although the block has no such
// position.
func TestPhantomPosition(t *testing.T) {
	random := rand.New(rand.NewPCG(27, 28))
	phantoms := 0
	for n := 3; n <= 40; n++ {
		txs, ids := block(random, n)
		root := bitcoin.MerkleRoot(ids)
		repeated := repeatTails(txs)
		store := blockchain.BuildMerkleTreeStore(repeated, false)
		for position := n; position < len(repeated); position++ {
			id := bitcoin.Hash(*repeated[position].Hash())
			refused(t, "left sibling equals", id, uint32(position), btcdPath(store, position), root)
			phantoms++
		}
	}
	// Up to the next power of two: 1 for n = 3, 6 for 5 to 7, 28 for 9 to 15 and so on.
	require.Equal(t, 1+6+28+120+220, phantoms)
}

// repeatTails spells out what Bitcoin's tree repeats.
func repeatTails(txs []*btcutil.Tx) []*btcutil.Tx {
	for tail := 1; tail < len(txs); tail *= 2 {
		if len(txs)/tail%2 == 1 {
			txs = append(txs[:len(txs):len(txs)], txs[len(txs)-tail:]...)
		}
	}
	return txs
}

// TestRepeatedNodeInTheMiddle is the same weakness elsewhere: a root over two
// equal neighbours that are not the end of their row is the root of no valid
// block, but a header may hold it.
func TestRepeatedNodeInTheMiddle(t *testing.T) {
	random := rand.New(rand.NewPCG(29, 30))
	h := randomHashes(random, 8)
	for _, test := range []struct {
		name      string
		ids       []bitcoin.Hash
		positions []uint32
	}{
		{"first pair", []bitcoin.Hash{h[0], h[0], h[1]}, []uint32{0}},
		{"first pair of many", []bitcoin.Hash{h[0], h[0], h[1], h[2], h[3], h[4]}, []uint32{0}},
		{"second pair of four", []bitcoin.Hash{h[0], h[1], h[2], h[2], h[3]}, []uint32{2}},
		{"two levels up", []bitcoin.Hash{h[0], h[1], h[0], h[1], h[2], h[3]}, []uint32{0, 1}},
		{"a left sibling between", []bitcoin.Hash{h[0], h[1], h[2], h[2], h[3], h[4], h[5], h[6], h[7]}, []uint32{2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, position := range test.positions {
				path, err := bitcoin.InclusionPath(test.ids, position)
				require.NoError(t, err)
				refused(t, "above the repeated last node", test.ids[position], position, path, bitcoin.MerkleRoot(test.ids))
			}
		})
	}
}

// forgery is a stripped transaction that nobody mined, of the kind that this
// format looks for. Its lock time was counted up, for half a second, until its
// id could be the second half of a 64-byte transaction.
func forgery() []byte {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{}, nil, nil))
	tx.AddTxOut(wire.NewTxOut(0, append([]byte("\x6a\x24GSL1"), make([]byte, 32)...)))
	tx.LockTime = 544993
	var b bytes.Buffer
	if err := tx.SerializeNoWitness(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// TestTransactionOf64Bytes is CVE-2017-12842 in full: a mined transaction of
// 64 bytes ends in the id of a forged one, and so serves as the inner node
// above it.
func TestTransactionOf64Bytes(t *testing.T) {
	random := rand.New(rand.NewPCG(31, 32))
	forged, err := bitcoin.ParseTransaction(forgery())
	require.NoError(t, err)

	left := randomHash(random)
	binary.LittleEndian.PutUint32(left[:4], 2)
	left[4] = 1
	id := forged.ID()
	mined := append(left[:], id[:]...)
	require.Len(t, mined, 64)
	require.True(t, wireAccepts(mined), "the block must be able to hold it")

	txs, _ := block(random, 9)
	var tx wire.MsgTx
	require.NoError(t, tx.DeserializeNoWitness(bytes.NewReader(mined)))
	txs[5] = btcutil.NewTx(&tx)
	store := blockchain.BuildMerkleTreeStore(txs, false)
	root := bitcoin.Hash(*store[len(store)-1])

	path := append([]bitcoin.Hash{left}, btcdPath(store, 5)...)
	refused(t, "64-byte transaction", id, 2*5+1, path, root)
	refused(t, "64-byte transaction", left, 2*5, append([]bitcoin.Hash{id}, path[1:]...), root)

	// The other direction: an inner node shown as if it were a transaction.
	_, err = bitcoin.ParseTransaction(mined)
	require.ErrorContains(t, err, "64 bytes, want 65")
}

// TestShapeOf64ByteTransaction holds the guard to exactly what btcd reads as
// a transaction of 64 bytes, with nodes that have it or nearly so.
func TestShapeOf64ByteTransaction(t *testing.T) {
	random := rand.New(rand.NewPCG(33, 34))
	shapes := map[byte]int{}
	for range 50000 {
		pair := randomBytes(random, 64)
		pair[4] = []byte{0, 1, 1, 1, 2}[random.IntN(5)]
		s := byte(random.IntN(7))
		pair[41] = s
		if s < 6 {
			pair[46+s] = 1 + byte(random.IntN(8)/7)
			pair[55+s] = 4 - s + byte(random.IntN(8)/7)
		}
		left, right := bitcoin.Hash(pair[:32]), bitcoin.Hash(pair[32:])
		root := hashPair(left, right)
		if !wireAccepts(pair) {
			require.NoError(t, bitcoin.VerifyInclusion(left, 0, []bitcoin.Hash{right}, root), "%x", pair)
			require.NoError(t, bitcoin.VerifyInclusion(right, 1, []bitcoin.Hash{left}, root), "%x", pair)
			continue
		}
		shapes[s]++
		refused(t, "64-byte transaction", left, 0, []bitcoin.Hash{right}, root)
		refused(t, "64-byte transaction", right, 1, []bitcoin.Hash{left}, root)
	}
	for s := range byte(5) {
		require.Greater(t, shapes[s], 1000, "script of %d bytes", s)
	}
	require.Len(t, shapes, 5)
}

// TestShapeOf64ByteTransactionHigherUp: every inner node is looked at, not
// only the lowest.
func TestShapeOf64ByteTransactionHigherUp(t *testing.T) {
	random := rand.New(rand.NewPCG(35, 36))
	for level := 1; level < 24; level++ {
		id, path := randomHash(random), randomHashes(random, 24)
		for fold(id, 0, path[:level])[4] != 1 {
			id = randomHash(random)
		}
		path[level][41-32], path[level][46-32], path[level][55-32] = 0, 1, 4
		refused(t, fmt.Sprintf("hash %d: the node has the shape of a 64-byte transaction", level), id, 0, path, fold(id, 0, path))
	}
}

func FuzzVerifyInclusion(f *testing.F) {
	random := rand.New(rand.NewPCG(37, 38))
	for _, n := range []int{1, 2, 3, 6, 40} {
		ids := randomHashes(random, n)
		path, err := bitcoin.InclusionPath(ids, uint32(n-1))
		require.NoError(f, err)
		f.Add(ids[n-1][:], uint32(n-1), bytes.Join(slicesOf(path), nil))
	}
	f.Fuzz(func(t *testing.T, idBytes []byte, position uint32, siblings []byte) {
		var id bitcoin.Hash
		copy(id[:], idBytes)
		var path []bitcoin.Hash
		for ; len(siblings) >= 32; siblings = siblings[32:] {
			path = append(path, bitcoin.Hash(siblings))
		}
		root := fold(id, position, path)
		if bitcoin.VerifyInclusion(id, position, path, root) == nil {
			require.LessOrEqual(t, len(path), 24)
			require.Zero(t, position>>len(path))
		}
		root[31] ^= 1
		require.Error(t, bitcoin.VerifyInclusion(id, position, path, root))
	})
}

package merkle_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"

	"gradseal/merkle"
)

// smallSizes is the number of tree sizes, from 1, that are compared leaf by
// leaf: past 2^7, so that every way for a level to be odd occurs.
const smallSizes = 130

func TestNewRefusesNoLeaves(t *testing.T) {
	for _, leaves := range [][]merkle.Hash{nil, {}} {
		tree, err := merkle.New(leaves)
		require.EqualError(t, err, "tree has 0 leaves, want 1 to 4294967295")
		require.Nil(t, tree)
	}
}

func TestTreeOfOneLeaf(t *testing.T) {
	leaf := merkle.LeafHash([]byte("only"))
	tree := mustTree(t, []merkle.Hash{leaf})
	path, err := tree.AppendPath(nil, 0)
	require.NoError(t, err)
	require.Empty(t, path)
	require.Equal(t, leaf, tree.Root())
	require.NoError(t, merkle.VerifyInclusion(leaf, 0, 1, path, leaf))
}

// The eight entries and their roots come with the oracle; implementations of
// Certificate Transparency are tested with them.
func TestPublishedRoots(t *testing.T) {
	entries, roots := testonly.LeafInputs(), testonly.RootHashes()
	for size := 1; size <= len(entries); size++ {
		root := mustTree(t, leafHashes(entries[:size])).Root()
		require.Equal(t, roots[size], root[:], "tree of %d", size)
	}
}

func TestTreeAgreesWithReference(t *testing.T) {
	entries := testEntries(100) // the reference takes cubic time
	for size := 1; size <= len(entries); size++ {
		tree := mustTree(t, leafHashes(entries[:size]))
		require.Equal(t, merkle.Hash(referenceRoot(entries[:size])), tree.Root())
		for index := range uint64(size) {
			want := referencePath(index, entries[:size])
			require.Equal(t, asHashes(want), mustPath(t, tree, index), "leaf %d of %d", index, size)
		}
	}
}

func TestSmallTreesAgreeWithOracle(t *testing.T) {
	leaves := leafHashes(testEntries(smallSizes))
	oracle := newOracle(leaves)
	for size := 1; size <= smallSizes; size++ {
		tree := mustTree(t, leaves[:size])
		for index := range uint64(size) {
			compareWithOracle(t, tree, oracle, index)
		}
	}
}

// Sizes straddle the smallest level that is shared between CPUs and the powers
// of two where the tree grows a level; the others are drawn anew in every run.
func TestLargeTreesAgreeWithOracle(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	sizes := []uint64{4095, 4096, 4097, 1<<16 - 1, 1<<16 + 1, 1 + random.Uint64N(1<<17), 1 + random.Uint64N(1<<17)}
	if !testing.Short() {
		sizes = append(sizes, 1<<19+1+random.Uint64N(1<<19))
	}
	leaves := leafHashes(testEntries(slices.Max(sizes)))
	oracle := newOracle(leaves)
	for _, size := range sizes {
		tree := mustTree(t, leaves[:size])
		for _, index := range sampleIndexes(random, size) {
			compareWithOracle(t, tree, oracle, index)
		}
	}
}

// sampleIndexes returns leaf indexes of a large tree: both ends, the leaves to
// either side of the root's split, and some in between.
func sampleIndexes(random *rand.Rand, size uint64) []uint64 {
	split := largestPowerBelow(size)
	indexes := []uint64{0, 1, split - 1, split, size - 2, size - 1}
	for range 100 {
		indexes = append(indexes, random.Uint64N(size))
	}
	return indexes
}

// compareWithOracle checks the root, that either side makes the audit path which
// the other one makes, and that each verifies it.
func compareWithOracle(t *testing.T, tree *merkle.Tree, oracle *testonly.Tree, index uint64) {
	t.Helper()
	size, root, leaf := tree.Size(), tree.Root(), tree.Leaf(index)
	require.Equal(t, oracle.HashAt(size), root[:])
	require.Equal(t, oracle.LeafHash(index), leaf[:])

	theirs, err := oracle.InclusionProof(index, size)
	require.NoError(t, err)
	ours := mustPath(t, tree, index)
	require.Equal(t, merkle.PathLen(index, size), len(ours))
	require.Truef(t, slices.EqualFunc(theirs, ours, equalHash), "path of leaf %d of %d", index, size)

	require.NoError(t, merkle.VerifyInclusion(leaf, index, size, ours, root))
	require.NoError(t, proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, leaf[:], asSlices(ours), root[:]))
}

// The number of CPUs decides how a level is cut up, never what comes out.
func TestRootIsTheSameOnAnyNumberOfCPUs(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	leaves := leafHashes(testEntries(20_000))
	oracle := newOracle(leaves)
	for _, cpus := range []int{1, 2, 3, 7, 64} {
		runtime.GOMAXPROCS(cpus)
		for _, size := range []uint64{2047, 2048, 4096, 4099, 6145, 14_337, 20_000} {
			root := mustTree(t, leaves[:size]).Root()
			require.Equal(t, oracle.HashAt(size), root[:], "%d leaves on %d CPUs", size, cpus)
		}
	}
}

// Several leaves may be equal; the tree takes no notice.
func TestEqualLeaves(t *testing.T) {
	leaves := make([]merkle.Hash, 11)
	oracle := newOracle(leaves)
	tree := mustTree(t, leaves)
	for index := range tree.Size() {
		compareWithOracle(t, tree, oracle, index)
	}
}

// Duplicating the last node of an odd level, as Bitcoin does, would give a tree
// of three leaves the root of one of four (CVE-2012-2459).
func TestOddNodeIsNotDuplicated(t *testing.T) {
	leaves := leafHashes(testEntries(3))
	doubled := append(slices.Clone(leaves), leaves[2])
	require.NotEqual(t, mustTree(t, doubled).Root(), mustTree(t, leaves).Root())
}

func TestAppendPathKeepsWhatIsThere(t *testing.T) {
	tree := mustTree(t, leafHashes(testEntries(7)))
	dst := []merkle.Hash{{1}, {2}}
	got, err := tree.AppendPath(dst, 3)
	require.NoError(t, err)
	require.Equal(t, append([]merkle.Hash{{1}, {2}}, mustPath(t, tree, 3)...), got)
}

func TestAppendPathRefusesIndex(t *testing.T) {
	tree := mustTree(t, leafHashes(testEntries(5)))
	for _, index := range []uint64{5, 6, 1 << 32, 1<<64 - 1} {
		path, err := tree.AppendPath(make([]merkle.Hash, 1, 8), index)
		require.EqualError(t, err, fmt.Sprintf("leaf index is %d, want less than the tree size 5", index))
		require.Nil(t, path)
	}
}

func TestAppendPathDoesNotAllocate(t *testing.T) {
	tree := mustTree(t, leafHashes(testEntries(1000)))
	path := make([]merkle.Hash, 0, merkle.MaxPath)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		path, _ = tree.AppendPath(path[:0], 777)
	}))
	require.Len(t, path, 10)
}

func TestLeafPanicsBeyondTree(t *testing.T) {
	tree := mustTree(t, leafHashes(testEntries(5)))
	require.Panics(t, func() { tree.Leaf(5) })
	require.Panics(t, func() { tree.Leaf(1<<64 - 1) })
}

// Under the race detector this fails if reading a tree ever writes to it.
func TestTreeIsReadConcurrently(t *testing.T) {
	tree := mustTree(t, leafHashes(testEntries(300)))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { verifyEveryLeaf(t, tree) })
	}
	wg.Wait()
}

func verifyEveryLeaf(t *testing.T, tree *merkle.Tree) {
	var path []merkle.Hash
	for index := range tree.Size() {
		path, _ = tree.AppendPath(path[:0], index)
		if err := merkle.VerifyInclusion(tree.Leaf(index), index, tree.Size(), path, tree.Root()); err != nil {
			t.Error(err)
		}
	}
}

func mustTree(t testing.TB, leaves []merkle.Hash) *merkle.Tree {
	t.Helper()
	tree, err := merkle.New(leaves)
	require.NoError(t, err)
	require.Equal(t, uint64(len(leaves)), tree.Size())
	return tree
}

func mustPath(t testing.TB, tree *merkle.Tree, index uint64) []merkle.Hash {
	t.Helper()
	path, err := tree.AppendPath([]merkle.Hash{}, index)
	require.NoError(t, err)
	return path
}

// testEntries returns n different entries of 8 bytes.
func testEntries(n uint64) [][]byte {
	entries := make([][]byte, n)
	for i := range entries {
		entries[i] = binary.BigEndian.AppendUint64(nil, uint64(i))
	}
	return entries
}

func leafHashes(entries [][]byte) []merkle.Hash {
	leaves := make([]merkle.Hash, len(entries))
	for i, entry := range entries {
		leaves[i] = merkle.LeafHash(entry)
	}
	return leaves
}

// newOracle returns the tree of transparency-dev/merkle over the same leaves. It
// answers for every size up to theirs.
func newOracle(leaves []merkle.Hash) *testonly.Tree {
	oracle := testonly.New(rfc6962.DefaultHasher)
	oracle.Append(asSlices(leaves)...)
	return oracle
}

func asSlices(hashes []merkle.Hash) [][]byte {
	slices := make([][]byte, len(hashes))
	for i := range hashes {
		slices[i] = hashes[i][:]
	}
	return slices
}

func asHashes(arrays [][32]byte) []merkle.Hash {
	hashes := make([]merkle.Hash, len(arrays))
	for i, array := range arrays {
		hashes[i] = array
	}
	return hashes
}

func equalHash(b []byte, h merkle.Hash) bool {
	return string(b) == string(h[:])
}

package merkle_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"gradseal/merkle"
)

// inclusion is what VerifyInclusion judges.
type inclusion struct {
	leaf        merkle.Hash
	index, size uint64
	path        []merkle.Hash
	root        merkle.Hash
}

func (p inclusion) verify() error {
	return merkle.VerifyInclusion(p.leaf, p.index, p.size, p.path, p.root)
}

func (p inclusion) String() string {
	return fmt.Sprintf("leaf %d of %d", p.index, p.size)
}

// inclusions returns what holds for every leaf of a tree of each size up to max.
func inclusions(t *testing.T, max int) []inclusion {
	leaves := leafHashes(testEntries(uint64(max)))
	var all []inclusion
	for size := 1; size <= max; size++ {
		tree := mustTree(t, leaves[:size])
		for i := range tree.Size() {
			p := inclusion{tree.Leaf(i), i, tree.Size(), mustPath(t, tree, i), tree.Root()}
			require.NoError(t, p.verify())
			all = append(all, p)
		}
	}
	return all
}

func TestPathLenAgreesWithReference(t *testing.T) {
	for size := uint64(1); size <= 300; size++ {
		for index := range size {
			require.Equal(t, len(referenceTurns(index, size)), merkle.PathLen(index, size), "leaf %d of %d", index, size)
		}
	}
}

func TestPathLen(t *testing.T) {
	tests := []struct {
		index, size uint64
		want        int
	}{
		{0, 1, 0},
		{0, 2, 1},
		{130, 200, 8},
		{192, 193, 2},
		{0, 1<<32 - 1, merkle.MaxPath},
		{1<<32 - 2, 1<<32 - 1, 31},
		{0, 1 << 32, merkle.MaxPath},
		{1<<32 - 1, 1 << 32, merkle.MaxPath},
		{0, 1<<32 + 1, merkle.MaxPath + 1},
		{1 << 32, 1<<32 + 1, 1},
		{0, 1<<63 - 1, 63},
		{1<<63 - 1, 1 << 63, 63},
		{0, 1 << 63, 63},
		{0, 1<<63 + 1, 64},
		{1 << 63, 1<<63 + 1, 1},
		{0, math.MaxUint64, 64},
		{math.MaxUint64 - 1, math.MaxUint64, 63},

		{0, 0, -1},
		{1, 0, -1},
		{1, 1, -1},
		{math.MaxUint64, 0, -1},
		{math.MaxUint64, 1 << 32, -1},
		{math.MaxUint64, math.MaxUint64, -1},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("leaf %d of %d", test.index, test.size), func(t *testing.T) {
			require.Equal(t, test.want, merkle.PathLen(test.index, test.size))
		})
	}
}

func TestMaxPathIsTheLongestUpTo2To32Leaves(t *testing.T) {
	for bit := range 33 {
		size := uint64(1) << bit
		for _, index := range []uint64{0, size / 2, size/2 - 1, size - 1, size * 2 / 3} {
			require.LessOrEqual(t, merkle.PathLen(index, size), merkle.MaxPath)
			require.LessOrEqual(t, merkle.PathLen(index, size-1), merkle.MaxPath)
		}
	}
}

func TestVerifyInclusionRefusesEveryFlippedBit(t *testing.T) {
	for _, p := range inclusions(t, 9) {
		const want = "audit path leads to root hash"
		fields := []*merkle.Hash{&p.leaf, &p.root}
		for i := range p.path {
			fields = append(fields, &p.path[i])
		}
		for i, field := range fields {
			for bit := range 8 * len(field) {
				field[bit/8] ^= 1 << (bit % 8)
				require.ErrorContains(t, p.verify(), want, "%v, hash %d, bit %d", p, i, bit)
				field[bit/8] ^= 1 << (bit % 8)
			}
		}
		require.NoError(t, p.verify())
	}
}

// No leaf can be passed off as another one of the same tree: the way from the
// root to a leaf is its own.
func TestVerifyInclusionRefusesEveryOtherIndex(t *testing.T) {
	for _, p := range inclusions(t, 33) {
		right := p.index
		for p.index = range p.size + 2 {
			if p.index != right {
				require.Error(t, p.verify(), "path of leaf %d as %v", right, p)
			}
		}
	}
}

func TestVerifyInclusionRefusesSwappedHashes(t *testing.T) {
	for _, p := range inclusions(t, 17) {
		for i := 1; i < len(p.path); i++ {
			p.path[i-1], p.path[i] = p.path[i], p.path[i-1]
			require.Error(t, p.verify(), "%v, hashes %d and %d swapped", p, i-1, i)
			p.path[i-1], p.path[i] = p.path[i], p.path[i-1]
		}
	}
}

// A wrong size is noticed where it changes the turns of the path, and there only.
// It then changes their number: a leaf has a left sibling for every one bit of its
// index in any tree, so sizes that differ in turns differ in right siblings.
func TestWrongSizeIsNoticedByPathLengthOnly(t *testing.T) {
	accepted := 0
	for _, p := range inclusions(t, 33) {
		right := p.size
		turns := referenceTurns(p.index, right)
		for p.size = p.index + 1; p.size <= 70; p.size++ {
			switch {
			case referenceTurns(p.index, p.size) != turns:
				require.ErrorContains(t, p.verify(), fmt.Sprintf("audit path has %d hashes", len(turns)), "%v", p)
			case p.size != right:
				require.NoError(t, p.verify(), "path of size %d as %v", right, p)
				accepted++
			}
		}
	}
	require.NotZero(t, accepted, "wrong sizes with the turns of the right one")
}

func TestNeighbouringSizes(t *testing.T) {
	tests := []struct {
		index, size, claimed uint64
		err                  string // empty: the path verifies for the claimed size too
	}{
		{0, 3, 4, ""},
		{0, 4, 3, ""},
		{3, 7, 6, ""},
		{0, 4, 5, "audit path has 2 hashes, want 3 (leaf 0 of 5)"},
		{0, 5, 4, "audit path has 3 hashes, want 2 (leaf 0 of 4)"},
		{2, 3, 4, "audit path has 1 hashes, want 2 (leaf 2 of 4)"},
		{2, 4, 3, "audit path has 2 hashes, want 1 (leaf 2 of 3)"},
		{4, 5, 6, "audit path has 1 hashes, want 2 (leaf 4 of 6)"},
		{4, 5, 4, "leaf index is 4, want less than the tree size 4"},
	}
	all := inclusions(t, 8)
	for _, test := range tests {
		t.Run(fmt.Sprintf("leaf %d of %d as of %d", test.index, test.size, test.claimed), func(t *testing.T) {
			p := all[slices.IndexFunc(all, func(p inclusion) bool { return p.index == test.index && p.size == test.size })]
			p.size = test.claimed
			requireErrorText(t, p.verify(), test.err)
		})
	}
}

// The path binds the leaf and the root, not the size: one path of 15 hashes
// verifies under one root for 2^14 sizes. A verifier has to take the size from
// what the issuer signed.
func TestOnePathFitsManySizes(t *testing.T) {
	tree := mustTree(t, leafHashes(testEntries(20_000)))
	path := mustPath(t, tree, 0)
	require.Len(t, path, 15)
	var fits []uint64
	for size := uint64(1); size <= 1<<16; size++ {
		if merkle.VerifyInclusion(tree.Leaf(0), 0, size, path, tree.Root()) == nil {
			fits = append(fits, size)
		}
	}
	require.Len(t, fits, 16_384)
	require.Equal(t, uint64(1<<14+1), fits[0])
	require.Equal(t, uint64(1<<15), fits[len(fits)-1])
}

func TestVerifyInclusionRefusesOtherPathLengths(t *testing.T) {
	for _, p := range inclusions(t, 40) {
		right := p.path
		others := [][]merkle.Hash{append(slices.Clone(right), merkle.Hash{}), append(slices.Clone(right), p.root), make([]merkle.Hash, merkle.MaxPath+1)}
		if len(right) > 0 {
			others = append(others, nil, right[1:], right[:len(right)-1])
		}
		for _, p.path = range others {
			want := fmt.Sprintf("audit path has %d hashes, want %d (%v)", len(p.path), len(right), p)
			require.EqualError(t, p.verify(), want)
		}
	}
}

// A node is not a leaf: its hash with the rest of the path from there is refused,
// since the size fixes the length.
func TestVerifyInclusionRefusesNodeAsLeaf(t *testing.T) {
	tree := mustTree(t, leafHashes(testEntries(8)))
	path := mustPath(t, tree, 0)
	node := merkle.NodeHash(tree.Leaf(0), path[0])
	require.EqualError(t, merkle.VerifyInclusion(node, 0, 8, path[1:], tree.Root()),
		"audit path has 2 hashes, want 3 (leaf 0 of 8)")
	require.EqualError(t, merkle.VerifyInclusion(tree.Root(), 0, 8, nil, tree.Root()),
		"audit path has 0 hashes, want 3 (leaf 0 of 8)")
}

func TestVerifyInclusionErrors(t *testing.T) {
	const max = math.MaxUint64
	zero := merkle.LeafHash(nil)
	tests := []struct {
		name        string
		index, size uint64
		path        []merkle.Hash
		want        string
	}{
		{"empty tree", 0, 0, nil, "leaf index is 0, want less than the tree size 0"},
		{"empty tree, path", 0, 0, make([]merkle.Hash, 1), "leaf index is 0, want less than the tree size 0"},
		{"index is size", 5, 5, make([]merkle.Hash, 3), "leaf index is 5, want less than the tree size 5"},
		{"index is size, 2^32", 1 << 32, 1 << 32, make([]merkle.Hash, 32), "leaf index is 4294967296, want less than the tree size 4294967296"},
		{"index is size, 2^64-1", max, max, make([]merkle.Hash, 64), "leaf index is 18446744073709551615, want less than the tree size 18446744073709551615"},
		{"index far beyond", max, 1, nil, "leaf index is 18446744073709551615, want less than the tree size 1"},
		{"one hash short", 130, 200, make([]merkle.Hash, 7), "audit path has 7 hashes, want 8 (leaf 130 of 200)"},
		{"one more than MaxPath", 0, 1 << 32, make([]merkle.Hash, merkle.MaxPath+1), "audit path has 33 hashes, want 32 (leaf 0 of 4294967296)"},
		{"a million hashes", 0, 1 << 32, make([]merkle.Hash, 1e6), "audit path has 1000000 hashes, want 32 (leaf 0 of 4294967296)"},
		{"no path to 2^63+1", 0, 1<<63 + 1, nil, "audit path has 0 hashes, want 64 (leaf 0 of 9223372036854775809)"},
		{"other root", 0, 1, nil, "audit path leads to root hash " + zero.String() + ", want 00000000000000000000000000000000000000" +
			"00000000000000000000000000 (leaf 0 of 1)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.EqualError(t, merkle.VerifyInclusion(zero, test.index, test.size, test.path, merkle.Hash{}), test.want)
		})
	}
}

// Trees of these sizes cannot be built here, but a path for them can: any hashes
// will do, under the root that the oracle computes from them.
func TestVerifyInclusionInHugeTrees(t *testing.T) {
	sizes := []uint64{1<<32 - 1, 1 << 32, 1<<32 + 1, 1<<63 - 1, 1 << 63, 1<<63 + 1, math.MaxUint64}
	for _, size := range sizes {
		for _, index := range []uint64{0, 1, size / 3, size / 2, largestPowerBelow(size), size - 2, size - 1} {
			p := inclusion{leaf: merkle.LeafHash(nil), index: index, size: size}
			p.path = leafHashes(testEntries(uint64(len(referenceTurns(index, size)))))
			p.root = oracleRoot(t, p)
			require.NoError(t, p.verify(), "%v", p)
			p.leaf[0] ^= 1
			require.ErrorContains(t, p.verify(), "audit path leads to root hash", "%v", p)
		}
	}
}

func oracleRoot(t *testing.T, p inclusion) merkle.Hash {
	t.Helper()
	root, err := proof.RootFromInclusionProof(rfc6962.DefaultHasher, p.index, p.size, p.leaf[:], asSlices(p.path))
	require.NoError(t, err)
	return merkle.Hash(root)
}

func TestVerifyInclusionDoesNotAllocate(t *testing.T) {
	p := inclusions(t, 30)[400]
	require.NotEmpty(t, p.path)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if p.verify() != nil {
			t.Error("refused")
		}
	}))
}

// FuzzVerifyInclusion compares the verdict on arbitrary input with the oracle's.
// Random input is hardly ever valid, so fit cuts or pads the path to the length
// wanted, and derive puts the root in place that it leads to.
func FuzzVerifyInclusion(f *testing.F) {
	tree := mustTree(f, leafHashes(testEntries(13)))
	root := tree.Root()
	for index := range tree.Size() {
		leaf := tree.Leaf(index)
		path := slices.Concat(asSlices(mustPath(f, tree, index))...)
		f.Add(leaf[:], index, tree.Size(), path, root[:], false, false)
		f.Add(leaf[:], index, tree.Size()+1, path, root[:], true, true)
	}
	f.Add([]byte{}, uint64(0), uint64(0), []byte{}, []byte{}, false, false)
	f.Add([]byte{}, uint64(1<<32-1), uint64(1<<32), []byte{}, []byte{}, true, true)
	f.Add([]byte{}, uint64(1<<63), uint64(1<<63+1), make([]byte, 32), []byte{}, false, true)
	f.Add([]byte{}, uint64(0), uint64(math.MaxUint64), make([]byte, 64*32), []byte{}, true, false)

	f.Fuzz(func(t *testing.T, leaf []byte, index, size uint64, path, root []byte, fit, derive bool) {
		p := inclusion{hashOf(leaf), index, size, hashesOf(path), hashOf(root)}
		if fit && index < size {
			p.path = append(p.path, make([]merkle.Hash, 64)...)[:merkle.PathLen(index, size)]
		}
		derived, err := proof.RootFromInclusionProof(rfc6962.DefaultHasher, index, size, p.leaf[:], asSlices(p.path))
		require.False(t, fit && index < size && err != nil, "PathLen differs from the oracle: %v", err)
		if derive && err == nil {
			p.root = merkle.Hash(derived)
		}
		got := p.verify()
		want := proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, p.leaf[:], asSlices(p.path), p.root[:])
		require.Equal(t, want == nil, got == nil, "got %v, the oracle %v", got, want)
	})
}

// hashOf returns the first 32 bytes, with zeros for what is missing.
func hashOf(b []byte) merkle.Hash {
	var h merkle.Hash
	copy(h[:], b)
	return h
}

func hashesOf(b []byte) []merkle.Hash {
	var hashes []merkle.Hash
	for chunk := range slices.Chunk(b, 32) {
		hashes = append(hashes, hashOf(chunk))
	}
	return hashes
}

func requireErrorText(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		require.NoError(t, err)
		return
	}
	require.EqualError(t, err, want)
}

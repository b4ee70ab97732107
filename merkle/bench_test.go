package merkle_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/merkle"
)

func BenchmarkNew(b *testing.B) {
	for _, size := range []uint64{1_000, 100_000, 1_000_000} {
		leaves := leafHashes(testEntries(size))
		b.Run(fmt.Sprintf("leaves=%d", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := merkle.New(leaves)
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkAppendPath(b *testing.B) {
	const size = 1_000_000
	tree := mustTree(b, leafHashes(testEntries(size)))
	path := make([]merkle.Hash, 0, merkle.MaxPath)
	index := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		path, _ = tree.AppendPath(path[:0], index)
		index = (index + 7919) % size
	}
	require.NotEmpty(b, path)
}

func BenchmarkVerifyInclusion(b *testing.B) {
	const size, index = 1_000_000, 345_678
	tree := mustTree(b, leafHashes(testEntries(size)))
	leaf, path, root := tree.Leaf(index), mustPath(b, tree, index), tree.Root()
	b.ReportAllocs()
	for b.Loop() {
		if err := merkle.VerifyInclusion(leaf, index, size, path, root); err != nil {
			b.Fatal(err)
		}
	}
}

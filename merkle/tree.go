package merkle

import (
	"fmt"
	"math"
	"runtime"
	"sync"
)

const (
	// maxLeaves is the largest tree that New builds.
	maxLeaves = math.MaxUint32

	// minChunk is how many nodes are worth a goroutine of their own: some 100 µs
	// of hashing.
	minChunk = 1024
)

// Tree is a Merkle tree with every level kept, 64 bytes a leaf in all. It does
// not change after [New], so any number of goroutines may read it at once. The
// zero Tree is of no use: its methods panic.
type Tree struct {
	// levels[0] holds the leaves and the last level the root alone. Node i has
	// the children 2i and 2i+1 one level down, or is child 2i itself where that
	// one is the last of an odd level.
	levels [][]Hash
}

// New builds the tree over the given leaf hashes, on all CPUs. It takes
// ownership of leaves: the caller must not change them afterwards. It returns
// an error where there is no leaf, or more than 2^32-1 of them.
func New(leaves []Hash) (*Tree, error) {
	if err := checkSize(uint64(len(leaves))); err != nil {
		return nil, err
	}
	levels := [][]Hash{leaves}
	for level := leaves; len(level) > 1; {
		level = parents(level)
		levels = append(levels, level)
	}
	return &Tree{levels: levels}, nil
}

func checkSize(size uint64) error {
	if size == 0 || size > maxLeaves {
		return fmt.Errorf("tree has %d leaves, want 1 to %d", size, uint64(maxLeaves))
	}
	return nil
}

// Size returns the number of leaves.
func (t *Tree) Size() uint64 {
	return uint64(len(t.levels[0]))
}

// Root returns the root hash: MTH in RFC 9162 §2.1.1.
func (t *Tree) Root() Hash {
	return t.levels[len(t.levels)-1][0]
}

// Leaf returns the leaf hash at an index from 0. It panics where the index is
// not below the tree size.
func (t *Tree) Leaf(index uint64) Hash {
	return t.levels[0][index]
}

// AppendPath appends the audit path of a leaf to dst and returns the extended
// slice: [PathLen] sibling hashes, leaf to root (RFC 9162 §2.1.3.1). It hashes
// nothing. It returns an error where the index is not below the tree size.
func (t *Tree) AppendPath(dst []Hash, index uint64) ([]Hash, error) {
	if err := checkIndex(index, t.Size()); err != nil {
		return nil, err
	}
	for _, level := range t.levels {
		if sibling := index ^ 1; sibling < uint64(len(level)) {
			dst = append(dst, level[sibling])
		}
		index >>= 1
	}
	return dst, nil
}

// parents returns the level above one of at least two nodes. Splitting each
// subtree at the largest power of two below its size, as RFC 9162 §2.1.1 does,
// is the same as pairing from the left and promoting a last node without partner.
func parents(level []Hash) []Hash {
	above := make([]Hash, (len(level)+1)/2)
	eachChunk(len(level)/2, func(begin, end int) {
		for i := begin; i < end; i++ {
			above[i] = NodeHash(level[2*i], level[2*i+1])
		}
	})
	if len(level)%2 == 1 {
		above[len(above)-1] = level[len(level)-1]
	}
	return above
}

// eachChunk has the range from 0 to n worked off in one piece for each CPU, or
// as a whole where it is too short to share.
func eachChunk(n int, work func(begin, end int)) {
	workers := min(runtime.GOMAXPROCS(0), n/minChunk)
	if workers < 2 {
		work(0, n)
		return
	}
	chunk := (n + workers - 1) / workers
	var wg sync.WaitGroup
	for begin := 0; begin < n; begin += chunk {
		wg.Go(func() { work(begin, min(begin+chunk, n)) })
	}
	wg.Wait()
}

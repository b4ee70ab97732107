package merkle

import "fmt"

// MaxPath is the number of hashes in the longest audit path of a tree of up to
// 2^32 leaves. It is for readers of proofs, to refuse a longer path before they
// allocate it; VerifyInclusion itself wants the exact length.
const MaxPath = 32

// PathLen returns the number of hashes in the audit path of the leaf at an index
// of a tree of size leaves: 0 in a tree of one leaf, at most MaxPath up to 2^32
// leaves, at most 64 ever. It returns -1, the length of no path, where the index
// is not below the size.
func PathLen(index, size uint64) int {
	if index >= size {
		return -1
	}
	n := 0
	for last := size - 1; last > 0; last >>= 1 {
		if hasSibling(index, last) {
			n++
		}
		index >>= 1
	}
	return n
}

// LeftSiblings tells of each hash of the audit path of the leaf at an index of a
// tree of size leaves, leaf to root, whether it goes before what it is hashed
// with. There are PathLen of them.
func LeftSiblings(index, size uint64) []bool {
	left := make([]bool, 0, max(PathLen(index, size), 0))
	if index >= size {
		return left
	}
	for last := size - 1; last > 0; last >>= 1 {
		if hasSibling(index, last) {
			left = append(left, index&1 == 1)
		}
		index >>= 1
	}
	return left
}

// VerifyInclusion checks that leaf is the leaf hash at an index, from 0, of the
// tree with that size and root hash. The audit path runs from leaf to root and
// has [PathLen] hashes, no more and no fewer (RFC 9162 §2.1.3.2). The error says
// which of these is wrong: an index not below the size, the length of the path,
// or the root hash.
//
// Size and root must come from a source the caller trusts: one path and root
// verify for many sizes, so it is not this check that makes the size true.
func VerifyInclusion(leaf Hash, index, size uint64, path []Hash, root Hash) error {
	if err := checkIndex(index, size); err != nil {
		return err
	}
	if got, want := len(path), PathLen(index, size); got != want {
		return fmt.Errorf("audit path has %d hashes, want %d (leaf %d of %d)", got, want, index, size)
	}
	if got := climb(leaf, index, size, path); got != root {
		return fmt.Errorf("audit path leads to root hash %s, want %s (leaf %d of %d)", got, root, index, size)
	}
	return nil
}

// climb returns the root hash that a leaf and its audit path lead to. The path
// must have PathLen(index, size) hashes.
func climb(leaf Hash, index, size uint64, path []Hash) Hash {
	node := leaf
	for last := size - 1; last > 0; last >>= 1 {
		if hasSibling(index, last) {
			node = join(node, path[0], index)
			path = path[1:]
		}
		index >>= 1
	}
	return node
}

// join returns the parent of the node at an index of its level and its sibling.
// Nodes at odd indexes are right children.
func join(node, sibling Hash, index uint64) Hash {
	if index&1 == 1 {
		return NodeHash(sibling, node)
	}
	return NodeHash(node, sibling)
}

// hasSibling tells whether the node at an index of a level that ends at index
// last is hashed with a sibling on the way up. It is not only where it is itself
// the last of an odd number of nodes: then it is promoted.
func hasSibling(index, last uint64) bool {
	return index^1 <= last
}

func checkIndex(index, size uint64) error {
	if index >= size {
		return fmt.Errorf("leaf index is %d, want less than the tree size %d", index, size)
	}
	return nil
}

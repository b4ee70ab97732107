package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"gradseal/merkle"
)

type treeVector struct {
	head
	Entry string   `json:"entry"`
	Index uint64   `json:"index"`
	Size  uint64   `json:"size"`
	Path  []string `json:"path"`
	Root  string   `json:"root"`
	Fails string   `json:"fails"`
}

func mustHex(s string) []byte { return must(hex.DecodeString(s)) }

// sum is a hash that stands for whatever the text says.
func sum(format string, args ...any) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, format, args...))
}

func hexes[H ~[32]byte](hs []H) []string {
	out := make([]string, len(hs))
	for i, h := range hs {
		b := [32]byte(h)
		out[i] = hex.EncodeToString(b[:])
	}
	return out
}

// leafEntry is an entry of a tree of documents.
func leafEntry(i int) []byte {
	salt, digest := sum("salt %d", i), sum("document %d", i)
	return slices.Concat(salt[:], digest[:])
}

// treeOf is a tree of n entries in their order.
func treeOf(n int) *merkle.Tree {
	leaves := make([]merkle.Hash, n)
	for i := range leaves {
		leaves[i] = merkle.LeafHash(leafEntry(i))
	}
	return must(merkle.New(leaves))
}

// climb is where a path leads when only its sides are known, bit i of sides set
// for a left sibling: what a reader finds that counts nothing.
func climb(node merkle.Hash, sides uint64, path []merkle.Hash) merkle.Hash {
	for i, sibling := range path {
		if sides>>i&1 == 1 {
			node = merkle.NodeHash(sibling, node)
		} else {
			node = merkle.NodeHash(node, sibling)
		}
	}
	return node
}

func siblings(n int) []merkle.Hash {
	out := make([]merkle.Hash, n)
	for i := range out {
		out[i] = merkle.Hash(sum("sibling %d", i))
	}
	return out
}

func treeVectors() []treeVector {
	var all []treeVector
	add := func(name, why string, entry []byte, index, size uint64, path []merkle.Hash, root merkle.Hash, fails string) {
		all = append(all, treeVector{head{"tree-" + name, why}, hex.EncodeToString(entry), index, size, hexes(path), root.String(), fails})
	}
	// grown adds a leaf of a real tree, after a change.
	grown := func(name, why string, n, i int, change func(v *treeVector), fails string) {
		tree := treeOf(n)
		path := must(tree.AppendPath([]merkle.Hash{}, uint64(i)))
		add(name, why, leafEntry(i), uint64(i), uint64(n), path, tree.Root(), fails)
		if change != nil {
			change(&all[len(all)-1])
		}
	}
	grown("one-leaf", "A tree of one leaf has an empty path.", 1, 0, nil, "")
	grown("two-right", "The right one of two leaves.", 2, 1, nil, "")
	grown("promoted", "The last of five leaves goes up two levels without a sibling.", 5, 4, nil, "")
	grown("seven-middle", "A leaf in the middle of seven.", 7, 5, nil, "")

	deep := siblings(32)
	entry := leafEntry(0)
	leaf := merkle.LeafHash(entry)
	add("largest-last", "The last leaf of the largest tree, 2^32.", entry, 1<<32-1, 1<<32, deep, climb(leaf, 1<<32-1, deep), "")
	add("same-path-smallest", "One path and root fit many sizes: 8193 is the smallest for index 0 and 14 hashes.",
		entry, 0, 8193, deep[:14], climb(leaf, 0, deep[:14]), "")
	add("same-path-largest", "One path and root fit many sizes: 16384 is the largest for index 0 and 14 hashes.",
		entry, 0, 16384, deep[:14], climb(leaf, 0, deep[:14]), "")
	batch := sum("batch root")
	add("batch-entry", "An entry of 32 bytes, in a tree of batches.", batch[:], 0, 2, deep[:1], climb(merkle.LeafHash(batch[:]), 0, deep[:1]), "")

	add("size-too-small", "The path of 14 hashes does not fit a tree of 8192 leaves.",
		entry, 0, 8192, deep[:14], climb(leaf, 0, deep[:14]), "tree/path-length")
	add("size-too-large", "The path of 14 hashes does not fit a tree of 16385 leaves.",
		entry, 0, 16385, deep[:14], climb(leaf, 0, deep[:14]), "tree/path-length")
	add("index-is-size", "The index is the size: the walk ends at once with the leaf hash.", entry, 4, 4, nil, leaf, "tree/index")
	add("index-above-size", "The index is far above the size, with the path and the low bits of leaf 1.",
		entry, 9, 2, deep[:1], climb(leaf, 1, deep[:1]), "tree/index")
	add("index-in-one-leaf", "Index 1 in a tree of one leaf.", entry, 1, 1, nil, leaf, "tree/index")
	add("index-2-32", "Index 2^32 is cut to 0 by a reader of 32 bits.", entry, 1<<32, 1<<32, deep, climb(leaf, 0, deep), "tree/index")
	add("path-for-one-leaf", "A tree of one leaf with a path of one hash that leads to the root.",
		entry, 0, 1, deep[:1], climb(leaf, 0, deep[:1]), "tree/path-length")
	grown("path-too-long", "A hash more than the path needs, at its end.", 7, 5, func(v *treeVector) {
		v.Path = append(v.Path, hexes(siblings(1))...)
	}, "tree/path-length")
	grown("path-empty", "No path at all, and the root is the leaf hash.", 4, 0, func(v *treeVector) {
		v.Path, v.Root = []string{}, leaf.String()
	}, "tree/path-length")
	add("path-too-short", "The root is that of the first two of three levels.", entry, 0, 8, deep[:2], climb(leaf, 0, deep[:2]), "tree/path-length")
	promoted := merkle.LeafHash(leafEntry(2))
	last := []merkle.Hash{promoted, deep[0]}
	add("paired-with-itself", "The last of three leaves is paired with itself, as Bitcoin does, and not promoted.",
		leafEntry(2), 2, 3, last, climb(promoted, 2, last), "tree/path-length")

	grown("other-root", "The root is that of another tree.", 7, 5, func(v *treeVector) { v.Root = treeOf(8).Root().String() }, "tree/root")
	grown("other-leaf", "The entry of another document of the tree.", 7, 5, func(v *treeVector) {
		v.Entry = hex.EncodeToString(leafEntry(6))
	}, "tree/root")
	grown("other-index", "The index of the neighbour: left and right change places.", 8, 2, func(v *treeVector) { v.Index = 3 }, "tree/root")
	grown("path-reversed", "The path runs from the root to the leaf.", 8, 2, func(v *treeVector) { slices.Reverse(v.Path) }, "tree/root")
	add("node-as-leaf", "The 64 bytes of an inner node as an entry, the root being its node hash.",
		slices.Concat(leaf[:], deep[0][:]), 0, 1, nil, merkle.NodeHash(leaf, deep[0]), "tree/root")
	add("leaf-without-prefix", "The leaf hash is made without its prefix byte.", entry, 0, 1, nil, sha256.Sum256(entry), "tree/root")
	bare := sha256.Sum256(slices.Concat(leaf[:], deep[0][:]))
	add("node-without-prefix", "The node is made without its prefix byte.", entry, 0, 2, deep[:1], bare, "tree/root")
	add("digest-as-entry", "The leaf hash of the digest alone, without its salt.",
		entry, 0, 1, nil, merkle.LeafHash(entry[32:]), "tree/root")
	add("entry-turned", "Digest and salt have changed places.",
		entry, 0, 1, nil, merkle.LeafHash(slices.Concat(entry[32:], entry[:32])), "tree/root")
	low, high := leaf, deep[0]
	if bytes.Compare(low[:], high[:]) > 0 {
		low, high = high, low
	}
	// One of the two sides is the sorted one; the vector takes the other.
	index := uint64(0)
	if low == leaf {
		index = 1
	}
	add("sorted-pair", "Left and right are in the order of their bytes, as other trees have them.",
		entry, index, 2, deep[:1], merkle.NodeHash(low, high), "tree/root")
	return all
}

func sumBytes(b []byte) [32]byte { return sha256.Sum256(b) }

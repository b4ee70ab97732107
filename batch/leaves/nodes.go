package leaves

import (
	"errors"
	"fmt"
	"slices"

	"gradseal/merkle"
)

// Nodes are those nodes of a tree that the audit paths of some of its leaves are
// made of, each once. For m leaves that lie anywhere in a tree of n these are about
// m(2 + log2(n/m)) hashes, of which m(1 + log2(n/m)) at most are no leaf of the
// some and no parent of what is known: those are what an answer carries.
type Nodes struct {
	size   uint64
	levels []level
	root   merkle.Hash
}

// level are the nodes of one level that are known, by their index in it.
type level struct {
	index []uint32
	hash  []merkle.Hash
}

func (l *level) add(index uint32, hash merkle.Hash) {
	l.index, l.hash = append(l.index, index), append(l.hash, hash)
}

// NewNodes builds the nodes over leaves: their hashes, and at the same places their
// leaf indexes, rising. need is asked for every node that does not follow from them,
// level by level and from the left.
func NewNodes(size uint64, indexes []uint32, hashes []merkle.Hash, need func(level int, index uint64) (merkle.Hash, error)) (*Nodes, error) {
	if len(indexes) == 0 || len(indexes) != len(hashes) {
		return nil, fmt.Errorf("%d leaf indexes and %d leaves", len(indexes), len(hashes))
	}
	for i, index := range indexes {
		if uint64(index) >= size || i > 0 && index <= indexes[i-1] {
			return nil, fmt.Errorf("leaf index %d, want rising ones below the tree size %d", index, size)
		}
	}
	n := &Nodes{size: size}
	own := level{indexes, hashes}
	for width := size; width > 1; width = (width + 1) / 2 {
		known, parents, err := climb(own, len(n.levels), width, need)
		if err != nil {
			return nil, err
		}
		n.levels = append(n.levels, known)
		own = parents
	}
	n.root = own.hash[0]
	return n, nil
}

// climb completes the nodes of a level by their siblings, and returns the parents,
// too. The last node of an odd level has no sibling, and is its own parent.
func climb(own level, depth int, width uint64, need func(int, uint64) (merkle.Hash, error)) (known, parents level, err error) {
	known = level{make([]uint32, 0, len(own.index)), make([]merkle.Hash, 0, len(own.hash))}
	for k := 0; k < len(own.index); k++ {
		index, hash := own.index[k], own.hash[k]
		left, right := hash, hash
		switch {
		case index%2 == 1:
			if left, err = need(depth, uint64(index-1)); err != nil {
				return known, parents, err
			}
			known.add(index-1, left)
			known.add(index, hash)
		case uint64(index)+1 == width:
			known.add(index, hash)
			parents.add(index/2, hash)
			continue
		case k+1 < len(own.index) && own.index[k+1] == index+1:
			k++
			right = own.hash[k]
			known.add(index, hash)
			known.add(index+1, right)
		default:
			if right, err = need(depth, uint64(index)+1); err != nil {
				return known, parents, err
			}
			known.add(index, hash)
			known.add(index+1, right)
		}
		parents.add(index/2, merkle.NodeHash(left, right))
	}
	return known, parents, nil
}

// Root is the root hash of the tree.
func (n *Nodes) Root() merkle.Hash { return n.root }

// AppendPath appends the audit path of one of the leaves to dst, as
// merkle.Tree.AppendPath does.
func (n *Nodes) AppendPath(dst []merkle.Hash, index uint64) ([]merkle.Hash, error) {
	if index >= n.size {
		return nil, fmt.Errorf("leaf index is %d, want less than the tree size %d", index, n.size)
	}
	width := n.size
	for _, l := range n.levels {
		at, ok := slices.BinarySearch(l.index, uint32(index))
		if !ok {
			return nil, errors.New("the path of this leaf is not known here")
		}
		switch {
		case index%2 == 1:
			dst = append(dst, l.hash[at-1])
		case index+1 < width:
			dst = append(dst, l.hash[at+1])
		}
		index, width = index/2, (width+1)/2
	}
	return dst, nil
}

package merkle

// Node returns the hash of a node: level 0 holds the leaves, the last level the root
// alone, and index counts from 0 within the level. It panics where there is no such
// node.
func (t *Tree) Node(level int, index uint64) Hash {
	return t.levels[level][index]
}

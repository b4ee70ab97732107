package bitcoin

import (
	"errors"
	"fmt"
)

// MaxInclusionPath is the number of hashes in the longest path that
// VerifyInclusion takes. A block of four million weight units holds fewer than
// 2^17 transactions.
const MaxInclusionPath = 24

// VerifyInclusion checks that a transaction id is at a position (from 0) of
// the block whose header has the Merkle root given. path holds the sibling
// hashes from the transaction up; a block of one transaction has an empty path
// and position 0.
//
// Bitcoin's tree tells neither leaves from inner nodes nor a repeated node
// from a second one, so that a path which adds up is not enough. Also refused:
// a path of more than 24 hashes; a position that the path is too short for; an
// inner node that could be a 64-byte transaction (CVE-2017-12842); and siblings
// that only a repeated subtree could have (CVE-2012-2459).
func VerifyInclusion(id Hash, position uint32, path []Hash, root Hash) error {
	if len(path) > MaxInclusionPath {
		return fmt.Errorf("invalid block path: %d hashes, want at most %d", len(path), MaxInclusionPath)
	}
	if position>>len(path) != 0 {
		return fmt.Errorf("invalid block path: %d hashes do not reach position %d", len(path), position)
	}
	node, last := id, false
	for i, sibling := range path {
		right := position>>i&1 == 1
		if err := checkSibling(node, sibling, right, last); err != nil {
			return fmt.Errorf("invalid block path: hash %d: %w", i, err)
		}
		last = last || sibling == node
		pair := join(node, sibling)
		if right {
			pair = join(sibling, node)
		}
		if looksLikeTransaction(pair) {
			return fmt.Errorf("invalid block path: hash %d: the node has the shape of a 64-byte transaction", i)
		}
		node = doubleHash(pair[:])
	}
	if node != root {
		return fmt.Errorf("invalid block path: transaction %s leads to root %s, want %s", id, node, root)
	}
	return nil
}

// checkSibling holds the siblings to what Bitcoin's tree can have. A row of
// odd length repeats its last node as that node's right sibling; above it,
// every node on the way up is the last of its row, so a right sibling there can
// only be a repetition too. A node never is the right one of two equal ones:
// that is the phantom of a transaction that is in the block once.
//
// last says that the node, or one below it on the path, was found to be the
// last of its row.
func checkSibling(node, sibling Hash, right, last bool) error {
	if right && sibling == node {
		return errors.New("the left sibling equals the node, a position that only repeats another")
	}
	if !right && last && sibling != node {
		return errors.New("a right sibling above the repeated last node of a row")
	}
	return nil
}

// join is the 64 bytes whose hash is the node above left and right.
func join(left, right Hash) (pair [2 * HashSize]byte) {
	copy(pair[:HashSize], left[:])
	copy(pair[HashSize:], right[:])
	return pair
}

// looksLikeTransaction tells whether an inner node's bytes have the one shape
// of a 64-byte transaction: version (4), one input (1), outpoint (36), script
// length s (1), s bytes, sequence (4), one output (1), value (8), script length
// 4-s (1), 4-s bytes, lock time (4). Somebody could have mined such a
// transaction whose halves are ids of transactions that nobody mined. An
// honest node has this shape once in 10^9.
func looksLikeTransaction(b [2 * HashSize]byte) bool {
	s := b[41]
	return b[4] == 1 && s <= 4 && b[46+s] == 1 && b[55+s] == 4-s
}

// InclusionPath makes the path that VerifyInclusion takes, from the ids of all
// of a block's transactions in their order. It fails for a position that the
// block does not have and for a block too large for MaxInclusionPath.
func InclusionPath(ids []Hash, position uint32) ([]Hash, error) {
	if uint64(position) >= uint64(len(ids)) {
		return nil, fmt.Errorf("position %d is not in a block of %d transactions", position, len(ids))
	}
	if uint64(len(ids)) > 1<<MaxInclusionPath {
		return nil, fmt.Errorf("a block of %d transactions, want at most %d", len(ids), 1<<MaxInclusionPath)
	}
	var path []Hash
	for row, i := ids, int(position); len(row) > 1; row, i = rowAbove(row), i/2 {
		path = append(path, row[min(i^1, len(row)-1)])
	}
	return path, nil
}

// MerkleRoot is the root over the ids of all of a block's transactions in
// their order. No block is without a transaction: of no ids it is all zero.
func MerkleRoot(ids []Hash) Hash {
	if len(ids) == 0 {
		return Hash{}
	}
	row := ids
	for len(row) > 1 {
		row = rowAbove(row)
	}
	return row[0]
}

// rowAbove hashes the nodes of a row in pairs; the last one of an odd row is
// paired with itself.
func rowAbove(row []Hash) []Hash {
	above := make([]Hash, (len(row)+1)/2)
	for i := range above {
		pair := join(row[2*i], row[min(2*i+1, len(row)-1)])
		above[i] = doubleHash(pair[:])
	}
	return above
}

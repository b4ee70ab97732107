// Package merkle builds the Merkle tree over a batch, reads audit paths off it,
// and verifies inclusion proofs. Hashing and shape are those of RFC 9162 §2.1
// with SHA-256: a leaf is hashed behind a 0x00 byte and a node behind a 0x01
// byte, and a subtree without a sibling is promoted, never duplicated.
//
// It trusts SHA-256 and what the caller hands to [VerifyInclusion] as leaf
// hash, tree size and root hash. Leaf index and audit path may come from
// anyone.
//
// It does not vouch for the tree size. An audit path fits every size that gives
// the leaf the same turns on the way to the root, so the size has to come from
// where the root comes from: a signed statement. It does not order the leaves,
// notice equal ones, or look at what they stand for; it has no consistency
// proofs, since its trees never grow. It reads and writes no files. The tree in
// a Bitcoin block is another one, with other rules, and is not handled here.
package merkle

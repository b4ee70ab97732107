// Package proof is the proof file: the evidence that leads from one document
// to one Bitcoin block, in the strict format of docs/format.md.
//
// Parse checks the form only. A parsed proof is a claim: whether its hashes
// meet, who signed it and whether its block exists is decided by package
// verify, with trust roots that no proof can name.
package proof

import (
	"crypto/sha256"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/merkle"
	"gradseal/proof/ots"
)

// Limits that reader and writer share.
const (
	MaxSize       = 64 << 10 // bytes of a proof file
	MaxLayers     = 4
	MaxSuccessors = 12
	MaxTimestamp  = 10_000 // bytes of an OpenTimestamps attestation

	batchRootSize = 32 // bytes
	sha256Size    = 32
	maxHeight     = 1<<32 - 1

	// Suffix is what the name of a proof file adds to its document's name.
	Suffix = ".proof.json"
)

// Proof is one proof file.
type Proof struct {
	Digest [32]byte // SHA-256 of the document
	Salt   [32]byte
	Layers []Layer // 1 to MaxLayers, the document's own tree first
	// Bitcoin and OpenTimestamps are evidence that the last layer's batch root is
	// in a block: where both are there the first decides, and both are nil in a
	// pending proof.
	Bitcoin        *Bitcoin
	OpenTimestamps *OpenTimestamps
}

// Layer places one entry in the tree of one signed statement.
type Layer struct {
	Index  uint64        // leaf index, from 0
	Path   []merkle.Hash // audit path, leaf to root
	Signed []byte        // the signed statement, envelope included

	// Statement and Note are what Parse read from Signed. Marshal ignores them.
	Statement *issuer.Statement
	Note      *issuer.Note
}

// Bitcoin is the evidence that a transaction is in a block. The height is a
// hint: it counts only where the verifier's header chain has Header there.
type Bitcoin struct {
	Transaction []byte // stripped serialization
	Position    uint32 // of the transaction in its block, from 0
	Path        []bitcoin.Hash
	Header      bitcoin.Header
	Height      uint32
	Successors  []bitcoin.Header // 0 to MaxSuccessors headers that follow Header
}

// OpenTimestamps is the evidence that a calendar gave: operations that lead from
// the last layer's batch root to the Merkle root of a block. The height is the
// calendar's word: it counts only where the verifier's header chain has that
// Merkle root there.
type OpenTimestamps struct {
	Ops    []ots.Operation // sha256, append and prepend only
	Height uint32
}

// Entry returns the first layer's tree entry, salt || digest.
func (p *Proof) Entry() []byte {
	return Entry(p.Salt, p.Digest)
}

// Entry returns the 64-byte tree entry of a document.
func Entry(salt, digest [32]byte) []byte {
	return append(salt[:], digest[:]...)
}

// BatchRoot binds a tree to the exact signed bytes of its statement, so that
// the anchor timestamps the signatures as well:
// SHA-256(0x02 || SHA-256(signed) || root).
func BatchRoot(signed []byte, root [32]byte) [32]byte {
	s := sha256.Sum256(signed)
	var b [1 + 32 + 32]byte
	b[0] = 0x02
	copy(b[1:], s[:])
	copy(b[33:], root[:])
	return sha256.Sum256(b[:])
}

package verify

import (
	"bytes"
	"slices"
	"sync/atomic"

	"gradseal/bitcoin"
	"gradseal/proof"
)

// blockMemory remembers of the last few batches in which block they are. All proofs
// of a batch carry the same transaction, header and batch root, and what there is to
// hash and to look up for them is a quarter of judging a proof. The zero value is empty, and several goroutines
// may use it at once.
//
// Only what is certain is remembered: that the anchor is in its block, and the block in
// the header chain, deep enough. Neither policy nor chain changes while a verifier uses
// them, so that the rest of what the answer depends on is in blockQuestion. A header that
// could be read once is not read again, so that it no more matters if it cannot be.
type blockMemory struct {
	slots [16]atomic.Pointer[blockAnswer]
}

// blockQuestion is all that differs from proof to proof.
type blockQuestion struct {
	attestation *proof.Bitcoin
	root        [32]byte // of the batch
	network     bitcoin.Network
}

type blockAnswer struct {
	blockQuestion // with an attestation of its own
	anchor, block Check
	header        BlockAt
}

func (m *blockMemory) slot(q blockQuestion) *atomic.Pointer[blockAnswer] {
	return &m.slots[int(q.root[0])%len(m.slots)]
}

// recall answers as it was answered before, and reports whether it could.
func (m *blockMemory) recall(r *Result, q blockQuestion) bool {
	a := m.slot(q).Load()
	if a == nil || a.root != q.root || a.network != q.network || !sameAttestation(a.attestation, q.attestation) {
		return false
	}
	header := a.header
	r.Checks[Anchor], r.Checks[Block], r.Header = a.anchor, a.block, &header
	return true
}

// note remembers an answer that is certain.
func (m *blockMemory) note(r *Result, q blockQuestion) {
	if !r.isOK(Anchor) || !r.isOK(Block) || r.Header == nil {
		return
	}
	b := *q.attestation
	b.Transaction, b.Path, b.Successors = bytes.Clone(b.Transaction), slices.Clone(b.Path), slices.Clone(b.Successors)
	q.attestation = &b
	m.slot(q).Store(&blockAnswer{q, r.Checks[Anchor], r.Checks[Block], *r.Header})
}

func sameAttestation(a, b *proof.Bitcoin) bool {
	return a.Header == b.Header && a.Height == b.Height && a.Position == b.Position &&
		bytes.Equal(a.Transaction, b.Transaction) && slices.Equal(a.Path, b.Path) && slices.Equal(a.Successors, b.Successors)
}

package proof

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"gradseal/bitcoin"
	"gradseal/merkle"
	"gradseal/proof/ots"
)

// Step is one operation on the way from a document digest to the Merkle root of
// a block, with what it is there for.
type Step struct {
	Op   ots.Operation
	What string
}

// Operations are those of the steps.
func Operations(steps []Step) []ots.Operation {
	ops := make([]ots.Operation, len(steps))
	for i, s := range steps {
		ops[i] = s.Op
	}
	return ops
}

// way puts steps together.
type way []Step

func (w *way) add(op ots.Operation, format string, args ...any) {
	*w = append(*w, Step{op, fmt.Sprintf(format, args...)})
}

// Steps lead from the document digest to the batch root of the last layer. The
// proof must have been parsed. Whether they lead to what was signed is not
// checked here.
func (p *Proof) Steps() ([]Step, error) {
	w := way{}
	w.add(ots.Prepend(p.Salt[:]), "the salt, before the document digest")
	for i, l := range p.Layers {
		if err := w.layer(i+1, l); err != nil {
			return nil, fmt.Errorf("layer %d: %w", i+1, err)
		}
	}
	return w, nil
}

// layer leads from an entry to the batch root.
func (w *way) layer(number int, l Layer) error {
	w.add(ots.Prepend([]byte{0x00}), "the prefix of a leaf")
	w.add(ots.SHA256, "leaf hash, leaf %d of %d in the tree of layer %d", l.Index+1, l.Statement.Size, number)
	left := merkle.LeftSiblings(l.Index, l.Statement.Size)
	if len(left) != len(l.Path) {
		return fmt.Errorf("audit path has %d hashes, want %d (leaf %d of %d)", len(l.Path), len(left), l.Index, l.Statement.Size)
	}
	for i, sibling := range l.Path {
		if left[i] {
			w.add(ots.Prepend(append([]byte{0x01}, sibling[:]...)), "the prefix of a node, and hash %d of the audit path", i+1)
		} else {
			w.add(ots.Append(sibling[:]), "hash %d of the audit path", i+1)
			w.add(ots.Prepend([]byte{0x01}), "the prefix of a node")
		}
		w.add(ots.SHA256, "node %d of %d above the leaf", i+1, len(l.Path))
	}
	signed := sha256.Sum256(l.Signed)
	w.add(ots.Prepend(append([]byte{0x02}, signed[:]...)), "the prefix of a batch root, and SHA-256 of the signed statement")
	w.add(ots.SHA256, "batch root of layer %d", number)
	return nil
}

// Steps lead from the batch root, to which the transaction commits, to the
// Merkle root of the block.
func (b *Bitcoin) Steps() ([]Step, error) {
	tx, err := bitcoin.ParseTransaction(b.Transaction)
	if err != nil {
		return nil, err
	}
	root, err := ParseCommitment(tx)
	if err != nil {
		return nil, err
	}
	// The script may stand in the transaction once more, inside another: any of
	// the places leads to the same transaction.
	before, after, _ := bytes.Cut(b.Transaction, Commitment(root))
	w := way{}
	w.add(ots.Prepend(append(bytes.Clone(before), commitmentPrefix...)), "the transaction up to the batch root, which stands in its OP_RETURN output")
	w.add(ots.Append(after), "the rest of the transaction")
	w.add(ots.SHA256, "first hash of the transaction")
	w.add(ots.SHA256, "transaction %s", tx.ID())
	for i, sibling := range b.Path {
		op := ots.Append(sibling[:])
		if b.Position>>i&1 == 1 {
			op = ots.Prepend(sibling[:])
		}
		w.add(op, "hash %d of %d of the path in the block", i+1, len(b.Path))
		w.add(ots.SHA256, "first hash of the two")
		w.add(ots.SHA256, "node %d of %d above the transaction", i+1, len(b.Path))
	}
	return w, nil
}

// Timestamp is the attestation as a timestamp of the batch root.
func (b *Bitcoin) Timestamp() (*ots.Timestamp, error) {
	steps, err := b.Steps()
	if err != nil {
		return nil, err
	}
	return ots.Path{Ops: Operations(steps), Attestation: ots.Bitcoin(uint64(b.Height))}.Timestamp(), nil
}

// Timestamp is the attestation as a timestamp of the batch root.
func (o *OpenTimestamps) Timestamp() *ots.Timestamp {
	return ots.Path{Ops: o.Ops, Attestation: ots.Bitcoin(uint64(o.Height))}.Timestamp()
}

// ErrNoAttestation says that a proof is pending: it leads to no block yet.
var ErrNoAttestation = errors.New("the proof is pending: it leads to no block yet")

// Export returns the proof as a detached timestamp file of OpenTimestamps, for
// clients that know nothing of gradseal. more, unless it is nil, is what else is
// known about the batch root of the last layer, such as what other calendars
// attest. Issuer, signatures and withdrawals are not in it.
//
// What a Bitcoin attestation leads to is compared with its header; the other
// attestations are taken as they are.
func (p *Proof) Export(more *ots.Timestamp) (*ots.File, error) {
	steps, err := p.Steps()
	if err != nil {
		return nil, err
	}
	all := new(ots.Timestamp)
	if more != nil {
		all = more
	}
	if p.Bitcoin != nil {
		t, err := p.Bitcoin.checkedTimestamp(p.Digest, steps)
		if err != nil {
			return nil, err
		}
		all = ots.Merge(all, t)
	}
	if p.OpenTimestamps != nil {
		all = ots.Merge(all, p.OpenTimestamps.Timestamp())
	}
	if len(all.Attestations)+len(all.Branches) == 0 {
		return nil, ErrNoAttestation
	}
	return &ots.File{Hash: ots.SHA256, Digest: p.Digest[:], Timestamp: all.Canonical().After(Operations(steps))}, nil
}

// checkedTimestamp is Timestamp, if the document leads to the header by it.
func (b *Bitcoin) checkedTimestamp(digest [32]byte, steps []Step) (*ots.Timestamp, error) {
	t, err := b.Timestamp()
	if err != nil {
		return nil, err
	}
	paths, err := t.After(Operations(steps)).Paths(digest[:])
	if err != nil {
		return nil, err
	}
	if got, want := paths[0].Result, b.Header.MerkleRoot(); !bytes.Equal(got, want[:]) {
		return nil, fmt.Errorf("the proof leads to the Merkle root %x, the block has %x", got, want)
	}
	return t, nil
}

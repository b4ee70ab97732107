package calendartest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"gradseal/proof"
	"gradseal/proof/ots"
)

// tree joins leaves in pairs until one is left, an odd one going up as it is. It
// returns the root and the way from each leaf to it.
func tree(leaves [][]byte) (root []byte, paths [][]ots.Operation) {
	paths = make([][]ots.Operation, len(leaves))
	row := make([]node, len(leaves))
	for i, leaf := range leaves {
		row[i] = node{leaf, []int{i}}
	}
	for len(row) > 1 {
		var above []node
		for ; len(row) > 1; row = row[2:] {
			above = append(above, join(row[0], row[1], paths))
		}
		row = append(above, row...)
	}
	return row[0].message, paths
}

// node is one of a tree, with the leaves below it.
type node struct {
	message []byte
	below   []int
}

// join makes the node above two, and adds the step to the paths of their leaves.
func join(left, right node, paths [][]ots.Operation) node {
	for _, i := range left.below {
		paths[i] = append(paths[i], ots.Append(right.message), ots.SHA256)
	}
	for _, i := range right.below {
		paths[i] = append(paths[i], ots.Prepend(left.message), ots.SHA256)
	}
	sum := sha256.Sum256(append(bytes.Clone(left.message), right.message...))
	return node{sum[:], append(left.below, right.below...)}
}

// timestamp is what is known about a commitment: nil while no block has any of
// its transactions.
func (c *Calendar) timestamp(ctx context.Context, k *commitment, faults Faults) (*ots.Timestamp, error) {
	var whole *ots.Timestamp
	for _, s := range k.anchors {
		evidence, err := c.backend.Attest(ctx, s.raw, 0)
		if err != nil {
			return nil, err
		}
		if evidence == nil {
			continue
		}
		t, err := s.timestamp(evidence, faults)
		if err != nil {
			return nil, err
		}
		if whole == nil {
			whole = besides()
		}
		whole = ots.Merge(whole, t)
	}
	return whole, nil
}

// timestamp is the way from a commitment to the block. Where it goes through the
// root of the calendar's tree, others go on to where nobody can follow.
func (s stamp) timestamp(evidence *proof.Bitcoin, faults Faults) (*ots.Timestamp, error) {
	ops, err := toBlock(s.root[:], evidence)
	if err != nil {
		return nil, err
	}
	height := uint64(int64(evidence.Height) + faults.Height)
	t := &ots.Timestamp{Attestations: []ots.Attestation{ots.Bitcoin(height)}}
	if faults.WrongPath {
		ops = append([]ots.Operation{ots.Append([]byte("astray")), ots.SHA256}, ops...)
	}
	t = ots.Merge(t.After(ops), elsewhere())
	return t.After(s.ops), nil
}

// toBlock is the way from the root in a transaction's output to the Merkle root
// of its block, which it ends at.
func toBlock(root []byte, b *proof.Bitcoin) ([]ots.Operation, error) {
	before, behind, ok := bytes.Cut(b.Transaction, root)
	if !ok {
		return nil, fmt.Errorf("calendar: the transaction does not hold the root %x", root)
	}
	ops := []ots.Operation{ots.Prepend(before), ots.Append(behind), ots.SHA256, ots.SHA256}
	for i, sibling := range b.Path {
		side := ots.Append(sibling[:])
		if b.Position>>i&1 == 1 {
			side = ots.Prepend(sibling[:])
		}
		ops = append(ops, side, ots.SHA256, ots.SHA256)
	}
	got, err := run(ops, root)
	if err != nil {
		return nil, err
	}
	if want := b.Header.MerkleRoot(); !bytes.Equal(got, want[:]) {
		return nil, fmt.Errorf("calendar: the path leads to %x, want the block's Merkle root %x", got, want)
	}
	return ops, nil
}

// unknown is a kind of attestation that nobody knows.
var unknown = ots.Attestation{Tag: ots.Tag{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77}, Payload: "of a kind to come"}

// litecoin is the attestation of a block of that chain.
func litecoin(height uint64) ots.Attestation {
	return ots.Attestation{Tag: ots.TagLitecoin, Payload: string(binary.AppendUvarint(nil, height))}
}

// OtherURI is what the second pending attestation of every reply names: a
// calendar that does not exist.
const OtherURI = "https://other.calendar.invalid"

// besides is what replies have about a commitment besides the way to the block.
func besides() *ots.Timestamp {
	second := &ots.Timestamp{Attestations: []ots.Attestation{litecoin(1_234_567)}}
	t := second.After([]ots.Operation{ots.Append([]byte("of another chain")), ots.SHA256})
	t.Attestations = []ots.Attestation{unknown, ots.Pending(OtherURI)}
	return t
}

// elsewhere is a fork from the root of the calendar's tree.
func elsewhere() *ots.Timestamp {
	t := &ots.Timestamp{Attestations: []ots.Attestation{unknown}}
	return t.After([]ots.Operation{ots.Prepend([]byte("of a kind to come")), ots.SHA256})
}

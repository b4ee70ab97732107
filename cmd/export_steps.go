package cmd

import (
	"encoding/hex"
	"fmt"
	"slices"

	"gradseal/bitcoin"
	"gradseal/proof"
	"gradseal/proof/ots"
)

// stepsJSON is a proof as steps that a person can follow by hand.
type stepsJSON struct {
	Version      int                   `json:"version"`
	Proof        string                `json:"proof"`
	SHA256       string                `json:"sha256"`
	Network      string                `json:"network"`
	Layers       []stepsLayerJSON      `json:"layers"`
	Steps        []stepJSON            `json:"steps"`
	Attestations []stepAttestationJSON `json:"attestations"`
	How          []string              `json:"how"`
}

// stepsLayerJSON is what the steps of one layer lead through.
type stepsLayerJSON struct {
	Issuer    string `json:"issuer"`
	Index     uint64 `json:"index"`
	Size      uint64 `json:"size"`
	Root      string `json:"root"`
	Statement string `json:"statement"`
	BatchRoot string `json:"batch_root"`
}

type stepJSON struct {
	N        int    `json:"n"`
	Op       string `json:"op"`
	Argument string `json:"argument"`
	Result   string `json:"result"`
	What     string `json:"what"`
}

type stepAttestationJSON struct {
	Type               string     `json:"type"`
	Height             uint64     `json:"height"`
	MerkleRoot         string     `json:"merkle_root"`
	MerkleRootReversed string     `json:"merkle_root_reversed"`
	Header             *string    `json:"header"`
	BlockHash          *string    `json:"block_hash"`
	Steps              []stepJSON `json:"steps"`
}

// howToFollow says how the steps are followed, a sentence each.
var howToFollow = []string{
	"sha256sum of the document prints sha256: the steps begin there, and each takes the result of the one before it.",
	"prepend writes its argument before that result, append writes it behind, both in hex.",
	"sha256 hashes the bytes, not their digits: printf %s HEX | xxd -r -p | sha256sum prints its result, with the result of the step before it for HEX.",
	"A statement is hashed as it is written in this file: jq -j '.layers[0].statement' FILE | sha256sum prints what stands behind 02 in the step to the batch root.",
	"The steps of each attestation go on from the last of steps, the batch root; attestations are independent of each other.",
	"The last result is merkle_root, which block explorers print reversed, as merkle_root_reversed, for the block at that height.",
	"A header is hashed twice: printf %s HEADER | xxd -r -p | sha256sum | cut -c -64 | xxd -r -p | sha256sum prints block_hash reversed, and digits 73 to 136 of the header are merkle_root.",
	"This proves when the document existed, and neither who issued it nor whether it was withdrawn: gradseal verify checks that.",
}

// newStepsJSON describes a proof. file is what it exports to; of that, the
// attestations of Bitcoin blocks are described.
func newStepsJSON(path string, p *proof.Proof, file *ots.File) (*stepsJSON, error) {
	steps, err := p.Steps()
	if err != nil {
		return nil, err
	}
	out := &stepsJSON{
		Version: jsonVersion, Proof: path, SHA256: hex.EncodeToString(p.Digest[:]),
		Network: p.Layers[0].Statement.Network.String(), How: howToFollow,
	}
	for _, l := range p.Layers {
		root := proof.BatchRoot(l.Signed, l.Statement.Root)
		out.Layers = append(out.Layers, stepsLayerJSON{
			Issuer: l.Statement.Issuer, Index: l.Index, Size: l.Statement.Size,
			Root: hex.EncodeToString(l.Statement.Root[:]), Statement: string(l.Signed), BatchRoot: hex.EncodeToString(root[:]),
		})
	}
	root, err := follow(&out.Steps, 0, p.Digest[:], steps)
	if err != nil {
		return nil, err
	}
	paths, err := file.Timestamp.Paths(file.Digest)
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		if err := out.attest(p, root, path); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// follow appends the steps that begin at the message, the n-th of all before
// them, and returns the result of the last.
func follow(list *[]stepJSON, n int, message []byte, steps []proof.Step) ([]byte, error) {
	for _, s := range steps {
		var err error
		if message, err = s.Op.Apply(message); err != nil {
			return nil, err
		}
		n++
		*list = append(*list, stepJSON{n, s.Op.Name(), hex.EncodeToString([]byte(s.Op.Arg)), hex.EncodeToString(message), s.What})
	}
	return message, nil
}

// attest appends the attestation at the end of a path that begins at the
// document digest, if it is one of a Bitcoin block.
func (out *stepsJSON) attest(p *proof.Proof, batchRoot []byte, path ots.Path) error {
	height, ok := path.Attestation.BitcoinHeight()
	if !ok {
		return nil
	}
	ops := path.Ops[len(out.Steps):]
	steps, own, err := describe(p, ops, height)
	if err != nil {
		return err
	}
	a := stepAttestationJSON{Type: "opentimestamps", Height: height}
	if own {
		a.Type = "bitcoin"
		a.Header = ptr(hex.EncodeToString(p.Bitcoin.Header[:]))
		a.BlockHash = ptr(p.Bitcoin.Header.Hash().String())
	}
	root, err := follow(&a.Steps, len(out.Steps), batchRoot, steps)
	if err != nil {
		return err
	}
	if len(root) != len(bitcoin.Hash{}) {
		return fmt.Errorf("the proof attests to %d bytes, want the %d of a Merkle root", len(root), len(bitcoin.Hash{}))
	}
	a.MerkleRoot, a.MerkleRootReversed = hex.EncodeToString(root), bitcoin.Hash(root).String()
	out.Attestations = append(out.Attestations, a)
	return nil
}

// describe says what operations on the batch root are there for, and whether
// they are those of the issuer's own transaction. Others are a calendar's, which
// says nothing about them.
func describe(p *proof.Proof, ops []ots.Operation, height uint64) (steps []proof.Step, own bool, err error) {
	if p.Bitcoin != nil && uint64(p.Bitcoin.Height) == height {
		if steps, err = p.Bitcoin.Steps(); err != nil {
			return nil, false, err
		}
		if slices.Equal(proof.Operations(steps), ops) {
			return steps, true, nil
		}
	}
	steps = make([]proof.Step, len(ops))
	for i, op := range ops {
		steps[i] = proof.Step{Op: op, What: fmt.Sprintf("step %d of %d that the calendar gave", i+1, len(ops))}
	}
	return steps, false, nil
}

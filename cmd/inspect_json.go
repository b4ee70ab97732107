package cmd

import (
	"encoding/hex"

	"gradseal/proof/ots"
)

// inspectionJSON is what is in a file of evidence, under --json. The tree is a
// list in which each step says which one it comes after.
type inspectionJSON struct {
	Version      int               `json:"version"`
	File         string            `json:"file"`
	Kind         string            `json:"kind"`
	Bytes        int               `json:"bytes"`
	Hash         string            `json:"hash"`
	Digest       string            `json:"digest"`
	Steps        []treeStepJSON    `json:"steps"`
	Attestations []attestationJSON `json:"attestations"`
	Fields       []fieldJSON       `json:"fields"`
	Undrawn      []string          `json:"undrawn"`
}

type treeStepJSON struct {
	N        int    `json:"n"`
	After    int    `json:"after"`
	Op       string `json:"op"`
	Argument string `json:"argument"`
	Result   string `json:"result"`
	What     string `json:"what"`
}

type attestationJSON struct {
	After    int     `json:"after"`
	Type     string  `json:"type"`
	Height   *uint64 `json:"height"`
	Calendar *string `json:"calendar"`
	Tag      string  `json:"tag"`
	Payload  string  `json:"payload"`
}

type fieldJSON struct {
	Part   string   `json:"part"`
	Name   string   `json:"name"`
	Value  string   `json:"value"`
	Checks []string `json:"checks"`
}

func newInspectionJSON(i *inspection) *inspectionJSON {
	out := &inspectionJSON{
		Version: jsonVersion, File: i.path, Kind: i.kind, Bytes: i.bytes,
		Hash: i.named.Name(), Digest: hex.EncodeToString(i.root.message),
		Steps: []treeStepJSON{}, Attestations: []attestationJSON{}, Fields: []fieldJSON{}, Undrawn: []string{},
	}
	out.follow(i.root, 0)
	for _, f := range i.fields {
		out.Fields = append(out.Fields, fieldJSON{f.part, f.name, f.value, append([]string{}, f.by...)})
	}
	out.Undrawn = append(out.Undrawn, i.undrawn...)
	return out
}

// follow appends what comes after a stop, which is step n; the first stop is 0.
func (out *inspectionJSON) follow(s *stop, n int) {
	for _, a := range s.ends {
		out.Attestations = append(out.Attestations, newAttestationJSON(a, n))
	}
	for _, next := range s.then {
		number := len(out.Steps) + 1
		out.Steps = append(out.Steps, treeStepJSON{
			N: number, After: n, Op: next.op.Name(),
			Argument: hex.EncodeToString([]byte(next.op.Arg)), Result: hex.EncodeToString(next.message), What: next.what,
		})
		out.follow(next, number)
	}
}

func newAttestationJSON(a ots.Attestation, after int) attestationJSON {
	out := attestationJSON{After: after, Type: "unknown", Tag: hex.EncodeToString(a.Tag[:]), Payload: hex.EncodeToString([]byte(a.Payload))}
	if height, ok := a.Height(); ok {
		out.Type, out.Height = "litecoin", &height
		if a.Tag == ots.TagBitcoin {
			out.Type = "bitcoin"
		}
	}
	if uri, ok := a.URI(); ok {
		out.Type, out.Calendar = "pending", &uri
	}
	return out
}

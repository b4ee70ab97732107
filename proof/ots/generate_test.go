package ots_test

import (
	"bytes"
	"math/rand/v2"
	"strings"

	"gradseal/proof/ots"
)

// tagUnknown is of a kind that nobody has, tagEthereum of one that the reference
// implementation can read and this package cannot.
var (
	tagUnknown  = ots.Tag{1, 2, 3, 4, 5, 6, 7, 8}
	tagEthereum = ots.Tag{0x30, 0xfe, 0x80, 0x87, 0xb5, 0xc7, 0xea, 0xd7}
)

// number is v in LEB128, seven bits a byte, the lowest first.
func number(v uint64) string {
	if v < 0x80 {
		return string([]byte{byte(v)})
	}
	return string([]byte{byte(v) | 0x80}) + number(v>>7)
}

// counted is s behind its length.
func counted(s string) string { return number(uint64(len(s))) + s }

// attested is an attestation as it stands in a timestamp.
func attested(a ots.Attestation) string {
	return "\x00" + string(a.Tag[:]) + counted(a.Payload)
}

// encode writes what Marshal should, without any check.
func encode(t *ots.Timestamp) string {
	var items []string
	for _, a := range t.Attestations {
		items = append(items, attested(a))
	}
	for _, b := range t.Branches {
		op := string([]byte{b.Op.Tag})
		if b.Op.Tag == 0xf0 || b.Op.Tag == 0xf1 {
			op += counted(b.Op.Arg)
		}
		items = append(items, op+encode(b.Then))
	}
	last := len(items) - 1
	for i := range last {
		items[i] = "\xff" + items[i]
	}
	return strings.Join(items, "")
}

// generator makes timestamps by chance, and of one seed the same ones always.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, 0))} }

func (g generator) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return b
}

// operation is one that a message of size bytes allows.
func (g generator) operation(size int) ots.Operation {
	for {
		n := 1 + g.IntN(40)
		if g.IntN(50) == 0 {
			n = 1 + g.IntN(ots.MaxMessage)
		}
		op := []ots.Operation{
			ots.SHA256, ots.SHA256, ots.SHA1, ots.RIPEMD160, ots.Keccak256, ots.Reverse, ots.Hexlify,
			ots.Append(g.bytes(n)), ots.Prepend(g.bytes(n)), ots.Append(g.bytes(1)), ots.Prepend(g.bytes(32)),
		}[g.IntN(11)]
		if _, err := op.Apply(make([]byte, size)); err == nil {
			return op
		}
	}
}

func (g generator) attestation() ots.Attestation {
	height := g.Uint64() >> g.IntN(64)
	switch g.IntN(6) {
	case 0:
		return ots.Pending("https://" + "abc.calendar.example/x_y-z:1"[:g.IntN(29)])
	case 1:
		return ots.Attestation{Tag: ots.TagLitecoin, Payload: number(height)}
	case 2:
		return ots.Attestation{Tag: tagEthereum, Payload: number(height)}
	case 3:
		return ots.Attestation{Tag: ots.Tag(g.bytes(8)), Payload: string(g.bytes(g.IntN(200)))}
	}
	return ots.Bitcoin(height)
}

// timestamp is one of a message of size bytes, nested depth deep at most, with
// items in any order and none twice.
func (g generator) timestamp(size, depth int) *ots.Timestamp {
	t := new(ots.Timestamp)
	items := 1
	if g.IntN(3) == 0 {
		items += g.IntN(4)
	}
	haveA, haveOp := map[ots.Attestation]bool{}, map[ots.Operation]bool{}
	for range items {
		if depth == 1 || g.IntN(5) == 0 {
			if a := g.attestation(); !haveA[a] {
				haveA[a], t.Attestations = true, append(t.Attestations, a)
			}
			continue
		}
		if op := g.operation(size); !haveOp[op] {
			result, err := op.Apply(make([]byte, size))
			if err != nil {
				panic(err)
			}
			haveOp[op], t.Branches = true, append(t.Branches, ots.Branch{Op: op, Then: g.timestamp(len(result), depth-1)})
		}
	}
	return t
}

// file is the bytes of a detached file, written as encode does.
func (g generator) file(hash ots.Operation, t *ots.Timestamp) []byte {
	size := hash.New().Size()
	head := fileHead + string([]byte{hash.Tag}) + string(g.bytes(size))
	return []byte(head + encode(t))
}

// fileHead is the magic and the version of a detached file, as its definition
// has them.
const fileHead = "\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01"

// hashes are those that a file can be named by.
var hashes = []ots.Operation{ots.SHA256, ots.SHA1, ots.RIPEMD160}

// line is a timestamp with ops and one attestation.
func line(a ots.Attestation, ops ...ots.Operation) *ots.Timestamp {
	return (&ots.Timestamp{Attestations: []ots.Attestation{a}}).After(ops)
}

// repeated is n times the operation.
func repeated(op ots.Operation, n int) []ots.Operation {
	ops := make([]ots.Operation, n)
	for i := range ops {
		ops[i] = op
	}
	return ops
}

// clone is a timestamp that shares nothing with t.
func clone(t *ots.Timestamp) *ots.Timestamp {
	c := &ots.Timestamp{Attestations: append([]ots.Attestation(nil), t.Attestations...)}
	for _, b := range t.Branches {
		c.Branches = append(c.Branches, ots.Branch{Op: b.Op, Then: clone(b.Then)})
	}
	return c
}

// zeros is a message of n bytes.
func zeros(n int) []byte { return bytes.Repeat([]byte{0}, n) }

package leaves

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"gradseal/internal/regular"
	"gradseal/issuer"
	"gradseal/merkle"
	"gradseal/proof"
)

// Answer is what the machine that anchored a batch gives to the worker of one shard:
// with the shard file it makes the proofs. Nothing in it is secret. The nodes lead from
// the shard's leaves to the root of the statement, or they are refused; who signed
// that, and whether the block exists, is for the verifier of a proof: who can write an
// answer can have proofs made that do not verify, and none that do.
//
// Its file is text up to an empty line, and bytes after it:
//
//	gradseal anchored v1
//	batch 20261122-10b7b705
//	shard june-07
//	sum SHA256        of the shard file, as its last line has it
//	leaves COUNT      rows of the shard file
//	statement BYTES
//	bitcoin BYTES     0: no such evidence
//	opentimestamps BYTES
//	nodes COUNT
//
// Then come the signed statement, the evidence as a proof file has it, for every
// leaf of the shard, in the order of their leaf hashes, how far its index is above
// that of the one before (uvarint, from 1 on, the first one above -1; 0: it is not
// in the batch), the nodes, 32 bytes each, in the order in which NewNodes needs
// them, and the SHA-256 of everything before.
type Answer struct {
	Batch string // id
	Shard string // Head.Name
	Sum   [32]byte
	// Statement is signed; Bitcoin and Timestamp are what all proofs carry.
	Statement []byte
	Bitcoin   *proof.Bitcoin
	Timestamp *proof.OpenTimestamps
	// Indexes are the leaf indexes of the shard's leaves in the order of their
	// hashes; -1 for one that is not in the batch.
	Indexes []int64
	Given   []merkle.Hash // the nodes
}

const answerTitle = "gradseal anchored v1"

// maxAnswer is the most bytes that the answer to a shard of so many rows has: a leaf
// index takes 5 bytes, and what leads from a leaf to the root 32 nodes, which those of
// a shard have in common but for the lowest log2(n/m), of m leaves in a tree of n.
func maxAnswer(rows int) int64 {
	shared := bits.Len(uint(rows))
	return 4*proof.MaxSize + int64(rows)*(5+32*int64(2+max(0, 32-shared)))
}

var answerKeys = []string{"batch ", "shard ", "sum ", "leaves ", "statement ", "bitcoin ", "opentimestamps ", "nodes "}

// Marshal returns the answer as a file.
func (a *Answer) Marshal() ([]byte, error) {
	var transaction, timestamp []byte
	var err error
	if a.Bitcoin != nil {
		if transaction, err = proof.MarshalBitcoin(a.Bitcoin); err != nil {
			return nil, err
		}
	}
	if a.Timestamp != nil {
		if timestamp, err = a.Timestamp.Marshal(); err != nil {
			return nil, err
		}
	}
	out := make([]byte, 0, 2*proof.MaxSize+3*len(a.Indexes)+32*len(a.Given))
	out = fmt.Appendf(out, "%s\nbatch %s\nshard %s\nsum %x\nleaves %d\nstatement %d\nbitcoin %d\nopentimestamps %d\nnodes %d\n\n",
		answerTitle, a.Batch, a.Shard, a.Sum, len(a.Indexes), len(a.Statement), len(transaction), len(timestamp), len(a.Given))
	out = append(out, a.Statement...)
	out = append(out, transaction...)
	out = append(out, timestamp...)
	before := int64(-1)
	for _, index := range a.Indexes {
		switch {
		case index < 0:
			out = append(out, 0)
		case index <= before:
			return nil, fmt.Errorf("leaf index %d after %d, want rising ones", index, before)
		default:
			out = binary.AppendUvarint(out, uint64(index-before))
			before = index
		}
	}
	for i := range a.Given {
		out = append(out, a.Given[i][:]...)
	}
	sum := sha256.Sum256(out)
	return append(out, sum[:]...), nil
}

// OpenAnswer reads the answer at path to a shard file of so many rows. Before anything
// is allocated, it is held to the size that it can have.
func OpenAnswer(path string, rows int) (*Answer, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.Size() > maxAnswer(rows) {
		return nil, fmt.Errorf("%s: is no answer to this shard file: want a file of at most %d bytes", path, maxAnswer(rows))
	}
	data := make([]byte, f.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	a, err := ParseAnswer(data, rows)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

// ParseAnswer reads an answer to a shard file of so many rows. That it fits to the
// shard and to its statement is for Nodes to say.
func ParseAnswer(data []byte, rows int) (*Answer, error) {
	head, _, ok := bytes.Cut(data[:min(len(data), 1024)], []byte("\n\n"))
	if !ok || !bytes.HasPrefix(head, []byte(answerTitle+"\n")) {
		return nil, errors.New("is not the answer to a shard file, or one of a newer gradseal")
	}
	if len(head)+2+sha256.Size > len(data) {
		return nil, errors.New("is cut off")
	}
	body, end := data[len(head)+2:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	if sum := sha256.Sum256(data[:len(data)-sha256.Size]); !bytes.Equal(sum[:], end) {
		return nil, errors.New("does not match the checksum at its end: it was cut off, edited or damaged")
	}
	a := new(Answer)
	counts, err := a.parseHead(strings.Split(string(head), "\n")[1:])
	if err != nil {
		return nil, fmt.Errorf("malformed answer: %w", err)
	}
	if counts.leaves != uint64(rows) {
		return nil, fmt.Errorf("is the answer to another shard file, of the name %s: it answers %d leaves, want %d", a.Shard, counts.leaves, rows)
	}
	if err := a.parseBody(body, counts); err != nil {
		return nil, fmt.Errorf("malformed answer: %w", err)
	}
	if again, err := a.Marshal(); err != nil || !bytes.Equal(again, data) {
		return nil, errors.New("malformed answer: not in the one spelling of this format")
	}
	return a, nil
}

// counts are those of the parts of an answer's body.
type counts struct{ leaves, statement, bitcoin, timestamp, nodes uint64 }

func (a *Answer) parseHead(lines []string) (c counts, err error) {
	if len(lines) != len(answerKeys) {
		return c, errors.New("want 9 lines before the empty one")
	}
	numbers := []*uint64{3: &c.leaves, &c.statement, &c.bitcoin, &c.timestamp, &c.nodes}
	for i, key := range answerKeys {
		value, ok := strings.CutPrefix(lines[i], key)
		switch {
		case !ok:
			return c, fmt.Errorf("no line %q", key)
		case i == 0:
			a.Batch = value
		case i == 1:
			a.Shard = value
		case i == 2:
			sum, err := hex.DecodeString(value)
			if err != nil || len(sum) != len(a.Sum) {
				return c, errors.New("want 64 hex digits as sum")
			}
			a.Sum = [32]byte(sum)
		default:
			if *numbers[i], err = strconv.ParseUint(value, 10, 32); err != nil {
				return c, err
			}
		}
	}
	if c.statement > issuer.MaxStatement || c.bitcoin > proof.MaxSize || c.timestamp > proof.MaxSize {
		return c, errors.New("statement or evidence is longer than a proof can hold")
	}
	if !batchID().MatchString(a.Batch) {
		return c, fmt.Errorf("batch %q is no id of a batch", a.Batch)
	}
	return c, ValidName(a.Shard)
}

// batchID is how batches are named: temporary files are named by it.
var batchID = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9]{8}-[0-9a-f]{8}$`)
})

func (a *Answer) parseBody(body []byte, c counts) (err error) {
	// A leaf takes a byte at least, so that nothing is allocated which is not there.
	if fixed := c.statement + c.bitcoin + c.timestamp + c.leaves + 32*c.nodes; uint64(len(body)) < fixed {
		return fmt.Errorf("body has %d bytes, want %d at least", len(body), fixed)
	}
	take := func(n uint64) (part []byte) {
		part, body = body[:n], body[n:]
		return part
	}
	a.Statement = bytes.Clone(take(c.statement))
	if _, _, err := issuer.ParseStatement(a.Statement); err != nil {
		return err
	}
	if data := take(c.bitcoin); len(data) > 0 {
		if a.Bitcoin, err = proof.ParseBitcoin(data); err != nil {
			return err
		}
	}
	if data := take(c.timestamp); len(data) > 0 {
		if a.Timestamp, err = proof.ParseOpenTimestamps(data); err != nil {
			return err
		}
	}
	a.Indexes = make([]int64, c.leaves)
	before := int64(-1)
	for i := range a.Indexes {
		above, n := binary.Uvarint(body)
		if n <= 0 || above > MaxRows {
			return errors.New("malformed leaf index")
		}
		body = body[n:]
		if above == 0 {
			a.Indexes[i] = -1
			continue
		}
		before += int64(above)
		a.Indexes[i] = before
	}
	if uint64(len(body)) != 32*c.nodes {
		return fmt.Errorf("%d bytes of nodes, want %d", len(body), 32*c.nodes)
	}
	a.Given = make([]merkle.Hash, c.nodes)
	for i := range a.Given {
		a.Given[i] = merkle.Hash(body[32*i:])
	}
	return nil
}

// Nodes holds the answer against the leaf hashes of the shard, which are in order:
// the nodes lead to the root of the statement, and all of them are used.
func (a *Answer) Nodes(hashes []merkle.Hash) (*Nodes, error) {
	s, _, err := issuer.ParseStatement(a.Statement)
	if err != nil {
		return nil, err
	}
	if len(hashes) != len(a.Indexes) {
		return nil, fmt.Errorf("answers %d leaves, and the shard file has %d", len(a.Indexes), len(hashes))
	}
	in := level{make([]uint32, 0, len(hashes)), make([]merkle.Hash, 0, len(hashes))}
	for i, index := range a.Indexes {
		if index >= int64(s.Size) {
			return nil, fmt.Errorf("leaf index %d, want less than the tree size %d", index, s.Size)
		}
		if index >= 0 {
			in.add(uint32(index), hashes[i])
		}
	}
	next := 0
	n, err := NewNodes(s.Size, in.index, in.hash, func(int, uint64) (merkle.Hash, error) {
		if next == len(a.Given) {
			return merkle.Hash{}, fmt.Errorf("has %d nodes, and more are needed", len(a.Given))
		}
		next++
		return a.Given[next-1], nil
	})
	switch {
	case err != nil:
		return nil, err
	case next < len(a.Given):
		return nil, fmt.Errorf("has %d nodes, want %d", len(a.Given), next)
	case n.Root() != s.Root || s.Type != issuer.Documents:
		return nil, errors.New("does not lead from the shard's documents to the root of the signed statement")
	}
	return n, nil
}

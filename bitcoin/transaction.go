package bitcoin

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// MinTransaction and MaxTransaction are the sizes in bytes that
// ParseTransaction takes. 64 bytes are refused because an inner node of a
// block's Merkle tree has that size, so one could be passed off as the other
// (CVE-2017-12842); nothing of use is smaller. The upper bound is this
// format's own: it keeps proofs small.
const (
	MinTransaction = 65
	MaxTransaction = 4000
)

// The smallest input is an outpoint, an empty script and a sequence; the
// smallest output a value and an empty script.
const (
	outPointSize = HashSize + 4
	minInput     = outPointSize + 1 + 4
	minOutput    = 8 + 1
)

// OutPoint names an output of an earlier transaction.
type OutPoint struct {
	ID    Hash
	Index uint32
}

// Output is an output of a transaction. Value is in satoshi and is what the
// bytes say: a range check is the work of the network that mined it.
type Output struct {
	Value  int64
	Script []byte
}

// Transaction is a transaction without its witness, in the serialization that
// its id is the hash of, kept with those bytes. ParseTransaction makes one.
type Transaction struct {
	raw     []byte
	inputs  []OutPoint
	outputs []Output
}

// ParseTransaction reads a stripped transaction: version (4 bytes), inputs,
// outputs, lock time (4 bytes). It refuses fewer than 65 or more than 4000
// bytes, no input or no output, a count or length that is not in its shortest
// form, bytes left over, and the witness serialization of BIP 144, which has a
// zero where the number of inputs belongs. It keeps no reference to raw.
func ParseTransaction(raw []byte) (*Transaction, error) {
	if len(raw) < MinTransaction || len(raw) > MaxTransaction {
		return nil, fmt.Errorf("malformed transaction: %d bytes, want %d to %d", len(raw), MinTransaction, MaxTransaction)
	}
	tx := &Transaction{raw: slices.Clone(raw)}
	if err := tx.parse(); err != nil {
		return nil, fmt.Errorf("malformed transaction: %w", err)
	}
	return tx, nil
}

// ID is the transaction id.
func (t *Transaction) ID() Hash { return doubleHash(t.raw) }

// Bytes is a copy of the bytes that were parsed.
func (t *Transaction) Bytes() []byte { return slices.Clone(t.raw) }

// Inputs is a copy of what the inputs spend, in order.
func (t *Transaction) Inputs() []OutPoint { return slices.Clone(t.inputs) }

// Outputs is a copy of the outputs, in order.
func (t *Transaction) Outputs() []Output {
	outputs := slices.Clone(t.outputs)
	for i := range outputs {
		outputs[i].Script = slices.Clone(outputs[i].Script)
	}
	return outputs
}

func (t *Transaction) parse() error {
	r := &reader{b: t.raw}
	if _, err := r.take(4); err != nil {
		return fmt.Errorf("version: %w", err)
	}
	if err := t.parseInputs(r); err != nil {
		return err
	}
	if err := t.parseOutputs(r); err != nil {
		return err
	}
	if _, err := r.take(4); err != nil {
		return fmt.Errorf("lock time: %w", err)
	}
	if left := len(r.b) - r.pos; left != 0 {
		return fmt.Errorf("%d bytes left over after byte %d", left, r.pos)
	}
	return nil
}

func (t *Transaction) parseInputs(r *reader) error {
	marker := r.pos
	n, err := r.count(minInput)
	if err != nil {
		return fmt.Errorf("number of inputs: %w", err)
	}
	if n == 0 && r.b[marker+1] == 1 {
		return errors.New("witness serialization, want the transaction without its witness")
	}
	if n == 0 {
		return errors.New("no input")
	}
	t.inputs = make([]OutPoint, n)
	for i := range t.inputs {
		if t.inputs[i], err = r.input(); err != nil {
			return fmt.Errorf("input %d: %w", i, err)
		}
	}
	return nil
}

func (t *Transaction) parseOutputs(r *reader) error {
	n, err := r.count(minOutput)
	if err != nil {
		return fmt.Errorf("number of outputs: %w", err)
	}
	if n == 0 {
		return errors.New("no output")
	}
	t.outputs = make([]Output, n)
	for i := range t.outputs {
		if t.outputs[i], err = r.output(); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	return nil
}

// reader walks over a transaction's bytes; what it hands out aliases them.
type reader struct {
	b   []byte
	pos int
}

func (r *reader) take(n int) ([]byte, error) {
	if left := len(r.b) - r.pos; n > left {
		return nil, fmt.Errorf("%d bytes left at byte %d, want %d", left, r.pos, n)
	}
	r.pos += n
	return r.b[r.pos-n : r.pos : r.pos], nil
}

// count reads the number of things that follow, each at least size bytes
// long, and refuses one that the bytes left cannot hold, so that nothing is
// allocated on the word of a length field.
func (r *reader) count(size int) (int, error) {
	at := r.pos
	n, err := r.compactSize()
	if err != nil {
		return 0, err
	}
	if left := len(r.b) - r.pos; n > uint64(left/size) {
		return 0, fmt.Errorf("%d at byte %d, more than the %d bytes left can hold", n, at, left)
	}
	return int(n), nil
}

// compactSize reads Bitcoin's variable-length integer: one byte below 0xfd, or
// 0xfd, 0xfe, 0xff and 2, 4, 8 bytes little-endian. A longer form than the
// number needs is refused, as every node refuses it.
func (r *reader) compactSize() (uint64, error) {
	at := r.pos
	first, err := r.take(1)
	if err != nil {
		return 0, err
	}
	if first[0] < 0xfd {
		return uint64(first[0]), nil
	}
	width := 2 << (first[0] - 0xfd)
	rest, err := r.take(width)
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[:], rest)
	n := binary.LittleEndian.Uint64(wide[:])
	if n < smallest[first[0]-0xfd] {
		return 0, fmt.Errorf("compact size %d at byte %d takes %d bytes, want the shortest form", n, at, 1+width)
	}
	return n, nil
}

// smallest is the least number for the 2, 4 and 8 byte forms.
var smallest = [3]uint64{0xfd, 1 << 16, 1 << 32}

func (r *reader) script() ([]byte, error) {
	n, err := r.count(1)
	if err != nil {
		return nil, fmt.Errorf("script length: %w", err)
	}
	return r.take(n)
}

func (r *reader) input() (OutPoint, error) {
	spent, err := r.take(outPointSize)
	if err != nil {
		return OutPoint{}, fmt.Errorf("outpoint: %w", err)
	}
	if _, err := r.script(); err != nil {
		return OutPoint{}, err
	}
	if _, err := r.take(4); err != nil {
		return OutPoint{}, fmt.Errorf("sequence: %w", err)
	}
	return OutPoint{Hash(spent[:HashSize]), binary.LittleEndian.Uint32(spent[HashSize:])}, nil
}

func (r *reader) output() (Output, error) {
	value, err := r.take(8)
	if err != nil {
		return Output{}, fmt.Errorf("value: %w", err)
	}
	script, err := r.script()
	if err != nil {
		return Output{}, err
	}
	return Output{int64(binary.LittleEndian.Uint64(value)), script}, nil
}

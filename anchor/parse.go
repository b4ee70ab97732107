package anchor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/bitcoin"
	"gradseal/proof"
)

// MaxRaw is the size in bytes of the largest signed transaction that Parse
// reads: more than nodes relay of any.
const MaxRaw = 100_000

// The smallest input is an outpoint, an empty script and a sequence; the
// smallest output a value and an empty script; the smallest witness item an
// empty string.
const (
	minInput  = 36 + 1 + 4
	minOutput = 8 + 1
	minItem   = 1
)

// Parse reads a signed transaction that anchors a batch root: the witness
// serialization (BIP 144), at most MaxRaw bytes, nothing left over, every
// number in its shortest form. Without its witness it must be a transaction
// that bitcoin.ParseTransaction reads, with exactly one commitment. Signatures
// are not checked.
func Parse(raw []byte) (*wire.MsgTx, error) {
	tx, err := decode(raw)
	if err != nil {
		return nil, err
	}
	if err := checkAnchor(tx); err != nil {
		return nil, err
	}
	return tx, nil
}

// ParseAny reads any transaction, with or without its witness: at most MaxRaw
// bytes, nothing left over, every number in its shortest form, at least one input
// and one output. Neither a commitment nor signatures are asked for.
func ParseAny(raw []byte) (*wire.MsgTx, error) {
	read := decodeStripped
	if hasMarker(raw) {
		read = decode
	}
	tx, err := read(raw)
	if err != nil {
		return nil, err
	}
	if len(tx.TxIn) == 0 || len(tx.TxOut) == 0 {
		return nil, errors.New("malformed transaction: without inputs or without outputs")
	}
	return tx, nil
}

// ParseEvidence reads any transaction as ParseAny does, and returns it also
// without its witness, as a proof carries it. One that bitcoin.ParseTransaction
// does not read is an error: it is not evidence, whatever block it is in.
func ParseEvidence(raw []byte) (tx *wire.MsgTx, stripped []byte, err error) {
	if tx, err = ParseAny(raw); err != nil {
		return nil, nil, err
	}
	if stripped, err = Stripped(tx); err != nil {
		return nil, nil, err
	}
	if len(stripped) > bitcoin.MaxTransaction {
		return nil, nil, fmt.Errorf("transaction %s cannot be evidence: it has %d bytes without its witness, at most %d are allowed",
			tx.TxHash(), len(stripped), bitcoin.MaxTransaction)
	}
	if _, err := bitcoin.ParseTransaction(stripped); err != nil {
		return nil, nil, fmt.Errorf("transaction %s cannot be evidence: %w", tx.TxHash(), err)
	}
	return tx, stripped, nil
}

// Commits tells whether a transaction without its witness commits to root and
// to nothing else, as a verifier reads it.
func Commits(stripped []byte, root [32]byte) bool {
	got, err := commitmentOf(stripped)
	return err == nil && got == root
}

// decode reads any signed transaction as Parse does.
func decode(raw []byte) (*wire.MsgTx, error) {
	tx, err := decodeAs(raw, measure, (*wire.MsgTx).Deserialize, (*wire.MsgTx).Serialize)
	if err != nil {
		return nil, fmt.Errorf("malformed signed transaction: %w", err)
	}
	return tx, nil
}

// decodeStripped reads a transaction without its witness, or one that has none:
// at most MaxRaw bytes, nothing left over, every number in its shortest form.
func decodeStripped(raw []byte) (*wire.MsgTx, error) {
	tx, err := decodeAs(raw, measureStripped, (*wire.MsgTx).DeserializeNoWitness, (*wire.MsgTx).SerializeNoWitness)
	if err != nil {
		return nil, fmt.Errorf("malformed transaction: %w", err)
	}
	return tx, nil
}

func decodeAs(raw []byte, measure func([]byte) error, read func(*wire.MsgTx, io.Reader) error, write func(*wire.MsgTx, io.Writer) error) (*wire.MsgTx, error) {
	if len(raw) > MaxRaw {
		return nil, fmt.Errorf("%d bytes, want at most %d", len(raw), MaxRaw)
	}
	// The decoder of package wire allocates on the word of a count, so that a
	// few bytes could make it ask for hundreds of megabytes. measure refuses a
	// count that the bytes cannot hold.
	if err := measure(raw); err != nil {
		return nil, err
	}
	tx := new(wire.MsgTx)
	if err := read(tx, bytes.NewReader(raw)); err != nil {
		return nil, err
	}
	var again bytes.Buffer
	if err := write(tx, &again); err != nil {
		return nil, err
	}
	if !bytes.Equal(again.Bytes(), raw) {
		return nil, errors.New("it has a second spelling")
	}
	return tx, nil
}

// checkAnchor checks the transaction without its witness, as a verifier reads
// it.
func checkAnchor(tx *wire.MsgTx) error {
	stripped, err := Stripped(tx)
	if err != nil {
		return err
	}
	_, err = commitmentOf(stripped)
	return err
}

// commitmentOf is the root that a transaction without its witness commits to.
func commitmentOf(stripped []byte) ([32]byte, error) {
	parsed, err := bitcoin.ParseTransaction(stripped)
	if err != nil {
		return [32]byte{}, err
	}
	return proof.ParseCommitment(parsed)
}

// measure walks over a transaction in the witness serialization and checks
// that its counts and lengths end where the bytes do.
func measure(raw []byte) error {
	r := &reader{left: raw}
	r.skip(4) // version
	if marker := r.take(segwitMarker); !bytes.Equal(marker, []byte{0, 1}) && r.err == nil {
		return fmt.Errorf("no witness: bytes 4 and 5 are %x, want 0001", marker)
	}
	for range r.body() {
		for range r.count(minItem) {
			r.skipString()
		}
	}
	r.skip(4) // lock time
	return r.end()
}

// measureStripped is measure for a transaction without witness.
func measureStripped(raw []byte) error {
	r := &reader{left: raw}
	r.skip(4) // version
	r.body()
	r.skip(4) // lock time
	return r.end()
}

// body walks over inputs and outputs, and returns how many inputs there are.
func (r *reader) body() (inputs uint64) {
	inputs = r.count(minInput)
	for range inputs {
		r.skip(36) // outpoint
		r.skipString()
		r.skip(4) // sequence
	}
	for range r.count(minOutput) {
		r.skip(8) // value
		r.skipString()
	}
	return inputs
}

// end is the first error; bytes that are left are one.
func (r *reader) end() error {
	if r.err == nil && len(r.left) > 0 {
		return fmt.Errorf("%d bytes left over", len(r.left))
	}
	return r.err
}

// reader walks over bytes. After its first error it only returns zeros.
type reader struct {
	left []byte
	err  error
}

func (r *reader) take(n uint64) []byte {
	if r.err == nil && n > uint64(len(r.left)) {
		r.err = fmt.Errorf("%d bytes left, want %d", len(r.left), n)
	}
	if r.err != nil {
		return nil
	}
	taken := r.left[:n]
	r.left = r.left[n:]
	return taken
}

func (r *reader) skip(n uint64) { r.take(n) }

func (r *reader) skipString() { r.takeString() }

func (r *reader) takeString() []byte { return r.take(r.compactSize()) }

// count reads how many things follow, each of at least size bytes.
func (r *reader) count(size uint64) uint64 {
	n := r.compactSize()
	if r.err == nil && n > uint64(len(r.left))/size {
		r.err = fmt.Errorf("a count of %d, more than the %d bytes left can hold", n, len(r.left))
	}
	if r.err != nil {
		return 0
	}
	return n
}

// compactSize reads Bitcoin's integer of 1, 3, 5 or 9 bytes. Longer forms than
// the number needs are for others to refuse.
func (r *reader) compactSize() uint64 {
	first := r.take(1)
	if first == nil {
		return 0
	}
	if first[0] < 0xfd {
		return uint64(first[0])
	}
	var b [8]byte
	copy(b[:], r.take(2<<(first[0]-0xfd)))
	return binary.LittleEndian.Uint64(b[:])
}

package proof

import (
	"bytes"
	"fmt"

	"gradseal/bitcoin"
)

// commitmentPrefix is OP_RETURN, a push of 36 bytes, and the format's tag; the
// 32-byte batch root follows.
var commitmentPrefix = []byte("\x6a\x24GSL1")

// commitmentSize is the length of the whole output script in bytes.
const commitmentSize = 38

// Commitment returns the script of the output that commits to a batch root.
func Commitment(root [32]byte) []byte {
	return append(bytes.Clone(commitmentPrefix), root[:]...)
}

// ParseCommitment returns the batch root that the transaction commits to. The
// transaction must have exactly one output with the exact script, and its
// value must be zero: a second commitment, or one hidden in a larger push,
// would let one transaction tell two stories.
func ParseCommitment(tx *bitcoin.Transaction) (root [32]byte, err error) {
	found := 0
	for _, out := range tx.Outputs() {
		if len(out.Script) != commitmentSize || !bytes.HasPrefix(out.Script, commitmentPrefix) {
			continue
		}
		if out.Value != 0 {
			return [32]byte{}, fmt.Errorf("the output with the commitment has a value of %d satoshi, want 0", out.Value)
		}
		copy(root[:], out.Script[len(commitmentPrefix):])
		found++
	}
	if found != 1 {
		return [32]byte{}, fmt.Errorf("the transaction has %d gradseal commitments, want exactly 1", found)
	}
	return root, nil
}

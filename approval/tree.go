package approval

import (
	"bytes"
	"errors"
	"fmt"

	"gradseal/merkle"
	"gradseal/proof"
)

// ErrNoEntries says that a request has no entries.
var ErrNoEntries = errors.New("there are no entries in it, and a statement is not signed without its documents")

// CheckTree builds the tree from the entries, and holds size and root hash of the
// statement against it. Nobody may sign a root that is known by its value alone:
// without entries it fails.
func (r *Request) CheckTree() error {
	if r.Kind != Batch || len(r.Entries) == 0 {
		return ErrNoEntries
	}
	leaves := make([]merkle.Hash, r.Documents())
	for i := range leaves {
		leaves[i] = merkle.LeafHash(r.Entries[i*EntrySize:][:EntrySize])
		if i > 0 && bytes.Compare(leaves[i-1][:], leaves[i][:]) >= 0 {
			return fmt.Errorf("invalid request: entry %d is not in the order of the tree", i)
		}
	}
	tree, err := merkle.New(leaves)
	if err != nil {
		return err
	}
	switch s := r.statement; {
	case s.Size != tree.Size():
		return fmt.Errorf("invalid request: the statement is about %d documents, and there are %d entries", s.Size, tree.Size())
	case s.Root != tree.Root():
		return fmt.Errorf("invalid request: the statement has the root %x, and that of the entries is %x", s.Root, tree.Root())
	}
	return nil
}

// BatchRoot returns the batch root of the statement with the signatures that it
// has now: one more makes it another.
func (r *Request) BatchRoot() [32]byte {
	return proof.BatchRoot(r.Statement, r.statement.Root)
}

package batch

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"gradseal/internal/atomicfile"
)

// ErrForgotten says of a row that salt, digest and path of its document were
// destroyed: no proof of it can be written.
var ErrForgotten = errors.New("the document was forgotten")

// Forget destroys the rows with the given leaf indexes: of each, its leaf hash
// alone stays in the plan, so that tree, root and the proofs of all others are
// what they were. The plan is replaced in one step, synced. A row that is
// forgotten already is left as it is.
//
// The batch must be complete: a proof that is yet to be written could not be. Bytes
// of the plan that was replaced can survive on the disk until they are written over.
func (b *Batch) Forget(indexes []int) error {
	if b.State() != Complete {
		return fmt.Errorf("batch %s is %s: want complete", b.ID, b.State())
	}
	if _, err := b.Root(); err != nil { // a plan that was damaged would be made worse
		return err
	}
	next := *b
	next.Documents = slices.Clone(b.Documents)
	for _, i := range indexes {
		if i < 0 || i >= len(next.Documents) {
			return fmt.Errorf("batch %s has no leaf %d: it has %d", b.ID, i, len(next.Documents))
		}
		if d := &next.Documents[i]; !d.Forgotten {
			*d = Document{Forgotten: true, Leaf: d.leafHash()}
		}
	}
	if err := atomicfile.WriteFile(filepath.Join(b.dir, planFile), next.marshalPlan(), 0o600); err != nil {
		return err
	}
	clear(b.Documents) // what is in memory goes, too
	b.Documents, b.given = next.Documents, nil
	return nil
}

// Forgotten is how many documents of the batch were forgotten.
func (b *Batch) Forgotten() int {
	n := 0
	for i := range b.Documents {
		if b.Documents[i].Forgotten {
			n++
		}
	}
	return n
}

// parseForgotten reads the leaf hash of a row that is forgotten.
func parseForgotten(leaf string) (d Document, err error) {
	if len(leaf) != hex.EncodedLen(len(d.Leaf)) {
		return d, errors.New("want the leaf hash of a forgotten document, 64 hex digits")
	}
	d.Forgotten = true
	_, err = hex.Decode(d.Leaf[:], []byte(leaf))
	return d, err
}

package batch

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gradseal/internal/atomicfile"
	"gradseal/proof"
	"gradseal/proof/ots"
)

// evidence says which of the two kinds of evidence is meant, or both.
type evidence struct {
	bitcoin   bool // Attestation
	timestamp bool // Timestamp
}

func (e evidence) any() bool { return e.bitcoin || e.timestamp }

// The names of the kinds in the file "complete". That of a batch from before
// there were two is empty.
const (
	bitcoinKind   = "bitcoin"
	timestampKind = "opentimestamps"
)

// String has a line for each kind.
func (e evidence) String() string {
	text := ""
	if e.bitcoin {
		text += bitcoinKind + "\n"
	}
	if e.timestamp {
		text += timestampKind + "\n"
	}
	return text
}

func parseEvidence(data []byte) (evidence, error) {
	if len(data) == 0 {
		return evidence{bitcoin: true}, nil
	}
	kinds := strings.Split(string(data), "\n")
	e := evidence{slices.Contains(kinds, bitcoinKind), slices.Contains(kinds, timestampKind)}
	if e.String() != string(data) {
		return evidence{}, errors.New("does not name the kinds of evidence that the proofs carry")
	}
	return e, nil
}

// markWritten says on disk that every proof has been written with what is final.
func (b *Batch) markWritten() error {
	err := atomicfile.WriteFile(filepath.Join(b.dir, completeFile), []byte(b.final.String()), 0o600)
	if err == nil {
		b.written = b.final
	}
	return err
}

// unmark takes that back, before evidence goes that proofs carry. They can carry
// some that complete does not name: a process was killed while it wrote them.
func (b *Batch) unmark() error {
	if err := b.remove(completeFile); err != nil {
		return err
	}
	b.written = evidence{}
	return nil
}

// finalize says that proofs carry e from here on.
func (b *Batch) finalize(e evidence) error {
	if err := b.remove(pendingFile); err != nil {
		return err
	}
	b.pending = false
	b.final.bitcoin = b.final.bitcoin || e.bitcoin
	b.final.timestamp = b.final.timestamp || e.timestamp
	return nil
}

// IsWritten reports whether every proof has been written as it is now. Somebody
// may have removed one since.
func (b *Batch) IsWritten() bool {
	if b.final.any() {
		return b.written == b.final
	}
	return b.pending
}

// IsFinal reports whether the proofs carry evidence.
func (b *Batch) IsFinal() bool { return b.final.any() }

// IsAttestationFinal reports whether the proofs carry the attestation.
func (b *Batch) IsAttestationFinal() bool { return b.final.bitcoin }

// IsTimestampFinal reports whether the proofs carry the timestamp.
func (b *Batch) IsTimestampFinal() bool { return b.final.timestamp }

// SaveAttestation puts the evidence on disk, synced. The proofs do not carry it
// before FinalizeAttestation.
func (b *Batch) SaveAttestation(a *proof.Bitcoin) error {
	data, err := proof.MarshalBitcoin(a)
	if err != nil {
		return err
	}
	if _, err := proof.ParseBitcoin(data); err != nil { // or no batch could be listed any more
		return fmt.Errorf("batch %s: %w", b.ID, err)
	}
	if b.written.bitcoin || b.Attestation != nil && b.Attestation.Header != a.Header {
		if err := b.unmark(); err != nil {
			return err
		}
	}
	if err := atomicfile.WriteFile(filepath.Join(b.dir, attestationFile), data, 0o600); err != nil {
		return err
	}
	b.Attestation, b.final.bitcoin = a, false
	return nil
}

// FinalizeAttestation saves the evidence as SaveAttestation does, of a block that
// is deep enough: from here on the proofs carry it.
func (b *Batch) FinalizeAttestation(a *proof.Bitcoin) error {
	if err := b.SaveAttestation(a); err != nil {
		return err
	}
	return b.finalize(evidence{bitcoin: true})
}

// DropAttestation forgets the evidence, because the block has left the chain:
// the proofs do not carry it any more.
func (b *Batch) DropAttestation() error {
	if b.Attestation == nil {
		return nil
	}
	if err := b.unmark(); err != nil {
		return err
	}
	b.final.bitcoin = false
	if err := b.remove(attestationFile); err != nil {
		return err
	}
	b.Attestation = nil
	return nil
}

// SaveCalendars puts what calendars answered on disk, synced, in the place of
// what they had answered before.
func (b *Batch) SaveCalendars(t *ots.Timestamp) error {
	t = t.Canonical()
	data, err := t.Marshal(rootSize)
	if err != nil {
		return fmt.Errorf("batch %s: %w", b.ID, err)
	}
	if err := atomicfile.WriteFile(filepath.Join(b.dir, calendarsFile), data, 0o600); err != nil {
		return err
	}
	b.Calendars = t
	return nil
}

// SaveTimestamp puts the evidence of one calendar on disk, synced. The proofs do
// not carry it before FinalizeTimestamp.
func (b *Batch) SaveTimestamp(t *proof.OpenTimestamps) error {
	data, err := t.Marshal()
	if err != nil {
		return fmt.Errorf("batch %s: %w", b.ID, err)
	}
	if b.Calendars == nil { // or no batch could be listed any more
		return fmt.Errorf("batch %s: no calendar was asked", b.ID)
	}
	if b.Timestamp != nil {
		if err := b.unmark(); err != nil {
			return err
		}
	}
	if err := atomicfile.WriteFile(filepath.Join(b.dir, timestampFile), data, 0o600); err != nil {
		return err
	}
	b.Timestamp, b.final.timestamp = t, false
	return nil
}

// FinalizeTimestamp says that the block of the timestamp is deep enough: from
// here on the proofs carry it.
func (b *Batch) FinalizeTimestamp() error {
	if b.Timestamp == nil {
		return fmt.Errorf("batch %s: there is no timestamp", b.ID)
	}
	return b.finalize(evidence{timestamp: true})
}

// DropTimestamp forgets the evidence of a calendar, because its block has left
// the chain.
func (b *Batch) DropTimestamp() error {
	if b.Timestamp == nil {
		return nil
	}
	if err := b.unmark(); err != nil {
		return err
	}
	b.final.timestamp = false
	if err := b.remove(timestampFile); err != nil {
		return err
	}
	b.Timestamp = nil
	return nil
}

// Export returns the proof of the document with the given leaf index as a
// detached timestamp file of OpenTimestamps, with what all calendars of the batch
// attest. Where that leads to a block, those that are still to answer are left
// out, and so are ways to blocks that holds, unless it is nil, says no to: such as
// one that has left the chain.
func (b *Batch) Export(index int, holds func(ots.Path) bool) (*ots.File, error) {
	data, err := b.Proof(index)
	if err != nil {
		return nil, err
	}
	p, err := proof.Parse(data)
	if err != nil {
		return nil, err
	}
	root, err := b.Root()
	if err != nil {
		return nil, err
	}
	more := b.Calendars
	if more != nil {
		confirmed, err := more.Prune(root[:], func(p ots.Path) bool {
			_, ok := p.Attestation.BitcoinHeight()
			return ok && (holds == nil || holds(p))
		})
		if err != nil {
			return nil, err
		}
		switch {
		case confirmed != nil:
			more = confirmed
		case b.final.any():
			more = nil
		default:
			more, err = more.Prune(root[:], func(p ots.Path) bool { _, ok := p.Attestation.BitcoinHeight(); return !ok })
			if err != nil {
				return nil, err
			}
		}
	}
	return p.Export(more)
}

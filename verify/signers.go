package verify

import (
	"sync"
	"time"

	"gradseal/issuer"
	"gradseal/proof"
)

// signerMemory remembers what was found out about the signatures of signed
// statements. All proofs of a batch carry the same one, and the signatures
// would take longer than everything else about a proof. The zero value is empty.
type signerMemory struct {
	mu    sync.Mutex
	known map[signerQuestion]signerAnswer
}

// signerQuestion is all that the answer depends on: the issuer file, which does
// not change while a verifier uses it, the exact bytes that the note was parsed
// from, and the time. Two that are equal have the same answer.
type signerQuestion struct {
	issuer *issuer.File
	signed string
	time   time.Time
}

type signerAnswer struct {
	signers []issuer.Key
	err     error
}

// maxRemembered bounds the memory, to 1 MiB of statements. More than a few
// batches at a time are rare, unless somebody wants to fill it.
const maxRemembered = 1 << 20 / issuer.MaxStatement

// of is f.CheckSignatures of the layer's statement at the time t. A layer has
// Note and Signed from one call of ParseStatement.
func (m *signerMemory) of(f *issuer.File, l proof.Layer, t time.Time) ([]issuer.Key, error) {
	q := signerQuestion{f, string(l.Signed), t}
	m.mu.Lock()
	a, ok := m.known[q]
	m.mu.Unlock()
	if ok {
		return a.signers, a.err
	}
	a.signers, a.err = f.CheckSignatures(l.Note, t)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || len(m.known) >= maxRemembered {
		m.known = make(map[signerQuestion]signerAnswer)
	}
	m.known[q] = a
	return a.signers, a.err
}

package verify

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/proof"
)

// TestBlockQuestion: another question in the same slot is not answered, whatever it
// is that differs.
func TestBlockQuestion(t *testing.T) {
	ask := func(change func(q *blockQuestion)) blockQuestion {
		q := blockQuestion{&proof.Bitcoin{
			Transaction: []byte{1, 2}, Position: 3, Path: make([]bitcoin.Hash, 2), Height: 7, Successors: make([]bitcoin.Header, 1),
		}, [32]byte{9}, bitcoin.Regtest}
		change(&q)
		return q
	}
	answer := newResult()
	answer.Header = &BlockAt{Height: 7}
	answer.ok(Anchor, "anchor")
	answer.ok(Block, "block")

	var m blockMemory
	q := ask(func(*blockQuestion) {})
	r := newResult()
	require.False(t, m.recall(r, q))
	m.note(answer, q)
	require.True(t, m.recall(r, q))
	require.Equal(t, answer, r)
	q.attestation.Transaction[0] ^= 1 // what the caller has is not what is remembered
	require.True(t, m.recall(r, ask(func(*blockQuestion) {})))

	for name, change := range map[string]func(q *blockQuestion){
		"root":        func(q *blockQuestion) { q.root[31] ^= 1 },
		"network":     func(q *blockQuestion) { q.network = bitcoin.Testnet4 },
		"transaction": func(q *blockQuestion) { q.attestation.Transaction[1] ^= 1 },
		"position":    func(q *blockQuestion) { q.attestation.Position++ },
		"path":        func(q *blockQuestion) { q.attestation.Path[1][31] ^= 1 },
		"path, less":  func(q *blockQuestion) { q.attestation.Path = q.attestation.Path[:1] },
		"header":      func(q *blockQuestion) { q.attestation.Header[79] ^= 1 },
		"height":      func(q *blockQuestion) { q.attestation.Height++ },
		"successor":   func(q *blockQuestion) { q.attestation.Successors[0][0] ^= 1 },
		"successors":  func(q *blockQuestion) { q.attestation.Successors = nil },
	} {
		require.Same(t, m.slot(q), m.slot(ask(change)))
		r := newResult()
		require.False(t, m.recall(r, ask(change)), name)
		require.Equal(t, newResult(), r, name)
	}
}

// TestBlockNotNoted: what is not certain is not remembered.
func TestBlockNotNoted(t *testing.T) {
	q := blockQuestion{&proof.Bitcoin{}, [32]byte{}, bitcoin.Mainnet}
	for name, change := range map[string]func(r *Result){
		"anchor failed":     func(r *Result) { r.failed(Anchor, BadAnchor, "") },
		"anchor unknown":    func(r *Result) { r.unknown(Anchor, NotChecked, "") },
		"block failed":      func(r *Result) { r.failed(Block, BadHeader, "") },
		"block unknown":     func(r *Result) { r.unknown(Block, NotInChain, "") },
		"no block, by work": func(r *Result) { r.Header, r.WorkOnly = nil, true },
	} {
		r := newResult()
		r.Header = &BlockAt{}
		r.ok(Anchor, "")
		r.ok(Block, "")
		change(r)
		var m blockMemory
		m.note(r, q)
		require.False(t, m.recall(newResult(), q), name)
	}
}

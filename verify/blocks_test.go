package verify_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/proof"
	"gradseal/verify"
)

// What a verifier remembers of blocks must not change an answer. After each change of
// an attestation that it knows, it must say what a verifier says that saw nothing
// before, and of the attestation that it knows what it said first.
func TestRememberedBlocks(t *testing.T) {
	s := oneLayer(t)
	v, whole := s.verifier(t), s.file(t)
	require.Equal(t, verify.Valid, v.Verify(s.digest, whole).Verdict)
	changes := map[string]func(b *proof.Bitcoin){
		"height":              func(b *proof.Bitcoin) { b.Height-- },
		"position":            func(b *proof.Bitcoin) { b.Position ^= 1 },
		"a hash more":         func(b *proof.Bitcoin) { b.Path = append(slices.Clone(b.Path), bitcoin.Hash{}) },
		"a hash less":         func(b *proof.Bitcoin) { b.Path = b.Path[:len(b.Path)-1] },
		"a successor":         func(b *proof.Bitcoin) { b.Successors = append(slices.Clone(b.Successors), b.Header) },
		"another transaction": func(b *proof.Bitcoin) { b.Transaction = fourLayers(t).proof.Bitcoin.Transaction },
		"another block":       func(b *proof.Bitcoin) { *b = *fourLayers(t).proof.Bitcoin },
	}
	for name, change := range changes {
		other := *s.proof.Bitcoin
		change(&other)
		p := *s.proof
		p.Bitcoin = &other
		file := (&scene{proof: &p}).file(t)
		for range 2 {
			want := s.verifier(t).Verify(s.digest, file)
			require.NotEqual(t, verify.Valid, want.Verdict, name)
			require.Equal(t, want, v.Verify(s.digest, file), name)
			require.Equal(t, s.verifier(t).Verify(s.digest, whole), v.Verify(s.digest, whole), name)
		}
	}
	// Not the memory's own: what a caller does to a result stays there.
	r := v.Verify(s.digest, whole)
	r.Header.Height, r.Checks[verify.Block].Detail = 0, ""
	require.Equal(t, s.verifier(t).Verify(s.digest, whole), v.Verify(s.digest, whole))
}

// One attestation, and two batches of which it holds one.
func TestRememberedBlockOfAnotherBatch(t *testing.T) {
	s, other := oneLayer(t), signedBy(t, dean, registrar)
	v := s.verifier(t)
	require.Equal(t, verify.Valid, v.Verify(s.digest, s.file(t)).Verdict)
	other.proof.Bitcoin = s.proof.Bitcoin
	for range 2 {
		r := v.Verify(other.digest, other.file(t))
		require.Equal(t, verify.Invalid, r.Verdict)
		require.Equal(t, verify.BadAnchor, r.Checks[verify.Anchor].Reason)
	}
}

// Twenty batches, which must share what is remembered of sixteen, judged over and over
// in several goroutines.
func TestRememberedBlocksOfManyBatches(t *testing.T) {
	type question struct {
		digest verify.Digest
		file   []byte
		want   *verify.Result
	}
	base := oneLayer(t)
	questions := []question{{base.digest, base.file(t), nil}}
	for range 20 {
		p := issue(t, 9, 4, uniStatement(ownTime), dean, registrar)
		p.Bitcoin = base.proof.Bitcoin // of another batch
		questions = append(questions, question{p.Digest, (&scene{proof: p}).file(t), nil})
		s := signedBy(t, dean, registrar) // in a block that the chain does not have
		questions = append(questions, question{s.digest, s.file(t), nil})
	}
	for i := range questions {
		questions[i].want = base.verifier(t).Verify(questions[i].digest, questions[i].file)
	}
	require.Equal(t, verify.Valid, questions[0].want.Verdict)
	v := base.verifier(t)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 5 * len(questions) {
				q := questions[(g*len(questions)/8+i)%len(questions)]
				if got := v.Verify(q.digest, q.file); !assert.ObjectsAreEqual(q.want, got) {
					t.Errorf("remembered: %v, want %v", got.Checks, q.want.Checks)
				}
			}
		})
	}
	wg.Wait()
}

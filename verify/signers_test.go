package verify_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/verify"
)

// What a verifier remembers of signatures must not change an answer. It judges
// many statements, some of them falsely signed, over and over and in several
// goroutines; each answer must be that of a verifier that saw nothing before.
func TestRememberedSigners(t *testing.T) {
	const many = 100 // more than are remembered
	base := signedBy(t, dean, registrar)
	type question struct {
		digest verify.Digest
		file   []byte
		want   *verify.Result
	}
	var questions []question
	ask := func(p *proof.Proof) {
		file := (&scene{proof: p}).file(t)
		questions = append(questions, question{p.Digest, file, base.verifier(t).Verify(p.Digest, file)})
	}
	for i := range many {
		s := uniStatement(ownTime)
		s.Title = fmt.Sprintf("Batch %d", i)
		signers := [][]officer{{dean, registrar}, {dean}, {stranger, stranger2}, {spare, registrar}}[i%4]
		p := issue(t, 1, 0, s, signers...)
		ask(p)
		if i%8 == 0 { // the same once more, but for one bit of a signature
			_, n, err := issuer.ParseStatement(p.Layers[0].Signed)
			require.NoError(t, err)
			n.Signatures[1].Bytes[40] ^= 1
			p.Layers[0].Signed = n.Marshal()
			ask(p)
		}
	}
	require.Equal(t, verify.OK, questions[0].want.Checks[verify.Issuer].Outcome)
	require.Equal(t, verify.Failed, questions[1].want.Checks[verify.Issuer].Outcome)
	require.Equal(t, verify.Unknown, questions[2].want.Checks[verify.Issuer].Outcome)

	v := base.verifier(t)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 3 * len(questions) {
				q := questions[(g*len(questions)/4+i)%len(questions)]
				if got := v.Verify(q.digest, q.file); got.Checks != q.want.Checks || got.Verdict != q.want.Verdict {
					t.Errorf("remembered: %v, want %v", got.Checks, q.want.Checks)
				}
			}
		})
	}
	wg.Wait()
}

// One signed statement, judged at two times: that of its block, at which its
// keys were in force, and now, when they no longer are.
func TestRememberedSignersAtAnotherTime(t *testing.T) {
	s := signedBy(t, dean, registrar)
	s.policy.Now = s.time.Add(30 * day)
	s.trust.Issuers = []*issuer.File{uniFile(t, s.time.Add(-day), s.time.Add(10*day))}
	s.trust.Status, s.policy.AllowUnknownStatus = nil, true
	v := s.verifier(t)
	anchored := s.file(t)
	s.proof.Bitcoin = nil
	pending := s.file(t)
	for range 3 {
		requireResult(t, v.Verify(s.digest, anchored), verify.Valid, findings{verify.Status: unknown(verify.NoStatusList)})
		requireResult(t, v.Verify(s.digest, pending), verify.CannotTell, findings{
			verify.Issuer: unknown(verify.KeyTimeUnclear), verify.Anchor: unknown(verify.NoAttestation),
			verify.Block: unknown(verify.NoAttestation), verify.Status: unknown(verify.NoStatusList),
		})
	}
	require.True(t, s.time.Add(10*day).Before(s.policy.Now.Add(-2*time.Hour)))
}

// A proof is read once and judged as often as asked.
func TestReadProof(t *testing.T) {
	s := oneLayer(t)
	v, file := s.verifier(t), s.file(t)
	p := verify.ReadProof(file)
	digest, ok := p.Digest()
	require.True(t, ok)
	require.Equal(t, s.digest, digest)
	for range 2 {
		require.Equal(t, v.Verify(s.digest, file), v.Judge(s.digest, p))
	}
	other := digestOf(t, []byte("another document"))
	require.Equal(t, v.Verify(other, file), v.Judge(other, p))

	p = verify.ReadProof(file[1:])
	_, ok = p.Digest()
	require.False(t, ok)
	require.Equal(t, v.Verify(s.digest, file[1:]), v.Judge(s.digest, p))
	r := v.Judge(s.digest, verify.Proof{})
	require.Equal(t, verify.Invalid, r.Verdict)
	require.Equal(t, verify.MalformedProof, r.Reason)
}

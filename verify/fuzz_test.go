package verify_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/verify"
)

// FuzzVerify runs the verifier from file to verdict. Two documents of one batch
// are known to it, one of them withdrawn. All is made the same in every process,
// so that what one fuzzing process finds means the same to another.
func FuzzVerify(f *testing.F) {
	good := ownScene(f, issue(f, 9, 4, uniStatement(ownTime), dean, registrar))
	gone := ownScene(f, issue(f, 9, 5, uniStatement(ownTime), dean, registrar))
	gone.withdraw()
	gone.useList(f)
	good.trust.Status = gone.trust.Status
	v := good.verifier(f)
	goodFile, goneFile := good.file(f), gone.file(f)
	requireResult(f, v.Verify(good.digest, goodFile), verify.Valid, nil)
	requireResult(f, v.Verify(gone.digest, goneFile), verify.Withdrawn, findings{verify.Status: failed(verify.DocumentWithdrawn)})

	f.Add(goodFile)
	f.Add(goneFile)
	f.Add([]byte(strings.Replace(string(goodFile), "proof/1", "proof/2", 1)))
	good.proof.Bitcoin.Successors = good.hs[2:]
	f.Add(good.file(f))
	good.proof.Bitcoin = nil
	f.Add(good.file(f))
	two := issue(f, 9, 4, uniStatement(ownTime), dean, registrar)
	join(f, two, nil, issuer.Statement{Issuer: allianceID, Network: bitcoin.Regtest, Issued: ownTime}, secretary)
	f.Add(ownScene(f, two).file(f))

	f.Fuzz(func(t *testing.T, data []byte) {
		r := v.Verify(good.digest, data)
		requireConsistent(t, r)
		if r.Verdict == verify.Valid {
			require.Equal(t, string(goodFile), string(withoutSuccessors(t, data)))
		}
		r = v.Verify(gone.digest, data)
		requireConsistent(t, r)
		require.NotEqual(t, verify.Valid, r.Verdict)
		if r.Verdict == verify.Withdrawn && r.Header != nil && r.Checks[verify.Anchor].Outcome == verify.OK {
			require.Equal(t, string(goneFile), string(withoutSuccessors(t, data)))
		}
	})
}

// withoutSuccessors is the proof without the headers that prove nothing to a
// verifier with a header chain: the one part that can differ.
func withoutSuccessors(t testing.TB, file []byte) []byte {
	t.Helper()
	p, err := proof.Parse(file)
	require.NoError(t, err)
	p.Bitcoin.Successors = nil
	data, err := proof.Marshal(p)
	require.NoError(t, err)
	return data
}

// requireConsistent checks what holds of every result.
func requireConsistent(t testing.TB, r *verify.Result) {
	t.Helper()
	require.Equal(t, r.Problem != nil, r.Reason != "")
	if r.Problem != nil {
		require.Contains(t, []verify.Verdict{verify.Invalid, verify.CannotTell}, r.Verdict)
		requireNotChecked(t, r)
		require.Less(t, len(r.Problem.Error()), 1000)
		return
	}
	require.Equal(t, r.Verdict == verify.Valid, r.First() == nil)
	for i, c := range r.Checks {
		require.Equal(t, c.Outcome == verify.OK, c.Reason == "")
		require.False(t, c.Outcome == verify.Failed && i != verify.Status && r.Verdict != verify.Invalid)
		require.False(t, c.Outcome != verify.OK && r.Verdict == verify.Valid)
		require.Less(t, len(c.Detail), 1000)
		require.False(t, bytes.ContainsAny([]byte(c.Detail), "\n\r\x1b"), "details are one line: %q", c.Detail)
	}
}

package main

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/evidence"
	"gradseal/issuer"
	"gradseal/verify"
)

// verdictID tells whether an id is of the second table: the name of a question,
// or read.
func verdictID(id string) bool {
	check, _, _ := strings.Cut(id, "/")
	switch check {
	case "read", "document", "inclusion", "issuer", "anchor", "block", "status":
		return true
	}
	return false
}

// window is the part of a header chain that a vector has.
type window struct {
	network bitcoin.Network
	first   uint32
	headers []bitcoin.Header
}

func (w *window) Network() bitcoin.Network { return w.network }
func (w *window) Height() uint32           { return w.first + uint32(len(w.headers)) - 1 }

func (w *window) At(height uint32) (bitcoin.Header, error) {
	if height < w.first || height > w.Height() {
		return bitcoin.Header{}, fmt.Errorf("no header at height %d", height)
	}
	return w.headers[height-w.first], nil
}

func TestVerdict(t *testing.T) {
	each(t, "verdict", func(t *testing.T, v verdictVector) {
		v.requireResult(t, judge(t, &v))
	})
}

func TestPaper(t *testing.T) {
	each(t, "paper", func(t *testing.T, v paperVector) {
		verifier, err := verify.New(trustOf(t, &v.verdictVector), policyOf(t, &v.verdictVector))
		require.NoError(t, err)
		v.requireResult(t, verifier.JudgeWithoutDocument(verify.ReadCompact(unhex(t, v.Compact))))
	})
}

// requireResult checks that a result is as the vector has it.
func (v *verdictVector) requireResult(t *testing.T, r *verify.Result) {
	t.Helper()
	require.Equal(t, v.Verdict, r.Verdict.String(), "%v, %v", r.Problem, r.Checks)
	for i, want := range []string{v.Checks.Document, v.Checks.Inclusion, v.Checks.Issuer, v.Checks.Anchor, v.Checks.Block, v.Checks.Status} {
		require.Equal(t, want, r.Checks[i].Outcome.String(), "%s: %s", r.Checks[i].Name, r.Checks[i].Detail)
	}
	fails, detail := deciding(r)
	require.Equal(t, v.Fails, fails)
	require.Equal(t, v.Fails == "", r.Verdict == verify.Valid)
	if pattern := saysWhy(v.Fails, v.Cause); pattern != "" {
		require.Regexp(t, pattern, detail)
	}
	require.Equal(t, v.NoLaterThan, day10(r.NoLaterThan))
	earliest := ""
	if r.NoEarlier != nil {
		earliest = r.NoEarlier.Hash.String()
	}
	require.Equal(t, v.NoEarlierThan, earliest)
	witness := ""
	if r.Witness != nil {
		witness = r.Witness.Hash.String()
	}
	require.Equal(t, v.Witness, witness)
	require.Equal(t, v.WorkOnly, r.WorkOnly)
}

// saysWhy is what is said where the answer alone can have several causes.
func saysWhy(fails, cause string) string {
	switch {
	case cause != "":
		return says[cause]
	case fails == "anchor/bad-anchor":
		return `^the transaction commits to [0-9a-f]{64}, the batch root is`
	case fails == "block/bad-header":
		return `^invalid successor \d: it follows block`
	}
	return ""
}

// day10 is the day of a time, empty for none.
func day10(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

// deciding is the id of what decided the verdict, and what is said of it.
func deciding(r *verify.Result) (id, detail string) {
	if r.Problem != nil {
		return "read/" + string(r.Reason), r.Problem.Error()
	}
	c := r.First()
	if c == nil {
		return "", ""
	}
	return c.Name + "/" + string(c.Reason), c.Detail
}

// judge does what section 16 says with the input of a vector.
func judge(t *testing.T, v *verdictVector) *verify.Result {
	t.Helper()
	verifier, err := verify.New(trustOf(t, v), policyOf(t, v))
	require.NoError(t, err)
	document := octets(v.Document, v.documentInput.Bytes)
	var find evidence.Finder
	if v.Proof != nil || v.proofInput.Bytes != nil {
		p := verify.ReadProof(octets(v.Proof, v.proofInput.Bytes))
		find.Named = &p
	}
	e, err := find.Find("", io.NewSectionReader(bytes.NewReader(document), 0, int64(len(document))), io.Discard)
	require.NoError(t, err)
	return e.Judge(verifier)
}

func policyOf(t *testing.T, v *verdictVector) verify.Policy {
	t.Helper()
	policy := verify.Policy{
		Network: networkOf(t, v.Policy.Network), Confirmations: v.Policy.Confirmations,
		AllowUnknownStatus: v.Policy.AllowUnknownStatus, Now: clock(t, v.Policy.Now),
	}
	if y := v.Policy.CarriedWork; y != nil {
		bits, err := strconv.ParseUint(y.Bits, 16, 32)
		require.NoError(t, err)
		policy.UnsafeCarriedWork = &verify.Yardstick{Bits: uint32(bits), Time: clock(t, y.Time)}
	}
	return policy
}

func networkOf(t *testing.T, name string) bitcoin.Network {
	t.Helper()
	n, err := bitcoin.ParseNetwork(name)
	require.NoError(t, err)
	return n
}

func trustOf(t *testing.T, v *verdictVector) verify.Trust {
	t.Helper()
	var trust verify.Trust
	for _, f := range v.Issuers {
		trust.Issuers = append(trust.Issuers, parseFile(t, f))
	}
	for _, s := range v.Status {
		l, note, err := issuer.ParseStatus([]byte(s.List))
		require.NoError(t, err)
		trust.Status = append(trust.Status, verify.StatusList{StatusList: l, Note: note, Forked: s.Forked})
	}
	if v.Chain == nil {
		return trust
	}
	chain := &window{network: networkOf(t, v.Policy.Network), first: v.Chain.FirstHeight}
	for _, h := range v.Chain.Headers {
		header, err := bitcoin.ParseHeader(unhex(t, h))
		require.NoError(t, err)
		chain.headers = append(chain.headers, header)
	}
	trust.Chain = chain
	return trust
}

package verify_test

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/verify"
)

// withdraw adds the scene's document to its list.
func (s *scene) withdraw() {
	id := sha256.Sum256(append(append([]byte{3}, s.proof.Salt[:]...), s.proof.Digest[:]...))
	s.list.AddWithdrawn(issuer.Withdrawal{ID: id, Date: "2026-11-23", Reason: issuer.ReasonRescinded})
}

func (s *scene) withdrawBatch(t testing.TB) {
	s.list.AddWithdrawnBatch(issuer.Withdrawal{ID: layerRoot(t, s.proof.Layers[0]), Date: "2026-11-24", Reason: issuer.ReasonKeyCompromise})
}

func TestStatus(t *testing.T) {
	other := sha256.Sum256([]byte("another batch or document"))
	otherBatch := [][]byte{other[:]}
	asRoots := func(bs [][]byte) (roots [][32]byte) {
		for _, b := range bs {
			roots = append(roots, [32]byte(b))
		}
		return roots
	}
	past := func(s *scene) { s.list.Next = s.policy.Now.Add(-time.Second) }
	tests := []struct {
		name   string
		change func(s *scene) // of the list, before it is signed
		want   finding
		detail string
	}{
		{"current", func(s *scene) {}, finding{}, "not withdrawn as of"},
		{"next is now", func(s *scene) { s.list.Next = s.policy.Now }, finding{}, "not withdrawn as of"},
		{"next never", func(s *scene) { s.list.Next = time.Time{} }, finding{}, "not withdrawn as of"},
		{"made before the block, and names the batch", func(s *scene) { s.list.AsOf = s.time.Add(-hour) }, finding{}, "not withdrawn as of"},
		{"other batches besides", func(s *scene) { s.list.AddBatch(other) }, finding{}, "not withdrawn as of"},
		{"others withdrawn", func(s *scene) {
			s.list.AddBatch(other)
			s.list.AddWithdrawnBatch(issuer.Withdrawal{ID: other, Date: "2026-11-22", Reason: issuer.ReasonReprint})
			s.list.AddWithdrawn(issuer.Withdrawal{ID: other, Date: "2026-11-22", Reason: issuer.ReasonReprint})
		}, finding{}, "not withdrawn as of"},
		{"leaf hash withdrawn instead of the document", func(s *scene) {
			leaf := sha256.Sum256(append([]byte{0}, s.proof.Entry()...))
			s.list.AddWithdrawn(issuer.Withdrawal{ID: leaf, Date: "2026-11-22", Reason: issuer.ReasonReprint})
		}, finding{}, "not withdrawn as of"},
		{"digest withdrawn instead of the document", func(s *scene) {
			s.list.AddWithdrawn(issuer.Withdrawal{ID: s.proof.Digest, Date: "2026-11-22", Reason: issuer.ReasonReprint})
		}, finding{}, "not withdrawn as of"},
		{"batch root among the documents", func(s *scene) {
			s.list.AddWithdrawn(issuer.Withdrawal{ID: layerRoot(t, s.proof.Layers[0]), Date: "2026-11-22", Reason: issuer.ReasonReprint})
		}, finding{}, "not withdrawn as of"},
		{"past its next", past, unknown(verify.StatusPast), "was to be renewed by"},
		{"past its next, and does not name the batch", func(s *scene) { past(s); s.list.Batches = nil }, unknown(verify.StatusPast), "was to be renewed by"},
		{"does not name the batch", func(s *scene) { s.list.Batches = nil }, unknown(verify.NotInStatusList), "does not name this batch"},
		{"names another batch", func(s *scene) { s.list.Batches = asRoots(otherBatch) }, unknown(verify.NotInStatusList), "does not name this batch"},
		{"names the tree root instead of the batch root", func(s *scene) {
			s.list.Batches = [][32]byte{s.proof.Layers[0].Statement.Root}
		}, unknown(verify.NotInStatusList), "does not name this batch"},
		{"of the block's time, does not name the batch", func(s *scene) { s.list.Batches, s.list.AsOf = nil, s.time }, unknown(verify.NotInStatusList), "does not name this batch"},
		{"older than the batch", func(s *scene) { s.list.Batches, s.list.AsOf = nil, s.time.Add(-time.Second) }, unknown(verify.StatusOlder), "is older than this batch"},
		{"document withdrawn", (*scene).withdraw, failed(verify.DocumentWithdrawn), "withdrawn on 2026-11-23: rescinded"},
		{"batch withdrawn", func(s *scene) { s.withdrawBatch(t) }, failed(verify.BatchWithdrawn), "the whole batch was withdrawn on 2026-11-24: key-compromise"},
		{"both withdrawn", func(s *scene) { s.withdraw(); s.withdrawBatch(t) }, failed(verify.DocumentWithdrawn), "withdrawn on 2026-11-23"},
		{"withdrawn in a list that is past", func(s *scene) { s.withdraw(); past(s) }, failed(verify.DocumentWithdrawn), "withdrawn on 2026-11-23"},
		{"batch withdrawn in a list that is past", func(s *scene) { s.withdrawBatch(t); past(s) }, failed(verify.BatchWithdrawn), "whole batch"},
		{"withdrawn in a list that does not name the batch", func(s *scene) { s.withdraw(); s.list.Batches = nil }, failed(verify.DocumentWithdrawn), ""},
		{"batch withdrawn in a list that does not name it", func(s *scene) { s.withdrawBatch(t); s.list.Batches = nil }, failed(verify.BatchWithdrawn), ""},
		{"withdrawn in a list of before the block", func(s *scene) { s.withdraw(); s.list.AsOf = s.time.Add(-hour) }, failed(verify.DocumentWithdrawn), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := oneLayer(t)
			test.change(s)
			s.useList(t)
			for _, allow := range []bool{false, true} {
				s.policy.AllowUnknownStatus = allow
				r := s.verify(t)
				requireStatus(t, r, test.want, allow)
				require.Contains(t, r.Checks[verify.Status].Detail, test.detail)
				require.Equal(t, s.list.AsOf, r.StatusAsOf)
			}
		})
	}
}

// requireStatus checks the answer of the status check, that all others are ok,
// and the verdict that follows.
func requireStatus(t testing.TB, r *verify.Result, want finding, allow bool) {
	t.Helper()
	not := findings{verify.Status: want}
	switch {
	case want == finding{}:
		requireResult(t, r, verify.Valid, nil)
	case want.outcome == verify.Failed:
		requireResult(t, r, verify.Withdrawn, not)
		require.Equal(t, 6, r.Verdict.Exit())
		require.Equal(t, want.reason, r.First().Reason)
	case allow && want.reason != verify.NotInStatusList: // which the issuer itself says
		requireResult(t, r, verify.Valid, not)
		require.Nil(t, r.First(), "it did not decide")
	default:
		requireResult(t, r, verify.CannotTell, not)
		require.Equal(t, want.reason, r.First().Reason)
	}
}

func TestWithdrawal(t *testing.T) {
	s := oneLayer(t)
	s.withdraw()
	s.useList(t)
	r := s.verify(t)
	require.Equal(t, "2026-11-23", r.Withdrawal.Date)
	require.Equal(t, issuer.ReasonRescinded, r.Withdrawal.Reason)

	// INVALID goes before WITHDRAWN, and WITHDRAWN before CANNOT TELL and
	// PENDING.
	s.policy.Confirmations = 100
	requireResult(t, s.verify(t), verify.Withdrawn, findings{
		verify.Block: unknown(verify.TooFewConfirmations), verify.Status: failed(verify.DocumentWithdrawn),
	})
	s.trust.Chain = nil
	requireResult(t, s.verify(t), verify.Withdrawn, findings{
		verify.Block: unknown(verify.NoHeaderChain), verify.Status: failed(verify.DocumentWithdrawn),
	})
	s.digest[0] ^= 1
	requireResult(t, s.verify(t), verify.Invalid, findings{
		verify.Document: failed(verify.DigestDiffers), verify.Block: unknown(verify.NoHeaderChain), verify.Status: failed(verify.DocumentWithdrawn),
	})
}

// A withdrawal binds this document, in this batch: a classmate's proof is not
// touched, and neither is the same file issued again under another salt.
func TestWithdrawnOnlyItself(t *testing.T) {
	docs := func(i int) *scene {
		return ownScene(t, issue(t, 9, i, uniStatement(ownTime), dean, registrar))
	}
	withdrawn, classmate := docs(4), docs(5)
	withdrawn.withdraw()
	withdrawn.useList(t)
	classmate.trust.Status = withdrawn.trust.Status
	requireResult(t, withdrawn.verify(t), verify.Withdrawn, findings{verify.Status: failed(verify.DocumentWithdrawn)})
	requireResult(t, classmate.verify(t), verify.Valid, nil)
}

// Past is judged by the later of the clock and the newest header.
func TestStatusPastByHeader(t *testing.T) {
	s := oneLayer(t)
	tip := s.hs[len(s.hs)-1].Time()
	s.list.AsOf, s.list.Next = tip.Add(-3*hour), tip.Add(-time.Second)
	s.useList(t)
	s.policy.Now = tip.Add(-2 * hour) // a clock that is behind
	requireResult(t, s.verify(t), verify.CannotTell, findings{verify.Status: unknown(verify.StatusPast)})

	s.list.Next = tip
	s.useList(t)
	requireResult(t, s.verify(t), verify.Valid, nil)

	s.policy.Now = tip.Add(time.Second)
	requireResult(t, s.verify(t), verify.CannotTell, findings{verify.Status: unknown(verify.StatusPast)})

	// Without a chain there is the clock alone.
	s.policy.Now, s.trust.Chain = tip, nil
	require.Equal(t, verify.OK, s.verify(t).Checks[verify.Status].Outcome)
}

// Two lists that contradict each other say nothing, not even under a policy that
// accepts an unknown status; but what one of them withdraws is withdrawn.
func TestStatusForked(t *testing.T) {
	for _, allow := range []bool{false, true} {
		s := oneLayer(t)
		s.policy.AllowUnknownStatus = allow
		s.useList(t)
		s.trust.Status[0].Forked = true
		r := s.verify(t)
		requireResult(t, r, verify.CannotTell, findings{verify.Status: unknown(verify.StatusForked)})
		require.Contains(t, r.Checks[verify.Status].Detail, "two different status lists with the sequence number 1")
		require.Zero(t, r.StatusAsOf, "no date is claimed")
	}
	s := oneLayer(t)
	s.withdraw()
	s.useList(t)
	s.trust.Status[0].Forked = true
	requireResult(t, s.verify(t), verify.Withdrawn, findings{verify.Status: failed(verify.DocumentWithdrawn)})
}

// A list counts only under the issuer's keys that are in force now. Of one that
// they signed while they were, withdrawals still count and nothing else; of any
// other list, nothing.
func TestStatusSignatures(t *testing.T) {
	tests := []struct {
		name     string
		officers []officer
		change   func(l *verify.StatusList)
		now      time.Duration // after the block
		until    time.Duration // of the keys, after the block; 0: open
		want     finding
		past     bool // signed by keys that were in force
	}{
		{"two of three", []officer{registrar, spare}, nil, 3 * hour, 0, finding{}, false},
		{"one of three", []officer{registrar}, nil, 3 * hour, 0, unknown(verify.StatusUnsigned), false},
		{"strangers", []officer{stranger, stranger2}, nil, 3 * hour, 0, unknown(verify.StatusUnsigned), false},
		{"one key under two names", []officer{registrar, registrar.as("x")}, nil, 3 * hour, 0, unknown(verify.StatusUnsigned), false},
		{"the right keys under another name", []officer{dean.as("x"), registrar.as("x")}, nil, 3 * hour, 0, unknown(verify.StatusUnsigned), false},
		{"a wrong signature", []officer{dean, registrar}, func(l *verify.StatusList) { l.Note.Signatures[0].Bytes[0] ^= 1 }, 3 * hour, 0, unknown(verify.StatusUnsigned), false},
		{"signatures of another list", []officer{dean, registrar}, func(l *verify.StatusList) { l.Note.Text += "batch x\n" }, 3 * hour, 0, unknown(verify.StatusUnsigned), false},
		{"keys in force now", []officer{dean, registrar}, nil, 3 * day, 3*day + 2*hour, finding{}, false},
		{"keys at their edge now", []officer{dean, registrar}, nil, 3 * day, 3 * day, unknown(verify.StatusUnsigned), true},
		{"keys of the past", []officer{dean, registrar}, nil, 3 * day, 2 * day, unknown(verify.StatusUnsigned), true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, withdrawn := range []bool{false, true} {
				s := oneLayer(t)
				if withdrawn {
					s.withdraw()
				}
				until := time.Time{}
				if test.until != 0 {
					until = s.time.Add(test.until)
				}
				s.trust.Issuers = []*issuer.File{uniFile(t, s.time.Add(-day), until)}
				s.policy.Now = s.time.Add(test.now)
				l, _ := statusList(t, s.list, test.officers...)
				if test.change != nil {
					test.change(&l)
				}
				s.trust.Status = []verify.StatusList{l}
				want := test.want
				if withdrawn && (want == (finding{}) || test.past) {
					want = failed(verify.DocumentWithdrawn)
				}
				r := s.verify(t)
				requireStatus(t, r, want, false)
				require.Equal(t, want.outcome == verify.Unknown && want.reason != "", r.StatusAsOf.IsZero())
			}
		})
	}
}

// The list that counts is the statement's issuer's, for the statement's
// network.
func TestStatusOfAnother(t *testing.T) {
	none := findings{verify.Status: unknown(verify.NoStatusList)}
	s := oneLayer(t)
	s.list.Network = bitcoin.Signet
	s.useList(t)
	requireResult(t, s.verify(t), verify.CannotTell, none)

	s = oneLayer(t)
	s.list.Issuer = "other.example"
	s.useList(t)
	requireResult(t, s.verify(t), verify.CannotTell, none)

	s.list.Issuer = uniID
	l, _ := statusList(t, s.list, dean, registrar)
	s.trust.Status = append(s.trust.Status, l)
	requireResult(t, s.verify(t), verify.Valid, nil)
}

// The batch that a list names is that of layer 1, whatever tree it is joined
// with.
func TestStatusOfLayers(t *testing.T) {
	s := fourLayers(t)
	var outer [][32]byte
	for _, l := range s.proof.Layers[1:] {
		outer = append(outer, layerRoot(t, l))
	}
	slices.SortFunc(outer, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	s.list.Batches = outer
	s.useList(t)
	requireResult(t, s.verify(t), verify.CannotTell, findings{verify.Status: unknown(verify.NotInStatusList)})

	s = fourLayers(t)
	for _, root := range outer {
		s.list.AddWithdrawnBatch(issuer.Withdrawal{ID: root, Date: "2026-11-24", Reason: issuer.ReasonKeyCompromise})
	}
	s.useList(t)
	requireResult(t, s.verify(t), verify.Valid, nil)
}

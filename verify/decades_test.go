package verify_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/verify"
)

// history is an issuer that changes its keys: one file after the other, each
// signed by the keys before.
type history struct {
	t      testing.TB
	staff  [][]officer // of each key set
	sets   []issuer.KeySet
	files  []*issuer.File
	signed [][]byte
}

// newHistory begins with the officers of the other tests: two of three sign.
func newHistory(t testing.TB, from time.Time) *history {
	t.Helper()
	h := &history{t: t}
	h.open(from, 2, dean, registrar, spare)
	h.publish()
	return h
}

func (h *history) open(from time.Time, threshold int, officers ...officer) {
	h.staff = append(h.staff, officers)
	h.sets = append(h.sets, keySet(from, time.Time{}, threshold, officers...))
}

// rotate closes the newest key set and opens one of two officers that nobody has
// seen before.
func (h *history) rotate(at time.Time) {
	h.t.Helper()
	n := byte(40 + 2*len(h.sets))
	h.replace(at, newOfficer(uniID, n), newOfficer(uniID, n+1))
}

func (h *history) replace(at time.Time, officers ...officer) {
	h.t.Helper()
	h.sets[len(h.sets)-1].Until = at
	h.open(at, len(officers), officers...)
	h.publish()
}

// publish signs the next file, which whoever has the one before follows.
func (h *history) publish() {
	h.t.Helper()
	f := &issuer.File{ID: uniID, Name: "University of Example", Sequence: uint64(len(h.files) + 1), Sets: slices.Clone(h.sets)}
	text, err := f.Text()
	require.NoError(h.t, err)
	signers := slices.Clone(h.staff[len(h.staff)-1])
	if n := len(h.staff) - 1; n > 0 {
		for _, o := range h.staff[n-1][:h.sets[n-1].Threshold] {
			if !slices.ContainsFunc(signers, func(s officer) bool { return s.PublicKey() == o.PublicKey() }) {
				signers = append(signers, o)
			}
		}
	}
	data := signNote(h.t, text, issuer.MaxFile, signers)
	got, err := issuer.ParseFile(data)
	require.NoError(h.t, err)
	if n := len(h.files); n > 0 {
		require.NoError(h.t, h.files[n-1].CheckSuccessor(got, data))
	}
	h.files, h.signed = append(h.files, got), append(h.signed, data)
}

func (h *history) newest() *issuer.File { return h.files[len(h.files)-1] }

func year(y int) time.Time { return time.Date(y, 6, 1, 0, 0, 0, 0, time.UTC) }

// judgedIn is a document that these officers signed and that is in a block of the
// time at, judged at a later one, with a chain that has grown until then, the
// newest issuer file and a list that the newest keys signed.
func (h *history) judgedIn(at, now time.Time, officers ...officer) *scene {
	h.t.Helper()
	p := issue(h.t, 9, 4, uniStatement(at), officers...)
	b, hs := ownBlock(h.t, transaction(proof.Commitment(lastRoot(h.t, p))), at)
	for tip := at.Add(day); tip.Before(now); tip = tip.Add(365 * day) {
		hs = append(hs, mine(h.t, hs[len(hs)-1], bitcoin.Hash{}, tip))
	}
	s := newScene(h.t, p, b, hs)
	s.trust.Issuers = []*issuer.File{h.newest()}
	s.policy.Now = now
	s.list.AsOf, s.list.Next = now.Add(-day), now.Add(90*day)
	s.listBy(h.t, h.staff[len(h.staff)-1]...)
	return s
}

func (s *scene) listBy(t testing.TB, officers ...officer) {
	t.Helper()
	l, _ := statusList(t, s.list, officers...)
	s.trust.Status = []verify.StatusList{l}
}

// TestDecades: a transcript of 2026 in 2056, after six rotations. Its keys are
// long gone.
func TestDecades(t *testing.T) {
	h := newHistory(t, year(2026).Add(-day))
	for y := 2031; y <= 2056; y += 5 {
		h.rotate(year(y))
	}
	require.Len(t, h.files, 7)
	issued, now := year(2026), year(2056).Add(30*day)
	scene := func() *scene { return h.judgedIn(issued, now, dean, registrar) }

	s := scene()
	r := s.verify(t)
	requireResult(t, r, verify.Valid, nil)
	require.Equal(t, issued.Add(2*hour).Truncate(day), r.NoLaterThan.Truncate(day))

	s.trust.Status = nil
	requireResult(t, s.verify(t), verify.CannotTell, findings{verify.Status: unknown(verify.NoStatusList)})
	s.policy.AllowUnknownStatus = true
	requireResult(t, s.verify(t), verify.Valid, findings{verify.Status: unknown(verify.NoStatusList)})

	// The last list of each of the key sets before: it is past its next, and its
	// keys are not in force any more. What it withdraws stays withdrawn.
	for i, staff := range h.staff[:6] {
		s := scene()
		until := h.sets[i].Until
		s.list.AsOf, s.list.Next = until.Add(-30*day), until.Add(60*day)
		s.listBy(t, staff...)
		requireResult(t, s.verify(t), verify.CannotTell, findings{verify.Status: unknown(verify.StatusUnsigned)})
		s.withdraw()
		s.listBy(t, staff...)
		requireResult(t, s.verify(t), verify.Withdrawn, findings{verify.Status: failed(verify.DocumentWithdrawn)})
	}
	// A closed set's list that says never is no better.
	s = scene()
	s.list.Next = time.Time{}
	s.listBy(t, h.staff[5]...)
	requireResult(t, s.verify(t), verify.CannotTell, findings{verify.Status: unknown(verify.StatusUnsigned)})
	// The list of an institution that closed, with the last keys, is.
	s.listBy(t, h.staff[6]...)
	s.policy.Now = year(2156)
	requireResult(t, s.verify(t), verify.Valid, nil)

	// A verifier that was never told of the new keys knows the document's, and not
	// those of the list.
	for _, f := range h.files[:6] {
		s := scene()
		s.trust.Issuers = []*issuer.File{f}
		requireResult(t, s.verify(t), verify.CannotTell, findings{verify.Status: unknown(verify.StatusUnsigned)})
	}
	// It follows the files one by one, and skips none.
	require.ErrorIs(t, h.files[0].CheckSuccessor(h.files[2], h.signed[2]), issuer.ErrFileGap)
	require.ErrorIs(t, h.files[2].CheckSuccessor(h.files[1], h.signed[1]), issuer.ErrFileOlder)

	// Whoever finds the keys of 2026 in 2056 makes nothing of 2056 with them, and
	// nothing between.
	for _, y := range []int{2032, 2040, 2055} {
		requireResult(t, h.judgedIn(year(y), now, dean, registrar).verify(t), verify.Invalid,
			findings{verify.Issuer: failed(verify.KeysNotInForce)})
	}
	// One key of 2026 and one of 2031 are two of no set.
	mixed := h.judgedIn(issued, now, dean, h.staff[1][0])
	requireResult(t, mixed.verify(t), verify.CannotTell, findings{verify.Issuer: unknown(verify.UnknownSigner)})
	// Every set's own time is good.
	for i, staff := range h.staff {
		requireResult(t, h.judgedIn(h.sets[i].From.Add(day), now, staff...).verify(t), verify.Valid, nil)
	}
}

// TestClosedKeys: the edges of the key-time rule after a set was closed, for its
// own keys and for those that follow, in a file that follows the one before. The
// set is closed at a time around that of the block, or long before: then the key
// was stolen, and nothing that it made since counts.
func TestClosedKeys(t *testing.T) {
	const second = time.Second
	at := year(2030)
	successor := newOfficer(uniID, 31)
	inForce, unclear, not := finding{}, unknown(verify.KeyTimeUnclear), failed(verify.KeysNotInForce)
	for _, c := range []struct {
		closed   time.Duration // after the block
		old, new finding
	}{
		{365 * day, inForce, not},
		{2*hour + second, inForce, not},
		{2 * hour, inForce, inForce},
		{2*hour - second, unclear, inForce},
		{second, unclear, inForce},
		{0, unclear, inForce},
		{-second, unclear, inForce},
		{-2*hour + second, unclear, inForce},
		{-2 * hour, unclear, inForce},
		{-2*hour - second, not, inForce},
		{-365 * day, not, inForce},
	} {
		t.Run(fmt.Sprint(c.closed), func(t *testing.T) {
			h := newHistory(t, year(2026))
			h.replace(at.Add(c.closed), successor)
			now := at.Add(2 * 365 * day)
			requireIssuer(t, h.judgedIn(at, now, dean, registrar).verify(t), c.old)
			requireIssuer(t, h.judgedIn(at, now, successor).verify(t), c.new)

			// Who holds the file of before takes the old keys for good, but has no
			// list that they signed, and so does not say VALID.
			s := h.judgedIn(at, now, dean, registrar)
			s.trust.Issuers = h.files[:1]
			requireResult(t, s.verify(t), verify.CannotTell, findings{verify.Status: unknown(verify.StatusUnsigned)})
		})
	}

	// A key of the closed set that stands in the next one, alone, still counts there.
	h := newHistory(t, year(2026))
	h.replace(at.Add(-30*day), spare)
	now := at.Add(day)
	requireIssuer(t, h.judgedIn(at, now, spare).verify(t), inForce)
	requireIssuer(t, h.judgedIn(at, now, dean, spare).verify(t), inForce)
	requireIssuer(t, h.judgedIn(at, now, dean, registrar).verify(t), not)
	// A pending proof has no time: what the old keys signed may have been in time.
	s := h.judgedIn(at, now, dean, registrar)
	s.proof.Bitcoin = nil
	r := s.verify(t)
	require.Equal(t, verify.CannotTell, r.Verdict)
	require.Equal(t, verify.KeyTimeUnclear, r.Checks[verify.Issuer].Reason)
}

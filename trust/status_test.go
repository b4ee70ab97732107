package trust_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/trust"
)

func requireStatus(t *testing.T, s *trust.Store, data []byte, wantForked bool) {
	t.Helper()
	list, forked, err := s.Status(testID, bitcoin.Regtest)
	require.NoError(t, err)
	require.Equal(t, wantForked, forked)
	require.NotNil(t, list)
	require.Equal(t, string(data), string(list.Data))
	want, note, err := issuer.ParseStatus(data)
	require.NoError(t, err)
	require.Equal(t, want, list.StatusList)
	require.Equal(t, note, list.Note)
}

func TestImportStatus(t *testing.T) {
	u := newUni(t, testID)
	s, dir := open(t, u)
	importList(t, s, u.list(t, 3, 1, 2))
	requireStatus(t, s, u.list(t, 3, 1, 2), false)

	before := snapshot(t, dir)
	newer, err := s.ImportStatus(u.list(t, 3, 1, 2), now)
	require.NoError(t, err)
	require.False(t, newer, "the same again")
	require.Equal(t, before, snapshot(t, dir))

	importList(t, s, u.list(t, 9, 1, 2, 3)) // gaps are no error
	requireStatus(t, s, u.list(t, 9, 1, 2, 3), false)
	for _, n := range bitcoin.Networks()[:4] {
		list, _, err := s.Status(testID, n)
		require.NoError(t, err)
		require.Nil(t, list, n.String())
	}
}

func TestImportStatusRefuses(t *testing.T) {
	u, stranger := newUni(t, testID), newUni(t, testID)
	unknown := newUni(t, "unknown.example")
	known := u.status(5, 1, 2)
	known.AddWithdrawn(issuer.Withdrawal{ID: root(8), Date: "2026-11-20", Reason: issuer.ReasonRescinded})
	known.AddWithdrawnBatch(issuer.Withdrawal{ID: root(2), Date: "2026-11-20", Reason: issuer.ReasonSuperseded})

	with := func(sequence uint64, change func(l *issuer.StatusList)) []byte {
		l := known.Clone()
		l.Sequence = sequence
		change(l)
		return signList(t, l, u.newest()...)
	}
	text, err := u.status(6, 1, 2).Text()
	require.NoError(t, err)
	otherName := newKeys(t, "other.example", 1)
	signed := with(6, func(*issuer.StatusList) {})
	wrong := append([]byte{}, signed...)
	wrong[len("gradseal status v1\nissuer "+testID+"\nnetwork regtest\nsequence ")] = '7'

	tests := []struct {
		name string
		data []byte
		want error // nil: any
	}{
		{"nothing", nil, nil},
		{"no signature", []byte(text), nil},
		{"cut off", signed[:len(signed)-1], nil},
		{"an issuer file", u.data, nil},
		{"issuer that is not known", unknown.list(t, 1, 1), trust.ErrUnknownIssuer},
		{"signed by a stranger under the issuer's name", signList(t, u.status(6, 1, 2), stranger.newest()...), issuer.ErrUnknownSigner},
		{"signed under another name", signList(t, u.status(6, 1, 2), otherName...), issuer.ErrUnknownSigner},
		{"text of one list, signature of another", wrong, issuer.ErrWrongSignature},
		{"a number that is too high", with(uint64(now.Unix())+1, func(*issuer.StatusList) {}), issuer.ErrStatusAhead},
		{"the highest number", with(issuer.MaxSequence, func(*issuer.StatusList) {}), issuer.ErrStatusAhead},
		{"older", with(4, func(*issuer.StatusList) {}), issuer.ErrStatusOlder},
		{"older, with more entries", with(1, func(l *issuer.StatusList) { l.AddBatch(root(9)) }), issuer.ErrStatusOlder},
		{"lacks a batch", with(6, func(l *issuer.StatusList) { l.Batches = l.Batches[:1] }), nil},
		{"lacks a withdrawn document", with(6, func(l *issuer.StatusList) { l.Withdrawn = nil }), nil},
		{"lacks a withdrawn batch", with(6, func(l *issuer.StatusList) { l.WithdrawnBatches = nil }), nil},
		{"empty", with(6, func(l *issuer.StatusList) { l.Batches, l.Withdrawn, l.WithdrawnBatches = nil, nil, nil }), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, dir := open(t, u)
			importList(t, s, signList(t, known, u.newest()...))
			err := requireRefused(t, dir, func() error {
				newer, err := s.ImportStatus(test.data, now)
				require.False(t, newer)
				return err
			})
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
			}
			require.NotErrorIs(t, err, trust.ErrStatusFork)
			requireStatus(t, s, signList(t, known, u.newest()...), false)
		})
	}
}

// TestHighestNumber: whatever number a thief's list has, a second later there is room
// above it, for who took it in and for who did not.
func TestHighestNumber(t *testing.T) {
	u := newUni(t, testID)
	most := uint64(now.Unix())
	for _, known := range [][]byte{nil, u.list(t, 3, 1), u.list(t, most, 1)} {
		s, _ := open(t, u)
		if known != nil {
			importList(t, s, known)
		}
		_, err := s.ImportStatus(u.list(t, most+1, 1, 2), now)
		require.ErrorIs(t, err, issuer.ErrStatusAhead)
		_, err = s.PlanStatus(u.list(t, issuer.MaxSequence, 1, 2), now)
		require.ErrorIs(t, err, issuer.ErrStatusAhead)
		newer, err := s.ImportStatus(u.list(t, most+1, 1, 2), now.Add(time.Second))
		require.NoError(t, err)
		require.True(t, newer)
	}
}

// A set of several keys: the threshold counts keys, not lines.
func TestImportStatusThreshold(t *testing.T) {
	ks := newKeys(t, testID, 3)
	f := &issuer.File{ID: testID, Name: "Two of three", Sequence: 1, Sets: []issuer.KeySet{
		{From: now.Add(-10 * day), Threshold: 2, Keys: keysOf(ks)},
	}}
	u := &uni{file: f, data: signFile(t, f, ks...)}
	s, dir := open(t, u)
	err := requireRefused(t, dir, func() error {
		_, err := s.ImportStatus(signList(t, u.status(1, 1), ks[0]), now)
		return err
	})
	require.ErrorIs(t, err, issuer.ErrUnknownSigner)
	importList(t, s, signList(t, u.status(1, 1), ks[2], ks[0]))

	// Close to the edge of the keys' time nothing is certain.
	edge := now.Add(-10*day - 2*time.Hour - time.Minute)
	requireRefused(t, dir, func() error {
		_, err := s.ImportStatus(signList(t, u.status(2, 1), ks[2], ks[0]), edge)
		return err
	})
}

// forkedStore has seen two lists with sequence 5: with the batches 1 and 2, and
// with 1 and 3.
func forkedStore(t *testing.T) (*uni, *trust.Store, string) {
	t.Helper()
	u := newUni(t, testID)
	s, dir := open(t, u)
	importList(t, s, u.list(t, 5, 1, 2))
	requireFork(t, s, u.list(t, 5, 1, 3))
	return u, s, dir
}

func requireFork(t *testing.T, s *trust.Store, data []byte) {
	t.Helper()
	newer, err := s.ImportStatus(data, now)
	require.ErrorIs(t, err, trust.ErrStatusFork)
	require.ErrorContains(t, err, testID)
	require.ErrorContains(t, err, "sequence 5")
	require.False(t, newer)
}

func TestFork(t *testing.T) {
	u, s, dir := forkedStore(t)
	requireStatus(t, s, u.list(t, 5, 1, 2), true)
	_, err := s.Pack(testID, nil)
	require.ErrorIs(t, err, trust.ErrStatusFork)

	// Whatever more comes with that number, of the two or a third: the answer
	// stays, and the two lists stay.
	before := snapshot(t, dir)
	requireFork(t, s, u.list(t, 5, 1, 3))
	requireFork(t, s, u.list(t, 5, 1, 2))
	requireFork(t, s, u.list(t, 5, 1, 2, 3))
	require.Equal(t, before, snapshot(t, dir))
	require.ErrorIs(t, requireRefused(t, dir, func() error {
		_, err := s.ImportStatus(u.list(t, 4, 1), now)
		return err
	}), issuer.ErrStatusOlder)

	// Another network's lists are not touched by it.
	importList(t, s, u.network(t, bitcoin.Mainnet))
	_, forked, err := s.Status(testID, bitcoin.Mainnet)
	require.NoError(t, err)
	require.False(t, forked)
}

func TestForkWasSignedByNobody(t *testing.T) {
	u := newUni(t, testID)
	s, dir := open(t, u)
	importList(t, s, u.list(t, 5, 1))
	requireRefused(t, dir, func() error {
		_, err := s.ImportStatus(signList(t, u.status(5, 2), newKeys(t, testID, 1)...), now)
		require.NotErrorIs(t, err, trust.ErrStatusFork, "a stranger must not be able to make a fork")
		return err
	})
	requireStatus(t, s, u.list(t, 5, 1), false)
}

func TestForkIsCleared(t *testing.T) {
	u, s, dir := forkedStore(t)
	for _, lacking := range [][]byte{
		u.list(t, 6, 1, 2), u.list(t, 6, 1, 3), u.list(t, 6, 2, 3), u.list(t, 6, 1), u.list(t, 6),
	} {
		err := requireRefused(t, dir, func() error { _, err := s.ImportStatus(lacking, now); return err })
		require.ErrorContains(t, err, "missing")
	}
	importList(t, s, u.list(t, 6, 1, 2, 3))
	requireStatus(t, s, u.list(t, 6, 1, 2, 3), false)
	pack, err := s.Pack(testID, nil)
	require.NoError(t, err)
	require.Len(t, pack.Lists, 1)

	// Both lists are older now, and the later list is what counts.
	for _, old := range [][]byte{u.list(t, 5, 1, 2), u.list(t, 5, 1, 3)} {
		err := requireRefused(t, dir, func() error { _, err := s.ImportStatus(old, now); return err })
		require.ErrorIs(t, err, issuer.ErrStatusOlder)
	}
	newer, err := s.ImportStatus(u.list(t, 6, 1, 2, 3), now)
	require.NoError(t, err)
	require.False(t, newer)
	importList(t, s, u.list(t, 7, 1, 2, 3))

	// A second fork, later, is one again.
	_, err = s.ImportStatus(u.list(t, 7, 1, 2, 3, 4), now)
	require.ErrorIs(t, err, trust.ErrStatusFork)
	requireStatus(t, s, u.list(t, 7, 1, 2, 3), true)
	require.Error(t, func() error { _, err := s.ImportStatus(u.list(t, 8, 1, 2, 3), now); return err }())
	importList(t, s, u.list(t, 8, 1, 2, 3, 4))
	requireStatus(t, s, u.list(t, 8, 1, 2, 3, 4), false)
}

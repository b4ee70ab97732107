package batch_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/issuer"
)

// replacing is a plan for the files that withdraws documents and may take their
// paths.
func replacing(t testing.TB, s *batch.Store, files []batch.File, replaced [][32]byte, w ...issuer.Withdrawal) *batch.Plan {
	t.Helper()
	p, err := batch.NewPlan(t.Context(), &batch.Scan{Files: files}, list(t, s), testHead(), batch.Options{Withdraw: w, Replaced: replaced, Probe: true})
	require.NoError(t, err)
	return p
}

func withdrawalOf(b *batch.Batch, index int, date, reason string) issuer.Withdrawal {
	d := b.Documents[index]
	return issuer.Withdrawal{ID: issuer.WithdrawalID(d.Salt, d.Digest), Date: date, Reason: reason}
}

// issued is a store with one signed batch of two documents, and the path of a
// third.
func issued(t testing.TB) (s *batch.Store, dir string, b *batch.Batch, next []batch.File) {
	t.Helper()
	s, dir = newStore(t)
	paths := documents(t, t.TempDir(), 3)
	b = create(t, s, scan(t, paths[:2]...))
	sign(t, b)
	return s, dir, b, scan(t, paths[2])
}

// TestWithdrawalsArePlannedWithTheBatch: they are on disk with the plan, and the
// list that names the batch withdraws them.
func TestWithdrawalsArePlannedWithTheBatch(t *testing.T) {
	s, _, old, next := issued(t)
	first := withdrawalOf(old, 0, "2026-11-22", issuer.ReasonSuperseded)
	second := withdrawalOf(old, 1, "2026-11-22", issuer.ReasonSuperseded)
	b, err := replacing(t, s, next, nil, second, first).Create(s)
	require.NoError(t, err)
	require.ElementsMatch(t, []issuer.Withdrawal{first, second}, b.Withdrawals)
	require.Equal(t, b.Withdrawals, reload(t, s, b).Withdrawals)
	sign(t, b)
	b = reload(t, s, b)

	root, err := b.Root()
	require.NoError(t, err)
	l := &issuer.StatusList{}
	require.NoError(t, b.List(l))
	require.True(t, l.HasBatch(root))
	require.Equal(t, b.Withdrawals, l.Withdrawn)
	listed, err := b.IsListed(l)
	require.NoError(t, err)
	require.True(t, listed)
	for _, lacking := range []*issuer.StatusList{{}, {Batches: [][32]byte{root}}, {Batches: [][32]byte{root}, Withdrawn: l.Withdrawn[:1]}, {Withdrawn: l.Withdrawn}} {
		listed, err := b.IsListed(lacking)
		require.NoError(t, err)
		require.False(t, listed)
	}
	listed, err = old.IsListed(l)
	require.NoError(t, err)
	require.False(t, listed)
}

// TestPlanToReplace: an interrupted plan is taken up for the same decision, on a
// later day, too, and by who only names the new document; another decision drops
// it, and documents that would replace nothing do not.
func TestPlanToReplace(t *testing.T) {
	s, _, old, next := issued(t)
	w := withdrawalOf(old, 0, "2026-11-22", issuer.ReasonSuperseded)
	b, err := replacing(t, s, next, nil, w).Create(s)
	require.NoError(t, err)

	later := w
	later.Date = "2026-11-23"
	for name, p := range map[string]*batch.Plan{
		"the same": replacing(t, s, next, nil, w), "a day later": replacing(t, s, next, nil, later), "anchor": replacing(t, s, next, nil),
	} {
		require.Equal(t, []string{b.ID}, ids(p.Resume), name)
		require.Empty(t, p.New, name)
		require.Equal(t, []issuer.Withdrawal{w}, p.Resume[0].Withdrawals, name)
	}
	reprint := w
	reprint.Reason = issuer.ReasonReprint
	for name, p := range map[string]*batch.Plan{
		"another reason":   replacing(t, s, next, nil, reprint),
		"another document": replacing(t, s, next, nil, withdrawalOf(old, 1, "2026-11-22", issuer.ReasonSuperseded)),
	} {
		require.Equal(t, []string{b.ID}, ids(p.Stale), name)
		require.Len(t, p.New, 1, name)
	}
	more := append(scan(t, documents(t, t.TempDir(), 1)...), next...)
	p := replacing(t, s, more, nil)
	require.Empty(t, p.Stale)
	require.Len(t, p.New, 1)
	require.Len(t, p.Refusals, 1)
	require.Equal(t, next[0].Path, p.Refusals[0].Path)
	require.Contains(t, p.Refusals[0].Text, "gradseal batches abandon "+b.ID)
}

// TestPlanToReplaceUnderTheSameName: only what is replaced gives its path to
// another document.
func TestPlanToReplaceUnderTheSameName(t *testing.T) {
	s, _, old, _ := issued(t)
	was := old.Documents[0]
	write(t, was.Path, pdf("corrected"))
	next := scan(t, was.Path)
	w := withdrawalOf(old, 0, "2026-11-22", issuer.ReasonIssuedInError)
	for _, replaced := range [][][32]byte{nil, {old.Documents[1].Digest}} {
		p := replacing(t, s, next, replaced, w)
		require.Len(t, p.Refusals, 1)
		require.Contains(t, p.Refusals[0].Text, "a corrected document needs another file name")
	}
	b, err := replacing(t, s, next, [][32]byte{was.Digest}, w).Create(s)
	require.NoError(t, err)
	p := replacing(t, s, next, nil)
	require.Empty(t, p.Refusals, "anchor goes on with it")
	require.Equal(t, []string{b.ID}, ids(p.Resume))
	sign(t, b)
	p = replacing(t, s, next, nil)
	require.Empty(t, p.Refusals)
	require.Equal(t, []string{b.ID}, ids(p.Resume))
}

func TestDamagedWithdrawals(t *testing.T) {
	s, dir, old, next := issued(t)
	b, err := replacing(t, s, next, nil, withdrawalOf(old, 0, "2026-11-22", issuer.ReasonSuperseded), withdrawalOf(old, 1, "2026-11-22", issuer.ReasonReprint)).Create(s)
	require.NoError(t, err)
	path := filepath.Join(dir, b.ID, "withdrawals")
	whole := readFile(t, path)
	lines := strings.SplitAfter(whole, "\n")
	for name, text := range map[string]string{
		"empty":         "",
		"a title":       lines[0],
		"no title":      strings.Join(lines[1:], ""),
		"cut short":     whole[:len(whole)-1],
		"another order": lines[0] + lines[2] + lines[1],
		"twice":         lines[0] + lines[1] + lines[1],
		"a blank":       strings.Replace(whole, " ", "  ", 1),
		"a date":        strings.Replace(whole, "2026-11-22", "2026-11-31", 1),
		"a reason":      strings.Replace(whole, "superseded", "lost", 1),
		"an id":         lines[0] + lines[1][1:],
		"upper case":    lines[0] + strings.ToUpper(lines[1][:64]) + lines[1][64:],
		"more":          whole + "\n",
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := s.List()
		require.ErrorContains(t, err, "malformed withdrawals", name)
		require.ErrorContains(t, err, path, name)
	}
}

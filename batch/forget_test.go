package batch_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/merkle"
	"gradseal/proof"
)

// completed is a complete batch of n documents, which lie in the folder.
func completed(t testing.TB, n int) (s *batch.Store, dir string, b *batch.Batch) {
	t.Helper()
	s, dir = newStore(t)
	b = create(t, s, scan(t, documents(t, t.TempDir(), n)...))
	advance(t, b, batch.Complete)
	return s, dir, b
}

// allProofs are the proofs that the batch can write, by leaf index.
func allProofs(t testing.TB, b *batch.Batch) map[int]string {
	t.Helper()
	all := make(map[int]string)
	for i := range b.Documents {
		data, err := b.Proof(i)
		if b.Documents[i].Forgotten {
			require.ErrorIs(t, err, batch.ErrForgotten)
			continue
		}
		require.NoError(t, err)
		all[i] = string(data)
	}
	return all
}

func TestForget(t *testing.T) {
	s, dir, b := completed(t, 7)
	before, was := allProofs(t, b), append([]batch.Document{}, b.Documents...)
	root, err := b.Root()
	require.NoError(t, err)
	plan := readFile(t, filepath.Join(dir, b.ID, "plan"))

	require.NoError(t, b.Forget([]int{2, 5, 2}))
	for _, b := range []*batch.Batch{b, reload(t, s, b)} {
		require.Equal(t, 2, b.Forgotten())
		again, err := b.Root()
		require.NoError(t, err)
		require.Equal(t, root, again)
		delete(before, 2)
		delete(before, 5)
		require.Equal(t, before, allProofs(t, b), "the proofs of all others")
		for i, d := range b.Documents {
			if i != 2 && i != 5 {
				require.Equal(t, was[i], d)
				continue
			}
			leaf := merkle.LeafHash(proof.Entry(was[i].Salt, was[i].Digest))
			require.Equal(t, batch.Document{Forgotten: true, Leaf: leaf}, d)
		}
	}
	require.NoError(t, b.Forget([]int{5}), "again")

	// The other rows are the bytes that they were, and of the two nothing is left.
	now := readFile(t, filepath.Join(dir, b.ID, "plan"))
	old, rows := strings.Split(plan, "\n"), strings.Split(now, "\n")
	require.Len(t, rows, len(old))
	head := strings.Count(plan[:strings.Index(plan, "\n\n")], "\n") + 2
	for i := range rows {
		if i != head+2 && i != head+5 {
			require.Equal(t, old[i], rows[i])
		}
	}
	for path, content := range snapshot(t, filepath.Join(dir, b.ID)) {
		for _, i := range []int{2, 5} {
			for _, trace := range [][]byte{was[i].Salt[:], was[i].Digest[:]} {
				require.NotContains(t, content, hex.EncodeToString(trace), path)
				require.NotContains(t, content, string(trace), path)
			}
			require.NotContains(t, content, filepath.Base(was[i].Path), path)
		}
	}
	requireNoTemporary(t, dir)
}

// A proof that was written for a document stays good for who has it, and the batch
// writes those of all others again.
func TestWriteProofsWithoutForgotten(t *testing.T) {
	s, _, b := completed(t, 5)
	gone := b.Documents[1].Path
	want := readFile(t, proofBeside(gone))
	for i, d := range b.Documents {
		if i != 1 {
			require.NoError(t, os.Remove(proofBeside(d.Path)))
		}
	}
	require.NoError(t, b.Forget([]int{1}))

	// The block left the chain, and the transaction is in it again.
	b = reload(t, s, b)
	found := *b.Attestation
	require.NoError(t, b.DropAttestation())
	require.Equal(t, batch.Funded, b.State())
	require.ErrorContains(t, b.Forget([]int{0}), "is sent: want complete")
	writeProofs(t, b)
	require.Empty(t, b.Left)
	require.Equal(t, 4, b.Written)
	require.NoError(t, b.FinalizeAttestation(&found))
	writeProofs(t, b)
	require.Equal(t, batch.Complete, b.State())
	require.Empty(t, b.Left)
	for i, proofFile := range allProofs(t, b) {
		require.Equal(t, proofFile, readFile(t, proofBeside(b.Documents[i].Path)))
	}
	require.Equal(t, want, readFile(t, proofBeside(gone)), "it is not touched")
}

// A document that was forgotten is a new one.
func TestPlanWithForgotten(t *testing.T) {
	s, _, b := completed(t, 3)
	gone, kept := b.Documents[0].Path, b.Documents[1].Path
	require.NoError(t, b.Forget([]int{0}))
	require.NoError(t, os.Remove(proofBeside(gone)))
	p := newPlan(t, s, scan(t, gone, kept))
	require.Empty(t, p.Refusals)
	require.Len(t, p.New, 1)
	require.Equal(t, gone, p.New[0].Path)
	require.Equal(t, 1, p.Done)
}

func TestForgetAll(t *testing.T) {
	s, _, b := completed(t, 2)
	require.NoError(t, b.Forget([]int{0, 1}))
	b = reload(t, s, b)
	require.Equal(t, batch.Complete, b.State())
	require.Empty(t, allProofs(t, b))
	writeProofs(t, b)
}

func TestForgetRefuses(t *testing.T) {
	s, dir, b := completed(t, 2)
	for _, bad := range []int{-1, 2} {
		require.ErrorContains(t, b.Forget([]int{0, bad}), "no leaf")
	}
	for state := batch.Planned; state < batch.Complete; state++ {
		other := create(t, s, fakeFiles(2))
		advance(t, other, state)
		require.ErrorContains(t, other.Forget([]int{0}), state.String()+": want complete")
		require.Zero(t, reload(t, s, other).Forgotten())
	}
	// A plan in which a salt was changed has another root: that is found out before
	// it is made worse.
	plan := filepath.Join(dir, b.ID, "plan")
	text := readFile(t, plan)
	salt := hex.EncodeToString(b.Documents[0].Salt[:])
	write(t, plan, []byte(strings.Replace(text, salt, strings.Repeat("0", 64), 1)))
	require.ErrorContains(t, reload(t, s, b).Forget([]int{0}), "is about another batch")
	require.Zero(t, reload(t, s, b).Forgotten())
}

func TestMalformedForgottenRow(t *testing.T) {
	s, dir, b := completed(t, 2)
	require.NoError(t, b.Forget([]int{0}))
	plan := filepath.Join(dir, b.ID, "plan")
	good := readFile(t, plan)
	row := "forgotten " + hex.EncodeToString(b.Documents[0].Leaf[:]) + "\n"
	require.Equal(t, 1, strings.Count(good, row))
	for _, bad := range []string{
		"forgotten \n", row[:len(row)-3] + "\n", row[:len(row)-1] + "0\n", row[:len(row)-1] + " \n", strings.ToUpper(row),
		"forgotten " + strings.ToUpper(row[10:]), " " + row, "forgotten\n", row[:20] + "g" + row[21:],
	} {
		write(t, plan, []byte(strings.Replace(good, row, bad, 1)))
		_, err := s.List()
		require.ErrorContains(t, err, plan, "%q", bad)
	}
}

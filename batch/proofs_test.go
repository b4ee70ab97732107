package batch_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/proof"
)

// writeAgain writes the proofs of all rows beside documents of the same names in
// dir.
func writeAgain(t *testing.T, b *batch.Batch, dir string) batch.Again {
	t.Helper()
	places := make([]batch.Place, len(b.Documents))
	for i, d := range b.Documents {
		places[i] = batch.Place{Index: i, Document: filepath.Join(dir, filepath.Base(d.Path))}
	}
	done, err := b.WriteAgain(context.Background(), places, func(int, []byte) error { return nil }, func() {})
	require.NoError(t, err)
	return done
}

// TestWriteAgain: the same bytes, from memory and from disk, in every state.
func TestWriteAgain(t *testing.T) {
	s, _ := newStore(t)
	docs := t.TempDir()
	b := create(t, s, scan(t, documents(t, docs, 5)...))
	_, err := b.WriteAgain(context.Background(), nil, nil, nil)
	require.ErrorContains(t, err, "is not signed")

	advance(t, b, batch.Confirmed)
	writeProofs(t, b)
	pending := t.TempDir()
	require.Equal(t, batch.Again{Written: 5}, writeAgain(t, reload(t, s, b), pending))
	requireSameProofs(t, b, pending)
	require.Equal(t, batch.Again{Unchanged: 5}, writeAgain(t, b, pending))

	finish(t, b)
	again := reload(t, s, b)
	full := t.TempDir()
	require.Equal(t, batch.Again{Written: 5}, writeAgain(t, again, full))
	requireSameProofs(t, b, full)
	p, err := proof.Parse([]byte(readFile(t, proofBeside(filepath.Join(pending, "s00.pdf")))))
	require.NoError(t, err)
	require.True(t, again.LacksEvidence(p))
	require.Equal(t, batch.Again{Written: 5}, writeAgain(t, again, pending), "older ones are replaced")
	requireSameProofs(t, b, pending)
	p, err = proof.Parse([]byte(readFile(t, proofBeside(filepath.Join(pending, "s00.pdf")))))
	require.NoError(t, err)
	require.False(t, again.LacksEvidence(p))
}

// requireSameProofs: the proofs in dir are those beside the documents.
func requireSameProofs(t *testing.T, b *batch.Batch, dir string) {
	t.Helper()
	names, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, names, len(b.Documents))
	for _, d := range b.Documents {
		require.Equal(t, readFile(t, proofBeside(d.Path)), readFile(t, proofBeside(filepath.Join(dir, filepath.Base(d.Path)))))
	}
}

// TestWriteAgainLeaves: what is not an older proof of the batch stays.
func TestWriteAgainLeaves(t *testing.T) {
	s, _ := newStore(t)
	docs := t.TempDir()
	b := create(t, s, scan(t, documents(t, docs, 4)...))
	advance(t, b, batch.Complete)
	full := readFile(t, proofBeside(filepath.Join(docs, "s00.pdf")))
	require.NoError(t, b.DropAttestation()) // its block left the chain

	out := t.TempDir()
	at := func(name string) string { return filepath.Join(out, name) }
	write(t, proofBeside(at("s00.pdf")), []byte(full))
	write(t, proofBeside(at("s01.pdf")), []byte("my notes"))
	require.NoError(t, os.Mkdir(proofBeside(at("s02.pdf")), 0o755))
	before := snapshot(t, out)
	done := writeAgain(t, b, out)
	require.Equal(t, 1, done.Written)
	require.ElementsMatch(t, []batch.Finding{
		{Path: at("s00.pdf"), Text: "has a proof with evidence that the batch does not have now, which was not overwritten"},
		{Path: at("s01.pdf"), Text: "has something in the place of its proof, which was not overwritten"},
		{Path: at("s02.pdf"), Text: "has something in the place of its proof, which was not overwritten"},
	}, done.Left)
	require.NoError(t, os.Remove(proofBeside(at("s03.pdf"))))
	require.Equal(t, before, snapshot(t, out))

	// A folder that is not there is not made.
	done = writeAgain(t, b, filepath.Join(out, "none"))
	require.Len(t, done.Left, 4)
	require.Equal(t, "is in a folder that is not there any more", done.Left[0].Text)
	require.NoDirExists(t, filepath.Join(out, "none"))
}

// TestWriteAgainForgotten: nothing is written for a row that was destroyed, and
// what a check refuses ends it.
func TestWriteAgainForgotten(t *testing.T) {
	s, _ := newStore(t)
	b := create(t, s, scan(t, documents(t, t.TempDir(), 3)...))
	advance(t, b, batch.Complete)
	require.NoError(t, b.Forget([]int{1}))
	out := t.TempDir()
	places := []batch.Place{{Index: 0, Document: filepath.Join(out, "a.pdf")}, {Index: 1, Document: filepath.Join(out, "b.pdf")}}
	done, err := b.WriteAgain(context.Background(), places, func(i int, _ []byte) error {
		require.Zero(t, i)
		return nil
	}, func() {})
	require.NoError(t, err)
	require.Equal(t, batch.Again{Written: 1, Forgotten: 1}, done)
	require.NoFileExists(t, proofBeside(filepath.Join(out, "b.pdf")))

	refused := errors.New("damaged")
	_, err = b.WriteAgain(context.Background(), []batch.Place{{Index: 2, Document: filepath.Join(out, "c.pdf")}},
		func(int, []byte) error { return refused }, func() {})
	require.ErrorIs(t, err, refused)
	require.NoFileExists(t, proofBeside(filepath.Join(out, "c.pdf")))
}

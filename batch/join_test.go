package batch_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/batch/manifest"
	"gradseal/bitcoin"
)

func parseManifest(t testing.TB, lines ...string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Parse([]byte(strings.Join(lines, "\r\n") + "\r\n"))
	require.NoError(t, err)
	return m
}

// read scans paths of which some may be refused.
func read(t testing.TB, paths ...string) *batch.Scan {
	t.Helper()
	s, err := batch.Read(context.Background(), paths, ignoreTotal, ignoreDone)
	require.NoError(t, err)
	return s
}

// rowsOf is the manifest row of each file that is left, by its name.
func rowsOf(s *batch.Scan) map[string]int {
	rows := make(map[string]int)
	for _, f := range s.Files {
		rows[f.Name] = f.Row
	}
	return rows
}

func TestJoin(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.pdf"), pdf("a"))
	write(t, filepath.Join(dir, "sub/b.pdf"), pdf("b"))
	unlisted := write(t, filepath.Join(dir, "c.pdf"), pdf("c"))
	twice := write(t, filepath.Join(dir, "d.pdf"), pdf("d"))
	broken := write(t, filepath.Join(dir, "e.pdf"), nil)

	s := read(t, dir)
	s.Join(parseManifest(t,
		"name,file",
		"Ada,a.pdf",
		"Bea,sub/b.pdf",
		"Dan,d.pdf",
		"Eve,e.pdf",
		"Fay,f.pdf",
		"Dot,d.pdf",
	), "list.csv")

	require.Equal(t, map[string]int{"a.pdf": 0, "sub/b.pdf": 1, "c.pdf": -1}, rowsOf(s))
	require.Equal(t, []batch.Finding{{Path: unlisted, Text: "is not in the manifest"}}, s.Warnings)
	texts := make(map[string][]string)
	for _, f := range s.Refusals {
		texts[f.Path] = append(texts[f.Path], f.Text)
	}
	require.Len(t, texts, 3)
	require.Equal(t, []string{"has zero bytes"}, texts[broken], "its row is in order")
	require.Equal(t, []string{"may be what a row of the list means that is refused: mend that row"}, texts[twice])
	require.Len(t, texts["list.csv"], 3)
	list := strings.Join(texts["list.csv"], "\n")
	for _, line := range []string{"row 4: ", "row 6: ", "row 7: "} {
		require.Contains(t, list, line)
	}
	require.Contains(t, list, "f.pdf")
}

// Files that are named themselves go by their base names, those of two folders
// by their names in each.
func TestJoinNames(t *testing.T) {
	dir := t.TempDir()
	a := write(t, filepath.Join(dir, "x/a.pdf"), pdf("a"))
	write(t, filepath.Join(dir, "y/b.pdf"), pdf("b"))
	s := read(t, a, filepath.Join(dir, "x"), filepath.Join(dir, "y"))
	s.Join(parseManifest(t, "file", "b.pdf", "a.pdf"), "list.csv")
	require.Equal(t, map[string]int{"a.pdf": 1, "b.pdf": 0}, rowsOf(s))
	require.Empty(t, s.Refusals)
	require.Empty(t, s.Warnings)
}

func TestPlanStrict(t *testing.T) {
	dir := t.TempDir()
	paths := documents(t, dir, 3)
	s := read(t, dir)
	s.Join(parseManifest(t, "file", "s00.pdf", "s02.pdf"), "list.csv")
	store, _ := newStore(t)

	p, err := batch.NewPlan(context.Background(), s, nil, testHead(), batch.Options{})
	require.NoError(t, err)
	require.Len(t, p.New, 3)
	require.Equal(t, []batch.Finding{{Path: paths[1], Text: "is not in the manifest"}}, p.Warnings)

	p, err = batch.NewPlan(context.Background(), s, nil, testHead(), batch.Options{Strict: true})
	require.NoError(t, err)
	require.Len(t, p.New, 2)
	require.Equal(t, s.Warnings, p.Refusals)
	require.Empty(t, p.Warnings)

	// What is issued already is not warned of, nor refused.
	advance(t, create(t, store, s.Files), batch.Complete)
	p, err = batch.NewPlan(context.Background(), s, list(t, store), testHead(), batch.Options{Strict: true})
	require.NoError(t, err)
	require.Equal(t, bucket{Done: 3}, sizes(p))
}

// Proofs of a test network may be replaced by leave, in each step of the new
// batch; those of mainnet never.
func TestReplaceTestProofs(t *testing.T) {
	for state := batch.Signed; state <= batch.Complete; state++ {
		t.Run(state.String(), func(t *testing.T) {
			w := newWorld(t, batch.Complete) // on regtest
			old := readFile(t, proofBeside(w.paths[0]))
			files := scan(t, w.paths[:4]...)
			head := testHead()
			head.Issuer = "other.example"
			plan := func(o batch.Options) *batch.Plan {
				p, err := batch.NewPlan(context.Background(), &batch.Scan{Files: files}, list(t, w.s), head, o)
				require.NoError(t, err)
				return p
			}
			p := plan(batch.Options{})
			require.Equal(t, bucket{Refusals: 4}, sizes(p))
			require.Contains(t, p.Refusals[0].Text, "--replace-test-proofs")

			p = plan(batch.Options{ReplaceTestProofs: true})
			require.Equal(t, bucket{New: 4}, sizes(p))
			require.Equal(t, 4, p.Replaced)
			b, err := p.Create(w.s)
			require.NoError(t, err)
			require.Equal(t, old, readFile(t, proofBeside(w.paths[0])), "until there is a new one")
			advance(t, b, min(state, batch.Confirmed))
			if state < batch.Complete {
				// As after a kill: the leave is not on disk, it is given again.
				require.Equal(t, bucket{Refusals: 4}, sizes(plan(batch.Options{})))
				p = plan(batch.Options{ReplaceTestProofs: true})
				require.Equal(t, bucket{Resume: 1}, sizes(p))
				b = p.Resume[0]
				advance(t, b, batch.Confirmed)
			}
			finish(t, b)
			require.NotEqual(t, old, readFile(t, proofBeside(w.paths[0])))
			require.Equal(t, bucket{Done: 4}, sizes(plan(batch.Options{})))
		})
	}
	t.Run("mainnet", func(t *testing.T) {
		s, _ := newStore(t)
		paths := documents(t, t.TempDir(), 1)
		head := testHead()
		head.Network = bitcoin.Mainnet
		b, err := s.Create(head, scan(t, paths...))
		require.NoError(t, err)
		advance(t, b, batch.Complete)
		p, err := batch.NewPlan(context.Background(), &batch.Scan{Files: scan(t, paths...)}, list(t, s), testHead(), batch.Options{ReplaceTestProofs: true})
		require.NoError(t, err)
		require.Equal(t, bucket{Refusals: 1}, sizes(p))
		require.NotContains(t, p.Refusals[0].Text, "--replace-test-proofs")
	})
}

package batch_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/bitcoin"
)

func newPlan(t testing.TB, s *batch.Store, files []batch.File) *batch.Plan {
	t.Helper()
	p, err := batch.NewPlan(context.Background(), &batch.Scan{Files: files}, list(t, s), testHead(), batch.Options{Probe: true})
	require.NoError(t, err)
	return p
}

func ids(batches []*batch.Batch) []string {
	out := []string{}
	for _, b := range batches {
		out = append(out, b.ID)
	}
	return out
}

// bucket counts what a plan holds: every file is in one of them.
type bucket struct{ New, Resume, Stale, Rewrite, Done, Refusals int }

func sizes(p *batch.Plan) bucket {
	return bucket{len(p.New), len(p.Resume), len(p.Stale), len(p.Rewrite), p.Done, len(p.Refusals)}
}

// world is a registrar's folder with ten documents, and a store with a batch of
// the first four in some state.
type world struct {
	s     *batch.Store
	dir   string // of the documents
	paths []string
	b     *batch.Batch
}

func newWorld(t testing.TB, state batch.State) *world {
	t.Helper()
	w := &world{dir: t.TempDir()}
	w.s, _ = newStore(t)
	w.paths = documents(t, w.dir, 10)
	w.b = create(t, w.s, scan(t, w.paths[:4]...))
	advance(t, w.b, state)
	return w
}

func (w *world) plan(t testing.TB, paths ...string) *batch.Plan {
	t.Helper()
	return newPlan(t, w.s, scan(t, paths...))
}

func TestPlanNew(t *testing.T) {
	s, _ := newStore(t)
	files := scan(t, documents(t, t.TempDir(), 3)...)
	p := newPlan(t, s, files)
	require.Equal(t, bucket{New: 3}, sizes(p))
	require.Equal(t, files, p.New)
	require.Equal(t, bucket{}, sizes(newPlan(t, s, nil)))
}

func TestPlanResumesASignedBatch(t *testing.T) {
	for state := batch.Signed; state <= batch.Confirmed; state++ {
		t.Run(state.String(), func(t *testing.T) {
			w := newWorld(t, state)
			// All of its files, one of them, all and others: it is taken up once,
			// and the others are new.
			for _, given := range [][]string{w.paths[:4], w.paths[2:3], w.paths} {
				p := w.plan(t, given...)
				require.Equal(t, bucket{New: max(0, len(given)-4), Resume: 1}, sizes(p))
				require.Equal(t, []string{w.b.ID}, ids(p.Resume))
			}
			require.Equal(t, bucket{New: 6}, sizes(w.plan(t, w.paths[4:]...)))
		})
	}
}

func TestPlanResumesAPlannedBatch(t *testing.T) {
	w := newWorld(t, batch.Planned)
	p := w.plan(t, w.paths[:4]...)
	require.Equal(t, bucket{Resume: 1}, sizes(p))
	require.Equal(t, []string{w.b.ID}, ids(p.Resume))
	requireSameTree(t, w.b, p.Resume[0])

	// Exactly its files, or it is stale; none of them, and it does not matter.
	for _, given := range [][]string{w.paths[:3], w.paths[:5], w.paths[1:], w.paths[3:4]} {
		p = w.plan(t, given...)
		require.Equal(t, bucket{New: len(given), Stale: 1}, sizes(p))
		require.Equal(t, []string{w.b.ID}, ids(p.Stale))
	}
	require.Equal(t, bucket{New: 6}, sizes(w.plan(t, w.paths[4:]...)))
	require.Equal(t, bucket{}, sizes(newPlan(t, w.s, nil)))

	// Another title is another batch.
	head := testHead()
	head.Title = "Graduation 2026"
	p, err := batch.NewPlan(context.Background(), &batch.Scan{Files: scan(t, w.paths[:4]...)}, list(t, w.s), head, batch.Options{Probe: true})
	require.NoError(t, err)
	require.Equal(t, bucket{New: 4, Stale: 1}, sizes(p))

	// One of its files is another one now.
	write(t, w.paths[0], pdf("corrected"))
	require.Equal(t, bucket{New: 4, Stale: 1}, sizes(w.plan(t, w.paths[:4]...)))
}

// What was planned by a command that ended there is signed and written by the
// next one.
func TestPlannedBatchGetsItsProofs(t *testing.T) {
	w := newWorld(t, batch.Planned)
	p := w.plan(t, w.paths[:4]...)
	require.Len(t, p.Resume, 1)
	advance(t, p.Resume[0], batch.Complete)
	require.Empty(t, p.Resume[0].Left)
	for _, path := range w.paths[:4] {
		require.FileExists(t, proofBeside(path))
	}
}

func TestPlanOfTwoPlannedBatches(t *testing.T) {
	w := newWorld(t, batch.Planned)
	second := create(t, w.s, scan(t, w.paths[:4]...))
	require.NotEqual(t, w.b.ID, second.ID)
	p := w.plan(t, w.paths[:4]...)
	require.Equal(t, bucket{Resume: 1, Stale: 1}, sizes(p), "one root, not two")

	overlapping := create(t, w.s, scan(t, w.paths[3:6]...))
	p = w.plan(t, w.paths[3:6]...)
	require.Equal(t, []string{overlapping.ID}, ids(p.Resume))
	require.Equal(t, bucket{Resume: 1, Stale: 2}, sizes(p))
}

// The rest of a planned batch's files when the others were signed elsewhere.
func TestPlanBesideASignedBatch(t *testing.T) {
	w := newWorld(t, batch.Complete)
	planned := create(t, w.s, scan(t, w.paths[4:6]...))
	p := w.plan(t, w.paths[:6]...)
	require.Equal(t, []string{planned.ID}, ids(p.Resume))
	require.Equal(t, bucket{Resume: 1, Done: 4}, sizes(p))
}

func TestPlanDone(t *testing.T) {
	w := newWorld(t, batch.Complete)
	require.Equal(t, bucket{Done: 4}, sizes(w.plan(t, w.paths[:4]...)))
	require.Equal(t, bucket{New: 6, Done: 4}, sizes(w.plan(t, w.dir)))
}

func TestPlanRewrites(t *testing.T) {
	w := newWorld(t, batch.Complete)
	own := readFile(t, proofBeside(w.paths[1]))
	for name, spoil := range map[string]func(path string){
		"missing":       func(path string) { require.NoError(t, os.Remove(path)) },
		"a neighbour's": func(path string) { write(t, path, []byte(readFile(t, proofBeside(w.paths[2])))) },
		"empty":         func(path string) { write(t, path, nil) },
		"zero bytes":    func(path string) { write(t, path, make([]byte, 3000)) },
	} {
		t.Run(name, func(t *testing.T) {
			spoil(proofBeside(w.paths[1]))
			p := w.plan(t, w.paths[:4]...)
			require.Equal(t, bucket{Rewrite: 1, Done: 3}, sizes(p))
			is := p.Rewrite[0]
			require.Equal(t, w.paths[1], is.File.Path)
			require.Equal(t, w.b.ID, is.Batch.ID)
			require.NoError(t, is.Batch.WriteProofAt(is.Index, is.File.Path))
			require.Equal(t, own, readFile(t, proofBeside(w.paths[1])))
		})
	}
}

func TestPlanAfterTheFolderWasMoved(t *testing.T) {
	move := func(t *testing.T, w *world) []string {
		to := filepath.Join(filepath.Dir(w.dir), "moved")
		require.NoError(t, os.Rename(w.dir, to))
		var paths []string
		for _, path := range w.paths[:4] {
			paths = append(paths, filepath.Join(to, filepath.Base(path)))
		}
		return paths
	}
	t.Run("complete, with its proofs", func(t *testing.T) {
		w := newWorld(t, batch.Complete)
		require.Equal(t, bucket{Done: 4}, sizes(w.plan(t, move(t, w)...)))
	})
	t.Run("complete, without", func(t *testing.T) {
		w := newWorld(t, batch.Complete)
		copied := filepath.Join(t.TempDir(), "copy.pdf")
		write(t, copied, []byte(readFile(t, w.paths[3])))
		p := w.plan(t, copied, w.paths[0])
		require.Equal(t, bucket{Rewrite: 1, Done: 1}, sizes(p))
		require.Equal(t, copied, p.Rewrite[0].File.Path)
	})
	t.Run("planned", func(t *testing.T) {
		w := newWorld(t, batch.Planned)
		require.Equal(t, bucket{New: 4}, sizes(w.plan(t, move(t, w)...)))
	})
	for state := batch.Signed; state <= batch.Confirmed; state++ {
		t.Run(state.String(), func(t *testing.T) {
			// Its proofs go where the documents are: the old folder is gone, and the
			// batch could never be completed there.
			w := newWorld(t, state)
			paths := move(t, w)
			p := w.plan(t, paths...)
			require.Equal(t, []string{w.b.ID}, ids(p.Resume))
			advance(t, p.Resume[0], batch.Complete)
			for _, path := range paths {
				require.FileExists(t, proofBeside(path))
			}
			require.Equal(t, bucket{Done: 4}, sizes(w.plan(t, paths...)))
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	tests := []struct {
		name   string
		state  batch.State
		change func(t *testing.T, w *world) (refused string)
		want   []string
	}{
		{"changed after it was signed", batch.Signed, func(t *testing.T, w *world) string {
			return write(t, w.paths[1], pdf("corrected"))
		}, []string{"was anchored on 2026-11-22", "with other content"}},
		{"changed after it was anchored", batch.Complete, func(t *testing.T, w *world) string {
			return write(t, w.paths[1], pdf("corrected"))
		}, []string{"was anchored on 2026-11-22", "another file name"}},
		{"proof of another beside a new document", batch.Planned, func(t *testing.T, w *world) string {
			write(t, proofBeside(w.paths[7]), otherProof(t, w.paths[7]))
			return w.paths[7]
		}, []string{"not made from here"}},
		{"any file in its place", batch.Planned, func(t *testing.T, w *world) string {
			write(t, proofBeside(w.paths[7]), nil)
			return w.paths[7]
		}, []string{"not made from here"}},
		{"directory in its place", batch.Planned, func(t *testing.T, w *world) string {
			require.NoError(t, os.Mkdir(proofBeside(w.paths[7]), 0o755))
			return w.paths[7]
		}, []string{"no proof"}},
		{"proof of another beside an anchored document", batch.Complete, func(t *testing.T, w *world) string {
			write(t, proofBeside(w.paths[0]), otherProof(t, w.paths[0]))
			return w.paths[0]
		}, []string{"not the one of batch", "never overwritten"}},
		{"proof of another beside a document that is being anchored", batch.Funded, func(t *testing.T, w *world) string {
			write(t, proofBeside(w.paths[0]), otherProof(t, w.paths[0]))
			return w.paths[0]
		}, []string{"not the one of batch", "never overwritten"}},
		{"directory beside an anchored document", batch.Complete, func(t *testing.T, w *world) string {
			require.NoError(t, os.Remove(proofBeside(w.paths[0])))
			require.NoError(t, os.Mkdir(proofBeside(w.paths[0]), 0o755))
			return w.paths[0]
		}, []string{"has a proof beside it that cannot be read"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, test.state)
			refused := test.change(t, w)
			p := w.plan(t, w.paths...)
			require.Len(t, p.Refusals, 1)
			require.Equal(t, refused, p.Refusals[0].Path)
			for _, want := range test.want {
				require.Contains(t, p.Refusals[0].Text, want)
			}
			for _, f := range p.New {
				require.NotEqual(t, refused, f.Path)
			}
		})
	}
}

// A document whose name leaves no room for that of its proof would be signed
// and paid for, and its batch never completed.
func TestPlanRefusesATooLongName(t *testing.T) {
	s, _ := newStore(t)
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, strings.Repeat("a", 246)+".pdf"), pdf("long"))
	fits := write(t, filepath.Join(dir, strings.Repeat("b", 240)+".pdf"), pdf("shorter"))
	if err := os.WriteFile(proofBeside(path), nil, 0o600); err == nil {
		t.Skip("this file system has longer names")
	}
	p := newPlan(t, s, scan(t, path, fits))
	require.Equal(t, bucket{New: 1, Refusals: 1}, sizes(p))
	require.Equal(t, path, p.Refusals[0].Path)
	require.Contains(t, p.Refusals[0].Text, "cannot have a proof beside it")
	require.Equal(t, fits, p.New[0].Path)
	advance(t, create(t, s, p.New), batch.Complete)
}

// Batches on another network, or of another issuer, have no say.
func TestPlanIgnoresOthers(t *testing.T) {
	for state := batch.Planned; state <= batch.Signed; state++ {
		w := newWorld(t, state)
		for _, other := range []struct {
			network bitcoin.Network
			issuer  string
		}{{bitcoin.Mainnet, testID}, {bitcoin.Regtest, "other.example"}} {
			p, err := batch.NewPlan(context.Background(), &batch.Scan{Files: scan(t, w.paths[:4]...)}, list(t, w.s), batch.Head{Network: other.network, Issuer: other.issuer}, batch.Options{})
			require.NoError(t, err)
			require.Equal(t, bucket{New: 4}, sizes(p))
			write(t, w.paths[5], pdf(other.issuer))
		}
	}
}

func TestNewPlanKeepsItsArguments(t *testing.T) {
	w := newWorld(t, batch.Signed)
	other := testHead()
	other.Issuer = "other.example"
	_, err := w.s.Create(other, fakeFiles(1))
	require.NoError(t, err)
	batches := list(t, w.s)
	files := scan(t, w.paths...)
	wantIDs, wantFiles := ids(batches), append([]batch.File{}, files...)
	_, err = batch.NewPlan(context.Background(), &batch.Scan{Files: files}, batches, testHead(), batch.Options{Probe: true})
	require.NoError(t, err)
	require.Equal(t, wantIDs, ids(batches))
	require.Equal(t, wantFiles, files)
}

// requireOneBucket: every file is in exactly one bucket.
func requireOneBucket(t *testing.T, p *batch.Plan, files []batch.File) {
	t.Helper()
	in := make(map[string][]string)
	for _, f := range p.New {
		in[f.Path] = append(in[f.Path], "new")
	}
	for _, is := range p.Rewrite {
		in[is.File.Path] = append(in[is.File.Path], "rewrite")
		require.Equal(t, is.File.Digest, is.Batch.Documents[is.Index].Digest)
	}
	refused := make(map[string]bool) // such a file may be of a batch that others resume
	for _, r := range p.Refusals {
		in[r.Path] = append(in[r.Path], "refused")
		refused[r.Path] = true
	}
	resumed := make(map[[32]byte]bool)
	for _, b := range p.Resume {
		for _, d := range b.Documents {
			require.False(t, resumed[d.Digest], "two batches for %s", d.Path)
			resumed[d.Digest] = true
		}
	}
	done := 0
	for _, f := range files {
		if resumed[f.Digest] && !refused[f.Path] {
			in[f.Path] = append(in[f.Path], "resume")
		}
		if len(in[f.Path]) == 0 {
			done++
			continue
		}
		require.Len(t, in[f.Path], 1, "%s: %v", f.Path, in[f.Path])
		delete(in, f.Path)
	}
	require.Equal(t, p.Done, done)
	require.Empty(t, in, "files that were not given")
}

// carryOut does what the plan says, as the anchor command does.
func carryOut(t *testing.T, s *batch.Store, p *batch.Plan) {
	t.Helper()
	for _, b := range p.Stale {
		require.NoError(t, s.Abandon(b))
	}
	for _, b := range p.Resume {
		for _, d := range b.Documents { // a file that was not given may have one, too
			if data, _ := os.ReadFile(proofBeside(d.Path)); string(data) == foreign {
				require.NoError(t, os.Remove(proofBeside(d.Path)))
			}
		}
		advance(t, b, batch.Complete)
	}
	if len(p.New) > 0 {
		advance(t, create(t, s, p.New), batch.Complete)
	}
	for _, is := range p.Rewrite {
		require.NoError(t, is.Batch.WriteProofAt(is.Index, is.File.Path))
	}
}

// Whatever was begun before and happened to the folder since: every file is in
// one bucket, and once the plan is carried out, everything is done.
func TestPlanProperty(t *testing.T) {
	var seen bucket
	for seed := range uint64(45) {
		r := rand.New(rand.NewPCG(seed, 7))
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s, _ := newStore(t)
			dir := t.TempDir()
			paths := documents(t, dir, 1+r.IntN(9))
			randomBatches(t, r, s, paths)
			disturb(t, r, paths)
			var given []string
			for _, path := range paths {
				if _, err := os.Stat(path); err == nil && r.IntN(4) > 0 {
					given = append(given, path)
				}
			}
			sc, err := batch.Read(context.Background(), given, ignoreTotal, ignoreDone)
			require.NoError(t, err)
			p := newPlan(t, s, sc.Files)
			requireOneBucket(t, p, sc.Files)
			now := sizes(p)
			seen.New, seen.Resume, seen.Stale = seen.New+now.New, seen.Resume+now.Resume, seen.Stale+now.Stale
			seen.Rewrite, seen.Done, seen.Refusals = seen.Rewrite+now.Rewrite, seen.Done+now.Done, seen.Refusals+now.Refusals
			if now.Refusals > 0 {
				return // the command stops here
			}
			carryOut(t, s, p)
			require.Equal(t, bucket{Done: len(sc.Files)}, sizes(newPlan(t, s, sc.Files)))
			requireNoTemporary(t, dir)
		})
	}
	t.Logf("%+v", seen)
	require.Greater(t, min(seen.New, seen.Resume, seen.Stale, seen.Rewrite, seen.Done, seen.Refusals), 1, "%+v", seen)
}

// randomBatches makes up to four batches of parts of the documents. No two
// signed ones of one issuer have a document in common: NewPlan sees to that.
func randomBatches(t *testing.T, r *rand.Rand, s *batch.Store, paths []string) {
	t.Helper()
	free := append([]string{}, paths...)
	for range r.IntN(5) {
		r.Shuffle(len(free), func(i, j int) { free[i], free[j] = free[j], free[i] })
		n := min(len(free), 1+r.IntN(4))
		if n == 0 {
			return
		}
		head := testHead()
		state := batch.State([]int{0, 0, 1, 2, 3, 4, 5, 5, 5}[r.IntN(9)])
		switch r.IntN(8) {
		case 0:
			head.Network, state = bitcoin.Signet, min(state, batch.Confirmed)
		case 1:
			head.Issuer, state = "other.example", batch.Planned
		}
		b, err := s.Create(head, scan(t, free[:n]...))
		require.NoError(t, err)
		advance(t, b, state)
		if state > batch.Planned && head == testHead() {
			free = free[n:]
		}
	}
}

const foreign = "somebody else's"

// disturb does to a folder what happens to folders.
func disturb(t *testing.T, r *rand.Rand, paths []string) {
	t.Helper()
	for range r.IntN(6) {
		i := r.IntN(len(paths))
		switch r.IntN(6) {
		case 0, 1:
			os.Remove(proofBeside(paths[i]))
		case 2:
			if r.IntN(3) == 0 {
				write(t, proofBeside(paths[i]), []byte(foreign))
			}
		case 3:
			if r.IntN(3) == 0 {
				write(t, paths[i], pdf(fmt.Sprintf("changed %d", r.Uint64())))
			}
		case 4:
			os.Remove(paths[i])
		case 5: // with its proof or without
			to := filepath.Join(filepath.Dir(paths[i]), fmt.Sprintf("moved-%d", r.Uint32()), "m.pdf")
			require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
			if os.Rename(paths[i], to) == nil {
				if r.IntN(2) == 0 {
					os.Rename(proofBeside(paths[i]), proofBeside(to))
				}
				paths[i] = to
			}
		}
	}
}

// A document that was renamed to another's name after an interruption gets its
// own proof there, and the other one, which is gone, none.
func TestPlanResumesRenamedDocuments(t *testing.T) {
	for _, renamed := range [][2]int{{0, 1}, {1, 0}} {
		w := newWorld(t, batch.Confirmed)
		require.NoError(t, os.Rename(w.paths[renamed[0]], w.paths[renamed[1]]))
		given := slices.Delete(slices.Clone(w.paths[:4]), renamed[0], renamed[0]+1)
		p := w.plan(t, given...)
		require.Equal(t, bucket{Resume: 1}, sizes(p))
		b := p.Resume[0]
		finish(t, b)
		require.Equal(t, []string{w.paths[renamed[1]]}, leftOf(b))
		require.Equal(t, bucket{Done: 3}, sizes(w.plan(t, given...)))
	}
}

func TestWriteMissing(t *testing.T) {
	w := newWorld(t, batch.Complete)
	for _, path := range w.paths[:4] {
		require.NoError(t, os.Remove(proofBeside(path)))
	}
	p := w.plan(t, w.paths[:4]...)
	require.Equal(t, bucket{Rewrite: 4}, sizes(p))
	left := write(t, filepath.Join(filepath.Dir(w.paths[0]), ".gradseal-"+w.b.ID+"-1"), []byte("left by a killed process"))
	var done atomic.Int64
	require.NoError(t, p.WriteMissing(t.Context(), func() { done.Add(1) }))
	require.EqualValues(t, 4, done.Load())
	require.NoFileExists(t, left)
	require.Equal(t, bucket{Done: 4}, sizes(w.plan(t, w.paths[:4]...)))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, p.WriteMissing(ctx, func() {}), context.Canceled)
}

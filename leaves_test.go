package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"

	"gradseal/batch"
	"gradseal/batch/leaves"
	"gradseal/merkle"
	"gradseal/proof"
)

// shards are workers with a folder of documents that they share, and the machine
// that anchors for them.
type shards struct {
	*registrar
	workers int
}

func (s *shards) file(worker int) string { return fmt.Sprintf("part-%d.leaves", worker) }

// leaves is the command of one worker: it has no home.
func (s *shards) leaves(ctx context.Context, worker int) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.program, "--home", filepath.Join(s.dir, "none"), "leaves", s.folders[0], "-o", s.file(worker),
		"--index", strconv.Itoa(worker), "--of", strconv.Itoa(s.workers))
	cmd.Dir, cmd.Env = s.dir, append(cleanEnvironment(), "HOME="+s.dir)
	return cmd
}

// proofs is the command of one worker that writes its proofs.
func (s *shards) proofs(ctx context.Context, worker int, more ...string) *exec.Cmd {
	args := append([]string{"--home", filepath.Join(s.dir, "none"), "proofs", "--leaves", s.file(worker),
		"--answer", strings.TrimSuffix(s.file(worker), leaves.Suffix) + leaves.AnswerSuffix}, more...)
	cmd := exec.CommandContext(ctx, s.program, args...)
	cmd.Dir, cmd.Env = s.dir, append(cleanEnvironment(), "HOME="+s.dir)
	return cmd
}

func (s *shards) shardFiles() []string {
	names := make([]string, s.workers)
	for i := range names {
		names[i] = s.file(i)
	}
	return names
}

// TestShards has several processes share a folder, one of which is killed again and
// again, one started twice and one repeated when it is done, joins what they made,
// and compares every proof with the one that one machine writes.
func TestShards(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: runs and kills processes for seconds")
	}
	t.Parallel()
	rng := seeded(t)
	s := &shards{newRegistrar(t, builtProgram(t)), 4}
	folder := s.addFolder(t, 600)
	s.makeShards(t, rng)
	s.run(t, append([]string{"anchor", "--leaves"}, s.shardFiles()...)...)
	b := s.batchOfShards(t)
	s.requireSameTree(t, b)
	want := make(map[string]string)
	for i := range b.Documents {
		data, err := b.Proof(i)
		require.NoError(t, err)
		want[b.Documents[i].PathInShard()+proof.Suffix] = string(data)
	}
	require.Len(t, want, 600)
	s.writeShardProofs(t, rng)
	require.Equal(t, want, proofsIn(t, filepath.Join(s.dir, folder)))
	require.Contains(t, s.run(t, "verify", "--network", "regtest", folder), "600 documents: 600 VALID")
	require.NoDirExists(t, filepath.Join(s.dir, "none"), "workers make no home")

	// Again, nothing changes; one transaction, one batch.
	s.run(t, append([]string{"anchor", "--leaves"}, s.shardFiles()...)...)
	s.batchOfShards(t)
	requireOnlyShards(t, s)
}

// makeShards runs the workers at once. Only one of its goroutines uses rng.
func (s *shards) makeShards(t *testing.T, rng *rand.Rand) {
	var wg sync.WaitGroup
	for worker := range s.workers {
		wg.Go(func() {
			switch worker {
			case 0: // a lost machine: its pod is started again
				s.killAtRandom(t, worker, rng)
			case 1: // started twice at once
				wg.Go(func() { requireRuns(t, s.leaves(t.Context(), worker)) })
			}
			requireRuns(t, s.leaves(t.Context(), worker))
		})
	}
	wg.Wait()
	before := make(map[string]string)
	for worker := range s.workers {
		data, err := os.ReadFile(filepath.Join(s.dir, s.file(worker)))
		require.NoError(t, err)
		before[s.file(worker)] = string(data)
		if runtime.GOOS != "windows" {
			info, err := os.Stat(filepath.Join(s.dir, s.file(worker)))
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode(), "it holds salts")
		}
	}
	requireRuns(t, s.leaves(t.Context(), 2)) // repeated when it is done
	for name, text := range before {
		data, err := os.ReadFile(filepath.Join(s.dir, name))
		require.NoError(t, err)
		require.Equal(t, text, string(data), "the salts of %s", name)
	}
}

// killAtRandom kills a worker until it was killed three times with rows in its log.
// What it had written keeps its salts.
func (s *shards) killAtRandom(t *testing.T, worker int, rng *rand.Rand) {
	log := filepath.Join(s.dir, s.file(worker)+".part")
	kept := make(map[string]leaves.Row)
	for killed, tries := 0, 0; killed < 3; tries++ {
		if tries == 100 {
			t.Errorf("%d of %d kills came with rows in the log, want 3", killed, tries)
			return
		}
		cmd := s.leaves(t.Context(), worker)
		if err := cmd.Start(); err != nil {
			t.Error(err)
			return
		}
		kill := time.AfterFunc(time.Duration(rng.Int64N(int64(150*time.Millisecond))), func() { cmd.Process.Kill() })
		err := cmd.Wait()
		kill.Stop()
		if err == nil { // it was done before: begin again
			os.Remove(filepath.Join(s.dir, s.file(worker)))
			clear(kept)
			continue
		}
		if cmd.ProcessState.Exited() {
			t.Errorf("%s: failed by itself: %v", strings.Join(cmd.Args, " "), err)
			return
		}
		rows := rowsOfLog(log)
		if len(rows) > 0 {
			killed++
		}
		for path, row := range kept {
			if rows[path] != row {
				t.Errorf("%s: %s has another row after a kill", log, path)
			}
		}
		kept = rows
	}
	requireRuns(t, s.leaves(t.Context(), worker))
	f, err := leaves.Open(filepath.Join(s.dir, s.file(worker)))
	if err != nil {
		t.Error(err)
		return
	}
	for _, row := range f.Rows {
		if was, ok := kept[row.Path]; ok && was != row {
			t.Errorf("%s has another row when it is done", row.Path)
		}
	}
}

// rowsOfLog reads what a killed worker left, as it will itself.
func rowsOfLog(path string) map[string]leaves.Row {
	data, err := os.ReadFile(path)
	if err != nil {
		return map[string]leaves.Row{}
	}
	whole := data[:bytes.LastIndexByte(data, '\n')+1]
	rows := make(map[string]leaves.Row)
	leaves.ReadLog(bytes.NewReader(whole), rows)
	return rows
}

func requireRuns(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
}

func (s *shards) batchOfShards(t *testing.T) *batch.Batch {
	t.Helper()
	list, err := batch.Open(filepath.Join(s.home(), "batches")).List()
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.True(t, list[0].IsOfShards())
	require.Equal(t, batch.Complete, list[0].State())
	return list[0]
}

// requireSameTree builds the tree by hand from the rows of the shard files, and with
// somebody else's program.
func (s *shards) requireSameTree(t *testing.T, b *batch.Batch) {
	t.Helper()
	var hashes []merkle.Hash
	for worker := range s.workers {
		f, err := leaves.Open(filepath.Join(s.dir, s.file(worker)))
		require.NoError(t, err)
		for _, row := range f.Rows {
			require.Equal(t, worker, leaves.PartOf(row.Path, s.workers))
			content, err := os.ReadFile(filepath.Join(s.dir, s.folders[0], row.Path))
			require.NoError(t, err)
			require.Equal(t, sha256.Sum256(content), row.Digest)
			hashes = append(hashes, sha256.Sum256(append(append([]byte{0}, row.Salt[:]...), row.Digest[:]...)))
		}
	}
	sortHashes(hashes)
	oracle := testonly.New(rfc6962.DefaultHasher)
	for _, h := range hashes {
		oracle.Append(h[:])
	}
	tree, err := b.Tree()
	require.NoError(t, err)
	root := tree.Root()
	require.Equal(t, oracle.Hash(), root[:])
	require.EqualValues(t, len(hashes), tree.Size())
}

func sortHashes(hashes []merkle.Hash) {
	slices.SortFunc(hashes, func(a, b merkle.Hash) int { return bytes.Compare(a[:], b[:]) })
}

// writeShardProofs has every worker write its proofs; one is killed before.
func (s *shards) writeShardProofs(t *testing.T, rng *rand.Rand) {
	killed := s.proofs(t.Context(), 0)
	require.NoError(t, killed.Start())
	time.Sleep(time.Duration(rng.Int64N(int64(60 * time.Millisecond))))
	killed.Process.Kill()
	killed.Wait()
	var wg sync.WaitGroup
	for worker := range s.workers {
		wg.Go(func() { requireRuns(t, s.proofs(t.Context(), worker)) })
	}
	wg.Wait()
	out, err := s.proofs(t.Context(), 0, "--json").Output()
	require.NoError(t, err)
	var again struct{ Documents, Written, Unchanged int }
	require.NoError(t, json.Unmarshal(out, &again))
	require.Zero(t, again.Written)
	require.Equal(t, again.Documents, again.Unchanged)
}

// requireOnlyShards: no temporary file, log or lock is left.
func requireOnlyShards(t *testing.T, s *shards) {
	t.Helper()
	names, err := os.ReadDir(s.dir)
	require.NoError(t, err)
	for _, name := range names {
		ok := name.IsDir() || strings.HasSuffix(name.Name(), leaves.Suffix) || strings.HasSuffix(name.Name(), leaves.AnswerSuffix)
		require.True(t, ok, name.Name())
	}
}

// leavesKills is how often TestKilledAnchoringShards kills the program, at the least;
// one of the kills comes after the batch was signed.
const leavesKills = 15

// TestKilledAnchoringShards kills anchor --leaves at random times and runs the same
// command again: one batch with the root of an undisturbed run, one transaction, and
// answers that lead from the same leaves to it. What was planned, signed or attested
// when the kill came is in the answers as it was.
func TestKilledAnchoringShards(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: kills processes for seconds")
	}
	t.Parallel()
	rng, program := seeded(t), builtProgram(t)
	first := &shards{newRegistrar(t, program), 3}
	for worker := range first.workers {
		for i := range 20 {
			path := filepath.Join(first.dir, fmt.Sprintf("in-%d", worker), fmt.Sprintf("%02d.pdf", i))
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
			require.NoError(t, os.WriteFile(path, smallPDF(path), 0o666))
		}
		first.run(t, "leaves", fmt.Sprintf("in-%d", worker), "-o", first.file(worker))
	}
	// A home with a chain and a batch: in an empty one most kills come before the plan.
	first.run(t, "anchor", first.addFolder(t, 1))
	saved := t.TempDir()
	require.NoError(t, os.CopyFS(saved, os.DirFS(first.home())))
	start := time.Now()
	undisturbed := first.anchored(t)
	whole := time.Since(start)
	kills := make(killed)
	for tries := 0; kills.count() < leavesKills || kills.signed() == 0; tries++ {
		require.Less(t, tries, 10*leavesKills, "too few kills came before the end, or none after the signature: %v", kills)
		s := &shards{newRegistrar(t, program), first.workers}
		require.NoError(t, os.CopyFS(s.home(), os.DirFS(saved)))
		s.folders = []string{first.folders[0], "the shards"} // a batch of each
		for _, name := range s.shardFiles() {
			data, err := os.ReadFile(filepath.Join(first.dir, name))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(s.dir, name), data, 0o600))
		}
		start := time.Now()
		after := whole/4 + time.Duration(rng.Int64N(int64(whole)*3/4)) // before that it reads the home
		if !s.killed(t, after, append([]string{"anchor", "--leaves"}, s.shardFiles()...)...) {
			whole = (whole + time.Since(start)) / 2 // the machine may have been slow when it was measured
			continue
		}
		kills.note(t, s.registrar)
		s.requireGoesOn(t, undisturbed)
	}
	t.Logf("%v", kills)
}

// signed counts those that came when the batch was signed, and was not complete.
func (k killed) signed() int {
	n := 0
	for state := batch.Signed; state < batch.Complete; state++ {
		n += k[state.String()]
	}
	return n
}

// anchored anchors the shards and returns the answers, by shard file.
func (s *shards) anchored(t *testing.T) map[string]*leaves.Answer {
	t.Helper()
	s.run(t, append([]string{"anchor", "--leaves"}, s.shardFiles()...)...)
	answers := make(map[string]*leaves.Answer)
	for _, name := range s.shardFiles() {
		path := filepath.Join(s.dir, name)
		file, err := leaves.Open(path)
		require.NoError(t, err)
		answers[name], err = leaves.OpenAnswer(batch.AnswerPath(path), len(file.Rows))
		require.NoError(t, err)
	}
	return answers
}

// requireGoesOn runs the command that was killed again, and holds what it leaves
// against what there was before, and against a run that was not disturbed.
func (s *shards) requireGoesOn(t *testing.T, undisturbed map[string]*leaves.Answer) {
	t.Helper()
	store := batch.Open(filepath.Join(s.home(), "batches"))
	ofShards := func() (all, shards []*batch.Batch) {
		all, err := store.List()
		require.NoError(t, err)
		return all, slices.DeleteFunc(slices.Clone(all), func(b *batch.Batch) bool { return !b.IsOfShards() })
	}
	_, before := ofShards()
	answers := s.anchored(t)
	all, after := ofShards()
	require.Len(t, all, 2)
	require.Len(t, after, 1)
	b := after[0]
	for _, was := range before {
		require.Equal(t, was.ID, b.ID)
		if was.Statement != nil {
			require.Equal(t, was.Statement, b.Statement, "signed once")
		}
		require.LessOrEqual(t, len(was.Transactions), len(b.Transactions))
		for i, signed := range was.Transactions {
			if signed != nil { // nil: it was asked for, and is not signed yet
				require.Equal(t, signed, b.Transactions[i])
			}
		}
		if was.Attestation != nil {
			require.Equal(t, was.Attestation, b.Attestation)
		}
	}
	for name, a := range answers {
		want := undisturbed[name]
		require.Equal(t, want.Indexes, a.Indexes)
		require.Equal(t, want.Given, a.Given)
		require.Equal(t, b.Statement, a.Statement)
		require.Equal(t, b.Attestation, a.Bitcoin)
		require.Equal(t, want.Sum, a.Sum)
	}
	s.noteHeight(t)
	s.checkChain(t, all)
	s.checkStatus(t, all)
	s.checkJournal(t, all)
	s.checkHome(t)
	requireOnlyShards(t, s)

	// The same again, and an answer made anew, are the same bytes.
	if len(before) == 0 {
		return // as in any run
	}
	read := func() (all []string) {
		for _, name := range s.shardFiles() {
			data, err := os.ReadFile(batch.AnswerPath(filepath.Join(s.dir, name)))
			require.NoError(t, err)
			all = append(all, string(data))
		}
		return all
	}
	wrote := read()
	require.NoError(t, os.Remove(batch.AnswerPath(filepath.Join(s.dir, s.file(0)))))
	s.anchored(t)
	require.Equal(t, wrote, read())
}

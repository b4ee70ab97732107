package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"

	"gradseal/anchor/embedded"
	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/trust"
)

// killRounds sets how many rounds TestKilled plays; a number of 1000 or more
// also tries every single system call.
const killRounds = "TEST_KILL_ROUNDS"

const defaultKillRounds = 32

// TestKilled kills the program while it anchors, runs the same command again,
// and looks whether the batch, the chain and the proofs are as if nothing had
// happened: one batch root, one transaction, every proof VALID.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: killing the program many times takes a minute")
	}
	program := builtProgram(t)
	t.Run("at random times", func(t *testing.T) { testKilledAtRandom(t, program) })
	t.Run("at system calls", func(t *testing.T) { testKilledAtSystemCalls(t, program) })
	t.Run("interrupted", func(t *testing.T) { testInterrupted(t, program) })
	t.Run("two at once", func(t *testing.T) { testTwoAtOnce(t, program) })
}

func rounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv(killRounds)
	if text == "" {
		return defaultKillRounds
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, killRounds)
	return n
}

// seeded returns a random source and logs how to get the same one again.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// registrar is a home with the folders that are anchored from it.
type registrar struct {
	program string
	dir     string
	folders []string
	lowest  int                  // blocks that the chain had at least
	attr    *syscall.SysProcAttr // of the commands; nil: as the test itself
	env     []string             // of the commands, beside the test's own
}

func newRegistrar(t *testing.T, program string) *registrar {
	t.Helper()
	return &registrar{program: program, dir: t.TempDir()}
}

func (r *registrar) home() string { return filepath.Join(r.dir, "home") }

// addFolder makes another folder of documents and returns its name.
func (r *registrar) addFolder(t *testing.T, documents int) string {
	t.Helper()
	folder := fmt.Sprintf("folder%d", len(r.folders)+1)
	r.folders = append(r.folders, folder)
	require.NoError(t, os.Mkdir(filepath.Join(r.dir, folder), 0o777))
	for i := range documents {
		name := filepath.Join(folder, fmt.Sprintf("transcript-%d.pdf", i+1))
		require.NoError(t, os.WriteFile(filepath.Join(r.dir, name), smallPDF(name), 0o666))
	}
	return folder
}

// command is the program with the registrar's home, in the registrar's place.
func (r *registrar) command(ctx context.Context, args ...string) *exec.Cmd {
	return r.traced(ctx, nil, args...)
}

// traced is command run by another program.
func (r *registrar) traced(ctx context.Context, tracer []string, args ...string) *exec.Cmd {
	line := slices.Concat(tracer, []string{r.program, "--home", r.home()}, args)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = r.dir, slices.Concat(cleanEnvironment(), []string{"HOME=" + r.dir}, r.env), r.attr
	return cmd
}

func (r *registrar) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := r.command(t.Context(), args...).CombinedOutput()
	require.NoError(t, err, "gradseal %s\n%s", strings.Join(args, " "), out)
	return string(out)
}

// killed runs the command and kills it after a while. It reports whether that
// was before the command had finished.
func (r *registrar) killed(t *testing.T, after time.Duration, args ...string) bool {
	t.Helper()
	cmd := r.command(t.Context(), args...)
	defer r.noteHeight(t)
	return killedAfter(t, cmd, after)
}

// killedAfter is killed, of any command.
func killedAfter(t *testing.T, cmd *exec.Cmd, after time.Duration) bool {
	t.Helper()
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	require.NoError(t, cmd.Start())
	kill := time.AfterFunc(after, func() { cmd.Process.Kill() })
	defer kill.Stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err)
		return false
	}
	require.False(t, exit.Exited(), "the command failed by itself: %v\n%s", err, &output)
	return true
}

func testKilledAtRandom(t *testing.T, program string) {
	rng := seeded(t)
	whole := timeOfRun(t, program)
	kills := make(killed)
	var r *registrar
	for round := range rounds(t) {
		if round%4 == 0 { // an empty home, and then one with a chain and batches
			r = newRegistrar(t, program)
		}
		folder := r.addFolder(t, 1+rng.IntN(24))
		for range 1 + rng.IntN(3) {
			start := time.Now()
			if r.killed(t, time.Duration(rng.Int64N(int64(whole))), "anchor", folder) {
				kills.note(t, r)
			} else { // the machine may have been slow when whole was measured
				whole = (whole + time.Since(start)) / 2
			}
		}
		r.run(t, "anchor", folder)
		r.check(t)
	}
	t.Logf("%d rounds: %v", rounds(t), kills)
	require.Greater(t, kills.count(), rounds(t)/2, "too few kills came before the end")
}

// killed counts kills by how far the newest batch had come.
type killed map[string]int

func (k killed) note(t *testing.T, r *registrar) {
	t.Helper()
	batches, err := batch.Open(filepath.Join(r.home(), "batches")).List()
	require.NoError(t, err)
	if len(batches) < len(r.folders) {
		k["no plan"]++
		return
	}
	k[batches[len(batches)-1].State().String()]++
}

func (k killed) count() int {
	n := 0
	for _, of := range k {
		n += of
	}
	return n
}

// timeOfRun is how long a whole run takes here and now.
func timeOfRun(t *testing.T, program string) time.Duration {
	t.Helper()
	r := newRegistrar(t, program)
	folder := r.addFolder(t, 24)
	start := time.Now()
	r.run(t, "anchor", folder)
	whole := time.Since(start)
	r.check(t)
	return whole
}

// killPoints are the system calls by which something changes on disk, and how
// many of them the default run of the test leaves out between two kills.
var killPoints = []struct {
	call string
	skip int
}{
	{"fsync", 1}, {"renameat", 0}, {"linkat", 0}, {"mkdirat", 1}, {"unlinkat", 2},
	{"write", 3}, {"openat", 6}, {"ftruncate", 0}, {"fchmod", 1}, {"close", 9},
}

// testKilledAtSystemCalls kills the program as it enters its N-th call of each
// kind (a thread's N-th: strace counts for each thread), for every N until the
// command comes to its end.
func testKilledAtSystemCalls(t *testing.T, program string) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace, which kills at chosen system calls, is not installed")
	}
	rng := seeded(t)
	all := make(killed)
	for _, p := range killPoints {
		t.Run(p.call, func(t *testing.T) {
			step := 1 + p.skip
			if rounds(t) >= 1000 {
				step = 1
			}
			var r *registrar
			kills, survived := make(killed), 0
			for n := 1 + rng.IntN(step); survived < 2; n += step {
				if r == nil || len(r.folders) == 2 {
					r = newRegistrar(t, program)
				}
				folder := r.addFolder(t, 5)
				if r.killedAt(t, strace, p.call, n, "anchor", folder) {
					kills.note(t, r)
					all.note(t, r)
				} else {
					survived++
				}
				r.run(t, "anchor", folder)
				r.check(t)
			}
			require.NotZero(t, kills.count(), "no call of %s was hit", p.call)
		})
	}
	t.Logf("%v", all)
}

// killedAt runs the command under strace, which kills it at a thread's n-th
// call. It reports whether that happened.
func (r *registrar) killedAt(t *testing.T, strace, call string, n int, args ...string) bool {
	t.Helper()
	// trace= must name the call: strace injects into traced calls only.
	tracer := []string{strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace=" + call,
		"-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", call, n)}
	out, err := r.traced(t.Context(), tracer, args...).CombinedOutput()
	r.noteHeight(t)
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err)
		return false
	}
	require.False(t, exit.Exited(), "%s %d: the command failed by itself: %v\n%s", call, n, err, out)
	return true
}

// testInterrupted sends what Ctrl-C sends.
func testInterrupted(t *testing.T, program string) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no interrupt that a test could send")
	}
	rng := seeded(t)
	interrupted := 0
	for round := 0; interrupted < 3; round++ {
		require.Less(t, round, 60, "no interrupt came in time")
		r := newRegistrar(t, program)
		folder := r.addFolder(t, 300)
		if r.interrupted(t, time.Duration(5+rng.IntN(80))*time.Millisecond, folder) {
			interrupted++
		}
		r.run(t, "anchor", folder)
		r.check(t)
	}
}

func (r *registrar) interrupted(t *testing.T, after time.Duration, folder string) bool {
	t.Helper()
	cmd := r.command(t.Context(), "anchor", folder)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	time.Sleep(after)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		require.ErrorIs(t, err, os.ErrProcessDone)
	}
	err := cmd.Wait()
	if err == nil || !cmd.ProcessState.Exited() { // it was too late, or before main
		return false
	}
	require.Equal(t, 1, cmd.ProcessState.ExitCode())
	require.Contains(t, stderr.String(), "gradseal: error: interrupted\n")
	require.Contains(t, stderr.String(), "gradseal: hint: ")
	return true
}

// testTwoAtOnce runs two commands on one home. The lock is held until both have
// said that they wait for it; then they take turns.
func testTwoAtOnce(t *testing.T, program string) {
	r := newRegistrar(t, program)
	require.NoError(t, os.MkdirAll(r.home(), 0o700))
	lock := flock.New(filepath.Join(r.home(), "lock"))
	require.NoError(t, lock.Lock())
	var running [2]*exec.Cmd
	var said [2]waitingFor
	for i := range running {
		running[i] = r.command(t.Context(), "anchor", r.addFolder(t, 50))
		said[i] = waitingFor{"another gradseal is at work", make(chan struct{}), nil}
		running[i].Stderr = &said[i]
		require.NoError(t, running[i].Start())
	}
	for i := range said {
		select {
		case <-said[i].found:
		case <-time.After(30 * time.Second):
			t.Error("it does not say that it waits")
		}
	}
	require.NoError(t, lock.Unlock())
	for i := range running {
		require.NoError(t, running[i].Wait(), "%s", said[i].text)
	}
	r.check(t)

	// And without help, however they meet.
	for i := range running {
		running[i] = r.command(t.Context(), "anchor", r.addFolder(t, 50))
		require.NoError(t, running[i].Start())
	}
	for i := range running {
		require.NoError(t, running[i].Wait())
	}
	r.check(t)
}

// waitingFor is a standard error in which a text is waited for.
type waitingFor struct {
	want  string
	found chan struct{} // closed once the text was printed
	text  []byte
}

func (w *waitingFor) Write(b []byte) (int, error) {
	before := bytes.Contains(w.text, []byte(w.want))
	w.text = append(w.text, b...)
	if !before && bytes.Contains(w.text, []byte(w.want)) {
		close(w.found)
	}
	return len(b), nil
}

// check holds everything that the commands left on disk against what must be
// there once they have finished: one batch for each folder.
func (r *registrar) check(t *testing.T) {
	t.Helper()
	batches, err := batch.Open(filepath.Join(r.home(), "batches")).List()
	require.NoError(t, err)
	require.Len(t, batches, len(r.folders), "batches")
	r.noteHeight(t)
	r.checkChain(t, batches)
	r.checkStatus(t, batches)
	r.checkFolders(t, batches)
	r.checkHome(t)
	r.checkJournal(t, batches)
	out := r.run(t, append([]string{"verify", "--network", "regtest"}, r.folders...)...)
	require.NotContains(t, out, "INVALID")
	require.NotContains(t, out, "CANNOT TELL")
}

// noteHeight reads the chain as it is on disk, which may never become shorter.
func (r *registrar) noteHeight(t *testing.T) {
	t.Helper()
	blocks := len(r.blocks(t))
	require.GreaterOrEqual(t, blocks, r.lowest, "blocks were lost")
	r.lowest = blocks
	chain, err := headers.Open(r.headerFile(), bitcoin.Regtest)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	require.NoError(t, err)
	defer chain.Close()
	require.LessOrEqual(t, int(chain.Height()), blocks, "headers of blocks that are not stored")
}

func (r *registrar) headerFile() string { return filepath.Join(r.home(), "headers", "regtest") }
func (r *registrar) nodeDir() string    { return filepath.Join(r.home(), "embedded-node") }

// blocks reads the node's block file: records of length, block and checksum. A
// last record that is not whole is what a killed process leaves.
func (r *registrar) blocks(t *testing.T) []*wire.MsgBlock {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(r.nodeDir(), "blocks"))
	if !errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, err)
	}
	var blocks []*wire.MsgBlock
	for len(data) >= 4 {
		n := int(binary.LittleEndian.Uint32(data))
		if len(data) < 4+n+4 {
			break
		}
		block := new(wire.MsgBlock)
		require.NoError(t, block.Deserialize(bytes.NewReader(data[4:4+n])))
		blocks, data = append(blocks, block), data[4+n+4:]
	}
	return blocks
}

// checkChain: each batch has one transaction on the chain, no other transaction
// commits to anything, and the node attests what the batch says.
func (r *registrar) checkChain(t *testing.T, batches []*batch.Batch) {
	t.Helper()
	committed := make(map[string]int)
	for _, block := range r.blocks(t) {
		for _, tx := range block.Transactions {
			for _, out := range tx.TxOut {
				if root, ok := bytes.CutPrefix(out.PkScript, []byte("\x6a\x24GSL1")); ok {
					committed[string(root)]++
				}
			}
		}
	}
	require.Len(t, committed, len(batches), "commitments on the chain")
	node, err := embedded.Open(t.Context(), r.nodeDir(), r.headerFile())
	require.NoError(t, err)
	defer node.Close()
	for _, b := range batches {
		require.Equal(t, batch.Complete, b.State())
		root, err := b.Root()
		require.NoError(t, err)
		require.Equal(t, 1, committed[string(root[:])], "transactions that commit to batch %s", b.ID)
		attested, err := node.Attest(t.Context(), b.Transactions[0], 0)
		require.NoError(t, err)
		require.Equal(t, attestationText(t, attested), attestationText(t, b.Attestation))
	}
	chain, err := headers.Open(r.headerFile(), bitcoin.Regtest)
	require.NoError(t, err)
	defer chain.Close()
	require.Equal(t, r.lowest, int(chain.Height()), "height of the header chain")
}

func attestationText(t *testing.T, b *proof.Bitcoin) string {
	t.Helper()
	text, err := proof.MarshalBitcoin(b)
	require.NoError(t, err)
	return string(text)
}

// checkStatus: there is one issuer, whose newest list names exactly the batches
// and was signed once for each.
func (r *registrar) checkStatus(t *testing.T, batches []*batch.Batch) {
	t.Helper()
	store := trust.Open(filepath.Join(r.home(), "trust"))
	issuers, err := store.Issuers()
	require.NoError(t, err)
	require.Len(t, issuers, 1)
	list, forked, err := store.Status(issuers[0].File.ID, bitcoin.Regtest)
	require.NoError(t, err)
	require.False(t, forked)
	require.Len(t, list.Batches, len(batches))
	require.EqualValues(t, len(batches), list.Sequence)
	for _, b := range batches {
		root, err := b.Root()
		require.NoError(t, err)
		require.True(t, list.HasBatch(root), "batch %s is not in the status list", b.ID)
		s, _, err := issuer.ParseStatement(b.Statement)
		require.NoError(t, err)
		require.EqualValues(t, len(b.Documents), s.Size)
	}
}

// checkFolders: in each folder there are the documents and their proofs, as
// they can be written again from the batch, and nothing else.
func (r *registrar) checkFolders(t *testing.T, batches []*batch.Batch) {
	t.Helper()
	for _, folder := range r.folders {
		dir := filepath.Join(r.dir, folder)
		b := batchOf(t, batches, dir)
		want := make(map[string][]byte)
		for i, d := range b.Documents {
			require.Equal(t, dir, filepath.Dir(d.Path))
			proofFile, err := b.Proof(i)
			require.NoError(t, err)
			want[filepath.Base(d.Path)] = smallPDF(filepath.Join(folder, filepath.Base(d.Path)))
			want[filepath.Base(d.Path)+proof.Suffix] = proofFile
		}
		names, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, name := range names {
			require.Contains(t, want, name.Name(), "a file that is neither document nor proof")
			data, err := os.ReadFile(filepath.Join(dir, name.Name()))
			require.NoError(t, err)
			require.True(t, bytes.Equal(want[name.Name()], data), "%s is not as it must be", name.Name())
		}
		require.Len(t, names, len(want), "files in %s", folder)
	}
}

// checkHome: no temporary file of a killed command is left.
func (r *registrar) checkHome(t *testing.T) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(r.home(), func(path string, e fs.DirEntry, err error) error {
		require.False(t, err == nil && strings.HasPrefix(e.Name(), "."), path)
		return err
	}))
}

func batchOf(t *testing.T, batches []*batch.Batch, dir string) *batch.Batch {
	t.Helper()
	i := slices.IndexFunc(batches, func(b *batch.Batch) bool { return filepath.Dir(b.Documents[0].Path) == dir })
	require.GreaterOrEqual(t, i, 0, "no batch of %s", dir)
	return batches[i]
}

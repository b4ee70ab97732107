package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/trust"
)

// fault makes commands of a trial fail, and reports how the n-th run of it ended.
type fault struct {
	name  string
	begin func(t *testing.T, rng *rand.Rand) *trial
	// meet runs the command with the fault in its way.
	meet func(t *testing.T, rng *rand.Rand, tr *trial, command []string) outcome
}

// outcome is how a command ended that met a fault.
type outcome string

const (
	refused outcome = "ended with an error" // exit code 1, and a message
	went    outcome = "went to its end"
	killed9 outcome = "was killed, or ended by Go's runtime"
	missed  outcome = "did not meet it"
)

// how is the outcome of a command that ran. A panic, or an error without a
// message, fails the test.
func how(t *testing.T, cmd *exec.Cmd, err error, output []byte) outcome {
	t.Helper()
	var exit *exec.ExitError
	if err == nil {
		return went
	}
	require.ErrorAs(t, err, &exit, "%s", output)
	if !exit.Exited() {
		require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal(), "%s\n%s", cmd, output)
		return killed9
	}
	require.Equal(t, 1, exit.ExitCode(), "%s\n%s", cmd, output)
	require.NotContains(t, string(output), "goroutine ")
	return refused
}

// patiently is CombinedOutput of a command that may not wait for ever: after two
// minutes it is asked where it is, and the test fails.
func patiently(t *testing.T, cmd *exec.Cmd) ([]byte, error) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with strace, which passes nothing on
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	require.NoError(t, cmd.Start())
	late := false
	ask := time.AfterFunc(2*time.Minute, func() {
		late = true
		syscall.Kill(-cmd.Process.Pid, syscall.SIGQUIT)
	})
	kill := time.AfterFunc(2*time.Minute+10*time.Second, func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	err := cmd.Wait()
	kill.Stop()
	if !ask.Stop() {
		require.False(t, late, "the command does not end: %s\n%s", cmd, &output)
	}
	return output.Bytes(), err
}

// TestSystemFaults has commands meet a disk that is full, fails or is taken away, holds
// everything on disk against what must hold at any moment, and runs the same
// command once more with the fault gone.
func TestSystemFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: faults take some seconds")
	}
	t.Parallel()
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			f.play(t)
		})
	}
}

func faults() []fault {
	all := []fault{
		{"disk-full", onSmallDisk, meetFullDisk},
		{"permission-lost", asNobody, meetLostPermission},
		{"read-only", asNobody, meetReadOnly},
		{"memory", withLittleMemory, meetLittleMemory},
	}
	if os.Getenv(reliabilityFaults) == "" {
		for _, c := range brokenCalls[:4] {
			all = append(all, fault{"call-" + c.call + "-" + c.errno, anchorLater, c.meet})
		}
		return all
	}
	// These take minutes, the one of the clock because all that knows the time is
	// compiled anew; TestOtherClock is of it.
	all = append(all, fault{"clock", withClock, meetClock})
	for _, o := range ordeals {
		all = append(all, fault{"calls-" + o.name, o.begin, meetBrokenCall})
	}
	return all
}

func (f fault) play(t *testing.T) {
	rng, p := ordeal{name: f.name}.chance(t)
	tr := f.begin(t, rng)
	if tr == nil {
		return
	}
	start := time.Now()
	times, deadline := wanted(t, reliabilityFaults, 1), deadlineOf(t, start)
	for tries := 0; p.Kills < times && tries < 4*times && time.Now().Before(deadline); tries++ {
		command := tr.next()
		ended := f.meet(t, rng, tr, command)
		tr.whole(t, tr.files(t))
		tr.note(t, p.Stages)
		if ended == went { // then it has to be done
			tr.check()
		}
		tr.run(t, command...)
		tr.settled(t, tr.files(t))
		tr.check()
		p.Runs++
		p.Moments[string(ended)]++
		if ended != missed {
			p.Kills++
		}
	}
	p.Seconds = time.Since(start).Seconds()
	p.report(t)
}

// brokenCall is a system call that fails, from a call on or once.
type brokenCall struct {
	call, errno string
	most        int // the number of calls of a thread's, or more
}

var brokenCalls = []brokenCall{
	{"fsync", "EIO", 25}, {"renameat", "EIO", 12}, {"write", "ENOSPC", 40}, {"openat", "EMFILE", 60},
	{"fsync", "ENOSPC", 25}, {"linkat", "EIO", 4}, {"openat", "ENOSPC", 60}, {"mkdirat", "ENOSPC", 6},
	{"ftruncate", "EIO", 2}, {"unlinkat", "EIO", 8}, {"close", "EIO", 40}, {"flock", "ENOLCK", 3},
}

// meetBrokenCall is meet of one of them, by chance.
func meetBrokenCall(t *testing.T, rng *rand.Rand, tr *trial, command []string) outcome {
	t.Helper()
	return brokenCalls[rng.IntN(len(brokenCalls))].meet(t, rng, tr, command)
}

// meet has strace let the call fail.
func (c brokenCall) meet(t *testing.T, rng *rand.Rand, tr *trial, command []string) outcome {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace, which lets system calls fail, is not installed")
	}
	log := filepath.Join(t.TempDir(), "calls")
	from := fmt.Sprint(1 + rng.IntN(1+rng.IntN(c.most))) // the first ones more often: some commands have few
	if rng.IntN(2) == 0 {
		from += "+" // and all that follow
	}
	tracer := []string{strace, "-f", "-qq", "-o", log, "-e", "trace=" + c.call,
		"-e", fmt.Sprintf("inject=%s:error=%s:when=%s", c.call, c.errno, from)}
	cmd := tr.traced(t.Context(), tracer, command...)
	out, err := patiently(t, cmd)
	calls, readErr := os.ReadFile(log)
	require.NoError(t, readErr)
	if !bytes.Contains(calls, []byte("(INJECTED)")) {
		require.NoError(t, err, "%s", out)
		return missed
	}
	if bytes.Contains(out, []byte("error while loading shared libraries")) {
		return missed // the call was none of the program's
	}
	if wakeUp.Match(calls) && cmd.ProcessState.ExitCode() == 2 {
		return killed9
	}
	return how(t, cmd, err, out)
}

// wakeUp is what Go's runtime writes to an event counter, which is on no disk. It
// ends the process where that fails.
var wakeUp = regexp.MustCompile(`"\\1\\0\\0\\0\\0\\0\\0\\0", 8\) += -1 `)

// TestHeadersUnsynced has each sync of a run fail that makes a file with headers
// and its index. An index that is in its place never names a file that is not there.
func TestHeadersUnsynced(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it takes a second")
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace, which lets system calls fail, is not installed")
	}
	t.Parallel()
	from := newRegistrar(t, builtProgram(t))
	from.run(t, "anchor", from.addFolder(t, 1))
	from.run(t, "headers", "export", "--network", "regtest", "-o", "chain.headers")
	k := newKeeper(newRegistrar(t, from.program))
	command := []string{"headers", "import", filepath.Join(from.dir, "chain.headers")}
	for n, met := 1, true; met; n++ {
		k.clear(t)
		log := filepath.Join(t.TempDir(), "calls")
		inject := fmt.Sprintf("inject=fsync:error=EIO:when=%d", n)
		_, err := k.traced(t.Context(), []string{strace, "-f", "-qq", "-o", log, "-e", "trace=fsync", "-e", inject}, command...).Output()
		calls, readErr := os.ReadFile(log)
		require.NoError(t, readErr)
		met = bytes.Contains(calls, []byte("(INJECTED)"))
		require.Equal(t, met, err != nil)
		require.True(t, met || n > 3, "too few syncs: %s", calls)
		k.whole(t, k.files(t))
		k.run(t, command...)
		k.settled(t, k.files(t))
	}
}

// onSmallDisk is a home and documents on a file system of their own.
func onSmallDisk(t *testing.T, rng *rand.Rand) *trial {
	if !mayMount(t) {
		return nil
	}
	r := &registrar{program: builtProgram(t), dir: t.TempDir()}
	require.NoError(t, syscall.Mount("none", r.dir, "tmpfs", 0, roomy))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(r.dir, syscall.MNT_DETACH)) })
	tr := &trial{keeper: newKeeper(r)}
	tr.next = func() []string {
		if len(tr.folders)%6 == 0 {
			tr.clear(t)
		}
		return []string{"anchor", tr.addFolder(t, 1+rng.IntN(24))}
	}
	tr.check = func() { tr.registrar.check(t) }
	return tr
}

const roomy = "size=64m,nr_inodes=100000"

// mayMount reports whether the test goes on in this process. One that may not
// mount runs a second time in namespaces of its own, in which it may.
func mayMount(t *testing.T) bool {
	t.Helper()
	probe := t.TempDir()
	if syscall.Mount("none", probe, "tmpfs", 0, roomy) == nil {
		require.NoError(t, syscall.Unmount(probe, 0))
		return true
	}
	self, err := os.Executable()
	require.NoError(t, err)
	out, err := exec.Command("unshare", "-rm", self, "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$", "-test.v").CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) || err != nil && bytes.Contains(out, []byte("unshare: ")) {
		t.Skipf("not tried here: no small file system can be made, neither by this user nor by unshare: %v %q", err, out)
	}
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: "+t.Name())
	return false
}

// meetFullDisk leaves a few pages, or a few inodes, of the disk.
func meetFullDisk(t *testing.T, rng *rand.Rand, tr *trial, command []string) outcome {
	t.Helper()
	var now syscall.Statfs_t
	require.NoError(t, syscall.Statfs(tr.dir, &now))
	size := fmt.Sprintf("size=%d", (now.Blocks-now.Bfree+rng.Uint64N(70))*uint64(now.Bsize))
	if rng.IntN(3) == 0 {
		size = fmt.Sprintf("nr_inodes=%d", now.Files-now.Ffree+rng.Uint64N(60))
	}
	remount := func(options string) {
		require.NoError(t, syscall.Mount("none", tr.dir, "tmpfs", syscall.MS_REMOUNT, options), options)
	}
	remount(size)
	cmd := tr.command(t.Context(), command...)
	out, err := patiently(t, cmd)
	remount(roomy)
	if err == nil {
		return went
	}
	require.Contains(t, string(out), "no space left on device")
	return how(t, cmd, err, out)
}

// asNobody is a home whose commands run without root's rights.
func asNobody(t *testing.T, rng *rand.Rand) *trial {
	parent, err := os.MkdirTemp("/tmp", "gradseal-test-") // t.TempDir is for its owner only
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(parent) })
	dir := filepath.Join(parent, "place")
	require.NoError(t, os.Mkdir(dir, 0o777))
	r := &registrar{program: builtProgram(t), dir: dir}
	if os.Geteuid() == 0 {
		r.attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	tr := &trial{keeper: newKeeper(r)}
	tr.next = func() []string {
		if len(tr.folders)%6 == 0 {
			tr.clear(t)
		}
		folder := tr.addFolder(t, 1+rng.IntN(24))
		if r.attr != nil {
			giveAway(t, dir)
		}
		return []string{"anchor", folder}
	}
	tr.check = func() { tr.registrar.check(t) }
	return tr
}

// without runs do while a directory may not be written to.
func without(t *testing.T, dir string, do func()) {
	t.Helper()
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o500))
	do()
	require.NoError(t, os.Chmod(dir, info.Mode().Perm()))
}

// meetReadOnly: no proof can be written beside the documents.
func meetReadOnly(t *testing.T, _ *rand.Rand, tr *trial, command []string) (ended outcome) {
	t.Helper()
	without(t, filepath.Join(tr.dir, tr.folders[len(tr.folders)-1]), func() {
		cmd := tr.command(t.Context(), command...)
		out, err := cmd.CombinedOutput()
		ended = how(t, cmd, err, out)
		require.Equal(t, refused, ended)
		require.Contains(t, string(out), "nothing was signed")
	})
	return ended
}

// meetLostPermission takes the right to write in one directory, while the command
// is at work.
func meetLostPermission(t *testing.T, rng *rand.Rand, tr *trial, command []string) (ended outcome) {
	t.Helper()
	dirs := []string{tr.folders[len(tr.folders)-1], "home", "home/batches", "home/trust", "home/headers", "home/embedded-node", "home/journal", "home/keys", "home/proposals"}
	dirs = slices.DeleteFunc(dirs, func(dir string) bool {
		_, err := os.Stat(filepath.Join(tr.dir, dir))
		return err != nil
	})
	dir := filepath.Join(tr.dir, dirs[rng.IntN(len(dirs))])
	cmd := tr.command(t.Context(), command...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	require.NoError(t, cmd.Start())
	time.Sleep(time.Duration(rng.IntN(150)) * time.Millisecond)
	without(t, dir, func() { ended = how(t, cmd, cmd.Wait(), output.Bytes()) })
	return ended
}

// withClock is a home whose commands run with a clock that the test sets. The
// program is built for it from the same source, with another time.Now: what is
// given out has no such switch.
func withClock(t *testing.T, rng *rand.Rand) *trial {
	tr := anchorLater(t, rng)
	next := tr.next
	tr.next = func() []string {
		if len(tr.folders)%8 == 0 { // another home
			tr.env = nil
		}
		return next()
	}
	tr.program = filepath.Join(t.TempDir(), "gradseal")
	buildWithClock(t, tr.program, ".")
	return tr
}

// buildWithClock builds a program for which time.Now is what the clock says and
// the shift that its environment names.
func buildWithClock(t *testing.T, program, source string) {
	t.Helper()
	dir := t.TempDir()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	original := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	text, err := os.ReadFile(original)
	require.NoError(t, err)
	const now = "\nfunc Now() Time {\n"
	require.Equal(t, 1, bytes.Count(text, []byte(now)))
	changed := strings.Replace(string(text), now, "\nfunc realNow() Time {\n", 1) + shiftedNow
	changed = strings.Replace(changed, "\nimport (\n", "\nimport (\n\t\"syscall\"\n", 1)
	replaced, overlay := filepath.Join(dir, "time.go"), filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(replaced, []byte(changed), 0o666))
	overlaid, err := json.Marshal(map[string]any{"Replace": map[string]string{original: replaced}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, overlaid, 0o666))
	out, err := exec.Command("go", "build", "-overlay", overlay, "-o", program, source).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// TestOtherClock: the clock that the fault of the clock is made of is one that can
// be set, with this release of Go.
func TestOtherClock(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: compiles some packages anew")
	}
	t.Parallel()
	dir := t.TempDir()
	source, program := filepath.Join(dir, "clock.go"), filepath.Join(dir, "clock")
	const text = "package main\n\nimport \"time\"\n\nfunc main() { println(time.Now().Unix()) }\n"
	require.NoError(t, os.WriteFile(source, []byte(text), 0o666))
	buildWithClock(t, program, source)
	for _, shift := range []time.Duration{0, 4000 * 24 * time.Hour, -26 * time.Hour} {
		cmd := exec.CommandContext(t.Context(), program)
		cmd.Env = []string{clockShift + "=" + shift.String()}
		out, err := cmd.CombinedOutput() // println writes to standard error
		require.NoError(t, err, "%s", out)
		at, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(shift), time.Unix(at, 0), time.Minute)
	}
}

const clockShift = "TEST_CLOCK_SHIFT"

const shiftedNow = `
var shift = func() Duration {
	text, _ := syscall.Getenv("` + clockShift + `")
	d, _ := ParseDuration(text)
	return d
}()

func Now() Time { return realNow().Add(shift) }
`

// meetClock runs the command with a clock that is wrong, by an hour or by years.
// What was signed while it was ahead carries that time, and nothing is signed
// before it: from then on the clock that is right is one that has come so far.
func meetClock(t *testing.T, rng *rand.Rand, tr *trial, command []string) outcome {
	t.Helper()
	const day = 24 * time.Hour
	shifts := []time.Duration{time.Hour, 3 * time.Hour, 26 * time.Hour, 40 * day, 400 * day, 4000 * day}
	jump := shifts[rng.IntN(len(shifts))]
	if rng.IntN(2) == 0 {
		jump = -jump
	}
	by, right := jump, tr.env
	if right != nil {
		was, err := time.ParseDuration(strings.TrimPrefix(right[0], clockShift+"="))
		require.NoError(t, err)
		by += was
	}
	tr.env = []string{clockShift + "=" + by.String()}
	cmd := tr.command(t.Context(), command...)
	out, err := cmd.CombinedOutput()
	t.Logf("clock %v: %s", by, out)
	ended := how(t, cmd, err, out)
	if ended == refused || jump < 0 {
		tr.env = right
	}
	return ended
}

// TestTwoAtOnce starts two commands on one home at nearly one moment, over and
// over: one waits for the other, and both go to a good end.
func TestTwoAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it takes some seconds")
	}
	t.Parallel()
	for _, o := range []ordeal{{"anchor-and-anchor", twoAnchors}, {"anchor-and-upgrade", anchorAndUpgrade}, {"withdraw-and-anchor", withdrawAndAnchor}} {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			o.playTwo(t)
		})
	}
}

// playTwo plays an ordeal whose command is two, parted by "AND".
func (o ordeal) playTwo(t *testing.T) {
	rng, p := o.chance(t)
	start := time.Now()
	tr := o.begin(t, rng)
	times, deadline := wanted(t, reliabilityFaults, 1), deadlineOf(t, start)
	for p.Runs < times && time.Now().Before(deadline) {
		both := tr.next()
		i := slices.Index(both, and)
		var running [2]*exec.Cmd
		var output [2]bytes.Buffer
		commands := [2][]string{both[:i], both[i+1:]}
		if rng.IntN(2) == 0 {
			commands[0], commands[1] = commands[1], commands[0]
		}
		for i, command := range commands {
			running[i] = tr.command(t.Context(), command...)
			running[i].Stdout, running[i].Stderr = &output[i], &output[i]
			require.NoError(t, running[i].Start())
			time.Sleep(time.Duration(rng.IntN(30)) * time.Millisecond)
		}
		waited := false
		for i := range running {
			require.NoError(t, running[i].Wait(), "%s\n%s", running[i], &output[i])
			waited = waited || strings.Contains(output[i].String(), "another gradseal is at work")
		}
		p.Moments[map[bool]string{true: "one waited for the other", false: "they did not meet"}[waited]]++
		tr.settled(t, tr.files(t))
		tr.check()
		p.Runs++
		p.Kills++
	}
	p.Seconds = time.Since(start).Seconds()
	p.report(t)
}

const and = "AND"

func twoAnchors(t *testing.T, rng *rand.Rand) *trial {
	tr := &trial{keeper: newKeeper(newRegistrar(t, builtProgram(t)))}
	tr.next = func() []string {
		if len(tr.folders)%8 == 0 {
			tr.clear(t)
		}
		return []string{"anchor", tr.addFolder(t, 1+rng.IntN(24)), and, "anchor", tr.addFolder(t, 1+rng.IntN(24))}
	}
	tr.check = func() { tr.registrar.check(t) }
	return tr
}

// anchorAndUpgrade: of a batch that is in a block the proofs are completed, while
// another is sent.
func anchorAndUpgrade(t *testing.T, rng *rand.Rand) *trial {
	tr := anchorNode(t, rng)
	single := tr.next
	tr.next = func() []string {
		first := single()
		b := tr.branch
		b.run(t, first...)
		b.node.Mine(1)
		second := append([]string{"anchor", "--network", "regtest", b.addFolder(t, 3)}, b.via...)
		return slices.Concat(append([]string{"upgrade", "--network", "regtest"}, b.via...), []string{and}, second)
	}
	return tr
}

// withdrawAndAnchor: each signs a status list.
func withdrawAndAnchor(t *testing.T, rng *rand.Rand) *trial {
	tr := &trial{keeper: newKeeper(newRegistrar(t, builtProgram(t)))}
	withdrawn := 0
	tr.next = func() []string {
		if withdrawn%6 == 0 {
			tr.clear(t)
			tr.run(t, "anchor", tr.addFolder(t, 24))
			withdrawn = 0
		}
		withdrawn++
		named := filepath.Join("folder1", fmt.Sprintf("transcript-%d.pdf", withdrawn))
		return []string{"withdraw", named, "--reason", "reprint", "--yes", and, "anchor", tr.addFolder(t, 1+rng.IntN(8))}
	}
	tr.check = func() {
		batches, err := batch.Open(filepath.Join(tr.home(), "batches")).List()
		require.NoError(t, err)
		require.Len(t, batches, len(tr.folders))
		tr.checkChain(t, batches)
		tr.checkFolders(t, batches)
		tr.checkJournal(t, batches)
		newest, forked, err := trust.Open(filepath.Join(tr.home(), "trust")).Status(batches[0].Issuer, bitcoin.Regtest)
		require.NoError(t, err)
		require.False(t, forked)
		require.Len(t, newest.Batches, len(batches))
		require.Len(t, newest.Withdrawn, withdrawn)
		require.EqualValues(t, len(batches)+withdrawn, newest.Sequence)
	}
	return tr
}

// withLittleMemory is a batch that takes some memory, where that can be limited.
func withLittleMemory(t *testing.T, _ *rand.Rand) *trial {
	documents := 1000
	if os.Getenv(reliabilityFaults) == "" {
		documents = 200 // which takes less time
	}
	if _, err := memoryGroup(t, 64<<20); err != nil {
		t.Skipf("not tried here: no control group with a limit of memory can be made by this user: %q", err.Error())
	}
	tr := &trial{keeper: newKeeper(newRegistrar(t, builtProgram(t)))}
	tr.next = func() []string {
		tr.clear(t)
		return []string{"anchor", tr.addFolder(t, documents)}
	}
	tr.check = func() { tr.registrar.check(t) }
	return tr
}

// meetLittleMemory runs the command in a control group that has less memory than
// the command would take, or hardly more. The kernel kills it then.
func meetLittleMemory(t *testing.T, rng *rand.Rand, tr *trial, command []string) outcome {
	t.Helper()
	limit := 12 + rng.IntN(40)
	group, err := memoryGroup(t, limit<<20)
	require.NoError(t, err)
	enter := []string{"sh", "-c", `echo $$ >"$0" && exec "$@"`, group}
	cmd := tr.traced(t.Context(), enter, command...)
	if rng.IntN(2) == 0 {
		cmd.Env = append(cmd.Env, fmt.Sprintf("GOMEMLIMIT=%dMiB", limit-8))
	}
	out, err := cmd.CombinedOutput()
	return how(t, cmd, err, out)
}

// memoryGroup makes a control group, and returns the file that takes in processes.
func memoryGroup(t *testing.T, limit int) (string, error) {
	t.Helper()
	var failures []error
	for _, version := range []struct{ root, file string }{
		{"/sys/fs/cgroup", "memory.max"}, {"/sys/fs/cgroup/unified", "memory.max"}, {"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
	} {
		dir, err := os.MkdirTemp(version.root, "gradseal-test-")
		if err != nil {
			failures = append(failures, err)
			continue
		}
		t.Cleanup(func() { _ = os.Remove(dir) }) // of an empty group
		file := filepath.Join(dir, version.file)
		if _, err := os.Stat(file); err != nil { // not made here: a group has its files at once
			failures = append(failures, err)
			continue
		}
		if err := os.WriteFile(file, fmt.Append(nil, limit), 0o644); err != nil {
			failures = append(failures, err)
			continue
		}
		return filepath.Join(dir, "cgroup.procs"), nil
	}
	return "", errors.Join(failures...)
}

package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/batch/leaves"
)

// scaleLeaves sets how many documents TestShardsAtScale has; scaleShards, in how many
// shards. The figures of docs/scale.md are those of
//
//	TEST_LEAVES=1000000 TEST_SHARDS=20 go test . -run TestShardsAtScale -v
const (
	scaleLeaves = "TEST_LEAVES"
	scaleShards = "TEST_SHARDS"
)

// TestShardsAtScale joins shards of documents that are not there, writes the proofs
// of one shard to a folder, and says what it took.
func TestShardsAtScale(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: anchors thousands of leaves")
	}
	n, k := numberFrom(t, scaleLeaves, 4000), numberFrom(t, scaleShards, 20)
	s := &shards{newRegistrar(t, builtProgram(t)), k}
	start := time.Now()
	for i := range k {
		writeShard(t, filepath.Join(s.dir, s.file(i)), i, n/k)
	}
	size := func(name string) int64 {
		info, err := os.Stat(filepath.Join(s.dir, name))
		require.NoError(t, err)
		return info.Size()
	}
	t.Logf("%d documents in %d shards, made in %s", n, k, time.Since(start).Round(time.Millisecond))
	t.Logf("a shard file has %d bytes, %.1f a document", size(s.file(0)), float64(size(s.file(0)))/float64(n/k))
	measured(t, "join, sign, anchor and answer", s.command(t.Context(), append([]string{"anchor", "--leaves"}, s.shardFiles()...)...))
	answer := strings.TrimSuffix(s.file(0), leaves.Suffix) + leaves.AnswerSuffix
	t.Logf("an answer has %d bytes, %.1f a document", size(answer), float64(size(answer))/float64(n/k))
	measured(t, "the same again", s.command(t.Context(), append([]string{"anchor", "--leaves"}, s.shardFiles()...)...))
	measured(t, "proofs of one shard", s.proofs(t.Context(), 0, "-o", "out"))
	list, err := filepath.Glob(filepath.Join(s.dir, "out", "*", "*.json"))
	require.NoError(t, err)
	require.Len(t, list, n/k)
	info, err := os.Stat(list[0])
	require.NoError(t, err)
	t.Logf("a proof has %d bytes", info.Size())
}

func numberFrom(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return n
}

// writeShard writes a shard file of documents with random digests.
func writeShard(t *testing.T, path string, index, rows int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer f.Close()
	out := bufio.NewWriter(f)
	name := strings.TrimSuffix(filepath.Base(path), leaves.Suffix)
	w, err := leaves.NewWriter(out, leaves.Head{Name: name, Source: "/data/transcripts", Part: index, Of: 1000, Created: time.Now()})
	require.NoError(t, err)
	for i := range rows {
		row := leaves.Row{Path: fmt.Sprintf("%05d/transcript-%09d.pdf", i/1000, i), Size: 200_000}
		rand.Read(row.Digest[:])
		rand.Read(row.Salt[:])
		require.NoError(t, w.Add(row))
	}
	require.NoError(t, w.Close())
	require.NoError(t, out.Flush())
}

// measured runs a command and says what it took.
func measured(t *testing.T, what string, cmd *exec.Cmd) {
	t.Helper()
	start := time.Now()
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", strings.Join(cmd.Args, " "), out)
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	t.Logf("%s: %s, %s of CPU, %d MB at most", what, time.Since(start).Round(10*time.Millisecond),
		(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Round(10*time.Millisecond), usage.Maxrss/1000)
}

// A document that another one was moved onto is read again, although size and time
// are those of before: a file that is moved, or copied with its times, keeps them.
func TestLeavesOfAMovedDocument(t *testing.T) {
	dir := t.TempDir()
	run := func() (string, error) {
		cmd := exec.CommandContext(t.Context(), builtProgram(t), "--home", "none", "leaves", "in", "-o", "x.leaves")
		cmd.Dir, cmd.Env = dir, append(cleanEnvironment(), "HOME="+dir)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, smallPDF(text), 0o600))
		old := time.Now().Add(-24 * time.Hour)
		require.NoError(t, os.Chtimes(path, old, old))
	}
	write("in/a.pdf", "grade 1.0")
	out, err := run()
	require.NoError(t, err, out)
	write("a.pdf", "grade 4.0")
	require.NoError(t, os.Rename(filepath.Join(dir, "a.pdf"), filepath.Join(dir, "in", "a.pdf")))
	out, err = run()
	require.Error(t, err, out)
	require.Contains(t, out, "a.pdf: has changed")
}

// A name that is refused stops the worker that it falls to, and no other. A folder
// that nobody can read stops all: it may hold documents of any part.
func TestRefusedNameIsOfOnePart(t *testing.T) {
	dir := t.TempDir()
	const parts = 4
	for i := range 40 {
		path := filepath.Join(dir, "in", fmt.Sprintf("%02d.pdf", i))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, smallPDF(path), 0o600))
	}
	failed := func() (failed, documents int) {
		for i := range parts {
			cmd := exec.CommandContext(t.Context(), builtProgram(t), "--home", "none", "--json", "leaves", "in", "-o", "x.leaves",
				"--index", strconv.Itoa(i), "--of", strconv.Itoa(parts), "--dry-run")
			cmd.Dir, cmd.Env = dir, append(cleanEnvironment(), "HOME="+dir)
			out, err := cmd.Output()
			if err != nil {
				failed++
				continue
			}
			var result struct{ Documents int }
			require.NoError(t, json.Unmarshal(out, &result))
			documents += result.Documents
		}
		return failed, documents
	}
	n, documents := failed()
	require.Zero(t, n)
	require.Equal(t, 40, documents)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in", "\xff.pdf"), smallPDF("x"), 0o600))
	n, _ = failed()
	require.Equal(t, 1, n)
	if os.Getuid() == 0 { // who can read everything
		return
	}
	closed := filepath.Join(dir, "in", "closed")
	require.NoError(t, os.Mkdir(closed, 0))
	t.Cleanup(func() { os.Chmod(closed, 0o700) })
	n, _ = failed()
	require.Equal(t, parts, n)
}

// What is no file is named and not waited for, and nothing is written through a link:
// not as a shard file, not as an answer, and not where a worker has files of its own.
func TestLeavesBesideWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	run := func(args ...string) string {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, builtProgram(t), append([]string{"--home", "home"}, args...)...)
		cmd.Dir, cmd.Env = dir, append(cleanEnvironment(), "HOME="+dir)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "%s: %s", args, out)
		require.Equal(t, 1, exit.ExitCode(), "%s: %s", args, out)
		return string(out)
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.Mkdir(path("in"), 0o777))
	require.NoError(t, os.WriteFile(path("in/a.pdf"), smallPDF("a"), 0o600))
	require.NoError(t, syscall.Mkfifo(path("pipe"), 0o600))
	writeShard(t, path("good.leaves"), 0, 3)
	const fault, nothing = "is not a regular file", "nothing was signed"
	for _, name := range []string{"pipe", "/dev/zero", "in"} {
		require.Contains(t, run("anchor", "--leaves", "--dry-run", name), fault)
		out := run("anchor", "--leaves", name)
		require.Contains(t, out, fault)
		require.Contains(t, out, nothing)
		require.NotContains(t, out, "run the same command again")
		require.Contains(t, run("proofs", "--leaves", name, "--answer", "x.anchored"), fault)
		require.Contains(t, run("proofs", "--leaves", "good.leaves", "--answer", name), fault)
		require.Contains(t, run("leaves", "in", "-o", name), fault)
	}
	require.NoError(t, os.WriteFile(path("mine"), []byte("mine"), 0o600))
	for _, suffix := range []string{".part", ".lock"} {
		for _, target := range []string{"pipe", "mine", "none"} {
			require.NoError(t, os.Symlink(target, path("x.leaves"+suffix)))
			out := run("leaves", "in", "-o", "x.leaves")
			require.Contains(t, out, "x.leaves"+suffix+": "+fault)
			require.Contains(t, out, "move it away")
			require.NoError(t, os.Remove(path("x.leaves"+suffix)))
		}
		require.NoError(t, syscall.Mkfifo(path("x.leaves"+suffix), 0o600))
		require.Contains(t, run("leaves", "in", "-o", "x.leaves"), "x.leaves"+suffix+": "+fault)
		require.NoError(t, os.Remove(path("x.leaves"+suffix)))
		require.NoError(t, os.WriteFile(path("x.leaves"+suffix), []byte("mine"), 0o600))
		require.Contains(t, run("leaves", "in", "-o", "x.leaves"), "x.leaves"+suffix+": is not ")
		requireFile(t, path("x.leaves"+suffix), "mine")
		require.NoError(t, os.Remove(path("x.leaves"+suffix)))
	}
	requireFile(t, path("mine"), "mine")
	require.NoFileExists(t, path("none"))
	require.NoFileExists(t, path("x.leaves"))
}

func requireFile(t *testing.T, path, content string) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, content, string(data))
}

// Where no answer could be written nothing is signed: it would be paid for first. Root
// can write everywhere, so there the program runs as nobody.
func TestAnchorLeavesInAClosedFolder(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "gradseal-test-") // t.TempDir is for its owner only
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o777))
	program, err := os.ReadFile(builtProgram(t))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "program"), program, 0o755))
	closed := filepath.Join(dir, "closed")
	require.NoError(t, os.Mkdir(closed, 0o700))
	t.Cleanup(func() { os.Chmod(closed, 0o700) })
	shard := filepath.Join(closed, "b.leaves")
	writeShard(t, shard, 0, 3)
	user := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		user.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
		require.NoError(t, os.Chown(shard, 65534, 65534))
		require.NoError(t, os.Chown(closed, 65534, 65534))
	}
	require.NoError(t, os.Chmod(closed, 0o500))
	for _, args := range [][]string{{"--dry-run"}, nil} {
		cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "program"), append([]string{"--home", "home", "anchor", "--leaves", "closed/b.leaves"}, args...)...)
		cmd.Dir, cmd.Env, cmd.SysProcAttr = dir, append(cleanEnvironment(), "HOME="+dir), user
		out, err := cmd.CombinedOutput()
		require.Error(t, err, "%s", out)
		require.Contains(t, string(out), "b.anchored: is in a folder in which no answer can be written: permission denied")
		require.Contains(t, string(out), "nothing was signed")
		require.NoDirExists(t, filepath.Join(dir, "home", "batches"))
	}
}

// A shard file that others can read is warned of wherever it is read.
func TestOpenShardIsWarnedOf(t *testing.T) {
	dir := t.TempDir()
	run := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), builtProgram(t), append([]string{"--home", "home"}, args...)...)
		cmd.Dir, cmd.Env = dir, append(cleanEnvironment(), "HOME="+dir)
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	const warning = "others on this machine may read or change b.leaves, and shard files hold the salts. Close it to them: chmod 600 b.leaves"
	writeShard(t, filepath.Join(dir, "b.leaves"), 0, 3)
	for _, args := range [][]string{{"anchor", "--dry-run", "--leaves", "b.leaves"}, {"proofs", "--leaves", "b.leaves", "--answer", "none"}} {
		require.NoError(t, os.Chmod(filepath.Join(dir, "b.leaves"), 0o600))
		require.NotContains(t, run(args...), "chmod")
		require.NoError(t, os.Chmod(filepath.Join(dir, "b.leaves"), 0o644))
		require.Contains(t, run(args...), warning)
	}
}

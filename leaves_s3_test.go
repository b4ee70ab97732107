//go:build !darwin

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/require"

	"gradseal/batch/leaves"
	"gradseal/bitcoin"
	"gradseal/internal/testnode"
	"gradseal/issuer"
	"gradseal/keys"
	"gradseal/proof"
)

// storeShards are workers whose documents lie in an object store, below
// s3://registry/2026, and the machine that anchors for them.
type storeShards struct {
	*shards
	endpoint string
	client   *minio.Client
}

func newStoreShards(t *testing.T, url, accessKey, secretKey string) *storeShards {
	t.Helper()
	s := &storeShards{shards: &shards{newRegistrar(t, builtProgram(t)), 2}, endpoint: url}
	s.env = awsKeys(accessKey, secretKey)
	var err error
	s.client, err = minio.New(strings.TrimPrefix(url, "http://"),
		&minio.Options{Creds: credentials.NewStaticV4(accessKey, secretKey, ""), Region: "us-east-1"})
	require.NoError(t, err)
	require.NoError(t, s.client.MakeBucket(t.Context(), "registry", minio.MakeBucketOptions{}))
	return s
}

// awsKeys is an environment with these keys, whatever else there is on this machine.
func awsKeys(access, secret string) []string {
	return []string{"AWS_ACCESS_KEY_ID=" + access, "AWS_SECRET_ACCESS_KEY=" + secret, "AWS_SESSION_TOKEN=", "AWS_REGION=us-east-1"}
}

func (s *storeShards) put(t *testing.T, name string, data []byte) {
	t.Helper()
	_, err := s.client.PutObject(t.Context(), "registry", name, bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{})
	require.NoError(t, err)
}

// get is every object below a prefix.
func (s *storeShards) get(t *testing.T, prefix string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for info := range s.client.ListObjectsIter(t.Context(), "registry", minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		require.NoError(t, info.Err)
		object, err := s.client.GetObject(t.Context(), "registry", info.Key, minio.GetObjectOptions{})
		require.NoError(t, err)
		data, err := io.ReadAll(object)
		require.NoError(t, err)
		all[strings.TrimPrefix(info.Key, prefix)] = string(data)
	}
	return all
}

// putDocuments puts documents below 2026, and what is none.
func (s *storeShards) putDocuments(t *testing.T, count int) []string {
	t.Helper()
	names := []string{"a name with blanks & ü.PDF"}
	for i := len(names); i < count; i++ {
		names = append(names, fmt.Sprintf("%02d/transcript-%03d.pdf", i%3, i))
	}
	for _, name := range names {
		s.put(t, "2026/"+name, smallPDF(name))
	}
	for _, name := range []string{"2026/notes.txt", "2026/.hidden/x.pdf", "2027/other.pdf", "20260/other.pdf"} {
		s.put(t, name, smallPDF(name))
	}
	return names
}

// worker is a command of one that has no home.
func (s *storeShards) worker(ctx context.Context, args ...string) *exec.Cmd {
	return s.command(ctx, append([]string{"--home", filepath.Join(s.dir, "none"), "--s3-endpoint", s.endpoint}, args...)...)
}

// object runs a worker's command, and reads what it says under --json.
func (s *storeShards) object(t *testing.T, into any, args ...string) {
	t.Helper()
	cmd := s.worker(t.Context(), append(args, "--json")...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s\n%s", args, &stderr)
	require.NoError(t, json.Unmarshal(out, into))
}

// requireFails: the command ends with code 1, and says all of this.
func requireFails(t *testing.T, cmd *exec.Cmd, texts ...string) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.True(t, errors.As(err, &exit), "%s: %v\n%s", cmd.Args, err, out)
	require.Equal(t, 1, exit.ExitCode(), "%s", out)
	for _, text := range texts {
		require.Contains(t, string(out), text)
	}
	require.NotContains(t, string(out), "secret of the test")
}

func (s *storeShards) leavesArgs(worker int) []string {
	return []string{"leaves", "s3://registry/2026/", "-o", s.file(worker), "--index", fmt.Sprint(worker), "--of", fmt.Sprint(s.workers)}
}

func (s *storeShards) proofsArgs(worker int, more ...string) []string {
	return append([]string{"proofs", "--leaves", s.file(worker), "--answer", strings.TrimSuffix(s.file(worker), leaves.Suffix) + leaves.AnswerSuffix}, more...)
}

// TestShardsInStore has workers hash what lies in an object store and write the proofs
// into it, with the program as people build it. One store is a library in this process,
// the other one a server that others run.
func TestShardsInStore(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: runs processes for seconds")
	}
	t.Parallel()
	t.Run("gofakes3", func(t *testing.T) {
		t.Parallel()
		store := newFakeStore(t)
		testShardsInStore(t, newStoreShards(t, store.URL, "registry", "secret of the test"))
	})
	t.Run("versitygw", func(t *testing.T) {
		t.Parallel()
		store := testnode.StartVersitygw(t)
		s := newStoreShards(t, store.URL, store.AccessKey, store.SecretKey)
		testShardsInStore(t, s)
		testStoreRefuses(t, s, store)
	})
}

func testShardsInStore(t *testing.T, s *storeShards) {
	names := s.putDocuments(t, 30)
	before := s.get(t, "")
	total := 0
	for worker := range s.workers {
		var made struct {
			Documents int
			Source    string
			Reused    bool
		}
		s.object(t, &made, s.leavesArgs(worker)...)
		require.Equal(t, "s3://registry/2026", made.Source)
		require.False(t, made.Reused)
		total += made.Documents
		was, err := os.ReadFile(filepath.Join(s.dir, s.file(worker)))
		require.NoError(t, err)
		s.object(t, &made, s.leavesArgs(worker)...)
		require.True(t, made.Reused)
		now, err := os.ReadFile(filepath.Join(s.dir, s.file(worker)))
		require.NoError(t, err)
		require.Equal(t, was, now, "the salts")
	}
	require.Equal(t, len(names), total)
	require.Equal(t, before, s.get(t, ""), "nothing was written into the store")

	s.run(t, append([]string{"anchor", "--leaves"}, s.shardFiles()...)...)
	b := s.batchOfShards(t)
	want := make(map[string]string)
	for i := range b.Documents {
		data, err := b.Proof(i)
		require.NoError(t, err)
		want[b.Documents[i].PathInShard()+proof.Suffix] = string(data)
	}
	require.Len(t, want, len(names))

	var done struct{ Documents, Written, Unchanged int }
	s.object(t, &done, s.proofsArgs(0, "-o", "s3://registry/2026")...)
	require.Equal(t, done.Documents, done.Written)
	s.object(t, &done, s.proofsArgs(1)...) // where the documents are
	require.Equal(t, done.Documents, done.Written)
	s.object(t, &done, s.proofsArgs(1)...)
	require.Zero(t, done.Written)
	require.Equal(t, done.Documents, done.Unchanged)
	s.object(t, &done, s.proofsArgs(0, "-o", "s3://registry/apart/of/them")...)
	require.Equal(t, done.Documents, done.Written)

	inStore, apart := s.get(t, ""), s.get(t, "apart/of/them/")
	require.NotEmpty(t, apart)
	s.verify(t, inStore, len(names))
	for name, data := range apart {
		require.Equal(t, want[name], data, name)
		delete(inStore, "apart/of/them/"+name)
	}
	for name, data := range want {
		require.Equal(t, data, inStore["2026/"+name], name)
		delete(inStore, "2026/"+name)
	}
	require.Equal(t, before, inStore, "documents are as they were, and there is nothing else")
	require.NoDirExists(t, filepath.Join(s.dir, "none"), "workers make no home")
	requireOnlyShards(t, s.shards)
	s.testOthersStay(t, want)
}

// verify downloads documents and proofs, and judges them.
func (s *storeShards) verify(t *testing.T, objects map[string]string, valid int) {
	t.Helper()
	folder := filepath.Join(s.dir, "downloaded")
	for name, data := range objects {
		name, ok := strings.CutPrefix(name, "2026/")
		if !ok || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".txt") {
			continue
		}
		path := filepath.Join(folder, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, []byte(data), 0o666))
	}
	require.Contains(t, s.run(t, "verify", "--network", "regtest", folder), fmt.Sprintf("%d documents: %d VALID", valid, valid))
}

// testOthersStay puts other things into the places of proofs. A proof with the block of
// a network that counts stays even under --replace: the answer may be the wrong one.
func (s *storeShards) testOthersStay(t *testing.T, want map[string]string) {
	t.Helper()
	file, err := leaves.Open(filepath.Join(s.dir, s.file(0)))
	require.NoError(t, err)
	require.Greater(t, len(file.Rows), 2)
	name := func(i int) string { return "2026/" + file.Rows[i].Path + proof.Suffix }
	notes, counts, rehearsed := "my notes", ofOtherKey(t, want[file.Rows[1].Path+proof.Suffix], bitcoin.Mainnet),
		ofOtherKey(t, want[file.Rows[2].Path+proof.Suffix], bitcoin.Regtest)
	for i, data := range []string{notes, counts, rehearsed} {
		s.put(t, name(i), []byte(data))
	}
	requireFails(t, s.worker(t.Context(), s.proofsArgs(0)...), "3 documents got no proof", "which was not overwritten", "--replace")
	requireFails(t, s.worker(t.Context(), s.proofsArgs(0, "--replace")...), "2 documents got no proof",
		file.Rows[1].Path, "has another proof with the evidence of a block of a network that counts, which was not overwritten", "--replace-confirmed")
	require.Equal(t, notes, s.get(t, name(0))[""])
	require.Equal(t, counts, s.get(t, name(1))[""])
	require.Equal(t, want[file.Rows[2].Path+proof.Suffix], s.get(t, name(2))[""])
}

// ofOtherKey is the proof as one that somebody else signed for a network.
func ofOtherKey(t *testing.T, data string, network bitcoin.Network) string {
	t.Helper()
	p, err := proof.Parse([]byte(data))
	require.NoError(t, err)
	key, err := keys.Generate("other.example")
	require.NoError(t, err)
	statement := *p.Layers[0].Statement
	statement.Issuer, statement.Network = "other.example", network
	text, err := statement.Text()
	require.NoError(t, err)
	p.Layers[0].Signed, err = issuer.SignNote(text, issuer.MaxStatement, key)
	require.NoError(t, err)
	out, err := proof.Marshal(p)
	require.NoError(t, err)
	return string(out)
}

// testStoreRefuses: what a store says no to ends the command, which leaves no shard file
// and names what was asked for.
func testStoreRefuses(t *testing.T, s *storeShards, store *testnode.Store) {
	read := func(url string, env ...string) *exec.Cmd {
		cmd := s.worker(t.Context(), "leaves", url, "-o", "refused.leaves")
		cmd.Env = append(cmd.Env, env...)
		return cmd
	}
	requireFails(t, read("s3://nowhere/2026"), "s3://nowhere/2026: there is no such bucket")
	requireFails(t, read("s3://registry/1999"), "there is no PDF in what was named")
	refused := []string{"s3://registry/2026: the store refuses", "AWS_ACCESS_KEY_ID"}
	requireFails(t, read("s3://registry/2026", awsKeys(store.AccessKey, "wrong")...), refused...)
	requireFails(t, read("s3://registry/2026", awsKeys("nobody", store.SecretKey)...), refused...)
	write := s.worker(t.Context(), s.proofsArgs(0, "-o", "s3://registry/refused")...)
	write.Env = append(write.Env, awsKeys(store.AccessKey, "wrong")...)
	requireFails(t, write, "the store refuses")
	requireFails(t, s.worker(t.Context(), s.proofsArgs(0, "-o", "s3://nowhere/refused")...), "there is no such bucket")
	require.Empty(t, s.get(t, "refused"))
	store.Stop()
	start := time.Now()
	requireFails(t, read("s3://registry/2026"), "s3://registry/2026: ", "connection refused")
	t.Logf("a store that is not there was given up after %s", time.Since(start).Round(10*time.Millisecond))
	require.NoFileExists(t, filepath.Join(s.dir, "refused.leaves"))
	requireOnlyShards(t, s.shards)
}

// fakeStore is an object store in this process, whose objects are an hour old.
type fakeStore struct {
	*httptest.Server
	mu    sync.Mutex
	reads []string // the objects that were read, each time
	// before is called when an object is about to be read, with how many were before.
	before func(name string, reads int)
}

func newFakeStore(t *testing.T) *fakeStore {
	t.Helper()
	old := gofakes3.FixedTimeSource(time.Now().Add(-time.Hour))
	fake := gofakes3.New(s3mem.New(s3mem.WithTimeSource(old)), gofakes3.WithTimeSource(old), gofakes3.WithTimeSkewLimit(0)).Server()
	s := new(fakeStore)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, ok := strings.CutPrefix(r.URL.Path, "/registry/"); ok && name != "" && r.Method == http.MethodGet {
			s.mu.Lock()
			before, reads := s.before, len(s.reads)
			s.reads = append(s.reads, name)
			s.mu.Unlock()
			if before != nil {
				before(name, reads)
			}
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// watch has before called from here on, and forgets what was read.
func (s *fakeStore) watch(before func(name string, reads int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads, s.before = nil, before
}

// read are the objects that were read since watch, each once.
func (s *fakeStore) read() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(s.reads)))
}

// TestLeavesInStoreKilled kills a worker in the middle of a store. What it had read is
// not read again, and keeps its salts.
func TestLeavesInStoreKilled(t *testing.T) {
	t.Parallel()
	store := newFakeStore(t)
	s := newStoreShards(t, store.URL, "registry", "secret of the test")
	s.workers = 1
	names := s.putDocuments(t, 40)
	release := make(chan struct{})
	letGo := sync.OnceFunc(func() { close(release) })
	t.Cleanup(letGo) // or the store would not end
	store.watch(func(_ string, reads int) {
		if reads >= 25 {
			<-release
		}
	})
	cmd := s.worker(t.Context(), append(s.leavesArgs(0), "--s3-requests", "4")...)
	require.NoError(t, cmd.Start())
	part := filepath.Join(s.dir, s.file(0)+".part")
	require.Eventually(t, func() bool { return len(rowsOfLog(part)) > 5 }, time.Minute, 5*time.Millisecond)
	time.Sleep(20 * time.Millisecond) // what is let through comes to its end
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	letGo()
	kept := rowsOfLog(part)
	require.Less(t, len(kept), len(names))

	store.watch(nil)
	requireRuns(t, s.worker(t.Context(), s.leavesArgs(0)...))
	require.Len(t, store.read(), len(names)-len(kept), "what was read before is not read again")
	file, err := leaves.Open(filepath.Join(s.dir, s.file(0)))
	require.NoError(t, err)
	require.Len(t, file.Rows, len(names))
	for _, row := range file.Rows {
		if was, ok := kept[row.Path]; ok {
			require.Equal(t, was, row)
		}
	}
	require.NoFileExists(t, part)
}

// An object that is another one, or is gone, between its listing and its reading ends
// the command, which names it. Nothing of the others is lost.
func TestLeavesOfAChangedObject(t *testing.T) {
	t.Parallel()
	const victim = "01/transcript-007.pdf"
	for _, c := range []struct {
		name, fault string
		change      func(t *testing.T, s *storeShards)
		documents   int
	}{
		{"changed", ": changed since it was listed", func(t *testing.T, s *storeShards) {
			s.put(t, "2026/"+victim, bytes.Replace(smallPDF(victim), []byte("/Helvetica"), []byte("/Helvetixx"), 1))
		}, 20},
		{"grown", ": changed since it was listed", func(t *testing.T, s *storeShards) { s.put(t, "2026/"+victim, smallPDF(victim+" and more")) }, 20},
		{"removed", ": is not there any more", func(t *testing.T, s *storeShards) {
			require.NoError(t, s.client.RemoveObject(t.Context(), "registry", "2026/"+victim, minio.RemoveObjectOptions{}))
		}, 19},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			store := newFakeStore(t)
			s := newStoreShards(t, store.URL, "registry", "secret of the test")
			s.workers = 1
			s.putDocuments(t, 20)
			var once sync.Once
			store.watch(func(name string, _ int) {
				if name == "2026/"+victim {
					once.Do(func() { c.change(t, s) })
				}
			})
			requireFails(t, s.worker(t.Context(), append(s.leavesArgs(0), "--s3-requests", "1")...), "s3://registry/2026/"+victim+c.fault)
			require.NoFileExists(t, filepath.Join(s.dir, s.file(0)))
			kept := rowsOfLog(filepath.Join(s.dir, s.file(0)+".part"))
			require.NotEmpty(t, kept)
			require.NotContains(t, kept, victim)

			var made struct{ Documents int }
			s.object(t, &made, s.leavesArgs(0)...)
			require.Equal(t, c.documents, made.Documents)
			file, err := leaves.Open(filepath.Join(s.dir, s.file(0)))
			require.NoError(t, err)
			for _, row := range file.Rows {
				if was, ok := kept[row.Path]; ok {
					require.Equal(t, was, row)
				}
			}
		})
	}
}

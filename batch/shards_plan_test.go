package batch_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/batch/leaves"
	"gradseal/bitcoin"
	"gradseal/proof"
)

// writeShard writes a shard file NAME.leaves and returns its path. Each row is
// "path=content", or "path=content#salt": rows without a salt have that of their
// shard and path, as a worker has that is started again.
func writeShard(t testing.TB, dir, name string, rows ...string) string {
	t.Helper()
	var out bytes.Buffer
	w, err := leaves.NewWriter(&out, leaves.Head{Name: name, Source: "/data", Of: 1, Created: created})
	require.NoError(t, err)
	for _, text := range rows {
		path, content, ok := strings.Cut(text, "=")
		require.True(t, ok, text)
		content, salt, ok := strings.Cut(content, "#")
		if !ok {
			salt = name + "/" + path
		}
		require.NoError(t, w.Add(leaves.Row{
			Path: path, Size: int64(len(content)), Digest: sha256.Sum256([]byte(content)), Salt: sha256.Sum256([]byte("salt " + salt)),
		}))
	}
	require.NoError(t, w.Close())
	return write(t, filepath.Join(dir, name+leaves.Suffix), out.Bytes())
}

// planShards reads shard files and plans as anchor does.
func planShards(t testing.TB, store *batch.Store, o batch.Options, paths ...string) (*batch.Shards, *batch.Plan) {
	t.Helper()
	shards, err := batch.OpenShards(paths)
	require.NoError(t, err)
	require.NoError(t, shards.Read(context.Background(), ignoreDone))
	plan, err := shards.Plan(list(t, store), testHead(), o)
	require.NoError(t, err)
	return shards, plan
}

// shardBatch makes a batch of shard files, in some state, without what is refused.
func shardBatch(t testing.TB, store *batch.Store, state batch.State, paths ...string) *batch.Batch {
	t.Helper()
	_, plan := planShards(t, store, batch.Options{}, paths...)
	require.NotZero(t, plan.Leaves)
	b, err := plan.CreateShards(store)
	require.NoError(t, err)
	advanceShards(t, b, state)
	return b
}

// advanceShards is advance for documents that are elsewhere: no proof is written
// beside them.
func advanceShards(t testing.TB, b *batch.Batch, to batch.State) {
	t.Helper()
	advance(t, b, min(to, batch.Confirmed))
	if to == batch.Complete {
		finish(t, b)
	}
	require.Equal(t, to, b.State())
}

// TestShardsPlan makes a batch of some shards and plans others after it.
func TestShardsPlan(t *testing.T) {
	type want struct {
		leaves, resume, stale, complete, done, void, reissued int
		refusals                                              []string
	}
	// The shards that the cases are about, by name.
	shards := map[string][]string{
		"a":      {"1.pdf=one", "2.pdf=two"},
		"b":      {"1.pdf=three", "deep/2.pdf=four"},
		"new":    {"1.pdf=five"},
		"twin":   {"0.pdf=one", "9.pdf=nine"},                 // another salt than a has
		"moved":  {"x.pdf=one#a/1.pdf", "y.pdf=two#a/2.pdf"},  // the leaves of a under another name
		"both":   {"1.pdf=one#a/1.pdf", "8.pdf=eight"},        // one leaf of a, one of nobody
		"inside": {"1.pdf=same", "2.pdf=same", "3.pdf=other"}, // which no worker writes
	}
	all := func(*batch.Batch, int) bool { return true }
	for _, c := range []struct {
		name  string
		first []string // shards of the batch that is there before
		state batch.State
		other func(h *batch.Head) // makes it one of another network or issuer
		then  []string
		o     batch.Options
		want  want
	}{
		{name: "nothing was before", then: []string{"b", "a"}, want: want{leaves: 4}},
		{name: "a twin in two shards", then: []string{"twin", "a"},
			want: want{leaves: 3, refusals: []string{"leaves:twin/0.pdf: has the same content as leaves:a/1.pdf"}}},
		{name: "a twin in one shard", then: []string{"inside"},
			want: want{leaves: 2, refusals: []string{"leaves:inside/2.pdf: has the same content as leaves:inside/1.pdf"}}},
		{name: "the same leaves in two shards", then: []string{"moved", "a"},
			want: want{leaves: 2, refusals: []string{
				"leaves:moved/x.pdf: has the same content as leaves:a/1.pdf", "leaves:moved/y.pdf: has the same content as leaves:a/2.pdf"}}},
		{name: "all of it again", first: []string{"a", "b"}, state: batch.Complete, then: []string{"b", "a"}, want: want{complete: 1, done: 4}},
		{name: "one shard of it", first: []string{"a", "b"}, state: batch.Complete, then: []string{"b"}, want: want{complete: 1, done: 2}},
		{name: "one shard more", first: []string{"a", "b"}, state: batch.Complete, then: []string{"a", "b", "new"}, want: want{leaves: 1, complete: 1, done: 4}},
		{name: "under another name", first: []string{"a"}, state: batch.Complete, then: []string{"moved"}, want: want{complete: 1, done: 2}},
		{name: "one known and one new leaf", first: []string{"a"}, state: batch.Complete, then: []string{"both"}, want: want{leaves: 1, complete: 1, done: 1}},
		{name: "issued with another salt", first: []string{"a"}, state: batch.Complete, then: []string{"twin"},
			want: want{leaves: 1, refusals: []string{"leaves:twin/0.pdf: was issued before, in batch ID as leaves:a/1.pdf"}}},
		{name: "begun and not finished", first: []string{"a", "b"}, state: batch.Signed, then: []string{"a", "b"}, want: want{resume: 1}},
		{name: "begun, and one shard more", first: []string{"a"}, state: batch.Funded, then: []string{"a", "b"}, want: want{leaves: 2, resume: 1}},
		{name: "signed with another salt", first: []string{"a"}, state: batch.Signed, then: []string{"twin"},
			want: want{leaves: 1, refusals: []string{"leaves:twin/0.pdf: was issued before, in batch ID as leaves:a/1.pdf"}}},
		{name: "planned of the same", first: []string{"a", "b"}, state: batch.Planned, then: []string{"a", "b"}, want: want{resume: 1}},
		{name: "planned of the same leaves under other names", first: []string{"a"}, state: batch.Planned, then: []string{"moved"}, want: want{resume: 1}},
		{name: "planned of less", first: []string{"a"}, state: batch.Planned, then: []string{"a", "b"}, want: want{leaves: 4, stale: 1}},
		{name: "planned of more", first: []string{"a", "b"}, state: batch.Planned, then: []string{"a"}, want: want{leaves: 2, stale: 1}},
		{name: "planned of others", first: []string{"a"}, state: batch.Planned, then: []string{"b"}, want: want{leaves: 2}},
		{name: "planned with another salt", first: []string{"a"}, state: batch.Planned, then: []string{"twin"}, want: want{leaves: 2}},
		{name: "on another network", first: []string{"a"}, state: batch.Complete, other: func(h *batch.Head) { h.Network = bitcoin.Signet },
			then: []string{"a"}, want: want{leaves: 2}},
		{name: "of another issuer", first: []string{"a"}, state: batch.Complete, other: func(h *batch.Head) { h.Issuer = "other.example" },
			then: []string{"twin"}, want: want{leaves: 2}},
		{name: "void", first: []string{"a"}, state: batch.Complete, then: []string{"a", "b"}, o: batch.Options{Void: all}, want: want{leaves: 2, void: 2}},
		{name: "void, with another salt", first: []string{"a"}, state: batch.Complete, then: []string{"twin"}, o: batch.Options{Void: all}, want: want{leaves: 1, void: 1}},
		{name: "reissued", first: []string{"a"}, state: batch.Complete, then: []string{"twin"}, o: batch.Options{Void: all, Reissue: true}, want: want{leaves: 2, reissued: 1}},
		{name: "reissued with the old salt", first: []string{"a"}, state: batch.Complete, then: []string{"both"}, o: batch.Options{Void: all, Reissue: true},
			want: want{leaves: 1, refusals: []string{"leaves:both/1.pdf: holds no more in batch ID, and would not in another with the same salt: make another shard file of it"}}},
		{name: "reissued, and it holds", first: []string{"a"}, state: batch.Complete, then: []string{"twin"}, o: batch.Options{Reissue: true},
			want: want{leaves: 1, refusals: []string{"leaves:twin/0.pdf: was issued before, in batch ID as leaves:a/1.pdf"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			store, _ := newStore(t)
			dir := t.TempDir()
			files := func(names []string) (paths []string) {
				for _, name := range names {
					paths = append(paths, writeShard(t, dir, name, shards[name]...))
				}
				return paths
			}
			id := ""
			if c.first != nil {
				s, err := batch.OpenShards(files(c.first))
				require.NoError(t, err)
				require.NoError(t, s.Read(context.Background(), ignoreDone))
				head := testHead()
				if c.other != nil {
					c.other(&head)
				}
				plan, err := s.Plan(nil, head, batch.Options{})
				require.NoError(t, err)
				b, err := plan.CreateShards(store)
				require.NoError(t, err)
				if c.other == nil { // the statements of the tests are of one issuer
					advanceShards(t, b, c.state)
				}
				id = b.ID
			}
			_, p := planShards(t, store, c.o, files(c.then)...)
			got := want{p.Leaves, len(p.Resume), len(p.Stale), len(p.Complete), p.Done, p.Void, p.Reissued, nil}
			for _, f := range p.Refusals {
				got.refusals = append(got.refusals, f.Path+": "+strings.ReplaceAll(f.Text, cmp.Or(id, "no batch"), "ID"))
			}
			require.Equal(t, c.want, got)
			require.Empty(t, p.Warnings)
			if p.Leaves == 0 {
				return
			}
			b, err := p.CreateShards(store)
			require.NoError(t, err)
			require.Len(t, b.Documents, c.want.leaves)
			require.Len(t, b.ShardFiles, len(c.then), "where answers are written")
		})
	}
}

// What was left out of a batch is left out again by the same command: the plan is
// made of the rows, and counts those of the batch only.
func TestShardsPlanWithoutTheRefused(t *testing.T) {
	store, _ := newStore(t)
	dir := t.TempDir()
	paths := []string{writeShard(t, dir, "a", "1.pdf=one"), writeShard(t, dir, "b", "1.pdf=one", "2.pdf=two")}
	b := shardBatch(t, store, batch.Complete, paths...)
	require.Len(t, b.Documents, 2)
	shards, p := planShards(t, store, batch.Options{}, paths...)
	require.False(t, shards.IsAllOf(reload(t, store, b)), "not all rows are in it")
	require.Zero(t, p.Leaves)
	require.Equal(t, 2, p.Done)
	require.Equal(t, []batch.Finding{{Path: "leaves:b/1.pdf", Text: "has the same content as leaves:a/1.pdf"}}, p.Refusals)
}

// Shards that are all of a batch are known by their last lines, and no row is read.
func TestShardsPlanAgain(t *testing.T) {
	dir := t.TempDir()
	a, b := writeShard(t, dir, "a", "1.pdf=one", "2.pdf=two"), writeShard(t, dir, "b", "1.pdf=three")
	other := writeShard(t, dir, "c", "1.pdf=four")
	again := writeShard(t, filepath.Join(dir, "again"), "a", "1.pdf=one#drawn", "2.pdf=two#again")
	moved := filepath.Join(t.TempDir(), "elsewhere")
	require.NoError(t, os.WriteFile(moved, []byte(readFile(t, a)), 0o600))
	for state := batch.Planned; state <= batch.Complete; state++ {
		t.Run(state.String(), func(t *testing.T) {
			store, _ := newStore(t)
			made := reload(t, store, shardBatch(t, store, state, a, b))
			for _, c := range []struct {
				name  string
				paths []string
				is    bool
			}{
				{"these", []string{a, b}, true}, {"in another order", []string{b, a}, true}, {"one of them moved", []string{moved, b}, true},
				{"one of them", []string{a}, false}, {"one more", []string{a, b, other}, false}, {"another one", []string{a, other}, false},
				{"the same documents with other salts", []string{again, b}, false},
			} {
				s, err := batch.OpenShards(c.paths)
				require.NoError(t, err)
				require.Equal(t, c.is && state > batch.Planned, s.IsAllOf(made), c.name)
			}
			if state == batch.Planned { // nothing was signed: its rows are read
				return
			}
			s, err := batch.OpenShards([]string{a, b})
			require.NoError(t, err)
			p := s.PlanAgain(made)
			require.Zero(t, p.Leaves)
			if state == batch.Complete {
				require.Equal(t, []*batch.Batch{made}, p.Complete)
				require.Equal(t, 3, p.Done)
				require.Empty(t, p.Resume)
			} else {
				require.Equal(t, []*batch.Batch{made}, p.Resume)
				require.Zero(t, p.Done)
				require.Empty(t, p.Complete)
			}
			_, read := planShards(t, store, batch.Options{}, a, b)
			require.Equal(t, ids(read.Complete), ids(p.Complete), "as if the rows had been read")
			require.Equal(t, ids(read.Resume), ids(p.Resume))
			require.Equal(t, read.Done, p.Done)
		})
	}
}

// A document that was issued again counts as issued again in that plan, and not in
// the next one, in whatever order the batches are listed.
func TestShardsPlanReissuedOnce(t *testing.T) {
	store, _ := newStore(t)
	dir := t.TempDir()
	old := shardBatch(t, store, batch.Complete, writeShard(t, dir, "a", "1.pdf=one"))
	o := batch.Options{Void: func(b *batch.Batch, _ int) bool { return b.ID == old.ID }, Reissue: true}
	again := writeShard(t, dir, "again", "1.pdf=one")
	_, p := planShards(t, store, o, again)
	require.Equal(t, 1, p.Reissued)
	b, err := p.CreateShards(store)
	require.NoError(t, err)
	advanceShards(t, b, batch.Complete)
	all := list(t, store)
	for range 2 {
		shards, err := batch.OpenShards([]string{again})
		require.NoError(t, err)
		require.NoError(t, shards.Read(context.Background(), ignoreDone))
		p, err := shards.Plan(all, testHead(), o)
		require.NoError(t, err)
		require.Zero(t, p.Leaves)
		require.Zero(t, p.Reissued)
		require.Zero(t, p.Void)
		require.Equal(t, []string{b.ID}, ids(p.Complete))
		slices.Reverse(all)
	}
}

// A shard whose rows were forgotten is known by its leaf hashes.
func TestShardsPlanForgotten(t *testing.T) {
	store, _ := newStore(t)
	dir := t.TempDir()
	a, b := writeShard(t, dir, "a", "1.pdf=one", "2.pdf=two"), writeShard(t, dir, "b", "1.pdf=three")
	made := shardBatch(t, store, batch.Complete, a, b)
	require.NoError(t, made.Forget([]int{slices.IndexFunc(made.Documents, func(d batch.Document) bool { return d.Path == "leaves:a/1.pdf" })}))
	_, p := planShards(t, store, batch.Options{}, a)
	require.Zero(t, p.Leaves)
	require.Empty(t, p.Refusals)
	require.Equal(t, 2, p.Done)
	require.Equal(t, []string{made.ID}, ids(p.Complete))
}

func TestOpenShardsRefuses(t *testing.T) {
	dir := t.TempDir()
	a := writeShard(t, dir, "a", "1.pdf=one")
	data := []byte(readFile(t, a))
	other := writeShard(t, filepath.Join(dir, "other"), "a", "1.pdf=two")
	for _, c := range []struct {
		name  string
		paths []string
		fault string
	}{
		{"twice", []string{a, a}, a + ": is named twice"},
		{"in two spellings", []string{a, filepath.Dir(a) + "/./" + filepath.Base(a)}, "is named twice"},
		{"copied", []string{a, write(t, filepath.Join(dir, "copy.leaves"), data)}, "copy.leaves: is shard a, and so is " + a},
		{"of one name", []string{a, other}, "is shard a, and so is " + a},
		{"not there", []string{a, filepath.Join(dir, "none")}, "no such file"},
		{"no shard", []string{write(t, filepath.Join(dir, "x"), pdf("x"))}, "is not a shard file"},
		{"cut off", []string{write(t, filepath.Join(dir, "cut"), data[:len(data)-10])}, "is not complete"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := batch.OpenShards(c.paths)
			require.ErrorContains(t, err, c.fault)
		})
	}
}

// What the first and last lines do not show is found when the rows are read.
func TestReadShardsRefuses(t *testing.T) {
	dir := t.TempDir()
	a := []byte(readFile(t, writeShard(t, dir, "a", "1.pdf=one", "2.pdf=two")))
	for _, c := range []struct {
		name, path, fault string
	}{
		{"without a row", writeShard(t, dir, "empty"), "has no documents"},
		{"edited", write(t, filepath.Join(dir, "edited"), bytes.Replace(a, []byte("1.pdf"), []byte("0.pdf"), 1)), "does not match its last line"},
	} {
		t.Run(c.name, func(t *testing.T) {
			good := writeShard(t, dir, "good", "1.pdf=three")
			shards, err := batch.OpenShards([]string{good, c.path})
			require.NoError(t, err)
			err = shards.Read(context.Background(), ignoreDone)
			require.ErrorContains(t, err, c.path+": ")
			require.ErrorContains(t, err, c.fault)
		})
	}
}

// answered makes a batch of a shard on a network, and has its worker read the answer.
func answered(t testing.TB, network bitcoin.Network, shardFile string) *batch.Batch {
	t.Helper()
	store, _ := newStore(t)
	shards, err := batch.OpenShards([]string{shardFile})
	require.NoError(t, err)
	require.NoError(t, shards.Read(context.Background(), ignoreDone))
	head := testHead()
	head.Network = network
	plan, err := shards.Plan(nil, head, batch.Options{})
	require.NoError(t, err)
	b, err := plan.CreateShards(store)
	require.NoError(t, err)
	advanceShards(t, b, batch.Complete)
	file, err := leaves.Open(shardFile)
	require.NoError(t, err)
	answer, err := b.Answer(file)
	require.NoError(t, err)
	worker, missing, err := batch.Answered(file, answer)
	require.NoError(t, err)
	require.Empty(t, missing)
	return worker
}

// What is in the place of a proof gives way to the proof of an answer or does not, by
// network and evidence, and by what --replace lets be overwritten.
func TestAnswerKeepsWhatCounts(t *testing.T) {
	dir := t.TempDir()
	shard := writeShard(t, dir, "a", "1.pdf=one", "2.pdf=two")
	// The same documents with other salts: of another key or an earlier time.
	other := writeShard(t, filepath.Join(dir, "other"), "a", "1.pdf=one#x", "2.pdf=two#y")
	edit := func(data []byte, change func(p *proof.Proof)) []byte {
		p, err := proof.Parse(data)
		require.NoError(t, err)
		change(p)
		data, err = proof.Marshal(p)
		require.NoError(t, err)
		return data
	}
	pending := func(p *proof.Proof) { p.Bitcoin = nil }
	anotherBlock := func(p *proof.Proof) {
		block := *p.Bitcoin
		block.Height++
		p.Bitcoin = &block
	}
	moreSuccessors := func(p *proof.Proof) {
		block := *p.Bitcoin
		block.Successors = append(slices.Clip(block.Successors), bitcoin.Header{})
		p.Bitcoin = &block
	}
	const counts = "has another proof with the evidence of a block of a network that counts, which was not overwritten"
	const inTheWay = "has something in the place of its proof, which was not overwritten"
	for _, c := range []struct {
		name   string
		have   bitcoin.Network
		shard  string
		change func(p *proof.Proof)
		answer bitcoin.Network
		// why it is kept: as it is, with --replace, with --replace-confirmed; empty: it is
		// overwritten
		plain, replace, confirmed string
	}{
		{"a rehearsal", bitcoin.Regtest, shard, nil, bitcoin.Mainnet, inTheWay, "", ""},
		{"a rehearsal of others", bitcoin.Signet, other, nil, bitcoin.Regtest, inTheWay, "", ""},
		{"confirmed", bitcoin.Mainnet, other, nil, bitcoin.Mainnet, counts, counts, ""},
		{"confirmed, and the answer is of a rehearsal", bitcoin.Mainnet, other, nil, bitcoin.Regtest, counts, counts, inTheWay},
		{"pending", bitcoin.Mainnet, other, pending, bitcoin.Mainnet, inTheWay, "", ""},
		{"pending, and the answer is of a rehearsal", bitcoin.Mainnet, other, pending, bitcoin.Regtest, inTheWay, inTheWay, inTheWay},
		{"pending, of this batch", bitcoin.Mainnet, shard, pending, bitcoin.Mainnet, "", "", ""},
		{"of this batch with another block", bitcoin.Mainnet, shard, anotherBlock, bitcoin.Mainnet, counts, counts, ""},
		{"of this batch, looked at later", bitcoin.Mainnet, shard, moreSuccessors, bitcoin.Mainnet, "", "", ""},
		{"of this rehearsal with another block", bitcoin.Regtest, shard, anotherBlock, bitcoin.Regtest, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			from, worker := answered(t, c.have, c.shard), answered(t, c.answer, shard)
			var have [][]byte
			for i := range from.Documents {
				data, err := from.Proof(i)
				require.NoError(t, err)
				if c.change != nil {
					data = edit(data, c.change)
				}
				have = append(have, data)
			}
			for i, fault := range []string{c.plain, c.replace, c.confirmed} {
				if i > 0 {
					worker.ReplaceOthers(i > 1)
				}
				out := t.TempDir()
				var places []batch.Place
				for i, d := range worker.Documents {
					path := filepath.Join(out, d.Path)
					write(t, proofBeside(path), have[i])
					places = append(places, batch.Place{Index: i, Document: path})
					want, err := worker.Proof(i)
					require.NoError(t, err)
					require.Equal(t, fault, worker.KeepsOther(have[i], want), "as for an object of a store")
				}
				done, err := worker.WriteAgain(context.Background(), places, func(int, []byte) error { return nil }, func() {})
				require.NoError(t, err)
				if fault == "" {
					require.Equal(t, batch.Again{Written: 2}, done)
				} else {
					require.Equal(t, []batch.Finding{{Path: places[0].Document, Text: fault}, {Path: places[1].Document, Text: fault}}, done.Left)
					require.Equal(t, string(have[0]), readFile(t, proofBeside(places[0].Document)))
				}
			}
		})
	}
}

// What a process that was killed left beside an answer goes with the next try, and
// nothing of others does.
func TestWriteAnswerSweeps(t *testing.T) {
	store, _ := newStore(t)
	path := writeShard(t, t.TempDir(), "a", "1.pdf=one")
	b := shardBatch(t, store, batch.Complete, path)
	left := write(t, filepath.Join(filepath.Dir(path), ".gradseal-"+b.ID+"-1234"), []byte("the beginning of"))
	others := write(t, filepath.Join(filepath.Dir(path), ".gradseal-20261122-00000000-1234"), []byte("at work"))
	file, err := leaves.Open(path)
	require.NoError(t, err)
	for _, wrote := range []bool{true, false} {
		got, err := b.WriteAnswer(file, batch.AnswerPath(path), list(t, store))
		require.NoError(t, err)
		require.Equal(t, wrote, got)
	}
	require.NoFileExists(t, left)
	require.FileExists(t, others)
}

// planOf reads shard files and plans, and returns the error.
func planOf(t testing.TB, paths ...string) error {
	t.Helper()
	shards, err := batch.OpenShards(paths)
	require.NoError(t, err)
	require.NoError(t, shards.Read(context.Background(), ignoreDone))
	_, err = shards.Plan(nil, testHead(), batch.Options{})
	return err
}

// Two documents with one salt are refused, in one shard and in two. One leaf twice is a
// twin, and nothing more.
func TestShardsPlanRefusesEqualSalts(t *testing.T) {
	dir := t.TempDir()
	a := writeShard(t, dir, "a", "1.pdf=one#zero", "2.pdf=two", "3.pdf=three")
	one := writeShard(t, dir, "one", "4.pdf=four#x", "5.pdf=five", "6.pdf=six#x")
	b := writeShard(t, dir, "b", "7.pdf=seven", "8.pdf=eight#zero")
	twins := writeShard(t, dir, "twins", "1.pdf=one#zero", "9.pdf=one#zero")
	const broken = ": the random numbers of the machine that made the shard file are broken"
	require.NoError(t, planOf(t, a))
	require.NoError(t, planOf(t, a, twins))
	require.EqualError(t, planOf(t, one), "leaves:one/6.pdf: has the salt of leaves:one/4.pdf"+broken)
	err := planOf(t, b, a)
	require.ErrorIs(t, err, batch.ErrSalts)
	require.EqualError(t, err, "leaves:b/8.pdf: has the salt of leaves:a/1.pdf"+broken)
	require.ErrorIs(t, planOf(t, twins, b), batch.ErrSalts, "a twin between them")
}

// An answer about a network that counts gives way to none of a test network, and that of
// a rehearsal to the real one.
func TestCheckAnswerByNetwork(t *testing.T) {
	shard := writeShard(t, t.TempDir(), "a", "1.pdf=one")
	file, err := leaves.Open(shard)
	require.NoError(t, err)
	for _, c := range []struct {
		have, next bitcoin.Network
		stays      bool
	}{
		{bitcoin.Mainnet, bitcoin.Regtest, true}, {bitcoin.Mainnet, bitcoin.Signet, true}, {bitcoin.Mainnet, bitcoin.Mainnet, false},
		{bitcoin.Regtest, bitcoin.Mainnet, false}, {bitcoin.Regtest, bitcoin.Regtest, false},
	} {
		store, _ := newStore(t)
		head := testHead()
		head.Network = c.have
		shards, err := batch.OpenShards([]string{shard})
		require.NoError(t, err)
		require.NoError(t, shards.Read(context.Background(), ignoreDone))
		plan, err := shards.Plan(nil, head, batch.Options{})
		require.NoError(t, err)
		b, err := plan.CreateShards(store)
		require.NoError(t, err)
		advanceShards(t, b, batch.Complete)
		path := filepath.Join(t.TempDir(), "a.anchored")
		_, err = b.WriteAnswer(file, path, nil)
		require.NoError(t, err)
		head.Network, head.Created = c.next, head.Created.Add(time.Hour)
		err = batch.CheckAnswer(path, len(file.Rows), file.Sum, head, []*batch.Batch{b})
		require.Equal(t, c.stays, errors.Is(err, batch.ErrAnswerInTheWay), "%s after %s: %v", c.next, c.have, err)
		if !c.stays {
			require.NoError(t, err)
		}
	}
}

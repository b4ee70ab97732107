package batch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/issuer"
	"gradseal/merkle"
	"gradseal/proof"
	"gradseal/verify"
)

// The root depends on the entries alone: whatever the order of the files, the
// tree is that of the leaf hashes in ascending order.
func TestRootDoesNotDependOnTheOrder(t *testing.T) {
	for _, n := range []int{1, 2, 3, 64, 100} {
		files := fakeFiles(n)
		rand.Shuffle(n, func(i, j int) { files[i], files[j] = files[j], files[i] })
		s, _ := newStore(t)
		b := create(t, s, files)

		var leaves []merkle.Hash
		for _, d := range b.Documents {
			leaves = append(leaves, merkle.LeafHash(append(d.Salt[:], d.Digest[:]...)))
		}
		compare := func(a, b merkle.Hash) int { return bytes.Compare(a[:], b[:]) }
		require.True(t, slices.IsSortedFunc(leaves, compare))
		rand.Shuffle(n, func(i, j int) { leaves[i], leaves[j] = leaves[j], leaves[i] })
		slices.SortFunc(leaves, compare)
		tree, err := merkle.New(leaves)
		require.NoError(t, err)

		statement, err := b.NewStatement(created, nil)
		require.NoError(t, err)
		require.Equal(t, [32]byte(tree.Root()), statement.Root)
		require.EqualValues(t, n, statement.Size)
	}
}

func TestNewStatement(t *testing.T) {
	s, _ := newStore(t)
	b := create(t, s, fakeFiles(3))
	after := &issuer.After{Height: 7, Hash: bitcoin.Regtest.Genesis().Hash()}
	st, err := b.NewStatement(created.Add(time.Millisecond).In(time.FixedZone("here", 3600)), after)
	require.NoError(t, err)
	tree, err := b.Tree()
	require.NoError(t, err)
	require.Equal(t, &issuer.Statement{
		Type: issuer.Documents, Issuer: testID, Network: bitcoin.Regtest, Size: 3, Root: tree.Root(),
		Issued: created, After: after, Title: "Graduation",
	}, st)
}

func TestSaveStatementRefuses(t *testing.T) {
	s, dir := newStore(t)
	b, other := create(t, s, fakeFiles(3)), create(t, s, fakeFiles(3))
	changes := map[string]func(st *issuer.Statement){
		"another root":    func(st *issuer.Statement) { st.Root[31] ^= 1 },
		"another size":    func(st *issuer.Statement) { st.Size++ },
		"another issuer":  func(st *issuer.Statement) { st.Issuer = "uni.example" },
		"another network": func(st *issuer.Statement) { st.Network = bitcoin.Mainnet },
		"another type":    func(st *issuer.Statement) { st.Type = issuer.Batches },
	}
	bad := map[string][]byte{
		"another batch's": statementOf(t, other, func(*issuer.Statement) {}),
		"nothing":         nil,
		"no statement":    []byte("gradseal statement v1\n"),
	}
	for name, change := range changes {
		bad[name] = statementOf(t, b, change)
	}
	before := snapshot(t, dir)
	for name, signed := range bad {
		t.Run(name, func(t *testing.T) {
			require.Error(t, b.SaveStatement(signed))
			require.Equal(t, batch.Planned, b.State())
			require.Nil(t, b.Statement)
			require.Equal(t, before, snapshot(t, dir))
		})
	}
}

// What is signed and what is paid for is never replaced, by this process or by
// one that saw the batch before.
func TestStepsAreNeverReplaced(t *testing.T) {
	s, dir := newStore(t)
	b := create(t, s, fakeFiles(2))
	old := reload(t, s, b)
	sign(t, b)
	first := b.Statement
	before := snapshot(t, dir)
	second := statementOf(t, b, func(st *issuer.Statement) { st.Title = "Corrected" })
	for _, b := range []*batch.Batch{b, old, reload(t, s, b)} {
		require.ErrorIs(t, b.SaveStatement(second), fs.ErrExist)
		require.NotEqual(t, second, b.Statement)
	}
	require.ErrorIs(t, b.SaveStatement(first), fs.ErrExist)
	require.Equal(t, before, snapshot(t, dir))

	old = reload(t, s, b)
	require.ErrorContains(t, b.SaveTransaction(0, []byte("unasked")), "no request")
	request(t, b)
	require.ErrorIs(t, old.SaveRequest([]byte("another")), fs.ErrExist)
	require.Equal(t, -1, b.Newest())
	fund(t, b)
	before = snapshot(t, dir)
	for _, b := range []*batch.Batch{b, reload(t, s, b)} {
		require.ErrorIs(t, b.SaveTransaction(0, []byte("another")), fs.ErrExist)
		require.NotEqual(t, "another", string(b.Transactions[0]))
	}
	require.Equal(t, before, snapshot(t, dir))
	require.Equal(t, b.Transactions, reload(t, s, b).Transactions)
}

// TestVersions: every version of the transaction stays on disk, in order, signed
// or not, and so does what others made.
func TestVersions(t *testing.T) {
	s, dir := newStore(t)
	b := create(t, s, fakeFiles(2))
	advance(t, b, batch.Requested)
	require.True(t, b.IsOpen())
	for i := range 11 {
		require.NoError(t, b.SaveRequest(fmt.Appendf(nil, "request %d", i)))
		require.Equal(t, i < 5, reload(t, s, b).State() == batch.Requested)
		require.True(t, b.IsOpen())
		if i == 4 || i == 7 {
			require.NoError(t, b.SaveTransaction(i+1, fmt.Appendf(nil, "transaction %d", i)))
			require.False(t, b.IsOpen())
			require.Equal(t, i+1, reload(t, s, b).Newest())
		}
	}
	require.NoError(t, b.SaveFound([]byte("of somebody else")))
	require.NoError(t, b.SaveFound([]byte("of somebody else")), "once is enough")
	require.NoError(t, b.SaveFound([]byte("of a third")))
	again := reload(t, s, b)
	require.Len(t, again.Requests, 12)
	require.Equal(t, b.Requests, again.Requests)
	require.Equal(t, b.Transactions, again.Transactions)
	require.Equal(t, b.Found, again.Found)
	for _, lost := range []string{"statement", "request", "request-3"} {
		path := filepath.Join(dir, b.ID, lost)
		data := readFile(t, path)
		require.NoError(t, os.Remove(path))
		_, err := s.List()
		require.ErrorContains(t, err, lost+": is missing", lost)
		write(t, path, []byte(data))
	}
}

// TestPendingProofsAreRemembered: nothing is written again for as long as
// nothing changes.
func TestPendingProofsAreRemembered(t *testing.T) {
	s, b, _ := confirmed(t, 3)
	b = reload(t, s, b) // not final
	require.False(t, b.IsWritten())
	writeProofs(t, b)
	for _, b := range []*batch.Batch{b, reload(t, s, b)} {
		require.True(t, b.IsWritten())
	}
	require.NoError(t, b.FinalizeAttestation(b.Attestation))
	require.False(t, b.IsWritten())
	require.False(t, reload(t, s, b).IsWritten(), "some may carry the attestation by now")
	writeProofs(t, b)
	require.True(t, reload(t, s, b).IsWritten())
	require.NoError(t, b.DropAttestation())
	require.False(t, reload(t, s, b).IsWritten())
}

// TestDropAttestation: the block has left the chain, and the proofs are pending
// again.
func TestDropAttestation(t *testing.T) {
	s, b, _ := confirmed(t, 3)
	pending, err := reload(t, s, b).Proof(0)
	require.NoError(t, err)
	writeProofs(t, b)
	require.NotEqual(t, string(pending), readFile(t, proofBeside(b.Documents[0].Path)))
	b = reload(t, s, b)
	require.Equal(t, batch.Complete, b.State())
	require.NoError(t, b.DropAttestation())
	for _, b := range []*batch.Batch{b, reload(t, s, b)} {
		require.Equal(t, batch.Funded, b.State())
		writeProofs(t, b)
		require.Equal(t, batch.Funded, b.State())
		require.Equal(t, string(pending), readFile(t, proofBeside(b.Documents[0].Path)))
	}
}

func TestSaveAttestation(t *testing.T) {
	s, dir := newStore(t)
	b := create(t, s, fakeFiles(2))
	advance(t, b, batch.Confirmed)

	// What could not be read back is not written.
	before := snapshot(t, dir)
	good := *b.Attestation
	for name, change := range map[string]func(a *proof.Bitcoin){
		"short transaction": func(a *proof.Bitcoin) { a.Transaction = a.Transaction[:60] },
		"long path":         func(a *proof.Bitcoin) { a.Path = make([]bitcoin.Hash, 25) },
		"many successors":   func(a *proof.Bitcoin) { a.Successors = make([]bitcoin.Header, 13) },
	} {
		bad := good
		change(&bad)
		require.Error(t, b.SaveAttestation(&bad), name)
		require.Equal(t, &good, b.Attestation)
		require.Equal(t, before, snapshot(t, dir))
	}

	// A reorganisation puts the transaction into another block.
	moved := good
	moved.Height = 2
	require.NoError(t, b.SaveAttestation(&moved))
	require.Equal(t, uint32(2), reload(t, s, b).Attestation.Height)
}

func TestRootOfAnUnsignedBatch(t *testing.T) {
	s, _ := newStore(t)
	b := create(t, s, scan(t, documents(t, t.TempDir(), 2)...))
	_, err := b.Root()
	require.ErrorContains(t, err, "not signed")
	_, err = b.Proof(0)
	require.ErrorContains(t, err, "not signed")
	require.Error(t, b.EachProof(context.Background(), func(int, []byte) error { return nil }))
	require.Error(t, b.WriteProofs(context.Background(), nil, func() {}))
	require.Error(t, b.WriteProofAt(0, b.Documents[0].Path))
	require.NoFileExists(t, proofBeside(b.Documents[0].Path))
}

// judgeAll verifies every document of a confirmed batch as a stranger does, with
// a trust store, a header chain and a status list.
func judgeAll(t *testing.T, b *batch.Batch) *verify.Verifier {
	t.Helper()
	f := &issuer.File{ID: testID, Name: "University", Sequence: 1, Sets: []issuer.KeySet{{
		From: created.AddDate(0, 0, -1), Threshold: 1,
		Keys: []issuer.Key{{Public: testKey.PublicKey(), Holder: "Registrar"}},
	}}}
	root, err := b.Root()
	require.NoError(t, err)
	status := &issuer.StatusList{Issuer: testID, Network: bitcoin.Regtest, Sequence: 1, AsOf: created, Next: created.AddDate(0, 1, 0), Batches: [][32]byte{root}}
	text, err := status.Text()
	require.NoError(t, err)
	signed, err := issuer.SignNote(text, issuer.MaxStatus, testKey)
	require.NoError(t, err)
	_, note, err := issuer.ParseStatus(signed)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "headers")
	require.NoError(t, headers.Extend(path, bitcoin.Regtest, 1, []bitcoin.Header{b.Attestation.Header}))
	chain, err := headers.Open(path, bitcoin.Regtest)
	require.NoError(t, err)
	t.Cleanup(func() { chain.Close() })
	v, err := verify.New(
		verify.Trust{Issuers: []*issuer.File{f}, Status: []verify.StatusList{{StatusList: status, Note: note}}, Chain: chain},
		verify.Policy{Network: bitcoin.Regtest, Confirmations: 1, Now: created.Add(time.Hour)})
	require.NoError(t, err)
	return v
}

func TestProofsVerify(t *testing.T) {
	for _, n := range []int{1, 2, 7, 33} {
		s, _ := newStore(t)
		b := create(t, s, scan(t, documents(t, t.TempDir(), n)...))
		advance(t, b, batch.Complete)
		v := judgeAll(t, b)
		for i, d := range b.Documents {
			file := []byte(readFile(t, proofBeside(d.Path)))
			result := v.Verify(verify.Digest(d.Digest), file)
			require.Equal(t, verify.Valid, result.Verdict, "%+v", result)
			other := b.Documents[(i+1)%n]
			if n > 1 {
				require.Equal(t, verify.Invalid, v.Verify(verify.Digest(other.Digest), file).Verdict)
			}
			pending := &batch.Batch{ID: b.ID, Head: b.Head, Documents: b.Documents, Statement: b.Statement}
			file, err := pending.Proof(i)
			require.NoError(t, err)
			require.Equal(t, verify.Pending, v.Verify(verify.Digest(d.Digest), file).Verdict)
		}
	}
}

func TestProofOutOfRange(t *testing.T) {
	s, _ := newStore(t)
	b := create(t, s, fakeFiles(3))
	sign(t, b)
	for _, index := range []int{-1, 3, 1 << 40} {
		_, err := b.Proof(index)
		require.Error(t, err)
	}
}

func TestEachProof(t *testing.T) {
	s, _ := newStore(t)
	b := create(t, s, fakeFiles(200))
	sign(t, b)
	b = reload(t, s, b) // its tree is not built yet
	var mu sync.Mutex
	seen := make(map[int][]byte)
	require.NoError(t, b.EachProof(context.Background(), func(i int, data []byte) error {
		mu.Lock()
		defer mu.Unlock()
		seen[i] = bytes.Clone(data)
		return nil
	}))
	require.Len(t, seen, 200)
	for i, data := range seen {
		p, err := proof.Parse(data)
		require.NoError(t, err)
		require.Equal(t, b.Documents[i].Digest, p.Digest)
		require.Equal(t, uint64(i), p.Layers[0].Index)
		require.Nil(t, p.Bitcoin)
		require.NotContains(t, string(data), "nowhere", "no path in it")
	}
	failure := errors.New("no more")
	var calls atomic.Int64
	require.ErrorIs(t, b.EachProof(context.Background(), func(int, []byte) error {
		calls.Add(1)
		return failure
	}), failure)
	require.Less(t, calls.Load(), int64(200))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, b.EachProof(ctx, func(int, []byte) error { return nil }), context.Canceled)
}

// confirmed is a batch of n real documents in a folder, without its proofs.
func confirmed(t *testing.T, n int) (*batch.Store, *batch.Batch, string) {
	t.Helper()
	s, _ := newStore(t)
	dir := t.TempDir()
	b := create(t, s, scan(t, documents(t, dir, n)...))
	advance(t, b, batch.Confirmed)
	require.NoError(t, b.FinalizeAttestation(b.Attestation))
	return s, b, dir
}

func TestWriteProofs(t *testing.T) {
	s, b, dir := confirmed(t, 40)
	var done atomic.Int64
	count := func() { done.Add(1) }
	require.NoError(t, b.WriteProofs(context.Background(), nil, count))
	require.EqualValues(t, 40, done.Load())
	require.Equal(t, batch.Complete, b.State())
	require.Equal(t, batch.Complete, reload(t, s, b).State())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 80, "a proof beside each, and nothing else")
	written := make(map[string]time.Time)
	for i, d := range b.Documents {
		want, err := b.Proof(i)
		require.NoError(t, err)
		require.Equal(t, string(want), readFile(t, proofBeside(d.Path)))
		// A time of its own: a file that is written again loses it.
		require.NoError(t, os.Chtimes(proofBeside(d.Path), created, created))
		written[proofBeside(d.Path)] = created
	}
	before := snapshot(t, dir)
	for _, b := range []*batch.Batch{b, reload(t, s, b)} {
		require.NoError(t, b.WriteProofs(context.Background(), nil, count))
	}
	require.EqualValues(t, 120, done.Load())
	require.Equal(t, before, snapshot(t, dir))
	for path := range written {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.True(t, info.ModTime().Equal(created), "what is right is not written again")
	}
}

// Pending proofs do not make a batch complete, and are replaced by the
// completed ones.
func TestPendingProofsAreReplaced(t *testing.T) {
	s, _ := newStore(t)
	b := create(t, s, scan(t, documents(t, t.TempDir(), 3)...))
	advance(t, b, batch.Signed)
	for _, step := range []func(testing.TB, *batch.Batch){request, fund, attest, finish} {
		state := b.State()
		writeProofs(t, b)
		require.Equal(t, state, b.State())
		require.Equal(t, state, reload(t, s, b).State())
		for _, d := range b.Documents {
			p, err := proof.Parse([]byte(readFile(t, proofBeside(d.Path))))
			require.NoError(t, err)
			require.Nil(t, p.Bitcoin)
		}
		step(t, b)
	}
	require.Equal(t, batch.Complete, b.State())
	for _, d := range b.Documents {
		p, err := proof.Parse([]byte(readFile(t, proofBeside(d.Path))))
		require.NoError(t, err)
		require.Equal(t, b.Attestation, p.Bitcoin)
	}
}

// otherProof is a proof of another batch of the same document.
func otherProof(t *testing.T, path string) []byte {
	t.Helper()
	s, _ := newStore(t)
	b := create(t, s, scan(t, path))
	sign(t, b)
	data, err := b.Proof(0)
	require.NoError(t, err)
	return data
}

func TestForeignProofsAreNotOverwritten(t *testing.T) {
	_, b, _ := confirmed(t, 5)
	target := b.Documents[2].Path
	own, err := b.Proof(2)
	require.NoError(t, err)
	foreign := map[string][]byte{
		"text":                        []byte("my notes"),
		"one byte":                    {0x01},
		"zero bytes and another":      {0, 0, 0, 1, 0},
		"proof of another batch":      otherProof(t, target),
		"own proof, later format":     bytes.Replace(own, []byte("gradseal-proof/1"), []byte("gradseal-proof/2"), 1),
		"own proof, edited":           append([]byte(" "), own...),
		"own proof, cut off, changed": append([]byte("["), own[1:len(own)-1]...),
		"larger than any proof":       bytes.Repeat([]byte("x"), proof.MaxSize+1),
		"json, but nothing of ours":   []byte("{}\n"),
		"own proof, attestation null": bytes.Replace(own, []byte("\"attestations\": ["), []byte("\"attestations\": null, \"x\": ["), 1),
	}
	for name, data := range foreign {
		t.Run(name, func(t *testing.T) {
			path := write(t, proofBeside(target), data)
			require.NoError(t, b.WriteProofs(context.Background(), nil, func() {}))
			require.Equal(t, []batch.Finding{{Path: target, Text: "has something in the place of its proof, which was not overwritten"}}, b.Left)
			require.Equal(t, string(data), readFile(t, path))
			require.FileExists(t, proofBeside(b.Documents[4].Path), "the others have theirs")
			err := b.WriteProofAt(2, target)
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, "not overwritten")
			require.Equal(t, string(data), readFile(t, path))
			requireNoTemporary(t, filepath.Dir(path))
		})
	}
	t.Run("directory", func(t *testing.T) {
		path := proofBeside(target)
		require.NoError(t, os.Remove(path))
		require.NoError(t, os.Mkdir(path, 0o755))
		require.NoError(t, b.WriteProofs(context.Background(), nil, func() {}))
		require.Equal(t, []string{target}, leftOf(b))
		require.DirExists(t, path)
		require.NoError(t, os.Remove(path))
	})
	writeProofs(t, b)
	require.Equal(t, batch.Complete, b.State(), "once it is out of the way, the batch goes on")
}

// Own proofs of every age, and what a power cut makes of them, are replaced.
func TestOwnProofsAreReplaced(t *testing.T) {
	_, b, _ := confirmed(t, 3)
	want, err := b.Proof(0)
	require.NoError(t, err)
	pending, err := (&batch.Batch{Head: b.Head, Documents: b.Documents, Statement: b.Statement}).Proof(0)
	require.NoError(t, err)
	neighbour, err := b.Proof(1)
	require.NoError(t, err)
	p, err := proof.Parse(want)
	require.NoError(t, err)
	p.Bitcoin.Height++
	reorganised, err := proof.Marshal(p)
	require.NoError(t, err)
	for name, data := range map[string][]byte{
		"pending":              pending,
		"of another block":     reorganised,
		"of a renamed neigbor": neighbour,
		"empty":                {},
		"of zero bytes":        make([]byte, len(want)),
		"cut off":              want[:700],
		"cut off, with zeros":  append(bytes.Clone(want[:700]), make([]byte, len(want)-700)...),
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, proofBeside(b.Documents[0].Path), data)
			writeProofs(t, b)
			require.Equal(t, string(want), readFile(t, path))
		})
	}
}

// One folder of several is gone: the others get their proofs, and when it is
// back its documents get theirs.
func TestWriteProofsWithoutAFolder(t *testing.T) {
	s, _ := newStore(t)
	dir := t.TempDir()
	paths := append(documents(t, filepath.Join(dir, "a"), 10), documents(t, filepath.Join(dir, "b"), 10)...)
	b := create(t, s, scan(t, paths...))
	advance(t, b, batch.Confirmed)
	require.NoError(t, b.FinalizeAttestation(b.Attestation))
	away := filepath.Join(dir, "away")
	require.NoError(t, os.Rename(filepath.Join(dir, "b"), away))
	writeProofs(t, b)
	require.ElementsMatch(t, paths[10:], leftOf(b))
	require.Equal(t, batch.Complete, reload(t, s, b).State())
	for _, path := range paths[:10] {
		require.FileExists(t, proofBeside(path))
	}
	requireNoTemporary(t, dir)

	require.NoError(t, os.Rename(away, filepath.Join(dir, "b")))
	p := newPlan(t, s, scan(t, paths...))
	require.Equal(t, bucket{Done: 10, Rewrite: 10}, sizes(p))
	for _, is := range p.Rewrite {
		require.NoError(t, is.Batch.WriteProofAt(is.Index, is.File.Path))
	}
	require.Equal(t, bucket{Done: 20}, sizes(newPlan(t, s, scan(t, paths...))))
	requireNoTemporary(t, dir)
}

func TestWriteProofsCancelled(t *testing.T) {
	s, b, dir := confirmed(t, 100)
	ctx, cancel := context.WithCancel(context.Background())
	var done atomic.Int64
	err := b.WriteProofs(ctx, nil, func() {
		if done.Add(1) == 5 {
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, done.Load(), int64(100))
	require.Equal(t, batch.Confirmed, reload(t, s, b).State())
	requireNoTemporary(t, dir)
	writeProofs(t, b)
	require.Equal(t, batch.Complete, reload(t, s, b).State())
}

func TestWriteProofAt(t *testing.T) {
	_, b, dir := confirmed(t, 3)
	copied := write(t, filepath.Join(dir, "copy", "mine.pdf"), []byte(readFile(t, b.Documents[1].Path)))
	require.NoError(t, b.WriteProofAt(1, copied))
	want, err := b.Proof(1)
	require.NoError(t, err)
	require.Equal(t, string(want), readFile(t, proofBeside(copied)))
	require.NoFileExists(t, proofBeside(b.Documents[1].Path))
	require.Equal(t, batch.Confirmed, b.State())
}

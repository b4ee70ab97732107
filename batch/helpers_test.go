package batch_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/keys"
	"gradseal/proof"
)

const testID = "uni.example/registrar"

var created = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func testHead() batch.Head {
	return batch.Head{Network: bitcoin.Regtest, Issuer: testID, Title: "Graduation", Created: created}
}

// pdf is the smallest content that is taken for a PDF.
func pdf(text string) []byte { return []byte("%PDF-1.7\n" + text + "\n%%EOF\n") }

func write(t testing.TB, path string, data []byte) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, data, 0o644))
	return path
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

// documents writes n different PDFs and returns their paths in order.
func documents(t testing.TB, dir string, n int) []string {
	t.Helper()
	paths := make([]string, n)
	for i := range paths {
		paths[i] = write(t, filepath.Join(dir, fmt.Sprintf("s%02d.pdf", i)), pdf(fmt.Sprintf("%s %d", dir, i)))
	}
	return paths
}

func ignoreTotal(int, int64) {}
func ignoreDone(int64)       {}

// scan reads the documents at the paths, which must all be in order.
func scan(t testing.TB, paths ...string) []batch.File {
	t.Helper()
	s, err := batch.Read(context.Background(), paths, ignoreTotal, ignoreDone)
	require.NoError(t, err)
	require.Empty(t, s.Refusals)
	return s.Files
}

// fakeFiles are files that were never on disk, for what does not look there.
func fakeFiles(n int) []batch.File {
	files := make([]batch.File, n)
	for i := range files {
		path := fmt.Sprintf("/nowhere/%06d.pdf", i)
		files[i] = batch.File{Path: path, Size: int64(200_000 + i), Digest: sha256.Sum256([]byte(path))}
	}
	return files
}

func newStore(t testing.TB) (*batch.Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "batches")
	return batch.Open(dir), dir
}

func create(t testing.TB, s *batch.Store, files []batch.File) *batch.Batch {
	t.Helper()
	b, err := s.Create(testHead(), files)
	require.NoError(t, err)
	return b
}

func list(t testing.TB, s *batch.Store) []*batch.Batch {
	t.Helper()
	all, err := s.List()
	require.NoError(t, err)
	return all
}

// reload returns the batch as it is on disk.
func reload(t testing.TB, s *batch.Store, b *batch.Batch) *batch.Batch {
	t.Helper()
	for _, other := range list(t, s) {
		if other.ID == b.ID {
			return other
		}
	}
	require.FailNow(t, "no such batch", b.ID)
	return nil
}

var testKey = func() *keys.Key {
	k, err := keys.Generate(testID)
	if err != nil {
		panic(err)
	}
	return k
}()

func statementOf(t testing.TB, b *batch.Batch, change func(s *issuer.Statement)) []byte {
	t.Helper()
	s, err := b.NewStatement(created, nil)
	require.NoError(t, err)
	change(s)
	text, err := s.Text()
	require.NoError(t, err)
	signed, err := issuer.SignNote(text, issuer.MaxStatement, testKey)
	require.NoError(t, err)
	return signed
}

func sign(t testing.TB, b *batch.Batch) {
	t.Helper()
	require.NoError(t, b.SaveStatement(statementOf(t, b, func(*issuer.Statement) {})))
}

// transaction is one that commits to the batch: an input, and the output with
// the commitment.
func transaction(t testing.TB, b *batch.Batch) []byte {
	t.Helper()
	root, err := b.Root()
	require.NoError(t, err)
	raw := []byte{2, 0, 0, 0, 1}
	raw = append(raw, sha256Of("a coin")...)
	raw = append(raw, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1)
	raw = append(raw, make([]byte, 8)...)
	raw = append(raw, byte(len(proof.Commitment(root))))
	raw = append(raw, proof.Commitment(root)...)
	return append(raw, 0, 0, 0, 0)
}

func sha256Of(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

func request(t testing.TB, b *batch.Batch) {
	t.Helper()
	require.NoError(t, b.SaveRequest([]byte("what is to be signed")))
}

func fund(t testing.TB, b *batch.Batch) {
	t.Helper()
	require.NoError(t, b.SaveTransaction(len(b.Requests)-1, transaction(t, b)))
}

// attestation puts the transaction into the first block after genesis.
func attestation(t testing.TB, raw []byte) *proof.Bitcoin {
	t.Helper()
	tx, err := bitcoin.ParseTransaction(raw)
	require.NoError(t, err)
	ids := []bitcoin.Hash{bitcoin.Hash(sha256Of("coinbase")), tx.ID()}
	path, err := bitcoin.InclusionPath(ids, 1)
	require.NoError(t, err)
	return &proof.Bitcoin{
		Transaction: raw, Position: 1, Path: path, Height: 1, Successors: []bitcoin.Header{},
		Header: mine(bitcoin.Regtest.Genesis(), bitcoin.MerkleRoot(ids)),
	}
}

// mine returns a regtest header on top of another: half of all nonces do.
func mine(below bitcoin.Header, root bitcoin.Hash) (h bitcoin.Header) {
	previous := below.Hash()
	binary.LittleEndian.PutUint32(h[0:], 4)
	copy(h[4:], previous[:])
	copy(h[36:], root[:])
	binary.LittleEndian.PutUint32(h[68:], uint32(created.Unix()))
	binary.LittleEndian.PutUint32(h[72:], 0x207fffff)
	for nonce := uint32(0); h.CheckWork() != nil; nonce++ {
		binary.LittleEndian.PutUint32(h[76:], nonce)
	}
	return h
}

func attest(t testing.TB, b *batch.Batch) {
	t.Helper()
	require.NoError(t, b.SaveAttestation(attestation(t, b.Transactions[0])))
}

func writeProofs(t testing.TB, b *batch.Batch) {
	t.Helper()
	require.NoError(t, b.WriteProofs(context.Background(), nil, func() {}))
}

// finish finds the block of a confirmed batch deep enough, and writes its proofs.
func finish(t testing.TB, b *batch.Batch) {
	t.Helper()
	require.NoError(t, b.FinalizeAttestation(b.Attestation))
	writeProofs(t, b)
}

// advance takes a batch as far as the state.
func advance(t testing.TB, b *batch.Batch, to batch.State) {
	t.Helper()
	steps := []func(testing.TB, *batch.Batch){sign, request, fund, attest, finish}
	for s := b.State(); s < to; s++ {
		steps[s](t, b)
	}
	require.Equal(t, to, b.State())
}

// snapshot is every name below dir with its mode and content.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		all[path] = info.Mode().String()
		if d.Type().IsRegular() {
			all[path] += " " + readFile(t, path)
		}
		return nil
	})
	require.NoError(t, err)
	return all
}

// requireNoTemporary: nothing was left behind under a name of ours.
func requireNoTemporary(t testing.TB, dir string) {
	t.Helper()
	for path := range snapshot(t, dir) {
		require.False(t, strings.HasPrefix(filepath.Base(path), ".tmp-"), path)
	}
}

func proofBeside(path string) string { return path + proof.Suffix }

// leftOf are the paths of the documents that got no proof.
func leftOf(b *batch.Batch) []string {
	var paths []string
	for _, f := range b.Left {
		paths = append(paths, f.Path)
	}
	return paths
}

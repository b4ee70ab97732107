package leaves_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/batch/leaves"
	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/merkle"
)

// signer signs with a real Ed25519 key, the same in every run.
type signer struct{ ed25519.PrivateKey }

func (s signer) Name() string { return "uni.example" }
func (s signer) PublicKey() issuer.PublicKey {
	return issuer.PublicKey(s.Public().(ed25519.PublicKey))
}
func (s signer) KeyHash() uint32                  { return s.PublicKey().ID(s.Name()) }
func (s signer) Sign(text []byte) ([]byte, error) { return ed25519.Sign(s.PrivateKey, text), nil }

func statementOf(t testing.TB, tree *merkle.Tree, typ issuer.Type) []byte {
	t.Helper()
	s := issuer.Statement{
		Type: typ, Issuer: "uni.example", Network: bitcoin.Regtest, Size: tree.Size(), Root: tree.Root(),
		Issued: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC),
	}
	text, err := s.Text()
	require.NoError(t, err)
	signed, err := issuer.SignNote(text, issuer.MaxStatement, signer{ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))})
	require.NoError(t, err)
	return signed
}

// answerOf answers some leaves of a tree, and returns their hashes, too.
func answerOf(t testing.TB, tree *merkle.Tree, some []uint32) (*leaves.Answer, []merkle.Hash) {
	t.Helper()
	a := &leaves.Answer{
		Batch: "20261122-10b7b705", Shard: head.Name, Sum: [32]byte{9},
		Statement: statementOf(t, tree, issuer.Documents), Given: []merkle.Hash{},
	}
	hashes := make([]merkle.Hash, len(some))
	for i, index := range some {
		hashes[i] = tree.Leaf(uint64(index))
		a.Indexes = append(a.Indexes, int64(index))
	}
	_, err := leaves.NewNodes(tree.Size(), some, hashes, func(level int, index uint64) (merkle.Hash, error) {
		a.Given = append(a.Given, tree.Node(level, index))
		return tree.Node(level, index), nil
	})
	require.NoError(t, err)
	return a, hashes
}

func TestAnswerIsReadAsWritten(t *testing.T) {
	tree := treeOf(t, 300)
	for _, n := range []int{1, 7, 300} {
		a, hashes := answerOf(t, tree, someOf(300, n))
		data, err := a.Marshal()
		require.NoError(t, err)
		got, err := leaves.ParseAnswer(data, n)
		require.NoError(t, err)
		require.Equal(t, a, got)
		nodes, err := got.Nodes(hashes)
		require.NoError(t, err)
		require.Equal(t, tree.Root(), nodes.Root())
	}
}

// No byte of an answer can be another one, none is missing and none is added.
func TestAnswerThatWasEdited(t *testing.T) {
	a, _ := answerOf(t, treeOf(t, 20), someOf(20, 3))
	data, err := a.Marshal()
	require.NoError(t, err)
	for i := range data {
		edited := bytes.Clone(data)
		edited[i] ^= 1
		_, err := leaves.ParseAnswer(edited, 3)
		require.Error(t, err, "byte %d", i)
		_, err = leaves.ParseAnswer(data[:i], 3)
		require.Error(t, err, "%d bytes", i)
	}
	_, err = leaves.ParseAnswer(append(bytes.Clone(data), 0), 3)
	require.Error(t, err)
}

// A hostile answer is held to the size that it can have before anything is allocated,
// in bytes and in leaves.
func TestAnswerThatIsTooLarge(t *testing.T) {
	a, _ := answerOf(t, treeOf(t, 20), someOf(20, 3))
	data, err := a.Marshal()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "x.anchored")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	_, err = leaves.OpenAnswer(path, 3)
	require.NoError(t, err)
	_, err = leaves.OpenAnswer(path, 4)
	require.ErrorContains(t, err, "is the answer to another shard file, of the name "+head.Name+": it answers 3 leaves, want 4")
	require.NoError(t, os.Truncate(path, 1<<30)) // a sparse file
	_, err = leaves.OpenAnswer(path, 3)
	require.ErrorContains(t, err, "is no answer to this shard file: want a file of at most")
}

// An answer with a right checksum is still believed in nothing.
func TestAnswerThatDoesNotLeadToTheRoot(t *testing.T) {
	tree := treeOf(t, 100)
	some := []uint32{3, 4, 50, 99}
	faults := map[string]struct {
		change func(*leaves.Answer, []merkle.Hash)
		text   string
	}{
		"another node":     {func(a *leaves.Answer, _ []merkle.Hash) { a.Given[2][0] ^= 1 }, "does not lead from"},
		"another leaf":     {func(_ *leaves.Answer, h []merkle.Hash) { h[1][0] ^= 1 }, "does not lead from"},
		"two leaves":       {func(_ *leaves.Answer, h []merkle.Hash) { h[0], h[1] = h[1], h[0] }, "does not lead from"},
		"another index":    {func(a *leaves.Answer, _ []merkle.Hash) { a.Indexes[2] = 52 }, "does not lead from"},
		"index too high":   {func(a *leaves.Answer, _ []merkle.Hash) { a.Indexes[3] = 100 }, "less than the tree size"},
		"a node too few":   {func(a *leaves.Answer, _ []merkle.Hash) { a.Given = a.Given[1:] }, "more are needed"},
		"a node too many":  {func(a *leaves.Answer, _ []merkle.Hash) { a.Given = append(a.Given, merkle.Hash{}) }, "nodes, want"},
		"a leaf left out":  {func(a *leaves.Answer, _ []merkle.Hash) { a.Indexes[0] = -1 }, ""},
		"all leaves":       {func(a *leaves.Answer, _ []merkle.Hash) { clear(a.Indexes); a.Indexes = []int64{-1, -1, -1, -1} }, "0 leaf indexes"},
		"another tree":     {func(a *leaves.Answer, _ []merkle.Hash) { a.Statement = statementOf(t, treeOf(t, 99), issuer.Documents) }, ""},
		"a tree of trees":  {func(a *leaves.Answer, _ []merkle.Hash) { a.Statement = statementOf(t, tree, issuer.Batches) }, "does not lead from"},
		"another shard":    {func(a *leaves.Answer, _ []merkle.Hash) { a.Indexes = a.Indexes[:3] }, "answers 3 leaves"},
		"an unsigned text": {func(a *leaves.Answer, _ []merkle.Hash) { a.Statement = []byte("x") }, ""},
	}
	for name, f := range faults {
		a, hashes := answerOf(t, tree, some)
		_, err := a.Nodes(hashes)
		require.NoError(t, err)
		f.change(a, hashes)
		_, err = a.Nodes(hashes)
		require.ErrorContains(t, err, f.text, name)
	}
}

// For m leaves of n, at most m(1 + log2(n/m)) nodes and those of one path are given:
// the arithmetic of docs/scale.md.
func TestAnswerIsAsSmallAsItSays(t *testing.T) {
	a, _ := answerOf(t, treeOf(t, 1<<16), someOf(1<<16, 1<<11)) // one of 32
	require.LessOrEqual(t, len(a.Given), (1<<11)*(1+5)+16)
	data, err := a.Marshal()
	require.NoError(t, err)
	require.LessOrEqual(t, len(data), 33*len(a.Given)+2*len(a.Indexes)+1000)
}

func FuzzParseAnswer(f *testing.F) {
	a, _ := answerOf(f, treeOf(f, 20), []uint32{1, 2, 19})
	data, err := a.Marshal()
	require.NoError(f, err)
	f.Add(data[:len(data)-32])
	f.Fuzz(func(t *testing.T, body []byte) {
		// The checksum is right: what is behind it is what is looked at.
		sum := sha256.Sum256(body)
		data := append(bytes.Clone(body), sum[:]...)
		a, err := leaves.ParseAnswer(data, 3)
		if err != nil {
			require.Nil(t, a)
			return
		}
		again, err := a.Marshal()
		require.NoError(t, err)
		require.Equal(t, data, again)
		a.Nodes(make([]merkle.Hash, len(a.Indexes)))
	})
}

func FuzzReadLog(f *testing.F) {
	f.Add(logOf(f, rowsOf(3)))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows := make(map[string]leaves.Row)
		_, end, err := leaves.ReadLog(bytes.NewReader(data), rows)
		require.LessOrEqual(t, end, int64(len(data)))
		if err == nil {
			again := make(map[string]leaves.Row)
			_, same, err := leaves.ReadLog(bytes.NewReader(data[:end]), again)
			require.NoError(t, err)
			require.Equal(t, end, same)
			require.Equal(t, rows, again)
		}
	})
}

package page_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/issuer"
	"gradseal/merkle"
	"gradseal/proof"
	"gradseal/trust"
	"gradseal/verify"
)

const day = 24 * time.Hour

// institution issues documents, with the key of its seed.
type institution struct {
	id, name string
	seed     byte
}

var (
	uni      = institution{"uni.example/registrar", "University of Example", 1}
	college  = institution{"college.example", "Example College", 2}
	impostor = institution{uni.id, uni.name, 3}
)

func (i institution) key() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{i.seed}, ed25519.SeedSize))
}

func (i institution) Name() string { return i.id }

func (i institution) PublicKey() issuer.PublicKey {
	return issuer.PublicKey(i.key().Public().(ed25519.PublicKey))
}

func (i institution) KeyHash() uint32                  { return i.PublicKey().ID(i.id) }
func (i institution) Sign(text []byte) ([]byte, error) { return ed25519.Sign(i.key(), text), nil }

// file is the institution's issuer file.
func (i institution) file(t testing.TB) []byte {
	t.Helper()
	f := &issuer.File{ID: i.id, Name: i.name, Sequence: 1, Sets: []issuer.KeySet{{
		From: anchored().Add(-30 * day), Threshold: 1, Keys: []issuer.Key{{Public: i.PublicKey(), Holder: "Registrar"}},
	}}}
	text, err := f.Text()
	require.NoError(t, err)
	return i.sign(t, text, issuer.MaxFile)
}

func (i institution) fingerprint(t testing.TB) string {
	t.Helper()
	f, err := issuer.ParseFile(i.file(t))
	require.NoError(t, err)
	return f.Fingerprint().String()
}

func (i institution) sign(t testing.TB, text string, maxSize int) []byte {
	t.Helper()
	data, err := issuer.SignNote(text, maxSize, i)
	require.NoError(t, err)
	return data
}

// anchored is the time of the blocks: some days ago by the clock of this machine,
// because a page in a browser has no other.
func anchored() time.Time { return start.Add(-5 * day) }

var start = time.Now().UTC().Truncate(time.Hour)

// batch is documents that an institution has issued, each with its proof, anchored
// in a block of a regtest chain that is mined here.
type batch struct {
	by     institution
	files  map[string][]byte // document and proof, by name
	proofs map[string]*proof.Proof
	root   [32]byte
	chain  []bitcoin.Header // from genesis
}

// issue has an institution issue documents.
func issue(t testing.TB, by institution, documents map[string][]byte) *batch {
	t.Helper()
	digests := make(map[string][32]byte)
	for name, content := range documents {
		digests[name] = sha256.Sum256(content)
	}
	b := issueDigests(t, by, digests)
	maps.Copy(b.files, documents)
	return b
}

// issueDigests has an institution issue the documents with these digests: one
// batch, anchored in the second block of a chain of five.
func issueDigests(t testing.TB, by institution, digests map[string][32]byte) *batch {
	t.Helper()
	b := &batch{by: by, files: make(map[string][]byte), proofs: make(map[string]*proof.Proof)}
	leaves := make(map[string]merkle.Hash)
	for name, digest := range digests {
		p := &proof.Proof{Digest: digest, Salt: sha256.Sum256([]byte("salt of " + name))}
		b.proofs[name] = p
		leaves[name] = merkle.LeafHash(proof.Entry(p.Salt, p.Digest))
	}
	sorted := make([]merkle.Hash, 0, len(leaves))
	for _, leaf := range leaves {
		sorted = append(sorted, leaf)
	}
	slices.SortFunc(sorted, func(a, b merkle.Hash) int { return slices.Compare(a[:], b[:]) })
	tree, err := merkle.New(sorted)
	require.NoError(t, err)
	text, err := (&issuer.Statement{
		Type: issuer.Documents, Issuer: by.id, Network: bitcoin.Regtest, Size: tree.Size(), Root: tree.Root(),
		Issued: anchored().Add(-time.Hour), Title: "Summer 2026",
	}).Text()
	require.NoError(t, err)
	signed := by.sign(t, text, issuer.MaxStatement)
	b.root = proof.BatchRoot(signed, tree.Root())
	attestation := b.anchor(t)
	for name, p := range b.proofs {
		index := uint64(slices.Index(sorted, leaves[name]))
		path, err := tree.AppendPath([]merkle.Hash{}, index)
		require.NoError(t, err)
		p.Layers = []proof.Layer{{Index: index, Path: path, Signed: signed}}
		p.Bitcoin = attestation
		b.files[name+proof.Suffix] = b.marshal(t, p)
	}
	return b
}

func (b *batch) marshal(t testing.TB, p *proof.Proof) []byte {
	t.Helper()
	data, err := proof.Marshal(p)
	require.NoError(t, err)
	return data
}

// anchor puts a transaction that commits to the batch root into a block, and mines
// two more.
func (b *batch) anchor(t testing.TB) *proof.Bitcoin {
	t.Helper()
	raw := []byte{2, 0, 0, 0, 1}
	raw = append(raw, make([]byte, 36)...)
	raw = append(raw, 0, 0xfd, 0xff, 0xff, 0xff, 1)
	raw = append(raw, make([]byte, 8)...)
	script := proof.Commitment(b.root)
	raw = append(append(append(raw, byte(len(script))), script...), 0, 0, 0, 0)
	tx, err := bitcoin.ParseTransaction(raw)
	require.NoError(t, err)
	ids := []bitcoin.Hash{sha256.Sum256([]byte("coinbase")), tx.ID()}
	path, err := bitcoin.InclusionPath(ids, 1)
	require.NoError(t, err)
	b.chain = []bitcoin.Header{bitcoin.Regtest.Genesis()}
	for i, root := range []bitcoin.Hash{ids[0], bitcoin.MerkleRoot(ids), ids[0], ids[0]} {
		b.chain = append(b.chain, mine(t, b.chain[i], root, anchored().Add(time.Duration(i-1)*10*time.Minute)))
	}
	return &proof.Bitcoin{Transaction: raw, Position: 1, Path: path, Header: b.chain[2], Height: 2, Successors: []bitcoin.Header{}}
}

// mine makes the header of a block. On regtest everybody can.
func mine(t testing.TB, previous bitcoin.Header, root bitcoin.Hash, at time.Time) bitcoin.Header {
	t.Helper()
	var h bitcoin.Header
	binary.LittleEndian.PutUint32(h[0:], 0x20000000)
	hash := previous.Hash()
	copy(h[4:], hash[:])
	copy(h[36:], root[:])
	binary.LittleEndian.PutUint32(h[68:], uint32(at.Unix()))
	binary.LittleEndian.PutUint32(h[72:], 0x207fffff)
	for nonce := range uint32(1000) {
		binary.LittleEndian.PutUint32(h[76:], nonce)
		if h.CheckWork() == nil {
			return h
		}
	}
	require.FailNow(t, "no nonce")
	return h
}

// status is the institution's status list with a sequence number, without the
// documents named.
func (b *batch) status(t testing.TB, sequence uint64, withdrawn ...string) []byte {
	t.Helper()
	l := &issuer.StatusList{
		Issuer: b.by.id, Network: bitcoin.Regtest, Sequence: sequence,
		AsOf: start.Add(-3*day + time.Duration(sequence)*time.Hour), Next: start.Add(87 * day), Batches: [][32]byte{b.root},
	}
	for _, name := range withdrawn {
		p := b.proofs[name]
		l.AddWithdrawn(issuer.Withdrawal{
			ID: issuer.WithdrawalID(p.Salt, p.Digest), Date: anchored().Add(day).Format(time.DateOnly), Reason: issuer.ReasonIssuedInError,
		})
	}
	text, err := l.Text()
	require.NoError(t, err)
	return b.by.sign(t, text, issuer.MaxStatus)
}

// pack is the institution's pack: its file, its first status list and the chain.
func (b *batch) pack(t testing.TB) []byte {
	t.Helper()
	segment, err := (&headers.Segment{Network: bitcoin.Regtest, Source: "the registrar's node", Headers: b.chain}).Marshal()
	require.NoError(t, err)
	return packOf(t, b.by, [][]byte{b.status(t, 1)}, [][]byte{segment})
}

func packOf(t testing.TB, by institution, lists, segments [][]byte) []byte {
	t.Helper()
	p, err := trust.NewPack(by.file(t), lists, segments)
	require.NoError(t, err)
	data, err := p.Marshal()
	require.NoError(t, err)
	return data
}

// write writes files of the batch, or others, into a folder and returns their
// paths, in the order of the names.
func write(t testing.TB, dir string, files map[string][]byte, names ...string) []string {
	t.Helper()
	var paths []string
	for _, name := range names {
		require.Contains(t, files, name)
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, files[name], 0o644))
		paths = append(paths, path)
	}
	return paths
}

// sample is one of the project's transcripts.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", "transcripts", filepath.FromSlash(name)))
	require.NoError(t, err)
	return data
}

// Names of documents that the tests use.
const (
	kbsu    = "KBSU-884120.pdf"
	reissue = "KBSU-879902 (reissued).pdf"
	lin     = "成绩单-林知遥-2022110417.pdf"
)

// transcripts are documents of the university, in one batch.
func transcripts(t testing.TB) *batch {
	t.Helper()
	documents := make(map[string][]byte)
	for _, name := range []string{kbsu, reissue, lin} {
		documents[name] = sample(t, name)
	}
	return issue(t, uni, documents)
}

// withProof is a document with a proof at its end.
func withProof(t testing.TB, document, proofFile []byte) []byte {
	t.Helper()
	trailer, err := proof.Trailer(bytes.NewReader(document), int64(len(document)), proofFile)
	require.NoError(t, err)
	return append(bytes.Clone(document), trailer...)
}

// TestScene: what the browser is given is VALID for package verify.
func TestScene(t *testing.T) {
	b := transcripts(t)
	pack, err := trust.ParsePack(b.pack(t))
	require.NoError(t, err)
	require.NoError(t, pack.Check(time.Now()))
	m, err := headers.NewMemory(bitcoin.Regtest)
	require.NoError(t, err)
	require.NoError(t, m.Import(pack.Segments[0], headers.Options{Now: time.Now()}))
	v, err := verify.New(verify.Trust{
		Issuers: []*issuer.File{pack.File}, Chain: m.Chain(),
		Status: []verify.StatusList{{StatusList: pack.Lists[0].StatusList, Note: pack.Lists[0].Note}},
	}, verify.Policy{Network: bitcoin.Regtest, Confirmations: 1, Now: time.Now()})
	require.NoError(t, err)
	for _, name := range []string{kbsu, reissue, lin} {
		r := v.Verify(sha256.Sum256(b.files[name]), b.files[name+proof.Suffix])
		require.Equal(t, verify.Valid, r.Verdict, fmt.Sprint(r.Checks))
	}
}

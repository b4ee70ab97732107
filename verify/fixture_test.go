package verify_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/anchor"
	"gradseal/anchor/embedded"
	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/issuer"
	"gradseal/merkle"
	"gradseal/proof"
	"gradseal/verify"
)

const (
	uniID      = "uni.example/registrar"
	allianceID = "alliance.example"
	hour       = time.Hour
	day        = 24 * time.Hour
)

// officer signs with a real Ed25519 key. The number is the key's seed.
type officer struct {
	name string
	key  ed25519.PrivateKey
}

func newOfficer(name string, number byte) officer {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = number
	return officer{name, ed25519.NewKeyFromSeed(seed)}
}

func (o officer) Name() string { return o.name }

func (o officer) PublicKey() issuer.PublicKey {
	return issuer.PublicKey(o.key.Public().(ed25519.PublicKey))
}

func (o officer) KeyHash() uint32 { return o.PublicKey().ID(o.name) }

func (o officer) Sign(text []byte) ([]byte, error) { return ed25519.Sign(o.key, text), nil }

// as is the same key under another name.
func (o officer) as(name string) officer { return officer{name, o.key} }

// Two officers of the university sign together, a third is the spare. The
// strangers are nobody's officers.
var (
	dean      = newOfficer(uniID, 1)
	registrar = newOfficer(uniID, 2)
	spare     = newOfficer(uniID, 3)
	secretary = newOfficer(allianceID, 4)
	stranger  = newOfficer(uniID, 5)
	stranger2 = newOfficer(uniID, 6)
)

// keySet is a set of an issuer file.
func keySet(from, until time.Time, threshold int, officers ...officer) issuer.KeySet {
	set := issuer.KeySet{From: from, Until: until, Threshold: threshold}
	for i, o := range officers {
		set.Keys = append(set.Keys, issuer.Key{Public: o.PublicKey(), Holder: fmt.Sprintf("Officer %d", i+1)})
	}
	return set
}

// issuerFile signs an issuer file with all officers given and reads it back.
func issuerFile(t testing.TB, id, name string, officers []officer, sets ...issuer.KeySet) (*issuer.File, []byte) {
	t.Helper()
	f := &issuer.File{ID: id, Name: name, Sequence: 1, Sets: sets}
	text, err := f.Text()
	require.NoError(t, err)
	data := signNote(t, text, issuer.MaxFile, officers)
	got, err := issuer.ParseFile(data)
	require.NoError(t, err)
	return got, data
}

// signed keeps what was signed: signatures take most of the time of these
// tests, and Ed25519 gives the same ones again.
var signed sync.Map

func signNote(t testing.TB, text string, maxSize int, officers []officer) []byte {
	t.Helper()
	var all []issuer.Signer
	key := text
	for _, o := range officers {
		all = append(all, o)
		key += fmt.Sprintf("%s %x\n", o.name, o.key.Seed())
	}
	if data, ok := signed.Load(key); ok {
		return bytes.Clone(data.([]byte))
	}
	data, err := issuer.SignNote(text, maxSize, all...)
	require.NoError(t, err)
	signed.Store(key, bytes.Clone(data))
	return data
}

// uniFile is the university's issuer file: two of three sign.
func uniFile(t testing.TB, from, until time.Time) *issuer.File {
	f, _ := uniFileData(t, from, until)
	return f
}

func uniFileData(t testing.TB, from, until time.Time) (*issuer.File, []byte) {
	t.Helper()
	all := []officer{dean, registrar, spare}
	return issuerFile(t, uniID, "University of Example", all, keySet(from, until, 2, all...))
}

// sign signs any statement.
func sign(t testing.TB, s issuer.Statement, officers ...officer) []byte {
	t.Helper()
	text, err := s.Text()
	require.NoError(t, err)
	return signNote(t, text, issuer.MaxStatement, officers)
}

// statusList signs a status list and reads it back.
func statusList(t testing.TB, l *issuer.StatusList, officers ...officer) (verify.StatusList, []byte) {
	t.Helper()
	text, err := l.Text()
	require.NoError(t, err)
	data := signNote(t, text, issuer.MaxStatus, officers)
	got, note, err := issuer.ParseStatus(data)
	require.NoError(t, err)
	return verify.StatusList{StatusList: got, Note: note}, data
}

// document is the content of a file, and its salt.
type document struct {
	content []byte
	salt    [32]byte
}

func documents(n int) []document {
	docs := make([]document, n)
	for i := range docs {
		docs[i].content = fmt.Appendf(nil, "%%PDF-1.7\n%% transcript %d\nstartxref\n9\n%%%%EOF\n", i)
		docs[i].salt = sha256.Sum256(fmt.Appendf(nil, "salt %d", i))
	}
	return docs
}

func digestOf(t testing.TB, content []byte) verify.Digest {
	t.Helper()
	d, n, err := verify.Hash(strings.NewReader(string(content)))
	require.NoError(t, err)
	require.EqualValues(t, len(content), n)
	return d
}

// grow builds the tree of the entries, ordered by leaf hash, and returns for
// each entry its index.
func grow(t testing.TB, entries [][]byte) (*merkle.Tree, []uint64) {
	t.Helper()
	leaves := make([]merkle.Hash, len(entries))
	for i, e := range entries {
		leaves[i] = merkle.LeafHash(e)
	}
	sorted := slices.Clone(leaves)
	slices.SortFunc(sorted, func(a, b merkle.Hash) int { return slices.Compare(a[:], b[:]) })
	index := make([]uint64, len(leaves))
	for i, leaf := range leaves {
		index[i] = uint64(slices.Index(sorted, leaf))
	}
	tree, err := merkle.New(sorted)
	require.NoError(t, err)
	return tree, index
}

// place makes the layer that puts entry i into a tree with a statement. The
// statement's size, root and type are those of the tree.
func place(t testing.TB, entries [][]byte, i int, s issuer.Statement, officers ...officer) proof.Layer {
	t.Helper()
	tree, index := grow(t, entries)
	s.Size, s.Root = tree.Size(), tree.Root()
	s.Type = issuer.Batches
	if len(entries[i]) == 64 {
		s.Type = issuer.Documents
	}
	path, err := tree.AppendPath([]merkle.Hash{}, index[i])
	require.NoError(t, err)
	return proof.Layer{Index: index[i], Path: path, Signed: sign(t, s, officers...)}
}

// issue makes the pending proof of document i of n.
func issue(t testing.TB, n, i int, s issuer.Statement, officers ...officer) *proof.Proof {
	t.Helper()
	docs := documents(n)
	entries := make([][]byte, n)
	for k, d := range docs {
		entries[k] = proof.Entry(d.salt, digestOf(t, d.content))
	}
	return &proof.Proof{
		Digest: digestOf(t, docs[i].content), Salt: docs[i].salt,
		Layers: []proof.Layer{place(t, entries, i, s, officers...)},
	}
}

// join puts the last batch root of p, among the others given, into a tree of
// batches.
func join(t testing.TB, p *proof.Proof, others [][]byte, s issuer.Statement, officers ...officer) {
	t.Helper()
	root := lastRoot(t, p)
	p.Layers = append(p.Layers, place(t, append([][]byte{root[:]}, others...), 0, s, officers...))
}

// lastRoot is the batch root that the transaction commits to.
func lastRoot(t testing.TB, p *proof.Proof) [32]byte {
	t.Helper()
	return layerRoot(t, p.Layers[len(p.Layers)-1])
}

func layerRoot(t testing.TB, l proof.Layer) [32]byte {
	t.Helper()
	s, _, err := issuer.ParseStatement(l.Signed)
	require.NoError(t, err)
	return proof.BatchRoot(l.Signed, s.Root)
}

func uniStatement(issued time.Time) issuer.Statement {
	return issuer.Statement{Issuer: uniID, Network: bitcoin.Regtest, Issued: issued.Truncate(time.Second), Title: "Transcripts 2026"}
}

// node is the embedded node that all tests anchor with.
var node struct {
	once    sync.Once
	dir     string
	headers string
	node    *embedded.Node
	err     error
}

func TestMain(m *testing.M) {
	m.Run()
	if node.node != nil {
		node.node.Close()
	}
	os.RemoveAll(node.dir)
}

func openNode() {
	if node.dir, node.err = os.MkdirTemp("", "gradseal-verify-"); node.err != nil {
		return
	}
	node.headers = filepath.Join(node.dir, "regtest.headers")
	node.node, node.err = embedded.Open(context.Background(), filepath.Join(node.dir, "node"), node.headers)
}

// confirm anchors a root with the embedded node: a real transaction, checked by
// the rules of Bitcoin, in a block with real proof of work.
func confirm(t testing.TB, root [32]byte) *proof.Bitcoin {
	t.Helper()
	node.once.Do(openNode)
	require.NoError(t, node.err)
	ctx := context.Background()
	request, err := node.node.Fund(ctx, anchor.Order{Root: root})
	require.NoError(t, err)
	raw, err := node.node.Sign(ctx, request)
	require.NoError(t, err)
	require.NoError(t, node.node.Submit(ctx, raw))
	b, err := node.node.Attest(ctx, raw, 0)
	require.NoError(t, err)
	require.NotNil(t, b)
	return b
}

// nodeHeaders are the node's headers above the genesis header.
func nodeHeaders(t testing.TB) []bitcoin.Header {
	t.Helper()
	c, err := headers.Open(node.headers, bitcoin.Regtest)
	require.NoError(t, err)
	defer c.Close()
	hs := make([]bitcoin.Header, c.Height())
	for i := range hs {
		hs[i], err = c.At(uint32(i + 1))
		require.NoError(t, err)
	}
	return hs
}

// openChain is a header chain on disk with these headers above the genesis
// header.
func openChain(t testing.TB, hs []bitcoin.Header) *headers.Chain {
	t.Helper()
	path := filepath.Join(t.TempDir(), "regtest.headers")
	require.NoError(t, headers.Extend(path, bitcoin.Regtest, 1, hs))
	c, err := headers.Open(path, bitcoin.Regtest)
	require.NoError(t, err)
	require.EqualValues(t, len(hs), c.Height())
	t.Cleanup(func() { c.Close() })
	return c
}

// work looks for the nonce that gives a header the work for its bits, or one
// that does not.
func work(t testing.TB, h bitcoin.Header, want bool) bitcoin.Header {
	t.Helper()
	for nonce := range uint32(1000) {
		binary.LittleEndian.PutUint32(h[76:], nonce)
		if (h.CheckWork() == nil) == want {
			return h
		}
	}
	require.FailNow(t, "no nonce")
	return h
}

// mine makes a header that follows previous. On regtest everybody can.
func mine(t testing.TB, previous bitcoin.Header, root bitcoin.Hash, at time.Time) bitcoin.Header {
	t.Helper()
	var h bitcoin.Header
	binary.LittleEndian.PutUint32(h[0:], 0x20000000)
	hash := previous.Hash()
	copy(h[4:], hash[:])
	copy(h[36:], root[:])
	binary.LittleEndian.PutUint32(h[68:], uint32(at.Unix()))
	binary.LittleEndian.PutUint32(h[72:], 0x207fffff)
	return work(t, h, true)
}

// transaction is a stripped transaction with one input and outputs of value 0
// with these scripts.
func transaction(scripts ...[]byte) []byte {
	b := []byte{2, 0, 0, 0, 1}
	b = append(b, make([]byte, 36)...)
	b = append(b, 0, 0xfd, 0xff, 0xff, 0xff, byte(len(scripts)))
	for _, s := range scripts {
		b = append(b, make([]byte, 8)...)
		b = append(b, byte(len(s)))
		b = append(b, s...)
	}
	return append(b, 0, 0, 0, 0)
}

// ownBlock puts a transaction into block 2 of a chain of four blocks above
// genesis, as second of three transactions. Nothing in it depends on chance or
// on the clock.
func ownBlock(t testing.TB, raw []byte, at time.Time) (*proof.Bitcoin, []bitcoin.Header) {
	t.Helper()
	tx, err := bitcoin.ParseTransaction(raw)
	require.NoError(t, err)
	ids := []bitcoin.Hash{sha256.Sum256([]byte("coinbase")), tx.ID(), sha256.Sum256([]byte("another"))}
	path, err := bitcoin.InclusionPath(ids, 1)
	require.NoError(t, err)
	first := mine(t, bitcoin.Regtest.Genesis(), ids[0], at.Add(-10*time.Minute))
	block := mine(t, first, bitcoin.MerkleRoot(ids), at)
	third := mine(t, block, ids[2], at.Add(10*time.Minute))
	fourth := mine(t, third, ids[2], at.Add(20*time.Minute))
	return &proof.Bitcoin{
		Transaction: raw, Position: 1, Path: path, Header: block, Height: 2, Successors: []bitcoin.Header{},
	}, []bitcoin.Header{first, block, third, fourth}
}

// scene is a document with its proof, and a verifier's trust and policy. Tests
// change one thing of it.
type scene struct {
	digest verify.Digest
	proof  *proof.Proof
	trust  verify.Trust
	policy verify.Policy

	time time.Time // of the anchor's block
	list *issuer.StatusList
	hs   []bitcoin.Header // of the chain, above genesis
}

// newScene is VALID for p, whose last batch root b is the attestation of.
func newScene(t testing.TB, p *proof.Proof, b *proof.Bitcoin, hs []bitcoin.Header) *scene {
	t.Helper()
	p.Bitcoin = b
	return sceneAt(t, p, b.Header.Time(), hs)
}

// sceneAt is VALID for p, which leads to a block of that time in the chain.
func sceneAt(t testing.TB, p *proof.Proof, at time.Time, hs []bitcoin.Header) *scene {
	t.Helper()
	s := &scene{digest: p.Digest, proof: p, time: at, hs: hs}
	s.policy = verify.Policy{Network: bitcoin.Regtest, Confirmations: 1, Now: s.time.Add(3 * hour)}
	s.trust.Issuers = []*issuer.File{uniFile(t, s.time.Add(-day), time.Time{})}
	s.trust.Chain = openChain(t, hs)
	s.list = &issuer.StatusList{
		Issuer: uniID, Network: bitcoin.Regtest, Sequence: 1,
		AsOf: s.time.Add(hour), Next: s.time.Add(90 * day), Batches: [][32]byte{layerRoot(t, p.Layers[0])},
	}
	s.useList(t)
	return s
}

// useList signs the scene's status list.
func (s *scene) useList(t testing.TB) {
	t.Helper()
	l, _ := statusList(t, s.list, dean, registrar)
	s.trust.Status = []verify.StatusList{l}
}

func (s *scene) file(t testing.TB) []byte {
	t.Helper()
	data, err := proof.Marshal(s.proof)
	require.NoError(t, err)
	return data
}

func (s *scene) verifier(t testing.TB) *verify.Verifier {
	t.Helper()
	v, err := verify.New(s.trust, s.policy)
	require.NoError(t, err)
	return v
}

func (s *scene) verify(t testing.TB) *verify.Result {
	t.Helper()
	return s.verifier(t).Verify(s.digest, s.file(t))
}

// bases are the scenes that are made once for the test binary: the node is
// asked once, every test has its own copy.
var bases struct {
	one, four struct {
		once sync.Once
		file []byte
		hs   []bitcoin.Header
	}
}

// oneLayer is the usual case: 9 documents in one batch, anchored with the
// embedded node, five blocks below the tip. The statement names an earlier
// block.
func oneLayer(t testing.TB) *scene {
	t.Helper()
	b := &bases.one
	b.once.Do(func() {
		confirm(t, sha256.Sum256([]byte("an anchor before it")))
		before := nodeHeaders(t)
		s := uniStatement(before[len(before)-1].Time())
		s.After = &issuer.After{Height: uint32(len(before)), Hash: before[len(before)-1].Hash()}
		p := issue(t, 9, 4, s, dean, registrar)
		p.Bitcoin = confirm(t, lastRoot(t, p))
		for range 5 {
			confirm(t, sha256.Sum256([]byte("an anchor after it")))
		}
		b.hs = nodeHeaders(t)[:p.Bitcoin.Height+5]
		data, err := proof.Marshal(p)
		require.NoError(t, err)
		b.file = data
	})
	require.NotNil(t, b.file, "the shared fixture could not be made")
	return newBaseScene(t, b.file, b.hs)
}

// fourLayers is an alliance tree: the university's batch in an alliance's
// batch, in a country's, in the world's. The embedded node anchors the last.
func fourLayers(t testing.TB) *scene {
	t.Helper()
	b := &bases.four
	b.once.Do(func() {
		p := issue(t, 5, 2, uniStatement(time.Now()), dean, registrar)
		joinAlliances(t, p)
		p.Bitcoin = confirm(t, lastRoot(t, p))
		data, err := proof.Marshal(p)
		require.NoError(t, err)
		b.file, b.hs = data, nodeHeaders(t)[:p.Bitcoin.Height]
	})
	require.NotNil(t, b.file, "the shared fixture could not be made")
	return newBaseScene(t, b.file, b.hs)
}

// joinAlliances adds three layers.
func joinAlliances(t testing.TB, p *proof.Proof) {
	t.Helper()
	for i, name := range []string{allianceID, "country.example", "world.example"} {
		var others [][]byte
		for k := range 6 * i {
			other := sha256.Sum256(fmt.Appendf(nil, "%s, member %d", name, k))
			others = append(others, other[:])
		}
		s := issuer.Statement{Issuer: name, Network: bitcoin.Regtest, Issued: time.Now().Truncate(time.Second)}
		join(t, p, others, s, secretary.as(name))
	}
}

func newBaseScene(t testing.TB, file []byte, hs []bitcoin.Header) *scene {
	t.Helper()
	p, err := proof.Parse(file)
	require.NoError(t, err)
	return newScene(t, p, p.Bitcoin, hs)
}

// ownTime is the time of the block of scenes on a chain of the test's own.
var ownTime = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// ownScene is a scene on a chain that the test mines: with a block time of its
// choice, and the same bytes in every process.
func ownScene(t testing.TB, p *proof.Proof) *scene {
	t.Helper()
	b, hs := ownBlock(t, transaction(proof.Commitment(lastRoot(t, p))), ownTime)
	return newScene(t, p, b, hs)
}

// addSuccessors gives the proof the two headers after its own.
func (s *scene) addSuccessors() {
	h := s.proof.Bitcoin.Height
	s.proof.Bitcoin.Successors = slices.Clone(s.hs[h : h+2])
}

// finding is the answer of one check.
type finding struct {
	outcome verify.Outcome
	reason  verify.Reason
}

func failed(r verify.Reason) finding  { return finding{verify.Failed, r} }
func unknown(r verify.Reason) finding { return finding{verify.Unknown, r} }

// findings are the checks that are not ok.
type findings map[int]finding

// requireResult checks the verdict, the checks that are not ok, and that all
// others are.
func requireResult(t testing.TB, r *verify.Result, verdict verify.Verdict, not findings) {
	t.Helper()
	require.NoError(t, r.Problem)
	names := []string{"document", "inclusion", "issuer", "anchor", "block", "status"}
	for i, c := range r.Checks {
		want, ok := not[i]
		if !ok {
			want = finding{verify.OK, ""}
		}
		require.Equal(t, names[i], c.Name)
		require.Equal(t, want, finding{c.Outcome, c.Reason}, "%s: %s", c.Name, c.Detail)
		require.NotEmpty(t, c.Detail, c.Name)
	}
	require.Equal(t, verdict, r.Verdict, "%v", r.Checks)
	dated := r.Checks[verify.Anchor].Outcome == verify.OK && r.Checks[verify.Block].Outcome == verify.OK
	if r.Existence != nil { // of another document a timestamp proves nothing
		dated = dated && r.Checks[verify.Document].Outcome == verify.OK
	}
	require.Equal(t, dated, !r.NoLaterThan.IsZero(), "a day is named where anchor and block are ok, and only there")
	require.Equal(t, r.Checks[verify.Block].Outcome == verify.OK, r.Header != nil)
	require.Equal(t, r.Checks[verify.Status].Outcome == verify.Failed, r.Withdrawal != nil)
}

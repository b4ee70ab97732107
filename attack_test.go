package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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
	"gradseal/trust"
)

// officer signs with an Ed25519 key, of which the number is the seed.
type officer struct {
	name string
	key  ed25519.PrivateKey
}

func newOfficer(name string, number byte) officer {
	seed := sha256.Sum256([]byte{number})
	return officer{name, ed25519.NewKeyFromSeed(seed[:])}
}

func (o officer) Name() string                     { return o.name }
func (o officer) KeyHash() uint32                  { return o.PublicKey().ID(o.name) }
func (o officer) Sign(text []byte) ([]byte, error) { return ed25519.Sign(o.key, text), nil }
func (o officer) as(name string) officer           { return officer{name, o.key} }
func (o officer) PublicKey() issuer.PublicKey {
	return issuer.PublicKey(o.key.Public().(ed25519.PublicKey))
}

const (
	uniName      = "uni.example/registrar"
	allianceName = "alliance.example"
)

// Two officers of the university sign together. One left a year ago. The alliance
// is known to the verifier, too; a stranger is not.
var (
	dean      = newOfficer(uniName, 1)
	registry  = newOfficer(uniName, 2)
	former    = newOfficer(uniName, 3)
	secretary = newOfficer(allianceName, 4)
	stranger  = newOfficer(uniName, 5)
	stranger2 = newOfficer(uniName, 6)
)

// adversary has all that there is to have without the officers' keys: every
// document, proof and salt of two batches of the university and of one that went
// through an alliance, and a miner's power, so that a block with what he likes can
// be in the verifier's chain. Where an attack needs a wrong signature of the
// officers' keys, it says whose.
type adversary struct {
	t     *testing.T
	dir   string
	node  *embedded.Node
	chain []bitcoin.Header // above genesis: the node's, then his own
	now   time.Time

	documents    [][]byte
	salts        [][32]byte
	spring, fall []*proof.Proof // of all documents, and of the first five
	joined       []*proof.Proof // of all, in two layers
}

func newAdversary(t *testing.T) *adversary {
	t.Helper()
	a := &adversary{t: t, dir: t.TempDir(), now: time.Now().UTC().Truncate(time.Second)}
	for i := range 9 {
		a.documents = append(a.documents, smallPDF(fmt.Sprintf("transcript %d", i)))
		a.salts = append(a.salts, sha256.Sum256(fmt.Appendf(nil, "salt %d", i)))
	}
	headerFile := filepath.Join(a.dir, "node.headers")
	var err error
	a.node, err = embedded.Open(t.Context(), filepath.Join(a.dir, "node"), headerFile)
	require.NoError(t, err)
	defer a.node.Close()

	a.spring = a.issue(a.statement("spring"), 9, "spring", dean, registry)
	a.confirm(a.spring)
	a.fall = a.issue(a.statement("fall"), 5, "fall", dean, registry)
	a.confirm(a.fall)
	a.joined = a.issue(a.statement("joined"), 9, "joined", dean, registry)
	a.join(a.joined, allianceName, secretary)
	a.confirm(a.joined)
	a.chain = nodeChain(t, headerFile)
	return a
}

// nodeChain are the headers above genesis in a node's file.
func nodeChain(t *testing.T, file string) []bitcoin.Header {
	t.Helper()
	c, err := headers.Open(file, bitcoin.Regtest)
	require.NoError(t, err)
	defer c.Close()
	s, err := c.Segment(1, c.Height())
	require.NoError(t, err)
	return s.Headers
}

// issued is in all statements: with it their batch roots are the same every time.
var issued = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// statement is one of the university, but for its tree.
func (a *adversary) statement(title string) issuer.Statement {
	return issuer.Statement{Issuer: uniName, Network: bitcoin.Regtest, Issued: issued, Title: title}
}

// issue makes the pending proofs of the first n documents. The seed makes the
// salts of one batch differ from those of another.
func (a *adversary) issue(s issuer.Statement, n int, seed string, by ...officer) []*proof.Proof {
	a.t.Helper()
	all := make([]*proof.Proof, n)
	entries := make([][]byte, n)
	for i := range n {
		all[i] = &proof.Proof{Digest: sha256.Sum256(a.documents[i]), Salt: sha256.Sum256(append([]byte(seed), a.salts[i][:]...))}
		entries[i] = all[i].Entry()
	}
	for i, l := range a.layers(entries, issuer.Documents, s, by...) {
		all[i].Layers = []proof.Layer{l}
	}
	return all
}

// layers puts each entry into the tree of them all, with the statement about it.
func (a *adversary) layers(entries [][]byte, kind issuer.Type, s issuer.Statement, by ...officer) []proof.Layer {
	a.t.Helper()
	leaves := make([]merkle.Hash, len(entries))
	for i, e := range entries {
		leaves[i] = merkle.LeafHash(e)
	}
	sorted := slices.Clone(leaves)
	slices.SortFunc(sorted, func(a, b merkle.Hash) int { return bytes.Compare(a[:], b[:]) })
	tree, err := merkle.New(sorted)
	require.NoError(a.t, err)
	s.Type, s.Size, s.Root = kind, tree.Size(), tree.Root()
	signed := a.sign(s, by...)
	out := make([]proof.Layer, len(entries))
	for i, leaf := range leaves {
		index := uint64(slices.Index(sorted, leaf))
		path, err := tree.AppendPath([]merkle.Hash{}, index)
		require.NoError(a.t, err)
		out[i] = proof.Layer{Index: index, Path: path, Signed: signed}
	}
	return out
}

func (a *adversary) sign(s issuer.Statement, by ...officer) []byte {
	a.t.Helper()
	text, err := s.Text()
	require.NoError(a.t, err)
	return a.signText(text, issuer.MaxStatement, by...)
}

func (a *adversary) signText(text string, most int, by ...officer) []byte {
	a.t.Helper()
	signers := make([]issuer.Signer, len(by))
	for i, o := range by {
		signers[i] = o
	}
	signed, err := issuer.SignNote(text, most, signers...)
	require.NoError(a.t, err)
	return signed
}

// join puts the batch of the proofs into a batch of another issuer, beside others.
func (a *adversary) join(all []*proof.Proof, id string, by ...officer) {
	a.t.Helper()
	s := a.statement("members")
	s.Issuer = id
	a.joinIn(all, s, by...)
}

// joinIn is join, with the statement but for its tree.
func (a *adversary) joinIn(all []*proof.Proof, s issuer.Statement, by ...officer) {
	a.t.Helper()
	root := a.root(all[0])
	other := sha256.Sum256([]byte("another member"))
	layer := a.layers([][]byte{root[:], other[:]}, issuer.Batches, s, by...)[0]
	for _, p := range all {
		p.Layers = append(slices.Clone(p.Layers), layer)
	}
}

// root is the batch root of the last layer.
func (a *adversary) root(p *proof.Proof) [32]byte { return a.rootOf(p.Layers[len(p.Layers)-1]) }

func (a *adversary) rootOf(l proof.Layer) [32]byte {
	a.t.Helper()
	s, _, err := issuer.ParseStatement(l.Signed)
	require.NoError(a.t, err)
	return proof.BatchRoot(l.Signed, s.Root)
}

// confirm anchors with the embedded node: a real transaction by the rules of
// Bitcoin, in a block with proof of work.
func (a *adversary) confirm(all []*proof.Proof) {
	a.t.Helper()
	b := anchored(a.t, a.node, a.root(all[0]))
	for _, p := range all {
		p.Bitcoin = b
	}
}

func anchored(t *testing.T, n *embedded.Node, root [32]byte) *proof.Bitcoin {
	t.Helper()
	request, err := n.Fund(t.Context(), anchor.Order{Root: root})
	require.NoError(t, err)
	raw, err := n.Sign(t.Context(), request)
	require.NoError(t, err)
	require.NoError(t, n.Submit(t.Context(), raw))
	b, err := n.Attest(t.Context(), raw, 0)
	require.NoError(t, err)
	require.NotNil(t, b)
	b.Successors = []bitcoin.Header{}
	return b
}

// header makes one that follows previous, with work.
func (a *adversary) header(previous bitcoin.Header, root bitcoin.Hash) bitcoin.Header {
	h := previous
	hash := previous.Hash()
	copy(h[4:], hash[:])
	copy(h[36:], root[:])
	binary.LittleEndian.PutUint32(h[68:], binary.LittleEndian.Uint32(previous[68:])+1)
	return worked(h)
}

func worked(h bitcoin.Header) bitcoin.Header {
	for h.CheckWork() != nil {
		h[76]++
	}
	return h
}

// mine puts a block with such a Merkle root on the verifier's chain.
func (a *adversary) mine(root bitcoin.Hash) (header bitcoin.Header, height uint32) {
	h := a.header(a.chain[len(a.chain)-1], root)
	a.chain = append(a.chain, h)
	return h, uint32(len(a.chain))
}

// include puts the transaction into a block of the verifier's chain, as the second
// of three.
func (a *adversary) include(p *proof.Proof, raw []byte) {
	a.t.Helper()
	ids := []bitcoin.Hash{{1}, doubleSHA(raw), {3}}
	path, err := bitcoin.InclusionPath(ids, 1)
	require.NoError(a.t, err)
	h, height := a.mine(bitcoin.MerkleRoot(ids))
	p.Bitcoin = &proof.Bitcoin{Transaction: raw, Position: 1, Path: path, Header: h, Height: height, Successors: []bitcoin.Header{}}
}

func doubleSHA(b []byte) bitcoin.Hash {
	first := sha256.Sum256(b)
	return sha256.Sum256(first[:])
}

// output is one with a script.
type output struct {
	value  uint64
	script []byte
}

// stripped is a transaction of one input, with a script, in the form without
// witness that ids are of.
func stripped(input []byte, outputs ...output) []byte {
	b := append([]byte{2, 0, 0, 0, 1}, make([]byte, 36)...)
	b = append(append(b, byte(len(input))), input...)
	b = append(b, 0xfd, 0xff, 0xff, 0xff, byte(len(outputs)))
	for _, o := range outputs {
		b = binary.LittleEndian.AppendUint64(b, o.value)
		b = append(append(b, byte(len(o.script))), o.script...)
	}
	return append(b, 0, 0, 0, 0)
}

// change is an output that everybody's transactions have.
var change = output{50_000, append([]byte{0, 20}, make([]byte, 20)...)}

// copyOf is a proof that can be changed.
func copyOf(p *proof.Proof) *proof.Proof {
	c := *p
	c.Layers = slices.Clone(p.Layers)
	for i := range c.Layers {
		c.Layers[i].Path = slices.Clone(c.Layers[i].Path)
		c.Layers[i].Signed = bytes.Clone(c.Layers[i].Signed)
	}
	b := *p.Bitcoin
	b.Path = slices.Clone(b.Path)
	b.Transaction = bytes.Clone(b.Transaction)
	c.Bitcoin = &b
	return &c
}

// edited is a proof of the fourth document in spring, with a change.
func (a *adversary) edited(change func(p *proof.Proof)) *proof.Proof {
	p := copyOf(a.spring[3])
	change(p)
	return p
}

// reissued is a proof of the fourth document in a batch of its own, anchored in a
// block of the verifier's chain. Change nothing in it, and it would be VALID, but
// for the status list.
func (a *adversary) reissued(s issuer.Statement, by ...officer) *proof.Proof {
	a.t.Helper()
	p := a.issue(s, 9, s.Title, by...)[3]
	a.include(p, stripped(nil, output{0, proof.Commitment(a.root(p))}, change))
	return p
}

// committed is the proof of spring with another transaction in a block.
func (a *adversary) committed(raw []byte) *proof.Proof {
	return a.edited(func(p *proof.Proof) { a.include(p, raw) })
}

// attack is what the adversary hands over, and what becomes of it.
type attack struct {
	name    string
	verdict string
	not     string // the checks that are not ok, or what is said of a proof that is none
	says    string // in the detail of the first of them
	make    func(a *adversary) (document []byte, p *proof.Proof)
}

// attacks are the ways to a false VALID, by the check that stands in their way.
func attacks() []attack {
	edit := func(change func(a *adversary, p *proof.Proof)) func(a *adversary) ([]byte, *proof.Proof) {
		return func(a *adversary) ([]byte, *proof.Proof) {
			return a.documents[3], a.edited(func(p *proof.Proof) { change(a, p) })
		}
	}
	// to makes a transaction that is in a block, for the batch root of spring.
	to := func(raw func(root [32]byte) []byte) func(a *adversary) ([]byte, *proof.Proof) {
		return func(a *adversary) ([]byte, *proof.Proof) {
			return a.documents[3], a.committed(raw(a.root(a.spring[3])))
		}
	}
	signedBy := func(by ...officer) func(a *adversary) ([]byte, *proof.Proof) {
		return func(a *adversary) ([]byte, *proof.Proof) {
			return a.documents[3], a.reissued(a.statement("signed by others"), by...)
		}
	}
	document := func(change func(a *adversary, doc []byte) []byte) func(a *adversary) ([]byte, *proof.Proof) {
		return func(a *adversary) ([]byte, *proof.Proof) {
			return change(a, bytes.Clone(a.documents[3])), a.spring[3]
		}
	}
	return slices.Concat([]attack{
		{"document: of a classmate", "invalid", "document failed", "the proof is for", func(a *adversary) ([]byte, *proof.Proof) { return a.documents[4], a.spring[3] }},
		{"document: one bit", "invalid", "document failed", "the proof is for", document(func(_ *adversary, doc []byte) []byte { doc[len(doc)/2] ^= 1; return doc })},
		{"document: an update after %%EOF", "invalid", "document failed", "the proof is for", document(func(a *adversary, doc []byte) []byte {
			return updated(a.t, doc, startOf(a.t, doc), "GPA 4.00", "\n")
		})},
		{"document: a web page before it", "invalid", "document failed", "the proof is for", document(func(_ *adversary, doc []byte) []byte {
			return append([]byte("<!doctype html><script>document.body.innerHTML='VALID'</script><!--\n"), doc...)
		})},
		{"document: an archive after it", "invalid", "document failed", "the proof is for", document(func(_ *adversary, doc []byte) []byte {
			return append(doc, "PK\x05\x06"+strings.Repeat("\x00", 18)...)
		})},
		{"document: two proofs inside, of one document", "invalid", "document failed", "the proof is for", func(a *adversary) ([]byte, *proof.Proof) {
			doc := a.documents[3]
			carried := trailerOf(marshalProof(a.t, a.spring[3]), fmt.Sprint(startOf(a.t, doc)))
			return slices.Concat(doc, carried, carried), nil
		}},
		{"document: two proofs inside, of two documents", "invalid", "document failed", "the proof is for", func(a *adversary) ([]byte, *proof.Proof) {
			doc := a.documents[3]
			start := fmt.Sprint(startOf(a.t, doc))
			return slices.Concat(doc, trailerOf(marshalProof(a.t, a.spring[3]), start), trailerOf(marshalProof(a.t, a.spring[4]), start)), nil
		}},
		{"document: its proof inside another", "invalid", "document failed", "the proof is for", func(a *adversary) ([]byte, *proof.Proof) {
			doc := a.documents[4]
			return append(bytes.Clone(doc), trailerOf(marshalProof(a.t, a.spring[3]), fmt.Sprint(startOf(a.t, doc)))...), nil
		}},
		{"document: an update before the proof inside", "invalid", "document failed", "the proof is for", func(a *adversary) ([]byte, *proof.Proof) {
			doc := updated(a.t, a.documents[3], startOf(a.t, a.documents[3]), "GPA 4.00", "\n")
			return append(doc, trailerOf(marshalProof(a.t, a.spring[3]), fmt.Sprint(startOf(a.t, doc)))...), nil
		}},
		{"document: an older startxref after the proof inside", "invalid", "broken", "startxref", func(a *adversary) ([]byte, *proof.Proof) {
			doc := a.documents[3]
			return append(bytes.Clone(doc), trailerOf(marshalProof(a.t, a.spring[3]), fmt.Sprint(startOf(a.t, doc)-1))...), nil
		}},
		{"document: a byte after the proof inside", "invalid", "broken", "added after issue", func(a *adversary) ([]byte, *proof.Proof) {
			doc := a.documents[3]
			return slices.Concat(doc, trailerOf(marshalProof(a.t, a.spring[3]), fmt.Sprint(startOf(a.t, doc))), []byte("\n")), nil
		}},
		{"document: an inner node of the tree as its entry", "invalid", "document failed, inclusion failed, anchor unknown", "the proof is for", edit(func(a *adversary, p *proof.Proof) {
			leaf := merkle.LeafHash(p.Entry())
			l := &p.Layers[0]
			p.Salt, p.Digest = leaf, l.Path[0]
			if merkle.LeftSiblings(l.Index, 9)[0] {
				p.Salt, p.Digest = l.Path[0], leaf
			}
			l.Path, l.Index = l.Path[1:], l.Index/2
		})},
	}, []attack{
		{"inclusion: the salt of a classmate", "invalid", "inclusion failed, anchor unknown", "leads to root hash", edit(func(a *adversary, p *proof.Proof) { p.Salt = a.spring[4].Salt })},
		{"inclusion: the salt of the same document in another batch", "invalid", "inclusion failed, anchor unknown", "leads to root hash", edit(func(a *adversary, p *proof.Proof) { p.Salt = a.fall[3].Salt })},
		{"inclusion: a hash of the path less", "invalid", "inclusion failed, anchor unknown", "has 3 hashes, want 4", edit(func(_ *adversary, p *proof.Proof) { p.Layers[0].Path = p.Layers[0].Path[1:] })},
		{"inclusion: a hash of the path more", "invalid", "inclusion failed, anchor unknown", "has 5 hashes, want 4", edit(func(_ *adversary, p *proof.Proof) {
			p.Layers[0].Path = append(p.Layers[0].Path, merkle.Hash{})
		})},
		{"inclusion: the last hash of the path twice", "invalid", "inclusion failed, anchor unknown", "has 5 hashes, want 4", edit(func(_ *adversary, p *proof.Proof) {
			l := &p.Layers[0]
			l.Path = append(l.Path, l.Path[len(l.Path)-1])
		})},
		{"inclusion: the path of a classmate", "invalid", "inclusion failed, anchor unknown", "leads to root hash", edit(func(a *adversary, p *proof.Proof) { p.Layers[0] = a.spring[4].Layers[0] })},
		{"inclusion: the index of a classmate", "invalid", "inclusion failed, anchor unknown", "leads to root hash", edit(func(a *adversary, p *proof.Proof) { p.Layers[0].Index = a.spring[4].Layers[0].Index })},
		{"inclusion: an index above the size", "invalid", "inclusion failed, anchor unknown", "less than the tree size", edit(func(_ *adversary, p *proof.Proof) { p.Layers[0].Index += 16 })},
		{"inclusion: the path of one batch, the statement of another", "invalid", "inclusion failed, anchor unknown", "has 4 hashes, want 3", edit(func(a *adversary, p *proof.Proof) { p.Layers[0].Signed = a.fall[3].Layers[0].Signed })},
		{"inclusion: the same, with the other's transaction", "invalid", "inclusion failed, anchor unknown", "has 4 hashes, want 3", edit(func(a *adversary, p *proof.Proof) {
			p.Layers[0].Signed, p.Bitcoin = a.fall[3].Layers[0].Signed, a.fall[3].Bitcoin
		})},
		{"inclusion: a document that joined no batch, as the only one of a tree", "invalid", "inclusion failed, anchor unknown", "has 0 hashes, want 4", func(a *adversary) ([]byte, *proof.Proof) {
			doc := smallPDF("forged")
			return doc, a.edited(func(p *proof.Proof) {
				p.Digest, p.Layers[0].Path, p.Layers[0].Index = sha256.Sum256(doc), []merkle.Hash{}, 0
			})
		}},
		{"inclusion: a batch that is no member, below the alliance's statement", "invalid", "inclusion failed, anchor unknown", "layer 2: audit path leads", edit(func(a *adversary, p *proof.Proof) {
			p.Layers, p.Bitcoin = append(p.Layers, a.joined[3].Layers[1]), a.joined[3].Bitcoin
		})},
		{"inclusion: the alliance's layer twice", "invalid", "inclusion failed, anchor unknown", "layer 3: audit path leads", func(a *adversary) ([]byte, *proof.Proof) {
			p := copyOf(a.joined[3])
			p.Layers = append(p.Layers, p.Layers[1])
			return a.documents[3], p
		}},
		{"inclusion: layers in another order", "invalid", "malformed", "layer 1", func(a *adversary) ([]byte, *proof.Proof) {
			p := copyOf(a.joined[3])
			p.Layers[0], p.Layers[1] = p.Layers[1], p.Layers[0]
			return a.documents[3], p
		}},
		{"inclusion: the alliance's statement as if about documents", "invalid", "malformed", "layer 1", func(a *adversary) ([]byte, *proof.Proof) {
			p := copyOf(a.joined[3])
			p.Layers = p.Layers[1:]
			return a.documents[3], p
		}},
		{"inclusion: a statement for mainnet, below one for regtest", "invalid", "malformed", "layer 2: statement for regtest", acrossNetworks(bitcoin.Mainnet, bitcoin.Regtest)},
		{"inclusion: a statement for regtest, below one for signet", "invalid", "malformed", "layer 2: statement for signet", acrossNetworks(bitcoin.Regtest, bitcoin.Signet)},
		{"inclusion: five layers", "invalid", "malformed", "5 layers, want 1 to 4", func(a *adversary) ([]byte, *proof.Proof) {
			return a.documents[3], a.layered(proof.MaxLayers + 1)
		}},
	}, []attack{
		{"issuer: strangers in its name", "cannot-tell", "issuer unknown, status unknown", "0 of 2", signedBy(stranger, stranger2)},
		{"issuer: one officer of two", "cannot-tell", "issuer unknown, status unknown", "1 of 2", signedBy(dean)},
		{"issuer: one officer, and strangers", "cannot-tell", "issuer unknown, status unknown", "1 of 2", signedBy(dean, stranger, stranger2)},
		{"issuer: one officer under two names", "cannot-tell", "issuer unknown, status unknown", "1 of 2", signedBy(dean, dean.as("uni.example"))},
		{"issuer: one officer, one line twice", "invalid", "malformed", "a second signature", func(a *adversary) ([]byte, *proof.Proof) {
			p := a.reissued(a.statement("twice"), dean)
			l := &p.Layers[0]
			_, line, _ := bytes.Cut(l.Signed, []byte("\n\n"))
			l.Signed = append(l.Signed, line...)
			return a.documents[3], p
		}},
		{"issuer: officers of another that is known", "cannot-tell", "issuer unknown, status unknown", "0 of 2", signedBy(secretary, secretary.as(uniName))},
		{"issuer: an officer who left", "invalid", "issuer failed, status unknown", "not in force", signedBy(dean, former)},
		{"issuer: the key set of last year", "invalid", "issuer failed, status unknown", "not in force", signedBy(former)},
		{"issuer: an id that begins the same", "cannot-tell", "issuer unknown, status unknown", "no issuer with the id", func(a *adversary) ([]byte, *proof.Proof) {
			s := a.statement("another id")
			s.Issuer += "/"
			return a.documents[3], a.reissued(s, dean.as(s.Issuer), registry.as(s.Issuer))
		}},
		{"issuer: signatures of another statement", "invalid", "issuer failed, status unknown", "wrong signature", func(a *adversary) ([]byte, *proof.Proof) {
			p := a.issue(a.statement("moved"), 9, "moved", stranger)[3]
			text, _, _ := bytes.Cut(p.Layers[0].Signed, []byte("\n\n"))
			_, lines, _ := bytes.Cut(a.spring[3].Layers[0].Signed, []byte("\n\n"))
			p.Layers[0].Signed = slices.Concat(text, []byte("\n\n"), lines)
			a.include(p, stripped(nil, output{0, proof.Commitment(a.root(p))}, change))
			return a.documents[3], p
		}},
		{"issuer: a title that was changed", "invalid", "issuer failed, status unknown", "wrong signature", edit(func(a *adversary, p *proof.Proof) {
			l := &p.Layers[0]
			l.Signed = bytes.Replace(l.Signed, []byte("title spring"), []byte("title summer"), 1)
			a.include(p, stripped(nil, output{0, proof.Commitment(a.root(p))}, change))
		})},
		{"issuer: the same signatures for another network", "invalid", "issuer failed, status unknown", "wrong signature", func(a *adversary) ([]byte, *proof.Proof) {
			s := a.statement("network")
			s.Network = bitcoin.Signet
			p := a.issue(s, 9, "network", dean, registry)[3]
			l := &p.Layers[0]
			l.Signed = bytes.Replace(l.Signed, []byte("network signet"), []byte("network regtest"), 1)
			a.include(p, stripped(nil, output{0, proof.Commitment(a.root(p))}, change))
			return a.documents[3], p
		}},
		{"issuer: its officers signed the outer layer, one of them the document's", "cannot-tell", "issuer unknown, status unknown", "1 of 2", func(a *adversary) ([]byte, *proof.Proof) {
			all := a.issue(a.statement("outer"), 9, "outer", dean)
			a.join(all, uniName, dean, registry)
			a.include(all[3], stripped(nil, output{0, proof.Commitment(a.root(all[3]))}, change))
			return a.documents[3], all[3]
		}},
	}, []attack{
		{"anchor: the evidence of another batch", "invalid", "anchor failed", "the transaction commits to", edit(func(a *adversary, p *proof.Proof) { p.Bitcoin = a.fall[3].Bitcoin })},
		{"anchor: a transaction of another batch, in its place in the block", "invalid", "anchor failed", "the transaction commits to", edit(func(a *adversary, p *proof.Proof) { p.Bitcoin.Transaction = a.fall[3].Bitcoin.Transaction })},
		{"anchor: the root hash of the tree, without the signatures", "invalid", "anchor failed", "the transaction commits to", func(a *adversary) ([]byte, *proof.Proof) {
			s, _, err := issuer.ParseStatement(a.spring[3].Layers[0].Signed)
			require.NoError(a.t, err)
			return a.documents[3], a.committed(stripped(nil, output{0, proof.Commitment(s.Root)}, change))
		}},
		{"anchor: the batch of the first of two layers", "invalid", "anchor failed", "the transaction commits to", func(a *adversary) ([]byte, *proof.Proof) {
			p := copyOf(a.joined[3])
			a.include(p, stripped(nil, output{0, proof.Commitment(a.rootOf(p.Layers[0]))}, change))
			return a.documents[3], p
		}},
		{"anchor: no commitment", "invalid", "anchor failed", "has 0 gradseal", to(func([32]byte) []byte { return stripped(nil, change) })},
		{"anchor: two commitments", "invalid", "anchor failed", "has 2 gradseal", to(func(root [32]byte) []byte {
			return stripped(nil, output{0, proof.Commitment(root)}, output{0, proof.Commitment([32]byte{1})})
		})},
		{"anchor: one commitment twice", "invalid", "anchor failed", "has 2 gradseal", to(func(root [32]byte) []byte {
			return stripped(nil, output{0, proof.Commitment(root)}, output{0, proof.Commitment(root)})
		})},
		{"anchor: a commitment with a value", "invalid", "anchor failed", "a value of 1", to(func(root [32]byte) []byte { return stripped(nil, output{1, proof.Commitment(root)}, change) })},
		{"anchor: a commitment within a larger push", "invalid", "anchor failed", "has 0 gradseal", to(func(root [32]byte) []byte {
			return stripped(nil, output{0, slices.Concat([]byte{0x6a, 0x26}, proof.Commitment(root))}, change)
		})},
		{"anchor: a commitment and a byte", "invalid", "anchor failed", "has 0 gradseal", to(func(root [32]byte) []byte {
			return stripped(nil, output{0, append(proof.Commitment(root), 0)}, change)
		})},
		{"anchor: a commitment that can be spent", "invalid", "anchor failed", "has 0 gradseal", to(func(root [32]byte) []byte {
			return stripped(nil, output{0, proof.Commitment(root)[1:]}, change)
		})},
		{"anchor: the commitment in the script of an input", "invalid", "anchor failed", "has 0 gradseal", to(func(root [32]byte) []byte { return stripped(proof.Commitment(root), change) })},
		{"anchor: with its witness", "invalid", "anchor failed", "witness", edit(func(a *adversary, p *proof.Proof) {
			raw := p.Bitcoin.Transaction
			p.Bitcoin.Transaction = slices.Concat(raw[:4], []byte{0, 1}, raw[4:len(raw)-4], []byte{0}, raw[len(raw)-4:])
		})},
		{"anchor: the commitment in the witness alone", "invalid", "anchor failed", "witness", edit(func(a *adversary, p *proof.Proof) {
			raw := stripped(nil, change)
			a.include(p, raw)
			c := proof.Commitment(a.root(p))
			p.Bitcoin.Transaction = slices.Concat(raw[:4], []byte{0, 1}, raw[4:len(raw)-4], []byte{1, byte(len(c))}, c, raw[len(raw)-4:])
		})},
		{"anchor: bytes after the transaction", "invalid", "anchor failed", "left over", to(func(root [32]byte) []byte {
			return append(stripped(nil, output{0, proof.Commitment(root)}, change), 0)
		})},
		{"anchor: a transaction of 64 bytes", "invalid", "malformed", "transaction", to(func([32]byte) []byte { return make([]byte, 64) })},
		{"anchor: an inner node that is a transaction of 64 bytes", "invalid", "anchor failed", "64-byte", func(a *adversary) ([]byte, *proof.Proof) {
			return a.documents[3], a.edited(func(p *proof.Proof) { a.includeInPair(p) })
		}},
		{"anchor: the position of a repetition", "invalid", "anchor failed", "only repeats", edit(func(a *adversary, p *proof.Proof) {
			a.includeAt(p, 3, func(id bitcoin.Hash, others [2]bitcoin.Hash) []bitcoin.Hash {
				return []bitcoin.Hash{id, doubleSHA(slices.Concat(others[0][:], others[1][:]))}
			})
		})},
		{"anchor: a path beside the repetition", "invalid", "anchor failed", "above the repeated last", edit(func(a *adversary, p *proof.Proof) {
			raw := p.Bitcoin.Transaction
			id := doubleSHA(raw)
			pair := doubleSHA(slices.Concat(id[:], id[:]))
			more := bitcoin.Hash{7}
			h, height := a.mine(doubleSHA(slices.Concat(pair[:], more[:])))
			p.Bitcoin = &proof.Bitcoin{Transaction: raw, Path: []bitcoin.Hash{id, more}, Header: h, Height: height, Successors: []bitcoin.Header{}}
		})},
		{"anchor: a position beyond the path", "invalid", "anchor failed", "do not reach", edit(func(a *adversary, p *proof.Proof) { p.Bitcoin.Position += 1 << len(p.Bitcoin.Path) })},
		{"anchor: a path too long", "invalid", "malformed", "hashes", edit(func(a *adversary, p *proof.Proof) {
			p.Bitcoin.Path = append(p.Bitcoin.Path, make([]bitcoin.Hash, bitcoin.MaxInclusionPath)...)
		})},
		{"anchor: a signature line more", "invalid", "anchor failed, status unknown", "the transaction commits to", edit(func(a *adversary, p *proof.Proof) {
			more, err := issuer.AddSignature(p.Layers[0].Signed, issuer.MaxStatement, secretary)
			require.NoError(a.t, err)
			p.Layers[0].Signed = more
		})},
		{"anchor: signature lines in another order", "invalid", "anchor failed, status unknown", "the transaction commits to", edit(func(a *adversary, p *proof.Proof) {
			p.Layers[0].Signed = a.issue(a.statement("spring"), 9, "spring", registry, dean)[3].Layers[0].Signed
		})},
		{"anchor: a later copy of the statement, with the earlier block", "invalid", "anchor failed, status unknown", "the transaction commits to", func(a *adversary) ([]byte, *proof.Proof) {
			p := a.issue(a.statement("later"), 9, "later", dean, registry)[3]
			p.Bitcoin = a.spring[3].Bitcoin
			return a.documents[3], p
		}},
	}, []attack{
		{"block: none yet", "pending", "anchor unknown, block unknown", "no Bitcoin attestation", edit(func(_ *adversary, p *proof.Proof) { p.Bitcoin = nil })},
		{"block: mined in secret", "cannot-tell", "block unknown", "is not at height", edit(func(a *adversary, p *proof.Proof) {
			p.Bitcoin.Header = a.header(a.chain[10], p.Bitcoin.Header.MerkleRoot())
		})},
		{"block: the header with another nonce, and work", "cannot-tell", "block unknown", "is not at height", edit(func(_ *adversary, p *proof.Proof) {
			p.Bitcoin.Header[77] ^= 1
			p.Bitcoin.Header = worked(p.Bitcoin.Header)
		})},
		{"block: the header with an earlier time, and work", "cannot-tell", "block unknown", "is not at height", edit(func(_ *adversary, p *proof.Proof) {
			binary.LittleEndian.PutUint32(p.Bitcoin.Header[68:], 1_500_000_000)
			p.Bitcoin.Header = worked(p.Bitcoin.Header)
		})},
		{"block: the header without work", "invalid", "block failed", "above its target", edit(func(_ *adversary, p *proof.Proof) {
			for p.Bitcoin.Header.CheckWork() == nil {
				p.Bitcoin.Header[76]++
			}
		})},
		{"block: another height", "cannot-tell", "block unknown", "is not at height", edit(func(_ *adversary, p *proof.Proof) { p.Bitcoin.Height-- })},
		{"block: a height that is not there yet", "cannot-tell", "block unknown", "above the tip", edit(func(_ *adversary, p *proof.Proof) { p.Bitcoin.Height = 1 << 30 })},
		{"block: of another machine's regtest", "cannot-tell", "block unknown", "is not at height", func(a *adversary) ([]byte, *proof.Proof) {
			p := copyOf(a.spring[3])
			n, err := embedded.Open(a.t.Context(), filepath.Join(a.dir, "other"), filepath.Join(a.dir, "other.headers"))
			require.NoError(a.t, err)
			defer n.Close()
			p.Bitcoin = anchored(a.t, n, a.root(p))
			return a.documents[3], p
		}},
		{"block: with headers of its own", "cannot-tell", "block unknown", "is not at height", edit(func(a *adversary, p *proof.Proof) {
			p.Bitcoin.Header = a.header(a.chain[10], p.Bitcoin.Header.MerkleRoot())
			last := p.Bitcoin.Header
			for range proof.MaxSuccessors {
				last = a.header(last, bitcoin.Hash{})
				p.Bitcoin.Successors = append(p.Bitcoin.Successors, last)
			}
		})},
		{"block: a statement for mainnet, anchored on regtest", "cannot-tell", "block unknown, status unknown", "the proof is for mainnet", func(a *adversary) ([]byte, *proof.Proof) {
			s := a.statement("mainnet")
			s.Network = bitcoin.Mainnet
			return a.documents[3], a.reissued(s, dean, registry)
		}},
		{"block: a statement for another test network, anchored on regtest", "cannot-tell", "block unknown, status unknown", "the proof is for testnet4", func(a *adversary) ([]byte, *proof.Proof) {
			s := a.statement("testnet4")
			s.Network = bitcoin.Testnet4
			return a.documents[3], a.reissued(s, dean, registry)
		}},
	}, []attack{
		{"status: a batch that the officers' keys signed behind their back", "cannot-tell", "status unknown", "older than this batch", signedBy(dean, registry)},
		{"status: a document that was withdrawn", "withdrawn", "status failed", "rescinded", func(a *adversary) ([]byte, *proof.Proof) { return a.documents[0], a.spring[0] }},
	}, timestampAttacks(), signatureAttacks())
}

// acrossNetworks joins a batch for one network into one for another: each path and
// signature is right, and a block of the verifier's chain has the transaction.
func acrossNetworks(inner, outer bitcoin.Network) func(a *adversary) ([]byte, *proof.Proof) {
	return func(a *adversary) ([]byte, *proof.Proof) {
		s := a.statement("across networks")
		s.Network = inner
		all := a.issue(s, 9, fmt.Sprint(inner, outer), dean, registry)
		s.Issuer, s.Network = allianceName, outer
		a.joinIn(all, s, secretary)
		a.include(all[3], stripped(nil, output{0, proof.Commitment(a.root(all[3]))}, change))
		return a.documents[3], all[3]
	}
}

// layered is a proof with so many layers of which each is in the next, anchored.
func (a *adversary) layered(n int) *proof.Proof {
	a.t.Helper()
	all := a.issue(a.statement("layered"), 9, "layered", dean, registry)
	for range n - 1 {
		a.join(all, allianceName, secretary)
	}
	require.Len(a.t, all[3].Layers, n)
	a.include(all[3], stripped(nil, output{0, proof.Commitment(a.root(all[3]))}, change))
	return all[3]
}

// includeAt puts the transaction of p into a block of three as the last, and has
// its evidence say another position, with the path that is asked for.
func (a *adversary) includeAt(p *proof.Proof, position uint32, path func(id bitcoin.Hash, others [2]bitcoin.Hash) []bitcoin.Hash) {
	raw := p.Bitcoin.Transaction
	id := doubleSHA(raw)
	others := [2]bitcoin.Hash{{1}, {2}}
	h, height := a.mine(bitcoin.MerkleRoot([]bitcoin.Hash{others[0], others[1], id}))
	p.Bitcoin = &proof.Bitcoin{Transaction: raw, Position: position, Path: path(id, others), Header: h, Height: height, Successors: []bitcoin.Header{}}
}

// pairNonce is where includeInPair finds what it looks for: one number in three
// million is. Where the statements become others, another is found in a second or
// some.
const pairNonce = 4050

// includeInPair looks for a transaction that nobody mined, of which the id can be
// the second half of one of 64 bytes, and mines that: a parser that takes the
// inner node above the two for what it looks like sees a block with both.
func (a *adversary) includeInPair(p *proof.Proof) {
	commitment := output{0, proof.Commitment(a.root(p))}
	raw := stripped(nil, commitment, change)
	for n := uint32(pairNonce); ; n++ {
		binary.LittleEndian.PutUint32(raw[len(raw)-4:], n)
		id := doubleSHA(raw)
		s := id[9]
		if s > 4 || id[14+s] != 1 || id[23+s] != 4-s {
			continue
		}
		var left bitcoin.Hash
		left[0], left[4] = 2, 1 // version 2, one input
		pair := slices.Concat(left[:], id[:])
		ids := []bitcoin.Hash{{1}, doubleSHA(pair)}
		h, height := a.mine(bitcoin.MerkleRoot(ids))
		p.Bitcoin = &proof.Bitcoin{
			Transaction: raw, Position: 3, Path: []bitcoin.Hash{left, ids[0]}, Header: h, Height: height, Successors: []bitcoin.Header{},
		}
		return
	}
}

func marshalProof(t *testing.T, p *proof.Proof) []byte {
	t.Helper()
	data, err := proof.Marshal(p)
	require.NoError(t, err)
	return data
}

// list is the university's status list, with what the tests withdraw.
func (a *adversary) list(change func(l *issuer.StatusList)) *issuer.StatusList {
	l := &issuer.StatusList{
		Issuer: uniName, Network: bitcoin.Regtest, Sequence: 7,
		AsOf: a.now.Add(-time.Minute), Next: a.now.Add(90 * 24 * time.Hour),
	}
	for _, p := range []*proof.Proof{a.spring[0], a.fall[0], a.joined[0]} {
		l.AddBatch(a.rootOf(p.Layers[0]))
	}
	p := a.spring[0]
	l.AddWithdrawn(issuer.Withdrawal{ID: issuer.WithdrawalID(p.Salt, p.Digest), Date: "2026-11-22", Reason: issuer.ReasonRescinded})
	if change != nil {
		change(l)
	}
	return l
}

func (a *adversary) signList(l *issuer.StatusList, by ...officer) []byte {
	a.t.Helper()
	text, err := l.Text()
	require.NoError(a.t, err)
	return a.signText(text, issuer.MaxStatus, by...)
}

// pack is what an issuer publishes. The one of the university has the header chain.
func (a *adversary) pack(f *issuer.File, by []officer, lists, segments [][]byte) (data []byte, fingerprint string) {
	a.t.Helper()
	text, err := f.Text()
	require.NoError(a.t, err)
	signed := a.signText(text, issuer.MaxFile, by...)
	file, err := issuer.ParseFile(signed)
	require.NoError(a.t, err)
	p, err := trust.NewPack(signed, lists, segments)
	require.NoError(a.t, err)
	data, err = p.Marshal()
	require.NoError(a.t, err)
	return data, file.Fingerprint().String()
}

func keySet(from, until time.Time, threshold int, officers ...officer) issuer.KeySet {
	set := issuer.KeySet{From: from, Until: until, Threshold: threshold}
	for i, o := range officers {
		set.Keys = append(set.Keys, issuer.Key{Public: o.PublicKey(), Holder: fmt.Sprintf("Officer %d", i+1)})
	}
	return set
}

const year = 365 * 24 * time.Hour

// university is its issuer file.
func (a *adversary) university() *issuer.File {
	return &issuer.File{ID: uniName, Name: "University of Example", Sequence: 1, Sets: []issuer.KeySet{
		keySet(a.now.Add(-3*year), a.now.Add(-year), 1, former),
		keySet(a.now.Add(-year), time.Time{}, 2, dean, registry),
	}}
}

// verifier is the program with the home of somebody who trusts the university.
func (a *adversary) verifier(program string) *registrar {
	a.t.Helper()
	return a.verifierOf(program, "verifier", [][]byte{a.signList(a.list(nil), dean, registry)})
}

// verifierOf is one in a directory of its own, whose pack has these lists.
func (a *adversary) verifierOf(program, name string, lists [][]byte) *registrar {
	a.t.Helper()
	return a.verifierWith(program, name, a.university(), []officer{dean, registry}, lists)
}

// verifierWith is verifierOf, with a university of which this is the issuer file.
func (a *adversary) verifierWith(program, name string, university *issuer.File, by []officer, lists [][]byte) *registrar {
	a.t.Helper()
	r := &registrar{program: program, dir: filepath.Join(a.dir, name)}
	require.NoError(a.t, os.Mkdir(r.dir, 0o777))
	alliance := &issuer.File{ID: allianceName, Name: "Alliance", Sequence: 1, Sets: []issuer.KeySet{keySet(a.now.Add(-year), time.Time{}, 1, secretary)}}
	segment := a.segment(append([]bitcoin.Header{bitcoin.Regtest.Genesis()}, a.chain...))
	for name, pack := range map[string]struct {
		file  *issuer.File
		by    []officer
		lists [][]byte
		chain [][]byte
	}{
		"uni.pack":      {university, by, lists, [][]byte{segment}},
		"alliance.pack": {alliance, []officer{secretary}, nil, nil},
	} {
		data, fingerprint := a.pack(pack.file, pack.by, pack.lists, pack.chain)
		require.NoError(a.t, os.WriteFile(filepath.Join(r.dir, name), data, 0o666))
		r.run(a.t, "trust", "add", name, "--fingerprint", fingerprint)
	}
	return r
}

func (a *adversary) segment(hs []bitcoin.Header) []byte {
	a.t.Helper()
	data, err := (&headers.Segment{Network: bitcoin.Regtest, Source: "somebody", Headers: hs}).Marshal()
	require.NoError(a.t, err)
	return data
}

// judgement is what verify --json says of a document.
type judgement struct {
	Verdict string
	Problem string
	Exit    int
	Checks  []check
}

type check struct{ Name, Outcome, Detail string }

// not is what is not ok, and the words about the first of it.
func (j *judgement) not() (checks, detail string) {
	switch {
	case strings.Contains(j.Problem, "not a proof"):
		return "malformed", j.Problem
	case j.Problem != "":
		return "broken", j.Problem
	}
	var all []string
	for _, c := range j.Checks {
		if c.Outcome == "ok" {
			continue
		}
		if all == nil {
			detail = c.Detail
		}
		all = append(all, c.Name+" "+c.Outcome)
	}
	return strings.Join(all, ", "), detail
}

// judge writes the two files side by side and has the program verify them.
func judge(t *testing.T, r *registrar, document []byte, p *proof.Proof) *judgement {
	t.Helper()
	if p == nil {
		return judgeFile(t, r, document, nil)
	}
	return judgeFile(t, r, document, marshalProof(t, p))
}

// judgeFile is judge with the bytes of a proof file, of which nil is none, and with
// options in the place of the test network's.
func judgeFile(t *testing.T, r *registrar, document, proofFile []byte, options ...string) *judgement {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "transcript.pdf")
	require.NoError(t, os.WriteFile(path, document, 0o666))
	if proofFile != nil {
		require.NoError(t, os.WriteFile(path+proof.Suffix, proofFile, 0o666))
	}
	if options == nil {
		options = []string{"--network", "regtest"}
	}
	cmd := r.command(t.Context(), slices.Concat([]string{"verify", "--json"}, options, []string{path})...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	j := new(judgement)
	require.NoError(t, json.Unmarshal(out, j), "%s", out)
	require.Equal(t, cmd.ProcessState.ExitCode(), j.Exit)
	return j
}

// TestAttacks hands forged files to the program. The proofs that they are made of
// are real: the embedded node anchored them. Each forgery is stopped by the check
// that is there for it, and none is VALID.
func TestAttacks(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the program runs a hundred times, and it is not under the race detector")
	}
	t.Parallel()
	a := newAdversary(t)
	all := attacks()
	made := make([]forged, len(all))
	for i, attack := range all {
		made[i].document, made[i].proof = attack.make(a)
	}
	honest := []*proof.Proof{a.spring[3], a.fall[3], a.joined[3], a.stamped(nil), a.stampedTwice(func(*proof.Proof) {}), a.falseBesideTrue()}
	four := a.layered(proof.MaxLayers)
	a.mine(bitcoin.Hash{})
	r := a.verifier(builtProgram(t))
	for i, p := range honest {
		require.Equal(t, "valid", verdictOf(t, r, a.documents[3], p), "honest proof %d", i)
	}
	require.Equal(t, "cannot-tell: status unknown", verdictOf(t, r, a.documents[3], four), "as many layers as there may be")
	for i, attack := range all {
		t.Run(attack.name, func(t *testing.T) {
			j := judge(t, r, made[i].document, made[i].proof)
			not, detail := j.not()
			require.Equal(t, attack.verdict+": "+attack.not, j.Verdict+": "+not, "%s", detail)
			require.Contains(t, detail, attack.says)
			t.Log(detail)
		})
	}
}

// verdictOf is the verdict of an honest proof, with what is not ok.
func verdictOf(t *testing.T, r *registrar, document []byte, p *proof.Proof) string {
	t.Helper()
	j := judge(t, r, document, p)
	not, _ := j.not()
	return strings.TrimSuffix(j.Verdict+": "+not, ": ")
}

// copied is the verifier with a home of its own.
func copied(t *testing.T, r *registrar) *registrar {
	t.Helper()
	c := &registrar{program: r.program, dir: t.TempDir()}
	require.NoError(t, os.CopyFS(c.home(), os.DirFS(r.home())))
	return c
}

// TestAttacksOnStatus imports status lists that somebody made. The fourth document
// of spring was VALID before, the first one WITHDRAWN; nothing makes a withdrawn one
// VALID again, and who has the officers' keys can do no more than make it unclear.
func TestAttacksOnStatus(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the program runs a hundred times, and it is not under the race detector")
	}
	t.Parallel()
	a := newAdversary(t)
	r := a.verifier(builtProgram(t))
	list := func(change func(l *issuer.StatusList), by ...officer) []byte {
		return a.signList(a.list(change), by...)
	}
	lifted := func(sequence uint64) func(l *issuer.StatusList) {
		return func(l *issuer.StatusList) { l.Sequence, l.Withdrawn = sequence, nil }
	}
	const valid, withdrawn = "valid", "withdrawn: status failed"
	tests := []struct {
		name   string
		data   []byte
		says   string // "": taken in
		fourth string
		first  string
	}{
		{"an older one, without the withdrawal", list(lifted(6), dean, registry), "older", valid, withdrawn},
		{"a newer one, without the withdrawal", list(lifted(8), dean, registry), "an entry has vanished", valid, withdrawn},
		{"a newer one, without a batch", list(func(l *issuer.StatusList) { l.Sequence, l.Batches = 8, l.Batches[1:] }, dean, registry), "an entry has vanished", valid, withdrawn},
		{"another one with the same number", list(lifted(7), dean, registry), "one sequence number", "cannot-tell: status unknown", withdrawn},
		{"of strangers", list(lifted(8), stranger, stranger2), "0 of 2", valid, withdrawn},
		{"of one officer under two names", list(lifted(8), dean, dean.as("uni.example")), "1 of 2", valid, withdrawn},
		{"of an officer who left", list(lifted(8), former), "in force", valid, withdrawn},
		{"of the alliance, in the university's name", list(lifted(8), secretary.as(uniName)), "0 of 2", valid, withdrawn},
		{"of the alliance, about the university's batches", list(func(l *issuer.StatusList) { lifted(8)(l); l.Issuer = allianceName }, secretary), "", valid, withdrawn},
		{"for another network", list(func(l *issuer.StatusList) { lifted(8)(l); l.Network = bitcoin.Signet }, dean, registry), "", valid, withdrawn},
		{"with the signatures of a statement", resigned(list(lifted(8), dean, registry), a.spring[3].Layers[0].Signed), "wrong signature", valid, withdrawn},
		{"with a signature in another spelling", respelledNote(list(lifted(8), dean, registry)), "canonical", valid, withdrawn},
		{"with a signature line twice", rawNote(textOf(list(lifted(8), dean)), dean, dean), "a second signature", valid, withdrawn},
		{"of one officer, and a key of small order", append(list(lifted(8), dean), signatureLine(uniName, identity, anySignature)...), "1 of 2", valid, withdrawn},
		{"with a reason that turns the line round", rawNote(strings.Replace(textOf(list(nil, dean)), " rescinded", " rescinded\u202e", 1), dean, registry), "U+202E", valid, withdrawn},
		{"with another letter in the issuer's name", rawNote(strings.Replace(textOf(list(lifted(8), dean)), "uni.example", "uni.examplе", 1), dean, registry), "issuer", valid, withdrawn},
		{"from tomorrow, by a clock that is before", list(func(l *issuer.StatusList) { l.Sequence, l.AsOf = 8, a.now.Add(23*time.Hour) }, dean, registry), "", valid, withdrawn},
		{"from next week", list(func(l *issuer.StatusList) { l.Sequence, l.AsOf = 8, a.now.Add(7*24*time.Hour) }, dean, registry), "ahead of the clock: it is as of", valid, withdrawn},
		{"with the greatest number, by a thief of the keys", list(func(l *issuer.StatusList) { l.Sequence = 1<<53 - 1 }, dean, registry), "ahead of the clock: sequence", valid, withdrawn},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := copied(t, r)
			require.NoError(t, os.WriteFile(filepath.Join(r.dir, "list"), test.data, 0o666))
			out, err := r.command(t.Context(), "status", "import", "list").CombinedOutput()
			if test.says == "" {
				require.NoError(t, err, "%s", out)
			} else {
				require.Error(t, err, "%s", out)
				require.Contains(t, string(out), test.says)
			}
			require.Equal(t, test.fourth, verdictOf(t, r, a.documents[3], a.spring[3]))
			require.Equal(t, test.first, verdictOf(t, r, a.documents[0], a.spring[0]))
		})
	}
	t.Run("after the highest number", func(t *testing.T) {
		r := copied(t, r)
		now := uint64(time.Now().Unix())
		take := func(sequence uint64, batches ...[32]byte) {
			data := list(func(l *issuer.StatusList) {
				l.Sequence = sequence
				for _, root := range batches {
					l.AddWithdrawnBatch(issuer.Withdrawal{ID: root, Date: "2026-11-23", Reason: issuer.ReasonKeyCompromise})
				}
			}, dean, registry)
			require.NoError(t, os.WriteFile(filepath.Join(r.dir, "list"), data, 0o666))
			r.run(t, "status", "import", "list")
		}
		take(now - 1)
		require.Equal(t, valid, verdictOf(t, r, a.documents[3], a.spring[3]))
		take(now, a.root(a.spring[3])) // the institution's own, a second later
		require.Equal(t, withdrawn, verdictOf(t, r, a.documents[3], a.spring[3]))
	})
}

// textOf is the text of a signed note.
func textOf(note []byte) string {
	text, _, _ := bytes.Cut(note, []byte("\n\n"))
	return string(text) + "\n"
}

// resigned is a note with the signature lines of another.
func resigned(note, other []byte) []byte {
	text, _, _ := bytes.Cut(note, []byte("\n\n"))
	_, lines, _ := bytes.Cut(other, []byte("\n\n"))
	return slices.Concat(text, []byte("\n\n"), lines)
}

// TestAttacksOnHeaders imports headers that somebody made, on a network where work
// costs nothing: whatever the rules do not refuse, the chain that is there does. It
// stays as it is, byte for byte.
func TestAttacksOnHeaders(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the program runs a hundred times, and it is not under the race detector")
	}
	t.Parallel()
	a := newAdversary(t)
	r := a.verifier(builtProgram(t))
	genesis := bitcoin.Regtest.Genesis()
	whole := append([]bitcoin.Header{genesis}, a.chain...)
	tip := len(whole)
	above := func(from, n int, change func(h *bitcoin.Header)) []bitcoin.Header {
		hs := slices.Clone(whole[:from])
		for range n {
			h := a.header(hs[len(hs)-1], bitcoin.Hash{9})
			if change != nil {
				change(&h)
			}
			hs = append(hs, h)
		}
		return hs
	}
	timed := func(at time.Time) func(h *bitcoin.Header) {
		return func(h *bitcoin.Header) {
			binary.LittleEndian.PutUint32(h[68:], uint32(at.Unix()))
			*h = worked(*h)
		}
	}
	tests := []struct {
		name string
		data []byte
		says string
	}{
		{"a longer chain from genesis", a.segment(above(1, tip+50, nil)), "--replace"},
		{"a longer branch, below the anchor", a.segment(above(60, tip, nil)), "--replace"},
		{"a longer branch, that says it is from the source of the chain that is there", mustSegment(t, &headers.Segment{
			Network: bitcoin.Regtest, Source: "pack of " + uniName, Headers: above(60, tip, nil),
		}), "--replace"},
		{"a shorter branch", a.segment(above(60, 5, nil)), "--replace"},
		{"a block without work", a.segment(above(tip, 1, func(h *bitcoin.Header) {
			for h.CheckWork() == nil {
				h[76]++
			}
		})), "above its target"},
		{"a block from before the eleven below", a.segment(above(tip, 1, timed(genesis.Time()))), "invalid time"},
		{"a block from tomorrow", a.segment(above(tip, 1, timed(time.Now().Add(24*time.Hour)))), "hours"},
		{"a block with a target of its own", a.segment(above(tip, 1, func(h *bitcoin.Header) {
			binary.LittleEndian.PutUint32(h[72:], 0x207ffffe)
			*h = worked(*h)
		})), "bits"},
		{"another network's genesis", a.segment([]bitcoin.Header{bitcoin.Signet.Genesis()}), "disagrees"},
		{"headers with a gap below", mustSegment(t, &headers.Segment{
			Network: bitcoin.Regtest, Source: "somebody", From: uint32(tip + 4), Headers: above(tip, 6, nil)[tip+4:],
		}), "height"},
		{"no headers", []byte("gradseal-headers-v1\n"), "malformed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := copied(t, r)
			require.NoError(t, os.WriteFile(filepath.Join(r.dir, "segment"), test.data, 0o666))
			before, err := os.ReadFile(r.headerFile())
			require.NoError(t, err)
			out, err := r.command(t.Context(), "headers", "import", "segment").CombinedOutput()
			require.Error(t, err, "%s", out)
			require.Contains(t, string(out), test.says)
			after, err := os.ReadFile(r.headerFile())
			require.NoError(t, err)
			require.Equal(t, before, after)
			require.Equal(t, "valid", verdictOf(t, r, a.documents[3], a.spring[3]))
		})
	}
}

func mustSegment(t *testing.T, s *headers.Segment) []byte {
	t.Helper()
	data, err := s.Marshal()
	require.NoError(t, err)
	return data
}

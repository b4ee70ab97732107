package proof_test

import (
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/merkle"
	"gradseal/proof"
	"gradseal/proof/ots"
)

// place is where an entry stands in the tree of a layer.
type place struct{ index, size uint64 }

// signedTree is a statement about a tree.
func signedTree(t testing.TB, typ issuer.Type, size uint64, root [32]byte) []byte {
	t.Helper()
	s := issuer.Statement{
		Type: typ, Issuer: "uni.example/registrar", Network: bitcoin.Regtest, Size: size, Root: root,
		Issued: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC),
	}
	text, err := s.Text()
	require.NoError(t, err)
	signed, err := issuer.SignNote(text, issuer.MaxStatement, newOfficer(s.Issuer, 1))
	require.NoError(t, err)
	return signed
}

// leadsUp is where a path leads, by the definition of the tree.
func leadsUp(entry []byte, p place, path []merkle.Hash) (node merkle.Hash) {
	node = sha256.Sum256(append([]byte{0}, entry...))
	for last := p.size - 1; last > 0; last >>= 1 {
		switch {
		case p.index%2 == 1:
			node = sha256.Sum256(slices.Concat([]byte{1}, path[0][:], node[:]))
			path = path[1:]
		case p.index < last:
			node = sha256.Sum256(slices.Concat([]byte{1}, node[:], path[0][:]))
			path = path[1:]
		}
		p.index >>= 1
	}
	return node
}

// pathLength is the number of siblings on the way up.
func pathLength(p place) (n int) {
	for last := p.size - 1; last > 0; last >>= 1 {
		if p.index%2 == 1 || p.index < last {
			n++
		}
		p.index >>= 1
	}
	return n
}

// honest is a pending proof of a layer for each place, and its last batch root.
// Siblings are invented, and the trees are those to which they lead: so a tree
// can have any size.
func honest(t testing.TB, places ...place) (*proof.Proof, [32]byte) {
	t.Helper()
	p := &proof.Proof{Digest: hash(1), Salt: hash(0x40)}
	entry := p.Entry()
	for i, at := range places {
		path := make([]merkle.Hash, pathLength(at))
		for k := range path {
			path[k] = sha256.Sum256(fmt.Appendf(nil, "sibling %d of layer %d", k, i))
		}
		root, typ := leadsUp(entry, at, path), issuer.Batches
		if i == 0 {
			typ = issuer.Documents
		}
		require.NoError(t, merkle.VerifyInclusion(merkle.LeafHash(entry), at.index, at.size, path, root))
		signed := signedTree(t, typ, at.size, root)
		p.Layers = append(p.Layers, proof.Layer{Index: at.index, Path: path, Signed: signed})
		batchRoot := proof.BatchRoot(signed, root)
		entry = batchRoot[:]
	}
	return reparsed(t, p), [32]byte(entry)
}

// reparsed is the proof as a reader has it.
func reparsed(t testing.TB, p *proof.Proof) *proof.Proof {
	t.Helper()
	again, err := proof.Parse([]byte(marshal(t, p)))
	require.NoError(t, err)
	return again
}

// walk applies operations to a message.
func walk(t testing.TB, message []byte, ops []ots.Operation) []byte {
	t.Helper()
	for _, op := range ops {
		var err error
		message, err = op.Apply(message)
		require.NoError(t, err)
	}
	return message
}

func steps(t testing.TB, of interface{ Steps() ([]proof.Step, error) }) []ots.Operation {
	t.Helper()
	all, err := of.Steps()
	require.NoError(t, err)
	for _, s := range all {
		require.NotEmpty(t, s.What)
		require.True(t, s.Op.IsCommitment())
	}
	return proof.Operations(all)
}

// requireLeads checks that the steps of a proof lead from its document to the
// batch root.
func requireLeads(t *testing.T, places ...place) {
	t.Helper()
	p, root := honest(t, places...)
	require.Equal(t, root[:], walk(t, p.Digest[:], steps(t, p)), "%v", places)
}

func TestStepsOfOneLayer(t *testing.T) {
	for size := uint64(1); size <= 33; size++ {
		for index := range size {
			requireLeads(t, place{index, size})
		}
	}
	for _, size := range []uint64{127, 128, 129, 20_000, 1 << 20, 1<<31 + 1, issuer.MaxTreeSize - 1, issuer.MaxTreeSize} {
		for _, index := range []uint64{0, 1, size / 2, size/2 + 1, size - 2, size - 1} {
			requireLeads(t, place{index, size})
		}
	}
}

func TestStepsOfLayers(t *testing.T) {
	places := []place{{4, 9}, {0, 1}, {2, 3}, {6, 7}}
	for n := 1; n <= len(places); n++ {
		requireLeads(t, places[:n]...)
		slices.Reverse(places[:n])
		requireLeads(t, places[:n]...)
	}
}

// The siblings of a real tree are found where the tree puts them.
func TestStepsInATree(t *testing.T) {
	for _, size := range []int{1, 2, 3, 5, 6, 7, 8, 13} {
		p := &proof.Proof{Digest: hash(1), Salt: hash(0x40)}
		for i := range size {
			leaves := make([]merkle.Hash, size)
			for k := range leaves {
				leaves[k] = merkle.LeafHash(fmt.Appendf(nil, "entry %d", k))
			}
			leaves[i] = merkle.LeafHash(p.Entry())
			tree, err := merkle.New(leaves)
			require.NoError(t, err)
			path, err := tree.AppendPath(nil, uint64(i))
			require.NoError(t, err)
			signed := signedTree(t, issuer.Documents, uint64(size), tree.Root())
			p.Layers = []proof.Layer{{Index: uint64(i), Path: path, Signed: signed}}
			root := proof.BatchRoot(signed, tree.Root())
			require.Equal(t, root[:], walk(t, p.Digest[:], steps(t, reparsed(t, p))), "leaf %d of %d", i, size)
		}
	}
}

func TestStepsRefuse(t *testing.T) {
	p, _ := honest(t, place{4, 9}, place{2, 3})
	p.Layers[1].Path = append(p.Layers[1].Path, merkle.Hash{})
	_, err := p.Steps()
	require.EqualError(t, err, "layer 2: audit path has 2 hashes, want 1 (leaf 2 of 3)")
	p, _ = honest(t, place{4, 9})
	p.Layers[0].Path = nil
	_, err = p.Steps()
	require.EqualError(t, err, "layer 1: audit path has 0 hashes, want 4 (leaf 4 of 9)")
	// An index that is not in the tree is not led anywhere, either.
	p, _ = honest(t, place{4, 9})
	p.Layers[0].Index = math.MaxUint32
	_, err = p.Steps()
	require.Error(t, err)
}

// anchorIn gives the proof a block of n transactions, of which the one at the
// position commits to the batch root.
func anchorIn(t testing.TB, p *proof.Proof, root [32]byte, n int, position uint32, script []byte) {
	t.Helper()
	raw := slices.Concat([]byte{2, 0, 0, 0, 1}, make([]byte, 36), []byte{byte(len(script))}, script, []byte{0xfd, 0xff, 0xff, 0xff, 1},
		make([]byte, 8), []byte{38}, proof.Commitment(root), make([]byte, 4))
	tx, err := bitcoin.ParseTransaction(raw)
	require.NoError(t, err)
	block := make([]bitcoin.Hash, n)
	for i := range block {
		block[i] = sha256.Sum256(fmt.Appendf(nil, "transaction %d", i))
	}
	block[position] = tx.ID()
	path, err := bitcoin.InclusionPath(block, position)
	require.NoError(t, err)
	h := header(0x11)
	merkleRoot := bitcoin.MerkleRoot(block)
	copy(h[36:], merkleRoot[:])
	p.Bitcoin = &proof.Bitcoin{Transaction: raw, Position: position, Path: path, Header: h, Height: 102}
	require.NoError(t, bitcoin.VerifyInclusion(tx.ID(), position, path, h.MerkleRoot()))
}

func TestStepsInABlock(t *testing.T) {
	root := hash(0xb0)
	p := newProof(t)
	for n := 1; n <= 17; n++ {
		for position := range n {
			anchorIn(t, p, root, n, uint32(position), []byte{0x51})
			want := p.Bitcoin.Header.MerkleRoot()
			require.Equal(t, want[:], walk(t, root[:], steps(t, p.Bitcoin)), "transaction %d of %d", position, n)
		}
	}
}

// The commitment may stand in the transaction a second time, where it is none.
func TestStepsPastALookAlike(t *testing.T) {
	root := hash(0xb0)
	p := newProof(t)
	anchorIn(t, p, root, 3, 1, append(proof.Commitment(root), 0x51))
	want := p.Bitcoin.Header.MerkleRoot()
	require.Equal(t, want[:], walk(t, root[:], steps(t, p.Bitcoin)))
}

func TestBitcoinStepsRefuse(t *testing.T) {
	_, err := newProof(t).Bitcoin.Steps()
	require.ErrorContains(t, err, "malformed transaction")
	p := newProof(t)
	anchorIn(t, p, hash(0xb0), 3, 1, nil)
	p.Bitcoin.Transaction[len(p.Bitcoin.Transaction)-4-38] ^= 1
	_, err = p.Bitcoin.Steps()
	require.ErrorContains(t, err, "has 0 gradseal commitments")
	_, err = p.Bitcoin.Timestamp()
	require.ErrorContains(t, err, "has 0 gradseal commitments")
}

// export is the .ots file of a proof, written and read again, and its paths.
func export(t testing.TB, p *proof.Proof, more *ots.Timestamp) (*ots.File, []ots.Path) {
	t.Helper()
	f, err := p.Export(more)
	require.NoError(t, err)
	data, err := f.Marshal()
	require.NoError(t, err)
	again, err := ots.ParseFile(data)
	require.NoError(t, err)
	require.Equal(t, ots.SHA256, again.Hash)
	require.Equal(t, p.Digest[:], again.Digest)
	require.Equal(t, again.Timestamp.Canonical(), again.Timestamp, "the canonical order")
	paths, err := again.Timestamp.Paths(again.Digest)
	require.NoError(t, err)
	return again, paths
}

func TestExport(t *testing.T) {
	for n := 1; n <= 4; n++ {
		p, root := honest(t, []place{{4, 9}, {0, 1}, {2, 3}, {6, 7}}[:n]...)
		anchorIn(t, p, root, 7, 4, nil)
		block := p.Bitcoin.Header.MerkleRoot()
		_, paths := export(t, p, nil)
		require.Len(t, paths, 1)
		require.Equal(t, ots.Bitcoin(102), paths[0].Attestation)
		require.Equal(t, block[:], paths[0].Result)
		require.NotContains(t, paths[0].Ops, ots.SHA1)

		p.OpenTimestamps = newTimestamp()
		other, err := p.OpenTimestamps.MerkleRoot(root)
		require.NoError(t, err)
		_, paths = export(t, p, nil)
		require.ElementsMatch(t, []string{end(block, 102), end(other, 958000)}, ends(paths))

		p.Bitcoin = nil
		_, paths = export(t, p, nil)
		require.Equal(t, []string{end(other, 958000)}, ends(paths))
	}
}

func end(root bitcoin.Hash, height int) string { return fmt.Sprintf("%x %d", root[:], height) }

// ends are the messages attested, with the heights.
func ends(paths []ots.Path) (all []string) {
	for _, p := range paths {
		height, ok := p.Attestation.BitcoinHeight()
		if ok {
			all = append(all, fmt.Sprintf("%x %d", p.Result, height))
		} else {
			all = append(all, fmt.Sprintf("%x %s", p.Result, p.Attestation))
		}
	}
	return all
}

// What else is known of the batch root is in the file, each thing once.
func TestExportMore(t *testing.T) {
	p, root := honest(t, place{4, 9})
	anchorIn(t, p, root, 7, 4, nil)
	block := p.Bitcoin.Header.MerkleRoot()
	p.OpenTimestamps = newTimestamp()
	stamped, err := p.OpenTimestamps.MerkleRoot(root)
	require.NoError(t, err)
	pending := ots.Path{Ops: p.OpenTimestamps.Ops[:2], Attestation: ots.Pending("https://calendar.example")}
	more := ots.Merge(p.OpenTimestamps.Timestamp(), pending.Timestamp())
	want := []string{
		end(block, 102), end(stamped, 958000),
		fmt.Sprintf("%x pending at https://calendar.example", walk(t, root[:], pending.Ops)),
	}
	_, paths := export(t, p, more)
	require.ElementsMatch(t, want, ends(paths))

	p.Bitcoin, p.OpenTimestamps = nil, nil
	_, paths = export(t, p, more)
	require.ElementsMatch(t, want[1:], ends(paths), "a proof that is pending itself")
}

func TestExportRefuses(t *testing.T) {
	pending, _ := honest(t, place{4, 9})
	_, err := pending.Export(nil)
	require.ErrorIs(t, err, proof.ErrNoAttestation)
	_, err = pending.Export(&ots.Timestamp{})
	require.ErrorIs(t, err, proof.ErrNoAttestation)

	elsewhere, root := honest(t, place{4, 9})
	anchorIn(t, elsewhere, root, 7, 4, nil)
	good := *elsewhere
	elsewhere.Salt[0] ^= 1
	f, err := elsewhere.Export(nil)
	require.ErrorContains(t, err, "the proof leads to the Merkle root")
	require.Nil(t, f)

	elsewhere = &good
	elsewhere.Bitcoin.Header[40] ^= 1
	_, err = elsewhere.Export(nil)
	require.ErrorContains(t, err, "the proof leads to the Merkle root")
	elsewhere.Bitcoin.Transaction = elsewhere.Bitcoin.Transaction[1:]
	_, err = elsewhere.Export(nil)
	require.ErrorContains(t, err, "malformed transaction")
}

// OpenTimestamps nests no more than 256 timestamps. What is as deep can be
// exported, and what is deeper is refused in words.
func TestExportDepth(t *testing.T) {
	// With the salt, an operation for each hash of the path and two more, two for
	// the leaf and two for the batch root: 1 + 4 + 3*32 for each layer.
	deep := func(layers int, index uint64) *proof.Proof {
		places := make([]place, layers)
		for i := range places {
			places[i] = place{index, issuer.MaxTreeSize}
		}
		p, root := honest(t, places...)
		anchorIn(t, p, root, 1, 0, nil)
		return p
	}
	for layers, index := range map[int]uint64{1: 0, 2: 0, 3: issuer.MaxTreeSize - 1} {
		p := deep(layers, index)
		_, paths := export(t, p, nil)
		require.Len(t, paths, 1)
		require.LessOrEqual(t, len(paths[0].Ops), 255)
	}
	for layers, index := range map[int]uint64{3: 0, 4: 0} {
		p := deep(layers, index)
		f, err := p.Export(nil)
		if err == nil {
			_, err = f.Marshal()
		}
		require.ErrorIs(t, err, ots.ErrMalformed)
		require.ErrorContains(t, err, "nested deeper than 256")
	}
}

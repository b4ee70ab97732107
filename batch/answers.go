package batch

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"gradseal/batch/leaves"
	"gradseal/internal/atomicfile"
	"gradseal/issuer"
	"gradseal/merkle"
	"gradseal/proof"
)

// ShardFile is a shard file that a batch was made of.
type ShardFile struct {
	Path string   // absolute, where it was last
	Sum  [32]byte // as its last line has it
}

// marshalShardFiles has a line for each: sum and quoted path.
func marshalShardFiles(files []ShardFile) []byte {
	var out []byte
	for _, f := range files {
		out = append(hex.AppendEncode(out, f.Sum[:]), ' ')
		out = append(strconv.AppendQuote(out, f.Path), '\n')
	}
	return out
}

func parseShardFiles(data []byte) (files []ShardFile, err error) {
	for line := range strings.Lines(string(data)) {
		var f ShardFile
		sum, path, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		f.Path, err = strconv.Unquote(path)
		if raw, hexErr := hex.DecodeString(sum); err == nil && hexErr == nil && len(raw) == len(f.Sum) {
			f.Sum = [32]byte(raw)
		}
		files = append(files, f)
	}
	if err != nil || !bytes.Equal(marshalShardFiles(files), data) {
		return nil, errors.New("malformed list of shard files")
	}
	return files, nil
}

// loadShardFiles reads where the shard files are.
func (b *Batch) loadShardFiles() error {
	data, err := optional(b.dir, shardsFile)
	if err != nil || data == nil {
		return err
	}
	if b.ShardFiles, err = parseShardFiles(data); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(b.dir, shardsFile), err)
	}
	return nil
}

// SaveShardFiles puts on disk, synced, where shard files of the batch are now. What
// is no file that it was made of is passed over.
func (b *Batch) SaveShardFiles(now []ShardFile) error {
	next := slices.Clone(b.ShardFiles)
	for i := range next {
		for _, f := range now {
			if f.Sum == next[i].Sum {
				next[i] = f
			}
		}
	}
	if slices.Equal(next, b.ShardFiles) {
		return nil
	}
	if err := atomicfile.WriteFile(filepath.Join(b.dir, shardsFile), marshalShardFiles(next), 0o600); err != nil {
		return err
	}
	b.ShardFiles = next
	return nil
}

// WasMadeOf reports whether the batch is signed, and was made of these shard files
// and perhaps others.
func (b *Batch) WasMadeOf(files []ShardFile) bool {
	return b.Statement != nil && !slices.ContainsFunc(files, func(f ShardFile) bool {
		return !slices.ContainsFunc(b.ShardFiles, func(have ShardFile) bool { return have.Sum == f.Sum })
	})
}

// ErrNoneOfShard says of a shard that the batch has none of its documents.
var ErrNoneOfShard = errors.New("has no document that is in the batch")

// Answer makes what the worker of a shard writes its proofs with. The batch must
// have evidence: its answers are no pending ones.
func (b *Batch) Answer(shard *leaves.File) (*leaves.Answer, error) {
	if _, err := b.Root(); err != nil {
		return nil, err
	}
	if !b.final.any() {
		return nil, fmt.Errorf("batch %s is %s: its block is not deep enough yet", b.ID, b.State())
	}
	hashes := hashesInOrder(shard)
	a := &leaves.Answer{
		Batch: b.ID, Shard: shard.Name, Sum: shard.Sum, Statement: b.Statement,
		Indexes: make([]int64, len(hashes)), Given: []merkle.Hash{},
	}
	if b.final.bitcoin {
		a.Bitcoin = b.Attestation
	}
	if b.final.timestamp {
		a.Timestamp = b.Timestamp
	}
	var own []uint32
	var leaf []merkle.Hash
	from := 0 // the tree's leaves are in order, too
	for i, h := range hashes {
		at, ok := sort.Find(len(b.Documents)-from, func(i int) int {
			have := b.tree.Leaf(uint64(from + i))
			return bytes.Compare(h.hash[:], have[:])
		})
		from += at
		if !ok {
			a.Indexes[i] = -1
			continue
		}
		a.Indexes[i] = int64(from)
		own, leaf = append(own, uint32(from)), append(leaf, h.hash)
	}
	if len(own) == 0 {
		return nil, fmt.Errorf("batch %s: shard %s %w", b.ID, shard.Name, ErrNoneOfShard)
	}
	n, err := leaves.NewNodes(b.tree.Size(), own, leaf, func(level int, index uint64) (merkle.Hash, error) {
		a.Given = append(a.Given, b.tree.Node(level, index))
		return a.Given[len(a.Given)-1], nil
	})
	if err != nil {
		return nil, err
	}
	if n.Root() != b.tree.Root() {
		return nil, fmt.Errorf("batch %s: the nodes for shard %s do not lead to the root", b.ID, shard.Name)
	}
	return a, nil
}

// rowHash is the leaf hash of a row of a shard.
type rowHash struct {
	hash merkle.Hash
	row  int
}

// hashesInOrder are the leaf hashes of a shard in their order, which is that of the
// tree's leaves.
func hashesInOrder(shard *leaves.File) []rowHash {
	all := make([]rowHash, len(shard.Rows))
	for i := range shard.Rows {
		r := &shard.Rows[i]
		all[i] = rowHash{merkle.LeafHash(proof.Entry(r.Salt, r.Digest)), i}
	}
	slices.SortFunc(all, func(a, b rowHash) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	return all
}

// ErrAnswerInTheWay says of a path that what is there must not be replaced by an answer.
var ErrAnswerInTheWay = errors.New("and was not overwritten: move it away, or have the answer written to another file")

// CheckAnswer returns an error where something is at path that the answer of a batch
// with this head to this shard file must not replace. all are the batches of the home:
// the answer of an older one of them to the same shard file is replaced, such as that
// of a rehearsal, for it can be written again; but none about a network that counts by
// one of a test network.
func CheckAnswer(path string, rows int, sum [32]byte, h Head, all []*Batch) error {
	_, err := openAnswer(path, rows, sum, h, all)
	return err
}

// CheckAnswerFolder returns an error where no file can be made at path, so that an
// answer there could not be written after the batch was paid for. With probe it makes
// one for a moment, and otherwise only asks the system.
func CheckAnswerFolder(path string, probe bool) error {
	test := mayWrite
	if probe {
		test = probeFolder
	}
	err := test(filepath.Dir(path))
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	if err != nil {
		return fmt.Errorf("%s: is in a folder in which no answer can be written: %w", path, err)
	}
	return nil
}

// openAnswer returns the answer at path, nil where nothing is there.
func openAnswer(path string, rows int, sum [32]byte, h Head, all []*Batch) (*leaves.Answer, error) {
	old, err := leaves.OpenAnswer(path, rows)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil || old.Sum != sum:
		return nil, fmt.Errorf("%s: is not an answer to this shard file %w", path, ErrAnswerInTheWay)
	}
	i := slices.IndexFunc(all, func(o *Batch) bool { return bytes.Equal(o.Statement, old.Statement) })
	switch {
	case i < 0:
		return nil, fmt.Errorf("%s: is the answer of batch %s, which is not of this home, %w", path, old.Batch, ErrAnswerInTheWay)
	case all[i].Created.After(h.Created), h.Network.IsTest() && !all[i].Network.IsTest():
		return nil, fmt.Errorf("%s: is the answer of batch %s, %w", path, old.Batch, ErrAnswerInTheWay)
	}
	return old, nil
}

// WriteAnswer writes the answer beside the shard file, or to path, and reports
// whether it was not there already, byte for byte. all are the batches of the home;
// what CheckAnswer refuses is not overwritten.
func (b *Batch) WriteAnswer(shard *leaves.File, path string, all []*Batch) (wrote bool, err error) {
	a, err := b.Answer(shard)
	if err != nil {
		return false, err
	}
	data, err := a.Marshal()
	if err != nil {
		return false, err
	}
	old, err := openAnswer(path, len(shard.Rows), shard.Sum, b.Head, append(slices.Clone(all), b))
	if err != nil {
		return false, err
	}
	if old != nil {
		if same, err := old.Marshal(); err == nil && bytes.Equal(same, data) {
			return false, nil
		}
	}
	// The folder is somebody's: what a killed process left there goes.
	sweepFolder(filepath.Dir(path), b.temporary())
	return true, atomicfile.CreateOver(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}, 0o644, b.temporary())
}

// AnswerPath is where the answer to a shard file lies: beside it.
func AnswerPath(shardFile string) string {
	return strings.TrimSuffix(shardFile, leaves.Suffix) + leaves.AnswerSuffix
}

// sparse is a shard's part of a tree.
type sparse struct {
	nodes *leaves.Nodes
	index []uint64 // of the leaf, by document
	shard [32]byte // the sum of its file
}

// IsAnswer reports whether the batch is what Answered returned.
func (b *Batch) IsAnswer() bool { return b.sparse != nil }

// path returns the leaf index and the audit path of a document.
func (b *Batch) path(index int) (leaf uint64, path []merkle.Hash, err error) {
	path = make([]merkle.Hash, 0, merkle.MaxPath)
	if b.sparse == nil {
		path, err = b.tree.AppendPath(path, uint64(index))
		return uint64(index), path, err
	}
	leaf = b.sparse.index[index]
	path, err = b.sparse.nodes.AppendPath(path, leaf)
	return leaf, path, err
}

// Answered is the part of a batch that is in one shard, as its worker has it: of a
// Batch, it has what WriteAgain and Proof need. Documents are in the order of the
// shard file, without those that are not in the batch, which missing names; their
// paths are those in the shard file.
func Answered(shard *leaves.File, a *leaves.Answer) (b *Batch, missing []string, err error) {
	if a.Sum != shard.Sum || a.Shard != shard.Name {
		return nil, nil, fmt.Errorf("is the answer to another shard file, of the name %s", a.Shard)
	}
	if a.Bitcoin == nil && a.Timestamp == nil {
		return nil, nil, errors.New("carries no evidence of a block")
	}
	rows := hashesInOrder(shard)
	hashes := make([]merkle.Hash, len(rows))
	for i := range rows {
		hashes[i] = rows[i].hash
	}
	nodes, err := a.Nodes(hashes)
	if err != nil {
		return nil, nil, err
	}
	s, _, err := issuer.ParseStatement(a.Statement)
	if err != nil {
		return nil, nil, err
	}
	root := proof.BatchRoot(a.Statement, nodes.Root())
	b = &Batch{
		ID: a.Batch, Head: Head{Network: s.Network, Issuer: s.Issuer, Title: s.Title}, Statement: a.Statement,
		Attestation: a.Bitcoin, Timestamp: a.Timestamp, root: &root,
		final: evidence{a.Bitcoin != nil, a.Timestamp != nil}, sparse: &sparse{nodes: nodes, shard: shard.Sum},
	}
	index := make([]int64, len(rows)) // by row
	for i, r := range rows {
		index[r.row] = a.Indexes[i]
	}
	for i := range shard.Rows {
		r := &shard.Rows[i]
		if index[i] < 0 {
			missing = append(missing, r.Path)
			continue
		}
		b.Documents = append(b.Documents, Document{Path: r.Path, Size: r.Size, Digest: r.Digest, Salt: r.Salt})
		b.sparse.index = append(b.sparse.index, uint64(index[i]))
	}
	return b, missing, nil
}

package batch

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gradseal/batch/leaves"
	"gradseal/internal/regular"
	"gradseal/merkle"
)

// leavesScheme begins the paths of documents that are on other machines: the name of
// the shard follows, a slash, and the path below the shard's source. Those of
// documents here are absolute.
const leavesScheme = "leaves:"

// IsElsewhere reports whether the document is on the machine of a shard.
func (d *Document) IsElsewhere() bool { return strings.HasPrefix(d.Path, leavesScheme) }

// Shard is the name of the shard that the document is in, empty for one that is
// here.
func (d *Document) Shard() string {
	name, _ := d.inShard()
	return name
}

// PathInShard is where the document is below the source of its shard, with slashes.
func (d *Document) PathInShard() string {
	_, path := d.inShard()
	return path
}

func (d *Document) inShard() (shard, path string) {
	rest, ok := strings.CutPrefix(d.Path, leavesScheme)
	if !ok {
		return "", ""
	}
	shard, path, _ = strings.Cut(rest, "/")
	return shard, path
}

// IsOfShards reports whether the batch was made of shards: its documents, all of
// them, are elsewhere.
func (b *Batch) IsOfShards() bool {
	i := slices.IndexFunc(b.Documents, func(d Document) bool { return !d.Forgotten })
	return i >= 0 && b.Documents[i].IsElsewhere()
}

// Shard is a shard file whose rows are among the documents of a Shards.
type Shard struct {
	Path string // absolute, of the file
	leaves.Head
	leaves.Summary
}

// Shards are shard files that are to become one batch.
type Shards struct {
	Files     []Shard // by name
	Bytes     int64   // of the files
	documents []Document
}

func (s *Shard) file() ShardFile { return ShardFile{s.Path, s.Sum} }

// ErrShardTwice says of a shard file that it was named before.
var ErrShardTwice = errors.New("is named twice")

// OpenShards looks at shard files, and reads no row yet: what Files say is what the
// first and last lines claim. That a file is given twice, or two have one name, is an
// error: the name is a part of the documents' paths.
func OpenShards(paths []string) (*Shards, error) {
	s := new(Shards)
	for _, path := range paths {
		abs, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		head, claimed, size, err := leaves.Peek(abs)
		if err != nil {
			return nil, err
		}
		for _, have := range s.Files {
			switch {
			case have.Name != head.Name:
			case have.Path == abs:
				return nil, fmt.Errorf("%s: %w", path, ErrShardTwice)
			default:
				return nil, fmt.Errorf("%s: is shard %s, and so is %s: give it another name where it is made (--name)", path, head.Name, have.Path)
			}
		}
		s.Files = append(s.Files, Shard{Path: abs, Head: head, Summary: claimed})
		s.Bytes += size
	}
	slices.SortFunc(s.Files, func(a, b Shard) int { return strings.Compare(a.Name, b.Name) })
	return s, nil
}

// Count is how many rows the files have.
func (s *Shards) Count() int {
	n := 0
	for i := range s.Files {
		n += s.Files[i].Count
	}
	return n
}

// List are the files, as a batch that is made of them keeps them.
func (s *Shards) List() []ShardFile {
	list := make([]ShardFile, len(s.Files))
	for i := range s.Files {
		list[i] = s.Files[i].file()
	}
	return list
}

// Read reads the rows. done is called after each file with its number of bytes.
func (s *Shards) Read(ctx context.Context, done func(bytes int64)) error {
	rows := s.Count()
	if uint64(rows) > leaves.MaxRows {
		return fmt.Errorf("the shards have %d documents, and a tree holds %d", rows, uint32(leaves.MaxRows))
	}
	s.documents = make([]Document, 0, rows)
	for i := range s.Files {
		if err := s.read(ctx, &s.Files[i]); err != nil {
			return err
		}
		if info, err := os.Stat(s.Files[i].Path); err == nil {
			done(info.Size())
		}
	}
	return nil
}

func (s *Shards) read(ctx context.Context, shard *Shard) error {
	f, err := regular.Open(shard.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	prefix := leavesScheme + shard.Name + "/"
	shard.Head, shard.Summary, err = leaves.Read(shard.Path, f, func(r leaves.Row) error {
		if len(s.documents)%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		s.documents = append(s.documents, Document{Path: prefix + r.Path, Size: r.Size, Digest: r.Digest, Salt: r.Salt})
		return nil
	})
	return err
}

// fate is what becomes of one document.
type fate uint8

const (
	fresh   fate = iota
	issued       // a batch has this very leaf
	void         // it was issued and holds no more, and is passed over
	refused      // something is wrong with it
)

// digestKey finds a document by the first bytes of its digest: 16 bytes each, where
// a map would take a hundred.
type digestKey struct {
	prefix uint64
	index  uint32
}

func compareDigestKeys(a, b digestKey) int {
	return cmp.Or(cmp.Compare(a.prefix, b.prefix), cmp.Compare(a.index, b.index))
}

func prefixOf(digest *[32]byte) uint64 { return binary.BigEndian.Uint64(digest[:]) }

// digestIndex are the keys of documents, in order.
type digestIndex struct {
	documents []Document
	keys      []digestKey
}

// sort makes the keys.
func (x *digestIndex) sort() {
	for i := range x.documents {
		x.keys[i] = digestKey{prefixOf(&x.documents[i].Digest), uint32(i)}
	}
	slices.SortFunc(x.keys, compareDigestKeys)
}

// ErrSalts says of two rows that they have one salt.
var ErrSalts = errors.New("the random numbers of the machine that made the shard file are broken")

// refuseEqualSalts refuses two documents that have one salt, as random numbers have them
// by accident never: whoever knew one of the leaves could test who has the other. It
// needs as much memory as the keys, so it is done in their place, before sort.
func (x *digestIndex) refuseEqualSalts() error {
	for i := range x.documents {
		x.keys[i] = digestKey{prefixOf(&x.documents[i].Salt), uint32(i)}
	}
	salt := func(k digestKey) *[32]byte { return &x.documents[k.index].Salt }
	slices.SortFunc(x.keys, func(a, b digestKey) int {
		if c := cmp.Compare(a.prefix, b.prefix); c != 0 {
			return c
		}
		return cmp.Or(bytes.Compare(salt(a)[:], salt(b)[:]), cmp.Compare(a.index, b.index))
	})
	for i := 1; i < len(x.keys); i++ {
		a, b := &x.documents[x.keys[i-1].index], &x.documents[x.keys[i].index]
		if a.Salt == b.Salt && a.Digest != b.Digest { // one leaf twice is a twin
			return fmt.Errorf("%s: has the salt of %s: %w", b.Path, a.Path, ErrSalts)
		}
	}
	return nil
}

// find returns the first document with the digest, -1 where there is none.
func (x *digestIndex) find(digest *[32]byte) int {
	prefix := prefixOf(digest)
	at, _ := slices.BinarySearchFunc(x.keys, prefix, func(k digestKey, p uint64) int { return cmp.Compare(k.prefix, p) })
	for ; at < len(x.keys) && x.keys[at].prefix == prefix; at++ {
		if i := int(x.keys[at].index); x.documents[i].Digest == *digest {
			return i
		}
	}
	return -1
}

// IsAllOf reports whether the batch is signed, and was made of all rows of these shard
// files, as their last lines claim the numbers, and of no others.
func (s *Shards) IsAllOf(b *Batch) bool {
	files := s.List()
	return b.WasMadeOf(files) && len(files) == len(b.ShardFiles) && s.Count() == len(b.Documents)
}

// PlanAgain is the plan for shards that are all of a batch: to finish it, or nothing.
// No row is read.
func (s *Shards) PlanAgain(b *Batch) *Plan {
	p := &Plan{head: b.Head, shards: s}
	if b.State() == Complete {
		p.Complete = append(p.Complete, b)
		p.Done = len(b.Documents)
	} else {
		p.Resume = append(p.Resume, b)
	}
	return p
}

// Plan holds the shards against all batches. Those of one issuer on one network
// count as issued, as the head of a new batch names them. Of o, Void and Reissue
// are followed.
func (s *Shards) Plan(all []*Batch, head Head, o Options) (*Plan, error) {
	p := &Plan{head: head, shards: s, fates: make([]fate, len(s.documents))}
	x := &digestIndex{s.documents, make([]digestKey, len(s.documents))}
	if err := x.refuseEqualSalts(); err != nil {
		return nil, err
	}
	x.sort()
	p.refuseTwins(x)
	var planned []*Batch
	again := make(map[int]bool) // documents that some batch has and that hold no more
	for _, b := range all {
		switch {
		case b.Network != head.Network || b.Issuer != head.Issuer:
		case b.State() == Planned:
			planned = append(planned, b)
		default:
			if err := p.takeIssued(x, b, o, again); err != nil {
				return nil, err
			}
		}
	}
	for i, f := range p.fates {
		switch f {
		case fresh:
			p.Leaves++
			if p.LeafBytes > math.MaxInt64-s.documents[i].Size {
				return nil, errors.New("the documents of the shards have together more bytes than can be counted: their sizes cannot be right")
			}
			p.LeafBytes += s.documents[i].Size
			if again[i] {
				p.Reissued++
			}
		case void:
			p.Void++
		}
	}
	for _, b := range planned {
		p.takePlanned(x, b)
	}
	slices.SortStableFunc(p.Refusals, compareFindings)
	return p, nil
}

func (p *Plan) refuseLeaf(index int, text string) {
	p.fates[index] = refused
	p.refuse(p.shards.documents[index].Path, text)
}

// refuseTwins refuses what another document before it is, byte for byte.
func (p *Plan) refuseTwins(x *digestIndex) {
	for _, k := range x.keys {
		d := &p.shards.documents[k.index]
		if first := x.find(&d.Digest); first != int(k.index) {
			p.refuseLeaf(int(k.index), "has the same content as "+p.shards.documents[first].Path)
		}
	}
}

// takeIssued finds what a batch that is signed holds. What it has and that is to be
// issued again it adds to again: another batch may have done so before.
func (p *Plan) takeIssued(x *digestIndex, b *Batch, o Options, again map[int]bool) error {
	hits := p.takeForgotten(b)
	for i := range b.Documents {
		d := &b.Documents[i]
		if d.Forgotten {
			continue
		}
		at := x.find(&d.Digest)
		if at < 0 || p.fates[at] == refused {
			continue
		}
		holds := o.Void == nil || !o.Void(b, i)
		same := p.shards.documents[at].Salt == d.Salt
		switch {
		case same && holds:
			p.fates[at] = issued
			hits++
		case same && o.Reissue:
			// A withdrawal names salt and digest: it would withdraw the new one, too.
			p.refuseLeaf(at, fmt.Sprintf("holds no more in batch %s, and would not in another with the same salt: make another shard file of it", b.ID))
		case holds:
			p.refuseLeaf(at, fmt.Sprintf("was issued before, in batch %s as %s", b.ID, d.Path))
		case o.Reissue:
			again[at] = true
		case p.fates[at] == fresh:
			p.fates[at] = void
		}
	}
	switch {
	case hits == 0:
	case b.State() == Complete:
		p.Complete = append(p.Complete, b)
		p.Done += hits
	default:
		p.Resume = append(p.Resume, b)
	}
	return nil
}

// takeForgotten finds the documents of which a batch has the leaf hash alone.
func (p *Plan) takeForgotten(b *Batch) (hits int) {
	if b.Forgotten() == 0 {
		return 0
	}
	gone := make(map[merkle.Hash]bool)
	for i := range b.Documents {
		if b.Documents[i].Forgotten {
			gone[b.Documents[i].Leaf] = true
		}
	}
	for i := range p.shards.documents {
		if p.fates[i] == fresh && gone[p.shards.documents[i].leafHash()] {
			p.fates[i] = issued
			hits++
		}
	}
	return hits
}

// takePlanned takes up the plan that was made of exactly these documents, and drops
// one of some of them: it issued nothing.
func (p *Plan) takePlanned(x *digestIndex, b *Batch) {
	hits := 0
	for i := range b.Documents {
		d := &b.Documents[i]
		if at := x.find(&d.Digest); at >= 0 && p.fates[at] == fresh && p.shards.documents[at].Salt == d.Salt {
			hits++
		}
	}
	switch {
	case hits == 0:
	case hits == p.Leaves && hits == len(b.Documents) && b.Title == p.head.Title && len(b.Withdrawals) == 0:
		p.Resume = append(p.Resume, b)
		p.Leaves = 0
	default:
		p.Stale = append(p.Stale, b)
	}
}

// CreateShards makes a batch of the new documents of shards in the store. The shards
// give their memory to it, and are of no use afterwards.
func (p *Plan) CreateShards(s *Store) (*Batch, error) {
	documents := p.shards.documents
	if p.Leaves < len(documents) {
		kept := documents[:0]
		for i := range documents {
			if p.fates[i] == fresh {
				kept = append(kept, documents[i])
			}
		}
		documents = kept
	}
	p.shards.documents, p.fates = nil, nil
	b, err := planShards(p.head, documents)
	if err != nil {
		return nil, err
	}
	for _, f := range p.shards.Files {
		b.ShardFiles = append(b.ShardFiles, f.file())
	}
	return b, s.put(b)
}

// planShards orders documents that have their salts by leaf hash.
func planShards(h Head, documents []Document) (*Batch, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	hashes := leafHashes(documents)
	order := make([]digestKey, len(documents))
	for i := range hashes {
		order[i] = digestKey{prefixOf((*[32]byte)(&hashes[i])), uint32(i)}
	}
	slices.SortFunc(order, func(a, b digestKey) int {
		return cmp.Or(cmp.Compare(a.prefix, b.prefix), bytes.Compare(hashes[a.index][:], hashes[b.index][:]))
	})
	permute(order, func(i, k int) {
		documents[i], documents[k] = documents[k], documents[i]
		hashes[i], hashes[k] = hashes[k], hashes[i]
	})
	b := &Batch{Head: h, Documents: documents}
	b.Created = b.Created.UTC().Truncate(time.Second)
	var err error
	if b.tree, err = merkle.New(hashes); err != nil {
		return nil, err
	}
	b.ID = b.Created.Format("20060102-") + shardsID(h, b.tree.Root())
	return b, nil
}

// shardsID tells the batches of one day apart. The same shard files, and so the
// same root, can be in one on each network, such as a rehearsal and the real one, and
// in one of each issuer.
func shardsID(h Head, root merkle.Hash) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%x %s %s", root, h.Network, h.Issuer))
	return hex.EncodeToString(sum[:4])
}

// leafHashes are those of the documents, worked out on all processors.
func leafHashes(documents []Document) []merkle.Hash {
	hashes := make([]merkle.Hash, len(documents))
	const chunk = 4096
	each(context.Background(), (len(documents)+chunk-1)/chunk, func() func(int) error {
		return func(c int) error {
			for i := c * chunk; i < min((c+1)*chunk, len(documents)); i++ {
				hashes[i] = documents[i].leafHash()
			}
			return nil
		}
	})
	return hashes
}

// permute brings what order[i].index is the old place of to place i, by swaps: a
// second copy of everything might not fit. order is used up.
func permute(order []digestKey, swap func(i, k int)) {
	for start := range order {
		at := start
		for {
			from := int(order[at].index)
			order[at].index = uint32(at)
			if from == start {
				break
			}
			swap(at, from)
			at = from
		}
	}
}

package batch

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
	"gradseal/issuer"
	"gradseal/merkle"
	"gradseal/proof"
	"gradseal/proof/ots"
)

// Head is what is said once about all documents of a batch.
type Head struct {
	Network bitcoin.Network
	Issuer  string // the issuer's id
	Title   string // public, stands in every proof; may be empty
	Created time.Time
}

// check refuses what a statement or the plan could not hold.
func (h Head) check() error {
	if _, err := bitcoin.ParseNetwork(h.Network.String()); err != nil {
		return err
	}
	if err := issuer.ValidID(h.Issuer); err != nil || h.Title == "" {
		return err
	}
	return issuer.ValidTitle(h.Title)
}

// Document is one row of a batch.
type Document struct {
	Path   string // absolute, where the document was when it was read
	Size   int64  // bytes
	Digest [32]byte
	Salt   [32]byte
	// Forgotten says that Forget destroyed the row: of what it held there is Leaf
	// alone, and all else is zero. Leaf is not set in other rows.
	Forgotten bool
	Leaf      merkle.Hash
}

// leafHash is the leaf hash of the document.
func (d *Document) leafHash() merkle.Hash {
	if d.Forgotten {
		return d.Leaf
	}
	return merkle.LeafHash(proof.Entry(d.Salt, d.Digest))
}

// Batch is a tree of documents and the way it has come. What is nil or empty
// belongs to a step that is not on disk yet.
type Batch struct {
	ID string // date and the first 4 bytes of the tree's root hash; of shards, see shardsID
	Head
	Documents []Document // in the order of the tree
	// Withdrawals are the documents that are withdrawn by the status list which
	// names the batch, see List.
	Withdrawals []issuer.Withdrawal
	Statement   []byte // signed
	// Requests are the unsigned transactions that a signature was asked for
	// (BIP 174), the oldest first. Transactions has, at the same place, the signed
	// one (with witness), or nil where it is not here: it may be signed, and even
	// sent, elsewhere. Any of them may end up in a block.
	Requests, Transactions [][]byte
	// Found are transactions that others made and that commit to the batch root
	// too (without witness): they spend a coin of the batch's own.
	Found [][]byte
	// Attestation is the evidence that one of the transactions is in a block. The
	// proofs carry it once it is final.
	Attestation *proof.Bitcoin
	// Calendars is what OpenTimestamps calendars answered about the batch root:
	// that they will have it in a block, or that they have. nil: none was asked.
	Calendars *ots.Timestamp
	// Timestamp is the evidence of one of them, of the earliest block. The proofs
	// carry it once it is final.
	Timestamp *proof.OpenTimestamps
	// ShardFiles are those that the batch was made of, if it was.
	ShardFiles []ShardFile
	// Archive is the path of the one file that has the proofs of the batch, instead of
	// files beside the documents; empty where there is none.
	Archive string
	Left    []Finding // documents beside which WriteProofs wrote no proof
	Written int       // proof files that WriteProofs wrote: those that were not there yet

	dir      string
	tree     *merkle.Tree
	sparse   *sparse         // instead of the tree, where only a shard of it is here
	root     *[32]byte       // the batch root, once plan and statement were compared
	final    evidence        // whose block is deep enough for proofs to carry it
	written  evidence        // that every proof has been written with
	pending  bool            // every proof has been written, without evidence
	given    map[string]int  // index of the document that was given at a path
	seen     map[string]bool // paths of the documents that were looked at just now
	replaces replaceable     // what proofs this batch's may overwrite
	// replaceOthers: and others of the same documents; with replaceConfirmed, also those
	// that count
	replaceOthers, replaceConfirmed bool
}

// give says that a document was found at the path just now. Another document
// that was there once is gone from it.
func (b *Batch) give(index int, path string) {
	if b.given == nil {
		b.given = make(map[string]int)
	}
	b.given[path] = index
	b.Documents[index].Path = path
}

// isGone reports whether the document is no longer where it was: nothing is
// there, or what was found there just now is not this document.
func (b *Batch) isGone(index int) bool {
	path := b.Documents[index].Path
	if given, ok := b.given[path]; ok && given != index || !ok && b.seen[path] {
		return true
	}
	_, err := os.Lstat(path)
	return err != nil
}

// plan draws a salt for every file and orders the documents by leaf hash, so
// that the order shows nothing of names.
func plan(h Head, files []File) (*Batch, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	type row struct {
		Document
		leaf merkle.Hash
	}
	rows := make([]row, len(files))
	for i, f := range files {
		d := Document{Path: f.Path, Size: f.Size, Digest: f.Digest}
		rand.Read(d.Salt[:]) // never fails: crypto/rand crashes the program instead
		rows[i] = row{d, merkle.LeafHash(proof.Entry(d.Salt, d.Digest))}
	}
	slices.SortFunc(rows, func(a, b row) int { return bytes.Compare(a.leaf[:], b.leaf[:]) })
	b := &Batch{Head: h, Documents: make([]Document, len(rows))}
	for i, r := range rows {
		b.Documents[i] = r.Document
	}
	b.Created = b.Created.UTC().Truncate(time.Second)
	tree, err := b.Tree()
	if err != nil {
		return nil, err
	}
	b.ID = b.Created.Format("20060102-") + tree.Root().String()[:8]
	return b, nil
}

// Tree returns the tree of the batch's documents.
func (b *Batch) Tree() (*merkle.Tree, error) {
	if b.tree != nil {
		return b.tree, nil
	}
	leaves := make([]merkle.Hash, len(b.Documents))
	for i := range b.Documents {
		leaves[i] = b.Documents[i].leafHash()
	}
	var err error
	b.tree, err = merkle.New(leaves)
	return b.tree, err
}

// State says how far the batch has come.
func (b *Batch) State() State {
	switch {
	case b.written.any():
		return Complete
	case b.Attestation != nil || b.Timestamp != nil:
		return Confirmed
	case b.Newest() >= 0 || len(b.Found) > 0 || b.Calendars != nil:
		return Funded
	case len(b.Requests) > 0:
		return Requested
	case b.Statement != nil:
		return Signed
	}
	return Planned
}

// NewStatement returns the statement about the batch, to be signed.
func (b *Batch) NewStatement(issued time.Time, after *issuer.After) (*issuer.Statement, error) {
	tree, err := b.Tree()
	if err != nil {
		return nil, err
	}
	return &issuer.Statement{
		Type:    issuer.Documents,
		Issuer:  b.Issuer,
		Network: b.Network,
		Size:    tree.Size(),
		Root:    tree.Root(),
		Issued:  issued.UTC().Truncate(time.Second),
		After:   after,
		Title:   b.Title,
	}, nil
}

// Root returns the batch root of a signed batch: what the anchor commits to
// and what the status list names.
func (b *Batch) Root() ([32]byte, error) {
	if b.Statement == nil {
		return [32]byte{}, fmt.Errorf("batch %s is not signed", b.ID)
	}
	if b.root != nil {
		return *b.root, nil
	}
	// A plan that was damaged on disk would make proofs that do not verify.
	if err := b.checkStatement(b.Statement); err != nil {
		return [32]byte{}, err
	}
	root := proof.BatchRoot(b.Statement, b.tree.Root())
	b.root = &root
	return root, nil
}

// checkStatement builds the tree and holds the statement against it.
func (b *Batch) checkStatement(signed []byte) error {
	s, _, err := issuer.ParseStatement(signed)
	if err != nil {
		return fmt.Errorf("batch %s: %w", b.ID, err)
	}
	tree, err := b.Tree()
	if err != nil {
		return err
	}
	if s.Type != issuer.Documents || s.Size != tree.Size() || s.Root != tree.Root() || s.Issuer != b.Issuer || s.Network != b.Network {
		return fmt.Errorf("batch %s: the statement is about another batch", b.ID)
	}
	return nil
}

// SaveStatement puts the signed statement on disk, synced. It must be about
// this batch's tree; a statement that is there already is never replaced.
func (b *Batch) SaveStatement(signed []byte) error {
	if err := b.checkStatement(signed); err != nil {
		return err
	}
	if err := b.saveNew(statementFile, signed); err != nil {
		return err
	}
	b.Statement = signed
	return nil
}

// SaveRequest puts what a signer is asked for on disk, synced, as the newest
// version of the transaction. None is ever replaced or removed: whoever was asked
// for it may have signed it.
func (b *Batch) SaveRequest(data []byte) error {
	if len(b.Requests) == maxVersions {
		return fmt.Errorf("batch %s has %d versions of its transaction: no more are kept", b.ID, maxVersions)
	}
	if err := b.saveNew(numbered(requestFile, len(b.Requests)), data); err != nil {
		return err
	}
	b.Requests, b.Transactions = append(b.Requests, data), append(b.Transactions, nil)
	return nil
}

// Newest is the index of the newest transaction that is signed here, -1 where
// there is none.
func (b *Batch) Newest() int {
	for i, raw := range slices.Backward(b.Transactions) {
		if raw != nil {
			return i
		}
	}
	return -1
}

// IsOpen reports whether the newest version is not signed here.
func (b *Batch) IsOpen() bool {
	return len(b.Requests) > 0 && b.Newest() < len(b.Requests)-1
}

// SaveTransaction puts the signed transaction of the request with the index on
// disk, synced, before it is sent. One that is there already is never replaced.
func (b *Batch) SaveTransaction(index int, raw []byte) error {
	if index < 0 || index >= len(b.Requests) {
		return fmt.Errorf("batch %s: there is no request that this transaction belongs to", b.ID)
	}
	if err := b.saveNew(numbered(transactionFile, index), raw); err != nil {
		return err
	}
	b.Transactions[index] = raw
	return nil
}

// SaveFound puts a transaction that others made for the batch root on disk,
// synced.
func (b *Batch) SaveFound(stripped []byte) error {
	for _, have := range b.Found {
		if bytes.Equal(have, stripped) {
			return nil
		}
	}
	if err := b.saveNew(numbered(foundFile, len(b.Found)), stripped); err != nil {
		return err
	}
	b.Found = append(b.Found, stripped)
	return nil
}

// remove removes a file of the batch, synced; that there is none is no error.
func (b *Batch) remove(name string) error {
	err := os.Remove(filepath.Join(b.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return atomicfile.SyncDir(b.dir)
}

func (b *Batch) saveNew(name string, data []byte) error {
	return atomicfile.WriteNew(filepath.Join(b.dir, name), data, 0o600)
}

// Proof returns the proof file of the document with the given leaf index, with
// the evidence of the batch that is final.
func (b *Batch) Proof(index int) ([]byte, error) {
	t, err := b.template()
	if err != nil {
		return nil, err
	}
	return b.appendProof(nil, t, index)
}

// template is for all proofs of the batch, with the evidence that is final.
func (b *Batch) template() (*proof.Template, error) {
	if _, err := b.Root(); err != nil {
		return nil, err
	}
	p := &proof.Proof{Layers: []proof.Layer{{Signed: b.Statement}}}
	if b.final.bitcoin {
		p.Bitcoin = b.Attestation
	}
	if b.final.timestamp {
		p.OpenTimestamps = b.Timestamp
	}
	return proof.NewTemplate(p)
}

// appendProof appends the proof file of a document to dst.
func (b *Batch) appendProof(dst []byte, t *proof.Template, index int) ([]byte, error) {
	leaf, path, err := b.path(index)
	if err != nil {
		return nil, err
	}
	d := &b.Documents[index]
	if d.Forgotten {
		return nil, fmt.Errorf("batch %s, leaf %d: %w", b.ID, index, ErrForgotten)
	}
	return t.Append(dst, d.Digest, d.Salt, leaf, path)
}

// Sync makes what is on disk of the batch durable: an earlier process may have
// been killed, or lost power, before it did.
func (b *Batch) Sync() error { return atomicfile.SyncDir(b.dir) }

// EachProof calls use with the proof of every document that is not forgotten, on
// all processors. use must not keep the proof file, whose bytes become the next one.
func (b *Batch) EachProof(ctx context.Context, use func(index int, proofFile []byte) error) error {
	t, err := b.template() // builds the tree before goroutines share it
	if err != nil {
		return err
	}
	return each(ctx, len(b.Documents), func() func(int) error {
		var buf []byte
		return func(i int) error {
			if b.Documents[i].Forgotten {
				return nil
			}
			data, err := b.appendProof(buf[:0], t, i)
			if err != nil {
				return fmt.Errorf("%s: %w", b.Documents[i].Path, err)
			}
			buf = data
			return use(i, data)
		}
	})
}

// WriteProofs writes the proof of every document beside it and then, if they
// carry evidence, marks the batch complete. check, unless it is nil, is
// asked about each before it is written; done is called after each. Both are
// called from several goroutines. The files are not synced one by one: they can be
// written again from this state.
//
// A document that is no longer where it was, or has something in the way of its
// proof, gets none now; Left lists it. It gets one when it is given again.
func (b *Batch) WriteProofs(ctx context.Context, check func(index int, proofFile []byte) error, done func()) error {
	if b.IsOfShards() { // they are written where the documents are, with an Answer
		return b.markAll()
	}
	if b.Archive != "" {
		b.Left = nil
		var err error
		if b.Written, err = b.WriteArchive(ctx, b.Archive, nil, check, done); err != nil {
			return err
		}
		return b.markAll()
	}
	b.sweep()
	left := make([]string, len(b.Documents))
	var written atomic.Int64
	err := b.EachProof(ctx, func(i int, data []byte) error {
		defer done()
		if b.isGone(i) {
			left[i] = "is not where it was, or is not what it was"
			return nil
		}
		if check != nil {
			if err := check(i, data); err != nil {
				return err
			}
		}
		wrote, err := b.writeProof(b.Documents[i].Path, data)
		if wrote {
			written.Add(1)
		}
		if errors.Is(err, errInTheWay) {
			left[i], err = leftInTheWay, nil
		}
		return err
	})
	b.Written = int(written.Load())
	if err != nil {
		return err
	}
	b.Left = nil
	for i, d := range b.Documents {
		if left[i] != "" {
			b.Left = append(b.Left, Finding{d.Path, left[i]})
		}
	}
	return b.markAll()
}

// markAll says on disk that every proof has been written as it is now.
func (b *Batch) markAll() (err error) {
	switch {
	case b.IsWritten():
		return nil
	case b.final.any():
		return b.markWritten()
	case len(b.Left) == 0:
		err = atomicfile.WriteFile(filepath.Join(b.dir, pendingFile), nil, 0o600)
		b.pending = err == nil
	}
	return err
}

// WriteProofAt writes the proof of one document beside a copy of it.
func (b *Batch) WriteProofAt(index int, document string) error {
	data, err := b.Proof(index)
	if err != nil {
		return err
	}
	_, err = b.writeProof(document, data)
	return err
}

// writeProof reports whether the proof was written; one that is there already is
// not written again.
func (b *Batch) writeProof(document string, data []byte) (wrote bool, err error) {
	path := document + proof.Suffix
	old, err := readBeside(document)
	switch {
	case err == nil && bytes.Equal(old, data):
		return false, nil
	case err == nil && !b.mayReplace(old, data), errors.Is(err, errNotRegular):
		return false, fmt.Errorf("%s: %w", path, errInTheWay)
	case errors.Is(err, fs.ErrNotExist):
		err = atomicfile.NewUnsynced(path, data, 0o644, b.temporary())
		if errors.Is(err, fs.ErrExist) { // another process was faster
			return b.writeProof(document, data)
		}
		return err == nil, err
	case err != nil:
		return false, err
	}
	err = atomicfile.WriteUnsynced(path, data, 0o644, b.temporary())
	return err == nil, err
}

var errInTheWay = errors.New("is not a proof of this batch: it was not overwritten; move it away and run the same command again")

// temporary is the pattern of the temporary files among the documents. It names
// the batch: nobody else's file has such a name, and no other process is at
// work on the batch.
//
// Workers of several shards may be at work on one batch in one folder: there the name
// begins with the shard, which the pattern of another one, or of the home, does not match.
func (b *Batch) temporary() string {
	if b.sparse != nil {
		return fmt.Sprintf(".gradseal-%x-%s-*", b.sparse.shard[:8], b.ID)
	}
	return ".gradseal-" + b.ID + "-*"
}

// sweep removes the temporary files that a killed process left among the
// documents. What cannot be removed only takes up room.
func (b *Batch) sweep() {
	paths := make([]string, 0, len(b.Documents))
	for _, d := range b.Documents {
		if !d.Forgotten {
			paths = append(paths, d.Path)
		}
	}
	for _, dir := range folders(paths) {
		sweepFolder(dir, b.temporary())
	}
}

// folders returns the directories that the paths are in, each once.
func folders(paths []string) []string {
	dirs := make([]string, len(paths))
	for i, path := range paths {
		dirs[i] = filepath.Dir(path)
	}
	return unique(dirs)
}

func sweepFolder(dir, pattern string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if ok, _ := filepath.Match(pattern, e.Name()); ok {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// mayReplace reports whether a proof file is an earlier proof of this batch,
// such as one without its attestation, or the beginning of one, with zero bytes
// after it, which is what a power cut leaves of what was not synced; or one that the registrar let be replaced.
func (b *Batch) mayReplace(proofFile, want []byte) bool {
	if proof.Begun(bytes.TrimRight(proofFile, "\x00"), want) {
		return true
	}
	p, err := proof.Parse(proofFile)
	return err == nil && (bytes.Equal(p.Layers[0].Signed, b.Statement) || b.replaces.has(p) || b.isReplaced(proofFile, want))
}

const planTitle = "gradseal batch v1"

// forgottenRow begins the row of a document that was forgotten: no digest begins
// so.
const forgottenRow = "forgotten "

// marshalPlan is the plan as bytes.
func (b *Batch) marshalPlan() []byte {
	var out bytes.Buffer
	out.Grow(256 + 256*len(b.Documents))
	b.writePlan(&out) // a buffer takes everything
	return out.Bytes()
}

// writePlan writes the plan: the head as lines, an empty line, and a line
// with digest, salt, size and quoted path for each document, or with the word
// forgotten and the leaf hash. It may be longer than what fits into memory twice.
func (b *Batch) writePlan(w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	out.WriteString(b.planHead())
	var row []byte
	for i := range b.Documents {
		row = b.Documents[i].appendRow(row[:0])
		out.Write(row)
	}
	return out.Flush() // with the first error of all
}

func (b *Batch) planHead() string {
	return fmt.Sprintf("%s\nnetwork %s\nissuer %s\ntitle %s\ncreated %s\n\n",
		planTitle, b.Network, b.Issuer, strconv.Quote(b.Title), b.Created.Format(time.RFC3339))
}

func (d *Document) appendRow(out []byte) []byte {
	if d.Forgotten {
		return append(hex.AppendEncode(append(out, forgottenRow...), d.Leaf[:]), '\n')
	}
	out = append(hex.AppendEncode(out, d.Digest[:]), ' ')
	out = append(hex.AppendEncode(out, d.Salt[:]), ' ')
	out = append(strconv.AppendInt(out, d.Size, 10), ' ')
	return append(strconv.AppendQuote(out, d.Path), '\n')
}

var errPlan = errors.New("malformed batch plan")

var errSpelling = fmt.Errorf("%w: not in the one spelling of this format", errPlan)

func parsePlan(data []byte) (*Batch, error) { return readPlan(bytes.NewReader(data), int64(len(data))) }

// readPlan reads a plan of so many bytes row by row.
func readPlan(r io.Reader, size int64) (*Batch, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	b := new(Batch)
	head := ""
	for !strings.HasSuffix(head, "\n\n") {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) || len(head) > maxPlanHead {
			return nil, errPlan
		}
		if err != nil {
			return nil, err
		}
		head += line
	}
	if err := b.parseHead(strings.Split(strings.TrimSuffix(head, "\n\n"), "\n")); err != nil {
		return nil, err
	}
	if b.planHead() != head {
		return nil, errSpelling
	}
	var again []byte
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			break
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		d, err := parseRow(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, fmt.Errorf("%w: document %d: %w", errPlan, len(b.Documents)+1, err)
		}
		if again = d.appendRow(again[:0]); string(again) != line {
			return nil, errSpelling
		}
		if b.Documents == nil { // rows have much the same length: a slice that grows is copied again and again
			b.Documents = make([]Document, 0, size/int64(len(line))+1)
		}
		b.Documents = append(b.Documents, d)
	}
	if len(b.Documents) == 0 {
		return nil, fmt.Errorf("%w: no documents", errPlan)
	}
	return b, nil
}

// maxPlanHead is more than the lines of a head can have.
const maxPlanHead = 4 << 10

func (b *Batch) parseHead(lines []string) error {
	if len(lines) != 5 || lines[0] != planTitle {
		return errPlan
	}
	var values [4]string
	for i, key := range []string{"network ", "issuer ", "title ", "created "} {
		value, ok := strings.CutPrefix(lines[i+1], key)
		if !ok {
			return fmt.Errorf("%w: no line %q", errPlan, key)
		}
		values[i] = value
	}
	var err1, err2, err3 error
	b.Network, err1 = bitcoin.ParseNetwork(values[0])
	b.Issuer = values[1]
	b.Title, err2 = strconv.Unquote(values[2])
	b.Created, err3 = time.Parse(time.RFC3339, values[3])
	b.Created = b.Created.UTC()
	return errors.Join(err1, err2, err3, b.check())
}

func parseRow(line string) (d Document, err error) {
	if leaf, ok := strings.CutPrefix(line, forgottenRow); ok {
		return parseForgotten(leaf)
	}
	fields := strings.SplitN(line, " ", 4)
	if len(fields) != 4 || len(fields[0]) != 64 || len(fields[1]) != 64 {
		return d, errors.New("want digest, salt, size and path")
	}
	if _, err := hex.Decode(d.Digest[:], []byte(fields[0])); err != nil {
		return d, err
	}
	if _, err := hex.Decode(d.Salt[:], []byte(fields[1])); err != nil {
		return d, err
	}
	if d.Size, err = strconv.ParseInt(fields[2], 10, 64); err != nil {
		return d, err
	}
	d.Path, err = strconv.Unquote(fields[3])
	d.Path = strings.Clone(d.Path) // a part of the line would keep all of it
	return d, err
}

// counter hands out 0, 1, 2, … to several goroutines.
type counter struct{ n atomic.Int64 }

func (c *counter) take() int { return int(c.n.Add(1) - 1) }

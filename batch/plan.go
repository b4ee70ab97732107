package batch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"gradseal/issuer"
	"gradseal/proof"
)

// Plan says what an anchor command has to do about the files that it was
// given, in view of the batches that there are.
type Plan struct {
	// New are the files of no batch: they become one.
	New []File
	// Leaves counts the documents of shards that are of no batch, which become one
	// instead, and LeafBytes what they measure.
	Leaves    int
	LeafBytes int64
	// Resume are the batches that were begun and hold some of the files. Their
	// documents have the paths of those files, which may have been moved.
	Resume []*Batch
	// Stale are unsigned batches that hold some of the files and others, or have
	// another title. They issued nothing and are to be abandoned.
	Stale []*Batch
	// Rewrite are files of complete batches that have no proof beside them.
	Rewrite []Issued
	// Complete are the complete batches that hold some of the files.
	Complete []*Batch
	// Done counts the files of complete batches whose proof is beside them.
	Done int
	// Replaced counts the proofs of test networks that are to be overwritten.
	Replaced int
	// Void counts the documents that were issued and hold no more, and are not
	// issued again; Reissued those of the new files that are.
	Void, Reissued int
	// Refusals are those of the scan, and the files that cannot be anchored in
	// view of the batches; Warnings are about files that are yet to be signed.
	Refusals []Finding
	Warnings []Finding

	head     Head
	withdraw []issuer.Withdrawal
	replaces replaceable
	shards   *Shards
	fates    []fate // of each of their documents
}

// Fresh is how many documents become a new batch.
func (p *Plan) Fresh() int { return len(p.New) + p.Leaves }

// Options are what the registrar may choose about a plan.
type Options struct {
	// Strict refuses what would be warned of.
	Strict bool
	// ReplaceTestProofs lets proofs that this home made for a test network be
	// overwritten.
	ReplaceTestProofs bool
	// Void reports the documents of a batch that no verifier takes any more, such as
	// those that were withdrawn. A proof of the batch for one gives way to that of
	// another. Where it is nil there are none.
	Void func(b *Batch, index int) bool
	// Withdrawn says of a proof that a status list withdraws its document, and in which
	// list, as it goes on after "is withdrawn in "; of any other it is empty. It finds
	// what was forgotten here, too. Where it is nil there are none.
	Withdrawn func(*proof.Proof) string
	// Reissue makes new files of those that hold what is void, and nothing else that
	// was issued.
	Reissue bool
	// Probe tries whether proofs can be written beside the new files, by writing
	// an empty file there. Without it the system is asked, where it can be.
	Probe bool
	// Withdraw are the documents that the one new file replaces. Where there are
	// none, a plan is taken up with what it withdraws.
	Withdraw []issuer.Withdrawal
	// Replaced are the digests of these documents: the new file may have the path of
	// one of them.
	Replaced [][32]byte
}

// Issued is a file that a batch holds.
type Issued struct {
	File  File
	Batch *Batch
	Index int
}

// NewPlan holds what was scanned against all batches. Those of one issuer on
// one network count as issued, as the head of a new batch names them.
func NewPlan(ctx context.Context, scan *Scan, all []*Batch, head Head, o Options) (*Plan, error) {
	counting := slices.DeleteFunc(slices.Clone(all), func(b *Batch) bool {
		return b.Network != head.Network || b.Issuer != head.Issuer
	})
	known, err := newIndex(counting, all, o)
	if err != nil {
		return nil, err
	}
	p := &Plan{head: head, withdraw: o.Withdraw, replaces: known.mayReplace(), Refusals: slices.Clone(scan.Refusals)}
	places := make([]place, len(scan.Files))
	err = each(ctx, len(places), func() func(int) error {
		return func(i int) (err error) {
			places[i], err = known.place(scan.Files[i])
			return err
		}
	})
	if err != nil {
		return nil, err
	}
	// A list says whose each document is, and then a file that holds another one
	// than its name says is not to be passed over.
	refuse := o.Strict || scan.listed
	for i, at := range places {
		if at.note != "" && at.fault == "" && refuse {
			at.fault = at.note
		}
		p.put(scan.Files[i], at)
	}
	p.warn(scan.Warnings, o.Strict)
	p.checkFolders(o.Probe)
	p.resumePlanned(counting, head.Title)
	seen := scan.seen()
	for _, b := range p.Resume {
		b.replaces, b.seen = p.replaces, seen
	}
	slices.SortStableFunc(p.Refusals, compareFindings)
	return p, nil
}

// Create makes a batch of the new files in the store.
func (p *Plan) Create(s *Store) (*Batch, error) {
	b, err := s.create(p.head, p.New, p.withdraw)
	if err == nil {
		b.replaces = p.replaces
	}
	return b, err
}

// warn keeps the warnings about new files, or refuses those files.
func (p *Plan) warn(warnings []Finding, strict bool) {
	fresh := make(map[string]bool, len(p.New))
	for _, f := range p.New {
		fresh[f.Path] = true
	}
	for _, w := range warnings {
		switch {
		case !fresh[w.Path]:
		case strict:
			p.refuse(w.Path, w.Text)
		default:
			p.Warnings = append(p.Warnings, w)
		}
	}
	p.dropRefused()
}

// dropRefused takes refused files out of New.
func (p *Plan) dropRefused() {
	refused := make(map[string]bool, len(p.Refusals))
	for _, f := range p.Refusals {
		refused[f.Path] = true
	}
	p.New = slices.DeleteFunc(p.New, func(f File) bool { return refused[f.Path] })
}

const probePattern = ".gradseal-probe-*"

// checkFolders refuses the new files beside which no proof could be written,
// before anything is paid for.
func (p *Plan) checkFolders(probe bool) {
	paths := make([]string, len(p.New))
	for i, f := range p.New {
		paths[i] = f.Path
	}
	test := mayWrite
	if probe {
		test = probeFolder
	}
	for _, dir := range folders(paths) {
		err := test(dir)
		if err == nil {
			continue
		}
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err
		}
		for _, f := range p.New {
			if filepath.Dir(f.Path) == dir {
				p.refuse(f.Path, fmt.Sprintf("is in a folder in which no proof can be written: %v", err))
			}
		}
	}
	p.dropRefused()
}

func probeFolder(dir string) error {
	sweepFolder(dir, probePattern)
	probe, err := os.CreateTemp(dir, probePattern)
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// statements are signed statements of this home.
type statements map[string]*Batch

// replaceable says which proofs a batch's may overwrite: those of statements, those
// of documents that hold no more, by their withdrawal ids, and, where what is
// withdrawn is issued again, those that withdrawn knows.
type replaceable struct {
	statements
	void      map[[32]byte]bool
	withdrawn func(*proof.Proof) string
}

func (r replaceable) has(p *proof.Proof) bool {
	return r.statements[string(p.Layers[0].Signed)] != nil || r.isVoid(p) || r.withdrawn != nil && r.withdrawn(p) != ""
}

func (r replaceable) isVoid(p *proof.Proof) bool {
	return len(r.void) > 0 && r.void[issuer.WithdrawalID(p.Salt, p.Digest)]
}

// index finds the documents of signed batches by digest and by path, and
// batches by their statements.
type index struct {
	byDigest map[[32]byte]Issued
	byPath   map[string]Issued
	// replaceable are the statements whose proofs may be overwritten, own all
	// that this home signed; void are the documents that hold no more, by their
	// withdrawal ids, and again the digests of those that are to be issued again.
	replaceable, own statements
	void, again      map[[32]byte]bool
	// replaced are the digests of documents that a new one may take the path of,
	// planned the digests of those new ones, by path, that are planned already.
	replaced [][32]byte
	planned  map[string][32]byte
	// withdrawn and reissue are those of Options.
	withdrawn func(*proof.Proof) string
	reissue   bool
}

// mayReplace says which proofs those of a batch may overwrite.
func (x *index) mayReplace() replaceable {
	r := replaceable{statements: x.replaceable, void: x.void}
	if x.reissue {
		r.withdrawn = x.withdrawn
	}
	return r
}

func newIndex(counting, all []*Batch, o Options) (*index, error) {
	x := &index{
		byDigest: make(map[[32]byte]Issued), byPath: make(map[string]Issued),
		replaceable: make(statements), own: make(statements),
		replaced: o.Replaced, planned: make(map[string][32]byte),
		void: make(map[[32]byte]bool), again: make(map[[32]byte]bool),
		withdrawn: o.Withdrawn, reissue: o.Reissue,
	}
	for _, b := range counting {
		if b.State() == Planned {
			for _, d := range b.Documents {
				if len(b.Withdrawals) > 0 {
					x.planned[d.Path] = d.Digest
				}
			}
			continue
		}
		if _, err := b.Root(); err != nil { // builds the tree before goroutines share it
			return nil, err
		}
		for i, d := range b.Documents {
			if d.Forgotten {
				continue
			}
			if o.Void != nil && o.Void(b, i) {
				x.void[issuer.WithdrawalID(d.Salt, d.Digest)] = true
				if _, ok := x.byDigest[d.Digest]; ok {
					continue // another batch holds it
				}
				if o.Reissue {
					x.again[d.Digest] = true
					continue
				}
			}
			x.byDigest[d.Digest] = Issued{Batch: b, Index: i}
			x.byPath[d.Path] = Issued{Batch: b, Index: i}
		}
	}
	for _, b := range all {
		if b.Statement == nil {
			continue
		}
		x.own[string(b.Statement)] = b
		if o.ReplaceTestProofs && b.Network.IsTest() {
			x.replaceable[string(b.Statement)] = b
		}
	}
	return x, nil
}

// place is what is to be done about one file.
type place struct {
	issued   *Issued // in this batch; nil: it is new
	beside   bool    // its proof is beside it, as it must be
	replaces bool    // a proof of a test network is overwritten
	void     bool    // what was issued of it holds no more
	fault    string  // it is refused
	note     string  // what there is to say although it is issued
}

func (x *index) place(f File) (place, error) {
	was, known := x.byPath[f.Path]
	if is, ok := x.byDigest[f.Digest]; ok {
		is.File = f
		at, err := x.placeIssued(is)
		d := is.Batch.Documents[is.Index]
		at.note, at.void = moved(is, was, known), x.void[issuer.WithdrawalID(d.Salt, d.Digest)]
		return at, err
	}
	if known && x.replaceable[string(was.Batch.Statement)] == nil && !x.mayTakePath(f, was) {
		return place{fault: changedSince(was.Batch)}, nil
	}
	have, err := readBeside(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return place{void: x.again[f.Digest]}, nil
	case errors.As(err, new(*fs.PathError)): // such as a name that is too long with the suffix
		return place{fault: "cannot have a proof beside it, which " + faultOf(err)}, nil
	}
	if in := x.withdrawnIn(f, have); err == nil && in != "" {
		if x.reissue {
			return place{void: true}, nil
		}
		return place{fault: fmt.Sprintf("has its proof beside it, and is withdrawn in %s: it is issued again only with --reissue", in)}, nil
	}
	switch {
	case err == nil && x.replaceable.have(have) != nil:
		return place{replaces: true}, nil
	case err == nil && x.again[f.Digest] && x.isVoid(have):
		return place{void: true}, nil
	case err == nil:
		return place{fault: x.inTheWay(have)}, nil
	}
	return place{fault: "has something beside it that is no proof: it is never overwritten, so move it away first"}, nil
}

// mayTakePath reports whether a new file is to take the place, path and all, of the
// document that was issued from there.
func (x *index) mayTakePath(f File, was Issued) bool {
	planned, ok := x.planned[f.Path]
	return ok && planned == f.Digest || slices.Contains(x.replaced, was.Batch.Documents[was.Index].Digest)
}

// inTheWay says of a proof beside a document why it is not overwritten.
func (x *index) inTheWay(proofFile []byte) string {
	b := x.own.have(proofFile)
	switch {
	case b == nil:
		return "has a proof beside it that was not made from here: proofs are never overwritten, so move it away first"
	case b.Network.IsTest():
		return fmt.Sprintf("has the proof of batch %s beside it, by %s for %s: --replace-test-proofs overwrites it", b.ID, b.Issuer, b.Network)
	}
	return fmt.Sprintf("has the proof of batch %s beside it, by %s for %s: it is never overwritten, so move it away first", b.ID, b.Issuer, b.Network)
}

// moved says of an issued file that it may be another one than its name says:
// the name is that of another document, or the document is still there under
// another name. was is what was issued under the name, if known.
func moved(is Issued, was Issued, known bool) string {
	old := is.Batch.Documents[is.Index].Path
	switch _, err := os.Lstat(old); {
	case known && (was.Batch != is.Batch || was.Index != is.Index) &&
		(old != is.File.Path || was.Batch.Created.After(is.Batch.Created)): // those of one second have no order
		return fmt.Sprintf("holds what was issued as %s (batch %s), and no longer what was issued under its own name", old, is.Batch.ID)
	case filepath.Base(old) != filepath.Base(is.File.Path) && err == nil:
		return fmt.Sprintf("has the same content as %s, which is issued (batch %s)", old, is.Batch.ID)
	}
	return ""
}

func changedSince(b *Batch) string {
	fault := fmt.Sprintf("was anchored on %s (batch %s) with other content: a corrected document needs another file name",
		b.Created.Format("2006-01-02"), b.ID)
	if b.Network.IsTest() {
		fault += "; in a rehearsal, --replace-test-proofs takes it as a new one"
	}
	return fault
}

// withdrawnIn names the status list that withdraws a file of which no batch knows, by
// the proof beside it: the home has forgotten the document, or never knew it.
func (x *index) withdrawnIn(f File, proofFile []byte) string {
	if x.withdrawn == nil {
		return ""
	}
	p, err := proof.Parse(proofFile)
	if err != nil || p.Digest != f.Digest {
		return ""
	}
	return x.withdrawn(p)
}

// isVoid reports whether a proof is one of a document that holds no more.
func (x *index) isVoid(proofFile []byte) bool {
	p, err := proof.Parse(proofFile)
	return err == nil && replaceable{void: x.void}.isVoid(p)
}

// have returns the batch whose statement the proof carries.
func (s statements) have(proofFile []byte) *Batch {
	p, err := proof.Parse(proofFile)
	if err != nil {
		return nil
	}
	return s[string(p.Layers[0].Signed)]
}

func (x *index) placeIssued(is Issued) (place, error) {
	have, err := readBeside(is.File.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return place{issued: &is, beside: is.Batch.Archive != ""}, nil
	case err != nil:
		return place{fault: "has a proof beside it that cannot be read as one: " + faultOf(err)}, nil
	}
	want, err := is.Batch.Proof(is.Index)
	switch {
	case err != nil:
		return place{}, err
	case bytes.Equal(have, want):
		return place{issued: &is, beside: true}, nil
	case is.Batch.mayReplace(have, want):
		return place{issued: &is}, nil
	case x.replaceable.have(have) != nil:
		return place{issued: &is, replaces: true}, nil
	case x.isVoid(have):
		return place{issued: &is}, nil
	case x.own.have(have) == nil:
		return place{fault: fmt.Sprintf("has a proof beside it that is not the one of batch %s: proofs are never overwritten, so move it away first", is.Batch.ID)}, nil
	}
	return place{fault: x.inTheWay(have)}, nil
}

// put takes a file into the plan.
func (p *Plan) put(f File, at place) {
	if at.fault != "" {
		p.refuse(f.Path, at.fault)
		return
	}
	if at.note != "" {
		p.Warnings = append(p.Warnings, Finding{f.Path, at.note})
	}
	if at.replaces {
		p.Replaced++
	}
	switch {
	case at.void && at.issued == nil:
		p.Reissued++
	case at.void:
		p.Void++
	}
	switch is := at.issued; {
	case is == nil:
		p.New = append(p.New, f)
	case is.Batch.State() != Complete:
		p.resume(*is)
	case at.beside:
		p.Done++
		p.addComplete(is.Batch)
	default:
		is.Batch.replaces = p.replaces
		p.Rewrite = append(p.Rewrite, *is)
		p.addComplete(is.Batch)
	}
}

func (p *Plan) addComplete(b *Batch) {
	if !slices.Contains(p.Complete, b) {
		p.Complete = append(p.Complete, b)
	}
}

var errNotRegular = errors.New("is not a regular file")

// readBeside reads the proof beside a document. What is there and is not a
// regular file is an error: it is somebody's, and a pipe would be waited for.
func readBeside(document string) ([]byte, error) {
	path := document + proof.Suffix
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, proof.MaxSize+1)) // with more it is no proof
}

func (p *Plan) resume(is Issued) {
	is.Batch.give(is.Index, is.File.Path)
	if !slices.Contains(p.Resume, is.Batch) {
		p.Resume = append(p.Resume, is.Batch)
	}
}

func (p *Plan) refuse(path, fault string) {
	p.Refusals = append(p.Refusals, Finding{path, fault})
}

// WriteMissing writes the proofs of Rewrite. done is called after each, from
// several goroutines.
func (p *Plan) WriteMissing(ctx context.Context, done func()) error {
	paths := make(map[*Batch][]string)
	for _, is := range p.Rewrite {
		paths[is.Batch] = append(paths[is.Batch], is.File.Path)
	}
	for b, of := range paths {
		if _, err := b.Root(); err != nil { // builds the tree before goroutines share it
			return err
		}
		for _, dir := range folders(of) {
			sweepFolder(dir, b.temporary())
		}
	}
	return each(ctx, len(p.Rewrite), func() func(int) error {
		return func(i int) error {
			defer done()
			is := p.Rewrite[i]
			return is.Batch.WriteProofAt(is.Index, is.File.Path)
		}
	})
}

// resumePlanned takes up an unsigned batch of exactly the new files and with
// the same title, so that an interrupted command ends with the root that it
// began with. A plan to replace documents is not dropped for files that would
// replace none.
func (p *Plan) resumePlanned(batches []*Batch, title string) {
	want := make(map[string][32]byte, len(p.New))
	for _, f := range p.New {
		want[f.Path] = f.Digest
	}
	for _, b := range batches {
		if b.State() != Planned {
			continue
		}
		switch hits := b.count(want); {
		case hits == 0:
		case hits == len(want) && hits == len(b.Documents) && len(p.New) > 0 && b.Title == title &&
			(len(p.withdraw) == 0 || sameDecision(p.withdraw, b.Withdrawals)):
			for i, d := range b.Documents {
				b.give(i, d.Path) // each was read there just now
			}
			p.Resume = append(p.Resume, b)
			p.New = nil
		case len(p.withdraw) == 0 && len(b.Withdrawals) > 0:
			for _, d := range b.Documents {
				p.refuse(d.Path, fmt.Sprintf("is to replace another document in batch %s, which is planned: run gradseal replace again, or drop the plan: gradseal batches abandon %s", b.ID, b.ID))
			}
			p.dropRefused()
		default:
			p.Stale = append(p.Stale, b)
		}
	}
}

// count returns how many of the documents are among the files.
func (b *Batch) count(files map[string][32]byte) int {
	hits := 0
	for _, d := range b.Documents {
		if digest, ok := files[d.Path]; ok && digest == d.Digest {
			hits++
		}
	}
	return hits
}

package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/evidence"
	"gradseal/internal/atomicfile"
	"gradseal/internal/walk"
	"gradseal/proof"
	"gradseal/verify"
)

type auditOptions struct {
	network            string
	confirmations      uint32
	allowUnknownStatus bool
	csv                string
}

func (o *auditOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.network, "network", "mainnet", "the Bitcoin `network` that counts; naming a test network accepts it")
	flags.Uint32Var(&o.confirmations, "confirmations", 0, "`number` of confirmations that a block needs (default: 6, on a test network 1)")
	flags.BoolVar(&o.allowUnknownStatus, "allow-unknown-status", false, "accept documents of which it is not known whether they were withdrawn")
	flags.StringVar(&o.csv, "csv", "", "write a table of all documents to this `file`")
	setConfigKey(flags, "network", "verify.network")
	setConfigKey(flags, "confirmations", "verify.confirmations")
	setConfigKey(flags, "allow-unknown-status", "verify.allow-unknown-status")
}

// terms are what verify would be asked for.
func (o *auditOptions) terms() verifyOptions {
	return verifyOptions{network: o.network, confirmations: o.confirmations, allowUnknownStatus: o.allowUnknownStatus}
}

func (a *app) newAuditCommand() *cobra.Command {
	var o auditOptions
	cmd := &cobra.Command{
		Use:   "audit [DIR…]",
		Short: "Verify a whole archive again, and compare what the home knows",
		Long: `Verifies every document of an archive against the header chain and the status
lists that are here now, and says of each one what is to be done:

  sound         nothing
  not upgraded  its proof is pending, or has less evidence than this home has
  reorganised   the header chain has another block in the place of its block
  withdrawn     the institution has withdrawn it
  unreadable    the document, or its proof, cannot be read
  missing       the document or its proof is not where it belongs
  invalid       something was checked and is false
  cannot tell   something that is needed is not known here

The archive is the folders that are named, with their PDFs and proofs: beside a
document, in it, anywhere in the folders, or in the ZIP files of proofs that are
named or that this home wrote. A proof without its document is judged without it.
Where nothing is named, the archive is all documents of the batches that this home
made for the network, where they were anchored.

In the home of a registrar the batches on disk, the journal and the status lists
are compared, too: what only one or two of them know is reported, with what it can
mean. Nothing is changed, and no network is needed.`,
		Example: `  gradseal audit
  gradseal audit --network regtest rehearsal/
  gradseal audit archive/2026 archive/2027 --csv audit.csv
  gradseal audit transcripts/ proofs.zip
  gradseal audit --json archive/

Exit codes: 0 every document is sound, or withdrawn by the institution whose home
this is, and the home agrees; 1 an error; otherwise the worst of these, as of
verify: 3 invalid, a proof that cannot be read, or a journal that was changed;
6 withdrawn by another institution; 5 reorganised, missing, a document that
cannot be read, cannot tell, or a home that does not agree; 4 not upgraded.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flag("csv").Changed && o.csv == "" {
				return errors.New("--csv: no file is named") // such as by a variable that is not set
			}
			return a.runAudit(cmd.Context(), o, args)
		},
	}
	o.addFlags(cmd)
	return cmd
}

func (a *app) runAudit(ctx context.Context, o auditOptions, args []string) error {
	accepted, err := bitcoin.ParseNetwork(o.network)
	if err != nil {
		return err
	}
	if o.csv != "" {
		if err := checkSheet(o.csv); err != nil {
			return err
		}
	}
	home, err := a.readOwnBooks(ctx)
	if err != nil {
		return err
	}
	believed, policy, closeChain, err := a.believe(o.terms())
	if err != nil {
		return err
	}
	defer closeChain()
	v, err := verify.New(believed, policy)
	if err != nil {
		return err
	}
	r := &auditor{app: a, accepted: accepted, verifier: v, chain: believed.Chain, home: home, counts: newAuditCounts()}
	if r.issuers, err = a.ownIssuers(); err != nil {
		return err
	}
	defer r.closeZips()
	if err := r.openOwnZips(ctx); err != nil {
		return err
	}
	if len(args) == 0 {
		err = r.takeBatches()
	} else {
		err = r.takeFolders(ctx, args)
	}
	if err != nil {
		return err
	}
	if err := r.audit(ctx, o.csv); err != nil {
		return err
	}
	return r.report(o.csv)
}

// auditor is one run of audit.
type auditor struct {
	*app
	accepted bitcoin.Network
	verifier *verify.Verifier
	chain    verify.Chain // nil: there is none of the network
	home     *ownBooks    // nil: this is no registrar's home
	issuers  []string     // whose keys are here

	items       []auditItem
	find        *evidence.Finder
	byStatement map[string]*batch.Batch // the batches of this home
	byDigest    map[verify.Digest]entry // their documents
	alone       map[verify.Digest]bool  // documents that were read, where proofs lie alone
	rows        *bufio.Writer           // of the table; nil: none is written
	counts      *auditCounts
	skipped     int // documents that were forgotten

	zips    []*proofFolder                // archives of proofs
	ownZips map[*batch.Batch]*proofFolder // of them those that this home has written
	zipped  []auditItem                   // the proofs in those that were named
}

// auditItem is something to audit.
type auditItem struct {
	file string // the path of the document; of a proof, where that lies alone
	// Of entry the document is known to be, with path as it was anchored; its batch
	// is nil where the document was found in a folder.
	entry
	isProof bool                          // a proof without its document
	read    func() (*verify.Proof, error) // such a one, where it is in an archive
	err     error                         // what was named cannot be looked into
}

// takeBatches takes the documents of this home's batches of the network.
func (r *auditor) takeBatches() error {
	if r.home == nil {
		return hinted(errors.New("no folder was named, and no batch was made in this home"), "name the folder of the archive: gradseal audit DIR")
	}
	others := make(map[bitcoin.Network]int)
	for _, b := range r.home.batches {
		switch {
		case b.Statement == nil: // nothing was issued
			continue
		case b.Network != r.accepted:
			others[b.Network]++
			continue
		}
		for i := range b.Documents {
			if b.Documents[i].Forgotten {
				r.skipped++
				continue
			}
			r.items = append(r.items, auditItem{file: b.Documents[i].Path, entry: entry{b, i}})
		}
	}
	for _, n := range bitcoin.Networks() {
		if others[n] > 0 {
			r.ui.note("Left out %s of %s: gradseal audit --network %s", count(others[n], "batch"), n, n)
		}
	}
	slices.SortStableFunc(r.items, func(x, y auditItem) int { return strings.Compare(x.file, y.file) })
	if len(r.items) == 0 && len(r.home.findings) == 0 { // nothing was audited: no cron job must take that for sound
		err := fmt.Errorf("no batch of this home was issued on %s", r.accepted)
		for _, n := range bitcoin.Networks() {
			if others[n] > 0 {
				return hinted(err, "name the network: gradseal audit --network %s", n)
			}
		}
		return hinted(err, "name the folder of an archive: gradseal audit DIR")
	}
	r.find = &evidence.Finder{Beside: proofsBeside()}
	r.index(false)
	return nil
}

// takeFolders takes the documents and the proofs in what was named.
func (r *auditor) takeFolders(ctx context.Context, args []string) error {
	var found archive
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case err != nil:
			return err
		case info.IsDir():
			err = found.walk(arg)
		case isProofZip(arg):
			found.zips = append(found.zips, arg)
		default:
			found.add(arg)
		}
		if err != nil {
			return err
		}
	}
	alone := found.finish()
	if err := r.openNamedZips(ctx, found.zips); err != nil {
		return err
	}
	if len(found.documents)+len(alone)+len(found.unreadable)+len(r.zipped) == 0 {
		return hinted(errors.New("there is no PDF and no proof in what was named"), "name the folder of the archive: gradseal audit DIR")
	}
	r.find = &evidence.Finder{Beside: proofsBeside()}
	r.find.Folder = r.findZipped
	if len(alone) > 0 {
		folder, err := r.peekProofs(ctx, alone)
		if err != nil {
			return err
		}
		r.zips = append(r.zips, folder)
	}
	if len(alone)+len(r.zipped) > 0 {
		r.alone = make(map[verify.Digest]bool)
	}
	for _, path := range found.documents {
		r.items = append(r.items, auditItem{file: path})
	}
	for _, u := range found.unreadable {
		r.items = append(r.items, auditItem{file: u.path, err: u.err})
	}
	for _, path := range alone { // last: those of documents that were read are no items
		r.items = append(r.items, auditItem{file: path, isProof: true})
	}
	r.items = append(r.items, r.zipped...)
	r.index(true)
	return nil
}

// index makes the batches of this home to be found by the statements in proofs,
// and their documents by their digests, unless each item says itself what it is.
func (r *auditor) index(digests bool) {
	r.byStatement, r.byDigest = make(map[string]*batch.Batch), make(map[verify.Digest]entry)
	if r.home == nil {
		return
	}
	for _, b := range r.home.batches {
		if b.Statement == nil {
			continue
		}
		r.byStatement[string(b.Statement)] = b
		for i := range b.Documents {
			if d := &b.Documents[i]; digests && !d.Forgotten {
				// Of a document that was issued twice the entry on the accepted network
				// counts, and the newest of those.
				if was := r.byDigest[d.Digest]; was.batch == nil || was.batch.Network != r.accepted || b.Network == r.accepted {
					r.byDigest[d.Digest] = entry{b, i}
				}
			}
		}
	}
}

// archive is what lies in the folders that were named.
type archive struct {
	documents, proofs []string
	zips              []string // archives of proofs
	unreadable        []unreadable
}

// walk takes in what a folder holds, with all that is below it but what is hidden,
// as verify does.
func (x *archive) walk(dir string) error {
	return walk.Files(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			x.unreadable = append(x.unreadable, unreadable{path, err})
		case walk.Hidden(e):
		case isProofName(path) || strings.EqualFold(filepath.Ext(path), ".pdf"):
			x.add(path)
		}
		return nil
	})
}

func (x *archive) add(path string) {
	if isProofName(path) {
		x.proofs = append(x.proofs, path)
	} else {
		x.documents = append(x.documents, path)
	}
}

// finish puts the documents in order, each once, and returns the proofs beside
// which none is. A file of any kind with a proof beside it is a document.
func (x *archive) finish() (alone []string) {
	known := make(map[string]bool, len(x.documents))
	for _, path := range x.documents {
		known[path] = true
	}
	for _, path := range x.proofs {
		document := path[:len(path)-len(proof.Suffix)]
		if known[document] {
			continue
		}
		if info, err := os.Stat(document); err == nil && !info.IsDir() {
			known[document] = true
			x.documents = append(x.documents, document)
			continue
		}
		alone = append(alone, path)
	}
	slices.Sort(x.documents)
	x.documents = slices.Compact(x.documents)
	slices.SortStableFunc(x.unreadable, compareUnreadable)
	slices.Sort(alone)
	return slices.Compact(alone)
}

// auditTemporary is the pattern of the temporary files beside tables.
const auditTemporary = ".gradseal-audit-*"

// audit judges everything, and writes the table if one is wanted: whole or not at
// all.
func (r *auditor) audit(ctx context.Context, table string) error {
	if table == "" {
		return r.judgeItems(ctx)
	}
	sweepAbandoned(filepath.Dir(table), auditTemporary)
	var stopped error // of the audit, and not of the file
	err := atomicfile.CreateNew(table, func(w io.Writer) error {
		r.rows = bufio.NewWriterSize(w, 64<<10)
		r.rows.WriteString(auditHeader)
		if stopped = r.judgeItems(ctx); stopped != nil {
			return stopped
		}
		return r.rows.Flush()
	}, 0o600, auditTemporary)
	switch {
	case stopped != nil:
		return stopped
	case errors.Is(err, fs.ErrExist):
		return checkSheet(table) // it came there meanwhile
	case err != nil:
		return hinted(fmt.Errorf("the table was not written: %w", err), "name another place with --csv FILE.csv")
	}
	return nil
}

// judgeItems judges the documents on all processors, and then the proofs that lie
// alone: which those are is known when all documents were read.
func (r *auditor) judgeItems(ctx context.Context) error {
	documents := slices.IndexFunc(r.items, func(x auditItem) bool { return x.isProof })
	if documents < 0 {
		documents = len(r.items)
	}
	paths := make([]string, documents)
	for i, x := range r.items[:documents] {
		paths[i] = x.file
	}
	bar := r.startChecking(paths)
	defer bar.finish()
	if r.ui.showsResults() && r.ui.json {
		r.counts.before = bar.hide
	}
	err := inOrder(ctx, documents, func(ctx context.Context, i int) (*audited, error) {
		return r.judgeDocument(ctx, r.items[i], bar)
	}, func(_ int, d *audited) error {
		bar.done(0)
		if r.alone != nil {
			r.alone[d.digest] = true
		}
		return r.take(d)
	})
	if err != nil {
		return err
	}
	return inOrder(ctx, len(r.items)-documents, func(_ context.Context, i int) (*audited, error) {
		return r.judgeProof(r.items[documents+i]), nil
	}, func(_ int, d *audited) error {
		if d == nil {
			return nil
		}
		return r.take(d)
	})
}

// judgeDocument judges an item that is a document.
func (r *auditor) judgeDocument(ctx context.Context, x auditItem, bar *checking) (*audited, error) {
	if x.err != nil {
		return r.classify(x, judged{path: x.file, Result: verify.NotRead(x.err)}), nil
	}
	j, err := judgeOne(r.verifier, r.finderFor(x), x.file, bar.writer(ctx), true)
	if err != nil {
		return nil, err
	}
	return r.classify(x, j), nil
}

func (x auditItem) readProof() (*verify.Proof, error) {
	if x.read != nil {
		return x.read()
	}
	return readProof(x.file)
}

// judgeProof judges a proof that lies alone; nil where it is the proof of one of
// the documents.
func (r *auditor) judgeProof(x auditItem) *audited {
	p, err := x.readProof()
	if err != nil {
		return r.classify(x, judged{path: x.file, Result: verify.NotRead(err)})
	}
	digest, ok := p.Digest()
	if ok && r.alone[digest] {
		return nil
	}
	// All else is judged as if the document were here: what is not is said beside.
	j := judged{path: x.file, evidence: evidence.Evidence{Proof: p}, digest: digest, claimed: digest, Result: r.verifier.Judge(digest, *p)}
	return r.classify(x, j)
}

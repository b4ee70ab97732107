package cmd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gradseal/approval"
	"gradseal/batch"
	"gradseal/issuer"
	"gradseal/journal"
	"gradseal/trust"
)

type approveOptions struct {
	manifest       string
	strict         bool
	skipRefused    bool
	passphraseFile string
	output         string
	yes            bool
	replaces       bool
	fingerprint    string
	abandon        string
	sequence       uint64
}

func (o *approveOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.manifest, "manifest", "", "CSV `file` with one row for each document, named in its column \"file\"")
	flags.BoolVar(&o.strict, "strict", false, "refuse files that would only be warned of")
	flags.BoolVar(&o.skipRefused, "skip-refused", false, "go on without the files that are refused, as anchor does")
	flags.StringVar(&o.passphraseFile, "passphrase-file", "", "`file` with the passphrase of the signing key (default: ask)")
	flags.StringVarP(&o.output, "output", "o", "", "`file` to write (default: NAME.approval, or NAME.request for a further officer)")
	flags.BoolVar(&o.yes, "yes", false, "sign what is shown without asking")
	flags.BoolVar(&o.replaces, "replaces", false, "sign an issuer file in the place of one with its number that was abandoned")
	flags.StringVar(&o.fingerprint, "fingerprint", "", "of the first issuer file of an institution, as its officers agreed on it")
	flags.StringVar(&o.abandon, "abandon", "", "drop the proposal of this `name`, which was made here")
	flags.Uint64Var(&o.sequence, "sequence", 0, "sign the list with this `number`, far above the last; with --abandon: use none up to it")
}

func (a *app) newApproveCommand() *cobra.Command {
	var o approveOptions
	cmd := &cobra.Command{
		Use:   "approve [FILE [DOCUMENT…]]",
		Short: "Sign what another officer proposes, and take in what others signed",
		Long: `Where an issuer file wants the signatures of several officers, anchor, withdraw
and the commands that change keys prepare what is to be signed, write a file and
stop. Another officer signs with this command, on another machine, and sends back
the small file that it writes; the first officer takes that in with this command
too. A batch is then finished by the same anchor command as before.

A batch is approved with its documents: this machine reads the PDFs and folders
named as anchor does, holds them against --manifest, builds the tree itself and
compares it with the statement. What is to be signed is shown, and asked about.
No command signs a root that is known by its value alone.

A status list has numbers for what is withdrawn. The file that asks for its signature
names the documents, as far as the proposing officer has them, and they are held
against the numbers, and against PDFs where you name some.

The file for a batch holds the salts: whoever has it can test who is in the batch.
Send it by a way that only the two officers can read, as one that withdraws, and
delete it afterwards. The answer holds none.

Without FILE, lists what waits for other officers, and writes it again. What only
this home's own signature is missing of, it signs.`,
		Example: `  gradseal approve 20261122-10b7b705.request transcripts/
  gradseal approve --manifest graduates.csv 20261122-10b7b705.request transcripts/
  gradseal approve 20261122-10b7b705.approval
  gradseal approve uni.example_registrar-mainnet-list-12.request
  gradseal approve --abandon 20261122-10b7b705

Exit codes: 0 signed, taken in, or waiting for others; 1 an error, and nothing was
signed.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range []string{"manifest", "output", "abandon"} {
				if f := cmd.Flag(name); f.Changed && f.Value.String() == "" {
					return fmt.Errorf("--%s: nothing is named", name) // such as by a variable that is not set
				}
			}
			return a.runApprove(cmd.Context(), o, args)
		},
	}
	o.addFlags(cmd)
	return cmd
}

// approvalJSON is what was asked of other officers, or what one of them signed,
// under --json.
type approvalJSON struct {
	Version   int     `json:"version"`
	Name      string  `json:"name"`
	Kind      string  `json:"kind"`
	State     string  `json:"state"`
	Issuer    string  `json:"issuer"`
	Network   *string `json:"network"`
	Batch     *string `json:"batch"`
	Documents int     `json:"documents"`
	Sequence  uint64  `json:"sequence"`
	// Fingerprint is that of an issuer file.
	Fingerprint *string `json:"fingerprint"`
	Missing     int     `json:"missing"`
	File        *string `json:"file"`
}

// What can have become of a proposal.
const (
	stateWaiting   = "waiting"   // for signatures of others
	stateSigned    = "signed"    // by this home's officer
	stateApproved  = "approved"  // by enough officers; anchor goes on
	stateInForce   = "in-force"  // signed, and taken into the trust store
	stateAbandoned = "abandoned" // dropped
)

func newApprovalJSON(r *approval.Request, state string, missing int, file string) approvalJSON {
	out := approvalJSON{Version: jsonVersion, Name: r.Name(), Kind: string(r.Kind), State: state, Issuer: r.Issuer, Missing: missing}
	if r.Network != 0 {
		out.Network = ptr(r.Network.String())
	}
	if r.Batch != "" {
		out.Batch = &r.Batch
		out.Documents = int(r.StatementText().Size)
	}
	if r.Kind == approval.File {
		out.Sequence, out.Fingerprint = r.IssuerFile().Sequence, ptr(r.IssuerFile().Fingerprint().String())
	} else {
		out.Sequence = r.StatusList().Sequence
	}
	if file != "" {
		out.File = &file
	}
	return out
}

func (a *app) runApprove(ctx context.Context, o approveOptions, args []string) error {
	switch {
	case o.abandon != "" && len(args) > 0:
		return errors.New("--abandon names what to drop, and there is a file to approve: do one at a time")
	case o.abandon != "":
		return a.runApproveAbandon(ctx, o.abandon, o.sequence)
	}
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	if len(args) == 0 {
		return a.askAgain(ctx, o)
	}
	path := args[0]
	data, err := readCapped(path, approval.MaxRequest)
	if err != nil {
		return err
	}
	request, err := approval.Parse(data)
	if err != nil {
		return hinted(fmt.Errorf("%s: %w", path, err), "it must be the file as the other officer's gradseal wrote it, whole and not edited")
	}
	answer, err := a.isAnswer(request)
	if err != nil {
		return err
	}
	if answer {
		return a.takeAnswer(ctx, o, path, request)
	}
	run := &approveRun{anchorRun: &anchorRun{carrier: carrier{app: a, network: request.Network}, now: time.Now()}, approveOptions: o, path: path, request: request}
	run.anchorRun.manifest, run.anchorRun.strict, run.anchorRun.skipRefused = o.manifest, o.strict, o.skipRefused
	return run.run(ctx, args[1:])
}

// isAnswer reports whether a request comes back to the home that proposed it.
func (a *app) isAnswer(r *approval.Request) (bool, error) {
	p, err := a.home.proposals().Proposal(r.Issuer, r.Network)
	if err != nil {
		return false, err
	}
	if p != nil && p.Proposer == r.Proposer {
		return true, nil
	}
	own, err := a.ownPublic(r.Issuer, []issuer.Key{{Public: r.Proposer}})
	return len(own) > 0, err
}

// approveRun is the way of a request to the signature of this home's officer. The
// anchorRun in it reads documents.
type approveRun struct {
	*anchorRun
	approveOptions
	path    string
	request *approval.Request
	known   approval.Known
	files   []batch.File
}

func (r *approveRun) run(ctx context.Context, documents []string) error {
	signers, err := r.check()
	if err != nil {
		return err
	}
	if err := r.checkDocuments(ctx, documents); err != nil {
		return err
	}
	changes := r.changes()
	r.show(signers, changes)
	if err := r.confirm(ctx); err != nil {
		return err
	}
	next, err := r.sign(ctx)
	if err != nil {
		return err
	}
	return r.answer(next)
}

// check judges everything that needs no documents, before anybody is asked.
func (r *approveRun) check() (signers []issuer.Key, err error) {
	q := r.request
	if err := r.takeTrusted(); err != nil {
		return nil, err
	}
	if r.known, err = r.app.known(q.Issuer, q.Network, r.now); err != nil {
		return nil, err
	}
	if r.known.File == nil && (q.Kind != approval.File || q.IssuerFile().Sequence > 1) {
		return nil, hinted(fmt.Errorf("%s: %s is not trusted here", r.path, safe(q.Issuer)), "add the issuer's pack first: gradseal trust add PACK")
	}
	if r.known.File != nil {
		if r.officer, err = r.app.officer(q.Issuer, r.approveOptions.passphraseFile, r.now); err != nil {
			return nil, err
		}
	}
	r.known.Sequence = r.sequence
	if q.Kind == approval.File {
		err = q.CheckFile(r.known)
	} else {
		r.officer.joining = q.Kind == approval.List
		if _, err = r.officer.newest(q.Network); err == nil {
			err = q.CheckList(r.known)
		}
	}
	if err != nil {
		return nil, r.fault(err)
	}
	if signers, err = q.Signers(r.known.File, r.now); err != nil {
		return nil, r.fault(err)
	}
	if q.Kind == approval.Batch {
		if err := q.CheckTree(); err != nil {
			return nil, r.fault(err)
		}
	}
	return signers, r.maySign(signers)
}

// takeTrusted takes in the issuer file that comes with a request, where it follows
// the one that is trusted here: it is signed by its keys. Before it, the status list
// that the request begins from, which the keys that end may have signed.
func (r *approveRun) takeTrusted() error {
	q := r.request
	if q.Trusted == nil {
		return nil
	}
	change, err := r.home.trust().Plan(q.Trusted)
	switch {
	case errors.Is(err, issuer.ErrFileOlder): // this home is ahead
		return nil
	case err == nil && change == trust.Unchanged:
		return nil
	}
	f, parseErr := issuer.ParseFile(q.Trusted)
	switch {
	case parseErr != nil:
		return r.fault(parseErr)
	case err != nil:
		return r.errDoesNotFollow(r.path, f, err)
	case change == trust.Added:
		return r.takeSigned(f)
	}
	if q.Base != nil {
		// Where other keys signed it, check judges it by the newer file.
		if newer, err := r.importStatus(q.Base); err == nil && newer {
			list, note, err := issuer.ParseStatus(q.Base)
			if err != nil {
				return err
			}
			if err := r.recordImport(list, note); err != nil {
				return err
			}
		}
	}
	if err := r.noteChanges(f); err != nil {
		return err
	}
	_, err = r.home.trust().Add(q.Trusted)
	return err
}

// takeSigned takes in the first issuer file that comes with a request, where this
// home's officer signed that very file.
func (r *approveRun) takeSigned(f *issuer.File) error {
	text, err := f.Text()
	if err != nil {
		return err
	}
	used, err := r.home.proposals().Numbers(f.ID, 0)
	if err != nil || used.Signed != f.Sequence || used.Text != sha256.Sum256([]byte(text)) {
		return err
	}
	if _, err := r.home.trust().Add(r.request.Trusted); err != nil {
		return err
	}
	r.ui.note("Took in issuer file %d of %s, which this home signed", f.Sequence, f.ID)
	return nil
}

// fault names the file that an error is about, and what to do.
func (r *approveRun) fault(err error) error {
	named := fmt.Errorf("%s: %w", r.path, err)
	switch {
	case errors.Is(err, approval.ErrStale):
		return hinted(named, "who proposed it runs the same command again, which makes it anew; if their home has not seen the newer list: gradseal status import FILE there")
	case errors.Is(err, issuer.ErrNotOfIssuer), errors.Is(err, issuer.ErrUnknownSigner):
		return hinted(named, "if the keys of the issuer changed since, add its newest pack here: gradseal trust add PACK. Otherwise sign nothing, and ask who proposed it")
	case errors.Is(err, approval.ErrFarAhead):
		return hinted(named, "the file may have been edited on its way: ask who proposed it for the number. If it is meant, such as to be above a list that a thief signed: --sequence %d", r.request.StatusList().Sequence)
	case errors.Is(err, approval.ErrNoEntries):
		return hinted(named, "it is what goes back to who proposed it. There: gradseal approve %s", argument(r.path))
	case errors.Is(err, issuer.ErrWrongSignature), errors.Is(err, issuer.ErrNotInForce):
		return hinted(named, "sign nothing: ask who proposed it")
	}
	return named
}

// maySign finds out whether this home has a key for it, and has not signed another
// text with the same number.
func (r *approveRun) maySign(signers []issuer.Key) error {
	q := r.request
	keys := q.MaySign(r.known.File, r.now)
	own, err := r.ownPublic(q.Issuer, keys)
	if err != nil {
		return err
	}
	if len(own) == 0 {
		return hinted(fmt.Errorf("%s: this home has no key that signs it", r.path), "an officer's key is in force here once the issuer file that names it was taken in: whoever proposes writes it with gradseal issuer show %s -o FILE; then, here: gradseal trust add FILE", safe(q.Issuer))
	}
	if !slices.ContainsFunc(own, func(k issuer.PublicKey) bool { return !slices.ContainsFunc(signers, isKey(k)) }) {
		return hinted(fmt.Errorf("%s: this home signed it already", r.path), "it goes back to who proposed it, there: gradseal approve %s. Where more officers have to sign, they do so from the request", argument(r.path))
	}
	if q.Kind == approval.List && q.StatementText() != nil {
		if err := r.signedStatement(own); err != nil {
			return err
		}
	}
	if room, err := r.room(signers); err != nil {
		return err
	} else if room == 0 {
		return hinted(fmt.Errorf("%s: the last signature under a status list is that of who proposed it, who can give it up until then", r.path),
			"it goes back to them. There: gradseal approve %s", argument(r.path))
	}
	used, err := r.home.proposals().Numbers(q.Issuer, q.Network)
	if err != nil {
		return err
	}
	sequence, text := numbered(q)
	if q.Kind == approval.Batch { // the text is known once the statement is signed
		text = used.Text
	}
	return r.checkNumber(sequence, text)
}

// room is how many signatures the status list of a request takes before the one of who
// proposed it: with that it is complete, and without it nobody can put it into force.
// It is -1 where there is no such limit.
func (r *approveRun) room(signers []issuer.Key) (int, error) {
	q := r.request
	mine := isKey(q.Proposer)
	if q.Kind != approval.List || slices.ContainsFunc(signers, mine) || !slices.ContainsFunc(q.MaySign(r.known.File, r.now), mine) {
		return -1, nil
	}
	return q.Missing(r.known.File, r.now, q.Proposer)
}

// checkNumber refuses a text whose number this home used up for another one.
func (r *approveRun) checkNumber(sequence uint64, text [32]byte) error {
	q := r.request
	err := r.home.proposals().MaySign(q.Issuer, q.Network, sequence, text)
	if err == nil || !errors.Is(err, approval.ErrSignedOther) {
		return err
	}
	used, usedErr := r.home.proposals().Numbers(q.Issuer, q.Network)
	if usedErr != nil {
		return usedErr
	}
	err = fmt.Errorf("%s: %w", r.path, err)
	if q.Kind != approval.File {
		return hinted(err, "who proposed it drops it, gradseal approve --abandon %s --sequence %d, and proposes it again, which takes a higher number", q.Name(), max(used.Signed, sequence))
	}
	if r.replaces {
		return nil
	}
	return hinted(err, "if the other one was abandoned where it was proposed, and nobody takes it up again: add --replaces")
}

// signedStatement wants the signature of this home under the statement of the batch
// that a list adds: its officer has seen the documents then.
func (r *approveRun) signedStatement(own []issuer.PublicKey) error {
	_, note, err := issuer.ParseStatement(r.request.Statement)
	if err != nil {
		return err
	}
	by, err := r.known.File.SignedBy(note)
	if err != nil {
		return r.fault(err)
	}
	for _, k := range by {
		for _, mine := range own {
			if k.Public == mine {
				return nil
			}
		}
	}
	return hinted(fmt.Errorf("%s: adds batch %s, which this home did not approve", r.path, r.request.Batch), "it goes to an officer who approved the batch with its documents")
}

// numbered is the sequence number that a request uses up when it is signed, and
// the SHA-256 of the text of the list or the file.
func numbered(q *approval.Request) (uint64, [32]byte) {
	if q.Kind == approval.File {
		return q.IssuerFile().Sequence, sha256.Sum256([]byte(q.Subject()))
	}
	return q.StatusList().Sequence, sha256.Sum256(listText(q))
}

// checkDocuments reads the documents of a batch, and holds them against its
// entries; those of a list, where any are named, against what it withdraws.
func (r *approveRun) checkDocuments(ctx context.Context, paths []string) error {
	q := r.request
	none := len(paths) == 0 && r.approveOptions.manifest == ""
	switch {
	case q.Kind != approval.Batch && none:
		return nil
	case q.Kind != approval.Batch && len(q.Withdrawn) == 0:
		return hinted(fmt.Errorf("%s: is about no documents, and some are named", r.path), "run: gradseal approve %s", argument(r.path))
	case len(paths) == 0:
		return hinted(errors.New("a batch is approved with its documents, and none is named"), "run: gradseal approve %s FOLDER", argument(r.path))
	}
	if err := r.readManifest(); err != nil {
		return err
	}
	scan, err := r.read(ctx, paths)
	if err != nil {
		return err
	}
	if r.list != nil {
		scan.Join(r.list, r.approveOptions.manifest)
	}
	plan := &batch.Plan{New: scan.Files, Refusals: scan.Refusals, Warnings: scan.Warnings}
	if r.approveOptions.strict {
		plan.Refusals, plan.Warnings = append(plan.Refusals, plan.Warnings...), nil
	}
	if err := r.review(plan); err != nil {
		return err
	}
	r.files = scan.Files
	if q.Kind == approval.List {
		if faults := compareWithdrawn(q, r.path, scan.Files); len(faults) > 0 {
			return hinted(unlikeError{faults}, "name the documents that it withdraws, or none: gradseal approve %s", argument(r.path))
		}
		return nil
	}
	faults, found := compareEntries(q, r.path, scan.Files)
	if len(faults) == 0 {
		return nil
	}
	hint := "both officers need the same files: ask who proposed it, and sign nothing meanwhile"
	if found < q.Documents()/2 || found == 0 {
		hint = fmt.Sprintf("%s of the %s in the request is among those named: is it the right folder? Otherwise ask who proposed it, and sign nothing meanwhile", noneOr(found), count(q.Documents(), "document"))
	}
	return hinted(unlikeError{faults}, "%s", hint)
}

func noneOr(n int) string {
	if n == 0 {
		return "none"
	}
	return "no more than " + number(n)
}

// unlikeError lists files that are not those of a request: the first few, for one
// wrong folder makes a line of each file, and --json lists all.
type unlikeError struct{ faults refusedError }

func (e unlikeError) Error() string {
	text := fmt.Sprintf("%s found, and nothing was signed:%s", count(len(e.faults), "fault"), lines(e.faults[:min(alike, len(e.faults))]))
	if more := len(e.faults) - alike; more > 0 {
		text += fmt.Sprintf("\n  and %s more, which --json lists", number(more))
	}
	return text
}

func (e unlikeError) Unwrap() error { return e.faults }

// compareWithdrawn finds documents that a list does not withdraw, and those that it
// withdraws and that are not named.
func compareWithdrawn(q *approval.Request, path string, files []batch.File) (faults []batch.Finding) {
	named := make(map[[32]byte]bool)
	for _, f := range files {
		named[f.Digest] = true
	}
	withdrawn := make(map[[32]byte]bool)
	for _, d := range q.Withdrawn {
		withdrawn[d.Digest] = true
		if !named[d.Digest] {
			faults = append(faults, batch.Finding{Path: path, Text: fmt.Sprintf("withdraws %s, which is not among those named, SHA-256 %x", quoted(d.Name), d.Digest)})
		}
	}
	for _, f := range files {
		if !withdrawn[f.Digest] {
			faults = append(faults, batch.Finding{Path: f.Path, Text: "is not withdrawn with what it holds now"})
		}
	}
	return faults
}

// compareEntries finds documents that are not in the request, and entries of no
// document, and counts those that are both.
func compareEntries(q *approval.Request, path string, files []batch.File) (faults []batch.Finding, found int) {
	entries := make(map[[32]byte]bool, q.Documents())
	for i := range q.Documents() {
		_, digest := q.Entry(i)
		if entries[digest] {
			faults = append(faults, batch.Finding{Path: path, Text: fmt.Sprintf("has the document with SHA-256 %x twice", digest)})
		}
		entries[digest] = true
	}
	for _, f := range files {
		if entries[f.Digest] {
			found++
		} else {
			faults = append(faults, batch.Finding{Path: f.Path, Text: "is not in the request with what it holds now: it was changed since, or was added"})
		}
		delete(entries, f.Digest)
	}
	for i := range q.Documents() { // in the order of the tree, which shows nothing
		if _, digest := q.Entry(i); entries[digest] {
			faults = append(faults, batch.Finding{Path: path, Text: fmt.Sprintf("has a document that is not among those named, SHA-256 %x", digest)})
		}
	}
	return faults, found
}

// confirm asks before anything is signed.
func (r *approveRun) confirm(ctx context.Context) error {
	q := r.request
	if q.Kind == approval.File && r.known.File == nil {
		return r.confirmNew(ctx, q.IssuerFile().Fingerprint())
	}
	if r.yes {
		return nil
	}
	question, want := "Sign it? [y/N] ", []string{"y", "yes"}
	if q.Kind == approval.Batch {
		want = []string{strconv.Itoa(q.Documents()), number(q.Documents())}
		question = "Type the number of documents to sign: "
	}
	typed, err := r.ui.ask(ctx, question)
	if errors.Is(err, errNoTerminal) {
		return hinted(errors.New("nothing was signed: there is no terminal to ask at"), "look at what is shown, then add --yes")
	}
	if err != nil {
		return err
	}
	for _, w := range want {
		if strings.EqualFold(typed, w) {
			return nil
		}
	}
	return errors.New("nothing was signed")
}

// confirmNew wants the fingerprint of a first issuer file, which follows from
// nothing that is trusted here.
func (r *approveRun) confirmNew(ctx context.Context, want issuer.Fingerprint) error {
	given := r.fingerprint
	if given == "" {
		var err error
		given, err = r.ui.ask(ctx, "Have who proposed it read the fingerprint to you, and type it: ")
		if errors.Is(err, errNoTerminal) {
			return hinted(errors.New("nothing was signed: the fingerprint is needed, and there is no terminal to ask at"), "have who proposed it tell you, and give it with --fingerprint")
		}
		if err != nil {
			return err
		}
	}
	typed, err := issuer.ParseFingerprint(given)
	if err != nil {
		return fmt.Errorf("nothing was signed: %w", err)
	}
	if typed != want {
		return hinted(fmt.Errorf("nothing was signed: the fingerprint of this file is %s, you gave %s", want, typed), "this is not the file that you were told of: do not use it")
	}
	return nil
}

// sign adds the signatures of this home. What it signs is remembered, synced,
// before a signature leaves it.
func (r *approveRun) sign(ctx context.Context) (*approval.Request, error) {
	q := r.request
	signers, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	changed, err := batch.Unchanged(ctx, r.files) // somebody may have typed for long
	if err != nil {
		return nil, err
	}
	if err := r.refuse(changed); err != nil {
		return nil, err
	}
	next, err := q.Sign(r.known.File, r.now, signers...)
	if err != nil {
		return nil, err
	}
	text := sha256.Sum256([]byte(next.Subject()))
	e := journal.Entry{Act: journal.Approve, Issuer: q.Issuer, Batch: q.Batch, Text: hex.EncodeToString(text[:])}
	if q.Kind == approval.Batch {
		e.Count = q.Documents()
	}
	if q.Network != 0 {
		e.Network = q.Network.String()
	}
	if next.Kind != approval.Batch || next.IsIssued(r.known.File, r.now) { // else only the statement was signed
		sequence, text := numbered(next)
		if err := r.checkNumber(sequence, text); err != nil {
			return nil, err
		}
		if err := r.home.proposals().Sign(q.Issuer, q.Network, sequence, text); err != nil {
			return nil, err
		}
		e.Sequence = sequence
		if next.Kind == approval.Batch { // audit finds it in the status list by this
			root := next.BatchRoot()
			e.Root = hex.EncodeToString(root[:])
		}
	}
	return next, r.record(e)
}

// open opens the keys of this home that sign the request.
func (r *approveRun) open(ctx context.Context) ([]issuer.Signer, error) {
	q := r.request
	if q.Kind != approval.File {
		if err := r.officer.openKeys(ctx, q.Network); err != nil {
			return nil, err
		}
		return r.roomFor(r.officer.signers())
	}
	own, err := r.keysOf(q.Issuer)
	if err != nil {
		return nil, err
	}
	var signers []issuer.Signer
	for _, k := range own {
		s, err := r.openOwnKey(ctx, k, q.MaySign(r.known.File, r.now), r.approveOptions.passphraseFile)
		if err != nil {
			return nil, err
		}
		if s != nil {
			signers = append(signers, s)
		}
	}
	return signers, nil
}

// roomFor leaves out what would complete a status list before who proposed it signs:
// this home may have several keys.
func (r *approveRun) roomFor(own []issuer.Signer) ([]issuer.Signer, error) {
	signed, err := r.request.Signers(r.known.File, r.now)
	if err != nil {
		return nil, err
	}
	room, err := r.room(signed)
	if err != nil || room < 0 {
		return own, err
	}
	own = slices.DeleteFunc(own, func(s issuer.Signer) bool { return slices.ContainsFunc(signed, isKey(s.PublicKey())) })
	return own[:min(room, len(own))], nil
}

// answer writes what goes back, or on to a further officer.
func (r *approveRun) answer(next *approval.Request) error {
	missing, err := next.Missing(r.known.File, r.now, next.Proposer)
	if err != nil {
		return err
	}
	suffix, further := approvalSuffix, next.Kind == approval.Batch && !next.IsIssued(r.known.File, r.now)
	if further {
		suffix = requestSuffix
	} else {
		next = next.WithoutEntries()
	}
	path := r.output
	if path == "" {
		path = next.Name() + suffix
	}
	if err := r.writeRequest(path, next); err != nil {
		return err
	}
	if r.ui.json {
		return r.ui.object(newApprovalJSON(next, stateSigned, missing, path))
	}
	r.ui.result("Signed %s", asked(next))
	r.ui.result("  %-12s %s", strings.TrimPrefix(suffix, "."), shown(path))
	switch {
	case further:
		r.ui.note("Next: %s by other officers. Send the file on to one, as secretly as it came to you: it holds the salts.\nThere: gradseal approve %s FOLDER", count(missing, "more signature"), argument(path))
	case next.Kind == approval.Batch:
		r.ui.note("Next: send it back to who proposed it. It holds no salts. There: gradseal approve %s", argument(path))
	default:
		r.ui.note("Next: send it back to who proposed it. There: gradseal approve %s", argument(path))
		if missing > 0 {
			r.ui.note("Where further officers have to sign, each does so from the request as it came to you.")
		}
	}
	if next.Kind == approval.Batch {
		r.ui.note("Delete %s when the batch is anchored: it holds the salts.", shown(r.path))
	}
	return nil
}

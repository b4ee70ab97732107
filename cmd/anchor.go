package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gradseal/batch"
	"gradseal/batch/manifest"
	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/keys"
)

type anchorOptions struct {
	networkName    string
	issuer         string
	title          string
	passphraseFile string

	nodeOptions     nodeOptions
	moneyOptions    moneyOptions
	calendarOptions calendarOptions
	wait            uint32
	depth           uint32
	psbtIn          string

	manifest    string
	table       string
	requestFile string
	statusList  string

	leaves            bool
	archive           string
	strict            bool
	skipRefused       bool
	replaceTestProofs bool
	reissue           bool
	dryRun            bool
}

func (o *anchorOptions) addFlags(cmd *cobra.Command) {
	o.addIssueFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.manifest, "manifest", "", "CSV `file` with one row for each document, named in its column \"file\"")
	flags.StringVar(&o.table, "table", "", "CSV `file` for the table of proofs (default: LIST.proofs.csv beside LIST.csv)")
	flags.BoolVar(&o.skipRefused, "skip-refused", false, "go on without the files that are refused")
	flags.BoolVar(&o.reissue, "reissue", false, "issue again what was withdrawn, or signed by keys that were closed since")
	flags.StringVar(&o.statusList, "status-list", "", "signed status list, a `file` of its own, to anchor with the documents")
	flags.BoolVar(&o.leaves, "leaves", false, "what is named are shard files, which gradseal leaves made where the documents are")
	flags.StringVar(&o.psbtIn, "psbt-in", "", "`file` with what the signer made of --psbt-out: goes on with that batch")
	flags.StringVar(&o.archive, "archive", "", archiveUsage)
	cmd.MarkFlagsMutuallyExclusive("psbt-in", "psbt-out")
	cmd.MarkFlagsMutuallyExclusive("status-list", "manifest")
	for _, other := range []string{"manifest", "table", "status-list", "psbt-in", "strict", "replace-test-proofs"} {
		cmd.MarkFlagsMutuallyExclusive("leaves", other)
	}
}

// addIssueFlags adds the flags of every command that issues documents.
func (o *anchorOptions) addIssueFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.networkName, "network", "regtest", "Bitcoin `network` to anchor in")
	flags.StringVar(&o.issuer, "issuer", "", "`id` of the issuer that signs (needed where this home has several)")
	flags.StringVar(&o.title, "title", "", "public `text` about the batch: it stands in every proof, so name no person")
	flags.StringVar(&o.passphraseFile, "passphrase-file", "", "`file` with the passphrase of the signing key (default: ask)")
	flags.StringVar(&o.requestFile, "request", "", "`file` for what other officers have to sign (default: BATCH.request)")
	flags.BoolVar(&o.dryRun, "dry-run", false, "say what would be done, and touch nothing")
	flags.BoolVar(&o.strict, "strict", false, "refuse files that would only be warned of")
	flags.BoolVar(&o.replaceTestProofs, "replace-test-proofs", false, "overwrite proofs that this home made for a test network")
	flags.Uint32Var(&o.wait, "wait", 0, "wait until the transaction has this `number` of confirmations")
	addConfirmations(flags, &o.depth)
	setConfigKey(flags, "network", "anchor.network")
	setConfigKey(flags, "issuer", "anchor.issuer")
	o.nodeOptions.addFlags(cmd)
	o.moneyOptions.addFlags(cmd)
	o.calendarOptions.addFlags(cmd)
}

// checkFlags finds what is mistyped in the flags of a command that issues
// documents, some of which only anchor has.
func (o *anchorOptions) checkFlags(cmd *cobra.Command) error {
	for _, name := range []string{"manifest", "table", "archive", "request", "status-list", "psbt-in", "psbt-out"} {
		if f := cmd.Flag(name); f != nil && f.Changed && f.Value.String() == "" {
			return fmt.Errorf("--%s: no file is named", name) // such as by a variable that is not set
		}
	}
	if err := o.checkArchiveFlags(cmd); err != nil {
		return err
	}
	if _, calendars, err := splitVia(o.nodeOptions.via); err == nil && !calendars && (cmd.Flag("calendar").Changed || cmd.Flag("min-calendars").Changed) {
		return hinted(errors.New("calendars were named, and they are not asked"), "add --via calendars, or --via bitcoind,calendars for both")
	}
	return nil
}

// checkArchiveFlags refuses what an archive of proofs does not go with, before what
// is named is looked at.
func (o *anchorOptions) checkArchiveFlags(cmd *cobra.Command) error {
	if o.archive == "" {
		return nil
	}
	for _, name := range []string{"manifest", "table"} {
		if cmd.Flag(name).Changed {
			return hinted(fmt.Errorf("--archive does not go with --%s: the table of proofs names a proof file for each row of the list, and in an archive there are none", name),
				"leave out --archive; when the batch is complete, gradseal proofs BATCH --archive FILE.zip writes one")
		}
	}
	if o.leaves {
		return hinted(errors.New("--archive does not go with --leaves: the proofs are written where the documents are, from the answers"),
			"leave out --archive; when the batch is complete, gradseal proofs BATCH --archive FILE.zip writes one")
	}
	return nil
}

// addConfirmations adds the flag for how deep a block must be before proofs
// carry it.
func addConfirmations(flags *pflag.FlagSet, n *uint32) {
	flags.Uint32Var(n, "confirmations", 0, "`number` that completes the proofs (0: 7 on mainnet, else 1)")
	setConfigKey(flags, "confirmations", "anchor.confirmations")
}

func (a *app) newAnchorCommand() *cobra.Command {
	var o anchorOptions
	cmd := &cobra.Command{
		Use:   "anchor PATH…",
		Short: "Anchor PDFs, and write a proof beside each",
		Long: `Reads the PDFs and the folders named, makes one batch of them, has the issuer
sign it, commits it to a Bitcoin block, and writes NAME.pdf.proof.json beside
each NAME.pdf. The PDFs are not changed.

The same command again finishes what was interrupted, and skips what was
anchored before. Nothing is signed when a single file is not in order: every
fault is listed first. Look at the list, mend the files, or go on without them
with --skip-refused.

Where the issuer file wants several officers to sign, nothing is sent yet: another
officer signs what this command writes (gradseal approve), and the same command
goes on once the answer is taken in.

With --archive all proofs go into one ZIP file, which takes a file system far less
time than a million small ones; gradseal upgrade brings it up to date.

With --manifest the documents are held against a list that you exported from
your student records: CSV in UTF-8, a header row, and a column "file" with each
document's name as it is in the folder. The other columns go into a table of
documents and proofs for your mail merge, and nowhere else.

Encryption, JavaScript, form fields, files inside and references to others are
warned of. They are looked for with a byte scan, which is no PDF parser: it finds
what an honest export has by accident, not what somebody hides.

The network regtest is a private one inside this program, for rehearsals: it
costs nothing, and only this machine can check its proofs. Other networks are
reached with --via: through a node of your own (bitcoind, btcd) or a public
service (esplora). There the transaction waits for a block: the proofs are
pending until then, and gradseal upgrade completes them.

What was withdrawn stays withdrawn, and is passed over. Where the same bytes are to be
issued once more, say after a key was stolen, --reissue does it: in a new batch, with
a new proof in the place of the old one.

With --status-list the institution's newest status list, as a file that stays, gets
a proof of its own beside it, which shows as of which block it was there. Do not
name the file that status renew writes over.

--via calendars needs neither a node nor coins: OpenTimestamps calendars, which
anchor for everyone, get a number that tells them nothing, and put it into their
next transaction, as a rule within a day. --via bitcoind,calendars does both.

With --leaves the documents are on other machines: what is named are the shard files
that gradseal leaves made there, and they become one batch. Beside each, the answer
goes with which its worker writes the proofs.`,
		Example: `  gradseal anchor transcripts/
  gradseal anchor --dry-run --manifest graduates.csv transcripts/
  gradseal anchor --title "Graduation June 2026" diplomas/ extra/late.pdf
  gradseal anchor --archive proofs.zip transcripts/
  gradseal anchor --network testnet4 --via bitcoind transcripts/
  gradseal anchor --network testnet4 --via bitcoind --leaves june-*.leaves
  gradseal anchor --network mainnet --via calendars transcripts/
  gradseal anchor --network testnet4 --via esplora --node https://… --psbt-out ask.psbt transcripts/
  gradseal anchor --network testnet4 --via esplora --node https://… --psbt-in signed.psbt

Exit codes: 0 every document has its proof, pending where the block is still to
come; 1 an error, and what to do about it.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.psbtIn != "" {
				return cobra.NoArgs(cmd, args)
			}
			return needArgs("name the PDFs or the folders to anchor")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.checkFlags(cmd); err != nil {
				return err
			}
			return a.runAnchor(cmd.Context(), o, args)
		},
	}
	o.addFlags(cmd)
	return cmd
}

// anchorRun is one run of anchor: the way of a document from folder to block.
type anchorRun struct {
	carrier
	anchorOptions
	now time.Time

	list      *manifest.Manifest // nil without --manifest
	unproven  string             // which rows of it have no proof; empty where all have theirs
	leafFiles []string           // with --leaves

	rehearsal bool // the issuer is made in this run
	officer   *officer
	replacing *replacement // nil but in replace

	current  *batch.Batch   // at work
	anchored []*batch.Batch // taken on in this run
}

func (a *app) newAnchorRun(o anchorOptions) (*anchorRun, error) {
	network, err := bitcoin.ParseNetwork(o.networkName)
	if err != nil {
		return nil, err
	}
	way, err := o.nodeOptions.way(network)
	if err != nil {
		return nil, err
	}
	if way == viaCalendars {
		if o.psbtIn != "" || o.moneyOptions.psbtOut != "" {
			return nil, errors.New("--psbt-in and --psbt-out are about a transaction of your own, and --via calendars makes none")
		}
	}
	if err := o.moneyOptions.check(); err != nil {
		return nil, err
	}
	if o.title != "" {
		if err := issuer.ValidTitle(o.title); err != nil {
			return nil, fmt.Errorf("--title: %w", err)
		}
	}
	r := &anchorRun{
		carrier:       carrier{app: a, network: network, confirmations: finalDepth(network, o.depth), money: o.moneyOptions},
		anchorOptions: o, now: time.Now(),
	}
	o.calendarOptions.allow = a.cfg.Calendars.Allow
	_, r.submits, _ = splitVia(o.nodeOptions.via)
	r.calendars, err = o.calendarOptions.open(network, r.submits)
	return r, err
}

// finalDepth is how many confirmations complete a proof, where n, from flag or
// configuration, does not say.
func finalDepth(network bitcoin.Network, n uint32) uint32 {
	switch {
	case n > 0:
		return n
	case network.IsTest():
		return 1
	}
	return 7 // the block, and six after it: a proof that carries those proves work by itself
}

func (a *app) runAnchor(ctx context.Context, o anchorOptions, paths []string) error {
	r, err := a.newAnchorRun(o)
	if err != nil {
		return err
	}
	if o.leaves {
		return r.anchorLeaves(ctx, paths)
	}
	if o.dryRun { // the lock is a file
		return r.rehearse(ctx, paths)
	}
	if r.release, err = a.lock(ctx); err != nil {
		return err
	}
	defer func() { r.release() }()
	r.rewrite = true // a registrar who names the documents again may have lost a proof
	run := func() error { return r.run(ctx, paths) }
	if o.psbtIn != "" {
		run = func() error { return r.takePSBT(ctx) }
	}
	if err := a.saveStatements(); err != nil {
		return err
	}
	if err := run(); err != nil {
		return r.standing(remedied(err))
	}
	return r.unanswered()
}

func (r *anchorRun) run(ctx context.Context, paths []string) (err error) {
	scan, plan, err := r.prepare(ctx, paths)
	if err != nil {
		return err
	}
	if err := r.refuseArchive(plan); err != nil {
		return err
	}
	if err := r.abandon(plan.Stale); err != nil {
		return err
	}
	if err := r.openIssuer(); err != nil {
		return err
	}
	if len(plan.New)+len(plan.Resume) > 0 || r.headersLost() {
		done, openErr := r.open(ctx, r.nodeOptions)
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, done()) }()
	}
	r.tellReplaced(plan)
	for _, b := range plan.Resume {
		r.ui.note("Going on with batch %s, %s, which was %s", b.ID, count(len(b.Documents), "document"), b.State())
		if err := r.finish(ctx, b, scan.Files); err != nil {
			return err
		}
	}
	if len(plan.New) > 0 {
		b, err := plan.Create(r.home.batches())
		if err != nil {
			return err
		}
		r.batches = append(r.batches, b)
		if err := r.recordSteps(b, false); err != nil {
			return err
		}
		if err := r.finish(ctx, b, plan.New); err != nil {
			return err
		}
	}
	for _, b := range plan.Complete { // the end of one may have been killed before it was journalled
		if err := r.recordSteps(b, true); err != nil {
			return err
		}
	}
	if len(plan.Rewrite) > 0 {
		if err := r.writeMissing(ctx, plan); err != nil {
			return err
		}
	}
	if err := r.restoreArchives(ctx, plan.Complete); err != nil {
		return err
	}
	if err := r.writeTable(scan, plan); err != nil {
		return err
	}
	if err := r.waitForAll(ctx); err != nil {
		return err
	}
	return r.report(plan, paths)
}

// prepare reads the documents and decides what is to be done about them. It
// changes nothing, and returns an error where one file is not in order.
func (r *anchorRun) prepare(ctx context.Context, paths []string) (*batch.Scan, *batch.Plan, error) {
	if err := r.readManifest(); err != nil {
		return nil, nil, err
	}
	if err := r.checkTable(); err != nil {
		return nil, nil, err
	}
	scan, err := r.read(ctx, paths)
	if err != nil {
		return nil, nil, err
	}
	if r.list != nil {
		scan.Join(r.list, r.manifest)
	}
	if err := r.chooseIssuer(); err != nil {
		return nil, nil, err
	}
	if err := r.addStatusList(scan); err != nil {
		return nil, nil, err
	}
	plan, err := r.plan(ctx, scan)
	return scan, plan, err
}

// writeMissing writes the proofs of complete batches that are not there.
func (r *anchorRun) writeMissing(ctx context.Context, plan *batch.Plan) error {
	bar := r.ui.startProgress("Writing proofs", int64(len(plan.Rewrite)), false)
	defer bar.finish()
	r.proofs += len(plan.Rewrite)
	return plan.WriteMissing(ctx, func() { bar.add(1) })
}

// headersLost reports whether there is a node and no header file: opening the
// node writes that again.
func (r *anchorRun) headersLost() bool {
	_, noNode := os.Stat(r.home.nodeDir())
	_, noHeaders := os.Stat(r.home.headerFile(r.network))
	return noNode == nil && errors.Is(noHeaders, fs.ErrNotExist)
}

// head is what is said of a new batch.
func (r *anchorRun) head() batch.Head {
	return batch.Head{Network: r.network, Issuer: r.issuer, Title: r.title, Created: r.now}
}

// misnamed asks about the name of a file that is not there.
func misnamed(err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return hinted(err, "is the name right? One with blanks in it stands in quotation marks")
}

// read finds and hashes the documents.
func (r *anchorRun) read(ctx context.Context, paths []string) (*batch.Scan, error) {
	var bar *progress
	scan, err := batch.Read(ctx, paths,
		func(files int, bytes int64) {
			frugal(files)
			r.ui.note("Reading %s (%s)", count(files, "document"), size(bytes))
			bar = r.ui.startProgress("Reading", bytes, true)
		},
		func(bytes int64) { bar.add(bytes) })
	if bar != nil {
		bar.finish()
	}
	if err != nil {
		return nil, misnamed(err)
	}
	if scan.Ignored > 0 {
		r.ui.note("Passed over %s whose name does not end in .pdf", count(scan.Ignored, "file"))
	}
	if len(scan.Files)+len(scan.Refusals) == 0 {
		return nil, hinted(errors.New("there is no PDF in what was named"), "name PDF files, or folders with PDF files in them")
	}
	return scan, nil
}

// chooseIssuer finds out who signs. On regtest, and only there, that may be an
// issuer which is yet to be made.
func (r *anchorRun) chooseIssuer() error {
	own, err := r.ownIssuers()
	if err != nil {
		return err
	}
	switch {
	case r.issuer != "" && slices.Contains(own, r.issuer):
	case r.issuer != "":
		return hinted(fmt.Errorf("this home has no signing key of %s", safe(r.issuer)), "run: gradseal issuer create --id %s --name NAME", safe(r.issuer))
	case len(own) == 1:
		r.issuer = own[0]
	case len(own) > 1:
		return hinted(errors.New("this home has the keys of several issuers"), "%s", r.sayWhich("say which one signs", own))
	case r.network != bitcoin.Regtest:
		return errNoOwnIssuer()
	default:
		r.issuer, r.rehearsal = rehearsalID, true
	}
	return nil
}

// openIssuer reads the issuer file, or makes the issuer of a rehearsal.
func (r *anchorRun) openIssuer() (err error) {
	if r.rehearsal {
		if _, err := r.createRehearsalIssuer(); err != nil {
			return err
		}
	}
	r.officer, err = r.app.officer(r.issuer, r.passphraseFile, r.now)
	return err
}

// The issuer that a rehearsal makes for itself.
const (
	rehearsalID   = "rehearsal.example/registrar"
	rehearsalName = "Rehearsal University"
)

func (r *anchorRun) createRehearsalIssuer() (*issuer.File, error) {
	spec := issuerSpec{id: rehearsalID, name: rehearsalName, holder: "this machine", created: r.now}
	f, err := r.createIssuer(spec, (*keys.Key).WriteUnsafe)
	if err != nil {
		return nil, err
	}
	r.ui.note("This home had no issuer: made %s, with a key that is not\nencrypted, and trust it on this machine. Your institution's own is made with: gradseal issuer create", quoted(f.Name))
	return f, nil
}

// plan decides what is to be done, and refuses everything where one file is
// not in order.
func (r *anchorRun) plan(ctx context.Context, scan *batch.Scan) (*batch.Plan, error) {
	var err error
	if r.batches, err = r.home.batches().List(); err != nil {
		return nil, err
	}
	void, err := r.void()
	if err != nil {
		return nil, err
	}
	withdrawn, err := r.withdrawn()
	if err != nil {
		return nil, err
	}
	plan, err := batch.NewPlan(ctx, scan, r.batches, r.head(), r.replacing.options(batch.Options{
		Strict:            r.strict,
		ReplaceTestProofs: r.replaceTestProofs,
		Void:              void,
		Withdrawn:         withdrawn,
		Reissue:           r.reissue,
		Probe:             !r.dryRun,
	}))
	if err != nil {
		return nil, err
	}
	if err := r.refuseClosed(plan); err != nil {
		return nil, err
	}
	if err := r.refuseProposed(plan); err != nil {
		return nil, err
	}
	return plan, r.review(plan)
}

// abandon drops the plans of batches that were not signed.
func (r *anchorRun) abandon(stale []*batch.Batch) error {
	for _, b := range stale {
		if p, err := r.proposalOf(b); err != nil {
			return err
		} else if p != nil {
			return r.errPending(p)
		}
		r.ui.note("Dropped the plan of batch %s: it was not signed, and files or title are other ones now", b.ID)
		if err := r.recordAbandon(b); err != nil {
			return err
		}
		if err := r.home.batches().Abandon(b); err != nil {
			return err
		}
	}
	return nil
}

// finish takes a batch through every step that it has not taken yet. Each step
// is on disk and synced before the next one begins.
func (r *anchorRun) finish(ctx context.Context, b *batch.Batch, files []batch.File) error {
	r.current = b
	if err := b.Sync(); err != nil { // what a killed process wrote may not be safe yet
		return err
	}
	if err := r.useArchive(b); err != nil {
		return err
	}
	if err := r.recordSteps(b, true); err != nil {
		return err
	}
	if b.Statement == nil {
		if err := r.issue(ctx, b, files); err != nil {
			return err
		}
		if err := r.recordSteps(b, false); err != nil {
			return err
		}
	}
	if err := r.refuseDead(b); err != nil {
		return err
	}
	if b.State() < batch.Confirmed {
		if err := r.listProposed(ctx, b); err != nil {
			return err
		}
		if err := r.listInStatus(ctx, b); err != nil {
			return err
		}
	}
	if err := r.carry(ctx, b); err != nil {
		return err
	}
	r.anchored = append(r.anchored, b)
	return nil
}

// issue signs the batch, or asks other officers again who have to sign it too.
func (r *anchorRun) issue(ctx context.Context, b *batch.Batch, files []batch.File) error {
	p, err := r.proposalOf(b)
	if err != nil {
		return err
	}
	if p != nil {
		if p, err = r.dropOutdated(p); err != nil {
			return err
		}
	}
	if p != nil {
		return r.proposed(p)
	}
	if err := r.ready(ctx); err != nil {
		return err
	}
	return r.sign(ctx, b, files)
}

// waitForAll waits, with --wait N, until the transactions of this run have N
// confirmations. It comes last: meanwhile others may work in the home.
func (r *anchorRun) waitForAll(ctx context.Context) (err error) {
	if r.wait == 0 || r.node == nil && !r.submits {
		return nil
	}
	r.anchored, err = r.await(ctx, r.anchored, func(b *batch.Batch) bool {
		return b.State() == batch.Requested || r.confirmationsOf(b) >= r.wait
	})
	return err
}

// ready finds out, before anything is signed, whether the transaction can be
// paid for, shows what it costs and asks where that is real money, and brings the header chain up to date, whose newest block dates the
// statement from below.
func (r *anchorRun) ready(ctx context.Context) error {
	if r.node == nil { // the embedded node makes its own money
		return nil
	}
	if err := r.syncHeaders(ctx); err != nil {
		return err
	}
	order, err := r.order(ctx, r.current)
	if err != nil {
		return err
	}
	request, err := r.backend.Fund(ctx, order)
	if err != nil {
		return err
	}
	return r.spend(ctx, request)
}

// needArgs wants at least one argument.
func needArgs(hint string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return hinted(errors.New("no file was named"), "%s; see: %s --help", hint, cmd.CommandPath())
		}
		return nil
	}
}

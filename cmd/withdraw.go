package cmd

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/journal"
	"gradseal/merkle"
	"gradseal/proof"
)

type withdrawOptions struct {
	reason, date   string
	networkName    string // empty: every network
	issuer         string
	manifest       string
	batch          string
	unknownBatch   bool
	yes            bool
	requestFile    string
	passphraseFile string
}

func (o *withdrawOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.reason, "reason", "", "`why`: "+strings.Join(issuer.Reasons(), ", "))
	flags.StringVar(&o.date, "date", "", "`day` of the withdrawal, such as 2026-11-23 (default: today)")
	flags.StringVar(&o.networkName, "network", "", "withdraw on this `network` only (default: on each that it was issued on)")
	flags.StringVar(&o.issuer, "issuer", "", "`id` of the issuer (needed where this home has several)")
	flags.StringVar(&o.manifest, "manifest", "", "CSV `file` with a row for each document, named in its column \"file\"")
	flags.StringVar(&o.batch, "batch", "", "withdraw a whole `batch`, named by its id or its batch root")
	flags.BoolVar(&o.unknownBatch, "unknown-batch", false, "with --batch ROOT: this home did not make the batch")
	flags.BoolVarP(&o.yes, "yes", "y", false, "do not ask: it cannot be taken back")
	flags.StringVar(&o.requestFile, "request", "", "`file` for what other officers have to sign (default: ISSUER-NETWORK-list-N.request)")
	flags.StringVar(&o.passphraseFile, "passphrase-file", "", "`file` with the passphrase of the signing key (default: ask)")
	setConfigKey(flags, "issuer", "anchor.issuer")
	cmd.MarkFlagsMutuallyExclusive("batch", "manifest")
}

func (a *app) newWithdrawCommand() *cobra.Command {
	var o withdrawOptions
	cmd := &cobra.Command{
		Use:   "withdraw DOCUMENT… --reason WHY",
		Short: "Withdraw documents, or a whole batch, in the status list",
		Long: `Signs the issuer's next status list, in which documents are withdrawn. Whoever
has that list, or a later one, is told WITHDRAWN, with the reason and the day.
Nothing personal stands in it, and only who holds a proof can tell what it is
about. A withdrawal cannot be taken back.

A document is named by its PDF, its proof file, or the 64 hex digits of its
SHA-256; many by a list in CSV, whose column "file" has names of files as they
were anchored. Every copy is withdrawn: a document that was issued twice stands
in two batches. Nothing is signed when one name is not in order.

The reasons, of which verifiers are told the words:
  superseded       a newer document takes its place
  issued-in-error  it should never have been issued
  rescinded        the award itself was taken back
  reprint          the same content was issued again
  key-compromise   it was signed with a stolen key

A batch that somebody else made, with a stolen key, is withdrawn by its batch
root, which gradseal inspect shows of a proof: --batch ROOT --unknown-batch
--reason key-compromise --network NETWORK.`,
		Example: `  gradseal withdraw transcripts/s01.pdf --reason issued-in-error
  gradseal withdraw s01.pdf.proof.json --reason rescinded --date 2026-11-20
  gradseal withdraw --manifest reprints.csv --reason reprint --yes
  gradseal withdraw --batch 20261122-10b7b705 --reason issued-in-error
  gradseal status renew --publish /srv/www/gradseal

Exit codes: 0 withdrawn, now or before; 1 an error, and nothing was signed.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.manifest != "" && len(args) == 0 {
				return nil
			}
			if o.batch == "" {
				return needArgs("name the documents to withdraw, or --manifest LIST.csv, or --batch BATCH")(cmd, args)
			}
			if len(args) > 0 {
				return errors.New("--batch withdraws a whole batch: name no documents with it")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.runWithdraw(cmd.Context(), o, args) },
	}
	o.addFlags(cmd)
	return cmd
}

// check finds out what is mistyped before anything is read.
func (o *withdrawOptions) check(now time.Time) error {
	if o.reason == "" {
		return hinted(errors.New("no reason is given"), "--reason is one of: %s", strings.Join(issuer.Reasons(), ", "))
	}
	if err := issuer.ValidReason(o.reason); err != nil {
		return fmt.Errorf("--reason: %w", err)
	}
	date, err := withdrawalDate(o.date, now)
	if err != nil {
		return err
	}
	o.date = date
	if o.networkName != "" {
		if _, err := bitcoin.ParseNetwork(o.networkName); err != nil {
			return fmt.Errorf("--network: %w", err)
		}
	}
	return o.checkUnknown()
}

func (o *withdrawOptions) checkUnknown() error {
	switch _, isRoot := parseDigest(o.batch); {
	case !o.unknownBatch:
		return nil
	case !isRoot:
		return errors.New("--unknown-batch: name the batch by its root, 64 hex digits: --batch ROOT")
	case o.reason != issuer.ReasonKeyCompromise:
		return fmt.Errorf("--unknown-batch: a batch that this home did not make is withdrawn for the reason %s, and for no other", issuer.ReasonKeyCompromise)
	case o.networkName == "":
		return hinted(errors.New("--unknown-batch: the network is not known"), "name the network that its proofs are for: --network NETWORK")
	}
	return nil
}

// withdrawalDate is the day of a withdrawal: today where none was said. A day
// that has come nowhere on earth is refused.
func withdrawalDate(day string, now time.Time) (string, error) {
	if day == "" {
		return now.UTC().Format(time.DateOnly), nil
	}
	if err := issuer.ValidDate(day); err != nil {
		return "", fmt.Errorf("--date: %w", err)
	}
	if last := max(now.UTC().Format(time.DateOnly), now.Local().Format(time.DateOnly)); day > last {
		return "", fmt.Errorf("--date: %s is in the future: a withdrawal counts from when its list is published", day)
	}
	return day, nil
}

// withdrawRun is one run of withdraw.
type withdrawRun struct {
	*app
	withdrawOptions
	officer *officer
	now     time.Time
	batches []*batch.Batch

	lists     map[bitcoin.Network]*issuer.StatusList // the newest ones
	work      map[bitcoin.Network]*withdrawals
	documents map[[32]byte]bool // to be withdrawn
	ids       map[[32]byte]bool // what names them in status lists, withdrawn already or not
	already   int               // documents of which nothing is left to withdraw
	noted     int               // entries of which that was said, by name the first ones only
	faults    []batch.Finding
}

// withdrawals are what is withdrawn on one network.
type withdrawals struct {
	network   bitcoin.Network
	documents []issuer.Withdrawal
	batches   []issuer.Withdrawal
	entry     journal.Entry
	lines     []string // for people
}

func (a *app) runWithdraw(ctx context.Context, o withdrawOptions, what []string) error {
	now := time.Now()
	if err := o.check(now); err != nil {
		return err
	}
	id, err := a.pickOwn(o.issuer)
	if err != nil {
		return err
	}
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	r, err := a.newWithdrawRun(id, o, now)
	if err != nil {
		return err
	}
	if err := r.gather(ctx, what); err != nil {
		return err
	}
	return r.withdraw(ctx)
}

// newWithdrawRun reads what there is of the issuer. The caller holds the home's
// lock.
func (a *app) newWithdrawRun(id string, o withdrawOptions, now time.Time) (*withdrawRun, error) {
	r := &withdrawRun{
		app: a, withdrawOptions: o, now: now,
		lists:     make(map[bitcoin.Network]*issuer.StatusList),
		work:      make(map[bitcoin.Network]*withdrawals),
		documents: make(map[[32]byte]bool),
		ids:       make(map[[32]byte]bool),
	}
	var err error
	if r.officer, err = a.officer(id, o.passphraseFile, now); err != nil {
		return nil, err
	}
	if r.batches, err = a.home.batches().List(); err != nil {
		return nil, err
	}
	return r, r.readLists()
}

// readLists reads the issuer's newest status lists: what they withdraw is not
// withdrawn again.
func (r *withdrawRun) readLists() error {
	for _, n := range bitcoin.Networks() {
		newest, _, err := r.home.trust().Status(r.officer.file.ID, n)
		if err != nil {
			return err
		}
		r.lists[n] = &issuer.StatusList{}
		if newest != nil {
			r.lists[n] = newest.StatusList
		}
	}
	return nil
}

// gather finds everything that is to be withdrawn, and every fault.
func (r *withdrawRun) gather(ctx context.Context, what []string) error {
	if r.batch != "" {
		return r.gatherBatch()
	}
	all, err := r.named(ctx, what)
	if err := r.keepFaults(err); err != nil {
		return err
	}
	if r.manifest != "" {
		listed, err := r.namedIn(r.manifest, r.batches, r.officer.file.ID)
		if err := r.keepFaults(err); err != nil {
			return err
		}
		joined := nameds{}
		for _, n := range append(all, listed...) {
			joined.add(n)
		}
		all = joined.list
	}
	digests := make([][32]byte, len(all))
	for i, n := range all {
		digests[i] = n.digest
	}
	byDigest := make(map[[32]byte][]entry)
	for _, e := range entriesOf(r.batches, r.officer.file.ID, digests...) {
		byDigest[e.document().Digest] = append(byDigest[e.document().Digest], e)
	}
	for _, n := range all {
		if fault := r.take(n, byDigest[n.digest]); fault != "" {
			r.faults = append(r.faults, batch.Finding{Path: n.name, Text: fault})
		}
	}
	if len(r.faults) > 0 {
		return refusedError(r.faults)
	}
	return nil
}

// keepFaults keeps the faults of what was named, to be listed with the others. Any
// other error is returned.
func (r *withdrawRun) keepFaults(err error) error {
	var faults refusedError
	if errors.As(err, &faults) {
		r.faults = append(r.faults, faults...)
		return nil
	}
	return err
}

// take notes what is to be withdrawn of a document with the given entries, or
// returns why it cannot be.
func (r *withdrawRun) take(n named, entries []entry) (fault string) {
	todo, taken, unsigned, elsewhere := false, false, "", ""
	known := false // the entry that the proof is for
	for _, e := range entries {
		d := e.document()
		id := issuer.WithdrawalID(d.Salt, d.Digest)
		known = known || n.proof != nil && n.proof.Salt == d.Salt
		switch {
		case e.batch.Statement == nil:
			unsigned = e.batch.ID
			continue
		case r.networkName != "" && e.batch.Network.String() != r.networkName:
			elsewhere = e.batch.Network.String()
			continue
		}
		if day := e.batch.Created.AddDate(0, 0, -1).Format(time.DateOnly); r.date < day {
			return fmt.Sprintf("was issued on %s (batch %s), after the day of the withdrawal, %s", e.batch.Created.Format(time.DateOnly), e.batch.ID, r.date)
		}
		taken = true
		todo = r.add(e.batch.Network, id, d, "batch "+e.batch.ID) || todo
	}
	if n.proof != nil && !known && (n.byProof || !taken) {
		added, fault := r.takeByProof(n)
		switch {
		case fault == "":
			taken, todo = true, todo || added
		case n.byProof:
			return fault
		}
	}
	switch {
	case !taken && unsigned != "":
		return fmt.Sprintf("is in batch %s, which is not signed: nothing was issued. It is dropped with: gradseal batches abandon %s", unsigned, unsigned)
	case !taken && elsewhere != "":
		return fmt.Sprintf("was issued on %s, and not on %s", elsewhere, r.networkName)
	case !taken:
		return fmt.Sprintf("was never issued by %s from here%s", r.officer.file.ID, r.changed(n))
	case todo:
		r.documents[n.digest] = true
	default:
		r.already++
	}
	return ""
}

// changed says of a document that was never issued, as far as is known here, what
// may be behind it: another was issued from a file of the same name, or documents
// were forgotten.
func (r *withdrawRun) changed(n named) string {
	path, err := filepath.Abs(n.name)
	if err != nil {
		return ""
	}
	forgotten := 0
	for _, b := range r.batches {
		if b.Statement == nil || b.Issuer != r.officer.file.ID {
			continue
		}
		for _, d := range b.Documents {
			if d.Forgotten {
				forgotten++
			}
			if d.Path == path {
				return fmt.Sprintf("; under this name another document was (batch %s): name that by its proof, or by its SHA-256, %x", b.ID, d.Digest)
			}
		}
	}
	if forgotten > 0 {
		return fmt.Sprintf("; but what was issued of %s was forgotten: if it is that, name it by its proof", count(forgotten, "document"))
	}
	return ""
}

// add notes a document on a network, and reports whether it is still to be
// withdrawn.
func (r *withdrawRun) add(n bitcoin.Network, id [32]byte, d batch.Document, where string) bool {
	r.ids[id] = true
	if w, ok := r.lists[n].FindWithdrawn(id); ok {
		if r.noted++; r.noted <= mostAsked {
			r.ui.note("%s is withdrawn already on %s (%s): %s, %s", shown(d.Path), n, where, w.Date, w.Reason)
		}
		return false
	}
	w := r.on(n)
	w.documents = append(w.documents, issuer.Withdrawal{ID: id, Date: r.date, Reason: r.reason})
	w.entry.About = append(w.entry.About, journal.Subject{Name: d.Path, Digest: d.Digest})
	w.lines = append(w.lines, fmt.Sprintf("%s (%s, %s)", shown(d.Path), where, n))
	return true
}

func (r *withdrawRun) on(n bitcoin.Network) *withdrawals {
	if r.work[n] == nil {
		r.work[n] = &withdrawals{network: n, entry: journal.Entry{Act: journal.Withdraw, Reason: r.reason}}
	}
	return r.work[n]
}

// takeByProof is take for a document of which this home has no entry, by its
// proof: the proof must be of a statement that the issuer signed.
func (r *withdrawRun) takeByProof(n named) (added bool, fault string) {
	if fault := checkOwnProof(r.officer.file, n.proof); fault != "" {
		return false, fault
	}
	s := n.proof.Layers[0].Statement
	if r.networkName != "" && s.Network.String() != r.networkName {
		return false, fmt.Sprintf("is a proof for %s, and not for %s", s.Network, r.networkName)
	}
	d := batch.Document{Path: n.name, Digest: n.digest}
	return r.add(s.Network, issuer.WithdrawalID(n.proof.Salt, n.digest), d, "by its proof"), ""
}

// checkOwnProof returns "" for a proof that leads to a statement which the keys
// of the issuer signed, whenever they were in force: what was signed with a key
// after it was closed is to be withdrawn all the more.
func checkOwnProof(f *issuer.File, p *proof.Proof) (fault string) {
	l := p.Layers[0]
	if l.Statement.Issuer != f.ID {
		return fmt.Sprintf("is a proof of %s, and not of %s", l.Statement.Issuer, f.ID)
	}
	if err := merkle.VerifyInclusion(merkle.LeafHash(p.Entry()), l.Index, l.Statement.Size, l.Path, l.Statement.Root); err != nil {
		return fmt.Sprintf("is a proof of something that is not in the statement: %v", err)
	}
	_, err := f.CheckSignatures(l.Note, l.Statement.Issued)
	if err == nil || errors.Is(err, issuer.ErrKeyTime) || errors.Is(err, issuer.ErrNotInForce) {
		return ""
	}
	return fmt.Sprintf("is a proof that the keys of %s did not sign: %v", f.ID, err)
}

// gatherBatch finds the whole batch that is to be withdrawn.
func (r *withdrawRun) gatherBatch() error {
	b, root, err := r.findWhole()
	if err != nil {
		return err
	}
	network, what := bitcoin.Network(0), ""
	if b != nil {
		network, what = b.Network, fmt.Sprintf("all of batch %s, %s", b.ID, count(len(b.Documents), "document"))
	} else {
		network, err = bitcoin.ParseNetwork(r.networkName)
		what = fmt.Sprintf("all of the batch with the root %x, which this home did not make", root)
	}
	if err != nil {
		return err
	}
	if w, ok := r.lists[network].FindWithdrawnBatch(root); ok {
		r.ui.note("The batch is withdrawn already on %s: %s, %s", network, w.Date, w.Reason)
		return nil
	}
	w := r.on(network)
	w.batches = []issuer.Withdrawal{{ID: root, Date: r.date, Reason: r.reason}}
	w.entry.Root = hex.EncodeToString(root[:])
	if b != nil {
		w.entry.Batch, w.entry.Count = b.ID, len(b.Documents)
	}
	w.lines = []string{fmt.Sprintf("%s (%s)", what, network)}
	return nil
}

// findWhole returns the batch that --batch names, nil for an unknown one, and its
// root.
func (r *withdrawRun) findWhole() (*batch.Batch, [32]byte, error) {
	root, isRoot := parseDigest(r.batch)
	b, err := r.byRoot(root)
	if err != nil {
		return nil, root, err
	}
	switch {
	case !isRoot:
		if b, err = pickBatch(r.batches, r.batch); err != nil {
			return nil, root, err
		}
	case b == nil && !r.unknownBatch:
		return nil, root, hinted(fmt.Errorf("this home did not make a batch with the root %x", root),
			"if it was made with a stolen key: --unknown-batch --reason %s --network NETWORK; list the batches of this home with: gradseal batches", issuer.ReasonKeyCompromise)
	case b == nil:
		return nil, root, nil
	}
	switch {
	case b.Issuer != r.officer.file.ID:
		return nil, root, hinted(fmt.Errorf("batch %s is of %s, and not of %s", b.ID, b.Issuer, r.officer.file.ID), "say whose it is: --issuer %s", b.Issuer)
	case b.Statement == nil:
		return nil, root, hinted(fmt.Errorf("batch %s is not signed: nothing of it was issued", b.ID), "drop it with: gradseal batches abandon %s", b.ID)
	case r.networkName != "" && b.Network.String() != r.networkName:
		return nil, root, fmt.Errorf("batch %s is on %s, and not on %s", b.ID, b.Network, r.networkName)
	case r.unknownBatch:
		return nil, root, fmt.Errorf("--unknown-batch: this home made that batch, it is %s", b.ID)
	}
	root, err = b.Root()
	return b, root, err
}

// byRoot returns the signed batch with the root, nil where there is none.
func (r *withdrawRun) byRoot(root [32]byte) (*batch.Batch, error) {
	for _, b := range r.batches {
		if b.Statement == nil {
			continue
		}
		have, err := b.Root()
		if err != nil {
			return nil, err
		}
		if have == root {
			return b, nil
		}
	}
	return nil, nil
}

// inOrder is the work on each network, in the order of the networks.
func (r *withdrawRun) inOrder() []*withdrawals {
	var all []*withdrawals
	for _, n := range bitcoin.Networks() {
		if w := r.work[n]; w != nil {
			all = append(all, w)
		}
	}
	return all
}

// withdraw signs the lists, once it was confirmed.
func (r *withdrawRun) withdraw(ctx context.Context) error {
	work := r.inOrder()
	if len(work) == 0 {
		return r.report(nil)
	}
	if err := r.officer.askIn(r.requestFile, len(work)); err != nil {
		return err
	}
	for _, w := range work {
		if _, err := r.officer.newest(w.network); err != nil {
			return err
		}
	}
	if err := r.confirm(ctx, work); err != nil {
		return err
	}
	for _, w := range work {
		if err := r.officer.openKeys(ctx, w.network); err != nil {
			return err
		}
	}
	var signed []*issuer.StatusList
	var errs error
	for _, w := range work {
		if w.entry.Count == 0 {
			w.entry.Count = len(w.documents)
		}
		l, err := r.officer.changeList(ctx, w.network, w.entry, w.apply)
		if errs = errors.Join(errs, err); l != nil {
			signed = append(signed, l)
		}
	}
	if errs != nil && len(signed) == 0 {
		return errs
	}
	return errors.Join(r.report(signed), errs)
}

// apply adds the withdrawals to a status list.
func (w *withdrawals) apply(l *issuer.StatusList) error {
	added := l.AddAllWithdrawn(w.documents)
	for _, b := range w.batches {
		if l.AddWithdrawnBatch(b) {
			added++
		}
	}
	if added == 0 {
		return errNoChange
	}
	return nil
}

// distinct is how many documents there are, of which one may stand in several
// batches.
func (w *withdrawals) distinct() int {
	digests := make(map[[32]byte]bool, len(w.entry.About))
	for _, s := range w.entry.About {
		digests[s.Digest] = true
	}
	return len(digests)
}

// mostAsked is how many documents are listed by name.
const mostAsked = 20

// show says what will be withdrawn.
func (r *withdrawRun) show(work []*withdrawals) {
	var lines []string
	for _, w := range work {
		lines = append(lines, w.lines...)
	}
	r.ui.note("To be withdrawn by %s (%s):", quoted(r.officer.file.Name), r.officer.file.ID)
	for _, line := range lines[:min(mostAsked, len(lines))] {
		r.ui.note("  %s", line)
	}
	if more := len(lines) - mostAsked; more > 0 {
		r.ui.note("  and %s more", number(more))
	}
	r.ui.note("  reason  %s: %s", r.reason, english().Text("withdrawal."+r.reason, nil))
	r.ui.note("  date    %s", r.date)
}

// confirm shows what will be withdrawn, and asks.
func (r *withdrawRun) confirm(ctx context.Context, work []*withdrawals) error {
	r.show(work)
	if r.yes {
		return nil
	}
	answer, err := r.ui.ask(ctx, "A withdrawal cannot be taken back. Withdraw? [y/N] ")
	if errors.Is(err, errNoTerminal) {
		return hinted(errors.New("nothing was withdrawn: it cannot be taken back, and there is no terminal to ask at"), "look at the list above, then add --yes")
	}
	if err != nil {
		return err
	}
	if a := strings.ToLower(answer); a != "y" && a != "yes" {
		return errors.New("nothing was withdrawn")
	}
	return nil
}

// withdrawJSON is the result of a withdrawal under --json.
type withdrawJSON struct {
	Version int    `json:"version"`
	Issuer  string `json:"issuer"`
	Reason  string `json:"reason"`
	Date    string `json:"date"`
	// Documents are those that were withdrawn now, Already those that were before.
	Documents int             `json:"documents"`
	Already   int             `json:"already"`
	Lists     []signedListRow `json:"lists"`
}

// signedListRow is a status list that was signed, with what it withdraws more.
type signedListRow struct {
	Network   string `json:"network"`
	Sequence  uint64 `json:"sequence"`
	Documents int    `json:"documents"`
	Entries   int    `json:"entries"`
	Batches   int    `json:"batches"`
}

func (r *withdrawRun) newJSON(signed []*issuer.StatusList) withdrawJSON {
	out := withdrawJSON{
		Version: jsonVersion, Issuer: r.officer.file.ID, Reason: r.reason, Date: r.date,
		Documents: len(r.documents), Already: r.already, Lists: []signedListRow{},
	}
	for _, l := range signed {
		w := r.work[l.Network]
		out.Lists = append(out.Lists, signedListRow{l.Network.String(), l.Sequence, w.distinct(), len(w.documents), len(w.batches)})
	}
	return out
}

func (r *withdrawRun) report(signed []*issuer.StatusList) error {
	out := r.newJSON(signed)
	if r.ui.json {
		return r.ui.object(out)
	}
	if len(signed) == 0 {
		r.ui.result("Nothing was signed: everything that was named is withdrawn already")
		return nil
	}
	for _, row := range out.Lists {
		what := count(row.Documents, "document")
		if row.Entries > row.Documents {
			what += fmt.Sprintf(" (%s entries: some were issued more than once)", number(row.Entries))
		}
		if row.Batches > 0 {
			what = "the whole batch"
		}
		r.ui.result("Withdrew %s on %s: status list %d", what, row.Network, row.Sequence)
	}
	if r.already > 0 {
		r.ui.result("%s had been withdrawn before", count(r.already, "document"))
	}
	r.ui.note("%s", publishNext)
	return nil
}

// publishNext is said where a status list was signed that withdraws something.
const publishNext = "Next: publish the list, or nobody knows: gradseal status renew --publish DIR, or gradseal issuer pack -o FILE"

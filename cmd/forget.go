package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gradseal/batch"
	"gradseal/issuer"
	"gradseal/journal"
	"gradseal/proof"
)

type forgetOptions struct {
	notWithdrawn bool
	yes          bool
}

func (a *app) newForgetCommand() *cobra.Command {
	var o forgetOptions
	cmd := &cobra.Command{
		Use:   "forget DOCUMENT…",
		Short: "Destroy what this home knows of a document",
		Long: `Destroys salt, digest, size and path of a document in every place of this home: in
the batches, of all issuers and networks, in what the batch of a newer document
withdraws, and in the journal. What stays is its leaf hash, which nobody can link to
the document without the salt, not even who has the document. Tree, batch root and
the proofs of all others stay as they are, and so does what a status list withdraws.

A document is named by its PDF, its proof file, or the 64 hex digits of its
SHA-256. Where it was forgotten before, what came into the journal since is cleared,
such as by a withdrawal with its proof.

What it means, and what it does not:
  It cannot be undone. The issuer cannot link the document to its batch any more,
  nor withdraw it, unless somebody brings its proof: withdraw first what is not to
  count any more. --not-withdrawn goes on with what was not.
  Document and proof that others hold still verify as they did, and show a
  withdrawal that was made before.
  Take the PDF out of every folder that you anchor: this home no longer knows it, and
  the next anchor would issue it again, as VALID, withdrawn or not.
  It reaches this home and nothing else: not its backups, not the proof file beside
  the document, not a proof inside it, not the tables of anchor --manifest, not the
  files for other officers, in which the salts are, too.
  Bytes that were removed can survive on the disk until they are written over.

A batch must be complete: a proof that is yet to be written could not be.`,
		Example: `  gradseal withdraw transcripts/s01.pdf --reason rescinded
  gradseal forget transcripts/s01.pdf
  gradseal forget s02.pdf.proof.json --not-withdrawn --yes

Exit codes: 0 forgotten; 1 an error. Where it was interrupted, the same command
again finishes it.`,
		Args: needArgs("name the documents to forget"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runForget(cmd.Context(), o, args) },
	}
	cmd.Flags().BoolVar(&o.notWithdrawn, "not-withdrawn", false, "forget documents, too, that are not withdrawn and never can be afterwards")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask: it cannot be undone")
	return cmd
}

// forgetJSON is what was forgotten, under --json.
type forgetJSON struct {
	Version   int `json:"version"`
	Documents int `json:"documents"`
	// Finished counts rows that an interrupted command had begun with.
	Finished int          `json:"finished"`
	Rows     []forgotJSON `json:"rows"`
	Names    int          `json:"names"`
	// Withdrawals are lines of what the batches of newer documents withdraw.
	Withdrawals int `json:"withdrawals"`
	// Proofs are files that are still there and were not removed: proofs, archives of
	// them and shard files.
	Proofs []string `json:"proofs"`
}

// forgotJSON is a row that was destroyed, under --json.
type forgotJSON struct {
	Batch string `json:"batch"`
	Index int    `json:"index"`
}

// forgetting is one run of forget.
type forgetting struct {
	*app
	forgetOptions
	batches []*batch.Batch

	begun   []entry             // of an interrupted command, which the journal has already
	rows    []entry             // named now
	digests [][32]byte          // of both, and of what was not found
	ids     map[[32]byte]string // by withdrawal id, of both and of what was named with its proof: the document's name
	kept    []string            // names of documents of which no row is left, but something else
	taken   map[[32]byte]bool   // digests of the rows
	missing []batch.Finding
	valid   []batch.Finding // what is not withdrawn
	faults  []batch.Finding // all else
	outside []string        // proofs, archives and shard files of the documents, which stay
}

func (a *app) runForget(ctx context.Context, o forgetOptions, what []string) error {
	documents, err := a.named(ctx, what)
	if err != nil {
		return err
	}
	if own, err := a.isRegistrars(); err != nil { // before there is a lock, and so a home
		return err
	} else if !own {
		return errors.New("there is no batch here: no document was ever anchored from this home")
	}
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	f := &forgetting{app: a, forgetOptions: o, taken: make(map[[32]byte]bool), ids: make(map[[32]byte]string)}
	if f.batches, err = a.home.batches().List(); err != nil {
		return err
	}
	if err := f.findBegun(); err != nil {
		return err
	}
	if err := f.find(documents); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	if len(f.rows)+len(f.kept) > 0 {
		if err := f.confirm(ctx); err != nil {
			return err
		}
	}
	return f.forget()
}

// findBegun finds the rows of which the journal says that they were forgotten, and
// that are there: a process was killed, or a batch came back from a backup.
func (f *forgetting) findBegun() error {
	for _, b := range f.batches {
		have, err := f.journal().OfBatch(b.ID)
		if err != nil {
			return f.journalFault(err)
		}
		for _, e := range have {
			if e.Act != journal.Forget {
				continue
			}
			for _, i := range e.Leaves {
				if i < len(b.Documents) && !b.Documents[i].Forgotten && !slices.Contains(f.begun, entry{b, i}) {
					f.begun = append(f.begun, entry{b, i})
				}
			}
		}
	}
	for _, e := range f.begun {
		f.take(e)
		f.mayForget(e)
	}
	return nil
}

// find finds the rows of the documents, of all issuers.
func (f *forgetting) find(documents []named) error {
	names, found := make(map[[32]byte]string), make(map[[32]byte]bool)
	for _, n := range documents {
		names[n.digest] = n.name
		f.digests = append(f.digests, n.digest)
		if n.proof != nil {
			f.ids[issuer.WithdrawalID(n.proof.Salt, n.digest)] = n.name
		}
	}
	noted, _, err := f.journal().Clears(f.digests...)
	if err != nil {
		return f.journalFault(err)
	}
	for _, b := range f.batches {
		for i, d := range b.Documents {
			name, ok := names[d.Digest]
			if d.Forgotten || !ok {
				continue
			}
			found[d.Digest] = true
			if err := f.add(entry{b, i}, name); err != nil {
				return err
			}
		}
	}
	for _, n := range documents {
		switch {
		case found[n.digest]:
		case noted[n.digest] > 0 || n.proof != nil && f.isWithdrawnBy(issuer.WithdrawalID(n.proof.Salt, n.digest)):
			f.kept, f.taken[n.digest] = append(f.kept, n.name), true
		default:
			f.missing = append(f.missing, batch.Finding{Path: n.name, Text: "is in no batch of this home: it was never anchored from here, or it was forgotten"})
		}
	}
	return f.checkWithdrawals()
}

// isWithdrawnBy reports whether a batch of this home withdraws the document.
func (f *forgetting) isWithdrawnBy(id [32]byte) bool {
	return slices.ContainsFunc(f.batches, func(b *batch.Batch) bool { return b.Withdraws(id) })
}

// checkWithdrawals notes the batches that are yet to withdraw what is to be
// forgotten: without the line they could not.
func (f *forgetting) checkWithdrawals() error {
	for _, b := range f.batches {
		for _, w := range b.Withdrawals {
			name, ok := f.ids[w.ID]
			if !ok {
				continue
			}
			newest, _, err := f.home.trust().Status(b.Issuer, b.Network)
			if err != nil {
				return err
			}
			if newest != nil && b.Statement != nil {
				if _, ok := newest.FindWithdrawn(w.ID); ok {
					continue
				}
			}
			f.faults = append(f.faults, batch.Finding{Path: name, Text: fmt.Sprintf(
				"is to be replaced by batch %s, and no status list here withdraws it yet: finish that first. %s", b.ID, nextStep(b))})
		}
	}
	return nil
}

// add takes a row of a document that was named.
func (f *forgetting) add(e entry, name string) error {
	if slices.Contains(f.begun, e) {
		return nil
	}
	f.take(e)
	f.rows = append(f.rows, e)
	if !f.mayForget(e) {
		return nil
	}
	withdrawn, err := f.isWithdrawn(e)
	if err == nil && !withdrawn {
		f.valid = append(f.valid, batch.Finding{Path: name, Text: fmt.Sprintf(
			"is not withdrawn, and could not be afterwards without its proof (batch %s, %s)", e.batch.ID, e.batch.Network)})
	}
	return err
}

// take notes what is outside of a row that is to be destroyed.
func (f *forgetting) take(e entry) {
	d := e.document()
	f.digests, f.taken[d.Digest] = append(f.digests, d.Digest), true
	f.ids[issuer.WithdrawalID(d.Salt, d.Digest)] = d.Path
	if d.IsElsewhere() { // a path on another machine; the batch does not know which file is whose shard
		for _, file := range e.batch.ShardFiles {
			f.stays(file.Path)
		}
	} else {
		f.stays(d.Path + proof.Suffix)
	}
	if e.batch.Archive != "" {
		f.stays(e.batch.Archive)
	}
}

// stays notes a file that is there and holds what is to be forgotten, or may.
func (f *forgetting) stays(path string) {
	if _, err := os.Lstat(path); err == nil && !slices.Contains(f.outside, path) {
		f.outside = append(f.outside, path)
	}
}

// mayForget reports whether the batch of a row is complete, and notes the fault
// where it is not.
func (f *forgetting) mayForget(e entry) bool {
	b := e.batch
	if b.State() == batch.Complete {
		return true
	}
	f.faults = append(f.faults, batch.Finding{Path: e.document().Path, Text: fmt.Sprintf(
		"is in batch %s, which is %s: until it is complete, its proofs could not be finished without the row. %s", b.ID, b.State(), nextStep(b))})
	return false
}

// isWithdrawn reports whether the issuer's newest status list withdraws the
// document or its batch.
func (f *forgetting) isWithdrawn(e entry) (bool, error) {
	newest, _, err := f.home.trust().Status(e.batch.Issuer, e.batch.Network)
	if err != nil || newest == nil {
		return false, err
	}
	root, err := e.batch.Root()
	if err != nil {
		return false, err
	}
	d := e.document()
	_, document := newest.FindWithdrawn(issuer.WithdrawalID(d.Salt, d.Digest))
	_, whole := newest.FindWithdrawnBatch(root)
	return document || whole, nil
}

// check refuses everything where one document is not in order. Beside what an
// interrupted command began with, it may have finished some.
func (f *forgetting) check() error {
	if len(f.begun) == 0 {
		f.faults = append(f.faults, f.missing...)
	} else {
		for _, m := range f.missing {
			f.ui.note("%s %s", shown(m.Path), m.Text)
		}
	}
	switch {
	case len(f.faults) > 0:
		return notForgotten{f.faults}
	case len(f.valid) > 0 && !f.notWithdrawn:
		return hinted(notForgotten{f.valid}, "withdraw first what is not to count any more: gradseal withdraw DOCUMENT --reason WHY; "+
			"what is to stay valid is forgotten with --not-withdrawn")
	}
	return nil
}

// notForgotten lists the documents for which nothing was forgotten.
type notForgotten struct{ refusedError }

func (e notForgotten) Error() string { return "nothing was forgotten:" + lines(e.refusedError) }

func (e notForgotten) Unwrap() error { return e.refusedError }

// confirm says what it means, and has a word typed.
func (f *forgetting) confirm(ctx context.Context) error {
	f.ui.note("To be forgotten:")
	for _, e := range f.rows[:min(mostAsked, len(f.rows))] {
		f.ui.note("  %s (batch %s, %s)", shown(e.document().Path), e.batch.ID, e.batch.Network)
	}
	if more := len(f.rows) - mostAsked; more > 0 {
		f.ui.note("  and %s more", number(more))
	}
	for _, name := range f.kept[:min(mostAsked, len(f.kept))] {
		f.ui.note("  %s (its row is gone already; what came into the journal since is cleared)", shown(name))
	}
	f.ui.note("This cannot be undone. Nobody here can link such a document to its batch afterwards, nor withdraw it,")
	f.ui.note("unless somebody brings its proof.")
	if n := len(f.valid); n > 0 {
		f.ui.note("Not withdrawn: %s.", entries(uint64(n)))
	}
	f.ui.note("Document and proof that others hold still verify as they do now. Backups of this home are not reached, nor")
	f.ui.note("tables and files for other officers that were written from it; and removed bytes can survive on the disk.")
	if slices.ContainsFunc(f.rows, func(e entry) bool { return e.batch.Documents[e.index].IsElsewhere() }) {
		f.ui.note("Shard files have their rows, and the machines of their documents the proofs: remove them there.")
	}
	for _, path := range f.outside[:min(mostAsked, len(f.outside))] {
		f.ui.note("Not removed: %s", shown(path))
	}
	if f.yes {
		return nil
	}
	typed, err := f.ui.ask(ctx, "Type the word forget to go on: ")
	if errors.Is(err, errNoTerminal) {
		return hinted(errors.New("nothing was forgotten: it cannot be undone, and there is no terminal to ask at"), "look at the list above, then add --yes")
	}
	if err != nil {
		return err
	}
	if strings.TrimSpace(typed) != "forget" {
		return fmt.Errorf("nothing was forgotten: %s is not %q", quoted(typed), "forget")
	}
	return nil
}

// forget destroys the rows. The journal has them first, by their leaf indexes: so
// an interrupted command is finished from there. The plans come last, which salts
// and digests of the rows are in.
func (f *forgetting) forget() error {
	if err := f.announce(); err != nil {
		return err
	}
	names, err := f.journal().Forget(f.digests...)
	if err != nil {
		return f.journalFault(err)
	}
	withdrawals := 0
	for _, b := range f.batches {
		n, err := b.ForgetWithdrawals(func(id [32]byte) bool { _, ok := f.ids[id]; return ok })
		if err != nil {
			return err
		}
		withdrawals += n
	}
	all := slices.Concat(f.begun, f.rows)
	for _, b := range f.batches {
		if indexes := indexesIn(all, b); len(indexes) > 0 {
			if err := b.Forget(indexes); err != nil {
				return err
			}
		}
	}
	return f.report(names, withdrawals)
}

// perEntry is how many leaf indexes an entry of the journal has at most: a line of
// it has room for these.
const perEntry = 5000

// announce writes into the journal what is forgotten now. What an interrupted
// command announced is not announced again.
func (f *forgetting) announce() error {
	_, unsaid, err := f.journal().Clears(f.digests...)
	if err != nil {
		return f.journalFault(err)
	}
	for _, b := range f.batches {
		for leaves := range slices.Chunk(indexesIn(f.rows, b), perEntry) {
			err := f.record(journal.Entry{
				Act: journal.Forget, Issuer: b.Issuer, Network: b.Network.String(), Batch: b.ID, Count: len(leaves), Leaves: leaves,
				Cleared: unsaid,
			})
			if err != nil {
				return err
			}
			unsaid = 0
		}
	}
	if unsaid == 0 {
		return nil
	}
	return f.record(journal.Entry{Act: journal.Forget, Cleared: unsaid})
}

// indexesIn are the leaf indexes of those rows that are in the batch.
func indexesIn(rows []entry, b *batch.Batch) []int {
	var indexes []int
	for _, e := range rows {
		if e.batch == b {
			indexes = append(indexes, e.index)
		}
	}
	slices.Sort(indexes)
	return indexes
}

func (f *forgetting) report(names, withdrawals int) error {
	out := forgetJSON{Version: jsonVersion, Documents: len(f.taken), Finished: len(f.begun), Rows: []forgotJSON{}, Names: names, Withdrawals: withdrawals, Proofs: append([]string{}, f.outside...)}
	for _, e := range slices.Concat(f.begun, f.rows) {
		out.Rows = append(out.Rows, forgotJSON{e.batch.ID, e.index})
	}
	return f.show(out)
}

// adviseArchive says how an archive of proofs, if it is one, gets rid of those that
// were forgotten.
func (f *forgetting) adviseArchive(path string) {
	for _, b := range f.batches {
		switch {
		case b.Archive != path:
		case len(b.All()) == 0:
			f.ui.note("  No other document of batch %s is left: remove the archive", b.ID)
		default:
			f.ui.note("  Write the archive again without it: gradseal proofs %s --archive %s", b.ID, argument(path))
		}
	}
}

func (f *forgetting) show(out forgetJSON) error {
	if f.ui.json {
		return f.ui.object(out)
	}
	for _, r := range out.Rows {
		f.ui.result("Forgot leaf %d of batch %s", r.Index, r.Batch)
	}
	if out.Names > 0 {
		f.ui.result("Cleared %s in the journal", count(out.Names, "name"))
	}
	if out.Withdrawals > 0 {
		f.ui.result("Cleared %s in what newer documents replace", count(out.Withdrawals, "line"))
	}
	if out.Finished > 0 {
		f.ui.result("%s of these had been begun with by a command that was interrupted", number(out.Finished))
	}
	for _, path := range out.Proofs {
		f.ui.note("The proof is still there, with the salt in it: %s", shown(path))
		f.adviseArchive(path)
	}
	if len(out.Rows) > 0 {
		f.ui.note("Take the PDF out of every folder that you anchor: this home no longer knows it, and the next anchor would issue it again, as VALID")
	}
	f.ui.note("Backups of this home that were made before still hold what was forgotten here")
	return nil
}

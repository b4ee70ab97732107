package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gradseal/batch"
	"gradseal/issuer"
	"gradseal/journal"
)

type replaceOptions struct {
	anchorOptions
	reason, date string
	yes          bool
}

// replaceReasons are the reasons for which a document can be replaced.
var replaceReasons = []string{issuer.ReasonSuperseded, issuer.ReasonReprint, issuer.ReasonIssuedInError}

func (o *replaceOptions) addFlags(cmd *cobra.Command) {
	o.addIssueFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.reason, "reason", issuer.ReasonSuperseded, "`why`: "+strings.Join(replaceReasons, ", "))
	flags.StringVar(&o.date, "date", "", "`day` of the withdrawal, such as 2026-11-23 (default: today)")
	flags.BoolVarP(&o.yes, "yes", "y", false, "do not ask: the withdrawal cannot be taken back")
}

func (a *app) newReplaceCommand() *cobra.Command {
	var o replaceOptions
	cmd := &cobra.Command{
		Use:   "replace OLD NEW",
		Short: "Anchor a new document and withdraw the old one, as one act",
		Long: `Anchors the document NEW, as gradseal anchor does, and withdraws the document OLD
in the very status list that names the batch of NEW: nobody sees one without the
other, whenever the program is killed. The same command again finishes what was
interrupted.

OLD is named by its PDF, its proof file, or the 64 hex digits of its SHA-256; NEW
is a PDF. Both are of one issuer and on one network. Where NEW has the name and
the place of OLD, move the proof of OLD away first: no proof is ever overwritten.

Nothing public leads from the old document to the new one: who verifies the old
one is told WITHDRAWN, with the reason and the day.`,
		Example: `  gradseal replace s01.pdf s01-corrected.pdf
  gradseal replace --reason reprint s01.pdf.proof.json reprints/s01.pdf
  gradseal replace --network mainnet --via bitcoind s01.pdf s01-corrected.pdf

Exit codes: 0 the new document has its proof, pending where the block is still to
come, and the old one is withdrawn; 1 an error, and what to do about it.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return hinted(fmt.Errorf("%s named, want two: the old document and the new one", count(len(args), "file")), "see: %s --help", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.checkFlags(cmd); err != nil {
				return err
			}
			return a.runReplace(cmd.Context(), o, args[0], args[1])
		},
	}
	o.addFlags(cmd)
	return cmd
}

// replacement is what an anchor run withdraws.
type replacement struct {
	withdraw []issuer.Withdrawal
	replaced [][32]byte
}

// options are those for the plan.
func (r *replacement) options(o batch.Options) batch.Options {
	if r != nil {
		o.Withdraw, o.Replaced = r.withdraw, r.replaced
	}
	return o
}

func (a *app) runReplace(ctx context.Context, o replaceOptions, old, new string) error {
	w := withdrawOptions{reason: o.reason, date: o.date, networkName: o.networkName, passphraseFile: o.passphraseFile}
	if err := w.check(time.Now()); err != nil {
		return err
	}
	if !slices.Contains(replaceReasons, o.reason) {
		return hinted(fmt.Errorf("--reason: %s is no reason to replace a document, want one of %s", o.reason, strings.Join(replaceReasons, ", ")),
			"for a document that nothing replaces: gradseal withdraw DOCUMENT --reason %s", o.reason)
	}
	r, err := a.newAnchorRun(o.anchorOptions)
	if err != nil {
		return err
	}
	if err := r.chooseIssuer(); err != nil {
		return err
	}
	if r.rehearsal {
		return hinted(errors.New("this home has issued nothing that could be replaced"), "run: gradseal anchor PATH…")
	}
	if r.release, err = a.lock(ctx); err != nil {
		return err
	}
	defer func() { r.release() }()
	if !o.dryRun {
		if err := a.saveStatements(); err != nil {
			return err
		}
	}
	r.rewrite = true
	s := &replaceRun{anchorRun: r, old: old, new: new}
	if s.withdrawRun, err = a.newWithdrawRun(r.issuer, w, r.now); err != nil {
		return err
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	if o.dryRun {
		s.show()
		return r.rehearse(ctx, []string{new})
	}
	if err := s.agree(ctx, o.yes); err != nil {
		return err
	}
	if err := r.run(ctx, []string{new}); err != nil {
		return r.standing(remedied(err))
	}
	return s.report()
}

// replaceRun is one run of replace: what is withdrawn, and the run that anchors.
type replaceRun struct {
	anchorRun   *anchorRun
	withdrawRun *withdrawRun
	old, new    string
	resumes     bool // the new document is signed already, with this withdrawal
}

// prepare finds the entries of the old document, and every reason not to replace
// it. It changes nothing.
func (s *replaceRun) prepare(ctx context.Context) error {
	w, r := s.withdrawRun, s.anchorRun
	both, err := w.named(ctx, []string{s.old, s.new})
	if err != nil {
		return err
	}
	if len(both) == 1 {
		return hinted(fmt.Errorf("%s and %s are the same document, byte for byte", shown(s.old), shown(s.new)),
			"where the new document has taken the place of the old one, name that by its proof, or by its SHA-256")
	}
	old, new := both[0], both[1]
	id := w.officer.file.ID
	if fault := w.take(old, entriesOf(w.batches, id, old.digest)); fault != "" {
		return s.refuse(batch.Finding{Path: s.old, Text: fault})
	}
	r.replacing = &replacement{replaced: [][32]byte{old.digest}}
	work := w.work[r.network]
	if work != nil {
		r.replacing.withdraw = work.documents
	}
	r.batches = w.batches
	done, err := s.isIssued(entriesOf(w.batches, id, new.digest))
	switch {
	case err != nil:
		return err
	case done:
		s.resumes = true
		r.replacing.withdraw = nil // the batch has it
	case work == nil && r.reissue:
		return hinted(fmt.Errorf("%s is withdrawn already, and the batch of %s is %w", shown(s.old), shown(s.new), errEnded),
			"to issue the new document again: gradseal anchor --reissue %s", arguments([]string{s.new}))
	case work == nil:
		return hinted(fmt.Errorf("%s is withdrawn already", shown(s.old)), "to issue the new document: gradseal anchor %s", arguments([]string{s.new}))
	}
	return nil
}

// refuse is the error for the old document.
func (s *replaceRun) refuse(fault batch.Finding) error {
	err := fmt.Errorf("%s %s", shown(fault.Path), fault.Text)
	for _, b := range s.withdrawRun.batches {
		if b.Statement == nil || b.Issuer == s.withdrawRun.officer.file.ID && b.Network == s.anchorRun.network {
			continue
		}
		both, readErr := readNamed(s.old)
		if readErr == nil && len(entriesOf([]*batch.Batch{b}, b.Issuer, both.digest)) > 0 {
			return hinted(err, "it was issued by %s on %s, and the new document is to be on the same: --issuer %s --network %s", b.Issuer, b.Network, b.Issuer, b.Network)
		}
	}
	return err
}

// isIssued reports whether the new document, with the given entries, was signed
// with the withdrawal of the old one before. Where it was without, that is an
// error. Where the keys ended that signed it, and it was sent nowhere, it is signed anew.
func (s *replaceRun) isIssued(entries []entry) (bool, error) {
	void, err := s.anchorRun.void()
	if err != nil {
		return false, err
	}
	var ended *batch.Batch // that holds the new document no more
	for _, e := range entries {
		dead, err := isDead(s.withdrawRun.officer.file, e.batch, s.anchorRun.now)
		if err != nil {
			return false, err
		}
		switch b := e.batch; {
		case b.Network != s.anchorRun.network || b.Statement == nil:
		case s.withdraws(b) && dead:
			s.anchorRun.reissue = true
		case s.withdraws(b):
			return true, nil
		case void != nil && void(b, e.index):
			ended = b
		default:
			return false, hinted(fmt.Errorf("%s was issued already (batch %s)", shown(s.new), b.ID), "to withdraw the old document: gradseal withdraw %s --reason %s",
				arguments([]string{s.old}), s.withdrawRun.reason)
		}
	}
	if ended != nil {
		return false, hinted(fmt.Errorf("%s was issued already (batch %s), and holds no more", shown(s.new), ended.ID), "to issue it again: gradseal anchor --reissue %s; then, to withdraw the other: gradseal withdraw %s --reason %s",
			arguments([]string{s.new}), arguments([]string{s.old}), s.withdrawRun.reason)
	}
	return false, nil
}

// withdraws reports whether the batch withdraws the old document.
func (s *replaceRun) withdraws(b *batch.Batch) bool {
	return slices.ContainsFunc(b.Withdrawals, func(w issuer.Withdrawal) bool { return s.withdrawRun.ids[w.ID] })
}

// withdrawnBy are the documents that a batch withdraws, as far as this home has
// their entries.
func withdrawnBy(b *batch.Batch, all []*batch.Batch) []journal.Subject {
	if len(b.Withdrawals) == 0 {
		return nil
	}
	wanted := make(map[[32]byte]bool, len(b.Withdrawals))
	for _, w := range b.Withdrawals {
		wanted[w.ID] = true
	}
	var found []journal.Subject
	for _, other := range all {
		for _, d := range other.Documents {
			if !d.Forgotten && other.Issuer == b.Issuer && wanted[issuer.WithdrawalID(d.Salt, d.Digest)] {
				found = append(found, journal.Subject{Name: d.Path, Digest: d.Digest})
			}
		}
	}
	return found
}

// noteWithdrawn adds to the entry for the list of a batch what that list withdraws.
func (r *anchorRun) noteWithdrawn(b *batch.Batch, e *journal.Entry) {
	if len(b.Withdrawals) > 0 {
		e.Reason, e.Count, e.About = b.Withdrawals[0].Reason, len(b.Withdrawals), withdrawnBy(b, r.batches)
	}
}

// tellReplaced says, where gradseal anchor goes on with a replacement, what that
// withdraws: it was agreed to when replace began.
func (r *anchorRun) tellReplaced(plan *batch.Plan) {
	if r.replacing != nil {
		return
	}
	for _, b := range plan.Resume {
		if len(b.Withdrawals) > 0 && b.State() < batch.Complete {
			r.ui.note("Batch %s was begun by gradseal replace, and withdraws %s", b.ID, r.replacedBy(b))
		}
	}
}

func (s *replaceRun) show() {
	if w := s.withdrawRun.work[s.anchorRun.network]; w != nil {
		s.withdrawRun.show([]*withdrawals{w})
	}
}

// agree shows what will be withdrawn, and asks, unless it is decided already.
func (s *replaceRun) agree(ctx context.Context, yes bool) error {
	w := s.withdrawRun.work[s.anchorRun.network]
	if s.resumes || w == nil {
		return nil
	}
	s.withdrawRun.yes = yes
	return s.withdrawRun.confirm(ctx, []*withdrawals{w})
}

// report says, after the report of anchor, what became of the old document.
func (s *replaceRun) report() error {
	w := s.withdrawRun
	newest, _, err := w.home.trust().Status(w.officer.file.ID, s.anchorRun.network)
	if err != nil || newest == nil {
		return err
	}
	as := issuer.Withdrawal{Reason: w.reason, Date: w.date}
	for id := range w.ids { // what was begun before keeps its reason and its day
		if kept, ok := newest.FindWithdrawn(id); ok {
			as = kept
		}
	}
	if w.ui.json {
		return w.ui.object(withdrawJSON{
			Version: jsonVersion, Issuer: w.officer.file.ID, Reason: as.Reason, Date: as.Date, Documents: 1,
			Lists: []signedListRow{{newest.Network.String(), newest.Sequence, 1, len(w.ids), 0}},
		})
	}
	w.ui.result("Withdrew %s on %s: %s", shown(s.old), s.anchorRun.network, as.Reason)
	w.ui.note("%s", publishNext)
	return nil
}

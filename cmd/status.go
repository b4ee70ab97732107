package cmd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/journal"
	"gradseal/trust"
)

func (a *app) newStatusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Status lists: what issuers have withdrawn",
		Example: `  gradseal status show
  gradseal status import uni.pack
  gradseal status renew --publish /srv/www/gradseal

Exit codes: 0 done; 1 an error, and nothing was changed.`,
	}
	addCommands(cmd, a.newStatusShowCommand(), a.newStatusImportCommand(), a.newStatusRenewCommand(), a.newStatusJoinCommand(), a.newStatusUnpublishedCommand())
	return cmd
}

func (a *app) newStatusShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show [FILE]",
		Short: "Show the newest status list of each issuer and network, or those in a file",
		Long: `Shows the newest status lists that this machine has. With FILE it shows the
list, or the lists of the pack, in that file instead: who signed it, as far as the
issuer is known here, and what status import would say. Nothing is taken in.`,
		Example: `  gradseal status show
  gradseal status show uni.example_registrar.mainnet.status

Exit codes: 0 done; 1 an error.`,
		Args: oneArg(0, "name one status list, or none for those of this home"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.runStatusShowFile(args[0])
			}
			return a.runStatusShow()
		},
	}
}

// statusJSON is a status list under --json.
type statusJSON struct {
	Version          int    `json:"version"`
	Issuer           string `json:"issuer"`
	Network          string `json:"network"`
	Sequence         uint64 `json:"sequence"`
	AsOf             string `json:"asof"`
	Next             string `json:"next"`
	Batches          int    `json:"batches"`
	Withdrawn        int    `json:"withdrawn"`
	WithdrawnBatches int    `json:"withdrawn_batches"`
	Forked           bool   `json:"forked"`
	// Reasons counts the withdrawn documents by their reason.
	Reasons reasonsJSON `json:"reasons"`
	// SignedBy are the holders of the keys that signed, where the issuer is known
	// here and they are in force now.
	SignedBy []string `json:"signed_by"`
	// Problem is why this machine does not take the list in, or why it no longer
	// would; null where it does.
	Problem *string `json:"problem"`
}

// reasonsJSON has how many documents were withdrawn for each reason.
type reasonsJSON struct {
	Superseded    int `json:"superseded"`
	IssuedInError int `json:"issued-in-error"`
	Rescinded     int `json:"rescinded"`
	Reprint       int `json:"reprint"`
	KeyCompromise int `json:"key-compromise"`
}

func (a *app) runStatusShow() error {
	entries, err := a.home.trust().Issuers()
	if err != nil {
		return err
	}
	shownAny := false
	for _, e := range entries {
		for _, n := range bitcoin.Networks() {
			list, forked, err := a.home.trust().Status(e.File.ID, n)
			if err != nil {
				return err
			}
			if list == nil {
				continue
			}
			shownAny = true
			out := newStatusJSON(list.StatusList, forked)
			signed := out.sign(e.File, list.Note)
			if err := a.showStatus(quoted(e.File.Name), signed, out); err != nil {
				return err
			}
		}
	}
	if !shownAny {
		a.ui.note("There is no status list here yet. Add one with: gradseal status import FILE")
	}
	return nil
}

// runStatusShowFile shows lists that were not taken in.
func (a *app) runStatusShowFile(path string) error {
	lists, err := readLists(path)
	if err != nil {
		return err
	}
	for _, data := range lists {
		list, note, err := issuer.ParseStatus(data)
		if err != nil {
			return err
		}
		out := newStatusJSON(list, false)
		name, signed := "an issuer that this machine does not know", "who signed it is not known here"
		if e, err := a.home.trust().Issuer(list.Issuer); err == nil {
			name = quoted(e.File.Name)
			signed = out.sign(e.File, note)
		}
		newer, err := a.home.trust().PlanStatus(data, time.Now())
		out.Forked = errors.Is(err, trust.ErrStatusFork)
		if err != nil {
			out.Problem = ptr(err.Error())
		}
		if err := a.showStatus(name, signed, out); err != nil {
			return err
		}
		switch {
		case err != nil:
			a.ui.note("  This machine does not take it in: %s", safe(err.Error()))
		case newer:
			a.ui.note("  It is newer than what is here: gradseal status import %s", shown(path))
		default:
			a.ui.note("  It is the one that is here")
		}
	}
	if len(lists) == 0 {
		a.ui.note("There is no status list in this pack.")
	}
	return nil
}

func newStatusJSON(l *issuer.StatusList, forked bool) *statusJSON {
	out := &statusJSON{
		Version: jsonVersion, Issuer: l.Issuer, Network: l.Network.String(), Sequence: l.Sequence,
		AsOf: l.AsOf.Format(time.RFC3339), Next: nextOf(l), Batches: len(l.Batches),
		Withdrawn: len(l.Withdrawn), WithdrawnBatches: len(l.WithdrawnBatches), Forked: forked, SignedBy: []string{},
	}
	for _, w := range l.Withdrawn {
		*out.Reasons.of(w.Reason)++
	}
	return out
}

// of is the counter of a reason.
func (r *reasonsJSON) of(reason string) *int {
	switch reason {
	case issuer.ReasonSuperseded:
		return &r.Superseded
	case issuer.ReasonIssuedInError:
		return &r.IssuedInError
	case issuer.ReasonRescinded:
		return &r.Rescinded
	case issuer.ReasonReprint:
		return &r.Reprint
	case issuer.ReasonKeyCompromise:
		return &r.KeyCompromise
	}
	panic("reason " + reason) // a list with another one does not parse
}

// String names the reasons that there are.
func (r *reasonsJSON) String() string {
	var parts []string
	for _, reason := range issuer.Reasons() {
		if n := *r.of(reason); n > 0 {
			parts = append(parts, number(n)+" "+reason)
		}
	}
	return strings.Join(parts, ", ")
}

// sign notes who signed the list, by the issuer file that is known here, and
// returns it in words.
func (s *statusJSON) sign(f *issuer.File, n *issuer.Note) string {
	signers, err := f.CheckSignatures(n, time.Now())
	if err != nil {
		s.Problem = ptr(err.Error())
		return "not signed as it must be: " + safe(err.Error())
	}
	for _, k := range signers {
		s.SignedBy = append(s.SignedBy, k.Holder)
	}
	return "signed by " + safe(strings.Join(s.SignedBy, " and "))
}

// showStatus prints a list of the issuer with the name.
func (a *app) showStatus(name, signed string, s *statusJSON) error {
	if a.ui.json {
		return a.ui.object(s)
	}
	next := "never to be renewed"
	if s.Next != never {
		next = "to be renewed by " + s.Next[:len(time.DateOnly)]
	}
	a.ui.result("%s (%s), %s: status list %d of %s, %s", name, s.Issuer, s.Network, s.Sequence, s.AsOf[:len(time.DateOnly)], next)
	withdrawn := count(s.Withdrawn, "document")
	if s.Withdrawn > 0 {
		withdrawn += " (" + s.Reasons.String() + ")"
	}
	a.ui.result("  names %s; %s and %s withdrawn", count(s.Batches, "batch"), withdrawn, count(s.WithdrawnBatches, "whole batch"))
	a.ui.result("  %s", signed)
	if s.Forked {
		a.ui.warn("another list with this sequence number was seen: until a later one joins them, every document of %s is CANNOT TELL", s.Issuer)
	}
	if past(s.Next, time.Now()) {
		a.ui.warn("this list was to be renewed by %s: documents of %s are CANNOT TELL until there is a newer one", s.Next[:len(time.DateOnly)], s.Issuer)
	}
	return nil
}

// past reports whether a list with this time for the next one is out of date.
func past(next string, now time.Time) bool {
	return next != never && now.UTC().Format(time.RFC3339) > next
}

func (a *app) newStatusImportCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Take in a newer status list of a trusted issuer",
		Long: `Takes in a status list, or those in a pack, of an issuer that this machine
trusts. Whoever the file comes from, the signature decides; and the newest list
that was ever seen wins.

A home that came from a backup, and whose keys were changed before it had taken in
the newest list, also takes in one that is signed by the keys that ended. Somebody
has to say that it is the institution's own, or --yes.`,
		Example: `  gradseal status import uni.pack

Exit codes: 0 taken in, or nothing newer in it; 1 an error, and nothing changed.`,
		Args: needOne("name the status list or the pack that the institution publishes"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runStatusImport(cmd.Context(), args[0], yes) },
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask, in a restored home, about a list of keys that ended")
	return cmd
}

func (a *app) runStatusImport(ctx context.Context, path string, yes bool) error {
	lists, err := readLists(path)
	if err != nil {
		return err
	}
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	for _, data := range lists {
		newer, err := a.importStatus(data)
		if errors.Is(err, issuer.ErrNotInForce) || errors.Is(err, issuer.ErrKeyTime) {
			newer, err = a.importEnded(ctx, data, yes, err)
		}
		if err != nil {
			return explainedStatus(fmt.Errorf("%s: %w", path, a.apart(data, err)))
		}
		list, note, err := issuer.ParseStatus(data)
		if err != nil {
			return err
		}
		if newer {
			if err := a.recordImport(list, note); err != nil {
				return err
			}
			a.warnOfLast(list)
		}
		switch {
		case a.ui.json:
			err = a.showImported(list, note)
		case newer:
			a.ui.result("Took in status list %d of %s for %s, as of %s", list.Sequence, list.Issuer, list.Network, list.AsOf.Format(time.DateOnly))
		default:
			a.ui.result("Status list %d of %s for %s is here already", list.Sequence, list.Issuer, list.Network)
		}
		if err != nil {
			return err
		}
		if past(nextOf(list), time.Now()) {
			a.ui.warn("it was to be renewed by %s, so documents of %s stay CANNOT TELL: get the newest one from the institution itself", list.Next.Format(time.DateOnly), list.Issuer)
		}
	}
	return nil
}

// apart is the refusal of an older list, or, where the newer one that is here lacks an
// entry of it, what that means.
func (a *app) apart(data []byte, refused error) error {
	if !errors.Is(refused, issuer.ErrStatusOlder) {
		return refused
	}
	list, _, err := issuer.ParseStatus(data)
	if err != nil {
		return refused
	}
	newest, _, err := a.home.trust().Status(list.Issuer, list.Network)
	if err != nil || newest == nil {
		return refused
	}
	if err := list.CheckSuccessor(newest.StatusList); errors.Is(err, issuer.ErrStatusLacks) {
		return apartError{refused, list.Issuer}
	}
	return refused
}

// apartError is the refusal of an older list with an entry that the newer one lacks.
type apartError struct {
	error
	issuer string
}

func (e apartError) Unwrap() error { return e.error }

// importEnded takes in the list that a home from a backup waits for, where the keys
// that signed it ended since, once somebody said whose it is. Any other list stays
// refused.
func (a *app) importEnded(ctx context.Context, signed []byte, yes bool, refused error) (newer bool, err error) {
	list, _, err := issuer.ParseStatus(signed)
	if err != nil {
		return false, err
	}
	if waits, err := a.home.waitsFor(list); err != nil || !waits {
		return false, errors.Join(refused, err)
	}
	batches, err := a.home.batches().List()
	if err != nil {
		return false, err
	}
	a.ui.note("Status list %d of %s for %s, as of %s, is signed by keys that ended since. It names %s, and withdraws %s and %s.", list.Sequence, list.Issuer,
		list.Network, list.AsOf.Format(time.RFC3339), count(len(list.Batches), "batch"), count(len(list.Withdrawn), "document"), count(len(list.WithdrawnBatches), "whole batch"))
	for _, root := range list.Batches {
		if !hasRoot(batches, root) {
			a.ui.warn("batch %x was not made in this home", root)
		}
	}
	if !yes {
		typed, err := a.ui.ask(ctx, "What is in a list cannot be taken out again. If the institution published it itself, type import: ")
		if errors.Is(err, errNoTerminal) {
			return false, hinted(errors.New("nothing was taken in: there is no terminal to ask at"), "this home waits for such a list: if the institution published it itself, add --yes")
		}
		if err != nil {
			return false, err
		}
		if strings.TrimSpace(typed) != "import" {
			return false, errors.New("nothing was taken in")
		}
	}
	newer, err = a.home.trust().ImportEnded(signed, time.Now())
	if err != nil && !errors.Is(err, trust.ErrStatusFork) {
		return newer, err
	}
	return newer, errors.Join(err, a.noteImported(signed))
}

// showImported prints, under --json, a list that was taken in.
func (a *app) showImported(l *issuer.StatusList, n *issuer.Note) error {
	e, err := a.home.trust().Issuer(l.Issuer)
	if err != nil {
		return err
	}
	out := newStatusJSON(l, false)
	out.sign(e.File, n)
	return a.ui.object(out)
}

// recordImport writes into the journal that a newer list of an issuer of this home
// came from elsewhere.
func (a *app) recordImport(l *issuer.StatusList, n *issuer.Note) error {
	own, err := a.ownIssuers()
	if err != nil || !slices.Contains(own, l.Issuer) {
		return err
	}
	return a.record(journal.Entry{
		Act: journal.List, Issuer: l.Issuer, Network: l.Network.String(), Sequence: l.Sequence,
		Text: fmt.Sprintf("%x", sha256.Sum256([]byte(n.Text))), Reason: "taken in",
	})
}

// warnOfLast tells an institution of a list by which it would have closed.
func (a *app) warnOfLast(l *issuer.StatusList) {
	if own, err := a.ownIssuers(); err == nil && l.Next.IsZero() && slices.Contains(own, l.Issuer) {
		a.ui.warn("status list %d says that it is the last of %s for %s. If the institution did not sign it, somebody has its key: gradseal issuer close-key --help; then: gradseal status renew --reopen", l.Sequence, l.Issuer, l.Network)
	}
}

// explainedStatus says what to do about a list that is not taken in.
func explainedStatus(err error) error {
	var apart apartError
	switch {
	case errors.As(err, &apart):
		return hinted(err, "it has an entry that the newer one lacks, so %s signed at two places, or somebody has its key: tell the institution. It joins the two in its own home with: gradseal status join FILE", apart.issuer)
	case errors.Is(err, trust.ErrUnknownIssuer):
		return hinted(err, "anyone can sign a list. If you know this institution, get its pack and its fingerprint from the institution itself, then run: gradseal trust add FILE")
	case errors.Is(err, trust.ErrStatusFork):
		return hinted(err, "both are kept, and every document of this issuer is CANNOT TELL until it signs a list that has the entries of both. Tell the institution: somebody else may have its key, or a second machine of its own signed")
	case errors.Is(err, issuer.ErrStatusAhead):
		return hinted(err, "if the clock of this machine is right, the list is not in good order: tell the institution, whose key somebody may have")
	case errors.Is(err, issuer.ErrStatusOlder):
		return hinted(err, "the newer one stays, and nothing is to be done. Where this one was to show that a document still stands, ask the institution")
	case errors.Is(err, issuer.ErrStatusLacks):
		return hinted(err, "the list that is here stays. No withdrawal and no batch is ever taken off a list: tell the institution, whose machine has lost what it published, or whose key somebody has")
	case errors.Is(err, issuer.ErrNotInForce), errors.Is(err, issuer.ErrUnknownSigner), errors.Is(err, issuer.ErrWrongSignature):
		return hinted(err, "where the institution has changed its keys, first take in its newest pack: gradseal trust add FILE. Otherwise do not use this list, and ask the institution for its own")
	}
	return err
}

// statusTitle begins every status list.
const statusTitle = "gradseal status "

// readLists returns the signed status lists in a pack, or the one in the file.
func readLists(path string) ([][]byte, error) {
	data, err := readCapped(path, trust.MaxPack)
	if err != nil {
		return nil, err
	}
	_, _, err = issuer.ParseStatus(data)
	if err == nil {
		return [][]byte{data}, nil
	}
	if bytes.HasPrefix(data, []byte(statusTitle)) {
		return nil, hinted(fmt.Errorf("%s: %w", path, err), "the file is cut short, or was changed on its way: get it again")
	}
	pack, err := readPack(path)
	if err != nil {
		return nil, err
	}
	return pack.Status, nil
}

package cmd

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
	"gradseal/issuer"
	"gradseal/journal"
	"gradseal/trust"
)

type statusRenewOptions struct {
	publish        string
	networkName    string // empty: every network that has a list
	issuer         string
	force          bool
	final, yes     bool
	redate, reopen bool
	requestFile    string
	passphraseFile string
}

func (o *statusRenewOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.publish, "publish", "", "`directory` to write the pack and the lists to, under names that stay")
	flags.StringVar(&o.networkName, "network", "", "only the list of this `network` (default: every list that there is)")
	flags.StringVar(&o.issuer, "issuer", "", "`id` of the issuer (needed where this home has several)")
	flags.BoolVar(&o.force, "force", false, "sign the next list although the newest is good for long")
	flags.BoolVar(&o.final, "final", false, "sign the last list of an institution that closes: it needs no renewal")
	flags.BoolVar(&o.redate, "redate", false, "sign a list of now after one of a day to come, because a clock was ahead")
	flags.BoolVar(&o.reopen, "reopen", false, "go on after a list that said it was the last")
	flags.BoolVarP(&o.yes, "yes", "y", false, "with --final: do not ask")
	flags.StringVar(&o.requestFile, "request", "", "`file` for what other officers have to sign (default: ISSUER-NETWORK-list-N.request)")
	flags.StringVar(&o.passphraseFile, "passphrase-file", "", "`file` with the passphrase of the signing key (default: ask)")
	setConfigKey(flags, "issuer", "anchor.issuer")
}

func (a *app) newStatusRenewCommand() *cobra.Command {
	var o statusRenewOptions
	cmd := &cobra.Command{
		Use:   "renew",
		Short: "Sign the next status list in time, and write what is to be published",
		Long: `A status list says until when it is to be renewed (status.validity in the
configuration, 180 days if nothing is said). Past that day verifiers no longer say
VALID. This command signs the next list where less than half of that time is left,
or where the keys have changed since; run it from cron every day.

--publish DIR writes, also when nothing had to be signed, under names that stay:

  ISSUER.pack             the pack: issuer file, lists, headers
  ISSUER.NETWORK.status   the newest list of each network

where ISSUER is the issuer's id with _ for /. Publish that folder as it is. Give
verifiers the link to the pack, and let it be one link: whoever must search for the
newest list will use an old one. Where the folder holds a newer list than this home,
nothing is signed: a list with a number that is taken would make every verifier
doubt everything. Where the keys have changed and a list is not signed by the new
ones yet, the folder stays as it is: no verifier would take that pack.

--final is for an institution that closes. The list then never needs renewal, and
stays as good as it was on its day. Documents can still be withdrawn; no further
batch can be anchored for that issuer on that network.

--reopen goes on after such a list: one that was a mistake, or that somebody signed
who had stolen the key (close that first: gradseal issuer close-key). --redate goes
on after a list that was signed while a clock was ahead: nobody takes such a list in
before its day.`,
		Example: `  gradseal status renew --publish /srv/www/gradseal --passphrase-file /run/gradseal/pass
  gradseal status renew --publish /srv/www/gradseal --quiet
  gradseal status renew --final --network mainnet

Exit codes: 0 done, also where nothing was due; 1 an error.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f := cmd.Flag("publish"); f.Changed && o.publish == "" {
				return errors.New("--publish: no directory is named")
			}
			return a.runStatusRenew(cmd.Context(), o)
		},
	}
	o.addFlags(cmd)
	cmd.MarkFlagsMutuallyExclusive("final", "reopen")
	return cmd
}

func (a *app) runStatusRenew(ctx context.Context, o statusRenewOptions) error {
	if o.networkName != "" {
		if _, err := bitcoin.ParseNetwork(o.networkName); err != nil {
			return fmt.Errorf("--network: %w", err)
		}
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
	r := &renewRun{app: a, statusRenewOptions: o}
	if r.officer, err = a.officer(id, o.passphraseFile, time.Now()); err != nil {
		return err
	}
	r.officer.redating, r.officer.reopening = o.redate, o.reopen
	if err := r.find(); err != nil {
		return err
	}
	if err := r.officer.askIn(o.requestFile, len(r.due)); err != nil {
		return err
	}
	if err := r.checkPublished(); err != nil {
		return err
	}
	if err := r.confirmFinal(ctx); err != nil {
		return err
	}
	var errs, waiting error
	for _, l := range r.due {
		if err := r.renew(ctx, l); errors.As(err, new(waitingError)) {
			waiting = err
		} else {
			errs = errors.Join(errs, err)
		}
	}
	// What is here is to be published, whatever could not be signed, if verifiers take it.
	errs = errors.Join(errs, r.writePublished())
	return cmp.Or(errors.Join(r.report(), errs), waiting)
}

// renewRun is one run of status renew.
type renewRun struct {
	*app
	statusRenewOptions
	officer *officer

	lists []*trust.SignedList // the newest ones, as they were
	due   []*trust.SignedList // of these, what is to be renewed

	signed  []*issuer.StatusList
	written []string // files of --publish that were not there as they are
}

// find reads the newest lists, and decides which are to be renewed.
func (r *renewRun) find() error {
	validity, err := r.cfg.Status.validity()
	if err != nil {
		return err
	}
	for _, n := range bitcoin.Networks() {
		if r.networkName != "" && n.String() != r.networkName {
			continue
		}
		// A network that nothing was ever signed for is none that something is due for,
		// also in a home that came from a backup and does not know of later lists.
		if known, err := r.home.everListed(r.officer.file.ID, n); err != nil {
			return err
		} else if !known && r.networkName == "" {
			continue
		}
		newest, err := r.officer.newest(n)
		if err != nil {
			return err
		}
		if newest == nil {
			continue
		}
		r.lists = append(r.lists, newest)
		if r.isDue(newest, validity) {
			r.due = append(r.due, newest)
		}
	}
	if len(r.lists) == 0 {
		return hinted(fmt.Errorf("%s has no status list here%s", r.officer.file.ID, r.onNetwork()), "the first one is signed with the first batch: gradseal anchor PATH…")
	}
	return nil
}

func (r *renewRun) onNetwork() string {
	if r.networkName == "" {
		return ""
	}
	return " for " + r.networkName
}

// isDue reports whether a list is to be renewed: less than half of its time is
// left, or verifiers that have the newest issuer file no longer take it.
func (r *renewRun) isDue(l *trust.SignedList, validity time.Duration) bool {
	if _, err := r.officer.file.CheckSignatures(l.Note, r.officer.now); err != nil {
		return true
	}
	if l.Next.IsZero() {
		return r.reopen
	}
	return r.force || r.final || r.redate && isAhead(l, r.officer.now) || l.Next.Sub(r.officer.now) < validity/2
}

// confirmFinal asks before an institution signs its last lists.
func (r *renewRun) confirmFinal(ctx context.Context) error {
	var names []string
	for _, l := range r.due {
		if !l.Next.IsZero() {
			names = append(names, l.Network.String())
		}
	}
	if !r.final || len(names) == 0 {
		return nil
	}
	r.ui.note("The last status list of %s (%s) on %s: it never needs renewal. No further batch\ncan be anchored there, and that cannot be taken back.",
		quoted(r.officer.file.Name), r.officer.file.ID, strings.Join(names, ", "))
	if r.yes {
		return nil
	}
	typed, err := r.ui.ask(ctx, "Type the id of the issuer to close it: ")
	if errors.Is(err, errNoTerminal) {
		return hinted(errors.New("nothing was signed: a last list cannot be taken back, and there is no terminal to ask at"), "if it is meant, add --yes")
	}
	if err != nil {
		return err
	}
	if typed != r.officer.file.ID {
		return fmt.Errorf("nothing was signed: %s is not %s", quoted(typed), r.officer.file.ID)
	}
	return nil
}

// renew signs the list that follows.
func (r *renewRun) renew(ctx context.Context, l *trust.SignedList) error {
	entry := journal.Entry{Act: journal.List, Reason: "renewed"}
	switch {
	case r.final:
		entry.Reason = "final"
	case r.reopen && l.Next.IsZero():
		entry.Reason = "reopened"
	}
	next, err := r.officer.changeList(ctx, l.Network, entry, func(next *issuer.StatusList) error {
		if r.final {
			next.Next = time.Time{}
		}
		return nil
	})
	if next != nil {
		r.signed = append(r.signed, next)
	}
	return err
}

// slug is the id of an issuer as part of a file name.
func slug(id string) string { return strings.ReplaceAll(id, "/", "_") }

func (r *renewRun) packPath() string {
	return filepath.Join(r.publish, slug(r.officer.file.ID)+".pack")
}

func (r *renewRun) listPath(n bitcoin.Network) string {
	return filepath.Join(r.publish, slug(r.officer.file.ID)+"."+n.String()+".status")
}

// checkPublished finds out, before anything is signed, whether what lies in the
// directory may be replaced: files of this issuer's, and none that is newer than
// what this home has. A home that was restored, or a second one, may be behind.
func (r *renewRun) checkPublished() error {
	if r.publish == "" {
		return nil
	}
	if _, err := os.Stat(r.publish); errors.Is(err, fs.ErrNotExist) {
		// Not what is above it, too: a disk that is not mounted would go unnoticed.
		if err := os.Mkdir(r.publish, 0o755); err != nil {
			return fmt.Errorf("--publish: %w", err)
		}
	}
	if info, err := os.Stat(r.publish); err != nil {
		return fmt.Errorf("--publish: %w", err)
	} else if !info.IsDir() {
		return fmt.Errorf("--publish: %s is not a directory", r.publish)
	}
	pack, err := readPublishedPack(r.packPath(), r.officer.file.ID)
	if err != nil {
		return err
	}
	var there []trust.SignedList
	if pack != nil {
		there = pack.Lists
		if pack.File.Sequence > r.officer.file.Sequence {
			return r.newerThere(r.packPath(), fmt.Sprintf("issuer file %d, and this home's is %d", pack.File.Sequence, r.officer.file.Sequence), "trust add")
		}
	}
	for _, n := range bitcoin.Networks() {
		list, err := readPublishedList(r.listPath(n), r.officer.file.ID, n)
		if err != nil {
			return err
		}
		if list != nil {
			there = append(there, trust.SignedList{StatusList: list})
		}
	}
	for _, l := range there {
		newest, _, err := r.home.trust().Status(r.officer.file.ID, l.Network)
		if err != nil {
			return err
		}
		if newest == nil || l.Sequence > newest.Sequence {
			return r.newerThere(r.publish, fmt.Sprintf("status list %d for %s, which is newer than that of this home", l.Sequence, l.Network), "status import")
		}
	}
	return nil
}

func (r *renewRun) newerThere(path, what, command string) error {
	return hinted(fmt.Errorf("%s: holds %s: nothing was signed or written", path, what),
		"this home was restored, or is not the only one that signs: take in what is published, gradseal %s %s", command, shown(r.packPath()))
}

// readPublishedPack reads the pack that was published before; nil where there is
// none.
func readPublishedPack(path, id string) (*trust.Pack, error) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err := mayReplacePack(path, id); err != nil {
		return nil, err
	}
	return readPack(path)
}

// readPublishedList reads the list that was published before; nil where there is
// none.
func readPublishedList(path, id string, n bitcoin.Network) (*issuer.StatusList, error) {
	data, err := readCapped(path, issuer.MaxStatus)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, _, err := issuer.ParseStatus(data)
	if err != nil || list.Issuer != id || list.Network != n {
		return nil, fmt.Errorf("%s: exists and is not a status list of %s for %s: it was not overwritten", path, id, n)
	}
	return list, nil
}

// writePublished writes the pack and the lists. What is there already stays as it
// is, with its time.
func (r *renewRun) writePublished() error {
	if r.publish == "" {
		return nil
	}
	id := r.officer.file.ID
	segments, err := r.packHeaders(id)
	if err != nil {
		return err
	}
	pack, err := r.home.trust().Pack(id, segments)
	if err != nil {
		return err
	}
	if err := pack.Check(r.officer.now); err != nil { // as verifiers do before they add it
		return hinted(fmt.Errorf("%s stays as it is: no verifier would take the pack: %w", r.publish, err), "the lists have to be signed with the keys in force now; where other officers are asked: gradseal approve")
	}
	data, err := pack.Marshal()
	if err != nil {
		return err
	}
	r.sweepPublished()
	for _, l := range pack.Lists {
		if err := r.write(r.listPath(l.Network), l.Data); err != nil {
			return err
		}
	}
	return r.write(r.packPath(), data)
}

// publishTemporary is the pattern of the temporary files in the directory.
const publishTemporary = ".gradseal-publish-*"

// sweepPublished removes what a killed process left: it would be published. What
// cannot be removed only takes up room.
func (r *renewRun) sweepPublished() {
	left, err := filepath.Glob(filepath.Join(r.publish, publishTemporary))
	if err != nil {
		return
	}
	for _, path := range left {
		os.Remove(path)
	}
}

func (r *renewRun) write(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	err := atomicfile.CreateOver(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}, 0o644, publishTemporary)
	if err == nil {
		r.written = append(r.written, path)
	}
	return err
}

// renewJSON is the result of status renew under --json.
type renewJSON struct {
	Version int        `json:"version"`
	Issuer  string     `json:"issuer"`
	Lists   []renewRow `json:"lists"`
	Written []string   `json:"written"`
}

// renewRow is the newest list of a network, and whether it was signed now.
type renewRow struct {
	Network  string `json:"network"`
	Sequence uint64 `json:"sequence"`
	Next     string `json:"next"`
	Signed   bool   `json:"signed"`
}

func (r *renewRun) report() error {
	out := renewJSON{Version: jsonVersion, Issuer: r.officer.file.ID, Lists: []renewRow{}, Written: []string{}}
	for _, was := range r.lists {
		l, signed := was.StatusList, false
		if i := slices.IndexFunc(r.signed, func(s *issuer.StatusList) bool { return s.Network == was.Network }); i >= 0 {
			l, signed = r.signed[i], true
		}
		out.Lists = append(out.Lists, renewRow{l.Network.String(), l.Sequence, nextOf(l), signed})
	}
	out.Written = append(out.Written, r.written...)
	if r.ui.json {
		return r.ui.object(out)
	}
	for i, l := range out.Lists {
		until := "to be renewed by " + l.Next
		if l.Next == never {
			until = "the last, never to be renewed"
		}
		_, bySigners := r.officer.file.CheckSignatures(r.lists[i].Note, r.officer.now)
		switch {
		case l.Signed:
			r.ui.result("Signed status list %d of %s for %s, %s", l.Sequence, out.Issuer, l.Network, until)
		case bySigners != nil:
			r.ui.warn("status list %d of %s for %s is not signed by the keys in force now", l.Sequence, out.Issuer, l.Network)
		default:
			r.ui.note("Status list %d of %s for %s is good: %s", l.Sequence, out.Issuer, l.Network, until)
		}
		if r.force && !l.Signed && l.Next == never {
			r.ui.note("It is not signed again, and --force changes nothing: it never needs renewal.")
		}
	}
	for _, path := range out.Written {
		r.ui.note("Wrote %s", shown(path))
	}
	return nil
}

// never is the time to renew a list that is the last.
const never = "never"

func nextOf(l *issuer.StatusList) string {
	if l.Next.IsZero() {
		return never
	}
	return l.Next.Format(time.RFC3339)
}

// refuseClosed refuses to issue for an issuer that has signed its last list on the
// network: it said that there would be no more.
func (r *anchorRun) refuseClosed(plan *batch.Plan) error {
	if unsigned(plan) == 0 {
		return nil
	}
	newest, _, err := r.home.trust().Status(r.issuer, r.network)
	if err != nil || newest == nil || !newest.Next.IsZero() {
		return err
	}
	return hinted(fmt.Errorf("%s has signed its last status list for %s (status renew --final): nothing more can be issued there", r.issuer, r.network),
		"documents can still be withdrawn. If the institution goes on after all, or did not sign that list itself: gradseal status renew --reopen --network %s", r.network)
}

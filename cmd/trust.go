package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/trust"
)

func (a *app) newTrustCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "The issuers that this machine knows",
		Example: `  gradseal trust add uni.pack
  gradseal trust list
  gradseal trust export uni.example/registrar -o uni.pack
  gradseal trust remove uni.example/registrar

Exit codes: 0 done; 1 an error, and the trust store is as it was.`,
	}
	addCommands(cmd, a.newTrustAddCommand(), a.newTrustListCommand(), a.newTrustRemoveCommand(), a.newTrustExportCommand(), a.newTrustImportCommand())
	return cmd
}

func (a *app) newTrustAddCommand() *cobra.Command {
	var o trustAddOptions
	cmd := &cobra.Command{
		Use:   "add FILE",
		Short: "Trust the issuer of a pack, after comparing its fingerprint",
		Long: `Shows the name, the id and the fingerprint of the issuer in a pack or an issuer
file, and adds it once the fingerprint was typed. Take the fingerprint from the
institution itself – its web site, a letter, a call – and never from whoever
gave you the file: anyone can make a file with any name in it.

Block headers in the pack are taken in as well, but where this machine has a
chain that says otherwise. Those of Bitcoin's main network are checked for their
work. Those of a test network are what the file says: nothing signs them.`,
		Example: `  gradseal trust add uni.pack
  gradseal trust add uni.pack --fingerprint "3f2a 9c1b … ten groups of four"

Exit codes: 0 added, or there already; 1 an error, and nothing was added.`,
		Args: needOne("name the pack that the institution publishes"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runTrustAdd(cmd.Context(), args[0], o)
		},
	}
	o.addFlags(cmd)
	return cmd
}

type trustAddOptions struct {
	fingerprint    string
	replaceHeaders bool
}

func (o *trustAddOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.fingerprint, "fingerprint", "", "the issuer's fingerprint, as `text` from the institution itself")
	flags.BoolVar(&o.replaceHeaders, "replace-headers", false, "on test networks, take the headers of the pack in place of a chain here that disagrees")
}

func needOne(hint string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return hinted(fmt.Errorf("%d files were named, want 1", len(args)), "%s; see: %s --help", hint, cmd.CommandPath())
		}
		return nil
	}
}

func (a *app) runTrustAdd(ctx context.Context, path string, o trustAddOptions) error {
	pack, err := readPack(path)
	if err != nil {
		return err
	}
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	store := a.home.trust()
	change, err := store.Plan(pack.Issuer)
	if err != nil {
		return a.errDoesNotFollow(path, pack.File, err)
	}
	if err := pack.Check(time.Now()); err != nil {
		return fmt.Errorf("%s: nothing was added: %w", path, err)
	}
	if !a.ui.json {
		if err := a.showIssuer(pack.File); err != nil {
			return err
		}
	}
	switch change {
	case trust.Added:
		err = a.confirmFingerprint(ctx, pack.File, o.fingerprint)
	case trust.Updated:
		err = a.noteChanges(pack.File)
	}
	if err != nil {
		return err
	}
	// Headers go first: a pack with false ones is not to be trusted at all.
	if _, err := a.takeHeaders(pack, o.replaceHeaders); err != nil {
		return fmt.Errorf("%s: the issuer was not added: %w", path, err)
	}
	if change, err = a.takeIssuer(pack); err != nil {
		return err
	}
	if a.ui.json {
		return a.ui.object(newIssuerJSON(pack.File))
	}
	switch change {
	case trust.Added:
		a.ui.result("Added %s to the issuers that this machine trusts", quoted(pack.File.Name))
	case trust.Updated:
		a.ui.result("Updated %s", quoted(pack.File.Name))
	default:
		a.ui.result("%s is trusted here already", quoted(pack.File.Name))
	}
	return nil
}

// readPack reads a pack, or an issuer file alone.
func readPack(path string) (*trust.Pack, error) {
	data, err := readCapped(path, trust.MaxPack)
	if err != nil {
		return nil, err
	}
	_, notFile := issuer.ParseFile(data)
	switch {
	case notFile == nil:
		return trust.NewPack(data, nil, nil)
	case bytes.HasPrefix(data, []byte("gradseal issuer ")):
		return nil, fmt.Errorf("%s: %w", path, notFile)
	}
	pack, err := trust.ParsePack(data)
	if err != nil {
		return nil, hinted(fmt.Errorf("%s: %w", path, err), "a pack is what an institution writes with: gradseal issuer pack")
	}
	return pack, nil
}

func (a *app) confirmFingerprint(ctx context.Context, f *issuer.File, given string) error {
	if given == "" {
		return a.askFingerprint(ctx, f)
	}
	return compareFingerprint(f, given)
}

// mostTries is how often a fingerprint may be mistyped at a terminal.
const mostTries = 3

// askFingerprint has the fingerprint typed. One that does not look like one, or is
// another one, can be typed again.
func (a *app) askFingerprint(ctx context.Context, f *issuer.File) error {
	if a.ui.json { // the issuer was not shown
		a.ui.note("%s, %s, fingerprint %s", quoted(f.Name), f.ID, f.Fingerprint())
	}
	a.ui.note("Compare the fingerprint with the one that the institution publishes, then type that one.")
	for try := 1; ; try++ {
		given, err := a.ui.ask(ctx, "Fingerprint: ")
		if errors.Is(err, errNoTerminal) {
			return hinted(errors.New("nothing was added: the fingerprint is needed, and there is no terminal to ask at"),
				"get it from the institution itself, and give it with --fingerprint")
		}
		if err != nil {
			return err
		}
		wrong := compareFingerprint(f, given)
		if wrong == nil || try == mostTries {
			return wrong
		}
		text := upperFirst(strings.TrimPrefix(wrong.Error(), nothingAdded)) + ". "
		var h hintedError
		if errors.As(wrong, &h) {
			text += upperFirst(h.hint) + ". "
		}
		fmt.Fprintf(a.ui.Err, "%sIf it was mistyped, type it again.\n", text)
	}
}

const nothingAdded = "nothing was added: "

// compareFingerprint compares the fingerprint of a file with what somebody gave.
func compareFingerprint(f *issuer.File, given string) error {
	typed, err := issuer.ParseFingerprint(given)
	if err != nil {
		return fmt.Errorf(nothingAdded+"a fingerprint is ten groups of four characters (0–9, a–f): this has %d of 40", fingerprintDigits(given))
	}
	if typed != f.Fingerprint() {
		return hinted(fmt.Errorf(nothingAdded+"the fingerprint of this file is %s, you gave %s", f.Fingerprint(), typed),
			"if yours is from the institution, this file is not: do not use it")
	}
	return nil
}

// fingerprintDigits counts what may stand in a fingerprint.
func fingerprintDigits(s string) int {
	n := 0
	for _, r := range s {
		if strings.ContainsRune("0123456789abcdefABCDEF", r) {
			n++
		}
	}
	return n
}

// takeIssuer takes in the issuer file and the status lists of a pack.
func (a *app) takeIssuer(pack *trust.Pack) (trust.Change, error) {
	store := a.home.trust()
	change, err := store.Add(pack.Issuer)
	if err == nil {
		err = a.home.noteFile(pack.File)
	}
	if err != nil {
		return change, err
	}
	for _, list := range pack.Lists {
		newer, err := a.importStatus(list.Data)
		switch {
		case errors.Is(err, issuer.ErrStatusOlder):
			a.ui.note("The status list of %s for %s is older than the one here, which stays.", list.AsOf.Format(time.DateOnly), list.Network)
		case err != nil:
			return change, err
		case newer:
			if err := a.recordImport(list.StatusList, list.Note); err != nil {
				return change, err
			}
			a.ui.note("Status list for %s: as of %s.", list.Network, list.AsOf.Format(time.DateOnly))
		}
	}
	return change, nil
}

func (a *app) newTrustListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the trusted issuers and how old their status lists are",
		Example: `  gradseal trust list

Exit codes: 0 done; 1 an error.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.runTrustList() },
	}
}

// trustedJSON is an issuer of the trust store under --json.
type trustedJSON struct {
	issuerJSON
	Lists []trustedListJSON `json:"lists"`
}

// trustedListJSON is the newest status list for a network.
type trustedListJSON struct {
	Network  string `json:"network"`
	Sequence uint64 `json:"sequence"`
	AsOf     string `json:"asof"`
	Next     string `json:"next"`
	Forked   bool   `json:"forked"`
}

// listsOf are the newest status lists of an issuer, one for each network that there
// is one for.
func (a *app) listsOf(id string) ([]trustedListJSON, error) {
	lists := []trustedListJSON{}
	for _, n := range bitcoin.Networks() {
		list, forked, err := a.home.trust().Status(id, n)
		if err != nil {
			return nil, err
		}
		if list != nil {
			s := newStatusJSON(list.StatusList, forked)
			lists = append(lists, trustedListJSON{s.Network, s.Sequence, s.AsOf, s.Next, forked})
		}
	}
	return lists, nil
}

// showTrusted prints an issuer, and how old its status lists are.
func (a *app) showTrusted(f *issuer.File) error {
	lists, err := a.listsOf(f.ID)
	if err != nil {
		return err
	}
	if a.ui.json {
		return a.ui.object(trustedJSON{newIssuerJSON(f), lists})
	}
	if err := a.showIssuer(f); err != nil {
		return err
	}
	for _, l := range lists {
		next := "never to be renewed"
		if l.Next != never {
			next = "to be renewed by " + l.Next[:len(time.DateOnly)]
		}
		a.ui.result("  status list  %d of %s (%s), %s", l.Sequence, l.AsOf[:len(time.DateOnly)], l.Network, next)
		if l.Forked {
			a.ui.warn("%s has two different lists %d for %s: its documents are CANNOT TELL. See: gradseal status show", f.ID, l.Sequence, l.Network)
		}
		if past(l.Next, time.Now()) {
			a.ui.warn("list %d of %s for %s was to be renewed: its documents are CANNOT TELL until there is a newer one", l.Sequence, f.ID, l.Network)
		}
	}
	if len(lists) == 0 {
		a.ui.result("  status list  none: its documents are CANNOT TELL")
	}
	return nil
}

func (a *app) runTrustList() error {
	entries, err := a.home.trust().Issuers()
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		a.ui.note("This machine trusts no issuer yet. Add one with: gradseal trust add FILE")
	}
	for _, e := range entries {
		if err := a.showTrusted(e.File); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) newTrustRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove ID",
		Short: "Trust an issuer no longer",
		Example: `  gradseal trust remove uni.example/registrar

Exit codes: 0 done; 1 an error, and nothing was removed.`,
		Args: needOne("name the issuer's id; gradseal trust list shows them"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runTrustRemove(cmd.Context(), args[0]) },
	}
}

// removedJSON is the result of "trust remove" under --json.
type removedJSON struct {
	Version int    `json:"version"`
	Removed string `json:"removed"`
}

func (a *app) runTrustRemove(ctx context.Context, id string) error {
	if err := issuer.ValidID(id); err != nil {
		return err
	}
	own, err := a.keysOf(id)
	if err != nil {
		return err
	}
	if len(own) > 0 {
		return fmt.Errorf("%s is an issuer of this home: its status lists are needed to sign the next one, so it stays", id)
	}
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := a.home.trust().Remove(id); err != nil {
		return err
	}
	if a.ui.json {
		return a.ui.object(removedJSON{jsonVersion, id})
	}
	a.ui.result("Removed %s from the issuers that this machine trusts", id)
	return nil
}

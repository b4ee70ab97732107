package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gradseal/issuer"
	"gradseal/trust"
)

type trustImportOptions struct {
	fingerprints   []string
	replaceHeaders bool
	dryRun         bool
}

func (o *trustImportOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&o.fingerprints, "fingerprint", nil, "fingerprint of a new issuer, as `text` from the institution itself; once for each")
	flags.BoolVar(&o.replaceHeaders, "replace-headers", false, "on test networks, take the headers of the packs in place of a chain here that disagrees")
	flags.BoolVar(&o.dryRun, "dry-run", false, "show what would change, and change nothing")
}

func (a *app) newTrustImportCommand() *cobra.Command {
	var o trustImportOptions
	cmd := &cobra.Command{
		Use:   "import FILE…",
		Short: "Take in packs from another machine, and show what changes",
		Long: `Takes in packs, or all in a folder, as "trust add" does with one, and shows what
changes: newer issuer files, newer status lists, more headers. An issuer that is
not trusted here yet needs its fingerprint, typed or given. Nothing is lowered,
and nothing is replaced but by what follows from it.`,
		Example: `  gradseal trust import --dry-run packs/
  gradseal trust import packs/
  gradseal trust import uni.pack --fingerprint "3f2a 9c1b … ten groups of four"

Exit codes: 0 done; 1 an error. An error in a pack means that nothing was
changed; one while they are taken in, that those after it were not.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return hinted(errors.New("no pack was named"), "gradseal trust import FILE…")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.runTrustImport(cmd.Context(), args, o) },
	}
	o.addFlags(cmd)
	return cmd
}

// incoming is a pack that is about to be taken in.
type incoming struct {
	path   string
	pack   *trust.Pack
	change trust.Change
	old    *issuer.File // that is trusted now; nil if none is
}

func (a *app) runTrustImport(ctx context.Context, args []string, o trustImportOptions) error {
	paths, err := packPaths(args)
	if err != nil {
		return err
	}
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	var all []incoming
	for _, path := range paths {
		in, err := a.readIncoming(path)
		if err != nil {
			return fmt.Errorf("nothing was imported: %w", err)
		}
		if slices.ContainsFunc(all, func(other incoming) bool { return other.pack.File.ID == in.pack.File.ID }) {
			return fmt.Errorf("nothing was imported: %s: a second pack of %s", path, in.pack.File.ID)
		}
		all = append(all, in)
	}
	if !o.dryRun {
		for _, in := range all {
			if err := a.confirmIncoming(ctx, in, o.fingerprints); err != nil {
				return err
			}
		}
	}
	for _, in := range all {
		if err := a.importPack(in, o); err != nil {
			return fmt.Errorf("%s: %w", in.path, err)
		}
	}
	return nil
}

// packPaths are the files named, and the packs in the folders named.
func packPaths(args []string) ([]string, error) {
	var paths []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			paths = append(paths, arg)
			continue
		}
		names, err := fs.Glob(os.DirFS(arg), "*"+packSuffix)
		if err != nil {
			return nil, err
		}
		if len(names) == 0 {
			return nil, hinted(fmt.Errorf("%s: no file in this folder ends in %s", arg, packSuffix), "packs come from: gradseal trust export, gradseal issuer pack")
		}
		for _, name := range names {
			paths = append(paths, filepath.Join(arg, name))
		}
	}
	return paths, nil
}

func (a *app) readIncoming(path string) (incoming, error) {
	pack, err := readPack(path)
	if err != nil {
		return incoming{}, err
	}
	in := incoming{path: path, pack: pack}
	if in.change, err = a.home.trust().Plan(pack.Issuer); err != nil {
		return incoming{}, a.errDoesNotFollow(path, pack.File, err)
	}
	if err := pack.Check(time.Now()); err != nil {
		return incoming{}, fmt.Errorf("%s: %w", path, err)
	}
	if in.change != trust.Added {
		e, err := a.home.trust().Issuer(pack.File.ID)
		if err != nil {
			return incoming{}, err
		}
		in.old = e.File
	}
	return in, nil
}

// confirmIncoming has somebody confirm an issuer that is new here.
func (a *app) confirmIncoming(ctx context.Context, in incoming, given []string) error {
	if in.change != trust.Added {
		return nil
	}
	for _, text := range given {
		f, err := issuer.ParseFingerprint(text)
		if err != nil {
			return fmt.Errorf("nothing was imported: %w", err)
		}
		if f == in.pack.File.Fingerprint() {
			return nil
		}
	}
	a.ui.note("%s: %s (%s) is not trusted here yet; fingerprint %s", shown(in.path), quoted(in.pack.File.Name), in.pack.File.ID, in.pack.File.Fingerprint())
	if err := a.confirmFingerprint(ctx, in.pack.File, ""); err != nil {
		return fmt.Errorf("%s: %w", in.path, err)
	}
	return nil
}

// importedJSON is the result of "trust import" for one pack under --json.
type importedJSON struct {
	Version     int              `json:"version"`
	File        string           `json:"file"`
	Issuer      string           `json:"issuer"`
	Name        string           `json:"name"`
	Fingerprint string           `json:"fingerprint"`
	Change      string           `json:"change"`
	Status      []listChangeJSON `json:"status"`
	Headers     []headersJSON    `json:"headers"`
	DryRun      bool             `json:"dry_run"`
}

type listChangeJSON struct {
	Network  string `json:"network"`
	Sequence uint64 `json:"sequence"`
	Known    uint64 `json:"known"`
	Change   string `json:"change"`
}

// What becomes of a status list.
const (
	listNewer = "newer"
	listSame  = "same"
	listOlder = "older"
)

var changeWords = map[trust.Change]string{trust.Added: "added", trust.Updated: "updated", trust.Unchanged: "unchanged"}

// importPack says what changes, and changes it.
func (a *app) importPack(in incoming, o trustImportOptions) error {
	f := in.pack.File
	out := importedJSON{
		Version: jsonVersion, File: in.path, Issuer: f.ID, Name: f.Name, Fingerprint: f.Fingerprint().String(),
		Change: changeWords[in.change], Status: []listChangeJSON{}, Headers: []headersJSON{}, DryRun: o.dryRun,
	}
	for _, list := range in.pack.Lists {
		c, err := a.compareList(list)
		if err != nil {
			return err
		}
		out.Status = append(out.Status, c)
	}
	var err error
	if o.dryRun {
		for _, s := range in.pack.Segments {
			at := spanOf(s)
			out.Headers = append(out.Headers, headersJSON{s.Network.String(), at.from, at.to, "unknown"})
		}
	} else if out.Headers, err = a.takeHeaders(in.pack, o.replaceHeaders); err == nil {
		_, err = a.takeIssuer(in.pack)
	}
	if err != nil {
		return err
	}
	if a.ui.json {
		return a.ui.object(out)
	}
	a.printImported(in, out)
	return nil
}

// compareList says how a list of a pack stands to the one that is here.
func (a *app) compareList(list trust.SignedList) (listChangeJSON, error) {
	c := listChangeJSON{Network: list.Network.String(), Sequence: list.Sequence, Change: listNewer}
	known, _, err := a.home.trust().Status(list.Issuer, list.Network)
	if err != nil || known == nil {
		return c, err
	}
	c.Known = known.Sequence
	switch {
	case list.Sequence < known.Sequence:
		c.Change = listOlder
	case list.Sequence == known.Sequence:
		c.Change = listSame
	}
	return c, nil
}

func (a *app) printImported(in incoming, out importedJSON) {
	f := in.pack.File
	a.ui.result("%s (%s)", quoted(f.Name), f.ID)
	switch in.change {
	case trust.Added:
		a.ui.result("  issuer   new here, fingerprint %s", f.Fingerprint())
	case trust.Updated:
		a.ui.result("  issuer   file %d follows %d, signed by its keys", f.Sequence, in.old.Sequence)
		for _, line := range issuerChanges(in.old, f) {
			a.ui.result("  %-8s %s", line.what, line.text)
		}
	default:
		a.ui.result("  issuer   as here")
	}
	for i, c := range out.Status {
		text := "list " + number(c.Sequence) + " of " + in.pack.Lists[i].AsOf.Format(time.DateOnly)
		switch {
		case c.Change == listOlder:
			text += fmt.Sprintf(" is older than the one here, %s, which stays", number(c.Known))
		case c.Change == listSame:
			text += " is here already"
		case c.Known > 0:
			text += fmt.Sprintf(" in place of %s", number(c.Known))
		}
		a.ui.result("  status   %s: %s", c.Network, text)
	}
	for _, h := range out.Headers {
		text := map[string]string{headersTaken: "taken in", headersSame: "here already", headersRefused: "NOT taken in"}[h.Change]
		if text == "" {
			text = "checked when they are taken in"
		}
		a.ui.result("  headers  %s, heights %s: %s", h.Network, span{h.From, h.To}, text)
	}
	if out.DryRun {
		a.ui.note("Nothing was changed.")
	}
}

package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/trust"
)

func (a *app) newStatusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Status lists: what issuers have withdrawn",
		Example: `  gradseal status show
  gradseal status import uni.pack

Exit codes: 0 done; 1 an error, and nothing was changed.`,
	}
	addCommands(cmd, a.newStatusShowCommand(), a.newStatusImportCommand())
	return cmd
}

func (a *app) newStatusShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Show the newest status list of each issuer and network",
		Example: `  gradseal status show

Exit codes: 0 done; 1 an error.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.runStatusShow() },
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
			if err := a.showStatus(e.File, list.StatusList, forked); err != nil {
				return err
			}
		}
	}
	if !shownAny {
		a.ui.note("There is no status list here yet. Add one with: gradseal status import FILE")
	}
	return nil
}

func newStatusJSON(l *issuer.StatusList, forked bool) statusJSON {
	next := "never"
	if !l.Next.IsZero() {
		next = l.Next.Format(time.RFC3339)
	}
	return statusJSON{
		Version: jsonVersion, Issuer: l.Issuer, Network: l.Network.String(), Sequence: l.Sequence,
		AsOf: l.AsOf.Format(time.RFC3339), Next: next, Batches: len(l.Batches),
		Withdrawn: len(l.Withdrawn), WithdrawnBatches: len(l.WithdrawnBatches), Forked: forked,
	}
}

func (a *app) showStatus(f *issuer.File, l *issuer.StatusList, forked bool) error {
	next := "never to be renewed"
	if !l.Next.IsZero() {
		next = "to be renewed by " + l.Next.Format(time.DateOnly)
	}
	if a.ui.json {
		return a.ui.object(newStatusJSON(l, forked))
	}
	a.ui.result("%s (%s), %s: status list %d of %s, %s", quoted(f.Name), l.Issuer, l.Network, l.Sequence, l.AsOf.Format(time.DateOnly), next)
	a.ui.result("  names %s; %s and %s withdrawn", count(len(l.Batches), "batch"), count(len(l.Withdrawn), "document"), count(len(l.WithdrawnBatches), "whole batch"))
	if forked {
		a.ui.warn("another list with this sequence number was seen: until a later one joins them, every document of %s is CANNOT TELL", l.Issuer)
	}
	return nil
}

func (a *app) newStatusImportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "Take in a newer status list of a trusted issuer",
		Long: `Takes in a status list, or those in a pack, of an issuer that this machine
trusts. Whoever the file comes from, the signature decides; and the newest list
that was ever seen wins.`,
		Example: `  gradseal status import uni.pack

Exit codes: 0 taken in, or nothing newer in it; 1 an error, and nothing changed.`,
		Args: needOne("name the status list or the pack that the institution publishes"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runStatusImport(cmd.Context(), args[0]) },
	}
}

func (a *app) runStatusImport(ctx context.Context, path string) error {
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
		newer, err := a.home.trust().ImportStatus(data, time.Now())
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		list, _, err := issuer.ParseStatus(data)
		if err != nil {
			return err
		}
		switch {
		case a.ui.json:
			err = a.ui.object(newStatusJSON(list, false))
		case newer:
			a.ui.result("Took in status list %d of %s for %s, as of %s", list.Sequence, list.Issuer, list.Network, list.AsOf.Format(time.DateOnly))
		default:
			a.ui.result("Status list %d of %s for %s is here already", list.Sequence, list.Issuer, list.Network)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readLists returns the signed status lists in a pack, or the one in the file.
func readLists(path string) ([][]byte, error) {
	data, err := readCapped(path, trust.MaxPack)
	if err != nil {
		return nil, err
	}
	if _, _, err := issuer.ParseStatus(data); err == nil {
		return [][]byte{data}, nil
	}
	pack, err := readPack(path)
	if err != nil {
		return nil, err
	}
	return pack.Status, nil
}

package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gradseal/internal/atomicfile"
	"gradseal/trust"
)

const packSuffix = ".pack"

func (a *app) newTrustExportCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "export [ID]",
		Short: "Write packs of trusted issuers, for another machine",
		Long: `Writes what this machine knows of one trusted issuer into a pack, or of all into
a folder with a pack for each: issuer file, newest status lists, and the block
headers that are held of the networks of those lists. Such a pack is worth what
the issuer's own is worth, with lists and headers as new as those here.`,
		Example: `  gradseal trust export uni.example/registrar -o uni.pack
  gradseal trust export -o packs/

Exit codes: 0 done; 1 an error.`,
		Args: oneArg(0, "name one issuer by its id, or none for all"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runTrustExport(cmd.Context(), args, out) },
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "`file` to write, without ID the folder; - is standard output")
	return cmd
}

func (a *app) runTrustExport(ctx context.Context, args []string, out string) error {
	if out == "" {
		return hinted(errors.New("no file or folder to write was named"), "gradseal trust export -o packs/")
	}
	release, err := a.lock(ctx) // what is being taken in is not to be given out
	if err != nil {
		return err
	}
	defer release()
	if len(args) == 1 {
		return a.exportPack(args[0], out)
	}
	entries, err := a.home.trust().Issuers()
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return hinted(errors.New("this machine trusts no issuer: there is nothing to export"), "add one with: gradseal trust add FILE")
	}
	if info, err := os.Stat(out); out == "-" || err == nil && !info.IsDir() {
		return hinted(fmt.Errorf("%s: not a folder", out), "a pack has one issuer: name its id, or a folder for the packs of all")
	}
	if err := atomicfile.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, e := range entries {
		if err := a.exportPack(e.File.ID, filepath.Join(out, packName(e.File.ID))); err != nil {
			return err
		}
	}
	return nil
}

// packName is the name of an issuer's pack in a folder of packs. No id holds
// "_", so no two share one, and the prefix keeps names like "con" away.
func packName(id string) string {
	return "id_" + strings.ReplaceAll(id, "/", "_") + packSuffix
}

// exportPack writes what is known here of an issuer.
func (a *app) exportPack(id, out string) error {
	if _, err := a.home.trust().Issuer(id); err != nil {
		return err
	}
	segments, err := a.exportHeaders(id)
	if err != nil {
		return err
	}
	pack, err := a.home.trust().Pack(id, segments)
	if errors.Is(err, trust.ErrStatusFork) {
		err = hinted(err, "neither can be passed on: ask the issuer for its next list")
	}
	if err != nil {
		return err
	}
	if err := a.writePack(pack, out); err != nil || out == "-" {
		return err
	}
	if a.ui.json {
		return a.ui.object(newIssuerJSON(pack.File))
	}
	a.ui.result("Wrote %s: %s, %s", shown(out), quoted(pack.File.Name), contents(pack))
	return nil
}

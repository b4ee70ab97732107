package cmd

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gradseal/backup"
	"gradseal/internal/atomicfile"
	"gradseal/journal"
)

// backedUp are the names at the top of a home that a backup keeps. What else lies
// there is not ours: a home may be among other things.
func backedUp() []string {
	return []string{configName, keysName, trustName, batchesName, journalName, proposalsName, headersName, nodeName}
}

// derived is what the embedded node makes again.
func derived(name string) bool { return name == nodeName+"/lock" || name == nodeName+"/ffldb" }

type backupOptions struct {
	out            string
	passphraseFile string
	replace        bool
	withoutHeaders bool
}

func (o *backupOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&o.out, "output", "o", "", "`file` to write (default: gradseal-DAY.backup here); - is standard output")
	flags.StringVar(&o.passphraseFile, "passphrase-file", "", "`file` with the passphrase of the backup (default: ask)")
	flags.BoolVar(&o.replace, "replace", false, "replace a backup of that name")
	flags.BoolVar(&o.withoutHeaders, "without-headers", false, "leave out the header chains, which gradseal headers sync fetches again")
}

func (a *app) newBackupCommand() *cobra.Command {
	var o backupOptions
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Write everything that gradseal keeps into one encrypted file",
		Long: `Writes the home directory as one file, encrypted with a passphrase of its own:
keys (with their own passphrases), trust store, status lists, batches with the
salts of every document, journal, proposals, header chains, the network inside
the program, and config.yaml. Keep the file on another machine, and the
passphrase somewhere else than the file: without it nobody opens it.

The documents and the proofs beside them are not in it. Proofs are written again
from it (gradseal proofs), PDFs are not: keep them as you keep other records.
A document that is forgotten later stays in the backups that were made before.`,
		Example: `  gradseal backup
  gradseal backup -o /media/safe/gradseal.backup --replace
  gradseal restore /media/safe/gradseal.backup --check

Exit codes: 0 written; 1 an error, and no file was written or replaced.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runBackup(cmd.Context(), o) },
	}
	o.addFlags(cmd)
	return cmd
}

func (a *app) runBackup(ctx context.Context, o backupOptions) error {
	if o.out == "" {
		o.out = "gradseal-" + time.Now().Format(time.DateOnly) + ".backup"
	}
	if err := o.check(); err != nil {
		return err
	}
	if _, err := os.Stat(a.home.dir); err != nil { // before there is a lock, and so a home
		return fmt.Errorf("there is nothing to back up: %w", err)
	}
	passphrase, err := a.choosePassphrase(ctx, o.passphraseFile, "backup")
	if err != nil {
		return err
	}
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	plan, err := backup.Prepare(a.home.dir, a.backupPlan(ctx, o))
	if err != nil {
		return err
	}
	defer plan.Close()
	if len(plan.Index.Files) == 0 {
		return fmt.Errorf("there is nothing to back up in %s", a.home.dir)
	}
	out := newBackupJSON(o.out, &plan.Index)
	out.Home, out.Left = &a.home.dir, append(out.Left, notable(plan.Left)...)
	a.takeStock(out)
	if err := a.writeBackup(ctx, plan, passphrase, o); err != nil {
		return err
	}
	if err := a.record(journal.Entry{Act: journal.Backup, Text: indexSum(&plan.Index), Count: len(plan.Index.Files)}); err != nil {
		return err
	}
	return a.reportBackup(out)
}

// check finds out what is in the way before a passphrase is asked for.
func (o *backupOptions) check() error {
	if o.out == "-" {
		return nil
	}
	info, err := os.Lstat(o.out)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !o.replace:
		return hinted(fmt.Errorf("%s: exists and was not overwritten", o.out), "name another file with -o, or allow it with --replace")
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s: is not a regular file, and was not replaced", o.out)
	}
	f, err := os.Open(o.out)
	if err != nil {
		return err
	}
	defer f.Close()
	if !backup.Is(f) {
		return fmt.Errorf("%s: exists and is not a backup: it was not replaced", o.out)
	}
	return nil
}

func (a *app) backupPlan(ctx context.Context, o backupOptions) backup.Options {
	return backup.Options{
		Top:  backedUp(),
		Skip: func(name string) bool { return derived(name) || o.withoutHeaders && name == headersName },
		Read: ctxWriter{ctx: ctx},
		Now:  time.Now(),
	}
}

// backupTemporary names the file that is to be replaced: nobody else's has such a
// name, and the next backup of that name removes it.
func backupTemporary(out string) string { return ".gradseal-" + filepath.Base(out) + "-*" }

func (a *app) writeBackup(ctx context.Context, plan *backup.Plan, passphrase string, o backupOptions) error {
	bar := a.ui.startProgress("Backing up", plan.Index.Bytes(), true)
	defer bar.finish()
	fill := func(w io.Writer) error { return plan.Write(w, passphrase, ctxWriter{ctx, bar}) }
	if o.out == "-" {
		return fill(a.ui.Out)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(o.out), backupTemporary(o.out)))
	if err == nil {
		for _, path := range left {
			os.Remove(path) // of one that was killed; what stays only takes up room
		}
	}
	write := atomicfile.CreateNew
	if o.replace {
		write = atomicfile.CreateOver
	}
	return write(o.out, fill, 0o600, backupTemporary(o.out))
}

// indexSum stands for what is in a backup, in the journal of the home that it is
// of and of the one that comes from it.
func indexSum(x *backup.Index) string {
	h := sha256.New()
	for _, f := range x.Files {
		fmt.Fprintf(h, "%s %d %s\n", f.SHA256, f.Size, f.Name)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// notable are the names that one might miss in a backup.
func notable(left []string) []string {
	var names []string
	for _, name := range left {
		if name != lockName && name != resumeKeyName && !strings.HasPrefix(filepath.Base(name), ".") {
			names = append(names, name)
		}
	}
	return names
}

func (a *app) reportBackup(out *backupJSON) error {
	if out.File == "-" {
		return nil
	}
	if a.ui.json {
		return a.ui.object(out)
	}
	a.ui.result("Wrote %s: %s, %s", shown(out.File), count(out.Files, "file"), size(out.Bytes))
	a.showStock(out)
	for _, name := range out.Left {
		a.ui.note("Not in it, because it is not gradseal's: %s", shown(filepath.Join(a.home.dir, name)))
	}
	a.ui.note("Documents and the proofs beside them are not in it. Try it now and then: gradseal restore %s --check", argument(out.File))
	return nil
}

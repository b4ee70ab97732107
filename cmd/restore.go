package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"

	"gradseal/backup"
	"gradseal/internal/atomicfile"
	"gradseal/journal"
)

type restoreOptions struct {
	passphraseFile string
	check          bool
}

func (o *restoreOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.passphraseFile, "passphrase-file", "", "`file` with the passphrase of the backup (default: ask)")
	flags.BoolVar(&o.check, "check", false, "read and check the whole backup, and restore nothing")
}

func (a *app) newRestoreCommand() *cobra.Command {
	var o restoreOptions
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make the home again from a backup",
		Long: `Makes the home directory again from a backup, on this machine or on another: only
where there is none yet, or an empty one. Every byte is checked before anything is
in its place, and what is in it is loaded and listed.

A home that comes from a backup does not know what was signed after the backup.
It must not sign a status list whose number was used already: two different
lists with one number make every verifier answer CANNOT TELL for all documents of
the institution. So before it signs anything for a network it has to take in the
newest list that is published:
    gradseal status import FILE
Before its keys are changed it has to take in the newest pack, with gradseal trust
add. That may be the very list, or the very issuer file, that is in the backup, if no later one was ever given
out; gradseal cannot know, you must. The network inside the program is exempt.

Documents, and the proofs beside them, are not in a backup. gradseal proofs writes
proofs again. Paths in config.yaml are those of the machine that it was made on.`,
		Example: `  gradseal restore gradseal-2026-11-23.backup
  gradseal restore gradseal.backup --home /srv/gradseal
  gradseal restore gradseal.backup --check

Exit codes: 0 restored, or sound (--check); 1 an error, and nothing was restored.`,
		Args: needOne("name the backup: gradseal restore FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runRestore(cmd.Context(), args[0], o) },
	}
	o.addFlags(cmd)
	return cmd
}

func (a *app) runRestore(ctx context.Context, path string, o restoreOptions) error {
	if !o.check {
		if err := a.freeHome(); err != nil {
			return err
		}
	}
	in, err := openBackup(a.ui.In, path)
	if err != nil {
		return err
	}
	defer in.Close()
	r, err := a.readBackup(ctx, in, o.passphraseFile)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	bar := a.ui.startProgress("Restoring", r.Index.Bytes(), true)
	defer bar.finish()
	if o.check {
		if err := r.Check(ctxWriter{ctx, bar}); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return a.reportChecked(newBackupJSON(path, &r.Index))
	}
	out, err := a.restore(r, ctxWriter{ctx, bar}, path)
	if err != nil {
		return err
	}
	bar.finish()
	return a.reportRestored(out)
}

func openBackup(in io.Reader, path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(in), nil
	}
	return openRegular(path)
}

// readBackup opens a backup. Somebody who types the passphrase has three tries.
func (a *app) readBackup(ctx context.Context, in io.Reader, passphraseFile string) (*backup.Reader, error) {
	ask := func() (string, error) {
		return a.secretOf(ctx, "Passphrase of the backup", "passphrase", passphraseFile)
	}
	r, err := backup.Open(in, ask)
	f, isFile := in.(io.Seeker)
	for range 2 {
		if passphraseFile != "" || !isFile || !errors.Is(err, backup.ErrPassphrase) {
			break
		}
		a.ui.warn("that is not the passphrase of this backup")
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		r, err = backup.Open(in, ask)
	}
	if errors.Is(err, backup.ErrPassphrase) {
		return nil, hinted(err, "it is the one that was chosen for the backup, not that of a key; damage in the first bytes of the file looks the same")
	}
	return r, err
}

// freeHome finds out where the home is to be made, behind links, and says why it
// cannot be.
func (a *app) freeHome() error {
	dir, err := filepath.EvalSymlinks(a.home.dir)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(a.home.dir); err == nil {
			return fmt.Errorf("%s: is a symbolic link to what is not there", a.home.dir)
		}
		return nil
	}
	if err != nil {
		return err
	}
	a.home = home{dir: dir, chain: dir}
	return a.home.isFree()
}

func (h home) isFree() error {
	names, err := os.ReadDir(h.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name.Name() != lockName { // which a command leaves that did nothing
			return hinted(fmt.Errorf("%s: holds %s, and a backup is restored to an empty home only", h.dir, quoted(name.Name())), "name another directory with --home, or move this one away")
		}
	}
	return nil
}

// restoreName begins the names of the directories, beside the home, in which one is
// made.
func (h home) restoreName() string { return "." + filepath.Base(h.dir) + ".restore-" }

// restore makes the home: beside its place, and as a whole. A process that is
// killed leaves either nothing in that place or all.
func (a *app) restore(r *backup.Reader, read io.Writer, path string) (*backupJSON, error) {
	parent := filepath.Dir(a.home.dir)
	if err := atomicfile.MkdirAll(parent, 0o700); err != nil {
		return nil, err
	}
	a.home.sweepRestores(parent)
	tmp, err := os.MkdirTemp(parent, a.home.restoreName()+"*")
	if err != nil {
		return nil, a.home.besides(err)
	}
	defer os.RemoveAll(tmp)
	// The lock goes with the directory: what is at work in it is not swept, and the
	// home is not used before this is done.
	lock := flock.New(filepath.Join(tmp, lockName))
	if err := lock.Lock(); err != nil {
		return nil, err
	}
	defer lock.Unlock()
	if err := r.Unpack(tmp, read); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	out := newBackupJSON(path, &r.Index)
	if err := a.settle(tmp, r, out); err != nil {
		return nil, err
	}
	if err := a.home.put(tmp); err != nil {
		return nil, a.home.besides(err)
	}
	return out, nil
}

// besides says of an error what to do where the home's place cannot be taken.
func (h home) besides(err error) error {
	return hinted(err, "the home is made beside its place, and then renamed. If nothing can be written there, or it is a mount point, name a directory below it: --home %s", argument(filepath.Join(h.dir, "home")))
}

// settle loads what was unpacked and marks it as restored.
func (a *app) settle(dir string, r *backup.Reader, out *backupJSON) error {
	there := *a
	there.home, there.entries = home{dir: dir, chain: dir}, nil
	if err := there.markRestored(); err != nil {
		return err
	}
	there.takeStock(out)
	for i, fault := range out.Faults {
		out.Faults[i] = strings.ReplaceAll(fault, dir, a.home.dir)
	}
	if err := there.record(journal.Entry{Act: journal.Restore, Text: indexSum(&r.Index), Count: len(r.Index.Files)}); err != nil {
		out.Faults = append(out.Faults, err.Error())
	}
	out.Home = &a.home.dir
	return nil
}

// put moves the directory into the place of the home.
func (h home) put(tmp string) error {
	if err := os.Remove(filepath.Join(h.dir, lockName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Remove(h.dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // an empty one
		return err
	}
	if err := os.Rename(tmp, h.dir); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(h.dir))
}

// sweepRestores removes what killed processes left beside the home. One that is at
// work holds its lock.
func (h home) sweepRestores(parent string) {
	left, err := filepath.Glob(filepath.Join(parent, h.restoreName()+"*"))
	if err != nil {
		return
	}
	for _, dir := range left {
		lock := flock.New(filepath.Join(dir, lockName))
		if ok, err := lock.TryLock(); ok && err == nil {
			os.RemoveAll(dir)
			lock.Unlock()
		}
	}
}

func (a *app) reportChecked(out *backupJSON) error {
	if a.ui.json {
		return a.ui.object(out)
	}
	a.ui.result("%s is sound: made %s, %s, %s", shown(out.File), out.Created, count(out.Files, "file"), size(out.Bytes))
	return nil
}

func (a *app) reportRestored(out *backupJSON) error {
	if a.ui.json {
		return a.ui.object(out)
	}
	a.ui.result("Restored %s from %s, made %s: %s, %s", shown(*out.Home), shown(out.File), out.Created, count(out.Files, "file"), size(out.Bytes))
	a.showStock(out)
	a.ui.note("Documents and the proofs beside them are not in a backup; gradseal proofs BATCH writes proofs again.")
	if len(out.Issuers) > 0 {
		a.ui.note("Before keys are changed in this home, take in the newest published pack: gradseal trust add PACK")
	}
	for _, l := range out.Lists {
		if l.Held {
			a.ui.note("Before this home signs for %s on %s again, take in the newest published list, number %d or later: gradseal status import FILE", l.Issuer, l.Network, l.Sequence)
		}
	}
	return nil
}

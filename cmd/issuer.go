package cmd

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gradseal/internal/atomicfile"
	"gradseal/issuer"
	"gradseal/journal"
	"gradseal/keys"
	"gradseal/trust"
)

func (a *app) newIssuerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "issuer",
		Short: "Make and show the issuer that signs batches",
		Example: `  gradseal issuer create --id uni.example/registrar --name "University of Example"
  gradseal issuer show
  gradseal issuer pack -o uni.pack

Exit codes: 0 done; 1 an error.`,
	}
	addCommands(cmd, a.newIssuerCreateCommand(), a.newIssuerShowCommand(), a.newIssuerPackCommand(),
		a.newIssuerKeyCommand(), a.newIssuerRotateCommand(), a.newIssuerCloseCommand())
	return cmd
}

type issuerCreateOptions struct {
	id, name   string
	newKey     newKeyOptions
	recovery   string
	noRecovery bool
	officers   []string
	threshold  int
	out        string
}

func (o *issuerCreateOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.id, "id", "", "`id` of the issuer: lower-case letters, digits, . / -, such as uni.example/registrar")
	flags.StringVar(&o.name, "name", "", "`name` of the institution, as verifiers see it")
	flags.StringVar(&o.newKey.holder, "holder", "Registrar", "`name` of who holds the key: a person or an office")
	o.newKey.addFlags(cmd, "passphrase-file", "`file` with the passphrase of the new key (default: ask)")
	flags.StringVar(&o.recovery, "recovery", "", "write a second, recovery key to this `file`, to print and lock away")
	flags.BoolVar(&o.noRecovery, "no-recovery", false, "make no recovery key")
	flags.StringArrayVar(&o.officers, "officer", nil, "public key `file` of another officer who signs too; once for each")
	flags.IntVar(&o.threshold, "threshold", 1, "`number` of keys that must sign")
	flags.StringVar(&o.out, "request", "", "`file` for what other officers are asked to sign, where there are some")
}

func (a *app) newIssuerCreateCommand() *cobra.Command {
	var o issuerCreateOptions
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a signing key and the public issuer file",
		Long: `Makes an Ed25519 signing key, encrypted with a passphrase, and the issuer file
that verifiers trust. A recovery key is proposed as well: without one, a lost
passphrase means a new issuer that every verifier has to be told of.

With --officer there are several officers, each with a key of their own, made with
"gradseal issuer key" on their own machines; --threshold says how many of all keys
must sign. Each of them has to sign the issuer file first: they are asked, and what
they answer is taken in with "gradseal approve". With --token the key is made in a
token, or taken from it, and stays there.`,
		Example: `  gradseal issuer create --id uni.example/registrar --name "University of Example"
  gradseal issuer create --id uni.example/registrar --name "University of Example" \
      --passphrase-file pass.txt --recovery recovery-key.txt
  gradseal issuer create --id uni.example/registrar --name "University of Example" \
      --officer dean.key.pub --threshold 2

Exit codes: 0 done, or other officers were asked; 1 an error, and no issuer was
made.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runIssuerCreate(cmd.Context(), o) },
	}
	o.addFlags(cmd)
	cmd.MarkFlagsMutuallyExclusive("recovery", "no-recovery")
	return cmd
}

func (a *app) runIssuerCreate(ctx context.Context, o issuerCreateOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := a.mayCreate(o.id); err != nil {
		return err
	}
	if err := a.proposeRecovery(ctx, &o); err != nil {
		return err
	}
	if o.newKey.module != "" || len(o.officers) > 0 {
		return a.createWithOthers(ctx, o)
	}
	save, err := a.keySaver(ctx, o)
	if err != nil {
		return err
	}
	spec := issuerSpec{id: o.id, name: o.name, holder: o.newKey.holder, recovery: o.recovery, threshold: o.threshold, created: time.Now()}
	f, err := a.createIssuer(spec, save)
	if err != nil {
		return err
	}
	a.warnNoRecovery(o)
	return a.reportIssuer(f, o.recovery)
}

func (o *issuerCreateOptions) check() error {
	if o.id == "" || o.name == "" {
		return hinted(errors.New("--id and --name are needed"), `gradseal issuer create --id uni.example/registrar --name "University of Example"`)
	}
	if err := issuer.ValidID(o.id); err != nil {
		return fmt.Errorf("--id: %w", err)
	}
	if err := issuer.ValidTitle(o.name); err != nil {
		return fmt.Errorf("--name: %w", err)
	}
	if err := issuer.ValidHolder(o.newKey.holder); err != nil {
		return fmt.Errorf("--holder: %w", err)
	}
	return o.newKey.check()
}

// mayCreate refuses an issuer that this home has already. One whose making was
// interrupted, before others signed its file, is gone on with.
func (a *app) mayCreate(id string) error {
	p, err := a.pendingProposal(id, 0)
	if err != nil {
		return err
	}
	if p != nil {
		return a.errPending(p)
	}
	own, err := a.keysOf(id)
	if err != nil {
		return err
	}
	begun, err := a.readBegun(id)
	if err != nil {
		return err
	}
	if begun != nil && begun.Sequence == 1 {
		own = slices.DeleteFunc(own, func(k ownKey) bool { return filepath.Base(k.path) == begun.File })
	}
	if len(own) > 0 {
		return hinted(fmt.Errorf("this home has a key of %s already", id), "run: gradseal issuer show")
	}
	return nil
}

// proposeRecovery asks for a recovery key where somebody can answer.
func (a *app) proposeRecovery(ctx context.Context, o *issuerCreateOptions) error {
	switch {
	case o.recovery != "" || o.noRecovery:
		return nil
	case !a.ui.interactive():
		return nil // warnNoRecovery says so once a key was made
	}
	a.ui.note("A recovery key is a second key to print and lock away, for the day on which\nthe passphrase is forgotten or the key is stolen.")
	for {
		answer, err := a.ui.ask(ctx, "Make one? [Y/n] ")
		if err != nil {
			return err
		}
		switch strings.ToLower(answer) {
		case "", "y", "yes":
			o.recovery = "recovery-key-" + strings.ReplaceAll(o.id, "/", "_") + ".txt"
			return nil
		case "n", "no":
			return nil
		}
		// Such as a passphrase, which is on the screen now.
		a.ui.warn("the answer is y or n; the passphrase is asked for after this, and a passphrase typed here has been seen")
	}
}

// warnNoRecovery reminds of the recovery key where nobody could be asked.
func (a *app) warnNoRecovery(o issuerCreateOptions) {
	if o.recovery == "" && !o.noRecovery && !a.ui.interactive() {
		a.ui.warn("made without a recovery key: if passphrase or key are lost, every verifier has to be told of a new issuer (see --recovery)")
	}
}

// keySaver returns how the signing key is written, after the passphrase is
// known.
func (a *app) keySaver(ctx context.Context, o issuerCreateOptions) (func(*keys.Key, string) error, error) {
	if o.newKey.unsafe {
		a.ui.warn("the signing key is not encrypted: it signs for regtest only")
		return func(k *keys.Key, path string) error { return k.WriteUnsafe(path) }, nil
	}
	passphrase, err := a.choosePassphrase(ctx, o.newKey.passphraseFile, "signing key")
	if err != nil {
		return nil, err
	}
	return func(k *keys.Key, path string) error { return k.Write(path, passphrase) }, nil
}

// readPassphraseFile returns the first line of the file.
func readPassphraseFile(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(data), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		return "", fmt.Errorf("%s: its first line, the passphrase, is empty", path)
	}
	return line, nil
}

// issuerSpec says what issuer to make.
type issuerSpec struct {
	id, name, holder string
	recovery         string // file for the recovery key; empty: none
	threshold        int    // 0: 1
	created          time.Time
}

// keyGrace is how long before its making a key set is in force: clocks differ,
// and a block's time may be two hours early.
const keyGrace = 24 * time.Hour

// createIssuer makes the keys and the issuer file, and trusts the issuer on
// this machine. An issuer of this home is one whose key file is there: what is
// interrupted before that counts for nothing, and ownIssuer does what was left
// undone after it.
func (a *app) createIssuer(spec issuerSpec, save func(k *keys.Key, path string) error) (*issuer.File, error) {
	key, err := keys.Generate(spec.id)
	if err != nil {
		return nil, err
	}
	set := issuer.KeySet{
		From:      spec.created.Add(-keyGrace).UTC().Truncate(time.Second),
		Threshold: max(spec.threshold, 1),
		Keys:      []issuer.Key{{Public: key.PublicKey(), Holder: spec.holder}},
	}
	signers := []issuer.Signer{key}
	var recovery *keys.Key
	if spec.recovery != "" {
		if recovery, err = keys.Generate(spec.id); err != nil {
			return nil, err
		}
		set.Keys = append(set.Keys, issuer.Key{Public: recovery.PublicKey(), Holder: recoveryHolder})
		signers = append(signers, recovery)
	}
	if err := tooFewOfficers(&set); err != nil {
		return nil, hinted(err, "%s", moreOfficers)
	}
	f := &issuer.File{ID: spec.id, Name: spec.name, Sequence: 1, Sets: []issuer.KeySet{set}}
	text, err := f.Text()
	if err != nil {
		return nil, err
	}
	signed, err := issuer.SignNote(text, issuer.MaxFile, signers...)
	if err != nil {
		return nil, err
	}
	if _, err := a.home.trust().Plan(signed); err != nil {
		if errors.Is(err, trust.ErrOtherIssuer) {
			err = hinted(err, "if its key is lost: gradseal trust remove %s", spec.id)
		}
		return nil, err
	}
	if recovery != nil {
		if err := recovery.WriteRecovery(spec.recovery); err != nil {
			return nil, fmt.Errorf("recovery key: %w", err)
		}
	}
	sum := sha256.Sum256([]byte(text))
	if err := a.record(journal.Entry{Act: journal.Create, Issuer: f.ID, Sequence: f.Sequence, Text: hex.EncodeToString(sum[:])}); err != nil {
		return nil, err
	}
	if err := atomicfile.MkdirAll(a.home.keyDir(), 0o700); err != nil {
		return nil, err
	}
	if err := atomicfile.WriteFile(a.home.ownIssuerFile(spec.id), signed, 0o644); err != nil {
		return nil, err
	}
	if err := save(key, a.home.keyFile(spec.id)); err != nil {
		return nil, err
	}
	_, err = a.home.trust().Add(signed)
	return f, err
}

// ownIssuer returns the issuer file of an issuer of this home. It is in the
// trust store, unless "create" was killed at its last step.
func (a *app) ownIssuer(id string) (*issuer.File, error) {
	e, err := a.home.trust().Issuer(id)
	if !errors.Is(err, trust.ErrUnknownIssuer) {
		return e.File, err
	}
	data, readErr := os.ReadFile(a.home.ownIssuerFile(id))
	if readErr != nil {
		return nil, a.noIssuerFile(id, err)
	}
	if _, err := a.home.trust().Add(data); err != nil {
		return nil, err
	}
	return issuer.ParseFile(data)
}

// noIssuerFile says why this home has a key of an issuer and no issuer file.
func (a *app) noIssuerFile(id string, err error) error {
	own, ownErr := a.keysOf(id)
	if ownErr != nil || len(own) == 0 {
		return err
	}
	if p, pendingErr := a.home.proposals().Proposal(id, 0); pendingErr == nil && p != nil {
		return a.errPending(p)
	}
	if begun, _ := a.readBegun(id); begun != nil {
		return hinted(fmt.Errorf("%s: its making was interrupted: %w", id, err), "run again: gradseal issuer create --id %s …", id)
	}
	return hinted(fmt.Errorf("this home has a key of %s, and no issuer file: %w", id, err), "take in the pack that names the key: gradseal trust add PACK")
}

func (a *app) reportIssuer(f *issuer.File, recovery string) error {
	if a.ui.json {
		return a.ui.object(newIssuerJSON(f))
	}
	a.ui.result("Made the issuer %s", quoted(f.Name))
	a.ui.result("  id           %s", f.ID)
	a.ui.result("  fingerprint  %s", f.Fingerprint())
	if own, err := a.keysOf(f.ID); err == nil && len(own) > 0 {
		a.ui.result("  signing key  %s", shown(own[0].path))
	}
	if recovery != "" {
		a.ui.result("  recovery key %s", shown(recovery))
		a.ui.note("Print the recovery key, lock the paper away, and delete the file.")
	}
	a.ui.note("Publish the fingerprint where people look for it: it is how verifiers know you.")
	which := ""
	if own, err := a.ownIssuers(); err == nil && len(own) > 1 {
		which = " --issuer " + f.ID
	}
	a.ui.note("Next: gradseal anchor%s PATH…, then: gradseal issuer pack%s -o FILE", which, which)
	return nil
}

type issuerShowOptions struct {
	sequence uint64
	out      string
}

func (a *app) newIssuerShowCommand() *cobra.Command {
	var o issuerShowOptions
	cmd := &cobra.Command{
		Use:   "show [ID]",
		Short: "Show this home's issuers: id, name, fingerprint, keys",
		Long: `Shows the issuers of this home, or the one named, which need not be this home's.

Issuer files follow each other by number, and every machine keeps those that it
had. Who missed one cannot take in the next: -o writes it for them.`,
		Example: `  gradseal issuer show
  gradseal issuer show uni.example/registrar
  gradseal issuer show uni.example/registrar --sequence 2 -o uni-2.issuer

Exit codes: 0 done; 1 an error.`,
		Args: oneArg(0, "name one issuer by its id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flag("sequence").Changed && o.sequence == 0 {
				return errors.New("--sequence: issuer files are numbered from 1")
			}
			return a.runIssuerShow(args, o)
		},
	}
	cmd.Flags().Uint64Var(&o.sequence, "sequence", 0, "`number` of the issuer file (default: the newest)")
	cmd.Flags().StringVarP(&o.out, "output", "o", "", "write the signed issuer file to this `file`; - is standard output")
	return cmd
}

func (a *app) runIssuerShow(args []string, o issuerShowOptions) error {
	ids, err := a.ownIssuers()
	if err != nil {
		return err
	}
	if len(args) == 1 {
		ids = args
	}
	if len(ids) == 0 {
		return errNoOwnIssuer()
	}
	if len(ids) > 1 && (o.sequence != 0 || o.out != "") {
		return hinted(errors.New("this home has several issuers"), "name one: gradseal issuer show ID")
	}
	for _, id := range ids {
		if err := a.showIssuerOf(id, o); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) showIssuerOf(id string, o issuerShowOptions) error {
	if err := issuer.ValidID(id); err != nil {
		return err
	}
	f, err := a.ownIssuer(id)
	if err != nil {
		return err
	}
	e, err := a.home.trust().IssuerAt(id, cmp.Or(o.sequence, f.Sequence))
	if err != nil {
		return err
	}
	switch o.out {
	case "":
		return a.showIssuer(e.File)
	case "-":
		_, err := a.ui.Out.Write(e.Data)
		return err
	}
	if err := mayReplaceFile(o.out, e.Data); err != nil {
		return err
	}
	if err := atomicfile.WriteFile(o.out, e.Data, 0o644); err != nil || a.ui.json {
		return errors.Join(err, a.ui.object(newIssuerJSON(e.File)))
	}
	a.ui.result("Wrote %s: issuer file %d of %s", shown(o.out), e.File.Sequence, quoted(e.File.Name))
	a.ui.result("  fingerprint  %s", e.File.Fingerprint())
	return nil
}

// mayReplaceFile keeps a file with other content from being overwritten.
func mayReplaceFile(path string, data []byte) error {
	old, err := readCapped(path, issuer.MaxFile)
	if errors.Is(err, fs.ErrNotExist) || err == nil && bytes.Equal(old, data) {
		return nil
	}
	return fmt.Errorf("%s: exists and has something else in it: it was not overwritten", path)
}

func errNoOwnIssuer() error {
	return hinted(errors.New("this home has no issuer"), `run: gradseal issuer create --id uni.example/registrar --name "University of Example"`)
}

func (a *app) newIssuerPackCommand() *cobra.Command {
	var out, id string
	cmd := &cobra.Command{
		Use:   "pack",
		Short: "Write the one file that verifiers add: issuer, status lists, headers",
		Long: `Writes a pack: the public issuer file, the newest status lists, and the block
headers that verifiers need for the proofs made here. Publish it, with its
fingerprint somewhere else, and write it again after each batch. Headers of the
network inside the program, where rehearsals are, stay out: no one else can
check those.`,
		Example: `  gradseal issuer pack -o uni.pack
  gradseal issuer pack -o - | ssh web 'cat > uni.pack'

Exit codes: 0 done; 1 an error.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runIssuerPack(cmd.Context(), id, out) },
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "`file` to write, replaced if it is a pack of the same issuer; - is standard output")
	cmd.Flags().StringVar(&id, "issuer", "", "`id` of the issuer (needed where this home has several)")
	setConfigKey(cmd.Flags(), "issuer", "anchor.issuer")
	return cmd
}

func (a *app) runIssuerPack(ctx context.Context, id, out string) error {
	if out == "" {
		return hinted(errors.New("no file to write was named"), "gradseal issuer pack -o uni.pack")
	}
	release, err := a.lock(ctx) // a list that is being signed is not to be published
	if err != nil {
		return err
	}
	defer release()
	id, err = a.pickOwn(id)
	if err != nil {
		return err
	}
	if _, err := a.ownIssuer(id); err != nil {
		return err
	}
	segments, err := a.packHeaders(id)
	if err != nil {
		return err
	}
	pack, err := a.home.trust().Pack(id, segments)
	if err != nil {
		return err
	}
	if err := pack.Check(time.Now()); err != nil { // as verifiers do before they add it
		return hinted(fmt.Errorf("no verifier would take this pack: %w", err), "sign the lists with the keys in force now: gradseal status renew; where other officers are asked: gradseal approve")
	}
	if err := a.writePack(pack, out); err != nil || out == "-" {
		return err
	}
	if a.ui.json {
		return a.ui.object(newIssuerJSON(pack.File))
	}
	a.ui.result("Wrote %s: %s, %s", shown(out), quoted(pack.File.Name), contents(pack))
	a.ui.result("  fingerprint  %s", pack.File.Fingerprint())
	return nil
}

// pickOwn returns the id of the one issuer of this home, or of the named one.
func (a *app) pickOwn(id string) (string, error) {
	own, err := a.ownIssuers()
	switch {
	case err != nil:
		return "", err
	case id != "":
		return id, nil
	case len(own) == 0:
		return "", errNoOwnIssuer()
	case len(own) > 1:
		return "", hinted(errors.New("this home has several issuers"), "%s", a.sayWhich("say which one", own))
	}
	return own[0], nil
}

// sayWhich is the hint about several issuers, for this time and for good.
func (a *app) sayWhich(say string, own []string) string {
	file := a.configFlag
	if file == "" {
		file = a.home.configFile()
	}
	return fmt.Sprintf("%s: --issuer %s. For good: issuer: %s below anchor: in %s", say, strings.Join(own, ", or --issuer "), own[0], shown(file))
}

// mayReplacePack keeps an unrelated file from being overwritten.
func mayReplacePack(path, id string) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if old, err := trust.ParsePack(data); err != nil || old.File.ID != id {
		return fmt.Errorf("%s: exists and is not a pack of %s: it was not overwritten", path, id)
	}
	return nil
}

// issuerJSON is an issuer under --json.
type issuerJSON struct {
	Version     int             `json:"version"`
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Sequence    uint64          `json:"sequence"`
	Fingerprint string          `json:"fingerprint"`
	Sets        []issuerSetJSON `json:"sets"`
}

type issuerSetJSON struct {
	From      string          `json:"from"`
	Until     *string         `json:"until"`
	Threshold int             `json:"threshold"`
	Keys      []issuerKeyJSON `json:"keys"`
}

type issuerKeyJSON struct {
	Key    string `json:"key"`
	ID     string `json:"id"`
	Holder string `json:"holder"`
}

func newIssuerJSON(f *issuer.File) issuerJSON {
	out := issuerJSON{Version: jsonVersion, ID: f.ID, Name: f.Name, Sequence: f.Sequence, Fingerprint: f.Fingerprint().String()}
	for _, s := range f.Sets {
		set := issuerSetJSON{From: s.From.Format(time.RFC3339), Threshold: s.Threshold}
		if !s.Until.IsZero() {
			until := s.Until.Format(time.RFC3339)
			set.Until = &until
		}
		for _, k := range s.Keys {
			set.Keys = append(set.Keys, issuerKeyJSON{k.Public.String(), keyID(f.ID, k.Public), k.Holder})
		}
		out.Sets = append(out.Sets, set)
	}
	return out
}

// showIssuer prints a whole issuer file.
func (a *app) showIssuer(f *issuer.File) error {
	if a.ui.json {
		return a.ui.object(newIssuerJSON(f))
	}
	a.ui.result("%s", quoted(f.Name))
	a.ui.result("  id           %s", f.ID)
	a.ui.result("  fingerprint  %s", f.Fingerprint())
	for i := range f.Sets {
		a.showSet(f, i)
	}
	return nil
}

// showSet prints a key set of an issuer file: with times in full, for a day is not
// enough for who looks at what a key signed.
func (a *app) showSet(f *issuer.File, index int) {
	s := f.Sets[index]
	until := "open"
	if !s.Until.IsZero() {
		until = "until " + s.Until.Format(time.RFC3339)
	}
	a.ui.result("  keys from %s, %s, %d of %d must sign", s.From.Format(time.RFC3339), until, s.Threshold, len(s.Keys))
	for _, k := range s.Keys {
		a.ui.result("    %s  %s  %s", keyID(f.ID, k.Public), k.Public, quoted(k.Holder))
	}
}

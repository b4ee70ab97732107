package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gradseal/internal/atomicfile"
	"gradseal/issuer"
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
	addCommands(cmd, a.newIssuerCreateCommand(), a.newIssuerShowCommand(), a.newIssuerPackCommand())
	return cmd
}

type issuerCreateOptions struct {
	id, name, holder string
	passphraseFile   string
	unsafe           bool
	recovery         string
	noRecovery       bool
}

func (o *issuerCreateOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.id, "id", "", "`id` of the issuer: lower-case letters, digits, . / -, such as uni.example/registrar")
	flags.StringVar(&o.name, "name", "", "`name` of the institution, as verifiers see it")
	flags.StringVar(&o.holder, "holder", "Registrar", "`name` of who holds the key: a person or an office")
	flags.StringVar(&o.passphraseFile, "passphrase-file", "", "`file` with the passphrase of the new key (default: ask)")
	flags.BoolVar(&o.unsafe, "unsafe-no-passphrase", false, "do not encrypt the key; it then signs for regtest only")
	flags.StringVar(&o.recovery, "recovery", "", "write a second, recovery key to this `file`, to print and lock away")
	flags.BoolVar(&o.noRecovery, "no-recovery", false, "make no recovery key")
}

func (a *app) newIssuerCreateCommand() *cobra.Command {
	var o issuerCreateOptions
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a signing key and the public issuer file",
		Long: `Makes an Ed25519 signing key, encrypted with a passphrase, and the issuer file
that verifiers trust. A recovery key is proposed as well: without one, a lost
passphrase means a new issuer that every verifier has to be told of.`,
		Example: `  gradseal issuer create --id uni.example/registrar --name "University of Example"
  gradseal issuer create --id uni.example/registrar --name "University of Example" \
      --passphrase-file pass.txt --recovery recovery-key.txt

Exit codes: 0 done; 1 an error, and nothing was made.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runIssuerCreate(cmd.Context(), o) },
	}
	o.addFlags(cmd)
	cmd.MarkFlagsMutuallyExclusive("passphrase-file", "unsafe-no-passphrase")
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
	if _, err := os.Lstat(a.home.keyFile(o.id)); err == nil {
		return hinted(fmt.Errorf("this home has a key of %s already", o.id), "run: gradseal issuer show")
	}
	if err := a.proposeRecovery(ctx, &o); err != nil {
		return err
	}
	save, err := a.keySaver(ctx, o)
	if err != nil {
		return err
	}
	spec := issuerSpec{id: o.id, name: o.name, holder: o.holder, recovery: o.recovery, created: time.Now()}
	f, err := a.createIssuer(spec, save)
	if err != nil {
		return err
	}
	return a.reportIssuer(f, o)
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
	if err := issuer.ValidHolder(o.holder); err != nil {
		return fmt.Errorf("--holder: %w", err)
	}
	return nil
}

// proposeRecovery asks for a recovery key where somebody can answer, and
// reminds of it where nobody can.
func (a *app) proposeRecovery(ctx context.Context, o *issuerCreateOptions) error {
	switch {
	case o.recovery != "" || o.noRecovery:
		return nil
	case !a.ui.interactive():
		a.ui.warn("made without a recovery key: if passphrase or key are lost, every verifier has to be told of a new issuer (see --recovery)")
		return nil
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

// keySaver returns how the signing key is written, after the passphrase is
// known.
func (a *app) keySaver(ctx context.Context, o issuerCreateOptions) (func(*keys.Key, string) error, error) {
	if o.unsafe {
		a.ui.warn("the signing key is not encrypted: it signs for regtest only")
		return func(k *keys.Key, path string) error { return k.WriteUnsafe(path) }, nil
	}
	passphrase, err := a.choosePassphrase(ctx, o.passphraseFile, "signing key")
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

// readKey opens the signing key of an issuer of this home.
func (a *app) readKey(ctx context.Context, id, passphraseFile string) (*keys.Key, error) {
	ask := func() (string, error) {
		if passphraseFile != "" {
			return readPassphraseFile(passphraseFile)
		}
		p, err := a.ui.askSecret(ctx, fmt.Sprintf("Passphrase of the signing key of %s: ", id))
		if errors.Is(err, errNoTerminal) {
			err = hinted(errors.New("needs a passphrase, and there is no terminal to ask at"), "give --passphrase-file FILE")
		}
		return p, err
	}
	key, err := keys.Read(a.home.keyFile(id), ask)
	for range 2 {
		if passphraseFile != "" || !errors.Is(err, keys.ErrPassphrase) {
			break
		}
		a.ui.warn("that is not the passphrase of this key")
		key, err = keys.Read(a.home.keyFile(id), ask)
	}
	if errors.Is(err, keys.ErrPassphrase) {
		return nil, hinted(err, "it is the one that was chosen at: gradseal issuer create")
	}
	if err != nil {
		return nil, err
	}
	if key.Name() != id {
		return nil, fmt.Errorf("%s: holds a key of %s", a.home.keyFile(id), key.Name())
	}
	return key, nil
}

// issuerSpec says what issuer to make.
type issuerSpec struct {
	id, name, holder string
	recovery         string // file for the recovery key; empty: none
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
		Threshold: 1,
		Keys:      []issuer.Key{{Public: key.PublicKey(), Holder: spec.holder}},
	}
	signers := []issuer.Signer{key}
	var recovery *keys.Key
	if spec.recovery != "" {
		if recovery, err = keys.Generate(spec.id); err != nil {
			return nil, err
		}
		set.Keys = append(set.Keys, issuer.Key{Public: recovery.PublicKey(), Holder: "Recovery key"})
		signers = append(signers, recovery)
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
		return nil, err
	}
	if _, err := a.home.trust().Add(data); err != nil {
		return nil, err
	}
	return issuer.ParseFile(data)
}

func (a *app) reportIssuer(f *issuer.File, o issuerCreateOptions) error {
	if a.ui.json {
		return a.ui.object(newIssuerJSON(f))
	}
	a.ui.result("Made the issuer %s", quoted(f.Name))
	a.ui.result("  id           %s", f.ID)
	a.ui.result("  fingerprint  %s", f.Fingerprint())
	a.ui.result("  signing key  %s", shown(a.home.keyFile(f.ID)))
	if o.recovery != "" {
		a.ui.result("  recovery key %s", shown(o.recovery))
		a.ui.note("Print the recovery key, lock the paper away, and delete the file.")
	}
	a.ui.note("Publish the fingerprint where people look for it: it is how verifiers know you.")
	a.ui.note("Next: gradseal anchor PATH…, then: gradseal issuer pack -o FILE")
	return nil
}

func (a *app) newIssuerShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show [ID]",
		Short: "Show this home's issuers: id, name, fingerprint, keys",
		Example: `  gradseal issuer show
  gradseal issuer show uni.example/registrar

Exit codes: 0 done; 1 an error.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.runIssuerShow(args) },
	}
}

func (a *app) runIssuerShow(args []string) error {
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
	for _, id := range ids {
		f, err := a.ownIssuer(id)
		if err != nil {
			return err
		}
		if err := a.showIssuer(f); err != nil {
			return err
		}
	}
	return nil
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
		return "", hinted(errors.New("this home has several issuers"), "say which one: --issuer %s", strings.Join(own, ", or --issuer "))
	}
	return own[0], nil
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
			set.Keys = append(set.Keys, issuerKeyJSON{k.Public.String(), k.Holder})
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
	for _, s := range f.Sets {
		until := "open"
		if !s.Until.IsZero() {
			until = "until " + s.Until.Format(time.DateOnly)
		}
		a.ui.result("  keys from %s, %s, %d of %d must sign", s.From.Format(time.DateOnly), until, s.Threshold, len(s.Keys))
		for _, k := range s.Keys {
			a.ui.result("    %s  %s", k.Public, quoted(k.Holder))
		}
	}
	return nil
}

package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"gradseal/internal/atomicfile"
	"gradseal/issuer"
	"gradseal/keys"
)

type issuerKeyOptions struct {
	id     string
	newKey newKeyOptions
	out    string
}

func (a *app) newIssuerKeyCommand() *cobra.Command {
	var o issuerKeyOptions
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Make an officer's own key, to sign together with others",
		Long: `Makes a signing key in this home, or in a token, for an officer of an issuer that
somebody else makes or has made, and writes its public part: one line. That goes to
whoever makes the issuer file (gradseal issuer create --officer, issuer rotate
--officer). Tell them the fingerprint by telephone: the line could be exchanged on
its way, and then somebody else would sign in your name.

The key signs nothing before it is in the issuer file. Then take that in: gradseal
trust add PACK; and sign with: gradseal approve.`,
		Example: `  gradseal issuer key --id uni.example/registrar --holder "Dean of Studies" -o dean.key.pub
  gradseal issuer key --id uni.example/registrar --holder "Dean of Studies" \
      --token /usr/lib/softhsm/libsofthsm2.so --token-label dean -o dean.key.pub

Exit codes: 0 done; 1 an error, and no public key was written.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runIssuerKey(cmd.Context(), o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.id, "id", "", "`id` of the issuer, as its officers agreed on it")
	o.newKey.addFlags(cmd, "passphrase-file", "`file` with the passphrase of the new key (default: ask)")
	flags.StringVar(&o.newKey.holder, "holder", "", "`name` of who holds the key: a person or an office; verifiers see it")
	flags.StringVarP(&o.out, "output", "o", "", "new `file` for the public key (default: standard output)")
	return cmd
}

// officerKeyJSON is the result of "issuer key" under --json.
type officerKeyJSON struct {
	Version     int    `json:"version"`
	ID          string `json:"id"`
	Key         string `json:"key"`
	KeyID       string `json:"key_id"`
	Holder      string `json:"holder"`
	Fingerprint string `json:"fingerprint"`
	File        string `json:"file"`
	Line        string `json:"line"`
}

func (a *app) runIssuerKey(ctx context.Context, o issuerKeyOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	if o.out != "" {
		if _, err := os.Lstat(o.out); err == nil {
			return fmt.Errorf("%s: exists, and was not overwritten", o.out)
		}
	}
	made, err := a.makeKey(ctx, o.id, 0, o.newKey, "", "new signing key")
	if err != nil {
		return err
	}
	public := keys.Public{Issuer: o.id, Key: made.PublicKey(), Holder: o.newKey.holder}
	line, err := public.Marshal()
	if err != nil {
		return err
	}
	if err := atomicfile.MkdirAll(a.home.keyDir(), 0o700); err != nil {
		return err
	}
	path := a.home.laterKeyFile(o.id, public.Key, made.suffix)
	if err := made.save(path); err != nil {
		return err
	}
	if o.out != "" {
		if err := atomicfile.WriteNew(o.out, line, 0o644); err != nil {
			return err
		}
	}
	return a.reportKey(public, line, path, o.out)
}

func (o *issuerKeyOptions) check() error {
	if o.id == "" || o.newKey.holder == "" {
		return hinted(errors.New("--id and --holder are needed"), `gradseal issuer key --id uni.example/registrar --holder "Dean of Studies" -o dean.key.pub`)
	}
	if err := issuer.ValidID(o.id); err != nil {
		return fmt.Errorf("--id: %w", err)
	}
	if err := issuer.ValidHolder(o.newKey.holder); err != nil {
		return fmt.Errorf("--holder: %w", err)
	}
	return o.newKey.check()
}

func (a *app) reportKey(p keys.Public, line []byte, path, out string) error {
	if a.ui.json {
		return a.ui.object(officerKeyJSON{
			jsonVersion, p.Issuer, p.Key.String(), keyID(p.Issuer, p.Key), p.Holder, p.Fingerprint().String(), out, string(line[:len(line)-1]),
		})
	}
	if out == "" {
		a.ui.result("%s", line[:len(line)-1])
		a.ui.note("Its fingerprint: %s", p.Fingerprint())
	} else {
		a.ui.result("Wrote %s: key %s of %s", shown(out), keyID(p.Issuer, p.Key), quoted(p.Holder))
		a.ui.result("  fingerprint  %s", p.Fingerprint())
	}
	a.ui.note("The secret part is %s: it never leaves this machine.", shown(path))
	a.ui.note("Send the line to whoever makes the issuer file, and tell them the fingerprint by telephone.")
	return nil
}

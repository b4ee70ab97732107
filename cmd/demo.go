package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gradseal/keys"
	"gradseal/verify"
)

func (a *app) newDemoCommand() *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "The whole story in half a minute, in a temporary folder",
		Long: `Plays registrar, graduate and forger in a temporary folder, with a few
transcripts of people who do not exist: makes an issuer, anchors, verifies, and
shows how a changed byte and a stranger's signature are caught. Nothing outside
that folder is touched, and no network is used.`,
		Example: `  gradseal demo
  gradseal demo --keep          leave the folder, to look around in it

Exit codes: 0 everything was as it should be; 1 something was not.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runDemo(cmd.Context(), keep) },
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "leave the temporary folder there")
	return cmd
}

// The people of the demo. The stranger takes id and name of the university:
// nothing stops anyone from that.
const (
	demoID   = "northmoor.example/registrar"
	demoName = "Northmoor University"
)

// demo is one run of the story.
type demo struct {
	*app
	dir       string
	registrar *app // its home is also the verifier's
	stranger  *app
}

func (a *app) runDemo(ctx context.Context, keep bool) error {
	if a.ui.json {
		return errors.New("demo tells a story: it has no JSON form")
	}
	dir, err := os.MkdirTemp("", "gradseal-demo-")
	if err != nil {
		return err
	}
	if !keep {
		defer os.RemoveAll(dir)
		signal.Ignore(syscall.SIGPIPE) // who reads the story may stop reading: what is left is still to be removed
		defer signal.Reset(syscall.SIGPIPE)
	}
	// One stream, so that a pipe shows the story in its order.
	out := *a.ui
	out.Err = out.Out
	a = &app{ui: &out, samples: a.samples}
	d := &demo{app: a, dir: dir}
	chain := filepath.Join(dir, "home")
	d.registrar = a.at(home{dir: chain, chain: chain})
	d.stranger = a.at(home{dir: filepath.Join(dir, "stranger"), chain: chain})
	for _, step := range []func(context.Context) error{d.anchor, d.check, d.forge, d.impersonate} {
		if err := step(ctx); err != nil {
			return err
		}
		if out, ok := d.ui.Out.(*results); ok && out.failure() != nil {
			return out.failure() // nobody reads the rest
		}
	}
	d.ui.result(`
What to try next:
  gradseal anchor FOLDER                      rehearse with PDFs of your own
  gradseal verify --network regtest FOLDER    and check them
  gradseal issuer create --help               the issuer of your institution
  gradseal trust add --help                   for those who check documents`)
	if keep {
		d.ui.result("\nEverything is in %s", shown(dir))
	}
	return nil
}

// at is the same program with another home and no configuration.
func (a *app) at(h home) *app {
	return &app{ui: a.ui, home: h, cfg: defaultSettings()}
}

func (d *demo) say(format string, args ...any) {
	d.ui.result("\n"+d.ui.paint(bold, format), args...)
}

// anchor: the registrar makes an issuer and anchors a folder.
func (d *demo) anchor(ctx context.Context) error {
	d.say("1. The registrar of %s makes a signing key.", demoName)
	f, err := d.registrar.createIssuer(issuerSpec{id: demoID, name: demoName, holder: "Registrar", created: time.Now()}, (*keys.Key).WriteUnsafe)
	if err != nil {
		return err
	}
	d.ui.result("The university publishes this fingerprint, so that others know its key:\n  %s", f.Fingerprint())
	d.say("2. She anchors a folder of transcripts in Bitcoin.")
	folder := filepath.Join(d.dir, "transcripts")
	if err := d.unpack(folder); err != nil {
		return err
	}
	return d.registrar.runAnchor(ctx, anchorOptions{networkName: "regtest", issuer: demoID, moneyOptions: d.money()}, []string{folder})
}

// money is what may be spent where nothing else is said.
func (d *demo) money() moneyOptions {
	s := d.registrar.cfg.Anchor
	return moneyOptions{target: s.Target, maxFee: s.MaxFee}
}

// unpack writes the sample transcripts.
func (d *demo) unpack(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return fs.WalkDir(d.samples, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(d.samples, name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(folder, path.Base(name)), data, 0o644)
	})
}

// check: an employer verifies a transcript.
func (d *demo) check(ctx context.Context) error {
	d.say("3. A graduate sends transcript and proof to an employer, who checks them offline.")
	file, err := d.first()
	if err != nil {
		return err
	}
	return d.verify(ctx, file, verify.Valid)
}

func (d *demo) first() (string, error) {
	files, err := filepath.Glob(filepath.Join(d.dir, "transcripts", "*.pdf"))
	if err == nil && len(files) == 0 {
		err = errors.New("this program was built without the sample transcripts")
	}
	if err != nil {
		return "", err
	}
	return files[0], nil
}

// forge: one byte is changed.
func (d *demo) forge(ctx context.Context) error {
	d.say("4. Somebody changes a single byte of the transcript and keeps the proof.")
	file, err := d.first()
	if err != nil {
		return err
	}
	document, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	proofFile, err := os.ReadFile(file + ".proof.json")
	if err != nil {
		return err
	}
	document[len(document)/2] ^= 1
	forged := filepath.Join(d.dir, "forged.pdf")
	if err := os.WriteFile(forged, document, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(forged+".proof.json", proofFile, 0o644); err != nil {
		return err
	}
	return d.verify(ctx, forged, verify.Invalid)
}

// impersonate: a stranger with a key of his own anchors the forgery properly,
// under the university's id and name, in the same chain.
func (d *demo) impersonate(ctx context.Context) error {
	d.say("5. A stranger makes an issuer with the university's name, and anchors the forgery.")
	forged := filepath.Join(d.dir, "forged.pdf")
	if err := os.Remove(forged + ".proof.json"); err != nil {
		return err
	}
	f, err := d.stranger.createIssuer(issuerSpec{id: demoID, name: demoName, holder: "Registrar", created: time.Now()}, (*keys.Key).WriteUnsafe)
	if err != nil {
		return err
	}
	d.ui.result("Name and id are the same. Only the fingerprint cannot be copied:\n  %s", f.Fingerprint())
	if err := d.stranger.runAnchor(ctx, anchorOptions{networkName: "regtest", issuer: demoID, moneyOptions: d.money()}, []string{forged}); err != nil {
		return err
	}
	d.ui.result("\nThe employer, who trusts the university's own key, checks that:")
	return d.verify(ctx, forged, verify.CannotTell)
}

// verify runs the command and holds its verdict against what it must be.
func (d *demo) verify(ctx context.Context, file string, want verify.Verdict) error {
	err := d.registrar.runVerify(ctx, verifyOptions{network: "regtest"}, []string{file})
	var judged verdictError
	if err != nil && !errors.As(err, &judged) {
		return err
	}
	if judged.exit != want.Exit() {
		return fmt.Errorf("the demo expected the verdict %s (exit %d), and got exit %d", want, want.Exit(), judged.exit)
	}
	return nil
}

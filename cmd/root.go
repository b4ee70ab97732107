// Package cmd is the command line: flags, configuration, texts, progress and
// exit codes. It joins the packages below it, which know nothing of each
// other: batch, which keeps the registrar's state, anchor, which spends money,
// and verify, which believes nobody.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gradseal/journal"
)

// Exit codes beside those of a verdict (verify.Verdict.Exit).
const (
	exitOK    = 0
	exitError = 1 // usage, input or output, configuration: nothing was judged
)

// Main runs the command line and returns the exit code. samples holds the
// transcripts of "demo".
func Main(ctx context.Context, args []string, std Stdio, samples fs.FS) int {
	a := &app{ui: newUI(std), samples: samples}
	out := &results{Writer: std.Out}
	a.ui.Out = out
	root := a.newRootCommand()
	strictHelp(root)
	root.SetArgs(args)
	root.SetIn(std.In)
	root.SetOut(out)
	root.SetErr(std.Err)
	err := root.ExecuteContext(ctx)
	var judged verdictError
	switch {
	case out.failure() != nil: // such as a full disk: what is to be read is not all there
		a.ui.fail(ctx, fmt.Errorf("the results could not be written: %w", out.failure()))
		return exitError
	case errors.As(err, &judged):
		return judged.exit
	case errors.As(err, new(waitingError)):
		return exitOK
	case err != nil:
		a.ui.fail(ctx, err)
		return exitError
	}
	return exitOK
}

// Commands returns the command tree for what is made from it, not to be run:
// manual pages and shell completions. It is the same on every platform.
func Commands() *cobra.Command {
	a := &app{ui: newUI(Stdio{})}
	root := a.newRootCommand()
	home := root.PersistentFlags().Lookup("home")
	home.Usage = strings.Replace(home.Usage, defaultHomeText(), "see FILES in gradseal(1)", 1)
	return root
}

// verdictError carries the exit code of a verdict that was printed already.
type verdictError struct{ exit int }

func (e verdictError) Error() string { return "not every document is valid" }

// app is what all commands share.
type app struct {
	ui      *ui
	home    home
	cfg     settings
	samples fs.FS
	entries *journal.Journal // of the home, once it was used
	strays  *strayProofs     // nil: none is looked for

	homeFlag, configFlag string
}

func (a *app) newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "gradseal",
		Short: "Anchor transcripts in Bitcoin, and check one offline",
		Long: `gradseal makes a small proof file for every transcript in a folder. Whoever
holds a transcript and its proof can check, on a machine without network, that
exactly these bytes were issued by that institution, no later than a certain
day, and were not withdrawn.`,
		Example: `  gradseal demo                                 the whole story in half a minute
  gradseal anchor transcripts/                  rehearse with your own folder
  gradseal verify --network regtest transcripts/

Exit codes: 0 done, or every document VALID; 1 an error, nothing was judged;
3 INVALID; 4 PENDING; 5 CANNOT TELL; 6 WITHDRAWN.`,
		Version:           version(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.setUp(cmd) },
	}
	root.SetVersionTemplate("gradseal {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hinted(plainFlagError(err), "%srun: %s --help", didYouMean("--", nearFlags(cmd, err)), cmd.CommandPath())
	})
	flags := root.PersistentFlags()
	flags.StringVar(&a.homeFlag, "home", "", "`directory` of keys, trust store, header chains and batches (default: "+defaultHomeText()+")")
	flags.StringVar(&a.configFlag, "config", "", "configuration `file` (default: config.yaml in the home directory)")
	flags.BoolVar(&a.ui.json, "json", false, "print results, and a final error, as JSON")
	flags.BoolVarP(&a.ui.quiet, "quiet", "q", false, "print results and errors only")
	addCommands(root,
		a.newAnchorCommand(),
		a.newLeavesCommand(),
		a.newApproveCommand(),
		a.newBatchesCommand(),
		a.newUpgradeCommand(),
		a.newExportCommand(),
		a.newProofsCommand(),
		a.newQRCommand(),
		a.newBumpCommand(),
		a.newWithdrawCommand(),
		a.newReplaceCommand(),
		a.newVerifyCommand(),
		a.newAuditCommand(),
		a.newInspectCommand(),
		a.newEmbedCommand(),
		a.newExtractCommand(),
		a.newIssuerCommand(),
		a.newCoinCommand(),
		a.newTrustCommand(),
		a.newStatusCommand(),
		a.newBackupCommand(),
		a.newRestoreCommand(),
		a.newHeadersCommand(),
		a.newForgetCommand(),
		a.newJournalCommand(),
		a.newPageCommand(),
		a.newDemoCommand(),
	)
	return root
}

// plainFlagError is the error of a flag, in words of this program where the value
// is no number, or not one that the flag takes.
func plainFlagError(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	want := ""
	switch invalid.GetFlag().Value.Type() {
	case "uint32":
		want = fmt.Sprintf("a whole number from 0 to %d", uint32(math.MaxUint32))
	case "int", "int64":
		want = "a whole number"
	case "bool":
		want = "true or false"
	default:
		return err
	}
	return fmt.Errorf("--%s: %s, want %s", invalid.GetFlag().Name, quoted(invalid.GetValue()), want)
}

// addCommands makes cmd a group: alone it shows its help, and a word that is
// none of its commands is an error.
func addCommands(cmd *cobra.Command, commands ...*cobra.Command) {
	cmd.Args = noneOf
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(commands...)
}

// noneOf refuses words that are none of a group's commands.
func noneOf(group *cobra.Command, words []string) error {
	if len(words) == 0 {
		return nil
	}
	return hinted(fmt.Errorf("unknown command %s", quoted(words[0])), "%srun: %s --help",
		didYouMean(group.CommandPath()+" ", near(group, words[0])), group.CommandPath())
}

// near are the commands of a group of which a word may be a slip.
func near(group *cobra.Command, word string) []string {
	group.SuggestionsMinimumDistance = 2
	return group.SuggestionsFor(word)
}

// nearFlags are the flags of a command of which one that there is not may be a slip.
func nearFlags(cmd *cobra.Command, err error) []string {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || len(unknown.GetSpecifiedName()) < 2 {
		return nil
	}
	flags := new(cobra.Command) // cobra finds what is near among commands
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			flags.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
		}
	})
	return near(flags, unknown.GetSpecifiedName())
}

// didYouMean begins a hint with what was meant, perhaps.
func didYouMean(before string, names []string) string {
	const most = 3
	if len(names) == 0 || len(names) > most {
		return ""
	}
	return "did you mean " + before + strings.Join(names, ", or "+before) + "? If not, "
}

// strictHelp makes an error of "help" for a command that there is not, and of
// "completion" for such a shell. The commands themselves are cobra's.
func strictHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, help := range root.Commands() {
		if help.Name() == "completion" {
			addCommands(help)
		}
		if help.Name() == "help" {
			help.Args = func(_ *cobra.Command, args []string) error {
				found, rest, err := root.Find(args)
				if err != nil {
					return err
				}
				if !found.HasSubCommands() {
					return nil
				}
				return noneOf(found, rest)
			}
		}
	}
}

// setUp reads the configuration before any command runs.
func (a *app) setUp(cmd *cobra.Command) error {
	env := newEnvironment()
	dir := a.homeFlag
	if dir == "" {
		dir = env.GetString("home")
	}
	h, err := openHome(dir)
	if err != nil {
		return err
	}
	a.home = h
	a.cfg, err = loadSettings(env, h.configFile(), a.configFlag)
	if err != nil {
		return err
	}
	return applySettings(env, cmd.Flags())
}

// release is the version of a build from an archive of the sources, which has
// no commit to tell it. The linker sets it: -X gradseal/cmd.release=v1.2.3.
var release string

func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

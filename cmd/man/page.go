package man

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// footer is what stands below every page.
type footer struct {
	version string
	date    time.Time
}

// newPage returns the page of one command, its sections in the order of
// man-pages(7).
func newPage(c *cobra.Command, foot footer) []byte {
	var r roff
	name := pageName(c)
	r.macro("TH", escape(strings.ToUpper(name)), "1", foot.date.Format(time.DateOnly), escape("gradseal "+foot.version), "gradseal manual")
	// Neither hyphens nor stretched lines: both hide what a command looks like.
	r.WriteString(".nh\n.ad l\n")
	r.macro("SH", "NAME")
	// No font may change in this line: whatis(1) and apropos(1) read it.
	r.line(escape(name) + ` \- ` + escape(c.Short))
	writeSynopsis(&r, c)
	r.macro("SH", "DESCRIPTION")
	r.prose(description(c))
	writeCommands(&r, c)
	writeOptions(&r, c)
	example, exit := splitExample(c.Example)
	if exit != "" {
		r.macro("SH", "EXIT STATUS")
		r.prose(exit)
	}
	if !c.HasParent() {
		writeSurroundings(&r)
	}
	if example != "" {
		r.macro("SH", "EXAMPLES")
		r.prose(example)
	}
	writeSeeAlso(&r, c)
	return r.Bytes()
}

func description(c *cobra.Command) string {
	if c.Long != "" {
		return c.Long
	}
	return c.Short + "."
}

// writeSynopsis writes a line for the command itself, and one for what is below
// it. What has commands and no arguments of its own only shows its help.
func writeSynopsis(r *roff, c *cobra.Command) {
	r.macro("SH", "SYNOPSIS")
	start := bold(c.CommandPath()) + " [" + italic("OPTION") + "]" + escape("…")
	_, args, hasArgs := strings.Cut(c.Use, " ")
	group := len(subcommands(c)) > 0
	if hasArgs {
		r.line(start + " " + escape(args))
	} else if !group {
		r.line(start)
	}
	if hasArgs && group {
		r.macro("br")
	}
	if group {
		r.line(start + " " + escape("COMMAND …"))
	}
}

func writeCommands(r *roff, c *cobra.Command) {
	subs := subcommands(c)
	if len(subs) == 0 {
		return
	}
	r.macro("SH", "COMMANDS")
	for _, sub := range subs {
		r.entry(reference(sub), escape(sub.Short))
	}
}

func writeOptions(r *roff, c *cobra.Command) {
	c.InitDefaultHelpFlag()
	c.InitDefaultVersionFlag()
	if own := c.NonInheritedFlags(); own.HasAvailableFlags() {
		r.macro("SH", "OPTIONS")
		writeFlags(r, own)
	}
	if global := c.InheritedFlags(); global.HasAvailableFlags() {
		r.macro("SH", "GLOBAL OPTIONS")
		writeFlags(r, global)
	}
}

func writeFlags(r *roff, flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Deprecated != "" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		term := bold("--" + f.Name)
		if f.Shorthand != "" {
			term = bold("-"+f.Shorthand) + ", " + term
		}
		if value != "" {
			term += " " + italic(value)
		}
		r.entry(term, escape(usage+defaultText(f)))
	})
}

// defaultText is said of a flag that is not off, empty or zero where it is not
// given. A usage text that speaks of its default itself has the last word.
func defaultText(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "0", "false", "[]":
		return ""
	}
	if strings.Contains(f.Usage, "(default") {
		return ""
	}
	return fmt.Sprintf(" (default: %s)", f.DefValue)
}

// splitExample parts a command's examples from its exit codes.
func splitExample(text string) (example, exit string) {
	example, exit, _ = strings.Cut(text, "Exit codes:")
	return strings.TrimRight(example, "\n "), strings.TrimSpace(exit)
}

// writeSurroundings says, on the first page only, what the program reads from
// where it runs.
func writeSurroundings(r *roff) {
	r.macro("SH", "ENVIRONMENT")
	r.entry(bold("GRADSEAL_HOME"), escape("as --home"))
	r.entry(bold("GRADSEAL_CONFIG"), escape("as --config"))
	r.entry(bold("GRADSEAL_VERIFY_NETWORK")+escape(", …"), escape(
		"the key verify.network of the configuration, and so on for every other key. An option goes before the environment, the environment before the configuration file."))
	r.entry(bold("NO_COLOR"), escape("where it is not empty, no colours"))
	r.macro("SH", "FILES")
	r.entry(italic("~/.local/share/gradseal/"), escape(
		"the home directory: keys, trust store, header chains and batches. $XDG_DATA_HOME/gradseal where that is set; on macOS ~/Library/Application Support/gradseal; on Windows %LocalAppData%\\gradseal. Back it up: it holds what proofs can be written again with."))
	r.entry(italic("config.yaml"), escape("in the home directory: the configuration. config.example.yaml, which comes with gradseal, has every key with its default."))
	r.entry(italic("NAME.pdf.proof.json"), escape("beside NAME.pdf: its proof"))
}

func writeSeeAlso(r *roff, c *cobra.Command) {
	if !c.HasParent() {
		return
	}
	var pages []string
	for p := c.Parent(); p != nil; p = p.Parent() {
		pages = append([]string{reference(p)}, pages...)
	}
	for _, sibling := range subcommands(c.Parent()) {
		if sibling != c {
			pages = append(pages, reference(sibling))
		}
	}
	r.macro("SH", "SEE ALSO")
	r.line(strings.Join(pages, ", "))
}

func reference(c *cobra.Command) string { return bold(pageName(c)) + "(1)" }

// Package man writes the manual pages, one for each command, from what the
// commands say in their help. It is no part of the program.
//
// It writes man(7) and nothing newer than groff 1.22 and mandoc know. The help
// texts follow a few rules, and the pages rely on them: paragraphs are parted
// by an empty line; indented lines stay as they are; two words with two spaces
// between them are two columns; an example ends in a paragraph "Exit codes: …".
package man

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gradseal/cmd"
)

// Write writes gradseal.1, gradseal-anchor.1 and so on to dir, which must be
// there. The version and the day go into the footer: nothing else in a page
// depends on who makes it, where and when.
func Write(dir, version string, date time.Time) error {
	foot := footer{version: version, date: date.UTC()}
	return walk(cmd.Commands(), func(c *cobra.Command) error {
		return os.WriteFile(filepath.Join(dir, pageName(c)+".1"), newPage(c, foot), 0o666)
	})
}

// walk calls do for c and every command below it that is not hidden.
func walk(c *cobra.Command, do func(*cobra.Command) error) error {
	if err := do(c); err != nil {
		return err
	}
	for _, sub := range subcommands(c) {
		if err := walk(sub, do); err != nil {
			return err
		}
	}
	return nil
}

func subcommands(c *cobra.Command) []*cobra.Command {
	var subs []*cobra.Command
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			subs = append(subs, sub)
		}
	}
	return subs
}

// pageName is "gradseal-issuer-create" for "gradseal issuer create".
func pageName(c *cobra.Command) string {
	return strings.ReplaceAll(c.CommandPath(), " ", "-")
}

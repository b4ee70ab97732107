package cmd

import (
	"fmt"

	"github.com/spf13/cobra"
)

// oneArg wants one argument, or none where least is 0.
func oneArg(least int, hint string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return hinted(fmt.Errorf("%s: nothing was named, want one", cmd.CommandPath()), "%s", hint)
		case len(args) > 1:
			return hinted(fmt.Errorf("%s: %d were named, want one", cmd.CommandPath(), len(args)), "%s", hint)
		}
		return nil
	}
}

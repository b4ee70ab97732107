package man

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"gradseal/cmd"
)

var day = time.Date(2026, 11, 22, 23, 59, 59, 0, time.UTC)

// writePages returns the files of all pages.
func writePages(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, Write(dir, "v1.2.3", day))
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	require.NoError(t, err)
	return pages
}

// TestEveryCommandHasAPage holds every command to what a manual page must say.
func TestEveryCommandHasAPage(t *testing.T) {
	var pages []string
	for _, file := range writePages(t) {
		pages = append(pages, strings.TrimSuffix(filepath.Base(file), ".1"))
	}
	var commands []string
	require.NoError(t, walk(cmd.Commands(), func(c *cobra.Command) error {
		commands = append(commands, pageName(c))
		page := string(newPage(c, footer{"v1.2.3", day}))
		for _, section := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES"} {
			require.Contains(t, page, "\n.SH \""+section+"\"\n", pageName(c))
		}
		require.NotContains(t, page, "Exit codes", pageName(c))
		return nil
	}))
	require.Greater(t, len(commands), 10)
	require.ElementsMatch(t, commands, pages)
}

// TestPagesArePlainASCII is why a page reads the same in every locale.
func TestPagesArePlainASCII(t *testing.T) {
	for _, file := range writePages(t) {
		page, err := os.ReadFile(file)
		require.NoError(t, err)
		for i, b := range page {
			require.True(t, b == '\n' || b >= ' ' && b <= '~', "%s: byte %d is %#x", file, i, b)
		}
	}
}

// TestMandoc asks mandoc what it thinks of the pages.
func TestMandoc(t *testing.T) {
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		t.Skip("mandoc is not on PATH")
	}
	out, err := exec.Command(mandoc, append([]string{"-T", "lint", "-W", "warning"}, writePages(t)...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// TestGroff asks groff, through man, what it thinks of the pages, and whether
// they fit a terminal of 80 columns.
func TestGroff(t *testing.T) {
	man, err := exec.LookPath("man")
	if err != nil || exec.Command(man, "--version").Run() != nil {
		t.Skip("man-db's man is not on PATH")
	}
	for _, file := range writePages(t) {
		show := exec.Command(man, "--warnings", "-l", file)
		show.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH=80", "MAN_KEEP_FORMATTING=", "MANROFFOPT=")
		var stderr strings.Builder
		show.Stderr = &stderr
		out, err := show.Output()
		require.NoError(t, err, stderr.String())
		require.Empty(t, stderr.String(), file)
		for line := range strings.SplitSeq(string(out), "\n") {
			require.LessOrEqual(t, len([]rune(line)), 80, "%s: %q", file, line)
		}
	}
}

func TestProse(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"paragraphs", "One\ntwo.\n\nThree.", "One\ntwo.\n.PP\nThree.\n"},
		{"a request that is none", ".profile is\n'read'", "\\&.profile is\n\\(aqread\\(aq\n"},
		{"what is copied stays what it is", `a\b --c ~/^ "…"`, `a\eb \-\-c \(ti/\(ha \(dq\[u2026]\(dq` + "\n"},
		{"literal lines", "Do:\n\n  a b\n    c", "Do:\n.PP\n.EX\na b\n  c\n.EE\n"},
		{"two columns", "  a b   c d\n  e     f", ".TP\n\\fBa b\\fR\nc d\n.TP\n\\fBe\\fR\nf\n"},
		{"both", "  a   b\n  c", ".TP\n\\fBa\\fR\nb\n.PP\n.EX\nc\n.EE\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var r roff
			r.macro("SH", "X")
			r.prose(tt.text)
			require.Equal(t, ".SH \"X\"\n"+tt.want, r.String())
		})
	}
}

func TestSynopsis(t *testing.T) {
	synopsis := func(c *cobra.Command) string {
		var r roff
		writeSynopsis(&r, c)
		return strings.ReplaceAll(strings.TrimPrefix(r.String(), ".SH \"SYNOPSIS\"\n"), ` [\fIOPTION\fR]\[u2026]`, " O")
	}
	run := func(*cobra.Command, []string) {}
	list := &cobra.Command{Use: "list [NAME]", Run: run}
	drop := &cobra.Command{Use: "drop", Run: run}
	list.AddCommand(drop)
	root := &cobra.Command{Use: "top"}
	root.AddCommand(list)
	require.Equal(t, "\\fBtop\\fR O COMMAND \\[u2026]\n", synopsis(root))
	require.Equal(t, "\\fBtop list\\fR O [NAME]\n.br\n\\fBtop list\\fR O COMMAND \\[u2026]\n", synopsis(list))
	require.Equal(t, "\\fBtop list drop\\fR O\n", synopsis(drop))
}

func TestFold(t *testing.T) {
	require.Equal(t, "short --a --b", fold("short --a --b"))
	long := `gradseal issuer create --id uni.example/registrar --name "University of Example"`
	require.Equal(t, "gradseal issuer create --id uni.example/registrar \\\n    --name \"University of Example\"", fold(long))
	word := strings.Repeat("x", 100)
	require.Equal(t, word, fold(word), "nowhere to fold")
	for line := range strings.SplitSeq(fold("a"+strings.Repeat(" --option", 40)), "\n") {
		require.LessOrEqual(t, len(line), literalWidth)
	}
}

func TestSplitExample(t *testing.T) {
	example, exit := splitExample("  a b\n\nExit codes: 0 done;\n1 an error.")
	require.Equal(t, "  a b", example)
	require.Equal(t, "0 done;\n1 an error.", exit)
}

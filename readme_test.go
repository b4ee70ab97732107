package main

import (
	"bytes"
	"cmp"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// readmeCase says how a line of the README is run where it does not run as it
// stands, and what it must end in.
type readmeCase struct {
	add  string // arguments that answer what the line asks for at a terminal
	skip string // why the line is not run
	exit int
	want string // in what is printed
}

// readmeCases has the lines that are not simply run and must end in 0.
var readmeCases = map[string]readmeCase{
	`go run . demo`:                                                 {want: "What to try next"},
	`go run . anchor testdata/transcripts`:                          {want: "REHEARSAL"},
	`go run . verify --network regtest testdata/transcripts`:        {want: " VALID"},
	`go test ./...`:                                                 {skip: "it is what runs this test"},
	`./gradseal verify testdata/transcripts || echo "exit code $?"`: {want: "exit code 5"},
	`./gradseal issuer create --id uni.example/registrar --name "University of Example"`: {
		add: "--passphrase-file pass.txt --recovery recovery-key.txt", want: "fingerprint"},
	`./gradseal anchor --issuer uni.example/registrar --title "Rehearsal" FOLDER`: {
		add: "--passphrase-file pass.txt", want: "Anchored 2 documents"},
	`./gradseal trust add uni.pack`: {want: "trusted here already"},
	// The one home of this test is on nobody's main network.
	`./gradseal verify transcript.pdf`:                {exit: 5, want: "CANNOT TELL"},
	`./gradseal verify --json inbox/ > results.jsonl`: {exit: 5},
}

// readmeFixtures are the documents that the README speaks of.
var readmeFixtures = []string{"FOLDER/one.pdf", "FOLDER/two.pdf", "transcript.pdf", "inbox/one.pdf", "inbox/two.pdf"}

// TestReadme runs every command of the README, in order, in a copy of this
// repository, with a user whose home directory is empty.
func TestReadme(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the README's commands build the program twice")
	}
	if runtime.GOOS == "windows" {
		t.Skip("the README's commands are for sh")
	}
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	lines := shellLines(readme)
	require.NotEmpty(t, lines)
	dir := copyRepository(t)
	for _, name := range readmeFixtures {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), smallPDF(name), 0o666))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pass.txt"), []byte("correct horse battery\n"), 0o600))
	env := emptyUser(t)
	seen := make(map[string]bool)
	for _, line := range lines {
		seen[line] = true
		runReadmeLine(t, dir, env, line, readmeCases[line])
	}
	for line := range readmeCases {
		require.True(t, seen[line], "the README has no line %q any more", line)
	}
	results, err := os.ReadFile(filepath.Join(dir, "results.jsonl"))
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(string(results), `"verdict":`))
}

func runReadmeLine(t *testing.T, dir string, env []string, line string, c readmeCase) {
	t.Helper()
	if c.skip != "" {
		t.Logf("$ %s\nnot run: %s", line, c.skip)
		return
	}
	cmd := exec.Command("sh", "-c", strings.TrimSpace(line+" "+c.add))
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	t.Logf("$ %s\n%s", line, out)
	exit := 0
	var exitErr *exec.ExitError
	if errors.As(err, &exitErr) {
		exit = exitErr.ExitCode()
	} else {
		require.NoError(t, err)
	}
	require.Equal(t, c.exit, exit, "%s\n%s", line, out)
	require.Contains(t, string(out), c.want, line)
}

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// shellLines returns the lines of all blocks that are marked as shell commands.
func shellLines(readme []byte) []string {
	var lines []string
	for _, block := range shellBlock.FindAllSubmatch(readme, -1) {
		for line := range strings.Lines(string(block[1])) {
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// copyRepository copies what git has, or would add, to a new directory.
func copyRepository(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Skipf("git ls-files, which says what belongs to the repository: %v", err)
	}
	dir := t.TempDir()
	for name := range bytes.SplitSeq(bytes.TrimSuffix(out, []byte{0}), []byte{0}) {
		data, err := os.ReadFile(string(name))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed, and not committed yet
		}
		require.NoError(t, err)
		path := filepath.Join(dir, string(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, data, 0o666))
	}
	return dir
}

// emptyUser is the environment of a user with an empty home directory, and
// with the caches of this one's Go.
func emptyUser(t *testing.T) []string {
	t.Helper()
	env := append(cleanEnvironment(), "HOME="+t.TempDir())
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		value, err := exec.Command("go", "env", name).Output()
		require.NoError(t, err)
		env = append(env, name+"="+strings.TrimSpace(string(value)))
	}
	return env
}

// cleanEnvironment is this process's, without what would lead gradseal to
// another home than that of the user.
func cleanEnvironment() []string {
	var env []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "GRADSEAL_") && name != "XDG_DATA_HOME" && name != "HOME" {
			env = append(env, pair)
		}
	}
	return env
}

// TestReadmeLinks looks whether what the README points to is there.
func TestReadmeLinks(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	links := regexp.MustCompile(`\]\(([^):#]+)`).FindAllSubmatch(readme, -1)
	require.NotEmpty(t, links)
	for _, link := range links {
		_, err := os.Stat(filepath.FromSlash(cmp.Or(string(link[1]), "missing")))
		require.NoError(t, err)
	}
}

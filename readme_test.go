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
	before string // a line that makes what only a person could bring
	add    string // arguments that answer what the line asks for at a terminal
	skip   string // why the line is not run
	exit   int
	want   string // in what is printed
}

// readmeCases has the lines that are not simply run and must end in 0.
var readmeCases = map[string]readmeCase{
	`go run . demo`:                                          {want: "What to try next"},
	`go run . anchor testdata/transcripts`:                   {want: "REHEARSAL"},
	`go run . verify --network regtest testdata/transcripts`: {want: " VALID"},
	`go test ./...`:                                          {skip: "it is what runs this test"},
	`go run ./internal/dist`:                                 {skip: ".ci/run builds it twice"},
	`./gradseal anchor --dry-run --manifest graduates.csv transcripts/`: {
		exit: 1, want: "2 faults found, and nothing was signed"},
	`./gradseal anchor --dry-run --skip-refused --manifest graduates.csv transcripts/`: {want: "Nothing was written"},
	`./gradseal anchor --skip-refused --manifest graduates.csv --title "Rehearsal" transcripts/`: {
		want: "Anchored 2 documents"},
	`./gradseal verify --network regtest transcripts/`: {exit: 5, want: "2 VALID"}, // the broken files have no proof
	`./gradseal batches`: {want: "Rehearsal"},
	`./gradseal issuer create --id uni.example/registrar --name "University of Example"`: {
		add: "--passphrase-file pass.txt --recovery recovery-key.txt", want: "fingerprint"},
	`./gradseal anchor --issuer uni.example/registrar --replace-test-proofs --skip-refused --manifest graduates.csv --title "Summer 2026" transcripts/`: {
		add: "--passphrase-file pass.txt", want: "Anchored 2 documents"},
	`./gradseal trust add uni.pack`: {want: "trusted here already"},
	// The one home of this test is on nobody's main network.
	`./gradseal verify transcript.pdf`:                      {exit: 5, want: "CANNOT TELL"},
	`./gradseal verify --json inbox/ > results.jsonl`:       {exit: 5},
	`./gradseal verify inbox/ --csv verdicts.csv`:           {exit: 5, want: "2 documents: 2 CANNOT TELL"},
	`./gradseal verify --report report.html transcript.pdf`: {exit: 5},
	`./gradseal page --network regtest -o rehearsal.html`:   {want: "Wrote rehearsal.html"},
	`./gradseal page --trust uni.pack -o verify.html`:       {want: "University of Example"},
	`./gradseal page -o verify.html`:                        {want: "University of Example"},
	// The broken files have no proof and are left out.
	`./gradseal embed transcripts/ -o to-send/`:                {exit: 1, want: "2 of 4 PDFs were left out"},
	`./gradseal embed transcripts/2022110417.pdf`:              {want: "Wrote transcripts/2022110417-with-proof.pdf"},
	`./gradseal extract transcripts/2022110417-with-proof.pdf`: {want: "2022110417.pdf.proof.json"},
	`./gradseal qr transcripts/2022110417.pdf -o codes.png`:    {want: "Wrote codes.png"},
	// The photograph is the picture that was to be printed.
	`./gradseal verify --qr photo.png transcripts/2022110417.pdf`: {before: "cp codes.png photo.png", exit: 5, want: "document   ok"},
	`./gradseal verify transcripts/ || echo "exit code $?"`:       {want: "exit code 5"},
	`./gradseal export --to ots transcripts/`:                     {want: "Wrote 2 files"},
	`./gradseal inspect transcripts/2022110417.pdf.ots`:           {want: "Bitcoin block"},
	`./gradseal verify --network regtest transcripts/2022110417.pdf --ots transcripts/2022110417.pdf.ots || echo "exit code $?"`: {
		want: "it existed no later than"},
	`python3 testdata/vectors/verifier.py`: {want: "vectors, 0 differ"},
}

// readmeFixtures are the files that the README speaks of: its list, with a BOM
// as Excel writes it, two documents of it in order and two that are not.
var readmeFixtures = map[string][]byte{
	"graduates.csv": []byte("\ufefffile,name,email\r\n" +
		"2022110417.pdf,林知遥,lin@uni.example\r\n" +
		"2022110418.pdf,Zoë Okafor,zoe@uni.example\r\n" +
		"2022110419.pdf,Jürg Brändli,jurg@uni.example\r\n" +
		"2022110420.pdf,\"Okafor, Ada\",ada@uni.example\r\n"),
	"transcripts/2022110417.pdf": smallPDF("2022110417"),
	"transcripts/2022110418.pdf": smallPDF("2022110418"),
	"transcripts/2022110419.pdf": {},
	"transcripts/2022110420.pdf": []byte("<!DOCTYPE html><title>Session expired</title>"),
	"transcript.pdf":             smallPDF("transcript"),
	"inbox/one.pdf":              smallPDF("one"),
	"inbox/two.pdf":              smallPDF("two"),
	"pass.txt":                   []byte("correct horse battery\n"),
}

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
	for name, data := range readmeFixtures {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
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
	table, err := os.ReadFile(filepath.Join(dir, "graduates.proofs.csv"))
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(string(table), "\r\n"), "a header row and two documents")
	for _, name := range []string{"rehearsal.html", "verify.html", "report.html", "verdicts.csv", "to-send/2022110418.pdf", "uni.pack"} {
		require.FileExists(t, filepath.Join(dir, filepath.FromSlash(name)))
	}
}

// TestReadmeInChinese holds the Chinese README to the commands of the English
// one, in the same order.
func TestReadmeInChinese(t *testing.T) {
	english, err := os.ReadFile("README.md")
	require.NoError(t, err)
	chinese, err := os.ReadFile("README.zh.md")
	require.NoError(t, err)
	require.Equal(t, shellLines(english), shellLines(chinese))
}

func runReadmeLine(t *testing.T, dir string, env []string, line string, c readmeCase) {
	t.Helper()
	if c.skip != "" {
		t.Logf("$ %s\nnot run: %s", line, c.skip)
		return
	}
	line = strings.TrimSpace(line + " " + c.add)
	if c.before != "" {
		line = c.before + " && " + line
	}
	cmd := exec.Command("sh", "-c", line)
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
	for _, name := range []string{"README.md", "README.zh.md"} {
		readme, err := os.ReadFile(name)
		require.NoError(t, err)
		links := regexp.MustCompile(`\]\(([^):#]+)[)#]`).FindAllSubmatch(readme, -1)
		require.NotEmpty(t, links)
		for _, link := range links {
			_, err := os.Stat(filepath.FromSlash(cmp.Or(string(link[1]), "missing")))
			require.NoError(t, err)
		}
	}
}

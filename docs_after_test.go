package main

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// afterCases has the lines of docs/after.md that ask something at a terminal, or
// do not end in 0. Keys without a passphrase are faster, and sign for regtest.
var afterCases = map[string]readmeCase{
	`./gradseal issuer create --id uni.example/registrar --name "University of Example"`: {
		add: "--unsafe-no-passphrase --no-recovery", want: "fingerprint"},
	`./gradseal anchor --title "Summer 2026" transcripts/`:                        {want: "Anchored 3 documents"},
	`./gradseal withdraw transcripts/2022110417.pdf --reason issued-in-error`:     {add: "--yes", want: "Withdrew 1 document"},
	`./gradseal replace transcripts/2022110418.pdf corrected/2022110418.pdf`:      {add: "--yes", want: "Withdrew transcripts/2022110418.pdf"},
	`./gradseal --home dean trust add public/uni.example_registrar.pack`:          {add: `--fingerprint "$(./gradseal issuer show | sed -n 's/.*fingerprint *//p')"`, want: "Added"},
	`./gradseal --home dean approve uni.example_registrar-issuer-2.request`:       {add: "--yes", want: "2 of 2 must sign"},
	`./gradseal --home dean approve uni.example_registrar-regtest-list-4.request`: {add: "--yes", want: "Signed"},
	`./gradseal approve uni.example_registrar-issuer-2.approval`:                  {want: "in force now"},
	`./gradseal --home dean issuer key --id uni.example/registrar --holder "Dean of Studies" -o dean.key.pub`: {
		add: "--unsafe-no-passphrase", want: "fingerprint"},
	`./gradseal issuer rotate --officer dean.key.pub --threshold 2`:                         {add: "--unsafe-no-passphrase", want: "waits for 1 more signature"},
	`./gradseal anchor --request autumn.request --title "Autumn 2026" autumn/`:              {want: "waits for 1 more signature"},
	`./gradseal --home dean approve autumn.request autumn/ -o autumn.approval`:              {add: "--yes", want: "as this machine computed it"},
	`./gradseal anchor --title "Autumn 2026" autumn/`:                                       {want: "Anchored 1 document"},
	`./gradseal verify --network regtest transcripts/2022110417.pdf || echo "exit code $?"`: {want: "exit code 6"},
	`./gradseal forget transcripts/2022110417.pdf`:                                          {add: "--yes", want: "Forgot"},
	`./gradseal backup -o gradseal.backup`:                                                  {add: "--passphrase-file pass.txt", want: "Wrote gradseal.backup"},
	`./gradseal --home elsewhere restore gradseal.backup`:                                   {add: "--passphrase-file pass.txt", want: "Restored"},
	`./gradseal audit --network regtest || echo "exit code $?"`:                             {want: "Batches on disk, journal and status lists agree"},
	`./gradseal journal verify`:                                                             {want: "each follows the one before"},
	`./gradseal journal show`:                                                               {want: "forgotten"},
}

// TestAfterTheBatch runs every command of docs/after.md, in order, in an empty
// directory, with a user whose home directory is empty.
func TestAfterTheBatch(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: two passphrases take seconds")
	}
	if runtime.GOOS == "windows" {
		t.Skip("the page's commands are for sh")
	}
	page, err := os.ReadFile(filepath.Join("docs", "after.md"))
	require.NoError(t, err)
	lines := shellLines(page)
	require.NotEmpty(t, lines)
	dir := t.TempDir()
	require.NoError(t, os.Symlink(builtProgram(t), filepath.Join(dir, "gradseal")))
	for name, data := range map[string][]byte{
		"transcripts/2022110417.pdf": smallPDF("2022110417"),
		"transcripts/2022110418.pdf": smallPDF("2022110418"),
		"transcripts/2022110419.pdf": smallPDF("2022110419"),
		"corrected/2022110418.pdf":   smallPDF("2022110418, corrected"),
		"autumn/2022110420.pdf":      smallPDF("2022110420"),
		"pass.txt":                   readmeFixtures["pass.txt"],
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	env := emptyUser(t)
	seen := make(map[string]bool)
	for _, line := range lines {
		seen[line] = true
		runReadmeLine(t, dir, env, line, afterCases[line])
	}
	for line := range afterCases {
		require.True(t, seen[line], "the page has no line %q any more", line)
	}
	// What is indented is not run: its commands and flags have to be there.
	for _, match := range regexp.MustCompile("(?m)^    gradseal (.*)$").FindAllSubmatch(page, -1) {
		runReadmeLine(t, dir, env, "./gradseal "+string(match[1])+" --help", readmeCase{want: "Usage:"})
	}
}

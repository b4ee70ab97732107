package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/semver"

	"gradseal/internal/gotool"
)

func TestDebianVersion(t *testing.T) {
	for version, want := range map[string]string{
		"v1.2.3":                             "1.2.3",
		"v1.2.3-rc.1":                        "1.2.3~rc.1",
		"v1.2.3-a-b+c-d":                     "1.2.3~a.b+c.d",
		"v0.0.0-20261122193142-bc2af0712fe1": "0.0.0~20261122193142.bc2af0712fe1",
		"v0.0.0-20261122193142-bc2af0712fe1+dirty": "0.0.0~20261122193142.bc2af0712fe1+dirty",
	} {
		require.Equal(t, want, stamp{version: version}.debian(), version)
	}
}

// TestDebianOrder asks dpkg whether its order of versions is that of the
// semantic versions.
func TestDebianOrder(t *testing.T) {
	dpkg, err := exec.LookPath("dpkg")
	if err != nil {
		t.Skip("dpkg is not on PATH")
	}
	versions := []string{
		"v0.0.0-20261122193142-bc2af0712fe1", "v0.0.0-20261123000000-000000000000", "v0.1.0-rc.1", "v0.1.0-rc.2", "v0.1.0",
		"v0.1.1-0.20261122193142-bc2af0712fe1", "v0.1.1", "v0.1.10",
	}
	for i, newer := range versions[1:] {
		older := versions[i]
		require.Negative(t, semver.Compare(older, newer))
		out, err := exec.Command(dpkg, "--compare-versions", stamp{version: older}.debian(), "lt", stamp{version: newer}.debian()).CombinedOutput()
		require.NoError(t, err, "%s, %s: %s", older, newer, out)
		require.Empty(t, string(out))
	}
}

func TestStampThatIsTold(t *testing.T) {
	s, err := newStamp("v1.2.3", t.TempDir(), "1795375902")
	require.NoError(t, err)
	require.Equal(t, stamp{told: "v1.2.3", version: "v1.2.3", time: time.Date(2026, 11, 22, 19, 31, 42, 0, time.UTC)}, s)

	s, err = newStamp("v0.0.0-20261122193142-bc2af0712fe1", t.TempDir(), "")
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 11, 22, 19, 31, 42, 0, time.UTC), s.time)

	for _, tt := range []struct{ version, epoch, want string }{
		{"", "1", "is no git checkout: tell the version with -version v1.2.3"},
		{"1.2.3", "1", `-version: "1.2.3", want one like v1.2.3 or v1.2.3-rc.1`},
		{"v1.2", "1", `-version: "v1.2", want`},
		{"v1.2.3 -X main.a=b", "1", "-version: "},
		{"v1.2.3", "", "set SOURCE_DATE_EPOCH"},
		{"v1.2.3", "-1", `SOURCE_DATE_EPOCH: "-1", want seconds since 1970`},
		{"v1.2.3", "today", `SOURCE_DATE_EPOCH: "today"`},
	} {
		_, err := newStamp(tt.version, t.TempDir(), tt.epoch)
		require.ErrorContains(t, err, tt.want)
	}
}

// TestStampOfCommit builds a program of one line in repositories of its own.
func TestStampOfCommit(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "go.mod", "module gradseal\n\ngo 1.26.0\n")
	write(t, dir, "main.go", "package main\n\nfunc main() {}\n")
	git(t, dir, "init", "-q")
	git(t, dir, "add", ".")
	git(t, dir, "commit", "-q", "-m", "one")
	tools := newTestToolchain(t, dir)
	head := git(t, dir, "rev-parse", "--short=12", "HEAD")
	build := func(s stamp) stamp {
		t.Helper()
		program := filepath.Join(t.TempDir(), "program")
		require.NoError(t, tools.build(t.Context(), platform{runtime.GOOS, runtime.GOARCH}, s, program))
		if s.told == "" {
			require.NoError(t, s.read(program))
		} else {
			require.ErrorContains(t, s.read(program), "has found no commit")
		}
		return s
	}
	at := time.Date(2026, 11, 22, 19, 31, 42, 0, time.UTC)
	want := stamp{version: "v0.0.0-20261122193142-" + head, time: at}
	require.Equal(t, want, build(stamp{}))

	// The output as it grows is no change of the tree.
	enough := errors.New("enough")
	require.ErrorIs(t, replace(filepath.Join(dir, "out"), func(fresh string) error {
		write(t, fresh, "file", "")
		require.Equal(t, want, build(stamp{}))
		return enough
	}), enough)

	write(t, dir, "new.txt", "")
	require.Equal(t, stamp{version: want.version + "+dirty", time: at, dirty: true}, build(stamp{}))

	told := stamp{told: "v1.2.3", version: "v1.2.3", time: at}
	require.Equal(t, told, build(told))
}

func TestChoose(t *testing.T) {
	all, err := choose("")
	require.NoError(t, err)
	require.Equal(t, platforms, all)
	one, err := choose("windows/arm64")
	require.NoError(t, err)
	require.Equal(t, []platform{{"windows", "arm64"}}, one)
	_, err = choose("plan9/386")
	require.EqualError(t, err, `-only: unknown platform "plan9/386", want one of [linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64]`)
}

func TestReplace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dist")
	fill := func(name, content string) func(string) error {
		return func(dir string) error {
			write(t, dir, name, content)
			return writeSums(dir)
		}
	}
	require.NoError(t, replace(dir, fill("man/a.1", "one")))
	require.NoError(t, replace(dir, fill("b", "two")))
	names, err := listFiles(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"SHA256SUMS", "b"}, names, "nothing of the old one is left")

	failed := errors.New("no space left")
	require.ErrorIs(t, replace(dir, func(dir string) error {
		write(t, dir, "c", "three")
		return failed
	}), failed)
	data, err := os.ReadFile(filepath.Join(dir, "b"))
	require.NoError(t, err)
	require.Equal(t, "two", string(data), "the old one stays")

	// What arrives while the new one is being written is not lost.
	err = replace(dir, func(fresh string) error {
		write(t, dir, "SHA256SUMS.asc", "a signature")
		return fill("d", "four")(fresh)
	})
	require.ErrorContains(t, err, "SHA256SUMS.asc is not in SHA256SUMS: it was not replaced")
	require.FileExists(t, filepath.Join(dir, "SHA256SUMS.asc"))

	left, err := os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary directory is left")
}

func TestReplaceRefuses(t *testing.T) {
	const sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for name, tt := range map[string]struct {
		make func(dir string)
		want string
	}{
		"a file":         {func(dir string) { write(t, filepath.Dir(dir), "dist", "") }, "is not a directory"},
		"a link":         {func(dir string) { require.NoError(t, os.Symlink(t.TempDir(), dir)) }, "is not a directory"},
		"empty":          {func(dir string) { require.NoError(t, os.Mkdir(dir, 0o777)) }, "has no SHA256SUMS"},
		"no sums":        {func(dir string) { write(t, dir, "thesis.tex", "") }, "has no SHA256SUMS"},
		"a file more":    {func(dir string) { write(t, dir, sumsName, sum+"  a\n"); write(t, dir, "sub/b", "") }, "sub/b is not in SHA256SUMS"},
		"sums of others": {func(dir string) { write(t, dir, sumsName, "SHA256 (a) = "+sum+"\n") }, "malformed line"},
		"short sums":     {func(dir string) { write(t, dir, sumsName, "e3b0  a\n"); write(t, dir, "a", "") }, "malformed line"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "dist")
			tt.make(dir)
			err := replace(dir, func(string) error { panic("it was to be refused first") })
			require.ErrorContains(t, err, tt.want)
			_, err = os.Lstat(dir)
			require.NoError(t, err)
		})
	}
}

// TestSums has coreutils check what was written.
func TestSums(t *testing.T) {
	tool, err := exec.LookPath("sha256sum")
	if err != nil {
		t.Skip("sha256sum is not on PATH")
	}
	dir := t.TempDir()
	write(t, dir, "b", "two")
	write(t, dir, "a/1", "one")
	require.NoError(t, writeSums(dir))
	check := func() error {
		cmd := exec.Command(tool, "--strict", "-c", sumsName)
		cmd.Dir = dir
		return cmd.Run()
	}
	require.NoError(t, check())
	sums, err := readSums(filepath.Join(dir, sumsName))
	require.NoError(t, err)
	require.Len(t, sums, 2)
	write(t, dir, "a/1", "One")
	require.Error(t, check())
}

func TestLicences(t *testing.T) {
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	write(t, dirs[0], "LICENSE", "do as you like\n")
	write(t, dirs[1], "LICENSE.txt", "do as you like\r\n")
	write(t, dirs[1], "NOTICE", "thanks")
	write(t, dirs[2], "license.go", "package license")
	text, err := licences([]dependency{{"a.example/a", "v1.0.0", dirs[0]}, {"b.example/b", "v2.0.0", dirs[1]}})
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(text), "do as you like"))
	require.Contains(t, string(text), "\na.example/a v1.0.0 (LICENSE)\nb.example/b v2.0.0 (LICENSE.txt):\n\ndo as you like\n")
	require.Contains(t, string(text), "\nb.example/b v2.0.0 (NOTICE):\n\nthanks\n")

	_, err = licences([]dependency{{"c.example/c", "v3.0.0", dirs[2]}})
	require.EqualError(t, err, "c.example/c v3.0.0: has no licence file, so it may not be given out")
}

// TestLicencesOfTheProgram wants a licence of every module that is linked in,
// and that what is said of Go's own is true.
func TestLicencesOfTheProgram(t *testing.T) {
	tools := newTestToolchain(t, filepath.Join("..", ".."))
	modules, err := tools.modules(t.Context())
	require.NoError(t, err)
	var paths []string
	for _, m := range modules {
		paths = append(paths, m.path)
		if m.path == likeGo {
			if own, err := os.ReadFile(filepath.Join(runtimeRoot(t), "LICENSE")); err == nil {
				theirs, err := os.ReadFile(filepath.Join(m.dir, "LICENSE"))
				require.NoError(t, err)
				require.Equal(t, string(own), string(theirs))
			}
		}
	}
	require.Contains(t, paths, likeGo)
	require.Contains(t, paths, "github.com/spf13/cobra")
	require.Contains(t, paths, "github.com/inconshreveable/mousetrap", "linked in on Windows only")
	require.NotContains(t, paths, "github.com/stretchr/testify")
	text, err := licences(modules)
	require.NoError(t, err)
	require.Contains(t, string(text), "the standard library and the runtime of Go")
}

// TestStage has what a package holds, and how nfpm is told.
func TestStage(t *testing.T) {
	root, dir, stage := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "stage")
	for _, name := range []string{
		"README.md", "README.zh.md", "config.example.yaml", "docs/format.md", "docs/mail/README.md", "docs/docs_test.go",
		"packaging/copyright", "packaging/lintian-overrides",
	} {
		write(t, root, name, name)
	}
	write(t, root, "packaging/nfpm.yaml", "name: gradseal\n")
	write(t, dir, licencesName, "texts")
	write(t, dir, "man/gradseal.1", "a page")
	require.NoError(t, writeCompletions(filepath.Join(dir, completionsName)))
	w := &writer{
		toolchain: &toolchain{&gotool.Toolchain{Root: root}}, dir: dir,
		stamp: stamp{version: "v1.2.3-rc.1", time: time.Date(2026, 11, 22, 19, 31, 42, 0, time.UTC)},
	}
	require.NoError(t, w.stageTexts(stage))
	write(t, stage, programPath, "the program")
	names, err := listFiles(stage)
	require.NoError(t, err)
	const doc = "usr/share/doc/gradseal/"
	require.Equal(t, []string{
		"usr/bin/gradseal",
		"usr/share/bash-completion/completions/gradseal",
		doc + "README.md", doc + "README.zh.md", doc + "THIRD-PARTY-LICENSES.txt", doc + "changelog.gz",
		doc + "config.example.yaml", doc + "copyright", doc + "docs/format.md", doc + "docs/mail/README.md",
		"usr/share/fish/vendor_completions.d/gradseal.fish",
		"usr/share/lintian/overrides/gradseal",
		"usr/share/man/man1/gradseal.1.gz",
		"usr/share/zsh/vendor-completions/_gradseal",
	}, names)
	mail, err := os.ReadFile(filepath.Join(stage, doc, "docs", "mail", "README.md"))
	require.NoError(t, err)
	require.Equal(t, "docs/mail/README.md", string(mail))

	config := filepath.Join(t.TempDir(), "nfpm.yaml")
	require.NoError(t, w.writeConfig(stage, config))
	data, err := os.ReadFile(config)
	require.NoError(t, err)
	var parsed struct {
		Name     string
		Contents []struct {
			Src, Dst string
			FileInfo struct{ Mode int } `yaml:"file_info"`
		}
	}
	require.NoError(t, yaml.Unmarshal(data, &parsed))
	require.Equal(t, "gradseal", parsed.Name)
	require.Len(t, parsed.Contents, len(names))
	for i, c := range parsed.Contents {
		require.Equal(t, names[i], c.Src)
		require.Equal(t, "/"+names[i], c.Dst)
		require.Equal(t, i == 0, c.FileInfo.Mode == 0o755, c.Src)
	}
}

func TestChangelog(t *testing.T) {
	s := stamp{version: "v1.2.3-rc.1", time: time.Date(2026, 11, 22, 19, 31, 42, 0, time.UTC)}
	require.Equal(t, "gradseal (1.2.3~rc.1) unstable; urgency=medium\n\n  * The sources of gradseal v1.2.3-rc.1.\n\n"+
		" -- gradseal maintainers <maintainers@gradseal.example>  Sun, 22 Nov 2026 19:31:42 +0000\n", string(s.changelog()))
}

// TestCompletions has bash read its script.
func TestCompletions(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not on PATH")
	}
	dir := filepath.Join(t.TempDir(), "completions")
	require.NoError(t, writeCompletions(dir))
	out, err := exec.Command(bash, "-c", `source "$1" && complete -p gradseal`, "bash", filepath.Join(dir, "gradseal")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "__start_gradseal gradseal")
}

func newTestToolchain(t *testing.T, dir string) *toolchain {
	t.Helper()
	tools, err := gotool.New(t.Context(), dir)
	require.NoError(t, err)
	return &toolchain{tools}
}

func runtimeRoot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o777))
	require.NoError(t, os.WriteFile(file, []byte(content), 0o666))
}

// git runs git as somebody, at a time, without the settings of this user.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	const at = "2026-11-22T20:31:42+01:00"
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_AUTHOR_DATE="+at, "GIT_COMMITTER_DATE="+at,
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@uni.example", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@uni.example")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

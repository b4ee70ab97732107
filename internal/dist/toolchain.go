package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// modulePath is the module that this command builds.
const modulePath = "gradseal"

// platform is what GOOS and GOARCH call a system and a machine.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "/" + p.arch }

// platforms are those that the program is given out for.
var platforms = []platform{
	{"linux", "amd64"}, {"linux", "arm64"},
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
}

// choose returns the named platform, or all where none is named.
func choose(name string) ([]platform, error) {
	if name == "" {
		return platforms, nil
	}
	for _, p := range platforms {
		if p.String() == name {
			return []platform{p}, nil
		}
	}
	return nil, fmt.Errorf("-only: unknown platform %q, want one of %v", name, platforms)
}

// toolchain is the go command, away from what a user has set for it.
type toolchain struct {
	root string // of the module: its go.mod lies there
	env  []string
}

// kept are the settings of the go command that say where things come from and
// where they are cached. All others could change what is built: GOFLAGS,
// GOAMD64, GOEXPERIMENT and so on.
var kept = []string{
	"GOAUTH", "GOCACHE", "GOINSECURE", "GOMODCACHE", "GONOPROXY", "GONOSUMDB", "GOPATH", "GOPRIVATE",
	"GOPROXY", "GOSUMDB", "GOTMPDIR", "GOTOOLCHAIN", "GOVCS",
}

func newToolchain(ctx context.Context) (*toolchain, error) {
	out, err := output(exec.CommandContext(ctx, "go", "env", "-json"))
	if err != nil {
		return nil, err
	}
	var settings map[string]string
	if err := json.Unmarshal(out, &settings); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	t := &toolchain{env: cleanEnvironment(os.Environ(), settings)}
	out, err = output(t.command(ctx, "list", "-m", "-f", "{{.Path}} {{.Dir}}"))
	if err != nil {
		return nil, err
	}
	path, dir, _ := strings.Cut(strings.TrimSuffix(string(out), "\n"), " ")
	if path != modulePath || dir == "" {
		return nil, fmt.Errorf("this is module %q: run it in a checkout of %s", path, modulePath)
	}
	t.root = dir
	return t, nil
}

// cleanEnvironment takes every setting of the go command out of environ, and
// puts back those that are kept. GOENV=off keeps the user's settings file out.
func cleanEnvironment(environ []string, settings map[string]string) []string {
	env := slices.DeleteFunc(slices.Clone(environ), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		_, ok := settings[name]
		return ok
	})
	for _, name := range kept {
		if value := settings[name]; value != "" {
			env = append(env, name+"="+value)
		}
	}
	return append(env, "GOENV=off", "GOWORK=off", "CGO_ENABLED=0")
}

// command returns a go command in the module's root.
func (t *toolchain) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = t.root
	cmd.Env = slices.Clone(t.env)
	return cmd
}

// build compiles the program for p to file.
func (t *toolchain) build(ctx context.Context, p platform, s stamp, file string) error {
	flags := "-s -w" // neither symbols nor DWARF: 29 % of the size; a panic needs neither
	if s.told != "" {
		flags += " -X " + modulePath + "/cmd.release=" + s.told
	}
	cmd := t.command(ctx, "build", "-mod=readonly", "-trimpath", fmt.Sprintf("-buildvcs=%t", s.told == ""), "-ldflags="+flags, "-o", file, ".")
	cmd.Env = append(cmd.Env, "GOOS="+p.os, "GOARCH="+p.arch)
	_, err := output(cmd)
	return err
}

// modules returns the modules that the program is linked from on any platform,
// this one excepted, in order and with the directories of their sources.
func (t *toolchain) modules(ctx context.Context) ([]dependency, error) {
	seen := make(map[dependency]bool)
	for _, p := range platforms {
		cmd := t.command(ctx, "list", "-mod=readonly", "-deps", "-f", "{{with .Module}}{{.Path}} {{.Version}} {{.Dir}}{{end}}", ".")
		cmd.Env = append(cmd.Env, "GOOS="+p.os, "GOARCH="+p.arch)
		out, err := output(cmd)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(out)) {
			f := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 3)
			if len(f) == 3 && f[0] != modulePath {
				seen[dependency{path: f[0], version: f[1], dir: f[2]}] = true
			}
		}
	}
	all := make([]dependency, 0, len(seen))
	for m := range seen {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b dependency) int { return cmp.Compare(a.path, b.path) })
	return all, nil
}

// install builds another module's command, at the version named, into dir.
func (t *toolchain) install(ctx context.Context, pkg, dir string) (string, error) {
	cmd := t.command(ctx, "install", pkg)
	cmd.Env = append(cmd.Env, "GOBIN="+dir)
	if _, err := output(cmd); err != nil {
		return "", err
	}
	name, _, _ := strings.Cut(pkg, "@")
	return filepath.Join(dir, filepath.Base(name)), nil
}

// output runs cmd and returns what it prints. Its error holds what cmd said.
func output(cmd *exec.Cmd) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.Bytes(), nil
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gradseal/internal/gotool"
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

// toolchain is the go command for this module.
type toolchain struct{ *gotool.Toolchain }

// build compiles the program for p to file.
func (t *toolchain) build(ctx context.Context, p platform, s stamp, file string) error {
	flags := "-s -w" // neither symbols nor DWARF: 29 % of the size; a panic needs neither
	if s.told != "" {
		flags += " -X " + modulePath + "/cmd.release=" + s.told
	}
	cmd := t.Command(ctx, "build", "-mod=readonly", "-trimpath", fmt.Sprintf("-buildvcs=%t", s.told == ""), "-ldflags="+flags, "-o", file, ".")
	cmd.Env = append(cmd.Env, "GOOS="+p.os, "GOARCH="+p.arch)
	_, err := gotool.Output(cmd)
	return err
}

// modules returns the modules that the program is linked from on any platform,
// this one excepted, in order and with the directories of their sources.
func (t *toolchain) modules(ctx context.Context) ([]dependency, error) {
	seen := make(map[dependency]bool)
	for _, p := range platforms {
		cmd := t.Command(ctx, "list", "-mod=readonly", "-deps", "-f", "{{with .Module}}{{.Path}} {{.Version}} {{.Dir}}{{end}}", ".")
		cmd.Env = append(cmd.Env, "GOOS="+p.os, "GOARCH="+p.arch)
		out, err := gotool.Output(cmd)
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
	cmd := t.Command(ctx, "install", pkg)
	cmd.Env = append(cmd.Env, "GOBIN="+dir)
	if _, err := gotool.Output(cmd); err != nil {
		return "", err
	}
	name, _, _ := strings.Cut(pkg, "@")
	return filepath.Join(dir, filepath.Base(name)), nil
}

// Package gotool runs the go command for what this project makes of itself, away
// from what a user has set for it: the same sources and the same release of Go
// give the same bytes, wherever and by whomever they are built.
package gotool

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// module is the module that is built.
const module = "gradseal"

// Toolchain is the go command for a checkout of this module.
type Toolchain struct {
	Root string // of the module: its go.mod lies there
	env  []string
}

// kept are the settings of the go command that say where things come from and
// where they are cached. All others could change what is built: GOFLAGS,
// GOAMD64, GOEXPERIMENT and so on.
var kept = []string{
	"GOAUTH", "GOCACHE", "GOINSECURE", "GOMODCACHE", "GONOPROXY", "GONOSUMDB", "GOPATH", "GOPRIVATE",
	"GOPROXY", "GOSUMDB", "GOTMPDIR", "GOTOOLCHAIN", "GOVCS",
}

// New finds the go command, and the module that dir lies in.
func New(ctx context.Context, dir string) (*Toolchain, error) {
	find := exec.CommandContext(ctx, "go", "env", "-json")
	find.Dir = dir
	out, err := Output(find)
	if err != nil {
		return nil, err
	}
	var settings map[string]string
	if err := json.Unmarshal(out, &settings); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	t := &Toolchain{Root: dir, env: cleanEnvironment(os.Environ(), settings)}
	out, err = Output(t.Command(ctx, "list", "-m", "-f", "{{.Path}} {{.Dir}}"))
	if err != nil {
		return nil, err
	}
	path, root, _ := strings.Cut(strings.TrimSuffix(string(out), "\n"), " ")
	if path != module || root == "" {
		return nil, fmt.Errorf("this is module %q: run it in a checkout of %s", path, module)
	}
	t.Root = root
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

// Command returns a go command in the module's root.
func (t *Toolchain) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = t.Root
	cmd.Env = slices.Clone(t.env)
	return cmd
}

// Output runs cmd and returns what it prints. Its error holds what cmd said.
func Output(cmd *exec.Cmd) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.Bytes(), nil
}

package verify_test

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "gradseal"

// offline is what the packages that verify is made of must not reach, besides
// all that begins with an element of offlineBelow.
var (
	offline = []string{
		"net", "net/http", "os/exec", "crypto/tls", "plugin", "net/rpc", "log/syslog",
		module + "/batch", module + "/cmd", module + "/keys", module + "/journal", module,
	}
	offlineBelow = []string{
		"github.com/spf13/", "filippo.io/", "github.com/btcsuite/", "github.com/miekg/",
		module + "/anchor", module + "/objects",
	}
)

// dependencies are the packages of other people's modules that verify is built
// from. A sceptic reads them too: one more is a decision, not an accident.
// The others are for operations of OpenTimestamps that the standard library
// does not have.
var dependencies = []string{
	"golang.org/x/mod/sumdb/note",
	"golang.org/x/crypto/ripemd160",
	"golang.org/x/crypto/sha3", "golang.org/x/sys/cpu",
}

// mayOpenSockets are the packages that may reach package net: what spends money
// or talks to nodes, what talks to object stores, what puts it all together, and nine tools, which none of
// the others import: one makes samples, one what is given out, one measures, one
// takes pictures of a browser, four are for tests and start nodes or a browser,
// serve what a node has or are a calendar.
func mayOpenSockets(pkg string) bool {
	return pkg == module || isBelow(pkg, module+"/cmd") || isBelow(pkg, module+"/anchor") || isBelow(pkg, module+"/objects") ||
		slices.Contains(tools, pkg)
}

var tools = []string{
	module + "/internal/transcripts", module + "/internal/dist", module + "/internal/testnode", module + "/internal/esploratest",
	module + "/internal/calendartest", module + "/internal/bench", module + "/internal/synthetic", module + "/internal/browser",
	module + "/internal/screenshots",
}

func isBelow(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

// strangers are the packages of which none imports another, with all that is
// below them.
var strangers = []string{module + "/anchor", module + "/batch", module + "/verify", module + "/objects"}

// source is the module as its files say, whatever system or tag they are for.
type source struct {
	root    string
	imports map[string][]string // of each package, without its tests
}

// readSource reads every file that decides what is imported: go.mod, go.sum and
// all .go files. Go's cache of test results knows of files that a test opened
// itself, and of directories that it listed, but not of what a "go list" that
// the test starts reads: without this an answer of before an import was added
// would be given again.
func readSource(t *testing.T) source {
	t.Helper()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	s := source{root: root, imports: map[string][]string{}}
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		if name == "go.mod" {
			require.True(t, strings.HasPrefix(string(data), "module "+module+"\n"))
		}
	}
	require.NoError(t, filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata") {
			return fs.SkipDir
		}
		if e.IsDir() || filepath.Ext(file) != ".go" {
			return nil
		}
		return s.add(file)
	}))
	require.Contains(t, s.imports, module+"/verify")
	require.Contains(t, s.imports[module+"/verify"], module+"/proof", "the reader sees imports")
	return s
}

func (s source) add(file string) error {
	data, err := os.ReadFile(file)
	if err != nil || strings.HasSuffix(file, "_test.go") {
		return err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, data, parser.ImportsOnly)
	if err != nil {
		return err
	}
	dir, err := filepath.Rel(s.root, filepath.Dir(file))
	if err != nil {
		return err
	}
	pkg := path.Join(module, filepath.ToSlash(dir))
	for _, spec := range parsed.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		s.imports[pkg] = append(s.imports[pkg], name)
	}
	return nil
}

// closure is all packages of this module that pkg reaches, itself included, and
// what each of them imports.
func (s source) closure(pkg string) map[string][]string {
	seen := map[string][]string{}
	todo := []string{pkg}
	for len(todo) > 0 {
		next := todo[0]
		todo = todo[1:]
		if _, ok := seen[next]; ok || !isBelow(next, module) {
			continue
		}
		seen[next] = s.imports[next]
		todo = append(todo, s.imports[next]...)
	}
	return seen
}

// TestSourceImports holds the rule to the import lines themselves: those of all
// systems and build tags.
func TestSourceImports(t *testing.T) {
	s := readSource(t)
	for pkg, imports := range s.closure(module + "/verify") {
		for _, name := range imports {
			require.False(t, isForbidden(name), "%s imports %s, and verify reaches it", pkg, name)
		}
	}
	for pkg, imports := range s.imports {
		require.NotContains(t, imports, "C", "%s uses cgo", pkg)
		for _, tool := range tools {
			if !slices.Contains(tools, pkg) { // what measures may be a calendar
				require.NotContains(t, imports, tool, "%s imports a tool", pkg)
			}
		}
		if !mayOpenSockets(pkg) {
			for _, name := range []string{"net", "net/http", "net/rpc", "crypto/tls"} {
				require.NotContains(t, imports, name, "%s opens sockets", pkg)
			}
		}
	}
	for _, a := range strangers {
		for pkg := range s.imports {
			if !isBelow(pkg, a) {
				continue
			}
			for reached := range s.closure(pkg) {
				for _, b := range strangers {
					require.False(t, a != b && isBelow(reached, b), "%s reaches %s", pkg, reached)
				}
			}
		}
	}
}

func isForbidden(pkg string) bool {
	return slices.Contains(offline, pkg) ||
		slices.ContainsFunc(offlineBelow, func(dir string) bool { return isBelow(pkg, strings.TrimSuffix(dir, "/")) })
}

// goTool runs the go command in the module's root for a system.
func goTool(t *testing.T, root, system string, args ...string) string {
	t.Helper()
	goos, goarch, _ := strings.Cut(system, "/")
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "GOFLAGS=-mod=readonly", "GOPROXY=off")
	if goos != "linux" {
		cmd.Env = append(cmd.Env, "CGO_ENABLED=0")
	} else {
		// So that packages which would use cgo, if they could, show that they do.
		cmd.Env = append(cmd.Env, "CGO_ENABLED=1")
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s: go %s: %s", system, strings.Join(args, " "), stderr.String())
	return string(out)
}

// listed is a package as "go list" describes it.
type listed struct {
	path     string
	standard bool
	cgo      bool
	deps     []string
}

// list describes all packages that those given are built from.
func list(t *testing.T, root, system string, packages ...string) map[string]listed {
	t.Helper()
	const format = `{{.ImportPath}} {{.Standard}} {{len .CgoFiles}} {{join .Deps ","}}`
	all := map[string]listed{}
	for line := range strings.Lines(goTool(t, root, system, append([]string{"list", "-deps", "-f", format}, packages...)...)) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 4)
		require.Len(t, f, 4)
		all[f[0]] = listed{path: f[0], standard: f[1] == "true", cgo: f[2] != "0", deps: strings.Split(f[3], ",")}
	}
	return all
}

var systems = []string{"linux/amd64", "windows/amd64", "darwin/arm64", "js/wasm"}

// TestReachedImports holds the rule to the whole closure, through other
// people's modules too.
func TestReachedImports(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skipf("SKIPPED: the import rule needs the go command: %v", err)
	}
	s := readSource(t)
	for _, system := range systems {
		t.Run(system, func(t *testing.T) {
			reached := list(t, s.root, system, "./verify")
			require.Contains(t, reached, module+"/merkle")
			for name, p := range reached {
				require.False(t, isForbidden(name), "verify reaches %s", name)
				require.False(t, p.cgo && !p.standard, "verify reaches %s, which uses cgo", name)
				require.True(t, p.standard || isBelow(name, module) || slices.Contains(dependencies, name), "verify reaches %s, a new dependency", name)
			}
			// Their closure is of many packages, and the same in all that counts.
			if system != systems[0] {
				return
			}
			for name, p := range list(t, s.root, system, "./...") {
				if !isBelow(name, module) {
					continue
				}
				require.False(t, p.cgo, "%s uses cgo", name)
				for _, dep := range p.deps {
					require.False(t, !mayOpenSockets(name) && slices.Contains([]string{"net", "net/http", "crypto/tls"}, dep), "%s reaches %s", name, dep)
				}
			}
		})
	}
}

// TestBuildsForBrowsers builds the verifier as the offline page has it.
func TestBuildsForBrowsers(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skipf("SKIPPED: the build needs the go command: %v", err)
	}
	s := readSource(t)
	goTool(t, s.root, "js/wasm", "build", "./verify")
}

// The rule itself can fail: it knows what it must not find.
func TestForbidden(t *testing.T) {
	for _, pkg := range []string{
		"net", "net/http", "os/exec", "github.com/spf13/cobra", "github.com/spf13/viper", "filippo.io/age", "filippo.io/age/armor",
		"gradseal/anchor", "gradseal/anchor/embedded", "gradseal/objects", "gradseal/batch", "gradseal/keys", "gradseal/cmd", "gradseal", "github.com/miekg/pkcs11",
	} {
		require.True(t, isForbidden(pkg), pkg)
	}
	for _, pkg := range []string{"net/netip", "os", "gradseal/proof", "gradseal/anchorage", "golang.org/x/mod/sumdb/note"} {
		require.False(t, isForbidden(pkg), pkg)
	}
	for pkg, may := range map[string]bool{
		"gradseal": true, "gradseal/cmd": true, "gradseal/cmd/x": true, "gradseal/anchor": true, "gradseal/anchor/embedded": true,
		"gradseal/verify": false, "gradseal/batch": false, "gradseal/trust": false, "gradseal/anchorage": false, "gradseal/cmdx": false,
	} {
		require.Equal(t, may, mayOpenSockets(pkg), pkg)
	}
	s := source{imports: map[string][]string{
		"gradseal/a": {"fmt", "gradseal/b"}, "gradseal/b": {"gradseal/c", "net"}, "gradseal/d": {"os"},
	}}
	require.Equal(t, "map[gradseal/a:[fmt gradseal/b] gradseal/b:[gradseal/c net] gradseal/c:[]]", fmt.Sprint(s.closure("gradseal/a")))
}

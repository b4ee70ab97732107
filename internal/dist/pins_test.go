package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// fetched are the ways in which the gate and this command get a program or a
// package of somebody else by the network: after each stands a name, and after
// that its version. Debian's packages have the versions of the release that the
// gate runs on.
var fetched = regexp.MustCompile(`(?m)(?:go install|go run|npm pack|npx)((?: -[-\w=]+)*) ([\w./-]+\.[\w./-]+|[\w-]+)(@\S+)?|"([\w./-]+)@([^"\s]+)"`)

// exact is a whole version, and no range of them, tag or branch.
var exact = regexp.MustCompile(`^@v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

// TestPins: nothing that the gate or a build fetches is "the newest". Of modules,
// go.sum has the hash; it stands for every line of go.mod, and nothing is replaced.
func TestPins(t *testing.T) {
	root := filepath.Join("..", "..")
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		require.NoError(t, err)
		return string(data)
	}
	gate := read(".ci/run")
	require.NotContains(t, gate, "@latest")
	found := 0
	for _, m := range fetched.FindAllStringSubmatch(gate+"\n"+read("internal/dist/debian.go"), -1) {
		name, version := m[2], m[3]
		if m[4] != "" {
			name, version = m[4], "@"+m[5]
		}
		if strings.HasPrefix(name, ".") { // a command of this module
			continue
		}
		found++
		require.Regexp(t, exact, version, "%s has no version of its own: %s", name, m[0])
	}
	require.Equal(t, 7, found, "four tools, two packages and nfpm: look whether all of them are seen here")
	var lock struct {
		Packages map[string]struct {
			Version, Integrity, Resolved string
			Link                         bool
		}
	}
	require.NoError(t, json.Unmarshal([]byte(read("testdata/opentimestamps/package-lock.json")), &lock))
	require.Greater(t, len(lock.Packages), 80)
	require.Contains(t, gate, "npm ci ")
	require.NotContains(t, gate, "npm install")
	stub := lock.Packages["node_modules/fs"]
	require.True(t, stub.Link)
	for name, p := range lock.Packages {
		if strings.HasPrefix(name, "node_modules/") && !p.Link && name != stub.Resolved {
			require.NotEmpty(t, p.Version, name)
			require.Regexp(t, `^sha(1|512)-`, p.Integrity, name)
		}
	}

	mod, err := modfile.Parse("go.mod", []byte(read("go.mod")), nil)
	require.NoError(t, err)
	require.Empty(t, mod.Replace)
	require.Regexp(t, `^1\.\d+\.\d+$`, mod.Go.Version)
	sums := read("go.sum")
	for _, r := range mod.Require {
		require.Equal(t, r.Mod.Version, semver.Canonical(r.Mod.Version))
		require.Contains(t, sums, r.Mod.Path+" "+r.Mod.Version+"/go.mod h1:", r.Mod.Path)
	}
}

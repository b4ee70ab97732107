package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/verify"
)

// FuzzConfig reads a configuration. One that is accepted has no key that the
// program does not know, and what depends on the word of a human reads again.
func FuzzConfig(f *testing.F) {
	example, err := os.ReadFile(exampleFile)
	require.NoError(f, err)
	f.Add(example)
	f.Add([]byte("verify:\n  network: regtest\n  confirmations: 1\n"))
	f.Add([]byte("verify: {allow-unknown-status: true}\nstatus: {validity: 5d}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("verify: 1\n"))
	f.Add([]byte("status:\n"))
	f.Add([]byte("0:"))
	path := filepath.Join(f.TempDir(), "config.yaml")
	f.Fuzz(func(t *testing.T, data []byte) {
		require.NoError(t, os.WriteFile(path, data, 0o600))
		v := newEnvironment()
		s, err := loadSettings(v, "", path)
		if err != nil {
			require.Contains(t, err.Error(), path)
			require.NotContains(t, err.Error(), "\x1b")
			return
		}
		_, err = s.Status.validity()
		require.NoError(t, err)
		for _, key := range v.AllKeys() {
			require.True(t, isSetting(key), "the key %q", key)
		}
	})
}

func FuzzSequences(f *testing.F) {
	f.Add("gradseal sequences v1\n")
	f.Add("gradseal sequences v1\nrestored inst.example testnet4 0\nseen inst.example testnet4 1\nseen uni.example/registrar mainnet 7\n")
	f.Add("gradseal sequences v1\nseen uni.example/registrar mainnet 7")
	f.Fuzz(func(t *testing.T, text string) {
		s := &sequences{make(map[sequenceKey]uint64), make(map[sequenceKey]uint64), make(map[string]uint64)}
		if s.parse(text) == nil {
			require.Equal(t, text, s.text())
		}
	})
}

// FuzzPartial goes on with a table that somebody changed. The key is the home's:
// what is taken from the file is what was written with it, for the document for
// which it was.
func FuzzPartial(f *testing.F) {
	key, paths := bytes.Repeat([]byte{1}, 32), []string{"a.pdf", "b.pdf"}
	now := terms{Program: "p", Time: time.Unix(1_800_000_000, 0).UTC()}
	path := filepath.Join(f.TempDir(), "out.csv.partial")
	p, _, err := openPartial(path, key, paths, now, verify.Trust{})
	require.NoError(f, err)
	for i, name := range paths {
		require.NoError(f, p.add(i, &record{Path: name, Verdict: "invalid", Digest: name}))
	}
	require.NoError(f, p.close())
	good, err := os.ReadFile(path)
	require.NoError(f, err)
	f.Add(good)
	f.Add(good[:len(good)-3])
	f.Add(bytes.Replace(good, []byte("invalid"), []byte("valid"), 1))
	lines := bytes.SplitAfter(good, []byte("\n"))
	f.Add(bytes.Join([][]byte{lines[0], lines[1], lines[3], lines[2]}, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		require.NoError(t, os.WriteFile(path, data, 0o600))
		p, _, err := openPartial(path, key, paths, now, verify.Trust{})
		if err != nil {
			require.Nil(t, p)
			return
		}
		defer p.close()
		for i, name := range paths {
			r, err := p.before(i)
			require.NoError(t, err)
			if r != nil {
				require.Equal(t, []string{name, "invalid", name}, []string{r.Path, r.Verdict, r.Digest})
			}
		}
	})
}

func FuzzKeyName(f *testing.F) {
	f.Add("id_uni.example_registrar.key")
	f.Add("id_uni.example+0a0b0c0d.token")
	f.Add("id_+.key")
	f.Fuzz(func(t *testing.T, name string) {
		k, ok := parseKeyName(name)
		if !ok {
			return
		}
		require.True(t, strings.HasPrefix(name, keyPrefix))
		require.NotContains(t, k.issuer, "_")
	})
}

// FuzzLists reads the file that status import and status join are given.
func FuzzLists(f *testing.F) {
	f.Add([]byte(statusTitle + "v1\n"))
	f.Add([]byte("{\n  \"format\": \"gradseal-pack/1\",\n  \"issuer\": \"\",\n  \"status\": [],\n  \"headers\": []\n}\n"))
	f.Add([]byte{})
	path := filepath.Join(f.TempDir(), "lists")
	f.Fuzz(func(t *testing.T, data []byte) {
		require.NoError(t, os.WriteFile(path, data, 0o600))
		lists, err := readLists(path)
		if err != nil {
			require.Nil(t, lists)
			require.Contains(t, err.Error(), path)
			return
		}
		require.LessOrEqual(t, len(lists), len(bitcoin.Networks()))
	})
}

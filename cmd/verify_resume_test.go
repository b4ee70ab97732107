package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/verify"
)

// TestPartialIsOwn: whoever can write where a table is made must not be able to
// put verdicts into it.
func TestPartialIsOwn(t *testing.T) {
	key, paths := bytes.Repeat([]byte{1}, 32), []string{"a.pdf", "b.pdf"}
	write := func(t *testing.T, key []byte, now terms) (path string, data []byte) {
		path = filepath.Join(t.TempDir(), "out.csv.partial")
		p, _, err := openPartial(path, key, paths, now, verify.Trust{})
		require.NoError(t, err)
		for i, name := range paths {
			require.NoError(t, p.add(i, &record{Path: name, Verdict: "invalid"}))
		}
		require.NoError(t, p.close())
		data, err = os.ReadFile(path)
		require.NoError(t, err)
		return path, data
	}
	now := terms{Program: "p", Time: time.Unix(1_800_000_000, 0).UTC()}
	_, stranger := write(t, make([]byte, 32), now)
	_, before := write(t, key, terms{Program: "another", Time: now.Time})
	for name, c := range map[string]struct {
		change func([]string)
		old    int
	}{
		"as it was":                {func([]string) {}, 2},
		"a verdict":                {func(l []string) { l[2] = strings.Replace(l[2], "invalid", "valid", 1) }, 0},
		"the verdict of the last":  {func(l []string) { l[3] = strings.Replace(l[3], "invalid", "valid", 1) }, 1},
		"without its HMAC":         {func(l []string) { l[2] = l[2][sealSize:] }, 0},
		"another document's":       {func(l []string) { l[3] = l[2] }, 1},
		"the terms":                {func(l []string) { l[1] = strings.Replace(l[1], `"p"`, `"q"`, 1) }, 0},
		"by another home":          {func(l []string) { copy(l, strings.SplitAfter(string(stranger), "\n")) }, 0},
		"a record from before":     {func(l []string) { l[2] = strings.SplitAfter(string(before), "\n")[2] }, 0},
		"the terms as if a record": {func(l []string) { l[2] = l[1] }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			path, data := write(t, key, now)
			lines := strings.SplitAfter(string(data), "\n")
			c.change(lines)
			require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600))
			p, _, err := openPartial(path, key, paths, now, verify.Trust{})
			require.NoError(t, err)
			defer p.close()
			require.Equal(t, c.old, p.old)
			for i := range paths {
				r, err := p.before(i)
				require.NoError(t, err)
				require.True(t, r == nil || r.Path == paths[i] && r.Verdict == "invalid")
			}
		})
	}
}

// TestStampOfReplaced: the time of a file's contents can be set back by anyone.
func TestStampOfReplaced(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: what is known of a file there has no time that cannot be set")
	}
	path := filepath.Join(t.TempDir(), "a.pdf")
	require.NoError(t, os.WriteFile(path, []byte("issued"), 0o600))
	info, err := os.Stat(path)
	require.NoError(t, err)
	before := stampOf(path)
	time.Sleep(20 * time.Millisecond) // more than the clock of a file system takes for a step
	require.NoError(t, os.WriteFile(path, []byte("forged"), 0o600))
	require.NoError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
	require.NotEqual(t, before, stampOf(path))
}

// TestResumeKey: it is made once, and for its owner only.
func TestResumeKey(t *testing.T) {
	h := home{dir: filepath.Join(t.TempDir(), "home")}
	key := h.resumeKey()
	require.Equal(t, key, h.resumeKey())
	require.NotEqual(t, key, home{dir: t.TempDir()}.resumeKey())
	info, err := os.Stat(h.resumeKeyFile())
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	require.NoError(t, os.WriteFile(h.resumeKeyFile(), nil, 0o600))
	require.NotEqual(t, h.resumeKey(), h.resumeKey(), "none that somebody has emptied")
}

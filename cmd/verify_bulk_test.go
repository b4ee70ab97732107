package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/verify"
)

// Results are taken in order, whoever is the slowest, and no more are on their
// way than may be.
func TestInOrder(t *testing.T) {
	for _, n := range []int{0, 1, 2, readAhead, 5*readAhead + 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ahead, most atomic.Int64
				next := 0
				err := inOrder(t.Context(), n, func(_ context.Context, i int) (int, error) {
					now := ahead.Add(1)
					most.Store(max(most.Load(), now))
					time.Sleep(time.Duration(i%7) * time.Second)
					if i == 3 {
						time.Sleep(time.Hour) // all others wait for it
					}
					return 2 * i, nil
				}, func(i, result int) error {
					require.Equal(t, next, i)
					require.Equal(t, 2*i, result)
					next++
					ahead.Add(-1)
					return nil
				})
				require.NoError(t, err)
				require.Equal(t, n, next)
				require.LessOrEqual(t, most.Load(), int64(readAhead))
				if n > readAhead && runtime.GOMAXPROCS(0) > 1 {
					require.Greater(t, most.Load(), int64(readAhead/2), "the work goes on while one takes long")
				}
			})
		})
	}
}

// The first error ends everything and is the one that is returned.
func TestInOrderErrors(t *testing.T) {
	enough := errors.New("enough")
	nothing := func(int, int) error { return nil }
	synctest.Test(t, func(t *testing.T) {
		err := inOrder(t.Context(), 10*readAhead, func(ctx context.Context, i int) (int, error) {
			if i == 500 {
				return 0, enough
			}
			return i, nil
		}, nothing)
		require.Equal(t, enough, err)

		taken := 0
		err = inOrder(t.Context(), 10*readAhead, func(ctx context.Context, i int) (int, error) { return i, nil }, func(i, _ int) error {
			if taken++; i == 500 {
				return enough
			}
			return nil
		})
		require.Equal(t, enough, err)
		require.Equal(t, 501, taken)

		ctx, cancel := context.WithCancel(t.Context())
		err = inOrder(ctx, 10*readAhead, func(ctx context.Context, i int) (int, error) {
			if i == 0 {
				cancel()
			}
			<-ctx.Done() // as a reader that is told to stop
			return i, ctx.Err()
		}, nothing)
		require.ErrorIs(t, err, context.Canceled)
	})
}

// mixedUp is a document with the proof of another one.
func mixedUp(path string, digest, claimed byte) judged {
	r := &verify.Result{Verdict: verify.Invalid}
	for i, name := range []string{"document", "inclusion", "issuer", "anchor", "block", "status"} {
		r.Checks[i] = verify.Check{Name: name, Reason: verify.NotChecked}
	}
	r.Checks[verify.Document] = verify.Check{Name: "document", Outcome: verify.Failed, Reason: verify.DigestDiffers}
	return judged{path: path, digest: verify.Digest{digest}, claimed: verify.Digest{claimed}, Result: r}
}

// What is said of a document with the proof of another one may have to wait for
// that one, but not for ever.
func TestReporterHolds(t *testing.T) {
	var out bytes.Buffer
	a := &app{ui: newUI(Stdio{Out: &out, Err: &out})}
	lines := func() int { return strings.Count(out.String(), "\n  ") }
	r := a.newReporter(bitcoin.Mainnet, 10_000)
	require.NoError(t, r.add(mixedUp("a.pdf", 1, 2)))
	require.Zero(t, lines(), "b.pdf may come")
	require.NoError(t, r.add(mixedUp("b.pdf", 2, 1)))
	require.Equal(t, 2, lines())
	require.NoError(t, r.add(mixedUp("c.pdf", 3, 99)))
	for i := range maxHeld - 1 {
		require.NoError(t, r.add(mixedUp(fmt.Sprintf("d%d.pdf", i), 4, 1)))
	}
	require.Equal(t, 2, lines())
	require.NoError(t, r.add(mixedUp("e.pdf", 5, 1)))
	require.Equal(t, 2+maxHeld+1, lines(), "those behind need not wait for theirs")
	require.Empty(t, r.held)
	require.Error(t, r.finish())
	require.Contains(t, out.String(), "1,003 documents: 1,003 INVALID\n")
	for _, other := range []string{"a.pdf", "b.pdf"} {
		require.Contains(t, out.String(), "): this is the proof of another document that you have: "+other)
	}
}

// Of many documents not everything that can be done is said.
func TestReporterAdvices(t *testing.T) {
	var out bytes.Buffer
	a := &app{ui: newUI(Stdio{Out: &out, Err: &out})}
	r := a.newReporter(bitcoin.Mainnet, 200)
	for i := range 100 { // each has the proof of the one before it
		require.NoError(t, r.add(mixedUp(fmt.Sprintf("%d.pdf", i), byte(i+1), byte(max(i, 1)))))
	}
	require.Error(t, r.finish())
	require.Equal(t, maxAdvices, strings.Count(out.String(), "What to do ("))
	require.Contains(t, out.String(), "What to do (1.pdf): this is the proof of another document that you have: 0.pdf")
	require.Regexp(t, `What to do about \d+ documents more, each says for itself`, out.String())
}

// Verdicts are taken over only under the terms under which they were given.
func TestTerms(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	at := func(hours int) time.Time { return now.Add(time.Duration(hours) * time.Hour) }
	believed := verify.Trust{
		Issuers: []*issuer.File{{Sets: []issuer.KeySet{{From: at(-1000), Until: at(100)}, {From: at(100)}}}},
		Status:  []verify.StatusList{{StatusList: &issuer.StatusList{Next: at(50)}}, {StatusList: &issuer.StatusList{}}},
	}
	base := terms{Program: "v1", Directory: "/x", Policy: "mainnet 6 false", Trust: "t", Chain: "c", Named: "n", Time: now}
	for name, test := range map[string]struct {
		change func(*terms)
		want   string
	}{
		"the same":            {func(*terms) {}, ""},
		"later":               {func(c *terms) { c.Time = at(49) }, ""},
		"list past":           {func(c *terms) { c.Time = at(50) }, "the time: "},
		"after a key's end":   {func(c *terms) { c.Time = at(200) }, "the time: "},
		"clock set back":      {func(c *terms) { c.Time = at(-1) }, "the clock"},
		"another program":     {func(c *terms) { c.Program = "v2" }, "another version"},
		"another directory":   {func(c *terms) { c.Directory = "/y" }, "the working directory"},
		"another policy":      {func(c *terms) { c.Policy = "mainnet 7 false" }, "what verify was asked for"},
		"another trust store": {func(c *terms) { c.Trust = "u" }, "the trusted issuers"},
		"another chain":       {func(c *terms) { c.Chain = "d" }, "the header chain"},
		"other proofs":        {func(c *terms) { c.Named = "o" }, "the proofs that were named"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := base
			test.change(&changed)
			got := changed.differ(base, believed)
			if test.want == "" {
				require.Empty(t, got)
			} else {
				require.Contains(t, got, test.want)
			}
		})
	}
	// Around the change of keys, what counts is the slack of block times.
	before, after := base, base
	before.Time, after.Time = at(97), at(99)
	require.NotEmpty(t, after.differ(before, believed))
	before.Time, after.Time = at(103), at(104)
	require.Empty(t, after.differ(before, believed))
}

// usualProofFile is the first of the vectors of proof files.
func usualProofFile(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("../testdata/vectors/proof.json")
	require.NoError(t, err)
	var file struct {
		Vectors []struct{ Name, Proof string }
	}
	require.NoError(t, json.Unmarshal(data, &file))
	require.Equal(t, "proof-usual", file.Vectors[0].Name)
	return []byte(file.Vectors[0].Proof)
}

// A proof is found by its digest whatever its file is called, and what has the
// beginning of one and is none is for nobody.
func TestProofFolder(t *testing.T) {
	dir := t.TempDir()
	proofFile := usualProofFile(t)
	digest, ok := verify.ReadProof(proofFile).Digest()
	require.True(t, ok)
	write := func(name string, data []byte) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o666))
	}
	write("b.json", proofFile)
	write("more/a.JSON", proofFile)
	write("c.json", proofFile[:200])
	write("d.json", proofFile[:10])
	write("e.txt", proofFile)
	write("f.json/g.txt", nil)
	a := &app{ui: newUI(Stdio{Err: new(bytes.Buffer)})}
	folder, err := a.openProofFolder(t.Context(), dir)
	require.NoError(t, err)
	found, err := folder.find(digest)
	require.NoError(t, err)
	require.Len(t, found, 2)
	stamp := folder.stamp(digest)
	require.Len(t, stamp, 64, "short, however many there are")
	none, err := folder.find(verify.Digest{1})
	require.NoError(t, err)
	require.Empty(t, none)
	require.Empty(t, folder.stamp(verify.Digest{1}))

	write("z.json", proofFile)
	again, err := a.openProofFolder(t.Context(), dir)
	require.NoError(t, err)
	require.NotEqual(t, stamp, again.stamp(digest))
	require.NoError(t, os.Remove(filepath.Join(dir, "b.json")))
	found, err = again.find(digest)
	require.NoError(t, err)
	require.Len(t, found, 2, "one has gone since")
	_, err = a.openProofFolder(t.Context(), filepath.Join(dir, "none"))
	require.Error(t, err)
}

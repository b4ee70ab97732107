package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
)

func TestEachDoesEverythingOnce(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 1000} {
		seen := make([]atomic.Int32, n)
		var workers atomic.Int32
		err := each(context.Background(), n, func() func(int) error {
			workers.Add(1)
			return func(i int) error {
				seen[i].Add(1)
				return nil
			}
		})
		require.NoError(t, err)
		for i := range seen {
			require.EqualValues(t, 1, seen[i].Load(), "%d of %d", i, n)
		}
		require.EqualValues(t, min(n, runtime.GOMAXPROCS(0)), workers.Load())
	}
}

func TestEachStopsAtTheFirstError(t *testing.T) {
	const n = 100_000
	failure := errors.New("number 7")
	var calls atomic.Int64
	err := each(context.Background(), n, func() func(int) error {
		return func(i int) error {
			calls.Add(1)
			if i == 7 {
				return failure
			}
			time.Sleep(time.Microsecond)
			return nil
		}
	})
	require.ErrorIs(t, err, failure)
	require.Less(t, calls.Load(), int64(n/2))
	require.GreaterOrEqual(t, calls.Load(), int64(8))
}

func TestEachStopsWithItsContext(t *testing.T) {
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	var calls atomic.Int64
	work := func() func(int) error {
		return func(i int) error {
			if calls.Add(1) == 5 {
				cancel(reason)
			}
			return nil
		}
	}
	require.ErrorIs(t, each(ctx, 100_000, work), reason)
	require.Less(t, calls.Load(), int64(100_000))
	before := calls.Load()
	require.ErrorIs(t, each(ctx, 100_000, work), reason)
	require.Equal(t, before, calls.Load(), "nothing begins after it")
	require.ErrorIs(t, each(ctx, 0, work), reason)
}

// planOf is a plan with an odd path in each of n rows.
func planOf(t testing.TB, n int) []byte {
	t.Helper()
	var files []File
	for i := range n {
		files = append(files, File{Path: fmt.Sprintf("/a b/%d\n\"中\xff.pdf", i), Size: int64(i), Digest: [32]byte{byte(i), 0xab}})
	}
	head := Head{Network: bitcoin.Signet, Issuer: "uni.example/registrar", Title: "Graduation \"2026\" – é", Created: time.Unix(1_800_000_000, 0)}
	b, err := plan(head, files)
	require.NoError(t, err)
	return b.marshalPlan()
}

func TestPlanRoundTrip(t *testing.T) {
	data := planOf(t, 4)
	b, err := parsePlan(data)
	require.NoError(t, err)
	require.Len(t, b.Documents, 4)
	require.Equal(t, string(data), string(b.marshalPlan()))
}

// Every line of a plan is damaged in every way that has another meaning or
// none.
func TestPlanIsStrict(t *testing.T) {
	good := string(planOf(t, 2))
	lines := strings.SplitAfter(good, "\n")
	lines = lines[:len(lines)-1]
	require.Len(t, lines, 8)
	damage := map[string]func(line string) string{
		"space before":    func(l string) string { return " " + l },
		"space after":     func(l string) string { return strings.TrimSuffix(l, "\n") + " \n" },
		"CR":              func(l string) string { return strings.TrimSuffix(l, "\n") + "\r\n" },
		"tab":             func(l string) string { return strings.Replace(l, " ", "\t", 1) },
		"two spaces":      func(l string) string { return strings.Replace(l, " ", "  ", 1) },
		"no line feed":    func(l string) string { return strings.TrimSuffix(l, "\n") },
		"another line":    func(string) string { return "x\n" },
		"first word only": func(l string) string { w, _, _ := strings.Cut(l, " "); return w + "\n" },
		"an empty line":   func(l string) string { return "\n" + l },
		"upper case":      strings.ToUpper,
		"NUL":             func(l string) string { return "\x00" + l },
	}
	for i, line := range lines {
		head := i < 6
		for name, change := range damage {
			bad := change(line)
			if bad == line {
				continue
			}
			data := strings.Join(lines[:i], "") + bad + strings.Join(lines[i+1:], "")
			_, err := parsePlan([]byte(data))
			require.Error(t, err, "line %d, %s", i+1, name)
		}
		if head {
			_, err := parsePlan([]byte(strings.Join(lines[:i], "") + strings.Join(lines[i+1:], "")))
			require.Error(t, err, "without line %d", i+1)
			_, err = parsePlan([]byte(strings.Join(lines[:i+1], "") + strings.Join(lines[i:], "")))
			require.Error(t, err, "line %d twice", i+1)
			_, err = parsePlan([]byte(strings.Join(lines[:i+1], "")))
			require.Error(t, err, "nothing after line %d", i+1)
		}
	}
}

func TestPlanValues(t *testing.T) {
	good := string(planOf(t, 1))
	row := strings.SplitAfter(good, "\n")[6]
	fields := strings.SplitN(row, " ", 4)
	replace := func(old, new string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, new, 1)
	}
	tests := map[string]string{
		"empty":                    "",
		"later version":            replace("batch v1", "batch v2"),
		"no issuer id":             replace("uni.example", "Uni.example"),
		"title of spaces":          replace(`"Graduation \"2026\" – é"`, `" "`),
		"no such network":          replace("signet", "simnet"),
		"title without quotes":     replace(`title "Graduation \"2026\" – é"`, "title Graduation"),
		"title in back quotes":     replace(`"Graduation \"2026\" – é"`, "`Graduation`"),
		"title with an escape":     replace("Graduation", `\u0047raduation`),
		"title of one rune":        replace(`"Graduation \"2026\" – é"`, `'G'`),
		"time with a zone":         replace("2027-01-15T08:00:00Z", "2027-01-15T09:00:00+01:00"),
		"time with a fraction":     replace("2027-01-15T08:00:00Z", "2027-01-15T08:00:00.5Z"),
		"time without a zero":      replace("2027-01-15T08:00:00Z", "2027-01-15T8:00:00Z"),
		"date alone":               replace("2027-01-15T08:00:00Z", "2027-01-15"),
		"no rows":                  strings.TrimSuffix(good, row),
		"upper-case digest":        replace(fields[0], strings.ToUpper(fields[0])),
		"upper-case salt":          replace(fields[1], "AB"+fields[1][2:]),
		"short digest":             replace(fields[0], fields[0][2:]),
		"long digest":              replace(fields[0], fields[0]+"00"),
		"short salt":               replace(fields[1], fields[1][2:]),
		"digest not hexadecimal":   replace(fields[0], "zz"+fields[0][2:]),
		"salt not hexadecimal":     replace(fields[1], "zz"+fields[1][2:]),
		"no size":                  replace(" 0 \"", " \""),
		"size with a sign":         replace(" 0 \"", " +0 \""),
		"size with a zero":         replace(" 0 \"", " 00 \""),
		"size in hexadecimal":      replace(" 0 \"", " 0x0 \""),
		"size that is none":        replace(" 0 \"", " - \""),
		"size too large":           replace(" 0 \"", " 9223372036854775808 \""),
		"path without quotes":      replace(fields[3], "/a.pdf\n"),
		"path not ended":           strings.TrimSuffix(good, "\"\n"),
		"path in back quotes":      replace(fields[3], "`/a.pdf`\n"),
		"path with another escape": replace(`\xff`, `\377`),
		"path with a raw byte":     replace(`\xff`, "\xff"),
		"something after the path": replace(".pdf\"", ".pdf\" x"),
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, good, data)
			b, err := parsePlan([]byte(data))
			require.Error(t, err)
			require.Nil(t, b)
		})
	}
}

func FuzzParsePlan(f *testing.F) {
	f.Add(planOf(f, 1))
	f.Add(planOf(f, 3))
	f.Add([]byte("gradseal batch v1\nnetwork regtest\nissuer \ntitle \"\"\ncreated 0001-01-01T00:00:00Z\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := parsePlan(data)
		if err != nil {
			require.Nil(t, b)
			return
		}
		require.NotEmpty(t, b.Documents)
		require.Equal(t, string(data), string(b.marshalPlan()))
	})
}

package calendar_test

import (
	"context"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/anchor/calendar"
	"gradseal/anchor/embedded"
	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/internal/calendartest"
	"gradseal/proof/ots"
)

// bounded is a context that ends before the test binary's patience does.
func bounded(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func newClient(t testing.TB, config calendar.Config) *calendar.Client {
	t.Helper()
	c, err := calendar.New(config)
	require.NoError(t, err)
	return c
}

func digest(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// startNode opens an embedded node, and returns its header file too.
func startNode(t testing.TB) (*embedded.Node, string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "headers", "regtest")
	node, err := embedded.Open(bounded(t), filepath.Join(dir, "node"), file)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, node.Close()) })
	return node, file
}

func startCalendar(t testing.TB, node *embedded.Node, options calendartest.Options) *calendartest.Calendar {
	t.Helper()
	c, err := calendartest.New(node, options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// commitment is the message of the one attestation of a reply, which names the
// calendar.
func commitment(t testing.TB, stamp *ots.Timestamp, digest []byte, calendar string) []byte {
	t.Helper()
	paths, err := stamp.Paths(digest)
	require.NoError(t, err)
	require.Len(t, paths, 1)
	require.Equal(t, ots.Pending(calendar), paths[0].Attestation)
	return paths[0].Result
}

// TestFromDigestToBlock goes the whole way, at a calendar that anchors on a real
// chain.
func TestFromDigestToBlock(t *testing.T) {
	node, file := startNode(t)
	server := startCalendar(t, node, calendartest.Options{})
	c := newClient(t, calendar.Config{URL: server.URL() + "/"})
	require.Equal(t, server.URL(), c.URL())
	for _, size := range []int{1, 32, calendar.MaxDigest} {
		message := digest("a")
		message = append(message, message...)[:size]
		stamp, err := c.Submit(bounded(t), message)
		require.NoError(t, err)
		at := commitment(t, stamp, message, server.URL())

		_, err = c.Timestamp(bounded(t), at)
		var pending *calendar.PendingError
		require.ErrorAs(t, err, &pending)
		require.Equal(t, calendartest.Pending, pending.Reason)
		require.EqualError(t, err, "calendar "+server.URL()+`: the calendar has no timestamp of it: "Pending confirmation in Bitcoin blockchain"`)

		require.NoError(t, server.Anchor(bounded(t)))
		stamp, err = c.Timestamp(bounded(t), at)
		require.NoError(t, err)
		paths, err := stamp.Paths(at)
		require.NoError(t, err)
		blocks := 0
		for _, path := range paths {
			if height, ok := path.Attestation.BitcoinHeight(); ok {
				root := merkleRoot(t, file, height)
				require.Equal(t, root[:], path.Result)
				blocks++
			}
		}
		require.Equal(t, 1, blocks)
	}
	_, err := c.Timestamp(bounded(t), make([]byte, 44))
	var pending *calendar.PendingError
	require.ErrorAs(t, err, &pending)
	require.Equal(t, calendartest.NotFound, pending.Reason)
}

func merkleRoot(t testing.TB, file string, height uint64) bitcoin.Hash {
	t.Helper()
	chain, err := headers.Open(file, bitcoin.Regtest)
	require.NoError(t, err)
	defer chain.Close()
	h, err := chain.At(uint32(height))
	require.NoError(t, err)
	return h.MerkleRoot()
}

func TestSizesOfQuestions(t *testing.T) {
	node, _ := startNode(t)
	server := startCalendar(t, node, calendartest.Options{})
	c := newClient(t, calendar.Config{URL: server.URL()})
	for _, size := range []int{0, calendar.MaxDigest + 1} {
		_, err := c.Submit(bounded(t), make([]byte, size))
		require.ErrorContains(t, err, "want 1 to 64")
	}
	for _, size := range []int{0, ots.MaxMessage + 1} {
		_, err := c.Timestamp(bounded(t), make([]byte, size))
		require.ErrorContains(t, err, "want 1 to 4096")
	}
	require.Empty(t, server.Seen())
}

// TestRequest: what a calendar learns is in the request, and nothing more of
// this machine. Nothing that an answer sets comes back.
func TestRequest(t *testing.T) {
	var got []*http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r)
		http.SetCookie(w, &http.Cookie{Name: "who", Value: "you"})
		w.Header().Set("ETag", `"a"`)
		_, _ = w.Write(plain(t))
	}))
	defer server.Close()
	c := newClient(t, calendar.Config{URL: server.URL + "/a/b/"})
	for range 2 {
		_, err := c.Submit(bounded(t), digest("a"))
		require.NoError(t, err)
		_, err = c.Timestamp(bounded(t), []byte{0x00, 0xff})
		require.NoError(t, err)
	}
	require.Len(t, got, 4)
	for i, r := range got {
		want := http.Header{"Accept": {"application/vnd.opentimestamps.v1"}, "Accept-Encoding": {"identity"}, "User-Agent": {"gradseal"}}
		if i%2 == 0 {
			require.Equal(t, "POST /a/b/digest", r.Method+" "+r.RequestURI)
			want.Set("Content-Type", "application/octet-stream")
			want.Set("Content-Length", "32")
		} else {
			require.Equal(t, "GET /a/b/timestamp/00ff", r.Method+" "+r.RequestURI)
		}
		require.Equal(t, want, r.Header)
		require.Equal(t, strings.TrimPrefix(server.URL, "http://"), r.Host)
	}
}

// plain is a timestamp of any message.
func plain(t testing.TB) []byte {
	t.Helper()
	data, err := (&ots.Timestamp{Attestations: []ots.Attestation{ots.Pending("https://a.example")}}).Marshal(32)
	require.NoError(t, err)
	return data
}

func TestURL(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "malformed URL",
		"https://":                    `"" is not the name of a host`,
		"calendar.example":            "does not begin with",
		"http://calendar.example":     "it must begin with https:// unless the calendar is on this machine",
		"http://192.0.2.1":            "it must begin with https:// unless",
		"http://127.1":                `"127.1" is not the name of a host`,
		"https://me:secret@a.example": "of letters, digits and",
		"https://a.example/digest?x":  "of letters, digits and",
		"https://a.example:0":         `"0" is not a port`,
		"https://a.example:99999":     `"99999" is not a port`,
		"https://a.example/a/../b":    "is not a plain path",
		"https://[::1]":               "of letters, digits and",
		"https://" + strings.Repeat("a.", 500) + "example": "want at most 1000 characters",
	} {
		_, err := calendar.New(calendar.Config{URL: text})
		require.ErrorContains(t, err, want, text)
	}
	for text, want := range map[string]string{
		"https://A.Example:443/":  "https://a.example",
		"https://a.example:80":    "https://a.example:80",
		"https://a.example/x/Y/":  "https://a.example/x/Y",
		"http://localhost:80/":    "http://localhost",
		"http://127.0.0.1:443":    "http://127.0.0.1:443",
		"http://127.255.0.1:8080": "http://127.255.0.1:8080",
	} {
		require.Equal(t, want, newClient(t, calendar.Config{URL: text}).URL())
	}
}

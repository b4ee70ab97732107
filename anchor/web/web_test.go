package web_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/anchor/web"
)

func get(t testing.TB, c *http.Client, url string) (*http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	require.NoError(t, err)
	resp, err := c.Do(req)
	if err == nil {
		t.Cleanup(func() { resp.Body.Close() })
	}
	return resp, err
}

// TestClearText: a client for http reaches this machine and no other, by no
// name. The addresses are of networks that lead nowhere (RFC 5737, RFC 3849).
func TestClearText(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	require.NoError(t, err)
	c := web.NewClient("http", nil)
	for _, host := range []string{"127.0.0.1", "localhost"} {
		_, err := get(t, c, "http://"+host+":"+port)
		require.NoError(t, err)
	}
	for _, host := range []string{"192.0.2.1", "[2001:db8::1]", "0.0.0.0"} {
		_, err := get(t, c, "http://"+host+":"+port)
		require.ErrorContains(t, err, "is not this machine, and the URL begins with http://", host)
	}
}

// TestNoMemory: neither redirects nor cookies.
func TestNoMemory(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if len(r.Cookies()) > 0 || r.Header.Get("Accept-Encoding") != "" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer server.Close()
	for _, other := range []*http.Client{nil, server.Client()} {
		asked.Store(0)
		if other != nil {
			other.Transport.(*http.Transport).DisableCompression = true
		}
		c := web.NewClient("http", other)
		for range 2 {
			resp, err := get(t, c, server.URL)
			require.NoError(t, err)
			require.Equal(t, http.StatusFound, resp.StatusCode)
		}
		require.Equal(t, int32(2), asked.Load())
	}
}

func TestIsLoopback(t *testing.T) {
	for _, host := range []string{"localhost", "LocalHost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"} {
		require.True(t, web.IsLoopback(host), host)
	}
	for _, host := range []string{"", "localhost.", "a.localhost", "localhost.example", "127.0.0.1.example", "127.1", "0.0.0.0", "::", "192.0.2.1"} {
		require.False(t, web.IsLoopback(host), host)
	}
}

func TestIsPage(t *testing.T) {
	for _, one := range []struct {
		kind, body string
		want       bool
	}{
		{"text/html", "", true},
		{"Text/HTML; charset=utf-8", "x", true},
		{"application/json", "\n <!DOCTYPE html>", true},
		{"", "<html>", true},
		{"text/plain", "a < b", false},
		{"text/htmlx", "x", false},
		{"", "", false},
	} {
		resp := &http.Response{Header: http.Header{"Content-Type": {one.kind}}}
		require.Equal(t, one.want, web.IsPage(resp, []byte(one.body)), "%+v", one)
	}
}

// TestNoUpgrade: an answer that hands over the connection, which no context ends,
// is an error at once.
func TestNoUpgrade(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		t.Cleanup(func() { conn.Close() })
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
	}))
	t.Cleanup(server.Close)
	for _, other := range []*http.Client{nil, server.Client(), {}} {
		_, err := get(t, web.NewClient("http", other), server.URL)
		require.ErrorContains(t, err, "101 Switching Protocols")
	}
}

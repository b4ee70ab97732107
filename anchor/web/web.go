// Package web is what the clients of public services have in common: how they
// connect. The services are strangers, and so may be whoever is in between.
package web

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"mime"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// connect is how long a service may take to accept a connection, and then over
// the TLS handshake.
const connect = 15 * time.Second

// NewClient returns a client for the services of a scheme, "https" or "http". It
// follows no redirect and keeps no cookie. With http it speaks to this machine
// alone, whatever name leads there. Its requests have no time limit: their
// contexts have.
//
// Where other is there, its transport is used, and nothing else of it.
func NewClient(scheme string, other *http.Client) *http.Client {
	transport := http.RoundTripper(newTransport(scheme))
	if other != nil {
		transport = other.Transport
	}
	return &http.Client{
		Transport:     NoUpgrade{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// NoUpgrade refuses 101 Switching Protocols, which nobody asked for: the body of
// such an answer is the connection itself, and reading it heeds no context.
type NoUpgrade struct{ http.RoundTripper }

// RoundTrip asks, and makes an error of such an answer.
func (t NoUpgrade) RoundTrip(req *http.Request) (*http.Response, error) {
	next := t.RoundTripper
	if next == nil {
		next = http.DefaultTransport
	}
	resp, err := next.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusSwitchingProtocols {
		resp.Body.Close()
		return nil, fmt.Errorf("the answer is %q, which was not asked for", resp.Status)
	}
	return resp, err
}

// newTransport returns a transport that keeps few connections and unpacks
// nothing.
func newTransport(scheme string) *http.Transport {
	dialer := &net.Dialer{Timeout: connect}
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connect,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		IdleConnTimeout:        connect,
		MaxIdleConnsPerHost:    1,
		MaxResponseHeaderBytes: 64 << 10,
	}
	if scheme == "http" {
		t.Proxy = nil
		// The name of the host may lead anywhere: the address decides.
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			host, _, err := net.SplitHostPort(address)
			if err == nil && !IsLoopback(host) {
				err = fmt.Errorf("%s is not this machine, and the URL begins with http://", host)
			}
			return err
		}
	}
	return t
}

// IsLoopback reports whether a host of a URL is this machine: "localhost", or an
// address.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// IsPage reports whether an answer is for people to look at, as a server gives
// it at a path that is not the service's.
func IsPage(resp *http.Response, body []byte) bool {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return kind == "text/html" || bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
}

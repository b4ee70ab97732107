package testnode

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Fault is what a Proxy does to one request. The zero value is nothing.
type Fault struct {
	Kind  FaultKind
	Delay time.Duration // before anything else; cut short when the client gives up
}

// FaultKind is how a request is lost.
type FaultKind int

// The kinds.
const (
	Pass       FaultKind = iota
	DropBefore           // the connection ends before the server has the request
	DropAfter            // the server has answered and the connection ends without
	Truncate             // half of the answer, though its length says more
	Cut                  // half of the answer as if that were all
)

// Proxy stands between a client and an HTTP server, and loses requests as it is
// told.
type Proxy struct {
	URL      string
	CertFile string // where the server has TLS: the proxy's own certificate
	CertPEM  []byte

	t      testing.TB
	target *url.URL
	client *http.Client

	mu    sync.Mutex
	count int
	plan  func(n int, body []byte) Fault
}

// StartProxy runs a proxy before the server at target. It speaks TLS where the
// server does, which must have the certificate certPEM.
func StartProxy(t testing.TB, target string, certPEM []byte) *Proxy {
	t.Helper()
	u, err := url.Parse(target)
	require.NoError(t, err)
	transport := &http.Transport{DisableKeepAlives: true}
	p := &Proxy{t: t, target: u, client: &http.Client{Transport: transport}}
	server := httptest.NewUnstartedServer(p)
	if u.Scheme == "https" {
		roots := x509.NewCertPool()
		require.True(t, roots.AppendCertsFromPEM(certPEM))
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
		server.StartTLS()
		p.CertPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
		p.CertFile = filepath.Join(t.TempDir(), "proxy.cert")
		require.NoError(t, os.WriteFile(p.CertFile, p.CertPEM, 0o600))
	} else {
		server.Start()
	}
	p.URL = server.URL
	t.Cleanup(server.Close)
	return p
}

// Plan sets what happens to the requests from now on: n counts them from 0,
// body is what the client sent. A nil plan passes all.
func (p *Proxy) Plan(plan func(n int, body []byte) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count, p.plan = 0, plan
}

// FaultAt plans one fault, for the n-th request from now on.
func (p *Proxy) FaultAt(n int, fault Fault) {
	p.Plan(func(i int, _ []byte) Fault {
		if i == n {
			return fault
		}
		return Fault{}
	})
}

// Count is how many requests came since Plan.
func (p *Proxy) Count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

func (p *Proxy) next(body []byte) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.count
	p.count++
	if p.plan == nil {
		return Fault{}
	}
	return p.plan(n, body)
}

// ServeHTTP passes a request on, or loses it.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	fault := p.next(body)
	select {
	case <-time.After(fault.Delay):
	case <-r.Context().Done():
	}
	if fault.Kind == DropBefore {
		panic(http.ErrAbortHandler)
	}
	resp, answer, err := p.forward(r, body)
	if err != nil || fault.Kind == DropAfter {
		panic(http.ErrAbortHandler)
	}
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.Header().Del("Content-Length")
	w.Header().Set("Connection", "close")
	switch fault.Kind {
	case Truncate:
		w.WriteHeader(resp.StatusCode)
		_, _ = w.Write(answer[:len(answer)/2])
		_ = http.NewResponseController(w).Flush() // so that what was written is not dropped
		panic(http.ErrAbortHandler)
	case Cut:
		answer = answer[:len(answer)/2]
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(answer) // the client may have gone
}

// forward sends the request to the server, whatever has become of the client.
func (p *Proxy) forward(r *http.Request, body []byte) (*http.Response, []byte, error) {
	u := *p.target
	u.Path = strings.TrimSuffix(u.Path, "/") + r.URL.Path
	u.RawQuery = r.URL.RawQuery
	req, err := http.NewRequest(r.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header = r.Header.Clone()
	req.Header.Del("Connection")
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp, answer, err
}

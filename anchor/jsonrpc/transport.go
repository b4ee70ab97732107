package jsonrpc

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"

	"gradseal/anchor"
)

// connect is how long the node may take to accept a connection, and then over
// the TLS handshake.
const connect = 15 * time.Second

func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		// The error repeats the text, in which there may be a password.
		return nil, errors.New("the node's URL is malformed, want such as https://127.0.0.1:8334")
	}
	switch {
	case u.User != nil:
		return nil, &anchor.Remedy{
			Err:  fmt.Errorf("%s: a password in the node's URL", u.Host),
			Text: "put it into a file, or use the node's cookie file",
		}
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%s: the node's URL must begin with https:// or http://", text)
	case u.Hostname() == "":
		return nil, fmt.Errorf("%s: the node's URL has no host", text)
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return nil, fmt.Errorf("%s: the node's URL must end with its path", text)
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && ip != nil && !ip.IsLoopback() {
		return nil, clearText(u.Host)
	}
	return u, nil
}

// clearText is the error of a URL over which the password would be readable.
func clearText(host string) error {
	return &anchor.Remedy{
		Err:  fmt.Errorf("%s: the password would be sent without encryption", host),
		Text: "use https:// with a proxy that terminates TLS before the node, or http:// to this machine through an SSH tunnel",
	}
}

// newTransport makes one connection for each request: btcd closes them itself,
// and Bitcoin Core closes idle ones at moments that a POST cannot be repeated
// after.
func newTransport(u *url.URL, certFile string) (*http.Transport, error) {
	dialer := &net.Dialer{Timeout: connect}
	if u.Scheme == "http" {
		// The name may lead anywhere: the address that is dialled decides.
		dialer.Control = func(_, addr string, _ syscall.RawConn) error { return checkLoopback(addr) }
	}
	transport := &http.Transport{
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    connect,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 1 << 16,
	}
	if certFile == "" {
		return transport, nil
	}
	if u.Scheme != "https" {
		return nil, fmt.Errorf("%s: a certificate is given, and the URL is not https://", u)
	}
	pinned, err := readCertificate(certFile)
	if err != nil {
		return nil, err
	}
	transport.TLSClientConfig = &tls.Config{
		MinVersion: tls.VersionTLS12,
		// Instead of chain, name and dates: the certificate is known. The
		// handshake shows that the server has its key.
		InsecureSkipVerify: true,
		VerifyConnection:   func(state tls.ConnectionState) error { return checkPin(state, pinned, certFile) },
	}
	return transport, nil
}

func checkLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return clearText(addr)
	}
	return nil
}

func checkPin(state tls.ConnectionState, pinned []byte, certFile string) error {
	got := state.PeerCertificates[0].Raw
	if bytes.Equal(got, pinned) {
		return nil
	}
	return &anchor.Remedy{
		Err: fmt.Errorf("the node's certificate has the SHA-256 %x, the one in %s has %x",
			sha256.Sum256(got), certFile, sha256.Sum256(pinned)),
		Text: "if the node has made a new certificate, copy its rpc.cert again over a way that you trust",
	}
}

// readCertificate reads a PEM file with one certificate.
func readCertificate(name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%s: not a certificate in PEM", name)
	}
	if more, _ := pem.Decode(rest); more != nil {
		return nil, fmt.Errorf("%s: more than one certificate, want the server's own alone", name)
	}
	if _, err := x509.ParseCertificate(block.Bytes); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return block.Bytes, nil
}

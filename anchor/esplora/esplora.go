// Package esplora is an anchor.Node over the Esplora REST API, which public
// block explorers offer: for a registrar who runs no node. The API is described
// in API.md of github.com/Blockstream/esplora.
//
// The service is a stranger. It is believed in nothing that can be checked
// here: a transaction must have the id that was asked for, a header the hash,
// headers must link, the path from a transaction must lead to the root in a
// header with proof of work. What it can do is to say nothing, to be late, to
// hide that a transaction is confirmed or an output spent, and to tell a wrong
// fee rate or height: the caller has a limit for the fee, and the verifier its
// own header chain. It learns which outputs belong to the registrar.
//
// Every answer has a limit of size and of time. Questions are asked again when
// the service fails, a few times; a transaction is sent once a call. There are
// no redirects, cookies or passwords.
package esplora

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gradseal/anchor"
	"gradseal/anchor/web"
	"gradseal/bitcoin"
)

// DefaultTimeout is the time for one question, with all attempts.
const DefaultTimeout = 30 * time.Second

// Config says which service to use.
type Config struct {
	// URL is what the paths of the API are appended to, such as
	// "https://explorer.example/testnet4/api". It begins with https unless the
	// host is this machine.
	URL string

	// Network is the one that the service is to serve.
	Network bitcoin.Network

	// HTTP takes the place of a client that trusts the system's certificates.
	// Its redirects, cookies and timeout do not count.
	HTTP *http.Client

	// Timeout takes the place of DefaultTimeout where it is not zero.
	Timeout time.Duration

	// Now takes the place of time.Now.
	Now func() time.Time
}

// Node is a service. Its methods can be called by several goroutines.
type Node struct {
	url     string
	network bitcoin.Network
	http    *http.Client
	timeout time.Duration
	pause   time.Duration // between attempts
	now     func() time.Time
}

var _ anchor.Node = (*Node)(nil)

// New returns the node for a service. It asks nothing yet.
func New(config Config) (*Node, error) {
	if _, err := bitcoin.ParseNetwork(config.Network.String()); err != nil {
		return nil, err
	}
	u, err := parseURL(config.URL)
	if err != nil {
		return nil, err
	}
	n := &Node{url: u.String(), network: config.Network, timeout: config.Timeout, pause: pause, now: config.Now}
	if n.timeout == 0 {
		n.timeout = DefaultTimeout
	}
	if n.now == nil {
		n.now = time.Now
	}
	n.http = web.NewClient(u.Scheme, config.HTTP)
	return n, nil
}

// parseURL reads the URL of a service and takes the slash from its end.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		// Not repeated: there may be a password in it.
		return nil, errors.New("malformed URL of the Esplora service, want such as https://explorer.example/api")
	}
	switch {
	case u.User != nil:
		return nil, fmt.Errorf("unsupported URL %s: a user or password in the URL of the Esplora service", u.Redacted())
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("unsupported URL of the Esplora service: it must end with its path")
	case u.Hostname() == "" || u.Opaque != "":
		return nil, fmt.Errorf("malformed URL %q of the Esplora service: no host", text)
	case u.Scheme == "http" && !web.IsLoopback(u.Hostname()):
		return nil, fmt.Errorf("unsupported URL %s: it must begin with https:// unless the Esplora service is on this machine", u)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("unsupported URL %s: it must begin with https://", u)
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}

// Source names the service: "esplora" and the URL.
func (n *Node) Source() string { return "esplora " + n.url }

// maxTipAge is how old the newest block of a node that is not behind its
// network can be; the node programs have the same bound. On the regression test
// network blocks come when somebody makes them.
const maxTipAge = 24 * time.Hour

// Check asks for the first block and for the newest.
func (n *Node) Check(ctx context.Context, network bitcoin.Network) error {
	first, err := n.hash(ctx, "/block-height/0")
	if err != nil {
		return err
	}
	if first != network.Genesis().Hash() {
		return n.error(&anchor.Remedy{
			Err:  &anchor.NetworkError{Got: networkOf(first), Want: network},
			Text: fmt.Sprintf("give the URL of a service for %s; most services have one for each network", network),
		})
	}
	tip, err := n.hash(ctx, "/blocks/tip/hash")
	if err != nil {
		return err
	}
	header, err := n.Header(ctx, tip)
	if err != nil || network == bitcoin.Regtest {
		return err
	}
	if n.now().Sub(header.Time()) > maxTipAge {
		return n.error(&anchor.Remedy{
			Err:  fmt.Errorf("%w: its newest block is of %s", anchor.ErrSyncing, header.Time().Format(time.DateOnly)),
			Text: "wait, or use another service; if there are other blocks since, check the clock of this machine",
		})
	}
	return nil
}

// networkOf names the network that begins with a block.
func networkOf(first bitcoin.Hash) string {
	for _, network := range bitcoin.Networks() {
		if network.Genesis().Hash() == first {
			return network.String()
		}
	}
	return "a network that begins with block " + first.String()
}

// error says whose error it is.
func (n *Node) error(err error) error { return fmt.Errorf("%s: %w", n.Source(), err) }

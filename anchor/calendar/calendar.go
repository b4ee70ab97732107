// Package calendar is a client of OpenTimestamps calendars: public services that
// aggregate digests and put the root of them into a Bitcoin transaction, for
// nothing. The protocol is that of github.com/opentimestamps/opentimestamps-server
// (otsserver/rpc.py).
//
// A calendar is a stranger. What it answers is a claim: Submit and Timestamp read
// the form alone, and the caller runs the operations and compares the result
// with a header chain. What a calendar can do is to say nothing, to be late, to
// promise what it does not keep, and to see which digests were sent to it.
//
// Timestamps name the calendars that will complete them. Whoever follows such a
// name asks a Whitelist first, whatever file it stands in.
//
// Every answer has a limit of size and of time. There are no redirects, cookies,
// passwords or compression.
package calendar

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"gradseal/anchor/web"
	"gradseal/proof/ots"
)

const (
	// DefaultTimeout is the time for one question.
	DefaultTimeout = 10 * time.Second

	// MaxReply is the size in bytes of the largest timestamp that is read, as in
	// the reference implementation.
	MaxReply = 10_000

	// MaxDigest is the size in bytes of the largest digest that calendars take.
	MaxDigest = 64
)

// ErrUnreachable says that a calendar did not give a whole answer, or none in
// time.
var ErrUnreachable = errors.New("the calendar cannot be reached")

// PendingError says that a calendar has no timestamp of a commitment (yet): it
// waits for a block, or the calendar does not know it. Which of both is only in
// the reason.
type PendingError struct {
	Reason string // the calendar's words, at most 200 bytes of UTF-8, unescaped; may be empty
}

func (e *PendingError) Error() string {
	if e.Reason == "" {
		return "the calendar has no timestamp of it yet"
	}
	return fmt.Sprintf("the calendar has no timestamp of it: %q", e.Reason)
}

// Config says which calendar to use.
type Config struct {
	// URL is what "/digest" and "/timestamp/…" are appended to: scheme, host, and
	// where they are needed port and path. It begins with https unless the host is
	// this machine, and has only characters that a pending attestation can have.
	URL string

	// HTTP takes the place of a client that trusts the system's certificates.
	// Its redirects, cookies and timeout do not count.
	HTTP *http.Client

	// Timeout takes the place of DefaultTimeout where it is not zero.
	Timeout time.Duration
}

// Client asks one calendar. Its methods can be called by several goroutines.
type Client struct {
	url     string
	http    *http.Client
	timeout time.Duration
}

// New returns the client of a calendar. It asks nothing yet.
func New(config Config) (*Client, error) {
	at, err := parseAddress(config.URL)
	if err != nil {
		return nil, err
	}
	return &Client{
		url:     at.String(),
		http:    web.NewClient(at.scheme, config.HTTP),
		timeout: cmp.Or(config.Timeout, DefaultTimeout),
	}, nil
}

// URL names the calendar, in one spelling: that of its pending attestations
// where they name the same host.
func (c *Client) URL() string { return c.url }

// Submit sends a digest of 1 to MaxDigest bytes and returns its timestamp, which
// as a rule leads to a pending attestation: Timestamp is asked for the message
// that is attested there, at the calendar that is named there.
func (c *Client) Submit(ctx context.Context, digest []byte) (*ots.Timestamp, error) {
	if len(digest) == 0 || len(digest) > MaxDigest {
		return nil, fmt.Errorf("a digest of %d bytes for calendar %s, want 1 to %d", len(digest), c.url, MaxDigest)
	}
	return c.timestamp(ctx, http.MethodPost, "/digest", digest, len(digest))
}

// Timestamp asks for the timestamp of a commitment: the message of 1 to
// ots.MaxMessage bytes that a pending attestation is of. It returns a
// *PendingError while there is none.
func (c *Client) Timestamp(ctx context.Context, commitment []byte) (*ots.Timestamp, error) {
	if len(commitment) == 0 || len(commitment) > ots.MaxMessage {
		return nil, fmt.Errorf("a commitment of %d bytes for calendar %s, want 1 to %d", len(commitment), c.url, ots.MaxMessage)
	}
	t, err := c.timestamp(ctx, http.MethodGet, "/timestamp/"+hex.EncodeToString(commitment), nil, len(commitment))
	var status *statusError
	if errors.As(err, &status) && status.code == http.StatusNotFound && !status.page {
		return nil, c.error(&PendingError{Reason: status.text})
	}
	return t, err
}

// timestamp makes one request and reads the timestamp of a message of size bytes.
func (c *Client) timestamp(ctx context.Context, method, path string, body []byte, size int) (*ots.Timestamp, error) {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	reply, err := c.roundTrip(limited, method, path, body)
	if err != nil {
		return nil, c.error(c.explain(ctx, err))
	}
	t, err := ots.Parse(reply, size)
	if err != nil {
		return nil, c.error(fmt.Errorf("the answer: %w", err))
	}
	return t, nil
}

// error says whose error it is.
func (c *Client) error(err error) error { return fmt.Errorf("calendar %s: %w", c.url, err) }

package calendar

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"gradseal/anchor/web"
	"gradseal/proof/ots"
)

// Sizes in bytes of what is read and kept of an answer that is not 200.
const (
	maxReason = 4 << 10
	maxText   = 200
)

// statusError is an answer that is not 200.
type statusError struct {
	status string // "404 Not Found"
	code   int
	text   string // what the calendar said, shortened
	page   bool   // it was a web page
}

func (e *statusError) Error() string {
	if e.text == "" {
		return fmt.Sprintf("the answer is %q", e.status)
	}
	return fmt.Sprintf("the answer is %q: %q", e.status, e.text)
}

// brokenError is an error of the connection.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }

func (e *brokenError) Unwrap() error { return e.err }

// roundTrip makes one request and returns what is answered with 200.
func (c *Client) roundTrip(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", ots.ContentType)
	// Said outright, a transport that would unpack answers does not.
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "gradseal")
	if body != nil {
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // the URL is said already
		}
		return nil, &brokenError{err}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, readStatus(resp)
	}
	return readBody(resp)
}

func readBody(resp *http.Response) ([]byte, error) {
	tooLong := fmt.Errorf("the answer has more than %d bytes", MaxReply)
	if resp.ContentLength > MaxReply {
		return nil, tooLong
	}
	if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, fmt.Errorf("the answer is encoded with %q, which was not asked for", shorten(e))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxReply+1))
	switch {
	case len(body) > MaxReply:
		return nil, tooLong
	case err != nil:
		return nil, &brokenError{fmt.Errorf("the answer was cut off: %w", err)}
	case web.IsPage(resp, body):
		return nil, errors.New("the answer is a web page: the URL is not that of a calendar")
	}
	return body, nil
}

// readStatus is the error of an answer that is not 200. What the calendar says
// to it is kept, as far as it can be read.
func readStatus(resp *http.Response) error {
	e := &statusError{status: shorten(resp.Status), code: resp.StatusCode}
	if location := resp.Header.Get("Location"); location != "" {
		e.text = "see " + shorten(location)
		return e
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxReason)) // what is there of it
	if e.page = web.IsPage(resp, body); !e.page {
		e.text = shorten(strings.TrimSpace(string(body)))
	}
	return e
}

// shorten cuts what a stranger wrote, and makes it UTF-8.
func shorten(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText-len("…")], "") + "…"
	}
	return s
}

// explain says what an error of a request means.
func (c *Client) explain(ctx context.Context, err error) error {
	var (
		cert   *tls.CertificateVerificationError
		record tls.RecordHeaderError
		broken *brokenError
	)
	switch {
	case ctx.Err() != nil:
		if cause := context.Cause(ctx); cause != ctx.Err() {
			return fmt.Errorf("%w: %w", ctx.Err(), cause)
		}
		return ctx.Err()
	case errors.As(err, &cert):
		return fmt.Errorf("its certificate is not accepted: %w", err)
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fmt.Errorf("it does not speak TLS: %w", err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: no whole answer within %s", ErrUnreachable, c.timeout)
	case errors.As(err, &broken):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return err
}

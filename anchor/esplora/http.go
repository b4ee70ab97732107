package esplora

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gradseal/anchor"
	"gradseal/anchor/web"
)

// Sizes in bytes of the largest answers that are read.
const (
	maxText   = 1 << 10 // a height, a hash, a header, a status
	maxObject = 16 << 10
	maxList   = 1 << 20   // ten blocks, the outputs of a script
	maxHex    = 8_000_000 // a transaction that fills a block
	maxReason = 4 << 10   // of a refusal
)

// Attempts at a question, and the pauses between them.
const (
	attempts = 3
	pause    = 500 * time.Millisecond
	maxPause = 5 * time.Second // the longest that the service may ask for
)

// statusError is an answer that is not 200.
type statusError struct {
	status string // "404 Not Found"
	code   int
	text   string        // what the service said, shortened
	page   bool          // it was a web page
	pause  time.Duration // that it asks for
}

func (e *statusError) Error() string {
	if e.text == "" {
		return e.status
	}
	return fmt.Sprintf("%s: %q", e.status, e.text)
}

// isNotFound tells whether the service says that it does not have a thing,
// rather than the path.
func isNotFound(err error) bool {
	var e *statusError
	return errors.As(err, &e) && e.code == http.StatusNotFound && !isElsewhere(err)
}

// isElsewhere tells whether an error shows that the URL leads to something
// other than the API.
func isElsewhere(err error) bool {
	var e *statusError
	if errors.As(err, &e) && e.code == http.StatusNotFound {
		return e.page || strings.HasPrefix(e.text, "endpoint does not exist")
	}
	return errors.Is(err, errPage)
}

var errPage = errors.New("the answer is a web page")

// get asks a question until there is an answer or it makes no sense to go on.
func (n *Node) get(ctx context.Context, path string, limit int) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, n.timeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		body, err := n.roundTrip(limited, http.MethodGet, path, "", limit)
		if err == nil {
			return body, nil
		}
		wait, again := n.retry(err)
		if !again || attempt == attempts || !sleep(limited, wait) {
			return nil, n.explain(ctx, "GET "+path, err)
		}
	}
}

// post sends text once.
func (n *Node) post(ctx context.Context, path, text string) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, n.timeout)
	defer cancel()
	body, err := n.roundTrip(limited, http.MethodPost, path, text, maxText)
	if err != nil {
		return nil, n.explain(ctx, "POST "+path, err)
	}
	return body, nil
}

// retry tells whether a question may have an answer when asked again, and when.
func (n *Node) retry(err error) (time.Duration, bool) {
	var status *statusError
	if errors.As(err, &status) {
		if status.code == http.StatusTooManyRequests {
			return max(status.pause, n.pause), status.pause <= maxPause
		}
		return n.pause, status.code >= 500
	}
	var broken *brokenError
	return n.pause, errors.As(err, &broken) && broken.again()
}

// brokenError is an error of the connection.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }

func (e *brokenError) Unwrap() error { return e.err }

// again tells whether the service was there and hung up.
func (e *brokenError) again() bool {
	var op *net.OpError
	return errors.Is(e, io.EOF) || errors.Is(e, io.ErrUnexpectedEOF) || errors.As(e, &op) && op.Op == "read" && !op.Timeout()
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// roundTrip makes one request and returns what is answered with 200.
func (n *Node) roundTrip(ctx context.Context, method, path, text string, limit int) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, n.url+path, strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "gradseal")
	if text != "" {
		req.Header.Set("Content-Type", "text/plain")
	}
	resp, err := n.http.Do(req)
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
	body, err := readBody(resp, limit)
	if err == nil && web.IsPage(resp, body) {
		err = errPage
	}
	if err != nil {
		return nil, err
	}
	return body, nil
}

func readBody(resp *http.Response, limit int) ([]byte, error) {
	tooLong := fmt.Errorf("the answer has more than %d bytes", limit)
	if resp.ContentLength > int64(limit) {
		return nil, tooLong
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	if len(body) > limit {
		return nil, tooLong
	}
	if err != nil {
		return nil, &brokenError{fmt.Errorf("the answer was cut off: %w", err)}
	}
	return body, nil
}

// readStatus is the error of an answer that is not 200. What the service says
// to it is shown, as far as it can be read.
func readStatus(resp *http.Response) error {
	e := &statusError{status: resp.Status, code: resp.StatusCode}
	if seconds, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 31); err == nil {
		e.pause = time.Duration(seconds) * time.Second
	}
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

// shorten cuts what a stranger wrote.
func shorten(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// explain says what an error of a request means, and what to do about it.
func (n *Node) explain(ctx context.Context, request string, err error) error {
	if ctx.Err() != nil {
		return n.error(fmt.Errorf("%s: %w", request, ctx.Err()))
	}
	remedy, err := n.meaning(err)
	err = n.error(fmt.Errorf("%s: %w", request, err))
	if remedy != "" {
		err = &anchor.Remedy{Err: err, Text: remedy}
	}
	return err
}

func (n *Node) meaning(err error) (remedy string, _ error) {
	var (
		status *statusError
		cert   *tls.CertificateVerificationError
		record tls.RecordHeaderError
		broken *brokenError
	)
	switch {
	case isElsewhere(err):
		return "check the URL: that of the API ends in /api at most services, and is not that of the pages", err
	case errors.As(err, &status):
		return status.remedy(), err
	case errors.As(err, &cert):
		return "check the URL; the certificate of a service of your own must be among those that this system trusts",
			fmt.Errorf("the service's certificate is not accepted: %w", err)
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "check the port; the URL of a service on this machine may begin with http://",
			fmt.Errorf("the service does not speak TLS: %w", err)
	case errors.Is(err, context.DeadlineExceeded):
		return "try again later, or use another service", fmt.Errorf("%w: no whole answer within %s", anchor.ErrUnreachable, n.timeout)
	case errors.As(err, &broken):
		return "check the URL and the network of this machine, or use another service", fmt.Errorf("%w: %w", anchor.ErrUnreachable, err)
	}
	return "", err
}

func (e *statusError) remedy() string {
	switch {
	case e.code == http.StatusTooManyRequests:
		return "wait a while, or use another service: this one was asked too often"
	case e.code >= 300 && e.code < 400:
		return "give the URL that it leads to, if that is the service you mean"
	case e.code >= 500:
		return "the service has failed: try again later, or use another one"
	}
	return ""
}

// object asks for JSON. Keys that are not in value are ignored, as services add
// some.
func (n *Node) object(ctx context.Context, path string, limit int, value any) error {
	body, err := n.get(ctx, path, limit)
	if err != nil {
		return err
	}
	err = json.Unmarshal(body, value)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) { // which names the types of this program
		err = fmt.Errorf("%s at byte %d is not what belongs there", wrong.Value, wrong.Offset)
	}
	if err != nil {
		return n.malformed(path, err)
	}
	return nil
}

func (n *Node) malformed(path string, err error) error {
	return n.error(fmt.Errorf("GET %s: malformed answer: %w", path, err))
}

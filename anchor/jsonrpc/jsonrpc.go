// Package jsonrpc calls Bitcoin nodes: JSON-RPC over HTTP POST, as btcd and
// Bitcoin Core speak it.
//
// A call ends when its context does or after Config.Timeout, reads at most
// Config.MaxAnswer bytes, follows no redirect and uses no proxy. Passwords are
// sent over TLS or to the loopback interface only, and are in no error. The
// client trusts the node no further than that: what an answer says is for the
// caller to check.
package jsonrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"gradseal/anchor"
	"gradseal/anchor/web"
)

// DefaultTimeout and DefaultMaxAnswer are what a Config of zero has. A block of
// 4 MB is 8 MB of hex.
const (
	DefaultTimeout   = 60 * time.Second
	DefaultMaxAnswer = 32 << 20 // bytes
)

// warmUp is how long a call waits for a node that is starting or has no hand
// free, in all.
const warmUp = 20 * time.Second

// Config says which node to call.
type Config struct {
	// URL is http or https, with a host and without a password. http goes to the
	// loopback interface only.
	URL string

	// Login returns user and password, anew for each request: a cookie changes
	// when its node starts again.
	Login Login

	// CertFile, if set, names a PEM file with the one certificate that the
	// server must have. It must be exactly that one, so its names and dates do
	// not matter: nodes make their own. Otherwise the system's roots decide.
	CertFile string

	Timeout   time.Duration // of one call
	MaxAnswer int64         // bytes
}

// Client calls one node. It is safe for concurrent use.
type Client struct {
	url     *url.URL
	login   Login
	http    *http.Client
	timeout time.Duration
	max     int64
	lastID  atomic.Uint64
}

// New makes a client. It opens no connection.
func New(config Config) (*Client, error) {
	u, err := parseURL(config.URL)
	if err != nil {
		return nil, err
	}
	transport, err := newTransport(u, config.CertFile)
	if err != nil {
		return nil, err
	}
	if config.Login == nil {
		return nil, errors.New("no user name and password for the node")
	}
	c := &Client{
		url:     u,
		login:   config.Login,
		timeout: config.Timeout,
		max:     config.MaxAnswer,
		http: &http.Client{
			Transport: web.NoUpgrade{RoundTripper: transport},
			// The password would go with it.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if c.timeout == 0 {
		c.timeout = DefaultTimeout
	}
	if c.max == 0 {
		c.max = DefaultMaxAnswer
	}
	return c, nil
}

// URL is where the node is. No password is in it.
func (c *Client) URL() string { return c.url.String() }

// Wallet is the client for the wallet of that name: Bitcoin Core has each at a
// path of its own. The empty name is one that a wallet can have.
func (c *Client) Wallet(name string) *Client {
	u := *c.url
	u.Path = strings.TrimSuffix(u.Path, "/") + "/wallet/" + name
	u.RawPath = strings.TrimSuffix(c.url.EscapedPath(), "/") + "/wallet/" + url.PathEscape(name)
	return &Client{url: &u, login: c.login, http: c.http, timeout: c.timeout, max: c.max}
}

// Patient is the client with another timeout, for what a node is long at.
func (c *Client) Patient(timeout time.Duration) *Client {
	return &Client{url: c.url, login: c.login, http: c.http, timeout: timeout, max: c.max}
}

// Error is an error that the node answered with.
type Error struct {
	Method  string
	Code    int
	Message string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: the node answers %q (%d)", e.Method, e.Message, e.Code)
}

// Codes of errors that both programs have.
const (
	CodeMisc           = -1
	CodeNotFound       = -5 // no such block, transaction or address
	CodeOutOfRange     = -8 // and other invalid parameters
	CodeVerify         = -25
	CodeRejected       = -26
	CodeAlreadyInChain = -27
	CodeWarmUp         = -28
	CodeNoMethod       = -32601
)

// HasCode tells whether err is an *Error with one of the codes.
func HasCode(err error, codes ...int) bool {
	var answer *Error
	if !errors.As(err, &answer) {
		return false
	}
	for _, code := range codes {
		if answer.Code == code {
			return true
		}
	}
	return false
}

// HasAnyCode tells whether err is an *Error: the node has judged the request.
func HasAnyCode(err error) bool {
	var answer *Error
	return errors.As(err, &answer)
}

type request struct {
	Version string `json:"jsonrpc"` // btcd answers nothing without
	ID      uint64 `json:"id"`
	Method  string `json:"method"`
	Params  []any  `json:"params"` // btcd wants it, if empty
}

type response struct {
	ID     *uint64         `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// Call calls a method and decodes its result into result, unless that is nil.
// The error is an *Error where the node answered with one; otherwise it wraps
// anchor.ErrUnreachable, anchor.ErrPassword or anchor.ErrSyncing (the node is
// starting) where it is one of these.
func (c *Client) Call(ctx context.Context, result any, method string, params ...any) error {
	answers, err := c.do(ctx, method, false, [][]any{params})
	if err != nil {
		return err
	}
	return answers[0].decode(result)
}

// Answer is the result of one call of a batch.
type Answer struct {
	Result json.RawMessage
	Err    error // wraps an *Error
	method string
}

// Decode is what Call does with the result.
func (a Answer) Decode(result any) error { return a.decode(result) }

func (a Answer) decode(result any) error {
	if a.Err != nil {
		return a.Err
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(a.Result, result); err != nil {
		return fmt.Errorf("%s: malformed result: %w", a.method, err)
	}
	return nil
}

// Batch calls a method with each of params in one request, and returns the
// answers in that order. The error is that of the request as a whole.
func (c *Client) Batch(ctx context.Context, method string, params [][]any) ([]Answer, error) {
	if len(params) == 0 {
		return nil, nil
	}
	return c.do(ctx, method, true, params)
}

// do sends the calls until the node is ready for them.
func (c *Client) do(ctx context.Context, method string, batch bool, params [][]any) ([]Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	requests := make([]request, len(params))
	for i, p := range params {
		if p == nil {
			p = []any{}
		}
		requests[i] = request{Version: "1.0", ID: c.lastID.Add(1), Method: method, Params: p}
	}
	var body []byte
	var err error
	if batch {
		body, err = json.Marshal(requests)
	} else {
		body, err = json.Marshal(requests[0])
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	giveUp := time.Now().Add(warmUp)
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		answers, err := c.post(ctx, requests, batch, body)
		if err == nil && HasCode(answers[0].Err, CodeWarmUp) {
			err = fmt.Errorf("%w: %w", anchor.ErrSyncing, answers[0].Err)
		} else if err == nil || !errors.Is(err, errBusy) {
			return answers, err
		}
		if time.Now().Add(pause).After(giveUp) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", err, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// errBusy says that the node had no hand free for the request.
var errBusy = errors.New("the node has too many requests in hand")

// post sends the body once.
func (c *Client) post(ctx context.Context, requests []request, batch bool, body []byte) ([]Answer, error) {
	method := requests[0].Method
	user, password, err := c.login()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth(user, password)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.transportError(ctx, method, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, c.max+1))
	if err != nil {
		return nil, c.transportError(ctx, method, err)
	}
	if int64(len(text)) > c.max {
		return nil, fmt.Errorf("%s: %s: the answer has more than %d bytes", c.URL(), method, c.max)
	}
	if err := c.statusError(resp.StatusCode); err != nil {
		return nil, err
	}
	answers, err := parse(requests, batch, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %s: malformed answer: %w", c.URL(), method, resp.Status, err)
	}
	return answers, nil
}

// transportError is what went wrong before there was an answer.
func (c *Client) transportError(ctx context.Context, method string, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%s: %s: %w", c.URL(), method, ctx.Err())
	}
	// A *url.Error repeats method and URL of the request.
	var wrapper *url.Error
	if errors.As(err, &wrapper) {
		err = wrapper.Err
	}
	var remedy *anchor.Remedy
	if errors.As(err, &remedy) {
		return remedy
	}
	return &anchor.Remedy{
		Err:  fmt.Errorf("%w: %s: %s: %w", anchor.ErrUnreachable, c.URL(), method, err),
		Text: "start the node, or give the address at which it takes RPC",
	}
}

// statusError judges the HTTP status where it says more than the body. Errors
// of the node itself come with 200, 404 or 500 and are in the body.
func (c *Client) statusError(status int) error {
	switch status {
	case http.StatusOK, http.StatusNotFound, http.StatusInternalServerError:
		return nil
	case http.StatusUnauthorized:
		return &anchor.Remedy{
			Err:  fmt.Errorf("%w: %s", anchor.ErrPassword, c.URL()),
			Text: "give the user name and password of the node's configuration file, or its cookie file",
		}
	case http.StatusForbidden:
		return &anchor.Remedy{
			Err:  fmt.Errorf("%s: the node takes no RPC from this machine (403)", c.URL()),
			Text: "name this machine's address in the node's option rpcallowip",
		}
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return fmt.Errorf("%s: %w (%d)", c.URL(), errBusy, status)
	}
	return fmt.Errorf("%s: HTTP status %d, which no node answers with", c.URL(), status)
}

// parse reads the answer to the requests. Answers of a batch can come in any
// order; each is recognised by its id.
func parse(requests []request, batch bool, text []byte) ([]Answer, error) {
	responses := make([]response, 1)
	var err error
	if batch {
		err = json.Unmarshal(text, &responses)
	} else {
		err = json.Unmarshal(text, &responses[0])
	}
	if err != nil {
		return nil, err
	}
	if len(responses) != len(requests) {
		return nil, fmt.Errorf("%d answers, want %d", len(responses), len(requests))
	}
	first := requests[0].ID
	answers := make([]Answer, len(requests))
	for _, r := range responses {
		if r.ID == nil || *r.ID < first || *r.ID-first >= uint64(len(requests)) {
			return nil, errors.New("an id that no request had")
		}
		a := &answers[*r.ID-first]
		if a.method != "" {
			return nil, fmt.Errorf("two answers with the id %d", *r.ID)
		}
		a.method = requests[0].Method
		switch {
		case r.Error != nil:
			a.Err = answerError(&Error{Method: a.method, Code: r.Error.Code, Message: shorten(r.Error.Message)})
		case r.Result == nil:
			return nil, errors.New("neither result nor error")
		default:
			a.Result = r.Result
		}
	}
	return answers, nil
}

// answerError adds to an answer of the node what there is to do about it.
func answerError(err *Error) error {
	if strings.HasPrefix(err.Message, "limited user not authorized") {
		return &anchor.Remedy{Err: err, Text: "use btcd's rpcuser and rpcpass, not those of its limited user, which may not ask for all that is needed"}
	}
	return err
}

// maxMessage is how many bytes of a node's message an error repeats. It does so
// in quotes, with everything escaped that a terminal would not show.
const maxMessage = 500

func shorten(s string) string {
	if len(s) > maxMessage {
		return strings.ToValidUTF8(s[:maxMessage], "") + "…"
	}
	return s
}

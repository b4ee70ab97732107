// Package p2p reads block headers from a Bitcoin node by the protocol that
// nodes speak among themselves. No account, password or index is needed: any
// node of the network will do, its owner's or a stranger's.
//
// What a peer says is believed as far as it can be checked from one answer: the
// headers link to each other and to the block that was asked from, a single
// header has the hash that was asked for. Work, targets and times are judged by
// who holds a chain, and so is which chain has most work.
//
// The peer may be hostile. It is asked one thing at a time, by the caller's own
// goroutine, and has a time limit for the whole answer. Five kinds of message
// are read, none of which can be longer than 162,003 bytes; others are skipped
// without being held or decoded, and only so many of them. Version 1 of the
// transport is spoken, which all nodes understand.
//
// The messages are those of btcd's package wire. Its package peer is for
// connections that last: it decodes whatever comes, tells nobody why a
// connection ended, and has time limits of its own, of 30 to 90 seconds.
package p2p

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/anchor"
	"gradseal/bitcoin"
)

// DefaultTimeout is the time that a peer has to accept a connection and
// introduce itself, and then for each answer.
const DefaultTimeout = 30 * time.Second

// Dialer connects to peers. The zero value is ready for use.
type Dialer struct {
	// Timeout takes the place of DefaultTimeout where it is not zero.
	Timeout time.Duration
}

// Client is a connection to one peer. Its methods can be called by several
// goroutines, and wait for each other. An answer that is late, or not the
// protocol, ends the connection.
type Client struct {
	network bitcoin.Network
	mark    wire.BitcoinNet // of the network
	address string
	timeout time.Duration
	conn    net.Conn
	read    *bufio.Reader
	height  int32 // that the peer claims

	mu     sync.Mutex
	failed error // why the connection has ended
}

// Dial connects to a peer with DefaultTimeout.
func Dial(ctx context.Context, address string, network bitcoin.Network) (*Client, error) {
	return Dialer{}.Dial(ctx, address, network)
}

// Dial connects to the peer at an address HOST:PORT, or HOST for the port that
// the network's nodes listen on, and introduces itself. The error is an
// *anchor.NetworkError where the peer is on another network, and
// anchor.ErrUnreachable where nobody answers.
func (d Dialer) Dial(ctx context.Context, address string, network bitcoin.Network) (*Client, error) {
	params, err := parameters(network)
	if err != nil {
		return nil, err
	}
	if address, err = withPort(address, params.DefaultPort); err != nil {
		return nil, err
	}
	c, err := d.dial(ctx, address, network)
	if errors.Is(err, errHungUp) {
		// That is how nodes take a greeting with the mark of another network.
		if got, ok := d.networkOf(ctx, address, network); ok {
			err = &anchor.NetworkError{Got: got.String(), Want: network}
		}
	}
	if errors.Is(err, errHungUp) || errors.Is(err, errForeign) {
		err = &anchor.Remedy{
			Err: err,
			Text: fmt.Sprintf("check the port: nodes of %s listen for each other on %s unless they are told otherwise, and for RPC on another one",
				network, params.DefaultPort),
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source(address), err)
	}
	return c, nil
}

func (d Dialer) dial(ctx context.Context, address string, network bitcoin.Network) (*Client, error) {
	params, err := parameters(network)
	if err != nil {
		return nil, err
	}
	c := &Client{network: network, mark: params.Net, address: address, timeout: d.Timeout}
	if c.timeout == 0 {
		c.timeout = DefaultTimeout
	}
	dialCtx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(dialCtx, "tcp", address)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	c.conn, c.read = conn, bufio.NewReader(conn)
	if err := c.exchange(ctx, c.handshake); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

// networkOf tries the other networks at an address.
func (d Dialer) networkOf(ctx context.Context, address string, not bitcoin.Network) (bitcoin.Network, bool) {
	for _, network := range bitcoin.Networks() {
		if network == not {
			continue
		}
		c, err := d.dial(ctx, address, network)
		if err == nil {
			_ = c.Close()
			return network, true
		}
		if !errors.Is(err, errHungUp) {
			break
		}
	}
	return 0, false
}

// unreachable is the error of a connection that does not come about.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &anchor.Remedy{
		Err:  fmt.Errorf("%w: %w", anchor.ErrUnreachable, err),
		Text: "check the address and port; a node listens for others only where its configuration says so",
	}
}

// Source names the peer: "p2p:HOST:PORT".
func (c *Client) Source() string { return source(c.address) }

func source(address string) string { return "p2p:" + address }

// Height is the height of the peer's chain as it said when the connection was
// made. It is a claim.
func (c *Client) Height() int32 { return c.height }

// Close ends the connection, after an answer that another goroutine waits for.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		return nil // closed by then
	}
	c.failed = net.ErrClosed
	return c.conn.Close()
}

// maxLocator is the number of hashes in the longest locator that Bitcoin Core
// reads; it hangs up at one more.
const maxLocator = 101

// Headers returns the headers that follow the first block of locator that is in
// the peer's best chain, in order and at most 2,000. None means that the block
// is the tip. Errors: anchor.ErrUnknownBlock where no block of locator is in
// the chain; anchor.ErrSyncing where the peer gives no headers yet. Of a
// locator with more than 101 hashes the first 100 and the last are asked for.
func (c *Client) Headers(ctx context.Context, locator []bitcoin.Hash) ([]bitcoin.Header, error) {
	if len(locator) == 0 {
		return nil, errors.New("no block to ask from: the locator is empty")
	}
	if len(locator) > maxLocator {
		locator = append(slices.Clone(locator[:maxLocator-1]), locator[len(locator)-1])
	}
	hs, err := c.ask(ctx, locator, bitcoin.Hash{}, func(hs []bitcoin.Header) error {
		return c.checkHeaders(hs, locator)
	})
	if err != nil {
		return nil, err
	}
	if len(hs) == 0 {
		return nil, c.checkKnown(ctx, locator)
	}
	if !slices.Contains(locator, hs[0].Previous()) {
		return nil, c.error(anchor.ErrUnknownBlock)
	}
	return hs, nil
}

// checkHeaders checks that headers link, the first one to a block of locator or
// to the genesis block, which is where a node begins that knows none of them.
func (c *Client) checkHeaders(hs []bitcoin.Header, locator []bitcoin.Hash) error {
	for i, h := range hs {
		previous := h.Previous()
		if i > 0 && previous != hs[i-1].Hash() {
			return fmt.Errorf("invalid headers: number %d follows %s, want %s", i, previous, hs[i-1].Hash())
		}
		if i == 0 && !slices.Contains(locator, previous) && previous != c.network.Genesis().Hash() {
			return fmt.Errorf("unexpected headers: they follow %s, which was not asked for", previous)
		}
	}
	return nil
}

// checkKnown tells what it means that no header came: nil where the peer knows
// a block of locator.
func (c *Client) checkKnown(ctx context.Context, locator []bitcoin.Hash) error {
	for _, id := range locator {
		_, err := c.Header(ctx, id)
		if !errors.Is(err, anchor.ErrUnknownBlock) {
			return err
		}
	}
	return c.error(anchor.ErrUnknownBlock)
}

// Header returns the header of the block with the hash id, in the peer's best
// chain or not. Errors: anchor.ErrUnknownBlock where the peer has no such block
// or does not hand it out; anchor.ErrSyncing as for Headers.
func (c *Client) Header(ctx context.Context, id bitcoin.Hash) (bitcoin.Header, error) {
	h, ok, err := c.header(ctx, id)
	if ok || err != nil {
		return h, err
	}
	// Nodes do not say whether they know no such block or give none. Every node
	// knows the genesis block.
	genesis := c.network.Genesis().Hash()
	if id != genesis {
		if _, ok, err = c.header(ctx, genesis); err != nil {
			return bitcoin.Header{}, err
		}
	}
	if ok {
		return bitcoin.Header{}, c.error(anchor.ErrUnknownBlock)
	}
	return bitcoin.Header{}, c.syncing()
}

// header asks for one header by an empty locator and a stop hash. It is not ok
// where the peer gives none.
func (c *Client) header(ctx context.Context, id bitcoin.Hash) (h bitcoin.Header, ok bool, err error) {
	hs, err := c.ask(ctx, nil, id, func(hs []bitcoin.Header) error {
		if len(hs) > 1 {
			return fmt.Errorf("unexpected headers: %d of them, want the one of block %s", len(hs), id)
		}
		if len(hs) == 1 && hs[0].Hash() != id {
			return fmt.Errorf("unexpected header: its hash is %s, want %s", hs[0].Hash(), id)
		}
		return nil
	})
	if errors.Is(err, anchor.ErrSyncing) {
		return h, false, nil
	}
	if err != nil || len(hs) == 0 {
		return h, false, err
	}
	return hs[0], true, nil
}

func (c *Client) syncing() error {
	return c.error(&anchor.Remedy{
		Err:  anchor.ErrSyncing,
		Text: "wait until the node has caught up, or name another one",
	})
}

func (c *Client) error(err error) error { return fmt.Errorf("%s: %w", c.Source(), err) }

// ask sends getheaders and returns the headers that come. A ping follows the
// question at once: nodes answer in order, and one that has not caught up says
// nothing to getheaders, so that its pong tells what would otherwise take a
// timeout to know. The error is anchor.ErrSyncing then. check judges the
// headers; where it does not take them the connection ends.
func (c *Client) ask(ctx context.Context, locator []bitcoin.Hash, stop bitcoin.Hash, check func([]bitcoin.Header) error) ([]bitcoin.Header, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		return nil, c.error(fmt.Errorf("the connection has ended: %w", c.failed))
	}
	var hs []bitcoin.Header
	var answered bool
	err := c.exchange(ctx, func(t *turn) error {
		var err error
		if hs, answered, err = t.getHeaders(locator, stop); err != nil {
			return err
		}
		return check(hs)
	})
	if err != nil {
		return nil, c.error(err)
	}
	if !answered {
		return nil, c.syncing()
	}
	return hs, nil
}

// exchange runs one exchange of messages within the time limits of ctx and of
// the client, and ends the connection if it fails.
func (c *Client) exchange(ctx context.Context, f func(*turn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return c.fail(err)
	}
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		// A time in the past wakes who waits for the connection.
		_ = c.conn.SetDeadline(time.Unix(1, 0))
		close(woken)
	})
	err := f(&turn{client: c, left: maxSkipped, bytes: maxSkippedBytes})
	if !stop() {
		<-woken // or it would spoil the next exchange's deadline
	}
	if err != nil {
		return c.fail(c.explain(ctx, err))
	}
	return nil
}

func (c *Client) fail(err error) error {
	_ = c.conn.Close()
	c.failed = err
	return err
}

var (
	// errHungUp says that the peer has closed the connection.
	errHungUp = errors.New("the peer hung up")
	// errForeign says that what came does not begin as messages do.
	errForeign = errors.New("the peer does not speak the protocol of")
)

// explain says what an error of the connection means.
func (c *Client) explain(ctx context.Context, err error) error {
	var netErr net.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &netErr) && netErr.Timeout():
		return fmt.Errorf("%w: no whole answer within %s", anchor.ErrUnreachable, c.timeout)
	case errors.As(err, &netErr), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", anchor.ErrUnreachable, errHungUp)
	}
	return err
}

// getHeaders asks and returns the answer, if the peer gives one.
func (t *turn) getHeaders(locator []bitcoin.Hash, stop bitcoin.Hash) (hs []bitcoin.Header, answered bool, err error) {
	nonce, err := wire.RandomUint64()
	if err != nil {
		return nil, false, err
	}
	if err := t.client.send(newGetHeaders(locator, stop), wire.NewMsgPing(nonce)); err != nil {
		return nil, false, err
	}
	for {
		m, err := t.next()
		if err != nil {
			return nil, false, err
		}
		switch m.command {
		case wire.CmdHeaders:
			if answered {
				return nil, false, errors.New("unexpected second headers message")
			}
			if hs, err = parseHeaders(m.payload); err != nil {
				return nil, false, err
			}
			answered = true
		case wire.CmdPong:
			if isPong(m.payload, nonce) {
				return hs, answered, nil
			}
		default:
			return nil, false, fmt.Errorf("unexpected %s message after the handshake", m.command)
		}
	}
}

// Package calendartest is an OpenTimestamps calendar for tests: an HTTP server on
// loopback that aggregates digests, puts their root into a Bitcoin transaction
// and answers with the way from a digest to the block.
//
// The protocol, paths, status codes and texts are those of
// github.com/opentimestamps/opentimestamps-server (otsserver/rpc.py), and so is
// the form of what it answers: a nonce for each digest, a tree of all that came
// at about the same time, the time before the root of it and a MAC behind. The
// transaction is real. It is made, sent and found by an anchor.Backend: the
// embedded node, or a node with a signer of coins; what goes before and behind
// the root on its way to the block is computed here, with package ots alone.
//
// It differs from a calendar in service in three things: it keeps all in memory;
// one block is enough for it, and when that leaves the chain so does the answer;
// and answers have more in them than the way to the block, as they may have: an
// unknown attestation, one of another chain, one of another calendar, and forks.
// Faults has it misbehave.
package calendartest

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"gradseal/anchor"
	"gradseal/proof/ots"
)

// Options are those of one calendar. The zero value is a usual one.
type Options struct {
	// URI is what the pending attestations name; the calendar's URL where empty.
	URI string

	// Wait is how long a digest waits for others to be aggregated with; 10 ms
	// where zero.
	Wait time.Duration

	// Others is how many digests of other people go into each aggregation and
	// each transaction: 5 where zero, none where below.
	Others int

	// Rate and MaxFee are those of the transactions: 2 sat/vB and 100,000 satoshi
	// where zero. The embedded node has its own rate.
	Rate   anchor.FeeRate
	MaxFee int64
}

// setDefaults fills in what is zero.
func (o *Options) setDefaults(url string) {
	if o.URI == "" {
		o.URI = url
	}
	if o.Wait == 0 {
		o.Wait = 10 * time.Millisecond
	}
	if o.Others == 0 {
		o.Others = 5
	}
	if o.Rate == 0 {
		o.Rate = 2 * anchor.SatPerVByte
	}
	if o.MaxFee == 0 {
		o.MaxFee = 100_000
	}
}

// Calendar is a running calendar. Its methods can be called by several
// goroutines.
type Calendar struct {
	backend anchor.Backend
	options Options
	url     string
	server  *http.Server
	macKey  []byte

	anchoring sync.Mutex // held while a transaction is made

	mu          sync.Mutex
	faults      Faults
	seen        []string
	digests     [][]byte
	open        *aggregation
	commitments []*commitment
}

// commitment is a message that a pending attestation was given for.
type commitment struct {
	message []byte // time (4) || root of an aggregation (32) || MAC (8)
	anchors []stamp
}

// stamp is the way from a commitment to a transaction.
type stamp struct {
	ops  []ots.Operation // to the root, 32 bytes
	root [32]byte
	raw  []byte // signed
}

// New starts a calendar on a port of its own. Several can share a backend. The
// caller closes it.
//
// A node that somebody runs and a signer are a backend together:
//
//	struct{ anchor.Node; anchor.Signer }{node, anchor.NewKeySigner(node, key)}
func New(backend anchor.Backend, options Options) (*Calendar, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &Calendar{backend: backend, options: options, url: "http://" + listener.Addr().String(), macKey: random(32)}
	c.options.setDefaults(c.url)
	c.server = &http.Server{Handler: c.routes(), ReadHeaderTimeout: time.Minute}
	go func() { _ = c.server.Serve(listener) }() // until Close
	return c, nil
}

// Close stops the calendar and ends the connections to it. From then on
// connections are refused.
func (c *Calendar) Close() error { return c.server.Close() }

// URL is where the calendar is.
func (c *Calendar) URL() string { return c.url }

// Misbehave replaces the faults of the calendar; the zero value has it behave.
func (c *Calendar) Misbehave(faults Faults) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = faults
}

func (c *Calendar) misbehaviour() Faults {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.faults
}

// Seen is what was asked since the start, in order: "POST /digest",
// "GET /timestamp/00ff…".
func (c *Calendar) Seen() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.seen)
}

// Digests is what was submitted since the start, in order.
func (c *Calendar) Digests() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.digests)
}

// Anchor makes and sends one transaction for all commitments that are in none
// yet. Where there is no such, it does nothing. Replies have the way to the block
// as soon as the backend finds the transaction in one: the embedded node has
// then made it, other nodes want somebody to.
func (c *Calendar) Anchor(ctx context.Context) error {
	return c.anchor(ctx, func(k *commitment) bool { return len(k.anchors) == 0 })
}

// AnchorAgain makes one more transaction, for all commitments that there are.
// Replies then have forks that lead to several blocks.
func (c *Calendar) AnchorAgain(ctx context.Context) error {
	return c.anchor(ctx, func(*commitment) bool { return true })
}

func (c *Calendar) anchor(ctx context.Context, wanted func(*commitment) bool) error {
	c.anchoring.Lock()
	defer c.anchoring.Unlock()
	list := c.list(wanted)
	if len(list) == 0 {
		return nil
	}
	paths := make([][]ots.Operation, len(list))
	leaves := make([][]byte, len(list))
	for i, k := range list {
		// Commitments are longer than a hash has to be.
		paths[i] = append(c.misbehaviour().weak(), ots.SHA256)
		leaf, err := run(paths[i], k.message)
		if err != nil {
			return err
		}
		leaves[i] = leaf
	}
	root, above := tree(c.withOthers(leaves))
	raw, err := c.send(ctx, [32]byte(root))
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, k := range list {
		k.anchors = append(k.anchors, stamp{append(paths[i], above[i]...), [32]byte(root), raw})
	}
	return nil
}

func (c *Calendar) list(wanted func(*commitment) bool) []*commitment {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []*commitment
	for _, k := range c.commitments {
		if wanted(k) {
			list = append(list, k)
		}
	}
	return list
}

// send makes a transaction that commits to root, signs and sends it. Coins that
// somebody else has spent meanwhile, such as another calendar, are left to them.
func (c *Calendar) send(ctx context.Context, root [32]byte) ([]byte, error) {
	order := anchor.Order{Root: root, Rate: c.options.Rate, MaxFee: c.options.MaxFee}
	for {
		request, err := c.backend.Fund(ctx, order)
		if err != nil {
			return nil, err
		}
		raw, err := c.backend.Sign(ctx, request)
		if err != nil {
			return nil, err
		}
		err = c.backend.Submit(ctx, raw)
		var spent *anchor.SpentError
		switch {
		case err == nil:
			return raw, nil
		case !errors.As(err, &spent), slices.Contains(order.Reserved, spent.Input):
			return nil, err
		}
		order.Reserved = append(order.Reserved, spent.Input)
	}
}

// aggregation is of the digests that come at about the same time.
type aggregation struct {
	leaves [][]byte
	done   chan struct{}
	paths  [][]ots.Operation // from each leaf to the commitment; set when done is closed
}

// submit aggregates a digest and returns the way to the commitment.
func (c *Calendar) submit(ctx context.Context, digest []byte) ([]ots.Operation, error) {
	// The nonce keeps whoever has another digest of the aggregation from trying
	// out what this one is.
	ops := append([]ots.Operation{ots.Append(random(16))}, c.misbehaviour().weak()...)
	ops = append(ops, ots.SHA256)
	leaf, err := run(ops, digest)
	if err != nil {
		return nil, err
	}
	a, i := c.join(leaf)
	select {
	case <-a.done:
		return append(ops, a.paths[i]...), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// join adds a leaf to the open aggregation, or to a new one.
func (c *Calendar) join(leaf []byte) (*aggregation, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		a := &aggregation{done: make(chan struct{})}
		c.open = a
		time.AfterFunc(c.options.Wait, func() { c.aggregate(a) })
	}
	c.open.leaves = append(c.open.leaves, leaf)
	return c.open, len(c.open.leaves) - 1
}

// aggregate ends an aggregation and keeps its commitment.
func (c *Calendar) aggregate(a *aggregation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = nil
	root, paths := tree(c.withOthers(a.leaves))
	now := binary.BigEndian.AppendUint32(nil, uint32(time.Now().Unix()))
	message := append(now, root...)
	mac := hmac.New(sha256.New, c.macKey)
	mac.Write(message)
	check := mac.Sum(nil)[:8]
	for _, path := range paths[:len(a.leaves)] {
		a.paths = append(a.paths, append(path, ots.Prepend(now), ots.Append(check)))
	}
	c.commitments = append(c.commitments, &commitment{message: append(message, check...)})
	close(a.done)
}

// withOthers adds digests of other people.
func (c *Calendar) withOthers(leaves [][]byte) [][]byte {
	leaves = slices.Clone(leaves)
	for range c.options.Others {
		leaves = append(leaves, random(32))
	}
	return leaves
}

// find returns the commitment with a message; nil where there is none.
func (c *Calendar) find(message []byte) *commitment {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.commitments {
		if string(k.message) == string(message) {
			return &commitment{k.message, slices.Clone(k.anchors)}
		}
	}
	return nil
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// run applies operations one after the other.
func run(ops []ots.Operation, message []byte) ([]byte, error) {
	for _, op := range ops {
		var err error
		if message, err = op.Apply(message); err != nil {
			return nil, fmt.Errorf("calendar: %w", err)
		}
	}
	return message, nil
}

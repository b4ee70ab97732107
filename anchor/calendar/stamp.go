package calendar

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gradseal/proof/ots"
)

const (
	// nonceSize is the length in bytes of what is put behind a digest before a
	// calendar sees the hash of both, as in the reference client.
	nonceSize = 16

	// grace is how long the others are waited for when enough calendars have
	// answered.
	grace = 3 * time.Second

	// maxPromised is how many promises are kept of one answer, and maxPromiseOps of
	// how many operations: a few of each are usual.
	maxPromised   = 4
	maxPromiseOps = 50

	// rootSize is the length in bytes of what is stamped.
	rootSize = 32
)

// Stamp submits a batch root to all calendars at once, to each behind a nonce of
// its own, so that they cannot tell that it is the same one. It returns the
// timestamp of the root that joins what they promised, in which every path ends
// in a pending attestation of a calendar that is allowed and goes through
// sha256, append and prepend only: anything else is dropped.
//
// It fails where fewer than least calendars gave such a promise; failures has an
// error for each that did not, whether it fails or not.
func Stamp(ctx context.Context, clients []*Client, allowed Whitelist, root [rootSize]byte, least int) (t *ots.Timestamp, failures []error, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type answer struct {
		promise *ots.Timestamp
		err     error
	}
	answers := make(chan answer, len(clients))
	for _, c := range clients {
		go func() {
			promise, err := c.stamp(ctx, allowed, root)
			if err != nil && context.Cause(ctx) == errLate {
				err = c.error(errLate)
			}
			answers <- answer{promise, err}
		}()
	}
	got := 0
	for range clients {
		a := <-answers
		switch {
		case a.err != nil:
			failures = append(failures, a.err)
			continue
		case t == nil:
			t = a.promise
		default:
			t = ots.Merge(t, a.promise)
		}
		if got++; got == least {
			stop := time.AfterFunc(grace, func() { cancel(errLate) })
			defer stop.Stop()
		}
	}
	if got < least {
		return nil, failures, fmt.Errorf("%d of %d calendars answered, want at least %d", got, len(clients), least)
	}
	return t.Canonical(), failures, nil
}

// stamp has one calendar promise to anchor the root.
func (c *Client) stamp(ctx context.Context, allowed Whitelist, root [rootSize]byte) (*ots.Timestamp, error) {
	var nonce [nonceSize]byte
	rand.Read(nonce[:]) // never fails: crypto/rand crashes the program instead
	ops := []ots.Operation{ots.Append(nonce[:]), ots.SHA256}
	digest := sha256.Sum256(append(root[:], nonce[:]...))
	reply, err := c.Submit(ctx, digest[:])
	if err != nil {
		return nil, err
	}
	kept := 0
	promise, err := reply.Prune(digest[:], func(p ots.Path) bool {
		uri, ok := p.Attestation.URI()
		ok = ok && kept < maxPromised && len(p.Ops) <= maxPromiseOps && len(p.Result) <= MaxDigest && allowed.Allows(uri) && areCommitments(p.Ops)
		if ok {
			kept++
		}
		return ok
	})
	if err != nil {
		return nil, c.error(err)
	}
	if promise == nil {
		return nil, c.error(errors.New("its answer promises nothing by a calendar that may be asked for it"))
	}
	return promise.After(ops), nil
}

// areCommitments reports whether the operations are such as a proof may have.
func areCommitments(ops []ots.Operation) bool {
	return !slices.ContainsFunc(ops, func(o ots.Operation) bool { return !o.IsCommitment() })
}

var errLate = errors.New("it did not answer in time, and enough others had")

// ErrNotAllowed says that a calendar is not one of those that may be asked
// because a timestamp names it.
var ErrNotAllowed = errors.New("it is not one of the calendars that may be asked")

// Promise is the word of a calendar that it will have a batch root in a block.
type Promise struct {
	URI    string
	Path   ots.Path // from the batch root to what the calendar is asked for
	Height *uint64  // of the block, where the promise was kept
}

// Promises returns the promises in the timestamp of a batch root: those that are
// open, and those behind which there is a Bitcoin attestation.
func Promises(root [rootSize]byte, t *ots.Timestamp) (open, kept []Promise, err error) {
	paths, err := t.Paths(root[:])
	if err != nil {
		return nil, nil, err
	}
	for _, p := range paths {
		uri, ok := p.Attestation.URI()
		if !ok {
			continue
		}
		if height, ok := keptAt(paths, p); ok {
			kept = append(kept, Promise{uri, p, &height})
		} else {
			open = append(open, Promise{uri, p, nil})
		}
	}
	return open, kept, nil
}

// keptAt is the height of a block to which one of the paths leads from where a
// promise was given.
func keptAt(paths []ots.Path, promise ots.Path) (uint64, bool) {
	for _, p := range paths {
		height, ok := p.Attestation.BitcoinHeight()
		if ok && len(p.Ops) >= len(promise.Ops) && slices.Equal(p.Ops[:len(promise.Ops)], promise.Ops) {
			return height, true
		}
	}
	return 0, false
}

// Answer is what came of asking for one promise.
type Answer struct {
	Promise
	// Paths lead from the batch root to blocks of Bitcoin, through sha256, append
	// and prepend only; everything else in the calendar's answer was dropped. They
	// are claims: nobody has compared them with a block.
	Paths []ots.Path
	Err   error // such as a *PendingError
	Took  time.Duration
}

// Ask asks for all promises at once: one that never answers does not hold up the
// others for longer than a Config allows. A calendar that is not on the list of
// those allowed is not asked, and its answer is an error. config.URL is not used.
func Ask(ctx context.Context, promises []Promise, allowed Whitelist, config Config) []Answer {
	answers := make([]Answer, len(promises))
	var wg sync.WaitGroup
	for i, p := range promises {
		wg.Go(func() {
			answers[i] = Answer{Promise: p}
			begun := time.Now()
			answers[i].Paths, answers[i].Err = p.ask(ctx, allowed, config)
			answers[i].Took = time.Since(begun)
		})
	}
	wg.Wait()
	return answers
}

func (p Promise) ask(ctx context.Context, allowed Whitelist, config Config) ([]ots.Path, error) {
	if !allowed.Allows(p.URI) {
		return nil, fmt.Errorf("calendar %q: %w", p.URI, ErrNotAllowed)
	}
	config.URL = p.URI
	c, err := New(config)
	if err != nil {
		return nil, err
	}
	reply, err := c.Timestamp(ctx, p.Path.Result)
	if err != nil {
		return nil, err
	}
	found, err := reply.Paths(p.Path.Result)
	if err != nil {
		return nil, c.error(err)
	}
	var paths []ots.Path
	for _, f := range found {
		if _, ok := f.Attestation.BitcoinHeight(); ok && areCommitments(f.Ops) {
			f.Ops = slices.Concat(p.Path.Ops, f.Ops)
			paths = append(paths, f)
		}
	}
	if len(paths) == 0 {
		return nil, c.error(&PendingError{Reason: "its answer leads to no block of Bitcoin"})
	}
	return paths, nil
}

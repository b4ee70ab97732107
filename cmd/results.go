package cmd

import (
	"cmp"
	"io"
	"sync"
	"time"
)

// results is where results go. It keeps the first error of writing them.
type results struct {
	io.Writer

	mu    sync.Mutex
	err   error
	held  []byte      // not written yet
	timer *time.Timer // writes what is held; nil: nothing is to be held
}

// A result of many is written with others, where nobody sees that it came later: a
// system call for each line was a sixteenth of a bulk verification.
const (
	heldFor  = 50 * time.Millisecond
	heldMost = 32 << 10 // bytes
)

func (r *results) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timer == nil {
		n, err := r.Writer.Write(p)
		r.err = cmp.Or(r.err, err)
		return n, err
	}
	if len(r.held) == 0 {
		r.timer.Reset(heldFor)
	}
	if r.held = append(r.held, p...); len(r.held) >= heldMost {
		r.flush()
	}
	return len(p), r.err
}

// hold lets several results be written at once, until release. A terminal shows each as
// it comes.
func (r *results) hold() {
	if isTerminal(r.Writer) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer = time.AfterFunc(heldFor, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.flush()
	})
}

// release writes what is held. From now on each result is written by itself.
func (r *results) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
	r.flush()
}

// flush writes what is held; mu is locked.
func (r *results) flush() {
	if len(r.held) > 0 && r.err == nil {
		_, r.err = r.Writer.Write(r.held)
	}
	r.held = r.held[:0]
}

// failure is the first error of writing.
func (r *results) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

package headers

import (
	"errors"
	"fmt"
	"time"

	"gradseal/bitcoin"
)

// Options are how Sync and Import work.
type Options struct {
	// Name is the source as it is recorded (see CheckSource). Import takes that
	// of the segment where it is empty.
	Name string
	// Start is where a chain begins, nil for the usual: the last listed block, or
	// genesis where no list is built in. Import begins with its segment.
	Start *Pin
	// Replace takes another chain in the place of the stored one, damaged or not,
	// on a test network only. The stored one stays until the other is complete.
	Replace bool
	// Now is the time by which headers are too far ahead.
	Now time.Time
	// Progress is called with the height that is reached, now and then. It may
	// be nil.
	Progress func(height uint32)
}

// Import adds the headers of a segment to the chain at path, which is created
// where it is missing. All of them are checked as Sync checks them, and all are
// taken or none.
//
// A segment must begin at genesis, at a listed block, or after a header that is
// held; the first one of a chain may begin at a pin too, and so may one below
// the pin at which a chain begins, if it leads to it. Otherwise the error is
// ErrGap. On a network with a built-in list, what lies below its last block
// must lead to a listed block. See ErrDisagree and ErrLessWork for a segment
// that contradicts what is stored, where a test network's chain from another
// source is never replaced; ErrFuture; *DamagedError.
func Import(path string, s *Segment, o Options) error {
	r, err := rulesOf(s.Network)
	if err != nil {
		return err
	}
	return importSegment(path, r, s, o)
}

func importSegment(path string, r *rules, s *Segment, o Options) (err error) {
	if err := s.checkHead(len(s.Headers)); err != nil {
		return fmt.Errorf("malformed header segment: %w", err)
	}
	if o.Name == "" {
		o.Name = s.Source
	}
	w, err := openWriter(path, r, o.Name, o.Replace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	return w.takeSegment(s, o)
}

// takeSegment takes in all headers of a segment and saves them, or none.
func (w *writer) takeSegment(s *Segment, o Options) error {
	w.clock = o.Now
	left, err := w.place(s)
	if err != nil {
		return err
	}
	for _, h := range left {
		if err := w.take(h); err != nil {
			return err
		}
	}
	if err := w.finish(); err != nil {
		return err
	}
	if err := w.accept(); err != nil {
		return err
	}
	if o.Progress != nil {
		o.Progress(w.at)
	}
	return w.save()
}

// place finds where a segment belongs, and returns the headers that follow
// there.
func (w *writer) place(s *Segment) ([]bitcoin.Header, error) {
	aligned := s.From%period == 0
	if w.chain == nil && w.rules.list != nil && (!aligned || s.From <= w.rules.list.top()) {
		if err := w.beginListed(); err != nil {
			return nil, err
		}
	}
	first := s.Headers[0]
	switch {
	case w.chain == nil && aligned:
		return s.Headers[1:], w.begin(s.From, first, s.Before)
	case w.chain == nil:
		return nil, fmt.Errorf("%s: no header is held, and a chain begins at a height that is a multiple of %d, not at %d: %w", w.path, period, s.From, ErrGap)
	case s.From > 0 && w.chain.holds(s.From-1):
		return s.Headers, w.attach(s.From-1, first.Previous())
	case w.chain.holds(s.From):
		return s.Headers[1:], w.attach(s.From, first.Hash())
	case aligned && s.From < w.chain.main().From:
		return s.Headers[1:], w.begin(s.From, first, s.Before)
	}
	return nil, w.gap(s.From)
}

// beginListed starts the chain with the last listed block.
func (w *writer) beginListed() error {
	l := w.rules.list
	_, work, _ := l.at(l.top())
	if err := w.begin(l.top(), l.last, work.sub(mustExpand(l.last.Bits()).work)); err != nil {
		return err
	}
	return w.accept()
}

// gap is the error for a header at a height that connects to nothing.
func (w *writer) gap(height uint32) error {
	from := uint32(0)
	for _, r := range w.chain.ranges {
		if r.To < height {
			from = r.To + 1
		}
	}
	return fmt.Errorf("%s: headers from height %d to %d are needed first: %w", w.path, from, height-1, ErrGap)
}

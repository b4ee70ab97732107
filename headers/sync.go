package headers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gradseal/bitcoin"
)

const (
	// maxBatch is how many headers a source may give at once.
	maxBatch = 2000
	// maxRestarts is how often a source may change its chain while it is read.
	maxRestarts = 10
)

// Source is where headers come from. Nothing that it answers is believed.
type Source interface {
	// Headers returns headers of the source's best chain, in order: those that
	// follow the first block of locator that is in that chain, at most 2,000.
	// None means that the block is the tip.
	Headers(ctx context.Context, locator []bitcoin.Hash) ([]bitcoin.Header, error)

	// Header returns the header of the block with the hash id.
	Header(ctx context.Context, id bitcoin.Hash) (bitcoin.Header, error)
}

// Sync adds what a source has to the chain at path, which is created where it
// is missing. What was checked is saved after each answer of the source, and
// stays when Sync ends with an error.
//
// On a test network a branch with more work is taken from a source other than
// the recorded one if it leaves the stored chain at most MaxReplaced blocks
// below its tip and above its first block: this is how a reorganisation looks
// to who changes the node. The new source is the recorded one then. The
// embedded node's chain takes none.
//
// Errors: those of the source; ErrDisagree where the source has other blocks
// than the stored chain from another source, deeper than that, or than the
// lists; ErrLessWork where its chain branches off and has no more work;
// ErrFuture; *DamagedError; otherwise a header breaks a rule.
func Sync(ctx context.Context, path string, network bitcoin.Network, source Source, o Options) error {
	r, err := rulesOf(network)
	if err != nil {
		return err
	}
	return syncFrom(ctx, path, r, source, o)
}

func syncFrom(ctx context.Context, path string, r *rules, source Source, o Options) (err error) {
	w, err := openWriter(path, r, o.Name, o.Replace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	w.clock, w.named = o.Now, true
	s := &syncer{w: w, source: source, o: o}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	if err := s.run(ctx); err != nil {
		return err
	}
	if o.Start != nil {
		if err := s.checkStart(); err != nil {
			return err
		}
	}
	return w.save()
}

type syncer struct {
	w      *writer
	source Source
	o      Options
	// filling: the headers go below the range that grows.
	filling bool
}

// prepare sees to it that there is a chain that grows, and goes to where the
// next headers belong.
func (s *syncer) prepare(ctx context.Context) error {
	w, start := s.w, s.o.Start
	if w.chain == nil {
		if err := s.begin(ctx); err != nil {
			return err
		}
	}
	main := w.chain.main()
	if start == nil || start.Height >= main.From {
		return w.attach(main.To, main.Hash)
	}
	s.filling = true
	if !w.chain.holds(start.Height) {
		return s.pin(ctx, *start)
	}
	r, _ := w.chain.rangeOf(start.Height)
	return w.attach(r.To, r.Hash)
}

// begin starts a chain where there is none.
func (s *syncer) begin(ctx context.Context) error {
	w, start := s.w, s.o.Start
	switch {
	case w.rules.list != nil && (start == nil || start.Height <= w.rules.list.top()):
		return w.beginListed()
	case start == nil:
		genesis := w.rules.genesisPin()
		start = &genesis
	}
	if err := s.pin(ctx, *start); err != nil {
		return err
	}
	return w.accept()
}

// pin begins a range with a block, whose header comes from the source.
func (s *syncer) pin(ctx context.Context, p Pin) error {
	h := s.w.rules.genesis
	if p.Height > 0 {
		var err error
		if h, err = s.source.Header(ctx, p.Hash); err != nil {
			return fmt.Errorf("header of block %s: %w", p.Hash, err)
		}
	}
	if got := h.Hash(); got != p.Hash {
		return fmt.Errorf("unexpected header of block %s, want %s", got, p.Hash)
	}
	own, err := expand(h.Bits())
	if err != nil {
		return err
	}
	if p.Work.Cmp(own.work) < 0 {
		return fmt.Errorf("invalid chainwork %s at height %d: the block alone has %s", p.Work, p.Height, own.work)
	}
	return s.w.begin(p.Height, h, p.Work.sub(own.work))
}

// checkStart holds the start that was asked for against what is there now.
func (s *syncer) checkStart() error {
	c, start := s.w.chain, s.o.Start
	h, err := c.At(start.Height)
	if errors.Is(err, ErrNotHeld) && start.Height > c.Height() {
		return fmt.Errorf("the chain of %s ends at height %d, below block %d: %w", s.o.Name, c.Height(), start.Height, ErrNotHeld)
	}
	if err != nil {
		return err
	}
	if got := h.Hash(); got != start.Hash {
		return s.w.disagree(start.Height, got, start.Hash)
	}
	return nil
}

// place is a block from which a source may go on.
type place struct {
	height uint32
	hash   bitcoin.Hash
}

// run asks the source for headers until it has no more.
func (s *syncer) run(ctx context.Context) error {
	for first, restarts := true, 0; ; first = false {
		more, restarted, err := s.step(ctx)
		if err != nil || !more {
			return err
		}
		if restarted && !first {
			restarts++
		}
		if restarts > maxRestarts {
			return fmt.Errorf("%s has changed its chain %d times meanwhile", s.o.Name, restarts)
		}
	}
}

// step takes one answer of the source. more is false where it has no headers
// left; restarted where it went on from a block before the last one.
func (s *syncer) step(ctx context.Context) (more, restarted bool, err error) {
	locator, err := s.locator()
	if err != nil {
		return false, false, err
	}
	hashes := make([]bitcoin.Hash, len(locator))
	for i, p := range locator {
		hashes[i] = p.hash
	}
	hs, err := s.source.Headers(ctx, hashes)
	if err != nil {
		return false, false, err
	}
	if len(hs) == 0 {
		return false, false, s.end()
	}
	if len(hs) > maxBatch {
		return false, false, fmt.Errorf("%s has answered with %d headers, want at most %d", s.o.Name, len(hs), maxBatch)
	}
	i := slices.Index(hashes, hs[0].Previous())
	if i < 0 {
		return false, false, fmt.Errorf("%s has answered with headers that follow block %s, which it was not asked about", s.o.Name, hs[0].Previous())
	}
	if err := s.w.attach(locator[i].height, locator[i].hash); err != nil {
		return false, false, err
	}
	taken := s.takeAll(hs)
	if err := s.keep(); err != nil {
		return false, false, errors.Join(taken, err)
	}
	return true, i > 0, taken
}

func (s *syncer) takeAll(hs []bitcoin.Header) error {
	for _, h := range hs {
		if err := s.w.take(h); err != nil {
			return err
		}
		if main := s.w.chain.main(); s.filling && s.w.branch == nil && main.From <= s.w.at {
			// The ranges have met: go on at the tip.
			s.filling = false
			return s.w.attach(main.To, main.Hash)
		}
	}
	return nil
}

// keep accepts and saves what can be. A chain that is to replace another is
// saved when it is complete.
func (s *syncer) keep() error {
	if err := s.w.accept(); err != nil {
		return err
	}
	if s.o.Progress != nil {
		s.o.Progress(s.w.at)
	}
	if s.o.Replace {
		return nil
	}
	return s.w.save()
}

func (s *syncer) end() error {
	if err := s.keep(); err != nil {
		return err
	}
	if err := s.w.finish(); err != nil {
		return err
	}
	if s.filling {
		return fmt.Errorf("%s has no header after block %d, which is below those that are held: %w", s.o.Name, s.w.at, ErrGap)
	}
	return nil
}

// locator are blocks that the source may know, as Bitcoin nodes ask each other:
// the newest ten, then at doubling distances, and the start of the range.
func (s *syncer) locator() ([]place, error) {
	w := s.w
	var all []place
	height := w.at
	if b := w.branch; b != nil {
		all = append(all, place{b.tip.height, b.tip.hash})
		if b.base < 0 {
			return all, nil
		}
		height = b.from - 1
	}
	r, ok := w.chain.rangeOf(height)
	if !ok {
		return nil, fmt.Errorf("%s: header at height %d: %w", w.path, height, ErrNotHeld)
	}
	for step := uint32(1); ; {
		h, err := w.chain.read(height)
		if err != nil {
			return nil, err
		}
		all = append(all, place{height, h.Hash()})
		if height == r.From {
			return all, nil
		}
		if len(all) >= 10 {
			step *= 2
		}
		height -= min(step, height-r.From)
	}
}

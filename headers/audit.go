package headers

import (
	"fmt"
	"time"

	"gradseal/bitcoin"
)

// Report is what Audit found about one range.
type Report struct {
	Range
	// Start is the hash of the block at From.
	Start bitcoin.Hash
	// Proven: the chain below From, and so the work, is known: From is 0 or a
	// listed block. Otherwise From is a pin.
	Proven bool
	// Closed: a listed block ends the range, and proves it by its links alone.
	Closed bool
	// Unchecked are the checks that could not be made, in words.
	Unchecked []string
}

// Headers is how many headers the range has.
func (r Report) Headers() int { return int(r.To-r.From) + 1 }

// Audit reads the whole chain and checks every header again by all rules but
// the clock, reckons height, hash and work from the start of each range, and
// compares them with what is stored. Ranges are reported as they are done,
// lowest first. What does not fit is a *DamagedError: it was checked before it
// was written. progress may be nil.
func Audit(c *Chain, progress func(height uint32)) ([]Report, error) {
	var all []Report
	err := auditProgress(c, func(r Report) { all = append(all, r) }, progress)
	if err != nil {
		return nil, err
	}
	return all, nil
}

func audit(c *Chain, done func(Report)) error { return auditProgress(c, done, nil) }

func auditProgress(c *Chain, done func(Report), progress func(uint32)) error {
	for _, g := range c.ranges {
		report, err := c.audit(g, progress)
		if err != nil {
			return damagedAt(c.path, err)
		}
		done(report)
	}
	return nil
}

func (c *Chain) audit(g Range, progress func(uint32)) (Report, error) {
	r := c.rules
	var t *tip
	report := Report{Range: g}
	err := c.scan(g.From, g.To, func(height uint32, h bitcoin.Header) (err error) {
		if height == g.From {
			if t, err = r.start(height, h, g.Before); err == nil {
				report.Start = t.hash
			}
		} else {
			err = r.follow(t, h, time.Time{})
		}
		if err != nil {
			return fmt.Errorf("%s: header at height %d: %w", c.path, height, err)
		}
		if progress != nil && height%period == 0 {
			progress(height)
		}
		return nil
	})
	if err != nil {
		return Report{}, err
	}
	if t.hash != g.Hash {
		return Report{}, c.damaged(g.To, t.hash, g.Hash)
	}
	if t.work != g.Work {
		return Report{}, fmt.Errorf("%s: damaged: the chainwork at height %d is %s, not %s", c.path, g.To, t.work, g.Work)
	}
	_, _, listed := r.list.at(g.From)
	report.Proven = g.From == 0 || listed
	_, _, report.Closed = r.list.at(g.To)
	report.Unchecked = r.unchecked(report)
	return report, nil
}

// unchecked names the checks that headers, or those of the range, do not allow.
func (r *rules) unchecked(report Report) []string {
	var all []string
	if !report.Proven {
		all = append(all, fmt.Sprintf("block %d is a pin: it and its chainwork are taken, not proven", report.From))
	}
	if report.From > 0 {
		all = append(all,
			fmt.Sprintf("the bits of block %d: the headers before it are not held", report.From),
			fmt.Sprintf("the times of blocks %d to %d: fewer than %d headers before them are held", report.From, min(report.To, report.From+medianOf-1), medianOf))
	}
	if r.network == bitcoin.Signet {
		all = append(all, "the signatures of signet's blocks, which are not in headers")
	}
	return all
}

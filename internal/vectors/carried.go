package main

import (
	"fmt"
	"time"

	"gradseal/bitcoin"
	"gradseal/issuer"
)

// carriedBits is exactly 4 times the target of yardstickBits, and leaves room
// above it: with the work of mainnet nobody could make vectors.
const (
	carriedBits   = 0x203ffffc
	yardstickBits = 0x200fffff
)

// yardstickTime is 30 days before the block.
var yardstickTime = blockTime.Add(-30 * day)

// carry gives the proof a header and successors with work for these bits, and
// takes the chain away.
func (s *scene) carry(successors int, bits uint32) {
	b := s.p.Bitcoin
	b.Header = mineBits(b.Header.Previous(), b.Header.MerkleRoot(), blockTime.Unix(), bits)
	b.Successors = nil
	for range successors {
		s.succeed(bits)
	}
	s.chain = nil
	s.policy.CarriedWork = &yardstickInput{fmt.Sprintf("%08x", yardstickBits), yardstickTime.Format(time.RFC3339)}
}

// succeed adds a successor, ten minutes later.
func (s *scene) succeed(bits uint32) {
	b := s.p.Bitcoin
	last := b.Header
	if n := len(b.Successors); n > 0 {
		last = b.Successors[n-1]
	}
	next := mineBits(last.Hash(), sum("block %d", anchorHeight+1+len(b.Successors)), last.Time().Unix()+600, bits)
	b.Successors = append(b.Successors, next)
}

func mineBits(previous, root bitcoin.Hash, time int64, bits uint32) bitcoin.Header {
	return grind(headerOf(previous, root, time, bits), hasWork)
}

// hold is the chain that ends with these headers, below the anchor's height.
func (s *scene) hold(hs ...bitcoin.Header) {
	s.chain = &chainInput{anchorHeight - uint32(len(hs)), hexHeaders(hs)}
}

func carriedCases() []verdictCase {
	plain := func(s *scene) { s.carry(6, carriedBits) }
	valid := func(name, why string, late func(*scene)) verdictCase {
		return verdictCase{name: "carried-" + name, why: why, late: late, verdict: "valid", workOnly: true}
	}
	unknown := func(name, why string, late func(*scene)) verdictCase {
		return verdictCase{name: "carried-" + name, why: why, late: late, verdict: "cannot-tell", not: answers{block: isUnknown}, fails: "block/no-header-chain"}
	}
	contradicted := func(name, why string, late func(*scene)) verdictCase {
		return verdictCase{name: "carried-" + name, why: why, late: late, verdict: "cannot-tell", not: answers{block: isUnknown}, fails: "block/not-in-chain"}
	}
	bad := func(name, why, cause string, late func(*scene)) verdictCase {
		return verdictCase{name: "carried-" + name, why: why, late: late, verdict: "invalid", not: answers{block: isFailed}, fails: "block/bad-header", cause: cause}
	}
	yardstickAt := func(t time.Time) func(*scene) {
		return func(s *scene) { plain(s); s.policy.CarriedWork.Time = t.Format(time.RFC3339) }
	}
	networkOf := func(n bitcoin.Network) func(*scene) { return func(s *scene) { s.statement.Network = n } }
	return []verdictCase{
		valid("work", "Six successors, all headers with just the work that is asked for, and no header chain.", plain),
		valid("twelve", "Twelve successors.", func(s *scene) { s.carry(12, carriedBits) }),
		valid("seven-confirmations", "Seven confirmations are required, and the header is the first of them.", func(s *scene) {
			plain(s)
			s.policy.Confirmations = 7
		}),
		valid("first-second", "The block is of the time of the yardstick, to the second.", yardstickAt(blockTime)),
		valid("last-second", "The block is two years later than the yardstick, to the second.", yardstickAt(blockTime.Add(-730*day))),
		valid("on-tip", "A header chain that ends with the block before.", func(s *scene) { plain(s); s.hold(s.before...) }),
		valid("above-tip", "A height that is far above the tip of the header chain.", func(s *scene) {
			plain(s)
			s.hold(s.before...)
			s.p.Bitcoin.Height += 100
		}),
		{name: "carried-and-held", why: "The block is in the header chain: it counts for its date.", late: func(s *scene) {
			chain := s.chain
			h := s.p.Bitcoin.Header
			s.carry(6, carriedBits)
			s.chain, s.p.Bitcoin.Header, s.p.Bitcoin.Successors = chain, h, s.after
		}, verdict: "valid"},
		{name: "carried-status-accepted", why: "A policy that accepts an unknown status, too.", late: func(s *scene) {
			plain(s)
			s.noList, s.policy.AllowUnknownStatus = true, true
		}, verdict: "valid", not: answers{status: isUnknown}, workOnly: true},

		unknown("not-accepted", "A policy that does not accept carried work.", func(s *scene) { plain(s); s.policy.CarriedWork = nil }),
		unknown("five", "Five successors.", func(s *scene) { s.carry(5, carriedBits) }),
		unknown("none", "No successor.", func(s *scene) { s.carry(0, carriedBits) }),
		unknown("eight-confirmations", "Eight confirmations are required, and six successors make seven.", func(s *scene) {
			plain(s)
			s.policy.Confirmations = 8
		}),
		unknown("header-target", "The target of the header is above 4 times that of the yardstick.", func(s *scene) {
			s.carry(0, carriedBits+1)
			for range 6 {
				s.succeed(carriedBits)
			}
		}),
		unknown("successor-target", "The target of the last successor is above 4 times that of the yardstick.", func(s *scene) {
			s.carry(5, carriedBits)
			s.succeed(carriedBits + 1)
		}),
		unknown("spare-target", "The target of a seventh successor, which nobody asked for, is above 4 times that of the yardstick.", func(s *scene) {
			s.carry(6, carriedBits)
			s.succeed(carriedBits + 1)
		}),
		unknown("regtest-target", "Twelve successors with the target of regtest.", func(s *scene) { s.carry(12, regtestBits) }),
		unknown("too-early", "The block is a second older than the yardstick.", yardstickAt(blockTime.Add(time.Second))),
		unknown("too-late", "The block is two years and a second younger than the yardstick.", yardstickAt(blockTime.Add(-730*day-time.Second))),
		{name: "carried-testnet4", why: "Work on a test network, which the policy names.", early: networkOf(bitcoin.Testnet4), late: func(s *scene) {
			s.carry(12, carriedBits)
			s.policy.Network = "testnet4"
		}, verdict: "cannot-tell", not: answers{block: isUnknown}, fails: "block/no-header-chain"},
		{name: "carried-other-network", why: "Work on regtest, and a policy that asks for mainnet.", early: networkOf(bitcoin.Regtest), late: func(s *scene) {
			s.carry(12, carriedBits)
		}, verdict: "cannot-tell", not: answers{block: isUnknown}, fails: "block/other-network"},

		contradicted("other-in-chain", "The header chain has another block at the height.", func(s *scene) {
			chain := s.chain
			plain(s)
			s.chain = chain
		}),
		contradicted("other-before", "The block before is not the tip of the header chain, one below.", func(s *scene) {
			plain(s)
			s.hold(s.before[0], mine(s.before[0].Hash(), sum("another block"), blockTime.Unix()-600))
		}),
		contradicted("below-chain", "A height below what is at hand of the header chain.", func(s *scene) {
			plain(s)
			s.hold(s.before...)
			s.p.Bitcoin.Height = 7
		}),
		contradicted("not-later-than-tip", "A height above the tip of the header chain, and the time of the tip.", func(s *scene) {
			plain(s)
			last := s.before[len(s.before)-1]
			s.hold(append(s.before, mine(last.Hash(), sum("another block"), blockTime.Unix()))...)
			s.p.Bitcoin.Height += 100
		}),

		bad("successor-without-work", "The sixth successor does not meet its target.", "header/work", func(s *scene) {
			plain(s)
			s.p.Bitcoin.Successors[5] = grind(s.p.Bitcoin.Successors[5], noWork)
		}),
		bad("not-linked", "The third of seven successors is left out.", "", func(s *scene) {
			s.carry(7, carriedBits)
			b := s.p.Bitcoin
			b.Successors = append(b.Successors[:2:2], b.Successors[3:]...)
		}),
		{name: "carried-other-block", why: "The work of a block without the transaction.", late: func(s *scene) {
			s.setRoot(sum("another block"))
			plain(s)
		}, verdict: "invalid", not: answers{anchor: isFailed}, fails: "anchor/bad-anchor", cause: "path/root", workOnly: true},
		{name: "carried-keys-ended", why: "Keys that were in force at the time of the header, and are not now: work has no date.",
			early: func(s *scene) { s.set = set(year2026, "2026-11-22T12:30:00Z", 2, dean, registrar, spare) }, late: func(s *scene) {
				plain(s)
				s.issuers[0] = signed(issuerHead+s.set+set("2026-11-22T12:30:00Z", "-", 1, deputy), deputy)
				s.listBy = []officer{deputy}
			}, verdict: "cannot-tell", not: answers{issuer: isUnknown}, fails: "issuer/key-time-unclear", workOnly: true},
		{name: "carried-withdrawn", why: "A withdrawn document.", late: func(s *scene) { plain(s); s.withdraw() },
			verdict: "withdrawn", not: answers{status: isFailed}, fails: "status/document-withdrawn", workOnly: true},
		{name: "carried-no-list", why: "No status list.", late: func(s *scene) { plain(s); s.noList = true },
			verdict: "cannot-tell", not: answers{status: isUnknown}, fails: "status/no-status-list", workOnly: true},
		{name: "carried-list-older", why: "A list that is older than the header and does not name the batch: without a date it only does not name it.",
			late: func(s *scene) {
				plain(s)
				s.list.Batches, s.list.AsOf = nil, blockTime.Add(-time.Second)
				s.policy.AllowUnknownStatus = true
			}, verdict: "cannot-tell", not: answers{status: isUnknown}, fails: "status/not-in-status-list", workOnly: true},
		{name: "carried-after-line", why: "The block of the after line is in the header chain, below: without a date it is not shown.", early: func(s *scene) {
			s.statement.After = &issuer.After{Height: anchorHeight - 1, Hash: s.before[len(s.before)-1].Hash()}
		}, late: func(s *scene) { plain(s); s.hold(s.before...) }, verdict: "valid", workOnly: true},
	}
}

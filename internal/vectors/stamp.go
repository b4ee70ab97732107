package main

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"gradseal/bitcoin"
	"gradseal/proof"
	"gradseal/proof/ots"
)

// stampJSON is an OpenTimestamps attestation, as it stands in a proof file.
func stampJSON(timestamp string) string {
	return fmt.Sprintf("{\n      \"type\": \"opentimestamps\",\n      \"timestamp\": \"%x\"\n    }", timestamp)
}

// withAttestations is the proof with these in place of its own.
func withAttestations(p *proof.Proof, all ...string) string {
	q := *p
	q.Bitcoin, q.OpenTimestamps = nil, nil
	return edit(marshal(&q), "\"attestations\": []", "\"attestations\": [\n    "+strings.Join(all, ",\n    ")+"\n  ]")
}

// bitcoinOf is the Bitcoin attestation of a proof file that has no other.
func bitcoinOf(file string) string {
	_, after, _ := strings.Cut(file, "\"attestations\": [\n    ")
	return strings.TrimSuffix(after, "\n  ]\n}\n")
}

// stampVectors are proof files with an OpenTimestamps attestation.
func stampVectors(p *proof.Proof) []proofVector {
	var all []proofVector
	usual := usualTimestamp()
	anchor, stamp := bitcoinOf(marshal(p)), stampJSON(usual)
	add := func(name, why, file, fails string) {
		all = append(all, proofVector{head{"proof-" + name, why}, proofOf(file), fails})
	}
	list := func(name, why, fails string, attestations ...string) {
		add(name, why, withAttestations(p, attestations...), fails)
	}
	bad := func(name, why, fails, timestamp string) { list("stamp-"+name, why, fails, stampJSON(timestamp)) }
	list("stamp", "An OpenTimestamps attestation alone.", "", stamp)
	list("stamp-beside-bitcoin", "Both attestations.", "", anchor, stamp)
	list("stamp-10000-bytes", "The longest OpenTimestamps attestation.", "", stampJSON(bigTimestamp(10000)))

	list("stamp-before-bitcoin", "Both attestations, the OpenTimestamps one first.", "proof/attestations", stamp, anchor)
	list("two-stamps", "Two OpenTimestamps attestations, to different blocks.", "proof/attestations", stamp, stampJSON(sha+inBlock(7)))
	list("same-stamp-twice", "The same OpenTimestamps attestation twice.", "proof/attestations", stamp, stamp)
	list("three-attestations", "A third attestation, of a type that is there.", "proof/attestations", anchor, stamp, stamp)
	list("bitcoin-twice-and-stamp", "Two Bitcoin attestations and an OpenTimestamps one.", "proof/attestations", anchor, anchor, stamp)

	list("stamp-no-timestamp", "A member of the OpenTimestamps attestation is missing.", "json/members", "{\n      \"type\": \"opentimestamps\"\n    }")
	list("stamp-with-height", "A member that the other attestation has.", "json/members", edit(stamp, "\"timestamp\"", "\"height\": 7,\n      \"timestamp\""))
	list("stamp-array", "An array in place of a string.", "json/members", edit(stamp, "\""+hex.EncodeToString([]byte(usual))+"\"", "[]"))
	list("stamp-null", "null in place of a string.", "json/members", edit(stamp, "\""+hex.EncodeToString([]byte(usual))+"\"", "null"))
	list("bitcoin-as-stamp", "A Bitcoin attestation with the type of the other.", "json/members", edit(anchor, "\"bitcoin\"", "\"opentimestamps\""))
	list("stamp-as-bitcoin", "An OpenTimestamps attestation with the type of the other.", "json/members", edit(stamp, "\"opentimestamps\"", "\"bitcoin\""))
	list("stamp-order", "The type stands behind the timestamp.", "json/spelling",
		fmt.Sprintf("{\n      \"timestamp\": \"%x\",\n      \"type\": \"opentimestamps\"\n    }", usual))

	list("stamp-empty", "A timestamp without a byte.", "proof/hex", stampJSON(""))
	list("stamp-10001-bytes", "A timestamp of 10,001 bytes.", "proof/hex", stampJSON(bigTimestamp(10001)))
	list("stamp-upper-case", "A timestamp in upper case.", "proof/hex",
		edit(stamp, hex.EncodeToString([]byte(usual)), strings.ToUpper(hex.EncodeToString([]byte(usual)))))
	list("stamp-odd", "A digit of a timestamp is missing.", "proof/hex", edit(stamp, hex.EncodeToString([]byte(usual)), hex.EncodeToString([]byte(usual))[1:]))
	list("stamp-base64", "A timestamp that is not in hex.", "proof/hex", edit(stamp, hex.EncodeToString([]byte(usual)), "8BB4+w=="))

	bad("cut", "A timestamp of which the last byte is missing.", "timestamp/truncated", usual[:len(usual)-1])
	bad("byte-more", "A byte after the timestamp.", "timestamp/left-over", usual+"\x00")
	bad("fork", "A timestamp with a pending attestation beside the way to the block.", "timestamp/fork",
		sha+"\xff"+attested(ots.TagPending, ots.Pending("https://calendar.example").Payload)+appended("x")+sha+inBlock(anchorHeight))
	bad("sha1", "A timestamp with a SHA-1 on the way.", "timestamp/operation", "\x02"+usual)
	bad("pending", "A timestamp that is pending at a calendar.", "timestamp/attestation", sha+attested(ots.TagPending, ots.Pending("https://calendar.example").Payload))
	bad("height-2-32", "A timestamp with a height of 2^32.", "timestamp/height", sha+inBlock(1<<32))
	bad("result", "A timestamp that ends in 33 bytes.", "timestamp/result", sha+appended("x")+inBlock(anchorHeight))
	list("stamp-beside-bitcoin-cut", "A sound Bitcoin attestation, and a timestamp of which the last byte is missing.", "timestamp/truncated",
		anchor, stampJSON(usual[:len(usual)-1]))
	return all
}

// stampOps are what a calendar of the vectors does with a batch root.
var stampOps = []ots.Operation{ots.Append([]byte("a nonce of its own")), ots.SHA256, ots.Prepend([]byte("the calendar's tree")), ots.SHA256, ots.SHA256}

// stamp makes a timestamp of a batch root, and the Merkle root to which it
// leads.
func stamp(root [32]byte, height uint32) (*proof.OpenTimestamps, bitcoin.Hash) {
	o := &proof.OpenTimestamps{Ops: stampOps, Height: height}
	return o, walk(root, string(must(o.Marshal())))
}

// stampOnly gives the proof an OpenTimestamps attestation of a batch root in
// place of the Bitcoin one, and mines the block.
func (s *scene) stampOnly(root [32]byte) {
	o, merkle := stamp(root, anchorHeight)
	s.setRoot(merkle)
	s.p.Bitcoin, s.p.OpenTimestamps = nil, o
}

// stampToo adds an OpenTimestamps attestation of a batch root, and mines the
// block below that of the anchor for it.
func (s *scene) stampToo(root [32]byte) {
	o, merkle := stamp(root, anchorHeight-1)
	last := len(s.before) - 1
	s.before[last] = mine(s.before[last-1].Hash(), merkle, blockTime.Unix()-600)
	s.p.OpenTimestamps = o
	s.setRoot(s.p.Bitcoin.Header.MerkleRoot())
}

// stampCases are verdicts on proofs with an OpenTimestamps attestation.
func stampCases() []verdictCase {
	only := func(s *scene) { s.stampOnly(lastRoot(s.p)) }
	too := func(s *scene) { s.stampToo(lastRoot(s.p)) }
	then := func(first func(*scene), next func(*scene)) func(*scene) {
		return func(s *scene) { first(s); next(s) }
	}
	valid := func(name, why string, early, late func(*scene)) verdictCase {
		return verdictCase{name: "stamp-" + name, why: why, early: early, late: late, verdict: "valid"}
	}
	witnessed := func(c verdictCase) verdictCase { c.witness = true; return c }
	lost := answers{anchor: isUnknown, block: isUnknown}
	unknown := func(name, why, reason string, early, late func(*scene)) verdictCase {
		return verdictCase{name: "stamp-" + name, why: why, early: early, late: late, verdict: "cannot-tell", not: lost, fails: "anchor/" + reason}
	}
	failed := func(name, why, fails, cause string, not answers, late func(*scene)) verdictCase {
		return verdictCase{name: "stamp-" + name, why: why, late: late, verdict: "invalid", not: not, fails: fails, cause: cause}
	}
	few := func(name, why string, early, late func(*scene)) verdictCase {
		return verdictCase{name: "stamp-" + name, why: why, early: early, late: late, verdict: "pending", not: answers{block: isUnknown}, fails: "block/too-few-confirmations"}
	}
	confirmed := func(n uint32) func(*scene) { return func(s *scene) { s.confirmed = n } }
	network := func(n bitcoin.Network) func(*scene) { return func(s *scene) { s.statement.Network = n } }
	keys := func(from, until string) func(*scene) {
		return func(s *scene) { s.set = set(from, until, 2, dean, registrar, spare) }
	}
	ended := func(until string) func(*scene) {
		return func(s *scene) {
			s.issuers[0] = signed(issuerHead+s.set+set(until, "-", 1, deputy), deputy)
			s.listBy = []officer{deputy}
		}
	}
	malformed := func(name, why, cause, timestamp string) verdictCase {
		return failed(name, why, "read/malformed-proof", cause, nothingJudged, func(s *scene) {
			file := withAttestations(s.p, stampJSON(timestamp))
			s.file = &file
		})
	}
	return []verdictCase{
		valid("only", "An OpenTimestamps attestation and no other; all six answers are ok.", nil, only),
		valid("four-layers", "An OpenTimestamps attestation of the fourth layer.", func(s *scene) { s.outer = 3 }, only),
		valid("inside", "A proof with an OpenTimestamps attestation inside the document.", nil, then(only, (*scene).embed)),
		valid("regtest", "A test network that the policy names, with one confirmation.", func(s *scene) {
			s.statement.Network, s.confirmed = bitcoin.Regtest, 1
			s.policy.Network, s.policy.Confirmations = "regtest", 1
		}, only),
		{name: "stamp-day", why: "Two hours after the time of the block it is the next day.", late: func(s *scene) {
			only(s)
			t := time.Date(2026, 11, 22, 22, 0, 0, 0, time.UTC)
			_, merkle := stamp(lastRoot(s.p), anchorHeight)
			s.replaceBlock(merkle, t)
			s.policy.Now = t.Add(3 * time.Hour).Format(time.RFC3339)
		}, verdict: "valid", day: "2026-11-23"},
		{name: "stamp-after-at-height", why: "The after line names the height of the block: it is not shown.", early: func(s *scene) {
			s.statement.After.Height = anchorHeight
		}, late: only, verdict: "valid", noEarliest: true},
		valid("chain-without-work", "The block does not meet its target: a chain is believed as it is, and no header is in the proof.", nil, func(s *scene) {
			only(s)
			h := grind(bitcoin.Header(mustHex(s.chain.Headers[anchorHeight-firstHeight])), noWork)
			s.chain.Headers[anchorHeight-firstHeight] = hexHeaders([]bitcoin.Header{h})[0]
		}),
		valid("keys-edge", "FROM is two hours after the time of the block that the chain has.", keys("2026-11-22T12:00:00Z", "-"), only),
		valid("keys-retired-since", "The keys were in force at the time of the block, and are not now.", keys(year2026, "2026-11-22T12:30:00Z"),
			then(only, ended("2026-11-22T12:30:00Z"))),

		witnessed(valid("witness", "Both attestations: the timestamp leads to another block, and is a second witness.", nil, too)),
		valid("witness-of-same-block", "The way of the Bitcoin attestation once more, as a timestamp: that is no second witness.", nil, func(s *scene) {
			steps := must(s.p.Bitcoin.Steps())
			s.p.OpenTimestamps = &proof.OpenTimestamps{Ops: proof.Operations(steps), Height: s.p.Bitcoin.Height}
		}),
		valid("witness-of-other-root", "Beside a sound Bitcoin attestation, a timestamp of something else, which is not judged.", nil, func(s *scene) { s.stampToo(sum("another")) }),
		valid("witness-above-tip", "Beside a sound Bitcoin attestation, a timestamp with a height above the tip.", nil, then(too, func(s *scene) { s.p.OpenTimestamps.Height = anchorHeight + 3 })),
		valid("witness-other-height", "Beside a sound Bitcoin attestation, a timestamp with a height that is less by one.", nil, then(too, func(s *scene) { s.p.OpenTimestamps.Height-- })),
		valid("witness-two-of-three", "Beside a sound Bitcoin attestation, a timestamp that leads to a block with two confirmations of three.", nil, func(s *scene) {
			o, merkle := stamp(lastRoot(s.p), anchorHeight+1)
			s.p.OpenTimestamps = o
			s.after[0] = mine(s.p.Bitcoin.Header.Hash(), merkle, blockTime.Unix()+600)
			s.after[1] = mine(s.after[0].Hash(), sum("a later block"), blockTime.Unix()+1200)
			copy(s.chain.Headers[anchorHeight+1-firstHeight:], hexHeaders(s.after))
		}),
		{name: "stamp-work-only", why: "A Bitcoin attestation that carries work, and a timestamp beside it: no header chain.", late: func(s *scene) {
			too(s)
			s.carry(6, carriedBits)
		}, verdict: "valid", workOnly: true},

		few("two-of-three", "Two confirmations of three: the timestamp leads to the block.", confirmed(2), only),
		few("one-of-two", "The tip itself, where two confirmations are required.", confirmed(1), then(only, func(s *scene) { s.policy.Confirmations = 2 })),
		witnessed(few("deeper-than-bitcoin", "The Bitcoin attestation has too few confirmations and decides, the timestamp enough.", confirmed(2), too)),

		unknown("no-chain", "No header chain.", "no-header-chain", nil, then(only, func(s *scene) { s.chain = nil })),
		unknown("work-accepted", "No header chain, and a policy that accepts carried work: there is none in a timestamp.", "no-header-chain", nil, func(s *scene) {
			s.carry(6, carriedBits)
			only(s)
			s.chain = nil
		}),
		unknown("above-tip", "A height above the tip.", "not-in-chain", nil, then(only, func(s *scene) { s.chain.Headers = s.chain.Headers[:3] })),
		unknown("far-above-tip", "The greatest height.", "not-in-chain", nil, then(only, func(s *scene) { s.p.OpenTimestamps.Height = 1<<32 - 1 })),
		unknown("below-chain", "A height below what is at hand of the header chain.", "not-in-chain", nil, then(only, func(s *scene) { s.p.OpenTimestamps.Height = firstHeight - 1 })),
		unknown("other-height", "A height that is less by one.", "not-in-chain", nil, then(only, func(s *scene) { s.p.OpenTimestamps.Height-- })),
		unknown("other-block", "Another block stands at the height.", "not-in-chain", nil, func(s *scene) { only(s); s.replaceBlock(sum("another block"), blockTime) }),
		unknown("merkle-root-differs", "The Merkle root in the chain differs in its last bit.", "not-in-chain", nil, func(s *scene) {
			_, merkle := stamp(lastRoot(s.p), anchorHeight)
			only(s)
			merkle[31] ^= 1
			s.replaceBlock(merkle, blockTime)
		}),
		unknown("merkle-root-turned", "The Merkle root in the chain is in the opposite order, as Bitcoin prints it.", "not-in-chain", nil, func(s *scene) {
			_, merkle := stamp(lastRoot(s.p), anchorHeight)
			only(s)
			s.replaceBlock(reversed(merkle), blockTime)
		}),
		unknown("other-batch", "A timestamp of another batch root.", "not-in-chain", nil, func(s *scene) { s.stampOnly(sum("another")) }),
		unknown("document", "A timestamp of the document itself.", "not-in-chain", nil, func(s *scene) { s.stampOnly(s.p.Digest) }),
		unknown("tree-root", "A timestamp of the root hash of the tree, and not of the batch root.", "not-in-chain", nil, func(s *scene) {
			s.stampOnly(statementOf(s.p.Layers[0].Signed).Root)
		}),
		unknown("inner-layer", "A timestamp of the batch root of the first layer of two.", "not-in-chain", func(s *scene) { s.outer = 1 },
			func(s *scene) { s.stampOnly(rootOf(s.p.Layers[0])) }),
		unknown("signature-added", "A signature line was added after the timestamp was made.", "not-in-chain", nil, func(s *scene) {
			only(s)
			s.p.Layers[0].Signed = append(s.p.Layers[0].Signed, spare.sign(textOf(s.p.Layers[0].Signed))...)
			s.list.AddBatch(rootOf(s.p.Layers[0]))
		}),
		unknown("regtest-for-mainnet", "A statement for regtest, and a block of the mainnet that the policy asks for.", "not-checked", network(bitcoin.Regtest), only),
		unknown("mainnet-for-regtest", "A statement for mainnet, and a policy that asks for regtest.", "not-checked", nil, then(only, func(s *scene) { s.policy.Network = "regtest" })),
		{name: "stamp-keys-ended", why: "Keys that are not in force now, and a timestamp that is in no chain: they may have been.",
			early: keys(year2026, "2026-11-22T12:30:00Z"), late: func(s *scene) {
				ended("2026-11-22T12:30:00Z")(s)
				only(s)
				s.chain = nil
			}, verdict: "cannot-tell", not: answers{issuer: isUnknown, anchor: isUnknown, block: isUnknown}, fails: "issuer/key-time-unclear"},
		witnessed(verdictCase{name: "stamp-beside-own-header", why: "The header of the Bitcoin attestation is not in the chain: that decides, though the timestamp leads to a block of it.", late: func(s *scene) {
			too(s)
			s.p.Bitcoin.Header = grind(s.p.Bitcoin.Header, func(h bitcoin.Header) bool { return hasWork(h) && h != s.p.Bitcoin.Header })
		}, verdict: "cannot-tell", not: answers{block: isUnknown}, fails: "block/not-in-chain"}),
		{name: "stamp-beside-other-network", why: "Both attestations, and a policy that asks for another network: no witness, either.", late: then(too, func(s *scene) { s.policy.Network = "regtest" }),
			verdict: "cannot-tell", not: answers{block: isUnknown}, fails: "block/other-network"},
		{name: "stamp-list-older", why: "The list is a second older than the block and does not name the batch.", late: func(s *scene) {
			only(s)
			s.list.Batches, s.list.AsOf = nil, blockTime.Add(-time.Second)
		}, verdict: "cannot-tell", not: answers{status: isUnknown}, fails: "status/status-older-than-batch"},
		{name: "stamp-newer", why: "A type that begins as that of a timestamp.", late: func(s *scene) {
			only(s)
			s.edited("\"opentimestamps\"", "\"opentimestamps2\"")
		}, verdict: "cannot-tell", not: nothingJudged, fails: "read/newer-proof", cause: "proof/newer"},

		witnessed(failed("beside-false-bitcoin", "The transaction commits to another batch root; a timestamp that is true does not help it.", "anchor/bad-anchor", "",
			answers{anchor: isFailed}, func(s *scene) { s.anchor(usualTx(sum("another")).bytes()); too(s) })),
		witnessed(failed("beside-other-block", "The header of a block without the transaction, and a timestamp that is true.", "anchor/bad-anchor", "path/root",
			answers{anchor: isFailed}, func(s *scene) { too(s); s.setRoot(sum("another block")) })),
		witnessed(failed("beside-no-work", "The header of the Bitcoin attestation does not meet its target; a timestamp that is true does not help it.", "block/bad-header", "header/work",
			answers{block: isFailed}, func(s *scene) { too(s); s.setHeader(grind(s.p.Bitcoin.Header, noWork)) })),
		failed("salt-changed", "Another salt: there is no batch root to begin with.", "inclusion/not-in-tree", "tree/root",
			answers{inclusion: isFailed, anchor: isUnknown, block: isUnknown}, then(only, func(s *scene) { s.p.Salt[0] ^= 1 })),
		failed("document-changed", "A byte of the document is another.", "document/digest-differs", "", answers{document: isFailed},
			then(only, func(s *scene) { s.document = edit(s.document, "transcript 4", "transcript 5") })),
		{name: "stamp-before-from", why: "FROM is two hours and a second after the time of the block that the chain has.", early: keys("2026-11-22T12:00:01Z", "-"), late: only,
			verdict: "invalid", not: answers{issuer: isFailed}, fails: "issuer/keys-not-in-force"},
		{name: "stamp-withdrawn", why: "A withdrawn document with an OpenTimestamps attestation.", late: then(only, (*scene).withdraw),
			verdict: "withdrawn", not: answers{status: isFailed}, fails: "status/document-withdrawn"},
		malformed("two-paths", "A timestamp with two blocks.", "timestamp/fork", sha+"\xff"+inBlock(7)+inBlock(anchorHeight)),
		malformed("sha1", "A timestamp with a SHA-1 on the way.", "timestamp/operation", "\x02"+sha+inBlock(anchorHeight)),
		malformed("pending", "A timestamp that is pending at a calendar.", "timestamp/attestation", sha+attested(ots.TagPending, ots.Pending("https://calendar.example").Payload)),
	}
}

// replaceBlock puts another block into the chain at the anchor's height, with a
// Merkle root and a time, and those above it.
func (s *scene) replaceBlock(root bitcoin.Hash, t time.Time) {
	headers := []bitcoin.Header{mine(s.before[len(s.before)-1].Hash(), root, t.Unix())}
	for i := range int64(s.confirmed) - 1 {
		headers = append(headers, mine(headers[i].Hash(), sum("another block %d", i), t.Unix()+600*(i+1)))
	}
	s.chain = &chainInput{firstHeight, hexHeaders(slices.Concat(s.before, headers))}
}

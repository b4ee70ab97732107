package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/anchor/embedded"
	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/proof/ots"
)

// calendarURI is a calendar's, as a promise names it.
const calendarURI = "https://a.calendar.opentimestamps.org"

// stamp is what a calendar gives for a message in the end: a nonce, the way up its
// own tree, and the transaction of which the id leads to the Merkle root of a block
// that the adversary mines onto the verifier's chain.
func (a *adversary) stamp(message [32]byte) *proof.OpenTimestamps {
	a.t.Helper()
	o, ids := a.calendarWay(message)
	_, o.Height = a.mine(bitcoin.MerkleRoot(ids))
	return o
}

// calendarWay is stamp without the block: what its ids are is returned.
func (a *adversary) calendarWay(message [32]byte) (*proof.OpenTimestamps, []bitcoin.Hash) {
	a.t.Helper()
	sibling := sha256.Sum256([]byte("somebody else's message"))
	ops := []ots.Operation{ots.Append([]byte("a nonce of 16 by")), ots.SHA256, ots.Prepend(sibling[:]), ots.SHA256}
	root := a.apply(message[:], ops)
	raw := stripped(nil, output{0, append([]byte{0x6a, 0x20}, root...)}, change)
	before, after, ok := bytes.Cut(raw, root)
	require.True(a.t, ok)
	ops = append(ops, ots.Prepend(before), ots.Append(after), ots.SHA256, ots.SHA256)
	ids := []bitcoin.Hash{{1}, bitcoin.Hash(a.apply(message[:], ops)), {3}}
	path, err := bitcoin.InclusionPath(ids, 1)
	require.NoError(a.t, err)
	require.Len(a.t, path, 2)
	ops = append(ops, ots.Prepend(path[0][:]), ots.SHA256, ots.SHA256, ots.Append(path[1][:]), ots.SHA256, ots.SHA256)
	return &proof.OpenTimestamps{Ops: ops}, ids
}

func (a *adversary) apply(message []byte, ops []ots.Operation) []byte {
	a.t.Helper()
	for _, op := range ops {
		var err error
		message, err = op.Apply(message)
		require.NoError(a.t, err)
	}
	return message
}

// stamped is a proof of the fourth document in spring with a calendar's evidence
// and no other, and a change.
func (a *adversary) stamped(change func(p *proof.Proof)) *proof.Proof {
	return a.edited(func(p *proof.Proof) {
		p.Bitcoin, p.OpenTimestamps = nil, a.stamp(a.root(p))
		if change != nil {
			change(p)
		}
	})
}

// stampedTwice is one with both kinds of evidence, which are of two blocks.
func (a *adversary) stampedTwice(change func(p *proof.Proof)) *proof.Proof {
	return a.edited(func(p *proof.Proof) {
		p.OpenTimestamps = a.stamp(a.root(p))
		change(p)
	})
}

// timestampAttacks are those on evidence of OpenTimestamps. That a timestamp leads
// elsewhere makes nothing false, for the block may be of another chain; a false
// transaction stays false beside a true timestamp.
func timestampAttacks() []attack {
	stamped := func(change func(a *adversary, p *proof.Proof)) func(a *adversary) ([]byte, *proof.Proof) {
		return func(a *adversary) ([]byte, *proof.Proof) {
			return a.documents[3], a.stamped(func(p *proof.Proof) { change(a, p) })
		}
	}
	both := func(change func(a *adversary, p *proof.Proof)) func(a *adversary) ([]byte, *proof.Proof) {
		return func(a *adversary) ([]byte, *proof.Proof) {
			return a.documents[3], a.stampedTwice(func(p *proof.Proof) { change(a, p) })
		}
	}
	const nowhere, leads = "anchor unknown, block unknown", "the timestamp leads to Merkle root"
	return []attack{
		{"timestamp: of another batch", "cannot-tell", nowhere, leads, stamped(func(a *adversary, p *proof.Proof) {
			p.OpenTimestamps = a.stamp(a.root(a.fall[3]))
		})},
		{"timestamp: of the root hash of the tree, without the signatures", "cannot-tell", nowhere, leads, stamped(func(a *adversary, p *proof.Proof) {
			s, _, err := issuer.ParseStatement(p.Layers[0].Signed)
			require.NoError(a.t, err)
			p.OpenTimestamps = a.stamp(s.Root)
		})},
		{"timestamp: of the document, not of the batch", "cannot-tell", nowhere, leads, stamped(func(a *adversary, p *proof.Proof) {
			p.OpenTimestamps = a.stamp(p.Digest)
		})},
		{"timestamp: of the batch of the first of two layers", "cannot-tell", nowhere, leads, func(a *adversary) ([]byte, *proof.Proof) {
			p := copyOf(a.joined[3])
			p.Bitcoin, p.OpenTimestamps = nil, a.stamp(a.rootOf(p.Layers[0]))
			return a.documents[3], p
		}},
		{"timestamp: another nonce", "cannot-tell", nowhere, leads, stamped(func(_ *adversary, p *proof.Proof) {
			p.OpenTimestamps.Ops[0] = ots.Append([]byte("another nonce"))
		})},
		{"timestamp: rerouted to a block that is there", "cannot-tell", nowhere, leads, stamped(func(a *adversary, p *proof.Proof) {
			p.OpenTimestamps = a.stamp(a.root(a.fall[3]))
			way, _ := a.calendarWay(a.root(p)) // up to its own root, and from there the other's way
			p.OpenTimestamps.Ops = slices.Concat(way.Ops[:4], p.OpenTimestamps.Ops[4:])
		})},
		{"timestamp: the other's Merkle root behind the way", "cannot-tell", nowhere, leads, stamped(func(a *adversary, p *proof.Proof) {
			root := a.chain[p.OpenTimestamps.Height-1].MerkleRoot()
			o := p.OpenTimestamps
			o.Ops = append(o.Ops, ots.Prepend(root[:]), ots.SHA256)
		})},
		{"timestamp: the batch root for a Merkle root", "cannot-tell", nowhere, leads, stamped(func(_ *adversary, p *proof.Proof) { p.OpenTimestamps.Ops = nil })},
		{"timestamp: the block before", "cannot-tell", nowhere, leads, stamped(func(a *adversary, p *proof.Proof) {
			a.mine(bitcoin.Hash{8})
			p.OpenTimestamps = a.stamp(a.root(p))
			p.OpenTimestamps.Height--
		})},
		{"timestamp: the first block", "cannot-tell", nowhere, leads, stamped(func(_ *adversary, p *proof.Proof) { p.OpenTimestamps.Height = 0 })},
		{"timestamp: a height that is not there yet", "cannot-tell", nowhere, "above the tip", stamped(func(_ *adversary, p *proof.Proof) { p.OpenTimestamps.Height = 1 << 30 })},
		{"timestamp: a block mined in secret", "cannot-tell", nowhere, leads, stamped(func(a *adversary, p *proof.Proof) {
			o, _ := a.calendarWay(a.root(p))
			o.Height = uint32(len(a.chain)) // where the verifier has another
			o.Ops[0] = ots.Append([]byte("of a block that nobody else has"))
			p.OpenTimestamps = o
		})},
		{"timestamp: a block of another machine's regtest", "cannot-tell", nowhere, leads, stamped(func(a *adversary, p *proof.Proof) {
			n, err := embedded.Open(a.t.Context(), filepath.Join(a.dir, "calendar"), filepath.Join(a.dir, "calendar.headers"))
			require.NoError(a.t, err)
			defer n.Close()
			b := anchored(a.t, n, a.root(p))
			steps, err := b.Steps()
			require.NoError(a.t, err)
			p.OpenTimestamps = &proof.OpenTimestamps{Ops: proof.Operations(steps), Height: b.Height}
		})},
		{"timestamp: true, of a document that is not in the tree", "invalid", "inclusion failed, " + nowhere, "leads to root hash", stamped(func(a *adversary, p *proof.Proof) {
			p.Salt = a.spring[4].Salt
		})},
		{"timestamp: true, by strangers in the issuer's name", "cannot-tell", "issuer unknown, status unknown", "0 of 2", func(a *adversary) ([]byte, *proof.Proof) {
			p := a.issue(a.statement("stamped"), 9, "stamped", stranger, stranger2)[3]
			p.OpenTimestamps = a.stamp(a.root(p))
			return a.documents[3], p
		}},
		{"timestamp: true, of a statement for mainnet", "cannot-tell", "anchor unknown, block unknown, status unknown", "only the header chain of mainnet can tell", func(a *adversary) ([]byte, *proof.Proof) {
			s := a.statement("mainnet")
			s.Network = bitcoin.Mainnet
			p := a.issue(s, 9, "mainnet", dean, registry)[3]
			p.OpenTimestamps = a.stamp(a.root(p))
			return a.documents[3], p
		}},

		// Two attestations: where there is one of Bitcoin, it decides.
		{"both: the transaction of another batch, a true timestamp", "invalid", "anchor failed", "the transaction commits to", both(func(a *adversary, p *proof.Proof) {
			p.Bitcoin = a.fall[3].Bitcoin
		})},
		{"both: a header without work, a true timestamp", "invalid", "block failed", "above its target", both(func(_ *adversary, p *proof.Proof) {
			for p.Bitcoin.Header.CheckWork() == nil {
				p.Bitcoin.Header[76]++
			}
		})},
		{"both: a block mined in secret, a true timestamp", "cannot-tell", "block unknown", "is not at height", both(func(a *adversary, p *proof.Proof) {
			p.Bitcoin.Header = a.header(a.chain[10], p.Bitcoin.Header.MerkleRoot())
		})},
		{"both: false, the timestamp too", "invalid", "anchor failed", "the transaction commits to", both(func(a *adversary, p *proof.Proof) {
			p.Bitcoin, p.OpenTimestamps = a.fall[3].Bitcoin, a.stamp(a.root(a.fall[3]))
		})},
	}
}

// A timestamp that leads nowhere takes nothing from a transaction that is in its
// block.
func (a *adversary) falseBesideTrue() *proof.Proof {
	return a.stampedTwice(func(p *proof.Proof) { p.OpenTimestamps = a.stamp(a.root(a.fall[3])) })
}

// TestAttacksOnSpelling has proofs that say what is true in another way, or what
// only a calendar says. None is read as a proof.
func TestAttacksOnSpelling(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the program runs a dozen times, and it is not under the race detector")
	}
	t.Parallel()
	a := newAdversary(t)
	both := a.stampedTwice(func(*proof.Proof) {})
	single := a.stamped(nil)
	// titled is a proof whose statement was signed with a title that no writer of
	// proofs writes: it has other words of that length, until it is a file.
	titled := func(title string) (p *proof.Proof, edit func(data string) string) {
		words := strings.Repeat("x", len(title))
		p = a.noted(func(text, _ string) []byte {
			signed := rawNote(strings.Replace(text, "title spelled", "title "+title, 1), dean, registry)
			return bytes.Replace(signed, []byte("title "+title), []byte("title "+words), 1)
		})
		return p, func(data string) string { return strings.Replace(data, "title "+words, "title "+title, 1) }
	}
	escape, withEscape := titled("\x1b[2K\rVALID")
	separator, withSeparator := titled("spring\u2028VALID")
	noText, withNoText := titled("spring\xff")
	a.mine(bitcoin.Hash{})
	r := a.verifier(builtProgram(t))
	for _, p := range []*proof.Proof{both, single} {
		require.Equal(t, "valid", verdictOf(t, r, a.documents[3], p))
	}

	way := single.OpenTimestamps
	stamps := func(change func(p *ots.Path) *ots.Timestamp) func(string) string {
		return func(data string) string {
			old, err := way.Marshal()
			require.NoError(t, err)
			path := ots.Path{Ops: slices.Clone(way.Ops), Attestation: ots.Bitcoin(uint64(way.Height))}
			changed, err := change(&path).Marshal(32)
			require.NoError(t, err)
			return strings.Replace(data, hex.EncodeToString(old), hex.EncodeToString(changed), 1)
		}
	}
	attestation := func(instead ots.Attestation) func(string) string {
		return stamps(func(p *ots.Path) *ots.Timestamp {
			p.Attestation = instead
			return p.Timestamp()
		})
	}
	// The two attestations as they stand in the file.
	const begins = `"attestations": [` + "\n"
	split := func(data string) (before, first, second, after string) {
		at := strings.Index(data, begins) + len(begins)
		middle := at + strings.Index(data[at:], "\n    },\n") + len("\n    }")
		end := middle + strings.Index(data[middle:], "\n    }\n") + len("\n    }")
		return data[:at], data[at:middle], data[middle+len(",\n") : end], data[end:]
	}
	pair := func(join func(first, second string) string) func(string) string {
		return func(data string) string {
			before, first, second, after := split(data)
			require.Equal(t, data, before+first+",\n"+second+after)
			return before + join(first, second) + after
		}
	}
	for _, test := range []struct {
		name string
		of   *proof.Proof
		edit func(data string) string
		says string
	}{
		{"a calendar's promise alone", single, attestation(ots.Pending(calendarURI)), "ends in pending at " + calendarURI},
		{"a promise that stands beside a block", single, stamps(func(p *ots.Path) *ots.Timestamp {
			t := p.Timestamp()
			t.Attestations = append(t.Attestations, ots.Pending(calendarURI))
			return t
		}), "has forks"},
		{"a block of Litecoin", single, attestation(ots.Attestation{Tag: ots.TagLitecoin, Payload: ots.Bitcoin(5).Payload}), "ends in Litecoin block 5"},
		{"an attestation of a kind that nobody knows", single, attestation(ots.Attestation{Tag: ots.Tag{1}, Payload: "x"}), "ends in unknown attestation"},
		{"a way by SHA-1", single, stamps(func(p *ots.Path) *ots.Timestamp {
			p.Ops = slices.Concat([]ots.Operation{ots.SHA1}, p.Ops)
			return p.Timestamp()
		}), "sha256, append and prepend only"},
		{"a second way to the same block", single, stamps(func(p *ots.Path) *ots.Timestamp {
			other := ots.Path{Ops: []ots.Operation{ots.SHA256}, Attestation: p.Attestation}
			return ots.Merge(p.Timestamp(), other.Timestamp())
		}), "has forks"},
		{"a byte after the timestamp", single, func(data string) string {
			old, err := way.Marshal()
			require.NoError(t, err)
			text := hex.EncodeToString(old)
			return strings.Replace(data, text, text+"00", 1)
		}, "timestamp"},
		{"the timestamp in capitals", single, func(data string) string {
			old, err := way.Marshal()
			require.NoError(t, err)
			text := hex.EncodeToString(old)
			return strings.Replace(data, text, strings.ToUpper(text), 1)
		}, "timestamp"},
		{"the timestamp before the transaction", both, pair(func(first, second string) string { return second + ",\n" + first }), "attestation"},
		{"two transactions", both, pair(func(first, _ string) string { return first + ",\n" + first }), "attestation"},
		{"two timestamps", both, pair(func(_, second string) string { return second + ",\n" + second }), "attestation"},
		{"a title with an escape", escape, withEscape, "invalid character '\\x1b' in string"},
		{"a title with a line separator", separator, withSeparator, "an escape of another character"},
		{"a title that is not UTF-8", noText, withNoText, "not UTF-8"},
		{"a line break of Windows", both, func(data string) string { return strings.Replace(data, "\n", "\r\n", 1) }, "line 1 is not in the one spelling"},
		{"a second final line feed", both, func(data string) string { return data + "\n" }, "is not in the one spelling"},
		{"a byte order mark", both, func(data string) string { return "\ufeff" + data }, "byte order mark"},
		{"a key twice", both, func(data string) string {
			return strings.Replace(data, `"salt": `, `"salt": "`+strings.Repeat("00", 32)+"\",\n    \"salt\": ", 1)
		}, "line 5 is not in the one spelling"},
		{"a key that nobody knows", both, func(data string) string {
			return strings.Replace(data, `"salt": `, "\"name\": \"Ann\",\n    \"salt\": ", 1)
		}, `unknown field "name"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			honest := string(marshalProof(t, test.of))
			forged := test.edit(honest)
			require.NotEqual(t, honest, forged)
			j := judgeFile(t, r, a.documents[3], []byte(forged))
			not, detail := j.not()
			require.Equal(t, "invalid: malformed", j.Verdict+": "+not, "%s", detail)
			require.Contains(t, detail, test.says)
			t.Log(detail)
		})
	}
}

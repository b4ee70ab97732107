package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gradseal/bitcoin"
	"gradseal/proof"
	"gradseal/proof/ots"
	"gradseal/words"
)

// step is something to do by hand, and what it prints.
type step struct {
	Name    string
	Formula string
	Command string // for sh; it goes on from the step before
	Result  string
	block   bool // the result is of a block
}

// shell are the functions of the commands: SHA-256 of hex digits, and the digits
// in the order in which Bitcoin prints them.
const shell = `sha() { xxd -r -p | sha256sum | cut -c -64; }; rev() { fold -w 2 | sed '1!G;h;$!d' | tr -d '\n'; echo; }
`

// round is what is hashed around a message, in hex, and how often: SHA-256 of
// before || message || after.
type round struct {
	before, after string
	hashes        int
}

// rounds puts the operations of a proof together.
func rounds(steps []proof.Step) ([]round, error) {
	var all []round
	var next round
	for _, s := range steps {
		arg := hex.EncodeToString([]byte(s.Op.Arg))
		switch {
		case s.Op == ots.SHA256 && next == round{} && len(all) > 0:
			all[len(all)-1].hashes++
		case s.Op == ots.SHA256:
			next.hashes = 1
			all = append(all, next)
			next = round{}
		case s.Op == ots.Append(unhex(arg)):
			next.after += arg
		case s.Op == ots.Prepend(unhex(arg)):
			next.before = arg + next.before
		default:
			return nil, fmt.Errorf("%s is no operation of a proof", s.Op.Name())
		}
	}
	if next != (round{}) {
		return nil, errors.New("the way of the proof does not end in a hash")
	}
	return all, nil
}

// isNode reports whether a round leads from a node of a tree to the one above.
func (r round) isNode() bool {
	return r.hashes == 1 && strings.HasPrefix(r.before, "01") && len(r.before)+len(r.after) == 2+2*sha256.Size
}

// isPair reports whether a round does so in the tree of a block.
func (r round) isPair() bool {
	return r.hashes == 2 && len(r.before)+len(r.after) == 2*sha256.Size && (r.before == "" || r.after == "")
}

// of is what the round makes of a message.
func (r round) of(message []byte) []byte {
	message = slices.Concat(unhex(r.before), message, unhex(r.after))
	for range r.hashes {
		h := sha256.Sum256(message)
		message = h[:]
	}
	return message
}

// unhex decodes digits that hex.EncodeToString made.
func unhex(digits string) []byte {
	b, err := hex.DecodeString(digits)
	if err != nil {
		panic(err)
	}
	return b
}

// command computes the round in sh, of the digits in $h.
func (r round) command() string {
	return fmt.Sprintf("h=$(printf %%s %s${h}%s%s)", r.before, r.after, strings.Repeat(" | sha", r.hashes))
}

// loop computes rounds that are nodes, or pairs, in sh. A sibling stands before
// or behind a dash, as it stands before or behind $h.
func loop(rs []round) string {
	prefix := ""
	if rs[0].isNode() {
		prefix = "01"
	}
	var siblings strings.Builder
	for _, r := range rs {
		fmt.Fprintf(&siblings, " %s-%s", strings.TrimPrefix(r.before, prefix), r.after)
	}
	return fmt.Sprintf("for s in%s; do h=$(printf %%s %s${s%%-*}${h}${s#*-}%s); done",
		siblings.String(), prefix, strings.Repeat(" | sha", rs[0].hashes))
}

// hand collects the steps by hand.
type hand struct {
	language *words.Language
	all      []step
	message  []byte // what the steps so far lead to
}

// add adds a step, with the texts of a name.
func (h *hand) add(name, command, result string, args map[string]string) {
	text := func(part string) string { return h.language.Text("report.hand."+name+part, args) }
	h.all = append(h.all, step{Name: text(""), Formula: text(".formula"), Command: command, Result: result})
}

// follow adds a step that does rounds, and prints what they lead to.
func (h *hand) follow(name string, rs []round, args map[string]string) {
	if len(rs) == 0 {
		return
	}
	var lines []string
	for len(rs) > 0 {
		n := 1
		for kind := rs[0]; n < len(rs) && (kind.isNode() && rs[n].isNode() || kind.isPair() && rs[n].isPair()); {
			n++
		}
		if rs[0].isNode() || rs[0].isPair() {
			lines = append(lines, loop(rs[:n]))
		} else {
			lines = append(lines, rs[0].command())
		}
		for _, r := range rs[:n] {
			h.message = r.of(h.message)
		}
		rs = rs[n:]
	}
	h.add(name, strings.Join(lines, "\n")+"; echo $h", hex.EncodeToString(h.message), args)
}

// reversed makes the last step print its result as Bitcoin prints it.
func (h *hand) reversed() {
	last := &h.all[len(h.all)-1]
	last.Command += " | rev"
	last.Result = bitcoin.Hash(unhex(last.Result)).String()
}

// steps are the way from the file to the block. They end where the proof does,
// where it is false, or at the file that is not its document.
func (r *Report) steps() ([]step, error) {
	d := r.Document
	if d.Issued == 0 {
		return nil, nil
	}
	h := &hand{language: r.Language, message: d.Digest[:]}
	h.document(d)
	if r.Proof == nil || d.Digest != r.Proof.Digest {
		return h.all, nil
	}
	way, err := r.Proof.Steps()
	if err != nil { // the parser does not count hashes
		return h.all, nil
	}
	rs, err := rounds(way)
	if err != nil {
		return nil, err
	}
	for i, l := range r.Proof.Layers {
		if n := 1 + len(l.Path) + 1; h.layer(i, l, rs[:n], d.Proof) {
			rs = rs[n:]
			continue
		}
		return h.all, nil
	}
	switch p := r.Proof; {
	case p.Bitcoin != nil:
		return h.all, h.bitcoin(p.Bitcoin)
	case p.OpenTimestamps != nil:
		return h.all, h.timestamp(p.OpenTimestamps)
	}
	return h.all, nil
}

// document is the digest of the file, or of what stands before a proof in it.
func (h *hand) document(d Document) {
	name := quote(d.Name)
	command := "sha256sum " + name
	if d.Issued < d.Size {
		command = fmt.Sprintf("head -c %d %s | sha256sum", d.Issued, name)
	}
	h.add("document", command, hex.EncodeToString(d.Digest[:]), nil)
}

// layer leads from an entry to the batch root. It is false where the tree is not
// that of the statement, and the steps end.
func (h *hand) layer(i int, l proof.Layer, rs []round, proofName string) bool {
	args := map[string]string{
		"layer": strconv.Itoa(i + 1), "index": strconv.FormatUint(l.Index+1, 10), "size": strconv.FormatUint(l.Statement.Size, 10),
		"nodes": strconv.Itoa(len(l.Path)),
	}
	if i > 0 {
		h.follow("outer-leaf", rs[:1], args)
	} else {
		start := shell + "h=" + hex.EncodeToString(h.message) + "\n"
		h.follow("leaf", rs[:1], args)
		first := &h.all[len(h.all)-1]
		first.Command = start + first.Command
	}
	h.follow("root", rs[1:len(rs)-1], args)
	if !bytes.Equal(h.message, l.Statement.Root[:]) {
		return false
	}
	if proofName != "" {
		signed := sha256.Sum256(l.Signed)
		h.add("statement", fmt.Sprintf("jq -j '.layers[%d].statement' %s | sha256sum", i, quote(proofName)), hex.EncodeToString(signed[:]), args)
	}
	h.follow("batch-root", rs[len(rs)-1:], args)
	return true
}

// bitcoin leads from the batch root to the block.
func (h *hand) bitcoin(b *proof.Bitcoin) error {
	way, err := b.Steps()
	if err != nil {
		return nil // what is no transaction leads nowhere
	}
	rs, err := rounds(way)
	if err != nil {
		return err
	}
	h.follow("transaction", rs[:1], nil)
	h.reversed()
	h.follow("merkle-root", rs[1:], map[string]string{"nodes": strconv.Itoa(len(b.Path))})
	if len(rs) > 1 {
		h.reversed()
	}
	if root := b.Header.MerkleRoot(); !bytes.Equal(h.message, root[:]) {
		return nil
	}
	header := hex.EncodeToString(b.Header[:])
	h.add("header", "b="+header+"; echo $b | cut -c 73-136 | rev", b.Header.MerkleRoot().String(), nil)
	h.add("block", "echo $b | sha | sha | rev", b.Header.Hash().String(), map[string]string{"height": strconv.FormatUint(uint64(b.Height), 10)})
	h.all[len(h.all)-1].block = true
	return nil
}

// timestamp leads there by the operations of a calendar.
func (h *hand) timestamp(o *proof.OpenTimestamps) error {
	way := make([]proof.Step, len(o.Ops))
	for i, op := range o.Ops {
		way[i].Op = op
	}
	rs, err := rounds(way)
	if err != nil || len(rs) == 0 {
		return err
	}
	h.follow("timestamp", rs, map[string]string{"height": strconv.FormatUint(uint64(o.Height), 10)})
	h.reversed()
	h.all[len(h.all)-1].block = true
	return nil
}

// quote is a file name for sh. A name that would not stand on the page as it is
// gives way to one that does.
func quote(name string) string {
	if words.Safe(name) != name {
		name = "FILE.pdf"
	}
	if strings.HasPrefix(name, "-") {
		name = "./" + name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// maxLine is the most bytes of a line, without its LF.
	maxLine = 64 << 10
	// perLine is how many documents one line is about at most: with 67 bytes for
	// each there is room for the rest.
	perLine = 900
)

// firstPrev is what the first line has in the place of the hash of a line before.
var firstPrev = sha256.Sum256([]byte("gradseal journal v1"))

// line is a line of the log. Its keys stand in this order; but for the first five
// and the last, one without a value is left out.
type line struct {
	Number   uint64 `json:"number"` // from 1
	Prev     string `json:"prev"`   // hex SHA-256 of the line before, without its LF
	Time     string `json:"time"`
	Act      Act    `json:"act"`
	By       string `json:"by"`
	Late     bool   `json:"late,omitempty"`
	Issuer   string `json:"issuer,omitempty"`
	Network  string `json:"network,omitempty"`
	Batch    string `json:"batch,omitempty"`
	Root     string `json:"batch_root,omitempty"`
	Sequence uint64 `json:"sequence,omitempty"`
	Text     string `json:"text,omitempty"`
	TxID     string `json:"txid,omitempty"`
	Height   uint32 `json:"height,omitempty"`
	Block    string `json:"block,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Count    int    `json:"count,omitempty"`
	Leaves   []int  `json:"leaves,omitempty"`
	Cleared  int    `json:"cleared,omitempty"`
	// Part of Parts: an entry about many documents takes several lines, of which
	// the first has count, leaves and cleared.
	Part  int      `json:"part,omitempty"`
	Parts int      `json:"parts,omitempty"`
	About []string `json:"about,omitempty"`
	// Sum is the hex SHA-256 of the line up to the comma before its key. The next
	// line's Prev says the same of every line but the last.
	Sum string `json:"sum"`
}

// linesOf encodes an entry as the lines after head, and returns the new head.
func linesOf(e Entry, about [][32]byte, head Head) ([]byte, Head, error) {
	if err := e.check(); err != nil {
		return nil, head, err
	}
	parts := max(1, (len(about)+perLine-1)/perLine)
	var out []byte
	for part := range parts {
		l := newLine(e, head)
		if parts > 1 {
			l.Part, l.Parts = part+1, parts
		}
		if part > 0 {
			l.Count, l.Leaves, l.Cleared = 0, nil, 0
		}
		for _, hash := range about[part*perLine : min((part+1)*perLine, len(about))] {
			l.About = append(l.About, hex.EncodeToString(hash[:]))
		}
		text, err := l.encode()
		if err != nil {
			return nil, head, err
		}
		if len(text) > maxLine {
			return nil, head, fmt.Errorf("an entry of the journal has %d bytes, want at most %d", len(text), maxLine)
		}
		head = Head{l.Number, sha256.Sum256(text)}
		out = append(append(out, text...), '\n')
	}
	return out, head, nil
}

// check refuses an entry that could not be read back.
func (e Entry) check() error {
	switch t := e.Time; {
	case e.Act == "":
		return errors.New("an entry of the journal has no act")
	case e.Count < 0 || e.Cleared < 0 || slices.ContainsFunc(e.Leaves, func(i int) bool { return i < 0 }):
		return errors.New("an entry of the journal has a negative count or leaf index")
	case !t.IsZero() && (t.UTC().Year() < 1 || t.UTC().Year() > 9999):
		return fmt.Errorf("an entry of the journal has the time %v", t)
	}
	return nil
}

func newLine(e Entry, head Head) *line {
	at := e.Time
	if at.IsZero() {
		at = time.Now()
	}
	valid := func(s string) string { return strings.ToValidUTF8(s, "\ufffd") }
	return &line{
		Number: head.Number + 1, Prev: hex.EncodeToString(head.Hash[:]),
		Time: at.UTC().Format(time.RFC3339), Act: Act(valid(string(e.Act))), By: valid(e.By), Late: e.Late,
		Issuer: valid(e.Issuer), Network: valid(e.Network), Batch: valid(e.Batch), Root: valid(e.Root),
		Sequence: e.Sequence, Text: valid(e.Text), TxID: valid(e.TxID), Height: e.Height, Block: valid(e.Block),
		Reason: valid(e.Reason), Count: e.Count, Leaves: e.Leaves, Cleared: e.Cleared,
	}
}

// encode writes the line, without its LF, and sets Sum.
func (l *line) encode() ([]byte, error) {
	const end = `,"sum":""}`
	l.Sum = ""
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		return nil, err
	}
	text := bytes.TrimSuffix(buf.Bytes(), []byte(end+"\n"))
	sum := sha256.Sum256(text)
	l.Sum = hex.EncodeToString(sum[:])
	return fmt.Appendf(text, `,"sum":"%s"}`, l.Sum), nil
}

var errLine = errors.New("malformed")

// parseLine reads a line, without its LF, which has one spelling.
func parseLine(text []byte) (*line, error) {
	if len(text) > maxLine {
		return nil, fmt.Errorf("%w: more than %d bytes", errLine, maxLine)
	}
	l := new(line)
	if err := json.Unmarshal(text, l); err != nil {
		return nil, fmt.Errorf("%w: %.200s", errLine, strings.TrimPrefix(err.Error(), "json: "))
	}
	sum := l.Sum
	again, err := l.encode()
	switch {
	case err != nil:
		return nil, err
	case l.Sum != sum:
		return nil, errors.New("its sum is not that of its text: it was changed, or is damaged")
	case !bytes.Equal(again, text):
		return nil, fmt.Errorf("%w: not in the one spelling of this format", errLine)
	}
	return l, l.check()
}

// check refuses values that no entry is written with.
func (l *line) check() error {
	at, err := time.Parse(time.RFC3339, l.Time)
	if err != nil || at.UTC().Format(time.RFC3339) != l.Time {
		return fmt.Errorf("%w: time %.40q", errLine, l.Time)
	}
	if l.Act == "" || l.Count < 0 || l.Cleared < 0 || l.Part < 0 || l.Part > l.Parts || l.Parts == 1 || len(l.About) > perLine {
		return fmt.Errorf("%w: a value is out of range", errLine)
	}
	if slices.ContainsFunc(l.Leaves, func(i int) bool { return i < 0 }) {
		return fmt.Errorf("%w: a leaf index is negative", errLine)
	}
	for _, about := range l.About {
		if _, err := parseHash(about); err != nil {
			return err
		}
	}
	return nil
}

// follows refuses a line that does not follow head.
func (l *line) follows(head Head) error {
	switch {
	case l.Number != head.Number+1:
		return fmt.Errorf("has the number %d, want %d: a line was taken out, put in or moved", l.Number, head.Number+1)
	case l.Prev != hex.EncodeToString(head.Hash[:]):
		return errors.New("does not follow the line before it: that one was changed, or is another one")
	}
	return nil
}

// entry is what the line says, without what it is about.
func (l *line) entry() Entry {
	at, _ := time.Parse(time.RFC3339, l.Time) // checked
	return Entry{
		Time: at, Act: l.Act, By: l.By, Late: l.Late, Issuer: l.Issuer, Network: l.Network, Batch: l.Batch, Root: l.Root,
		Sequence: l.Sequence, Text: l.Text, TxID: l.TxID, Height: l.Height, Block: l.Block, Reason: l.Reason, Count: l.Count,
		Leaves: l.Leaves, Cleared: l.Cleared,
	}
}

// parseHash reads 64 lower-case hex digits.
func parseHash(s string) (h [32]byte, err error) {
	if n, err := hex.Decode(h[:], []byte(s[:min(len(s), 2*len(h))])); err != nil || n != len(h) || hex.EncodeToString(h[:]) != s {
		return h, fmt.Errorf("%w: %.80q, want 64 hex digits", errLine, s)
	}
	return h, nil
}

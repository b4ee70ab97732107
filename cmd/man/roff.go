package man

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

// roff writes man(7) source.
type roff struct{ bytes.Buffer }

// macro writes a request with its arguments, escaped by the caller.
func (r *roff) macro(name string, args ...string) {
	r.WriteString("." + name)
	for _, arg := range args {
		r.WriteString(` "` + arg + `"`)
	}
	r.WriteByte('\n')
}

// line writes a line of text, escaped by the caller. What roff would read as a
// request at its beginning is made text.
func (r *roff) line(escaped string) {
	if strings.HasPrefix(escaped, ".") {
		r.WriteString(`\&`)
	}
	r.WriteString(escaped + "\n")
}

// entry writes a term and, indented, what is said of it. Both are escaped by
// the caller.
func (r *roff) entry(term, text string) {
	r.macro("TP")
	r.line(term)
	r.line(text)
}

// paragraph begins one; a heading has begun the first below it.
func (r *roff) paragraph() {
	last := bytes.LastIndexByte(bytes.TrimSuffix(r.Bytes(), []byte("\n")), '\n')
	if !bytes.HasPrefix(r.Bytes()[last+1:], []byte(".SH ")) {
		r.macro("PP")
	}
}

// prose writes paragraphs that are parted by empty lines. Indented ones become
// lists and literal lines.
func (r *roff) prose(text string) {
	for paragraph := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		if strings.HasPrefix(paragraph, " ") || strings.HasPrefix(paragraph, "\t") {
			r.indented(strings.Split(dedent(paragraph), "\n"))
			continue
		}
		r.paragraph()
		for line := range strings.SplitSeq(paragraph, "\n") {
			r.line(escape(strings.TrimSpace(line)))
		}
	}
}

// columns finds two or more spaces between words.
var columns = regexp.MustCompile(`\S( {2,})\S`)

// indented writes lines in two columns as entries, and all others as they are.
func (r *roff) indented(lines []string) {
	for len(lines) > 0 {
		if at := columns.FindStringSubmatchIndex(lines[0]); at != nil {
			r.entry(bold(lines[0][:at[2]]), escape(lines[0][at[3]:]))
			lines = lines[1:]
			continue
		}
		n := 1
		for n < len(lines) && columns.FindStringIndex(lines[n]) == nil {
			n++
		}
		r.literal(lines[:n])
		lines = lines[n:]
	}
}

// literal writes lines as they are.
func (r *roff) literal(lines []string) {
	r.paragraph()
	r.macro("EX")
	for _, line := range lines {
		for folded := range strings.SplitSeq(fold(line), "\n") {
			r.line(escape(folded))
		}
	}
	r.macro("EE")
}

// literalWidth is what a terminal of 80 columns has beside man's indent of 7.
const literalWidth = 73

// fold breaks a command that is too long for a terminal before an option, as a
// shell lets one.
func fold(line string) string {
	if len(line) <= literalWidth {
		return line
	}
	at := strings.LastIndex(line[:literalWidth-len(` \`)+1], " --")
	if at <= 0 {
		return line
	}
	return line[:at] + " \\\n" + fold("    "+line[at+1:])
}

// dedent takes away the indent that all lines have in common.
func dedent(paragraph string) string {
	lines := strings.Split(strings.ReplaceAll(paragraph, "\t", "    "), "\n")
	indent := len(lines[0])
	for _, line := range lines {
		indent = min(indent, len(line)-len(strings.TrimLeft(line, " ")))
	}
	for i := range lines {
		lines[i] = lines[i][indent:]
	}
	return strings.Join(lines, "\n")
}

func bold(text string) string   { return `\fB` + escape(text) + `\fR` }
func italic(text string) string { return `\fI` + escape(text) + `\fR` }

// special are the characters that roff prints as others, or not at all: a
// command that is copied from a manual must be the one that was meant.
var special = map[rune]string{
	'\\': `\e`, '-': `\-`, '\'': `\(aq`, '"': `\(dq`, '`': `\(ga`, '^': `\(ha`, '~': `\(ti`,
}

// escape makes text roff. What is not ASCII is written as its code point, so
// that a page needs no encoding.
func escape(text string) string {
	var b strings.Builder
	for _, c := range text {
		switch s, ok := special[c]; {
		case ok:
			b.WriteString(s)
		case c > '~':
			fmt.Fprintf(&b, `\[u%04X]`, c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

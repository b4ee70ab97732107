package manifest

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// byteOrderMark, in UTF-8, makes Excel read a CSV file as UTF-8.
	byteOrderMark = "\ufeff"
	tableHead     = byteOrderMark + "document_path,proof_path,manifest_row"
)

var tableColumns = [3]string{"document_path", "proof_path", "manifest_row"}

// TableRow is a document in the result table.
type TableRow struct {
	Document, Proof string // paths
	Row             int    // index in Manifest.Rows, -1 if the document has no row
}

// WriteTable writes the result table, from which a mail merge sends each
// graduate the proof: CSV in UTF-8 with a byte order mark and CRLF, one row for
// each document with the two paths, the line of the manifest, and then all
// columns of the manifest as they are. m may be nil.
//
// What a spreadsheet could take for a formula gets an apostrophe before it, for
// the manifest may come from what students typed themselves. The apostrophe is
// part of the text: a mail merge prints it, and a path with it names no file. Of
// usual data, this concerns phone numbers with a plus sign and negative
// numbers.
func WriteTable(w io.Writer, m *Manifest, rows []TableRow) error {
	if m == nil {
		m = new(Manifest)
	}
	b := bufio.NewWriter(w) // keeps the first error until Flush
	b.WriteString(tableHead)
	writeCells(b, m.Columns)
	b.WriteString("\r\n")
	empty := make([]string, len(m.Columns))
	for _, r := range rows {
		number, fields := "", empty
		if r.Row >= 0 {
			row := m.Rows[r.Row]
			number, fields = strconv.Itoa(row.Number), row.Fields
		}
		b.WriteString(Cell(r.Document))
		writeCells(b, []string{r.Proof, number})
		writeCells(b, fields)
		b.WriteString("\r\n")
	}
	return b.Flush()
}

// writeCells writes cells that are not the first of their row.
func writeCells(b *bufio.Writer, cells []string) {
	for _, c := range cells {
		b.WriteByte(',')
		b.WriteString(Cell(c))
	}
}

// Cell is a cell as CSV: quoted where RFC 4180 wants it, and where it would
// be a formula.
func Cell(s string) string {
	formula := isFormula(s)
	if formula {
		s = "'" + s
	}
	if formula || strings.ContainsAny(s, "\",\r\n") || strings.TrimSpace(s) != s {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}

// isFormula reports whether a spreadsheet could compute the cell: some pass over
// blanks before the sign, and in East Asian settings the full-width signs do as
// well. Cells that begin with a control character are dangerous where another
// program splits the text once more.
func isFormula(s string) bool {
	if s != "" && strings.IndexByte("\t\r\n", s[0]) >= 0 {
		return true
	}
	s = strings.TrimLeftFunc(s, isBlankRune)
	first, n := utf8.DecodeRuneInString(s)
	return n > 0 && strings.ContainsRune("=+-@＝＋－＠", first)
}

// IsTable reports whether a file that begins with head (64 bytes suffice) is a
// table that WriteTable made, which may be replaced.
func IsTable(head []byte) bool {
	rest, ok := bytes.CutPrefix(head, []byte(tableHead))
	return ok && (bytes.HasPrefix(rest, []byte(",")) || bytes.HasPrefix(rest, []byte("\r\n")))
}

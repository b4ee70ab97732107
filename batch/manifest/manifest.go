// Package manifest reads the registrar's list of documents, joins its rows with
// the files that there are, and writes it again as a table with the documents
// and proofs for a mail merge.
//
// A list decides who gets whose transcript, so nothing in it is guessed: what is
// nearly a name, or nearly CSV in UTF-8, is recognised and refused with the
// remedy, in words for people who have never heard of encodings.
package manifest

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	utf "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/unicode/norm"
)

const (
	// MaxSize is the size of the largest manifest, in bytes.
	MaxSize = 64 << 20
	// maxManifestRows is how many rows a manifest may have below its header.
	maxManifestRows = 5_000_000

	fileColumn = "file" // the column that names the documents
)

// Manifest is a registrar's list of documents, one row each.
type Manifest struct {
	Columns []string // the header row, as it is written
	Rows    []Row

	file int // index of the column "file"
}

// Row is a row of a manifest.
type Row struct {
	Number int      // of the row in a spreadsheet, where the first row is 1
	File   string   // exact value of the column "file"
	Fields []string // all cells, as many as there are columns
}

// Error says what is wrong with a manifest, to people who have never
// heard of encodings.
type Error struct {
	Line   int    // from 1; 0 where the fault is that of the whole file
	Fault  string // what stands after the file's name and line: "has …", "is …"
	Remedy string // what to do, in the menus of Excel and LibreOffice where it can
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Fault
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Fault)
}

const (
	remedySave = "in Excel: File > Save As > CSV UTF-8 (Comma delimited) (*.csv); " +
		"in LibreOffice: File > Save As > Text CSV, Character set: Unicode (UTF-8), Field delimiter: ,"
	// Where the decimal sign of the system is a comma, Excel separates cells by
	// semicolons, also in what it calls "Comma delimited".
	remedySeparator = "in Excel: File > Options > Advanced, untick \"Use system separators\", Decimal separator: . and Thousands separator: , " +
		"then File > Save As > CSV UTF-8 (Comma delimited) (*.csv); " +
		"in LibreOffice: File > Save As > Text CSV, Character set: Unicode (UTF-8), Field delimiter: ,"
)

// Parse reads a manifest: CSV (RFC 4180) in UTF-8, with or without a
// byte order mark, of at most MaxSize bytes. The first row names the
// columns; one of them is "file", in exactly this spelling. Rows without any
// text are passed over. A line break within a cell reads as LF. Every error is
// a *Error.
func Parse(data []byte) (*Manifest, error) {
	if err := checkKind(data); err != nil {
		return nil, err
	}
	if err := checkEncoding(data); err != nil {
		return nil, err
	}
	text := bytes.TrimPrefix(data, []byte(byteOrderMark))
	if err := checkLines(text); err != nil {
		return nil, err
	}
	if err := checkSeparator(text); err != nil {
		return nil, err
	}
	r := &rowReader{Reader: csv.NewReader(bytes.NewReader(text)), text: text}
	r.FieldsPerRecord = -1 // counted here, where all wrong rows can be named at once
	m := new(Manifest)
	if err := m.readHeader(r); err != nil {
		return nil, err
	}
	if err := m.readRows(r); err != nil {
		return nil, err
	}
	return m, nil
}

// checkKind refuses what is no list of the registrar's at all.
func checkKind(data []byte) error {
	workbook := func(kind string) error {
		return &Error{0, "is a spreadsheet (" + kind + "), not CSV", remedySave}
	}
	head := bytes.ToLower(data[:min(len(data), 256)])
	switch {
	case len(data) > MaxSize:
		return &Error{0, fmt.Sprintf("has more than %d MiB", MaxSize>>20),
			"keep the column file and those that the mail merge needs, or anchor in several batches"}
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return workbook(".xlsx, .ods or .numbers")
	case bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0")):
		return workbook("Excel, .xls")
	case bytes.HasPrefix(data, []byte("%PDF-")):
		return &Error{0, "is a PDF, not a list of PDFs", remedySave}
	case bytes.HasPrefix(head, []byte("<html")), bytes.HasPrefix(head, []byte("<!doctype")),
		bytes.HasPrefix(head, []byte("<table")), bytes.HasPrefix(head, []byte("<?xml")):
		return &Error{0, "is a web page or XML, not CSV", "open it in Excel or LibreOffice; " + remedySave}
	case IsTable(data):
		return errIsTable
	case len(bytes.TrimSpace(bytes.TrimPrefix(data, []byte(byteOrderMark)))) == 0:
		return &Error{0, "is empty", remedyHeader}
	}
	return nil
}

const remedyHeader = "the first row names the columns, one of them file; each row below has a PDF's name in that column"

var errIsTable = &Error{0, "is the result table of an earlier run, not a list", "give the list that the table was made from"}

// checkEncoding refuses all but UTF-8, and tells what it is instead where that
// can be told.
func checkEncoding(data []byte) error {
	if order, ok := utf16Order(data); ok {
		return utf16Fault(data, order)
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return &Error{lineAt(data, i), "has a zero byte: it is damaged, or no text", remedySave}
	}
	if utf8.Valid(data) {
		return nil
	}
	line := lineAt(data, invalidUTF8(data))
	if looksLikeGB18030(data) {
		return &Error{line, "is not UTF-8: it looks like GB18030, what Excel writes as plain CSV on a Chinese Windows",
			remedySave + "; 中文 Excel：文件 > 另存为 > CSV UTF-8（逗号分隔）(*.csv)"}
	}
	return &Error{line, "is not UTF-8: perhaps Windows-1252, what Excel writes as plain CSV on a Western Windows", remedySave}
}

// lineAt is the line, from 1, of the byte at the offset.
func lineAt(data []byte, offset int) int { return 1 + bytes.Count(data[:offset], []byte("\n")) }

// invalidUTF8 is the offset of the first byte that is not UTF-8.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return len(data)
}

// utf16Order recognises UTF-16 by its byte order mark, or by its zero bytes:
// commas, line ends and ".pdf" have one each, all on the same side.
func utf16Order(data []byte) (utf.Endianness, bool) {
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		return utf.LittleEndian, true
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		return utf.BigEndian, true
	}
	head := data[:min(len(data), 4096)]
	var zeros [2]int
	for i, b := range head {
		if b == 0 {
			zeros[i%2]++
		}
	}
	switch {
	case zeros[1] > len(head)/16 && zeros[1] > 8*zeros[0]:
		return utf.LittleEndian, true
	case zeros[0] > len(head)/16 && zeros[0] > 8*zeros[1]:
		return utf.BigEndian, true
	}
	return utf.LittleEndian, false
}

func utf16Fault(data []byte, order utf.Endianness) error {
	name := "UTF-16 (big-endian)"
	if order == utf.LittleEndian {
		name = "UTF-16 (little-endian)"
	}
	head := data[:min(len(data), 4096)]
	text, _ := utf.UTF16(order, utf.IgnoreBOM).NewDecoder().Bytes(head) // replaces what is no UTF-16
	first, _, _ := bytes.Cut(text, []byte("\n"))
	fault := "is " + name + ", not UTF-8"
	if bytes.IndexByte(first, '\t') >= 0 {
		fault += `, with tabs between the cells: what Excel calls "Unicode Text"`
	}
	return &Error{0, fault, remedySave}
}

// looksLikeGB18030 reports whether all of the text decodes as GB18030, and at
// least four fifths of what is not ASCII are characters of GB 2312 or of four
// bytes. Western letters have a plain letter or a comma next to them: some such
// pairs are characters of GB18030 too, but rare ones.
func looksLikeGB18030(data []byte) bool {
	text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(data)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return false
	}
	likely, others := 0, 0
	for i := 0; i+1 < len(data); i++ {
		if data[i] < 0x80 {
			continue
		}
		first, second := data[i], data[i+1]
		switch i++; {
		case '0' <= second && second <= '9': // the third and fourth are like these
			likely++
			i += 2
		case 0xa1 <= first && first <= 0xf7 && 0xa1 <= second:
			likely++
		default:
			others++
		}
	}
	return likely >= 4*others
}

func checkLines(text []byte) error {
	switch {
	case !bytes.ContainsRune(text, '\n') && bytes.ContainsRune(bytes.TrimRight(text, "\r"), '\r'):
		return &Error{0, `has lines that end in CR alone: what Excel calls "CSV (Macintosh)"`, remedySave}
	case bytes.HasPrefix(text, []byte("sep=")):
		return &Error{1, `says "sep=", which only Excel understands: the first row must name the columns`,
			"delete that line; if the cells are not separated by commas, " + remedySeparator}
	}
	return nil
}

// separators are what stands between cells in place of the comma.
var separators = []struct {
	mark rune
	name string
}{
	{';', "semicolons"}, {'\t', "tabs"}, {'|', "vertical bars"},
	{'，', "full-width commas (，)"}, {'；', "full-width semicolons (；)"},
}

// checkSeparator holds the header row against other separators: one of them is
// meant if it finds the column of files and the comma does not, or if it finds
// cells where the comma finds only one.
func checkSeparator(text []byte) error {
	head, line := firstRow(text, ',')
	if slices.Contains(head, fileColumn) {
		return nil
	}
	for _, s := range separators {
		cells, _ := firstRow(text, s.mark)
		named := nearFileColumn(cells) >= 0 && nearFileColumn(head) < 0
		if len(cells) > 1 && (len(head) == 1 || named) {
			return &Error{line, "has " + s.name + " between the cells, not commas", remedySeparator}
		}
	}
	return nil
}

// firstRow is the first row that is not blank, as far as it can be read.
func firstRow(text []byte, separator rune) (cells []string, line int) {
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = separator, -1, true
	for {
		cells, err := r.Read()
		if err != nil {
			return nil, 0
		}
		if !isBlank(cells) {
			line, _ := r.FieldPos(0)
			return cells, line
		}
	}
}

func isBlank(cells []string) bool {
	return !slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" })
}

func (m *Manifest) readHeader(r *rowReader) error {
	cells, line, err := r.next()
	if err == io.EOF {
		return &Error{0, "has no rows", remedyHeader}
	}
	if err != nil {
		return err
	}
	m.Columns = cells
	if err := checkColumns(cells, line); err != nil {
		return err
	}
	if m.file = slices.Index(cells, fileColumn); m.file >= 0 {
		return nil
	}
	if i := nearFileColumn(cells); i >= 0 {
		return &Error{line, fmt.Sprintf(`has no column "file", but one called %s`, shortened(cells[i])),
			"rename it to file: small letters, no blanks"}
	}
	if slices.ContainsFunc(cells, isPDFName) {
		return &Error{line, "is a document already: there is no row above it that names the columns",
			"insert a first row with the names of the columns; write file above the names of the PDFs"}
	}
	return missingFileColumn(cells, line, r)
}

// missingFileColumn looks whether the header row stands further down, below a
// title.
func missingFileColumn(header []string, line int, r *rowReader) error {
	for range 20 {
		cells, below, err := r.next()
		if err != nil {
			break
		}
		if slices.Contains(cells, fileColumn) {
			return &Error{line, fmt.Sprintf(`does not name the columns: line %d has the column "file"`, below),
				fmt.Sprintf("delete all rows above line %d", below)}
		}
	}
	var names []string
	for _, c := range header[:min(len(header), 10)] {
		names = append(names, shortened(c))
	}
	if len(header) > 10 {
		names = append(names, "…")
	}
	return &Error{line, `has no column "file": the columns are ` + strings.Join(names, ", "),
		"name the column that has the names of the PDFs file"}
}

// checkColumns refuses names that the result table could not tell apart.
// Columns without a name are permitted: Excel writes them.
func checkColumns(names []string, line int) error {
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if name != "" && seen[name] {
			return &Error{line, fmt.Sprintf("has two columns called %s", shortened(name)), "rename or delete one of them"}
		}
		seen[name] = true
	}
	if seen[tableColumns[0]] && seen[tableColumns[1]] && seen[tableColumns[2]] {
		return &Error{line, errIsTable.Fault, errIsTable.Remedy}
	}
	for _, name := range tableColumns {
		if seen[name] {
			return &Error{line, fmt.Sprintf("has a column called %s, which is a column of the result table", shortened(name)), "rename it"}
		}
	}
	return nil
}

// nearFileColumn is the index of the first column whose name means "file" but
// is not spelt so, or -1.
func nearFileColumn(names []string) int {
	return slices.IndexFunc(names, func(name string) bool {
		switch strings.Trim(withoutBlanks(strings.ToLower(norm.NFKC.String(name))), `"'_-:`) {
		case "file", "files", "filename", "file_name", "file-name", "filenames", "path", "filepath", "file_path", "pdf", "pdffile", "document",
			"文件", "文件名", "文件名称", "文件路径", "档案", "檔案", "檔名", "檔案名稱":
			return true
		}
		return false
	})
}

func isPDFName(cell string) bool {
	return strings.HasSuffix(strings.ToLower(strings.TrimSpace(cell)), ".pdf")
}

// rowReader reads rows, and counts them as a spreadsheet does, where a row with
// a line break in a cell is one row.
type rowReader struct {
	*csv.Reader
	text   []byte
	number int // of the row that was read last
	breaks int // in the cells that were read
}

// next reads the next row that is not blank, and the line on which it begins.
// The error is io.EOF or a *Error.
func (r *rowReader) next() (cells []string, line int, err error) {
	for {
		start := r.InputOffset()
		cells, err := r.Read()
		if err == io.EOF {
			return nil, 0, err
		}
		if err != nil {
			return nil, 0, csvFault(err, r.text, int(start))
		}
		line, _ := r.FieldPos(0)
		r.number = line - r.breaks
		for _, c := range cells {
			r.breaks += strings.Count(c, "\n")
		}
		if !isBlank(cells) {
			return cells, line, nil
		}
	}
}

const remedyQuotes = "by hand: a cell with a quotation mark in it stands in quotation marks, and each one inside is written twice; or " + remedySave

// csvFault names the line where the quotation mark opens: encoding/csv names the
// line where it noticed, which is the last one of the file if the closing mark
// is missing. The row begins at the offset start, or after blank lines there.
func csvFault(err error, text []byte, start int) error {
	var at *csv.ParseError
	if !errors.As(err, &at) {
		return &Error{0, err.Error(), remedySave}
	}
	if errors.Is(err, csv.ErrBareQuote) {
		return &Error{at.Line, `has a quotation mark (") inside a cell that does not begin with one`, remedyQuotes}
	}
	open, closed := openQuote(text, start)
	fault := `has a quotation mark (") that is never closed`
	if closed {
		fault = fmt.Sprintf(`has a quotation mark (") that opens a cell; the next one, in line %d, does not end the cell`, at.Line)
	}
	return &Error{lineAt(text, open), fault, remedyQuotes}
}

// openQuote finds the first quotation mark from start on that opens a cell and
// has none that ends it; closed says that one follows inside.
func openQuote(text []byte, start int) (open int, closed bool) {
	for i := start; i < len(text); {
		if text[i] != '"' {
			next := bytes.IndexAny(text[i:], ",\n")
			if next < 0 {
				break
			}
			i += next + 1
			continue
		}
		open := i
		for i++; ; {
			next := bytes.IndexByte(text[i:], '"')
			if next < 0 {
				return open, false
			}
			i += next + 1
			if i == len(text) || text[i] != '"' {
				break
			}
			i++ // two are one inside the cell
		}
		rest := text[i:]
		if len(rest) > 0 && rest[0] != ',' && rest[0] != '\n' && !bytes.HasPrefix(rest, []byte("\r\n")) {
			return open, true
		}
		i++
	}
	return start, false
}

func (m *Manifest) readRows(r *rowReader) error {
	var uneven, nameless lineList
	cellsOfFirst := 0
	for n := 0; ; n++ {
		cells, line, err := r.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		switch {
		case n == maxManifestRows:
			return &Error{line, fmt.Sprintf("is one more than the %d rows that a list may have", maxManifestRows), "anchor in several batches"}
		case len(cells) != len(m.Columns):
			if uneven.add(line); uneven.count == 1 {
				cellsOfFirst = len(cells)
			}
			continue
		case strings.TrimSpace(cells[m.file]) == "":
			nameless.add(line)
			continue
		}
		m.Rows = append(m.Rows, Row{r.number, cells[m.file], cells})
	}
	switch {
	case uneven.count > 0:
		return &Error{uneven.first[0], fmt.Sprintf("has %s, and the header row has %d%s", cellCount(cellsOfFirst), len(m.Columns), uneven.others()),
			"by hand: a cell with a comma or a line break in it stands in quotation marks; or " + remedySave}
	case nameless.count > 0:
		return &Error{nameless.first[0], `has nothing in the column "file"` + nameless.others(),
			"write the PDF's name there, or delete the row"}
	case len(m.Rows) == 0:
		return &Error{0, "has a header row and nothing below it", remedyHeader}
	}
	return nil
}

func cellCount(n int) string {
	if n == 1 {
		return "1 cell"
	}
	return fmt.Sprintf("%d cells", n)
}

// lineList counts lines, or rows, and keeps the first of them for a message.
type lineList struct {
	rows  bool // they are rows of a spreadsheet
	first []int
	count int
}

const maxLinesNamed = 10

func (l *lineList) add(line int) {
	if l.count++; len(l.first) < maxLinesNamed {
		l.first = append(l.first, line)
	}
}

// others names all lines but the first.
func (l *lineList) others() string {
	if l.count < 2 {
		return ""
	}
	return "; the same fault in " + l.named(1)
}

// named is the lines from index i on, in words.
func (l *lineList) named(i int) string {
	words := "line"
	if l.rows {
		words = "row"
	}
	if l.count > i+1 {
		words += "s"
	}
	words += " "
	for j, line := range l.first[i:] {
		if j > 0 {
			words += ", "
		}
		words += fmt.Sprint(line)
	}
	if more := l.count - len(l.first); more > 0 {
		words += fmt.Sprintf(" and %d more", more)
	}
	return words
}

// shortened is a cell in quotation marks, cut where it is long. What a terminal
// must not see is escaped where it is printed.
func shortened(cell string) string {
	const most = 100
	if utf8.RuneCountInString(cell) > most {
		cell = string([]rune(cell)[:most]) + "…"
	}
	return `"` + cell + `"`
}

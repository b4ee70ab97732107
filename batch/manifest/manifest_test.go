package manifest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	utf "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/unicode/norm"

	"gradseal/batch/manifest"
)

// many is how many rows a large list has.
const many = 100_000

const goodList = "file,name,note\n" +
	"a.pdf,Ann,\"said \"\"yes\"\", twice\"\n" +
	"\"2026/b, c.pdf\",沈若溪,\"two\nlines\"\n" +
	"d.pdf,Zoë,\n"

func parseList(t testing.TB, text string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Parse([]byte(text))
	require.NoError(t, err)
	return m
}

func TestParse(t *testing.T) {
	want := []manifest.Row{
		{Number: 2, File: "a.pdf", Fields: []string{"a.pdf", "Ann", `said "yes", twice`}},
		{Number: 3, File: "2026/b, c.pdf", Fields: []string{"2026/b, c.pdf", "沈若溪", "two\nlines"}},
		{Number: 4, File: "d.pdf", Fields: []string{"d.pdf", "Zoë", ""}},
	}
	crlf := strings.ReplaceAll(goodList, "\n", "\r\n")
	for name, text := range map[string]string{
		"LF": goodList, "CRLF": crlf, "byte order mark": "\ufeff" + goodList, "mark and CRLF": "\ufeff" + crlf,
		"no line end at the end": strings.TrimSuffix(goodList, "\n"),
		"blank rows at the end":  goodList + ",,\n\n , \u00a0,\n",
	} {
		t.Run(name, func(t *testing.T) {
			m := parseList(t, text)
			require.Equal(t, []string{"file", "name", "note"}, m.Columns)
			require.Equal(t, want, m.Rows)
		})
	}
}

// The column may stand anywhere; columns without a name, and blank rows
// anywhere, are what Excel leaves.
func TestParseShapes(t *testing.T) {
	m := parseList(t, ",,,\nFile,file,,\n,,,\nx, a.pdf ,,\n,,,\ny,b.pdf,1,2\n,,,\n")
	require.Equal(t, []string{"File", "file", "", ""}, m.Columns)
	require.Equal(t, []manifest.Row{
		{Number: 4, File: " a.pdf ", Fields: []string{"x", " a.pdf ", "", ""}},
		{Number: 6, File: "b.pdf", Fields: []string{"y", "b.pdf", "1", "2"}},
	}, m.Rows)
	require.Len(t, parseList(t, "file\na.pdf").Rows, 1)
}

func encoded(t testing.TB, e encoding.Encoding, text string) string {
	t.Helper()
	out, err := e.NewEncoder().String(text)
	require.NoError(t, err)
	return out
}

func TestParseRefuses(t *testing.T) {
	chinese := "file,姓名,学位\n2022110417.pdf,林知遥,工学学士\n2022110533.pdf,欧阳清和,理学硕士\n"
	western := "file,name\na.pdf,Jürg Brändli\nb.pdf,Íñigo Güell\nc.pdf,Zoë\n"
	tabs := strings.ReplaceAll(chinese, ",", "\t")
	utf16 := func(order utf.Endianness, bom utf.BOMPolicy, text string) string {
		return encoded(t, utf.UTF16(order, bom), text)
	}
	rows := func(n int, row string) string { return "file,name\n" + strings.Repeat(row, n) }
	tests := []struct {
		name, text string
		line       int
		fault      string
		remedy     string
	}{
		{"nothing", "", 0, "is empty", "first row names the columns"},
		{"a mark alone", "\ufeff", 0, "is empty", "first row"},
		{"blank lines alone", "\r\n\r\n", 0, "is empty", "first row"},
		{"blank cells alone", ",,\n,,\n", 0, "has no rows", "first row"},
		{"header only", "file,name\n", 0, "nothing below it", "each row below"},
		{"header and blank rows", "file,name\n,\n,\n", 0, "nothing below it", "each row below"},

		{"xlsx", "PK\x03\x04\x14\x00", 0, "is a spreadsheet (.xlsx, .ods or .numbers)", "CSV UTF-8"},
		{"xls", "\xd0\xcf\x11\xe0\xa1\xb1", 0, "is a spreadsheet (Excel, .xls)", "CSV UTF-8"},
		{"PDF", "%PDF-1.7\n", 0, "is a PDF", "CSV UTF-8"},
		{"web page called .xls", "<HTML><table><tr><td>file", 0, "web page", "open it in Excel"},
		{"too large", strings.Repeat("a", manifest.MaxSize+1), 0, "more than 64 MiB", "several batches"},

		{"UTF-16 LE, as Excel's Unicode Text", utf16(utf.LittleEndian, utf.UseBOM, tabs), 0, `is UTF-16 (little-endian), not UTF-8, with tabs between the cells: what Excel calls "Unicode Text"`, "CSV UTF-8"},
		{"UTF-16 BE", utf16(utf.BigEndian, utf.UseBOM, chinese), 0, "is UTF-16 (big-endian), not UTF-8", "CSV UTF-8"},
		{"UTF-16 LE without mark", utf16(utf.LittleEndian, utf.IgnoreBOM, chinese), 0, "is UTF-16 (little-endian)", "CSV UTF-8"},
		{"UTF-16 BE without mark", utf16(utf.BigEndian, utf.IgnoreBOM, western), 0, "is UTF-16 (big-endian)", "CSV UTF-8"},
		{"zero byte", "file,name\na.pdf,A\nb.pdf,B\x00\n", 3, "has a zero byte", "CSV UTF-8"},
		{"GB18030", encoded(t, simplifiedchinese.GB18030, chinese), 1, "looks like GB18030, what Excel writes as plain CSV on a Chinese Windows", "另存为"},
		{"GBK, names only", encoded(t, simplifiedchinese.GBK, "file,name\na.pdf,Ann\nb.pdf,李雷\n"), 3, "looks like GB18030", "CSV UTF-8"},
		{"GB18030 of Western names", encoded(t, simplifiedchinese.GB18030, "file,name\na.pdf,Zoë Peñalver\n"), 2, "looks like GB18030", "CSV UTF-8"},
		{"GB18030 with a rare character", encoded(t, simplifiedchinese.GB18030, chinese+"c.pdf,𠮷田\n"), 1, "looks like GB18030", "CSV UTF-8"},
		{"Windows-1252", encoded(t, charmap.Windows1252, western), 2, "is not UTF-8: perhaps Windows-1252", "CSV UTF-8"},
		{"Windows-1252 that decodes as GB18030", encoded(t, charmap.Windows1252, "file,name\na.pdf,Müller\n"), 2, "perhaps Windows-1252", "CSV UTF-8"},
		{"Shift JIS", encoded(t, japanese.ShiftJIS, "file,氏名\na.pdf,山田太郎\n"), 1, "is not UTF-8", "CSV UTF-8"},
		{"a byte in UTF-8", chinese + "c.pdf,\xff\n", 4, "is not UTF-8", "CSV UTF-8"},
		{"CR alone", "file,name\ra.pdf,Ann\r", 0, "CSV (Macintosh)", "CSV UTF-8"},

		{"semicolons", "file;name\na.pdf;Ann\n", 1, "has semicolons between the cells", "Use system separators"},
		{"semicolons and a comma", "\"name, first\";File\nAnn;a.pdf\n", 1, "has semicolons", "Use system separators"},
		{"semicolons and a comma without quotes", "name, first;file\nAnn;a.pdf\n", 1, "has semicolons", "Use system separators"},
		{"semicolons, and no file column", "\nName;PDF name\na;b\n", 2, "has semicolons", "Use system separators"},
		{"tabs", "file\tname\na.pdf\tAnn\n", 1, "has tabs", "Field delimiter: ,"},
		{"bars", "file|name\na.pdf|Ann\n", 1, "has vertical bars", "Field delimiter: ,"},
		{"full-width commas", "文件，姓名\na.pdf，林知遥\n", 1, "has full-width commas", "Field delimiter: ,"},
		{"sep=", "sep=,\nfile,name\na.pdf,Ann\n", 1, `says "sep="`, "delete that line"},

		{"File", "name,File\nAnn,a.pdf\n", 1, `has no column "file", but one called "File"`, "rename it to file"},
		{"FILE", "FILE\na.pdf\n", 1, `one called "FILE"`, "rename it to file"},
		{"blanks", "name, file \nAnn,a.pdf\n", 1, `one called " file "`, "no blanks"},
		{"hard space", "file\u00a0,name\na.pdf,Ann\n", 1, "one called \"file\u00a0\"", "no blanks"},
		{"second mark", "\ufeff\ufefffile,name\na.pdf,Ann\n", 1, "one called \"\ufefffile\"", "rename it"},
		{"full-width letters", "ｆｉｌｅ,name\na.pdf,Ann\n", 1, `one called "ｆｉｌｅ"`, "rename it"},
		{"filename", "Ann,filename\nA,a.pdf\n", 1, `one called "filename"`, "rename it"},
		{"File Name", "File Name,x\na.pdf,1\n", 1, `one called "File Name"`, "rename it"},
		{"文件", "学号,文件\n1,a.pdf\n", 1, `one called "文件"`, "rename it"},
		{"no such column", "id,name\n1,Ann\n", 1, `has no column "file": the columns are "id", "name"`, "name the column"},
		{"title above the header", "Graduation 2026,\n\nfile,name\na.pdf,Ann\n", 1, `line 3 has the column "file"`, "delete all rows above line 3"},
		{"no header", "a.pdf,Ann\nb.pdf,Bob\n", 1, "is a document already", "insert a first row"},
		{"no header, one column", "2026/B.PDF \nc.pdf\n", 1, "is a document already", "insert a first row"},
		{"two columns file", "file,name,file\na.pdf,Ann,b.pdf\n", 1, `two columns called "file"`, "rename or delete"},
		{"two other columns", "file,name,name\na.pdf,Ann,b.pdf\n", 1, `two columns called "name"`, "rename or delete"},
		{"column of the table", "file,proof_path\na.pdf,x\n", 1, `a column called "proof_path"`, "rename it"},
		{"result table", "\ufeffdocument_path,proof_path,manifest_row,file\r\n/a.pdf,/a.pdf.proof.json,2,a.pdf\r\n", 0, "is the result table", "the list that the table was made from"},
		{"result table, saved again", "document_path,proof_path,manifest_row,file\n/a.pdf,/a.pdf.proof.json,2,a.pdf\n", 1, "is the result table", "the list that"},

		{"too few cells", "file,name\na.pdf,Ann\nb.pdf\nc.pdf,C\n", 3, "has 1 cell, and the header row has 2", "quotation marks"},
		{"too many cells", "file,name\na.pdf,Ann, Dr\nb.pdf,B\nc.pdf\n", 2, "has 3 cells, and the header row has 2; the same fault in line 4", "comma"},
		{"many uneven rows", rows(13, "a.pdf,Ann,x\n"), 2, "the same fault in lines 3, 4, 5, 6, 7, 8, 9, 10, 11 and 3 more", "comma"},
		{"no name", "file,name\na.pdf,Ann\n,Bob\n \u3000,Eve\n", 3, `has nothing in the column "file"; the same fault in line 4`, "delete the row"},

		{"quote never closed", "file,name\na.pdf,\"Ann\"\nb.pdf,\"Bob\nc.pdf,Eve\n", 3, `has a quotation mark (") that is never closed`, "written twice"},
		{"never closed, after a cell of two lines", "file,name,note\n\"a\n.pdf\",A,\"x\n\ny", 3, "never closed", "written twice"},
		{"never closed, after blank lines", "file,name\n\n\n\"a.pdf,A\n", 4, "never closed", "written twice"},
		{"closed by the next cell's", "file,name\na.pdf,\"Ann\nb.pdf,\"Bob\"\n", 2, "the next one, in line 3, does not end the cell", "written twice"},
		{"quote inside", "file,name\na.pdf,Ann \"Nan\" Lee\n", 2, "inside a cell that does not begin with one", "written twice"},
		{"quote in the header", "file,\"name\na.pdf,Ann\n", 1, "never closed", "written twice"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, err := manifest.Parse([]byte(test.text))
			require.Nil(t, m)
			var fault *manifest.Error
			require.ErrorAs(t, err, &fault)
			require.Contains(t, fault.Fault, test.fault)
			require.Contains(t, fault.Remedy, test.remedy)
			require.Equal(t, test.line, fault.Line)
			require.Less(t, len(fault.Fault), 400)
			if test.line > 0 {
				require.Equal(t, fmt.Sprintf("line %d: %s", test.line, fault.Fault), err.Error())
			}
		})
	}
}

func TestManifestOfTooManyRows(t *testing.T) {
	m, err := manifest.Parse([]byte("file,x\n" + strings.Repeat(",a\n", 5_000_001)))
	require.Nil(t, m)
	require.ErrorContains(t, err, "line 5000002: is one more than the 5000000 rows")
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(goodList))
	f.Add([]byte("\ufefffile\r\n\"a\"\"\r\n.pdf\"\r\n"))
	f.Add([]byte(encoded(f, simplifiedchinese.GB18030, "file,姓名\na.pdf,林知遥\n")))
	f.Add([]byte(encoded(f, utf.UTF16(utf.LittleEndian, utf.UseBOM), goodList)))
	f.Add([]byte("file,name\na.pdf,\"Ann\nb.pdf,\"Bob\"\n"))
	f.Add([]byte("Name;File\n\"a;b\";c.pdf\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := manifest.Parse(data)
		if err != nil {
			var fault *manifest.Error
			require.True(t, errors.As(err, &fault))
			require.Nil(t, m)
			require.NotEmpty(t, fault.Fault)
			require.NotEmpty(t, fault.Remedy)
			require.LessOrEqual(t, fault.Line, 1+strings.Count(string(data), "\n"))
			return
		}
		require.NotEmpty(t, m.Rows)
		last := 0
		names := make([]string, len(m.Rows))
		for i, row := range m.Rows {
			require.Len(t, row.Fields, len(m.Columns))
			require.Contains(t, row.Fields, row.File)
			require.Greater(t, row.Number, last)
			last, names[i] = row.Number, row.File
		}
		rows, faults := m.Match(names)
		for i, row := range rows {
			require.True(t, row == i || row == -1)
		}
		if len(faults) == 0 {
			require.NotContains(t, rows, -1)
		}
		require.NotPanics(t, func() { m.Match([]string{norm.NFD.String(strings.ToUpper(names[0])), "x/a.pdf", ""}) })
	})
}

func BenchmarkParse(b *testing.B) {
	text := "file,number,name,degree,note\n"
	var all strings.Builder
	all.WriteString(text)
	for i := range many {
		fmt.Fprintf(&all, "2026/%06d.pdf,%d,沈若溪,\"BSc, Hons\",\n", i, i)
	}
	data := []byte(all.String())
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		_, err := manifest.Parse(data)
		require.NoError(b, err)
	}
}

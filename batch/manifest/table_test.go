package manifest_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/batch/manifest"
)

func writeTable(t testing.TB, m *manifest.Manifest, rows []manifest.TableRow) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, manifest.WriteTable(&b, m, rows))
	return b.String()
}

func TestWriteTable(t *testing.T) {
	m := parseList(t, "name,file,note\n沈若溪,a.pdf,\"two\nlines\"\n\"Ann \"\"Nan\"\"\",\"b, c.pdf\",=1+1\n")
	got := writeTable(t, m, []manifest.TableRow{
		{Document: "/f/b, c.pdf", Proof: "/f/b, c.pdf.proof.json", Row: 1},
		{Document: "/f/a.pdf", Proof: "/f/a.pdf.proof.json", Row: 0},
		{Document: "/f/more.pdf", Proof: "/f/more.pdf.proof.json", Row: -1},
	})
	require.Equal(t, "\ufeffdocument_path,proof_path,manifest_row,name,file,note\r\n"+
		"\"/f/b, c.pdf\",\"/f/b, c.pdf.proof.json\",3,\"Ann \"\"Nan\"\"\",\"b, c.pdf\",\"'=1+1\"\r\n"+
		"/f/a.pdf,/f/a.pdf.proof.json,2,沈若溪,a.pdf,\"two\nlines\"\r\n"+
		"/f/more.pdf,/f/more.pdf.proof.json,,,,\r\n", got)

	require.Equal(t, "\ufeffdocument_path,proof_path,manifest_row\r\na.pdf,a.pdf.proof.json,\r\n",
		writeTable(t, nil, []manifest.TableRow{{"a.pdf", "a.pdf.proof.json", -1}}))
}

// Every cell reads back as it was, but that formulas have an apostrophe.
func TestTableCells(t *testing.T) {
	plain := []string{"", "a", "a=b", "1-2", "x@y.example", "'", `"`, `""`, ",", "a\nb", "a\r\nb", " ", " a ", "\u3000", "é沈👩‍🎓", "#REF!", "a\tb"}
	formulas := []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\ta", "\ra", "＝1", "＋1", "－1", "＠a",
		" =1", "\u00a0=1", "\u3000＝1", "\ufeff=1", "=cmd|' /C calc'!A0", "=\"a\",\"b\"", "-", "="}
	header := make([]string, 1+len(plain)+len(formulas))
	header[0] = "=file"
	cells := append(append([]string{"x.pdf"}, plain...), formulas...)
	m := &manifest.Manifest{Columns: header, Rows: []manifest.Row{{Number: 2, File: "x.pdf", Fields: cells}}}
	table := writeTable(t, m, []manifest.TableRow{{"=a.pdf", "-a.pdf", 0}})

	// encoding/csv reads CRLF within a cell as LF.
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(table, "\ufeff")))
	records, err := r.ReadAll()
	require.NoError(t, err)
	require.Len(t, records, 2)
	require.Equal(t, "'=file", records[0][3])
	require.Equal(t, []string{"'=a.pdf", "'-a.pdf", "2", "x.pdf"}, records[1][:4])
	got := records[1][4:]
	for i, cell := range plain {
		require.Equal(t, strings.ReplaceAll(cell, "\r\n", "\n"), got[i], "%q", cell)
	}
	for i, cell := range formulas {
		require.Equal(t, "'"+cell, got[len(plain)+i], "%q", cell)
		require.Contains(t, table, `,"'`+strings.ReplaceAll(cell, `"`, `""`)+`"`)
	}
}

func TestIsTable(t *testing.T) {
	m := parseList(t, "file,name\na.pdf,Ann\n")
	for _, table := range []string{writeTable(t, nil, nil), writeTable(t, m, nil), writeTable(t, m, []manifest.TableRow{{"/a.pdf", "/a.pdf.proof.json", 0}})} {
		require.True(t, manifest.IsTable([]byte(table)))
		require.True(t, manifest.IsTable([]byte(table[:min(len(table), 64)])))
		require.False(t, manifest.IsTable([]byte(strings.TrimPrefix(table, "\ufeff"))))
		_, err := manifest.Parse([]byte(table))
		require.ErrorContains(t, err, "is the result table of an earlier run")
	}
	for _, other := range []string{"", "\ufeff", "\ufefffile,name\r\n", "\ufeffdocument_path,proof_path,manifest_row", "\ufeffdocument_path,proof_path,manifest_rows\r\n"} {
		require.False(t, manifest.IsTable([]byte(other)), other)
	}
}

type fullDisk struct{}

var errFull = errors.New("no space left on device")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestWriteTableFails(t *testing.T) {
	require.ErrorIs(t, manifest.WriteTable(fullDisk{}, nil, []manifest.TableRow{{"a", "b", -1}}), errFull)
}

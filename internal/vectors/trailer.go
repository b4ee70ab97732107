package main

import (
	"encoding/base64"
	"strings"
)

type trailerVector struct {
	head
	fileInput
	Original *int    `json:"original,omitempty"` // of one that is accepted; -1: no proof
	Proof    *string `json:"proof,omitempty"`
	Fails    string  `json:"fails"`
}

const (
	trailerMarker = "\n%gradseal-proof-1\n"
	trailerOwn    = "%PDF-1.7\n% a document\nstartxref\n9\n%%EOF\n"
)

// base64Lines is data as lines of a width.
func base64Lines(data string, width int) string {
	b64 := base64.StdEncoding.EncodeToString([]byte(data))
	var b strings.Builder
	for len(b64) > width {
		b.WriteString("%" + b64[:width] + "\n")
		b64 = b64[width:]
	}
	return b.String() + "%" + b64 + "\n"
}

// trailer is what is appended to a document of which startxref is n.
func trailer(data, n string) string {
	return trailerMarker + base64Lines(data, 76) + "startxref\n" + n + "\n%%EOF\n"
}

func trailerVectors() []trailerVector {
	var all []trailerVector
	carries := func(name, why, original, added, proof string) {
		n := len(original)
		all = append(all, trailerVector{head{"trailer-" + name, why}, fileInputOf(original + added), &n, &proof, ""})
	}
	none := func(name, why, file string) {
		n, empty := -1, ""
		all = append(all, trailerVector{head{"trailer-" + name, why}, fileInputOf(file), &n, &empty, ""})
	}
	refuse := func(name, why, file, fails string) {
		all = append(all, trailerVector{head{"trailer-" + name, why}, fileInputOf(file), nil, nil, fails})
	}
	data := strings.Repeat("what the lines hold need not be a proof. ", 4)
	usual := trailer(data, "9")
	carries("usual", "A document and its trailer.", trailerOwn, usual, data)
	carries("full-lines", "Two lines of 76 characters.", trailerOwn, trailer(data[:114], "9"), data[:114])
	carries("one-line", "One line of four characters.", trailerOwn, trailer("x", "9"), "x")
	carries("no-eol", "The original does not end in a line end: the LF of the marker is not its own.", strings.TrimSuffix(trailerOwn, "\n"), usual, data)
	carries("crlf-original", "Line ends of the original are CR LF.", strings.ReplaceAll(trailerOwn, "\n", "\r\n"), usual, data)
	carries("cr-original", "Line ends of the original are CR.", strings.ReplaceAll(trailerOwn, "\n", "\r"), usual, data)
	ten := edit(trailerOwn, "\n9\n", "\n1234567890\n")
	carries("plus-and-slash", "Lines with the last two characters of the alphabet.", trailerOwn, trailer(strings.Repeat(">>>???", 20), "9"), strings.Repeat(">>>???", 20))
	carries("padded-full-line", "A last line of 76 characters, of which the last is padding.", trailerOwn, trailer(data[:56], "9"), data[:56])
	carries("ten-digits", "An N of ten digits.", ten, trailer(data, "1234567890"), data)
	carries("zero", "An N of zero.", edit(trailerOwn, "\n9\n", "\n0\n"), trailer(data, "0"), data)
	carries("twice", "The original has a trailer of its own: stripped once.", trailerOwn+trailer("the first", "9"), usual, data)
	none("none", "A document without a trailer.", trailerOwn)
	none("marker-2", "The marker of another version.", trailerOwn+edit(usual, "proof-1", "proof-2"))
	none("marker-within-line", "The marker does not begin a line.", trailerOwn+edit(usual, "\n%grad", " %grad"))
	none("marker-alone", "The marker does not end in a line end: the file ends with it.", trailerOwn+strings.TrimSuffix(trailerMarker, "\n"))
	none("marker-first", "The marker is the first line of the file: there is no line end before it.", trailerMarker[1:]+trailerOwn)
	none("empty", "An empty file.", "")
	limit := strings.Repeat("a", 65536)
	refuse("65537-bytes", "A proof of a byte more than the limit.", trailerOwn+trailer(limit+"a", "9"), "trailer/proof-size")

	b64 := base64.StdEncoding.EncodeToString([]byte(data))
	for _, c := range []struct{ name, why, added, fails string }{
		{"content-after", "An incremental update after the trailer.", usual + "1 0 obj\n(4.00)\nendobj\nstartxref\n9\n%%EOF\n", "trailer/form"},
		{"byte-after", "A line end after the trailer.", usual + "\n", "trailer/form"},
		{"end-missing", "The trailer without its last line end.", strings.TrimSuffix(usual, "\n"), "trailer/form"},
		{"end-crlf", "The trailer ends in CR LF.", strings.TrimSuffix(usual, "\n") + "\r\n", "trailer/form"},
		{"end-within-line", "The last line ends in %%EOF and is more than that.", strings.TrimSuffix(usual, "\n%%EOF\n") + " %%EOF\n", "trailer/form"},
		{"cut-off", "The file is cut off within the lines.", usual[:60], "trailer/form"},
		{"marker-last", "Nothing follows the marker.", trailerMarker, "trailer/form"},
		{"marker-crlf", "The marker ends in CR LF.", edit(usual, "proof-1\n", "proof-1\r\n"), "trailer/form"},
		{"marker-cr", "The marker begins with CR.", "\r" + usual[1:], "trailer/form"},
		{"marker-ends-cr", "The marker ends in CR.", edit(usual, "proof-1\n", "proof-1\r"), "trailer/form"},
		{"all-crlf", "All line ends of the trailer are CR LF.", strings.ReplaceAll(usual, "\n", "\r\n"), "trailer/form"},
		{"content-within", "A line without % among the lines.", edit(usual, "startxref", "1 0 obj\nstartxref"), "trailer/form"},
		{"content-before-lines", "A line without % before the lines.", edit(usual, "proof-1\n", "proof-1\n<<>>\n"), "trailer/form"},
		{"second-startxref", "A second startxref within the trailer.", edit(usual, "startxref\n9\n", "startxref\n9\nstartxref\n9\n"), "trailer/form"},
		{"no-lines", "No lines.", trailerMarker + "startxref\n9\n%%EOF\n", "trailer/form"},
		{"empty-line", "A line of % alone at the end.", edit(usual, "startxref", "%\nstartxref"), "trailer/form"},
		{"short-line", "Lines of 72 characters.", trailerMarker + base64Lines(data, 72) + "startxref\n9\n%%EOF\n", "trailer/form"},
		{"long-line", "One line of 77 characters.", trailerMarker + "%" + b64[:77] + "\n%" + b64[77:] + "\nstartxref\n9\n%%EOF\n", "trailer/form"},
		{"crlf-lines", "The lines end in CR LF.", trailerMarker + strings.ReplaceAll(base64Lines(data, 76), "\n", "\r\n") + "startxref\n9\n%%EOF\n", "trailer/form"},
		{"space-in-line", "A space in a line.", edit(usual, "1\n%"+b64[:8], "1\n%"+b64[:7]+" "), "trailer/form"},
		{"crlf-startxref", "startxref is followed by CR LF.", edit(usual, "startxref\n", "startxref\r\n"), "trailer/form"},
		{"leading-zero", "A leading zero before N, in the trailer.", edit(usual, "\n9\n", "\n09\n"), "trailer/form"},
		{"eleven-digits", "An N of eleven digits.", edit(usual, "\n9\n", "\n10000000000\n"), "trailer/form"},
		{"no-n", "No N.", edit(usual, "\n9\n", "\n\n"), "trailer/form"},

		{"no-padding", "Base64 without its padding.", trailerMarker + "%eA\nstartxref\n9\n%%EOF\n", "trailer/base64"},
		{"spelling", "Another spelling of the last character.", trailerMarker + "%eB==\nstartxref\n9\n%%EOF\n", "trailer/base64"},
		{"padding-within", "Padding that is followed by more base64.", trailerMarker + "%eA==eA==\nstartxref\n9\n%%EOF\n", "trailer/base64"},
		{"padding-alone", "Padding alone.", trailerMarker + "%====\nstartxref\n9\n%%EOF\n", "trailer/base64"},

		{"other-digits", "N is not that of the original.", trailer(data, "90"), "trailer/digits"},
		{"older-revision", "N is a smaller one, as that of an older revision.", trailer(data, "8"), "trailer/digits"},
	} {
		refuse(c.name, c.why, trailerOwn+c.added, c.fails)
	}
	for _, c := range []struct{ name, why, original string }{
		{"original-no-startxref", "The original has no startxref.", "%PDF-1.7\n% a document\n%%EOF\n"},
		{"original-nothing", "There is no original.", ""},
		{"original-two-eols", "The original ends in two line ends.", trailerOwn + "\n"},
		{"original-space", "A space before the %%EOF of the original.", edit(trailerOwn, "%%EOF", " %%EOF")},
		{"original-content-after", "The original ends in a comment.", trailerOwn + "% more"},
		{"original-lf-cr", "The original ends in LF CR.", trailerOwn + "\r"},
		{"original-leading-zero", "A leading zero in the original.", edit(trailerOwn, "\n9\n", "\n09\n")},
		{"original-eleven-digits", "An N of eleven digits in the original.", edit(trailerOwn, "\n9\n", "\n90000000000\n")},
		{"original-blank-line", "An empty line before the N of the original.", edit(trailerOwn, "\n9\n", "\n\n9\n")},
	} {
		refuse(c.name, c.why, c.original+usual, "trailer/original")
	}
	refuse("far-marker", "The marker stands further up than any trailer is long.", trailerOwn+usual+strings.Repeat("% more\n", 13000)+"%%EOF\n", "trailer/form")
	refuse("marker-in-comment", "The original has the marker on a line of its own, and no trailer.", edit(trailerOwn, "% a document", trailerMarker[1:len(trailerMarker)-1]), "trailer/form")
	refuse("marker-twice", "The last marker counts; what stands before it is no original.", trailerOwn+trailerMarker+"%eA==\n"+usual, "trailer/original")
	return all
}

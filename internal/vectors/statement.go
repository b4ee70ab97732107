package main

import (
	"encoding/hex"
	"strings"

	"gradseal/proof"
)

type statementVector struct {
	head
	noteInput
	BatchRoot string `json:"batch_root,omitempty"` // of one that is accepted
	Fails     string `json:"fails"`
}

const (
	rootHex   = "eb1270393c73fed3db95c9a0c201a4c1515efb3d43eb0cf2f9c429bd77e66503"
	blockHash = "2e534f9a431d3b039314357d00cee7b17912b4772cb8deaa5978123c82a269bf"

	statementText = `gradseal statement v1
type documents
issuer ` + uniID + `
network mainnet
size 200
root ` + rootHex + `
issued 2026-11-22T09:00:00Z
after 924018 ` + blockHash + `
title Degrees of summer 2026
`
)

// A change is a place in a text and what stands there instead.
type change struct{ name, why, old, new, fails string }

// issuerChanges, networkChanges and timeChanges break a line that several texts
// have; the check is that of the text.
func issuerChanges(fails string) []change {
	const old = "issuer " + uniID + "\n"
	return []change{
		{"issuer-empty", "An empty issuer id.", old, "issuer \n", fails},
		{"issuer-upper-case", "A capital letter in the issuer id.", old, "issuer Uni.example\n", fails},
		{"issuer-underscore", "An underscore in the issuer id.", old, "issuer uni_example\n", fails},
		{"issuer-cyrillic", "A Cyrillic letter in the issuer id that looks like a Latin one.", old, "issuer unі.example\n", fails},
		{"issuer-101-bytes", "An issuer id of 101 bytes.", old, "issuer " + strings.Repeat("a", 101) + "\n", fails},
		{"issuer-space", "Two spaces before the issuer id.", old, "issuer  " + uniID + "\n", fails},
	}
}

func networkChanges(fails string) []change {
	const old = "network mainnet\n"
	return []change{
		{"network-short", "The network's name cut short.", old, "network main\n", fails},
		{"network-capital", "The network's name with a capital letter.", old, "network Mainnet\n", fails},
		{"network-testnet", "A test network without its number.", old, "network testnet\n", fails},
		{"network-empty", "No network.", old, "network \n", fails},
	}
}

// timeChanges are wrong times in place of the one given.
func timeChanges(old, fails string) []change {
	var all []change
	for _, c := range []struct{ name, why, time string }{
		{"no-leap-year", "29 February of a year that has none.", "2026-02-29T09:00:00Z"},
		{"century", "29 February 2100, which is no leap year.", "2100-02-29T09:00:00Z"},
		{"month-13", "A thirteenth month.", "2026-13-22T09:00:00Z"},
		{"day-0", "Day zero.", "2026-11-00T09:00:00Z"},
		{"day-31", "31 November.", "2026-11-31T09:00:00Z"},
		{"hour-24", "Hour 24, which RFC 3339 does not have either.", "2026-11-22T24:00:00Z"},
		{"minute-60", "Minute 60.", "2026-11-22T09:60:00Z"},
		{"leap-second", "A leap second that there was.", "2016-12-31T23:59:60Z"},
		{"year-2008", "A year before 2009.", "2008-12-31T23:59:59Z"},
		{"year-10000", "A year of five digits.", "10000-01-01T00:00:00Z"},
		{"fraction", "A fraction of a second.", "2026-11-22T09:00:00.0Z"},
		{"offset", "An offset in place of Z.", "2026-11-22T09:00:00+00:00"},
		{"lower-case-z", "A small z.", "2026-11-22T09:00:00z"},
		{"one-digit", "An hour of one digit.", "2026-11-22T9:00:00Z"},
		{"space", "A space in place of T.", "2026-11-22 09:00:00Z"},
		{"date-alone", "A date in place of a time.", "2026-11-22"},
	} {
		all = append(all, change{"time-" + c.name, c.why, old, c.time, fails})
	}
	return all
}

func statementVectors() []statementVector {
	var all []statementVector
	accept := func(name, why, note string) {
		root := proof.BatchRoot([]byte(note), [32]byte(mustHex(rootHex)))
		all = append(all, statementVector{head{"statement-" + name, why}, noteOf(note), hex.EncodeToString(root[:]), ""})
	}
	refuse := func(name, why, note, fails string) {
		all = append(all, statementVector{head{"statement-" + name, why}, noteOf(note), "", fails})
	}
	const (
		after = "after 924018 " + blockHash + "\n"
		title = "title Degrees of summer 2026\n"
	)
	short := edit(edit(statementText, after, ""), title, "")
	accept("usual", "All lines.", signed(statementText, dean, registrar))
	for _, c := range []struct{ name, why, text string }{
		{"shortest", "Without the lines that are optional, of type batches, with a size of 1.",
			edit(edit(short, "documents", "batches"), "200", "1")},
		{"largest", "The largest size, a title of 200 bytes, an issuer id of 100, a height of 2^32 - 1, the last second of 9999.",
			strings.NewReplacer(uniID, strings.Repeat("z", 97)+"-./", "200", "4294967296", "Degrees of summer 2026",
				strings.Repeat("学", 66)+"é", "924018", "4294967295", "2026-11-22T09:00:00Z", "9999-12-31T23:59:59Z").Replace(statementText)},
		{"leap-day", "29 February of a leap year, and a height of 0.", edit(edit(statementText, "2026-11-22", "2028-02-29"), "924018", "0")},
		{"first-second", "The first second of 2009, on testnet4.", edit(edit(statementText, "2026-11-22T09", "2009-01-01T00"), "mainnet", "testnet4")},
		{"odd-title", "A title that is not normalised, with two spaces within and a zero-width space at its end.",
			edit(statementText, "Degrees of summer 2026", "De\u0301gre\u0301s  \u00a0of summer\u200b")},
		{"title-1-byte", "A title of one byte, on signet.", edit(edit(statementText, "Degrees of summer 2026", "x"), "mainnet", "signet")},
		{"path-as-id", "An issuer id that looks like a path.", edit(statementText, uniID, "../../-")},
		{"leap-century", "29 February 2400, a leap year although it ends a century.", edit(statementText, "2026-11-22", "2400-02-29")},
	} {
		accept(c.name, c.why, signed(c.text, dean))
	}
	accept("strangers-signature", "Signed by nobody but a stranger under another name.", signed(statementText, stranger.as("stranger")))

	changes := []change{
		{"version-2", "The first line of a newer version.", "v1\n", "v2\n", "statement/format"},
		{"version-01", "A zero before the version.", "v1\n", "v01\n", "statement/format"},
		{"version-cut", "A first line without a version.", " v1\n", "\n", "statement/format"},
		{"other-kind", "The first line of a status list.", "statement v1", "status v1", "statement/format"},
		{"format-capital", "A capital letter in the first line.", "gradseal", "Gradseal", "statement/format"},
		{"format-space", "A space after the version.", "v1\n", "v1 \n", "statement/format"},

		{"no-type", "Without the type.", "type documents\n", "", "statement/line"},
		{"no-issued", "Without the time.", "issued 2026-11-22T09:00:00Z\n", "", "statement/line"},
		{"type-twice", "The type twice.", "type documents\n", "type documents\ntype documents\n", "statement/line"},
		{"title-twice", "Two titles.", title, title + "title More\n", "statement/line"},
		{"title-before-after", "The title before the block.", after + title, title + after, "statement/line"},
		{"root-before-size", "The root before the size.", "size 200\nroot " + rootHex + "\n", "root " + rootHex + "\nsize 200\n", "statement/line"},
		{"unknown-line", "A line that is not known.", title, title + "note more\n", "statement/line"},
		{"unknown-line-within", "A line that is not known among the others.", "size", "salt 1\nsize", "statement/line"},
		{"key-in-two", "A key of which the rest stands on the next line.", "size 200", "si\nze 200", "statement/line"},
		{"no-space", "A key without a space and a value.", title, "title\n", "statement/line"},
		{"colon", "A colon after a key.", "size 200", "size: 200", "statement/line"},
		{"space-before-key", "A space before a key.", "size", " size", "statement/line"},
		{"capital-key", "A key with a capital letter.", "size", "Size", "statement/line"},

		{"type-singular", "A type without its plural.", "documents", "document", "statement/type"},
		{"type-space", "A space after the type.", "documents\n", "documents \n", "statement/type"},
		{"type-empty", "No type.", "documents", "", "statement/type"},

		{"size-zero", "An empty tree.", "200", "0", "statement/size"},
		{"size-too-large", "A tree of 2^32 + 1 leaves.", "200", "4294967297", "statement/size"},
		{"size-2-64", "A size that 64 bits cut to 200.", "200", "18446744073709551816", "statement/size"},
		{"size-plus", "A plus sign.", "200", "+200", "statement/size"},
		{"size-minus", "A minus sign.", "200", "-200", "statement/size"},
		{"size-leading-zero", "A leading zero.", "200", "0200", "statement/size"},
		{"size-fraction", "A fraction.", "200", "200.0", "statement/size"},
		{"size-exponent", "An exponent.", "200", "2e2", "statement/size"},
		{"size-hexadecimal", "A hexadecimal number.", "200", "0xc8", "statement/size"},
		{"size-underscore", "An underscore between digits.", "200", "2_00", "statement/size"},
		{"size-fullwidth", "Full-width digits.", "200", "２００", "statement/size"},
		{"size-two-spaces", "Two spaces before the size.", "size 200", "size  200", "statement/size"},
		{"size-space-after", "A space after the size.", "200\n", "200 \n", "statement/size"},
		{"size-empty", "No size.", "size 200", "size ", "statement/size"},

		{"root-upper-case", "A root in upper case.", rootHex, strings.ToUpper(rootHex), "statement/root"},
		{"root-62-digits", "A root of 31 bytes.", rootHex, rootHex[2:], "statement/root"},
		{"root-63-digits", "A root of 63 digits.", rootHex, rootHex[1:], "statement/root"},
		{"root-66-digits", "A root of 33 bytes.", rootHex, rootHex + "00", "statement/root"},
		{"root-no-hex", "A root with a letter that is no digit.", rootHex, "g" + rootHex[1:], "statement/root"},

		{"after-no-hash", "A height without a hash.", "924018 " + blockHash, "924018", "statement/after"},
		{"after-height-2-32", "A height of 2^32.", "924018", "4294967296", "statement/after"},
		{"after-leading-zero", "A height with a leading zero.", "924018", "0924018", "statement/after"},
		{"after-upper-case", "A block hash in upper case.", blockHash, strings.ToUpper(blockHash), "statement/after"},
		{"after-63-digits", "A block hash of 63 digits.", blockHash, blockHash[1:], "statement/after"},
		{"after-two-spaces", "Two spaces before the block hash.", "924018 ", "924018  ", "statement/after"},
		{"after-more", "A third value.", blockHash, blockHash + " 1", "statement/after"},

		{"title-empty", "An empty title.", "Degrees of summer 2026", "", "statement/title"},
		{"title-201-bytes", "A title of 201 bytes.", "Degrees of summer 2026", strings.Repeat("学", 67), "statement/title"},
		{"title-space-first", "A title that begins with a space.", "title Deg", "title  Deg", "statement/title"},
	}
	for _, c := range []struct{ name, why, space string }{
		{"space", "U+0020", " "}, {"nbsp", "U+00A0", "\u00a0"}, {"ogham", "U+1680", "\u1680"}, {"en-quad", "U+2000", "\u2000"},
		{"three-per-em", "U+2004", "\u2004"}, {"hair", "U+200A", "\u200a"}, {"narrow", "U+202F", "\u202f"}, {"medium", "U+205F", "\u205f"}, {"ideographic", "U+3000", "\u3000"},
	} {
		changes = append(changes,
			change{"title-ends-" + c.name, "A title that ends with " + c.why + ".", "summer 2026\n", "summer 2026" + c.space + "\n", "statement/title"})
	}
	changes = append(changes, change{"title-begins-ideographic", "A title that begins with U+3000.", "title Deg", "title \u3000Deg", "statement/title"})
	changes = append(changes, issuerChanges("statement/issuer")...)
	changes = append(changes, networkChanges("statement/network")...)
	changes = append(changes, timeChanges("2026-11-22T09:00:00Z", "statement/issued")...)
	for _, c := range changes {
		refuse(c.name, c.why, signed(edit(statementText, c.old, c.new), dean), c.fails)
	}
	refuse("title-bidi", "A right-to-left override in the title.", signed(edit(statementText, "summer", "\u202esummer"), dean), "note/character")
	refuse("title-line-separator", "A line separator in the title.", signed(edit(statementText, "summer", "sum\u2028mer"), dean), "note/character")
	refuse("title-bom", "A byte order mark in the title.", signed(edit(statementText, "summer", "\ufeffsummer"), dean), "note/character")
	refuse("title-tab", "A tab in the title.", signed(edit(statementText, "of summer", "of\tsummer"), dean), "note/character")
	refuse("title-overlong", "An overlong form in the title.", signed(edit(statementText, "summer", "\xc1\x81ummer"), dean), "note/utf-8")
	refuse("crlf", "Line ends are CR LF.", signed(strings.ReplaceAll(statementText, "\n", "\r\n"), dean), "note/character")
	refuse("empty-line-within", "An empty line within the text, before lines that are optional.",
		signed(edit(statementText, after, "\n"+after), dean), "note/dash")
	refuse("unsigned", "A text without signature lines.", statementText+"\n", "note/signatures")
	refuse("too-long", "More than 16,384 bytes. The title is too long for it, too.",
		signed(edit(statementText, "summer", strings.Repeat("long ", 3300)), dean), "note/size")
	return all
}

package main

import (
	"bytes"
	"fmt"
	"strings"
)

type noteVector struct {
	head
	noteInput
	Limit int    `json:"limit"`
	Text  string `json:"text,omitempty"` // of one that is accepted
	Fails string `json:"fails"`
}

const noteText = "a text\nof two lines\n"

func noteVectors() []noteVector {
	var all []noteVector
	const limit = 16384
	accept := func(name, why, note, text string) {
		all = append(all, noteVector{head{"note-" + name, why}, noteOf(note), limit, text, ""})
	}
	refuse := func(name, why, note, fails string) {
		all = append(all, noteVector{head{"note-" + name, why}, noteOf(note), limit, "", fails})
	}
	usual := signed(noteText, dean)
	line := dean.sign(noteText)

	accept("usual", "A text and one signature.", usual, noteText)
	accept("sixteen-signatures", "The most signature lines, under names of 1 to 16 bytes.", noteText+"\n"+fillerLines(16), noteText)
	name := strings.Repeat("!~/@.", 20)
	accept("name-100-bytes", "The longest name, of characters at both ends of the range.", noteText+"\n"+sigLine(name, 1, make([]byte, 64)), noteText)
	accept("signature-512-bytes", "The longest signature.", noteText+"\n"+sigLine("a", 1, make([]byte, 512)), noteText)
	accept("signature-1-byte", "The shortest signature.", noteText+"\n"+sigLine("a", 1, make([]byte, 1)), noteText)
	accept("one-name-two-keys", "One name with two key ids, and one key id under two names.",
		noteText+"\n"+sigLine("a", 1, make([]byte, 64))+sigLine("a", 2, make([]byte, 64))+sigLine("b", 1, make([]byte, 64)), noteText)
	dashes := "— a AAAAAAA=\nthe line above belongs to the text\n"
	accept("dash-in-text", "A line of the text that looks like a signature.", signed(dashes, dean), dashes)
	odd := "a\u00a0\u200b\u200c\u200d\u2027\u202f\u2060\u2065\u206a\ufffd\uffff\ufeb0\U0001f393\U0010ffff\n"
	accept("odd-characters", "Text characters next to those that are refused.", signed(odd, dean), odd)
	all = append(all,
		noteVector{head{"note-at-limit", "As many bytes as the limit."}, noteOf(usual), len(usual), noteText, ""},
		noteVector{head{"note-above-limit", "One byte more than the limit."}, noteOf(usual), len(usual) - 1, "", "note/size"})

	for _, c := range []struct{ name, why, bytes string }{
		{"overlong-slash", "An overlong form of a slash.", "\xc0\xaf"},
		{"overlong-three", "An overlong form of three bytes.", "\xe0\x80\xaf"},
		{"overlong-four", "An overlong form of four bytes.", "\xf0\x82\x82\xac"},
		{"surrogate", "A surrogate, U+D800.", "\xed\xa0\x80"},
		{"surrogate-pair", "A pair of surrogates, as CESU-8 writes U+1F393.", "\xed\xa0\xbc\xed\xbe\x93"},
		{"above-10ffff", "A value above U+10FFFF.", "\xf4\x90\x80\x80"},
		{"lone-continuation", "A continuation byte alone.", "\x80"},
		{"cut-character", "A character of which the last byte is missing.", "\xe2\x82"},
		{"latin-1", "A letter in ISO 8859-1.", "\xe9"},
	} {
		refuse(c.name, c.why, signed("a text "+c.bytes+"\n", dean), "note/utf-8")
	}
	for _, r := range []rune{0x00, 0x08, 0x09, 0x0b, 0x0d, 0x1f, 0x7f, 0x80, 0x85, 0x9f, 0x061c, 0x200e, 0x200f,
		0x2028, 0x2029, 0x202a, 0x202c, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069, 0xfeff} {
		refuse(fmt.Sprintf("character-%04x", r), fmt.Sprintf("U+%04X within the text.", r),
			signed("a text "+string(r)+" of one line\n", dean), "note/character")
	}
	refuse("crlf", "Line ends of the text are CR LF.", signed("a text\r\nof two lines\r\n", dean), "note/character")
	refuse("bom", "A byte order mark before the text.", signed("\ufeff"+noteText, dean), "note/character")

	refuse("no-empty-line", "The signature follows the text at once.", noteText+line, "note/empty-line")
	refuse("text-alone", "A text without anything after it.", noteText, "note/empty-line")
	refuse("first-line-empty", "The text begins with an empty line.", signed("\n"+noteText, dean), "note/first-line")
	refuse("no-text", "Nothing before the empty line.", signed("\n", dean), "note/first-line")
	refuse("no-line-end", "The last signature line has no LF.", strings.TrimSuffix(usual, "\n"), "note/line-end")
	refuse("no-signature", "Nothing after the empty line.", noteText+"\n", "note/signatures")
	refuse("seventeen-signatures", "One signature line too many.", noteText+"\n"+fillerLines(17), "note/signatures")

	for _, c := range []struct{ name, why, line string }{
		{"hyphen", "A hyphen in place of the dash.", edit(line, "—", "-")},
		{"en-dash", "U+2013 in place of U+2014.", edit(line, "—", "\u2013")},
		{"horizontal-bar", "U+2015 in place of U+2014.", edit(line, "—", "\u2015")},
		{"no-space-after-dash", "No space after the dash.", edit(line, "— ", "—")},
		{"nbsp-after-dash", "U+00A0 after the dash.", edit(line, "— ", "—\u00a0")},
		{"space-before-dash", "A space before the dash.", " " + line},
		{"two-empty-lines", "Two empty lines before the signature.", "\n" + line},
		{"empty-line-at-end", "An empty line after the signature.", line + "\n"},
		{"text-at-end", "A line of text after the signature.", line + "more\n"},
		{"text-between", "A line of text between two signatures.", line + "more\n" + registrar.sign(noteText)},
	} {
		refuse(c.name, c.why, noteText+"\n"+c.line, "note/dash")
	}
	refuse("name-alone", "A signature line that ends after the name.", noteText+"\n— "+uniID+"\n", "note/space")
	for _, c := range []struct{ name, why, line string }{
		{"plus-in-name", "A plus sign in the name.", sigLine("uni+example", 1, make([]byte, 64))},
		{"name-101-bytes", "A name of 101 bytes.", sigLine(name+"x", 1, make([]byte, 64))},
		{"name-empty", "Two spaces after the dash, and so an empty name.", "—  " + strings.TrimPrefix(sigLine("", 1, make([]byte, 64)), "—  ")},
		{"name-not-ascii", "A letter outside ASCII in the name.", sigLine("unì.example", 1, make([]byte, 64))},
	} {
		refuse(c.name, c.why, noteText+"\n"+c.line, "note/name")
	}
	refuse("base64-692", "A signature of 513 bytes, 692 characters.", noteText+"\n"+sigLine("a", 1, make([]byte, 513)), "note/base64-length")

	// 68 bytes end in one '=': two bits are to spare.
	spareBits := sigLine("a", 1, bytes.Repeat([]byte{0xa5}, 64))
	for _, c := range []struct{ name, why, line string }{
		{"no-padding", "Base64 without its padding.", strings.ReplaceAll(spareBits, "=", "")},
		{"more-padding", "One padding character too many.", strings.TrimSuffix(spareBits, "\n") + "=\n"},
		{"url-alphabet", "The alphabet of URLs.", "— a AAAAAf__\n"},
		{"spelling-1", "The second spelling of the last character.", respell(spareBits, 1)},
		{"spelling-2", "The third spelling of the last character.", respell(spareBits, 2)},
		{"spelling-3", "The fourth spelling of the last character.", respell(spareBits, 3)},
		{"spelling-of-four-bits", "Another spelling of the last character before two '='.", respell(sigLine("a", 1, make([]byte, 60)), 1)},
		{"two-spaces", "Two spaces after the name.", edit(spareBits, "— a ", "— a  ")},
		{"space-at-end", "A space after the base64.", strings.TrimSuffix(spareBits, "\n") + " \n"},
	} {
		refuse(c.name, c.why, noteText+"\n"+c.line, "note/base64")
	}
	refuse("base64-empty", "Nothing after the space behind the name.", noteText+"\n— a \n", "note/signature-size")
	refuse("key-id-alone", "A key id without a signature.", noteText+"\n"+sigLine("a", 1, nil), "note/signature-size")
	refuse("same-line-twice", "The same signature line twice.", usual+line, "note/duplicate")
	refuse("same-key-twice", "Two signatures under one name and key id.", usual+dean.line(make([]byte, 64)), "note/duplicate")
	return all
}

// fillerLines are signature lines of nobody, under different names.
func fillerLines(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(sigLine(strings.Repeat("n", i+1), uint32(i), make([]byte, 64)))
	}
	return b.String()
}

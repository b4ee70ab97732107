package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"gradseal/issuer"
)

type issuerFileVector struct {
	head
	noteInput
	Fingerprint string `json:"fingerprint,omitempty"` // of one that is accepted
	Fails       string `json:"fails"`
}

// fingerprint is written by the document's section 13.4 and not by package
// issuer, so that the two can be compared.
func fingerprint(note string) string {
	text, _, _ := strings.Cut(note, "\n\n")
	h := sha256.Sum256([]byte(text + "\n"))
	var groups []string
	for i := range 10 {
		groups = append(groups, hex.EncodeToString(h[2*i:2*i+2]))
	}
	return strings.Join(groups, " ")
}

// Two officers whose keys have the same key id under uniID: of 2^32 ids, some
// 2^16 keys share one. They were found by trying seeds from 0.
var collidingSeeds = [2]uint32{72361, 96949}

func issuerFileVectors() []issuerFileVector {
	var all []issuerFileVector
	accept := func(name, why, note string) {
		all = append(all, issuerFileVector{head{"issuer-file-" + name, why}, noteOf(note), fingerprint(note), ""})
	}
	refuse := func(name, why, note, fails string) {
		all = append(all, issuerFileVector{head{"issuer-file-" + name, why}, noteOf(note), "", fails})
	}
	first := set(year2024, year2026, 1, dean)
	second := set(year2026, "-", 2, dean, registrar)
	text := issuerHead + first + second
	accept("usual", "Two sets, one key in both, the second open.", signed(text, dean, registrar))
	accept("closed", "A set that ends, with a gap before it, and more signatures than are needed.",
		signed(issuerHead+first+set("2026-06-01T00:00:00Z", year2027, 1, registrar), stranger, registrar, dean))
	accept("limits", "64 sets, the last of 16 keys and a threshold of 16, the largest sequence, the longest name and holder.", signed(largeFile(64, 16), staff(16)...))
	accept("one-byte", "A name and a holder of one byte.", signed(edit(edit(text, "University of Example", "U"), "Officer 2\n", "O\n"), dean, registrar))
	accept("keys-in-name", "A name with the words set and key in it.", signed(edit(text, "University", "The set 1 key A of the University"), dean, registrar))
	exact := fileOfSize(65536)
	accept("65536-bytes", "The largest file.", exact)
	refuse("65537-bytes", "A file of one byte more than the limit.", fileOfSize(65537), "note/size")

	deanKey := dean.public().String()
	changes := []change{
		{"version-2", "The first line of a newer version.", "v1\n", "v2\n", "file/format"},
		{"other-kind", "The first line of a status list.", "issuer v1", "status v1", "file/format"},

		{"no-name", "Without the name.", "name University of Example\n", "", "file/line"},
		{"key-before-set", "A key line before the first set.", "set " + year2024, "key " + deanKey + " Officer\nset " + year2024, "file/line"},
		{"sequence-before-name", "The sequence before the name.", "name University of Example\nsequence 1\n", "sequence 1\nname University of Example\n", "file/line"},
		{"unknown-line", "A line that is not known.", second, second + "logo x\n", "file/line"},

		{"name-empty", "An empty name.", "University of Example", "", "file/name"},
		{"name-201-bytes", "A name of 201 bytes.", "University of Example", strings.Repeat("大", 67), "file/name"},
		{"name-space-last", "A name that ends with a space.", "Example\n", "Example \n", "file/name"},
		{"name-ideographic-space", "A name that begins with U+3000.", "name Uni", "name \u3000Uni", "file/name"},

		{"sequence-zero", "Sequence zero.", "sequence 1", "sequence 0", "file/sequence"},
		{"sequence-2-53", "A sequence of 2^53.", "sequence 1", "sequence 9007199254740992", "file/sequence"},

		{"set-two-values", "A set without a threshold.", " - 2\n", " -\n", "file/set"},
		{"set-four-values", "A set with a fourth value.", " - 2\n", " - 2 3\n", "file/set"},
		{"set-two-spaces", "Two spaces within a set line.", " - 2\n", "  - 2\n", "file/set"},
		{"from-no-leap-year", "A FROM on 29 February of a year that has none.", "set " + year2024, "set 2023-02-29T00:00:00Z", "file/from"},
		{"from-hyphen", "A hyphen as FROM.", "set " + year2024, "set -", "file/from"},
		{"until-date", "A date as UNTIL.", year2024 + " " + year2026, year2024 + " 2026-01-01", "file/until"},
		{"until-is-from", "UNTIL is FROM.", year2024 + " " + year2026, year2024 + " " + year2024, "file/until"},
		{"until-before-from", "UNTIL is before FROM.", year2024 + " " + year2026, year2024 + " 2023-12-31T23:59:59Z", "file/until"},
		{"until-never", "The word never as UNTIL.", " - 2\n", " never 2\n", "file/until"},
		{"threshold-zero", "A threshold of zero.", " - 2\n", " - 0\n", "file/threshold"},
		{"threshold-too-large", "A threshold of more than the keys of the set.", " - 2\n", " - 3\n", "file/threshold"},
		{"threshold-leading-zero", "A leading zero.", " - 2\n", " - 02\n", "file/threshold"},

		{"holder-empty", "An empty holder.", "Officer 2\n", "\n", "file/holder"},
		{"holder-101-bytes", "A holder of 101 bytes.", "Officer 2\n", strings.Repeat("h", 101) + "\n", "file/holder"},
		{"holder-two-spaces", "Two spaces before a holder.", "Officer 2\n", " Officer 2\n", "file/holder"},
		{"holder-nbsp-last", "A holder that ends with U+00A0.", "Officer 2\n", "Officer 2\u00a0\n", "file/holder"},

		{"no-sets", "No set.", first + second, "", "file/sets"},
		{"set-without-keys", "A set without keys.", first, "set " + year2024 + " " + year2026 + " 1\n", "file/keys"},
		{"17-keys", "A set of 17 keys, that is not the last.", first, set(year2024, year2026, 1, staff(17)...), "file/keys"},
		{"key-twice", "A key that stands in a set twice, under two holders.", first, set(year2024, year2026, 1, dean, dean), "file/duplicate-key"},
		{"same-from", "Two sets with one FROM.", year2024 + " " + year2026, year2026 + " 2026-06-01T00:00:00Z", "file/order"},
		{"from-descending", "The older set last.", first + second, set(year2027, "2028-01-01T00:00:00Z", 1, dean) + second, "file/order"},
		{"overlap", "A set that begins a second before the end of the one before.", year2024 + " " + year2026, year2024 + " 2026-01-01T00:00:01Z", "file/order"},
		{"open-not-last", "A set that is open and not the last.", year2024 + " " + year2026, year2024 + " -", "file/order"},

		{"key-no-padding", "Base64 without its padding.", deanKey + " Officer 1\nset", strings.TrimSuffix(deanKey, "=") + " Officer 1\nset", "key/base64"},
		{"key-spelling", "Another spelling of the last character.", deanKey + " Officer 1\nset", respell(deanKey, 1) + " Officer 1\nset", "key/base64"},
		{"key-31-bytes", "A key of 31 bytes.", deanKey + " Officer 1\nset", base64Of(evenKey(0)[1:]) + " Officer 1\nset", "key/length"},
		{"key-small-order", "A key of small order, which verifies anything.", deanKey + " Officer 1\nset",
			base64Of(mustHex(order8Y)) + " Officer 1\nset", "key/small-order"},
		{"key-not-canonical", "A key that is not in its canonical encoding.", deanKey + " Officer 1\nset", base64Of(nearPrime(1, true)) + " Officer 1\nset", "key/canonical"},
		{"key-off-curve", "A key that is no point.", deanKey + " Officer 1\nset", base64Of(offCurve(2)) + " Officer 1\nset", "key/curve"},
	}
	for _, c := range append(changes, issuerChanges("file/issuer")[:4]...) {
		refuse(c.name, c.why, signed(edit(text, c.old, c.new), dean, registrar), c.fails)
	}
	refuse("65-sets", "One set too many.", signed(largeFile(65, 1), staff(1)...), "file/sets")
	a, b := newOfficer(uniID, collidingSeeds[0]), newOfficer(uniID, collidingSeeds[1])
	refuse("same-key-id", "Two keys, of two sets, with the same key id.",
		signed(issuerHead+set(year2024, year2026, 1, a)+set(year2026, "-", 1, b, dean), b, dean), "file/key-id")

	refuse("one-missing", "The second key of the last set did not sign.", signed(text, dean), "file/unsigned")
	refuse("threshold-is-not-enough", "As many keys of the last set signed as its threshold asks for, which is not all.",
		signed(issuerHead+first+set(year2026, "-", 1, dean, registrar), registrar), "file/unsigned")
	refuse("by-set-before", "Signed by the keys of the set before only.", signed(issuerHead+first+set(year2026, "-", 1, registrar), dean), "file/unsigned")
	refuse("other-name", "A key signed under another name.", signed(text, dean, registrar.as(allianceID)), "file/unsigned")
	refuse("key-id-of-other-name", "A key signed under the right name with the key id of another.",
		signed(text, dean)+edit(registrar.as(allianceID).sign(text), allianceID, uniID), "file/unsigned")
	refuse("wrong-of-last-set", "A wrong signature by a key of the last set.", signed(text, dean)+registrar.line(make([]byte, 64)), "signers/wrong-signature")
	older := issuerHead + set(year2024, year2026, 1, spare) + second
	refuse("wrong-of-old-set", "A wrong signature by a key of an older set, besides those that are needed.",
		signed(older, dean, registrar)+spare.line(make([]byte, 64)), "signers/wrong-signature")
	refuse("cofactor", "A key with a part of order 8 and a signature that only the check with the cofactor accepts.", mixedOrderFile(), "signers/wrong-signature")
	refuse("unsigned", "A text without signature lines.", text+"\n", "note/signatures")
	return all
}

// staff are officers with keys of their own.
func staff(n int) []officer {
	out := make([]officer, n)
	for i := range out {
		out[i] = newOfficer(uniID, 1000+uint32(i))
	}
	return out
}

// largeFile has sets of one key that follow each other year by year; the last
// is of n keys, open, with a threshold of all.
func largeFile(sets, n int) string {
	var b strings.Builder
	b.WriteString(strings.NewReplacer("University of Example", strings.Repeat("大", 66)+"é", "sequence 1", "sequence 9007199254740991").Replace(issuerHead))
	last := staff(n)
	for i := range sets - 1 {
		b.WriteString(set(january(i), january(i+1), 1, last[0]))
	}
	b.WriteString(strings.ReplaceAll(set(january(sets-1), "-", n, last...), "Officer 1\n", strings.Repeat("h", 100)+"\n"))
	return b.String()
}

// january is the first second of a year, from 2009.
func january(i int) string {
	return time.Date(2009+i, 1, 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339)
}

// fileOfSize is an issuer file of exactly so many bytes: sets of one and the
// same keys with holders of many lengths.
func fileOfSize(size int) string {
	keys := staff(16)
	text := issuerHead
	envelope := len(signed("", keys[0]))
	for i := 0; ; i++ {
		from := january(i)
		until := january(i + 1)
		left := size - envelope - len(text)
		if left < 3000 {
			return signed(text+exactSet(left, from, keys), keys[0])
		}
		text += longSet(from, until, keys)
	}
}

// longSet is a set of 16 keys with holders of 100 bytes.
func longSet(from, until string, keys []officer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "set %s %s 1\n", from, until)
	for _, o := range keys {
		fmt.Fprintf(&b, "key %s %s\n", o.public(), strings.Repeat("h", 100))
	}
	return b.String()
}

// exactSet ends a file: closed sets of one key, and an open one, of as many
// bytes as are left.
func exactSet(left int, from string, keys []officer) string {
	year := must(time.Parse(time.RFC3339, from))
	text := ""
	for {
		next := year.AddDate(1, 0, 0)
		closed := fmt.Sprintf("set %s %s 1\nkey %s ", year.Format(time.RFC3339), next.Format(time.RFC3339), keys[0].public())
		open := fmt.Sprintf("set %s - 1\nkey %s ", year.Format(time.RFC3339), keys[0].public())
		if holder := left - len(text) - len(open) - 1; holder <= 100 {
			return text + open + strings.Repeat("h", holder) + "\n"
		}
		text += closed + strings.Repeat("h", min(100, left-len(text)-len(closed)-1-len(open)-10)) + "\n"
		year = next
	}
}

// mixedOrderFile is an issuer file of one key with a part of order 8, and a
// signature that fits with the cofactor only.
func mixedOrderFile() string {
	key := dean.public()
	point := mustOK(decode(key[:])).add(order8()).encode()
	r := registrar.public()
	for n := 1; ; n++ {
		text := edit(issuerHead, "sequence 1", fmt.Sprintf("sequence %d", n)) + "set " + year2026 + " - 1\nkey " + base64Of(point) + " Dean\n"
		if sig := forge(r[:], scalar(2), point, scalar(1), text); !ed25519.Verify(point, []byte(text), sig) {
			return text + "\n" + sigLine(uniID, issuer.PublicKey(point).ID(uniID), sig)
		}
	}
}

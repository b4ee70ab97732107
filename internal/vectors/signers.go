package main

import (
	"crypto/ed25519"
	"fmt"
	"strings"
)

type signersVector struct {
	head
	IssuerFile string `json:"issuer_file"`
	Note       string `json:"note"`
	Time       string `json:"time"`
	Fails      string `json:"fails"`
}

// set is the lines of a key set.
func set(from, until string, threshold int, officers ...officer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "set %s %s %d\n", from, until, threshold)
	for i, o := range officers {
		fmt.Fprintf(&b, "key %s Officer %d\n", o.public(), i+1)
	}
	return b.String()
}

const issuerHead = "gradseal issuer v1\nissuer " + uniID + "\nname University of Example\nsequence 1\n"

// The times of the key sets that most vectors have.
const (
	year2024 = "2024-01-01T00:00:00Z"
	year2026 = "2026-01-01T00:00:00Z"
	year2027 = "2027-01-01T00:00:00Z"
)

func signersVectors() []signersVector {
	var all []signersVector
	add := func(name, why, file, note, time, fails string) {
		all = append(all, signersVector{head{"signers-" + name, why}, file, note, time, fails})
	}
	const june = "2026-06-01T12:00:00Z"
	one := signed(issuerHead+set(year2026, year2027, 1, dean), dean)
	two := signed(issuerHead+set(year2026, "-", 2, dean, registrar, spare), dean, registrar, spare)
	byDean := signed(statementText, dean)

	for _, c := range []struct{ name, why, time, fails string }{
		{"from-edge", "FROM is two hours after the time: in force.", "2025-12-31T22:00:00Z", ""},
		{"before-from", "FROM is two hours and a second after the time.", "2025-12-31T21:59:59Z", "signers/not-in-force"},
		{"until-edge", "UNTIL is two hours after the time: in force.", "2026-12-31T22:00:00Z", ""},
		{"until-unclear", "UNTIL is a second less than two hours after the time.", "2026-12-31T22:00:01Z", "signers/unclear"},
		{"until-itself", "UNTIL is the time.", year2027, "signers/unclear"},
		{"until-unclear-last", "UNTIL is two hours before the time.", "2027-01-01T02:00:00Z", "signers/unclear"},
		{"after-until", "UNTIL is two hours and a second before the time.", "2027-01-01T02:00:01Z", "signers/not-in-force"},
		{"long-before", "Years before FROM.", "2020-01-01T00:00:00Z", "signers/not-in-force"},
	} {
		add(c.name, c.why, one, byDean, c.time, c.fails)
	}
	add("open-set", "A set that is open is in force for ever.", two, signed(statementText, dean, spare), "9999-12-31T20:00:00Z", "")
	add("three-of-two", "More signatures than the threshold, and those of strangers.", two,
		signed(statementText, stranger, dean, stranger.as("x"), spare, registrar), june, "")

	junk := make([]byte, ed25519.SignatureSize)
	add("wrong-under-other-name", "What is no signature stands under the key id of a known key, and under another name.", one,
		byDean+sigLine("other.example", dean.public().ID(uniID), junk), june, "")
	add("one-of-two", "One of the two signatures that are required.", two, byDean, june, "signers/too-few")
	add("one-key-two-names", "One key under two names counts once.", two, signed(statementText, dean, dean.as("other.example")), june, "signers/too-few")
	add("other-name", "Two known keys that sign under another name.", two,
		signed(statementText, dean.as(allianceID), registrar.as(allianceID)), june, "signers/too-few")
	add("strangers", "Strangers who use the issuer's id.", two, signed(statementText, stranger, stranger2), june, "signers/too-few")
	add("nobody-in-force", "Nobody known signed, at a time when no set is in force.", one, signed(statementText, stranger), year2024, "signers/too-few")
	ids := byDean + sigLine(uniID, 0x01020304, ed25519.Sign(registrar.key, []byte(statementText)))
	add("other-key-id", "The second signature has a key id that no key has.", two, ids, june, "signers/too-few")

	oneByte := ed25519.Sign(dean.key, []byte(statementText))
	oneByte[40] ^= 1
	for _, c := range []struct{ name, why, note string }{
		{"wrong-signature", "A signature by a known key with a bit changed.", statementText + "\n" + dean.line(oneByte)},
		{"wrong-besides-enough", "Enough signatures, and a wrong one by a third key.", signed(statementText, dean, registrar) + spare.line(junk)},
		{"wrong-other-key", "A signature by one known key under the key id of another.",
			signed(statementText, dean, registrar) + spare.line(ed25519.Sign(dean.key, []byte(statementText)))},
		{"63-byte-signature", "A signature of 63 bytes.", signed(statementText, dean, registrar) + spare.line(junk[:63])},
		{"65-byte-signature", "A signature and a byte after it.",
			signed(statementText, dean, registrar) + spare.line(append(ed25519.Sign(spare.key, []byte(statementText)), 0))},
		{"text-without-lf", "The signed text is without its final LF.", signed(statementText, dean, registrar) +
			spare.line(ed25519.Sign(spare.key, []byte(strings.TrimSuffix(statementText, "\n"))))},
		{"text-with-empty-line", "The signed text has the empty line at its end.", signed(statementText, dean, registrar) +
			spare.line(ed25519.Sign(spare.key, []byte(statementText+"\n")))},
		{"high-s", "A signature of which S has L added.", signed(statementText, dean, registrar) +
			spare.line(raiseS(ed25519.Sign(spare.key, []byte(statementText)), 1))},
	} {
		add(c.name, c.why, two, c.note, june, "signers/wrong-signature")
	}

	rotated := signed(issuerHead+set(year2024, year2026, 2, dean, registrar)+set(year2026, "-", 2, spare, deputy), spare, deputy)
	add("two-sets-mixed", "One key of each of two sets with a threshold of two.", rotated, signed(statementText, dean, spare), june, "signers/too-few")
	add("retired-set", "The keys of a set that has ended.", rotated, signed(statementText, dean, registrar), june, "signers/not-in-force")
	add("retired-set-then", "The same keys at a time when they were in force.", rotated, signed(statementText, dean, registrar), "2025-06-01T12:00:00Z", "")
	add("new-set-early", "The keys of a set that has not begun.", rotated, signed(statementText, spare, deputy), "2025-06-01T12:00:00Z", "signers/not-in-force")
	add("retired-wrong", "Enough keys in force, and a wrong signature by a key that has ended.", rotated,
		signed(statementText, spare, deputy)+dean.line(junk), june, "signers/wrong-signature")
	add("both-sets-one-unclear", "Both sets signed; one is unclear and one in force.", rotated,
		signed(statementText, dean, registrar, spare, deputy), year2026, "")
	gap := signed(issuerHead+set(year2024, year2026, 1, dean)+set(year2027, "-", 1, spare), spare)
	add("unclear-before-not-in-force", "Both sets signed; one is unclear and one not in force.", gap,
		signed(statementText, dean, spare), year2026, "signers/unclear")
	add("gap-between-sets", "Both sets signed, and neither is in force between them.", gap,
		signed(statementText, dean, spare), june, "signers/not-in-force")
	again := signed(issuerHead+set(year2024, year2026, 1, dean)+set(year2026, "-", 1, dean, spare), dean, spare)
	add("key-in-two-sets", "A key that stands in a set that has ended and in the one in force.", again, byDean, june, "")
	return all
}

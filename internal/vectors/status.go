package main

import "strings"

type statusListVector struct {
	head
	noteInput
	Fails string `json:"fails"`
}

// hexOf is a hash of 64 equal digits.
func hexOf(digit string) string { return strings.Repeat(digit, 64) }

const (
	statusHead = `gradseal status v1
issuer ` + uniID + `
network mainnet
sequence 7
asof 2026-11-22T09:00:00Z
`
	statusNext = "next 2027-02-20T09:00:00Z\n"
)

var statusText = statusHead + statusNext +
	"batch " + hexOf("1") + "\nbatch " + hexOf("a") + "\n" +
	"withdrawn " + hexOf("2") + " 2026-11-01 superseded\n" +
	"withdrawn " + hexOf("3") + " 2026-11-02 rescinded\n" +
	"withdrawn-batch " + hexOf("4") + " 2026-11-03 key-compromise\n" +
	"withdrawn-batch " + hexOf("a") + " 2026-11-04 reprint\n"

func statusListVectors() []statusListVector {
	var all []statusListVector
	add := func(name, why, text, fails string) {
		all = append(all, statusListVector{head{"status-list-" + name, why}, noteOf(signed(text, dean)), fails})
	}
	add("usual", "All kinds of lines. A withdrawn batch may stand among the batches, and need not.", statusText, "")
	add("empty", "No batch, nothing withdrawn, and next is never.", statusHead+"next never\n", "")
	add("largest-sequence", "The largest sequence, and a next that is a second after asof.",
		strings.NewReplacer("sequence 7", "sequence 9007199254740991", "2027-02-20T09:00:00Z", "2026-11-22T09:00:01Z").Replace(statusText), "")
	add("leap-day", "A withdrawal on a leap day, issued in error.", edit(statusText, "2026-11-01 superseded", "2028-02-29 issued-in-error"), "")
	add("leap-century", "A withdrawal on 29 February 2400.", edit(statusText, "2026-11-01", "2400-02-29"), "")

	batches := "batch " + hexOf("1") + "\nbatch " + hexOf("a") + "\n"
	withdrawn := "withdrawn " + hexOf("2") + " 2026-11-01 superseded\n"
	withdrawnBatch := "withdrawn-batch " + hexOf("4") + " 2026-11-03 key-compromise\n"
	changes := []change{
		{"version-2", "The first line of a newer version.", "v1\n", "v2\n", "list/format"},
		{"other-kind", "The first line of a statement.", "status v1", "statement v1", "list/format"},

		{"no-sequence", "Without the sequence.", "sequence 7\n", "", "list/line"},
		{"no-next", "Without next.", statusNext, "", "list/line"},
		{"asof-twice", "asof twice.", "asof 2026-11-22T09:00:00Z\n", strings.Repeat("asof 2026-11-22T09:00:00Z\n", 2), "list/line"},
		{"network-before-issuer", "The network before the issuer.", "issuer " + uniID + "\nnetwork mainnet\n", "network mainnet\nissuer " + uniID + "\n", "list/line"},
		{"batch-after-withdrawn", "A batch line after a withdrawn line.", withdrawn, withdrawn + "batch " + hexOf("b") + "\n", "list/line"},
		{"withdrawn-after-batch", "A withdrawn line after a withdrawn-batch line.", withdrawnBatch,
			withdrawnBatch + "withdrawn " + hexOf("5") + " 2026-11-01 superseded\n", "list/line"},
		{"key-in-two", "A key of which the rest stands on the next line.", batches, edit(batches, "\nbatch", "\nbat\nch"), "list/line"},
		{"unknown-line", "A line that is not known.", batches, batches + "suspended " + hexOf("b") + "\n", "list/line"},

		{"sequence-zero", "Sequence zero.", "sequence 7", "sequence 0", "list/sequence"},
		{"sequence-2-53", "A sequence of 2^53.", "sequence 7", "sequence 9007199254740992", "list/sequence"},
		{"sequence-leading-zero", "A leading zero.", "sequence 7", "sequence 07", "list/sequence"},
		{"sequence-plus", "A plus sign.", "sequence 7", "sequence +7", "list/sequence"},

		{"next-is-asof", "next is asof.", "2027-02-20", "2026-11-22", "list/next"},
		{"next-before-asof", "next is before asof.", "2027-02-20", "2026-11-21", "list/next"},
		{"next-capital", "A capital letter in never.", statusNext, "next Never\n", "list/next"},
		{"next-hyphen", "A hyphen in place of never.", statusNext, "next -\n", "list/next"},
		{"next-hour-24", "Hour 24.", "2027-02-20T09", "2027-02-20T24", "list/next"},

		{"batch-upper-case", "A batch root in upper case.", "batch " + hexOf("a") + "\nwithdrawn ", "batch " + hexOf("A") + "\nwithdrawn ", "list/batch"},
		{"batch-63-digits", "A batch root of 63 digits.", "batch " + hexOf("1"), "batch " + hexOf("1")[1:], "list/batch"},
		{"batch-twice", "The same batch twice.", batches, "batch " + hexOf("1") + "\n" + batches, "list/batch-order"},
		{"batch-descending", "Batches in descending order.", batches, "batch " + hexOf("a") + "\nbatch " + hexOf("1") + "\n", "list/batch-order"},

		{"batch-third", "The third batch is less than the second, and not than the first.", batches, batches + "batch " + hexOf("5") + "\n", "list/batch-order"},

		{"withdrawn-no-reason", "Without a reason.", " 2026-11-01 superseded", " 2026-11-01", "list/withdrawn"},
		{"withdrawn-alone", "A withdrawal id without more.", " 2026-11-01 superseded", "", "list/withdrawn"},
		{"withdrawn-upper-case", "A withdrawn batch root in upper case.", hexOf("a") + " 2026-11-04", hexOf("A") + " 2026-11-04", "list/withdrawn"},
		{"withdrawn-65-digits", "A withdrawal id of 65 digits.", "withdrawn " + hexOf("2"), "withdrawn " + hexOf("2") + "2", "list/withdrawn"},
		{"withdrawn-twice", "The same withdrawal id twice, with two reasons.", withdrawn,
			withdrawn + "withdrawn " + hexOf("2") + " 2026-11-01 reprint\n", "list/withdrawn-order"},
		{"withdrawn-descending", "Withdrawal ids in descending order.", "withdrawn " + hexOf("2"), "withdrawn " + hexOf("4"), "list/withdrawn-order"},
		{"withdrawn-third", "The third withdrawal id is less than the second, and not than the first.", withdrawnBatch,
			"withdrawn " + hexOf("2")[1:] + "3 2026-11-01 reprint\n" + withdrawnBatch, "list/withdrawn-order"},
		{"withdrawn-batch-descending", "Withdrawn batches in descending order.", "withdrawn-batch " + hexOf("4"), "withdrawn-batch " + hexOf("b"), "list/withdrawn-order"},
		{"withdrawn-batch-twice", "The same withdrawn batch twice.", withdrawnBatch, withdrawnBatch + withdrawnBatch, "list/withdrawn-order"},

		{"date-no-leap-year", "29 February of a year that has none.", "2026-11-01", "2026-02-29", "list/date"},
		{"date-century", "29 February 2100.", "2026-11-01", "2100-02-29", "list/date"},
		{"date-day-31", "31 November.", "2026-11-01", "2026-11-31", "list/date"},
		{"date-month-0", "Month zero.", "2026-11-01", "2026-00-01", "list/date"},
		{"date-2008", "A day of 2008.", "2026-11-01", "2008-12-31", "list/date"},
		{"date-slashes", "Slashes in a date.", "2026-11-01", "2026/11/01", "list/date"},
		{"date-short", "A day of one digit.", "2026-11-01", "2026-11-1", "list/date"},
		{"date-time", "A time in place of a date, on a withdrawn batch.", "2026-11-03", "2026-11-03T00:00:00Z", "list/date"},

		{"reason-unknown", "A reason that there is not.", "superseded", "revoked", "list/reason"},
		{"reason-capital", "A reason with a capital letter.", "superseded", "Superseded", "list/reason"},
		{"reason-empty", "An empty reason.", "superseded", "", "list/reason"},
		{"reason-batch", "An unknown reason of a withdrawn batch.", "key-compromise", "key_compromise", "list/reason"},
	}
	changes = append(changes, issuerChanges("list/issuer")...)
	changes = append(changes, networkChanges("list/network")...)
	changes = append(changes, timeChanges("asof 2026-11-22T09:00:00Z", "list/asof")[5:10]...)
	for _, c := range changes {
		if c.fails == "list/asof" {
			c.new = "asof " + c.new
		}
		add(c.name, c.why, edit(statusText, c.old, c.new), c.fails)
	}
	all = append(all, statusListVector{head{"status-list-unsigned", "A text without signature lines."}, noteOf(statusText + "\n"), "note/signatures"})
	return all
}

type statusNextVector struct {
	head
	IssuerFile string `json:"issuer_file"`
	Known      string `json:"known"`
	Fork       string `json:"fork,omitempty"`
	Next       string `json:"next"`
	Now        string `json:"now"`
	Result     string `json:"result,omitempty"` // of one that is accepted
	Fails      string `json:"fails"`
}

func statusNextVectors() []statusNextVector {
	file := signed(issuerHead+set(year2024, year2026, 1, spare)+set(year2026, year2027, 2, dean, registrar), dean, registrar)
	known := signed(statusText, dean, registrar)
	var all []statusNextVector
	add := func(name, why, next, result, fails string) {
		all = append(all, statusNextVector{head{"status-next-" + name, why}, file, known, "", next, "2026-11-23T08:00:00Z", result, fails})
	}
	higher := edit(statusText, "sequence 7", "sequence 9")
	add("same", "The same text with the signatures in another order.", signed(statusText, registrar, dean), "same", "")
	add("gap", "A higher sequence with a gap, a batch and a withdrawal more.", signed(edit(edit(higher,
		"batch "+hexOf("1")+"\n", "batch "+hexOf("0")+"\nbatch "+hexOf("1")+"\n"),
		"withdrawn "+hexOf("2"), "withdrawn "+hexOf("1")+" 2026-11-22 reprint\nwithdrawn "+hexOf("2")), dean, registrar), "taken", "")
	add("corrected", "Date and reason of a withdrawal differ.", signed(edit(higher, "2026-11-01 superseded", "2026-11-05 reprint"), dean, registrar), "taken", "")

	// The seconds from 1970 to Now are the highest sequence.
	add("highest", "The highest sequence that there can be now.", signed(edit(statusText, "sequence 7", "sequence 1795420800"), dean, registrar), "taken", "")
	add("tomorrow", "The latest asof that there can be now.", signed(edit(higher, "asof 2026-11-22T09:00:00Z", "asof 2026-11-24T08:00:00Z"), dean, registrar), "taken", "")
	for _, c := range []change{
		{"too-high", "One more than the highest sequence that there can be now.", "sequence 7\n", "sequence 1795420801\n", "list-next/number"},
		{"largest", "The largest sequence of the format, which nothing could follow.", "sequence 7\n", "sequence 9007199254740991\n", "list-next/number"},
		{"too-late", "One second more than the latest asof that there can be now, and the sequence of the known list.", "asof 2026-11-22T09:00:00Z", "asof 2026-11-24T08:00:01Z", "list-next/asof"},
		{"older", "A lower sequence, with a batch more.", "sequence 7\n", "sequence 6\n", "list-next/older"},
		{"fork-batch", "The same sequence, and another batch.", hexOf("1") + "\n", hexOf("9") + "\n", "list-next/fork"},
		{"fork-asof", "The same sequence, and another asof.", "asof 2026-11-22T09:00:00Z", "asof 2026-11-22T09:00:01Z", "list-next/fork"},
		{"fork-reason", "The same sequence, and another reason.", "superseded", "reprint", "list-next/fork"},
	} {
		add(c.name, c.why, signed(edit(statusText, c.old, c.new), dean, registrar), "", c.fails)
	}
	add("far-future", "A list of ten years from now, which would be good for longer than any other.", signed(edit(edit(higher, "asof 2026-11-22T09:00:00Z", "asof 2036-11-22T09:00:00Z"), statusNext, "next never\n"), dean, registrar), "", "list-next/asof")
	for _, c := range []struct{ name, why, old string }{
		{"lost-batch", "A batch is missing.", "batch " + hexOf("1") + "\n"},
		{"lost-withdrawn", "A withdrawn document is missing.", "withdrawn " + hexOf("2") + " 2026-11-01 superseded\n"},
		{"lost-withdrawn-batch", "A withdrawn batch is missing.", "withdrawn-batch " + hexOf("4") + " 2026-11-03 key-compromise\n"},
	} {
		add(c.name, c.why, signed(edit(higher, c.old, ""), dean, registrar), "", "list-next/kept")
	}
	// A list of more than two lines of each key, so that a reader which looks at
	// the first or at the last ones alone misses a loss.
	longer := strings.NewReplacer(
		"batch "+hexOf("a")+"\n", "batch "+hexOf("5")+"\nbatch "+hexOf("a")+"\nbatch "+hexOf("b")+"\n",
		"withdrawn-batch "+hexOf("4"), "withdrawn "+hexOf("5")+" 2026-11-02 reprint\nwithdrawn-batch "+hexOf("4"),
		"withdrawn-batch "+hexOf("a"), "withdrawn-batch "+hexOf("7")+" 2026-11-03 reprint\nwithdrawn-batch "+hexOf("a"),
	).Replace(statusText)
	for _, c := range []struct{ name, why, old string }{
		{"lost-second-batch", "The second of four batches is missing.", "batch " + hexOf("5") + "\n"},
		{"lost-last-batch", "The last of four batches is missing.", "batch " + hexOf("b") + "\n"},
		{"lost-second-withdrawn", "The second of three withdrawn documents is missing.", "withdrawn " + hexOf("3") + " 2026-11-02 rescinded\n"},
		{"lost-last-withdrawn", "The last of three withdrawn documents is missing.", "withdrawn " + hexOf("5") + " 2026-11-02 reprint\n"},
		{"lost-second-withdrawn-batch", "The second of three withdrawn batches is missing.", "withdrawn-batch " + hexOf("7") + " 2026-11-03 reprint\n"},
		{"lost-last-withdrawn-batch", "The last of three withdrawn batches is missing.", "withdrawn-batch " + hexOf("a") + " 2026-11-04 reprint\n"},
	} {
		next := edit(edit(longer, "sequence 7", "sequence 9"), c.old, "")
		add(c.name, c.why, signed(next, dean, registrar), "", "list-next/kept")
		all[len(all)-1].Known = signed(longer, dean, registrar)
	}
	add("withdrawn-as-batch", "What was a withdrawn document is now a withdrawn batch.", signed(edit(edit(higher,
		"withdrawn "+hexOf("3")+" 2026-11-02 rescinded\n", ""), "withdrawn-batch "+hexOf("4"),
		"withdrawn-batch "+hexOf("3")+" 2026-11-02 rescinded\nwithdrawn-batch "+hexOf("4")), dean, registrar), "", "list-next/kept")
	add("corrected-batch", "Date and reason of a withdrawn batch differ.", signed(edit(higher, "2026-11-04 reprint", "2026-11-03 issued-in-error"), dean, registrar), "taken", "")
	add("after-never", "The list before was to be the last one.", signed(higher, dean, registrar), "taken", "")
	all[len(all)-1].Known = signed(edit(statusText, statusNext, "next never\n"), dean, registrar)
	add("after-rotation", "The list before was signed by keys that are not in force any more.", signed(higher, registrar, dean), "taken", "")
	all[len(all)-1].Known = signed(statusText, spare)

	// Two lists with the number 7, each with an entry that the other lacks: what
	// follows has the entries of both.
	third := "withdrawn " + hexOf("3") + " 2026-11-02 rescinded\n"
	fork := edit(edit(statusText, "batch "+hexOf("1")+"\n", "batch "+hexOf("1")+"\nbatch "+hexOf("7")+"\n"),
		third, "withdrawn "+hexOf("2")[1:]+"7 2026-11-02 rescinded\n")
	joined := edit(edit(fork, "sequence 7", "sequence 8"),
		"withdrawn-batch "+hexOf("4"), third+"withdrawn-batch "+hexOf("1")+" 2026-11-22 key-compromise\nwithdrawn-batch "+hexOf("4"))
	forked := func(name, why, next, result, fails string) {
		add(name, why, signed(next, dean, registrar), result, fails)
		all[len(all)-1].Fork = signed(fork, dean, registrar)
	}
	forked("join", "The list that ends a fork, and withdraws a batch of one of the two.", joined, "taken", "")
	forked("fork-known-again", "After a fork, the list that was known before.", statusText, "", "list-next/fork")
	forked("fork-again", "After a fork, the other list again.", fork, "", "list-next/fork")
	forked("fork-third", "After a fork, a third list with the number.", edit(fork, "rescinded", "reprint"), "", "list-next/fork")
	forked("join-older", "After a fork, a list with the entries of both and a lower number.", edit(joined, "sequence 8", "sequence 6"), "", "list-next/older")
	forked("join-lost-batch", "The list that ends a fork lacks a batch of the other list.", edit(joined, "batch "+hexOf("7")+"\n", ""), "", "list-next/kept")
	forked("join-lost-withdrawn", "The list that ends a fork lacks a withdrawal of the other list.",
		edit(joined, "withdrawn "+hexOf("2")[1:]+"7 2026-11-02 rescinded\n", ""), "", "list-next/kept")
	forked("join-lost-known", "The list that ends a fork lacks a withdrawal of the list that was known before.",
		edit(joined, third, ""), "", "list-next/kept")
	forked("join-one-side", "The list that follows one of the two only.", higher, "", "list-next/kept")

	add("one-signature", "One of the two signatures that are required.", signed(higher, dean), "", "signers/too-few")
	add("one-key-two-names", "One key signed under two names.", signed(higher, dean, dean.as("other.example")), "", "signers/too-few")
	add("two-sets-mixed", "A key of the set before, and one of the set in force.", signed(higher, spare, dean), "", "signers/not-in-force")
	add("retired-keys", "Signed by keys that are not in force now.", signed(higher, spare), "", "signers/not-in-force")
	add("wrong-signature", "A signature that is wrong.", signed(higher, dean, registrar)+spare.line(make([]byte, 64)), "", "signers/wrong-signature")
	add("unclear", "Keys that end within two hours of now.", signed(higher, dean, registrar), "", "signers/unclear")
	all[len(all)-1].Now = "2026-12-31T23:00:00Z"
	return all
}

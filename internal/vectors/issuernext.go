package main

import "strings"

type issuerNextVector struct {
	head
	Known  string `json:"known"`
	Next   string `json:"next"`
	Result string `json:"result,omitempty"` // of one that is accepted
	Fails  string `json:"fails"`
}

func issuerNextVectors() []issuerNextVector {
	first := set(year2024, year2026, 1, spare)
	open := set(year2026, "-", 2, dean, registrar, spare)
	closed := set(year2026, year2027, 2, dean, registrar, spare)
	third := set(year2027, "-", 1, deputy)
	second := strings.Replace(issuerHead, "sequence 1", "sequence 2", 1)

	var all []issuerNextVector
	add := func(name, why, known, next, result, fails string) {
		all = append(all, issuerNextVector{head{"issuer-next-" + name, why}, known, next, result, fails})
	}
	known := signed(issuerHead+first+open, dean, registrar, spare)
	accept := func(name, why, next, result string) { add(name, why, known, next, result, "") }
	refuse := func(name, why, next, fails string) { add(name, why, known, next, "", fails) }

	accept("same", "The same text with the signatures in another order.", signed(issuerHead+first+open, spare, registrar, dean), "same")
	accept("rotation", "The open set ends, and another follows that only the deputy is in. Two of the old set signed.",
		signed(second+first+closed+third, dean, registrar, deputy), "taken")
	accept("new-name", "The name changes, nothing else.", signed(edit(second, "University of Example", "Example University")+first+open, dean, registrar, spare), "taken")
	accept("end", "The open set ends, and none follows.", signed(second+first+closed, dean, registrar, spare), "taken")
	sooner := set(year2026, "2026-06-01T00:00:00Z", 2, dean, registrar, spare)
	add("end-earlier", "The last set ends earlier than it did.", signed(issuerHead+first+closed, dean, registrar, spare),
		signed(second+first+sooner, dean, registrar, spare), "taken", "")

	then := func(threshold int, officers ...officer) string {
		return second + first + closed + set(year2027, "-", threshold, officers...)
	}
	accept("drop-key", "One of three keys is lost: the set that follows has the two others, and they signed.", signed(then(2, dean, registrar), dean, registrar), "taken")
	accept("raise-threshold", "All three keys must sign from then on.", signed(then(3, dean, registrar, spare), dean, registrar, spare), "taken")
	add("close-in-past", "A key was stolen: the open set ended half a year before, and the one that follows began then.", known,
		signed(second+first+sooner+set("2026-06-01T00:00:00Z", "-", 1, registrar), dean, registrar), "taken", "")

	refuse("other-issuer", "The file of another issuer, signed by the same keys.",
		signed(strings.ReplaceAll(second, uniID, allianceID)+first+open, dean.as(allianceID), registrar.as(allianceID), spare.as(allianceID)), "file-next/issuer")
	refuse("fork", "The same sequence, another name.", signed(edit(issuerHead, "Example\n", "Examples\n")+first+open, dean, registrar, spare), "file-next/sequence")
	refuse("gap", "A sequence is missing in between.", signed(edit(second, "sequence 2", "sequence 3")+first+closed+third, dean, registrar, deputy), "file-next/sequence")
	older := strings.Replace(issuerHead, "sequence 1", "sequence 5", 1)
	add("older", "A lower sequence.", signed(older+first+open, dean, registrar, spare), signed(edit(older, "sequence 5", "sequence 4")+first+open, dean, registrar, spare), "", "file-next/sequence")

	refuse("fewer-sets", "The older set is missing.", signed(second+open, dean, registrar, spare), "file-next/sets")
	refuse("two-more-sets", "Two sets more.", signed(second+first+closed+set(year2027, "2028-01-01T00:00:00Z", 1, deputy)+set("2028-01-01T00:00:00Z", "-", 1, deputy),
		dean, registrar, deputy), "file-next/sets")
	refuse("set-before", "A set before the first one.", signed(second+set("2020-01-01T00:00:00Z", year2024, 1, stranger)+first+open, dean, registrar, spare), "file-next/sets")
	refuse("from-changed", "FROM of the older set is earlier.", signed(second+edit(first, year2024, "2023-01-01T00:00:00Z")+open, dean, registrar, spare), "file-next/sets")
	refuse("threshold-changed", "The threshold of the last set is lower.", signed(second+first+set(year2026, "-", 1, dean, registrar, spare), dean, registrar, spare), "file-next/sets")
	refuse("key-added", "A key more in the older set.", signed(second+set(year2024, year2026, 1, spare, stranger)+open, dean, registrar, spare), "file-next/sets")
	refuse("keys-reordered", "Two keys of the last set have changed places, with their holders.",
		signed(second+first+strings.NewReplacer("Officer 1", "Officer 2", "Officer 2", "Officer 1").Replace(set(year2026, "-", 2, registrar, dean, spare)), dean, registrar, spare), "file-next/sets")
	refuse("holder-changed", "A holder of the older set is another one.", signed(second+edit(first, "Officer 1", "Officer")+open, dean, registrar, spare), "file-next/sets")

	refuse("older-until", "The older set ends earlier than it did.", signed(second+edit(first, year2026, "2025-01-01T00:00:00Z")+open, dean, registrar, spare), "file-next/until")
	add("later-until", "The last set ends later than it did.", signed(issuerHead+first+closed, dean, registrar, spare),
		signed(second+first+set(year2026, "2027-01-01T00:00:01Z", 2, dean, registrar, spare), dean, registrar, spare), "", "file-next/until")
	add("opened", "The last set was closed and is open.", signed(issuerHead+first+closed, dean, registrar, spare),
		signed(second+first+open, dean, registrar, spare), "", "file-next/until")

	refuse("one-of-the-old", "One of the two keys of the old set that are required signed.", signed(second+first+closed+third, dean, deputy), "file-next/threshold")
	refuse("none-of-the-old", "Only the new key signed.", signed(second+first+closed+third, deputy), "file-next/threshold")
	refuse("one-key-two-names", "One of the keys of the old set signed, under two names.",
		signed(second+first+closed+third, dean, dean.as("other.example"), deputy), "file-next/threshold")
	refuse("one-stays", "One of the keys of the old set stands in the new one, and signed; two are required.", signed(then(1, dean, deputy), dean, deputy), "file-next/threshold")
	refuse("lost-key-signs", "A key of the old set and strangers signed, besides the new key.", signed(second+first+closed+third, spare, stranger, stranger2, deputy), "file-next/threshold")
	refuse("raised-now", "The threshold of the last set is raised in place.", signed(second+first+set(year2026, "-", 3, dean, registrar, spare), dean, registrar, spare), "file-next/sets")
	refuse("key-dropped-now", "A key of the last set is dropped in place.", signed(second+first+set(year2026, "-", 2, dean, registrar), dean, registrar), "file-next/sets")
	refuse("closed-and-changed", "The last set ends, and has a threshold of one for the time before.",
		signed(second+first+set(year2026, year2027, 1, dean, registrar, spare)+third, dean, registrar, deputy), "file-next/sets")
	refuse("began-later", "The last set ends, and began a day later than it did.",
		signed(second+first+edit(closed, year2026, "2026-01-02T00:00:00Z")+third, dean, registrar, deputy), "file-next/sets")
	refuse("oldest-of-the-old", "A key of the set before the last, and one of the last, signed; the threshold is that of the last.",
		signed(second+first+closed+third, spare, deputy), "file-next/threshold")
	return all
}

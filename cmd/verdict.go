package cmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/verify"
	"gradseal/words"
)

// headline is the verdict as it stands on its line. On a test network it
// always says so.
func (a *app) headline(r *verify.Result, accepted bitcoin.Network) string {
	color, word := red, strings.ToUpper(r.Verdict.String())
	switch r.Verdict {
	case verify.Valid:
		color = green
	case verify.Pending, verify.CannotTell:
		color, word = yellow, strings.ReplaceAll(word, "-", " ")
	}
	text := a.ui.paint(color, word)
	if r.Existence != nil && r.Verdict != verify.Invalid {
		text += existenceHeadline(r)
	}
	if r.Verdict == verify.Valid && r.WorkOnly {
		text += " " + a.ui.paint(yellow, "(WORK ONLY: block not in a header chain)")
	}
	if onTestNetwork(r, accepted) {
		n := r.Network
		if n == 0 {
			n = accepted
		}
		text += " – " + a.ui.paint(red, fmt.Sprintf("TEST NETWORK (%s)", n))
	}
	return text
}

// printLine is one document of many: a line, and why it is not valid.
func (a *app) printLine(j judged, accepted bitcoin.Network) {
	a.ui.result("%s  %s", a.headline(j.Result, accepted), shown(j.path))
	if j.Verdict != verify.Valid && !a.ui.quiet {
		a.ui.result("    %s", told(j))
	}
}

// told says in one line why a document is not valid: what was found in it, or
// else what decided its verdict.
func told(j judged) string {
	if len(j.found) > 0 {
		return diagnosis(j.found[:1])[0]
	}
	return capital(finding(j.Result))
}

// reason is why the verdict is not better.
func reason(r *verify.Result) verify.Reason {
	if r.Problem != nil {
		return r.Reason
	}
	block := r.Checks[verify.Block].Reason
	rehearsal := r.Network == bitcoin.Regtest && (block == verify.NoHeaderChain || block == verify.NotInChain)
	if r.Verdict == verify.CannotTell && (block == verify.OtherNetwork || rehearsal) {
		// Whatever else is not known: nothing that would be learnt about it
		// could make this proof count here.
		return block
	}
	if c := r.First(); c != nil {
		return c.Reason
	}
	return ""
}

// finding says in plain words what decided a verdict other than valid.
func finding(r *verify.Result) string {
	switch reason(r) {
	case verify.NoProof:
		return "no proof was found for this document"
	case verify.DigestDiffers:
		return "this file is not, byte for byte, the document that the proof is for"
	case verify.NotInTree:
		return "the document is not among those that the institution signed for"
	case verify.UnknownIssuer:
		return fmt.Sprintf("it says that it comes from %s, whom this machine does not know", quoted(r.ClaimedIssuer))
	case verify.UnknownSigner:
		return fmt.Sprintf("it names %s, but is not signed by that institution's keys", issuerName(r))
	case verify.BadSignature:
		return fmt.Sprintf("the signature of %s on it is false", issuerName(r))
	case verify.KeysNotInForce:
		return fmt.Sprintf("it is signed by keys of %s that were not in force when it was anchored", issuerName(r))
	case verify.KeyTimeUnclear:
		return fmt.Sprintf("it is signed by keys of %s of which it is not certain here that they were in force", issuerName(r))
	case verify.BadAnchor:
		return "the Bitcoin transaction does not belong to this document"
	case verify.BadHeader:
		return "the Bitcoin block that the proof names is false"
	case verify.OtherNetwork:
		return fmt.Sprintf("it is anchored in %s, which was not asked for", r.Network)
	case verify.NoHeaderChain, verify.NotInChain:
		return fmt.Sprintf("its block is not in a header chain of %s that this machine holds", r.Network)
	case verify.NoAttestation:
		return "it is in no Bitcoin block yet"
	case verify.DocumentWithdrawn:
		return fmt.Sprintf("%s has withdrawn it on %s", issuerName(r), withdrawalText(r.Withdrawal))
	case verify.BatchWithdrawn:
		return fmt.Sprintf("%s has withdrawn its whole batch on %s", issuerName(r), withdrawalText(r.Withdrawal))
	}
	if r.Problem != nil {
		return safe(r.Problem.Error())
	}
	if c := r.First(); c != nil {
		return safe(c.Detail)
	}
	return ""
}

// withdrawalText is the day of a withdrawal and the reason that was given, in
// words.
func withdrawalText(w *issuer.Withdrawal) string {
	on := w.Date
	if t, err := time.Parse(time.DateOnly, w.Date); err == nil {
		on = day(t)
	}
	return fmt.Sprintf("%s: %s (%s)", on, english().Text("withdrawal."+w.Reason, nil), w.Reason)
}

// printReport is one document in full.
func (a *app) printReport(j judged, accepted bitcoin.Network, advice string) {
	a.ui.result("%s", a.headline(j.Result, accepted))
	a.ui.result("%s", shown(j.path))
	if a.ui.quiet {
		return
	}
	for _, line := range append(story(j.Result), diagnosis(j.found)...) {
		a.ui.result("  %s", line)
	}
	if line := insideStory(j); line != "" {
		a.ui.result("  %s", line)
	}
	if advice != "" {
		a.ui.result("  What to do: %s", advice)
	}
	if j.Problem != nil {
		return
	}
	a.ui.result("")
	for _, c := range j.Checks {
		a.ui.result("  %-10s %s  %s", c.Name, a.outcome(c.Outcome), safe(c.Detail))
	}
	if j.Verdict == verify.Valid {
		a.ui.result("")
		a.ui.result("  Not proven: that the bearer is the graduate; anything after %s.", day(j.StatusAsOf, j.NoLaterThan))
	}
}

// insideStory says of a file with its proof in it which of its bytes the document is.
func insideStory(j judged) string {
	info, err := os.Stat(j.path)
	if err != nil || j.Checks[verify.Document].Outcome != verify.OK || j.evidence.Size >= info.Size() {
		return ""
	}
	return fmt.Sprintf("These bytes, and their SHA-256, are those of the PDF in this file, bytes 1 to %s; its proof stands after them.", number(j.evidence.Size))
}

func (a *app) outcome(o verify.Outcome) string {
	color := yellow
	switch o {
	case verify.OK:
		color = green
	case verify.Failed:
		color = red
	}
	return a.ui.paint(color, fmt.Sprintf("%-7s", o))
}

// day is a date in words: that of the status list, or else of the block.
func day(times ...time.Time) string {
	for _, t := range times {
		if !t.IsZero() {
			return t.UTC().Format("2 January 2006")
		}
	}
	return "today"
}

// story says in plain words what was found out.
func story(r *verify.Result) []string {
	switch {
	case r.Existence != nil:
		return existenceStory(r)
	case r.Verdict == verify.Valid:
		return append(validStory(r), witnessStory(r)...)
	}
	lines := []string{capital(finding(r)) + "."}
	if r.Verdict == verify.Pending {
		lines = append(lines, "What could be checked so far is sound.")
		lines = append(lines, witnessStory(r)...)
	}
	return lines
}

// witnessStory is what the second attestation of a proof adds.
func witnessStory(r *verify.Result) []string {
	if r.Witness == nil {
		return nil
	}
	return []string{fmt.Sprintf("An OpenTimestamps timestamp in the proof leads to block %d too: no later than %s.", r.Witness.Height, day(r.Witness.Day()))}
}

func validStory(r *verify.Result) []string {
	lines := []string{fmt.Sprintf("Exactly these bytes were issued by %s,", issuerName(r))}
	lines = append(lines, when(r)+".")
	if r.Checks[verify.Status].Outcome == verify.OK {
		return append(lines, fmt.Sprintf("Not withdrawn as of %s.", day(r.StatusAsOf)))
	}
	return append(lines, "WHETHER IT WAS WITHDRAWN SINCE IS NOT KNOWN: "+safe(r.Checks[verify.Status].Detail)+".")
}

// when says what is proven about the time.
func when(r *verify.Result) string {
	if r.WorkOnly {
		return "WHEN IS NOT PROVEN: the block is in no header chain here, and only the work in the proof was counted"
	}
	text := fmt.Sprintf("no later than %s (block %d of %s)", day(r.NoLaterThan), r.Header.Height, r.Network)
	if r.NoEarlier != nil {
		text += fmt.Sprintf(" and no earlier than block %d", r.NoEarlier.Height)
	}
	return text
}

func issuerName(r *verify.Result) string {
	if r.Issuer == nil {
		return quoted(r.ClaimedIssuer)
	}
	return quoted(r.Issuer.Name) + " (" + r.Issuer.ID + ")"
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// advice is the next step for the likely mistake behind a verdict.
func (a *app) advice(j judged, others map[verify.Digest]string) string {
	if j.Verdict == verify.Valid {
		return ""
	}
	if j.Existence != nil && j.Verdict != verify.Invalid {
		return adviseExistence(j.path, j.Result)
	}
	switch reason(j.Result) {
	case verify.Unreadable:
		if errors.Is(j.Problem, errLinkToFolder) {
			return "take the link out of the folder, and name the one that it leads to, too: gradseal verify FOLDER FOLDER"
		}
		return "make the file readable, or take it out of the folder"
	case verify.NoProof:
		return a.adviseNoProof(j.path)
	case verify.MalformedProof:
		return "ask for the proof again, as a file and not as text in a mail"
	case verify.BrokenTrailer:
		if advice := english().TrailerAdvice(j.Problem); advice != "" {
			return inLine(advice)
		}
		return "do not rely on what it shows: ask for the file as it was issued, and its proof as a file of its own"
	case verify.NewerProof:
		return "get a newer gradseal; this one can neither confirm nor refute it"
	case verify.UnsupportedTimestamp:
		return "let the client of OpenTimestamps judge it: ots verify FILE" + otsSuffix
	case verify.NoDocument:
		return "ask for the file itself, and name it with the photographs: gradseal verify --qr PHOTO… FILE"
	case verify.DigestDiffers:
		return a.adviseDigest(j, others)
	case verify.UnknownIssuer:
		return "anyone can write a name. If you expected this institution, get its pack and fingerprint from the institution itself, then run: gradseal trust add FILE"
	case verify.UnknownSigner:
		return "anyone can write a name. Do not accept it; ask the institution whether it issued this"
	case verify.KeysNotInForce, verify.KeyTimeUnclear:
		return "get the institution's newest pack, then run: gradseal trust add FILE. If that changes nothing, ask the institution"
	case verify.BadSignature, verify.NotInTree, verify.BadAnchor, verify.BadHeader:
		return "this proof is false or damaged: ask the institution, not the bearer, for the proof"
	case verify.OtherNetwork:
		if j.Network.IsTest() {
			return fmt.Sprintf("blocks of a test network prove nothing to others: if somebody gave you this as an original, ask for a proof on Bitcoin's main network. If this is your own rehearsal, say so: --network %s", j.Network)
		}
		return fmt.Sprintf("to judge it, run: gradseal verify --network %s", j.Network)
	case verify.NoHeaderChain, verify.NotInChain:
		return adviseChain(j)
	case verify.NoStatusList, verify.StatusPast, verify.StatusOlder:
		return "get the institution's newest pack, then run: gradseal status import FILE"
	case verify.NotInStatusList:
		return "the institution's list does not name this batch: ask the institution whether it issued it"
	case verify.StatusForked, verify.StatusUnsigned:
		return "ask the institution for its newest status list"
	case verify.NoAttestation, verify.TooFewConfirmations:
		return "wait for Bitcoin to confirm it, and ask for the completed proof"
	case verify.DocumentWithdrawn, verify.BatchWithdrawn:
		return inLine(english().Text(words.WithdrawalAdvice(j.Withdrawal), nil))
	}
	return ""
}

func (a *app) adviseNoProof(document string) string {
	if isTimestamp(document) {
		return "this is a timestamp, and no document. It names no issuer, but may prove by when one existed: gradseal verify FILE --ots FILE" + otsSuffix
	}
	ask := "ask whoever gave you the document for its proof, NAME.pdf" + proof.Suffix + ", and put it beside the document"
	if isTimestamp(document + otsSuffix) {
		ask += ". The .ots file beside it names no issuer, but may prove by when it existed: gradseal verify FILE --ots FILE" + otsSuffix
	}
	if a.strays.in(filepath.Dir(document)) {
		dir := argument(filepath.Dir(document))
		ask += fmt.Sprintf(". If its proof is here under another name: gradseal verify --proofs %s %s", dir, dir)
	}
	return ask
}

// otherDocument is the path of the document that the proof is for, where it is
// another one of those that were named.
func otherDocument(j judged, others map[verify.Digest]string) (string, bool) {
	other, ok := others[j.claimed]
	return other, ok && j.Problem == nil && j.claimed != j.digest
}

func (a *app) adviseDigest(j judged, others map[verify.Digest]string) string {
	other, mixedUp := otherDocument(j, others)
	switch {
	case len(j.found) > 0 && (j.found[0].Proven() || !mixedUp):
		return adviseFound(j.found)
	case mixedUp:
		return fmt.Sprintf("this is the proof of another document that you have: %s. Ask for the one of this document", shown(other))
	}
	return "it may have been changed, re-saved or printed to PDF, or the proof may belong to another document: ask for the original download"
}

func adviseChain(j judged) string {
	pack := "get the institution's newest pack, then run: gradseal trust add FILE"
	if j.Network.IsTest() && reason(j.Result) == verify.NotInChain {
		// The chain here may have a block that a reorganisation took away since.
		pack += " (where it says that the chain here stays, and you believe the pack more: gradseal trust add --replace-headers FILE)"
	}
	if j.Network == bitcoin.Regtest {
		return "if this proof comes from a rehearsal on another machine, nobody but that machine can check it: ask the institution for a proof on Bitcoin's main network. If it comes from a regtest network that several share, " + pack
	}
	return pack + ". Or " + fetchHeaders(j.Network)
}

func fetchHeaders(n bitcoin.Network) string {
	return fmt.Sprintf("fetch the headers yourself: gradseal headers sync --network %s --from p2p:HOST:PORT (another machine can, and then: gradseal headers import FILE)", n)
}

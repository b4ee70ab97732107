package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"gradseal/bitcoin"
	"gradseal/proof"
	"gradseal/proof/ots"
	"gradseal/verify"
)

// judgeByTimestamp verifies the one document that was named by a bare .ots file.
func (a *app) judgeByTimestamp(ctx context.Context, o verifyOptions, args []string) ([]judged, error) {
	switch {
	case o.proof != "" || o.proofs != "":
		return nil, hinted(errors.New("--ots and proofs were both named"), "without --ots the document is judged by its proof, which says more")
	case len(args) > 1:
		return nil, hinted(errors.New("--ots names the timestamp of one document, and several files were named"), "run: gradseal verify FILE --ots FILE.ots")
	}
	data, err := readStart(o.ots, ots.MaxSize)
	if err != nil {
		return nil, err
	}
	if !ots.IsFile(data) {
		return nil, notTimestamp(o.ots, data, args[0])
	}
	v, closeChain, err := a.newVerifier(o)
	if err != nil {
		return nil, err
	}
	defer closeChain()
	t := verify.ReadTimestamp(data)
	digest, err := a.hashFor(ctx, t, args[0])
	if err != nil {
		return nil, fmt.Errorf("nothing was judged: %w", err)
	}
	return []judged{{path: args[0], Result: v.JudgeTimestamp(digest, t)}}, nil
}

// notTimestamp is the error for a file that was named in the place of a timestamp
// and is none. It says nothing about the document.
func notTimestamp(path string, data []byte, document string) error {
	const start = "nothing was judged: %s is "
	p, err := proof.Parse(data)
	switch {
	case isTimestamp(document):
		return hinted(fmt.Errorf(start+"no .ots file, and %s is one", shown(path), shown(document)), "the document comes first: gradseal verify %s --ots %s", shown(path), shown(document))
	case p != nil || errors.Is(err, proof.ErrNewer):
		return hinted(fmt.Errorf(start+"a proof of gradseal, and no .ots file", shown(path)), "run: gradseal verify %s --proof %s", shown(document), shown(path))
	case strings.HasPrefix(string(data), "%PDF-"):
		return hinted(fmt.Errorf(start+"a PDF, and no .ots file", shown(path)), "to judge a document by its proof, run: gradseal verify %s", shown(document))
	}
	return hinted(fmt.Errorf(start+"no .ots file: it does not begin as one", shown(path)), "run: gradseal verify FILE --ots FILE%s", otsSuffix)
}

// isTimestamp reports whether a file begins as an .ots file does.
func isTimestamp(path string) bool {
	start, err := readStart(path, usualProof)
	return err == nil && ots.IsFile(start)
}

// hashFor is the digest of a document by the hash of its timestamp.
func (a *app) hashFor(ctx context.Context, t verify.Timestamp, document string) ([]byte, error) {
	file, err := openRegular(document)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	bar := a.ui.startProgress("Checking", info.Size(), true)
	defer bar.finish()
	return t.Hash(io.TeeReader(file, ctxWriter{ctx, bar}))
}

// existenceHeadline says behind the verdict what a bare timestamp proves.
func existenceHeadline(r *verify.Result) string {
	if r.NoLaterThan.IsZero() {
		return " who issued it, nor by when it existed"
	}
	what, weak := "it", r.Existence.WeakHash
	switch {
	case weak == "":
	case r.Existence.WeakStep:
		what = "it, or a document made to look the same to " + weak + ","
	default:
		what = "something with its " + weak
	}
	return fmt.Sprintf(" who issued it – %s existed no later than %s (block %d of %s)", what, day(r.NoLaterThan), r.Header.Height, r.Network)
}

// existenceStory says in plain words what a bare timestamp proves, and what it
// does not.
func existenceStory(r *verify.Result) []string {
	if r.Verdict == verify.Invalid {
		return []string{capital(finding(r)) + "."}
	}
	var lines []string
	if r.NoLaterThan.IsZero() {
		lines = append(lines, "By when it existed is not proven here: "+safe(r.Checks[undated(r)].Detail)+".")
	} else { // something is proven that a weak hash makes less
		lines = weakStory(r.Existence)
	}
	return append(lines, "An .ots file says nothing about who issued a document, or whether it was withdrawn.")
}

// undated is the check that keeps a bare timestamp from proving a day.
func undated(r *verify.Result) int {
	if r.Checks[verify.Anchor].Outcome != verify.OK {
		return verify.Anchor
	}
	return verify.Block
}

// weakStory says what it means that the timestamp rests on a weak hash.
func weakStory(e *verify.Existence) []string {
	switch {
	case e.WeakHash == "":
		return nil
	case e.WeakStep:
		return []string{fmt.Sprintf("A step of the timestamp uses %s: it may not be this exact document that existed.", e.WeakHash),
			fmt.Sprintf("Whoever made the document can have made another that looks the same to %s.", e.WeakHash)}
	}
	return []string{fmt.Sprintf("The .ots file names the document by %s. It proves that something with this %[1]s", e.WeakHash),
		fmt.Sprintf("existed, not this exact document: two documents with one %s can be made.", e.WeakHash)}
}

// refutedTimestamp reports whether a bare timestamp is for another document.
// What it proves it does not prove of this one.
func refutedTimestamp(r *verify.Result) bool {
	return r.Existence != nil && r.Verdict == verify.Invalid
}

// adviseExistence is what to do about a bare timestamp that is not refuted.
func adviseExistence(document string, r *verify.Result) string {
	ask := "if an institution issued it with gradseal, ask for its proof, NAME.pdf" + proof.Suffix + ": that says who issued it"
	if info, err := os.Stat(document + proof.Suffix); err == nil && info.Mode().IsRegular() {
		ask = "the proof beside it may say who issued it. Judge it by that: gradseal verify " + shown(document)
		if r.Network.IsTest() {
			ask += " --network " + r.Network.String()
		}
	}
	switch why := r.Checks[undated(r)].Reason; why {
	case "":
		return ask
	case verify.TooFewConfirmations:
		return "wait for Bitcoin to confirm it. " + capital(ask)
	case verify.NoAttestation:
		return "the timestamp is not complete. Once its calendars have anchored it, the client of OpenTimestamps completes it: ots upgrade FILE.ots"
	case verify.NoHeaderChain, verify.NotInChain:
		return adviseHeaders(r.Network)
	}
	return ask
}

func adviseHeaders(n bitcoin.Network) string {
	if n == bitcoin.Regtest {
		return "an .ots file names no network. If it was made in a rehearsal on another machine, nobody but that machine can check it; if on Bitcoin's main network, verify with --network mainnet"
	}
	return fetchHeaders(n) + ". An .ots file names no network: if it was made on another one, name that with --network"
}

package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gradseal/bitcoin"
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
	what := "it"
	if weak := r.Existence.WeakHash; weak != "" {
		what = "something with its " + weak
	}
	if r.NoLaterThan.IsZero() {
		return " who issued it, nor since when it exists"
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
		lines = append(lines, "When it existed is not proven here: "+safe(r.Checks[undated(r)].Detail)+".")
	}
	lines = append(lines, weakStory(r.Existence.WeakHash)...)
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
func weakStory(hash string) []string {
	switch hash {
	case "":
		return nil
	case "SHA-1":
		return []string{"The timestamp rests on SHA-1. It proves that something with this SHA-1 existed, not",
			"this exact document: two documents with one SHA-1 can be made."}
	}
	return []string{fmt.Sprintf("The timestamp rests on %s. It proves that something with this %[1]s existed, not", hash),
		"this exact document: 160 bits are too few to keep somebody from making two with one."}
}

// adviseExistence is what to do about a bare timestamp that is not refuted.
func adviseExistence(r *verify.Result) string {
	ask := "ask the institution for the proof of gradseal, NAME.pdf.proof.json: it says who issued the document"
	switch why := r.Checks[undated(r)].Reason; why {
	case "":
		return ask
	case verify.TooFewConfirmations:
		return "wait for Bitcoin to confirm it. " + capital(ask)
	case verify.NoAttestation:
		return "the timestamp is not complete. Once its calendars have anchored it, the client of OpenTimestamps completes it: ots upgrade FILE.ots"
	case verify.NoHeaderChain, verify.NotInChain:
		return adviseHeaders(r.Network, why)
	}
	return ask
}

func adviseHeaders(n bitcoin.Network, why verify.Reason) string {
	if n == bitcoin.Regtest {
		return "an .ots file names no network. If it was made in a rehearsal on another machine, nobody but that machine can check it; if on Bitcoin's main network, leave --network out"
	}
	advice := fetchHeaders(n)
	if why == verify.NotInChain {
		advice += ". An .ots file names no network: if it was made on another one, name that with --network"
	}
	return advice
}

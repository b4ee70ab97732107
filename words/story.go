package words

import (
	"errors"
	"strconv"
	"strings"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/verify"
)

// headline is the key of the one sentence.
func (t *teller) headline() string {
	r := t.r
	switch {
	case r.Existence != nil:
		return t.existence()
	case r.Verdict != verify.Valid:
		return "headline." + t.reasonKey()
	case r.WorkOnly:
		return "headline.valid-work-only"
	}
	return "headline.valid"
}

// reasonKey names the reason. A test network, or the main one, is said in other
// words than that it is another.
func (t *teller) reasonKey() string {
	switch {
	case t.why == verify.OtherNetwork && !t.r.Network.IsTest():
		return "main-network"
	case t.r.Network == bitcoin.Regtest && (t.why == verify.NoHeaderChain || t.why == verify.NotInChain):
		return "other-regtest"
	case t.why == "":
		return string(verify.NotChecked)
	}
	return string(t.why)
}

// existence is the key of the headline where a bare timestamp was judged: it
// proves at most that something existed.
func (t *teller) existence() string {
	switch e := t.r.Existence; {
	case t.r.Verdict == verify.Invalid:
		return "headline.timestamp-differs"
	case t.r.NoLaterThan.IsZero():
		return "headline.existence-undated"
	case e.WeakHash == "":
		return "headline.existence"
	case e.WeakStep:
		return "headline.existence-weak-step"
	}
	return "headline.existence-weak"
}

// story is what there is to say beside the headline, a sentence each.
func (t *teller) story() []string {
	var lines []string
	switch r := t.r; {
	case r.Problem != nil:
		lines = append(lines, t.say("why."+t.reasonKey()))
		if broken := new(proof.TrailerError); errors.As(r.Problem, &broken) && broken.Fault != "" {
			lines = append(lines, t.Text("story.trailer-"+string(broken.Fault), map[string]string{"end": strconv.FormatInt(broken.Marker, 10)}))
		}
	case r.Existence != nil:
		lines = t.existenceStory()
	case r.Verdict == verify.Valid:
		lines = t.validStory()
	case r.Verdict == verify.Pending:
		lines = append(t.soundStory(), t.witnessStory()...)
	case r.Verdict == verify.Withdrawn:
		lines = append(lines, t.say("story.withdrawn"))
		lines = append(lines, t.issuedStory()...)
	case r.Verdict == verify.CannotTell:
		lines = t.issuedStory()
		if len(lines) > 0 && t.isOK(verify.Status) {
			lines = append(lines, t.say("story.status"))
		}
	}
	return append(lines, t.diagnosis()...)
}

func (t *teller) validStory() []string {
	lines := []string{t.say("story.bytes"), t.statusStory()}
	if t.r.WorkOnly {
		lines = append(lines, t.say("story.work-only"))
	}
	if t.r.NoEarlier != nil {
		lines = append(lines, t.say("story.after"))
	}
	return append(lines, t.witnessStory()...)
}

// statusStory says whether the document stands, where its verdict is not that it
// was withdrawn.
func (t *teller) statusStory() string {
	if t.isOK(verify.Status) {
		return t.say("story.status")
	}
	return t.say("story.status-unknown") + " " + t.say("why."+string(t.r.Checks[verify.Status].Reason))
}

func (t *teller) soundStory() []string { return []string{t.say("story.sound")} }

// witnessStory is what the second attestation of a proof adds.
func (t *teller) witnessStory() []string {
	if t.r.Witness == nil {
		return nil
	}
	return []string{t.say("story.witness")}
}

// issuedStory says what is proven of a document that is withdrawn, or of which
// something else is not known.
func (t *teller) issuedStory() []string {
	key := "story.signed"
	switch {
	case !t.isOK(verify.Inclusion) || !t.isOK(verify.Issuer):
		return nil
	case t.why == verify.NoDocument:
		key = "story.proof-signed"
	case !t.isOK(verify.Document):
		return nil
	}
	if !t.r.NoLaterThan.IsZero() {
		key += "-by"
	}
	return []string{t.say(key)}
}

func (t *teller) existenceStory() []string {
	var lines []string
	switch e := t.r.Existence; {
	case t.r.Verdict == verify.Invalid:
		return []string{t.say("why." + t.reasonKey())}
	case t.r.NoLaterThan.IsZero():
		lines = append(lines, t.say("why."+string(t.undated())))
	case e.WeakHash != "":
		lines = append(lines, t.say("story.weak"))
	}
	return append(lines, t.say("story.timestamp"))
}

// undated is why a bare timestamp proves no day.
func (t *teller) undated() verify.Reason {
	if !t.isOK(verify.Anchor) {
		return t.r.Checks[verify.Anchor].Reason
	}
	return t.r.Checks[verify.Block].Reason
}

// diagnosis is what was found in the document itself.
func (t *teller) diagnosis() []string {
	var lines []string
	for _, f := range t.Found {
		if key := "diagnosis." + string(f.Code); t.Has(key) {
			lines = append(lines, t.Text(key, safeArgs(f.Args)))
		}
	}
	return lines
}

// safeArgs are the arguments of a finding, which the document may have chosen,
// for texts that have them in “ ” or in none.
func safeArgs(args map[string]string) map[string]string {
	safe := make(map[string]string, len(args))
	for name, value := range args {
		safe[name] = named(value)
	}
	return safe
}

// advice is the next step.
func (t *teller) advice() string {
	switch {
	case t.r.Verdict == verify.Valid:
		return ""
	case t.r.Existence != nil && t.r.Verdict != verify.Invalid:
		return t.existenceAdvice()
	}
	for _, f := range t.Found {
		if key := "diagnosis." + string(f.Code) + ".advice"; t.Has(key) {
			return t.Text(key, safeArgs(f.Args))
		}
	}
	if advice := t.TrailerAdvice(t.r.Problem); advice != "" {
		return advice
	}
	if t.r.Withdrawal != nil && t.r.Verdict == verify.Withdrawn {
		return t.say(WithdrawalAdvice(t.r.Withdrawal))
	}
	return t.say(t.adviceKey(t.reasonKey()))
}

// WithdrawalAdvice is the key of what to do about a document, or its batch, that
// was withdrawn: that depends on why.
func WithdrawalAdvice(w *issuer.Withdrawal) string { return "advice.withdrawn." + w.Reason }

// TrailerAdvice is what to do about a file whose proof inside is no longer as it
// was put there, where there is more to say than for all such files; else "".
func (l *Language) TrailerAdvice(problem error) string {
	broken := new(proof.TrailerError)
	if key := "advice.trailer-"; errors.As(problem, &broken) && l.Has(key+string(broken.Fault)) {
		return l.Text(key+string(broken.Fault), nil)
	}
	return ""
}

func (t *teller) existenceAdvice() string {
	switch why := t.undated(); why {
	case verify.TooFewConfirmations, verify.NoHeaderChain, verify.NotInChain:
		return t.say(t.adviceKey(string(why)))
	case verify.NoAttestation:
		return t.say(t.adviceKey("timestamp-pending"))
	}
	return t.say(t.adviceKey(string(verify.NoIssuerNamed)))
}

// adviceKey is the key of the advice for the surface, or of that for all.
func (t *teller) adviceKey(reason string) string {
	surface := map[Surface]string{CommandLine: ".command", Page: ".page"}[t.Surface]
	if key := "advice." + reason + surface; t.Has(key) {
		return key
	}
	return "advice." + reason
}

// notProven is what nobody should take for proven.
func (t *teller) notProven() []string {
	keys := []string{"bearer", "content"}
	switch r := t.r; {
	case r.Verdict == verify.Invalid:
		keys = []string{"forgery"}
	case r.Existence != nil:
		keys = []string{"issuer", "content", "withdrawn"}
	case t.why == verify.NoDocument:
		keys = []string{"paper"}
	case r.Verdict == verify.CannotTell:
		keys = []string{"false", "genuine"}
	case r.Verdict == verify.Withdrawn:
		keys = []string{"bearer"}
	case r.WorkOnly:
		keys = append(keys, "date", t.afterKey())
	default:
		keys = append(keys, t.afterKey())
	}
	lines := make([]string, len(keys))
	for i, key := range keys {
		lines[i] = t.say("not-proven." + key)
	}
	return lines
}

// afterKey is about the time since the last that is known of the issuer's word.
func (t *teller) afterKey() string {
	if t.isOK(verify.Status) {
		return "after"
	}
	return "withdrawn"
}

// checks are the answers to the six questions.
func (t *teller) checks() []Check {
	if t.r.Problem != nil {
		return []Check{}
	}
	all := make([]Check, len(t.r.Checks))
	for i, c := range t.r.Checks {
		key := "check." + c.Name
		all[i] = Check{
			Name: c.Name, Question: t.say(key), Outcome: c.Outcome.String(),
			Word: t.say("outcome." + c.Outcome.String()), Text: t.say(t.answer(i)),
		}
	}
	return all
}

// answer is the key of the sentence that answers a question.
func (t *teller) answer(i int) string {
	c := t.r.Checks[i]
	key := "check." + c.Name + ".ok"
	switch {
	case c.Outcome != verify.OK:
		return "why." + string(c.Reason)
	case i == verify.Anchor && (t.r.Existence != nil || t.proof != nil && t.proof.Bitcoin == nil):
		return key + "-timestamp"
	case i == verify.Inclusion && t.proof == nil:
		return key + "-somewhere"
	case i == verify.Block && t.r.WorkOnly:
		return key + "-work-only"
	case i == verify.Block && t.r.Network.IsTest():
		return key + "-test"
	case i == verify.Block && strings.TrimSpace(t.args["height"]) == "":
		return key + "-work-only"
	}
	return key
}

package cmd

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"gradseal/issuer"
)

// issuerChange is one difference between an issuer file and one that follows it.
type issuerChange struct{ what, text string }

// issuerChanges says what a following issuer file changes: the name, when the keys
// so far end, and which come, go and stay.
func issuerChanges(old, next *issuer.File) []issuerChange {
	var changes []issuerChange
	add := func(what, format string, args ...any) {
		changes = append(changes, issuerChange{what, fmt.Sprintf(format, args...)})
	}
	if next.Name != old.Name {
		add("name", "%s, was %s", quoted(next.Name), quoted(old.Name))
	}
	last := len(old.Sets) - 1
	was, closed := old.Sets[last], next.Sets[last]
	if !closed.Until.Equal(was.Until) {
		add("ended", "the keys so far, at %s: what is anchored later by them is not the institution's", closed.Until.Format(time.RFC3339))
	}
	if len(next.Sets) == len(old.Sets) {
		return changes
	}
	is := next.Sets[len(next.Sets)-1]
	has := func(set issuer.KeySet, k issuer.Key) bool { return slices.ContainsFunc(set.Keys, isKey(k.Public)) }
	for _, k := range is.Keys {
		word := "new key"
		if has(was, k) {
			word = "stays"
		}
		add(word, "%s  %s, from %s", keyID(next.ID, k.Public), quoted(k.Holder), is.From.Format(time.RFC3339))
	}
	for _, k := range was.Keys {
		if !has(is, k) {
			add("gone", "%s  %s, signed until %s", keyID(next.ID, k.Public), quoted(k.Holder), formatEnd(closed.Until))
		}
	}
	if is.Threshold != was.Threshold || len(is.Keys) != len(was.Keys) {
		add("sign", "%d of %d keys, was %d of %d", is.Threshold, len(is.Keys), was.Threshold, len(was.Keys))
	}
	return changes
}

// formatEnd is the end of a key set.
func formatEnd(t time.Time) string {
	if t.IsZero() {
		return "any time"
	}
	return t.Format(time.RFC3339)
}

// noteChanges says what an issuer file that follows the trusted one changes.
func (a *app) noteChanges(next *issuer.File) error {
	e, err := a.home.trust().Issuer(next.ID)
	if err != nil {
		return err
	}
	a.ui.note("Issuer file %d follows from %d, which is trusted here: it is signed by its keys. What changes:", next.Sequence, e.File.Sequence)
	for _, c := range issuerChanges(e.File, next) {
		a.ui.note("  %-8s %s", c.what, c.text)
	}
	return nil
}

// errDoesNotFollow says why an issuer file cannot take the place of the trusted one,
// and what to do.
func (a *app) errDoesNotFollow(path string, next *issuer.File, err error) error {
	cause := err
	err = fmt.Errorf("%s: %w", path, cause)
	e, readErr := a.home.trust().Issuer(next.ID)
	if readErr != nil {
		return err
	}
	known := e.File.Sequence
	switch {
	case errors.Is(cause, issuer.ErrFileGap):
		missing := fmt.Sprintf("issuer file %d is", known+1)
		if next.Sequence > known+2 {
			missing = fmt.Sprintf("issuer files %d to %d are", known+1, next.Sequence-1)
		}
		return hinted(err, "%s missing here. Ask the institution, or whoever has followed it, for each: gradseal issuer show %s --sequence %d -o FILE; then add them one after the other",
			missing, next.ID, known+1)
	case errors.Is(cause, issuer.ErrFileFork):
		return hinted(err, "somebody signed two: a thief of the keys, or a second machine of the institution. Believe neither before you have asked the institution; the one here has the fingerprint %s", e.File.Fingerprint())
	case errors.Is(cause, issuer.ErrFileOlder):
		return hinted(err, "the one here is newer, and stays: gradseal trust list")
	}
	return hinted(err, "see who is trusted: gradseal trust list. Anybody can make a file with this id; if the institution made itself anew, it says so itself: gradseal trust remove %s, then add the pack by its fingerprint", next.ID)
}

package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/journal"
)

// acts are the acts of entries, with their blocks.
func acts(list []journal.Entry) string {
	var words []string
	for _, e := range list {
		words = append(words, strings.Trim(string(e.Act)+" "+e.Block+e.Reason, " "))
	}
	return strings.Join(words, ", ")
}

// What happens to the block of a batch between two looks, and what the journal
// lacks of it.
func TestBlockSteps(t *testing.T) {
	at := func(act journal.Act, block string) journal.Entry {
		return journal.Entry{Act: act, Block: block, TxID: "tx"}
	}
	a, b := at(journal.Confirm, "A"), at(journal.Confirm, "B")
	left := at(journal.Reorg, "A")
	other := journal.Entry{Act: journal.Confirm, Height: 7, Reason: byCalendars}
	for name, c := range map[string]struct {
		have []journal.Entry
		now  *journal.Entry
		want string
	}{
		"none":             {nil, nil, ""},
		"found":            {nil, &a, "confirm A"},
		"the same":         {[]journal.Entry{a}, &a, ""},
		"lost":             {[]journal.Entry{a}, nil, "reorg A"},
		"lost, known":      {[]journal.Entry{a, left}, nil, ""},
		"in another":       {[]journal.Entry{a}, &b, "reorg A, confirm B"},
		"in another later": {[]journal.Entry{a, left}, &b, "confirm B"},
		"back in the same": {[]journal.Entry{a, left}, &a, "confirm A"},
		"of a calendar":    {[]journal.Entry{other}, &a, "confirm A"},
	} {
		s := steps{have: c.have}
		s.block(c.now, "")
		require.Equal(t, c.want, acts(s.due), name)
	}
	s := steps{have: []journal.Entry{a, other}}
	s.block(nil, byCalendars)
	require.Equal(t, "reorg calendars", acts(s.due))
	require.EqualValues(t, 7, s.due[0].Height)
}

func TestSentSteps(t *testing.T) {
	first, second := journal.Entry{Act: journal.Send, TxID: "1"}, journal.Entry{Act: journal.Send, TxID: "2", Reason: versionName(1)}
	promised := journal.Entry{Act: journal.Send, Reason: byCalendars}
	s := steps{have: []journal.Entry{first}}
	for _, e := range []journal.Entry{first, second, promised, second, promised} {
		s.sent(e)
	}
	require.Equal(t, "send version 2, send calendars", acts(s.due))
}

// A batch that was dropped, or whose dropping was killed, and that is taken up.
func TestPlanSteps(t *testing.T) {
	b := new(batch.Batch)
	planned, dropped := journal.Entry{Act: journal.Plan}, journal.Entry{Act: journal.Abandon}
	for want, have := range map[string][][]journal.Entry{
		"plan": {nil, {planned, dropped}},
		"":     {{planned}, {planned, dropped, planned}},
	} {
		for _, have := range have {
			due, err := stepsDue(b, have)
			require.NoError(t, err)
			require.Equal(t, want, acts(due))
		}
	}
}

// Who writes the entries, and that a journal which cannot be written is an error.
func TestRecord(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	a := &app{home: home{dir: dir}, ui: newUI(Stdio{Out: &out, Err: &out})}
	require.NoError(t, a.record(journal.Entry{Act: journal.List}))
	require.NoError(t, a.record(journal.Entry{Act: journal.Approve, By: "the second officer"}))
	var by []string
	for r, err := range a.journal().Records() {
		require.NoError(t, err)
		by = append(by, r.By)
	}
	require.Equal(t, []string{account(), "the second officer"}, by)

	// An app at another home has another journal.
	elsewhere := *a
	elsewhere.home.dir = t.TempDir()
	require.NoError(t, elsewhere.record(journal.Entry{Act: journal.List}))
	s, err := elsewhere.journal().Survey()
	require.NoError(t, err)
	require.EqualValues(t, 1, s.Head.Number)

	log := filepath.Join(dir, "journal", "log")
	require.NoError(t, os.Remove(log))
	require.NoError(t, os.Mkdir(log, 0o700))
	err = (&app{home: a.home, ui: a.ui}).record(journal.Entry{Act: journal.List})
	require.ErrorContains(t, err, "the journal: ")
	var h hintedError
	require.ErrorAs(t, err, &h)
	require.Contains(t, h.hint, "gradseal journal verify")
}

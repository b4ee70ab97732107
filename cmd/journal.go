package cmd

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gradseal/journal"
)

func (a *app) newJournalCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "journal",
		Short: "Who did what in this home",
		Long: `Every act of this home – planning, signing, sending, a block found or lost,
withdrawing, changing keys, forgetting – is an entry of its journal, which is only
ever added to. Each entry holds the SHA-256 of the one before. What an entry is
about stands in it as a salted hash; the names stand in a table beside it, which
gradseal forget clears.`,
		Example: `  gradseal journal show
  gradseal journal verify

Exit codes: 0 done; 1 an error.`,
	}
	addCommands(cmd, a.newJournalShowCommand(), a.newJournalVerifyCommand())
	return cmd
}

func (a *app) newJournalShowCommand() *cobra.Command {
	batchID := ""
	cmd := &cobra.Command{
		Use:   "show",
		Short: "List the entries, the oldest first",
		Long: `Lists the entries: number, time, account, act, and what the act was about. "late"
marks what was found done, by a process that was killed or by a gradseal without a
journal: time and account are then those of the entry, not of the act.`,
		Example: `  gradseal journal show
  gradseal journal show --batch 20261122-10b7b705
  gradseal journal show --json

Exit codes: 0 done; 1 an error, such as an entry that is not as it was written.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.runJournalShow(batchID) },
	}
	cmd.Flags().StringVar(&batchID, "batch", "", "show the entries about this `batch` only")
	return cmd
}

func (a *app) newJournalVerifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Look whether the journal is as it was written",
		Long: `Holds every entry against the one before it, and every name against its salted
hash: an entry that was changed, taken out or moved is noticed, and named.

That the newest entries were cut off does not show in the journal itself. Note the
head that is printed here now and then, where nobody can change it; an entry that
is not there any more shows when the head is another one at the same number. What
was done to batches and status lists gradseal audit compares with the journal. Who
can write the whole journal can also write another one.`,
		Example: `  gradseal journal verify

Exit codes: 0 it is as it was written; 1 it is not, or an error.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.runJournalVerify() },
	}
}

// recordJSON is an entry of the journal under --json.
type recordJSON struct {
	Version   int           `json:"version"`
	Number    uint64        `json:"number"`
	Time      string        `json:"time"`
	By        string        `json:"by"`
	Act       string        `json:"act"`
	Late      bool          `json:"late"`
	Issuer    string        `json:"issuer"`
	Network   string        `json:"network"`
	Batch     string        `json:"batch"`
	BatchRoot string        `json:"batch_root"`
	Sequence  uint64        `json:"sequence"`
	Text      string        `json:"text_sha256"`
	TxID      string        `json:"txid"`
	Height    uint32        `json:"height"`
	Block     string        `json:"block"`
	Reason    string        `json:"reason"`
	Count     int           `json:"count"`
	Leaves    []int         `json:"leaves"`
	Documents []subjectJSON `json:"documents"`
	Forgotten int           `json:"forgotten"`
	Part      int           `json:"part"`
	Parts     int           `json:"parts"`
}

type subjectJSON struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
}

func newRecordJSON(r journal.Record) recordJSON {
	out := recordJSON{
		Version: jsonVersion, Number: r.Number, Time: r.Time.Format(time.RFC3339), By: r.By, Act: string(r.Act), Late: r.Late,
		Issuer: r.Issuer, Network: r.Network, Batch: r.Batch, BatchRoot: r.Root, Sequence: r.Sequence, Text: r.Text,
		TxID: r.TxID, Height: r.Height, Block: r.Block, Reason: r.Reason, Count: r.Count,
		Leaves: append([]int{}, r.Leaves...), Documents: []subjectJSON{}, Forgotten: r.Forgotten, Part: r.Part, Parts: r.Parts,
	}
	for _, s := range r.About {
		out.Documents = append(out.Documents, subjectJSON{s.Name, hex.EncodeToString(s.Digest[:])})
	}
	return out
}

func (a *app) runJournalShow(batchID string) error {
	if batchID != "" { // the beginning of an id will do; a batch that was dropped has an entry, too
		if b, err := a.findBatch(batchID); err == nil {
			batchID = b.ID
		}
	}
	any, found := false, false
	for r, err := range a.journal().Records() {
		if err != nil {
			return a.journalFault(err)
		}
		any = true
		if batchID != "" && r.Batch != batchID {
			continue
		}
		found = true
		if a.ui.json {
			if err := a.ui.object(newRecordJSON(r)); err != nil {
				return err
			}
			continue
		}
		a.ui.result("%s", recordLine(r))
	}
	switch {
	case !any:
		a.ui.note("The journal is empty: nothing was done in this home yet")
	case !found:
		return hinted(fmt.Errorf("the journal has no entry about batch %s", quoted(batchID)), "list them with: gradseal batches")
	}
	return nil
}

// recordLine is an entry for people.
func recordLine(r journal.Record) string {
	by := r.By
	if by == "" {
		by = "?"
	}
	words := []string{fmt.Sprintf("%d  %s  %s  %-8s", r.Number, r.Time.Local().Format("2006-01-02 15:04:05"), safe(by), safe(string(r.Act)))}
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	if r.Late {
		add("late")
	}
	if r.Batch != "" {
		add("batch %s", safe(r.Batch))
	} else if r.Root != "" {
		add("batch root %s", safe(r.Root))
	}
	if r.Network != "" {
		add("(%s)", safe(r.Network))
	}
	if r.Batch == "" && r.Issuer != "" {
		add("%s", safe(r.Issuer))
	}
	switch {
	case r.Count == 0:
	case r.Act == journal.Backup, r.Act == journal.Restore:
		add("%s", count(r.Count, "file"))
	default:
		add("%s", count(r.Count, "document"))
	}
	switch {
	case r.Sequence == 0:
	case r.Network == "": // a status list is of one
		add("issuer file %d", r.Sequence)
	default:
		add("status list %d", r.Sequence)
	}
	if r.TxID != "" {
		add("transaction %s", safe(r.TxID))
	}
	if r.Height > 0 {
		add("block %d", r.Height)
	}
	if len(r.Leaves) > 0 {
		add("%s", leavesText(r.Leaves))
	}
	if r.Reason != "" {
		add("%s", safe(r.Reason))
	}
	if r.Parts > 0 {
		add("part %d of %d", r.Part, r.Parts)
	}
	line := strings.Join(words, " ")
	for _, s := range r.About {
		line += "\n    " + shown(s.Name)
	}
	if r.Forgotten > 0 {
		line += "\n    " + count(r.Forgotten, "document") + ", forgotten"
	}
	return line
}

// mostLeaves is how many leaf indexes are listed for people.
const mostLeaves = 20

func leavesText(leaves []int) string {
	var list []string
	for _, i := range leaves[:min(mostLeaves, len(leaves))] {
		list = append(list, fmt.Sprint(i))
	}
	text := "leaf " + strings.Join(list, ", ")
	if more := len(leaves) - mostLeaves; more > 0 {
		text += fmt.Sprintf(" and %s more", number(more))
	}
	return text
}

// journalJSON is what journal verify found, under --json.
type journalJSON struct {
	Version int     `json:"version"`
	Entries uint64  `json:"entries"`
	First   *string `json:"first"`
	Last    *string `json:"last"`
	Head    *string `json:"head"`
	Names   int     `json:"names"`
	Torn    int     `json:"torn"`
}

func (a *app) runJournalVerify() error {
	s, err := a.journal().Survey()
	if err != nil {
		return hinted(fmt.Errorf("the journal: %w", err), "up to there it is as it was written; compare it with one in a backup")
	}
	out := journalJSON{Version: jsonVersion, Entries: s.Head.Number, Names: s.Names, Torn: s.Torn}
	if s.Head.Number > 0 {
		out.First, out.Last = ptr(s.First.Format(time.RFC3339)), ptr(s.Last.Format(time.RFC3339))
		out.Head = ptr(hex.EncodeToString(s.Head.Hash[:]))
	}
	if s.Torn > 0 {
		a.ui.warn("the last line of the journal is not whole, %s, as a power cut leaves it: the next entry sets it aside", count(s.Torn, "byte"))
	}
	if a.ui.json {
		return a.ui.object(out)
	}
	if s.Head.Number == 0 {
		a.ui.result("The journal is empty: nothing was done in this home yet")
		return nil
	}
	number := number(s.Head.Number)
	a.ui.result("%s, from %s to %s: each follows the one before", entries(s.Head.Number), *out.First, *out.Last)
	a.ui.result("head %s %s", number, *out.Head)
	a.ui.note("Note the head, with its number, where nobody can change it: that the newest entries were cut off shows only there")
	return nil
}

// entries prints "1 entry" and "2 entries".
func entries(n uint64) string {
	if n == 1 {
		return "1 entry"
	}
	return number(n) + " entries"
}

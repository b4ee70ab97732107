package cmd

import (
	"encoding/hex"
	"errors"
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
	var heads []string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Look whether the journal is as it was written",
		Long: `Holds every entry against the one before it, and every name against its salted
hash: an entry that was changed, taken out or moved is noticed, and named. So is a
name that is gone although no forget entry says that it was cleared.

That the newest entries were cut off, or all written anew, does not show in the
journal itself. Note the head that is printed here now and then, where nobody can
change it, and give what was noted with --head: it must still be there, however
many entries have come since. What was done to batches and status lists gradseal
audit compares with the journal.`,
		Example: `  gradseal journal verify
  gradseal journal verify --head 12:8a1f0c…

Exit codes: 0 it is as it was written; 1 it is not, or an error.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.runJournalVerify(heads) },
	}
	cmd.Flags().StringArrayVar(&heads, "head", nil, "a `head` that was noted, NUMBER:HASH as it is printed here (can be repeated)")
	return cmd
}

// recordJSON is an entry of the journal under --json.
type recordJSON struct {
	Version   int           `json:"version"`
	Number    uint64        `json:"number"`
	Hash      string        `json:"hash"`
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
	Cleared   int           `json:"cleared"`
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
		Version: jsonVersion, Number: r.Number, Hash: hex.EncodeToString(r.Hash[:]), Time: r.Time.Format(time.RFC3339), By: r.By, Act: string(r.Act), Late: r.Late,
		Issuer: r.Issuer, Network: r.Network, Batch: r.Batch, BatchRoot: r.Root, Sequence: r.Sequence, Text: r.Text,
		TxID: r.TxID, Height: r.Height, Block: r.Block, Reason: r.Reason, Count: r.Count,
		Leaves: append([]int{}, r.Leaves...), Cleared: r.Cleared, Documents: []subjectJSON{}, Forgotten: r.Forgotten, Part: r.Part, Parts: r.Parts,
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
	if r.Cleared > 0 {
		add("%s cleared", count(r.Cleared, "name"))
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
	// Noted are the heads of --head, which are all there.
	Noted []string `json:"noted"`
	Names int      `json:"names"`
	Torn  int      `json:"torn"`
}

func (a *app) runJournalVerify(heads []string) error {
	out := journalJSON{Version: jsonVersion, Noted: []string{}}
	var noted []journal.Head
	for _, text := range heads {
		h, err := journal.ParseHead(text)
		if err != nil {
			return hinted(fmt.Errorf("--head: %w", err), "write it as gradseal journal verify printed it, after the word head")
		}
		noted, out.Noted = append(noted, h), append(out.Noted, h.String())
	}
	s, err := a.journal().Survey(noted...)
	switch {
	case errors.As(err, new(*journal.HeadError)):
		return hinted(fmt.Errorf("the journal: %w", err), "each entry follows the one before, and yet somebody wrote other ones: compare it with one in a backup, and find out who")
	case err != nil:
		return hinted(fmt.Errorf("the journal: %w", err), "up to there it is as it was written; compare it with one in a backup")
	case s.Lost() > 0:
		return hinted(errors.New("the journal: "+lostNames(s)), "the entries are as they were written; compare its table of names with one in a backup")
	}
	out.Entries, out.Names, out.Torn = s.Head.Number, s.Names, s.Torn
	if s.Head.Number > 0 {
		out.First, out.Last = ptr(s.First.Format(time.RFC3339)), ptr(s.Last.Format(time.RFC3339))
		out.Head = ptr(hex.EncodeToString(s.Head.Hash[:]))
	}
	if s.Torn > 0 {
		a.ui.warn("the last line of the journal is not whole, %s, as a power cut leaves it: the next entry sets it aside", count(s.Torn, "byte"))
	}
	if n := s.Left(); n > 0 {
		a.ui.warn("%s still stand in the journal's table although an entry says that they were cleared: forget was stopped, or an older table was put back. The same gradseal forget again clears them", count(n, "name"))
	}
	if a.ui.json {
		return a.ui.object(out)
	}
	if s.Head.Number == 0 {
		a.ui.result("The journal is empty: nothing was done in this home yet")
		return nil
	}
	a.ui.result("%s, from %s to %s: each follows the one before", entries(s.Head.Number), *out.First, *out.Last)
	for _, h := range out.Noted {
		a.ui.result("noted head %s: it is there", h)
	}
	a.ui.result("head %s", s.Head)
	a.ui.note("Note the head where nobody can change it, for gradseal journal verify --head: that the newest entries were cut off, or all written anew, shows only there")
	return nil
}

// lostNames says how many names are gone.
func lostNames(s *journal.Survey) string {
	is := "is"
	if s.Lost() != 1 {
		is = "are"
	}
	return fmt.Sprintf("%s of documents %s gone from its table, and no forget entry says that they were cleared: somebody removed them", count(s.Lost(), "name"), is)
}

// entries prints "1 entry" and "2 entries".
func entries(n uint64) string {
	if n == 1 {
		return "1 entry"
	}
	return number(n) + " entries"
}

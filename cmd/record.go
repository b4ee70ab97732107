package cmd

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os/user"
	"slices"
	"sync"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/journal"
)

// journal is the home's. It is read once in a process.
func (a *app) journal() *journal.Journal {
	if a.entries == nil || a.entries.Dir() != a.home.journalDir() {
		a.entries = journal.Open(a.home.journalDir())
		a.entries.Warn = func(text string) { a.ui.warn("%s", safe(text)) }
	}
	return a.entries
}

// record writes an act into the home's journal, synced. The caller holds the
// home's lock.
func (a *app) record(e journal.Entry) error {
	if e.By == "" {
		e.By = account()
	}
	return a.journalFault(a.journal().Append(e))
}

// account is the name of the account that runs the program; empty where the
// system does not say.
var account = sync.OnceValue(func() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
})

// journalFault says what to do about a journal that cannot be read or written.
func (a *app) journalFault(err error) error {
	if err == nil {
		return nil
	}
	return hinted(fmt.Errorf("the journal: %w", err),
		"run: gradseal journal verify. Where it is damaged, move %s away and keep it: the next act begins another", safe(a.home.journalDir()))
}

// recordSteps writes those steps of a batch into the journal that are on disk and
// not in it. late says that they were found so, as a killed process leaves them:
// who took them, and when, is not known any more.
func (a *app) recordSteps(b *batch.Batch, late bool) error {
	have, err := a.journal().OfBatch(b.ID)
	if err != nil {
		return a.journalFault(err)
	}
	due, err := stepsDue(b, have)
	if err != nil {
		return err
	}
	for _, e := range due {
		e.Issuer, e.Network, e.Batch, e.Late = b.Issuer, b.Network.String(), b.ID, late
		if err := a.record(e); err != nil {
			return err
		}
	}
	return nil
}

// byCalendars is the reason of entries about what calendars did, not a transaction
// of the batch's own.
const byCalendars = "calendars"

// stepsDue are the entries that the journal lacks of a batch.
func stepsDue(b *batch.Batch, have []journal.Entry) ([]journal.Entry, error) {
	s := steps{have: have}
	if last := s.last(journal.Plan, journal.Abandon); last == nil || last.Act != journal.Plan {
		s.add(journal.Entry{Act: journal.Plan, Count: len(b.Documents)})
	}
	if b.Statement != nil && s.last(journal.Sign) == nil {
		e, err := signEntry(b)
		if err != nil {
			return nil, err
		}
		s.add(e)
	}
	for i, raw := range b.Transactions {
		if raw == nil {
			continue
		}
		request, err := requestOf(b, i)
		if err != nil {
			return nil, err
		}
		s.sent(journal.Entry{Act: journal.Send, TxID: request.ID().String(), Reason: versionName(i)})
	}
	if b.Calendars != nil {
		s.sent(journal.Entry{Act: journal.Send, Reason: byCalendars})
	}
	if err := s.blocks(b); err != nil {
		return nil, err
	}
	if b.State() == batch.Complete && b.IsWritten() {
		s.completed(b)
	}
	return s.due, nil
}

// signEntry is that of the batch's statement.
func signEntry(b *batch.Batch) (journal.Entry, error) {
	root, err := b.Root()
	if err != nil {
		return journal.Entry{}, err
	}
	_, note, err := issuer.ParseStatement(b.Statement)
	if err != nil {
		return journal.Entry{}, err
	}
	text := sha256.Sum256([]byte(note.Text))
	return journal.Entry{Act: journal.Sign, Root: hex.EncodeToString(root[:]), Text: hex.EncodeToString(text[:]), Count: len(b.Documents)}, nil
}

// versionName says of a transaction that it is not the first of its batch.
func versionName(index int) string {
	if index == 0 {
		return ""
	}
	return fmt.Sprintf("version %d", index+1)
}

// steps compares a batch with its entries: those that the journal has, and those
// that it lacks.
type steps struct{ have, due []journal.Entry }

func (s *steps) add(e journal.Entry) { s.due = append(s.due, e) }

// find returns the newest entry that is such, or nil.
func (s *steps) find(such func(journal.Entry) bool) *journal.Entry {
	for _, list := range [][]journal.Entry{s.due, s.have} {
		for i := range slices.Backward(list) {
			if such(list[i]) {
				return &list[i]
			}
		}
	}
	return nil
}

// last returns the newest entry of one of the acts, or nil.
func (s *steps) last(acts ...journal.Act) *journal.Entry {
	return s.find(func(e journal.Entry) bool { return slices.Contains(acts, e.Act) })
}

// sent adds what was sent, unless the journal has it.
func (s *steps) sent(e journal.Entry) {
	known := func(have journal.Entry) bool {
		return have.Act == e.Act && have.TxID == e.TxID && (e.TxID != "" || have.Reason == e.Reason)
	}
	if s.find(known) == nil {
		s.add(e)
	}
}

// blocks adds the blocks that the batch is in now, and before each that it was in
// one which left the chain.
func (s *steps) blocks(b *batch.Batch) error {
	var own, others *journal.Entry
	if b.Attestation != nil {
		tx, err := bitcoin.ParseTransaction(b.Attestation.Transaction)
		if err != nil {
			return fmt.Errorf("batch %s: %w", b.ID, err)
		}
		own = &journal.Entry{
			Act: journal.Confirm, TxID: tx.ID().String(),
			Height: b.Attestation.Height, Block: b.Attestation.Header.Hash().String(),
		}
	}
	if b.Timestamp != nil {
		others = &journal.Entry{Act: journal.Confirm, Height: b.Timestamp.Height, Reason: byCalendars}
	}
	s.block(own, "")
	s.block(others, byCalendars)
	return nil
}

// block compares the block that a batch is in now, nil where it is in none, with
// the newest entry about it.
func (s *steps) block(now *journal.Entry, reason string) {
	last := s.find(func(e journal.Entry) bool {
		return (e.Act == journal.Confirm || e.Act == journal.Reorg) && e.Reason == reason
	})
	was := last != nil && last.Act == journal.Confirm
	switch {
	case now != nil && was && now.Height == last.Height && now.Block == last.Block && now.TxID == last.TxID:
		return
	case was:
		s.add(journal.Entry{Act: journal.Reorg, TxID: last.TxID, Height: last.Height, Block: last.Block, Reason: reason})
	}
	if now != nil {
		s.add(*now)
	}
}

// completed adds that every proof was written with what it leads to now.
func (s *steps) completed(b *batch.Batch) {
	with := "with the block of the transaction"
	switch {
	case b.IsAttestationFinal() && b.IsTimestampFinal():
		with += " and that of a calendar"
	case b.IsTimestampFinal():
		with = "with the block of a calendar"
	}
	last := s.last(journal.Complete, journal.Reorg)
	if last == nil || last.Act != journal.Complete || last.Reason != with {
		s.add(journal.Entry{Act: journal.Complete, Count: len(b.Documents) - b.Forgotten(), Reason: with})
	}
}

// recordAbandon writes that the plan of a batch is dropped: before it is, for
// nothing of the batch is on disk afterwards.
func (a *app) recordAbandon(b *batch.Batch) error {
	have, err := a.journal().OfBatch(b.ID)
	if err != nil {
		return a.journalFault(err)
	}
	s := steps{have: have}
	if last := s.last(journal.Plan, journal.Abandon); last != nil && last.Act == journal.Abandon {
		return nil // and then the process was killed
	}
	return a.record(journal.Entry{
		Act: journal.Abandon, Issuer: b.Issuer, Network: b.Network.String(), Batch: b.ID, Count: len(b.Documents),
	})
}

// Package audit compares what a registrar's home says in three places about the
// batches of its issuers: the journal, the batches on disk, and the newest status
// list of each network. A batch that one of them alone knows, or that one of them
// lacks, is found, and so is a list that the journal does not know.
//
// It trusts none of the three, reads no file and decides nothing: a finding says
// who knows what, and has several possible reasons, of which some are harmless.
package audit

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"gradseal/journal"
)

// Register is what a status list is about: the batches of one issuer on one
// network.
type Register struct {
	Issuer  string // id
	Network string
}

// Batch is a batch that is on disk.
type Batch struct {
	Register
	ID      string
	Root    [32]byte // batch root; zero: it is not signed
	Created time.Time
}

func (b *Batch) isSigned() bool { return b.Root != [32]byte{} }

// List is the newest status list of a register.
type List struct {
	Sequence uint64
	AsOf     time.Time
	Text     string // hex SHA-256 of its text
	Forked   bool   // another list with this sequence number was seen
	Batches  [][32]byte
	// Withdrawn are roots of batches that it withdraws. Such a batch need not be
	// one of the institution's.
	Withdrawn [][32]byte
	// Documents is how many documents it withdraws.
	Documents int
}

// Kind is what was found.
type Kind string

// The kinds, in the order in which they are returned.
const (
	// NoJournal: there are signed batches, and no journal.
	NoJournal Kind = "no-journal"

	ListForked Kind = "list-forked" // two lists have the newest sequence number
	ListLost   Kind = "list-lost"   // there are signed batches, and no list
	ListOlder  Kind = "list-older"  // than the newest one that the journal knows
	ListNewer  Kind = "list-newer"  // than the newest one that the journal knows
	ListOther  Kind = "list-other"  // than the one that the journal has under its number
	// ListsUnknown: the journal lacks numbers of lists that only this home signed.
	ListsUnknown Kind = "lists-not-in-journal"
	// WithdrawnUnknown: the list withdraws more than the journal says.
	WithdrawnUnknown Kind = "withdrawals-not-in-journal"

	StatementLost  Kind = "statement-lost"       // signed, says the journal, and not signed on disk
	StatementOther Kind = "statement-other"      // the journal has another root for the batch
	NotListed      Kind = "not-listed"           // on disk and in the journal
	NotInJournal   Kind = "not-in-journal"       // on disk, and if it is signed in the list
	NotOnDisk      Kind = "not-on-disk"          // in the journal and in the list
	OnlyOnDisk     Kind = "only-on-disk"         // signed, and neither in the journal nor in the list
	OnlyInJournal  Kind = "only-in-journal"      // signed, says the journal
	OnlyListed     Kind = "only-in-list"         // neither on disk nor in the journal
	PlanLost       Kind = "plan-only-in-journal" // never signed, and never dropped
)

var kinds = []Kind{
	NoJournal, ListForked, ListLost, ListOlder, ListNewer, ListOther, ListsUnknown, WithdrawnUnknown,
	StatementLost, StatementOther, NotListed, NotInJournal, NotOnDisk, OnlyOnDisk, OnlyInJournal, OnlyListed, PlanLost,
}

// Finding is something that does not agree.
type Finding struct {
	Kind
	Register
	Batch string   // its id; empty where no batch or only its root is meant
	Root  [32]byte // batch root; zero where it is not known
	// Listed and Noted are sequence numbers of status lists: of the newest one,
	// and of the newest one that the journal knows; 0: none. Of ListsUnknown they are
	// the lists between which others are missing, of WithdrawnUnknown how many
	// documents and batches the list withdraws, and how many the journal knows.
	Listed, Noted uint64
}

// Journal is what the entries of a journal say about batches and lists.
type Journal struct {
	first   time.Time // time of the first entry; zero: there is none
	batches map[string]*noted
	lists   map[Register]notedList
	numbers map[Register]*numbers
}

// noted is a batch in the journal.
type noted struct {
	Register
	root    [32]byte
	made    bool // in this home; else it was approved here
	signed  bool
	dropped bool // its plan was abandoned, and it was not planned again
}

type notedList struct {
	sequence uint64
	text     string
}

// numbers are the sequence numbers of status lists that the journal of one
// register knows.
type numbers struct {
	newest uint64 // 0: there is none
	// others says that others can have signed lists: this home took one in, approved
	// one, came from a backup, or had lists before it had a journal.
	others    bool
	restored  bool           // from a backup, after the newest number
	gaps      [][2]uint64    // numbers between which there are some that are unknown
	withdrawn map[uint64]int // documents and batches, by the list that withdraws them
}

// The reasons of entries about lists of others: that one was taken in, and, with
// numbers after it, that this one joins some.
const (
	takenIn = "taken in"
	joins   = "joins "
)

func (n *numbers) add(e journal.Entry) {
	elsewhere := e.Act == journal.Approve || e.Reason == takenIn || strings.HasPrefix(e.Reason, joins)
	jumps := e.Sequence > n.newest+1
	if jumps && n.newest > 0 && !elsewhere && !n.restored {
		n.gaps = append(n.gaps, [2]uint64{n.newest, e.Sequence})
	}
	n.others = n.others || elsewhere || n.restored || jumps && n.newest == 0
	n.newest, n.restored = max(n.newest, e.Sequence), false
	switch {
	case e.Act == journal.Withdraw && e.Root != "":
		n.withdrawn[e.Sequence] = 1
	case e.Act == journal.Withdraw, e.Act == journal.List:
		n.withdrawn[e.Sequence] = e.Count
	}
}

// withdraws is how many documents and batches the entries withdraw.
func (n *numbers) withdraws() int {
	sum := 0
	for _, k := range n.withdrawn {
		sum += k
	}
	return sum
}

func (j *Journal) addNumber(r Register, e journal.Entry) {
	n := j.numbers[r]
	if n == nil {
		n = &numbers{withdrawn: make(map[uint64]int)}
		j.numbers[r] = n
	}
	n.add(e)
}

// Add takes in the next entry.
func (j *Journal) Add(e journal.Entry) {
	if j.batches == nil {
		j.batches, j.lists, j.first = make(map[string]*noted), make(map[Register]notedList), e.Time
		j.numbers = make(map[Register]*numbers)
	}
	r := Register{e.Issuer, e.Network}
	if e.Batch != "" {
		j.addBatch(r, e)
	}
	if e.Act == journal.Restore {
		for _, n := range j.numbers {
			n.restored = true
		}
	}
	if e.Network != "" && e.Sequence > 0 {
		j.addNumber(r, e)
	}
	// An issuer file has sequence numbers, too, and no network.
	isList := e.Act == journal.List || e.Act == journal.Withdraw
	if isList && e.Network != "" && e.Sequence >= max(j.lists[r].sequence, 1) {
		j.lists[r] = notedList{e.Sequence, e.Text}
	}
}

func (j *Journal) addBatch(r Register, e journal.Entry) {
	n := j.batches[e.Batch]
	if n == nil {
		n = &noted{Register: r}
		j.batches[e.Batch] = n
	}
	if root, err := hex.DecodeString(e.Root); err == nil && len(root) == len(n.root) {
		n.root = [32]byte(root)
	}
	switch e.Act {
	case journal.Plan:
		n.made, n.dropped = true, false
	case journal.Abandon:
		n.dropped = true
	case journal.Sign:
		n.made, n.signed = true, true
	case journal.Send, journal.Confirm, journal.Complete:
		n.made = true
	}
}

// Compare returns what does not agree, ordered by register, kind and batch. A nil
// Journal is one that cannot be read: disk and lists are compared alone. What is
// older than the first entry of the journal is not missed in it.
func Compare(j *Journal, disk []Batch, listed map[Register]*List) []Finding {
	c := &comparison{journal: j, lists: make(map[Register]*register)}
	for r, l := range listed {
		c.register(r).take(l)
	}
	for i := range disk {
		b := &disk[i]
		r := c.register(b.Register)
		r.disk[b.ID] = b
		if b.isSigned() {
			r.onDisk[b.Root] = true
		}
	}
	if j != nil {
		for id, n := range j.batches {
			r := c.register(n.Register)
			r.noted[id] = n
			r.inJournal[n.root] = true
		}
		for at := range j.lists {
			c.register(at)
		}
	}
	signed := slices.ContainsFunc(disk, func(b Batch) bool { return b.isSigned() })
	if j != nil && j.first.IsZero() && (signed || len(listed) > 0) {
		c.found = append(c.found, Finding{Kind: NoJournal})
	}
	for at, r := range c.lists {
		c.compareLists(at, r)
		c.compareBatches(at, r)
	}
	slices.SortFunc(c.found, compareFindings)
	return c.found
}

func compareFindings(a, b Finding) int {
	return cmp.Or(
		strings.Compare(a.Issuer, b.Issuer), strings.Compare(a.Network, b.Network),
		slices.Index(kinds, a.Kind)-slices.Index(kinds, b.Kind),
		strings.Compare(a.Batch, b.Batch), bytes.Compare(a.Root[:], b.Root[:]), cmp.Compare(a.Noted, b.Noted),
	)
}

// comparison collects what is found.
type comparison struct {
	journal *Journal
	lists   map[Register]*register
	found   []Finding
}

// register is what is known of one register.
type register struct {
	list      *List // nil: there is none
	listed    map[[32]byte]bool
	withdrawn map[[32]byte]bool
	disk      map[string]*Batch
	onDisk    map[[32]byte]bool
	noted     map[string]*noted
	inJournal map[[32]byte]bool
}

func (c *comparison) register(at Register) *register {
	r := c.lists[at]
	if r == nil {
		r = &register{
			listed: make(map[[32]byte]bool), withdrawn: make(map[[32]byte]bool),
			disk: make(map[string]*Batch), onDisk: make(map[[32]byte]bool),
			noted: make(map[string]*noted), inJournal: make(map[[32]byte]bool),
		}
		c.lists[at] = r
	}
	return r
}

func (r *register) take(l *List) {
	r.list = l
	for _, root := range l.Batches {
		r.listed[root] = true
	}
	for _, root := range l.Withdrawn {
		r.withdrawn[root] = true
	}
}

// names reports whether the list knows a batch.
func (r *register) names(root [32]byte) bool { return r.listed[root] || r.withdrawn[root] }

// hasJournal reports whether there are entries to compare with.
func (c *comparison) hasJournal() bool { return c.journal != nil && !c.journal.first.IsZero() }

// isBefore reports whether the journal began after that time, or is none.
func (c *comparison) isBefore(t time.Time) bool { return !c.hasJournal() || t.Before(c.journal.first) }

func (c *comparison) compareLists(at Register, r *register) {
	var known notedList
	if c.hasJournal() {
		known = c.journal.lists[at]
	}
	f := Finding{Register: at, Noted: known.sequence}
	if r.list == nil {
		if known.sequence > 0 || len(r.onDisk) > 0 {
			c.add(f, ListLost)
		}
		return
	}
	f.Listed = r.list.Sequence
	if r.list.Forked {
		c.add(f, ListForked)
	}
	switch {
	case f.Listed < f.Noted:
		c.add(f, ListOlder)
	case f.Listed > f.Noted && !c.isBefore(r.list.AsOf):
		c.add(f, ListNewer)
	case f.Listed == f.Noted && known.text != "" && known.text != r.list.Text:
		c.add(f, ListOther)
	}
	c.compareNumbers(at, r.list)
}

// compareNumbers misses in the journal the lists between two that it knows, and
// what the newest list withdraws, where this home alone signed.
func (c *comparison) compareNumbers(at Register, l *List) {
	if !c.hasJournal() || c.journal.numbers[at] == nil {
		return
	}
	n := c.journal.numbers[at]
	for _, gap := range n.gaps {
		c.add(Finding{Register: at, Noted: gap[0], Listed: gap[1]}, ListsUnknown)
	}
	has := l.Documents + len(l.Withdrawn)
	if known := n.withdraws(); !n.others && l.Sequence <= n.newest && has > known {
		c.add(Finding{Register: at, Listed: uint64(has), Noted: uint64(known)}, WithdrawnUnknown)
	}
}

func (c *comparison) add(f Finding, k Kind) {
	f.Kind = k
	c.found = append(c.found, f)
}

func (c *comparison) compareBatches(at Register, r *register) {
	for id, b := range r.disk {
		f := Finding{Register: at, Batch: id, Root: b.Root}
		if kind := c.compareKept(r, b, r.noted[id]); kind != "" {
			c.add(f, kind)
		}
	}
	for id, n := range r.noted {
		f := Finding{Register: at, Batch: id, Root: n.root}
		switch {
		case r.disk[id] != nil || !n.made || n.dropped && !n.signed:
		case !n.signed:
			c.add(f, PlanLost)
		case r.names(n.root):
			c.add(f, NotOnDisk)
		default:
			c.add(f, OnlyInJournal)
		}
	}
	for root := range r.listed {
		if !r.onDisk[root] && !r.inJournal[root] {
			c.add(Finding{Register: at, Root: root}, OnlyListed)
		}
	}
}

// compareKept compares a batch on disk; n is nil where the journal does not know it.
func (c *comparison) compareKept(r *register, b *Batch, n *noted) Kind {
	missed := n == nil && !c.isBefore(b.Created)
	unlisted := b.isSigned() && r.list != nil && !r.names(b.Root)
	switch {
	case n != nil && n.signed && !b.isSigned():
		return StatementLost
	case n != nil && n.signed && n.root != b.Root:
		return StatementOther
	case missed && b.isSigned() && !r.names(b.Root):
		return OnlyOnDisk
	case missed:
		return NotInJournal
	case unlisted:
		return NotListed
	}
	return ""
}

package audit_test

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/audit"
	"gradseal/journal"
)

var (
	began   = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	uni     = audit.Register{Issuer: "uni.example", Network: "mainnet"}
	regtest = audit.Register{Issuer: "uni.example", Network: "regtest"}
)

func root(b byte) [32]byte { return [32]byte{b} }

func rootText(b byte) string {
	r := root(b)
	return hex.EncodeToString(r[:])
}

// act is an entry about the batch b1 with the root 1, unless it is changed.
func act(a journal.Act, change ...func(*journal.Entry)) journal.Entry {
	e := journal.Entry{Time: began, Act: a, Issuer: uni.Issuer, Network: uni.Network, Batch: "b1"}
	switch a {
	case journal.Sign, journal.Approve, journal.Propose:
		e.Root = rootText(1)
	case journal.List, journal.Withdraw:
		e.Batch, e.Sequence = "", 7
	}
	for _, f := range change {
		f(&e)
	}
	return e
}

func numbered(n uint64) func(*journal.Entry) { return func(e *journal.Entry) { e.Sequence = n } }

// made is what the journal has about a batch that was listed.
var made = []journal.Entry{act(journal.Plan), act(journal.Sign), act(journal.List), act(journal.Send)}

// kept is the batch of those entries, on disk.
func kept(change ...func(*audit.Batch)) []audit.Batch {
	b := audit.Batch{Register: uni, ID: "b1", Root: root(1), Created: began.Add(time.Minute)}
	for _, f := range change {
		f(&b)
	}
	return []audit.Batch{b}
}

func planned(b *audit.Batch) { b.Root = [32]byte{} }
func early(b *audit.Batch)   { b.Created = began.Add(-time.Minute) }

// listed is list 7, which names the batches with these roots.
func listed(roots ...byte) *audit.List {
	l := &audit.List{Sequence: 7, AsOf: began.Add(time.Hour), Text: "text"}
	for _, b := range roots {
		l.Batches = append(l.Batches, root(b))
	}
	return l
}

func numberedList(n uint64, roots ...byte) *audit.List {
	l := listed(roots...)
	l.Sequence = n
	return l
}

// withdrawing is a list of the batch with the root 1.
func withdrawing(n uint64, documents int) *audit.List {
	l := numberedList(n, 1)
	l.Documents = documents
	return l
}

// firsts is what the journal has about the first two lists.
var firsts = []journal.Entry{act(journal.Plan), act(journal.Sign), act(journal.List, numbered(1)), act(journal.List, numbered(2))}

func taken(e *journal.Entry)             { e.Reason = "taken in" }
func counted(n int) func(*journal.Entry) { return func(e *journal.Entry) { e.Count = n } }

func TestCompare(t *testing.T) {
	later := func(l *audit.List) *audit.List { l.Sequence++; return l }
	of := func(kind audit.Kind, id string, r byte) audit.Finding {
		f := audit.Finding{Kind: kind, Register: uni, Batch: id}
		if r > 0 {
			f.Root = root(r)
		}
		return f
	}
	ofList := func(kind audit.Kind, listed, noted uint64) audit.Finding {
		return audit.Finding{Kind: kind, Register: uni, Listed: listed, Noted: noted}
	}
	for name, c := range map[string]struct {
		journal []journal.Entry
		disk    []audit.Batch
		list    *audit.List
		want    []audit.Finding
	}{
		"nothing at all": {},
		// Which of the three know a signed batch.
		"all":                  {made, kept(), listed(1), nil},
		"disk and list":        {[]journal.Entry{act(journal.List)}, kept(), listed(1), []audit.Finding{of(audit.NotInJournal, "b1", 1)}},
		"disk and journal":     {made, kept(), listed(), []audit.Finding{of(audit.NotListed, "b1", 1)}},
		"journal and list":     {made, nil, listed(1), []audit.Finding{of(audit.NotOnDisk, "b1", 1)}},
		"disk alone":           {[]journal.Entry{act(journal.List)}, kept(), listed(), []audit.Finding{of(audit.OnlyOnDisk, "b1", 1)}},
		"journal alone":        {made, nil, listed(), []audit.Finding{of(audit.OnlyInJournal, "b1", 1)}},
		"list alone":           {[]journal.Entry{act(journal.List)}, nil, listed(1), []audit.Finding{of(audit.OnlyListed, "", 1)}},
		"one of two in a list": {made, kept(), listed(1, 2), []audit.Finding{of(audit.OnlyListed, "", 2)}},

		// Batches that are not signed need no list.
		"planned":                  {made[:1], kept(planned), nil, nil},
		"planned, disk alone":      {[]journal.Entry{act(journal.List)}, kept(planned), listed(), []audit.Finding{of(audit.NotInJournal, "b1", 0)}},
		"planned, journal alone":   {made[:1], nil, nil, []audit.Finding{of(audit.PlanLost, "b1", 0)}},
		"planned and dropped":      {[]journal.Entry{act(journal.Plan), act(journal.Abandon)}, nil, nil, nil},
		"dropped, planned again":   {[]journal.Entry{act(journal.Plan), act(journal.Abandon), act(journal.Plan)}, nil, nil, []audit.Finding{of(audit.PlanLost, "b1", 0)}},
		"signed and then dropped":  {append(made[:3:3], act(journal.Abandon)), nil, listed(1), []audit.Finding{of(audit.NotOnDisk, "b1", 1)}},
		"statement lost":           {made, kept(planned), listed(1), []audit.Finding{of(audit.StatementLost, "b1", 0)}},
		"another statement":        {made, kept(func(b *audit.Batch) { b.Root = root(9) }), listed(1, 9), []audit.Finding{of(audit.StatementOther, "b1", 9)}},
		"approved here, made away": {[]journal.Entry{act(journal.Approve), act(journal.List)}, nil, listed(1), nil},
		"approved, not made yet":   {[]journal.Entry{act(journal.Approve), act(journal.List)}, nil, listed(), nil},
		"proposed":                 {[]journal.Entry{act(journal.Plan), act(journal.Propose)}, kept(planned), nil, nil},

		// A withdrawn batch is known to the list, and may be a thief's.
		"withdrawn":       {made, kept(), &audit.List{Sequence: 7, AsOf: began, Withdrawn: [][32]byte{root(1)}}, nil},
		"withdrawn alone": {[]journal.Entry{act(journal.List)}, nil, &audit.List{Sequence: 7, AsOf: began, Withdrawn: [][32]byte{root(1)}}, nil},

		// Homes from before there was a journal.
		"no journal":             {nil, kept(), listed(1), []audit.Finding{{Kind: audit.NoJournal}}},
		"no journal, unlisted":   {nil, kept(), listed(), []audit.Finding{{Kind: audit.NoJournal}, of(audit.NotListed, "b1", 1)}},
		"no journal, list alone": {nil, nil, listed(1), []audit.Finding{{Kind: audit.NoJournal}, of(audit.OnlyListed, "", 1)}},
		"no journal, a plan":     {nil, kept(planned), nil, nil},
		"older than the journal": {[]journal.Entry{act(journal.List)}, kept(early), listed(1), nil},
		"older, and not listed":  {[]journal.Entry{act(journal.List)}, kept(early), listed(), []audit.Finding{of(audit.NotListed, "b1", 1)}},
		"older list":             {made[:1], kept(planned), &audit.List{Sequence: 3, AsOf: began.Add(-time.Hour)}, nil},

		// Lists.
		"list lost":             {made, kept(), nil, []audit.Finding{ofList(audit.ListLost, 0, 7)}},
		"list and journal lost": {nil, kept(), nil, []audit.Finding{{Kind: audit.NoJournal}, ofList(audit.ListLost, 0, 0)}},
		"list older":            {append(made[:4:4], act(journal.Withdraw, numbered(8))), kept(), listed(1), []audit.Finding{ofList(audit.ListOlder, 7, 8)}},
		"list newer":            {made, kept(), later(listed(1)), []audit.Finding{ofList(audit.ListNewer, 8, 7)}},
		"list unknown":          {made[:2], kept(), listed(1), []audit.Finding{ofList(audit.ListNewer, 7, 0)}},
		"another list": {append(made[:4:4], act(journal.List, func(e *journal.Entry) { e.Text = "other" })), kept(), listed(1),
			[]audit.Finding{ofList(audit.ListOther, 7, 7)}},
		"the same list": {append(made[:4:4], act(journal.List, func(e *journal.Entry) { e.Text = "text" })), kept(), listed(1), nil},
		// A journal that was written anew without its withdrawal.
		"a list left out":              {append(made[:4:4], act(journal.List, numbered(9))), kept(), numberedList(9, 1), []audit.Finding{ofList(audit.ListsUnknown, 9, 7)}},
		"a list of others taken in":    {append(made[:4:4], act(journal.List, numbered(9), taken)), kept(), numberedList(9, 1), nil},
		"a dropped proposal":           {append(made[:4:4], act(journal.Abandon, numbered(8)), act(journal.List, numbered(9))), kept(), numberedList(9, 1), nil},
		"after a backup":               {append(made[:4:4], journal.Entry{Act: journal.Restore}, act(journal.List, numbered(9))), kept(), numberedList(9, 1), nil},
		"withdrawn, and nobody did":    {firsts, kept(), withdrawing(2, 1), []audit.Finding{ofList(audit.WithdrawnUnknown, 1, 0)}},
		"withdrawn here":               {append(firsts[:4:4], act(journal.Withdraw, numbered(3), counted(2))), kept(), withdrawing(3, 2), nil},
		"withdrawn here, and more":     {append(firsts[:4:4], act(journal.Withdraw, numbered(3), counted(2))), kept(), withdrawing(3, 3), []audit.Finding{ofList(audit.WithdrawnUnknown, 3, 2)}},
		"replaced here":                {append(firsts[:4:4], act(journal.List, numbered(3), counted(1))), kept(), withdrawing(3, 1), nil},
		"withdrawn, and others signed": {append(firsts[:4:4], act(journal.List, numbered(3), taken)), kept(), withdrawing(3, 1), nil},

		"forked": {made, kept(), &audit.List{Sequence: 7, AsOf: began, Forked: true, Batches: [][32]byte{root(1)}}, []audit.Finding{ofList(audit.ListForked, 7, 7)}},
		"an issuer file's number": {append(made[:4:4], act(journal.Rotate, numbered(99), func(e *journal.Entry) { e.Network = "" }),
			act(journal.List, numbered(99), func(e *journal.Entry) { e.Network = "" })), kept(), listed(1), nil},
		"an approved list's number": {append(made[:4:4], act(journal.Approve, numbered(8))), kept(), listed(1), nil},
		"an entry of an old list":   {append(made[:4:4], act(journal.List, numbered(5))), kept(), listed(1), nil},
	} {
		t.Run(name, func(t *testing.T) {
			j := new(audit.Journal)
			for _, e := range c.journal {
				j.Add(e)
			}
			lists := map[audit.Register]*audit.List{}
			if c.list != nil {
				lists[uni] = c.list
			}
			require.Equal(t, c.want, audit.Compare(j, c.disk, lists))
		})
	}
}

// TestRegisters: what one network's list does not name another's does not make
// good, and the findings are in order.
func TestRegisters(t *testing.T) {
	j := new(audit.Journal)
	for _, e := range made {
		j.Add(e)
	}
	got := audit.Compare(j, kept(), map[audit.Register]*audit.List{
		regtest: {Sequence: 1, AsOf: began.Add(-time.Hour), Batches: [][32]byte{root(1), root(3), root(2)}},
		uni:     listed(),
	})
	require.Equal(t, []audit.Finding{
		{Kind: audit.NotListed, Register: uni, Batch: "b1", Root: root(1)},
		{Kind: audit.OnlyListed, Register: regtest, Root: root(1)},
		{Kind: audit.OnlyListed, Register: regtest, Root: root(2)},
		{Kind: audit.OnlyListed, Register: regtest, Root: root(3)},
	}, got)
}

// TestUnreadableJournal: disk and list are compared all the same, and nothing is
// missed in a journal that nobody could read.
func TestUnreadableJournal(t *testing.T) {
	lists := map[audit.Register]*audit.List{uni: listed(2)}
	require.Equal(t, []audit.Finding{
		{Kind: audit.NotListed, Register: uni, Batch: "b1", Root: root(1)},
		{Kind: audit.OnlyListed, Register: uni, Root: root(2)},
	}, audit.Compare(nil, kept(), lists))
}

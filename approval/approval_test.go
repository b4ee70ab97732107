package approval

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/keys"
	"gradseal/merkle"
	"gradseal/proof"
)

const uni = "uni.example/registrar"

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// office is an issuer with several officers.
type office struct {
	file     *issuer.File
	officers []*keys.Key
}

func newOffice(t testing.TB, officers, threshold int) *office {
	t.Helper()
	o := new(office)
	set := issuer.KeySet{From: noon.AddDate(0, 0, -1), Threshold: threshold}
	for i := range officers {
		k, err := keys.Generate(uni)
		require.NoError(t, err)
		o.officers = append(o.officers, k)
		set.Keys = append(set.Keys, issuer.Key{Public: k.PublicKey(), Holder: fmt.Sprintf("Officer %d", i+1)})
	}
	o.file = &issuer.File{ID: uni, Name: "University of Example", Sequence: 1, Sets: []issuer.KeySet{set}}
	return o
}

func (o *office) known(list *issuer.StatusList) Known {
	return Known{File: o.file, List: list, Now: noon}
}

// sign signs a text with the officers of the numbers, from 0.
func (o *office) sign(t testing.TB, text string, numbers ...int) []byte {
	t.Helper()
	var signers []issuer.Signer
	for _, n := range numbers {
		signers = append(signers, o.officers[n])
	}
	signed, err := issuer.SignNote(text, issuer.MaxStatus, signers...)
	require.NoError(t, err)
	return signed
}

// entries are n rows in the order of their leaf hashes.
func entries(n int) []byte {
	var rows [][]byte
	for i := range n {
		salt, digest := sha256.Sum256(fmt.Appendf(nil, "salt %d", i)), sha256.Sum256(fmt.Appendf(nil, "document %d", i))
		rows = append(rows, proof.Entry(salt, digest))
	}
	slices.SortFunc(rows, func(a, b []byte) int {
		x, y := merkle.LeafHash(a), merkle.LeafHash(b)
		return bytes.Compare(x[:], y[:])
	})
	return slices.Concat(rows...)
}

func rootOf(t testing.TB, rows []byte) [32]byte {
	t.Helper()
	var leaves []merkle.Hash
	for row := range slices.Chunk(rows, EntrySize) {
		leaves = append(leaves, merkle.LeafHash(row))
	}
	tree, err := merkle.New(leaves)
	require.NoError(t, err)
	return tree.Root()
}

func statementText(t testing.TB, rows []byte, change func(*issuer.Statement)) string {
	t.Helper()
	s := &issuer.Statement{
		Type: issuer.Documents, Issuer: uni, Network: bitcoin.Regtest, Size: uint64(len(rows) / EntrySize),
		Root: rootOf(t, rows), Issued: noon, Title: "Graduation 2026",
	}
	if change != nil {
		change(s)
	}
	text, err := s.Text()
	require.NoError(t, err)
	return text
}

func newList(sequence uint64) *issuer.StatusList {
	return &issuer.StatusList{Issuer: uni, Network: bitcoin.Regtest, Sequence: sequence, AsOf: noon, Next: noon.AddDate(0, 6, 0)}
}

func textOf(t testing.TB, l *issuer.StatusList) string {
	t.Helper()
	text, err := l.Text()
	require.NoError(t, err)
	return text
}

// base is a status list with a batch and a withdrawal.
func base() *issuer.StatusList {
	l := newList(3)
	l.AsOf = noon.AddDate(0, 0, -1)
	l.AddBatch([32]byte{1})
	l.AddWithdrawn(issuer.Withdrawal{ID: [32]byte{2}, Date: "2026-11-01", Reason: issuer.ReasonReprint})
	return l
}

// draft is a request about a batch of n documents, which officer 0 proposes.
func (o *office) draft(t testing.TB, n int) Request {
	t.Helper()
	rows := entries(n)
	next := base()
	next.Sequence, next.AsOf, next.Next = 4, noon, noon.AddDate(0, 6, 0)
	every := make([]int, o.file.Sets[0].Threshold)
	for i := range every {
		every[i] = i
	}
	return Request{
		Kind: Batch, Issuer: uni, Network: bitcoin.Regtest, Proposer: o.officers[0].PublicKey(), Batch: "20261123-0badcafe",
		Statement: o.sign(t, statementText(t, rows, nil), 0),
		Base:      o.sign(t, textOf(t, base()), every...),
		List:      []byte(textOf(t, next)),
		Entries:   rows,
	}
}

func (o *office) request(t testing.TB, n int) *Request {
	t.Helper()
	r, err := New(o.draft(t, n))
	require.NoError(t, err)
	return r
}

// over sends a request from one machine to another.
func over(t testing.TB, r *Request) *Request {
	t.Helper()
	data, err := r.Marshal()
	require.NoError(t, err)
	again, err := Parse(data)
	require.NoError(t, err)
	twice, err := again.Marshal()
	require.NoError(t, err)
	require.Equal(t, string(data), string(twice))
	return again
}

// check is what an approving officer's machine checks.
func (o *office) check(r *Request, list *issuer.StatusList) error {
	if err := r.CheckList(o.known(list)); err != nil {
		return err
	}
	if _, err := r.Signers(o.file, noon); err != nil {
		return err
	}
	return r.CheckTree()
}

// Two officers: one file goes over and one comes back, and both statement and list
// are signed by both.
func TestTwoOfTwo(t *testing.T) {
	o := newOffice(t, 2, 2)
	mine := o.request(t, 5)
	require.False(t, mine.IsIssued(o.file, noon))
	missing, err := mine.Missing(o.file, noon)
	require.NoError(t, err)
	require.Equal(t, 1, missing)

	theirs := over(t, mine)
	require.Equal(t, 5, theirs.Documents())
	require.NoError(t, o.check(theirs, base()))
	answer, err := theirs.Sign(o.file, noon, o.officers[1])
	require.NoError(t, err)
	answer = over(t, answer.WithoutEntries())
	require.Zero(t, answer.Documents())

	taken, err := mine.Take(o.file, noon, answer)
	require.NoError(t, err)
	require.True(t, taken.IsIssued(o.file, noon))
	require.True(t, taken.StatusList().HasBatch(taken.BatchRoot()))
	require.NoError(t, taken.CheckList(o.known(base())))
	signed, err := issuer.SignDraft(taken.List, issuer.MaxStatus, o.officers[0])
	require.NoError(t, err)
	list, note, err := issuer.ParseStatus(signed)
	require.NoError(t, err)
	signers, err := o.file.CheckSignatures(note, noon)
	require.NoError(t, err)
	require.Len(t, signers, 2)
	require.NoError(t, base().CheckSuccessor(list))

	// Before, one key alone was under each.
	_, note, err = issuer.ParseStatement(mine.Statement)
	require.NoError(t, err)
	_, err = o.file.CheckSignatures(note, noon)
	require.ErrorIs(t, err, issuer.ErrUnknownSigner)
	_, note, err = issuer.ParseStatus(taken.List)
	require.NoError(t, err)
	_, err = o.file.CheckSignatures(note, noon)
	require.ErrorIs(t, err, issuer.ErrUnknownSigner)
}

// Three of three: the file is passed on, and the list goes on a second round.
func TestThreeOfThree(t *testing.T) {
	o := newOffice(t, 3, 3)
	mine := o.request(t, 3)
	second, err := over(t, mine).Sign(o.file, noon, o.officers[1])
	require.NoError(t, err)
	require.False(t, second.IsIssued(o.file, noon))
	require.Empty(t, Compare(second.BaseList(), second.StatusList()).Batches)
	require.NoError(t, o.check(over(t, second), base()))
	third, err := over(t, second).Sign(o.file, noon, o.officers[2])
	require.NoError(t, err)
	taken, err := mine.Take(o.file, noon, over(t, third.WithoutEntries()))
	require.NoError(t, err)
	missing, err := taken.Missing(o.file, noon, o.officers[0].PublicKey())
	require.NoError(t, err)
	require.Equal(t, 1, missing, "of the list")

	again := *taken
	again.Kind, again.Entries = List, nil
	round, err := New(again)
	require.NoError(t, err)
	require.NoError(t, over(t, round).CheckList(o.known(base())))
	answer, err := over(t, round).Sign(o.file, noon, o.officers[1])
	require.NoError(t, err)
	last, err := round.Take(o.file, noon, over(t, answer))
	require.NoError(t, err)
	missing, err = last.Missing(o.file, noon, o.officers[0].PublicKey())
	require.NoError(t, err)
	require.Zero(t, missing)
}

// What an approving machine refuses, each for its own fault.
func TestRequestRefused(t *testing.T) {
	o, others := newOffice(t, 2, 2), newOffice(t, 2, 2)
	sign := func(text string) []byte { return o.sign(t, text, 0) }
	restated := func(change func(*issuer.Statement)) func(*Request) {
		return func(r *Request) { r.Statement = sign(statementText(t, r.Entries, change)) }
	}
	listed := func(change func(*issuer.StatusList)) func(*Request) {
		return func(r *Request) {
			l, err := issuer.ParseStatusText(string(r.List))
			require.NoError(t, err)
			change(l)
			r.List = []byte(textOf(t, l))
		}
	}
	edited := func(old, new string) func(*Request) {
		return func(r *Request) {
			require.Contains(t, string(r.Statement), old)
			r.Statement = bytes.Replace(r.Statement, []byte(old), []byte(new), 1)
		}
	}
	for name, c := range map[string]struct {
		change func(*Request)
		fault  string
	}{
		"rows swapped": {func(r *Request) {
			r.Entries = slices.Concat(r.Entries[EntrySize:2*EntrySize], r.Entries[:EntrySize], r.Entries[2*EntrySize:])
		}, "entry 1 is not in the order of the tree"},
		"a row twice": {func(r *Request) {
			r.Entries = slices.Concat(r.Entries[:EntrySize], r.Entries)
		}, "entry 1 is not in the order of the tree"},
		"a row too few":        {func(r *Request) { r.Entries = r.Entries[EntrySize:] }, "there are 4 entries"},
		"half a row":           {func(r *Request) { r.Entries = r.Entries[:5*EntrySize-1] }, "want 64 for each"},
		"no rows":              {func(r *Request) { r.Entries = nil }, "no entries"},
		"another document":     {func(r *Request) { r.Entries = bytes.Clone(r.Entries); r.Entries[5*EntrySize-1] ^= 1 }, "entries"},
		"another root":         {restated(func(s *issuer.Statement) { s.Root[0] ^= 1 }), "that of the entries is"},
		"another size":         {restated(func(s *issuer.Statement) { s.Size++ }), "about 6 documents"},
		"another type":         {restated(func(s *issuer.Statement) { s.Type = issuer.Batches }), "about batches, want documents"},
		"another network":      {restated(func(s *issuer.Statement) { s.Network = bitcoin.Mainnet }), "for mainnet, want regtest"},
		"another issuer":       {restated(func(s *issuer.Statement) { s.Issuer = "other.example" }), `of "other.example"`},
		"title edited":         {edited("Graduation", "Dissolution"), "wrong signature"},
		"network edited":       {edited("network regtest", "network signet"), "for signet, want regtest"},
		"all networks edited":  {func(r *Request) { r.Network = bitcoin.Signet }, "want"},
		"signed by a stranger": {func(r *Request) { r.Statement = others.sign(t, statementText(t, r.Entries, nil), 0) }, "unknown signer"},
		"batch of the list":    {listed(func(l *issuer.StatusList) { l.AddBatch([32]byte{9}) }), "adds the batch 09"},
		"batch is gone":        {listed(func(l *issuer.StatusList) { l.Batches = nil }), "is missing"},
		"withdrawal is gone":   {listed(func(l *issuer.StatusList) { l.Withdrawn = nil }), "is missing"},
		"number in use":        {listed(func(l *issuer.StatusList) { l.Sequence-- }), "the same sequence number"},
		"earlier number":       {listed(func(l *issuer.StatusList) { l.Sequence = 1 }), "older than the known one"},
		"list of tomorrow":     {listed(func(l *issuer.StatusList) { l.AsOf = l.AsOf.AddDate(0, 0, 1) }), "the clock of this machine"},
		"list of last year":    {listed(func(l *issuer.StatusList) { l.AsOf = l.AsOf.AddDate(-1, 0, 0) }), "earlier than the one before"},
		"list for mainnet":     {listed(func(l *issuer.StatusList) { l.Network = bitcoin.Mainnet }), "for mainnet, want"},
		"list is missing":      {func(r *Request) { r.List, r.Base = nil, nil }, "lacks something"},
		"no list to follow":    {func(r *Request) { r.Base = nil }, "is not the newest any more"},
		"base by one":          {func(r *Request) { l := base(); l.Sequence = 9; r.Base = sign(textOf(t, l)) }, "1 of 2 required signatures"},
		"later base by one": {func(r *Request) {
			l := base()
			l.Sequence = 4
			r.Base = sign(textOf(t, l))
			listed(func(l *issuer.StatusList) { l.Sequence = 5 })(r)
		}, "1 of 2 required signatures"},
		"other base":   {func(r *Request) { l := base(); l.AddBatch([32]byte{7}); r.Base = o.sign(t, textOf(t, l), 0, 1) }, "the same sequence number"},
		"issuer file":  {func(r *Request) { r.File = sign("x\n") }, "something else"},
		"name":         {func(r *Request) { r.Batch = "../../etc" }, "name of the batch"},
		"unknown kind": {func(r *Request) { r.Kind = "poem" }, `unknown kind "poem"`},
	} {
		t.Run(name, func(t *testing.T) {
			r := o.draft(t, 5)
			c.change(&r)
			request, err := New(r)
			if err == nil {
				err = o.check(over(t, request), base())
			}
			require.ErrorContains(t, err, c.fault)
		})
	}
	require.NoError(t, o.check(o.request(t, 5), base()), "unchanged")
}

// A machine that knows two lists with one number signs only what joins them: a list
// with all entries of both, which names no batch that neither names.
func TestJoinRequest(t *testing.T) {
	o := newOffice(t, 2, 2)
	fork := base()
	fork.AddBatch([32]byte{7})
	joining := fork.Clone()
	joining.Sequence, joining.AsOf, joining.Next = 4, noon, noon.AddDate(0, 6, 0)
	without := base()
	without.Sequence, without.AsOf, without.Next = 4, noon, joining.Next
	more := joining.Clone()
	more.AddBatch([32]byte{9})
	later := base()
	later.Sequence = 2
	for name, c := range map[string]struct {
		base, next *issuer.StatusList
		fault      string
	}{
		"from the one":     {base(), joining, ""},
		"from the other":   {fork, joining, ""},
		"lacks the other":  {base(), without, "two lists with the number 3 are known here"},
		"another batch":    {base(), more, "adds the batch 09"},
		"from neither":     {later, joining, "is not the newest any more"},
		"from a third one": {more3(), joining, "the same sequence number"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := New(Request{
				Kind: List, Issuer: uni, Network: bitcoin.Regtest, Proposer: o.officers[0].PublicKey(),
				Base: o.sign(t, textOf(t, c.base), 0, 1), List: []byte(textOf(t, c.next)),
			})
			require.NoError(t, err)
			err = over(t, r).CheckList(Known{File: o.file, List: base(), Fork: fork, Now: noon})
			if c.fault == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.fault)
		})
	}
}

// more3 is a third list with the number of base.
func more3() *issuer.StatusList {
	l := base()
	l.AddBatch([32]byte{8})
	return l
}

// What a proposer refuses of what comes back.
func TestAnswerRefused(t *testing.T) {
	o, others := newOffice(t, 3, 2), newOffice(t, 2, 2)
	mine := o.request(t, 4)
	answer, err := mine.Sign(o.file, noon, o.officers[1])
	require.NoError(t, err)
	old := newOffice(t, 2, 2) // the set before
	old.file.Sets[0].Until = noon.AddDate(0, 0, -1)
	old.file.Sets[0].From = noon.AddDate(-1, 0, 0)
	rotated := &issuer.File{ID: uni, Name: "x", Sequence: 2, Sets: []issuer.KeySet{old.file.Sets[0], o.file.Sets[0]}}
	for name, c := range map[string]struct {
		change func(r *Request)
		file   *issuer.File
		fault  string
	}{
		"own request":     {func(r *Request) { *r = *mine }, nil, ErrNoSignature.Error()},
		"another batch":   {func(r *Request) { *r = *o.request(t, 3) }, nil, ErrOther.Error()},
		"another kind":    {func(r *Request) { r.Kind, r.Entries = List, nil }, nil, ErrOther.Error()},
		"of a stranger":   {func(r *Request) { r.Statement = both(t, mine.Statement, others.officers[1]) }, nil, "unknown signer"},
		"wrong signature": {func(r *Request) { r.Statement = flipSignature(t, answer.Statement, 1) }, nil, "wrong signature"},
		"of a closed set": {func(r *Request) { r.Statement = both(t, mine.Statement, old.officers[0]) }, rotated, issuer.ErrNotInForce.Error()},
		"without mine":    {func(r *Request) { r.Statement = o.sign(t, mine.Subject(), 1, 2) }, nil, "the signatures that went out"},
		"other order":     {func(r *Request) { r.Statement = o.sign(t, mine.Subject(), 1, 0) }, nil, "the signatures that went out"},
		"list unchanged":  {func(r *Request) { r.List = mine.List }, nil, ErrOther.Error()},
		"another list": {func(r *Request) {
			l := answer.StatusList().Clone()
			l.AddWithdrawn(issuer.Withdrawal{ID: [32]byte{5}, Date: "2026-11-23", Reason: issuer.ReasonRescinded})
			r.List = o.sign(t, textOf(t, l), 1)
		}, nil, ErrOther.Error()},
		"list of a stranger": {func(r *Request) { r.List = others.sign(t, textOf(t, answer.StatusList()), 0) }, nil, "unknown signer"},
		"list signed wrong":  {func(r *Request) { r.List = flipSignature(t, answer.List, 0) }, nil, "wrong signature"},
	} {
		t.Run(name, func(t *testing.T) {
			r := *answer
			c.change(&r)
			changed, err := New(r)
			require.NoError(t, err)
			file := c.file
			if file == nil {
				file = o.file
			}
			_, err = mine.Take(file, noon, changed)
			require.ErrorContains(t, err, c.fault)
		})
	}
	_, err = mine.Take(rotated, noon, answer)
	require.NoError(t, err, "unchanged")
}

func both(t testing.TB, signed []byte, signer issuer.Signer) []byte {
	t.Helper()
	out, err := issuer.SignDraft(signed, issuer.MaxStatement, signer)
	require.NoError(t, err)
	return out
}

// flipSignature changes a bit of one signature.
func flipSignature(t testing.TB, signed []byte, index int) []byte {
	t.Helper()
	n, err := issuer.ParseNote(signed, issuer.MaxStatus)
	require.NoError(t, err)
	n.Signatures[index].Bytes[7] ^= 1
	return n.Marshal()
}

// One key twice, under another name, is one signature.
func TestOneKeyTwice(t *testing.T) {
	o := newOffice(t, 2, 2)
	mine := o.request(t, 2)
	n, err := issuer.ParseNote(mine.Statement, issuer.MaxStatement)
	require.NoError(t, err)
	twin := n.Signatures[0]
	twin.Name = "uni.example/dean"
	twin.KeyID = o.officers[0].PublicKey().ID(twin.Name)
	n.Signatures = append(n.Signatures, twin)
	r := *mine
	r.Statement = n.Marshal()
	answer, err := New(r)
	require.NoError(t, err)
	require.False(t, answer.IsIssued(o.file, noon))
	_, err = mine.Take(o.file, noon, answer)
	require.ErrorContains(t, err, "unknown signer")
}

// A list alone is signed by its proposer last, so that it is complete nowhere else.
func TestListAlone(t *testing.T) {
	o := newOffice(t, 3, 2)
	next := base()
	next.Sequence, next.AsOf, next.Next = 4, noon, noon.AddDate(0, 6, 0)
	next.AddWithdrawn(issuer.Withdrawal{ID: [32]byte{3}, Date: "2026-11-23", Reason: issuer.ReasonRescinded})
	mine, err := New(Request{
		Kind: List, Issuer: uni, Network: bitcoin.Regtest, Proposer: o.officers[0].PublicKey(),
		Base: o.sign(t, textOf(t, base()), 0, 1), List: []byte(textOf(t, next)),
	})
	require.NoError(t, err)
	require.Equal(t, "uni.example_registrar-regtest-list-4", mine.Name())
	require.NoError(t, over(t, mine).CheckList(o.known(base())))
	require.Equal(t, Changes{Withdrawn: next.Withdrawn[1:]}, Compare(mine.BaseList(), mine.StatusList()))
	answer, err := over(t, mine).Sign(o.file, noon, o.officers[2])
	require.NoError(t, err)
	taken, err := mine.Take(o.file, noon, over(t, answer))
	require.NoError(t, err)
	missing, err := taken.Missing(o.file, noon, o.officers[0].PublicKey())
	require.NoError(t, err)
	require.Zero(t, missing)
	_, err = taken.Take(o.file, noon, over(t, answer))
	require.ErrorIs(t, err, ErrNoSignature, "the same answer again")

	// A list that this machine knows already was overtaken.
	later := newList(5)
	require.ErrorIs(t, mine.CheckList(o.known(later)), ErrStale)

	// A batch in it that no statement is about.
	l := next.Clone()
	l.AddBatch([32]byte{8})
	r := *mine
	r.List = []byte(textOf(t, l))
	sly, err := New(r)
	require.NoError(t, err)
	require.ErrorContains(t, sly.CheckList(o.known(base())), "which it is not about")
}

// An issuer file needs all keys of its newest set and the threshold of the one
// before.
func TestIssuerFile(t *testing.T) {
	o := newOffice(t, 2, 2)
	heir, err := keys.Generate(uni)
	require.NoError(t, err)
	next := &issuer.File{ID: uni, Name: o.file.Name, Sequence: 2, Sets: slices.Clone(o.file.Sets)}
	next.Sets[0].Until = noon
	next.Sets = append(next.Sets, issuer.KeySet{From: noon, Threshold: 2, Keys: []issuer.Key{
		{Public: heir.PublicKey(), Holder: "Heir"}, o.file.Sets[0].Keys[1],
	}})
	text, err := next.Text()
	require.NoError(t, err)
	own, err := issuer.SignNote(text, issuer.MaxFile, o.officers[0], heir)
	require.NoError(t, err)
	mine, err := New(Request{Kind: File, Issuer: uni, Proposer: o.officers[0].PublicKey(), File: []byte(text)})
	require.NoError(t, err)
	require.Equal(t, "uni.example_registrar-issuer-2", mine.Name())
	p := &Proposal{Request: mine, Own: own}
	missing, err := p.Missing(o.file, noon, o.officers[0].PublicKey(), heir.PublicKey())
	require.NoError(t, err)
	require.Equal(t, 1, missing, "the officer who stays signs for both sets")
	_, err = p.Join()
	require.NoError(t, err)

	theirs := over(t, mine)
	require.NoError(t, theirs.CheckFile(o.known(nil)))
	answer, err := theirs.Sign(o.file, noon, o.officers[1])
	require.NoError(t, err)
	taken, err := mine.Take(o.file, noon, over(t, answer))
	require.NoError(t, err)
	p.Request = taken
	signed, err := p.Join()
	require.NoError(t, err)
	f, err := issuer.ParseFile(signed)
	require.NoError(t, err)
	require.NoError(t, o.file.CheckSuccessor(f, signed))

	// Answers that are none.
	others := newOffice(t, 1, 1)
	strange := *mine
	strange.File = others.sign(t, text, 0)
	stranger, err := New(strange)
	require.NoError(t, err)
	_, err = mine.Take(o.file, noon, stranger)
	require.ErrorContains(t, err, "unknown signer")

	// Files that do not follow.
	for name, c := range map[string]struct {
		change func(*issuer.File)
		fault  string
	}{
		"gap":               {func(f *issuer.File) { f.Sequence = 4 }, "missing in between"},
		"older":             {func(f *issuer.File) { f.Sequence = 1 }, ErrStale.Error()},
		"history rewritten": {func(f *issuer.File) { f.Sets[0].Threshold = 1 }, "key set 1 is not the one"},
	} {
		f := *next
		f.Sets = slices.Clone(next.Sets)
		c.change(&f)
		text, err := f.Text()
		require.NoError(t, err)
		r, err := New(Request{Kind: File, Issuer: uni, Proposer: o.officers[0].PublicKey(), File: []byte(text)})
		require.NoError(t, err)
		require.ErrorContains(t, r.CheckFile(o.known(nil)), c.fault, name)
	}
}

// A request that was cut short, or edited, does not parse.
func TestParseStrict(t *testing.T) {
	o := newOffice(t, 2, 2)
	data, err := o.request(t, 2).Marshal()
	require.NoError(t, err)
	for n := range len(data) {
		_, err := Parse(data[:n])
		require.Error(t, err, "%d bytes of %d", n, len(data))
	}
	for _, change := range [][2]string{
		{`"kind": "batch"`, `"kind":"batch"`}, {`gradseal-request/1`, `gradseal-request/2`},
		{`"network": "regtest"`, `"network": "Regtest"`}, {`"entries": "`, `"entries": "\n`}, {`"file": ""`, `"more": "", "file": ""`},
	} {
		require.Contains(t, string(data), change[0])
		_, err := Parse([]byte(strings.Replace(string(data), change[0], change[1], 1)))
		require.Error(t, err, change[1])
	}
	_, err = Parse(append(data, '\n'))
	require.Error(t, err)
}

// The changes of a list that was overtaken are made in the newest one.
func TestApply(t *testing.T) {
	old := base()
	next := old.Clone()
	next.AddBatch([32]byte{4})
	next.AddWithdrawnBatch(issuer.Withdrawal{ID: [32]byte{1}, Date: "2026-11-23", Reason: issuer.ReasonKeyCompromise})
	next.AddWithdrawn(issuer.Withdrawal{ID: [32]byte{5}, Date: "2026-11-23", Reason: issuer.ReasonRescinded})
	next.Withdrawn[0].Reason = issuer.ReasonSuperseded
	next.Next = time.Time{}
	changes := Compare(old, next)
	require.Len(t, changes.Corrected, 1)
	require.True(t, changes.Final)
	newest := old.Clone()
	newest.AddBatch([32]byte{6})
	require.False(t, changes.in(newest))
	changes.Apply(newest)
	require.True(t, changes.in(newest))
	require.Len(t, newest.Batches, 3)
	require.Equal(t, next.Withdrawn, newest.Withdrawn)
	require.Equal(t, Changes{Batches: [][32]byte{{6}}}, Compare(next, newest))
	newest.Sequence++
	require.NoError(t, old.CheckSuccessor(newest))
}

func TestStore(t *testing.T) {
	o := newOffice(t, 2, 2)
	s := Open(t.TempDir() + "/proposals")
	p, err := s.Proposal(uni, bitcoin.Regtest)
	require.NoError(t, err)
	require.Nil(t, p)
	saved := &Proposal{Request: o.request(t, 3), Act: "list", Reason: "x", Count: 3}
	require.NoError(t, s.Save(saved))
	all, err := s.All()
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Zero(t, all[0].Documents(), "the rows are in the batch's plan alone")
	require.Equal(t, saved.Statement, all[0].Statement)
	require.Equal(t, 3, all[0].Count)
	p, err = s.Proposal(uni, bitcoin.Mainnet)
	require.NoError(t, err)
	require.Nil(t, p)
	require.NoError(t, s.Remove(saved))
	require.NoError(t, s.Remove(saved))
	all, err = s.All()
	require.NoError(t, err)
	require.Empty(t, all)

	text, other := [32]byte{1}, [32]byte{2}
	require.NoError(t, s.MaySign(uni, bitcoin.Regtest, 1, text))
	require.NoError(t, s.Reserve(uni, bitcoin.Regtest, 5))
	require.NoError(t, s.Reserve(uni, bitcoin.Regtest, 4))
	require.NoError(t, s.Sign(uni, bitcoin.Regtest, 4, text))
	require.NoError(t, s.MaySign(uni, bitcoin.Regtest, 4, text))
	require.ErrorIs(t, s.MaySign(uni, bitcoin.Regtest, 4, other), ErrSignedOther)
	require.ErrorIs(t, s.MaySign(uni, bitcoin.Regtest, 3, text), ErrSignedOther)
	require.NoError(t, s.MaySign(uni, bitcoin.Regtest, 5, other))
	require.NoError(t, s.MaySign(uni, bitcoin.Signet, 3, other))
	used, err := s.Numbers(uni, bitcoin.Regtest)
	require.NoError(t, err)
	require.Equal(t, Numbers{5, 4, text}, used)
}

// FuzzParse: nothing makes the parser panic, and what it takes has one spelling.
func FuzzParse(f *testing.F) {
	o := newOffice(f, 2, 2)
	data, err := o.request(f, 2).Marshal()
	require.NoError(f, err)
	f.Add(data)
	f.Add([]byte(strings.Replace(string(data), base64.StdEncoding.EncodeToString(entries(2)), "", 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Parse(data)
		if err != nil {
			require.Nil(t, r)
			return
		}
		again, err := r.Marshal()
		require.NoError(t, err)
		require.Equal(t, string(data), string(again))
		r.Name()
		r.Subject()
		_ = r.CheckTree()
	})
}

// The number of a list is in nobody's signature yet: one that would use up all numbers
// of an officer is refused, unless the officer names it.
func TestListNumber(t *testing.T) {
	o := newOffice(t, 2, 2)
	for _, c := range []struct {
		sequence, base, named uint64
		first                 bool
		fine                  bool
	}{
		{sequence: 3 + MaxGap, fine: true},
		{sequence: 4 + MaxGap},
		{sequence: issuer.MaxSequence},
		{sequence: issuer.MaxSequence, named: issuer.MaxSequence, fine: true},
		{sequence: issuer.MaxSequence, named: issuer.MaxSequence - 1},
		{sequence: MaxGap, first: true, fine: true},
		{sequence: MaxGap + 1, first: true},
	} {
		next := base()
		next.Sequence, next.AsOf, next.Next = c.sequence, noon, noon.AddDate(0, 6, 0)
		r := Request{Kind: List, Issuer: uni, Network: bitcoin.Regtest, Proposer: o.officers[0].PublicKey(), Base: o.sign(t, textOf(t, base()), 0, 1)}
		known := o.known(base())
		if c.first {
			next.Batches = nil
			r.Base, known.List = nil, nil
		}
		r.List, known.Sequence = []byte(textOf(t, next)), c.named
		request, err := New(r)
		require.NoError(t, err)
		if err = over(t, request).CheckList(known); c.fine {
			require.NoError(t, err, "%+v", c)
		} else {
			require.ErrorIs(t, err, ErrFarAhead, "%+v", c)
		}
	}
}

// What a request names as withdrawn is what its list withdraws, and no answer has it.
func TestWithdrawnDocuments(t *testing.T) {
	o := newOffice(t, 2, 2)
	gone := Document{Name: "s01.pdf", Salt: [32]byte{1}, Digest: [32]byte{2}}
	next := base()
	next.Sequence, next.AsOf = 4, noon
	next.AddWithdrawn(issuer.Withdrawal{ID: gone.WithdrawalID(), Date: "2026-11-23", Reason: issuer.ReasonRescinded})
	r := Request{
		Kind: List, Issuer: uni, Network: bitcoin.Regtest, Proposer: o.officers[0].PublicKey(),
		Base: o.sign(t, textOf(t, base()), 0, 1), List: []byte(textOf(t, next)), Withdrawn: []Document{gone},
	}
	request, err := New(r)
	require.NoError(t, err)
	theirs := over(t, request)
	require.Equal(t, r.Withdrawn, theirs.Withdrawn)
	require.NoError(t, theirs.CheckList(o.known(base())))
	answer, err := theirs.Sign(o.file, noon, o.officers[1])
	require.NoError(t, err)
	data, err := answer.WithoutEntries().Marshal()
	require.NoError(t, err)
	require.NotContains(t, string(data), gone.Name)

	other := gone
	other.Digest[0]++
	for name, list := range map[string][]Document{"another document": {other}, "twice": {gone, gone}, "one too many": {gone, other}} {
		r.Withdrawn = list
		request, err := New(r)
		require.NoError(t, err)
		require.ErrorContains(t, request.CheckList(o.known(base())), "the status list withdraws something else", name)
	}
	data, err = theirs.Marshal()
	require.NoError(t, err)
	for _, change := range [][2]string{
		{`"digest": "02`, `"digest": "2`}, {`"digest": "02`, `"digest": "0Z`}, {`"salt": "0100`, `"salt": "01AB`},
		{`"name": "s01.pdf"`, `"name": "` + strings.Repeat("x", MaxName+1) + `"`},
	} {
		require.Contains(t, string(data), change[0])
		_, err := Parse([]byte(strings.Replace(string(data), change[0], change[1], 1)))
		require.Error(t, err, change[1])
	}
}

// A first issuer file has one key set, which does not end: one before it could sign
// what the officers of the last one never see.
func TestFirstIssuerFile(t *testing.T) {
	o := newOffice(t, 2, 2)
	require.NoError(t, o.firstFile(t, o.file.Sets...).CheckFile(Known{Now: noon}))
	rogue := issuer.KeySet{From: noon.AddDate(0, 0, -1), Until: noon, Threshold: 1, Keys: newOffice(t, 1, 1).file.Sets[0].Keys}
	last := o.file.Sets[0]
	last.From = noon
	require.ErrorContains(t, o.firstFile(t, rogue, last).CheckFile(Known{Now: noon}), "2 key sets")
	last.Until = noon.AddDate(1, 0, 0)
	require.Error(t, o.firstFile(t, last).CheckFile(Known{Now: noon}))
}

// firstFile is a request for a first issuer file with these sets.
func (o *office) firstFile(t *testing.T, sets ...issuer.KeySet) *Request {
	t.Helper()
	f := &issuer.File{ID: uni, Name: o.file.Name, Sequence: 1, Sets: sets}
	text, err := f.Text()
	require.NoError(t, err)
	r, err := New(Request{Kind: File, Issuer: uni, Proposer: o.officers[0].PublicKey(), File: []byte(text)})
	require.NoError(t, err)
	return r
}

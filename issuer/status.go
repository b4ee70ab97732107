package issuer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gradseal/bitcoin"
)

// MaxStatus is the greatest size of a signed status list: 16 MiB. That is room
// for 236,000 batches, or for 164,000 withdrawn documents.
const MaxStatus = 16 << 20

// The lengths of lines in bytes, from which lists are allocated once.
const (
	batchLine          = len("batch ") + 64 + len("\n")
	shortestWithdrawal = len("withdrawn ") + 64 + len(" 2006-01-02 ") + len(ReasonReprint) + len("\n")
	longestWithdrawal  = len("withdrawn-batch ") + 64 + len(" 2006-01-02 ") + len(ReasonIssuedInError) + len("\n")
)

var (
	// ErrStatusFork says that an issuer signed two different status lists with
	// one sequence number.
	ErrStatusFork = errors.New("two different status lists have the same sequence number")

	// ErrStatusOlder says that a status list has a lower sequence number than
	// one that is known already.
	ErrStatusOlder = errors.New("status list is older than the known one")

	// ErrStatusAhead says that a status list has a sequence number, or a time, that
	// its issuer cannot have come to yet.
	ErrStatusAhead = errors.New("status list is ahead of the clock")

	// ErrStatusLacks says that a status list lacks an entry of one that is known
	// already: a batch or a withdrawal never goes away again.
	ErrStatusLacks = errors.New("invalid status list: an entry has vanished")
)

// The reasons for a withdrawal; there are no others.
const (
	ReasonSuperseded    = "superseded"      // a newer document takes its place
	ReasonIssuedInError = "issued-in-error" // it should never have been issued
	ReasonRescinded     = "rescinded"       // the award itself was taken back
	ReasonReprint       = "reprint"         // the same content was issued again
	ReasonKeyCompromise = "key-compromise"  // it was signed with a stolen key
)

// Reasons returns all reasons for a withdrawal.
func Reasons() []string {
	return []string{ReasonSuperseded, ReasonIssuedInError, ReasonRescinded, ReasonReprint, ReasonKeyCompromise}
}

// ValidReason returns an error unless s is one of Reasons.
func ValidReason(s string) error {
	switch s {
	case ReasonSuperseded, ReasonIssuedInError, ReasonRescinded, ReasonReprint, ReasonKeyCompromise:
		return nil
	}
	return fmt.Errorf("unknown reason %s, want one of %s", quote(s), strings.Join(Reasons(), ", "))
}

// StatusList is an issuer's register for one network: all batches that it
// stands behind, and what it withdrew. As a text:
//
//	gradseal status v1
//	issuer ID                              ValidID
//	network NETWORK                        bitcoin.ParseNetwork
//	sequence N                             1 to 2^53-1
//	asof 2006-01-02T15:04:05Z              years 2009 to 9999
//	next 2006-01-02T15:04:05Z | never      later than asof
//	batch ROOT                             any number, strictly ascending
//	withdrawn ID DATE REASON               any number, strictly ascending by ID
//	withdrawn-batch ROOT DATE REASON       any number, strictly ascending by ROOT
//
// ROOT is a batch root and ID a WithdrawalID, each 64 digits in byte order, DATE
// a real day in the form 2006-01-02, REASON one of Reasons. A withdrawn batch
// stays on the list of batches, but need not be on it: a batch that somebody else
// made can be withdrawn, too.
type StatusList struct {
	Issuer           string
	Network          bitcoin.Network
	Sequence         uint64
	AsOf             time.Time
	Next             time.Time // zero: never; the list of an institution that closed
	Batches          [][32]byte
	Withdrawn        []Withdrawal // documents
	WithdrawnBatches []Withdrawal
}

// Withdrawal is one withdrawn document or batch.
type Withdrawal struct {
	ID     [32]byte // WithdrawalID of a document, or the root of a batch
	Date   string   // 2006-01-02
	Reason string   // one of Reasons
}

// WithdrawalID returns the name under which a status list withdraws a document:
// SHA-256(0x03 || salt || digest). It is not the leaf hash, which stands in the
// audit paths of other documents of the batch.
func WithdrawalID(salt, digest [32]byte) [32]byte {
	b := make([]byte, 0, 1+len(salt)+len(digest))
	b = append(b, 0x03)
	b = append(b, salt[:]...)
	b = append(b, digest[:]...)
	return sha256.Sum256(b)
}

// ParseStatus reads a signed status list of at most MaxStatus bytes. It returns
// the note, too, for File.CheckSignatures: no signature was verified, and the
// names in the signature lines need not be the list's issuer.
func ParseStatus(signed []byte) (*StatusList, *Note, error) {
	n, err := ParseNote(signed, MaxStatus)
	if err != nil {
		return nil, nil, fmt.Errorf("status list: %w", err)
	}
	l, err := parseStatus(n.Text)
	if err != nil {
		return nil, nil, fmt.Errorf("malformed status list: %w", err)
	}
	return l, n, nil
}

func parseStatus(text string) (*StatusList, error) {
	r := &lineReader{rest: text}
	r.format("status")
	l := &StatusList{
		Issuer:   r.value("issuer"),
		Network:  r.network(),
		Sequence: r.number("sequence", 1, MaxSequence),
		AsOf:     r.time("asof"),
		Next:     parseNext(r),
	}
	l.Batches = parseBatches(r)
	l.Withdrawn = parseWithdrawals(r, "withdrawn")
	l.WithdrawnBatches = parseWithdrawals(r, "withdrawn-batch")
	if err := r.end(); err != nil {
		return nil, err
	}
	return l, compareText(l.Text, text)
}

func parseNext(r *lineReader) time.Time {
	value := r.value("next")
	if value == "never" {
		return time.Time{}
	}
	t, err := parseTime(value)
	if err != nil {
		r.fail(fmt.Errorf("next: %w, or \"never\"", err))
	}
	return t
}

func parseBatches(r *lineReader) [][32]byte {
	var list [][32]byte
	for root, ok := r.optional("batch"); ok; root, ok = r.optional("batch") {
		h, err := parseHex32(root)
		if err != nil {
			r.fail(fmt.Errorf("batch: %w", err))
		}
		if list == nil {
			list = make([][32]byte, 0, 1+countLines(r.rest, "batch ", batchLine))
		}
		list = append(list, h)
	}
	return list
}

// countLines counts the lines of a known length at the start of text.
func countLines(text, prefix string, length int) (n int) {
	for ; len(text) >= length && strings.HasPrefix(text, prefix); n++ {
		text = text[length:]
	}
	return n
}

func parseWithdrawals(r *lineReader, key string) []Withdrawal {
	var list []Withdrawal
	for line, ok := r.optional(key); ok; line, ok = r.optional(key) {
		w, err := parseWithdrawal(line)
		if err != nil {
			r.fail(fmt.Errorf("%s: %w", key, err))
		}
		if list == nil {
			list = make([]Withdrawal, 0, 1+len(r.rest)/shortestWithdrawal)
		}
		list = append(list, w)
	}
	return list
}

func parseWithdrawal(line string) (Withdrawal, error) {
	id, rest, ok1 := strings.Cut(line, " ")
	date, reason, ok2 := strings.Cut(rest, " ")
	if !ok1 || !ok2 {
		return Withdrawal{}, fmt.Errorf("malformed value %s, want a hash, a date and a reason", quote(line))
	}
	h, err := parseHex32(id)
	if err != nil {
		return Withdrawal{}, err
	}
	return Withdrawal{ID: h, Date: date, Reason: reason}, nil
}

// Text returns the text to sign. It fails where a field has no spelling or a
// list is not in its order: see StatusList. Times must be in whole seconds.
func (l *StatusList) Text() (string, error) {
	if err := l.check(); err != nil {
		return "", err
	}
	next := "never"
	if !l.Next.IsZero() {
		next = formatTime(l.Next)
	}
	var b strings.Builder
	b.Grow(300 + batchLine*len(l.Batches) + longestWithdrawal*(len(l.Withdrawn)+len(l.WithdrawnBatches)))
	fmt.Fprintf(&b, "gradseal status v1\nissuer %s\nnetwork %s\nsequence %d\nasof %s\nnext %s\n",
		l.Issuer, l.Network, l.Sequence, formatTime(l.AsOf), next)
	line := make([]byte, 0, 128)
	for i := range l.Batches {
		line = append(line[:0], "batch "...)
		line = hex.AppendEncode(line, l.Batches[i][:])
		b.Write(append(line, '\n'))
	}
	writeWithdrawals(&b, "withdrawn ", l.Withdrawn)
	writeWithdrawals(&b, "withdrawn-batch ", l.WithdrawnBatches)
	return b.String(), nil
}

func writeWithdrawals(b *strings.Builder, key string, list []Withdrawal) {
	line := make([]byte, 0, 128)
	for i := range list {
		line = append(line[:0], key...)
		line = hex.AppendEncode(line, list[i].ID[:])
		line = append(line, ' ')
		line = append(line, list[i].Date...)
		line = append(line, ' ')
		line = append(line, list[i].Reason...)
		b.Write(append(line, '\n'))
	}
}

func (l *StatusList) check() error {
	if err := ValidID(l.Issuer); err != nil {
		return err
	}
	if err := checkNetwork(l.Network); err != nil {
		return err
	}
	if l.Sequence < 1 || l.Sequence > MaxSequence {
		return fmt.Errorf("sequence %d is out of range, want 1 to %d", l.Sequence, uint64(MaxSequence))
	}
	if err := l.checkTimes(); err != nil {
		return err
	}
	for i := 1; i < len(l.Batches); i++ {
		if compareHash(l.Batches[i-1], l.Batches[i]) >= 0 {
			return fmt.Errorf("batch %x is not in ascending order", l.Batches[i])
		}
	}
	if err := checkWithdrawals("withdrawn", l.Withdrawn); err != nil {
		return err
	}
	return checkWithdrawals("withdrawn-batch", l.WithdrawnBatches)
}

func (l *StatusList) checkTimes() error {
	if err := checkTime("asof", l.AsOf); err != nil {
		return err
	}
	if l.Next.IsZero() {
		return nil
	}
	if err := checkTime("next", l.Next); err != nil {
		return err
	}
	if !l.Next.After(l.AsOf) {
		return fmt.Errorf("next %s is not later than asof %s", formatTime(l.Next), formatTime(l.AsOf))
	}
	return nil
}

func checkWithdrawals(what string, list []Withdrawal) error {
	for i := range list {
		w := &list[i]
		if i > 0 && compareHash(list[i-1].ID, w.ID) >= 0 {
			return fmt.Errorf("%s %x is not in ascending order", what, w.ID)
		}
		if err := ValidDate(w.Date); err != nil {
			return fmt.Errorf("%s %x: %w", what, w.ID, err)
		}
		if err := ValidReason(w.Reason); err != nil {
			return fmt.Errorf("%s %x: %w", what, w.ID, err)
		}
	}
	return nil
}

func compareHash(a, b [32]byte) int {
	return bytes.Compare(a[:], b[:])
}

func compareWithdrawal(w Withdrawal, id [32]byte) int {
	return compareHash(w.ID, id)
}

// HasBatch tells whether the list names the batch with the given root.
func (l *StatusList) HasBatch(root [32]byte) bool {
	_, found := slices.BinarySearchFunc(l.Batches, root, compareHash)
	return found
}

// FindWithdrawn returns the withdrawal of the document with the given
// WithdrawalID, if the list has one.
func (l *StatusList) FindWithdrawn(id [32]byte) (Withdrawal, bool) {
	return findWithdrawal(l.Withdrawn, id)
}

// FindWithdrawnBatch returns the withdrawal of the batch with the given root, if
// the list has one.
func (l *StatusList) FindWithdrawnBatch(root [32]byte) (Withdrawal, bool) {
	return findWithdrawal(l.WithdrawnBatches, root)
}

func findWithdrawal(list []Withdrawal, id [32]byte) (Withdrawal, bool) {
	i, found := slices.BinarySearchFunc(list, id, compareWithdrawal)
	if !found {
		return Withdrawal{}, false
	}
	return list[i], true
}

// Clone returns a copy that shares nothing with l: a signer adds to the copy and
// raises its Sequence, AsOf and Next.
func (l *StatusList) Clone() *StatusList {
	c := *l
	c.Batches = slices.Clone(l.Batches)
	c.Withdrawn = slices.Clone(l.Withdrawn)
	c.WithdrawnBatches = slices.Clone(l.WithdrawnBatches)
	return &c
}

// AddBatch adds the batch with the given root in its place. A batch that is on
// the list already stays there once.
func (l *StatusList) AddBatch(root [32]byte) {
	i, found := slices.BinarySearchFunc(l.Batches, root, compareHash)
	if !found {
		l.Batches = slices.Insert(l.Batches, i, root)
	}
}

// AddWithdrawn withdraws a document. It reports whether w was added: a document
// that is withdrawn already keeps its date and reason.
func (l *StatusList) AddWithdrawn(w Withdrawal) bool {
	return addWithdrawal(&l.Withdrawn, w)
}

// AddWithdrawnBatch withdraws a batch. It reports whether w was added: a batch
// that is withdrawn already keeps its date and reason.
func (l *StatusList) AddWithdrawnBatch(w Withdrawal) bool {
	return addWithdrawal(&l.WithdrawnBatches, w)
}

// AddAllWithdrawn is AddWithdrawn for many documents at once, in any order. It
// returns how many were added: of several with one ID the first, and none whose
// ID is on the list already. It takes n·log n time for n documents.
func (l *StatusList) AddAllWithdrawn(all []Withdrawal) (added int) {
	before := len(l.Withdrawn)
	l.Withdrawn = slices.Concat(l.Withdrawn, all)
	// What was there, and what came first, stays in front of its like.
	slices.SortStableFunc(l.Withdrawn, func(a, b Withdrawal) int { return compareHash(a.ID, b.ID) })
	l.Withdrawn = slices.CompactFunc(l.Withdrawn, func(a, b Withdrawal) bool { return a.ID == b.ID })
	return len(l.Withdrawn) - before
}

func addWithdrawal(list *[]Withdrawal, w Withdrawal) bool {
	i, found := slices.BinarySearchFunc(*list, w.ID, compareWithdrawal)
	if !found {
		*list = slices.Insert(*list, i, w)
	}
	return !found
}

// ClockSlack is how far the clock of who signed a status list may be before that of who
// takes it in.
const ClockSlack = 24 * time.Hour

// CheckClock returns nil if a verifier may take in the list at the time now: CheckNumber
// finds nothing, and the list is of a time no more than ClockSlack later. It returns an
// error that is ErrStatusAhead otherwise.
//
// A list is not past before its Next. Without this, a thief could sign one that stays
// good for ever, and that an issuer who signs no list of an earlier time than the one
// before could only follow then.
func (l *StatusList) CheckClock(now time.Time) error {
	if err := l.CheckNumber(now); err != nil {
		return err
	}
	if l.AsOf.After(now.Add(ClockSlack)) {
		return fmt.Errorf("%w: it is as of %s, and the clock of this machine says %s", ErrStatusAhead, formatTime(l.AsOf), now.UTC().Format(time.RFC3339))
	}
	return nil
}

// CheckNumber returns nil if an issuer may sign the list at the time now: its sequence
// number is at most the seconds since 1970. It returns an error that is ErrStatusAhead
// otherwise.
//
// Whoever signs less than a list a second never comes near that number. Without it,
// a thief could sign one list with the highest number that there is, which no list of
// the issuer's could follow; with it, the number that follows can be used a second
// later, by everybody, whichever lists they know.
func (l *StatusList) CheckNumber(now time.Time) error {
	if most := max(now.Unix(), 0); l.Sequence > uint64(most) {
		return fmt.Errorf("%w: sequence %d, at most %d by the clock of this machine, %s", ErrStatusAhead, l.Sequence, most, now.UTC().Format(time.RFC3339))
	}
	return nil
}

// CheckSuccessor returns nil if next can take the place of l, the newest list
// that was known: of the same issuer and network, with a higher sequence number
// (gaps are no error), and with every batch and every withdrawal of l. The date
// and the reason of a withdrawal may have been corrected. The same list again is
// no error.
//
// It returns an error that is ErrStatusOlder for a lower sequence number, one
// that is ErrStatusFork for a different list with the same, and one that is
// ErrStatusLacks where an entry is missing. Signatures are the caller's to check
// first.
func (l *StatusList) CheckSuccessor(next *StatusList) error {
	if next.Issuer != l.Issuer {
		return fmt.Errorf("unexpected status list of issuer %s, want %s", quote(next.Issuer), quote(l.Issuer))
	}
	if next.Network != l.Network {
		return fmt.Errorf("unexpected status list for network %s, want %s", next.Network, l.Network)
	}
	if next.Sequence < l.Sequence {
		return fmt.Errorf("%w: sequence %d, known %d", ErrStatusOlder, next.Sequence, l.Sequence)
	}
	if next.Sequence == l.Sequence {
		return l.checkSame(next)
	}
	return l.checkKept(next)
}

func (l *StatusList) checkSame(next *StatusList) error {
	known, err := l.Text()
	if err != nil {
		return fmt.Errorf("known status list: %w", err)
	}
	text, err := next.Text()
	if err != nil {
		return err
	}
	if text != known {
		return fmt.Errorf("%w: %d, of %s", ErrStatusFork, l.Sequence, quote(l.Issuer))
	}
	return nil
}

// checkKept searches next for every entry of l.
func (l *StatusList) checkKept(next *StatusList) error {
	for _, root := range l.Batches {
		if !next.HasBatch(root) {
			return fmt.Errorf("%w: batch %x of list %d is missing from list %d", ErrStatusLacks, root, l.Sequence, next.Sequence)
		}
	}
	for _, w := range l.Withdrawn {
		if _, ok := next.FindWithdrawn(w.ID); !ok {
			return fmt.Errorf("%w: withdrawn %x of list %d is missing from list %d", ErrStatusLacks, w.ID, l.Sequence, next.Sequence)
		}
	}
	for _, w := range l.WithdrawnBatches {
		if _, ok := next.FindWithdrawnBatch(w.ID); !ok {
			return fmt.Errorf("%w: withdrawn-batch %x of list %d is missing from list %d", ErrStatusLacks, w.ID, l.Sequence, next.Sequence)
		}
	}
	return nil
}

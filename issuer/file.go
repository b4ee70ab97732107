package issuer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

const (
	// MaxFile is the greatest size of a signed issuer file: 64 KiB.
	MaxFile = 64 << 10

	// MaxSets is the greatest number of key sets of an issuer file.
	MaxSets = 64

	// MaxKeys is the greatest number of keys of a key set. A file that replaces
	// its keys is signed by all the new ones and by the threshold of those
	// before, and has no room for more than MaxSignatures in all.
	MaxKeys = 16
)

var (
	// ErrFileFork says that an issuer signed two different issuer files with one
	// sequence number.
	ErrFileFork = errors.New("two different issuer files have the same sequence number")

	// ErrFileOlder says that an issuer file has a lower sequence number than the
	// known one.
	ErrFileOlder = errors.New("issuer file is older than the known one")

	// ErrFileGap says that between the known issuer file and this one there are
	// others, which have to be added first.
	ErrFileGap = errors.New("issuer files are missing in between")
)

// File is an issuer file: who the issuer is, and which keys sign for it when.
// As a text:
//
//	gradseal issuer v1
//	issuer ID                              ValidID
//	name TEXT                              ValidTitle
//	sequence N                             1 to 2^53-1
//	set FROM UNTIL|- THRESHOLD             1 to 64 sets, oldest first
//	key BASE64 HOLDER                      1 to 16 keys below each set
//
// FROM and UNTIL are times in the form 2006-01-02T15:04:05Z of the years 2009 to
// 9999, FROM before UNTIL; only the last set may be open ('-'); a set starts
// strictly later than the one before, and not before that one's UNTIL. THRESHOLD
// is 1 to the number of keys of the set. BASE64 is what ParsePublicKey reads,
// HOLDER is ValidHolder. A key stands in a set once, but may stand in several;
// no two different keys of a file have the same key id under the issuer's id.
type File struct {
	ID       string
	Name     string
	Sequence uint64
	Sets     []KeySet // oldest first
}

// KeySet is the keys of an issuer for a time, and how many of them must sign.
type KeySet struct {
	From      time.Time
	Until     time.Time // zero: open
	Threshold int
	Keys      []Key
}

// Key is one public key of a set.
type Key struct {
	Public PublicKey
	Holder string // who holds it: a person, an office, a device
}

// ParseFile reads a signed issuer file of at most MaxFile bytes, and checks that
// every key of its newest set signed it under the name of the issuer's id. A
// wrong signature by any key of the file is an error; signatures under other
// names and by other keys are passed over.
//
// A file that parsed is signed by itself and by nobody else: it is to be
// believed only when its Fingerprint is the expected one, or after
// CheckSuccessor of a file that is.
func ParseFile(data []byte) (*File, error) {
	s, err := parseSigned(data)
	if err != nil {
		return nil, err
	}
	return s.file, nil
}

// signedFile is an issuer file that all keys of its newest set signed.
type signedFile struct {
	file   *File
	text   string
	signed keySetOf // the distinct keys of the file that signed it
}

func parseSigned(data []byte) (*signedFile, error) {
	n, err := ParseNote(data, MaxFile)
	if err != nil {
		return nil, fmt.Errorf("issuer file: %w", err)
	}
	f, err := parseFile(n.Text)
	if err != nil {
		return nil, fmt.Errorf("malformed issuer file: %w", err)
	}
	signed, err := f.signedBy(n)
	if err != nil {
		return nil, fmt.Errorf("issuer file: %w", err)
	}
	newest := f.newest()
	if got := signed.of(newest); len(got) < len(newest.Keys) {
		return nil, fmt.Errorf("invalid issuer file: signed by %d of the %d keys of its newest set, want all", len(got), len(newest.Keys))
	}
	return &signedFile{f, n.Text, signed}, nil
}

func parseFile(text string) (*File, error) {
	r := &lineReader{rest: text}
	r.format("issuer")
	f := &File{
		ID:       r.value("issuer"),
		Name:     r.value("name"),
		Sequence: r.number("sequence", 1, MaxSequence),
	}
	for line, ok := r.optional("set"); ok; line, ok = r.optional("set") {
		set, err := parseSet(line)
		if err != nil {
			r.fail(fmt.Errorf("set: %w", err))
		}
		set.Keys = parseKeys(r)
		f.Sets = append(f.Sets, set)
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return f, compareText(f.Text, text)
}

func parseSet(line string) (KeySet, error) {
	fields := strings.Split(line, " ")
	if len(fields) != 3 {
		return KeySet{}, fmt.Errorf("malformed value %s, want a time, a time or -, and a threshold", quote(line))
	}
	from, err := parseTime(fields[0])
	if err != nil {
		return KeySet{}, fmt.Errorf("from: %w", err)
	}
	var until time.Time
	if fields[1] != "-" {
		if until, err = parseTime(fields[1]); err != nil {
			return KeySet{}, fmt.Errorf("until: %w, or -", err)
		}
	}
	threshold, err := parseNumber(fields[2], 1, MaxKeys)
	if err != nil {
		return KeySet{}, fmt.Errorf("threshold: %w", err)
	}
	return KeySet{From: from, Until: until, Threshold: int(threshold)}, nil
}

func parseKeys(r *lineReader) []Key {
	var keys []Key
	for line, ok := r.optional("key"); ok; line, ok = r.optional("key") {
		b64, holder, _ := strings.Cut(line, " ")
		k, err := decodePublicKey(b64) // Text checks the point
		if err != nil {
			r.fail(fmt.Errorf("key: %w", err))
		}
		keys = append(keys, Key{Public: k, Holder: holder})
	}
	return keys
}

// Text returns the text to sign. It fails where a rule of File is broken. Times
// must be in whole seconds.
func (f *File) Text() (string, error) {
	if err := f.check(); err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "gradseal issuer v1\nissuer %s\nname %s\nsequence %d\n", f.ID, f.Name, f.Sequence)
	for _, set := range f.Sets {
		fmt.Fprintf(&b, "set %s %s %d\n", formatTime(set.From), formatUntil(set.Until), set.Threshold)
		for _, k := range set.Keys {
			fmt.Fprintf(&b, "key %s %s\n", k.Public, k.Holder)
		}
	}
	return b.String(), nil
}

func formatUntil(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return formatTime(t)
}

func (f *File) check() error {
	if err := ValidID(f.ID); err != nil {
		return err
	}
	if err := validLabel("name", f.Name, maxTitle); err != nil {
		return err
	}
	if f.Sequence < 1 || f.Sequence > MaxSequence {
		return fmt.Errorf("sequence %d is out of range, want 1 to %d", f.Sequence, uint64(MaxSequence))
	}
	if len(f.Sets) < 1 || len(f.Sets) > MaxSets {
		return fmt.Errorf("issuer file has %d key sets, want 1 to %d", len(f.Sets), MaxSets)
	}
	for i, set := range f.Sets {
		if err := set.check(); err != nil {
			return fmt.Errorf("key set %d: %w", i+1, err)
		}
	}
	if err := f.checkOrder(); err != nil {
		return err
	}
	return f.checkKeyIDs()
}

func (s *KeySet) check() error {
	if err := checkTime("from", s.From); err != nil {
		return err
	}
	if !s.Until.IsZero() {
		if err := checkTime("until", s.Until); err != nil {
			return err
		}
		if !s.From.Before(s.Until) {
			return fmt.Errorf("from %s is not before until %s", formatTime(s.From), formatTime(s.Until))
		}
	}
	if len(s.Keys) < 1 || len(s.Keys) > MaxKeys {
		return fmt.Errorf("%d keys, want 1 to %d", len(s.Keys), MaxKeys)
	}
	if s.Threshold < 1 || s.Threshold > len(s.Keys) {
		return fmt.Errorf("threshold %d is out of range, want 1 to %d", s.Threshold, len(s.Keys))
	}
	return s.checkKeys()
}

func (s *KeySet) checkKeys() error {
	seen := make(keySetOf)
	for _, k := range s.Keys {
		if err := k.Public.check(); err != nil {
			return fmt.Errorf("public key %s: %w", k.Public, err)
		}
		if err := ValidHolder(k.Holder); err != nil {
			return err
		}
		if seen[k.Public] {
			return fmt.Errorf("public key %s stands in the set twice", k.Public)
		}
		seen[k.Public] = true
	}
	return nil
}

// checkOrder holds the sets against each other.
func (f *File) checkOrder() error {
	for i := 1; i < len(f.Sets); i++ {
		before, set := f.Sets[i-1], f.Sets[i]
		if !before.From.Before(set.From) {
			return fmt.Errorf("key set %d: from %s is not later than that of the set before", i+1, formatTime(set.From))
		}
		if before.Until.IsZero() {
			return fmt.Errorf("key set %d is open and not the last", i)
		}
		if set.From.Before(before.Until) {
			return fmt.Errorf("key set %d: from %s overlaps with the set before, until %s", i+1, formatTime(set.From), formatTime(before.Until))
		}
	}
	return nil
}

// checkKeyIDs refuses two keys that no signature line could tell apart.
func (f *File) checkKeyIDs() error {
	byID := make(map[uint32]PublicKey)
	for _, set := range f.Sets {
		for _, k := range set.Keys {
			id := k.Public.ID(f.ID)
			if other, ok := byID[id]; ok && other != k.Public {
				return fmt.Errorf("public keys %s and %s have the same key id %08x", other, k.Public, id)
			}
			byID[id] = k.Public
		}
	}
	return nil
}

func (f *File) newest() *KeySet {
	return &f.Sets[len(f.Sets)-1]
}

// CheckSuccessor returns nil if next, which ParseFile read from nextData, can
// take the place of f: of the same issuer, with the sequence number after f's,
// and signed by the threshold of f's newest set besides all keys of its own. It
// keeps every set of f as it is, but that f's newest set may end earlier than it
// did (an open one may end at all), and has at most one set more. The name may
// change. The same file again is no error.
//
// It returns an error that is ErrFileOlder for a lower sequence number, one that
// is ErrFileFork for a different text with the same, and one that is ErrFileGap
// for a sequence number with others between.
func (f *File) CheckSuccessor(next *File, nextData []byte) error {
	text, err := f.Text()
	if err != nil {
		return fmt.Errorf("known issuer file: %w", err)
	}
	source, err := next.source(nextData)
	if err != nil {
		return err
	}
	switch {
	case next.ID != f.ID:
		return fmt.Errorf("unexpected issuer file of %s, want %s", quote(next.ID), quote(f.ID))
	case next.Sequence < f.Sequence:
		return fmt.Errorf("%w: sequence %d, known %d", ErrFileOlder, next.Sequence, f.Sequence)
	case next.Sequence == f.Sequence && source.text != text:
		return fmt.Errorf("%w: %d, of %s", ErrFileFork, next.Sequence, quote(next.ID))
	case next.Sequence == f.Sequence:
		return nil
	case next.Sequence > f.Sequence+1:
		return fmt.Errorf("%w: sequence %d, known %d", ErrFileGap, next.Sequence, f.Sequence)
	}
	if err := f.checkHistory(next); err != nil {
		return err
	}
	before := f.newest()
	if got := source.signed.of(before); len(got) < before.Threshold {
		return fmt.Errorf("invalid issuer file: signed by %d of the %d required keys of the set before", len(got), before.Threshold)
	}
	return nil
}

// source reads the bytes that f is said to come from.
func (f *File) source(data []byte) (*signedFile, error) {
	text, err := f.Text()
	if err != nil {
		return nil, err
	}
	s, err := parseSigned(data)
	if err != nil {
		return nil, err
	}
	if s.text != text {
		return nil, errors.New("unexpected issuer file: it is not the one that these bytes hold")
	}
	return s, nil
}

// checkHistory compares the sets of f with those of its successor.
func (f *File) checkHistory(next *File) error {
	added := len(next.Sets) - len(f.Sets)
	if added < 0 || added > 1 {
		return fmt.Errorf("invalid issuer file: %d key sets, want %d or %d", len(next.Sets), len(f.Sets), len(f.Sets)+1)
	}
	last := len(f.Sets) - 1
	for i := range f.Sets {
		was, is := &f.Sets[i], &next.Sets[i]
		if !was.equalKeys(is) {
			return fmt.Errorf("invalid issuer file: key set %d is not the one of sequence %d", i+1, f.Sequence)
		}
		if i < last && !was.Until.Equal(is.Until) {
			return fmt.Errorf("invalid issuer file: key set %d ends at %s, was %s", i+1, formatUntil(is.Until), formatUntil(was.Until))
		}
	}
	was, is := f.Sets[last].Until, next.Sets[last].Until
	if !was.IsZero() && (is.IsZero() || is.After(was)) {
		return fmt.Errorf("invalid issuer file: key set %d ends at %s, later than %s", last+1, formatUntil(is), formatUntil(was))
	}
	return nil
}

// equalKeys compares everything but Until.
func (s *KeySet) equalKeys(o *KeySet) bool {
	return s.From.Equal(o.From) && s.Threshold == o.Threshold && slices.Equal(s.Keys, o.Keys)
}

// Fingerprint stands for the text of an issuer file: the first 160 bits of its
// SHA-256. To find another file with a given fingerprint takes 2^160 tries.
type Fingerprint [20]byte

// Fingerprint returns the fingerprint of the file's text, whoever signed it. It
// panics where Text fails, which it does not for a file that ParseFile returned.
func (f *File) Fingerprint() Fingerprint {
	text, err := f.Text()
	if err != nil {
		panic("issuer: fingerprint of a file without a text: " + err.Error())
	}
	sum := sha256.Sum256([]byte(text))
	return Fingerprint(sum[:len(Fingerprint{})])
}

// String returns ten groups of four lower-case hexadecimal digits with a space
// between.
func (p Fingerprint) String() string {
	digits := hex.EncodeToString(p[:])
	var groups []string
	for i := 0; i < len(digits); i += 4 {
		groups = append(groups, digits[i:i+4])
	}
	return strings.Join(groups, " ")
}

// ParseFingerprint reads a fingerprint that somebody typed: 40 hexadecimal
// digits in upper or lower case, with white space, colons and hyphens anywhere.
func ParseFingerprint(s string) (Fingerprint, error) {
	digits := strings.Map(func(r rune) rune {
		if r == ':' || r == '-' || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != len(Fingerprint{}) {
		return Fingerprint{}, fmt.Errorf("malformed fingerprint %s, want 40 hexadecimal digits", quote(s))
	}
	return Fingerprint(raw), nil
}

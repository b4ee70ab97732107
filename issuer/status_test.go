package issuer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
)

func TestStatusText(t *testing.T) {
	h := func(first byte) string {
		b := testHash(first)
		return hex.EncodeToString(b[:])
	}
	want := `gradseal status v1
issuer uni.example/registrar
network mainnet
sequence 7
asof 2025-11-22T09:00:00Z
next 2026-02-22T09:00:00Z
batch ` + h(1) + `
batch ` + h(2) + `
batch ` + h(4) + `
withdrawn ` + h(3) + ` 2025-02-28 superseded
withdrawn ` + h(5) + ` 2024-02-29 rescinded
withdrawn-batch ` + h(2) + ` 2025-11-22 key-compromise
`
	require.Equal(t, want, mustText(t, testStatus(t).Text))
}

// The value comes from another program: SHA-256 of 0x03 and the bytes 0 to 63.
func TestWithdrawalID(t *testing.T) {
	id := WithdrawalID(testHash(0), testHash(32))
	require.Equal(t, "a18e7e934c932badded438e56cf87a8b65fc7e5f481f81be2a25c47a111728e5", hex.EncodeToString(id[:]))
}

func TestStatusRoundTrip(t *testing.T) {
	change := map[string]func(l *StatusList){
		"all":                 func(*StatusList) {},
		"never":               func(l *StatusList) { l.Next = time.Time{} },
		"empty":               func(l *StatusList) { l.Batches, l.Withdrawn, l.WithdrawnBatches = nil, nil, nil },
		"no withdrawals":      func(l *StatusList) { l.Withdrawn, l.WithdrawnBatches = nil, nil },
		"only documents":      func(l *StatusList) { l.WithdrawnBatches = nil },
		"only batches":        func(l *StatusList) { l.Withdrawn = nil },
		"no batch":            func(l *StatusList) { l.Batches = nil },
		"unnamed batch":       func(l *StatusList) { l.WithdrawnBatches[0].ID = testHash(99) },
		"sequence 1":          func(l *StatusList) { l.Sequence = 1 },
		"greatest sequence":   func(l *StatusList) { l.Sequence = MaxSequence },
		"regtest":             func(l *StatusList) { l.Network = bitcoin.Regtest },
		"a second":            func(l *StatusList) { l.Next = l.AsOf.Add(time.Second) },
		"issued in error":     func(l *StatusList) { l.Withdrawn[0].Reason = ReasonIssuedInError },
		"reprint":             func(l *StatusList) { l.Withdrawn[0].Reason = ReasonReprint },
		"first day":           func(l *StatusList) { l.Withdrawn[0].Date = "2009-01-01" },
		"last day":            func(l *StatusList) { l.Withdrawn[0].Date = "9999-12-31" },
		"leap day of century": func(l *StatusList) { l.Withdrawn[0].Date = "2400-02-29" },
	}
	for name, f := range change {
		t.Run(name, func(t *testing.T) {
			l := testStatus(t)
			f(l)
			signed, err := SignNote(mustText(t, l.Text), MaxStatus, testSigners(t, 1, 2)...)
			require.NoError(t, err)
			got, n, err := ParseStatus(signed)
			require.NoError(t, err)
			require.Equal(t, l, got)
			require.Equal(t, signed, n.Marshal())
			requireSameNote(t, n, signed)
		})
	}
}

func TestStatusBad(t *testing.T) {
	text := mustText(t, testStatus(t).Text)
	rules := map[string]string{
		"issuer": "issuer id", "network": "unknown network", "sequence": "malformed number", "asof": "malformed time",
		"next": "malformed time", "batch": "malformed hash",
	}
	bad := brokenLines(text, rules, func(key string) bool {
		return key == "batch" || strings.HasPrefix(key, "withdrawn")
	})
	add := func(key, value, want string) {
		bad = append(bad, badText{key + " " + value, replaceLine(t, text, key, value), want})
	}
	for key, values := range map[string][]struct{ value, want string }{
		"issuer": badIDs, "batch": badHashes, "asof": badTimes, "next": badTimes, "network": badNetworks, "sequence": badSequences,
	} {
		for _, v := range values {
			add(key, v.value, v.want)
		}
	}
	add("next", "Never", "malformed time")
	add("next", "never ", "malformed time")
	add("next", "2025-11-22T09:00:00Z", "not later than asof")
	add("next", "2025-11-22T08:59:59Z", "not later than asof")
	add("next", "0001-01-01T00:00:00Z", "not in canonical form")

	id := hex.EncodeToString(slices.Concat(sliceOf(testHash(3))))
	for _, key := range []string{"withdrawn", "withdrawn-batch"} {
		for _, v := range []struct{ value, want string }{
			{id, "want a hash, a date and a reason"},
			{id + " 2025-02-28", "want a hash, a date and a reason"},
			{id + " superseded", "want a hash, a date and a reason"},
			{id + " superseded 2025-02-28", "malformed date"},
			{id + "  2025-02-28 superseded", "malformed date"},
			{id + " 2025-02-28  superseded", "unknown reason"},
			{id + " 2025-02-28 superseded ", "unknown reason"},
			{id + " 2025-02-28 superseded twice", "unknown reason"},
			{id + " 2025-02-28 Superseded", "unknown reason"},
			{id + " 2025-02-28 issued_in_error", "unknown reason"},
			{id + " 2025-02-28 other", "unknown reason"},
			{id + " 2025-02-28 ", "unknown reason"},
			{id + " 2025-02-29 superseded", "no day of the calendar"},
			{id + " 2100-02-29 superseded", "no day of the calendar"},
			{id + " 2025-02-30 superseded", "no day of the calendar"},
			{id + " 2025-04-31 superseded", "no day of the calendar"},
			{id + " 2025-06-31 superseded", "no day of the calendar"},
			{id + " 2025-12-32 superseded", "no day of the calendar"},
			{id + " 2025-01-00 superseded", "no day of the calendar"},
			{id + " 2025-00-01 superseded", "no day of the calendar"},
			{id + " 2025-13-01 superseded", "no day of the calendar"},
			{id + " 2008-12-31 superseded", "year 2008"},
			{id + " 0000-01-01 superseded", "year 0000"},
			{id + " 25-02-28 superseded", "malformed date"},
			{id + " 2025-2-28 superseded", "malformed date"},
			{id + " 2025/02/28 superseded", "malformed date"},
			{id + " 20250228 superseded", "malformed date"},
			{id + " 2025-02-2x superseded", "malformed date"},
			{id + " 2025-02-+1 superseded", "malformed date"},
			{id + " -025-02-01 superseded", "malformed date"},
			{id + " 2025-02-28T00:00:00Z superseded", "malformed date"},
			{strings.ToUpper(id) + " 2025-02-28 superseded", "malformed hash"},
			{id[1:] + " 2025-02-28 superseded", "malformed hash"},
			{id + "00 2025-02-28 superseded", "malformed hash"},
			{" " + id + " 2025-02-28 superseded", "malformed hash"},
		} {
			add(key, v.value, v.want)
		}
	}

	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	lines[len(lines)-1] += "\n"
	for i, line := range lines {
		want := "unexpected line"
		if i >= 6 {
			want = "not in ascending order"
		}
		bad = append(bad, badText{"doubled: " + line, strings.Join(slices.Insert(slices.Clone(lines), i, line), ""), want})
		if i+1 == len(lines) {
			continue
		}
		swapped := slices.Clone(lines)
		swapped[i], swapped[i+1] = lines[i+1], lines[i]
		switch keys := [2]string{lines[i][:9], lines[i+1][:9]}; {
		case i == 0:
			want = "malformed format line"
		case lines[i][:6] == "batch " && lines[i+1][:6] == "batch " || keys[0] == keys[1] && !strings.HasPrefix(lines[i+1], "withdrawn-"):
			want = "not in ascending order"
		default:
			want = "unexpected line"
		}
		bad = append(bad, badText{"swapped: " + line, strings.Join(swapped, ""), want})
	}
	bad = append(bad,
		badText{"a line more", text + "note x\n", "unexpected line"},
		badText{"a batch at the end", text + lines[6], "unexpected line"},
		badText{"a statement", mustText(t, testStatement(t).Text), "malformed format line"},
	)
	require.Greater(t, len(bad), 300)
	for _, b := range bad {
		t.Run(b.name, func(t *testing.T) {
			l, n, err := ParseStatus(signAny(t, b.text, 1))
			require.ErrorContains(t, err, "malformed")
			require.ErrorContains(t, err, b.want)
			require.NotErrorIs(t, err, ErrUnknownFormat)
			require.Less(t, len(err.Error()), 400, "an error must not repeat a file")
			require.Nil(t, l)
			require.Nil(t, n)
		})
	}
}

func sliceOf(h [32]byte) []byte { return h[:] }

func TestStatusTextRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(l *StatusList)
		want   string
	}{
		"no issuer":           {func(l *StatusList) { l.Issuer = "" }, "issuer id has 0 bytes"},
		"no network":          {func(l *StatusList) { l.Network = 0 }, "network 0"},
		"no sequence":         {func(l *StatusList) { l.Sequence = 0 }, "sequence 0"},
		"sequence too great":  {func(l *StatusList) { l.Sequence = MaxSequence + 1 }, "out of range"},
		"no asof":             {func(l *StatusList) { l.AsOf = time.Time{} }, "asof time has year 1"},
		"fraction":            {func(l *StatusList) { l.Next = l.Next.Add(1) }, "whole seconds"},
		"next is asof":        {func(l *StatusList) { l.Next = l.AsOf }, "not later than asof"},
		"batches unsorted":    {func(l *StatusList) { slices.Reverse(l.Batches) }, "not in ascending order"},
		"withdrawn unsorted":  {func(l *StatusList) { slices.Reverse(l.Withdrawn) }, "not in ascending order"},
		"batch withdrawn two": {func(l *StatusList) { l.WithdrawnBatches = append(l.WithdrawnBatches, l.WithdrawnBatches[0]) }, "not in ascending order"},
		"no date":             {func(l *StatusList) { l.Withdrawn[1].Date = "" }, "malformed date"},
		"no reason":           {func(l *StatusList) { l.WithdrawnBatches[0].Reason = "" }, "unknown reason"},
		"line in a reason":    {func(l *StatusList) { l.Withdrawn[0].Reason = "reprint\nbatch" }, "unknown reason"},
	} {
		t.Run(name, func(t *testing.T) {
			l := testStatus(t)
			test.change(l)
			text, err := l.Text()
			require.ErrorContains(t, err, test.want)
			require.Empty(t, text)
		})
	}
}

// The calendar of ValidDate is that of package time.
func TestValidDateAgreesWithTime(t *testing.T) {
	good := 0
	for _, year := range []int{2009, 2023, 2024, 2025, 2100, 2400, 9999} {
		for month := range 14 {
			for day := range 33 {
				s := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Format("2006") + "-" + two(month) + "-" + two(day)
				_, err := time.Parse(time.DateOnly, s)
				require.Equal(t, err == nil, ValidDate(s) == nil, s)
				if err == nil {
					good++
				}
			}
		}
	}
	require.Equal(t, 7*365+2, good)
}

func two(n int) string { return string([]byte{byte('0' + n/10), byte('0' + n%10)}) }

func TestReasons(t *testing.T) {
	require.Len(t, Reasons(), 5)
	for _, r := range Reasons() {
		require.NoError(t, ValidReason(r))
	}
	require.Error(t, ValidReason("lost"))
}

func TestStatusLookup(t *testing.T) {
	l := testStatus(t)
	for first := range byte(8) {
		h := testHash(first)
		require.Equal(t, slices.Contains([]byte{1, 2, 4}, first), l.HasBatch(h), "%d", first)
		w, ok := l.FindWithdrawn(h)
		require.Equal(t, first == 3 || first == 5, ok, "%d", first)
		if ok {
			require.Equal(t, h, w.ID)
		} else {
			require.Zero(t, w)
		}
		w, ok = l.FindWithdrawnBatch(h)
		require.Equal(t, first == 2, ok, "%d", first)
		require.Equal(t, ok, w.Reason == ReasonKeyCompromise)
	}
	var empty StatusList
	require.False(t, empty.HasBatch(testHash(1)))
}

// Added in any order, with repeats, a list is in its order and can be signed.
func TestStatusAdd(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	l := testStatus(t)
	l.Batches, l.Withdrawn, l.WithdrawnBatches = nil, nil, nil
	want := make(map[[32]byte]bool)
	for range 500 {
		var h [32]byte
		binary.BigEndian.PutUint32(h[:], random.Uint32N(300))
		l.AddBatch(h)
		require.Equal(t, !want[h], l.AddWithdrawn(Withdrawal{h, "2025-01-01", ReasonReprint}))
		require.Equal(t, !want[h], l.AddWithdrawnBatch(Withdrawal{h, "2025-01-01", ReasonReprint}))
		want[h] = true
	}
	require.Len(t, l.Batches, len(want))
	require.Len(t, l.Withdrawn, len(want))
	require.Len(t, l.WithdrawnBatches, len(want))
	for h := range want {
		require.True(t, l.HasBatch(h))
	}
	_ = mustText(t, l.Text)
	require.False(t, l.AddWithdrawn(Withdrawal{l.Withdrawn[0].ID, "2025-12-12", ReasonRescinded}))
	require.Equal(t, "2025-01-01", l.Withdrawn[0].Date)
}

func TestStatusCloneSharesNothing(t *testing.T) {
	l := testStatus(t)
	c := l.Clone()
	require.Equal(t, l, c)
	c.AddBatch(testHash(0))
	c.AddWithdrawn(Withdrawal{testHash(0), "2025-01-01", ReasonReprint})
	c.AddWithdrawnBatch(Withdrawal{testHash(0), "2025-01-01", ReasonReprint})
	c.Batches[1], c.Withdrawn[1].Date, c.WithdrawnBatches[1].Reason = testHash(9), "x", "y"
	require.Equal(t, testStatus(t), l)
}

func TestStatusCheckSuccessor(t *testing.T) {
	tests := map[string]struct {
		change func(l *StatusList)
		want   string // empty: no error
		is     error
	}{
		"the same again": {func(*StatusList) {}, "", nil},
		"next":           {func(l *StatusList) { l.Sequence++ }, "", nil},
		"with a gap":     {func(l *StatusList) { l.Sequence += 50 }, "", nil},
		"a batch more":   {func(l *StatusList) { l.Sequence++; l.AddBatch(testHash(3)) }, "", nil},
		"a withdrawal more": {func(l *StatusList) {
			l.Sequence++
			l.AddWithdrawn(Withdrawal{testHash(9), "2025-01-01", ReasonReprint})
		}, "", nil},
		"a reason corrected":     {func(l *StatusList) { l.Sequence++; l.Withdrawn[0].Reason = ReasonReprint }, "", nil},
		"closed":                 {func(l *StatusList) { l.Sequence++; l.Next = time.Time{} }, "", nil},
		"older":                  {func(l *StatusList) { l.Sequence-- }, "sequence 6, known 7", ErrStatusOlder},
		"older and different":    {func(l *StatusList) { l.Sequence--; l.Batches = nil }, "sequence 6, known 7", ErrStatusOlder},
		"fork by a batch":        {func(l *StatusList) { l.AddBatch(testHash(3)) }, "7, of", ErrStatusFork},
		"fork by a batch less":   {func(l *StatusList) { l.Batches = l.Batches[1:] }, "7, of", ErrStatusFork},
		"fork by asof":           {func(l *StatusList) { l.AsOf = l.AsOf.Add(-time.Second) }, "7, of", ErrStatusFork},
		"fork by never":          {func(l *StatusList) { l.Next = time.Time{} }, "7, of", ErrStatusFork},
		"fork by a date":         {func(l *StatusList) { l.Withdrawn[0].Date = "2025-03-01" }, "7, of", ErrStatusFork},
		"fork by a reason":       {func(l *StatusList) { l.WithdrawnBatches[0].Reason = ReasonReprint }, "7, of", ErrStatusFork},
		"first batch missing":    {func(l *StatusList) { l.Sequence++; l.Batches = l.Batches[1:] }, "batch 0102", nil},
		"last batch missing":     {func(l *StatusList) { l.Sequence++; l.Batches = l.Batches[:2] }, "batch 0405", nil},
		"a batch replaced":       {func(l *StatusList) { l.Sequence++; l.Batches[1] = testHash(3) }, "batch 0203", nil},
		"withdrawal missing":     {func(l *StatusList) { l.Sequence++; l.Withdrawn = l.Withdrawn[1:] }, "withdrawn 0304", nil},
		"all withdrawals gone":   {func(l *StatusList) { l.Sequence++; l.Withdrawn = nil }, "withdrawn 0304", nil},
		"withdrawn batch gone":   {func(l *StatusList) { l.Sequence++; l.WithdrawnBatches = nil }, "withdrawn-batch 0203", nil},
		"document made a batch":  {func(l *StatusList) { l.Sequence++; l.Withdrawn, l.WithdrawnBatches = l.WithdrawnBatches, l.Withdrawn }, "withdrawn 0304", nil},
		"another issuer":         {func(l *StatusList) { l.Sequence++; l.Issuer = "other" }, "unexpected status list of issuer", nil},
		"another network":        {func(l *StatusList) { l.Sequence++; l.Network = bitcoin.Regtest }, "unexpected status list for network regtest", nil},
		"invalid, same sequence": {func(l *StatusList) { l.Withdrawn[0].Date = "" }, "malformed date", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			next := testStatus(t)
			test.change(next)
			err := testStatus(t).CheckSuccessor(next)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
			for _, sentinel := range []error{ErrStatusFork, ErrStatusOlder} {
				require.Equal(t, sentinel == test.is, isErr(err, sentinel), "%v", err)
			}
		})
	}
	broken := testStatus(t)
	broken.Issuer = ""
	next := broken.Clone()
	require.ErrorContains(t, broken.CheckSuccessor(next), "known status list")
}

func TestStatusIsSignedByKeysInForceNow(t *testing.T) {
	f := testFile(t)
	signed, err := SignNote(mustText(t, testStatus(t).Text), MaxStatus, testSigners(t, 1, 2)...)
	require.NoError(t, err)
	_, n, err := ParseStatus(signed)
	require.NoError(t, err)
	_, err = f.CheckSignatures(n, date(t, "2025-11-22T09:00:00Z"))
	require.NoError(t, err)
	_, err = f.CheckSignatures(n, date(t, "2026-06-01T00:00:00Z"))
	require.ErrorIs(t, err, ErrNotInForce)
}

func TestStatusBitFlips(t *testing.T) {
	f := testFile(t)
	l := testStatus(t)
	signed, err := SignNote(mustText(t, l.Text), MaxStatus, testSigners(t, 1, 2)...)
	require.NoError(t, err)
	_, n, err := ParseStatus(signed)
	require.NoError(t, err)
	_, err = f.CheckSignatures(n, l.AsOf)
	require.NoError(t, err)

	flips(signed, func(at, bit int, flipped []byte) {
		_, n, err := ParseStatus(flipped)
		if err == nil {
			_, err = f.CheckSignatures(n, l.AsOf)
		}
		require.Error(t, err, "byte %d, bit %d", at, bit)
	})
}

func TestStatusIsCapped(t *testing.T) {
	text, err := fullStatus(t).Text()
	require.NoError(t, err)
	text += "batch " + strings.Repeat("f", 64) + "\n"
	_, err = SignNote(text, MaxStatus, testSigners(t, 1)...)
	require.ErrorContains(t, err, "want at most 16777216")
}

// fullStatus returns the longest list of batches that one signature fits under.
func fullStatus(t testing.TB) *StatusList {
	l := testStatus(t)
	l.Batches, l.Withdrawn, l.WithdrawnBatches = nil, nil, nil
	header := len(mustText(t, l.Text))
	const line = len("batch ") + 64 + 1
	const signature = 1 + len(sigPrefix) + len(testID) + 1 + 92 + 1
	l.Batches = make([][32]byte, (MaxStatus-header-signature)/line)
	for i := range l.Batches {
		binary.BigEndian.PutUint32(l.Batches[i][:], uint32(i))
	}
	return l
}

// fullWithdrawals returns a list of withdrawals that nearly fills 16 MiB.
func fullWithdrawals(t testing.TB) *StatusList {
	l := testStatus(t)
	l.Withdrawn = make([]Withdrawal, MaxStatus/102-10)
	for i := range l.Withdrawn {
		w := &l.Withdrawn[i]
		binary.BigEndian.PutUint32(w.ID[:], uint32(i))
		w.Date, w.Reason = "2025-11-22", ReasonIssuedInError
	}
	return l
}

func TestStatusOf16MiB(t *testing.T) {
	for name, l := range map[string]*StatusList{"batches": fullStatus(t), "withdrawals": fullWithdrawals(t)} {
		t.Run(name, func(t *testing.T) {
			signed, err := SignNote(mustText(t, l.Text), MaxStatus, testSigners(t, 1)...)
			require.NoError(t, err)
			require.Greater(t, len(signed), MaxStatus-2000)
			got, _, err := ParseStatus(signed)
			require.NoError(t, err)
			require.Equal(t, len(l.Batches), len(got.Batches))
			require.True(t, slices.Equal(l.Batches, got.Batches))
			require.True(t, slices.Equal(l.Withdrawn, got.Withdrawn))
		})
	}
}

func BenchmarkParseStatus(b *testing.B) {
	for name, l := range map[string]*StatusList{"batches": fullStatus(b), "withdrawals": fullWithdrawals(b)} {
		b.Run(name, func(b *testing.B) {
			signed, err := SignNote(mustText(b, l.Text), MaxStatus, testSigners(b, 1)...)
			require.NoError(b, err)
			b.SetBytes(int64(len(signed)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := ParseStatus(signed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCheckStatusSignatures(b *testing.B) {
	f, l := testFile(b), fullStatus(b)
	signed, err := SignNote(mustText(b, l.Text), MaxStatus, testSigners(b, 4)...)
	require.NoError(b, err)
	_, n, err := ParseStatus(signed)
	require.NoError(b, err)
	b.SetBytes(int64(len(signed)))
	now := date(b, "2026-06-01T00:00:00Z")
	for b.Loop() {
		if _, err := f.CheckSignatures(n, now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFindWithdrawn(b *testing.B) {
	l := fullWithdrawals(b)
	id := l.Withdrawn[len(l.Withdrawn)/3].ID
	for b.Loop() {
		if _, ok := l.FindWithdrawn(id); !ok {
			b.Fatal("not found")
		}
	}
}

// What is added at once is what is added one by one.
func TestStatusAddAll(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	at := func(n uint32, date string) (w Withdrawal) {
		binary.BigEndian.PutUint32(w.ID[:], n)
		w.Date, w.Reason = date, ReasonReprint
		return w
	}
	for range 50 {
		one := testStatus(t)
		one.Withdrawn = nil
		for range random.IntN(20) {
			one.AddWithdrawn(at(random.Uint32N(30), "2025-01-01"))
		}
		all := one.Clone()
		var many []Withdrawal
		for i := range random.IntN(40) {
			many = append(many, at(random.Uint32N(30), fmt.Sprintf("2025-02-%02d", 1+i%28)))
		}
		added := 0
		for _, w := range many {
			if one.AddWithdrawn(w) {
				added++
			}
		}
		require.Equal(t, added, all.AddAllWithdrawn(many))
		require.True(t, slices.Equal(one.Withdrawn, all.Withdrawn))
		_ = mustText(t, all.Text)
	}
}

// hundredThousand returns withdrawals with the longest line, in no order.
func hundredThousand() []Withdrawal {
	all := make([]Withdrawal, 100_000)
	for i := range all {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(i))
		all[i] = Withdrawal{WithdrawalID(testHash(1), sha256.Sum256(n[:])), "2025-11-22", ReasonIssuedInError}
	}
	return all
}

func TestHundredThousandWithdrawals(t *testing.T) {
	all := hundredThousand()
	l := testStatus(t)
	l.Withdrawn = nil
	require.Equal(t, len(all), l.AddAllWithdrawn(all))
	signed, err := SignNote(mustText(t, l.Text), MaxStatus, testSigners(t, 1)...)
	require.NoError(t, err)
	require.Less(t, len(signed), 12_000_000)
	t.Logf("%d bytes", len(signed))
	got, _, err := ParseStatus(signed)
	require.NoError(t, err)
	for _, w := range all {
		found, ok := got.FindWithdrawn(w.ID)
		require.True(t, ok && found == w)
	}
}

func BenchmarkAddAllWithdrawn(b *testing.B) {
	all := hundredThousand()
	b.ReportAllocs()
	for b.Loop() {
		var l StatusList
		if l.AddAllWithdrawn(all) != len(all) {
			b.Fatal("not all were added")
		}
	}
}

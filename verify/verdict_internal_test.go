package verify

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// answer is what one check can say, as far as the verdict goes.
type answer struct {
	outcome Outcome
	reason  Reason
}

var (
	isOK      = answer{OK, ""}
	isFailed  = answer{Failed, BadHeader}
	isUnknown = answer{Unknown, NotInChain}
	isMissing = answer{Unknown, NoAttestation}
	isYoung   = answer{Unknown, TooFewConfirmations}
)

// expected is the rule of the six checks written down once more: sets and
// counts instead of a walk.
func expected(a [numChecks]answer, allowUnknownStatus bool) Verdict {
	evidence := map[Outcome]int{}
	waits, others := 0, 0
	for i, x := range a {
		if i != Status {
			evidence[x.outcome]++
		}
		required := i != Status || !allowUnknownStatus
		if x.outcome == Unknown && required {
			if x == isMissing || x == isYoung {
				waits++
			} else {
				others++
			}
		}
	}
	switch {
	case evidence[Failed] > 0:
		return Invalid
	case a[Status].outcome == Failed:
		return Withdrawn
	case others > 0:
		return CannotTell
	case waits > 0:
		return Pending
	}
	return Valid
}

// All combinations of answers: the anchor and the block can also wait.
func TestVerdict(t *testing.T) {
	usual := []answer{isOK, isFailed, isUnknown}
	options := [numChecks][]answer{usual, usual, usual, append(usual, isMissing), append(usual, isMissing, isYoung), usual}
	seen := map[Verdict]int{}
	var a [numChecks]answer
	var each func(i int)
	each = func(i int) {
		if i < numChecks {
			for _, x := range options[i] {
				a[i] = x
				each(i + 1)
			}
			return
		}
		for _, allow := range []bool{false, true} {
			r := newResult()
			for i, x := range a {
				r.set(i, x.outcome, x.reason, "as the table says")
			}
			v := &Verifier{policy: Policy{AllowUnknownStatus: allow}}
			r.Verdict = v.verdict(r)
			want := expected(a, allow)
			require.Equal(t, want, r.Verdict, "%v, unknown status allowed: %t", a, allow)
			requireFirst(t, r)
			seen[want]++
		}
	}
	each(0)
	require.Len(t, seen, 5)
	require.Equal(t, 2*3*3*3*4*5*3, seen[Valid]+seen[Pending]+seen[CannotTell]+seen[Withdrawn]+seen[Invalid])
	require.Equal(t, 3, seen[Valid], "all ok twice, and once with a status that need not be known")
}

// requireFirst checks that the check which First names alone would have given
// a verdict no better.
func requireFirst(t *testing.T, r *Result) {
	t.Helper()
	first := r.First()
	if r.Verdict == Valid {
		require.Nil(t, first)
		return
	}
	require.NotNil(t, first)
	alone := newResult()
	for i := range alone.Checks {
		alone.ok(i, "")
		if r.Checks[i].Name == first.Name {
			alone.Checks[i] = *first
		}
	}
	require.Equal(t, r.Verdict, new(Verifier).verdict(alone))
}

func TestZeroResultIsUnknown(t *testing.T) {
	require.Equal(t, CannotTell, new(Result).Verdict)
	require.Equal(t, CannotTell, new(Verifier).verdict(newResult()))
	require.Equal(t, CannotTell, new(Verifier).verdict(new(Result)))
	require.Equal(t, Unknown, new(Check).Outcome)
}

func TestVerdictNamesAndExits(t *testing.T) {
	for _, test := range []struct {
		verdict Verdict
		name    string
		exit    int
	}{
		{Valid, "valid", 0},
		{Invalid, "invalid", 3},
		{Pending, "pending", 4},
		{CannotTell, "cannot-tell", 5},
		{Withdrawn, "withdrawn", 6},
		{Verdict(200), "cannot-tell", 5},
	} {
		require.Equal(t, test.name, test.verdict.String())
		require.Equal(t, test.exit, test.verdict.Exit())
	}
	require.Equal(t, "ok failed unknown unknown", OK.String()+" "+Failed.String()+" "+Unknown.String()+" "+Outcome(9).String())
}

func TestWorse(t *testing.T) {
	order := []Verdict{Invalid, Withdrawn, CannotTell, Pending, Valid}
	for i, a := range order {
		for k, b := range order {
			require.Equal(t, i < k, a.Worse(b), "%s, %s", a, b)
		}
	}
	require.True(t, Verdict(200).Worse(Withdrawn), "what is no verdict is no good news")
}

func TestUnjudged(t *testing.T) {
	cause := errors.New("line 3")
	r := Malformed(cause)
	require.Equal(t, Invalid, r.Verdict)
	require.ErrorIs(t, r.Problem, cause)
	require.EqualError(t, r.Problem, "the proof is damaged, or not a proof: line 3")
	require.Nil(t, r.First())
}

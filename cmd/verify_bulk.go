package cmd

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"gradseal/bitcoin"
	"gradseal/evidence"
	"gradseal/verify"
	"gradseal/words"
)

// readAhead is how many documents may be judged before the first of them is
// reported: one that takes long holds up the reports, and not the work.
const readAhead = 256

// inOrder does work for 0 to n-1 on all processors, and takes the results in
// that order on one goroutine. No more than readAhead results are held. The
// first error of either ends both, and is returned.
func inOrder[T any](ctx context.Context, n int, work func(context.Context, int) (T, error), take func(int, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// At most readAhead indices are on their way, and they are handed out in
	// order: no two of them have the same slot.
	var slots [readAhead]chan T
	for i := range slots {
		slots[i] = make(chan T, 1)
	}
	ways := make(chan struct{}, readAhead)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			for {
				select {
				case ways <- struct{}{}:
				case <-ctx.Done():
					return
				}
				i := int(next.Add(1)) - 1
				if i >= n || ctx.Err() != nil {
					return
				}
				result, err := work(ctx, i)
				if err != nil {
					cancel(err)
					return
				}
				slots[i%readAhead] <- result
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		select {
		case result := <-slots[i%readAhead]:
			if err := take(i, result); err != nil {
				cancel(err)
			}
			<-ways
		case <-ctx.Done():
		}
	}
	err := context.Cause(ctx)
	cancel(nil) // for those who wait for a way
	wg.Wait()
	return err
}

// maxSized is up to how many documents are asked for their sizes before they
// are read, for a progress in bytes. Of more, the documents are counted: to ask
// so many takes as long as to read small ones.
const maxSized = 1000

// startChecking is the progress of reading documents.
func (a *app) startChecking(paths []string) *checking {
	if len(paths) > maxSized {
		return &checking{progress: a.ui.startProgress("Checking", int64(len(paths)), false)}
	}
	var total int64
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			total += info.Size()
		}
	}
	return &checking{progress: a.ui.startProgress("Checking", total, true), bytes: true}
}

// checking counts bytes or documents.
type checking struct {
	*progress
	bytes bool
}

// writer is for what is read of documents.
func (c *checking) writer(ctx context.Context) ctxWriter {
	if c.bytes {
		return ctxWriter{ctx, c.progress}
	}
	return ctxWriter{ctx, nil}
}

// done counts a document of which size bytes were not read, or that was judged.
func (c *checking) done(unread int64) {
	switch {
	case !c.bytes:
		c.add(1)
	case unread > 0:
		c.add(unread)
	}
}

// showsResults reports whether results go to a terminal, where a bar would stand
// in their way.
func (u *ui) showsResults() bool {
	out, ok := u.Out.(*results)
	return ok && isTerminal(out.Writer)
}

// hide takes the bar off the terminal until the next count, so that a line can
// be printed.
func (p *progress) hide() {
	if p.bar != nil {
		p.bar.Clear()
	}
}

// judgeOne verifies one document, one of several.
func judgeOne(v *verify.Verifier, find *evidence.Finder, path string, w ctxWriter, several bool) (judged, error) {
	e, err := findEvidence(find, path, w)
	switch {
	case err == nil:
		return judge(v, path, e), nil
	case w.ctx.Err() == nil && several:
		// One bad file must not keep an inbox from being judged.
		return judged{path: path, Result: verify.NotRead(err)}, nil
	}
	return judged{}, fmt.Errorf("nothing was judged: %w", err)
}

// judgeAll verifies the documents on all processors, and reports each as soon
// as it and all before it were judged.
func (a *app) judgeAll(ctx context.Context, v *verify.Verifier, find *evidence.Finder, paths []string, r *reporter) error {
	generous(len(paths))
	bar := a.startChecking(paths)
	defer bar.finish()
	if a.ui.showsResults() {
		r.before = bar.hide
	}
	if out, ok := a.ui.Out.(*results); ok {
		out.hold()
		defer out.release()
	}
	return inOrder(ctx, len(paths), func(ctx context.Context, i int) (judged, error) {
		return judgeOne(v, find, paths[i], bar.writer(ctx), len(paths) > 1)
	}, func(_ int, j judged) error {
		bar.done(0)
		return r.add(j)
	})
}

// reporter prints the verdict of each document. It holds what is to be said of
// all of them, and not the results.
type reporter struct {
	a        *app
	accepted bitcoin.Network
	file     *reportFile // of the one document; nil: none was asked for
	one      bool        // there is one document, which is reported in full
	before   func()      // is called before anything is printed
	others   map[verify.Digest]string
	held     []judged
	tally    tally
	advices  []*advised
	unsaid   int // documents with advices that were too many to keep
}

// advised is what to do about one document or several.
type advised struct {
	advice string
	first  string // path
	n      int
}

// newReporter is for n documents.
func (a *app) newReporter(accepted bitcoin.Network, n int) *reporter {
	return &reporter{a: a, accepted: accepted, one: n == 1, before: func() {}, others: make(map[verify.Digest]string)}
}

// maxHeld is how many documents wait for their report behind one with the proof
// of another document, which may yet turn out to be among those that follow.
const maxHeld = 1000

// maxAdvices is how many different things to do are told about many documents.
const maxAdvices = 12

// add reports a document, or holds it.
func (r *reporter) add(j judged) error {
	if j.digest != (verify.Digest{}) {
		r.others[j.digest] = j.path
	}
	r.tally.add(j.Verdict, j.party(), onTestNetwork(j.Result, r.accepted), 1)
	r.held = append(r.held, j)
	return r.release(maxHeld)
}

// release reports what need not be held, so that most are left.
func (r *reporter) release(most int) error {
	for len(r.held) > 0 && (len(r.held) > most || !r.waits(r.held[0])) {
		j := r.held[0]
		r.held[0] = judged{} // the slice keeps the place for a while
		r.held = r.held[1:]
		if err := r.print(j); err != nil {
			return err
		}
	}
	return nil
}

// waits reports whether a document that follows may be the one that the proof
// of this one is for.
func (r *reporter) waits(j judged) bool {
	return words.Reason(j.Result) == verify.DigestDiffers && r.others[j.claimed] == ""
}

func (r *reporter) print(j judged) error {
	if _, mixedUp := otherDocument(j, r.others); mixedUp {
		j.found = provenOnly(j.found)
	}
	if err := r.file.write(j, r.accepted); err != nil {
		return err
	}
	advice := r.a.advice(j, r.others)
	r.before()
	switch {
	case r.a.ui.json:
		return r.a.ui.object(newVerdictJSON(j, r.accepted, advice))
	case r.one:
		r.a.printReport(j, r.accepted, advice)
		return nil
	}
	r.a.printLine(j, r.accepted)
	if advice != "" {
		r.keep(advice, j.path)
	}
	return nil
}

// keep keeps what to do about a document for printAdvices.
func (r *reporter) keep(advice, path string) {
	for _, kept := range r.advices {
		if kept.advice == advice {
			kept.n++
			return
		}
	}
	if len(r.advices) == maxAdvices {
		r.unsaid++
		return
	}
	r.advices = append(r.advices, &advised{advice, path, 1})
}

// finish reports what is left and the summary, and returns the worst verdict as
// the exit code.
func (r *reporter) finish() error {
	if err := r.release(0); err != nil {
		return err
	}
	r.before()
	if !r.one && !r.a.ui.json {
		r.a.printSummary(&r.tally, false)
		r.printAdvices()
	}
	return r.tally.exit()
}

// printAdvices says once what to do about each kind of finding.
func (r *reporter) printAdvices() {
	if r.a.ui.quiet {
		return
	}
	for _, kept := range r.advices {
		about := shown(kept.first)
		if kept.n > 1 {
			about = fmt.Sprintf("%s, the first is %s", count(kept.n, "document"), about)
		}
		r.a.ui.result("What to do (%s): %s", about, kept.advice)
	}
	if r.unsaid > 0 {
		r.a.ui.result("What to do about %s more, each says for itself: gradseal verify FILE", count(r.unsaid, "document"))
	}
}

// reportVerdicts prints the verdict of every document and returns the worst as
// the exit code.
func (a *app) reportVerdicts(results []judged, accepted bitcoin.Network) error {
	r := a.newReporter(accepted, len(results))
	for _, j := range results {
		if err := r.add(j); err != nil {
			return err
		}
	}
	return r.finish()
}

// party is an issuer whose signature was found to be good; the zero party is
// nobody.
type party struct{ id, name string }

// party returns who issued the document, by the trust store.
func (j judged) party() party {
	if j.Issuer == nil || j.Checks[verify.Issuer].Outcome != verify.OK {
		return party{}
	}
	return party{j.Issuer.ID, j.Issuer.Name}
}

// tally counts documents by verdict and by issuer.
type tally struct {
	documents int
	test      int // of a test network
	verdicts  map[verify.Verdict]int
	parties   map[party]map[verify.Verdict]int
}

func (t *tally) add(v verify.Verdict, of party, test bool, n int) {
	if t.verdicts == nil {
		t.verdicts, t.parties = map[verify.Verdict]int{}, map[party]map[verify.Verdict]int{}
	}
	if t.parties[of] == nil {
		t.parties[of] = map[verify.Verdict]int{}
	}
	t.documents += n
	t.verdicts[v] += n
	t.parties[of][v] += n
	if test {
		t.test += n
	}
}

// exit returns the worst verdict as the exit code.
func (t *tally) exit() error {
	worst := verify.Valid
	for v := range t.verdicts {
		if v.Worse(worst) {
			worst = v
		}
	}
	if worst != verify.Valid {
		return verdictError{worst.Exit()}
	}
	return nil
}

// sorted are the issuers by id, and then what nobody is known to have issued.
func (t *tally) sorted() []party {
	all := make([]party, 0, len(t.parties))
	for p := range t.parties {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b party) int {
		return cmp.Or(cmp.Compare(btoi(a == party{}), btoi(b == party{})), strings.Compare(a.id, b.id), strings.Compare(a.name, b.name))
	})
	return all
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// verdicts are in the order in which they are counted.
var verdicts = []verify.Verdict{verify.Valid, verify.Invalid, verify.Withdrawn, verify.CannotTell, verify.Pending}

// verdictWord is a verdict as people read it.
func verdictWord(v verify.Verdict) string {
	return strings.ReplaceAll(strings.ToUpper(v.String()), "-", " ")
}

// countVerdicts prints "2 VALID, 1 INVALID".
func countVerdicts(counts map[verify.Verdict]int) string {
	var parts []string
	for _, v := range verdicts {
		if counts[v] > 0 {
			parts = append(parts, number(counts[v])+" "+verdictWord(v))
		}
	}
	return strings.Join(parts, ", ")
}

// printSummary counts the verdicts, and those of each issuer where there is more
// than one, or each is wanted.
func (a *app) printSummary(t *tally, each bool) {
	a.ui.result("%s: %s", count(t.documents, "document"), countVerdicts(t.verdicts))
	if len(t.parties) < 2 && !each || a.ui.quiet {
		return
	}
	for _, p := range t.sorted() {
		name := "issuer not proven"
		if p != (party{}) {
			name = quoted(p.name) + " (" + p.id + ")"
		}
		a.ui.result("  %s: %s", name, countVerdicts(t.parties[p]))
	}
}

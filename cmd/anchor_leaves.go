package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"gradseal/batch"
	"gradseal/batch/leaves"
	"gradseal/internal/regular"
)

// anchorLeaves makes one batch of shard files. It is run for documents that are on
// other machines.
func (r *anchorRun) anchorLeaves(ctx context.Context, paths []string) error {
	r.leafFiles = paths
	if r.dryRun { // the lock is a file
		_, plan, err := r.prepareLeaves(ctx, paths)
		if plan == nil {
			return err
		}
		return r.rehearsePlan(ctx, plan, err)
	}
	var err error
	if r.release, err = r.lock(ctx); err != nil {
		return err
	}
	defer func() { r.release() }()
	if err := r.runLeaves(ctx, paths); err != nil {
		return r.standing(remedied(err))
	}
	return r.unanswered()
}

func (r *anchorRun) runLeaves(ctx context.Context, paths []string) (err error) {
	shards, plan, err := r.prepareLeaves(ctx, paths)
	if err != nil {
		return err
	}
	if err := r.abandon(plan.Stale); err != nil {
		return err
	}
	if err := r.openIssuer(); err != nil {
		return err
	}
	files := shards.List()
	if plan.Fresh()+len(plan.Resume) > 0 || r.headersLost() {
		done, openErr := r.open(ctx, r.nodeOptions)
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, done()) }()
	}
	for _, b := range plan.Resume {
		r.ui.note("Going on with batch %s, %s, which was %s", b.ID, count(len(b.Documents), "document"), b.State())
		if err := b.SaveShardFiles(files); err != nil { // they may have been moved
			return err
		}
		if err := r.finish(ctx, b, nil); err != nil {
			return err
		}
	}
	if plan.Leaves > 0 {
		b, err := plan.CreateShards(r.home.batches())
		if err != nil {
			return err
		}
		r.batches = append(r.batches, b)
		if err := r.recordSteps(b, false); err != nil {
			return err
		}
		if err := r.finish(ctx, b, nil); err != nil {
			return err
		}
	}
	for _, b := range plan.Complete { // the end of one may have been killed before it was journalled
		if err := r.recordSteps(b, true); err != nil {
			return err
		}
		if err := b.SaveShardFiles(files); err != nil {
			return err
		}
		if err := r.writeAnswers(ctx, b); err != nil {
			return err
		}
	}
	if err := r.waitForAll(ctx); err != nil {
		return err
	}
	return r.report(plan, nil)
}

// prepareLeaves reads the shard files and decides what is to be done about them.
// It changes nothing.
func (r *anchorRun) prepareLeaves(ctx context.Context, paths []string) (*batch.Shards, *batch.Plan, error) {
	shards, err := batch.OpenShards(paths)
	if err != nil {
		return nil, nil, remediedShard(err)
	}
	r.warnOpenShards(paths...)
	frugal(shards.Count())
	if err := refuseAnswers(shards); err != nil {
		return nil, nil, err
	}
	if err := r.chooseIssuer(); err != nil {
		return nil, nil, err
	}
	if err := r.refuseOfficers(); err != nil {
		return nil, nil, err
	}
	if r.batches, err = r.home.batches().List(); err != nil {
		return nil, nil, err
	}
	plan, err := r.planLeaves(ctx, shards)
	if err != nil {
		return nil, nil, err
	}
	if plan.Leaves > 0 || slices.ContainsFunc(plan.Resume, isPlanned) { // of a batch that is signed, a warning says it
		for i := range shards.Files {
			f := &shards.Files[i]
			path := batch.AnswerPath(f.Path)
			err := batch.CheckAnswer(path, f.Count, f.Sum, r.head(), r.batches)
			if err == nil {
				err = batch.CheckAnswerFolder(path, !r.dryRun)
			}
			if err != nil {
				return nil, nil, hinted(err, "nothing was signed. The answer to %s will lie there", argument(filepath.Base(f.Path)))
			}
		}
	}
	if err := r.refuseClosed(plan); err != nil {
		return nil, nil, err
	}
	if err := r.refuseProposed(plan); err != nil {
		return nil, nil, err
	}
	return shards, plan, r.review(plan)
}

func isPlanned(b *batch.Batch) bool { return b.State() == batch.Planned }

// refuseAnswers refuses shard files whose answers would lie in one place.
func refuseAnswers(shards *batch.Shards) error {
	of := make(map[string]string, len(shards.Files))
	for i := range shards.Files {
		path := shards.Files[i].Path
		answer := batch.AnswerPath(path)
		if other, twice := of[answer]; twice {
			return hinted(fmt.Errorf("%s: would have its answer in the same place as %s, %s", path, other, answer), "nothing was signed. Give one of them another file name")
		}
		of[answer] = path
	}
	return nil
}

// planLeaves holds the rows against all batches, unless one was made of these very
// files, of all of their rows, and holds.
func (r *anchorRun) planLeaves(ctx context.Context, shards *batch.Shards) (*batch.Plan, error) {
	void, err := r.void()
	if err != nil {
		return nil, err
	}
	isVoid := func(b *batch.Batch) bool {
		return void != nil && slices.ContainsFunc(b.All(), func(i int) bool { return void(b, i) })
	}
	for _, b := range r.batches {
		if !r.reissue && b.Network == r.network && b.Issuer == r.issuer && shards.IsAllOf(b) && !isVoid(b) {
			return shards.PlanAgain(b), nil
		}
	}
	files := shards.List()
	r.ui.note("Reading %s (%s)", count(len(files), "shard file"), size(shards.Bytes))
	bar := r.ui.startProgress("Reading", shards.Bytes, true)
	err = shards.Read(ctx, bar.add)
	bar.finish()
	if err != nil {
		return nil, remediedShard(err)
	}
	plan, err := shards.Plan(r.batches, r.head(), batch.Options{Void: void, Reissue: r.reissue})
	if errors.Is(err, batch.ErrSalts) {
		return nil, hinted(err, "nothing was signed. Do not use the file: have the leaves command make it again, on another machine")
	}
	return plan, err
}

// remediedShard says what to do about a shard file that cannot be taken.
func remediedShard(err error) error {
	switch {
	case errors.Is(err, leaves.ErrIncomplete):
		return hinted(err, "nothing was signed. Run the worker's leaves command again: it goes on where it was stopped")
	case errors.Is(err, fs.ErrNotExist):
		return hinted(err, "shard files are made where the documents are: gradseal leaves PATH -o NAME%s", leaves.Suffix)
	case errors.Is(err, regular.ErrNotRegular), errors.Is(err, leaves.ErrNoShard):
		return hinted(err, "nothing was signed. Shard files are made where the documents are: gradseal leaves PATH -o NAME%s", leaves.Suffix)
	case errors.Is(err, batch.ErrShardTwice):
		return hinted(err, "nothing was signed. Name each shard file once")
	case errors.Is(err, leaves.ErrDamaged):
		return hinted(err, "nothing was signed. Bring the file from its worker again. Where it is the same there, move it away and run the worker's leaves command again")
	case errors.Is(err, fs.ErrPermission):
		return hinted(err, "nothing was signed. Shard files are readable by their owner only: anchor as the user who owns them, or change their owner (chown)")
	case errors.Is(err, context.Canceled):
		return err
	}
	return hinted(err, "nothing was signed")
}

// refuseOfficers refuses a batch that other officers would have to sign: what they
// sign by are the documents, which they would have to have.
func (r *anchorRun) refuseOfficers() error {
	if r.rehearsal {
		return nil
	}
	own, err := r.ownIssuer(r.issuer)
	if err != nil {
		return err
	}
	if set := own.InForce(r.now); set != nil && set.Threshold > 1 {
		return hinted(fmt.Errorf("%s asks for the signatures of %d officers, and they approve documents that they have before them, not shard files", r.issuer, set.Threshold),
			"anchor folders that the officers can read, too: gradseal anchor FOLDER")
	}
	return nil
}

// writeAnswers writes, beside each shard file of a batch, what the proofs of its
// documents are made with. That a file is not there is no error: somebody may have
// moved it, and the answer can be written later. One that cannot be answered does not
// keep the others from theirs; unanswered says so in the end.
func (c *carrier) writeAnswers(ctx context.Context, b *batch.Batch) error {
	if !b.IsFinal() {
		return nil
	}
	bar := c.ui.startProgress("Writing answers", int64(len(b.ShardFiles)), false)
	defer bar.finish()
	for _, file := range b.ShardFiles {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := file.Path
		shard, err := leaves.Open(path)
		if err == nil && shard.Sum != file.Sum {
			err = fmt.Errorf("%s: is not the shard file any more that the batch was made of, but another one: put the old one back", path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			c.ui.warn("%s is not where it was, and got no answer. Write it with: gradseal proofs %s --leaves FILE", shown(path), b.ID)
			continue
		}
		if err != nil {
			c.lacksAnswer("%s. It got no answer. Write it, of the file as it was, with: gradseal proofs %s --leaves FILE", safe(plainFileError(err)), b.ID)
			continue
		}
		wrote, err := b.WriteAnswer(shard, batch.AnswerPath(path), c.batches)
		switch {
		case errors.Is(err, batch.ErrNoneOfShard): // all of it is in an earlier batch
			continue
		case errors.Is(err, batch.ErrAnswerInTheWay): // nothing is lost, and the batch goes on
			c.ui.warn("%s. Write it with: gradseal proofs %s --leaves %s -o FILE", safe(err.Error()), b.ID, argument(path))
			continue
		case err != nil:
			c.lacksAnswer("%s. Write the answer with: gradseal proofs %s --leaves %s -o FILE", safe(plainFileError(err)), b.ID, argument(path))
			continue
		case wrote:
			c.answers = append(c.answers, batch.AnswerPath(path))
		}
		bar.add(1)
	}
	return nil
}

func (c *carrier) lacksAnswer(format string, args ...any) {
	c.ui.warn(format, args...)
	c.answerless++
}

// unanswered is the error of a run that went to its end, but for answers that it could
// not write.
func (c *carrier) unanswered() error {
	if c.answerless == 0 {
		return nil
	}
	return hinted(fmt.Errorf("%s got no answer", count(c.answerless, "shard file")), "the batch itself is as it should be. The warnings above say how each answer can be written")
}

// warnOpenShards warns of shard files that others can read.
func (a *app) warnOpenShards(paths ...string) {
	if runtime.GOOS == "windows" {
		return
	}
	var open []string
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
			open = append(open, path)
		}
	}
	if len(open) > 0 {
		a.ui.warn("others on this machine may read or change %s, and shard files hold the salts. Close it to them: chmod 600 %s", firstOf(open), arguments(open))
	}
}

// firstOf names the first of some files, and counts the others.
func firstOf(paths []string) string {
	if len(paths) == 1 {
		return shown(paths[0])
	}
	return fmt.Sprintf("%s and %s", shown(paths[0]), count(len(paths)-1, "more shard file"))
}

// reportAnswers says what the workers are to be given.
func (r *anchorRun) reportAnswers() {
	slices.Sort(r.answers)
	for _, path := range r.answers[:min(len(r.answers), alike)] {
		r.ui.result("Wrote %s", shown(path))
	}
	if more := len(r.answers) - alike; more > 0 {
		r.ui.result("and %s more answers, each beside its shard file", number(more))
	}
	if len(r.leafFiles) == 0 {
		return
	}
	file := filepath.Base(r.leafFiles[0])
	r.ui.note("Next: bring each answer to its worker. There: gradseal proofs --leaves %s --answer %s", argument(file), argument(filepath.Base(batch.AnswerPath(file))))
}

package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"gradseal/batch"
	"gradseal/batch/leaves"
	"gradseal/objects"
	"gradseal/proof"
	"gradseal/verify"
)

// shardOptions are the flags of proofs that are about shards.
type shardOptions struct {
	leaves    []string
	answer    string
	documents string
	replace   bool
	confirmed bool
	store     storeOptions
}

func (o *shardOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&o.leaves, "leaves", nil, "shard `file`, several times: with BATCH, write its answer; with --answer, its proofs")
	flags.StringVar(&o.answer, "answer", "", "`file` with the answer to the shard file")
	flags.StringVar(&o.documents, "documents", "", "`folder` with the documents of the shard, or s3://BUCKET/PREFIX (default: where they were)")
	flags.BoolVar(&o.replace, "replace", false, "with --answer, overwrite proofs that count nowhere, such as those of a rehearsal")
	flags.BoolVar(&o.confirmed, "replace-confirmed", false, "with --answer, overwrite also proofs with a block of a network that counts")
	o.store.addFlags(cmd)
	cmd.MarkFlagsMutuallyExclusive("leaves", "only")
}

// checkArgs wants one batch, or an answer instead of it.
func (o *shardOptions) checkArgs(cmd *cobra.Command, args []string) error {
	switch {
	case o.replace && o.answer == "":
		return errors.New("--replace goes with --answer")
	case o.confirmed && o.answer == "":
		return errors.New("--replace-confirmed goes with --answer")
	case o.answer == "" && !cmd.Flag("answer").Changed:
		return needOneBatch(cmd, args)
	case o.answer == "":
		return errors.New("--answer: no file is named") // such as by a variable that is not set
	case len(args) > 0:
		return fmt.Errorf("%s: with --answer no batch is named: the answer says which", safe(args[0]))
	case len(o.leaves) != 1:
		return hinted(errors.New("an answer is about one shard file"), "name it: --leaves SHARD%s", leaves.Suffix)
	}
	return nil
}

// answersJSON is what proofs BATCH --leaves wrote, under --json.
type answersJSON struct {
	Version int          `json:"version"`
	Batch   string       `json:"batch"`
	Network string       `json:"network"`
	Answers []answerJSON `json:"answers"`
}

type answerJSON struct {
	Leaves  string `json:"leaves"`
	Answer  string `json:"answer"`
	Written bool   `json:"written"`
}

// runAnswers writes the answers to shard files, from what this home keeps.
func (a *app) runAnswers(ctx context.Context, o proofsOptions, id string) error {
	if o.output != "" && len(o.shards.leaves) > 1 {
		return errors.New("-o names one answer, and several shard files are named")
	}
	if _, err := a.findBatch(id); err != nil { // before there is a lock, and so a home
		return err
	}
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	b, err := a.findBatch(id)
	if err != nil {
		return err
	}
	all, err := a.home.batches().List()
	if err != nil {
		return err
	}
	if !b.IsFinal() {
		return hinted(fmt.Errorf("batch %s is %s: there are no answers before its block is deep enough", b.ID, b.State()), "%s", strings.TrimPrefix(nextStep(b), "Next: "))
	}
	a.warnOpenShards(o.shards.leaves...)
	out := answersJSON{Version: jsonVersion, Batch: b.ID, Network: b.Network.String(), Answers: []answerJSON{}}
	for _, path := range o.shards.leaves {
		if err := ctx.Err(); err != nil {
			return err
		}
		shard, err := leaves.Open(path)
		if err != nil {
			return err
		}
		to := o.output
		if to == "" {
			to = batch.AnswerPath(path)
		}
		wrote, err := b.WriteAnswer(shard, to, all)
		if err != nil {
			return err
		}
		out.Answers = append(out.Answers, answerJSON{path, to, wrote})
		switch {
		case a.ui.json:
		case wrote:
			a.ui.result("Wrote %s", shown(to))
		default:
			a.ui.result("%s had been there already, byte for byte", shown(to))
		}
	}
	if a.ui.json {
		return a.ui.object(out)
	}
	a.ui.note("Next: bring each answer to its worker. There: gradseal proofs --leaves FILE --answer FILE")
	return nil
}

// shardProofsJSON is what a worker wrote, under --json.
type shardProofsJSON struct {
	Version   int           `json:"version"`
	Batch     string        `json:"batch"`
	Network   string        `json:"network"`
	Shard     string        `json:"shard"`
	Output    string        `json:"output"`
	Documents int           `json:"documents"`
	Written   int           `json:"written"`
	Unchanged int           `json:"unchanged"`
	Missing   int           `json:"missing"`
	Left      []refusalJSON `json:"left"`
}

// shardProofs is one run of proofs on a worker. It needs no home.
type shardProofs struct {
	*app
	proofsOptions
	shard   *leaves.File
	answer  *leaves.Answer
	batch   *batch.Batch // what of it is in the shard
	missing []string     // documents of the shard that are not in the batch
}

func (a *app) runShardProofs(ctx context.Context, o proofsOptions) error {
	r := &shardProofs{app: a, proofsOptions: o}
	var err error
	a.warnOpenShards(o.shards.leaves...)
	if r.shard, err = leaves.Open(o.shards.leaves[0]); err != nil {
		return err
	}
	frugal(len(r.shard.Rows))
	if r.answer, err = leaves.OpenAnswer(o.shards.answer, len(r.shard.Rows)); err != nil {
		return err
	}
	if r.batch, r.missing, err = batch.Answered(r.shard, r.answer); err != nil {
		return hinted(fmt.Errorf("%s: %w", o.shards.answer, err), "nothing was written. The answer is written again on the machine that anchored: gradseal proofs %s --leaves %s", r.answer.Batch, argument(o.shards.leaves[0]))
	}
	if o.shards.replace || o.shards.confirmed {
		r.batch.ReplaceOthers(o.shards.confirmed)
	}
	to := o.output
	if to == "" {
		to = r.source()
	}
	var done batch.Again
	if objects.IsURL(to) {
		done, err = r.writeObjects(ctx, to)
	} else {
		done, err = r.writeFiles(ctx, to)
	}
	if err != nil {
		return err
	}
	return r.report(to, done)
}

// source is where the documents are.
func (r *shardProofs) source() string {
	if r.shards.documents != "" {
		return r.shards.documents
	}
	return r.shard.Source
}

// writeFiles writes the proofs below a folder: beside the documents where it is
// theirs.
func (r *shardProofs) writeFiles(ctx context.Context, folder string) (batch.Again, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return batch.Again{}, err
	}
	var places []batch.Place
	var left []batch.Finding
	made := make(map[string]bool)
	for i := range r.batch.Documents {
		document := filepath.Join(folder, filepath.FromSlash(r.batch.Documents[i].Path))
		dir := filepath.Dir(document)
		if r.output == "" {
			if info, err := os.Stat(document); err != nil || !info.Mode().IsRegular() {
				left = append(left, batch.Finding{Path: document, Text: goneDocument})
				continue
			}
		} else if !made[dir] {
			if err := os.MkdirAll(dir, 0o777); err != nil {
				return batch.Again{}, err
			}
			made[dir] = true
		}
		places = append(places, batch.Place{Index: i, Document: document})
	}
	done, err := r.app.writeAgain(ctx, r.batch, places)
	done.Left = append(left, done.Left...)
	return done, err
}

// writeObjects writes the proofs below a folder of an object store.
func (r *shardProofs) writeObjects(ctx context.Context, to string) (batch.Again, error) {
	folder, err := r.shards.store.open(to)
	if err != nil {
		return batch.Again{}, err
	}
	r.warnPlain(r.shards.store.endpoint)
	v, err := verify.New(verify.Trust{}, verify.Policy{Network: r.batch.Network, Confirmations: 1, Now: time.Now()})
	if err != nil {
		return batch.Again{}, err
	}
	bar := r.ui.startProgress("Writing proofs", int64(len(r.batch.Documents)), false)
	defer bar.finish()
	var mu sync.Mutex
	var done batch.Again
	err = batch.Each(ctx, len(r.batch.Documents), r.shards.store.requests, func() func(int) error {
		return func(i int) error {
			data, err := r.batch.Proof(i)
			if err != nil {
				return err
			}
			if err := judgeAgain(v, r.batch, i, data); err != nil {
				return err
			}
			wrote, fault, err := r.writeObject(ctx, folder, r.batch.Documents[i].Path+proof.Suffix, data)
			if err != nil {
				return err
			}
			bar.add(1)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case fault != "":
				done.Left = append(done.Left, batch.Finding{Path: to + "/" + r.batch.Documents[i].Path, Text: fault})
			case wrote:
				done.Written++
			default:
				done.Unchanged++
			}
			return nil
		}
	})
	return done, err
}

// writeObject puts a proof where nothing is, or an older proof of the same batch.
func (r *shardProofs) writeObject(ctx context.Context, folder *objects.Folder, name string, data []byte) (wrote bool, fault string, err error) {
	have, err := folder.ReadSmall(ctx, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return false, "", err
	case bytes.Equal(have, data):
		return false, "", nil
	default:
		if fault := r.batch.KeepsOther(have, data); fault != "" {
			return false, fault, nil
		}
	}
	return true, "", folder.Write(ctx, name, data)
}

func (r *shardProofs) report(to string, done batch.Again) error {
	slices.SortFunc(done.Left, func(x, y batch.Finding) int { return strings.Compare(x.Path, y.Path) })
	b := r.batch
	if r.ui.json {
		out := shardProofsJSON{
			Version: jsonVersion, Batch: b.ID, Network: b.Network.String(), Shard: r.shard.Name, Output: to,
			Documents: len(b.Documents), Written: done.Written, Unchanged: done.Unchanged, Missing: len(r.missing), Left: newRefusalsJSON(done.Left),
		}
		if err := r.ui.object(out); err != nil {
			return err
		}
		return r.left(done)
	}
	if done.Written > 0 || done.Unchanged == 0 && len(done.Left) == 0 {
		r.ui.result("Wrote %s of batch %s to %s", count(done.Written, "proof"), b.ID, shown(to))
	}
	if done.Unchanged > 0 {
		r.ui.result("%s of batch %s had been there already, byte for byte", count(done.Unchanged, "proof"), b.ID)
	}
	if b.Network.IsTest() && done.Written+done.Unchanged > 0 {
		r.ui.result("%s", r.ui.paint(yellow, "TEST NETWORK – these proofs are for rehearsals: blocks of "+b.Network.String()+" prove nothing to others."))
	}
	if len(r.missing) > 0 {
		findings := make([]batch.Finding, len(r.missing))
		for i, name := range r.missing {
			findings[i] = batch.Finding{Path: name, Text: "was left out when the batch was made, or was issued in another one"}
		}
		r.ui.warn("%s of the shard are not in batch %s:%s", count(len(r.missing), "document"), b.ID, grouped(findings))
	}
	if len(done.Left) > 0 {
		r.ui.warn("%s got no proof:%s", count(len(done.Left), "document"), grouped(done.Left))
	}
	return r.left(done)
}

func (r *shardProofs) left(done batch.Again) error {
	if len(done.Left) == 0 {
		return nil
	}
	hint := "write them to a folder of their own with -o FOLDER, or say where the documents are now: --documents FOLDER"
	switch {
	case r.shards.replace && !r.shards.confirmed:
		hint += ". Where confirmed proofs are in the way, and verify shows that they are wrong: --replace-confirmed"
	case !r.shards.confirmed:
		hint += ". Where other proofs of the same documents are in the way, and this is the right answer: --replace"
	}
	return hinted(fmt.Errorf("%s of batch %s got no proof", count(len(done.Left), "document"), r.batch.ID), "%s", hint)
}

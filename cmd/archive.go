package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"gradseal/batch"
	"gradseal/proof"
	"gradseal/proof/proofzip"
	"gradseal/verify"
)

// archiveUsage is what --archive does in every command that has it.
const archiveUsage = "write all proofs into this one ZIP `file`, and none beside the documents"

// useArchive has the proofs of a batch go into the archive that was asked for. What
// is in the way there is found before anything is signed. Where an archive was asked
// for in an earlier run that cannot hold the proofs, they go beside the documents.
func (r *anchorRun) useArchive(b *batch.Batch) error {
	if r.archive == "" {
		return r.leaveArchive(b)
	}
	path, err := filepath.Abs(r.archive)
	if err != nil {
		return err
	}
	if err := checkArchive(b, path, nil); err != nil {
		return err
	}
	if b.State() == batch.Complete { // its proofs are written
		return nil
	}
	return b.SaveArchive(path)
}

// leaveArchive lets a batch whose archive can never be written be finished.
func (r *anchorRun) leaveArchive(b *batch.Batch) error {
	if b.Archive == "" || b.State() == batch.Complete {
		return nil
	}
	err := b.CheckArchivable(b.All())
	if err == nil {
		return nil
	}
	r.ui.warn("the proofs of batch %s go beside the documents, and not into %s, which cannot hold them: %s", b.ID, shown(b.Archive), safe(err.Error()))
	return b.DropArchive()
}

// refuseArchive refuses to archive again what is complete, which would do nothing.
func (r *anchorRun) refuseArchive(plan *batch.Plan) error {
	if r.archive == "" || plan.Fresh()+len(plan.Resume) > 0 {
		return nil
	}
	path, err := filepath.Abs(r.archive)
	if err != nil {
		return err
	}
	for _, b := range plan.Complete {
		if b.Archive != path {
			return hinted(fmt.Errorf("batch %s was anchored before, and its proofs are not in %s", b.ID, shown(path)),
				"run: gradseal proofs %s --archive %s", b.ID, argument(r.archive))
		}
	}
	return nil
}

// checkArchive refuses a path at which no archive of these documents of the batch, of
// all where indices is nil, can be written, and documents that no archive can hold.
func checkArchive(b *batch.Batch, path string, indices []int) error {
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return hinted(fmt.Errorf("%s: there is no folder for this archive", shown(path)), "make the folder, or name another file with --archive")
	}
	of := indices
	if of == nil {
		of = b.All()
	}
	if err := b.CheckArchivable(of); err != nil {
		return hinted(err, "write the proofs beside the documents: without --archive")
	}
	return b.CheckArchive(path, indices)
}

// restoreArchives writes the archives of complete batches that are not there any
// more, or not whole.
func (r *anchorRun) restoreArchives(ctx context.Context, complete []*batch.Batch) error {
	for _, b := range complete {
		if !b.ArchiveLost() {
			continue
		}
		n, err := r.writeArchive(ctx, b, b.Archive, nil)
		if err != nil {
			return err
		}
		r.proofs += n
	}
	return nil
}

// writeArchive writes the proofs of a batch as they are now into one archive, each
// judged before.
func (a *app) writeArchive(ctx context.Context, b *batch.Batch, path string, indices []int) (int, error) {
	v, err := verify.New(verify.Trust{}, verify.Policy{Network: b.Network, Confirmations: 1, Now: time.Now()})
	if err != nil {
		return 0, err
	}
	bar := a.ui.startProgress("Writing proofs", int64(len(b.Documents)), false)
	defer bar.finish()
	return b.WriteArchive(ctx, path, indices, func(i int, proofFile []byte) error {
		return judgeAgain(v, b, i, proofFile)
	}, func() { bar.add(1) })
}

// proofsToArchive is proofs with --archive.
func (a *app) proofsToArchive(ctx context.Context, b *batch.Batch, o proofsOptions, indices []int) (batch.Again, error) {
	path, err := filepath.Abs(o.archive)
	if err != nil {
		return batch.Again{}, err
	}
	if err := checkArchive(b, path, indices); err != nil {
		return batch.Again{}, err
	}
	n, err := a.writeArchive(ctx, b, path, indices)
	return batch.Again{Written: n}, err
}

// where says where anchor wrote proofs.
func (r *anchorRun) where() string {
	if path := r.archived(); path != "" {
		return "to " + shown(path)
	}
	return "NAME.pdf.proof.json beside each NAME.pdf"
}

// archived is the archive of the newest batch of this run that has one.
func (r *anchorRun) archived() string {
	for _, b := range slices.Backward(r.anchored) {
		if b.Archive != "" {
			return b.Archive
		}
	}
	return ""
}

// openProofArchive looks at the beginning of each proof in an archive, as
// openProofFolder does in a folder.
func (a *app) openProofArchive(ctx context.Context, path string) (_ *proofFolder, err error) {
	stamp := stampOf(path)
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	z, err := proofzip.NewReader(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shown(path), err)
	}
	bar := a.ui.startProgress("Looking through the proofs", int64(z.Len()), false)
	defer bar.finish()
	folder := &proofFolder{closer: f}
	folder.read = func(at foundProof) ([]byte, error) { return z.Read(at.entry) }
	err = inOrder(ctx, z.Len(), func(_ context.Context, i int) (foundProof, error) {
		found := foundProof{entry: i, path: z.Name(i), stamp: stamp + " " + strconv.FormatUint(uint64(z.Sum(i)), 16)}
		data, err := z.Read(i)
		if err != nil { // an archive is whole, or it was cut off or changed
			return found, fmt.Errorf("%s: %w", shown(path), err)
		}
		if len(data) >= proof.PeekSize {
			if d, ok := proof.Peek(data[:proof.PeekSize]); ok {
				found.digest = d
			}
		}
		return found, nil
	}, func(_ int, p foundProof) error {
		bar.add(1)
		folder.take(p)
		return nil
	})
	folder.sort()
	return folder, err
}

// isArchive reports whether what --proofs names is a file, and so an archive.
func isArchive(path string) (bool, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, hinted(fmt.Errorf("%s: there is no such folder or archive", shown(path)), "name the folder with the proofs, or the ZIP file that has them")
	case err != nil:
		return false, err
	}
	return !info.IsDir(), nil
}

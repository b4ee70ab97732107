package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gradseal/batch"
	"gradseal/evidence"
	"gradseal/proof"
	"gradseal/verify"
)

// isProofZip reports whether what was named is an archive of proofs, and not a
// document: a ZIP file with a proof beside it is one.
func isProofZip(path string) bool {
	if !strings.EqualFold(filepath.Ext(path), ".zip") {
		return false
	}
	_, err := os.Lstat(path + proof.Suffix)
	return err != nil
}

// openZip opens an archive of proofs until the audit ends.
func (r *auditor) openZip(ctx context.Context, path string) (*proofFolder, error) {
	folder, err := r.openProofArchive(ctx, path)
	if err != nil {
		return nil, err
	}
	r.zips = append(r.zips, folder)
	return folder, nil
}

func (r *auditor) closeZips() {
	for _, z := range r.zips {
		z.close()
	}
}

// openNamedZips opens the archives of proofs that were named.
func (r *auditor) openNamedZips(ctx context.Context, paths []string) error {
	for _, path := range paths {
		folder, err := r.openZip(ctx, path)
		if err != nil {
			return err
		}
		if len(folder.proofs) == 0 {
			return hinted(fmt.Errorf("%s: holds no proofs, and none lies beside it", shown(path)), "name an archive of proofs, or the folder of the documents: gradseal audit DIR")
		}
		for _, at := range folder.proofs {
			r.zipped = append(r.zipped, auditItem{file: path + ": " + at.path, isProof: true, read: func() (*verify.Proof, error) {
				data, err := folder.read(at)
				if err != nil {
					return nil, err
				}
				p := verify.ReadProof(data)
				return &p, nil
			}})
		}
	}
	return nil
}

// openOwnZips opens the archives that the proofs of this home's batches were written
// to. What one that is not there or cannot be read had in it, is missing.
func (r *auditor) openOwnZips(ctx context.Context) error {
	if r.home == nil {
		return nil
	}
	r.ownZips = make(map[*batch.Batch]*proofFolder)
	for _, b := range r.home.batches {
		if b.Statement == nil || b.Archive == "" || b.Network != r.accepted {
			continue
		}
		folder, err := r.openZip(ctx, b.Archive)
		switch {
		case ctx.Err() != nil:
			return err
		case err == nil:
			r.ownZips[b] = folder
		case !errors.Is(err, fs.ErrNotExist):
			r.ui.warn("the archive with the proofs of batch %s cannot be read: %s", b.ID, safe(err.Error()))
		}
	}
	return nil
}

// findZipped finds proofs in every archive that is open.
func (r *auditor) findZipped(d verify.Digest) ([]*verify.Proof, error) {
	var all []*verify.Proof
	for _, z := range r.zips {
		found, err := z.find(d)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// finderFor finds the proof of an item: that of a document which was looked for where
// it was anchored in the archive of its own batch.
func (r *auditor) finderFor(x auditItem) *evidence.Finder {
	z := r.ownZips[x.batch]
	if x.batch == nil || z == nil {
		return r.find
	}
	find := *r.find
	find.Folder = z.find
	return &find
}

// noProofText says that there is no proof of a document.
func noProofText(d *audited) string {
	if !d.isArchived() {
		return "Its proof is missing"
	}
	return "Its proof is missing: neither beside it nor in the archive of its batch, " + shown(d.batch.Archive)
}

// isArchived reports whether the proof of a document belongs into the archive of its
// batch.
func (d *audited) isArchived() bool {
	if d.batch == nil || d.batch.Archive == "" || d.isProof {
		return false
	}
	_, err := os.Lstat(d.path + proof.Suffix)
	return err != nil
}

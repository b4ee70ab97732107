package batch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"gradseal/internal/atomicfile"
	"gradseal/proof"
	"gradseal/proof/proofzip"
)

// archiveAtOnce is how many proofs are made on all processors before they go into
// an archive one by one: some 3 MB of them.
const archiveAtOnce = 1024

// SaveArchive puts on disk, synced, that the proofs of the batch go into one
// archive, and where that is, as an absolute path.
func (b *Batch) SaveArchive(path string) error {
	if path == b.Archive {
		return nil
	}
	if !filepath.IsAbs(path) {
		return fmt.Errorf("%s: the path of an archive must be absolute", path)
	}
	if err := atomicfile.WriteFile(filepath.Join(b.dir, archiveFile), []byte(path), 0o600); err != nil {
		return err
	}
	b.Archive = path
	return nil
}

// loadArchive reads where the archive is.
func (b *Batch) loadArchive() error {
	path, err := optional(b.dir, archiveFile)
	if err == nil && path != nil && !filepath.IsAbs(string(path)) {
		err = fmt.Errorf("%s: is not the path of an archive", filepath.Join(b.dir, archiveFile))
	}
	b.Archive = string(path)
	return err
}

// DropArchive puts on disk, synced, that the proofs of the batch go beside its
// documents.
func (b *Batch) DropArchive() error {
	if b.Archive == "" {
		return nil
	}
	if err := os.Remove(filepath.Join(b.dir, archiveFile)); err != nil {
		return err
	}
	b.Archive = ""
	return atomicfile.SyncDir(b.dir)
}

// ArchiveLost reports whether the archive of the batch is not where it was, or has
// fewer proofs than it had.
func (b *Batch) ArchiveLost() bool {
	if b.Archive == "" {
		return false
	}
	has := make(map[int]bool)
	err := b.eachArchived(b.Archive, func(index int, _ []byte) error {
		has[index] = true
		return nil
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true
	case err != nil: // something else is there now, which stays
		return false
	}
	return slices.ContainsFunc(b.All(), func(i int) bool { return !has[i] })
}

// CheckArchivable returns an error where no archive can hold the proofs of the
// documents with the given leaf indices, by their number or by a name.
func (b *Batch) CheckArchivable(indices []int) error {
	_, err := b.archiveNames(indices)
	return err
}

// WriteArchive writes the proofs of the documents with the given leaf indices as one
// archive, those of all where indices is nil, as the batch's proofs are now. Each is
// named as its document, by its path below the innermost folder that all of them were
// in. check and done are as for WriteProofs. The archive is whole at any time, and
// synced; nothing is overwritten but what CheckArchive lets be. It returns how many
// proofs are in it.
func (b *Batch) WriteArchive(ctx context.Context, path string, indices []int, check func(index int, proofFile []byte) error, done func()) (int, error) {
	t, err := b.template()
	if err != nil {
		return 0, err
	}
	if indices == nil {
		indices = b.All()
	}
	names, err := b.archiveNames(indices)
	if err != nil {
		return 0, err
	}
	if err := b.CheckArchive(path, indices); err != nil {
		return 0, err
	}
	sweepFolder(filepath.Dir(path), b.temporary())
	fill := func(to io.Writer) error {
		w := proofzip.NewWriter(to, b.Created)
		all := make([][]byte, min(archiveAtOnce, len(indices)))
		for begin := 0; begin < len(indices); begin += len(all) {
			some := indices[begin:min(begin+len(all), len(indices))]
			err := each(ctx, len(some), func() func(int) error {
				return func(i int) (err error) {
					if all[i], err = b.appendProof(all[i][:0], t, some[i]); err == nil && check != nil {
						err = check(some[i], all[i])
					}
					return err
				}
			})
			if err != nil {
				return err
			}
			for i := range some {
				if err := w.Add(names[begin+i], all[i]); err != nil {
					return err
				}
				done()
			}
		}
		return w.Close()
	}
	return len(indices), atomicfile.CreateOver(path, fill, 0o644, b.temporary())
}

// All are the leaf indices of the documents that have proofs.
func (b *Batch) All() []int {
	all := make([]int, 0, len(b.Documents))
	for i := range b.Documents {
		if !b.Documents[i].Forgotten {
			all = append(all, i)
		}
	}
	return all
}

// archiveNames are the names of the proofs of documents in an archive. Those of
// shards are below folders with the names of these.
func (b *Batch) archiveNames(indices []int) ([]string, error) {
	names := make([]string, len(indices))
	common, begun := "", false
	for k, i := range indices {
		if d := &b.Documents[i]; d.IsElsewhere() {
			names[k] = d.Shard() + "/" + d.PathInShard() + proof.Suffix
			continue
		}
		dir := filepath.Dir(b.Documents[i].Path)
		if !begun {
			common, begun = dir, true
		}
		for !below(common, dir) {
			if parent := filepath.Dir(common); parent != common {
				common = parent
				continue
			}
			return nil, fmt.Errorf("%s: no folder holds it and the other documents, so that one archive cannot", b.Documents[i].Path)
		}
	}
	for k, i := range indices {
		if !b.Documents[i].IsElsewhere() {
			rel, err := filepath.Rel(common, b.Documents[i].Path)
			if err != nil {
				return nil, err
			}
			names[k] = filepath.ToSlash(rel) + proof.Suffix
		}
	}
	return names, proofzip.CheckNames(names)
}

// below reports whether dir is the folder or one in it. Both are clean.
func below(folder, dir string) bool {
	if len(dir) == len(folder) {
		return dir == folder
	}
	if folder != "" && os.IsPathSeparator(folder[len(folder)-1]) { // the root
		return len(dir) > len(folder) && dir[:len(folder)] == folder
	}
	return len(dir) > len(folder) && dir[:len(folder)] == folder && os.IsPathSeparator(dir[len(folder)])
}

// CheckArchive returns an error where there is something at path that an archive of
// the proofs with the given leaf indices, of all where indices is nil, must not
// replace: what is not an archive of proofs of this batch, or one that has evidence
// which the batch does not have now, or a proof that the new one would not have. The
// proof of a document that was forgotten may go.
func (b *Batch) CheckArchive(path string, indices []int) error {
	var keeps map[int]bool
	if indices != nil {
		keeps = make(map[int]bool, len(indices))
		for _, i := range indices {
			keeps[i] = true
		}
	}
	lost := 0
	err := b.eachArchived(path, func(index int, proofFile []byte) error {
		if b.hasMore(proofFile) {
			return fmt.Errorf("%s: has proofs with evidence that the batch does not have now: it was not overwritten; move it away, or name another file", path)
		}
		if keeps != nil && !keeps[index] && !b.Documents[index].Forgotten {
			lost++
		}
		return nil
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && lost > 0:
		return fmt.Errorf("%s: has %d other proofs of this batch, which would be lost: it was not overwritten; move it away, or name another file", path, lost)
	}
	return err
}

// eachArchived calls use with each proof in an archive, all of which must be proofs
// of this batch.
func (b *Batch) eachArchived(path string, use func(index int, proofFile []byte) error) error {
	f, err := openArchive(path)
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	inTheWay := fmt.Errorf("%s: is not an archive of proofs of this batch: it was not overwritten; move it away, or name another file", path)
	if err != nil {
		return inTheWay
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	a, err := proofzip.NewReader(f, info.Size())
	if err != nil || a.Len() == 0 {
		return inTheWay
	}
	var r proof.Reader
	for i := range a.Len() {
		data, err := a.Read(i)
		if err != nil {
			return inTheWay
		}
		p, err := r.Parse(data)
		if err != nil || !bytes.Equal(p.Layers[0].Signed, b.Statement) || p.Layers[0].Index >= uint64(len(b.Documents)) {
			return inTheWay
		}
		if err := use(int(p.Layers[0].Index), data); err != nil {
			return err
		}
	}
	return nil
}

// openArchive opens a file that is nothing but a file.
func openArchive(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	return os.Open(path)
}

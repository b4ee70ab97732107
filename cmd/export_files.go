package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"gradseal/internal/atomicfile"
	"gradseal/proof/ots"
)

// place decides which file each job writes, and refuses two that would write
// the same.
func (e *exporter) place() error {
	info, err := os.Stat(e.output)
	isDir := err == nil && info.IsDir() || strings.HasSuffix(e.output, "/") || strings.HasSuffix(e.output, string(filepath.Separator))
	one := len(e.jobs) == 1 && e.jobs[0].under == ""
	switch base := filepath.Base(e.output); {
	case e.output == "" || one || isDir:
	case err == nil:
		return hinted(fmt.Errorf("%s: is a file, and a folder is exported", e.output), "name a folder with -o")
	case filepath.Ext(base) != "" && filepath.Ext(base) != base: // a hidden folder's name begins with a dot
		return hinted(fmt.Errorf("%s: is the name of a file, and a folder is wanted", e.output), "name a folder with -o; to make one of this name: -o %s%c", argument(e.output), filepath.Separator)
	}
	owner := make(map[string]string)
	for _, j := range e.jobs {
		switch {
		case e.output == "":
			j.out = j.document() + e.suffix()
		case one && !isDir:
			j.out = e.output
		default:
			if j.out, err = j.below(e.output, e.suffix()); err != nil {
				return err
			}
		}
		if err := e.spareSources(j); err != nil {
			return err
		}
		key := j.out
		if runtime.GOOS == "windows" || runtime.GOOS == "darwin" { // names that differ in case only are one
			key = strings.ToLower(key)
		}
		if other, taken := owner[key]; taken {
			return hinted(fmt.Errorf("%s and %s would both be written to %s", other, j.proof, j.out), "export them one after the other, to different folders")
		}
		owner[key] = j.proof
	}
	return nil
}

// spareSources refuses to write a job over what it is made of. What is that does
// not depend on names: a link leads to it, too.
func (e *exporter) spareSources(j *exportJob) error {
	out, err := os.Stat(j.out)
	if err != nil {
		return nil
	}
	for _, source := range []string{j.proof, j.document(), j.named} {
		if info, err := os.Stat(source); err == nil && os.SameFile(out, info) {
			return hinted(fmt.Errorf("%s: is what is exported, and is not overwritten", j.out), "name another file with -o, such as %s", arguments([]string{j.document() + e.suffix()}))
		}
	}
	return nil
}

// below is where the job is written in dir: as it lies in the folder that was
// named.
func (j *exportJob) below(dir, suffix string) (string, error) {
	rel := filepath.Base(j.document())
	if j.under != "" {
		var err error
		if rel, err = filepath.Rel(j.under, j.document()); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, rel+suffix), nil
}

// write writes the files of all jobs, on all processors.
func (e *exporter) write(ctx context.Context) error {
	e.sweep()
	bar := e.ui.startProgress("Exporting", int64(len(e.jobs)), false)
	defer bar.finish()
	err := onAllProcessors(ctx, len(e.jobs), func(i int) error {
		defer bar.add(1)
		return e.export(ctx, e.jobs[i])
	})
	if err != nil && ctx.Err() == nil {
		return e.ended(err)
	}
	return err
}

// ended says of an error that ended the run, such as a full disk, how far that
// had come.
func (e *exporter) ended(err error) error {
	written := 0
	for _, j := range e.jobs {
		if j.written {
			written++
		}
	}
	return hinted(err, "written before that: %d of %s; once it is mended, run the same command again", written, count(len(e.jobs), "file"))
}

// export writes the file of a job. What is wrong with that proof or that place
// is the job's fault; an error ends the run.
func (e *exporter) export(ctx context.Context, j *exportJob) error {
	data, file, err := e.render(ctx, j)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		j.fault = err
		return nil
	}
	old, err := readOld(j.out)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		j.change = changeWritten
	case errors.Is(err, errOtherFile), errors.Is(err, errNotRegular):
		j.fault = err
		return nil
	case err != nil:
		return err
	case e.to == toOTS:
		data, j.change, j.fault = e.overOld(old, data, file)
	default:
		j.change, j.fault = overSteps(old, data)
	}
	switch {
	case j.fault != nil || j.change == changeUnchanged:
		return nil
	case j.change == changeMerged: // what only the old one says cannot be written again
		err = atomicfile.WriteFile(j.out, data, 0o644)
	default:
		err = writeExport(j.out, data)
	}
	j.written = err == nil
	return err
}

// errOtherFile says that something is in the place of a file to write.
var errOtherFile = errors.New("something else is in its place, which was not overwritten")

// errNotRegular says that what is in the place of a file to write is no file: a
// folder, a link, or a device such as /dev/null, which is not to be moved away.
var errNotRegular = errors.New("is not a regular file, and was not overwritten")

// readOld reads what lies where a file is to be written.
func readOld(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, errNotRegular
	case info.Size() > maxSteps:
		return nil, errOtherFile
	}
	return os.ReadFile(path)
}

// maxSteps is more than the steps of any proof have, in bytes.
const maxSteps = 16 << 20

// isCutOff reports whether old is what a power cut leaves of want, which is not
// synced: the beginning, with zero bytes after it, and no more bytes than want. A
// longer file of zeros is somebody else's.
func isCutOff(old, want []byte) bool {
	return len(old) <= len(want) && bytes.HasPrefix(want, bytes.TrimRight(old, "\x00"))
}

// errDiffers says that a timestamp of the same document is there, which says
// something else than the one to write.
var errDiffers = errors.New("another timestamp of the document is in its place, which was not overwritten")

// overOld says what to write in the place of an old file: nothing but a
// timestamp of the same document is ever replaced, and without --merge nothing
// that it says is lost.
func (e *exporter) overOld(old, data []byte, file *ots.File) ([]byte, exportChange, error) {
	if bytes.Equal(old, data) {
		return data, changeUnchanged, nil
	}
	if isCutOff(old, data) {
		return data, changeReplaced, nil
	}
	was, err := ots.ParseFile(old)
	if err != nil || was.Hash != file.Hash || !bytes.Equal(was.Digest, file.Digest) {
		return nil, "", errOtherFile
	}
	before := was.Timestamp.Canonical()
	was.Timestamp = ots.Merge(before, file.Timestamp)
	both, err := was.Marshal()
	if err != nil {
		return nil, "", err
	}
	was.Timestamp = before
	canonical, err := was.Marshal()
	switch {
	case err != nil:
		return nil, "", err
	case bytes.Equal(both, canonical):
		return old, changeUnchanged, nil
	case bytes.Equal(both, data):
		return data, changeReplaced, nil
	case !e.merge:
		return nil, "", errDiffers
	}
	return both, changeMerged, nil
}

// overSteps is overOld for the steps in JSON.
func overSteps(old, data []byte) (exportChange, error) {
	switch {
	case bytes.Equal(old, data):
		return changeUnchanged, nil
	case isCutOff(old, data):
		return changeReplaced, nil
	}
	return "", errOtherFile
}

// exportTemporary is the pattern of the temporary files among people's own.
const exportTemporary = ".gradseal-export-*"

// abandonedAfter is the age at which a temporary file is nobody's any more: no
// process has one for longer than it takes to write it.
const abandonedAfter = time.Hour

// sweep removes the temporary files that a killed process left where this one is
// to write. What cannot be removed only takes up room.
func (e *exporter) sweep() {
	seen := make(map[string]bool)
	for _, j := range e.jobs {
		dir := filepath.Dir(j.out)
		if seen[dir] {
			continue
		}
		seen[dir] = true
		sweepAbandoned(dir, exportTemporary)
	}
}

// sweepAbandoned removes the temporary files of a pattern from a folder that are
// nobody's any more.
func sweepAbandoned(dir, pattern string) {
	left, err := fs.Glob(os.DirFS(dir), pattern)
	if err != nil {
		return
	}
	for _, name := range left {
		path := filepath.Join(dir, name)
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > abandonedAfter {
			os.Remove(path)
		}
	}
}

// writeExport writes a file that can be written again, and makes its folder
// where that is missing.
func writeExport(path string, data []byte) error {
	err := atomicfile.WriteUnsynced(path, data, 0o644, exportTemporary)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return atomicfile.WriteUnsynced(path, data, 0o644, exportTemporary)
}

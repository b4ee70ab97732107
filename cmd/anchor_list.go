package cmd

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gradseal/batch"
	"gradseal/issuer"
)

// addStatusList makes a status list of the issuer's own a document of the batch:
// its proof shows as of which block it was there. It must be the newest one for
// the network, or have been anchored before.
func (r *anchorRun) addStatusList(scan *batch.Scan) error {
	if r.statusList == "" {
		return nil
	}
	f, err := r.readOwnList(r.statusList)
	if err != nil {
		return fmt.Errorf("--status-list: %w", err)
	}
	scan.Files = append(scan.Files, f)
	return nil
}

// readOwnList reads the list as a document.
func (r *anchorRun) readOwnList(path string) (batch.File, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return batch.File{}, err
	}
	before, err := os.Stat(path)
	if err != nil {
		return batch.File{}, err
	}
	data, err := readCapped(path, issuer.MaxStatus)
	if err != nil {
		return batch.File{}, err
	}
	list, note, err := issuer.ParseStatus(data)
	if err != nil {
		return batch.File{}, fmt.Errorf("%s: %w", path, err)
	}
	if list.Issuer != r.issuer || list.Network != r.network {
		return batch.File{}, fmt.Errorf("%s: is the list of %s for %s, and not that of %s for %s", path, list.Issuer, list.Network, r.issuer, r.network)
	}
	f := batch.File{
		Path: path, Name: filepath.Base(path), Row: -1,
		Size: int64(len(data)), ModTime: before.ModTime(), Digest: sha256.Sum256(data),
	}
	own, err := r.ownIssuer(r.issuer)
	if err != nil {
		return batch.File{}, err
	}
	if set := own.InForce(r.now); set != nil && set.Threshold > 1 {
		return batch.File{}, fmt.Errorf("%s asks for the signatures of %d officers, and approve takes PDFs only", r.issuer, set.Threshold)
	}
	newest, _, err := r.home.trust().Status(r.issuer, r.network)
	if err != nil {
		return batch.File{}, err
	}
	all, err := r.home.batches().List()
	switch {
	case err != nil:
		return batch.File{}, err
	case len(entriesOf(all, r.issuer, f.Digest)) > 0: // the batch itself made a newer one
		return f, nil
	case newest == nil || newest.Note.Text != note.Text:
		return batch.File{}, hinted(fmt.Errorf("%s: is not the newest list of this home", path), "it is written by: gradseal status renew --publish DIR")
	}
	if _, err := own.CheckSignatures(note, r.now); err != nil {
		return batch.File{}, errors.Join(fmt.Errorf("%s: is not signed as it must be", path), err)
	}
	return f, nil
}

package cmd

import (
	"errors"
	"io/fs"
	"time"

	"gradseal/backup"
	"gradseal/bitcoin"
	"gradseal/issuer"
)

// backupJSON is a backup under --json, of backup and of restore.
type backupJSON struct {
	Version   int                `json:"version"`
	File      string             `json:"file"`
	Home      *string            `json:"home"`
	Created   string             `json:"created"`
	Files     int                `json:"files"`
	Bytes     int64              `json:"bytes"`
	Issuers   []backupIssuerJSON `json:"issuers"`
	Lists     []backupListJSON   `json:"lists"`
	Batches   int                `json:"batches"`
	Documents int                `json:"documents"`
	Entries   uint64             `json:"entries"`
	Faults    []string           `json:"faults"`
	Left      []string           `json:"left"`
}

type backupIssuerJSON struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Fingerprint string `json:"fingerprint"`
	Keys        int    `json:"keys"`
}

type backupListJSON struct {
	Issuer   string `json:"issuer"`
	Network  string `json:"network"`
	Sequence uint64 `json:"sequence"`
	AsOf     string `json:"asof"`
	Held     bool   `json:"held"`
}

func newBackupJSON(file string, x *backup.Index) *backupJSON {
	return &backupJSON{
		Version: jsonVersion, File: file, Created: x.Created, Files: len(x.Files), Bytes: x.Bytes(),
		Issuers: []backupIssuerJSON{}, Lists: []backupListJSON{}, Faults: []string{}, Left: []string{},
	}
}

// takeStock loads everything that is in the home, and says what is there. What
// cannot be loaded is a fault, and no reason not to go on: a backup of a damaged
// home is better than none, and so is the home that comes from it.
func (a *app) takeStock(out *backupJSON) {
	fault := func(err error) {
		if err != nil {
			out.Faults = append(out.Faults, err.Error())
		}
	}
	fault(a.stockIssuers(out))
	fault(a.stockBatches(out))
	survey, err := a.journal().Survey()
	if err == nil {
		out.Entries = survey.Head.Number
	}
	fault(err)
	for _, n := range bitcoin.Networks() {
		chain, err := a.openHeaders(n)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = chain.Close()
		}
		fault(err)
	}
	_, err = a.home.sequences()
	fault(err)
}

// stockIssuers counts the issuers whose keys are here, and the newest lists of
// all that are trusted.
func (a *app) stockIssuers(out *backupJSON) error {
	own, err := a.ownIssuers()
	if err != nil {
		return err
	}
	for _, id := range own {
		f, err := a.ownIssuer(id)
		if err != nil {
			return err
		}
		keys, err := a.keysOf(id)
		if err != nil {
			return err
		}
		out.Issuers = append(out.Issuers, backupIssuerJSON{f.ID, f.Name, f.Fingerprint().String(), len(keys)})
	}
	trusted, err := a.home.trust().Issuers()
	if err != nil {
		return err
	}
	marks, err := a.home.sequences()
	if err != nil {
		return err
	}
	for _, e := range trusted {
		if err := a.stockLists(out, e.File, marks); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) stockLists(out *backupJSON, f *issuer.File, marks *sequences) error {
	for _, n := range bitcoin.Networks() {
		list, _, err := a.home.trust().Status(f.ID, n)
		if err != nil {
			return err
		}
		if list == nil {
			continue
		}
		_, held := marks.restored[sequenceKey{f.ID, n}]
		out.Lists = append(out.Lists, backupListJSON{f.ID, n.String(), list.Sequence, list.AsOf.Format(time.RFC3339), held})
	}
	return nil
}

// stockBatches loads the batches, and holds each that is signed against its
// statement.
func (a *app) stockBatches(out *backupJSON) error {
	list, err := a.home.batches().List()
	if err != nil {
		return err
	}
	out.Batches = len(list)
	for _, b := range list {
		out.Documents += len(b.Documents)
		if b.Statement == nil {
			continue
		}
		if _, err := b.Root(); err != nil {
			return err
		}
	}
	return nil
}

// showStock prints what is in a backup.
func (a *app) showStock(out *backupJSON) {
	for _, i := range out.Issuers {
		a.ui.result("  issuer   %s (%s), %s", quoted(i.Name), i.ID, count(i.Keys, "key"))
	}
	for _, l := range out.Lists {
		a.ui.result("  list     %d of %s for %s, as of %s", l.Sequence, l.Issuer, l.Network, l.AsOf)
	}
	a.ui.result("  batches  %s, of %s", number(out.Batches), count(out.Documents, "document"))
	a.ui.result("  journal  %s", count(out.Entries, "line"))
	for _, f := range out.Faults {
		a.ui.warn("something in it is not in order, and is kept as it is: %s", safe(f))
	}
}

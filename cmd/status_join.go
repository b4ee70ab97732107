package cmd

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/journal"
	"gradseal/trust"
)

type joinOptions struct {
	networkName    string
	issuer         string
	withdraw       []string
	yes            bool
	passphraseFile string
}

func (o *joinOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.networkName, "network", bitcoin.Regtest.String(), "`network` of the lists")
	setConfigKey(flags, "network", "anchor.network")
	flags.StringVar(&o.issuer, "issuer", "", "`id` of the issuer (needed where this home has several)")
	setConfigKey(flags, "issuer", "anchor.issuer")
	flags.StringArrayVar(&o.withdraw, "withdraw", nil, "withdraw the batch with this `root` too, as one of a stolen key; may be repeated")
	flags.BoolVarP(&o.yes, "yes", "y", false, "do not ask: what is in a list cannot be taken out again")
	flags.StringVar(&o.passphraseFile, "passphrase-file", "", "`file` with the passphrase of the signing key (default: ask)")
}

func (a *app) newStatusJoinCommand() *cobra.Command {
	var o joinOptions
	cmd := &cobra.Command{
		Use:   "join [FILE…]",
		Short: "End a fork: sign one status list that has the entries of two",
		Long: `Two different status lists with one number make every verifier that sees both
answer CANNOT TELL, for all documents of the institution. It happens where two
homes sign with the same keys, such as a home and a copy of it, or where a key was
stolen. This signs the list that ends it: with every batch and every withdrawal of
both, and a number above theirs.

Without FILE the lists are the two that this home has seen. With FILE, the lists
or packs of the other home are joined to the newest one here: needed where that
home went on to further numbers.

A list of keys that ended since, such as one that a thief made of yours, is not
taken in by anybody any more. Who has it already follows a list that joins it.

Find out first who signed the other list. A batch in it that the institution did
not make cannot be left out, or verifiers would refuse the joined list: withdraw it
in the same list with --withdraw ROOT. Let one home sign from then on.`,
		Example: `  gradseal status join --network mainnet
  gradseal status join other-home.pack --network mainnet
  gradseal status join --network mainnet --withdraw 5c6fa0…

Exit codes: 0 signed; 1 an error, and nothing was signed.`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runStatusJoin(cmd.Context(), args, o) },
	}
	o.addFlags(cmd)
	return cmd
}

// joinedJSON is a status list that joins others, under --json.
type joinedJSON struct {
	Version          int      `json:"version"`
	Issuer           string   `json:"issuer"`
	Network          string   `json:"network"`
	Sequence         uint64   `json:"sequence"`
	Joined           []uint64 `json:"joined"`
	Batches          []string `json:"batches"`
	Unknown          []string `json:"unknown"`
	Withdrawn        int      `json:"withdrawn"`
	WithdrawnBatches []string `json:"withdrawn_batches"`
}

// join is what one list lacks of others.
type join struct {
	*officer
	network bitcoin.Network
	newest  *trust.SignedList
	others  []*trust.SignedList
	theirs  [][32]byte         // of those, the ones that are not of this home
	stolen  [][32]byte         // batches that are withdrawn
	lacks   *issuer.StatusList // all entries of the others that the newest lacks
}

func (a *app) runStatusJoin(ctx context.Context, paths []string, o joinOptions) error {
	n, err := bitcoin.ParseNetwork(o.networkName)
	if err != nil {
		return err
	}
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	id, err := a.pickOwn(o.issuer)
	if err != nil {
		return err
	}
	officer, err := a.officer(id, o.passphraseFile, time.Now())
	if err != nil {
		return err
	}
	officer.joining = true
	j := &join{officer: officer, network: n}
	if err := j.read(paths); err != nil {
		return err
	}
	if err := j.compare(o.withdraw); err != nil {
		return err
	}
	if err := j.confirm(ctx, o.yes); err != nil {
		return err
	}
	return j.sign(ctx)
}

// read finds the lists that are to be joined.
func (j *join) read(paths []string) (err error) {
	if j.newest, err = j.officer.newest(j.network); err != nil {
		return err
	}
	if j.newest == nil {
		return hinted(fmt.Errorf("there is no status list of %s for %s here", j.file.ID, j.network), "take it in with: gradseal status import FILE")
	}
	fork, err := j.home.trust().Fork(j.file.ID, j.network)
	if err != nil {
		return err
	}
	if fork != nil {
		j.others = append(j.others, fork)
	}
	for _, path := range paths {
		if err := j.readFile(path); err != nil {
			return err
		}
	}
	if len(j.others) == 0 {
		return hinted(fmt.Errorf("there is one status list of %s for %s here, and nothing to join it with", j.file.ID, j.network), "name the list or the pack of the other home: gradseal status join FILE")
	}
	return nil
}

// readFile takes the lists of the issuer and network out of a file.
func (j *join) readFile(path string) error {
	lists, err := readLists(path)
	if err != nil {
		return err
	}
	found := false
	for _, data := range lists {
		list, note, err := issuer.ParseStatus(data)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if list.Issuer != j.file.ID || list.Network != j.network {
			continue
		}
		switch _, err := j.file.CheckSignatures(note, j.now); {
		case errors.Is(err, issuer.ErrNotInForce), errors.Is(err, issuer.ErrKeyTime):
			// Who took it in before the keys changed still has it, and follows no
			// list that lacks its entries.
			j.ui.warn("status list %d in %s is signed by keys that are not in force any more", list.Sequence, shown(path))
		case err != nil:
			return fmt.Errorf("%s: status list %d of %s: %w", path, list.Sequence, list.Issuer, err)
		}
		if err := list.CheckClock(j.now); err != nil {
			return hinted(fmt.Errorf("%s: %w", path, err), "nobody takes it in, so nothing is to be joined. Who signed it has the key: gradseal issuer close-key --help")
		}
		j.others, found = append(j.others, &trust.SignedList{StatusList: list, Note: note, Data: data}), true
	}
	if !found {
		return fmt.Errorf("%s: holds no status list of %s for %s", path, j.file.ID, j.network)
	}
	return nil
}

// compare finds out what the newest list lacks.
func (j *join) compare(withdraw []string) error {
	list, err := j.home.batches().List()
	if err != nil {
		return err
	}
	j.lacks = new(issuer.StatusList)
	apart := false // one of the lists does not follow from the other, or cannot be taken in
	for _, other := range j.others {
		_, ended := j.file.CheckSignatures(other.Note, j.now)
		follows := ended == nil && j.newest.CheckSuccessor(other.StatusList) == nil
		apart = apart || !follows && other.CheckSuccessor(j.newest.StatusList) != nil
		addEntries(j.lacks, other.StatusList)
	}
	if !apart {
		return hinted(errors.New("one of these lists follows from the other: there is nothing to join"), "take the newer one in with: gradseal status import FILE")
	}
	j.lacks.Batches = slices.DeleteFunc(j.lacks.Batches, j.newest.HasBatch)
	j.lacks.Withdrawn = slices.DeleteFunc(j.lacks.Withdrawn, func(w issuer.Withdrawal) bool { _, ok := j.newest.FindWithdrawn(w.ID); return ok })
	j.lacks.WithdrawnBatches = slices.DeleteFunc(j.lacks.WithdrawnBatches, func(w issuer.Withdrawal) bool { _, ok := j.newest.FindWithdrawnBatch(w.ID); return ok })
	for _, root := range j.lacks.Batches {
		if !hasRoot(list, root) {
			j.theirs = append(j.theirs, root)
		}
	}
	for _, text := range withdraw {
		root, err := parseRoot(text)
		if err != nil {
			return fmt.Errorf("--withdraw: %w", err)
		}
		if !j.newest.HasBatch(root) && !j.lacks.HasBatch(root) {
			return fmt.Errorf("--withdraw: batch %x is in none of these lists", root)
		}
		j.stolen = append(j.stolen, root)
	}
	return nil
}

func parseRoot(text string) (root [32]byte, err error) {
	data, err := hex.DecodeString(text)
	if err != nil || len(data) != len(root) {
		return root, fmt.Errorf("malformed batch root %s, want 64 hex digits", quoted(text))
	}
	return [32]byte(data), nil
}

func hasRoot(list []*batch.Batch, root [32]byte) bool {
	return slices.ContainsFunc(list, func(b *batch.Batch) bool {
		if b.Statement == nil {
			return false
		}
		have, err := b.Root()
		return err == nil && have == root
	})
}

// addEntries adds all entries of another list. What is withdrawn already keeps its
// date and reason.
func addEntries(l, other *issuer.StatusList) {
	for _, root := range other.Batches {
		l.AddBatch(root)
	}
	l.AddAllWithdrawn(other.Withdrawn)
	for _, w := range other.WithdrawnBatches {
		l.AddWithdrawnBatch(w)
	}
}

// confirm shows what comes into the register, and has a word typed.
func (j *join) confirm(ctx context.Context, yes bool) error {
	for _, other := range j.others {
		j.ui.note("Joining status list %d of %s with number %d, as of %s, of which this home did not have:", j.newest.Sequence, j.file.ID, other.Sequence, other.AsOf.Format(time.RFC3339))
	}
	j.ui.note("  %s, %s and %s withdrawn", count(len(j.lacks.Batches), "batch"), count(len(j.lacks.Withdrawn), "document"), count(len(j.lacks.WithdrawnBatches), "whole batch"))
	for _, root := range j.theirs {
		what := "was not made in this home: be sure who made it, or withdraw it with --withdraw"
		if slices.Contains(j.stolen, root) {
			what = "is withdrawn, as one of a stolen key"
		}
		j.ui.warn("batch %x %s", root, what)
	}
	if yes {
		return nil
	}
	typed, err := j.ui.ask(ctx, "What is in the list cannot be taken out again. Type join to sign it: ")
	if errors.Is(err, errNoTerminal) {
		return hinted(errors.New("nothing was signed: what is in a list cannot be taken out again, and there is no terminal to ask at"), "if it is meant, add --yes")
	}
	if err != nil {
		return err
	}
	if strings.TrimSpace(typed) != "join" {
		return errors.New("nothing was signed")
	}
	return nil
}

// sign signs the list that follows all of them.
func (j *join) sign(ctx context.Context) error {
	out := joinedJSON{
		Version: jsonVersion, Issuer: j.file.ID, Network: j.network.String(), Joined: []uint64{j.newest.Sequence},
		Batches: hexRoots(j.lacks.Batches), Unknown: hexRoots(j.theirs), Withdrawn: len(j.lacks.Withdrawn), WithdrawnBatches: []string{},
	}
	for _, other := range j.others {
		out.Joined = append(out.Joined, other.Sequence)
	}
	for _, w := range j.lacks.WithdrawnBatches {
		out.WithdrawnBatches = append(out.WithdrawnBatches, hex.EncodeToString(w.ID[:]))
	}
	reason := "joins " + strings.Trim(fmt.Sprint(out.Joined), "[]")
	next, err := j.changeList(ctx, j.network, journal.Entry{Act: journal.List, Reason: reason}, func(l *issuer.StatusList) error {
		for _, other := range j.others {
			l.Sequence = max(l.Sequence, other.Sequence+1)
		}
		addEntries(l, j.lacks)
		for _, root := range j.stolen {
			w := issuer.Withdrawal{ID: root, Date: j.now.UTC().Format(time.DateOnly), Reason: issuer.ReasonKeyCompromise}
			if l.AddWithdrawnBatch(w) {
				out.WithdrawnBatches = append(out.WithdrawnBatches, hex.EncodeToString(root[:]))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	out.Sequence = next.Sequence
	if j.ui.json {
		return j.ui.object(out)
	}
	j.ui.result("Signed status list %d of %s for %s, which joins lists %s", out.Sequence, out.Issuer, out.Network, listed(out.Joined))
	j.ui.note("Publish it now, and take it into every other home of the institution before that signs again: gradseal issuer pack -o FILE")
	return nil
}

func hexRoots(roots [][32]byte) []string {
	all := []string{}
	for _, root := range roots {
		all = append(all, hex.EncodeToString(root[:]))
	}
	return all
}

// listed prints 5 and 6, or 5, 6 and 7.
func listed(numbers []uint64) string {
	text := ""
	for i, n := range numbers {
		switch {
		case i == 0:
		case i == len(numbers)-1:
			text += " and "
		default:
			text += ", "
		}
		text += fmt.Sprint(n)
	}
	return text
}

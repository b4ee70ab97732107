package cmd

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
	"gradseal/internal/strictjson"
	"gradseal/issuer"
	"gradseal/journal"
	"gradseal/keys"
	"gradseal/keys/token"
)

// recoveryHolder is the holder of a recovery key in an issuer file.
const recoveryHolder = "Recovery key"

// keyChangeOptions are what "issuer rotate" and "issuer close-key" have in common.
type keyChangeOptions struct {
	issuer, name   string
	newKey         newKeyOptions
	officers       []string
	drop           []string
	threshold      int
	recovery       string
	signWith       []string
	passphraseFile string
	out            string
	startOver      bool
	closed         time.Time // since when the keys end; zero: now, in good order
}

func (o *keyChangeOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.issuer, "issuer", "", "`id` of the issuer (needed where this home has several)")
	flags.StringVar(&o.name, "name", "", "new `name` of the institution (default: as it is)")
	o.newKey.addFlags(cmd, "new-passphrase-file", "`file` with the passphrase of the new key (default: that of --passphrase-file, or ask)")
	flags.StringVar(&o.newKey.holder, "holder", "", "`name` of who holds the new key (default: who held the old one)")
	flags.StringArrayVar(&o.officers, "officer", nil, "public key `file` of another officer who is to sign from now on; once for each")
	flags.StringArrayVar(&o.drop, "drop", nil, "`key id`, of 8 hex digits, of a key that leaves the set; once for each")
	flags.IntVar(&o.threshold, "threshold", 0, "`number` of keys that must sign from now on (default: as it is)")
	flags.StringVar(&o.recovery, "recovery", "", "write a new recovery key to this `file`, to print and lock away")
	flags.StringArrayVar(&o.signWith, "sign-with", nil, "`file` with one more key of the set that ends, such as the recovery key")
	flags.StringVar(&o.passphraseFile, "passphrase-file", "", "`file` with the passphrase of the signing key of this home (default: ask)")
	flags.StringVar(&o.out, "request", "", "`file` for what other officers are asked to sign, where they are needed")
	flags.BoolVar(&o.startOver, "start-over", false, "drop what an interrupted change has begun, and begin again with another new key")
	setConfigKey(flags, "issuer", "anchor.issuer")
}

// keyChange is a change of an issuer's keys at work: the next issuer file, and
// then status lists by the new keys. It can be killed between any two steps: run
// again it goes on with the same new key, and never makes a second file.
type keyChange struct {
	*app
	keyChangeOptions
	file  *issuer.File // the newest one; nil while the issuer is being made
	begun *begunChange // what an interrupted one left, and what this one leaves
	past  bool         // the set ends in the past: its own keys may be lost
	now   time.Time
	at    time.Time // the end of the newest set, and the beginning of the next
	act   journal.Entry

	lost      []issuer.Key // leave the newest set
	replacing bool         // with a new key of this home
	holder    string       // of the new key
	with      []*keys.Key  // --sign-with

	newOwn   keys.Signer
	recovery *keys.Key
	signers  []issuer.Signer // each once
}

// begunChange is what is on disk of a change before its issuer file is signed. It
// holds no secret.
type begunChange struct {
	Format   string `json:"format"`
	Sequence uint64 `json:"sequence"` // of the issuer file that is to be
	File     string `json:"file"`     // base name of the new key of this home; empty: none yet
	Recovery string `json:"recovery"` // the new recovery key, public, base64; empty: none
}

const (
	begunFormat = "gradseal-key-change/1"
	maxBegun    = 4 << 10
)

func (a *app) readBegun(id string) (*begunChange, error) {
	path := a.home.keyChangeFile(id)
	data, err := readCapped(path, maxBegun)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	b := new(begunChange)
	if err := strictjson.Unmarshal(data, b); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if k, ok := parseKeyName(b.File); b.Format != begunFormat || b.File != "" && (!ok || k.issuer != id || !k.known) {
		return nil, fmt.Errorf("%s: is not what a change of keys leaves", path)
	}
	return b, nil
}

// saveBegun writes what is begun, synced.
func (c *keyChange) saveBegun() error {
	data, err := strictjson.Marshal(c.begun)
	if err != nil {
		return err
	}
	if err := atomicfile.MkdirAll(c.home.keyDir(), 0o700); err != nil {
		return err
	}
	return atomicfile.WriteFile(c.home.keyChangeFile(c.issuer), data, 0o600)
}

func (a *app) removeBegun(id string) error {
	err := os.Remove(a.home.keyChangeFile(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return atomicfile.SyncDir(a.home.keyDir())
}

// startKeyChange takes up a change of the keys of an issuer of this home. Where an
// earlier one had put its issuer file into force already, it does what is left of
// that, and finished is true. The caller holds the lock.
func (a *app) startKeyChange(ctx context.Context, o keyChangeOptions) (c *keyChange, finished bool, err error) {
	if o.issuer, err = a.pickOwn(o.issuer); err != nil {
		return nil, false, err
	}
	c = &keyChange{app: a, keyChangeOptions: o, now: time.Now()}
	if c.file, err = a.ownIssuer(o.issuer); err != nil {
		return nil, false, err
	}
	if err := a.refusePending(o.issuer); err != nil {
		return nil, false, err
	}
	begun, err := a.readBegun(o.issuer)
	switch {
	case err != nil && !o.startOver:
		return nil, false, hinted(err, "to drop what was begun, and begin again with another new key: --start-over")
	case begun != nil && begun.Sequence <= c.file.Sequence && !o.startOver:
		if c.isMade(begun) {
			return c, true, a.finishBegun(ctx, c.file, o.newKey.passphraseOr(o.passphraseFile))
		}
		a.ui.note("The change of keys that issuer file %d makes was interrupted, and its file is in force. Another one was asked for now: it does what is left of that, too.", c.file.Sequence)
		begun = nil
	}
	if err := a.mayChangeKeys(o.issuer); err != nil {
		return nil, false, err
	}
	switch {
	case begun != nil && !o.startOver:
		c.begun = begun
	default:
		c.begun = &begunChange{Format: begunFormat, Sequence: c.file.Sequence + 1}
	}
	return c, false, c.checkOptions(ctx)
}

// isMade reports whether the newest key set is what this command asks for: then it is
// the same command again, which goes on with what was interrupted.
func (c *keyChange) isMade(begun *begunChange) bool {
	set := c.newest()
	if c.threshold > 0 && c.threshold != set.Threshold || c.name != "" && c.name != c.file.Name || !c.closed.IsZero() && !c.closed.Equal(set.From) {
		return false
	}
	for _, text := range c.drop {
		if _, err := c.findKey(set, text); err == nil {
			return false
		}
	}
	for _, path := range c.officers {
		data, err := readCapped(path, keys.MaxPublic)
		if err != nil {
			return false
		}
		p, err := keys.ParsePublic(data)
		if err != nil || !slices.ContainsFunc(set.Keys, isKey(p.Key)) {
			return false
		}
	}
	return !c.keyRecovery() || begun.Recovery != ""
}

// refusePending refuses a change of keys while others are asked to sign something
// together with the keys so far.
func (a *app) refusePending(id string) error {
	pending, err := a.pendingProposals()
	if err != nil {
		return err
	}
	for _, p := range pending {
		if p.Issuer == id {
			return a.errPending(p)
		}
	}
	return nil
}

// finishBegun ends a change whose issuer file is in force, and says so.
func (a *app) finishBegun(ctx context.Context, f *issuer.File, passphraseFile string) error {
	a.ui.note("The change of keys that issuer file %d makes was begun before, and its file is in force.", f.Sequence)
	if err := tooFewOfficers(&f.Sets[len(f.Sets)-1]); err != nil {
		return hinted(fmt.Errorf("its keys can sign no status list: %w", err),
			"change the keys once more: gradseal issuer rotate --start-over --sign-with RECOVERY-KEY --threshold N, or with --officer FILE")
	}
	if err := a.renewLists(ctx, f, passphraseFile, nil); err != nil {
		return err
	}
	a.ui.note("It is complete now. To change the keys once more, run the command again.")
	return errors.Join(a.showChanged(f), a.removeBegun(f.ID))
}

func (c *keyChange) checkOptions(ctx context.Context) error {
	if err := c.newKey.check(); err != nil {
		return err
	}
	if c.name != "" {
		if err := issuer.ValidTitle(c.name); err != nil {
			return fmt.Errorf("--name: %w", err)
		}
	}
	if c.newKey.holder != "" {
		if err := issuer.ValidHolder(c.newKey.holder); err != nil {
			return fmt.Errorf("--holder: %w", err)
		}
	}
	if len(c.file.Sets) == issuer.MaxSets {
		return hinted(fmt.Errorf("the issuer file of %s has %d key sets, the most that one can have: the keys of this issuer cannot change any more", c.issuer, issuer.MaxSets),
			"make an issuer with another id, and have verifiers add it by its fingerprint; what this one issued stays as good as it is")
	}
	for _, path := range c.signWith {
		key, err := c.readKeyFile(ctx, path, shown(path), c.passphraseFile)
		if err != nil {
			return err
		}
		if key.Name() != c.issuer || !slices.ContainsFunc(c.newest().Keys, isKey(key.PublicKey())) {
			return hinted(fmt.Errorf("%s: holds a key that is not in the newest key set of %s", path, c.issuer), "look at: gradseal issuer show %s", c.issuer)
		}
		c.with = append(c.with, key)
	}
	return nil
}

func (c *keyChange) newest() *issuer.KeySet { return &c.file.Sets[len(c.file.Sets)-1] }

func isKey(public issuer.PublicKey) func(issuer.Key) bool {
	return func(k issuer.Key) bool { return k.Public == public }
}

// leaving reads --drop, and adds the keys of this home if they are to be replaced.
func (c *keyChange) leaving(replaceOwn bool) error {
	set := c.newest()
	for _, text := range c.drop {
		k, err := c.findKey(set, text)
		if err != nil {
			return fmt.Errorf("--drop: %w", err)
		}
		c.lost = append(c.lost, k)
	}
	own, err := c.keysOf(c.issuer)
	if err != nil {
		return err
	}
	for _, k := range own {
		key, ok := k.in(set.Keys)
		if !ok {
			continue
		}
		if replaceOwn && !slices.Contains(c.lost, key) {
			c.lost = append(c.lost, key)
		}
		if slices.Contains(c.lost, key) {
			c.replacing, c.holder = true, cmp.Or(c.holder, key.Holder)
		}
	}
	c.replacing = c.replacing || replaceOwn
	c.holder = cmp.Or(c.newKey.holder, c.holder, "Registrar")
	return nil
}

// findKey finds a key of the set by its key id, or by its base64.
func (c *keyChange) findKey(set *issuer.KeySet, text string) (issuer.Key, error) {
	for _, k := range set.Keys {
		if strings.EqualFold(text, keyID(c.issuer, k.Public)) || text == k.Public.String() {
			return k, nil
		}
	}
	return issuer.Key{}, hinted(fmt.Errorf("%s is no key id of the newest key set of %s", quoted(text), c.issuer), "gradseal issuer show %s lists them", c.issuer)
}

// keyID is the name of a key for people: 8 hex digits.
func keyID(id string, k issuer.PublicKey) string { return fmt.Sprintf("%08x", k.ID(id)) }

// kept are the keys of the newest set that stay: all but those that leave, and a
// recovery key that is not at hand, for it could not sign the file, as every key
// in it has to.
func (c *keyChange) kept() []issuer.Key {
	return slices.DeleteFunc(slices.Clone(c.newest().Keys), func(k issuer.Key) bool {
		return slices.Contains(c.lost, k) || k.Holder == recoveryHolder && (c.keyRecovery() || !c.holdsSecret(k))
	})
}

// keyRecovery reports whether a new recovery key takes the place of the old one.
func (c *keyChange) keyRecovery() bool { return c.keyChangeOptions.recovery != "" }

func (c *keyChange) holdsSecret(k issuer.Key) bool {
	return slices.ContainsFunc(c.with, func(s *keys.Key) bool { return s.PublicKey() == k.Public })
}

// readOfficers reads the public keys of other officers, and shows what to compare
// them by.
func (a *app) readOfficers(id string, paths []string) ([]issuer.Key, error) {
	var officers []issuer.Key
	for _, path := range paths {
		data, err := readCapped(path, keys.MaxPublic)
		if err != nil {
			return nil, err
		}
		p, err := keys.ParsePublic(data)
		if err != nil {
			return nil, hinted(fmt.Errorf("%s: %w", path, err), "it is what the officer makes with: gradseal issuer key --id %s", id)
		}
		if p.Issuer != id {
			return nil, fmt.Errorf("%s: is a key for %s, want %s", path, p.Issuer, id)
		}
		a.ui.note("%s: key of %s, fingerprint %s", shown(path), quoted(p.Holder), p.Fingerprint())
		officers = append(officers, issuer.Key{Public: p.Key, Holder: p.Holder})
	}
	if len(officers) > 0 {
		a.ui.note("Compare each fingerprint with the officer's own, by telephone: the file may have been exchanged on its way.")
	}
	return officers, nil
}

// newKeys are the new keys of this home, zero where there is none.
type newKeys struct{ own, recovery issuer.PublicKey }

func (c *keyChange) newKeys() (made newKeys) {
	if c.newOwn != nil {
		made.own = c.newOwn.PublicKey()
	}
	if c.recovery != nil {
		made.recovery = c.recovery.PublicKey()
	}
	return made
}

// standIns are keys of nobody in the place of those that are not made yet, with
// which an issuer file is checked before they are.
func standIns(id string) (newKeys, error) {
	own, err := keys.Generate(id)
	if err != nil {
		return newKeys{}, err
	}
	recovery, err := keys.Generate(id)
	if err != nil {
		return newKeys{}, err
	}
	return newKeys{own.PublicKey(), recovery.PublicKey()}, nil
}

// next is the issuer file that is to be.
func (c *keyChange) next(made newKeys, officers []issuer.Key) (*issuer.File, error) {
	var set issuer.KeySet
	set.From = c.at
	if c.replacing {
		set.Keys = append(set.Keys, issuer.Key{Public: made.own, Holder: c.holder})
	}
	set.Keys = append(append(set.Keys, c.kept()...), officers...)
	if c.keyRecovery() {
		set.Keys = append(set.Keys, issuer.Key{Public: made.recovery, Holder: recoveryHolder})
	}
	set.Threshold = cmp.Or(c.threshold, c.newest().Threshold)
	if err := tooFewOfficers(&set); err != nil {
		return nil, hinted(err, "%s", moreOfficers)
	}
	f := &issuer.File{ID: c.file.ID, Name: cmp.Or(c.name, c.file.Name), Sequence: c.file.Sequence + 1, Sets: slices.Clone(c.file.Sets)}
	last := &f.Sets[len(f.Sets)-1]
	if !c.at.After(last.From) {
		return nil, hinted(fmt.Errorf("the newest key set is in force from %s: it cannot end at %s", last.From.Format(time.RFC3339), c.at.Format(time.RFC3339)),
			"a time after that closes the newest keys; what older ones signed before they ended is withdrawn by its batch root: gradseal withdraw --batch ROOT --reason %s", issuer.ReasonKeyCompromise)
	}
	if last.Until.IsZero() || last.Until.After(c.at) {
		last.Until = c.at
	}
	f.Sets = append(f.Sets, set)
	text, err := f.Text()
	if err != nil {
		return nil, err
	}
	// Each signature line has less than 250 bytes.
	if len(text)+250*issuer.MaxSignatures > issuer.MaxFile {
		return nil, hinted(fmt.Errorf("the issuer file would have more than %s, the most that one can have: the keys of this issuer cannot change any more", size(issuer.MaxFile)),
			"make an issuer with another id, and have verifiers add it by its fingerprint; what this one issued stays as good as it is")
	}
	return f, nil
}

// moreOfficers says what to do about tooFewOfficers.
const moreOfficers = "give --threshold N, or add another officer's key with --officer FILE"

// tooFewOfficers says so where a key set could never sign a batch or a status list. A
// recovery key lies on paper, and signs issuer files only.
func tooFewOfficers(set *issuer.KeySet) error {
	officers, besides := 0, ""
	for _, k := range set.Keys {
		if k.Holder == recoveryHolder {
			besides = " besides the recovery key, which signs no batch and no status list"
		} else {
			officers++
		}
	}
	if set.Threshold >= 1 && set.Threshold <= officers {
		return nil
	}
	return fmt.Errorf("%s would have to sign, and there would be %s%s", count(set.Threshold, "key"), count(officers, "key"), besides)
}

// check finds every fault of the file that is to be, before any key is made.
func (c *keyChange) check(officers []issuer.Key) error {
	stand, err := standIns(c.issuer)
	if err != nil {
		return err
	}
	if _, err := c.next(stand, officers); err != nil {
		return err
	}
	if _, err := c.begunRecovery(); err != nil {
		return err
	}
	if !c.newKey.unsafe || !c.replacing {
		return nil
	}
	for _, n := range bitcoin.Networks() {
		list, _, err := c.home.trust().Status(c.issuer, n)
		if err != nil {
			return err
		}
		if list != nil && n != bitcoin.Regtest {
			return fmt.Errorf("--unsafe-no-passphrase: such a key signs for regtest only, and %s issues on %s", c.issuer, n)
		}
	}
	return nil
}

// openOld opens what signs for the set that ends: what was given with --sign-with,
// the keys of this home that stay, and of those that leave as many as are needed.
func (c *keyChange) openOld(ctx context.Context) error {
	set := c.newest()
	for _, key := range c.with {
		c.sign(key)
	}
	own, err := c.keysOf(c.issuer)
	if err != nil {
		return err
	}
	stays := func(k ownKey) bool { _, ok := k.in(c.kept()); return ok }
	slices.SortStableFunc(own, func(x, y ownKey) int {
		switch {
		case stays(x) == stays(y):
			return 0
		case stays(x):
			return -1
		}
		return 1
	})
	sure := c.sure()
	for _, k := range own {
		if !stays(k) && (c.signed(set.Keys) >= set.Threshold || c.past && sure >= set.Threshold) {
			break
		}
		s, err := c.openOwnKey(ctx, k, set.Keys, c.passphraseFile)
		if errors.Is(err, keys.ErrPassphrase) {
			err = hinted(err, "it is the one that was chosen when the key was made; that of the new key is given with --new-passphrase-file. If it is lost, close the key, and have another one of the set sign: gradseal issuer close-key --reason lost --sign-with RECOVERY-KEY")
		}
		if err != nil {
			return err
		}
		if s != nil {
			c.sign(s)
		}
	}
	if max(c.signed(set.Keys), sure) == 0 {
		return errNoKeyInForce(c.file, own)
	}
	return nil
}

// sure counts the keys of the set that ends whose signatures the next file cannot do
// without: those given with --sign-with, and those that stay, for every key of the new
// set signs.
func (c *keyChange) sure() (n int) {
	kept := c.kept()
	for _, k := range c.newest().Keys {
		if c.holdsSecret(k) || slices.Contains(kept, k) {
			n++
		}
	}
	return n
}

// sign adds a signer, once.
func (c *keyChange) sign(s issuer.Signer) {
	if !slices.ContainsFunc(c.signers, func(other issuer.Signer) bool { return other.PublicKey() == s.PublicKey() }) {
		c.signers = append(c.signers, s)
	}
}

// signed counts the keys that sign.
func (c *keyChange) signed(set []issuer.Key) (n int) {
	for _, s := range c.signers {
		if slices.ContainsFunc(set, isKey(s.PublicKey())) {
			n++
		}
	}
	return n
}

// run makes the next issuer file and puts it into force, or asks the officers who
// have to sign it too. Everything was checked.
func (c *keyChange) run(ctx context.Context, officers []issuer.Key) error {
	if err := c.openOld(ctx); err != nil {
		return err
	}
	if err := c.obtainKeys(ctx); err != nil {
		return err
	}
	next, err := c.next(c.newKeys(), officers)
	if err != nil {
		return err
	}
	return c.issue(ctx, next)
}

// issue signs the issuer file, and puts it into force where that suffices.
func (c *keyChange) issue(ctx context.Context, next *issuer.File) error {
	text, err := next.Text()
	if err != nil {
		return err
	}
	signed, err := issuer.SignNote(text, issuer.MaxFile, c.signers...)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(text))
	c.act.Issuer, c.act.Sequence, c.act.Text = next.ID, next.Sequence, hex.EncodeToString(sum[:])
	newest := next.Sets[len(next.Sets)-1]
	c.warnAlone(&newest)
	enough := c.signed(newest.Keys) == len(newest.Keys) && (c.file == nil || c.signed(c.newest().Keys) >= c.newest().Threshold)
	if !enough {
		return c.proposeFile(ctx, next, signed, c.act, c.out)
	}
	if _, err := c.home.trust().Plan(signed); err != nil {
		return err
	}
	if err := c.app.record(c.act); err != nil {
		return err
	}
	if _, err := c.home.trust().Add(signed); err != nil {
		return err
	}
	if err := c.renewLists(ctx, next, c.newKey.passphraseOr(c.passphraseFile), c.open(newest.Keys)); err != nil {
		return err
	}
	// It is forgotten last: who has seen nothing of the result runs this again, and
	// must not change the keys once more.
	return errors.Join(c.show(next), c.removeBegun(next.ID))
}

// warnAlone says so where the keys that are on this machine now, the recovery key among
// them, are enough for the next issuer file, of a set that asks for several officers.
func (c *keyChange) warnAlone(set *issuer.KeySet) {
	recovery := slices.ContainsFunc(c.signers, func(s issuer.Signer) bool {
		return slices.ContainsFunc(set.Keys, func(k issuer.Key) bool { return k.Public == s.PublicKey() && k.Holder == recoveryHolder })
	})
	if set.Threshold > 1 && recovery && c.signed(set.Keys) >= set.Threshold {
		c.ui.warn("who has this home and the recovery key has %d of the %d keys, which is enough to change the keys without the other officers: give the recovery key to somebody else to keep", c.signed(set.Keys), len(set.Keys))
	}
}

func (c *keyChange) show(next *issuer.File) error {
	if c.file == nil {
		return c.reportIssuer(next, c.keyChangeOptions.recovery)
	}
	return c.showChanged(next)
}

// open are the open keys of this home that are in the set.
func (c *keyChange) open(set []issuer.Key) []keys.Signer {
	var open []keys.Signer
	for _, s := range c.signers {
		k, ok := s.(keys.Signer)
		if ok && slices.ContainsFunc(set, func(key issuer.Key) bool { return key.Public == s.PublicKey() && key.Holder != recoveryHolder }) {
			open = append(open, k)
		}
	}
	return open
}

// obtainKeys makes the new keys, or takes those that an interrupted change made.
// Each is on disk before anything names it.
func (c *keyChange) obtainKeys(ctx context.Context) (err error) {
	if c.replacing {
		if c.newOwn, err = c.obtainOwn(ctx); err != nil {
			return err
		}
	}
	if c.keyRecovery() {
		if c.recovery, err = c.obtainRecovery(); err != nil {
			return err
		}
	}
	if c.newOwn != nil {
		c.sign(c.newOwn)
	}
	if c.recovery != nil {
		c.sign(c.recovery)
	}
	return c.saveBegun()
}

func (c *keyChange) obtainOwn(ctx context.Context) (keys.Signer, error) {
	of := "new signing key"
	if c.begun.File != "" {
		k, _ := parseKeyName(c.begun.File)
		k.path = filepath.Join(c.home.keyDir(), c.begun.File)
		if _, err := os.Lstat(k.path); err == nil {
			c.ui.note("Going on with the new key %08x, which an interrupted change made.", k.keyID)
			s, err := c.readKey(ctx, k, "the new one", c.newKey.passphraseOr(c.passphraseFile))
			if errors.Is(err, keys.ErrPassphrase) {
				err = hinted(err, "it is the passphrase that was chosen for the new key. If it is lost, begin again with: --start-over")
			}
			return s, err
		}
	}
	made, err := c.makeKey(ctx, c.issuer, c.begun.Sequence, c.newKey, c.passphraseFile, of)
	if err != nil {
		return nil, err
	}
	path := c.home.laterKeyFile(c.issuer, made.PublicKey(), made.suffix)
	c.begun.File = filepath.Base(path)
	if err := c.saveBegun(); err != nil {
		return nil, err
	}
	return made.Signer, made.save(path)
}

// begunRecovery is the recovery key that an interrupted change left in its file;
// nil where the file is yet to be made. No other file is taken for it, or replaced.
func (c *keyChange) begunRecovery() (*keys.Key, error) {
	path := c.keyChangeOptions.recovery
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) || !c.keyRecovery() {
		return nil, nil
	}
	if c.begun.Recovery != "" {
		key, err := keys.Read(path, func() (string, error) { return "", errors.New("is encrypted") })
		if err == nil && key.Name() == c.issuer && key.PublicKey().String() == c.begun.Recovery {
			return key, nil
		}
	}
	return nil, fmt.Errorf("recovery key: %s: %w", path, fs.ErrExist)
}

func (c *keyChange) obtainRecovery() (*keys.Key, error) {
	if key, err := c.begunRecovery(); key != nil || err != nil {
		return key, err
	}
	key, err := keys.Generate(c.issuer)
	if err != nil {
		return nil, err
	}
	c.begun.Recovery = key.PublicKey().String()
	if err := c.saveBegun(); err != nil {
		return nil, err
	}
	if err := key.WriteRecovery(c.keyChangeOptions.recovery); err != nil {
		return nil, fmt.Errorf("recovery key: %w", err)
	}
	return key, nil
}

// finishKeyChange does what is left once the issuer file f is in force, and forgets
// that a change was at work.
func (a *app) finishKeyChange(ctx context.Context, f *issuer.File, passphraseFile string, open []keys.Signer) error {
	if err := a.renewLists(ctx, f, passphraseFile, open); err != nil {
		return err
	}
	return a.removeBegun(f.ID)
}

// renewLists signs a status list of every network with the keys in force now, where
// that was not done yet: until then verifiers that have f cannot use the lists. open
// are the opened keys; nil: they are opened when they are needed.
func (a *app) renewLists(ctx context.Context, f *issuer.File, passphraseFile string, open []keys.Signer) error {
	o, err := a.officer(f.ID, passphraseFile, time.Now())
	if err != nil {
		return err
	}
	o.open = open
	var waiting error
	for _, n := range bitcoin.Networks() {
		err := o.renewAfterChange(ctx, n)
		if errors.As(err, new(waitingError)) {
			waiting = err // and the other networks do not wait for this one
		} else if err != nil {
			return fmt.Errorf("issuer file %d is in force, and the status list for %s is not signed by its keys yet: %w", f.Sequence, n, err)
		}
	}
	return waiting
}

// renewAfterChange signs the network's next status list if the newest is not signed
// by keys in force now.
func (o *officer) renewAfterChange(ctx context.Context, n bitcoin.Network) error {
	newest, _, err := o.home.trust().Status(o.file.ID, n)
	if err != nil || newest == nil {
		return err
	}
	if _, err := o.file.CheckSignatures(newest.Note, o.now); err == nil {
		return nil
	}
	entry := journal.Entry{Act: journal.List, Reason: fmt.Sprintf("by the keys of issuer file %d", o.file.Sequence)}
	next, err := o.changeList(ctx, n, entry, func(*issuer.StatusList) error { return nil })
	if err == nil && next != nil {
		o.ui.note("Signed status list %d for %s with the new keys.", next.Sequence, n)
	}
	return err
}

// showChanged reports the issuer file that is in force.
func (a *app) showChanged(f *issuer.File) error {
	if a.ui.json {
		return a.ui.object(newIssuerJSON(f))
	}
	a.ui.result("The keys of %s changed: issuer file %d", quoted(f.Name), f.Sequence)
	a.ui.result("  id           %s", f.ID)
	a.ui.result("  fingerprint  %s", f.Fingerprint())
	a.showSet(f, len(f.Sets)-1)
	a.ui.note("The fingerprint is another one now: publish it where the old one was.")
	a.ui.note("Who trusts the old issuer file adds the new pack, and needs no fingerprint for it. Publish it: gradseal issuer pack -o FILE")
	return nil
}

// newKeyOptions say how a new key is made, and where it is kept.
type newKeyOptions struct {
	passphraseFile string
	unsafe         bool
	holder         string
	module, label  string // of a token
	keyLabel       string
	pinFile        string
}

func (o *newKeyOptions) addFlags(cmd *cobra.Command, passphraseFlag, passphraseUsage string) {
	flags := cmd.Flags()
	flags.StringVar(&o.passphraseFile, passphraseFlag, "", passphraseUsage)
	flags.BoolVar(&o.unsafe, "unsafe-no-passphrase", false, "do not encrypt the key; it then signs for regtest only")
	flags.StringVar(&o.module, "token", "", "make the key in a token: PKCS#11 `library`, an absolute path")
	flags.StringVar(&o.label, "token-label", "", "`label` of the token")
	flags.StringVar(&o.keyLabel, "key-label", "", "`label` of a key that is in the token already (default: make one)")
	flags.StringVar(&o.pinFile, "pin-file", "", "`file` with the PIN of the token (default: ask)")
	cmd.MarkFlagsMutuallyExclusive(passphraseFlag, "unsafe-no-passphrase")
	cmd.MarkFlagsMutuallyExclusive("token", "unsafe-no-passphrase")
	cmd.MarkFlagsMutuallyExclusive("token", passphraseFlag)
	cmd.MarkFlagsRequiredTogether("token", "token-label")
}

// check refuses what goes with a token where there is none.
func (o *newKeyOptions) check() error {
	if o.module == "" && (o.keyLabel != "" || o.pinFile != "") {
		return errors.New("--key-label and --pin-file belong to --token")
	}
	if o.module != "" && !token.Built() {
		return token.ErrNotBuilt
	}
	return nil
}

// passphraseOr is the file with what opens the new key: its own, or that of the
// keys before.
func (o *newKeyOptions) passphraseOr(old string) string {
	return cmp.Or(o.pinFile, o.passphraseFile, old)
}

// madeKey is a new key that is not on disk yet.
type madeKey struct {
	keys.Signer
	suffix string
	save   func(path string) error
}

// makeKey makes a key in memory, or in a token; there it has a name by the sequence
// number of the issuer file, under which one that an interrupted command made is
// found again.
func (a *app) makeKey(ctx context.Context, id string, sequence uint64, o newKeyOptions, passphraseFile, of string) (*madeKey, error) {
	if o.module != "" {
		return a.makeTokenKey(ctx, id, sequence, o)
	}
	key, err := keys.Generate(id)
	if err != nil {
		return nil, err
	}
	made := &madeKey{key, keySuffix, key.WriteUnsafe}
	if o.unsafe {
		a.ui.warn("the signing key is not encrypted: it signs for regtest only")
		return made, nil
	}
	passphrase, err := a.choosePassphrase(ctx, cmp.Or(o.passphraseFile, passphraseFile), of)
	if err != nil {
		return nil, err
	}
	if len(passphrase) < keys.MinPassphrase {
		return nil, fmt.Errorf("the passphrase has %d bytes, want at least %d", len(passphrase), keys.MinPassphrase)
	}
	made.save = func(path string) error { return key.Write(path, passphrase) }
	return made, nil
}

func (a *app) makeTokenKey(ctx context.Context, id string, sequence uint64, o newKeyOptions) (*madeKey, error) {
	place := token.Place{Module: o.module, Label: o.label, PIN: func() (string, error) {
		return a.secretOf(ctx, fmt.Sprintf("PIN of the token %s", quoted(o.label)), "PIN", o.pinFile)
	}}
	label := cmp.Or(o.keyLabel, fmt.Sprintf("gradseal %s %d", id, sequence))
	key, err := token.Find(place, id, label)
	switch {
	case errors.Is(err, token.ErrNoKey) && o.keyLabel == "":
		key, err = token.Generate(place, id, label)
	case err == nil:
		a.ui.note("The token has the key %s: it is taken.", quoted(label))
	}
	if err != nil {
		return nil, pinHint(err)
	}
	reference, err := key.Reference().Marshal()
	if err != nil {
		return nil, err
	}
	save := func(path string) error { return atomicfile.WriteNew(path, reference, 0o600) }
	return &madeKey{key, tokenSuffix, save}, nil
}

// pinHint says what to do about a wrong PIN.
func pinHint(err error) error {
	if errors.Is(err, token.ErrPIN) {
		return hinted(err, "it was tried once: after a few wrong PINs a token locks itself. Be sure of the PIN before you run this again")
	}
	return err
}

package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// stamp is what is said of a build: its version and its time, in UTC.
type stamp struct {
	told    string // the version that was told, where there is no commit
	version string
	time    time.Time
	dirty   bool // made from a tree that is no commit's
}

// newStamp returns the stamp of a build of the sources in root. Where no
// version is told it is the commit's, and still to be read from what is built:
// see read. epoch is SOURCE_DATE_EPOCH, seconds since 1970; a commit has a time
// of its own, and then it has no say.
func newStamp(told, root, epoch string) (stamp, error) {
	if told == "" {
		// The go command also looks above root, and would take the version of
		// another repository that an archive was unpacked in.
		if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
			return stamp{}, fmt.Errorf("%s is no git checkout: tell the version with -version v1.2.3", root)
		}
		return stamp{}, nil
	}
	if semver.Canonical(told)+semver.Build(told) != told {
		return stamp{}, fmt.Errorf("-version: %q, want one like v1.2.3 or v1.2.3-rc.1", told)
	}
	at, err := toldTime(told, epoch)
	return stamp{told: told, version: told, time: at}, err
}

// toldTime is the time of a build that has no commit.
func toldTime(version, epoch string) (time.Time, error) {
	if epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil || seconds < 0 {
			return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %q, want seconds since 1970", epoch)
		}
		return time.Unix(seconds, 0).UTC(), nil
	}
	if at, err := module.PseudoVersionTime(version); err == nil {
		return at, nil
	}
	return time.Time{}, errors.New("a version that was told has no time: set SOURCE_DATE_EPOCH to that of the release, in seconds since 1970")
}

// read takes version and time from a program that was built of a commit: what
// stands in names and pages is what gradseal --version says.
func (s *stamp) read(program string) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return err
	}
	settings := make(map[string]string)
	for _, b := range info.Settings {
		settings[b.Key] = b.Value
	}
	at, err := time.Parse(time.RFC3339, settings["vcs.time"])
	if err != nil || !semver.IsValid(info.Main.Version) {
		return fmt.Errorf("%s: version %q, commit time %q: the go command has found no commit", program, info.Main.Version, settings["vcs.time"])
	}
	s.version, s.time, s.dirty = info.Main.Version, at.UTC(), settings["vcs.modified"] == "true"
	return nil
}

// debian is the version as Debian writes it, for a package without a revision.
// "~" sorts before the end of the string, as a pre-release does in a semantic
// version.
func (s stamp) debian() string {
	version, build, _ := strings.Cut(strings.TrimPrefix(s.version, "v"), "+")
	version, pre, _ := strings.Cut(version, "-")
	// What follows a hyphen would be the revision.
	if pre != "" {
		version += "~" + strings.ReplaceAll(pre, "-", ".")
	}
	if build != "" {
		version += "+" + strings.ReplaceAll(build, "-", ".")
	}
	return version
}

// Package walk lists what lies in a folder that somebody named.
package walk

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Files calls visit for each file in dir and in the folders below it, in no order. It
// passes over hidden folders, and follows dir, but nothing in it, where that is a
// link: what is no folder is a file here, whatever its kind. A folder that cannot be
// read, dir too, is visited with the error and without an entry, perhaps together with
// some of its files. An error of visit ends the walk, and is returned.
//
// filepath.WalkDir puts each folder in order before it goes on. Whoever keeps some of many
// files puts those in order anyway, and before the walk was without, that order took half
// of its time.
func Files(dir string, visit func(path string, e fs.DirEntry, err error) error) error {
	inside := filepath.Join(dir, "x")
	return files(dir, inside[:len(inside)-1], visit)
}

// files is Files where the paths in dir begin with inside.
func files(dir, inside string, visit func(path string, e fs.DirEntry, err error) error) error {
	entries, err := read(dir)
	if err != nil {
		if err := visit(filepath.Clean(dir), nil, err); err != nil {
			return err
		}
	}
	for _, e := range entries {
		path := inside + e.Name()
		var err error
		switch {
		case !e.IsDir():
			err = visit(path, e, nil)
		case !Hidden(e):
			err = files(path, path+string(filepath.Separator), visit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read is os.ReadDir without the order.
func read(dir string) ([]fs.DirEntry, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

// Hidden reports whether an entry of a folder is hidden, by its name.
func Hidden(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") }

// IsLinkToFolder reports whether an entry that Files visits is a link to a folder, which
// is not followed.
func IsLinkToFolder(path string, e fs.DirEntry) bool {
	if e.Type()&(fs.ModeSymlink|fs.ModeIrregular) == 0 { // irregular: a junction on Windows
		return false
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

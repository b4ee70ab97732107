//go:build !darwin

package objects

// Hurry has a folder try again at once.
func Hurry(f *Folder) { f.pause = 0 }

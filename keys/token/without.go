//go:build !pkcs11 || !cgo

package token

// Built reports whether this program can speak to tokens.
func Built() bool { return false }

// Open returns ErrNotBuilt.
func Open(Reference, func() (string, error)) (*Key, error) { return nil, ErrNotBuilt }

// Find returns ErrNotBuilt.
func Find(Place, string, string) (*Key, error) { return nil, ErrNotBuilt }

// Generate returns ErrNotBuilt.
func Generate(Place, string, string) (*Key, error) { return nil, ErrNotBuilt }

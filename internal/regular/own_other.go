//go:build !unix

package regular

// OwnFlags are for os.OpenFile: there is nothing like it here.
const OwnFlags = 0

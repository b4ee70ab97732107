//go:build js

package main

import (
	"fmt"
	"math"
	"syscall/js"

	"gradseal/page/inside"
	"gradseal/trust"
)

// arguments are what JavaScript has passed. Their kinds are checked here, because
// a wrong one would be a fault in package js.
type arguments []js.Value

func (a arguments) at(i int) js.Value {
	if i < len(a) {
		return a[i]
	}
	return js.Undefined()
}

func (a arguments) wrong(i int, want string) error {
	return fmt.Errorf("argument %d is %s, want %s", i+1, a.at(i).Type(), want)
}

func (a arguments) text(i int) (string, error) {
	if a.at(i).Type() != js.TypeString {
		return "", a.wrong(i, "string")
	}
	return a.at(i).String(), nil
}

// number is a whole number of at most 31 bits.
func (a arguments) number(i int) (int, error) {
	v := a.at(i)
	if v.Type() != js.TypeNumber {
		return 0, a.wrong(i, "number")
	}
	f := v.Float()
	if f != math.Trunc(f) || f < 0 || f > math.MaxInt32 {
		return 0, fmt.Errorf("argument %d is %v, want a whole number", i+1, f)
	}
	return int(f), nil
}

// list are the elements of an array.
func (a arguments) list(i int) (arguments, error) {
	v := a.at(i)
	if !js.Global().Get("Array").Call("isArray", v).Bool() {
		return nil, a.wrong(i, "array")
	}
	all := make(arguments, v.Length())
	for i := range all {
		all[i] = v.Index(i)
	}
	return all, nil
}

// bytes is a Uint8Array of at most as many bytes as a pack can have.
func (a arguments) bytes(i int) ([]byte, error) { return a.capped(i, trust.MaxPack) }

// capped is a Uint8Array or a Uint8ClampedArray of at most most bytes.
func (a arguments) capped(i, most int) ([]byte, error) {
	v := a.at(i)
	if !isA(v, "Uint8Array") && !isA(v, "Uint8ClampedArray") {
		return nil, a.wrong(i, "Uint8Array")
	}
	n := v.Get("byteLength").Int()
	if n > most {
		return nil, fmt.Errorf("argument %d has %d bytes, want at most %d", i+1, n, most)
	}
	data := make([]byte, n)
	js.CopyBytesToGo(data, v)
	return data, nil
}

// function is a function that may be missing.
func (a arguments) function(i int) func(args ...any) {
	v := a.at(i)
	if v.Type() != js.TypeFunction {
		return func(...any) {}
	}
	return func(args ...any) { v.Invoke(args...) }
}

// file is a Blob. A File among Blobs has a name.
func (a arguments) file(i int) (inside.File, error) {
	v := a.at(i)
	if !isA(v, "Blob") {
		return inside.File{}, a.wrong(i, "Blob")
	}
	name := "document.pdf"
	if given := v.Get("name"); given.Type() == js.TypeString {
		name = given.String()
	}
	return fileOf(name, v), nil
}

// named is an object {name, file}, with a Blob in it.
func (a arguments) named(i int) (inside.File, error) {
	v := a.at(i)
	if v.Type() != js.TypeObject || v.Get("name").Type() != js.TypeString || !isA(v.Get("file"), "Blob") {
		return inside.File{}, a.wrong(i, "{name, file}")
	}
	return fileOf(v.Get("name").String(), v.Get("file")), nil
}

func isA(v js.Value, class string) bool {
	c := js.Global().Get(class)
	return c.Type() == js.TypeFunction && v.Type() == js.TypeObject && v.InstanceOf(c)
}

func uint8Array(data []byte) js.Value {
	v := js.Global().Get("Uint8Array").New(len(data))
	js.CopyBytesToJS(v, data)
	return v
}

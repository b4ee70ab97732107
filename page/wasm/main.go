//go:build js

// Command wasm is the program inside the offline page. It runs in a worker of the
// page and joins package inside to JavaScript: it sets globalThis.gradseal, whose
// functions the worker calls, one at a time. All return at once; what takes long
// is why there is a worker.
//
//	open(options, packs)              a page's JSON options, and its packs as Uint8Arrays
//	language(tag)
//	judge(files, progress)            files are {name, file: Blob}; progress(done, total) in bytes
//	addStatus(bytes)
//	readPack(bytes)                   never with the fingerprint
//	addPack(bytes, fingerprint)
//	embed(document, proof)            Blobs, or Files with their names
//	extract(document)
//	scan(rgba, width, height)
//	resetScan()
//
// Each returns JSON in a string, or where there are bytes in it an object; after
// an error an object with nothing but the text in error, in the language of the
// page where a visitor can mend it. "go generate ./page" builds it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"syscall/js"

	"gradseal/page/inside"
)

func main() {
	p := new(program)
	object := js.Global().Get("Object").New()
	for name, f := range map[string]function{
		"open": p.open, "language": p.language, "judge": p.judge,
		"addStatus": p.addStatus, "readPack": p.readPack, "addPack": p.addPack,
		"embed": p.embed, "extract": p.extract, "scan": p.scan, "resetScan": p.resetScan,
	} {
		object.Set(name, js.FuncOf(f.call))
	}
	js.Global().Set("gradseal", object)
	select {} // JavaScript calls from here on
}

// program has the page that open has opened.
type program struct{ page *inside.Page }

// function is one of the functions. What it returns is put into JSON, but a
// js.Value.
type function func(args arguments) (any, error)

// call runs the function. A fault in it, or an exception in JavaScript that it
// calls, is an error: the next call may still go well.
func (f function) call(_ js.Value, args []js.Value) (result any) {
	defer func() {
		if fault := recover(); fault != nil {
			result = failure(fmt.Errorf("a fault in this page: %v", fault))
		}
	}()
	value, err := f(args)
	if err != nil {
		return failure(err)
	}
	if v, ok := value.(js.Value); ok {
		return v
	}
	text, err := json.Marshal(value)
	if err != nil {
		return failure(err)
	}
	return string(text)
}

func failure(err error) js.Value { return object{"error": err.Error()}.value() }

// object is a plain object of JavaScript.
type object map[string]any

func (o object) value() js.Value {
	v := js.Global().Get("Object").New()
	for key, value := range o {
		v.Set(key, value)
	}
	return v
}

var errNotOpen = errors.New("open was not called, or has failed")

func (p *program) opened() (*inside.Page, error) {
	if p.page == nil {
		return nil, errNotOpen
	}
	return p.page, nil
}

func (p *program) info() (any, error) { return p.page.Info() }

// told is what a call that may change the page returns.
type told struct {
	Text string       `json:"text"`
	Info *inside.Info `json:"info"`
}

func (p *program) tell(text string, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	info, err := p.page.Info()
	return told{text, info}, err
}

func (p *program) open(args arguments) (any, error) {
	options, err := args.text(0)
	if err != nil {
		return nil, err
	}
	o, err := inside.ParseOptions([]byte(options))
	if err != nil {
		return nil, err
	}
	packs, err := args.list(1)
	if err != nil {
		return nil, err
	}
	var all [][]byte
	for i := range packs {
		data, err := packs.bytes(i)
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	if p.page, err = inside.Open(o, all); err != nil {
		return nil, err
	}
	return p.info()
}

func (p *program) language(args arguments) (any, error) {
	page, err := p.opened()
	if err != nil {
		return nil, err
	}
	tag, err := args.text(0)
	if err != nil {
		return nil, err
	}
	if err := page.SetLanguage(tag); err != nil {
		return nil, err
	}
	return p.info()
}

func (p *program) judge(args arguments) (any, error) {
	page, err := p.opened()
	if err != nil {
		return nil, err
	}
	list, err := args.list(0)
	if err != nil {
		return nil, err
	}
	var files []inside.File
	for i := range list {
		f, err := list.named(i)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	report := args.function(1)
	return page.Judge(files, func(done, total int64) { report(float64(done), float64(total)) })
}

func (p *program) addStatus(args arguments) (any, error) {
	page, err := p.opened()
	if err != nil {
		return nil, err
	}
	data, err := args.bytes(0)
	if err != nil {
		return nil, err
	}
	return p.tell(page.AddStatus(data))
}

func (p *program) readPack(args arguments) (any, error) {
	page, err := p.opened()
	if err != nil {
		return nil, err
	}
	data, err := args.bytes(0)
	if err != nil {
		return nil, err
	}
	return page.ReadPack(data)
}

func (p *program) addPack(args arguments) (any, error) {
	page, err := p.opened()
	if err != nil {
		return nil, err
	}
	data, err := args.bytes(0)
	if err != nil {
		return nil, err
	}
	typed, err := args.text(1)
	if err != nil {
		return nil, err
	}
	return p.tell(page.AddPack(data, typed))
}

func (p *program) embed(args arguments) (any, error) {
	page, err := p.opened()
	if err != nil {
		return nil, err
	}
	doc, err := args.file(0)
	if err != nil {
		return nil, err
	}
	proof, err := args.file(1)
	if err != nil {
		return nil, err
	}
	e, err := page.Embed(doc, proof)
	if err != nil {
		return nil, err
	}
	return object{"name": e.Name, "trailer": uint8Array(e.Trailer), "warning": e.Warning}.value(), nil
}

func (p *program) extract(args arguments) (any, error) {
	page, err := p.opened()
	if err != nil {
		return nil, err
	}
	doc, err := args.file(0)
	if err != nil {
		return nil, err
	}
	e, err := page.Extract(doc)
	if err != nil {
		return nil, err
	}
	return object{"name": e.Name, "size": float64(e.Size), "proof": uint8Array(e.Proof), "proof_name": e.ProofName}.value(), nil
}

func (p *program) scan(args arguments) (any, error) {
	page, err := p.opened()
	if err != nil {
		return nil, err
	}
	width, err := args.number(1)
	if err != nil {
		return nil, err
	}
	height, err := args.number(2)
	if err != nil {
		return nil, err
	}
	rgba, err := args.capped(0, 4*inside.MaxPhoto)
	if err != nil {
		return nil, err
	}
	s, err := page.Scan(rgba, width, height)
	if err != nil {
		return nil, err
	}
	out := object{"have": s.Have, "of": s.Of, "added": s.Added, "done": s.Done}
	if s.Done {
		out["proof"], out["digest"] = uint8Array(s.Proof), s.Digest
	}
	return out.value(), nil
}

func (p *program) resetScan(arguments) (any, error) {
	page, err := p.opened()
	if err != nil {
		return nil, err
	}
	page.ResetScan()
	return object{}.value(), nil
}

// Runs the program of a page under Node.js, and calls its functions as the page's
// worker does:
//
//	node calls.js wasm_exec.js page.wasm < calls.json
//
// A call is [name, argument…]. An argument {bytes: path} is a Uint8Array of a
// file, {blob: path, name} a File; in others they are found too. The answers are
// written as one array of JSON. Node.js has no FileReaderSync and no File that
// reads a disk: the two here do what the page's program uses of them.
"use strict";

const fs = require("node:fs");

class DiskBlob extends Blob {
  constructor(path, start, end, name) {
    super([]);
    Object.assign(this, { path, start, end, name });
  }
  get size() { return this.end - this.start; }
  slice(from, to) { return new DiskBlob(this.path, this.start + from, Math.min(this.start + to, this.end)); }
}

globalThis.FileReaderSync = class {
  readAsArrayBuffer({ path, start, size }) {
    const buffer = Buffer.alloc(size);
    const file = fs.openSync(path, "r");
    try {
      fs.readSync(file, buffer, 0, size, start);
    } finally {
      fs.closeSync(file);
    }
    return buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + size);
  }
};

let progress = [];

function argument(value) {
  if (Array.isArray(value)) {
    return value.map(argument);
  }
  if (value === null || typeof value !== "object") {
    return value;
  }
  if (value.bytes !== undefined) {
    return new Uint8Array(fs.readFileSync(value.bytes));
  }
  if (value.blob !== undefined) {
    return new DiskBlob(value.blob, 0, value.size ?? fs.statSync(value.blob).size, value.name);
  }
  if (value.progress) {
    progress = [];
    return (done, total) => progress.push([done, total]);
  }
  if (value.throws) {
    return () => { throw new Error(value.throws); };
  }
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, argument(v)]));
}

// plain is an answer as JSON can have it.
function plain(value) {
  if (typeof value === "string") {
    return JSON.parse(value);
  }
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, v instanceof Uint8Array ? Buffer.from(v).toString("base64") : v]));
}

const [, , support, wasm] = process.argv;
require(support);

(async () => {
  const go = new Go();
  const { instance } = await WebAssembly.instantiate(fs.readFileSync(wasm), go.importObject);
  go.run(instance);
  const answers = [];
  for (const [name, ...args] of JSON.parse(fs.readFileSync(0, "utf8"))) {
    const began = performance.now();
    const answer = plain(globalThis.gradseal[name](...args.map(argument)));
    answers.push({ answer, progress, milliseconds: performance.now() - began });
  }
  fs.writeFileSync(1, JSON.stringify(answers));
  process.exit(0);
})();

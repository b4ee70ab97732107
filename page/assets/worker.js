// The worker of the verification page: it reads the files and has them judged by
// the Go packages in the WebAssembly module, so that the page stays alive while
// 500 MB are hashed. It runs from a Blob and opens no connection; the policy of
// the page forbids it. In the page this text is followed by Go's own wasm_exec.js.
//
// A message {id, name, args} calls one of the functions below; the answer is
// {id, value} or {id, error}. On the way there may be {id, done, total}.
"use strict";

// Longest sides, in pixels, at which a photo is looked through for QR codes: what
// is too coarse for one pass may be too noisy for the other.
const photoSizes = [1000, 1600, 2400, 3200];

// The shortest time between two reports of progress, in milliseconds.
const progressEvery = 60;

const functions = {
  async start({ wasm, packs, options }) {
    if (typeof DecompressionStream !== "function" || typeof WebAssembly !== "object") {
      throw new Error("this browser has no DecompressionStream or no WebAssembly");
    }
    const go = new Go();
    // Compiled while it is unpacked, not after it: the first verdict is sooner.
    const module = new Response(unpacked(wasm), { headers: { "Content-Type": "application/wasm" } });
    const [{ instance }, ...buffers] = await Promise.all([
      WebAssembly.instantiateStreaming(module, go.importObject),
      ...packs.map((pack) => new Response(unpacked(pack)).arrayBuffer()),
    ]);
    go.run(instance).then(ended, ended);
    return json(gradseal.open(JSON.stringify(options), buffers.map((buffer) => new Uint8Array(buffer))));
  },
  language: ({ tag }) => json(gradseal.language(tag)),
  judge: ({ files }, report) => json(gradseal.judge(files, report)),
  addStatus: ({ bytes }) => json(gradseal.addStatus(bytes)),
  readPack: ({ bytes }) => json(gradseal.readPack(bytes)),
  addPack: ({ bytes, fingerprint }) => json(gradseal.addPack(bytes, fingerprint)),
  embed: ({ document, proof }) => json(gradseal.embed(document, proof)),
  extract: ({ document }) => json(gradseal.extract(document)),
  scan: ({ photo }, report) => scan(photo, report),
  resetScan: () => json(gradseal.resetScan()),
};

// ended tells the page that the module does not run any more: only a fault in it
// does that.
function ended() {
  postMessage({ fatal: "the checking program stopped" });
}

// json is what a function of the module returned. Most return text.
function json(result) {
  const value = typeof result === "string" ? JSON.parse(result) : result;
  if (value && value.error) {
    throw new Error(value.error);
  }
  return value ?? null;
}

// unpacked is what is in a gzip file, given in base64, as a stream.
function unpacked(base64) {
  return new Blob([decoded(base64.trim())]).stream().pipeThrough(new DecompressionStream("gzip"));
}

function decoded(base64) {
  if (Uint8Array.fromBase64) {
    return Uint8Array.fromBase64(base64);
  }
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    bytes[i] = text.charCodeAt(i);
  }
  return bytes;
}

// scan looks for QR codes in a photo, at several sizes until a proof is whole or
// another size brings nothing new.
// The module collects the codes of all photos.
async function scan(photo, report) {
  let picture;
  try {
    picture = await createImageBitmap(photo);
  } catch {
    throw new Error("not a picture");
  }
  const longest = Math.max(picture.width, picture.height);
  const sizes = [...new Set(photoSizes.map((size) => Math.min(size, longest)))];
  let best = null;
  let added = 0;
  let trouble = null;
  for (const [i, size] of sizes.entries()) {
    report(i, sizes.length);
    try {
      const { data, width, height } = pixels(picture, size / longest);
      const { added: more, ...found } = json(gradseal.scan(data, width, height));
      const enough = found.done || (best && more === 0);
      best = found;
      added += more;
      if (enough) {
        break;
      }
    } catch (error) {
      trouble ??= error;
    }
  }
  picture.close();
  if (!best) {
    throw trouble;
  }
  return { ...best, added };
}

function pixels(picture, scale) {
  const width = Math.max(1, Math.round(picture.width * scale));
  const height = Math.max(1, Math.round(picture.height * scale));
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff"; // below what is transparent
  context.fillRect(0, 0, width, height);
  context.drawImage(picture, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

onmessage = async ({ data: { id, name, args } }) => {
  let last = 0;
  const report = (done, total) => {
    const now = performance.now();
    if (now - last >= progressEvery) {
      last = now;
      postMessage({ id, done, total });
    }
  };
  try {
    postMessage({ id, value: await functions[name](args, report) });
  } catch (error) {
    postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
};

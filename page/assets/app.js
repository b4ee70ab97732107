// The verification page: it takes files, has the worker judge them, and shows
// what the worker says. It judges nothing itself. All text that comes from files,
// from proofs or from the module is put in as text, never as markup; nothing is
// sent or kept anywhere.
"use strict";
document.documentElement.classList.add("running");

const $ = (id) => document.getElementById(id);

// Verdicts, the worst first: the order of the cards, as verify has it for its
// exit code.
const verdicts = ["invalid", "withdrawn", "cannot-tell", "pending", "valid"];

// The icon of a check, by its outcome, is that of the verdict it leads to.
const outcomes = { ok: "valid", failed: "invalid", unknown: "cannot-tell" };

const proofSuffix = ".proof.json";
const trailerMarker = "\n%gradseal-proof-1\n";
const dayLength = 86_400_000; // milliseconds
const trailerLimit = 96 * 1024; // bytes; a trailer has at most 89,730
const packLimit = 32 * 1024 * 1024; // bytes; also of a status list
const notNamed = 20; // entries that a notice lists at most

const state = {
  language: "en",
  texts: {},
  info: null,
  documents: [], // {name, file}: documents and proofs as they were chosen
  byName: new Map(), // the same, and the last number that a name was given
  numbers: new Map(),
  proofs: [], // {name, file} that were read from QR codes
  views: [], // as the module has them, each with its item of documents, or null
  ignored: [],
  notices: [], // {lines, bad, list}
  checkedAt: null,
  additions: [], // what was loaded by hand, to be loaded again after a restart
  pack: null, // bytes of the pack that the dialog is about
};

// ---------------------------------------------------------------- words

// text is a text of the page in its language, with args in place of {names}.
function text(key, args = {}) {
  const found = state.texts["ui." + key] ?? state.texts[key] ?? key;
  return found.replace(/\{([a-z_]+)\}/g, (whole, name) => args[name] ?? whole);
}

function languageFile(tag) {
  return JSON.parse($("lang-" + tag).textContent);
}

function languageTags() {
  return [...document.querySelectorAll('script[id^="lang-"]')].map((e) => e.id.slice("lang-".length));
}

// preferredLanguage is the first language of the browser that the page has, else
// that of whoever made the page.
function preferredLanguage() {
  const tags = languageTags();
  const wanted = [...(navigator.languages ?? [navigator.language]), config.language, "en"];
  for (const tag of wanted) {
    const primary = String(tag ?? "").toLowerCase().split(/[-_.]/)[0];
    if (tags.includes(primary)) {
      return primary;
    }
  }
  return tags[0];
}

function speak(tag) {
  state.language = tag;
  state.texts = languageFile(tag);
  document.documentElement.lang = text("html-lang");
  document.title = text("title");
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = text(element.dataset.text.replace(/^ui\./, ""));
  }
  $("language").value = tag;
  showMeanings();
  showInfo();
  showResults();
}

// day is a date in words. What is not an ISO date is taken to be in words.
function day(value) {
  if (!isDate(value)) {
    return String(value ?? "");
  }
  return new Intl.DateTimeFormat(locale(), { dateStyle: "long", timeZone: "UTC" }).format(new Date(value));
}

// age is how long ago an ISO date is, in words and in brackets; "" of others.
function age(value) {
  if (!isDate(value)) {
    return "";
  }
  const days = Math.floor(Date.now() / dayLength) - Math.floor(new Date(value) / dayLength);
  const [count, unit] = days < 60 ? [days, "day"] : days < 730 ? [Math.round(days / 30.4), "month"] : [Math.round(days / 365.25), "year"];
  return text("age", { age: new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(-count, unit) });
}

const isDate = (value) => typeof value === "string" && /^\d{4}-\d\d-\d\d/.test(value);
// locale is how numbers and dates are written.
const locale = () => text("locale");

// safe is the name of a file as it may stand in a text, escaped as package words
// does it: nothing in a name turns the direction of the text or hides a part.
function safe(name) {
  const strange = /[^\p{L}\p{M}\p{Nd} !#$%&'()*+,\-./:;=?@[\]_{}~–—’·・（），。《》]|\p{Default_Ignorable_Code_Point}|(?<= ) /gu;
  return name.replace(strange, (c) => `\\u{${c.codePointAt(0).toString(16).toUpperCase()}}`);
}

// ---------------------------------------------------------------- elements

// make builds an element. What it holds is text, or elements made likewise.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      element.addEventListener(name, value);
    } else if (value === true || value === false) {
      element.toggleAttribute(name, value);
    } else if (value !== undefined && value !== null) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.filter((c) => c !== null && c !== undefined && c !== ""));
  return element;
}

function icon(name, className) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", "#i-" + name);
  svg.setAttribute("aria-hidden", "true");
  if (className) {
    svg.setAttribute("class", className);
  }
  svg.append(use);
  return svg;
}

const badge = (name) => make("span", { class: "badge" }, icon(name));

function announce(words) {
  $("announce").textContent = words;
}

// ---------------------------------------------------------------- the worker

class Cancelled extends Error {}
class Fatal extends Error {}

// rethrowEnd throws what ends a task, and not only a part of it.
function rethrowEnd(error) {
  if (error instanceof Cancelled || error instanceof Fatal) {
    throw error;
  }
}

// checker is the worker with the module in it, and the calls that it has not
// answered yet. Calls are answered in their order.
const checker = {
  worker: null,
  calls: new Map(),
  last: 0,
  ready: null,

  // start makes a new worker and gives it module and packs; then what was loaded
  // by hand, again.
  start() {
    const source = $("worker").textContent;
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    this.worker = new Worker(url);
    URL.revokeObjectURL(url);
    this.worker.onmessage = ({ data }) => this.answer(data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.fail(new Fatal(event.message || "the worker does not start"));
    };
    const packs = [...document.querySelectorAll('script[id^="pack-"]')].map((e) => e.textContent);
    const options = { ...config, language: state.language };
    this.ready = this.call("start", { wasm: $("wasm").textContent, packs, options }).then(async (info) => {
      state.info = info;
      for (const { name, args } of state.additions) {
        state.info = (await this.call(name, args)).info ?? state.info;
      }
      showInfo();
    });
    this.ready.catch(() => {}); // whoever awaits it is told
    return this.ready;
  },

  call(name, args = {}, progress = null) {
    return new Promise((resolve, reject) => {
      const id = ++this.last;
      this.calls.set(id, { resolve, reject, progress });
      this.worker.postMessage({ id, name, args });
    });
  },

  answer({ id, value, error, done, total, fatal }) {
    if (fatal !== undefined) {
      this.fail(new Fatal(fatal));
      return;
    }
    const call = this.calls.get(id);
    if (!call) {
      return;
    }
    if (done !== undefined) {
      call.progress?.(done, total);
      return;
    }
    this.calls.delete(id);
    if (error !== undefined) {
      call.reject(new Error(error));
    } else {
      call.resolve(value);
    }
  },

  // fail ends the worker and all calls.
  fail(error) {
    this.worker.terminate();
    const calls = [...this.calls.values()];
    this.calls.clear();
    calls.forEach((call) => call.reject(error));
  },

  cancel() {
    this.fail(new Cancelled());
    return this.start();
  },
};

let queue = Promise.resolve();

// work runs a task after those that were asked for before it. It returns what the
// task returned, or undefined where it failed, which it tells. A task must not
// wait for another one.
function work(task) {
  const run = queue.then(async () => {
    $("cards").setAttribute("aria-busy", "true");
    try {
      await checker.ready;
      return await task();
    } catch (error) {
      await tellFailure(error);
      return undefined;
    } finally {
      $("cards").setAttribute("aria-busy", "false");
      hideProgress();
    }
  });
  queue = run;
  return run;
}

async function tellFailure(error) {
  if (error instanceof Cancelled) {
    notice(text("cancelled"));
  } else if (error instanceof Fatal && state.info) {
    notice(text("trouble.fatal"), true);
    await checker.start().catch(startFailed);
  } else if (error instanceof Fatal) {
    startFailed(error);
    return;
  } else {
    notice(text("failed", { error: error.message }), true);
  }
  showResults();
}

function startFailed(error) {
  trouble(text("trouble.start", { error: error.message }));
}

// trouble says that the page cannot work at all.
function trouble(words) {
  $("trouble-text").textContent = words;
  $("trouble").hidden = false;
  $("drop").inert = true;
}

// ---------------------------------------------------------------- progress

let progressTimer = 0;

// showProgress shows a line and how far it is, from 0 to 1, or that it is not
// known. What is done at once is not worth a line.
function showProgress(words, fraction = null) {
  $("progress-text").textContent = words;
  const bar = $("progress-bar");
  if (fraction === null) {
    bar.removeAttribute("value");
  } else {
    bar.value = Math.floor(fraction * 100);
  }
  if (!progressTimer) {
    progressTimer = setTimeout(() => {
      $("progress").hidden = false;
      showResults(); // no verdict of other documents beside it
    }, 250);
  }
}

function hideProgress() {
  clearTimeout(progressTimer);
  progressTimer = 0;
  $("progress").hidden = true;
}

// judgeProgress returns what is called with the bytes read and to read. Screen
// readers hear every quarter.
function judgeProgress(count) {
  let told = 0;
  return (done, total) => {
    const fraction = total > 0 ? Math.min(1, done / total) : 0;
    const percent = Math.floor(fraction * 100);
    showProgress(text(count > 1 ? "checking.many" : "checking", { count: number(count), percent }), fraction);
    if (percent >= told + 25 && percent < 100) {
      told = percent - (percent % 25);
      announce(text("checking.announce", { percent: told }));
    }
  };
}

const number = (n) => new Intl.NumberFormat(locale()).format(n);

// ---------------------------------------------------------------- files

const isProof = (name) => /\.json$/i.test(name);
const isPDF = (name) => /\.pdf$/i.test(name);

function isPicture({ name, file }) {
  return file.type.startsWith("image/") || /\.(png|jpe?g|webp|gif|bmp|avif|hei[cf])$/i.test(name);
}

// hintOf is what to say about a file that is surely not what somebody meant to
// have checked, or null.
function hintOf({ name, file }) {
  if (file.size === 0) {
    return "hint.empty";
  }
  if (/\.(zip|rar|7z|tar|gz)$/i.test(name)) {
    return "hint.archive";
  }
  return /\.ots$/i.test(name) ? "hint.ots" : null;
}

// kindOf looks at the beginning of a file that was chosen by itself: packs and
// status lists have a place of their own.
async function kindOf({ name, file }) {
  if (file.size > packLimit || isPDF(name)) {
    return "other";
  }
  try {
    const head = await file.slice(0, 64).text();
    if (head.startsWith("gradseal status v1\n")) {
      return "status";
    }
    return /^\{\s*"format": "gradseal-pack\//.test(head) ? "pack" : "other";
  } catch {
    return "other"; // judge says what is wrong with it
  }
}

// fromInput are the files of an input; of a folder with their paths in it.
function fromInput(input) {
  const chosen = [...input.files].map((file) => ({ name: file.webkitRelativePath || file.name, file, inFolder: file.webkitRelativePath !== "" }));
  input.value = ""; // so that the same choice counts again
  return chosen;
}

// fromDrop are the files of a drop. All must be asked of the items before the first
// await: after it the browser has forgotten them. Files are taken as files, and
// folders by their handle where there is one: in a page from file:// Chromium
// refuses to read what its older entries name.
async function fromDrop(transfer) {
  const items = [...transfer.items].filter((i) => i.kind === "file").map((item) => {
    const entry = item.webkitGetAsEntry?.();
    const folder = Boolean(entry?.isDirectory);
    return { entry, folder, file: item.getAsFile(), handle: folder ? item.getAsFileSystemHandle?.() : null };
  });
  const found = [];
  for (const { entry, folder, file, handle } of items) {
    if (folder && handle) {
      await walkHandle(await handle, "", found);
    } else if (folder) {
      await walkEntry(entry, found);
    } else if (file) {
      found.push({ name: file.name, file, inFolder: false });
    }
  }
  return { found, folders: items.some((i) => i.folder) };
}

async function walkHandle(folder, above, found) {
  const path = `${above}${folder.name}/`;
  for await (const handle of folder.values()) {
    if (handle.kind === "directory") {
      await walkHandle(handle, path, found);
    } else {
      found.push({ name: path + handle.name, file: await handle.getFile(), inFolder: true });
    }
  }
}

async function walkEntry(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push({ name: entry.fullPath.replace(/^\//, ""), file, inFolder: true });
    return;
  }
  const reader = entry.createReader();
  for (;;) { // a reader gives about a hundred entries at a time
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) {
      return;
    }
    for (const inner of some) {
      await walkEntry(inner, found);
    }
  }
}

// take is what happens to files, however they were chosen.
async function take(chosen, folders) {
  state.notices = [];
  if (chosen.length === 0) {
    if (folders) {
      notice(text("folder.empty"));
      tell();
    }
    return;
  }
  const { rest, pictures, lists, packs } = await sort(chosen);
  for (const list of lists) {
    await loadStatus(list, inNotice);
  }
  if (packs.length > 0) {
    await openPack(packs[0], inNotice); // one dialog at a time
  }
  if (rest.length === 0 && pictures.length === 0) {
    tell();
    return;
  }
  await join(rest, pictures);
  for (const [i, picture] of pictures.entries()) {
    await readPhoto(picture, i + 1, pictures.length);
  }
  await judge();
}

// sort parts files by what is to be done with them. Of a folder only documents
// and proofs count: it may hold anything.
async function sort(chosen) {
  const parts = { rest: [], pictures: [], lists: [], packs: [] };
  let skipped = 0;
  for (const item of chosen) {
    if (item.inFolder) {
      if (isPDF(item.name) || isProof(item.name)) {
        parts.rest.push(item);
      } else {
        skipped++;
      }
      continue;
    }
    if (isPicture(item)) {
      parts.pictures.push(item);
      continue;
    }
    const hint = hintOf(item);
    if (hint) {
      notice(text(hint, { name: safe(item.name) }), true);
      continue;
    }
    const kind = await kindOf(item);
    (kind === "status" ? parts.lists : kind === "pack" ? parts.packs : parts.rest).push(item);
  }
  if (skipped > 0) {
    const key = skipped === chosen.length ? "folder.none" : "folder.skipped";
    notice(text(key, { count: number(skipped) }));
  }
  return parts;
}

// join adds files to those that are there, if they may belong to each other:
// documents to proofs that wait for one, proofs and photos to documents that want
// one. Others begin anew: a verdict must not stay beside what it is not about.
async function join(rest, pictures) {
  const documents = rest.some((item) => !isProof(item.name));
  const waiting = state.documents.every((item) => isProof(item.name));
  const wanting = state.views.some((view) => view.verdict === "cannot-tell" || view.verdict === "invalid");
  const belong = documents ? waiting : waiting || wanting;
  if (rest.length + pictures.length > 0 && !belong) {
    await forget();
  }
  for (const item of rest) {
    add(item);
  }
}

// forget drops all files and what was said about them.
async function forget() {
  Object.assign(state, { documents: [], byName: new Map(), numbers: new Map(), proofs: [], views: [], ignored: [], checkedAt: null });
  await checker.call("resetScan");
}

// add gives a file a name of its own. The same proof again is not added. A document
// is: size and time are easily made those of another, which would not be checked.
function add({ name, file }) {
  const same = state.byName.get(name)?.file;
  if (same && isProof(name) && same.size === file.size && same.lastModified === file.lastModified) {
    return;
  }
  let path = name;
  let n = state.numbers.get(name) ?? 1;
  while (state.byName.has(path)) {
    n++;
    path = `${n}/${name}`; // in a folder, so that the proof's name still fits the document's
  }
  state.numbers.set(name, n);
  const item = { name: path, file };
  state.byName.set(path, item);
  state.documents.push(item);
}

// judge has all files judged that are there. What was said before goes first: where
// this does not come to its end, it was by what is no longer believed.
async function judge() {
  const files = [...state.documents, ...state.proofs];
  if (files.length === 0) {
    tell();
    return;
  }
  Object.assign(state, { views: [], ignored: [], checkedAt: null });
  const progress = judgeProgress(files.length);
  progress(0, 1);
  const { views, ignored } = await checker.call("judge", { files }, progress);
  state.views = withItems(views ?? []);
  state.ignored = (ignored ?? []).map((i) => ({ ...i, name: nameOf(i.name) }));
  state.checkedAt = new Date();
  hideProgress();
  tell();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  $("results").scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
}

// nameOf is the name of a file as the module has it, but for proofs from QR codes,
// which had none.
function nameOf(name) {
  return state.proofs.some((p) => p.name === name) ? text("qr-name") : name;
}

// withItems finds the document that each view is of. Views come in the order of
// the files, and their names are escaped.
function withItems(views) {
  const documents = state.documents.filter((d) => !isProof(d.name));
  const inOrder = documents.length === views.length;
  return views.map((view, i) => ({ ...view, file: nameOf(view.file), item: inOrder ? documents[i] : state.byName.get(view.file) ?? null }));
}

// readPhoto reads the QR codes of one photo. When all parts of a proof are there
// it is a proof as if it had been chosen.
async function readPhoto({ name, file }, position, count) {
  const line = text("scanning", { file: safe(name), number: position, count });
  showProgress(line);
  let found;
  try {
    found = await checker.call("scan", { photo: file }, () => showProgress(line));
  } catch (error) {
    rethrowEnd(error);
    const key = error.message === "not a picture" ? "photo.bad" : "photo.error";
    notice(text(key, { file: safe(name), error: error.message }), true);
    return;
  }
  if (found.done) {
    await checker.call("resetScan");
    const proof = new File([found.proof], text("qr-name") + proofSuffix, { type: "application/json" });
    state.proofs = [...state.proofs, { name: `QR-${state.proofs.length + 1}${proofSuffix}`, file: proof }];
    notice(text("photo.done", found));
  } else if (position === count) {
    notice(text("photo.part", found));
  }
}

// ---------------------------------------------------------------- results

function notice(lines, bad = false, list = null) {
  state.notices.push({ lines: [lines].flat(), bad, list });
}

function showResults() {
  const names = new Intl.Collator(locale(), { numeric: true });
  const views = [...state.views].sort((a, b) => verdicts.indexOf(a.verdict) - verdicts.indexOf(b.verdict) || names.compare(a.file, b.file));
  const nothing = views.length === 0 && state.ignored.length === 0 && state.notices.length === 0;
  const wanted = state.documents.every((item) => isProof(item.name));
  const next = views.length === 0 ? null : wanted ? "drop.document" : "drop.again";
  $("results").hidden = nothing;
  document.body.classList.toggle("has-results", views.length > 0);
  $("intake-title").querySelector(".for-mouse").textContent = text(next ?? "drop");
  $("intake-title").querySelector(".for-touch").textContent = text(next ?? "drop.touch");
  $("results-title").textContent = resultsTitle(views);
  $("checked-at").textContent = views.length > 0 ? checkedAt() : "";
  $("print").hidden = views.length === 0;
  showCounts(views);
  showNotices();
  $("cards").className = views.length > 1 ? "many" : "";
  $("cards").replaceChildren(...views.map((view) => card(view, views.length === 1)));
}

function resultsTitle(views) {
  if (views.length > 1) {
    return text("results.many", { count: number(views.length) });
  }
  return text(views.length === 1 ? "results" : "results.none");
}

function checkedAt() {
  const time = new Intl.DateTimeFormat(locale(), { dateStyle: "long", timeStyle: "short" }).format(state.checkedAt);
  return text("checked-at", { time });
}

function countByVerdict(views) {
  const counts = verdicts.map((verdict) => [verdict, views.filter((v) => v.verdict === verdict).length]);
  return counts.filter(([, count]) => count > 0);
}

function showCounts(views) {
  $("counts").hidden = views.length < 2;
  $("counts").replaceChildren(...countByVerdict(views).map(([verdict, count]) =>
    make("li", { class: "v-" + verdict }, badge(verdict), make("b", {}, number(count)), " " + text("verdict." + verdict))));
}

function showNotices() {
  const notices = [...state.notices];
  if (state.ignored.length > 0) {
    const list = state.ignored.slice(0, notNamed).map(({ name, why }) => make("li", {}, text("ignored.entry", { name, why })));
    if (state.ignored.length > notNamed) {
      list.push(make("li", {}, text("ignored.more", { count: number(state.ignored.length - notNamed) })));
    }
    notices.push({ lines: [text("ignored")], bad: false, list });
  }
  $("notices").replaceChildren(...notices.map(({ lines, bad, list }) => make("div", { class: bad ? "notice bad" : "notice" },
    icon(bad ? "alert" : "info"),
    make("div", { class: "text" }, ...lines.map((line) => make("p", {}, line)), list && make("ul", {}, ...list)))));
}

// tell shows the results, and has screen readers say them in short.
function tell() {
  showResults();
  const said = state.views.length === 1 ? [announcement(state.views[0])] : [resultsTitle(state.views), countsInWords()];
  const notices = [...document.querySelectorAll("#notices p, #notices li")].map((e) => e.textContent);
  announce([...said, ...notices].filter(Boolean).join(" "));
}

function announcement({ word, headline, test_network: test }) {
  return [test && text("test-network"), text("announce", { word, headline })].filter(Boolean).join(text("comma"));
}

function countsInWords() {
  return countByVerdict(state.views).map(([verdict, count]) => `${number(count)} ${text("verdict." + verdict)}`).join(text("comma"));
}

// card is what is said about one document. Of many it is folded, and what is
// inside is made when it is opened.
function card(view, open) {
  const details = make("details", { class: "card v-" + view.verdict, open }, cardHead(view, open));
  const fill = () => {
    if (details.open && !details.querySelector(".body")) {
      details.append(cardBody(view));
    }
  };
  details.addEventListener("toggle", fill);
  fill();
  return details;
}

function cardHead(view, alone) {
  const file = make("p", { class: "file" }, make("bdi", {}, view.file));
  const word = make("span", { class: "word" }, view.word);
  const test = view.test_network && make("strong", { class: "test-tag" }, text("test-network"));
  const headline = make("h3", { class: "headline" }, view.headline);
  const said = make("div", { class: "said" }, make("p", {}, word, test), headline);
  if (alone) {
    said.append(file);
  } else {
    said.prepend(file);
  }
  return make("summary", {}, badge(view.verdict), said, icon("chevron", "chevron"));
}

function cardBody(view) {
  const body = make("div", { class: "body" });
  if (view.test_network) {
    body.append(make("p", { class: "alarm" }, icon("alert"), make("span", {}, view.test_network)));
  }
  if (view.story?.length > 0) {
    body.append(make("div", { class: "story" }, ...view.story.map((line) => make("p", {}, line))));
  }
  if (view.advice) {
    body.append(make("section", { class: "advice" }, make("h4", {}, text("advice")), make("p", {}, view.advice)));
  }
  if (view.status_as_of) {
    body.append(make("dl", { class: "dates" }, make("div", {}, make("dt", {}, text("status-as-of")),
      make("dd", {}, view.status_as_of + age(view.status_date)))));
  }
  if (view.checks?.length > 0) {
    body.append(make("section", {}, make("h4", {}, text("checks")), ...checks(view)));
  }
  if (view.not_proven?.length > 0) {
    body.append(make("section", { class: "limits" }, make("h4", {}, text("not-proven")),
      make("ul", {}, ...view.not_proven.map((line) => make("li", {}, line)))));
  }
  if (view.facts?.length > 0) {
    body.append(make("details", { class: "fold" }, make("summary", {}, icon("chevron"), make("span", {}, text("facts"))),
      make("dl", { class: "facts" }, ...view.facts.flatMap(fact))));
  }
  addTools(view, body);
  return body;
}

// checks are the answers. Where the file is not the document of its proof, all but
// the first are about another one, and no Yes among them is this file's.
function checks({ checks: all, other }) {
  const list = (part, about) => make("ul", { class: "checks" + about }, ...part.map(check));
  return other ? [list(all.slice(0, 1), ""), make("h5", {}, other), list(all.slice(1), " other")] : [list(all, "")];
}

function check({ question, outcome, word, text: sentence }) {
  const verdict = outcomes[outcome] ?? "cannot-tell";
  return make("li", { class: "v-" + verdict }, badge(verdict), make("p", { class: "question" }, question),
    make("p", { class: "answer" }, word), make("p", { class: "text" }, sentence));
}

function fact({ label, value, mono }) {
  return [make("dt", {}, label), make("dd", mono ? { class: "mono" } : {}, value)];
}

function showMeanings() {
  $("meanings").replaceChildren(...[...verdicts].reverse().map((verdict) => make("div", { class: "v-" + verdict },
    make("dt", {}, badge(verdict), text("verdict." + verdict)), make("dd", {}, text("meaning." + verdict)))));
}

// ---------------------------------------------------------------- one file, two files

// addTools offers to put document and proof into one file, or to take them apart,
// where that can be done with this document.
async function addTools(view, body) {
  const { item } = view;
  if (!item || !isPDF(item.name)) {
    return;
  }
  if (await carriesProof(item.file)) {
    if (view.checks?.some((c) => c.name === "document" && c.outcome === "ok")) { // else the module would refuse it
      body.append(tool("extract", () => extract(item)));
    }
    return;
  }
  const proof = proofOf(item);
  if (proof && view.verdict === "valid") {
    body.append(tool("embed", () => embed(item, proof)));
  }
}

// carriesProof looks for the marker of a proof at the end of a file. Only what to
// offer depends on it; the module reads the file strictly.
async function carriesProof(file) {
  try {
    const end = await file.slice(Math.max(0, file.size - trailerLimit)).arrayBuffer();
    return new TextDecoder("latin1").decode(end).includes(trailerMarker);
  } catch {
    return false;
  }
}

// proofOf is the proof that was chosen with a document, where it is clear which:
// the module refuses one that is not the document's.
function proofOf(item) {
  const proofs = [...state.documents, ...state.proofs].filter((d) => isProof(d.name));
  return proofs.find((p) => p.name === item.name + proofSuffix) ?? (proofs.length === 1 ? proofs[0] : null);
}

function tool(name, act) {
  const said = make("p", { role: "status" });
  const button = make("button", { type: "button", click: async () => {
    button.disabled = true;
    said.textContent = await work(act) ?? "";
    button.disabled = false;
  } }, text(name));
  return make("section", { class: "tools" }, make("p", {}, text(name + ".text")), button, said);
}

async function embed({ file }, proof) {
  return toolAnswer(async () => {
    const { name, trailer, warning } = await checker.call("embed", { document: file, proof: proof.file });
    return [save([[name, new Blob([file, trailer], { type: "application/pdf" })]]), warning].filter(Boolean).join(". ");
  });
}

async function extract({ file }) {
  return toolAnswer(async () => {
    const { name, size, proof, proof_name: proofName } = await checker.call("extract", { document: file });
    return save([
      [name, file.slice(0, size, "application/pdf")],
      [proofName, new Blob([proof], { type: "application/json" })],
    ]);
  });
}

async function toolAnswer(act) {
  try {
    return await act();
  } catch (error) {
    rethrowEnd(error);
    return error.message;
  }
}

// save hands files to the browser's downloads.
function save(files) {
  for (const [name, blob] of files) {
    const url = URL.createObjectURL(blob);
    const link = make("a", { href: url, download: name.split("/").pop() });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 60_000); // the download has begun by then
  }
  return text("saved", { name: files.map(([name]) => name.split("/").pop()).join(text("comma")) });
}

// ---------------------------------------------------------------- trust

function showInfo() {
  const { info } = state;
  const network = info?.network ?? config.network;
  const test = info ? Boolean(info.test_network) : false;
  $("test-network").hidden = !test;
  $("test-network").textContent = test ? text("test-network.page", { network }) : "";
  const issuers = info?.issuers ?? [];
  const names = issuers.map((i) => i.name).join(text("comma"));
  $("subtitle").textContent = !info ? "" : names ? text("subtitle", { names }) : text("subtitle.none");
  $("issuers").replaceChildren(...issuers.map(issuer));
  $("headers-line").textContent = !info ? "" : info.headers
    ? text("headers", { network, height: number(info.headers.height), day: day(info.headers.time) })
    : text("headers.none", { network });
  $("built").textContent = info?.built ? text("built", { built: info.built }) : "";
}

function issuer(known) {
  const { key, late } = statusText(known);
  return make("div", { class: "issuer" },
    make("h3", {}, known.name, " ", make("span", { class: "small" }, `(${known.id})`)),
    make("p", {}, text("issuer.fingerprint") + " ", make("span", { class: "mono" }, known.fingerprint)),
    make("p", {}, text("issuer.compare")),
    make("p", late ? { class: "late" } : {}, text(key, {
      day: day(known.status_as_of), age: age(known.status_date), next: day(known.status_next),
    })));
}

// statusText is the text about the status list of an issuer, and whether somebody
// should do something about it.
function statusText({ status_as_of: asOf, status_next: next, status_past: past, forked }) {
  if (forked) {
    return { key: "issuer.status.forked", late: true };
  }
  if (!asOf) {
    return { key: "issuer.status.none", late: true };
  }
  if (past) {
    return { key: "issuer.status.late", late: true };
  }
  return { key: next ? "issuer.status" : "issuer.status.last", late: false };
}

// Where it is told what became of a status list or a pack: where the buttons for
// them are, or with the results where files were dropped.
const inFooter = (words) => { $("trust-said").textContent = words; };
const inNotice = (words, good) => notice(words, !good);

// loadStatus has a status list taken in; whether it counts is up to the module.
async function loadStatus({ name, file }, say) {
  const bytes = await bytesOf(name, file, say);
  if (bytes) {
    await change("addStatus", { bytes }, say);
  }
}

async function bytesOf(name, file, say) {
  if (file.size > packLimit) {
    say(text("too-large", { name: safe(name) }), false);
    return null;
  }
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (error) {
    say(text("unreadable", { name: safe(name), error: error.message }), false);
    return null;
  }
}

// change calls a function that changes what the page trusts, remembers it for
// when the worker must be started again, and judges the documents anew.
async function change(name, args, say) {
  let done;
  try {
    done = await checker.call(name, args);
  } catch (error) {
    rethrowEnd(error);
    say(error.message, false);
    return;
  }
  state.additions.push({ name, args });
  state.info = done.info ?? state.info;
  showInfo();
  say(done.text ?? "", true);
  await judge();
}

// openPack asks for the fingerprint of a pack. The page never shows the one that
// the file has: it must come from the institution.
async function openPack({ name, file }, say) {
  const bytes = await bytesOf(name, file, say);
  if (!bytes) {
    return;
  }
  let pack;
  try {
    pack = await checker.call("readPack", { bytes });
  } catch (error) {
    rethrowEnd(error);
    say(error.message, false);
    return;
  }
  state.pack = bytes;
  $("pack-claim").textContent = text("pack.claim", pack);
  $("pack-error").textContent = "";
  $("fingerprint").value = "";
  $("pack-dialog").showModal();
  $("fingerprint").focus();
}

async function addPack() {
  const fingerprint = $("fingerprint").value.trim();
  if (!fingerprint) {
    $("pack-error").textContent = text("pack.empty");
    return;
  }
  await change("addPack", { bytes: state.pack, fingerprint }, (words, added) => {
    if (added) {
      $("pack-dialog").close();
      inFooter(words);
    } else {
      $("pack-error").textContent = words;
    }
  });
}

// ---------------------------------------------------------------- print

// On paper everything is open. What was folded is folded again afterwards.
let folded = [];

function unfold() {
  folded = [];
  for (;;) { // a card that opens makes more to open
    const closed = [...document.querySelectorAll("#cards details:not([open])")];
    if (closed.length === 0) {
      break;
    }
    for (const details of closed) {
      details.open = true;
      details.dispatchEvent(new Event("toggle"));
    }
    folded.push(...closed);
  }
  const [view] = state.views;
  document.title = [text("print.title"), state.views.length === 1 ? view.file : ""].filter(Boolean).join(" – ");
}

function fold() {
  folded.forEach((details) => { details.open = false; });
  document.title = text("title");
}

// ---------------------------------------------------------------- the page

async function clear() {
  await forget();
  state.notices = [];
  showResults();
  announce(text("cleared"));
  $("choose-files").focus();
}

function listen() {
  const taken = (list, folders) => work(() => take(list, folders));
  const pick = (button, input) => $(button).addEventListener("click", () => $(input).click());
  pick("choose-files", "files");
  pick("choose-folder", "folder");
  pick("load-status", "status-file");
  pick("load-pack", "pack-file");
  $("files").addEventListener("change", (e) => taken(fromInput(e.target), false));
  $("folder").addEventListener("change", (e) => taken(fromInput(e.target), true));
  $("status-file").addEventListener("change", (e) => fromInput(e.target).forEach((item) => work(() => loadStatus(item, inFooter))));
  $("pack-file").addEventListener("change", (e) => fromInput(e.target).forEach((item) => work(() => openPack(item, inFooter))));
  $("pack-form").addEventListener("submit", (e) => { e.preventDefault(); work(addPack); });
  $("pack-cancel").addEventListener("click", () => $("pack-dialog").close());
  $("cancel").addEventListener("click", () => checker.cancel().catch(startFailed));
  $("print").addEventListener("click", () => window.print());
  $("clear").addEventListener("click", () => work(clear));
  $("language").addEventListener("change", changeLanguage);
  window.addEventListener("beforeprint", unfold);
  window.addEventListener("afterprint", fold);
  listenForDrops();
}

// Files may be dropped anywhere: beside the field a browser would open them
// instead of the page.
function listenForDrops() {
  const over = (on) => document.body.classList.toggle("dragging", on);
  // Whoever lets go just when another element comes under the pointer has sent that
  // one no dragover yet: what its dragenter was answered decides.
  for (const name of ["dragenter", "dragover"]) {
    window.addEventListener(name, (event) => {
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
      over(true);
    });
  }
  window.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) {
      over(false);
    }
  });
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    over(false);
    const dropped = fromDrop(event.dataTransfer);
    work(async () => {
      showProgress(text("reading"));
      const { found, folders } = await dropped;
      await take(found, folders);
    });
  });
  window.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) {
      work(() => take(files.map((file) => ({ name: file.name, file, inFolder: false })), false));
    }
  });
}

async function changeLanguage(event) {
  speak(event.target.value);
  await work(async () => {
    state.info = await checker.call("language", { tag: state.language }) ?? state.info;
    showInfo();
    await judge();
  });
}

const config = JSON.parse($("config").textContent);

function begin() {
  const tags = languageTags();
  $("language").append(...tags.map((tag) => make("option", { value: tag, lang: tag }, languageFile(tag).language)));
  $("choose-folder").hidden = !("webkitdirectory" in $("folder"));
  speak(preferredLanguage());
  listen();
  if (typeof Worker !== "function" || typeof WebAssembly !== "object" || typeof DecompressionStream !== "function" || typeof OffscreenCanvas !== "function") {
    trouble(text("trouble.browser"));
    return;
  }
  checker.start().catch(startFailed);
}

begin();

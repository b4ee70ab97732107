#!/usr/bin/env python3
"""A second verifier of gradseal proofs, written from docs/format.md; its sections are named at
the ends of lines, ids of checks are those of README.md. Hashes, keys and other bytes are in hex.
Usage: verifier.py [KIND.json ...]; without a file it judges all vectors of the kinds it knows."""
import base64
import calendar
import functools
import hashlib
import json
import re
import sys
import time
from types import SimpleNamespace as Record

class Refused(Exception): """The input is refused; the text is the id of the check it fails."""

def need(kind, **checks):
    for name, passed in checks.items():
        if not passed:
            raise Refused(f"{kind}/{name.replace('_', '-')}")

def refusal(function, *args, **options):
    try:
        function(*args, **options)
    except Refused as reason:
        return str(reason)

def read(text, check, pattern, convert=str, low=None, high=None):
    value = convert(text) if re.fullmatch(pattern, text) else None
    if value is None or low is not None and not low <= value <= high:
        raise Refused(check)
    return value

def timestamp(text):
    fields = tuple(map(int, re.findall("[0-9]+", text)))
    value = calendar.timegm(fields) if fields else FOREVER
    return value if not fields or time.gmtime(value)[:6] == fields else None

def sha256(text): return hashlib.sha256(bytes.fromhex(text)).hexdigest()
def double_sha256(text): return sha256(sha256(text))
def reverse(text): return bytes.fromhex(text)[::-1].hex()
def little_endian(text): return int.from_bytes(bytes.fromhex(text), "little")
def as_bytes(text): return text.encode() if isinstance(text, str) else text
def unbase64(text): return base64.b64decode(text).hex()
def key_id(name, key): return sha256(name.encode().hex() + "0a01" + unbase64(key))[:8]
def follows(header, before): return header[8:72] == double_sha256(before)
def header_time(header): return little_endian(header[136:144])

NOT_TEXT = "[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
BLANK = "[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]"
LABEL = f"(?!{BLANK}).*(?<!{BLANK})", lambda text: len(text.encode()), 1  # values: 1
NUMBER, HASH, HEADER = "(0|[1-9][0-9]{0,15})", "([0-9a-f]{2}){32}", "([0-9a-f]{2}){80}"
BASE64 = "([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?"
DATE, FOREVER = "[2-9][0-9]{3}-(0[1-9]|1[0-2])-[0-9]{2}", float("inf")
TIME = DATE + "T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", timestamp, timestamp("2009-01-01T00:00:00Z"), FOREVER
REASON = "superseded|issued-in-error|rescinded|reprint|key-compromise"
FIELDS = {
    "type": ("documents|batches",), "issuer": ("[a-z0-9./-]{1,100}",), "root": (HASH,),
    "network": ("mainnet|testnet3|testnet4|signet|regtest",), "issued": TIME, "asof": TIME,
    "size": (NUMBER, int, 1, 2**32), "sequence": (NUMBER, int, 1, 2**53 - 1),
    "title": (*LABEL, 200), "name": (*LABEL, 200), "next": ("never|" + TIME[0], *TIME[1:]),
    "after": (f"{NUMBER} {HASH}", lambda text: (int(text[:-65]), text[-64:]), (0,), (2**32,))}
SHAPE = {
    "format": str, "document": {"sha256": HASH, "salt": HASH},
    "layers": ["layers", 1, 4, {"index": int, "path": ["path", 0, 32, HASH], "statement": str}],
    "attestations": ["attestations", 0, 2, (
        {"type": str, "transaction": "([0-9a-f]{2}){65,4000}", "position": int,
         "path": ["block-path", 0, 24, HASH], "header": HEADER, "height": int,
         "successors": ["successors", 0, 12, HEADER]},
        {"type": str, "timestamp": "([0-9a-f]{2}){1,10000}"})]}
TYPES = "bitcoin", "opentimestamps"
CHECKS = "document", "inclusion", "issuer", "anchor", "block", "status"
FAILED = "/digest-differs|/not-in-tree|/bad-|/keys-not-in-force|-withdrawn"
WAITING = "/no-attestation|/too-few-confirmations"
ACCEPTABLE = "/no-status-list|/status-unsigned|/status-past|/status-older-than-batch"
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, BASE = -121665 * pow(121666, -1, P) % P, "WGZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY="
Y8 = little_endian("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
SMALL_ORDER = 0, 1, P - 1, Y8, P - Y8

def check_tree(entry, index, size, path, root):  # 3.3
    node, last, path = sha256("00" + entry), size - 1, list(path)
    need("tree", index=index < size)
    while last > 0:
        if index % 2 == 1 or index < last:
            need("tree", path_length=path)
            node = sha256("01" + (path.pop(0) + node if index % 2 == 1 else node + path.pop(0)))
        index, last = index >> 1, last >> 1
    need("tree", path_length=not path, root=node == root)

def check_public_key(key):  # 5.1: returns the point
    key = unbase64(read(key, "key/base64", BASE64))
    sign, y = divmod(little_endian(key), 2**255)
    need("key", length=len(key) == 64, canonical=y < P, small_order=y not in SMALL_ORDER)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    need("key", curve=x * x % P == square)
    return x if x % 2 == sign else P - x, y

def add(a, b):  # 5.3
    m = D * a[0] * a[1] * b[0] * b[1] % P
    x, y, n = a[0] * b[1] + a[1] * b[0], a[1] * b[1] + a[0] * b[0], pow(1 - m * m, -1, P)
    return x * (1 - m) * n % P, y * (1 + m) * n % P

@functools.lru_cache(maxsize=None)
def check_signature(key, text, signature):  # 5.3
    (x, y), r, s = check_public_key(key), signature[:64], little_endian(signature[64:])
    need("signature", length=len(signature) == 128, s=s < L)
    k = hashlib.sha512(bytes.fromhex(r + unbase64(key)) + text.encode()).hexdigest()
    k, minus, total = little_endian(k) % L, (P - x, y), (0, 1)
    terms = total, check_public_key(BASE), minus, add(check_public_key(BASE), minus)
    for bit in range(252, -1, -1):
        total = add(add(total, total), terms[(s >> bit & 1) + 2 * (k >> bit & 1)])
    need("signature", equation=total[1] + (total[0] % 2 << 255) == little_endian(r))

def check_note(note, limit):  # 4
    content = as_bytes(note).decode(errors="replace")
    text, blank, tail = content.partition("\n\n")
    need("note", size=len(as_bytes(note)) <= limit, utf_8=content.encode() == as_bytes(note),
         character=not re.search(NOT_TEXT, content), empty_line=blank,
         first_line=text[:1] not in ("", "\n"), line_end=tail[-1:] in ("", "\n"),
         signatures=1 <= tail.count("\n") <= 16)
    signatures = {}
    for line in tail[:-1].split("\n"):
        name, space, encoded = line[2:].partition(" ")
        need("note", dash=line[:2] == "\u2014 ", space=space,
             name=re.fullmatch("[!-*,-~]{1,100}", name), base64_length=len(encoded) <= 688)
        value = unbase64(read(encoded, "note/base64", BASE64))
        need("note", signature_size=len(value) > 8, duplicate=(name, value[:8]) not in signatures)
        signatures[name, value[:8]] = value[8:]
    return Record(text=text + "\n", signatures=signatures, after=None)

def signers(note, file):  # 5.4
    own = {key: note.signatures.get((file.issuer, key_id(file.issuer, key))) for key in file.keys}
    wrong = any(own[key] and refusal(check_signature, key, note.text, own[key]) for key in own)
    need("signers", wrong_signature=not wrong)
    return {key for key in own if own[key]}

def verify_signers(note, file, t):  # 5.5, 5.6
    signed = signers(note, file)
    sets = [group for group in file.sets if len(signed & group.keys) >= group.threshold]
    if not any(group.start <= t + 7200 <= group.end for group in sets):
        unclear = any(group.start <= t + 7200 and t - 7200 <= group.end for group in sets)
        need("signers", unclear=not unclear, not_in_force=not sets, too_few=False)

def check_signers(issuer_file, note, time):  # 5.6
    verify_signers(check_note(note, 16777216), check_issuer_file(issuer_file), timestamp(time))

def read_text(note, limit, kind, title, order):
    note = check_note(note, limit)
    head, *lines = note.text.split("\n")[:-1]
    keys = "".join(re.match("[^ \n]*[ \n]", line + "\n")[0] for line in lines)
    need(kind, format=head == f"gradseal {title} v1", line=re.fullmatch(order, keys))
    for key, value in re.findall(f"\n({'|'.join(FIELDS)}) (.*)", note.text):
        setattr(note, key, read(value, f"{kind}/{key}", *FIELDS[key]))
    return note

def check_statement(note):  # 6, 7
    statement = read_text(note, 16384, "statement", "statement",
                          "type issuer network size root issued (after )?(title )?")
    statement.batch_root = sha256("02" + sha256(as_bytes(note).hex()) + statement.root)
    return statement

def check_status_list(note):  # 12.1
    status = read_text(note, 16777216, "list", "status", "issuer network sequence asof next "
                       "(batch )*(withdrawn )*(withdrawn-batch )*")
    need("list", next=status.next > status.asof)
    status.entries = {"batch": [], "withdrawn": [], "withdrawn-batch": []}
    for key, value in re.findall("\n(batch|withdrawn|withdrawn-batch) (.*)", status.text):
        name, entries, (entry, *rest) = key[:9], status.entries[key], value.split(" ")
        read(value, f"list/{name}", HASH + ("" if key == "batch" else " [^ ]* [^ ]*"))
        need("list", **{f"{name}-order": entries[-1:] < [entry]})
        entries.append(entry)
        if rest:
            read(rest[0] + "T00:00:00Z", "list/date", *TIME)
            read(rest[1], "list/reason", REASON)
    return status

def check_issuer_file(note):  # 13.1, 13.2
    file = read_text(note, 65536, "file", "issuer", "issuer name sequence (set (key )*)*")
    file.fingerprint = " ".join(re.findall("....", sha256(file.text.encode().hex())[:40]))
    file.sets, file.keys, before = [], set(), Record(start=0, end=0)
    for head, body in re.findall("\nset (.*)((?:\nkey .*)*)", file.text):
        need("file", set=head.count(" ") == 2)
        (start, end, threshold), lines = head.split(" "), body.split("\nkey ")[1:]
        group = Record(start=read(start, "file/from", *TIME), keys=set(), lines=lines,
                       end=read(end, "file/until", "-|" + TIME[0], *TIME[1:]))
        for key, _, holder in (line.partition(" ") for line in lines):
            need("file", duplicate_key=check_public_key(key) and key not in group.keys)
            read(holder, "file/holder", *LABEL, 100)
            group.keys.add(key)
        need("file", until=group.end > group.start, keys=1 <= len(lines) <= 16,
             order=group.start > before.start and group.start >= before.end)
        group.threshold = read(threshold, "file/threshold", NUMBER, int, 1, len(lines))
        file.sets, file.keys, before = file.sets + [group], file.keys | group.keys, group
    need("file", sets=1 <= len(file.sets) <= 64,
         key_id=len({key_id(file.issuer, key) for key in file.keys}) == len(file.keys))
    need("file", unsigned=signers(file, file) >= before.keys)
    return file

def reader(text, kind):
    rest = bytearray.fromhex(text)
    def take(size):
        need(kind, truncated=size <= len(rest))
        return bytes(rest.pop(0) for _ in range(size)).hex()
    return rest, take

def check_transaction(transaction):  # 8.1, 8.2
    rest, take = reader(transaction, "tx")
    need("tx", size=65 <= len(rest) <= 4000)
    def compact_size():
        value = little_endian(take(1))
        size, least = {0xFD: (2, 0xFD), 0xFE: (4, 0x10000), 0xFF: (8, 2**32)}.get(value, (0, 0))
        value = little_endian(take(size)) if size else value
        need("tx", compact_size=value >= least)
        return value
    take(4)
    for kind, before, after in ("inputs", 36, 4), ("outputs", 8, 0):
        count = compact_size()
        need("tx", **{kind: count > 0})
        fields = [take(before) + take(compact_size()) + take(after) for _ in range(count)]
    take(4)
    found = [field for field in fields if re.fullmatch(f".{{16}}6a2447534c31{HASH}", field)]
    need("tx", left_over=not rest)
    need("commitment", count=len(found) == 1, value=all(field[:16] == "0" * 16 for field in found))
    return Record(id=reverse(double_sha256(transaction)), batch_root=found[0][-64:])

def check_block_path(hash, position, path, merkle_root):  # 8.3
    need("path", length=len(path) <= 24, position=position >> len(path) == 0)
    last = False
    for k, sibling in enumerate(path):
        left, equal = position >> k & 1, sibling == hash
        pair = bytes.fromhex(sibling + hash if left else hash + sibling)
        s = pair[41]
        like = pair[4] == 1 and s <= 4 and pair[46 + s] == 1 and pair[55 + s] == 4 - s
        need("path", left_duplicate=not left or not equal,
             right_duplicate=left or equal or not last, **{"64-byte-node": not like})
        hash, last = double_sha256(pair.hex()), last or equal
    need("path", root=hash == merkle_root)

def target_of(bits):  # 8.4
    length, digits = bits >> 24, bits % 2**23
    return digits >> 8 * (3 - length) if length <= 3 else digits * 256**(length - 3)

def header_target(header): return target_of(little_endian(header[144:152]))

def check_header(header):  # 8.4
    bits, target = little_endian(header[144:152]), header_target(header)
    need("header", zero=target > 0, sign=bits >> 23 & 1 == 0, range=target < 2**256,
         work=little_endian(double_sha256(header)) <= target)

def leb128(text, check):  # 10.3
    octets = bytes.fromhex(text)
    value = sum((octet & 127) << 7 * i for i, octet in enumerate(octets))
    need("timestamp", **{check: re.fullmatch("([89a-f].)*([0-7][1-9a-f]|[1-7]0)|00", text)
                         and value < 2**64})
    return value

def check_timestamp(timestamp, batch_root):  # 10.3
    rest, take = reader(timestamp, "timestamp")
    need("timestamp", size=len(rest) <= 10000)
    def length():
        number = take(1)
        while number[-2:] >= "80":
            number += take(1)
        return leb128(number, "number")
    message, operations = batch_root, 0
    while (tag := take(1)) != "00":
        need("timestamp", fork=tag != "ff", operation=tag in ("08", "f0", "f1"))
        if tag == "08":
            message = sha256(message)
        else:
            size = length()
            need("timestamp", length=1 <= size <= 4096)
            argument = take(size)
            message = message + argument if tag == "f0" else argument + message
        operations += 1
        need("timestamp", message=len(message) <= 2 * 4096, depth=operations <= 255)
    need("timestamp", attestation=take(8) == "0588960d73d71901")
    height = leb128(take(length()), "height")
    need("timestamp", height=height < 2**32, left_over=not rest, result=len(message) == 64)
    return Record(height=height, merkle_root=message)

def convert(value, shape, name=""):  # 9, 10.1 to 10.3
    if type(shape) is tuple:
        shape = shape[type(value) is dict and value.get("type") == "opentimestamps"]
    kind = shape if type(shape) is type else type(shape)
    need("json", number=type(value) is not float, members=type(value) is kind)
    if kind is dict:
        need("json", members=value.keys() == shape.keys(), spelling=list(value) == list(shape))
        return Record(**{name: convert(value[name], shape[name], name) for name in shape})
    if kind is list:
        need("proof", **{shape[0]: shape[1] <= len(value) <= shape[2]})
        return [convert(element, shape[3]) for element in value]
    need("proof", **{name: kind is str or value < 2**32})
    return value if kind is shape else read(value, "proof/hex", shape)

def is_newer(format=None, attestations=None, **others):  # 10.4
    items = attestations if type(attestations) is list else []
    types = [item.get("type", "") if type(item) is dict else 0 for item in items]
    return str(format).startswith("gradseal-proof/") and (format != "gradseal-proof/1" or
        all(type(item) is str for item in types) and not {*types} <= {"", *TYPES})

def check_proof(proof):  # 10
    text, networks, newer = as_bytes(proof).decode(errors="replace"), set(), False
    need("proof", size=len(as_bytes(proof)) <= 65536)
    need("json", utf_8=text.encode() == as_bytes(proof), bom=text[:1] != "\ufeff")
    try:
        value = json.loads(text, parse_constant=int, parse_int=lambda digits: (
            int(digits) if digits.isdigit() and len(digits) < 4000 else 0.0))
    except (ValueError, RecursionError):
        raise Refused("json/text") from None
    need("proof", newer=type(value) is not dict or not is_newer(**value))
    proof = convert(value, SHAPE)
    need("json", spelling=json.dumps(value, indent=2, ensure_ascii=False) + "\n" == text)
    types = [item.type for item in proof.attestations]
    need("proof", format=proof.format == "gradseal-proof/1", type={*types} <= {*TYPES},
         attestations=types == sorted({*types}))
    for layer, kind in zip(proof.layers, ("documents", "batches", "batches", "batches")):
        version = re.match("gradseal statement v([1-9][0-9]{0,15})\n", layer.statement)
        if version and 2 <= int(version[1]) < 2**53:
            newer = check_note(layer.statement, 16384)
        else:
            tree = layer.statement = check_statement(layer.statement)
            networks.add(tree.network)
            need("proof", layer_type=tree.type == kind, layer_network=len(networks) == 1)
    need("proof", newer=not newer)
    given = dict(zip(types, proof.attestations))
    proof.bitcoin, proof.stamp = given.get("bitcoin"), given.get("opentimestamps")
    if proof.stamp:
        check_timestamp(proof.stamp.timestamp, "00" * 32)
    return proof

def check_trailer(file):  # 11
    marks = [*re.finditer(rb"(?<=[\r\n])%gradseal-proof-1(?=[\r\n])", as_bytes(file))]
    if not marks:
        return Record(original=-1, proof="")
    length = marks[-1].start() - 1
    original, trailer = as_bytes(file)[:length], as_bytes(file)[length:]
    form = re.fullmatch(b"\n%gradseal-proof-1\n((%[A-Za-z0-9+/=]{76}\n)*%[A-Za-z0-9+/=]{1,76}\n)"
                        b"startxref\n(0|[1-9][0-9]{0,9})\n%%EOF\n", trailer)
    end = re.search(rb"startxref(\r\n|\n|\r)(0|[1-9][0-9]{0,9})(\r\n|\n|\r)%%EOF(\r\n|\n|\r)?\Z",
                    original[-40:])
    need("trailer", form=form)
    data = base64.b64decode(read(re.sub("[%\n]", "", form[1].decode()), "trailer/base64", BASE64))
    need("trailer", proof_size=len(data) <= 65536, original=end, digits=end and end[2] == form[3])
    return Record(original=len(original), proof=data.decode(errors="replace"), data=data)

def find_proof(document, proof):  # 16.2; returns the digests that the document may have, too
    file, given = as_bytes(document or ""), proof is not None
    trailer = Record(original=-1) if given and refusal(check_trailer, file) else check_trailer(file)
    need("read", no_proof=given or trailer.original >= 0)
    content = file[:trailer.original] if trailer.original >= 0 else file
    return check_proof(proof if given else trailer.data), [sha256(x.hex()) for x in (content, file)]

def anchored_root(proof):  # V3
    entry = proof.document.salt + proof.document.sha256
    for layer in proof.layers:
        check_tree(entry, layer.index, layer.statement.size, layer.path, layer.statement.root)
        entry = layer.statement.batch_root
    return entry

def verify_anchor(proof, item):  # V4
    transaction = check_transaction(item.transaction)
    need("anchor", root=transaction.batch_root == anchored_root(proof))
    check_block_path(reverse(transaction.id), item.position, item.path, item.header[72:136])

def find_block(proof, chain):  # V4, lines 8 and 9
    need("anchor", no_header_chain=chain)
    claim = check_timestamp(proof.stamp.timestamp, anchored_root(proof))
    header = chain.get(claim.height, "")
    need("anchor", not_in_chain=header[72:136] == claim.merkle_root)
    return Record(height=claim.height, header=header)

def carries_work(item, policy, tip, tip_header):  # 16.5
    yardstick, headers = policy["carried_work"], [item.header, *item.successors]
    most, start = target_of(int(yardstick["bits"], 16)) * 4, timestamp(yardstick["time"])
    return (policy["network"] == "mainnet"
            and len(item.successors) >= max(6, policy["confirmations"] - 1)
            and all(header_target(header) <= most for header in headers)
            and start <= header_time(item.header) <= start + 63072000
            and (not tip_header or header_time(item.header) > header_time(tip_header))
            and (not tip_header or item.height != tip + 1 or follows(item.header, tip_header)))

def verify_status(proof, file, status, now, block_time):  # V8
    need("status", no_status_list=file and status)
    batches, documents, roots = status.entries.values()
    wrong, batch = refusal(verify_signers, status, file, now), proof.layers[0].statement.batch_root
    signed, listed = wrong not in ("signers/wrong-signature", "signers/too-few"), batch in batches
    withdrawal = sha256("03" + proof.document.salt + proof.document.sha256)
    need("status", document_withdrawn=not signed or withdrawal not in documents,
         batch_withdrawn=not signed or batch not in roots, status_forked=not status.forked,
         status_unsigned=not wrong, status_past=status.next >= now,
         status_older_than_batch=listed or status.asof >= block_time, not_in_status_list=listed)

def check_verdict(document, proof, issuers, status, chain, policy):  # 16.3
    wrong = refusal(find_proof, document, proof)
    if wrong:
        new = {"read/no-proof": wrong, "proof/newer": "read/newer-proof"}.get(wrong)
        broken = "broken-trailer" if wrong.startswith("trailer/") else "malformed-proof"
        return Record(verdict="cannot-tell" if new else "invalid",
                      fails=new or f"read/{broken}", checks=dict.fromkeys(CHECKS, "unknown"),
                      work_only=False)
    (proof, digests), later, earlier = find_proof(document, proof), "", ""
    statement, given = proof.layers[0].statement, proof.bitcoin
    file = {file.issuer: file for file in map(check_issuer_file, issuers)}.get(statement.issuer)
    lists = [Record(**pair, **vars(check_status_list(pair["list"]))) for pair in status]
    known = {(k.issuer, k.network): k for k in lists}.get((statement.issuer, statement.network))
    chain = dict(enumerate(chain["headers"], chain["first_height"])) if chain else {}
    tip, headers = max(chain, default=-1), [given.header, *given.successors] if given else []
    work_only = bool(given and policy["carried_work"] and given.height > tip
                     and carries_work(given, policy, tip, chain.get(tip)))
    inclusion = refusal(anchored_root, proof) and "inclusion/not-in-tree"
    here = statement.network == policy["network"]
    lost = (refusal(need, "anchor", not_checked=proof.stamp and not inclusion and here)
            or refusal(find_block, proof, chain))
    found = None if lost else find_block(proof, chain)
    item, witness = given or found, given and found
    deep = (witness and witness.height != given.height
            and tip - witness.height + 1 >= policy["confirmations"])
    anchor = refusal(need, "anchor", no_attestation=proof.attestations, not_checked=not inclusion,
                     bad_anchor=not given or not refusal(verify_anchor, proof, given))
    anchor = anchor or (None if given else lost)
    block = refusal(
        need, "block", bad_header=not any(refusal(check_header, header) for header in headers)
        and all(follows(header, before) for before, header in zip(headers, headers[1:])),
        other_network=here, no_attestation=proof.attestations,
        no_header_chain=chain or work_only,
        not_in_chain=work_only or item and chain.get(item.height) == item.header,
        too_few_confirmations=work_only
        or item and tip - item.height + 1 >= policy["confirmations"])
    work_only, dated = work_only and not block, not (block or work_only)
    t = present = max(timestamp(policy["now"]), header_time(chain[tip]) if chain else 0)
    if not anchor and dated:
        t, (height, after) = header_time(item.header), statement.after or (tip, "")
        later = time.strftime("%Y-%m-%d", time.gmtime(t + 7200))
        header = chain.get(height) if height < item.height else None
        earlier = after if header and reverse(double_sha256(header)) == after else ""
    wrong = str(file and refusal(verify_signers, statement, file, t)).replace("signers/", "")
    issuer = refusal(
        need, "issuer", unknown_issuer=file, bad_signature=wrong != "wrong-signature",
        key_time_unclear=wrong != "unclear" and (later or wrong != "not-in-force"),
        keys_not_in_force=wrong != "not-in-force", unknown_signer=wrong != "too-few")
    answers = [refusal(need, "document", no_document=document is not None,
                       digest_differs=proof.document.sha256 in digests),
               inclusion, issuer, anchor, block, refusal(verify_status, proof, file, known, present,
                                                         header_time(item.header) if dated else 0)]
    failed = [answer for answer in answers if answer and re.search(FAILED, answer)]
    waiting = [answer for answer in answers if answer and re.search(WAITING, answer)]
    unknown = [answer for answer in answers if answer and answer not in failed + waiting
               and not (policy["allow_unknown_status"] and re.search(ACCEPTABLE, answer))]
    verdict = ("withdrawn" if failed and "withdrawn" in failed[0] else "invalid" if failed else
               "cannot-tell" if unknown else "pending" if waiting else "valid")
    checks = {check: "failed" if answer in failed else "unknown" if answer else "ok"
              for check, answer in zip(CHECKS, answers)}
    return Record(fails=(failed + unknown + waiting + [""])[0], verdict=verdict, checks=checks,
                  no_later_than=later, no_earlier_than=earlier, network=statement.network,
                  work_only=work_only,
                  witness=reverse(double_sha256(witness.header)) if deep else "")

if __name__ == "__main__":
    import judge
    judge.main({name[6:].replace("_", "-"): check for name, check in list(globals().items())
                if name.startswith("check_")}, sys.argv[1:], Refused)

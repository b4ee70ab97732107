#!/usr/bin/env python3
"""Reads a proof from paper: the texts of QR codes, and the compact proof that they make (section
22 of docs/format.md). What comes out is a proof file, which verifier.py judges.
Usage: paper.py [KIND.json ...]; without a file it judges all vectors of the kinds it knows."""
import base64
import calendar
import hashlib
import json
import re
import sys
import time

import judge
import verifier
from verifier import Record, Refused, need, refusal

NETWORKS = "mainnet", "testnet3", "testnet4", "signet", "regtest"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def check_compact(compact):
    """Return the proof file of a compact proof in hex (22.1)."""
    rest, take = verifier.reader(compact, "compact")
    version = int(take(1), 16)
    need("compact", newer=version < 2, version=version == 1)
    value = unpack(take)
    need("compact", left_over=not rest)
    proof = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    verifier.check_proof(proof)
    need("compact", spelling=pack(value) == compact)
    return Record(proof=proof)


def unpack(take):
    """Return what a proof file says, read by take, which returns so many bytes in hex."""
    def count(most):
        size = int(take(1), 16)
        need("compact", count=size <= most)
        return size

    def number():
        octets = take(1)
        while octets[-2:] >= "80" and len(octets) < 40:
            octets += take(1)
        need("compact", number=not refusal(verifier.leb128, octets, "number"))
        return verifier.leb128(octets, "number")

    def data():
        return take(number())

    def text():  # what is not UTF-8 is refused with the statement
        return bytes.fromhex(data()).decode(errors="surrogateescape")

    def hashes(most):
        return [take(32) for _ in range(count(most))]

    def statement(kind):
        issuer = text()
        lines = ["gradseal statement v1", f"type {kind}", f"issuer {issuer}", f"network {network}",
                 f"size {number()}", f"root {take(32)}", f"issued {spelled(number())}"]
        if count(1):
            lines.append(f"after {number()} {verifier.reverse(take(32))}")
        title = text()
        lines += [f"title {title}", ""] if title else [""]
        for _ in range(count(16)):
            name = text() or issuer
            signature = base64.b64encode(bytes.fromhex(take(4) + data())).decode()
            lines.append(f"\u2014 {name} {signature}")
        return "\n".join([*lines, ""])

    def layer(kind):
        return {"index": number(), "path": hashes(32), "statement": statement(kind)}

    def bitcoin():
        item = {"type": "bitcoin", "transaction": data(), "position": number(),
                "path": hashes(24), "header": take(80), "height": number(), "successors": []}
        left, last = count(12), item["header"]
        linked = left and count(1)
        for _ in range(left):
            head = take(4)
            last = head + (verifier.double_sha256(last) + take(44) if linked else take(76))
            item["successors"].append(last)
        return item

    document, layers, number_of_network = {"sha256": take(32), "salt": take(32)}, count(4), take(1)
    need("compact", network=1 <= int(number_of_network, 16) <= len(NETWORKS))
    network = NETWORKS[int(number_of_network, 16) - 1]
    layers = [layer("batches" if place else "documents") for place in range(layers)]
    kinds = count(3)
    attestations = [bitcoin()] if kinds & 1 else []
    attestations += [{"type": "opentimestamps", "timestamp": data()}] if kinds & 2 else []
    return {"format": "gradseal-proof/1", "document": document, "layers": layers,
            "attestations": attestations}


def spelled(seconds):
    """Return a time as section 1 has it. No statement has one of the year 36812."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(min(seconds, 2**40)))


def pack(value):
    """Return the compact proof, in hex, of what a sound proof file says (22.1)."""
    def number(value):
        last = f"{value % 128:02x}"
        return last if value < 128 else f"{value % 128 + 128:02x}" + number(value // 128)

    def data(octets):
        return number(len(octets) // 2) + octets

    def text(value):
        return data(value.encode().hex())

    def items(values):
        return f"{len(values):02x}" + "".join(values)

    def statement(note):
        head, _, tail = note.partition("\n\n")
        fields = dict(line.split(" ", 1) for line in head.split("\n")[1:])
        issued = calendar.timegm(tuple(map(int, re.findall("[0-9]+", fields["issued"]))))
        out = text(fields["issuer"]) + number(int(fields["size"])) + fields["root"] + number(issued)
        height, _, block = fields.get("after", "").partition(" ")
        out += "01" + number(int(height)) + verifier.reverse(block) if block else "00"
        signatures = []
        for _, name, signature in (line.split(" ") for line in tail.split("\n")[:-1]):
            raw = verifier.unbase64(signature)
            name = "" if name == fields["issuer"] else name
            signatures.append(text(name) + raw[:8] + data(raw[8:]))
        return out + text(fields.get("title", "")) + items(signatures)

    def attestation(item):
        if item["type"] == "opentimestamps":
            return data(item["timestamp"])
        headers = [item["header"], *item["successors"]]
        linked = all(map(verifier.follows, headers[1:], headers))
        out = data(item["transaction"]) + number(item["position"]) + items(item["path"])
        out += item["header"] + number(item["height"]) + f"{len(headers) - 1:02x}"
        out += f"{linked:02x}" if headers[1:] else ""
        return out + "".join(h[:8] + h[72:] if linked else h for h in headers[1:])

    document, layers, attestations = value["document"], value["layers"], value["attestations"]
    network = re.search("\nnetwork (.*)\n", layers[0]["statement"])[1]
    kinds = sum(1 if item["type"] == "bitcoin" else 2 for item in attestations)
    return ("01" + document["sha256"] + document["salt"] + f"{len(layers):02x}"
            + f"{NETWORKS.index(network) + 1:02x}"
            + "".join(number(layer["index"]) + items(layer["path"]) + statement(layer["statement"])
                      for layer in layers)
            + f"{kinds:02x}" + "".join(map(attestation, attestations)))


def check_codes(codes):
    """Return, in hex, the compact proof that the texts of QR codes make (22.2)."""
    parts, chunks, first = {}, {}, None
    for code in codes:
        if not code.startswith("GRADSEAL "):
            continue
        form = re.fullmatch("GRADSEAL ([1-9][0-9]{0,2})/([1-9][0-9]{0,2}) "
                            f"([{re.escape(ALPHABET)}]+)", code)
        need("codes", form=form and len(code) <= 700)
        number, total, data = int(form[1]), int(form[2]), b""
        need("codes", form=number <= total <= 147)
        for group in re.findall(".{1,3}", form[3]):
            digits = [ALPHABET.index(character) for character in group]
            value = sum(digit * 45**place for place, digit in enumerate(digits))
            need("codes", base45=len(group) > 1 and value < 256**(len(group) - 1))
            data += value.to_bytes(len(group) - 1, "big")
        need("codes", form=9 <= len(data) <= 454)
        first = first or (total, data[:8])
        need("codes", other=first == (total, data[:8]), twice=parts.get(number, code) == code)
        parts[number], chunks[number] = code, data[8:]
    need("codes", missing=first and len(parts) == first[0])
    whole = b"".join(chunks[number] for number in sorted(chunks))
    need("codes", split=split(whole) == [parts[number] for number in sorted(parts)])
    return Record(compact=whole.hex())


def split(compact):
    """Return the texts of the codes of a compact proof (22.2)."""
    total = -(-len(compact) // 446)
    size = -(-len(compact) // total)
    codes = []
    for number in range(total):
        text = f"GRADSEAL {number + 1}/{total} "
        data = hashlib.sha256(compact).digest()[:8] + compact[number * size:(number + 1) * size]
        for place in range(0, len(data), 2):
            group = data[place:place + 2]
            value = int.from_bytes(group, "big")
            text += "".join(ALPHABET[value // 45**i % 45] for i in range(len(group) + 1))
        codes.append(text)
    return codes


def check_paper(compact, issuers, status, chain, policy):
    """Return the verdict on a proof of which the document is not at hand (16.3)."""
    proof = check_compact(compact).proof
    return verifier.check_verdict(None, proof, issuers, status, chain, policy)


if __name__ == "__main__":
    judge.main({"compact": check_compact, "codes": check_codes, "paper": check_paper},
               sys.argv[1:], Refused)

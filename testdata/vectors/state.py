"""What a verifier keeps before section 16 of docs/format.md begins, and a verdict on real files.

verifier.py judges what it is given. Here is how it comes to that: the header chain file and the
pack are read, and status lists and issuer files are replaced by newer ones.
"""
import argparse
import datetime
import json
import pathlib
import re
import sys

import judge
import verifier
from verifier import Record, Refused, need, refusal

DESCRIPTION = """Judges test vectors, or a document.

    state.py [KIND.json ...]
    state.py --document FILE --pack FILE --network testnet4
    state.py --document FILE --pack FILE --headers FILE --network regtest
"""

VERDICTS = {"valid": 0, "invalid": 3, "pending": 4, "cannot-tell": 5, "withdrawn": 6}

BITCOIN = "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a"
GENESIS = {
    "mainnet": BITCOIN + "29ab5f49ffff001d1dac2b7c",
    "testnet3": BITCOIN + "dae5494dffff001d1aa4ae18",
    "testnet4": "4e7b2b9128fe0291db0693af2ae418b767e657cd407e80cb1434221eaea7a07a"
                "046f3566ffff001dbb0c7817",
    "signet": BITCOIN + "008f4d5fae77031e8ad22203",
    "regtest": BITCOIN + "dae5494dffff7f2002000000",
}


def check_chain(network, file):
    """Return the headers of a plain header chain file in hex (15.4)."""
    headers = [file[at:at + 160] for at in range(0, len(file) - 159, 160)]
    genesis = "01000000" + "00" * 32 + GENESIS[network]
    need("chain", genesis=network == "regtest" and headers and headers[0] == genesis)
    height = 0
    while height + 1 < len(headers) and verifier.follows(headers[height + 1], headers[height]):
        height += 1
    if height > 0 and refusal(verifier.check_header, headers[height]):
        height -= 1
    return Record(height=height, headers=headers[:height + 1])


def read_chain(network, path):
    """Return the headers that grow, of a plain file (15.4) or of an index (15.5)."""
    file = path.read_bytes()
    if file[:1] != b"{":
        return {"first_height": 0, "headers": check_chain(network, file.hex()).headers}
    index = json.loads(file)
    need("index", format=index["format"] == "gradseal-headers/1",
         network=index["network"] == network)
    data, first = pathlib.Path(f"{path}.{index['data']}").read_bytes(), index["ranges"][-1]["from"]
    starts = [extent["offset"] + 80 * i for extent in index["extents"]
              if extent["height"] >= first for i in range(extent["count"])]
    return {"first_height": first, "headers": [data[at:at + 80].hex() for at in starts]}


def check_segment(segment):
    """Return the headers of a header segment in hex, and what else is in it (15.3)."""
    magic, data = b"gradseal-headers-v1\n".hex(), segment

    def take(size):
        nonlocal data
        part, data = data[:2 * size].ljust(2 * size, "0"), data[2 * size:]
        return part

    need("segment", magic=take(20) == magic)
    network = verifier.little_endian(take(1))
    source = bytes.fromhex(take(verifier.little_endian(take(1))))
    first, previous, work = verifier.little_endian(take(4)), take(32), take(32)
    count = verifier.little_endian(take(4))
    need("segment", work=work[:8] == "00" * 4, network=1 <= network <= len(GENESIS),
         source=re.fullmatch(b"(?! )[ -~]{1,200}(?<! )", source), count=1 <= count <= 2000000,
         height=first + count <= 2**24, size=len(data) == 96 * count)
    headers = []
    for at in range(0, len(data), 96):
        headers.append(data[at:at + 8] + previous + data[at + 8:at + 96])
        previous = verifier.double_sha256(headers[-1])
    return Record(network=list(GENESIS)[network - 1], first=first, count=count, headers=headers,
                  last=verifier.reverse(previous))


def check_pack(pack):
    """Return what is in a pack (14)."""
    data, order = verifier.as_bytes(pack), list(GENESIS).index
    text = data.decode(errors="replace")
    need("pack", size=len(data) <= 33554432)
    need("json", utf_8=text.encode() == data, bom=text[:1] != "\ufeff")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("json/text") from None
    pack = verifier.convert(value, {"format": str, "issuer": str, "status": ["lists", 0, 5, str],
                                    "headers": ["segments", 0, 1024, str]})
    need("json", spelling=json.dumps(value, indent=2, ensure_ascii=False) + "\n" == text)
    need("pack", format=pack.format == "gradseal-pack/1")
    file, networks, segments, before = verifier.check_issuer_file(pack.issuer), [], [], (-1, 0)
    for text in pack.status:
        status = verifier.check_status_list(text)
        need("pack", status_issuer=status.issuer == file.issuer, status_order=not networks
             or order(networks[-1]) < order(status.network))
        networks.append(status.network)
    for text in pack.headers:
        encoded = verifier.read(text, "pack/base64", verifier.BASE64)
        segment = check_segment(verifier.unbase64(encoded))
        place = order(segment.network)
        # before is the network, and the height after the last header, of the segment before.
        need("pack", headers_order=before[0] < place or before < (place, segment.first))
        before = place, segment.first + segment.count
        segments.append(segment)
    return Record(fingerprint=file.fingerprint, networks=networks, pack=pack, segments=segments,
                  headers=[f"{s.network} {s.first} {s.count}" for s in segments])


def is_early(status, now):
    """Say whether a status list is as of more than a day after now (12.3)."""
    return status.asof > verifier.timestamp(now) + 86400


def check_status_next(issuer_file, known, next, now, fork=None):
    """Say what becomes of a status list where another one is known, or two of a fork (12.2, 12.3)."""
    issuer = verifier.check_issuer_file(issuer_file)
    both = [verifier.check_status_list(text) for text in (known, fork) if text]
    old, new = both[0], verifier.check_status_list(next)
    verifier.verify_signers(new, issuer, verifier.timestamp(now))
    need("list-next", number=new.sequence <= verifier.timestamp(now), asof=not is_early(new, now))
    same = not fork and new.text == old.text
    need("list-next", older=new.sequence >= old.sequence, fork=same or new.sequence > old.sequence,
         kept=all(set(old.entries[key]) <= set(new.entries[key]) for old in both for key in old.entries))
    return Record(result="same" if same else "taken")


def check_issuer_next(known, next):
    """Say what becomes of an issuer file where another one is known (13.3)."""
    old, new = verifier.check_issuer_file(known), verifier.check_issuer_file(next)
    if new.text == old.text:
        return Record(result="same")
    last, pairs = old.sets[-1], list(zip(old.sets, new.sets))
    kept = all((a.start, a.threshold, a.lines) == (b.start, b.threshold, b.lines)
               for a, b in pairs)
    need("file-next", issuer=new.issuer == old.issuer, sequence=new.sequence == old.sequence + 1,
         sets=kept and len(new.sets) - len(old.sets) in (0, 1),
         until=all(b.end == a.end or a is last and b.end < a.end for a, b in pairs),
         threshold=len(verifier.signers(new, new) & last.keys) >= last.threshold)
    return Record(result="taken")


CHECKS = {"chain": check_chain, "segment": check_segment, "pack": check_pack,
          "status-next": check_status_next, "issuer-next": check_issuer_next}


def fold_issuers(files):
    """Return the issuer file that is believed for each issuer id (13.3), by sequence."""
    kept = {}
    for file in sorted(files, key=lambda file: verifier.check_issuer_file(file).sequence):
        issuer = verifier.check_issuer_file(file)
        reason = issuer.issuer in kept and refusal(check_issuer_next, kept[issuer.issuer], file)
        if reason:
            raise ValueError(f"issuer file {issuer.sequence} of {issuer.issuer}: {reason}")
        kept[issuer.issuer] = file
    return kept


def fold_lists(lists, issuers, now):
    """Return the status lists that count, as check_verdict wants them (12.3).

    A list whose issuer is unknown is left out. The signatures of a list are judged here only where
    there are others of its issuer and network; a verdict judges those of the list that is left.
    """
    kept = {}
    for text in sorted(lists, key=lambda text: verifier.check_status_list(text).sequence):
        status = verifier.check_status_list(text)
        issuer = issuers.get(status.issuer)
        if not issuer:
            continue
        if status.sequence > verifier.timestamp(now):
            raise ValueError(f"status list {status.sequence} of {status.issuer}: list-next/number")
        if is_early(status, now):
            raise ValueError(f"status list {status.sequence} of {status.issuer}: list-next/asof")
        known = kept.setdefault((status.issuer, status.network), [])
        # One that 12.2 refuses would not have been taken in: it gives way to any other.
        if known and refusal(verifier.check_signers, issuer, known[0], now):
            known.clear()
        reasons = [refusal(check_status_next, issuer, old, text, now) for old in known]
        forked = "list-next/fork" in reasons
        if any(reasons) and not forked:
            reason = ", ".join(reason for reason in reasons if reason)
            raise ValueError(f"status list {status.sequence} of {status.issuer}: {reason}")
        if forked and len(known) == 1:
            known.append(text)
        elif not known or status.sequence > verifier.check_status_list(known[0]).sequence:
            known[:] = [text]
    return [{"list": texts[0], "forked": len(texts) > 1} for texts in kept.values()]


def judge_document(options):
    """Judge a document, print the answers, and return the exit code."""
    issuers = [path.read_bytes() for path in options.issuer]
    lists = [path.read_bytes() for path in options.status]
    packs = [check_pack(path.read_bytes()) for path in options.pack]
    for pack in packs:
        issuers, lists = issuers + [pack.pack.issuer], lists + pack.pack.status
    now = options.now or datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    believed = fold_issuers(issuers)
    chain = None
    if options.headers:
        chain = read_chain(options.network, options.headers)
    elif options.network != "mainnet":
        # On mainnet the rules of 15 decide what is taken in, which are not here; on a test network
        # the person does who names the pack.
        for segment in [s for pack in packs for s in pack.segments if s.network == options.network]:
            chain = {"first_height": segment.first, "headers": segment.headers}
    policy = {"network": options.network, "now": now,
              "allow_unknown_status": options.allow_unknown_status, "carried_work": None,
              "confirmations": options.confirmations or (6 if options.network == "mainnet" else 1)}
    result = verifier.check_verdict(
        options.document.read_bytes(), options.proof and options.proof.read_bytes(),
        list(believed.values()), fold_lists(lists, believed, now), chain, policy)
    for name, outcome in result.checks.items():
        print(f"{name:10} {outcome}")
    test = getattr(result, "network", options.network) != "mainnet"
    verdict = result.verdict.upper().replace("-", " ") + (" (TEST NETWORK)" if test else "")
    print(verdict + (f": {result.fails}" if result.fails else ""))
    return VERDICTS[result.verdict]


def confirmations(text):
    """Return a number of confirmations, which is not below 1."""
    if refusal(verifier.read, text, "confirmations", verifier.NUMBER, int, 1, 2**32):
        raise argparse.ArgumentTypeError(f"{text!r}: want a number from 1 on")
    return int(text)


def present(text):
    """Return a time that is spelled as section 1 asks."""
    if refusal(verifier.read, text, "now", *verifier.TIME):
        raise argparse.ArgumentTypeError(f"{text!r}: want a time such as 2026-07-01T12:00:00Z")
    return text


def main():
    parser = argparse.ArgumentParser(
        prog="state.py", usage=argparse.SUPPRESS, description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    file = pathlib.Path
    parser.add_argument("vectors", nargs="*", type=file, help="files of vectors; default: all")
    parser.add_argument("--document", type=file, help="the document")
    parser.add_argument("--proof", type=file, help="its proof; default: that inside the document")
    for name in "issuer", "status", "pack":
        parser.add_argument("--" + name, type=file, action="append", default=[], metavar="FILE",
                            help=f"trusted {name} file; may be given several times")
    parser.add_argument("--headers", type=file, help="header chain file of the network")
    parser.add_argument("--network", choices=list(GENESIS), default="mainnet")
    parser.add_argument("--confirmations", type=confirmations, metavar="N",
                        help="default: 6, or 1 on a test network")
    parser.add_argument("--allow-unknown-status", action="store_true")
    parser.add_argument("--now", type=present, metavar="TIME", help="default: the present")
    options = parser.parse_args()
    if options.document:
        try:
            sys.exit(judge_document(options))
        except (OSError, ValueError, Refused) as reason:
            sys.exit(f"error: {reason}")
    if options != parser.parse_args([str(path) for path in options.vectors]):
        parser.error("without --document there are only files of vectors")
    judge.main(CHECKS, options.vectors, Refused)


if __name__ == "__main__":
    main()

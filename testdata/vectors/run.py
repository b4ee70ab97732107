"""What verifier.py judges: test vectors, or a document and what a verifier has.

Here is also what a verifier does before section 16 of docs/format.md begins: it reads the header
chain file and the pack, and replaces status lists and issuer files by newer ones.
"""
import argparse
import base64
import datetime
import functools
import inspect
import json
import pathlib
import sys

import verifier
from verifier import Record, Refused, need, refusal

DESCRIPTION = """Judges test vectors, or a document.

    verifier.py [KIND.json ...]
    verifier.py --document FILE --pack FILE --headers FILE --network regtest
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
    """Return the headers of a header chain file in hex (15)."""
    headers = [file[at:at + 160] for at in range(0, len(file) - 159, 160)]
    genesis = "01000000" + "00" * 32 + GENESIS[network]
    need("chain", genesis=headers and headers[0] == genesis)
    height = 0
    while height + 1 < len(headers) and verifier.follows(headers[height + 1], headers[height]):
        height += 1
    if height > 0 and refusal(verifier.check_header, headers[height]):
        height -= 1
    return Record(height=height, headers=headers[:height + 1])


def check_signers(issuer_file, note, time):
    """Judge who signed any note of an issuer at a time (5.6)."""
    note = verifier.check_note(note, 16777216)
    issuer = verifier.check_issuer_file(issuer_file)
    verifier.verify_signers(note, issuer, verifier.timestamp(time))


def check_status_next(issuer_file, known, next, now):
    """Say what becomes of a status list where another one is known (12.2, 12.3)."""
    issuer = verifier.check_issuer_file(issuer_file)
    old, new = verifier.check_status_list(known), verifier.check_status_list(next)
    verifier.verify_signers(new, issuer, verifier.timestamp(now))
    same = new.text == old.text
    need("list-next", older=new.sequence >= old.sequence, fork=same or new.sequence > old.sequence,
         kept=all(set(old.entries[key]) <= set(new.entries[key]) for key in old.entries))
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


def judge_vectors(path):
    """Judge the vectors of a file; return how many there are, and how many answers differ.

    A check is given the members of the vector that are its parameters, and nothing else.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    name = "check_" + content["kind"].replace("-", "_")
    check = globals().get(name) or getattr(verifier, name)
    inputs, differ = inspect.signature(check).parameters, 0
    for vector in content["vectors"]:
        given = {name: vector.get(name) for name in inputs}
        for name in inputs:
            if name + "_base64" in vector:
                given[name] = base64.b64decode(vector[name + "_base64"])
        try:
            answer = check(**given)
        except Refused as reason:
            answer = Record(fails=str(reason))
        others = {"name", "why", "cause", *inputs, *(name + "_base64" for name in inputs)}
        want = {name: value for name, value in vector.items() if name not in others}
        got = {name: getattr(answer, name, "" if name == "fails" else None) for name in want}
        if got != want:
            differ += 1
            print(f"{path.name}: {vector['name']}: want {want}, got {got}")
    return len(content["vectors"]), differ


def read_pack(path):
    """Return the issuer file and the status lists of a pack (14)."""
    text = path.read_bytes().decode("utf-8")
    pack = json.loads(text)
    same = json.dumps(pack, indent=2, ensure_ascii=False) + "\n" == text
    need("pack", spelling=same, members=list(pack) == ["format", "issuer", "status"],
         format=pack["format"] == "gradseal-pack/1")
    return pack["issuer"], pack["status"]


def judge_document(options):
    """Judge a document, print the answers, and return the exit code."""
    issuers = [path.read_bytes() for path in options.issuer]
    lists = [path.read_bytes() for path in options.status]
    for path in options.pack:
        issuer, status = read_pack(path)
        issuers, lists = issuers + [issuer], lists + status
    chain = None
    if options.headers:
        headers = check_chain(options.network, options.headers.read_bytes().hex()).headers
        chain = {"first_height": 0, "headers": headers}
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    policy = {"network": options.network, "now": options.now or now,
              "allow_unknown_status": options.allow_unknown_status,
              "confirmations": options.confirmations or (6 if options.network == "mainnet" else 1)}
    result = verifier.check_verdict(
        options.document.read_bytes(), options.proof and options.proof.read_bytes(), issuers,
        [{"list": item, "forked": False} for item in lists], chain, policy)
    for name, outcome in result.checks.items():
        print(f"{name:10} {outcome}")
    test = getattr(result, "network", options.network) != "mainnet"
    verdict = result.verdict.upper().replace("-", " ") + (" (TEST NETWORK)" if test else "")
    print(verdict + (f": {result.fails}" if result.fails else ""))
    return VERDICTS[result.verdict]


def main():
    parser = argparse.ArgumentParser(
        prog="verifier.py", usage=argparse.SUPPRESS, description=DESCRIPTION,
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
    parser.add_argument("--confirmations", type=int, help="default: 6, or 1 on a test network")
    parser.add_argument("--allow-unknown-status", action="store_true")
    parser.add_argument("--now", metavar="TIME", help="default: the present")
    options = parser.parse_args()
    if options.document:
        try:
            sys.exit(judge_document(options))
        except (OSError, ValueError, Refused) as reason:
            sys.exit(f"error: {reason}")
    # The vectors have the same signatures again and again.
    verifier.check_signature = functools.lru_cache(maxsize=None)(verifier.check_signature)
    here = file(__file__).parent
    counts = [judge_vectors(path) for path in options.vectors or sorted(here.glob("*.json"))]
    count, differ = (sum(column) for column in zip(*counts))
    print(f"{count} vectors, {differ} differ")
    sys.exit(differ > 0)

"""Reads files of test vectors for verifier.py and state.py: README.md says what is in them."""
import base64
import inspect
import json
import pathlib
import sys
import types


def main(checks, files, refused):
    """Judge vectors, print those that differ, and exit.

    checks has a function for each kind, which takes the members of a vector that it names and
    raises refused with the id of the check that fails; without files, all of those kinds are read.
    """
    total, differ = 0, []
    here = pathlib.Path(__file__)
    for file in files or [here.with_name(f"{kind}.json") for kind in sorted(checks)]:
        content = json.loads(pathlib.Path(file).read_text(encoding="utf-8"))
        total += len(content["vectors"])
        for vector in content["vectors"]:
            problem = judge(checks[content["kind"]], vector, refused)
            if problem:
                differ.append(f"{file}: {vector['name']}: {problem}")
    print(*differ, f"{total} vectors, {len(differ)} differ", sep="\n")
    sys.exit(len(differ) > 0)


def judge(check, vector, refused):
    """Return how the answer of check differs from what the vector asks for; empty if not at all."""
    for name in [name for name in vector if name.endswith("_base64")]:
        vector[name.removesuffix("_base64")] = base64.b64decode(vector.pop(name))
    given = {name: vector.pop(name, None) for name in inspect.signature(check).parameters}
    want = {name: vector[name] for name in vector.keys() - {"name", "why", "cause"}}
    try:
        answer = check(**given)
    except refused as reason:
        answer = types.SimpleNamespace(fails=str(reason))
    got = {name: getattr(answer, name, "") for name in want}
    return "" if got == want else f"want {want}, got {got}"

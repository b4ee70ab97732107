"""Reads timestamps with python-opentimestamps, one a line.

A request is three fields with a space between them: "file", or the message in
hex that a bare timestamp is of; "all", or "not-ethereum" for a reader to which
an Ethereum attestation is of an unknown kind; the bytes in hex.

The answer is "ok NOTES BYTES ATTESTED", where BYTES is what the library writes
of what it has read and ATTESTED has MESSAGE:ATTESTATION of every attestation,
or "refused CLASS NOTES". NOTES are what the library read over in silence:

  long      a number that it would write in fewer bytes
  wide      a number of more than 64 bits
  twice     an attestation or an operation that one message has twice
  late      an attestation that stands behind an operation on the same message
  keccak256 a file that is named by its Keccak-256, of which no file can be made
  ethereum  an attestation that it can read, in its module "dubious"
"""

import sys

import opentimestamps.core.dubious.notary as dubious
import opentimestamps.core.serialize as serialize
import opentimestamps.core.timestamp as timestamp

notes = set()


class Input(serialize.BytesDeserializationContext):
    watched = True

    def read_varuint(self):
        start = self.fd.tell()
        value = super().read_varuint()
        read = self.fd.getvalue()[start:self.fd.tell()]
        if self.watched and written(lambda ctx: ctx.write_varuint(value)) != read:
            notes.add("long")
        if self.watched and value >= 1 << 64:
            notes.add("wide")
        return value


class Attestations(set):
    def __init__(self, ops):
        super().__init__()
        self.ops = ops

    def add(self, attestation):
        if attestation in self:
            notes.add("twice")
        if self.ops:
            notes.add("late")
        super().add(attestation)


class Operations(timestamp.OpSet):
    def __setitem__(self, op, stamp):
        if op in self:
            notes.add("twice")
        super().__setitem__(op, stamp)


class Timestamp(timestamp.Timestamp):
    def __init__(self, msg):
        super().__init__(msg)
        self.ops = Operations(lambda op: Timestamp(op(msg)))
        self.attestations = Attestations(self.ops)


class Ethereum(dubious.EthereumBlockHeaderAttestation):
    @classmethod
    def deserialize(cls, ctx):
        notes.add("ethereum")
        ctx.watched = False
        return super().deserialize(ctx)


# The library looks these names up at each use.
serialize.BytesDeserializationContext = Input
timestamp.Timestamp = Timestamp
dubious.EthereumBlockHeaderAttestation = Ethereum
ethereum_tag = Ethereum.TAG


def written(write):
    ctx = serialize.BytesSerializationContext()
    write(ctx)
    return ctx.getbytes()


def read(kind, data):
    ctx = Input(data)
    if kind == "file":
        file = timestamp.DetachedTimestampFile.deserialize(ctx)
        if not hasattr(file.file_hash_op, "hash_fd"):
            notes.add(str(file.file_hash_op))
        return file.timestamp, file.serialize
    stamp = Timestamp.deserialize(ctx, bytes.fromhex(kind))
    ctx.assert_eof()
    return stamp, stamp.serialize


def answer(kind, kinds, data):
    notes.clear()
    Ethereum.TAG = ethereum_tag if kinds == "all" else None
    try:
        stamp, serializer = read(kind, bytes.fromhex(data))
    except serialize.DeserializationError as error:
        return "refused %s %s" % (type(error).__name__, ",".join(sorted(notes)))
    attested = [
        message.hex() + ":" + written(attestation.serialize).hex()
        for message, attestation in stamp.all_attestations()
    ]
    return "ok %s %s %s" % (",".join(sorted(notes)), written(serializer).hex(), ",".join(sorted(attested)))


for line in sys.stdin:
    print(answer(*line.rstrip("\n").split(" ")), flush=True)

"""What the reference implementation, python-opentimestamps, makes of a calendar.

    reference.py stamp URL DIGEST          submits, prints the timestamp
    reference.py upgrade DIGEST TIMESTAMP  asks the calendars that it names, prints
                                           the timestamp with what they gave
    reference.py walk DIGEST TIMESTAMP     prints "MESSAGE KIND VALUE" of each
                                           attestation, after writing the timestamp
                                           again and comparing

All bytes are in hex. A calendar's 404 ends it with the reason and status 4.
"""

import sys

from opentimestamps.calendar import CommitmentNotFoundError, RemoteCalendar
from opentimestamps.core.notary import (
    BitcoinBlockHeaderAttestation,
    LitecoinBlockHeaderAttestation,
    PendingAttestation,
)
from opentimestamps.core.serialize import BytesDeserializationContext, BytesSerializationContext
from opentimestamps.core.timestamp import Timestamp


def read(digest, data):
    ctx = BytesDeserializationContext(data)
    stamp = Timestamp.deserialize(ctx, digest)
    ctx.assert_eof()
    return stamp


def write(stamp):
    ctx = BytesSerializationContext()
    stamp.serialize(ctx)
    return ctx.getbytes()


def pending(stamp):
    """The nodes that have a pending attestation, with its URI."""
    for attestation in stamp.attestations:
        if isinstance(attestation, PendingAttestation):
            yield stamp, attestation.uri
    for branch in stamp.ops.values():
        yield from pending(branch)


def upgrade(stamp):
    for node, uri in list(pending(stamp)):
        try:
            node.merge(RemoteCalendar(uri).get_timestamp(node.msg, timeout=10))
        except CommitmentNotFoundError as e:
            print(e.reason)
            sys.exit(4)


def describe(attestation):
    if isinstance(attestation, BitcoinBlockHeaderAttestation):
        return "bitcoin %d" % attestation.height
    if isinstance(attestation, LitecoinBlockHeaderAttestation):
        return "litecoin %d" % attestation.height
    if isinstance(attestation, PendingAttestation):
        return "pending " + attestation.uri
    return "unknown " + attestation.TAG.hex()


def main(command, *args):
    if command == "stamp":
        print(write(RemoteCalendar(args[0]).submit(bytes.fromhex(args[1]), timeout=10)).hex())
        return
    digest, data = (bytes.fromhex(a) for a in args)
    stamp = read(digest, data)
    if command == "upgrade":
        upgrade(stamp)
        print(write(stamp).hex())
        return
    if write(stamp) != data:
        sys.exit("it writes other bytes: " + write(stamp).hex())
    for message, attestation in stamp.all_attestations():
        print(message.hex(), describe(attestation))


main(*sys.argv[1:])

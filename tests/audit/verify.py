#!/usr/bin/env python3
"""Recomputes the chain of an audit trail with nothing but Python's standard library.

    verify.py warrener.db

Written from migrations/README.md, not from the gateway's code, so that the two check each other. Exit code 0 and the last
digest, or 1 and what differs.
"""

import hashlib
import sqlite3
import sys

COVERED = """seq call_id kind at principal role client_name client_version client_address method tool decision rule reason
detail enforced request_bytes arguments_digest received forwarded policy_revision schema_digest trace_id facts count
outcome http_status error_code items response_bytes duration_us note""".split()


def netstring(value):
    if value is None:
        return b"-,"
    data = value if isinstance(value, bytes) else str(value).encode()
    return str(len(data)).encode() + b":" + data + b","


def verify(path):
    trail = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    prev, expected = bytes(32), 1
    for row in trail.execute(f"SELECT {', '.join(COVERED)}, prev, digest FROM entries ORDER BY seq"):
        values, (stored_prev, stored) = row[:-2], row[-2:]
        seq = values[0]
        if seq != expected:
            return f"entry {expected} is missing"
        accesses = trail.execute(
            "SELECT action, collection, fields, extent, via, asked FROM accesses WHERE seq = ? ORDER BY n", (seq,)
        ).fetchall()
        covered = [b"warrener-trail-1", *values, len(accesses), *(value for access in accesses for value in access)]
        digest = hashlib.sha256(prev + b"".join(map(netstring, covered))).digest()
        if stored_prev != prev or stored != digest:
            return f"entry {seq} was changed"
        for arguments, salt in trail.execute("SELECT arguments, salt FROM payloads WHERE seq = ?", (seq,)):
            if hashlib.sha256(salt + arguments.encode()).digest() != values[COVERED.index("arguments_digest")]:
                return f"the arguments of entry {seq} were changed"
        prev, expected = digest, expected + 1
    print(f"{expected - 1} entries, {prev.hex()}")
    return None


sys.exit(verify(sys.argv[1]))

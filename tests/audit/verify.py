#!/usr/bin/env python3
"""Recomputes the chain of an audit trail with nothing but Python's standard library.

    verify.py warrener.db

Written from migrations/README.md, not from the gateway's code, so that the two check each other. Exit code 0 and the last
digest, or 1 and what differs.
"""

import hashlib
import json
import sqlite3
import sys

COVERED = """seq call_id kind at principal role client_name client_version client_address method tool decision rule reason
detail enforced request_bytes arguments_digest arguments_kept facts_digest received forwarded policy_revision schema_digest trace_id count
outcome http_status error_code items response_bytes response_digest duration_us note""".split()


def netstring(value):
    if value is None:
        return b"-,"
    data = value if isinstance(value, bytes) else str(value).encode()
    return str(len(data)).encode() + b":" + data + b","


def seal(trail, prev, row):
    accesses = trail.execute(
        "SELECT action, collection, fields, extent, via, asked FROM accesses WHERE seq = ? ORDER BY n", row[:1]
    ).fetchall()
    covered = [b"warrener-trail-1", *row, len(accesses), *(value for access in accesses for value in access)]
    return hashlib.sha256(prev + b"".join(map(netstring, covered))).digest()


def verify(path):
    trail = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for pseudonym, name, salt in trail.execute("SELECT pseudonym, name, salt FROM principals"):
        if hashlib.sha256(salt + name.encode()).hexdigest()[:32] != pseudonym:
            return f"the name `{name}` does not belong to its pseudonym"
    seq, prev, count = 0, bytes(32), 0
    for marker, note in trail.execute("SELECT seq, note FROM entries WHERE kind = 'marker' ORDER BY seq"):
        note = json.loads(note)
        if note["event"] == "prune" and seq < note["seq"] < marker:
            seq, prev = note["seq"], bytes.fromhex(note["digest"])
    (odd,) = trail.execute("SELECT count(*) FROM entries WHERE seq <= ?", (seq,)).fetchone()
    if odd:
        return f"{odd} entries stand before the first one"
    columns = f"{', '.join(COVERED)}, prev, digest"
    for row in trail.execute(f"SELECT {columns} FROM entries WHERE seq > ? ORDER BY seq", (seq,)):
        entry, (stored_prev, stored) = dict(zip(COVERED, row)), row[-2:]
        if entry["seq"] != seq + 1:
            return f"entry {seq + 1} is missing"
        seq = entry["seq"]
        digest = seal(trail, prev, row[:-2])
        if stored_prev != prev or stored != digest:
            return f"entry {seq} was changed"
        for arguments, facts, salt in trail.execute("SELECT arguments, facts, salt FROM payloads WHERE seq = ?", (seq,)):
            for what, text in (("arguments", arguments), ("facts", facts)):
                if text is not None and hashlib.sha256(salt + text.encode()).digest() != entry[f"{what}_digest"]:
                    return f"the {what} of entry {seq} were changed"
        prev, count = digest, count + 1
    print(f"{count} entries, {prev.hex()}")
    return None


if __name__ == "__main__":
    sys.exit(verify(sys.argv[1]))

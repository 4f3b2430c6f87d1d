#!/usr/bin/env python3
"""Seals a trail anew from an entry on, as whoever has the file, but not the signing key, can.

    reseal.py warrener.db 4
"""

import sqlite3
import sys

from verify import COVERED, seal

trail = sqlite3.connect(sys.argv[1])
first = int(sys.argv[2])
prev = trail.execute("SELECT digest FROM entries WHERE seq = ?", (first - 1,)).fetchone()[0]
rows = trail.execute(f"SELECT {', '.join(COVERED)} FROM entries WHERE seq >= ? ORDER BY seq", (first,)).fetchall()
(trigger,) = trail.execute("SELECT sql FROM sqlite_schema WHERE name = 'entries_no_update'").fetchone()
trail.execute("DROP TRIGGER entries_no_update")
for row in rows:
    digest = seal(trail, prev, row)
    trail.execute("UPDATE entries SET prev = ?, digest = ? WHERE seq = ?", (prev, digest, row[0]))
    prev = digest
trail.execute(trigger)
trail.commit()

"""Programs that an interpreter is given while it has to end: what they begin with, and what they are busy with."""

from __future__ import annotations

PREFACE = """
import os, signal, sys, threading, time
import powerbi_push as pbi
from powerbi_push.emulator import Emulator

SCHEMA = pbi.DatasetSchema("Sales", [pbi.TableSchema("Orders", {"Id": int})])

def quietly(call):
    try:
        call()
    except pbi.PowerBIPushError:
        pass  # how a daemon's call ends while the interpreter goes is not the matter
"""

PUSHING = """
        arrived = threading.Event()
        def rows():
            number = 0
            while True:
                yield {"Id": number}
                number += 1
                if number == 30_000:
                    arrived.set()
        for _ in range(3):
            threading.Thread(target=lambda: quietly(lambda: table.push(rows())), daemon=True).start()
        arrived.wait()
    """
"""Daemon threads that push into `table` without an end, one of them some requests by now."""
ASKED = """
        asked = threading.Event()
        def credential():
            asked.set()
            threading.Event().wait(0.2)
            return "opaque"
        client = pbi.Client(credential, base_url="http://127.0.0.1:1", retry=None)
        threading.Thread(target=quietly, args=(client.datasets,), daemon=True).start()
        asked.wait()
    """
"""A credential that is being asked."""

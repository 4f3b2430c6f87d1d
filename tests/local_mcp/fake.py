#!/usr/bin/env python3
"""A Local MCP that misbehaves on demand: lines of JSON in, lines of JSON out.

What a `tools/call` asks for is told by its tool's name, or by `arguments.collection` where a gateway knows tools by their names.
Every line that arrives is appended to the file in FAKE_LOG. FAKE_START is how it begins: `exit`, `silent`, `garbage`, `revision`, or well.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

write_lock = threading.Lock()


def write(text):
    with write_lock:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def answer(message_id, result):
    write(json.dumps({"jsonrpc": "2.0", "id": message_id, "result": result}))


def text(message_id, said):
    answer(message_id, {"content": [{"type": "text", "text": json.dumps(said)}]})


def later(seconds, action):
    threading.Timer(seconds, action).start()


def call(message_id, params):
    arguments = params.get("arguments", {})
    what = params["name"]
    if what == "read-items":
        what = {"customers": "die", "tags": "silence"}.get(arguments.get("collection"), "rows")
    if what == "rows":
        text(message_id, [{"id": 1}])
    elif what == "slow":
        later(arguments["seconds"], lambda: text(message_id, arguments["said"]))
    elif what == "die":
        sys.stderr.write(f"it ends now, by {os.environ.get('HTTPS_PROXY')}\n")
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "last-words":
        text(message_id, "last")
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "garbage":
        for line in ["", "Debugger listening", "{", "[1]", "null", '"text"', "\x00\xff", '{"id":' + "9" * 400 + "}"]:
            write(line)
        text(message_id, "after it")
    elif what == "huge":
        text(message_id, "x" * (17 * 1024 * 1024))
    elif what == "silence":
        pass
    elif what == "other-id":
        text(message_id + 1000, "other")
    elif what == "text-id":
        text(str(message_id), "text")
    elif what == "twice":
        text(message_id, "first")
        text(message_id, "second")
    elif what == "late":
        later(arguments["seconds"], lambda: text(message_id, "late"))
    elif what == "asks":
        asked.append(message_id)
        write(json.dumps({"jsonrpc": "2.0", "id": "p", "method": "ping"}))
        write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "roots/list"}))
        write(json.dumps({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}))
    elif what == "environment":
        text(message_id, {"env": sorted(os.environ), "token": os.environ["DIRECTUS_TOKEN"], "folder": os.getcwd()})
    elif what == "pid":
        text(message_id, os.getpid())
    elif what == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen(["sleep", "300"], stdin=subprocess.DEVNULL)
        stubborn.append(child)
        text(message_id, [os.getpid(), child.pid])
    elif what == "stderr":
        sys.stderr.write(f"the token is {os.environ['DIRECTUS_TOKEN']}\n" * 200)
        sys.stderr.flush()
        text(message_id, "said")
    else:
        text(message_id, f"no tool {what}")


asked, stubborn, replies = [], [], []


def take(line):
    message = json.loads(line)
    method = message.get("method")
    if method == "initialize":
        start = os.environ.get("FAKE_START", "well")
        if start == "garbage":
            answer(message["id"], {"hello": 1})
        elif start != "silent":
            revision = "1999-01-01" if start == "revision" else message["params"]["protocolVersion"]
            server = {"name": "fake", "version": "1"}
            answer(message["id"], {"protocolVersion": revision, "capabilities": {"tools": {}, "resources": {}}, "serverInfo": server})
    elif method == "tools/call":
        call(message["id"], message["params"])
    elif method == "tools/list":
        tool = {"inputSchema": {"type": "object", "properties": {}}}
        answer(message["id"], {"tools": [{"name": name, **tool} for name in ["read-items", "delete-item"]]})
    elif method is None and asked:
        replies.append(message)
        if len(replies) == 2:
            text(asked.pop(), replies.copy())


def main():
    if os.environ.get("FAKE_START") == "exit":
        sys.exit("it does not want to")
    log = os.environ.get("FAKE_LOG")
    for line in sys.stdin:
        if log:
            with open(log, "a", encoding="utf-8") as file:
                file.write(line)
        take(line)
    while stubborn:
        time.sleep(60)


main()

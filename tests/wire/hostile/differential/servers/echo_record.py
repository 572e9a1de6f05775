"""What the Python servers say of a request that they have read."""

import hashlib
import json
import sys
import threading

_output = threading.Lock()


def behaviour_of(target):
    parts = target.split("/")
    return parts[2] if len(parts) > 2 else ""


def record(*, method, target, marker, content_type, via, port, seen, body):
    read = {
        "m": method, "t": target.hex(), "k": marker, "ct": content_type, "v": via, "c": port, "n": seen,
    }
    if body is not None:
        read["len"] = len(body)
        read["sha"] = hashlib.sha1(body).hexdigest()
        read["b"] = body[:200].hex()
    return json.dumps(read)


def announce(text):
    with _output:
        sys.stdout.write("@" + text + "\n")
        sys.stdout.flush()

"""An echo as an ASGI application, for uvicorn."""

from collections import Counter

from echo_record import announce, behaviour_of, record

seen_by_port = Counter()


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    behaviour = behaviour_of(target.decode("latin-1"))
    body = None
    if behaviour != "early":
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
    port = scope["client"][1]
    seen_by_port[port] += 1
    values = lambda wanted: b",".join(value for name, value in scope["headers"] if name == wanted).decode("latin-1")
    text = record(
        method=scope["method"], target=target, marker=values(b"x-marker"),
        content_type=values(b"content-type"), via=values(b"x-via"),
        port=port, seen=seen_by_port[port], body=body,
    )
    announce(text)
    data = text.encode()
    status = {"s204": 204, "s304": 304}.get(behaviour, 200)
    headers = [(b"x-echo", data), (b"content-type", b"application/json")]
    if behaviour == "close":
        headers.append((b"connection", b"close"))
    if behaviour != "chunked" and status == 200:
        headers.append((b"content-length", str(len(data)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if status != 200:
        await send({"type": "http.response.body", "body": b""})
    elif behaviour == "chunked":
        await send({"type": "http.response.body", "body": data[:10], "more_body": True})
        await send({"type": "http.response.body", "body": data[10:]})
    else:
        await send({"type": "http.response.body", "body": data})

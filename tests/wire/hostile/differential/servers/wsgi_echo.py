"""An echo as a WSGI application, for gunicorn."""

from collections import Counter

from echo_record import announce, behaviour_of, record

seen_by_port = Counter()


def app(environ, start_response):
    target = environ["RAW_URI"]
    behaviour = behaviour_of(target)
    body = None if behaviour == "early" else environ["wsgi.input"].read()
    if body is not None and len(body) < int(environ.get("CONTENT_LENGTH") or 0):
        raise ConnectionError("the request was cut")
    port = int(environ["REMOTE_PORT"])
    seen_by_port[port] += 1
    text = record(
        method=environ["REQUEST_METHOD"], target=target.encode("latin-1"),
        marker=environ.get("HTTP_X_MARKER", ""), content_type=environ.get("CONTENT_TYPE", ""),
        via=environ.get("HTTP_X_VIA", ""), port=port, seen=seen_by_port[port], body=body,
    )
    announce(text)
    data = text.encode()
    headers = [("X-Echo", text), ("Content-Type", "application/json")]
    if behaviour in ("s204", "s304"):
        start_response({"s204": "204 No Content", "s304": "304 Not Modified"}[behaviour], headers)
        return []
    if behaviour != "chunked":
        headers.append(("Content-Length", str(len(data))))
    start_response("200 OK", headers)
    if environ["REQUEST_METHOD"] == "HEAD":
        return []
    return iter([data[:10], data[10:]]) if behaviour == "chunked" else [data]

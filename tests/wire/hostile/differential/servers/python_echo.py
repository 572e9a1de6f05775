"""An echo on Python's http.server. Usage: python3 python_echo.py PORT"""

import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from echo_record import announce, behaviour_of, record


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    seen = 0

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.echo
        raise AttributeError(name)

    def body(self):
        codings = self.headers.get_all("transfer-encoding", [])
        if not codings:
            return self.rfile.read(int(self.headers.get("content-length", "0")))
        if codings != ["chunked"]:
            raise ValueError("a coding that is not known")
        body = b""
        while True:
            line = self.rfile.readline()
            if not re.fullmatch(rb"[0-9A-Fa-f]+(;[^\r\n]*)?\r\n", line):
                raise ValueError("a chunk's size that is none")
            size = int(line.split(b";")[0], 16)
            if size == 0:
                while self.rfile.readline() not in (b"\r\n", b""):
                    pass
                return body
            body += self.rfile.read(size)
            if self.rfile.readline() != b"\r\n":
                raise ValueError("a chunk that is longer than its size")

    def echo(self):
        self.seen += 1
        behaviour = behaviour_of(self.path)
        body = None
        if behaviour == "early":
            # What is not read here would be read as the next request.
            self.close_connection = True
        else:
            expected = int(self.headers.get("content-length", "0"))
            body = self.body()
            if "transfer-encoding" not in self.headers and len(body) < expected:
                self.close_connection = True
                return
        values = lambda name: ",".join(self.headers.get_all(name, []))
        text = record(
            method=self.command, target=self.path.encode("latin-1"), marker=values("x-marker"),
            content_type=values("content-type"), via=values("x-via"),
            port=self.client_address[1], seen=self.seen, body=body,
        )
        announce(text)
        status = {"s204": 204, "s304": 304}.get(behaviour, 200)
        self.send_response(status)
        self.send_header("X-Echo", text)
        self.send_header("Content-Type", "application/json")
        if behaviour in ("early", "close"):
            self.send_header("Connection", "close")
        is_chunked = behaviour == "chunked"
        if is_chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif status == 200:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command == "HEAD" or status != 200:
            return
        data = text.encode()
        if is_chunked:
            for piece in (data[:10], data[10:]):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.wfile.write(data)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, *_):
        pass


Server(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()

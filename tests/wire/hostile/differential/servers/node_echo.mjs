// An echo on Node's own http module. Usage: node node_echo.mjs PORT
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import process from "node:process";

const requestsOf = new WeakMap();

function recordOf(request, body) {
  const valuesOf = (wanted) => {
    const values = [];
    for (let at = 0; at < request.rawHeaders.length; at += 2) {
      if (request.rawHeaders[at].toLowerCase() === wanted) values.push(request.rawHeaders[at + 1]);
    }
    return values.join(",");
  };
  const seen = (requestsOf.get(request.socket) ?? 0) + 1;
  requestsOf.set(request.socket, seen);
  const text = JSON.stringify({
    m: request.method,
    t: Buffer.from(request.url, "latin1").toString("hex"),
    k: valuesOf("x-marker"),
    ct: valuesOf("content-type"),
    v: valuesOf("x-via"),
    c: request.socket.remotePort,
    n: seen,
    ...(body !== undefined && {
      len: body.length,
      sha: createHash("sha1").update(body).digest("hex"),
      b: body.subarray(0, 200).toString("hex"),
    }),
  });
  // The field and the body would be written in different codings.
  return text.replaceAll(/[^\x20-\x7e]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function answer(request, response, { behaviour, body }) {
  const record = recordOf(request, body);
  process.stdout.write(`@${record}\n`);
  response.setHeader("x-echo", record);
  response.setHeader("content-type", "application/json");
  if (behaviour === "s204" || behaviour === "s304") {
    response.statusCode = Number(behaviour.slice(1));
    return response.end();
  }
  if (behaviour === "close") response.setHeader("connection", "close");
  if (behaviour === "chunked") {
    response.write(record.slice(0, 10));
    return response.end(record.slice(10));
  }
  response.setHeader("content-length", record.length);
  response.end(record);
}

const server = createServer((request, response) => {
  const behaviour = request.url.split("/")[2];
  if (behaviour === "early") return answer(request, response, { behaviour });
  if (behaviour === "continue") response.writeContinue();
  if (behaviour === "hints") response.writeEarlyHints({ link: "</style.css>; rel=preload; as=style" });
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => answer(request, response, { behaviour, body: Buffer.concat(pieces) }));
});
server.keepAliveTimeout = 120_000;
server.listen(Number(process.argv[2]), "127.0.0.1", 511);

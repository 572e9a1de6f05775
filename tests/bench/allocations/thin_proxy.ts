/**
 * The least that a proxy on the files of `src/http` does: it reads both heads, swaps the credential, and
 * reuses connections to the upstream. It checks, limits, logs and counts nothing. The argument is the port of
 * the upstream.
 */

import { ChunkedBody, CountedBody } from "../../../src/http/body.ts";
import { field } from "../../../src/http/fields.ts";
import type { Framing } from "../../../src/http/framing.ts";
import { readHead } from "../../../src/http/head.ts";
import { ConnectionReader } from "../../../src/http/reader.ts";
import type { OutgoingBody } from "../../../src/http/outgoing_body.ts";
import { writeMessage } from "../../../src/http/writer.ts";

interface UpstreamConnection {
  readonly connection: Deno.TcpConn;
  readonly reader: ConnectionReader;
}

const REPLACED = new Set(["authorization", "connection", "host"]);
const KEY = field("authorization", "Bearer key-of-the-upstream");
const HOST = field("host", "upstream.test");

const idle: UpstreamConnection[] = [];

/** Serves one connection until the client ends it. */
async function serve(connection: Deno.TcpConn, upstreamPort: number): Promise<void> {
  connection.setNoDelay(true);
  const reader = new ConnectionReader(connection);
  for (let head = await readHead(reader); head !== null; head = await readHead(reader)) {
    const upstream = idle.pop() ?? await connected(upstreamPort);
    const fields = [HOST, ...head.fields.filter(({ lower }) => !REPLACED.has(lower)), KEY];
    const body = bodyOf(head.framing, reader);
    await writeMessage(upstream.connection, { startLine: head.startLine, fields, body });
    const answer = await readHead(upstream.reader);
    if (answer === null) throw new Error("the upstream ended its connection");
    await writeMessage(connection, { ...answer, body: bodyOf(answer.framing, upstream.reader) });
    idle.push(upstream);
  }
}

function bodyOf(framing: Framing, reader: ConnectionReader): OutgoingBody {
  if (framing.kind === "absent") return { kind: "none" };
  return framing.kind === "chunked"
    ? { kind: "chunked", source: new ChunkedBody(reader) }
    : { kind: "counted", length: framing.length, source: new CountedBody(reader, framing.length) };
}

async function connected(port: number): Promise<UpstreamConnection> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  return { connection, reader: new ConnectionReader(connection) };
}

const upstreamPort = Number(Deno.args[0]);
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
Deno.addSignalListener("SIGTERM", () => Deno.exit(0));
console.log(JSON.stringify({ event: "started", address: `http://127.0.0.1:${listener.addr.port}` }));
for await (const connection of listener) void serve(connection, upstreamPort);

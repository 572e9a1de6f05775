/** The rules of responses, as a table over all ways in: HTTP/1.1, HTTP/1.0, HTTP/2 and `engine = "deno"`. */

import { assertEquals } from "@std/assert";
import { connect } from "node:http2";
import type { ServerConfig } from "../../../src/config/config.ts";
import { within } from "../../support/time/deadline.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { pem } from "../../support/upstreams/tls_upstream.ts";

const TARGET = "/openai/v1/x";

/** A response as a client reads it, without what differs by design. */
interface Received {
  readonly status: number;
  readonly text: string;
  readonly fields: readonly (readonly [lower: string, value: string])[];
}

/** One way into the proxy. */
interface Way {
  readonly name: string;
  readonly server: Partial<ServerConfig>;
  readonly ask: (proxy: LocalProxy, method: string, target?: string) => Promise<Received>;
}

const WAYS: readonly Way[] = [
  { name: "HTTP/1.1", server: { engine: "own" }, ask: rawAsk("HTTP/1.1") },
  { name: "HTTP/1.0", server: { engine: "own" }, ask: rawAsk("HTTP/1.0") },
  {
    name: "HTTP/2",
    server: { engine: "own", tls: { cert: pem("cert.pem"), key: pem("key.pem"), files: [] } },
    ask: http2Ask,
  },
  { name: 'engine = "deno"', server: { engine: "deno" }, ask: rawAsk("HTTP/1.1") },
];

/** Sends one request over HTTP/1, and reads all bytes until the proxy closes the connection. */
function rawAsk(version: string): Way["ask"] {
  return async (proxy, method, target = TARGET) => {
    using client = await RawClient.connect(proxy.url);
    await client.send(
      `${method} ${target} ${version}\r\nHost: p\r\nConnection: close\r\n` +
        `X-Api-Key: ${SECRETS.proxyToken}\r\n\r\n`,
    );
    const { status, headers } = await client.head();
    const fields = headers.map(([name, value]) => [name.toLowerCase(), value] as const);
    const isChunked = fields.some(([name]) => name === "transfer-encoding");
    let text = "";
    // Without chunks, all bytes until the close are read: a body that the head does not announce shows here.
    const body = client.reader.body(isChunked ? [["transfer-encoding", "chunked"]] : [], {
      untilClose: true,
    });
    for await (const piece of body) text += new TextDecoder().decode(piece);
    return { status, text, fields };
  };
}

function http2Ask(proxy: LocalProxy, method: string, target = TARGET): Promise<Received> {
  const session = connect(`https://localhost:${new URL(proxy.url).port}`, { ca: pem("ca.pem") });
  const received = new Promise<Received>((resolve, reject) => {
    session.on("error", reject);
    const stream = session.request({
      ":method": method,
      ":path": target,
      "x-api-key": SECRETS.proxyToken,
    }, { endStream: true });
    let status = 0;
    let text = "";
    let fields: Received["fields"] = [];
    stream.on("response", (headers: Record<string, unknown>) => {
      status = Number(headers[":status"]);
      fields = Object.entries(headers).filter(([name]) => !name.startsWith(":")).map(([name, value]) =>
        [name, String(value)] as const
      );
    });
    stream.on("data", (piece: Uint8Array) => text += new TextDecoder().decode(piece));
    stream.on("end", () => resolve({ status, text, fields }));
    stream.on("error", reject);
  });
  return within(received, "the response over HTTP/2").finally(() => session.destroy());
}

/** What the upstream sends, and what each client gets. */
interface Rule {
  readonly name: string;
  readonly method?: string;
  readonly sent: string;
  readonly status: number;
  readonly text: string;
  /** The `content-length` of the response. Undefined: it has none. */
  readonly length: string | undefined;
  /** `Deno.serve` removes the length (docs/engines.md). */
  readonly isLostByDeno?: true;
}

const head = (status: string, ...lines: string[]) =>
  [`HTTP/1.1 ${status}`, "X-Kept: 1", ...lines, "", ""].join("\r\n");
const CHUNKED = "Transfer-Encoding: chunked";

const RULES: readonly Rule[] = [
  {
    name: "200, counted",
    sent: `${head("200 OK", "Content-Length: 2")}ab`,
    status: 200,
    text: "ab",
    length: "2",
  },
  { name: "200, empty", sent: head("200 OK", "Content-Length: 0"), status: 200, text: "", length: "0" },
  {
    name: "200, in chunks with a trailer",
    sent: `${head("200 OK", CHUNKED, "Trailer: X-End")}2\r\nab\r\n0\r\nX-End: 1\r\n\r\n`,
    status: 200,
    text: "ab",
    length: undefined,
  },
  { name: "204", sent: head("204 No Content"), status: 204, text: "", length: undefined },
  {
    name: "204 with a length",
    sent: head("204 No Content", "Content-Length: 2"),
    status: 204,
    text: "",
    length: undefined,
  },
  {
    name: "205, empty",
    sent: head("205 Reset", "Content-Length: 0"),
    status: 205,
    text: "",
    length: "0",
    isLostByDeno: true,
  },
  {
    name: "205 with a body",
    sent: `${head("205 Reset", "Content-Length: 2")}ab`,
    status: 205,
    text: "",
    length: "0",
    isLostByDeno: true,
  },
  {
    name: "205 with chunks",
    sent: `${head("205 Reset", CHUNKED)}2\r\nab\r\n0\r\n\r\n`,
    status: 205,
    text: "",
    length: "0",
    isLostByDeno: true,
  },
  { name: "304", sent: head("304 Not Modified"), status: 304, text: "", length: undefined },
  {
    name: "304 with the length of the body that it leaves out",
    sent: head("304 Not Modified", "Content-Length: 500"),
    status: 304,
    text: "",
    length: "500",
    isLostByDeno: true,
  },
  {
    name: "HEAD with a length",
    method: "HEAD",
    sent: head("200 OK", "Content-Length: 500"),
    status: 200,
    text: "",
    length: "500",
  },
  {
    name: "HEAD without a length",
    method: "HEAD",
    sent: head("200 OK", CHUNKED),
    status: 200,
    text: "",
    length: undefined,
  },
  {
    name: "HEAD and 205",
    method: "HEAD",
    sent: head("205 Reset", "Content-Length: 2"),
    status: 205,
    text: "",
    length: "0",
    isLostByDeno: true,
  },
  {
    name: "an error with a body",
    sent: `${head("404 Not Found", "Content-Length: 2")}no`,
    status: 404,
    text: "no",
    length: "2",
  },
];

/** Fields that the server of the runtime adds, and those of one connection. */
const OF_THE_SERVER: readonly string[] = ["connection", "vary"];

for (const { name: way, server, ask } of WAYS) {
  for (const { name, method = "GET", sent, status, text, length, isLostByDeno } of RULES) {
    Deno.test(`${way}: ${name}`, async () => {
      await using upstream = new FakeUpstream({
        script: async (exchange) => {
          await exchange.write(sent.replace("X-Kept: 1", "X-Kept: 1\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT"));
          exchange.close();
        },
      });
      await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, server });
      const received = await ask(proxy, method);
      const values = (wanted: string) =>
        received.fields.filter(([lower]) => lower === wanted).map(([, value]) => value);
      assertEquals(
        [received.status, received.text, values("content-length")],
        [status, text, length === undefined || isLostByDeno && server.engine === "deno" ? [] : [length]],
      );
      assertEquals([values("x-kept"), values("date")], [["1"], ["Thu, 01 Jan 1970 00:00:00 GMT"]]);
      assertEquals([values("trailer"), values("x-end")], [[], []]);
      assertEquals((await proxy.logged("exchange")).ending, "complete");
    });
  }

  Deno.test(`${way}: the proxy's own responses have the same fields and a length`, async () => {
    await using upstream = new FakeUpstream();
    await using proxy = new LocalProxy(upstream, {
      apiKey: SECRETS.openaiKey,
      server: { ...server, corsOrigins: ["*"] },
    });
    const found = [];
    for (
      const [method, target] of [["GET", "/healthz"], ["HEAD", "/healthz"], [
        "GET",
        "/openai/a/../b",
      ]] as const
    ) {
      const { status, text, fields } = await ask(proxy, method, target);
      const own = fields.filter(([name]) => !OF_THE_SERVER.includes(name) && name !== "date");
      found.push([method, status, own.find(([name]) => name === "content-length")?.[1], text.length]);
    }
    assertEquals(found[0], ["GET", 200, String(found[0]?.[3]), found[0]?.[3]]);
    assertEquals(found[1], ["HEAD", 200, found[0]?.[2], 0]);
    assertEquals(found[2], ["GET", 400, String(found[2]?.[3]), found[2]?.[3]]);
  });
}

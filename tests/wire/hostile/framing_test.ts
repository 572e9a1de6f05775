/**
 * Framing belongs to the connection: whatever a client declares and whatever an upstream sends, the next
 * client on the same pooled connection gets the answer to its own request, and the upstream sees one request
 * for each.
 */

import { assert, assertEquals } from "@std/assert";
import { type ClientHttp2Session, connect } from "node:http2";
import { FakeUpstream, plainAnswer, type ScriptedExchange } from "../../support/upstreams/fake_upstream.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { passing } from "../../support/time/passing_time.ts";
import { RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { pem } from "../../support/upstreams/tls_upstream.ts";

const TLS = { cert: pem("cert.pem"), key: pem("key.pem"), files: [] };
const ATTACKER = "canary-token-of-the-first-client-1";
const VICTIM = "canary-token-of-the-second-client-2";
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];
/** What the upstream does with a request, by the last segment of its path. */
const BEHAVIOURS = ["echo", "early", "late-200", "late-204", "late-304"] as const;
/** Bytes that would be a whole answer on a connection that is used again. */
const STOLEN = plainAnswer("an answer of somebody else");

/** How a request's body is declared and sent. */
interface Declared {
  readonly name: string;
  /** The stated length; undefined: none. */
  readonly length?: string;
  /** The body; undefined: the head ends the request. */
  readonly body?: string;
  /** What is sent over HTTP/1.1 behind the head, where it is not the body itself. */
  readonly chunked?: string;
  /** A declaration that is refused. */
  readonly refused?: (method: string, version: Version) => boolean;
}
type Version = "HTTP/1.1" | "HTTP/2";

const hidesBody = (method: string, version: Version): boolean =>
  version === "HTTP/2" && (method === "GET" || method === "HEAD");
const DECLARED: readonly Declared[] = [
  { name: "no body" },
  { name: "a length of zero", length: "0" },
  { name: "an empty body with a length of zero", length: "0", body: "" },
  { name: "an empty body without a length", body: "", chunked: "0\r\n\r\n" },
  { name: "a body with its length", length: "5", body: "hello", refused: hidesBody },
  { name: "a body whose length has zeros before it", length: "0000005", body: "hello", refused: hidesBody },
  { name: "a body without a length", body: "hello", chunked: "5\r\nhello\r\n0\r\n\r\n" },
];

/** Answers with the marker, once the body has been read or before. */
async function answer(exchange: ScriptedExchange): Promise<void> {
  const { request } = exchange;
  const behaviour = request.target.split("/").at(-1) ?? "";
  const marker = request.header("x-marker") ?? "none";
  if (behaviour === "early") {
    await exchange.write(plainAnswer(request.method === "HEAD" ? "" : marker));
    await gather(exchange.body());
    return;
  }
  const body = new TextDecoder().decode(await gather(exchange.body()));
  const status = behaviour.startsWith("late-") ? behaviour.slice(5) : "200";
  const text = `${marker} ${body}`;
  if (status === "204" || status === "304" || request.method === "HEAD") {
    await exchange.write(`HTTP/1.1 ${status} Done\r\nContent-Length: ${text.length}\r\n\r\n`);
    if (behaviour === "echo") return;
    await passing(2, { why: "the connection may be in use for the next client" });
    await exchange.write(STOLEN).catch(() => {});
    return;
  }
  await exchange.write(plainAnswer(text));
}

class Stage implements AsyncDisposable {
  readonly upstream = new FakeUpstream({ script: answer });
  readonly proxy = new LocalProxy(this.upstream, {
    apiKey: SECRETS.openaiKey,
    server: { tls: TLS, httpsPort: 0 },
    auth: {
      mode: "token",
      tokens: [{ name: "attacker", token: ATTACKER }, { name: "victim", token: VICTIM }],
    },
  });
  readonly #session: ClientHttp2Session = connect(`https://localhost:${this.proxy.httpsPort}`, {
    ca: pem("ca.pem"),
  });

  constructor() {
    this.#session.on("error", () => {});
  }

  /** One request of a client; gives status and body. */
  async ask(
    version: Version,
    { method, path, marker, token, declared }: {
      method: string;
      path: string;
      marker: string;
      token: string;
      declared: Declared;
    },
  ): Promise<{ status: number; text: string }> {
    return version === "HTTP/1.1"
      ? await this.#askHttp1({ method, path, marker, token, declared })
      : await this.#askHttp2({ method, path, marker, token, declared });
  }

  async #askHttp1(
    { method, path, marker, token, declared: { length, body, chunked } }: Parameters<Stage["ask"]>[1],
  ): Promise<{ status: number; text: string }> {
    using client = await RawClient.connect(this.proxy.url);
    const lines = [
      `${method} ${path} HTTP/1.1`,
      "Host: p",
      `Authorization: Bearer ${token}`,
      `X-Marker: ${marker}`,
      ...(length === undefined ? [] : [`Content-Length: ${length}`]),
      ...(chunked === undefined ? [] : ["Transfer-Encoding: chunked"]),
    ];
    await client.send(`${lines.join("\r\n")}\r\n\r\n${chunked ?? body ?? ""}`);
    const { status, text } = await client.answer(method);
    return { status, text };
  }

  #askHttp2(
    { method, path, marker, token, declared: { length, body } }: Parameters<Stage["ask"]>[1],
  ): Promise<{ status: number; text: string }> {
    const stream = this.#session.request({
      ":method": method,
      ":path": path,
      authorization: `Bearer ${token}`,
      "x-marker": marker,
      ...(length !== undefined && { "content-length": length }),
    }, { endStream: body === undefined });
    return new Promise((resolve, reject) => {
      let status = 0;
      let text = "";
      stream.on("response", (fields) => status = Number(fields[":status"]));
      stream.on("data", (piece: Uint8Array) => text += new TextDecoder().decode(piece));
      stream.on("end", () => resolve({ status, text }));
      stream.on("error", reject);
      if (body === "") stream.end();
      else if (body !== undefined) stream.end(body);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#session.once("close", () => resolve()));
    this.#session.destroy();
    await closed;
    await this.proxy[Symbol.asyncDispose]();
    await this.upstream[Symbol.asyncDispose]();
  }
}

for (const version of ["HTTP/1.1", "HTTP/2"] as const) {
  for (const behaviour of BEHAVIOURS) {
    Deno.test(`framing: ${version}, ${behaviour}: nothing crosses over the pool, by whatever method and framing`, async () => {
      await using stage = new Stage();
      let forwarded = 0;
      for (const method of METHODS) {
        for (const declared of DECLARED) {
          const what = `${method} with ${declared.name}`;
          const path = `/openai/v1/${behaviour}`;
          const own = await stage.ask(version, { method, path, marker: "MINE", token: ATTACKER, declared });
          const isRefused = declared.refused?.(method, version) === true;
          if (isRefused) assertEquals(own.status, 400, what);
          else {
            forwarded++;
            const expected = behaviour.startsWith("late-") ? Number(behaviour.slice(5)) : 200;
            assertEquals(own.status, expected, what);
            assert(!own.text.includes("somebody else"), `${what}: ${own.text}`);
          }
          // The one that comes next, over the same pool.
          for (let count = 0; count < 3; count++) {
            forwarded++;
            const theirs = await stage.ask("HTTP/1.1", {
              method: "GET",
              path: "/openai/v1/echo",
              marker: `THEIRS-${count}`,
              token: VICTIM,
              declared: { name: "no body" },
            });
            assertEquals(theirs, { status: 200, text: `THEIRS-${count} ` }, `the client after ${what}`);
          }
        }
      }
      assertEquals(stage.upstream.requests.length, forwarded, "the upstream's requests");
      for (const request of stage.upstream.requests) {
        assert(/^[A-Z]+$/.test(request.method), `a request that begins with ${request.method}`);
      }
    });
  }
}

Deno.test("framing: HTTP/2 without a body arrives without one, however the stream ends", async () => {
  await using stage = new Stage();
  for (const method of ["DELETE", "OPTIONS", "POST", "PATCH"]) {
    for (const declared of DECLARED.slice(0, 4)) {
      const path = "/openai/v1/echo";
      await stage.ask("HTTP/2", { method, path, marker: "M", token: ATTACKER, declared });
      const head = stage.upstream.requests.at(-1);
      assertEquals(head?.header("transfer-encoding"), undefined, `${method} with ${declared.name}`);
      const statesLength = declared.length !== undefined || method === "POST" || method === "PATCH";
      assertEquals(head?.header("content-length"), statesLength ? "0" : undefined, method);
    }
  }
});

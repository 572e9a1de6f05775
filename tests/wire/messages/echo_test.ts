/** What an upstream sees, byte for byte: directly, and through the proxy. */

import { assert, assertEquals } from "@std/assert";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

/** The lines that may differ: the host, the credential, and what belongs to one connection. */
const OF_THE_HOP =
  /^(host|authorization|x-api-key|api-key|connection|keep-alive|te|expect|transfer-encoding|content-length|x-hop):/i;

interface Shape {
  readonly name: string;
  /** After `METHOD `, the target directly at the upstream; the proxy's is `/openai` in front. */
  readonly line: readonly [method: string, target: string];
  readonly lines: readonly string[];
  readonly body?: string;
}

const SHAPES: readonly Shape[] = [
  { name: "nothing but the least", line: ["GET", "/v1/models"], lines: [] },
  {
    name: "the OpenAI SDK's request",
    line: ["POST", "/v1/chat/completions?beta=1"],
    lines: [
      "Accept: application/json",
      "Content-Type: application/json",
      "User-Agent: OpenAI/JS 7.55.0",
      "X-Stainless-Lang: js",
      "OpenAI-Organization: org-1",
      "Content-Length: 14",
      "Accept-Encoding: gzip, deflate, br, zstd",
    ],
    body: '{"model":"x"}\n',
  },
  {
    name: "odd spellings, repeats and an order of its own",
    line: ["POST", "/v1/x"],
    lines: [
      "x-LOWER-upper: 1",
      "Cookie: b=2",
      "B: 1",
      "A: 2",
      "b: 3",
      "Cookie: a=1",
      "X-Empty:",
      "Content-Length: 1",
    ],
    body: "x",
  },
  {
    name: "no user-agent, no accept, no accept-encoding: none is added",
    line: ["DELETE", "/v1/files/1"],
    lines: ["X-Only: this"],
  },
  {
    name: "a target with characters that libraries like to encode",
    line: ["GET", "/v1/a|b{c}d^e`f\"g<h>i'j?q=|{}^`\"<>'&r=%41%zz&s=/../x"],
    lines: [],
  },
  {
    name: "bytes beyond ASCII in the target and in values",
    line: ["GET", "/v1/\xc3\xa9?q=\xc3\xa9"],
    lines: ["X-V: l\xe4\xdft"],
  },
  {
    name: "hop-by-hop fields among others",
    line: ["GET", "/v1/models"],
    lines: ["X-A: 1", "Keep-Alive: 5", "Connection: keep-alive, X-Hop", "X-Hop: 1", "TE: trailers", "X-B: 2"],
  },
  {
    name: "a connection field that names the length: the body stays framed",
    line: ["POST", "/v1/x"],
    lines: ["Connection: content-length", "Content-Length: 41"],
    body: "GET /smuggled HTTP/1.1\r\nHost: upstream\r\n\r\n".slice(0, 41),
  },
  {
    name: "a body in chunks",
    line: ["POST", "/v1/files"],
    lines: ["Content-Type: multipart/form-data; boundary=x", "Transfer-Encoding: chunked"],
    body: "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
  },
  {
    name: "an empty body with its length",
    line: ["POST", "/v1/x"],
    lines: ["Content-Length: 0", "X-Last: 1"],
  },
  { name: "a body with GET", line: ["GET", "/v1/x"], lines: ["Content-Length: 2"], body: "{}" },
  { name: "a method nobody knows", line: ["PROPFIND", "/v1/x"], lines: ["Depth: 1"] },
];

for (const { name, line: [method, target], lines, body = "" } of SHAPES) {
  Deno.test(`echo: ${name}: host, credential and hop-by-hop fields are all that differs`, async () => {
    const seen: { head: string; body: string }[] = [];
    await using upstream = new FakeUpstream({
      script: async (exchange) => {
        const bytes = await gather(exchange.body());
        seen.push({ head: exchange.request.raw, body: new TextDecoder("latin1").decode(bytes) });
        await exchange.write("HTTP/1.1 204 Done\r\n\r\n");
      },
    });
    await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
    for (const [url, prefix] of [[upstream.origin, "/openai/v1"], [proxy.url, ""]] as const) {
      const path = prefix === "" ? `/openai${target}` : target.replace("/v1", prefix);
      using client = await RawClient.connect(url);
      const credential = `Authorization: Bearer ${SECRETS.proxyToken}`;
      await client.send(
        [`${method} ${path} HTTP/1.1`, "Host: some.host", credential, ...lines, "", body].join("\r\n"),
      );
      assertEquals((await client.answer(method)).status, 204);
    }
    const [direct, proxied] = seen;
    assert(direct !== undefined && proxied !== undefined);
    const endToEnd = (head: string) => head.split("\r\n").filter((line) => !OF_THE_HOP.test(line));
    assertEquals(endToEnd(proxied.head), endToEnd(direct.head));
    assertEquals(proxied.body, direct.body);
    // The length is checked, and written behind the other fields.
    assertEquals(lengthsIn(proxied.head), lengthsIn(direct.head).map((length) => String(Number(length))));
    const added = proxied.head.split("\r\n").filter((line) => OF_THE_HOP.test(line)).map((line) =>
      line.toLowerCase()
    );
    assertEquals(
      added.filter((line) => !/^(transfer-encoding|content-length):/.test(line)).sort(),
      [`authorization: bearer ${SECRETS.openaiKey}`, `host: ${new URL(upstream.origin).host}`],
    );
  });
}

function lengthsIn(head: string): string[] {
  return [...head.matchAll(/^content-length: *(\d+)/gim)].map(([, length = ""]) => length);
}

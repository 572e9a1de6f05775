/** Requests that two readers could take differently never reach an upstream. */

import { assertEquals } from "@std/assert";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const LINE = "POST /openai/v1/x HTTP/1.1\r\n";
const HOST = `Host: p\r\nX-Api-Key: ${SECRETS.proxyToken}\r\n`;

/** A whole request as bytes, refused with a 400 and a closed connection. */
const REFUSED: readonly (readonly [name: string, bytes: string, status?: number])[] = [
  ["length and chunked", `${LINE}${HOST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ["chunked and length", `${LINE}${HOST}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`],
  ["two lengths", `${LINE}${HOST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`],
  ["the same length twice", `${LINE}${HOST}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`],
  ["a length as a list", `${LINE}${HOST}Content-Length: 3, 3\r\n\r\nabc`],
  ["a signed length", `${LINE}${HOST}Content-Length: +3\r\n\r\nabc`],
  ["a hexadecimal length", `${LINE}${HOST}Content-Length: 0x3\r\n\r\nabc`],
  ["an empty length", `${LINE}${HOST}Content-Length:\r\n\r\nabc`],
  ["a coding before chunked", `${LINE}${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ["a coding that is not chunked", `${LINE}${HOST}Transfer-Encoding: identity\r\n\r\n`],
  [
    "chunked twice",
    `${LINE}${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ["chunked behind a vertical tab", `${LINE}${HOST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`],
  ["chunks in HTTP/1.0", `POST /openai/v1/x HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ["a folded line", `${LINE}${HOST}X-A: 1\r\n b\r\n\r\n`],
  ["a space before the colon", `${LINE}${HOST}Content-Length : 3\r\n\r\nabc`],
  ["a bare LF", `${LINE}${HOST}X-A: 1\nX-B: 2\r\n\r\n`],
  ["bare LFs only", `POST /openai/v1/x HTTP/1.1\nHost: p\n\n`],
  ["a bare CR", `${LINE}${HOST}X-A: 1\rX-B: 2\r\n\r\n`],
  ["a NUL", `${LINE}${HOST}X-A: \0\r\n\r\n`],
  ["no host", `${LINE}X-Api-Key: ${SECRETS.proxyToken}\r\n\r\n`],
  ["two hosts", `${LINE}${HOST}Host: q\r\n\r\n`],
  ["a host with a path", `${LINE}Host: p/q\r\nX-Api-Key: ${SECRETS.proxyToken}\r\n\r\n`],
  ["a name that is none", `${LINE}${HOST}X A: 1\r\n\r\n`],
  ["a line without a colon", `${LINE}${HOST}nonsense\r\n\r\n`],
  ["no version", `POST /openai/v1/x\r\n${HOST}\r\n`],
  ["HTTP/2.0", `POST /openai/v1/x HTTP/2.0\r\n${HOST}\r\n`],
  ["HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["a space in the target", `POST /openai /v1/x HTTP/1.1\r\n${HOST}\r\n`],
  ["a tab behind the method", `POST\t/openai/v1/x HTTP/1.1\r\n${HOST}\r\n`],
  ["a method that is none", `P@ST /openai/v1/x HTTP/1.1\r\n${HOST}\r\n`],
  ["an endless head", `${LINE}${HOST}X-A: ${"a".repeat(70_000)}\r\n\r\n`, 431],
  ["too many fields", `${LINE}${HOST}${"X-A: 1\r\n".repeat(300)}\r\n`, 431],
  ["a chunk size that is none", `${LINE}${HOST}Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n`],
  ["a chunk longer than its size", `${LINE}${HOST}Transfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n`],
];

for (const [name, bytes, status = 400] of REFUSED) {
  Deno.test(`a request with ${name} is a ${status}, closes the connection, and nothing behind it is served`, async () => {
    await using upstream = new FakeUpstream({
      script: async (exchange) => {
        await gather(exchange.body());
        await exchange.write(plainAnswer("reached"));
      },
    });
    await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
    using client = await RawClient.connect(proxy.url);
    const smuggled = `GET /openai/v1/smuggled HTTP/1.1\r\n${HOST}\r\n`;
    await client.send(bytes + smuggled);
    const answer = await client.answer("POST");
    assertEquals([answer.status, answer.header("connection")], [status, "close"]);
    assertEquals(
      answer.header("x-llm-proxy-error"),
      status === 431 ? "headers_too_large" : "bad_request",
    );
    assertEquals(await client.reader.head().catch(() => null), null, "the connection goes on");
    assertEquals(upstream.requests.filter(({ target }) => target.includes("smuggled")), []);
  });
}

Deno.test("an upload refused early gets its answer although it is still being sent", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  using client = await RawClient.connect(proxy.url);
  await client.send(`${LINE}Host: p\r\nContent-Length: 300000\r\n\r\n`);
  await client.send("x".repeat(100_000));
  const answer = await client.answer("POST");
  assertEquals([answer.status, answer.header("connection")], [401, "close"]);
  assertEquals(upstream.requests, []);
});

Deno.test("a refused request whose body has come whole leaves the connection usable", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  using client = await RawClient.connect(proxy.url);
  for (let round = 0; round < 3; round++) {
    await client.send(`${LINE}Host: p\r\nContent-Length: 5\r\n\r\nhello`);
    assertEquals((await client.answer("POST")).status, 401);
  }
});

Deno.test("HTTP/1.0 is answered without chunks and closed", async () => {
  await using upstream = new FakeUpstream({
    script: (exchange) =>
      exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
  });
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  using client = await RawClient.connect(proxy.url);
  await client.send(`GET /openai/v1/x HTTP/1.0\r\nX-Api-Key: ${SECRETS.proxyToken}\r\n\r\n`);
  const answer = await client.answer();
  assertEquals([answer.text, answer.header("transfer-encoding"), answer.header("connection")], [
    "hello",
    undefined,
    "close",
  ]);
});

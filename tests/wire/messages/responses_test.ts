import { assert, assertEquals } from "@std/assert";
import { chunk, FakeUpstream, plainAnswer, type Script } from "../../support/upstreams/fake_upstream.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { type RawAnswer, RawClient, rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const AUTH = `Authorization: Bearer ${SECRETS.proxyToken}`;

/** Asks once over a socket of its own, with the upstream answering by the script. */
async function ask(
  script: Script,
  { method = "GET", headers = [] }: { method?: string; headers?: string[] } = {},
): Promise<RawAnswer & { log: LocalProxy["log"] }> {
  await using upstream = new FakeUpstream({ script });
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  const answer = await rawRequest(proxy.url, [`${method} /openai/v1/models HTTP/1.1`, AUTH, ...headers]);
  await proxy.logged("exchange");
  return { ...answer, log: proxy.log };
}

const sends = (text: string): Script => (exchange) => exchange.write(text);

async function gzip(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

for (const status of ["200 OK", "400 Bad Request", "500 Internal Server Error"]) {
  Deno.test(`a gzip answer with ${status} reaches the client readable, whoever decodes it`, async () => {
    const text = '{"message":"' + "compressed ".repeat(50) + '"}';
    const body = await gzip(text);
    const answer = await ask(async (exchange) => {
      await exchange.write(
        `HTTP/1.1 ${status}\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`,
      );
      await exchange.write(body);
    }, { headers: ["Accept-Encoding: gzip"] });
    assertEquals(answer.status, Number(status.slice(0, 3)));
    const isEncoded = answer.header("content-encoding") === "gzip";
    if (!isEncoded) assertEquals(answer.header("content-encoding"), undefined);
    const length = answer.header("content-length");
    if (length !== undefined) assertEquals(Number(length), answer.body.length);
    const readable = isEncoded
      ? await new Response(
        new Blob([answer.body.slice()]).stream().pipeThrough(new DecompressionStream("gzip")),
      ).text()
      : answer.text;
    assertEquals(readable, text);
  });
}

Deno.test("a coding that nobody here decodes passes as it is", async () => {
  const answer = await ask(
    sends("HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 4\r\n\r\n\x28\xb5\x2f\xfd"),
  );
  assertEquals(answer.header("content-encoding"), "zstd");
  assertEquals(answer.header("content-length"), "4");
  assertEquals([...answer.body], [0x28, 0xb5, 0x2f, 0xfd]);
});

Deno.test("set-cookie twice stays twice", async () => {
  const answer = await ask(
    sends(plainAnswer("x", { headers: "Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\n" })),
  );
  const cookies = answer.headers.filter(([name]) => name.toLowerCase() === "set-cookie").map(([, value]) =>
    value
  );
  assertEquals(cookies.map((cookie) => cookie.split(";")[0]), ["a=1", "b=2"]);
});

Deno.test("1xx answers before the final one are passed over", async () => {
  const early = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
  const answer = await ask(sends(early + plainAnswer("final")));
  assertEquals([answer.status, answer.text, answer.header("link")], [200, "final", undefined]);
});

for (const status of [204, 304]) {
  Deno.test(`${status} has no body and ends at once`, async () => {
    const answer = await ask(sends(`HTTP/1.1 ${status} Nothing\r\nETag: "v1"\r\n\r\n`));
    assertEquals([answer.status, answer.header("etag")], [status, '"v1"']);
    assertEquals(answer.log.find(({ event }) => event === "exchange")?.["ending"], "complete");
  });
}

Deno.test("a length that a 204 must not have does not reach the client", async () => {
  const answer = await ask(sends("HTTP/1.1 204 Nothing\r\nContent-Length: 5\r\n\r\n"));
  assertEquals([answer.status, answer.header("content-length")], [204, undefined]);
});

Deno.test("an upload whose answer came early does not look finished to the upstream", async () => {
  const received = Promise.withResolvers<string>();
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      await exchange.write(plainAnswer("early"));
      gather(exchange.body()).then(
        (whole) => received.resolve(`whole: ${new TextDecoder().decode(whole)}`),
        () => received.resolve("broken off"),
      );
      await received.promise;
    },
  });
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  using client = await RawClient.connect(proxy.url);
  await client.send(`POST /openai/v1/x HTTP/1.1\r\nHost: p\r\n${AUTH}\r\nTransfer-Encoding: chunked\r\n\r\n`);
  assertEquals((await client.answer("POST")).text, "early");
  assertEquals(await received.promise, "broken off", "half an upload must not look whole");
});

Deno.test("HEAD has the headers of GET and no body", async () => {
  const answer = await ask(sends("HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nX-Of-Get: 1\r\n\r\n"), {
    method: "HEAD",
  });
  assertEquals([answer.status, answer.body.length, answer.header("x-of-get")], [200, 0, "1"]);
});

for (const status of [301, 302, 307, 308]) {
  Deno.test(`a redirect ${status} is returned and not followed`, async () => {
    let asked = 0;
    const answer = await ask(async (exchange) => {
      asked++;
      const { origin } = new URL("http://127.0.0.1:9/");
      await exchange.write(
        plainAnswer("", { status: `${status} Moved`, headers: `Location: ${origin}/elsewhere\r\n` }),
      );
    });
    assertEquals([answer.status, answer.header("location"), asked], [
      status,
      "http://127.0.0.1:9/elsewhere",
      1,
    ]);
  });
}

Deno.test("trailers and the header that announces them are dropped", async () => {
  const answer = await ask(sends(
    `HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n${
      chunk("body")
    }0\r\nX-Sum: 1\r\n\r\n`,
  ));
  assertEquals([answer.text, answer.header("trailer"), answer.header("x-sum")], [
    "body",
    undefined,
    undefined,
  ]);
});

Deno.test("hop-by-hop headers of the answer stay behind, those that connection names among them", async () => {
  const answer = await ask(sends(plainAnswer("x", {
    headers:
      "Connection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nProxy-Authenticate: Basic\r\n" +
      "Upgrade: h2c\r\nX-End: 2\r\n",
  })));
  for (const name of ["keep-alive", "x-hop", "proxy-authenticate", "upgrade"]) {
    assertEquals(answer.header(name), undefined, name);
  }
  assertEquals(answer.header("x-end"), "2");
});

Deno.test("an answer without a length lasts until the upstream closes", async () => {
  const answer = await ask(async (exchange) => {
    await exchange.write("HTTP/1.1 200 OK\r\n\r\nuntil ");
    await exchange.write("close");
    exchange.close();
  });
  assertEquals(answer.text, "until close");
});

Deno.test("event streams are marked for buffering proxies, other answers are not, and a provider's mark stays", async () => {
  const stream = (mark: string) =>
    `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n${mark}Content-Length: 0\r\n\r\n`;
  assertEquals((await ask(sends(stream("")))).header("x-accel-buffering"), "no");
  assertEquals((await ask(sends(stream("X-Accel-Buffering: yes\r\n")))).header("x-accel-buffering"), "yes");
  assertEquals((await ask(sends(plainAnswer("x")))).header("x-accel-buffering"), undefined);
});

Deno.test("x-request-id is the provider's, or the proxy's where there is none; nothing else is added", async () => {
  const theirs = await ask(
    sends(
      plainAnswer("{}", {
        headers: "Content-Type: application/json\r\nX-Request-Id: req_theirs\r\nDate: now\r\n",
      }),
    ),
  );
  assertEquals(theirs.header("x-request-id"), "req_theirs");
  const names = theirs.headers.map(([name]) => name.toLowerCase()).sort();
  // `connection: close` answers the client's own, which is this hop's business.
  assertEquals(names.filter((name) => name !== "connection"), [
    "content-length",
    "content-type",
    "date",
    "x-request-id",
  ]);
  const ours = await ask(sends(plainAnswer("x")));
  assertEquals(ours.header("x-request-id"), ours.log.find(({ event }) => event === "exchange")?.["id"]);
});

Deno.test("a counted answer keeps its length and is not sent in chunks", async () => {
  const answer = await ask(sends(plainAnswer("counted", { headers: "Content-Type: application/json\r\n" })));
  assertEquals(answer.header("content-length"), "7");
  assertEquals(answer.header("transfer-encoding"), undefined);
});

Deno.test("a large JSON answer is not compressed on the way to a client that would take it", async () => {
  const body = JSON.stringify({ text: "a".repeat(100_000) });
  const answer = await ask(
    sends(plainAnswer(body, { headers: "Content-Type: application/json\r\n" })),
    { headers: ["Accept-Encoding: gzip, br"] },
  );
  assertEquals(answer.header("content-encoding"), undefined);
  assertEquals(answer.text, body);
});

Deno.test("binary answers of every byte pass unchanged", async () => {
  const bytes = Uint8Array.from({ length: 4096 }, (_, index) => index % 256);
  const answer = await ask(async (exchange) => {
    await exchange.write("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 4096\r\n\r\n");
    await exchange.write(bytes);
  });
  assertEquals(answer.body, bytes);
});

Deno.test("two exchanges on one client connection do not mix", async () => {
  await using upstream = new FakeUpstream({
    script: (exchange) => exchange.write(plainAnswer(exchange.request.target)),
  });
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  using client = await RawClient.connect(proxy.url);
  const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: proxy.test\r\n${AUTH}\r\n\r\n`;
  await client.send(request("/openai/v1/a") + request("/anthropic/v1/b"));
  assert((await client.answer()).text.endsWith("/openai/v1/a"));
  assert((await client.answer()).text.endsWith("/anthropic/v1/b"));
});

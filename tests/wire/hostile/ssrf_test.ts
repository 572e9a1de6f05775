/**
 * Where a request goes is the configuration's to say: no client and no provider sends the proxy anywhere
 * else.
 */

import { assertEquals } from "@std/assert";
import { FakeUpstream, plainAnswer, type UpstreamRequest } from "../../support/upstreams/fake_upstream.ts";
import { ownEngineTests } from "../../support/proxies/engine.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { type RawAnswer, RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { within } from "../../support/time/deadline.ts";
import { EvilServer } from "./evil_server.ts";

const absoluteTargets = ownEngineTests("target");

const TOKEN = `X-Api-Key: ${SECRETS.proxyToken}`;
const PATH = "/openai/v1/x";

/** Headers in which a client could name a server; each is tried with an authority and with URLs of it. */
const NAMING_HEADERS = [
  "X-Forwarded-Host",
  "X-Forwarded-Server",
  "X-Forwarded-For",
  "X-Forwarded-Proto",
  "X-Forwarded-Port",
  "X-Forwarded-Scheme",
  "X-Forwarded-Prefix",
  "X-Forwarded-Uri",
  "X-Original-Host",
  "X-Original-URL",
  "X-Rewrite-URL",
  "X-Host",
  "X-HTTP-Host-Override",
  "X-Real-IP",
  "X-Upstream",
  "X-Backend",
  "X-Target-URL",
  "X-LLM-Proxy-Backend",
  "X-Base-URL",
  "OpenAI-Base-URL",
  "X-Portkey-Custom-Host",
  "Helicone-Target-URL",
  "Forwarded",
  "Via",
  "Proxy",
  "Proxy-Host",
  "Proxy-Connection",
  "HTTP-Proxy",
  "HTTPS-Proxy",
  "All-Proxy",
  "Destination",
  "Location",
  "Content-Location",
  "Referer",
  "Origin",
  "Link",
  "SOAPAction",
  "Alt-Svc",
  "Alt-Used",
  "Refresh",
  "Callback",
];

/** A head's lines without the token, by the evil server's authority; and the target that has to arrive. */
type Attempt = readonly [name: string, lines: readonly string[], arrives: string];

function attempts(evil: string): Attempt[] {
  const get = `GET ${PATH} HTTP/1.1`;
  const port = evil.slice(evil.indexOf(":") + 1);
  const values = [
    evil,
    `http://${evil}/`,
    `https://${evil}/v1`,
    `//${evil}/`,
    `host=${evil};proto=http`,
    port,
  ];
  return [
    ...NAMING_HEADERS.flatMap((header) =>
      values.map((value): Attempt => [`${header}: ${value}`, [get, "Host: p", `${header}: ${value}`], PATH])
    ),
    ["Host", [get, `Host: ${evil}`], PATH],
    ["Host with the port alone", [get, `Host: :${port}`], PATH],
    ["a URL in the path", [`GET ${PATH}/http://${evil}/ HTTP/1.1`, "Host: p"], `${PATH}/http://${evil}/`],
    ["a host in the path", [`GET /openai//${evil}/ HTTP/1.1`, "Host: p"], `/openai/v1//${evil}/`],
    ["userinfo in the path", [`GET /openai/@${evil}/ HTTP/1.1`, "Host: p"], `/openai/v1/@${evil}/`],
    ["a port in the path", [`GET /openai/:${port}/ HTTP/1.1`, "Host: p"], `/openai/v1/:${port}/`],
    ...["url", "base_url", "target", "host", "proxy", "endpoint", "callback", "next"].map((name): Attempt => [
      `?${name}=`,
      [`GET ${PATH}?${name}=http://${evil}/ HTTP/1.1`, "Host: p"],
      `${PATH}?${name}=http://${evil}/`,
    ]),
  ];
}

/** Attempts with an absolute target. */
function absoluteAttempts(evil: string): Attempt[] {
  return [
    ["an absolute target", [`GET http://${evil}${PATH} HTTP/1.1`, "Host: p"], PATH],
    ["an absolute target and its host", [`GET http://${evil}${PATH} HTTP/1.1`, `Host: ${evil}`], PATH],
    ["an absolute target over TLS", [`GET https://${evil}${PATH} HTTP/1.1`, "Host: p"], PATH],
    ["userinfo in an absolute target", [`GET http://p@${evil}${PATH} HTTP/1.1`, "Host: p"], PATH],
    ["the host as userinfo", [`GET http://${evil}@p${PATH} HTTP/1.1`, "Host: p"], PATH],
  ];
}

/** Targets that get an answer of the proxy's own. */
function refusedTargets(evil: string): string[] {
  return [
    `//${evil}${PATH}`,
    `/\\${evil}${PATH}`,
    `@${evil}${PATH}`,
    `/http://${evil}${PATH}`,
    `/openai@${evil}${PATH}`,
    `/openai:@${evil}/`,
    `http://${evil}/`,
    `http:${evil}${PATH}x`,
    `ftp://${evil}${PATH}`,
    `ws://${evil}${PATH}`,
    `file://${evil}${PATH}`,
    evil,
  ];
}

async function ask(url: string, lines: readonly string[], body = ""): Promise<RawAnswer> {
  using client = await RawClient.connect(url);
  await client.send([...lines, TOKEN, "Connection: close", "", body].join("\r\n"));
  return await within(client.answer(), `the answer to ${lines[0]}`);
}

/** All hosts that a request names. */
function hostsOf(request: UpstreamRequest | undefined): string[] | undefined {
  return request?.headers.filter(([name]) => name.toLowerCase() === "host").map(([, value]) => value);
}

async function checkAttempts(attempts: (evil: string) => Attempt[]): Promise<void> {
  using evil = new EvilServer();
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("mine")) });
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  const host = new URL(upstream.origin).host;
  for (const [name, lines, arrives] of attempts(evil.authority)) {
    const before = upstream.requests.length;
    const { status, text } = await ask(proxy.url, lines);
    const arrived = upstream.requests.slice(before);
    assertEquals(
      [status, text, arrived.length, arrived[0]?.target, hostsOf(arrived[0])],
      [200, "mine", 1, arrives, [host]],
      name,
    );
  }
  assertEquals(await evil.visitors(), 0);
}

Deno.test("nothing that a client sends chooses a host, a scheme or a port", () => checkAttempts(attempts));

absoluteTargets.test("an absolute target chooses no host, no scheme and no port", () =>
  checkAttempts(absoluteAttempts));

Deno.test("targets and methods that ask for another server are answered here, and reach none", async () => {
  using evil = new EvilServer();
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("mine")) });
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  for (const method of ["GET", "POST", "CONNECT", "OPTIONS"]) {
    for (const target of refusedTargets(evil.authority)) {
      const { text } = await ask(proxy.url, [`${method} ${target} HTTP/1.1`, `Host: ${evil.authority}`]);
      assertEquals(text.includes("mine"), false, `${method} ${target}`);
    }
  }
  assertEquals(upstream.requests, []);
  assertEquals(await evil.visitors(), 0);
});

/** Where an upstream may send its client, by the evil server's authority, and where the proxy sends it. */
function locations(evil: string): (readonly [location: string, seen: string | undefined])[] {
  return [
    [`http://${evil}/stolen`, undefined],
    [`https://${evil}/stolen`, undefined],
    [`//${evil}/stolen`, undefined],
    [`/\\${evil}/stolen`, undefined],
    ["/openai/v1/elsewhere", "/openai/v1/elsewhere"],
    ["elsewhere", "/openai/v1/elsewhere"],
    ["../elsewhere", undefined],
    ["?elsewhere", "/openai/v1/x?elsewhere"],
    ["", "/openai/v1/x"],
    ["file:///etc/passwd", undefined],
    ["data:text/plain,stolen", undefined],
    [`http://user:password@${evil}/stolen`, undefined],
  ];
}

for (
  const status of [
    "301 Moved Permanently",
    "302 Found",
    "303 See Other",
    "307 Temporary Redirect",
    "308 Permanent Redirect",
  ]
) {
  Deno.test(`the proxy never follows a ${status}, and leads no client with a token to another server`, async () => {
    using evil = new EvilServer();
    await using upstream = new FakeUpstream();
    await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
    for (const [location, seen] of locations(evil.authority)) {
      upstream.script((exchange) =>
        exchange.write(plainAnswer("go there", {
          status,
          headers:
            `Location: ${location}\r\nRefresh: 0; url=http://${evil.authority}/\r\nX-A: 1\r\nX-A: 2\r\n`,
        }))
      );
      for (const method of ["GET", "POST", "PUT"]) {
        const before = upstream.requests.length;
        const length = method === "GET" ? [] : ["Content-Length: 3"];
        const answer = await ask(
          proxy.url,
          [`${method} ${PATH} HTTP/1.1`, "Host: p", ...length],
          method === "GET" ? "" : "abc",
        );
        assertEquals(answer.raw.split("\r\n")[0], `HTTP/1.1 ${status}`, location);
        assertEquals([answer.header("location"), answer.text], [seen, "go there"], location);
        assertEquals(answer.header("refresh"), undefined);
        assertEquals(answer.headers.filter(([name]) => name === "X-A").map(([, value]) => value), ["1", "2"]);
        assertEquals(upstream.requests.slice(before).map((one) => one.target), [PATH], "asked once");
      }
    }
    assertEquals(await evil.visitors(), 0);
  });
}

Deno.test("other fields of an answer that name a server are returned or stay behind, and nothing comes of them", async () => {
  using evil = new EvilServer();
  const headers =
    `Alt-Svc: h2="${evil.authority}"\r\nLink: <http://${evil.authority}/>; rel=preload\r\nContent-Location: http://${evil.authority}/\r\n`;
  await using upstream = new FakeUpstream({
    script: (exchange) => exchange.write(plainAnswer("mine", { headers })),
  });
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  for (let round = 0; round < 2; round++) {
    const answer = await ask(proxy.url, [`GET ${PATH} HTTP/1.1`, "Host: p"]);
    // It would lead browsers elsewhere with what they ask of the proxy.
    assertEquals([answer.header("alt-svc"), answer.text], [undefined, "mine"]);
    assertEquals(answer.header("link"), `<http://${evil.authority}/>; rel=preload`);
    assertEquals(answer.header("content-location"), undefined);
  }
  assertEquals([upstream.requests.length, await evil.visitors()], [2, 0]);
});

Deno.test("a backend's name is resolved and told as it is configured, whatever the client's host says", async () => {
  using evil = new EvilServer();
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("mine")) });
  const { port } = new URL(upstream.origin);
  await using proxy = new LocalProxy(upstream, {
    apiKey: SECRETS.openaiKey,
    origin: `http://localhost:${port}`,
  });
  for (
    const host of ["p", evil.authority, `localhost:${evil.port}`, "localhost", `127.0.0.1:${port}`, "[::1]"]
  ) {
    const answer = await ask(proxy.url, [`GET ${PATH} HTTP/1.1`, `Host: ${host}`]);
    assertEquals([answer.text, hostsOf(upstream.requests.at(-1))], ["mine", [`localhost:${port}`]], host);
  }
  assertEquals(await evil.visitors(), 0);
});

Deno.test("a backend that cannot be reached is a 502, and no other server is asked in its place", async () => {
  using evil = new EvilServer();
  await using upstream = new FakeUpstream();
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  await upstream[Symbol.asyncDispose]();
  const url = `http://${evil.authority}${PATH}`;
  const answer = await ask(proxy.url, [`GET ${url} HTTP/1.1`, `Host: ${evil.authority}`]);
  assertEquals([answer.status, answer.header("x-llm-proxy-error")], [502, "bad_gateway"]);
  assertEquals([upstream.requests.length, await evil.visitors()], [0, 0]);
});

/**
 * URLs in response headers, such as redirects: they lead a client with its token to the same endpoint or
 * nowhere.
 */

import Anthropic from "@anthropic-ai/sdk";
import { assert, assertEquals, assertRejects } from "@std/assert";
import OpenAI from "openai";
import type { Backend, Endpoint } from "../../../src/config/config.ts";
import { RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { FakeUpstream, plainAnswer, type Script } from "../../support/upstreams/fake_upstream.ts";

const BEARER = `Authorization: Bearer ${SECRETS.proxyToken}`;
const OTHER_PLACES: readonly string[] = [
  `x-api-key: ${SECRETS.proxyToken}`,
  `api-key: ${SECRETS.proxyToken}`,
  `x-goog-api-key: ${SECRETS.proxyToken}`,
  `x-llm-proxy-token: ${SECRETS.proxyToken}`,
  `Proxy-Authorization: Bearer ${SECRETS.proxyToken}`,
];

interface Bench {
  readonly proxy: LocalProxy;
  readonly upstream: FakeUpstream;
}

/** A response with headers. `ORIGIN` and `HOST` in them become those of the upstream. */
function respondsWith(status: string, headers: string): Script {
  return (exchange) => {
    const host = exchange.request.header("host") ?? "";
    const own = headers.replaceAll("ORIGIN", `http://${host}`).replaceAll("HOST", host);
    return exchange.write(plainAnswer("{}", { status, headers: `${own}\r\n` }));
  };
}

async function withProxy(
  script: Script,
  test: (bench: Bench) => Promise<void>,
  { backend, endpoint }: {
    backend?: Partial<Backend> & { path?: string };
    endpoint?: Partial<Endpoint>;
  } = {},
): Promise<void> {
  await using upstream = new FakeUpstream({ script });
  const key = { mode: "inject", value: SECRETS.openaiKey } as const;
  const { origin } = upstream;
  await using proxy = new LocalProxy(upstream, {
    endpoints: [
      testEndpoint("one", [testBackend(origin, { key, ...backend })], { dialect: "openai", ...endpoint }),
    ],
  });
  await test({ proxy, upstream });
}

/** One request on a separate connection, with the host `proxy.local:33000` unless the lines have one. */
async function ask(proxy: LocalProxy, lines: readonly string[]) {
  using client = await RawClient.connect(proxy.url);
  const hosts = lines.some((line) => line.startsWith("Host:")) ? [] : ["Host: proxy.local:33000"];
  const length = lines[0]?.startsWith("POST") ? ["Content-Length: 2"] : [];
  const body = length.length > 0 ? "{}" : "";
  await client.send([...lines, ...hosts, ...length, "Connection: close", "", body].join("\r\n"));
  return await client.answer(lines[0]?.split(" ")[0]);
}

const P = "http://proxy.local:33000";
const OWN: readonly (readonly [base: string, path: string, location: string, seen: string])[] = [
  ["", "/one/v1/x", "/v1/x/", "/one/v1/x/"],
  ["", "/one/v1/x", "ORIGIN/v1/y?a=1#f", `${P}/one/v1/y?a=1#f`],
  ["", "/one/v1/x", "y", "/one/v1/y"],
  ["", "/one/v1/x", "../../y", "/one/y"],
  ["", "/one/v1/x", "?a=1", "/one/v1/x?a=1"],
  ["", "/one/v1/x", "/other/v1/chat/completions", "/one/other/v1/chat/completions"],
  ["", "/one/v1/x", "/%2e%2e/other/v1/x", "/one/other/v1/x"],
  ["", "/one/v1/x", "//HOST/v1/y", `${P}/one/v1/y`],
  ["", "/one/v1/x", "http://user:password@HOST/v1/y", `${P}/one/v1/y`],
  ["", "/one/v1/x", "ORIGIN//evil.test/y", `${P}/one//evil.test/y`],
  ["/v1", "/one/x", "/v1/y", "/one/v1/y"],
  ["/v1", "/one/v1/x", "ORIGIN/v1/y?key=k&b=2", `${P}/one/v1/y?b=2`],
  ["/openai/v1", "/one/x", "/openai/v1/y", "/one/v1/y"],
  ["/api", "/one/v1/x", "/api/v1/y", "/one/v1/y"],
  ["/v4", "/one/v1/x", "/v4/y", "/one/v4/y"],
  ["/v1beta/openai", "/one/v1/x", "/v1beta/openai/y", "/one/y"],
  ["/v1", "/v1/models/", "/v1/models", "/v1/models"],
  ["/v1", "/v1/models/", "ORIGIN/v1/models?b=2", `${P}/v1/models?b=2`],
  // Without a name, the path of another API would lead to another endpoint.
  ["/v1", "/v1/embeddings", "/v1/messages", "/one/v1/messages"],
];
for (const [base, path, location, seen] of OWN) {
  for (const [method, line] of [["GET", BEARER], ["POST", OTHER_PLACES[0] ?? ""]] as const) {
    Deno.test(`location: ${location} of the base ${base || "/"} becomes ${seen} for ${method} ${path}`, () =>
      withProxy(
        respondsWith("307 Temporary Redirect", `Location: ${location}`),
        async ({ proxy }) => {
          const { status, header } = await ask(proxy, [`${method} ${path} HTTP/1.1`, line]);
          assertEquals([status, header("location")], [307, seen]);
        },
        { backend: { path: base } },
      ));
  }
}

const FOREIGN: readonly (readonly [location: string, seenByGet: string | undefined])[] = [
  ["http://evil.test/v1/x", "http://evil.test/v1/x"],
  ["HTTPS://Evil.test/v1/x?a=%20b", "HTTPS://Evil.test/v1/x?a=%20b"],
  ["//evil.test/x", "http://evil.test/x"],
  ["/\\evil.test/x", "http://evil.test/x"],
  ["/\t/evil.test/x", "http://evil.test/x"],
  ["http://evil.test\\@proxy.local:33000/other/x", "http://evil.test/@proxy.local:33000/other/x"],
  // Another path of the backend than that of the base URL.
  ["/v2/x", "ORIGIN/v2/x"],
  ["ORIGIN/other/v1/x", "ORIGIN/other/v1/x"],
  // Some clients send the Authorization header to other ports and names of the same host.
  [`${P}/other/v1/x`, undefined],
  ["http://proxy.local:1/x", undefined],
  ["https://PROXY.local/x", undefined],
  ["http://sub.proxy.local/x", undefined],
  ["blob:ORIGIN/v1/x", undefined],
  ["file:///etc/passwd", undefined],
  ["data:text/plain,x", undefined],
  ["http://", undefined],
];
for (const [location, seenByGet] of FOREIGN) {
  Deno.test(`location: ${JSON.stringify(location)} becomes ${seenByGet ?? "nothing"} for GET, and nothing for POST`, () =>
    withProxy(
      respondsWith("302 Found", `Location: ${location}`),
      async ({ proxy, upstream }) => {
        for (const method of ["GET", "HEAD"]) {
          const { status, header } = await ask(proxy, [`${method} /one/v1/x HTTP/1.1`, BEARER]);
          const seen = seenByGet?.replace("ORIGIN", upstream.origin);
          assertEquals([status, header("location")], [302, seen], method);
          for (const line of OTHER_PLACES) {
            const other = await ask(proxy, [`${method} /one/v1/x HTTP/1.1`, line]);
            assertEquals([other.status, other.header("location")], [302, undefined], line);
          }
        }
        const inQuery = await ask(proxy, [`GET /one/v1/x?key=${SECRETS.proxyToken} HTTP/1.1`]);
        assertEquals([inQuery.status, inQuery.header("location")], [302, undefined]);
        const posted = await ask(proxy, ["POST /one/v1/x HTTP/1.1", BEARER]);
        assertEquals([posted.status, posted.header("location"), posted.text], [302, undefined, "{}"]);
      },
      { backend: { path: "/v1" } },
    ));
}

for (const status of [300, 301, 303, 304, 305, 306, 307, 308, 399]) {
  Deno.test(`location: a ${status} leads a POST to no other server`, () =>
    withProxy(respondsWith(`${status} X`, "Location: http://evil.test/x"), async ({ proxy }) => {
      const answer = await ask(proxy, ["POST /one/v1/x HTTP/1.1", BEARER]);
      assertEquals([answer.status, answer.header("location")], [status, undefined]);
    }));
}

const OTHER_FIELDS: readonly (readonly [status: string, name: string])[] = [
  ["200 OK", "Location"],
  ["201 Created", "Location"],
  ["202 Accepted", "Location"],
  ["200 OK", "Content-Location"],
  ["202 Accepted", "Operation-Location"],
  ["202 Accepted", "Azure-AsyncOperation"],
  ["200 OK", "X-Goog-Upload-URL"],
  ["200 OK", "X-Goog-Upload-Control-URL"],
];
for (const dialect of ["openai", "anthropic", "gemini", "generic"] as const) {
  for (const [status, name] of OTHER_FIELDS) {
    Deno.test(`${name} of a ${status} leads to the same endpoint or nowhere (${dialect})`, () =>
      withProxy(
        respondsWith(status, `${name}: ORIGIN/v1/jobs/1\r\n${name}: http://evil.test/x\r\n${name}: /v2/x`),
        async ({ proxy }) => {
          const { headers } = await ask(proxy, ["GET /one/v1/x HTTP/1.1", BEARER]);
          const seen = headers.filter(([one]) => one.toLowerCase() === name.toLowerCase());
          assertEquals(seen, [[name, `${P}/one/v1/jobs/1`]]);
        },
        { backend: { path: "/v1" }, endpoint: { dialect } },
      ));
  }
}

Deno.test("location: without a valid host of the request, only the path of the same endpoint remains", () =>
  withProxy(
    respondsWith("307 X", "Location: ORIGIN/y\r\nLocation: http://evil.test/\r\nLocation: /z"),
    async ({ proxy }) => {
      const { headers } = await ask(proxy, ["GET /one/x HTTP/1.1", BEARER, "Host: a_b!c"]);
      assertEquals(headers.filter(([name]) => name === "Location"), [["Location", "/one/z"]]);
    },
  ));

Deno.test("location: characters in UTF-8 stay the same characters", () =>
  withProxy(
    (exchange) =>
      exchange.write(
        plainAnswer("", { status: "301 X", headers: "Location: /v1/gr\u00c3\u00b6\u00c3\u009fe\r\n" }),
      ),
    async ({ proxy }) => {
      const { header } = await ask(proxy, ["GET /one/x HTTP/1.1", BEARER]);
      assertEquals(header("location"), "/one/v1/gr%C3%B6%C3%9Fe");
    },
  ));

Deno.test("rewrite_urls = false passes all URLs in headers", () => {
  const lines = [
    "Location: http://evil.test/x",
    "Content-Location: /v2/x",
    "Operation-Location: http://evil.test/y",
    "X-Goog-Upload-URL: http://evil.test/z",
  ];
  return withProxy(
    respondsWith("307 X", lines.join("\r\n")),
    async ({ proxy }) => {
      const { headers } = await ask(proxy, ["POST /one/v1/x HTTP/1.1", OTHER_PLACES[0] ?? ""]);
      const passed = headers.map(([name, value]) => `${name}: ${value}`).filter((one) => lines.includes(one));
      assertEquals(passed, lines);
    },
    { endpoint: { rewriteUrls: false, dialect: "anthropic" } },
  );
});

/** Another server, with the requests that it gets. */
function thief() {
  return new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("{}")) });
}

/** The origin of a server, with another name than the proxy has. */
function elsewhere({ origin }: FakeUpstream): string {
  return origin.replace("127.0.0.1", "localhost");
}

for (const status of [301, 302, 303, 307, 308]) {
  Deno.test(`fetch that follows a ${status} takes no token and no prompt to another server`, async () => {
    await using other = thief();
    await withProxy(
      respondsWith(`${status} X`, `Location: ${elsewhere(other)}/steal`),
      async ({ proxy }) => {
        for (const name of ["x-api-key", "api-key", "x-goog-api-key", "x-llm-proxy-token"]) {
          for (const method of ["GET", "POST"]) {
            const body = method === "POST" ? { body: "PROMPT" } : {};
            const url = `${proxy.url}/one/v1/x`;
            const response = await fetch(url, { method, headers: { [name]: SECRETS.proxyToken }, ...body });
            await response.body?.cancel();
            assertEquals(response.status, status);
          }
        }
        const headers = { authorization: `Bearer ${SECRETS.proxyToken}` };
        const got = await fetch(`${proxy.url}/one/v1/x`, { headers });
        assertEquals([got.status, await got.text()], [200, "{}"]);
        assertEquals(other.requests.map(({ method, target }) => [method, target]), [["GET", "/steal"]]);
        assert(!other.received.includes(SECRETS.proxyToken));
      },
    );
  });
}

Deno.test("Anthropic's SDK takes neither its token nor the prompt to another server", async () => {
  await using other = thief();
  await withProxy(
    respondsWith("307 X", `Location: ${elsewhere(other)}/steal`),
    async ({ proxy }) => {
      const baseURL = `${proxy.url}/one`;
      const anthropic = new Anthropic({ apiKey: SECRETS.proxyToken, baseURL, maxRetries: 0 });
      const messages = [{ role: "user", content: "PROMPT" }] as const;
      await assertRejects(
        async () => await anthropic.messages.create({ model: "m1", max_tokens: 1, messages: [...messages] }),
        Anthropic.APIError,
        "307",
      );
      assertEquals(other.requests, []);
    },
    { endpoint: { dialect: "anthropic" } },
  );
});

Deno.test("OpenAI's SDK follows a redirect within the endpoint, with its token and its body", async () => {
  const answer = JSON.stringify({ id: "c", object: "chat.completion", choices: [] });
  await withProxy(
    (exchange) =>
      exchange.write(
        exchange.request.target === "/v1/chat/completions"
          ? plainAnswer("", { status: "307 X", headers: "Location: /v1/chat/completions/\r\n" })
          : plainAnswer(answer, { headers: "Content-Type: application/json\r\n" }),
      ),
    async ({ proxy, upstream }) => {
      const openai = new OpenAI({
        apiKey: SECRETS.proxyToken,
        baseURL: `${proxy.url}/one/v1`,
        maxRetries: 0,
      });
      const { id } = await openai.chat.completions.create({
        model: "m1",
        messages: [{ role: "user", content: "PROMPT" }],
      });
      assertEquals(id, "c");
      assertEquals(upstream.requests.map(({ target }) => target), [
        "/v1/chat/completions",
        "/v1/chat/completions/",
      ]);
    },
    { backend: { path: "/v1" } },
  );
});

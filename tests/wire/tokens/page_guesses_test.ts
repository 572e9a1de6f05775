/** What a web page in somebody's browser can send never makes the programs at the same address wait. */

import { assertEquals, assertMatch } from "@std/assert";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { ownEngineTests } from "../../support/proxies/engine.ts";
import { type ManagedOptions, ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { type RawAnswer, RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const SHARED = `Authorization: Bearer ${SECRETS.proxyToken}`;
const MANAGEMENT = `Authorization: Bearer ${SECRETS.managementToken}`;
const FOREIGN = "Host: evil.example:33000";

interface Bench {
  readonly ask: (path: string, ...lines: string[]) => Promise<RawAnswer>;
  readonly signIn: (token: string, ...lines: string[]) => Promise<RawAnswer>;
  /** The statuses of programs with the right tokens: an endpoint, the management API, the sign-in. */
  readonly programs: () => Promise<number[]>;
}

async function withBench(
  test: (bench: Bench) => Promise<void>,
  server: ManagedOptions["server"] = {},
): Promise<void> {
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("hello")) });
  await using proxy = await ManagedProxy.start(upstream, { server });
  const asked = async (line: string, lines: readonly string[], body = "") => {
    using client = await RawClient.connect(proxy.url);
    const hosts = lines.some((line) => line.startsWith("Host:")) ? [] : ["Host: localhost"];
    const connection = lines.some((line) => line.startsWith("Upgrade:")) ? [] : ["Connection: close"];
    await client.send([line, ...hosts, ...lines, ...connection, "", body].join("\r\n"));
    return await client.answer();
  };
  const ask: Bench["ask"] = (path, ...lines) => asked(`GET ${path} HTTP/1.1`, lines);
  const signIn: Bench["signIn"] = (token, ...lines) => {
    const body = JSON.stringify({ token });
    const fields = [...lines, "Content-Type: application/json", `Content-Length: ${body.length}`];
    return asked("POST /admin/session HTTP/1.1", fields, body);
  };
  const own = ["Host: localhost", "Origin: http://localhost"];
  const programs = async () => [
    (await ask("/openai/v1/x", SHARED)).status,
    (await ask("/manage/tokens", MANAGEMENT)).status,
    (await signIn(SECRETS.managementToken, ...own)).status,
  ];
  await test({ ask, signIn, programs });
}

const WEBSOCKET = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];

/** What a page of another site makes a browser send to an endpoint, the guess in it. */
const FROM_PAGES: Readonly<Record<string, (guess: string) => [path: string, ...lines: string[]]>> = {
  "a WebSocket's subprotocol": (guess) => [
    "/openai/v1/realtime",
    ...WEBSOCKET,
    `Sec-WebSocket-Key: ${btoa("0123456789abcdef")}`,
    `Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.${guess}`,
    "Origin: https://evil.example",
  ],
  "the query of an image": (guess) => [`/openai/v1/x?key=${guess}`],
  "a header that CORS allows to it": (guess) => [
    "/openai/v1/x",
    `Authorization: Bearer ${guess}`,
    "Origin: https://page.example",
  ],
  "a header, with Sec-Fetch-Site alone": (guess) => [
    "/openai/v1/x",
    `X-Api-Key: ${guess}`,
    "Sec-Fetch-Site: cross-site",
  ],
  "a header, from another port of the same machine": (guess) => [
    "/openai/v1/x",
    `X-Api-Key: ${guess}`,
    "Sec-Fetch-Site: same-site",
    "Origin: http://localhost:9",
  ],
  "a header, by a name that was pointed at the proxy": (guess) => [
    "/openai/v1/x",
    FOREIGN,
    `Authorization: Bearer ${guess}`,
  ],
};

for (const [name, guessed] of Object.entries(FROM_PAGES)) {
  const { test } = name === "a WebSocket's subprotocol" ? ownEngineTests("webSocket") : Deno;
  test(`wrong tokens of a web page: ${name} makes nobody's programs wait`, () =>
    withBench(async ({ ask, programs }) => {
      const statuses = [];
      for (let round = 0; round < 7; round++) statuses.push((await ask(...guessed(`wrong${round}`))).status);
      assertEquals(
        statuses,
        [401, 401, 401, 401, 401, 429, 429],
        "guessing there is slowed down all the same",
      );
      assertEquals(await programs(), [200, 200, 200]);
    }, { corsOrigins: ["https://page.example"] }));
}

Deno.test("wrong tokens by a name that was pointed at the proxy: the management plane waits for that name alone", () =>
  withBench(async ({ ask, signIn, programs }) => {
    const page = [FOREIGN, "Origin: http://evil.example:33000"];
    for (let round = 0; round < 7; round++) {
      await signIn(`wrong${round}`, ...page);
      await ask("/manage/tokens", FOREIGN, `Authorization: Bearer wrong-${round}`);
    }
    assertEquals(await programs(), [200, 200, 200]);
    const refused = await ask("/manage/tokens", FOREIGN, MANAGEMENT);
    assertEquals(refused.status, 429);
    assertMatch(refused.text, /ALLOWED_HOSTS/);
    assertMatch((await signIn(SECRETS.managementToken, ...page)).text, /ALLOWED_HOSTS/);
  }));

Deno.test("wrong tokens of a web page: user and password in a link are nobody's guess at the management plane", () =>
  withBench(async ({ ask, programs }) => {
    for (let round = 0; round < 7; round++) {
      await ask("/manage/tokens", `Authorization: Basic ${btoa(`a:wrong${round}`)}`);
    }
    assertEquals(await programs(), [200, 200, 200]);
  }));

Deno.test("wrong tokens of programs: a name of the proxy's own and an address count as before", async () => {
  for (const host of ["127.0.0.1:33000", "[::1]", "nas", "nas.local", "LLM.example.com:1"]) {
    await withBench(async ({ ask }) => {
      for (let round = 0; round < 5; round++) {
        await ask("/openai/v1/x", `Host: ${host}`, `X-Api-Key: w${round}`);
      }
      assertEquals((await ask("/openai/v1/x", SHARED)).status, 429, host);
    }, { allowedHosts: ["llm.example.com"] });
  }
});

Deno.test("wrong tokens behind a trusted proxy: its public name is taken for the proxy's own", () =>
  withBench(async ({ ask }) => {
    const through = ["Host: llm.example.com", "X-Forwarded-For: 192.0.2.1"];
    for (let round = 0; round < 5; round++) await ask("/openai/v1/x", ...through, `X-Api-Key: w${round}`);
    assertEquals((await ask("/openai/v1/x", "X-Forwarded-For: 192.0.2.1", SHARED)).status, 429);
    assertEquals((await ask("/openai/v1/x", "X-Forwarded-For: 192.0.2.2", SHARED)).status, 200);
  }, { trustedProxies: ["127.0.0.1"] }));

Deno.test("wrong tokens behind a trusted proxy: where allowed_hosts says the names, others are foreign", () =>
  withBench(async ({ ask }) => {
    const client = "X-Forwarded-For: 192.0.2.1";
    for (let round = 0; round < 5; round++) {
      await ask("/openai/v1/x", FOREIGN, client, `X-Api-Key: w${round}`);
    }
    assertEquals((await ask("/openai/v1/x", FOREIGN, client, SHARED)).status, 429);
    assertEquals((await ask("/openai/v1/x", "Host: llm.example.com", client, SHARED)).status, 200);
  }, { trustedProxies: ["127.0.0.1"], allowedHosts: ["llm.example.com"] }));

/** The real Caddy and nginx in front of the proxy, with the configurations of docs/reverse-proxy.md. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { gather } from "../../support/clients/http_reader.ts";
import { frame, openWebSocket, TEXT, WebSocketUpstream } from "../../support/clients/websocket.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { type Front, type FrontName, startFront } from "../../support/processes/front.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { engineToTest } from "../../support/proxies/engine.ts";
import { LocalProxy, type LocalProxyOptions } from "../../support/proxies/local_proxy.ts";
import { firstOf, type Reason, unless, without } from "../../support/runner/left_out.ts";
import { within } from "../../support/time/deadline.ts";
import { chunk, FakeUpstream, plainAnswer, type Script } from "../../support/upstreams/fake_upstream.ts";
import { pem } from "../../support/upstreams/tls_upstream.ts";

const WITH_TOKEN = { authorization: `Bearer ${SECRETS.proxyToken}` };
/** An address of this machine that is not the one of the reverse proxy. */
const ELSEWHERE = "127.0.0.2";
const OWN = "own-key-of-the-client";

interface Parts {
  readonly front: Front;
  readonly proxy: LocalProxy;
  readonly upstream: FakeUpstream;
}

/** How a program sends requests, by the version of HTTP. */
interface Version {
  readonly name: string;
  readonly ask: (front: Front, path: string, init?: RequestInit) => Promise<Response>;
}

async function withFront(
  name: FrontName,
  script: Script,
  test: (parts: Parts) => Promise<void>,
  options: LocalProxyOptions = { apiKey: SECRETS.openaiKey },
): Promise<void> {
  await using upstream = new FakeUpstream({ script });
  await using proxy = new LocalProxy(upstream, { ...options, server: { trustedProxies: ["127.0.0.1"] } });
  await using front = await startFront(name, proxy.url);
  await test({ front, proxy, upstream });
}

/** Runs with HTTP/1.1 and HTTP/2 over TLS. */
async function withVersions(
  test: (version: Version) => Promise<void>,
  own: { localAddress?: string } = {},
): Promise<void> {
  for (const http2 of [false, true]) {
    using client = Deno.createHttpClient({ caCerts: [pem("ca.pem")], http1: !http2, http2, ...own });
    await test({
      name: http2 ? "HTTP/2" : "HTTP/1.1",
      ask: (front, path, init) => fetch(`${front.httpsUrl}${path}`, { ...init, client }),
    });
  }
}

/** Linux alone has all addresses of 127.0.0.0/8. */
function withoutLoopbackNet(): Reason {
  return Deno.build.os === "linux" ? undefined : `${Deno.build.os} has no ${ELSEWHERE}`;
}

function withoutWebSockets(): Reason {
  return engineToTest() === "own" ? undefined : 'not with engine = "deno": WebSockets';
}

function head(type: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`;
}

for (const name of ["caddy", "nginx"] as const) {
  const frontTest = (what: string, fn: () => Promise<void>, reason?: Reason): void =>
    Deno.test({ ...unless(firstOf(without(name), reason), `${name} in front: ${what}`), fn });

  for (const type of ["text/event-stream", "application/x-ndjson"]) {
    frontTest(`each piece of ${type} arrives before the next one is sent`, async () => {
      const pieces = ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"];
      let seen = pieces.map(() => Promise.withResolvers<void>());
      const script: Script = async (exchange) => {
        await gather(exchange.body());
        await exchange.write(head(type));
        for (const [index, piece] of pieces.entries()) {
          await exchange.write(chunk(piece));
          await within(seen[index]?.promise ?? Promise.resolve(), `piece ${index} at the client`);
        }
        await exchange.write("0\r\n\r\n");
      };
      await withFront(name, script, ({ front }) =>
        withVersions(async ({ ask, name: version }) => {
          seen = pieces.map(() => Promise.withResolvers<void>());
          const { body, headers, status } = await ask(front, "/openai/v1/x", {
            method: "POST",
            headers: WITH_TOKEN,
            body: "{}",
          });
          assertEquals([status, headers.get("x-llm-proxy-error")], [200, null], version);
          let got = "";
          for await (const bytes of body ?? []) {
            got += new TextDecoder().decode(bytes);
            seen[got.split("\n\n").length - 2]?.resolve();
          }
          // Caddy 2.6.2 ends one of 2,000 streams over HTTP/1.1 early, in front of any server.
          const isWhole = name !== "caddy" || version !== "HTTP/1.1";
          const expected = pieces.join("");
          assertEquals(got, isWhole || got === "" ? expected : expected.slice(0, got.length), version);
        }));
    });
  }

  frontTest("a request of 3 MB passes", async () => {
    const body = new Uint8Array(3_000_000).fill(97);
    const script: Script = async (exchange) => {
      await exchange.write(plainAnswer(`${(await gather(exchange.body())).length}`));
    };
    await withFront(name, script, ({ front }) =>
      withVersions(async ({ ask, name: version }) => {
        const answer = await ask(front, "/openai/v1/x", { method: "POST", headers: WITH_TOKEN, body });
        assertEquals([answer.status, await answer.text()], [200, "3000000"], version);
      }));
  });

  frontTest("a client that leaves ends the request to the provider", async () => {
    const left = Promise.withResolvers<void>();
    let gone = left;
    const script: Script = async (exchange) => {
      await gather(exchange.body());
      await exchange.write(head("text/event-stream") + chunk("data: 1\n\n"));
      await exchange.peerClosed();
      gone.resolve();
    };
    await withFront(name, script, ({ front }) =>
      withVersions(async ({ ask, name: version }) => {
        gone = Promise.withResolvers<void>();
        const leaving = new AbortController();
        const { body } = await ask(front, "/openai/v1/x", {
          method: "POST",
          headers: WITH_TOKEN,
          body: "{}",
          signal: leaving.signal,
        });
        const reader = body?.getReader();
        await reader?.read();
        leaving.abort();
        await reader?.read().catch(() => {});
        await within(gone.promise, `the end of the request to the provider, by ${version}`);
      }));
  });

  frontTest("a WebSocket passes both ways", async () => {
    await using upstream = new WebSocketUpstream();
    const key = { mode: "inject", value: SECRETS.openaiKey } as const;
    await using proxy = new LocalProxy(upstream, {
      endpoints: [testEndpoint("openai", [testBackend(upstream.origin, { path: "/v1", key })])],
    });
    await using front = await startFront(name, proxy.url);
    const arriving = upstream.next();
    const token = `Authorization: Bearer ${SECRETS.proxyToken}`;
    const client = await openWebSocket(front.httpUrl, "/openai/v1/realtime?model=gpt-realtime", [token]);
    assertEquals(client.status, 101);
    using near = client.peer;
    using far = (await arriving).peer;
    await near.send(frame(TEXT, "from the client", { isMasked: true }));
    await far.send(frame(TEXT, "from the provider"));
    const texts = [await far.frame(), await near.frame()].map((got) =>
      new TextDecoder().decode(got?.payload)
    );
    assertEquals(texts, ["from the client", "from the provider"]);
  }, withoutWebSockets());

  frontTest("the token in x-llm-proxy-token passes, beside the client's own key", async () => {
    const script: Script = (exchange) => exchange.write(plainAnswer("{}"));
    await withFront(name, script, ({ front, upstream }) =>
      withVersions(async ({ ask, name: version }) => {
        const before = upstream.requests.length;
        const own = { authorization: `Bearer ${OWN}` };
        const headers = { ...own, "x-llm-proxy-token": SECRETS.proxyToken };
        const answer = await ask(front, "/openai/v1/models", { headers });
        assertEquals([answer.status, await answer.text()], [200, "{}"], version);
        assertEquals(upstream.requests[before]?.header("authorization"), `Bearer ${OWN}`);
        // Caddy removes this header, as HTTP allows it to.
        const other = { ...own, "proxy-authorization": `Bearer ${SECRETS.proxyToken}` };
        const second = await ask(front, "/openai/v1/models", { headers: other });
        await second.body?.cancel();
        assertEquals(second.status, name === "caddy" ? 401 : 200, version);
      }), {});
  });

  frontTest("the proxy sees the address of the client, and the provider nothing of the way", async () => {
    const script: Script = (exchange) => exchange.write(plainAnswer("{}"));
    await withFront(name, script, async ({ front, proxy, upstream }) => {
      await withVersions(async ({ ask }) => {
        // A client cannot choose its address.
        const headers = { ...WITH_TOKEN, "x-forwarded-for": "203.0.113.9", "user-agent": "a", accept: "b" };
        const answer = await ask(front, "/openai/v1/models", { headers });
        assertEquals([answer.status, await answer.text()], [200, "{}"]);
      }, { localAddress: ELSEWHERE });
      const clients = proxy.log.filter(({ event }) => event === "exchange").map(({ client }) => client);
      assertEquals(clients, [ELSEWHERE, ELSEWHERE]);
      for (const { headers, raw } of upstream.requests) {
        const names = headers.map(([name]) => name.toLowerCase()).sort();
        const added = ["accept-encoding", "accept-language"];
        assertEquals(names.filter((name) => !added.includes(name)), [
          "accept",
          "authorization",
          "host",
          "user-agent",
        ]);
        assertStringIncludes(raw, `host: ${new URL(upstream.origin).host}`);
      }
    });
  }, withoutLoopbackNet());
}

/** At `max_connections`: who has shown a valid token stays, who has not makes room, however it was asked. */

import { assertEquals } from "@std/assert";
import { type ClientHttp2Session, connect } from "node:http2";
import { DEFAULT_SERVER_SETTINGS } from "../../../src/config/values/defaults.ts";
import { within } from "../../support/time/deadline.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { pem } from "../../support/upstreams/tls_upstream.ts";

const CONNECTIONS = { ...DEFAULT_SERVER_SETTINGS.connections, maxConnections: 2 };
const VALID = `Authorization: Bearer ${SECRETS.proxyToken}`;
const WRONG = "Authorization: Bearer nobody's";

function answering(): FakeUpstream {
  return new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("hello")) });
}

/** Sends a request on a connection that stays; gives the status of its answer. */
async function ask(client: RawClient, path: string, line: string, method = "GET"): Promise<number> {
  await client.send(`${method} ${path} HTTP/1.1\r\nHost: p\r\n${line}\r\n\r\n`);
  return (await client.answer(method)).status;
}

/**
 * What the proxy closes for a third connection, where the first one has been idle for longer than the second.
 */
async function closedFor(
  url: string,
  first: readonly [path: string, line: string, status: number],
  second: readonly [path: string, line: string, status: number],
): Promise<"first" | "second"> {
  using one = await RawClient.connect(url);
  assertEquals(await ask(one, first[0], first[1]), first[2]);
  using other = await RawClient.connect(url);
  assertEquals(await ask(other, second[0], second[1]), second[2]);
  using _third = await RawClient.connect(url);
  const end = (client: RawClient) => client.reader.head().catch(() => null);
  return await within(
    Promise.race([end(one).then(() => "first" as const), end(other).then(() => "second" as const)]),
    "the end of one of the connections",
  );
}

const MODELS = "/openai/v1/models";

Deno.test("max_connections: a client that has shown its token stays, one with a wrong token or none makes room", async () => {
  await using upstream = answering();
  await using proxy = new LocalProxy(upstream, {
    apiKey: SECRETS.openaiKey,
    server: { connections: CONNECTIONS },
  });
  const client = [MODELS, VALID, 200] as const;
  assertEquals(await closedFor(proxy.url, client, [MODELS, WRONG, 401]), "second");
  assertEquals(await closedFor(proxy.url, client, [MODELS, "X: 1", 401]), "second");
  assertEquals(await closedFor(proxy.url, client, ["/healthz", "X: 1", 200]), "second");
  assertEquals(
    await closedFor(proxy.url, client, client),
    "first",
    "of two clients the one that was idle longer",
  );
});

Deno.test("max_connections: on the management plane its token is what counts, and not what is open to everybody", async () => {
  await using upstream = answering();
  await using proxy = await ManagedProxy.start(upstream, { server: { connections: CONNECTIONS } });
  const manager = ["/manage/health", `Authorization: Bearer ${SECRETS.managementToken}`, 200] as const;
  for (const path of ["/admin", "/admin/", "/admin/session", "http://p/admin/session"]) {
    assertEquals(await closedFor(proxy.url, manager, [path, "X: 1", 200]), "second", path);
  }
  assertEquals(await closedFor(proxy.url, manager, ["/manage/health", WRONG, 401]), "second");
  assertEquals(await closedFor(proxy.url, manager, manager), "first");
});

Deno.test("max_connections: over HTTP/2 as over HTTP/1.1", async () => {
  await using upstream = answering();
  const tls = { cert: pem("cert.pem"), key: pem("key.pem"), files: [] };
  await using proxy = new LocalProxy(upstream, {
    apiKey: SECRETS.openaiKey,
    server: { connections: CONNECTIONS, tls },
  });
  const port = Number(new URL(proxy.url).port);
  const dial = () => Deno.connectTls({ hostname: "localhost", port, caCerts: [pem("ca.pem")] });
  const session = connect(`https://localhost:${port}`, { ca: pem("ca.pem") });
  const over = new Promise<void>((resolve) => session.once("close", () => resolve()));
  session.on("error", () => {});
  try {
    assertEquals(await statusOf(session, SECRETS.proxyToken), 200);
    using guesser = await dial();
    await guesser.write(new TextEncoder().encode(`GET ${MODELS} HTTP/1.1\r\nHost: p\r\n${WRONG}\r\n\r\n`));
    assertEquals(
      await within(guesser.read(new Uint8Array(10_000)), "more bytes or the end") !== null,
      true,
      "it is answered, and goes on",
    );
    using _third = await dial();
    const rest = async () => {
      while (
        await within(guesser.read(new Uint8Array(10_000)).catch(() => null), "more bytes or the end") !== null
      ) {
        /* the answer's rest */
      }
    };
    await within(
      Promise.race([
        rest(),
        over.then(() => Promise.reject(new Error("the client was closed"))),
      ]),
      "room",
    );
    assertEquals(await statusOf(session, SECRETS.proxyToken), 200);
  } finally {
    session.destroy();
    await over;
  }
});

function statusOf(session: ClientHttp2Session, token: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":path": MODELS, authorization: `Bearer ${token}` });
    let status = 0;
    stream.on("response", (fields) => status = Number(fields[":status"]));
    stream.on("data", () => {});
    stream.on("end", () => resolve(status));
    stream.on("error", reject);
  });
}

/**
 * Slots are for requests that run: nobody gets one for a request whose client has not sent what is needed.
 */

import { assertEquals } from "@std/assert";
import { type ClientHttp2Session, connect } from "node:http2";
import { within } from "../../support/time/deadline.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { pem } from "../../support/upstreams/tls_upstream.ts";

const TLS = { cert: pem("cert.pem"), key: pem("key.pem"), files: [] };
const CONCURRENCY = { maxExchanges: 20, maxPerPrincipal: Infinity, queueMs: 50 };

function answering(): FakeUpstream {
  return new FakeUpstream({
    script: async (exchange) => {
      if (exchange.request.target.endsWith("/waits")) return await exchange.peerClosed();
      await exchange.write(plainAnswer("hello"));
    },
  });
}

/** A client of HTTP/2 that ends with its test. */
async function sessionTo({ url }: { readonly url: string }) {
  const session = connect(`https://localhost:${new URL(url).port}`, { ca: pem("ca.pem") });
  session.on("error", () => {});
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  return {
    session,
    async [Symbol.asyncDispose](): Promise<void> {
      if (session.destroyed) return;
      const closed = new Promise<void>((resolve) => session.once("close", () => resolve()));
      session.destroy();
      await closed;
    },
  };
}

/** Begins a request; gives the status of its answer. */
function status(
  session: ClientHttp2Session,
  { token, path, method = "GET" }: { token: string; path: string; method?: string },
): Promise<number> {
  const stream = session.request(
    { ":method": method, ":path": path, authorization: `Bearer ${token}` },
    { endStream: method === "GET" },
  );
  stream.on("error", () => {}).on("data", () => {});
  return new Promise((resolve) => stream.on("response", (fields) => resolve(Number(fields[":status"]))));
}

Deno.test("slots: over HTTP/2 the limits of a token come before the wait for the first byte of a body", async () => {
  await using upstream = answering();
  await using proxy = await ManagedProxy.start(upstream, { server: { tls: TLS, concurrency: CONCURRENCY } });
  await using management = await sessionTo(proxy);
  const [mallory, anna] = await tokensOver(management.session, [{ limits: { requests_per_minute: 1 } }, {}]);
  await using client = await sessionTo(proxy);
  const open = Array.from(
    { length: 60 },
    () => status(client.session, { token: mallory, path: "/openai/v1/chat/completions", method: "POST" }),
  );
  // The first one waits for its body; all others are rejected.
  assertEquals(await within(Promise.all(open.slice(1)), "the answers"), Array(59).fill(429));
  assertEquals(await status(client.session, { token: anna, path: "/openai/v1/models" }), 200);
});

Deno.test("slots: requests whose bodies do not come hold no slot", async () => {
  await using upstream = answering();
  await using proxy = await ManagedProxy.start(upstream, {
    server: { tls: TLS, concurrency: { ...CONCURRENCY, maxExchanges: 2 } },
  });
  await using client = await sessionTo(proxy);
  const [mallory] = await tokensOver(client.session, [{}]);
  const open = Array.from(
    { length: 2 },
    () => status(client.session, { token: mallory, path: "/openai/v1/chat/completions", method: "POST" }),
  );
  for (let count = 0; count < 3; count++) {
    assertEquals(await status(client.session, { token: mallory, path: "/openai/v1/models" }), 200);
  }
  assertEquals(await Promise.race([...open, Promise.resolve("open")]), "open");
});

Deno.test("slots: a body that a rule depends on holds no slot while it comes, over HTTP/1.1", async () => {
  await using upstream = answering();
  await using proxy = await ManagedProxy.start(upstream, {
    server: { concurrency: { ...CONCURRENCY, maxExchanges: 2 } },
  });
  const { value } = await proxy.token({ allowed_models: ["demo-*"] });
  const clients: RawClient[] = [];
  try {
    for (let count = 0; count < 2; count++) {
      const client = await RawClient.connect(proxy.url);
      clients.push(client);
      await client.send(
        "POST /openai/v1/chat/completions HTTP/1.1\r\nHost: p\r\nContent-Type: application/json\r\n" +
          `Authorization: Bearer ${value}\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n`,
      );
      assertEquals((await client.head()).status, 100, "the proxy waits for the body");
    }
    const answer = await fetch(`${proxy.url}/openai/v1/models/demo-small`, {
      headers: { authorization: `Bearer ${value}` },
    });
    assertEquals([answer.status, await answer.text()], [200, "hello"]);
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
});

Deno.test("slots: a token whose requests run without an end leaves slots for others", async () => {
  await using upstream = answering();
  await using proxy = await ManagedProxy.start(upstream, { server: { concurrency: CONCURRENCY } });
  const [mallory, anna] = [await proxy.token(), await proxy.token()];
  const leave = new AbortController();
  const ask = (token: string, path: string) =>
    fetch(`${proxy.url}/openai/v1${path}`, {
      headers: { authorization: `Bearer ${token}` },
      signal: leave.signal,
    });
  const running = Array.from({ length: 30 }, () => ask(mallory.value, "/waits").catch(() => undefined));
  let rejected = 0;
  const twelve = Promise.withResolvers<void>();
  for (const one of running) {
    void one.then(async (answer) => {
      await answer?.body?.cancel();
      if (answer?.status === 503 && ++rejected === 12) twelve.resolve();
    });
  }
  await within(twelve.promise, "twelve rejections");
  const answer = await ask(anna.value, "/models");
  assertEquals([answer.status, await answer.text()], [200, "hello"]);
  leave.abort();
  await Promise.all(running);
});

/**
 * New tokens with these rules, made over HTTP/2, since the test's own fetch does not trust the certificate.
 */
async function tokensOver(
  session: ClientHttp2Session,
  rules: readonly Record<string, unknown>[],
): Promise<[string, string]> {
  const project = await post(session, "/manage/projects", { name: "lab" });
  const values: string[] = [];
  for (const [index, rule] of rules.entries()) {
    const made = await post(session, "/manage/tokens", {
      project_id: project.id,
      name: `t${index}`,
      ...rule,
    });
    values.push(made.token);
  }
  return [values[0] ?? "", values[1] ?? ""];
}

/** Asks the management API. */
async function post(
  session: ClientHttp2Session,
  path: string,
  body: unknown,
): Promise<{ readonly id: string; readonly token: string }> {
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/json",
    authorization: `Bearer ${SECRETS.managementToken}`,
  });
  stream.end(JSON.stringify(body));
  let text = "";
  stream.on("data", (piece) => text += piece);
  await new Promise((resolve, reject) => stream.on("end", resolve).on("error", reject));
  return JSON.parse(text);
}

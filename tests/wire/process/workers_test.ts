/** Several threads of one process serve one port. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { SECRETS } from "../../support/data/secrets.ts";
import { RawClient, rawRequest } from "../../support/clients/raw_client.ts";
import { unless, withoutLinux } from "../../support/runner/left_out.ts";
import { freePort } from "../../support/processes/port.ts";
import { proxyCommand, proxyEnv, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { within } from "../../support/time/deadline.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";

const MODELS = "GET /openai/v1/models HTTP/1.1";
const TOKEN = `Authorization: Bearer ${SECRETS.proxyToken}`;
/** So many connections reach both threads, except once in a million times. */
const MANY = 20;

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ ...unless(withoutLinux(), `workers: ${name}`), fn });
}

/** Starts a proxy with two threads. */
function started(upstream: FakeUpstream, env: Record<string, string> = {}): Promise<ProxyProcess> {
  return ProxyProcess.start({ upstream: upstream.origin, env: { WORKERS: "2", ...env } });
}

/** Sends requests on separate connections, and returns the different statuses of the responses. */
async function statuses(proxy: ProxyProcess, token = TOKEN): Promise<number[]> {
  const answers = await Promise.all(
    Array.from({ length: MANY }, () => rawRequest(proxy.url, [MODELS, token])),
  );
  return [...new Set(answers.map(({ status }) => status))].sort();
}

/** An upstream whose streams go on until the test says so. */
function heldUpstream(): { upstream: FakeUpstream; release: () => void } {
  const released = Promise.withResolvers<void>();
  const upstream = new FakeUpstream({
    script: async (exchange) => {
      await exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
      await released.promise;
      await exchange.write("4\r\nlast\r\n0\r\n\r\n");
    },
  });
  return { upstream, release: released.resolve };
}

test("two threads serve one port, and the log has each exchange once, with its thread", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await started(upstream);
  assertEquals(await statuses(proxy), [200]);
  const workers = new Map<string, unknown>();
  for (const number of [1, 2]) await proxy.logged(({ worker }) => worker === number);
  await proxy.stop();
  const lines = proxy.output.split("\n").map((line) => JSON.parse(line));
  for (const { event, id, worker } of lines) {
    if (event !== "exchange") continue;
    assert(!workers.has(id), `${id} is there once`);
    workers.set(id, worker);
  }
  assertEquals(workers.size, MANY);
});

test("SIGHUP brings a new configuration to all threads before the log says so", async () => {
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("{}")) });
  const folder = await Deno.makeTempDir();
  const file = `${folder}/config.toml`;
  const textWith = (token: string) =>
    `[server]\nworkers = 2\n[auth]\ntoken = "${token}"\n[endpoints.openai]\nbase_url = "${upstream.origin}/v1"\n` +
    `api_key = "${SECRETS.openaiKey}"\nprovider = "openai"\n`;
  await Deno.writeTextFile(file, textWith(SECRETS.proxyToken));
  const env = { HOST: "127.0.0.1", PORT: "0", LOG_FORMAT: "json", CONFIG_PATH: file };
  {
    await using proxy = await ProxyProcess.startWith(env);
    assertEquals(await statuses(proxy), [200]);
    await Deno.writeTextFile(file, textWith("another-token-of-the-proxy"));
    proxy.kill("SIGHUP");
    await proxy.logged(({ event }) => event === "reloaded");
    assertEquals(await statuses(proxy, "Authorization: Bearer another-token-of-the-proxy"), [200]);
    assertEquals(await statuses(proxy), [401]);
  }
  await Deno.remove(folder, { recursive: true });
});

test("SIGTERM: streams of all threads end whole, new connections are rejected, exit 0", async () => {
  const held = heldUpstream();
  await using upstream = held.upstream;
  await using proxy = await started(upstream);
  const clients = await Promise.all(Array.from({ length: MANY }, () => RawClient.connect(proxy.url)));
  for (const client of clients) {
    await client.send(`${MODELS}\r\nHost: p\r\n${TOKEN}\r\n\r\n`);
    assertEquals((await client.reader.head())?.startLine, "HTTP/1.1 200 OK");
  }
  proxy.kill("SIGTERM");
  for (const number of [1, 2]) {
    await proxy.logged(({ event, worker }) => event === "draining" && worker === number);
  }
  const refused = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(proxy.url).port) })
    .then((connection) => connection.close(), () => "refused");
  assertEquals(refused, "refused");
  held.release();
  for (const client of clients) {
    let text = "";
    const body = client.reader.body([["transfer-encoding", "chunked"]], { untilClose: false });
    for await (const piece of body) text += new TextDecoder().decode(piece);
    assertEquals(text, "firstlast");
    client[Symbol.dispose]();
  }
  assertEquals(await proxy.exited(), 0);
});

test("the drain deadline cuts the streams of all threads", async () => {
  const held = heldUpstream();
  await using upstream = held.upstream;
  await using proxy = await started(upstream, { DRAIN_SECONDS: "0" });
  const clients = await Promise.all(Array.from({ length: MANY }, () => RawClient.connect(proxy.url)));
  for (const client of clients) {
    await client.send(`${MODELS}\r\nHost: p\r\n${TOKEN}\r\n\r\n`);
    await client.reader.head();
  }
  proxy.kill("SIGTERM");
  assertEquals(await proxy.exited(), 0);
  assertEquals(proxy.output.split('"ending":"draining"').length - 1, MANY);
  held.release();
  clients.forEach((client) => client[Symbol.dispose]());
});

test("a limit of running requests counts those of all threads", async () => {
  const held = heldUpstream();
  await using upstream = held.upstream;
  await using proxy = await started(upstream, { MAX_CONCURRENT_PER_TOKEN: "3", QUEUE_TIMEOUT: "100ms" });
  const clients = await Promise.all(Array.from({ length: MANY }, () => RawClient.connect(proxy.url)));
  const heads = await Promise.all(clients.map(async (client) => {
    await client.send(`${MODELS}\r\nHost: p\r\n${TOKEN}\r\n\r\n`);
    return (await client.head()).status;
  }));
  assertEquals(heads.filter((status) => status === 200).length, 3);
  assertEquals(heads.filter((status) => status === 503).length, MANY - 3);
  held.release();
  clients.forEach((client) => client[Symbol.dispose]());
});

test("a wait after wrong tokens holds on all threads", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await started(upstream);
  const wrong = (guess: number) =>
    rawRequest(proxy.url, [MODELS, `Authorization: Bearer wrong-token-${guess}-of-many`]);
  for (let guess = 0; guess < MANY; guess++) await wrong(guess);
  assertEquals(await statuses(proxy), [429]);
});

test("a port that another proxy uses is an error", async () => {
  await using upstream = new FakeUpstream();
  const port = String(freePort());
  await using _proxy = await started(upstream, { PORT: port });
  const env = proxyEnv({ upstream: upstream.origin, env: { WORKERS: "2", PORT: port } });
  const { code, stderr } = await within(proxyCommand([], env).output(), "the end of the second proxy");
  assertEquals(code, 1);
  assertStringIncludes(
    new TextDecoder().decode(stderr),
    `Cannot listen on 127.0.0.1:${port}: another program`,
  );
});

test("both threads serve TLS", async () => {
  await using upstream = new FakeUpstream();
  const tls = `${import.meta.dirname}/../../support/tls`;
  await using proxy = await started(upstream, {
    TLS_CERT_FILE: `${tls}/cert.pem`,
    TLS_KEY_FILE: `${tls}/key.pem`,
  });
  const caCerts = [await Deno.readTextFile(`${tls}/ca.pem`)];
  const port = Number(new URL(proxy.url).port);
  for (let count = 0; count < MANY; count++) {
    using connection = await Deno.connectTls({ hostname: "localhost", port, caCerts });
    await connection.write(
      new TextEncoder().encode("GET /readyz HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n"),
    );
    const answer = new Uint8Array(100);
    assertStringIncludes(
      new TextDecoder().decode(answer.subarray(0, await connection.read(answer) ?? 0)),
      "200 OK",
    );
  }
});

import { assertEquals, assertLess } from "@std/assert";
import { within } from "../support/deadline.ts";
import { FakeUpstream, type Script } from "../support/fake_upstream.ts";
import { LocalProxy } from "../support/local_proxy.ts";
import { unless, withoutProc } from "../support/left_out.ts";
import { memoryMb, openFiles } from "../support/process_stats.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { RawClient } from "../support/raw_client.ts";
import { SECRETS } from "../support/secrets.ts";

const HEAD = [
  "POST /openai/v1/chat/completions HTTP/1.1",
  "Host: proxy.test",
  `Authorization: Bearer ${SECRETS.proxyToken}`,
  "",
].join("\r\n");
const REQUEST = `${HEAD}Content-Length: 2\r\n\r\n{}`;
const STREAM = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/** A moment at which a client can leave: what it waits for, and how far the upstream has come by then. */
interface Window {
  readonly name: string;
  readonly request: string;
  /** Sent in a packet of its own, once the upstream has the request's head. */
  readonly laterBody?: string;
  /** What the upstream sends before the client leaves. */
  readonly sent: readonly string[];
  /** What the client waits to see before it leaves. */
  readonly awaits: "request at upstream" | "head" | "body";
}

const WINDOWS: readonly Window[] = [
  {
    name: "before the upstream's headers, having sent no body",
    request: `${HEAD.replace("POST", "GET")}\r\n`,
    sent: [],
    awaits: "request at upstream",
  },
  { name: "before the upstream's headers", request: REQUEST, sent: [], awaits: "request at upstream" },
  {
    name: "before the upstream's headers, after a body that came in its own packet",
    request: `${HEAD}Content-Length: 2\r\n\r\n`,
    laterBody: "{}",
    sent: [],
    awaits: "request at upstream",
  },
  { name: "before the first byte", request: REQUEST, sent: [STREAM], awaits: "head" },
  { name: "mid-stream", request: REQUEST, sent: [STREAM, "9\r\ndata: 1\n\n\r\n"], awaits: "body" },
  {
    name: "on a plain response",
    request: REQUEST,
    sent: ["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "the beginning"],
    awaits: "body",
  },
  {
    name: "before the upstream's headers, having sent a byte of another request",
    request: `${REQUEST}G`,
    sent: [],
    awaits: "request at upstream",
  },
  {
    name: "before the upstream's headers, having sent whole requests behind it",
    request: REQUEST.repeat(3),
    sent: [],
    awaits: "request at upstream",
  },
  {
    name: "on a plain response, having sent a long request behind it",
    request: `${REQUEST}${HEAD}Content-Length: 100000\r\n\r\n${"x".repeat(100_000)}`,
    sent: ["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "the beginning"],
    awaits: "body",
  },
  {
    name: "within its own upload",
    request: `${HEAD}Content-Length: 1000\r\n\r\nthe beginning`,
    sent: [],
    awaits: "request at upstream",
  },
];

/** What the upstream sees of one client. */
interface Seen {
  readonly head: PromiseWithResolvers<void>;
  readonly body: PromiseWithResolvers<void>;
  readonly departure: PromiseWithResolvers<void>;
}

function nothingSeen(): Seen {
  return {
    head: Promise.withResolvers(),
    body: Promise.withResolvers(),
    departure: Promise.withResolvers(),
  };
}

/** An upstream that sends its part and then waits to be left. */
function leftAlone({ sent, laterBody }: Window, seen: Seen): Script {
  return async (exchange) => {
    seen.head.resolve();
    if (laterBody !== undefined) { for await (const _ of exchange.body()) seen.body.resolve(); }
    for (const part of sent) await exchange.write(part);
    await exchange.peerClosed();
    seen.departure.resolve();
    exchange.close();
  };
}

async function leaveAt(url: string, window: Window, seen: Seen): Promise<void> {
  using client = await RawClient.connect(url);
  await client.send(window.request);
  if (window.laterBody !== undefined) {
    await within(seen.head.promise, "the head of the request");
    await client.send(window.laterBody);
    return await within(seen.body.promise, "the body of the request");
  }
  if (window.awaits === "request at upstream") {
    return await within(seen.head.promise, "the head of the request");
  }
  const head = await client.head();
  if (window.awaits === "head") return;
  await client.reader.body(head.headers, { untilClose: true }).next();
}

for (const window of WINDOWS) {
  Deno.test(`a client that leaves ${window.name} cancels the upstream request at once`, async () => {
    const seen = nothingSeen();
    await using upstream = new FakeUpstream({ script: leftAlone(window, seen) });
    await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
    await leaveAt(proxy.url, window, seen);
    const leftAt = performance.now();
    await within(seen.departure.promise, "the departure at the upstream");
    assertLess(performance.now() - leftAt, 1_000);
    const line = await proxy.logged("exchange");
    assertEquals([line["status"], line["ending"]], [499, "client_gone"]);
    assertEquals(proxy.log.filter(({ event }) => event === "fault"), [], "nobody's fault");
    assertEquals(upstream.requests.length, 1, "never tried again");
  });
}

Deno.test({
  ...unless(withoutProc(), "1,000 departures in each window leave nothing behind"),
  async fn() {
    const rounds = 1_000;
    const settled = 250;
    await using upstream = new FakeUpstream();
    await using proxy = await ProxyProcess.start({ upstream: upstream.origin });
    for (const window of WINDOWS) {
      let filesThen = 0;
      let memoryThen = 0;
      for (let round = 0; round < rounds; round++) {
        const seen = nothingSeen();
        upstream.script(leftAlone(window, seen));
        await leaveAt(proxy.url, window, seen);
        await within(seen.departure.promise, "the departure at the upstream");
        if (round === settled) {
          filesThen = openFiles(proxy.pid);
          memoryThen = memoryMb(proxy.pid);
        }
      }
      // One more exchange that ends well: by its answer, the proxy has seen all departures before it.
      upstream.script(undefined);
      const response = await fetch(`${proxy.url}/openai/v1/models`, {
        headers: { authorization: `Bearer ${SECRETS.proxyToken}` },
      });
      await response.json();
      assertLess(openFiles(proxy.pid), filesThen + 10, `open files, leaving ${window.name}`);
      assertLess(memoryMb(proxy.pid), memoryThen * 1.5 + 20, `memory, leaving ${window.name}`);
    }
  },
});

Deno.test("departures: connections that are reset in the middle of a burst of answers do not end the proxy", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ProxyProcess.start({ upstream: upstream.origin });
  const { hostname, port } = new URL(proxy.url);
  const burst = new TextEncoder().encode("GET /healthz HTTP/1.1\r\nHost: p\r\n\r\n".repeat(2_000));
  const leave = async (bytes: number): Promise<void> => {
    const connection = await Deno.connect({ hostname, port: Number(port) });
    const sending = connection.write(burst).catch(() => 0);
    const buffer = new Uint8Array(16_384);
    for (let got = 0; got < bytes;) {
      const count = await connection.read(buffer).catch(() => null);
      if (count === null) break;
      got += count;
    }
    // What was not read makes a reset of the end.
    connection.close();
    await sending;
  };
  for (let round = 0; round < 100; round++) {
    await Promise.all([20_000, 35_000, 50_000, 65_000].map((bytes) => leave(bytes + round * 100)));
  }
  const answer = await fetch(`${proxy.url}/healthz`);
  assertEquals(await answer.text(), "ok");
  assertEquals(proxy.output.includes('"unexpected"'), false, "a failure that nobody waited for");
});

Deno.test({
  ...unless(
    withoutProc(),
    "departures: a connection that sent thousands of requests ahead holds no memory for them",
  ),
  async fn() {
    await using upstream = new FakeUpstream();
    await using proxy = await ProxyProcess.start({ upstream: upstream.origin });
    const { hostname, port } = new URL(proxy.url);
    const one = "GET /healthz HTTP/1.1\r\nHost: p\r\n\r\n";
    const requests = 6_000;
    const burst = new TextEncoder().encode(one.repeat(requests));
    const open = async (): Promise<Deno.Conn> => {
      const connection = await Deno.connect({ hostname, port: Number(port) });
      const sending = (async () => {
        for (let sent = 0; sent < burst.length;) sent += await connection.write(burst.subarray(sent));
      })();
      const buffer = new Uint8Array(65_536);
      let answers = 0;
      while (answers < requests) {
        const count = await within(connection.read(buffer), `answer ${answers + 1}`);
        if (count === null) throw new Error(`${answers} answers came`);
        // The last letter of each body.
        for (const byte of buffer.subarray(0, count)) if (byte === 0x6b) answers++;
      }
      await sending;
      return connection;
    };
    (await open()).close();
    const before = memoryMb(proxy.pid);
    const connections: Deno.Conn[] = [];
    for (let index = 0; index < 40; index++) connections.push(await open());
    const grown = memoryMb(proxy.pid) - before;
    for (const connection of connections) connection.close();
    assertLess(grown, 90, `${grown} MB more for 40 idle connections`);
  },
});

Deno.test("departures: a client that leaves while its upload waits for a place is noticed, and never asks the upstream", async () => {
  const arrived = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const paths: string[] = [];
  await using upstream = new FakeUpstream({
    script: async ({ request, body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      paths.push(request.target);
      arrived.resolve();
      await release.promise;
      await write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    },
  });
  await using proxy = new LocalProxy(upstream, {
    apiKey: SECRETS.openaiKey,
    server: { concurrency: { maxExchanges: 1, maxPerPrincipal: Infinity, queueMs: 60_000 } },
  });
  const headers = { authorization: `Bearer ${SECRETS.proxyToken}` };
  const busy = fetch(`${proxy.url}/openai/v1/busy`, { method: "POST", body: "{}", headers });
  await within(arrived.promise, "the request at the upstream");
  const leaving = await RawClient.connect(proxy.url);
  await leaving.send(REQUEST.replace("/v1/chat/completions", "/v1/left"));
  // The request is here when another connection has been answered behind it.
  assertEquals(await (await fetch(`${proxy.url}/healthz`)).text(), "ok");
  leaving[Symbol.dispose]();
  const line = await within(proxy.logged("exchange"), "the departure").finally(() => release.resolve());
  assertEquals([line["path"], line["status"]], ["/openai/v1/left", 499]);
  await (await busy).text();
  assertEquals(paths.length, 1);
});

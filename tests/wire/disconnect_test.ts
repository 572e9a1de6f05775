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
    await seen.head.promise;
    await client.send(window.laterBody);
    return await seen.body.promise;
  }
  if (window.awaits === "request at upstream") return await seen.head.promise;
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

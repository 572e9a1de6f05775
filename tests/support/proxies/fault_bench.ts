/** Drives one fault of an upstream against the proxy and asserts everything that is promised of it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { DIRECT } from "../../../src/config/values/defaults.ts";
import type { ConnectionSettings, TimeoutLimits } from "../../../src/config/config.ts";
import { testBackend, testEndpoint } from "./config.ts";
import { FakeUpstream, plainAnswer } from "../upstreams/fake_upstream.ts";
import { type FaultyScript, FaultyUpstream, type Listening } from "../upstreams/faulty_upstream.ts";
import { gather, headerOf } from "../clients/http_reader.ts";
import { LocalProxy } from "./local_proxy.ts";
import { RawClient } from "../clients/raw_client.ts";
import { SECRETS } from "../data/secrets.ts";

/** What the client is promised. */
export type Promised =
  /** A fault of the proxy's own; `another` backend is asked where there is one. */
  | { readonly is: "fault"; readonly code: FaultCode; readonly another: boolean; readonly says: RegExp }
  /**
   * What had come, and then the end of the connection, in a way that cannot be taken for the answer's end.
   */
  | { readonly is: "cut"; readonly code: FaultCode; readonly after: string; readonly orLess?: boolean }
  /** The whole answer. */
  | { readonly is: "whole"; readonly text: string };

type FaultCode = "bad_gateway" | "upstream_timeout";

/** One row of a table of faults. */
export interface UpstreamFault {
  readonly name: string;
  /** Plays the upstream; `type` is the content type that is asked for. */
  readonly script: (type: string) => FaultyScript;
  readonly promised: Promised;
  readonly timeouts?: Partial<TimeoutLimits>;
  readonly tls?: Listening;
  /** Instead of the origin where the script listens. */
  readonly origin?: (listening: string) => string;
  readonly connection?: ConnectionSettings;
  /** The runtime keeps a socket open on which TLS was begun and not answered, whoever closes it. */
  readonly staysOpen?: true;
  /** Its authority is unknown, so the proxy tries once more, with the authorities of the system. */
  readonly authorityIsUnknown?: true;
}

const BODY = JSON.stringify({ model: "demo-small", messages: [{ role: "user", content: "hello" }] });
const TYPES = ["application/json", "text/event-stream"] as const;
const WELL = "all is well";
const STATUS = { bad_gateway: 502, upstream_timeout: 504 } as const;

/** Both kinds of answers, alone and with another backend behind; then a look at what is left. */
export async function assertFault(fault: UpstreamFault): Promise<void> {
  await Promise.all(TYPES.map((type) => assertFaultOf(fault, type)));
}

async function assertFaultOf(fault: UpstreamFault, type: string): Promise<void> {
  await using healthy = new FakeUpstream({
    script: async ({ body, write }) => {
      await gather(body());
      await write(plainAnswer(WELL, { headers: `Content-Type: ${type}\r\n` }));
    },
  });
  await using faulty = new FaultyUpstream(fault.script(type), fault.tls);
  const key = { mode: "inject", value: SECRETS.openaiKey } as const;
  const bad = testBackend(fault.origin?.(faulty.origin) ?? faulty.origin, {
    name: "bad",
    key,
    timeouts: {
      connectMs: 10_000,
      firstByteMs: 10_000,
      idleMs: 10_000,
      totalMs: undefined,
      ...fault.timeouts,
    },
    connection: fault.connection ?? DIRECT,
  });
  const good = testBackend(healthy.origin, { name: "good", key });
  const endpoints = [
    testEndpoint("alone", [bad]),
    testEndpoint("both", [bad, good]),
    testEndpoint("well", [good]),
  ];
  await using proxy = new LocalProxy(healthy, { endpoints });
  const { promised } = fault;

  const alone = ask(proxy, "alone");
  // The proxy lives and serves others while it waits for this upstream.
  await Promise.race([faulty.arrived(), alone]);
  assertEquals(await (await fetch(`${proxy.url}/healthz`)).text(), "ok");
  assertEquals((await ask(proxy, "well")).text, WELL, "others are served meanwhile");
  assertPromised(await alone, promised);
  assertEquals((await ask(proxy, "well")).text, WELL, "the very next request is served");
  if (!fault.staysOpen) await faulty.allClosed();
  assert(
    faulty.accepted <= (fault.authorityIsUnknown ? 2 : 1),
    `${faulty.accepted} connections for one request`,
  );

  const askedBefore = healthy.requests.length;
  const both = await ask(proxy, "both");
  // A stream of which no event came has not begun for the client.
  const wasHeldBack = type === "text/event-stream" && promised.is === "cut";
  const isTooLate = wasHeldBack && fault.timeouts?.totalMs !== undefined;
  const failsOver = wasHeldBack && !isTooLate || promised.is === "fault" && promised.another;
  if (isTooLate) {
    assertPromised(both, { is: "fault", code: promised.code, another: false, says: /total_timeout/ });
  } else if (failsOver) {
    assertEquals([both.status, both.text, both.ended], [200, WELL, "whole"], "the other backend");
  } else assertPromised(both, promised);
  assertEquals(healthy.requests.length - askedBefore, failsOver ? 1 : 0, "requests to the other backend");
  if (!fault.staysOpen) await faulty.allClosed();
  assertEquals((await ask(proxy, "well")).text, WELL);

  await proxy.drain();
  assertEquals((await proxy.logged("draining"))["in_flight"], 0, "running exchanges");
  assertLog(proxy, { promised, failsOver, isTooLate });
}

/** What a client saw of an answer. */
interface Seen {
  /** 0: none came. */
  readonly status: number;
  readonly fault: string | undefined;
  readonly text: string;
  readonly ended: "whole" | "cut";
}

async function ask(proxy: LocalProxy, endpoint: string): Promise<Seen> {
  using client = await RawClient.connect(proxy.url);
  const fields = `Authorization: Bearer ${SECRETS.proxyToken}\r\nContent-Length: ${BODY.length}\r\n`;
  await client.send(`POST /${endpoint}/chat HTTP/1.1\r\nHost: proxy.test\r\n${fields}\r\n${BODY}`);
  const head = await client.reader.head();
  if (head === null) return { status: 0, fault: undefined, text: "", ended: "cut" };
  const status = Number(head.startLine.split(" ")[1]);
  const seen = { status, fault: headerOf(head.headers, "x-llm-proxy-error") };
  let text = "";
  try {
    const body = client.reader.body(head.headers, { untilClose: true });
    for await (const piece of body) text += new TextDecoder().decode(piece);
    return { ...seen, text, ended: "whole" };
  } catch {
    return { ...seen, text, ended: "cut" };
  }
}

function assertPromised(seen: Seen, promised: Promised): void {
  switch (promised.is) {
    case "fault": {
      const { code, says } = promised;
      assertEquals([seen.status, seen.fault, seen.ended], [STATUS[code], code, "whole"], seen.text);
      const { error } = JSON.parse(seen.text);
      assertEquals(error.code, code);
      assertMatch(error.message, says);
      return;
    }
    case "cut": {
      assertEquals([seen.ended, seen.fault], ["cut", undefined], `it looked finished: ${seen.text}`);
      assert(seen.status === 200 || seen.status === 0);
      const expected = promised.orLess ? promised.after.slice(0, seen.text.length) : promised.after;
      assertEquals(seen.text, expected, "what had come before the cut");
      return;
    }
    case "whole":
      return assertEquals(seen, { status: 200, fault: undefined, text: promised.text, ended: "whole" });
    default:
      promised satisfies never;
  }
}

/** The exchange log tells the same. */
function assertLog(
  proxy: LocalProxy,
  { promised, failsOver, isTooLate }: { promised: Promised; failsOver: boolean; isTooLate: boolean },
): void {
  const lines = (endpoint: string) =>
    proxy.log.filter((line) => line.event === "exchange" && line["endpoint"] === endpoint)
      .map((line) => [line["status"], line["ending"], line["backend"], line["attempts"]]);
  const expected = promised.is === "whole"
    ? [200, "complete", "bad", undefined]
    : [promised.is === "cut" ? 200 : STATUS[promised.code], promised.code, "bad", undefined];
  assertEquals(lines("alone"), [expected]);
  const [, ...late] = expected;
  const both = isTooLate ? [504, ...late] : expected;
  assertEquals(lines("both"), [failsOver ? [200, "complete", "good", 2] : both]);
  assertEquals(lines("well"), Array.from({ length: 3 }, () => [200, "complete", "good", undefined]));
  const faults = proxy.log.filter(({ event }) => event === "fault");
  assertEquals(faults.length, promised.is === "whole" ? 0 : failsOver ? 1 : 2);
  assertEquals(proxy.log.filter(({ event }) => event === "failover").length, failsOver ? 1 : 0);
  assertEquals(proxy.log.filter(({ event }) => event === "unexpected"), []);
}

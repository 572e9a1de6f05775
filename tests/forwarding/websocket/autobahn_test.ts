/**
 * What a WebSocket carries, case by case of the Autobahn test suite's list: in both directions, whole and
 * cut.
 */

import { assertEquals } from "@std/assert";
import { concat } from "../../../src/streams/bytes.ts";
import { CLOSE_CODES, FrameReader } from "../../../src/payload/websocket_frames.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import {
  CLOSE,
  closePayload,
  closeText,
  frame,
  type FramePeer,
  openWebSocket,
  WebSocketUpstream,
} from "../../support/clients/websocket.ts";
import { AUTOBAHN_CASES, type AutobahnCase, MAX_MESSAGE_BYTES } from "./autobahn_cases.ts";

/** How long a connection may take; none that ends as it should comes near. */
const LIMIT_MS = 10_000;
/**
 * So many bytes at either end of what is sent are sent one by one, where it is cut; the rest is sent at once.
 */
const SINGLE_BYTES = 200;

type Cut = "whole" | "byte by byte";

interface Ends {
  readonly client: FramePeer;
  readonly server: FramePeer;
}

async function connected(upstream: WebSocketUpstream, proxy: LocalProxy): Promise<Ends> {
  const arriving = upstream.next();
  const { status, peer } = await openWebSocket(proxy.url, "/openai/v1/realtime?model=m", [
    `Authorization: Bearer ${SECRETS.proxyToken}`,
  ]);
  assertEquals(status, 101);
  return { client: peer, server: (await arriving).peer };
}

function pieces(bytes: Uint8Array, cut: Cut): Uint8Array[] {
  if (cut === "whole") return [bytes];
  const single = (part: Uint8Array) => [...part].map((byte) => Uint8Array.of(byte));
  const last = Math.max(SINGLE_BYTES, bytes.length - SINGLE_BYTES);
  const middle = bytes.subarray(SINGLE_BYTES, last);
  return [
    ...single(bytes.subarray(0, SINGLE_BYTES)),
    ...middle.length > 0 ? [middle] : [],
    ...single(bytes.subarray(last)),
  ];
}

/** Sends all; stops where the proxy has ended the connection. */
async function send(peer: FramePeer, bytes: Uint8Array, cut: Cut): Promise<void> {
  try {
    for (const piece of pieces(bytes, cut)) await peer.send(piece);
  } catch {
    // What the other side got tells whether that was right.
  }
}

/** One case on one connection. */
async function play({ frames, broken }: AutobahnCase, { client, server }: Ends, how: {
  readonly from: "client" | "upstream";
  readonly cut: Cut;
}): Promise<void> {
  const isClient = how.from === "client";
  const [sender, receiver] = isClient ? [client, server] : [server, client];
  const all = frames(isClient);
  const passing = concat(broken === undefined ? [...all] : all.slice(0, broken.at));
  const sending = send(sender, concat([...all]), how.cut);
  const arrived = await receiver.bytes(passing.length);
  // By hand: a difference of a quarter of a megabyte would take minutes to print.
  assertEquals(arrived.findIndex((byte, at) => byte !== passing[at]), -1, "the first byte that differs");
  if (broken !== undefined) {
    for (const end of [receiver, sender]) {
      const heard = await end.frame();
      assertEquals(heard && closeText(heard).slice(0, 4), String(broken.code));
      assertEquals(heard?.isMasked, end === server, "a client masks, a server does not");
      assertEquals(await end.rest(), []);
    }
    return await sending;
  }
  await sending;
  // Its last frames: the close of the case itself if it has one, else this one, and the other side's answer.
  const hasClosed = all.some(([first = 0]) => (first & 15) === CLOSE);
  if (!hasClosed) {
    await sender.send(frame(CLOSE, closePayload(1000), { isMasked: isClient }));
    const heard = await receiver.frame();
    assertEquals([heard?.opcode, heard && closeText(heard)], [CLOSE, "1000"]);
  }
  await receiver.send(frame(CLOSE, closePayload(1000, "bye"), { isMasked: !isClient }));
  const answer = await sender.frame();
  assertEquals(answer && closeText(answer), "1000 bye");
  server[Symbol.dispose]();
  assertEquals(await client.rest(), []);
}

async function inTime(ends: Ends, work: () => Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`not done after ${LIMIT_MS} ms`)), LIMIT_MS);
  try {
    await Promise.race([work(), promise]);
  } finally {
    clearTimeout(timer);
    ends.client[Symbol.dispose]();
    ends.server[Symbol.dispose]();
  }
}

/** How the exchange ends where one side breaks a rule. */
function endingOf(code: number | undefined, from: "client" | "upstream"): string {
  if (code === undefined) return "complete";
  if (code === CLOSE_CODES.tooBig) return "payload_too_large";
  return from === "client" ? "bad_request" : "bad_gateway";
}

for (const from of ["client", "upstream"] as const) {
  Deno.test(`websocket: Autobahn's cases from the ${from}, whole and byte by byte`, async (t) => {
    await using upstream = new WebSocketUpstream();
    const key = { mode: "inject", value: SECRETS.openaiKey } as const;
    await using proxy = new LocalProxy(upstream, {
      endpoints: [testEndpoint("openai", [testBackend(upstream.origin, { path: "/v1", key })])],
      server: { maxMessageBytes: MAX_MESSAGE_BYTES },
    });
    for (const one of AUTOBAHN_CASES) {
      await t.step(one.name, async () => {
        for (const cut of ["whole", "byte by byte"] as const) {
          proxy.log.length = 0;
          const ends = await connected(upstream, proxy);
          await inTime(ends, () => play(one, ends, { from, cut }));
          const { ending } = await proxy.logged("exchange");
          assertEquals(ending, endingOf(one.broken?.code, from));
        }
      });
    }
  });
}

Deno.test("FrameReader: Autobahn's cases, byte by byte", async (t) => {
  for (const { name, frames, broken } of AUTOBAHN_CASES) {
    await t.step(name, () => {
      for (const isMasked of [true, false]) {
        const all = frames(isMasked);
        const bytes = concat([...all]);
        const wanted = concat(broken === undefined ? [...all] : all.slice(0, broken.at)).length;
        const reader = new FrameReader(MAX_MESSAGE_BYTES);
        let passed = 0;
        for (const part of pieces(bytes, "byte by byte")) {
          const piece = reader.pass(part.slice());
          const isSame = piece.every((byte, index) => byte === bytes[passed + index]);
          if (!isSame) throw new Error(`byte ${passed} or one soon behind it was changed`);
          passed += piece.length;
        }
        assertEquals([passed, reader.violation?.code, reader.isAtBoundary], [wanted, broken?.code, true]);
      }
    });
  }
});

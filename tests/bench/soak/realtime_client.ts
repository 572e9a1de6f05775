/**
 * A client with a WebSocket of some seconds: asks for answers, hears its echo, and ends it in one of several
 * ways.
 */

import {
  CLOSE,
  closePayload,
  type Frame,
  frame,
  type FramePeer,
  openWebSocket,
  TEXT,
} from "../../support/clients/websocket.ts";
import { type Asked, headersOf, type Outcome } from "./asked.ts";
import { pathOf } from "./kinds.ts";
import { SAYS } from "./realtime_upstream.ts";

const MOST_TURNS = 8;
const LONGEST_PAUSE_MS = 800;

/** One session. */
export async function realtime(
  url: string,
  asked: Asked,
  below: (limit: number) => number,
): Promise<Outcome> {
  const lines = Object.entries(headersOf(asked)).map(([name, value]) => `${name}: ${value}`);
  const opened = await openWebSocket(url, pathOf(asked.kind, asked.serial), lines);
  using peer = opened.peer;
  const { status } = opened;
  const seen = { status, requestId: opened.header("x-request-id") };
  if (status !== 101) return { ...seen, text: await opened.text(), ended: "whole" };
  let answers = 0;
  await textOf(peer);
  for (let turn = below(MOST_TURNS); turn >= 0; turn--) {
    await new Promise((resolve) => setTimeout(resolve, below(LONGEST_PAUSE_MS)));
    const isAnswer = below(2) === 0;
    const said = isAnswer ? SAYS.answer : "x".repeat(below(2_000));
    await say(peer, said);
    const heard = await textOf(peer);
    if (isAnswer && heard.includes("response.done")) answers++;
    else if (heard !== said) return { ...seen, text: "the echo is another one", ended: "cut" };
  }
  const end = { ...seen, text: "", answers };
  if (asked.kind.leaves === "answer") {
    // It is gone without a word: here on this side, there on the other one.
    if (below(2) === 0) return { ...end, ended: "left" };
    await say(peer, SAYS.drop);
    return { ...end, ended: (await peer.rest()).length === 0 ? "cut" : "whole" };
  }
  const closesFirst = below(2) === 0;
  const closing = frame(CLOSE, closePayload(1000), { isMasked: true });
  if (closesFirst) await peer.send(closing);
  else await say(peer, SAYS.close);
  const last = await peer.frame();
  if (last?.opcode !== CLOSE) return { ...end, ended: "cut" };
  if (!closesFirst) await peer.send(closing);
  return { ...end, ended: "whole" };
}

async function say(peer: FramePeer, text: string): Promise<void> {
  await peer.send(frame(TEXT, text, { isMasked: true }));
}

async function textOf(peer: FramePeer): Promise<string> {
  const heard: Frame | null = await peer.frame();
  return heard === null ? "" : new TextDecoder().decode(heard.payload);
}

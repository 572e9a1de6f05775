/**
 * Realtime sessions over a WebSocket: a provider that bills each answer of a session, and a client that asks
 * for some.
 */

import { headerOf, type HttpReader, type MessageHead, writeAll } from "../../support/clients/http_reader.ts";
import {
  acceptOf,
  CLOSE,
  closePayload,
  frame,
  FramePeer,
  openWebSocket,
  TEXT,
} from "../../support/clients/websocket.ts";
import { NO_TOKENS, plus, type Tokens } from "./bill.ts";
import type { Leaving, Outcome } from "./client.ts";
import type { Plan } from "./work.ts";

export const REALTIME_PATH = "/v1/realtime?model=bill-1";
const TICK_MS = 40;
const MOST_ANSWERS = 3;
const DONE = '"response.done"';

/** The answers of a session: a part of the plan's text each, behind all that was said before. */
function answersOf({ input: { input }, pieces }: Plan): { input: number; pieces: readonly string[] }[] {
  const count = 1 + pieces.length % MOST_ANSWERS;
  const size = Math.ceil(pieces.length / count);
  return Array.from({ length: count }, (_, index) => ({
    input: input * (index + 1) + size * index,
    pieces: pieces.slice(index * size, (index + 1) * size),
  })).filter(({ pieces }) => pieces.length > 0);
}

/** Serves one session; tells what it has billed whenever that changes, and whether all of it was told. */
export async function serveSession(
  { connection, reader, head, plan, bill }: {
    connection: Deno.Conn;
    reader: HttpReader;
    head: MessageHead;
    plan: Plan;
    bill: (tokens: Tokens, isTold: boolean) => void;
  },
): Promise<void> {
  const accept = acceptOf(headerOf(head.headers, "sec-websocket-key") ?? "");
  await writeAll(
    connection,
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  const peer = new FramePeer(connection, reader);
  const say = (event: unknown): Promise<void> => peer.send(frame(TEXT, JSON.stringify(event)));
  const answers = answersOf(plan);
  await say({ type: "session.created", session: { model: "bill-1" } });
  let total = NO_TOKENS;
  let next = peer.frame();
  for (let index = 0;;) {
    const message = await next.catch(() => null);
    if (message === null) return;
    if (message.opcode === CLOSE) return await peer.send(frame(CLOSE, message.payload));
    next = peer.frame();
    const isAsked = new TextDecoder().decode(message.payload).includes('"response.create"');
    const answer = isAsked ? answers[index++] : undefined;
    if (answer === undefined) continue;
    let isGone = false;
    // Within an answer a client says nothing: what comes is its end.
    next.then(() => isGone = true, () => isGone = true);
    const id = `resp_${index}`;
    // What was said before is read from a cache.
    const cached = index > 1 ? answer.input >> 1 : 0;
    const usedAt = (output: number): Tokens => ({ input: answer.input, output, cached, written: 0 });
    bill(plus(total, usedAt(0)), false);
    await say({ type: "response.created", response: { id, status: "in_progress" } });
    const begun = performance.now();
    for (let done = 0; done < answer.pieces.length;) {
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
      if (isGone) return;
      const written = Math.floor((performance.now() - begun) * plan.tokensPerMs);
      for (; done < Math.min(written, answer.pieces.length); done++) {
        await say({ type: "response.output_text.delta", response_id: id, delta: answer.pieces[done] });
      }
      bill(plus(total, usedAt(done)), false);
    }
    total = plus(total, usedAt(answer.pieces.length));
    const { input, output } = usedAt(answer.pieces.length);
    const usage = {
      total_tokens: input + output,
      input_tokens: input,
      output_tokens: output,
      input_token_details: { text_tokens: input, cached_tokens: cached },
      output_token_details: { text_tokens: output },
    };
    await say({ type: "response.done", response: { id, status: "completed", usage } });
    bill(total, true);
  }
}

/** Asks for all answers of a session, and leaves where it was told to. */
export async function askSession(
  url: string,
  { path, token, plan, leaving }: { path: string; token: string; plan: Plan; leaving: Leaving | undefined },
): Promise<Outcome> {
  const { status, peer } = await openWebSocket(url, path, [`Authorization: Bearer ${token}`]).catch(() => ({
    status: 0,
    peer: undefined,
  }));
  if (peer === undefined) return { status, ended: "cut", text: "" };
  let hasLeft = false;
  const leave = (): void => {
    hasLeft = true;
    peer[Symbol.dispose]();
  };
  const timer = leaving?.at === "time" ? setTimeout(leave, leaving.ms) : undefined;
  const say = (event: unknown): Promise<void> =>
    peer.send(frame(TEXT, JSON.stringify(event), { isMasked: true }));
  try {
    if (status !== 101) return { status, ended: "whole", text: "" };
    for (const _ of answersOf(plan)) {
      await say({
        type: "conversation.item.create",
        item: { content: [{ type: "input_text", text: plan.question }] },
      });
      await say({ type: "response.create" });
      while (true) {
        const message = await peer.frame();
        if (message === null || message.opcode === CLOSE) {
          return { status, ended: hasLeft ? "left" : "cut", text: "" };
        }
        if (new TextDecoder().decode(message.payload).includes(DONE)) break;
      }
    }
    await peer.send(frame(CLOSE, closePayload(1000), { isMasked: true }));
    await peer.rest();
    return { status, ended: "whole", text: "" };
  } catch {
    return { status, ended: hasLeft ? "left" : "cut", text: "" };
  } finally {
    clearTimeout(timer);
    if (!hasLeft) peer[Symbol.dispose]();
  }
}

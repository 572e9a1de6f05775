/** An upstream that speaks OpenAI's realtime events, as far as a text conversation needs them. */

import { CLOSE, frame, type FramePeer, PING, PONG, TEXT, WebSocketUpstream } from "../clients/websocket.ts";

/**
 * What each answer says it used;
 * https://platform.openai.com/docs/api-reference/realtime-server-events/response/done
 */
export const ANSWER_USAGE = {
  total_tokens: 45,
  input_tokens: 25,
  output_tokens: 20,
  input_token_details: { text_tokens: 15, audio_tokens: 10, cached_tokens: 5 },
  output_token_details: { text_tokens: 12, audio_tokens: 8 },
};

/** Answers every session until it ends. */
export function realtimeUpstream(options: { tls?: boolean } = {}): WebSocketUpstream {
  const upstream = new WebSocketUpstream(options);
  void (async () => {
    while (true) {
      const { peer, startLine } = await upstream.next();
      void converse(peer, new URL(startLine.split(" ")[1] ?? "", "http://x").searchParams.get("model"));
    }
  })();
  return upstream;
}

async function converse(peer: FramePeer, model: string | null): Promise<void> {
  const say = (event: Record<string, unknown>) =>
    peer.send(frame(TEXT, JSON.stringify({ event_id: crypto.randomUUID(), ...event })));
  try {
    await say({ type: "session.created", session: { type: "realtime", object: "realtime.session", model } });
    for (let next = await peer.frame(); next !== null; next = await peer.frame()) {
      if (next.opcode === PING) await peer.send(frame(PONG, next.payload));
      if (next.opcode === CLOSE) {
        await peer.send(frame(CLOSE, next.payload));
        return peer[Symbol.dispose]();
      }
      if (next.opcode !== TEXT) continue;
      const event: { type?: string } = JSON.parse(new TextDecoder().decode(next.payload));
      if (event.type === "session.update") await say({ type: "session.updated", session: { model } });
      if (event.type === "response.create") await answer(say);
    }
  } catch {
    // The other side left, which the test knows of.
  }
}

async function answer(say: (event: Record<string, unknown>) => Promise<void>): Promise<void> {
  const response_id = `resp_${crypto.randomUUID()}`;
  await say({ type: "response.created", response: { id: response_id, status: "in_progress", usage: null } });
  for (const delta of ["Hel", "lo", "!"]) {
    await say({ type: "response.output_text.delta", response_id, delta });
  }
  await say({
    type: "response.done",
    response: { id: response_id, object: "realtime.response", status: "completed", usage: ANSWER_USAGE },
  });
}

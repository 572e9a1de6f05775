/** The provider's side of the soak's WebSockets: an echo that also answers as OpenAI's realtime API does. */

import { CLOSE, closePayload, frame, type FramePeer, TEXT } from "../../support/clients/websocket.ts";
import { INPUT_TOKENS, outputTokensOf } from "./kinds.ts";

/** What a client says to have the provider do something; all else is echoed. */
export const SAYS = { answer: '{"type":"response.create"}', close: "close", drop: "drop" } as const;

/** Plays until one side ends it. */
export async function playRealtime(peer: FramePeer, serial: number): Promise<void> {
  await peer.send(frame(TEXT, '{"type":"session.created","session":{"model":"gpt-realtime"}}'));
  const usage = { input_tokens: INPUT_TOKENS, output_tokens: outputTokensOf(serial) };
  const done = JSON.stringify({ type: "response.done", response: { status: "completed", usage } });
  for (let heard = await peer.frame(); heard !== null; heard = await peer.frame()) {
    if (heard.opcode === CLOSE) return await peer.send(frame(CLOSE, heard.payload));
    const text = new TextDecoder().decode(heard.payload);
    if (text === SAYS.drop) return;
    if (text === SAYS.close) {
      await peer.send(frame(CLOSE, closePayload(1000)));
      await peer.rest();
      return;
    }
    await peer.send(frame(TEXT, text === SAYS.answer ? done : text));
  }
}

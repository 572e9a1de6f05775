/** A client that speaks HTTP/2 in frames of others' making, and reads the answers stream by stream. */

import { pem } from "../../../support/upstreams/tls_upstream.ts";
import type { SeenResponse } from "./response_reader.ts";
import { Conversation } from "./conversation.ts";
import { FLAG, FRAME, type Frame, frameText, helloText, takeFrames } from "./frames.ts";
import { hpackDecoded, type HpackField } from "./hpack.ts";

/** What came on a stream. */
interface StreamState {
  block: number[];
  endsStream: boolean;
  fields: HpackField[] | undefined;
  body: string;
  ended: "no" | "whole" | "reset";
}

/** One connection. */
export class Http2Client implements Disposable {
  readonly #streams = new Map<number, StreamState>();
  readonly #conversation: Conversation;
  #held = new Uint8Array(0);
  #goaway: string | undefined;
  #hasSettings = false;

  private constructor(connection: Deno.Conn) {
    this.#conversation = new Conversation(connection, (bytes) => this.#received(bytes));
  }

  /** Connects and says hello. Throws where the server does not speak HTTP/2. */
  static async connect(port: number): Promise<Http2Client> {
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
    tcp.setNoDelay(true);
    const tls = await Deno.startTls(tcp, {
      hostname: "localhost",
      caCerts: [pem("ca.pem")],
      alpnProtocols: ["h2"],
    });
    const { alpnProtocol } = await tls.handshake();
    if (alpnProtocol !== "h2") throw new Error(`The server speaks ${alpnProtocol}, not h2`);
    const client = new Http2Client(tls);
    await client.send(helloText());
    // The acknowledgement of the server's SETTINGS would otherwise come between the pieces of a frame.
    await client.#conversation.until(() => client.#hasSettings, "the server's SETTINGS");
    return client;
  }

  /** Sends frames in Latin-1. */
  send(text: string): Promise<void> {
    return this.#conversation.send(text);
  }

  /** Why the server ended the connection; undefined where it did not say so. */
  get goaway(): string | undefined {
    return this.#goaway;
  }

  /** Waits until these streams have ended, or the connection. Throws `TooLate`. */
  untilEnded(streams: readonly number[], what: string): Promise<void> {
    const isEnded = (id: number) => (this.#streams.get(id)?.ended ?? "no") !== "no";
    return this.#conversation.until(() => streams.every(isEnded), what);
  }

  /** What came on a stream; undefined where nothing did, `cut` where its end is missing. */
  answer(stream: number): { answer: SeenResponse; ended: StreamState["ended"] } | undefined {
    const state = this.#streams.get(stream);
    if (state === undefined) return undefined;
    const fields = state.fields ?? [];
    const status = Number(fields.find(([name]) => name === ":status")?.[1] ?? 0);
    return { answer: { status, fields, body: state.body }, ended: state.ended };
  }

  /** Leaves. */
  [Symbol.dispose](): void {
    this.#conversation[Symbol.dispose]();
  }

  #received(bytes: Uint8Array): void {
    const joined = new Uint8Array(this.#held.length + bytes.length);
    joined.set(this.#held);
    joined.set(bytes, this.#held.length);
    this.#held = takeFrames(joined, (frame) => this.#frame(frame)).slice();
  }

  #frame({ type, flags, stream, payload }: Frame): void {
    switch (type) {
      case FRAME.settings:
        if ((flags & FLAG.ack) === 0) void this.send(frameText("settings", { flags: FLAG.ack, stream: 0 }));
        this.#hasSettings = true;
        return;
      case FRAME.ping:
        if ((flags & FLAG.ack) === 0) {
          void this.send(
            frameText("ping", { flags: FLAG.ack, stream: 0, payload: String.fromCharCode(...payload) }),
          );
        }
        return;
      case FRAME.headers:
      case FRAME.continuation: {
        const state = this.#state(stream);
        state.block.push(...payload);
        if (type === FRAME.headers) state.endsStream = (flags & FLAG.endStream) !== 0;
        if ((flags & FLAG.endHeaders) === 0) return;
        const fields = hpackDecoded(Uint8Array.from(state.block));
        state.block = [];
        // Interim answers are passed over.
        if (!fields.some(([name, value]) => name === ":status" && value.startsWith("1"))) {
          state.fields ??= fields;
        }
        if (state.endsStream) state.ended = "whole";
        return;
      }
      case FRAME.data: {
        const state = this.#state(stream);
        for (const byte of payload) state.body += String.fromCharCode(byte);
        if ((flags & FLAG.endStream) !== 0) state.ended = "whole";
        return;
      }
      case FRAME.reset: {
        const state = this.#state(stream);
        if (state.ended === "no") state.ended = "reset";
        return;
      }
      case FRAME.goaway:
        this.#goaway = String.fromCharCode(...payload.subarray(8)) || `code ${payload[7]}`;
        return;
    }
  }

  #state(stream: number): StreamState {
    let state = this.#streams.get(stream);
    if (state === undefined) {
      state = { block: [], endsStream: false, fields: undefined, body: "", ended: "no" };
      this.#streams.set(stream, state);
    }
    return state;
  }
}

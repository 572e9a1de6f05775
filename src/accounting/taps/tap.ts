import { type Field, fieldValue, listHas } from "../../http/fields.ts";
import type { ResponseSummary } from "./response_summary.ts";
import { type ResponseSource, ResponseTap } from "./response_tap.ts";
import type { ObjectReader } from "../settlement/object_reader.ts";
import { RealtimeTap } from "./realtime_tap.ts";

/** Reads one response while it passes. */
export interface Tap {
  /** Reads the next piece of the response. Does not keep a reference to it. */
  readonly write: (piece: Uint8Array) => void;
  /** Reads the next piece that the client sends on a WebSocket. Absent for other responses. */
  readonly sent?: (piece: Uint8Array) => void;
  /** Whether the response has shown its stop reason. */
  readonly isOver: boolean;
  /** The bytes of generated text so far. `undefined` if the proxy does not read the text. */
  readonly textBytes?: number;
  /** The reader of the facts about an object. Absent for requests that concern no object. */
  readonly object?: ObjectReader | undefined;
  /** Whether the response is streamed while it is generated. */
  readonly isStream?: boolean;
  /**
   * Returns the summary of the response, after it has ended. Returns a promise only if the response was
   * compressed.
   */
  readonly end: () => ResponseSummary | Promise<ResponseSummary>;
}

/**
 * Returns the reader for a response with these headers. `undefined` if the proxy cannot read its content
 * type.
 */
export function tapOf(fields: readonly Field[], source: ResponseSource = {}): Tap | undefined {
  return listHas(fieldValue(fields, "upgrade"), "websocket")
    ? new RealtimeTap(source)
    : ResponseTap.of(fields, source);
}

import { type Field, fieldValue, listHas } from "../http/fields.ts";
import { type AnswerSource, AnswerTap, type Observed } from "./answer_tap.ts";
import type { ObjectReader } from "./object_reader.ts";
import { RealtimeTap } from "./realtime_tap.ts";

/** Watches one answer. */
export interface Tap {
  /** The next piece, which is not kept. */
  readonly write: (piece: Uint8Array) => void;
  /** Of a WebSocket: the next piece of what the client says, which is not kept. */
  readonly sent?: (piece: Uint8Array) => void;
  /** Whether the answer said that it is over, and all of its usage that can be told. */
  readonly isOver: boolean;
  /** How much text of a model has come so far; undefined where nobody looks for it. */
  readonly textBytes?: number;
  /** What the answer says of an object that can be looked at again; absent where it can say nothing. */
  readonly object?: ObjectReader | undefined;
  /** It is sent while it is written. */
  readonly isStream?: boolean;
  /** What there is to say once it has ended; a promise only where it was compressed. */
  readonly end: () => Observed | Promise<Observed>;
}

/** What watches an answer of that head; undefined where it holds nothing to be read. */
export function tapOf(fields: readonly Field[], source: AnswerSource = {}): Tap | undefined {
  return listHas(fieldValue(fields, "upgrade"), "websocket")
    ? new RealtimeTap()
    : AnswerTap.of(fieldValue(fields, "content-type"), fieldValue(fields, "content-encoding"), source);
}

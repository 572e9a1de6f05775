/** Finds out whether a request asks for an event stream. */

import { type Field, fieldValue } from "../http/fields.ts";
import { contentCodingOf } from "../payload/content_coding.ts";
import type { HeldPayload } from "../payload/held_payload.ts";
import { JsonScanner } from "../payload/json_scanner.ts";
import { compileSelection } from "../payload/json_selection.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import { watched } from "../streams/bytes.ts";

const STREAM = compileSelection({ stream: true });

/**
 * Whether a request asks for an event stream: its body has `"stream": true`, or its `accept` names event
 * streams and no other type. MCP clients name JSON too, and most of their responses are JSON.
 */
export class StreamWish {
  readonly #accepts: boolean;
  #isStated: boolean;

  /** `stated` is the `stream` of a body that the proxy has read. */
  constructor(fields: readonly Field[], stated: boolean | undefined) {
    this.#accepts = acceptsOnlyStreams(fields);
    this.#isStated = stated === true;
  }

  /** Whether the request asks for an event stream, as far as its body has passed. */
  get isStream(): boolean {
    return this.#isStated || this.#accepts;
  }

  /** The same body, which is read while it passes. */
  watching(body: MessageBody): MessageBody {
    const scanner = new JsonScanner(STREAM, (_, value) => this.#isStated = value === true);
    return watched(body, (piece) => scanner.write(piece));
  }

  /** Whether a request can ask for an event stream at all. */
  static isPossible(
    { fields, body, payload }: {
      readonly fields: readonly Field[];
      readonly body: MessageBody | null;
      readonly payload: Pick<HeldPayload, "facts"> | undefined;
    },
  ): boolean {
    if (acceptsOnlyStreams(fields)) return true;
    if (payload !== undefined) return payload.facts.stream === true;
    return body !== null && contentCodingOf(fields) === "identity";
  }
}

function acceptsOnlyStreams(fields: readonly Field[]): boolean {
  const types = fieldValue(fields, "accept")?.toLowerCase().split(",") ?? [];
  return types.length > 0 && types.every((type) => type.split(";", 1)[0]?.trim() === "text/event-stream");
}

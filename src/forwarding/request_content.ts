/** The body of a request for each attempt: unbuffered, again from its first byte, or with another model. */

import type { Backend, Endpoint } from "../config/config.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import type { Field } from "../http/fields.ts";
import type { BodyMemory } from "../streams/held_body.ts";
import type { HeldPayload } from "../payload/held_payload.ts";
import { START_BYTES } from "./affinity.ts";
import { modelChanges } from "./replace_model.ts";
import { ReplayableBody } from "./replayable_body.ts";

/** The fields and the body of a request for one attempt. */
export interface Content {
  readonly fields: readonly Field[];
  readonly body: MessageBody | null;
  /** Returns the body again from its first byte. `undefined` if it is not in memory. */
  readonly again: (() => MessageBody) | undefined;
}

/**
 * Bodies up to this length are always kept in memory, for two reasons: the upstream may have closed a kept
 * connection, so that the request must be sent again, and only a read shows that the client leaves during the
 * connect. Most requests are that small.
 */
const SMALL_BYTES = 64 * 1024;

/** The body of the request of one exchange. */
export class RequestContent {
  readonly #source: MessageBody | null;
  readonly #replayable: ReplayableBody | undefined;
  readonly #payload: HeldPayload | undefined;
  readonly #mustArriveOnce: boolean;

  /** `payload`: the body, if it is in memory already. */
  constructor(
    { body, payload, memory }: {
      readonly body: MessageBody | null;
      readonly payload: HeldPayload | undefined;
      readonly memory: BodyMemory;
    },
    { retry, maxBufferBytes, mustArriveOnce: isUnsafe }: Pick<Endpoint, "retry" | "maxBufferBytes"> & {
      /** Whether a second request would create a second object. */
      readonly mustArriveOnce: boolean;
    },
  ) {
    this.#mustArriveOnce = isUnsafe;
    this.#source = body;
    this.#payload = payload;
    if (body === null || payload !== undefined) return;
    const length = body.length ?? Infinity;
    const isSmall = length <= SMALL_BYTES;
    const isRetried = retry.retries > 0 && (body.length === undefined || length <= maxBufferBytes);
    if (!isSmall && !isRetried) return;
    const maxBytes = isRetried ? Math.max(maxBufferBytes, isSmall ? length : 0) : SMALL_BYTES;
    this.#replayable = new ReplayableBody(body, maxBytes, memory);
  }

  /** Whether the body can be sent again. */
  get replayable(): boolean {
    return this.#source === null || this.#payload !== undefined || this.#replayable?.replayable === true;
  }

  /** Reads ahead as far as the body is kept in memory, which shows that a client leaves. */
  readAhead(): void {
    this.#replayable?.readAhead();
  }

  /** Waits for at most `maxBytes` of the beginning of the body. Empty: it is not kept in memory. */
  async start(maxBytes: number): Promise<Uint8Array> {
    const start = this.#payload?.heldBody.bytes.subarray(0, maxBytes) ??
      await this.#replayable?.start(maxBytes);
    return start ?? new Uint8Array();
  }

  /** The beginning of the body, as far as it is in memory now. */
  kept(): Uint8Array {
    return this.#payload?.heldBody.bytes ?? this.#replayable?.kept(START_BYTES) ?? new Uint8Array();
  }

  /** States that no further attempt follows. Memory is released at once, or after the body was sent. */
  release(): void {
    this.#replayable?.release();
    this.#payload?.heldBody.finish();
  }

  /** Returns the fields and the body for one backend, with its model override applied. */
  forBackend({ model }: Pick<Backend, "model">, fields: readonly Field[]): Content {
    const payload = this.#payload;
    if (payload !== undefined && this.#source !== null) {
      const isReplaced = model !== undefined || payload.places[0]?.written !== undefined;
      const changes = isReplaced ? modelChanges(payload, model) : [];
      const again = () => payload.heldBody.body(changes);
      return { fields, body: again(), again: this.#mustArriveOnce ? undefined : again };
    }
    const replayable = this.#replayable;
    const length = this.#source?.length;
    return {
      fields,
      body: replayable?.attempt() ?? this.#source,
      again: this.#mustArriveOnce || replayable === undefined || length === undefined || length > SMALL_BYTES
        ? undefined
        : () => replayable.attempt(),
    };
  }
}

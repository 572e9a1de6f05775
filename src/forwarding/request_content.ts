/** A request's body, as each attempt needs it: as it comes, again from the start, or with another model. */

import type { Backend, Endpoint } from "../config/config.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import type { Field } from "../http/fields.ts";
import type { BodyMemory } from "../streams/held_body.ts";
import type { HeldPayload } from "../payload/held_payload.ts";
import { modelChanges } from "./replace_model.ts";
import { ReplayableBody } from "./replayable_body.ts";

/** What is sent of a request after its head was decided. */
export interface Content {
  readonly fields: readonly Field[];
  readonly body: MessageBody | null;
  /** The body once more, from the start; undefined where it is not remembered. */
  readonly again: (() => MessageBody) | undefined;
}

/**
 * Bodies up to this are remembered always: most requests are that small, a kept connection may turn out to be closed,
 * and reading them at once shows a client that leaves while the upstream is still being connected to.
 */
const SMALL_BYTES = 64 * 1024;

/** The body of one exchange. */
export class RequestContent {
  readonly #source: MessageBody | null;
  readonly #replayable: ReplayableBody | undefined;
  readonly #payload: HeldPayload | undefined;

  /** `payload` is the body where it has been read already. */
  constructor(
    { body, payload, memory }: {
      readonly body: MessageBody | null;
      readonly payload: HeldPayload | undefined;
      readonly memory: BodyMemory;
    },
    { retry, maxBufferBytes }: Pick<Endpoint, "retry" | "maxBufferBytes">,
  ) {
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

  /** Whether it can be sent once more. */
  get replayable(): boolean {
    return this.#source === null || this.#payload !== undefined || this.#replayable?.replayable === true;
  }

  /** Reads ahead as far as the body is remembered, which shows a client that leaves. */
  readAhead(): void {
    this.#replayable?.readAhead();
  }

  /** No further attempt will follow: what is in memory is let go of, at once or when it has been sent. */
  release(): void {
    this.#replayable?.release();
    this.#payload?.held.finish();
  }

  /** Gives the fields and the body for one backend, with its own model where it has one. */
  forBackend({ model }: Pick<Backend, "model">, fields: readonly Field[]): Content {
    const payload = this.#payload;
    if (payload !== undefined && this.#source !== null) {
      const changes = model === undefined ? [] : modelChanges(payload, model);
      const again = () => payload.held.body(changes);
      return { fields, body: again(), again };
    }
    const replayable = this.#replayable;
    const length = this.#source?.length;
    return {
      fields,
      body: replayable?.attempt() ?? this.#source,
      again: replayable === undefined || length === undefined || length > SMALL_BYTES
        ? undefined
        : () => replayable.attempt(),
    };
  }
}

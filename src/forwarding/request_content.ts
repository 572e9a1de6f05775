/** A request's body, as each attempt needs it: as it comes, again from the start, or with another model. */

import type { Backend, Endpoint } from "../config/schema.ts";
import { ProxyFault } from "../faults.ts";
import type { MessageBody } from "../http1/body.ts";
import { bodyOf, concat } from "../http1/bytes.ts";
import type { Field } from "../http1/fields.ts";
import { replaceModel } from "./model/replace_model.ts";
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
  readonly #maxBytes: number;
  readonly #replayable: ReplayableBody | undefined;
  readonly #hasModels: boolean;
  #whole: Uint8Array | undefined;

  constructor(
    body: MessageBody | null,
    { retry, maxBufferBytes, backends }: Pick<Endpoint, "retry" | "maxBufferBytes" | "backends">,
  ) {
    this.#source = body;
    this.#maxBytes = maxBufferBytes;
    this.#hasModels = body !== null && backends.some(({ model }) => model !== undefined);
    if (body === null) return;
    const length = body.length ?? Infinity;
    const isSmall = length <= SMALL_BYTES;
    const isRetried = retry.retries > 0 && (body.length === undefined || length <= maxBufferBytes);
    if (!isSmall && !isRetried && !this.#hasModels) return;
    const isHeld = isRetried || this.#hasModels;
    this.#replayable = new ReplayableBody(
      body,
      isHeld ? Math.max(maxBufferBytes, isSmall ? length : 0) : SMALL_BYTES,
    );
  }

  /** Whether it can be sent once more. */
  get replayable(): boolean {
    return this.#source === null || this.#replayable?.replayable === true;
  }

  /** A backend wants another model: the whole body has to be there before one is asked. */
  get mustBeRead(): boolean {
    return this.#hasModels;
  }

  /** Reads all of it. Throws a {@link ProxyFault} for a body that is too long. */
  async readWhole(): Promise<void> {
    this.#whole = await this.#readWhole();
  }

  /** Reads ahead as far as the body is remembered, which shows a client that leaves. */
  readAhead(): void {
    this.#replayable?.readAhead();
  }

  /** No further attempt will follow. */
  release(): void {
    this.#replayable?.release();
    this.#whole = undefined;
  }

  /** What a backend gets. Throws a {@link ProxyFault} where its model cannot be replaced. */
  async forBackend({ model }: Backend, fields: readonly Field[]): Promise<Content> {
    const whole = this.#whole;
    if (whole === undefined) return this.asItComes(fields);
    const replaced = model && await replaceModel(whole, { fields, model, maxBytes: this.#maxBytes });
    const again = () => bodyOf(replaced?.bytes ?? whole);
    const kept = replaced?.decoded === true
      ? fields.filter(({ lower }) => lower !== "content-encoding")
      : fields;
    return { fields: kept, body: again(), again };
  }

  /** What a backend gets that has no model of its own. */
  asItComes(fields: readonly Field[]): Content {
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

  async #readWhole(): Promise<Uint8Array> {
    const tooLong = () =>
      new ProxyFault(
        "payload_too_large",
        `The body is longer than the ${this.#maxBytes} bytes up to which its model can be replaced.`,
      );
    if ((this.#source?.length ?? 0) > this.#maxBytes) throw tooLong();
    const body = this.#replayable?.attempt();
    const pieces: Uint8Array[] = [];
    let length = 0;
    for (let piece = await body?.read(); piece; piece = await body?.read()) {
      length += piece.length;
      if (length > this.#maxBytes) throw tooLong();
      pieces.push(piece);
    }
    return concat(pieces);
  }
}

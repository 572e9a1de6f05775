/** A request's body, as each attempt needs it: as it comes, again from the start, or with another model. */

import type { Backend, Endpoint } from "../config/schema.ts";
import { ProxyFault } from "../faults.ts";
import type { ByteSource } from "../http1/body.ts";
import { concat, sourceOf } from "../http1/bytes.ts";
import { type Field, field } from "../http1/fields.ts";
import { replaceModel } from "./model/replace_model.ts";
import { ReplayableBody } from "./replayable_body.ts";

/** What is sent of a request after its head was decided. */
export interface Content {
  readonly fields: readonly Field[];
  readonly body: ByteSource | null;
  readonly bodyLength: number | undefined;
}

/** The body of one exchange. */
export class RequestContent {
  readonly #source: ByteSource | null;
  readonly #length: number | undefined;
  readonly #maxBytes: number;
  readonly #replayable: ReplayableBody | undefined;
  #whole: Promise<Uint8Array> | undefined;

  constructor(
    { body, bodyLength }: Pick<Content, "body" | "bodyLength">,
    { retry, maxBufferBytes, backends }: Pick<Endpoint, "retry" | "maxBufferBytes" | "backends">,
  ) {
    this.#source = body;
    this.#length = bodyLength;
    this.#maxBytes = maxBufferBytes;
    const isHeld = retry.retries > 0 && (bodyLength ?? 0) <= maxBufferBytes ||
      backends.some(({ model }) => model !== undefined);
    this.#replayable = body !== null && isHeld ? new ReplayableBody(body, maxBufferBytes) : undefined;
  }

  /** Whether it can be sent once more. */
  get replayable(): boolean {
    return this.#source === null || this.#replayable?.replayable === true;
  }

  /** No further attempt will follow. */
  release(): void {
    this.#replayable?.release();
    this.#whole = undefined;
  }

  /** What a backend gets. Throws a {@link ProxyFault} where its model cannot be replaced. */
  async forBackend({ model }: Backend, fields: readonly Field[]): Promise<Content> {
    if (model === undefined || this.#source === null) {
      return { fields, body: this.#replayable?.attempt() ?? this.#source, bodyLength: this.#length };
    }
    const whole = await (this.#whole ??= this.#readWhole());
    const replaced = await replaceModel(whole, { fields, model, maxBytes: this.#maxBytes });
    if (replaced === undefined) return { fields, body: sourceOf(whole), bodyLength: this.#length };
    const kept = fields.filter(({ lower }) =>
      lower !== "content-length" && !(replaced.decoded && lower === "content-encoding")
    );
    const { bytes } = replaced;
    return {
      fields: [...kept, field("content-length", String(bytes.length))],
      body: sourceOf(bytes),
      bodyLength: bytes.length,
    };
  }

  async #readWhole(): Promise<Uint8Array> {
    const body = this.#replayable?.attempt();
    const pieces: Uint8Array[] = [];
    let length = 0;
    while (body !== undefined) {
      if (length > this.#maxBytes || (this.#length ?? 0) > this.#maxBytes) {
        throw new ProxyFault(
          "payload_too_large",
          `The body is longer than the ${this.#maxBytes} bytes up to which its model can be replaced.`,
        );
      }
      const piece = await body.read();
      if (piece === null) break;
      pieces.push(piece);
      length += piece.length;
    }
    return concat(pieces);
  }
}

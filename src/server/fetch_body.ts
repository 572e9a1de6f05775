import type { Framing } from "../http/framing.ts";
import { UploadBody, type UploadParts } from "./upload_body.ts";

/** The parts that a {@link FetchBody} uses. */
export interface FetchBodyParts extends Omit<UploadParts, "length"> {
  /** How the head of the request framed the body. */
  readonly framing: Framing;
}

/** The body of a web `Request`. */
export class FetchBody extends UploadBody {
  #hasBegun = false;

  constructor(stream: ReadableStream<Uint8Array>, { framing, now, onBroken }: FetchBodyParts) {
    const length = framing.kind === "counted" ? framing.length : undefined;
    // Over HTTP/1.1, a request without framing fields has no body. If there is a body here, the request came
    // over HTTP/2.
    super(stream, { length, now, onBroken }, framing.kind === "absent" ? { mostBytes: 0 } : {});
  }

  /** Whether a reader has begun to read the body, and has not reached its end. */
  get isPartlyRead(): boolean {
    return this.#hasBegun && !this.hasEnded;
  }

  override tryRead(): Uint8Array | null | undefined {
    this.#hasBegun = true;
    return super.tryRead();
  }
}

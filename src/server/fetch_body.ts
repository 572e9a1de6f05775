import type { Framing } from "../http/framing.ts";
import { UploadBody, type UploadParts } from "./upload_body.ts";

/** What {@link FetchBody} reads a body with. */
export interface FetchBodyParts extends Omit<UploadParts, "length"> {
  /** How the head of the request framed the body. */
  readonly framing: Framing;
}

/** The body of a web `Request`. */
export class FetchBody extends UploadBody {
  #hasBegun = false;

  constructor(stream: ReadableStream<Uint8Array>, { framing, now, onBroken }: FetchBodyParts) {
    const length = framing.kind === "counted" ? framing.length : undefined;
    // HTTP/1.1: a request without framing fields has no body. A body here shows that the request is HTTP/2.
    super(stream, { length, now, onBroken }, framing.kind === "absent" ? { mostBytes: 0 } : {});
  }

  /** Whether a reader has begun to read the body, and its end has not come. */
  get isPartlyRead(): boolean {
    return this.#hasBegun && !this.hasEnded;
  }

  override tryRead(): Uint8Array | null | undefined {
    this.#hasBegun = true;
    return super.tryRead();
  }
}

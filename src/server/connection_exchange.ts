import { Cancellation, ClientGone } from "../cancellation.ts";
import { ProxyFault } from "../faults.ts";
import { ChunkedBody, CountedBody, type FramedBody } from "../http/body.ts";
import type { ConnectionReader } from "../http/reader.ts";
import { HttpSyntaxError } from "../http/syntax_error.ts";
import type { RequestHead } from "./request_head.ts";
import { RequestBody, type RequestBodyHooks } from "./request_body.ts";

/** The part of a connection that its exchange uses. */
export interface ExchangeOwner {
  /** Called when the reader has read the last byte of the body. */
  readonly bodyEnded: (exchange: ConnectionExchange) => void;
  /** Sends the interim response `100 Continue`. */
  readonly sendContinue: () => Promise<void>;
  /** Returns milliseconds of a monotonic clock. */
  readonly clock: () => number;
}

/** The exchange that runs on a connection: its cancellation and the body of its request. */
export class ConnectionExchange implements RequestBodyHooks {
  readonly cancellation = new Cancellation();
  /** The body of the request. Null if the request has none. */
  readonly body: RequestBody | null;
  /** Whether the connection has changed its protocol, so that a tunnel reads it. */
  isTunnel = false;
  readonly now: () => number;
  readonly #expectsContinue: boolean;
  /** The length of the body, if the head states it. */
  readonly #length: number | undefined;
  readonly #owner: ExchangeOwner;

  constructor({ framing, expectsContinue }: RequestHead, reader: ConnectionReader, owner: ExchangeOwner) {
    this.#expectsContinue = expectsContinue;
    this.#owner = owner;
    this.now = owner.clock;
    this.#length = framing.kind === "counted" ? framing.length : undefined;
    this.body = framing.kind === "absent"
      ? null
      : framing.kind === "chunked"
      ? this.#bodyOf(new ChunkedBody(reader), undefined)
      : this.#bodyOf(new CountedBody(reader, framing.length), framing.length);
  }

  /** Whether the request has a body that no reader has begun to read. */
  get isUnread(): boolean {
    return this.body !== null && !this.body.isStarted;
  }

  /** Whether a reader is reading the body. The reader then decides when the connection is read. */
  get isReadingBody(): boolean {
    return this.body !== null && this.body.isStarted && !this.body.hasEnded;
  }

  /**
   * Whether the client has sent the whole request. It will then probably send nothing until the response has
   * ended.
   */
  hasArrived(unread: number): boolean {
    return !this.isUnread || this.#length !== undefined && unread >= this.#length;
  }

  get onWanted(): (() => Promise<void>) | undefined {
    return this.#expectsContinue ? () => this.#owner.sendContinue() : undefined;
  }

  onEnd(): void {
    this.#owner.bodyEnded(this);
  }

  onBroken(error: unknown): void {
    this.cancellation.cancel(
      error instanceof ProxyFault
        ? error
        : error instanceof HttpSyntaxError
        ? new ProxyFault("bad_request", `Malformed request body: ${error.message}.`)
        : new ClientGone("the client left during its upload"),
    );
  }

  #bodyOf(framed: FramedBody, length: number | undefined): RequestBody {
    return new RequestBody(framed, length, this);
  }
}

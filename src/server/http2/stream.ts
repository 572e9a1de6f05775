/** A stream of an HTTP/2 connection: a request and its response. */

import { Cancellation, ClientGone } from "../../cancellation.ts";
import type { ConnectionLimits } from "../../config/config.ts";
import { faultReply, ProxyFault } from "../../faults.ts";
import { discardReply, type IncomingRequest, type OutgoingReply } from "../../http/message.ts";
import { HttpSyntaxError } from "../../http/syntax_error.ts";
import type { ConnectionParts } from "../connection.ts";
import { headFault } from "../head_fault.ts";
import { internalFault, internalReply, isBug } from "../server_error.ts";
import { stallFault, StallTimer } from "../stall_timer.ts";
import type { FrameOutput } from "./frame_output.ts";
import { ERROR } from "./frames.ts";
import type { RequestFields } from "./request_fields.ts";
import { ResponseSender, type SendingStream } from "./response_sender.ts";
import type { QueuedRequest } from "./response_slots.ts";
import type { SendingRoom } from "./sending_room.ts";
import { StreamBody } from "./stream_body.ts";
import { streamRequest } from "./stream_request.ts";

/** The part of the connection that an {@link Http2Stream} uses. */
export interface StreamOwner
  extends Pick<ConnectionParts, "handler" | "peer" | "entry" | "limits" | "now" | "onUnexpected"> {
  readonly output: FrameOutput;
  readonly room: SendingRoom;
  /**
   * Called when the request is authenticated, or needs no token. `holder` is the token or the address that
   * limits count by.
   */
  readonly onAuthenticated: (holder: string) => void;
  /** Whether an earlier request on the connection was authenticated. */
  readonly isAuthenticated: () => boolean;
  /**
   * Acquires a slot for a complete response. Returns the place in the queue, or `undefined` if the request
   * has the slot.
   */
  readonly acquireSlot: () => QueuedRequest | undefined;
  /** Releases the slot for a complete response. */
  readonly releaseSlot: () => void;
  /** Called when the number of unread bytes of the response changes, with the difference. */
  readonly onUnread: (bytes: number) => void;
  /** Called when the proxy no longer holds bytes of the request body. */
  readonly onReleased: (stream: Http2Stream, bytes: number) => void;
  /** Resets a stream with an error code of HTTP/2. */
  readonly reset: (stream: number, code: number) => void;
  /** Called once, when the response is complete or the exchange has failed. */
  readonly onEnd: (stream: Http2Stream) => void;
}

/** The head and the windows with which an {@link Http2Stream} begins. */
export interface StreamBeginning {
  readonly id: number;
  readonly head: RequestFields;
  /** The memory of the head in bytes. */
  readonly heldBytes: number;
  /** Whether the head was longer than its limit. Only its method is then known. */
  readonly isTooLong: boolean;
  /** Whether the client has ended the stream with the head. */
  readonly endsStream: boolean;
  /** The number of bytes of DATA that the client accepts at first. */
  readonly window: number;
  /** The number of bytes of DATA that the client may send at first. */
  readonly receiveWindow: number;
}

/** One stream. Its connection calls it with the frames that arrive. */
export class Http2Stream implements SendingStream {
  readonly id: number;
  readonly method: string;
  /** The memory of the head in bytes. */
  readonly heldBytes: number;
  readonly sending: StallTimer;
  readonly #owner: StreamOwner;
  readonly #cancellation = new Cancellation();
  readonly #sender: ResponseSender;
  // The members for the request:
  /** The head of the request. `undefined` after the request has begun, or if the head was too long. */
  #head: RequestFields | undefined;
  /** The stated length of the body in bytes. `undefined` if the request states none. */
  readonly #length: number | undefined;
  /** The body of the request. `undefined` if the head has ended the stream. */
  readonly #body: StreamBody | undefined;
  /** The number of bytes of DATA that the client may send now. */
  #receiveWindow: number;
  /** The number of bytes of the body that may still arrive. */
  #left: number;
  /** The bytes of the body that the reader has taken, and that the client's window has not got back yet. */
  #released = 0;
  // The members for the response:
  /** The response that is being sent. */
  #reply: OutgoingReply | undefined;
  #hasSlot = false;
  /** Leaves the queue for a slot, because the exchange has ended. */
  #leaveQueue: (() => void) | undefined;
  #hasEnded = false;

  constructor(
    { id, head, heldBytes, isTooLong, endsStream, window, receiveWindow }: StreamBeginning,
    owner: StreamOwner,
  ) {
    this.id = id;
    this.method = head.method;
    this.heldBytes = heldBytes;
    this.sending = new StallTimer(owner.now);
    this.#owner = owner;
    const { output, room, onUnread } = owner;
    this.#sender = new ResponseSender(this, { output, room, onUnread, window });
    this.#head = isTooLong ? undefined : head;
    this.#length = head.length;
    this.#receiveWindow = receiveWindow;
    this.#left = head.length ?? Infinity;
    this.#body = endsStream ? undefined : new StreamBody({
      length: head.length,
      now: owner.now,
      onReleased: (bytes) => {
        this.#released += bytes;
        owner.onReleased(this, bytes);
      },
    });
  }

  /** When the response began to wait for the client. `undefined` if it does not wait. */
  get unreadSince(): number | undefined {
    return this.sending.since;
  }

  /** Whether the client has ended its side of the stream. */
  get hasWholeRequest(): boolean {
    return this.#body === undefined || this.#body.hasEnded;
  }

  /** Ends the exchange if the client keeps the proxy waiting for too long. */
  endOverdue(limits: ConnectionLimits): void {
    const overdue = stallFault({ sending: this.sending, uploading: this.#body?.stall }, limits);
    if (overdue instanceof ProxyFault) {
      this.#cancellation.cancel(overdue);
      this.#body?.fail(overdue);
    } else if (overdue !== undefined) {
      this.#owner.reset(this.id, ERROR.cancel);
      this.abort(overdue);
    }
  }

  /**
   * Counts the length of a DATA frame and of its padding. Returns `false` if the window does not allow the
   * frame.
   */
  receives(length: number, padding: number): boolean {
    this.#receiveWindow -= length;
    this.#released += padding;
    return this.#receiveWindow >= 0;
  }

  /** Adds bytes of the body. Returns `false` if the body is longer than stated. */
  data(bytes: Uint8Array): boolean {
    this.#left -= bytes.length;
    if (this.#left < 0) return false;
    this.#body?.push(bytes);
    return true;
  }

  /** Ends the body of the request. Returns `false` if the body is shorter than stated. */
  end(): boolean {
    if (this.#length !== undefined && this.#left > 0) return false;
    this.#body?.end();
    return true;
  }

  /** Returns the number of bytes to add to the client's window, or 0 if there are fewer than `least`. */
  takeReleased(least: number): number {
    if (this.#released < least || this.hasWholeRequest) return 0;
    const bytes = this.#released;
    this.#released = 0;
    this.#receiveWindow += bytes;
    return bytes;
  }

  /**
   * Opens the window for the response by some bytes, or closes it by a negative number. Returns `false` if
   * the window would be too large.
   */
  open(bytes: number): boolean {
    return this.#sender.open(bytes);
  }

  /**
   * Ends the exchange, because the client has left, has reset the stream, or has broken a rule or a limit.
   */
  abort(reason: ClientGone): void {
    if (this.#hasEnded) return;
    this.#cancellation.cancel(reason);
    this.#body?.fail(reason);
    this.#end();
  }

  /** Handles the request, and sends the response. Never rejects. */
  async run(): Promise<void> {
    if (this.#hasEnded) return;
    if (!this.#owner.isAuthenticated() && !await this.#acquireSlot()) return;
    let reply: OutgoingReply;
    try {
      reply = await this.#respond();
    } catch (error) {
      this.#owner.onUnexpected?.(error);
      reply = internalReply(error);
    }
    this.#reply = reply;
    try {
      // HTTP/2 has no `upgrade`, so there is no tunnel.
      if (!this.#hasEnded) await this.#sender.send(reply.tunnel === undefined ? reply : emptyReply(500));
    } catch (error) {
      if (isBug(error)) {
        this.#owner.onUnexpected?.(error);
        this.#cancellation.cancel(internalFault(error));
      }
      // The source of the body has failed. A response that breaks off never looks complete.
      if (!this.#hasEnded) this.#owner.reset(this.id, ERROR.internal);
    }
    this.#end();
    discardReply(reply);
  }

  async #respond(): Promise<OutgoingReply> {
    let request: IncomingRequest;
    try {
      request = this.#incoming();
    } catch (error) {
      if (!(error instanceof HttpSyntaxError)) throw error;
      return faultReply(headFault(error, "HTTP/2"), { dialect: "generic", requestId: "none" });
    }
    return await this.#owner.handler(request);
  }

  // The methods of SendingStream, which the sender of the response calls:

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  onStreaming(): void {
    this.#releaseSlot();
  }

  onSent({ readsOn }: { readonly readsOn: boolean }): void {
    if (readsOn) this.#reply = undefined;
    // The client should not send the rest of a body that is not read (RFC 9113, 8.1).
    if (!this.hasWholeRequest) this.#owner.reset(this.id, ERROR.none);
    this.#end();
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.sending.end();
    this.#body?.cancel();
    this.#head = undefined;
    this.#releaseSlot();
    if (this.#reply !== undefined) discardReply(this.#reply);
    this.#sender.stop();
    this.#leaveQueue?.();
    this.#owner.onEnd(this);
  }

  /** Waits for a slot for a complete response. Resolves to `false` if the exchange has ended. */
  async #acquireSlot(): Promise<boolean> {
    // Only GET and HEAD need a slot, because a slow upload would keep the slot from other requests.
    if (this.#hasSlot || !["GET", "HEAD"].includes(this.method)) return true;
    const queued = this.#owner.acquireSlot();
    if (queued !== undefined) {
      this.sending.begin();
      const left = new Promise<false>((resolve) => this.#leaveQueue = () => resolve(false));
      const isAdmitted = await Promise.race([queued.admitted, left]);
      this.#leaveQueue = undefined;
      this.sending.end();
      if (this.#hasEnded) queued.cancel();
      if (!isAdmitted || this.#hasEnded) return false;
    }
    this.#hasSlot = true;
    return true;
  }

  #releaseSlot(): void {
    if (!this.#hasSlot) return;
    this.#hasSlot = false;
    this.#owner.releaseSlot();
  }

  /** Makes the request for the handler. Throws an {@link HttpSyntaxError} if the request is malformed. */
  #incoming(): IncomingRequest {
    const head = this.#head;
    this.#head = undefined;
    const { peer, entry, limits, onAuthenticated } = this.#owner;
    return {
      ...streamRequest(head, { body: this.#body, limits: limits() }),
      peer,
      // The proxy serves HTTP/2 only over TLS.
      isTls: true,
      onAuthenticated,
      acquireResponseSlot: async () => {
        if (!await this.#acquireSlot()) throw this.#cancellation.reason ?? new ClientGone("the client left");
      },
      entry,
      cancellation: this.#cancellation,
    };
  }
}

function emptyReply(status: number): OutgoingReply {
  return { status, reason: "", fields: [], body: null };
}

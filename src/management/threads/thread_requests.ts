/** Requests to the management plane that a serving thread received, in the main thread. */

import { Cancellation, ClientGone } from "../../cancellation.ts";
import type { OutgoingReply } from "../../http/message.ts";
import type { ManagementRoutes } from "../../own_routes/own_reply.ts";
import { type MessageBody, nextPiece } from "../../streams/byte_source.ts";
import { RemoteBody } from "../../workers/remote_body.ts";
import type { ThreadPort } from "../../workers/thread_port.ts";
import type { ManagedThreadMethods, SentReply, SentRequest } from "./methods.ts";

/** A request that is being answered. */
interface OpenRequest {
  readonly cancellation: Cancellation;
  /** The body of the response that is being sent. */
  body: MessageBody | undefined;
}

/** Answers the requests of one thread. */
export class ThreadRequests {
  readonly #port: ThreadPort<ManagedThreadMethods>;
  readonly #answer: ManagementRoutes["answer"];
  readonly #open = new Map<number, OpenRequest>();

  constructor(port: ThreadPort<ManagedThreadMethods>, answer: ManagementRoutes["answer"]) {
    this.#port = port;
    this.#answer = answer;
  }

  /** Answers a request. Returns `undefined` if its path is not one of the management plane. */
  async answer(id: number, request: SentRequest): Promise<SentReply | undefined> {
    const { path, address, guessPlace, scheme, bodyLength, ...head } = request;
    const open: OpenRequest = { cancellation: new Cancellation(), body: undefined };
    this.#open.set(id, open);
    const port = this.#port;
    const body = bodyLength === null
      ? null
      : new RemoteBody({ length: bodyLength, pull: () => port.call("pullBody", id), cancel() {} });
    try {
      const reply = await this.#answer({
        ...head,
        body,
        cancellation: open.cancellation,
        onAuthenticated: (holder) => port.send("authenticated", id, holder),
      }, { path, address, guessPlace: () => guessPlace, scheme: () => scheme });
      return reply === undefined ? this.#ended(id, undefined) : this.#sent(id, open, reply);
    } catch (error) {
      this.#open.delete(id);
      throw error;
    }
  }

  /** The next piece of the body of a response. */
  async pull(id: number): Promise<Uint8Array | null> {
    const body = this.#open.get(id)?.body;
    if (body === undefined) return null;
    const piece = await nextPiece(body);
    // A piece is valid only until the next read.
    return piece === null ? this.#ended(id, null) : piece.slice();
  }

  /** The client left, or wants no more of the response. */
  end(id: number): void {
    const open = this.#open.get(id);
    this.#open.delete(id);
    open?.cancellation.cancel(new ClientGone());
    open?.body?.cancel();
  }

  /** Ends all requests, because the thread has ended. */
  endAll(): void {
    for (const id of [...this.#open.keys()]) this.end(id);
  }

  #sent(
    id: number,
    open: OpenRequest,
    { status, reason, fields, omittedLength, body }: OutgoingReply,
  ): SentReply {
    const head = { status, reason, fields, omittedLength };
    if (body === null || body instanceof Uint8Array) return this.#ended(id, { ...head, body });
    open.body = body;
    return { ...head, body: { length: body.length } };
  }

  #ended<Result>(id: number, result: Result): Result {
    this.#open.delete(id);
    return result;
  }
}

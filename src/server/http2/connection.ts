import { ClientGone } from "../../cancellation.ts";
import { closeQuietly } from "../../streams/close_quietly.ts";
import { pump } from "../../streams/pump.ts";
import type { ConnectionParts } from "../connection.ts";
import type { ServedConnection } from "../served_connection.ts";
import { Http2Exchange } from "./exchange.ts";
import { ResetWatch } from "./reset_watch.ts";
import { StrangerRoom } from "./stranger_room.ts";

/** A client's connection, and the one that leads it to the server over loopback. */
export interface Http2Ends {
  readonly client: Deno.Conn;
  readonly near: Deno.Conn;
  /** Called once both have ended. */
  readonly onEnd: () => void;
}

/** What a running request takes beside the bytes of its answer. */
const REQUEST_BYTES = 16 * 1024;

/** One client's connection over HTTP/2; each of its streams is a request. */
export class Http2Connection implements ServedConnection {
  readonly #ends: Http2Ends;
  readonly #parts: ConnectionParts;
  readonly #running = new Set<Http2Exchange>();
  #idleSince: number;
  /** When the first of the requests began that are running without a pause between them. */
  #busySince = 0;
  #isAuthenticated = false;
  readonly #room = new StrangerRoom();
  readonly #resets: ResetWatch;

  constructor(ends: Http2Ends, parts: ConnectionParts) {
    this.#ends = ends;
    this.#parts = parts;
    this.#resets = new ResetWatch(parts.now);
    this.#idleSince = parts.now();
  }

  get idleSince(): number | undefined {
    return this.#running.size === 0 ? this.#idleSince : undefined;
  }

  get stateSince(): number {
    return this.#running.size === 0 ? this.#idleSince : this.#busySince;
  }

  /** The answer that waits the longest. */
  get owesSince(): number | undefined {
    let longest: number | undefined;
    for (const { owesSince } of this.#running) {
      if (owesSince !== undefined && owesSince < (longest ?? Infinity)) longest = owesSince;
    }
    return longest;
  }

  get isAuthenticated(): boolean {
    return this.#isAuthenticated;
  }

  endOverdue(): void {
    const limits = this.#parts.limits();
    if (this.#running.size === 0 && this.#parts.now() - this.#idleSince > limits.idleMs) this.close();
    for (const exchange of this.#running) exchange.endOverdue(limits);
  }

  /** The gateway says goodbye for all of them. */
  finish(): void {}

  close(): void {
    this.#room.close();
    for (const exchange of this.#running) exchange.leave(new ClientGone("the client left"));
    closeQuietly(this.#ends.client);
    closeQuietly(this.#ends.near);
  }

  /** Carries bytes until the connection ends, by whichever side. Never throws. */
  async serve(): Promise<void> {
    const { client, near, onEnd } = this.#ends;
    await Promise.all([
      pump(client, near, (bytes) => this.#resets.pass(bytes)),
      pump(near, client, ({ length }) => this.#room.writing(length)),
    ]);
    this.close();
    this.#parts.strangers?.release(this);
    onEnd();
  }

  #hold(): void {
    this.#parts.strangers?.holds(this, this.#running.size * REQUEST_BYTES + this.#room.untakenBytes);
  }

  /** Answers one of its requests. */
  async answer(request: Request): Promise<Response> {
    const { handler, peer, entry, limits, now } = this.#parts;
    const exchange = new Http2Exchange(request, {
      handler,
      peer,
      entry,
      limits,
      now,
      mayBeReset: () => this.#resets.mayBeReset,
      onAuthenticated: () => {
        this.#isAuthenticated = true;
        this.#room.open();
      },
      enter: () => this.#room.enter(),
      onAnswered: () => this.#room.ended(),
      onWhole: (bytes) => {
        this.#room.given(bytes);
        if (this.#room.owesTooMuch) this.close();
      },
      onEnd: () => {
        this.#running.delete(exchange);
        this.#hold();
        this.#idleSince = now();
      },
    });
    if (this.#running.size === 0) this.#busySince = now();
    this.#running.add(exchange);
    this.#hold();
    return await exchange.answer();
  }
}

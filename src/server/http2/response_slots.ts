/** The most requests of a connection that hold a slot. Other requests queue. */
const MAX_RUNNING = 16;

/** A request that queues for a slot. */
export interface QueuedRequest {
  /** Resolves with true when the request has a slot, and with false when the connection has ended. */
  readonly admitted: Promise<boolean>;
  /** Removes the request from the queue. Releases its slot if it already has one. */
  readonly cancel: () => void;
}

/**
 * Limits how many complete responses of one connection are in memory. A request holds its slot until its
 * client has read the response. So a client that reads nothing has only a few responses in memory, and not
 * one for each stream.
 *
 * Before the client has shown a valid token, every GET and HEAD needs a slot. Afterwards, only the proxy's
 * own routes need one.
 */
export class ResponseSlots {
  #running = 0;
  #isClosed = false;
  #queue: ((isAdmitted: boolean) => void)[] = [];

  /**
   * Acquires a slot. Returns `undefined` if the request has the slot, and otherwise its place in the queue.
   */
  acquire(): QueuedRequest | undefined {
    // Requests that were read before the connection ended may still call this.
    if (this.#isClosed) return { admitted: Promise.resolve(false), cancel() {} };
    if (this.#isFree) {
      this.#running++;
      return undefined;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#queue.push(resolve);
    const cancel = (): void => {
      const isQueued = this.#queue.includes(resolve);
      this.#queue = this.#queue.filter((one) => one !== resolve);
      if (!isQueued && !this.#isClosed) this.release();
    };
    return { admitted: promise, cancel };
  }

  /** Releases the slot of a request. */
  release(): void {
    this.#running--;
    this.#admitQueued();
  }

  /** Admits all queued requests. The client has shown a token, so they may be for an endpoint. */
  admitAll(): void {
    const queue = this.#queue.splice(0);
    this.#running += queue.length;
    for (const resolve of queue) resolve(true);
  }

  /** Admits no further request, because the connection has ended. */
  close(): void {
    this.#isClosed = true;
    for (const resolve of this.#queue.splice(0)) resolve(false);
  }

  get #isFree(): boolean {
    return this.#running < MAX_RUNNING;
  }

  #admitQueued(): void {
    while (this.#isFree) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#running++;
      next(true);
    }
  }
}

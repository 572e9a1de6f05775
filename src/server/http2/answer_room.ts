/** So many requests of a connection are in the room at the same time; the others wait. */
const MOST_RUNNING = 16;

/** A request that waits. */
export interface Waiting {
  /** Resolves when it may begin, and {@link AnswerRoom.ended} has to follow; with false where it may not. */
  readonly isLetIn: Promise<boolean>;
  /** It does not wait any longer, and does not begin. */
  readonly leave: () => void;
}

/**
 * Bounds how many answers of one connection are in memory whole. A request is in the room until its client has taken
 * the answer, so that a client that takes nothing has a few answers in memory, and not one for each stream. All GET and
 * HEAD requests enter while the client has shown no token, and afterwards those that the proxy itself answers.
 */
export class AnswerRoom {
  #running = 0;
  #isClosed = false;
  #waiting: ((isLetIn: boolean) => void)[] = [];

  /** Undefined: a request may begin at once, and {@link ended} has to follow. Else the place in which it waits. */
  enter(): Waiting | undefined {
    // The server may still bring requests that it had read before.
    if (this.#isClosed) return { isLetIn: Promise.resolve(false), leave() {} };
    if (this.#hasRoom) {
      this.#running++;
      return undefined;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiting.push(resolve);
    const leave = (): void => {
      const isWaiting = this.#waiting.includes(resolve);
      this.#waiting = this.#waiting.filter((one) => one !== resolve);
      // It had been let in by then, and will not begin.
      if (!isWaiting && !this.#isClosed) this.ended();
    };
    return { isLetIn: promise, leave };
  }

  /** A request leaves that had entered. */
  ended(): void {
    this.#running--;
    this.#letIn();
  }

  /** The client has shown a token: those that wait go in, since they may be for an endpoint. */
  open(): void {
    const waiting = this.#waiting.splice(0);
    this.#running += waiting.length;
    for (const resolve of waiting) resolve(true);
  }

  /** The connection has ended: what waits does not begin. */
  close(): void {
    this.#isClosed = true;
    for (const resolve of this.#waiting.splice(0)) resolve(false);
  }

  get #hasRoom(): boolean {
    return this.#running < MOST_RUNNING;
  }

  #letIn(): void {
    while (this.#hasRoom) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#running++;
      next(true);
    }
  }
}

/** A link to a server on loopback that a test can cut, as a broken network does for one replica. */

import { closeQuietly } from "../../../src/streams/close_quietly.ts";

export class CutLink implements AsyncDisposable {
  readonly #to: number;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.Conn>();
  readonly #tasks = new Set<Promise<void>>();
  #isCut = false;

  constructor(to: number) {
    this.#to = to;
    this.#watch(this.#accept());
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Breaks all connections, and takes no new ones until {@link join}. */
  cut(): void {
    this.#isCut = true;
    for (const connection of this.#open) closeQuietly(connection);
  }

  join(): void {
    this.#isCut = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#listener.close();
    await Promise.all(this.#tasks);
  }

  async #accept(): Promise<void> {
    for await (const near of this.#listener) {
      if (this.#isCut) closeQuietly(near);
      else this.#watch(this.#relay(near));
    }
  }

  async #relay(near: Deno.Conn): Promise<void> {
    const far = await Deno.connect({ hostname: "127.0.0.1", port: this.#to });
    for (const one of [near, far]) this.#open.add(one);
    if (this.#isCut) this.cut();
    const pipe = (from: Deno.Conn, to: Deno.Conn) =>
      from.readable.pipeTo(to.writable).catch(() => {
        // The link was cut, or one side is gone.
      });
    await Promise.all([pipe(near, far), pipe(far, near)]);
    for (const one of [near, far]) {
      this.#open.delete(one);
      closeQuietly(one);
    }
  }

  #watch(task: Promise<void>): void {
    this.#tasks.add(task);
    task.finally(() => this.#tasks.delete(task));
  }
}

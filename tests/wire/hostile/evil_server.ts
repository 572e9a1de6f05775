/** A server that a client would like the proxy to speak to. Whoever connects is noticed. */
export class EvilServer implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });

  get port(): number {
    return this.#listener.addr.port;
  }

  /** How it is named in a URL. */
  get authority(): string {
    return `127.0.0.1:${this.port}`;
  }

  /**
   * How many have connected. Connections wait in a line, so that all before a visitor of our own are seen.
   */
  async visitors(): Promise<number> {
    using own = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    for (let count = 0;; count++) {
      using accepted = await this.#listener.accept();
      if (accepted.remoteAddr.port === own.localAddr.port) return count;
    }
  }

  [Symbol.dispose](): void {
    this.#listener.close();
  }
}

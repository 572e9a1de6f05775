import type { Clock } from "../../time/clock.ts";

/** How long metadata are used before they are read again. */
const FRESH_MS = 3_600_000;
/** How long a failure is remembered, so that strangers cannot make the proxy send requests in a row. */
const FAILURE_MS = 10_000;

/** Metadata of a provider, which are read when they are first needed, and again after an hour. */
export class CachedMetadata<Metadata> {
  readonly #load: () => Promise<Metadata>;
  readonly #clock: Pick<Clock, "now">;
  #known: Metadata | undefined;
  #failure: unknown;
  #nextAt = -Infinity;
  #loading: Promise<void> | undefined;

  constructor(load: () => Promise<Metadata>, clock: Pick<Clock, "now">) {
    this.#load = load;
    this.#clock = clock;
  }

  /**
   * Returns the metadata. If reading them again fails, the earlier ones stay in use. Throws what the first
   * reading threw.
   */
  async read(): Promise<Metadata> {
    if (this.#clock.now() >= this.#nextAt) await (this.#loading ??= this.#renew());
    if (this.#known === undefined) throw this.#failure;
    return this.#known;
  }

  async #renew(): Promise<void> {
    try {
      this.#known = await this.#load();
      this.#nextAt = this.#clock.now() + FRESH_MS;
    } catch (error) {
      this.#failure = error;
      this.#nextAt = this.#clock.now() + FAILURE_MS;
    } finally {
      this.#loading = undefined;
    }
  }
}

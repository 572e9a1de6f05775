/** The proxies on one database, which show each other the versions and configurations that they have. */

import type { Log } from "../observability/log.ts";
import { VERSION } from "../release.ts";
import type { ReplicaStore } from "../storage/replica_store.ts";
import { StoreError } from "../storage/store.ts";
import type { Clock } from "../time/clock.ts";
import { repeat } from "../time/repeat.ts";

/** How often a proxy shows that it runs, in milliseconds. */
const ANNOUNCE_MS = 30_000;
/** A proxy that has not written for this time is left out, in milliseconds. */
const KEPT_MS = 150_000;
const ID_BYTES = 6;
/** The hash of a configuration that a program made, and not the files and variables. */
const NO_HASH = "none";
/** The version of shared limits of a proxy without them, or of an older program. */
const NO_LIMITS = "none";

/** A proxy on the database. */
export interface ShownReplica {
  readonly id: string;
  readonly version: string;
  /** The hash of its settings without secrets. */
  readonly configHash: string;
  /** The version of its shared limits. */
  readonly limitsVersion: string;
  /** How long ago it was seen, in milliseconds. */
  readonly ageMs: number;
}

/** This proxy among those on its database. */
export class Replicas {
  /** The id of this proxy until it ends. */
  readonly id: string = crypto.getRandomValues(new Uint8Array(ID_BYTES)).toHex();
  readonly #store: ReplicaStore;
  readonly #log: Log;
  readonly #stop: () => void;
  readonly #limitsVersion: string;
  #configHash = NO_HASH;
  #seen: readonly ShownReplica[] = [];
  /** How often in a row the replicas have differed. Those of a restart differ for a moment. */
  #differed = 0;
  #announcing: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** `limitsVersion` is the version of the shared limits, if this proxy has some. */
  constructor(
    store: ReplicaStore,
    { clock, log, limitsVersion = NO_LIMITS }: { clock: Clock; log: Log; limitsVersion?: string | undefined },
  ) {
    this.#store = store;
    this.#log = log;
    this.#limitsVersion = limitsVersion;
    this.#stop = repeat(ANNOUNCE_MS, clock, () => this.announce());
  }

  /** The hash of the settings of this proxy. */
  get configHash(): string {
    return this.#configHash;
  }

  /** The proxies that run, this one included, as they were some seconds ago. Empty before the first read. */
  get seen(): readonly ShownReplica[] {
    return this.#seen;
  }

  /** Whether a replica has another version or configuration. */
  get differ(): boolean {
    return this.#seen.some(({ version, configHash }) =>
      version !== VERSION || configHash !== this.#configHash
    );
  }

  /** Whether a replica has another version of the shared limits, and so other counts. */
  get hasOtherLimits(): boolean {
    return this.#seen.some(({ limitsVersion }) => limitsVersion !== this.#limitsVersion);
  }

  /** Sets the hash of the settings, and tells the other replicas. */
  setHash(hash: string | undefined): void {
    this.#configHash = hash ?? NO_HASH;
    void this.announce();
  }

  /** Writes about this proxy, and reads about the others. Never rejects: the next time tries again. */
  announce(): Promise<void> {
    return this.#announcing = this.#announcing.then(() => this.#announce());
  }

  /** Removes this proxy from the database. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stop();
    await this.#announcing;
    await this.#store.removeReplica(this.id).catch(ignoreStoreError);
  }

  async #announce(): Promise<void> {
    if (this.#isClosed) return;
    try {
      const text = [VERSION, this.#configHash, this.#limitsVersion].join(" ");
      const seen = await this.#store.announceReplica(this.id, text, KEPT_MS);
      this.#seen = seen.map(({ id, text, ageMs }) => {
        const [version = "", configHash = NO_HASH, limitsVersion = NO_LIMITS] = text.split(" ");
        return { id, version, configHash, limitsVersion, ageMs };
      });
    } catch (error) {
      // Other parts report that the database fails.
      return ignoreStoreError(error);
    }
    this.#differed = this.differ ? this.#differed + 1 : 0;
    if (this.#differed !== 2) return;
    const shown = this.#seen.map(({ id, version, configHash }) => `${id} ${version} ${configHash}`);
    this.#log("warn", "replicas_differ", {
      detail: `this is ${this.id}; the replicas with their versions and configurations: ${shown.join(", ")}`,
    });
  }
}

function ignoreStoreError(error: unknown): void {
  if (!(error instanceof StoreError)) throw error;
}

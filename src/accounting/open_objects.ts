/** The objects whose settlement is awaited, and what they reserve. */

import { tokenKey } from "../principal.ts";
import type { AwaitedObject, ObjectKey } from "../storage/store.ts";

/** A reservation that outlasts its request, in micro-dollars, with the keys of its ledgers. */
export interface HeldAmounts {
  readonly keys: readonly string[];
  readonly micros: number;
}

/** The token that created an object, and the name of its client. */
export type ObjectCreator = Pick<AwaitedObject, "tokenId" | "principal">;

/** An object whose settlement is awaited. */
export interface OpenObject {
  object: AwaitedObject;
  readonly held: HeldAmounts;
  /** Whether the database has the object. */
  isStored: boolean;
  /** The most bytes of the object's text that a single request has received. */
  receivedBytes: number;
}

/** The limits of awaited objects: of one token, and in total. */
const MAX_OF_TOKEN = 10_000;
const MAX_OPEN = 50_000;

/** All awaited objects by their keys. Counts them by token, and releases what they reserve. */
export class OpenObjects {
  readonly #entries = new Map<string, OpenObject>();
  /** The number of awaited objects, by the key of the token. */
  readonly #counts = new Map<string, number>();
  readonly #release: (held: HeldAmounts) => void;

  /** `release` releases the reservation of an object that is no longer awaited. */
  constructor(release: (held: HeldAmounts) => void) {
    this.#release = release;
  }

  /** Whether another object of this creator can be awaited. */
  hasRoom(creator: ObjectCreator): boolean {
    const key = creatorKey(creator);
    return this.#entries.size < MAX_OPEN && (this.#counts.get(key) ?? 0) < MAX_OF_TOKEN;
  }

  /** Whether an object is awaited. */
  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** An awaited object by its key. */
  get(key: string): OpenObject | undefined {
    return this.#entries.get(key);
  }

  /** All awaited objects with their keys. */
  entries(): IterableIterator<[string, OpenObject]> {
    return this.#entries.entries();
  }

  /** Adds an object that is not awaited yet. */
  add(key: string, entry: OpenObject): void {
    this.#entries.set(key, entry);
    const creator = creatorKey(entry.object);
    this.#counts.set(creator, (this.#counts.get(creator) ?? 0) + 1);
  }

  /** Removes an object and releases its reservation. Returns false if the object was not awaited. */
  remove(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    const creator = creatorKey(entry.object);
    const left = (this.#counts.get(creator) ?? 0) - 1;
    if (left > 0) this.#counts.set(creator, left);
    else this.#counts.delete(creator);
    this.#release(entry.held);
    return true;
  }
}

function creatorKey({ tokenId, principal }: ObjectCreator): string {
  return tokenKey({ tokenId, name: principal });
}

/** The key of an object among all objects of all endpoints. */
export function objectKey({ endpoint, id }: ObjectKey): string {
  return `${endpoint}\0${id}`;
}

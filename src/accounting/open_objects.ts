/** The objects whose settlement is awaited, and what they reserve. */

import type { AwaitedObject, ObjectKey } from "../storage/store.ts";

/** A reservation that outlasts its request, in micro-dollars, with the keys of its ledgers. */
export interface HeldAmounts {
  readonly keys: readonly string[];
  readonly micros: number;
}

/** An object whose settlement is awaited. */
export interface OpenObject {
  object: AwaitedObject;
  readonly held: HeldAmounts;
  /** Whether the database has the object. */
  isStored: boolean;
  /** The bytes of text that one request received of the object: the highest number of any request. */
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
  hasRoom(creator: Pick<AwaitedObject, "tokenId" | "projectId" | "principal">): boolean {
    const [subject = ""] = ledgerKeys(creator);
    return this.#entries.size < MAX_OPEN && (this.#counts.get(subject) ?? 0) < MAX_OF_TOKEN;
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
    const [subject = ""] = ledgerKeys(entry.object);
    this.#counts.set(subject, (this.#counts.get(subject) ?? 0) + 1);
  }

  /** Removes an object and releases its reservation. Returns false if the object was not awaited. */
  remove(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    const [subject = ""] = ledgerKeys(entry.object);
    const left = (this.#counts.get(subject) ?? 0) - 1;
    if (left > 0) this.#counts.set(subject, left);
    else this.#counts.delete(subject);
    this.#release(entry.held);
    return true;
  }
}

/** The key of an object among all objects of all endpoints. */
export function objectKey({ endpoint, id }: ObjectKey): string {
  return `${endpoint}\0${id}`;
}

/** The keys of the ledgers that an object counts for: of its token first, then of its project. */
export function ledgerKeys(
  { tokenId, projectId, principal }: Pick<AwaitedObject, "tokenId" | "projectId" | "principal">,
): string[] {
  return [
    tokenId === undefined ? `shared:${principal}` : `token:${tokenId}`,
    ...(projectId === undefined ? [] : [`project:${projectId}`]),
  ];
}

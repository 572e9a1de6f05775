/** The objects that are awaited for settlement, and their reservations. */

import { tokenKey } from "../../principal.ts";
import type { AwaitedObject, ObjectKey } from "../../storage/object_store.ts";

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
/**
 * A token with fewer awaited objects can add one even beyond {@link MAX_OPEN}. So a few tokens cannot use up
 * the whole limit.
 */
const SHARE_OF_TOKEN = 100;

/** All awaited objects by their keys. Counts the objects of each token, and releases their reservations. */
export class OpenObjects {
  readonly #entries = new Map<string, OpenObject>();
  /** The keys of awaited objects, by the account at the provider and the id. */
  readonly #byAccount = new Map<string, string>();
  /** The number of awaited objects, by the key of the token. */
  readonly #counts = new Map<string, number>();
  readonly #release: (key: string, held: HeldAmounts) => void;

  /** `release` releases the reservation of an object that is no longer awaited. */
  constructor(release: (key: string, held: HeldAmounts) => void) {
    this.#release = release;
  }

  /** Whether another object of this creator can be awaited. */
  hasRoom(creator: ObjectCreator): boolean {
    const key = creatorKey(creator);
    const count = this.#counts.get(key) ?? 0;
    return count < (this.#entries.size < MAX_OPEN ? MAX_OF_TOKEN : SHARE_OF_TOKEN);
  }

  /** Whether an object is awaited. */
  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** An awaited object by its key. */
  get(key: string): OpenObject | undefined {
    return this.#entries.get(key);
  }

  /**
   * Returns the key of the awaited object at an endpoint. Without such an object, returns the key of the
   * awaited object at an endpoint with the same account at the provider. If neither is awaited, returns the
   * key at the endpoint.
   */
  keyOf(at: ObjectKey): string {
    const key = objectKey(at);
    if (this.#entries.has(key) || at.providerAccount === undefined) return key;
    return this.#byAccount.get(accountKey(at.providerAccount, at.id)) ?? key;
  }

  /** All awaited objects with their keys. */
  entries(): IterableIterator<[string, OpenObject]> {
    return this.#entries.entries();
  }

  /** Adds an object that is not awaited yet. */
  add(key: string, entry: OpenObject): void {
    this.#entries.set(key, entry);
    const { providerAccount, id } = entry.object;
    if (providerAccount !== undefined) this.#byAccount.set(accountKey(providerAccount, id), key);
    const creator = creatorKey(entry.object);
    this.#counts.set(creator, (this.#counts.get(creator) ?? 0) + 1);
  }

  /** Removes an object and releases its reservation. Returns `false` if the object was not awaited. */
  remove(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    const { providerAccount, id } = entry.object;
    if (providerAccount !== undefined && this.#byAccount.get(accountKey(providerAccount, id)) === key) {
      this.#byAccount.delete(accountKey(providerAccount, id));
    }
    const creator = creatorKey(entry.object);
    const left = (this.#counts.get(creator) ?? 0) - 1;
    if (left > 0) this.#counts.set(creator, left);
    else this.#counts.delete(creator);
    this.#release(key, entry.held);
    return true;
  }
}

/** Returns the key of the token that created an object. */
export function creatorKey({ tokenId, principal }: ObjectCreator): string {
  return tokenKey({ tokenId, name: principal });
}

/** Returns the key of an object, which is unique among the objects of all endpoints. */
export function objectKey({ endpoint, id }: ObjectKey): string {
  return `${endpoint}\0${id}`;
}

function accountKey(providerAccount: string, id: string): string {
  return `${providerAccount}\0${id}`;
}

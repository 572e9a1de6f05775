/**
 * Keeps the maker of each object at the providers: all of them in the database, and those used last in
 * memory.
 */

import type { Backend, Endpoint } from "../config/config.ts";
import { projectProviderKey } from "../config/project_provider_key.ts";
import type { Principal } from "../principal.ts";
import { providerAccount } from "../storage/provider_account.ts";
import type { MadeObject, ObjectMaker } from "../storage/object_store.ts";
import { type Store, StoreError } from "../storage/store.ts";
import type { Clock } from "../time/clock.ts";

/** The database and the callbacks of {@link KnownObjects}. */
export interface KnownObjectsParts {
  readonly clock: Clock;
  /** The database. `undefined` if the objects are kept in memory only. */
  readonly store:
    | Pick<Store, "addMadeObjects" | "removeMadeObjects" | "findMadeObjects" | "listObjectMakers">
    | undefined;
  /** Whether other programs can add objects to the database at any moment. */
  readonly isShared: boolean;
  /** Called when the database failed. The proxy tries again. */
  readonly onFailed: (reason: string) => void;
  /** Called for another error, which is a bug. */
  readonly onUnexpected: (error: unknown) => void;
}

/** The most objects in memory. */
const MAX_IN_MEMORY = 20_000;
/** The most objects that wait for the database. */
const MAX_WAITING = 50_000;
/** The most accounts of project keys that are remembered. */
const MAX_ACCOUNTS = 1_000;
/** How often the makers of other processes are read, and failed writes are tried again. */
const SYNC_MS = 10_000;

/** The objects at providers whose makers are known. */
export class KnownObjects {
  readonly #parts: KnownObjectsParts;
  /** The objects by id, the last used at the end. Several accounts can have objects with the same id. */
  readonly #recent = new Map<string, readonly MadeObject[]>();
  /** The objects that the database does not have yet, by id. */
  readonly #waiting = new Map<string, readonly MadeObject[]>();
  /** The makers at the accounts of each address, with their projects. */
  readonly #makers = new Map<string, Map<string, string | undefined>>();
  /** The objects that the database still has, until it has removed them. */
  readonly #removing = new Set<Pick<MadeObject, "id" | "account">>();
  /** Changes with each removal, so that a read which began before it is not remembered. */
  #removals = 0;
  readonly #accounts = new Map<string, string>();
  readonly #accountOf = new WeakMap<Backend, { readonly account: string | undefined }>();
  readonly #accountsOf = new WeakMap<Endpoint, readonly string[]>();
  /** Responses that are still being decompressed and may contain ids. */
  readonly #reading = new Set<Promise<unknown>>();
  #writing: Promise<void> | undefined;
  #stopTimer = (): void => {};

  /** Without a store, nothing is read. */
  constructor(parts: KnownObjectsParts) {
    this.#parts = parts;
  }

  /** Reads the makers of earlier and other processes. Throws a `StoreError`. */
  static async open(parts: KnownObjectsParts): Promise<KnownObjects> {
    const objects = new KnownObjects(parts);
    await objects.#readMakers();
    objects.#schedule();
    return objects;
  }

  /** The account of a backend for a client. `undefined` if the client sends its own key. */
  accountOf(backend: Backend, endpoint: Endpoint, { keys }: Pick<Principal, "keys">): string | undefined {
    const ofProject = projectProviderKey(backend, { endpoint, keys });
    if (typeof ofProject === "string") return this.#account(backend.baseUrl.origin, ofProject);
    let known = this.#accountOf.get(backend);
    if (known === undefined) {
      const { baseUrl: { origin }, key } = backend;
      const value = key.mode === "inject" ? key.value : key.mode === "none" ? "" : undefined;
      known = { account: value === undefined ? undefined : providerAccount(origin, value) };
      this.#accountOf.set(backend, known);
    }
    return known.account;
  }

  /** Whether objects are kept for other clients, and not only to choose a backend. */
  get isStored(): boolean {
    return this.#parts.store !== undefined;
  }

  /** The accounts that the backends of an endpoint have for a client, each once. */
  accountsOf(endpoint: Endpoint, principal: Pick<Principal, "keys">): readonly string[] {
    const known = principal.keys.size === 0 ? this.#accountsOf.get(endpoint) : undefined;
    if (known !== undefined) return known;
    const all = endpoint.backends.map((backend) => this.accountOf(backend, endpoint, principal));
    const accounts = [...new Set(all.filter((one) => one !== undefined))];
    if (principal.keys.size === 0) this.#accountsOf.set(endpoint, accounts);
    return accounts;
  }

  /** Whether the database may know objects whose makers this program does not know yet. */
  get isShared(): boolean {
    return this.#parts.isShared;
  }

  /**
   * Whether some token has made objects at the addresses of some accounts. Other keys of the same address can
   * belong to the same customer of the provider, or come after a rotation.
   */
  hasMaker(
    accounts: readonly string[],
    isMaker: (maker: Pick<ObjectMaker, "maker" | "projectId">) => boolean,
  ): boolean {
    return accounts.some((account) => {
      for (const [maker, projectId] of this.#makers.get(addressOf(account)) ?? []) {
        if (isMaker({ maker, projectId })) return true;
      }
      return false;
    });
  }

  /** Adds a token that made objects, which another thread has learned. */
  learnMaker(maker: ObjectMaker): void {
    this.#addMaker(maker);
  }

  /**
   * Forgets what is in memory of an object, because another thread has learned that the provider deleted it.
   */
  forget({ id, account }: Pick<MadeObject, "id" | "account">): void {
    this.#removals++;
    const others = this.#recent.get(id)?.filter((one) => one.account !== account) ?? [];
    if (others.length > 0) this.#recent.set(id, others);
    else this.#recent.delete(id);
  }

  /** Adds an object that a response has shown. The first maker of an object stays. */
  add(object: MadeObject): void {
    const { id, account } = object;
    const [recent = [], waiting = []] = [this.#recent.get(id), this.#waiting.get(id)];
    if ([...recent, ...waiting].some((one) => one.account === account)) return;
    this.#addMaker(object);
    if (this.#parts.store === undefined) return this.#remember(id, [...recent, object]);
    this.#waiting.set(id, [...waiting, object]);
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > MAX_WAITING && oldest !== undefined) this.#waiting.delete(oldest);
    this.#writing ??= Promise.resolve().then(() => this.#write()).finally(() => this.#writing = undefined);
  }

  /**
   * Replaces an object under a name that a client has chosen. The provider creates an object only if no other
   * one has its name, so that an earlier object of this name no longer exists.
   */
  replace(object: MadeObject): void {
    this.remove(object);
    this.add(object);
  }

  /** Removes an object that the provider has deleted. */
  remove({ id, account }: Pick<MadeObject, "id" | "account">): void {
    const { store } = this.#parts;
    this.#removals++;
    for (const objects of [this.#recent, this.#waiting]) {
      const others = objects.get(id)?.filter((one) => one.account !== account) ?? [];
      if (others.length > 0) objects.set(id, others);
      else objects.delete(id);
    }
    if (store === undefined) return;
    const removal = { id, account };
    this.#removing.add(removal);
    // The store runs changes in their order, so that an object which is added later stays.
    void this.#reported(store.removeMadeObjects([removal]).finally(() => this.#removing.delete(removal)));
  }

  /** Adds a response that is still being decompressed. {@link settled} waits for it. */
  reads(reading: Promise<unknown>): void {
    this.#reading.add(reading);
    const forget = (): void => void this.#reading.delete(reading);
    reading.then(forget, forget);
  }

  /** Resolves when all responses that have ended are read. `undefined` if they are read already. */
  settled(): Promise<unknown> | undefined {
    return this.#reading.size === 0 ? undefined : Promise.allSettled(this.#reading);
  }

  /**
   * Finds objects by their ids: those at some accounts, or else those at other accounts of the same
   * addresses, because a key may have changed. At another address, a client may have chosen the id. Throws a
   * `StoreError`.
   */
  async find(
    accounts: readonly string[],
    ids: Iterable<string>,
  ): Promise<Map<string, readonly MadeObject[]>> {
    const found = new Map<string, readonly MadeObject[]>();
    // The objects that wait now. During the read, they may move into the database, too late for the read to
    // find them.
    const missing = new Map<string, readonly MadeObject[]>();
    const add = (id: string, stored: readonly MadeObject[], waiting: readonly MadeObject[]): void => {
      const later = waiting.filter(({ account }) => !stored.some((one) => one.account === account));
      const objects = [...stored, ...later];
      const inAccounts = objects.filter(({ account }) => accounts.includes(account));
      const matching = inAccounts.length > 0
        ? inAccounts
        : objects.filter(({ account }) => accounts.some((one) => addressOf(one) === addressOf(account)));
      if (matching.length > 0) found.set(id, matching);
    };
    for (const id of ids) {
      const recent = this.#recent.get(id);
      const waiting = this.#waiting.get(id) ?? [];
      if (recent === undefined) missing.set(id, waiting);
      else {
        this.#remember(id, recent);
        add(id, recent, waiting);
      }
    }
    if (missing.size === 0) return found;
    const removals = this.#removals;
    const removing = [...this.#removing];
    const isThere = ({ id, account }: MadeObject) =>
      !removing.some((one) => one.id === id && one.account === account);
    const stored = await this.#parts.store?.findMadeObjects([...missing.keys()]) ?? [];
    const byId = Map.groupBy(stored.filter(isThere), ({ id }) => id);
    for (const [id, waiting] of missing) {
      const objects = byId.get(id) ?? [];
      const isCurrent = waiting.length === 0 && removals === this.#removals;
      if (objects.length > 0 && isCurrent) this.#remember(id, objects);
      add(id, objects, waiting);
    }
    return found;
  }

  /** Writes the objects that wait, and stops the timer. */
  async close(): Promise<void> {
    this.#stopTimer();
    await this.settled();
    await this.#writing;
    if (this.#waiting.size > 0) await this.#write();
  }

  #remember(id: string, objects: readonly MadeObject[]): void {
    this.#recent.delete(id);
    this.#recent.set(id, objects);
    const [oldest] = this.#recent.keys();
    if (this.#recent.size > MAX_IN_MEMORY && oldest !== undefined) this.#recent.delete(oldest);
  }

  #addMaker({ account, maker, projectId }: ObjectMaker): void {
    const address = addressOf(account);
    let makers = this.#makers.get(address);
    if (makers === undefined) this.#makers.set(address, makers = new Map());
    makers.set(maker, projectId);
  }

  #account(origin: string, key: string): string {
    const text = `${origin}\0${key}`;
    let account = this.#accounts.get(text);
    if (account === undefined) {
      if (this.#accounts.size >= MAX_ACCOUNTS) this.#accounts.clear();
      this.#accounts.set(text, account = providerAccount(origin, key));
    }
    return account;
  }

  /**
   * Writes all waiting objects, also those that are added meanwhile. The timer tries again after a failure.
   */
  async #write(): Promise<void> {
    const { store } = this.#parts;
    if (store !== undefined) await this.#reported(this.#writeTo(store));
  }

  async #writeTo(store: Pick<Store, "addMadeObjects">): Promise<void> {
    while (this.#waiting.size > 0) {
      const written = [...this.#waiting];
      await store.addMadeObjects(written.flatMap(([, objects]) => objects));
      for (const [id, objects] of written) {
        if (this.#waiting.get(id) === objects) this.#waiting.delete(id);
        // The database may have an earlier maker of the same object, so that only a read can put it into
        // memory.
        this.#recent.delete(id);
      }
    }
  }

  /** Reports the failure of some work with the database. Never rejects. */
  async #reported(work: Promise<void>): Promise<void> {
    const { onFailed, onUnexpected } = this.#parts;
    try {
      await work;
    } catch (error) {
      if (error instanceof StoreError) onFailed(error.message);
      else onUnexpected(error);
    }
  }

  async #readMakers(): Promise<void> {
    for (const maker of await this.#parts.store?.listObjectMakers() ?? []) this.#addMaker(maker);
  }

  #schedule(): void {
    this.#stopTimer = this.#parts.clock.after(SYNC_MS, () => {
      void this.#sync();
      this.#schedule();
    });
  }

  async #sync(): Promise<void> {
    await this.#reported(this.#readMakers());
    if (this.#waiting.size === 0) return;
    this.#writing ??= this.#write().finally(() => this.#writing = undefined);
  }
}

/** The address of an account, as `providerAccount` writes it. */
function addressOf(account: string): string {
  return account.slice(0, account.lastIndexOf(" "));
}

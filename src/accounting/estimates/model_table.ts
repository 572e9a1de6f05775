/**
 * A table with a value for each endpoint and model. Clients choose the names of models, so the table is
 * limited: it drops the oldest name of the principal that uses the most names.
 */

/** A use of a model: its endpoint, its name, and the principal that used it. */
export interface ModelUse {
  readonly endpoint: string;
  readonly model: string;
  readonly principal: string;
}

/** The most models at one endpoint that a principal keeps in the table. */
const MAX_OF_USER = 50;
const MAX_MODELS = 2_000;

interface Entry<Value> {
  readonly value: Value;
  /** The number of principals that keep the entry. */
  users: number;
}

/** A table of values by endpoint and model. An entry stays as long as one of its latest users keeps it. */
export class ModelTable<Value> {
  readonly #entries = new Map<string, Entry<Value>>();
  /** The keys that each principal keeps at each endpoint. The key with the oldest use is first. */
  readonly #kept = new Map<string, Set<string>>();
  /** The latest use and its value, as a cache. */
  #last: { readonly use: ModelUse; readonly value: Value } | undefined;

  /** The value of a model. `undefined` if nothing is known of it. */
  get(endpoint: string, model: string): Value | undefined {
    return this.#entries.get(keyOf(endpoint, model))?.value;
  }

  /**
   * Returns the value of a model that a principal uses. Makes the value with `create` if the table has none.
   */
  use(use: ModelUse, create: () => Value): Value {
    const { endpoint, model, principal } = use;
    const last = this.#last;
    // If the latest use repeats, the order of the names does not change.
    if (
      last !== undefined && last.use.model === model && last.use.principal === principal &&
      last.use.endpoint === endpoint
    ) return last.value;
    const key = keyOf(endpoint, model);
    const user = keyOf(endpoint, principal);
    const kept = this.#kept.get(user) ?? new Set<string>();
    const isKept = kept.delete(key);
    if (!isKept && kept.size >= MAX_OF_USER) this.#forgetOldest(user, kept);
    if (!this.#entries.has(key) && this.#entries.size >= MAX_MODELS) this.#forgetFromLargest();
    const entry = this.#entries.get(key) ?? { value: create(), users: 0 };
    if (!isKept) entry.users++;
    this.#entries.set(key, entry);
    this.#kept.set(user, kept.add(key));
    this.#last = { use, value: entry.value };
    return entry.value;
  }

  /** Drops the oldest name of the principal that keeps the most names. */
  #forgetFromLargest(): void {
    let largest: readonly [string, Set<string>] | undefined;
    for (const one of this.#kept) if (one[1].size > (largest?.[1].size ?? 0)) largest = one;
    if (largest !== undefined) this.#forgetOldest(...largest);
  }

  #forgetOldest(user: string, kept: Set<string>): void {
    for (const key of kept) {
      kept.delete(key);
      const entry = this.#entries.get(key);
      if (entry !== undefined && --entry.users === 0) this.#entries.delete(key);
      break;
    }
    if (kept.size === 0) this.#kept.delete(user);
  }
}

function keyOf(endpoint: string, name: string): string {
  return `${endpoint} ${name}`;
}

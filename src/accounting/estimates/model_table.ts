/**
 * What the proxy learned of models, by endpoint and model. Clients choose the names of models, so the table
 * forgets the oldest names of the principal that used the most.
 */

/** A model at an endpoint, and the principal whose response shows something of it. */
export interface ModelUse {
  readonly endpoint: string;
  readonly model: string;
  readonly principal: string;
}

/** No principal uses more models at one endpoint. */
const MAX_OF_USER = 50;
const MAX_MODELS = 2_000;

interface Entry<Value> {
  readonly value: Value;
  /** How many users keep the entry. */
  users: number;
}

/** A table by endpoint and model. A name stays as long as one of its latest users keeps it. */
export class ModelTable<Value> {
  readonly #entries = new Map<string, Entry<Value>>();
  /** The keys that each principal keeps at each endpoint, the oldest use first. */
  readonly #kept = new Map<string, Set<string>>();
  /** The last use, and its value. */
  #last: { readonly use: ModelUse; readonly value: Value } | undefined;

  /** The value of a model. `undefined` if nothing is known of it. */
  get(endpoint: string, model: string): Value | undefined {
    return this.#entries.get(keyOf(endpoint, model))?.value;
  }

  /** The value of a model that a principal uses. Makes it with `create` if the table has none. */
  use(use: ModelUse, create: () => Value): Value {
    const { endpoint, model, principal } = use;
    const last = this.#last;
    // The same use again changes nothing: the name is the latest one of its user already.
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

  /** Forgets the oldest name of the user that keeps the most names. */
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

/** The prices at which objects were made. A reload does not change what a running object costs. */

import type { Backend } from "../../config/config.ts";
import type { ObjectKey } from "../../storage/object_store.ts";
import type { ExchangeCosts } from "../exchange_costs.ts";
import { objectKey } from "./open_objects.ts";

/** The costs of the request that made an object, and its backend. */
export interface MadeAt {
  readonly costs: ExchangeCosts;
  readonly backend: Backend | undefined;
}

/** The most objects whose prices are remembered. They keep old configurations and lists of prices. */
const MAX_OBJECTS = 1_000;

/** Remembers the prices of the latest objects. After a restart, the present prices count. */
export class MadePrices {
  readonly #made = new Map<string, MadeAt>();

  /** Remembers the prices of a new object. */
  add(object: ObjectKey, made: MadeAt): void {
    const [oldest] = this.#made.keys();
    if (this.#made.size >= MAX_OBJECTS && oldest !== undefined) this.#made.delete(oldest);
    this.#made.set(objectKey(object), made);
  }

  /** The prices of an object. `undefined` if they are not known any more. */
  of(object: ObjectKey): MadeAt | undefined {
    return this.#made.get(objectKey(object));
  }
}

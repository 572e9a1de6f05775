/** The prices at which objects were made. A reload does not change what a running object costs. */

import type { Backend } from "../../config/config.ts";
import type { AwaitedObject, ObjectKey } from "../../storage/object_store.ts";
import type { ExchangeCosts } from "../exchange_costs.ts";
import { objectKey } from "./open_objects.ts";

/** The costs of the request that made an object, and its backend. */
export interface MadeAt {
  readonly costs: ExchangeCosts;
  readonly backend: Backend | undefined;
}

/** The most objects whose prices are remembered. They keep old configurations and lists of prices. */
const MAX_OBJECTS = 1_000;

/** The part of a new object that {@link MadePrices} needs. */
type MadeObject = ObjectKey & Pick<AwaitedObject, "madeAt" | "expiresAt">;

/** Remembers the prices of the latest objects. After a restart, the present prices count. */
export class MadePrices {
  /** The oldest object is the first. */
  readonly #made = new Map<string, MadeAt & { readonly expiresAt: number }>();

  /** Remembers the prices of a new object. Forgets those of objects that have expired. */
  add(object: MadeObject, { costs, backend }: MadeAt): void {
    for (const [key, { expiresAt }] of this.#made) {
      if (expiresAt > object.madeAt && this.#made.size < MAX_OBJECTS) break;
      this.#made.delete(key);
    }
    this.#made.set(objectKey(object), { costs, backend, expiresAt: object.expiresAt });
  }

  /** The prices of an object. `undefined` if they are not known any more. */
  of(object: ObjectKey): MadeAt | undefined {
    return this.#made.get(objectKey(object));
  }
}

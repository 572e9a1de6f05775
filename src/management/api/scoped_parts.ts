/** Narrows the parts of the management API to what the actor of a request reaches. */

import type { RunningExchange } from "../../accounting/running_exchange.ts";
import type { Actor } from "../../people/actor.ts";
import { isWithin, type Scope } from "../../people/scope.ts";
import type { ManageParts, RouteParts, RunningProxy } from "./parts.ts";
import { ScopedStore } from "./scoped_store.ts";
import { visible } from "./visible.ts";

/** What an exchange belongs to. */
type OfExchange = Pick<RunningExchange, "tokenId" | "projectId">;

/** Makes the parts that the handler of a request gets. */
export function scopedParts(
  { store, ownerOf, proxy, ...parts }: ManageParts,
  { actor, scope }: { actor: Actor; scope: Scope },
): RouteParts {
  const isSeen = ({ tokenId, projectId }: OfExchange): boolean =>
    isWithin(scope, { projectId, ownerId: ownerOf(tokenId) });
  return {
    ...parts,
    store: new ScopedStore(store, { actor, scope }),
    proxy: proxy && scopedProxy(proxy, isSeen),
    actor,
    scope,
    shown: (schema, value) => visible(schema, value, actor.role),
  };
}

/** The running proxy with the exchanges that an actor sees. */
function scopedProxy(proxy: RunningProxy, isSeen: (exchange: OfExchange) => boolean): RunningProxy {
  return {
    ...proxy,
    running: () => proxy.running().filter(isSeen),
    subscribe: (listener, onEnd) =>
      proxy.subscribe((event) => isSeen(event.exchange) && listener(event), onEnd),
  };
}

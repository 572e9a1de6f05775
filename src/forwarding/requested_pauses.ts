/** The pauses that one backend asked for. Providers limit each model of each key. */

import { LONGEST_COOLDOWN_MS } from "./backend_health.ts";

/** How many pauses are kept for each backend. The pause that was set first is removed first. */
const MAX_PAUSES = 1_000;

/** The client and the model of a request. */
export interface LimitedRequest {
  /** The client's token or address. */
  readonly holder: string;
  /**
   * The model of the request. `undefined` if the proxy does not know it, so that a pause applies to all
   * models.
   */
  readonly model: string | undefined;
}

/** A pause, until a time in milliseconds of the clock. */
interface Pause extends LimitedRequest {
  readonly until: number;
}

/** The pauses of a backend, for single holders and for all. */
export class RequestedPauses {
  readonly #own = new Map<string, Pause>();
  /** The pauses for all holders, by model. */
  readonly #all = new Map<string | undefined, number>();

  /** An upper bound of the end of all pauses, in milliseconds of the clock. */
  mayLastUntil = -Infinity;

  /** Until when the backend is skipped for a request. `-Infinity`: it gets the request. */
  until({ holder, model }: LimitedRequest): number {
    if (this.#own.size === 0 && this.#all.size === 0) return -Infinity;
    let until = Math.max(
      this.#own.get(keyOf({ holder, model: undefined }))?.until ?? -Infinity,
      this.#all.get(undefined) ?? -Infinity,
    );
    if (model !== undefined) {
      until = Math.max(
        until,
        this.#own.get(keyOf({ holder, model }))?.until ?? -Infinity,
        this.#all.get(model) ?? -Infinity,
      );
    }
    return until;
  }

  /** The end of the pause that lasts longest. `-Infinity`: no pause lasts. */
  latest(): number {
    return Math.max(-Infinity, ...this.#all.values(), ...[...this.#own.values()].map(({ until }) => until));
  }

  /**
   * Sets a pause for the holder and the model of a request. If a second holder gets one for the same model,
   * sets it for all holders. Returns who is newly paused, or `undefined` if the pause existed.
   */
  set(
    request: LimitedRequest,
    { now, durationMs }: { now: number; durationMs: number },
  ): "own" | "all" | undefined {
    const { holder, model } = request;
    if (this.mayLastUntil <= now) {
      this.#own.clear();
      this.#all.clear();
    }
    this.mayLastUntil = Math.max(this.mayLastUntil, now + durationMs);
    const [wasOwn, wasAll] = [
      (this.#own.get(keyOf(request))?.until ?? -Infinity) > now,
      (this.#all.get(model) ?? -Infinity) > now,
    ];
    put(this.#own, { key: keyOf(request), value: { holder, model, until: now + durationMs } });
    const isShared = [...this.#own.values()].some((other) =>
      other.model === model && other.holder !== holder && other.until > now
    );
    if (isShared) put(this.#all, { key: model, value: now + Math.min(durationMs, LONGEST_COOLDOWN_MS) });
    if (wasAll) return undefined;
    return isShared ? "all" : wasOwn ? undefined : "own";
  }
}

/** Adds an entry at the end of a map, and removes the first one if there are too many. */
function put<Key, Value>(map: Map<Key, Value>, { key, value }: { key: Key; value: Value }): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= MAX_PAUSES) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}

function keyOf({ holder, model }: LimitedRequest): string {
  return model === undefined ? holder : `${holder}\n${model}`;
}

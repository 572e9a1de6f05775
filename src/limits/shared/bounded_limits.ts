/**
 * Sends all messages to shared counts. Long messages are cut into pieces, so that no message blocks the
 * server for other replicas. A piece is sent only after the answer to the piece before it, for which the wait
 * has a time limit.
 */

import type { Clock } from "../../time/clock.ts";
import type {
  GuessWait,
  LedgerBalance,
  MinuteCount,
  Raise,
  Renewal,
  RenewalResult,
  Settlement,
  SharedLimits,
  Take,
  TakeResult,
  Told,
} from "./shared_limits.ts";
import { within } from "./within.ts";

/** The most holdings of one message. */
export const MAX_HOLDINGS = 200;
/** The most hours of one message. */
export const MAX_HOURS = 300;
/** A ledger counts as at least so many hours, because Redis reads all its hours to find its pages. */
const LEDGER_HOURS = 10;

/** Passes messages on to shared counts, long messages in pieces. */
export class BoundedLimits implements SharedLimits {
  readonly #limits: SharedLimits;
  readonly #wait: { readonly clock: Clock; readonly timeoutMs: number };

  /** `timeoutMs` is how long an answer may take. */
  constructor(limits: SharedLimits, wait: { readonly clock: Clock; readonly timeoutMs: number }) {
    this.#limits = limits;
    this.#wait = wait;
  }

  take(take: Take): Promise<TakeResult> {
    return within(this.#limits.take(take), this.#wait);
  }

  /** At most {@link MAX_HOLDINGS} holdings and as many costs. */
  hold(told: Told): Promise<void> {
    return within(this.#limits.hold(told), this.#wait);
  }

  settle(settlement: Settlement): Promise<boolean> {
    return this.#limits.settle(settlement);
  }

  count(minute: MinuteCount): Promise<void> {
    return this.#limits.count(minute);
  }

  async raise({ balances, ...raise }: Raise): Promise<void> {
    for (const piece of piecesOf(balances)) {
      await within(this.#limits.raise({ ...raise, balances: piece }), this.#wait);
    }
  }

  renew(renewal: Renewal): Promise<RenewalResult> {
    return within(this.#limits.renew(renewal), this.#wait);
  }

  leave(replica: string): Promise<void> {
    return within(this.#limits.leave(replica), this.#wait);
  }

  guess(group: string, guess: string): Promise<GuessWait> {
    return this.#limits.guess(group, guess);
  }

  close(): Promise<void> {
    return this.#limits.close();
  }
}

/**
 * Splits balances into messages of at most {@link MAX_HOURS} hours. Only the last piece of a ledger completes
 * the ledger.
 */
function* piecesOf(balances: readonly LedgerBalance[]): Iterable<readonly LedgerBalance[]> {
  let piece: LedgerBalance[] = [];
  let free = MAX_HOURS;
  for (const balance of balances) {
    let at = 0;
    do {
      if (free <= 0) {
        yield piece;
        [piece, free] = [[], MAX_HOURS];
      }
      const hours = balance.hours.slice(at, at + free);
      at += hours.length;
      free -= Math.max(LEDGER_HOURS, hours.length);
      const hasMore = at < balance.hours.length;
      piece.push({ ...balance, hours, isPart: balance.isPart === true || hasMore, hasMore });
    } while (at < balance.hours.length);
  }
  if (piece.length > 0) yield piece;
}

/** Joins the replicas that share limits, and keeps their counts equal to the database. */

import type { SharedLimitsConfig } from "../config/config.ts";
import type { Limiter } from "../limits/limiter.ts";
import { type OpenedLimits, openSharedLimits } from "../limits/shared/open_shared_limits.ts";
import { Replica } from "../limits/shared/replica.ts";
import type { GuessWait, LedgerBalance, SharedLimits } from "../limits/shared/shared_limits.ts";
import type { Log } from "../observability/log.ts";
import { costNote, COSTS_PREFIX, pagesOf } from "../storage/cost_notes.ts";
import type { WrittenPages } from "../storage/exchange_writer.ts";
import type { Spending, Store } from "../storage/store.ts";
import type { Clock } from "../time/clock.ts";

/** No period of a budget needs earlier hours, in milliseconds. */
const LONGEST_PERIOD_MS = 32 * 24 * 3_600_000;
const ID_BYTES = 6;
/** How long a request waits for shared counts within the program, in milliseconds. */
const DEFAULT_TIMEOUT_MS = 500;

/** What a replica reports to other parts of the program, which are opened after it. */
export interface ReplicaEvents {
  limiter: Pick<Limiter, "raise"> | undefined;
  /** Writes the queued usage of this process into the database. Rejects if some could not be written. */
  flushed: () => Promise<void>;
  onWaits: (waits: readonly GuessWait[]) => void;
  /** Whether a replica on the database has another version of the shared limits. */
  hasOtherLimits: () => boolean;
}

/** This process as a replica, and the callbacks that later parts set. */
export interface JoinedReplica {
  readonly replica: Replica;
  readonly events: ReplicaEvents;
  /** The pages of the costs of this process. */
  readonly pages: WrittenPages;
  /** The version of the shared limits. `undefined` for limits within the program. */
  readonly limitsVersion: string | undefined;
}

/** Joins the replicas. If their counts cannot be reached, the process starts nevertheless and joins later. */
export async function joinReplicas(
  store: Pick<Store, "readSpending" | "readNotes">,
  { config, clock, log, limits }: {
    config: SharedLimitsConfig;
    clock: Clock;
    log: Log;
    /** Shared counts that are open already. `undefined` to open those of the configuration. */
    limits?: SharedLimits | undefined;
  },
): Promise<JoinedReplica> {
  const events: ReplicaEvents = {
    limiter: undefined,
    flushed: () => Promise.resolve(),
    onWaits() {},
    hasOtherLimits: () => false,
  };
  const opened: OpenedLimits = limits === undefined
    ? await openSharedLimits(config)
    : { limits, timeoutMs: DEFAULT_TIMEOUT_MS };
  const id = crypto.getRandomValues(new Uint8Array(ID_BYTES)).toHex();
  const replica = await Replica.join({
    limits: opened.limits,
    timeoutMs: opened.timeoutMs,
    clock,
    id,
    async readBalances(keys) {
      await events.flushed();
      const now = clock.epochMs();
      // Before the spending, so that the spending has all of these pages.
      const pages = pagesOf(await store.readNotes(COSTS_PREFIX));
      const spending = await store.readSpending({ until: now, lastMs: LONGEST_PERIOD_MS, keys });
      const balances = balancesOf(spending, keys);
      events.limiter?.raise(balances);
      return { balances, pages };
    },
    onLoss: config.onLoss,
    onHealth(health, reason, onLoss) {
      if (health === "ok") return log("info", "limits_recovered");
      const detail =
        `the server of the limits cannot be reached: ${reason}; meanwhile each replica counts by itself` +
        (onLoss === "refuse" ? ", and tokens with a budget are rejected" : "");
      log("error", "limits_failing", { detail });
    },
    onWaits: (waits) => events.onWaits(waits),
    hasOtherCounts: () => events.hasOtherLimits(),
    onFailed: (reason) => log("warn", "storage_failing", { detail: `spending could not be read: ${reason}` }),
  });
  void opened.findProblem?.().then((detail) => {
    if (detail !== undefined) log("warn", "limits_may_be_lost", { detail });
  });
  return {
    replica,
    events,
    pages: writtenPages(replica, { id, clock }),
    limitsVersion: opened.limitsVersion,
  };
}

/** Writes a note for each further page. */
function writtenPages(
  { pages }: Pick<Replica, "pages">,
  { id, clock }: { readonly id: string; readonly clock: Clock },
): WrittenPages {
  return {
    queued: (page) => pages.queued(page),
    note: (rows) => costNote(id, pages.turn(rows), clock.epochMs()),
    ended: (rows) => pages.ended(rows),
  };
}

/** The balances of some ledgers. A ledger without spending has a balance too. */
function balancesOf(spending: readonly Spending[], keys: ReadonlySet<string>): LedgerBalance[] {
  const known = new Map(spending.map((entry) => [entry.key, entry]));
  return [...keys].map((key) => {
    const { requests = 0, totalMicros = 0, hours = [] } = known.get(key) ?? {};
    const sums = new Map<number, number>();
    for (const { start, micros } of hours) sums.set(start, (sums.get(start) ?? 0) + micros);
    return { key, requests, totalMicros, hours: [...sums].map(([start, micros]) => ({ start, micros })) };
  });
}

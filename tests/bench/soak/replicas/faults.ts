/** What is done to the replicas and their servers, one fault after the other. */

import type { PostgresServer } from "../../../support/processes/postgres_server.ts";
import type { RedisServer } from "../../../support/processes/redis_server.ts";
import { pause } from "./clients.ts";
import type { SoakedReplica } from "./replicas.ts";

/** A kind of fault. */
export type FaultKind =
  | "replica killed"
  | "replica replaced"
  | "database restarted"
  | "listening cut"
  | "limits emptied"
  | "limits restarted";

/** A fault that was done. Times are those of `performance.now`, in milliseconds. */
export interface Fault {
  readonly kind: FaultKind;
  readonly from: number;
  readonly to: number;
}

/** What can be broken. */
export interface Breakable {
  readonly replicas: readonly SoakedReplica[];
  readonly postgres: PostgresServer;
  readonly database: string;
  /** `undefined` if the limits are in the database. */
  readonly redis: RedisServer | undefined;
}

/** The faults between two kills, in their order. */
const WITH_REDIS: readonly FaultKind[] = [
  "listening cut",
  "replica replaced",
  "limits emptied",
  "database restarted",
  "limits restarted",
];
const WITHOUT_REDIS: readonly FaultKind[] = ["listening cut", "replica replaced", "database restarted"];
/** How long a server is away. In milliseconds. */
const AWAY_MS = 1_500;
/** What ends the connection that listens. */
const CUT_LISTENING = `SELECT count(pg_terminate_backend(pid)) AS cut FROM pg_stat_activity
  WHERE query LIKE 'LISTEN%' OR query LIKE '%access_changes%' AND state = 'idle'`;

/**
 * Kills a replica and breaks something else in turn, until the signal, or until each kind of fault was done
 * `rounds` times and one more replica was killed. `everyMs` is from the end of a fault to the next.
 */
export async function breakThings(
  parts: Breakable,
  { everyMs, rounds, signal, say }: {
    everyMs: number;
    rounds: number;
    signal: AbortSignal;
    say: (line: string) => void;
  },
): Promise<Fault[]> {
  const faults: Fault[] = [];
  const begun = performance.now();
  const others = parts.redis === undefined ? WITHOUT_REDIS : WITH_REDIS;
  for (let turn = 0;; turn++) {
    await pause(everyMs, signal);
    if (signal.aborted || turn > rounds * 2 * others.length) return faults;
    const kind = turn % 2 === 0 ? "replica killed" : others[Math.floor(turn / 2) % others.length];
    if (kind === undefined) continue;
    const from = performance.now();
    await breakOne(parts, { kind, turn });
    const to = performance.now();
    faults.push({ kind, from, to });
    say(`  ${((from - begun) / 1_000).toFixed(1).padStart(6)} s  ${kind}, for ${Math.round(to - from)} ms`);
  }
}

async function breakOne(
  { replicas, postgres, database, redis }: Breakable,
  { kind, turn }: { kind: FaultKind; turn: number },
): Promise<void> {
  const replica = replicas[Math.floor(turn / 2) % replicas.length];
  switch (kind) {
    case "replica killed":
      await replica?.kill();
      return await replica?.start();
    case "replica replaced":
      await replica?.stop();
      return await replica?.start();
    case "database restarted":
      await postgres.stop();
      await pause(AWAY_MS);
      return await postgres.resume();
    case "listening cut": {
      const [row] = await postgres.admin(CUT_LISTENING, database);
      if (Number(row?.["cut"]) === 0) throw new Error("no connection listens");
      return;
    }
    case "limits emptied":
      await redis?.send("FLUSHALL");
      return;
    case "limits restarted":
      await redis?.kill();
      await pause(AWAY_MS);
      return await redis?.restart();
    default:
      kind satisfies never;
  }
}

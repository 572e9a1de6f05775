/**
 * Two hundred requests at the same time over two replicas: no limit is exceeded, and all of it can be used.
 */

import { assert } from "@std/assert";
import { ProxyFault } from "../../../src/faults.ts";
import { Limiter } from "../../../src/limits/limiter.ts";
import { Replica } from "../../../src/limits/shared/replica.ts";
import type { SharedLimits } from "../../../src/limits/shared/shared_limits.ts";
import type { Principal, Rules } from "../../../src/principal.ts";
import { systemClock } from "../../../src/time/clock.ts";
import { random } from "../../support/data/random.ts";
import { unless } from "../../support/runner/left_out.ts";
import { passing } from "../../support/time/passing_time.ts";

const CLIENTS = 200;

/** A replica with its limiter. */
export interface LimiterReplica {
  readonly limiter: Limiter;
  readonly replica: Replica;
}

/** Joins a replica whose database knows no spending. */
export async function joinReplica(limits: SharedLimits, id: string): Promise<LimiterReplica> {
  const replica = await Replica.join({
    limits,
    clock: systemClock,
    // The machine may be busy, and this is no test of its speed.
    timeoutMs: 20_000,
    id,
    readBalances: (keys) =>
      Promise.resolve({
        balances: [...keys].map((key) => ({ key, requests: 0, totalMicros: 0, hours: [] })),
        pages: {},
      }),
    onHealth(health, reason) {
      if (health === "failing") throw new Error(reason);
    },
    onWaits() {},
    onFailed(reason) {
      throw new Error(reason);
    },
  });
  return { replica, limiter: new Limiter(systemClock, { replica }) };
}

/** A client whose token has rules. */
export function clientWith(name: string, rules: Rules): Principal {
  const key = `token:${name}`;
  return { kind: "token", key, name, subjects: [{ key, what: "token", rules }], keys: new Map() };
}

/** Declares the tests of one adapter. */
export function loadTests(
  name: string,
  { open, reason }: { open: () => Promise<SharedLimits>; reason?: string | undefined },
): void {
  const test = (what: string, run: (limiters: readonly Limiter[]) => Promise<void>): void =>
    Deno.test({
      ...unless(reason, `${name}: ${CLIENTS} requests at the same time over two replicas: ${what}`),
      async fn() {
        const replicas = [await joinReplica(await open(), "a"), await joinReplica(await open(), "b")];
        try {
          await run(replicas.map(({ limiter }) => limiter));
        } finally {
          for (const { replica } of replicas) await replica.close();
        }
      },
    });

  /** Runs a request of a client at one replica. Returns the error that rejected it. */
  const request = async (
    limiter: Limiter,
    who: Principal,
    { reserved, used, run }: { reserved: number; used: number; run: () => Promise<void> },
  ): Promise<ProxyFault | undefined> => {
    try {
      const admission = limiter.admit(who);
      try {
        admission.reserve({ tokens: 0, micros: reserved });
        await admission.share();
      } catch (error) {
        // A shared limit has withdrawn the admission, and settling it again changes nothing.
        admission.settle({ tokens: 0, micros: 0 });
        throw error;
      }
      await run();
      admission.settle({ tokens: 0, micros: used });
      return undefined;
    } catch (error) {
      if (error instanceof ProxyFault) return error;
      throw error;
    }
  };

  const inParallel = async (
    limiters: readonly Limiter[],
    client: (limiter: Limiter, number: number) => Promise<void>,
  ): Promise<void> => {
    await Promise.all(Array.from({ length: CLIENTS }, async (_, number) => {
      const limiter = limiters[number % limiters.length];
      if (limiter !== undefined) await client(limiter, number);
    }));
  };

  test("a budget is not exceeded by more than one request", async (limiters) => {
    const [budget, most] = [100_000, 100];
    const who = clientWith("budget", { totalBudgetMicros: budget });
    const numbers = random(1);
    let spent = 0;
    await inParallel(limiters, async (limiter) => {
      for (;;) {
        const used = most - numbers.below(40);
        const fault = await request(limiter, who, {
          reserved: most,
          used,
          run: () => passing(1 + numbers.below(5), { why: "a request takes time" }),
        });
        if (fault === undefined) spent += used;
        else if (/has spent/.test(fault.message)) return;
        else await passing(3, { why: "the client waits for another request to end" });
      }
    });
    assert(spent >= budget && spent <= budget + most, `${spent} of ${budget} spent`);
  });

  test("never more run than the limit, and the limit is used", async (limiters) => {
    const limit = 20;
    const who = clientWith("concurrency", { concurrentRequests: limit });
    const numbers = random(2);
    let [running, most, done] = [0, 0, 0];
    await inParallel(limiters, async (limiter) => {
      for (let sent = 0; sent < 12; sent++) {
        await request(limiter, who, {
          reserved: 0,
          used: 0,
          async run() {
            most = Math.max(most, ++running);
            await passing(1 + numbers.below(5), { why: "a request takes time" });
            running--;
            done++;
          },
        });
        await passing(numbers.below(5), { why: "clients send at different times" });
      }
    });
    assert(most <= limit && most > limit / 2, `${most} at the same time`);
    assert(done >= limit, `${done} requests`);
  });

  test("a rate is held within 1 %", async (limiters) => {
    const limit = 600;
    const who = clientWith("rate", { requestsPerMinute: limit });
    let passed = 0;
    await inParallel(limiters, async (limiter) => {
      for (let sent = 0; sent < 10; sent++) {
        const fault = await request(limiter, who, { reserved: 0, used: 0, run: () => Promise.resolve() });
        if (fault === undefined) passed++;
      }
    });
    assert(passed <= limit && passed >= limit * 0.99, `${passed} of ${limit}`);
  });
}

import { assertEquals } from "@std/assert";
import { BudgetCalendar } from "../../../src/limits/budget_calendar.ts";
import { RemoteLimits } from "../../../src/limits/shared/remote_limits.ts";
import {
  NO_REPLICA,
  REPLICA_LIFETIME_MS,
  RESERVED_MS,
  type SharedLimits,
  TELLING_MS,
  UNTOLD_MS,
} from "../../../src/limits/shared/shared_limits.ts";
import { RedisLimitsServer } from "../../../src/limits/shared/redis/redis_server.ts";
import { RedisServer, withoutRedis } from "../../support/processes/redis_server.ts";
import type { FakeClock } from "../../support/time/fake_clock.ts";
import { clockStepTests } from "./clock_steps.ts";
import { sharedContract } from "./contract.ts";
import { disorderTest } from "./disorder.ts";
import { holding, SharedBench } from "./shared_bench.ts";
import { until } from "../../support/time/deadline.ts";
import { cases } from "../../support/runner/cases.ts";
import { unless } from "../../support/runner/left_out.ts";
import { loadTests } from "./load.ts";
import { sameAsModel } from "./same_as_model.ts";

let server: RedisServer | undefined;
let opened = 0;
let latest: OwnServerLimits | undefined;

Deno.test.beforeAll(async () => {
  if (withoutRedis() === undefined) server = await RedisServer.start();
});

Deno.test.afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

/** Shared counts on a server that ends with them. */
class OwnServerLimits extends RemoteLimits {
  readonly server: RedisServer;

  private constructor(limits: RedisLimitsServer, server: RedisServer) {
    super(limits);
    this.server = server;
  }

  static async start(clock: FakeClock): Promise<OwnServerLimits> {
    const server = await RedisServer.start();
    return new OwnServerLimits(await RedisLimitsServer.open(server.place, { now: clock.epochMs }), server);
  }

  /** Writes the data to disk. */
  async save(): Promise<void> {
    assertEquals(await this.server.send("SAVE"), "+OK");
  }

  override async close(): Promise<void> {
    await super.close();
    await this.server[Symbol.asyncDispose]();
  }
}

async function open(clock: FakeClock): Promise<SharedLimits> {
  if (server === undefined) throw new Error("the server has not started");
  return new RemoteLimits(
    await RedisLimitsServer.open(server.place, { prefix: `{test${++opened}}:`, now: clock.epochMs }),
  );
}

/** Starts the server of the latest adapter again, with the data of the last `SAVE`. */
async function restart(): Promise<void> {
  await latest?.server.kill();
  await latest?.server.restart();
  await until(() => latest?.leave("nobody").then(() => true, () => false) ?? false, "a connection");
}

const openOwn = async (clock: FakeClock) => latest = await OwnServerLimits.start(clock);
const save = () => latest?.save() ?? Promise.reject(new Error("no server"));

sharedContract("RedisLimits", {
  reason: withoutRedis(),
  open,
  losses: {
    "FLUSHALL": {
      async happen() {
        assertEquals(await server?.send("FLUSHALL"), "+OK");
      },
    },
    "a restart with an older snapshot": { open: openOwn, save, happen: restart },
    "a restart with the latest data": {
      open: openOwn,
      async happen() {
        await save();
        await restart();
      },
    },
  },
});
clockStepTests("RedisLimits", { reason: withoutRedis(), open });
sameAsModel("RedisLimits", { reason: withoutRedis(), open }, cases({ few: 3, all: 40 }));
disorderTest("RedisLimits", {
  reason: withoutRedis(),
  open,
  async lose() {
    assertEquals(await server?.send("FLUSHALL"), "+OK");
  },
}, cases({ few: 1, all: 8 }));
loadTests("RedisLimits", {
  reason: withoutRedis(),
  async open() {
    if (server === undefined) throw new Error("the server has not started");
    return new RemoteLimits(await RedisLimitsServer.open(server.place, { prefix: "{load}:" }));
  },
});

const HELD = { owner: "a", keys: ["t"], isRunning: true, tokens: 5, micros: 5, excessMicros: 0 };

/** Deletes a key of the latest suite, as a server does that evicts keys. */
async function evict(key: string): Promise<void> {
  assertEquals(await server?.send(`DEL {test${opened}}:${key}`), ":1");
}

Deno.test({
  ...unless(
    withoutRedis(),
    "RedisLimits: counts that the server evicts never become negative, and come again",
  ),
  async fn() {
    const bench = await SharedBench.open({ open });
    try {
      const limits = { t: { concurrentRequests: 3, totalBudgetMicros: 100, tokensPerMinute: 100 } };
      const reservation = { tokens: 5, micros: 5 };
      for (const id of ["1", "2", "3"]) {
        assertEquals(await bench.outcome(limits, { id, reservation }), "taken");
      }
      await evict("l:t");
      assertEquals(await bench.settle("1"), true);
      // The adapter has seen the loss. All replicas hold again what they hold.
      assertEquals(await bench.outcome(limits, { id: "4" }), "unknown_replica");
      const held = ["2", "3"].map((id) => ({ ...HELD, id }));
      assertEquals((await bench.renew("a", held)).isKnown, false);
      assertEquals((await bench.renew("a", held)).isKnown, true);
      // Other replicas have lost holdings too.
      assertEquals((await bench.take(limits, { id: "5", reservation })).kind, "telling");
      bench.clock.pass(TELLING_MS);
      assertEquals(await bench.outcome(limits, { id: "5", reservation }), "taken");
      assertEquals(await bench.outcome(limits, { id: "6", reservation }), "concurrent_requests");
      for (const id of ["2", "3", "5"]) assertEquals(await bench.settle(id), true);
      const counts = await server?.send(`HGET {test${opened}}:l:t running`);
      assertEquals(counts?.split("\r\n"), ["$1", "0"]);
      assertEquals((await bench.renew("a")).isKnown, true);
    } finally {
      await bench.limits.close();
    }
  },
});

Deno.test({
  ...unless(withoutRedis(), "RedisLimits: hours, pages and costs that no limit needs any more are deleted"),
  async fn() {
    const bench = await SharedBench.open({ open });
    const { hour, limits } = bench;
    try {
      const fields = async () =>
        (await server?.send(`HKEYS {test${opened}}:h:t`))?.split("\r\n")
          .filter((line) => line !== "" && !/^[*$]/.test(line)).sort();
      const balance = (start: number) => ({
        key: "t",
        requests: 1,
        totalMicros: 7,
        hours: [{ start, micros: 7 }],
      });
      await bench.raise([balance(hour)], { a: 1, b: 1 });
      const costs = [{ key: "t", page: 2, hour, micros: 1 }];
      await limits.hold({ from: bench.from("b"), holdings: [], costs });
      const all = [`${hour}`, "0", "b", `b ${hour}`, `c b 2 ${hour}`, "v a", "v b"];
      assertEquals(await fields(), all.sort());
      await limits.leave("b");
      await bench.raise([balance(hour)], { a: 1, b: 1 });
      assertEquals(await fields(), all.filter((field) => field !== "v b"));
      bench.clock.pass(62 * 24 * 3_600_000 + 1);
      await bench.raise([balance(bench.hour)]);
      assertEquals(await fields(), [`${bench.hour}`, "0", "b", `b ${bench.hour}`, "v a"].sort());
    } finally {
      await limits.close();
    }
  },
});

Deno.test({
  ...unless(withoutRedis(), "RedisLimits: all keys expire, so that those of an earlier version do not stay"),
  async fn() {
    const bench = await SharedBench.open({ open });
    const { limits } = bench;
    try {
      await bench.raise([{ key: "t", requests: 1, totalMicros: 7, hours: [] }]);
      const all = { t: { requestsPerMinute: 9, totalBudgetMicros: 100, tokensPerMinute: 100 } };
      assertEquals(await bench.outcome(all, { id: "1", reservation: { tokens: 5, micros: 5 } }), "taken");
      await bench.settle("1", { tokens: 5, micros: 5 });
      await bench.hold([
        holding("2"),
        holding("object", { owner: NO_REPLICA, keys: ["t"], isRunning: false, micros: 1 }),
      ]);
      for (let guess = 0; guess < 5; guess++) await limits.guess("192.0.2.1", `${guess}`);
      const keys = (await server?.send(`KEYS {test${opened}}:*`))?.split("\r\n")
        .filter((line) => line.startsWith("{")) ?? [];
      const lasting = [];
      for (const key of keys) if (await server?.send(`TTL ${key}`) === ":-1") lasting.push(key);
      assertEquals([keys.length > 10, lasting], [true, []]);
    } finally {
      await limits.close();
    }
  },
});

Deno.test({
  ...unless(withoutRedis(), "RedisLimits: a ledger whose hours the server evicts needs its balance again"),
  async fn() {
    const bench = await SharedBench.open({ open });
    try {
      const spans = new BudgetCalendar({ timeZone: "UTC", window: "calendar" }).spans(bench.hour);
      const take = {
        id: "1",
        from: bench.from("a"),
        ledgers: [{ key: "t", limits: { dayBudgetMicros: 10 }, maxRequests: undefined }],
        reservation: { tokens: 0, micros: 0 },
        isFree: false,
        hour: bench.hour,
        spans,
      };
      const hours = [{ start: bench.hour, micros: 10 }];
      await bench.raise([{ key: "t", requests: 0, totalMicros: 10, hours }]);
      assertEquals((await bench.limits.take(take)).kind, "rejected");
      await evict("h:t");
      assertEquals(await bench.limits.take(take), { kind: "unseeded", keys: ["t"] });
    } finally {
      await bench.limits.close();
    }
  },
});

/** The lists of the script. The server can evict each of them alone. */
const LISTS = ["held", "of:a", "of:b", "of:", "kept:c", "untold", "silent", "replicas", "whole", "sessions"];

for (const list of LISTS) {
  Deno.test({
    ...unless(withoutRedis(), `RedisLimits: nothing stays reserved for good if the server evicts ${list}`),
    async fn() {
      const bench = await SharedBench.open({ open });
      const { limits, clock } = bench;
      try {
        const limited = { t: { concurrentRequests: 9, totalBudgetMicros: 1_000 } };
        const reservation = { tokens: 5, micros: 5 };
        await bench.renew("c", []);
        assertEquals(await bench.outcome(limited, { id: "c1", replica: "c", reservation }), "taken");
        for (const _ of [1, 2]) {
          clock.pass(REPLICA_LIFETIME_MS / 2);
          for (const replica of ["a", "b"]) await bench.renew(replica);
        }
        for (const replica of ["a", "b"]) {
          assertEquals(await bench.outcome(limited, { id: `${replica}1`, replica, reservation }), "taken");
        }
        await bench.hold([holding("object", { owner: NO_REPLICA, isRunning: false, micros: 7 })]);
        await evict(list);
        // Only `a` goes on. It tells what it holds until it is known.
        for (let time = 0; time < UNTOLD_MS + RESERVED_MS; time += time < 60_000 ? 2_000 : 600_000) {
          const { isKnown } = await bench.renew("a");
          if (!isKnown) {
            bench.nextSession("a");
            await bench.renew("a", [holding("a1", { tokens: 5, micros: 5 })]);
          }
          clock.pass(time < 60_000 ? 2_000 : 600_000);
        }
        await limits.settle({ from: bench.from("a"), id: "a1", tokens: 0, costs: [] });
        for (const _ of [1, 2, 3]) await bench.renew("a");
        const counts = await server?.send(`HMGET {test${opened}}:l:t running tokens micros`);
        const left = counts?.split("\r\n").filter((line) => line !== "" && !/^[*$]/.test(line));
        assertEquals(left?.filter((count) => count !== "0"), []);
      } finally {
        await limits.close();
      }
    },
  });
}

Deno.test({
  ...unless(withoutRedis(), "RedisLimits: many slots of a dead replica are freed in several short calls"),
  async fn() {
    const bench = await SharedBench.open({ open });
    const { limits, clock } = bench;
    try {
      const held = Array.from({ length: 1_100 }, (_, id) => holding(`b${id}`, { owner: "b" }));
      await bench.hold(held, "b");
      clock.pass(REPLICA_LIFETIME_MS / 2);
      await bench.renew("a");
      clock.pass(REPLICA_LIFETIME_MS / 2);
      const more: boolean[] = [];
      for (let call = 0; call < 4; call++) more.push((await bench.renew("a")).hasMore === true);
      assertEquals(more, [true, true, false, false]);
      assertEquals(await bench.outcome({ t: { concurrentRequests: 1 } }, { id: "1" }), "taken");
    } finally {
      await limits.close();
    }
  },
});

Deno.test({
  ...unless(withoutRedis(), "RedisLimits: a balance does not count twice if the server evicts a part of it"),
  async fn() {
    const bench = await SharedBench.open({ open });
    const { limits, clock } = bench;
    try {
      const hours = [{ start: bench.hour, micros: 100 }];
      const balance = { key: "t", requests: 0, totalMicros: 100, hours };
      const cost = { key: "t", page: 1, hour: bench.hour, micros: 5 };
      await bench.raise([{ ...balance, isPart: true }]);
      await limits.hold({ from: bench.from("a"), holdings: [], costs: [cost] });
      await evict("h:t");
      await bench.raise([balance]);
      for (const replica of ["a", "b"]) await bench.renew(replica, []);
      await limits.hold({ from: bench.from("a"), holdings: [], costs: [cost] });
      clock.pass(TELLING_MS);
      for (const replica of ["a", "b"]) await bench.renew(replica);
      await bench.raise([balance]);
      for (const budget of ["totalBudgetMicros", "dayBudgetMicros"]) {
        assertEquals(await bench.outcome({ t: { [budget]: 105 } }, { id: `${budget} 105` }), "budget");
        assertEquals(await bench.outcome({ t: { [budget]: 106 } }, { id: `${budget} 106` }), "taken");
      }
    } finally {
      await limits.close();
    }
  },
});

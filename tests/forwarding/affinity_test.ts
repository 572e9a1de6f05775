/** How much of a prompt cache conversations find, and how evenly they are spread. */

import { assert, assertEquals } from "@std/assert";
import type { Backend, Strategy } from "../../src/config/config.ts";
import { rankOf, sessionOf } from "../../src/forwarding/affinity.ts";
import { Balancer } from "../../src/forwarding/balancer.ts";
import { testBackend } from "../support/proxies/config.ts";
import { fieldsOf } from "../support/data/fields.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

/** A prime, so that each turn can have another order. */
const CONVERSATIONS = 199;
const TURNS = 10;

/**
 * Sends the turns of all conversations, interleaved. Returns the share that found its cache, and the requests
 * of each.
 */
function talk(
  { strategy, weights = [1, 1, 1], stays = true, fails }: {
    strategy: Strategy;
    weights?: readonly number[];
    stays?: boolean;
    /** The turns in which the first backend is down. */
    fails?: readonly [from: number, to: number];
  },
): { found: number; requests: number[]; firsts: number[] } {
  const clock = new FakeClock();
  const backends = weights.map((weight, index) =>
    testBackend("http://h.test", { name: `gpu${index + 1}`, weight })
  );
  const balancer = new Balancer({ backends, strategy }, { clock });
  /** The backend of the last turn of each conversation, which has all of it in its cache. */
  const last = new Map<number, Backend>();
  const requests = backends.map(() => 0);
  const firsts = backends.map(() => 0);
  let found = 0;
  for (let turn = 0; turn < TURNS; turn++) {
    for (let place = 0; place < CONVERSATIONS; place++) {
      const id = (place * (2 * turn + 3) * 7 + turn) % CONVERSATIONS;
      const tried = new Set<Backend>();
      const conversation = stays ? `session ${id * 7919}` : undefined;
      for (let isServed = false; !isServed;) {
        const lease = balancer.choose({ tried, holder: `p${id}`, conversation });
        const { backend } = lease;
        const index = backends.indexOf(backend);
        tried.add(backend);
        if (fails !== undefined && index === 0 && turn >= fails[0] && turn < fails[1]) {
          lease.recordFailure({ isCertain: true });
          lease.release();
          continue;
        }
        isServed = true;
        if (last.get(id) === backend) found++;
        last.set(id, backend);
        requests[index] = (requests[index] ?? 0) + 1;
        if (turn === 0) firsts[index] = (firsts[index] ?? 0) + 1;
        lease.recordSuccess();
        lease.release();
      }
      clock.pass(50);
    }
  }
  return { found: found / (CONVERSATIONS * (TURNS - 1)), requests, firsts };
}

Deno.test("affinity: 199 conversations of 10 turns find their cache in every turn, by each strategy", () => {
  for (const strategy of ["round_robin", "weighted", "least_busy"] as const) {
    assertEquals(talk({ strategy }).found, 1, strategy);
  }
  const without = talk({ strategy: "round_robin", stays: false }).found;
  assert(without > 0.2 && without < 0.45, `without affinity ${without}`);
});

Deno.test("affinity: with a backend that fails for two turns, 90 % still find their cache", () => {
  const { found } = talk({ strategy: "round_robin", fails: [4, 6] });
  assert(found >= 0.9 && found < 1, String(found));
});

Deno.test("affinity: docs/configuration.md states the shares of these simulations", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/configuration.md", import.meta.url));
  const percent = (options: Parameters<typeof talk>[0]) => `${Math.round(100 * talk(options).found)} %`;
  const strategy = "round_robin";
  const [without, failing] = [percent({ strategy, stays: false }), percent({ strategy, fails: [4, 6] })];
  const stated = /a simulation of [^]*?two turns/.exec(page)?.[0].match(/\d+ (?:%|conversations|turns)/g);
  const shown = [`${CONVERSATIONS} conversations`, `${TURNS} turns`, without, percent({ strategy }), failing];
  assertEquals(stated, shown);
});

Deno.test("affinity: conversations are spread evenly, and by weight", () => {
  const { firsts } = talk({ strategy: "round_robin" });
  // Three backends have two degrees of freedom: 13.8 is exceeded by chance once in a thousand times.
  const mean = CONVERSATIONS / 3;
  const chiSquare = firsts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
  assert(chiSquare < 13.8, `${firsts}`);
  const [heavy = 0, light = 0, none = 0] = talk({ strategy: "weighted", weights: [3, 1, 0] }).firsts;
  assert(none === 0 && heavy > 130 && heavy < 170, `${heavy} ${light} ${none}`);
});

Deno.test("affinity: many names of backends and conversations are spread evenly", () => {
  const names = ["api.openai.com", "api.openai.com#2", "api.openai.com#3", "api.openai.com#4"];
  const counts = names.map(() => 0);
  for (let id = 0; id < 20_000; id++) {
    const ranks = names.map((name) => rankOf({ name, weight: 1 }, `start ${id.toString(36)} 1`));
    const best = ranks.indexOf(Math.max(...ranks));
    counts[best] = (counts[best] ?? 0) + 1;
  }
  const chiSquare = counts.reduce((sum, count) => sum + (count - 5_000) ** 2 / 5_000, 0);
  assert(chiSquare < 16.3, `${counts}`);
});

Deno.test("affinity: a conversation returns to its backend after a cooldown", () => {
  const clock = new FakeClock();
  const backends = ["a", "b", "c"].map((name) => testBackend("http://h.test", { name }));
  const balancer = new Balancer({ backends, strategy: "round_robin" }, { clock });
  const choose = () => balancer.choose({ tried: new Set(), holder: "anna", conversation: "one" });
  const home = choose();
  home.release();
  for (let count = 0; count < 3; count++) {
    const lease = choose();
    lease.recordFailure({ isCertain: true });
    lease.release();
  }
  const next = choose();
  next.release();
  const again = choose();
  again.release();
  clock.pass(5_000);
  assert(next.backend !== home.backend);
  assertEquals([again.backend, choose().backend], [next.backend, home.backend]);
});

Deno.test("affinity: one conversation with many requests at once does not stay at one backend", () => {
  const backends = ["a", "b", "c"].map((name) => testBackend("http://h.test", { name }));
  for (const [strategy, most] of [["round_robin", 20], ["least_busy", 13]] as const) {
    const balancer = new Balancer({ backends, strategy }, { clock: new FakeClock() });
    for (let count = 0; count < 30; count++) {
      balancer.choose({ tried: new Set(), holder: "anna", conversation: "one" });
    }
    assertEquals(balancer.inFlight().reduce((sum, count) => sum + count, 0), 30);
    assert(Math.max(...balancer.inFlight()) <= most, `${strategy}: ${balancer.inFlight()}`);
  }
});

Deno.test("affinity: the headers of clients name the session, unless another header is configured", () => {
  const fields = fieldsOf("X-Claude-Code-Session-Id: s1", "x-team: red");
  assertEquals(sessionOf(fields, {}), "s1");
  assertEquals(sessionOf(fields, { header: "x-team" }), "red");
  assertEquals(sessionOf(fieldsOf("session-id: s2"), {}), "s2");
  assertEquals(sessionOf(fields, { header: "x-none" }), undefined);
  assertEquals(sessionOf(fieldsOf("x-team:"), { header: "x-team" }), undefined);
});

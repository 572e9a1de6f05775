import { assertEquals } from "@std/assert";
import type { Backend, Strategy } from "../../src/config/config.ts";
import { Balancer } from "../../src/forwarding/balancer.ts";
import type { Lease } from "../../src/forwarding/lease.ts";
import { testBackend } from "../support/proxies/config.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

function setup(strategy: Strategy, weights: readonly number[] = [1, 1, 1]) {
  const clock = new FakeClock();
  const backends = weights.map((weight, index) =>
    testBackend("http://h.test", { name: "abc".charAt(index), weight })
  );
  const balancer = new Balancer({ backends, strategy }, { clock });
  const choose = (...tried: string[]): Lease =>
    balancer.choose({
      tried: new Set(backends.filter(({ name }) => tried.includes(name))),
      holder: "anna",
    });
  /** The names of so many choices, each over at once. */
  const names = (count: number, end: (lease: Lease) => void = () => {}): string =>
    Array.from({ length: count }, () => {
      const lease = choose();
      end(lease);
      lease.release();
      return lease.backend.name;
    }).join("");
  return { clock, balancer, choose, names, backends };
}

const fail = (lease: Lease) => lease.recordFailure({ isCertain: false });

Deno.test("Balancer: failover chooses the first backend, then the untried ones in order", () => {
  const { choose, names } = setup("failover");
  assertEquals(names(3), "aaa");
  assertEquals([choose("a").backend.name, choose("a", "b").backend.name], ["b", "c"]);
});

Deno.test("Balancer: round_robin chooses the backends in turn", () =>
  assertEquals(setup("round_robin").names(7), "abcabca"));

Deno.test("Balancer: weighted shares requests evenly by weight; backends without weight are a fallback", () => {
  const { names, choose } = setup("weighted", [3, 1, 0]);
  assertEquals(names(8), "aabaaaba");
  assertEquals(choose("a", "b").backend.name, "c");
});

Deno.test("Balancer: least_busy chooses the backend with the fewest running attempts", () => {
  const { choose } = setup("least_busy");
  const [first, second, third] = [choose(), choose(), choose()];
  assertEquals([first, second, third].map(({ backend }) => backend.name), ["a", "b", "c"]);
  second.release();
  assertEquals(choose().backend.name, "b");
});

Deno.test("Balancer: three failures in a row begin a cooldown, longer each time; a success resets them", () => {
  const { clock, names } = setup("failover");
  assertEquals(names(2, fail), "aa");
  assertEquals(names(1, (lease) => lease.recordSuccess()), "a");
  assertEquals(names(3, fail), "aaa");
  assertEquals(names(1), "b");
  clock.pass(4_999);
  assertEquals(names(1), "b");
  clock.pass(1);
  assertEquals(names(1, fail), "a", "it is probed");
  clock.pass(9_999);
  assertEquals(names(1), "b", "twice as long");
  clock.pass(1);
  assertEquals(names(2, (lease) => lease.recordSuccess()), "aa", "and is well again");
});

Deno.test("Balancer: one request probes, the others do not wait for it", () => {
  const { clock, names, choose } = setup("failover");
  names(3, fail);
  clock.pass(5_000);
  const probe = choose();
  assertEquals([probe.backend.name, choose().backend.name], ["a", "b"]);
  probe.release();
  assertEquals(choose().backend.name, "a", "a probe without an outcome is followed by another one");
});

Deno.test("Balancer: the length of a cooldown is limited", () => {
  const { clock, names } = setup("failover", [1, 1]);
  names(3, fail);
  for (let round = 0; round < 20; round++) {
    clock.pass(300_000);
    assertEquals(names(1, fail), "a");
  }
});

Deno.test("Balancer: a backend that asked for a pause is skipped, and then needs no probe", () => {
  const { clock, names, balancer, choose, backends } = setup("failover", [1, 1]);
  names(1, (lease) => lease.recordPause(60_000));
  assertEquals([names(1), balancer.waitMs({ holder: "anna", model: undefined }, backends)], ["b", 0]);
  clock.pass(60_000);
  assertEquals([choose().backend.name, choose().backend.name], ["a", "a"]);
});

Deno.test("Balancer: if all backends cool down, the one whose cooldown ends first is tried", () => {
  const { names, clock, balancer, backends } = setup("failover", [1, 1]);
  names(1, (lease) => lease.recordPause(60_000));
  names(1, (lease) => lease.recordPause(30_000));
  assertEquals([names(1), balancer.waitMs({ holder: "anna", model: undefined }, backends)], ["b", 30_000]);
  clock.pass(10_000);
  assertEquals(balancer.waitMs({ holder: "anna", model: undefined }, backends), 20_000);
});

Deno.test("Balancer: every strategy skips backends that cool down", () => {
  for (const strategy of ["failover", "round_robin", "weighted", "least_busy"] as const) {
    const { choose } = setup(strategy);
    for (let failure = 0; failure < 3; failure++) {
      const lease = choose("b", "c");
      lease.recordFailure({ isCertain: false });
      lease.release();
    }
    const seen = new Set<Backend>();
    for (let count = 0; count < 6; count++) seen.add(choose().backend);
    assertEquals([...seen].some(({ name }) => name === "a"), false, strategy);
  }
});

Deno.test("Balancer: many attempts that fail together begin one cooldown", () => {
  const { clock, choose, names } = setup("failover", [1, 1]);
  const leases = Array.from({ length: 10 }, () => choose());
  for (const lease of leases) {
    lease.recordFailure({ isCertain: false });
    lease.release();
  }
  clock.pass(5_000);
  assertEquals(names(1), "a");
});

Deno.test("Balancer: a good answer to a probe ends the cooldown at once, not when its stream ends", () => {
  const { clock, choose, names } = setup("failover", [1, 1]);
  names(3, fail);
  clock.pass(5_000);
  const probe = choose();
  probe.recordSuccess();
  assertEquals([probe.backend.name, choose().backend.name], ["a", "a"]);
});

Deno.test("Balancer: a lease that is released twice counts once", () => {
  const { choose, balancer } = setup("least_busy", [1, 1]);
  const lease = choose();
  lease.release();
  lease.release();
  assertEquals(balancer.inFlight(), [0, 0]);
});

Deno.test("Balancer: failures of one holder's requests do not move other holders to another backend", () => {
  const { balancer, names } = setup("failover");
  const nameFor = (holder: string) => {
    const lease = balancer.choose({ tried: new Set(), holder });
    lease.release();
    return lease.backend.name;
  };
  names(3, fail);
  assertEquals([nameFor("anna"), nameFor("ben")], ["b", "a"]);
  assertEquals(balancer.report()[0]?.state, "cooldown", "all who failed there skip it");
  const lease = balancer.choose({ tried: new Set(), holder: "ben" });
  lease.recordFailure({ isCertain: false });
  lease.release();
  assertEquals([nameFor("anna"), nameFor("ben"), nameFor("eve")], ["b", "b", "b"], "two have seen it fail");
});

Deno.test("Balancer: a backend that the proxy cannot connect to is skipped for all holders", () => {
  const { balancer, names } = setup("failover");
  names(3, (lease) => lease.recordFailure({ isCertain: true }));
  assertEquals(balancer.choose({ tried: new Set(), holder: "ben" }).backend.name, "b");
});

Deno.test("Balancer: a slow probe does not keep others from probing", () => {
  const { clock, choose, names } = setup("failover");
  names(3, fail);
  clock.pass(5_000);
  const slow = choose();
  assertEquals([slow.backend.name, choose().backend.name], ["a", "b"]);
  clock.pass(5_000);
  assertEquals(names(1, (lease) => lease.recordSuccess()), "a");
  assertEquals(names(1), "a");
  slow.release();
  assertEquals(names(1), "a");
});

Deno.test("Balancer: a rate limit of one holder applies to all after a second holder has reached it", () => {
  const { balancer, clock, names } = setup("failover");
  const nameFor = (holder: string, end: (lease: Lease) => void = () => {}) => {
    const lease = balancer.choose({ tried: new Set(), holder });
    end(lease);
    lease.release();
    return lease.backend.name;
  };
  names(1, (lease) => lease.recordPause(86_400_000));
  assertEquals([nameFor("anna"), nameFor("ben")], ["b", "a"]);
  nameFor("ben", (lease) => lease.recordPause(86_400_000));
  assertEquals(nameFor("eve"), "b");
  clock.pass(300_000);
  assertEquals([nameFor("eve"), nameFor("anna")], ["a", "b"], "not for a day");
});

Deno.test("Balancer: a backend keeps a thousand holders, and removes the one with the oldest rate limit", () => {
  const nameAfter = (others: number): string => {
    const { clock, balancer, backends } = setup("failover");
    const allButFirst = new Set(backends.slice(1));
    balancer.choose({ tried: allButFirst, holder: "anna" }).recordPause(3_600_000);
    for (let index = 0; index < others; index++) {
      balancer.choose({ tried: allButFirst, holder: `other ${index}` }).recordPause(1);
    }
    // What they have brought about together is over by then.
    clock.pass(300_000);
    return balancer.choose({ tried: new Set(), holder: "anna" }).backend.name;
  };
  assertEquals([nameAfter(0), nameAfter(999), nameAfter(1_000)], ["b", "b", "a"]);
});

Deno.test("Balancer: a change of a backend is reported once, for one holder or for all", () => {
  const clock = new FakeClock();
  const events: string[] = [];
  const [one, two] = ["a", "b"].map((name) => testBackend("http://h.test", { name }));
  if (one === undefined || two === undefined) throw new TypeError("two backends");
  const balancer = new Balancer({ backends: [one, two], strategy: "failover" }, {
    clock,
    onEvent: ({ kind, backend, holder = "all", failures, forMs }) =>
      events.push([kind, backend.name, holder, failures, forMs].join(" ")),
  });
  const lease = (holder: string) => balancer.choose({ tried: new Set([two]), holder });
  for (let round = 0; round < 5; round++) fail(lease("anna"));
  assertEquals(events.splice(0), ["failing a anna 3 5000"]);
  fail(lease("bert"));
  assertEquals(events.splice(0), ["failing a all 3 5000"]);
  clock.pass(600_000);
  lease("anna").recordSuccess();
  lease("anna").recordSuccess();
  assertEquals(events.splice(0), ["recovered a all 0 0"]);
  lease("anna").recordPause(3_000);
  lease("anna").recordPause(3_000);
  assertEquals(events.splice(0), ["rate_limited a anna 0 3000"]);
});

Deno.test("Balancer: after a reload an unchanged backend keeps its cooldown and its running attempts; a changed one begins without", () => {
  const { clock, balancer, choose, names, backends } = setup("failover");
  const running = choose();
  assertEquals(names(3, fail), "aaa");
  const key = { mode: "inject", value: "another key" } as const;
  const reloaded = (changed: readonly Backend[]): Balancer =>
    new Balancer({ backends: changed, strategy: "failover" }, { clock, previous: balancer });
  const same = reloaded(backends.map((backend) => ({ ...backend, weight: 7 })));
  assertEquals([same.choose({ tried: new Set(), holder: "anna" }).backend.name, same.inFlight()], ["b", [
    1,
    1,
    0,
  ]]);
  running.release();
  assertEquals(same.inFlight(), [0, 1, 0]);
  const changed = reloaded(backends.map((backend) => backend.name === "a" ? { ...backend, key } : backend));
  assertEquals(changed.choose({ tried: new Set(), holder: "anna" }).backend.name, "a");
});

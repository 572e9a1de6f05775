/** Pools of keys: the key with the most quota left gets the next request. */

import { assert, assertEquals } from "@std/assert";
import { Balancer } from "../../src/forwarding/balancer.ts";
import { KeyQuota } from "../../src/forwarding/key_quota.ts";
import { fieldsOf } from "../support/data/fields.ts";
import { testBackend } from "../support/proxies/config.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

function setup() {
  const clock = new FakeClock();
  const backends = [
    ...["k1", "k2", "k3"].map((name) => testBackend("http://h.test", { name, pool: 0 })),
    testBackend("http://other.test", { name: "other" }),
  ];
  const balancer = new Balancer({ backends, strategy: "failover" }, { clock });
  /** Sends a request. Returns the name of its key, and reads the lines of the response. */
  const send = (
    lines: readonly string[] = [],
    wish: { conversation?: string; model?: string } = {},
  ): string => {
    const lease = balancer.choose({ tried: new Set(), holder: "anna", ...wish });
    lease.recordHead(fieldsOf(...lines), wish.model);
    lease.recordSuccess();
    lease.release();
    return lease.backend.name;
  };
  return { clock, balancer, backends, send };
}

const openai = (remaining: number, reset = "1s") => [
  "x-ratelimit-limit-requests: 100",
  `x-ratelimit-remaining-requests: ${remaining}`,
  `x-ratelimit-reset-requests: ${reset}`,
];

Deno.test("key pool: unknown quotas: the least busy key gets the request", () => {
  const { balancer } = setup();
  const names = Array.from(
    { length: 6 },
    () => balancer.choose({ tried: new Set(), holder: "anna" }).backend.name,
  );
  assertEquals(names, ["k1", "k2", "k3", "k1", "k2", "k3"]);
});

Deno.test("key pool: the key with the largest share of its quota gets the request, of requests and of tokens", () => {
  const { send, clock } = setup();
  assertEquals(send(openai(20)), "k1");
  assertEquals(
    send([
      "anthropic-ratelimit-tokens-limit: 1000",
      "anthropic-ratelimit-tokens-remaining: 500",
      ...openai(90),
    ]),
    "k2",
  );
  assertEquals(send(openai(60)), "k3");
  assertEquals([send(), send(openai(40)), send()], ["k3", "k3", "k2"]);
  clock.pass(60_001);
  assertEquals(send(), "k1", "an old reading says nothing");
});

Deno.test("key pool: a key without quota is skipped until its reset; of the other models it is not", () => {
  const { send, clock } = setup();
  assertEquals(send(openai(0, "10s"), { model: "big" }), "k1");
  assertEquals([send([], { model: "big" }), send([], { model: "small" })], ["k2", "k1"]);
  assertEquals([send(openai(0, "10s"), { model: "big" }), send(openai(0, "10s"), { model: "big" })], [
    "k2",
    "k3",
  ]);
  assertEquals(send([], { model: "big" }), "other", "the next backend serves");
  clock.pass(10_000);
  assert(send([], { model: "big" }).startsWith("k"));
});

Deno.test("key pool: a conversation stays at its key, and others spread", () => {
  const { send } = setup();
  const names = new Set<string>();
  for (let id = 0; id < 30; id++) {
    const conversation = `session ${id}`;
    const name = send(openai(90), { conversation });
    assertEquals([send(openai(10), { conversation }), send([], { conversation })], [name, name]);
    names.add(name);
  }
  assertEquals([...names].sort(), ["k1", "k2", "k3"]);
});

Deno.test("KeyQuota: the number of models is bounded", () => {
  const quota = new KeyQuota();
  for (let id = 0; id < 60; id++) {
    quota.read(fieldsOf(...openai(10)), { model: `m${id}`, now: 0, epochMs: 0 });
  }
  assertEquals([quota.share("m9", 0), quota.share("m10", 0)].map((share) => Math.round(share * 100)), [
    100,
    10,
  ]);
});

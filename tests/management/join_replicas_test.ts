import { assertEquals } from "@std/assert";
import type { OnLoss } from "../../src/config/config.ts";
import { MemoryLimits } from "../../src/limits/shared/memory_limits.ts";
import { joinReplicas } from "../../src/management/join_replicas.ts";
import { FakeClock } from "../support/time/fake_clock.ts";
import { nextTurn } from "../support/time/passing_time.ts";

/** Counts that can be lost. */
class LostLimits extends MemoryLimits {
  isLost = false;
  override readonly renew: MemoryLimits["renew"] = (...args) =>
    this.isLost ? Promise.reject(new Error("cut")) : super.renew(...args);
}

async function joined(onLoss: OnLoss, { isLost }: { isLost: boolean }) {
  const clock = new FakeClock();
  const limits = new LostLimits(clock);
  limits.isLost = isLost;
  const lines: string[] = [];
  const nothing = () => Promise.resolve([]);
  const { replica } = await joinReplicas({ readSpending: nothing, readNotes: nothing }, {
    config: { server: { kind: "redis", at: { path: "unused" } }, onLoss },
    clock,
    log: (_level, event, { detail = "" } = {}) => lines.push(`${event} ${detail}`.trim()),
    limits,
  });
  /** Lets the counts be lost or found. Gives the lines that the log gets. */
  const become = async (isLostNow: boolean) => {
    lines.length = 0;
    limits.isLost = isLostNow;
    for (let second = 0; second < 60 && lines.length === 0; second++) {
      clock.pass(1_000);
      await nextTurn();
    }
    return lines.join();
  };
  return { replica, lines, become };
}

const GOES_ON =
  "limits_failing the server of the limits cannot be reached: cut; meanwhile each replica counts by itself";
const REFUSES = `${GOES_ON}, and tokens with a budget are rejected`;

Deno.test("joinReplicas: the log says what happens to tokens with a budget, as the latest reload has it", async () => {
  const { replica, become } = await joined("go_on", { isLost: false });
  assertEquals(await become(true), GOES_ON);
  assertEquals(await become(false), "limits_recovered");
  replica.configure("refuse");
  assertEquals(await become(true), REFUSES);
  await replica.close();
});

Deno.test("joinReplicas: the log says it also at a start without the server", async () => {
  const { replica, lines } = await joined("refuse", { isLost: true });
  assertEquals(lines, [REFUSES]);
  await replica.close();
});

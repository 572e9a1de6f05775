import { MemoryLimits } from "../../../src/limits/shared/memory_limits.ts";
import type { SharedLimits } from "../../../src/limits/shared/shared_limits.ts";
import { systemClock } from "../../../src/time/clock.ts";
import { cases } from "../../support/runner/cases.ts";
import type { FakeClock } from "../../support/time/fake_clock.ts";
import { sharedContract } from "./contract.ts";
import { disorderTest } from "./disorder.ts";
import { loadTests } from "./load.ts";

sharedContract("MemoryLimits", { open: (clock) => Promise.resolve(new MemoryLimits(clock)) });

const shared = new MemoryLimits(systemClock);
loadTests("MemoryLimits", { open: () => Promise.resolve(shared) });

/** Counts that can be lost. */
class LosingLimits implements SharedLimits {
  readonly #clock: FakeClock;
  #inner: MemoryLimits;

  constructor(clock: FakeClock) {
    this.#clock = clock;
    this.#inner = new MemoryLimits(clock);
  }

  lose(): void {
    this.#inner = new MemoryLimits(this.#clock);
  }

  readonly take: SharedLimits["take"] = (take) => this.#inner.take(take);
  readonly hold: SharedLimits["hold"] = (told) => this.#inner.hold(told);
  readonly settle: SharedLimits["settle"] = (settlement) => this.#inner.settle(settlement);
  readonly count: SharedLimits["count"] = (minute) => this.#inner.count(minute);
  readonly raise: SharedLimits["raise"] = (raise) => this.#inner.raise(raise);
  readonly renew: SharedLimits["renew"] = (renewal) => this.#inner.renew(renewal);
  readonly leave: SharedLimits["leave"] = (replica) => this.#inner.leave(replica);
  readonly guess: SharedLimits["guess"] = (group, guess) => this.#inner.guess(group, guess);
  readonly close: SharedLimits["close"] = () => this.#inner.close();
}

let losing: LosingLimits | undefined;
disorderTest("MemoryLimits", {
  open: (clock) => Promise.resolve(losing = new LosingLimits(clock)),
  lose: () => Promise.resolve(losing?.lose()),
}, cases({ few: 15, all: 80 }));

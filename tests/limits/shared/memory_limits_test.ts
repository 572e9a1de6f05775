import { MemoryLimits } from "../../../src/limits/shared/memory_limits.ts";
import { systemClock } from "../../../src/time/clock.ts";
import { sharedContract } from "./contract.ts";
import { loadTests } from "./load.ts";

sharedContract("MemoryLimits", { open: (clock) => Promise.resolve(new MemoryLimits(clock)) });

const shared = new MemoryLimits(systemClock);
loadTests("MemoryLimits", { open: () => Promise.resolve(shared) });

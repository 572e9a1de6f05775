import { MemoryLimits } from "../../../src/limits/shared/memory_limits.ts";
import { sharedContract } from "./contract.ts";

sharedContract("MemoryLimits", { open: (clock) => Promise.resolve(new MemoryLimits(clock)) });

/** Makes V8 free all objects that nothing refers to, for tests of what stays in memory. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { nextTurn } from "../time/passing_time.ts";

/** Collects all garbage. Objects that the caller refers to only by `WeakRef` are gone afterwards. */
export async function collectGarbage(): Promise<void> {
  // A WeakRef keeps its object until the end of the turn in which it was made or read.
  await nextTurn();
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

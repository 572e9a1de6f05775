/**
 * `deno task soak --minutes 10`: mixed traffic of 200 clients. Prints a line of figures every half minute; fails where
 * memory, sockets, timers or the event loop's delay grow after the plateau, where something is left when the traffic
 * has stopped, or where the books do not match exactly.
 */

import { parseArgs } from "node:util";
import { runSoak } from "./soak/run.ts";

/** Some of them think, and the others are in flight. */
const CLIENTS = 210;

const { values } = parseArgs({ options: { minutes: { type: "string", default: "10" } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  console.error(`--minutes ${values.minutes} is not a number of minutes`);
  Deno.exit(2);
}
const problems = await runSoak({
  seconds: minutes * 60,
  clients: CLIENTS,
  sampleMs: 30_000,
  tokensMs: 2_000,
  reloadMs: 20_000,
  say: console.log,
}, { judgesGrowth: minutes >= 5 });
for (const problem of problems) console.error(`wrong: ${problem}`);
console.log(problems.length === 0 ? "all is well" : "the soak failed");
Deno.exit(problems.length === 0 ? 0 : 1);

/** `deno task bench --growth`: what more endpoints, tokens, exchanges and streams cost. */

import { aligned } from "./aligned.ts";
import { growEndpoints } from "./growth/endpoints.ts";
import { growExchanges } from "./growth/exchanges.ts";
import { growStreams } from "./growth/streams.ts";
import { growTokens } from "./growth/tokens.ts";
import { startRawUpstream } from "./load.ts";
import { exists } from "./process.ts";
import { described, machine } from "./machine.ts";
import { Stage } from "./stage.ts";

/** The parts, in the order in which they run. */
export const GROWTH_PARTS = ["endpoints", "tokens", "exchanges", "streams"] as const;

/** The name of a part. */
export type GrowthPart = typeof GROWTH_PARTS[number];

/** Measures some parts and prints a table for each. */
export async function benchGrowth(
  parts: readonly GrowthPart[],
  { isHuge }: { readonly isHuge: boolean },
): Promise<void> {
  await using stage = await Stage.open();
  await using json = startRawUpstream();
  const upstream = json.origin;
  const measures: { readonly [part in GrowthPart]: () => Promise<string[][]> } = {
    endpoints: () => growEndpoints(stage, upstream),
    tokens: () => growTokens(stage, upstream),
    exchanges: () => growExchanges(stage, { upstream, isHuge }),
    streams: () => growStreams(stage),
  };
  const tables: string[] = [];
  for (const part of parts) {
    if (part === "streams" && !await exists("go")) {
      tables.push("missing: streams: go is not installed");
      continue;
    }
    console.log(`growth: ${part}`);
    tables.push(aligned(await measures[part](), part === "streams" ? 2 : 1).join("\n"));
  }
  console.log(`\n${tables.join("\n\n")}\n\n${described(machine())}`);
}

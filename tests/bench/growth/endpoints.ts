/** What more endpoints cost: a configuration with 1 to 500 of them, and requests to the last one. */

import { ownCandidate } from "../candidates/own.ts";
import { cpuOfRequest } from "../load.ts";
import { memoryMb } from "../process.ts";
import type { Stage } from "../stage.ts";

const SIZES = [1, 10, 100, 500];

/** Gives the lines of a table. */
export async function growEndpoints(stage: Stage, upstream: string): Promise<string[][]> {
  const lines = [["endpoints", "start ms", "MB idle", "CPU µs/request"]];
  for (const size of SIZES) {
    const config = `${stage.folder}/endpoints-${size}.toml`;
    const others = Array.from(
      { length: size - 1 },
      (_, index) => `[endpoints.e${index}]\nbase_url = "${upstream}/v1"\n`,
    );
    const last = `[endpoints.openai]\nbase_url = "${upstream}/v1"\napi_key = "upstream-key"\n`;
    await Deno.writeTextFile(config, `${others.join("")}${last}`);
    const candidate = ownCandidate(`${size} endpoints`, { CONFIG_PATH: config });
    const subject = await stage.start(candidate, { upstream });
    const idleMb = memoryMb(subject.pid);
    await cpuOfRequest(subject, 2);
    const cpu = await cpuOfRequest(subject, 2);
    lines.push([String(size), subject.startMs.toFixed(0), idleMb.toFixed(0), cpu.toFixed(1)]);
    await subject.stop();
  }
  return lines;
}

/** What more streams cost: 10 to 10,000 at the same time, with about as many events a second in all. */

import { managedCandidate, ownCandidate } from "../candidates/own.ts";
import { goCandidate } from "../candidates/runtimes.ts";
import { nginxCandidate } from "../candidates/servers.ts";
import { measureStreams } from "../measure.ts";
import { memoryMb, openFilesLimit } from "../process.ts";
import type { Stage } from "../stage.ts";

/**
 * Few streams have many events, because CPU time has a resolution of 10 ms. Many streams take long to open.
 */
const LOADS = [
  { streams: 10, rate: 100, seconds: 5 },
  { streams: 100, rate: 10, seconds: 5 },
  { streams: 1_000, rate: 1, seconds: 6 },
  { streams: 10_000, rate: 0.2, seconds: 15 },
];
/** Files of a process that are no connections. */
const OTHER_FILES = 200;
/** The defaults of the proxy are lower, and reject the last thousands. */
const LIMITS = { MAX_CONNECTIONS: "30000", MAX_CONCURRENT_REQUESTS: "none" };

/** Gives the lines of a table. */
export async function growStreams(stage: Stage): Promise<string[][]> {
  const upstream = await stage.streamUpstream();
  const candidates = [
    ownCandidate("llm-proxy", LIMITS),
    managedCandidate(stage.folder, { env: LIMITS }),
    await nginxCandidate(stage.folder),
    await goCandidate(stage.folder),
  ];
  const lines = [[
    "streams",
    "",
    "MB idle",
    "MB",
    "KB/stream",
    "CPU µs/event",
    "delay p50 ms",
    "p99 ms",
    "whole",
  ]];
  // A proxy has two connections for each stream.
  const most = Math.floor((await openFilesLimit() - OTHER_FILES) / 2);
  for (const load of LOADS.map((one) => ({ ...one, streams: Math.min(one.streams, most) }))) {
    for (const candidate of candidates.filter(({ missing }) => missing === undefined)) {
      console.log(`${load.streams} streams: ${candidate.name}`);
      const subject = await stage.start(candidate, { upstream });
      const idleMb = memoryMb(subject.pid);
      const { openMb, cpu, p50, p99, whole, failures } = await measureStreams(subject, {
        ...load,
        client: stage.streamClient,
      });
      for (const [failure, count] of Object.entries(failures)) {
        console.log(`  ${count} streams failed: ${failure}`);
      }
      lines.push([
        load.streams.toLocaleString("en"),
        candidate.name,
        idleMb.toFixed(0),
        openMb.toFixed(0),
        ((openMb - idleMb) * 1024 / load.streams).toFixed(1),
        cpu.toFixed(1),
        (p50 / 1000).toFixed(1),
        (p99 / 1000).toFixed(1),
        whole.toLocaleString("en"),
      ]);
      await subject.stop();
    }
  }
  return lines;
}

/**
 * `deno task soak --minutes 10`: plain and streamed answers, departures at random moments and failing upstreams, 50
 * at a time without a pause. Prints memory and open files every half minute; fails when they grow after the plateau.
 */

import { parseArgs } from "node:util";
import { FakeUpstream } from "../support/fake_upstream.ts";
import { memoryMb, openFiles } from "../support/process_stats.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { random } from "../support/random.ts";
import { SECRETS } from "../support/secrets.ts";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "10" } } });
const end = performance.now() + Number(values.minutes) * 60_000;
const CLIENTS = 50;
const SAMPLE_MS = 30_000;
/** The first third is for warming up. */
const PLATEAU = 1 / 3;

const { below } = random(1);
await using upstream = new FakeUpstream({
  script: async (exchange) => {
    for await (const _ of exchange.body()) { /* it is taken */ }
    switch (below(5)) {
      case 0:
        return exchange.close();
      case 1:
        return await exchange.write("HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\n{}");
      case 2:
        return await exchange.write(`HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n${"x".repeat(20_000)}`);
      default:
        await exchange.write(
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        );
        for (let event = below(20); event >= 0; event--) {
          await new Promise((resolve) => setTimeout(resolve, below(10)));
          await exchange.write("9\r\ndata: 1\n\n\r\n");
        }
        await exchange.write("0\r\n\r\n");
    }
  },
});
await using proxy = await ProxyProcess.start({
  upstream: upstream.origin,
  env: { ACCESS_LOG: "0" },
});
let exchanges = 0;
const clients = Array.from({ length: CLIENTS }, client);
const samples: { mb: number; files: number }[] = [];
while (performance.now() < end) {
  await new Promise((resolve) => setTimeout(resolve, Math.min(SAMPLE_MS, end - performance.now())));
  const sample = { mb: memoryMb(proxy.pid), files: openFiles(proxy.pid) };
  samples.push(sample);
  console.log(`${exchanges} exchanges, ${sample.mb.toFixed(0)} MB, ${sample.files} open files`);
}
await Promise.all(clients);

const settled = samples.slice(Math.floor(samples.length * PLATEAU));
const most = (half: typeof settled, figure: "mb" | "files") =>
  Math.max(...half.map((sample) => sample[figure]));
const middle = Math.floor(settled.length / 2);
const [first, second] = [settled.slice(0, middle), settled.slice(middle)];
const grewMb = most(second, "mb") - most(first, "mb");
const grewFiles = most(second, "files") - most(first, "files");
console.log(`growth after the plateau: ${grewMb.toFixed(1)} MB, ${grewFiles} open files`);
if (grewMb > 5 || grewFiles > CLIENTS) Deno.exit(1);

async function client(): Promise<void> {
  while (performance.now() < end) {
    const abort = new AbortController();
    const timer = below(3) === 0 ? setTimeout(() => abort.abort(), below(60)) : undefined;
    try {
      const response = await fetch(`${proxy.url}/openai/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${SECRETS.proxyToken}` },
        body: "{}",
        signal: abort.signal,
      });
      await response.bytes();
    } catch {
      // It left on purpose, or the upstream did: both are what this is about.
    }
    clearTimeout(timer);
    exchanges++;
  }
}

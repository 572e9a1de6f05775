/** One soak from its start to its verdict. */

import { random } from "../../support/data/random.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { compareBooks } from "./books.ts";
import { Credentials } from "./credentials.ts";
import { Ledger } from "./ledger.ts";
import { runLoad, tryEnded } from "./load.ts";
import { Management } from "./management.ts";
import { speakOtherProtocol } from "./other_protocol.ts";
import { growthOf, type Sample, sampleLine } from "./samples.ts";
import { type Figures, SoakedProxy } from "./soaked_proxy.ts";
import { TokenLife } from "./token_life.ts";
import { SoakUpstream } from "./upstream.ts";

/** How a soak is run. */
export interface SoakOptions {
  readonly seconds: number;
  readonly clients: number;
  readonly sampleMs: number;
  /** Between two things that are done to tokens. */
  readonly tokensMs: number;
  readonly reloadMs: number;
  /** Told of every line of the report. */
  readonly say: (line: string) => void;
}

/** Between two clients that speak another protocol than they negotiated. */
const OTHER_PROTOCOL_MS = 200;
/** Traffic before the first look, so that all that is loaded late has been loaded. */
const PRELUDE_MS = 2_500;
/** How long the proxy may take to come back to where it was, once traffic has stopped. */
const SETTLE_MS = 15_000;

/** Runs one; gives all that was wrong. `judgesGrowth` is for runs that are long enough to have a plateau. */
export async function runSoak(
  options: SoakOptions,
  { judgesGrowth }: { judgesGrowth: boolean },
): Promise<string[]> {
  const { seconds, clients, say } = options;
  const { below } = random(1);
  const folder = await Deno.makeTempDir();
  await using upstream = new SoakUpstream(below);
  await using proxy = await SoakedProxy.start(folder, upstream);
  const management = new Management(proxy.url);
  const ledger = new Ledger();
  const credentials = new Credentials();
  const asking = { url: proxy.url, ledger, below, generation: () => proxy.generation };
  const life = new TokenLife(management, {
    credentials,
    tryEnded: (credential) => tryEnded(asking, credential),
  });
  await life.start();
  credentials.active.push(credentials.make(SECRETS.proxyToken));
  const special = {
    nobody: credentials.make("nobodys-token"),
    limited: await life.make({ limits: { requests_per_minute: 30 } }),
    restricted: await life.make({ allowed_models: ["other-*"] }),
  };
  const other = { token: SECRETS.proxyToken, ledger, below };
  const load = { ...asking, tlsUrl: proxy.tlsUrl, credentials, special };
  await runLoad({ ...load, clients: Math.min(clients, 40) }, AbortSignal.timeout(PRELUDE_MS));
  const before = await settled(proxy, { management, upstream });
  say(`before: ${before.sockets} sockets, ${before.timers} timers, ${before.rssMb.toFixed(1)} MB`);

  const begun = performance.now();
  const end = new AbortController();
  const rest = AbortSignal.any([end.signal, AbortSignal.timeout(seconds * 1000)]);
  const samples: Sample[] = [];
  const sample = async (): Promise<void> => {
    const inFlight = await management.inFlight();
    const figures = await proxy.figures();
    samples.push({ ...figures, seconds: (performance.now() - begun) / 1000, asked: ledger.asked, inFlight });
    const last = samples.at(-1);
    if (last !== undefined) say(sampleLine(last));
  };
  const parts = [
    runLoad({ ...load, clients }, rest),
    every(options.tokensMs, rest, () => life.step()),
    every(options.reloadMs, rest, () => proxy.reload()),
    every(options.sampleMs, rest, sample),
    every(OTHER_PROTOCOL_MS, rest, () => speakOtherProtocol(proxy.tlsUrl, other)),
  ];
  await Promise.all(parts).finally(() => end.abort());

  const after = await settled(proxy, { management, upstream, atMost: before });
  say(`after:  ${after.sockets} sockets, ${after.timers} timers, ${after.rssMb.toFixed(1)} MB`);
  for (const figure of ["sockets", "timers"] as const) {
    if (after[figure] > before[figure]) {
      ledger.problem(`${after[figure]} ${figure} are left, and there were ${before[figure]} before`);
    }
  }
  const open = upstream.openConnections;
  if (open.length > 0) {
    ledger.problem(
      `${open.length} connections to the upstream are left, the last on them: ${open.join(", ")}`,
    );
  }
  const inFlight = await management.inFlight();
  if (inFlight > 0) ledger.problem(`${inFlight} exchanges are left open`);
  const counted = await management.exchangesCounted();
  const running = await proxy.stop();
  if (running > 0) ledger.problem(`${running} exchanges were running when the proxy was told to end`);
  const { arrived } = upstream;
  const logged = proxy.log.exchanges;
  const balance = await compareBooks({ ledger, arrived, logged, counted, database: `${folder}/soak.db` });
  await Deno.remove(folder, { recursive: true });

  for (const [name, count] of [...ledger.counts].sort()) say(`  ${String(count).padStart(8)}  ${name}`);
  const { created, revoked, rotated } = life.done;
  say(
    `tokens: ${created} created, ${revoked} revoked, ${rotated} rotated; ${ledger.endedTried} requests with ended ones`,
  );
  say(`reloads: ${proxy.generation}`);
  say(
    `${ledger.asked} requests: ${balance.rows} rows, ${balance.answered} answered, ${balance.refused} refused, ` +
      `${balance.unseen} gone before the proxy saw them`,
  );
  const growth = growthOf(samples);
  if (judgesGrowth) say(growth.summary);
  return [
    ...ledger.problems,
    ...(ledger.more > 0 ? [`… and ${ledger.more} more`] : []),
    ...upstream.problems,
    ...proxy.log.problems,
    ...(judgesGrowth ? growth.grew : []),
  ];
}

/** The figures once nothing goes on; the last ones where it does not come to that. */
async function settled(
  proxy: SoakedProxy,
  { management, upstream, atMost }: { management: Management; upstream: SoakUpstream; atMost?: Figures },
): Promise<Figures> {
  const end = performance.now() + SETTLE_MS;
  while (true) {
    const inFlight = await management.inFlight();
    // The connection that was asked on is closed by now on this side only.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const figures = await proxy.figures();
    const isQuiet = inFlight === 0 && upstream.openConnections.length === 0;
    const isBack = atMost === undefined ||
      figures.sockets <= atMost.sockets && figures.timers <= atMost.timers;
    if (isQuiet && isBack || performance.now() > end) return figures;
  }
}

/** Does something again and again, until the signal. */
async function every(ms: number, signal: AbortSignal, act: () => Promise<void>): Promise<void> {
  while (true) {
    await new Promise<void>((resolve) => {
      const ended = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", ended);
        resolve();
      };
      const timer = setTimeout(ended, ms);
      signal.addEventListener("abort", ended);
    });
    if (signal.aborted) return;
    await act();
  }
}

/**
 * `deno task bench --hostile`: what one well-behaved client notices while others misbehave, and what it
 * costs.
 */

import { RawClient } from "../support/clients/raw_client.ts";
import { TOKEN } from "./candidates/candidate.ts";
import { managedCandidate } from "./candidates/own.ts";
import { ATTACK_NAMES } from "./hostile/attacks.ts";
import { median } from "./statistics.ts";
import { freePort } from "../support/processes/port.ts";
import { answers, memoryMb, type Running, start } from "./process.ts";

/** Between two requests that go past the proxy: they show what the machine itself makes wait. */
const DIRECT_PAUSE_MS = 10;
const WARM_UP_MS = 1_000;
const BEFORE_MS = 1_000;
const AFTER_MS = 500;
const ATTACK_SECONDS = 4;
/** Every so many requests the client makes a new connection, which an attack could keep it from. */
const REQUESTS_PER_CONNECTION = 20;
const FOLDER = new URL("./hostile/", import.meta.url).pathname;
const BODY = JSON.stringify({ model: "claude-sonnet-5", messages: [{ role: "user", content: "hi" }] });
const REQUEST = [
  "POST /anthropic/v1/messages HTTP/1.1",
  "Host: p",
  `X-Api-Key: ${TOKEN}`,
  "Content-Type: application/json",
  `Content-Length: ${BODY.length}`,
  "",
  BODY,
].join("\r\n");

/** What the client saw in a span of time. */
interface Seen {
  readonly milliseconds: number[];
  failed: number;
}

/**
 * Prints a table of all attacks; throws where a request of the well-behaved client failed. `folder` is for
 * databases.
 */
export async function benchHostile(folder: string): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const port = freePort();
  const upstream = start([Deno.execPath(), "run", "--allow-net", `${FOLDER}upstream.ts`, String(port)]);
  stack.defer(() => upstream.stop());
  const origin = `http://127.0.0.1:${port}`;
  await answers(`${origin}/v1/models`);
  // The client's own: what an attack does to the other upstream is not the proxy's doing.
  const own = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    await request.arrayBuffer();
    return Response.json({ type: "message", usage: { input_tokens: 10, output_tokens: 20 } });
  });
  stack.defer(() => own.shutdown());
  const ownOrigin = `http://127.0.0.1:${own.addr.port}`;
  console.log(
    `${
      new Date().toISOString().slice(0, 10)
    }, Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} cores; ` +
      `each attack lasts ${ATTACK_SECONDS} s\n`,
  );
  console.log(
    "| attack | median before | worst before | median during | worst during | worst without the proxy | answered during | failed | memory: before, most, after | what it did |",
  );
  console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
  let failed = 0;
  for (const name of ATTACK_NAMES) failed += await underAttack(name, { folder, origin, ownOrigin });
  if (failed > 0) throw new Error(`${failed} requests of the well-behaved client failed`);
}

// Nothing is pinned to a core: what is pinned waits where others use that core, which the client would
// notice.
/** One attack on a new proxy; prints its line and gives the number of failed requests. */
async function underAttack(
  name: string,
  { folder, origin, ownOrigin }: {
    readonly folder: string;
    readonly origin: string;
    readonly ownOrigin: string;
  },
): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const proxyPort = freePort();
  const listen = `127.0.0.1:${proxyPort}`;
  const url = `http://${listen}`;
  const { args, env = {}, token = "" } = await managedCandidate(folder, { rules: { models: ["gpt-*"] } })
    .command({ listen, upstream: origin, isSecure: false });
  const endpoints = {
    ENDPOINTS: "openai,anthropic",
    ANTHROPIC_BASE_URL: ownOrigin,
    ANTHROPIC_API_KEY: "upstream-key",
  };
  const proxy: Running = start(args, { env: { ...env, ...endpoints } });
  stack.defer(() => proxy.stop());
  await answers(`${url}/openai/v1/models`, { headers: { authorization: `Bearer ${TOKEN}` } });
  const attackers = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-net",
      `${FOLDER}attacks.ts`,
      name,
      url,
      TOKEN,
      token,
      String(ATTACK_SECONDS),
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  await askFor(url, WARM_UP_MS);
  const before = await askFor(url, BEFORE_MS);
  const memoryBefore = memoryMb(proxy.pid);
  const writer = attackers.stdin.getWriter();
  await writer.write(Uint8Array.of(1));
  await writer.close();
  let isOver = false;
  let memoryMost = memoryBefore;
  const watch = setInterval(() => memoryMost = Math.max(memoryMost, memoryMb(proxy.pid)), 50);
  const ending = attackers.output().finally(() => isOver = true);
  const [during, direct] = await Promise.all([
    askFor(url, Infinity, () => isOver),
    askFor(ownOrigin, Infinity, () => isOver, DIRECT_PAUSE_MS),
  ]);
  clearInterval(watch);
  const { stdout, success } = await ending;
  if (!success) throw new Error(`the attack "${name}" failed`);
  const after = await askFor(url, AFTER_MS);
  const memoryAfter = memoryMb(proxy.pid);
  const failed = before.failed + during.failed + after.failed;
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  const row = [
    name,
    ms(median(before.milliseconds)),
    ms(Math.max(...before.milliseconds)),
    ms(median(during.milliseconds)),
    ms(Math.max(...during.milliseconds)),
    ms(Math.max(...direct.milliseconds)),
    String(during.milliseconds.length),
    String(failed),
    `${memoryBefore.toFixed(0)}, ${memoryMost.toFixed(0)}, ${memoryAfter.toFixed(0)} MB`,
    didText(JSON.parse(new TextDecoder().decode(stdout))),
  ];
  console.log(`| ${row.join(" | ")} |`);
  return failed;
}

/** Asks one request after the other, for so long or until it is over. */
async function askFor(
  url: string,
  limitMs: number,
  isOver: () => boolean = () => false,
  pauseMs = 0,
): Promise<Seen> {
  const seen: Seen = { milliseconds: [], failed: 0 };
  const end = performance.now() + limitMs;
  while (performance.now() < end && !isOver()) {
    try {
      using client = await RawClient.connect(url);
      for (let asked = 0; asked < REQUESTS_PER_CONNECTION && performance.now() < end && !isOver(); asked++) {
        const begin = performance.now();
        await client.send(REQUEST);
        const { status } = await client.answer("POST");
        seen.milliseconds.push(performance.now() - begin);
        if (status !== 200) seen.failed++;
        if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    } catch {
      seen.failed++;
    }
  }
  return seen;
}

function didText(
  { units, unit, failures }: { units: number; unit: string; failures: Record<string, number> },
): string {
  const failed = Object.entries(failures).map(([what, count]) => `; ${count} times: ${what}`).join("");
  return `${units.toLocaleString("en")} ${unit}${failed}`;
}

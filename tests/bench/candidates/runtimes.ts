/** For each runtime, the fastest ways in which people write such a proxy. The programs are in `peers`. */

import { V8_FLAGS } from "../../../src/cli/v8_flags.ts";
import { output } from "../process.ts";
import { type Candidate, type Missing, PEERS, type Place, TLS_FILES } from "./candidate.ts";
import { needs, withInstalled } from "./needs.ts";

/** The name of the proxy that only copies bytes between sockets: the least that JavaScript can do. */
export const RAW_NAME = "raw sockets";

const NODE_PACKAGES = ["http-proxy@1.18.1", "httpxy@0.5.6", "undici@7.16.0"];
const BUN_PACKAGES = ["@oven/bun-linux-x64@1.4.5"];

/** Go's ReverseProxy, on one core. Builds it. */
export async function goCandidate(folder: string): Promise<Candidate> {
  const go = await needs("go");
  const program = `${folder}/reverse_proxy`;
  if (go.missing === undefined) await output(["go", "build", "-o", program, `${PEERS}/reverse_proxy.go`]);
  return proxyOf("Go ReverseProxy", ({ listen, upstream }) => [program, listen, upstream], go);
}

/** The proxy that only copies bytes, in Deno. */
export function rawCandidate(): Candidate {
  return denoCandidate(RAW_NAME, "raw_proxy.ts");
}

/** `Deno.serve` with `fetch`. */
export function denoFetchCandidate(): Candidate {
  return denoCandidate("Deno.serve + fetch", "deno_fetch.ts");
}

/** The ways to write a proxy in Node: its own modules, and packages. Installs the packages. */
export async function nodeCandidates(folder: string): Promise<Candidate[]> {
  const own = `${folder}/node`;
  await Deno.mkdir(own);
  const node = await needs("node");
  const withPackages = await withInstalled(own, NODE_PACKAGES);
  const programs = [
    ["Node http", "node_http.mjs", node],
    ["Node httpxy", "node_httpxy.mjs", withPackages],
    ["Node http-proxy", "node_http_proxy.mjs", withPackages],
    ["Node undici", "node_undici.mjs", withPackages],
  ] as const;
  return await Promise.all(programs.map(async ([name, file, missing]) => {
    // Node looks for packages in the folder of the program.
    await Deno.copyFile(`${PEERS}/${file}`, `${own}/${file}`);
    return proxyOf(name, ({ listen, upstream }) => ["node", `${own}/${file}`, listen, upstream], missing);
  }));
}

/** The ways to write a proxy in Bun. Installs Bun. */
export async function bunCandidates(folder: string): Promise<Candidate[]> {
  const own = `${folder}/bun`;
  await Deno.mkdir(own);
  const bun = `${own}/node_modules/@oven/bun-linux-x64/bin/bun`;
  const missing = await withInstalled(own, BUN_PACKAGES);
  const programs = [
    ["Bun fetch, streamed", "bun_streamed.ts"],
    ["Bun fetch, gathered", "bun_gathered.ts"],
  ] as const;
  return programs.map(([name, file]) =>
    proxyOf(name, ({ listen, upstream }) => [bun, `${PEERS}/${file}`, listen, upstream], missing)
  );
}

function denoCandidate(name: string, file: string): Candidate {
  const run = [
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-config",
    "--unstable-no-legacy-abort",
    "-A",
    V8_FLAGS,
  ];
  return proxyOf(
    name,
    ({ listen, upstream }) => [...run, `${PEERS}/${file}`, listen, upstream, TLS_FILES.ca],
  );
}

function proxyOf(
  name: string,
  argsOf: (place: Place) => readonly string[],
  missing: Missing = {},
): Candidate {
  return { name, kind: "proxy", ...missing, command: (place) => Promise.resolve({ args: argsOf(place) }) };
}

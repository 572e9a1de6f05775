/**
 * Plays generated cases for as long as one likes, or one of them again:
 * `deno run -A tests/wire/hostile/differential/run.ts --cases 1000000 --seed 1 [--server node] [--protocol
 * http2] [--case 17,18]`.
 */

import { parseArgs } from "node:util";
import type { FuzzCase } from "./fuzz_case.ts";
import { failureText, type Figures, type FuzzOptions, fuzzServer, numbersFrom } from "./fuzz.ts";
import { missingReason, type ServerName, SERVERS } from "./servers.ts";

const PROGRESS_MS = 5_000;

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
    server: { type: "string" },
    protocol: { type: "string" },
    case: { type: "string" },
    from: { type: "string", default: "0" },
    lanes: { type: "string", default: "2" },
    "max-failures": { type: "string", default: "20" },
  },
});

const chosen = SERVERS.filter((name) => values.server === undefined || name === values.server);
if (chosen.length === 0) {
  throw new RangeError(`--server is ${values.server}; servers are ${SERVERS.join(", ")}`);
}
const servers = chosen.filter((name) => {
  const reason = missingReason(name);
  if (reason !== undefined) console.log(`left out: ${name}, because ${reason}`);
  return reason === undefined;
});
const single = values.case?.split(",").map((text) => whole("case", text));
const cases = Math.ceil(whole("cases", values.cases) / servers.length);
const from = whole("from", values.from);
const latest = new Map<ServerName, Figures>();
const options: Omit<FuzzOptions, "numbers"> = {
  seed: whole("seed", values.seed),
  protocol: protocolOf(values.protocol),
  lanes: single === undefined ? whole("lanes", values.lanes) : 1,
  maxFailures: whole("max-failures", values["max-failures"]),
  onProgress: (figures) => latest.set(figures.server, figures),
  onFailure: (failure) => console.log(failureText(failure)),
};

const shown = setInterval(() => console.log([...latest.values()].map(line).join("\n") + "\n"), PROGRESS_MS);
const results = await Promise.all(
  servers.map((name) => fuzzServer(name, { ...options, numbers: single ?? numbersFrom(from, cases) })),
);
clearInterval(shown);
console.log(results.map(line).join("\n"));
if (results.some(({ failures }) => failures.length > 0)) Deno.exit(1);

function line({ server, cases, http2, answered, refused, compared, seconds, failures }: Figures): string {
  const rate = (cases / seconds).toFixed(0);
  return `${server}: ${cases} cases, ${http2} of them HTTP/2, ${rate} a second; ` +
    `${answered} requests answered, ${refused} refused; ${compared} compared; ${failures.length} failures`;
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`--${name} is ${text}, not a whole number`);
  }
  return value;
}

function protocolOf(text: string | undefined): FuzzCase["protocol"] | undefined {
  if (text === undefined || text === "http1" || text === "http2") return text;
  throw new RangeError(`--protocol is ${text}; it is http1 or http2`);
}

/** Generated cases: the same seed and number give the same bytes. */

import { random } from "../../../support/data/random.ts";
import type { FuzzCase } from "./fuzz_case.ts";
import { generateHttp1 } from "./generate_http1.ts";
import { generateHttp2 } from "./generate_http2.ts";

/** Of five cases so many are HTTP/2. */
const HTTP2_OF_FIVE = 2;
/** Neighbouring numbers are to begin in distant states. */
const STRIDE = 0x9e3779b1;

/** Makes a case; `behaviours` are what the server can do besides a plain echo. */
export function generateCase(
  { seed, number }: { seed: number; number: number },
  { behaviours, protocol }: { behaviours: readonly string[]; protocol?: FuzzCase["protocol"] | undefined },
): FuzzCase {
  const source = random((Math.imul(number, STRIDE) ^ Math.imul(seed, 0x85ebca6b)) >>> 0);
  const isHttp2 = source.below(5) < HTTP2_OF_FIVE;
  const chosen = protocol ?? (isHttp2 ? "http2" : "http1");
  const made = chosen === "http2"
    ? generateHttp2(number, source, behaviours)
    : generateHttp1(number, source, behaviours);
  const holdsBack = made.pieces.length > 1 && !made.oneByOne && made.ending === "waits" &&
    source.below(3) === 0;
  return {
    number,
    protocol: chosen,
    ...made,
    holdsBack,
    whenB: holdsBack || source.below(4) === 0 ? "at once" : "after",
    withBodyB: source.below(2) === 0,
  };
}

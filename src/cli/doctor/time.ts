/** The check of the clock. */

import type { ProbeResult } from "../../forwarding/probe.ts";
import { RELEASED } from "../../release.ts";
import { type Finding, findingsOf } from "./finding.ts";

const { ok, warning, problem } = findingsOf("time");

/**
 * From this difference on, in milliseconds, the check warns. Delays of the network and rounding to seconds
 * cause smaller differences.
 */
const ODD_MS = 60_000;
/**
 * From this difference on, in milliseconds, the check reports a problem. Certificates become invalid, and
 * budgets count on other days.
 */
const WRONG_MS = 3_600_000;
const ADVICE = Deno.build.os === "linux"
  ? "set the clock: sudo timedatectl set-ntp true"
  : "turn on network time in the settings of the system";

/**
 * Checks the clock. It must be later than the release of this version, and agree with the providers that
 * responded.
 */
export function checkTime(
  epochMs: number,
  probes: readonly ProbeResult[] | undefined,
): Finding[] {
  const shown = new Date(epochMs).toISOString().slice(0, 16).replace("T", " ");
  // The date of the release has no time zone, and time zones differ by up to a day.
  if (epochMs < Date.parse(RELEASED) - 24 * WRONG_MS) {
    return [problem(`the clock shows ${shown} UTC, but this version was released on ${RELEASED}`, ADVICE)];
  }
  const reference = probes?.find(({ aheadMs }) => aheadMs !== undefined);
  if (reference?.aheadMs === undefined) return [ok(`the clock shows ${shown} UTC`)];
  const apartMs = Math.abs(reference.aheadMs);
  if (apartMs < ODD_MS) return [ok(`the clock shows ${shown} UTC and agrees with ${reference.endpoint}`)];
  const text = `the clock is ${Math.round(apartMs / 1000)} s ${
    reference.aheadMs > 0 ? "ahead of" : "behind"
  } the clock of ${reference.endpoint}`;
  return [apartMs < WRONG_MS ? warning(text, ADVICE) : problem(text, ADVICE)];
}

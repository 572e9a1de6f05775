import type { ProbeResult } from "../../forwarding/probe.ts";
import { RELEASED } from "../../release.ts";
import { type Finding, findingsOf } from "./finding.ts";

const { ok, warning, problem } = findingsOf("time");

/** More than the network and whole seconds account for. */
const ODD_MS = 60_000;
/** Certificates begin to be invalid, and budgets count for other days. */
const WRONG_MS = 3_600_000;
const ADVICE = Deno.build.os === "linux"
  ? "set the clock: sudo timedatectl set-ntp true"
  : "set the clock by the network in the system's settings";

/** Whether the clock can be right: this version is older than now, and providers that were asked show the same time. */
export function checkTime(
  epochMs: number,
  probes: readonly ProbeResult[] | undefined,
): Finding[] {
  const shown = new Date(epochMs).toISOString().slice(0, 16).replace("T", " ");
  // Time zones are a day apart at most.
  if (epochMs < Date.parse(RELEASED) - 24 * WRONG_MS) {
    return [problem(`the clock shows ${shown} UTC, but this version was made on ${RELEASED}`, ADVICE)];
  }
  const told = probes?.find(({ aheadMs }) => aheadMs !== undefined);
  if (told?.aheadMs === undefined) return [ok(`the clock shows ${shown} UTC, after this version was made`)];
  const apartMs = Math.abs(told.aheadMs);
  if (apartMs < ODD_MS) return [ok(`the clock shows ${shown} UTC, as that of ${told.endpoint} does`)];
  const text = `the clock is ${Math.round(apartMs / 1000)} s ${
    told.aheadMs > 0 ? "ahead of" : "behind"
  } that of ${told.endpoint}`;
  return [apartMs < WRONG_MS ? warning(text, ADVICE) : problem(text, ADVICE)];
}

/**
 * Warns about long silences on connections, because a NAT gateway may drop a silent connection. The runtime
 * turns TCP keepalive on, but has no setting for its interval. So the system decides when keepalive begins.
 */

import type { Config, Endpoint } from "../config/config.ts";
import { DEFAULT_TIMEOUTS } from "../config/values/defaults.ts";
import { durationText, roundedDurationText } from "../config/values/durations.ts";
import { isPrivateHost } from "../network/ip_ranges.ts";
import { sysctlNumber } from "./sysctl_files.ts";

/**
 * How long common NAT gateways keep a silent connection, in milliseconds. The default is 4 minutes at Azure,
 * 350 seconds at AWS and 20 minutes at Google Cloud. RFC 5382 requires 2 hours and 4 minutes, but many
 * devices wait for less.
 */
const NAT_IDLE_MS = 240_000;
/** The longest silence that the default timeouts allow, in milliseconds. */
const USUAL_SILENCE_MS = Math.max(
  DEFAULT_TIMEOUTS.firstByteMs ?? 0,
  DEFAULT_TIMEOUTS.idleMs ?? 0,
  NAT_IDLE_MS,
);
/** The default silence before TCP keepalive on Linux, macOS and Windows, in milliseconds. */
const USUAL_KEEPALIVE_MS = 7_200_000;

/**
 * The kernel settings of the silence before TCP keepalive. Each has the unit of its value in milliseconds.
 */
const SETTINGS: Readonly<
  Partial<Record<typeof Deno.build.os, { readonly name: string; readonly unitMs: number }>>
> = {
  linux: { name: "net.ipv4.tcp_keepalive_time", unitMs: 1_000 },
  darwin: { name: "net.inet.tcp.keepidle", unitMs: 1 },
};

/**
 * Returns the silence after which this system begins TCP keepalive, in milliseconds, by its files.
 * `undefined` if no file sets it.
 */
export async function systemKeepaliveMs(): Promise<number | undefined> {
  const setting = SETTINGS[Deno.build.os];
  const value = setting && await sysctlNumber(setting.name);
  return setting && value !== undefined ? value * setting.unitMs : undefined;
}

/**
 * Returns warnings about endpoints whose timeouts allow a longer silence than many NAT gateways. Returns none
 * if the system begins keepalive early enough. `keepaliveMs` is the result of {@link systemKeepaliveMs}.
 */
export function keepaliveWarnings(
  { endpoints }: Pick<Config, "endpoints">,
  keepaliveMs: number | undefined,
): string[] {
  if (keepaliveMs !== undefined && keepaliveMs < NAT_IDLE_MS) return [];
  const silent = endpoints.filter(mayBeSilent).map(({ name }) => name);
  if (silent.length === 0) return [];
  const begins = keepaliveMs === undefined
    ? `at the default of the system (usually ${roundedDurationText(USUAL_KEEPALIVE_MS)})`
    : `after ${roundedDurationText(keepaliveMs)}`;
  return [
    `a NAT gateway may drop connections of ${silent.join(", ")} that are silent for ${
      durationText(NAT_IDLE_MS)
    }: first_byte_timeout or idle_timeout is longer, and TCP keepalive begins ${begins}. ` +
    `Set ${
      SETTINGS[Deno.build.os]?.name ?? "KeepAliveTime"
    } to 60 seconds, or keepalive_comments (docs/troubleshooting.md)`,
  ];
}

/**
 * Whether a setting lets a response of the endpoint be silent for longer than a NAT gateway keeps the
 * connection. The default timeouts cause no warning, although they are too long for some gateways: everyone
 * would get the warning, and ignore it.
 */
function mayBeSilent({ backends, keepaliveMs }: Endpoint): boolean {
  if (keepaliveMs !== undefined && keepaliveMs < NAT_IDLE_MS) return false;
  return backends.some((
    { baseUrl, timeouts: { firstByteMs = Infinity, idleMs = Infinity, totalMs = Infinity } },
  ) => !isPrivateHost(baseUrl.origin) && Math.min(Math.max(firstByteMs, idleMs), totalMs) > USUAL_SILENCE_MS);
}

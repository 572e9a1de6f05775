/** The warnings about a valid configuration. */

import type { LoadedConfig } from "../config/load.ts";
import { configWarnings } from "../config/warnings.ts";
import { certificateWarnings } from "../tls/certificate_warnings.ts";

/**
 * Returns the warnings about a configuration and its certificate. Each is a sentence without its full stop.
 */
export async function allWarnings(
  { config, warnings }: Pick<LoadedConfig, "config" | "warnings">,
): Promise<string[]> {
  return [
    ...warnings.map(({ origin, message }) => `${origin} ${message}`),
    ...configWarnings(config),
    ...await certificateWarnings(config),
  ];
}

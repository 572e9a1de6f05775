/** The input of the checks of `llm-proxy doctor`. */

import { type Environment, processSources, readEnvironment } from "../../config/sources/env.ts";
import { loadConfig, type LoadedConfig } from "../../config/load.ts";
import { ConfigError, type Problem } from "../../config/problem.ts";
import type { Flags } from "../../config/read/resolver.ts";

/** The configuration, if it is valid, and the options of the command. */
export interface Subject {
  /** The configuration. `undefined` if it has problems. */
  readonly loaded: LoadedConfig | undefined;
  readonly problems: readonly Problem[];
  readonly environment: Environment;
  readonly flags: Flags;
  /** Whether checks may send requests to providers and outbound proxies. */
  readonly isOnline: boolean;
  readonly epochMs: number;
}

/** Reads the configuration. An invalid configuration is a finding and not an error. */
export async function readSubject(
  { flags, isOnline }: Pick<Subject, "flags" | "isOnline">,
): Promise<Subject> {
  const rest = {
    environment: await readEnvironment(processSources),
    flags,
    isOnline,
    epochMs: Date.now(),
  };
  try {
    return { ...rest, loaded: await loadConfig(processSources, flags), problems: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { ...rest, loaded: undefined, problems: error.problems };
  }
}

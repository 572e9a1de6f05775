/** What is looked at: the configuration as far as it can be read, and how far to go. */

import { type Environment, processSources, readEnvironment } from "../../config/sources/env.ts";
import { loadConfig, type LoadedConfig } from "../../config/load.ts";
import { ConfigError, type Problem } from "../../config/problem.ts";
import type { Flags } from "../../config/read/resolver.ts";

/** The subject of all checks. */
export interface Subject {
  /** Undefined: the configuration has these problems. */
  readonly loaded: LoadedConfig | undefined;
  readonly problems: readonly Problem[];
  readonly environment: Environment;
  readonly flags: Flags;
  /** Providers and outbound proxies may be asked. */
  readonly isOnline: boolean;
  readonly epochMs: number;
}

/** Reads the configuration; that it is wrong is a finding, and no failure. */
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

import type { EnvironmentSources } from "./env.ts";

/** Sources that record which files and variables are read. */
export interface RecordingSources {
  /** The sources to read from. */
  readonly sources: EnvironmentSources;
  /** The paths of all files that were read, including files that do not exist. */
  readonly files: Set<string>;
  /** The names of all variables that were read, including variables that are not set. */
  readonly variables: Set<string>;
}

/** Wraps sources and records what is read from them. */
export function recordingSources({ get, readTextFile }: EnvironmentSources): RecordingSources {
  const files = new Set<string>();
  const variables = new Set<string>();
  return {
    files,
    variables,
    sources: {
      get(name) {
        variables.add(name);
        return get(name);
      },
      readTextFile(path) {
        files.add(path);
        return readTextFile(path);
      },
    },
  };
}

import type { EnvironmentSources } from "./env.ts";

/** Sources that remember which files and variables were asked for. */
export interface RecordingSources {
  readonly sources: EnvironmentSources;
  /** Files, whether they were there or not. */
  readonly files: Set<string>;
  readonly variables: Set<string>;
}

/** Wraps sources so that they remember what was asked for. */
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

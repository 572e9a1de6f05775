/** What a configuration was loaded from, so that another thread can load the same configuration. */

import type { EnvironmentSources } from "./env.ts";

/** The values that sources gave, as a message to another thread has them. */
export interface SourcesSnapshot {
  /** The variables that were read, also those that are not set. */
  readonly variables: ReadonlyMap<string, string | undefined>;
  readonly files: ReadonlyMap<string, FileSnapshot>;
}

/** The text of a file, or why it could not be read. */
type FileSnapshot =
  | { readonly text: string }
  | { readonly isMissing: boolean; readonly message: string };

/** Sources that keep what was read from them. */
export interface SnapshotSources {
  /** The sources to read from. */
  readonly sources: EnvironmentSources;
  /** The values that were read last. */
  readonly snapshot: () => SourcesSnapshot;
}

/** Wraps sources and keeps what is read from them. */
export function snapshotSources({ get, readTextFile, ...rest }: EnvironmentSources): SnapshotSources {
  const variables = new Map<string, string | undefined>();
  const files = new Map<string, FileSnapshot>();
  return {
    sources: {
      ...rest,
      get(name) {
        const value = get(name);
        variables.set(name, value);
        return value;
      },
      readTextFile(path) {
        try {
          const text = readTextFile(path);
          files.set(path, { text });
          return text;
        } catch (error) {
          const message = error instanceof Error ? error.message : String(error);
          files.set(path, { isMissing: error instanceof Deno.errors.NotFound, message });
          throw error;
        }
      },
    },
    snapshot: () => ({ variables: new Map(variables), files: new Map(files) }),
  };
}

/** Sources that give the values of a snapshot. */
export function sourcesOf({ variables, files }: SourcesSnapshot): EnvironmentSources {
  return {
    get: (name) => variables.get(name),
    readTextFile(path) {
      const file = files.get(path);
      if (file === undefined) throw new Deno.errors.NotFound(`${path} is not in the snapshot`);
      if ("text" in file) return file.text;
      throw file.isMissing ? new Deno.errors.NotFound(file.message) : new Error(file.message);
    },
  };
}

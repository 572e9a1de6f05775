/** Reads one table of an array of tables, such as `[[auth.jwt]]`. */

import { reasonOf } from "../problem.ts";
import type { EnvironmentSources } from "../sources/env.ts";
import type { Resolver } from "./resolver.ts";

/** What a {@link TableReader} needs besides its table. */
export interface TableContext {
  readonly resolver: Resolver;
  readonly sources: EnvironmentSources;
  /** The path of a file that the configuration names. */
  readonly resolvePath: (file: string) => string;
}

/** Records the settings of a table for `llm-proxy check`, and reports their problems at their places. */
export class TableReader<Settings extends { readonly ca_file?: string | undefined }> {
  readonly #table: Settings;
  readonly #place: readonly (string | number)[];
  readonly #context: TableContext;

  /** `place` is the path of the table in the configuration, like `["auth", "jwt", 0]`. */
  constructor(table: Settings, place: readonly (string | number)[], context: TableContext) {
    this.#table = table;
    this.#place = place;
    this.#context = context;
  }

  /** The path of a setting in the configuration. */
  at(key: keyof Settings & string): (string | number)[] {
    return [...this.#place, key];
  }

  /** Records a setting, and returns its value. */
  show<Value>(key: keyof Settings & string, value: Value, show?: (value: Value) => string): Value {
    const isWritten = this.#table[key] !== undefined;
    return this.#context.resolver.resolve<Value>(
      this.at(key),
      [isWritten ? { value, at: this.at(key) } : undefined],
      { fallback: value, ...(show && { show }) },
    );
  }

  /** Reports a problem of a setting. */
  report(key: keyof Settings & string, message: string): void {
    this.#context.resolver.report(this.at(key), message);
  }

  /** Reports that a setting is missing, and why it is needed. */
  missing(key: keyof Settings & string, why: string): void {
    this.#context.resolver.reportMissing(this.at(key), `is missing: ${why}`);
  }

  /** Reads the file that a setting names. Returns `undefined`, and reports it, if the file is unreadable. */
  readFile(key: keyof Settings & string, file: string): string | undefined {
    const { sources, resolvePath } = this.#context;
    try {
      return sources.readTextFile(resolvePath(file));
    } catch (error) {
      this.report(key, `names ${JSON.stringify(file)}, which cannot be read: ${reasonOf(error)}`);
      return undefined;
    }
  }

  /** The certificates of `ca_file`, in PEM format. `undefined` without that setting, or with a problem. */
  caCerts(): readonly string[] | undefined {
    const file = this.#table.ca_file;
    if (file === undefined) return undefined;
    this.show("ca_file", file);
    const text = this.readFile("ca_file", file);
    if (text === undefined) return undefined;
    if (text.includes("-----BEGIN CERTIFICATE-----")) return [text];
    this.report("ca_file", `names ${JSON.stringify(file)}, which contains no certificate in PEM format`);
    return undefined;
  }
}

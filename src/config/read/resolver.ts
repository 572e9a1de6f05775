/** Resolves settings: flags win over the environment, the environment over `.env`, `.env` over the file. */

import * as v from "valibot";
import type { Environment, RawValue } from "../sources/env.ts";
import type { VariableName } from "../sources/variables.ts";
import type { ConfigFile } from "../sources/file.ts";
import {
  concerns,
  ConfigError,
  type Finding,
  isWithin,
  type KeyPath,
  type Origin,
  pathText,
  type Problem,
  type SettingNames,
} from "../problem.ts";
import { settingsHash } from "../settings_hash.ts";
import type { ValueSchema } from "../values/values.ts";

/** The values of command-line flags, by the variable with the same meaning. */
export type Flags = Partial<Record<VariableName, RawValue>>;

/** A checked value and its place. */
export interface Candidate<Value> {
  readonly value: Value;
  readonly at: Origin;
}

/** A setting with its value and origin, for people. Secrets are `[redacted]`. */
export interface ShownSetting {
  readonly key: string;
  readonly shown: string;
  readonly origin: string;
}

/**
 * A setting that changed, with its old and new value for people; `undefined` if a configuration has no such
 * setting.
 */
export interface SettingChange {
  readonly key: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Checks the values of all sources, and collects problems, warnings and the origin of each setting. */
export class Resolver {
  /** The configuration file; `undefined` if there is no file or it cannot be read. */
  readonly file: ConfigFile | undefined;
  /** Whether the file cannot be read or parsed. Settings that seem to be missing may be in it. */
  readonly isFileUnreadable: boolean;
  readonly #environment: Environment;
  readonly #flags: Flags;
  readonly #findings: Finding[];
  /** Problems that do not depend on the content of the file. */
  readonly #fileIndependent: Set<Finding>;
  readonly #warnings: Finding[];
  readonly #resolved: (Omit<ShownSetting, "origin"> & { at: Origin; value: unknown })[] = [];

  constructor(
    environment: Environment,
    flags: Flags,
    file: ConfigFile | undefined,
    { broken }: { broken?: Finding | undefined } = {},
  ) {
    this.#environment = environment;
    this.#flags = flags;
    this.file = file;
    this.isFileUnreadable = broken !== undefined || file?.isBroken === true;
    this.#findings = [
      ...environment.findings,
      ...broken === undefined ? [] : [broken],
      ...file?.findings ?? [],
    ];
    this.#fileIndependent = new Set(this.#findings);
    const named = new Set([...file?.variables ?? []].map((name) => `.env: ${name}`));
    // A variable that the file refers to is not a typo.
    const ofEnvironment = environment.warnings.filter(({ at }) => !named.has(String(at)));
    this.#warnings = [...ofEnvironment, ...file?.warnings ?? []];
  }

  /** Whether a variable or its flag is set. */
  has(name: VariableName): boolean {
    return this.#find(name) !== undefined;
  }

  /**
   * The checked value of a variable or its flag; `undefined` if it is not set, or if it is invalid, which is
   * reported.
   */
  variable<Value>(name: VariableName, schema: ValueSchema<Value>): Candidate<Value> | undefined {
    const found = this.#find(name);
    if (found === undefined || found.value === null) return undefined;
    // One problem for each value is enough.
    const result = v.safeParse(schema, found.value, { abortPipeEarly: true });
    if (result.success) return { value: result.output, at: found.origin };
    const finding = { at: found.origin, variable: name, message: result.issues[0].message };
    this.#findings.push(finding);
    this.#fileIndependent.add(finding);
    return undefined;
  }

  /** A value of the file as a candidate; `undefined` if the file does not have the value. */
  inFile<Value>(at: KeyPath, value: Value | undefined): Candidate<Value> | undefined {
    return value === undefined ? undefined : { value, at };
  }

  /**
   * Returns the first candidate, or else the fallback, and records the setting for `llm-proxy check`. `show`
   * formats the value for people and has to redact secrets.
   */
  resolve<Value>(
    key: KeyPath,
    candidates: readonly (Candidate<Value> | undefined)[],
    { fallback, fallbackAt = "default", show = shownValue }: {
      fallback: Value;
      fallbackAt?: string;
      show?: (value: Value) => string;
    },
  ): Value {
    const { value, at } = candidates.find((candidate) => candidate !== undefined) ??
      { value: fallback, at: fallbackAt };
    this.#resolved.push({ key: pathText(key), shown: show(value), at, value });
    return value;
  }

  /** Adds a problem. The message continues the place: `server.port` "is not a port". */
  report(at: Origin, message: string): void {
    this.#findings.push({ at, message });
  }

  /** Whether there is a problem at a path of the file or below it. */
  hasProblemAt(path: KeyPath): boolean {
    return this.#findings.some(({ at }) => typeof at !== "string" && isWithin(at, path));
  }

  /** The source of a variable as text, like `env PORT` or `--port`. */
  originText(name: VariableName): string {
    return this.#find(name)?.origin ?? `env ${name}`;
  }

  /** The file that the `…_FILE` form of a variable names; `undefined` if that form is not set. */
  fileOf(name: VariableName): string | undefined {
    return this.#find(name)?.file;
  }

  /** Adds a problem for a missing value, unless its path already has a problem. */
  reportMissing(at: KeyPath, message: string): void {
    const isReported = this.#findings.some((finding) =>
      typeof finding.at !== "string" && (isWithin(at, finding.at) || isWithin(finding.at, at))
    );
    if (!isReported) this.report(at, message);
  }

  /** Adds a warning once, even if several settings cause it. */
  warn(at: Origin, message: string): void {
    const text = JSON.stringify({ at, message });
    if (this.#warnings.some((one) => JSON.stringify({ at: one.at, message: one.message }) === text)) return;
    this.#warnings.push({ at, message });
  }

  /** The place of a value that a variable or the file has. */
  originOf(name: VariableName, at: KeyPath): Origin {
    return this.#find(name)?.origin ?? at;
  }

  /**
   * The variables that the configuration uses, with their values. A value from a `…_FILE` variable gets the
   * name without the suffix, except for certificates.
   */
  usedVariables({ values, get }: Environment): Map<string, string> {
    const used = new Map<string, string>();
    for (const [name, { value, file }] of values) {
      // The files of certificates are replaced at run time, so the path counts and not the content.
      if (file !== undefined && REPLACED_AT_RUN_TIME.includes(name)) used.set(`${name}_FILE`, absolute(file));
      else if (value !== null) used.set(name, value);
    }
    for (const name of this.file?.variables ?? []) {
      const value = get(name);
      if (value !== undefined) used.set(name, value);
    }
    return used;
  }

  /** All warnings with their origins. */
  async warnings(): Promise<Problem[]> {
    return await this.#locate(this.#warnings);
  }

  /** All settings with their origins, for people. */
  async settings(): Promise<ShownSetting[]> {
    const places = await this.#locate(this.#resolved.map(({ at }) => ({ at, message: "" })));
    return this.#resolved.map(({ key, shown, at }, index) => {
      const place = places[index]?.origin ?? "";
      const variables = Array.isArray(at) ? this.file?.variablesIn(at) ?? [] : [];
      const from = variables.length === 0 ? "" : ` (${variables.map((name) => `\${${name}}`).join(" ")})`;
      return { key, shown, origin: place.replace(/: .*/, "") + from };
    });
  }

  /** The hash of all settings so far, without secrets: see `settingsHash`. */
  async hash(): Promise<string> {
    return await settingsHash(this.#resolved);
  }

  /** The settings whose values differ from an earlier configuration. Secrets are compared and redacted. */
  changedSince(before: Resolver): SettingChange[] {
    const valuesOf = (resolver: Resolver) =>
      new Map(
        resolver.#resolved.map(({ key, shown, value }) => [
          key,
          { shown, text: `${shown} ${JSON.stringify(value)}` },
        ]),
      );
    const [old, now] = [valuesOf(before), valuesOf(this)];
    return [...new Set([...now.keys(), ...old.keys()])]
      .filter((key) => old.get(key)?.text !== now.get(key)?.text)
      .map((key) => ({ key, before: old.get(key)?.shown, after: now.get(key)?.shown }));
  }

  /**
   * Throws a `ConfigError` with all problems, or only with those of some settings. A file that cannot be read
   * is always reported.
   */
  async throwProblems(only?: SettingNames): Promise<void> {
    const findings = this.isFileUnreadable
      ? [...this.#fileIndependent]
      : this.#findings.filter((finding) => only === undefined || concerns(finding, only));
    if (findings.length === 0) return;
    const problems = await this.#locate(findings);
    throw new ConfigError(problems.toSorted((one, other) => lineOf(one) - lineOf(other)));
  }

  #find(name: VariableName): RawValue | undefined {
    return this.#flags[name] ?? this.#environment.values.get(name);
  }

  async #locate(findings: readonly Finding[]): Promise<Problem[]> {
    if (this.file !== undefined) return await this.file.locate(findings);
    return findings.map(({ at, ...problem }) => ({ origin: String(at), ...problem }));
  }
}

/** Variables whose files are replaced while the proxy runs. */
const REPLACED_AT_RUN_TIME: readonly VariableName[] = ["TLS_CERT", "TLS_KEY"];

function absolute(path: string): string {
  return /^(?:[/\\]|[A-Za-z]:)/.test(path) ? path : `${Deno.cwd()}/${path}`;
}

/** The line of a problem in the file. 0 for other problems, which come first. */
function lineOf({ origin }: Problem): number {
  return Number(/^[^:]+:(\d+)/.exec(origin)?.[1] ?? 0);
}

function shownValue(value: unknown): string {
  if (value === undefined) return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

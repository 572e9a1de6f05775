/** Settles each setting: flags over environment over `.env` over the file over defaults. */

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
import type { ValueSchema } from "../values/values.ts";

/** Values from the command line. */
export type Flags = Partial<Record<VariableName, RawValue>>;

/** A value, and where it stands. */
export interface Candidate<Value> {
  readonly value: Value;
  readonly at: Origin;
}

/** A setting as it came out, made for people: a secret shows as `[redacted]`. */
export interface ShownSetting {
  readonly key: string;
  readonly shown: string;
  readonly origin: string;
}

/** A setting with two values, made for people; undefined: it is not in that configuration. */
export interface SettingChange {
  readonly key: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Takes values out of the sources one by one, checks each, and keeps what was wrong and where each came from. */
export class Resolver {
  readonly file: ConfigFile | undefined;
  /** The file exists but cannot be read. Most settings that seem to be missing are in it. */
  readonly isFileUnreadable: boolean;
  readonly #environment: Environment;
  readonly #flags: Flags;
  readonly #findings: Finding[];
  /** Findings that are true whatever a file says that cannot be read. */
  readonly #ownFindings: Set<Finding>;
  readonly #warnings: Finding[];
  readonly #settled: (Omit<ShownSetting, "origin"> & { at: Origin; value: unknown })[] = [];

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
    this.#ownFindings = new Set(this.#findings);
    const named = new Set([...file?.variables ?? []].map((name) => `.env: ${name}`));
    // What the file names is read, whatever it is called.
    const ofEnvironment = environment.warnings.filter(({ at }) => !named.has(String(at)));
    this.#warnings = [...ofEnvironment, ...file?.warnings ?? []];
  }

  has(name: VariableName): boolean {
    return this.#find(name) !== undefined;
  }

  /** The checked value of a variable or its flag; undefined where there is none or it broke a rule. */
  variable<Value>(name: VariableName, schema: ValueSchema<Value>): Candidate<Value> | undefined {
    const found = this.#find(name);
    if (found === undefined || found.value === null) return undefined;
    // The first broken rule of a value says enough; the next value is checked all the same.
    const result = v.safeParse(schema, found.value, { abortPipeEarly: true });
    if (result.success) return { value: result.output, at: found.origin };
    const finding = { at: found.origin, variable: name, message: result.issues[0].message };
    this.#findings.push(finding);
    this.#ownFindings.add(finding);
    return undefined;
  }

  /** A value of the file, as a candidate. */
  inFile<Value>(at: KeyPath, value: Value | undefined): Candidate<Value> | undefined {
    return value === undefined ? undefined : { value, at };
  }

  /** The first candidate there is, and the fallback where there is none. Noted under its key. */
  settle<Value>(
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
    this.#settled.push({ key: pathText(key), shown: show(value), at, value });
    return value;
  }

  /** Something is wrong with the value at a place. */
  report(at: Origin, message: string): void {
    this.#findings.push({ at, message });
  }

  /** Whether something was found wrong at a place of the file, or within it. */
  hasProblemAt(path: KeyPath): boolean {
    return this.#findings.some(({ at }) => typeof at !== "string" && isWithin(at, path));
  }

  /** Where a variable's value came from. */
  originText(name: VariableName): string {
    return this.#find(name)?.origin ?? `env ${name}`;
  }

  /** The file that a variable's value was read from; undefined where it stood in the environment itself. */
  fileOf(name: VariableName): string | undefined {
    return this.#find(name)?.file;
  }

  /** Something is missing at a place, unless what stood there was reported already. */
  reportMissing(at: KeyPath, message: string): void {
    const isReported = this.#findings.some((finding) =>
      typeof finding.at !== "string" && (isWithin(at, finding.at) || isWithin(finding.at, at))
    );
    if (!isReported) this.report(at, message);
  }

  /** Something is odd at a place; said once, however many read it. */
  warn(at: Origin, message: string): void {
    const text = JSON.stringify({ at, message });
    if (this.#warnings.some((one) => JSON.stringify({ at: one.at, message: one.message }) === text)) return;
    this.#warnings.push({ at, message });
  }

  /** Where a value came from that is in the environment or else in the file. */
  originOf(name: VariableName, at: KeyPath): Origin {
    return this.#find(name)?.origin ?? at;
  }

  /** Every variable of the environment that says something, by its own name whatever form it came in. */
  usedVariables({ values, get }: Environment): Map<string, string> {
    const used = new Map<string, string>();
    for (const [name, { value, file }] of values) {
      // A certificate is exchanged by its file: what it holds now is not what is meant.
      if (file !== undefined && RENEWED.includes(name)) used.set(`${name}_FILE`, absolute(file));
      else if (value !== null) used.set(name, value);
    }
    for (const name of this.file?.variables ?? []) {
      const value = get(name);
      if (value !== undefined) used.set(name, value);
    }
    return used;
  }

  async warnings(): Promise<Problem[]> {
    return await this.#locate(this.#warnings);
  }

  /** Every setting with its origin. */
  async settings(): Promise<ShownSetting[]> {
    const places = await this.#locate(this.#settled.map(({ at }) => ({ at, message: "" })));
    return this.#settled.map(({ key, shown, at }, index) => {
      const place = places[index]?.origin ?? "";
      const variables = Array.isArray(at) ? this.file?.variablesIn(at) ?? [] : [];
      const from = variables.length === 0 ? "" : ` (${variables.map((name) => `\${${name}}`).join(" ")})`;
      return { key, shown, origin: place.replace(/: .*/, "") + from };
    });
  }

  /** The settings that have another value than in an earlier configuration, secrets included, as they are shown. */
  changedSince(before: Resolver): SettingChange[] {
    const valuesOf = (resolver: Resolver) =>
      new Map(
        resolver.#settled.map(({ key, shown, value }) => [
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
   * Throws a `ConfigError` with all problems, or only with those of some settings. A file that cannot be read is always
   * a problem.
   */
  async throwProblems(only?: SettingNames): Promise<void> {
    const findings = this.isFileUnreadable
      ? [...this.#ownFindings]
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
    return findings.map(({ at, message }) => ({ origin: String(at), message }));
  }
}

/** Variables whose files change while they are used. */
const RENEWED: readonly VariableName[] = ["TLS_CERT", "TLS_KEY"];

function absolute(path: string): string {
  return /^(?:[/\\]|[A-Za-z]:)/.test(path) ? path : `${Deno.cwd()}/${path}`;
}

/** The line of a problem in the file; 0 for all others, which come first. */
function lineOf({ origin }: Problem): number {
  return Number(/^[^:]+:(\d+)/.exec(origin)?.[1] ?? 0);
}

function shownValue(value: unknown): string {
  if (value === undefined) return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Which attributes a response has: `attributes` and `excludedAttributes` (RFC 7644, 3.9). */

import { wrong } from "./scim_error.ts";

/** The longest list of names, in characters. */
const MAX_LENGTH = 2_000;
/** The attributes that every response has. */
const ALWAYS: ReadonlySet<string> = new Set(["id", "schemas", "meta"]);

/** The wanted attributes of resources. */
export class Projection {
  /** Names in small letters, such as `emails` or `emails.value`. */
  readonly #wanted: ReadonlySet<string>;
  readonly #excluded: ReadonlySet<string>;

  constructor({ attributes, excludedAttributes }: {
    readonly attributes: string | undefined;
    readonly excludedAttributes: string | undefined;
  }) {
    this.#wanted = namesOf(attributes);
    this.#excluded = namesOf(excludedAttributes);
  }

  /** Whether the request names attributes that it wants. */
  get isNamed(): boolean {
    return this.#wanted.size > 0;
  }

  /** Whether the request wants an attribute. `isByDefault`: whether it does without naming any. */
  wants(name: string, { isByDefault }: { isByDefault: boolean }): boolean {
    if (this.#wanted.size > 0) return [...this.#wanted].some((one) => one.split(".")[0] === name);
    return isByDefault && !this.#excluded.has(name);
  }

  /** The resource with the wanted attributes. */
  of(resource: Readonly<Record<string, unknown>>): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(resource).flatMap(([name, value]) => {
        const key = name.toLowerCase();
        if (ALWAYS.has(key)) return [[name, value]];
        if (this.#wanted.size === 0) {
          return this.#excluded.has(key) ? [] : [[name, without(value, partsOf(key, this.#excluded))]];
        }
        if (this.#wanted.has(key)) return [[name, value]];
        const parts = partsOf(key, this.#wanted);
        return parts.size === 0 ? [] : [[name, only(value, parts)]];
      }),
    );
  }
}

function namesOf(list: string | undefined): Set<string> {
  if (list === undefined) return new Set();
  if (list.length > MAX_LENGTH) {
    throw wrong("invalidValue", `A list of attributes is longer than ${MAX_LENGTH} characters.`);
  }
  return new Set(
    list.split(",").map((name) => name.trim().toLowerCase().replace(/^urn:.*:/, "")).filter((name) =>
      name !== ""
    ),
  );
}

/** The names after `NAME.` in a list. */
function partsOf(name: string, names: ReadonlySet<string>): Set<string> {
  const start = `${name}.`;
  return new Set([...names].filter((one) => one.startsWith(start)).map((one) => one.slice(start.length)));
}

function only(value: unknown, parts: ReadonlySet<string>): unknown {
  return filtered(value, (name) => parts.has(name));
}

function without(value: unknown, parts: ReadonlySet<string>): unknown {
  return parts.size === 0 ? value : filtered(value, (name) => !parts.has(name));
}

function filtered(value: unknown, keeps: (name: string) => boolean): unknown {
  if (Array.isArray(value)) return value.map((one) => filtered(one, keeps));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => keeps(name.toLowerCase())));
}

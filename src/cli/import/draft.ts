/** The configuration that an import makes, before it is written as TOML. */

import { durationText } from "../../config/values/durations.ts";
import { ENVIRONMENT_ENDPOINTS } from "../../config/values/presets.ts";

/** A backend, with the keys of the configuration file. */
export interface DraftBackend {
  readonly name?: string;
  readonly base_url?: string;
  readonly api_key?: string;
  readonly key_header?: string;
  readonly weight?: number;
  readonly connect_timeout?: string;
  readonly first_byte_timeout?: string;
  readonly idle_timeout?: string;
  readonly total_timeout?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly models?: Readonly<Record<string, string>>;
}

/** A price in US dollars per million tokens. */
export interface DraftPrice {
  readonly input: number;
  readonly output: number;
}

/** An endpoint, with the keys of the configuration file. */
export interface DraftEndpoint {
  readonly name: string;
  readonly provider: string;
  readonly strategy?: string;
  readonly retries?: number;
  readonly retry_statuses?: readonly number[];
  readonly prices?: Readonly<Record<string, DraftPrice>>;
  readonly backends: readonly DraftBackend[];
  /** The names of models that clients already use and that lead to this endpoint. They may contain `*`. */
  readonly served: readonly string[];
}

/** An item of `[[routes]]`: the model of the client, its endpoint, and the model that is sent. */
export interface DraftRoute {
  readonly model: string;
  readonly endpoint: string;
  readonly to?: string;
}

/** The description of a variable that contains a whole address. */
export const ADDRESS = "the address of an upstream";
/** The description of a variable that contains the host or the port of an address. */
export const ADDRESS_PART = "the host or port of an upstream";

/** Line breaks and control characters. The configuration does not allow them in the name of a model. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/u;

/** Collects the parts of a configuration, and the variables that it needs. */
export class Draft {
  readonly server: Record<string, string | number | readonly string[]> = {};
  readonly log: Record<string, string> = {};
  readonly limits: Record<string, number> = {};
  readonly endpoints: DraftEndpoint[] = [];
  /** The tokens of clients. They are references to variables. */
  readonly tokens: string[] = [];
  /** Hints for the user. Each has one or two sentences. */
  readonly hints: string[] = [];
  readonly #routes = new Map<string, DraftRoute>();
  readonly #aliases = new Map<string, string>();
  readonly #variables = new Map<string, string>();
  readonly #secrets = new Map<string, string>();
  readonly #reserved = new Set<string>();
  /** The names of the endpoints so far, in lower case. */
  readonly #taken = new Set<string>();
  /** For each name, the first number that may be free at its end. */
  readonly #counts = new Map<string, number>();

  /** The variables that the configuration refers to, each with a description of its value. */
  get variables(): ReadonlyMap<string, string> {
    return this.#variables;
  }

  /**
   * The routes, in the order of the configuration file: whole names first, and longer patterns before shorter
   * ones.
   */
  get routes(): readonly DraftRoute[] {
    const rank = ({ model }: DraftRoute): number => model.includes("*") ? -model.length : -Infinity;
    return [...this.#routes.values()].toSorted((a, b) => rank(a) === rank(b) ? 0 : rank(a) - rank(b));
  }

  /** Other names of models, and the models that they stand for. */
  get aliases(): ReadonlyMap<string, string> {
    return this.#aliases;
  }

  /** Adds a route. If a model gets several routes, the first one counts. */
  addRoute(route: DraftRoute): void {
    if (this.#isName(route.model) && !this.#routes.has(route.model)) this.#routes.set(route.model, route);
  }

  /** Removes the route of a model. */
  removeRoute(model: string): void {
    this.#routes.delete(model);
  }

  /**
   * Adds an alias. Does nothing if the alias has no name, or is an alias of itself, because the configuration
   * does not allow that.
   */
  addAlias(name: string, to: string): void {
    if (this.#isName(name) && name !== to) this.#aliases.set(name, to);
  }

  /**
   * Whether the configuration allows the name of a model. If it does not, adds a hint that the name was left
   * out.
   */
  #isName(name: string): boolean {
    if (name.trim() === "") return false;
    if (!INVISIBLE.test(name)) return true;
    this.hints.push(`The model ${JSON.stringify(name)} was left out: its name has invisible characters.`);
    return false;
  }

  /** Reserves the name of a variable of the imported file, so that {@link secret} does not choose it. */
  reserve(variable: string): void {
    this.#reserved.add(variable);
  }

  /** Returns `${NAME}`, and adds the variable to those that have to be set. `what` describes its value. */
  variable(name: string, what: string): string {
    if (!this.#variables.has(name)) this.#variables.set(name, what);
    return `\${${name}}`;
  }

  /**
   * Returns a reference to a variable for a secret that is in clear in the imported file. For the same
   * secret, it returns the same variable.
   */
  secret(value: string, { variable, what }: { variable: string; what: string }): string {
    const known = this.#secrets.get(value);
    if (known !== undefined) return `\${${known}}`;
    let name = variableName(variable);
    for (let count = 2; this.#variables.has(name) || this.#reserved.has(name); count++) {
      name = `${variableName(variable)}_${count}`;
    }
    this.#secrets.set(value, name);
    return this.variable(name, what);
  }

  /**
   * Returns a name for an endpoint that no other endpoint has. `isUsual` means that the endpoint has the
   * address and the key of the provider `openai` or `anthropic`. Only such an endpoint may have the name of
   * the provider, because the environment variables for this name take precedence over the file.
   */
  freeName(wanted: string, { isUsual = false }: { isUsual?: boolean } = {}): string {
    const name = endpointName(wanted);
    const reserved = isUsual ? RESERVED : [...RESERVED, ...Object.keys(ENVIRONMENT_ENDPOINTS)];
    for (const { name: taken } of this.endpoints.slice(this.#taken.size)) {
      this.#taken.add(taken.toLowerCase());
    }
    const key = name.toLowerCase();
    let free = name;
    let count = this.#counts.get(key) ?? 2;
    while (this.#taken.has(free.toLowerCase()) || reserved.includes(free.toLowerCase())) {
      free = `${name}-${count++}`;
    }
    if (free !== name) this.#counts.set(key, count - 1);
    return free;
  }
}

/** The first segments of the proxy's own routes. No endpoint may have them as its name. */
const RESERVED: readonly string[] = ["healthz", "health", "readyz", "manage", "admin", "metrics", "v1"];
/** The longest name of an endpoint without a number at its end, in characters. */
const LONGEST_NAME = 58;

/**
 * Makes the name of an endpoint or backend from a text. It consists of letters, digits, dots, dashes and
 * underscores.
 */
export function endpointName(text: string): string {
  const name = text.replace(/[^\w.-]+/g, "-").replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "").slice(
    0,
    LONGEST_NAME,
  );
  return name === "" ? "imported" : name;
}

function variableName(text: string): string {
  const name = text.replace(/\W+/g, "_").replace(/^_+|_+$/g, "").toUpperCase();
  return /^[A-Z]/.test(name) ? name : `KEY_${name}`;
}

/** Escapes a text of the imported file, so that no part of it refers to a variable. */
export function literal(text: string): string {
  // The replacement is a function, because `$$` in the text of a replacement means one `$`.
  return text.replaceAll("${", () => "$${");
}

/** Removes the members that are undefined or empty tables. They must be optional in the type. */
export function compact<Value extends object>(
  value: { [Key in keyof Value]: Value[Key] | undefined },
): Value {
  const kept = Object.entries(value).filter(([, member]) => member !== undefined && !isEmptyTable(member));
  // The compiler cannot know which members were removed.
  return Object.fromEntries(kept) as Value;
}

function isEmptyTable(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    Object.keys(value).length === 0;
}

/** Returns a base URL without user and password, because the configuration does not allow them there. */
export function withoutLogin(url: string): { url: string; hadLogin: boolean } {
  const plain = url.replace(/^([a-z]+:\/\/)[^/@]*@/i, "$1");
  return { url: plain, hadLogin: plain !== url };
}

/** Returns a timeout for the configuration. Zero means no limit, as in the other programs. */
export function timeoutText(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : ms === 0 ? "none" : durationText(ms);
}

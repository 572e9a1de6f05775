/** The client of a request and its rules. These values pass between the stages of a request. */

/** Limits of a token or project. An absent member is not limited. */
export interface Limits {
  /** The most requests that begin within a minute. */
  readonly requestsPerMinute?: number;
  /** The most input and output tokens within a minute. */
  readonly tokensPerMinute?: number;
  /** The most requests that run at the same time. */
  readonly concurrentRequests?: number;
  /** The budget for a day, in millionths of a US dollar. */
  readonly dayBudgetMicros?: number;
  /** The budget for a week, in millionths of a US dollar. */
  readonly weekBudgetMicros?: number;
  /** The budget for a month, in millionths of a US dollar. */
  readonly monthBudgetMicros?: number;
  /** The budget for all time, in millionths of a US dollar. */
  readonly totalBudgetMicros?: number;
}

/** Limits for the requests to certain models. */
export interface ModelLimits extends Limits {
  /** The name of the model. `*` matches any characters. */
  readonly model: string;
}

/** The rules of a token or project. An absent member is not restricted. */
export interface Rules extends Limits {
  /** The most requests of all time. */
  readonly maxRequests?: number;
  /** Additional limits by model. For each model of a request, the first entry that matches applies. */
  readonly modelLimits?: readonly ModelLimits[];
  /** The allowed endpoints. `*` matches any characters. */
  readonly endpoints?: readonly string[];
  /** The allowed models. `*` matches any characters. */
  readonly models?: readonly string[];
  /**
   * The allowed paths at the backend, as patterns of `path_patterns.ts`. A pattern with `!` forbids its
   * paths.
   */
  readonly paths?: readonly string[];
}

/** A token or project with its rules. */
export interface Subject {
  /** The key of its counts: `token:tok_…`, `project:prj_…` or `shared:anna`. */
  readonly key: string;
  /** The word for error messages. */
  readonly what: "token" | "project";
  readonly rules: Rules;
}

/** The client of a request, after authentication. */
export interface Principal {
  /** How the client authenticated: not at all, with a token of the configuration, or with a managed token. */
  readonly kind: "anonymous" | "shared" | "token";
  /** The name in the log. */
  readonly name: string;
  readonly tokenId?: string;
  readonly projectId?: string;
  /** The token and the project whose rules apply to the request. */
  readonly subjects: readonly Subject[];
  /**
   * The provider keys of its project by endpoint. They replace the endpoint's key. Null: the key cannot be
   * decrypted.
   */
  readonly keys: ReadonlyMap<string, string | null>;
}

const NO_KEYS: ReadonlyMap<string, string | null> = new Map();

/** The client if the proxy requires no token. */
export const ANONYMOUS: Principal = { kind: "anonymous", name: "anonymous", subjects: [], keys: NO_KEYS };

/** Makes the principal of a token in the configuration. */
export function sharedPrincipal(name: string, rules: Rules = {}): Principal {
  const subjects = Object.keys(rules).length === 0
    ? []
    : [{ key: `shared:${name}`, what: "token", rules } as const];
  return { kind: "shared", name, subjects, keys: NO_KEYS };
}

/**
 * The key of the limits that clients share: those with the same token, or those without a token from the same
 * address.
 */
export function holderOf(principal: Principal | undefined, address: string): string {
  const { kind, tokenId, name } = principal ?? { kind: "anonymous", name: "anonymous" };
  return kind === "anonymous" ? `${name} ${address}` : tokenId ?? name;
}

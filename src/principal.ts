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
  /** The key of its counts, as {@link tokenKey} or {@link projectCountKey} makes it. */
  readonly key: string;
  /** The word for error messages. An account is a person at a provider, with all of their tokens. */
  readonly what: "token" | "account" | "project";
  readonly rules: Rules;
}

/** The client of a request, after authentication. */
export interface Principal {
  /**
   * How the client authenticated: not at all, with a token of the configuration, with a managed token, or
   * with a token of a provider (`jwt`).
   */
  readonly kind: "anonymous" | "shared" | "token" | "jwt";
  /** The key of the token's counts, as {@link tokenKey} makes it. Clients without a token have one key. */
  readonly key: string;
  /** The name in the log. */
  readonly name: string;
  /** The id of a managed token (`tok_…`), or of an account at a provider (`jwt_…`). */
  readonly tokenId?: string;
  readonly projectId?: string;
  /** The token and the project whose rules apply to the request. */
  readonly subjects: readonly Subject[];
  /**
   * The provider keys of its project by endpoint. They replace the endpoint's key. A key is `null` if it
   * cannot be decrypted.
   */
  readonly keys: ReadonlyMap<string, string | null>;
}

const NO_KEYS: ReadonlyMap<string, string | null> = new Map();

/**
 * The beginnings of the keys of subjects, by the kind of the subject. The database keeps these keys, so they
 * never change.
 */
export const KEY_PREFIXES = { token: "token:", shared: "shared:", project: "project:" } as const;
/** The beginning of the key of an address. An address is not a subject. */
const ADDRESS_PREFIX = "anonymous ";

/**
 * The key of the counts of a token: `token:tok_…` by the id of a managed token, and `shared:anna` by the name
 * of a token of the configuration.
 */
export function tokenKey({ tokenId, name }: { tokenId?: string | undefined; name: string }): string {
  return tokenId === undefined ? KEY_PREFIXES.shared + name : KEY_PREFIXES.token + tokenId;
}

/** The key of the counts of a project: `project:prj_…`. */
export function projectCountKey(projectId: string): string {
  return KEY_PREFIXES.project + projectId;
}

/**
 * The keys of the subjects that a request or an object counts for: of its token first, then of its project.
 * `principal` is the name of the client.
 */
export function subjectKeys(
  { tokenId, projectId, principal }: {
    readonly tokenId: string | undefined;
    readonly projectId: string | undefined;
    readonly principal: string;
  },
): string[] {
  const key = tokenKey({ tokenId, name: principal });
  return projectId === undefined ? [key] : [key, projectCountKey(projectId)];
}

/** The client if the proxy requires no token. */
export const ANONYMOUS: Principal = {
  kind: "anonymous",
  key: tokenKey({ name: "anonymous" }),
  name: "anonymous",
  subjects: [],
  keys: NO_KEYS,
};

/** Whether a client has a project with rules: one with a managed token, or with a provider's token. */
export function hasProject({ kind }: Pick<Principal, "kind">): boolean {
  return kind === "token" || kind === "jwt";
}

/** Makes the principal of a token in the configuration. */
export function sharedPrincipal(name: string, rules: Rules = {}): Principal {
  const key = tokenKey({ name });
  // A token without rules counts too: a reload can give it a budget, which includes earlier spending.
  return { kind: "shared", key, name, subjects: [{ key, what: "token", rules }], keys: NO_KEYS };
}

/**
 * The holder: the key by which slots, body memory, connections and cooldowns are counted. Clients with the
 * same token share it, and so do clients without a token from the same address. Rate limits and budgets go by
 * {@link Principal.subjects}.
 */
export function holderOf(principal: Principal | undefined, address: string): string {
  return principal === undefined || principal.kind === "anonymous" ? ADDRESS_PREFIX + address : principal.key;
}

/**
 * A key of {@link holderOf} as the subject of a sentence: `This token`, `The shared token` or `This address`.
 */
export function holderText(holder: string): string {
  if (holder.startsWith(ADDRESS_PREFIX)) return "This address";
  return holder.startsWith(KEY_PREFIXES.shared) ? "The shared token" : "This token";
}

/**
 * A key of {@link holderOf} for the log: the id of a managed token, the name of a token of the configuration,
 * or `anonymous` with an address.
 */
export function holderName(holder: string): string {
  return holder.startsWith(ADDRESS_PREFIX) ? holder : holder.slice(holder.indexOf(":") + 1);
}

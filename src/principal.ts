/** Who calls, and what that allows: plain values between the stages of a request. */

/** How much may be used; what is absent is not limited. */
export interface Limits {
  /** Requests that begin within any minute. */
  readonly requestsPerMinute?: number;
  /** Tokens, input and output, within any minute. */
  readonly tokensPerMinute?: number;
  /** Requests that run at the same time. */
  readonly concurrentRequests?: number;
  /** What may be spent, in millionths of a US dollar: per day, week and month, and in all. */
  readonly dayBudgetMicros?: number;
  readonly weekBudgetMicros?: number;
  readonly monthBudgetMicros?: number;
  readonly totalBudgetMicros?: number;
}

/** Limits of requests that name certain models. */
export interface ModelLimits extends Limits {
  /** The name of a model, with `*` for any run of characters. */
  readonly model: string;
}

/** What a token or a project may do; what is absent is not restricted. */
export interface Rules extends Limits {
  /** Requests in all. */
  readonly maxRequests?: number;
  /** Further limits by model: of each model that a request names, the first that fits. */
  readonly modelLimits?: readonly ModelLimits[];
  /** Names of endpoints, with `*` for any run of characters. */
  readonly endpoints?: readonly string[];
  /** Names of models, likewise. */
  readonly models?: readonly string[];
  /** Patterns of paths at the backend, see `path_patterns.ts`; those that begin with `!` forbid. */
  readonly paths?: readonly string[];
}

/** Rules, and whose they are. */
export interface Subject {
  /** Under which its counts are kept: `token:tok_…`, `project:prj_…`, `shared:anna`. */
  readonly key: string;
  /** For messages: `token`, `project`. */
  readonly what: "token" | "project";
  readonly rules: Rules;
}

/** Who calls. */
export interface Principal {
  readonly kind: "anonymous" | "shared" | "token";
  /** As it stands in the log. */
  readonly name: string;
  readonly tokenId?: string;
  readonly projectId?: string;
  /** Everything whose rules the request has to keep. */
  readonly subjects: readonly Subject[];
  /** Provider keys of its project by endpoint, used in place of the endpoint's own; null: it cannot be read. */
  readonly keys: ReadonlyMap<string, string | null>;
}

const NO_KEYS: ReadonlyMap<string, string | null> = new Map();

/** Where no token is asked for. */
export const ANONYMOUS: Principal = { kind: "anonymous", name: "anonymous", subjects: [], keys: NO_KEYS };

/** The holder of a token of the configuration. */
export function sharedPrincipal(name: string, rules: Rules = {}): Principal {
  const subjects = Object.keys(rules).length === 0
    ? []
    : [{ key: `shared:${name}`, what: "token", rules } as const];
  return { kind: "shared", name, subjects, keys: NO_KEYS };
}

/** Who shares limits with whom: clients with the same token, or clients without a token at the same address. */
export function holderOf(principal: Principal | undefined, address: string): string {
  const { kind, tokenId, name } = principal ?? { kind: "anonymous", name: "anonymous" };
  return kind === "anonymous" ? `${name} ${address}` : tokenId ?? name;
}

/** The tokens of providers that clients have sent. Loaded only if the configuration has a provider. */

import type { JwtIssuer, JwtKeySet } from "../../config/config.ts";
import { type Principal, projectCountKey, type Rules, type Subject, tokenKey } from "../../principal.ts";
import type { Clock } from "../../time/clock.ts";
import type { OpenedProject } from "../access_table.ts";
import type { TokenCheckResult } from "../shared_token.ts";
import { type Account, accountOf } from "./account.ts";
import { type ClientJwt, type JwtAccess, mayBeJwt, type VerifiedTokens } from "./client_jwt.ts";
import { IssuerKeys, type KeyEvent, type LastKeys } from "./issuer_keys.ts";
import { type Issuer, issuerNamedBy, NO_KEYS, type Verification, verifyToken } from "./verify_token.ts";

/**
 * How long a person is known not to be disabled. A request after this time asks the database again, so a
 * disabled person is refused after this time at the latest.
 */
export const CONFIRM_MS = 10_000;
/** The most characters of verified tokens in memory: thousands of usual ones. */
const MAX_CHARACTERS = 8 * 1024 * 1024;
/** What the proxy keeps of each token besides its text, such as its account, in characters. */
const ENTRY_CHARACTERS = 2_000;
/** How long a request waits for the database, in milliseconds. Then what it said before counts. */
const LONGEST_WAIT_MS = 1_000;
/** The most new values of one request that are read. A request with more is refused in any case. */
const MAX_UNKNOWN = 8;
/** The most signatures of one request that are verified. Clients send one token, and repeat it. */
const MAX_VERIFIED = 2;
/** The result for further tokens, which must go to no upstream either. */
const NOT_VERIFIED = rejected("unauthorized", "The request has too many different tokens of providers.");

/** What {@link JwtTokens} needs. */
export interface JwtTokensParts {
  readonly access: JwtAccess;
  readonly clock: Clock;
  /** Reads the keys of a provider. */
  readonly load: (issuer: JwtIssuer) => Promise<JwtKeySet>;
  readonly onKeys: (issuer: JwtIssuer, event: KeyEvent) => void;
  /** The tokens under the configuration before, whose keys stay in use while a provider is away. */
  readonly before?: JwtTokens | undefined;
  /** The most characters of verified tokens in memory. `undefined` for thousands of usual ones. */
  readonly maxCharacters?: number;
  /** Called with the name of each project of the configuration that does not exist, once. */
  readonly onUnknownProject: (issuer: JwtIssuer, project: string) => void;
}

/** A verified token. */
interface Known {
  readonly issuer: Issuer;
  readonly account: Account;
  /** The name of the project. */
  readonly project: string;
  /** In milliseconds since 1970. */
  readonly expiresAt: number;
  /** When the database last said something about the person, in milliseconds of the monotonic clock. */
  confirmedAt: number;
  isDisabled: boolean;
  /** The last principal, and the project that it was made from. */
  made?: { readonly of: OpenedProject; readonly principal: Principal };
}

/** The result for one value. */
type Outcome = TokenCheckResult | { readonly foreign: string };

const NO_RULES: Rules = {};

/** Verifies tokens of providers, and keeps the verified ones until they expire. */
export class JwtTokens implements ClientJwt {
  readonly #parts: Omit<JwtTokensParts, "before">;
  readonly #issuers: readonly Issuer[];
  /** Verified tokens, the oldest first. Tokens in which anything is wrong are not kept. */
  readonly #known = new Map<string, Known>();
  #characters = 0;
  /** Increases when a provider changes its keys, which makes verified tokens unknown again. */
  #generation = 0;
  /** Tokens that are being verified. Requests with the same token share the work. */
  readonly #verifying = new Map<string, Promise<Outcome>>();
  readonly #reported = new Set<string>();

  constructor(configs: readonly JwtIssuer[], { before, ...parts }: JwtTokensParts) {
    this.#parts = parts;
    this.#issuers = configs.map((config) => ({
      config,
      keys: new IssuerKeys({
        load: () => parts.load(config),
        clock: parts.clock,
        before: before?.keysOf(config),
        onEvent: (event) => {
          if (event.kind !== "failing") this.#forgetAll();
          parts.onKeys(config, event);
        },
      }),
    }));
  }

  verify(values: readonly string[]): VerifiedTokens | Promise<VerifiedTokens> | undefined {
    const results = new Map<string, TokenCheckResult>();
    let unknown: string[] | undefined;
    for (const value of values) {
      if (!mayBeJwt(value) || results.has(value) || unknown?.includes(value) === true) continue;
      const known = this.#known.get(value);
      if (known !== undefined && this.#isConfirmed(known)) results.set(value, this.#resultOf(known));
      else if (unknown === undefined) unknown = [value];
      else if (unknown.length < MAX_UNKNOWN) unknown.push(value);
    }
    if (unknown !== undefined) return this.#verifyAll(unknown, results);
    return results.size === 0 ? undefined : { results, why: undefined };
  }

  /** The last keys of a provider; `undefined` if they are now in another place, or come another way. */
  keysOf(wanted: JwtIssuer): LastKeys | undefined {
    const way = ({ issuer, keys, outbound, caCerts }: JwtIssuer) =>
      JSON.stringify([issuer, keys, outbound, caCerts]);
    return this.#issuers.find(({ config }) => way(config) === way(wanted))?.keys.last;
  }

  /** Ends the reads of the keys of all providers. */
  close(): void {
    for (const { keys } of this.#issuers) keys.close();
  }

  async #verifyAll(
    values: readonly string[],
    results: Map<string, TokenCheckResult>,
  ): Promise<VerifiedTokens> {
    let why: string | undefined;
    let verified = 0;
    for (const value of values) {
      const issuer = this.#known.get(value)?.issuer ?? issuerNamedBy(value, this.#issuers);
      if ("kind" in issuer) {
        why ??= issuer.why;
        continue;
      }
      if (!this.#known.has(value) && ++verified > MAX_VERIFIED) {
        results.set(value, NOT_VERIFIED);
        continue;
      }
      const outcome = await this.#shared(value, issuer);
      if ("foreign" in outcome) why ??= outcome.foreign;
      else results.set(value, outcome);
    }
    return { results, why };
  }

  #shared(value: string, issuer: Issuer): Promise<Outcome> {
    let verifying = this.#verifying.get(value);
    if (verifying === undefined) {
      verifying = this.#outcomeOf(value, issuer).finally(() => this.#verifying.delete(value));
      this.#verifying.set(value, verifying);
    }
    return verifying;
  }

  async #outcomeOf(value: string, issuer: Issuer): Promise<Outcome> {
    const before = this.#known.get(value);
    if (before !== undefined) return await this.#confirm(before) ?? this.#resultOf(before);
    const generation = this.#generation;
    const verification = await verifyToken(value, issuer, this.#parts.clock);
    if (verification.kind !== "verified") return outcomeOfFailure(verification);
    const account = accountOf(verification.claims, issuer.config);
    if ("missing" in account) {
      return rejected("unauthorized", `This token has no claim ${account.missing} that names its person.`);
    }
    const { project } = account;
    if (project === undefined) {
      // Strangers can have such tokens of a public issuer. They get no room in memory and in the database.
      return rejected(
        "forbidden",
        `No rule of this proxy gives a project to the token of ${account.name}. Ask the administrator.`,
      );
    }
    const known: Known = {
      issuer,
      account,
      project,
      expiresAt: verification.expiresAtS * 1000 + issuer.config.clockSkewMs,
      confirmedAt: -Infinity,
      isDisabled: false,
    };
    const unconfirmed = await this.#confirm(known);
    if (unconfirmed !== undefined) return unconfirmed;
    // With new keys, the signature may no longer be valid.
    if (generation === this.#generation) this.#keep(value, known);
    return this.#resultOf(known);
  }

  /** Whether the database need not be asked about a person: lately confirmed, or the token has expired. */
  #isConfirmed({ confirmedAt, expiresAt }: Known): boolean {
    const { clock } = this.#parts;
    return clock.now() - confirmedAt < CONFIRM_MS || clock.epochMs() >= expiresAt;
  }

  /** Asks whether the person is disabled. While the database is away, what it said before counts. */
  async #confirm(known: Known): Promise<TokenCheckResult | undefined> {
    const { access, clock } = this.#parts;
    try {
      const person = await this.#soon(access.personOf(known.account));
      known.isDisabled = person?.disabled === true;
    } catch {
      if (known.confirmedAt === -Infinity) {
        return rejected(
          "overloaded",
          "The proxy cannot reach its database to look up the person of this token.",
        );
      }
    }
    known.confirmedAt = clock.now();
    return undefined;
  }

  /** Rejects if a promise takes longer than a request waits. */
  async #soon<Result>(promise: Promise<Result>): Promise<Result> {
    const late = Promise.withResolvers<never>();
    const stop = this.#parts.clock.after(LONGEST_WAIT_MS, () => late.reject(new Error("too late")));
    try {
      return await Promise.race([promise, late.promise]);
    } finally {
      stop();
    }
  }

  #resultOf(known: Known): TokenCheckResult {
    const { access, clock } = this.#parts;
    const { project, expiresAt, issuer: { config: issuer, keys }, isDisabled } = known;
    if (clock.epochMs() >= expiresAt) {
      const at = new Date(expiresAt - issuer.clockSkewMs).toISOString();
      return rejected("token_expired", `This token expired at ${at}.`);
    }
    if (keys.current === undefined) return rejected("overloaded", NO_KEYS);
    if (isDisabled) return rejected("token_revoked", "The person of this token is disabled.");
    const opened = access.projectNamed(project);
    if (opened === undefined) {
      this.#reportProject(issuer, project);
      return rejected("forbidden", "The project of this token does not exist. Ask the administrator.");
    }
    if (!opened.project.active) return rejected("token_revoked", "The project of this token is not active.");
    access.checkConfirmed();
    if (known.made?.of !== opened) known.made = { of: opened, principal: principalOf(known, opened) };
    return { principal: known.made.principal };
  }

  #keep(value: string, known: Known): void {
    this.#known.set(value, known);
    this.#characters += value.length + ENTRY_CHARACTERS;
    while (this.#characters > (this.#parts.maxCharacters ?? MAX_CHARACTERS)) {
      const [oldest] = this.#known.keys();
      if (oldest === undefined) return;
      this.#known.delete(oldest);
      this.#characters -= oldest.length + ENTRY_CHARACTERS;
    }
  }

  #forgetAll(): void {
    this.#generation++;
    this.#known.clear();
    this.#characters = 0;
  }

  #reportProject(issuer: JwtIssuer, project: string): void {
    const key = JSON.stringify([issuer.name, project]);
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    this.#parts.onUnknownProject(issuer, project);
  }
}

function outcomeOfFailure(failure: Exclude<Verification, { kind: "verified" }>): Outcome {
  const { kind, why } = failure;
  switch (kind) {
    case "foreign":
      return { foreign: why };
    case "unproven":
      // Clients whose provider has a new key do not guess.
      return { rejected: "unauthorized", message: why, isGuess: !failure.isKeyUnknown };
    case "invalid":
      return rejected("unauthorized", why);
    case "expired":
      return rejected("token_expired", why);
    case "unavailable":
      return rejected("overloaded", why);
    default:
      return kind satisfies never;
  }
}

function rejected(
  code: Extract<TokenCheckResult, { rejected: unknown }>["rejected"],
  message: string,
): TokenCheckResult {
  return { rejected: code, message };
}

function principalOf(
  { account: { tokenId, name }, issuer: { config } }: Known,
  { project, keys }: OpenedProject,
): Principal {
  const key = tokenKey({ tokenId, name });
  const subjects: Subject[] = [
    { key, what: "account", rules: config.rules ?? NO_RULES },
    { key: projectCountKey(project.id), what: "project", rules: project.rules },
  ];
  return { kind: "jwt", key, name, tokenId, projectId: project.id, subjects, keys };
}

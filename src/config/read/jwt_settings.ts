/** Reads `[[auth.jwt]]`: the providers whose tokens are valid as tokens of clients. */

import type { JwtIssuer, JwtKeyPlace, JwtKeySet, JwtProjectRule } from "../config.ts";
import type { JwtSettings } from "../sources/file_schema.ts";
import { DEFAULT_CLOCK_SKEW_MS } from "../values/defaults.ts";
import { durationText } from "../values/durations.ts";
import { JWT_ALGORITHMS } from "../values/jwt_algorithms.ts";
import { isPublicIssuer } from "../values/sign_in_presets.ts";
import { rulesOf } from "./limit_settings.ts";
import { isLoopback } from "./outbound_proxy.ts";
import { outboundRules } from "./outbound_rules.ts";
import { type TableContext, TableReader } from "./table_reader.ts";

/** What the reading needs besides the tables. */
export interface JwtContext extends TableContext {
  /** Whether the management plane is on, which has the projects. */
  readonly hasProjects: boolean;
}

/** The most keys of a file. Providers publish two or three. */
const MAX_KEYS = 100;
/** The members of keys that are secret (RFC 7518, 6; AKP has `priv`). */
const SECRET_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/**
 * Issuers that make tokens for everyone in the world, with any audience or for everyone's account: Google and
 * Apple, and the jobs of GitHub, GitLab, Buildkite and HCP Terraform.
 */
const PUBLIC_ISSUERS: readonly string[] = [
  "https://accounts.google.com",
  "https://appleid.apple.com",
  "https://token.actions.githubusercontent.com",
  "https://gitlab.com",
  "https://agent.buildkite.com",
  "https://app.terraform.io",
];

/** Reads the tables. Returns undefined without one. Problems are reported. */
export function readJwt(
  tables: readonly JwtSettings[] | undefined,
  context: JwtContext,
): readonly JwtIssuer[] | undefined {
  if (tables === undefined || tables.length === 0) return undefined;
  const { resolver, hasProjects } = context;
  if (!hasProjects && !resolver.hasProblemAt(["management"])) {
    resolver.report(
      ["auth", "jwt"],
      "needs the management plane, which has the projects: set MANAGEMENT_TOKEN",
    );
  }
  const issuers = tables.flatMap((table, index) => new JwtTable(table, index, context).read() ?? []);
  for (const [index, { name, issuer, audience = [] }] of tables.entries()) {
    const before = tables.slice(0, index);
    if (name !== undefined && before.some((other) => other.name === name)) {
      resolver.report(["auth", "jwt", index, "name"], `${JSON.stringify(name)} appears twice`);
    }
    const both = before.some((other) =>
      other.issuer === issuer && audience.some((one) => other.audience?.includes(one) === true)
    );
    if (issuer !== undefined && both) {
      resolver.report(["auth", "jwt", index, "audience"], "is that of another table with the same issuer");
    }
  }
  return issuers;
}

/** One table. */
class JwtTable {
  readonly #table: JwtSettings;
  readonly #index: number;
  readonly #context: JwtContext;
  readonly #reader: TableReader<JwtSettings>;

  constructor(table: JwtSettings, index: number, context: JwtContext) {
    this.#table = table;
    this.#index = index;
    this.#context = context;
    this.#reader = new TableReader(table, ["auth", "jwt", index], context);
  }

  read(): JwtIssuer | undefined {
    const { name, issuer, audience } = this.#table;
    if (name === undefined) this.#reader.missing("name", "the name of the provider in the log");
    if (issuer === undefined) this.#reader.missing("issuer", "the claim iss of the tokens");
    if (audience === undefined) {
      this.#reader.missing(
        "audience",
        "without it, tokens that the provider made for other programs would be valid",
      );
    }
    const keys = this.#keys();
    const projects = this.#projects();
    const { subject_claim: subjectClaim = "sub", name_claim: nameClaim = subjectClaim } = this.#table;
    this.#reader.show("algorithms", this.#table.algorithms ?? JWT_ALGORITHMS);
    const clockSkewMs = this.#reader.show(
      "clock_skew",
      this.#table.clock_skew ?? DEFAULT_CLOCK_SKEW_MS,
      durationText,
    );
    this.#reader.show("subject_claim", subjectClaim);
    this.#reader.show("name_claim", nameClaim);
    const rules = rulesOf(this.#table.limits);
    if (this.#table.limits !== undefined) this.#reader.show("limits", this.#table.limits);
    const caCerts = this.#reader.caCerts();
    if (name === undefined || issuer === undefined || audience === undefined || keys === undefined) {
      return undefined;
    }
    const { default_project: defaultProject, algorithms = JWT_ALGORITHMS } = this.#table;
    this.#checkUrl("issuer", keys.kind === "discovery" ? issuer : undefined);
    this.#reader.show("issuer", issuer);
    this.#reader.show("audience", audience);
    this.#checkEntry(issuer);
    return {
      name,
      issuer,
      audiences: audience,
      keys,
      algorithms,
      clockSkewMs,
      subjectClaim,
      nameClaim,
      projects,
      ...(defaultProject !== undefined && { defaultProject }),
      ...(rules !== undefined && { rules }),
      outbound: outboundRules(this.#context.resolver, this.#table.proxy_url),
      ...(caCerts !== undefined && { caCerts }),
    };
  }

  #keys(): JwtKeyPlace | undefined {
    const { jwks_uri: url, jwks_file: file } = this.#table;
    if (url !== undefined && file !== undefined) {
      this.#reader.report("jwks_file", "is set together with jwks_uri: keep one of the two");
    }
    if (file !== undefined) {
      const keys = this.#keysOf(this.#reader.show("jwks_file", file));
      return keys && { kind: "file", path: this.#context.resolvePath(file), keys };
    }
    if (url === undefined) return { kind: "discovery" };
    this.#checkUrl("jwks_uri", url);
    return { kind: "url", url: this.#reader.show("jwks_uri", url) };
  }

  #keysOf(file: string): JwtKeySet | undefined {
    const text = this.#reader.readFile("jwks_file", file);
    if (text === undefined) return undefined;
    const named = `names ${JSON.stringify(file)}, which`;
    const keys = keySetIn(text);
    if (keys === undefined) {
      this.#reader.report("jwks_file", `${named} contains no list of keys: {"keys": [{"kty": "RSA", …}]}`);
    } else if (keys.keys.length === 0 || keys.keys.length > MAX_KEYS) {
      this.#reader.report(
        "jwks_file",
        `${named} contains ${keys.keys.length} keys: from 1 to ${MAX_KEYS} are allowed`,
      );
    } else if (keys.keys.some((key) => SECRET_MEMBERS.some((member) => Object.hasOwn(key, member)))) {
      this.#reader.report("jwks_file", `${named} contains a secret key: leave only the public keys in it`);
    }
    return keys;
  }

  #projects(): JwtProjectRule[] {
    const { projects = [], default_project: defaultProject } = this.#table;
    this.#reader.show("projects", projects);
    this.#reader.show("default_project", defaultProject);
    if (projects.length === 0 && defaultProject === undefined) {
      this.#reader.missing("projects", "without projects and default_project no token would be valid");
    }
    return projects.flatMap(({ claim, value, project }, place) => {
      for (const [key, given] of Object.entries({ claim, value, project })) {
        if (given !== undefined) continue;
        this.#context.resolver.reportMissing(
          ["auth", "jwt", this.#index, "projects", place, key],
          "is missing: a rule has a claim, a value and a project",
        );
      }
      return claim === undefined || value === undefined || project === undefined
        ? []
        : [{ claim, value, project }];
    });
  }

  /** Reports a table by which everyone in the world could use a project. */
  #checkEntry(issuer: string): void {
    const isPublic = PUBLIC_ISSUERS.includes(issuer) || isPublicIssuer("microsoft", issuer);
    if (this.#table.default_project === undefined || !isPublic) return;
    this.#reader.report(
      "default_project",
      "would let every account of the provider in the world use the project: map claims with projects",
    );
  }

  /** Who reads or changes plain HTTP could publish own keys. */
  #checkUrl(key: "issuer" | "jwks_uri", url: string | undefined): void {
    if (url === undefined) return;
    const { protocol, hostname } = new URL(url);
    if (protocol === "https:" || isLoopback(hostname)) return;
    this.#reader.report(key, "must be an https:// URL: who changes plain HTTP could make tokens of anyone");
  }
}

/** The keys of a JSON text. Returns `undefined` if it has no list of keys. */
export function keySetIn(text: string): JwtKeySet | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const keys: unknown = Reflect.get(parsed, "keys");
  return Array.isArray(keys) && keys.every((key) => typeof key === "object" && key !== null)
    ? { keys }
    : undefined;
}

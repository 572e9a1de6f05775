/** Reads `[[management.sign_in]]`: the providers with which people sign in at the admin page. */

import { isLoopback } from "./outbound_proxy.ts";
import { outboundRules } from "./outbound_rules.ts";
import { type TableContext, TableReader } from "./table_reader.ts";
import type { SignInConfig, SignInProvider } from "../config.ts";
import type { SignInSettings } from "../sources/sign_in_schema.ts";
import { isPublicIssuer, type SignInPreset, signInPreset } from "../values/sign_in_presets.ts";
import { secretSchema } from "../values/values.ts";
import * as v from "valibot";

/** What the reading needs besides the tables. */
export interface SignInContext extends TableContext {
  /** The origin of the URL by which browsers reach the admin page; `undefined` if it is not set. */
  readonly publicUrl: string | undefined;
}

/** Reads the tables. Returns undefined without one. Problems are reported. */
export function readSignIn(
  tables: readonly SignInSettings[] | undefined,
  context: SignInContext,
): SignInConfig | undefined {
  if (tables === undefined || tables.length === 0) return undefined;
  const { resolver, publicUrl } = context;
  if (publicUrl === undefined) {
    resolver.reportMissing(
      ["management", "public_url"],
      "is missing (PUBLIC_URL): the address by which browsers reach the admin page, like " +
        "https://llm.example.com; providers send people back to it",
    );
  }
  const providers = tables.flatMap((table, index) => {
    const provider = new SignInTable(table, index, context).read();
    return provider === undefined ? [] : [provider];
  });
  for (const [index, { name }] of tables.entries()) {
    if (name !== undefined && tables.findIndex((table) => table.name === name) < index) {
      resolver.report(["management", "sign_in", index, "name"], `${JSON.stringify(name)} appears twice`);
    }
  }
  return publicUrl === undefined ? undefined : { publicUrl, providers };
}

/** One table. */
class SignInTable {
  readonly #table: SignInSettings;
  readonly #context: SignInContext;
  readonly #reader: TableReader<SignInSettings>;
  readonly #preset: SignInPreset;

  constructor(table: SignInSettings, index: number, context: SignInContext) {
    this.#table = table;
    this.#context = context;
    this.#reader = new TableReader(table, ["management", "sign_in", index], context);
    this.#preset = signInPreset(table.preset ?? "oidc");
  }

  read(): SignInProvider | undefined {
    const { name, client_id: clientId, preset = "oidc", roles = {}, projects = {} } = this.#table;
    const issuer = this.#issuer();
    const secret = this.#secret();
    if (name === undefined) this.#reader.missing("name", "the name of the provider in its URL, like google");
    if (clientId === undefined) {
      this.#reader.missing("client_id", "the name that the provider gave to this proxy");
    }
    if (name === undefined || clientId === undefined || issuer === undefined) return undefined;
    const scopes = this.#reader.show("scopes", this.#scopes());
    const groupsClaim = this.#reader.show(
      "groups_claim",
      this.#table.groups_claim ?? this.#preset.groupsClaim,
    );
    const allow = {
      domains: (this.#table.allow?.domains ?? []).map((domain) => domain.toLowerCase()),
      groups: this.#table.allow?.groups ?? [],
      emails: (this.#table.allow?.emails ?? []).map((email) => email.toLowerCase()),
    };
    this.#reader.show("allow", allow);
    this.#checkEntry(issuer, { groupsClaim });
    this.#reader.show("roles", roles);
    this.#reader.show("projects", projects);
    this.#reader.show("default_role", this.#table.default_role);
    const caCerts = this.#reader.caCerts();
    return {
      name,
      title: this.#table.title ?? (this.#table.preset === undefined ? name : this.#preset.title),
      preset,
      issuer,
      clientId,
      ...(secret !== undefined && { clientSecret: secret.value }),
      ...(secret?.file !== undefined && { clientSecretFile: secret.file }),
      scopes,
      groupsClaim,
      allow,
      roles: new Map(Object.entries(roles)),
      projects: new Map(Object.entries(projects)),
      ...(this.#table.default_role !== undefined && { defaultRole: this.#table.default_role }),
      outbound: outboundRules(this.#context.resolver, this.#table.proxy_url),
      ...(caCerts !== undefined && { caCerts }),
    };
  }

  #issuer(): string | undefined {
    const written = this.#table.issuer;
    const { issuer: known, issuerForm, title } = this.#preset;
    const issuer = written ?? known;
    if (issuer === undefined) {
      this.#reader.missing(
        "issuer",
        `the URL of the provider${issuerForm ? `, like ${issuerForm.example}` : ""}`,
      );
      return undefined;
    }
    const url = new URL(issuer);
    if (url.protocol === "http:" && !isLoopback(url.hostname)) {
      this.#reader.report(
        "issuer",
        "must be an https:// URL: who reads or changes plain HTTP could sign in as anyone",
      );
      return undefined;
    }
    if (issuerForm !== undefined && !issuerForm.pattern.test(issuer)) {
      this.#reader.report("issuer", `is not an issuer of ${title}: it looks like ${issuerForm.example}`);
      return undefined;
    }
    return this.#reader.show("issuer", issuer);
  }

  #secret(): { readonly value: string; readonly file?: string } | undefined {
    const { client_secret: secret, client_secret_file: file } = this.#table;
    const { resolver, resolvePath } = this.#context;
    this.#reader.show(
      file === undefined ? "client_secret" : "client_secret_file",
      secret ?? file,
      (value) => value === undefined ? "none" : value === file ? file : "[redacted]",
    );
    if (secret !== undefined && file !== undefined) {
      this.#reader.report("client_secret_file", "is set together with client_secret: keep one of the two");
    }
    if (secret !== undefined) return { value: secret };
    if (file === undefined) return undefined;
    const content = this.#reader.readFile("client_secret_file", file);
    if (content === undefined) return undefined;
    const text = content.replace(/\r?\n$/, "");
    const { success, issues } = v.safeParse(secretSchema, text);
    if (success) return { value: text, file: resolvePath(file) };
    resolver.report(this.#reader.at("client_secret_file"), `names a file whose content ${issues[0].message}`);
    return undefined;
  }

  #scopes(): readonly string[] {
    const { scopes, preset } = this.#table;
    if (scopes === undefined) return this.#preset.scopes;
    if (preset !== "github" && !scopes.includes("openid")) {
      this.#reader.report(
        "scopes",
        'must contain "openid": without it the provider does not say who signed in',
      );
    }
    return scopes;
  }

  /** Reports a table by which no person, or everyone in the world, could sign in. */
  #checkEntry(issuer: string, { groupsClaim }: { groupsClaim: string | undefined }): void {
    const { allow, roles = {}, projects = {}, default_role: defaultRole, preset = "oidc" } = this.#table;
    const byGroup = [...Object.keys(roles), ...Object.keys(projects), ...allow?.groups ?? []];
    if (byGroup.length > 0 && groupsClaim === undefined) {
      this.#reader.missing("groups_claim", `${this.#preset.title} sends no groups by itself`);
    }
    const isBroken = this.#context.resolver.hasProblemAt(this.#reader.at("default_role"));
    if (defaultRole === undefined && !isBroken && Object.keys(roles).length === 0) {
      this.#reader.missing("roles", "without roles and default_role no person can sign in");
    }
    const isLimited = Object.values(allow ?? {}).some((list) => (list?.length ?? 0) > 0);
    if (defaultRole !== undefined && !isLimited && isPublicIssuer(preset, issuer)) {
      this.#reader.missing(
        "allow",
        `with default_role, every account of ${this.#preset.title} in the world could sign in; ` +
          "name domains, groups or emails",
      );
    }
  }
}

/** Providers with which people sign in: what the proxy knows of each. */

/** How the proxy shows its client secret at the token endpoint (OpenID Connect Core, section 9). */
export type ClientSecretPlace = "basic" | "post";

/** What is known of a provider, so that the configuration need not say it. */
export interface SignInPreset {
  /** The name on the button. */
  readonly title: string;
  /** The issuer; `undefined` if each installation has another one. */
  readonly issuer?: string;
  /** What an issuer looks like, and a pattern for it; `undefined` if any URL may be one. */
  readonly issuerForm?: { readonly example: string; readonly pattern: RegExp };
  readonly scopes: readonly string[];
  /** The claim with the groups; `undefined` if the provider has none. */
  readonly groupsClaim?: string;
  /** `undefined` if the metadata of the provider decides. */
  readonly secretPlace?: ClientSecretPlace;
  /** Whether every person in the world can have an account, so that an account alone proves nothing. */
  readonly isPublic: boolean;
  /** The claim that names the organisation by its domain; `undefined` if the verified email address does. */
  readonly domainClaim?: string;
  /** Whether the provider does not say when a person logged in, so that each sign-in has to be a proof. */
  readonly leavesOutLoginTime?: true;
  /** The `prompt` that asks for a new login; `undefined` for `login` (OpenID Connect Core, 3.1.2.1). */
  readonly freshPrompt?: string;
  /** Hosts besides that of the issuer, for the flag `--allow-net`. */
  readonly hosts?: readonly string[];
}

/** The tenant of Microsoft with all personal accounts. */
const PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad";

const OPENID_SCOPES = ["openid", "profile", "email"] as const;

/** All presets. `oidc` is any other provider with OpenID Connect. */
export const SIGN_IN_PRESETS = {
  oidc: { title: "OpenID Connect", scopes: OPENID_SCOPES, groupsClaim: "groups", isPublic: false },
  google: {
    title: "Google",
    issuer: "https://accounts.google.com",
    scopes: OPENID_SCOPES,
    secretPlace: "post",
    isPublic: true,
    domainClaim: "hd",
    // Google sends "auth_time" only to programs that it has verified.
    leavesOutLoginTime: true,
    // Google documents "none", "consent" and "select_account" alone.
    freshPrompt: "select_account",
    hosts: ["oauth2.googleapis.com", "www.googleapis.com", "openidconnect.googleapis.com"],
  },
  microsoft: {
    title: "Microsoft",
    issuerForm: {
      example: "https://login.microsoftonline.com/TENANT_ID/v2.0",
      pattern: /^https:\/\/login\.microsoftonline\.com\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\/v2\.0$/,
    },
    scopes: OPENID_SCOPES,
    groupsClaim: "groups",
    secretPlace: "post",
    isPublic: false,
    hosts: ["graph.microsoft.com"],
  },
  github: {
    title: "GitHub",
    issuer: "https://github.com",
    scopes: ["read:user", "user:email", "read:org"],
    groupsClaim: "groups",
    secretPlace: "post",
    isPublic: true,
    hosts: ["api.github.com"],
  },
  authentik: {
    title: "Authentik",
    issuerForm: {
      example: "https://auth.example.com/application/o/SLUG/",
      pattern: /\/application\/o\/[^/]+\/$/,
    },
    scopes: OPENID_SCOPES,
    groupsClaim: "groups",
    secretPlace: "post",
    isPublic: false,
  },
  keycloak: {
    title: "Keycloak",
    issuerForm: { example: "https://sso.example.com/realms/REALM", pattern: /\/realms\/[^/]+$/ },
    scopes: OPENID_SCOPES,
    groupsClaim: "groups",
    isPublic: false,
  },
  authelia: {
    title: "Authelia",
    issuerForm: { example: "https://auth.example.com", pattern: /^https?:\/\/[^/]+$/ },
    scopes: [...OPENID_SCOPES, "groups"],
    groupsClaim: "groups",
    secretPlace: "basic",
    isPublic: false,
  },
} as const satisfies Readonly<Record<string, SignInPreset>>;

/** The word of a preset in the configuration, like `keycloak`. */
export type SignInPresetName = keyof typeof SIGN_IN_PRESETS;

/** The names of all presets. */
export const SIGN_IN_PRESET_NAMES: readonly SignInPresetName[] = Object.keys(
  SIGN_IN_PRESETS,
) as SignInPresetName[];

/** What is known of the providers of a preset. */
export function signInPreset(name: SignInPresetName): SignInPreset {
  return SIGN_IN_PRESETS[name];
}

/** Whether every person in the world can have an account at an issuer. */
export function isPublicIssuer(name: SignInPresetName, issuer: string): boolean {
  const preset = signInPreset(name);
  return preset.isPublic && (preset.issuer === undefined || preset.issuer === issuer) ||
    issuer.includes(PERSONAL_TENANT);
}

/** What a person may do, the most first. A person with several roles has the first of them. */
export const ROLES = ["admin", "manager", "member", "viewer"] as const;

/** The role of a person at the admin page and in the management API. */
export type Role = typeof ROLES[number];

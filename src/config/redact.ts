import { isPostgresUrl, parsePostgresUrl } from "../network/postgres_url.ts";
import { basicCredentials } from "./read/outbound_proxy.ts";
import type { Config, SharedLimitsConfig, SignInProvider } from "./config.ts";

/** Shorter values are not redacted: they can be common words, which would be removed from every log line. */
export const MIN_SECRET_LENGTH = 8;

/** All secrets of a configuration, to redact them from logs and errors. */
export function secretsOf({ auth, endpoints, management }: Config): string[] {
  const tokens = auth.mode === "token" ? auth.tokens.map(({ token }) => token) : [];
  const backends = endpoints.flatMap((endpoint) => endpoint.backends);
  const ofBackends = backends.flatMap(({ key, headers, connection }) => [
    ...(key.mode === "inject" ? [key.value] : []),
    ...headers.map(([, value]) => value),
    ...(connection.proxy?.login === undefined
      ? []
      : [connection.proxy.login.password, basicCredentials(connection.proxy.login)]),
    ...(connection.clientCert === undefined ? [] : [connection.clientCert.key]),
  ]);
  const ofManagement = management === undefined ? [] : [
    ...(management.token === undefined ? [] : [management.token]),
    ...databasePassword(management.databaseUrl),
    ...(management.encryptionKey === undefined ? [] : [management.encryptionKey.toBase64()]),
    ...limitsPassword(management.sharedLimits),
    ...(management.signIn?.providers ?? []).flatMap(signInSecrets),
  ];
  return [...new Set([...tokens, ...ofBackends, ...ofManagement])].filter(({ length }) =>
    length >= MIN_SECRET_LENGTH
  );
}

function signInSecrets({ clientSecret, outbound: { http, https } }: SignInProvider): string[] {
  const logins = [http?.login, https?.login].filter((login) => login !== undefined);
  return [
    ...(clientSecret === undefined ? [] : [clientSecret, encodeURIComponent(clientSecret)]),
    ...logins.flatMap((login) => [login.password, basicCredentials(login)]),
  ];
}

/** The password of the server of shared limits. */
function limitsPassword(limits: SharedLimitsConfig | undefined): string[] {
  if (limits === undefined) return [];
  const { server } = limits;
  if (server.kind === "postgres") return databasePassword(server.url);
  return server.password === undefined ? [] : [server.password];
}

/** The password of a database, as it is and as the URL writes it. */
function databasePassword(url: string): string[] {
  const parsed = isPostgresUrl(url) ? parsePostgresUrl(url) : undefined;
  if (parsed === undefined || "problems" in parsed || parsed.password === undefined) return [];
  return [parsed.password, encodeURIComponent(parsed.password), new URL(url).password];
}

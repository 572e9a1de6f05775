import { basicCredentials } from "./read/outbound_proxy.ts";
import type { Config } from "./config.ts";

/** Shorter values are everyday words or could be guessed, and would disfigure every line they are taken out of. */
export const MIN_SECRET_LENGTH = 8;

/** Every value of a configuration that must never be shown. */
export function secretsOf({ auth, endpoints, management }: Config): string[] {
  const tokens = auth.mode === "token" ? auth.tokens.map(({ token }) => token) : [];
  const backends = endpoints.flatMap((endpoint) => endpoint.backends);
  const ofBackends = backends.flatMap(({ key, headers, connection }) => [
    ...(key.mode === "inject" ? [key.value] : []),
    ...headers.map(([, value]) => value),
    ...(connection.proxy?.login === undefined
      ? []
      : [connection.proxy.login.password, basicCredentials(connection.proxy.login)]),
  ]);
  const ofManagement = management === undefined ? [] : [
    management.token,
    ...(management.encryptionKey === undefined ? [] : [management.encryptionKey.toBase64()]),
  ];
  return [...new Set([...tokens, ...ofBackends, ...ofManagement])].filter(({ length }) =>
    length >= MIN_SECRET_LENGTH
  );
}

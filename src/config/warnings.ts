import { isLoopback } from "./read/outbound_proxy.ts";
import { injectsCredential } from "./credentials.ts";
import type { Config } from "./config.ts";

/** Tokens with fewer characters cause a warning. */
const SHORT_TOKEN = 16;

/** Warnings about a valid configuration. Each is a sentence without its full stop. */
export function configWarnings(config: Config): string[] {
  return [...authWarnings(config), ...trustedProxyWarnings(config), ...objectWarnings(config)];
}

function trustedProxyWarnings({ server }: Config): string[] {
  const trustsEveryone = server.trustedProxies.some((range) => /\/0$/.test(range));
  return trustsEveryone
    ? ["trusted_proxies contains every address: each client can forge its IP address"]
    : [];
}

/** Only managed tokens are restricted. */
function objectWarnings({ endpoints, management }: Config): string[] {
  if (management !== undefined) return [];
  return endpoints.filter(({ unknownObjects }) => unknownObjects === "reject").map(({ name }) =>
    `unknown_objects of ${name} has no effect without the management plane (MANAGEMENT_TOKEN)`
  );
}

function authWarnings({ auth, endpoints, server }: Config): string[] {
  if (auth.mode === "token") {
    return auth.tokens.filter(({ token }) => token.length < SHORT_TOKEN).map(({ name }) =>
      `the token ${
        name === "shared" ? "" : `of ${name} `
      }is shorter than ${SHORT_TOKEN} characters and could be guessed`
    );
  }
  const injecting = endpoints.filter(({ backends }) => backends.some(injectsCredential));
  const keys = injecting.length === 0
    ? ""
    : `, with the keys of ${injecting.map(({ name }) => name).join(", ")}`;
  const who = isLoopback(server.host) ? "every program on this machine" : "every machine on the network";
  return [`no token is required: ${who} can use this proxy${keys}`];
}

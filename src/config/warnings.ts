import { isLoopback } from "./read/outbound_proxy.ts";
import { injectsCredential } from "./credentials.ts";
import type { Config } from "./config.ts";

const SHORT_TOKEN = 16;

/** What works, and should be known all the same; each is a sentence without its full stop. */
export function configWarnings(config: Config): string[] {
  return [...ofAuth(config), ...ofProxies(config)];
}

/** Whoever is believed by everybody can say every address. */
function ofProxies({ server }: Config): string[] {
  const isEverybody = server.trustedProxies.some((range) => /\/0$/.test(range));
  return isEverybody
    ? ["trusted_proxies names every address: everybody can choose the address that counts for them"]
    : [];
}

function ofAuth({ auth, endpoints, server }: Config): string[] {
  if (auth.mode === "token") {
    return auth.tokens.filter(({ token }) => token.length < SHORT_TOKEN).map(({ name }) =>
      `the token ${
        name === "shared" ? "" : `of ${name} `
      }is shorter than ${SHORT_TOKEN} characters; a long random one cannot be guessed`
    );
  }
  const injecting = endpoints.filter(({ backends }) => backends.some(injectsCredential));
  const keys = injecting.length === 0
    ? ""
    : `, with the keys of ${injecting.map(({ name }) => name).join(", ")}`;
  const who = isLoopback(server.host) ? "every program of this machine" : "every machine of the network";
  return [`no token is asked for: ${who} may use this proxy${keys}`];
}

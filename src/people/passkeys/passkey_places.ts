/** Where the admin page can use passkeys: at HTTPS with a host name, and at `localhost`. */

/** An origin of the admin page where browsers allow passkeys. */
export interface PasskeyPlace {
  /** The origin as browsers write it: `https://llm.example.com`. */
  readonly origin: string;
  /** The host name, for which passkeys are made. Another place with the name has the same passkeys. */
  readonly rpId: string;
}

/**
 * The places among URLs. Browsers allow passkeys neither for IP addresses, nor without HTTPS except at
 * `localhost`.
 */
export function passkeyPlaces(urls: readonly string[]): readonly PasskeyPlace[] {
  const places = urls.map((url) => new URL(url)).filter(({ protocol, hostname }) =>
    hostname === "localhost" || protocol === "https:" && !isAddress(hostname)
  );
  return [...new Set(places.map(({ origin }) => origin))].map((origin) => ({
    origin,
    rpId: new URL(origin).hostname,
  }));
}

/** The host of a URL is an address if it has brackets, or if its last part is a number. */
function isAddress(hostname: string): boolean {
  return hostname.startsWith("[") || /(?:^|\.)\d+$/.test(hostname);
}

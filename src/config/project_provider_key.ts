import type { Backend, Endpoint } from "./config.ts";

/**
 * The key that replaces the key of a backend: the key that the client's project has for the endpoint;
 * `undefined` if the backend keeps its key; `null` if the key of the project cannot be decrypted.
 */
export function projectProviderKey(
  backend: Backend,
  { endpoint, keys }: {
    readonly endpoint: Endpoint;
    /** The keys of the project, by endpoint. */
    readonly keys: ReadonlyMap<string, string | null>;
  },
): string | null | undefined {
  // Most clients belong to no project with keys.
  if (keys.size === 0) return undefined;
  const value = keys.get(endpoint.name);
  // Another origin may be another provider, which must not get this key.
  const isSameProvider = backend.baseUrl.origin === endpoint.backends[0]?.baseUrl.origin;
  return value === null || isSameProvider ? value : undefined;
}

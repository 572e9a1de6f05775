/** Two versions have the same bytes once in four billion times. */
const VERSION_BYTES = 4;

/**
 * The version of what a server does for shared limits, such as `v1a2b3c4d`: the first bytes of the hash of
 * its script. Counts belong to a version, so replicas with different scripts never change the counts of each
 * other, and a changed script cannot keep its version.
 */
export async function protocolVersion(script: string): Promise<string> {
  return `v${await shortHash(script)}`;
}

/** The version of the counts on one server. `place` is where the server is. */
export async function versionAt(version: string, place: string): Promise<string> {
  return `${version}-${await shortHash(place)}`;
}

async function shortHash(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(bytes, 0, VERSION_BYTES).toHex();
}

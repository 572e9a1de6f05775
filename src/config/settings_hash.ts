/** Settings that the replicas of one machine cannot share, and those that name files of one machine. */
const OF_ONE_PROCESS: ReadonlySet<string> = new Set([
  "server.host",
  "server.port",
  "server.https_port",
  "server.admin_port",
  "server.workers",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
]);
const HASH_CHARACTERS = 12;

/**
 * The hash of the settings of a configuration, for a comparison by people and replicas. The settings are
 * hashed as `llm-proxy check` shows them, so that the hash depends on no secret. The addresses and the
 * threads of one process are left out.
 */
export async function settingsHash(
  settings: Iterable<{ readonly key: string; readonly shown: string }>,
): Promise<string> {
  const lines = [...settings].filter(({ key }) => !OF_ONE_PROCESS.has(key))
    .map(({ key, shown }) => JSON.stringify([key, shown])).sort();
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(lines.join("\n")));
  return new Uint8Array(digest).toHex().slice(0, HASH_CHARACTERS);
}

/** Matches the keys of a configuration file that name other files. */
const NAMED_FILE =
  /^\s*(?:ca_file|client_cert_file|client_key_file|tls_cert_file|tls_key_file)\s*=\s*(?:"([^"]+)"|'([^']+)')/gm;

/** The files that the text of a configuration file names. */
export function namedFiles(text: string): string[] {
  return [...text.matchAll(NAMED_FILE)].flatMap(([, name, literal]) => name ?? literal ?? []);
}

/** Matches comments of TOML that fill a line. */
const COMMENT = /^\s*#.*$/gm;
/** Matches the keys of a configuration file, in TOML or JSON, that name other files. */
const NAMED_FILE =
  /\b(?:ca|client_cert|client_key|client_secret|jwks|prices|tls_cert|tls_key)_file"?\s*[=:]\s*(?:"([^"]+)"|'([^']+)')/g;

/** The files that the text of a configuration file names. */
export function namedFiles(text: string): string[] {
  return [...text.replace(COMMENT, "").matchAll(NAMED_FILE)].flatMap(([, name, literal]) =>
    name ?? literal ?? []
  );
}

/**
 * URLs of PostgreSQL databases, as in the manual of PostgreSQL 15, section 34.1.1.2. Password files and root
 * certificates are only named here.
 */

/** How a connection uses TLS, by the words of PostgreSQL. */
export const SSL_MODES = ["disable", "prefer", "require", "verify-ca", "verify-full"] as const;
/** A member of {@link SSL_MODES}. */
export type SslMode = typeof SSL_MODES[number];

/** The address of a PostgreSQL database. */
export interface PostgresUrl {
  /** A host name, an IP address, or the folder of a Unix socket, which begins with a slash. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  /** `undefined` if the URL has no password. */
  readonly password: string | undefined;
  readonly sslMode: SslMode;
  /** The file with the certificates of the authorities; `undefined` for the authorities of the runtime. */
  readonly sslRootCert: string | undefined;
  /** The file with passwords; `undefined` for none. */
  readonly passFile: string | undefined;
  /** Whether a pooler shares connections between transactions; `undefined` to find out. */
  readonly isPooled: boolean | undefined;
}

/** The folder on this machine for prices and other files, where the database is PostgreSQL. */
export const LOCAL_FOLDER = "./data/";

const DEFAULT_PORT = 5432;
const PARAMETERS = ["host", "port", "user", "sslmode", "sslrootcert", "passfile", "pgbouncer"];
const EXAMPLE = "postgres://USER:PASSWORD@HOST:5432/DATABASE";

/** Whether a URL names a PostgreSQL database. */
export function isPostgresUrl(text: string): boolean {
  return /^postgres(?:ql)?:/.test(text);
}

/** Reads a URL. Returns the problems of a wrong one as texts, which do not contain the URL. */
export function parsePostgresUrl(text: string): PostgresUrl | { readonly problems: readonly string[] } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !isPostgresUrl(text) || !text.includes("://")) {
    return { problems: [`is not a URL like ${EXAMPLE}; write special characters as %XX`] };
  }
  const problems: string[] = [];
  const decoded = (what: string, value: string): string => {
    try {
      return decodeURIComponent(value);
    } catch {
      problems.push(`has a wrong % in its ${what}`);
      return "";
    }
  };
  const parameters = url.searchParams;
  for (const name of new Set(parameters.keys())) {
    if (!PARAMETERS.includes(name)) {
      // A password with a `?` makes the rest of the URL a parameter. The message must not show it.
      const shown = /^[a-z_]+$/.test(name) && !url.search.includes("@") ? ` ${JSON.stringify(name)}` : "";
      problems.push(
        `has an unknown parameter${shown}: use ${PARAMETERS.join(", ")}; write a ? in a password as %3F`,
      );
    }
  }
  const value = (name: string): string | undefined => parameters.get(name) || undefined;
  const host = value("host") ?? decoded("host", url.hostname).replace(/^\[(.*)\]$/, "$1");
  if (host === "") {
    problems.push("names no host: write postgres://HOST/…, or ?host=/run/postgresql for a socket");
  }
  const portText = value("port") ?? (url.port === "" ? String(DEFAULT_PORT) : url.port);
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
  if (port < 1 || port > 65_535) problems.push("has a port that is not a number from 1 to 65535");
  const user = value("user") ?? decoded("user name", url.username);
  if (user === "") problems.push("names no user: write postgres://USER@…, or ?user=USER");
  const sslMode = readSslMode(value("sslmode"), { host, problems });
  const sslRootCert = value("sslrootcert");
  if (sslMode.startsWith("verify") && host.startsWith("/")) {
    problems.push("asks for a certificate (sslmode), but a Unix socket has none");
  }
  const pooled = value("pgbouncer");
  if (pooled !== undefined && !["true", "false"].includes(pooled)) {
    problems.push("has a pgbouncer that is not true or false");
  }
  const password = decoded("password", url.password);
  const database = decoded("database", url.pathname.replace(/^\//, ""));
  for (const [what, part] of [["user", user], ["password", password], ["database", database]] as const) {
    if (part.includes("\0")) problems.push(`has a NUL character in its ${what}`);
  }
  if (problems.length > 0) return { problems };
  return {
    host,
    port,
    user,
    database: database === "" ? user : database,
    password: password === "" ? undefined : password,
    sslMode,
    sslRootCert,
    passFile: value("passfile"),
    isPooled: pooled === undefined ? undefined : pooled === "true",
  };
}

/** The URL for users: without its password and its parameters. */
export function shownPostgresUrl({ host, port, user, database }: PostgresUrl): string {
  const at = host.includes(":") ? `[${host}]` : encodeURIComponent(host).replaceAll("%2F", "/");
  const name = `${encodeURIComponent(user)}@${host.startsWith("/") ? "" : `${at}:${port}`}`;
  const socket = host.startsWith("/") ? `?host=${at}&port=${port}` : "";
  return `postgres://${name}/${encodeURIComponent(database)}${socket}`;
}

/** The URL with its parameters, and with `[redacted]` for its password. Gives other URLs as they are. */
export function withoutPassword(text: string): string {
  if (!isPostgresUrl(text)) return text;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) return "postgres://…";
  if (url.password === "") return text;
  url.password = "x";
  return url.href.replace(":x@", ":[redacted]@");
}

/** The URL with a password, if it has none. */
export function withPassword(text: string, password: string | undefined): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (password === undefined || url === undefined || url.password !== "") return text;
  const parsed = parsePostgresUrl(text);
  if ("problems" in parsed || parsed.passFile !== undefined) return text;
  // A URL cannot have a password without a host before its parameters.
  if (url.hostname === "") url.hostname = encodeURIComponent(parsed.host);
  url.username ||= encodeURIComponent(parsed.user);
  url.password = encodeURIComponent(password);
  return url.href;
}

function readSslMode(
  text: string | undefined,
  { host, problems }: { host: string; problems: string[] },
): SslMode {
  // As in libpq: TLS where the server has it. A Unix socket needs none.
  if (text === undefined) return host.startsWith("/") ? "disable" : "prefer";
  const mode = SSL_MODES.find((one) => one === text);
  if (mode === undefined) problems.push(`has an sslmode that is not one of ${SSL_MODES.join(", ")}`);
  return mode ?? "disable";
}

/** Reads the URL of a Redis or Valkey server. */

/** The address of a server, and how to sign in. */
export interface RedisPlace {
  /** The path of a unix socket, or a host with its port. */
  readonly at: { readonly path: string } | {
    readonly hostname: string;
    readonly port: number;
    readonly tls: boolean;
    /** A PEM file with the authorities to trust, in the place of Mozilla's. */
    readonly caFile?: string;
  };
  readonly username?: string;
  readonly password?: string;
  readonly database?: number;
}

const DEFAULT_PORT = 6379;
const SCHEMES: Readonly<Record<string, { readonly tls: boolean }>> = {
  "redis:": { tls: false },
  "valkey:": { tls: false },
  "rediss:": { tls: true },
  "valkeys:": { tls: true },
};
/** The parameter for the file with the authorities. Clients of Redis in Python have the same one. */
const CA_FILE = "ssl_ca_certs";
const UNIX = /^(?:redis|valkey)\+unix:\/\/(\/[^?#]+)$/;

/**
 * Reads a URL: `redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`, `rediss://…` with TLS, or
 * `redis+unix:///PATH`. `valkey` means the same as `redis`. With TLS, `?ssl_ca_certs=PATH` names a PEM file
 * with the authorities to trust. Returns `undefined` for other texts.
 */
export function readRedisUrl(text: string): RedisPlace | undefined {
  const path = UNIX.exec(text)?.[1];
  if (path !== undefined) return { at: { path } };
  const url = URL.parse(text);
  const scheme = url && SCHEMES[url.protocol];
  if (url === null || scheme === undefined || scheme === null || url.hostname === "") return undefined;
  const database = /^\/(\d{1,5})?$/.exec(url.pathname === "" ? "/" : url.pathname);
  if (database === null || url.hash !== "") return undefined;
  const caFile = url.searchParams.get(CA_FILE) ?? undefined;
  const hasOther = [...url.searchParams.keys()].some((name) => name !== CA_FILE);
  if (hasOther || caFile === "" || caFile !== undefined && !scheme.tls) return undefined;
  const port = url.port === "" ? DEFAULT_PORT : Number(url.port);
  try {
    return {
      at: {
        hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
        port,
        tls: scheme.tls,
        ...caFile !== undefined && { caFile },
      },
      ...url.username !== "" && { username: decodeURIComponent(url.username) },
      ...url.password !== "" && { password: decodeURIComponent(url.password) },
      ...database[1] !== undefined && { database: Number(database[1]) },
    };
  } catch {
    // The user name or the password is not encoded correctly.
    return undefined;
  }
}

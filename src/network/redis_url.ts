/** Reads the URL of a Redis or Valkey server. */

/** The address of a server, and how to sign in. */
export interface RedisPlace {
  /** The path of a unix socket, or a host with its port. */
  readonly at: { readonly path: string } | {
    readonly hostname: string;
    readonly port: number;
    readonly tls: boolean;
    /** Certificates of authorities in PEM, besides those of the system. */
    readonly ca?: readonly string[];
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
const UNIX = /^(?:redis|valkey)\+unix:\/\/(\/[^?#]+)$/;

/**
 * Reads a URL: `redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`, `rediss://…` with TLS, or
 * `redis+unix:///PATH`. `valkey` means the same as `redis`. Returns `undefined` for other texts.
 */
export function readRedisUrl(text: string): RedisPlace | undefined {
  const path = UNIX.exec(text)?.[1];
  if (path !== undefined) return { at: { path } };
  const url = URL.parse(text);
  const scheme = url && SCHEMES[url.protocol];
  if (url === null || scheme === undefined || scheme === null || url.hostname === "") return undefined;
  const database = /^\/(\d{1,5})?$/.exec(url.pathname === "" ? "/" : url.pathname);
  if (database === null || url.search !== "" || url.hash !== "") return undefined;
  const port = url.port === "" ? DEFAULT_PORT : Number(url.port);
  try {
    return {
      at: { hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"), port, tls: scheme.tls },
      ...url.username !== "" && { username: decodeURIComponent(url.username) },
      ...url.password !== "" && { password: decodeURIComponent(url.password) },
      ...database[1] !== undefined && { database: Number(database[1]) },
    };
  } catch {
    // The user name or the password is not encoded correctly.
    return undefined;
  }
}

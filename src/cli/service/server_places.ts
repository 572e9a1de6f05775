import type { ManagementConfig } from "../../config/config.ts";
import { isPostgresUrl } from "../../network/postgres_url.ts";
import type { RedisPlace } from "../../network/redis_url.ts";
import { postgresUrlOf } from "../../storage/open.ts";

/** The place of a server that the management plane uses. */
export interface ServerPlace {
  /** The variable with its URL. */
  readonly variable: "DATABASE_URL" | "LIMITS_URL";
  /** The address of the server. `undefined` for a Unix socket. */
  readonly address: { readonly hostname: string; readonly port: number } | undefined;
  /** The paths of the socket, of certificates and of password files on the machine of the proxy. */
  readonly files: readonly string[];
}

/**
 * Returns the servers of a configuration: the database, if it is a server, and the server of shared limits.
 */
export function serverPlaces(management: ManagementConfig | undefined): ServerPlace[] {
  const server = management?.sharedLimits?.server;
  return [
    ...ofPostgres("DATABASE_URL", management?.databaseUrl),
    ...(server?.kind === "redis" ? [ofRedis(server)] : ofPostgres("LIMITS_URL", server?.url)),
  ];
}

function ofPostgres(variable: ServerPlace["variable"], url: string | undefined): ServerPlace[] {
  if (url === undefined || !isPostgresUrl(url)) return [];
  const { host, port, sslRootCert, passFile } = postgresUrlOf(url);
  const isSocket = host.startsWith("/");
  const files = [isSocket ? host : undefined, sslRootCert, passFile].filter((file) => file !== undefined);
  return [{ variable, address: isSocket ? undefined : { hostname: host, port }, files }];
}

function ofRedis({ at }: RedisPlace): ServerPlace {
  const variable = "LIMITS_URL";
  return "path" in at
    ? { variable, address: undefined, files: [at.path] }
    : { variable, address: at, files: at.caFile === undefined ? [] : [at.caFile] };
}

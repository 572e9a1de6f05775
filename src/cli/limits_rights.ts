import type { SharedLimitsConfig } from "../config/config.ts";
import { hostAndPort } from "../network/host_port.ts";
import { type PostgresRights, postgresRights } from "./postgres_rights.ts";

/** Returns the rights for the server of shared limits. Empty if this process counts alone. */
export function limitsRights(limits: SharedLimitsConfig | undefined): PostgresRights {
  if (limits === undefined) return postgresRights(undefined);
  const { server } = limits;
  if (server.kind === "postgres") return postgresRights(server.url);
  const { at } = server;
  return "path" in at ? { net: [`unix:${at.path}`], sockets: [at.path], files: [], variables: [] } : {
    net: [hostAndPort(at)],
    sockets: [],
    files: at.caFile === undefined ? [] : [at.caFile],
    variables: [],
  };
}

import type { SharedLimitsConfig } from "../../config/config.ts";
import { parsePostgresUrl } from "../../network/postgres_url.ts";
import type { RedisPlace } from "../../network/redis_url.ts";
import { versionAt } from "./protocol_version.ts";
import { RemoteLimits } from "./remote_limits.ts";
import type { SharedLimits } from "./shared_limits.ts";

/** Shared counts, and how long a request waits for them. */
export interface OpenedLimits {
  readonly limits: SharedLimits;
  /** How long a request waits for an answer, in milliseconds. */
  readonly timeoutMs: number;
  /**
   * The version of the counts, with the place of their server. Replicas with another one do not share them.
   */
  readonly limitsVersion?: string;
  /**
   * Returns a problem of the server's settings, as a text for the log. `undefined` if there is no problem.
   */
  readonly findProblem?: () => Promise<string | undefined>;
}

/** Redis answers within a millisecond, if it answers. */
const REDIS_TIMEOUT_MS = 500;
/** PostgreSQL also runs the queries of usage, so its answers can take longer. */
const POSTGRES_TIMEOUT_MS = 2_000;
/** A call may take at least this time, in milliseconds, even if requests wait for a shorter time. */
const CALL_MS = 2_000;

/** Opens the shared counts of a configuration. Their driver is loaded only here. */
export async function openSharedLimits(
  { server, ...config }: SharedLimitsConfig,
): Promise<OpenedLimits> {
  const timeoutMs = config.timeoutMs ?? (server.kind === "redis" ? REDIS_TIMEOUT_MS : POSTGRES_TIMEOUT_MS);
  // A late call still changes the counts. So a call continues after its request has stopped waiting.
  const callMs = Math.max(CALL_MS, timeoutMs);
  if (server.kind === "redis") {
    const { RedisLimitsServer, redisVersion } = await import("./redis/redis_server.ts");
    const redis = await RedisLimitsServer.open(server, { timeoutMs: callMs });
    return {
      limits: new RemoteLimits(redis),
      timeoutMs,
      limitsVersion: await versionAt(await redisVersion(), redisPlace(server)),
      async findProblem() {
        const policy = await redis.evictionPolicy();
        if (policy === undefined || policy === "noeviction") return undefined;
        return `the server of the limits has maxmemory-policy ${policy}, and may drop counts when its memory is full; ` +
          "set maxmemory-policy noeviction";
      },
    };
  }
  const { PostgresLimitsServer } = await import("./postgres/postgres_server.ts");
  const { connectLimits } = await import("./postgres/connect_limits.ts");
  const { postgresVersion } = await import("./postgres/versioned_names.ts");
  const connect = () => connectLimits(server.url);
  return {
    limits: new RemoteLimits(new PostgresLimitsServer({ connect, timeoutMs: callMs })),
    timeoutMs,
    limitsVersion: await versionAt(await postgresVersion(), postgresPlace(server.url)),
  };
}

function redisPlace({ at, database = 0 }: RedisPlace): string {
  return `${"path" in at ? at.path : `${at.hostname}:${at.port}`}/${database}`;
}

function postgresPlace(url: string): string {
  const parsed = parsePostgresUrl(url);
  return "problems" in parsed ? url : `${parsed.host}:${parsed.port}/${parsed.database}`;
}

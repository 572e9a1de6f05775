import type { SharedLimitsConfig } from "../../config/config.ts";
import { RemoteLimits } from "./remote_limits.ts";
import type { SharedLimits } from "./shared_limits.ts";

/** Shared counts, and how long a request waits for them. */
export interface OpenedLimits {
  readonly limits: SharedLimits;
  /** In milliseconds. */
  readonly timeoutMs: number;
  /** What is wrong with the settings of the server, as a text for the log. `undefined` if nothing is. */
  readonly findProblem?: () => Promise<string | undefined>;
}

/** Redis answers within a millisecond, if it answers. */
const REDIS_TIMEOUT_MS = 500;
/** PostgreSQL also has the queries of usage to do. */
const POSTGRES_TIMEOUT_MS = 2_000;
/** The shortest time that a call may take. */
const CALL_MS = 2_000;

/** Opens the shared counts of a configuration. Their driver is loaded only here. */
export async function openSharedLimits(
  { server, ...config }: SharedLimitsConfig,
): Promise<OpenedLimits> {
  const timeoutMs = config.timeoutMs ?? (server.kind === "redis" ? REDIS_TIMEOUT_MS : POSTGRES_TIMEOUT_MS);
  // What a late call has changed counts, so calls go on after the requests have stopped to wait for them.
  const callMs = Math.max(CALL_MS, timeoutMs);
  if (server.kind === "redis") {
    const { RedisLimitsServer } = await import("./redis/redis_server.ts");
    const redis = await RedisLimitsServer.open(server, { timeoutMs: callMs });
    return {
      limits: new RemoteLimits(redis),
      timeoutMs,
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
  const connect = () => connectLimits(server.url);
  return { limits: new RemoteLimits(new PostgresLimitsServer({ connect, timeoutMs: callMs })), timeoutMs };
}

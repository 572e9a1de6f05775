import type { SharedLimitsConfig } from "../../config/config.ts";
import { RemoteLimits } from "./remote_limits.ts";
import type { SharedLimits } from "./shared_limits.ts";

/** Opens the shared counts of a configuration. Their driver is loaded only here. */
export async function openSharedLimits({ server }: SharedLimitsConfig): Promise<SharedLimits> {
  const { RedisLimitsServer } = await import("./redis/redis_server.ts");
  return new RemoteLimits(await RedisLimitsServer.open(server));
}

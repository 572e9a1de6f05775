import type { SharedLimitsConfig } from "../../config/config.ts";
import type { SharedLimits } from "./shared_limits.ts";

/** Opens the shared counts of a configuration. Their driver is loaded only here. */
export async function openSharedLimits({ server }: SharedLimitsConfig): Promise<SharedLimits> {
  const { RedisLimits } = await import("./redis/redis_limits.ts");
  return await RedisLimits.open(server);
}

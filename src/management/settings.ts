import type { ManagementConfig } from "../config/config.ts";
import { type AddressTest, addressTest } from "../network/ip_ranges.ts";

/** The settings of the management plane that a reload can change. */
export class ManagementSettings {
  #config: ManagementConfig;
  #mayManage: AddressTest;

  constructor(config: ManagementConfig) {
    this.#config = config;
    this.#mayManage = addressTest(config.allowedIps);
  }

  /** Takes over another configuration. */
  apply(config: ManagementConfig): void {
    this.#config = config;
    this.#mayManage = addressTest(config.allowedIps);
  }

  get now(): Pick<ManagementConfig, "retentionDays" | "metricsPublic" | "adminIdleMs" | "backup"> {
    return this.#config;
  }

  /** Whether an address may use the management plane (`management.allowed_ips`). */
  mayManage(address: string): boolean {
    return this.#mayManage(address);
  }
}

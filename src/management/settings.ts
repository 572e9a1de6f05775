import type { ManagementConfig } from "../config/config.ts";
import { type AddressTest, addressTest } from "../network/ip_ranges.ts";

/** The current settings of the management plane. A reload changes them. */
export class ManagementSettings {
  #config: ManagementConfig;
  #mayManage: AddressTest;

  constructor(config: ManagementConfig) {
    this.#config = config;
    this.#mayManage = addressTest(config.allowedIps);
  }

  /** Applies another configuration. */
  apply(config: ManagementConfig): void {
    this.#config = config;
    this.#mayManage = addressTest(config.allowedIps);
  }

  /** The settings of the configuration that was applied last. */
  get now(): Pick<ManagementConfig, "retentionDays" | "metricsPublic" | "adminIdleMs" | "backup"> {
    return this.#config;
  }

  /** Whether an address may use the management plane (`management.allowed_ips`). */
  mayManage(address: string): boolean {
    return this.#mayManage(address);
  }
}

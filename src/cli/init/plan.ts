/** The choices for `llm-proxy init`. They come from options or from the answers of the user. */

import type { PresetName } from "../../config/values/presets.ts";

/** A provider that the user chose. */
export interface ChosenProvider {
  readonly name: PresetName;
  readonly baseUrl: string;
  /** The key. `undefined` for a local server that needs none. */
  readonly key: string | undefined;
}

/** All choices of the user. */
export interface Plan {
  /** The folder to write to. It may not exist yet. */
  readonly folder: string;
  /** The providers, at least one. */
  readonly providers: readonly ChosenProvider[];
  /** One shared token for all clients, or a managed token for each client. */
  readonly access: "one token" | "managed tokens";
  readonly https: boolean;
  /** Names and IP addresses for the certificate, besides those of this machine. */
  readonly names: readonly string[];
  readonly port: number;
}

/** What `llm-proxy init` is to set up, whether flags or answers say so. */

import { PRESET_NAMES, type PresetName } from "../../config/values/presets.ts";

/** One provider. */
export interface ChosenProvider {
  readonly name: PresetName;
  readonly baseUrl: string;
  /** Undefined: a local server that takes none. */
  readonly key: string | undefined;
}

/** Everything that decides what is written. */
export interface Plan {
  /** Where; it need not exist yet. */
  readonly folder: string;
  /** At least one. */
  readonly providers: readonly ChosenProvider[];
  /** One token for all clients, or tokens that are made and limited one by one. */
  readonly access: "one token" | "managed tokens";
  readonly https: boolean;
  /** Names and addresses for the certificate besides those of this machine. */
  readonly names: readonly string[];
  readonly port: number;
}

/** The variable that holds a provider's key. */
export function keyVariable(name: PresetName): string {
  return `${name.toUpperCase()}_API_KEY`;
}

/** A provider by its name. */
export function presetNamed(text: string): PresetName | undefined {
  return PRESET_NAMES.find((name) => name === text);
}

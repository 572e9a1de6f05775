/** The properties of an endpoint that settings of clients depend on. */

import { type Dialect, DIALECTS } from "../apis/dialects.ts";
import {
  isOriginWith,
  type Preset,
  type PresetName,
  presetNamed,
  presetNameOf,
  PRESETS,
} from "../config/values/presets.ts";
import type { Endpoint } from "../config/config.ts";

/** An endpoint, from the configuration or guessed from its name. */
export interface ConnectEndpoint {
  readonly name: string;
  readonly dialect: Dialect;
  /** The model that the endpoint uses instead of the client's. `undefined` if it does not replace models. */
  readonly model: string | undefined;
  /** The provider behind the endpoint, or `generic` for an unknown one. */
  readonly preset: PresetName;
  /** Whether every upstream is OpenAI or Azure, and so has `/responses`. */
  readonly hasResponses: boolean;
  /** Whether the proxy forwards the client's own key, and reads its token from a separate header. */
  readonly forwardsClientKey: boolean;
}

/** The properties of a configured endpoint. */
export function configuredEndpoint({ name, preset, dialect, backends }: Endpoint): ConnectEndpoint {
  return {
    name,
    dialect,
    model: backends[0]?.model?.otherwise,
    preset: preset ?? presetNameOf(name, backends[0]?.baseUrl.origin),
    hasResponses: backends.every(({ baseUrl }) => isOriginWith("isOpenAi", baseUrl.origin)),
    forwardsClientKey: backends.some(({ key }) => key.mode === "passthrough"),
  };
}

/** The properties of an endpoint that is named after a known provider. `undefined` for other names. */
export function namedEndpoint(
  name: string,
  { forwardsClientKey }: { forwardsClientKey: boolean },
): ConnectEndpoint | undefined {
  const preset = presetNamed(name);
  if (preset === undefined) return undefined;
  const { dialects: [dialect], isOpenAi }: Preset = PRESETS[preset];
  return {
    name,
    dialect,
    model: undefined,
    preset,
    hasResponses: isOpenAi === true,
    forwardsClientKey,
  };
}

/**
 * A model for the settings of a client that speaks a dialect. `undefined` if no model of the endpoint is
 * known.
 */
export function suggestedModel(
  { model, preset, dialect: ownDialect }: ConnectEndpoint,
  dialect: Dialect = ownDialect,
): string | undefined {
  const { model: usual }: Preset = PRESETS[preset];
  return model ?? (usual === "dialect" ? DIALECTS[dialect].model : usual);
}

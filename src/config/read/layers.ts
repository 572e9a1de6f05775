import { shownDuration } from "../values/durations.ts";
import type { BackendSettings } from "../sources/file_schema.ts";
import type { KeyPath, Origin } from "../problem.ts";
import type { Candidate, Resolver } from "./resolver.ts";

/** Settings of a backend or of its endpoint, each with its place. */
export interface Layer {
  readonly settings: BackendSettings;
  /** The place of a setting, for messages. */
  readonly at: (key: keyof BackendSettings) => Origin;
}

type Value<Key extends keyof BackendSettings> = NonNullable<BackendSettings[Key]>;
type TimeoutKey = keyof BackendSettings & `${string}_timeout`;

/** The settings of one backend: its own values first, then those of its endpoint. */
export class LayeredSettings {
  constructor(
    readonly resolver: Resolver,
    /** The place of the backend in the file. */
    readonly path: KeyPath,
    /** The layer with the highest precedence comes first. */
    readonly layers: readonly Layer[],
  ) {}

  /** The place of a setting below {@link path}. */
  keyPath(...keys: readonly string[]): KeyPath {
    return [...this.path, ...keys];
  }

  /** The values that the layers have for a key. The value with the highest precedence comes first. */
  candidates<Key extends keyof BackendSettings>(key: Key): Candidate<Value<Key>>[] {
    return this.layers.flatMap(({ settings, at }) => {
      const value = settings[key];
      return value === undefined || value === null ? [] : [{ value, at: at(key) }];
    });
  }

  /**
   * The value of a key, or the fallback if no layer has one. `show` formats the value for `llm-proxy check`.
   */
  resolve<Key extends keyof BackendSettings>(
    key: Key,
    fallback: Value<Key>,
    show?: (value: Value<Key>) => string,
  ): Value<Key> {
    return this.resolver.resolve<Value<Key>>(this.keyPath(key), this.candidates(key), {
      fallback,
      ...(show && { show }),
    });
  }

  /** The value of a key that has no default. */
  resolveOptional<Key extends keyof BackendSettings>(key: Key): Value<Key> | undefined {
    return this.resolver.resolve<Value<Key> | undefined>(this.keyPath(key), this.candidates(key), {
      fallback: undefined,
    });
  }

  /** A timeout in milliseconds; `undefined` for no limit. */
  timeoutMs(key: TimeoutKey, fallbackMs: number | undefined): number | undefined {
    const value = this.resolve<TimeoutKey>(key, fallbackMs ?? "none", shownDuration);
    return value === "none" ? undefined : value;
  }
}

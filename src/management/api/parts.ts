/** What the management API works with. */

import type { RunningExchange } from "../../accounting/account.ts";
import type { Clock } from "../../time/clock.ts";
import type { Endpoint } from "../../config/config.ts";
import type { BackendReport } from "../../forwarding/balancer.ts";
import type { SettingChange } from "../../config/read/resolver.ts";
import type { Connectable } from "../../connect/settings.ts";
import type { StorageHealth } from "../../own_routes/health.ts";
import type { ProbeResult } from "../../forwarding/probe.ts";
import type { Spent } from "../../limits/limiter.ts";
import type { SecretBox } from "../../storage/secret_box.ts";
import type { ExchangeRow, Store } from "../../storage/store.ts";

/** What happens while the proxy runs. */
export type LiveEvent =
  | { readonly kind: "started"; readonly exchange: RunningExchange }
  | { readonly kind: "ended"; readonly exchange: ExchangeRow };

/** What a reload of the configuration came to. */
export type ReloadResult =
  | {
    readonly ok: true;
    /** Keys of the settings that have other values now. */
    readonly changed: readonly string[];
    readonly warnings: readonly string[];
  }
  | { readonly ok: false; readonly problems: readonly string[] };

/** What a reload would come to. */
export type ReloadPreview =
  | {
    readonly ok: true;
    /** The configuration file; undefined where there is none. */
    readonly file: string | undefined;
    readonly changed: readonly SettingChange[];
    /** Keys of what takes effect with a restart only. */
    readonly restart: readonly string[];
    readonly warnings: readonly string[];
  }
  | { readonly ok: false; readonly problems: readonly string[] };

/** What the API can have the program do. */
export interface Controls {
  readonly reload: () => Promise<ReloadResult>;
  readonly preview: () => Promise<ReloadPreview>;
  /** Ends the program: running exchanges end first. */
  readonly stop: () => void;
}

/** The proxy around it; a program that only opens the database has none. */
export interface RunningProxy {
  readonly running: () => readonly RunningExchange[];
  /** Gives what ends it. `onEnd` is called when the proxy shuts down. */
  readonly subscribe: (listener: (event: LiveEvent) => void, onEnd: () => void) => () => void;
  readonly endpoints: () => readonly {
    readonly endpoint: Endpoint;
    readonly backends: readonly BackendReport[];
  }[];
  readonly storage: () => StorageHealth;
  readonly dropped: () => number;
  readonly uptimeMs: () => number;
  readonly connectable: () => Connectable;
  /** The proxy's own addresses, the most useful one first. */
  readonly urls: () => readonly string[];
  /** Undefined while the proxy starts, and in programs that embed it. */
  readonly controls: () => Controls | undefined;
  /** The admin page and this API have a separate port. */
  readonly hasAdminPort: () => boolean;
  /** Asks the backends of an endpoint for their models. */
  readonly probe: (endpoint: Endpoint) => Promise<readonly ProbeResult[]>;
}

/** Everything. */
export interface ManageParts {
  readonly store: Store;
  readonly box: SecretBox;
  readonly clock: Clock;
  /** Who acts, for the audit log. */
  readonly actor: string;
  /** Projects or tokens have changed: the next request has to see it. */
  readonly changed: () => Promise<void>;
  /** Writes what waits to be written, so that it is seen. */
  readonly flushed: () => Promise<void>;
  /** What a subject has spent, by its key: that of a token, a project, or a rule of theirs for models. */
  readonly spent: (key: string) => Spent | undefined;
  readonly proxy: RunningProxy | undefined;
  /** The names of all endpoints; undefined: the configuration cannot be read. */
  readonly endpointNames: () => readonly string[] | undefined;
  /** The program ends: nothing may go on for long. */
  readonly ending: AbortSignal;
}

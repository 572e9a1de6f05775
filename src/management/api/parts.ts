/** Interfaces between the management API and the program around it. */

import type { RunningExchange } from "../../accounting/running_exchange.ts";
import type { Clock } from "../../time/clock.ts";
import type { Endpoint } from "../../config/config.ts";
import type { BackendReport } from "../../forwarding/balancer.ts";
import type { SettingChange } from "../../config/read/resolver.ts";
import type { Connectable } from "../../connect/settings.ts";
import type { StorageHealth } from "../../own_routes/health.ts";
import type { ProbeResult } from "../../forwarding/probe.ts";
import type { Spent } from "../../limits/limiter.ts";
import type { Replicas } from "../replicas.ts";
import type { SecretBox } from "../../storage/secret_box.ts";
import type { ExchangeRow, Store } from "../../storage/store.ts";
import type { GenericSchema } from "valibot";
import type { Actor } from "../../people/actor.ts";
import type { Person } from "../../people/person.ts";
import type { Scope } from "../../people/scope.ts";
import type { Caller } from "./caller.ts";
import type { GuessGate } from "./guess_gate.ts";
import type { ScopedStore } from "./scoped_store.ts";

/** The start or the end of an exchange. */
export type LiveEvent =
  | { readonly kind: "started"; readonly exchange: RunningExchange }
  | { readonly kind: "ended"; readonly exchange: ExchangeRow };

/** The result of a reload of the configuration. */
export type ReloadResult =
  | {
    readonly ok: true;
    /** Keys of the settings that have changed. */
    readonly changed: readonly string[];
    readonly warnings: readonly string[];
  }
  | { readonly ok: false; readonly problems: readonly string[] };

/** The result of a reload preview. */
export type ReloadPreview =
  | {
    readonly ok: true;
    /** The path of the configuration file; undefined without a file. */
    readonly file: string | undefined;
    readonly changed: readonly SettingChange[];
    /** Keys of changed settings that need a restart. */
    readonly restart: readonly string[];
    readonly warnings: readonly string[];
  }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Actions of the program that the API can start. */
export interface Controls {
  /** Reads the configuration again, and applies it if it is valid. */
  readonly reload: () => Promise<ReloadResult>;
  /** Reads the configuration again, and reports what a reload would change. */
  readonly preview: () => Promise<ReloadPreview>;
  /** Shuts the program down, after running exchanges have ended. */
  readonly stop: () => void;
}

/** The running proxy around the API. The command line has none if it opens the database itself. */
export interface RunningProxy {
  /** The exchanges that have not ended, with the bytes so far. */
  readonly running: () => readonly RunningExchange[];
  /**
   * Subscribes to events, and returns the function that unsubscribes. `onEnd` is called when the proxy shuts
   * down.
   */
  readonly subscribe: (listener: (event: LiveEvent) => void, onEnd: () => void) => () => void;
  /**
   * Reads what the serving threads know, such as their running exchanges. Call it before `running` and
   * `endpoints`. It takes time of every thread. A caller that was not authenticated gives `maxAgeMs`: what
   * was read in this time, in milliseconds, is not read again.
   */
  readonly refreshed: (age?: { readonly maxAgeMs: number }) => Promise<void>;
  /** All endpoints, with the state of their backends. */
  readonly endpoints: () => readonly {
    readonly endpoint: Endpoint;
    readonly backends: readonly BackendReport[];
  }[];
  /** The state of the database: `failing` while it cannot be read or written. */
  readonly storage: () => StorageHealth;
  /** The number of exchanges that could not be recorded. */
  readonly dropped: () => number;
  /** Time since the start, in milliseconds. */
  readonly uptimeMs: () => number;
  /** What the settings of clients depend on. */
  readonly connectable: () => Promise<Connectable>;
  /** The base URLs of the proxy, the most useful one first. */
  readonly urls: () => readonly string[];
  /** The proxies on one database that is a server. `undefined` if the database is a file. */
  readonly replicas: () => Pick<Replicas, "id" | "seen" | "differ"> | undefined;
  /** The hash of the settings without secrets; `undefined` if a program made the configuration. */
  readonly configHash: () => string | undefined;
  /** `undefined` while the proxy starts, and in programs that embed the proxy. */
  readonly controls: () => Controls | undefined;
  /** Whether the admin page and this API have a separate port. */
  readonly hasAdminPort: () => boolean;
  /** Probes the backends of an endpoint: requests their models. */
  readonly probe: (endpoint: Endpoint) => Promise<readonly ProbeResult[]>;
}

/** Checks and hashes passphrases, few at a time. Methods throw a `Problem`. */
export interface Passphrases {
  /** Finds the person with a login name and a passphrase. A wrong one counts as a guess. */
  readonly check: (of: { name: string; passphrase: string }, caller: Caller) => Promise<Person>;
  readonly hash: (passphrase: string, caller: Caller) => Promise<string>;
}

/**
 * What the management API needs. Handlers get {@link RouteParts} instead, which has what the actor of the
 * request reaches.
 */
export interface ManageParts {
  readonly store: Store;
  readonly box: SecretBox;
  readonly clock: Clock;
  /** Called after a change of projects or tokens, so that the next request sees it. */
  readonly changed: () => Promise<void>;
  /** Writes buffered exchanges to the database, so that responses contain them. */
  readonly flushed: () => Promise<void>;
  /**
   * The money that a subject has spent, by the key of a token, of a project, or of one of their model limits.
   */
  readonly spent: (key: string) => Spent | undefined;
  readonly proxy: RunningProxy | undefined;
  /** The names of all endpoints; `undefined` if the configuration cannot be read. */
  readonly endpointNames: () => readonly string[] | undefined;
  /** The addresses of the admin page that people use, the most useful one first, without its path. */
  readonly adminOrigins: () => readonly string[];
  /** Whether they are the address that the configuration names (`public_url`). */
  readonly hasPublicUrl: boolean;
  /** The person whose token it is; `undefined` if it has no owner, or is not in the database. */
  readonly ownerOf: (tokenId: string | undefined) => string | undefined;
  /** Counts wrong codes of commands, together with wrong tokens. */
  readonly guesses: GuessGate;
  /** Whether the configuration has a token for this API, whose holder may do everything. */
  readonly hasBootstrap: boolean;
  /** `undefined` in a program that opens the database itself, where no person is signed in. */
  readonly passphrases: Passphrases | undefined;
  /** The time without activity after which a session ends, in milliseconds. */
  readonly sessionIdleMs: () => number;
  /** Called after a route has ended a session, whose streams end too. */
  readonly sessionEnded: (id: string) => void;
  /** Aborted when the program shuts down. Long responses must end then. */
  readonly ending: AbortSignal;
}

/** What a handler gets: the parts of the API, narrowed to what the actor of the request reaches. */
export interface RouteParts extends Omit<ManageParts, "store" | "ownerOf"> {
  readonly store: ScopedStore;
  readonly actor: Actor;
  readonly scope: Scope;
  /**
   * A value as the actor may see it, for a response that is not JSON. JSON responses are narrowed by the
   * schema of their route.
   */
  readonly shown: (schema: GenericSchema, value: unknown) => unknown;
}

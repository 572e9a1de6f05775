/** Keeps the lists of models of all endpoints. The lists are read in the background, and outlive failures. */

import { DIALECTS } from "../apis/dialects.ts";
import { Cancellation, ClientGone } from "../cancellation.ts";
import type { Backend, Endpoint, RoutingConfig } from "../config/config.ts";
import { requestModels } from "../forwarding/models_request.ts";
import type { Transport } from "../forwarding/transport/transport.ts";
import { counted } from "../text/counted.ts";
import { messageOf } from "../text/error_text.ts";
import type { Clock } from "../time/clock.ts";
import { prefixedNamesText } from "./prefixed_names.ts";
import { servesModel } from "./serves_model.ts";
import { type ListedModel, readModelList, readStoredList, storedListText } from "./model_list.ts";

/** The longest list that is read, in bytes. OpenRouter's has half a million. */
const MAX_LIST_BYTES = 4 * 1024 * 1024;
/**
 * A request for a list on demand does not ask an endpoint again that failed within this time. In
 * milliseconds.
 */
const LEAST_PAUSE_MS = 5_000;

/** How many shared models an event names. */
const MOST_SHOWN = 5;

/** An event of the catalogue, for the log. */
export interface CatalogueEvent {
  /**
   * `listed`: the first list of an endpoint, or the first one after a failure. `failing`: a failure after a
   * list, or at first. `shared`: several endpoints list the same models. `prefixed`: a list has models whose
   * names begin with the name of another endpoint.
   */
  readonly kind: "listed" | "failing" | "shared" | "prefixed";
  /** The name of the endpoint. `undefined` if the event concerns several endpoints. */
  readonly endpoint?: string;
  /** How many models the list has, what went wrong, or which models are shared. */
  readonly detail: string;
}

/** Keeps lists over restarts, as texts by the names of endpoints. */
export interface ModelListStore {
  /** Resolves with the text of the list, or `undefined` if none is kept. */
  readonly load: (endpoint: string) => Promise<string | undefined>;
  /** Keeps a list in the place of an earlier one. Never throws. */
  readonly save: (endpoint: string, text: string) => void;
}

/** What the catalogue needs. */
export interface CatalogueParts {
  readonly transport: Pick<Transport, "send">;
  readonly clock: Clock;
  readonly onEvent: (event: CatalogueEvent) => void;
  /** Where lists are kept over restarts. `undefined` if they are kept in memory only. */
  readonly store?: ModelListStore | undefined;
}

/** An endpoint whose list the catalogue keeps. */
export interface CataloguedEndpoint {
  readonly endpoint: Endpoint;
  /**
   * Whether a backend with the client's own key answers without one, as a program on the owner's machine
   * does.
   */
  readonly isLocal: boolean;
  /** Whether routing needs the list. If not, the list is read when a client asks for it. */
  readonly isNeeded: boolean;
  /**
   * Whether another endpoint has the same API, so that the order of the file decides about models that both
   * list.
   */
  readonly sharesApi: boolean;
  /**
   * The path of a list that says more than the list of the dialect, and is requested first. `undefined` if
   * the server has only that list.
   */
  readonly ownList?: string | undefined;
}

interface Entry extends CataloguedEndpoint {
  readonly source: string;
  models: ReadonlyMap<string, ListedModel> | undefined;
  /** When the proxy last requested the list. `undefined` if it never has. */
  askedAt: number | undefined;
  state: "unknown" | "listed" | "failing";
  running: Promise<void> | undefined;
  stopTimer: () => void;
  refreshMs: number | undefined;
}

/** The lists of models of all endpoints. */
export class Catalogue {
  readonly #parts: CatalogueParts;
  #entries = new Map<string, Entry>();
  #ending = new Cancellation();
  /** The shared models of the last event. */
  #shared = "";
  #revision = 0;

  constructor(parts: CatalogueParts) {
    this.#parts = parts;
  }

  /**
   * Uses the endpoints of another configuration. An endpoint with the same addresses keeps its list. The
   * catalogue reads the lists that routing needs at once, and then at intervals.
   */
  configure(
    endpoints: readonly CataloguedEndpoint[],
    routing: Pick<RoutingConfig, "refreshMs" | "localRefreshMs"> | undefined,
  ): void {
    const before = this.#entries;
    for (const { stopTimer } of before.values()) stopTimer();
    this.#entries = new Map(
      (routing === undefined ? [] : endpoints).map((one) => {
        const { endpoint, isLocal } = one;
        const source = sourceOf(endpoint);
        const old = before.get(endpoint.name);
        const kept = old?.source === source ? old : undefined;
        return [endpoint.name, {
          ...one,
          source,
          models: kept?.models,
          askedAt: kept?.askedAt,
          state: kept?.state ?? "unknown",
          running: undefined,
          stopTimer: () => {},
          refreshMs: isLocal ? routing?.localRefreshMs : routing?.refreshMs,
        }];
      }),
    );
    for (const entry of this.#entries.values()) {
      if (entry.isNeeded && entry.refreshMs !== undefined) void this.#keepFresh(entry);
    }
  }

  /**
   * Whether the last list of an endpoint has a model, or `models` of a backend names it. A model of Ollama
   * without a tag has the tag `latest`.
   */
  has(endpoint: string, model: string): boolean {
    const entry = this.#entries.get(endpoint);
    if (entry === undefined) return false;
    const { models, endpoint: { backends } } = entry;
    return servesModel({ listed: models === undefined ? [] : [models], backends }, model);
  }

  /** Whether an endpoint has sent a list. */
  isKnown(endpoint: string): boolean {
    return this.#entries.get(endpoint)?.models !== undefined;
  }

  /** The last list of an endpoint. `undefined` if it has sent none. */
  list(endpoint: string): readonly ListedModel[] | undefined {
    const models = this.#entries.get(endpoint)?.models;
    return models && [...models.values()];
  }

  /** The entry of a model in the last list of an endpoint. */
  model(endpoint: string, model: string): ListedModel | undefined {
    return this.#entries.get(endpoint)?.models?.get(model);
  }

  /** A number that changes with each change of a list. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * Asks endpoints for their lists if the lists are old, and waits for those that have none, at most `maxMs`.
   * Never throws.
   */
  async refreshed(endpoints: readonly string[], maxMs: number): Promise<void> {
    const { clock } = this.#parts;
    const waiting = endpoints.flatMap((name) => {
      const entry = this.#entries.get(name);
      if (entry?.refreshMs === undefined) return [];
      const ageMs = clock.now() - (entry.askedAt ?? -Infinity);
      const isOld = ageMs > (entry.models === undefined ? LEAST_PAUSE_MS : entry.refreshMs);
      const running = isOld ? this.#ask(entry) : entry.running;
      return entry.models === undefined && running !== undefined ? [running] : [];
    });
    if (waiting.length === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = clock.after(maxMs, resolve);
    await Promise.race([Promise.all(waiting), promise]);
    stop();
  }

  /** Ends all requests and timers. */
  close(): void {
    for (const { stopTimer } of this.#entries.values()) stopTimer();
    this.#entries.clear();
    this.#ending.cancel(new ClientGone("the proxy shuts down"));
  }

  async #keepFresh(entry: Entry): Promise<void> {
    await this.#ask(entry);
    if (this.#entries.get(entry.endpoint.name) !== entry || entry.refreshMs === undefined) return;
    entry.stopTimer = this.#parts.clock.after(entry.refreshMs, () => void this.#keepFresh(entry));
  }

  /** Uses the list of an earlier run, until the endpoint sends one. */
  async #loadStored(entry: Entry): Promise<void> {
    const { store } = this.#parts;
    if (store === undefined || entry.askedAt !== undefined || entry.models !== undefined) return;
    const text = await store.load(entry.endpoint.name).catch(() => undefined);
    const models = text === undefined ? undefined : readStoredList(text, entry.source);
    if (models === undefined) return;
    entry.models ??= new Map(models.map((model) => [model.id, model]));
    this.#revision++;
  }

  /** Asks for a list. Concurrent calls share one request. Never throws. */
  #ask(entry: Entry): Promise<void> {
    return entry.running ??= this.#askOnce(entry).finally(() => entry.running = undefined);
  }

  async #askOnce(entry: Entry): Promise<void> {
    await this.#loadStored(entry);
    entry.askedAt = this.#parts.clock.now();
    const result = await this.#listOf(entry);
    // A reload or the end of the program has replaced the entry.
    if (result === undefined || this.#entries.get(entry.endpoint.name) !== entry) return;
    const { endpoint: { name }, source, state } = entry;
    if (typeof result === "string") {
      if (state !== "failing") this.#parts.onEvent({ kind: "failing", endpoint: name, detail: result });
      entry.state = "failing";
      return;
    }
    if (state !== "listed") {
      const detail = counted(result.length, "model");
      this.#parts.onEvent({ kind: "listed", endpoint: name, detail });
    }
    entry.state = "listed";
    const isSame = entry.models?.size === result.length &&
      JSON.stringify([...entry.models.values()]) === JSON.stringify(result);
    if (isSame) return;
    entry.models = new Map(result.map((model) => [model.id, model]));
    this.#revision++;
    this.#reportPrefixed(entry);
    this.#parts.store?.save(name, storedListText(source, result));
    this.#reportShared();
  }

  /** Reports the models of a list whose names begin with the name of another endpoint. */
  #reportPrefixed({ endpoint: { name }, models }: Entry): void {
    const detail = prefixedNamesText(name, models?.keys() ?? [], this.#entries);
    if (detail !== undefined) this.#parts.onEvent({ kind: "prefixed", endpoint: name, detail });
  }

  /**
   * Reports which models several endpoints list, if that has changed. The order of the file decides between
   * them.
   */
  #reportShared(): void {
    const endpointsOf = new Map<string, string[]>();
    for (const { endpoint, sharesApi, models } of this.#entries.values()) {
      for (const model of sharesApi ? models?.keys() ?? [] : []) {
        const names = endpointsOf.get(model);
        if (names === undefined) endpointsOf.set(model, [endpoint.name]);
        else names.push(endpoint.name);
      }
    }
    const shared = [...endpointsOf].filter(([, names]) => names.length > 1);
    const shown = shared.slice(0, MOST_SHOWN).map(([model, names]) => `${model} (${names.join(", ")})`);
    const text = shared.length === 0
      ? ""
      : `several endpoints list ${
        counted(shared.length, "model")
      }, and the first of the file gets the requests: ` +
        shown.join(", ") + (shared.length > MOST_SHOWN ? ", …" : "");
    if (text !== "" && text !== this.#shared) this.#parts.onEvent({ kind: "shared", detail: text });
    this.#shared = text;
  }

  /**
   * The list of the first backend that sends one, or what went wrong. `undefined` if no backend has a key, or
   * the catalogue is closed.
   */
  async #listOf({ endpoint, isLocal, ownList }: Entry): Promise<readonly ListedModel[] | string | undefined> {
    let problem: string | undefined;
    for (const backend of endpoint.backends) {
      if (backend.key.mode === "passthrough" && !isLocal) continue;
      const own = ownList && await this.#listAt(backend, { endpoint, modelsPath: ownList });
      const result = typeof own === "object" ? own : await this.#listAt(backend, { endpoint });
      if (typeof result !== "string") return result;
      problem ??= result;
    }
    return problem;
  }

  /** The list of a backend, or what went wrong. `undefined` if the catalogue is closed. */
  async #listAt(
    backend: Backend,
    { endpoint: { dialect, anthropicVersion }, ...path }: { endpoint: Endpoint; modelsPath?: string },
  ): Promise<readonly ListedModel[] | string | undefined> {
    const cancellation = new Cancellation();
    const onEnd = { cancelled: () => cancellation.cancel(this.#ending.reason ?? new ClientGone()) };
    this.#ending.addListener(onEnd);
    try {
      const { status, text } = await requestModels(backend, {
        ...path,
        dialect,
        anthropicVersion,
        transport: this.#parts.transport,
        maxBytes: MAX_LIST_BYTES,
        query: DIALECTS[dialect].modelsQuery ?? "",
        cancellation,
      });
      if (status !== 200) return `${backend.name} answered ${status}`;
      return readModelList(text) ?? `${backend.name} sent no list of models`;
    } catch (error) {
      return this.#ending.reason === undefined ? `${backend.name}: ${messageOf(error)}` : undefined;
    } finally {
      this.#ending.removeListener(onEnd);
    }
  }
}

/**
 * The addresses that a list belongs to. A changed key may show other models, which the next refresh reads.
 */
function sourceOf({ dialect, backends }: Endpoint): string {
  return JSON.stringify([dialect, ...backends.map(({ baseUrl }) => baseUrl.origin + baseUrl.path)]);
}

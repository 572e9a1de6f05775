/** Keeps an account of every exchange: who, what, how much, at what cost; and which are running. */

import type { Clock } from "../clock.ts";
import type { Backend, Endpoint } from "../config/schema.ts";
import type { ExchangeAccount, ExchangeRecord } from "../exchange.ts";
import { harmlessText } from "../harmless_text.ts";
import { type Field, fieldValue } from "../http1/fields.ts";
import type { Principal } from "../principal.ts";
import type { ExchangeRow } from "../storage/store.ts";
import type { Observed } from "./answer_tap.ts";
import { attemptLogOf } from "./attempt_log.ts";
import { clientFamily } from "./client_family.ts";
import type { Cost, Pricer } from "./cost.ts";
import type { RequestFacts } from "../payload/request_facts.ts";
import { type Tap, tapOf } from "./tap.ts";
import type { Usage } from "./usage.ts";

/** An exchange that begins. */
export interface Opening {
  readonly id: string;
  readonly principal: Principal;
  readonly endpoint: Endpoint | undefined;
  readonly fields: readonly Field[];
}

/** An exchange that is running. */
export interface RunningExchange {
  readonly requestId: string;
  readonly startedAt: number;
  readonly endpoint: string | undefined;
  readonly principal: string;
  readonly tokenId: string | undefined;
  readonly projectId: string | undefined;
  readonly client: string;
  readonly modelAsked: string | undefined;
  readonly stream: boolean | undefined;
  readonly backend: string | undefined;
  readonly bytes: number;
}

/** An exchange that has ended, as it is kept and as it went. */
export interface EndedExchange {
  readonly row: ExchangeRow;
  readonly record: ExchangeRecord;
  /** The client's `traceparent`. */
  readonly traceparent: string | undefined;
}

/** An admission, as an account settles it. */
export interface Admitted {
  readonly reserve: (reservation: { readonly tokens: number; readonly micros: number }) => void;
  readonly settle: (
    used: { readonly tokens: number | undefined; readonly micros: number | undefined },
  ) => void;
}

/** What accounts are kept with. */
export interface AccountsParts {
  readonly clock: Clock;
  readonly pricer: Pricer;
  /** Once per exchange, when everything is known of it. */
  readonly onRow: (ended: EndedExchange) => void;
  /** An exchange has begun. */
  readonly onOpen?: (account: Pick<Account, "running">) => void;
}

const MAX_USER_AGENTS = 500;
const MAX_COUNTED = 10_000;
/** How much of what a client or a provider said is kept, in characters. */
const MAX_TEXT = 200;
const NOTHING: Observed = { usage: {} };
/** Most tokens of text have about four letters; the events that carry them are longer. */
const BYTES_PER_TOKEN = 4;
/** Faster than common models write; also what they write unseen is paid for. */
const TOKENS_PER_MS = 0.2;

/** All accounts that are open. */
export class Accounts {
  readonly #parts: AccountsParts;
  readonly #open = new Set<Account>();
  /** Answers that can be asked for again, and have told their usage. */
  readonly #counted = new Set<string>();
  /** Families by user agent; there are few. */
  readonly #clients = new Map<string, string>();
  /** Answers that are still being decompressed. */
  readonly #closing = new Set<Promise<void>>();

  constructor(parts: AccountsParts) {
    this.#parts = parts;
  }

  open(opening: Opening): Account {
    const { clock, pricer, onOpen } = this.#parts;
    const account = new Account(opening, {
      startedAt: clock.epochMs(),
      client: this.#clientOf(fieldValue(opening.fields, "user-agent") ?? ""),
      pricer,
      onEnd: (record) => this.#close(account, record),
    });
    this.#open.add(account);
    onOpen?.(account);
    return account;
  }

  /** What is running, the oldest first. */
  running(): RunningExchange[] {
    return [...this.#open].map((account) => account.running());
  }

  /** Resolves once all that has ended is accounted for. */
  async settled(): Promise<void> {
    await Promise.all(this.#closing);
  }

  /** Whether an answer tells usage that was told before: it is only looked at again. */
  #isCounted({ method }: ExchangeRecord, { responseId, usage }: Observed): boolean {
    if (responseId === undefined || usage.inputTokens === undefined) return false;
    if (method === "GET" && this.#counted.has(responseId)) return true;
    if (this.#counted.size >= MAX_COUNTED) this.#counted.clear();
    this.#counted.add(responseId);
    return false;
  }

  #clientOf(userAgent: string): string {
    let client = this.#clients.get(userAgent);
    if (client === undefined) {
      if (this.#clients.size >= MAX_USER_AGENTS) this.#clients.clear();
      this.#clients.set(userAgent, client = clientFamily(userAgent));
    }
    return client;
  }

  #close(account: Account, record: ExchangeRecord): void {
    this.#open.delete(account);
    const observed = account.observed();
    if (!(observed instanceof Promise)) return this.#write(account, record, observed);
    const closing = observed.then((value) => this.#write(account, record, value))
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  #write(account: Account, record: ExchangeRecord, answer: Observed): void {
    const observed = this.#isCounted(record, answer) ? { ...answer, usage: {} } : answer;
    this.#parts.onRow({ row: account.close(record, observed), record, traceparent: account.traceparent });
  }
}

/** The account of one exchange. */
export class Account implements ExchangeAccount {
  readonly endpoint: Endpoint | undefined;
  readonly traceparent: string | undefined;
  readonly #opening: Opening;
  readonly #startedAt: number;
  readonly #client: string;
  readonly #pricer: Pricer;
  readonly #onEnd: (record: ExchangeRecord) => void;
  #facts: () => RequestFacts = () => ({});
  #admission: Admitted | undefined;
  #reserved: { readonly tokens: number; readonly micros: number } | undefined;
  #reservedOutputTokens = 0;
  /** The provider's; undefined while it has not answered. */
  #answeredStatus: number | undefined;
  #backend: Backend | undefined;
  #providerRequestId: string | undefined;
  #tap: Tap | undefined;
  #bytes = 0;

  constructor(
    opening: Opening,
    { startedAt, client, pricer, onEnd }: {
      startedAt: number;
      client: string;
      pricer: Pricer;
      onEnd: (record: ExchangeRecord) => void;
    },
  ) {
    this.endpoint = opening.endpoint;
    this.traceparent = fieldValue(opening.fields, "traceparent");
    this.#opening = opening;
    this.#startedAt = startedAt;
    this.#client = client;
    this.#pricer = pricer;
    this.#onEnd = onEnd;
  }

  /** What the request asks for, as far as it has been read. */
  asks(facts: () => RequestFacts): void {
    this.#facts = facts;
  }

  /** It was let in; the admission is told what it used. */
  admitted(admission: Admitted): void {
    this.#admission = admission;
  }

  /**
   * Keeps from others what the request may use: its stated tokens, and the cost of the most that it can use. Throws
   * where others hold the rest.
   */
  reserve(facts: RequestFacts, possibleOutputTokens: number): void {
    const micros = this.#outputCost(facts.model, possibleOutputTokens);
    this.#reservedOutputTokens = possibleOutputTokens;
    const reserved = { tokens: facts.maxOutputTokens ?? 0, micros };
    this.#admission?.reserve(reserved);
    this.#reserved = reserved;
  }

  /** What so many output tokens would cost, in micro-dollars; 0 where no price is known. */
  #outputCost(model: string | undefined, outputTokens: number): number {
    const backend = this.endpoint?.backends[0];
    if (model === undefined || outputTokens === 0 || backend === undefined) return 0;
    return this.#cost({ outputTokens }, [model], backend)?.micros ?? 0;
  }

  answered({ status, fields }: { status: number; fields: readonly Field[] }, backend: Backend): void {
    this.#backend = backend;
    this.#answeredStatus = status;
    this.#providerRequestId = fieldValue(fields, "x-request-id") ?? fieldValue(fields, "request-id");
    this.#tap = tapOf(fields);
  }

  passed(piece: Uint8Array): void {
    this.#bytes += piece.length;
    this.#tap?.write(piece);
  }

  ended(record: ExchangeRecord): void {
    this.#onEnd(record);
  }

  observed(): Observed | Promise<Observed> {
    return this.#tap?.end() ?? NOTHING;
  }

  running(): RunningExchange {
    const { id, principal } = this.#opening;
    const { model, stream } = this.#facts();
    return {
      requestId: id,
      startedAt: this.#startedAt,
      endpoint: this.endpoint?.name,
      principal: principal.name,
      tokenId: principal.tokenId,
      projectId: principal.projectId,
      client: this.#client,
      modelAsked: kept(model),
      stream,
      backend: this.#backend?.name,
      bytes: this.#bytes,
    };
  }

  /** Settles it, and gives what is kept of it. */
  close(record: ExchangeRecord, { usage, model, stopReason }: Observed): ExchangeRow {
    const { principal } = this.#opening;
    const facts = this.#facts();
    const models = [model, facts.model].filter((name) => name !== undefined);
    const isGood = this.#answeredStatus === undefined
      ? record.ending === "client_gone"
      : this.#answeredStatus < 400;
    // An answer that was cut before its end has not said all that it used, and one that a client did not wait for
    // has been made all the same.
    const isCut = isGood && record.backend !== undefined && record.ending !== "complete" &&
      stopReason === undefined;
    const counted = isCut && this.#reserved !== undefined
      ? withOutput(usage, this.#possiblyMade(record))
      : usage;
    const asked = this.#backend ??
      (isCut ? this.endpoint?.backends.find(({ name }) => name === record.backend) : undefined);
    const cost = asked && this.#cost(counted, models, asked);
    const tokens = sum(counted.inputTokens, counted.outputTokens);
    // An answer that does not say what it used has used what was reserved for it: or nobody would ever say.
    const isUnmetered = tokens === undefined && this.#backend !== undefined && isGood;
    this.#admission?.settle(isUnmetered && this.#reserved || { tokens, micros: cost?.micros });
    return {
      requestId: record.id,
      providerRequestId: kept(this.#providerRequestId),
      startedAt: this.#startedAt,
      durationMs: record.durationMs,
      firstByteMs: record.firstByteMs,
      method: record.method,
      path: record.path,
      endpoint: record.endpoint,
      provider: this.endpoint?.provider,
      backend: record.backend,
      attempts: record.attempts.length,
      attemptLog: attemptLogOf(record),
      status: record.status,
      ending: record.ending,
      principal: principal.name,
      tokenId: principal.tokenId,
      projectId: principal.projectId,
      admitted: this.#admission !== undefined,
      client: this.#client,
      stream: facts.stream,
      modelAsked: kept(facts.model),
      modelAnswered: kept(model),
      stopReason: kept(stopReason),
      inputTokens: usage.inputTokens,
      outputTokens: usage.outputTokens,
      cachedTokens: usage.cachedTokens,
      cacheWriteTokens: usage.cacheWriteTokens,
      reasoningTokens: usage.reasoningTokens,
      audioTokens: sum(usage.inputAudioTokens, usage.outputAudioTokens),
      imageTokens: sum(usage.inputImageTokens, usage.outputImageTokens),
      partial: this.#backend !== undefined && record.ending !== "complete",
      costMicros: cost?.micros,
      priceVersion: cost?.version,
      bytes: record.bytes,
    };
  }

  /** How many output tokens a provider may have made of an answer that was cut, at most what was reserved for it. */
  #possiblyMade({ bytes, durationMs }: ExchangeRecord): number {
    const made = Math.max(bytes / BYTES_PER_TOKEN, durationMs * TOKENS_PER_MS);
    return Math.min(this.#reservedOutputTokens, Math.ceil(made));
  }

  #cost(usage: Usage, models: readonly string[], { baseUrl }: Backend): Cost | undefined {
    if (this.endpoint === undefined) return undefined;
    const { priceProvider, prices } = this.endpoint;
    return this.#pricer.cost(usage, {
      models,
      endpoint: { url: baseUrl.origin + baseUrl.path, provider: priceProvider, prices },
      epochMs: this.#startedAt,
    });
  }
}

/** What others said, as it may stand in a row, a label or on a page. */
function kept(text: string | undefined): string | undefined {
  return text === undefined ? undefined : harmlessText(text, MAX_TEXT);
}

/** The usage with so many output tokens at least. */
function withOutput(usage: Usage, least: number): Usage {
  return { ...usage, outputTokens: Math.max(usage.outputTokens ?? 0, least) };
}

/** What is known of both; undefined where nothing is. */
function sum(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined && other === undefined ? undefined : (one ?? 0) + (other ?? 0);
}

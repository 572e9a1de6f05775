/**
 * Keeps the objects of clients apart for one exchange, and sends it to the backend that has its objects. The
 * handler calls it between the admission of the request and forwarding.
 */

import type { Backend } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import { type Field, fieldValue } from "../http/fields.ts";
import type { HeldPayload } from "../payload/held_payload.ts";
import { parseMediaType } from "../payload/media_type.ts";
import { readForm } from "../payload/multipart.ts";
import { createPause, type Pause, STEP_BYTES } from "../payload/pace.ts";
import { PURPOSES_WITHOUT_REQUESTS } from "../payload/read_payload.ts";
import type { MadeObject, ObjectMaker } from "../storage/object_store.ts";
import { StoreError } from "../storage/store.ts";
import type { Clock } from "../time/clock.ts";
import { CreatedObjects, HAVE_RESULTS, type ObjectExchange } from "./created_objects.ts";
import { checkJsonStrings, checkQuotedTexts, type CheckReferences, checkText } from "./body_references.ts";
import { addReferences, keptId, type References } from "./object_ids.ts";
import { QuotedTexts } from "./quoted_texts.ts";
import type { KnownObjects } from "./known_objects.ts";
import { MessageCheck } from "./message_check.ts";
import type { ListElement } from "./list_page.ts";
import { missingAnswer, type NamedObject, type ReferencePlace } from "./missing_object.ts";
import type { ObjectRequest } from "./object_request.ts";

/** What an {@link ObjectAccess} works with. */
export interface ObjectAccessParts {
  readonly objects: KnownObjects;
  readonly clock: Clock;
  readonly request: ObjectRequest;
  /** The accounts that the backends of the endpoint have for the client. */
  readonly accounts: readonly string[];
  /** Whether the client may not use the objects of others. */
  readonly isRestricted: boolean;
  /** Whether objects of other makers are known, or objects of unknown makers are rejected too. */
  readonly isGuarded: () => boolean;
  /** Whether the proxy knows any object at these accounts. */
  readonly hasObjects: boolean;
}

/** Names of members with the cursor of another page. */
const CURSOR = /^(?:next|prev|after|before|first|last|cursor|page)/i;

/** The objects of one exchange. */
export class ObjectAccess {
  readonly #parts: ObjectAccessParts;
  readonly #exchange: ObjectExchange;
  /** The objects that the head and the body name, and that the client may use. */
  readonly #used: MadeObject[] = [];
  /** The object that the path names. */
  #described: MadeObject | undefined;
  /** The ids in the body. `undefined` if the proxy has not read the body. */
  #inBody: Set<string> | undefined;
  /** Whether the body has more ids than are remembered. */
  #hasUnknownIds = false;
  readonly #created: CreatedObjects;

  constructor(exchange: ObjectExchange, parts: ObjectAccessParts) {
    this.#exchange = exchange;
    this.#parts = parts;
    this.#created = new CreatedObjects(exchange, {
      objects: parts.objects,
      clock: parts.clock,
      request: parts.request,
      described: () => this.#described,
      inBody: () => this.#inBody,
      hasUnknownIds: () => this.#hasUnknownIds,
    });
  }

  /** Whether the proxy must read the body before it forwards the request. */
  get readsBody(): boolean {
    const { request, isGuarded, accounts, hasObjects } = this.#parts;
    return request.hasReferences && (isGuarded() || hasObjects && accounts.length > 1);
  }

  /** Whether the head must name neither another method or path, nor the members of the response. */
  get isGuarded(): boolean {
    return this.#parts.isGuarded();
  }

  /** Whether the response is a list from which the objects of others are removed. */
  get filtersList(): boolean {
    return this.#parts.request.lists && this.#parts.isGuarded();
  }

  /**
   * Checks all ids that the request names. Throws the provider's error for a missing object if the client may
   * not use one of the objects.
   */
  async check(payload: HeldPayload | undefined): Promise<void> {
    const { inHead, inPath, unusualInPath } = this.#parts.request;
    if (unusualInPath.size > 0) await this.#allowed(unusualInPath, { place: "address" });
    if (inHead.size > 0) {
      const found = await this.#allowed(inHead, { place: "address" });
      this.#described = [...inPath.keys()].map((id) => found.get(id)).findLast((one) => one !== undefined);
    }
    if (payload !== undefined && this.readsBody) await this.#checkBody(payload);
  }

  /** The backend that has the objects of the request. `undefined` for any backend. */
  get pinned(): Backend | undefined {
    const { accounts } = this.#parts;
    if (accounts.length < 2) return undefined;
    for (const { account, backend } of this.#used) {
      const { backends } = this.#exchange.endpoint;
      const has = (one: Backend): boolean => this.#accountOf(one) === account;
      const found = backends.find((one) => one.name === backend && has(one)) ?? backends.find(has);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /**
   * Checks the messages of the client on a WebSocket, as `TunnelParts.check` does. `undefined` if the client
   * may use all objects.
   */
  messageCheck(maxMessageBytes: number): MessageCheck["next"] | undefined {
    if (!this.#parts.isRestricted) return undefined;
    const { isReferring } = this.#parts.request;
    const check = new MessageCheck(maxMessageBytes, {
      isReferring,
      check: async (references) => void await this.#allowed(references, { place: "body" }),
    });
    return (piece) => check.next(piece);
  }

  /** The head of the response has arrived. */
  onResponse(answer: { readonly status: number; readonly fields: readonly Field[] }, backend: Backend): void {
    this.#created.onResponse(answer, backend);
  }

  /** The next piece of the response, which is valid during this call. */
  onPiece(piece: Uint8Array): void {
    this.#created.onPiece(piece);
  }

  /** The response has ended. */
  onEnd(): void {
    this.#created.onEnd();
  }

  /** Why the proxy reads a list, as `ElementFilter` states it. */
  get purpose(): string {
    return "The proxy must remove the objects of other tokens from this list";
  }

  /** Decides which elements of a list the client gets. `bytesOf` gives the JSON text of an element. */
  async keptElements(
    elements: readonly ListElement[],
    bytesOf: (element: ListElement) => Uint8Array,
  ): Promise<ReadonlySet<ListElement>> {
    const { request } = this.#parts;
    const { endpoint } = this.#exchange;
    const pause = createPause();
    const kept = new Set<ListElement>();
    // The parts of an object, such as the messages of a thread, are those of its maker.
    const rejectsUnknown = endpoint.unknownObjects === "reject" && request.inPath.size === 0;
    for (const element of elements) {
      const own = element.id === undefined ? undefined : keptId(element.id) ?? request.unusualId(element.id);
      let isKept = !rejectsUnknown;
      let isForeign = false;
      let known: MadeObject | undefined;
      const check = async (references: References): Promise<void> => {
        const found = await this.#find(references);
        for (const [id, candidates] of found) {
          if (id === own) known = candidates[0];
          if (candidates.some((one) => this.#mayUse(one))) isKept ||= id === own;
          else isForeign = true;
        }
      };
      await checkJsonStrings(bytesOf(element), { pause, check });
      if (own?.includes("=") === true) await check(new Map([[own, { written: own, isCertain: false }]]));
      if (isKept && !isForeign) kept.add(element);
      if (known !== undefined && HAVE_RESULTS.has(request.operation)) {
        this.#created.addResults(known, bytesOf(element));
      }
      await pause();
    }
    return kept;
  }

  /**
   * Whether the rest of a list names an object that the client may not use. The id of a cursor opens nothing.
   */
  async namesForeign(list: Uint8Array): Promise<boolean> {
    const references: References = new Map();
    const texts = new QuotedTexts((text, member) => {
      if (!CURSOR.test(member)) addReferences(text, references, { member });
    });
    const pause = createPause();
    for (let at = 0; at < list.length; at += STEP_BYTES) {
      texts.write(list.subarray(at, at + STEP_BYTES));
      await pause();
    }
    texts.end();
    const found = await this.#find(references);
    return [...found.values()].some((candidates) => !candidates.some((one) => this.#mayUse(one)));
  }

  async #checkBody(payload: HeldPayload): Promise<void> {
    const { kind, heldBody, fields } = payload;
    const { bytes } = heldBody;
    const pause = createPause();
    const ids = this.#inBody = new Set<string>();
    const checkIn = (place: ReferencePlace): CheckReferences => async (references) => {
      for (const id of references.keys()) {
        if (ids.size < MAX_IDS_OF_BODY) ids.add(id);
        else this.#hasUnknownIds = true;
      }
      await this.#allowed(references, { place });
    };
    const check = checkIn("body");
    const { isReferring, isOfTool } = this.#parts.request;
    if (kind === "json") return await checkJsonStrings(bytes, { pause, check, isReferring, isOfTool });
    if (kind === "other") return await this.#checkOther(bytes, { pause, check });
    if (kind !== "form") return;
    const boundary = parseMediaType(fieldValue(fields, "content-type") ?? "")?.parameters.get("boundary") ??
      "";
    const parts = await readForm(bytes, { boundary, pause });
    const purposes = parts.filter(({ name }) => name.toLowerCase() === "purpose")
      .map(({ start, end }) => new TextDecoder().decode(bytes.subarray(start, end)));
    const mayHaveRequests = purposes.length !== 1 || !PURPOSES_WITHOUT_REQUESTS.has(purposes[0] ?? "");
    for (const { name, isFile, start, end } of parts) {
      const content = bytes.subarray(start, end);
      // The prompt of an image, for example.
      if (!isFile && !isReferring(name, "")) continue;
      if (!isFile) await checkText(content, { pause, check });
      if (!isFile) await checkQuotedTexts(content, { pause, check });
      else if (mayHaveRequests) await checkQuotedTexts(content, { pause, check: checkIn("file") });
    }
  }

  /**
   * Checks a body that is neither JSON nor a form. Throws `bad_request` at paths whose bodies can name
   * objects, because servers read JSON under any type, and Python's ones also in UTF-16.
   */
  async #checkOther(
    bytes: Uint8Array,
    { pause, check }: { pause: Pause; check: CheckReferences },
  ): Promise<void> {
    if (!this.#parts.request.mayBeRaw && this.isGuarded) {
      throw new ProxyFault(
        "bad_request",
        "The proxy must check which stored objects this body names. Send the body as JSON in UTF-8 with " +
          "content-type: application/json, or as a form with content-type: multipart/form-data.",
      );
    }
    await checkText(bytes, { pause, check });
    await checkQuotedTexts(bytes, { pause, check });
  }

  /** Finds the objects of ids. Throws if the client may not use one of them. */
  async #allowed(
    references: References,
    { place }: { readonly place: ReferencePlace },
  ): Promise<ReadonlyMap<string, MadeObject>> {
    const isInBody = place !== "address";
    const { objects, request } = this.#parts;
    if (references.size === 0) return new Map();
    const isGuarded = this.#parts.isGuarded();
    let found = await this.#find(references);
    const rejectsUnknown = isGuarded && this.#exchange.endpoint.unknownObjects === "reject" &&
      (isInBody || request.isOfObjects);
    if (rejectsUnknown && found.size < references.size) {
      // The response that shows the id may not be decompressed yet.
      const settled = objects.settled();
      if (settled !== undefined) {
        await settled;
        found = await this.#find(references);
      }
    }
    const allowed = new Map<string, MadeObject>();
    const written = new Set<string>();
    for (const [reference, { written: id }] of references) {
      const candidates = this.#atPinned(found.get(reference) ?? []);
      const object = isGuarded ? candidates.find((one) => this.#mayUse(one)) : candidates[0];
      if (object === undefined && candidates.length > 0) throw this.#missing({ id, reference, place });
      if (object === undefined) continue;
      allowed.set(reference, object);
      written.add(id);
      if (this.#used.length < MAX_USED) this.#used.push(object);
    }
    if (!rejectsUnknown) return allowed;
    // Of the ids in the path, the first one has to be known: the others are parts of its object.
    const [first] = isInBody || request.operation === "batch_generate_content" ? [] : request.inPath.values();
    for (const [reference, { written: id, isCertain }] of references) {
      const isFirst = first !== undefined && id === first.written;
      const isPart = !isInBody && request.inPath.has(reference) && !isFirst;
      if (isFirst || isCertain && !isPart) {
        if (!written.has(id)) throw this.#missing({ id, reference, place });
      }
    }
    return allowed;
  }

  /** Of several objects with the same id, those at the account that the request goes to. */
  #atPinned(candidates: readonly MadeObject[]): readonly MadeObject[] {
    if (candidates.length < 2) return candidates;
    const { accounts } = this.#parts;
    const pinned = this.#used.find(({ account }) => accounts.includes(account));
    const here = candidates.filter(({ account }) => account === pinned?.account);
    return here.length > 0 ? here : candidates;
  }

  async #find(references: References): Promise<ReadonlyMap<string, readonly MadeObject[]>> {
    const { objects, accounts } = this.#parts;
    try {
      return await objects.find(accounts, references.keys());
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      const message = `The proxy cannot read who made an object that the request names: ${error.message}.`;
      throw new ProxyFault("internal", message, { cause: error });
    }
  }

  #missing(named: NamedObject): ProxyFault {
    return new ProxyFault(
      "not_found",
      `The ${
        named.place === "file" ? "uploaded file" : named.place
      } names ${named.id}, whose maker is another token or is not known.`,
      { asProvider: missingAnswer(this.#exchange.endpoint.dialect, named) },
    );
  }

  #mayUse(object: ObjectMaker): boolean {
    return mayUse(object, this.#exchange);
  }

  #accountOf(backend: Backend): string | undefined {
    const { endpoint, principal } = this.#exchange;
    return this.#parts.objects.accountOf(backend, endpoint, principal);
  }
}

/** The most objects of a request that can decide on its backend. */
const MAX_USED = 100;
/** The most ids of a body that are remembered, so that a response which repeats them creates no object. */
const MAX_IDS_OF_BODY = 10_000;
/** Whether a client may use an object, by its maker. */
export function mayUse(
  { maker, projectId }: Pick<ObjectMaker, "maker" | "projectId">,
  { principal, endpoint }: Pick<ObjectExchange, "principal" | "endpoint">,
): boolean {
  return maker === principal.key ||
    endpoint.objects === "project" && projectId !== undefined && projectId === principal.projectId;
}

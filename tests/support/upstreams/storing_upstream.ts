/** A provider that stores objects for each of its keys, in the shapes of OpenAI, Anthropic and Google. */

import { FakeUpstream } from "./fake_upstream.ts";

/** An object of the provider. */
export interface StoredObject {
  readonly id: string;
  readonly [member: string]: unknown;
}

/** The prefixes of ids, by the collection. */
const PREFIXES: Readonly<Record<string, string>> = {
  files: "file-",
  uploads: "upload_",
  batches: "batch_",
  responses: "resp_",
  conversations: "conv_",
  vector_stores: "vs_",
  assistants: "asst_",
  threads: "thread_",
  runs: "run_",
  containers: "cntr_",
  jobs: "ftjob-",
  evals: "eval_",
  videos: "video_",
  skills: "skill_",
  completions: "chatcmpl-",
};
const ANTHROPIC_PREFIXES: Readonly<Record<string, string>> = {
  files: "file_011C",
  batches: "msgbatch_01",
  skills: "skill_01",
};
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

type Account = Map<string, Map<string, StoredObject>>;

export class StoringUpstream implements AsyncDisposable {
  readonly upstream: FakeUpstream;
  /** What the provider was asked, as `POST /v1/files`. */
  readonly asked: string[] = [];
  /** The bodies of requests, in their order. */
  readonly bodies: string[] = [];
  #next: Uint8Array | undefined;
  #nextType = "application/json";
  readonly #accounts = new Map<string, Account>();
  #made = 0;

  constructor() {
    this.upstream = new FakeUpstream({
      script: async ({ request, body, write }) => {
        const pieces: Uint8Array[] = [];
        for await (const piece of body()) pieces.push(piece.slice());
        const sent = await new Blob(pieces as BlobPart[]).text();
        const [path = "", query = ""] = request.target.split("?");
        this.asked.push(`${request.method} ${path}`);
        this.bodies.push(sent);
        const next = this.#next;
        if (next !== undefined) {
          this.#next = undefined;
          const coding = next[0] === 0x1f ? "Content-Encoding: gzip\r\n" : "";
          await write(
            `HTTP/1.1 200 X\r\nContent-Type: ${this.#nextType}\r\n${coding}Content-Length: ${next.length}\r\n\r\n`,
          );
          return await write(next);
        }
        const key = request.header("authorization") ?? request.header("x-api-key") ??
          request.header("x-goog-api-key") ?? "";
        // Google's resumable uploads begin with a request for their address.
        const command = request.header("x-goog-upload-command");
        if (command === "start") {
          const url = `${this.origin}${path}?upload_id=${crypto.randomUUID()}&upload_protocol=resumable`;
          return await write(
            `HTTP/1.1 200 X\r\nX-Goog-Upload-URL: ${url}\r\nX-Goog-Upload-Status: active\r\nContent-Length: 0\r\n\r\n`,
          );
        }
        const { status, text } = this.#answer(key, {
          method: request.method,
          path: decodeURIComponent(path).toLowerCase().includes("%") ? path : decodeURIComponent(path),
          query: new URLSearchParams(query),
          sent,
          isAnthropic: request.header("x-api-key") !== undefined,
          isGoogle: request.header("x-goog-api-key") !== undefined,
        });
        const bytes = new TextEncoder().encode(text);
        const final = command === undefined ? "" : "X-Goog-Upload-Status: final\r\n";
        await write(
          `HTTP/1.1 ${status} X\r\nContent-Type: application/json\r\n${final}Content-Length: ${bytes.length}\r\n\r\n`,
        );
        await write(bytes);
      },
    });
  }

  get origin(): string {
    return this.upstream.origin;
  }

  /** Puts an object into an account beside the proxy. */
  put(key: string, collection: string, object: StoredObject): void {
    this.#collection(this.#account(key), collection).set(object.id, object);
  }

  /** The answer to the next request: JSON, or bytes in gzip. */
  answerNext(answer: unknown, type = "application/json"): void {
    this.#nextType = type;
    this.#next = answer instanceof Uint8Array ? answer : new TextEncoder().encode(JSON.stringify(answer));
  }

  #account(key: string): Account {
    let account = this.#accounts.get(key);
    if (account === undefined) this.#accounts.set(key, account = new Map());
    return account;
  }

  #collection(account: Account, name: string): Map<string, StoredObject> {
    let collection = account.get(name);
    if (collection === undefined) account.set(name, collection = new Map());
    return collection;
  }

  #answer(
    key: string,
    { method, path, query, sent, isAnthropic, isGoogle }: {
      method: string;
      path: string;
      query: URLSearchParams;
      sent: string;
      isAnthropic: boolean;
      isGoogle: boolean;
    },
  ): { status: number; text: string } {
    const account = this.#account(key);
    const segments = path.split("/").filter((part) => part !== "" && !/^v\d/.test(part) && part !== "upload");
    const known = [...account.values()].flatMap((collection) => [...collection.keys()]);
    // Every id in a body has to exist.
    const named = [
      ...sent.matchAll(
        /"((?:file|resp|batch|conv|vs|thread|asst|cntr|msgbatch|skill)[-_][A-Za-z0-9]{20,}|(?:files|cachedContents)\/[a-z0-9-]+)"/g,
      ),
    ]
      .map(([, id = ""]) => id);
    const isUpload = path.startsWith("/upload/");
    const missing = isUpload ? undefined : named.find((id) => !known.includes(id));
    if (missing !== undefined) return json({ error: { message: `missing ${missing}`, type: "x" } }, 404);
    if (isGoogle && method === "POST" && path.endsWith(":batchGenerateContent")) {
      return this.#google(account, { method, segments: ["batches"], sent });
    }
    const google = /^(files|cachedContents|batches)$/.exec(segments[0] ?? "")?.[0];
    if (isGoogle && google !== undefined) {
      return this.#google(account, { method, segments, sent });
    }
    const last = segments.at(-1) ?? "";
    const prefix = (isAnthropic ? ANTHROPIC_PREFIXES[last] : undefined) ?? PREFIXES[last];
    const parents = segments.filter((part) => /[-_][A-Za-z0-9]{20,}$/.test(part));
    const absent = parents.find((id) => !known.includes(id));
    if (absent !== undefined) {
      return json({ error: { message: `No such object: ${absent}`, type: "x" } }, 404);
    }
    if (prefix === undefined) {
      const found = [...account.values()].map((collection) => collection.get(parents.at(-1) ?? "")).find(
        Boolean,
      );
      if (method === "DELETE") return json({ id: found?.id, deleted: true });
      return json(found ?? { id: "msg_1", type: "message", role: "assistant", content: [], usage: {} });
    }
    const collection = this.#collection(account, last);
    if (method === "POST") {
      const object = this.#create(prefix, last, sent);
      collection.set(object.id, object);
      return json(object);
    }
    return json(page([...collection.values()].reverse(), query, isAnthropic));
  }

  #create(prefix: string, collection: string, sent: string): StoredObject {
    const random = Array.from({ length: 24 }, () => LETTERS[Math.floor(Math.random() * LETTERS.length)]).join(
      "",
    );
    const number = ++this.#made;
    return {
      id: `${prefix}${random}`,
      object: collection.replace(/s$/, ""),
      status: "completed",
      name: `number ${number}`,
      output: [],
      nested: { big: 9007199254740993, text: "ü\u2028" },
      bytes: sent.length,
    };
  }

  #google(
    account: Account,
    { method, segments, sent }: { method: string; segments: readonly string[]; sent: string },
  ): { status: number; text: string } {
    const [name = "", id] = segments;
    const collection = this.#collection(account, name);
    if (id !== undefined) {
      const found = collection.get(`${name}/${id.replace(/:.*/, "")}`);
      if (found === undefined) {
        return json({ error: { code: 403, message: "no", status: "PERMISSION_DENIED" } }, 403);
      }
      if (method === "DELETE") collection.delete(found.id);
      return json(method === "DELETE" ? {} : { name: found.id });
    }
    if (method === "POST") {
      const chosen = /"name": ?"(files\/[a-z0-9-]+)"/.exec(sent)?.[1];
      const object = { id: chosen ?? `${name}/${crypto.randomUUID().slice(0, 12).replaceAll("-", "a")}` };
      collection.set(object.id, object);
      return json(
        name === "files"
          ? { file: { name: object.id, uri: `https://google/v1beta/${object.id}` } }
          : { name: object.id },
      );
    }
    return json({ [name]: [...collection.values()].map((one) => ({ name: one.id })), nextPageToken: "next" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.upstream[Symbol.asyncDispose]();
  }
}

function page(all: readonly StoredObject[], query: URLSearchParams, isAnthropic: boolean): unknown {
  const after = query.get(isAnthropic ? "after_id" : "after");
  const from = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1;
  const limit = Number(query.get("limit") ?? 20);
  const data = all.slice(from, from + limit);
  return {
    ...(!isAnthropic && { object: "list" }),
    data,
    first_id: data.at(0)?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: from + limit < all.length,
  };
}

function json(value: unknown, status = 200): { status: number; text: string } {
  return { status, text: JSON.stringify(value) };
}

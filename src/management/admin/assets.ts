/** The files of the admin page, as `src/build/build_admin.ts` made them; compressed when they are asked for first. */

import { promisify } from "node:util";
import { brotliCompress, type BrotliOptions, constants, gzip } from "node:zlib";

/** One file in each of its encodings. */
interface Asset {
  readonly type: string;
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly br: Uint8Array<ArrayBuffer>;
  readonly gzip: Uint8Array<ArrayBuffer>;
}

/** Where they are: from this file, and as far from the bundle that is compiled. */
export const PAGE_FOLDER: URL = new URL("./bundle/", import.meta.url);
/** The page's own name among its files. */
export const INDEX = "index.html";
const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** Outside of JavaScript's own thread, so that nobody waits for it but who asked. */
const compressGzip = promisify(gzip);
const compressBrotli = promisify<Uint8Array, BrotliOptions, Uint8Array>(brotliCompress);
/** The best takes five times as long for another twentieth. */
const BROTLI_QUALITY = 9;

/** Reads files when they are asked for, and keeps them. */
export class Assets {
  readonly #folder: URL;
  readonly #loaded = new Map<string, Promise<Asset>>();
  #names: Promise<ReadonlySet<string>> | undefined;
  /** When the page was built that is kept. */
  #builtAt: number | undefined;

  constructor(folder: URL) {
    this.#folder = folder;
  }

  /** The answer to a request for a file; undefined where there is none of that name. */
  async answer(name: string, acceptEncoding: string): Promise<Response | undefined> {
    if (name === INDEX) await this.#forgetEarlierBuild();
    const type = TYPES[name.split(".")[1] ?? ""];
    // Names are the build's own: nothing that a client writes is looked for on the disk.
    if (type === undefined || !(await this.#known()).has(name)) return undefined;
    let loading = this.#loaded.get(name);
    if (loading === undefined) this.#loaded.set(name, loading = this.#load(name, type));
    const asset = await loading;
    const encoding = (["br", "gzip"] as const).find((one) => accepts(acceptEncoding, one));
    return new Response(encoding === undefined ? asset.plain : asset[encoding], {
      headers: {
        "content-type": asset.type,
        ...(encoding !== undefined && { "content-encoding": encoding }),
        "vary": "accept-encoding",
        // The name of any other file holds a hash of what is in it.
        "cache-control": name === INDEX ? "no-cache" : "public, max-age=31536000, immutable",
      },
    });
  }

  /** Whoever works on the page builds it while the program runs. */
  async #forgetEarlierBuild(): Promise<void> {
    const built = await Deno.stat(new URL(INDEX, this.#folder)).catch(() => undefined);
    const builtAt = built?.mtime?.getTime();
    if (builtAt === this.#builtAt) return;
    this.#builtAt = builtAt;
    this.#names = undefined;
    this.#loaded.clear();
  }

  async #known(): Promise<ReadonlySet<string>> {
    return await (this.#names ??= this.#list());
  }

  async #list(): Promise<ReadonlySet<string>> {
    try {
      const entries = await Array.fromAsync(Deno.readDir(this.#folder));
      return new Set(entries.map(({ name }) => name).filter((name) => name.split(".").length === 2));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return new Set();
      throw error;
    }
  }

  async #load(name: string, type: string): Promise<Asset> {
    const plain = await Deno.readFile(new URL(name, this.#folder));
    const params = { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY };
    const [br, gzip] = await Promise.all([
      compressBrotli(plain, { params }),
      compressGzip(plain, { level: 9 }),
    ]);
    return { type, plain, br: new Uint8Array(br), gzip: new Uint8Array(gzip) };
  }
}

/** Whether a list like `gzip, br;q=0.5` takes it. */
function accepts(list: string, encoding: string): boolean {
  return list.split(",").some((entry) => {
    const [name = "", ...parameters] = entry.split(";").map((part) => part.trim().toLowerCase());
    return name === encoding && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

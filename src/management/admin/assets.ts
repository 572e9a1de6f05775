/**
 * The files of the admin page, which `src/build/build_admin.ts` makes. They are compressed at their first
 * request.
 */

/** A file in all encodings. */
interface Asset {
  readonly type: string;
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly br: Uint8Array<ArrayBuffer>;
  readonly gzip: Uint8Array<ArrayBuffer>;
}

/** The folder of the files. The relative path is the same from this file and from the compiled bundle. */
export const PAGE_FOLDER: URL = new URL("./bundle/", import.meta.url);
/** The name of the HTML file of the page. */
export const INDEX = "index.html";
const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** Serves the files of the admin page. It reads a file at its first request and keeps it in memory. */
export class Assets {
  readonly #folder: URL;
  readonly #loaded = new Map<string, Promise<Asset>>();
  #names: Promise<ReadonlySet<string>> | undefined;
  /** The build time of the files in memory, in milliseconds since 1970. */
  #builtAt: number | undefined;

  constructor(folder: URL) {
    this.#folder = folder;
  }

  /** Responds with a file. Returns `undefined` if no file has the name. */
  async answer(name: string, acceptEncoding: string): Promise<Response | undefined> {
    if (name === INDEX) await this.#forgetEarlierBuild();
    const type = TYPES[name.split(".")[1] ?? ""];
    // Only names from the folder are served, so that no client chooses a path on the disk.
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
        // The names of all other files contain a hash of their content.
        "cache-control": name === INDEX ? "no-cache" : "public, max-age=31536000, immutable",
      },
    });
  }

  /** Forgets the files after a new build, for developers who build the page while the program runs. */
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
    // The start does not need the modules of Node for compression, which take 12 ms.
    const { compress } = await import("./compress.ts");
    return { type, plain, ...await compress(plain) };
  }
}

/** Whether an `accept-encoding` like `gzip, br;q=0.5` accepts an encoding. */
function accepts(list: string, encoding: string): boolean {
  return list.split(",").some((entry) => {
    const [name = "", ...parameters] = entry.split(";").map((part) => part.trim().toLowerCase());
    return name === encoding && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

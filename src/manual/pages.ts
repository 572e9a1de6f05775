/** The pages of `docs/`: which there are, how they are found by a word, and their text. */

/** Where the pages are: from this file, and as far from the bundle that is compiled. */
export const DOCS_FOLDER: URL = new URL("../../docs/", import.meta.url);

/** One page, without its text. */
export interface Topic {
  /** The name of its file without the ending, like `limits-and-budgets`. */
  readonly name: string;
  readonly summary: string;
}

/** Every page, in the order in which a new user needs them. */
export const TOPICS: readonly Topic[] = [
  { name: "install", summary: "binary, container, source, service" },
  { name: "clients", summary: "settings of each client, and which path goes where" },
  { name: "configuration", summary: "every variable and every key of config.toml" },
  { name: "commands", summary: "every command and its exit codes" },
  { name: "limits-and-budgets", summary: "managed tokens, rate limits, budgets, allowed models and paths" },
  { name: "usage-and-cost", summary: "who used what, what it cost, and what is stored" },
  { name: "admin-page", summary: "the page at /admin, and the management API" },
  { name: "https", summary: "a certificate for this machine, and how clients trust it" },
  { name: "reverse-proxy", summary: "nginx, Caddy or Traefik in front" },
  { name: "several-instances", summary: "what more than one process can and cannot share" },
  { name: "monitoring", summary: "health routes, logs, metrics, traces" },
  { name: "backup-and-restore", summary: "copies of the database, and how to go back to one" },
  { name: "security", summary: "who may do what, and the fewest rights" },
  { name: "troubleshooting", summary: "each x-llm-proxy-error code, and other symptoms" },
  { name: "how-it-works", summary: "the way of a request, and all that the proxy changes" },
  { name: "performance", summary: "measured figures, beside other proxies" },
  { name: "contributing", summary: "tests, tasks and the layout of the source" },
];

/** The page of a name, or the only one whose name has a part that begins with the word; else undefined. */
export function findTopic(word: string): Topic | undefined {
  const exact = TOPICS.find(({ name }) => name === word);
  if (exact !== undefined) return exact;
  const near = TOPICS.filter(({ name }) => name.startsWith(word) || name.split("-").includes(word));
  return near.length === 1 ? near[0] : undefined;
}

/** The text of a page, in Markdown. Throws where the file cannot be read. */
export async function readPage({ name }: Topic): Promise<string> {
  return await Deno.readTextFile(new URL(`${name}.md`, DOCS_FOLDER));
}

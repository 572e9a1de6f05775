/** The pages of `docs/`: their list, their search by a word, and their text. */

/** The folder of the pages. The relative path is the same from this file and from the compiled bundle. */
export const DOCS_FOLDER: URL = new URL("../../docs/", import.meta.url);

/** A page of the manual, without its text. */
export interface Topic {
  /** The name of the file without its extension, like `limits-and-budgets`. */
  readonly name: string;
  /** One line about the content, for the list of pages. */
  readonly summary: string;
}

/** All pages, in the order in which a new user needs them. */
export const TOPICS: readonly Topic[] = [
  { name: "install", summary: "binary, container, source, service" },
  { name: "clients", summary: "settings of each client, and which path goes to which endpoint" },
  { name: "configuration", summary: "every variable and every key of config.toml" },
  { name: "commands", summary: "every command and its exit codes" },
  { name: "limits-and-budgets", summary: "managed tokens, rate limits, budgets, allowed models and paths" },
  { name: "usage-and-cost", summary: "usage and cost of each token and model, and what is stored" },
  { name: "admin-page", summary: "the page at /admin, and the management API" },
  { name: "people", summary: "people with roles, their sessions, and management tokens" },
  {
    name: "sign-in",
    summary: "sign in at the admin page with Google, Microsoft, GitHub, Keycloak and others",
  },
  { name: "https", summary: "a certificate for this machine, and how clients trust it" },
  { name: "reverse-proxy", summary: "nginx, Caddy or Traefik in front" },
  { name: "several-instances", summary: "what several processes can and cannot share" },
  { name: "monitoring", summary: "health routes, logs, metrics, traces" },
  { name: "backup-and-restore", summary: "copies of the database, and how to restore one" },
  { name: "security", summary: "settings for security, and the least privileges" },
  { name: "troubleshooting", summary: "each x-llm-proxy-error code, and other symptoms" },
  { name: "how-it-works", summary: "the path of a request, and everything that the proxy changes" },
  { name: "engines", summary: "the proxy's own server or Deno.serve, and `deno serve`" },
  { name: "comparison", summary: "what other proxies do, and when to use which" },
  { name: "performance", summary: "measurements, compared with other proxies" },
  { name: "contributing", summary: "tests, tasks and the layout of the source" },
];

/**
 * Finds a page by its name, or by a word of its name if only one page matches: the start of the name, or a
 * whole word within. Returns `undefined` if no page or several pages match.
 */
export function findTopic(word: string): Topic | undefined {
  const exact = TOPICS.find(({ name }) => name === word);
  if (exact !== undefined) return exact;
  const near = TOPICS.filter(({ name }) => name.startsWith(word) || name.split("-").includes(word));
  return near.length === 1 ? near[0] : undefined;
}

/** Reads the text of a page, in Markdown. Throws if the file cannot be read. */
export async function readPage({ name }: Topic): Promise<string> {
  return await Deno.readTextFile(new URL(`${name}.md`, DOCS_FOLDER));
}

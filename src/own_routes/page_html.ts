/** The HTML of the pages for browsers. It is fixed, and reveals no name, address or version of the proxy. */

/** Where the admin page is, as far as the client may know. */
export type AdminPlace =
  /** The management plane is off. */
  | { readonly kind: "off" }
  /** At the port of the request, which serves the endpoints too. */
  | { readonly kind: "here" }
  /** At the port of the request, which serves only the management plane. */
  | { readonly kind: "own_port" }
  /** At another port. The port is `undefined` before the server listens. */
  | { readonly kind: "other_port"; readonly port: number | undefined }
  /** The address of the client may not use the admin page. */
  | { readonly kind: "closed" };

/** The HTML of the page at `/`. */
export function frontHtml(place: AdminPlace): string {
  return documentOf(
    "llm-proxy",
    `<h1>llm-proxy</h1>
<p>This is a proxy for LLM APIs. Programs on this network send their requests here. The keys of the providers stay on
the proxy.</p>
<h2>Connect a client</h2>
${connectHtml(place)}
<h2>Admin page</h2>
${adminHtml(place)}`,
  );
}

/** The HTML of the page at `/admin` while the management plane is off. */
export function adminOffHtml(): string {
  return documentOf(
    "llm-proxy: admin page",
    `<h1>The admin page is off</h1>
${SWITCH_ON}
<p><a href="/">What this proxy is</a></p>`,
  );
}

function connectHtml(place: AdminPlace): string {
  if (place.kind === "own_port") {
    return `<p>This port serves the admin page. Clients use the other port of this proxy; the first lines of its output
show the address.</p>`;
  }
  return `<p>The base URL of a client is the address of this page and the name of an endpoint:</p>
<pre>http://192.168.1.20:33000/NAME</pre>
<p>The API key is a token of this proxy. The person who runs the proxy has both. This command prints the settings of a
client:</p>
<pre>llm-proxy connect claude-code --url http://192.168.1.20:33000</pre>
<p>Write the address of this page in place of the one above. <code>llm-proxy connect --help</code> lists the
clients.</p>`;
}

function adminHtml(place: AdminPlace): string {
  switch (place.kind) {
    case "off":
      return SWITCH_ON;
    case "here":
    case "own_port":
      return `<p>The admin page is at <a href="/admin">/admin</a>. It asks for the management token.</p>`;
    case "other_port":
      return `<p>The admin page has a port for itself${place.port === undefined ? "" : `, ${place.port}`}
(<code>ADMIN_PORT</code>). Change the port in the address of this page, and add <code>/admin</code>.</p>`;
    case "closed":
      return `<p>Your address may not use the admin page.</p>`;
    default:
      return place satisfies never;
  }
}

const SWITCH_ON =
  `<p>The admin page shows usage and cost, and makes tokens with limits and budgets. It is off. To switch it
on, set one variable of the proxy to a secret of 16 characters or more, and start the proxy again:</p>
<pre>MANAGEMENT_TOKEN=…</pre>
<p><code>llm-proxy token generate</code> prints such a secret. Tokens and usage go to a database, which is a SQLite file
in the folder <code>data</code>; <code>DATABASE_URL</code> can name another place. The admin page is then at
<code>/admin</code>.</p>`;

const STYLE = `:root{color-scheme:light dark}
body{margin:0 auto;max-width:40rem;padding:1.5rem 1rem;font:1rem/1.55 system-ui,sans-serif;background:#fff;color:#16202a}
h1{font-size:1.5rem;margin:0 0 .5rem}h2{font-size:1.1rem;margin:1.75rem 0 .5rem}p{margin:.5rem 0}a{color:#0b5cb8}
pre,code{font:.9rem/1.5 ui-monospace,monospace;background:#f0f3f6;border-radius:.3rem}
pre{padding:.6rem .75rem;white-space:pre-wrap;overflow-wrap:anywhere}code{padding:.1rem .3rem}
@media (prefers-color-scheme:dark){body{background:#12181f;color:#e8edf2}a{color:#7db4f5}pre,code{background:#1f2933}}`;

/** The SHA-256 of {@link STYLE} for the content security policy. A test compares the two. */
export const STYLE_HASH = "sha256-5ZenTof3IWfp90u4mwi03kC/IGRhA+a7pTXKSzfecek=";

/** Makes the document. The empty icon keeps browsers from requesting `/favicon.ico`. */
function documentOf(title: string, main: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<main>
${main}
</main>
</body>
</html>
`;
}

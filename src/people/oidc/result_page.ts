/** The pages that a browser shows after it came back from a provider. */

/** Escapes text for HTML. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Headers of the pages: no script, no cache, and no address of the callback for other sites. */
const HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/**
 * The page after a sign-in. It leads on by itself, and not by a redirect: after a redirect that another site
 * began, browsers would not send a session cookie with `SameSite=Strict`.
 */
export function signedInPage(returnTo: string, cookies: readonly string[]): Response {
  const path = escaped(returnTo);
  return page(200, {
    head: `<meta http-equiv="refresh" content="0;url=${path}">`,
    title: "You are signed in",
    main: `<p><a href="${path}">Go to the admin page</a></p>`,
    cookies,
  });
}

/** The page after a sign-in that failed. */
export function failurePage(
  status: number,
  { message, again, cookies = [] }: {
    readonly message: string;
    /** The path where the sign-in begins again; `undefined` if that would not help. */
    readonly again: string | undefined;
    readonly cookies?: readonly string[];
  },
): Response {
  const links = [
    ...(again === undefined ? [] : [`<a href="${escaped(again)}">Try again</a>`]),
    '<a href="/admin">Go to the admin page</a>',
  ];
  return page(status, {
    head: "",
    title: "The sign-in failed",
    main: `<p>${escaped(message)}</p>\n<p>${links.join(" · ")}</p>`,
    cookies,
  });
}

function page(
  status: number,
  { head, title, main, cookies }: {
    readonly head: string;
    readonly title: string;
    readonly main: string;
    readonly cookies: readonly string[];
  },
): Response {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
${head}
<title>${title}: llm-proxy</title>
</head>
<body>
<main>
<h1>${title}</h1>
${main}
</main>
</body>
</html>
`;
  const headers = new Headers(HEADERS);
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return new Response(html, { status, headers });
}

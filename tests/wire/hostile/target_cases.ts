/** Request targets that name another host, another folder or another endpoint. */

import { answered, type Family, FIELDS, forwarded, type HostileCase, refused } from "./hostile_case.ts";

/** Answered by the proxy: no path, or one that some would resolve to another. */
const REFUSED: readonly (readonly [name: string, target: string])[] = [
  ["a parent folder", "/openai/v1/../x"],
  ["a parent folder at the end", "/openai/v1/.."],
  ["parent folders up to another endpoint", "/openai/v1/../../anthropic/v1/messages"],
  ["a parent folder in place of an endpoint", "/../openai/v1/x"],
  ["this folder", "/openai/v1/./x"],
  ["a parent folder, encoded", "/openai/v1/%2e%2e/x"],
  ["a parent folder, encoded in capitals", "/openai/v1/%2E%2E/x"],
  ["a parent folder, half encoded", "/openai/v1/.%2e/x"],
  ["a parent folder, the other half encoded", "/openai/v1/%2e./x"],
  ["this folder, encoded", "/openai/v1/%2e/x"],
  ["an encoded slash behind a parent folder", "/openai/v1/..%2fx"],
  ["an encoded slash before a parent folder", "/openai/v1/x%2f.."],
  ["everything encoded", "/openai/v1/%2e%2e%2f%2e%2e%2fanthropic"],
  ["an encoded slash and another endpoint", "/openai%2f..%2fanthropic/v1/messages"],
  ["a parameter of a parent folder", "/openai/v1/..;/x"],
  ["a parameter of a parent folder with a value", "/openai/v1/..;a=b/x"],
  ["a parameter of this folder", "/openai/v1/.;/x"],
  ["an encoded parameter of a parent folder", "/openai/v1/..%3b/x"],
  ["an encoded parent folder with a parameter", "/openai/v1/%2e%2e;a/x"],
  ["a backslash", "/openai/v1\\x"],
  ["backslashes around a parent folder", "/openai/v1\\..\\x"],
  ["an encoded backslash", "/openai/v1/..%5cx"],
  ["an encoded backslash in capitals", "/openai/v1/%5C..%5Cx"],
  ["a backslash behind the first slash", "/\\evil.test/openai/v1/x"],
  ["an encoded backslash behind the first slash", "/%5cevil.test/openai/v1/x"],
  ["an encoded NUL", "/openai/v1/x%00"],
  ["an encoded NUL behind a parent folder", "/openai/v1/..%00/x"],
  ["an encoded line end", "/openai/v1/x%0d%0aHost:%20evil.test"],
  [
    "an encoded request",
    "/openai/v1/x%20HTTP/1.1%0d%0aHost:%20evil.test%0d%0a%0d%0aGET%20/openai/v1/smuggled",
  ],
  ["an encoded tab", "/openai/v1/x%09y"],
  ["an encoded DEL", "/openai/v1/x%7f"],
  ["an overlong full stop of two bytes", "/openai/v1/%c0%ae%c0%ae/x"],
  ["an overlong full stop of three bytes", "/openai/v1/%e0%80%ae%e0%80%ae/x"],
  ["an overlong slash", "/openai/v1/..%c0%afx"],
  ["an overlong backslash", "/openai/v1/..%c1%9cx"],
  ["half a surrogate pair", "/openai/v1/%ed%a0%80"],
  ["a byte that is no UTF-8", "/openai/v1/%ff"],
  ["an encoding of one digit", "/openai/v1/%2"],
  ["an encoding without digits", "/openai/v1/%"],
  ["an encoding of letters", "/openai/v1/%zz"],
  ["a Microsoft encoding", "/openai/v1/%u002e%u002e/x"],
  ["a fragment", "/openai/v1/x#y"],
  ["a fragment in the query", "/openai/v1/x?a#b"],
  ["an asterisk", "*"],
  ["a name without a slash", "openai/v1/x"],
  ["an authority", "evil.test:80"],
  ["userinfo before the path", "@evil.test/openai/v1/x"],
  ["a port before the path", ":80/openai/v1/x"],
  ["a full stop before the path", "./openai/v1/x"],
  ["only a query", "?a=/openai/v1/x"],
  ["an encoded first slash", "%2fopenai/v1/x"],
  ["no authority in an absolute URL", "http:///openai/v1/x"],
  ["no slashes in an absolute URL", "http:openai/v1/x"],
  ["one slash in an absolute URL", "http:/openai/v1/x"],
  ["backslashes in an absolute URL", "http:\\\\evil.test\\openai/v1/x"],
  ["a scheme of files", "file:///etc/passwd"],
  ["a scheme of file transfer", "ftp://evil.test/openai/v1/x"],
  ["a scheme of WebSockets", "ws://evil.test/openai/v1/x"],
  ["a scheme of an old search engine", "gopher://evil.test/openai/v1/x"],
  ["a scheme that nobody knows", "xhttp://evil.test/openai/v1/x"],
  ["a fragment behind an authority", "http://evil.test#/openai/v1/x"],
  ["a parent folder in an absolute URL", "http://evil.test/openai/v1/../x"],
];

/** Proper paths that no endpoint has. */
const NOWHERE: readonly (readonly [name: string, target: string])[] = [
  ["two slashes before a host", "//evil.test/openai/v1/x"],
  ["two slashes before an endpoint", "//openai/v1/x"],
  ["three slashes", "///openai/v1/x"],
  ["userinfo behind the slash", "/@evil.test/openai/v1/x"],
  ["an endpoint as userinfo", "/openai@evil.test/v1/x"],
  ["a port behind an endpoint", "/openai:80/v1/x"],
  ["a parameter behind an endpoint", "/openai;x/v1/x"],
  ["an encoded slash behind an endpoint", "/openai%2fv1/x"],
  ["an encoded endpoint", "/%6fpenai/v1/x"],
  ["an endpoint in capitals", "/OPENAI/v1/x"],
  ["an absolute URL behind a slash", "/http://evil.test/openai/v1/x"],
  ["two slashes in an absolute URL", "http://evil.test//openai/v1/x"],
  ["an endpoint with a full stop", "/openai./v1/x"],
];

/** What is sent, and what of it has to arrive. */
const FORWARDED: readonly (readonly [name: string, sent: string, arrives: string])[] = [
  ["another host", "http://evil.test/openai/v1/x", "/openai/v1/x"],
  ["another host and port", "http://evil.test:1234/openai/v1/x", "/openai/v1/x"],
  ["an address", "http://169.254.169.254/openai/v1/x", "/openai/v1/x"],
  ["an address of version 6", "http://[::1]:80/openai/v1/x", "/openai/v1/x"],
  ["a port that is none", "http://evil.test:99999/openai/v1/x", "/openai/v1/x"],
  ["credentials", "http://user:password@evil.test/openai/v1/x", "/openai/v1/x"],
  ["two at signs", "http://a@b@evil.test/openai/v1/x", "/openai/v1/x"],
  ["a backslash in the authority", "http://evil.test\\@p/openai/v1/x", "/openai/v1/x"],
  ["the scheme of TLS", "https://evil.test/openai/v1/x", "/openai/v1/x"],
  ["the scheme in capitals", "HTTP://EVIL.TEST/openai/v1/x", "/openai/v1/x"],
  ["a query", "http://evil.test/openai/v1/x?url=http://evil.test/", "/openai/v1/x?url=http://evil.test/"],
];

const KEPT: readonly (readonly [name: string, target: string])[] = [
  ["two slashes within", "/openai/v1//x"],
  ["two slashes before a host, within", "/openai/v1//evil.test/x"],
  ["an absolute URL, within", "/openai/v1/http://evil.test/x"],
  ["userinfo, within", "/openai/v1/@evil.test"],
  ["an encoded slash", "/openai/v1/a%2fb"],
  ["a parent folder that is encoded twice", "/openai/v1/%252e%252e/x"],
  ["an encoded slash that is encoded twice", "/openai/v1/..%252fx"],
  ["three full stops", "/openai/v1/.../x"],
  ["a folder that begins with full stops", "/openai/v1/..x/y"],
  ["full-width full stops", "/openai/v1/%ef%bc%8e%ef%bc%8e/x"],
  ["bytes beyond ASCII", "/openai/v1/\xc3\xa9\xff"],
  ["a parent folder in the query", "/openai/v1/x?../../y"],
  ["an encoded parent folder in the query", "/openai/v1/x?a=%2e%2e%2f"],
  ["an encoded line end in the query", "/openai/v1/x?a=%0d%0aHost:%20evil.test"],
  ["a backslash in the query", "/openai/v1/x?a=\\\\evil.test"],
  ["a wrong encoding in the query", "/openai/v1/x?a=%zz"],
  ["question marks", "/openai/v1/x???"],
  ["signs that need no encoding", "/openai/v1/a;b=1/c:d@e!$&'()*+,=~-._"],
];

const SHAPES: readonly HostileCase[] = [
  refused("two targets", `GET /openai/v1/x /openai/v1/y HTTP/1.1\r\n${FIELDS}\r\n`),
  refused("no target", `GET HTTP/1.1\r\n${FIELDS}\r\n`),
  refused("no target between two spaces", `GET  HTTP/1.1\r\n${FIELDS}\r\n`),
  refused("two spaces before the target", `GET  /openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  refused("two spaces behind the target", `GET /openai/v1/x  HTTP/1.1\r\n${FIELDS}\r\n`),
  refused("a version within the target", `GET /openai/v1/x HTTP/1.1/y HTTP/1.1\r\n${FIELDS}\r\n`),
  answered("an authority alone is the proxy's own page", get("http://evil.test"), 200),
  answered("an authority with a query is the proxy's own page", get("http://evil.test?/openai/v1/x"), 200),
];

function get(target: string): string {
  return `GET ${target} HTTP/1.1\r\n${FIELDS}\r\n`;
}

/** Request targets. */
export const TARGETS: readonly Family[] = [
  [
    "targets that are refused",
    REFUSED.map(([name, target]) => answered(`as a target: ${name}`, get(target))),
  ],
  [
    "targets that lead nowhere",
    NOWHERE.map(([name, target]) => answered(`to nowhere: ${name}`, get(target), 404)),
  ],
  [
    "absolute targets",
    FORWARDED.map(([name, sent, target]) => forwarded(`absolute: ${name}`, get(sent), { target })),
  ],
  [
    "targets kept byte for byte",
    KEPT.map(([name, target]) => forwarded(`kept: ${name}`, get(target), { target })),
  ],
  ["request lines", SHAPES],
];

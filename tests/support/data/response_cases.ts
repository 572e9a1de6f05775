/** Answers of upstreams, byte for byte, and what a strict client makes of them (RFC 9110 and 9112). */

export interface ResponseCase {
  readonly name: string;
  readonly method?: string;
  readonly bytes: string;
  /** The end of the connection is the end of the body. */
  readonly untilClose?: boolean;
  /** A whole answer: its status and body, and whether the connection can serve another request. */
  readonly whole?: readonly [status: number, body: string, reusable: boolean];
  /**
   * No answer could be had, or it breaks off within its body. With `first chunk` the answer fails in its head
   * where the line of the first chunk came with it, else in its body.
   */
  readonly refused?: "head" | "first chunk" | "body";
}

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const LONG = "x".repeat(5_000);

function head(name: string, bytes: string): ResponseCase {
  return { name, bytes, refused: "head" };
}

function cut(name: string, bytes: string): ResponseCase {
  return { name, bytes, refused: "body" };
}

function firstChunk(name: string, bytes: string): ResponseCase {
  return { name, bytes, refused: "first chunk" };
}

function whole(
  name: string,
  bytes: string,
  body: string,
  options: { status?: number; closes?: boolean } = {},
): ResponseCase {
  return { name, bytes, whole: [options.status ?? 200, body, options.closes !== true] };
}

/** A body of known length. */
const COUNTED: readonly ResponseCase[] = [
  whole("length", `${OK}Content-Length: 5\r\n\r\nhello`, "hello"),
  whole("length zero", `${OK}Content-Length: 0\r\n\r\n`, ""),
  whole("length with leading zeros", `${OK}Content-Length: 005\r\n\r\nhello`, "hello"),
  whole(
    "length in any case, with spaces and tabs around",
    `${OK}CONTENT-LENGTH: \t 5 \t\r\n\r\nhello`,
    "hello",
  ),
  whole("length without a space", `${OK}Content-Length:5\r\n\r\nhello`, "hello"),
  whole("a long body", `${OK}Content-Length: 5000\r\n\r\n${LONG}`, LONG),
  whole("connection: close", `${OK}Connection: close\r\nContent-Length: 5\r\n\r\nhello`, "hello", {
    closes: true,
  }),
  whole("connection: Close among others", `${OK}Connection: x, Close\r\nContent-Length: 1\r\n\r\na`, "a", {
    closes: true,
  }),
  whole("connection: keep-alive", `${OK}Connection: keep-alive\r\nContent-Length: 1\r\n\r\na`, "a"),
  whole("HTTP/1.0 does not persist", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", "a", { closes: true }),
  whole("bytes behind the body spoil the connection", `${OK}Content-Length: 1\r\n\r\nab`, "a", {
    closes: true,
  }),
  whole("an answer nobody asked for spoils the connection", `${OK}Content-Length: 1\r\n\r\na${OK}\r\n`, "a", {
    closes: true,
  }),
  cut("length, one byte short", `${OK}Content-Length: 5\r\n\r\nhell`),
  cut("length, no byte at all", `${OK}Content-Length: 5\r\n\r\n`),
  head("length negative", `${OK}Content-Length: -5\r\n\r\nhello`),
  head("length with a plus", `${OK}Content-Length: +5\r\n\r\nhello`),
  head("length with a decimal", `${OK}Content-Length: 5.0\r\n\r\nhello`),
  head("length hexadecimal", `${OK}Content-Length: 0x5\r\n\r\nhello`),
  head("length with an exponent", `${OK}Content-Length: 5e0\r\n\r\nhello`),
  head("length empty", `${OK}Content-Length: \r\n\r\nhello`),
  head("length in words", `${OK}Content-Length: five\r\n\r\nhello`),
  head("length with inner space", `${OK}Content-Length: 5 5\r\n\r\nhello`),
  head("length beyond every number", `${OK}Content-Length: 99999999999999999999\r\n\r\nhello`),
  head("length with other digits", `${OK}Content-Length: \xb2\r\n\r\nhello`),
  head("length twice, different", `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`),
  head("length twice, the same", `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`),
  head("length as a list", `${OK}Content-Length: 5, 5\r\n\r\nhello`),
  head("length and chunked", `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
  head("chunked and length", `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`),
];

/** A body in chunks. */
const CHUNKS: readonly ResponseCase[] = [
  whole("one chunk", `${CHUNKED}5\r\nhello\r\n0\r\n\r\n`, "hello"),
  whole("many chunks", `${CHUNKED}1\r\nh\r\n2\r\nel\r\n2\r\nlo\r\n0\r\n\r\n`, "hello"),
  whole("no chunk but the last", `${CHUNKED}0\r\n\r\n`, ""),
  whole("the last chunk in several zeros", `${CHUNKED}1\r\na\r\n000\r\n\r\n`, "a"),
  whole("sizes in upper case", `${CHUNKED}A\r\n0123456789\r\n0\r\n\r\n`, "0123456789"),
  whole("sizes in lower case", `${CHUNKED}a\r\n0123456789\r\n0\r\n\r\n`, "0123456789"),
  whole("sizes with leading zeros", `${CHUNKED}0005\r\nhello\r\n0\r\n\r\n`, "hello"),
  whole("a long chunk", `${CHUNKED}1388\r\n${LONG}\r\n0\r\n\r\n`, LONG),
  whole("CR and LF in the data", `${CHUNKED}6\r\na\r\n0\r\n\r\n0\r\n\r\n`, "a\r\n0\r\n"),
  whole("an extension", `${CHUNKED}5;name=value\r\nhello\r\n0;last\r\n\r\n`, "hello"),
  whole("an extension with a quoted string", `${CHUNKED}5;a="b;c \\" d"\r\nhello\r\n0\r\n\r\n`, "hello"),
  whole("trailers", `${CHUNKED}1\r\na\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n`, "a"),
  whole("the coding's name in any case", `${OK}Transfer-Encoding: ChUnKeD\r\n\r\n1\r\na\r\n0\r\n\r\n`, "a"),
  whole(
    "chunks and connection: close",
    `${OK}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`,
    "a",
    {
      closes: true,
    },
  ),
  whole("bytes behind the last chunk spoil the connection", `${CHUNKED}0\r\n\r\nx`, "", { closes: true }),
  cut("chunks, nothing", CHUNKED),
  cut("chunks, a size without its line's end", `${CHUNKED}5`),
  cut("chunks, a size without LF", `${CHUNKED}5\r`),
  cut("chunks, no data", `${CHUNKED}5\r\n`),
  cut("chunks, half the data", `${CHUNKED}5\r\nhel`),
  cut("chunks, no CR LF behind the data", `${CHUNKED}5\r\nhello`),
  cut("chunks, no LF behind the data", `${CHUNKED}5\r\nhello\r`),
  cut("chunks, no last chunk", `${CHUNKED}5\r\nhello\r\n`),
  cut("chunks, a last chunk without its end", `${CHUNKED}5\r\nhello\r\n0\r\n`),
  cut("chunks, a last chunk without its line's end", `${CHUNKED}5\r\nhello\r\n0`),
  cut("chunks, trailers without their end", `${CHUNKED}0\r\nX-Sum: 1\r\n`),
  cut("a chunk longer than its size", `${CHUNKED}4\r\nhello\r\n0\r\n\r\n`),
  cut("a chunk shorter than its size", `${CHUNKED}6\r\nhello\r\n0\r\n\r\n`),
  firstChunk("a size with a sign", `${CHUNKED}+5\r\nhello\r\n0\r\n\r\n`),
  firstChunk("a negative size", `${CHUNKED}-5\r\nhello\r\n0\r\n\r\n`),
  firstChunk("a size with 0x", `${CHUNKED}0x5\r\nhello\r\n0\r\n\r\n`),
  firstChunk("a size with a space before it", `${CHUNKED} 5\r\nhello\r\n0\r\n\r\n`),
  firstChunk("a size with a space behind it", `${CHUNKED}5 \r\nhello\r\n0\r\n\r\n`),
  firstChunk("a size with a space before its extension", `${CHUNKED}5 ;a\r\nhello\r\n0\r\n\r\n`),
  firstChunk("a size with a tab", `${CHUNKED}5\t\r\nhello\r\n0\r\n\r\n`),
  firstChunk("a size with an underscore", `${CHUNKED}1_0\r\n0123456789abcdef\r\n0\r\n\r\n`),
  firstChunk("a size that is no number", `${CHUNKED}five\r\nhello\r\n0\r\n\r\n`),
  firstChunk("an empty size", `${CHUNKED}\r\nhello\r\n0\r\n\r\n`),
  firstChunk("a size of an extension only", `${CHUNKED};a=b\r\nhello\r\n0\r\n\r\n`),
  firstChunk("a size beyond every number", `${CHUNKED}fffffffffffffffff\r\nhello\r\n0\r\n\r\n`),
  firstChunk("a size line with a bare LF", `${CHUNKED}5\nhello\r\n0\r\n\r\n`),
  firstChunk("a size line with a bare CR", `${CHUNKED}5\rhello\r\n0\r\n\r\n`),
  cut("a bare LF behind the data", `${CHUNKED}5\r\nhello\n0\r\n\r\n`),
  cut("a bare CR behind the data", `${CHUNKED}5\r\nhello\r0\r\n\r\n`),
  cut("a bare LF behind the last chunk", `${CHUNKED}0\r\n\n`),
  firstChunk("a NUL in an extension", `${CHUNKED}5;a=\0\r\nhello\r\n0\r\n\r\n`),
  firstChunk("a control character in an extension", `${CHUNKED}5;a=\x01\r\nhello\r\n0\r\n\r\n`),
  cut("an endless extension", `${CHUNKED}5;${"a".repeat(5_000)}\r\nhello\r\n0\r\n\r\n`),
  cut("endless trailers", `${CHUNKED}0\r\n${"X-T: 1\r\n".repeat(3_000)}\r\n`),
  cut("an endless trailer", `${CHUNKED}0\r\nX-T: ${"a".repeat(20_000)}\r\n\r\n`),
  cut("a trailer with a bare LF", `${CHUNKED}0\r\nX-T: 1\n\r\n`),
  cut("a trailer with NUL", `${CHUNKED}0\r\nX-T: \0\r\n\r\n`),
  head("a coding before chunked", `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`),
  head("a coding behind chunked", `${OK}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`),
  head("chunked twice in a list", `${OK}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`),
  head(
    "chunked twice in two fields",
    `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ),
  head("a coding that is not chunked", `${OK}Transfer-Encoding: identity\r\n\r\nhello`),
  head("xchunked", `${OK}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`),
  head("chunked with a parameter", `${OK}Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n`),
  head("a vertical tab before chunked", `${OK}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`),
  head("an empty coding", `${OK}Transfer-Encoding: \r\n\r\n0\r\n\r\n`),
];

/** A body that lasts until the connection ends. */
const UNTIL_CLOSE: readonly ResponseCase[] = [
  whole("until close", `${OK}\r\nhello`, "hello", { closes: true }),
  whole("until close, empty", `${OK}\r\n`, "", { closes: true }),
  whole("until close, long", `${OK}\r\n${LONG}`, LONG, { closes: true }),
  whole("until close, in HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhello", "hello", { closes: true }),
  whole("until close, whatever keep-alive says", `${OK}Connection: keep-alive\r\n\r\nhello`, "hello", {
    closes: true,
  }),
];

/** Answers that have no body by their nature, and interim ones. */
const NATURES: readonly ResponseCase[] = [
  whole("204", "HTTP/1.1 204 No Content\r\n\r\n", "", { status: 204, closes: true }),
  whole("304", "HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", "", { status: 304, closes: true }),
  whole(
    "304 with the length of what it stands for",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n",
    "",
    { status: 304, closes: true },
  ),
  whole(
    "204 with a body spoils the connection",
    "HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\na",
    "",
    {
      status: 204,
      closes: true,
    },
  ),
  whole("205 with a length of zero", "HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n", "", {
    status: 205,
    closes: true,
  }),
  {
    ...whole("HEAD with a length", `${OK}Content-Length: 500\r\n\r\n`, "", { closes: true }),
    method: "HEAD",
  },
  {
    ...whole("HEAD with chunked", `${OK}Transfer-Encoding: chunked\r\n\r\n`, "", { closes: true }),
    method: "HEAD",
  },
  {
    ...whole("HEAD with a body spoils the connection", `${OK}Content-Length: 1\r\n\r\na`, "", {
      closes: true,
    }),
    method: "HEAD",
  },
  whole("100 before the final answer", `HTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 1\r\n\r\na`, "a"),
  whole(
    "103 with fields",
    `HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n${OK}Content-Length: 1\r\n\r\na`,
    "a",
  ),
  whole(
    "several interim answers",
    `${"HTTP/1.1 102 Processing\r\n\r\n".repeat(5)}${OK}Content-Length: 1\r\n\r\na`,
    "a",
  ),
  head("interim answers without end", "HTTP/1.1 102 Processing\r\n\r\n".repeat(30)),
  whole(
    "as many interim answers as are passed over",
    `${"HTTP/1.1 102 Processing\r\n\r\n".repeat(16)}${OK}Content-Length: 2\r\n\r\nhi`,
    "hi",
  ),
  head(
    "one more interim answer, and then a whole one",
    `${"HTTP/1.1 102 Processing\r\n\r\n".repeat(17)}${OK}Content-Length: 2\r\n\r\nhi`,
  ),
  head(
    "101 that nobody asked for, and a whole answer behind it",
    `HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n${OK}Content-Length: 2\r\n\r\nhi`,
  ),
  head("an interim answer and nothing more", "HTTP/1.1 100 Continue\r\n\r\n"),
  head("101 that nobody asked for", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"),
  whole("418", "HTTP/1.1 418 I'm a teapot\r\nContent-Length: 1\r\n\r\na", "a", { status: 418 }),
  whole("529", "HTTP/1.1 529 Overloaded\r\nContent-Length: 1\r\n\r\na", "a", { status: 529 }),
];

/** Status lines. */
const STATUS_LINES: readonly ResponseCase[] = [
  whole("no reason", "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\na", "a"),
  whole("no reason and no space", "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na", "a"),
  whole("a reason with spaces and Latin-1", "HTTP/1.1 200 T\xf6ll ok\r\nContent-Length: 1\r\n\r\na", "a"),
  head("nothing", ""),
  head("an empty line first", `\r\n${OK}Content-Length: 1\r\n\r\na`),
  head("a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
  head("a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"),
  head("a status in letters", "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n"),
  head("a status below 100", "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n"),
  head("a status beyond 599", "HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n"),
  head("a signed status", "HTTP/1.1 +20 OK\r\nContent-Length: 0\r\n\r\n"),
  head("HTTP/2.0", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
  head("HTTP/1.2", "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n"),
  head("http in lower case", "http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
  head("two spaces before the status", "HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n"),
  head("a tab before the status", "HTTP/1.1\t200 OK\r\nContent-Length: 0\r\n\r\n"),
  head("a space first", " HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
  head("another protocol", "SSH-2.0-OpenSSH\r\n\r\n"),
  head("a control character in the reason", "HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n"),
  head("a bare CR in the reason", "HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n"),
  head("a NUL in the reason", "HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n"),
  head("a status line that ends in LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"),
  head("an endless status line", `HTTP/1.1 200 ${"a".repeat(70_000)}\r\n\r\n`),
];

/** Header fields. */
const FIELDS: readonly ResponseCase[] = [
  whole("an empty value", `${OK}X-Empty:\r\nContent-Length: 1\r\n\r\na`, "a"),
  whole("a value with colons, commas and quotes", `${OK}X-V: a:b,"c;d"\r\nContent-Length: 1\r\n\r\na`, "a"),
  whole("a value with tabs inside and Latin-1", `${OK}X-V: a\tb\xff\r\nContent-Length: 1\r\n\r\na`, "a"),
  whole("every character of a token", `${OK}!#$%&'*+-.^_\`|~09azAZ: 1\r\nContent-Length: 1\r\n\r\na`, "a"),
  whole("two hundred fields", `${OK}${"X-F: 1\r\n".repeat(200)}Content-Length: 1\r\n\r\na`, "a"),
  head("a folded line", `${OK}X-A: 1\r\n folded\r\nContent-Length: 1\r\n\r\na`),
  head("a line folded by a tab", `${OK}X-A: 1\r\n\tfolded\r\nContent-Length: 1\r\n\r\na`),
  head("a folded first line", `${OK} X-A: 1\r\nContent-Length: 1\r\n\r\na`),
  head("a space before the colon", `${OK}Content-Length : 1\r\n\r\na`),
  head("a tab before the colon", `${OK}Content-Length\t: 1\r\n\r\na`),
  head("a name with a space", `${OK}Content Length: 1\r\n\r\na`),
  head("a name with a control character", `${OK}X\x01: 1\r\nContent-Length: 1\r\n\r\na`),
  head("a name beyond ASCII", `${OK}X\xe9: 1\r\nContent-Length: 1\r\n\r\na`),
  head("no name", `${OK}: 1\r\nContent-Length: 1\r\n\r\na`),
  head("no colon", `${OK}Content-Length 1\r\n\r\na`),
  head("a bare LF", `${OK}Content-Length: 1\n\r\na`),
  head("bare LFs only", "HTTP/1.1 200 OK\nContent-Length: 1\n\na"),
  head("a bare CR in a value", `${OK}X-A: 1\rX-B: 2\r\nContent-Length: 1\r\n\r\na`),
  head("a NUL in a value", `${OK}X-A: 1\0\r\nContent-Length: 1\r\n\r\na`),
  head("a delete character in a value", `${OK}X-A: \x7f\r\nContent-Length: 1\r\n\r\na`),
  head("too many fields", `${OK}${"X-F: 1\r\n".repeat(300)}Content-Length: 1\r\n\r\na`),
  head("an endless field", `${OK}X-F: ${"a".repeat(70_000)}\r\nContent-Length: 1\r\n\r\na`),
  head("a head without its end", `${OK}Content-Length: 1\r\n`),
  head("a head cut within a line", `${OK}Content-Le`),
];

/** All of them. */
export const RESPONSE_CASES: readonly ResponseCase[] = [
  ...COUNTED,
  ...CHUNKS,
  ...UNTIL_CLOSE.map((answer) => ({ ...answer, untilClose: true })),
  ...NATURES,
  ...STATUS_LINES,
  ...FIELDS,
];

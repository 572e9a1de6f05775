/** Fields of an answer by which an upstream would speak for the proxy, and some that are its own affair. */

/** None of them reaches a client. */
export const HOSTILE_ANSWER_LINES: readonly string[] = [
  "X-LLM-Proxy-Error: unauthorized",
  "x-llm-proxy-backend: own",
  "X-Llm-Proxy-Anything: 1",
  "X-Accel-Redirect: /internal/secret",
  "x-accel-expires: 3600",
  "X-Accel-Limit-Rate: 1",
  "X-Accel-Charset: utf-7",
  "X-Sendfile: /etc/passwd",
  "X-SENDFILE-TEMPORARY: /etc/passwd",
  "X-Sendfile2: /etc/passwd 0-",
  "X-LIGHTTPD-send-file: /etc/passwd",
  "X-LIGHTTPD-send-tempfile: /etc/passwd",
  "X-Reproxy-URL: http://127.0.0.1/secret",
  "X-REPROXY-FILE: /etc/passwd",
  "X-LiteSpeed-Location: /secret",
  'Alt-Svc: h2="evil.test:443"; ma=31536000',
  'Clear-Site-Data: "*"',
  "Strict-Transport-Security: max-age=31536000; includeSubDomains",
  'Public-Key-Pins: pin-sha256="x"; max-age=1',
  'NEL: {"report_to":"x","max_age":1}',
  'Report-To: {"group":"x"}',
  'Reporting-Endpoints: x="https://evil.test"',
  "Service-Worker-Allowed: /",
  "Refresh: 0; url=https://evil.test/",
  "Accept-CH: Sec-CH-UA-Full-Version-List",
  "Critical-CH: Sec-CH-UA-Model",
  "Origin-Agent-Cluster: ?1",
  "Set-Login: logged-in",
  "Set-Cookie: llm_proxy_session=evil; Path=/admin",
  "Set-Cookie: __Host-LLM_proxy_session_33000=evil; Path=/; Secure",
  "Set-Cookie: =llm_proxy_session=evil; Path=/",
];

/** These pass. */
export const ALLOWED_ANSWER_LINES: readonly string[] = [
  "X-Accel-Buffering: no",
  "Set-Cookie: __cf_bm=abc; Path=/; HttpOnly",
  "Set-Cookie: session=llm_proxy_session",
  "X-RateLimit-Remaining-Tokens: 10",
  "OpenAI-Processing-Ms: 12",
  "Retry-After: 1",
  "Location: https://elsewhere.test/",
  "Content-Security-Policy: default-src 'none'",
  "X-Proxy: 1",
];

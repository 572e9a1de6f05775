import { assertEquals } from "@std/assert";
import { setsSessionCookie, withoutSessionCookie } from "../../src/http/session_cookie.ts";

const OWN = [
  "llm_proxy_session=x",
  "llm_proxy_session_33000=x; Path=/admin",
  "LLM_Proxy_Session=x",
  "  llm_proxy_session_1 = x",
  "\tllm_proxy_session=x",
  "__Host-llm_proxy_session=x; Secure; Path=/",
  "__secure-llm_proxy_session_33000=x; Secure",
  "__Host-Http-llm_proxy_session=x",
  "llm%5Fproxy%5fsession=x",
  "llm%255Fproxy_session=x",
  "%20llm_proxy_session=x",
  '"llm_proxy_session"=x',
  "=llm_proxy_session=x",
  "== llm_proxy_session=x",
  "llm_proxy_session",
];
const OTHERS = [
  "session=llm_proxy_session",
  "a=1; llm_proxy_session=x",
  "my_llm_proxy_session=x",
  "llm_proxy=x",
  "__cf_bm=abc; path=/; HttpOnly",
  "=x",
  "",
];

for (const [list, expected] of [[OWN, true], [OTHERS, false]] as const) {
  for (const value of list) {
    Deno.test(`setsSessionCookie: ${JSON.stringify(value)} is ${expected ? "the proxy's" : "not the proxy's"}`, () => {
      assertEquals(setsSessionCookie(value), expected);
    });
  }
}

for (
  const [cookies, kept] of [
    ["a=1; llm_proxy_session=x; b=2", "a=1; b=2"],
    ["llm_proxy_session_33000=x; a=1;b=2 ;  c", "a=1;b=2 ;  c"],
    ["a=1;b=2 ;llm_proxy_session=x", "a=1;b=2 "],
    ["llm_proxy_session=x", ""],
    ["llm_proxy_session=x; __Host-LLM_PROXY_SESSION=y", ""],
    ["a=llm_proxy_session; b", "a=llm_proxy_session; b"],
    [' a="1; 2" ;;', ' a="1; 2" ;;'],
  ] as const
) {
  Deno.test(`withoutSessionCookie: ${cookies}`, () => assertEquals(withoutSessionCookie(cookies), kept));
}

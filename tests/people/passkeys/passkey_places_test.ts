import { assertEquals } from "@std/assert";
import { passkeyPlaces } from "../../../src/people/passkeys/passkey_places.ts";

Deno.test("passkeyPlaces: HTTPS with a host name, and localhost; no address, and each origin once", () => {
  const urls = [
    "https://llm.example.com",
    "https://llm.example.com/admin",
    "https://llm.example.com:8443",
    "http://llm.example.com",
    "http://localhost:33000/admin",
    "https://localhost:33443",
    "https://192.0.2.7:33000",
    "https://[2001:db8::1]",
    "http://127.0.0.1:33000",
    "http://nas.lan:33000",
    "https://nas:33000",
  ];
  assertEquals(passkeyPlaces(urls), [
    { origin: "https://llm.example.com", rpId: "llm.example.com" },
    { origin: "https://llm.example.com:8443", rpId: "llm.example.com" },
    { origin: "http://localhost:33000", rpId: "localhost" },
    { origin: "https://localhost:33443", rpId: "localhost" },
    { origin: "https://nas:33000", rpId: "nas" },
  ]);
});

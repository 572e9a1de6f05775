import { assertEquals } from "@std/assert";
import { MIGRATIONS as OF_POSTGRES } from "../../src/storage/postgres/migrations.ts";
import { MIGRATIONS } from "../../src/storage/sqlite/migrations.ts";

/** The SHA-256 of each migration that databases have. Add one when its migration is released. */
const RELEASED = [
  "2151f9a4022ec790117e7871cb4f330e741886fb72f4286042e2f471bc6e3160",
  "758f863a47fac8463a313c2b9c20cf0c4a36252debe0856d58fb75a77db768b2",
  "4ac9a0cd54e4e42d3b0110afa08227283e149fcfc281d00c08b8dc584c9488be",
  "7c0398d5915eafd536f2e0c0354d5a312d361f97afabe6eda767a8f818519971",
  "5ac407a9928cff995183c44c103a4be917bc8c9d91cb34aee7091ad36894b98f",
  "3a9881951647e38b16e9a26e9fb97d948b53c4a08cfa5a66b31a7dc5fa3e1705",
  "751ed9c335f18bcbccd9c78dbc4a78b26822446827d21fde3184a3f8c3eb3405",
  "eddd01362b5aeb1cc5d0c6ea9f57db410d6674013af39ae005397ffb9302cc79",
];

Deno.test("migrations: a released one never changes, because every database stores its checksum", async () => {
  const checksums = await Promise.all(MIGRATIONS.map(async ({ sql }) => {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(sql));
    return new Uint8Array(digest).toHex();
  }));
  assertEquals(checksums.slice(0, RELEASED.length), RELEASED);
});

Deno.test("migrations: their numbers are 1, 2, 3, … in this order", () => {
  for (const migrations of [MIGRATIONS, OF_POSTGRES]) {
    assertEquals(migrations.map(({ version }) => version), migrations.map((_, index) => index + 1));
  }
});

/** Passkeys with several replicas on one database. */

import { assertEquals, assertRejects } from "@std/assert";
import { PasskeySignIn } from "../../../src/management/admin/passkey_sign_in.ts";
import { GuessGate } from "../../../src/management/api/guess_gate.ts";
import { Problem } from "../../../src/management/api/problem.ts";
import { SecretBox } from "../../../src/storage/secret_box.ts";
import { openSqlite } from "../../../src/storage/sqlite/sqlite.ts";
import type { Store } from "../../../src/storage/store.ts";
import { personRow, sessionRow } from "../../storage/people_contract.ts";
import { Authenticator } from "../../support/clients/authenticator.ts";
import { auditRow } from "../../support/data/rows.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";

const ORIGIN = "https://llm.example.com";
const PLACE = { origin: ORIGIN, rpId: "llm.example.com" };
const CALLER = { source: "192.0.2.7", guessPlace: "header" } as const;
const ofPage = (origin = ORIGIN) => new Request(`${ORIGIN}/admin/session`, { headers: { origin } });

async function replica(store: Store, clock: FakeClock, keyByte = 1): Promise<PasskeySignIn> {
  const box = await SecretBox.of(new Uint8Array(32).fill(keyByte));
  return new PasskeySignIn({ store, box, clock, guesses: new GuessGate({ clock }), places: () => [PLACE] });
}

Deno.test("passkeys: a challenge of one replica works at another, once for all of them", async () => {
  const folder = await Deno.makeTempDir();
  const store = openSqlite(`${folder}/x.db`);
  const clock = new FakeClock();
  try {
    const person = personRow("usr_anna", { projects: "all" });
    await store.addPerson(person, auditRow("person.create", "usr_anna"));
    for (const id of ["ses_1", "ses_2"]) await store.addSession(sessionRow(id, person.id));
    const [one, two, stranger] = [
      await replica(store, clock),
      await replica(store, clock),
      await replica(store, clock, 2),
    ];
    const owner = { person, sessionId: "ses_1", actorName: "anna (passphrase)" };
    const key = await Authenticator.at(ORIGIN);
    const adding = await one.beginAdding(owner, ofPage());
    const made = await key.create(adding.options as Parameters<Authenticator["create"]>[0]);
    const sent = { ...made, type: "public-key" } as Parameters<PasskeySignIn["add"]>[0];
    const add = (of: typeof owner) =>
      two.add(sent, { name: "phone", owner: of, sealed: adding.cookie, source: "192.0.2.7" });
    await assertRejects(() => add({ ...owner, sessionId: "ses_2" }), Problem);
    const { id } = await add(owner);
    await assertRejects(() => add(owner), Problem);

    const begun = await one.begin(ofPage());
    const response = await key.get(begun.options) as Parameters<PasskeySignIn["check"]>[0];
    const check = (at: PasskeySignIn) => at.check(response, { sealed: begun.cookie, caller: CALLER });
    await assertRejects(() => check(stranger), Problem, "not accepted");
    assertEquals((await check(two)).passkeyId, id);
    for (const at of [one, two]) await assertRejects(() => check(at), Problem, "not accepted");
    const results = await Promise.allSettled([0, 1].map(async (index) => {
      const { options, cookie } = await one.begin(ofPage());
      // Both replicas get a signature with the same counter at the same moment.
      const signed = await key.get(options, { counter: 10 }) as typeof response;
      return await [one, two][index]?.check(signed, { sealed: cookie, caller: CALLER });
    }));
    assertEquals(results.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
    await assertRejects(() => one.begin(ofPage("http://llm.example.com")), Problem, "HTTPS");
  } finally {
    store.close();
    await Deno.remove(folder, { recursive: true });
  }
});

/** The sign-in with providers, for clients at several addresses. */

import { assertEquals } from "@std/assert";
import { Problem } from "../../../src/management/api/problem.ts";
import { ProviderSignIn } from "../../../src/management/admin/provider_sign_in.ts";
import { randomKey, SecretBox } from "../../../src/storage/secret_box.ts";
import { openSqlite } from "../../../src/storage/sqlite/sqlite.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import { until, within } from "../../support/time/deadline.ts";
import { ScriptedProvider } from "../../support/upstreams/scripted_provider.ts";

Deno.test("provider sign-in: callbacks of one client, which wait for the provider, keep nobody else from signing in", async () => {
  const folder = await Deno.makeTempDir();
  const store = openSqlite(`${folder}/x.db`);
  const clock = new FakeClock();
  await using provider = await ScriptedProvider.open(clock);
  const signIn = new ProviderSignIn({
    config: { publicUrl: "https://llm.example.com", providers: [provider.table()] },
    clock,
    log: () => {},
    box: await SecretBox.of(randomKey()),
    store,
    directory: undefined,
    onChanged: () => Promise.resolve(),
    authorities: () => undefined,
  });
  const asked = async (source: string, path: string, cookie = ""): Promise<Response> =>
    await signIn.answer(
      new Request(`http://llm-proxy/admin/sign-in/scripted${path}`, {
        headers: { host: "llm.example.com", cookie },
      }),
      { source, begin: () => Promise.resolve("llm_proxy_session=1") },
    );
  /** Begins a sign-in. Gives the function that comes back from the provider. */
  const begun = async (source: string) => {
    const response = await asked(source, "");
    const [cookie] = (response.headers.getSetCookie()[0] ?? "").split(";");
    const query = provider.authorize(new URL(response.headers.get("location") ?? ""));
    return async () => {
      const page = await asked(source, `/callback?${query}`, cookie);
      await page.body?.cancel();
      return page.status;
    };
  };
  const held = Promise.withResolvers<void>();
  let waiting = 0;
  provider.answers.set("/token", async () => {
    waiting++;
    await held.promise;
    return Response.json({ error: "invalid_grant" }, { status: 400 });
  });
  try {
    const back: (() => Promise<number>)[] = [];
    for (let number = 0; number < 21; number++) back.push(await begun(`2001:db8::${number}`));
    const statuses = back.map((one) => one().catch((error) => error instanceof Problem && error.status));
    await until(() => waiting >= 4, "the callbacks of one network");
    assertEquals(await statuses[20], 503, "so many of one network do not even wait");
    provider.answers.clear();
    const other = await begun("192.0.2.1");
    assertEquals([await within(other(), "the sign-in of another client"), waiting], [200, 4]);
    held.resolve();
    // Those that had not reached the provider before succeed.
    assertEquals(await Promise.all(statuses), [...Array(4).fill(502), ...Array(16).fill(200), 503]);
  } finally {
    held.resolve();
    signIn.close();
    await store.close();
    await Deno.remove(folder, { recursive: true });
  }
});

import { assertEquals, assertRejects } from "@std/assert";
import { JsonSyntaxError } from "../../src/payload/json_reader.ts";
import { ListPage } from "../../src/objects/list_page.ts";
import { random } from "../support/data/random.ts";

const read = (text: string) => ListPage.read(new TextEncoder().encode(text));

async function without(text: string, removed: readonly string[]): Promise<string> {
  const page = await read(text);
  return new TextDecoder().decode(page.without(({ id }) => id === undefined || !removed.includes(id)));
}

Deno.test("list page: removes elements with their commas, and leaves all else as it was", async () => {
  const page =
    '{ "object" : "list",\n "data": [ {"id":"a","n":1.0} ,\t{"id":"b"}\n,{"id":"c","x":{"id":"b"}} ],"has_more" : true}';
  assertEquals(await without(page, []), page);
  assertEquals(await without(page, ["x"]), page);
  assertEquals(await without(page, ["a"]), page.replace('{"id":"a","n":1.0} ,\t', ""));
  assertEquals(await without(page, ["b"]), page.replace('{"id":"b"}\n,', ""));
  assertEquals(await without(page, ["c"]), page.replace('\n,{"id":"c","x":{"id":"b"}}', ""));
  assertEquals(await without(page, ["b", "c"]), page.replace(/ ,\t\{"id":"b"\}\n,.*\}\} \]/s, " ]"));
  assertEquals(
    await without(page, ["a", "b", "c"]),
    '{ "object" : "list",\n "data": [  ],"has_more" : true}',
  );
});

Deno.test("list page: its cursors name elements that stay", async () => {
  const page = (first: string, last: string, data: string) =>
    `{"data":[${data}],"first_id":${first},"last_id":${last},"has_more":true}`;
  const whole = page('"a"', '"c"', '{"id":"a"},{"id":"b"},{"id":"c"}');
  assertEquals(await without(whole, ["a"]), page('"b"', '"c"', '{"id":"b"},{"id":"c"}'));
  assertEquals(await without(whole, ["a", "c"]), page('"b"', '"b"', '{"id":"b"}'));
  assertEquals(await without(whole, ["a", "b", "c"]), page("null", "null", ""));
  assertEquals((await read(whole)).hasMore, true);
  assertEquals((await read('{"data":[],"has_more":false}')).hasMore, false);
});

Deno.test("list page: Google's lists, lists without an object around them, and pages without a list", async () => {
  const google = '{"files":[{"name":"files/a"},{"name":"files/b"}],"nextPageToken":"t"}';
  assertEquals(await without(google, ["files/a"]), '{"files":[{"name":"files/b"}],"nextPageToken":"t"}');
  assertEquals(await without('[{"id":"a"},{"id":"b"}]', ["b"]), '[{"id":"a"}]');
  for (const text of ['{"id":"a"}', "{}", "[]", '{"data":null}', '{"data":["a","b"]}', '"a"', "1"]) {
    assertEquals(await without(text, ["a"]), text);
  }
  await assertRejects(() => read('{"data":[{"id":"a"}'), JsonSyntaxError);
  await assertRejects(() => read('{"data":[{"id":"a"}],}'), JsonSyntaxError);
});

Deno.test("list page: generated pages have exactly the elements that stay", async () => {
  const { below, pick } = random(7);
  for (let run = 0; run < 500; run++) {
    const ids = Array.from({ length: below(8) }, (_, index) => `id${index}`);
    const removed = ids.filter(() => below(2) === 0);
    const blank = () => pick(["", " ", "\n", "\t "]);
    const data = ids.map((id) => `${blank()}{"id":"${id}"}${blank()}`).join(",");
    const text = await without(`{"data":[${data}],"last_id":"x"}`, removed);
    const kept = ids.filter((id) => !removed.includes(id));
    assertEquals(JSON.parse(text).data.map(({ id }: { id: string }) => id), kept, data);
    if (removed.length > 0) assertEquals(JSON.parse(text).last_id, kept.at(-1) ?? null);
  }
});

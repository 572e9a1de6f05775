import { assertEquals } from "@std/assert";
import * as v from "valibot";
import { hiddenFrom, visible } from "../../../src/management/api/visible.ts";

const schema = v.object({
  name: v.string(),
  secret: hiddenFrom(["member"], v.pipe(v.string(), v.description("a text"))),
  list: v.nullable(v.array(v.object({ a: v.number(), b: hiddenFrom(["member", "viewer"], v.number()) }))),
  map: v.pipe(
    v.record(v.string(), v.object({ c: hiddenFrom(["member"], v.number()) })),
    v.description("a map"),
  ),
  maybe: v.pipe(
    v.nullable(v.object({ d: hiddenFrom(["member"], v.number()) })),
    v.description("an object or null"),
  ),
  loose: v.looseObject({ e: hiddenFrom(["member"], v.number()) }),
});
const value = {
  name: "x",
  secret: "s",
  list: [{ a: 1, b: 2 }],
  map: { one: { c: 3 } },
  maybe: { d: 4 },
  loose: { e: 5, f: 6 },
  undeclared: "u",
};

Deno.test("visible: a role sees the members that its schema does not hide, at each depth", () => {
  const { undeclared: _, ...declared } = value;
  assertEquals(visible(schema, value, "admin"), declared);
  assertEquals(visible(schema, value, "member"), {
    name: "x",
    list: [{ a: 1 }],
    map: { one: {} },
    maybe: {},
    loose: { f: 6 },
  });
  assertEquals(visible(schema, value, "viewer"), { ...declared, list: [{ a: 1 }] });
  assertEquals(visible(schema, { ...value, list: null, maybe: null }, "manager"), {
    ...declared,
    list: null,
    maybe: null,
  });
});

Deno.test("hiddenFrom: a response without the member fits the schema", () => {
  assertEquals(v.is(schema, visible(schema, value, "member")), true);
  assertEquals(v.is(schema, visible(schema, value, "admin")), true);
});

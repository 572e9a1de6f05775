import { assert, assertEquals, assertThrows } from "@std/assert";
import { groupConditions, userConditions } from "../../../src/management/scim/conditions.ts";
import { parseFilter, parsePath } from "../../../src/management/scim/filter.ts";
import { ScimError } from "../../../src/management/scim/scim_error.ts";

const plain = { schema: undefined, sub: undefined, within: [] };

Deno.test("scim filter: the forms that directories send", () => {
  assertEquals(userConditions('userName eq "a@example.com"'), [
    { attribute: "userName", value: "a@example.com" },
  ]);
  assertEquals(userConditions('USERNAME Eq "a" AND active eq True and externalId eq "x\\"y\\u0041"'), [
    { attribute: "userName", value: "a" },
    { attribute: "active", value: true },
    { attribute: "externalId", value: 'x"yA' },
  ]);
  const mail = { attribute: "email", value: "a@b.c" } as const;
  for (
    const filter of [
      'emails[type eq "work"].value eq "a@b.c"',
      'emails[type eq "work" and value eq "a@b.c"]',
      'emails[ value eq "a@b.c" and type eq "work" ]',
    ]
  ) assertEquals(userConditions(filter), [{ ...mail, kind: "work" }], filter);
  for (const filter of ['emails eq "a@b.c"', 'emails.value eq "a@b.c"', 'emails[value eq "a@b.c"]']) {
    assertEquals(userConditions(filter), [{ ...mail, kind: undefined }], filter);
  }
  assertEquals(userConditions('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "a"'), [
    { attribute: "userName", value: "a" },
  ]);
  assertEquals(userConditions('active eq "False"'), [{ attribute: "active", value: false }]);
  assertEquals(userConditions(undefined), []);
  assertEquals(groupConditions('id eq "g" and members eq "u"'), [
    { attribute: "id", value: "g" },
    { attribute: "member", value: "u" },
  ]);
  assertEquals(groupConditions('members[value eq "u"] and displayName eq "L"'), [
    { attribute: "member", value: "u" },
    { attribute: "displayName", value: "L" },
  ]);
});

Deno.test("scim filter: what is not supported is an error that says so, and never a wider list", () => {
  const wrong = [
    ...["userName", "userName eq", "userName eq a", 'userName eq "a', 'userName eq "a" or id eq "b"'],
    ...['not (userName eq "a")', '(userName eq "a")', 'userName co "a"', "userName pr", 'userName ne "a"'],
    ...['userName eq "a" and', "and", "", " ", 'userName eq "a"; DROP TABLE people', "userName eq 'a'"],
    ...[
      'userName eq "a" and 1 eq 1',
      'emails[type eq "work"]',
      'emails[type eq "work"',
      'emails[].value eq "a"',
    ],
    ...['emails[type eq "a" and type eq "b"].value eq "c"', 'emails.type eq "a"', 'password eq "a"'],
    ...[
      "userName eq true",
      "userName eq null",
      "active eq 1",
      'active eq "perhaps"',
      'name.familyName eq "a"',
    ],
    ...['userName eq "\\x"', 'userName eq "a"and id eq "b"', 'userName eq"a" x', 'userName.sub eq "a"'],
    ...['urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:userName eq "a"', '__proto__ eq "a"'],
    ...['userName[value eq "a"]', 'meta.lastModified gt "2011-05-13T04:42:34Z"'],
  ];
  for (const filter of wrong) {
    const error = assertThrows(() => userConditions(filter), ScimError);
    assertEquals([error.status, error.scimType], [400, "invalidFilter"], filter);
  }
  for (
    const filter of ['members[type eq "User"]', 'members.display eq "a"', "members eq 1", 'userName eq "a"']
  ) {
    assertEquals(assertThrows(() => groupConditions(filter), ScimError).scimType, "invalidFilter", filter);
  }
});

Deno.test("scim filter: long and deep filters are refused, in time in proportion to their length", () => {
  const many = Array.from({ length: 11 }, () => 'id eq "a"').join(" and ");
  assertThrows(() => parseFilter(many), ScimError, "more than 10 comparisons");
  const million = 1_000_000;
  const hostile = [
    "(".repeat(million),
    `userName eq "${"a".repeat(million)}"`,
    `userName eq "${"\\".repeat(million)}`,
    " ".repeat(million),
    `${"urn:".repeat(million)}x eq "a"`,
  ];
  const startedAt = performance.now();
  for (const filter of hostile) {
    assertEquals(assertThrows(() => parseFilter(filter), ScimError).scimType, "invalidFilter");
  }
  for (
    const text of [
      "urn:".repeat(400),
      `"${"\\".repeat(1_900)}`,
      `${"a.".repeat(900)} eq 1`,
      "-".repeat(1_999),
    ]
  ) {
    assertThrows(() => parseFilter(text), ScimError);
  }
  assert(performance.now() - startedAt < 1_000);
});

Deno.test("scim path: attributes with schemas, sub-attributes and brackets", () => {
  assertEquals(parsePath("active"), { ...plain, attribute: "active" });
  assertEquals(parsePath("Name.GivenName"), { ...plain, attribute: "name", sub: "givenname" });
  assertEquals(parsePath('emails[type eq "work"].value'), {
    ...plain,
    attribute: "emails",
    sub: "value",
    within: [{ attribute: "type", value: "work" }],
  });
  assertEquals(parsePath("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName"), {
    schema: "urn:ietf:params:scim:schemas:core:2.0:User",
    attribute: "name",
    sub: "givenname",
    within: [],
  });
  for (
    const path of [
      "",
      "a b",
      "emails[",
      'emails[type eq "a"]x',
      "a..b",
      "a.b.c",
      'members[value eq "a"',
      "[x]",
    ]
  ) {
    assertEquals(assertThrows(() => parsePath(path), ScimError).scimType, "invalidPath", path);
  }
});

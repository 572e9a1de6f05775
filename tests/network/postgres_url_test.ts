import { assert, assertEquals } from "@std/assert";
import {
  parsePostgresUrl,
  type PostgresUrl,
  shownPostgresUrl,
  withoutPassword,
  withPassword,
} from "../../src/network/postgres_url.ts";

function read(text: string): PostgresUrl {
  const parsed = parsePostgresUrl(text);
  assert(!("problems" in parsed), "problems" in parsed ? parsed.problems.join() : "");
  return parsed;
}

function problemsOf(text: string): readonly string[] {
  const parsed = parsePostgresUrl(text);
  return "problems" in parsed ? parsed.problems : [];
}

Deno.test("parsePostgresUrl: reads host, port, login, database and parameters", () => {
  assertEquals(
    read("postgresql://anna:p%40ss%2F@db.test:6543/llm%20proxy?sslmode=verify-full&sslrootcert=/ca.pem"),
    {
      host: "db.test",
      port: 6543,
      user: "anna",
      password: "p@ss/",
      database: "llm proxy",
      sslMode: "verify-full",
      sslRootCert: "/ca.pem",
      passFile: undefined,
      isPooled: undefined,
    },
  );
  const short = read("postgres://anna@[::1]?pgbouncer=true&passfile=/p");
  assertEquals([short.host, short.port, short.database, short.sslMode], ["::1", 5432, "anna", "prefer"]);
  assertEquals([short.isPooled, short.passFile, short.password], [true, "/p", undefined]);
});

Deno.test("parsePostgresUrl: a Unix socket is a folder, as the host or as a parameter", () => {
  for (const text of ["postgres:///x?host=/run/postgresql&user=u", "postgres://u@%2Frun%2Fpostgresql/x"]) {
    const { host, user, database, sslMode } = read(text);
    assertEquals([host, user, database, sslMode], ["/run/postgresql", "u", "x", "disable"], text);
  }
});

Deno.test("parsePostgresUrl: names all problems at once, and none contains the password", () => {
  const all = problemsOf("postgres://:hunter22@/x?sslmode=allow&port=70000&options=x&pgbouncer=yes");
  assertEquals(all, [
    "is not a URL like postgres://USER:PASSWORD@HOST:5432/DATABASE; write special characters as %XX",
  ]);
  assertEquals(problemsOf("postgres://:hunter22@h/x?sslmode=allow&port=70000&options=x&pgbouncer=yes"), [
    'has an unknown parameter "options": use host, port, user, sslmode, sslrootcert, passfile, pgbouncer; ' +
    "write a ? in a password as %3F",
    "has a port that is not a number from 1 to 65535",
    "names no user: write postgres://USER@…, or ?user=USER",
    "has an sslmode that is not one of disable, prefer, require, verify-ca, verify-full",
    "has a pgbouncer that is not true or false",
  ]);
  for (const text of ["postgres://u:4711?hunter22@h/x", "postgres://u:4711?hunter22@h/x?sslmode=require"]) {
    assertEquals(problemsOf(text).filter((problem) => problem.includes("hunter22")), [], text);
  }
  assertEquals(problemsOf("postgres://u:%zz@h/x"), ["has a wrong % in its password"]);
  assertEquals(problemsOf("postgres:x").length, 1);
  assertEquals(problemsOf("postgres://u@h/%00"), ["has a NUL character in its database"]);
  assertEquals(problemsOf("postgres:///x?user=u&host=/run&sslmode=verify-full"), [
    "asks for a certificate (sslmode), but a Unix socket has none",
  ]);
});

Deno.test("shownPostgresUrl: leaves out the password and the parameters", () => {
  const shown = (text: string) => shownPostgresUrl(read(text));
  assertEquals(shown("postgres://a%40b:pw@h:1/d?sslmode=require"), "postgres://a%40b@h:1/d");
  assertEquals(shown("postgres://u:pw@[::1]/d"), "postgres://u@[::1]:5432/d");
  assertEquals(shown("postgres:///d?host=/run/pg&user=u"), "postgres://u@/d?host=/run/pg&port=5432");
});

Deno.test("withoutPassword: replaces the password, and gives other URLs as they are", () => {
  assertEquals(
    withoutPassword("postgres://u:p%40@h/d?sslmode=require"),
    "postgres://u:[redacted]@h/d?sslmode=require",
  );
  for (const text of ["postgres://u@h/d", "sqlite:./x:y@z.db"]) assertEquals(withoutPassword(text), text);
  assertEquals(withoutPassword("postgres://u:p w@"), "postgres://…");
});

Deno.test("withPassword: adds a password, unless the URL or a file has one", () => {
  const added = (text: string) => read(withPassword(text, "a/b@c%")).password;
  assertEquals(added("postgres://u@h/d"), "a/b@c%");
  const socket = read(withPassword("postgres:///d?host=/run/pg&user=u", "a/b@c%"));
  assertEquals([socket.password, socket.host, socket.user, socket.database], ["a/b@c%", "/run/pg", "u", "d"]);
  assertEquals(added("postgres://u:own@h/d"), "own");
  assertEquals(added("postgres://u@h/d?passfile=/p"), undefined);
  assertEquals(withPassword("sqlite:./x.db", "a"), "sqlite:./x.db");
  assertEquals(withPassword("postgres://u@h/d", undefined), "postgres://u@h/d");
});

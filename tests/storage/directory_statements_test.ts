/** How many statements a change of a directory takes: other changes wait until it has ended. */

import { assert, assertEquals } from "@std/assert";
import { saveDirectoryGroup } from "../../src/storage/people/directory_group_work.ts";
import { saveDirectoryUser } from "../../src/storage/people/directory_user_work.ts";
import type { Work } from "../../src/storage/people/work.ts";
import { Database } from "../../src/storage/sqlite/database.ts";
import { runWork } from "../../src/storage/sqlite/run_work.ts";
import { groupRow, userRow } from "./directory_contract.ts";

const BY = { actor: "directory (SCIM, Sso)", source: "192.0.2.7", at: 5 };
const MEMBERS = 60;

function* counted<Result>(work: Work<Result>, onStatement: () => void): Work<Result> {
  let step = work.next();
  while (step.done !== true) {
    onStatement();
    step = work.next(yield step.value);
  }
  return step.value;
}

Deno.test("directories: a group whose members get a role takes few statements for each of them", async () => {
  const folder = await Deno.makeTempDir();
  const database = new Database(`${folder}/x.db`);
  try {
    const ids = Array.from({ length: MEMBERS }, (_, index) => `dru_${index}`);
    for (const id of ids) {
      const newPerson = { id: `usr_${id}`, login: id, name: id };
      runWork(
        database,
        saveDirectoryUser(userRow(id), { version: undefined, subject: `of ${id}`, newPerson, by: BY }),
      );
    }
    let statements = 0;
    const work = saveDirectoryGroup(groupRow("lab"), {
      version: undefined,
      members: { replaces: false, added: ids, removed: [] },
      rules: {
        groupsDecide: true,
        roles: new Map([["lab", "member"]]),
        projects: new Map(),
        allowedGroups: [],
        allowedOthers: "all",
      },
      by: BY,
    });
    assertEquals(runWork(database, counted(work, () => statements++)), { kind: "done" });
    assert(statements <= 20 + 6 * MEMBERS, `${statements} statements for ${MEMBERS} members`);
  } finally {
    database.close();
    await Deno.remove(folder, { recursive: true });
  }
});

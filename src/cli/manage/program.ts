/** The commands `project`, `token`, `usage`, `backup` and `restore`, as they are parsed. */

import { type Command, Option } from "commander";
import { USAGE_GROUPS } from "../../storage/store.ts";
import { collect, CONFIG_OPTION, suggesting } from "../common_options.ts";
import { addRuleOptions, type Options } from "./options.ts";

const OPTIONAL_URL =
  "address of the running proxy, with its ADMIN_PORT if it has one; default: the database is opened directly";
/** `--url` of commands that ask the running proxy. */
export const RUNNING_URL =
  "address of the running proxy, with its ADMIN_PORT if it has one; default: the one in the configuration";

// What does the work is loaded when it is asked for.
const projects = () => import("./project.ts");
const tokens = () => import("./token.ts");

/** Adds them to the program. */
export function addManageCommands(program: Command): void {
  const project = program.command("project").description(
    "projects: groups of tokens with limits and keys of their own",
  );
  onTarget(project.command("list")).description("all projects")
    .action(async (options: Options) => (await projects()).listProjects(options));
  onTarget(project.command("show")).argument("<project>", "its name or id").description("one project")
    .action(async (name: string, options: Options) => (await projects()).showProject(name, options));
  projectOptions(project.command("create")).argument("<name>", "what it is called").description(
    "make a project",
  )
    .action(async (name: string, options: Options) => (await projects()).createProject(name, options));
  projectOptions(project.command("update")).argument("<project>", "its name or id").description(
    "change a project",
  )
    .option("--name <name>", "another name").option("--activate", "let its requests in again")
    .option("--deactivate", "refuse its requests until it is activated")
    .action(async (name: string, options: Options) => (await projects()).updateProject(name, options));
  onTarget(project.command("deactivate")).argument("<project>", "its name or id")
    .description("refuse its tokens from the next request on")
    .action(async (name: string, options: Options) => (await projects()).deactivateProject(name, options));
  onTarget(project.command("revoke-tokens")).argument("<project>", "its name or id")
    .description("revoke all of its tokens, for good")
    .action(async (name: string, options: Options) => (await projects()).revokeProjectTokens(name, options));

  onTarget(project.command("delete")).argument("<project>", "its name or id")
    .description("delete a deactivated project and its revoked tokens; its usage stays")
    .action(async (name: string, options: Options) => (await projects()).deleteProject(name, options));

  const token = program.command("token").description(
    "managed tokens, which clients present as their API key",
  );
  onTarget(token.command("list")).option("--project <project>", "of one project, by its name or id")
    .option("--active", "only those that are let in").description("all tokens")
    .action(async (options: Options) => (await tokens()).listTokens(options));
  onTarget(token.command("show")).argument("<token>", "its id, or its name where no other has it")
    .description("one token")
    .action(async (id: string, options: Options) => (await tokens()).showToken(id, options));
  tokenOptions(token.command("create")).argument("<name>", "who holds it")
    .requiredOption("--project <project>", "its project, by name or id (required)").description(
      "make a token; it is shown once",
    )
    .action(async (name: string, options: Options) => (await tokens()).createToken(name, options));
  tokenOptions(token.command("update")).argument("<token>", "its id or name").description("change a token")
    .option("--name <name>", "another name").option("--activate", "let its requests in again")
    .option("--deactivate", "refuse its requests until it is activated")
    .action(async (id: string, options: Options) => (await tokens()).updateToken(id, options));
  onTarget(token.command("revoke")).argument("<token>", "its id or name").description(
    "refuse it from the next request on, for good",
  )
    .action(async (id: string, options: Options) => (await tokens()).revokeToken(id, options));
  onTarget(token.command("delete")).argument("<token>", "its id or name").description(
    "delete a revoked token; its usage stays",
  )
    .action(async (id: string, options: Options) => (await tokens()).deleteToken(id, options));
  token.command("generate").description(
    "print a random text for PROXY_TOKEN or MANAGEMENT_TOKEN; nothing is stored",
  )
    .option("--key", "32 bytes in base64 instead, for ENCRYPTION_KEY")
    .action(async ({ key }: { key?: true }) =>
      (await import("../generate.ts")).generate({ key: key === true })
    );
  onTarget(token.command("rotate")).argument("<token>", "its id or name").description(
    "give it a new value, which is shown once",
  )
    .option("--overlap <time>", "how long the old value is still taken, like 30m, 1h or 7d", "1h")
    .action(async (id: string, options: Options) => (await tokens()).rotateToken(id, options));

  onTarget(program.command("usage")).description(
    "requests, tokens and cost, of all time unless --from says otherwise",
  )
    .addOption(
      suggesting(new Option("--group <by>", "sum by this, or by two of these with a comma"), USAGE_GROUPS)
        .default("model"),
    )
    .option("--from <moment>", "from then on, to the hour (UTC), like 2026-11-01").option(
      "--to <moment>",
      "before then, to the hour (UTC), like 2026-12-01",
    )
    .option("--project <project>", "of one project, by its name or id").option("--token <id>", "of one token")
    .option("--endpoint <name>", "of one endpoint")
    .option("--model <name>", "of one model").option(
      "--client <family>",
      "of one kind of client, like claude-code",
    )
    .option("--csv", "as comma-separated values")
    .action(async (options: Options) => (await import("./usage.ts")).showUsage(options));

  const control = () => import("../control.ts");
  onTarget(program.command("reload"), RUNNING_URL).description(
    "have the running proxy read its configuration again (needs MANAGEMENT_TOKEN; kill -HUP does the same)",
  )
    .action(async (options: Options) => (await control()).reload(options));
  onTarget(program.command("stop"), RUNNING_URL).description(
    "stop the running proxy when its requests have ended (needs MANAGEMENT_TOKEN; kill does the same)",
  )
    .action(async (options: Options) => (await control()).stop(options));

  program.command("backup").argument("<file>", "a new file").description(
    "copy the database while it is in use",
  )
    .option(...CONFIG_OPTION)
    .action(async (file: string, options: Options) => (await import("./backup.ts")).backup(file, options));

  program.command("restore").argument("<file>", "a backup").description(
    "put a backup in the place of the database; the proxy must be stopped, and what is there now is kept",
  )
    .option("--key-file <file>", "the key file that belongs to the backup, where it is another one")
    .option(...CONFIG_OPTION)
    .action(async (file: string, options: Options) => (await import("../restore.ts")).restore(file, options));
}

/** Where the API is, and for whom its answer is. */
function onTarget(command: Command, url = OPTIONAL_URL): Command {
  return command.option("--url <url>", url).option(...CONFIG_OPTION);
}

function projectOptions(command: Command): Command {
  return onTarget(addRuleOptions(command))
    .option(
      "--key-file <endpoint=file>",
      'a provider\'s key of its own, in a file; "none" instead of the file takes it away; can be repeated',
      collect,
    );
}

function tokenOptions(command: Command): Command {
  return onTarget(addRuleOptions(command))
    .option(
      "--expires <when>",
      'a length of time like 45m, 12h or 30d, or a moment like 2027-01-31; "none": never',
    );
}

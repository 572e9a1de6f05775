/** The commands that use the management API or its database, for the parser of the command line. */

import { type Command, Option } from "commander";
import { USAGE_GROUPS } from "../../storage/usage_store.ts";
import { ROLES } from "../../people/role.ts";
import { collect, CONFIG_OPTION, suggesting } from "../common_options.ts";
import type { Options } from "./options.ts";
import { addRuleOptions } from "./rule_options.ts";

const OPTIONAL_URL =
  "address of the running proxy, with ADMIN_PORT if it has one; the command sends MANAGEMENT_TOKEN, or without " +
  "it the token of llm-proxy login (default: the database here, or without a configuration the only saved login)";
/** The help of `--url` for commands that need the running proxy. */
export const RUNNING_URL =
  "address of the running proxy, with ADMIN_PORT if it has one (default: by the configuration)";

const projects = () => import("./project.ts");
const tokens = () => import("./token.ts");

/** Adds `project`, `token`, `user`, `usage`, `reload`, `stop`, `backup` and `restore` to the program. */
export function addManageCommands(program: Command): void {
  addProjectCommands(program);
  addTokenCommands(program);
  addUserCommands(program);
  addUsageCommand(program);
  addControlCommands(program);
  addDatabaseCommands(program);
}

function addProjectCommands(program: Command): void {
  const project = program.command("project")
    .description("manage projects: groups of tokens with shared limits and provider keys");
  const named = (name: string) => withTarget(project.command(name)).argument("<project>", NAME_OR_ID);
  withTarget(project.command("list")).description("list all projects")
    .action(async (options: Options) => (await projects()).listProjects(options));
  named("show").description("print one project")
    .action(async (name: string, options: Options) => (await projects()).showProject(name, options));
  withProjectOptions(project.command("create")).argument("<name>", "the name of the project")
    .description("create a project")
    .action(async (name: string, options: Options) => (await projects()).createProject(name, options));
  withUpdateOptions(withProjectOptions(project.command("update")).argument("<project>", NAME_OR_ID))
    .description("change a project")
    .action(async (name: string, options: Options) => (await projects()).updateProject(name, options));
  named("deactivate").description("reject all tokens of a project, from the next request on")
    .action(async (name: string, options: Options) => (await projects()).deactivateProject(name, options));
  named("revoke-tokens").description("revoke all tokens of a project permanently")
    .action(async (name: string, options: Options) => (await projects()).revokeProjectTokens(name, options));
  named("delete").description("delete a deactivated project and its revoked tokens, and keep its usage")
    .action(async (name: string, options: Options) => (await projects()).deleteProject(name, options));
}

function addTokenCommands(program: Command): void {
  const token = program.command("token")
    .description("manage tokens, which clients use as their API key");
  const named = (name: string) => withTarget(token.command(name)).argument("<token>", NAME_OR_ID);
  withTarget(token.command("list")).description("list tokens")
    .option("--project <project>", "only this project, by name or id")
    .option("--active", "only tokens that the proxy accepts")
    .action(async (options: Options) => (await tokens()).listTokens(options));
  named("show").description("print one token, without its value")
    .action(async (id: string, options: Options) => (await tokens()).showToken(id, options));
  withTokenOptions(token.command("create")).argument("<name>", "a name for the token, such as its user")
    .requiredOption("--project <project>", "the project of the token, by name or id (required)")
    .description("create a token and print it once")
    .action(async (name: string, options: Options) => (await tokens()).createToken(name, options));
  withUpdateOptions(withTokenOptions(token.command("update")).argument("<token>", NAME_OR_ID))
    .description("change a token")
    .action(async (id: string, options: Options) => (await tokens()).updateToken(id, options));
  named("revoke").description("reject a token permanently, from the next request on")
    .action(async (id: string, options: Options) => (await tokens()).revokeToken(id, options));
  named("delete").description("delete a revoked token, and keep its usage")
    .action(async (id: string, options: Options) => (await tokens()).deleteToken(id, options));
  token.command("generate")
    .description("print a random PROXY_TOKEN or MANAGEMENT_TOKEN; nothing is stored")
    .option("--key", "print a random ENCRYPTION_KEY instead (32 bytes in base64)")
    .action(async ({ key }: { key?: true }) =>
      (await import("../generate.ts")).generate({ key: key === true })
    );
  named("rotate").description("give a token a new value and print it once")
    .option("--overlap <time>", "how long the old value still works, like 30m, 1h or 7d", "1h")
    .action(async (id: string, options: Options) => (await tokens()).rotateToken(id, options));
}

function addUserCommands(program: Command): void {
  const user = program.command("user")
    .description("manage the people who sign in to the admin page");
  const users = () => import("./user.ts");
  const named = (name: string) => withTarget(user.command(name)).argument("<user>", "login name or id");
  withTarget(user.command("list")).description("list all people")
    .action(async (options: Options) => (await users()).listUsers(options));
  withTarget(user.command("add")).argument("<name>", "the name to sign in with, such as an e-mail address")
    .description("add a person and print an invitation once")
    .addOption(suggesting(new Option("--role <role>", "what the person may do"), ROLES).default("member"))
    .option("--project <project>", "a project of the person, by name or id; may be repeated", collect)
    .option("--all-projects", "all projects, also later ones")
    .option("--name <text>", "the name that others see")
    .action(async (name: string, options: Options) => (await users()).addUser(name, options));
  named("invite").description("print a new invitation once, by which the person sets a passphrase")
    .action(async (name: string, options: Options) => (await users()).inviteUser(name, options));
  named("disable").description("end the sessions of a person and reject their tokens, until they are enabled")
    .action(async (name: string, options: Options) =>
      (await users()).switchUser(name, options, { disabled: true })
    );
  named("enable").description("let a disabled person in again")
    .action(async (name: string, options: Options) =>
      (await users()).switchUser(name, options, { disabled: false })
    );
  named("remove").description("remove a person, revoke their tokens, and keep their usage")
    .action(async (name: string, options: Options) => (await users()).removeUser(name, options));
}

function addUsageCommand(program: Command): void {
  withTarget(program.command("usage"))
    .description("print requests, tokens and cost; without --from, since the beginning")
    .addOption(
      suggesting(
        new Option("--group <by>", "sum by this group, or by two separated by a comma"),
        USAGE_GROUPS,
      )
        .default("model"),
    )
    .option("--from <moment>", "start, to the hour (UTC), like 2026-11-01")
    .option("--to <moment>", "end, to the hour (UTC), like 2026-12-01")
    .option("--project <project>", "only this project, by name or id")
    .option("--token <id>", "only this token, by id")
    .option("--endpoint <name>", "only this endpoint")
    .option("--model <name>", "only this model")
    .option("--client <family>", "only this kind of client, like claude-code")
    .option("--csv", "print comma-separated values")
    .action(async (options: Options) => (await import("./usage.ts")).showUsage(options));
}

function addControlCommands(program: Command): void {
  const control = () => import("../control.ts");
  withTarget(program.command("reload"), RUNNING_URL)
    .description(
      "make the running proxy reload its configuration, as SIGHUP does (needs the management plane)",
    )
    .action(async (options: Options) => (await control()).reload(options));
  withTarget(program.command("stop"), RUNNING_URL)
    .description(
      "make the running proxy finish its requests and exit, as SIGTERM does (needs the management plane)",
    )
    .action(async (options: Options) => (await control()).stop(options));
}

const DATABASE = "the URL of a database, such as sqlite:./data/llm-proxy.db";

function addDatabaseCommands(program: Command): void {
  program.command("backup").argument("<file>", "a new file")
    .description("copy the database, also while the proxy runs")
    .option(...CONFIG_OPTION)
    .action(async (file: string, options: Options) => (await import("./backup.ts")).backup(file, options));
  program.command("store").description("the database as a whole")
    .command("copy").argument("<from>", DATABASE).argument(
      "<to>",
      "a new database, such as postgres://USER@HOST/DATABASE",
    )
    .description("stop all proxies first; copies everything from one database to another, and compares both")
    .action(async (from: string, to: string) => (await import("./store_copy.ts")).copyDatabase(from, to));
  program.command("restore").argument("<file>", "a backup")
    .description("replace the database by a backup, and keep the old files; stop the proxy first")
    .option("--key-file <file>", "the key file of the backup, if it is not the current one")
    .option(...CONFIG_OPTION)
    .action(async (file: string, options: Options) => (await import("../restore.ts")).restore(file, options));
}

const NAME_OR_ID = "name or id";

/** Adds the options that choose the running proxy or the database. */
export function withTarget(command: Command, url = OPTIONAL_URL): Command {
  return command.option("--url <url>", url).option(...CONFIG_OPTION);
}

function withUpdateOptions(command: Command): Command {
  return command.option("--name <name>", "a new name")
    .option("--activate", "accept requests again")
    .option("--deactivate", "reject requests until it is activated");
}

function withProjectOptions(command: Command): Command {
  return withTarget(addRuleOptions(command)).option(
    "--key-file <endpoint=file>",
    "a file with the project's own key for a provider; ENDPOINT=none removes the key; can be repeated",
    collect,
  );
}

function withTokenOptions(command: Command): Command {
  return withTarget(addRuleOptions(command)).option(
    "--expires <when>",
    'a duration like 45m, 12h or 30d, or a date like 2027-01-31; "none": never',
  );
}

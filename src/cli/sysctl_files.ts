/**
 * Reads kernel settings from the files that the system applies when it starts. `/proc/sys` cannot be read
 * instead: for that, the runtime requires the right to start programs, which this program gives up.
 */

/**
 * The folders of systemd-sysctl. The first folder is the most important one. A file hides the files with the
 * same name in later folders.
 */
const FOLDERS: readonly string[] = [
  "/etc/sysctl.d",
  "/run/sysctl.d",
  "/usr/local/lib/sysctl.d",
  "/usr/lib/sysctl.d",
];
/** The file that the system applies after all other files. */
const LAST_FILE = "/etc/sysctl.conf";

/**
 * Returns the number that the files set for a name such as `net.ipv4.tcp_keepalive_time`. `undefined` if no
 * file sets it. In a container, these are the files of its image.
 */
export async function sysctlNumber(
  name: string,
  { folders = FOLDERS, lastFile = LAST_FILE }: { folders?: readonly string[]; lastFile?: string } = {},
): Promise<number | undefined> {
  const paths = new Map<string, string>();
  for (const folder of folders) {
    for (const file of await configFilesIn(folder)) {
      if (!paths.has(file)) paths.set(file, `${folder}/${file}`);
    }
  }
  const ordered = [...paths].sort(([one], [other]) => one < other ? -1 : 1).map(([, path]) => path);
  const texts = await Promise.all([...ordered, lastFile].map(textOf));
  return texts.flatMap((text) => numbersIn(text, name)).at(-1);
}

/**
 * Returns the values of a name in a file with lines like `name = value`. The parts of a name are separated by
 * `.` or `/`. A `-` in front tells the system to ignore errors.
 */
function numbersIn(text: string, name: string): number[] {
  return text.split("\n").flatMap((line) => {
    const [, key, value] = /^\s*-?([\w./]+)\s*=\s*(\d{1,9})\s*$/.exec(line) ?? [];
    return key?.replaceAll("/", ".") === name ? [Number(value)] : [];
  });
}

async function configFilesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) if (name.endsWith(".conf")) names.push(name);
  } catch {
    // The folder does not exist, or the process may not read it.
  }
  return names;
}

async function textOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return "";
  }
}

/**
 * `.ci/compile.ts --repository` writes the name between the quotes of the bundled program; the release workflow gives
 * it the repository that it runs in. It is the one place that says whose releases these are.
 */
const FILLED_IN: string = "";

/** `OWNER/NAME` of the repository whose release this program is; undefined: it was built locally. */
export const REPOSITORY: string | undefined = FILLED_IN === "" ? undefined : FILLED_IN;

/** The path of SCIM. The base URL of a directory is the public URL with this path. */
export const SCIM_PATH = "/manage/scim/v2";

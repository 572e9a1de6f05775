import type { Management as ManagementPort } from "../handler/proxy_parts.ts";
import type { Management } from "../management/management.ts";

/** The management plane, as the proxy needs it: in this thread, or in the main thread. */
export type AppManagement =
  & ManagementPort
  & Pick<
    Management,
    | "shareGuesses"
    | "objects"
    | "modelLists"
    | "configure"
    | "drain"
    | "checkToken"
    | "jwtAccess"
    | "record"
    | "recordFailover"
    | "onConfig"
  >;
